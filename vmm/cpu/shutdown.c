/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/shutdown.h"
#include "devices/real/power.h"
#include "lib/x86.h"
#include "vmm/cpu/stretch.h"
#include "vmm/observe/log.h"

static const char farewell[] = "You may switch the machine off now.\n";
static struct shutdown_output output;

void shutdown_set_output(struct shutdown_output to)
{
	output = to;
}

/* Nothing runs after this that would move output on. */
static void shutdown_prepare(void)
{
	interrupts_disable();
	output.flush();
}

void shutdown_halt(void)
{
	output.write(farewell, sizeof(farewell) - 1); /* whatever the log level */
	shutdown_prepare();
	for (;;)
		cpu_halt();
}

void shutdown_power_off(void)
{
	stretch_log_longest();
	log_info("Power off.\n");
	shutdown_prepare();
	power_off();
	shutdown_halt();
}

void shutdown_reset(void)
{
	stretch_log_longest();
	log_info("Restart.\n");
	shutdown_prepare();
	power_reset();
}
