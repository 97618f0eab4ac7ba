/* SPDX-License-Identifier: MIT */
/* The pair of 8259A interrupt controllers: see pic.h and docs/devices.md. */
#include "devices/pc/pic.h"
#include "lib/string.h"

#define ICW1_IC4    0x01 /* ICW4 follows */
#define ICW1_SNGL   0x02 /* no cascade, no ICW3 */
#define ICW1_ADI    0x04 /* MCS-80/85: call address interval 4 instead of 8 */
#define ICW1_LTIM   0x08 /* all inputs level triggered */
#define ICW1_SELECT 0x10 /* tells ICW1 from OCW2 and OCW3 */
#define ICW4_UPM    0x01 /* 8086 mode */
#define ICW4_AEOI   0x02
#define ICW4_SFNM   0x10 /* special fully nested mode */

#define OCW3_SELECT 0x08 /* tells OCW3 from OCW2 */
#define OCW3_RIS    0x01
#define OCW3_RR     0x02
#define OCW3_POLL   0x04
#define OCW3_SMM    0x20
#define OCW3_ESMM   0x40

/* OCW2 bits 7..5: R, SL, EOI. */
enum ocw2_command {
	OCW2_CLEAR_ROTATE_AEOI = 0,
	OCW2_EOI = 1,
	OCW2_NOP = 2,
	OCW2_SPECIFIC_EOI = 3,
	OCW2_SET_ROTATE_AEOI = 4,
	OCW2_ROTATE_EOI = 5,
	OCW2_SET_PRIORITY = 6,
	OCW2_ROTATE_SPECIFIC_EOI = 7,
};

#define NO_REQUEST     (-1)
#define SPURIOUS_IR    7
#define POLL_REQUEST   0x80
#define UNDRIVEN_BUS   0xFF
#define DEFAULT_LOWEST 7
#define DEFAULT_SLAVE  7 /* a slave's identity after ICW1 */
#define CASCADE_BIT    (1u << PIC_CASCADE)
#define LINES_PER_CHIP 8

/* IRQ 0, 1, 2, 8 and 13 are edge triggered whatever the ELCR is told. */
static const uint8_t elcr_mask[PIC_CHIPS] = {0xF8, 0xDE};

static unsigned rotate_right(unsigned mask, unsigned count)
{
	return mask * 0x0101 >> count & 0xFF; /* two copies side by side, seen through a window */
}

/*
 * The interrupt request register: in level mode an input asks as long as it is high, else once an
 * edge.
 */
static unsigned pic_requests(const struct pic_chip *chip)
{
	unsigned level = chip->icw1 & ICW1_LTIM ? 0xFF : chip->elcr;

	return (chip->lines & level) | chip->edges;
}

/*
 * Inputs that may interrupt their own service: the slaves' ones in a master's
 * special fully nested mode (8259A datasheet "The Special Fully Nested Mode").
 */
static unsigned nested_inputs(const struct pic_chip *chip, enum pic_chip_index index)
{
	return index == PIC_MASTER && chip->icw4 & ICW4_SFNM ? chip->icw3 : 0;
}

/* The priority resolver: the input to serve next, or NO_REQUEST. */
static int resolve(const struct pic_state *pic, enum pic_chip_index index)
{
	const struct pic_chip *chip = &pic->chip[index];
	unsigned requests = pic_requests(chip) & ~chip->imr;
	unsigned highest = (chip->lowest + 1u) % LINES_PER_CHIP;
	unsigned in_service, current, allowed;

	if (!requests || !chip->initialized)
		return NO_REQUEST;
	in_service = chip->special_mask ? chip->isr & ~chip->imr : chip->isr;
	requests = rotate_right(requests, highest); /* now bit 0 has the highest priority */
	current = rotate_right(in_service, highest);
	current &= ~current + 1;            /* the highest of them */
	allowed = requests & (current - 1); /* all of them while nothing is in service */
	allowed |= requests & current & rotate_right(nested_inputs(chip, index), highest);
	if (!allowed)
		return NO_REQUEST;
	return (int)((highest + (unsigned)__builtin_ctz(allowed)) % LINES_PER_CHIP);
}

static void drive_input(struct pic_chip *chip, unsigned bit, bool level)
{
	if (!level) {
		chip->lines &= (uint8_t)~bit;
		chip->edges &= (uint8_t)~bit;
	} else if (!(chip->lines & bit)) {
		chip->lines |= (uint8_t)bit;
		chip->edges |= (uint8_t)bit;
	}
}

