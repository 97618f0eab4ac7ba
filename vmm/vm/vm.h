/* SPDX-License-Identifier: MIT */
/*
 * A virtual machine: memory, devices, vCPUs, and how its life goes.
 *
 * A vCPU belongs to the CPU that it is on (vmm/x86/vcpu.h). What is the VM's own, its devices
 * included, belongs to the CPU that its boot vCPU is on; a VM that is off belongs to the boot
 * processor. Other CPUs ask with vm_ask().
 */
#ifndef VMM_VM_VM_H
#define VMM_VM_VM_H

#include "devices/machine/machine.h"
#include "mm/ept.h"
#include "mm/frames.h"
#include "mm/guest_map.h"
#include "vmm/backend.h"
#include "vmm/vm/vm_terminal.h"
#include "vmm/vm_calls.h"
#include "vmm/cpu/timer.h"
#include "vmm/vm/vm_config.h"

#define VM_VCPUS_MAX 64
#define VMS_MAX      (FRAME_OWNERS - FRAME_OWNER_FIRST_VM)

/* Which may follow which: vm_life.c. */
enum vm_state {
	VM_STOPPED,  /* has no memory */
	VM_STARTING, /* has its memory, and waits for its start or is being loaded */
	VM_RUNNING,
	VM_PAUSED,
	VM_ENDING, /* does not run again; its memory is about to be freed */
	VM_HELD,   /* ended by a fault of its own, and kept as it was */
};

/* What brings a VM's memory into being, and what is in it at its start. */
struct vm_loader {
	/* Add the RAM and ROM to the empty map. */
	int (*populate)(struct guest_map *map, uint64_t memory);
	/* Write what firmware leaves in memory: less than a millisecond of work. */
	int (*firmware)(struct vm *vm);
	/*
	 * Load the images, and say how the vCPU starts. Less than a millisecond of work, too: large
	 * copies go to vm_defer_copy().
	 */
	int (*load)(struct vm *vm, struct vcpu_start *start, char *problem, size_t size);
	const void *context; /* for `load`; must stay */
};

/* What can be asked of a VM; a set of bits. Carried out in this order. */
enum vm_request {
	VM_CONSOLE = 0x01, /* there is input for it, or room for its output */
	VM_BUTTON = 0x02,  /* press its power button */
	VM_PAUSE = 0x04,
	VM_RESUME = 0x08,
	VM_DUMP = 0x10,  /* fill vm_dumped */
	VM_FORCE = 0x20, /* take its power away */
	VM_FREE = 0x40,  /* it has ended: give its memory back */
	VM_HALT = 0x100, /* it has halted for good, and on_halt says that this is its end */
	VM_RESET = 0x80, /* load its images again, and restart it */
};

#define VM_COPIES_MAX 96

/* How far a machine is from its start: vm_work.c. */
struct vm_work {
	enum {
		VM_WORK_CLEAR,
		VM_WORK_FIRMWARE,
		VM_WORK_LOAD,
		VM_WORK_COPY,
		VM_WORK_BEGIN,
		VM_WORK_CONTINUE, /* vm_continue() */
	} step;
	gpa_t cleared, freed; /* memory below is */
	struct vm_copy {
		gpa_t to;
		const uint8_t *from; /* null: zeroes */
		uint64_t size;
	} copy[VM_COPIES_MAX];
	unsigned copies;
	struct vcpu_start start;
	bool resets_machine, ends_interrupt; /* VM_WORK_CONTINUE */
};

struct vm {
	char name[VM_NAME_MAX];
	unsigned number; /* from 0 */
	enum vm_state state;
	enum vm_end end;
	struct vm_config config;
	struct vm_loader loader;
	struct vcpu *vcpus[VM_VCPUS_MAX]; /* by index; the first is the boot processor */
	unsigned vcpu_count;
	struct machine machine;
	struct line_sink intr;                /* the boot processor's interrupt pin */
	struct memory_listener device_memory; /* the map follows it */
	struct guest_map map;
	struct ept ept;
	struct vm_terminal *terminal; /* null: nothing is connected */
	struct timer timer;           /* the machine's next deadline */
	struct timer start_timer;     /* the end of its start delay, or of the wait for a restart */
	struct timer button_timer;    /* the end of the patience after its power button was pressed */
	struct clock clock;           /* the machine's */
	uint64_t started;             /* TSC when it was last started or reset */
	uint64_t resets;              /* by the guest */
	uint64_t restarts;            /* by on_crash */
	uint64_t reported;            /* TSC of the last whole report; 0: none */
	uint64_t reset_said;          /* TSC when the operator was last told of one */
	bool halted_said;             /* HLT with interrupts off has been reported */
	bool powered;                 /* the devices are made */
	uint16_t firmware_said;       /* calls of the firmware's services 10h to 1Ah that were told */
	bool button_pressed;          /* and it has neither ended nor been reset since */
	uint64_t button_until;        /* TSC when it is forced off then */
	struct vm_work work;

	uint32_t asked;    /* set of enum vm_request; atomic */
	bool carrying_out; /* what was asked for; atomic */
	struct cpu_call call;
};

#define VM_OWNER(vm) ((uint16_t)(FRAME_OWNER_FIRST_VM + (vm)->number))

/* ---- On the boot processor ---- */

/*
 * Make it known under a number below VMS_MAX that is free. It is off. All else in `vm` is zero.
 * -ERR_NO_MEMORY: for its vCPUs; then it is not known.
 */
