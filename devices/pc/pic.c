/* SPDX-License-Identifier: MIT */
/* The pair of 8259A interrupt controllers: see pic.h and docs/devices.md. */
#include "devices/pc/pic.h"

#define NO_REQUEST   (-1)
#define SPURIOUS_IR  7
#define POLL_REQUEST 0x80
#define UNDRIVEN_BUS 0xFF
#define CASCADE_BIT  (1u << PIC_CASCADE)

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
static unsigned pic_nested_inputs(const struct pic_chip *chip, enum pic_chip_index index)
{
	return index == PIC_MASTER && chip->icw4 & ICW4_SFNM ? chip->icw3 : 0;
}

/* What of `requests` those in service do not hold back; bit 0 of both has the highest priority. */
static unsigned pic_allowed(const struct pic_chip *chip, enum pic_chip_index index, unsigned requests,
                            unsigned in_service, unsigned highest)
{
	unsigned current = in_service & (~in_service + 1); /* the highest of them */

	return requests &
	       ((current - 1) | (current & pic_chip_rotate(pic_nested_inputs(chip, index), highest)));
}

/* The priority resolver: the input to serve next, or NO_REQUEST. */
static int pic_resolve(const struct pic_state *pic, enum pic_chip_index index)
{
	const struct pic_chip *chip = &pic->chip[index];
	unsigned requests = pic_requests(chip) & ~chip->imr, in_service = pic_chip_in_service(chip);
	unsigned highest = (chip->lowest + 1u) % PIC_CHIP_INPUTS;

	if (!requests || !chip->initialized)
		return NO_REQUEST;
	requests = pic_chip_rotate(requests, highest);
	if (in_service)
		requests = pic_allowed(chip, index, requests, pic_chip_rotate(in_service, highest), highest);
	if (!requests)
		return NO_REQUEST;
	return (int)((highest + (unsigned)__builtin_ctz(requests)) % PIC_CHIP_INPUTS);
}

static void pic_drive_input(struct pic_chip *chip, unsigned bit, bool level)
{
	if (!level) {
		chip->lines &= (uint8_t)~bit;
		chip->edges &= (uint8_t)~bit;
	} else if (!(chip->lines & bit)) {
		chip->lines |= (uint8_t)bit;
		chip->edges |= (uint8_t)bit;
	}
}

static inline void pic_update_master(struct device *device)
{
	struct pic_state *pic = device->state;
	bool intr = pic_resolve(pic, PIC_MASTER) != NO_REQUEST;

	if (intr == pic->intr)
		return;
	pic->intr = intr;
	device_set_pin(device, PIC_PIN_INTR, intr);
}

static void pic_update_slave(struct device *device)
{
	struct pic_state *pic = device->state;

	pic_drive_input(&pic->chip[PIC_MASTER], CASCADE_BIT, pic_resolve(pic, PIC_SLAVE) != NO_REQUEST);
	pic_update_master(device);
}

/* Before the levels of a chip's inputs count, and not only their edges. */
static noinline void pic_look(struct device *device, enum pic_chip_index index)
{
	(void)device_show_now(device);
	for (unsigned input = 0; input < PIC_CHIP_INPUTS; input++)
		line_look(device->input[index * PIC_CHIP_INPUTS + input].line);
}

/* The ELCR makes no line level triggered whose source must be asked for its level. */
static inline bool pic_has_levels(const struct pic_chip *chip)
{
	return unlikely(chip->icw1 & ICW1_LTIM);
}

static void pic_update(struct device *device, enum pic_chip_index index)
{
	if (index == PIC_SLAVE)
		pic_update_slave(device);
	else
		pic_update_master(device);
}

/*
 * A falling input takes its request back but leaves the INT outputs alone: they hold until the next
 * INTA, edge or command. The INTA cycle then finds no request, and yields IR7 (8259A datasheet
 * "Edge and Level Triggered Modes").
 */
