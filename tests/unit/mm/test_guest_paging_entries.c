/* SPDX-License-Identifier: MIT */
/*
 * The bits of the guest's page-table entries: reserved ones, sizes, addresses. mm/guest_paging.c.
 */
#include "rigs/guest_tables.h"

/* Bits that are reserved, by hand from the manual's tables: MAXPHYADDR 36, EFER.NXE clear. */
static uint64_t reserved_at(const struct shape *s, unsigned level, unsigned physical_bits, bool nxe)
{
	uint64_t above = ~0UL << physical_bits, nx = nxe ? 0 : NX;
	uint64_t pae = (above & ~NX) | nx, four = (above & 0x000fffffffffffff) | nx;

	if (s->entry_size == 4)
		return level == 1 && s->leaf == 1
		               ? 0x3fe000UL & ~((1UL << (MIN(physical_bits, 40U) - 19)) - 1)
		               : 0;
	if (s->levels == 2)
		return pae | (level == 1 && s->leaf == 1 ? 0x1fe000 : 0);
	four |= level == 3 ? PS : 0;
	four |= level == 2 && s->leaf == 2 ? 0x3fffe000 : 0;
	four |= level == 1 && s->leaf == 1 ? 0x1fe000 : 0;
	return four;
}

static void test_reserved(void **state)
{
	static const uint8_t widths[] = {32, 36, 39, 40, 46, 52};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes) * ARRAY_SIZE(widths) * 2; i++) {
		unsigned width = widths[i / 2 % ARRAY_SIZE(widths)];
		bool nxe = i % 2;

		use(&shapes[i / 2 / ARRAY_SIZE(widths)]);
		paging.physical_bits = width;
		paging.efer |= nxe ? EFER_NXE : 0;
		for (unsigned level = shape->leaf; level < shape->levels; level++) {
			uint64_t reserved = reserved_at(shape, level, width, nxe), good = get(level);

			for (unsigned bit = 8; bit < shape->entry_size * 8; bit++) {
				/* Other bits of a table's address only lead elsewhere. */
				bool leads_elsewhere = level != shape->leaf && bit >= 12 && bit < width;

				if ((leads_elsewhere && !(reserved & BIT(bit))) || good & BIT(bit))
					continue;
				set(level, good | BIT(bit));
				if (reserved & BIT(bit))
					assert_fault(0, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED);
				else if (!translate(0).ok)
					fail_msg("%s: level %u bit %u width %u is not reserved", shape->name,
					         level, bit, width);
			}
			set(level, good);
		}
	}
}

static void test_page_size_bit(void **state)
{
	(void)state;
	/* A PML4 entry has no PS bit; a PDPT entry has one only with 1 GiB pages. */
	use(&shapes[5]);
	set(3, get(3) | PS);
	assert_fault(ACCESS_WRITE, 0xb);
	use(&shapes[7]);
	paging.has_1g_pages = false;
	assert_fault(0, 9);
	/* Without CR4.PSE the bit is ignored. */
	use(&shapes[0]);
	set(1, get(1) | PS);
	assert_true(translate(0).ok);
	assert_int_equal(translate(0).page_size, PAGE_SIZE);
	/* A reserved bit above is told before what lies below is looked at. */
	use(&shapes[5]);
	set(3, get(3) | BIT(40));
	set(2, 0);
	assert_fault(0, 9);
}

static void test_address_parts(void **state)
{
	(void)state;
	/* PSE-36: entry bits 20:13 are address bits 39:32. */
	use(&shapes[2]);
	paging.physical_bits = 40;
	set(1, 0xff800000 | (0xa5UL << 13) | P | PS);
	assert_int_equal(translate(0).gpa, 0xa5ff800000 + (shape->address & 0x3fffff));
	/* The PAT bit of a large page, the global bit and the ignored ones are no address. */
	set(1, 0xff800000 | 0x1f00 | P | PS);
	assert_int_equal(translate(0).gpa, 0xff800000 + (shape->address & 0x3fffff));
	use(&shapes[6]);
	set(1, 0xfe0000000 | 0x1f00 | BIT(58) | P | PS);
	assert_int_equal(translate(0).gpa, 0xfe0000000 + (shape->address & 0x1fffff));
	use(&shapes[5]);
	paging.physical_bits = 52;
	set(0, 0x000ffffffffff000 | BIT(62) | P | A);
	assert_int_equal(translate(0).gpa, 0x000fffffffffffff & (~0xfffUL | shape->address));
	/* CR3: PCD, PWT and, in 4-level mode, the PCID are no address either. */
	paging.cr3 |= 0xfff;
	assert_true(translate(0).ok);
	use(&shapes[0]);
	paging.cr3 |= 0xffffffff00000018;
	assert_true(translate(0).ok);
}

/*
 * Tables where there is no memory read as all ones: present, with reserved bits, or a 4 MiB page of
 * ones.
 */
static void test_tables_outside_memory(void **state)
{
	(void)state;
	use(&shapes[5]);
	paging.cr3 = RAM_SIZE + MIB(5);
	assert_fault(0, 9);
	use(&shapes[0]);
	paging.cr3 = 0xfffff000;
	assert_true(translate(0).ok);
	assert_int_equal(translate(0).gpa, 0xfffff000 + (shape->address & 0xfff));
	use(&shapes[2]);
	paging.cr3 = 0xfffff000;
	assert_fault(0, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reserved, setup),
		cmocka_unit_test_setup(test_page_size_bit, setup),
		cmocka_unit_test_setup(test_address_parts, setup),
		cmocka_unit_test_setup(test_tables_outside_memory, setup),
	};

	return cmocka_run_group_tests_name("guest_paging_entries", tests, NULL, NULL);
}
