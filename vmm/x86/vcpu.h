/* SPDX-License-Identifier: MIT */
/*
 * One virtual processor: what the monitor keeps of it between exits. The rest of its state is in
 * the VMCS, reached through vmm/backend.h. Registers that the monitor itself never touches (FPU,
 * debug, SYSCALL MSRs) are in the processor.
 */
#ifndef VMM_X86_VCPU_H
#define VMM_X86_VCPU_H

#include "devices/bus/memory_space.h"
#include "devices/bus/port_space.h"
#include "mm/ept.h"
#include "vmm/cpu/cpu.h"
#include "vmm/vcpu_backend.h"
#include "vmm/vcpu_start.h"

struct vm;

/* What an exit handler wants done with the instruction that exited. */
enum action {
	ACTION_ADVANCE, /* it is done: go on after it */
	ACTION_RETRY,   /* run it again, or deliver the event that the handler queued */
	ACTION_STOP,    /* the VM cannot go on; vm_stop() has been told why */
};

/* Reasons to leave the fast path before the next entry. One test, in entry.S, covers all. */
enum vcpu_request {
	REQUEST_EVENT = 0x01,       /* vcpu->event is to be delivered */
	REQUEST_NMI = 0x02,         /* an NMI is pending */
	REQUEST_INTERRUPT = 0x04,   /* the interrupt controller asserts INTR */
	REQUEST_HALTED = 0x08,      /* HLT or a like state: do not run */
	REQUEST_STOP = 0x10,        /* the VM is off, or waits for its start */
	REQUEST_WORK = 0x20,        /* vm_work() comes first: the machine is made, or made again */
	REQUEST_FLUSH = 0x40,       /* cached guest-physical translations are stale */
	REQUEST_PAUSE = 0x80,       /* the operator holds the VM */
	REQUEST_RESCHEDULE = 0x100, /* its CPU has something else to look at */

	/* These alone do not ask who is to run. */
	REQUESTS_TO_DELIVER = REQUEST_EVENT | REQUEST_NMI | REQUEST_INTERRUPT | REQUEST_FLUSH,

	/*
	 * What entry.S itself does with every entry, or with the next. These do not hold the guest
	 * up.
	 */
	ENTRY_LAUNCH = 0x10000,           /* VMLAUNCH: the first since VMCLEAR */
	ENTRY_MITIGATE_BUFFERS = 0x20000, /* VERW: fill buffers, store buffers, load ports (MDS, TAA) */
	ENTRY_MITIGATE_L1D = 0x40000,     /* IA32_FLUSH_CMD: L1 data cache (L1TF) */
	ENTRY_ACTIONS = 0xf0000,
};

/*
 * Kinds of event. Both vendors inject by a number for the kind, and the four that both know are the
 * same: 0, 2, 3 and 4 of SDM Vol. 3C "VM-Entry Controls for Event Injection" and of APM Vol. 2
 * "Event Injection" (EVENTINJ.TYPE). So the numbers serve as they are. SVM has no 5 and 6: there
 * INT1, INT3 and INTO go in as exceptions, after RIP was moved past them.
 */
enum event_type {
	EVENT_INTERRUPT = 0,
	EVENT_NMI = 2,
	EVENT_EXCEPTION = 3,
	EVENT_SOFTWARE_INTERRUPT = 4,
	EVENT_PRIVILEGED_EXCEPTION = 5, /* INT1 */
	EVENT_SOFTWARE_EXCEPTION = 6,   /* INT3, INTO */
};

struct event {
	uint8_t vector;
	uint8_t type; /* enum event_type */
	bool has_error_code;
	uint32_t error_code;
	uint8_t length; /* of the instruction, for the software kinds */
};

/* What is noted of each exit, in addition to its count. */
enum vcpu_watch {
	WATCH_MEASURE = 1, /* its ticks */
	WATCH_TRACE = 2,   /* a record in the trace */
	WATCH_AUDIT = 4,   /* the state in which the guest goes on, if it breaks a rule of the manual */
	WATCH_PORTS = 8,   /* breakpoints on ports: `instrumented` alone has it, by vmx_watch_ports() */
};

