/* SPDX-License-Identifier: MIT */
/* INS and OUTS in all their forms: vmm/x86/string_io.c. */
#include "rigs/vm_rig.h"
#include "vmm/x86/string_io.h"

static int setup(void **state)
{
	int error = rig_setup(state);

	vmwrite(VMCS_GUEST_RIP, RIG_RIP);
	if (!error)
		rig_plug_tape();
	return error;
}

#define io_test(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

static enum action run(bool in, unsigned size, unsigned address_size, bool rep)
{
	const struct string_io io = {
		.port = RIG_PORT,
		.size = (uint8_t)size,
		.in = in,
		.rep = rep,
		.address_size = (uint8_t)address_size,
		.segment = in ? SEG_ES : SEG_DS,
	};

	return string_io(vm.vcpus[0], &io);
}

static enum action outs(unsigned size, unsigned address_size, bool rep)
{
	return run(false, size, address_size, rep);
}

static enum action ins(unsigned size, unsigned address_size, bool rep)
{
	return run(true, size, address_size, rep);
}

static void set_segment(enum segment_index index, uint64_t base, uint32_t limit, uint32_t access)
{
	const struct segment segment = {.base = base, .limit = limit, .access = access, .selector = 0x10};

	rig_set_segment(index, &segment);
}

#define assert_queued(number, code)                                                                          \
	do {                                                                                                 \
		assert_true(vm.vcpus[0]->requests &REQUEST_EVENT);                                           \
		assert_int_equal(vm.vcpus[0]->event.vector, (number));                                       \
		assert_int_equal(vm.vcpus[0]->event.error_code, (code));                                     \
		vm.vcpus[0]->requests = 0;                                                                   \
	} while (0)

/* ---- Sizes and directions ---- */

static void one_element_of_each_size(void **state)
{
	static const unsigned sizes[] = {1, 2, 4};

	(void)state;
	rig_poke(0x5000, 0x8877665544332211, 8);
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		vm.vcpus[0]->gpr[RSI] = 0x5000;
		vm.vcpus[0]->gpr[RCX] = 7;
		assert_int_equal(outs(sizes[i], 4, false), ACTION_ADVANCE);
		assert_int_equal(tape.written[i], 0x44332211 & (UINT32_MAX >> (32 - 8 * sizes[i])));
		assert_int_equal(tape.size[i], sizes[i]);
		assert_int_equal(vm.vcpus[0]->gpr[RSI], 0x5000 + sizes[i]);
		assert_int_equal(vm.vcpus[0]->gpr[RCX], 7);
	}
}

static void ins_writes_no_more_than_its_size(void **state)
{
	(void)state;
	rig_poke(0x5000, UINT64_MAX, 8);
	vm.vcpus[0]->gpr[RDI] = 0x5001;
	assert_int_equal(ins(2, 4, false), ACTION_ADVANCE);
	assert_int_equal(rig_memory(0x5000, 8), 0xffffffffff0101ff);
	assert_int_equal(vm.vcpus[0]->gpr[RDI], 0x5003);
}

static void rep_counts_down(void **state)
{
	(void)state;
	vm.vcpus[0]->gpr[RDI] = 0x5000;
	vm.vcpus[0]->gpr[RCX] = 3;
	assert_int_equal(ins(4, 4, true), ACTION_ADVANCE);
	assert_int_equal(tape.reads, 3);
	assert_int_equal(rig_memory(0x5004, 8), 0x0303030302020202);
	assert_int_equal(vm.vcpus[0]->gpr[RDI], 0x500c);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 0);
}

static void rep_with_a_count_of_0_does_nothing(void **state)
{
	(void)state;
	set_segment(SEG_ES, 0, 0, 0x93); /* even where it would fault */
	vm.vcpus[0]->gpr[RDI] = 0x5000;
	vm.vcpus[0]->gpr[RCX] = 0xffffffff00000000;
	assert_int_equal(ins(4, 4, true), ACTION_ADVANCE);
	assert_int_equal(tape.reads, 0);
	assert_int_equal(vm.vcpus[0]->gpr[RDI], 0x5000);
	assert_false(rig_requests());
}

