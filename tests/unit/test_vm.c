/* The life of a VM: vmm/vm.c. */
#include "vm_rig.h"
#include "devices/virtual/services.h"

#define EXIT_CPUID 10
#define EXIT_HLT   12
#define EXIT_IO    30

static char problem[300];
static unsigned stopped_calls, loads;
static int load_result;

static void all_stopped(void)
{
	stopped_calls++;
}

static int load(struct vm *which, struct vcpu_start *start, char *text, size_t size)
{
	loads++;
	if (load_result)
		snprintf(text, size, "the kernel is not one");
	return load_result ? load_result : rig_load(which, start, text, size);
}

static struct vm other;
static struct cpu second; /* a processor that some tests have besides */

/* The tests' code is that processor's from here on. */
static void on(struct cpu *which)
{
	fake_x86.per_cpu = which;
}

static void add_second(void)
{
	memset(&second, 0, sizeof(second));
	second.apic_id = 7;
	cpu_init(&second, 1);
	cpu_add(&second);
}

/* That processor's run loop, up to its next entry; false: it waits. */
static bool run_second(void)
{
	bool runs;

	on(&second);
	runs = rig_run_on(&second);
	on(&cpu);
	return runs;
}

static int setup(void **state)
{
	int error = rig_setup(state);

	stopped_calls = loads = 0;
	load_result = 0;
	vm.plan.load = load;
	vm_all_stopped = all_stopped;
	return error;
}

/* Forget the second VM. */
static int teardown(void **state)
{
	vm_all_stopped = NULL;
	on(&cpu);
	if (cpu_count > 1) {
		vm_ask(&vm, VM_FORCE);
		run_second();
		cpu_count = 1;
	}
	if (vm_get(1)) {
		vm_ask_and_wait(&other, VM_FORCE);
		channel_remove(&other.console);
	}
	vm_count = 1;
	return rig_teardown(state);
}

#define vm_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void out(uint16_t port, uint8_t value)
{
	port_write(&vm.machine.ports, port, 1, value);
}

/* ---- Start ---- */

static void a_vm_that_started_is_known(void **state)
{
	(void)state;
	assert_int_equal(vm.state, VM_RUNNING);
	assert_string_equal(vm.name, "bench");
	assert_int_equal(vm.vcpu.vpid, 1);
	assert_int_equal(vm.console.number, 1);
	assert_ptr_equal(vm_get(0), &vm);
	assert_null(vm_get(1));
	assert_null(vm_get(VMS_MAX));
	assert_ptr_equal(vm_find("bench"), &vm);
	assert_null(vm_find("other"));
	assert_int_equal(vm_count, 1);
	assert_int_equal(service_clock_ns(&vm.machine), fake_x86.tsc - vm.clock_base);
	assert_int_equal(cpu.current == &vm.vcpu, true);
}

static void states_and_ends_have_words(void **state)
{
	(void)state;
	assert_string_equal(vm_state_name(VM_STOPPED), "stopped");
	assert_string_equal(vm_state_name(VM_STARTING), "starting");
	assert_string_equal(vm_state_name(VM_RUNNING), "running");
	assert_string_equal(vm_state_name(VM_PAUSED), "paused");
	assert_string_equal(vm_state_name(VM_HELD), "held");
	for (unsigned end = VM_NOT_STARTED; end <= VM_NOT_LOADED; end++)
		for (unsigned before = VM_NOT_STARTED; before < end; before++)
			assert_string_not_equal(vm_end_name(end), vm_end_name(before));
	assert_string_equal(vm_end_name(VM_NOT_STARTED), "has not run yet");
}

/* ---- A start that fails leaves nothing ---- */

static void define_other(const struct vm_plan *plan)
{
	if (vm_get(1))
		channel_remove(&other.console);
	memset(&other, 0, sizeof(other));
	vm_define(&other, plan, 1);
}

static int start_other(const struct vm_plan *plan)
{
	define_other(plan);
	memset(problem, 0, sizeof(problem));
	return vm_start(&other, problem, sizeof(problem));
}

/* Its turns, until it runs or has ended. */
static void run_other(void)
{
	for (unsigned i = 0; i < 100 && other.state == VM_STARTING; i++) {
		fake_x86.tsc += 2 * SCHED_SLICE_NS;
		rig_run();
	}
}

static void assert_nothing_left(uint64_t monitors)
{
	assert_int_equal(frames_owned(VM_OWNER(&other)), 0);
	assert_int_equal(frames_owned(FRAME_OWNER_MONITOR), monitors);
	assert_int_equal(other.state, VM_STOPPED);
	assert_int_equal(other.vcpu.sched.state, SCHED_NOWHERE);
	assert_false(timer_armed(&other.timer));
	assert_false(timer_armed(&other.delay));
	/* Its neighbour goes on. */
	assert_true(rig_run());
	assert_ptr_equal(cpu.current, &vm.vcpu);
}

