/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/irq.h"
#include "devices/real/ioapic.h"
#include "devices/real/lapic.h"
#include "devices/real/pic.h"
#include "devices/real/uart.h"
#include "lib/panic.h"
#include "vmm/console/console.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/observe/log.h"
#include "vmm/cpu/time.h"

#define KEYBOARD_IRQ 1

#define POLL_NS    1000000  /* of a UART without an interrupt: 1 kHz */
#define SERVICE_NS 10000000 /* until output gets going that no interrupt announces */

static struct {
	struct cpu *cpu; /* the boot processor, which runs the console */
	const struct acpi_info *info;
	unsigned ioapics;
	bool polled; /* there is a UART, but no interrupt of it */
	struct timer console;
} irq;

static void timer_interrupt(void)
{
	cpu_timer_interrupt();
	lapic_eoi();
}

static void kick_interrupt(void)
{
	cpu_look_around(this_cpu());
	lapic_eoi();
}

static void keyboard_interrupt(void)
{
	console_keyboard_interrupt();
	lapic_eoi();
}

static void uart_interrupt(void)
{
	console_interrupt();
	lapic_eoi();
}

/* SDM Vol. 3A "Spurious Interrupt": no EOI. */
static void spurious_interrupt(void)
{
}

static void arm_console(uint64_t ns)
{
	cpu_timer_arm(irq.cpu, &irq.console, time_now() + time_tsc_from_ns(ns));
}

static void console_expired(struct timer *timer)
{
	if (irq.polled || console_must_poll())
		arm_console(POLL_NS);
	console_poll();
}

/* Another CPU has output; a guest there shall not take this CPU's time with every byte of it. */
static void console_called(struct cpu_call *call)
{
	if (!irq.polled)
		arm_console(POLL_NS);
}

static void console_wanted(void)
{
	static struct cpu_call call = {.run = console_called};

	if (this_cpu() != irq.cpu)
		cpu_call(irq.cpu, &call);
	else if (!irq.polled)
		arm_console(console_must_poll() ? POLL_NS : SERVICE_NS);
}

/* Does the UART's interrupt arrive at VECTOR_UART? */
static bool route_uart(unsigned ioapics)
{
	int line = uart_isa_irq(console_serial_port());

	if (!ioapics) {
		log_warning("irq: this machine names no I/O APIC: the serial port is polled every ms\n");
		return false;
	}
	if (line < 0 || !ioapic_route_isa((unsigned)line, VECTOR_UART, lapic_id())) {
		log_warning(
			"irq: the interrupt of the serial port at %Xh is not known: it is polled every ms\n",
			console_serial_port());
		return false;
	}
	return true;
}

void irq_init(const struct acpi_info *info, struct cpu *cpu)
{
	unsigned ioapics = ioapic_init(info);

	irq.info = info;
	irq.ioapics = ioapics;
	irq.cpu = cpu;
	timer_init(&irq.console, console_expired);
	pic_disable(VECTOR_PIC);
	if (!lapic_init(VECTOR_SPURIOUS))
		panic("irq: this processor's local APIC does not answer");
	if (!lapic_timer_init(VECTOR_TIMER, time_tsc_hz))
		panic("irq: the local APIC's timer does not count");
	interrupt_register(VECTOR_TIMER, timer_interrupt);
	interrupt_register(VECTOR_KICK, kick_interrupt);
	interrupt_register(VECTOR_UART, uart_interrupt);
	interrupt_register(VECTOR_SPURIOUS, spurious_interrupt);
	log_info("irq: local APIC %u in %s mode, %s timer, %u I/O APICs\n", lapic_id(),
	         lapic_x2apic() ? "x2APIC" : "xAPIC", lapic_timer_mode(), ioapics);
	irq.polled = console_serial_port() && !route_uart(ioapics);
	console_buffered(console_serial_port() && !irq.polled, console_wanted);
	if (irq.polled)
		arm_console(POLL_NS);
}

void irq_init_keyboard(void)
{
	const char *missing;
	bool routed;

	if (!irq.info->has_8042)
		return;
	interrupt_register(VECTOR_KEYBOARD, keyboard_interrupt);
	routed = irq.ioapics && ioapic_route_isa(KEYBOARD_IRQ, VECTOR_KEYBOARD, lapic_id());
	missing = console_keyboard_init(routed);
	if (missing)
		log_info("irq: no PS/2 keyboard: %s\n", missing);
}

bool irq_init_cpu(void)
{
	return lapic_init(VECTOR_SPURIOUS) && lapic_timer_init(VECTOR_TIMER, time_tsc_hz);
}
