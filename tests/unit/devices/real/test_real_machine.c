/* SPDX-License-Identifier: MIT */
/*
 * Local APIC, I/O APIC, 8259A, RTC, power, and the monitor's interrupt set-up, on fake registers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "devices/real/ioapic.h"
#include "devices/real/lapic.h"
#include "devices/real/real_pic.h"
#include "devices/real/power.h"
#include "devices/real/real_rtc.h"
#include "devices/real/wait.h"
#include "lib/errors.h"
#include "lib/x86.h"
#include "mm/host_map.h"
#include "vmm/console/console.h"
#include "vmm/cpu/shutdown.h"
#include "vmm/cpu/stretch.h"
#include "vmm/observe/log.h"

#define LAPIC_BASE  0xfee00000
#define IOAPIC_BASE 0xfec00000

static uint32_t lapic[1024];
static uint32_t ioapic[2][1024];
static bool map_fails;
static jmp_buf end;
static char written[256];

void *host_map_mmio(hpa_t hpa, size_t size)
{
	(void)size;
	if (map_fails)
		return NULL;
	switch (hpa) {
	case LAPIC_BASE: return lapic;
	case IOAPIC_BASE: return ioapic[0];
	case IOAPIC_BASE + 0x10000: return ioapic[1];
	default: return NULL;
	}
}

/* Of an account that this test does not keep. */
void stretch_log_longest(void)
{
}

void triple_fault(void)
{
	longjmp(end, 2);
}

static void write_output(const char *text, size_t length)
{
	strncat(written, text, MIN(length, sizeof(written) - 1 - strlen(written)));
}

static void flush_output(void)
{
	strcat(written, "<flush>");
}

void log_print(enum log_level level, const char *format, ...)
{
	(void)level;
	strcat(written, format);
}

/*
 * What was written to ports, in order: "port=value" in hex, size in bytes after a slash if not 1.
 */
static char ports[1024];
static uint8_t cmos[128], cmos_index;
static uint16_t pm1a;
static unsigned uip_reads; /* how often "update in progress" is still seen */
static bool acpi_dead;

static void out(uint16_t port, unsigned size, uint32_t value)
{
	size_t length = strlen(ports);

	if (port == 0x70) {
		cmos_index = value & 0x7f;
		return;
	}
	if (port == 0xb2 && value == 0xf1 && !acpi_dead)
		pm1a |= 1;
	snprintf(ports + length, sizeof(ports) - length, size == 1 ? "%x=%x " : "%x=%x/%u ", port, value,
	         size);
}

static uint32_t in(uint16_t port, unsigned size)
{
	(void)size;
	switch (port) {
	case 0x71:
		if (cmos_index == 0x0a && uip_reads) {
			uip_reads--;
			return 0xa6;
		}
		return cmos[cmos_index];
	case 0x604: return pm1a;
	case 0x64: return 0;
	default: return UINT32_MAX;
	}
}

static int setup(void **state)
{
	(void)state;
	fake_x86_reset();
	fake_x86.tsc_step = 1000;
	wait_set_rate(1000000000); /* a tick is a nanosecond */
	fake_x86.in = in;
	fake_x86.out = out;
	memset(lapic, 0, sizeof(lapic));
	memset(ioapic, 0, sizeof(ioapic));
	memset(cmos, 0, sizeof(cmos));
	map_fails = acpi_dead = false;
	ports[0] = written[0] = '\0';
	pm1a = 0x1c01; /* SCI_EN, SLP_TYP 7 left over */
	uip_reads = 0;
	return 0;
}

/* ---- Local APIC ---- */

static void start_xapic(uint64_t base)
{
	fake_cpuid_set(1, 0, (struct cpuid_result){.edx = 1 << 9});
	fake_msr_set(0x1b, base);
	lapic[0x30 / 4] = 0x50014; /* six local vectors */
	lapic[0x20 / 4] = 0x07000000;
	assert_true(lapic_init(0xff, LAPIC_AS_FIRMWARE, false));
}