int must_check vm_define(struct vm *vm, const struct vm_config *config, const struct vm_loader *loader,
                         unsigned number);

/* Take its name and number away again, and free its vCPUs. It is off, and has no terminal. */
void vm_forget(struct vm *vm);

/*
 * Give a VM that is off its memory and send it to a CPU, where it starts when its delay is over. On
 * failure it is as before, and `problem` is one sentence: -ERR_NO_MEMORY.
 */
int must_check vm_start(struct vm *vm, char *problem, size_t size);

/* All VMs by number; null where there is none. */
struct vm *vm_get(unsigned number);
struct vm *vm_find(const char *name);
extern unsigned vm_count;

/* Exits of all its vCPUs. Any CPU. */
uint64_t vm_exits(const struct vm *vm);

/* What all its vCPUs did since it was switched on. Any CPU: each counter is read as it is. */
struct vm_counts {
	uint64_t ran, waited; /* TSC ticks: with a processor, and ready without one */
	uint64_t exits, injected, emulated;
};
struct vm_counts vm_counts(const struct vm *vm);

/* Called on the boot processor when the last VM that was on has ended. Set by guests/. */
extern void (*vm_all_stopped)(void);

/* What VM_DUMP leaves: the lines of vm_dump(), each with its NUL, and an empty one. */
#define VM_DUMP_SIZE 6144
extern char vm_dumped[VM_DUMP_SIZE];

/*
 * After VM_DUMP was answered: what it left of this VM, which stays until vm_dump_end(). Null:
 * another CPU, which a command had given up, was writing it.
 */
const char *vm_dump_begin(const struct vm *vm);
void vm_dump_end(void);

/* From the power button to the force, if the guest does not turn itself off. */
#define VM_STOP_SECONDS 10

/* ---- From any CPU ---- */

/*
 * Have it carried out by the VM's CPU, soon. What has no meaning in the VM's state then does
 * nothing.
 */
void vm_ask(struct vm *vm, uint32_t requests);

/*
 * The same, and wait until that is done; false: its CPU does not answer. On the boot processor, in
 * its run loop. vm_wait() lets others run meanwhile; where it is null or false, only the calls for
 * this CPU are carried out.
 */
extern bool (*vm_wait)(void);
bool vm_ask_and_wait(struct vm *vm, uint32_t requests);

/* Called between the pieces of vm_start(), which takes long; may be null. */
extern void (*vm_pass)(void);

/* Measure or trace its exits from now on: a set of enum vcpu_watch. */
void vm_watch(struct vm *vm, uint8_t watch);

/* What vm_watch() was told last. */
static inline uint8_t vm_watched(const struct vm *vm)
{
	return vm->vcpus[0]->watch;
}

/* ---- On the VM's CPU ---- */

/* Its images are to be loaded again, and the vCPU to restart, before the next entry. */
void vm_reset(struct vm *vm);

/*
 * The same, because the guest asks for it, which it may do in a loop: from the second time on it
 * waits until 50 ms after the last start.
 */
void vm_reset_by_guest(struct vm *vm);

/*
 * For vm_loader.load: have `size` bytes copied from `from`, which must stay (null: zeroes), to
 * guest RAM or ROM at `to`, in steps, before the vCPU starts. False: there are too many already.
 */
bool vm_defer_copy(struct vm *vm, gpa_t to, const void *from, uint64_t size);

/*
 * What REQUEST_WORK stands for, in steps of less than a millisecond: one of them, whose name it
 * returns. From the run loop.
 */
const char *vm_work(struct vm *vm);

/*
 * The devices' next deadline in ns of the machine's clock (DEADLINE_NONE: none). It is watched only
 * while the VM runs and its boot vCPU has a turn or sleeps: in a pause the clock stands still, and
 * one that waits for its turn is made up for when that comes, by vm_run_timers(). A deadline after
 * the last TSC, centuries from now, never comes.
 */
void vm_arm_timer(struct vm *vm, uint64_t deadline);

/* The boot vCPU waits for its turn: what the devices do meanwhile can be made up for then. */
void vm_hold_timers(struct vm *vm);

/*
 * Its turn has come, or it has gone to sleep: the devices are up to date, and their deadline
 * watched.
 */
void vm_run_timers(struct vm *vm);

/* ---- Words ---- */

const char *vm_end_name(enum vm_end end);
const char *vm_state_name(enum vm_state state);

/* Its instruction bytes, registers and last exits, line by line. */
void vm_dump(struct vm *vm, void (*put)(const char *line));

/* Its last MSR accesses that were #GP, by MSR and direction; nothing if there are none. */
void vm_put_refused_msrs(const struct vm *vm, void (*put)(const char *line));

/* vm_dump() into vm_dumped, for the operator, who waits. */
void vm_keep_dump(struct vm *vm);

/* Is it the guest's own fault, which deserves a report, and what on_crash says? */
bool vm_end_is_fault(enum vm_end end);

/*
 * Print the report of a VM that cannot go on: why, and vm_dump(), which one that restarts gets once
 * in ten seconds.
 */
void vm_report(struct vm *vm);

/* The VM's number for the operator, from 1: Ctrl-A and this number go to its console. */
static inline unsigned vm_console_number(const struct vm *vm)
{
	return vm->number + 1;
}

/* The vCPU that its firmware starts. */
static inline struct vcpu *vm_boot_vcpu(const struct vm *vm)
{
	return vm->vcpus[0];
}

static inline struct vm *machine_vm(const struct machine *machine)
{
	return container_of(machine, struct vm, machine);
}

#endif
