/* SPDX-License-Identifier: MIT */
/*
 * A guest that sleeps and wakes as often as it can, in phases of half a second of its TSC: by each
 * device that the command line names, at each of its periods. Each phase begins with "napper DEVICE
 * PERIOD begins", the period in us; the last line is "napper ends". The command line:
 *
 *   8254, hpet, rtc  that timer, periodic
 *   serial           a byte to itself, below the FIFO's trigger level: the character timeout
 *   keyboard         a byte that it has the controller send
 *   all              the five above
 *   sweep            nine periods instead of two
 *   work=US          works for so long after each wake-up
 *   deaf             halts with interrupts off, HPET timer 0 each 10 us, and says nothing
 */
#include "command.h"
#include "kernel.h"

#define PHASE_MS 500

#define PIT_CHANNEL0 0x40
#define PIT_CONTROL  0x43
#define PIT_RATE     0x34 /* channel 0, low and high byte, mode 2 */
#define PIT_STOP     0x30 /* mode 0: no count, no interrupt */
#define PIT_HZ       1193182

#define HPET_BASE      0xfed00000UL
#define HPET_CONFIG    0x10
#define HPET_T0        0x100
#define HPET_T0_COUNT  0x108
#define HPET_PERIODIC  0x4c /* the interrupt on, period may be set */
#define HPET_PER_US    14
#define HPET_ON_LEGACY 3

#define RTC_INDEX    0x70
#define RTC_DATA     0x71
#define RTC_A        0x0a
#define RTC_B        0x0b
#define RTC_C        0x0c
#define RTC_DIVIDER  0x20
#define RTC_FASTEST  3 /* 122 us */
#define RTC_SLOWEST  15
#define RTC_PERIODIC 0x42 /* PIE, 24 hours */
#define RTC_24H      0x02

#define COM2          0x2f8
#define UART_OUT2     0x0b
#define UART_LOOP     0x1b
#define UART_FIFO     0xc1 /* on, trigger level 14 */
#define UART_DLAB     0x83
#define UART_8N1      0x03
#define UART_RECEIVED 0x01

#define KBD_DATA    0x60
#define KBD_COMMAND 0x64
#define KBD_CONFIG  0x60
#define KBD_IRQ1    0x61
#define KBD_SEND    0xd2

#define VECTOR(irq) (0x20 + (irq))

struct device {
	const char *name;
	uint8_t irq;
	bool has_period;
	void (*start)(uint64_t us); /* 0: stop */
	void (*nap)(void);          /* just before each HLT; may be null */
	void (*interrupt)(struct frame *frame);
};

/* ---- Devices ---- */

static void pit_start(uint64_t us)
{
	uint64_t count = us * PIT_HZ / 1000000;

	out8(PIT_CONTROL, us ? PIT_RATE : PIT_STOP);
	if (!us)
		return;
	out8(PIT_CHANNEL0, (uint8_t)count);
	out8(PIT_CHANNEL0, (uint8_t)(count >> 8));
}

static void hpet_write(unsigned offset, uint64_t value)
{
	*(volatile uint64_t *)(HPET_BASE + offset) = value;
}

static void hpet_start(uint64_t us)
{
	hpet_write(HPET_CONFIG, 0);
	if (!us)
		return;
	hpet_write(HPET_T0, HPET_PERIODIC);
	hpet_write(HPET_T0_COUNT, *(volatile uint64_t *)(HPET_BASE + 0xf0) + us * HPET_PER_US);
	hpet_write(HPET_T0_COUNT, us * HPET_PER_US);
	hpet_write(HPET_CONFIG, HPET_ON_LEGACY);
}

static void rtc_write(uint8_t index, uint8_t value)
{
	out8(RTC_INDEX, index);
	out8(RTC_DATA, value);
}

static void rtc_interrupt(struct frame *frame)
{
	(void)frame;
	out8(RTC_INDEX, RTC_C);
	in8(RTC_DATA);
}

static void rtc_start(uint64_t us)
{
	uint8_t rate = RTC_FASTEST;

	while (rate < RTC_SLOWEST && (1000000UL << (rate - 1)) / 32768 < us)
		rate++;
	rtc_write(RTC_A, RTC_DIVIDER | rate);
	rtc_write(RTC_B, us ? RTC_PERIODIC : RTC_24H);
	rtc_interrupt(NULL);
}

