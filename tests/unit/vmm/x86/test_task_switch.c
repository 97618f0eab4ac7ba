/* SPDX-License-Identifier: MIT */
/* Hardware task switches: vmm/x86/task_switch.c, tss.c, descriptor.c. */
#include "rigs/vm_rig.h"
#include "vmm/x86/task_switch.h"

enum source { CALL, IRET, JMP, GATE };

/* The GDT at 1000h, and what its selectors mean. */
enum {
	GDT = 0x1000,
	CODE = 0x08,
	DATA = 0x10,
	OLD = 0x18, /* the TSS of the task that is left */
	NEW = 0x20, /* the one that is entered */
	USER_CODE = 0x28,
	USER_DATA = 0x30,
	LDT = 0x38,
	CONFORMING = 0x40,
	READ_ONLY = 0x48,
	EXECUTE_ONLY = 0x50,
	ABSENT = 0x58, /* filled by the tests */
	STACK = 0x60,
	BEYOND = 0x100, /* after the limit */

	OLD_TSS = 0x2000,
	NEW_TSS = 0x2800,
	LDT_BASE = 0x3000,
	OLD_STACK = 0x8000,
	NEW_STACK = 0x9000,
};

#define RFLAGS_NT BIT(14)

/* ---- Descriptors and TSSs in memory ---- */

static void put_descriptor(gpa_t at, uint32_t base, uint32_t limit, uint32_t access)
{
	uint64_t raw = (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 |
	               (uint64_t)(access & 0xf0ff) << 40 | (uint64_t)(limit & 0xf0000) << 32 |
	               (uint64_t)(base >> 24) << 56;

	rig_poke(at, raw, 8);
}

static uint8_t type_in_memory(unsigned selector)
{
	return (uint8_t)rig_memory(GDT + (selector & ~7u) + 5, 1);
}

/* Fields of a 32-bit TSS: SDM Vol. 3A Figure "32-Bit Task-State Segment (TSS)". */
enum {
	LINK = 0,
	CR3 = 28,
	EIP = 32,
	EFLAGS = 36,
	EAX = 40,
	ESP = 56,
	ES = 72,
	CS = 76,
	SS = 80,
	DS = 84,
	FS = 88,
	GS = 92,
	LDTR = 96,
	TRAP = 100,
};

static void put_new(unsigned field, uint32_t value)
{
	rig_poke(NEW_TSS + field, value, 4);
}

static uint32_t old_tss(unsigned field)
{
	return (uint32_t)rig_memory(OLD_TSS + field, 4);
}

static int setup(void **state)
{
	const struct segment tr = {.selector = OLD, .base = OLD_TSS, .limit = 0x67, .access = 0x8b};
	int error = rig_setup(state);

	if (error)
		return error;
	put_descriptor(GDT + CODE, 0, 0xfffff, 0xc09a);
	put_descriptor(GDT + DATA, 0, 0xfffff, 0xc092);
	put_descriptor(GDT + OLD, OLD_TSS, 0x67, 0x8b);
	put_descriptor(GDT + NEW, NEW_TSS, 0x67, 0x89);
	put_descriptor(GDT + USER_CODE, 0, 0xfffff, 0xc0fa);
	put_descriptor(GDT + USER_DATA, 0, 0xfffff, 0xc0f2);
	put_descriptor(GDT + LDT, LDT_BASE, 0x17, 0x82);
	put_descriptor(GDT + CONFORMING, 0, 0xfffff, 0xc09e);
	put_descriptor(GDT + READ_ONLY, 0, 0xfffff, 0xc090);
	put_descriptor(GDT + EXECUTE_ONLY, 0, 0xfffff, 0xc098);
	rig_set_segment(SEG_TR, &tr);

	put_new(EIP, 0x12345);
	put_new(EFLAGS, RFLAGS_RESERVED | RFLAGS_IF);
	for (unsigned i = 0; i < 8; i++)
		put_new(EAX + 4 * i, 0x11110000 + i);
	put_new(ESP, NEW_STACK);
	put_new(CS, CODE);
	for (unsigned i = 0; i < 6; i++)
		if (ES + 4 * i != CS)
			put_new(ES + 4 * i, DATA);

	vmwrite(VMCS_GUEST_RSP, OLD_STACK);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_CF);
	for (unsigned i = 0; i < 8; i++)
		vm.vcpus[0]->gpr[i] = 0x22220000 + i;
	return 0;
}

#define task_test(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

static bool switch_task(enum source source, uint16_t selector)
{
	vmwrite(VMCS_GUEST_RIP, RIG_RIP);
	vmwrite(VMCS_EXIT_LENGTH, 7);
	return rig_exit(EXIT_REASON_TASK_SWITCH, selector | (uint64_t)source << 30);
}

