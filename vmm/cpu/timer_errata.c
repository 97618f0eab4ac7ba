/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/timer_errata.h"
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/observe/log.h"

#define CPUID1_ECX_HYPERVISOR BIT(31)
#define SIGNATURE             0x0fff3fffu /* CPUID.1:EAX without reserved bits */
#define STEPPING              0xfu

/*
 * Intel's specification updates: "VMX-Preemption Timer Does Not Count Down at the Rate Specified".
 * No microcode mends it.
 */
static const uint32_t slow_preemption_timers[] = {
	0x106a0, 0x106a1, 0x106a4, 0x106a5, /* Nehalem */
	0x106e5,                            /* Lynnfield */
	0x206e6,                            /* Nehalem-EX */
	0x20652, 0x20655,                   /* Clarkdale, Arrandale */
	0x306a8,                            /* Ivy Bridge, early */
};

#define ALL_STEPPINGS 0xff

/* The same: "IA32_TSC_DEADLINE ... After IA32_TSC_ADJUST". Mended from the microcode on. */
/* clang-format off */
static const struct {
	uint32_t signature; /* the stepping left out */
	uint8_t stepping;
	uint32_t microcode;
} bad_deadlines[] = {
	{0x306c0, ALL_STEPPINGS, 0x22},       /* Haswell */
	{0x40650, ALL_STEPPINGS, 0x20},
	{0x40660, ALL_STEPPINGS, 0x17},
	{0x306f0, 2,             0x3a},
	{0x306f0, 4,             0x0f},
	{0x306d0, ALL_STEPPINGS, 0x25},       /* Broadwell */
	{0x40670, ALL_STEPPINGS, 0x17},
	{0x406f0, ALL_STEPPINGS, 0xb000020},
	{0x50660, 2,             0x11},
	{0x50660, 3,             0x700000e},
	{0x50660, 4,             0xf00000c},
	{0x50660, 5,             0xe000003},
	{0x406e0, ALL_STEPPINGS, 0xb2},       /* Skylake */
	{0x506e0, ALL_STEPPINGS, 0xb2},
	{0x50650, 3,             0x1000136},
	{0x50650, 4,             0x2000014},
	{0x806e0, ALL_STEPPINGS, 0x52},       /* Kaby Lake */
	{0x906e0, ALL_STEPPINGS, 0x52},
};
/* clang-format on */

struct timer_errata timer_errata;

/* SDM Vol. 3A "Determining the Signature". 0: none was loaded, as in emulators. */
static uint32_t microcode_revision(void)
{
	write_msr(MSR_BIOS_SIGN_ID, 0);
	(void)cpuid(1, 0);
	return (uint32_t)(read_msr(MSR_BIOS_SIGN_ID) >> 32);
}

static bool preemption_timer_is_slow(uint32_t signature)
{
	for (size_t i = 0; i < ARRAY_SIZE(slow_preemption_timers); i++)
		if (slow_preemption_timers[i] == signature)
			return true;
	return false;
}

/* The microcode that mends TSC-deadline mode; 0: there is nothing to mend. */
static uint32_t deadline_needs(uint32_t signature)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_deadlines); i++)
		if (bad_deadlines[i].signature == (signature & ~STEPPING) &&
		    (bad_deadlines[i].stepping == ALL_STEPPINGS ||
		     bad_deadlines[i].stepping == (signature & STEPPING)))
			return bad_deadlines[i].microcode;
	return 0;
}

/* An outer hypervisor emulates the timer, and may invent a revision. */
static void errata_check_deadline(uint32_t signature)
{
	uint32_t needed = deadline_needs(signature), loaded;

	if (!needed || cpuid(1, 0).ecx & CPUID1_ECX_HYPERVISOR)
		return;
	loaded = microcode_revision();
	if (!loaded || loaded >= needed)
		return;
	timer_errata.no_deadline = true;
	log_warning("time: TSC-deadline mode is not used: this processor needs microcode %#x for it, and "
	            "has %#x; update the firmware\n",
	            needed, loaded);
}

void timer_errata_init(enum timer_choice choice)
{
	uint32_t signature = cpuid(1, 0).eax & SIGNATURE;

	timer_errata = (struct timer_errata){
		.no_preemption_timer = choice >= TIMERS_LAPIC,
		.no_deadline = choice == TIMERS_ONE_SHOT,
	};
	if (timer_errata.no_preemption_timer)
		log_info("time: without VMX-preemption timer%s, as asked\n",
		         timer_errata.no_deadline ? " and TSC-deadline mode" : "");
	if (choice == TIMERS_AUTO && preemption_timer_is_slow(signature)) {
		timer_errata.no_preemption_timer = true;
		log_info("time: the VMX-preemption timer is not used: it counts wrongly on this processor\n");
	}
	if (!timer_errata.no_deadline)
		errata_check_deadline(signature);
}
