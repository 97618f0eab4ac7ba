#include "vmm/console.h"
#include "devices/real/uart.h"
#include "lib/format.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "mm/host_map.h"
#include "vmm/console_internal.h"
#include "vmm/shell.h"

#define RING_SIZE     32768 /* more than a whole scrollback; a power of two */
#define VM_RESERVE    8192  /* of it, kept for the monitor */
#define CHUNK         64
#define DRAW_AT_ONCE  200  /* characters drawn in one poll: well below a millisecond */
#define FEED_AT_ONCE  4096 /* bytes put on the screen's grid in one poll */
#define INPUT_POLLS   8
#define CAUSES_MAX    16 /* of the UART's interrupt, taken in one go */
#define LOSS_TEXT_MAX 64

/*
 * The ring has one writer's position and two readers': the serial line and the screen. All count bytes
 * ever put. A console that is absent keeps up at once.
 */
static struct {
	struct spinlock lock; /* of the ring and its positions, and of the screen */
	uint8_t ring[RING_SIZE];
	uint64_t head, serial, screen;
	uint64_t lost;          /* bytes that did not fit, not yet said */
	bool at_line_start;     /* the last byte put was a newline */
	struct scrollback kept; /* the monitor's own output, for a console that is opened later */

	struct uart uart;
	bool transmitting; /* waiting for the UART to take more */
	bool buffered, interrupts, panicking, wanting;
	void (*wanted)(void);
} console = {.at_line_start = true};

static void lock(void)
{
	if (!console.panicking)
		spin_lock(&console.lock);
}

static void unlock(void)
{
	if (!console.panicking)
		spin_unlock(&console.lock);
}

size_t console_free(void)
{
	return RING_SIZE - (size_t)(console.head - MIN(console.serial, console.screen));
}

bool console_room(void)
{
	return console_free() > VM_RESERVE;
}

/* Hand the serial line what it takes now. */
static void transmit(void)
{
	while (console.serial < console.head) {
		size_t at = console.serial % RING_SIZE;
		size_t count = MIN((size_t)(console.head - console.serial), RING_SIZE - at);
		size_t sent = uart_send(&console.uart, console.ring + at, count);

		if (!sent)
			break;
		console.serial += sent;
	}
	console.transmitting = console.serial < console.head;
	if (console.interrupts)
		uart_interrupts(&console.uart, true, console.transmitting);
}

/* Put up to `bytes` on the screen's grid; drawing is another matter. */
static void feed_screen(size_t bytes)
{
	while (console.screen < console.head && bytes) {
		size_t at = console.screen % RING_SIZE;
		size_t count = MIN(MIN((size_t)(console.head - console.screen), RING_SIZE - at), bytes);

		screen_write(console.ring + at, count);
		console.screen += count;
		bytes -= count;
	}
}

/* Everything out, by polling: at boot, before the end, and in a panic. A dead UART is given up. */
static void drain(void)
{
	while (console.serial < console.head) {
		size_t at = console.serial % RING_SIZE;
		size_t count = MIN((size_t)(console.head - console.serial), RING_SIZE - at);

		if (!uart_send_polled(&console.uart, console.ring + at, count))
			console.uart.base = 0;
		console.serial += count;
	}
	console.transmitting = false;
	feed_screen(RING_SIZE);
	screen_draw(SIZE_MAX);
}

/* The lock is held. False: full. */
static bool put_byte(uint8_t byte)
{
	if (!console_free()) {
		if (console.buffered) {
			console.lost++;
			return false;
		}
		drain();
	}
	console.ring[console.head++ % RING_SIZE] = byte;
	if (!console.uart.base)
		console.serial = console.head;
	if (!screen_present())
		console.screen = console.head;
	console.at_line_start = byte == '\n';
	return true;
}

/* Start what was put on its way; the lock is held. */
static void start_output(void)
{
	if (!console.buffered)
		drain();
	else if (!console.transmitting) /* else what follows will be fetched */
		transmit();
}

/* Something may be left that no interrupt announces. */
static void want_service(void)
{
	if (!console.buffered || console.wanting || !console_pending())
		return;
	console.wanting = true;
	console.wanted();
}

void console_put(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	lock();
	for (size_t i = 0; i < length; i++)
		put_byte(at[i]);
	start_output();
	unlock();
	want_service();
}

void console_put_vm(uint8_t byte)
{
	lock();
	put_byte(byte);
	start_output();
	unlock();
	want_service();
}

