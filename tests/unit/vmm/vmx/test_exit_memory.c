/* SPDX-License-Identifier: MIT */
/*
 * EPT violations and what the emulator does with memory that is no RAM: vmm/vmx/exit_memory.c,
 * vmm/x86/mmio.c.
 */
#include "rigs/vm_rig.h"
#include "vmm/x86/extended.h"

/* The test's own code uses the real ones. */
static uint8_t registers[16][16];
static uint64_t xsave_components;
static uint16_t fpu_status;

#define FNSTSW (EXTENDED_X87 + (5 << 3 | 7))

void extended_run(enum emulate_extended stub, void *memory, uint64_t components)
{
	xsave_components = components;
	if (stub >= EXTENDED_SSE_LOAD && stub < EXTENDED_SSE_STORE)
		memcpy(registers[stub - EXTENDED_SSE_LOAD], memory, 16);
	else if (stub >= EXTENDED_SSE_STORE && stub < EXTENDED_AVX_LOAD)
		memcpy(memory, registers[stub - EXTENDED_SSE_STORE], 16);
	else if (stub == EXTENDED_XSAVE_SIZE)
		*(uint32_t *)memory = 576;
	else if ((unsigned)stub == FNSTSW)
		*(uint16_t *)memory = fpu_status;
}

/* SDM Vol. 3C "Exit Qualification for EPT Violations". */
#define LINEAR         BIT(7) /* on behalf of an address of the guest's */
#define READS          (BIT(0) | LINEAR)
#define WRITES         (BIT(1) | LINEAR)
#define FETCHES        (BIT(2) | LINEAR)
#define TRANSLATED     (BIT(8) | LINEAR) /* the address itself, and not an entry of the page tables */
#define NMI_UNBLOCKING BIT(12)

static bool violation(gpa_t gpa, uint64_t qualification)
{
	vmwrite(VMCS_GUEST_PHYSICAL_ADDRESS, gpa);
	return rig_instruction(EXIT_REASON_EPT_VIOLATION, qualification, 0);
}

/* The emulated instruction `bytes` touches `gpa`. */
#define emulate(bytes, gpa, qualification)                                                                   \
	do {                                                                                                 \
		rig_code(bytes, sizeof(bytes) - 1);                                                          \
		assert_true(violation(gpa, qualification));                                                  \
	} while (0)

/* ---- Mapping ---- */

static void ram_is_mapped_and_the_instruction_runs_again(void **state)
{
	uint64_t before = vm.ept.faults;

	(void)state;
	assert_true(violation(0x5000, READS));
	assert_went_on(RIG_RIP);
	assert_true(violation(MIB(2), WRITES));
	assert_true(violation(0x6000, FETCHES));
	assert_int_equal(vm.ept.faults, before + 3);
	assert_int_equal(vm.vcpus[0]->emulated, 0);
}

/* Of 4 KiB since this processor has no PSCHANGE_MC_NO: vmm/cpu/mitigations.c. */
static void code_comes_to_lie_in_small_pages(void **state)
{
	const struct page_table *table = &vm.ept.table;

	(void)state;
	assert_true(mitigations.small_code);
	assert_true(violation(MIB(2), WRITES));
	assert_int_equal(page_table_find(table, MIB(2)).size, MIB(2));
	assert_int_equal(page_table_find(table, MIB(2)).entry & 7, 3);
	assert_true(violation(MIB(2) + 0x5123, FETCHES));
	assert_went_on(RIG_RIP);
	assert_int_equal(page_table_find(table, MIB(2) + 0x5000).size, PAGE_SIZE);
	assert_int_equal(page_table_find(table, MIB(2) + 0x5000).entry & 7, 7);
}

static void rom_is_mapped_for_reads(void **state)
{
	(void)state;
	assert_true(violation(RIG_ROM, READS));
	assert_true(violation(RIG_ROM + 0x1000, FETCHES));
	assert_int_equal(vm.ept.faults, 2);
	assert_went_on(RIG_RIP);
}

static void a_vm_maps_its_memory_when_no_frame_is_free(void **state)
{
	hpa_t taken[40];
	unsigned count = 0, order = FRAME_ORDERS;

	(void)state;
	while (order--)
		for (hpa_t hpa; count < ARRAY_SIZE(taken) &&
		                (hpa = frames_alloc(order, FRAME_OWNER_MONITOR, FRAME_DATA));)
			taken[count++] = hpa | order;
	assert_int_equal(frames_stat().free, 0);
	assert_true(violation(0x5000, READS)); /* its tables are its own from its start */
	assert_went_on(RIG_RIP);
	while (count--)
		frames_free(taken[count] & ~0xfffUL, taken[count] & 0xfff);
}