static void df_goes_down(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_DF);
	rig_poke(0x5000, 0x4444333322221111, 8);
	vm.vcpus[0]->gpr[RSI] = 0x5006;
	vm.vcpus[0]->gpr[RCX] = 3;
	assert_int_equal(outs(2, 4, true), ACTION_ADVANCE);
	assert_int_equal(tape.written[0], 0x4444);
	assert_int_equal(tape.written[2], 0x2222);
	assert_int_equal(vm.vcpus[0]->gpr[RSI], 0x5000);
}

/* ---- Widths of addresses ---- */

static void addresses_of_16_bits_wrap_and_keep_the_upper_bits(void **state)
{
	(void)state;
	rig_poke(0xfffe, 0xaaaa, 2);
	rig_poke(0x0000, 0xbbbb, 2);
	vm.vcpus[0]->gpr[RSI] = 0x123456789abcfffe;
	vm.vcpus[0]->gpr[RCX] = 0x7777777777770002;
	assert_int_equal(outs(2, 2, true), ACTION_ADVANCE);
	assert_int_equal(tape.written[0], 0xaaaa);
	assert_int_equal(tape.written[1], 0xbbbb);
	assert_int_equal(vm.vcpus[0]->gpr[RSI], 0x123456789abc0002);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 0x7777777777770000);
}

static void addresses_of_32_bits_clear_the_upper_half(void **state)
{
	(void)state;
	rig_long_mode();
	rig_poke(0x5000, 0x5a, 1);
	vm.vcpus[0]->gpr[RSI] = 0xffffffff00005000;
	vm.vcpus[0]->gpr[RCX] = 0xffffffff00000001;
	assert_int_equal(outs(1, 4, true), ACTION_ADVANCE);
	assert_int_equal(tape.written[0], 0x5a);
	assert_int_equal(vm.vcpus[0]->gpr[RSI], 0x5001);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 0);
}

static void linear_addresses_wrap_at_4g(void **state)
{
	(void)state;
	set_segment(SEG_DS, 0xfffff000, UINT32_MAX, 0xc093);
	rig_poke(0x4000, 0x5a, 1);
	vm.vcpus[0]->gpr[RSI] = 0x5000;
	assert_int_equal(outs(1, 4, false), ACTION_ADVANCE);
	assert_int_equal(tape.written[0], 0x5a);
}

static void code_of_64_bits_ignores_all_bases_but_fs_and_gs(void **state)
{
	struct string_io io = {.port = RIG_PORT, .size = 1, .address_size = 8};

	(void)state;
	rig_long_mode();
	for (unsigned i = SEG_ES; i <= SEG_GS; i++)
		set_segment((enum segment_index)i, 0x1000, 0, i == SEG_CS ? 0xa09b : 0x10000);
	rig_poke(0x5000, 0x11, 1);
	rig_poke(0x6000, 0x22, 1);
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		io.segment = (enum segment_index)i;
		vm.vcpus[0]->gpr[RSI] = 0x5000;
		assert_int_equal(string_io(vm.vcpus[0], &io), ACTION_ADVANCE);
		assert_int_equal(tape.written[i], i >= SEG_FS ? 0x22 : 0x11);
	}
}

static void non_canonical_addresses_fault(void **state)
{
	struct string_io io = {.port = RIG_PORT, .size = 4, .address_size = 8, .segment = SEG_DS};

	(void)state;
	rig_long_mode();
	vm.vcpus[0]->gpr[RSI] = 0x800000000000;
	assert_int_equal(string_io(vm.vcpus[0], &io), ACTION_RETRY);
	assert_queued(EXCEPTION_GP, 0);
	vm.vcpus[0]->gpr[RSI] = 0x7ffffffffffd; /* its last byte is */
	assert_int_equal(string_io(vm.vcpus[0], &io), ACTION_RETRY);
	assert_queued(EXCEPTION_GP, 0);
	io.segment = SEG_SS;
	assert_int_equal(string_io(vm.vcpus[0], &io), ACTION_RETRY);
	assert_queued(EXCEPTION_SS, 0);
	assert_int_equal(tape.writes, 0);
}

/* ---- Segments ---- */

struct limit_case {
	uint32_t limit, access;
	uint32_t offset;
	bool in, allowed;
};

#define UNUSABLE 0x10000u
#define DATA     0x93u /* read/write */
#define READ     0x91u
#define DOWN     0x97u /* expand-down, read/write */
#define CODE     0x99u /* execute-only */
#define CODE_R   0x9bu
#define BIG      0x4000u

