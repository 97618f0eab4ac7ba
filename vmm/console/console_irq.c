/* SPDX-License-Identifier: MIT */
#include "vmm/console/console_irq.h"
#include "devices/real/lapic.h"
#include "devices/real/real_uart.h"
#include "vmm/console/console.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/irq.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/log.h"

#define KEYBOARD_IRQ 1

#define POLL_NS    1000000  /* of a UART without an interrupt: 1 kHz */
#define SERVICE_NS 10000000 /* until output gets going that no interrupt announces */

static struct {
	struct cpu *cpu; /* the boot processor, which runs the console */
	const struct acpi_info *info;
	bool polled; /* there is a UART, but no interrupt of it */
	struct timer timer;
} console_irq;

/* ---- The boot processor's time between guests: vmm/cpu/cpu_hooks.h ---- */

bool cpu_background_waits(void)
{
	return console_waits();
}

bool cpu_background_ready(void)
{
	return console_busy();
}

void cpu_background_run(void)
{
	console_poll();
}

/* ---- Interrupts ---- */

static void console_irq_keyboard(void)
{
	console_keyboard_interrupt();
	lapic_eoi();
}

static void console_irq_serial(void)
{
	console_interrupt();
	lapic_eoi();
}

static void console_irq_arm(uint64_t ns)
{
	cpu_timer_arm(console_irq.cpu, &console_irq.timer, time_now() + time_tsc_from_ns(ns));
}

static void console_irq_expired(struct timer *timer)
{
	if (console_irq.polled || console_must_poll())
		console_irq_arm(POLL_NS);
	console_poll();
}

/* Another CPU has output; a guest there shall not take this CPU's time with every byte of it. */
static void console_irq_called(struct cpu_call *call)
{
	if (!console_irq.polled)
		console_irq_arm(POLL_NS);
}

static void console_irq_wanted(void)
{
	static struct cpu_call call = {.run = console_irq_called};

	if (this_cpu() != console_irq.cpu)
		cpu_call(console_irq.cpu, &call);
	else if (!console_irq.polled)
		console_irq_arm(console_must_poll() ? POLL_NS : SERVICE_NS);
}

/* Does the UART's interrupt arrive at VECTOR_UART? */
static bool console_irq_route_uart(void)
{
	int line = uart_isa_irq(console_serial_port());

	if (!irq_has_ioapic()) {
		log_warning("irq: this machine names no I/O APIC: the serial port is polled every ms\n");
		return false;
	}
	if (line < 0 || !irq_route_isa((unsigned)line, VECTOR_UART, console_irq_serial)) {
		log_warning(
			"irq: the interrupt of the serial port at %Xh is not known: it is polled every ms\n",
			console_serial_port());
		return false;
	}
	return true;
}

void console_irq_init(const struct acpi_info *info, struct cpu *cpu)
{
	console_irq.info = info;
	console_irq.cpu = cpu;
	timer_init(&console_irq.timer, console_irq_expired);
	console_irq.polled = console_serial_port() && !console_irq_route_uart();
}

void console_irq_start(void)
{
	console_buffered(console_serial_port() && !console_irq.polled, console_irq_wanted);
	if (console_irq.polled)
		console_irq_arm(POLL_NS);
}

void console_irq_init_keyboard(void)
{
	const char *missing;

	if (!console_irq.info->has_8042)
		return;
	missing = console_keyboard_init(irq_route_isa(KEYBOARD_IRQ, VECTOR_KEYBOARD, console_irq_keyboard));
	if (missing)
		log_info("irq: no PS/2 keyboard: %s\n", missing);
}