/* Exits kept for reports. */
#define LAST_EXITS 16

/* Kinds of exit that a backend may tell apart; backend_exit_name() has their names. */
#define EXIT_KINDS_MAX 96

struct exit_record {
	uint64_t rip;
	uint64_t reason; /* the backend's: a kind, and marks above it */
};

/* An MSR access that was #GP, for reports: index and direction are what makes two of them one. */
#define MSR_REFUSALS 8
struct msr_refusal {
	uint32_t index;
	bool write;
	uint64_t count;
	uint64_t value, rip; /* of the last; the value of a write */
};

/* An exception that the monitor raised: those of the processor's go to the guest by themselves. */
struct raised_exception {
	uint64_t rip;
	uint32_t error_code;
	uint8_t vector;
	bool any;
};

/* System-call MSRs and their like. Guests write the first two through msr_write() alone. */
enum resident_msr {
	RESIDENT_STAR,
	RESIDENT_LSTAR,
	RESIDENT_CSTAR,
	RESIDENT_FMASK,
	RESIDENT_KERNEL_GS_BASE,
	RESIDENT_TSC_AUX,
	RESIDENT_MSRS,
	RESIDENT_MSRS_KNOWN = RESIDENT_CSTAR, /* those before are right here at any time */
};

/*
 * Registers that stay in the processor across exits: here only while another vCPU has the
 * processor.
 */
struct resident_registers {
	uint64_t msr[RESIDENT_MSRS];
	uint64_t dr[4], dr6, cr2;
	void *extended; /* a frame: FPU, SSE, AVX, as XSAVE or FXSAVE lays it out */
};

struct vcpu {
	uint64_t gpr[GPRS]; /* first: entry.S pushes here. The RSP slot is unused: the VMCS has it. */
	uint32_t requests; /* set of enum vcpu_request; known to entry.S, which tests it before every entry */
	uint8_t last_at;   /* offset in `last` of the next record, in bytes: wraps by itself */
	struct event event;

	/* Its place in its VM, which stays the same for the vCPU's life. */
	struct vm *vm;
	uint16_t vm_number; /* of `vm`, for the trace */
	uint16_t owner;     /* of the frames that the vCPU is made of: VM_OWNER(vm) */
	uint16_t index;     /* among the VM's vCPUs, from 0: the boot processor */
	struct guest_map *map;
	struct ept *ept;
	struct port_space *ports;
	struct memory_space *memory; /* the devices' */

	uint64_t exit_count[EXIT_KINDS_MAX];
	struct exit_record last[LAST_EXITS];

	/* Registers that exist only here. */
	uint64_t cr8;
	uint64_t tsc_adjust;
	uint64_t tsc_offset;
	uint64_t xcr0;
	uint64_t mtrr[32], mtrr_default;
	uint64_t misc_enable;

	struct sched_entity sched;
	uint32_t wakes;       /* the requests that end REQUEST_HALTED */
	uint32_t kicked;      /* requests that other CPUs have set; atomic, merged by `kick` */
	struct cpu_call kick; /* vcpu_kick() from another CPU */

	union { /* one vendor's, chosen at boot */
		struct vmx_vcpu vmx;
	};
	struct resident_registers resident;

	uint8_t watch;                            /* set of enum vcpu_watch; any CPU may change it */
	uint8_t instrumented;                     /* the same, as it is in effect */
	struct msr_refusal refused[MSR_REFUSALS]; /* the last first; those of a count above 0 */
	struct raised_exception raised;           /* the last one */
	uint64_t injected;                        /* interrupts */
	uint64_t emulated;                        /* instructions that the emulator ran */
	uint64_t exit_ticks[EXIT_KINDS_MAX];      /* TSC ticks from exit to entry, while measured */
	uint64_t exit_measured[EXIT_KINDS_MAX];   /* how many exits these are */
};

