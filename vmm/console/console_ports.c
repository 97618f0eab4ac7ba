/* SPDX-License-Identifier: MIT */
#include "vmm/console/console_ports.h"
#include "devices/real/real_uart.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"
#include "vmm/observe/log.h"

#define PORT_RING     4096 /* a power of two */
#define CHUNK         64
#define LOSS_TEXT_MAX 64

struct console_port {
	struct channel *channel; /* null: free */
	struct uart uart;
	/* Under the channel's lock; free-running. */
	uint32_t head, tail;
	uint64_t lost; /* bytes that did not fit, not yet said */
	uint8_t ring[PORT_RING];
};

static struct console_port ports[CONSOLE_PORTS_MAX];

static uint32_t ports_used(const struct console_port *port)
{
	return __atomic_load_n(&port->head, __ATOMIC_RELAXED) -
	       __atomic_load_n(&port->tail, __ATOMIC_RELAXED);
}

bool port_room(const struct console_port *port)
{
	return ports_used(port) < PORT_RING;
}

bool port_half_free(const struct console_port *port)
{
	return ports_used(port) < PORT_RING / 2;
}

/* The UART is fed by ports_poll(), so that the VM's CPU does not wait for its bus. */
void port_put(struct console_port *port, uint8_t byte)
{
	if (!port_room(port)) {
		port->lost++;
		return;
	}
	port->ring[port->head % PORT_RING] = byte;
	__atomic_store_n(&port->head, port->head + 1, __ATOMIC_RELAXED);
}

void port_hold_input(struct console_port *port, bool hold)
{
	uart_ready_to_receive(&port->uart, !hold);
}

static struct console_port *ports_find(uint16_t base)
{
	for (unsigned i = 0; i < CONSOLE_PORTS_MAX; i++)
		if (ports[i].channel && ports[i].uart.base == base)
			return &ports[i];
	return NULL;
}

static struct console_port *ports_find_free(void)
{
	for (unsigned i = 0; i < CONSOLE_PORTS_MAX; i++)
		if (!ports[i].channel)
			return &ports[i];
	return NULL;
}

static int ports_open(struct channel *channel, struct console_port *port, uint16_t base, uint32_t speed)
{
	if (!base || !uart_init(&port->uart, base, speed)) {
		log_error("vm %s: console: no UART answers at port %Xh of this machine; use "
		          "another port, or console = shared\n",
		          channel->name, base);
		return -ERR_NOT_FOUND;
	}
	port->head = port->tail = 0;
	port->lost = 0;
	port->channel = channel;
	return 0;
}

int console_bind_port(struct channel *channel, uint16_t base, uint32_t speed)
{
	struct console_port *port = ports_find_free();
	int error;

	if (base && base == console_serial_port()) {
		log_error("vm %s: console: the port at %Xh is the operator's; use another one\n",
		          channel->name, base);
		return -ERR_BUSY;
	}
	if (ports_find(base)) {
		log_error("vm %s: console: the port at %Xh belongs to vm %s; use another one\n",
		          channel->name, base, ports_find(base)->channel->name);
		return -ERR_BUSY;
	}
	if (!port) {
		log_error("vm %s: console: all %u ports are in use\n", channel->name, CONSOLE_PORTS_MAX);
		return -ERR_NO_MEMORY;
	}
	error = ports_open(channel, port, base, speed);
	if (error)
		return error;
	if (console_attached() == channel)
		console_attach(NULL);
	channel_lock(channel);
	tagged_drop(channel);
	channel->port = port;
	__atomic_store_n(&channel->sink, CHANNEL_PORT, __ATOMIC_RELEASE);
	channel_unlock(channel);
	console_want();
	return 0;
}

void ports_unbind(struct channel *channel)
{
	if (channel->sink == CHANNEL_PORT)
		channel->port->channel = NULL;
}

bool ports_bound(void)
{
	for (unsigned i = 0; i < CONSOLE_PORTS_MAX; i++)
		if (ports[i].channel)
			return true;
	return false;
}

/* Said once there is room for the sentence. */
static void ports_say_lost(struct console_port *port)
{
	char text[LOSS_TEXT_MAX];
	uint64_t lost = port->lost;

	if (!lost || !port_half_free(port))
		return;
	port->lost = 0;
	format_buffer(text, sizeof(text), "\r\n[Nacre: %lu bytes of output lost]\r\n", lost);
	for (const char *at = text; *at; at++)
		port_put(port, (uint8_t)*at);
}

static void ports_transmit(struct console_port *port)
{
	size_t sent = 1;

	channel_lock(port->channel);
	ports_say_lost(port);
	while (sent && ports_used(port)) {
		uint32_t at = port->tail % PORT_RING;

		sent = uart_send(&port->uart, port->ring + at, MIN(ports_used(port), PORT_RING - at));
		__atomic_store_n(&port->tail, port->tail + (uint32_t)sent, __ATOMIC_RELAXED);
	}
	channel_unlock(port->channel);
}

static void ports_receive(struct console_port *port)
{
	uint8_t bytes[CHUNK];
	size_t count = uart_read(&port->uart, bytes, sizeof(bytes));

	for (size_t i = 0; i < count; i++)
		(void)channel_receive(port->channel, bytes[i]);
	if (uart_take_break(&port->uart))
		(void)channel_receive_break(port->channel);
}

void ports_poll(void)
{
	for (unsigned i = 0; i < CONSOLE_PORTS_MAX; i++) {
		struct console_port *port = &ports[i];

		if (!port->channel)
			continue;
		ports_transmit(port);
		ports_receive(port);
		if (channel_may_go_on(port->channel))
			port->channel->kick(port->channel);
	}
}
