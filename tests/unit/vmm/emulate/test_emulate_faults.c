/* SPDX-License-Identifier: MIT */
/* vmm/emulate: what must fault, and that a fault at any access leaves everything as it was. */
#include "rigs/emulated.h"

static void segment_limits(void **state)
{
	(void)state;
	real_mode();
	cpu.gpr[RBX] = 0xffff;
	STEP(0x8a, 0x07);              /* mov al, [bx] */
	FAULTS(VECTOR_GP, 0x8b, 0x07); /* mov ax, [bx]: real mode has no error codes */
	FAULTS(VECTOR_GP, 0x89, 0x07);
	cpu.gpr[RBP] = 0xffff;
	FAULTS(VECTOR_SS, 0x8b, 0x46, 0x00); /* mov ax, [bp] */
	cpu.gpr[RSP] = 1;
	FAULTS(VECTOR_SS, 0x50);
	FAULTS(VECTOR_GP, 0x67, 0x8a, 0x05, 0x00, 0x00, 0x01, 0x00); /* beyond 64 KiB by a 32-bit address */
	cpu.segment[SEG_DS].limit = 0xffffffff;                      /* "unreal" */
	STEP(0x67, 0x8a, 0x05, 0x00, 0x00, 0x01, 0x00);
	assert_int_equal(last_address, 0x30000);

	protected_32();
	cpu.segment[SEG_DS].limit = 0xfff;
	cpu.gpr[RBX] = 0xffc;
	STEP(0x8b, 0x03);
	cpu.gpr[RBX] = 0xffd;
	FAULTS(VECTOR_GP, 0x8b, 0x03);
	cpu.segment[SEG_SS].limit = 0xfff;
	FAULTS(VECTOR_SS, 0x58); /* pop eax at 1000h */
}

static void expand_down(void **state)
{
	(void)state;
	protected_32();
	cpu.segment[SEG_DS].access = 0xc097;
	cpu.segment[SEG_DS].limit = 0xfff;
	cpu.gpr[RBX] = 0xfff;
	FAULTS(VECTOR_GP, 0x8a, 0x03);
	cpu.gpr[RBX] = 0x1000;
	STEP(0x8b, 0x03);
	cpu.gpr[RBX] = 0xfffffffd;
	FAULTS(VECTOR_GP, 0x8b, 0x03);
	cpu.segment[SEG_DS].access = 0x97; /* B clear: up to FFFFh */
	cpu.gpr[RBX] = 0xffff;
	STEP(0x8a, 0x03);
	FAULTS(VECTOR_GP, 0x66, 0x8b, 0x03);
}

static void segment_types(void **state)
{
	(void)state;
	protected_32();
	FAULTS(VECTOR_GP, 0x2e, 0x88, 0x03); /* mov [cs:ebx], al */
	FAULTS(VECTOR_GP, 0x2e, 0x00, 0x03); /* add [cs:ebx], al */
	assert_int_equal(accesses, 0);
	STEP(0x2e, 0x8a, 0x03);
	cpu.segment[SEG_CS].access = 0xc099; /* execute-only */
	FAULTS(VECTOR_GP, 0x2e, 0x8a, 0x03);
	cpu.segment[SEG_DS].access = 0xc091; /* read-only */
	STEP(0x8a, 0x03);
	FAULTS(VECTOR_GP, 0x88, 0x03);
	FAULTS(VECTOR_GP, 0x0f, 0xb0, 0x0b); /* cmpxchg [ebx], cl */
	STEP(0x38, 0x03);                    /* cmp [ebx], al only reads */
	cpu.segment[SEG_ES].access |= SEGMENT_UNUSABLE;
	FAULTS(VECTOR_GP, 0x26, 0x8a, 0x03);
	FAULTS(VECTOR_GP, 0xaa);
	real_mode();
	STEP(0x2e, 0x88, 0x07); /* no types in real mode */
	virtual_8086(0);
	STEP(0x2e, 0x88, 0x07);
}

