/* SPDX-License-Identifier: MIT */
/* A PC's keyboard between an operator who types and a guest that reads it at the controller. */
#ifndef TESTS_UNIT_RIGS_KEYBOARD_BENCH_H
#define TESTS_UNIT_RIGS_KEYBOARD_BENCH_H

#include "rigs/pc.h"
#include "vmm/console/typing.h"

#define OBF     0x01
#define AUX     0x20
#define TIMEOUT 0x40

static struct device *const keyboard = &pc.device[DEVICE_KEYBOARD];
static struct typing typing = {.keyboard = &pc.device[DEVICE_KEYBOARD]};

/*
 * The next byte from the keyboard: there, with its interrupt, whose line falls when it is read. A
 * release may come after its time.
 */
UNUSED static uint8_t next(void)
{
	uint8_t byte;

	if (pc.keyboard.held && !(in(0x64) & OBF))
		pass(KEYBOARD_HOLD_NS);
	assert_int_equal(in(0x64) & (OBF | AUX | TIMEOUT), OBF);
	assert_true(line(1));
	byte = (uint8_t)in(0x60);
	return byte;
}

UNUSED static void nothing(void)
{
	assert_int_equal(in(0x64) & OBF, 0);
	assert_false(line(1));
}

UNUSED static void expect(const char *codes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(next(), (uint8_t)codes[i]);
	nothing();
}
#define EXPECT(codes) expect(codes, sizeof(codes) - 1)

UNUSED static void type(const char *bytes)
{
	assert_int_equal(typing_take(&typing, (const uint8_t *)bytes, strlen(bytes)), strlen(bytes));
}

/* Let time pass for both. */
UNUSED static void elapse(uint64_t ns)
{
	uint64_t escape = typing_expire(&typing);

	if (escape <= ns) {
		pass(escape);
		typing_expire(&typing);
		ns -= escape;
	}
	pass(ns);
}

/* A cmocka set-up function: a machine at power-on, and nothing typed. */
UNUSED static int keyboard_setup(void **state)
{
	typing_forget(&typing);
	return pc_setup(state);
}

#endif