static void a_vm_that_is_off_is_known(void **state)
{
	struct vm_plan plan = rig_plan;

	(void)state;
	plan.name = "other";
	define_other(&plan);
	assert_ptr_equal(vm_get(1), &other);
	assert_ptr_equal(vm_find("other"), &other);
	assert_ptr_equal(channel_find(2), &other.console);
	assert_int_equal(vm_count, 2);
	assert_int_equal(other.state, VM_STOPPED);
	assert_int_equal(other.end, VM_NOT_STARTED);
	assert_nothing_left(frames_owned(FRAME_OWNER_MONITOR));
	/* Requests have no meaning for it. */
	assert_true(vm_ask_and_wait(&other, VM_CONSOLE | VM_BUTTON | VM_PAUSE | VM_RESUME | VM_RESET |
	                                            VM_FORCE | VM_FREE | VM_DUMP));
	assert_int_equal(other.state, VM_STOPPED);
	assert_string_equal(vm_dumped, "");
	assert_nothing_left(frames_owned(FRAME_OWNER_MONITOR));
	assert_int_equal(stopped_calls, 0);
}

static void images_that_cannot_be_loaded(void **state)
{
	struct vm_plan plan = rig_plan;
	uint64_t monitors = frames_owned(FRAME_OWNER_MONITOR);

	(void)state;
	plan.name = "other";
	plan.load = load;
	load_result = -ERR_INVALID;
	assert_int_equal(start_other(&plan), 0);
	assert_int_equal(other.state, VM_STARTING);
	run_other();
	assert_logged("error: vm other: the kernel is not one\nvm other: its images could not be loaded");
	assert_int_equal(other.end, VM_NOT_LOADED);
	assert_nothing_left(monitors);
	assert_int_equal(loads, 1);
	assert_int_equal(stopped_calls, 0);
}

static void more_memory_than_there_is(void **state)
{
	struct vm_plan plan = rig_plan;
	uint64_t monitors = frames_owned(FRAME_OWNER_MONITOR), free = frames_stat().free;
	char sentence[200];

	(void)state;
	plan.name = "other";
	plan.memory = GIB(1);
	snprintf(sentence, sizeof(sentence),
	         "memory = 1024M, but only %luM of this machine's memory are free: give the VM less, or the "
	         "machine more",
	         free * PAGE_SIZE >> 20);
	assert_int_equal(start_other(&plan), -ERR_NO_MEMORY);
	assert_string_equal(problem, sentence);
	assert_nothing_left(monitors);
	assert_int_equal(frames_stat().free, free);
}

/* The monitor's tables must still fit, or the next page of a guest could not be mapped. */
static void a_vm_may_not_take_the_last_memory(void **state)
{
	struct vm_plan plan = rig_plan;

	(void)state;
	plan.name = "other";
	plan.memory = ALIGN_DOWN(frames_stat().free * PAGE_SIZE, MIB(1));
	assert_int_equal(start_other(&plan), -ERR_NO_MEMORY);
	plan.memory -= MIB(2);
	assert_int_equal(start_other(&plan), 0);
}

static int populate_and_fail(struct guest_map *map, uint64_t memory)
{
	int error = rig_populate(map, memory);

	return error ? error : -ERR_NO_MEMORY;
}

static void memory_that_cannot_be_laid_out(void **state)
{
	struct vm_plan plan = rig_plan;
	uint64_t monitors = frames_owned(FRAME_OWNER_MONITOR);

	(void)state;
	plan.name = "other";
	plan.populate = populate_and_fail;
	assert_int_equal(start_other(&plan), -ERR_NO_MEMORY);
	assert_nothing_left(monitors);
}

static void more_uarts_than_a_pc_has(void **state)
{
	struct vm_plan plan = rig_plan;
	uint64_t monitors = frames_owned(FRAME_OWNER_MONITOR);

	(void)state;
	plan.name = "other";
	plan.machine.uarts = MACHINE_UARTS + 1;
	assert_int_equal(start_other(&plan), 0);
	run_other();
	assert_logged("error: vm other: its devices cannot be made (error -1)");
	assert_int_equal(other.end, VM_NOT_LOADED);
	assert_nothing_left(monitors);
}

/* The n-th allocation behind populate() fails, for all of them. */
static hpa_t hoard[4096];
static unsigned hoarded, to_leave;

static int populate_and_hoard(struct guest_map *map, uint64_t memory)
{
	(void)map;
	(void)memory;
	for (hoarded = 0; hoarded < ARRAY_SIZE(hoard);) {
		unsigned order = FRAME_ORDERS;
		hpa_t hpa = 0;

		while (!hpa && order--)
			hpa = frames_alloc(order, FRAME_OWNER_MONITOR, FRAME_DATA);
		if (!hpa)
			break;
		hoard[hoarded++] = hpa | order;
	}
	/* Give back as many single frames as shall be left. */
	for (unsigned i = 0; i < to_leave; i++) {
		hpa_t last = hoard[hoarded - 1];

		if (last & 0xfff) {
			hpa_t start = last & ~0xfffUL;
			unsigned order = last & 0xfff;

			frames_split(start, order, FRAME_ORDER_4K);
			hoarded--;
			for (unsigned n = 0; n < 1u << order && hoarded < ARRAY_SIZE(hoard); n++)
				hoard[hoarded++] = start + n * PAGE_SIZE;
			last = hoard[hoarded - 1];
		}
		frames_free(last, FRAME_ORDER_4K);
		hoarded--;
	}
	return 0;
}

static void end_of_hoarding(void)
{
	while (hoarded--)
		frames_free(hoard[hoarded] & ~0xfffUL, hoard[hoarded] & 0xfff);
}

