/* SPDX-License-Identifier: MIT */
/* Every port, every width, every way. */
#include "attack.h"

#define COM1       0x3f8
#define DEBUG_PORT 0xe9

#define STRING_COUNT 3
#define BUSY_END     0x1000 /* where devices are; beyond, some ways of access are for every SPARSE-th port */
#define SPARSE       16

/*
 * What must not be written at random here: it resets or powers off, which are attacks of their own,
 * or talks.
 */
/* clang-format off */
static const struct {
	uint16_t first, last;
} kept[] = {
	{0x60,       0x60},   /* a byte for the controller's output port */
	{0x64,       0x64},
	{0x92,       0x92},
	{DEBUG_PORT, DEBUG_PORT},
	{COM1,       COM1 + 7},
	{0x604,      0x605},  /* PM1 control: sleep */
	{0xcf9,      0xcf9},
	{0x8900,     0x8900}, /* Bochs' power switch */
};
/* clang-format on */

static bool may_write(unsigned port, unsigned size)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
		for (unsigned byte = 0; byte < size; byte++)
			if (((port + byte) & 0xffff) >= kept[i].first &&
			    ((port + byte) & 0xffff) <= kept[i].last)
				return false;
	return true;
}

static uint32_t in(uint16_t port, unsigned size)
{
	return size == 1 ? in8(port) : size == 2 ? in16(port) : in32(port);
}

static void out(uint16_t port, unsigned size, uint32_t value)
{
	if (size == 1)
		out8(port, (uint8_t)value);
	else if (size == 2)
		out16(port, (uint16_t)value);
	else
		out32(port, value);
}

static void in_string(uint16_t port, unsigned size, void *to)
{
	uint64_t count = STRING_COUNT;

	if (size == 1)
		__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else if (size == 2)
		__asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	check_equal("count after INS from port", port, count, 0);
}

static void out_string(uint16_t port, unsigned size, const void *from)
{
	uint64_t count = STRING_COUNT;

	if (size == 1)
		__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else if (size == 2)
		__asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	check_equal("count after OUTS to port", port, count, 0);
}

/* No PC has anything there; what wraps around to port 0 is another matter. */
static bool must_float(unsigned port, unsigned size)
{
	return port >= 0x1000 && port + size <= 0x10000 && !(port <= 0x8900 && port + size > 0x8900);
}

static void attack_port(uint16_t port, unsigned size)
{
	uint32_t ones = size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;
	uint8_t *buffer = (uint8_t *)SCRATCH;
	uint32_t value = in(port, size);

	if (must_float(port, size))
		check_equal("unclaimed port", port, value, ones);
	if (port < BUSY_END || port % SPARSE == 0)
		in_string(port, size, buffer);
	if (!may_write(port, size))
		return;
	out(port, size, (uint32_t)random64());
	if (port < BUSY_END || port % SPARSE == 0) {
		out(port, size, 0);
		out(port, size, UINT32_MAX);
		out_string(port, size, buffer);
	}
	if (must_float(port, size))
		check_equal("unclaimed port, written", port, in(port, size), ones);
}

/* PIC, PIT and the sound gate as they were; the UART was spared. */
static void restore(void)
{
	out8(0x61, 0);
	out8(0x70, 0x0d);
	pic_init();
}

void attack_ports(void)
{
	for (unsigned size = 1; size <= 4; size *= 2)
		for (unsigned port = 0; port < 0x10000; port++)
			attack_port((uint16_t)port, size);
	restore();
}

/*
 * Every command of the keyboard controller with every kind of byte, but what pulses the reset line.
 */
void attack_keyboard(void)
{
	for (unsigned command = 0; command < 0xf0; command++) {
		for (unsigned byte = 0; byte < 256; byte += 51) {
			if (command == 0xd1 && !(byte & 1)) /* output port with the reset line low */
				continue;
			out8(0x64, (uint8_t)command);
			out8(0x60, (uint8_t)byte);
			for (unsigned i = 0; i < 4; i++)
				in8(0x60);
		}
	}
	out8(0x64, 0xaa);
	check_equal("self test of the keyboard controller", 0x64, in8(0x60), 0x55);
	pic_init();
}

/* A PC's firmware might answer with an SMI; here nothing may. */
void attack_smi(void)
{
	for (unsigned code = 0; code < 256; code++) {
		out8(0xb3, (uint8_t)code);
		out8(0xb2, (uint8_t)code);
	}
	check_equal("SMI port", 0xb2, in8(0xb2), 0xff);
}

static volatile unsigned nmis;

static void count_nmi(struct frame *frame)
{
	(void)frame;
	nmis++;
}

/* The channel check and parity lines have no source, however they are enabled. */
void attack_nmi(void)
{
	set_handler(EXCEPTION_NMI, count_nmi);
	for (unsigned i = 0; i < 1000; i++) {
		out8(0x70, (uint8_t)(i & 1 ? 0x80 : 0));
		out8(0x61, (uint8_t)random64());
		out8(0x61, 0);
		__asm__ volatile("int $2");
	}
	check_equal("NMIs by INT 2", 0, nmis, 1000);
}
