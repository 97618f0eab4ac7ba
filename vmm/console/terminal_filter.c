/* SPDX-License-Identifier: MIT */
#include "vmm/console/terminal_filter.h"
#include "lib/string.h"

#define BELL        0x07
#define CANCEL      0x18
#define SUBSTITUTE  0x1a
#define ESCAPE      0x1b
#define DELETE      0x7f
#define DIGITS_MAX  5 /* of a parameter: programs ask for row 32766 to learn the size */
#define REPEATS_MAX 3 /* digits of REP's: a few bytes must not keep the terminal busy */
#define ALTERNATE   0x7

#define MODE_PAIR(changed, normal) {changed, normal},
static const struct {
	const char *changed, *normal;
} filter_modes[] = {TERMINAL_MODES(MODE_PAIR)};

/* RIS without the loss of what has scrolled off the terminal. */
static const char filter_reset[] = TERMINAL_SANE "\x1b[H\x1b[2J";

static const char *const filter_questions[] = {
	"\x1b[c",  "\x1b[0c",  /* DA */
	"\x1b[>c", "\x1b[>0c", /* secondary DA */
	"\x1b[5n", "\x1b[6n",  /* DSR, CPR */
};

const char *filter_next_change(uint32_t changed, unsigned *mode)
{
	while (*mode < ARRAY_SIZE(filter_modes)) {
		unsigned at = (*mode)++;

		if (changed & 1u << at)
			return filter_modes[at].changed;
	}
	return NULL;
}

bool filter_on_alternate_screen(uint32_t changed)
{
	return changed & ALTERNATE;
}

static void filter_give(struct filter_piece *piece, enum filter_kind kind, const void *bytes, size_t count)
{
	piece->kind = kind;
	piece->bytes = bytes;
	piece->count = count;
}

static void filter_give_moving(struct filter_piece *piece, enum filter_kind kind, const void *bytes,
                               size_t count)
{
	filter_give(piece, kind, bytes, count);
	piece->moved = true;
}

/* ---- Modes ---- */

/* False: not one that a guest may change. */
static bool filter_set_mode(struct terminal_filter *filter, const char *sequence)
{
	for (unsigned i = 0; i < ARRAY_SIZE(filter_modes); i++) {
		if (!strcmp(sequence, filter_modes[i].changed))
			filter->changed |= 1u << i;
		else if (!strcmp(sequence, filter_modes[i].normal))
			filter->changed &= ~(1u << i);
		else
			continue;
		return true;
	}
	return false;
}

/* A short sequence that is a mode by itself. */
static void filter_take_short_mode(struct terminal_filter *filter, enum filter_kind kind,
                                   struct filter_piece *piece)
{
	filter->sequence[filter->count] = '\0';
	if (filter_set_mode(filter, (const char *)filter->sequence))
		filter_give_moving(piece, kind, filter->sequence, filter->count);
}

/* One parameter of SM or RM, as a sequence of its own; `used` bytes of `modes` are taken. */
static size_t filter_add_mode(struct terminal_filter *filter, const uint8_t *digits, size_t count,
                              size_t used)
{
	char sequence[DIGITS_MAX + 5] = "\x1b[";
	size_t length = 2;

	if (filter->sequence[2] == '?')
		sequence[length++] = '?';
	memcpy(sequence + length, digits, count);
	length += count;
	sequence[length++] = (char)filter->sequence[filter->count - 1];
	if (used + length > sizeof(filter->modes) || !filter_set_mode(filter, sequence))
		return used;
	memcpy(filter->modes + used, sequence, length);
	return used + length;
}

/* SM and RM, private ones included: those parameters pass that are known. */
static void filter_take_modes(struct terminal_filter *filter, struct filter_piece *piece)
{
	size_t used = 0, from = filter->sequence[2] == '?' ? 3 : 2, end = filter->count - 1u;

	for (size_t at = from; at <= end; at++) {
		if (at < end && filter->sequence[at] != ';')
			continue;
		used = filter_add_mode(filter, filter->sequence + from, at - from, used);
		from = at + 1;
	}
	if (used)
		filter_give_moving(piece, FILTER_MODE, filter->modes, used);
}

