/* SPDX-License-Identifier: MIT */
/*
 * Control-register accesses that exit: those that change a bit which the
 * monitor owns, and CR8. Most writes do not come here: the guest owns PE, PG,
 * WP, TS ... itself, and the processor switches modes for it.
 */
#include "lib/registers.h"
#include "vmm/vmx/vmx.h"

/* SDM Vol. 3C "Exit Qualification for Control-Register Accesses". */
#define CR_NUMBER(q)    (0xf & (q))
#define CR_ACCESS(q)    ((q) >> 4 & 3)
#define CR_REGISTER(q)  ((q) >> 8 & 0xf)
#define CR_LMSW_DATA(q) ((q) >> 16 & 0xffff)

enum cr_access { CR_WRITE, CR_READ, CR_CLTS, CR_LMSW };

static uint64_t operand(const struct vcpu *vcpu, uint64_t qualification)
{
	unsigned index = CR_REGISTER(qualification);
	uint64_t value = index == RSP ? vmread(VMCS_GUEST_RSP) : vcpu->gpr[index];

	return backend_long_code() ? value : (uint32_t)value;
}

static enum action set_cr8(struct vcpu *vcpu, uint64_t value)
{
	if (value > 15)
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	vcpu->cr8 = value;
	return ACTION_ADVANCE;
}

static enum action write_register(struct vcpu *vcpu, uint64_t qualification)
{
	uint64_t value = operand(vcpu, qualification);

	switch (CR_NUMBER(qualification)) {
	case 0: return vmx_set_cr0(vcpu, value);
	case 3: return vmx_set_cr3(vcpu, value);
	case 4: return vmx_set_cr4(vcpu, value);
	case 8: return set_cr8(vcpu, value);
	default: return vcpu_raise(vcpu, EXCEPTION_UD, 0);
	}
}

static enum action read_register(struct vcpu *vcpu, uint64_t qualification)
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

/* LMSW changes PE (only from 0 to 1), MP, EM and TS. SDM Vol. 2A "LMSW". */
static enum action load_machine_status(struct vcpu *vcpu, uint64_t data)
{
	const uint64_t loaded = CR0_MP | CR0_EM | CR0_TS;
	uint64_t cr0 = backend_cr0();

	return vmx_set_cr0(vcpu, (cr0 & ~loaded) | (data & (loaded | CR0_PE)));
}

enum action exit_control_register(struct vcpu *vcpu)
{
	uint64_t qualification = vmread(VMCS_EXIT_QUALIFICATION);

	switch ((enum cr_access)CR_ACCESS(qualification)) {
	case CR_WRITE: return write_register(vcpu, qualification);
	case CR_READ: return read_register(vcpu, qualification);
	case CR_CLTS: return vmx_set_cr0(vcpu, backend_cr0() & ~CR0_TS);
	default: return load_machine_status(vcpu, CR_LMSW_DATA(qualification));
	}
}
