/* SPDX-License-Identifier: MIT */
/*
 * INS and OUTS with all their forms: 16-, 32- and 64-bit addresses, segment
 * overrides and limits, REP, both directions, page faults in the middle.
 * SDM Vol. 2 "INS/INSB/INSW/INSD", "OUTS/OUTSB/OUTSW/OUTSD".
 */
#ifndef VMM_X86_STRING_IO_H
#define VMM_X86_STRING_IO_H

#include "lib/segment.h"
#include "vmm/x86/vcpu.h"

struct string_io {
	uint16_t port;
	uint8_t size; /* of one element: 1, 2 or 4 */
	bool in, rep;
	uint8_t address_size; /* 2, 4 or 8 */
	enum segment_index segment;
};

/* Fill address_size and segment from the instruction's bytes, where the processor does not tell. */
void string_io_decode(const struct vcpu *vcpu, struct string_io *io);

/*
 * Carry out up to STRING_IO_BATCH elements. Each element leaves rCX, rSI and rDI as the manual
 * says, so that a fault or an interrupt between two elements loses nothing.
 */
#define STRING_IO_BATCH 32
enum action string_io(struct vcpu *vcpu, const struct string_io *io);

/*
 * Leave a REP instruction of any kind between two of its elements, so that interrupts come in: the
 * shadow in which it began is over, TF traps, and RF keeps a breakpoint on the instruction from
 * coming again.
 */
enum action string_break_off(struct vcpu *vcpu);

#endif
