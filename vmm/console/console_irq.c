/* SPDX-License-Identifier: MIT */
#include "vmm/console/console_irq.h"
#include "devices/real/lapic.h"
#include "devices/real/real_keyboard.h"
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
#define FLOOR_NS   20000000 /* whatever interrupts say: the operator is never deaf or mute */
#define PROOF_US   20000    /* for the UART's interrupt to arrive when it is tried */

static struct {
	struct cpu *cpu; /* the boot processor, which runs the console */
	const struct acpi_info *info;
	bool interrupt; /* the UART's arrives */
	bool polled;    /* there is a UART, but no interrupt of it */
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
	uint64_t deadline = time_now() + time_tsc_from_ns(ns);

	cpu_timer_arm(console_irq.cpu, &console_irq.timer, MIN(deadline, console_irq.timer.deadline));
}

static void console_irq_expired(struct timer *timer)
{
	console_irq_arm(console_irq.polled || console_must_poll() ? POLL_NS : FLOOR_NS);
	console_poll();
}

/* Another CPU has output; a guest there shall not take this CPU's time with every byte of it. */
static void console_irq_called(struct cpu_call *call)
{
	console_irq_arm(POLL_NS);
}

static void console_irq_wanted(void)
{
	static struct cpu_call call = {.run = console_irq_called};

	if (this_cpu() != console_irq.cpu)
		cpu_call(console_irq.cpu, &call);
	else
		console_irq_arm(console_must_poll() ? POLL_NS : SERVICE_NS);
}

/*
 * An interrupt that never comes leaves the operator deaf: serial over LAN, a line that ACPI routes
 * elsewhere, or interrupt remapping that was left on. An empty transmitter asks for one at once.
 * Loopback would be no test, since it keeps OUT2 from letting the interrupt through to the bus.
 */
static bool console_irq_arrives(void)
{
	bool arrives;

	console_serial_interrupt_raise(true);
	arrives = irq_arrives(VECTOR_UART, PROOF_US);
	console_serial_interrupt_raise(false);
	return arrives;
}

/* Why the UART is polled; null: its interrupt arrives at VECTOR_UART. */
static const char *console_irq_route_uart(int line, bool wanted)
{
	if (!wanted)
		return "serial_irq = none";
	if (!irq_has_ioapic())
		return "this machine names no I/O APIC";
	if (line < 0 || !irq_route_isa((unsigned)line, VECTOR_UART, console_irq_serial))
		return "its interrupt is not known";
	return console_irq_arrives() ? NULL : "its interrupt does not arrive";
}

void console_irq_init(const struct acpi_info *info, struct cpu *cpu, bool use_interrupt)
{
	uint16_t port = console_serial_port();
	int line = uart_isa_irq(port);
	const char *missing;

	console_irq.info = info;
	console_irq.cpu = cpu;
	console_irq.interrupt = console_irq.polled = false;
	timer_init(&console_irq.timer, console_irq_expired);
	if (!console_serial_answers())
		return;
	missing = console_irq_route_uart(line, use_interrupt);
	console_irq.interrupt = !missing;
	console_irq.polled = missing;
	if (missing)
		log_warning("irq: the serial port at %Xh is polled every ms: %s\n", port, missing);
	else
		log_info("irq: interrupt %d of the serial port arrives\n", line);
}

void console_irq_start(void)
{
	console_buffered(console_irq.interrupt, console_irq_wanted);
	console_irq_arm(console_irq.polled ? POLL_NS : FLOOR_NS);
}

/* ---- The keyboard, which the floor serves if its interrupt does not come ---- */

static const char *console_irq_find_keyboard(bool wanted, bool forced)
{
	if (!wanted)
		return "keyboard = no";
	if (!console_irq.info->has_8042 && !forced)
		return "ACPI names no controller; keyboard = force uses one all the same";
	return keyboard_init(forced);
}

void console_irq_init_keyboard(bool wanted, bool forced)
{
	const char *odd = console_irq_find_keyboard(wanted, forced);

	if (keyboard_present())
		log_info("irq: PS/2 keyboard: %s\n", odd ? odd : "found");
	else
		log_info("irq: no PS/2 keyboard: %s\n", odd);
	if (keyboard_present() && !irq_route_isa(KEYBOARD_IRQ, VECTOR_KEYBOARD, console_irq_keyboard))
		log_info("irq: the keyboard's interrupt is not known: it is looked at every 20 ms\n");
	if (!keyboard_present() && !console_serial_answers())
		log_warning("console: there is neither a serial port nor a PS/2 keyboard, so nothing can be "
		            "typed\n");
}
