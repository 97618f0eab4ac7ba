/* SPDX-License-Identifier: MIT */
/* The commands of an 8259A: see pic_chip.h. */
#include "devices/pc/pic_chip.h"

#define ICW1_IC4  0x01 /* ICW4 follows */
#define ICW1_SNGL 0x02 /* no cascade, no ICW3 */
#define ICW1_ADI  0x04 /* MCS-80/85: call address interval 4 instead of 8 */
#define ICW4_UPM  0x01 /* 8086 mode */

#define OCW3_RIS  0x01
#define OCW3_RR   0x02
#define OCW3_POLL 0x04
#define OCW3_SMM  0x20
#define OCW3_ESMM 0x40

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

#define DEFAULT_LOWEST  7
#define DEFAULT_SLAVE   7 /* a slave's identity after ICW1 */
#define NONE_IN_SERVICE (-1)

uint8_t pic_chip_elcr_mask(enum pic_chip_index index)
{
	return index == PIC_MASTER ? 0xF8 : 0xDE;
}

void pic_chip_reset(struct pic_chip *chip, enum pic_chip_index index)
{
	*chip = (struct pic_chip){.imr = 0xFF, .lowest = DEFAULT_LOWEST};
	if (index == PIC_SLAVE)
		chip->icw3 = DEFAULT_SLAVE;
}

/* ---- Initialization ---- */

/* 8259A datasheet "Initialization Command Words 1 and 2": what ICW1 does by itself. */
void pic_chip_write_icw1(struct pic_chip *chip, enum pic_chip_index index, uint8_t value)
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

static void pic_chip_finish_initialization(struct pic_chip *chip)
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

void pic_chip_write_icw(struct pic_chip *chip, enum pic_chip_index index, uint8_t value)
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
		pic_chip_finish_initialization(chip);
	else
		chip->step = PIC_STEP_ICW4;
}

/* ---- Operation ---- */

/* The in-service input with the highest priority. */
static int pic_chip_highest_in_service(const struct pic_chip *chip)
{
	unsigned in_service = pic_chip_in_service(chip);
	unsigned highest = (chip->lowest + 1u) % PIC_CHIP_INPUTS;

	if (!in_service)
		return NONE_IN_SERVICE;
	return (int)((highest + (unsigned)__builtin_ctz(pic_chip_rotate(in_service, highest))) %
	             PIC_CHIP_INPUTS);
}

static void pic_chip_end_interrupt(struct pic_chip *chip, bool rotate)
{
	int input = pic_chip_highest_in_service(chip);

	if (input == NONE_IN_SERVICE)
		return;
	chip->isr &= ~(1u << input);
	if (rotate)
		chip->lowest = (uint8_t)input;
}

void pic_chip_write_ocw2(struct pic_chip *chip, uint8_t value)
{
	uint8_t input = value & 7;

	switch ((enum ocw2_command)(value >> 5)) {
	case OCW2_EOI: pic_chip_end_interrupt(chip, false); break;
	case OCW2_ROTATE_EOI: pic_chip_end_interrupt(chip, true); break;
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

void pic_chip_write_ocw3(struct pic_chip *chip, uint8_t value)
{
	if (value & OCW3_ESMM)
		chip->special_mask = !!(value & OCW3_SMM);
	if (value & OCW3_RR)
		chip->read_isr = value & OCW3_RIS;
	if (value & OCW3_POLL)
		chip->poll = 1;
}

bool pic_chip_valid(const struct pic_chip *chip, enum pic_chip_index index)
{
	return !(chip->edges & ~chip->lines) && !(chip->elcr & ~pic_chip_elcr_mask(index)) &&
	       chip->shift <= 3 && chip->lowest < PIC_CHIP_INPUTS && chip->step < PIC_STEPS &&
	       (index == PIC_MASTER || chip->icw3 <= 7) && chip->icw4 <= 0x1F && chip->initialized <= 1 &&
	       chip->rotate_aeoi <= 1 && chip->special_mask <= 1 && chip->read_isr <= 1 && chip->poll <= 1;
}
