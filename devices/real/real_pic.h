/* SPDX-License-Identifier: MIT */
/* The machine's 8259A pair, which Nacre only silences. Intel 8259A datasheet. */
#ifndef DEVICES_REAL_REAL_PIC_H
#define DEVICES_REAL_REAL_PIC_H

#include "lib/types.h"

/*
 * Move its vectors to `base` .. base + 15 (so that a spurious one hits no exception) and mask every
 * line.
 */
void pic_disable(uint8_t base);

#endif