/* An event goes through a task gate. */
static bool deliver(uint32_t info, uint32_t error_code)
{
	bool runs;

	vmwrite(VMCS_VECTORING, info);
	vmwrite(VMCS_VECTORING_ERROR_CODE, error_code);
	runs = switch_task(GATE, NEW);
	vmwrite(VMCS_VECTORING, 0);
	return runs;
}

#define WITH_CODE ((uint32_t)INTERRUPTION_ERROR_CODE)

/* The switch was refused, in the task that was to be left. */
#define assert_refused(vector, code)                                                                         \
	do {                                                                                                 \
		assert_faulted_code(vector, code);                                                           \
		assert_int_equal(vmread(VMCS_GUEST_TR_SELECTOR), OLD);                                       \
		assert_int_equal(vmread(VMCS_GUEST_RSP), OLD_STACK);                                         \
	} while (0)

/* The new task has begun, with a fault at its first instruction. */
#define assert_new_task_faulted(vector, code)                                                                \
	do {                                                                                                 \
		assert_int_equal(rig_injected(), INJECT(EVENT_EXCEPTION, vector) | WITH_CODE);               \
		assert_int_equal(vmread(VMCS_ENTRY_ERROR_CODE), (code));                                     \
		assert_int_equal(vmread(VMCS_GUEST_TR_SELECTOR), NEW);                                       \
		assert_int_equal(vmread(VMCS_GUEST_RIP), 0x12345);                                           \
		assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);                                           \
	} while (0)

static void assert_in_new_task(uint64_t eflags)
{
	assert_went_on(0x12345);
	assert_int_equal(vmread(VMCS_GUEST_TR_SELECTOR), NEW);
	assert_int_equal(vmread(VMCS_GUEST_TR_ACCESS) & 0xff, 0x8b);
	assert_int_equal(vmread(VMCS_GUEST_RFLAGS), eflags);
	assert_true(vmread(VMCS_GUEST_CR0) & CR0_TS);
	for (unsigned i = 0; i < 8; i++)
		if (i != RSP)
			assert_int_equal(vm.vcpus[0]->gpr[i], 0x11110000 + i);
	assert_int_equal(vmread(VMCS_GUEST_CS_SELECTOR), CODE);
	assert_int_equal(vmread(VMCS_GUEST_CS_ACCESS), 0xc09b);
	assert_int_equal(vmread(VMCS_GUEST_CS_LIMIT), UINT32_MAX);
	assert_int_equal(vmread(VMCS_GUEST_SS_ACCESS), 0xc093);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
}

static void assert_old_task_saved(uint32_t eip, uint32_t eflags)
{
	assert_int_equal(old_tss(EIP), eip);
	assert_int_equal(old_tss(EFLAGS), eflags);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(old_tss(EAX + 4 * i), i == RSP ? OLD_STACK : 0x22220000 + i);
	assert_int_equal(old_tss(CS), 8);
	assert_int_equal(old_tss(GS), 16);
}

/* ---- The four ways ---- */

static void call_nests(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_DR7, 0x7ff);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_STI | BLOCKING_NMI);
	rig_poke(OLD_TSS + LDTR, 0x5555, 4);
	rig_poke(OLD_TSS + CR3, 0x6666, 4);
	assert_true(switch_task(CALL, NEW));
	assert_in_new_task(RFLAGS_RESERVED | RFLAGS_IF | RFLAGS_NT);
	assert_old_task_saved(RIG_RIP + 7, RFLAGS_RESERVED | RFLAGS_CF);
	assert_int_equal(vmread(VMCS_GUEST_RSP), NEW_STACK);
	assert_int_equal(rig_memory(NEW_TSS + LINK, 2), OLD);
	assert_int_equal(type_in_memory(OLD), 0x8b);
	assert_int_equal(type_in_memory(NEW), 0x8b);
	assert_int_equal(vmread(VMCS_GUEST_DR7), 0x6aa); /* local breakpoints are over */
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_NMI);
	/* The static part of the old TSS is left alone. */
	assert_int_equal(old_tss(LDTR), 0x5555);
	assert_int_equal(old_tss(CR3), 0x6666);
	/* Segments that were loaded are marked accessed. */
	assert_int_equal(type_in_memory(CODE), 0x9b);
	assert_int_equal(type_in_memory(DATA), 0x93);
}

static void jmp_does_not_nest(void **state)
{
	(void)state;
	put_new(LINK, 0x7777);
	assert_true(switch_task(JMP, NEW));
	assert_in_new_task(RFLAGS_RESERVED | RFLAGS_IF);
	assert_old_task_saved(RIG_RIP + 7, RFLAGS_RESERVED | RFLAGS_CF);
	assert_int_equal(rig_memory(NEW_TSS + LINK, 2), 0x7777);
	assert_int_equal(type_in_memory(OLD), 0x89);
	assert_int_equal(type_in_memory(NEW), 0x8b);
}

