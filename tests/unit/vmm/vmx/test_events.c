/* SPDX-License-Identifier: MIT */
/*
 * Events: what is delivered when, what interrupts a delivery, and exceptions that exit:
 * vmm/vmx/events.c, exit_event.c.
 */
#include "rigs/vm_rig.h"

#define WITH_CODE  ((uint32_t)INTERRUPTION_ERROR_CODE)
#define PIC_BASE   0x30
#define LINE       5 /* drives nothing in this machine, as 6 and 7 */
#define IRQ_VECTOR (PIC_BASE + LINE)

/* An exit that has no effect on events of its own. */
static void enter(void)
{
	assert_true(rig_instruction(EXIT_REASON_CPUID, 0, 2));
}

static void interrupts_on(bool on)
{
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | (on ? RFLAGS_IF : 0));
}

static bool window(uint64_t control)
{
	return vmread(VMCS_PROCESSOR_CONTROLS) & control;
}

static void out(uint16_t port, uint8_t value)
{
	port_write(&vm.machine.ports, port, 1, value);
}

static int setup(void **state)
{
	static const uint8_t icw[] = {0x11, PIC_BASE, 4, 1};
	int error = rig_setup(state);

	if (error)
		return error;
	out(0x20, icw[0]);
	for (unsigned i = 1; i < 4; i++)
		out(0x21, icw[i]);
	out(0x21, 0);
	interrupts_on(true);
	return 0;
}

#define event_test(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

/* An edge on ISA line `irq`. */
static void raise_irq(unsigned irq)
{
	machine_set_line(&vm.machine, irq, false);
	machine_set_line(&vm.machine, irq, true);
}

/* ---- Interrupts ---- */

static void an_interrupt_goes_in_at_once(void **state)
{
	(void)state;
	raise_irq(LINE);
	assert_true(rig_requests() & REQUEST_INTERRUPT);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, IRQ_VECTOR));
	assert_int_equal(rig_requests(), 0);
	assert_false(window(PROCESSOR_INTERRUPT_WINDOW));
	assert_int_equal(vm.machine.pic.chip[0].isr, 1 << LINE);
}

static void an_interrupt_waits_for_if_and_shadows(void **state)
{
	/* clang-format off */
	static const struct {
		bool on;
		uint64_t blocking;
	} cases[] = {
		{false, 0},
		{true,  BLOCKING_STI},
		{true,  BLOCKING_MOV_SS},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		raise_irq(LINE);
		interrupts_on(cases[i].on);
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, cases[i].blocking);
		assert_true(rig_exit(EXIT_REASON_EXTERNAL_INTERRUPT, 0)); /* no instruction ends here */
		assert_went_on(vmread(VMCS_GUEST_RIP));
		assert_true(window(PROCESSOR_INTERRUPT_WINDOW));
		assert_int_equal(vm.machine.pic.chip[0].isr, 0); /* not acknowledged */
		/* The window opens. */
		interrupts_on(true);
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
		assert_true(rig_exit(EXIT_REASON_INTERRUPT_WINDOW, 0));
		assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, IRQ_VECTOR));
		assert_false(window(PROCESSOR_INTERRUPT_WINDOW));
		out(0x20, 0x20);
	}
}

/*
 * SDM Vol. 3C "Delivery of Pending Debug Exceptions after VM Entry": an entry that injects an
 * interrupt or NMI drops the trap.
 */
static void a_trap_comes_before_interrupts(void **state)
{
	(void)state;
	for (unsigned nmi = 0; nmi < 2; nmi++) {
		vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF | RFLAGS_TF);
		if (nmi)
			platform_nmi(RIG_PLATFORM);
		else
			raise_irq(LINE);
		enter();
		assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), PENDING_DEBUG_BS);
		assert_int_equal(rig_injected() & INTERRUPTION_VALID, 0);
		assert_true(window(nmi ? PROCESSOR_NMI_WINDOW : PROCESSOR_INTERRUPT_WINDOW));
		vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
		vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF);
		assert_true(rig_exit(nmi ? EXIT_REASON_NMI_WINDOW : EXIT_REASON_INTERRUPT_WINDOW, 0));
		assert_true(rig_injected() & INTERRUPTION_VALID);
	}
}

/*
 * B0 to B3 may be there without bit 12: DR7 does not enable the breakpoint, and nothing comes
 * before the interrupt.
 */