static void update_master(struct device *device)
{
	struct pic_state *pic = device->state;
	bool intr = resolve(pic, PIC_MASTER) != NO_REQUEST;

	if (intr == pic->intr)
		return;
	pic->intr = intr;
	device_set_pin(device, PIC_PIN_INTR, intr);
}

static void update_slave(struct device *device)
{
	struct pic_state *pic = device->state;

	drive_input(&pic->chip[PIC_MASTER], CASCADE_BIT, resolve(pic, PIC_SLAVE) != NO_REQUEST);
	update_master(device);
}

static void update(struct device *device, enum pic_chip_index index)
{
	if (index == PIC_SLAVE)
		update_slave(device);
	else
		update_master(device);
}

/*
 * A falling input takes its request back but leaves the INT outputs alone:
 * they hold until the next INTA, edge or command, and the INTA cycle then
 * finds no request and yields IR7 (8259A datasheet "Edge and Level Triggered Modes").
 */
void pic_set_line(struct device *device, unsigned irq, bool level)
{
	struct pic_state *pic = device->state;
	enum pic_chip_index index = irq < LINES_PER_CHIP ? PIC_MASTER : PIC_SLAVE;

	if (irq >= PIC_LINES || irq == PIC_CASCADE)
		return;
	drive_input(&pic->chip[index], 1u << irq % LINES_PER_CHIP, level);
	if (level)
		update(device, index);
}

/* What the last INTA pulse does inside a chip. Whoever made the request may make the next one. */
static void begin_service(struct device *device, enum pic_chip_index index, unsigned input)
{
	struct pic_chip *chip = &((struct pic_state *)device->state)->chip[index];
	unsigned bit = 1u << input;

	chip->edges &= (uint8_t)~bit;
	if (!(chip->icw4 & ICW4_AEOI))
		chip->isr |= (uint8_t)bit;
	else if (chip->rotate_aeoi)
		chip->lowest = (uint8_t)input;
	line_acknowledge(&device->input[index * LINES_PER_CHIP + input]);
}

static uint8_t vector_of(const struct pic_chip *chip, unsigned input)
{
	return (uint8_t)(chip->vector + (input << chip->shift));
}

/*
 * The slave sees its identity on the cascade lines. Its INT falls with each INTA, and may rise
 * again at once.
 */
static uint8_t acknowledge_slave(struct device *device, unsigned identity)
{
	struct pic_state *pic = device->state;
	struct pic_chip *slave = &pic->chip[PIC_SLAVE];
	int input;

	if (!slave->initialized || slave->icw3 != identity)
		return UNDRIVEN_BUS;
	input = resolve(pic, PIC_SLAVE);
	drive_input(&pic->chip[PIC_MASTER], CASCADE_BIT, false);
	if (input == NO_REQUEST)
		return vector_of(slave, SPURIOUS_IR);
	begin_service(device, PIC_SLAVE, (unsigned)input);
	return vector_of(slave, (unsigned)input);
}

uint8_t pic_acknowledge(struct device *device)
{
	struct pic_state *pic = device->state;
	struct pic_chip *master = &pic->chip[PIC_MASTER];
	int input = resolve(pic, PIC_MASTER);
	uint8_t vector;

	if (input == NO_REQUEST) {
		update_master(device);
		return vector_of(master, SPURIOUS_IR);
	}
	begin_service(device, PIC_MASTER, (unsigned)input);
	if (!(master->icw3 & 1u << input)) {
		update_master(device);
		return vector_of(master, (unsigned)input);
	}
	vector = acknowledge_slave(device, (unsigned)input);
	update_slave(device);
	return vector;
}

/* 8259A datasheet "Poll Command": the read is an INTA to this chip alone. */
static uint8_t poll(struct device *device, enum pic_chip_index index)
{
	struct pic_state *pic = device->state;
	struct pic_chip *chip = &pic->chip[index];
	int input = resolve(pic, index);

	chip->poll = 0;
	if (input != NO_REQUEST)
		begin_service(device, index, (unsigned)input);
	if (index == PIC_SLAVE)
		drive_input(&pic->chip[PIC_MASTER], CASCADE_BIT, false);
	update(device, index);
	return input == NO_REQUEST ? SPURIOUS_IR : (uint8_t)(POLL_REQUEST | input);
}

