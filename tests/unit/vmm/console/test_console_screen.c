/* SPDX-License-Identifier: MIT */
/*
 * vmm/console/console_screen.c: a VM's screen and keyboard between the machine and the operator's
 * console.
 */
#include "rigs/pc.h"
#include "rigs/terminal.h"
#include "vmm/console/console_screen.h"

/* The console: room for so many bytes, and a terminal at its end. */
static struct {
	bool attached, waiting;
	size_t room, sent;
	unsigned lively, wanted;
	uint8_t bytes[100000];
} console;

bool channel_attached(const struct channel *channel)
{
	(void)channel;
	return console.attached;
}

bool channel_room(struct channel *channel)
{
	(void)channel;
	console.waiting = !console.room;
	return console.room;
}

void channel_put(struct channel *channel, uint8_t byte)
{
	(void)channel;
	assert_true(console.attached);
	assert_true(console.room-- > 0);
	assert_true(console.sent < sizeof(console.bytes));
	console.bytes[console.sent++] = byte;
}

void channel_set_lively(struct channel *channel)
{
	(void)channel;
	console.lively++;
}

void channel_input_wanted(struct channel *channel)
{
	(void)channel;
	console.wanted++;
}

/* The guest's memory. */
static uint16_t cells[TEXT_CELLS];
static struct guest_map map;

void guest_read(const struct guest_map *which, gpa_t gpa, void *buffer, size_t size)
{
	assert_ptr_equal(which, &map);
	assert_true(gpa >= 0xb8000 && gpa + size <= 0xc0000);
	memcpy(buffer, (const uint8_t *)cells + (gpa - 0xb8000), size);
}

static struct console_screen screen;
static struct terminal terminal;

static int setup(void **state)
{
	memset(&console, 0, sizeof(console));
	memset(&screen, 0, sizeof(screen));
	console.room = SIZE_MAX;
	for (unsigned i = 0; i < TEXT_CELLS; i++)
		cells[i] = 0x0720;
	terminal_reset(&terminal);
	console_screen_init(&screen, "one", &pc, &map);
	return pc_setup(state);
}

static void write_text(unsigned row, const char *text)
{
	for (unsigned i = 0; text[i]; i++)
		cells[row * 80 + i] = (uint16_t)(0x0700 | (uint8_t)text[i]);
}

static void attach(bool attached)
{
	console.attached = attached;
	screen.channel.attached_changed(&screen.channel);
}

/* Looks until nothing more comes; the terminal gets it. */
static void show(void)
{
	for (size_t before = 0; console.sent != before;) {
		before = console.sent;
		assert_int_equal(console_screen_look(&screen), SCREEN_LOOK_NS);
		assert_true(console.sent - before <= SCREEN_BYTES);
	}
	terminal_write(&terminal, console.bytes, console.sent);
	console.sent = 0;
}

static void assert_shown(unsigned row, const char *text)
{
	for (unsigned i = 0; text[i]; i++)
		assert_int_equal(terminal.cells[row][i].character, text[i]);
}

static void what_is_attached_is_painted(void **state)
{
	(void)state;
	write_text(3, "GNU Mach");
	attach(true);
	show();
	assert_shown(3, "GNU Mach");
	assert_int_equal(terminal.clears, 1);
	/* Then what changes, at each look. */
	write_text(4, "booting");
	out(0x3d4, 0x0f);
	out(0x3d5, 3);
	assert_int_equal(console_screen_look(&screen), SCREEN_LOOK_NS);
	show();
	assert_shown(4, "booting");
	assert_int_equal(terminal.column, 3);
	assert_int_equal(terminal.clears, 1);
	assert_int_equal(console_screen_look(&screen), SCREEN_LOOK_NS);
	assert_int_equal(console.sent, 0);
	/* After something else was on the terminal, all of it. */
	terminal_reset(&terminal);
	attach(true);
	show();
	assert_shown(3, "GNU Mach");
	assert_shown(4, "booting");
}

static void nothing_is_sent_while_nobody_looks(void **state)
{
	(void)state;
	attach(false);
	write_text(0, "text");
	assert_int_equal(console_screen_look(&screen), SCREEN_NEVER);
	screen.channel.output_ready(&screen.channel);
	assert_int_equal(console.sent, 0);
}

static void life_is_told_once(void **state)
{
	(void)state;
	assert_int_equal(console_screen_look(&screen), SCREEN_LIVELY_NS);
	/* Cleared with zeroes is not yet something. */
	memset(cells, 0, sizeof(cells));
	assert_int_equal(console_screen_look(&screen), SCREEN_LIVELY_NS);
	write_text(24, "                                        .");
	out(0x3c4, 1);
	out(0x3c5, 0x20);
	assert_int_equal(console_screen_look(&screen), SCREEN_LIVELY_NS);
	out(0x3c5, 0x00);
	assert_int_equal(console.lively, 0);
	assert_int_equal(console_screen_look(&screen), SCREEN_NEVER);
	assert_int_equal(console.lively, 1);
	assert_int_equal(console_screen_look(&screen), SCREEN_NEVER);
	assert_int_equal(console.lively, 1);
}

