/* SPDX-License-Identifier: MIT */
/* Exits of a vCPU that is measured, traced or audited: vmm/vmx/instrumented.c. */
#include "rigs/vm_rig.h"
#include "vmm/observe/trace.h"

static const struct trace_record *record(uint64_t at)
{
	assert_true(at < trace_ring(0)->written);
	return &trace_ring(0)->record[at];
}

static int boot(void **state)
{
	int error = rig_boot(state);

	return error ? error : trace_init_cpu(0);
}

static int setup(void **state)
{
	int error;

	trace_on = false;
	fake_x86.tsc_step = 0;
	error = rig_setup(state);
	((struct trace_ring *)trace_ring(0))->written = 0; /* the start was noted */
	return error;
}

#define watched_test(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

/* An exit at TSC `tsc`, as the entry for watched vCPUs in entry.S has it. */
static void watched_exit(uint32_t reason, uint64_t qualification, uint64_t tsc)
{
	vmwrite(VMCS_GUEST_RIP, RIG_RIP);
	vmwrite(VMCS_EXIT_LENGTH, 2);
	rig_hardware_exit(reason, qualification);
	vmx_exit_instrumented(vm.vcpus[0], tsc);
}

/* The next entry. */
static void settle(void)
{
	if (rig_requests())
		vmx_serve_requests();
}

static void watch(uint8_t what)
{
	vm_watch(&vm, what);
	settle();
}

static void host_rip_tells_the_two_kinds_apart(void **state)
{
	(void)state;
	assert_int_equal(vmread(VMCS_HOST_RIP), (uint64_t)vmx_exit_entry);
	vm_watch(&vm, WATCH_MEASURE);
	assert_int_equal(vmread(VMCS_HOST_RIP), (uint64_t)vmx_exit_entry); /* it may be another CPU's */
	settle();
	assert_int_equal(vmread(VMCS_HOST_RIP), (uint64_t)vmx_exit_entry_instrumented);
	watch(WATCH_MEASURE | WATCH_TRACE);
	assert_int_equal(vmread(VMCS_HOST_RIP), (uint64_t)vmx_exit_entry_instrumented);
	watch(0);
	assert_int_equal(vmread(VMCS_HOST_RIP), (uint64_t)vmx_exit_entry);
}

/* ---- The audit ---- */

static void break_a_rule(void)
{
	vmwrite(VMCS_GUEST_DR7, 1UL << 32);
}

static bool ended(void)
{
	return strstr(rig.log, "guest DR7 = 0x100000000: bits 63:32 are not 0") &&
	       strstr(rig.log, "vm bench: it does not go on in that state") && vm.end == VM_BAD_STATE;
}

static void a_sound_state_passes_the_audit(void **state)
{
	(void)state;
	watch(WATCH_AUDIT);
	watched_exit(EXIT_REASON_CPUID, 0, 100);
	assert_int_equal(rig_requests(), 0);
	assert_null(strstr(rig.log, "broken"));
}

static void a_broken_state_ends_the_vm_behind_an_exit(void **state)
{
	(void)state;
	watch(WATCH_AUDIT);
	break_a_rule();
	watched_exit(EXIT_REASON_CPUID, 0, 100);
	assert_true(rig_requests() & REQUEST_STOP);
	assert_true(ended());
}

static void nobody_audits_who_is_not_asked_to(void **state)
{
	(void)state;
	watch(WATCH_MEASURE | WATCH_TRACE);
	break_a_rule();
	watched_exit(EXIT_REASON_CPUID, 0, 100);
	assert_int_equal(rig_requests(), 0);
}

static void a_broken_state_ends_the_vm_as_it_is_to_be_entered(void **state)
{
	(void)state;
	break_a_rule();
	vm_watch(&vm, WATCH_AUDIT);
	assert_false(rig_exit(EXIT_REASON_EXTERNAL_INTERRUPT, 0)); /* none is left to run */
	assert_true(ended());
}

static void a_reset_goes_on_watching(void **state)
{
	(void)state;
	watch(WATCH_TRACE);
	vm_reset(&vm);
	assert_true(rig_exit(EXIT_REASON_EXTERNAL_INTERRUPT, 0));
	assert_int_equal(vmread(VMCS_HOST_RIP), (uint64_t)vmx_exit_entry_instrumented);
}

