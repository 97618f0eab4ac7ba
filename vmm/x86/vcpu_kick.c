/* SPDX-License-Identifier: MIT */
/*
 * Kicks from other CPUs. What makes them arrive, in this order:
 *
 *   the kicking CPU             the vCPU's CPU, in its run loop
 *   1 kicked |= requests        3 kick.queued = false   (cpu_run_calls)
 *   2 kick.queued = true, or    4 requests |= kicked, kicked = 0
 *     leave it: it was true
 *
 * All four are atomic read-modify-writes that acquire and release. If 2 found `queued` true, 3
 * comes after it and reads what it wrote, so 4 sees 1: no kick is lost, though its sender sent no
 * interrupt. If 2 found it false, a call of its own is queued, and 4 runs again.
 *
 * The owner of a vCPU changes only by a release of sched.cpu (sched_move.c). Whoever reads its own
 * index there therefore sees all that the last owner did, and is the only one to touch `requests`.
 * Whoever reads another's sends the kick there; a vCPU that has moved meanwhile is followed.
 */
#include "vmm/x86/vcpu.h"

static void vcpu_merge_kicks(struct cpu_call *call)
{
	struct vcpu *vcpu = container_of(call, struct vcpu, kick);
	unsigned owner = sched_cpu(&vcpu->sched);

	if (owner != this_cpu()->index)
		cpu_call(cpu_get(owner), call);
	else
		vcpu_kick(vcpu, __atomic_exchange_n(&vcpu->kicked, 0, __ATOMIC_ACQ_REL));
}

void vcpu_kick_init(struct vcpu *vcpu)
{
	vcpu->kicked = 0;
	vcpu->kick.run = vcpu_merge_kicks;
}

void vcpu_kick_remote(struct vcpu *vcpu, uint32_t requests)
{
	__atomic_or_fetch(&vcpu->kicked, requests, __ATOMIC_ACQ_REL);
	cpu_call(cpu_get(sched_cpu(&vcpu->sched)), &vcpu->kick);
}
