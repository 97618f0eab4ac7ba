/* SPDX-License-Identifier: MIT */
/* The clock, against a fake 8254, PM timer and RTC that follow the fake TSC. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "lib/x86.h"
#include "vmm/observe/log.h"
#include "vmm/cpu/time.h"

#define PIT_HZ 1193182u
#define PM_HZ  3579545u
#define PORT   0x408

static char said[4096];
static struct acpi_info info;

static struct {
	uint64_t hz; /* what the TSC really does */
	bool pit, pm, rtc;
	unsigned pm_slow; /* percent that the PM timer is slow by */
	uint16_t count, latch;
	unsigned writes, reads;
	uint64_t late;   /* TSC ticks that one poll in many takes longer */
	uint64_t loaded; /* TSC */
	uint8_t port_b, rtc_index, pit_control;
} machine;

void log_print(enum log_level level, const char *format, ...)
{
	size_t length = strlen(said);
	va_list args;

	(void)level;
	va_start(args, format);
	vsnprintf(said + length, sizeof(said) - length, format, args);
	va_end(args);
}

static uint32_t pm_value(void)
{
	unsigned __int128 ticks = (unsigned __int128)fake_x86.tsc * PM_HZ * (100 - machine.pm_slow) / 100;

	ticks = ticks / machine.hz + 0xfffff0; /* wraps soon, in 24 bits */
	return (uint32_t)ticks & 0xffffff;
}

static uint32_t rtc_value(void)
{
	static const uint8_t registers[128] = {
		[0] = 0x20, [2] = 0x13, [4] = 0x22,    [7] = 0x14,
		[8] = 0x11, [9] = 0x23, [0x0b] = 0x02, [0x32] = 0x20,
	}; /* 2023-11-14 22:13:20 UTC, BCD, 24 hours */

	return machine.rtc ? registers[machine.rtc_index & 0x7f] : 0xff;
}

static uint32_t in(uint16_t port, unsigned size)
{
	uint64_t ticks;

	fake_x86.tsc += machine.hz / 1000000; /* a port access takes a microsecond */
	if (machine.late && port == 0x61 && (fake_x86.tsc - machine.loaded) * PIT_HZ / machine.hz > 59000)
		fake_x86.tsc += machine.late;
	switch (port) {
	case 0x61:
		if (!machine.pit)
			return 0xff;
		ticks = (fake_x86.tsc - machine.loaded) * PIT_HZ / machine.hz;
		return (machine.port_b & 3u) | (machine.writes == 2 && ticks > machine.count ? 0x20 : 0);
	case 0x42:
		if (!machine.pit)
			return 0xff;
		machine.reads++;
		return machine.reads % 2 ? machine.latch & 0xff : machine.latch >> 8;
	case 0x71: return rtc_value();
	case PORT: assert_int_equal(size, 4); return machine.pm ? pm_value() : UINT32_MAX;
	default: return UINT32_MAX;
	}
}

static void out(uint16_t port, unsigned size, uint32_t value)
{
	(void)size;
	switch (port) {
	case 0x61: machine.port_b = (uint8_t)value; break;
	case 0x43:
		if (value == 0x80) { /* latch channel 2; in mode 0 it goes on counting below 0 */
			machine.reads = 0;
			machine.latch = (uint16_t)(machine.count -
			                           (fake_x86.tsc - machine.loaded) * PIT_HZ / machine.hz);
			break;
		}
		machine.pit_control = (uint8_t)value;
		machine.writes = 0;
		break;
	case 0x42:
		machine.count = (uint16_t)(machine.writes++ ? (machine.count & 0xff) | value << 8 : value);
		machine.loaded = fake_x86.tsc;
		assert_true(machine.port_b & 1); /* the gate is open */
		break;
	case 0x70: machine.rtc_index = (uint8_t)value; break;
	default: break;
	}
}

static int setup(void **state)
{
	(void)state;
	fake_x86_reset();
	fake_x86.in = in;
	fake_x86.out = out;
	fake_x86.tsc_step = 20;
	memset(&machine, 0, sizeof(machine));
	machine.hz = 2400000000;
	machine.pit = machine.pm = machine.rtc = true;
	memset(&info, 0, sizeof(info));
	info.pm_timer = PORT;
	info.century = 0x32;
	said[0] = '\0';
	fake_cpuid_set(0x80000000, 0, (struct cpuid_result){.eax = 0x80000008});
	fake_cpuid_set(0x80000007, 0, (struct cpuid_result){.edx = 0x100});
	return 0;
}

static void assert_rate(uint64_t expected)
{
	uint64_t difference = expected > time_tsc_hz ? expected - time_tsc_hz : time_tsc_hz - expected;

	assert_true(difference < expected / 5000); /* 200 ppm */
}

static void test_both_timers(void **state)
{
	(void)state;
	time_init(&info);
	assert_rate(2400000000);
	assert_null(strstr(said, "disagree"));
	assert_null(strstr(said, "invariant"));
	assert_int_equal(machine.pit_control, 0xb0);
	assert_int_equal(time_epoch(), 1700000000);
	fake_x86.tsc += 3 * time_tsc_hz;
	assert_int_equal(time_epoch(), 1700000003);
}

