/* SPDX-License-Identifier: MIT */
/*
 * 16550A UART: see uart.h. Registers, bits and rules are those of the National Semiconductor
 * PC16550D datasheet; section titles in quotes are its own.
 */
#include "devices/pc/uart.h"

#include "devices/pc/uart_fifo.h"
#include "devices/pc/uart_registers.h"

/* A character lasts DIVISOR * 16 cycles of 1.8432 MHz per bit: 78125/9 ns times the divisor. */
#define BIT_NS_NUMERATOR   78125
#define BIT_NS_DENOMINATOR 9
#define TIMEOUT_CHARACTERS 4 /* "FIFO Interrupt Mode Operation" */

/*
 * What firmware leaves, since guests start without one: 9600 baud, 8 bits, no parity, 1 stop bit.
 */
#define FIRMWARE_DIVISOR 12
#define FIRMWARE_LCR     0x03

static bool fifos_on(const struct uart_state *state)
{
	return state->fcr & FCR_ENABLE;
}

static unsigned fifo_capacity(const struct uart_state *state)
{
	return fifos_on(state) ? UART_FIFO_SIZE : 1;
}

/* Characters in the receive FIFO at which data counts as available. */
static unsigned trigger_level(const struct uart_state *state)
{
	static const uint8_t levels[] = {1, 4, 8, 14};

	return fifos_on(state) ? levels[(state->fcr & FCR_TRIGGER) >> FCR_TRIGGER_SHIFT] : 1;
}

/* Four characters at the programmed speed and format, in ns. Divisor 0 divides by 65536. */
static uint64_t timeout_ns(const struct uart_state *state)
{
	unsigned data = 5 + (state->lcr & LCR_LENGTH);
	unsigned stop_halves = !(state->lcr & LCR_STOP) ? 2 : data == 5 ? 3 : 4;
	unsigned halves = 2 * (1 + data + !!(state->lcr & LCR_PARITY)) + stop_halves;
	uint64_t divisor = state->divisor ? state->divisor : 0x10000;

	return TIMEOUT_CHARACTERS * halves * divisor * BIT_NS_NUMERATOR / (2 * BIT_NS_DENOMINATOR);
}

/* The highest pending interrupt as IIR bits 0-3: "Interrupt Identification Register", Table IV. */
static uint8_t interrupt(const struct uart_state *state)
{
	if ((state->ier & IER_ELSI) && (state->lsr & LSR_ERRORS))
		return IIR_LINE_STATUS;
	if ((state->ier & IER_ERBFI) && state->receive.count >= trigger_level(state))
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
static void update_timeout(struct device *device)
{
	struct uart_state *state = device->state;
	uint64_t deadline = DEADLINE_NONE;

	if (fifos_on(state) && (state->ier & IER_ERBFI) && !state->timeout_interrupt &&
	    state->receive.count && state->receive.count < trigger_level(state))
		deadline = state->activity + timeout_ns(state);
	device_arm(device, deadline);
}

/*
 * Drive the interrupt line and the timer after any change. OUT2 gates the
 * line on a PC; in loopback the pin is inactive whatever MCR says.
 */
static void uart_update(struct device *device)
{
	struct uart_state *state = device->state;
	bool gate = (state->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
	bool line = gate && interrupt(state) != IIR_NONE;

	if (line != state->line) {
		state->line = line;
		device_set_pin(device, UART_PIN_IRQ, line);
	}
	update_timeout(device);
}

/* An error is revealed when its character comes to the top of the FIFO: "Line Status Register". */
static void reveal_top(struct uart_state *state)
{
	if (state->receive.count) {
		state->lsr |= LSR_DR | state->receive.errors[state->receive.head];
	} else {
		state->lsr &= ~LSR_DR;
		state->timeout_interrupt = 0;
	}
}

/* A character has been received completely. */
static void receive(struct device *device, uint8_t byte, uint8_t errors)
{
	struct uart_state *state = device->state;
	uint8_t length_mask = 0xff >> (3 - (state->lcr & LCR_LENGTH));

	if (state->receive.count == fifo_capacity(state)) {
		state->lsr |= LSR_OE;
		/* The FIFO keeps what it has; RBR is overwritten. */
		if (fifos_on(state))
			return;
		fifo_pop(&state->receive);
	}
	fifo_push(&state->receive, byte & length_mask, errors);
	if (fifos_on(state) && errors)
		state->lsr |= LSR_FIFO_ERROR;
	state->activity = device_now(device);
	reveal_top(state);
}

/*
 * Tell the outside that it may go on, once the guest has taken everything. Last, since input may
 * come at once.
 */
static void want_input(struct device *device)
{
	struct uart_state *state = device->state;

	if (state->input_refused && !state->receive.count && !(state->mcr & MCR_LOOP)) {
		state->input_refused = 0;
		platform_serial_input_wanted(device_platform(device), device->unit);
	}
}

/* Send what waits, as far as the outside has room. */
static void transmit(struct device *device)
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

static void thr_write(struct device *device, uint8_t value)
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
		receive(device, byte, 0);
		state->thre_interrupt = 1;
	} else {
		if (state->transmit.count < fifo_capacity(state))
			fifo_push(&state->transmit, byte, 0);
		state->lsr &= ~(LSR_THRE | LSR_TEMT);
		transmit(device);
	}
	uart_update(device);
}

