/* The 8259A pair and the ELCR against the datasheets. */
#include "pc.h"

#define MASTER	    0x20
#define MASTER_DATA 0x21
#define SLAVE	    0xA0
#define SLAVE_DATA  0xA1
#define ELCR1	    0x4D0
#define ELCR2	    0x4D1

#define OCW2_EOI	 0x20
#define OCW2_SPECIFIC	 0x60
#define OCW2_ROTATE_EOI	 0xA0
#define OCW2_ROTATE_SEOI 0xE0
#define OCW2_SET_LOWEST	 0xC0
#define OCW3_IRR	 0x0A
#define OCW3_ISR	 0x0B
#define OCW3_POLL	 0x0C

static void initialize(uint8_t icw4_master, uint8_t icw4_slave)
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
static int pic_setup(void **state)
{
	int error = pc_setup(state);

	initialize(0x01, 0x01);
	for (unsigned irq = 0; irq < PIC_LINES; irq++)
		pic_set_line(&pc.device[DEVICE_PIC], irq, false);
	return error;
}

static void line_to(unsigned irq, bool level)
{
	pic_set_line(&pc.device[DEVICE_PIC], irq, level);
	assert_int_equal(fake_services.intr, machine_intr(&pc));
}

static void raise(unsigned irq)
{
	line_to(irq, false);
	line_to(irq, true);
}

static unsigned take(void)
{
	assert_true(machine_intr(&pc));
	assert_true(fake_services.intr);
	return machine_acknowledge(&pc);
}

#define NOTHING() assert_false(machine_intr(&pc) || fake_services.intr)

static unsigned irr(uint16_t port)
{
	out(port, OCW3_IRR);
	return in(port);
}

static unsigned isr(uint16_t port)
{
	out(port, OCW3_ISR);
	return in(port);
}

static void quiet_before_initialization(void **state)
{
	(void)state;
	machine_reset(&pc);
	assert_int_equal(in(MASTER_DATA), 0xFF);
	out(MASTER_DATA, 0x00);
	assert_int_equal(in(MASTER_DATA), 0x00);
	raise(3);
	NOTHING();
	out(MASTER, 0x11); /* ICW1 forgets the edge: it must be seen anew */
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

static void masks(void **state)
{
	(void)state;
	out(MASTER_DATA, 0x08);
	raise(3);
	NOTHING();
	assert_int_equal(irr(MASTER), 0x08);
	out(MASTER_DATA, 0x00);
	assert_true(fake_services.intr);
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
	out(MASTER, 0x68); /* now the masked service blocks nobody */
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
	/* Each poll of a slave in automatic EOI mode makes its INT fall, and rise again for the next. */
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

static void told_only_of_changes(void **state)
{
	(void)state;
	raise(4);
	fake_services.intr = false; /* a mark: nobody may tell it again */
	pic_set_line(&pc.device[DEVICE_PIC], 3, true);
	pic_set_line(&pc.device[DEVICE_PIC], 4, true);
	out(MASTER_DATA, 0x08);
	out(SLAVE_DATA, 0xFF);
	assert_false(fake_services.intr);
	assert_true(machine_intr(&pc));
}

static void save_and_load(void **state)
{
	uint8_t record[256], again[256];
	struct device *pic = &pc.device[DEVICE_PIC];
	size_t size = device_save(pic, record, sizeof(record));

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
	assert_int_equal(device_save(pic, record, sizeof(record)), size);
	machine_reset(&pc);
	NOTHING();
	assert_int_equal(device_load(pic, record, size), 0);
	assert_int_equal(device_save(pic, again, sizeof(again)), size);
	assert_memory_equal(record, again, size);
	assert_true(fake_services.intr);
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
	const struct {
		size_t offset;
		uint8_t value;
	} bad[] = {
	    {offsetof(struct pic_chip, edges),	       0x80	   }, /* an edge at an input that is low */
	    {offsetof(struct pic_chip, elcr),	      0x01	  },
	      {offsetof(struct pic_chip, shift),	 4	  },
	    {offsetof(struct pic_chip, lowest),	8	 },
	      {offsetof(struct pic_chip, step),		PIC_STEPS},
	    {offsetof(struct pic_chip, icw4),	      0x20	  },
	      {offsetof(struct pic_chip, initialized),  2	},
	    {offsetof(struct pic_chip, poll),	      2	       },
	      {offsetof(struct pic_chip, rotate_aeoi),  2	},
	    {offsetof(struct pic_chip, read_isr),	  2	   },
	      {offsetof(struct pic_chip, special_mask), 0xFF	    },
	};

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
	    cmocka_unit_test_setup(priorities_nest, pic_setup),
	    cmocka_unit_test_setup(masks, pic_setup),
	    cmocka_unit_test_setup(edge_inputs, pic_setup),
	    cmocka_unit_test_setup(level_inputs_by_elcr, pic_setup),
	    cmocka_unit_test_setup(cascade, pic_setup),
	    cmocka_unit_test_setup(cascade_wired_wrongly, pic_setup),
	    cmocka_unit_test_setup(spurious_ir7, pic_setup),
	    cmocka_unit_test_setup(spurious_ir15, pic_setup),
	    cmocka_unit_test_setup(automatic_eoi, pic_setup),
	    cmocka_unit_test_setup(rotation, pic_setup),
	    cmocka_unit_test_setup(special_mask_mode, pic_setup),
	    cmocka_unit_test_setup(special_fully_nested_mode, pic_setup),
	    cmocka_unit_test_setup(poll_command, pic_setup),
	    cmocka_unit_test_setup(told_only_of_changes, pic_setup),
	    cmocka_unit_test_setup(save_and_load, pic_setup),
	    cmocka_unit_test_setup(broken_states_are_refused, pic_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
