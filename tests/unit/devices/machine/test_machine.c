/* SPDX-License-Identifier: MIT */
/* The machine as a whole: wiring, shared lines, timers, saved state. */
#include "rigs/pc.h"

#define UART_IER 1
#define UART_MCR 4

static void start_pic(void)
{
	out(0x20, 0x11);
	out(0x21, 0x20);
	out(0x21, 0x04);
	out(0x21, 0x01);
	out(0xA0, 0x11);
	out(0xA1, 0x28);
	out(0xA1, 0x02);
	out(0xA1, 0x01);
}

static void every_device_answers_at_its_ports(void **state)
{
	static const uint16_t claimed[] = {
		0x20,
		0x21,
		0x40,
		0x41,
		0x42,
		0x43,
		0x60,
		0x61,
		0x64,
		0x70,
		0x71,
		0x80,
		0x92,
		0xA0,
		0xA1,
		0xE9,
		0x3F8,
		0x3FF,
		0x2F8,
		0x2FF,
		0x3E8,
		0x3EF,
		0x2E8,
		0x2EF,
		0x4D0,
		0x4D1,
		0xCF9,
		ACPI_PM1A_EVT_PORT,
		ACPI_PM_TMR_PORT,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(claimed); i++)
		in(claimed[i]);
	assert_int_equal(pc.ports.unclaimed_reads, 0);
	assert_int_equal(port_read(&pc.ports, 0xCFC, 4), 0xFFFFFFFF);
	assert_int_equal(pc.ports.unclaimed_reads, 1);
}

static void uarts_by_configuration(void **state)
{
	struct machine_config config = {.uarts = 1};

	(void)state;
	memset(&pc, 0, sizeof(pc));
	assert_int_equal(fake_platform_create(&fake_platform, &pc, &config), 0);
	in(0x3F8);
	assert_int_equal(pc.ports.unclaimed_reads, 0);
	assert_int_equal(in(0x2F8), 0xFF);
	assert_int_equal(pc.ports.unclaimed_reads, 1);
	machine_reset(&pc);
	machine_run_timers(&pc);
	memset(&pc, 0, sizeof(pc));
	config.uarts = MACHINE_UARTS + 1;
	assert_int_equal(fake_platform_create(&fake_platform, &pc, &config), -ERR_INVALID);
}

static void lines_are_wired_or(void **state)
{
	struct device *com1 = &pc.device[DEVICE_UART0], *com3 = &pc.device[DEVICE_UART0 + 2];

	(void)state;
	device_set_pin(com1, 0, true);
	device_set_pin(com3, 0, true);
	assert_true(line(4));
	device_set_pin(com1, 0, false);
	assert_true(line(4));
	machine_set_line(&pc, 4, true);
	device_set_pin(com3, 0, false);
	assert_true(line(4));
	machine_set_line(&pc, 4, false);
	assert_false(line(4));
	device_set_pin(&pc.device[DEVICE_UART0 + 1], 0, true);
	assert_true(line(3));
	assert_false(line(4));
	machine_set_line(&pc, 16, true); /* ignored */
	machine_set_line(&pc, 2, true);
	assert_false(line(2));
}

static void uart_interrupts_reach_their_lines(void **state)
{
	static const struct {
		uint16_t base;
		unsigned irq;
	} com[] = {{0x3F8, 4}, {0x2F8, 3}, {0x3E8, 4}, {0x2E8, 3}};

	(void)state;
	start_pic();
	for (size_t i = 0; i < ARRAY_SIZE(com); i++) {
		out((uint16_t)(com[i].base + UART_MCR), 0x08);
		out((uint16_t)(com[i].base + UART_IER), 0x02);
		assert_true(line(com[i].irq));
		assert_true(fake_platform.intr);
		assert_int_equal(machine_acknowledge(&pc), 0x20 + com[i].irq);
		out((uint16_t)(com[i].base + UART_IER), 0x00);
		assert_false(line(com[i].irq));
		out(0x20, 0x20);
	}
}