static void no_memory_for_tables_or_the_vmcs(void **state)
{
	struct vm_plan plan = rig_plan;
	uint64_t monitors = frames_owned(FRAME_OWNER_MONITOR);

	(void)state;
	plan.name = "other";
	plan.populate = populate_and_hoard;
	for (to_leave = 0; to_leave < 3; to_leave++) {
		int error = start_other(&plan);

		end_of_hoarding();
		assert_int_equal(error, -ERR_NO_MEMORY);
		assert_string_equal(
			problem, "not enough memory for the monitor's tables: give the machine more memory");
		assert_nothing_left(monitors);
	}
}

static void no_memory_at_all(void **state)
{
	struct vm_plan plan = rig_plan;
	struct guest_map none;

	(void)state;
	plan.name = "other";
	to_leave = 0;
	assert_int_equal(populate_and_hoard(&none, 0), 0);
	assert_int_equal(start_other(&plan), -ERR_NO_MEMORY);
	end_of_hoarding();
	assert_string_equal(problem,
	                    "not enough memory for the monitor's tables: give the machine more memory");
	assert_int_equal(frames_owned(VM_OWNER(&other)), 0);
}

/* ---- Stop ---- */

static void the_operator_stops_it(void **state)
{
	(void)state;
	assert_true(vm_ask_and_wait(&vm, VM_FORCE));
	assert_stopped(VM_FORCED);
	assert_int_equal(stopped_calls, 1);
	assert_logged("vm bench: stopped by the operator");
	assert_null(strstr(rig.log, "error"));
	/* It does not run, and does not stop twice. */
	assert_false(rig_run());
	assert_int_equal(vm_stop(&vm, VM_TRIPLE_FAULT), ACTION_STOP);
	assert_false(rig_run());
	assert_stopped(VM_FORCED);
	assert_int_equal(stopped_calls, 1);
}

/* In the middle of an exit; what the VM has is taken away when its CPU is done with it. */
static void a_vm_that_ends_gives_its_memory_back(void **state)
{
	uint64_t free = frames_stat().free;

	(void)state;
	assert_int_equal(vm_stop(&vm, VM_POWERED_OFF), ACTION_STOP);
	assert_int_not_equal(vm.state, VM_STOPPED);
	assert_int_equal(frames_stat().free, free);
	assert_int_equal(stopped_calls, 0);
	assert_false(vcpu_wants_to_run(&vm.vcpu));
	assert_int_equal(vm_stop(&vm, VM_TRIPLE_FAULT), ACTION_STOP); /* has ended already */
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
	assert_int_equal(stopped_calls, 1);
	assert_int_equal(frames_owned(VM_OWNER(&vm)), 0);
	assert_true(frames_stat().free >= free + RIG_MEMORY / PAGE_SIZE - 64);
	assert_int_equal(vm.map.ram, 0);
	assert_int_equal(vm.vcpu.sched.state, SCHED_NOWHERE);
	assert_null(cpu.current);
	assert_null(cpu.loaded);
	assert_null(cpu.live);
	assert_int_equal(cpu.sched.placed, 0);
}

static void the_guest_powers_off(void **state)
{
	(void)state;
	service_power_off(&vm.machine);
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
	assert_logged("vm bench: powered off by the guest");
	assert_int_equal(stopped_calls, 1);
}

static void a_guests_fault_makes_a_report(void **state)
{
	(void)state;
	vm_stop(&vm, VM_TRIPLE_FAULT);
	assert_logged("error: vm bench, vCPU 0: triple fault");
	assert_logged("last exits, oldest first (0 in all):");
	assert_false(rig_run());
	assert_stopped(VM_TRIPLE_FAULT);
}

static void nobody_is_told_while_another_runs(void **state)
{
	struct vm_plan plan = rig_plan;

	plan.name = "other";
	assert_int_equal(start_other(&plan), 0);
	assert_int_equal(vm_count, 2);
	vm_ask_and_wait(&vm, VM_FORCE);
	assert_stopped(VM_FORCED);
	assert_int_equal(stopped_calls, 0); /* the other has not even been loaded */
	run_other();
	assert_int_equal(other.state, VM_RUNNING);
	vm_ask_and_wait(&other, VM_PAUSE); /* held is not ended */
	assert_int_equal(other.state, VM_PAUSED);
	assert_int_equal(stopped_calls, 0);
	vm_ask_and_wait(&other, VM_FORCE);
	assert_int_equal(stopped_calls, 1);
	(void)state;
}

/* ---- Pause ---- */

static void time_stands_still_while_paused(void **state)
{
	uint64_t clock, tsc;

	(void)state;
	fake_x86.tsc = vm.clock_base + 1000;
	clock = service_clock_ns(&vm.machine);
	tsc = fake_x86.tsc + vm.vcpu.tsc_offset;
	assert_true(vm_ask_and_wait(&vm, VM_PAUSE));
	assert_int_equal(vm.state, VM_PAUSED);
	assert_false(rig_exit(EXIT_CPUID, 0));
	fake_x86.tsc += 5000000;
	assert_true(vm_ask_and_wait(&vm, VM_PAUSE)); /* changes nothing */
	fake_x86.tsc += 5000000;
	assert_true(vm_ask_and_wait(&vm, VM_RESUME));
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(service_clock_ns(&vm.machine), clock);
	assert_int_equal(fake_x86.tsc + vm.vcpu.tsc_offset, tsc);
	assert_int_equal(vmread(VMCS_TSC_OFFSET), vm.vcpu.tsc_offset);
	assert_true(rig_exit(EXIT_CPUID, 0));
	assert_true(vm_ask_and_wait(&vm, VM_RESUME)); /* changes nothing */
	assert_int_equal(service_clock_ns(&vm.machine), clock);
}

