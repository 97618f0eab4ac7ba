/* SPDX-License-Identifier: MIT */
/* How a VM starts, and what a start that fails leaves: vmm/vm/vm.c, vmm/vm/vm_work.c. */
#include "guests/firmware/memory_map.h"
#include "rigs/vm_life.h"

/* ---- Start ---- */

static void a_vm_that_started_is_known(void **state)
{
	(void)state;
	assert_int_equal(vm.state, VM_RUNNING);
	assert_string_equal(vm.name, "bench");
	assert_int_equal(vm.vcpus[0]->vmx.vpid, 1);
	assert_int_equal(vm_console.serial.number, 1);
	assert_ptr_equal(vm_get(0), &vm);
	assert_null(vm_get(1));
	assert_null(vm_get(VMS_MAX));
	assert_ptr_equal(vm_find("bench"), &vm);
	assert_null(vm_find("other"));
	assert_int_equal(vm_count, 1);
	assert_int_equal(clock_now(&vm.clock), fake_x86.tsc - vm.clock.base);
	assert_int_equal(cpu.current == vm.vcpus[0], true);
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

static void a_vm_that_is_off_is_known(void **state)
{
	struct vm_config config = rig_config;

	(void)state;
	config.name = "other";
	define_other(&config);
	assert_ptr_equal(vm_get(1), &other);
	assert_ptr_equal(vm_find("other"), &other);
	assert_ptr_equal(channel_find(2), &other_console.serial);
	assert_int_equal(vm_count, 2);
	assert_int_equal(other.state, VM_STOPPED);
	assert_int_equal(other.end, VM_NOT_STARTED);
	assert_nothing_left(monitors_frames());
	/* Requests have no meaning for it. */
	assert_true(vm_ask_and_wait(&other, VM_CONSOLE | VM_BUTTON | VM_PAUSE | VM_RESUME | VM_RESET |
	                                            VM_FORCE | VM_FREE | VM_DUMP));
	assert_int_equal(other.state, VM_STOPPED);
	assert_string_equal(vm_dumped, "");
	assert_nothing_left(monitors_frames());
	assert_int_equal(stopped_calls, 0);
}

static void images_that_cannot_be_loaded(void **state)
{
	struct vm_config config = rig_config;
	uint64_t monitors = monitors_frames();

	(void)state;
	config.name = "other";
	other_loader.load = load;
	load_result = -ERR_INVALID;
	assert_int_equal(start_other(&config), 0);
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
	struct vm_config config = rig_config;
	uint64_t monitors, free;
	char sentence[200];

	(void)state;
	config.name = "other";
	config.machine.memory = GIB(1);
	define_other(&config);
	monitors = monitors_frames();
	free = frames_stat().free;
	snprintf(sentence, sizeof(sentence),
	         "memory = 1024M, but only %luM of this machine's memory are free: give the VM "
	         "less, or the machine more",
	         free * PAGE_SIZE >> 20);
	assert_int_equal(vm_start(&other, problem, sizeof(problem)), -ERR_NO_MEMORY);
	assert_string_equal(problem, sentence);
	assert_nothing_left(monitors);
	assert_int_equal(frames_stat().free, free);
}

/* The monitor's tables must still fit, or the next page of a guest could not be mapped. */
static void a_vm_may_not_take_the_last_memory(void **state)
{
	struct vm_config config = rig_config;

	(void)state;
	config.name = "other";
	config.machine.memory = ALIGN_DOWN(frames_stat().free * PAGE_SIZE, MIB(1));
	assert_int_equal(start_other(&config), -ERR_NO_MEMORY);
	config.machine.memory -= MIB(2);
	assert_int_equal(start_other(&config), 0);
}

static int populate_and_fail(struct guest_map *map, uint64_t memory)
{
	int error = rig_populate(map, memory);

	return error ? error : -ERR_NO_MEMORY;
}

static void memory_that_cannot_be_laid_out(void **state)
{
	struct vm_config config = rig_config;
	uint64_t monitors = monitors_frames();

	(void)state;
	config.name = "other";
	other_loader.populate = populate_and_fail;
	assert_int_equal(start_other(&config), -ERR_NO_MEMORY);
	assert_nothing_left(monitors);
}

static void more_uarts_than_a_pc_has(void **state)
{
	struct vm_config config = rig_config;
	uint64_t monitors = monitors_frames();

	(void)state;
	config.name = "other";
	config.machine.uarts = MACHINE_UARTS + 1;
	assert_int_equal(start_other(&config), 0);
	run_other();
	assert_logged("error: vm other: its devices cannot be made (error -1)");
	assert_int_equal(other.end, VM_NOT_LOADED);
	assert_nothing_left(monitors);
}

/* CMOS 34h-35h count what lies between 16 MiB and 4 GiB, and not what lies above. */
static void cmos_tells_the_memory_below_4g(void **state)
{
	/* clang-format off */
	static const struct {
		uint64_t memory, end;
	} cases[] = {
		{MIB(64),                     MIB(64)},
		{GUEST_HOLE_START,            GUEST_HOLE_START},
		{GUEST_HOLE_START + MIB(512), GUEST_HOLE_START},
		{GIB(16),                     GUEST_HOLE_START},
	};
	/* clang-format on */
	const uint8_t *ram = vm.machine.rtc.ram;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		vm.config.machine.memory = cases[i].memory;
		vm.powered = false; /* so that its devices are made again */
		vm_ask(&vm, VM_RESET);
		assert_true(rig_run());
		assert_int_equal(ram[0x34] | ram[0x35] << 8, (cases[i].end - MIB(16)) / KIB(64));
	}
}

