/* SPDX-License-Identifier: MIT */
/* vmm/console/text_screen.c: what a terminal shows is what the text memory holds. */
#include <stdio.h>
#include <stdlib.h>
#include "rigs/terminal.h"
#include "vmm/console/text_screen.h"

static uint16_t memory[TEXT_CELLS];
static struct text_screen shown;
static struct text_frame now;
static struct terminal terminal;
static unsigned reads, cells_read;

static void read_memory(const void *context, size_t offset, void *bytes, size_t count)
{
	assert_ptr_equal(context, memory);
	assert_true(offset <= sizeof(memory) && count <= sizeof(memory) - offset);
	memcpy(bytes, (const uint8_t *)memory + offset, count);
	reads++;
	cells_read += (unsigned)(count / sizeof(memory[0]));
}

static int setup(void **state)
{
	(void)state;
	srand(1);
	memset(&shown, 0, sizeof(shown));
	terminal_reset(&terminal);
	for (unsigned i = 0; i < TEXT_CELLS; i++)
		memory[i] = 0x0720;
	now = (struct text_frame){
		.columns = 80,
		.rows = 25,
		.pitch = 80,
		.cursor_shown = true,
		.blink = true,
		.read = read_memory,
		.context = memory,
	};
	return 0;
}

/* One call with `room` bytes, after which nothing may be written; returns the bytes. */
static size_t send(size_t room)
{
	static uint8_t bytes[40000];
	size_t used;

	memset(bytes, 0xee, sizeof(bytes));
	used = text_screen_render(&shown, &now, bytes, room);
	assert_true(used <= room);
	assert_int_equal(bytes[used], 0xee);
	terminal_write(&terminal, bytes, used);
	return used;
}

/* Until nothing more comes; returns the bytes. */
static size_t send_all(size_t room)
{
	size_t total = 0, used, calls = 0;

	while ((used = send(room)) != 0 || shown.next_row) {
		total += used;
		assert_true(++calls < 20000);
	}
	return total;
}

static void write_text(unsigned row, unsigned column, uint8_t attribute, const char *text)
{
	for (unsigned i = 0; text[i]; i++)
		memory[(now.start + row * now.pitch + column + i) % TEXT_CELLS] =
			(uint16_t)(attribute << 8 | (uint8_t)text[i]);
}

static uint8_t sgr(unsigned colour, unsigned normal, unsigned bright)
{
	static const uint8_t order[8] = {0, 4, 2, 6,
	                                 1, 5, 3, 7}; /* black blue green cyan red magenta brown grey */

	return (uint8_t)((colour & 8 ? bright : normal) + order[colour & 7]);
}

static struct terminal_cell expected(uint16_t cell)
{
	uint8_t attribute = (uint8_t)(cell >> 8);
	struct terminal_cell c = {.character = text_glyph((uint8_t)cell)};

	if (attribute == 0x07 || (attribute < 0x10 && c.character == ' '))
		return c;
	c.blink = now.blink && attribute & 0x80;
	c.foreground = sgr(attribute & 15, 30, 90);
	c.background = sgr(attribute >> 4 & (now.blink ? 7 : 15), 40, 100);
	return c;
}

static void check_terminal(void)
{
	unsigned at = (now.cursor - now.start) % TEXT_CELLS;

	for (unsigned row = 0; row < now.rows; row++)
		for (unsigned column = 0; column < now.columns; column++) {
			uint16_t cell = memory[(now.start + row * now.pitch + column) % TEXT_CELLS];
			struct terminal_cell want = expected(now.blank ? 0x0720 : cell);

			const struct terminal_cell *is = &terminal.cells[row][column];

			assert_int_equal(is->character, want.character);
			assert_int_equal(is->foreground, want.foreground);
			assert_int_equal(is->background, want.background);
			assert_int_equal(is->blink, want.blink);
		}
	if (now.cursor_shown && !now.blank && now.pitch && at / now.pitch < now.rows &&
	    at % now.pitch < now.columns) {
		assert_int_equal(terminal.row, at / now.pitch);
		assert_int_equal(terminal.column, at % now.pitch);
		assert_true(terminal.cursor);
	} else if (now.pitch || !now.cursor_shown) {
		assert_false(terminal.cursor);
	}
}