static void test_slow_machine(void **state)
{
	(void)state;
	machine.hz = 100000000;
	fake_x86.tsc_step = 1;
	time_init(&info);
	assert_rate(100000000);
}

static void test_pit_alone(void **state)
{
	(void)state;
	info.pm_timer = 0;
	time_init(&info);
	assert_rate(2400000000);
}

static void test_pm_timer_alone(void **state)
{
	(void)state;
	machine.pit = false;
	time_init(&info);
	assert_rate(2400000000);
}

static void test_dead_pm_timer(void **state)
{
	(void)state;
	machine.pm = false; /* the FADT names it, but it does not count */
	time_init(&info);
	assert_rate(2400000000);
}

/* The end of the 8254's run is seen 5 ms too late: a host takes the processor away. */
static void test_late_polls(void **state)
{
	(void)state;
	machine.late = machine.hz / 200;
	time_init(&info);
	assert_rate(2400000000);
	assert_null(strstr(said, "disagree"));
	info.pm_timer = 0;
	time_init(&info);
	assert_rate(2400000000);
}

static void test_disagreement(void **state)
{
	(void)state;
	machine.pm_slow = 10;
	time_init(&info);
	assert_non_null(strstr(said, "disagree"));
}

static void test_neither(void **state)
{
	(void)state;
	machine.pit = machine.pm = false;
	time_init(&info);
	assert_int_equal(time_tsc_hz, 1000000000);
	assert_non_null(strstr(said, "may be wrong"));
	/* With CPUID's word for it: crystal 24 MHz, ratio 200/2. */
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 0x16});
	fake_cpuid_set(0x15, 0, (struct cpuid_result){2, 200, 24000000, 0});
	time_init(&info);
	assert_int_equal(time_tsc_hz, 2400000000);
	/* Without a crystal's rate: the base frequency. */
	fake_cpuid_set(0x15, 0, (struct cpuid_result){2, 200, 0, 0});
	fake_cpuid_set(0x16, 0, (struct cpuid_result){1900, 0, 0, 0});
	time_init(&info);
	assert_int_equal(time_tsc_hz, 1900000000);
}

static void test_stuck_pit(void **state)
{
	(void)state;
	info.pm_timer = 0;
	machine.pit_control = 0;
	machine.hz = 2400000000;
	fake_x86.tsc_step = 20;
	machine.count = 0xffff;
	/* Output that never rises: the loop ends by its bound on TSC ticks. */
	fake_x86.out = NULL;
	machine.writes = 0;
	time_init(&info);
	assert_int_equal(time_tsc_hz, 1000000000);
}

static void test_no_clock_no_invariant(void **state)
{
	(void)state;
	machine.rtc = false;
	fake_cpuid_set(0x80000007, 0, (struct cpuid_result){0});
	time_init(&info);
	assert_non_null(strstr(said, "does not answer"));
	assert_non_null(strstr(said, "not invariant"));
	assert_int_equal(time_epoch(), 0);
}

static void test_conversions(void **state)
{
	static const uint64_t rates[] = {1000000,    19200000,   100000000,  999999999,    1000000000,
	                                 2399999999, 3500000000, 6000000001, 1000000000000};
	static const uint64_t times[] = {0, 1, 2, 999, 1000000007, 86400000000000, 3153600000000000000};

	(void)state;
	for (unsigned r = 0; r < ARRAY_SIZE(rates); r++) {
		time_set_rate(rates[r]);
		for (unsigned t = 0; t < ARRAY_SIZE(times); t++) {
			unsigned __int128 exact = (unsigned __int128)times[t] * rates[r];
			uint64_t tsc = time_tsc_from_ns(times[t]);

			exact = (exact + 999999999) / 1000000000;
			if (exact > UINT64_MAX) {
				assert_true(tsc == UINT64_MAX);
				continue;
			}
			assert_true(tsc >= exact);
			assert_true(tsc - exact <= exact / (1ull << 60) + 1);
			/* A timer armed for a time never fires before it. */
			assert_true(time_ns_from_tsc(tsc) >= times[t]);
			assert_true(time_ns_from_tsc(tsc) - times[t] <= 1000000000 / rates[r] + 4);
		}
	}
	time_set_rate(3500000000);
	assert_int_equal(time_ns_from_tsc(3500000000ull * 1000), 1000000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_both_timers, setup),
		cmocka_unit_test_setup(test_slow_machine, setup),
		cmocka_unit_test_setup(test_pit_alone, setup),
		cmocka_unit_test_setup(test_pm_timer_alone, setup),
		cmocka_unit_test_setup(test_dead_pm_timer, setup),
		cmocka_unit_test_setup(test_late_polls, setup),
		cmocka_unit_test_setup(test_disagreement, setup),
		cmocka_unit_test_setup(test_neither, setup),
		cmocka_unit_test_setup(test_stuck_pit, setup),
		cmocka_unit_test_setup(test_no_clock_no_invariant, setup),
		cmocka_unit_test_setup(test_conversions, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
