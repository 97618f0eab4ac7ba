/* SPDX-License-Identifier: MIT */
/* vmm/emulate: 16- and 32-bit code, which a 64-bit process cannot compare with its processor. */
#include "rigs/emulated.h"

/* SDM Vol. 2A Table "16-Bit Addressing Forms with the ModR/M Byte" */
static void addresses_16(void **state)
{
	/* clang-format off */
	static const struct {
		uint8_t modrm;
		uint8_t displacement[2];
		unsigned length;
		uint32_t linear;
	} cases[] = {
		{0x00, {0},          2, 0x20000 + 0x1100}, /* BX+SI */
		{0x01, {0},          2, 0x20000 + 0x1200}, /* BX+DI */
		{0x02, {0},          2, 0x40000 + 0x2100}, /* BP+SI: stack segment */
		{0x03, {0},          2, 0x40000 + 0x2200}, /* BP+DI */
		{0x04, {0},          2, 0x20000 + 0x100},  /* SI */
		{0x05, {0},          2, 0x20000 + 0x200},  /* DI */
		{0x06, {0x34, 0x12}, 4, 0x20000 + 0x1234}, /* disp16 */
		{0x07, {0},          2, 0x20000 + 0x1000}, /* BX */
		{0x46, {0xf0},       3, 0x40000 + 0x1ff0}, /* BP-10h */
		{0x47, {0x7f},       3, 0x20000 + 0x107f}, /* BX+7Fh */
		{0x80, {0x00, 0xff}, 4, 0x20000 + 0x1000}, /* BX+SI-100h */
		{0x86, {0x00, 0xe0}, 4, 0x40000 + 0x0000}, /* BP-2000h */
		{0x87, {0x00, 0xf0}, 4, 0x20000 + 0x0000}, /* BX+F000h wraps at 64 KiB */
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t bytes[4] = {0x8a, cases[i].modrm, cases[i].displacement[0], cases[i].displacement[1]};

		real_mode();
		cpu.gpr[RBX] = 0xffff1000; /* upper halves take no part */
		cpu.gpr[RBP] = 0x2000;
		cpu.gpr[RSI] = 0x70100;
		cpu.gpr[RDI] = 0x200;
		cpu.gpr[RAX] = 0x1234;
		memory[cases[i].linear] = 0x5a;
		assert_int_equal(run_bytes(bytes, cases[i].length), EMULATE_OK);
		assert_int_equal(cpu.gpr[RAX], 0x125a);
		assert_int_equal(cpu.rip, 0x100 + cases[i].length);
	}
}

static void addresses_32(void **state)
{
	(void)state;
	real_mode();
	cpu.gpr[RAX] = 0x100;
	cpu.gpr[RCX] = 0x20;
	poke(0x20000 + 0x100 + 4 * 0x20 + 8, 0x11223344, 4);
	STEP(0x66, 0x67, 0x8b, 0x54, 0x88, 0x08); /* mov edx, [eax+ecx*4+8] */
	assert_int_equal(cpu.gpr[RDX], 0x11223344);

	protected_32();
	poke(0x5000, 0xaabbccdd, 4);
	STEP(0x8b, 0x05, 0x00, 0x50, 0x00, 0x00); /* mov eax, [5000h]: not relative to EIP here */
	assert_int_equal(cpu.gpr[RAX], 0xaabbccdd);
	cpu.gpr[RBX] = 0x4000;
	cpu.gpr[RSI] = 0x1000;
	STEP(0x67, 0x8b, 0x08); /* mov ecx, [bx+si] */
	assert_int_equal(cpu.gpr[RCX], 0xaabbccdd);
	STEP(0x66, 0xa1, 0x00, 0x50, 0x00, 0x00); /* mov ax, [5000h] */
	assert_int_equal(cpu.gpr[RAX], 0xaabbccdd);
	cpu.gpr[RBX] = 0xfffff000;
	STEP(0x66, 0x0f, 0xbe, 0x93, 0x00, 0x60, 0x00, 0x00); /* movsx dx, [ebx+6000h]: wraps at 4 GiB */
	assert_int_equal(cpu.gpr[RDX] & 0xffff, 0xffdd);
	STEP(0x67, 0xa0, 0x00, 0x50); /* mov al, [5000h] by a 16-bit offset */
	cpu.segment[SEG_GS].base = 0x1000;
	STEP(0x65, 0xa1, 0x00, 0x40, 0x00, 0x00);
	assert_int_equal(cpu.gpr[RAX], 0xaabbccdd);
}

