/* SPDX-License-Identifier: MIT */
/*
 * The guest's page tables: mm/guest_paging.c. The expectations are written here a
 * second time, from the manual's rules, and compared over every combination of rights.
 */
#include "rigs/guest_tables.h"

/*
 * SDM Vol. 3A "Determination of Access Rights", rule by rule. `entry` is the AND of RW and US, the
 * OR of NX.
 */
static bool oracle_allows(uint64_t entry, unsigned access)
{
	bool implicit = access & ACCESS_SYSTEM;
	bool supervisor_mode_address = !(entry & US);
	bool nxe = paging.efer & EFER_NXE && shape->entry_size == 8;
	bool smap = paging.cr4 & CR4_SMAP, smep = paging.cr4 & CR4_SMEP, wp = paging.cr0 & CR0_WP;
	bool ac = paging.rflags & RFLAGS_AC;

	if (paging.cpl < 3 || implicit) {
		switch (access & ~ACCESS_SYSTEM) {
		case 0:
			/*
			 * "Data may be read from any supervisor-mode address"; user-mode ones: SMAP
			 * decides.
			 */
			if (supervisor_mode_address || !smap)
				return true;
			return !implicit && ac;
		case ACCESS_WRITE:
			if (supervisor_mode_address)
				return !wp || entry & RW;
			if (!wp)
				return !smap || (!implicit && ac);
			return entry & RW && (!smap || (!implicit && ac));
		default:
			if (supervisor_mode_address)
				return !nxe || !(entry & NX);
			return !smep && (!nxe || !(entry & NX));
		}
	}
	if (supervisor_mode_address)
		return false;
	if (access & ACCESS_WRITE)
		return entry & RW;
	if (access & ACCESS_EXECUTE)
		return !nxe || !(entry & NX);
	return true;
}

static uint32_t oracle_error_code(unsigned access)
{
	uint32_t code = 1;

	code |= access & ACCESS_WRITE ? 2 : 0;
	code |= paging.cpl == 3 && !(access & ACCESS_SYSTEM) ? 4 : 0;
	if (access & ACCESS_EXECUTE)
		code |= paging.cr4 & CR4_SMEP || (paging.cr4 & CR4_PAE && paging.efer & EFER_NXE) ? 16 : 0;
	return code;
}

static void check_access(uint64_t rights, unsigned access)
{
	struct guest_translation result = translate(access);

	if (result.ok != oracle_allows(rights, access))
		fail_msg("%s: rights %#lx cr0 %#lx cr4 %#lx efer %#lx rflags %#lx cpl %u access %u: ok %d",
		         shape->name, rights, paging.cr0, paging.cr4, paging.efer, paging.rflags, paging.cpl,
		         access, result.ok);
	if (result.ok) {
		assert_int_equal(result.gpa, PAGE | (shape->address & (shape->page_size - 1)));
		assert_int_equal(result.page_size, shape->page_size);
	} else {
		assert_int_equal(result.error_code, oracle_error_code(access));
	}
}

/* With the entries as they are: every setting of the registers, every access. */
static void check_registers(uint64_t rights, bool with_nx)
{
	static const unsigned accesses[] = {0, ACCESS_WRITE, ACCESS_EXECUTE};

	for (unsigned bits = 0; bits < 128; bits++) {
		/* NX without EFER.NXE is a reserved bit: see test_reserved. */
		if (with_nx && !(bits & 1))
			continue;
		paging.efer = shape->efer | (bits & 1 ? EFER_NXE : 0);
		paging.cr0 = CR0_PG | CR0_PE | (bits & 2 ? CR0_WP : 0);
		paging.cr4 = shape->cr4 | (bits & 4 ? CR4_SMEP : 0) | (bits & 8 ? CR4_SMAP : 0);
		paging.rflags = bits & 16 ? RFLAGS_AC : 0;
		paging.cpl = bits & 32 ? 3 : 0;
		for (size_t i = 0; i < ARRAY_SIZE(accesses); i++)
			check_access(rights, accesses[i] | (bits & 64 ? ACCESS_SYSTEM : 0));
	}
}

static void test_rights(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		unsigned levels = shapes[i].levels - shapes[i].leaf;
		unsigned kinds = shapes[i].entry_size == 8 ? 8 : 4;
		unsigned combinations = 1;

		use(&shapes[i]);
		/*
		 * For deep shapes two levels vary, the leaf and the top: the rules are an AND and
		 * an OR.
		 */
		levels = MIN(levels, 2);
		for (unsigned n = 0; n < levels; n++)
			combinations *= kinds;
		for (unsigned combination = 0; combination < combinations; combination++) {
			uint64_t rights = RW | US, nx = 0;

			for (unsigned n = 0; n < levels; n++) {
				unsigned kind = n ? combination / kinds : combination % kinds;
				unsigned level = n ? shape->levels - 1 : shape->leaf;
				uint64_t entry =
					(kind & 1 ? RW : 0) | (kind & 2 ? US : 0) | (kind & 4 ? NX : 0);

				set(level, target(level) | P | entry);
				rights &= entry;
				nx |= entry & NX;
			}
			check_registers(rights | nx, nx);
		}
	}
}