static void canonical_addresses(void **state)
{
	(void)state;
	long_mode();
	cpu.gpr[RBX] = 0x7fffffffffff;
	FAULTS(VECTOR_PF, 0x8a, 0x03); /* the last one below the hole: ours to translate */
	FAULTS(VECTOR_GP, 0x8b, 0x03);
	cpu.gpr[RBX] = 0x800000000000;
	FAULTS(VECTOR_GP, 0x8a, 0x03);
	cpu.gpr[RBP] = 0x800000000000;
	FAULTS(VECTOR_SS, 0x8a, 0x45, 0x00);
	FAULTS(VECTOR_GP, 0xff, 0xe5); /* jmp rbp */
	FAULTS(VECTOR_GP, 0xff, 0xd5); /* call rbp: nothing pushed */
	assert_int_equal(accesses, 0);
	poke(0x1000, 0x800000000000, 8);
	FAULTS(VECTOR_GP, 0xc3);
	cpu.gpr[RSP] = 0x800000000000;
	FAULTS(VECTOR_SS, 0x58);
	cpu.segment[SEG_FS].base = 0x2000;
	poke(0x2010, 0x42, 8);
	STEP(0x64, 0x48, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0); /* mov rax, [fs:10h] */
	assert_int_equal(cpu.gpr[RAX], 0x42);
	cpu.segment[SEG_DS].base = 0x5000; /* counts for nothing */
	cpu.segment[SEG_DS].limit = 0;
	STEP(0xa0, 0x10, 0x20, 0, 0, 0, 0, 0, 0);
	assert_int_equal(last_address, 0x2010);
	/* RIP-relative: from the end, immediate included. */
	STEP(0xc7, 0x05, 0x00, 0x10, 0x00, 0x00, 0x78, 0x56, 0x34, 0x12);
	assert_int_equal(last_address, cpu.rip + 0x1000);
}

static void alignment_check(void **state)
{
	(void)state;
	protected_32();
	cpu.cr0 |= 1 << 18;
	cpu.rflags |= AC;
	cpu.gpr[RBX] = 0x2001;
	STEP(0x8b, 0x03); /* CPL 0 */
	cpu.cpl = 3;
	FAULTS(VECTOR_AC, 0x8b, 0x03);
	assert_int_equal(cpu.fault.error_code, 0);
	STEP(0x8a, 0x03);
	cpu.gpr[RSP] = 0x1002;
	FAULTS(VECTOR_AC, 0x50);
	cpu.rflags &= ~AC;
	STEP(0x8b, 0x03);
	long_mode();
	cpu.gpr[RBX] = 0x2008;
	FAULTS(VECTOR_GP, 0x48, 0x0f, 0xc7, 0x0b); /* cmpxchg16b wants 16 always */
	STEP(0x0f, 0xc7, 0x0b);
}

static void invalid_encodings(void **state)
{
	static const uint8_t not_in_64[] = {0x06, 0x0e, 0x16, 0x1e, 0x60, 0x61, 0x82};

	(void)state;
	long_mode();
	for (size_t i = 0; i < ARRAY_SIZE(not_in_64); i++)
		FAULTS(VECTOR_UD, not_in_64[i], 0, 0, 0, 0, 0, 0);
	FAULTS(VECTOR_UD, 0xf0, 0x89, 0x03); /* lock mov */
	FAULTS(VECTOR_UD, 0xf0, 0x01, 0xc3); /* lock add ebx, eax */
	FAULTS(VECTOR_UD, 0xf0, 0x03, 0x03); /* lock add eax, [rbx] */
	FAULTS(VECTOR_UD, 0xf0, 0x39, 0x03); /* lock cmp */
	FAULTS(VECTOR_UD, 0xf0, 0xa4);       /* lock movs */
	FAULTS(VECTOR_UD, 0xff, 0xff);       /* what a hole holds */
	FAULTS(VECTOR_UD, 0x0f, 0xff, 0xff); /* UD0: the same with 0Fh before it */
	FAULTS(VECTOR_UD, 0x0f, 0xb9, 0xc0); /* UD1 */
	FAULTS(VECTOR_UD, 0x0f, 0x0b);       /* UD2 */
	STEP(0xf0, 0x01, 0x03);
}

