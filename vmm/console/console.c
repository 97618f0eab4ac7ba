/* SPDX-License-Identifier: MIT */
#include "vmm/console/console.h"
#include "devices/real/real_keyboard.h"
#include "devices/real/real_uart.h"
#include "lib/format.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "mm/host_map.h"
#include "vmm/console/console_internal.h"
#include "vmm/console/console_ring.h"
#include "vmm/cpu/cpu.h"

#define VM_RESERVE    8192 /* of the ring, kept for the monitor */
#define CHUNK         64
#define DRAW_AT_ONCE  64  /* characters drawn in one poll: well below a millisecond */
#define FEED_AT_ONCE  64  /* bytes put on the screen's grid in one poll; each four may clear it */
#define SAY_AT_ONCE   200 /* bytes of other CPUs' lines, and the rest of the last one */
#define INPUT_POLLS   8
#define CAUSES_MAX    16 /* of the UART's interrupt, taken in one go */
#define LOSS_TEXT_MAX 64
#define LINE_MAX      512

/* A console that is absent keeps up at once. */
static struct {
	struct spinlock lock; /* of the ring, its positions, and what is written to the UART */
	struct console_ring ring;
	uint64_t lost;          /* bytes that did not fit, not yet said */
	bool at_line_start;     /* the last byte put was a newline */
	bool coloured, moved;   /* what a VM did to the terminal: as in struct filter_piece */
	bool reset;             /* the terminal is normal, and the attached VM does not expect that */
	struct scrollback kept; /* the monitor's own output, for a console that is opened later */

	struct uart uart;
	bool transmitting; /* waiting for the UART to take more */
	bool buffered, interrupts, panicking, wanting;
	void (*wanted)(void);
} console = {.at_line_start = true};

static void console_lock_ring(void)
{
	if (!console.panicking)
		spin_lock(&console.lock);
}

static void console_unlock_ring(void)
{
	if (!console.panicking)
		spin_unlock(&console.lock);
}

/* The boot processor owns the screen and the prompt; in a panic, the CPU that reports it. */
static bool console_on_boot_cpu(void)
{
	return console.panicking || !this_cpu()->index;
}

size_t console_free(void)
{
	return ring_free(&console.ring);
}

bool console_half_free(void)
{
	return console_free() > RING_SIZE / 2;
}

bool console_room(void)
{
	return console_free() > VM_RESERVE;
}

/* Hand the serial line what it takes now. */
static void console_transmit(void)
{
	size_t count, sent;

	while ((count = ring_piece(&console.ring, &console.ring.serial, console.ring.head))) {
		sent = uart_send(&console.uart, ring_at(&console.ring, console.ring.serial), count);
		if (!sent)
			break;
		console.ring.serial += sent;
	}
	console.transmitting = console.ring.serial < console.ring.head;
	if (console.interrupts)
		uart_interrupts(&console.uart, true, console.transmitting);
}

/*
 * Put the next bytes, up to `max`, on the screen's grid; drawing is another matter. Returns how
 * many. The lock is not needed: what is between the positions does not change, and only the boot
 * processor moves this one.
 */
static size_t console_feed_screen(size_t max)
{
	uint64_t at = console.ring.screen, head = __atomic_load_n(&console.ring.head, __ATOMIC_ACQUIRE);
	size_t count = MIN(ring_piece(&console.ring, &at, head), max);

	screen_write(ring_at(&console.ring, at), count);
	__atomic_store_n(&console.ring.screen, at + count, __ATOMIC_RELEASE);
	return count;
}

static void console_show_on_screen(size_t max)
{
	size_t count = 1;

	while (screen_present() && max && count) { /* else console_put_byte() moves the position */
		count = console_feed_screen(max);
		max -= count;
	}
}

/* Everything out, by polling: at boot, before the end, and in a panic. */
static void console_drain(void)
{
	size_t count;

	while ((count = ring_piece(&console.ring, &console.ring.serial, console.ring.head))) {
		uart_send_polled(&console.uart, ring_at(&console.ring, console.ring.serial), count);
		console.ring.serial += count;
	}
	console.transmitting = false;
	console_show_on_screen(RING_SIZE);
	screen_draw(SIZE_MAX);
}

/* The lock is held. False: full. */
static bool console_put_byte(uint8_t byte, bool of_vm)
{
	if (!console_free()) {
		if (console.buffered) {
			console.lost++;
			return false;
		}
		console_drain();
	}
	ring_put(&console.ring, byte, of_vm);
	if (!console.uart.base)
		console.ring.serial = console.ring.head;
	if (!screen_present())
		console.ring.screen = console.ring.head;
	console.at_line_start = byte == '\n';
	return true;
}

/* Start what was put on its way; the lock is held. */
static void console_start_output(void)
{
	if (!console.buffered)
		console_drain();
	else if (!console.transmitting) /* else what follows will be fetched */
		console_transmit();
}

void console_want(void)
{
	if (console.buffered && !__atomic_exchange_n(&console.wanting, true, __ATOMIC_ACQ_REL))
		console.wanted();
}

