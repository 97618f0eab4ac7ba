/* SPDX-License-Identifier: MIT */
/* The 8259A against its datasheet: priorities, ends of interrupt, rotation, special modes, poll. */
#include "rigs/pic_bench.h"

static void priorities_nest(void **state)
{
	(void)state;
	raise(4);
	assert_int_equal(take(), 0x24);
	NOTHING();
	raise(6);
	raise(4);
	NOTHING();
	raise(1);
	assert_int_equal(take(), 0x21);
	assert_int_equal(isr(MASTER), 0x12);
	assert_int_equal(irr(MASTER), 0x50);
	out(MASTER, OCW2_EOI);
	NOTHING();
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x24);
	out(MASTER, OCW2_SPECIFIC | 4);
	assert_int_equal(take(), 0x26);
	out(MASTER, OCW2_SPECIFIC | 2); /* not that one */
	assert_int_equal(isr(MASTER), 0x40);
	out(MASTER, 0x40); /* no operation */
	assert_int_equal(isr(MASTER), 0x40);
	out(MASTER, OCW2_EOI);
	out(MASTER, OCW2_EOI);
	assert_int_equal(isr(MASTER), 0);
	NOTHING();
}

static void automatic_eoi(void **state)
{
	(void)state;
	initialize(0x03, 0x03);
	raise(4);
	raise(5);
	assert_int_equal(take(), 0x24);
	assert_int_equal(isr(MASTER), 0);
	assert_int_equal(take(), 0x25);
	NOTHING();
	/* Two of the slave's: its INT falls with each INTA and rises again. */
	raise(9);
	raise(10);
	assert_int_equal(take(), 0x29);
	assert_int_equal(take(), 0x2A);
	NOTHING();
	assert_int_equal(isr(SLAVE), 0);
	/* Rotation in automatic EOI mode. */
	out(MASTER, 0x80);
	raise(4);
	assert_int_equal(take(), 0x24);
	raise(3);
	raise(5);
	raise(4);
	assert_int_equal(take(), 0x25);
	assert_int_equal(take(), 0x23);
	assert_int_equal(take(), 0x24);
	out(MASTER, 0x00);
	raise(6);
	assert_int_equal(take(), 0x26);
	assert_int_equal(pc.pic.chip[PIC_MASTER].lowest, 4);
}

static void rotation(void **state)
{
	(void)state;
	/* Non-specific: what was served goes to the end of the queue. */
	raise(3);
	assert_int_equal(take(), 0x23);
	out(MASTER, OCW2_ROTATE_EOI);
	assert_int_equal(isr(MASTER), 0);
	raise(0);
	raise(3);
	raise(4);
	raise(7);
	assert_int_equal(take(), 0x24);
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x27);
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x20);
	out(MASTER, OCW2_ROTATE_EOI); /* IR0 is the last now, IR1 the first */
	assert_int_equal(take(), 0x23);
	raise(1);
	assert_int_equal(take(), 0x21);
	raise(0);
	NOTHING();
	/* Specific: clears that one, which becomes the last. */
	out(MASTER, OCW2_ROTATE_SEOI | 3);
	assert_int_equal(isr(MASTER), 0x02);
	assert_int_equal(take(), 0x20); /* 4 5 6 7 0 1 2 3 */
	/* Set priority leaves the in-service register alone. */
	out(MASTER, OCW2_SET_LOWEST | 0); /* 1 2 3 4 5 6 7 0 */
	assert_int_equal(isr(MASTER), 0x03);
	out(MASTER, OCW2_EOI);
	assert_int_equal(isr(MASTER), 0x01);
	/* A rotating EOI with nothing in service rotates nothing. */
	out(MASTER, OCW2_EOI);
	out(MASTER, OCW2_ROTATE_EOI);
	assert_int_equal(pc.pic.chip[PIC_MASTER].lowest, 0);
}

