/* SPDX-License-Identifier: MIT */
/* The ACPI parser on hand-made tables in a small fake memory, good and broken. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "devices/real/acpi.h"

#define MEMORY_SIZE 0x100000
#define RSDP        0xf5a40
#define RSDT        0x10000
#define XSDT        0x10800
#define MADT        0x11000
#define FADT        0x12000
#define DSDT        0x13000
#define SSDT        0x14000
#define HEADER      36

static uint8_t memory[MEMORY_SIZE];
static struct acpi_info info;

static const void *map(hpa_t address, size_t size)
{
	return address < MEMORY_SIZE && size <= MEMORY_SIZE - address ? memory + address : NULL;
}

static void put(size_t at, unsigned size, uint64_t value)
{
	memcpy(memory + at, &value, size);
}

static void fix(size_t at, size_t size, size_t checksum)
{
	uint8_t sum = 0;

	memory[checksum] = 0;
	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + memory[at + i]);
	memory[checksum] = (uint8_t)-sum;
}

static void table(size_t at, const char *signature, uint32_t size)
{
	memcpy(memory + at, signature, 4);
	put(at + 4, 4, size);
	fix(at, size, at + 9);
}

static void add_root_entry(size_t root, unsigned entry_size, size_t address)
{
	uint32_t size;

	memcpy(&size, memory + root + 4, 4);
	put(root + size, entry_size, address);
	table(root, entry_size == 8 ? "XSDT" : "RSDT", size + entry_size);
}

static void make_rsdp(uint8_t revision)
{
	memcpy(memory + RSDP, "RSD PTR ", 8);
	memory[RSDP + 15] = revision;
	put(RSDP + 16, 4, RSDT);
	put(RSDP + 20, 4, 36);
	put(RSDP + 24, 8, revision >= 2 ? XSDT : 0);
	fix(RSDP, 20, RSDP + 8);
	fix(RSDP, 36, RSDP + 32);
}

static void make_madt(void)
{
	static const uint8_t entries[] = {
		0, 8,  0, 0, 1, 0, 0,    0,                               /* CPU 0 */
		0, 8,  1, 2, 0, 0, 0,    0,                               /* CPU with APIC id 2, disabled */
		1, 12, 7, 0, 0, 0, 0xc0, 0xfe, 0,    0, 0, 0,             /* I/O APIC 7 at FEC00000, GSI 0 */
		1, 12, 8, 0, 0, 0, 0xc1, 0xfe, 24,   0, 0, 0,             /* another, GSI 24 */
		2, 10, 0, 0, 2, 0, 0,    0,    0,    0,                   /* IRQ 0 at GSI 2 */
		2, 10, 0, 9, 9, 0, 0,    0,    0x0f, 0,                   /* IRQ 9 level, active low */
		4, 6,  1, 5, 0, 1,                                        /* LAPIC NMI: not used */
		9, 16, 0, 0, 0, 1, 0,    0,    1,    0, 0, 0, 0, 0, 0, 0, /* x2APIC id 100h */
		5, 12, 0, 0, 0, 0, 0xe1, 0xfe, 0,    0, 0, 0,             /* LAPIC at FEE10000 */
	};

	put(MADT + 36, 4, 0xfee00000);
	put(MADT + 40, 4, 1);
	memcpy(memory + MADT + 44, entries, sizeof(entries));
	table(MADT, "APIC", 44 + sizeof(entries));
}

static void make_fadt(uint32_t size)
{
	put(FADT + 40, 4, DSDT);
	put(FADT + 48, 4, 0xb2);
	memory[FADT + 52] = 0xf1;
	put(FADT + 64, 4, 0xb004);
	put(FADT + 76, 4, 0xb008);
	memory[FADT + 91] = 4;
	memory[FADT + 108] = 0x32;
	put(FADT + 109, 2, 2);
	put(FADT + 112, 4, 0x500); /* 32-bit timer, reset register */
	if (size > 116) {
		memory[FADT + 116] = 1;
		memory[FADT + 117] = 8;
		put(FADT + 120, 8, 0xcf9);
		memory[FADT + 128] = 6;
	}
	table(FADT, "FACP", size);
}

static void make_aml(size_t at, const char *signature, const uint8_t *aml, size_t size)
{
	memset(memory + at + HEADER, 0xa3, 64);
	if (size)
		memcpy(memory + at + HEADER + 7, aml, size);
	table(at, signature, HEADER + 64);
}

