/* SPDX-License-Identifier: MIT */
/* The two FIFOs of a UART. The callers keep `count` within the capacity that FCR gives. */
#ifndef DEVICES_PC_UART_FIFO_H
#define DEVICES_PC_UART_FIFO_H

#include "devices/pc/uart.h"

static inline void fifo_push(struct uart_fifo *fifo, uint8_t byte, uint8_t errors)
{
	unsigned tail = (fifo->head + fifo->count) % UART_FIFO_SIZE;

	fifo->data[tail] = byte;
	fifo->errors[tail] = errors;
	fifo->count++;
}

static inline uint8_t fifo_pop(struct uart_fifo *fifo)
{
	uint8_t byte = fifo->data[fifo->head];

	fifo->errors[fifo->head] = 0;
	fifo->head = (fifo->head + 1) % UART_FIFO_SIZE;
	fifo->count--;
	return byte;
}

static inline void fifo_clear(struct uart_fifo *fifo)
{
	*fifo = (struct uart_fifo){};
}

static inline bool fifo_has_errors(const struct uart_fifo *fifo)
{
	for (unsigned i = 0; i < UART_FIFO_SIZE; i++) {
		if (fifo->errors[i])
			return true;
	}
	return false;
}

#endif
