/* SPDX-License-Identifier: MIT */
/* Interrupts as fast as the devices can be made to give them, and a clock that jumps. */
#include "attack.h"

#define PIT_CHANNEL0 0x40
#define PIT_CONTROL  0x43
#define PIT_RATE     0x34 /* channel 0, low and high byte, mode 2 */
#define PIT_FASTEST  2

#define RTC_INDEX    0x70
#define RTC_DATA     0x71
#define RTC_A        0x0a
#define RTC_B        0x0b
#define RTC_C        0x0c
#define RTC_8192_HZ  0x23
#define RTC_1024_HZ  0x26
#define RTC_PERIODIC 0x42 /* PIE, 24 hours */

#define COM1          0x3f8
#define UART_THRE     0x02
#define UART_READY    0x03 /* DTR, RTS */
#define UART_OUT2     0x0b /* the same, and OUT2: lets the interrupt out */
#define COM1_IRQ      4
#define RTC_IRQ       8
#define IRQ_VECTOR(n) (0x20 + (n))

static volatile uint64_t interrupts;

/*
 * The handlers end a storm: where one takes longer than the next takes to come, nothing else gets a
 * turn.
 */
static volatile uint64_t storm_end;

static void pit_start(uint16_t count)
{
	out8(PIT_CONTROL, PIT_RATE);
	out8(PIT_CHANNEL0, (uint8_t)count);
	out8(PIT_CHANNEL0, (uint8_t)(count >> 8));
}

static void pit_interrupt(struct frame *frame)
{
	(void)frame;
	interrupts++;
	pic_end(0);
}

static void pit_storm(struct frame *frame)
{
	pit_interrupt(frame);
	if (read_tsc() >= storm_end)
		pic_init(); /* which masks it */
}

static void rtc_write(unsigned index, uint8_t value)
{
	out8(RTC_INDEX, (uint8_t)index);
	out8(RTC_DATA, value);
}

static void rtc_interrupt(struct frame *frame)
{
	(void)frame;
	interrupts++;
	out8(RTC_INDEX, RTC_C);
	in8(RTC_DATA);
	pic_end(RTC_IRQ);
}

/* Enabled again, the empty transmitter asks again at once. */
static void uart_interrupt(struct frame *frame)
{
	(void)frame;
	interrupts++;
	in8(COM1 + 2);
	out8(COM1 + 1, 0);
	if (read_tsc() < storm_end)
		out8(COM1 + 1, UART_THRE);
	pic_end(COM1_IRQ);
}

static uint64_t count_for(uint64_t ms, unsigned irq, void (*handler)(struct frame *frame))
{
	interrupts = 0;
	set_handler(IRQ_VECTOR(irq), handler);
	storm_end = read_tsc() + attack_tsc_hz * ms / 1000;
	pic_unmask(irq);
	__asm__ volatile("sti");
	while (read_tsc() < storm_end)
		cpu_relax();
	__asm__ volatile("cli");
	pic_init();
	return interrupts;
}

void flood_timer(void)
{
	pit_start(PIT_FASTEST);
	for (;;)
		count_for(1000, 0, pit_interrupt);
}

void attack_storms(void)
{
	uint64_t pit, rtc, uart;

	pit_start(PIT_FASTEST);
	pit = count_for(100, 0, pit_storm);
	pit_start(0);
	rtc_write(RTC_A, RTC_8192_HZ);
	rtc_write(RTC_B, RTC_PERIODIC);
	rtc = count_for(100, RTC_IRQ, rtc_interrupt);
	rtc_write(RTC_B, RTC_PERIODIC & ~0x40);
	rtc_write(RTC_A, RTC_1024_HZ);
	out8(COM1 + 4, UART_OUT2);
	out8(COM1 + 1, UART_THRE);
	uart = count_for(20, COM1_IRQ, uart_interrupt);
	out8(COM1 + 1, 0);
	out8(COM1 + 4, UART_READY);
	/* Those that come while a neighbour has the processor become one. */
	print("attack: storms pit %u rtc %u uart %u\n", pit, rtc, uart);
	check_equal("PIT at its fastest, 200 in 0.1 s", 0, pit > 200, 1);
	check_equal("RTC at 8192 Hz, 100 to 900 in 0.1 s", 0, rtc > 100 && rtc < 900, 1);
	check_equal("UART, 50 in 20 ms", 0, uart > 50, 1);
}

/* Whatever the guest makes of its TSC, its timer goes on, and the monitor's clock too. */
void attack_tsc(void)
{
	static const uint64_t values[] = {0, 1, UINT32_MAX, 1UL << 40, 1UL << 63, UINT64_MAX - 1000};

	pit_start(1193);
	for (unsigned msr = 0; msr < 2; msr++) {
		for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
			uint64_t before, after;

			interrupts = 0;
			set_handler(IRQ_VECTOR(0), pit_interrupt);
			pic_unmask(0);
			write_msr(msr ? MSR_TSC_ADJUST : MSR_TSC, values[i]);
			before = read_tsc();
			__asm__ volatile("sti");
			while (interrupts < 5)
				__asm__ volatile("hlt");
			__asm__ volatile("cli");
			after = read_tsc();
			check_equal("TSC after 5 ms, in half ms", values[i],
			            (after - before) * 2000 / attack_tsc_hz >= 8 &&
			                    (after - before) * 2000 / attack_tsc_hz < 100,
			            1);
			if (!msr)
				check_equal("TSC, written", values[i], before - values[i] < attack_tsc_hz, 1);
		}
	}
	write_msr(MSR_TSC_ADJUST, 0);
	pit_start(0);
	pic_init();
}
