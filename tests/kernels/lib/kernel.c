/* SPDX-License-Identifier: MIT */
#include "kernel.h"
#include <stdarg.h>

#define COM1 0x3f8

extern const uint8_t vector_stubs[256][16];

static void (*handlers[256])(struct frame *frame);
static struct {
	uint16_t low, selector, flags, middle;
	uint32_t high, reserved;
} idt[256];

static void put(char c)
{
	while (!(in8(COM1 + 5) & 0x20))
		cpu_relax();
	out8(COM1, (uint8_t)c);
}

static void put_number(uint64_t value, unsigned base)
{
	char digits[24];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n)
		put(digits[--n]);
}

void print(const char *format, ...)
{
	static bool ready;
	va_list args;

	if (!ready) {
		out8(COM1 + 3, 0x80);
		out8(COM1, 1);
		out8(COM1 + 1, 0);
		out8(COM1 + 3, 3);
		ready = true;
	}
	va_start(args, format);
	for (; *format; format++) {
		if (*format == '\n')
			put('\r');
		if (*format != '%') {
			put(*format);
			continue;
		}
		switch (*++format) {
		case 's':
			for (const char *s = va_arg(args, const char *); *s; s++)
				put(*s);
			break;
		case 'u': put_number(va_arg(args, uint64_t), 10); break;
		case 'x': put_number(va_arg(args, uint64_t), 16); break;
		case 'c': put((char)va_arg(args, int)); break;
		default: put('%');
		}
	}
	va_end(args);
}

void power_off(void)
{
	/* Let the last characters leave the shift register. */
	while (!(in8(COM1 + 5) & 0x40))
		cpu_relax();
	for (const char *s = "Shutdown"; *s; s++)
		out8(0x8900, (uint8_t)*s);
	out16(0x604, 0x2000); /* S5, as in QEMU: devices/pc/acpi_pm.h */
	for (;;)
		__asm__ volatile("cli; hlt");
}

void dispatch(struct frame *frame);
void dispatch(struct frame *frame)
{
	if (handlers[frame->vector]) {
		handlers[frame->vector](frame);
		return;
	}
	print("unexpected vector %u error %x rip %x rsp %x\n", frame->vector, frame->error_code, frame->rip,
	      frame->rsp);
	power_off();
}

void set_handler(unsigned vector, void (*handler)(struct frame *frame))
{
	handlers[vector] = handler;
}

void idt_init(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} packed pointer = {sizeof(idt) - 1, (uint64_t)idt};

	for (unsigned i = 0; i < 256; i++) {
		uint64_t stub = (uint64_t)vector_stubs[i];

		idt[i].low = (uint16_t)stub;
		idt[i].selector = 8;
		idt[i].flags = 0x8e00;
		idt[i].middle = (uint16_t)(stub >> 16);
		idt[i].high = (uint32_t)(stub >> 32);
	}
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void pic_init(void)
{
	out8(0x20, 0x11);
	out8(0xa0, 0x11);
	out8(0x21, 0x20);
	out8(0xa1, 0x28);
	out8(0x21, 4);
	out8(0xa1, 2);
	out8(0x21, 1);
	out8(0xa1, 1);
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
}

void pic_unmask(unsigned irq)
{
	uint16_t port = irq < 8 ? 0x21 : 0xa1;

	out8(port, in8(port) & ~(1u << (irq & 7)));
	if (irq >= 8)
		pic_unmask(2);
}

void pic_end(unsigned irq)
{
	if (irq >= 8)
		out8(0xa0, 0x20);
	out8(0x20, 0x20);
}