static void a_breakpoint_that_is_not_enabled_keeps_nothing_back(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0xf);
	raise_irq(LINE);
	enter();
	assert_true(rig_injected() & INTERRUPTION_VALID);
}

static void a_second_interrupt_opens_the_window(void **state)
{
	(void)state;
	raise_irq(7);
	raise_irq(LINE);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, IRQ_VECTOR));
	assert_false(window(PROCESSOR_INTERRUPT_WINDOW)); /* in service: line 7 is of lower priority */
	out(0x20, 0x20);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, PIC_BASE + 7));
	raise_irq(LINE);
	raise_irq(6);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, IRQ_VECTOR));
}

static void automatic_eoi_leaves_the_next_one_pending(void **state)
{
	(void)state;
	out(0x20, 0x11);
	out(0x21, PIC_BASE);
	out(0x21, 4);
	out(0x21, 3); /* AEOI */
	out(0x21, 0);
	raise_irq(LINE);
	raise_irq(6);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, IRQ_VECTOR));
	assert_true(window(PROCESSOR_INTERRUPT_WINDOW));
	assert_true(rig_exit(EXIT_REASON_INTERRUPT_WINDOW, 0));
	assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, PIC_BASE + 6));
	assert_false(window(PROCESSOR_INTERRUPT_WINDOW));
}

static void an_interrupt_that_goes_away_is_forgotten(void **state)
{
	(void)state;
	raise_irq(LINE);
	out(0x21, 0xff);
	enter();
	assert_went_on(RIG_RIP + 2);
	/* After a window, too. */
	out(0x21, 0);
	interrupts_on(false);
	enter();
	out(0x21, 0xff);
	interrupts_on(true);
	assert_true(rig_exit(EXIT_REASON_INTERRUPT_WINDOW, 0));
	assert_int_equal(rig_injected() & INTERRUPTION_VALID, 0);
	assert_false(window(PROCESSOR_INTERRUPT_WINDOW));
}

/*
 * STI; HLT with an interrupt pending: the exit by HLT comes before that by the window, and the
 * interrupt, which is not asked for again, must still wake the guest.
 */
static void an_interrupt_that_waited_for_a_window_ends_hlt(void **state)
{
	(void)state;
	interrupts_on(false);
	raise_irq(LINE);
	enter();
	assert_true(window(PROCESSOR_INTERRUPT_WINDOW));
	interrupts_on(true);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_STI);
	assert_true(rig_instruction(EXIT_REASON_HLT, 0, 1));
	assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, IRQ_VECTOR));
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP + 1);
}

static void with_interrupts_off_it_does_not(void **state)
{
	(void)state;
	interrupts_on(false);
	raise_irq(LINE);
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
}

static void arrive(void)
{
	raise_irq(LINE);
}

static void an_interrupt_that_arrives_ends_hlt(void **state)
{
	(void)state;
	rig.idle = arrive;
	assert_true(rig_instruction(EXIT_REASON_HLT, 0, 1));
	assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, IRQ_VECTOR));
	assert_int_equal(rig.idles, 1);
}

/* ---- NMIs ---- */

static void an_nmi_goes_in_before_an_interrupt(void **state)
{
	(void)state;
	raise_irq(LINE);
	platform_nmi(RIG_PLATFORM);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_NMI, EXCEPTION_NMI));
	assert_true(window(PROCESSOR_INTERRUPT_WINDOW));
	assert_false(window(PROCESSOR_NMI_WINDOW));
}

static void an_nmi_needs_no_if(void **state)
{
	(void)state;
	interrupts_on(false);
	platform_nmi(RIG_PLATFORM);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_NMI, EXCEPTION_NMI));
}

static void an_nmi_waits_for_its_window(void **state)
{
	static const uint64_t blocking[] = {BLOCKING_NMI, BLOCKING_STI, BLOCKING_MOV_SS};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(blocking); i++) {
		platform_nmi(RIG_PLATFORM);
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, blocking[i]);
		assert_true(rig_exit(EXIT_REASON_EXTERNAL_INTERRUPT, 0));
		assert_int_equal(rig_injected() & INTERRUPTION_VALID, 0);
		assert_true(window(PROCESSOR_NMI_WINDOW));
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
		assert_true(rig_exit(EXIT_REASON_NMI_WINDOW, 0));
		assert_int_equal(rig_injected(), INJECT(EVENT_NMI, EXCEPTION_NMI));
		assert_false(window(PROCESSOR_NMI_WINDOW));
		assert_false(vm.vcpus[0]->vmx.nmi_waiting);
	}
	/* A window that nothing waits for. */
	assert_true(rig_exit(EXIT_REASON_NMI_WINDOW, 0));
	assert_int_equal(rig_injected() & INTERRUPTION_VALID, 0);
}