static void ticks_are_counted_by_reason(void **state)
{
	(void)state;
	watch(WATCH_MEASURE);
	fake_x86.tsc = 5000;
	watched_exit(EXIT_REASON_CPUID, 0, 4900);
	watched_exit(EXIT_REASON_CPUID, 0, 4800);
	assert_int_equal(vm.vcpus[0]->exit_ticks[EXIT_REASON_CPUID], 300);
	assert_int_equal(vm.vcpus[0]->exit_measured[EXIT_REASON_CPUID], 2);
	assert_int_equal(vm.vcpus[0]->exit_count[EXIT_REASON_CPUID], 2);
	assert_int_equal(vm.vcpus[0]->exit_measured[EXIT_REASON_HLT], 0);
	assert_went_on(RIG_RIP + 2);
	assert_int_equal(trace_ring(0)->written, 0); /* that is another thing */
	vm_stop(&vm, VM_FORCED);
}

static void an_injection_belongs_to_the_exit(void **state)
{
	(void)state;
	watch(WATCH_MEASURE | WATCH_TRACE);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED);
	fake_x86.tsc = 5000;
	fake_x86.tsc_step = 10;
	vcpu_request(vm.vcpus[0], REQUEST_NMI);
	watched_exit(EXIT_REASON_CPUID, 0, 4900);
	assert_int_equal(rig_requests(), 0);
	assert_int_equal(rig_injected(), INJECT(EVENT_NMI, EXCEPTION_NMI));
	assert_int_equal(trace_ring(0)->written, 2);
	assert_int_equal(record(0)->event, TRACE_EXIT);
	assert_true(record(0)->ticks > 100);
	assert_int_equal(record(1)->event, TRACE_INJECT);
	assert_int_equal(record(1)->code, EXCEPTION_NMI);
	assert_int_equal(record(1)->a, EVENT_NMI);
	assert_true(record(1)->tsc - record(0)->tsc < record(0)->ticks);
	assert_true(vm.vcpus[0]->exit_ticks[EXIT_REASON_CPUID] >= record(0)->ticks);
}

static void a_wait_does_not_belong_to_it(void **state)
{
	(void)state;
	watch(WATCH_MEASURE | WATCH_TRACE);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF);
	fake_x86.tsc = 5000;
	watched_exit(EXIT_REASON_HLT, 0, 4990);
	assert_int_equal(rig_requests(), REQUEST_HALTED); /* entry.S calls vmx_serve_requests() */
	assert_int_equal(vm.vcpus[0]->exit_ticks[EXIT_REASON_HLT], 10);
	assert_int_equal(record(0)->ticks, 10);
}

static void a_record_says_which_exit(void **state)
{
	(void)state;
	watch(WATCH_TRACE);
	fake_x86.tsc = 5000;
	watched_exit(EXIT_REASON_CPUID, 0x1234, 4900);
	assert_int_equal(trace_ring(0)->written, 1);
	assert_int_equal(record(0)->tsc, 4900);
	assert_int_equal(record(0)->vm, 0);
	assert_int_equal(record(0)->code, EXIT_REASON_CPUID);
	assert_int_equal(record(0)->a, RIG_RIP);
	assert_int_equal(record(0)->b, 0x1234);
	assert_int_equal(record(0)->ticks, 100);
	assert_int_equal(vm.vcpus[0]->exit_measured[EXIT_REASON_CPUID], 0);
}

static void an_unclaimed_port_is_noted(void **state)
{
	(void)state;
	watch(WATCH_TRACE);
	watched_exit(EXIT_REASON_IO_INSTRUCTION, 0x1234UL << 16 | 8, 1);
	assert_int_equal(trace_ring(0)->written, 2);
	assert_int_equal(record(1)->event, TRACE_PORT);
	assert_int_equal(record(1)->a, 0x1234);
	watched_exit(EXIT_REASON_IO_INSTRUCTION, 0x21UL << 16 | 8, 1); /* the PIC's */
	assert_int_equal(trace_ring(0)->written, 3);
}

static void an_unknown_reason_harms_nobody(void **state)
{
	(void)state;
	watch(WATCH_MEASURE | WATCH_TRACE);
	watched_exit(EXIT_REASONS, 0, 1);
	assert_int_equal(vm.end, VM_UNEXPECTED_EXIT);
	assert_int_equal(record(0)->code, EXIT_REASONS);
	for (unsigned i = 0; i < EXIT_REASONS; i++)
		assert_int_equal(vm.vcpus[0]->exit_measured[i], 0);
}

