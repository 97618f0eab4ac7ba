/* SPDX-License-Identifier: MIT */
/*
 * The registers of a VGA: see vga.h. Masks and reset values per register: IBM VGA Technical
 * Reference.
 */
#include "devices/pc/vga.h"

#include "devices/pc/vga_registers.h"

#define CRTC_INDEX_MASK      0x1f
#define SEQUENCER_INDEX_MASK 0x07
#define GRAPHICS_INDEX_MASK  0x0f
#define ATTRIBUTE_INDEX_MASK 0x3f
#define MISC_MASK            0xef
#define FEATURE_MASK         0x03
#define ENABLE_MASK          0x01
#define DAC_MASK             0x3f

#define SWITCH_SENSE 0x10 /* input status 0: a colour monitor is attached */

#define DAC_STATE_READ 0x03 /* 3C7h: last written for reading; 0: for writing */

static const uint8_t crtc_mask[VGA_CRTC_COUNT] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0x3f, 0x7f, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff,
};
static const uint8_t sequencer_mask[VGA_SEQUENCER_COUNT] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
static const uint8_t graphics_mask[VGA_GRAPHICS_COUNT] = {
	0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff,
};
static const uint8_t attribute_mask[VGA_ATTRIBUTE_COUNT] = {
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f,
};

/* BIOS mode 3: 80x25 characters of 9x16 points. */
/* clang-format off */
static const struct vga_state mode3 = {
	.misc = 0x67,
	.enable = 0x01,
	.attribute_index = PALETTE_SOURCE,
	.dac_mask = 0xff,
	.crtc = {
		0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
		0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
	},
	.sequencer = {0x03, 0x00, 0x03, 0x00, 0x02},
	.graphics = {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff},
	.attribute = {
		0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
		0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00,
	},
};
/* clang-format on */
#define MODE3_COLOURS 64

/* ---- CRT controller ---- */

static bool vga_is_colour(const struct vga_state *state)
{
	return state->misc & MISC_COLOUR;
}

static uint8_t vga_crtc_read(const struct vga_state *state, unsigned offset)
{
	if (offset == 0)
		return state->crtc_index;
	return state->crtc_index < VGA_CRTC_COUNT ? state->crtc[state->crtc_index] : 0;
}

static void vga_crtc_data(struct vga_state *state, uint8_t value)
{
	unsigned index = state->crtc_index;
	uint8_t writable;

	if (index >= VGA_CRTC_COUNT)
		return;
	writable = crtc_mask[index];
	if (index <= CRTC_OVERFLOW && state->crtc[CRTC_RETRACE_END] & PROTECT)
		writable = index == CRTC_OVERFLOW ? OVERFLOW_LINE_COMPARE : 0;
	state->crtc[index] = (uint8_t)((state->crtc[index] & ~writable) | (value & writable));
}

static void vga_crtc_write(struct vga_state *state, unsigned offset, uint32_t value)
{
	if (offset == 0)
		state->crtc_index = value & CRTC_INDEX_MASK;
	else
		vga_crtc_data(state, (uint8_t)value);
}

/*
 * The CRTC and the port of status and feature control answer at 3Bxh or at 3Dxh, and not at the
 * other.
 */
static uint32_t mono_crtc_read(struct device *device, unsigned offset, unsigned size)
{
	return vga_is_colour(device->state) ? 0xff : vga_crtc_read(device->state, offset);
}

static uint32_t colour_crtc_read(struct device *device, unsigned offset, unsigned size)
{
	return vga_is_colour(device->state) ? vga_crtc_read(device->state, offset) : 0xff;
}

static void mono_crtc_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	if (!vga_is_colour(device->state))
		vga_crtc_write(device->state, offset, value);
}

static void colour_crtc_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	if (vga_is_colour(device->state))
		vga_crtc_write(device->state, offset, value);
}

/* ---- Input status 1, feature control ---- */

static uint8_t vga_status_read(struct device *device)
{
	struct vga_state *state = device->state;

	state->attribute_data = 0;
	return vga_beam_status(state, device_now(device));
}

static uint32_t mono_status_read(struct device *device, unsigned offset, unsigned size)
{
	return vga_is_colour(device->state) ? 0xff : vga_status_read(device);
}

