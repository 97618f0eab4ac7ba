/* SPDX-License-Identifier: MIT */
/*
 * Two cascaded 8259A interrupt controllers as in a PC, with the edge/level
 * control register (ELCR) of the EISA and PCI chipsets.
 * Intel 8259A datasheet; Intel 82371SB (PIIX3) datasheet "ELCR1", "ELCR2".
 */
#ifndef DEVICES_PC_PIC_H
#define DEVICES_PC_PIC_H

#include "devices/pc/pic_chip.h"

#define PIC_LINES   16
#define PIC_CASCADE 2 /* the master's input that the slave's INT output drives */

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
 * Both INTA cycles: returns the vector and puts the interrupt in service. A request that has been
 * withdrawn gives the spurious vector of IR7, or of the slave's IR7. FFh comes from a slave that
 * does not know its identity.
 */
uint8_t pic_acknowledge(struct device *device);

#endif
