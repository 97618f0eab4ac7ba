/* SPDX-License-Identifier: MIT */
/* devices/pc/vga.c, vga_frame.c: registers of the VGA and what they say about the screen. */
#include "rigs/pc.h"

#define NS_PER_SECOND 1000000000ULL

#define DISPLAY_OFF      0x01
#define VERTICAL_RETRACE 0x08

static uint8_t indexed(uint16_t port, uint8_t index)
{
	out(port, index);
	return (uint8_t)in((uint16_t)(port + 1));
}

static void set_indexed(uint16_t port, uint8_t index, uint8_t value)
{
	out(port, index);
	out((uint16_t)(port + 1), value);
}

static uint8_t attribute(uint8_t index)
{
	in(0x3da);
	out(0x3c0, index);
	return (uint8_t)in(0x3c1);
}

static void set_attribute(uint8_t index, uint8_t value)
{
	in(0x3da);
	out(0x3c0, index);
	out(0x3c0, value);
}

static struct text_frame frame(void)
{
	struct text_frame now = {0};

	vga_text_frame(&pc.device[DEVICE_VGA], &now);
	return now;
}

static void power_on_is_mode_3(void **state)
{
	static const uint8_t crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00,
	                               0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e,
	                               0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
	struct text_frame now = frame();

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(crtc); i++)
		assert_int_equal(indexed(0x3d4, (uint8_t)i), crtc[i]);
	assert_int_equal(in(0x3cc), 0x67);
	assert_int_equal(indexed(0x3ce, 6), 0x0e);
	assert_int_equal(attribute(0x26), 0x14);
	assert_int_equal(in(0x3c0), 0x26);
	assert_int_equal(now.columns, 80);
	assert_int_equal(now.rows, 25);
	assert_int_equal(now.start, 0);
	assert_int_equal(now.pitch, 80);
	assert_int_equal(now.cursor, 0);
	assert_true(now.cursor_shown && now.blink && !now.blank);
}

/* Every bit that exists reads back, no other does; registers after the last are not there. */
static void registers_have_their_bits(void **state)
{
	/* clang-format off */
	static const struct {
		uint16_t port;
		uint8_t index, bits;
	} cases[] = {
		{0x3d4, 0x08, 0x7f},
		{0x3d4, 0x0a, 0x3f},
		{0x3d4, 0x0b, 0x7f},
		{0x3d4, 0x0c, 0xff},
		{0x3d4, 0x14, 0x7f},
		{0x3d4, 0x17, 0xef},
		{0x3d4, 0x18, 0xff},
		{0x3d4, 0x19, 0x00},
		{0x3c4, 0x00, 0x03},
		{0x3c4, 0x01, 0x3d},
		{0x3c4, 0x02, 0x0f},
		{0x3c4, 0x03, 0x3f},
		{0x3c4, 0x04, 0x0e},
		{0x3c4, 0x05, 0x00},
		{0x3ce, 0x00, 0x0f},
		{0x3ce, 0x03, 0x1f},
		{0x3ce, 0x04, 0x03},
		{0x3ce, 0x05, 0x7b},
		{0x3ce, 0x08, 0xff},
		{0x3ce, 0x09, 0x00},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_indexed(cases[i].port, cases[i].index, 0xff);
		assert_int_equal(indexed(cases[i].port, cases[i].index), cases[i].bits);
		set_indexed(cases[i].port, cases[i].index, 0x00);
		assert_int_equal(indexed(cases[i].port, cases[i].index), 0x00);
	}
	out(0x3d4, 0xff);
	assert_int_equal(in(0x3d4), 0x1f);
	out(0x3c4, 0xff);
	assert_int_equal(in(0x3c4), 0x07);
	out(0x3ce, 0xff);
	assert_int_equal(in(0x3ce), 0x0f);
	out(0x3c2, 0xff);
	assert_int_equal(in(0x3cc), 0xef);
	assert_int_equal(in(0x3c2), 0x10);
	out(0x3da, 0xff);
	assert_int_equal(in(0x3ca), 0x03);
	assert_int_equal(in(0x3cb), 0xff);
	out(0x3c3, 0xfe);
	assert_int_equal(in(0x3c3), 0x00);
}

