/* SPDX-License-Identifier: MIT */
/* devices/pc/acpi_pm.c: PM1 event and control registers, the PM timer. */
#include "rigs/pc.h"

#define STS 0x600
#define EN  0x602
#define CNT 0x604
#define TMR 0x608

#define TMR_STS    0x0001
#define GBL_STS    0x0020
#define PWRBTN_STS 0x0100
#define RTC_STS    0x0400

#define SECOND      1000000000ULL
#define HALF_PERIOD (1ULL << 31) /* ticks between two changes of bit 31 */

static struct device *const pm = &pc.device[DEVICE_ACPI_PM];

static uint32_t pm_in16(uint16_t port)
{
	return port_read(&pc.ports, port, 2);
}

static void pm_out16(uint16_t port, uint16_t value)
{
	port_write(&pc.ports, port, 2, value);
}

static uint32_t pm_in32(uint16_t port)
{
	return port_read(&pc.ports, port, 4);
}

/* The first ns at which the counter has reached `ticks`. */
static uint64_t time_of(uint64_t ticks)
{
	return ((unsigned __int128)ticks * SECOND + 3579544) / 3579545;
}

static void power_on(void **state)
{
	(void)state;
	assert_int_equal(pm_in32(STS), 0x00000000);
	assert_int_equal(pm_in32(CNT), 0x00000001);
	assert_int_equal(pm_in32(TMR), 0);
	assert_false(line(9));
}

static void timer_counts_at_3579545_hz(void **state)
{
	(void)state;
	fake_x86.tsc = 279;
	assert_int_equal(pm_in32(TMR), 0);
	fake_x86.tsc = 280;
	assert_int_equal(pm_in32(TMR), 1);
	fake_x86.tsc = SECOND;
	assert_int_equal(pm_in32(TMR), 3579545);
	fake_x86.tsc = SECOND - 1;
	assert_int_equal(pm_in32(TMR), 3579544);
	fake_x86.tsc = 1000 * SECOND;
	assert_int_equal(pm_in32(TMR), 3579545000);
	/* All 32 bits count, then wrap; a year later it is still exact. */
	fake_x86.tsc = time_of(1ULL << 32);
	assert_int_equal(pm_in32(TMR), 0);
	fake_x86.tsc -= 280;
	assert_int_equal(pm_in32(TMR), 0xffffffff);
	fake_x86.tsc = 365 * 86400 * SECOND;
	assert_int_equal(pm_in32(TMR), (uint32_t)(365ULL * 86400 * 3579545));
}

static void timer_in_every_width(void **state)
{
	(void)state;
	fake_x86.tsc = time_of(0x89abcdef);
	assert_int_equal(pm_in32(TMR), 0x89abcdef);
	assert_int_equal(pm_in16(TMR), 0xcdef);
	assert_int_equal(pm_in16(TMR + 1), 0xabcd);
	assert_int_equal(pm_in16(TMR + 2), 0x89ab);
	assert_int_equal(in(TMR), 0xef);
	assert_int_equal(in(TMR + 1), 0xcd);
	assert_int_equal(in(TMR + 2), 0xab);
	assert_int_equal(in(TMR + 3), 0x89);
	/* Read-only. */
	port_write(&pc.ports, TMR, 4, 0);
	assert_int_equal(pm_in32(TMR), 0x89abcdef);
	/* Nothing after it. */
	assert_int_equal(pm_in32(TMR + 4), 0xffffffff);
	assert_int_equal(pm_in32(TMR + 2), 0xffff89ab);
}

static void enable_bits(void **state)
{
	(void)state;
	pm_out16(EN, 0xffff);
	assert_int_equal(pm_in16(EN), 0x4721);
	out(EN + 1, 0x00);
	assert_int_equal(pm_in16(EN), 0x0021);
	out(EN, 0x00);
	assert_int_equal(pm_in16(EN), 0x0000);
	port_write(&pc.ports, STS, 4, 0x01000000);
	assert_int_equal(pm_in32(STS), 0x01000000);
	assert_int_equal(pm_in32(STS + 1), 0x01010000);
}

static void timer_status_tells_of_bit_31(void **state)
{
	(void)state;
	assert_int_equal(pm->deadline.at, DEADLINE_NONE);
	fake_x86.tsc = time_of(HALF_PERIOD) - 1;
	assert_int_equal(pm_in16(STS), 0);
	fake_x86.tsc++;
	assert_int_equal(pm_in16(STS), TMR_STS);
	/* It stays until cleared; writing other bits or zero does not clear it. */
	pm_out16(STS, 0xfffe);
	assert_int_equal(pm_in16(STS), TMR_STS);
	pm_out16(STS, TMR_STS);
	assert_int_equal(pm_in16(STS), 0);
	/* Both directions of the change count. */
	fake_x86.tsc = time_of(2 * HALF_PERIOD);
	assert_int_equal(pm_in16(STS), TMR_STS);
	assert_false(line(9));
}

