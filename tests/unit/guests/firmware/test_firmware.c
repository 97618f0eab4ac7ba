/* SPDX-License-Identifier: MIT */
/* The firmware's areas and the ACPI tables, found as a guest's kernel finds them. */
#define _GNU_SOURCE /* memmem */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "devices/pc/acpi_pm.h"
#include "devices/pc/hpet.h"
#include "devices/pc/system_ports.h"
#include "devices/pc/vga.h"
#include "guests/firmware/firmware_acpi.h"
#include "guests/firmware/firmware.h"
#include "rigs/guest_ram.h"

static gpa_t rsdp;

static void load_machine(unsigned uarts, bool screen, bool acpi)
{
	const struct machine_config machine = {
		.uarts = (uint8_t)uarts, .screen = screen, .acpi = acpi, .hpet = true};

	guest_ram_create(MIB(2));
	assert_int_equal(firmware_load(&guest_ram_map, &machine), 0);
	rsdp = firmware_rsdp(&machine);
}

static void load(unsigned uarts, bool acpi)
{
	load_machine(uarts, false, acpi);
}

static uint8_t sum(gpa_t gpa, size_t size)
{
	uint8_t total = 0;

	while (size--)
		total = (uint8_t)(total + guest_ram[gpa++]);
	return total;
}

#define U8(gpa)  guest_ram_number(gpa, 1)
#define U16(gpa) guest_ram_number(gpa, 2)
#define U32(gpa) guest_ram_number(gpa, 4)
#define U64(gpa) guest_ram_number(gpa, 8)

/* Check what every table has, and return its length. */
static uint32_t check_table(gpa_t gpa, const char *signature)
{
	uint32_t length = (uint32_t)U32(gpa + 4);

	assert_in_range(gpa, GUEST_BIOS_START, 0xfffff);
	assert_memory_equal(guest_ram + gpa, signature, 4);
	assert_in_range(length, 36, 0x10000);
	assert_int_equal(sum(gpa, length), 0);
	assert_memory_equal(guest_ram + gpa + 10, "NACRE ", 6);
	assert_memory_equal(guest_ram + gpa + 16, "NACREPC ", 8);
	return length;
}

/* The table with `signature` in the XSDT. */
static gpa_t find_table(const char *signature)
{
	gpa_t xsdt = U64(rsdp + 24);

	for (gpa_t at = xsdt + 36; at < xsdt + U32(xsdt + 4); at += 8)
		if (memcmp(guest_ram + U64(at), signature, 4) == 0)
			return U64(at);
	fail_msg("no %s", signature);
	return 0;
}

static void test_root(void **state)
{
	gpa_t scan, rsdt, xsdt;

	(void)state;
	load(1, true);
	/* A kernel looks at every 16th byte from E0000h on. */
	for (scan = 0xe0000; scan < 0x100000; scan += 16)
		if (memcmp(guest_ram + scan, "RSD PTR ", 8) == 0)
			break;
	assert_int_equal(scan, rsdp);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
	assert_int_equal(U8(rsdp + 15), 2);
	assert_int_equal(U32(rsdp + 20), 36);
	rsdt = U32(rsdp + 16);
	xsdt = U64(rsdp + 24);
	assert_int_equal(check_table(rsdt, "RSDT"), 36 + 3 * 4);
	assert_int_equal(check_table(xsdt, "XSDT"), 36 + 3 * 8);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(U32(rsdt + 36 + 4 * i), U64(xsdt + 36 + 8 * i));
}