/* One write of a word sets index and data, and a word reads both. */
static void words(void **state)
{
	(void)state;
	port_write(&pc.ports, 0x3d4, 2, 0x120e);
	port_write(&pc.ports, 0x3d4, 2, 0x340f);
	assert_int_equal(frame().cursor, 0x1234);
	assert_int_equal(port_read(&pc.ports, 0x3d4, 2), 0x340f);
	port_write(&pc.ports, 0x3c4, 2, 0x0f02);
	assert_int_equal(port_read(&pc.ports, 0x3c4, 2), 0x0f02);
	port_write(&pc.ports, 0x3ce, 2, 0x5508);
	assert_int_equal(port_read(&pc.ports, 0x3ce, 2), 0x5508);
}

static void crtc_protection(void **state)
{
	(void)state;
	/* Mode 3 leaves it on: of registers 0 to 7, only line compare's bit can be changed. */
	for (unsigned i = 0; i < 7; i++) {
		uint8_t before = indexed(0x3d4, (uint8_t)i);

		set_indexed(0x3d4, (uint8_t)i, (uint8_t)~before);
		assert_int_equal(indexed(0x3d4, (uint8_t)i), before);
	}
	set_indexed(0x3d4, 7, 0x00);
	assert_int_equal(indexed(0x3d4, 7), 0x0f);
	set_indexed(0x3d4, 0x11, 0x0e);
	set_indexed(0x3d4, 7, 0x3e);
	assert_int_equal(indexed(0x3d4, 7), 0x3e);
	set_indexed(0x3d4, 1, 0x27);
	assert_int_equal(frame().columns, 40);
}

static void mono_ports(void **state)
{
	(void)state;
	assert_int_equal(in(0x3b4), 0xff);
	out(0x3b4, 0x0e);
	assert_int_equal(in(0x3d4), 0x00);
	assert_int_equal(in(0x3ba), 0xff);
	out(0x3c2, 0x66);
	assert_int_equal(in(0x3d4), 0xff);
	set_indexed(0x3b4, 0x0e, 0x05);
	assert_int_equal(indexed(0x3b4, 0x0e), 0x05);
	set_indexed(0x3d4, 0x0e, 0x09);
	assert_int_equal(frame().cursor, 0x0500);
	out(0x3da, 0x03);
	assert_int_equal(in(0x3ca), 0x00);
	out(0x3ba, 0x02);
	assert_int_equal(in(0x3ca), 0x02);
	/* The flip-flop follows the port that is there. */
	out(0x3c0, 0x30);
	in(0x3da);
	out(0x3c0, 0x04);
	assert_int_equal(in(0x3c1), 0x04);
	out(0x3c0, 0x30);
	in(0x3ba);
	out(0x3c0, 0x31);
	assert_int_equal(in(0x3c0), 0x31);
}

static void attribute_flip_flop(void **state)
{
	(void)state;
	set_attribute(0x30, 0x04);
	assert_int_equal(attribute(0x30), 0x04);
	assert_false(frame().blink);
	set_attribute(0x30, 0xff);
	assert_int_equal(attribute(0x30), 0xef);
	/* Reads do not turn it. */
	in(0x3da);
	out(0x3c0, 0x33);
	in(0x3c0);
	in(0x3c1);
	out(0x3c0, 0x1f);
	assert_int_equal(attribute(0x33), 0x0f);
	/* Two writes later it is back. */
	in(0x3da);
	out(0x3c0, 0x34);
	out(0x3c0, 0x05);
	out(0x3c0, 0x33);
	assert_int_equal(in(0x3c1), 0x0f);
	assert_int_equal(attribute(0x35), 0x00);
	assert_int_equal(attribute(0x3f), 0x00);
}

static void palette_needs_the_screen_off(void **state)
{
	(void)state;
	set_attribute(0x21, 0x2a);
	assert_int_equal(attribute(0x21), 0x01);
	assert_false(frame().blank);
	set_attribute(0x01, 0xff);
	assert_true(frame().blank);
	assert_int_equal(attribute(0x01), 0x3f);
	in(0x3da);
	out(0x3c0, 0x20);
	assert_false(frame().blank);
}