static void lives_are_always_noted(void **state)
{
	(void)state;
	vm_reset(&vm);
	vm_stop(&vm, VM_FORCED);
	assert_int_equal(trace_ring(0)->written, 2);
	assert_int_equal(record(0)->event, TRACE_RESET);
	assert_int_equal(record(1)->event, TRACE_STOP);
	assert_int_equal(record(1)->a, VM_FORCED);
}

static void interrupts_are_counted_even_if_nobody_watches(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF);
	vcpu_request(vm.vcpus[0], REQUEST_INTERRUPT);
	assert_true(rig_exit(EXIT_REASON_EXTERNAL_INTERRUPT, 0));
	assert_true(rig_injected() & INTERRUPTION_VALID);
	assert_int_equal(vm.vcpus[0]->injected, 1);
	assert_int_equal(trace_ring(0)->written, 0);
}

/* ---- Breakpoints on ports ---- */

#define OUT_80 (0x80UL << 16) /* exit qualification of a byte to port 80h */

/* The guest's debug registers cost an exit once; without a breakpoint the watch ends. */
static void the_first_access_to_a_debug_register_begins_the_watch(void **state)
{
	(void)state;
	assert_true(vmread(VMCS_PROCESSOR_CONTROLS) & PROCESSOR_MOV_DR);
	assert_true(rig_instruction(EXIT_REASON_MOV_DR, 7, 3));
	assert_went_on(RIG_RIP); /* it runs again */
	assert_false(vmread(VMCS_PROCESSOR_CONTROLS) & PROCESSOR_MOV_DR);
	assert_int_equal(vmread(VMCS_HOST_RIP), (uint64_t)vmx_exit_entry_instrumented);
	watched_exit(EXIT_REASON_IO_INSTRUCTION, OUT_80, 100); /* DR7 has none */
	assert_true(vmread(VMCS_PROCESSOR_CONTROLS) & PROCESSOR_MOV_DR);
	assert_int_equal(vmread(VMCS_HOST_RIP), (uint64_t)vmx_exit_entry);
}

static void a_port_that_dr7_watches_traps(void **state)
{
	(void)state;
	assert_true(rig_instruction(EXIT_REASON_MOV_DR, 7, 3));
	fake_vmx.dr[1] = 0x81;
	vmwrite(VMCS_GUEST_DR7, 0x408 | 2 << 20);
	vmwrite(VMCS_GUEST_CR4, vmread(VMCS_GUEST_CR4) | CR4_DE);
	watched_exit(EXIT_REASON_IO_INSTRUCTION, OUT_80, 100);
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), 0);
	watched_exit(EXIT_REASON_IO_INSTRUCTION, OUT_80 | 1, 100); /* a word */
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), PENDING_DEBUG_BREAKPOINT | 2);
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP + 2);
	/* An operator's watch changes nothing about it. */
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
	watch(WATCH_MEASURE);
	watch(0);
	assert_int_equal(vmread(VMCS_HOST_RIP), (uint64_t)vmx_exit_entry_instrumented);
	watched_exit(EXIT_REASON_IO_INSTRUCTION, OUT_80 | 1, 100);
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), PENDING_DEBUG_BREAKPOINT | 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		watched_test(host_rip_tells_the_two_kinds_apart),
		watched_test(a_reset_goes_on_watching),
		watched_test(ticks_are_counted_by_reason),
		watched_test(an_injection_belongs_to_the_exit),
		watched_test(a_wait_does_not_belong_to_it),
		watched_test(a_record_says_which_exit),
		watched_test(an_unclaimed_port_is_noted),
		watched_test(an_unknown_reason_harms_nobody),
		watched_test(lives_are_always_noted),
		watched_test(interrupts_are_counted_even_if_nobody_watches),
		watched_test(a_sound_state_passes_the_audit),
		watched_test(a_broken_state_ends_the_vm_behind_an_exit),
		watched_test(a_broken_state_ends_the_vm_as_it_is_to_be_entered),
		watched_test(nobody_audits_who_is_not_asked_to),
		watched_test(the_first_access_to_a_debug_register_begins_the_watch),
		watched_test(a_port_that_dr7_watches_traps),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