static void the_earliest_deadline_is_told(void **state)
{
	struct device *a = &pc.device[DEVICE_PIT], *b = &pc.device[DEVICE_RTC], *c = &pc.device[DEVICE_UART0];

	(void)state;
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	device_arm(a, 500);
	assert_int_equal(fake_platform.deadline, 500);
	device_arm(b, 700);
	assert_int_equal(fake_platform.deadline, 500);
	device_arm(c, 300);
	assert_int_equal(fake_platform.deadline, 300);
	fake_platform.deadline = 1; /* a mark */
	device_arm(c, 300);
	device_arm(b, 800);
	assert_int_equal(fake_platform.deadline, 1);
	device_arm(c, DEADLINE_NONE);
	assert_int_equal(fake_platform.deadline, 500);
	device_arm(a, 900);
	assert_int_equal(fake_platform.deadline, 800);
	assert_int_equal(machine_deadline(&pc), 800);
	machine_reset(&pc);
	assert_int_equal(fake_platform.deadline, DEADLINE_NONE);
}

static unsigned timer_calls;

static void greedy_timer(struct device *device)
{
	timer_calls++;
	device_arm(device, 0);
}

static void timers_run_once_a_call(void **state)
{
	(void)state;
	pc.device[DEVICE_PIT].deadline.reached = greedy_timer;
	timer_calls = 0;
	device_arm(&pc.device[DEVICE_PIT], 100);
	fake_x86.tsc = 99;
	machine_run_timers(&pc);
	assert_int_equal(timer_calls, 0);
	fake_x86.tsc = 100;
	machine_run_timers(&pc);
	assert_int_equal(timer_calls, 1);
	assert_int_equal(fake_platform.deadline, 0);
	machine_run_timers(&pc);
	assert_int_equal(timer_calls, 2);
}

static void reset_keeps_what_is_outside(void **state)
{
	(void)state;
	start_pic();
	out(0x3F8 + UART_MCR, 0x08);
	out(0x3F8 + UART_IER, 0x02);
	machine_set_line(&pc, 11, true);
	assert_true(machine_intr(&pc));
	machine_reset(&pc);
	assert_false(machine_intr(&pc));
	assert_false(fake_platform.intr);
	assert_false(line(4));
	assert_true(line(11));
	assert_int_equal(pc.ports.unclaimed_reads, 0);
	in(0x3F8);
	assert_int_equal(pc.ports.unclaimed_reads, 0);
}

/* A machine in the middle of many things. */
static void stir(void)
{
	start_pic();
	fake_x86.tsc = 1234567;
	out(0x43, 0x34);
	out(0x40, 0x00);
	out(0x40, 0x10);
	out(0x43, 0xB6);
	out(0x42, 0x33);
	out(0x61, 0x01);
	out(0x70, 0x0B);
	out(0x3F8 + UART_MCR, 0x08);
	out(0x3F8 + UART_IER, 0x02);
	out(0x92, 0x02);
	out(0x80, 0x55);
	machine_set_line(&pc, 11, true);
	pass(6000000);
	machine_acknowledge(&pc); /* of the timer, or it would rest */
	out(0x20, 0x20);
	pass(4000000);
	out(0x70, 0x0C); /* brings the lazily computed flags up to date, as loading does */
	in(0x71);
}

static void save_and_load_round_trip(void **state)
{
	static uint8_t record[8192], again[8192];
	static struct machine before;
	size_t size;

	(void)state;
	stir();
	size = machine_save(&pc, NULL, 0);
	assert_true(size <= sizeof(record));
	memset(record, 0xEE, sizeof(record));
	assert_int_equal(machine_save(&pc, record, size - 1), size);
	assert_int_equal(record[0], 0xEE); /* all or nothing */
	assert_int_equal(machine_save(&pc, record + 1, size), size);
	before = pc;

	assert_int_equal(pc_setup(NULL), 0);
	fake_x86.tsc = 11234567;
	assert_int_equal(machine_load(&pc, record + 1, size), 0); /* at an odd address, too */
	assert_int_equal(machine_save(&pc, again, sizeof(again)), size);
	assert_memory_equal(record + 1, again, size);
	assert_int_equal(machine_deadline(&pc), machine_deadline(&before));
	assert_int_equal(fake_platform.deadline, machine_deadline(&before));
	assert_int_equal(fake_platform.intr, machine_intr(&before));
	for (unsigned i = 0; i < MACHINE_GSIS; i++) {
		assert_int_equal(pc.interrupts.gsi[i].level, before.interrupts.gsi[i].level);
		assert_int_equal(pc.interrupts.gsi[i].high, before.interrupts.gsi[i].high);
	}
	assert_true(line(4) && line(11));
	machine_set_line(&pc, 11, false);
	assert_false(line(11));
}

