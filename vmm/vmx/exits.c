/* SPDX-License-Identifier: MIT */
/*
 * The table of exit reasons, complete, and the handlers that need no file of
 * their own. SDM Vol. 3D Appendix "VMX Basic Exit Reasons".
 */
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/observe/log.h"
#include "vmm/vmx/vmx.h"
#include "vmm/x86/exit_instructions.h"

/*
 * An exit that our controls cannot produce, so it is a monitor's or a processor's fault;
 * yet only the VM where it came up pays for it. A program's instruction is #UD: no program ends its
 * VM.
 */
static enum action exit_unexpected(struct vcpu *vcpu)
{
	if (backend_cpl(vcpu))
		return exit_undefined(vcpu);
	log_error("VM exit \"%s\", which no control of ours asks for (exit qualification %#lx)\n",
	          backend_exit_name((unsigned)vmread(VMCS_EXIT_REASON)), vmread(VMCS_EXIT_QUALIFICATION));
	return vm_stop(vcpu->vm, VM_UNEXPECTED_EXIT);
}

/*
 * INIT on the real processor's pin is blocked in VMX root operation and swallowed here: no agent
 * but the monitor may reset a processor. SDM Vol. 3C "Other Causes of VM Exits".
 */
static enum action exit_init(struct vcpu *vcpu)
{
	return ACTION_RETRY;
}

/* A halted vCPU sees no window exit, so what waits for one is requested again. */
static enum action exit_hlt(struct vcpu *vcpu)
{
	vmx_recall_events(vcpu);
	vcpu_halt(vcpu, vmx_wakes(vcpu));
	return ACTION_ADVANCE;
}

/* The debug registers are the guest's: the instruction runs. */
static enum action exit_mov_dr(struct vcpu *vcpu)
{
	vmx_watch_ports(vcpu, true);
	return ACTION_RETRY;
}

/*
 * A locked access across cache lines, or to uncached memory: all processors waited for it, so the
 * guest may do it 1000 times a second. The exit comes after the instruction.
 */
#define BUS_LOCK_NS 1000000

static enum action exit_bus_lock(struct vcpu *vcpu)
{
	sched_hold(&vcpu->sched, BUS_LOCK_NS);
	return ACTION_RETRY;
}

static enum action exit_preemption_timer(struct vcpu *vcpu)
{
	cpu_catch_up(this_cpu());
	vmx_end_stretch(vcpu);
	return ACTION_RETRY;
}

/*
 * Exits that may have interrupted the delivery of an event: it is queued again before anything
 * else. SDM Vol. 3C "Information for VM Exits That Occur During Event Delivery".
 */
#define DEFINE_REQUEUED(handler)                                                                             \
	static enum action requeued_##handler(struct vcpu *vcpu)                                             \
	{                                                                                                    \
		vmx_requeue_event(vcpu);                                                                     \
		return handler(vcpu);                                                                        \
	}
#define REQUEUED(handler) requeued_##handler

/* Exits that may be long have a stretch even while their vCPU is not measured. */
#define DEFINE_LONG(handler, name)                                                                           \
	static enum action long_##handler(struct vcpu *vcpu)                                                 \
	{                                                                                                    \
		struct stretch_part part = vmx_begin_stretch();                                              \
		enum action action = handler(vcpu);                                                          \
                                                                                                             \
		stretch_end_part(&this_cpu()->stretches, part, STRETCH_EXIT, name);                          \
		vmx_end_stretch(vcpu);                                                                       \
		return action;                                                                               \
	}
#define LONG(handler) long_##handler

DEFINE_REQUEUED(exit_exception_or_nmi)
DEFINE_REQUEUED(exit_task_switch)
DEFINE_REQUEUED(exit_ept_violation)
DEFINE_REQUEUED(exit_ept_misconfiguration)
DEFINE_REQUEUED(exit_unexpected)
DEFINE_LONG(exit_triple_fault, "TRIPLE FAULT")
DEFINE_LONG(requeued_exit_task_switch, "TASK SWITCH")
DEFINE_LONG(requeued_exit_ept_violation, "EPT VIOLATION")