static void segment_registers(void **state)
{
	(void)state;
	real_mode();
	load_segment(SEG_ES, 0xb800);
	STEP(0x26, 0xc6, 0x06, 0x10, 0x00, 0x41); /* mov byte [es:10h], 'A' */
	assert_int_equal(memory[0xb8010], 0x41);
	STEP(0x66, 0x8c, 0x06, 0x20, 0x00); /* mov [20h], es: always a word */
	assert_int_equal(last_size, 2);
	assert_int_equal(peek(0x20020, 4), 0xb800);
	STEP(0x06); /* push es */
	assert_int_equal(peek(0x40ffe, 2), 0xb800);

	protected_32();
	cpu.segment[SEG_DS].selector = 0x18;
	STEP(0x1e); /* push ds */
	assert_int_equal(peek(0xffc, 4), 0x18);
	STEP(0x0f, 0xa8); /* push gs */
	assert_int_equal(cpu.gpr[RSP], 0xff8);
	FAULTS(VECTOR_UD, 0x8c, 0x33); /* mov [ebx], segment register 6 */
	assert_int_equal(accesses, 0);
}

static void segment_loads_in_real_mode(void **state)
{
	(void)state;
	real_mode();
	poke(0x20010, 0x12345678, 4);
	STEP(0x8e, 0x06, 0x10, 0x00); /* mov es, [10h] */
	assert_int_equal(cpu.segment[SEG_ES].base, 0x56780);
	assert_int_equal(cpu.segments_loaded, 1 << SEG_ES);
	STEP(0xc5, 0x36, 0x10, 0x00); /* lds si, [10h] */
	assert_int_equal(cpu.segment[SEG_DS].base, 0x12340);
	assert_int_equal(cpu.gpr[RSI], 0x5678);
	poke(0x41000, 0x4321, 2);
	STEP(0x0f, 0xa1); /* pop fs */
	assert_int_equal(cpu.segment[SEG_FS].selector, 0x4321);
	assert_int_equal(cpu.gpr[RSP], 0x1002);
	FAULTS(VECTOR_UD, 0x8e, 0x0e, 0x10, 0x00); /* mov cs */
	assert_int_equal(cpu.segments_loaded, 0);
}