static void iret_returns(void **state)
{
	(void)state;
	put_descriptor(GDT + NEW, NEW_TSS, 0x67, 0x8b);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_NT);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_NMI);
	assert_true(switch_task(IRET, NEW));
	assert_in_new_task(RFLAGS_RESERVED | RFLAGS_IF);
	assert_old_task_saved(RIG_RIP + 7, RFLAGS_RESERVED);
	assert_int_equal(type_in_memory(OLD), 0x89);
	assert_int_equal(type_in_memory(NEW), 0x8b);
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), 0);
}

static void an_interrupt_resumes_at_its_instruction(void **state)
{
	(void)state;
	assert_true(deliver(INJECT(EVENT_INTERRUPT, 0x40), 0));
	assert_in_new_task(RFLAGS_RESERVED | RFLAGS_IF | RFLAGS_NT);
	assert_old_task_saved(RIG_RIP, RFLAGS_RESERVED | RFLAGS_CF);
	assert_int_equal(rig_memory(NEW_TSS + LINK, 2), OLD);
	assert_int_equal(vmread(VMCS_GUEST_RSP), NEW_STACK);
	assert_int_equal(rig_requests(), 0);
}

static void a_software_interrupt_resumes_behind_it(void **state)
{
	(void)state;
	assert_true(deliver(INJECT(EVENT_SOFTWARE_INTERRUPT, 0x40), 0));
	assert_old_task_saved(RIG_RIP + 7, RFLAGS_RESERVED | RFLAGS_CF);
}

static void a_gate_without_an_event_resumes_at_rip(void **state)
{
	(void)state;
	assert_true(switch_task(GATE, NEW));
	assert_old_task_saved(RIG_RIP, RFLAGS_RESERVED | RFLAGS_CF);
}

static void an_nmi_blocks_further_ones(void **state)
{
	(void)state;
	assert_true(deliver(INJECT(EVENT_NMI, EXCEPTION_NMI), 0));
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_NMI);
	assert_false(vm.vcpus[0]->vmx.nmi_blocked);
}

static void without_virtual_nmis_the_monitor_remembers(void **state)
{
	(void)state;
	vmx_features.virtual_nmi = false;
	assert_true(deliver(INJECT(EVENT_NMI, EXCEPTION_NMI), 0));
	assert_true(vm.vcpus[0]->vmx.nmi_blocked);
}

static void an_error_code_goes_on_the_new_stack(void **state)
{
	(void)state;
	assert_true(deliver(INJECT(EVENT_EXCEPTION, EXCEPTION_GP) | WITH_CODE, 0xabcd1234));
	assert_in_new_task(RFLAGS_RESERVED | RFLAGS_IF | RFLAGS_NT);
	assert_int_equal(vmread(VMCS_GUEST_RSP), NEW_STACK - 4);
	assert_int_equal(rig_memory(NEW_STACK - 4, 4), 0xabcd1234);
}

/* ---- 16-bit tasks ---- */

static void put_16_bit_task(void)
{
	/* clang-format off */
	static const uint16_t tss[] = {
		0,      0,      0,      0,      0,      0,      0,      0x4321, RFLAGS_RESERVED | RFLAGS_IF,
		0x1000, 0x1001, 0x1002, 0x1003, 0x7000, 0x1005, 0x1006, 0x1007, DATA,
		CODE,   DATA,   DATA,   LDT};

	guest_write(&vm.map, NEW_TSS, tss, sizeof(tss));
	put_descriptor(GDT + NEW, NEW_TSS, 0x2b, 0x81);
}

static void a_16_bit_task_is_entered(void **state)
{
	(void)state;
	put_16_bit_task();
	assert_true(switch_task(CALL, NEW));
	assert_went_on(0x4321);
	assert_int_equal(vmread(VMCS_GUEST_TR_ACCESS), 0x83);
	assert_int_equal(vmread(VMCS_GUEST_RFLAGS), RFLAGS_RESERVED | RFLAGS_IF | RFLAGS_NT);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0xffff1000);
	assert_int_equal(vmread(VMCS_GUEST_RSP) & 0xffff, 0x7000);
	assert_int_equal(vmread(VMCS_GUEST_LDTR_SELECTOR), LDT);
	assert_int_equal(vmread((enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + 2 * SEG_FS)), 0);
	assert_true(vmread((enum vmcs_field)(VMCS_GUEST_ES_ACCESS + 2 * SEG_FS)) & SEGMENT_UNUSABLE);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
}