static const uint8_t s5_bytes[] = {0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0a, 0x05, 0x01, 0x00, 0x00};

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	make_rsdp(0);
	table(RSDT, "RSDT", HEADER);
	table(XSDT, "XSDT", HEADER);
	make_madt();
	make_fadt(244);
	make_aml(DSDT, "DSDT", s5_bytes, sizeof(s5_bytes));
	add_root_entry(RSDT, 4, MADT);
	add_root_entry(RSDT, 4, FADT);
	return 0;
}

static void parse(void)
{
	acpi_parse(&info, NULL, 0, map);
}

static bool complains(const char *text)
{
	for (unsigned i = 0; i < info.problem_count && i < ACPI_PROBLEMS_MAX; i++)
		if (strstr(info.problem[i], text))
			return true;
	return false;
}

static void assert_complete(void)
{
	assert_true(info.present);
	assert_int_equal(info.problem_count, 0);
	assert_int_equal(info.cpu_count, 2); /* the one with APIC ID 2 is not enabled */
	assert_int_equal(info.apic_id[0], 0);
	assert_int_equal(info.apic_id[1], 0x100);
	assert_int_equal(info.ioapic_count, 2);
	assert_int_equal(info.ioapic[0].id, 7);
	assert_int_equal(info.ioapic[0].address, 0xfec00000);
	assert_int_equal(info.ioapic[1].gsi_base, 24);
	assert_int_equal(info.lapic_address, 0xfee10000);
	assert_int_equal(info.isa_irq[0].gsi, 2);
	assert_false(info.isa_irq[0].level);
	assert_int_equal(info.isa_irq[4].gsi, 4);
	assert_true(info.isa_irq[9].level && info.isa_irq[9].active_low);
	assert_true(info.has_8259);
	assert_true(info.has_8042);
	assert_int_equal(info.pm_timer, 0xb008);
	assert_true(info.pm_timer_32bit);
	assert_int_equal(info.pm1a_control, 0xb004);
	assert_int_equal(info.pm1b_control, 0);
	assert_int_equal(info.smi_command, 0xb2);
	assert_int_equal(info.acpi_enable, 0xf1);
	assert_int_equal(info.century, 0x32);
	assert_int_equal(info.reset.space, ACPI_SPACE_IO);
	assert_int_equal(info.reset.address, 0xcf9);
	assert_int_equal(info.reset_value, 6);
	assert_true(info.has_s5);
	assert_int_equal(info.s5_type_a, 5);
	assert_int_equal(info.s5_type_b, 1);
}

static void test_found_in_the_bios_area(void **state)
{
	(void)state;
	parse();
	assert_complete();
	assert_int_equal(info.revision, 0);
}

static void test_found_in_the_ebda(void **state)
{
	(void)state;
	put(0x40e, 2, 0x9fc0);
	memcpy(memory + 0x9fc00 + 0x3f0 - 0x20, memory + RSDP, 36);
	memset(memory + RSDP, 0, 36);
	parse();
	assert_complete();
}

static void test_loaders_copy_and_xsdt(void **state)
{
	uint8_t copy[36];

	(void)state;
	make_rsdp(2);
	add_root_entry(XSDT, 8, MADT);
	add_root_entry(XSDT, 8, FADT);
	table(RSDT, "RSDT", HEADER); /* empty: the XSDT is the one that counts */
	memcpy(copy, memory + RSDP, sizeof(copy));
	memset(memory + RSDP, 0, sizeof(copy));
	acpi_parse(&info, copy, sizeof(copy), map);
	assert_complete();
	/* Its extended checksum wrong: the RSDT, which is empty. */
	copy[35] ^= 1;
	acpi_parse(&info, copy, sizeof(copy), map);
	assert_true(info.present);
	assert_false(info.has_madt);
	assert_true(complains("extended checksum"));
	/* Its first checksum wrong: searched for, and not found. */
	copy[8] ^= 1;
	acpi_parse(&info, copy, sizeof(copy), map);
	assert_false(info.present);
	assert_true(complains("copy of the RSDP"));
}

static void test_no_tables(void **state)
{
	(void)state;
	memset(memory, 0xff, sizeof(memory));
	parse();
	assert_false(info.present);
	assert_true(info.has_8259 && info.has_8042);
	assert_int_equal(info.isa_irq[15].gsi, 15);
	assert_int_equal(info.reset.space, ACPI_SPACE_NONE);
	assert_true(complains("no tables"));
}

