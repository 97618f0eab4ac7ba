/* SPDX-License-Identifier: MIT */
/*
 * 16550A UART: see uart.h. Its lines, FIFOs and interrupt; the registers are uart_ports.c. Rules
 * are those of the National Semiconductor PC16550D datasheet; section titles in quotes are its own.
 */
#include "devices/pc/uart.h"

#include "devices/pc/uart_internal.h"

/* A character lasts DIVISOR * 16 cycles of 1.8432 MHz per bit: 78125/9 ns times the divisor. */
#define BIT_NS_NUMERATOR   78125
#define BIT_NS_DENOMINATOR 9
#define TIMEOUT_CHARACTERS 4 /* "FIFO Interrupt Mode Operation" */

/*
 * What firmware leaves, since guests start without one: 9600 baud, 8 bits, no parity, 1 stop bit.
 */
#define FIRMWARE_DIVISOR 12
#define FIRMWARE_LCR     0x03

unsigned uart_fifo_capacity(const struct uart_state *state)
{
	return uart_fifos_on(state) ? UART_FIFO_SIZE : 1;
}

/* Characters in the receive FIFO at which data counts as available. */
static unsigned uart_trigger_level(const struct uart_state *state)
{
	static const uint8_t levels[] = {1, 4, 8, 14};

	return uart_fifos_on(state) ? levels[(state->fcr & FCR_TRIGGER) >> FCR_TRIGGER_SHIFT] : 1;
}

/* Four characters at the programmed speed and format, in ns. Divisor 0 divides by 65536. */
static uint64_t uart_timeout_ns(const struct uart_state *state)
{
	unsigned data = 5 + (state->lcr & LCR_LENGTH);
	unsigned stop_halves = !(state->lcr & LCR_STOP) ? 2 : data == 5 ? 3 : 4;
	unsigned halves = 2 * (1 + data + !!(state->lcr & LCR_PARITY)) + stop_halves;
	uint64_t divisor = state->divisor ? state->divisor : 0x10000;

	return TIMEOUT_CHARACTERS * halves * divisor * BIT_NS_NUMERATOR / (2 * BIT_NS_DENOMINATOR);
}

/* The highest pending interrupt as IIR bits 0-3: "Interrupt Identification Register", Table IV. */
uint8_t uart_pending_interrupt(const struct uart_state *state)
{
	if ((state->ier & IER_ELSI) && (state->lsr & LSR_ERRORS))
		return IIR_LINE_STATUS;
	if ((state->ier & IER_ERBFI) && state->receive.count >= uart_trigger_level(state))
		return IIR_RECEIVED;
	if ((state->ier & IER_ERBFI) && state->timeout_interrupt)
		return IIR_TIMEOUT;
	if ((state->ier & IER_ETBEI) && state->thre_interrupt)
		return IIR_THRE;
	if ((state->ier & IER_EDSSI) && (state->msr & MSR_DELTAS))
		return IIR_MODEM;
	return IIR_NONE;
}

/*
 * Arm the character timeout where it would be seen: below the trigger level, nothing pending yet.
 */
void uart_update_timeout(struct device *device)
{
	struct uart_state *state = device->state;
	uint64_t deadline = DEADLINE_NONE;

	if (uart_fifos_on(state) && (state->ier & IER_ERBFI) && !state->timeout_interrupt &&
	    state->receive.count && state->receive.count < uart_trigger_level(state))
		deadline = state->activity + uart_timeout_ns(state);
	device_arm(device, deadline);
}

/*
 * Drive the interrupt line and the timer after any change. OUT2 gates the
 * line on a PC; in loopback the pin is inactive whatever MCR says.
 */
