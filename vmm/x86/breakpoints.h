/* SPDX-License-Identifier: MIT */
/*
 * The guest's breakpoints (DR0 to DR3) against accesses that the monitor carries out for it. The
 * processor looks only at its own. SDM Vol. 3B "Debug Control Register (DR7)", "Breakpoint Field
 * Recognition".
 */
#ifndef VMM_X86_BREAKPOINTS_H
#define VMM_X86_BREAKPOINTS_H

#include "vmm/x86/vcpu.h"

#define DR7_ENABLED 0xffUL /* L0, G0 ... L3, G3 */

/* The values of R/W0 to R/W3 in DR7; one for reads watches writes, too. */
enum breakpoint_access { BREAKPOINT_WRITE = 1, BREAKPOINT_PORT = 2, BREAKPOINT_READ = 3 };

/*
 * Which enabled breakpoints an access meets: bit n for DRn, as in DR6. `address`: linear, or a
 * port; `size` in bytes. Ports count only with CR4.DE. A #DB is a trap, so nothing is raised here:
 * see backend_trap_breakpoints().
 */
uint64_t breakpoints_met(const struct vcpu *vcpu, enum breakpoint_access access, uint64_t address,
                         unsigned size);

#endif