static void test_table_with_a_wrong_checksum_is_used(void **state)
{
	static const size_t checksums[] = {RSDT + 9, MADT + 9, FADT + 9, DSDT + 9};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(checksums); i++) {
		memory[checksums[i]] ^= 1;
		parse();
		assert_true(info.present && info.has_madt && info.has_fadt && info.has_s5);
		assert_int_equal(info.problem_count, 1);
		assert_true(complains("has a wrong checksum, and is used"));
		memory[checksums[i]] ^= 1;
	}
}

static void test_impossible_lengths(void **state)
{
	static const uint32_t lengths[] = {0, 35, 0x7fffffff, 0xffffffff};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		put(MADT + 4, 4, lengths[i]);
		parse();
		assert_false(info.has_madt);
		assert_true(info.has_fadt);
		assert_true(complains("impossible length"));
	}
	put(MADT + 4, 4, 0x3fffff); /* allowed, but beyond the memory */
	parse();
	assert_false(info.has_madt);
}

static void test_table_where_no_memory_is(void **state)
{
	(void)state;
	add_root_entry(RSDT, 4, 0xfffffff0);
	parse();
	assert_true(info.has_madt && info.has_fadt);
	assert_true(complains("no memory"));
}

static void test_wrong_root(void **state)
{
	(void)state;
	memcpy(memory + RSDT, "XXXX", 4);
	fix(RSDT, HEADER + 8, RSDT + 9);
	parse();
	assert_false(info.present);
	assert_true(complains("no RSDT"));
}

static void test_madt_entries_that_run_over(void **state)
{
	static const uint8_t lengths[] = {0, 1, 7, 87, 120, 200, 255};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		make_madt();
		memory[MADT + 44 + 8 + 1] = lengths[i]; /* of the second CPU */
		fix(MADT, 44 + 94, MADT + 9);
		parse();
		assert_int_equal(info.cpu_count, 1);
		assert_true(complains("offset 52"));
	}
	/* One byte after the last whole entry, and a header alone. */
	make_madt();
	table(MADT, "APIC", 45);
	parse();
	assert_int_equal(info.cpu_count, 0);
	table(MADT, "APIC", 43);
	parse();
	assert_false(info.has_madt);
}

/* The second as in make_madt(): a disabled xAPIC entry, then an enabled x2APIC one. */
static void test_processor_named_twice(void **state)
{
	size_t at = MADT + 44;
	const uint8_t entries[] = {0, 8, 0, 5, 0, 0, 0, 0, 9, 16, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};

	(void)state;
	memcpy(memory + at, entries, sizeof(entries));
	table(MADT, "APIC", 44 + sizeof(entries));
	parse();
	assert_int_equal(info.cpu_count, 1);
	assert_int_equal(info.apic_id[0], 5);
}

/* As firmware lists them: for all, for one by its UID, and for one with an x2APIC. */
static void nmi_pins_belong_to_their_processors(void **state)
{
	static const uint8_t entries[] = {
		4,  6,  7, 5, 0, 1,                               /* UID 7: LINT1, active high */
		0,  8,  7, 3, 1, 0, 0, 0,                         /* UID 7 is APIC ID 3 */
		9,  16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, /* UID 9 is APIC ID 100h */
		10, 12, 7, 0, 9, 0, 0, 0, 0, 0, 0, 0,             /* UID 9: LINT0, active low */
		4,  6,  3, 0, 0, 9,                               /* no such pin */
	};
	static const uint8_t all[] = {0, 8, 1, 2, 1, 0, 0, 0, 4, 6, 0xff, 0, 0, 1};
	const struct acpi_nmi *nmi;

	(void)state;
	memcpy(memory + MADT + 44, entries, sizeof(entries));
	table(MADT, "APIC", 44 + sizeof(entries));
	parse();
	nmi = acpi_find_nmi(&info, 3, 0);
	assert_non_null(nmi);
	assert_int_equal(nmi->lint, 1);
	assert_false(nmi->active_low);
	assert_null(acpi_find_nmi(&info, 3, 1));
	nmi = acpi_find_nmi(&info, 0x100, 0);
	assert_non_null(nmi);
	assert_int_equal(nmi->lint, 0);
	assert_true(nmi->active_low);
	assert_null(acpi_find_nmi(&info, 4, 0));
	memcpy(memory + MADT + 44, all, sizeof(all));
	table(MADT, "APIC", 44 + sizeof(all));
	parse();
	assert_non_null(acpi_find_nmi(&info, 2, 0));
	assert_int_equal(acpi_find_nmi(&info, 2, 0)->lint, 1);
}

