/* SPDX-License-Identifier: MIT */
/*
 * vmm/emulate: instructions of the system and far pointers beside RAM, where memory is all ones;
 * and what decides about vector and x87 instructions before their access.
 */
#include "rigs/emulated.h"

#define CR0_TS   0x8
#define CR0_EM   0x4
#define CR4_SSE  0x200
#define CR4_AVX  0x40000
#define CR4_UMIP 0x800

static void all_ones(uint64_t address)
{
	memset(memory + address, 0xff, 16);
}

/* ---- Tables and selectors ---- */

static void tables_and_selectors_are_stored(void **state)
{
	(void)state;
	long_mode();
	cpu.gpr[RBX] = 0x2000;
	STEP(0x0f, 0x01, 0x0b); /* sidt [rbx] */
	assert_int_equal(peek(0x2000, 2), 0x2222);
	assert_int_equal(peek(0x2002, 8), 0x2222222222222222);
	STEP(0x0f, 0x00, 0x03); /* sldt */
	assert_int_equal(peek(0x2000, 4), 0x22223333);
	STEP(0x0f, 0x00, 0x0b); /* str */
	assert_int_equal(peek(0x2000, 4), 0x22224444);
	STEP(0x0f, 0x01, 0x23); /* smsw */
	assert_int_equal(peek(0x2000, 4), 0x22220011);
	protected_32();
	cpu.gpr[RBX] = 0x2000;
	STEP(0x0f, 0x01, 0x03); /* sgdt: six bytes */
	assert_int_equal(peek(0x2000, 8), 0x111111111111);
	cpu.cpl = 3;
	STEP(0x0f, 0x01, 0x03);
	cpu.cr4 = CR4_UMIP;
	FAULTS(VECTOR_GP, 0x0f, 0x01, 0x03);
	FAULTS(VECTOR_GP, 0x0f, 0x01, 0x23);
	FAULTS(VECTOR_GP, 0x0f, 0x00, 0x03);
	real_mode();
	FAULTS(VECTOR_UD, 0x0f, 0x00, 0x07);
}

static void tables_are_loaded_by_ring_0_alone(void **state)
{
	(void)state;
	protected_32();
	all_ones(0x2000);
	cpu.gpr[RBX] = 0x2000;
	STEP(0x0f, 0x01, 0x13); /* lgdt */
	assert_int_equal(loaded_which, SYSTEM_GDTR);
	assert_int_equal(loaded_table.base, 0xffffffff);
	assert_int_equal(loaded_table.limit, 0xffff);
	STEP(0x66, 0x0f, 0x01, 0x1b); /* lidt, 24 bits */
	assert_int_equal(loaded_which, SYSTEM_IDTR);
	assert_int_equal(loaded_table.base, 0xffffff);
	cpu.cpl = 3;
	FAULTS(VECTOR_GP, 0x0f, 0x01, 0x13);
	FAULTS(VECTOR_GP, 0x0f, 0x00, 0x13); /* lldt */
	long_mode();
	cpu.gpr[RBX] = 0x2000;
	poke(0x2002, 0x800000000000, 8);
	FAULTS(VECTOR_GP, 0x0f, 0x01, 0x13);
}