static void refuse(const uint8_t *record, size_t size, int error)
{
	static struct machine before;

	before = pc;
	assert_int_equal(machine_load(&pc, record, size), error);
	assert_memory_equal(&pc, &before, sizeof(pc));
}

static void broken_records_change_nothing(void **state)
{
	static uint8_t record[8192];
	size_t size, last;

	(void)state;
	stir();
	size = machine_save(&pc, record, sizeof(record));
	for (size_t n = 0; n < size; n++)
		refuse(record, n, -ERR_TRUNCATED);
	/* Every byte of the image's header, and of the last record's. */
	for (size_t i = 0; i < 16; i++) {
		record[i] ^= 0x10;
		refuse(record, size, -ERR_INVALID);
		record[i] ^= 0x10;
	}
	last = size - section_save(&pc.interrupts.section, NULL, 0);
	for (size_t i = last; i < last + 32; i++) {
		record[i] ^= 0x10;
		refuse(record, size, -ERR_INVALID);
		record[i] ^= 0x10;
	}
	/* A machine with fewer UARTs is another machine. */
	assert_int_equal(machine_load(&pc, record, size), 0);
	memset(&pc, 0, sizeof(pc));
	assert_int_equal(fake_platform_create(&fake_platform, &pc, &(struct machine_config){.uarts = 2}), 0);
	refuse(record, size, -ERR_INVALID);
}

static void a_device_refuses_anothers_record(void **state)
{
	uint8_t record[1024];
	size_t size = section_save(&pc.device[DEVICE_UART0].section, record, sizeof(record));

	(void)state;
	assert_int_equal(section_load(&pc.device[DEVICE_UART0 + 1].section, record, size), -ERR_INVALID);
	assert_int_equal(section_load(&pc.device[DEVICE_RTC].section, record, size), -ERR_INVALID);
	assert_int_equal(section_load(&pc.device[DEVICE_UART0].section, record, size), 0);
	record[16] ^= 1; /* the version */
	assert_int_equal(section_load(&pc.device[DEVICE_UART0].section, record, size), -ERR_INVALID);
}

static int setup_with_firmware(void **state)
{
	int error = pc_setup(state);
	machine_firmware(&pc);
	return error;
}

static void firmware_initializes_the_controllers(void **state)
{
	(void)state;
	assert_false(machine_intr(&pc));
	assert_int_equal(in(0x21), 0xF8);
	assert_int_equal(in(0xA1), 0xDF);
	pass(54925401);
	assert_false(machine_intr(&pc));
	pass(1000);
	assert_true(machine_intr(&pc));
	assert_int_equal(machine_acknowledge(&pc), 0x08);
	out(0xA1, 0xFE);
	machine_set_line(&pc, 8, true);
	assert_false(machine_intr(&pc)); /* not before the end of the first */
	out(0x20, 0x20);
	assert_int_equal(machine_acknowledge(&pc), 0x70);
}

static void firmware_leaves_the_timer_on(void **state)
{
	unsigned first;

	(void)state;
	pass(10000);
	out(0x43, 0xE6); /* read back: the status of channels 0 and 1 */
	assert_int_equal(in(0x40), 0x80 | 0x36);
	assert_int_equal(in(0x41) & 0x7F, 0x14);
	out(0x43, 0x00);
	first = in(0x40);
	first |= in(0x40) << 8;
	pass(1000000);
	out(0x43, 0x00);
	first -= in(0x40);
	first -= in(0x40) << 8;
	assert_in_range(first, 2 * 1192, 2 * 1195); /* mode 3 counts by two */
}