static void test_xapic(void **state)
{
	(void)state;
	start_xapic(LAPIC_BASE | 0x100); /* disabled by the firmware */
	assert_false(lapic_x2apic());
	assert_int_equal(fake_msr_get(0x1b), LAPIC_BASE | 0x900);
	assert_int_equal(lapic_id(), 7);
	assert_int_equal(lapic[0xf0 / 4], 0x1ff);
	assert_int_equal(lapic[0x350 / 4], 0x10000);
	assert_int_equal(lapic[0x330 / 4], 0x10000);
	assert_int_equal(lapic[0x2f0 / 4], 0); /* CMCI does not exist there */
	lapic[0xb0 / 4] = 1;
	lapic_eoi();
	assert_int_equal(lapic[0xb0 / 4], 0);
	lapic_send_ipi(3, LAPIC_DELIVER_STARTUP, 0x9a);
	assert_int_equal(lapic[0x310 / 4], 0x03000000);
	assert_int_equal(lapic[0x300 / 4], 0x469a);
}

static void test_no_lapic(void **state)
{
	(void)state;
	assert_false(lapic_init(0xff, LAPIC_AS_FIRMWARE, false));
}

static void test_one_shot_timer(void **state)
{
	(void)state;
	start_xapic(LAPIC_BASE | 0x900);
	/* A counter that stands still. */
	fake_x86.tsc_step = 1000;
	lapic[0x390 / 4] = UINT32_MAX;
	assert_false(lapic_timer_init(0xef, 1000000000, true));
	/* One that has counted 2500000 steps when 10 ms are over. */
	fake_x86.tsc = 0;
	lapic[0x390 / 4] = UINT32_MAX - 2500000;
	assert_true(lapic_timer_init(0xef, 1000000000, true));
	assert_string_equal(lapic_timer_mode(), "one-shot");
	assert_int_equal(lapic[0x320 / 4], 0xef);
	assert_int_equal(lapic[0x3e0 / 4], 0xb);
	fake_x86.tsc_step = 0;
	fake_x86.tsc = 5000;
	lapic_timer_arm(5000 + 4000);
	assert_in_range(lapic[0x380 / 4], 999, 1002);
	lapic_timer_arm(4000); /* past: at once */
	assert_int_equal(lapic[0x380 / 4], 1);
	lapic_timer_arm(UINT64_MAX - 1); /* farther than it counts */
	assert_int_equal(lapic[0x380 / 4], UINT32_MAX);
	lapic_timer_arm(UINT64_MAX);
	assert_int_equal(lapic[0x380 / 4], 0);
}

static void test_x2apic(void **state)
{
	(void)state;
	fake_cpuid_set(1, 0, (struct cpuid_result){.edx = 1 << 9, .ecx = 1 << 21 | 1 << 24});
	fake_msr_set(0x1b, LAPIC_BASE | 0x100);
	fake_msr_set(0x802, 0x12345);
	fake_msr_set(0x803, 0x60015);
	for (unsigned lvt = 0x832; lvt <= 0x837; lvt++)
		fake_msr_set(lvt, 0x10000);
	fake_msr_set(0x82f, 0x10000);
	assert_true(lapic_init(0xfe, LAPIC_X2APIC, false));
	assert_true(lapic_x2apic());
	assert_int_equal(fake_msr_get(0x1b), LAPIC_BASE | 0xd00);
	assert_int_equal(fake_msr_find(0x1b)->writes, 2); /* by way of xAPIC mode */
	assert_int_equal(lapic_id(), 0x12345);
	assert_int_equal(fake_msr_get(0x80f), 0x1fe);
	assert_int_equal(fake_msr_get(0x82f), 0x10000);
	assert_null(fake_msr_find(0x831)); /* no high half of the ICR */
	lapic_eoi();
	assert_int_equal(fake_msr_find(0x80b)->writes, 1);
	lapic_send_ipi(0x12345, LAPIC_DELIVER_INIT, 0);
	assert_true(fake_msr_get(0x830) == (0x12345ull << 32 | 0x4500));
	assert_true(lapic_timer_init(0xef, 1000000000, true));
	assert_string_equal(lapic_timer_mode(), "TSC-deadline");
	assert_int_equal(fake_msr_get(0x832), 0x400ef);
	lapic_timer_arm(123456);
	assert_int_equal(fake_msr_get(0x6e0), 123456);
	lapic_timer_arm(0);
	assert_int_equal(fake_msr_get(0x6e0), 1);
	lapic_timer_arm(UINT64_MAX);
	assert_int_equal(fake_msr_get(0x6e0), 0);
}