/* clang-format off */
const struct exit_handler exit_handlers[EXIT_REASONS] = {
	/* Served. */
	[EXIT_REASON_EXCEPTION_OR_NMI]     = {REQUEUED(exit_exception_or_nmi),     "EXCEPTION OR NMI"},
	[EXIT_REASON_EXTERNAL_INTERRUPT]   = {exit_interrupt,                      "EXTERNAL INTERRUPT"},
	[EXIT_REASON_TRIPLE_FAULT]         = {LONG(exit_triple_fault),             "TRIPLE FAULT"},
	[EXIT_REASON_INIT_SIGNAL]          = {exit_init,                           "INIT SIGNAL"},
	[EXIT_REASON_INTERRUPT_WINDOW]     = {exit_interrupt_window,               "INTERRUPT WINDOW"},
	[EXIT_REASON_NMI_WINDOW]           = {exit_nmi_window,                     "NMI WINDOW"},
	[EXIT_REASON_TASK_SWITCH]          = {LONG(requeued_exit_task_switch),     "TASK SWITCH"},
	[EXIT_REASON_CPUID]                = {exit_cpuid,                          "CPUID"},
	[EXIT_REASON_HLT]                  = {exit_hlt,                            "HLT"},
	[EXIT_REASON_INVD]                 = {exit_cache,                          "INVD"},
	[EXIT_REASON_RDPMC]                = {exit_rdpmc,                          "RDPMC"},
	[EXIT_REASON_CONTROL_REGISTER]     = {exit_control_register,               "CONTROL REGISTER"},
	[EXIT_REASON_MOV_DR]               = {exit_mov_dr,                         "MOV DR"},
	[EXIT_REASON_IO_INSTRUCTION]       = {exit_io,                             "I/O"},
	[EXIT_REASON_RDMSR]                = {exit_rdmsr,                          "RDMSR"},
	[EXIT_REASON_WRMSR]                = {exit_wrmsr,                          "WRMSR"},
	[EXIT_REASON_EPT_VIOLATION]        = {LONG(requeued_exit_ept_violation),   "EPT VIOLATION"},
	[EXIT_REASON_EPT_MISCONFIGURATION] = {REQUEUED(exit_ept_misconfiguration), "EPT MISCONFIGURATION"},
	[EXIT_REASON_PREEMPTION_TIMER]     = {exit_preemption_timer,               "PREEMPTION TIMER"},
	[EXIT_REASON_WBINVD]               = {exit_cache,                          "WBINVD"},
	[EXIT_REASON_XSETBV]               = {exit_xsetbv,                         "XSETBV"},

	/* Instructions that the guest's CPUID does not offer: #UD. */
	[EXIT_REASON_GETSEC]            = {exit_undefined, "GETSEC"},
	[EXIT_REASON_VMCALL]            = {exit_undefined, "VMCALL"},
	[EXIT_REASON_VMCLEAR]           = {exit_undefined, "VMCLEAR"},
	[EXIT_REASON_VMLAUNCH]          = {exit_undefined, "VMLAUNCH"},
	[EXIT_REASON_VMPTRLD]           = {exit_undefined, "VMPTRLD"},
	[EXIT_REASON_VMPTRST]           = {exit_undefined, "VMPTRST"},
	[EXIT_REASON_VMREAD]            = {exit_undefined, "VMREAD"},
	[EXIT_REASON_VMRESUME]          = {exit_undefined, "VMRESUME"},
	[EXIT_REASON_VMWRITE]           = {exit_undefined, "VMWRITE"},
	[EXIT_REASON_VMXOFF]            = {exit_undefined, "VMXOFF"},
	[EXIT_REASON_VMXON]             = {exit_undefined, "VMXON"},
	[EXIT_REASON_MWAIT]             = {exit_undefined, "MWAIT"},
	[EXIT_REASON_MONITOR]           = {exit_undefined, "MONITOR"},
	[EXIT_REASON_INVEPT]            = {exit_undefined, "INVEPT"},
	[EXIT_REASON_INVVPID]           = {exit_undefined, "INVVPID"},
	[EXIT_REASON_VMFUNC]            = {exit_undefined, "VMFUNC"},
	[EXIT_REASON_ENCLS]             = {exit_undefined, "ENCLS"},
	[EXIT_REASON_UMWAIT]            = {exit_undefined, "UMWAIT"},
	[EXIT_REASON_TPAUSE]            = {exit_undefined, "TPAUSE"},
	[EXIT_REASON_LOADIWKEY]         = {exit_undefined, "LOADIWKEY"},
	[EXIT_REASON_ENCLV]             = {exit_undefined, "ENCLV"},
	[EXIT_REASON_SEAMCALL]          = {exit_undefined, "SEAMCALL"},
	[EXIT_REASON_TDCALL]            = {exit_undefined, "TDCALL"},
	[EXIT_REASON_RDMSR_IMMEDIATE]   = {exit_undefined, "RDMSR IMMEDIATE"},
	[EXIT_REASON_WRMSRNS_IMMEDIATE] = {exit_undefined, "WRMSRNS IMMEDIATE"},

	/* Never: the control that asks for the exit is off. */
	[EXIT_REASON_INVLPG]            = {exit_unexpected,           "INVLPG"},
	[EXIT_REASON_RDTSC]             = {exit_unexpected,           "RDTSC"},
	[EXIT_REASON_MONITOR_TRAP_FLAG] = {exit_unexpected,           "MONITOR TRAP FLAG"},
	[EXIT_REASON_PAUSE]             = {exit_unexpected,           "PAUSE"},
	[EXIT_REASON_GDTR_IDTR_ACCESS]  = {exit_unexpected,           "GDTR OR IDTR ACCESS"},
	[EXIT_REASON_LDTR_TR_ACCESS]    = {exit_unexpected,           "LDTR OR TR ACCESS"},
	[EXIT_REASON_RDRAND]            = {exit_unexpected,           "RDRAND"},
	[EXIT_REASON_RDSEED]            = {exit_unexpected,           "RDSEED"},
	[EXIT_REASON_PML_FULL]          = {REQUEUED(exit_unexpected), "PAGE-MODIFICATION LOG FULL"},
	[EXIT_REASON_PCONFIG]           = {exit_unexpected,           "PCONFIG"},
	[EXIT_REASON_SPP_EVENT]         = {REQUEUED(exit_unexpected), "SPP EVENT"},
	[EXIT_REASON_BUS_LOCK]          = {exit_bus_lock,             "BUS LOCK"},
	[EXIT_REASON_NOTIFY_WINDOW]     = {exit_unexpected,           "NOTIFY WINDOW"},
	[EXIT_REASON_RDMSRLIST]         = {exit_unexpected,           "RDMSRLIST"},
	[EXIT_REASON_WRMSRLIST]         = {exit_unexpected,           "WRMSRLIST"},

	/* Never: exits only with RDTSC or INVLPG exiting, or by a bit of the XSS-exiting bitmap. */
	[EXIT_REASON_RDTSCP]  = {exit_unexpected, "RDTSCP"},
	[EXIT_REASON_INVPCID] = {exit_unexpected, "INVPCID"},
	[EXIT_REASON_XSAVES]  = {exit_unexpected, "XSAVES"},
	[EXIT_REASON_XRSTORS] = {exit_unexpected, "XRSTORS"},

	/* Never: no APIC is virtualised. */
	[EXIT_REASON_TPR_BELOW_THRESHOLD] = {exit_unexpected,           "TPR BELOW THRESHOLD"},
	[EXIT_REASON_APIC_ACCESS]         = {REQUEUED(exit_unexpected), "APIC ACCESS"},
	[EXIT_REASON_VIRTUALIZED_EOI]     = {exit_unexpected,           "VIRTUALIZED EOI"},
	[EXIT_REASON_APIC_WRITE]          = {exit_unexpected,           "APIC WRITE"},

	/* Never: no vCPU waits for a SIPI; no dual-monitor treatment; RSM outside SMM is #UD. */
	[EXIT_REASON_STARTUP_IPI] = {exit_unexpected, "START-UP IPI"},
	[EXIT_REASON_IO_SMI]      = {exit_unexpected, "I/O SMI"},
	[EXIT_REASON_OTHER_SMI]   = {exit_unexpected, "OTHER SMI"},
	[EXIT_REASON_RSM]         = {exit_unexpected, "RSM"},

	/* Never: CPUID hides the instruction, and guests do not have the MSR that it needs. */
	[EXIT_REASON_ENQCMD]  = {exit_unexpected, "ENQCMD PASID"},
	[EXIT_REASON_ENQCMDS] = {exit_unexpected, "ENQCMDS PASID"},
	[EXIT_REASON_URDMSR]  = {exit_unexpected, "URDMSR"},
	[EXIT_REASON_UWRMSR]  = {exit_unexpected, "UWRMSR"},

	/* Only together with EXIT_REASON_ENTRY_FAILURE, which vmx_exit() handles. */
	[EXIT_REASON_ENTRY_GUEST_STATE]   = {exit_unexpected, "INVALID GUEST STATE"},
	[EXIT_REASON_ENTRY_MSR_LOADING]   = {exit_unexpected, "MSR LOADING"},
	[EXIT_REASON_ENTRY_MACHINE_CHECK] = {exit_unexpected, "MACHINE CHECK AT ENTRY"},

	/* Not defined. */
	[35] = {exit_unexpected, "reason 35"},
	[38] = {exit_unexpected, "reason 38"},
	[42] = {exit_unexpected, "reason 42"},
	[71] = {exit_unexpected, "reason 71"},
	[82] = {exit_unexpected, "reason 82"},
	[83] = {exit_unexpected, "reason 83"},
};
/* clang-format on */

_Static_assert(EXIT_REASONS <= EXIT_KINDS_MAX, "a vCPU counts each");

unsigned backend_exit_kinds(void)
{
	return EXIT_REASONS;
}

const char *backend_exit_name(unsigned kind)
{
	kind &= ~(unsigned)EXIT_REASON_BUS_LOCKED;
	return kind < EXIT_REASONS ? exit_handlers[kind].name : "reason beyond the manual's table";
}