static void timer_interrupt(void **state)
{
	(void)state;
	assert_int_equal(pm->deadline.at, DEADLINE_NONE);
	pm_out16(EN, TMR_STS);
	assert_in_range(pm->deadline.at, time_of(HALF_PERIOD), time_of(HALF_PERIOD) + 1);
	pass(time_of(HALF_PERIOD) - 1);
	assert_false(line(9));
	pass(2);
	assert_true(line(9));
	assert_int_equal(pm->deadline.at, DEADLINE_NONE);
	pm_out16(STS, TMR_STS);
	assert_false(line(9));
	assert_in_range(pm->deadline.at, time_of(2 * HALF_PERIOD), time_of(2 * HALF_PERIOD) + 1);
	pm_out16(EN, 0);
	assert_int_equal(pm->deadline.at, DEADLINE_NONE);
}

/* Thousands of half periods later a deadline is still met in one call. */
static void timer_does_not_run_ahead_of_its_interrupt(void **state)
{
	(void)state;
	pm_out16(EN, TMR_STS);
	fake_x86.tsc = time_of(HALF_PERIOD) - 280;
	assert_int_equal(pm_in32(TMR) & HALF_PERIOD, 0);
	assert_false(line(9));
	fake_x86.tsc = time_of(HALF_PERIOD) + 280;
	assert_in_range(pm_in32(TMR), HALF_PERIOD, HALF_PERIOD + 1);
	assert_true(line(9));
	pm_out16(STS, TMR_STS);
	fake_x86.tsc = time_of(2 * HALF_PERIOD) + 280;
	assert_int_equal(pm_in16(STS), TMR_STS);
	assert_true(line(9));
}

static void timer_interrupt_after_months(void **state)
{
	(void)state;
	fake_x86.tsc = time_of(10000 * HALF_PERIOD + 5);
	pm_out16(STS, TMR_STS);
	pm_out16(EN, TMR_STS);
	assert_in_range(pm->deadline.at, time_of(10001 * HALF_PERIOD), time_of(10001 * HALF_PERIOD) + 1000);
	fake_x86.tsc = pm->deadline.at;
	machine_run_timers(&pc);
	assert_true(line(9));
	assert_int_equal(pm->deadline.at, DEADLINE_NONE);
}

static void power_button(void **state)
{
	(void)state;
	acpi_pm_power_button(pm);
	assert_int_equal(pm_in16(STS), PWRBTN_STS);
	assert_false(line(9));
	pm_out16(EN, PWRBTN_STS);
	assert_true(line(9));
	out(STS, 0xff);
	assert_true(line(9));
	out(STS + 1, 0x01);
	assert_int_equal(pm_in16(STS), 0);
	assert_false(line(9));
	acpi_pm_power_button(pm);
	assert_true(line(9));
	pm_out16(EN, 0);
	assert_false(line(9));
	assert_int_equal(fake_platform.power_offs, 0);
}

static void rtc_alarm(void **state)
{
	(void)state;
	pm_out16(EN, RTC_STS);
	/* 23:59:51, in one second. */
	out(0x70, 0x01);
	out(0x71, 0x51);
	out(0x70, 0x03);
	out(0x71, 0xff);
	out(0x70, 0x05);
	out(0x71, 0xff);
	out(0x70, 0x0b);
	out(0x71, 0x22);
	assert_int_equal(pm_in16(STS), 0);
	pass(SECOND);
	assert_int_equal(pm_in16(STS), RTC_STS);
	assert_true(line(9));
	pm_out16(STS, RTC_STS);
	assert_false(line(9));
}

static void sci_en_is_hard_wired(void **state)
{
	(void)state;
	pm_out16(CNT, 0x0000);
	assert_int_equal(pm_in16(CNT), 0x0001);
	/* GBL_RLS and SLP_EN read as 0, reserved bits are not there. */
	pm_out16(CNT, 0xdfff);
	assert_int_equal(pm_in16(CNT), 0x1c03);
	out(CNT, 0x00);
	assert_int_equal(pm_in16(CNT), 0x1c01);
	out(CNT + 1, 0x00);
	assert_int_equal(pm_in16(CNT), 0x0001);
	/* After it everything reads as zero. */
	pm_out16(CNT + 2, 0xffff);
	assert_int_equal(pm_in32(CNT), 0x00000001);
	assert_int_equal(fake_platform.power_offs, 0);
}

/* What small kernels write without a look at the DSDT, since QEMU's machines have it so. */
static void kernels_power_off_unseen(void **state)
{
	(void)state;
	pm_out16(0x604, 0x2000);
	assert_int_equal(fake_platform.power_offs, 1);
}