static void the_first_picture(void **state)
{
	(void)state;
	write_text(0, 0, 0x07, "GNU Mach");
	write_text(24, 79, 0x1f, "!");
	now.cursor = 8;
	assert_in_range(send_all(20000), 20, 80);
	check_terminal();
	assert_int_equal(terminal.clears, 1);
	assert_int_equal(terminal.cells[24][79].foreground, 97);
	assert_int_equal(terminal.cells[24][79].background, 44);
}

static void what_did_not_change_costs_nothing(void **state)
{
	(void)state;
	write_text(3, 0, 0x4e, "text");
	send_all(20000);
	reads = 0;
	assert_int_equal(send(20000), 0);
	assert_in_range(reads, 25, 26);
	/* One character, at the cursor. */
	write_text(10, 5, 0x07, "x");
	now.cursor = 10 * 80 + 6;
	assert_in_range(send(20000), 1, 16);
	check_terminal();
	write_text(10, 6, 0x07, "y");
	now.cursor++;
	assert_int_equal(send(20000), 1);
	check_terminal();
	assert_int_equal(terminal.clears, 1);
}

static void text_with_spaces_is_written_through(void **state)
{
	static const char line[] = "the quick brown fox jumps over the lazy dog";

	(void)state;
	send_all(20000);
	write_text(12, 0, 0x07, line);
	now.cursor = 12 * 80 + (unsigned)strlen(line);
	assert_in_range(send(20000), strlen(line), strlen(line) + 8);
	check_terminal();
	/* Where the colour changes between, the cursor moves. */
	write_text(5, 0, 0x07, "a b");
	write_text(5, 1, 0x1f, "|");
	send_all(20000);
	now.cursor = 0;
	send_all(20000);
	write_text(5, 0, 0x07, "c");
	write_text(5, 2, 0x07, "d");
	assert_in_range(send(20000), 14, 20);
	check_terminal();
	now.cursor = 12 * 80 + (unsigned)strlen(line);
	/* A line that gets shorter is erased to its end. */
	write_text(12, 0, 0x07, "short                                        ");
	now.cursor = 12 * 80 + 5;
	assert_in_range(send(20000), 5, 40);
	check_terminal();
}

static void every_attribute_and_character(void **state)
{
	(void)state;
	for (unsigned blink = 0; blink < 2; blink++) {
		now.blink = blink;
		for (unsigned i = 0; i < 256; i++)
			memory[i] = (uint16_t)(i << 8 | i);
		send_all(20000);
		check_terminal();
		for (unsigned i = 0; i < 256; i++)
			memory[i] = (uint16_t)((255 - i) << 8 | i);
		send_all(300);
		check_terminal();
	}
}

static void glyphs(void **state)
{
	(void)state;
	for (unsigned c = 0x20; c < 0x7f; c++)
		assert_int_equal(text_glyph((uint8_t)c), c);
	assert_int_equal(text_glyph(0x00), ' ');
	assert_int_equal(text_glyph(0x1b), 0x2190);
	assert_int_equal(text_glyph(0x7f), 0x2302);
	assert_int_equal(text_glyph(0x81), 0x00fc);
	assert_int_equal(text_glyph(0xb3), 0x2502);
	assert_int_equal(text_glyph(0xc4), 0x2500);
	assert_int_equal(text_glyph(0xcd), 0x2550);
	assert_int_equal(text_glyph(0xdb), 0x2588);
	assert_int_equal(text_glyph(0xe1), 0x00df);
	assert_int_equal(text_glyph(0xfe), 0x25a0);
	assert_int_equal(text_glyph(0xff), ' ');
	/* Nothing that a terminal would act on. */
	for (unsigned c = 0; c < 256; c++)
		assert_true(text_glyph((uint8_t)c) >= 0x20 &&
		            (text_glyph((uint8_t)c) < 0x7f || text_glyph((uint8_t)c) >= 0xa0));
}

