/* SPDX-License-Identifier: MIT */
/*
 * The 8259A pair and the ELCR against the datasheets: initialization, inputs, cascade, saved state.
 */
#include "rigs/pic_bench.h"

static void quiet_before_initialization(void **state)
{
	(void)state;
	machine_reset(&pc);
	assert_int_equal(in(MASTER_DATA), 0xFF);
	out(MASTER_DATA, 0x00);
	assert_int_equal(in(MASTER_DATA), 0x00);
	raise(3);
	NOTHING();
	out(MASTER, 0x11); /* ICW1 forgets the edge: it must be seen again */
	out(MASTER_DATA, 0x42);
	out(MASTER_DATA, 0x04);
	NOTHING();
	line_to(4, true);
	NOTHING();
	out(MASTER_DATA, 0x01);
	assert_int_equal(irr(MASTER), 0x10);
	out(MASTER, 0x20); /* any command: now it is seen */
	assert_int_equal(take(), 0x44);
}

static void icw1_resets(void **state)
{
	(void)state;
	out(MASTER_DATA, 0x40);
	out(MASTER, OCW2_SET_LOWEST | 3);
	out(MASTER, 0x68); /* special mask mode */
	out(MASTER, OCW3_ISR);
	raise(5);
	assert_int_equal(take(), 0x25);
	out(MASTER, 0x11);
	assert_int_equal(in(MASTER), 0); /* IRR is selected, and empty */
	assert_int_equal(pc.pic.chip[PIC_MASTER].isr, 0);
	assert_int_equal(pc.pic.chip[PIC_MASTER].special_mask, 0);
	assert_int_equal(pc.pic.chip[PIC_MASTER].lowest, 7);
	out(MASTER_DATA, 0x20);
	out(MASTER_DATA, 0x04);
	out(MASTER_DATA, 0x01);
	assert_int_equal(in(MASTER_DATA), 0);
	NOTHING(); /* IRQ 5 is still high, but there was no edge since */
}

static void icw_sequences(void **state)
{
	(void)state;
	/* SNGL: no ICW3; IR2 is then an ordinary input, here with the slave's INT on it. */
	out(MASTER, 0x13);
	out(MASTER_DATA, 0x50);
	out(MASTER_DATA, 0x01);
	out(MASTER_DATA, 0x0F); /* OCW1 */
	assert_int_equal(in(MASTER_DATA), 0x0F);
	out(MASTER_DATA, 0x00);
	raise(9);
	assert_int_equal(take(), 0x52);
	assert_int_equal(isr(SLAVE), 0);
	/* No ICW4: MCS-80/85 mode; the vector is the low byte of the CALL, interval 4 and 8. */
	out(MASTER, 0x76);
	out(MASTER_DATA, 0x12);
	raise(3);
	assert_int_equal(take(), 0x60 + 3 * 4);
	out(MASTER, 0x52);
	out(MASTER_DATA, 0x12);
	raise(3);
	assert_int_equal(take(), 0x40 + 3 * 8);
	/* ICW4 without the 8086 bit does the same; the buffered bits change nothing. */
	out(MASTER, 0x53);
	out(MASTER_DATA, 0x12);
	out(MASTER_DATA, 0x0C);
	raise(1);
	assert_int_equal(take(), 0x40 + 8);
	/* The low bits of ICW2 are the input's. */
	out(MASTER, 0x11);
	out(MASTER_DATA, 0x37);
	out(MASTER_DATA, 0x04);
	out(MASTER_DATA, 0x0D);
	raise(1);
	assert_int_equal(take(), 0x31);
}

static void ltim_makes_all_inputs_level(void **state)
{
	(void)state;
	out(MASTER, 0x19);
	out(MASTER_DATA, 0x20);
	out(MASTER_DATA, 0x04);
	out(MASTER_DATA, 0x01);
	line_to(1, true);
	assert_int_equal(take(), 0x21);
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x21);
	line_to(1, false);
	out(MASTER, OCW2_EOI);
	NOTHING();
}

static void masks(void **state)
{
	(void)state;
	out(MASTER_DATA, 0x08);
	raise(3);
	NOTHING();
	assert_int_equal(irr(MASTER), 0x08);
	out(MASTER_DATA, 0x00);
	assert_true(fake_platform.intr);
	out(MASTER_DATA, 0x08);
	NOTHING();
	out(MASTER_DATA, 0x00);
	assert_int_equal(take(), 0x23);
	out(SLAVE_DATA, 0x80);
	raise(15);
	NOTHING();
	out(SLAVE_DATA, 0x00);
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x2F);
}

