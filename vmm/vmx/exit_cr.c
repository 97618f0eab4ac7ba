/* SPDX-License-Identifier: MIT */
/*
 * Control-register accesses that exit: those that change a bit which the
 * monitor owns, and CR8. Most writes do not come here: the guest owns PE, PG,
 * WP, TS ... itself, and the processor switches modes for it.
 */
#include "lib/registers.h"
#include "vmm/vmx/vmx.h"
#include "vmm/x86/cr.h"

/* SDM Vol. 3C "Exit Qualification for Control-Register Accesses". */
#define CR_NUMBER(q)    (0xf & (q))
#define CR_ACCESS(q)    ((q) >> 4 & 3)
#define CR_REGISTER(q)  ((q) >> 8 & 0xf)
#define CR_LMSW_DATA(q) ((q) >> 16 & 0xffff)

enum cr_access { CR_WRITE, CR_READ, CR_CLTS, CR_LMSW };

static uint64_t cr_operand(const struct vcpu *vcpu, uint64_t qualification)
{
	unsigned index = CR_REGISTER(qualification);
	uint64_t value = index == RSP ? vmread(VMCS_GUEST_RSP) : vcpu->gpr[index];

	return backend_long_code(vcpu) ? value : (uint32_t)value;
}

static enum action cr_write(struct vcpu *vcpu, uint64_t qualification)
{
	uint64_t value = cr_operand(vcpu, qualification);

	switch (CR_NUMBER(qualification)) {
	case 0: return cr0_write(vcpu, value);
	case 3: return cr3_write(vcpu, value);
	case 4: return cr4_write(vcpu, value);
	case 8: return cr8_write(vcpu, value);
	default: return vcpu_raise(vcpu, EXCEPTION_UD, 0);
	}
}

static enum action cr_read(struct vcpu *vcpu, uint64_t qualification)
{
	unsigned index = CR_REGISTER(qualification);
	uint64_t value;

	switch (CR_NUMBER(qualification)) {
	case 3: value = vmread(VMCS_GUEST_CR3); break;
	case 8: value = vcpu->cr8; break;
	default: return vcpu_raise(vcpu, EXCEPTION_UD, 0); /* CR0, CR2, CR4 never exit on reads */
	}
	if (index == RSP)
		vmwrite(VMCS_GUEST_RSP, value);
	else
		vcpu->gpr[index] = value;
	return ACTION_ADVANCE;
}

enum action exit_control_register(struct vcpu *vcpu)
{
	uint64_t qualification = vmread(VMCS_EXIT_QUALIFICATION);

	switch ((enum cr_access)CR_ACCESS(qualification)) {
	case CR_WRITE: return cr_write(vcpu, qualification);
	case CR_READ: return cr_read(vcpu, qualification);
	case CR_CLTS: return cr0_clear_ts(vcpu);
	default: return cr0_load_status(vcpu, CR_LMSW_DATA(qualification));
	}
}