static void a_misconfiguration_stops_only_the_vm(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_PHYSICAL_ADDRESS, 0xabc000);
	assert_false(rig_instruction(EXIT_REASON_EPT_MISCONFIGURATION, 0, 0));
	assert_stopped(VM_UNEXPECTED_EXIT);
	assert_logged("EPT misconfiguration at guest-physical 0xabc000");
}

/* ---- Emulation ---- */

static void a_hole_reads_as_all_ones(void **state)
{
	(void)state;
	emulate("\xa1\x00\x00\x0a\x00", RIG_HOLE, READS); /* mov 0xa0000, %eax */
	assert_went_on(RIG_RIP + 5);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0xffffffff);
	assert_int_equal(vm.vcpus[0]->emulated, 1);
	assert_int_equal(vm.ept.faults, 0);
}

/* An error that waits, met by an instruction that the monitor carries out. */
static void an_fpu_error_of_an_emulated_instruction_is_irq_13(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF);
	fpu_status = 0x80;
	rig_code("\xd9\x05\x00\x00\x0a\x00", 6); /* flds 0xa0000 */
	assert_false(violation(RIG_HOLE, READS));
	assert_true(vm.machine.system_ports.fpu_error);
	vmwrite(VMCS_CR0_SHADOW, vmread(VMCS_CR0_SHADOW) | CR0_NE);
	vm.vcpus[0]->requests = 0;
	assert_true(violation(RIG_HOLE, READS));
	assert_faulted(EXCEPTION_MF);
	fpu_status = 0;
}

/* The bus answers nothing, but the processor would have met its breakpoint all the same. */
static void emulated_accesses_meet_breakpoints(void **state)
{
	(void)state;
	fake_vmx.dr[2] = RIG_HOLE + 2;
	vmwrite(VMCS_GUEST_DR7, 0x420 | 1 << 24); /* writes of one byte */
	vm.vcpus[0]->gpr[RDI] = RIG_HOLE;
	emulate("\x8b\x07", RIG_HOLE, READS); /* mov (%edi), %eax */
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), 0);
	emulate("\x89\x07", RIG_HOLE, WRITES); /* mov %eax, (%edi) */
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), PENDING_DEBUG_BREAKPOINT | 4);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
	/* REP: after the iteration. */
	vm.vcpus[0]->gpr[RCX] = 5;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), 0);
		emulate("\xf3\xaa", RIG_HOLE + i, WRITES); /* rep stosb */
	}
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), PENDING_DEBUG_BREAKPOINT | 4);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 2);
}

static void writes_to_a_hole_are_lost(void **state)
{
	(void)state;
	vm.vcpus[0]->gpr[RAX] = 0;
	emulate("\xa3\x00\x00\x40\x00", RIG_TOP, WRITES); /* mov %eax, 0x400000 */
	assert_went_on(RIG_RIP + 5);
	assert_int_equal(rig_memory(RIG_TOP, 4), 0xffffffff);
}

static void writes_to_rom_are_lost(void **state)
{
	const uint32_t bios = 0x12345678;

	(void)state;
	assert_int_equal(guest_load(&vm.map, RIG_ROM, &bios, 4), 0);
	vm.vcpus[0]->gpr[RAX] = 0;
	emulate("\xa3\x00\x00\x0f\x00", RIG_ROM, WRITES); /* mov %eax, 0xf0000 */
	assert_went_on(RIG_RIP + 5);
	assert_int_equal(rig_memory(RIG_ROM, 4), bios);
	/* The old value is read, the new one lost: xchg %eax, 0xf0000 */
	emulate("\x87\x05\x00\x00\x0f\x00", RIG_ROM, WRITES);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], bios);
	assert_int_equal(rig_memory(RIG_ROM, 4), bios);
}

