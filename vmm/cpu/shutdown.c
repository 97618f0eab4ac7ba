/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/shutdown.h"
#include "devices/real/power.h"
#include "lib/x86.h"
#include "vmm/console/console.h"
#include "vmm/observe/log.h"

static const char farewell[] = "You may switch the machine off now.\n";

/* Nothing runs from here on that would fetch output. */
static void prepare(void)
{
	interrupts_disable();
	console_flush();
}

void shutdown_halt(void)
{
	console_write(farewell, sizeof(farewell) - 1);
	prepare();
	for (;;)
		cpu_halt();
}

void shutdown_power_off(void)
{
	log_info("Power off.\n");
	prepare();
	power_off();
	shutdown_halt();
}

void shutdown_reset(void)
{
	log_info("Restart.\n");
	prepare();
	power_reset();
}
