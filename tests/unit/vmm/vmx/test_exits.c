/* SPDX-License-Identifier: MIT */
/*
 * The exit path, its table, and the handlers that need no file of their own: vmm/vmx/run.c,
 * exits.c, registers.c.
 */
#include "rigs/vm_rig.h"

/* The kinds of instruction that do not exist for a guest, each to end in #UD. */
static const uint8_t undefined[] = {
	EXIT_REASON_GETSEC,
	EXIT_REASON_VMCALL,
	EXIT_REASON_VMCLEAR,
	EXIT_REASON_VMLAUNCH,
	EXIT_REASON_VMPTRLD,
	EXIT_REASON_VMPTRST,
	EXIT_REASON_VMREAD,
	EXIT_REASON_VMRESUME,
	EXIT_REASON_VMWRITE,
	EXIT_REASON_VMXOFF,
	EXIT_REASON_VMXON,
	EXIT_REASON_MWAIT,
	EXIT_REASON_MONITOR,
	EXIT_REASON_INVEPT,
	EXIT_REASON_INVVPID,
	EXIT_REASON_VMFUNC,
	EXIT_REASON_ENCLS,
	EXIT_REASON_UMWAIT,
	EXIT_REASON_TPAUSE,
	EXIT_REASON_LOADIWKEY,
	EXIT_REASON_ENCLV,
	EXIT_REASON_SEAMCALL,
	EXIT_REASON_TDCALL,
	EXIT_REASON_RDMSR_IMMEDIATE,
	EXIT_REASON_WRMSRNS_IMMEDIATE,
};

/* Reasons that no control of ours can bring about. */
static const uint8_t unexpected[] = {
	EXIT_REASON_STARTUP_IPI,
	EXIT_REASON_IO_SMI,
	EXIT_REASON_OTHER_SMI,
	EXIT_REASON_INVLPG,
	EXIT_REASON_RDTSC,
	EXIT_REASON_RSM,
	EXIT_REASON_ENTRY_GUEST_STATE,
	EXIT_REASON_ENTRY_MSR_LOADING,
	35,
	EXIT_REASON_MONITOR_TRAP_FLAG,
	38,
	EXIT_REASON_PAUSE,
	EXIT_REASON_ENTRY_MACHINE_CHECK,
	42,
	EXIT_REASON_TPR_BELOW_THRESHOLD,
	EXIT_REASON_APIC_ACCESS,
	EXIT_REASON_VIRTUALIZED_EOI,
	EXIT_REASON_GDTR_IDTR_ACCESS,
	EXIT_REASON_LDTR_TR_ACCESS,
	EXIT_REASON_RDTSCP,
	EXIT_REASON_APIC_WRITE,
	EXIT_REASON_RDRAND,
	EXIT_REASON_INVPCID,
	EXIT_REASON_RDSEED,
	EXIT_REASON_PML_FULL,
	EXIT_REASON_XSAVES,
	EXIT_REASON_XRSTORS,
	EXIT_REASON_PCONFIG,
	EXIT_REASON_SPP_EVENT,
	71,
	EXIT_REASON_ENQCMD,
	EXIT_REASON_ENQCMDS,
	EXIT_REASON_NOTIFY_WINDOW,
	EXIT_REASON_RDMSRLIST,
	EXIT_REASON_WRMSRLIST,
	EXIT_REASON_URDMSR,
	EXIT_REASON_UWRMSR,
	82,
	83,
};