/* Timer interrupts of one second, at this vector. */
static unsigned count_ticks(uint8_t vector)
{
	unsigned ticks = 0;

	for (unsigned i = 0; i < 100; i++) {
		pass(10000000);
		if (!machine_intr(&pc))
			continue;
		assert_int_equal(machine_acknowledge(&pc), vector);
		out(0x20, 0x20);
		ticks++;
	}
	return ticks;
}

/*
 * A small kernel moves the vectors, restores the masks that it found, and never touches the timer.
 */
static void controllers_can_be_moved_alone(void **state)
{
	uint8_t master = (uint8_t)in(0x21), slave = (uint8_t)in(0xA1);

	(void)state;
	assert_int_equal(count_ticks(0x08), 18);
	start_pic();
	out(0x21, master);
	out(0xA1, slave);
	assert_in_range(count_ticks(0x20), 18, 19);
}

/*
 * An event while the first one's handler runs interrupts again, since the SCI is level triggered.
 */
static void second_acpi_event_interrupts(void **state)
{
	struct device *acpi = &pc.device[DEVICE_ACPI_PM];

	(void)state;
	assert_int_equal(in(0x4D0), 0x00);
	assert_int_equal(in(0x4D1), 0x02);
	out(0x21, 0xFB);
	out(0xA1, 0xFD);
	port_write(&pc.ports, ACPI_PM1A_EVT_PORT + 2, 2, 0x0500); /* power button, RTC */
	device_set_pin(&pc.device[DEVICE_RTC], RTC_PIN_ALARM, true);
	assert_true(machine_intr(&pc));
	assert_int_equal(machine_acknowledge(&pc), 0x71);
	acpi_pm_power_button(acpi); /* after the handler's look at PM1_STS */
	port_write(&pc.ports, ACPI_PM1A_EVT_PORT, 2, 0x0400);
	out(0xA0, 0x20);
	out(0x20, 0x20);
	assert_true(machine_intr(&pc));
	assert_int_equal(machine_acknowledge(&pc), 0x71);
}

/* The firmware's timer wakes no vCPU once its interrupt is masked, or the HPET has its line. */
static void firmwares_timer_costs_nothing_unused(void **state)
{
	static const uint64_t on_with_legacy_lines = 3;

	(void)state;
	pass(200000000);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	machine_acknowledge(&pc);
	assert_int_not_equal(machine_deadline(&pc), DEADLINE_NONE);
	out(0x21, 0xFF);
	pass(200000000);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	out(0x20, 0x20);
	out(0x21, 0xFE);
	assert_true(machine_intr(&pc));
	machine_acknowledge(&pc);
	assert_int_not_equal(machine_deadline(&pc), DEADLINE_NONE);
	memory_write(&pc.memory, HPET_BASE + 0x10, &on_with_legacy_lines, sizeof(on_with_legacy_lines));
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
}

static void put_rtc(uint8_t index, uint8_t value)
{
	out(0x70, index);
	out(0x71, value);
}

static void put_hpet(unsigned offset, uint64_t value)
{
	memory_write(&pc.memory, HPET_BASE + offset, &value, sizeof(value));
}

/* Everything that interrupts again and again, as often as it can. */
static void start_all_timers(bool hpet)
{
	static const struct key_press key = {.code = 0x1e};
	static const uint8_t byte = 'x';

	out(0x43, 0x34); /* the 8254: mode 2 */
	out(0x40, 2);
	out(0x40, 0);
	put_rtc(0x0A, 0x23); /* 8192 Hz */
	put_rtc(0xC0, 0xFF); /* alarms match each second */
	put_rtc(0x0B, 0x72);
	port_write(&pc.ports, ACPI_PM1A_EVT_PORT + 2, 2, 0x0001); /* PM_TMR */
	out(0x3FA, 0xC1);
	out(0x3F9, 0x0F);
	out(0x3FC, 0x0B);
	uart_receive(&pc.device[DEVICE_UART0], &byte, 1);
	assert_true(keyboard_press(&pc.device[DEVICE_KEYBOARD], &key));
	if (hpet) {
		put_hpet(0x100, 0x4C); /* periodic, edge */
		put_hpet(0x108, 143);
		put_hpet(0x108, 143);
		put_hpet(0x010, 3);
	}
}