/* Its answer differs from that of the page tables here, which shows whose was taken. */
static void the_processors_own_translation_is_taken(void **state)
{
	const uint32_t bios = 0x12345678;

	(void)state;
	assert_int_equal(guest_load(&vm.map, RIG_ROM + 0x123, &bios, 4), 0);
	vmwrite(VMCS_GUEST_LINEAR_ADDRESS, RIG_HOLE + 0x123);
	emulate("\x87\x05\x23\x01\x0a\x00", RIG_ROM + 0x123, WRITES | TRANSLATED); /* xchg %eax, 0xa0123 */
	assert_int_equal(vm.vcpus[0]->gpr[RAX], bios);
	emulate("\x87\x05\x23\x01\x0a\x00", RIG_ROM + 0x123, WRITES); /* of a page-table entry */
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0xffffffff);

	/*
	 * What was allowed for a read is not for a write, for a fetch not at all; and it is of one
	 * page.
	 */
	rig_poke(0x5ffc, 0x55667788, 4);
	rig_poke(0x6000, 0x11223344, 4);
	vmwrite(VMCS_GUEST_LINEAR_ADDRESS, 0x5ffc);
	emulate("\xa1\xfc\x5f\x00\x00", RIG_HOLE + 0xffc, READS | TRANSLATED); /* mov 0x5ffc, %eax */
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0xffffffff);
	emulate("\x87\x05\xfc\x5f\x00\x00", RIG_HOLE + 0xffc, READS | TRANSLATED);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0x55667788);
	emulate("\xa1\xfc\x5f\x00\x00", RIG_HOLE + 0xffc, FETCHES | TRANSLATED);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0xffffffff); /* which the exchange left there */
	emulate("\xa1\xfd\x5f\x00\x00", RIG_HOLE + 0xffd, READS | TRANSLATED);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0x44ffffff);
	emulate("\xa1\x00\x60\x00\x00", RIG_HOLE, READS | TRANSLATED);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0x11223344);
}

static void the_stack_and_flags_come_back(void **state)
{
	(void)state;
	emulate("\xff\x35\x00\x00\x0a\x00", RIG_HOLE, READS); /* pushl 0xa0000 */
	assert_int_equal(vmread(VMCS_GUEST_RSP), 0x7ffc);
	assert_int_equal(rig_memory(0x7ffc, 4), 0xffffffff);
	emulate("\x83\x3d\x00\x00\x0a\x00\xff", RIG_HOLE, READS);  /* cmpl $-1, 0xa0000 */
	assert_int_equal(vmread(VMCS_GUEST_RFLAGS) & 0x8d5, 0x44); /* ZF, PF */
}

static void code_in_a_hole_is_undefined(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RIP, RIG_HOLE);
	vmwrite(VMCS_GUEST_PHYSICAL_ADDRESS, RIG_HOLE);
	assert_true(rig_exit(EXIT_REASON_EPT_VIOLATION, FETCHES));
	assert_int_equal(rig_injected(), INJECT(EVENT_EXCEPTION, EXCEPTION_UD));
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_HOLE);
}

static void an_emulated_instruction_ends_its_shadow_and_traps(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_MOV_SS);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_TF);
	emulate("\xa1\x00\x00\x0a\x00", RIG_HOLE, READS);
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), 0);
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), PENDING_DEBUG_BS);
}

static void real_mode_addresses_go_through_the_segment(void **state)
{
	struct segment segment;

	(void)state;
	rig_real_mode();
	backend_segment(vm.vcpus[0], SEG_DS, &segment);
	segment.base = RIG_HOLE;
	segment.selector = RIG_HOLE >> 4;
	rig_set_segment(SEG_DS, &segment);
	backend_segment(vm.vcpus[0], SEG_CS, &segment);
	segment.base = RIG_RIP;
	segment.selector = RIG_RIP >> 4;
	rig_set_segment(SEG_CS, &segment);
	vmwrite(VMCS_GUEST_PHYSICAL_ADDRESS, RIG_HOLE);
	vmwrite(VMCS_GUEST_RIP, 0);
	vm.vcpus[0]->gpr[RAX] = 0;
	rig_code("\xa1\x00\x00\x8e\x06\x00\x00", 7); /* mov 0, %ax; mov 0, %es */
	assert_true(rig_exit(EXIT_REASON_EPT_VIOLATION, READS));
	assert_went_on(3);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0xffff);
	assert_true(rig_exit(EXIT_REASON_EPT_VIOLATION, READS));
	assert_went_on(7);
	backend_segment(vm.vcpus[0], SEG_ES, &segment);
	assert_int_equal(segment.selector, 0xffff);
	assert_int_equal(segment.base, 0xffff0);
}