static void pic_drive_line(struct device *device, unsigned irq, bool level)
{
	struct pic_state *pic = device->state;
	enum pic_chip_index index = irq < PIC_CHIP_INPUTS ? PIC_MASTER : PIC_SLAVE;

	pic_drive_input(&pic->chip[index], 1u << irq % PIC_CHIP_INPUTS, level);
	if (level)
		pic_update(device, index);
}

void pic_set_line(struct device *device, unsigned irq, bool level)
{
	if (irq < PIC_LINES && irq != PIC_CASCADE)
		pic_drive_line(device, irq, level);
}

/* What the last INTA pulse does inside a chip. Whoever made the request may make the next one. */
static inline void pic_begin_service(struct device *device, enum pic_chip_index index, unsigned input)
{
	struct pic_chip *chip = &((struct pic_state *)device->state)->chip[index];
	unsigned bit = 1u << input;

	chip->edges &= (uint8_t)~bit;
	if (!(chip->icw4 & ICW4_AEOI))
		chip->isr |= (uint8_t)bit;
	else if (chip->rotate_aeoi)
		chip->lowest = (uint8_t)input;
	line_acknowledge(&device->input[index * PIC_CHIP_INPUTS + input]);
}

static uint8_t pic_vector(const struct pic_chip *chip, unsigned input)
{
	return (uint8_t)(chip->vector + (input << chip->shift));
}

/*
 * The slave sees its identity on the cascade lines. Its INT falls with each INTA, and may rise
 * again at once.
 */
static uint8_t pic_acknowledge_slave(struct device *device, unsigned identity)
{
	struct pic_state *pic = device->state;
	struct pic_chip *slave = &pic->chip[PIC_SLAVE];
	int input;

	if (!slave->initialized || slave->icw3 != identity)
		return UNDRIVEN_BUS;
	if (pic_has_levels(slave))
		pic_look(device, PIC_SLAVE);
	input = pic_resolve(pic, PIC_SLAVE);
	pic_drive_input(&pic->chip[PIC_MASTER], CASCADE_BIT, false);
	if (input == NO_REQUEST)
		return pic_vector(slave, SPURIOUS_IR);
	pic_begin_service(device, PIC_SLAVE, (unsigned)input);
	return pic_vector(slave, (unsigned)input);
}

uint8_t pic_acknowledge(struct device *device)
{
	struct pic_state *pic = device->state;
	struct pic_chip *master = &pic->chip[PIC_MASTER];
	uint8_t vector;
	int input;

	if (pic_has_levels(master))
		pic_look(device, PIC_MASTER);
	input = pic_resolve(pic, PIC_MASTER);
	if (input == NO_REQUEST) {
		pic_update_master(device);
		return pic_vector(master, SPURIOUS_IR);
	}
	pic_begin_service(device, PIC_MASTER, (unsigned)input);
	if (!(master->icw3 & 1u << input)) {
		pic_update_master(device);
		return pic_vector(master, (unsigned)input);
	}
	vector = pic_acknowledge_slave(device, (unsigned)input);
	pic_update_slave(device);
	return vector;
}

/* 8259A datasheet "Poll Command": the read is an INTA to this chip alone. */
static noinline uint8_t pic_poll(struct device *device, enum pic_chip_index index)
{
	struct pic_state *pic = device->state;
	struct pic_chip *chip = &pic->chip[index];
	int input;

	pic_look(device, index);
	input = pic_resolve(pic, index);
	chip->poll = 0;
	if (input != NO_REQUEST)
		pic_begin_service(device, index, (unsigned)input);
	if (index == PIC_SLAVE)
		pic_drive_input(&pic->chip[PIC_MASTER], CASCADE_BIT, false);
	pic_update(device, index);
	return input == NO_REQUEST ? SPURIOUS_IR : (uint8_t)(POLL_REQUEST | input);
}

static noinline void pic_look_and_update(struct device *device, enum pic_chip_index index)
{
	pic_look(device, index);
	pic_update(device, index);
}