static void unknown_instructions(void **state)
{
	(void)state;
	protected_32();
	assert_int_equal(RUN(0x0f, 0x58, 0x03), EMULATE_UNSUPPORTED);                   /* addps */
	assert_int_equal(RUN(0x62, 0xf1, 0x7c, 0x48, 0x10, 0x03), EMULATE_UNSUPPORTED); /* EVEX */
	assert_int_equal(RUN(0x0f, 0x01, 0x3b), EMULATE_UNSUPPORTED);                   /* invlpg */
	assert_int_equal(RUN(0xf2, 0x0f, 0x38, 0xf1, 0x03), EMULATE_UNSUPPORTED);       /* crc32 */
	assert_int_equal(RUN(0xcd, 0x80), EMULATE_UNSUPPORTED);
	assert_int_equal(RUN(0xf4), EMULATE_UNSUPPORTED);
	assert_int_equal(RUN(0xc5, 0xf8, 0x77), EMULATE_UNSUPPORTED);       /* vzeroupper */
	assert_int_equal(RUN(0x66, 0x0f, 0xae, 0x3b), EMULATE_OK);          /* clflushopt [ebx] */
	assert_int_equal(RUN(0x0f, 0xae, 0xf8), EMULATE_UNSUPPORTED);       /* sfence */
	assert_int_equal(RUN(0x0f, 0xc7, 0xc8), EMULATE_UNSUPPORTED);       /* cmpxchg8b of a register */
	assert_int_equal(RUN(0x0f, 0xc3, 0xc0), EMULATE_UNSUPPORTED);       /* movnti to a register */
	assert_int_equal(RUN(0x0f, 0x38, 0xf0, 0xc0), EMULATE_UNSUPPORTED); /* movbe of one */
	assert_int_equal(RUN(0x8c, 0xd8), EMULATE_UNSUPPORTED);             /* mov eax, ds */
	assert_int_equal(RUN(0x0f, 0xb8, 0x03), EMULATE_UNSUPPORTED);       /* popcnt without F3h */
	assert_int_equal(accesses, 0);
}

static void lengths(void **state)
{
	uint8_t prefixed[16];

	(void)state;
	protected_32();
	assert_int_equal(run_bytes(NULL, 0), EMULATE_UNSUPPORTED);
	assert_int_equal(RUN(0x81, 0x05, 0, 0x20, 0, 0, 1, 0, 0), EMULATE_UNSUPPORTED); /* a byte short */
	memset(prefixed, 0x3e, sizeof(prefixed));
	prefixed[13] = 0x8b;
	prefixed[14] = 0x03;
	assert_int_equal(run_bytes(prefixed, 15), EMULATE_OK);
	assert_int_equal(cpu.rip, 0x10f);
	prefixed[13] = 0x3e;
	prefixed[14] = 0x8b;
	assert_int_equal(run_bytes(prefixed, 15), EMULATE_FAULT);
	assert_int_equal(cpu.fault.vector, VECTOR_GP);
	assert_int_equal(run_bytes(prefixed, 14), EMULATE_UNSUPPORTED);
}

static void divide_error(void **state)
{
	(void)state;
	protected_32();
	FAULTS(VECTOR_DE, 0xf7, 0xf3); /* by zero */
	cpu.gpr[RBX] = 0xffffffff;
	cpu.gpr[RAX] = 0x80000000;
	cpu.gpr[RDX] = 0xffffffff;
	FAULTS(VECTOR_DE, 0xf7, 0xfb); /* the least number by -1 */
	cpu.gpr[RAX]++;
	STEP(0xf7, 0xfb);
	assert_int_equal(cpu.gpr[RAX], 0x7fffffff);
}