static void pusha_popa(void **state)
{
	(void)state;
	real_mode();
	for (unsigned i = 0; i < 8; i++)
		if (i != RSP)
			cpu.gpr[i] = 0x1110 * (i + 1);
	STEP(0x60);
	assert_int_equal(cpu.gpr[RSP], 0xff0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(peek(0x40ffe - 2 * i, 2), i == RSP ? 0x1000 : 0x1110 * (i + 1));
	memset(cpu.gpr, 0, sizeof(cpu.gpr));
	cpu.gpr[RSP] = 0xff0;
	STEP(0x61);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(cpu.gpr[i], i == RSP ? 0x1000 : 0x1110 * (i + 1));

	protected_32();
	cpu.gpr[RDI] = 0xd1d1d1d1;
	STEP(0x60);
	assert_int_equal(cpu.gpr[RSP], 0x1000 - 32);
	assert_int_equal(peek(0x1000 - 32, 4), 0xd1d1d1d1);
	cpu.gpr[RDI] = 0;
	STEP(0x61);
	assert_int_equal(cpu.gpr[RDI], 0xd1d1d1d1);
}

static void stack_16_and_32(void **state)
{
	(void)state;
	real_mode();
	cpu.gpr[RSP] = 0xabcd0000; /* SP wraps, the upper half stays */
	cpu.gpr[RAX] = 0x1234;
	STEP(0x50);
	assert_int_equal(cpu.gpr[RSP], 0xabcdfffe);
	assert_int_equal(peek(0x4fffe, 2), 0x1234);
	STEP(0x66, 0x6a, 0xff); /* push dword -1 */
	assert_int_equal(cpu.gpr[RSP], 0xabcdfffa);
	assert_int_equal(peek(0x4fffa, 4), 0xffffffff);
	STEP(0x54); /* push sp: the value before */
	assert_int_equal(peek(0x4fff8, 2), 0xfffa);
	STEP(0xc8, 0x10, 0x00, 0x00); /* enter 10h, 0 */
	assert_int_equal(cpu.gpr[RBP], 0xfff6);
	assert_int_equal(cpu.gpr[RSP], 0xabcdffe6);
	STEP(0xc9); /* leave */
	assert_int_equal(cpu.gpr[RSP], 0xabcdfff8);

	protected_32();
	poke(0x1000, 0x77, 4);
	STEP(0x8f, 0x44, 0x24, 0x08); /* pop [esp+8]: ESP after the pop */
	assert_int_equal(peek(0x100c, 4), 0x77);
	cpu.gpr[RSP] = 0x1000;
	STEP(0x5c); /* pop esp */
	assert_int_equal(cpu.gpr[RSP], 0x77);
	assert_int_equal(RUN(0xc8, 0x10, 0x00, 0x01), EMULATE_UNSUPPORTED); /* enter 10h, 1 */
}

static void near_branches(void **state)
{
	(void)state;
	real_mode();
	cpu.rip = 0xfff0;
	assert_int_equal(RUN(0xe8, 0x20, 0x00), EMULATE_OK); /* call +20h: IP wraps */
	assert_int_equal(cpu.rip, 0x13);
	assert_int_equal(peek(0x40ffe, 2), 0xfff3);
	assert_int_equal(RUN(0xc2, 0x04, 0x00), EMULATE_OK); /* ret 4 */
	assert_int_equal(cpu.rip, 0xfff3);
	assert_int_equal(cpu.gpr[RSP], 0x1004);
	poke(0x20010, 0x1234, 2);
	assert_int_equal(RUN(0xff, 0x26, 0x10, 0x00), EMULATE_OK); /* jmp [10h] */
	assert_int_equal(cpu.rip, 0x1234);

	protected_32();
	cpu.rip = 0x12345;
	assert_int_equal(RUN(0x66, 0xe8, 0x02, 0x00), EMULATE_OK); /* a 16-bit branch cuts EIP */
	assert_int_equal(cpu.rip, 0x234b);
	assert_int_equal(peek(0xffe, 2), 0x2349);
	poke(0x2000, 0x123456, 4);
	assert_int_equal(RUN(0xff, 0x15, 0x00, 0x20, 0x00, 0x00), EMULATE_OK); /* call [2000h] */
	assert_int_equal(cpu.rip, 0x123456);
	assert_int_equal(peek(0xffa, 4), 0x2351);
	cpu.segment[SEG_CS].limit = 0xffff;
	cpu.rip = 0xff00;
	FAULTS(VECTOR_GP, 0xe8, 0x00, 0x10, 0x00, 0x00); /* beyond the limit */
	assert_int_equal(accesses, 0);                   /* nothing pushed */
	FAULTS(VECTOR_GP, 0xff, 0x25, 0x00, 0x20, 0x00, 0x00);
}

static void arithmetic_16_and_32(void **state)
{
	(void)state;
	real_mode();
	cpu.gpr[RAX] = 0xffff7fff;
	STEP(0xff, 0xc0); /* inc ax */
	assert_int_equal(cpu.gpr[RAX], 0xffff8000);
	assert_int_equal(cpu.rflags & (CF | PF | AF | ZF | SF | OF), PF | AF | SF | OF);
	STEP(0x66, 0x81, 0xc0, 0x00, 0x80, 0x00, 0x00); /* add eax, 8000h */
	assert_int_equal(cpu.gpr[RAX], 0);
	assert_int_equal(cpu.rflags & (CF | ZF), CF | ZF);
	STEP(0x82, 0xd0, 0x7f); /* adc al, 7Fh by the alias of 80h */
	assert_int_equal(cpu.gpr[RAX], 0x80);
	protected_32();
	poke(0x3000, 5, 4);
	cpu.gpr[RBX] = 0x3000;
	STEP(0xf0, 0xff, 0x0b); /* lock dec dword [ebx] */
	assert_int_equal(peek(0x3000, 4), 4);
	cpu.gpr[RAX] = 0;
	STEP(0xff, 0xc8); /* dec eax */
	assert_int_equal(cpu.gpr[RAX], 0xffffffff);
	cpu.gpr[RAX] = (uint32_t)-33;
	STEP(0x0f, 0xa3, 0x03); /* bt [ebx], eax: two units below */
	assert_int_equal(last_address, 0x3000 - 8);
	assert_int_equal(last_size, 4);
	STEP(0x0f, 0xba, 0x2b, 0x21); /* bts [ebx], 33: the same as 1 */
	assert_int_equal(peek(0x3000, 4), 6);
}

/*
 * Only branches cut EIP to 16 bits; what follows the last byte of a segment is beyond its limit:
 * #GP.
 */
static void eip_goes_on_beyond_64k_in_16_bit_code(void **state)
{
	(void)state;
	real_mode();
	cpu.segment[SEG_CS].limit = 0xfffff;
	cpu.rip = 0x12340;
	assert_int_equal(RUN(0xa0, 0x00, 0x50), EMULATE_OK); /* mov al, [5000h] */
	assert_int_equal(cpu.rip, 0x12343);
	cpu.rip = 0xfffd;
	assert_int_equal(RUN(0xa0, 0x00, 0x50), EMULATE_OK);
	assert_int_equal(cpu.rip, 0x10000);
}

static void string_wraps(void **state)
{
	(void)state;
	real_mode();
	cpu.gpr[RSI] = 0x1fffe;
	cpu.gpr[RDI] = 0x2fffc;
	cpu.gpr[RCX] = 0x50003;
	poke(0x2fffe, 0xbeef, 2);
	poke(0x20000, 0x1111, 2);
	poke(0x20002, 0x2222, 2);
	STEP(0xf3, 0xa5); /* rep movsw, over the end of both segments */
	assert_int_equal(peek(0x3fffc, 4), 0x1111beef);
	assert_int_equal(peek(0x30000, 2), 0x2222);
	assert_int_equal(cpu.gpr[RSI], 0x10004);
	assert_int_equal(cpu.gpr[RDI], 0x20002);
	assert_int_equal(cpu.gpr[RCX], 0x50000);
	cpu.rflags |= DF;
	cpu.gpr[RDI] = 1;
	cpu.gpr[RAX] = 0xaa;
	cpu.gpr[RCX] = 3;
	STEP(0xf3, 0xaa); /* rep stosb, downwards */
	assert_int_equal(memory[0x30001], 0xaa);
	assert_int_equal(memory[0x30000], 0xaa);
	assert_int_equal(memory[0x3ffff], 0xaa);
	assert_int_equal(cpu.gpr[RDI], 0xfffe);
	cpu.rflags &= ~DF;
	cpu.gpr[RSI] = 4;
	poke(0x30004, 0x99, 1);
	STEP(0x26, 0xac); /* es lodsb: only the source can be overridden */
	assert_int_equal(cpu.gpr[RAX], 0x99);
}

static void repeated_comparison(void **state)
{
	(void)state;
	protected_32();
	memcpy(memory + 0x2000, "console=ttyS0", 14);
	memcpy(memory + 0x3000, "console=tty0", 13);
	cpu.gpr[RSI] = 0x2000;
	cpu.gpr[RDI] = 0x3000;
	cpu.gpr[RCX] = 13;
	STEP(0xf3, 0xa6); /* repe cmpsb */
	assert_int_equal(cpu.gpr[RCX], 1);
	assert_int_equal(cpu.gpr[RSI], 0x200c);
	assert_false(cpu.rflags & ZF);
	cpu.gpr[RAX] = '=';
	cpu.gpr[RDI] = 0x3000;
	cpu.gpr[RCX] = 0xffffffff;
	STEP(0xf2, 0xae); /* repne scasb */
	assert_int_equal(cpu.gpr[RDI], 0x3008);
	assert_true(cpu.rflags & ZF);
	cpu.gpr[RCX] = 0;
	cpu.rflags &= ~ZF;
	STEP(0xf3, 0xa6); /* no iteration: flags stay */
	assert_int_equal(accesses, 0);
	assert_false(cpu.rflags & ZF);
}

static void pushf_by_mode(void **state)
{
	(void)state;
	protected_32();
	cpu.rflags |= RF | CF;
	STEP(0x9c);
	assert_int_equal(peek(0xffc, 4), 3); /* without RF */
	assert_int_equal(cpu.rflags & RF, 0);
	virtual_8086(3);
	STEP(0x9c);
	assert_int_equal(peek(0x40ffe, 2), 0x3002);
	virtual_8086(0);
	FAULTS(VECTOR_GP, 0x9c);
	cpu.cr4 = 1; /* VME: another image */
	assert_int_equal(RUN(0x9c), EMULATE_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_16),
		cmocka_unit_test(addresses_32),
		cmocka_unit_test(segment_registers),
		cmocka_unit_test(segment_loads_in_real_mode),
		cmocka_unit_test(pusha_popa),
		cmocka_unit_test(stack_16_and_32),
		cmocka_unit_test(near_branches),
		cmocka_unit_test(arithmetic_16_and_32),
		cmocka_unit_test(eip_goes_on_beyond_64k_in_16_bit_code),
		cmocka_unit_test(string_wraps),
		cmocka_unit_test(repeated_comparison),
		cmocka_unit_test(pushf_by_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