/* ---- Control sequences ---- */

static bool filter_is_question(const struct terminal_filter *filter)
{
	for (unsigned i = 0; i < ARRAY_SIZE(filter_questions); i++)
		if (!strcmp((const char *)filter->sequence, filter_questions[i]))
			return true;
	return false;
}

/* Are there only numbers of a sensible length after `from`, and one of the bytes in `between`? */
static bool filter_has_numbers(const struct terminal_filter *filter, size_t from, const char *between,
                               unsigned longest)
{
	unsigned digits = 0;

	for (size_t at = from; at < filter->count - 1u; at++) {
		uint8_t byte = filter->sequence[at];

		if (byte >= '0' && byte <= '9')
			digits++;
		else if (strchr(between, byte))
			digits = 0;
		else
			return false;
		if (digits > longest)
			return false;
	}
	return true;
}

static bool filter_draws(const struct terminal_filter *filter)
{
	uint8_t final = filter->sequence[filter->count - 1];

	switch (final) {
	case 'm': return filter_has_numbers(filter, 2, ";:", DIGITS_MAX);
	case 'b': return filter_has_numbers(filter, 2, "", REPEATS_MAX);
	/* ED, but not of what has scrolled off: the monitor's words may be there. */
	case 'J': return filter_has_numbers(filter, 2, "", 1) && filter->sequence[2] != '3';
	default:
		return strchr("@ABCDEFGHIKLMPSTXZ`adefrsu", final) &&
		       filter_has_numbers(filter, 2, ";", DIGITS_MAX);
	}
}

static void filter_end_sequence(struct terminal_filter *filter, struct filter_piece *piece)
{
	uint8_t final = filter->sequence[filter->count - 1];

	filter->sequence[filter->count] = '\0';
	if (final == 'h' || final == 'l') {
		if (filter_has_numbers(filter, filter->sequence[2] == '?' ? 3 : 2, ";", DIGITS_MAX))
			filter_take_modes(filter, piece);
	} else if (filter_is_question(filter)) {
		filter_give(piece, FILTER_QUESTION, filter->sequence, filter->count);
	} else if (filter_draws(filter)) {
		filter_give(piece, FILTER_PICTURE, filter->sequence, filter->count);
		piece->coloured = final == 'm';
		piece->moved = final != 'm' && final != 'K';
	}
}

/* False: too long, so that it is left out. */
static bool filter_keep(struct terminal_filter *filter, uint8_t byte)
{
	if (filter->count == FILTER_SEQUENCE_MAX)
		return false;
	filter->sequence[filter->count++] = byte;
	return true;
}

static bool filter_take_csi(struct terminal_filter *filter, uint8_t byte, struct filter_piece *piece)
{
	bool whole, last = byte >= '@' && byte < DELETE;

	filter->state = byte > DELETE || last ? FILTER_PLAIN : FILTER_CSI;
	if (byte > DELETE) /* not a sequence at all */
		return false;
	whole = filter_keep(filter, byte);
	if (last && whole)
		filter_end_sequence(filter, piece);
	return true;
}

static void filter_take_after_escape(struct terminal_filter *filter, uint8_t byte, struct filter_piece *piece)
{
	filter->state = FILTER_PLAIN;
	(void)filter_keep(filter, byte);
	switch (byte) {
	case '[': filter->state = FILTER_CSI; break;
	case 'P': /* DCS, SOS, OSC, PM, APC, and screen's title */
	case 'X':
	case ']':
	case '^':
	case '_':
	case 'k': filter->state = FILTER_STRING; break;
	case '(':
	case ')': filter->state = FILTER_CHARSET; break;
	case ' ' ... '\'':
	case '*' ... '/': filter->state = FILTER_LAST; break;
	case '=':
	case '>': filter_take_short_mode(filter, FILTER_MODE, piece); break;
	case '7': /* DECSC, DECRC, IND, NEL, RI */
	case '8':
	case 'D':
	case 'E':
	case 'M': filter_give_moving(piece, FILTER_PICTURE, filter->sequence, filter->count); break;
	case 'c':
		filter->changed = 0;
		filter_give_moving(piece, FILTER_MODE, filter_reset, sizeof(filter_reset) - 1);
		break;
	default: break;
	}
}

