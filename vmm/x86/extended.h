/* SPDX-License-Identifier: MIT */
/*
 * The guest's FPU and vector registers, which stay in the processor while its vCPU has it: the
 * monitor itself uses none of them (-mgeneral-regs-only).
 */
#ifndef VMM_X86_EXTENDED_H
#define VMM_X86_EXTENDED_H

#include "vmm/emulate/emulate.h"

/*
 * Move registers of the vCPU that exited to or from `memory`, which is the monitor's. `components`
 * are those that XSAVE's stubs store. The stub must be one that the guest's XCR0 and the operand
 * let pass: it would fault in the monitor.
 */
void extended_run(enum emulate_extended stub, void *memory, uint64_t components);

#endif
