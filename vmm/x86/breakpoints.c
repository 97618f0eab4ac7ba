/* SPDX-License-Identifier: MIT */
#include "vmm/x86/breakpoints.h"
#include "lib/registers.h"
#include "vmm/backend.h"

#define BREAKPOINTS 4

#define DR7_IS_ENABLED(dr7, i) ((dr7) >> 2 * (i)&3)
#define DR7_ACCESS(dr7, i)     ((dr7) >> (16 + 4 * (i)) & 3)
#define DR7_LENGTH(dr7, i)     ((dr7) >> (18 + 4 * (i)) & 3)

static bool breakpoint_watches(uint64_t kind, enum breakpoint_access access)
{
	return kind == access || (kind == BREAKPOINT_READ && access == BREAKPOINT_WRITE);
}

/* The processor ignores the low bits of an address that a longer breakpoint covers. */
static bool breakpoint_overlaps(uint64_t start, uint64_t length, uint64_t address, uint64_t size)
{
	start &= ~(length - 1);
	return address - start < length || start - address < size;
}

uint64_t breakpoints_met(const struct vcpu *vcpu, enum breakpoint_access access, uint64_t address,
                         unsigned size)
{
	static const uint8_t lengths[] = {1, 2, 8, 4};
	uint64_t dr7 = backend_dr7(vcpu), met = 0;

	if (likely(!(dr7 & DR7_ENABLED)) || (access == BREAKPOINT_PORT && !(backend_cr4(vcpu) & CR4_DE)))
		return 0;
	for (unsigned i = 0; i < BREAKPOINTS; i++)
		if (DR7_IS_ENABLED(dr7, i) && breakpoint_watches(DR7_ACCESS(dr7, i), access) &&
		    breakpoint_overlaps(backend_dr(vcpu, i), lengths[DR7_LENGTH(dr7, i)], address, size))
			met |= BIT(i);
	return met;
}
