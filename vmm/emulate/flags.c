/* Instructions about RFLAGS. */
#include "vmm/emulate/emulation.h"

/* CMC, CLC, STC, CLD, STD: opcodes F5h, F8h, F9h, FCh, FDh. */
bool execute_flag(struct emulation *e)
{
	switch (e->byte) {
	case 0xf5: e->rflags ^= RFLAGS_CF; return true;
	case 0xf8: e->rflags &= ~RFLAGS_CF; return true;
	case 0xf9: e->rflags |= RFLAGS_CF; return true;
	case 0xfc: e->rflags &= ~RFLAGS_DF; return true;
	case 0xfd: e->rflags |= RFLAGS_DF; return true;
	default: return emulation_unsupported(e);
	}
}

bool execute_sahf(struct emulation *e)
{
	uint64_t mask = RFLAGS_STATUS & ~RFLAGS_OF;

	e->rflags = (e->rflags & ~mask) | (e->gpr[RAX] >> 8 & mask);
	return true;
}

bool execute_lahf(struct emulation *e)
{
	uint64_t ah = (e->rflags & RFLAGS_STATUS & ~RFLAGS_OF) | RFLAGS_ONE;

	e->gpr[RAX] = (e->gpr[RAX] & ~0xff00UL) | (ah & 0xff) << 8;
	return true;
}

/* SDM Vol. 2B "PUSHF/PUSHFD/PUSHFQ"; virtual-8086 mode: SDM Vol. 3B "Interrupt and Exception Handling in
 * Virtual-8086 Mode". */
bool execute_pushf(struct emulation *e)
{
	uint64_t image = e->rflags & ~(RFLAGS_VM | RFLAGS_RF);

	if ((e->rflags & RFLAGS_VM) && (e->rflags & RFLAGS_IOPL) != RFLAGS_IOPL) {
		if (!(e->context->cr4 & CR4_VME) || e->operand_size != 2)
			return emulation_gp(e);
		image = (image & ~RFLAGS_IF) | RFLAGS_IOPL | (e->rflags & RFLAGS_VIF ? RFLAGS_IF : 0);
	}
	return stack_push(e, image, e->operand_size);
}
