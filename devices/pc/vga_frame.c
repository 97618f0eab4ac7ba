/* SPDX-License-Identifier: MIT */
/* What a VGA's registers say about the picture: its size, and where the beam is. See vga.h. */
#include "devices/pc/vga.h"

#include "devices/pc/vga_registers.h"

/* A picture of mode 3: 449 lines of 900 dots at 28.322 MHz. */
#define FRAME_NS 14268000u

/* A number of scan lines whose bits 8 and 9 are in the overflow register. */
static unsigned vga_lines(const struct vga_state *state, unsigned index, unsigned bit8, unsigned bit9)
{
	uint8_t overflow = state->crtc[CRTC_OVERFLOW];

	return state->crtc[index] | (overflow >> bit8 & 1u) << 8 | (overflow >> bit9 & 1u) << 9;
}

static unsigned vga_vertical_display_end(const struct vga_state *state)
{
	return vga_lines(state, CRTC_VERTICAL_DISPLAY_END, 1, 6);
}

/*
 * Where the beam is follows from the clock; the picture takes as long as that of mode 3 in any
 * mode.
 */
uint8_t vga_beam_status(const struct vga_state *state, uint64_t now)
{
	unsigned total = vga_lines(state, CRTC_VERTICAL_TOTAL, 0, 5) + 2;
	unsigned characters = state->crtc[CRTC_HORIZONTAL_TOTAL] + 5u;
	uint64_t position = now % FRAME_NS * total * characters / FRAME_NS;
	unsigned line = (unsigned)(position / characters), character = (unsigned)(position % characters);
	unsigned start = vga_lines(state, CRTC_RETRACE_START, 2, 7);
	unsigned retrace = ((state->crtc[CRTC_RETRACE_END] - start - 1) & RETRACE_END_MASK) + 1;

	if (line - start < retrace)
		return STATUS_DISPLAY_OFF | STATUS_VERTICAL_RETRACE;
	return line > vga_vertical_display_end(state) || character > state->crtc[CRTC_HORIZONTAL_DISPLAY_END]
	               ? STATUS_DISPLAY_OFF
	               : 0;
}

static uint16_t vga_address(const struct vga_state *state, unsigned high)
{
	return (uint16_t)((state->crtc[high] << 8 | state->crtc[high + 1]) % TEXT_CELLS);
}

void vga_text_frame(const struct device *device, struct text_frame *frame)
{
	const struct vga_state *state = device->state;
	const uint8_t *crtc = state->crtc;
	unsigned height = (crtc[CRTC_MAXIMUM_SCAN_LINE] & SCAN_LINE_MASK) + 1u;
	unsigned row_lines = crtc[CRTC_MAXIMUM_SCAN_LINE] & DOUBLE_SCAN ? 2 * height : height;
	unsigned rows = (vga_vertical_display_end(state) + 1) / row_lines;
	unsigned first = crtc[CRTC_CURSOR_START] & SCAN_LINE_MASK;

	frame->columns = (uint16_t)MIN(crtc[CRTC_HORIZONTAL_DISPLAY_END] + 1u, TEXT_COLUMNS_MAX);
	frame->rows = (uint16_t)MAX(MIN(rows, TEXT_ROWS_MAX), 1u);
	frame->start = vga_address(state, CRTC_START_HIGH);
	frame->pitch = (uint16_t)(2 * crtc[CRTC_OFFSET]);
	frame->cursor = vga_address(state, CRTC_CURSOR_HIGH);
	frame->cursor_shown = !(crtc[CRTC_CURSOR_START] & CURSOR_OFF) && first < height &&
	                      first <= (crtc[CRTC_CURSOR_END] & SCAN_LINE_MASK);
	frame->blink = state->attribute[ATTRIBUTE_MODE_CONTROL] & ATTRIBUTE_BLINK;
	frame->blank = state->graphics[GRAPHICS_MISCELLANEOUS] & GRAPHICS_MODE ||
	               state->sequencer[SEQUENCER_CLOCKING] & SCREEN_OFF ||
	               !(state->attribute_index & PALETTE_SOURCE);
}