static void no_descriptor_is_found_for_the_selector_of_a_hole(void **state)
{
	static const uint8_t loads[][3] = {
		{0x0f, 0x00, 0x13}, /* lldt */
		{0x0f, 0x00, 0x1b}, /* ltr */
		{0x8e, 0x1b, 0},    /* mov ds */
		{0x0f, 0xb2, 0x03}, /* lss */
		{0xc4, 0x03, 0},    /* les */
		{0xff, 0x1b, 0},    /* call far */
		{0xff, 0x2b, 0},    /* jmp far */
		{0x07, 0, 0},       /* pop es */
		{0xcb, 0, 0},       /* retf */
		{0xcf, 0, 0},       /* iret */
	};
	static const uint8_t verifications[][3] = {
		{0x0f, 0x00, 0x23}, {0x0f, 0x00, 0x2b}, {0x0f, 0x02, 0x03}, {0x0f, 0x03, 0x03}};

	(void)state;
	protected_32();
	all_ones(0x2000);
	all_ones(0x1000);
	cpu.gpr[RBX] = 0x2000;
	for (unsigned i = 0; i < ARRAY_SIZE(loads); i++) {
		assert_int_equal(run_bytes(loads[i], 3), EMULATE_FAULT);
		assert_int_equal(cpu.fault.vector, VECTOR_GP);
		assert_int_equal(cpu.fault.error_code, 0xfffc);
		assert_int_equal(cpu.segments_loaded, 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(verifications); i++) {
		cpu.rflags |= ZF;
		assert_int_equal(run_bytes(verifications[i], 3), EMULATE_OK);
		assert_false(cpu.rflags & ZF);
	}
	poke(0x2000, 0x10, 2);
	assert_int_equal(RUN(0x8e, 0x1b), EMULATE_UNSUPPORTED); /* a descriptor to look at */
	poke(0x2000, 3, 2);
	STEP(0x8e, 0x1b);
	assert_true(cpu.segment[SEG_DS].access & SEGMENT_UNUSABLE);
}

static void bound_and_arpl_look_at_what_is_there(void **state)
{
	(void)state;
	protected_32();
	poke(0x2000, (uint32_t)-5, 4);
	poke(0x2004, 7, 4);
	cpu.gpr[RBX] = 0x2000;
	cpu.gpr[RAX] = 7;
	STEP(0x62, 0x03); /* bound eax, [ebx] */
	cpu.gpr[RAX] = (uint32_t)-5;
	STEP(0x62, 0x03);
	cpu.gpr[RAX] = 8;
	FAULTS(VECTOR_BR, 0x62, 0x03);
	cpu.gpr[RAX] = (uint32_t)-6;
	FAULTS(VECTOR_BR, 0x62, 0x03);
	poke(0x2000, 0x1234, 2);
	cpu.gpr[RCX] = 3;
	STEP(0x63, 0x0b); /* arpl [ebx], cx */
	assert_int_equal(peek(0x2000, 2), 0x1237);
	assert_true(cpu.rflags & ZF);
	STEP(0x63, 0x0b);
	assert_false(cpu.rflags & ZF);
	real_mode();
	FAULTS(VECTOR_UD, 0x63, 0x0f);
}

/* ---- Instructions whose last bytes alone are beside RAM ---- */

static void what_accesses_no_memory_is_carried_out(void **state)
{
	(void)state;
	long_mode();
	STEP(0x48, 0xb8, 8, 7, 6, 5, 4, 3, 2, 1); /* mov rax, imm64 */
	assert_int_equal(cpu.gpr[RAX], 0x0102030405060708);
	STEP(0xb4, 0xff); /* mov ah, 0xff */
	assert_int_equal(cpu.gpr[RAX], 0x010203040506ff08);
	STEP(0x04, 0x10); /* add al, 0x10 */
	assert_int_equal(cpu.gpr[RAX] & 0xff, 0x18);
	STEP(0x48, 0x8d, 0x58, 0xff); /* lea rbx, [rax - 1] */
	assert_int_equal(cpu.gpr[RBX], cpu.gpr[RAX] - 1);
	cpu.rip = 0x100;
	cpu.rflags &= ~ZF;
	assert_int_equal(RUN(0x75, 0x10), EMULATE_OK); /* jne */
	assert_int_equal(cpu.rip, 0x112);
	assert_int_equal(RUN(0x0f, 0x84, 0xff, 0xff, 0xff, 0xff), EMULATE_OK); /* je */
	assert_int_equal(cpu.rip, 0x118);
	assert_int_equal(RUN(0xe9, 0xff, 0xff, 0xff, 0xff), EMULATE_OK);
	assert_int_equal(cpu.rip, 0x11c);
	protected_32();
	STEP(0x43); /* inc ebx */
	assert_int_equal(cpu.gpr[RBX], 1);
	assert_int_equal(accesses, 0);
}

/* ---- Before the access of a vector or x87 instruction ---- */

static void vector_instructions_want_what_enables_them(void **state)
{
	(void)state;
	long_mode();
	cpu.gpr[RBX] = 0x2000;
	FAULTS(VECTOR_UD, 0x0f, 0x10, 0x03);       /* CR4.OSFXSR is 0 */
	FAULTS(VECTOR_UD, 0xc5, 0xf8, 0x10, 0x03); /* CR4.OSXSAVE is 0 */
	cpu.cr4 = CR4_SSE | CR4_AVX;
	STEP(0x0f, 0x10, 0x03);
	FAULTS(VECTOR_UD, 0xc5, 0xf8, 0x10, 0x03); /* XCR0 has no AVX */
	cpu.xcr0 = 7;
	STEP(0xc5, 0xf8, 0x10, 0x03);
	assert_int_equal(last_stub, EXTENDED_AVX_LOAD);
	FAULTS(VECTOR_UD, 0x66, 0xc5, 0xf8, 0x10, 0x03);
	FAULTS(VECTOR_UD, 0xf0, 0x0f, 0x11, 0x03); /* lock */
	cpu.cr0 |= CR0_TS;
	FAULTS(VECTOR_NM, 0x0f, 0x10, 0x03);
	FAULTS(VECTOR_NM, 0xc5, 0xf8, 0x10, 0x03);
	FAULTS(VECTOR_NM, 0x0f, 0x6f, 0x03); /* movq mm0, [rbx] */
	FAULTS(VECTOR_NM, 0xd9, 0x03);       /* fld */
	FAULTS(VECTOR_NM, 0x0f, 0xae, 0x03); /* fxsave */
	FAULTS(VECTOR_NM, 0x0f, 0xae, 0x23); /* xsave */
	cpu.cr0 ^= CR0_TS | CR0_EM;
	FAULTS(VECTOR_UD, 0x0f, 0x10, 0x03);
	FAULTS(VECTOR_UD, 0x0f, 0x6f, 0x03);
	FAULTS(VECTOR_NM, 0xd9, 0x03);
	cpu.cr0 ^= CR0_EM;
	fpu_status = 0x80; /* an exception is pending */
	FAULTS(VECTOR_MF, 0xd9, 0x03);
	FAULTS(VECTOR_MF, 0x0f, 0x7f, 0x03);
	STEP(0xdd, 0x3b); /* fnstsw */
	assert_int_equal(peek(0x2000, 2), 0x80);
	long_mode();
	FAULTS(VECTOR_UD, 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x03); /* AVX-512 */
}

static void aligned_moves_want_aligned_addresses(void **state)
{
	(void)state;
	protected_32();
	cpu.cr4 = CR4_SSE | CR4_AVX;
	cpu.xcr0 = 7;
	cpu.segment[SEG_DS].base = 8;
	cpu.gpr[RBX] = 0x2000;
	FAULTS(VECTOR_GP, 0x0f, 0x28, 0x03);
	FAULTS(VECTOR_GP, 0x0f, 0xae, 0x03); /* fxsave */
	cpu.gpr[RBX] = 0x2008;
	STEP(0x0f, 0x28, 0x03);
	STEP(0x0f, 0x29, 0x03);
	assert_int_equal(peek(0x2010, 1), EXTENDED_SSE_STORE);
	FAULTS(VECTOR_GP, 0xc5, 0xfc, 0x28, 0x03); /* vmovaps ymm0 */
	FAULTS(VECTOR_GP, 0x0f, 0xae, 0x23);       /* xsave: 64 */
	STEP(0xc5, 0xfc, 0x10, 0x03);
	assert_int_equal(last_stub, EXTENDED_AVX_LOAD_256);
}

/* The processor has decoded another instruction: its translation of the code was an older one. */
static void a_form_of_xsave_that_the_processor_lacks_is_not_run(void **state)
{
	(void)state;
	protected_32();
	cpu.cr4 = CR4_SSE | CR4_AVX;
	cpu.xcr0 = 7;
	cpu.gpr[RBX] = 0x2000;
	STEP(0x0f, 0xc7, 0x23); /* xsavec */
	assert_int_equal(last_stub, EXTENDED_XSAVEC);
	xsave_forms = 0xd;
	FAULTS(VECTOR_UD, 0x0f, 0xc7, 0x23);
	STEP(0x0f, 0xae, 0x23); /* xsave */
	xsave_forms = 0xf;
}

/* Each access is translated, and looks for its device: an area in pieces would take long. */
static void an_area_is_one_access_each_way(void **state)
{
	(void)state;
	protected_32();
	cpu.cr4 = CR4_SSE | CR4_AVX;
	cpu.xcr0 = 7;
	cpu.gpr[RBX] = 0x2000;
	STEP(0x0f, 0xae, 0x23); /* xsave */
	assert_int_equal(accesses, 2);
	assert_int_equal(last_size, 832);
	STEP(0x0f, 0xae, 0x0b); /* fxrstor */
	assert_int_equal(accesses, 1);
	STEP(0xdd, 0x33); /* fnsave: checked, and written */
	assert_int_equal(accesses, 2);
	assert_int_equal(last_size, 108);
}

static void a_fault_leaves_the_vector_registers(void **state)
{
	static const uint8_t loads[][4] = {
		{0x0f, 0x10, 0x03}, {0x0f, 0x6f, 0x03},       {0xd9, 0x03}, {0xdd, 0x23}, {0x0f, 0xae, 0x13},
		{0x0f, 0xae, 0x2b}, {0xc5, 0xfc, 0x10, 0x03}, {0xdd, 0x33},
	};

	(void)state;
	protected_32();
	cpu.cr4 = CR4_SSE | CR4_AVX;
	cpu.xcr0 = 7;
	cpu.gpr[RBX] = 0x2000;
	for (unsigned i = 0; i < ARRAY_SIZE(loads); i++) {
		stubs = 0;
		fail_at = 1;
		assert_int_equal(run_bytes(loads[i], 4), EMULATE_FAULT);
		assert_int_equal(cpu.fault.vector, VECTOR_PF);
		assert_true(stubs == 0 || last_stub == EXTENDED_FXSAVE64);
	}
}

static void what_a_hole_holds_is_no_state_to_load(void **state)
{
	(void)state;
	protected_32();
	cpu.cr4 = CR4_SSE | CR4_AVX;
	cpu.xcr0 = 7;
	cpu.gpr[RBX] = 0x2000;
	memset(memory + 0x2000, 0xff, 1024);
	FAULTS(VECTOR_GP, 0x0f, 0xae, 0x0b); /* fxrstor */
	FAULTS(VECTOR_GP, 0x0f, 0xae, 0x13); /* ldmxcsr */
	FAULTS(VECTOR_GP, 0x0f, 0xae, 0x2b); /* xrstor */
	memset(memory + 0x2200, 0, 64);
	assert_int_equal(RUN(0x0f, 0xae, 0x2b), EMULATE_UNSUPPORTED);
	poke(0x2208, 1UL << 63 | 7, 8);
	assert_int_equal(RUN(0x0f, 0xae, 0x2b), EMULATE_UNSUPPORTED);
	poke(0x2208, 1UL << 63 | 15, 8);
	FAULTS(VECTOR_GP, 0x0f, 0xae, 0x2b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_and_selectors_are_stored),
		cmocka_unit_test(tables_are_loaded_by_ring_0_alone),
		cmocka_unit_test(no_descriptor_is_found_for_the_selector_of_a_hole),
		cmocka_unit_test(bound_and_arpl_look_at_what_is_there),
		cmocka_unit_test(what_accesses_no_memory_is_carried_out),
		cmocka_unit_test(vector_instructions_want_what_enables_them),
		cmocka_unit_test(aligned_moves_want_aligned_addresses),
		cmocka_unit_test(a_form_of_xsave_that_the_processor_lacks_is_not_run),
		cmocka_unit_test(an_area_is_one_access_each_way),
		cmocka_unit_test(a_fault_leaves_the_vector_registers),
		cmocka_unit_test(what_a_hole_holds_is_no_state_to_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
