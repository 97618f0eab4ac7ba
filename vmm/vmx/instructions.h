/* SPDX-License-Identifier: MIT */
/*
 * The VT-x instructions. Host tests replace this file by
 * tests/unit/fake/vmm/vmx/instructions.h, whose VMCS is an array.
 */
#ifndef VMM_VMX_INSTRUCTIONS_H
#define VMM_VMX_INSTRUCTIONS_H

#include "lib/types.h"
#include "vmm/vmx/vmcs.h"

/*
 * Reading or writing a field that this processor lacks is a monitor's fault; callers know what
 * exists.
 */
static inline uint64_t vmread(enum vmcs_field field)
{
	uint64_t value;

	__asm__ volatile("vmread %1, %0" : "=r"(value) : "r"((uint64_t)field) : "cc");
	return value;
}

static inline void vmwrite(enum vmcs_field field, uint64_t value)
{
	__asm__ volatile("vmwrite %0, %1" : : "r"(value), "r"((uint64_t)field) : "cc");
}

/* The instructions below return whether they succeeded. */
static inline must_check bool vmxon(hpa_t region)
{
	bool failed;

	__asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "memory");
	return !failed;
}

static inline must_check bool vmclear(hpa_t vmcs)
{
	bool failed;

	__asm__ volatile("vmclear %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
	return !failed;
}

static inline must_check bool vmptrld(hpa_t vmcs)
{
	bool failed;

	__asm__ volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
	return !failed;
}

struct invalidation {
	uint64_t context; /* EPTP, or VPID in bits 15:0 */
	uint64_t address;
};

static inline must_check bool invept(uint64_t type, struct invalidation what)
{
	bool failed;

	__asm__ volatile("invept %1, %2" : "=@ccbe"(failed) : "m"(what), "r"(type) : "memory");
	return !failed;
}

static inline must_check bool invvpid(uint64_t type, struct invalidation what)
{
	bool failed;

	__asm__ volatile("invvpid %1, %2" : "=@ccbe"(failed) : "m"(what), "r"(type) : "memory");
	return !failed;
}

static inline void set_xcr0(uint64_t value)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline uint64_t get_xcr0(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

/*
 * Hand an NMI or a machine check that ended a guest's turn to the monitor's own handler. Its IRET
 * also lifts the blocking of NMIs that the exit left: SDM Vol. 3C "Loading Host State", NMI
 * blocking.
 */
static inline void raise_nmi(void)
{
	__asm__ volatile("int $2" : : : "memory");
}

static inline void raise_machine_check(void)
{
	__asm__ volatile("int $18" : : : "memory");
}

/*
 * FPU, SSE, AVX and AVX-512 registers, to and from a page. `components` are switched on in XCR0.
 * SDM Vol. 1 "Managing State Using the XSAVE Feature Set".
 */
static inline void save_extended_state(void *area, uint64_t components, bool has_xsave)
{
	if (has_xsave)
		__asm__ volatile("xsave64 (%0)"
		                 :
		                 : "r"(area), "a"((uint32_t)components), "d"((uint32_t)(components >> 32))
		                 : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

static inline void restore_extended_state(const void *area, uint64_t components, bool has_xsave)
{
	if (has_xsave)
		__asm__ volatile("xrstor64 (%0)"
		                 :
		                 : "r"(area), "a"((uint32_t)components), "d"((uint32_t)(components >> 32))
		                 : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

#define DEFINE_DEBUG_REGISTER(n)                                                                             \
	static inline uint64_t read_dr##n(void)                                                              \
	{                                                                                                    \
		uint64_t value;                                                                              \
		__asm__ volatile("mov %%dr" #n ", %0" : "=r"(value));                                        \
		return value;                                                                                \
	}                                                                                                    \
	static inline void write_dr##n(uint64_t value)                                                       \
	{                                                                                                    \
		__asm__ volatile("mov %0, %%dr" #n : : "r"(value));                                          \
	}
DEFINE_DEBUG_REGISTER(0)
DEFINE_DEBUG_REGISTER(1)
DEFINE_DEBUG_REGISTER(2)
DEFINE_DEBUG_REGISTER(3)
DEFINE_DEBUG_REGISTER(6)
#undef DEFINE_DEBUG_REGISTER

#endif
