/* SPDX-License-Identifier: MIT */
/* rows.def as machine code for each size, and as the table of rows. */
#include "probe.h"

#define INSTRUCTION(...)
#define ROW(id, modes, text, ...)   ROW3(id, modes, text, text, text, __VA_ARGS__)
#define ROW64(id, modes, text, ...) ROW3(id, modes, "", "", text, __VA_ARGS__)
#define ROW32(id, modes, text, ...) ROW3(id, modes, text, text, "", __VA_ARGS__)

#define ROW3(id, modes, text16, text32, text64, ...)                                                         \
	__asm__(".pushsection .rodata\n"                                                                     \
	        "code16_" #id ":\n.code16\n" text16 "\n"                                                     \
	        "code32_" #id ":\n.code32\n" text32 "\n"                                                     \
	        "code64_" #id ":\n.code64\n" text64 "\n"                                                     \
	        "end_" #id ":\n.popsection");                                                                \
	extern const uint8_t code16_##id[], code32_##id[], code64_##id[], end_##id[];
#include "rows.def"
#undef ROW3

/* clang-format off */
#define ROW3(id, row_modes, text16, text32, text64, ...)                                                     \
	{.name = #id,                                                                                        \
	 .modes = (row_modes),                                                                               \
	 .code = {{code16_##id, code32_##id}, {code32_##id, code64_##id}, {code64_##id, end_##id}},          \
	 __VA_ARGS__},
/* clang-format on */
const struct row rows[] = {
#include "rows.def"
};
const unsigned row_count = ARRAY_SIZE(rows);
