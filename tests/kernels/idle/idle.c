/* SPDX-License-Identifier: MIT */
/*
 * A guest that has next to nothing to do: it halts, and twice a second the RTC's periodic interrupt
 * wakes it. A byte on COM1 makes it print "idle NAME ticks N", N being those interrupts so far. The
 * command line: its NAME.
 */
#include "command.h"
#include "kernel.h"

#define RTC_INDEX       0x70
#define RTC_DATA        0x71
#define RTC_A           0x0a
#define RTC_B           0x0b
#define RTC_C           0x0c
#define RTC_A_2_HZ      0x2f
#define RTC_B_PERIODIC  0x42 /* and 24 hours */
#define COM1            0x3f8
#define COM1_IER        (COM1 + 1)
#define COM1_IIR        (COM1 + 2)
#define COM1_MCR        (COM1 + 4)
#define IER_RECEIVED    0x01
#define MCR_DTR_RTS_OUT 0x0b

#define VECTOR_UART 0x24
#define VECTOR_RTC  0x28

static const char *name;
static uint64_t ticks;

static uint8_t rtc_read(uint8_t index)
{
	out8(RTC_INDEX, index);
	return in8(RTC_DATA);
}

static void rtc_write(uint8_t index, uint8_t value)
{
	out8(RTC_INDEX, index);
	out8(RTC_DATA, value);
}

static void tick(struct frame *frame)
{
	ticks++;
	rtc_read(RTC_C);
	pic_end(8);
}

static void typed(struct frame *frame)
{
	in8(COM1_IIR);
	in8(COM1);
	print("idle %s ticks %u\n", name, ticks);
	pic_end(4);
}

void kernel_main(uint32_t magic, uint32_t info)
{
	idt_init();
	name = command_line(info);
	print("idle %s begins\n", name);
	pic_init();
	set_handler(VECTOR_RTC, tick);
	set_handler(VECTOR_UART, typed);
	rtc_write(RTC_A, RTC_A_2_HZ);
	rtc_write(RTC_B, RTC_B_PERIODIC);
	rtc_read(RTC_C);
	out8(COM1_IER, IER_RECEIVED);
	out8(COM1_MCR, MCR_DTR_RTS_OUT);
	pic_unmask(4);
	pic_unmask(8);
	for (;;)
		__asm__ volatile("sti; hlt");
}
