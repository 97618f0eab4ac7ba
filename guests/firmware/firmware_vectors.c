/* SPDX-License-Identifier: MIT */
/*
 * There is no firmware to call, so a service that is called is told and returns. The interrupts
 * that firmware leaves open do come, and someone must end them: IBM PC AT Technical Reference,
 * "BIOS". All handlers are at the offsets that they have on every PC.
 */
#include "guests/firmware/firmware_vectors.h"
#include "devices/pc/system_ports.h"

#define SEGMENT 0xf000
#define VECTORS 256

#define EMPTY_SERVICE 0xff53
static const uint8_t empty_service[] = {0xcf}; /* iret */

/*
 * INT 08h counts the ticks since midnight at 40:6Ch, and INT 1Ch is for whoever wants to know of
 * each.
 */
#define TIMER 0xfea5
static const uint8_t timer[] = {
	0x1e,                                                 /* push %ds */
	0x52,                                                 /* push %dx */
	0x50,                                                 /* push %ax */
	0xb8, 0x40, 0x00,                                     /* mov $0x40, %ax */
	0x8e, 0xd8,                                           /* mov %ax, %ds */
	0x66, 0xff, 0x06, 0x6c, 0x00,                         /* incl 0x6c */
	0x66, 0x81, 0x3e, 0x6c, 0x00, 0xb0, 0x00, 0x18, 0x00, /* cmpl $0x1800b0, 0x6c: the ticks of a day */
	0x72, 0x0b,                                           /* jb to int */
	0x66, 0x83, 0x26, 0x6c, 0x00, 0x00,                   /* andl $0, 0x6c */
	0xc6, 0x06, 0x70, 0x00, 0x01,                         /* movb $1, 0x70: midnight has passed */
	0xcd, 0x1c,                                           /* int $0x1c */
	0xb0, 0x20,                                           /* mov $0x20, %al */
	0xe6, 0x20,                                           /* out %al, $0x20: end of interrupt */
	0x58,                                                 /* pop %ax */
	0x5a,                                                 /* pop %dx */
	0x1f,                                                 /* pop %ds */
	0xcf,                                                 /* iret */
};

/*
 * INT 09h takes the scan code, or the keyboard would never interrupt again. No service asks for it.
 */
#define KEYBOARD 0xe987
static const uint8_t keyboard[] = {
	0x50,       /* push %ax */
	0xe4, 0x60, /* in $0x60, %al */
	0xb0, 0x20, /* mov $0x20, %al */
	0xe6, 0x20, /* out %al, $0x20 */
	0x58,       /* pop %ax */
	0xcf,       /* iret */
};

#define MASTER 0xff23
static const uint8_t master[] = {
	0x50,       /* push %ax */
	0xb0, 0x20, /* mov $0x20, %al */
	0xe6, 0x20, /* out %al, $0x20 */
	0x58,       /* pop %ax */
	0xcf,       /* iret */
};

#define SLAVE 0xff2a
static const uint8_t slave[] = {
	0x50,       /* push %ax */
	0xb0, 0x20, /* mov $0x20, %al */
	0xe6, 0xa0, /* out %al, $0xa0 */
	0xe6, 0x20, /* out %al, $0x20 */
	0x58,       /* pop %ax */
	0xcf,       /* iret */
};

/* INT 75h makes of an FPU's error what it was on the first PC, an NMI. */
#define FPU 0xff33
static const uint8_t fpu[] = {
	0x50,       /* push %ax */
	0x30, 0xc0, /* xor %al, %al */
	0xe6, 0xf0, /* out %al, $0xf0 */
	0xb0, 0x20, /* mov $0x20, %al */
	0xe6, 0xa0, /* out %al, $0xa0 */
	0xe6, 0x20, /* out %al, $0x20 */
	0x58,       /* pop %ax */
	0xcd, 0x02, /* int $0x02 */
	0xcf,       /* iret */
};

/* ---- Services ---- */

/*
 * What programs call of a BIOS. Each tells its vector to the firmware's port, as a BIOS calls its
 * system management code there, so that the operator hears of the call. Nothing else is done.
 */
static const struct {
	uint8_t vector;
	uint16_t offset;
} told[] = {
	{0x10, 0xf065}, {0x11, 0xf84d}, {0x12, 0xf841}, {0x13, 0xe3fe}, {0x14, 0xe739}, {0x15, 0xf859},
	{0x16, 0xe82e}, {0x17, 0xefd2}, {0x18, 0xe700}, {0x19, 0xe6f2}, {0x1a, 0xfe6e},
};

static int firmware_load_told(const struct guest_map *map, uint16_t table[VECTORS][2])
{
	int error = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(told) && !error; i++) {
		const uint8_t code[] = {
			0x50,                  /* push %ax */
			0xb0, told[i].vector,  /* mov $vector, %al */
			0xe6, FIRMWARE_CALLED, /* out %al, $port */
			0x58,                  /* pop %ax */
			0xcf,                  /* iret */
		};

		table[told[i].vector][0] = told[i].offset;
		error = guest_load(map, (SEGMENT << 4) + told[i].offset, code, sizeof(code));
	}
	return error;
}

/* ---- All of them ---- */

/* The vectors are those that the controllers have: devices/machine/firmware.c. */
/* clang-format off */
static const struct {
	uint8_t first, last;
	uint16_t offset;
	const uint8_t *code;
	size_t size;
} services[] = {
	{0x00, 0xff, EMPTY_SERVICE, empty_service, sizeof(empty_service)},
	{0x08, 0x0f, MASTER,        master,        sizeof(master)},
	{0x08, 0x08, TIMER,         timer,         sizeof(timer)},
	{0x09, 0x09, KEYBOARD,      keyboard,      sizeof(keyboard)},
	{0x70, 0x77, SLAVE,         slave,         sizeof(slave)},
	{0x75, 0x75, FPU,           fpu,           sizeof(fpu)},
};
/* clang-format on */

/* SDM Vol. 3B "Real-Address Mode Interrupt Vector Table" */
int firmware_load_vectors(const struct guest_map *map)
{
	uint16_t table[VECTORS][2];
	int error = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(services) && !error; i++) {
		for (unsigned vector = services[i].first; vector <= services[i].last; vector++) {
			table[vector][0] = services[i].offset;
			table[vector][1] = SEGMENT;
		}
		error = guest_load(map, (SEGMENT << 4) + services[i].offset, services[i].code,
		                   services[i].size);
	}
	if (!error)
		error = firmware_load_told(map, table);
	return error ? error : guest_load(map, 0, table, sizeof(table));
}