static void special_mask_mode(void **state)
{
	(void)state;
	raise(2 + 1);
	assert_int_equal(take(), 0x23);
	raise(6);
	NOTHING();
	out(MASTER_DATA, 0x08);
	NOTHING();
	out(MASTER, 0x68); /* now the masked service blocks no request */
	assert_int_equal(take(), 0x26);
	raise(3);
	NOTHING();
	/* A non-specific EOI passes over masked services. */
	out(MASTER, OCW2_EOI);
	assert_int_equal(isr(MASTER), 0x08);
	out(MASTER, OCW2_EOI);
	assert_int_equal(isr(MASTER), 0x08);
	out(MASTER, 0x28); /* ESMM is clear: no change */
	assert_int_equal(pc.pic.chip[PIC_MASTER].special_mask, 1);
	out(MASTER, 0x48);
	assert_int_equal(pc.pic.chip[PIC_MASTER].special_mask, 0);
	out(MASTER, OCW2_EOI);
	assert_int_equal(isr(MASTER), 0);
}

static void special_fully_nested_mode(void **state)
{
	(void)state;
	initialize(0x11, 0x01);
	raise(12);
	assert_int_equal(take(), 0x2C);
	raise(14); /* lower within the slave */
	NOTHING();
	raise(9); /* higher: passes although IR2 is in service */
	assert_int_equal(take(), 0x29);
	raise(3);
	NOTHING();
	/* Software looks whether the slave is done before it ends IR2. */
	out(SLAVE, OCW2_EOI);
	assert_int_equal(isr(SLAVE), 0x10);
	out(SLAVE, OCW2_EOI);
	assert_int_equal(isr(SLAVE), 0x00);
	assert_int_equal(take(), 0x2E);
	out(SLAVE, OCW2_EOI);
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x23);
}

static void poll_command(void **state)
{
	(void)state;
	out(MASTER, OCW3_POLL);
	assert_int_equal(in(MASTER), 0x07); /* nothing */
	assert_int_equal(in(MASTER), 0x00); /* one read only: IRR again */
	raise(5);
	raise(3);
	out(MASTER, OCW3_POLL);
	assert_int_equal(in(MASTER), 0x83);
	NOTHING();
	assert_int_equal(isr(MASTER), 0x08);
	assert_int_equal(irr(MASTER), 0x20);
	out(MASTER, OCW2_EOI);
	out(MASTER, OCW3_POLL);
	assert_int_equal(in(MASTER_DATA), 0x85); /* either port */
	out(MASTER, OCW2_EOI);
	/* Slaves are polled by themselves. */
	raise(10);
	out(MASTER, OCW3_POLL);
	assert_int_equal(in(MASTER), 0x82);
	out(SLAVE, OCW3_POLL);
	assert_int_equal(in(SLAVE), 0x82);
	assert_int_equal(isr(SLAVE), 0x04);
	out(SLAVE, OCW2_EOI);
	out(MASTER, OCW2_EOI);
	NOTHING();
	/* Polling the slave alone takes its request from the master. */
	raise(10);
	assert_true(machine_intr(&pc));
	out(SLAVE, OCW3_POLL);
	assert_int_equal(in(SLAVE), 0x82);
	NOTHING();
	out(SLAVE, OCW2_EOI);
	/*
	 * Each poll of a slave in automatic EOI mode makes its INT fall, and rise again for the
	 * next.
	 */
	initialize(0x01, 0x03);
	raise(10);
	raise(11);
	for (unsigned input = 2; input < 4; input++) {
		out(MASTER, OCW3_POLL);
		assert_int_equal(in(MASTER), 0x82);
		out(MASTER, OCW2_EOI);
		out(SLAVE, OCW3_POLL);
		assert_int_equal(in(SLAVE), 0x80 | input);
	}
	/* Poll with RR: the poll comes first, then the register that RIS chose. */
	raise(4);
	out(MASTER, 0x0F);
	assert_int_equal(in(MASTER), 0x84);
	assert_int_equal(in(MASTER), 0x10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(priorities_nest, pic_setup),
		cmocka_unit_test_setup(automatic_eoi, pic_setup),
		cmocka_unit_test_setup(rotation, pic_setup),
		cmocka_unit_test_setup(special_mask_mode, pic_setup),
		cmocka_unit_test_setup(special_fully_nested_mode, pic_setup),
		cmocka_unit_test_setup(poll_command, pic_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