static uint8_t rbr_read(struct device *device)
{
	struct uart_state *state = device->state;
	uint8_t byte = state->receive.data[state->receive.head];

	if (!state->receive.count)
		return byte;
	fifo_pop(&state->receive);
	state->timeout_interrupt = 0;
	state->activity = device_now(device);
	reveal_top(state);
	uart_update(device);
	want_input(device);
	return byte;
}

static void ier_write(struct device *device, uint8_t value)
{
	struct uart_state *state = device->state;
	uint8_t rising = value & ~state->ier;

	/* Enabling the THRE interrupt while THR is empty raises it. */
	if ((rising & IER_ETBEI) && (state->lsr & LSR_THRE))
		state->thre_interrupt = 1;
	state->ier = value & IER_BITS;
	uart_update(device);
}

static uint8_t iir_read(struct device *device)
{
	struct uart_state *state = device->state;
	uint8_t iir = interrupt(state);

	if (iir == IIR_THRE) {
		state->thre_interrupt = 0;
		uart_update(device);
	}
	return iir | (fifos_on(state) ? IIR_FIFOS : 0);
}

static void reset_receiver(struct uart_state *state)
{
	fifo_clear(&state->receive);
	state->lsr &= ~LSR_FIFO_ERROR;
	reveal_top(state);
}

static void reset_transmitter(struct uart_state *state)
{
	fifo_clear(&state->transmit);
	if (!(state->lsr & LSR_THRE)) {
		state->lsr |= LSR_THRE | LSR_TEMT;
		state->thre_interrupt = 1;
	}
}

static void fcr_write(struct device *device, uint8_t value)
{
	struct uart_state *state = device->state;
	bool changed = (value ^ state->fcr) & FCR_ENABLE;

	/*
	 * The other bits count only while FCR0 is written as 1; a change of FCR0 clears both FIFOs.
	 */
	state->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
	if (changed || ((value & FCR_ENABLE) && (value & FCR_RESET_RECEIVE)))
		reset_receiver(state);
	if (changed || ((value & FCR_ENABLE) && (value & FCR_RESET_TRANSMIT)))
		reset_transmitter(state);
	uart_update(device);
	want_input(device);
}