static void test_fadt(void **state)
{
	gpa_t fadt, facs;

	(void)state;
	load(1, true);
	fadt = find_table("FACP");
	assert_int_equal(check_table(fadt, "FACP"), 268);
	assert_int_equal(U8(fadt + 8), 5);
	facs = U32(fadt + 36);
	assert_int_equal(facs % 64, 0);
	assert_in_range(facs, GUEST_EBDA, GUEST_EBDA + GUEST_EBDA_SIZE - 64);
	assert_memory_equal(guest_ram + facs, "FACS", 4);
	assert_int_equal(U32(facs + 4), 64);
	check_table(U32(fadt + 40), "DSDT");
	assert_int_equal(U64(fadt + 140), U32(fadt + 40));
	assert_int_equal(U64(fadt + 132), 0);
	assert_int_equal(U16(fadt + 46), ACPI_SCI_IRQ);
	assert_int_equal(U32(fadt + 48), 0); /* no SMI: always in ACPI mode */
	assert_int_equal(U32(fadt + 56), ACPI_PM1A_EVT_PORT);
	assert_int_equal(U32(fadt + 64), ACPI_PM1A_CNT_PORT);
	assert_int_equal(U32(fadt + 76), ACPI_PM_TMR_PORT);
	assert_int_equal(U8(fadt + 88), 4);
	assert_int_equal(U8(fadt + 89), 2);
	assert_int_equal(U8(fadt + 91), 4);
	assert_int_equal(U8(fadt + 108), 0x32);
	assert_int_equal(U16(fadt + 109), 0x1f); /* legacy devices, 8042; no VGA, no MSI, no ASPM */
	assert_int_equal(U32(fadt + 112), 0x565);
	/* Reset: write 6 to port CF9h. */
	assert_int_equal(U32(fadt + 116), 0x01000801);
	assert_int_equal(U64(fadt + 120), 0xcf9);
	assert_int_equal(U8(fadt + 128), 6);
	assert_int_equal(U32(fadt + 148), 0x02002001);
	assert_int_equal(U64(fadt + 152), ACPI_PM1A_EVT_PORT);
	assert_int_equal(U32(fadt + 172), 0x02001001);
	assert_int_equal(U64(fadt + 176), ACPI_PM1A_CNT_PORT);
	assert_int_equal(U32(fadt + 208), 0x03002001);
	assert_int_equal(U64(fadt + 212), ACPI_PM_TMR_PORT);
}

static void test_soft_off(void **state)
{
	/* A package of four integers, the first two of them SLP_TYP: each 0 is one byte. */
	static const uint8_t s5[] = {
		0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, ACPI_SLP_TYP_S5, ACPI_SLP_TYP_S5, 0, 0};
	gpa_t dsdt;

	(void)state;
	load(1, true);
	dsdt = U32(find_table("FACP") + 40);
	assert_non_null(memmem(guest_ram + dsdt, U32(dsdt + 4), s5, sizeof(s5)));
}

static void test_uarts(void **state)
{
	static const uint8_t name[] = {0x08, '\\', 'U', 'C', 'N', 'T', 0x0a};
	static const uint16_t ports[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};

	(void)state;
	for (unsigned uarts = 0; uarts <= 4; uarts++) {
		gpa_t ssdt;

		load(uarts, true);
		ssdt = find_table("SSDT");
		assert_int_equal(check_table(ssdt, "SSDT"), 36 + 3 * 8);
		assert_memory_equal(guest_ram + ssdt + 36, name, sizeof(name));
		assert_int_equal(U8(ssdt + 43), uarts);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(U16(0x400 + 2 * i), i < uarts ? ports[i] : 0);
		assert_int_equal(U16(0x410) >> 9 & 7, uarts);
	}
}

static void test_hpet(void **state)
{
	static const uint8_t name[] = {0x08, '\\', 'H', 'P', 'T', 'P', 0x0a, 1};
	const struct machine_config none = {.uarts = 1, .acpi = true};
	gpa_t hpet, ssdt;

	(void)state;
	load(1, true);
	hpet = find_table("HPET");
	assert_int_equal(check_table(hpet, "HPET"), 56);
	assert_int_equal(U32(hpet + 36), HPET_ID);
	assert_int_equal(U32(hpet + 40), 0x00004000); /* in memory, 64 bits wide */
	assert_int_equal(U64(hpet + 44), HPET_BASE);
	assert_int_equal(U8(hpet + 52), 0);
	assert_int_equal(U8(hpet + 55), 1);
	ssdt = find_table("SSDT");
	assert_memory_equal(guest_ram + ssdt + 44, name, sizeof(name));
	assert_int_equal(U32(U32(rsdp + 16) + 4), 36 + 3 * 4); /* RSDT and XSDT name three tables */
	assert_int_equal(U32(U64(rsdp + 24) + 4), 36 + 3 * 8);

	guest_ram_create(MIB(2));
	assert_int_equal(firmware_load(&guest_ram_map, &none), 0);
	assert_int_equal(U8(find_table("SSDT") + 51), 0);
	assert_int_equal(U32(U64(rsdp + 24) + 4), 36 + 2 * 8);
}

