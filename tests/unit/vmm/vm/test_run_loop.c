/* SPDX-License-Identifier: MIT */
/* Who is entered, and what makes a vCPU run: vmm/vm/run_loop.c, vm_sched.c, vmm/x86/vcpu_kick.c. */
#include "rigs/vm_life.h"

/* ---- What holds a vCPU back ---- */

static void a_held_vcpu_does_not_run(void **state)
{
	static const uint32_t holds[] = {REQUEST_STOP, REQUEST_PAUSE};
	struct vcpu *vcpu = vm.vcpus[0];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(holds); i++) {
		assert_true(rig_run());
		vcpu_request(vcpu, holds[i]);
		assert_false(rig_run());
		vcpu_kick(vcpu, REQUEST_INTERRUPT | REQUEST_NMI | REQUEST_WORK);
		assert_false(rig_run());
		assert_int_equal(vcpu->sched.state, SCHED_BLOCKED);
		vcpu->requests &= ~(holds[i] | REQUEST_INTERRUPT | REQUEST_NMI | REQUEST_WORK);
		sched_wake(&vcpu->sched);
	}
	assert_false(vm.halted_said);
}

static void hlt_with_interrupts_off_is_told_once(void **state)
{
	struct vcpu *vcpu = vm.vcpus[0];

	(void)state;
	vcpu->requests |= REQUEST_HALTED;
	vcpu->wakes = REQUEST_NMI;
	vcpu->requests |= REQUEST_INTERRUPT; /* does not wake */
	assert_false(rig_run());
	assert_int_equal(vcpu->sched.state, SCHED_BLOCKED);
	assert_logged("vm bench: halted with interrupts off");
	rig.log_length = 0;
	memset(rig.log, 0, sizeof(rig.log));
	vcpu_kick(vcpu, REQUEST_NMI);
	assert_true(rig_run());
	assert_false(vcpu->requests & REQUEST_HALTED);
	vcpu->requests |= REQUEST_HALTED;
	vcpu->wakes = REQUEST_NMI;
	assert_false(rig_run());
	assert_null(strstr(rig.log, "halted"));
}

static void a_reschedule_is_over_when_the_vcpu_is_entered(void **state)
{
	(void)state;
	assert_true(rig_run());
	cpu_reschedule(&cpu);
	assert_int_equal(rig_requests(), REQUEST_RESCHEDULE);
	vmx_serve_requests();
	assert_ptr_equal(cpu.current, vm.vcpus[0]);
	assert_int_equal(rig_requests(), 0);
	assert_false(cpu.rescheduled);
	assert_int_equal(vm.vcpus[0]->sched.switches, 1);
}

/* The device that wakes it is in the middle of its work. */
static void a_timer_that_wakes_its_vcpu_is_still_armed_by_its_device(void **state)
{
	(void)state;
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
	vm_arm_timer(&vm, 5000000000);
	vcpu_kick(vm.vcpus[0], REQUEST_NMI);
	assert_int_equal(vm.vcpus[0]->sched.state, SCHED_WOKEN);
	assert_true(timer_armed(&vm.timer));
	assert_true(rig_run());
	assert_int_equal(vm.vcpus[0]->sched.state, SCHED_RUNNING);
}

/* ---- Kicks from another processor ---- */

static void kick_from_second(uint32_t requests)
{
	rig.kicked = 0;
	on(&second);
	vcpu_kick(vm.vcpus[0], requests);
	on(&cpu);
}

static void a_kick_is_merged_on_the_vcpus_cpu(void **state)
{
	struct vcpu *vcpu = vm.vcpus[0];

	(void)state;
	assert_true(rig_run());
	add_second();
	kick_from_second(REQUEST_NMI);
	assert_int_equal(rig_requests(), 0); /* that word is its own CPU's */
	assert_int_equal(vcpu->kicked, REQUEST_NMI);
	assert_int_equal(rig.kicked, cpu.apic_id + 1);
	cpu_run_calls(&cpu);
	assert_int_equal(rig_requests(), REQUEST_NMI);
	assert_int_equal(vcpu->kicked, 0);
}

static void a_kick_wakes_a_sleeper(void **state)
{
	(void)state;
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
	add_second();
	kick_from_second(REQUEST_NMI);
	assert_int_equal(vm.vcpus[0]->sched.state, SCHED_BLOCKED);
	assert_true(rig_run());
	assert_int_equal(rig_injected(), INJECT(EVENT_NMI, 2));
}