/* SDM Vol. 3A "Limit Checking", "Type Checking"; accesses of 4 bytes. */
/* clang-format off */
static const struct limit_case limits[] = {
	{0xfff,      DATA,            0xffc,      true,  true},
	{0xfff,      DATA,            0xffd,      true,  false},
	{0xfff,      DATA,            0x1000,     false, false},
	{UINT32_MAX, DATA,            0xfffffffc, false, true},
	{UINT32_MAX, DATA,            0xfffffffd, false, false}, /* no wrap around the limit */
	{0xfff,      DOWN,            0xfff,      true,  false},
	{0xfff,      DOWN,            0x1000,     true,  true},
	{0xfff,      DOWN,            0xfffc,     true,  true},
	{0xfff,      DOWN,            0xfffd,     true,  false}, /* 16 bits: up to FFFFh */
	{0xfff,      DOWN | BIG,      0xfffd,     true,  true},
	{0xfff,      DOWN | BIG,      0xfffffffd, true,  false},
	{0xfff,      READ,            0,          false, true},
	{0xfff,      READ,            0,          true,  false},
	{0xfff,      CODE_R,          0,          false, true},
	{0xfff,      CODE_R,          0,          true,  false},
	{0xfff,      CODE,            0,          false, false},
	{0xfff,      UNUSABLE | DATA, 0,          false, false},
};
/* clang-format on */

static void segment_limits_and_types(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct limit_case *c = &limits[i];
		unsigned before = tape.reads + tape.writes;
		enum action action;

		set_segment(c->in ? SEG_ES : SEG_DS, 0, c->limit, c->access);
		vm.vcpus[0]->gpr[RSI] = vm.vcpus[0]->gpr[RDI] = c->offset;
		action = run(c->in, 4, 4, false);
		if ((action == ACTION_ADVANCE) != c->allowed)
			fail_msg("case %u: %sallowed", i, c->allowed ? "not " : "");
		assert_int_equal(tape.reads + tape.writes, before + c->allowed);
		if (!c->allowed)
			assert_queued(EXCEPTION_GP, 0);
	}
}

static void real_mode_has_limits_but_no_types(void **state)
{
	(void)state;
	rig_real_mode();
	set_segment(SEG_ES, 0x5000, 0xffff, CODE);
	vm.vcpus[0]->gpr[RDI] = 0xfffe;
	assert_int_equal(ins(2, 2, false), ACTION_ADVANCE);
	assert_int_equal(rig_memory(0x14ffe, 2), 0x0101);
	vm.vcpus[0]->gpr[RDI] = 0xffff;
	assert_int_equal(ins(2, 2, false), ACTION_RETRY);
	assert_queued(EXCEPTION_GP, 0);
}

static void virtual_8086_mode_is_like_real_mode(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_VM);
	set_segment(SEG_ES, 0x5000, 0xffff, CODE);
	assert_int_equal(ins(2, 2, false), ACTION_ADVANCE);
}

static void the_stack_segment_has_a_fault_of_its_own(void **state)
{
	struct string_io io = {.port = RIG_PORT, .size = 1, .address_size = 4, .segment = SEG_SS};

	(void)state;
	set_segment(SEG_SS, 0, 0xfff, DATA);
	vm.vcpus[0]->gpr[RSI] = 0x1000;
	assert_int_equal(string_io(vm.vcpus[0], &io), ACTION_RETRY);
	assert_queued(EXCEPTION_SS, 0);
}

/* ---- Alignment ---- */

static void alignment_is_checked_for_programs_that_ask(void **state)
{
	/* clang-format off */
	static const struct {
		uint64_t am, ac;
		unsigned dpl;
		bool faults;
	} cases[] = {
		{CR0_AM, RFLAGS_AC, 3, true},
		{0,      RFLAGS_AC, 3, false},
		{CR0_AM, 0,         3, false},
		{CR0_AM, RFLAGS_AC, 0, false},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		vmwrite(VMCS_GUEST_CR0, CR0_PE | CR0_ET | CR0_NE | cases[i].am);
		vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | cases[i].ac);
		vmwrite(VMCS_GUEST_SS_ACCESS, 0xc093 | cases[i].dpl << 5);
		vm.vcpus[0]->gpr[RSI] = 0x5002;
		assert_int_equal(outs(4, 4, false), cases[i].faults ? ACTION_RETRY : ACTION_ADVANCE);
		if (cases[i].faults)
			assert_queued(EXCEPTION_AC, 0);
		vm.vcpus[0]->gpr[RSI] = 0x5002;
		assert_int_equal(outs(2, 4, false), ACTION_ADVANCE);
	}
}