/* ---- Characters ---- */

/* The least and greatest second byte: RFC 3629, "Syntax of UTF-8 Byte Sequences"; no C1. */
static bool filter_is_second(uint8_t first, uint8_t byte)
{
	uint8_t least = first == 0xc2 || first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	uint8_t greatest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return byte >= least && byte <= greatest;
}

static void filter_begin_character(struct terminal_filter *filter, uint8_t byte, struct filter_piece *piece)
{
	if (byte < 0xc2 || byte > 0xf4) {
		filter_give(piece, FILTER_TEXT, "?", 1);
		return;
	}
	filter->state = FILTER_CHARACTER;
	filter->missing = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
	filter->count = 0;
	(void)filter_keep(filter, byte);
}

/* What is cut off or too long becomes a question mark. */
static bool filter_continue_character(struct terminal_filter *filter, uint8_t byte,
                                      struct filter_piece *piece)
{
	bool fits = filter->count == 1 ? filter_is_second(filter->sequence[0], byte) : (byte & 0xc0) == 0x80;

	if (!fits) {
		filter->state = FILTER_PLAIN;
		filter_give(piece, FILTER_TEXT, "?", 1);
		return false;
	}
	(void)filter_keep(filter, byte);
	if (!--filter->missing) {
		filter->state = FILTER_PLAIN;
		filter_give(piece, FILTER_TEXT, filter->sequence, filter->count);
	}
	return true;
}

/*
 * What breaks a sequence off is carried out. XON and XOFF would stop the operator's own line, ENQ
 * would have the terminal answer.
 */
static void filter_take_control(struct terminal_filter *filter, uint8_t byte, struct filter_piece *piece)
{
	filter->state = byte == ESCAPE ? FILTER_ESCAPE : FILTER_PLAIN;
	filter->count = 0;
	(void)filter_keep(filter, byte);
	switch (byte) {
	case '\b':
	case '\t':
	case '\n':
	case '\r': filter_give(piece, FILTER_TEXT, filter->sequence, 1); break;
	case '\v':
	case '\f': filter_give(piece, FILTER_PICTURE, filter->sequence, 1); break;
	case BELL: filter_give(piece, FILTER_MODE, filter->sequence, 1); break;
	case '\x0e':
	case '\x0f': filter_take_short_mode(filter, FILTER_PICTURE, piece); break;
	default: break;
	}
}

/* A string ends with BEL, or with ESC and a backslash; a line end in it is its sender's mistake. */
static void filter_take_string(struct terminal_filter *filter, uint8_t byte, struct filter_piece *piece)
{
	if (byte == BELL)
		filter->state = FILTER_PLAIN;
	else if (byte == ESCAPE || byte == CANCEL || byte == SUBSTITUTE || byte == '\n')
		filter_take_control(filter, byte, piece);
}

bool filter_take(struct terminal_filter *filter, uint8_t byte, struct filter_piece *piece)
{
	*piece = (struct filter_piece){0};
	if (filter->state == FILTER_CHARACTER)
		return filter_continue_character(filter, byte, piece);
	if (filter->state == FILTER_STRING) {
		filter_take_string(filter, byte, piece);
		return true;
	}
	if (byte < ' ') {
		filter_take_control(filter, byte, piece);
		return true;
	}
	switch (filter->state) {
	case FILTER_ESCAPE: filter_take_after_escape(filter, byte, piece); break;
	case FILTER_CSI: return filter_take_csi(filter, byte, piece);
	case FILTER_CHARSET:
		filter->state = FILTER_PLAIN;
		(void)filter_keep(filter, byte);
		filter_take_short_mode(filter, FILTER_PICTURE, piece);
		break;
	case FILTER_LAST:
		if (byte >= '0')
			filter->state = FILTER_PLAIN;
		break;
	default:
		filter->sequence[0] = byte;
		if (byte > DELETE)
			filter_begin_character(filter, byte, piece);
		else if (byte < DELETE)
			filter_give(piece, FILTER_TEXT, filter->sequence, 1);
		break;
	}
	return true;
}
