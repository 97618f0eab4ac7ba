/*
 * The table of exit reasons, complete, and the handlers that need no file of
 * their own. SDM Vol. 3D Appendix "VMX Basic Exit Reasons".
 */
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/cpuid.h"
#include "vmm/log.h"
#include "vmm/msr.h"
#include "vmm/vmx/vmx.h"

/*
 * An exit that our controls cannot produce, so it is a monitor's or a processor's fault;
 * yet only the VM where it came up pays for it.
 */
static enum action exit_unexpected(struct vcpu *vcpu)
{
	log_error("VM exit \"%s\", which no control of ours asks for (exit qualification %#lx)\n",
		  backend_exit_name((unsigned)vmread(VMCS_EXIT_REASON)), vmread(VMCS_EXIT_QUALIFICATION));
	return vm_stop(vcpu->vm, VM_UNEXPECTED_EXIT);
}

/* Instructions of extensions that the guest's CPUID does not offer. */
static enum action exit_undefined(struct vcpu *vcpu)
{
	return vcpu_raise(vcpu, EXCEPTION_UD, 0);
}

static enum action exit_triple_fault(struct vcpu *vcpu)
{
	return vm_stop(vcpu->vm, VM_TRIPLE_FAULT);
}

/*
 * INIT on the real processor's pin is blocked in VMX root operation and swallowed here: no agent
 * but the monitor may reset a processor. SDM Vol. 3C "Other Causes of VM Exits".
 */
static enum action exit_init(struct vcpu *vcpu)
{
	(void)vcpu;
	return ACTION_RETRY;
}

static enum action exit_cpuid(struct vcpu *vcpu)
{
	cpuid_emulate(vcpu);
	return ACTION_ADVANCE;
}

/* A halted vCPU sees no window exit, so what waits for one is asked for anew. */
static enum action exit_hlt(struct vcpu *vcpu)
{
	vcpu_request(vcpu, REQUEST_HALTED);
	vmx_recall_events(vcpu);
	return ACTION_ADVANCE;
}

/* CPUID hides MONITOR and MWAIT, so they are undefined. */
static enum action exit_monitor(struct vcpu *vcpu)
{
	return exit_undefined(vcpu);
}

/* CPUID says that there are no performance counters, so every index is out of range. */
static enum action exit_rdpmc(struct vcpu *vcpu)
{
	return vcpu_raise(vcpu, EXCEPTION_GP, 0);
}

/*
 * A guest owns no device that reads memory behind the caches, so writing them back has no
 * effect that it could see; and INVD must never drop lines that hold a neighbour's data.
 */
static enum action exit_cache(struct vcpu *vcpu)
{
	(void)vcpu;
	return ACTION_ADVANCE;
}

static enum action exit_rdmsr(struct vcpu *vcpu)
{
	uint64_t value;

	if (!msr_read(vcpu, (uint32_t)vcpu->gpr[RCX], &value))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	vcpu->gpr[RAX] = (uint32_t)value;
	vcpu->gpr[RDX] = value >> 32;
	return ACTION_ADVANCE;
}

static enum action exit_wrmsr(struct vcpu *vcpu)
{
	uint64_t value = vcpu->gpr[RDX] << 32 | (uint32_t)vcpu->gpr[RAX];

	if (!msr_write(vcpu, (uint32_t)vcpu->gpr[RCX], value))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	return ACTION_ADVANCE;
}

/* SDM Vol. 2 "XSETBV". The processor has checked CPL and CR4.OSXSAVE before the exit. */
static enum action exit_xsetbv(struct vcpu *vcpu)
{
	uint64_t value = vcpu->gpr[RDX] << 32 | (uint32_t)vcpu->gpr[RAX];

	if ((uint32_t)vcpu->gpr[RCX] != 0 || !cpuid_xcr0_valid(value))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	vcpu->xcr0 = value;
	set_xcr0(value);
	return ACTION_ADVANCE;
}

static enum action exit_preemption_timer(struct vcpu *vcpu)
{
	(void)vcpu;
	cpu_run_timers(this_cpu());
	return ACTION_RETRY;
}