/*
 * Each device's timer comes when its request cannot be taken, and no more: whether the controller
 * masks it, or the processor does not look.
 */
static void devices_of_a_guest_that_takes_no_interrupt_come_to_rest(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned looks = 0;

		pc_setup(state);
		start_pic();
		out(0x21, i & 1 ? 0xFF : 0x00);
		out(0xA1, i & 1 ? 0xFF : 0x00);
		start_all_timers(i & 2);
		for (; machine_deadline(&pc) != DEADLINE_NONE && looks < 100; looks++) {
			fake_x86.tsc = machine_deadline(&pc);
			machine_run_timers(&pc);
		}
		assert_in_range(looks, 3, 9);
	}
}

/* ---- Two machines in one program ---- */

static struct machine neighbour;
static struct fake_platform neighbours_platform;

static void neighbour_out(uint16_t port, uint8_t value)
{
	port_write(&neighbour.ports, port, 1, value);
}

/* Half as fast, and switched on later: its clock is its own. */
static int setup_two(void **state)
{
	static const struct machine_config config = {.uarts = 1};
	int error = pc_setup(state);

	memset(&neighbour, 0, sizeof(neighbour));
	fake_platform_init(&neighbours_platform);
	neighbours_platform.clock.base = 1000000;
	neighbours_platform.clock.shift = 0;
	neighbours_platform.clock.epoch = 1000;
	fake_x86.tsc = 1000000;
	return error ? error : fake_platform_create(&neighbours_platform, &neighbour, &config);
}

static void two_machines_have_clocks_of_their_own(void **state)
{
	(void)state;
	fake_x86.tsc = 1000000 + 600;
	assert_int_equal(device_now(&pc.device[DEVICE_PIT]), 1000600);
	assert_int_equal(device_now(&neighbour.device[DEVICE_PIT]), 300);
	clock_stop(&neighbours_platform.clock, fake_x86.tsc);
	fake_x86.tsc += 100;
	assert_int_equal(device_now(&pc.device[DEVICE_PIT]), 1000700);
	assert_int_equal(device_now(&neighbour.device[DEVICE_PIT]), 300);
	assert_int_equal(clock_go_on(&neighbours_platform.clock, fake_x86.tsc), 100);
	fake_x86.tsc += 100;
	assert_int_equal(device_now(&neighbour.device[DEVICE_PIT]), 350);
	/* The time of day, too. */
	out(0x70, 0x32);
	neighbour_out(0x70, 0x32);
	assert_int_equal(in(0x71), 0x20);
	assert_int_equal(port_read(&neighbour.ports, 0x71, 1), 0x19);
}

static void two_machines_have_timers_of_their_own(void **state)
{
	(void)state;
	device_arm(&pc.device[DEVICE_RTC], 2000000);
	device_arm(&neighbour.device[DEVICE_RTC], 2000);
	assert_int_equal(fake_platform.deadline, 2000000);
	assert_int_equal(neighbours_platform.deadline, 2000);
	fake_x86.tsc += 4000;
	machine_run_timers(&pc);
	assert_int_equal(fake_platform.deadline, 2000000);
	machine_run_timers(&neighbour);
	assert_int_equal(neighbours_platform.deadline, DEADLINE_NONE);
}