static uint32_t colour_status_read(struct device *device, unsigned offset, unsigned size)
{
	return vga_is_colour(device->state) ? vga_status_read(device) : 0xff;
}

static void vga_feature_write(struct vga_state *state, uint32_t value)
{
	state->feature = value & FEATURE_MASK;
}

static void mono_feature_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	if (!vga_is_colour(device->state))
		vga_feature_write(device->state, value);
}

static void colour_feature_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	if (vga_is_colour(device->state))
		vga_feature_write(device->state, value);
}

/* ---- Attribute controller ---- */

static uint8_t vga_attribute_read(const struct vga_state *state)
{
	unsigned index = state->attribute_index & (PALETTE_SOURCE - 1);

	return index < VGA_ATTRIBUTE_COUNT ? state->attribute[index] : 0;
}

/* While the screen reads the palette, the processor cannot change it. */
static bool vga_palette_in_use(const struct vga_state *state, unsigned index)
{
	return index < ATTRIBUTE_PALETTE_END && state->attribute_index & PALETTE_SOURCE;
}

static void vga_attribute_write(struct vga_state *state, uint8_t value)
{
	unsigned index = state->attribute_index & (PALETTE_SOURCE - 1);

	state->attribute_data ^= 1;
	if (state->attribute_data)
		state->attribute_index = value & ATTRIBUTE_INDEX_MASK;
	else if (index < VGA_ATTRIBUTE_COUNT && !vga_palette_in_use(state, index))
		state->attribute[index] = value & attribute_mask[index];
}

/* ---- DAC ---- */

static void vga_next_component(struct vga_state *state, uint8_t *colour_index)
{
	if (++state->dac_component == 3) {
		state->dac_component = 0;
		++*colour_index;
	}
}

static uint8_t vga_dac_read(struct vga_state *state)
{
	uint8_t value = state->dac[state->dac_read][state->dac_component];

	vga_next_component(state, &state->dac_read);
	return value;
}

/* A colour changes when its third part is there. */
static void vga_dac_write(struct vga_state *state, uint8_t value)
{
	uint8_t *entry = state->dac[state->dac_write];

	value &= DAC_MASK;
	if (state->dac_component < 2) {
		state->dac_latch[state->dac_component] = value;
	} else {
		entry[0] = state->dac_latch[0];
		entry[1] = state->dac_latch[1];
		entry[2] = value;
	}
	vga_next_component(state, &state->dac_write);
}

static void vga_dac_address(struct vga_state *state, uint8_t value, bool reading)
{
	*(reading ? &state->dac_read : &state->dac_write) = value;
	state->dac_component = 0;
	state->dac_reading = reading ? 1 : 0;
}

/* ---- 3C0h to 3CFh ---- */

static uint32_t vga_ports_read(struct device *device, unsigned offset, unsigned size)
{
	struct vga_state *state = device->state;
	unsigned index;

	switch (offset) {
	case 0x0: return state->attribute_index;
	case 0x1: return vga_attribute_read(state);
	case 0x2: return SWITCH_SENSE;
	case 0x3: return state->enable;
	case 0x4: return state->sequencer_index;
	case 0x5:
		index = state->sequencer_index;
		return index < VGA_SEQUENCER_COUNT ? state->sequencer[index] : 0;
	case 0x6: return state->dac_mask;
	case 0x7: return state->dac_reading ? DAC_STATE_READ : 0;
	case 0x8: return state->dac_write;
	case 0x9: return vga_dac_read(state);
	case 0xa: return state->feature;
	case 0xc: return state->misc;
	case 0xe: return state->graphics_index;
	case 0xf:
		index = state->graphics_index;
		return index < VGA_GRAPHICS_COUNT ? state->graphics[index] : 0;
	default: return 0xff;
	}
}

