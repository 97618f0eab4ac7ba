/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "lib/panic.h"
#include "vmm/vmx/instructions.h"

struct fake_vmx fake_vmx;

void fake_vmx_reset(void)
{
	memset(&fake_vmx, 0, sizeof(fake_vmx));
}

static uint64_t *field_of_current(enum vmcs_field field)
{
	return &fake_vmx.vmcs[fake_vmx.current].field[field];
}

uint64_t vmread(enum vmcs_field field)
{
	fake_vmx.vmreads++;
	return *field_of_current(field);
}

void vmwrite(enum vmcs_field field, uint64_t value)
{
	/* Fields are as wide as the processor's: bits 14:13 of the encoding. */
	static const uint64_t mask[4] = {0xffff, UINT64_MAX, UINT32_MAX, UINT64_MAX};

	fake_vmx.vmwrites++;
	*field_of_current(field) = value & mask[(unsigned)field >> 13 & 3];
}

bool vmxon(hpa_t region)
{
	fake_vmx.on = region;
	return !fake_vmx.refuse_vmxon;
}

bool vmclear(hpa_t vmcs)
{
	fake_vmx.cleared = vmcs;
	return true;
}

bool vmptrld(hpa_t vmcs)
{
	unsigned i = 0;

	while (i < FAKE_VMCSS && fake_vmx.vmcs[i].address && fake_vmx.vmcs[i].address != vmcs)
		i++;
	assert_monitor(i < FAKE_VMCSS);
	fake_vmx.vmcs[i].address = vmcs;
	fake_vmx.current = i;
	fake_vmx.loaded = vmcs;
	fake_vmx.vmptrlds++;
	if (fake_vmx.clock)
		*fake_vmx.clock += fake_vmx.load_ticks;
	return true;
}

bool invept(uint64_t type, struct invalidation what)
{
	(void)type;
	(void)what;
	fake_vmx.invepts++;
	return true;
}

bool invvpid(uint64_t type, struct invalidation what)
{
	(void)type;
	fake_vmx.flushed_vpid = what.context;
	fake_vmx.invvpids++;
	return true;
}

void set_xcr0(uint64_t value)
{
	fake_vmx.xcr0 = value;
}

uint64_t get_xcr0(void)
{
	return fake_vmx.xcr0;
}

void raise_nmi(void)
{
	fake_vmx.nmis++;
}

void raise_machine_check(void)
{
	fake_vmx.machine_checks++;
}

void save_extended_state(void *area, uint64_t components, bool has_xsave)
{
	(void)area;
	(void)components;
	(void)has_xsave;
	fake_vmx.saves++;
}

void restore_extended_state(const void *area, uint64_t components, bool has_xsave)
{
	(void)area;
	(void)components;
	(void)has_xsave;
	fake_vmx.restores++;
}

#define DEFINE_DEBUG_REGISTER(n)                                                                             \
	uint64_t read_dr##n(void)                                                                            \
	{                                                                                                    \
		return fake_vmx.dr[n];                                                                       \
	}                                                                                                    \
	void write_dr##n(uint64_t value)                                                                     \
	{                                                                                                    \
		fake_vmx.dr[n] = value;                                                                      \
	}
DEFINE_DEBUG_REGISTER(0)
DEFINE_DEBUG_REGISTER(1)
DEFINE_DEBUG_REGISTER(2)
DEFINE_DEBUG_REGISTER(3)
DEFINE_DEBUG_REGISTER(6)