static void a_16_bit_task_is_left(void **state)
{
	const struct segment tr = {.selector = OLD, .base = OLD_TSS, .limit = 0x2b, .access = 0x83};

	(void)state;
	put_descriptor(GDT + OLD, OLD_TSS, 0x2b, 0x83);
	rig_set_segment(SEG_TR, &tr);
	rig_poke(OLD_TSS + 42, 0x5555, 2); /* its LDT */
	rig_poke(OLD_TSS + 44, 0x6666, 2); /* what follows */
	assert_true(switch_task(JMP, NEW));
	assert_in_new_task(RFLAGS_RESERVED | RFLAGS_IF);
	assert_int_equal(rig_memory(OLD_TSS + 14, 2), (RIG_RIP + 7) & 0xffff);
	assert_int_equal(rig_memory(OLD_TSS + 16, 2), RFLAGS_RESERVED | RFLAGS_CF);
	assert_int_equal(rig_memory(OLD_TSS + 18, 2), 0);
	assert_int_equal(rig_memory(OLD_TSS + 26, 2), OLD_STACK);
	assert_int_equal(rig_memory(OLD_TSS + 32, 2), 7);
	assert_int_equal(rig_memory(OLD_TSS + 36, 2), 8);
	assert_int_equal(rig_memory(OLD_TSS + 42, 4), 0x66665555);
	assert_int_equal(type_in_memory(OLD), 0x81);
}

static void a_16_bit_gate_pushes_16_bits(void **state)
{
	(void)state;
	put_16_bit_task();
	put_descriptor(GDT + DATA, 0, 0xffff, 0x92); /* a 16-bit stack */
	rig_poke(NEW_TSS + 26, 0, 2);                /* SP wraps */
	assert_true(deliver(INJECT(EVENT_EXCEPTION, EXCEPTION_GP) | WITH_CODE, 0xabcd1234));
	assert_int_equal(vmread(VMCS_GUEST_RSP), 0xfffffffe);
	assert_int_equal(rig_memory(0xfffe, 2), 0x1234);
}

/* ---- Refusals in the old task ---- */

static void a_bad_tss_descriptor_is_refused(void **state)
{
	static const struct {
		uint32_t access, limit;
		enum source source;
		uint8_t vector;
	} cases[] = {
		{0x8b, 0x67, CALL, EXCEPTION_GP}, /* busy */
		{0x8b, 0x67, JMP,  EXCEPTION_GP},
		{0x8b, 0x67, GATE, EXCEPTION_GP},
		{0x89, 0x67, IRET, EXCEPTION_TS}, /* not busy */
		{0x82, 0x67, JMP,  EXCEPTION_GP}, /* an LDT */
		{0x93, 0x67, JMP,  EXCEPTION_GP}, /* data */
		{0x99, 0x67, JMP,  EXCEPTION_GP}, /* code, its type the number of a TSS's */
		{0x09, 0x67, JMP,  EXCEPTION_NP},
		{0x0b, 0x67, IRET, EXCEPTION_NP},
		{0x89, 0x66, JMP,  EXCEPTION_TS},
		{0x81, 0x2a, JMP,  EXCEPTION_TS},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		put_descriptor(GDT + NEW, NEW_TSS, cases[i].limit, cases[i].access);
		vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED);
		assert_true(switch_task(cases[i].source, NEW));
		assert_refused(cases[i].vector, NEW);
		assert_int_equal(old_tss(EIP), 0);
	}
}

static void a_selector_outside_the_gdt_is_refused(void **state)
{
	(void)state;
	assert_true(switch_task(JMP, 0));
	assert_refused(EXCEPTION_GP, 0);
	assert_true(switch_task(JMP, BEYOND));
	assert_refused(EXCEPTION_GP, BEYOND);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, NEW + 6); /* one byte short */
	assert_true(switch_task(JMP, NEW));
	assert_refused(EXCEPTION_GP, NEW);
}

/* SDM Vol. 3A "Error Code": EXT tells that no instruction of the program asked for it. */
static void external_events_set_ext(void **state)
{
	(void)state;
	put_descriptor(GDT + NEW, NEW_TSS, 0x67, 0x09);
	assert_true(deliver(INJECT(EVENT_INTERRUPT, 0x40), 0));
	assert_refused(EXCEPTION_NP, NEW | 1);
	assert_true(deliver(INJECT(EVENT_PRIVILEGED_EXCEPTION, EXCEPTION_DB), 0));
	assert_refused(EXCEPTION_NP, NEW | 1);
	assert_true(deliver(INJECT(EVENT_SOFTWARE_INTERRUPT, 0x40), 0));
	assert_refused(EXCEPTION_NP, NEW);
	assert_true(deliver(INJECT(EVENT_SOFTWARE_EXCEPTION, EXCEPTION_BP), 0));
	assert_refused(EXCEPTION_NP, NEW);
}

static void a_fault_on_the_way_to_a_handler_is_a_double_fault(void **state)
{
	(void)state;
	put_descriptor(GDT + NEW, NEW_TSS, 0x67, 0x09);
	assert_true(deliver(INJECT(EVENT_EXCEPTION, EXCEPTION_GP) | WITH_CODE, 0));
	assert_refused(EXCEPTION_DF, 0);
	assert_true(deliver(INJECT(EVENT_EXCEPTION, EXCEPTION_UD), 0));
	assert_refused(EXCEPTION_NP, NEW | 1);
	assert_false(deliver(INJECT(EVENT_EXCEPTION, EXCEPTION_DF) | WITH_CODE, 0));
	assert_stopped(VM_TRIPLE_FAULT);
}