/* Of the controller that the FADT promises; present where the SSDT says so. */
static void test_keyboard(void **state)
{
	static const uint8_t pnp0303[] = {0x0c, 0x41, 0xd0, 0x03, 0x03}; /* DWordConst EisaId ("PNP0303") */
	static const uint8_t name[] = {0x08, '\\', 'K', 'B', 'D', 'P', 0x0a};

	(void)state;
	for (unsigned screen = 0; screen <= 1; screen++) {
		gpa_t dsdt, ssdt;

		load_machine(1, screen, true);
		dsdt = U32(find_table("FACP") + 40);
		assert_non_null(memmem(guest_ram + dsdt, U32(dsdt + 4), pnp0303, sizeof(pnp0303)));
		ssdt = find_table("SSDT");
		assert_memory_equal(guest_ram + ssdt + 52, name, sizeof(name));
		assert_int_equal(U8(ssdt + 59), screen);
	}
}

static void test_data_areas(void **state)
{
	(void)state;
	load(1, false);
	assert_int_equal(rsdp, 0);
	assert_int_equal(U16(0x40e) << 4, GUEST_EBDA);
	assert_int_equal(U16(0x410) & 0x1ff, 0x002);
	assert_int_equal(U16(0x413), 639);
	assert_int_equal(U8(0x4ff), 0);
	assert_int_equal(U8(0x500), 0xa5); /* not ours */
	assert_int_equal(U8(GUEST_EBDA), 1);
	assert_int_equal(U8(GUEST_EBDA + 0x3ff), 0);
	assert_memory_equal(guest_ram + 0xffff5, "01/01/26", 8);
	assert_int_equal(U8(0xffffe), 0xfc);
}

static void test_screen(void **state)
{
	(void)state;
	load_machine(1, true, true);
	assert_int_equal(U16(0x410) & 0x1ff, 0x022);
	assert_int_equal(U16(0x41a), 0x1e);
	assert_int_equal(U16(0x41c), 0x1e);
	assert_int_equal(U8(0x449), 3);
	assert_int_equal(U16(0x44a), 80);
	assert_int_equal(U16(0x460), 0x0d0e);
	assert_int_equal(U16(0x463), 0x3d4);
	assert_int_equal(U16(0x480), 0x1e);
	assert_int_equal(U16(0x482), 0x3e);
	assert_int_equal(U8(0x484), 24);
	assert_int_equal(U16(0x485), 16);
	assert_int_equal(U8(0x496), 0x10);
	for (gpa_t at = VGA_TEXT_GPA; at < VGA_TEXT_GPA + VGA_TEXT_SIZE; at += 2)
		assert_int_equal(U16(at), 0x0720);
	assert_int_equal(U16(find_table("FACP") + 109), 0x1b);
	load_machine(1, false, true);
	assert_int_equal(U16(0x463), 0);
	assert_int_equal(U16(VGA_TEXT_GPA), 0);
}

static void test_reset_vector_resets(void **state)
{
	static const uint8_t out_6_to_cf9[] = {0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee};
	gpa_t target;

	(void)state;
	load(1, false);
	assert_int_equal(U8(0xffff0), 0xea); /* jmp far */
	target = (U16(0xffff3) << 4) + U16(0xffff1);
	assert_memory_equal(guest_ram + target, out_6_to_cf9, sizeof(out_6_to_cf9));
	/* ... and never runs on: CLI; HLT; back to CLI. */
	assert_int_equal(U32(target + 6), 0xfcebf4fa);
}

static gpa_t service(unsigned vector)
{
	gpa_t at = U16(vector * 4 + 2) * 16 + U16(vector * 4);

	assert_in_range(at, GUEST_BIOS_START, GUEST_HIGH_START - 1);
	return at;
}

static void test_real_mode_services_return(void **state)
{
	(void)state;
	load(1, true);
	for (unsigned vector = 0; vector < 256; vector++)
		if (!(vector >= 0x08 && vector <= 0x0f) && !(vector >= 0x70 && vector <= 0x77) &&
		    !(vector >= 0x10 && vector <= 0x1a))
			assert_int_equal(U8(service(vector)), 0xcf); /* IRET */
	assert_int_equal(U16(0x1c * 4), 0xff53);                     /* as on every PC */
	assert_int_equal(U16(0x10 * 4), 0xf065);
	assert_int_equal(U16(0x13 * 4), 0xe3fe);
}

/* Whatever else is there is left alone. */
static void a_service_tells_its_vector_and_returns(void **state)
{
	(void)state;
	load(1, true);
	for (unsigned vector = 0x10; vector <= 0x1a; vector++) {
		const uint8_t code[] = {0x50, 0xb0, (uint8_t)vector, 0xe6, FIRMWARE_CALLED, 0x58, 0xcf};

		assert_memory_equal(guest_ram + service(vector), code, sizeof(code));
	}
	assert_int_equal(U8(service(0x08)), 0x1e);
	assert_int_equal(U8(service(0x09)), 0x50);
	assert_int_equal(U8(0xffff0), 0xea);
	assert_int_equal(U8(0xfe05b), 0xba);
}

