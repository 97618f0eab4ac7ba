/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables, selectors and far pointers in memory. What is loaded from a hole is all ones:
 * that selects the last entry of an LDT of full size, which no descriptor table is known to have.
 */
#include "vmm/emulate/emulation.h"
#include "lib/string.h"

#define SELECTOR_OF_HOLE 0xffff
#define SELECTOR_NULL(s) (!((s) & ~3U))

static bool in_protected_mode(const struct emulation *e)
{
	return e->segment_mode != SEGMENT_MODE_REAL;
}

/* SDM Vol. 3A "User-mode instruction prevention". */
static bool system_store_allowed(struct emulation *e)
{
	return !e->context->cpl || !(e->context->cr4 & CR4_UMIP) || emulation_fault(e, EXCEPTION_GP);
}

/* SLDT and STR; argument: enum emulate_system. */
bool execute_store_selector(struct emulation *e)
{
	struct segment segment;

	if (!in_protected_mode(e))
		return emulation_fault(e, EXCEPTION_UD);
	if (!system_store_allowed(e))
		return false;
	e->context->system(e->context, e->opcode.argument, &segment, false);
	return operand_write(e, &e->destination, segment.selector);
}

bool execute_smsw(struct emulation *e)
{
	return system_store_allowed(e) && operand_write(e, &e->destination, e->context->cr0);
}

static unsigned table_size(const struct emulation *e)
{
	return 2 + (e->code_size == 8 ? 8 : 4);
}

/* SGDT, SIDT */
bool execute_store_table(struct emulation *e)
{
	struct segment table;
	uint8_t memory[10];

	if (!system_store_allowed(e))
		return false;
	e->context->system(e->context, e->opcode.argument, &table, false);
	memcpy(memory, &table.limit, 2);
	memcpy(memory + 2, &table.base, 8);
	return segmented_access(e, e->destination.number, e->destination.value, memory, table_size(e),
	                        EMULATE_WRITE);
}

/* LGDT, LIDT: with 16-bit operands, 24 bits of the base count. */
bool execute_load_table(struct emulation *e)
{
	struct segment table = {0};
	uint8_t memory[10] = {0};

	if (e->context->cpl)
		return emulation_fault(e, EXCEPTION_GP);
	if (!segmented_access(e, e->destination.number, e->destination.value, memory, table_size(e),
	                      EMULATE_READ))
		return false;
	memcpy(&table.limit, memory, 2);
	memcpy(&table.base, memory + 2, 8);
	if (e->code_size != 8 && e->operand_size == 2)
		table.base &= 0xffffff;
	if (!is_canonical(table.base))
		return emulation_fault(e, EXCEPTION_GP);
	e->context->system(e->context, e->opcode.argument, &table, true);
	return true;
}

/* There is no such descriptor. Others would have to be read: they are not known. */
static bool selector_refused(struct emulation *e, uint64_t selector)
{
	if (selector != SELECTOR_OF_HOLE)
		return emulation_unsupported(e);
	emulation_fault(e, EXCEPTION_GP);
	e->context->fault.error_code = SELECTOR_OF_HOLE & ~3;
	return false;
}

/* LLDT, LTR */
bool execute_load_selector(struct emulation *e)
{
	uint64_t selector;

	if (!in_protected_mode(e))
		return emulation_fault(e, EXCEPTION_UD);
	if (e->context->cpl)
		return emulation_fault(e, EXCEPTION_GP);
	return operand_read(e, &e->source, &selector) && selector_refused(e, selector);
}

/* VERR, VERW, LAR, LSL: ZF says that there is no such descriptor, or none for the purpose. */
bool execute_verify_selector(struct emulation *e)
{
	uint64_t selector;

	if (!in_protected_mode(e))
		return emulation_fault(e, EXCEPTION_UD);
	if (!operand_read(e, &e->source, &selector))
		return false;
	if (selector != SELECTOR_OF_HOLE && !SELECTOR_NULL(selector))
		return emulation_unsupported(e);
	flag_set(e, RFLAGS_ZF, false);
	return true;
}

/* Of ES to GS; the last thing that an instruction does. */
static bool load_segment(struct emulation *e, unsigned index, uint64_t selector)
{
	struct segment *segment = &e->context->segment[index];

	if (!in_protected_mode(e)) {
		segment->base = (selector & 0xffff) << 4;
	} else if (SELECTOR_NULL(selector & 0xffff) && index != SEG_SS) {
		segment->base = 0;
		segment->access |= SEGMENT_UNUSABLE;
	} else {
		return selector_refused(e, selector & 0xffff);
	}
	segment->selector = selector;
	e->context->segments_loaded |= 1 << index;
	return true;
}

bool execute_mov_sreg(struct emulation *e)
{
	uint64_t selector;

	if ((e->reg & 7) == SEG_CS || (e->reg & 7) > SEG_GS)
		return emulation_fault(e, EXCEPTION_UD);
	return operand_read(e, &e->source, &selector) && load_segment(e, e->reg & 7, selector);
}

bool execute_pop_sreg(struct emulation *e)
{
	uint64_t selector;

	return stack_pop(e, &selector) && load_segment(e, e->opcode.argument, selector);
}

/* LES, LDS, LSS, LFS, LGS */
bool execute_load_far_pointer(struct emulation *e)
{
	uint64_t offset, selector, after = (e->source.value + e->operand_size) & size_mask(e->address_size);

	return operand_read(e, &e->source, &offset) &&
	       segmented_read(e, e->source.number, after, &selector, 2) &&
	       load_segment(e, e->opcode.argument, selector) && operand_write(e, &e->destination, offset);
}

/* CALL and JMP through a far pointer; RETF and IRET, whose pointer is on the stack. */
bool execute_far_branch(struct emulation *e)
{
	bool stack = e->source.place == PLACE_NONE;
	uint64_t offset = stack ? e->gpr[RSP] : e->source.value, selector;

	if (!in_protected_mode(e))
		return emulation_unsupported(e);
	offset = (offset + e->operand_size) & size_mask(stack ? e->stack_size : e->address_size);
	return segmented_read(e, stack ? SEG_SS : e->source.number, offset, &selector, 2) &&
	       selector_refused(e, selector);
}

/* SDM Vol. 2A "BOUND": signed, and both bounds are inside. */
bool execute_bound(struct emulation *e)
{
	unsigned size = e->operand_size;
	uint64_t offset = e->source.value, index, lower, upper;

	if (!operand_read(e, &e->destination, &index) || !operand_read(e, &e->source, &lower) ||
	    !segmented_read(e, e->source.number, (offset + size) & size_mask(e->address_size), &upper, size))
		return false;
	if ((int64_t)sign_extend(index, size) < (int64_t)sign_extend(lower, size) ||
	    (int64_t)sign_extend(index, size) > (int64_t)sign_extend(upper, size))
		return emulation_fault(e, EXCEPTION_BR);
	return true;
}

/* 63h outside 64-bit mode. */
bool execute_arpl(struct emulation *e)
{
	struct operand operand = e->source;
	uint64_t selector, rpl = gpr_read(e, e->reg, 2) & 3;

	if (!in_protected_mode(e))
		return emulation_fault(e, EXCEPTION_UD);
	operand.size = 2;
	if (!operand_read_for_write(e, &operand, &selector))
		return false;
	flag_set(e, RFLAGS_ZF, (selector & 3) < rpl);
	return (selector & 3) >= rpl || operand_write(e, &operand, (selector & ~3UL) | rpl);
}