/* Without virtual NMIs one that was delivered is taken to last until interrupts open. */
static void without_virtual_nmis_they_wait_for_interrupts_to_open(void **state)
{
	(void)state;
	vmx_features.virtual_nmi = false;
	platform_nmi(RIG_PLATFORM);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_NMI, EXCEPTION_NMI));
	assert_true(vm.vcpus[0]->vmx.nmi_blocked);
	platform_nmi(RIG_PLATFORM);
	enter();
	assert_int_equal(rig_injected() & INTERRUPTION_VALID, 0);
	assert_true(window(PROCESSOR_INTERRUPT_WINDOW));
	assert_false(window(PROCESSOR_NMI_WINDOW));
	assert_true(rig_exit(EXIT_REASON_INTERRUPT_WINDOW, 0));
	assert_int_equal(rig_injected(), INJECT(EVENT_NMI, EXCEPTION_NMI));
}

static void an_nmi_that_waited_for_a_window_ends_hlt(void **state)
{
	(void)state;
	platform_nmi(RIG_PLATFORM);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_STI);
	assert_true(rig_exit(EXIT_REASON_EXTERNAL_INTERRUPT, 0));
	assert_true(rig_instruction(EXIT_REASON_HLT, 0, 1));
	assert_int_equal(rig_injected(), INJECT(EVENT_NMI, EXCEPTION_NMI));
}

/* ---- Queued events ---- */

static void a_queued_event_goes_first(void **state)
{
	(void)state;
	raise_irq(LINE);
	platform_nmi(RIG_PLATFORM);
	assert_int_equal(vcpu_raise(vm.vcpus[0], EXCEPTION_GP, 0x42), ACTION_RETRY);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_EXCEPTION, EXCEPTION_GP) | WITH_CODE);
	assert_int_equal(vmread(VMCS_ENTRY_ERROR_CODE), 0x42);
	assert_true(window(PROCESSOR_INTERRUPT_WINDOW));
	assert_true(window(PROCESSOR_NMI_WINDOW));
	assert_int_equal(rig_requests(), 0);
	assert_int_equal(vm.machine.pic.chip[0].isr, 0);
}

static void real_mode_has_no_error_codes(void **state)
{
	(void)state;
	rig_real_mode();
	assert_int_equal(vcpu_raise(vm.vcpus[0], EXCEPTION_GP, 0x42), ACTION_RETRY);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_EXCEPTION, EXCEPTION_GP));
}

static void software_exceptions_have_a_length(void **state)
{
	(void)state;
	assert_int_equal(vcpu_raise_software(vm.vcpus[0], EXCEPTION_BP, EVENT_SOFTWARE_EXCEPTION, 1),
	                 ACTION_RETRY);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_SOFTWARE_EXCEPTION, EXCEPTION_BP));
	assert_int_equal(vmread(VMCS_ENTRY_LENGTH), 1);
}

static void a_page_fault_loads_cr2(void **state)
{
	(void)state;
	assert_int_equal(vcpu_raise_page_fault(vm.vcpus[0], 6, 0x123456789abc), ACTION_RETRY);
	enter();
	assert_int_equal(rig_injected(), INJECT(EVENT_EXCEPTION, EXCEPTION_PF) | WITH_CODE);
	assert_int_equal(vmread(VMCS_ENTRY_ERROR_CODE), 6);
	assert_int_equal(fake_x86.cr[2], 0x123456789abc);
}

/* ---- Deliveries that an exit interrupts ---- */

/* The delivery of `info` meets a page that EPT does not map yet. */
static void interrupted_delivery(uint32_t info, uint32_t error_code, unsigned length)
{
	vmwrite(VMCS_VECTORING, info);
	vmwrite(VMCS_VECTORING_ERROR_CODE, error_code);
	vmwrite(VMCS_EXIT_LENGTH, length);
	vmwrite(VMCS_ENTRY_ERROR_CODE, 0);
	vmwrite(VMCS_ENTRY_LENGTH, 0);
	vmwrite(VMCS_GUEST_PHYSICAL_ADDRESS, 0x5000);
	assert_true(rig_exit(EXIT_REASON_EPT_VIOLATION, 2));
	vmwrite(VMCS_VECTORING, 0);
}