static void dac(void **state)
{
	(void)state;
	/* Brown is the exception among the sixteen: its green is halved. */
	out(0x3c7, 0x14);
	assert_int_equal(in(0x3c7), 0x03);
	assert_int_equal(in(0x3c9), 0x2a);
	assert_int_equal(in(0x3c9), 0x15);
	assert_int_equal(in(0x3c9), 0x00);
	/* Both indices run on, round the end. */
	out(0x3c8, 0xff);
	assert_int_equal(in(0x3c7), 0x00);
	for (unsigned i = 1; i <= 6; i++)
		out(0x3c9, (uint8_t)(0xc0 + i));
	assert_int_equal(in(0x3c8), 0x01);
	out(0x3c7, 0xff);
	for (unsigned i = 1; i <= 6; i++)
		assert_int_equal(in(0x3c9), i);
	/* A colour that is not complete does not change. */
	out(0x3c8, 0x00);
	out(0x3c9, 0x3f);
	out(0x3c9, 0x3f);
	out(0x3c7, 0x00);
	assert_int_equal(in(0x3c9), 0x04);
	/* A new index starts with red. */
	out(0x3c7, 0x00);
	assert_int_equal(in(0x3c9), 0x04);
	out(0x3c6, 0x5a);
	assert_int_equal(in(0x3c6), 0x5a);
}

/* Seventy pictures a second: one retrace of two lines each, 400 of 449 lines shown. */
static void beam(void **state)
{
	unsigned edges = 0, on = 0, samples = 0, shown = 0;
	bool before = false;

	(void)state;
	for (fake_x86.tsc = 0; fake_x86.tsc < NS_PER_SECOND; fake_x86.tsc += 5000) {
		uint8_t status = (uint8_t)in(0x3da);
		bool retrace = status & VERTICAL_RETRACE;

		assert_int_equal(status & ~(DISPLAY_OFF | VERTICAL_RETRACE), 0);
		if (retrace)
			assert_true(status & DISPLAY_OFF);
		edges += retrace && !before;
		on += retrace;
		shown += !(status & DISPLAY_OFF);
		samples++;
		before = retrace;
	}
	assert_int_equal(edges, 70);
	assert_in_range(on * 10000 / samples, 40, 49);     /* 2 of 449 */
	assert_in_range(shown * 1000 / samples, 705, 719); /* 400 of 449 lines, 80 of 100 characters */
}

/* No timing that a guest sets leads to a division by zero or a picture that is out of range. */
static void any_timing(void **state)
{
	(void)state;
	set_indexed(0x3d4, 0x11, 0x00);
	for (unsigned value = 0; value < 256; value += 51)
		for (unsigned overflow = 0; overflow < 256; overflow += 15) {
			struct text_frame now;

			for (unsigned i = 0; i < 25; i++)
				set_indexed(0x3d4, (uint8_t)i, (uint8_t)(i == 0x11 ? value & 0x7f : value));
			set_indexed(0x3d4, 7, (uint8_t)overflow);
			for (unsigned i = 0; i < 100; i++) {
				fake_x86.tsc += 149999;
				in(0x3da);
			}
			now = frame();
			assert_in_range(now.columns, 1, TEXT_COLUMNS_MAX);
			assert_in_range(now.rows, 1, TEXT_ROWS_MAX);
			assert_true(now.start < TEXT_CELLS && now.cursor < TEXT_CELLS);
		}
}

static void frames(void **state)
{
	(void)state;
	/* 80x50: characters of eight lines. */
	set_indexed(0x3d4, 0x09, 0x47);
	set_indexed(0x3d4, 0x0a, 0x06);
	set_indexed(0x3d4, 0x0b, 0x07);
	assert_int_equal(frame().rows, 50);
	assert_true(frame().cursor_shown);
	/* 80x25 of eight lines, each twice. */
	set_indexed(0x3d4, 0x09, 0xc7);
	assert_int_equal(frame().rows, 25);
	/* A cursor that begins below the character, after its end, or is off. */
	set_indexed(0x3d4, 0x0a, 0x08);
	assert_false(frame().cursor_shown);
	set_indexed(0x3d4, 0x0a, 0x07);
	assert_true(frame().cursor_shown);
	set_indexed(0x3d4, 0x0b, 0x06);
	assert_false(frame().cursor_shown);
	set_indexed(0x3d4, 0x0a, 0x25);
	assert_false(frame().cursor_shown);
	set_indexed(0x3d4, 0x0a, 0x05);
	assert_true(frame().cursor_shown);
	/* The start moves, in cells, and wraps with the memory. */
	set_indexed(0x3d4, 0x0c, 0x47);
	set_indexed(0x3d4, 0x0d, 0xd0);
	assert_int_equal(frame().start, 0x07d0);
	set_indexed(0x3d4, 0x13, 0x50);
	assert_int_equal(frame().pitch, 160);
}

