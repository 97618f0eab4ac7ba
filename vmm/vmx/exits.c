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
 * yet only the VM where it came up pays for it.
 */
static enum action exit_unexpected(struct vcpu *vcpu)
{
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

static enum action exit_preemption_timer(struct vcpu *vcpu)
{
	cpu_catch_up(this_cpu());
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

DEFINE_REQUEUED(exit_exception_or_nmi)
DEFINE_REQUEUED(exit_task_switch)
DEFINE_REQUEUED(exit_ept_violation)
DEFINE_REQUEUED(exit_ept_misconfiguration)
DEFINE_REQUEUED(exit_unexpected)

/* clang-format off */
const struct exit_handler exit_handlers[EXIT_REASONS] = {
	[0] =  {REQUEUED(exit_exception_or_nmi), "EXCEPTION OR NMI"},
	[1] =  {exit_interrupt,                 "EXTERNAL INTERRUPT"},
	[2] =  {exit_triple_fault,              "TRIPLE FAULT"},
	[3] =  {exit_init,                      "INIT SIGNAL"},
	[4] = {exit_unexpected,                     "START-UP IPI"              }, /* never: no vCPU waits for SIPI yet */
	[5] = {exit_unexpected,                     "I/O SMI"                   }, /* never: no dual-monitor treatment */
	[6] =  {exit_unexpected,                "OTHER SMI"},                  /* never: as above */
	[7] =  {exit_interrupt_window,          "INTERRUPT WINDOW"},
	[8] =  {exit_nmi_window,                "NMI WINDOW"},
	[9] =  {REQUEUED(exit_task_switch),     "TASK SWITCH"},
	[10] = {exit_cpuid,                     "CPUID"},
	[11] = {exit_undefined,                 "GETSEC"},
	[12] = {exit_hlt,                       "HLT"},
	[13] = {exit_cache,                     "INVD"},
	[14] = {exit_unexpected,                "INVLPG"},                     /* never: control off */
	[15] = {exit_rdpmc,                     "RDPMC"},
	[16] = {exit_unexpected,                "RDTSC"},                      /* never: control off */
	[17] = {exit_unexpected,                     "RSM"                       }, /* never: outside SMM it is #UD */
	[18] = {exit_undefined,                 "VMCALL"},
	[19] = {exit_undefined,                 "VMCLEAR"},
	[20] = {exit_undefined,                 "VMLAUNCH"},
	[21] = {exit_undefined,                 "VMPTRLD"},
	[22] = {exit_undefined,                 "VMPTRST"},
	[23] = {exit_undefined,                 "VMREAD"},
	[24] = {exit_undefined,                 "VMRESUME"},
	[25] = {exit_undefined,                 "VMWRITE"},
	[26] = {exit_undefined,                 "VMXOFF"},
	[27] = {exit_undefined,                 "VMXON"},
	[28] = {exit_control_register,          "CONTROL REGISTER"},
	[29] = {exit_unexpected,                "MOV DR"},                     /* never: control off */
	[30] = {exit_io,                        "I/O"},
	[31] = {exit_rdmsr,                     "RDMSR"},
	[32] = {exit_wrmsr,                     "WRMSR"},
	[33] = {exit_unexpected,                     "INVALID GUEST STATE"       }, /* comes with the entry-failure bit */
	[34] = {exit_unexpected,                "MSR LOADING"},                /* likewise */
	[35] = {exit_unexpected,                "reason 35"},                  /* not defined */
	[36] = {exit_undefined,                 "MWAIT"},
	[37] = {exit_unexpected,                "MONITOR TRAP FLAG"},          /* never: control off */
	[38] = {exit_unexpected,                "reason 38"},                  /* not defined */
	[39] = {exit_undefined,                 "MONITOR"},
	[40] = {exit_unexpected,                "PAUSE"},                      /* never: control off */
	[41] = {exit_unexpected,                     "MACHINE CHECK AT ENTRY"    }, /* comes with the entry-failure bit */
	[42] = {exit_unexpected,                "reason 42"},                  /* not defined */
	[43] = {exit_unexpected,                "TPR BELOW THRESHOLD"},        /* never: no TPR shadow */
	[44] = {REQUEUED(exit_unexpected),           "APIC ACCESS"               }, /* never: no virtualised APIC */
	[45] = {exit_unexpected,                "VIRTUALIZED EOI"},            /* never: as above */
	[46] = {exit_unexpected,                "GDTR OR IDTR ACCESS"},        /* never: control off */
	[47] = {exit_unexpected,                "LDTR OR TR ACCESS"},          /* never: control off */
	[48] = {REQUEUED(exit_ept_violation),   "EPT VIOLATION"},
	[49] = {REQUEUED(exit_ept_misconfiguration), "EPT MISCONFIGURATION"},
	[50] = {exit_undefined,                 "INVEPT"},
	[51] = {exit_unexpected,                     "RDTSCP"                    }, /* never: needs RDTSC exiting */
	[52] = {exit_preemption_timer,          "PREEMPTION TIMER"},
	[53] = {exit_undefined,                 "INVVPID"},
	[54] = {exit_cache,                     "WBINVD"},
	[55] = {exit_xsetbv,                    "XSETBV"},
	[56] = {exit_unexpected,                     "APIC WRITE"                }, /* never: no virtualised APIC */
	[57] = {exit_unexpected,                "RDRAND"},                     /* never: control off */
	[58] = {exit_unexpected,                     "INVPCID"                   }, /* never: needs INVLPG exiting */
	[59] = {exit_undefined,                 "VMFUNC"},
	[60] = {exit_undefined,                 "ENCLS"},
	[61] = {exit_unexpected,                "RDSEED"},                     /* never: control off */
	[62] = {REQUEUED(exit_unexpected),      "PAGE-MODIFICATION LOG FULL"}, /* never: control off */
	[63] = {exit_unexpected,                     "XSAVES"                    }, /* never: XSS-exiting bitmap is 0 */
	[64] = {exit_unexpected,                "XRSTORS"},                    /* likewise */
	[65] = {exit_unexpected,                "PCONFIG"},                    /* never: control off */
	[66] = {REQUEUED(exit_unexpected),      "SPP EVENT"},                  /* never: control off */
	[67] = {exit_undefined,                 "UMWAIT"},
	[68] = {exit_undefined,                 "TPAUSE"},
	[69] = {exit_undefined,                 "LOADIWKEY"},
	[70] = {exit_undefined,                 "ENCLV"},
	[71] = {exit_unexpected,                "reason 71"},                  /* not defined */
	[72] = {exit_unexpected,                "ENQCMD PASID"},               /* never: hidden in CPUID */
	[73] = {exit_unexpected,                "ENQCMDS PASID"},              /* likewise */
	[74] = {exit_unexpected,                "BUS LOCK"},                   /* never: control off */
	[75] = {exit_unexpected,                "NOTIFY WINDOW"},              /* never: control off */
	[76] = {exit_undefined,                 "SEAMCALL"},
	[77] = {exit_undefined,                 "TDCALL"},
	[78] = {exit_unexpected,                "RDMSRLIST"},                  /* never: control off */
	[79] = {exit_unexpected,                "WRMSRLIST"},                  /* likewise */
};
/* clang-format on */

const char *backend_exit_name(unsigned reason)
{
	return reason < EXIT_REASONS ? exit_handlers[reason].name : "reason beyond the manual's table";
}