#define XAPIC  (LAPIC_BASE | 0x900)
#define X2APIC (LAPIC_BASE | 0xd00)
#define KVM    0x4b4d564b, 0x564b4d56, 0x4d /* "KVMKVMKVM" in EBX, ECX and EDX */
#define VMWARE 0x61774d56, 0x4d566572, 0x65726177

static bool mode_after(uint64_t base, enum lapic_choice choice, bool wide_ids)
{
	fake_cpuid_set(1, 0, (struct cpuid_result){.edx = 1 << 9, .ecx = 1 << 21});
	fake_msr_set(0x1b, base);
	fake_msr_find(0x1b)->writes = 0;
	fake_msr_set(0x803, 0x60015);
	for (unsigned lvt = 0x832; lvt <= 0x837; lvt++)
		fake_msr_set(lvt, 0x10000);
	fake_msr_set(0x82f, 0x10000);
	assert_true(lapic_init(0xff, choice, wide_ids));
	assert_int_equal(fake_msr_get(0x1b), lapic_x2apic() ? X2APIC : XAPIC);
	return lapic_x2apic();
}

static void the_firmwares_mode_is_kept(void **state)
{
	(void)state;
	assert_false(mode_after(XAPIC, LAPIC_AS_FIRMWARE, false));
	assert_int_equal(fake_msr_find(0x1b)->writes, 0);
	assert_true(mode_after(X2APIC, LAPIC_AS_FIRMWARE, false));
	assert_int_equal(fake_msr_find(0x1b)->writes, 0);
	assert_true(mode_after(XAPIC, LAPIC_AS_FIRMWARE, true)); /* IDs that xAPIC mode cannot name */
}

static bool mode_below(uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	fake_cpuid_set(0x40000000, 0, (struct cpuid_result){.ebx = ebx, .ecx = ecx, .edx = edx});
	fake_cpuid_set(1, 0, (struct cpuid_result){.edx = 1 << 9, .ecx = 1u << 31 | 1 << 21});
	fake_msr_set(0x1b, XAPIC);
	assert_true(lapic_init(0xff, LAPIC_AS_FIRMWARE, false));
	return lapic_x2apic();
}

static void an_outer_hypervisor_may_offer_x2apic(void **state)
{
	(void)state;
	(void)mode_after(XAPIC, LAPIC_AS_FIRMWARE, false); /* the registers */
	assert_true(mode_below(KVM));
	assert_false(mode_below(VMWARE));
}

static void the_operator_chooses_the_mode(void **state)
{
	(void)state;
	assert_true(mode_after(XAPIC, LAPIC_X2APIC, false));
	assert_false(mode_after(XAPIC, LAPIC_XAPIC, true));
	assert_false(mode_after(X2APIC, LAPIC_XAPIC, false));
	assert_int_equal(fake_msr_find(0x1b)->writes, 2); /* by way of disabled */
	/* Meteor Lake and later: locked. */
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 7});
	fake_cpuid_set(7, 0, (struct cpuid_result){.edx = 1 << 29});
	fake_msr_set(0x10a, 1 << 21);
	fake_msr_set(0xbd, 1);
	assert_true(mode_after(X2APIC, LAPIC_XAPIC, false));
	assert_int_equal(fake_msr_find(0x1b)->writes, 0);
}

