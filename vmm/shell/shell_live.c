/* SPDX-License-Identifier: MIT */
#include "vmm/shell/shell_live.h"
#include "vmm/console/console_internal.h"
#include "vmm/cpu/cpu.h"
#include "vmm/shell/shell.h"
#include "vmm/cpu/time.h"

static const struct shell_live *current; /* null: nothing is live */
static struct timer timer;

static void arm(void)
{
	cpu_timer_arm(this_cpu(), &timer, time_now() + time_tsc_from_ns(current->interval));
}

static void end(void)
{
	const struct shell_live *ended = current;

	current = NULL;
	cpu_timer_arm(this_cpu(), &timer, TIMER_NEVER);
	ended->end();
	if (!console_away())
		shell_show_prompt();
}

static void expired(struct timer *which)
{
	if (!console_away() && current->step())
		arm();
	else
		end();
}

void shell_live(const struct shell_live *live)
{
	timer_init(&timer, expired);
	current = live;
	arm();
}

bool shell_live_runs(void)
{
	return current;
}

bool shell_live_key(void)
{
	bool lost;

	if (!current)
		return false;
	lost = !current->keeps_key;
	end();
	return lost;
}