static void a_timer_waits_for_the_end_of_the_pause(void **state)
{
	static const uint8_t icw[] = {0x30, 4, 1, 0xfe};

	(void)state;
	out(0x20, 0x11);
	for (unsigned i = 0; i < ARRAY_SIZE(icw); i++)
		out(0x21, icw[i]);
	/* PIT channel 0, mode 2, 1193 ticks: an interrupt every 1 ms. */
	out(0x43, 0x34);
	out(0x40, 0xa9);
	out(0x40, 0x04);
	assert_true(timer_armed(&vm.timer));
	assert_in_range(vm.timer.deadline - fake_x86.tsc, 900000, 1100000);
	vm_ask_and_wait(&vm, VM_PAUSE);
	assert_false(timer_armed(&vm.timer));
	assert_false(rig_run());
	assert_false(timer_armed(&vm.timer));
	fake_x86.tsc += 50000000;
	vm_ask_and_wait(&vm, VM_RESUME);
	assert_true(rig_run());
	assert_true(timer_armed(&vm.timer));
	assert_in_range(vm.timer.deadline - fake_x86.tsc, 900000, 1100000);
	/* And it works. */
	assert_false(rig_requests() & REQUEST_INTERRUPT);
	for (unsigned i = 0; i < 2; i++) { /* OUT falls for one tick, then rises */
		fake_x86.tsc = vm.timer.deadline;
		cpu_catch_up(&cpu);
	}
	assert_true(rig_requests() & REQUEST_INTERRUPT);
}

static void a_paused_vm_arms_no_timer(void **state)
{
	(void)state;
	vm_ask_and_wait(&vm, VM_PAUSE);
	vm_arm_timer(&vm, 1000000);
	assert_false(timer_armed(&vm.timer));
}

static void deadlines_beyond_the_end_of_time_are_never(void **state)
{
	(void)state;
	vm_arm_timer(&vm, 12345);
	assert_true(timer_armed(&vm.timer));
	assert_int_equal(vm.timer.deadline, vm.clock_base + 12345);
	assert_int_equal(cpu_deadline(&cpu), vm.clock_base + 12345);
	vm_arm_timer(&vm, DEADLINE_NONE - 1);
	assert_false(timer_armed(&vm.timer));
	vm_arm_timer(&vm, DEADLINE_NONE);
	assert_false(timer_armed(&vm.timer));
}

/* ---- Reset ---- */

static void a_reset_starts_all_anew(void **state)
{
	(void)state;
	rig_long_mode();
	out(0x21, 0x12);
	out(0x80, 0x34);
	vm.vcpu.cr8 = 5;
	vm.vcpu.mtrr[0] = 6;
	vm.vcpu.nmi_waiting = true;
	vm.vcpu.gpr[RAX] = 0x06; /* CF9h: the whole system */
	assert_true(rig_instruction(EXIT_IO, 0xcf9UL << 16, 2));
	assert_logged("vm bench: the guest resets its machine");
	assert_int_equal(loads, 1);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP);
	assert_int_equal(backend_cr0(), CR0_PE | CR0_ET);
	assert_int_equal(vm.vcpu.cr8, 0);
	assert_int_equal(vm.vcpu.mtrr[0], 0);
	assert_false(vm.vcpu.nmi_waiting);
	assert_int_equal(vm.vcpu.gpr[RAX], 0);
	assert_int_equal(port_read(&vm.machine.ports, 0x80, 1), 0);
	assert_int_equal(vmx_audit(NULL), 0);
	assert_int_equal(rig_requests(), 0);
}

static void a_processor_reset_is_one_as_well(void **state)
{
	(void)state;
	vm.vcpu.gpr[RAX] = 1;
	assert_true(rig_instruction(EXIT_IO, 0x92UL << 16, 2));
	assert_logged("vm bench: the guest resets its processor");
	assert_int_equal(loads, 1);
}

static void a_stopped_vm_can_be_started_again(void **state)
{
	(void)state;
	vm_ask_and_wait(&vm, VM_FORCE);
	vm_ask_and_wait(&vm, VM_RESET); /* has no meaning now */
	assert_stopped(VM_FORCED);
	assert_int_equal(rig_start(&vm), 0);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(vm.end, VM_NOT_STARTED);
	assert_int_equal(loads, 1);
	assert_true(rig_instruction(EXIT_CPUID, 0, 2));
	assert_int_equal(stopped_calls, 1);
}

static void a_reset_without_images_ends_it(void **state)
{
	(void)state;
	load_result = -ERR_NOT_FOUND;
	vm_reset(&vm);
	assert_false(rig_exit(EXIT_CPUID, 0));
	assert_stopped(VM_NOT_LOADED);
	assert_logged("vm bench: the kernel is not one");
	assert_int_equal(stopped_calls, 1);
	assert_int_equal(frames_owned(VM_OWNER(&vm)), 0);
}