/*
 * The ring has changed, and something may be left that no interrupt announces. A look at `wanting`
 * is enough, since console_poll() takes the ring's lock after it has cleared it.
 */
static void console_want_service(void)
{
	if (!__atomic_load_n(&console.wanting, __ATOMIC_RELAXED) && console_pending())
		console_want();
}

void console_put(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	console_lock_ring();
	for (size_t i = 0; i < length; i++)
		console_put_byte(at[i], false);
	console_start_output();
	console_unlock_ring();
	console_want_service();
}

/* The lock is held. */
static void console_put_vm_bytes(const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		console_put_byte(bytes[i], true);
}

/* The lock is held. */
static void console_put_changes(uint32_t changed)
{
	unsigned mode = 0;
	const char *sequence;

	while ((sequence = filter_next_change(changed, &mode)))
		console_put_vm_bytes((const uint8_t *)sequence, strlen(sequence));
	console.moved = console.moved || changed;
	console.reset = false;
}

void console_restore_modes(uint32_t changed)
{
	console_lock_ring();
	console_put_changes(changed);
	console_unlock_ring();
}

void console_put_vm(const struct filter_piece *piece, uint32_t changed)
{
	console_lock_ring();
	/* The debug port never asks for room; what is left then is the monitor's. */
	if (console_free() > VM_RESERVE / 2) {
		if (console.reset)
			console_put_changes(changed);
		console_put_vm_bytes(piece->bytes, piece->count);
		console.coloured = console.coloured || piece->coloured;
		console.moved = console.moved || piece->moved;
	} else {
		console.lost += piece->count;
	}
	console_start_output();
	console_unlock_ring();
	console_want_service();
}

/* The lock is held. */
static void console_put_monitor(const char *text)
{
	while (*text)
		console_put_byte((uint8_t)*text++, false);
}

/* Undo what a VM did to the terminal. True: the cursor was moved, too. The lock is held. */
static bool console_make_sane(void)
{
	bool moved = console.moved;

	if (moved)
		console_put_monitor(TERMINAL_SANE);
	else if (console.coloured)
		console_put_monitor("\x1b[0m");
	console.moved = console.coloured = false;
	console.reset = console.reset || moved;
	return moved;
}

/* A message never lands in the middle of a VM's line or picture. The lock is held. */
static void console_break_line(void)
{
	if (console_make_sane())
		console_put_monitor("\x1b[999;1H\r\n");
	else if (console_away() && !console.at_line_start)
		console_put_monitor("\r\n");
}

void console_begin_line(void)
{
	console_freeze_picture();
	console_lock_ring();
	console_break_line();
	console_unlock_ring();
}

/* What waits of a VM's output is not shown. True: there was some. The lock is held. */
static bool console_forget_vm(void)
{
	bool waiting = ring_forget_vm(&console.ring);

	if (waiting && (console.moved || console.coloured))
		console_put_monitor(TERMINAL_CANCEL); /* a sequence may have been cut */
	return waiting;
}

void console_leave_vm(bool clear, bool forget)
{
	bool cut;

	console_lock_ring();
	cut = forget && console_forget_vm();
	if (console_make_sane() && !clear)
		console_put_monitor("\x1b[999;1H\r\n");
	else if (clear)
		console_put_monitor("\x1b[2J\x1b[H");
	else if (cut || !console.at_line_start)
		console_put_monitor("\r\n");
	console.reset = false;
	console_start_output();
	console_unlock_ring();
}

/* Monitor output: keep it, and turn newlines into CR LF. The lock is held. */
static void console_put_text(const char *text, size_t length)
{
	console_break_line();
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n') {
			console_put_byte('\r', false);
			scrollback_put(&console.kept, '\r');
		}
		console_put_byte((uint8_t)text[i], false);
		scrollback_put(&console.kept, (uint8_t)text[i]);
	}
}

static void console_print_text(const char *text, size_t length)
{
	if (!console.panicking) {
		console_freeze_picture();
		if (!console_away())
			console_shell_hide_prompt();
	}
	console_lock_ring();
	console_put_text(text, length);
	console_start_output();
	console_unlock_ring();
}

static void console_count_lost(uint64_t bytes)
{
	console_lock_ring();
	console.lost += bytes;
	console_unlock_ring();
}

/* What other CPUs have to say, while there is room: lines with at least `most` bytes. */
static void console_print_queued(size_t most)
{
	char line[LINE_MAX];
	size_t count;

	if (text_queue_empty())
		return;
	for (size_t said = 0; said < most && console_room(); said += count) {
		count = text_queue_take(line, sizeof(line));
		if (!count) {
			console_count_lost(text_queue_lost());
			return;
		}
		console_print_text(line, count);
	}
}

void console_write(const char *text, size_t length)
{
	if (!console_on_boot_cpu()) {
		text_queue_put(text, length, 0);
		console_want();
		return;
	}
	console_print_queued(SIZE_MAX); /* it was said before */
	console_print_text(text, length);
	console_want_service();
}

