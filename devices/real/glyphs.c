#include "devices/real/glyphs.h"

/* Unicode "Box Drawing", in the order of code page 437 from GLYPH_BOX on. */
static const uint16_t boxes[GLYPH_BOX_END - GLYPH_BOX] = {
	0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d,
	0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e,
	0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568,
	0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c,
};

static const struct {
	uint16_t code_point;
	uint8_t glyph;
} others[] = {
	{0x2588, GLYPH_FULL      },
	{0x2584, GLYPH_LOWER     },
	{0x258c, GLYPH_LEFT      },
	{0x2590, GLYPH_RIGHT     },
	{0x2580, GLYPH_UPPER     },
	{0x2591, GLYPH_SHADES    },
	{0x2592, GLYPH_SHADES + 1},
	{0x2593, GLYPH_SHADES + 2},
	{0x2501, 0xc4            }, /* heavy and round lines are lines */
	{0x2503, 0xb3            },
	{0x256d, 0xda            },
	{0x256e, 0xbf            },
	{0x256f, 0xd9            },
	{0x2570, 0xc0            },
	{0x2190, '<'             },
	{0x2191, '^'             },
	{0x2192, '>'             },
	{0x2193, 'v'             },
	{0x25c4, '<'             },
	{0x25b2, '^'             },
	{0x25ba, '>'             },
	{0x25bc, 'v'             },
	{0x2022, '*'             },
	{0x00b7, '.'             },
	{0x2219, '.'             },
	{0x25a0, '#'             },
	{0x00a0, ' '             },
	{0x2013, '-'             },
	{0x2014, '-'             },
	{0x2018, '\''            },
	{0x2019, '\''            },
	{0x201c, '"'             },
	{0x201d, '"'             },
};

uint8_t glyph_of(uint32_t code_point)
{
	for (unsigned i = 0; i < ARRAY_SIZE(boxes); i++)
		if (boxes[i] == code_point)
			return (uint8_t)(GLYPH_BOX + i);
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i].code_point == code_point)
			return others[i].glyph;
	return GLYPH_UNKNOWN;
}