/* The modem inputs: those of the outside, or in loopback the modem outputs. */
static uint8_t modem_inputs(const struct uart_state *state)
{
	uint8_t mcr = state->mcr;

	if (!(mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) | (mcr & MCR_OUT1 ? MSR_RI : 0) |
	       (mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void mcr_write(struct device *device, uint8_t value)
{
	struct uart_state *state = device->state;
	uint8_t inputs, changed;

	state->mcr = value & MCR_BITS;
	inputs = modem_inputs(state);
	changed = (inputs ^ state->msr) & ~MSR_DELTAS;
	/* RI tells only of its trailing edge. */
	if (inputs & MSR_RI)
		changed &= ~MSR_RI;
	state->msr = inputs | (state->msr & MSR_DELTAS) | changed >> MSR_DELTA_SHIFT;
	uart_update(device);
	want_input(device);
}

static uint8_t lsr_read(struct device *device)
{
	struct uart_state *state = device->state;
	uint8_t lsr = state->lsr;

	if (unlikely(lsr & (LSR_ERRORS | LSR_FIFO_ERROR))) {
		state->lsr &= ~(LSR_ERRORS | LSR_FIFO_ERROR);
		state->receive.errors[state->receive.head] = 0;
		if (fifos_on(state) && fifo_has_errors(&state->receive))
			state->lsr |= LSR_FIFO_ERROR;
		uart_update(device);
	}
	return lsr;
}

static uint8_t msr_read(struct device *device)
{
	struct uart_state *state = device->state;
	uint8_t msr = state->msr;

	if (msr & MSR_DELTAS) {
		state->msr &= ~MSR_DELTAS;
		uart_update(device);
	}
	return msr;
}

static uint32_t uart_read(struct device *device, unsigned offset, unsigned size)
{
	struct uart_state *state = device->state;
	bool dlab = state->lcr & LCR_DLAB;

	/* What drivers poll comes first. */
	if (likely(offset == LSR))
		return lsr_read(device);
	if (offset == IIR_FCR)
		return iir_read(device);
	switch (offset) {
	case RBR_THR: return dlab ? state->divisor & 0xff : rbr_read(device);
	case IER: return dlab ? state->divisor >> 8 : state->ier;
	case LCR: return state->lcr;
	case MCR: return state->mcr;
	case MSR: return msr_read(device);
	default: return state->scratch;
	}
}

static void uart_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct uart_state *state = device->state;
	bool dlab = state->lcr & LCR_DLAB;

	switch (offset) {
	case RBR_THR:
		if (dlab) {
			state->divisor = (state->divisor & 0xff00) | (value & 0xff);
			update_timeout(device);
		} else {
			thr_write(device, value);
		}
		break;
	case IER:
		if (dlab) {
			state->divisor = (state->divisor & 0xff) | (value & 0xff) << 8;
			update_timeout(device);
		} else {
			ier_write(device, value);
		}
		break;
	case IIR_FCR: fcr_write(device, value); break;
	case LCR:
		state->lcr = value;
		update_timeout(device);
		break;
	case MCR: mcr_write(device, value); break;
	case SCR: state->scratch = value; break;
	default: break; /* LSR and MSR: "intended for read operations only" */
	}
}

size_t uart_receive(struct device *device, const uint8_t *bytes, size_t count)
{
	struct uart_state *state = device->state;
	size_t taken = 0;

	/* In loopback SIN is disconnected; the outside keeps its characters until then. */
	if (!(state->mcr & MCR_LOOP)) {
		size_t room = fifo_capacity(state) - state->receive.count;

		for (; taken < count && taken < room; taken++)
			receive(device, bytes[taken], 0);
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
		receive(device, 0, LSR_BI | LSR_FE);
	uart_update(device);
}

void uart_output_ready(struct device *device)
{
	struct uart_state *state = device->state;

	if (!state->transmit.count)
		return;
	transmit(device);
	uart_update(device);
}

static void uart_timer(struct device *device)
{
	struct uart_state *state = device->state;

	if (fifos_on(state) && state->receive.count &&
	    device_now(device) >= state->activity + timeout_ns(state))
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
	want_input(device);
}

static bool fifo_valid(const struct uart_fifo *fifo, unsigned capacity)
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
	       (fifos_on(state) || !state->fcr) && fifo_valid(&state->receive, fifo_capacity(state)) &&
	       fifo_valid(&state->transmit, fifo_capacity(state)) &&
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
	{.base = 0, .count = UART_PORTS, .width = 1, .read = uart_read, .write = uart_write},
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