/* A machine has been through its firmware whenever it begins. */
static void firmware_has_run(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		port_write(&vm.machine.ports, 0x21, 1, 0x00);
		vm.powered = i > 0;
		vm_ask(&vm, VM_RESET);
		assert_true(rig_run());
		assert_int_equal(port_read(&vm.machine.ports, 0x21, 1), 0xf8);
		assert_int_equal(vm.machine.pic.chip[PIC_MASTER].vector, 0x08);
		assert_int_not_equal(machine_deadline(&vm.machine), DEADLINE_NONE);
		assert_int_equal(cpu_deadline(&cpu), vm.clock.base + machine_deadline(&vm.machine));
	}
}

/* The n-th allocation after populate() fails, for all of them. */
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
	struct vm_config config = rig_config;
	uint64_t monitors = monitors_frames();

	(void)state;
	config.name = "other";
	other_loader.populate = populate_and_hoard;
	for (to_leave = 0; to_leave < 3; to_leave++) {
		int error = start_other(&config);

		end_of_hoarding();
		assert_int_equal(error, -ERR_NO_MEMORY);
		assert_string_equal(
			problem, "not enough memory for the monitor's tables: give the machine more memory");
		assert_nothing_left(monitors);
	}
}

static void no_memory_at_all(void **state)
{
	struct vm_config config = rig_config;
	struct guest_map none;

	(void)state;
	config.name = "other";
	define_other(&config);
	to_leave = 0;
	assert_int_equal(populate_and_hoard(&none, 0), 0);
	assert_int_equal(vm_start(&other, problem, sizeof(problem)), -ERR_NO_MEMORY);
	end_of_hoarding();
	assert_string_equal(problem,
	                    "not enough memory for the monitor's tables: give the machine more memory");
	assert_int_equal(frames_owned(VM_OWNER(&other)), 0);
}

static void a_vm_without_memory_for_its_vcpu_is_not_known(void **state)
{
	struct vm_config config = rig_config;
	struct guest_map none;

	(void)state;
	config.name = "other";
	memset(&other, 0, sizeof(other));
	to_leave = 0;
	assert_int_equal(populate_and_hoard(&none, 0), 0);
	assert_int_equal(vm_define(&other, &config, &other_loader, 1), -ERR_NO_MEMORY);
	end_of_hoarding();
	assert_null(vm_get(1));
	assert_null(vm_find("other"));
}

/* ---- A delay before the start ---- */

static void a_start_can_be_delayed(void **state)
{
	struct vm_config config = rig_config;

	(void)state;
	config.name = "other";
	other_loader.load = load;
	config.start_delay_ms = 1500;
	vm_ask_and_wait(&vm, VM_FORCE);
	assert_int_equal(start_other(&config), 0);
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
	struct vm_config config = rig_config;

	(void)state;
	config.name = "other";
	config.start_delay_ms = 1500;
	vm_ask_and_wait(&vm, VM_FORCE);
	assert_int_equal(start_other(&config), 0);
	vm_ask_and_wait(&other, VM_FORCE);
	assert_int_equal(other.state, VM_STOPPED);
	assert_int_equal(other.end, VM_FORCED);
	assert_int_equal(frames_owned(VM_OWNER(&other)), 0);
	assert_false(timer_armed(&other.start_timer));
	assert_int_equal(start_other(&config), 0);
	vm_ask(&other, VM_RESET);
	assert_true(rig_run());
	assert_int_equal(other.state, VM_RUNNING);
	assert_false(timer_armed(&other.start_timer));
}

/* ---- Memory ---- */

/* It holds nothing of the VM that had it before. */
static void memory_is_cleared_for_the_next_owner(void **state)
{
	static uint8_t data[RIG_MEMORY - MIB(1)];
	struct vm_config config = rig_config;
	unsigned left = 0;

	(void)state;
	memset(data, 0xcc, sizeof(data));
	guest_write(&vm.map, MIB(1), data, sizeof(data));
	guest_write(&vm.map, 0, data, RIG_HOLE);
	vm_ask_and_wait(&vm, VM_FORCE);
	config.name = "other";
	assert_int_equal(start_other(&config), 0);
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
		vm_test(cmos_tells_the_memory_below_4g),
		vm_test(firmware_has_run),
		vm_test(no_memory_for_tables_or_the_vmcs),
		vm_test(no_memory_at_all),
		vm_test(a_vm_without_memory_for_its_vcpu_is_not_known),
		vm_test(a_start_can_be_delayed),
		vm_test(a_delayed_start_can_be_called_off_or_hurried),
		vm_test(memory_is_cleared_for_the_next_owner),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
