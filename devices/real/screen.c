#include "devices/real/screen.h"
#include "devices/real/screen_backend.h"
#include "lib/string.h"

#define ESCAPE         0x1b
#define PARAMETERS_MAX 4
#define PARAMETER_MAX  999

static const struct screen_backend *const backends[] = {&vga_text_backend, &framebuffer_backend};

static struct {
	const struct screen_backend *backend; /* null: no screen */
	unsigned columns, rows;
	unsigned column, row; /* of the cursor; column == columns: wraps at the next character */
	unsigned top;         /* line of `grid` that is shown first: scrolling turns the ring */
	bool changed;
	enum { PLAIN, AFTER_ESCAPE, IN_SEQUENCE } state;
	unsigned parameters, parameter[PARAMETERS_MAX];
	uint8_t grid[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX];
	uint8_t drawn[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX]; /* 0: unknown */
} screen;

static const struct screen_backend *find_backend(const struct boot_framebuffer *mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (backends[i]->size(mode))
			return backends[i];
	return NULL;
}

size_t screen_size(const struct boot_framebuffer *mode)
{
	const struct screen_backend *backend = find_backend(mode);

	return backend ? backend->size(mode) : 0;
}

bool screen_init(const struct boot_framebuffer *mode, void *memory)
{
	memset(&screen, 0, sizeof(screen));
	memset(screen.grid, ' ', sizeof(screen.grid));
	screen.backend = find_backend(mode);
	if (!screen.backend)
		return false;
	screen.backend->start(mode, memory, &screen.columns, &screen.rows);
	screen.changed = true;
	return true;
}

bool screen_present(void)
{
	return screen.backend;
}

static uint8_t *line_of(unsigned row)
{
	return screen.grid[(screen.top + row) % screen.rows];
}

static void line_feed(void)
{
	if (screen.row + 1 < screen.rows) {
		screen.row++;
		return;
	}
	screen.top = (screen.top + 1) % screen.rows;
	memset(line_of(screen.rows - 1), ' ', screen.columns);
}

static void put_character(uint8_t character)
{
	if (screen.column == screen.columns) {
		screen.column = 0;
		line_feed();
	}
	line_of(screen.row)[screen.column++] = character;
}

static void take_plain(uint8_t byte)
{
	switch (byte) {
	case '\n': line_feed(); break;
	case '\r': screen.column = 0; break;
	case '\b':
		if (screen.column)
			screen.column--;
		break;
	case '\t': screen.column = MIN((screen.column & ~7u) + 8, screen.columns - 1); break;
	case ESCAPE: screen.state = AFTER_ESCAPE; break;
	default:
		if (byte >= ' ' && byte < 0x7f)
			put_character(byte);
		else if (byte >= 0xc0) /* the first byte of a UTF-8 sequence stands for all of it */
			put_character('?');
		break;
	}
}

static unsigned parameter_or(unsigned index, unsigned otherwise)
{
	return index < screen.parameters && screen.parameter[index] ? screen.parameter[index] : otherwise;
}

static void erase(unsigned from_row, unsigned from_column, unsigned to_row, unsigned to_column)
{
	for (unsigned row = from_row; row <= to_row && row < screen.rows; row++) {
		unsigned first = row == from_row ? from_column : 0;
		unsigned end = row == to_row ? MIN(to_column + 1, screen.columns) : screen.columns;

		if (first < end)
			memset(line_of(row) + first, ' ', end - first);
	}
}

/* ECMA-48 "Control functions": CUU, CUD, CUF, CUB, CHA, CUP, ED, EL. */
static void take_sequence(uint8_t final)
{
	unsigned last_row = screen.rows - 1, last_column = screen.columns - 1;
	unsigned n = parameter_or(0, 1);

	switch (final) {
	case 'A': screen.row -= MIN(n, screen.row); break;
	case 'B': screen.row = MIN(screen.row + n, last_row); break;
	case 'C': screen.column = MIN(screen.column + n, last_column); break;
	case 'D': screen.column -= MIN(n, screen.column); break;
	case 'G': screen.column = MIN(n - 1, last_column); break;
	case 'H':
	case 'f':
		screen.row = MIN(n - 1, last_row);
		screen.column = MIN(parameter_or(1, 1) - 1, last_column);
		break;
	case 'J':
		n = parameter_or(0, 0);
		erase(n ? 0 : screen.row, n ? 0 : screen.column, n == 1 ? screen.row : last_row,
		      n == 1 ? screen.column : last_column);
		break;
	case 'K':
		n = parameter_or(0, 0);
		erase(screen.row, n ? 0 : screen.column, screen.row, n == 1 ? screen.column : last_column);
		break;
	default: break;
	}
}

static void take_parameter(uint8_t byte)
{
	if (byte == ';') {
		screen.parameters = MIN(screen.parameters + 1, PARAMETERS_MAX);
	} else if (byte >= '0' && byte <= '9') {
		unsigned *value = &screen.parameter[screen.parameters - 1];

		*value = MIN(*value * 10 + (byte - '0'), PARAMETER_MAX);
	}
}

static void take(uint8_t byte)
{
	switch (screen.state) {
	case PLAIN: take_plain(byte); break;
	case AFTER_ESCAPE:
		if (byte == ESCAPE)
			break;
		screen.state = byte == '[' ? IN_SEQUENCE : PLAIN;
		screen.parameters = 1;
		memset(screen.parameter, 0, sizeof(screen.parameter));
		break;
	case IN_SEQUENCE:
		if (byte >= 0x40 && byte <= 0x7e) {
			take_sequence(byte);
			screen.state = PLAIN;
		} else if (byte == ESCAPE) {
			screen.state = AFTER_ESCAPE;
		} else {
			take_parameter(byte);
		}
		break;
	}
}

void screen_write(const uint8_t *text, size_t length)
{
	if (!screen.backend || !length)
		return;
	for (size_t i = 0; i < length; i++)
		take(text[i]);
	screen.changed = true;
}

/* Draw what differs in one row; returns how many characters of the budget that took. */
static size_t draw_row(unsigned row, size_t budget)
{
	const uint8_t *line = line_of(row);
	uint8_t *drawn = screen.drawn[row];
	size_t used = 0;

	if (!memcmp(line, drawn, screen.columns))
		return 0;
	for (unsigned column = 0; column < screen.columns && used < budget; column++) {
		if (line[column] == drawn[column])
			continue;
		screen.backend->draw(column, row, line[column]);
		drawn[column] = line[column];
		used++;
	}
	return used;
}

static void draw_cursor(void)
{
	unsigned column = MIN(screen.column, screen.columns - 1);

	screen.backend->cursor(column, screen.row);
	screen.drawn[screen.row][column] = 0; /* drawn over when the cursor has gone */
}

bool screen_changed(void)
{
	return screen.changed;
}

bool screen_draw(size_t cells)
{
	if (!screen.backend || !screen.changed)
		return false;
	for (unsigned row = 0; row < screen.rows; row++) {
		cells -= draw_row(row, cells);
		if (!cells)
			return true;
	}
	draw_cursor();
	screen.changed = false;
	return false;
}