static void sleeping(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 8; type++) {
		fake_platform.power_offs = 0;
		pm_out16(CNT, type << 10);
		assert_int_equal(fake_platform.power_offs, 0);
		pm_out16(CNT, type << 10 | 1 << 13);
		assert_int_equal(fake_platform.power_offs, type == 0);
		assert_int_equal(pm_in16(CNT), type << 10 | 1);
		out(CNT + 1, type << 2 | 1 << 5);
		assert_int_equal(fake_platform.power_offs, type == 0 ? 2 : 0);
		/* A write that does not reach SLP_EN does nothing. */
		out(CNT, 0xff);
		port_write(&pc.ports, STS, 4, 0);
		assert_int_equal(fake_platform.power_offs, type == 0 ? 2 : 0);
	}
	fake_platform.power_offs = 0;
	port_write(&pc.ports, CNT, 4, 0x2001);
	assert_int_equal(fake_platform.power_offs, 1);
	/* A dword at 602h covers the enable and the control register. */
	port_write(&pc.ports, EN, 4, 0x20010100);
	assert_int_equal(fake_platform.power_offs, 2);
	assert_int_equal(pm_in16(EN), PWRBTN_STS);
	assert_int_equal(pm_in32(EN), 0x00010100);
}

static void saved_and_loaded(void **state)
{
	(void)state;
	fake_x86.tsc = time_of(3 * HALF_PERIOD);
	pm_out16(STS, TMR_STS);
	pm_out16(EN, TMR_STS | PWRBTN_STS);
	pm_out16(CNT, 0x1402);
	round_trip(DEVICE_ACPI_PM);
	acpi_pm_power_button(pm);
	round_trip(DEVICE_ACPI_PM);
	assert_true(line(9));
	assert_int_equal(pm_in16(STS), PWRBTN_STS);
	assert_int_equal(pm_in16(EN), TMR_STS | PWRBTN_STS);
	assert_int_equal(pm_in16(CNT), 0x1403);

	assert_true(refuses(DEVICE_ACPI_PM, offsetof(struct acpi_pm_state, status), TMR_STS));
	assert_true(refuses(DEVICE_ACPI_PM, offsetof(struct acpi_pm_state, enable), 0x02));
	assert_true(refuses(DEVICE_ACPI_PM, offsetof(struct acpi_pm_state, control), 0x00));
	assert_true(refuses(DEVICE_ACPI_PM, offsetof(struct acpi_pm_state, control) + 1, 0x20));
	assert_true(refuses(DEVICE_ACPI_PM, offsetof(struct acpi_pm_state, reserved), 0x01));
	/* A number of half periods from another time is just "it has changed since". */
	assert_false(refuses(DEVICE_ACPI_PM, offsetof(struct acpi_pm_state, timer_periods) + 7, 0xff));
}

static void reset_clears(void **state)
{
	(void)state;
	fake_x86.tsc = time_of(HALF_PERIOD + 7);
	acpi_pm_power_button(pm);
	pm_out16(EN, PWRBTN_STS | TMR_STS);
	pm_out16(CNT, 0x1402);
	machine_reset(&pc);
	assert_int_equal(pm_in32(STS), 0);
	assert_int_equal(pm_in32(CNT), 1);
	assert_false(line(9));
	assert_int_equal(pm->deadline.at, DEADLINE_NONE);
	/* The counter runs on. */
	assert_int_equal(pm_in32(TMR), HALF_PERIOD + 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_on, pc_setup),
		cmocka_unit_test_setup(timer_counts_at_3579545_hz, pc_setup),
		cmocka_unit_test_setup(timer_in_every_width, pc_setup),
		cmocka_unit_test_setup(enable_bits, pc_setup),
		cmocka_unit_test_setup(timer_status_tells_of_bit_31, pc_setup),
		cmocka_unit_test_setup(timer_interrupt, pc_setup),
		cmocka_unit_test_setup(timer_does_not_run_ahead_of_its_interrupt, pc_setup),
		cmocka_unit_test_setup(timer_interrupt_after_months, pc_setup),
		cmocka_unit_test_setup(power_button, pc_setup),
		cmocka_unit_test_setup(rtc_alarm, pc_setup),
		cmocka_unit_test_setup(sci_en_is_hard_wired, pc_setup),
		cmocka_unit_test_setup(sleeping, pc_setup),
		cmocka_unit_test_setup(kernels_power_off_unseen, pc_setup),
		cmocka_unit_test_setup(saved_and_loaded, pc_setup),
		cmocka_unit_test_setup(reset_clears, pc_setup),
	};

	return cmocka_run_group_tests_name("acpi_pm", tests, NULL, NULL);
}
