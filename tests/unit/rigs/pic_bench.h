/* SPDX-License-Identifier: MIT */
/* A PC whose 8259A pair is initialized and whose lines only the test drives. */
#ifndef TESTS_UNIT_RIGS_PIC_BENCH_H
#define TESTS_UNIT_RIGS_PIC_BENCH_H

#include "rigs/pc.h"

#define MASTER      0x20
#define MASTER_DATA 0x21
#define SLAVE       0xA0
#define SLAVE_DATA  0xA1
#define ELCR1       0x4D0
#define ELCR2       0x4D1

#define OCW2_EOI         0x20
#define OCW2_SPECIFIC    0x60
#define OCW2_ROTATE_EOI  0xA0
#define OCW2_ROTATE_SEOI 0xE0
#define OCW2_SET_LOWEST  0xC0
#define OCW3_IRR         0x0A
#define OCW3_ISR         0x0B
#define OCW3_POLL        0x0C

UNUSED static void initialize(uint8_t icw4_master, uint8_t icw4_slave)
{
	out(MASTER, 0x11);
	out(MASTER_DATA, 0x20);
	out(MASTER_DATA, 0x04);
	out(MASTER_DATA, icw4_master);
	out(SLAVE, 0x11);
	out(SLAVE_DATA, 0x28);
	out(SLAVE_DATA, 0x02);
	out(SLAVE_DATA, icw4_slave);
}

/* The device under test is driven alone: the others' lines are let go. */
UNUSED static int pic_setup(void **state)
{
	int error = pc_setup(state);

	initialize(0x01, 0x01);
	for (unsigned irq = 0; irq < PIC_LINES; irq++)
		pic_set_line(&pc.device[DEVICE_PIC], irq, false);
	return error;
}

UNUSED static void line_to(unsigned irq, bool level)
{
	pic_set_line(&pc.device[DEVICE_PIC], irq, level);
	assert_int_equal(fake_platform.intr, machine_intr(&pc));
}

UNUSED static void raise(unsigned irq)
{
	line_to(irq, false);
	line_to(irq, true);
}

UNUSED static unsigned take(void)
{
	assert_true(machine_intr(&pc));
	assert_true(fake_platform.intr);
	return machine_acknowledge(&pc);
}

#define NOTHING() assert_false(machine_intr(&pc) || fake_platform.intr)

UNUSED static unsigned irr(uint16_t port)
{
	out(port, OCW3_IRR);
	return in(port);
}

UNUSED static unsigned isr(uint16_t port)
{
	out(port, OCW3_ISR);
	return in(port);
}

#endif