/* Those with a handler that does something of its own. */
static const uint8_t served[] = {
	EXIT_REASON_EXCEPTION_OR_NMI,
	EXIT_REASON_EXTERNAL_INTERRUPT,
	EXIT_REASON_TRIPLE_FAULT,
	EXIT_REASON_INIT_SIGNAL,
	EXIT_REASON_INTERRUPT_WINDOW,
	EXIT_REASON_NMI_WINDOW,
	EXIT_REASON_TASK_SWITCH,
	EXIT_REASON_CPUID,
	EXIT_REASON_HLT,
	EXIT_REASON_INVD,
	EXIT_REASON_RDPMC,
	EXIT_REASON_CONTROL_REGISTER,
	EXIT_REASON_MOV_DR,
	EXIT_REASON_IO_INSTRUCTION,
	EXIT_REASON_RDMSR,
	EXIT_REASON_WRMSR,
	EXIT_REASON_EPT_VIOLATION,
	EXIT_REASON_EPT_MISCONFIGURATION,
	EXIT_REASON_PREEMPTION_TIMER,
	EXIT_REASON_WBINVD,
	EXIT_REASON_XSETBV,
	EXIT_REASON_BUS_LOCK,
};

static bool listed(const uint8_t *list, size_t count, unsigned reason)
{
	return memchr(list, (int)reason, count);
}

#define LISTED(list, reason) listed(list, sizeof(list), reason)

static void the_table_is_complete(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EXIT_REASONS; i++) {
		assert_non_null(exit_handlers[i].handle);
		assert_non_null(exit_handlers[i].name);
		assert_string_equal(backend_exit_name(i), exit_handlers[i].name);
		/* Each reason is of exactly one kind here, so a new one must be thought about. */
		assert_int_equal(LISTED(undefined, i) + LISTED(unexpected, i) + LISTED(served, i), 1);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(exit_handlers[i].name, exit_handlers[j].name);
	}
	assert_string_equal(backend_exit_name(EXIT_REASONS), "reason beyond the manual's table");
	assert_string_equal(backend_exit_name(UINT32_MAX), "reason beyond the manual's table");
}

/* docs/exits.md lists every reason by number and by the name that reports use. */
static void the_page_has_every_reason(void **state)
{
	static char page[65536];
	FILE *file = fopen("docs/exits.md", "r");
	size_t length;

	(void)state;
	assert_non_null(file);
	length = fread(page, 1, sizeof(page) - 1, file);
	page[length] = 0;
	fclose(file);
	for (unsigned i = 0; i < EXIT_REASONS; i++) {
		char row[80];

		snprintf(row, sizeof(row), "\n| %u | %s |", i, exit_handlers[i].name);
		if (!strstr(page, row))
			fail_msg("docs/exits.md has no row \"%s\"", row + 1);
	}
}

static void undefined_instructions_raise_ud(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(undefined); i++) {
		vmwrite(VMCS_ENTRY_INTERRUPTION, 0);
		assert_true(rig_instruction(undefined[i], 0, 3));
		assert_faulted(EXCEPTION_UD);
		assert_int_equal(vm.state, VM_RUNNING);
	}
}

static void unexpected_exits_stop_only_the_vm(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(unexpected); i++) {
		assert_false(rig_instruction(unexpected[i], 0x77, 3));
		assert_stopped(VM_UNEXPECTED_EXIT);
		assert_logged(exit_handlers[unexpected[i]].name);
		assert_logged("exit qualification 0x77");
		rig_teardown(state);
		rig_setup(state);
	}
}

static void a_reason_of_the_future_stops_only_the_vm(void **state)
{
	(void)state;
	assert_false(rig_instruction(EXIT_REASONS, 0, 3));
	assert_stopped(VM_UNEXPECTED_EXIT);
	assert_logged("reason 0x56, which is not in the table");
}

/* All processors wait for one, so the vCPU waits for 1 ms. The instruction is over. */
static void a_bus_lock_makes_its_vcpu_wait(void **state)
{
	struct vcpu *vcpu = vm.vcpus[0];
	uint64_t start = fake_x86.tsc;

	(void)state;
	vmwrite(VMCS_GUEST_RIP, RIG_RIP);
	assert_false(rig_exit(EXIT_REASON_BUS_LOCK, 0));
	assert_went_on(RIG_RIP);
	assert_int_equal(vcpu->sched.state, SCHED_THROTTLED);
	assert_int_equal(cpu_deadline(&cpu), start + 1000000);
	vcpu_kick(vcpu, REQUEST_NMI);
	assert_false(rig_run());
	fake_x86.tsc = start + 1000000;
	assert_true(rig_run());
	assert_int_equal(vcpu->exit_count[EXIT_REASON_BUS_LOCK], 1);
	assert_int_equal(vm.state, VM_RUNNING);
}

