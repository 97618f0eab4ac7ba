/* SPDX-License-Identifier: MIT */
/* Control-register exits: vmm/vmx/exit_cr.c and vmm/x86/cr.c. */
#include "rigs/vm_rig.h"

/* SDM Vol. 3C "Exit Qualification for Control-Register Accesses". */
#define TO_CR(cr, gpr)   ((uint64_t)(cr) | (uint64_t)(gpr) << 8)
#define FROM_CR(cr, gpr) (TO_CR(cr, gpr) | 1 << 4)
#define CLTS             (2UL << 4)
#define LMSW(data)       (3UL << 4 | (uint64_t)(data) << 16)

static void access_cr(uint64_t qualification)
{
	assert_true(rig_instruction(EXIT_REASON_CONTROL_REGISTER, qualification, 3));
}

static void write_cr(unsigned cr, uint64_t value)
{
	vm.vcpus[0]->gpr[RDX] = value;
	access_cr(TO_CR(cr, RDX));
}

static void set_cr0(uint64_t value)
{
	vmwrite(VMCS_GUEST_CR0, value | CR0_NE);
	vmwrite(VMCS_CR0_SHADOW, value);
}

static void set_cr4(uint64_t value)
{
	vmwrite(VMCS_GUEST_CR4, value | CR4_VMXE | CR4_MCE);
	vmwrite(VMCS_CR4_SHADOW, value);
}

/* ---- CR0 ---- */

static void cr0_shows_what_was_written_and_keeps_what_vmx_needs(void **state)
{
	(void)state;
	write_cr(0, CR0_PE | CR0_ET | CR0_CD | CR0_NW | CR0_TS);
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_PE | CR0_ET | CR0_CD | CR0_NW | CR0_TS);
	assert_int_equal(vmread(VMCS_GUEST_CR0), CR0_PE | CR0_ET | CR0_NE | CR0_TS);
	write_cr(0, CR0_PE | CR0_NE);
	assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_PE | CR0_ET | CR0_NE); /* ET is always 1 */
}

/* Only what must not reach the guest as it is costs an exit. */
static void fpu_errors_exit_while_ne_is_0(void **state)
{
	(void)state;
	write_cr(0, CR0_PE | CR0_NE);
	assert_false(vmread(VMCS_EXCEPTION_BITMAP) & 1 << EXCEPTION_MF);
	write_cr(0, CR0_PE);
	assert_true(vmread(VMCS_EXCEPTION_BITMAP) & 1 << EXCEPTION_MF);
	assert_true(vmread(VMCS_EXCEPTION_BITMAP) & 1 << EXCEPTION_DB);
}

static void reserved_bits_of_cr0_stay_0(void **state)
{
	(void)state;
	write_cr(0, 0x1ffaffc0 | CR0_PE);
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_PE | CR0_ET);
	assert_int_equal(vmread(VMCS_GUEST_CR0), CR0_PE | CR0_ET | CR0_NE);
}

static void bad_cr0_values_are_gps(void **state)
{
	static const uint64_t values[] = {CR0_PG, CR0_PE | CR0_NW};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
		write_cr(0, values[i]);
		assert_gp0();
		assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_PE | CR0_ET);
	}
	rig_long_mode();
	write_cr(0, 0x100000000 | CR0_PE | CR0_PG);
	assert_gp0();
}

static void the_upper_half_counts_in_64_bit_code_only(void **state)
{
	(void)state;
	write_cr(0, 0xffffffff00000000 | CR0_PE | CR0_MP);
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_PE | CR0_ET | CR0_MP);
}

static void paging_enters_long_mode(void **state)
{
	(void)state;
	set_cr4(CR4_PAE);
	vmwrite(VMCS_GUEST_EFER, EFER_LME);
	write_cr(0, CR0_PE | CR0_PG);
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(vmread(VMCS_GUEST_EFER), EFER_LME | EFER_LMA);
	assert_true(vmread(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E_GUEST);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
	/* And out of it again, from compatibility mode. */
	write_cr(0, CR0_PE);
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(vmread(VMCS_GUEST_EFER), EFER_LME);
	assert_false(vmread(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E_GUEST);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
}

static void refuse_long_mode(void)
{
	set_cr0(CR0_PE | CR0_ET);
	vmwrite(VMCS_GUEST_EFER, EFER_LME);
	write_cr(0, CR0_PE | CR0_PG);
	assert_gp0();
	assert_int_equal(vmread(VMCS_GUEST_EFER), EFER_LME);
	assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_PE | CR0_ET);
}

static void long_mode_needs_pae_and_no_64_bit_cs_or_16_bit_tss(void **state)
{
	(void)state;
	refuse_long_mode();
	set_cr4(CR4_PAE);
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xa09b);
	refuse_long_mode();
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xc09b);
	vmwrite(VMCS_GUEST_TR_ACCESS, 0x83);
	refuse_long_mode();
}