/* A laptop's thermal vector, as Linux' commit 9a90ed065a15 has it. */
static void firmwares_smi_vectors_are_left_alone_and_copied(void **state)
{
	(void)state;
	lapic[0x330 / 4] = 0x200;
	lapic[0x340 / 4] = 0x100ef;
	start_xapic(XAPIC);
	assert_int_equal(lapic[0x330 / 4], 0x200);
	assert_int_equal(lapic[0x340 / 4], 0x10000);
	assert_int_equal(lapic_firmware_entries(), 1);
	/* INIT has reset the next processor's. */
	lapic[0x330 / 4] = lapic[0x340 / 4] = 0x10000;
	lapic[0xf0 / 4] = 0xff;
	lapic_init_cpu();
	assert_int_equal(lapic[0x330 / 4], 0x200);
	assert_int_equal(lapic[0x340 / 4], 0x10000);
	assert_int_equal(lapic[0xf0 / 4], 0x1ff);
}

static void nmi_pins_are_set(void **state)
{
	(void)state;
	lapic[0x350 / 4] = 0x200; /* the firmware's */
	start_xapic(XAPIC);
	lapic_set_nmi(1, false);
	assert_int_equal(lapic[0x360 / 4], 0x400);
	lapic_set_nmi(1, true);
	assert_int_equal(lapic[0x360 / 4], 0x2400);
	lapic_set_nmi(0, false);
	assert_int_equal(lapic[0x350 / 4], 0x200);
}

static void what_waits_and_what_runs_is_told(void **state)
{
	(void)state;
	start_xapic(XAPIC);
	lapic[0x210 / 4] = 1 << 4;
	assert_true(lapic_requested(0x24));
	assert_false(lapic_requested(0x25));
	lapic[0x100 / 4] = 1 << 17;
	assert_true(lapic_in_service(17));
	assert_false(lapic_in_service(18));
}

/*
 * ---- I/O APIC: index and window are plain memory here, so only the last access to each can be
 * seen ----
 */

static struct acpi_info tables(unsigned ioapics)
{
	struct acpi_info info = {.ioapic_count = ioapics};

	info.ioapic[0] = (struct acpi_ioapic){1, IOAPIC_BASE, 0};
	info.ioapic[1] = (struct acpi_ioapic){2, IOAPIC_BASE + 0x10000, 24};
	for (unsigned irq = 0; irq < ACPI_ISA_IRQS; irq++)
		info.isa_irq[irq].gsi = irq;
	return info;
}

static void test_ioapic(void **state)
{
	static struct acpi_info info;

	(void)state;
	info = tables(2);
	ioapic[0][4] = ioapic[1][4] = 0x170011; /* 24 pins */
	assert_int_equal(ioapic_init(&info), 2);
	assert_int_equal(ioapic[0][0], 0x10 + 2 * 23);
	assert_int_equal(ioapic[0][4], 0x10000);
	assert_true(ioapic_route_isa(4, 0x24, 0));
	assert_int_equal(ioapic[0][0], 0x18);
	assert_int_equal(ioapic[0][4], 0x24);
	info.isa_irq[9] = (struct acpi_isa_irq){.gsi = 30, .level = true, .active_low = true};
	assert_true(ioapic_route_isa(9, 0x29, 1)); /* on the second one */
	assert_int_equal(ioapic[1][0], 0x10 + 2 * 6);
	assert_int_equal(ioapic[1][4], 0xa029);
	info.isa_irq[5].gsi = 48;
	assert_false(ioapic_route_isa(5, 0x25, 0)); /* no such pin */
	assert_false(ioapic_route_isa(16, 0x25, 0));
	assert_false(ioapic_route_isa(4, 0x24, 256));
}

/* What the window reads is what it has: here each pin says SMI. */
static void the_firmwares_pins_are_left_alone(void **state)
{
	static struct acpi_info info;

	(void)state;
	info = tables(1);
	ioapic[0][4] = 0x170211;
	assert_int_equal(ioapic_init(&info), 1);
	assert_int_equal(ioapic[0][4], 0x170211);
	assert_false(ioapic_route_isa(4, 0x24, 0));
	assert_int_equal(ioapic[0][4], 0x170211);
}