/* ---- Paging ---- */

static void a_page_fault_in_the_middle_loses_nothing(void **state)
{
	(void)state;
	rig_long_mode();
	rig_poke(0xa008, 0, 8); /* nothing at 2 MiB */
	vm.vcpus[0]->gpr[RDI] = 0x1ffff8;
	vm.vcpus[0]->gpr[RCX] = 5;
	assert_int_equal(ins(4, 8, true), ACTION_RETRY);
	assert_queued(EXCEPTION_PF, PAGE_FAULT_WRITE);
	assert_int_equal(fake_x86.cr[2], 0x200000);
	assert_int_equal(tape.reads, 2); /* the device was not asked for the third */
	assert_int_equal(vm.vcpus[0]->gpr[RDI], 0x200000);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 3);
	/* The guest maps the page and goes on. */
	rig_poke(0xa008, 0x200087, 8);
	assert_int_equal(ins(4, 8, true), ACTION_ADVANCE);
	assert_int_equal(rig_memory(0x1ffffc, 8), 0x0303030302020202);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 0);
}

static void an_element_across_pages_faults_as_a_whole(void **state)
{
	(void)state;
	rig_long_mode();
	rig_poke(0xa008, 0, 8);
	rig_poke(0x1ffffe, 0x7777, 2);
	vm.vcpus[0]->gpr[RDI] = 0x1ffffe;
	assert_int_equal(ins(4, 8, false), ACTION_RETRY);
	assert_queued(EXCEPTION_PF, PAGE_FAULT_WRITE);
	assert_int_equal(fake_x86.cr[2], 0x200000);
	assert_int_equal(tape.reads, 0);
	assert_int_equal(rig_memory(0x1ffffe, 2), 0x7777);
}

static void an_element_across_pages_is_joined(void **state)
{
	(void)state;
	rig_long_mode();
	rig_poke(0xa000, 0x200087, 8); /* the first page comes after the second */
	rig_poke(0xa008, 0x87, 8);
	rig_poke(0x3ffffe, 0x2211, 2);
	rig_poke(0x000000, 0x4433, 2);
	vm.vcpus[0]->gpr[RSI] = 0x1ffffe;
	assert_int_equal(outs(4, 8, false), ACTION_ADVANCE);
	assert_int_equal(tape.written[0], 0x44332211);
	vm.vcpus[0]->gpr[RDI] = 0x1fffff;
	assert_int_equal(ins(4, 8, false), ACTION_ADVANCE);
	assert_int_equal(rig_memory(0x3ffffe, 2), 0x0111);
	assert_int_equal(rig_memory(0x000000, 4), 0x00010101);
}

/* ---- Batches ---- */

static void a_long_rep_is_cut_into_batches(void **state)
{
	(void)state;
	vm.vcpus[0]->gpr[RSI] = 0x5000;
	vm.vcpus[0]->gpr[RCX] = STRING_IO_BATCH + 1;
	fake_x86.tsc = ALIGN_UP(fake_x86.tsc, 32); /* the preemption timer counts these steps */
	cpu.slice_end = fake_x86.tsc + 32 * 1000 - 1;
	assert_int_equal(outs(1, 4, true), ACTION_RETRY);
	assert_int_equal(vmread(VMCS_PREEMPTION_TIMER), 1000); /* it did not count meanwhile */
	assert_int_equal(tape.writes, STRING_IO_BATCH);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 1);
	assert_int_equal(vm.vcpus[0]->gpr[RSI], 0x5000 + STRING_IO_BATCH);
	assert_true(vmread(VMCS_GUEST_RFLAGS) & RFLAGS_RF); /* a breakpoint on it has been seen */
	assert_int_equal(outs(1, 4, true), ACTION_ADVANCE);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 0);
}

static void raise_interrupt(void)
{
	if (tape.writes == 3)
		vcpu_request(vm.vcpus[0], REQUEST_INTERRUPT);
}