static void scrolling(void **state)
{
	char line[40];
	size_t first;

	(void)state;
	for (unsigned row = 0; row < 25; row++) {
		snprintf(line, sizeof(line), "a line of a log, number %u", row);
		write_text(row, 0, 0x07, line);
	}
	now.cursor = 24 * 80;
	first = send_all(20000);
	/* By moving what is in memory. */
	memmove(memory, memory + 80, 24 * 80 * sizeof(memory[0]));
	for (unsigned i = 0; i < 80; i++)
		memory[24 * 80 + i] = 0x0720;
	write_text(24, 0, 0x07, "the next line");
	assert_in_range(send_all(20000), 10, first / 10);
	check_terminal();
	assert_int_equal(terminal.scrolls, 1);
	/* By moving the start, three lines at once. */
	now.start += 3 * 80;
	now.cursor += 3 * 80;
	write_text(23, 0, 0x07, "a screen that moves");
	assert_in_range(send_all(20000), 10, first / 10);
	check_terminal();
	assert_int_equal(terminal.scrolls, 2);
	/* What is below the picture on the terminal stays. */
	terminal.cells[25][0].character = '#';
	now.start += 80;
	send_all(20000);
	assert_int_equal(terminal.scrolls, 3);
	assert_int_equal(terminal.cells[25][0].character, '#');
}

static void the_memory_wraps(void **state)
{
	(void)state;
	now.start = TEXT_CELLS - 100;
	now.cursor = 30;
	write_text(0, 0, 0x07, "in front of the end");
	write_text(1, 10, 0x07, "over the end of the text memory");
	send_all(20000);
	check_terminal();
	assert_int_equal(terminal.cells[1][10].character, 'o');
	assert_int_equal(terminal.row, 1);
	assert_int_equal(terminal.column, 50);
}

static void the_cursor(void **state)
{
	(void)state;
	send_all(20000);
	now.cursor = 24 * 80 + 79;
	assert_int_equal(send(20000), 8);
	check_terminal();
	assert_int_equal(send(20000), 0);
	now.cursor_shown = false;
	assert_int_equal(send(20000), 6);
	check_terminal();
	now.cursor_shown = true;
	assert_int_equal(send(20000), 6);
	now.cursor = 25 * 80;
	assert_int_equal(send(20000), 6);
	check_terminal();
	now.cursor = 3;
	send(20000);
	check_terminal();
	now.start = 80;
	send(20000);
	check_terminal();
	now.pitch = 0;
	now.cursor = 82;
	send_all(20000);
	assert_int_equal(terminal.column, 2);
	assert_int_equal(terminal.row, 0);
}

static void a_blank_screen(void **state)
{
	(void)state;
	write_text(3, 3, 0x70, "there");
	send_all(20000);
	now.blank = true;
	send_all(20000);
	check_terminal();
	now.blank = false;
	send_all(20000);
	check_terminal();
	assert_int_equal(terminal.cells[3][3].character, 't');
}

static void another_size_or_nothing_known_paints_all(void **state)
{
	(void)state;
	write_text(3, 3, 0x70, "there");
	send_all(20000);
	now.rows = 50;
	write_text(49, 0, 0x70, "bottom");
	send_all(20000);
	check_terminal();
	assert_int_equal(terminal.clears, 2);
	now.columns = now.pitch = 40;
	send_all(20000);
	check_terminal();
	assert_int_equal(terminal.clears, 3);
	terminal_reset(&terminal);
	assert_int_equal(send(20000), 0);
	text_screen_forget(&shown);
	send_all(20000);
	check_terminal();
	assert_int_equal(terminal.clears, 1);
	now.columns = now.pitch = TEXT_COLUMNS_MAX;
	now.rows = TEXT_ROWS_MAX;
	for (unsigned i = 0; i < TEXT_ROWS_MAX * TEXT_COLUMNS_MAX; i++)
		memory[i] = (uint16_t)rand();
	send_all(1000);
	check_terminal();
}