static void paging_cannot_end_in_64_bit_code_or_with_pcid(void **state)
{
	(void)state;
	rig_long_mode();
	write_cr(0, CR0_PE);
	assert_gp0();
	assert_true(backend_cr0(vm.vcpus[0]) & CR0_PG);
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xc09b);
	set_cr4(CR4_PAE | CR4_PCIDE);
	write_cr(0, CR0_PE);
	assert_gp0();
	assert_int_equal(vmread(VMCS_GUEST_EFER), EFER_LME | EFER_LMA);
}

static void paging_without_pae_needs_nothing(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_CR3, 0x2000);
	write_cr(0, CR0_PE | CR0_PG);
	assert_went_on(RIG_RIP + 3);
	assert_true(vmread(VMCS_GUEST_CR0) & CR0_PG);
	assert_int_equal(vmread(VMCS_GUEST_PDPTE0), 0);
	write_cr(0, CR0_PE);
	assert_went_on(RIG_RIP + 3);
}

static void clts_and_lmsw(void **state)
{
	(void)state;
	set_cr0(CR0_PE | CR0_ET | CR0_TS | CR0_MP);
	access_cr(CLTS);
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_PE | CR0_ET | CR0_MP);
	/* LMSW loads the four lowest bits, and cannot clear PE. */
	access_cr(LMSW(0xfff0 | CR0_EM | CR0_TS));
	assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_PE | CR0_ET | CR0_EM | CR0_TS);
	set_cr0(CR0_ET | CR0_MP);
	access_cr(LMSW(CR0_PE));
	assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_PE | CR0_ET);
	assert_went_on(RIG_RIP + 3);
}

/* ---- PAE ---- */

static const uint64_t pdptes[4] = {0x3001, 0, 0x4001, 0x5019};

static void put_pdptes(gpa_t gpa)
{
	guest_write(&vm.map, gpa, pdptes, sizeof(pdptes));
}

static void assert_pdptes(uint64_t first)
{
	assert_int_equal(vmread(VMCS_GUEST_PDPTE0), first);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(vmread((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i)), pdptes[i]);
}

static void pae_paging_loads_the_pdptes(void **state)
{
	(void)state;
	put_pdptes(0x2020); /* 32-byte aligned is enough */
	vmwrite(VMCS_GUEST_CR3, 0x203f);
	set_cr4(CR4_PAE);
	write_cr(0, CR0_PE | CR0_PG);
	assert_went_on(RIG_RIP + 3);
	assert_pdptes(0x3001);
}

static void reserved_bits_in_a_pdpte_are_a_gp(void **state)
{
	static const uint64_t bad[] = {0x3003, 0x3005, 0x3021,        0x3041,
	                               0x3081, 0x3101, 1UL << 39 | 1, 1UL << 63 | 1};

	(void)state;
	put_pdptes(0x2000);
	vmwrite(VMCS_GUEST_CR3, 0x2000);
	set_cr4(CR4_PAE);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		rig_poke(0x2010, bad[i], 8);
		write_cr(0, CR0_PE | CR0_PG);
		assert_gp0();
		assert_false(backend_cr0(vm.vcpus[0]) & CR0_PG);
		assert_int_equal(vmread(VMCS_GUEST_PDPTE0), 0);
		rig_poke(0x2010, bad[i] & ~1UL, 8); /* not present: nothing is reserved */
	}
	write_cr(0, CR0_PE | CR0_PG);
	assert_went_on(RIG_RIP + 3);
}

static void enter_pae(void)
{
	put_pdptes(0x2000);
	vmwrite(VMCS_GUEST_CR3, 0x2000);
	set_cr4(CR4_PAE);
	set_cr0(CR0_PE | CR0_ET | CR0_PG);
}

static void cr3_with_pae_loads_the_pdptes(void **state)
{
	(void)state;
	enter_pae();
	put_pdptes(0x6000);
	rig_poke(0x6000, 0x7001, 8);
	write_cr(3, 0x6000);
	assert_went_on(RIG_RIP + 3);
	assert_pdptes(0x7001);
	assert_int_equal(vmread(VMCS_GUEST_CR3), 0x6000);
	rig_poke(0x2000, 0x7003, 8);
	write_cr(3, 0x2000);
	assert_gp0();
	assert_int_equal(vmread(VMCS_GUEST_CR3), 0x6000);
}

