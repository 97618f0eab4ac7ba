/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/time.h"
#include "devices/real/real_rtc.h"
#include "vmm/observe/log.h"

#define NS_PER_SECOND 1000000000u
#define SHIFT_MAX     63

/*
 * Intel 8254 datasheet, "Control Word Format" and "Mode 0"; channel 2 is gated and seen through
 * port 61h.
 */
#define PIT_HZ         1193182u
#define PIT_CHANNEL_2  0x42
#define PIT_CONTROL    0x43
#define PIT_2_BOTH_0   0xb0 /* channel 2, low byte then high byte, mode 0, binary */
#define PIT_2_LATCH    0x80
#define PIT_COUNT      59659u /* 50 ms */
#define PORT_B         0x61
#define PORT_B_GATE_2  0x01
#define PORT_B_SPEAKER 0x02
#define PORT_B_OUT_2   0x20

/* ACPI Specification, "Power Management Timer". */
#define PM_TIMER_HZ    3579545u
#define PM_TIMER_COUNT 178977u /* 50 ms */

#define POLLS_MAX  20000000u     /* of a timer that never gets there ... */
#define TICKS_MAX  2000000000ull /* ... or this many TSC ticks */
#define SLOWEST_HZ 1000000ull
#define FASTEST_HZ 1000000000000ull
#define TOLERANCE  200 /* timers agree if they differ by less than 1/200 */
#define GUESS_HZ   1000000000ull

#define CPUID_TSC       0x15
#define CPUID_FREQUENCY 0x16
#define CPUID_POWER     0x80000007
#define INVARIANT_TSC   BIT(8)

uint64_t time_tsc_hz;
struct time_scale time_scale_to_ns, time_scale_to_tsc;
uint8_t time_ns_left;
uint64_t time_ticks_scale;
uint64_t time_entry;

static int64_t boot_epoch; /* wall-clock time at TSC boot_tsc */
static uint64_t boot_tsc;

/*
 * to / from as the finest fraction that fits, rounded up. Long division by
 * hand, since 128-bit division is a library call.
 */
static struct time_scale time_make_scale(uint64_t from, uint64_t to, uint8_t shift_max)
{
	uint64_t quotient = to / from, remainder = to % from;
	uint8_t shift = 0;

	while (shift < shift_max && !(quotient >> 63)) {
		remainder *= 2; /* from is at most 10^12: no overflow */
		quotient = quotient * 2 + (remainder >= from);
		if (remainder >= from)
			remainder -= from;
		shift++;
	}
	return (struct time_scale){quotient + (remainder && quotient != UINT64_MAX), shift};
}

void time_set_rate(uint64_t hz)
{
	time_tsc_hz = hz;
	time_scale_to_ns = time_make_scale(hz, NS_PER_SECOND, 64);
	time_ns_left = 64 - time_scale_to_ns.shift;
	time_scale_to_tsc = time_make_scale(NS_PER_SECOND, hz, SHIFT_MAX);
	time_ticks_scale = time_make_scale(NS_PER_SECOND, hz, 32).multiplier;
}

static uint64_t time_plausible(uint64_t hz)
{
	return hz >= SLOWEST_HZ && hz <= FASTEST_HZ ? hz : 0;
}

static bool pit_output(void)
{
	return in8(PORT_B) & PORT_B_OUT_2;
}

static uint32_t pit_latch(uint64_t *tsc)
{
	uint32_t low;

	out8(PIT_CONTROL, PIT_2_LATCH);
	*tsc = read_tsc();
	low = in8(PIT_CHANNEL_2);
	return low | (uint32_t)in8(PIT_CHANNEL_2) << 8;
}

/*
 * TSC ticks a second against the 8254; 0 if it does not count. In mode 0 the output goes high at
 * the end, and the counter goes on from FFFFh: reading it tells how late that was seen.
 */
static uint64_t time_measure_pit(const struct acpi_info *info)
{
	uint8_t saved = in8(PORT_B);
	uint64_t start, now, elapsed = 0;
	uint32_t first, counted;
	bool done = false;

	out8(PORT_B, (uint8_t)((saved & ~PORT_B_SPEAKER) | PORT_B_GATE_2));
	out8(PIT_CONTROL, PIT_2_BOTH_0);
	out8(PIT_CHANNEL_2, PIT_COUNT & 0xff);
	out8(PIT_CHANNEL_2, PIT_COUNT >> 8);
	first = pit_latch(&start);
	if (first && first <= PIT_COUNT && !pit_output()) /* else there is no 8254 */
		for (unsigned i = 0; !done && i < POLLS_MAX && elapsed < TICKS_MAX; i++) {
			done = pit_output();
			elapsed = read_tsc() - start;
		}
	counted = first + ((0 - pit_latch(&now)) & 0xffff);
	out8(PORT_B, saved & (PORT_B_GATE_2 | PORT_B_SPEAKER));
	return done ? time_plausible((now - start) * PIT_HZ / counted) : 0;
}