static void a_fault_in_the_new_task_is_one_as_well(void **state)
{
	(void)state;
	put_new(SS, 0);
	assert_true(deliver(INJECT(EVENT_EXCEPTION, EXCEPTION_GP) | WITH_CODE, 0));
	assert_new_task_faulted(EXCEPTION_DF, 0);
}

/* ---- Paging ---- */

/* 32-bit paging, everything mapped to itself by one table at 5000h, in the directory at `cr3`. */
static void paging_on(uint32_t cr3)
{
	for (uint32_t i = 0; i < 1024; i++)
		rig_poke(0x5000 + 4 * i, i << 12 | 7, 4);
	rig_poke(cr3, 0x5007, 4);
	vmwrite(VMCS_GUEST_CR3, cr3);
	vmwrite(VMCS_GUEST_CR0, vmread(VMCS_GUEST_CR0) | CR0_PG | CR0_WP);
}

static void unmap(uint32_t address, uint32_t flags)
{
	rig_poke(0x5000 + (address >> 12) * 4, (address & ~0xfffu) | flags, 4);
}

static void the_new_task_has_its_own_cr3(void **state)
{
	(void)state;
	paging_on(0x6000);
	rig_poke(0x7000, 0x5007, 4);
	put_new(CR3, 0x7000);
	assert_true(switch_task(CALL, NEW));
	assert_in_new_task(RFLAGS_RESERVED | RFLAGS_IF | RFLAGS_NT);
	assert_int_equal(vmread(VMCS_GUEST_CR3), 0x7000);
}

static void without_paging_cr3_stays(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_CR3, 0x6000);
	put_new(CR3, 0x7000);
	assert_true(switch_task(CALL, NEW));
	assert_int_equal(vmread(VMCS_GUEST_CR3), 0x6000);
}

static void bad_pdptes_of_the_new_task_are_a_gp(void **state)
{
	static const uint64_t pdpte[4] = {0xb001}, directory = 0xe7, bad = 3;

	(void)state;
	guest_write(&vm.map, 0xa000, pdpte, sizeof(pdpte));
	guest_write(&vm.map, 0xb000, &directory, 8);
	guest_write(&vm.map, 0xa020, &bad, 8);
	for (unsigned i = 0; i < 4; i++)
		vmwrite((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i), pdpte[i]);
	vmwrite(VMCS_GUEST_CR3, 0xa000);
	vmwrite(VMCS_GUEST_CR4, vmread(VMCS_GUEST_CR4) | CR4_PAE);
	vmwrite(VMCS_GUEST_CR0, vmread(VMCS_GUEST_CR0) | CR0_PG);
	put_new(CR3, 0xa020);
	assert_true(switch_task(JMP, NEW));
	assert_refused(EXCEPTION_GP, 0);
	assert_int_equal(vmread(VMCS_GUEST_CR3), 0xa000);
}

static void page_faults_are_the_old_tasks(void **state)
{
	/* The page, its flags, the error code, CR2. */
	/* clang-format off */
	static const struct {
		uint32_t page, flags, code, address;
		enum source source;
	} cases[] = {
		{GDT,     6, 0, GDT + NEW,     CALL},
		{NEW_TSS, 6, 0, NEW_TSS,       CALL}, /* the old TSS is on that page, too */
		{NEW_TSS, 5, 3, OLD_TSS + EIP, CALL},
		{GDT,     5, 3, GDT + OLD + 5, JMP},
		{GDT,     5, 3, GDT + NEW + 5, CALL},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		paging_on(0x6000);
		unmap(cases[i].page, cases[i].flags);
		put_new(CR3, 0x6000);
		vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED);
		assert_true(switch_task(cases[i].source, NEW));
		assert_refused(EXCEPTION_PF, cases[i].code);
		assert_int_equal(fake_x86.cr[2], cases[i].address);
	}
}

static void the_back_link_may_fault(void **state)
{
	(void)state;
	paging_on(0x6000);
	put_descriptor(GDT + NEW, 0x4000, 0x67, 0x89);
	unmap(0x4000, 5);
	assert_true(switch_task(CALL, NEW));
	assert_refused(EXCEPTION_PF, 3);
	assert_int_equal(fake_x86.cr[2], 0x4000);
}

/* Tables are read and written with the rights of the system, whoever runs. */
static void programs_may_switch_tasks(void **state)
{
	(void)state;
	paging_on(0x6000);
	unmap(GDT, 3);
	unmap(NEW_TSS, 3);
	put_new(CR3, 0x6000);
	vmwrite(VMCS_GUEST_SS_ACCESS, 0xc0f3);
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xc0fb);
	assert_true(switch_task(CALL, NEW));
	assert_in_new_task(RFLAGS_RESERVED | RFLAGS_IF | RFLAGS_NT);
}

