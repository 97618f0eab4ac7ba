/* SPDX-License-Identifier: MIT */
/*
 * One 8259A as its commands see it: initialization and operation command words, and what they leave
 * in its registers. Requests, priorities and the pair are pic.c. Intel 8259A datasheet.
 */
#ifndef DEVICES_PC_PIC_CHIP_H
#define DEVICES_PC_PIC_CHIP_H

#include "devices/bus/device.h"

#define PIC_CHIP_INPUTS 8

/* What tells the commands at the even port from each other. */
#define ICW1_SELECT 0x10 /* ICW1 from OCW2 and OCW3 */
#define OCW3_SELECT 0x08 /* OCW3 from OCW2 */

/* Bits of what a chip keeps as it was written. */
#define ICW1_LTIM 0x08 /* all inputs level triggered */
#define ICW4_AEOI 0x02
#define ICW4_SFNM 0x10 /* special fully nested mode */

enum pic_chip_index { PIC_MASTER, PIC_SLAVE, PIC_CHIPS };

/* What the next write to the odd port means. */
enum pic_step { PIC_STEP_OCW1, PIC_STEP_ICW2, PIC_STEP_ICW3, PIC_STEP_ICW4, PIC_STEPS };

/* One 8259A. Bit n of a mask stands for input IRn. */
struct pic_chip {
	uint8_t lines;  /* levels at the inputs */
	uint8_t edges;  /* edge sense latches: a rising edge that was not acknowledged; only where `lines` is
	                   set */
	uint8_t elcr;   /* inputs that are level triggered by the ELCR */
	uint8_t imr;    /* interrupt mask register */
	uint8_t isr;    /* in-service register */
	uint8_t vector; /* vector of IR0 */
	uint8_t shift;  /* vector of IRn: vector + (n << shift); not 0 only in MCS-80/85 mode */
	uint8_t lowest; /* the input with the lowest priority, 7 unless rotated */
	uint8_t step;   /* enum pic_step */
	uint8_t icw1;   /* as written */
	uint8_t icw3;   /* master: inputs with a slave; slave: its identity */
	uint8_t icw4;   /* as written, 0 if ICW1 said that there is none */
	uint8_t initialized;  /* 1: an ICW sequence was completed */
	uint8_t rotate_aeoi;  /* 1: rotate in automatic EOI mode */
	uint8_t special_mask; /* 1: special mask mode */
	uint8_t read_isr;     /* 1: reads of the even port give ISR, 0: IRR */
	uint8_t poll;         /* 1: the next read is a poll */
	uint8_t reserved;     /* 0 */
};

/* A mask of a chip's inputs, so that input `count` becomes bit 0. */
static inline unsigned pic_chip_rotate(unsigned mask, unsigned count)
{
	return mask * 0x0101 >> count & 0xFF; /* two copies side by side, seen through a window */
}

/* The inputs in service that hold others back: in special mask mode a masked one does not. */
static inline unsigned pic_chip_in_service(const struct pic_chip *chip)
{
	return chip->special_mask ? chip->isr & ~chip->imr : chip->isr;
}

/*
 * The datasheet defines no power-on state; this one is quiet until the guest initializes the chip.
 */
void pic_chip_reset(struct pic_chip *chip, enum pic_chip_index index);

/* The commands: initialization words, and two of the operation words. */
void pic_chip_write_icw1(struct pic_chip *chip, enum pic_chip_index index, uint8_t value);
void pic_chip_write_icw(struct pic_chip *chip, enum pic_chip_index index, uint8_t value);
void pic_chip_write_ocw2(struct pic_chip *chip, uint8_t value);
void pic_chip_write_ocw3(struct pic_chip *chip, uint8_t value);

/*
 * A write to the even (0) or odd (1) port. Returns whether it was ICW1, which drops the requests of
 * all inputs. Inline, since guests end each interrupt and mask it here.
 */
static inline bool pic_chip_write(struct pic_chip *chip, enum pic_chip_index index, unsigned offset,
                                  uint8_t value)
{
	if (offset && chip->step == PIC_STEP_OCW1) {
		chip->imr = value;
	} else if (offset) {
		pic_chip_write_icw(chip, index, value);
	} else if (value & ICW1_SELECT) {
		pic_chip_write_icw1(chip, index, value);
		return true;
	} else if (value & OCW3_SELECT) {
		pic_chip_write_ocw3(chip, value);
	} else {
		pic_chip_write_ocw2(chip, value);
	}
	return false;
}

/*
 * The inputs that can be level triggered: IRQ 0, 1, 2, 8 and 13 are edge triggered whatever the
 * ELCR is told.
 */
uint8_t pic_chip_elcr_mask(enum pic_chip_index index);

bool pic_chip_valid(const struct pic_chip *chip, enum pic_chip_index index);

#endif
