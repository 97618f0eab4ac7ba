/* A virtual machine: memory, devices, one vCPU, and how its life goes. */
#ifndef VMM_VM_H
#define VMM_VM_H

#include "devices/virtual/machine.h"
#include "mm/ept.h"
#include "mm/frames.h"
#include "mm/guest_map.h"
#include "vmm/backend.h"
#include "vmm/console_channel.h"
#include "vmm/timer.h"

#define VM_NAME_MAX 32
#define VMS_MAX     256

enum vm_state {
	VM_STOPPED, /* defined or ended; no vCPU runs */
	VM_RUNNING,
	VM_PAUSED,
};

/* Why a VM ended; the words are in vm.c. */
enum vm_end {
	VM_NOT_STARTED,
	VM_POWERED_OFF, /* the guest turned its machine off */
	VM_FORCED,      /* the operator did */
	VM_TRIPLE_FAULT,
	VM_BAD_STATE, /* VM entry failed: guest state that the architecture forbids */
	VM_EMULATION, /* an instruction that Nacre cannot emulate */
	VM_UNEXPECTED_EXIT,
	VM_NO_MEMORY,     /* the monitor's, for translation tables */
	VM_NOT_RESTARTED, /* a reset that could not load the images again */
};

struct vm {
	char name[VM_NAME_MAX];
	unsigned number; /* from 0; the console digit is number + 1 */
	enum vm_state state;
	enum vm_end end;
	struct vcpu vcpu;
	struct machine machine;
	struct guest_map map;
	struct ept ept;
	struct channel console; /* COM1 */
	struct scrollback scrollback;
	struct timer timer;  /* the machine's next deadline */
	uint64_t clock_base; /* TSC when the machine's clock was 0 */
	uint64_t paused_at;  /* TSC */
	int64_t epoch;       /* wall clock when the machine's clock was 0 */
	uint64_t memory;     /* bytes of RAM */
	uint64_t emulated;   /* instructions that the emulator ran */
	uint64_t resets;     /* by the guest */
	uint64_t reset_said; /* TSC when the operator was last told of one */
	bool halted_said;    /* HLT with interrupts off has been reported */

	/* Load the images again and say how the vCPU starts; set by guests/. */
	int (*load)(struct vm *vm, struct vcpu_start *start, char *problem, size_t size);
	const void *load_context;
};

#define VM_OWNER(vm) ((uint16_t)(FRAME_OWNER_FIRST_VM + (vm)->number))

/* What a new VM is made of. */
struct vm_plan {
	const char *name;
	uint64_t memory;
	uint8_t uarts;
	bool screen;
	bool hpet;
	/* Add the RAM and ROM to the empty map. */
	int (*populate)(struct guest_map *map, uint64_t memory);
	int (*load)(struct vm *vm, struct vcpu_start *start, char *problem, size_t size);
	const void *load_context;
};

/*
 * Make a VM and start it on this CPU. On failure nothing is left of it, and
 * `problem` is one sentence. Errors: -ERR_NO_MEMORY, and what plan->load returns.
 */
int must_check vm_start(struct vm *vm, const struct vm_plan *plan, unsigned number, char *problem,
                        size_t size);

/* The VM cannot or shall not go on: report, and leave it stopped. Takes effect before its next entry. */
enum action vm_stop(struct vm *vm, enum vm_end why);

/* The operator's: hold and go on; time does not pass for the guest meanwhile. */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);

/* The vCPU waits in HLT: if interrupts are off, tell the operator, once. */
void vm_say_halted(struct vm *vm);

/* Ask for a reset of the whole machine before the next entry. */
void vm_reset(struct vm *vm);

/* Called by the run loop for REQUEST_RESET, outside of any handler. */
void vm_carry_out_reset(struct vm *vm);

/* Measure or trace its exits from now on: a set of enum vcpu_watch. */
void vm_watch(struct vm *vm, uint8_t watch);

/* The devices' next deadline in ns of the machine's clock (DEADLINE_NONE: none). */
void vm_arm_timer(struct vm *vm, uint64_t deadline);

/* All VMs by number; null where there is none. */
struct vm *vm_get(unsigned number);
struct vm *vm_find(const char *name);
extern unsigned vm_count;

/* Called once when the last running VM has ended. Set by guests/. */
extern void (*vm_all_stopped)(void);

const char *vm_end_name(enum vm_end end);
const char *vm_state_name(enum vm_state state);

/* Its instruction bytes, registers and last exits, line by line. The vCPU must be current. */
void vm_dump(const struct vm *vm, void (*put)(const char *line));

/* Print the report of a VM that cannot go on: why, and vm_dump(). */
void vm_report(const struct vm *vm);

static inline struct vm *machine_vm(const struct machine *machine)
{
	return container_of(machine, struct vm, machine);
}

#endif