static void every_kind_of_event_is_delivered_anew(void **state)
{
	/* clang-format off */
	static const struct {
		uint32_t info, error_code;
		unsigned length;
	} events[] = {
		{INJECT(EVENT_INTERRUPT, 0x33),                     0,      0},
		{INJECT(EVENT_EXCEPTION, EXCEPTION_GP) | WITH_CODE, 0x1234, 0},
		{INJECT(EVENT_EXCEPTION, EXCEPTION_UD),             0,      0},
		{INJECT(EVENT_SOFTWARE_INTERRUPT, 0x80),            0,      2},
		{INJECT(EVENT_PRIVILEGED_EXCEPTION, EXCEPTION_DB),  0,      1},
		{INJECT(EVENT_SOFTWARE_EXCEPTION, EXCEPTION_BP),    0,      3},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(events); i++) {
		interrupted_delivery(events[i].info | 1u << 12 /* undefined */, events[i].error_code,
		                     events[i].length);
		assert_int_equal(rig_injected(), events[i].info);
		assert_int_equal(vmread(VMCS_ENTRY_ERROR_CODE), events[i].error_code);
		assert_int_equal(vmread(VMCS_ENTRY_LENGTH), events[i].length);
	}
}

static void an_interrupted_nmi_unblocks_first(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_NMI);
	interrupted_delivery(INJECT(EVENT_NMI, EXCEPTION_NMI), 0, 0);
	assert_int_equal(rig_injected(), INJECT(EVENT_NMI, EXCEPTION_NMI));
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), 0);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
	assert_false(vm.vcpus[0]->vmx.nmi_blocked);
	vmx_features.virtual_nmi = false;
	interrupted_delivery(INJECT(EVENT_NMI, EXCEPTION_NMI), 0, 0);
	assert_true(vm.vcpus[0]->vmx.nmi_blocked);
}

static void an_interrupted_interrupt_passes_shadows(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_STI);
	interrupted_delivery(INJECT(EVENT_INTERRUPT, 0x33), 0, 0);
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), 0);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
}

static void vectoring_fields_without_the_valid_bit_say_nothing(void **state)
{
	(void)state;
	interrupted_delivery(INJECT(EVENT_INTERRUPT, 0x33) & ~0x80000000u, 0, 0);
	assert_int_equal(rig_injected() & INTERRUPTION_VALID, 0);
}

/* ---- Exceptions that exit ---- */

static void exception(uint32_t info, uint64_t qualification)
{
	vmwrite(VMCS_EXIT_INTERRUPTION, info);
	assert_true(rig_instruction(EXIT_REASON_EXCEPTION_OR_NMI, qualification, 1));
}

static void a_debug_exception_gets_its_dr6_and_loses_gd(void **state)
{
	(void)state;
	fake_vmx.dr[6] = 0xffff0ff0 | 0xf;
	vmwrite(VMCS_GUEST_DR7, 0x2400 | 3);
	vmwrite(VMCS_GUEST_DEBUGCTL, DEBUGCTL_BTF);
	exception(INJECT(EVENT_EXCEPTION, EXCEPTION_DB), 1 << 13 | 4);
	assert_int_equal(rig_injected(), INJECT(EVENT_EXCEPTION, EXCEPTION_DB));
	assert_int_equal(fake_vmx.dr[6], 0xffff0ff0 | 1 << 13 | 4); /* B0..B3 are new, BD and BS stick */
	assert_int_equal(vmread(VMCS_GUEST_DR7), 0x403);
	assert_int_equal(vmread(VMCS_GUEST_DEBUGCTL), 0);
	exception(INJECT(EVENT_EXCEPTION, EXCEPTION_DB), 1 << 14);
	assert_int_equal(fake_vmx.dr[6], 0xffff0ff0 | 3 << 13);
	/* A trap: RF of the pushed image is as the processor saved it. */
	assert_false(vmread(VMCS_GUEST_RFLAGS) & RFLAGS_RF);
}

/*
 * A step over STI, a breakpoint on MOV DR after MOV SS, INT1: the exit leaves no BS pending, which
 * entry wants.
 */