/* SDM Vol. 3A "PDPTE Registers": which changes reload them. */
static void cache_bits_reload_the_pdptes(void **state)
{
	(void)state;
	enter_pae();
	write_cr(0, CR0_PE | CR0_PG | CR0_CD);
	assert_went_on(RIG_RIP + 3);
	assert_pdptes(0x3001);
	rig_poke(0x2000, 0x7001, 8);
	write_cr(0, CR0_PE | CR0_PG | CR0_CD | CR0_NW);
	assert_pdptes(0x7001);
	rig_poke(0x2000, 0x7003, 8);
	write_cr(0, CR0_PE | CR0_PG);
	assert_gp0();
	assert_true(backend_cr0(vm.vcpus[0]) & CR0_CD);
}

static void cr4_bits_reload_the_pdptes(void **state)
{
	static const uint64_t bits[] = {CR4_PGE, CR4_PSE, CR4_SMEP};

	(void)state;
	enter_pae();
	for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
		uint64_t first = 0x8001 + 0x1000 * i;

		rig_poke(0x2000, first, 8);
		write_cr(4, CR4_PAE | bits[i]);
		assert_went_on(RIG_RIP + 3);
		assert_pdptes(first);
		rig_poke(0x2000, 0x7003, 8);
		write_cr(4, CR4_PAE);
		assert_gp0();
		assert_int_equal(backend_cr4(vm.vcpus[0]), CR4_PAE | bits[i]);
		rig_poke(0x2000, 1, 8);
		write_cr(4, CR4_PAE);
	}
	rig_poke(0x2000, 0x7003, 8);
	write_cr(4, CR4_PAE | CR4_DE); /* is none of them */
	assert_went_on(RIG_RIP + 3);
}

static void clearing_pae_leaves_32_bit_paging(void **state)
{
	(void)state;
	enter_pae();
	rig_poke(0x2000, 0x7003, 8);
	write_cr(4, 0);
	assert_went_on(RIG_RIP + 3);
	write_cr(4, CR4_PAE);
	assert_gp0();
}

/* ---- CR3 ---- */

static void cr3_beyond_the_physical_width_is_a_gp(void **state)
{
	(void)state;
	rig_long_mode();
	write_cr(3, 1UL << 39);
	assert_gp0();
	write_cr(3, 1UL << 63); /* without PCID that bit is reserved */
	assert_gp0();
	assert_int_equal(vmread(VMCS_GUEST_CR3), 0x8000);
	write_cr(3, (1UL << 39) - 0x1000);
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(vmread(VMCS_GUEST_CR3), (1UL << 39) - 0x1000);
}

static void bit_63_of_cr3_keeps_the_translations(void **state)
{
	unsigned before;

	(void)state;
	rig_long_mode();
	set_cr4(CR4_PAE | CR4_PCIDE);
	before = fake_vmx.invvpids;
	write_cr(3, 1UL << 63 | 0x9005);
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(vmread(VMCS_GUEST_CR3), 0x9005);
	assert_int_equal(fake_vmx.invvpids, before);
	write_cr(3, 0x9005);
	assert_int_equal(fake_vmx.invvpids, before + 1);
}

static void cr3_is_read_into_any_register(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_CR3, 0x1234000);
	access_cr(FROM_CR(3, R15));
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(vm.vcpus[0]->gpr[R15], 0x1234000);
	access_cr(FROM_CR(3, RSP));
	assert_int_equal(vmread(VMCS_GUEST_RSP), 0x1234000);
	vmwrite(VMCS_GUEST_RSP, 0x5000);
	vm.vcpus[0]->gpr[RSP] = 0x6000; /* never the one that counts */
	access_cr(TO_CR(3, RSP));
	assert_int_equal(vmread(VMCS_GUEST_CR3), 0x5000);
}

/* ---- CR4 ---- */

static void cr4_shows_what_was_written_and_keeps_what_vmx_needs(void **state)
{
	(void)state;
	write_cr(4, CR4_PSE | CR4_MCE);
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(backend_cr4(vm.vcpus[0]), CR4_PSE | CR4_MCE);
	assert_int_equal(vmread(VMCS_GUEST_CR4), CR4_PSE | CR4_MCE | CR4_VMXE);
	write_cr(4, CR4_PSE);
	assert_int_equal(backend_cr4(vm.vcpus[0]), CR4_PSE);
	assert_int_equal(vmread(VMCS_GUEST_CR4), CR4_PSE | CR4_MCE | CR4_VMXE);
}

static void cr4_bits_that_cpuid_hides_are_gps(void **state)
{
	(void)state;
	rig_long_mode();
	for (unsigned bit = 0; bit < 64; bit++) {
		const uint64_t offered = 0x370fff;
		uint64_t value = CR4_PAE | BIT(bit);

		vmwrite(VMCS_GUEST_CR4, CR4_PAE | CR4_VMXE | CR4_MCE);
		vmwrite(VMCS_CR4_SHADOW, CR4_PAE);
		write_cr(4, value);
		if (offered & BIT(bit)) {
			assert_went_on(RIG_RIP + 3);
			assert_int_equal(backend_cr4(vm.vcpus[0]), value);
		} else {
			assert_gp0();
			assert_int_equal(backend_cr4(vm.vcpus[0]), CR4_PAE);
		}
	}
}

