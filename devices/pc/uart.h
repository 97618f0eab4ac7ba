/* SPDX-License-Identifier: MIT */
/*
 * 16550A UART: National Semiconductor PC16550D datasheet, wired as on a PC
 * (the interrupt line passes a gate that OUT2 opens).
 *
 * Eight ports, placed by the machine. The far end of the line is the outside
 * that platform.h describes. It is always there (CTS, DSR and DCD are on), and
 * a byte takes no time on its way as long as it has room.
 */
#ifndef DEVICES_PC_UART_H
#define DEVICES_PC_UART_H

#include "devices/bus/device.h"

#define UART_PORTS     8
#define UART_FIFO_SIZE 16

/* A queue of received characters (each with its LSR error bits) or of characters to send. */
struct uart_fifo {
	uint8_t data[UART_FIFO_SIZE];
	uint8_t errors[UART_FIFO_SIZE]; /* LSR.PE, FE, BI; unused for sending */
	uint8_t head;                   /* index of the oldest */
	uint8_t count;
};

struct uart_state {
	uint64_t activity; /* ns: when the receive FIFO was last filled or read */
	uint16_t divisor;
	uint8_t ier, fcr, lcr, mcr, msr, scratch;
	uint8_t lsr;               /* as read */
	uint8_t thre_interrupt;    /* 1: THR became empty, not yet seen through IIR */
	uint8_t timeout_interrupt; /* 1: characters lie in the FIFO for too long */
	uint8_t input_refused;     /* 1: uart_receive() took less than offered */
	uint8_t line;              /* level of the interrupt line */
	uint8_t reserved[3];       /* 0 */
	struct uart_fifo receive, transmit;
};

/* What it drives. */
enum uart_pin { UART_PIN_IRQ, UART_PINS };

extern const struct device_model uart_model;

/*
 * `count` characters arrive from the outside. Returns how many the receiver
 * took: what fits into the FIFO, or into RBR while FIFOs are off. After a
 * refusal, serial_input_wanted() of the platform says when to offer the rest.
 */
size_t uart_receive(struct device *device, const uint8_t *bytes, size_t count);

/* The outside holds the line in break for longer than a character. */
void uart_receive_break(struct device *device);

/*
 * The same, if the receiver has room to tell. False: it has not; after that as with uart_receive().
 */
bool must_check uart_offer_break(struct device *device);

/* The outside has room again after serial_room() said no. */
void uart_output_ready(struct device *device);

#endif
