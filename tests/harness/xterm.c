/* SPDX-License-Identifier: MIT */
/* The model terminal of the unit tests as a library, which xterm.py loads for whole boots. */
#include "tests/unit/rigs/xterm.h"

void terminal_reset(void);
void terminal_take(const char *bytes, unsigned count);
unsigned terminal_send(char *bytes, unsigned size);
void terminal_type(const char *keys);
unsigned terminal_asked(void);
unsigned terminal_cursor(unsigned *column);
void terminal_row(unsigned row, char text[XTERM_COLUMNS + 1]);
const char *terminal_insane(void);

static struct xterm terminal;

void terminal_reset(void)
{
	xterm_reset(&terminal);
}

void terminal_take(const char *bytes, unsigned count)
{
	while (count--)
		xterm_take(&terminal, (uint8_t)*bytes++);
}

unsigned terminal_send(char *bytes, unsigned size)
{
	return xterm_send(&terminal, bytes, size);
}

void terminal_type(const char *keys)
{
	xterm_type(&terminal, keys);
}

unsigned terminal_asked(void)
{
	return terminal.asked;
}

unsigned terminal_cursor(unsigned *column)
{
	*column = terminal.column;
	return terminal.row;
}

void terminal_row(unsigned row, char text[XTERM_COLUMNS + 1])
{
	xterm_row(&terminal, row, text);
}

const char *terminal_insane(void)
{
	return xterm_insane(&terminal);
}