/* Monitor output: keep it, and turn newlines into CR LF. The lock is held. */
static void put_text(const char *text, size_t length)
{
	/* A message never lands in the middle of a VM's line. */
	if (console_attached() && !console.at_line_start) {
		put_byte('\r');
		put_byte('\n');
	}
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n') {
			put_byte('\r');
			scrollback_put(&console.kept, '\r');
		}
		put_byte((uint8_t)text[i]);
		scrollback_put(&console.kept, (uint8_t)text[i]);
	}
}

void console_write(const char *text, size_t length)
{
	if (!console.panicking && !console_attached())
		shell_hide_prompt();
	lock();
	put_text(text, length);
	start_output();
	unlock();
	want_service();
}

/* The lock is held. Said once there is room for more than the sentence, so that it is not lost itself. */
static void say_losses(void)
{
	char text[LOSS_TEXT_MAX];
	uint64_t lost = console.lost;
	int length;

	if (!lost || console_free() < RING_SIZE / 2)
		return;
	console.lost = 0;
	length = format_buffer(text, sizeof(text), "%s[Nacre: %lu bytes of output lost]\n",
	                       console.at_line_start ? "" : "\n", lost);
	put_text(text, (size_t)length);
}

static void receive(void)
{
	uint8_t bytes[CHUNK];

	for (unsigned i = 0; i < INPUT_POLLS; i++) {
		size_t count = uart_read(&console.uart, bytes, sizeof(bytes));

		for (size_t k = 0; k < count; k++)
			console_key(bytes[k]);
		if (count < sizeof(bytes))
			break;
	}
}

/* Input first: it may cause output. */
static void serve_line(void)
{
	struct channel *channel;

	receive();
	lock();
	say_losses();
	transmit();
	feed_screen(FEED_AT_ONCE);
	unlock();
	channel = console_attached();
	if (channel && channel->output_waiting && console_free() > RING_SIZE / 2) {
		channel->output_waiting = false;
		channel->output_ready(channel);
	}
}

void console_poll(void)
{
	console.wanting = false;
	serve_line();
	if (!console_attached())
		shell_show_prompt();
	lock();
	screen_draw(DRAW_AT_ONCE);
	unlock();
	want_service();
}

void console_interrupt(void)
{
	for (unsigned i = 0; i < CAUSES_MAX && uart_acknowledge(&console.uart); i++)
		serve_line();
	want_service();
}

bool console_busy(void)
{
	return console.screen < console.head || screen_changed() ||
	       (!console_attached() && shell_prompt_hidden());
}

bool console_pending(void)
{
	return console.serial < console.head || console.lost || console_busy();
}

void console_hold_input(bool hold)
{
	uart_ready_to_receive(&console.uart, !hold);
}

uint16_t console_serial_port(void)
{
	return console.uart.base;
}

/* Put everything that was said so far on a console that has just been opened. */
static void replay(void (*sink)(const uint8_t *bytes, size_t count))
{
	uint8_t bytes[CHUNK];
	uint64_t at = scrollback_start(&console.kept);
	size_t count;

	while ((count = scrollback_copy(&console.kept, at, bytes, sizeof(bytes)))) {
		sink(bytes, count);
		at += count;
	}
}

static void sink_serial(const uint8_t *bytes, size_t count)
{
	uart_send_polled(&console.uart, bytes, count);
}

void console_early_init(uint16_t port, uint32_t speed)
{
	bool moved = port != console.uart.base;

	console_flush();
	uart_init(&console.uart, port, speed);
	console.serial = console.head;
	if (moved)
		replay(sink_serial);
}

void console_init(const struct boot_framebuffer *framebuffer)
{
	size_t size = framebuffer ? screen_size(framebuffer) : 0;
	void *memory = NULL;

	if (size)
		memory = framebuffer->kind == FRAMEBUFFER_TEXT
		                 ? host_map_mmio(framebuffer->address, size)
		                 : host_map_framebuffer(framebuffer->address, size);
	if (!memory || !screen_init(framebuffer, memory))
		return;
	replay(screen_write);
	console.screen = console.head;
	screen_draw(SIZE_MAX);
}

void console_buffered(bool interrupts, void (*wanted)(void))
{
	console_flush();
	console.buffered = true;
	console.interrupts = interrupts;
	console.wanted = wanted;
	if (interrupts)
		uart_interrupts(&console.uart, true, false);
}

void console_flush(void)
{
	lock();
	drain();
	unlock();
	uart_flush(&console.uart);
}

void console_panic_mode(void)
{
	console.panicking = true;
	console.buffered = false;
	uart_interrupts(&console.uart, false, false);
	drain();
}