static void an_interrupt_comes_between_two_elements(void **state)
{
	(void)state;
	tape.hook = raise_interrupt;
	vm.vcpus[0]->gpr[RSI] = 0x5000;
	vm.vcpus[0]->gpr[RCX] = 10;
	assert_int_equal(outs(1, 4, true), ACTION_RETRY);
	assert_int_equal(tape.writes, 3);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 7);
	vm.vcpus[0]->requests = 0;
	assert_int_equal(outs(1, 4, true), ACTION_ADVANCE);
	assert_int_equal(tape.writes, 10);
}

static void the_last_element_ends_the_instruction_all_the_same(void **state)
{
	(void)state;
	tape.hook = raise_interrupt;
	vm.vcpus[0]->gpr[RCX] = 3;
	assert_int_equal(outs(1, 4, true), ACTION_ADVANCE);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 0);
}

static void a_single_step_trap_follows_each_element(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_TF);
	vm.vcpus[0]->gpr[RCX] = 2;
	assert_int_equal(outs(1, 4, true), ACTION_RETRY);
	assert_int_equal(tape.writes, 1);
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), PENDING_DEBUG_BS);
	assert_int_equal(outs(1, 4, true), ACTION_ADVANCE);
	assert_int_equal(tape.writes, 2);
}

/* ---- Decoding ---- */

static void decode(const char *bytes, size_t size, bool in, unsigned address_size, enum segment_index segment)
{
	struct string_io io = {.in = in};

	rig_code(bytes, size);
	string_io_decode(vm.vcpus[0], &io);
	assert_int_equal(io.address_size, address_size);
	assert_int_equal(io.segment, segment);
}

static void the_bytes_tell_address_size_and_segment(void **state)
{
	static const uint8_t prefix[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

	(void)state;
	decode("\x6e", 1, false, 4, SEG_DS);
	decode("\x66\x6f", 2, false, 4, SEG_DS);
	decode("\x67\xf3\x6e", 3, false, 2, SEG_DS);
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		char code[2] = {(char)prefix[i], 0x6e};

		decode(code, 2, false, 4, (enum segment_index)i);
		code[1] = 0x6c; /* INS takes no override */
		decode(code, 2, true, 4, SEG_ES);
	}
	decode("\x64\x26\x6e", 3, false, 4, SEG_ES); /* the last one counts */
	vmwrite(VMCS_GUEST_CS_ACCESS, 0x9b);
	decode("\x6e", 1, false, 2, SEG_DS);
	decode("\x67\x6e\x26", 3, false, 4, SEG_DS);
	rig_long_mode();
	decode("\x48\x6f", 2, false, 8, SEG_DS);
	decode("\x67\x65\x6f", 3, false, 4, SEG_GS);
}

/* ---- Breakpoints: SDM Vol. 3B "Data-Breakpoint and I/O-Breakpoint Exception Conditions" ---- */

#define BYTE_READ  (3u << 16) /* of DR0: reads and writes of one byte */
#define BYTE_WRITE (1u << 16)
#define BYTE_PORT  (2u << 16)
#define ENABLED    0x402u

#define assert_traps(bits)                                                                                   \
	do {                                                                                                 \
		assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG),                                           \
		                 (bits) ? PENDING_DEBUG_BREAKPOINT | (bits) : 0);                            \
		vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);                                                        \
	} while (0)

static void outs_of_a_watched_byte_traps(void **state)
{
	(void)state;
	fake_vmx.dr[0] = 0x5001;
	vmwrite(VMCS_GUEST_DR7, ENABLED | BYTE_READ);
	vm.vcpus[0]->gpr[RSI] = 0x5000;
	assert_int_equal(outs(1, 4, false), ACTION_ADVANCE);
	assert_traps(0);
	assert_int_equal(outs(1, 4, false), ACTION_ADVANCE);
	assert_traps(1);
	vm.vcpus[0]->gpr[RSI] = 0x4ffe;
	assert_int_equal(outs(4, 4, false), ACTION_ADVANCE); /* its last byte */
	assert_traps(1);
	vmwrite(VMCS_GUEST_DR7, ENABLED | BYTE_WRITE);
	vm.vcpus[0]->gpr[RSI] = 0x5001;
	assert_int_equal(outs(1, 4, false), ACTION_ADVANCE);
	assert_traps(0);
}