/* It may be told beside another reason, which counts as always. */
static void a_bus_lock_beside_another_exit_counts_too(void **state)
{
	struct vcpu *vcpu = vm.vcpus[0];

	(void)state;
	assert_false(rig_instruction(EXIT_REASON_CPUID | EXIT_REASON_BUS_LOCKED, 0, 2));
	assert_went_on(RIG_RIP + 2);
	assert_int_equal(vcpu->sched.state, SCHED_THROTTLED);
	assert_int_equal(vcpu->exit_count[EXIT_REASON_BUS_LOCK], 1);
	assert_int_equal(vcpu->exit_count[EXIT_REASON_CPUID], 1);
	assert_string_equal(backend_exit_name(EXIT_REASON_CPUID | EXIT_REASON_BUS_LOCKED), "CPUID");
	assert_int_equal(vm.state, VM_RUNNING);
}

static void no_exit_of_a_programs_instruction_stops_its_vm(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_SS_ACCESS, 0xc0f3);
	for (unsigned i = 0; i < sizeof(unexpected); i++) {
		assert_true(rig_instruction(unexpected[i], 0x77, 3));
		assert_faulted(EXCEPTION_UD);
	}
	assert_true(rig_instruction(EXIT_REASONS, 0, 3));
	assert_faulted(EXCEPTION_UD);
	assert_int_equal(vm.state, VM_RUNNING);
}

static void a_failed_entry_stops_the_vm_and_names_the_rule(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, 0);
	assert_false(rig_exit(EXIT_REASON_ENTRY_GUEST_STATE | (uint32_t)EXIT_REASON_ENTRY_FAILURE, 4));
	assert_stopped(VM_BAD_STATE);
	assert_logged("VM entry failed: INVALID GUEST STATE (exit qualification 0x4)");
	assert_logged("guest RFLAGS = 0x0: reserved bits have the wrong value");
	assert_logged("1 rule(s) for guest state broken");
}

static void a_machine_check_during_an_entry_is_not_the_guests(void **state)
{
	unsigned before = fake_vmx.machine_checks;

	(void)state;
	assert_true(rig_exit(EXIT_REASON_ENTRY_MACHINE_CHECK | (uint32_t)EXIT_REASON_ENTRY_FAILURE, 0));
	assert_int_equal(fake_vmx.machine_checks, before + 1);
	assert_int_equal(vm.state, VM_RUNNING);
}

static void a_refused_entry_names_the_error(void **state)
{
	jmp_buf here;

	(void)state;
	vmwrite(VMCS_INSTRUCTION_ERROR, 7);
	rig.stuck = &here;
	if (!setjmp(here)) {
		rig_enter(vmx_entry_failed);
		fail_msg("a VM that cannot be entered runs on");
	}
	assert_stopped(VM_BAD_STATE);
	assert_logged("VM-instruction error 7");
}

static void a_triple_fault_stops_the_vm_with_a_report(void **state)
{
	(void)state;
	rig_code("\x0f\x0b", 2);
	vm.vcpus[0]->gpr[RBX] = 0x1122334455667788;
	assert_false(rig_instruction(EXIT_REASON_TRIPLE_FAULT, 0, 0));
	assert_stopped(VM_TRIPLE_FAULT);
	assert_logged("vm bench, vCPU 0: triple fault");
	assert_logged("code 0f 0b");
	assert_logged("1122334455667788");
	assert_logged("rip 0000000000010000  TRIPLE FAULT");
}

static void an_init_signal_is_swallowed(void **state)
{
	(void)state;
	assert_true(rig_instruction(EXIT_REASON_INIT_SIGNAL, 0, 0));
	assert_went_on(RIG_RIP);
}

/* ---- RIP and what ends with an instruction ---- */

