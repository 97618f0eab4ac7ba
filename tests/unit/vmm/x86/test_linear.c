/* SPDX-License-Identifier: MIT */
/* Guest-linear memory: vmm/x86/linear.c. */
#include "rigs/vm_rig.h"
#include "vmm/x86/linear.h"

static struct guest_paging paging;
static struct linear_range range;
static struct linear_fault fault;

static int setup(void **state)
{
	int error = rig_setup(state);

	if (!error)
		backend_paging(vm.vcpus[0], &paging);
	return error;
}

#define linear_test(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

static bool translate(gva_t address, size_t size, unsigned access)
{
	backend_paging(vm.vcpus[0], &paging);
	return linear_translate(vm.vcpus[0], &paging, address, size, access, &range, &fault);
}

static void an_access_in_one_page_is_one_piece(void **state)
{
	(void)state;
	assert_true(translate(0x5ff8, 8, 0));
	assert_int_equal(range.gpa[0], 0x5ff8);
	assert_int_equal(range.size[0], 8);
	assert_int_equal(range.size[1], 0);
}

static void an_access_across_pages_is_two(void **state)
{
	(void)state;
	assert_true(translate(0x5ffd, 8, ACCESS_WRITE));
	assert_int_equal(range.gpa[0], 0x5ffd);
	assert_int_equal(range.size[0], 3);
	assert_int_equal(range.gpa[1], 0x6000);
	assert_int_equal(range.size[1], 5);
}

static void the_largest_access_spans_two_pages(void **state)
{
	(void)state;
	assert_true(translate(0x5fff, LINEAR_MAX, 0));
	assert_int_equal(range.size[0], 1);
	assert_int_equal(range.size[1], LINEAR_MAX - 1);
}

static void addresses_wrap_at_4g_outside_long_mode(void **state)
{
	(void)state;
	assert_true(translate(0x100005000, 4, 0));
	assert_int_equal(range.gpa[0], 0x5000);
	assert_true(translate(0xfffffffe, 4, 0));
	assert_int_equal(range.gpa[1], 0);
}

static void compatibility_mode_wraps_at_4g_too(void **state)
{
	(void)state;
	rig_long_mode();
	rig_poke(0x9018, 0xa007, 8);
	rig_poke(0xaff8, 0x87, 8);
	assert_false(translate(0xfffffffe, 4, 0));
	assert_int_equal(fault.address, 0x100000000);
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xc09b);
	assert_true(translate(0xfffffffe, 4, 0));
	assert_int_equal(range.gpa[0], 0x1ffffe);
	assert_int_equal(range.gpa[1], 0);
	assert_false(translate(0xfffffffe, 4, ACCESS_SYSTEM)); /* descriptor tables lie anywhere */
}

static void data_is_cut_and_joined(void **state)
{
	uint8_t data[6] = {1, 2, 3, 4, 5, 6}, back[6] = {0};

	(void)state;
	rig_long_mode();
	rig_poke(0xa000, 0x200087, 8);
	rig_poke(0xa008, 0x87, 8);
	assert_true(translate(0x1ffffe, 6, ACCESS_WRITE));
	linear_write(vm.vcpus[0], &range, data);
	assert_int_equal(rig_memory(0x3ffffe, 2), 0x0201);
	assert_int_equal(rig_memory(0, 4), 0x06050403);
	linear_read(vm.vcpus[0], &range, back);
	assert_memory_equal(back, data, 6);
	/* And in one piece. */
	assert_true(translate(0x1000, 6, ACCESS_WRITE));
	linear_write(vm.vcpus[0], &range, data);
	assert_int_equal(rig_memory(0x201000, 4), 0x04030201);
}

static void the_page_that_faults_is_named(void **state)
{
	(void)state;
	rig_long_mode();
	rig_poke(0xa008, 0, 8);
	assert_false(translate(0x1ffffe, 4, ACCESS_WRITE));
	assert_int_equal(fault.address, 0x200000);
	assert_int_equal(fault.error_code, PAGE_FAULT_WRITE);
	rig_poke(0xa000, 0x85, 8); /* read-only for programs */
	vmwrite(VMCS_GUEST_SS_ACCESS, 0xc0f3);
	assert_false(translate(0x1ffffe, 4, ACCESS_WRITE));
	assert_int_equal(fault.address, 0x1ffffe);
	assert_int_equal(fault.error_code, PAGE_FAULT_WRITE | PAGE_FAULT_PRESENT | PAGE_FAULT_USER);
}

