/*
 * The guest's page tables: mm/guest_paging.c. The expectations are written here a
 * second time, from the manual's rules, and compared over every combination of rights.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/registers.h"
#include "memory.h"
#include "mm/guest_paging.h"

#define VM FRAME_OWNER_FIRST_VM

#define P  0x1UL
#define RW 0x2UL
#define US 0x4UL
#define A  0x20UL
#define D  0x40UL
#define PS 0x80UL
#define NX BIT(63)

/* Tables at level n stand at TABLE(n), the page at PAGE; all in guest RAM. */
#define TABLE(n) (0x10000UL + 0x1000 * (n))
#define PAGE	 0x40000000UL /* aligned for every size, and not RAM: nobody reads it */
#define RAM_SIZE MIB(1)

static struct guest_map map;

/* Called whenever an entry is about to be changed: another processor's chance. */
static void (*before_write)(uint8_t *entry);

/* The product's does the same, less the hook. */
void *guest_pointer(const struct guest_map *guest, gpa_t gpa, size_t size, bool write)
{
	struct guest_extent extent = guest_map_find(guest, gpa);
	uint8_t *pointer;

	if (extent.type != GUEST_RAM && (extent.type != GUEST_ROM || write))
		return NULL;
	assert_true(gpa % size == 0);
	pointer = (uint8_t *)hpa_to_pointer(extent.hpa) + (gpa - extent.gpa);
	if (write && before_write)
		before_write(pointer);
	return pointer;
}

/* One way to map: the mode, and the level at which the page stands. */
struct shape {
	const char *name;
	unsigned levels; /* in memory */
	unsigned leaf;	 /* level of the page: 0 is a page-table entry */
	unsigned entry_size;
	uint64_t cr4, efer;
	uint64_t page_size;
	gva_t address; /* index 0x12 or more at every level */
};

static const struct shape shapes[] = {
    {"32-bit 4K",	  2, 0, 4, 0,	      0,	 KIB(4), 0x12f34567	   },
    {"32-bit 4K, PSE", 2, 0, 4, CR4_PSE, 0,	    KIB(4), 0x12f34567	      },
    {"32-bit 4M",	  2, 1, 4, CR4_PSE, 0,	       MIB(4), 0x92f34567	 },
    {"PAE 4K",	       2, 0, 8, CR4_PAE, 0,	    KIB(4), 0x52f34567	      },
    {"PAE 2M",	       2, 1, 8, CR4_PAE, 0,	    MIB(2), 0xd2f34567	      },
    {"4-level 4K",	   4, 0, 8, CR4_PAE, EFER_LMA, KIB(4), 0xffffa1b2c3d4e5f6},
    {"4-level 2M",	   4, 1, 8, CR4_PAE, EFER_LMA, MIB(2), 0x00007fb2c3d4e5f6},
    {"4-level 1G",	   4, 2, 8, CR4_PAE, EFER_LMA, GIB(1), 0x000001b2c3d4e5f6},
};

static struct guest_paging paging;
static const struct shape *shape;

static bool is_pae(void)
{
	return shape->entry_size == 8 && shape->levels == 2;
}

static void *entry_at(unsigned level)
{
	unsigned bits = shape->entry_size == 4 ? 10 : 9;
	uint64_t index = shape->address >> (12 + bits * level) & ((1 << bits) - 1);
	gpa_t gpa = TABLE(level) + index * shape->entry_size;

	return (uint8_t *)hpa_to_pointer(guest_map_find(&map, gpa).hpa) + gpa % PAGE_SIZE;
}

static uint64_t get(unsigned level)
{
	return shape->entry_size == 4 ? *(uint32_t *)entry_at(level) : *(uint64_t *)entry_at(level);
}

static void set(unsigned level, uint64_t entry)
{
	if (shape->entry_size == 4)
		*(uint32_t *)entry_at(level) = (uint32_t)entry;
	else
		*(uint64_t *)entry_at(level) = entry;
}

/* The address part of the entry at `level`. */
static uint64_t target(unsigned level)
{
	if (level == shape->leaf)
		return PAGE | (level ? PS : 0);
	return TABLE(level - 1);
}

static void use(const struct shape *which)
{
	shape = which;
	paging = (struct guest_paging){
	    .cr0 = CR0_PG | CR0_PE,
	    .cr4 = shape->cr4,
	    .efer = shape->efer,
	    .cr3 = TABLE(shape->levels - 1),
	    .physical_bits = 36,
	    .has_1g_pages = true,
	};
	if (is_pae()) {
		paging.cr3 = 0xdead0020;
		paging.pdpte[shape->address >> 30] = TABLE(1) | P;
	}
	for (unsigned level = shape->leaf; level < shape->levels; level++)
		set(level, target(level) | P | RW | US);
}

static struct guest_translation translate(unsigned access)
{
	return guest_translate(&map, &paging, shape->address, access);
}

static void assert_fault(unsigned access, uint32_t error_code)
{
	struct guest_translation result = translate(access);

	assert_false(result.ok);
	assert_int_equal(result.error_code, error_code);
}

static int setup(void **state)
{
	(void)state;
	fake_memory_init(MIB(8));
	before_write = NULL;
	assert_int_equal(guest_map_create(&map, VM), 0);
	assert_int_equal(guest_map_add(&map, 0, RAM_SIZE, GUEST_RAM), 0);
	return 0;
}

/* SDM Vol. 3A "Determination of Access Rights", rule by rule. `entry` is the AND of RW and US, the OR of NX.
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
			/* "Data may be read from any supervisor-mode address"; user-mode ones: SMAP decides.
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
		/* For deep shapes two levels vary, the leaf and the top: the rules are an AND and an OR. */
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

/* ... or keeps changing an ignored bit for ever. */
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

/* Tables where there is no memory read as all ones: present, with reserved bits, or a 4 MiB page of ones. */
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
	    cmocka_unit_test_setup(test_rights, setup),
	    cmocka_unit_test_setup(test_every_level_counts, setup),
	    cmocka_unit_test_setup(test_not_present, setup),
	    cmocka_unit_test_setup(test_reserved, setup),
	    cmocka_unit_test_setup(test_page_size_bit, setup),
	    cmocka_unit_test_setup(test_address_parts, setup),
	    cmocka_unit_test_setup(test_paging_off, setup),
	    cmocka_unit_test_setup(test_accessed_dirty, setup),
	    cmocka_unit_test_setup(test_written_only_when_needed, setup),
	    cmocka_unit_test_setup(test_race, setup),
	    cmocka_unit_test_setup(test_tables_outside_memory, setup),
	};

	return cmocka_run_group_tests_name("guest_paging", tests, NULL, NULL);
}
