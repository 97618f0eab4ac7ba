/* SPDX-License-Identifier: MIT */
/*
 * Registers of the VGA, named as in the IBM VGA Technical Reference. Private to the VGA's sources.
 */
#ifndef DEVICES_PC_VGA_REGISTERS_H
#define DEVICES_PC_VGA_REGISTERS_H

#include "devices/pc/vga.h"

/* Miscellaneous output */
#define MISC_COLOUR 0x01 /* CRTC at 3D4h; else 3B4h */

/* CRT controller */
#define CRTC_HORIZONTAL_TOTAL       0x00 /* characters of a line - 5 */
#define CRTC_HORIZONTAL_DISPLAY_END 0x01 /* characters - 1 */
#define CRTC_VERTICAL_TOTAL         0x06 /* scan lines - 2 */
#define CRTC_OVERFLOW               0x07 /* bits 8 and 9 of others; bit 4 is line compare's, not protected */
#define CRTC_MAXIMUM_SCAN_LINE      0x09 /* bits 4-0: lines of a character row - 1 */
#define CRTC_CURSOR_START           0x0a
#define CRTC_CURSOR_END             0x0b
#define CRTC_START_HIGH             0x0c
#define CRTC_START_LOW              0x0d
#define CRTC_CURSOR_HIGH            0x0e
#define CRTC_CURSOR_LOW             0x0f
#define CRTC_RETRACE_START          0x10
#define CRTC_RETRACE_END            0x11 /* bits 3-0; bit 7 protects registers 0 to 7 */
#define CRTC_VERTICAL_DISPLAY_END   0x12 /* scan lines - 1 */
#define CRTC_OFFSET                 0x13 /* half the cells from a row to the next */

#define OVERFLOW_LINE_COMPARE 0x10
#define SCAN_LINE_MASK        0x1f
#define DOUBLE_SCAN           0x80
#define CURSOR_OFF            0x20
#define PROTECT               0x80
#define RETRACE_END_MASK      0x0f

/* Sequencer */
#define SEQUENCER_CLOCKING 1
#define SCREEN_OFF         0x20

/* Graphics controller */
#define GRAPHICS_MISCELLANEOUS 6
#define GRAPHICS_MODE          0x01

/* Attribute controller */
#define PALETTE_SOURCE         0x20 /* in the index: the screen, not the processor, reads the palette */
#define ATTRIBUTE_PALETTE_END  0x10 /* registers below are the palette */
#define ATTRIBUTE_MODE_CONTROL 0x10
#define ATTRIBUTE_BLINK        0x08

/* Input status 1 */
#define STATUS_DISPLAY_OFF      0x01 /* horizontal or vertical blanking */
#define STATUS_VERTICAL_RETRACE 0x08

/* Input status 1 at `now`, ns of the machine's clock. */
uint8_t vga_beam_status(const struct vga_state *state, uint64_t now);

#endif