static void an_instruction_ends_its_shadow(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_STI | BLOCKING_NMI);
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	assert_went_on(RIG_RIP + 2);
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_NMI);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_MOV_SS);
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), 0);
	/* So does a fault: SDM Vol. 2B "MOV—Move". */
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_MOV_SS);
	rig_instruction(EXIT_REASON_RDPMC, 0, 2);
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), 0);
}

static void a_single_step_trap_follows_the_instruction(void **state)
{
	(void)state;
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), 0);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_TF);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 1);
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), 1 | PENDING_DEBUG_BS);
}

static void with_btf_only_branches_trap(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_TF);
	vmwrite(VMCS_GUEST_DEBUGCTL, DEBUGCTL_BTF);
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), 0);
}

static void a_fault_raises_no_single_step_trap(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_TF);
	rig_instruction(EXIT_REASON_RDPMC, 0, 2);
	assert_gp0();
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), 0);
}

static void rip_wraps_at_4g_outside_64_bit_code(void **state)
{
	(void)state;
	vmwrite(VMCS_EXIT_LENGTH, 2);
	vmwrite(VMCS_GUEST_RIP, 0xfffffffe);
	rig_exit(EXIT_REASON_CPUID, 0);
	assert_int_equal(vmread(VMCS_GUEST_RIP), 0);
	rig_long_mode();
	vmwrite(VMCS_GUEST_RIP, 0xfffffffe);
	rig_exit(EXIT_REASON_CPUID, 0);
	assert_int_equal(vmread(VMCS_GUEST_RIP), 0x100000000);
}

/* ---- Bookkeeping ---- */

static void exits_are_counted_and_the_last_ones_kept(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAST_EXITS + 3; i++) {
		vmwrite(VMCS_GUEST_RIP, 0x1000 * i);
		rig_exit(i & 1 ? EXIT_REASON_INVD : EXIT_REASON_CPUID, 0);
	}
	assert_int_equal(vcpu_exits(vm.vcpus[0]), LAST_EXITS + 3);
	assert_int_equal(vm.vcpus[0]->exit_count[EXIT_REASON_CPUID], 10);
	assert_int_equal(vm.vcpus[0]->exit_count[EXIT_REASON_INVD], 9);
	assert_int_equal(vm.vcpus[0]->last[2].rip, 0x12000);
	assert_int_equal(vm.vcpus[0]->last[2].reason, EXIT_REASON_CPUID);
	assert_int_equal(vm.vcpus[0]->last[3].rip, 0x3000);
	assert_int_equal(vm.vcpus[0]->last[3].reason, EXIT_REASON_INVD);
	/* A report tells them in their order. */
	vm_report(&vm);
	assert_logged("last exits, oldest first (19 in total):\nerror:     rip 0000000000003000  INVD\n");
	assert_true(strstr(rig.log, "rip 0000000000012000  CPUID") >
	            strstr(rig.log, "rip 0000000000011000  INVD"));
}

/* ---- The handlers ---- */

static void cpuid_answers_and_goes_on(void **state)
{
	(void)state;
	vm.vcpus[0]->gpr[RAX] = 0xffffffff00000000;
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	assert_went_on(RIG_RIP + 2);
	assert_int_equal(vm.vcpus[0]->gpr[RBX], 0x756e6547);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0x16);
}

static void cache_instructions_do_nothing(void **state)
{
	(void)state;
	rig_instruction(EXIT_REASON_INVD, 0, 2);
	assert_went_on(RIG_RIP + 2);
	rig_instruction(EXIT_REASON_WBINVD, 0, 2);
	assert_went_on(RIG_RIP + 2);
}

static void there_are_no_performance_counters(void **state)
{
	(void)state;
	rig_instruction(EXIT_REASON_RDPMC, 0, 2);
	assert_gp0();
}