static void an_exception_ends_the_shadow_in_which_it_came(void **state)
{
	static const uint32_t infos[] = {
		INJECT(EVENT_EXCEPTION, EXCEPTION_DB),
		INJECT(EVENT_PRIVILEGED_EXCEPTION, EXCEPTION_DB),
		INJECT(EVENT_EXCEPTION, EXCEPTION_AC) | WITH_CODE,
	};
	static const uint64_t shadows[] = {BLOCKING_STI, BLOCKING_MOV_SS};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(infos) * ARRAY_SIZE(shadows); i++) {
		vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF | RFLAGS_TF);
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, shadows[i % 2] | BLOCKING_NMI);
		exception(infos[i / 2], 1 << 14);
		assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_NMI);
		assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
	}
}

/* SDM Vol. 3C "Delivery of Pending Debug Exceptions after VM Entry": they come after INT3. */
static void a_shadow_goes_on_behind_int3(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_MOV_SS);
	interrupted_delivery(INJECT(EVENT_SOFTWARE_EXCEPTION, EXCEPTION_BP), 0, 1);
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_MOV_SS);
}

static void int1_keeps_its_kind(void **state)
{
	(void)state;
	exception(INJECT(EVENT_PRIVILEGED_EXCEPTION, EXCEPTION_DB), 0);
	assert_int_equal(rig_injected(), INJECT(EVENT_PRIVILEGED_EXCEPTION, EXCEPTION_DB));
	assert_int_equal(vmread(VMCS_ENTRY_LENGTH), 1);
}

/* Bochs names BS as a cause. */
static void int1_leaves_dr6_alone_whatever_tf_is(void **state)
{
	(void)state;
	fake_vmx.dr[6] = 0xffff0ff0 | 2;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_TF);
	exception(INJECT(EVENT_PRIVILEGED_EXCEPTION, EXCEPTION_DB), 1 << 14);
	assert_int_equal(fake_vmx.dr[6], 0xffff0ff0 | 2);
}

static void two_causes_at_once_are_both_in_dr6(void **state)
{
	(void)state;
	fake_vmx.dr[6] = 0xffff0ff0;
	exception(INJECT(EVENT_EXCEPTION, EXCEPTION_DB), 1 << 14 | 9);
	assert_int_equal(fake_vmx.dr[6], 0xffff0ff0 | 1 << 14 | 9);
}

#define SLAVE_BASE 0x70
#define FPU_VECTOR (SLAVE_BASE + 5)

static void freeze(void)
{
	exception(INJECT(EVENT_EXCEPTION, EXCEPTION_MF), 0);
}

/* Without CR0.NE the board reports an error: the interrupt comes before the instruction. */
static void an_fpu_error_without_ne_is_irq_13(void **state)
{
	(void)state;
	out(0xa0, 0x11);
	out(0xa1, SLAVE_BASE);
	out(0xa1, 2);
	out(0xa1, 1);
	freeze();
	assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, FPU_VECTOR));
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP);
	out(0xf0, 0);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	vmwrite(VMCS_ENTRY_INTERRUPTION, 0);
	/* In the shadow of STI, too. */
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_STI);
	freeze();
	assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, FPU_VECTOR));
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), 0);
}

/* The processor waits for any interrupt, and meets the error again after it. */
static void a_masked_fpu_error_freezes_the_guest(void **state)
{
	(void)state;
	out(0xa1, 0xff);
	rig.idle = arrive;
	freeze();
	assert_int_equal(rig.idles, 1);
	assert_int_equal(rig_injected(), INJECT(EVENT_INTERRUPT, IRQ_VECTOR));
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP);
	rig.idle = NULL;
	interrupts_on(false);
	vmwrite(VMCS_EXIT_INTERRUPTION, INJECT(EVENT_EXCEPTION, EXCEPTION_MF));
	assert_false(rig_exit(EXIT_REASON_EXCEPTION_OR_NMI, 0));
}

static void an_alignment_check_goes_back_with_its_code(void **state)
{
	(void)state;
	vmwrite(VMCS_EXIT_ERROR_CODE, 0);
	fake_vmx.dr[6] = 0x1234;
	exception(INJECT(EVENT_EXCEPTION, EXCEPTION_AC) | WITH_CODE, UINT64_MAX);
	assert_faulted_code(EXCEPTION_AC, 0);
	assert_int_equal(fake_vmx.dr[6], 0x1234);
}

/* What no interrupt could end on the bare machine: each delivery raises the next. */
static void an_exception_in_a_delivery_combines_with_it(void **state)
{
	(void)state;
	vmwrite(VMCS_VECTORING, INJECT(EVENT_EXCEPTION, EXCEPTION_PF) | WITH_CODE);
	exception(INJECT(EVENT_EXCEPTION, EXCEPTION_AC) | WITH_CODE, 0);
	assert_faulted(EXCEPTION_AC); /* benign: in series */
	vmwrite(VMCS_VECTORING, 0);
}