static void descriptors_of_the_new_task_may_page_fault(void **state)
{
	(void)state;
	paging_on(0x6000);
	/* The new address space has no GDT. */
	rig_poke(0x7000, 0xc007, 4);
	for (uint32_t i = 0; i < 1024; i++)
		rig_poke(0xc000 + 4 * i, i << 12 | (i == GDT >> 12 ? 6 : 7), 4);
	put_new(CR3, 0x7000);
	assert_true(switch_task(CALL, NEW));
	assert_new_task_faulted(EXCEPTION_PF, 0);
	assert_int_equal(fake_x86.cr[2], GDT + DATA);
	/* It has, but cannot mark them accessed. */
	setup(state);
	paging_on(0x6000);
	rig_poke(0x7000, 0xc007, 4);
	for (uint32_t i = 0; i < 1024; i++)
		rig_poke(0xc000 + 4 * i, i << 12 | (i == GDT >> 12 ? 5 : 7), 4);
	put_new(CR3, 0x7000);
	assert_true(switch_task(CALL, NEW));
	assert_new_task_faulted(EXCEPTION_PF, 3);
	assert_int_equal(fake_x86.cr[2], GDT + DATA + 5);
	/* The LDT comes first of all. */
	setup(state);
	paging_on(0x6000);
	rig_poke(0x7000, 0xc007, 4);
	put_new(CR3, 0x7000);
	put_new(LDTR, LDT);
	for (uint32_t i = 0; i < 1024; i++)
		rig_poke(0xc000 + 4 * i, i << 12 | (i == GDT >> 12 ? 6 : 7), 4);
	assert_true(switch_task(CALL, NEW));
	assert_new_task_faulted(EXCEPTION_PF, 0);
	assert_int_equal(fake_x86.cr[2], GDT + LDT);
}

/* ---- Segments of the new task ---- */

#define CPL3 3

static void segment_loads_are_checked(void **state)
{
	/* Selector fields of a task of ring 0 or 3, and what comes of them (vector 0: nothing). */
	/* clang-format off */
	static const struct {
		unsigned field;
		uint16_t selector;
		uint8_t vector;
		uint8_t cpl;
		uint16_t code;
	} cases[] = {
		{CS, 0,              EXCEPTION_TS, 0,    0},
		{CS, BEYOND,         EXCEPTION_TS, 0,    BEYOND},
		{CS, DATA,           EXCEPTION_TS, 0,    DATA},
		{CS, LDT,            EXCEPTION_TS, 0,    LDT},
		{CS, USER_CODE,      EXCEPTION_TS, 0,    USER_CODE}, /* DPL 3, RPL 0 */
		{CS, CONFORMING,     0,            0,    0},
		{CS, EXECUTE_ONLY,   0,            0,    0},
		{SS, 0,              EXCEPTION_TS, 0,    0},
		{SS, CODE,           EXCEPTION_TS, 0,    CODE},
		{SS, READ_ONLY,      EXCEPTION_TS, 0,    READ_ONLY},
		{SS, USER_DATA,      EXCEPTION_TS, 0,    USER_DATA},
		{SS, DATA | 3,       EXCEPTION_TS, 0,    DATA},      /* RPL is not CPL */
		{DS, 0,              0,            0,    0},
		{DS, READ_ONLY,      0,            0,    0},
		{DS, EXECUTE_ONLY,   EXCEPTION_TS, 0,    EXECUTE_ONLY},
		{DS, LDT,            EXCEPTION_TS, 0,    LDT},
		{DS, BEYOND,         EXCEPTION_TS, 0,    BEYOND},
		{ES, 0,              0,            0,    0},
		{FS, USER_DATA | 3,  0,            0,    0},
		{GS, DATA | 3,       EXCEPTION_TS, 0,    DATA},      /* RPL 3, DPL 0 */
		{DS, DATA,           EXCEPTION_TS, CPL3, DATA},      /* of the system */
		{DS, CONFORMING,     0,            CPL3, 0},         /* for everybody, but not readable ... */
		{DS, USER_CODE | 3,  0,            CPL3, 0},
		{CS, CONFORMING | 3, 0,            CPL3, 0},
		{SS, USER_DATA,      EXCEPTION_TS, CPL3, USER_DATA}, /* RPL is not CPL */
	};
	/* clang-format on */

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t cpl = cases[i].cpl;

		if (i) {
			rig_teardown(state);
			setup(state);
		}
		if (cpl) {
			put_new(CS, USER_CODE | 3);
			for (unsigned f = ES; f <= GS; f += 4)
				if (f != CS)
					put_new(f, USER_DATA | 3);
		}
		put_new(cases[i].field, cases[i].selector);
		assert_true(switch_task(JMP, NEW));
		if (cases[i].vector) {
			assert_new_task_faulted(cases[i].vector, cases[i].code);
			assert_int_equal(backend_cpl(vm.vcpus[0]), cpl);
		} else if (rig_injected() & INTERRUPTION_VALID) {
			fail_msg("case %u: fault %x", i, rig_injected());
		} else {
			assert_int_equal(
				vmread((enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + (cases[i].field - ES) / 2)),
				cases[i].selector);
			assert_int_equal(backend_cpl(vm.vcpus[0]), cpl);
			assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
		}
	}
}