/*
 * The lock is held. Said once there is room for more than the sentence, so that it is not lost
 * itself.
 */
static void console_say_losses(void)
{
	char text[LOSS_TEXT_MAX];
	uint64_t lost = console.lost;
	int length;

	if (!lost || console_free() < RING_SIZE / 2)
		return;
	console.lost = 0;
	length = format_buffer(text, sizeof(text), "%s[Nacre: %lu bytes of output lost]\n",
	                       console.at_line_start ? "" : "\n", lost);
	console_put_text(text, (size_t)length);
}

static void console_take_keys(const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		console_key(bytes[i]);
}

static void console_receive_line(void)
{
	uint8_t bytes[CHUNK];

	for (unsigned i = 0; i < INPUT_POLLS; i++) {
		size_t count = uart_read(&console.uart, bytes, sizeof(bytes));
		bool broken = uart_take_break(&console.uart);

		console_take_keys(bytes, count);
		if (broken)
			console_break();
		else if (count < sizeof(bytes))
			break;
	}
	console_take_keys(bytes, keyboard_read(bytes, sizeof(bytes)));
}

/* Input first: it may cause output. */
static void console_serve_line(void)
{
	struct channel *channel;

	console_receive_line();
	console_lock_ring();
	console_say_losses();
	console_transmit();
	console_unlock_ring();
	console_print_queued(SAY_AT_ONCE);
	console_show_on_screen(FEED_AT_ONCE);
	channel = console_attached();
	if (channel && channel_may_go_on(channel))
		channel->kick(channel);
}

void console_poll(void)
{
	/* Before anything is looked at: who adds something after that calls again. */
	__atomic_store_n(&console.wanting, false, __ATOMIC_SEQ_CST);
	ports_poll();
	tagged_poll();
	console_follow_view();
	console_replay_attached();
	console_serve_line();
	if (!console_away())
		console_shell_show_prompt();
	screen_draw(DRAW_AT_ONCE);
	console_want_service();
}

void console_interrupt(void)
{
	for (unsigned i = 0; i < CAUSES_MAX && uart_acknowledge(&console.uart); i++)
		console_serve_line();
	console_want_service();
}

void console_keyboard_interrupt(void)
{
	console_serve_line();
	console_want_service();
}

bool console_busy(void)
{
	return console.ring.screen < __atomic_load_n(&console.ring.head, __ATOMIC_RELAXED) ||
	       screen_changed() || replay_ready() || (!text_queue_empty() && console_room()) ||
	       (!console_away() && console_shell_prompt_hidden());
}

bool console_pending(void)
{
	return __atomic_load_n(&console.ring.serial, __ATOMIC_RELAXED) <
	               __atomic_load_n(&console.ring.head, __ATOMIC_RELAXED) ||
	       console.lost || !text_queue_empty() || tagged_waiting() ||
	       (console_on_boot_cpu() && (console_busy() || replay_goes_on()));
}

bool console_waits(void)
{
	return __atomic_load_n(&console.wanting, __ATOMIC_RELAXED);
}

bool console_must_poll(void)
{
	return ports_bound();
}

uint16_t console_serial_port(void)
{
	return console.uart.base;
}

bool console_serial_answers(void)
{
	return console.uart.base && !uart_floats(&console.uart);
}

void console_serial_interrupt_raise(bool raise)
{
	uart_interrupts(&console.uart, false, raise);
	if (!raise)
		(void)uart_acknowledge(&console.uart);
}

/* Put everything that was said so far on a console that has just been opened. */
static void console_replay(void (*sink)(const uint8_t *bytes, size_t count))
{
	uint8_t bytes[CHUNK];
	uint64_t at = scrollback_start(&console.kept);
	size_t count;

	while ((count = scrollback_copy(&console.kept, at, bytes, sizeof(bytes)))) {
		sink(bytes, count);
		at += count;
	}
}

static void console_sink_serial(const uint8_t *bytes, size_t count)
{
	uart_send_polled(&console.uart, bytes, count);
}

bool console_early_init(uint16_t port, uint32_t speed)
{
	bool moved = port != console.uart.base, good;

	console_flush();
	good = uart_init(&console.uart, port, speed);
	console.ring.serial = console.ring.head;
	if (moved)
		console_replay(console_sink_serial);
	return good;
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
	console_replay(screen_write);
	console.ring.screen = console.ring.head;
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
	console_print_queued(SIZE_MAX);
	console_lock_ring();
	console_break_line();
	console_drain();
	console_unlock_ring();
	uart_flush(&console.uart);
}

void console_panic_mode(void)
{
	console.panicking = true;
	console.buffered = false;
	uart_interrupts(&console.uart, false, false);
	text_queue_panic_mode();
	(void)console_forget_vm();
	console_break_line();
	console_print_queued(SIZE_MAX);
	console_drain();
}

void console_record(const char *text, size_t length)
{
	console_drain();
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n')
			uart_send_polled(&console.uart, (const uint8_t *)"\r", 1);
		uart_send_polled(&console.uart, (const uint8_t *)text + i, 1);
	}
}
