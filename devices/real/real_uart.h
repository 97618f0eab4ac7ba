/* SPDX-License-Identifier: MIT */
/*
 * The machine's serial port: a 16450, 16550 or 16550A at any I/O base.
 * National Semiconductor PC16550D datasheet.
 *
 * Locking: the caller serialises.
 */
#ifndef DEVICES_REAL_REAL_UART_H
#define DEVICES_REAL_REAL_UART_H

#include "lib/types.h"

struct uart {
	uint16_t base;     /* I/O base; 0: there is none */
	uint32_t speed;    /* baud, as set (the nearest that the divisor gives) */
	uint8_t fifo;      /* bytes that may be written when THR is empty: 16, or 1 without FIFOs */
	uint8_t enabled;   /* shadow of IER */
	uint8_t modem;     /* shadow of MCR */
	bool broken;       /* BREAK was received */
	uint64_t overruns; /* bytes that the receiver lost (LSR.OE) */
	uint64_t taken_at; /* TSC when the transmitter last took something */
};

#define UART_CLOCK 115200 /* the highest speed: 1.8432 MHz / 16 */

/*
 * Set the port at `base` to `speed` 8N1 (50..115200; others become 115200), FIFOs on, interrupts
 * off. Returns whether the test of a UART passes there. The port can be used all the same: real
 * ones fail the test, as Linux' UPF_SKIP_TEST for COM1 to COM3 says. Base 0: false, and every
 * function does nothing.
 */
bool uart_init(struct uart *uart, uint16_t base, uint32_t speed);

/* Is there nothing at all at the port, which is not 0? */
bool uart_floats(const struct uart *uart);

/*
 * Write what fits now; returns how many bytes were taken, 0 if the transmitter is busy. What a
 * transmitter does not take for a second is dropped, and counts as taken: nothing waits for a dead
 * one, and one that comes back is used again.
 */
size_t uart_send(struct uart *uart, const uint8_t *bytes, size_t count);

/* The same for all of it, polling. */
void uart_send_polled(struct uart *uart, const uint8_t *bytes, size_t count);

/* Wait until the last bit is on the line, at most a second. */
void uart_flush(struct uart *uart);

/*
 * Read up to `size` received bytes, and none after a BREAK. Bytes with framing errors are left out.
 */
size_t uart_read(struct uart *uart, uint8_t *bytes, size_t size);

/* Did the last read end with a BREAK? Says so once. */
bool uart_take_break(struct uart *uart);

/* Ask for interrupts: on received data; when the transmitter is empty. Both off: polled. */
void uart_interrupts(struct uart *uart, bool receive, bool transmit);

/*
 * For the interrupt handler: is there a cause? Takes back that of an empty transmitter, which only
 * announces it once; the handler sends and receives, and asks again until there is none, so that an
 * edge-triggered line falls.
 */
bool uart_acknowledge(struct uart *uart);

/* Tell the other end to go on sending, or to wait (RTS). */
void uart_ready_to_receive(struct uart *uart, bool ready);

/* The ISA interrupt line that a PC gives to a UART at this base (4 or 3), or -1 if unknown. */
int uart_isa_irq(uint16_t base);

#endif