static void a_reset_wakes_from_hlt(void **state)
{
	(void)state;
	assert_false(rig_instruction(EXIT_HLT, 0, 1));
	vm_ask(&vm, VM_RESET);
	assert_true(rig_run());
	assert_false(rig_requests() & REQUEST_HALTED);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(loads, 1);
}

static void a_reset_ends_a_pause(void **state)
{
	uint64_t clock;

	(void)state;
	vm_ask_and_wait(&vm, VM_PAUSE);
	assert_false(rig_run());
	clock = service_clock_ns(&vm.machine);
	fake_x86.tsc += 7000000;
	vm_ask(&vm, VM_RESET);
	assert_true(rig_run());
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(service_clock_ns(&vm.machine), clock); /* the machine's clock does not count it */
	assert_int_equal(vm.vcpu.tsc_offset, -vm.clock_base);
}

static void a_reset_says_halted_again(void **state)
{
	(void)state;
	assert_false(rig_instruction(EXIT_HLT, 0, 1));
	assert_true(vm.halted_said);
	vm_reset(&vm);
	assert_true(rig_run());
	assert_false(vm.halted_said);
}

/* ---- Crashes ---- */

static void a_vm_that_crashed_can_be_held(void **state)
{
	uint64_t owned = frames_owned(VM_OWNER(&vm));

	(void)state;
	vm.plan.on_crash = VM_CRASH_HOLD;
	rig_poke(0x2000, 0x1122334455667788, 8);
	vm_stop(&vm, VM_TRIPLE_FAULT);
	assert_false(rig_run());
	assert_int_equal(vm.state, VM_HELD);
	assert_int_equal(vm.end, VM_TRIPLE_FAULT);
	assert_int_equal(stopped_calls, 1); /* it does not count as on */
	assert_int_equal(frames_owned(VM_OWNER(&vm)), owned);
	assert_int_equal(rig_memory(0x2000, 8), 0x1122334455667788);
	/* What makes no sense does nothing. */
	vm_ask_and_wait(&vm, VM_BUTTON | VM_PAUSE | VM_RESUME | VM_CONSOLE);
	assert_false(rig_run());
	assert_int_equal(vm.state, VM_HELD);
	/* It can be looked at, and started anew, or taken away. */
	vm_ask_and_wait(&vm, VM_DUMP);
	assert_non_null(strstr(vm_dumped, "code "));
	vm_ask(&vm, VM_RESET);
	assert_true(rig_run());
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(vm.end, VM_NOT_STARTED);
	vm_stop(&vm, VM_EMULATION);
	assert_false(rig_run());
	assert_int_equal(vm.state, VM_HELD);
	vm_ask_and_wait(&vm, VM_FORCE);
	assert_stopped(VM_EMULATION);
	assert_int_equal(frames_owned(VM_OWNER(&vm)), 0);
}

static void pass_to_the_deadline(void)
{
	if (cpu_deadline(&cpu) == TIMER_NEVER)
		longjmp(*rig.stuck, 1);
	fake_x86.tsc = MAX(fake_x86.tsc, cpu_deadline(&cpu));
}

/* One that crashes at once does not get more than one start a second. */
static void a_vm_that_crashed_can_be_restarted(void **state)
{
	uint64_t last = vm.started;

	(void)state;
	vm.plan.on_crash = VM_CRASH_RESTART;
	for (unsigned i = 1; i <= 3; i++) {
		fake_x86.tsc += 1000;
		vm_stop(&vm, VM_TRIPLE_FAULT);
		assert_int_equal(vm.state, VM_STARTING);
		assert_int_equal(vm.restarts, i);
		rig.idle = NULL;
		assert_false(rig_run()); /* waits */
		assert_int_equal(cpu_deadline(&cpu), last + RIG_TSC_HZ);
		rig.idle = pass_to_the_deadline;
		assert_true(rig_run());
		assert_int_equal(vm.state, VM_RUNNING);
		assert_int_equal(loads, i);
		assert_int_equal(vm.started, last + RIG_TSC_HZ);
		last = vm.started;
	}
	rig.idle = NULL;
	assert_int_equal(stopped_calls, 0);
	/* One that ran for longer than that starts at once. */
	fake_x86.tsc += 5UL * RIG_TSC_HZ;
	vm_stop(&vm, VM_UNEXPECTED_EXIT);
	assert_true(rig_run());
	assert_int_equal(loads, 4);
	/* Only its own faults count. */
	vm_stop(&vm, VM_POWERED_OFF);
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
	assert_int_equal(vm.restarts, 4);
}

static void a_restart_that_waits_can_be_called_off(void **state)
{
	(void)state;
	vm.plan.on_crash = VM_CRASH_RESTART;
	vm_stop(&vm, VM_TRIPLE_FAULT);
	assert_false(rig_run());
	assert_true(timer_armed(&vm.delay));
	vm_ask_and_wait(&vm, VM_FORCE);
	assert_stopped(VM_TRIPLE_FAULT);
	assert_false(timer_armed(&vm.delay));
	assert_int_equal(stopped_calls, 1);
}

/* ---- A delay before the start ---- */