static void rep_is_bounded(void **state)
{
	(void)state;
	protected_32();
	cpu.gpr[RCX] = 10;
	cpu.gpr[RDI] = 0x2000;
	cpu.gpr[RAX] = 0x55;
	cpu.max_iterations = 4;
	assert_int_equal(RUN(0xf3, 0xaa), EMULATE_AGAIN);
	assert_int_equal(cpu.rip, 0x100);
	assert_int_equal(cpu.gpr[RCX], 6);
	assert_int_equal(cpu.gpr[RDI], 0x2004);
	assert_int_equal(RUN(0xf3, 0xaa), EMULATE_AGAIN);
	assert_int_equal(RUN(0xf3, 0xaa), EMULATE_OK);
	assert_int_equal(cpu.rip, 0x102);
	assert_int_equal(cpu.gpr[RCX], 0);
	cpu.gpr[RCX] = 2;
	cpu.max_iterations = 0; /* still makes progress */
	assert_int_equal(RUN(0xf3, 0xaa), EMULATE_AGAIN);
	assert_int_equal(RUN(0xf3, 0xaa), EMULATE_OK);
	cpu.gpr[RCX] = 3;
	cpu.max_iterations = 100;
	cpu.rflags |= TF; /* a trap is due after each */
	assert_int_equal(RUN(0xf3, 0xaa), EMULATE_AGAIN);
	assert_int_equal(cpu.gpr[RCX], 2);
}

static void rep_faults_in_the_middle(void **state)
{
	(void)state;
	protected_32();
	cpu.gpr[RCX] = 8;
	cpu.gpr[RSI] = 0x2000;
	cpu.gpr[RDI] = MEMORY_SIZE - 12;
	assert_int_equal(RUN(0xf3, 0xa5), EMULATE_AGAIN); /* three fit */
	assert_int_equal(cpu.gpr[RCX], 5);
	assert_int_equal(cpu.gpr[RSI], 0x200c);
	assert_int_equal(cpu.gpr[RDI], MEMORY_SIZE);
	FAULTS(VECTOR_PF, 0xf3, 0xa5);
	assert_int_equal(cpu.fault.cr2, MEMORY_SIZE);
}

static bool refuse_writes(struct emulate_context *context, gva_t address, void *data, unsigned size,
                          enum emulate_access access)
{
	if (access == EMULATE_CHECK_WRITE)
		address += MEMORY_SIZE;
	return memory_access(context, address, data, size, access);
}

/* A device is not read for a move that cannot be finished. */
static void check_comes_first(void **state)
{
	(void)state;
	protected_32();
	cpu.access = refuse_writes;
	FAULTS(VECTOR_PF, 0xa4);
	assert_int_equal(accesses, 2); /* the check of the source is the first */
	FAULTS(VECTOR_PF, 0xff, 0x33); /* push [ebx] */
	assert_int_equal(accesses, 2);
	FAULTS(VECTOR_PF, 0x60); /* pusha */
	assert_int_equal(accesses, 1);
	FAULTS(VECTOR_PF, 0xc8, 0x10, 0x00, 0x00); /* enter */
	assert_int_equal(accesses, 1);
}

static void checks_ask_for_what_follows(void **state)
{
	(void)state;
	protected_32();
	fail_at = 1;
	FAULTS(VECTOR_PF, 0xa6); /* cmps */
	assert_int_equal(last_access, EMULATE_CHECK_READ);
	FAULTS(VECTOR_PF, 0x01, 0x03); /* add [ebx], eax */
	assert_int_equal(last_access, EMULATE_READ_FOR_WRITE);
	FAULTS(VECTOR_PF, 0x39, 0x03); /* cmp [ebx], eax */
	assert_int_equal(last_access, EMULATE_READ);
	FAULTS(VECTOR_PF, 0x0f, 0xae, 0x3b); /* clflush */
	assert_int_equal(last_access, EMULATE_CHECK_READ);
	fail_at = 2;
	FAULTS(VECTOR_PF, 0xa6);
	assert_int_equal(last_access, EMULATE_CHECK_READ);
}

/*
 * The linear address space ends within an operand: whose memory it is sees one access that wraps.
 */
static void wraps_at_4g(void **state)
{
	(void)state;
	protected_32();
	cpu.segment[SEG_DS].base = 0xfffff000;
	cpu.gpr[RBX] = 0xffe;
	FAULTS(VECTOR_PF, 0x8b, 0x03);
	assert_int_equal(cpu.fault.cr2, 0xfffffffe);
	assert_int_equal(last_size, 4);
	cpu.gpr[RBX] = 0x1000;
	STEP(0x8b, 0x03);
	assert_int_equal(last_address, 0);
}

