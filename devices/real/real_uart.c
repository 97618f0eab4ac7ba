/* SPDX-License-Identifier: MIT */
#include "devices/real/real_uart.h"
#include "devices/real/wait.h"
#include "lib/x86.h"

/* PC16550D datasheet, "Summary of Registers". */
#define RBR 0 /* receiver buffer, read */
#define THR 0 /* transmitter holding, write */
#define DLL 0 /* divisor latch, with LCR.DLAB */
#define DLM 1
#define IER 1
#define IIR 2 /* read */
#define FCR 2 /* write */
#define LCR 3
#define MCR 4
#define LSR 5
#define MSR 6
#define SCR 7

#define IER_RECEIVED    0x01
#define IER_TRANSMITTER 0x02
#define IIR_NONE        0x01
#define IIR_FIFOS       0xc0
#define FCR_ENABLE      0x01
#define FCR_CLEAR       0x06
#define FCR_TRIGGER_8   0x80
#define LCR_8N1         0x03
#define LCR_DLAB        0x80
#define MCR_DTR         0x01
#define MCR_RTS         0x02
#define MCR_OUT2        0x08 /* on a PC, lets the interrupt through to the bus */
#define MCR_LOOP        0x10
#define LSR_DATA        0x01
#define LSR_OVERRUN     0x02
#define LSR_FRAMING     0x08
#define LSR_BREAK       0x10
#define LSR_THR_EMPTY   0x20
#define LSR_ALL_EMPTY   0x40
#define LSR_FLOATING    0xff /* nothing drives the bus: without parity, no parity error */

#define FIFO_SIZE 16
#define SLOWEST   50
#define PATTERN   0x2e
#define BUSY_US   1000000 /* a full FIFO takes 133 ms at 1200 baud */

static uint8_t uart_get(const struct uart *uart, unsigned reg)
{
	return in8((uint16_t)(uart->base + reg));
}

static void uart_put(const struct uart *uart, unsigned reg, uint8_t value)
{
	out8((uint16_t)(uart->base + reg), value);
}

/* A UART keeps its scratch register and loops its modem lines back; a floating bus does neither. */
static bool uart_answers(const struct uart *uart)
{
	bool scratch, loop;

	uart_put(uart, SCR, PATTERN);
	scratch = uart_get(uart, SCR) == PATTERN;
	uart_put(uart, SCR, (uint8_t)~PATTERN);
	scratch = scratch && uart_get(uart, SCR) == (uint8_t)~PATTERN;
	uart_put(uart, MCR, MCR_LOOP | MCR_RTS | MCR_OUT2);
	loop = (uart_get(uart, MSR) & 0xf0) == 0x90; /* CTS follows RTS, DCD follows OUT2 */
	uart_put(uart, MCR, 0);
	return scratch && loop;
}

static void uart_set_speed(struct uart *uart, uint32_t speed)
{
	uint32_t divisor;

	if (speed < SLOWEST || speed > UART_CLOCK)
		speed = UART_CLOCK;
	divisor = (UART_CLOCK + speed / 2) / speed;
	uart_put(uart, LCR, LCR_8N1 | LCR_DLAB);
	uart_put(uart, DLL, (uint8_t)divisor);
	uart_put(uart, DLM, (uint8_t)(divisor >> 8));
	uart_put(uart, LCR, LCR_8N1);
	uart->speed = UART_CLOCK / divisor;
}

bool uart_init(struct uart *uart, uint16_t base, uint32_t speed)
{
	bool good;

	*uart = (struct uart){.base = base, .fifo = 1, .taken_at = read_tsc()};
	if (!base)
		return false;
	uart_put(uart, IER, 0);
	good = uart_answers(uart);
	uart_set_speed(uart, speed);
	uart_put(uart, FCR, FCR_ENABLE | FCR_CLEAR | FCR_TRIGGER_8);
	/*
	 * On a 16550 without the A, whose FIFOs do not work, only one of the two bits reads back.
	 */
	if ((uart_get(uart, IIR) & IIR_FIFOS) == IIR_FIFOS)
		uart->fifo = FIFO_SIZE;
	else
		uart_put(uart, FCR, 0);
	uart->modem = MCR_DTR | MCR_RTS | MCR_OUT2;
	uart_put(uart, MCR, uart->modem);
	return good;
}

bool uart_floats(const struct uart *uart)
{
	return uart_get(uart, LSR) == LSR_FLOATING;
}

/* Nothing is there, or the other end has held the transmitter up for too long. */
static bool uart_is_dead(const struct uart *uart, uint8_t status)
{
	return status == LSR_FLOATING || read_tsc() - uart->taken_at >= wait_ticks(BUSY_US);
}

size_t uart_send(struct uart *uart, const uint8_t *bytes, size_t count)
{
	uint8_t status;

	if (!uart->base || !count)
		return 0;
	status = uart_get(uart, LSR);
	if (status == LSR_FLOATING || !(status & LSR_THR_EMPTY))
		return uart_is_dead(uart, status) ? count : 0;
	count = MIN(count, uart->fifo);
	for (size_t i = 0; i < count; i++)
		uart_put(uart, THR, bytes[i]);
	uart->taken_at = read_tsc();
	return count;
}

void uart_send_polled(struct uart *uart, const uint8_t *bytes, size_t count)
{
	while (uart->base && count) {
		size_t sent = uart_send(uart, bytes, count);

		bytes += sent;
		count -= sent;
		if (!sent)
			cpu_relax();
	}
}

void uart_flush(struct uart *uart)
{
	while (uart->base) {
		bool dead = uart_is_dead(uart, 0);

		if (uart_get(uart, LSR) & LSR_ALL_EMPTY || dead)
			return;
		cpu_relax();
	}
}

size_t uart_read(struct uart *uart, uint8_t *bytes, size_t size)
{
	size_t count = 0;

	/* Bounded apart from `size`, since bytes with errors do not count. */
	for (unsigned reads = 0; uart->base && count < size && reads < 4 * FIFO_SIZE && !uart->broken;
	     reads++) {
		uint8_t status = uart_get(uart, LSR), byte;

		if (!(status & LSR_DATA) || status == LSR_FLOATING)
			break;
		if (status & LSR_OVERRUN)
			uart->overruns++;
		byte = uart_get(uart, RBR);
		uart->broken = status & LSR_BREAK;
		if (!(status & (LSR_FRAMING | LSR_BREAK)))
			bytes[count++] = byte;
	}
	return count;
}

bool uart_take_break(struct uart *uart)
{
	bool broken = uart->broken;

	uart->broken = false;
	return broken;
}

void uart_interrupts(struct uart *uart, bool receive, bool transmit)
{
	uint8_t enabled = (uint8_t)((receive ? IER_RECEIVED : 0) | (transmit ? IER_TRANSMITTER : 0));

	if (!uart->base || enabled == uart->enabled)
		return;
	uart->enabled = enabled;
	uart_put(uart, IER, enabled);
}

bool uart_acknowledge(struct uart *uart)
{
	return uart->base && !(uart_get(uart, IIR) & IIR_NONE);
}

void uart_ready_to_receive(struct uart *uart, bool ready)
{
	uint8_t modem = (uint8_t)(ready ? uart->modem | MCR_RTS : uart->modem & ~MCR_RTS);

	if (!uart->base || modem == uart->modem)
		return;
	uart->modem = modem;
	uart_put(uart, MCR, modem);
}

int uart_isa_irq(uint16_t base)
{
	switch (base) {
	case 0x3f8:
	case 0x3e8: return 4;
	case 0x2f8:
	case 0x2e8: return 3;
	default: return -1;
	}
}