/* However much changes, a look adds little to what the console has to carry. */
static void a_piece_a_look(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 80 * 25; i++)
		cells[i] = (uint16_t)(i * 0x111);
	attach(true);
	assert_in_range(console.sent, SCREEN_BYTES - TEXT_STEP_MAX, SCREEN_BYTES);
	console.sent = 0;
	assert_int_equal(console_screen_look(&screen), SCREEN_LOOK_NS);
	assert_in_range(console.sent, SCREEN_BYTES - TEXT_STEP_MAX, SCREEN_BYTES);
	screen.channel.output_ready(&screen.channel);
	assert_in_range(console.sent, SCREEN_BYTES - TEXT_STEP_MAX, SCREEN_BYTES);
}

/* A slow console gets the picture in pieces, and what changed meanwhile with it. */
static void a_slow_console(void **state)
{
	unsigned pieces = 0;

	(void)state;
	for (unsigned row = 0; row < 25; row++)
		write_text(row, "a line of text that is not so short");
	console.room = 100;
	attach(true);
	write_text(24, "another");
	for (; console.waiting; pieces++) {
		assert_int_equal(console.room, 0);
		console.room = 100;
		screen.channel.output_ready(&screen.channel);
		assert_int_equal(console_screen_look(&screen), SCREEN_LOOK_NS);
		assert_true(pieces < 100);
	}
	assert_true(pieces > 5);
	assert_true(console.sent > 800);
	console.room = SIZE_MAX;
	show();
	for (unsigned row = 0; row < 24; row++)
		assert_shown(row, "a line of text that is not so short");
	assert_shown(24, "another");
}

/* What was rendered for one operator's look is not sent to the next one. */
static void detached_in_the_middle(void **state)
{
	(void)state;
	for (unsigned row = 0; row < 25; row++)
		write_text(row, "a line of text");
	console.room = 5;
	attach(true);
	assert_int_equal(console.sent, 5);
	attach(false);
	console.room = SIZE_MAX;
	screen.channel.output_ready(&screen.channel);
	assert_int_equal(console.sent, 5);
	console.sent = 0;
	attach(true);
	assert_memory_equal(console.bytes, "\033[0m\033[2J", 8);
	show();
	assert_shown(24, "a line of text");
}

static void what_is_typed_becomes_keys(void **state)
{
	static const uint8_t bytes[] = "hallo, world";

	(void)state;
	/* A key has two or three codes in the queue of sixteen, and one is in the controller. */
	assert_int_equal(screen.channel.input(&screen.channel, bytes, sizeof(bytes) - 1), 5);
	assert_int_equal(in(0x60), 0x23);
	assert_int_equal(in(0x60), 0xa3);
	assert_int_equal(in(0x60), 0x1e);
}

/* ... Esc, too, when no more comes, and the console looks for that in time. */
static void a_lone_escape_character_is_the_key_after_a_while(void **state)
{
	static const uint8_t escape[] = {0x1b};

	(void)state;
	attach(true);
	assert_int_equal(screen.channel.input(&screen.channel, escape, 1), 1);
	pass(TYPING_ESCAPE_NS - 10000000);
	assert_int_equal(console_screen_look(&screen), 10000000);
	assert_int_equal(in(0x64) & 1, 0);
	pass(10000000);
	assert_int_equal(console_screen_look(&screen), SCREEN_LOOK_NS);
	assert_int_equal(in(0x60), 0x01);
}

static void room_for_keys_is_asked_for(void **state)
{
	static const uint8_t escape[] = {0x1b};

	(void)state;
	attach(true);
	assert_int_equal(screen.channel.input(&screen.channel, escape, 1), 1);
	pass(TYPING_ESCAPE_NS);
	console_screen_want_keys(&screen);
	assert_int_equal(console.wanted, 1);
	assert_int_equal(in(0x60), 0x01); /* what came first is first */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_attached_is_painted, setup),
		cmocka_unit_test_setup(nothing_is_sent_while_nobody_looks, setup),
		cmocka_unit_test_setup(life_is_told_once, setup),
		cmocka_unit_test_setup(a_piece_a_look, setup),
		cmocka_unit_test_setup(a_slow_console, setup),
		cmocka_unit_test_setup(detached_in_the_middle, setup),
		cmocka_unit_test_setup(what_is_typed_becomes_keys, setup),
		cmocka_unit_test_setup(a_lone_escape_character_is_the_key_after_a_while, setup),
		cmocka_unit_test_setup(room_for_keys_is_asked_for, setup),
	};

	return cmocka_run_group_tests_name("console_screen", tests, NULL, NULL);
}