static void absent_segments_have_faults_of_their_own(void **state)
{
	static const struct {
		unsigned field;
		uint32_t access;
		uint8_t vector;
	} cases[] = {
		{CS, 0xc01b, EXCEPTION_NP},
		{SS, 0xc013, EXCEPTION_SS},
		{DS, 0xc013, EXCEPTION_NP},
		{GS, 0xc013, EXCEPTION_NP},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		if (i) {
			rig_teardown(state);
			setup(state);
		}
		put_descriptor(GDT + ABSENT, 0, 0xfffff, cases[i].access);
		put_new(cases[i].field, ABSENT);
		assert_true(switch_task(JMP, NEW));
		assert_new_task_faulted(cases[i].vector, ABSENT);
	}
}

static void an_absent_ext_is_told(void **state)
{
	(void)state;
	put_descriptor(GDT + ABSENT, 0, 0xfffff, 0xc013);
	put_new(DS, ABSENT);
	assert_true(deliver(INJECT(EVENT_INTERRUPT, 0x40), 0));
	assert_new_task_faulted(EXCEPTION_NP, ABSENT | 1);
}

static void the_ldt_is_loaded(void **state)
{
	(void)state;
	put_new(LDTR, LDT);
	put_descriptor(LDT_BASE + 8, 0x123000, 0x0ffff, 0x92);
	put_new(DS, 8 | 4);
	assert_true(switch_task(JMP, NEW));
	assert_in_new_task(RFLAGS_RESERVED | RFLAGS_IF);
	assert_int_equal(vmread(VMCS_GUEST_LDTR_SELECTOR), LDT);
	assert_int_equal(vmread((enum vmcs_field)(VMCS_GUEST_ES_BASE + 2 * SEG_LDTR)), LDT_BASE);
	assert_int_equal(vmread((enum vmcs_field)(VMCS_GUEST_ES_BASE + 2 * SEG_DS)), 0x123000);
	assert_int_equal(vmread((enum vmcs_field)(VMCS_GUEST_ES_LIMIT + 2 * SEG_DS)), 0xffff);
	assert_int_equal(rig_memory(LDT_BASE + 8 + 5, 1), 0x93);
}

static void a_bad_ldt_is_a_ts(void **state)
{
	/* clang-format off */
	static const struct {
		uint16_t selector;
		uint32_t access; /* of the LDT's descriptor */
	} cases[] = {
		{LDT | 4, 0x82}, /* in an LDT itself */
		{BEYOND,  0x82},
		{LDT,     0x89},
		{LDT,     0x92},
		{LDT,     0x02}, /* absent */
	};
	/* clang-format on */

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct segment ldtr = {.base = GDT, .limit = 0xff, .access = 0x82};

		if (i) {
			rig_teardown(state);
			setup(state);
		}
		rig_set_segment(SEG_LDTR, &ldtr);
		put_descriptor(GDT + LDT, LDT_BASE, 0x17, cases[i].access);
		put_new(LDTR, cases[i].selector);
		assert_true(switch_task(JMP, NEW));
		assert_new_task_faulted(EXCEPTION_TS, cases[i].selector & 0xfffc);
	}
}

static void selectors_of_a_missing_ldt_are_a_ts(void **state)
{
	(void)state;
	put_new(DS, 8 | 4);
	assert_true(switch_task(JMP, NEW));
	assert_new_task_faulted(EXCEPTION_TS, 8 | 4);
	rig_teardown(state);
	setup(state);
	put_new(LDTR, LDT);
	put_new(DS, 0x18 | 4); /* after its limit */
	assert_true(switch_task(JMP, NEW));
	assert_new_task_faulted(EXCEPTION_TS, 0x18 | 4);
}

static void a_virtual_8086_task_has_segments_of_its_own(void **state)
{
	(void)state;
	put_new(EFLAGS, RFLAGS_RESERVED | RFLAGS_VM | RFLAGS_IF);
	put_new(EIP, 0x100);
	put_new(LDTR, LDT);
	for (unsigned f = ES; f <= GS; f += 4)
		put_new(f, 0x1000 + f);
	assert_true(switch_task(JMP, NEW));
	assert_went_on(0x100);
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		struct segment segment;

		backend_segment(vm.vcpus[0], (enum segment_index)i, &segment);
		assert_int_equal(segment.selector, 0x1000 + ES + 4 * i);
		assert_int_equal(segment.base, (0x1000 + ES + 4 * i) << 4);
		assert_int_equal(segment.limit, 0xffff);
		assert_int_equal(segment.access, 0xf3);
	}
	assert_int_equal(vmread(VMCS_GUEST_LDTR_SELECTOR), LDT);
	assert_int_equal(backend_cpl(vm.vcpus[0]), 3);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
}

