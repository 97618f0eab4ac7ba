/* SPDX-License-Identifier: MIT */
/*
 * vmm/console/terminal_filter.c: what of any bytes of a guest reaches the operator's terminal.
 *   - A piece is one character, or one whole sequence that a terminal ends where the filter does.
 *   - No string (DCS, SOS, OSC, PM, APC), no C1 control, no ENQ, XON or XOFF comes out.
 *   - The terminal is asked only what is known to have a short answer.
 * And terminal_input.c: a sequence ends, whatever the terminal sends.
 */
#include <stdlib.h>
#include <string.h>
#include "cost.h"
#include "lib/types.h"
#include "vmm/console/terminal_filter.h"
#include "vmm/console/terminal_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COST      4000 /* of one byte, SM with many parameters being the longest */
#define PIECE_MAX 160  /* RIS becomes TERMINAL_SANE and two more */
#define ESCAPE    0x1b

#define HOLDS(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)

static const char *const questions[] = {"\x1b[c", "\x1b[0c", "\x1b[>c", "\x1b[>0c", "\x1b[5n", "\x1b[6n"};

/* The bytes of one sequence from an ESC on: CSI, a character set, or a single byte. */
static size_t sequence_length(const uint8_t *at, size_t count)
{
	size_t length = 2;

	HOLDS(count >= 2 && at[0] == ESCAPE);
	HOLDS(!strchr("PX]^_k%#", at[1]));
	if (at[1] == '(' || at[1] == ')')
		length = 3;
	while (at[1] == '[' && length < count && at[length] >= ' ' && at[length] < '@')
		length++;
	length += at[1] == '[';
	HOLDS(length <= count);
	return length;
}

static void check_text(const uint8_t *bytes, size_t count)
{
	HOLDS(count >= 1 && count <= 4);
	if (count == 1) {
		HOLDS((bytes[0] >= ' ' && bytes[0] < 0x7f) || (bytes[0] && strchr("\b\t\n\r", bytes[0])));
		return;
	}
	HOLDS(bytes[0] >= 0xc2 && bytes[0] <= 0xf4);
	HOLDS(bytes[0] != 0xc2 || bytes[1] >= 0xa0); /* no C1 control */
	for (size_t i = 1; i < count; i++)
		HOLDS((bytes[i] & 0xc0) == 0x80);
}

static void check_control(const uint8_t *bytes, size_t count)
{
	for (size_t at = 0; at < count;) {
		HOLDS(bytes[at] < 0x7f);
		if (bytes[at] == ESCAPE) {
			at += sequence_length(bytes + at, count - at);
			continue;
		}
		HOLDS(bytes[at] && strchr("\a\v\f\x0e\x0f", bytes[at]));
		at++;
	}
}

static bool is_question(const struct filter_piece *piece)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (piece->count == strlen(questions[i]) && !memcmp(piece->bytes, questions[i], piece->count))
			return true;
	return false;
}

/* What the terminal answers ends in c or n, and only these ask. */
static void check_piece(const struct filter_piece *piece)
{
	HOLDS(piece->kind == FILTER_NOTHING || (piece->count && piece->count <= PIECE_MAX));
	if (piece->kind == FILTER_TEXT)
		check_text(piece->bytes, piece->count);
	else if (piece->kind != FILTER_NOTHING)
		check_control(piece->bytes, piece->count);
	if (piece->kind == FILTER_QUESTION)
		HOLDS(is_question(piece));
	else if (piece->kind != FILTER_NOTHING && piece->count > 2 && piece->bytes[0] == ESCAPE)
		HOLDS(!strchr("cnqtxiyv", piece->bytes[piece->count - 1]));
}

static void filter(const uint8_t *data, size_t size)
{
	struct terminal_filter filter = {0};
	struct filter_piece piece;

	for (size_t i = 0; i < size; i++) {
		cost_begin();
		if (!filter_take(&filter, data[i], &piece)) {
			check_piece(&piece);
			HOLDS(filter_take(&filter, data[i], &piece));
		}
		check_piece(&piece);
		cost_end(0, COST, 0);
	}
}

static void input(const uint8_t *data, size_t size)
{
	struct terminal_input input = {0};

	for (size_t i = 0; i < size; i++) {
		enum input_part part = terminal_input_take(&input, data[i]);

		HOLDS(input.count <= INPUT_SEQUENCE_MAX);
		HOLDS((part == INPUT_INSIDE) == terminal_input_inside(&input) || part == INPUT_CHARACTER);
		HOLDS(part != INPUT_KEY || (input.count >= 2 && input.bytes[0] == ESCAPE));
	}
	/* BEL ends a string, and three more bytes the longest report of a mouse. */
	for (unsigned i = 0; i < 4; i++)
		(void)terminal_input_take(&input, '\a');
	HOLDS(!terminal_input_inside(&input));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	filter(data, size);
	input(data, size);
	return 0;
}