static void test_absent_ioapic(void **state)
{
	static struct acpi_info info;

	(void)state;
	info = tables(1);
	ioapic[0][4] = UINT32_MAX;
	/*
	 * The window of an absent one answers all ones whatever is written: here that is what it
	 * holds first.
	 */
	assert_int_equal(ioapic_init(&info), 0);
	assert_false(ioapic_route_isa(4, 0x24, 0));
	map_fails = true;
	assert_int_equal(ioapic_init(&info), 0);
}

static void test_pic(void **state)
{
	(void)state;
	pic_disable(0x20);
	assert_string_equal(ports, "20=11 a0=11 21=20 a1=28 21=4 a1=2 21=1 a1=1 21=ff a1=ff ");
}

/* ---- RTC ---- */

static void set_clock(uint8_t b, uint8_t year, uint8_t month, uint8_t day, uint8_t hour, uint8_t minute,
                      uint8_t second)
{
	cmos[0x0b] = b;
	cmos[9] = year;
	cmos[8] = month;
	cmos[7] = day;
	cmos[4] = hour;
	cmos[2] = minute;
	cmos[0] = second;
}

static void assert_epoch(uint8_t century, int64_t expected)
{
	int64_t epoch = -1;

	assert_int_equal(rtc_read(century, &epoch), 0);
	assert_int_equal(epoch, expected);
}

static void test_rtc_formats(void **state)
{
	(void)state;
	set_clock(0x02, 0x23, 0x11, 0x14, 0x22, 0x13, 0x20); /* BCD, 24 hours */
	assert_epoch(0, 1700000000);
	set_clock(0x06, 23, 11, 14, 22, 13, 20); /* binary */
	assert_epoch(0, 1700000000);
	set_clock(0x04, 23, 11, 14, 0x80 | 10, 13, 20); /* binary, 12 hours, PM */
	assert_epoch(0, 1700000000);
	set_clock(0x00, 0x23, 0x11, 0x14, 0x90, 0x13, 0x20); /* BCD, 12 hours, PM */
	assert_epoch(0, 1700000000);
	set_clock(0x00, 0x23, 0x11, 0x14, 0x92, 0x00, 0x00); /* 12 PM is noon */
	assert_epoch(0, 1699963200);
	set_clock(0x00, 0x23, 0x11, 0x14, 0x12, 0x00, 0x00); /* 12 AM is midnight */
	assert_epoch(0, 1699920000);
}

static void test_rtc_dates(void **state)
{
	(void)state;
	set_clock(0x06, 70, 1, 1, 0, 0, 0);
	assert_epoch(0, 0);
	set_clock(0x06, 0, 2, 29, 0, 0, 0); /* 2000 was a leap year */
	assert_epoch(0, 951782400);
	set_clock(0x06, 0, 3, 1, 0, 0, 0);
	assert_epoch(0, 951868800);
	set_clock(0x06, 24, 12, 31, 23, 59, 59);
	assert_epoch(0, 1735689599);
	set_clock(0x06, 69, 1, 1, 0, 0, 0);
	assert_epoch(0, 3124224000);
	cmos[0x32] = 21;
	set_clock(0x06, 0, 3, 1, 0, 0, 0); /* 2100 is none */
	assert_epoch(0x32, 4107542400);
	cmos[0x32] = 77; /* a register that is not the century */
	assert_epoch(0x32, 951868800);
}

