/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "lib/x86.h"
#include "uart_model.h"

#define FIFO 16

struct uart_model uart_model;

static unsigned depth(void)
{
	return uart_model.fifos && uart_model.fcr & 1 ? FIFO : 1;
}

void uart_model_drain(void)
{
	if (uart_model.stuck || !uart_model.in_fifo)
		return;
	uart_model.in_fifo = 0;
	uart_model.thr_cause = true;
}

static uint8_t read_lsr(void)
{
	uint8_t lsr = uart_model.received_read < uart_model.received_count ? 1 : 0;

	if (lsr) {
		lsr |= uart_model.errors;
		uart_model.errors = 0;
	}
	if (uart_model.drain && !uart_model.stuck) {
		uart_model.in_fifo -=
			uart_model.drain < uart_model.in_fifo ? uart_model.drain : uart_model.in_fifo;
		if (!uart_model.in_fifo)
			uart_model.thr_cause = true;
	}
	return (uint8_t)(lsr | (uart_model.in_fifo ? 0 : 0x60));
}

static uint8_t cause(void)
{
	if (uart_model.ier & 1 && uart_model.received_read < uart_model.received_count)
		return 4;
	if (uart_model.ier & 2 && uart_model.thr_cause)
		return 2;
	return 1;
}

bool uart_model_line(void)
{
	return cause() != 1 && uart_model.mcr & 8;
}

static uint8_t read_iir(void)
{
	uint8_t found = cause();

	if (found == 2)
		uart_model.thr_cause = false;
	if (uart_model.half_fifos)
		return found | 0x80;
	return (uint8_t)(found | (uart_model.fifos && uart_model.fcr & 1 ? 0xc0 : 0));
}

static uint8_t read_msr_lines(void)
{
	if (uart_model.scratch_only)
		return 0xff;
	if (uart_model.mcr & 0x10)
		return (uint8_t)((uart_model.mcr & 2 ? 0x10 : 0) | (uart_model.mcr & 1 ? 0x20 : 0) |
		                 (uart_model.mcr & 4 ? 0x40 : 0) | (uart_model.mcr & 8 ? 0x80 : 0));
	return 0xb0;
}

static uint8_t read_data(void)
{
	if (uart_model.received_read < uart_model.received_count)
		return uart_model.received[uart_model.received_read++];
	return 0;
}

static uint32_t in(uint16_t port, unsigned size)
{
	bool latch = uart_model.lcr & 0x80;

	(void)size;
	if (!uart_model.present || port < UART_MODEL_BASE || port > UART_MODEL_BASE + 7)
		return UINT32_MAX;
	switch (port - UART_MODEL_BASE) {
	case 0: return latch ? uart_model.dll : read_data();
	case 1: return latch ? uart_model.dlm : uart_model.ier;
	case 2: return read_iir();
	case 3: return uart_model.lcr;
	case 4: return uart_model.mcr;
	case 5: return read_lsr();
	case 6: return read_msr_lines();
	default: return uart_model.scr;
	}
}

static void write_data(uint8_t value)
{
	if (uart_model.in_fifo >= depth()) {
		uart_model.overflows++;
		return;
	}
	uart_model.in_fifo++;
	uart_model.thr_cause = false;
	if (uart_model.sent_count < sizeof(uart_model.sent) - 1)
		uart_model.sent[uart_model.sent_count++] = (char)value;
}

static void write_ier(uint8_t value)
{
	/* Enabling the transmitter's interrupt while it is empty raises it. */
	if (value & ~uart_model.ier & 2 && !uart_model.in_fifo)
		uart_model.thr_cause = true;
	uart_model.ier = value;
}

static void out(uint16_t port, unsigned size, uint32_t wide)
{
	bool latch = uart_model.lcr & 0x80;
	uint8_t value = (uint8_t)wide;

	(void)size;
	if (!uart_model.present || port < UART_MODEL_BASE || port > UART_MODEL_BASE + 7)
		return;
	switch (port - UART_MODEL_BASE) {
	case 0:
		if (latch)
			uart_model.dll = value;
		else
			write_data(value);
		break;
	case 1:
		if (latch)
			uart_model.dlm = value;
		else
			write_ier(value);
		break;
	case 2: uart_model.fcr = value; break;
	case 3: uart_model.lcr = value; break;
	case 4: uart_model.mcr = value; break;
	case 7: uart_model.scr = value; break;
	default: break;
	}
}

void uart_model_reset(void)
{
	memset(&uart_model, 0, sizeof(uart_model));
	uart_model.present = true;
	uart_model.fifos = true;
	uart_model.drain = FIFO;
	fake_x86.in = in;
	fake_x86.out = out;
}

void uart_model_type(const char *text)
{
	size_t length = strlen(text);

	if (uart_model.received_read == uart_model.received_count)
		uart_model.received_read = uart_model.received_count = 0;
	if (length > sizeof(uart_model.received) - uart_model.received_count)
		length = sizeof(uart_model.received) - uart_model.received_count;
	memcpy(uart_model.received + uart_model.received_count, text, length);
	uart_model.received_count += length;
}