static void vector_registers_move_to_and_from_holes(void **state)
{
	uint64_t value[2] = {0x1122334455667788, 0x99aabbccddeeff00};

	(void)state;
	backend_set_cr4(vm.vcpus[0], CR4_OSFXSR);
	assert_int_equal(guest_load(&vm.map, RIG_ROM, value, 16), 0);
	emulate("\x0f\x28\x05\x00\x00\x0f\x00", RIG_ROM, WRITES); /* movaps 0xf0000, %xmm0 */
	assert_went_on(RIG_RIP + 7);
	assert_memory_equal(registers[0], value, 16);
	emulate("\x0f\x29\x05\x00\x00\x0a\x00", RIG_HOLE, WRITES); /* movaps %xmm0, 0xa0000 */
	emulate("\x0f\x29\x05\x10\x00\x0f\x00", RIG_ROM, WRITES);  /* to ROM: lost */
	assert_int_equal(rig_memory(RIG_ROM + 16, 4), 0);
	assert_int_equal(rig_memory(RIG_HOLE, 4), 0xffffffff);
	emulate("\x0f\xae\x05\x00\x00\x0a\x00", RIG_HOLE, WRITES); /* fxsave 0xa0000 */
	assert_went_on(RIG_RIP + 7);
	emulate("\xd9\x3d\x00\x00\x0a\x00", RIG_HOLE, WRITES); /* fnstcw 0xa0000 */
	assert_went_on(RIG_RIP + 6);
	emulate("\x0f\x10\x05\x00\x00\x0a\x00", RIG_HOLE, READS); /* movups 0xa0000, %xmm0 */
	memset(value, 0xff, 16);
	assert_memory_equal(registers[0], value, 16);
	backend_set_cr4(vm.vcpus[0], CR4_OSXSAVE);
	vm.vcpus[0]->gpr[RAX] = 0xffffffff00000007;
	vm.vcpus[0]->gpr[RDX] = 0x80000000;
	emulate("\x0f\xae\x25\x00\x00\x0a\x00", RIG_HOLE, WRITES); /* xsave 0xa0000 */
	assert_went_on(RIG_RIP + 7);
	assert_int_equal(xsave_components, 0x8000000000000007);
}

static void system_registers_are_stored_to_holes_and_loaded(void **state)
{
	struct segment table;

	(void)state;
	emulate("\x0f\x01\x05\xfe\xff\x09\x00", RIG_HOLE, WRITES); /* sgdt 0x9fffe */
	assert_went_on(RIG_RIP + 7);
	assert_int_equal(rig_memory(RIG_HOLE - 2, 2), 0xff);       /* its limit is in RAM, its base lost */
	emulate("\x0f\x01\x25\x00\x00\x0a\x00", RIG_HOLE, WRITES); /* smsw 0xa0000 */
	emulate("\x0f\x00\x0d\x00\x00\x0a\x00", RIG_HOLE, WRITES); /* str 0xa0000 */
	assert_went_on(RIG_RIP + 7);
	emulate("\x0f\x01\x1d\x00\x00\x0a\x00", RIG_HOLE, READS); /* lidt 0xa0000 */
	backend_table(vm.vcpus[0], true, &table);
	assert_int_equal(table.base, 0xffffffff);
	assert_int_equal(table.limit, 0xffff);
	backend_table(vm.vcpus[0], false, &table);
	assert_int_equal(table.base, 0x1000);
}

static void a_long_rep_is_cut_into_batches(void **state)
{
	(void)state;
	vm.vcpus[0]->gpr[RDI] = RIG_HOLE;
	vm.vcpus[0]->gpr[RCX] = 100;
	emulate("\xf3\xaa", RIG_HOLE, WRITES); /* rep stosb */
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 84);
	assert_int_equal(vm.vcpus[0]->gpr[RDI], RIG_HOLE + 16);
	while (vm.vcpus[0]->gpr[RCX] && vmread(VMCS_GUEST_RIP) == RIG_RIP)
		assert_true(violation(RIG_HOLE + 16, WRITES));
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP + 2);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 0);
}

/*
 * Between two iterations interrupts come in: else `mov %ss; rep stosb` keeps the processor for
 * hours.
 */
