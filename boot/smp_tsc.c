/* SPDX-License-Identifier: MIT */
#include "boot/smp_stage.h"
#include "lib/format.h"
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/observe/log.h"

#define CPUID7_EBX_TSC_ADJUST BIT(1)

#define LOOKS 5 /* the one with the smallest window counts: any may be interrupted by an SMI */
#define TRIES 4 /* of setting it right */

/* What is known of the other's TSC: how far it is ahead, give or take half of the window. */
struct tsc_look {
	int64_t ahead;
	uint64_t window;
};

static bool tsc_adjust_exists(void)
{
	return cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & CPUID7_EBX_TSC_ADJUST;
}

static bool tsc_look_once(struct cpu *cpu, struct tsc_look *look)
{
	uint64_t before = read_tsc_in_order(), after;

	smp_report(cpu, ASKED);
	if (!smp_wait_for(cpu, TOLD, COME_UP_NS))
		return false;
	after = read_tsc_in_order();
	look->window = after - before;
	look->ahead = (int64_t)(cpu->stage_tsc - before - look->window / 2);
	return true;
}

static bool tsc_look(struct cpu *cpu, struct tsc_look *best)
{
	for (unsigned i = 0; i < LOOKS; i++) {
		struct tsc_look look;

		if (!tsc_look_once(cpu, &look))
			return false;
		if (!i || look.window < best->window)
			*best = look;
	}
	return true;
}

/* Its TSC lay between two looks at ours. */
static bool tsc_is_ours(const struct tsc_look *look)
{
	return (uint64_t)(look->ahead < 0 ? -look->ahead : look->ahead) <= (look->window + 1) / 2;
}

static bool tsc_adjust(struct cpu *cpu, uint64_t value)
{
	cpu->stage_tsc = value;
	smp_report(cpu, ADJUST);
	return smp_wait_for(cpu, ADJUSTED, COME_UP_NS);
}

/*
 * Counters start together with the machine, and differ by what firmware has written: so the boot
 * processor's adjustment is tried first, and a measured one only where that does not do.
 */
bool smp_tsc_align(struct cpu *cpu, char *problem, size_t size)
{
	uint64_t value = tsc_adjust_exists() ? read_msr(MSR_TSC_ADJUST) : 0;
	struct tsc_look look, first;

	if (!tsc_look(cpu, &first))
		return false;
	look = first;
	for (unsigned i = 0; tsc_adjust_exists() && !tsc_is_ours(&look) && i < TRIES; i++) {
		value -= i ? (uint64_t)look.ahead : 0;
		if (!tsc_adjust(cpu, value) || !tsc_look(cpu, &look))
			return false;
	}
	if (!tsc_is_ours(&look)) {
		format_buffer(problem, size,
		              "its time-stamp counter is %ld ticks from the boot processor's, and "
		              "IA32_TSC_ADJUST does not mend that: update the firmware",
		              look.ahead);
		return false;
	}
	if (!tsc_is_ours(&first))
		log_info("cpu: the time-stamp counter of the processor with APIC ID %u was %ld ticks off: "
		         "set right\n",
		         cpu->apic_id, first.ahead);
	return true;
}

void smp_tsc_answer(struct cpu *cpu)
{
	enum stage stage;

	while ((stage = smp_reached(cpu)) < ACCEPTED) {
		if (stage == ASKED) {
			cpu->stage_tsc = read_tsc_in_order();
			smp_report(cpu, TOLD);
		} else if (stage == ADJUST) {
			if (tsc_adjust_exists())
				write_msr(MSR_TSC_ADJUST, cpu->stage_tsc);
			smp_report(cpu, ADJUSTED);
		} else {
			cpu_relax();
		}
	}
}