static void rdmsr_fills_two_halves(void **state)
{
	(void)state;
	vm.vcpus[0]->misc_enable = 0x1111222233334444;
	vm.vcpus[0]->gpr[RAX] = vm.vcpus[0]->gpr[RDX] = UINT64_MAX;
	vm.vcpus[0]->gpr[RCX] = 0xffffffff00000000 | MSR_MISC_ENABLE;
	rig_instruction(EXIT_REASON_RDMSR, 0, 2);
	assert_went_on(RIG_RIP + 2);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0x33334444);
	assert_int_equal(vm.vcpus[0]->gpr[RDX], 0x11112222);
}

static void an_unknown_msr_is_a_gp_and_changes_nothing(void **state)
{
	(void)state;
	vm.vcpus[0]->gpr[RAX] = 1;
	vm.vcpus[0]->gpr[RDX] = 2;
	vm.vcpus[0]->gpr[RCX] = 0x12345;
	rig_instruction(EXIT_REASON_RDMSR, 0, 2);
	assert_gp0();
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 1);
	assert_int_equal(vm.vcpus[0]->gpr[RDX], 2);
	rig_instruction(EXIT_REASON_WRMSR, 0, 2);
	assert_gp0();
}

static void wrmsr_joins_two_halves(void **state)
{
	(void)state;
	vm.vcpus[0]->gpr[RCX] = MSR_TSC_ADJUST;
	vm.vcpus[0]->gpr[RAX] = 0xaaaaaaaa12345678;
	vm.vcpus[0]->gpr[RDX] = 0xbbbbbbbb87654321;
	rig_instruction(EXIT_REASON_WRMSR, 0, 2);
	assert_went_on(RIG_RIP + 2);
	assert_int_equal(vm.vcpus[0]->tsc_adjust, 0x8765432112345678);
}

static void xsetbv_takes_what_cpuid_offers(void **state)
{
	(void)state;
	vm.vcpus[0]->gpr[RCX] = 0xffffffff00000000;
	vm.vcpus[0]->gpr[RAX] = 0xffffffff00000007;
	vm.vcpus[0]->gpr[RDX] = 0xffffffff00000000;
	rig_instruction(EXIT_REASON_XSETBV, 0, 3);
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(vm.vcpus[0]->xcr0, 7);
	assert_int_equal(fake_vmx.xcr0, 7);
	vm.vcpus[0]->gpr[RAX] = 0xe7;
	rig_instruction(EXIT_REASON_XSETBV, 0, 3);
	assert_int_equal(fake_vmx.xcr0, 0xe7);
}

static void xsetbv_refuses_the_rest(void **state)
{
	static const uint64_t values[] = {0,    2,     5,   0x47,          0xa7,
	                                  0xe3, 0x207, 0xf, 1UL << 32 | 1, 1UL << 63 | 7};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
		vm.vcpus[0]->gpr[RCX] = 0;
		vm.vcpus[0]->gpr[RAX] = (uint32_t)values[i];
		vm.vcpus[0]->gpr[RDX] = values[i] >> 32;
		rig_instruction(EXIT_REASON_XSETBV, 0, 3);
		assert_gp0();
		assert_int_equal(fake_vmx.xcr0, 1);
	}
	vm.vcpus[0]->gpr[RCX] = 1;
	vm.vcpus[0]->gpr[RAX] = 7;
	vm.vcpus[0]->gpr[RDX] = 0;
	rig_instruction(EXIT_REASON_XSETBV, 0, 3);
	assert_gp0();
	assert_int_equal(fake_vmx.xcr0, 1);
}

static void xsetbv_is_the_kernels(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_SS_ACCESS, vmread(VMCS_GUEST_SS_ACCESS) | 3 << 5);
	vm.vcpus[0]->gpr[RCX] = 0;
	vm.vcpus[0]->gpr[RAX] = 7;
	vm.vcpus[0]->gpr[RDX] = 0;
	rig_instruction(EXIT_REASON_XSETBV, 0, 3);
	assert_gp0();
	assert_int_equal(fake_vmx.xcr0, 1);
}

/* ---- HLT ---- */

static void hlt_waits_behind_the_instruction(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF);
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
	assert_went_on(RIG_RIP + 1);
	assert_true(vm.vcpus[0]->requests & REQUEST_HALTED);
}