static void a_batch_ends_the_shadow_before_it(void **state)
{
	static const uint64_t blocking[] = {BLOCKING_STI, BLOCKING_MOV_SS};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(blocking); i++) {
		vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF);
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, blocking[i]);
		vm.vcpus[0]->gpr[RDI] = RIG_HOLE;
		vm.vcpus[0]->gpr[RCX] = 1000;
		emulate("\xf3\xaa", RIG_HOLE, WRITES); /* rep stosb */
		assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP);
		assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), 0);
	}
}

static void each_iteration_traps(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_TF);
	vm.vcpus[0]->gpr[RDI] = RIG_HOLE;
	vm.vcpus[0]->gpr[RCX] = 3;
	emulate("\xf3\xaa", RIG_HOLE, WRITES);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 2);
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), PENDING_DEBUG_BS);
}

/* ADDPS 0xa0000, %xmm0: arithmetic on vectors is not known. */
#define UNKNOWN "\x0f\x58\x05\x00\x00\x0a\x00"

static void what_cannot_be_emulated_stops_the_vm_with_its_bytes(void **state)
{
	(void)state;
	rig_code(UNKNOWN, 7);
	assert_false(violation(RIG_HOLE, READS));
	assert_stopped(VM_EMULATION);
	assert_logged("code 0f 58 05 00 00 0a 00");
}

static void a_program_above_ring_0_never_stops_its_vm(void **state)
{
	struct segment ss;

	(void)state;
	backend_segment(vm.vcpus[0], SEG_SS, &ss);
	for (unsigned cpl = 1; cpl <= 3; cpl++) {
		ss.access = (ss.access & ~0x60u) | cpl << 5;
		rig_set_segment(SEG_SS, &ss);
		rig_code(UNKNOWN, 7);
		assert_true(violation(RIG_HOLE, READS));
		assert_int_equal(rig_injected(), INJECT(EVENT_EXCEPTION, EXCEPTION_UD));
		assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP);
	}
}

/* ---- Faults ---- */

static void faults_of_the_instruction_reach_the_guest(void **state)
{
	(void)state;
	vmwrite((enum vmcs_field)(VMCS_GUEST_ES_LIMIT + 2 * SEG_DS), 0xfff);
	emulate("\xa1\x00\x00\x0a\x00", RIG_HOLE, READS);
	assert_gp0();
}

static void page_faults_of_the_instruction_reach_the_guest(void **state)
{
	(void)state;
	rig_long_mode();
	rig_poke(0xa008, 0, 8);
	vm.vcpus[0]->gpr[RSI] = RIG_HOLE;
	vm.vcpus[0]->gpr[RDI] = 0x200010;
	emulate("\xa4", RIG_HOLE, READS); /* movsb */
	assert_faulted_code(EXCEPTION_PF, PAGE_FAULT_WRITE);
	assert_int_equal(fake_x86.cr[2], 0x200010);
	assert_int_equal(vm.vcpus[0]->gpr[RSI], RIG_HOLE);
	/* A page that cannot be read. */
	vm.vcpus[0]->gpr[RSI] = 0x200020;
	emulate("\xa4", RIG_HOLE, WRITES);
	assert_faulted_code(EXCEPTION_PF, 0);
	assert_int_equal(fake_x86.cr[2], 0x200020);
}

static void code_that_is_gone_is_a_page_fault(void **state)
{
	(void)state;
	rig_long_mode();
	rig_poke(0xa000, 0, 8);
	assert_true(violation(RIG_HOLE, READS));
	assert_faulted_code(EXCEPTION_PF, 0); /* without NX a fetch is not told apart */
	assert_int_equal(fake_x86.cr[2], RIG_RIP);
}

/* ---- During the delivery of an event ---- */

static bool delivery_violation(uint32_t vectoring, gpa_t gpa, uint64_t qualification)
{
	vmwrite(VMCS_VECTORING, vectoring);
	vmwrite(VMCS_VECTORING_ERROR_CODE, 0x18);
	return violation(gpa, qualification);
}

static void an_event_goes_on_once_its_memory_is_mapped(void **state)
{
	(void)state;
	assert_true(delivery_violation(
		INJECT(EVENT_EXCEPTION, EXCEPTION_PF) | (uint32_t)INTERRUPTION_ERROR_CODE, 0x5000, WRITES));
	assert_int_equal(rig_injected(), INJECT(EVENT_EXCEPTION, EXCEPTION_PF) | INTERRUPTION_ERROR_CODE);
	assert_int_equal(vmread(VMCS_ENTRY_ERROR_CODE), 0x18);
	assert_int_equal(vm.ept.faults, 1);
}