static void a_start_can_be_delayed(void **state)
{
	struct vm_plan plan = rig_plan;

	(void)state;
	plan.name = "other";
	plan.load = load;
	plan.start_delay_ms = 1500;
	vm_ask_and_wait(&vm, VM_FORCE);
	assert_int_equal(start_other(&plan), 0);
	assert_int_equal(cpu_deadline(&cpu), fake_x86.tsc + 1500000000);
	assert_false(rig_run());
	assert_int_equal(other.state, VM_STARTING);
	assert_int_equal(loads, 0);
	rig.idle = pass_to_the_deadline;
	assert_true(rig_run());
	rig.idle = NULL;
	assert_int_equal(other.state, VM_RUNNING);
	assert_int_equal(loads, 1);
	/* The delay is the first start's. */
	vm_ask_and_wait(&other, VM_FORCE);
	assert_int_equal(vm_start(&other, problem, sizeof(problem)), 0);
	assert_true(rig_run());
	assert_int_equal(loads, 2);
}

static void a_delayed_start_can_be_called_off_or_hurried(void **state)
{
	struct vm_plan plan = rig_plan;

	(void)state;
	plan.name = "other";
	plan.start_delay_ms = 1500;
	vm_ask_and_wait(&vm, VM_FORCE);
	assert_int_equal(start_other(&plan), 0);
	vm_ask_and_wait(&other, VM_FORCE);
	assert_int_equal(other.state, VM_STOPPED);
	assert_int_equal(other.end, VM_FORCED);
	assert_int_equal(frames_owned(VM_OWNER(&other)), 0);
	assert_false(timer_armed(&other.delay));
	assert_int_equal(start_other(&plan), 0);
	vm_ask(&other, VM_RESET);
	assert_true(rig_run());
	assert_int_equal(other.state, VM_RUNNING);
	assert_false(timer_armed(&other.delay));
}

/* ---- Memory ---- */

/* It holds nothing of the VM that had it before. */
static void memory_is_cleared_for_the_next_owner(void **state)
{
	static uint8_t data[RIG_MEMORY - MIB(1)];
	struct vm_plan plan = rig_plan;
	unsigned left = 0;

	(void)state;
	memset(data, 0xcc, sizeof(data));
	guest_write(&vm.map, MIB(1), data, sizeof(data));
	guest_write(&vm.map, 0, data, RIG_HOLE);
	vm_ask_and_wait(&vm, VM_FORCE);
	plan.name = "other";
	assert_int_equal(start_other(&plan), 0);
	guest_read(&other.map, MIB(1), data, sizeof(data));
	for (size_t i = 0; i < sizeof(data); i++)
		left += data[i];
	assert_true(left > 0); /* or there would be nothing to show */
	run_other();
	assert_int_equal(other.state, VM_RUNNING);
	guest_read(&other.map, MIB(1), data, sizeof(data));
	for (size_t i = 0; i < sizeof(data); i++)
		assert_int_equal(data[i], 0);
	guest_read(&other.map, 0, data, RIG_HOLE);
	for (size_t i = 0; i < RIG_HOLE; i++)
		assert_int_equal(data[i], 0);
}

/* ---- The power button ---- */

static void the_button_has_ten_seconds(void **state)
{
	(void)state;
	assert_true(vm_ask_and_wait(&vm, VM_BUTTON));
	assert_int_equal(vm.state, VM_RUNNING);
	assert_true(vm.stop_asked);
	assert_int_equal(vm.delay.deadline, fake_x86.tsc + VM_STOP_SECONDS * (uint64_t)RIG_TSC_HZ);
	assert_true(rig_run());
	fake_x86.tsc = vm.delay.deadline;
	cpu_catch_up(&cpu);
	assert_false(rig_run());
	assert_stopped(VM_FORCED);
}

static void a_guest_that_obeys_is_not_forced(void **state)
{
	(void)state;
	vm_ask_and_wait(&vm, VM_BUTTON);
	service_power_off(&vm.machine);
	assert_false(timer_armed(&vm.delay));
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
	assert_false(vm.stop_asked);
}

static void a_reset_forgets_the_button(void **state)
{
	(void)state;
	vm_ask_and_wait(&vm, VM_BUTTON);
	vm_ask(&vm, VM_RESET);
	assert_true(rig_run());
	assert_false(vm.stop_asked);
	assert_false(timer_armed(&vm.delay));
}

/* ---- Two processors ---- */

/* The vCPU wakes where another one runs, and a second processor is idle: there it goes. */
static void send_to_second(void)
{
	struct vm_plan plan = rig_plan;

	assert_false(rig_instruction(EXIT_HLT, 0, 1));
	plan.name = "other";
	assert_int_equal(start_other(&plan), 0);
	run_other();
	assert_ptr_equal(cpu.current, &other.vcpu);
	add_second();
	vcpu_request_and_wake(&vm.vcpu, REQUEST_NMI);
	assert_int_equal(vm.vcpu.sched.cpu, 0);
	cpu_run_calls(&cpu);
	assert_int_equal(vm.vcpu.sched.cpu, 1);
	assert_true(vm.vcpu.moving);
	assert_int_equal(rig.kicked, second.apic_id + 1);
}

