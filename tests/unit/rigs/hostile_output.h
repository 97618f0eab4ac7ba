/* SPDX-License-Identifier: MIT */
/*
 * Output of a guest that attacks the operator's terminal: questions, modes, strings, and sequences
 * at random. Freestanding, as tests/kernels/scribbler prints it, too.
 */
#ifndef TESTS_UNIT_RIGS_HOSTILE_OUTPUT_H
#define TESTS_UNIT_RIGS_HOSTILE_OUTPUT_H

#include "lib/types.h"

#define HOSTILE_MAX 32

/* clang-format off */
static const char *const hostile_texts[] = {
	"\x1b[c", "\x1b[>c", "\x1b[=c", "\x1b[6n", "\x1b[5n", "\x1b[?6n", "\x1b[x", "\x1bZ", "\x05", "\x13", "\x1b[21t",
	"\x1b[18t", "\x1b[?1$p", "\x1b[4$p", "\x1bP$qm\x1b\\", "\x1bP+q544e\x1b\\", "\x1b]11;?\a", "\x1b]52;c;?\a",
	"\x1b]0;title\a", "\x1b]4;1;?\x1b\\", "\x1bktitle\x1b\\", "\x1bP", "\x1b]", "\x1bX", "\x1b^", "\x1b_", "\x1b[8m",
	"\x1b[30;40m", "\x1b[7m", "\x1b(0", "\x1b)0", "\x1b*0", "\x1b+0", "\x0e", "\x0f", "\x1bn", "\x1bo", "\x1b~", "\x1b[5;9r",
	"\x1b[1;2r", "\x1b[?25l", "\x1b[?1000h", "\x1b[?1002;1006h", "\x1b[?9h", "\x1b[?1003h", "\x1b[?1004h",
	"\x1b[?1005h", "\x1b[?1049h", "\x1b[?1049l", "\x1b[?47h", "\x1b[?1047h", "\x1b[?1048h", "\x1b[?2004h", "\x1b[?1h",
	"\x1b=", "\x1b>", "\x1b[?6h", "\x1b[4h", "\x1b[?7l", "\x1b[20h", "\x1b[2h", "\x1b[12h", "\x1b[?2l", "\x1b[?3h",
	"\x1b[?5h", "\x1b[?69h", "\x1b[?2026h", "\x1b[3g", "\x1bH", "\x1b#3", "\x1b#8", "\x1b%@", "\x1b G", "\x1b[62\"p",
	"\x1b[!p", "\x1b[5i", "\x1b[4i", "\x1b[2 q", "\x1b[1q", "\x1b[>4;2m", "\x1b[>1u", "\x1b[3J", "\x1b[2J", "\x1b[H",
	"\x1b[999999999b", "\x1b[12;1H", "\x1b[24;1H", "\x1b" "7", "\x1b" "8", "\x1b" "c", "\x1b[s", "\x1b[u", "\x1b" "D", "\x1b" "M",
	"\x1b[?1049", "\x1b[", "\x1b[?", "\x1b(", "\xc2\x9b" "6n", "\x9b" "6n", "\xe0\x9b" "6n", "\xe2", "\xf0\x9f", "\xc3\x9b",
	"\xc2\x90$qm\x1b\\", "\x90", "\x1b[1;1H\x1b[K[Nacre: second has ended]\r\nnacre> destroy second\r\n",
	"text\r\n", "\x1b[31mred\x1b[0m", "\t", "\b", "\a", "\v", "\f", "\r", "\n", "\x18", "\x1a", "\x7f", "\xff",
};
/* clang-format on */

/* Below `limit`; the same `seed` gives the same numbers. */
static inline unsigned hostile_random(uint64_t *seed, unsigned limit)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(*seed >> 33) % limit;
}

static inline char *hostile_number(char *at, unsigned number)
{
	if (number >= 10)
		at = hostile_number(at, number / 10);
	*at = (char)('0' + number % 10);
	return at + 1;
}

/* Any sequence that ECMA-48 allows, and some that it does not. */
static inline const char *hostile_sequence(uint64_t *seed, char text[HOSTILE_MAX])
{
	char *at = text;

	*at++ = '\x1b';
	*at++ = '[';
	if (hostile_random(seed, 4) == 0)
		*at++ = "?><="[hostile_random(seed, 4)];
	for (unsigned i = hostile_random(seed, 3); i; i--) {
		at = hostile_number(at, hostile_random(seed, hostile_random(seed, 4) ? 30 : 2100));
		*at++ = ';';
	}
	if (hostile_random(seed, 8) == 0)
		*at++ = (char)(' ' + hostile_random(seed, 16));
	*at++ = (char)('@' + hostile_random(seed, 63));
	*at = '\0';
	return text;
}

/* The next piece of output; `text` is for those that no table has. */
static inline const char *hostile_piece(uint64_t *seed, char text[HOSTILE_MAX])
{
	switch (hostile_random(seed, 4)) {
	case 0:
		text[0] = (char)(1 + hostile_random(seed, 255));
		text[1] = '\0';
		return text;
	case 1: return hostile_sequence(seed, text);
	default: return hostile_texts[hostile_random(seed, ARRAY_SIZE(hostile_texts))];
	}
}

#endif