void uart_update(struct device *device)
{
	struct uart_state *state = device->state;
	bool gate = (state->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
	bool line = gate && uart_pending_interrupt(state) != IIR_NONE;

	if (line != state->line) {
		state->line = line;
		device_set_pin(device, UART_PIN_IRQ, line);
	}
	uart_update_timeout(device);
}

/* An error is revealed when its character comes to the top of the FIFO: "Line Status Register". */
void uart_reveal_top(struct uart_state *state)
{
	if (state->receive.count) {
		state->lsr |= LSR_DR | state->receive.errors[state->receive.head];
	} else {
		state->lsr &= ~LSR_DR;
		state->timeout_interrupt = 0;
	}
}

/* A character has been received completely. */
void uart_take_character(struct device *device, uint8_t byte, uint8_t errors)
{
	struct uart_state *state = device->state;
	uint8_t length_mask = 0xff >> (3 - (state->lcr & LCR_LENGTH));

	if (state->receive.count == uart_fifo_capacity(state)) {
		state->lsr |= LSR_OE;
		/* The FIFO keeps what it has; RBR is overwritten. */
		if (uart_fifos_on(state))
			return;
		fifo_pop(&state->receive);
	}
	fifo_push(&state->receive, byte & length_mask, errors);
	if (uart_fifos_on(state) && errors)
		state->lsr |= LSR_FIFO_ERROR;
	state->activity = device_now(device);
	uart_reveal_top(state);
}

/*
 * Tell the outside that it may go on, once the guest has taken everything. Last, since input may
 * come at once.
 */
void uart_want_input(struct device *device)
{
	struct uart_state *state = device->state;

	if (state->input_refused && !state->receive.count && !(state->mcr & MCR_LOOP)) {
		state->input_refused = 0;
		platform_serial_input_wanted(device_platform(device), device->unit);
	}
}

/* Send what waits, as far as the outside has room. */
void uart_transmit(struct device *device)
{
	struct uart_state *state = device->state;
	const struct platform *platform = device_platform(device);

	while (state->transmit.count && platform_serial_room(platform, device->unit))
		platform_serial_output(platform, device->unit, fifo_pop(&state->transmit));
	if (!state->transmit.count) {
		state->lsr |= LSR_THRE | LSR_TEMT;
		state->thre_interrupt = 1;
	}
}

size_t uart_receive(struct device *device, const uint8_t *bytes, size_t count)
{
	struct uart_state *state = device->state;
	size_t taken = 0;

	/* In loopback SIN is disconnected; the outside keeps its characters until then. */
	if (!(state->mcr & MCR_LOOP)) {
		size_t room = uart_fifo_capacity(state) - state->receive.count;

		for (; taken < count && taken < room; taken++)
			uart_take_character(device, bytes[taken], 0);
	}
	if (taken < count)
		state->input_refused = 1;
	uart_update(device);
	return taken;
}

void uart_receive_break(struct device *device)
{
	struct uart_state *state = device->state;

	/* "Only one zero character is loaded into the FIFO", with the framing error that it is. */
	if (!(state->mcr & MCR_LOOP))
		uart_take_character(device, 0, LSR_BI | LSR_FE);
	uart_update(device);
}

bool uart_offer_break(struct device *device)
{
	struct uart_state *state = device->state;

	if (state->receive.count == uart_fifo_capacity(state)) {
		state->input_refused = 1;
		return false;
	}
	uart_receive_break(device);
	return true;
}

void uart_output_ready(struct device *device)
{
	struct uart_state *state = device->state;

	if (!state->transmit.count)
		return;
	uart_transmit(device);
	uart_update(device);
}

static void uart_timer(struct device *device)
{
	struct uart_state *state = device->state;

	if (uart_fifos_on(state) && state->receive.count &&
	    device_now(device) >= state->activity + uart_timeout_ns(state))
		state->timeout_interrupt = 1;
	uart_update(device);
}

static void uart_reset(struct device *device)
{
	struct uart_state *state = device->state;
	bool refused = state->input_refused;

	/* Table "UART Reset Configuration", then what firmware does. */
	*state = (struct uart_state){
		.divisor = FIRMWARE_DIVISOR,
		.lcr = FIRMWARE_LCR,
		.lsr = LSR_THRE | LSR_TEMT,
		.msr = MSR_CTS | MSR_DSR | MSR_DCD,
		.input_refused = refused,
	};
	device_set_pin(device, UART_PIN_IRQ, false);
	uart_update(device);
	uart_want_input(device);
}

static bool uart_fifo_valid(const struct uart_fifo *fifo, unsigned capacity)
{
	for (unsigned i = 0; i < UART_FIFO_SIZE; i++) {
		if (fifo->errors[i] & ~LSR_CHARACTER)
			return false;
	}
	return fifo->head < UART_FIFO_SIZE && fifo->count <= capacity;
}

static bool uart_state_valid(const void *bytes)
{
	const struct uart_state *state = bytes;
	bool data_ready = state->lsr & LSR_DR, sending = !(state->lsr & LSR_THRE);

	return !(state->ier & ~IER_BITS) && !(state->mcr & ~MCR_BITS) && !(state->fcr & ~FCR_KEPT) &&
	       (uart_fifos_on(state) || !state->fcr) &&
	       uart_fifo_valid(&state->receive, uart_fifo_capacity(state)) &&
	       uart_fifo_valid(&state->transmit, uart_fifo_capacity(state)) &&
	       data_ready == (state->receive.count != 0) && sending == (state->transmit.count != 0);
}

/* The outside may have room again for what waited when the state was saved. */
static void uart_restored(struct device *device)
{
	struct uart_state *state = device->state;

	device_set_pin(device, UART_PIN_IRQ, state->line);
	uart_output_ready(device);
	uart_update(device);
}

/* The machine places it. */
static const struct port_region uart_ports[] = {
	{.base = 0, .count = UART_PORTS, .width = 1, .read = uart_port_read, .write = uart_port_write},
};

const struct device_model uart_model = {
	.name = "uart",
	.version = 1,
	.state_size = sizeof(struct uart_state),
	.ports = uart_ports,
	.port_count = ARRAY_SIZE(uart_ports),
	.pins = UART_PINS,
	.reset = uart_reset,
	.state_valid = uart_state_valid,
	.restored = uart_restored,
	.timer = uart_timer,
};
