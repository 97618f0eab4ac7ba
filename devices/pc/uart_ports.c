/* SPDX-License-Identifier: MIT */
/*
 * The registers of the 16550A as a guest reads and writes them: National Semiconductor PC16550D
 * datasheet; section titles in quotes are its own.
 */
#include "devices/pc/uart_internal.h"

static void uart_thr_write(struct device *device, uint8_t value)
{
	struct uart_state *state = device->state;
	uint8_t byte = value & 0xff >> (3 - (state->lcr & LCR_LENGTH));

	/*
	 * Writing takes the THRE interrupt away, if only for a moment: an edge for the interrupt
	 * controller.
	 */
	state->thre_interrupt = 0;
	if (state->line)
		uart_update(device);
	if (state->mcr & MCR_LOOP) {
		uart_take_character(device, byte, 0);
		state->thre_interrupt = 1;
	} else {
		if (state->transmit.count < uart_fifo_capacity(state))
			fifo_push(&state->transmit, byte, 0);
		state->lsr &= ~(LSR_THRE | LSR_TEMT);
		uart_transmit(device);
	}
	uart_update(device);
}

static uint8_t uart_rbr_read(struct device *device)
{
	struct uart_state *state = device->state;
	uint8_t byte = state->receive.data[state->receive.head];

	if (!state->receive.count)
		return byte;
	fifo_pop(&state->receive);
	state->timeout_interrupt = 0;
	state->activity = device_now(device);
	uart_reveal_top(state);
	uart_update(device);
	uart_want_input(device);
	return byte;
}

static void uart_ier_write(struct device *device, uint8_t value)
{
	struct uart_state *state = device->state;
	uint8_t rising = value & ~state->ier;

	/* Enabling the THRE interrupt while THR is empty raises it. */
	if ((rising & IER_ETBEI) && (state->lsr & LSR_THRE))
		state->thre_interrupt = 1;
	state->ier = value & IER_BITS;
	uart_update(device);
}

static uint8_t uart_iir_read(struct device *device)
{
	struct uart_state *state = device->state;
	uint8_t iir = uart_pending_interrupt(state);

	if (iir == IIR_THRE) {
		state->thre_interrupt = 0;
		uart_update(device);
	}
	return iir | (uart_fifos_on(state) ? IIR_FIFOS : 0);
}

static void uart_reset_receiver(struct uart_state *state)
{
	fifo_clear(&state->receive);
	state->lsr &= ~LSR_FIFO_ERROR;
	uart_reveal_top(state);
}

static void uart_reset_transmitter(struct uart_state *state)
{
	fifo_clear(&state->transmit);
	if (!(state->lsr & LSR_THRE)) {
		state->lsr |= LSR_THRE | LSR_TEMT;
		state->thre_interrupt = 1;
	}
}

static void uart_fcr_write(struct device *device, uint8_t value)
{
	struct uart_state *state = device->state;
	bool changed = (value ^ state->fcr) & FCR_ENABLE;

	/*
	 * The other bits count only while FCR0 is written as 1; a change of FCR0 clears both FIFOs.
	 */
	state->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
	if (changed || ((value & FCR_ENABLE) && (value & FCR_RESET_RECEIVE)))
		uart_reset_receiver(state);
	if (changed || ((value & FCR_ENABLE) && (value & FCR_RESET_TRANSMIT)))
		uart_reset_transmitter(state);
	uart_update(device);
	uart_want_input(device);
}

/* The modem inputs: those of the outside, or in loopback the modem outputs. */
static uint8_t uart_modem_inputs(const struct uart_state *state)
{
	uint8_t mcr = state->mcr;

	if (!(mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) | (mcr & MCR_OUT1 ? MSR_RI : 0) |
	       (mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void uart_mcr_write(struct device *device, uint8_t value)
{
	struct uart_state *state = device->state;
	uint8_t inputs, changed;

	state->mcr = value & MCR_BITS;
	inputs = uart_modem_inputs(state);
	changed = (inputs ^ state->msr) & ~MSR_DELTAS;
	/* RI tells only of its trailing edge. */
	if (inputs & MSR_RI)
		changed &= ~MSR_RI;
	state->msr = inputs | (state->msr & MSR_DELTAS) | changed >> MSR_DELTA_SHIFT;
	uart_update(device);
	uart_want_input(device);
}

static uint8_t uart_lsr_read(struct device *device)
{
	struct uart_state *state = device->state;
	uint8_t lsr = state->lsr;

	if (unlikely(lsr & (LSR_ERRORS | LSR_FIFO_ERROR))) {
		state->lsr &= ~(LSR_ERRORS | LSR_FIFO_ERROR);
		state->receive.errors[state->receive.head] = 0;
		if (uart_fifos_on(state) && fifo_has_errors(&state->receive))
			state->lsr |= LSR_FIFO_ERROR;
		uart_update(device);
	}
	return lsr;
}

static uint8_t uart_msr_read(struct device *device)
{
	struct uart_state *state = device->state;
	uint8_t msr = state->msr;

	if (msr & MSR_DELTAS) {
		state->msr &= ~MSR_DELTAS;
		uart_update(device);
	}
	return msr;
}

uint32_t uart_port_read(struct device *device, unsigned offset, unsigned size)
{
	struct uart_state *state = device->state;
	bool dlab = state->lcr & LCR_DLAB;

	/* What drivers poll comes first. */
	if (likely(offset == LSR))
		return uart_lsr_read(device);
	if (offset == IIR_FCR)
		return uart_iir_read(device);
	switch (offset) {
	case RBR_THR: return dlab ? state->divisor & 0xff : uart_rbr_read(device);
	case IER: return dlab ? state->divisor >> 8 : state->ier;
	case LCR: return state->lcr;
	case MCR: return state->mcr;
	case MSR: return uart_msr_read(device);
	default: return state->scratch;
	}
}

void uart_port_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct uart_state *state = device->state;
	bool dlab = state->lcr & LCR_DLAB;

	switch (offset) {
	case RBR_THR:
		if (dlab) {
			state->divisor = (state->divisor & 0xff00) | (value & 0xff);
			uart_update_timeout(device);
		} else {
			uart_thr_write(device, value);
		}
		break;
	case IER:
		if (dlab) {
			state->divisor = (state->divisor & 0xff) | (value & 0xff) << 8;
			uart_update_timeout(device);
		} else {
			uart_ier_write(device, value);
		}
		break;
	case IIR_FCR: uart_fcr_write(device, value); break;
	case LCR:
		state->lcr = value;
		uart_update_timeout(device);
		break;
	case MCR: uart_mcr_write(device, value); break;
	case SCR: state->scratch = value; break;
	default: break; /* LSR and MSR: "intended for read operations only" */
	}
}