static void screen_off_and_graphics_show_nothing(void **state)
{
	(void)state;
	set_indexed(0x3c4, 1, 0x20);
	assert_true(frame().blank);
	set_indexed(0x3c4, 1, 0x00);
	assert_false(frame().blank);
	set_indexed(0x3ce, 6, 0x05);
	assert_true(frame().blank);
}

static void saved_and_loaded(void **state)
{
	(void)state;
	port_write(&pc.ports, 0x3d4, 2, 0x120e);
	out(0x3c8, 7);
	out(0x3c9, 0x3f);
	in(0x3da);
	out(0x3c0, 0x33);
	round_trip(DEVICE_VGA);
	out(0x3c0, 0x05);
	assert_int_equal(in(0x3c1), 0x05);
	out(0x3c9, 0x3e);
	out(0x3c9, 0x3d);
	out(0x3c7, 7);
	assert_int_equal(in(0x3c9), 0x3f);
	assert_int_equal(in(0x3c9), 0x3e);
	assert_int_equal(in(0x3c9), 0x3d);

	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, misc), 0x10));
	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, feature), 0x04));
	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, crtc_index), 0x20));
	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, attribute_index), 0x40));
	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, attribute_data), 2));
	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, dac_component), 3));
	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, crtc) + 0x0a, 0x40));
	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, sequencer) + 4, 0x01));
	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, graphics) + 5, 0x80));
	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, attribute) + 20, 0x10));
	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, dac) + 767, 0x40));
	assert_true(refuses(DEVICE_VGA, offsetof(struct vga_state, dac_latch), 0x40));
	assert_false(refuses(DEVICE_VGA, offsetof(struct vga_state, dac) + 767, 0x3f));
}

static void reset_returns_to_mode_3(void **state)
{
	(void)state;
	set_indexed(0x3d4, 0x09, 0x47);
	out(0x3c8, 0);
	out(0x3c9, 0x3f);
	out(0x3c9, 0x3f);
	out(0x3c9, 0x3f);
	machine_reset(&pc);
	power_on_is_mode_3(state);
	out(0x3c7, 0);
	assert_int_equal(in(0x3c9), 0);
}

static void without_screen_nobody_answers(void **state)
{
	const struct machine_config config = {.uarts = 1};

	(void)state;
	memset(&pc, 0, sizeof(pc));
	assert_int_equal(fake_platform_create(&fake_platform, &pc, &config), 0);
	assert_int_equal(in(0x3d4), 0xff);
	assert_int_equal(in(0x3da), 0xff);
	assert_int_equal(pc.ports.unclaimed_reads, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_on_is_mode_3, pc_setup),
		cmocka_unit_test_setup(registers_have_their_bits, pc_setup),
		cmocka_unit_test_setup(words, pc_setup),
		cmocka_unit_test_setup(crtc_protection, pc_setup),
		cmocka_unit_test_setup(mono_ports, pc_setup),
		cmocka_unit_test_setup(attribute_flip_flop, pc_setup),
		cmocka_unit_test_setup(palette_needs_the_screen_off, pc_setup),
		cmocka_unit_test_setup(dac, pc_setup),
		cmocka_unit_test_setup(beam, pc_setup),
		cmocka_unit_test_setup(any_timing, pc_setup),
		cmocka_unit_test_setup(frames, pc_setup),
		cmocka_unit_test_setup(screen_off_and_graphics_show_nothing, pc_setup),
		cmocka_unit_test_setup(saved_and_loaded, pc_setup),
		cmocka_unit_test_setup(reset_returns_to_mode_3, pc_setup),
		cmocka_unit_test_setup(without_screen_nobody_answers, pc_setup),
	};

	return cmocka_run_group_tests_name("vga", tests, NULL, NULL);
}