/* Apart, since guests read the mask far more often. */
static noinline uint8_t pic_read_requests(struct device *device, enum pic_chip_index index)
{
	const struct pic_state *pic = device->state;

	pic_look(device, index);
	return (uint8_t)pic_requests(&pic->chip[index]);
}

static void pic_write_chip(struct device *device, enum pic_chip_index index, unsigned offset, uint8_t value)
{
	struct pic_state *pic = device->state;

	if (pic_chip_write(&pic->chip[index], index, offset, value))
		for (unsigned input = 0; input < PIC_CHIP_INPUTS; input++)
			line_acknowledge(&device->input[index * PIC_CHIP_INPUTS + input]);
	if (pic_has_levels(&pic->chip[index]))
		pic_look_and_update(device, index);
	else
		pic_update(device, index);
}

static uint32_t pic_read_chip(struct device *device, enum pic_chip_index index, unsigned offset)
{
	const struct pic_state *pic = device->state;
	const struct pic_chip *chip = &pic->chip[index];

	if (unlikely(chip->poll))
		return pic_poll(device, index);
	if (offset)
		return chip->imr;
	return chip->read_isr ? chip->isr : pic_read_requests(device, index);
}

static uint32_t pic_read_master(struct device *device, unsigned offset, unsigned size)
{
	return pic_read_chip(device, PIC_MASTER, offset);
}

static void pic_write_master(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	pic_write_chip(device, PIC_MASTER, offset, (uint8_t)value);
}

static uint32_t pic_read_slave(struct device *device, unsigned offset, unsigned size)
{
	return pic_read_chip(device, PIC_SLAVE, offset);
}

static void pic_write_slave(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	pic_write_chip(device, PIC_SLAVE, offset, (uint8_t)value);
}

static uint32_t pic_read_elcr(struct device *device, unsigned offset, unsigned size)
{
	const struct pic_state *pic = device->state;

	return pic->chip[offset].elcr;
}

static void pic_write_elcr(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct pic_state *pic = device->state;

	pic->chip[offset].elcr = (uint8_t)value & pic_chip_elcr_mask((enum pic_chip_index)offset);
	pic_update(device, (enum pic_chip_index)offset);
}

/* clang-format off */
static const struct port_region pic_ports[] = {
	{.base = 0x20,  .count = 2, .width = 1, .read = pic_read_master, .write = pic_write_master},
	{.base = 0xA0,  .count = 2, .width = 1, .read = pic_read_slave,  .write = pic_write_slave},
	{.base = 0x4D0, .count = 2, .width = 1, .read = pic_read_elcr,   .write = pic_write_elcr},
};
/* clang-format on */

static void pic_reset(struct device *device)
{
	struct pic_state *pic = device->state;

	*pic = (struct pic_state){0};
	for (unsigned i = 0; i < PIC_CHIPS; i++)
		pic_chip_reset(&pic->chip[i], (enum pic_chip_index)i);
	device_set_pin(device, PIC_PIN_INTR, false);
}

static bool pic_state_valid(const void *state)
{
	const struct pic_state *pic = state;

	return pic_chip_valid(&pic->chip[PIC_MASTER], PIC_MASTER) &&
	       pic_chip_valid(&pic->chip[PIC_SLAVE], PIC_SLAVE) && pic->intr <= 1;
}

static void pic_restored(struct device *device)
{
	const struct pic_state *pic = device->state;

	device_set_pin(device, PIC_PIN_INTR, pic->intr);
}

/* ---- As the sink of its input lines ---- */

static void pic_line_changed(struct line_sink *sink, bool level)
{
	pic_drive_line(sink->owner, sink->input, level);
}

static bool pic_holds_edge(const struct line_sink *sink)
{
	const struct pic_state *pic = ((const struct device *)sink->owner)->state;

	return pic->chip[sink->input / PIC_CHIP_INPUTS].edges & 1u << sink->input % PIC_CHIP_INPUTS;
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