static void edge_inputs(void **state)
{
	(void)state;
	line_to(5, true);
	line_to(5, true);
	assert_int_equal(take(), 0x25);
	out(MASTER, OCW2_EOI);
	NOTHING(); /* still high: no new edge */
	assert_int_equal(irr(MASTER), 0);
	raise(5);
	assert_int_equal(take(), 0x25);
	raise(5); /* an edge while in service waits for the EOI */
	NOTHING();
	assert_int_equal(irr(MASTER), 0x20);
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x25);
	/* Input 2 and inputs that do not exist. */
	out(MASTER, OCW2_EOI);
	line_to(2, true);
	line_to(16, true);
	NOTHING();
}

static void level_inputs_by_elcr(void **state)
{
	(void)state;
	out(ELCR1, 0xFF);
	out(ELCR2, 0xFF);
	assert_int_equal(in(ELCR1), 0xF8);
	assert_int_equal(in(ELCR2), 0xDE);
	line_to(5, true);
	assert_int_equal(take(), 0x25);
	assert_int_equal(irr(MASTER), 0x20); /* the level, for as long as it is there */
	NOTHING();
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x25);
	line_to(5, false);
	assert_int_equal(irr(MASTER), 0);
	out(MASTER, OCW2_EOI);
	NOTHING();
	line_to(11, true);
	assert_int_equal(take(), 0x2B);
	out(SLAVE, OCW2_EOI);
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x2B);
	line_to(11, false);
	out(SLAVE, OCW2_EOI);
	out(MASTER, OCW2_EOI);
	NOTHING();
	/* Lines 0, 1, 2, 8 and 13 stay edge triggered. */
	line_to(13, true);
	assert_int_equal(take(), 0x2D);
	out(SLAVE, OCW2_EOI);
	out(MASTER, OCW2_EOI);
	NOTHING();
	/* A line that is high already when it becomes level triggered asks at once. */
	out(ELCR1, 0);
	line_to(6, true);
	assert_int_equal(take(), 0x26);
	out(MASTER, OCW2_EOI);
	NOTHING();
	out(ELCR1, 0x40);
	assert_int_equal(take(), 0x26);
}

static void cascade(void **state)
{
	(void)state;
	raise(12);
	raise(3);
	assert_int_equal(take(), 0x2C); /* IR2 goes before IR3 */
	assert_int_equal(isr(MASTER), 0x04);
	assert_int_equal(isr(SLAVE), 0x10);
	raise(8); /* higher within the slave, but the master's IR2 is in service */
	NOTHING();
	assert_int_equal(irr(MASTER), 0x0C);
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x28); /* the master is free, the slave nests */
	out(SLAVE, OCW2_EOI);
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x23);
	assert_int_equal(isr(SLAVE), 0x10);
	raise(14);
	out(MASTER, OCW2_EOI);
	NOTHING();
	out(SLAVE, OCW2_EOI);
	assert_int_equal(take(), 0x2E);
	assert_int_equal(isr(MASTER), 0x04);
}

static void cascade_wired_wrongly(void **state)
{
	(void)state;
	/* A slave with another identity does not answer: the bus floats. */
	out(SLAVE, 0x11);
	out(SLAVE_DATA, 0x28);
	out(SLAVE_DATA, 0x05);
	out(SLAVE_DATA, 0x01);
	raise(10);
	assert_int_equal(take(), 0xFF);
	assert_int_equal(isr(SLAVE), 0);
	/* A master that knows of no slave at IR2 answers itself. */
	initialize(0x01, 0x01);
	out(MASTER, 0x11);
	out(MASTER_DATA, 0x20);
	out(MASTER_DATA, 0x00);
	out(MASTER_DATA, 0x01);
	raise(10);
	assert_int_equal(take(), 0x22);
	assert_int_equal(isr(SLAVE), 0);
}

static void spurious_ir7(void **state)
{
	(void)state;
	raise(4);
	line_to(4, false);
	assert_int_equal(in(MASTER), 0); /* IRR */
	assert_int_equal(take(), 0x27);
	assert_int_equal(isr(MASTER), 0);
	NOTHING();
	/* INT holds only until the next command that finds nothing to ask for. */
	raise(4);
	line_to(4, false);
	out(MASTER_DATA, 0x00);
	NOTHING();
	/* Level inputs, too. */
	out(ELCR1, 0x20);
	raise(5);
	line_to(5, false);
	assert_int_equal(take(), 0x27);
	assert_int_equal(isr(MASTER), 0);
}

