/*
 * What belongs to one physical processor. %gs:0 holds its address while the
 * monitor runs; VM exits restore it from the VMCS.
 */
#ifndef VMM_CPU_H
#define VMM_CPU_H

#include "lib/x86.h"
#include "vmm/timer.h"

struct vcpu;

#define CPU_STACK_PAGES 4

struct cpu {
	/* Known to assembly (vmm/vmx/entry.S); the offsets are asserted in vmm/vmx/run.c. */
	struct cpu *self;
	uint64_t stack_top;
	struct vcpu *current; /* whose VMCS and registers are loaded */

	uint8_t index; /* 0 is the boot processor */
	uint32_t apic_id;
	struct timer_queue timers;
	uint64_t deadline; /* TSC of the next timer event: the head of `timers` */
	uint64_t look;     /* TSC when real interrupts that wait are looked for at the latest */
	hpa_t vmxon_region;
};

static inline struct cpu *this_cpu(void)
{
	return per_cpu_base();
}

/* Arm (TIMER_NEVER: cancel) a timer of this CPU and take the new earliest deadline over. */
void cpu_timer_arm(struct cpu *cpu, struct timer *timer, uint64_t deadline);

/*
 * Take the real interrupts that wait, and fire the timers that are due. Interrupts cause exits, but a guest
 * can have them wait: by an event whose delivery exits again and again, so that no instruction is ever begun;
 * and Bochs (2.7 to 3.0) does not deliver them while the guest's IF has been 0 since VM entry.
 */
void cpu_catch_up(struct cpu *cpu);

/* Nothing to run: wait for an interrupt, or do what the console still has to do. */
void cpu_idle(struct cpu *cpu);

#endif