static void a_vm_goes_where_nobody_runs(void **state)
{
	unsigned saves, restores;

	(void)state;
	vm_arm_timer(&vm, 5000000000);
	send_to_second();
	assert_false(timer_armed(&vm.timer)); /* of its old CPU */
	assert_int_equal(fake_vmx.cleared, vm.vcpu.vmcs);
	assert_true(vm.vcpu.requests & ENTRY_LAUNCH);
	assert_true(cpu.loaded != &vm.vcpu && cpu.live != &vm.vcpu);
	saves = fake_vmx.saves;
	restores = fake_vmx.restores;
	assert_true(run_second());
	assert_ptr_equal(second.current, &vm.vcpu);
	assert_ptr_equal(second.loaded, &vm.vcpu);
	assert_ptr_equal(second.live, &vm.vcpu);
	assert_ptr_equal(vm.vcpu.home, &second);
	assert_int_equal(vmread(VMCS_HOST_GS_BASE), (uintptr_t)&second);
	assert_int_equal(fake_vmx.saves, saves);
	assert_int_equal(fake_vmx.restores, restores + 1);
	assert_false(vm.vcpu.moving);
	assert_ptr_equal(cpu.current, &other.vcpu);
}

static void requests_follow_a_vm_that_moves(void **state)
{
	(void)state;
	send_to_second();
	vm_ask(&vm, VM_PAUSE); /* it is on its way: behind its arrival */
	assert_int_equal(vm.state, VM_RUNNING);
	assert_false(run_second());
	assert_int_equal(vm.state, VM_PAUSED);
	assert_int_equal(vm.asked, 0);
	vm_ask(&vm, VM_RESUME);
	cpu_run_calls(&cpu); /* none of this one's business */
	assert_int_equal(vm.state, VM_PAUSED);
	assert_true(run_second());
	assert_int_equal(vm.state, VM_RUNNING);
}

static void requests_that_come_too_late_are_sent_after_it(void **state)
{
	struct vm_plan plan = rig_plan;

	(void)state;
	assert_false(rig_instruction(EXIT_HLT, 0, 1));
	plan.name = "other";
	assert_int_equal(start_other(&plan), 0);
	run_other();
	add_second();
	vcpu_request_and_wake(&vm.vcpu, REQUEST_NMI); /* it goes as soon as the first CPU looks ... */
	vm_ask(&vm, VM_PAUSE);                        /* ... and this waits there behind it */
	assert_int_equal(vm.vcpu.sched.cpu, 0);
	cpu_run_calls(&cpu);
	assert_int_equal(vm.vcpu.sched.cpu, 1);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(vm.asked, VM_PAUSE);
	assert_false(run_second());
	assert_int_equal(vm.state, VM_PAUSED);
	assert_int_equal(vm.asked, 0);
}

/* A timer is its CPU's. */
static void the_buttons_ten_seconds_move_with_the_vm(void **state)
{
	uint64_t deadline;

	(void)state;
	vm_ask_and_wait(&vm, VM_BUTTON);
	deadline = vm.delay.deadline;
	send_to_second();
	assert_false(timer_armed(&vm.delay));
	assert_true(run_second());
	assert_true(timer_armed(&vm.delay));
	assert_int_equal(vm.delay.deadline, deadline);
	fake_x86.tsc = deadline;
	cpu_catch_up(&cpu);
	assert_int_equal(vm.state, VM_RUNNING); /* not that one's any more */
	on(&second);
	cpu_catch_up(&second);
	assert_false(run_second());
	assert_stopped(VM_FORCED);
}

/* Held while it waits for its turn, a VM can still be moved: no timer of it may stay behind. */
static void the_buttons_ten_seconds_wait_for_the_end_of_a_pause(void **state)
{
	uint64_t deadline;

	(void)state;
	vm_ask_and_wait(&vm, VM_BUTTON);
	deadline = vm.delay.deadline;
	vm_ask_and_wait(&vm, VM_PAUSE);
	assert_false(timer_armed(&vm.delay));
	fake_x86.tsc = deadline + 1000;
	vm_ask_and_wait(&vm, VM_RESUME);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_true(vm.delay.deadline >= deadline + 1000);
}

/* Its operator saw it run, and asks when it has just ended. */
static void a_vm_that_is_off_has_no_registers(void **state)
{
	(void)state;
	service_power_off(&vm.machine);
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
	assert_true(vm_ask_and_wait(&vm, VM_DUMP | VM_RESUME | VM_PAUSE | VM_RESET | VM_FORCE));
	assert_string_equal(vm_dumped, "");
	assert_stopped(VM_POWERED_OFF);
}

/* Asked for all at once, since its CPU did not answer for a while: nothing follows its way to another CPU. */
static void a_reset_is_the_last_that_is_carried_out(void **state)
{
	struct vm_plan plan = rig_plan;

	(void)state;
	plan.name = "other";
	plan.start_delay_ms = 1000;
	plan.cpus = BIT(1);
	add_second();
	assert_int_equal(start_other(&plan), 0);
	assert_int_equal(other.state, VM_STARTING);
	vm_ask(&other, VM_RESET | VM_FORCE | VM_DUMP);
	cpu_run_calls(&cpu);
	assert_int_equal(other.state, VM_STOPPED);
	assert_false(other.vcpu.moving);
	assert_int_equal(second.sched.placed, 0);
}

