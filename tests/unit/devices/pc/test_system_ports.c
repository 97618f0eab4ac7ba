/* SPDX-License-Identifier: MIT */
/* devices/pc/system_ports.c: ports 80h, 92h, CF9h and E9h. */
#include "rigs/pc.h"

static void power_on(void **state)
{
	(void)state;
	assert_int_equal(in(0x80), 0x00);
	assert_int_equal(in(0x92), 0x02);
	assert_int_equal(in(0xcf9), 0x00);
	assert_int_equal(in(0xe9), 0xe9);
}

static void post_code_reads_back(void **state)
{
	(void)state;
	out(0x80, 0xa5);
	assert_int_equal(in(0x80), 0xa5);
	out(0x80, 0x00);
	assert_int_equal(in(0x80), 0x00);
}

static void a_call_of_firmware_is_told(void **state)
{
	(void)state;
	out(0xb2, 0x13);
	assert_int_equal(fake_platform.firmware_called, 0x13);
	assert_int_equal(in(0xb2), 0xff);
}

static void port92_resets_on_rising_edge(void **state)
{
	(void)state;
	out(0x92, 0x00);
	assert_int_equal(in(0x92), 0x00);
	out(0x92, 0xfe);
	assert_int_equal(in(0x92), 0x02);
	assert_int_equal(fake_platform.resets[RESET_CPU], 0);
	out(0x92, 0x03);
	assert_int_equal(fake_platform.resets[RESET_CPU], 1);
	assert_int_equal(in(0x92), 0x03);
	out(0x92, 0x01);
	assert_int_equal(fake_platform.resets[RESET_CPU], 1);
	out(0x92, 0x00);
	out(0x92, 0x01);
	assert_int_equal(fake_platform.resets[RESET_CPU], 2);
	assert_int_equal(fake_platform.resets[RESET_SYSTEM], 0);
}

static void reset_control_by_value(void **state)
{
	/* clang-format off */
	static const struct {
		uint8_t value, readback;
		unsigned cpu, system;
	} cases[] = {
		{0x00, 0x00, 0, 0},
		{0x02, 0x02, 0, 0},
		{0x0a, 0x0a, 0, 0},
		{0x04, 0x04, 1, 0},
		{0x0c, 0x0c, 1, 0},
		{0x06, 0x06, 0, 1},
		{0x0e, 0x0e, 0, 1},
		{0xff, 0x0e, 0, 1},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		out(0xcf9, 0x00);
		memset(fake_platform.resets, 0, sizeof(fake_platform.resets));
		out(0xcf9, cases[i].value);
		assert_int_equal(fake_platform.resets[RESET_CPU], cases[i].cpu);
		assert_int_equal(fake_platform.resets[RESET_SYSTEM], cases[i].system);
		assert_int_equal(in(0xcf9), cases[i].readback);
		/* The level alone does nothing. */
		out(0xcf9, cases[i].value);
		assert_int_equal(fake_platform.resets[RESET_CPU], cases[i].cpu);
		assert_int_equal(fake_platform.resets[RESET_SYSTEM], cases[i].system);
	}
}

static void two_step_system_reset(void **state)
{
	(void)state;
	out(0xcf9, 0x02);
	out(0xcf9, 0x06);
	assert_int_equal(fake_platform.resets[RESET_SYSTEM], 1);
	assert_int_equal(fake_platform.resets[RESET_CPU], 0);
}

static void debug_port(void **state)
{
	(void)state;
	out(0xe9, 'n');
	assert_int_equal(fake_platform.debug_last, 'n');
	out(0xe9, 'a');
	assert_int_equal(fake_platform.debug_last, 'a');
	assert_int_equal(fake_platform.debug_count, 2);
}

/* The latch of IRQ 13: set by the processor's pin, cleared by F0h or F1h. */
static void fpu_error_is_irq_13_until_it_is_cleared(void **state)
{
	(void)state;
	assert_int_equal(in(0xf0), 0xff);
	for (uint16_t port = 0xf0; port <= 0xf1; port++) {
		assert_false(line(13));
		machine_fpu_error(&pc);
		assert_true(line(13));
		out(port, 0);
		assert_false(line(13));
	}
	/* The next one is an edge, even without. */
	machine_fpu_error(&pc);
	assert_int_equal(pc.pic.chip[1].edges, 1 << 5);
	pc.pic.chip[1].edges = 0;
	machine_fpu_error(&pc);
	assert_int_equal(pc.pic.chip[1].edges, 1 << 5);
	round_trip(DEVICE_SYSTEM_PORTS);
	assert_true(refuses(DEVICE_SYSTEM_PORTS, offsetof(struct system_ports_state, fpu_error), 2));
}