/* The whole of a large picture, once for each distance that it may have scrolled, takes long. */
static void a_call_reads_a_bounded_part_of_the_picture(void **state)
{
	(void)state;
	now.columns = now.pitch = TEXT_COLUMNS_MAX;
	now.rows = TEXT_ROWS_MAX;
	for (unsigned i = 0; i < TEXT_COLUMNS_MAX * TEXT_ROWS_MAX; i++)
		memory[i] = 0x0761;
	write_text(0, 0, 0x07, "b");
	send_all(512);
	for (unsigned turn = 0; turn < 20; turn++) {
		for (unsigned i = 0; i < TEXT_COLUMNS_MAX * TEXT_ROWS_MAX; i++)
			memory[i] = 0x0761 + (i >= TEXT_COLUMNS_MAX && turn & 1);
		cells_read = 0;
		send(512);
		assert_in_range(cells_read, 1, 3200);
	}
	send_all(512);
	check_terminal();
}

static void without_room_nothing_is_sent(void **state)
{
	(void)state;
	write_text(0, 0, 0x07, "x");
	for (size_t room = 0; room < TEXT_STEP_MAX; room++)
		assert_int_equal(send(room), 0);
	assert_true(send(TEXT_STEP_MAX) > 0);
}

/* Screens that change in all ways while a slow terminal is fed: it ends up with the last one. */
static void any_screen_in_pieces(void **state)
{
	static const unsigned rooms[] = {TEXT_STEP_MAX, 60, 100, 333, 20000};

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		for (unsigned change = (unsigned)rand() % 6; change; change--) {
			unsigned at = (unsigned)rand() % 3000, length = (unsigned)rand() % 400;

			switch (rand() % 8) {
			case 0:
			case 1:
				for (unsigned i = 0; i < length; i++)
					memory[at + i] = (uint16_t)rand();
				break;
			case 2:
				for (unsigned i = 0; i < length; i++)
					memory[at + i] = 0x0720;
				break;
			case 3:
				for (unsigned i = 0; i < length; i++)
					memory[at + i] = (uint16_t)(0x0700 | rand() % 3 * 0x11 | 0x20);
				break;
			case 4:
				now.start =
					(uint16_t)((now.start + 80 * (unsigned)(rand() % 30)) % TEXT_CELLS);
				break;
			case 5:
				now.cursor = (uint16_t)(now.start + (unsigned)rand() % 2100) % TEXT_CELLS;
				break;
			case 6: now.blank = rand() % 4 == 0; break;
			case 7:
				if (rand() % 8 == 0)
					now.blink = !now.blink;
				memmove(memory + now.start % 8000, memory + now.start % 8000 + 160, 1840 * 2);
				break;
			}
			if (rand() % 2)
				(void)send(rooms[(unsigned)rand() % ARRAY_SIZE(rooms)]);
		}
		send_all(rooms[(unsigned)rand() % ARRAY_SIZE(rooms)]);
		check_terminal();
	}
	assert_true(terminal.scrolls > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_first_picture, setup),
		cmocka_unit_test_setup(what_did_not_change_costs_nothing, setup),
		cmocka_unit_test_setup(text_with_spaces_is_written_through, setup),
		cmocka_unit_test_setup(every_attribute_and_character, setup),
		cmocka_unit_test_setup(glyphs, setup),
		cmocka_unit_test_setup(scrolling, setup),
		cmocka_unit_test_setup(the_memory_wraps, setup),
		cmocka_unit_test_setup(the_cursor, setup),
		cmocka_unit_test_setup(a_blank_screen, setup),
		cmocka_unit_test_setup(another_size_or_nothing_known_paints_all, setup),
		cmocka_unit_test_setup(a_call_reads_a_bounded_part_of_the_picture, setup),
		cmocka_unit_test_setup(without_room_nothing_is_sent, setup),
		cmocka_unit_test_setup(any_screen_in_pieces, setup),
	};

	return cmocka_run_group_tests_name("text_screen", tests, NULL, NULL);
}