/* What a service does before its IRET, register saving left out. */
#define DOES(vector, ...)                                                                                    \
	do {                                                                                                 \
		const uint8_t code[] = {__VA_ARGS__, 0xcf};                                                  \
		const uint8_t *found = memmem(guest_ram + service(vector), 64, code, sizeof(code));          \
                                                                                                             \
		assert_non_null(found);                                                                      \
		assert_null(memchr(guest_ram + service(vector), 0xcf,                                        \
		                   (size_t)(found - guest_ram) - service(vector)));                          \
	} while (0)

/* The interrupts that the firmware leaves open, and those next to them, are ended. */
static void test_real_mode_interrupts(void **state)
{
	(void)state;
	load(1, false);
	assert_int_equal(U8(service(0x08)), 0x1e);                        /* push %ds */
	DOES(0x08, 0xcd, 0x1c, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0x5a, 0x1f); /* int $0x1c, then EOI */
	assert_non_null(memmem(guest_ram + service(0x08), 16, "\x66\xff\x06\x6c", 5)); /* incl 0x6c */
	DOES(0x09, 0x50, 0xe4, 0x60, 0xb0, 0x20, 0xe6, 0x20, 0x58);                    /* reads its byte */
	for (unsigned vector = 0x0a; vector <= 0x0f; vector++)
		DOES(vector, 0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58);
	for (unsigned vector = 0x70; vector <= 0x77; vector++)
		if (vector != 0x75)
			DOES(vector, 0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58);
	/* The FPU's: clears the latch, ends both, and calls the handler of the first PC. */
	DOES(0x75, 0x50, 0x30, 0xc0, 0xe6, 0xf0, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcd, 0x02);
	assert_int_equal(U32(0x46c), 0);
}

static void test_no_room(void **state)
{
	static const struct machine_config machine = {.uarts = 1, .acpi = true, .hpet = true};
	gpa_t at = GUEST_BIOS_START, used;

	(void)state;
	guest_ram_create(MIB(1));
	assert_int_equal(
		firmware_acpi_load(&guest_ram_map, &at, GUEST_HIGH_START, GUEST_EBDA + 64, &machine, &rsdp),
		0);
	used = at;
	for (gpa_t limit = GUEST_BIOS_START; limit < used; limit += 16) {
		at = GUEST_BIOS_START;
		assert_int_equal(
			firmware_acpi_load(&guest_ram_map, &at, limit, GUEST_EBDA + 64, &machine, &rsdp),
			-ERR_NO_MEMORY);
	}
	at = 0xc0000; /* a hole */
	assert_int_equal(firmware_acpi_load(&guest_ram_map, &at, 0xd0000, GUEST_EBDA + 64, &machine, &rsdp),
	                 -ERR_OUT_OF_RANGE);
}

/* The disassembler reads each table, checks it, and compiles what it understood again. */
static void test_disassembles(void **state)
{
	static const char *const tables[] = {"FACP", "SSDT", "DSDT", "HPET"};
	char folder[] = "/tmp/acpi.XXXXXX", command[600];

	(void)state;
	load(2, true);
	assert_non_null(mkdtemp(folder));
	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++) {
		gpa_t gpa = i == 2 ? U32(find_table("FACP") + 40) : find_table(tables[i]);
		FILE *file;

		snprintf(command, sizeof(command), "%s/%s.aml", folder, tables[i]);
		file = fopen(command, "wb");
		assert_non_null(file);
		assert_int_equal(fwrite(guest_ram + gpa, U32(gpa + 4), 1, file), 1);
		fclose(file);
		snprintf(command, sizeof(command),
		         "cd %s && iasl -d %s.aml > log 2>&1 && ! grep -i -E "
		         "'error|warning|checksum' log && iasl -ve %s.dsl > log 2>&1",
		         folder, tables[i], tables[i]);
		assert_int_equal(system(command), 0);
	}
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_fadt),
		cmocka_unit_test(test_soft_off),
		cmocka_unit_test(test_uarts),
		cmocka_unit_test(test_data_areas),
		cmocka_unit_test(test_screen),
		cmocka_unit_test(test_reset_vector_resets),
		cmocka_unit_test(a_service_tells_its_vector_and_returns),
		cmocka_unit_test(test_hpet),
		cmocka_unit_test(test_keyboard),
		cmocka_unit_test(test_real_mode_services_return),
		cmocka_unit_test(test_real_mode_interrupts),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_disassembles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
