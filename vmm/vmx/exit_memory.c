/* SPDX-License-Identifier: MIT */
/*
 * EPT violations: the guest map decides. RAM and ROM are mapped on demand; what is
 * left (ROM writes, devices, holes) is emulated.
 * SDM Vol. 3C "EPT Violations", "Exit Qualification for EPT Violations".
 */
#include "lib/errors.h"
#include "lib/registers.h"
#include "vmm/observe/log.h"
#include "vmm/x86/mmio.h"
#include "vmm/vmx/vmx.h"

#define VIOLATION_READ           BIT(0)
#define VIOLATION_WRITE          BIT(1)
#define VIOLATION_FETCH          BIT(2)
#define VIOLATION_LINEAR         BIT(7)                      /* else MOV to a control register loads PDPTEs */
#define VIOLATION_TRANSLATED     (VIOLATION_LINEAR | BIT(8)) /* not of a page-table entry */
#define VIOLATION_NMI_UNBLOCKING BIT(12)

/* Will the access succeed once the page is mapped? */
static bool mapping_helps(const struct vcpu *vcpu, gpa_t gpa, uint64_t qualification)
{
	enum guest_type type = guest_map_find(vcpu->map, gpa).type;

	return type == GUEST_RAM || (type == GUEST_ROM && !(qualification & VIOLATION_WRITE));
}

bool backend_translated(const struct vcpu *vcpu, gva_t address, bool write, gpa_t *gpa)
{
	uint64_t qualification = vmread(VMCS_EXIT_QUALIFICATION);

	if ((~qualification & VIOLATION_TRANSLATED) ||
	    !(qualification & (write ? VIOLATION_WRITE : VIOLATION_READ | VIOLATION_WRITE)) ||
	    (address ^ vmread(VMCS_GUEST_LINEAR_ADDRESS)) >> PAGE_SHIFT)
		return false;
	*gpa = ALIGN_DOWN(vmread(VMCS_GUEST_PHYSICAL_ADDRESS), PAGE_SIZE) | address % PAGE_SIZE;
	return true;
}

enum action exit_ept_violation(struct vcpu *vcpu)
{
	uint64_t qualification = vmread(VMCS_EXIT_QUALIFICATION);
	gpa_t gpa = vmread(VMCS_GUEST_PHYSICAL_ADDRESS);

	if (qualification & VIOLATION_NMI_UNBLOCKING && !(vcpu->requests & REQUEST_EVENT))
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) | BLOCKING_NMI);
	if (mapping_helps(vcpu, gpa, qualification)) {
		if (qualification & VIOLATION_FETCH ? ept_fetch(vcpu->ept, vcpu->map, gpa)
		                                    : ept_fault(vcpu->ept, vcpu->map, gpa))
			return vm_stop(vcpu->vm, VM_NO_MEMORY);
		return ACTION_RETRY;
	}
	/*
	 * The processor was delivering an event through tables or a stack that are not RAM: there
	 * is no instruction to emulate. The bare machine would read a descriptor of all ones, which
	 * is #GP or #SS. That fault comes on top of the event that is being delivered (it is
	 * queued: vmx_requeue_event()), so vcpu_raise() makes of both what the manual's table of
	 * double faults says, up to the triple fault that ends the VM. The other case, MOV to a
	 * control register, loads PDPTEs from here: all ones have reserved bits, which is #GP, too.
	 */
	if (vcpu->requests & REQUEST_EVENT || !(qualification & VIOLATION_LINEAR))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	return mmio_emulate(vcpu);
}

/* Our EPT entries hold no reserved bits, so this is a monitor's fault; only this VM pays. */
enum action exit_ept_misconfiguration(struct vcpu *vcpu)
{
	log_error("EPT misconfiguration at guest-physical %#lx\n", vmread(VMCS_GUEST_PHYSICAL_ADDRESS));
	return vm_stop(vcpu->vm, VM_UNEXPECTED_EXIT);
}