/* Each level alone takes a right away. */
static void test_every_level_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (unsigned level = shapes[i].leaf; level < shapes[i].levels; level++) {
			use(&shapes[i]);
			paging.efer |= EFER_NXE;
			paging.cpl = 3;
			assert_true(translate(ACCESS_WRITE).ok && translate(ACCESS_EXECUTE).ok);
			set(level, target(level) | P | US);
			assert_fault(ACCESS_WRITE, 7);
			set(level, target(level) | P | RW);
			assert_fault(0, 5);
			if (shape->entry_size == 8) {
				set(level, target(level) | P | RW | US | NX);
				assert_fault(ACCESS_EXECUTE, 0x15);
			}
			set(level, target(level) | RW | US);
			assert_fault(ACCESS_WRITE, 6);
		}
	}
}

/* Not present: nothing else in the entry counts, and nothing above was a fault before. */
static void test_not_present(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		use(&shapes[i]);
		set(shape->leaf, ~P);
		assert_fault(0, 0);
		/* Rights are looked at only when the walk has reached a page. */
		set(shape->levels - 1, get(shape->levels - 1) & ~(RW | US));
		paging.cpl = 3;
		assert_fault(ACCESS_WRITE, 6);
	}
	/* PAE: of the four cached entries, the one for the address. */
	for (unsigned i = 0; i < 4; i++) {
		use(&shapes[3]);
		paging.cpl = 3;
		for (unsigned n = 0; n < 4; n++)
			paging.pdpte[n] = n == i ? 0 : TABLE(1) | P;
		if (shape->address >> 30 == i)
			assert_fault(ACCESS_WRITE, 6);
		else
			assert_true(translate(ACCESS_WRITE).ok);
	}
}

static void test_paging_off(void **state)
{
	struct guest_translation result;

	(void)state;
	use(&shapes[0]);
	paging.cr0 = CR0_PE;
	result = translate(ACCESS_WRITE);
	assert_true(result.ok);
	assert_int_equal(result.gpa, shape->address);
	assert_int_equal(result.page_size, PAGE_SIZE);
}

static void test_accessed_dirty(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		unsigned top = shapes[i].levels - 1;

		use(&shapes[i]);
		/* A refused access leaves no trace. */
		set(shape->leaf, get(shape->leaf) & ~US);
		paging.cpl = 3;
		assert_false(translate(ACCESS_WRITE).ok);
		for (unsigned level = shape->leaf; level <= top; level++)
			assert_int_equal(get(level) & (A | D), 0);
		paging.cpl = 0;
		assert_true(translate(0).ok);
		for (unsigned level = shape->leaf; level <= top; level++)
			assert_int_equal(get(level) & (A | D), A);
		assert_true(translate(ACCESS_WRITE).ok);
		for (unsigned level = shape->leaf; level <= top; level++)
			assert_int_equal(get(level) & (A | D), level == shape->leaf ? A | D : A);
		/* Nothing else changed, and nothing beside it. */
		for (unsigned level = shape->leaf; level <= top; level++)
			assert_int_equal(get(level) & ~(A | D),
			                 target(level) | P | RW | (level == shape->leaf ? 0 : US));
		if (shape->entry_size == 4)
			assert_int_equal(((uint32_t *)entry_at(shape->leaf))[1], 0);
	}
}

/* Without need, the entry is not written: it may be in ROM, or watched. */
static unsigned writes;

static void count_write(uint8_t *entry)
{
	(void)entry;
	writes++;
}

static void test_written_only_when_needed(void **state)
{
	(void)state;
	use(&shapes[5]);
	before_write = count_write;
	writes = 0;
	assert_true(translate(ACCESS_WRITE).ok);
	assert_int_equal(writes, 4);
	assert_true(translate(ACCESS_WRITE).ok);
	assert_true(translate(0).ok);
	assert_int_equal(writes, 4);
	/* Tables in ROM work, and stay as they are. */
	use(&shapes[5]);
	assert_int_equal(guest_map_protect(&map, TABLE(0), 4 * PAGE_SIZE, GUEST_ROM), 0);
	assert_true(translate(ACCESS_WRITE).ok);
	assert_int_equal(get(0) & (A | D), 0);
}

/* Another processor takes the page away between the walk and the update. */
static void unmap_now(uint8_t *entry)
{
	(void)entry;
	before_write = NULL;
	set(shape->leaf, 0);
}

/* ... or keeps changing an ignored bit without end. */
static void flip_for_ever(uint8_t *entry)
{
	(void)entry;
	writes++;
	set(shape->levels - 1, get(shape->levels - 1) ^ BIT(9));
}

static void test_race(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct guest_translation result;

		use(&shapes[i]);
		before_write = unmap_now;
		assert_fault(ACCESS_WRITE, 2);
		assert_int_equal(get(shape->leaf), 0);
		use(&shapes[i]);
		before_write = flip_for_ever;
		writes = 0;
		result = translate(ACCESS_WRITE);
		before_write = NULL;
		assert_true(result.ok);
		assert_int_equal(result.gpa, PAGE | (shape->address & (shape->page_size - 1)));
		assert_in_range(writes, 2, 100);
		assert_int_equal(get(shape->levels - 1) & A, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rights, setup),
		cmocka_unit_test_setup(test_every_level_counts, setup),
		cmocka_unit_test_setup(test_not_present, setup),
		cmocka_unit_test_setup(test_paging_off, setup),
		cmocka_unit_test_setup(test_accessed_dirty, setup),
		cmocka_unit_test_setup(test_written_only_when_needed, setup),
		cmocka_unit_test_setup(test_race, setup),
	};

	return cmocka_run_group_tests_name("guest_paging", tests, NULL, NULL);
}