static void test_too_many(void **state)
{
	size_t at = MADT + 44;

	(void)state;
	for (unsigned i = 0; i < 300; i++, at += 16) {
		const uint8_t entry[16] = {9, 16, 0, 0, (uint8_t)i, (uint8_t)(i >> 8), 0, 0, 1};

		memcpy(memory + at, entry, 16);
	}
	for (unsigned i = 0; i < 20; i++, at += 12) {
		const uint8_t entry[12] = {1, 12, (uint8_t)i};

		memcpy(memory + at, entry, 12);
	}
	table(MADT, "APIC", (uint32_t)(at - MADT));
	parse();
	assert_int_equal(info.cpu_count, ACPI_CPUS_MAX);
	assert_true(complains("processors; APIC ID 256 is left out"));
	assert_int_equal(info.ioapic_count, ACPI_IOAPICS_MAX);
	assert_true(info.problem_count >= 4);
}

static void test_override_out_of_range(void **state)
{
	(void)state;
	memory[MADT + 44 + 8 + 8 + 12 + 12 + 3] = 16; /* source of the first override */
	fix(MADT, 44 + 94, MADT + 9);
	parse();
	assert_int_equal(info.isa_irq[0].gsi, 0);
	assert_true(complains("not for ISA"));
}

static void test_fadt_of_acpi_1(void **state)
{
	(void)state;
	put(FADT + 109, 2, 0);
	make_fadt(116);
	put(FADT + 109, 2, 0);
	table(FADT, "FACP", 116);
	parse();
	assert_true(info.has_fadt);
	assert_true(info.has_8042); /* too old to say */
	assert_int_equal(info.reset.space, ACPI_SPACE_NONE);
	assert_true(info.has_s5);
	table(FADT, "FACP", 115);
	parse();
	assert_false(info.has_fadt);
}

static void test_fadt_extended_fields(void **state)
{
	(void)state;
	put(FADT + 40, 4, 0);
	put(FADT + 140, 8, DSDT);
	put(FADT + 64, 4, 0);
	memory[FADT + 172] = 1;
	put(FADT + 176, 8, 0x604);
	memory[FADT + 116] = 9; /* a space that does not exist */
	fix(FADT, 244, FADT + 9);
	parse();
	assert_true(info.has_s5);
	assert_int_equal(info.pm1a_control, 0x604);
	assert_int_equal(info.reset.space, ACPI_SPACE_NONE);
}

static void test_event_and_sleep_registers(void **state)
{
	(void)state;
	put(FADT + 56, 4, 0x1800); /* PM1a of a PCH; no PM1b */
	put(FADT + 80, 4, 0x1860);
	memory[FADT + 92] = 0x20;
	memory[FADT + 244] = 1;
	put(FADT + 248, 8, 0x404);
	table(FADT, "FACP", 268);
	parse();
	assert_int_equal(info.pm1_event[0], 0x1800);
	assert_int_equal(info.pm1_event[1], 0);
	assert_int_equal(info.gpe[0].port, 0x1860);
	assert_int_equal(info.gpe[0].size, 0x20);
	assert_int_equal(info.gpe[1].size, 0);
	assert_int_equal(info.sleep_control.space, ACPI_SPACE_IO);
	assert_int_equal(info.sleep_control.address, 0x404);
	assert_int_equal(info.sleep_status.space, ACPI_SPACE_NONE);
	put(FADT + 80, 4, 0); /* where the 64-bit field says it */
	memory[FADT + 220] = 1;
	put(FADT + 224, 8, 0x600);
	fix(FADT, 268, FADT + 9);
	parse();
	assert_int_equal(info.gpe[0].port, 0x600);
}

static void s5(const uint8_t *aml, size_t size)
{
	make_aml(DSDT, "DSDT", aml, size);
	parse();
}

