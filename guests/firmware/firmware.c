/* SPDX-License-Identifier: MIT */
#include "guests/firmware/firmware.h"
#include "devices/pc/vga.h"
#include "guests/firmware/firmware_acpi.h"
#include "guests/firmware/firmware_vectors.h"
#include "guests/firmware/memory_map.h"
#include "lib/string.h"

const uint16_t firmware_uart_ports[FIRMWARE_UARTS] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};

/* The BIOS data area, 400h to 4FFh, as software of the PC reads it. */
struct packed bios_data {
	uint16_t com[4], lpt[3];
	uint16_t ebda_segment;
	uint16_t equipment;
	uint8_t reserved0;
	uint16_t memory_kib; /* conventional memory below the EBDA */
	uint8_t reserved1[5];
	uint16_t key_head, key_tail; /* of the keyboard buffer; equal: it is empty */
	uint8_t key_buffer[0x49 - 0x1e];
	uint8_t video_mode;
	uint16_t columns, page_size, page_start, cursor[8];
	uint8_t cursor_end, cursor_start; /* scan lines */
	uint8_t page;
	uint16_t crtc_port;
	uint8_t reserved2[0x80 - 0x65];
	uint16_t key_buffer_start, key_buffer_end;
	uint8_t last_row;
	uint16_t character_height;
	uint8_t reserved3[0x96 - 0x87];
	uint8_t keyboard_flags;
	uint8_t reserved4[256 - 0x97];
};
_Static_assert(offsetof(struct bios_data, memory_kib) == 0x13 &&
                       offsetof(struct bios_data, crtc_port) == 0x63 &&
                       offsetof(struct bios_data, keyboard_flags) == 0x96 && sizeof(struct bios_data) == 256,
               "BDA");

#define BIOS_DATA_AREA      0x400
#define EQUIPMENT_FPU       0x0002
#define EQUIPMENT_COLOUR    0x0020 /* the first mode is 80x25 in colour */
#define EQUIPMENT_COM_SHIFT 9
#define KEY_BUFFER_START    0x1e /* offsets in segment 40h */
#define KEY_BUFFER_END      0x3e
#define KEYBOARD_ENHANCED   0x10 /* of 101 keys */

/* The firmware's last 16 bytes: where a PC starts and where software jumps to restart it. */
#define RESET_VECTOR 0xffff0UL
/* As on every PC: a far jump to F000:E05B, then date and model byte at fixed places. */
static const uint8_t reset_vector[16] = {
	0xea, 0x5b, 0xe0, 0x00, 0xf0, '0', '1', '/', '0', '1', '/', '2', '6', 0, 0xfc, 0,
};

#define POST_ENTRY 0xfe05bUL
/*
 * There is nothing to boot from, so starting over is a reset of the machine: the monitor loads it
 * again.
 */
static const uint8_t post_entry[] = {
	0xba, 0xf9, 0x0c, /* mov $0xcf9, %dx */
	0xb0, 0x06,       /* mov $0x06, %al */
	0xee,             /* out %al, %dx */
	0xfa,             /* cli */
	0xf4,             /* hlt */
	0xeb, 0xfc,       /* jmp back to cli */
};

/* The FACS must stay writable, so it lies in the EBDA, after that area's size byte. */
#define FACS (GUEST_EBDA + 64)

/* Mode 3 on the VGA, a keyboard beside it. */
static void firmware_describe_screen(struct bios_data *data)
{
	data->equipment |= EQUIPMENT_COLOUR;
	data->key_head = data->key_tail = data->key_buffer_start = KEY_BUFFER_START;
	data->key_buffer_end = KEY_BUFFER_END;
	data->keyboard_flags = KEYBOARD_ENHANCED;
	data->video_mode = 3;
	data->columns = 80;
	data->last_row = 25 - 1;
	data->page_size = 0x1000;
	data->cursor_start = 0x0d;
	data->cursor_end = 0x0e;
	data->crtc_port = 0x3d4;
	data->character_height = 16;
}

/* Blanks in light grey on black, as after a change of mode. */
static int firmware_clear_screen(const struct guest_map *map)
{
	uint16_t blanks[512];
	int error = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(blanks); i++)
		blanks[i] = 0x0720;
	for (gpa_t at = VGA_TEXT_GPA; at < VGA_TEXT_GPA + VGA_TEXT_SIZE && !error; at += sizeof(blanks))
		error = guest_load(map, at, blanks, sizeof(blanks));
	return error;
}

static int firmware_load_data_areas(const struct guest_map *map, unsigned uarts, bool screen)
{
	uint8_t ebda[GUEST_EBDA_SIZE] = {GUEST_EBDA_SIZE / 1024};
	struct bios_data data = {
		.ebda_segment = GUEST_EBDA >> 4,
		.equipment = (uint16_t)(EQUIPMENT_FPU | uarts << EQUIPMENT_COM_SHIFT),
		.memory_kib = GUEST_EBDA / 1024,
	};
	int error;

	for (unsigned i = 0; i < MIN(uarts, FIRMWARE_UARTS); i++)
		data.com[i] = firmware_uart_ports[i];
	if (screen)
		firmware_describe_screen(&data);
	error = guest_load(map, BIOS_DATA_AREA, &data, sizeof(data));
	return error ? error : guest_load(map, GUEST_EBDA, ebda, sizeof(ebda));
}

static int firmware_load_reset_vector(const struct guest_map *map)
{
	int error = guest_load(map, POST_ENTRY, post_entry, sizeof(post_entry));

	return error ? error : guest_load(map, RESET_VECTOR, reset_vector, sizeof(reset_vector));
}

int firmware_load(const struct guest_map *map, const struct machine_config *machine)
{
	gpa_t at = GUEST_BIOS_START, rsdp;
	int error = firmware_load_data_areas(map, machine->uarts, machine->screen);

	if (!error && machine->screen)
		error = firmware_clear_screen(map);
	if (!error)
		error = firmware_load_reset_vector(map);
	if (!error)
		error = firmware_load_vectors(map);
	if (!error && machine->acpi)
		error = firmware_acpi_load(map, &at, POST_ENTRY, FACS, machine, &rsdp);
	return error;
}