/* The same against the ACPI PM timer, starting where it steps. */
static uint64_t time_measure_pm_timer(const struct acpi_info *info)
{
	uint32_t mask = info->pm_timer_32bit ? UINT32_MAX : 0xffffff;
	uint32_t before = in32(info->pm_timer) & mask, first = before, counted = 0;
	uint64_t start, elapsed = 0;

	for (unsigned i = 0; first == before; i++) {
		if (i == POLLS_MAX / 1000)
			return 0;
		first = in32(info->pm_timer) & mask;
	}
	start = read_tsc();
	for (unsigned i = 0; counted < PM_TIMER_COUNT; i++) {
		if (i == POLLS_MAX || elapsed > TICKS_MAX)
			return 0;
		counted = (in32(info->pm_timer) - first) & mask;
		elapsed = read_tsc() - start;
	}
	return time_plausible(elapsed * PM_TIMER_HZ / counted);
}

/*
 * The middle one: a system management interrupt, or a host that takes the processor away, may spoil
 * a run in either direction. 0 if the timer fails once.
 */
static uint64_t time_middle_of(uint64_t a, uint64_t b, uint64_t c)
{
	if (!a || !b || !c)
		return 0;
	return MAX(MIN(a, b), MIN(MAX(a, b), c));
}

static uint64_t time_measure(uint64_t (*run)(const struct acpi_info *info), const struct acpi_info *info)
{
	uint64_t first = run(info), second;

	if (!first)
		return 0;
	second = run(info);
	return time_middle_of(first, second, run(info));
}

/*
 * What CPUID claims; 0: nothing. SDM Vol. 3B "Time-Stamp Counter", "Determining the Processor Base
 * Frequency".
 */
static uint64_t time_cpuid_hz(void)
{
	uint32_t last = cpuid(0, 0).eax;
	struct cpuid_result tsc = last >= CPUID_TSC ? cpuid(CPUID_TSC, 0) : (struct cpuid_result){0};

	if (tsc.eax && tsc.ebx && tsc.ecx)
		return time_plausible((uint64_t)tsc.ecx * tsc.ebx / tsc.eax);
	return last >= CPUID_FREQUENCY ? time_plausible((cpuid(CPUID_FREQUENCY, 0).eax & 0xffff) * 1000000ull)
	                               : 0;
}

static bool time_agree(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= a / TOLERANCE;
}

static uint64_t time_choose(uint64_t pm, uint64_t pit, uint64_t claimed)
{
	uint64_t measured = pm ? pm : pit;

	if (pm && pit && !time_agree(pm, pit))
		log_warning("time: the timers disagree: the TSC runs at %lu kHz by the ACPI PM "
		            "timer, %lu kHz by the 8254; the first is used, check the clock\n",
		            pm / 1000, pit / 1000);
	if (measured)
		return measured;
	if (claimed) {
		log_warning("time: neither the 8254 nor the ACPI PM timer counts; the TSC's rate "
		            "is taken from CPUID\n");
		return claimed;
	}
	log_error("time: neither the 8254 nor the ACPI PM timer counts; the TSC is taken to run "
	          "at 1 GHz, so all clocks may be wrong: enable the 8254 in the firmware's "
	          "settings\n");
	return GUESS_HZ;
}

static void read_wall_clock(const struct acpi_info *info)
{
	if (rtc_read(info->century, &boot_epoch)) {
		boot_epoch = 0;
		log_warning(
			"time: the real-time clock does not answer; the time of day starts at 1970-01-01\n");
	}
	boot_tsc = read_tsc();
}

void time_init(const struct acpi_info *info)
{
	uint64_t pm = info->pm_timer ? time_measure(time_measure_pm_timer, info) : 0;
	uint64_t pit = time_measure(time_measure_pit, info);
	uint64_t claimed = time_cpuid_hz();

	time_set_rate(time_choose(pm, pit, claimed));
	log_info("time: TSC %lu.%03lu MHz (PM timer %lu kHz, 8254 %lu kHz, CPUID says %lu kHz; 0: "
	         "no answer)\n",
	         time_tsc_hz / 1000000, time_tsc_hz / 1000 % 1000, pm / 1000, pit / 1000, claimed / 1000);
	if (cpuid(0x80000000, 0).eax < CPUID_POWER || !(cpuid(CPUID_POWER, 0).edx & INVARIANT_TSC))
		log_warning("time: the TSC is not invariant on this processor: clocks drift if "
		            "its speed changes\n");
	read_wall_clock(info);
}

int64_t time_epoch(void)
{
	return boot_epoch + (int64_t)(time_ns_from_tsc(read_tsc() - boot_tsc) / NS_PER_SECOND);
}