/* A VM that is off is the boot processor's. */
static void a_vm_that_ends_elsewhere_comes_home(void **state)
{
	(void)state;
	send_to_second();
	assert_true(run_second());
	vm_ask_and_wait(&other, VM_FORCE);
	assert_int_equal(stopped_calls, 0);
	vm_ask(&vm, VM_FORCE);
	assert_false(run_second());
	assert_stopped(VM_FORCED);
	assert_int_equal(vm.vcpu.sched.cpu, 0);
	assert_int_equal(frames_owned(VM_OWNER(&vm)), 0);
	assert_int_equal(second.sched.placed, 0);
	assert_null(second.loaded);
	assert_int_equal(stopped_calls, 0); /* the boot processor is told */
	cpu_run_calls(&cpu);
	assert_int_equal(stopped_calls, 1);
}

static void a_cpu_that_does_not_answer_is_given_up(void **state)
{
	(void)state;
	send_to_second();
	assert_true(run_second());
	fake_x86.tsc_step = 1000000;
	assert_false(vm_ask_and_wait(&vm, VM_PAUSE));
	fake_x86.tsc_step = 0;
	assert_int_equal(vm.state, VM_RUNNING);
}

/* ---- Console ---- */

static void typed_bytes_reach_com1(void **state)
{
	(void)state;
	assert_int_equal(vm.console.input(&vm.console, (const uint8_t *)"x", 1), 1);
	assert_int_equal(port_read(&vm.machine.ports, 0x3fd, 1) & 1, 1);
	assert_int_equal(port_read(&vm.machine.ports, 0x3f8, 1), 'x');
	vm_stop(&vm, VM_FORCED); /* then they go nowhere, and nobody waits for them */
	assert_int_equal(vm.console.input(&vm.console, (const uint8_t *)"yyy", 3), 3);
	assert_int_equal(port_read(&vm.machine.ports, 0x3fd, 1) & 1, 0);
	vm.console.output_ready(&vm.console);
}

static void the_console_number_may_be_taken(void **state)
{
	static struct scrollback scrollback;
	static struct channel taken = {.scrollback = &scrollback};
	struct vm_plan plan = rig_plan;

	(void)state;
	plan.name = "other";
	define_other(&plan);
	channel_remove(&other.console);
	assert_int_equal(channel_add(&taken, 2), 0);
	memset(&other, 0, sizeof(other));
	vm_define(&other, &plan, 1);
	assert_logged("warning: vm other: the console number 2 is taken");
	assert_int_equal(vm_start(&other, problem, sizeof(problem)), 0); /* all the same */
	run_other();
	assert_int_equal(other.state, VM_RUNNING);
	channel_remove(&taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		vm_test(a_vm_that_started_is_known),
		vm_test(states_and_ends_have_words),
		vm_test(a_vm_that_is_off_is_known),
		vm_test(images_that_cannot_be_loaded),
		vm_test(more_memory_than_there_is),
		vm_test(a_vm_may_not_take_the_last_memory),
		vm_test(memory_that_cannot_be_laid_out),
		vm_test(more_uarts_than_a_pc_has),
		vm_test(no_memory_for_tables_or_the_vmcs),
		vm_test(no_memory_at_all),
		vm_test(the_operator_stops_it),
		vm_test(a_vm_that_ends_gives_its_memory_back),
		vm_test(the_guest_powers_off),
		vm_test(a_guests_fault_makes_a_report),
		vm_test(time_stands_still_while_paused),
		vm_test(a_timer_waits_for_the_end_of_the_pause),
		vm_test(a_paused_vm_arms_no_timer),
		vm_test(deadlines_beyond_the_end_of_time_are_never),
		vm_test(a_reset_starts_all_anew),
		vm_test(a_processor_reset_is_one_as_well),
		vm_test(a_stopped_vm_can_be_started_again),
		vm_test(a_reset_without_images_ends_it),
		vm_test(a_reset_wakes_from_hlt),
		vm_test(a_reset_ends_a_pause),
		vm_test(a_reset_says_halted_again),
		vm_test(a_vm_that_crashed_can_be_held),
		vm_test(a_vm_that_crashed_can_be_restarted),
		vm_test(a_restart_that_waits_can_be_called_off),
		vm_test(a_start_can_be_delayed),
		vm_test(a_delayed_start_can_be_called_off_or_hurried),
		vm_test(memory_is_cleared_for_the_next_owner),
		vm_test(the_button_has_ten_seconds),
		vm_test(a_guest_that_obeys_is_not_forced),
		vm_test(a_reset_forgets_the_button),
		vm_test(a_vm_goes_where_nobody_runs),
		vm_test(requests_follow_a_vm_that_moves),
		vm_test(requests_that_come_too_late_are_sent_after_it),
		vm_test(the_buttons_ten_seconds_move_with_the_vm),
		vm_test(the_buttons_ten_seconds_wait_for_the_end_of_a_pause),
		vm_test(a_vm_that_is_off_has_no_registers),
		vm_test(a_reset_is_the_last_that_is_carried_out),
		vm_test(a_vm_that_ends_elsewhere_comes_home),
		vm_test(a_cpu_that_does_not_answer_is_given_up),
		vm_test(typed_bytes_reach_com1),
		vm_test(nobody_is_told_while_another_runs),
		vm_test(the_console_number_may_be_taken),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
