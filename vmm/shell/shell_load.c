/* SPDX-License-Identifier: MIT */
#include "vmm/shell/shell_load.h"
#include "mm/frames.h"
#include "vmm/cpu/time.h"
#include "vmm/vm/vm.h"

#define US_PER_S    1000000
#define SHORTEST_NS 10000000

static uint64_t load_read_counter(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

bool load_is_on(const struct vm *vm)
{
	return vm->state == VM_RUNNING || vm->state == VM_PAUSED;
}

struct load load_of_vm(const struct vm *vm)
{
	struct vm_counts counts = vm_counts(vm);

	return (struct load){
		.tsc = time_now(),
		.ran = counts.ran,
		.waited = counts.waited,
		.exits = counts.exits,
		.injected = counts.injected,
	};
}

struct load load_of_cpu(const struct cpu *cpu)
{
	return (struct load){
		.tsc = time_now(),
		.ran = load_read_counter(&cpu->sched.busy),
		.exits = load_read_counter(&cpu->sched.switches),
	};
}

static uint64_t load_difference(uint64_t before, uint64_t after)
{
	return after > before ? after - before : 0;
}

struct load load_between(const struct load *before, const struct load *after)
{
	uint64_t ticks = load_difference(before->tsc, after->tsc);

	if (ticks < time_tsc_from_ns(SHORTEST_NS))
		return (struct load){0};
	return (struct load){
		.tsc = ticks,
		.ran = load_difference(before->ran, after->ran),
		.waited = load_difference(before->waited, after->waited),
		.exits = load_difference(before->exits, after->exits),
		.injected = load_difference(before->injected, after->injected),
	};
}

unsigned load_share(uint64_t ticks, uint64_t of)
{
	return of < 1000 ? 0 : (unsigned)MIN(ticks / (of / 1000), 1000);
}

uint64_t load_per_second(uint64_t count, uint64_t ticks)
{
	uint64_t us = time_ns_from_tsc(ticks) / 1000;

	return us ? (count * US_PER_S + us / 2) / us : 0;
}

uint64_t load_overhead(const struct vm *vm)
{
	uint64_t owned = frames_owned(VM_OWNER(vm)) * PAGE_SIZE;

	uint64_t kept = sizeof(*vm) + vm->vcpu_count * sizeof(struct vcpu);

	return (load_difference(vm->map.ram, owned) + kept + 1023) / 1024;
}