static void interrupt_now(void)
{
	vcpu_kick(vm.vcpus[0], REQUEST_NMI);
}

static void an_nmi_ends_hlt(void **state)
{
	(void)state;
	rig.idle = interrupt_now;
	assert_true(rig_instruction(EXIT_REASON_HLT, 0, 1));
	assert_int_equal(rig_injected(), INJECT(EVENT_NMI, EXCEPTION_NMI));
	assert_false(vm.vcpus[0]->requests & REQUEST_HALTED);
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP + 1);
}

static void an_nmi_that_is_blocked_does_not(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_NMI);
	vcpu_request(vm.vcpus[0], REQUEST_NMI);
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
}

static void hlt_with_interrupts_off_is_said_once(void **state)
{
	char *first;

	(void)state;
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
	assert_logged("vm bench: halted with interrupts off");
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
	first = strstr(rig.log, "halted with");
	assert_null(strstr(first + 1, "halted with"));
}

static void a_single_step_trap_ends_hlt(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_TF);
	assert_true(rig_instruction(EXIT_REASON_HLT, 0, 1));
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), PENDING_DEBUG_BS);
}

static void under_btf_hlt_halts(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_TF);
	vmwrite(VMCS_GUEST_DEBUGCTL, DEBUGCTL_BTF);
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
}

/* ---- Time ---- */

static unsigned expired;

static void count_expiry(struct timer *timer)
{
	(void)timer;
	expired++;
}

static void the_preemption_timer_is_armed_for_the_next_deadline(void **state)
{
	static struct timer timer;

	(void)state;
	timer_init(&timer, count_expiry);
	fake_x86.tsc = 1000000;
	cpu_timer_arm(&cpu, &timer, 1000000 + 32 * 1234 - 1); /* an exit before it would be for nothing */
	assert_int_equal(vmread(VMCS_PREEMPTION_TIMER), 1234);
	/* It stands still in the monitor, so once in a while it is set right. */
	fake_x86.tsc += 32 * 200;
	for (unsigned i = 0; i < LAST_EXITS; i++)
		rig_instruction(EXIT_REASON_CPUID, 0, 2);
	assert_int_equal(vmread(VMCS_PREEMPTION_TIMER), 1034);
	fake_x86.tsc = cpu_deadline(&cpu) + 1;
	for (unsigned i = 0; i < LAST_EXITS; i++)
		rig_instruction(EXIT_REASON_CPUID, 0, 2);
	assert_int_equal(vmread(VMCS_PREEMPTION_TIMER), 0);
	expired = 0;
	rig_exit(EXIT_REASON_PREEMPTION_TIMER, 0);
	assert_int_equal(expired, 1);
	assert_int_equal(cpu_deadline(&cpu), TIMER_NEVER);
	/* Then for the next look at interrupts, and for nothing at all. */
	assert_int_equal(vmread(VMCS_PREEMPTION_TIMER), cpu.interrupts_due / 32 - fake_x86.tsc / 32 + 1);
	cpu.interrupts_due = TIMER_NEVER;
	backend_deadline_changed(&cpu);
	assert_int_equal(vmread(VMCS_PREEMPTION_TIMER), UINT32_MAX);
}

static void after_a_wait_the_preemption_timer_is_right(void **state)
{
	static struct timer timer;

	(void)state;
	timer_init(&timer, count_expiry);
	cpu_timer_arm(&cpu, &timer, fake_x86.tsc + 32 * 1000 - 1);
	fake_x86.tsc += 32 * 900;
	rig.idle = interrupt_now;
	assert_true(rig_instruction(EXIT_REASON_HLT, 0, 1));
	assert_int_equal(vmread(VMCS_PREEMPTION_TIMER), 100);
	cpu_timer_arm(&cpu, &timer, TIMER_NEVER);
}