static void kicks_that_wait_are_one_call(void **state)
{
	(void)state;
	assert_true(rig_run());
	add_second();
	kick_from_second(REQUEST_NMI);
	kick_from_second(REQUEST_FLUSH);
	assert_int_equal(rig.kicked, 0); /* no second interrupt */
	cpu_run_calls(&cpu);
	assert_int_equal(rig_requests(), REQUEST_NMI | REQUEST_FLUSH);
	kick_from_second(REQUEST_PAUSE); /* after that it is a new one */
	assert_int_equal(rig.kicked, cpu.apic_id + 1);
	cpu_run_calls(&cpu);
	assert_true(rig_requests() & REQUEST_PAUSE);
	vm.vcpus[0]->requests &= ~(uint32_t)REQUEST_PAUSE;
}

static void a_kick_on_the_vcpus_own_cpu_is_there_at_once(void **state)
{
	(void)state;
	assert_true(rig_run());
	rig.kicked = 0;
	vcpu_kick(vm.vcpus[0], REQUEST_NMI);
	assert_int_equal(rig_requests(), REQUEST_NMI);
	assert_int_equal(vm.vcpus[0]->kicked, 0);
	assert_int_equal(rig.kicked, 0);
}

/* It was this CPU's when the kick was sent. */
static void a_kick_follows_a_vcpu_that_moved(void **state)
{
	struct vcpu *vcpu = vm.vcpus[0];

	(void)state;
	assert_true(rig_run());
	add_second();
	kick_from_second(REQUEST_NMI);
	sched_leave(&cpu, &vcpu->sched);
	vcpu->sched.cpus = BIT(1);
	sched_send(&vcpu->sched);
	cpu_run_calls(&cpu);
	assert_int_equal(vcpu->kicked, REQUEST_NMI);
	assert_int_equal(rig_requests(), 0);
	assert_true(run_second());
	assert_int_equal(vcpu->kicked, 0);
	assert_ptr_equal(second.current, vcpu);
	assert_int_equal(rig_injected(), INJECT(EVENT_NMI, 2));
}

/* On its way it belongs to the CPU that it goes to. */
static void a_vcpu_on_its_way_can_be_kicked(void **state)
{
	struct vcpu *vcpu = vm.vcpus[0];

	(void)state;
	assert_true(rig_run());
	add_second();
	sched_leave(&cpu, &vcpu->sched);
	vcpu->sched.cpus = BIT(1);
	sched_send(&vcpu->sched);
	vcpu_kick(vcpu, REQUEST_NMI);
	assert_int_equal(vcpu->kicked, REQUEST_NMI);
	assert_true(run_second());
	assert_int_equal(vcpu->kicked, 0);
	assert_int_equal(rig_injected(), INJECT(EVENT_NMI, 2));
}

static void a_watch_makes_the_vcpu_take_notice(void **state)
{
	(void)state;
	assert_true(rig_run());
	add_second();
	on(&second);
	vm_watch(&vm, WATCH_MEASURE);
	on(&cpu);
	assert_int_equal(vm.vcpus[0]->watch, WATCH_MEASURE);
	assert_int_equal(vm.vcpus[0]->instrumented, 0);
	cpu_run_calls(&cpu);
	assert_int_equal(rig_requests(), REQUEST_RESCHEDULE);
	vmx_serve_requests();
	assert_int_equal(vm.vcpus[0]->instrumented, WATCH_MEASURE);
}

static unsigned pieces;

static void work_in_pieces(struct cpu_call *call)
{
	if (--pieces)
		cpu_call(&cpu, call);
}

/* Such a guest gets a turn before each piece, and not a long one. */
static void a_call_that_queues_itself_lets_guests_run(void **state)
{
	static struct cpu_call call = {.run = work_in_pieces};

	(void)state;
	assert_true(rig_run());
	pieces = 3;
	cpu_call(&cpu, &call);
	vmx_serve_requests();
	for (unsigned left = 2; left; left--) {
		assert_ptr_equal(cpu.current, vm.vcpus[0]);
		assert_int_equal(pieces, left);
		assert_true(cpu_deadline(&cpu) <= fake_x86.tsc + 100000);
		fake_x86.tsc += 100000;
		rig_exit(EXIT_REASON_PREEMPTION_TIMER, 0);
	}
	assert_int_equal(pieces, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		vm_test(a_held_vcpu_does_not_run),
		vm_test(hlt_with_interrupts_off_is_told_once),
		vm_test(a_reschedule_is_over_when_the_vcpu_is_entered),
		vm_test(a_timer_that_wakes_its_vcpu_is_still_armed_by_its_device),
		vm_test(a_kick_is_merged_on_the_vcpus_cpu),
		vm_test(a_kick_wakes_a_sleeper),
		vm_test(kicks_that_wait_are_one_call),
		vm_test(a_kick_on_the_vcpus_own_cpu_is_there_at_once),
		vm_test(a_kick_follows_a_vcpu_that_moved),
		vm_test(a_vcpu_on_its_way_can_be_kicked),
		vm_test(a_watch_makes_the_vcpu_take_notice),
		vm_test(a_call_that_queues_itself_lets_guests_run),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