/* 8259A datasheet "Initialization Command Words 1 and 2": what ICW1 does by itself. */
static void write_icw1(struct pic_chip *chip, enum pic_chip_index index, uint8_t value)
{
	chip->icw1 = value;
	chip->icw3 = index == PIC_SLAVE ? DEFAULT_SLAVE : 0;
	chip->icw4 = 0;
	chip->step = PIC_STEP_ICW2;
	chip->initialized = 0;
	chip->edges = 0;
	chip->imr = 0;
	chip->isr = 0;
	chip->lowest = DEFAULT_LOWEST;
	chip->rotate_aeoi = 0;
	chip->special_mask = 0;
	chip->read_isr = 0;
	chip->poll = 0;
}

static void initialize(struct device *device, enum pic_chip_index index, uint8_t value)
{
	struct pic_state *pic = device->state;

	write_icw1(&pic->chip[index], index, value);
	for (unsigned input = 0; input < LINES_PER_CHIP; input++)
		line_acknowledge(&device->input[index * LINES_PER_CHIP + input]);
}

static void finish_initialization(struct pic_chip *chip)
{
	chip->step = PIC_STEP_OCW1;
	chip->initialized = 1;
	if (chip->icw4 & ICW4_UPM) {
		chip->vector &= 0xF8;
		chip->shift = 0;
		return;
	}
	/*
	 * MCS-80/85 mode answers INTA with a CALL instruction. An x86 processor
	 * takes the byte of its second INTA: the low byte of the call's address.
	 */
	chip->shift = chip->icw1 & ICW1_ADI ? 2 : 3;
	chip->vector = chip->icw1 & (chip->icw1 & ICW1_ADI ? 0xE0 : 0xC0);
}

static void write_icw(struct pic_chip *chip, enum pic_chip_index index, uint8_t value)
{
	bool last = !(chip->icw1 & ICW1_IC4);

	switch (chip->step) {
	case PIC_STEP_ICW2:
		chip->vector = value;
		if (!(chip->icw1 & ICW1_SNGL)) {
			chip->step = PIC_STEP_ICW3;
			return;
		}
		break;
	case PIC_STEP_ICW3: chip->icw3 = index == PIC_SLAVE ? value & 7 : value; break;
	default:
		chip->icw4 = value & 0x1F;
		last = true;
		break;
	}
	if (last)
		finish_initialization(chip);
	else
		chip->step = PIC_STEP_ICW4;
}

/*
 * The in-service input with the highest priority; a masked one does not count in special mask mode.
 */
static int highest_in_service(const struct pic_chip *chip)
{
	unsigned in_service = chip->special_mask ? chip->isr & ~chip->imr : chip->isr;
	unsigned highest = (chip->lowest + 1u) % LINES_PER_CHIP;

	if (!in_service)
		return NO_REQUEST;
	return (int)((highest + (unsigned)__builtin_ctz(rotate_right(in_service, highest))) % LINES_PER_CHIP);
}

static void end_of_interrupt(struct pic_chip *chip, bool rotate)
{
	int input = highest_in_service(chip);

	if (input == NO_REQUEST)
		return;
	chip->isr &= ~(1u << input);
	if (rotate)
		chip->lowest = (uint8_t)input;
}

static void write_ocw2(struct pic_chip *chip, uint8_t value)
{
	uint8_t input = value & 7;

	switch ((enum ocw2_command)(value >> 5)) {
	case OCW2_EOI: end_of_interrupt(chip, false); break;
	case OCW2_ROTATE_EOI: end_of_interrupt(chip, true); break;
	case OCW2_SPECIFIC_EOI: chip->isr &= ~(1u << input); break;
	case OCW2_ROTATE_SPECIFIC_EOI:
		chip->isr &= ~(1u << input);
		chip->lowest = input;
		break;
	case OCW2_SET_PRIORITY: chip->lowest = input; break;
	case OCW2_SET_ROTATE_AEOI: chip->rotate_aeoi = 1; break;
	case OCW2_CLEAR_ROTATE_AEOI: chip->rotate_aeoi = 0; break;
	case OCW2_NOP: break;
	}
}

static void write_ocw3(struct pic_chip *chip, uint8_t value)
{
	if (value & OCW3_ESMM)
		chip->special_mask = !!(value & OCW3_SMM);
	if (value & OCW3_RR)
		chip->read_isr = value & OCW3_RIS;
	if (value & OCW3_POLL)
		chip->poll = 1;
}

static void write_chip(struct device *device, enum pic_chip_index index, unsigned offset, uint8_t value)
{
	struct pic_state *pic = device->state;
	struct pic_chip *chip = &pic->chip[index];

	if (offset && chip->step == PIC_STEP_OCW1)
		chip->imr = value;
	else if (offset)
		write_icw(chip, index, value);
	else if (value & ICW1_SELECT)
		initialize(device, index, value);
	else if (value & OCW3_SELECT)
		write_ocw3(chip, value);
	else
		write_ocw2(chip, value);
	update(device, index);
}

