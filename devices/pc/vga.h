/* SPDX-License-Identifier: MIT */
/*
 * The register part of a VGA, in colour text mode. IBM VGA Technical Reference;
 * FreeVGA project, "VGA Hardware". The text memory at B8000h is RAM of the guest, which it writes
 * without an exit; what the screen shows is computed from both when somebody looks:
 * vga_text_frame().
 *
 * There are no font and no graphics planes: a guest that changes to a graphics mode shows nothing.
 */
#ifndef DEVICES_PC_VGA_H
#define DEVICES_PC_VGA_H

#include "devices/bus/device.h"
#include "devices/pc/text_frame.h"

#define VGA_CRTC_COUNT      25
#define VGA_SEQUENCER_COUNT 5
#define VGA_GRAPHICS_COUNT  9
#define VGA_ATTRIBUTE_COUNT 21
#define VGA_DAC_COLOURS     256

/* The guest's text memory, 32 KiB: GPA and bytes. */
#define VGA_TEXT_GPA  0xb8000UL
#define VGA_TEXT_SIZE 0x8000UL

struct vga_state {
	uint8_t misc, feature, enable; /* 3CCh, 3CAh, 3C3h */
	uint8_t crtc_index, sequencer_index, graphics_index;
	uint8_t attribute_index;     /* with bit 5, palette address source */
	uint8_t attribute_data;      /* flip-flop, 0 or 1: the next write to 3C0h is data */
	uint8_t dac_mask;            /* 3C6h */
	uint8_t dac_write, dac_read; /* colours that 3C9h writes and reads next */
	uint8_t dac_component;       /* 0..2: red, green, blue */
	uint8_t dac_reading;         /* 0 or 1: 3C7h was written after 3C8h */
	uint8_t dac_latch[2];        /* red and green, which wait for blue */
	uint8_t crtc[VGA_CRTC_COUNT];
	uint8_t sequencer[VGA_SEQUENCER_COUNT];
	uint8_t graphics[VGA_GRAPHICS_COUNT];
	uint8_t attribute[VGA_ATTRIBUTE_COUNT];
	uint8_t dac[VGA_DAC_COLOURS][3]; /* 6 bits each */
};

/*
 * What the registers say about the screen. `frame->read` and `frame->context` are left to the
 * caller.
 */
void vga_text_frame(const struct device *device, struct text_frame *frame);

extern const struct device_model vga_model;

#endif