_Static_assert(LAST_EXITS * sizeof(struct exit_record) == 256, "last_at wraps with its byte");
_Static_assert(offsetof(struct vcpu, gpr) == 0, "entry.S pushes the registers at the start of the vCPU");

/*
 * Who may ask a vCPU, or its CPU, for something, and from where:
 *
 *   vcpu_request()    the vCPU's CPU, in the handling of its exits and in the run loop: seen before
 *                     the next entry; wakes nothing
 *   vcpu_kick()       any CPU, any context except NMI: the vCPU wakes up, or leaves its guest
 *   cpu_reschedule()  this CPU, in any context except NMI: its run loop looks who is next
 *   cpu_call()        any CPU, any context except NMI: work for another CPU's run loop
 *   vm_ask()          any CPU, outside of exit handlers: what an operator can ask of a VM
 *
 * `requests` is plain: only the vCPU's CPU sets and clears it, and entry.S tests it. Other CPUs set
 * `kicked`, which the kick merges into it, in the run loop of the vCPU's CPU.
 */
static inline void vcpu_request(struct vcpu *vcpu, uint32_t requests)
{
	vcpu->requests |= requests;
}

/* Before its first turn. */
void vcpu_kick_init(struct vcpu *vcpu);

/* vcpu_kick() from a CPU that does not own the vCPU. */
void vcpu_kick_remote(struct vcpu *vcpu, uint32_t requests);

/*
 * The one door to a vCPU: it finds `requests` before it next runs guest code, and wakes up if it
 * sleeps and they end that. With REQUEST_RESCHEDULE alone it only takes notice of what the caller
 * changed before. On the vCPU's own CPU this takes effect at once, elsewhere soon.
 */
static inline void vcpu_kick(struct vcpu *vcpu, uint32_t requests)
{
	if (unlikely(sched_cpu(&vcpu->sched) != this_cpu()->index)) {
		vcpu_kick_remote(vcpu, requests);
		return;
	}
	vcpu->requests |= requests;
	if (unlikely(vcpu->sched.state == SCHED_BLOCKED))
		sched_wake(&vcpu->sched);
}

/* HLT: do not run until one of `wakes`, a set of enum vcpu_request, is requested. */
static inline void vcpu_halt(struct vcpu *vcpu, uint32_t wakes)
{
	vcpu_request(vcpu, REQUEST_HALTED);
	vcpu->wakes = wakes;
}

/* Would it run, if it were its turn? */
static inline bool vcpu_wants_to_run(const struct vcpu *vcpu)
{
	uint32_t requests = vcpu->requests;

	if (likely(!(requests & (REQUEST_STOP | REQUEST_PAUSE | REQUEST_HALTED))))
		return true;
	return !(requests & (REQUEST_STOP | REQUEST_PAUSE)) && requests & (vcpu->wakes | REQUEST_WORK);
}

/* The total of its exits. */
uint64_t vcpu_exits(const struct vcpu *vcpu);

/*
 * Queue an exception for delivery before the next guest instruction. A second
 * one on top of an undelivered one becomes a double fault, and that a triple fault,
 * as SDM Vol. 3A "Interrupt 8: Double Fault Exception (#DF)" says. Always returns
 * ACTION_RETRY or ACTION_STOP, so that handlers can return its result.
 */
enum action must_check vcpu_raise(struct vcpu *vcpu, uint8_t vector, uint32_t error_code);

/*
 * The same for INT1, INT3 and INTO, which push the address after the instruction of `length`
 * bytes.
 */
enum action must_check vcpu_raise_software(struct vcpu *vcpu, uint8_t vector, enum event_type type,
                                           uint8_t length);

/* The same for a #PF, which also loads CR2. */
enum action must_check vcpu_raise_page_fault(struct vcpu *vcpu, uint32_t error_code, gva_t address);

/* Does the exception push an error code? */
bool exception_has_error_code(uint8_t vector);

#endif