static void what_the_processor_lacks_is_a_gp(void **state)
{
	(void)state;
	vmx_features.cr4_fixed1 &= ~CR4_SMAP;
	write_cr(4, CR4_SMAP);
	assert_gp0();
	assert_false(vmx_cr4_guest_owned() & CR4_SMAP);
}

static void pae_cannot_go_in_long_mode(void **state)
{
	(void)state;
	rig_long_mode();
	write_cr(4, CR4_PSE);
	assert_gp0();
}

static void pcid_needs_long_mode_and_a_clean_cr3(void **state)
{
	(void)state;
	write_cr(4, CR4_PCIDE);
	assert_gp0();
	rig_long_mode();
	vmwrite(VMCS_GUEST_CR3, 0x8008);
	write_cr(4, CR4_PAE | CR4_PCIDE);
	assert_gp0();
	vmwrite(VMCS_GUEST_CR3, 0x8000);
	write_cr(4, CR4_PAE | CR4_PCIDE);
	assert_went_on(RIG_RIP + 3);
	/* Once on, CR3 may hold a PCID while other bits change. */
	vmwrite(VMCS_GUEST_CR3, 0x8008);
	write_cr(4, CR4_PAE | CR4_PCIDE | CR4_PGE);
	assert_went_on(RIG_RIP + 3);
}

static void changes_that_the_manual_lists_flush(void **state)
{
	unsigned before;

	(void)state;
	before = fake_vmx.invvpids;
	write_cr(4, CR4_PGE);
	assert_int_equal(fake_vmx.invvpids, before + 1);
	write_cr(4, CR4_PGE | CR4_DE);
	assert_int_equal(fake_vmx.invvpids, before + 1);
	write_cr(0, CR0_PE | CR0_PG);
	assert_int_equal(fake_vmx.invvpids, before + 2);
	write_cr(0, CR0_PE | CR0_PG | CR0_CD);
	assert_int_equal(fake_vmx.invvpids, before + 2);
	vmx_features.vpid = false; /* then every entry flushes */
	write_cr(4, 0);
	assert_int_equal(fake_vmx.invvpids, before + 2);
}

/* ---- CR8, and what does not exist ---- */

static void cr8_is_4_bits(void **state)
{
	(void)state;
	rig_long_mode();
	write_cr(8, 15);
	assert_went_on(RIG_RIP + 3);
	access_cr(FROM_CR(8, RBX));
	assert_int_equal(vm.vcpus[0]->gpr[RBX], 15);
	write_cr(8, 16);
	assert_gp0();
	access_cr(FROM_CR(8, RBX));
	assert_int_equal(vm.vcpus[0]->gpr[RBX], 15);
}

static void other_control_registers_do_not_exist(void **state)
{
	(void)state;
	write_cr(5, 0);
	assert_faulted(EXCEPTION_UD);
	access_cr(FROM_CR(5, RBX));
	assert_faulted(EXCEPTION_UD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(cr0_shows_what_was_written_and_keeps_what_vmx_needs),
		rig_test(fpu_errors_exit_while_ne_is_0),
		rig_test(reserved_bits_of_cr0_stay_0),
		rig_test(bad_cr0_values_are_gps),
		rig_test(the_upper_half_counts_in_64_bit_code_only),
		rig_test(paging_enters_long_mode),
		rig_test(long_mode_needs_pae_and_no_64_bit_cs_or_16_bit_tss),
		rig_test(paging_cannot_end_in_64_bit_code_or_with_pcid),
		rig_test(paging_without_pae_needs_nothing),
		rig_test(clts_and_lmsw),
		rig_test(pae_paging_loads_the_pdptes),
		rig_test(reserved_bits_in_a_pdpte_are_a_gp),
		rig_test(cr3_with_pae_loads_the_pdptes),
		rig_test(cache_bits_reload_the_pdptes),
		rig_test(cr4_bits_reload_the_pdptes),
		rig_test(clearing_pae_leaves_32_bit_paging),
		rig_test(cr3_beyond_the_physical_width_is_a_gp),
		rig_test(bit_63_of_cr3_keeps_the_translations),
		rig_test(cr3_is_read_into_any_register),
		rig_test(cr4_shows_what_was_written_and_keeps_what_vmx_needs),
		rig_test(cr4_bits_that_cpuid_hides_are_gps),
		rig_test(what_the_processor_lacks_is_a_gp),
		rig_test(pae_cannot_go_in_long_mode),
		rig_test(pcid_needs_long_mode_and_a_clean_cr3),
		rig_test(changes_that_the_manual_lists_flush),
		rig_test(cr8_is_4_bits),
		rig_test(other_control_registers_do_not_exist),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