/* ---- The end of the switch ---- */

static void the_t_flag_s_trap_clears_gd(void **state)
{
	(void)state;
	put_new(TRAP, 1);
	vmwrite(VMCS_GUEST_DR7, 0x400 | 1 << 13);
	switch_task(JMP, NEW);
	assert_int_equal(rig_injected(), INJECT(EVENT_EXCEPTION, EXCEPTION_DB));
	assert_int_equal(vmread(VMCS_GUEST_DR7), 0x400);
}

static void the_t_flag_traps(void **state)
{
	(void)state;
	put_new(TRAP, 1);
	fake_vmx.dr[6] = 0xffff0ff0;
	assert_true(switch_task(JMP, NEW));
	assert_int_equal(rig_injected(), INJECT(EVENT_EXCEPTION, EXCEPTION_DB));
	assert_int_equal(vmread(VMCS_GUEST_RIP), 0x12345);
	assert_int_equal(fake_vmx.dr[6], 0xffff0ff0 | 1 << 15);
}

static void the_error_code_may_not_fit(void **state)
{
	(void)state;
	put_descriptor(GDT + STACK, 0, 0xfff, 0x4092);
	put_new(SS, STACK);
	put_new(ESP, 0x1001); /* the last byte is outside */
	assert_true(deliver(INJECT(EVENT_EXCEPTION, EXCEPTION_AC) | WITH_CODE, 0));
	assert_new_task_faulted(EXCEPTION_SS, 1);
	assert_int_equal(vmread(VMCS_GUEST_RSP), 0x1001);
	rig_teardown(state);
	setup(state);
	put_descriptor(GDT + STACK, 0, 0x8fff, 0x4096); /* expand-down: above the limit is inside */
	put_new(SS, STACK);
	assert_true(deliver(INJECT(EVENT_EXCEPTION, EXCEPTION_AC) | WITH_CODE, 0x55));
	assert_new_task_faulted(EXCEPTION_SS, 1);
	rig_teardown(state);
	setup(state);
	put_descriptor(GDT + STACK, 0, 0x7fff, 0x4096);
	put_new(SS, STACK);
	assert_true(deliver(INJECT(EVENT_EXCEPTION, EXCEPTION_AC) | WITH_CODE, 0x55));
	assert_went_on(0x12345);
	assert_int_equal(rig_memory(NEW_STACK - 4, 4), 0x55);
}

static void the_stack_may_page_fault(void **state)
{
	(void)state;
	paging_on(0x6000);
	put_new(CR3, 0x6000);
	unmap(NEW_STACK - 4, 6);
	assert_true(deliver(INJECT(EVENT_EXCEPTION, EXCEPTION_AC) | WITH_CODE, 0));
	assert_new_task_faulted(EXCEPTION_PF, 2);
	assert_int_equal(fake_x86.cr[2], NEW_STACK - 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		task_test(call_nests),
		task_test(jmp_does_not_nest),
		task_test(iret_returns),
		task_test(an_interrupt_resumes_at_its_instruction),
		task_test(a_software_interrupt_resumes_behind_it),
		task_test(a_gate_without_an_event_resumes_at_rip),
		task_test(an_nmi_blocks_further_ones),
		task_test(without_virtual_nmis_the_monitor_remembers),
		task_test(an_error_code_goes_on_the_new_stack),
		task_test(a_16_bit_task_is_entered),
		task_test(a_16_bit_task_is_left),
		task_test(a_16_bit_gate_pushes_16_bits),
		task_test(a_bad_tss_descriptor_is_refused),
		task_test(a_selector_outside_the_gdt_is_refused),
		task_test(external_events_set_ext),
		task_test(a_fault_on_the_way_to_a_handler_is_a_double_fault),
		task_test(a_fault_in_the_new_task_is_one_as_well),
		task_test(the_new_task_has_its_own_cr3),
		task_test(without_paging_cr3_stays),
		task_test(bad_pdptes_of_the_new_task_are_a_gp),
		task_test(page_faults_are_the_old_tasks),
		task_test(the_back_link_may_fault),
		task_test(programs_may_switch_tasks),
		task_test(descriptors_of_the_new_task_may_page_fault),
		task_test(segment_loads_are_checked),
		task_test(absent_segments_have_faults_of_their_own),
		task_test(an_absent_ext_is_told),
		task_test(the_ldt_is_loaded),
		task_test(a_bad_ldt_is_a_ts),
		task_test(selectors_of_a_missing_ldt_are_a_ts),
		task_test(a_virtual_8086_task_has_segments_of_its_own),
		task_test(the_t_flag_s_trap_clears_gd),
		task_test(the_t_flag_traps),
		task_test(the_error_code_may_not_fit),
		task_test(the_stack_may_page_fault),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
