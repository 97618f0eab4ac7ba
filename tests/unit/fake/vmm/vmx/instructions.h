/* SPDX-License-Identifier: MIT */
/*
 * Host stand-in for the VT-x instructions: VMCSs that are arrays, and a record of what was flushed
 * and loaded. Call fake_vmx_reset() first in each test.
 */
#ifndef TESTS_UNIT_FAKE_VMM_VMX_INSTRUCTIONS_H
#define TESTS_UNIT_FAKE_VMM_VMX_INSTRUCTIONS_H

#include "lib/types.h"
#include "vmm/vmx/vmcs.h"

struct invalidation {
	uint64_t context;
	uint64_t address;
};

#define FAKE_VMCSS 8

struct fake_vmx {
	struct fake_vmcs {
		hpa_t address; /* 0: unused */
		uint64_t field[0x8000];
	} vmcs[FAKE_VMCSS];
	unsigned current; /* the last that was loaded, or else the first */
	unsigned vmreads, vmwrites, vmptrlds;
	unsigned invepts, invvpids, nmis, machine_checks;
	hpa_t on, cleared, loaded;
	uint64_t flushed_vpid; /* the last */
	bool refuse_vmxon;
	uint64_t *clock; /* goes on by `load_ticks` with each VMPTRLD; null: none does */
	uint64_t load_ticks;
	uint64_t xcr0, dr[8];
	unsigned saves, restores; /* of the FPU and what belongs to it */
};

extern struct fake_vmx fake_vmx;

void fake_vmx_reset(void);

uint64_t vmread(enum vmcs_field field);
void vmwrite(enum vmcs_field field, uint64_t value);
bool must_check vmxon(hpa_t region);
bool must_check vmclear(hpa_t vmcs);
bool must_check vmptrld(hpa_t vmcs);
bool must_check invept(uint64_t type, struct invalidation what);
bool must_check invvpid(uint64_t type, struct invalidation what);
void set_xcr0(uint64_t value);
uint64_t get_xcr0(void);
void raise_nmi(void);
void raise_machine_check(void);
void save_extended_state(void *area, uint64_t components, bool has_xsave);
void restore_extended_state(const void *area, uint64_t components, bool has_xsave);

#define DECLARE_DEBUG_REGISTER(n)                                                                            \
	uint64_t read_dr##n(void);                                                                           \
	void write_dr##n(uint64_t value);
DECLARE_DEBUG_REGISTER(0)
DECLARE_DEBUG_REGISTER(1)
DECLARE_DEBUG_REGISTER(2)
DECLARE_DEBUG_REGISTER(3)
DECLARE_DEBUG_REGISTER(6)
#undef DECLARE_DEBUG_REGISTER

#endif