/* Wider accesses fall apart into bytes, of which only one is claimed. */
static void wide_accesses(void **state)
{
	(void)state;
	out(0x80, 0x12);
	assert_int_equal(port_read(&pc.ports, 0x80, 2), 0xff12);
	assert_int_equal(port_read(&pc.ports, 0x80, 4), 0xffffff12);
	assert_int_equal(port_read(&pc.ports, 0x7f, 2), 0x12ff);
	assert_int_equal(port_read(&pc.ports, 0x91, 2), 0x02ff);
}

static unsigned resets(void)
{
	return fake_platform.resets[RESET_CPU] + fake_platform.resets[RESET_SYSTEM];
}

/*
 * All functions of all devices of bus 0: a doubleword at CF8h is PCI's CONFIG_ADDRESS, and no
 * device answers.
 */
static void search_for_pci(void **state)
{
	(void)state;
	for (uint32_t function = 0; function < 256; function++) {
		port_write(&pc.ports, 0xcf8, 4, 0x80000000 | function << 8);
		assert_int_equal(port_read(&pc.ports, 0xcf8, 4), 0xffffffff);
		assert_int_equal(port_read(&pc.ports, 0xcfc, 4), 0xffffffff);
	}
	assert_int_equal(resets(), 0);
	assert_int_equal(in(0xcf9), 0x00);
}

/* Every access but that one reaches the byte at CF9h if it covers it. */
static void reset_control_by_access(void **state)
{
	/* clang-format off */
	static const struct {
		uint16_t port;
		uint8_t size;
		bool reaches;
	} cases[] = {
		{0xcf6, 4, true},
		{0xcf7, 2, false},
		{0xcf7, 4, true},
		{0xcf8, 1, false},
		{0xcf8, 2, true},
		{0xcf8, 4, false},
		{0xcf9, 1, true},
		{0xcf9, 2, true},
		{0xcf9, 4, true},
		{0xcfa, 1, false},
		{0xcfa, 2, false},
		{0xcfa, 4, false},
		{0xcfb, 1, false},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned size = cases[i].size, at = (0xcf9u - cases[i].port) * 8 % 32;
		uint32_t ones = UINT32_MAX >> (32 - 8 * size);

		out(0xcf9, 0x00);
		memset(fake_platform.resets, 0, sizeof(fake_platform.resets));
		port_write(&pc.ports, cases[i].port, size, cases[i].reaches ? 0x0eu << at : 0x0e0e0e0e);
		assert_int_equal(fake_platform.resets[RESET_SYSTEM], cases[i].reaches);
		assert_int_equal(resets(), cases[i].reaches);
		assert_int_equal(in(0xcf9), cases[i].reaches ? 0x0e : 0x00);
		assert_int_equal(port_read(&pc.ports, cases[i].port, size),
		                 cases[i].reaches ? ones ^ 0xf1u << at : ones);
	}
}

static void saved_and_loaded(void **state)
{
	(void)state;
	out(0x80, 0x42);
	out(0x92, 0x00);
	out(0xcf9, 0x0a);
	round_trip(DEVICE_SYSTEM_PORTS);
	assert_int_equal(in(0x80), 0x42);
	assert_int_equal(in(0x92), 0x00);
	assert_int_equal(in(0xcf9), 0x0a);
	assert_true(refuses(DEVICE_SYSTEM_PORTS, offsetof(struct system_ports_state, port92), 0x04));
	assert_true(refuses(DEVICE_SYSTEM_PORTS, offsetof(struct system_ports_state, reset_control), 0x01));
	assert_false(refuses(DEVICE_SYSTEM_PORTS, offsetof(struct system_ports_state, post_code), 0xff));
}

static void reset_clears(void **state)
{
	(void)state;
	out(0x80, 0x42);
	out(0x92, 0x01);
	out(0xcf9, 0x0e);
	machine_reset(&pc);
	power_on(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_on, pc_setup),
		cmocka_unit_test_setup(post_code_reads_back, pc_setup),
		cmocka_unit_test_setup(a_call_of_firmware_is_told, pc_setup),
		cmocka_unit_test_setup(port92_resets_on_rising_edge, pc_setup),
		cmocka_unit_test_setup(reset_control_by_value, pc_setup),
		cmocka_unit_test_setup(two_step_system_reset, pc_setup),
		cmocka_unit_test_setup(debug_port, pc_setup),
		cmocka_unit_test_setup(fpu_error_is_irq_13_until_it_is_cleared, pc_setup),
		cmocka_unit_test_setup(wide_accesses, pc_setup),
		cmocka_unit_test_setup(search_for_pci, pc_setup),
		cmocka_unit_test_setup(reset_control_by_access, pc_setup),
		cmocka_unit_test_setup(saved_and_loaded, pc_setup),
		cmocka_unit_test_setup(reset_clears, pc_setup),
	};

	return cmocka_run_group_tests_name("system_ports", tests, NULL, NULL);
}