static unsigned fetch(uint8_t bytes[15])
{
	struct guest_paging current;

	backend_paging(vm.vcpus[0], &current);
	return linear_fetch(vm.vcpus[0], &current, bytes, &fault);
}

/* ---- Instruction bytes ---- */

static void code_is_read_at_cs_and_rip(void **state)
{
	struct segment cs = {.base = 0xfff00000, .limit = UINT32_MAX, .access = 0xc09b};
	uint8_t bytes[15];

	(void)state;
	rig_poke(0x2345, 0x0123456789abcdef, 8);
	rig_set_segment(SEG_CS, &cs);
	vmwrite(VMCS_GUEST_RIP, 0x102345); /* wraps */
	assert_int_equal(fetch(bytes), 15);
	assert_memory_equal(bytes, "\xef\xcd\xab\x89\x67\x45\x23\x01", 8);
	rig_long_mode();
	vmwrite(VMCS_GUEST_RIP, 0x2345); /* no base there */
	assert_int_equal(fetch(bytes), 15);
	assert_int_equal(bytes[0], 0xef);
}

static void code_across_pages_is_joined(void **state)
{
	uint8_t bytes[15];

	(void)state;
	rig_long_mode();
	rig_poke(0xa000, 0x200087, 8);
	rig_poke(0xa008, 0x87, 8);
	rig_poke(0x3ffffc, 0x04030201, 4);
	rig_poke(0, 0x0c0b0a0908070605, 8);
	vmwrite(VMCS_GUEST_RIP, 0x1ffffc);
	assert_int_equal(fetch(bytes), 15);
	assert_memory_equal(bytes, "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc", 12);
}

static void what_lies_behind_may_be_missing(void **state)
{
	uint8_t bytes[15];

	(void)state;
	rig_long_mode();
	rig_poke(0xa008, 0, 8);
	rig_poke(0x1ffffd, 0x332211, 3);
	vmwrite(VMCS_GUEST_RIP, 0x1ffffd);
	assert_int_equal(fetch(bytes), 3);
	assert_memory_equal(bytes, "\x11\x22\x33", 3);
}

static void code_that_is_missing_is_a_fault(void **state)
{
	uint8_t bytes[15];

	(void)state;
	rig_long_mode();
	vmwrite(VMCS_GUEST_EFER, EFER_LME | EFER_LMA | EFER_NXE);
	rig_poke(0xa000, 1UL << 63 | 0x87, 8);
	vmwrite(VMCS_GUEST_RIP, 0x1000);
	assert_int_equal(fetch(bytes), 0);
	assert_int_equal(fault.address, 0x1000);
	assert_int_equal(fault.error_code, PAGE_FAULT_PRESENT | PAGE_FAULT_FETCH);
}

/* ---- What the registers say about paging ---- */

static void paging_follows_the_registers(void **state)
{
	(void)state;
	rig_long_mode();
	vmwrite(VMCS_GUEST_PDPTE0, 0x1234);
	vmwrite(VMCS_GUEST_SS_ACCESS, 0xc0f3);
	backend_paging(vm.vcpus[0], &paging);
	assert_int_equal(paging.cr3, 0x8000);
	assert_int_equal(paging.cr4, CR4_PAE);
	assert_int_equal(paging.cpl, 3);
	assert_int_equal(paging.physical_bits, 39);
	assert_true(paging.has_1g_pages);
	assert_int_equal(paging.pdpte[0], 0); /* only PAE paging has them */
	vmwrite(VMCS_GUEST_EFER, 0);
	backend_paging(vm.vcpus[0], &paging);
	assert_int_equal(paging.pdpte[0], 0x1234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		linear_test(an_access_in_one_page_is_one_piece),
		linear_test(an_access_across_pages_is_two),
		linear_test(the_largest_access_spans_two_pages),
		linear_test(addresses_wrap_at_4g_outside_long_mode),
		linear_test(compatibility_mode_wraps_at_4g_too),
		linear_test(data_is_cut_and_joined),
		linear_test(the_page_that_faults_is_named),
		linear_test(code_is_read_at_cs_and_rip),
		linear_test(code_across_pages_is_joined),
		linear_test(what_lies_behind_may_be_missing),
		linear_test(code_that_is_missing_is_a_fault),
		linear_test(paging_follows_the_registers),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