const struct exit_handler exit_handlers[EXIT_REASONS] = {
	[0] = {exit_exception_or_nmi, "EXCEPTION OR NMI", true},
	[1] = {exit_interrupt, "EXTERNAL INTERRUPT", false},
	[2] = {exit_triple_fault, "TRIPLE FAULT", false},
	[3] = {exit_init, "INIT SIGNAL", false},
	[4] = {exit_unexpected, "START-UP IPI", false}, /* never: no vCPU waits for SIPI yet */
	[5] = {exit_unexpected, "I/O SMI", false},      /* never: no dual-monitor treatment */
	[6] = {exit_unexpected, "OTHER SMI", false},    /* never: as above */
	[7] = {exit_interrupt_window, "INTERRUPT WINDOW", false},
	[8] = {exit_nmi_window, "NMI WINDOW", false},
	[9] = {exit_task_switch, "TASK SWITCH", true},
	[10] = {exit_cpuid, "CPUID", false},
	[11] = {exit_undefined, "GETSEC", false},
	[12] = {exit_hlt, "HLT", false},
	[13] = {exit_cache, "INVD", false},
	[14] = {exit_unexpected, "INVLPG", false}, /* never: control off */
	[15] = {exit_rdpmc, "RDPMC", false},
	[16] = {exit_unexpected, "RDTSC", false}, /* never: control off */
	[17] = {exit_unexpected, "RSM", false},   /* never: outside SMM it is #UD */
	[18] = {exit_undefined, "VMCALL", false},
	[19] = {exit_undefined, "VMCLEAR", false},
	[20] = {exit_undefined, "VMLAUNCH", false},
	[21] = {exit_undefined, "VMPTRLD", false},
	[22] = {exit_undefined, "VMPTRST", false},
	[23] = {exit_undefined, "VMREAD", false},
	[24] = {exit_undefined, "VMRESUME", false},
	[25] = {exit_undefined, "VMWRITE", false},
	[26] = {exit_undefined, "VMXOFF", false},
	[27] = {exit_undefined, "VMXON", false},
	[28] = {exit_control_register, "CONTROL REGISTER", false},
	[29] = {exit_unexpected, "MOV DR", false}, /* never: control off */
	[30] = {exit_io, "I/O", false},
	[31] = {exit_rdmsr, "RDMSR", false},
	[32] = {exit_wrmsr, "WRMSR", false},
	[33] = {exit_unexpected, "INVALID GUEST STATE", false}, /* comes with the entry-failure bit */
	[34] = {exit_unexpected, "MSR LOADING", false},         /* likewise */
	[35] = {exit_unexpected, "reason 35", false},           /* not defined */
	[36] = {exit_monitor, "MWAIT", false},
	[37] = {exit_unexpected, "MONITOR TRAP FLAG", false}, /* never: control off */
	[38] = {exit_unexpected, "reason 38", false},         /* not defined */
	[39] = {exit_monitor, "MONITOR", false},
	[40] = {exit_unexpected, "PAUSE", false},                   /* never: control off */
	[41] = {exit_unexpected, "MACHINE CHECK AT ENTRY", false},  /* comes with the entry-failure bit */
	[42] = {exit_unexpected, "reason 42", false},               /* not defined */
	[43] = {exit_unexpected, "TPR BELOW THRESHOLD", false},     /* never: no TPR shadow */
	[44] = {exit_unexpected, "APIC ACCESS", true},              /* never: no virtualised APIC */
	[45] = {exit_unexpected, "VIRTUALIZED EOI", false},         /* never: as above */
	[46] = {exit_unexpected, "GDTR OR IDTR ACCESS", false},     /* never: control off */
	[47] = {exit_unexpected, "LDTR OR TR ACCESS", false},       /* never: control off */
	[48] = {exit_ept_violation, "EPT VIOLATION", true},
	[49] = {exit_ept_misconfiguration, "EPT MISCONFIGURATION", true},
	[50] = {exit_undefined, "INVEPT", false},
	[51] = {exit_unexpected, "RDTSCP", false}, /* never: needs RDTSC exiting */
	[52] = {exit_preemption_timer, "PREEMPTION TIMER", false},
	[53] = {exit_undefined, "INVVPID", false},
	[54] = {exit_cache, "WBINVD", false},
	[55] = {exit_xsetbv, "XSETBV", false},
	[56] = {exit_unexpected, "APIC WRITE", false},         /* never: no virtualised APIC */
	[57] = {exit_unexpected, "RDRAND", false},             /* never: control off */
	[58] = {exit_unexpected, "INVPCID", false},            /* never: needs INVLPG exiting */
	[59] = {exit_undefined, "VMFUNC", false},
	[60] = {exit_undefined, "ENCLS", false},
	[61] = {exit_unexpected, "RDSEED", false},             /* never: control off */
	[62] = {exit_unexpected, "PAGE-MODIFICATION LOG FULL", true}, /* never: control off */
	[63] = {exit_unexpected, "XSAVES", false},             /* never: XSS-exiting bitmap is 0 */
	[64] = {exit_unexpected, "XRSTORS", false},            /* likewise */
	[65] = {exit_unexpected, "PCONFIG", false},            /* never: control off */
	[66] = {exit_unexpected, "SPP EVENT", true},           /* never: control off */
	[67] = {exit_undefined, "UMWAIT", false},
	[68] = {exit_undefined, "TPAUSE", false},
	[69] = {exit_undefined, "LOADIWKEY", false},
	[70] = {exit_undefined, "ENCLV", false},
	[71] = {exit_unexpected, "reason 71", false},          /* not defined */
	[72] = {exit_unexpected, "ENQCMD PASID", false},       /* never: hidden in CPUID */
	[73] = {exit_unexpected, "ENQCMDS PASID", false},      /* likewise */
	[74] = {exit_unexpected, "BUS LOCK", false},           /* never: control off */
	[75] = {exit_unexpected, "NOTIFY WINDOW", false},      /* never: control off */
	[76] = {exit_undefined, "SEAMCALL", false},
	[77] = {exit_undefined, "TDCALL", false},
	[78] = {exit_unexpected, "RDMSRLIST", false},          /* never: control off */
	[79] = {exit_unexpected, "WRMSRLIST", false},          /* likewise */
};

const char *backend_exit_name(unsigned reason)
{
	return reason < EXIT_REASONS ? exit_handlers[reason].name : "reason beyond the manual's table";
}