static void an_interrupt_through_a_hole_is_a_gp(void **state)
{
	(void)state;
	assert_true(delivery_violation(INJECT(EVENT_INTERRUPT, 0x30), RIG_HOLE, READS));
	assert_gp0();
	assert_int_equal(vm.vcpus[0]->emulated, 0);
}

/* PDPTEs, which MOV to CR0, CR3 or CR4 loads: all ones have reserved bits. */
static void pdptes_in_a_hole_are_a_gp(void **state)
{
	(void)state;
	vmwrite(VMCS_VECTORING, 0);
	assert_true(violation(RIG_HOLE, READS & ~LINEAR));
	assert_gp0();
	assert_int_equal(vm.vcpus[0]->emulated, 0);
	assert_true(violation(0x5000, READS & ~LINEAR)); /* RAM is mapped */
	assert_int_equal(vm.ept.faults, 1);
}

static void a_fault_through_a_hole_is_a_double_fault(void **state)
{
	(void)state;
	assert_true(delivery_violation(
		INJECT(EVENT_EXCEPTION, EXCEPTION_GP) | (uint32_t)INTERRUPTION_ERROR_CODE, RIG_HOLE, READS));
	assert_faulted_code(EXCEPTION_DF, 0);
}

static void a_double_fault_through_a_hole_is_a_triple_fault(void **state)
{
	(void)state;
	assert_false(delivery_violation(
		INJECT(EVENT_EXCEPTION, EXCEPTION_DF) | (uint32_t)INTERRUPTION_ERROR_CODE, RIG_HOLE, READS));
	assert_stopped(VM_TRIPLE_FAULT);
}

/*
 * An IRET that faulted after it had unblocked NMIs blocks them again, unless the exit was in a
 * delivery.
 */
static void nmi_blocking_is_restored(void **state)
{
	(void)state;
	assert_true(violation(0x5000, READS | NMI_UNBLOCKING));
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_NMI);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	assert_true(delivery_violation(INJECT(EVENT_INTERRUPT, 0x30), 0x5000, READS | NMI_UNBLOCKING));
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(ram_is_mapped_and_the_instruction_runs_again),
		rig_test(code_comes_to_lie_in_small_pages),
		rig_test(rom_is_mapped_for_reads),
		rig_test(a_vm_maps_its_memory_when_no_frame_is_free),
		rig_test(a_misconfiguration_stops_only_the_vm),
		rig_test(a_hole_reads_as_all_ones),
		rig_test(an_fpu_error_of_an_emulated_instruction_is_irq_13),
		rig_test(emulated_accesses_meet_breakpoints),
		rig_test(writes_to_a_hole_are_lost),
		rig_test(writes_to_rom_are_lost),
		rig_test(the_processors_own_translation_is_taken),
		rig_test(the_stack_and_flags_come_back),
		rig_test(code_in_a_hole_is_undefined),
		rig_test(an_emulated_instruction_ends_its_shadow_and_traps),
		rig_test(real_mode_addresses_go_through_the_segment),
		rig_test(vector_registers_move_to_and_from_holes),
		rig_test(system_registers_are_stored_to_holes_and_loaded),
		rig_test(a_long_rep_is_cut_into_batches),
		rig_test(a_batch_ends_the_shadow_before_it),
		rig_test(each_iteration_traps),
		rig_test(what_cannot_be_emulated_stops_the_vm_with_its_bytes),
		rig_test(a_program_above_ring_0_never_stops_its_vm),
		rig_test(faults_of_the_instruction_reach_the_guest),
		rig_test(page_faults_of_the_instruction_reach_the_guest),
		rig_test(code_that_is_gone_is_a_page_fault),
		rig_test(an_event_goes_on_once_its_memory_is_mapped),
		rig_test(an_interrupt_through_a_hole_is_a_gp),
		rig_test(pdptes_in_a_hole_are_a_gp),
		rig_test(a_fault_through_a_hole_is_a_double_fault),
		rig_test(a_double_fault_through_a_hole_is_a_triple_fault),
		rig_test(nmi_blocking_is_restored),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
