/* SPDX-License-Identifier: MIT */
/*
 * Two cascaded 8259A interrupt controllers as in a PC, with the edge/level
 * control register (ELCR) of the EISA and PCI chipsets.
 * Intel 8259A datasheet; Intel 82371SB (PIIX3) datasheet "ELCR1", "ELCR2".
 */
#ifndef DEVICES_PC_PIC_H
#define DEVICES_PC_PIC_H

#include "devices/bus/device.h"

#define PIC_LINES   16
#define PIC_CASCADE 2 /* the master's input that the slave's INT output drives */

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

struct pic_state {
	struct pic_chip chip[PIC_CHIPS];
	uint8_t intr;        /* 1: the master's INT output is asserted */
	uint8_t reserved[3]; /* 0 */
};

/* What it drives: the master's INT output. Its inputs are the lines 0..15, without the cascade. */
enum pic_pin { PIC_PIN_INTR, PIC_PINS };

extern const struct device_model pic_model;

/*
 * Drive input `irq`, 0..15. Input 2 is the cascade and cannot be driven; larger values are ignored.
 */
void pic_set_line(struct device *device, unsigned irq, bool level);

/*
 * Both INTA cycles: returns the vector and puts the interrupt in service. A
 * request that has been withdrawn gives the spurious vector of IR7 (or of the
 * slave's IR7), and FFh comes from a slave that does not know its identity.
 */
uint8_t pic_acknowledge(struct device *device);

#endif
