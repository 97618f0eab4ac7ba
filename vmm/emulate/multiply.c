/* SPDX-License-Identifier: MIT */
/* MUL, IMUL, DIV, IDIV. Undefined flags stay as they are. */
#include "vmm/emulate/emulation.h"

/* The double-width register operand: AX, DX:AX, EDX:EAX, RDX:RAX as two halves of `size` bytes. */
static void read_pair(const struct emulation *e, unsigned size, uint64_t *high, uint64_t *low)
{
	*low = gpr_read(e, RAX, size);
	*high = size == 1 ? e->gpr[RAX] >> 8 & 0xff : gpr_read(e, RDX, size);
}

static void write_pair(struct emulation *e, unsigned size, uint64_t high, uint64_t low)
{
	if (size == 1) {
		gpr_write(e, RAX, 2, (high & 0xff) << 8 | (low & 0xff));
		return;
	}
	gpr_write(e, RAX, size, low);
	gpr_write(e, RDX, size, high);
}

/* CF and OF: the upper half is more than the extension of the lower. */
static void multiply_wide(struct emulation *e, bool is_signed, uint64_t a, uint64_t b, uint64_t *high,
                          uint64_t *low)
{
	unsigned size = e->operand_size;
	unsigned __int128 product;
	uint64_t extension = 0;

	if (is_signed)
		product = (unsigned __int128)((__int128)(int64_t)sign_extend(a, size) *
		                              (int64_t)sign_extend(b, size));
	else
		product = (unsigned __int128)a * b;
	*low = (uint64_t)product & size_mask(size);
	*high = (uint64_t)(product >> 8 * size) & size_mask(size);
	if (is_signed && (*low & size_sign(size)))
		extension = size_mask(size);
	flag_set(e, RFLAGS_CF | RFLAGS_OF, *high != extension);
}

/* One operand: group 3. */
bool execute_multiply(struct emulation *e)
{
	uint64_t a = gpr_read(e, RAX, e->operand_size);
	uint64_t b, high, low;

	if (!operand_read(e, &e->destination, &b))
		return false;
	multiply_wide(e, e->opcode.argument, a, b, &high, &low);
	write_pair(e, e->operand_size, high, low);
	return true;
}

/* Two operands, or three with an immediate. */
bool execute_imul(struct emulation *e)
{
	const struct operand *other = e->third.place == PLACE_NONE ? &e->destination : &e->third;
	uint64_t a, b, high, low;

	if (!operand_read(e, other, &a) || !operand_read(e, &e->source, &b))
		return false;
	multiply_wide(e, true, a, b, &high, &low);
	return operand_write(e, &e->destination, low);
}

/* Unsigned division of halves of `size` bytes; false: the quotient does not fit. */
static bool divide_wide(unsigned size, uint64_t high, uint64_t low, uint64_t divisor, uint64_t *quotient,
                        uint64_t *remainder)
{
	if (high >= divisor)
		return false;
	if (size < 8) {
		low |= high << 8 * size;
		high = 0;
	}
	/* The compiler would call a library. */
	__asm__("divq %4" : "=a"(*quotient), "=d"(*remainder) : "a"(low), "d"(high), "rm"(divisor) : "cc");
	return true;
}

static void negate_pair(unsigned size, uint64_t *high, uint64_t *low)
{
	*low = -*low & size_mask(size);
	*high = (~*high + !*low) & size_mask(size);
}

/* Truncates towards zero; the remainder has the dividend's sign. */
static bool divide_signed(unsigned size, uint64_t high, uint64_t low, uint64_t divisor, uint64_t *quotient,
                          uint64_t *remainder)
{
	uint64_t sign = size_sign(size);
	bool negative = high & sign;
	bool opposite = negative != !!(divisor & sign);

	if (negative)
		negate_pair(size, &high, &low);
	if (divisor & sign)
		divisor = -divisor & size_mask(size);
	if (!divide_wide(size, high, low, divisor, quotient, remainder))
		return false;
	if (*quotient > sign - !opposite)
		return false;
	if (opposite)
		*quotient = -*quotient;
	if (negative)
		*remainder = -*remainder;
	return true;
}

bool execute_divide(struct emulation *e)
{
	unsigned size = e->operand_size;
	uint64_t divisor, high, low, quotient, remainder;
	bool fits;

	if (!operand_read(e, &e->destination, &divisor))
		return false;
	read_pair(e, size, &high, &low);
	fits = e->opcode.argument ? divide_signed(size, high, low, divisor, &quotient, &remainder)
	                          : divide_wide(size, high, low, divisor, &quotient, &remainder);
	if (!fits)
		return emulation_fault(e, EXCEPTION_DE);
	write_pair(e, size, remainder, quotient);
	return true;
}