struct atom {
	uint8_t length, bytes[9];
};

/*
 * Fail the first access, the second... until the instruction needs no more: no register may have
 * moved.
 */
static void no_half_done(void **state)
{
	static const struct atom atoms[] = {
		{2, {0x8b, 0x03}},             /* mov eax, [ebx] */
		{2, {0x89, 0x03}},             /* mov [ebx], eax */
		{2, {0x01, 0x03}},             /* add [ebx], eax */
		{2, {0x87, 0x03}},             /* xchg */
		{3, {0x0f, 0xc1, 0x03}},       /* xadd */
		{3, {0x0f, 0xb1, 0x0b}},       /* cmpxchg */
		{3, {0x0f, 0xc7, 0x0b}},       /* cmpxchg8b */
		{3, {0xc1, 0x03, 0x05}},       /* rol */
		{4, {0x0f, 0xa4, 0x03, 0x05}}, /* shld */
		{3, {0x0f, 0xbb, 0x0b}},       /* btc */
		{2, {0xf7, 0x23}},             /* mul */
		{2, {0xf7, 0x33}},             /* div */
		{2, {0xff, 0x33}},             /* push [ebx] */
		{2, {0x8f, 0x03}},             /* pop [ebx] */
		{1, {0x60}},                   /* pusha */
		{1, {0x61}},                   /* popa */
		{4, {0xc8, 0x10, 0x00, 0x00}}, /* enter */
		{1, {0xc9}},                   /* leave */
		{2, {0xff, 0x13}},             /* call [ebx] */
		{3, {0xc2, 0x08, 0x00}},       /* ret 8 */
		{1, {0xa5}},                   /* movs */
		{1, {0xa7}},                   /* cmps */
		{2, {0xf3, 0xab}},             /* rep stos */
		{2, {0xf3, 0xad}},             /* rep lods */
		{2, {0xf2, 0xaf}},             /* repne scas */
		{1, {0xd7}},                   /* xlat */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(atoms); i++) {
		enum emulate_status status = EMULATE_FAULT;
		unsigned fail;

		for (fail = 1; status != EMULATE_OK; fail++) {
			struct emulate_context before;

			assert_in_range(fail, 1, 40);
			protected_32();
			cpu.gpr[RAX] = 0x40;
			cpu.gpr[RCX] = 1;
			cpu.gpr[RBX] = 0x2000;
			cpu.gpr[RBP] = 0x3000;
			cpu.gpr[RSI] = 0x4000;
			cpu.gpr[RDI] = 0x5000;
			poke(0x1000, 0x999, 4);
			poke(0x2000, 0x777, 4);
			fail_at = fail;
			before = cpu;
			status = run_bytes(atoms[i].bytes, atoms[i].length);
			if (status == EMULATE_OK)
				break;
			assert_int_equal(status, EMULATE_FAULT);
			assert_int_equal(cpu.fault.vector, VECTOR_PF);
			assert_int_equal(accesses, fail);
			assert_memory_equal(cpu.gpr, before.gpr, sizeof(cpu.gpr));
			assert_int_equal(cpu.rip, before.rip);
			assert_int_equal(cpu.rflags, before.rflags);
		}
		assert_true(fail > 1); /* each of them touches memory */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segment_limits),
		cmocka_unit_test(expand_down),
		cmocka_unit_test(segment_types),
		cmocka_unit_test(canonical_addresses),
		cmocka_unit_test(alignment_check),
		cmocka_unit_test(invalid_encodings),
		cmocka_unit_test(unknown_instructions),
		cmocka_unit_test(lengths),
		cmocka_unit_test(divide_error),
		cmocka_unit_test(rep_is_bounded),
		cmocka_unit_test(rep_faults_in_the_middle),
		cmocka_unit_test(check_comes_first),
		cmocka_unit_test(checks_ask_for_what_follows),
		cmocka_unit_test(wraps_at_4g),
		cmocka_unit_test(no_half_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