static void test_rtc_nonsense(void **state)
{
	/* clang-format off */
	static const uint8_t bad[][6] = {
		{23,  0,  1,  0,  0,  0},
		{23,  13, 1,  0,  0,  0},
		{23,  1,  0,  0,  0,  0},
		{23,  1,  32, 0,  0,  0},
		{23,  1,  1,  24, 0,  0},
		{23,  1,  1,  0,  60, 0},
		{23,  1,  1,  0,  0,  60},
		{100, 1,  1,  0,  0,  0},
	};
	/* clang-format on */
	int64_t epoch;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		set_clock(0x06, bad[i][0], bad[i][1], bad[i][2], bad[i][3], bad[i][4], bad[i][5]);
		assert_int_equal(rtc_read(0, &epoch), -ERR_UNSUPPORTED);
	}
	set_clock(0x02, 0x2a, 1, 1, 0, 0, 0); /* not BCD */
	assert_int_equal(rtc_read(0, &epoch), -ERR_UNSUPPORTED);
	set_clock(0x04, 23, 1, 1, 13, 0, 0); /* 13 o'clock in 12-hour mode */
	assert_int_equal(rtc_read(0, &epoch), -ERR_UNSUPPORTED);
	memset(cmos, 0xff, sizeof(cmos)); /* no clock: update in progress without end */
	assert_int_equal(rtc_read(0, &epoch), -ERR_UNSUPPORTED);
}

static void test_rtc_waits_for_the_update(void **state)
{
	(void)state;
	set_clock(0x06, 23, 11, 14, 22, 13, 20);
	uip_reads = 50;
	assert_epoch(0, 1700000000);
	assert_int_equal(uip_reads, 0);
}

/* ---- Power ---- */

static const struct acpi_info with_s5 = {
	.has_s5 = true,
	.pm1a_control = 0x604,
	.pm1b_control = 0x704,
	.pm1_event = {0x600, 0x700},
	.gpe = {{0x620, 4}, {0, 0}},
	.smi_command = 0xb2,
	.acpi_enable = 0xf1,
	.s5_type_a = 5,
	.s5_type_b = 6,
	.has_8042 = true,
	.reset = {ACPI_SPACE_IO, 0x92, 8},
	.reset_value = 0x77,
};

#define EVENTS_CLEARED "600=ffff/2 700=ffff/2 622=0 620=ff 623=0 621=ff "

/* Each look takes 200 us, as where system management mode plays the device. */
static void waits_are_bounded_by_time(void **state)
{
	int64_t epoch;

	(void)state;
	fake_x86.tsc_step = 200000;
	memset(cmos, 0xff, sizeof(cmos)); /* no clock */
	assert_int_equal(rtc_read(0, &epoch), -ERR_UNSUPPORTED);
	assert_in_range(fake_x86.tsc, 1, 20000000);
	fake_x86.tsc = 0;
	acpi_dead = true;
	pm1a = 0;
	power_init(&with_s5);
	power_off();
	assert_in_range(fake_x86.tsc, 2900000000, 3100000000);
}

static void test_power_off(void **state)
{
	(void)state;
	power_init(&with_s5);
	power_off();
	assert_string_equal(ports, EVENTS_CLEARED "604=1401/2 604=3401/2 704=dbff/2 704=fbff/2 ");
	/* Not yet in ACPI mode: that comes first. */
	ports[0] = '\0';
	pm1a = 0;
	power_off();
	assert_non_null(strstr(ports, "b2=f1 " EVENTS_CLEARED "604=1401/2 604=3401/2 "));
	/* Firmware that does not hand it over. */
	ports[0] = '\0';
	pm1a = 0;
	acpi_dead = true;
	power_off();
	assert_string_equal(ports, "b2=f1 ");
}

/* A tablet's, or that of a virtual machine of the second generation. */
static void test_power_off_with_reduced_hardware(void **state)
{
	struct acpi_info info = {
		.has_s5 = true,
		.hardware_reduced = true,
		.s5_type_a = 5,
		.sleep_control = {ACPI_SPACE_IO, 0x404, 8},
		.sleep_status = {ACPI_SPACE_IO, 0x405, 8},
	};

	(void)state;
	power_init(&info);
	power_off();
	assert_string_equal(ports, "405=80 404=34 ");
	ports[0] = '\0';
	info.sleep_status.space = ACPI_SPACE_NONE;
	power_off();
	assert_string_equal(ports, "404=34 ");
}