static void test_s5_forms(void **state)
{
	static const uint8_t with_root[] = {0x08, '\\', '_',  'S',  '5',  '_', 0x12, 0x0a, 0x04,
	                                    0x0b, 0x07, 0x00, 0x0c, 0x06, 0,   0,    0};
	static const uint8_t long_length[] = {0x08, '_', 'S', '5', '_', 0x12, 0x48, 0x00, 0x01, 0x0a, 0x0f};
	static const uint8_t method[] = {0x14, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0a, 0x05};
	static const uint8_t no_package[] = {0x08, '_', 'S', '5', '_', 0x0a, 0x05};
	static const uint8_t no_elements[] = {0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x00};
	static const uint8_t a_string[] = {0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0d, 'x'};

	(void)state;
	s5(with_root, sizeof(with_root));
	assert_true(info.has_s5);
	assert_int_equal(info.s5_type_a, 7);
	assert_int_equal(info.s5_type_b, 6);
	s5(long_length, sizeof(long_length));
	assert_true(info.has_s5);
	assert_int_equal(info.s5_type_a, 7);
	assert_int_equal(info.s5_type_b, 7);
	s5(method, sizeof(method));
	assert_false(info.has_s5);
	s5(no_package, sizeof(no_package));
	assert_false(info.has_s5);
	s5(no_elements, sizeof(no_elements));
	assert_false(info.has_s5);
	s5(a_string, sizeof(a_string));
	assert_false(info.has_s5);
}

static void test_s5_cut_off_by_the_end(void **state)
{
	(void)state;
	for (size_t size = 1; size < sizeof(s5_bytes); size++) {
		/* The table is at the very end of memory, where reading on is an error. */
		size_t at = MEMORY_SIZE - HEADER - size;

		memset(memory + at, 0, HEADER);
		memcpy(memory + at + HEADER, s5_bytes, size);
		table(at, "DSDT", (uint32_t)(HEADER + size));
		put(FADT + 40, 4, at);
		fix(FADT, 244, FADT + 9);
		parse();
		assert_int_equal(info.has_s5, size >= 10);
	}
}

static void test_s5_in_an_ssdt(void **state)
{
	(void)state;
	make_aml(DSDT, "DSDT", NULL, 0);
	make_aml(SSDT, "SSDT", s5_bytes, sizeof(s5_bytes));
	add_root_entry(RSDT, 4, SSDT);
	parse();
	assert_complete();
}

/* Whatever single byte is wrong, nothing is read outside and nothing breaks. */
static void test_any_byte_broken(void **state)
{
	static const size_t starts[] = {RSDT, MADT, FADT, DSDT};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(starts); i++) {
		for (size_t at = 0; at < 160; at++) {
			uint32_t size;
			uint8_t old = memory[starts[i] + at];

			memcpy(&size, memory + starts[i] + 4, 4);
			memory[starts[i] + at] = (uint8_t)~old;
			if (at >= 10 && at < size)
				fix(starts[i], size, starts[i] + 9);
			parse();
			assert_true(info.cpu_count <= ACPI_CPUS_MAX && info.ioapic_count <= ACPI_IOAPICS_MAX);
			memory[starts[i] + at] = old;
			fix(starts[i], size, starts[i] + 9);
		}
	}
	parse();
	assert_complete();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_found_in_the_bios_area, setup),
		cmocka_unit_test_setup(test_found_in_the_ebda, setup),
		cmocka_unit_test_setup(test_loaders_copy_and_xsdt, setup),
		cmocka_unit_test_setup(test_no_tables, setup),
		cmocka_unit_test_setup(test_table_with_a_wrong_checksum_is_used, setup),
		cmocka_unit_test_setup(test_impossible_lengths, setup),
		cmocka_unit_test_setup(test_table_where_no_memory_is, setup),
		cmocka_unit_test_setup(test_wrong_root, setup),
		cmocka_unit_test_setup(test_madt_entries_that_run_over, setup),
		cmocka_unit_test_setup(test_processor_named_twice, setup),
		cmocka_unit_test_setup(nmi_pins_belong_to_their_processors, setup),
		cmocka_unit_test_setup(test_too_many, setup),
		cmocka_unit_test_setup(test_override_out_of_range, setup),
		cmocka_unit_test_setup(test_fadt_of_acpi_1, setup),
		cmocka_unit_test_setup(test_fadt_extended_fields, setup),
		cmocka_unit_test_setup(test_event_and_sleep_registers, setup),
		cmocka_unit_test_setup(test_s5_forms, setup),
		cmocka_unit_test_setup(test_s5_cut_off_by_the_end, setup),
		cmocka_unit_test_setup(test_s5_in_an_ssdt, setup),
		cmocka_unit_test_setup(test_any_byte_broken, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
