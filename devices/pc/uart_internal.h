/* SPDX-License-Identifier: MIT */
/* Between the halves of the 16550A: its lines (uart.c) and its registers (uart_ports.c). */
#ifndef DEVICES_PC_UART_INTERNAL_H
#define DEVICES_PC_UART_INTERNAL_H

#include "devices/pc/uart.h"
#include "devices/pc/uart_fifo.h"
#include "devices/pc/uart_registers.h"

static inline bool uart_fifos_on(const struct uart_state *state)
{
	return state->fcr & FCR_ENABLE;
}

/* Characters that fit into either FIFO, or into RBR or THR while FIFOs are off. */
unsigned uart_fifo_capacity(const struct uart_state *state);

/* The highest pending interrupt as IIR bits 0-3. */
uint8_t uart_pending_interrupt(const struct uart_state *state);

/* After any change: drive the interrupt line, and arm the character timeout. The latter alone. */
void uart_update(struct device *device);
void uart_update_timeout(struct device *device);

/* Another character is at the top of the receive FIFO, or none. */
void uart_reveal_top(struct uart_state *state);

/* A character has been received completely. `errors`: bits of LSR. */
void uart_take_character(struct device *device, uint8_t byte, uint8_t errors);

/* Send what waits, as far as the outside has room. */
void uart_transmit(struct device *device);

/*
 * Tell the outside that it may go on, once the guest has taken everything. Last, since input may
 * come at once.
 */
void uart_want_input(struct device *device);

/* The handlers of its ports. */
uint32_t uart_port_read(struct device *device, unsigned offset, unsigned size);
void uart_port_write(struct device *device, unsigned offset, unsigned size, uint32_t value);

#endif