static uint32_t read_chip(struct device *device, enum pic_chip_index index, unsigned offset)
{
	const struct pic_state *pic = device->state;
	const struct pic_chip *chip = &pic->chip[index];

	if (unlikely(chip->poll))
		return poll(device, index);
	if (offset)
		return chip->imr;
	return chip->read_isr ? chip->isr : pic_requests(chip);
}

static uint32_t read_master(struct device *device, unsigned offset, unsigned size)
{
	return read_chip(device, PIC_MASTER, offset);
}

static void write_master(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	write_chip(device, PIC_MASTER, offset, (uint8_t)value);
}

static uint32_t read_slave(struct device *device, unsigned offset, unsigned size)
{
	return read_chip(device, PIC_SLAVE, offset);
}

static void write_slave(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	write_chip(device, PIC_SLAVE, offset, (uint8_t)value);
}

static uint32_t read_elcr(struct device *device, unsigned offset, unsigned size)
{
	const struct pic_state *pic = device->state;

	return pic->chip[offset].elcr;
}

static void write_elcr(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct pic_state *pic = device->state;

	pic->chip[offset].elcr = (uint8_t)value & elcr_mask[offset];
	update(device, (enum pic_chip_index)offset);
}

/* clang-format off */
static const struct port_region pic_ports[] = {
	{.base = 0x20,  .count = 2, .width = 1, .read = read_master, .write = write_master},
	{.base = 0xA0,  .count = 2, .width = 1, .read = read_slave,  .write = write_slave},
	{.base = 0x4D0, .count = 2, .width = 1, .read = read_elcr,   .write = write_elcr},
};
/* clang-format on */

/*
 * The datasheet defines no power-on state; this one is quiet until the guest initializes the chips.
 */
static void pic_reset(struct device *device)
{
	struct pic_state *pic = device->state;

	memset(pic, 0, sizeof(*pic));
	for (unsigned i = 0; i < PIC_CHIPS; i++) {
		pic->chip[i].imr = 0xFF;
		pic->chip[i].lowest = DEFAULT_LOWEST;
	}
	pic->chip[PIC_SLAVE].icw3 = DEFAULT_SLAVE;
	device_set_pin(device, PIC_PIN_INTR, false);
}

static bool chip_valid(const struct pic_chip *chip, enum pic_chip_index index)
{
	return !(chip->edges & ~chip->lines) && !(chip->elcr & ~elcr_mask[index]) && chip->shift <= 3 &&
	       chip->lowest < LINES_PER_CHIP && chip->step < PIC_STEPS &&
	       (index == PIC_MASTER || chip->icw3 <= 7) && chip->icw4 <= 0x1F && chip->initialized <= 1 &&
	       chip->rotate_aeoi <= 1 && chip->special_mask <= 1 && chip->read_isr <= 1 && chip->poll <= 1;
}

static bool pic_state_valid(const void *state)
{
	const struct pic_state *pic = state;

	return chip_valid(&pic->chip[PIC_MASTER], PIC_MASTER) &&
	       chip_valid(&pic->chip[PIC_SLAVE], PIC_SLAVE) && pic->intr <= 1;
}

static void pic_restored(struct device *device)
{
	const struct pic_state *pic = device->state;

	device_set_pin(device, PIC_PIN_INTR, pic->intr);
}

/* ---- As the sink of its input lines ---- */

static void pic_line_changed(struct line_sink *sink, bool level)
{
	pic_set_line(sink->owner, sink->input, level);
}

static bool pic_holds_edge(const struct line_sink *sink)
{
	const struct pic_state *pic = ((const struct device *)sink->owner)->state;

	return pic->chip[sink->input / LINES_PER_CHIP].edges & 1u << sink->input % LINES_PER_CHIP;
}

static const struct line_sink_ops pic_input_ops = {.changed = pic_line_changed, .holds = pic_holds_edge};

const struct device_model pic_model = {
	.name = "pic",
	.version = 1,
	.state_size = sizeof(struct pic_state),
	.ports = pic_ports,
	.port_count = ARRAY_SIZE(pic_ports),
	.pins = PIC_PINS,
	.inputs = PIC_LINES,
	.input_ops = &pic_input_ops,
	.reset = pic_reset,
	.state_valid = pic_state_valid,
	.restored = pic_restored,
};
