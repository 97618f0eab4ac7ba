/* SPDX-License-Identifier: MIT */
/*
 * The way of the exits of an instrumented vCPU: one that is measured, traced or audited, or whose
 * guest may have breakpoints on ports. HOST_RIP in its VMCS leads to it, so that all other vCPUs
 * pay nothing.
 */
#include "lib/x86.h"
#include "vmm/observe/log.h"
#include "vmm/observe/trace.h"
#include "vmm/vmx/vmx.h"

/* entry.S */
extern const char vmx_exit_entry[], vmx_exit_entry_instrumented[];

static uint8_t instrument_wanted(const struct vcpu *vcpu)
{
	return vcpu->watch | (vcpu->vmx.watches_ports ? WATCH_PORTS : 0);
}

void vmx_choose_entry(struct vcpu *vcpu)
{
	vcpu->instrumented = instrument_wanted(vcpu);
	vmwrite(VMCS_HOST_RIP, (uint64_t)(vcpu->instrumented ? vmx_exit_entry_instrumented : vmx_exit_entry));
}

/* An emulator, or an outer hypervisor, may let pass what the next processor refuses. */
static bool instrument_audit(const struct vcpu *vcpu)
{
	if (!(vcpu->instrumented & WATCH_AUDIT) || !vmx_audit_to_log(vcpu))
		return true;
	log_error("vm %s: it does not go on in that state\n", vm_name(vcpu->vm));
	vm_stop(vcpu->vm, VM_BAD_STATE);
	return false;
}

bool vmx_instrument_entry(struct vcpu *vcpu)
{
	if (vcpu->instrumented != instrument_wanted(vcpu))
		vmx_choose_entry(vcpu);
	return instrument_audit(vcpu);
}

void vmx_watch_ports(struct vcpu *vcpu, bool watch)
{
	vcpu->vmx.watches_ports = watch;
	vmx_processor_control(PROCESSOR_MOV_DR, !watch);
	vmx_choose_entry(vcpu);
}

static uint64_t instrument_unclaimed(const struct vcpu *vcpu)
{
	const struct port_space *ports = vcpu->ports;

	return ports->unclaimed_reads + ports->unclaimed_writes;
}

/*
 * The exit, and what it asks for, as far as that does not let others run. Returns the TSC when that
 * was done.
 */
static uint64_t instrument_exit(struct vcpu *vcpu, unsigned reason, uint64_t tsc)
{
	uint64_t end, switches = vcpu->sched.switches;

	vmx_exit(vcpu);
	end = read_tsc();
	if (this_cpu()->stretches.start <= tsc) /* else there was a window in between */
		stretch_note(&this_cpu()->stretches, STRETCH_EXIT, backend_exit_name(reason), end - tsc);
	if (vcpu->requests & ~(uint32_t)(REQUESTS_TO_DELIVER | ENTRY_ACTIONS))
		return end; /* entry.S calls vmx_serve_requests(), and who runs next is open */
	if (vcpu->requests & REQUESTS_TO_DELIVER)
		vmx_serve_requests();
	else
		(void)instrument_audit(vcpu); /* if that ends its VM, entry.S will see the request */
	return vcpu->sched.switches == switches && this_cpu()->current == vcpu ? read_tsc() : end;
}

/* As instrument_exit(), with a record of the exit and one of an unclaimed port. */
static uint64_t instrument_traced_exit(struct vcpu *vcpu, unsigned reason, uint64_t tsc)
{
	uint64_t before = instrument_unclaimed(vcpu), end;
	struct trace_record *record = trace_vm(TRACE_EXIT, vcpu->vm_number, reason, vmread(VMCS_GUEST_RIP),
	                                       vmread(VMCS_EXIT_QUALIFICATION));

	if (record)
		record->tsc = tsc;
	end = instrument_exit(vcpu, reason, tsc);
	if (record && record->tsc == tsc)
		record->ticks = (uint32_t)MIN(end - tsc, UINT32_MAX);
	if (instrument_unclaimed(vcpu) != before)
		trace_vm(TRACE_PORT, vcpu->vm_number, 0, vcpu->ports->missed[0].port, 0);
	return end;
}

/* Called by entry.S, which saved the guest's registers and read the TSC. */
void vmx_exit_instrumented(struct vcpu *vcpu, uint64_t tsc)
{
	unsigned reason = (unsigned)MIN(vmread(VMCS_EXIT_REASON) & ~EXIT_REASON_BUS_LOCKED, UINT8_MAX);
	uint64_t end;

	if (vcpu->instrumented & WATCH_PORTS && reason == EXIT_REASON_IO_INSTRUCTION)
		vmx_meet_port(vcpu);
	end = vcpu->instrumented & WATCH_TRACE ? instrument_traced_exit(vcpu, reason, tsc)
	                                       : instrument_exit(vcpu, reason, tsc);

	if (vcpu->instrumented & WATCH_MEASURE && reason < EXIT_REASONS) {
		vcpu->exit_ticks[reason] += end - tsc;
		vcpu->exit_measured[reason]++;
	}
}