static void spurious_ir15(void **state)
{
	(void)state;
	raise(12);
	line_to(12, false);
	assert_int_equal(take(), 0x2F);
	assert_int_equal(isr(SLAVE), 0);
	assert_int_equal(isr(MASTER), 0x04);
	NOTHING();
	out(MASTER, OCW2_EOI);
	NOTHING();
	raise(12);
	assert_int_equal(take(), 0x2C);
}

static void told_only_of_changes(void **state)
{
	(void)state;
	raise(4);
	fake_platform.intr = false; /* a mark: it must not be told again */
	pic_set_line(&pc.device[DEVICE_PIC], 3, true);
	pic_set_line(&pc.device[DEVICE_PIC], 4, true);
	out(MASTER_DATA, 0x08);
	out(SLAVE_DATA, 0xFF);
	assert_false(fake_platform.intr);
	assert_true(machine_intr(&pc));
}

static void save_and_load(void **state)
{
	uint8_t record[256], again[256];
	struct device *pic = &pc.device[DEVICE_PIC];
	size_t size = section_save(&pic->section, record, sizeof(record));

	(void)state;
	out(ELCR1, 0x20);
	raise(12);
	assert_int_equal(take(), 0x2C);
	raise(5);
	raise(1);
	out(MASTER, OCW2_SET_LOWEST | 5);
	out(SLAVE, 0x68);
	out(SLAVE_DATA, 0x40);
	out(SLAVE, 0x11); /* in the middle of the sequence */
	out(SLAVE_DATA, 0x70);
	assert_int_equal(section_save(&pic->section, record, sizeof(record)), size);
	machine_reset(&pc);
	NOTHING();
	assert_int_equal(section_load(&pic->section, record, size), 0);
	assert_int_equal(section_save(&pic->section, again, sizeof(again)), size);
	assert_memory_equal(record, again, size);
	assert_true(fake_platform.intr);
	out(SLAVE_DATA, 0x02);
	out(SLAVE_DATA, 0x03);
	assert_int_equal(take(), 0x21);
	raise(13);
	line_to(5, false);
	NOTHING();
	out(MASTER, OCW2_EOI);
	out(MASTER, OCW2_EOI);
	assert_int_equal(take(), 0x75);
}

static void broken_states_are_refused(void **state)
{
	/* clang-format off */
	const struct {
		size_t offset;
		uint8_t value;
	} bad[] = {
		{offsetof(struct pic_chip, edges),        0x80}, /* an edge at an input that is low */
		{offsetof(struct pic_chip, elcr),         0x01},
		{offsetof(struct pic_chip, shift),        4},
		{offsetof(struct pic_chip, lowest),       8},
		{offsetof(struct pic_chip, step),         PIC_STEPS},
		{offsetof(struct pic_chip, icw4),         0x20},
		{offsetof(struct pic_chip, initialized),  2},
		{offsetof(struct pic_chip, poll),         2},
		{offsetof(struct pic_chip, rotate_aeoi),  2},
		{offsetof(struct pic_chip, read_isr),     2},
		{offsetof(struct pic_chip, special_mask), 0xFF},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(refuses(DEVICE_PIC, bad[i].offset, bad[i].value));
		assert_true(refuses(DEVICE_PIC, bad[i].offset + sizeof(struct pic_chip), bad[i].value));
	}
	assert_true(refuses(DEVICE_PIC, sizeof(struct pic_chip) + offsetof(struct pic_chip, icw3), 8));
	assert_true(refuses(DEVICE_PIC, offsetof(struct pic_state, intr), 2));
	assert_false(refuses(DEVICE_PIC, offsetof(struct pic_chip, imr), 0xAA));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(quiet_before_initialization, pic_setup),
		cmocka_unit_test_setup(icw1_resets, pic_setup),
		cmocka_unit_test_setup(icw_sequences, pic_setup),
		cmocka_unit_test_setup(ltim_makes_all_inputs_level, pic_setup),
		cmocka_unit_test_setup(masks, pic_setup),
		cmocka_unit_test_setup(edge_inputs, pic_setup),
		cmocka_unit_test_setup(level_inputs_by_elcr, pic_setup),
		cmocka_unit_test_setup(cascade, pic_setup),
		cmocka_unit_test_setup(cascade_wired_wrongly, pic_setup),
		cmocka_unit_test_setup(spurious_ir7, pic_setup),
		cmocka_unit_test_setup(spurious_ir15, pic_setup),
		cmocka_unit_test_setup(told_only_of_changes, pic_setup),
		cmocka_unit_test_setup(save_and_load, pic_setup),
		cmocka_unit_test_setup(broken_states_are_refused, pic_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
