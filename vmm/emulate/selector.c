/*
 * Segment registers: reading selectors in every mode, loading them where that is no
 * more than a shift: SDM Vol. 3B "8086 Emulation", "Virtual-8086 Mode".
 */
#include "vmm/emulate/emulation.h"

#define ACCESS_V86 0xf3 /* present, DPL 3, read/write data, accessed */

static bool is_segment_register(const struct emulation *e)
{
	return (e->reg & 7) <= SEG_GS; /* REX.R is ignored */
}

static bool load_selector(struct emulation *e, enum segment_index segment, uint16_t selector)
{
	if (e->protected_mode)
		return emulation_unsupported(e);
	e->loaded = e->context->segment[segment];
	e->loaded_index = segment;
	e->loaded.selector = selector;
	e->loaded.base = (uint64_t)selector << 4;
	if (e->rflags & RFLAGS_VM) {
		e->loaded.limit = 0xffff;
		e->loaded.access = ACCESS_V86;
	}
	return true;
}

/* Memory gets 16 bits whatever the operand size, a register the zero-extended selector. */
bool execute_mov_from_sreg(struct emulation *e)
{
	if (!is_segment_register(e))
		return emulation_ud(e);
	if (e->destination.place == PLACE_MEMORY)
		e->destination.size = 2;
	return operand_write(e, &e->destination, e->context->segment[e->reg & 7].selector);
}

bool execute_mov_to_sreg(struct emulation *e)
{
	uint64_t selector;

	if (!is_segment_register(e) || (e->reg & 7) == SEG_CS)
		return emulation_ud(e);
	if (e->protected_mode)
		return emulation_unsupported(e);
	return operand_read(e, &e->source, &selector) && load_selector(e, e->reg & 7, selector);
}

bool execute_push_sreg(struct emulation *e)
{
	return stack_push(e, e->context->segment[e->opcode.argument].selector, e->operand_size);
}

bool execute_pop_sreg(struct emulation *e)
{
	uint64_t selector;

	if (e->protected_mode)
		return emulation_unsupported(e);
	return stack_pop(e, &selector, e->operand_size) && load_selector(e, e->opcode.argument, selector);
}

/* LDS, LES, LFS, LGS, LSS */
bool execute_load_far(struct emulation *e)
{
	uint64_t selector_at = (e->source.value + e->operand_size) & size_mask(e->address_size);
	uint64_t offset, selector = 0;

	if (e->mod == 3 &&
	    !(e->protected_mode && (e->byte & 0xfe) == 0xc4)) /* C4h, C5h: there they are VEX */
		return emulation_ud(e);
	if (e->protected_mode)
		return emulation_unsupported(e);
	return operand_read(e, &e->source, &offset) &&
	       segmented_read(e, e->source.number, selector_at, &selector, 2, false) &&
	       operand_write(e, &e->destination, offset) && load_selector(e, e->opcode.argument, selector);
}
