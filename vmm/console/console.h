/* SPDX-License-Identifier: MIT */
/*
 * The operator's console: one serial port, and one screen with a keyboard, shared by the monitor's
 * log and shell and the VMs' channels (vmm/console/console_channel.h). Ctrl-A is the escape key.
 *
 * Output goes to a ring. Until console_buffered() it is drained at once, by polling; from then on
 * by the UART's interrupt or the run loop, and no CPU waits for it.
 *
 * Locking: console_write() may be called from any CPU; everything else belongs to the boot
 * processor, which this_cpu() tells from the others. What other CPUs write waits in a queue for
 * console_poll(), since it may have to take the shell's prompt off the screen.
 */
#ifndef VMM_CONSOLE_CONSOLE_H
#define VMM_CONSOLE_CONSOLE_H

#include "devices/real/screen.h"

struct channel;

/*
 * The first thing to call: serial output by polling, at `port` whatever answers there; 0: no serial
 * line. Does the port pass the test of a UART?
 */
bool console_early_init(uint16_t port, uint32_t speed);

/*
 * Add the screen, and show on it what was said so far. Null or an unusable mode: no screen. Needs
 * host_map_mmio().
 */
void console_init(const struct boot_framebuffer *framebuffer);

/* The I/O base of the operator's port; 0: none. */
uint16_t console_serial_port(void);

/* Is there anything at that port? */
bool console_serial_answers(void);

/*
 * Have the UART ask for an interrupt, which an empty transmitter does at once, or take that back:
 * to find out whether the interrupt arrives. Before console_buffered().
 */
void console_serial_interrupt_raise(bool raise);

/*
 * From now on never wait for the UART. `interrupts`: it raises one, and console_interrupt() is
 * called then. `wanted` is called, on any CPU and with locks of the console held, when there is
 * something to do that no interrupt announces: have the boot processor call console_poll() within
 * some milliseconds.
 */
void console_buffered(bool interrupts, void (*wanted)(void));

/* The UART's interrupt has come. */
void console_interrupt(void);

/* The keyboard's interrupt has come: devices/real/real_keyboard.h. */
void console_keyboard_interrupt(void);

/*
 * Monitor output. A newline becomes CR LF. What does not fit is counted, and said when there is
 * room again.
 */
void console_write(const char *text, size_t length);

/* Move output, draw, fetch input. From the run loop, when idle, and from a timer. */
void console_poll(void);

/*
 * Is there a port that no interrupt serves, so that console_poll() must be called every
 * millisecond? When that becomes true, `wanted` is called.
 */
bool console_must_poll(void);

/*
 * Is there something to do at once (drawing, a prompt)? An idle CPU calls console_poll() then
 * instead of halting.
 */
bool console_busy(void);

/* Is console_poll() wanted soon? It is whenever there is anything that is not out yet. Cheap. */
bool console_waits(void);

/* Is there anything that is not out yet, even if it only waits for the UART? */
bool console_pending(void);

/* Wait, bounded, until all output is out: before the machine is turned off. */
void console_flush(void);

/* After console_panic_mode(): to the serial line alone. */
void console_record(const char *text, size_t length);

/* From now on: polled, no locks, no callbacks. */
void console_panic_mode(void);

/* The monitor's shell, which is above the console: where keys go while no channel is attached. */
struct console_shell {
	void (*input)(uint8_t byte); /* one byte that the operator typed; must not wait */
	void (*hide_prompt)(void);   /* take the prompt off the screen before other output ... */
	void (*show_prompt)(void);   /* ... and put it back */
	bool (*prompt_hidden)(void);
};

/* At boot, before the operator can type. */
void console_set_shell(struct console_shell shell);

/* Connect the operator to a channel, or to the monitor's shell (null). */
void console_attach(struct channel *channel);

/* To the shell, since no VM is left that runs: what it said last is still shown. */
void console_return(void);

/* Who is connected; null: the shell. */
struct channel *console_attached(void);

#endif