/* After the iteration that met it, with the rest to come. */
static void rep_ins_to_a_watched_byte_stops_there(void **state)
{
	(void)state;
	fake_vmx.dr[3] = 0x5003;
	vmwrite(VMCS_GUEST_DR7, 0x480 | 1u << 28); /* L3 is off, G3 on */
	vm.vcpus[0]->gpr[RDI] = 0x5000;
	vm.vcpus[0]->gpr[RCX] = 6;
	assert_int_equal(ins(1, 4, true), ACTION_RETRY);
	assert_traps(8);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 2);
	assert_int_equal(vm.vcpus[0]->gpr[RDI], 0x5004);
	assert_true(vmread(VMCS_GUEST_RFLAGS) & RFLAGS_RF);
	assert_int_equal(ins(1, 4, true), ACTION_ADVANCE);
	assert_traps(0);
}

/* The processor ignores the low bits of a longer one. */
static void a_breakpoint_of_eight_bytes_is_aligned(void **state)
{
	(void)state;
	fake_vmx.dr[0] = 0x5007;
	vmwrite(VMCS_GUEST_DR7, ENABLED | BYTE_READ | 2u << 18);
	for (unsigned i = 0; i < 10; i++) {
		vm.vcpus[0]->gpr[RSI] = 0x4fff + i;
		assert_int_equal(outs(1, 4, false), ACTION_ADVANCE);
		assert_traps(i >= 1 && i <= 8 ? 1 : 0);
	}
}

static void a_watched_port_traps_with_de_alone(void **state)
{
	(void)state;
	fake_vmx.dr[0] = RIG_PORT;
	vmwrite(VMCS_GUEST_DR7, ENABLED | BYTE_PORT);
	vm.vcpus[0]->gpr[RSI] = 0x5000;
	assert_int_equal(outs(1, 4, false), ACTION_ADVANCE);
	assert_traps(0);
	vmwrite(VMCS_GUEST_CR4, vmread(VMCS_GUEST_CR4) | CR4_DE);
	assert_int_equal(outs(1, 4, false), ACTION_ADVANCE);
	assert_traps(1);
}

static void an_iteration_that_faults_meets_no_breakpoint(void **state)
{
	(void)state;
	fake_vmx.dr[0] = 0x5000;
	vmwrite(VMCS_GUEST_DR7, ENABLED | BYTE_WRITE);
	set_segment(SEG_ES, 0, 0, 0x93);
	vm.vcpus[0]->gpr[RDI] = 0x5000;
	assert_int_equal(ins(1, 4, false), ACTION_RETRY);
	assert_traps(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		io_test(one_element_of_each_size),
		io_test(ins_writes_no_more_than_its_size),
		io_test(rep_counts_down),
		io_test(rep_with_a_count_of_0_does_nothing),
		io_test(df_goes_down),
		io_test(addresses_of_16_bits_wrap_and_keep_the_upper_bits),
		io_test(addresses_of_32_bits_clear_the_upper_half),
		io_test(linear_addresses_wrap_at_4g),
		io_test(code_of_64_bits_ignores_all_bases_but_fs_and_gs),
		io_test(non_canonical_addresses_fault),
		io_test(segment_limits_and_types),
		io_test(real_mode_has_limits_but_no_types),
		io_test(virtual_8086_mode_is_like_real_mode),
		io_test(the_stack_segment_has_a_fault_of_its_own),
		io_test(alignment_is_checked_for_programs_that_ask),
		io_test(a_page_fault_in_the_middle_loses_nothing),
		io_test(an_element_across_pages_faults_as_a_whole),
		io_test(an_element_across_pages_is_joined),
		io_test(a_long_rep_is_cut_into_batches),
		io_test(an_interrupt_comes_between_two_elements),
		io_test(the_last_element_ends_the_instruction_all_the_same),
		io_test(a_single_step_trap_follows_each_element),
		io_test(outs_of_a_watched_byte_traps),
		io_test(rep_ins_to_a_watched_byte_stops_there),
		io_test(a_breakpoint_of_eight_bytes_is_aligned),
		io_test(a_watched_port_traps_with_de_alone),
		io_test(an_iteration_that_faults_meets_no_breakpoint),
		io_test(the_bytes_tell_address_size_and_segment),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