static void two_machines_have_outputs_of_their_own(void **state)
{
	(void)state;
	out(0x3F8, 'a');
	neighbour_out(0x3F8, 'b');
	neighbour_out(0xE9, 'c');
	assert_int_equal(fake_platform.serial_length[0], 1);
	assert_int_equal(fake_platform.serial[0][0], 'a');
	assert_int_equal(neighbours_platform.serial[0][0], 'b');
	assert_int_equal(fake_platform.debug_count, 0);
	assert_int_equal(neighbours_platform.debug_last, 'c');
	neighbour_out(0x64, 0xFE);
	assert_int_equal(fake_platform.resets[RESET_CPU], 0);
	assert_int_equal(neighbours_platform.resets[RESET_CPU], 1);
}

static void two_machines_have_lines_of_their_own(void **state)
{
	(void)state;
	start_pic();
	machine_firmware(&neighbour);
	machine_set_line(&neighbour, 1, true);
	assert_true(machine_intr(&neighbour));
	assert_true(neighbours_platform.intr);
	assert_false(machine_intr(&pc));
	assert_false(fake_platform.intr);
	assert_int_equal(machine_acknowledge(&neighbour), 0x09);
	assert_false(neighbours_platform.intr);
}

/* What one saved is loaded by another of the same config, and by no other. */
static void a_saved_machine_goes_on_in_another(void **state)
{
	static const struct machine_config config = {.uarts = MACHINE_UARTS, .screen = true, .hpet = true};
	static uint8_t record[8192], again[8192];
	size_t size;

	(void)state;
	fake_x86.tsc = 0;
	stir();
	size = machine_save(&pc, record, sizeof(record));
	assert_int_equal(machine_load(&neighbour, record, size), -ERR_INVALID);
	memset(&neighbour, 0, sizeof(neighbour));
	fake_platform_init(&neighbours_platform);
	neighbours_platform.clock.epoch = fake_platform.clock.epoch;
	assert_int_equal(fake_platform_create(&neighbours_platform, &neighbour, &config), 0);
	assert_int_equal(machine_load(&neighbour, record, size), 0);
	assert_int_equal(machine_save(&neighbour, again, sizeof(again)), size);
	assert_memory_equal(record, again, size);
	assert_int_equal(neighbours_platform.intr, fake_platform.intr);
	assert_int_equal(neighbours_platform.deadline, fake_platform.deadline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_device_answers_at_its_ports, pc_setup),
		cmocka_unit_test_setup(uarts_by_configuration, pc_setup),
		cmocka_unit_test_setup(lines_are_wired_or, pc_setup),
		cmocka_unit_test_setup(uart_interrupts_reach_their_lines, pc_setup),
		cmocka_unit_test_setup(the_earliest_deadline_is_told, pc_setup),
		cmocka_unit_test_setup(timers_run_once_a_call, pc_setup),
		cmocka_unit_test_setup(reset_keeps_what_is_outside, pc_setup),
		cmocka_unit_test_setup(save_and_load_round_trip, pc_setup),
		cmocka_unit_test_setup(broken_records_change_nothing, pc_setup),
		cmocka_unit_test_setup(a_device_refuses_anothers_record, pc_setup),
		cmocka_unit_test_setup(firmware_initializes_the_controllers, setup_with_firmware),
		cmocka_unit_test_setup(firmware_leaves_the_timer_on, setup_with_firmware),
		cmocka_unit_test_setup(controllers_can_be_moved_alone, setup_with_firmware),
		cmocka_unit_test_setup(second_acpi_event_interrupts, setup_with_firmware),
		cmocka_unit_test_setup(firmwares_timer_costs_nothing_unused, setup_with_firmware),
		cmocka_unit_test(devices_of_a_guest_that_takes_no_interrupt_come_to_rest),
		cmocka_unit_test_setup(two_machines_have_clocks_of_their_own, setup_two),
		cmocka_unit_test_setup(two_machines_have_timers_of_their_own, setup_two),
		cmocka_unit_test_setup(two_machines_have_outputs_of_their_own, setup_two),
		cmocka_unit_test_setup(two_machines_have_lines_of_their_own, setup_two),
		cmocka_unit_test_setup(a_saved_machine_goes_on_in_another, setup_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