static void vga_ports_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct vga_state *state = device->state;
	unsigned index;

	switch (offset) {
	case 0x0: vga_attribute_write(state, (uint8_t)value); break;
	case 0x2: state->misc = value & MISC_MASK; break;
	case 0x3: state->enable = value & ENABLE_MASK; break;
	case 0x4: state->sequencer_index = value & SEQUENCER_INDEX_MASK; break;
	case 0x5:
		index = state->sequencer_index;
		if (index < VGA_SEQUENCER_COUNT)
			state->sequencer[index] = value & sequencer_mask[index];
		break;
	case 0x6: state->dac_mask = (uint8_t)value; break;
	case 0x7: vga_dac_address(state, (uint8_t)value, true); break;
	case 0x8: vga_dac_address(state, (uint8_t)value, false); break;
	case 0x9: vga_dac_write(state, (uint8_t)value); break;
	case 0xe: state->graphics_index = value & GRAPHICS_INDEX_MASK; break;
	case 0xf:
		index = state->graphics_index;
		if (index < VGA_GRAPHICS_COUNT)
			state->graphics[index] = value & graphics_mask[index];
		break;
	}
}

/* ---- Life ---- */

/*
 * Bits 2-0 of a colour's number are red, green, blue at two thirds, bits 5-3 the same at one third.
 */
static void vga_default_colour(uint8_t entry[3], unsigned number)
{
	for (unsigned i = 0; i < 3; i++)
		entry[i] = (uint8_t)((number >> (2 - i) & 1) * 0x2a + (number >> (5 - i) & 1) * 0x15);
}

static void vga_reset(struct device *device)
{
	struct vga_state *state = device->state;

	*state = mode3;
	for (unsigned i = 0; i < MODE3_COLOURS; i++)
		vga_default_colour(state->dac[i], i);
}

static bool vga_masked(const uint8_t *registers, const uint8_t *masks, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (registers[i] & ~masks[i])
			return false;
	return true;
}

static bool vga_colours_valid(const struct vga_state *state)
{
	const uint8_t *part = &state->dac[0][0];

	for (unsigned i = 0; i < sizeof(state->dac); i++)
		if (part[i] & ~DAC_MASK)
			return false;
	return !((state->dac_latch[0] | state->dac_latch[1]) & ~DAC_MASK);
}

static bool vga_state_valid(const void *bytes)
{
	const struct vga_state *state = bytes;

	return !(state->misc & ~MISC_MASK) && !(state->feature & ~FEATURE_MASK) &&
	       !(state->enable & ~ENABLE_MASK) && !(state->crtc_index & ~CRTC_INDEX_MASK) &&
	       !(state->sequencer_index & ~SEQUENCER_INDEX_MASK) &&
	       !(state->graphics_index & ~GRAPHICS_INDEX_MASK) &&
	       !(state->attribute_index & ~ATTRIBUTE_INDEX_MASK) && state->attribute_data <= 1 &&
	       state->dac_reading <= 1 && state->dac_component < 3 &&
	       vga_masked(state->crtc, crtc_mask, VGA_CRTC_COUNT) &&
	       vga_masked(state->sequencer, sequencer_mask, VGA_SEQUENCER_COUNT) &&
	       vga_masked(state->graphics, graphics_mask, VGA_GRAPHICS_COUNT) &&
	       vga_masked(state->attribute, attribute_mask, VGA_ATTRIBUTE_COUNT) && vga_colours_valid(state);
}

/* Words at an index write the index, then the data: the region layer cuts them. */
/* clang-format off */
static const struct port_region vga_ports[] = {
	{.base = 0x3b4, .count = 2,  .width = 1, .read = mono_crtc_read,     .write = mono_crtc_write},
	{.base = 0x3ba, .count = 1,  .width = 1, .read = mono_status_read,   .write = mono_feature_write},
	{.base = 0x3c0, .count = 16, .width = 1, .read = vga_ports_read,         .write = vga_ports_write},
	{.base = 0x3d4, .count = 2,  .width = 1, .read = colour_crtc_read,   .write = colour_crtc_write},
	{.base = 0x3da, .count = 1,  .width = 1, .read = colour_status_read, .write = colour_feature_write},
};
/* clang-format on */

const struct device_model vga_model = {
	.name = "vga",
	.version = 1,
	.state_size = sizeof(struct vga_state),
	.ports = vga_ports,
	.port_count = ARRAY_SIZE(vga_ports),
	.reset = vga_reset,
	.state_valid = vga_state_valid,
};