static void test_nothing_to_power_off_with(void **state)
{
	struct acpi_info info = with_s5;

	(void)state;
	info.has_s5 = false;
	power_init(&info);
	power_off();
	info = with_s5;
	info.pm1a_control = 0;
	power_off();
	info = with_s5;
	info.hardware_reduced = true;
	info.sleep_control.space = ACPI_SPACE_NONE;
	power_off();
	power_init(NULL);
	power_off();
	assert_string_equal(ports, "");
}

static void reset_with(const struct acpi_info *info)
{
	ports[0] = '\0';
	power_init(info);
	if (!setjmp(end))
		power_reset();
}

static void test_reset(void **state)
{
	struct acpi_info info = with_s5;

	(void)state;
	reset_with(&with_s5);
	assert_string_equal(ports, "92=77 cf9=2 cf9=6 64=fe ");
	info.reset = (struct acpi_register){ACPI_SPACE_PCI, 0x1full << 32 | 3 << 16 | 0xb2, 8};
	info.has_8042 = false;
	reset_with(&info);
	assert_string_equal(ports, "cf8=8000fbb0/4 cfe=77 cf9=2 cf9=6 ");
	info.reset = (struct acpi_register){ACPI_SPACE_MEMORY, LAPIC_BASE, 8};
	reset_with(&info);
	assert_int_equal(lapic[0], 0x77);
	info.reset.address = 0x1000; /* cannot be mapped */
	reset_with(&info);
	assert_string_equal(ports, "cf9=2 cf9=6 ");
	reset_with(NULL);
	assert_string_equal(ports, "cf9=2 cf9=6 64=fe ");
}

static void halted(void)
{
	longjmp(end, 1);
}

static void test_shutdown(void **state)
{
	(void)state;
	fake_x86.halt = halted;
	power_init(NULL);
	shutdown_set_output((struct shutdown_output){write_output, flush_output});
	if (!setjmp(end))
		shutdown_power_off();
	/* Off does not work here: said, and out of the ring, before the halt. */
	assert_string_equal(written, "Power off.\n<flush>You may switch the machine off now.\n<flush>");
	assert_true(fake_x86.interrupt_disables);
	written[0] = '\0';
	if (!setjmp(end))
		shutdown_reset();
	assert_string_equal(written, "Restart.\n<flush>");
	assert_string_equal(ports, "cf9=2 cf9=6 64=fe ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_no_lapic, setup),
		cmocka_unit_test_setup(test_xapic, setup),
		cmocka_unit_test_setup(test_one_shot_timer, setup),
		cmocka_unit_test_setup(test_x2apic, setup),
		cmocka_unit_test_setup(the_firmwares_mode_is_kept, setup),
		cmocka_unit_test_setup(an_outer_hypervisor_may_offer_x2apic, setup),
		cmocka_unit_test_setup(the_operator_chooses_the_mode, setup),
		cmocka_unit_test_setup(firmwares_smi_vectors_are_left_alone_and_copied, setup),
		cmocka_unit_test_setup(nmi_pins_are_set, setup),
		cmocka_unit_test_setup(what_waits_and_what_runs_is_told, setup),
		cmocka_unit_test_setup(test_ioapic, setup),
		cmocka_unit_test_setup(the_firmwares_pins_are_left_alone, setup),
		cmocka_unit_test_setup(test_absent_ioapic, setup),
		cmocka_unit_test_setup(test_pic, setup),
		cmocka_unit_test_setup(test_rtc_formats, setup),
		cmocka_unit_test_setup(test_rtc_dates, setup),
		cmocka_unit_test_setup(test_rtc_nonsense, setup),
		cmocka_unit_test_setup(test_rtc_waits_for_the_update, setup),
		cmocka_unit_test_setup(test_power_off, setup),
		cmocka_unit_test_setup(waits_are_bounded_by_time, setup),
		cmocka_unit_test_setup(test_power_off_with_reduced_hardware, setup),
		cmocka_unit_test_setup(test_nothing_to_power_off_with, setup),
		cmocka_unit_test_setup(test_reset, setup),
		cmocka_unit_test_setup(test_shutdown, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
