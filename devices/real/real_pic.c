/* SPDX-License-Identifier: MIT */
#include "devices/real/real_pic.h"
#include "lib/x86.h"

#define MASTER_COMMAND 0x20
#define MASTER_DATA    0x21
#define SLAVE_COMMAND  0xa0
#define SLAVE_DATA     0xa1

/* 8259A datasheet, "Initialization Command Words". */
#define ICW1_INIT_ICW4 0x11
#define ICW3_MASTER    0x04 /* the slave is at line 2 */
#define ICW3_SLAVE     0x02
#define ICW4_8086      0x01

void pic_disable(uint8_t base)
{
	out8(MASTER_COMMAND, ICW1_INIT_ICW4);
	out8(SLAVE_COMMAND, ICW1_INIT_ICW4);
	out8(MASTER_DATA, base);
	out8(SLAVE_DATA, (uint8_t)(base + 8));
	out8(MASTER_DATA, ICW3_MASTER);
	out8(SLAVE_DATA, ICW3_SLAVE);
	out8(MASTER_DATA, ICW4_8086);
	out8(SLAVE_DATA, ICW4_8086);
	out8(MASTER_DATA, 0xff);
	out8(SLAVE_DATA, 0xff);
}