static void nmis_and_machine_checks_are_the_monitors(void **state)
{
	(void)state;
	exception(INJECT(EVENT_NMI, EXCEPTION_NMI), 0);
	assert_int_equal(fake_vmx.nmis, 1);
	assert_went_on(RIG_RIP);
	exception(INJECT(EVENT_EXCEPTION, EXCEPTION_MC), 0);
	assert_int_equal(fake_vmx.machine_checks, 1);
	assert_went_on(RIG_RIP);
}

static void real_interrupts_are_served(void **state)
{
	(void)state;
	vmwrite(VMCS_EXIT_INTERRUPTION, INJECT(EVENT_INTERRUPT, 0xef));
	assert_true(rig_instruction(EXIT_REASON_EXTERNAL_INTERRUPT, 0, 0));
	assert_int_equal(rig.interrupts, 1);
	assert_int_equal(rig.vector, 0xef);
	assert_went_on(RIG_RIP);
}

/* SDM Vol. 3C "Resuming Guest Software after Handling an Exception". */
static void a_faulting_iret_blocks_nmis_again(void **state)
{
	enum {
		UNBLOCKED = INTERRUPTION_NMI_UNBLOCKING,
		ac = INJECT(EVENT_EXCEPTION, EXCEPTION_AC),
		df = INJECT(EVENT_EXCEPTION, EXCEPTION_DF),
		interrupt = INJECT(EVENT_INTERRUPT, 0x33),
	};
	/* clang-format off */
	static const struct {
		uint32_t info, vectoring;
		bool blocks;
	} cases[] = {
		{ac | UNBLOCKED, 0,         true},
		{ac,             0,         false},
		{df | UNBLOCKED, 0,         false},
		{ac | UNBLOCKED, interrupt, false},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
		vmwrite(VMCS_VECTORING, cases[i].vectoring);
		exception(cases[i].info, 0);
		assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), cases[i].blocks ? BLOCKING_NMI : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		event_test(an_interrupt_goes_in_at_once),
		event_test(an_interrupt_waits_for_if_and_shadows),
		event_test(a_trap_comes_before_interrupts),
		event_test(a_breakpoint_that_is_not_enabled_keeps_nothing_back),
		event_test(a_second_interrupt_opens_the_window),
		event_test(automatic_eoi_leaves_the_next_one_pending),
		event_test(an_interrupt_that_goes_away_is_forgotten),
		event_test(an_interrupt_that_waited_for_a_window_ends_hlt),
		event_test(with_interrupts_off_it_does_not),
		event_test(an_interrupt_that_arrives_ends_hlt),
		event_test(an_nmi_goes_in_before_an_interrupt),
		event_test(an_nmi_needs_no_if),
		event_test(an_nmi_waits_for_its_window),
		event_test(without_virtual_nmis_they_wait_for_interrupts_to_open),
		event_test(an_nmi_that_waited_for_a_window_ends_hlt),
		event_test(a_queued_event_goes_first),
		event_test(real_mode_has_no_error_codes),
		event_test(software_exceptions_have_a_length),
		event_test(a_page_fault_loads_cr2),
		event_test(every_kind_of_event_is_delivered_anew),
		event_test(an_interrupted_nmi_unblocks_first),
		event_test(an_interrupted_interrupt_passes_shadows),
		event_test(vectoring_fields_without_the_valid_bit_say_nothing),
		event_test(a_debug_exception_gets_its_dr6_and_loses_gd),
		event_test(an_exception_ends_the_shadow_in_which_it_came),
		event_test(a_shadow_goes_on_behind_int3),
		event_test(int1_keeps_its_kind),
		event_test(int1_leaves_dr6_alone_whatever_tf_is),
		event_test(two_causes_at_once_are_both_in_dr6),
		event_test(an_fpu_error_without_ne_is_irq_13),
		event_test(a_masked_fpu_error_freezes_the_guest),
		event_test(an_alignment_check_goes_back_with_its_code),
		event_test(an_exception_in_a_delivery_combines_with_it),
		event_test(nmis_and_machine_checks_are_the_monitors),
		event_test(real_interrupts_are_served),
		event_test(a_faulting_iret_blocks_nmis_again),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