static void serial_send(void)
{
	out8(COM2 + 4, UART_LOOP);
	out8(COM2, 'x');
	out8(COM2 + 4, UART_OUT2);
}

static void serial_interrupt(struct frame *frame)
{
	(void)frame;
	in8(COM2);
	serial_send();
}

static void serial_start(uint64_t us)
{
	out8(COM2 + 3, UART_DLAB);
	out8(COM2, 1);
	out8(COM2 + 1, 0);
	out8(COM2 + 3, UART_8N1);
	out8(COM2 + 2, UART_FIFO);
	out8(COM2 + 1, us ? UART_RECEIVED : 0);
	if (us)
		serial_send();
}

static void keyboard_start(uint64_t us)
{
	(void)us;
	out8(KBD_COMMAND, KBD_CONFIG);
	out8(KBD_DATA, KBD_IRQ1);
}

static void keyboard_send(void)
{
	out8(KBD_COMMAND, KBD_SEND);
	out8(KBD_DATA, 'x');
}

static void keyboard_interrupt(struct frame *frame)
{
	(void)frame;
	in8(KBD_DATA);
}

static void nothing(struct frame *frame)
{
	(void)frame;
}

/* clang-format off */
static const struct device devices[] = {
	{"8254",     0, true,  pit_start,      NULL,          nothing},
	{"hpet",     0, true,  hpet_start,     NULL,          nothing},
	{"rtc",      8, true,  rtc_start,      NULL,          rtc_interrupt},
	{"serial",   3, false, serial_start,   NULL,          serial_interrupt},
	{"keyboard", 1, false, keyboard_start, keyboard_send, keyboard_interrupt},
};
/* clang-format on */

static const uint16_t two_us[] = {25, 300};
static const uint16_t all_us[] = {12, 25, 50, 100, 300, 700, 1000, 3000, 20000};

/* ---- Phases ---- */

/* Both 8259A in automatic EOI, so that a nap is short. */
static void pic_end_by_itself(void)
{
	static const uint8_t words[][2] = {{0x20, 0x11}, {0x21, VECTOR(0)}, {0x21, 0x04}, {0x21, 0x03},
	                                   {0xa0, 0x11}, {0xa1, VECTOR(8)}, {0xa1, 0x02}, {0xa1, 0x03},
	                                   {0x21, 0xff}, {0xa1, 0xff}};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		out8(words[i][0], words[i][1]);
}

static void work(uint64_t ticks)
{
	for (uint64_t end = read_tsc() + ticks; read_tsc() < end;)
		cpu_relax();
}

static void phase(const struct device *device, uint64_t us, uint64_t hz, uint64_t work_ticks)
{
	uint64_t end = read_tsc() + hz / 1000 * PHASE_MS;

	print("napper %s %u begins\n", device->name, us);
	pic_end_by_itself();
	set_handler(VECTOR(7), nothing); /* spurious ones */
	set_handler(VECTOR(15), nothing);
	set_handler(VECTOR(device->irq), device->interrupt);
	pic_unmask(device->irq);
	device->start(us);
	do {
		if (device->nap)
			device->nap();
		__asm__ volatile("sti; hlt; cli" : : : "memory");
		if (work_ticks)
			work(work_ticks);
	} while (read_tsc() < end);
	device->start(0);
}

static void phases(const struct device *device, const char *line, uint64_t hz)
{
	bool sweeps = has_word(line, "sweep");
	const uint16_t *us = sweeps ? all_us : two_us;
	unsigned count = !device->has_period ? 1 : sweeps ? ARRAY_SIZE(all_us) : ARRAY_SIZE(two_us);

	for (unsigned i = 0; i < count; i++)
		phase(device, us[i], hz, hz / 1000000 * number_in(line, "work", 0));
}

static _Noreturn void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void kernel_main(uint32_t magic, uint32_t info)
{
	const char *line = command_line(info);
	uint64_t hz = tsc_rate(magic);

	idt_init();
	if (has_word(line, "deaf")) {
		hpet_start(10);
		halt();
	}
	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++)
		if (has_word(line, devices[i].name) || has_word(line, "all"))
			phases(&devices[i], line, hz);
	print("napper ends\n");
	halt();
}
