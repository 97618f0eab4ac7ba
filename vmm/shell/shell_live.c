/* SPDX-License-Identifier: MIT */
#include "vmm/shell/shell_live.h"
#include "vmm/console/console_internal.h"
#include "vmm/cpu/cpu.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_task.h"
#include "vmm/cpu/time.h"

static const struct shell_live *live_current; /* null: nothing is live */
static struct timer live_timer;

static void live_arm(void)
{
	cpu_timer_arm(this_cpu(), &live_timer, time_now() + time_tsc_from_ns(live_current->interval));
}

static void live_end(void)
{
	const struct shell_live *ended = live_current;

	live_current = NULL;
	cpu_timer_arm(this_cpu(), &live_timer, TIMER_NEVER);
	ended->end();
	if (!console_away())
		shell_show_prompt();
}

static void live_step(void)
{
	if (!console_away() && live_current->step())
		live_arm();
	else
		live_end();
}

static void live_expired(struct timer *which)
{
	shell_task_begin(live_step);
}

void shell_live(const struct shell_live *live)
{
	timer_init(&live_timer, live_expired);
	live_current = live;
	live_arm();
}

bool shell_live_runs(void)
{
	return live_current;
}

bool shell_live_key(void)
{
	bool lost;

	if (!live_current)
		return false;
	lost = !live_current->keeps_key;
	live_end();
	return lost;
}