static void without_a_preemption_timer_the_apic_watches(void **state)
{
	static struct timer timer;

	(void)state;
	vmx_features.preemption_timer = false;
	timer_init(&timer, count_expiry);
	cpu_timer_arm(&cpu, &timer, 777777777);
	assert_int_equal(rig.apic_deadline, 777777777);
	vmwrite(VMCS_PREEMPTION_TIMER, 99);
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	assert_int_equal(vmread(VMCS_PREEMPTION_TIMER), 99);
	cpu_timer_arm(&cpu, &timer, TIMER_NEVER);
}

static void an_idle_cpu_fires_timers_that_are_due(void **state)
{
	static struct timer timer;

	(void)state;
	timer_init(&timer, count_expiry);
	expired = 0;
	cpu_timer_arm(&cpu, &timer, fake_x86.tsc);
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
	assert_int_equal(expired, 1);
	assert_int_equal(rig.apic_deadline, TIMER_NEVER);
}

static unsigned windows;

static void count_window(void)
{
	windows++;
}

/*
 * A guest whose deliveries exit without end never begins an instruction, before which an interrupt
 * could come.
 */
static void interrupts_are_taken_while_events_are_delivered(void **state)
{
	(void)state;
	windows = 0;
	fake_x86.window = count_window;
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	assert_int_equal(windows, 0);
	rig_instruction(EXIT_REASON_RDPMC, 0, 2);
	assert_int_equal(windows, 1);
	fake_x86.window = NULL;
}

static void stale_translations_are_flushed_before_entry(void **state)
{
	unsigned before = fake_vmx.invepts;

	(void)state;
	vcpu_request(vm.vcpus[0], REQUEST_FLUSH);
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	assert_int_equal(fake_vmx.invepts, before + 1);
	assert_int_equal(rig_requests(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(the_table_is_complete),
		rig_test(the_page_has_every_reason),
		rig_test(undefined_instructions_raise_ud),
		rig_test(unexpected_exits_stop_only_the_vm),
		rig_test(a_reason_of_the_future_stops_only_the_vm),
		rig_test(a_bus_lock_makes_its_vcpu_wait),
		rig_test(a_bus_lock_beside_another_exit_counts_too),
		rig_test(no_exit_of_a_programs_instruction_stops_its_vm),
		rig_test(a_failed_entry_stops_the_vm_and_names_the_rule),
		rig_test(a_machine_check_during_an_entry_is_not_the_guests),
		rig_test(a_refused_entry_names_the_error),
		rig_test(a_triple_fault_stops_the_vm_with_a_report),
		rig_test(an_init_signal_is_swallowed),
		rig_test(an_instruction_ends_its_shadow),
		rig_test(a_single_step_trap_follows_the_instruction),
		rig_test(with_btf_only_branches_trap),
		rig_test(a_fault_raises_no_single_step_trap),
		rig_test(rip_wraps_at_4g_outside_64_bit_code),
		rig_test(exits_are_counted_and_the_last_ones_kept),
		rig_test(cpuid_answers_and_goes_on),
		rig_test(cache_instructions_do_nothing),
		rig_test(there_are_no_performance_counters),
		rig_test(rdmsr_fills_two_halves),
		rig_test(an_unknown_msr_is_a_gp_and_changes_nothing),
		rig_test(wrmsr_joins_two_halves),
		rig_test(xsetbv_takes_what_cpuid_offers),
		rig_test(xsetbv_refuses_the_rest),
		rig_test(xsetbv_is_the_kernels),
		rig_test(hlt_waits_behind_the_instruction),
		rig_test(an_nmi_ends_hlt),
		rig_test(an_nmi_that_is_blocked_does_not),
		rig_test(hlt_with_interrupts_off_is_said_once),
		rig_test(under_btf_hlt_halts),
		rig_test(a_single_step_trap_ends_hlt),
		rig_test(the_preemption_timer_is_armed_for_the_next_deadline),
		rig_test(without_a_preemption_timer_the_apic_watches),
		rig_test(an_idle_cpu_fires_timers_that_are_due),
		rig_test(after_a_wait_the_preemption_timer_is_right),
		rig_test(interrupts_are_taken_while_events_are_delivered),
		rig_test(stale_translations_are_flushed_before_entry),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
