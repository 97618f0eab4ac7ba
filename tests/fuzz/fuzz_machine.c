/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a guest and its outside do anything to a machine. The input is
 * a series of operations, one code byte and its arguments each. Apart from what
 * the sanitizers find, these must hold after each operation:
 *   - the INTR output is what the outside was last told;
 *   - a timer that ran asks for a later call, so that the monitor makes progress;
 *   - what was saved can be loaded, and is then saved as the same bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdarg.h>
#include <string.h>
#include "lib/panic.h"
#include "lib/x86.h"
#include "cost.h"
#include "platform.h"
#include "vmm/console/typing.h"

#define MAX_OPERATIONS 4000
#define COST           20000 /* of one operation */

static struct machine pc;
static struct typing typing = {.keyboard = &pc.device[DEVICE_KEYBOARD]};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No input may lead here. */
void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	abort();
}

static void require(bool condition, const char *what)
{
	if (!condition)
		panic("does not hold: %s\n", what);
}

struct input {
	const uint8_t *data;
	size_t left;
};

static uint64_t take(struct input *input, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && input->left; i++, input->left--)
		value |= (uint64_t)*input->data++ << 8 * i;
	return value;
}

/* A port in or next to a claimed region, so that most accesses reach a device. */
static uint16_t take_port(struct input *input)
{
	uint8_t choice = (uint8_t)take(input, 1), offset = (uint8_t)take(input, 1);
	const struct port_binding *binding = &pc.port_binding[choice % MACHINE_PORT_REGIONS];

	if (choice >= 0xF0)
		return (uint16_t)(choice << 8 | offset);
	return (uint16_t)(binding->base + offset % (binding->count + 2u) - 1u);
}

static void access_port(struct input *input, bool write)
{
	uint16_t port = take_port(input);
	unsigned size = 1u << take(input, 1) % 3;

	if (write)
		port_write(&pc.ports, port, size, (uint32_t)take(input, size));
	else
		require(size == 4 || port_read(&pc.ports, port, size) >> (4 * size) >> (4 * size) == 0,
		        "a read gives no more than was asked for");
}

/* In or next to a device's memory: any width and any offset, often the start of a register. */
static void access_memory(struct input *input, bool write)
{
	uint8_t choice = (uint8_t)take(input, 1);
	const struct memory_binding *binding = memory_space_next(&pc.memory, NULL);
	gpa_t gpa = binding->base - 8 + take(input, 2) % (binding->region->size + 16);
	size_t size = take(input, 1) % 17;
	uint8_t bytes[16];

	if (choice & 0x80)
		gpa &= ~(gpa_t)7;
	for (size_t i = 0; write && i < size; i++)
		bytes[i] = (uint8_t)take(input, 1);
	if (write)
		memory_write(&pc.memory, gpa, bytes, size);
	else
		memory_read(&pc.memory, gpa, bytes, size);
}

static void advance_clock(struct input *input)
{
	unsigned shift = (unsigned)take(input, 1) % 44;

	fake_x86.tsc = MIN(fake_x86.tsc + (take(input, 2) << shift), (uint64_t)INT64_MAX);
	machine_run_timers(&pc);
	/* Late devices may ask for a second call, but not without end. */
	for (unsigned i = 0; i < 64 && machine_deadline(&pc) <= fake_x86.tsc; i++)
		machine_run_timers(&pc);
	require(machine_deadline(&pc) > fake_x86.tsc, "timers settle");
	require(typing_expire(&typing) - 1 < TYPING_ESCAPE_NS || typing_expire(&typing) == TYPING_NEVER,
	        "a sequence ends in time");
}

static void save_and_load(void)
{
	static uint8_t first[8192], second[8192];
	size_t size = machine_save(&pc, first, sizeof(first));

	require(size <= sizeof(first), "a machine fits");
	require(machine_load(&pc, first, size) == 0, "what was saved can be loaded");
	/* Loading brings lazily computed state up to date; from then on it is stable. */
	require(machine_save(&pc, first, sizeof(first)) == size, "the size is constant");
	require(machine_load(&pc, first, size) == 0, "it can be loaded again");
	require(machine_save(&pc, second, sizeof(second)) == size, "the size is constant");
	require(memcmp(first, second, size) == 0, "a round trip changes nothing");
}

/*
 * A hostile image: the saved state with some bytes changed. It is refused, or the machine lives on
 * with it.
 */
static void load_broken(struct input *input)
{
	static uint8_t record[8192];
	size_t size = machine_save(&pc, record, sizeof(record));

	for (unsigned n = (unsigned)take(input, 1) % 8 + 1; n; n--) {
		uint8_t *byte = &record[take(input, 2) % size];

		*byte = (uint8_t)take(input, 1);
	}
	if (machine_load(&pc, record, size))
		return;
	machine_run_timers(&pc);
}

/* Up to four bytes, so that sequences are whole now and then, and broken off. */
static void type(struct input *input)
{
	static const uint8_t usual[] = {0x1b, '[', 'O', 'A', '1', ';', '~', 'x'};
	uint8_t bytes[4];
	size_t count = take(input, 1) % sizeof(bytes) + 1;

	for (size_t i = 0; i < count; i++) {
		uint8_t choice = (uint8_t)take(input, 1);

		bytes[i] = choice < 0x80 ? usual[choice % sizeof(usual)] : choice << 1;
	}
	require(typing_take(&typing, bytes, count) <= count, "keys taken");
}

static void look_at_screen(void)
{
	struct text_frame frame = {0};

	vga_text_frame(&pc.device[DEVICE_VGA], &frame);
	require(frame.columns >= 1 && frame.columns <= TEXT_COLUMNS_MAX, "columns of a screen");
	require(frame.rows >= 1 && frame.rows <= TEXT_ROWS_MAX, "rows of a screen");
	require(frame.start < TEXT_CELLS && frame.cursor < TEXT_CELLS, "addresses in the text memory");
}

static void start_anew(bool with_firmware)
{
	machine_reset(&pc);
	if (with_firmware)
		machine_firmware(&pc);
}

static void operate(struct input *input)
{
	uint8_t byte;
	unsigned unit;

	switch (take(input, 1) % 16) {
	case 0:
	case 1:
	case 2:
	case 3: access_port(input, false); break;
	case 4:
	case 5:
	case 6: access_port(input, true); break;
	case 7: access_memory(input, take(input, 1) & 3); break;
	case 8:
	case 9: advance_clock(input); break;
	case 10:
		unit = (unsigned)take(input, 1);
		machine_set_line(&pc, unit % 17, unit & 0x80);
		break;
	case 11:
		if (machine_intr(&pc))
			machine_acknowledge(&pc);
		break;
	case 12:
		unit = (unsigned)take(input, 1) % MACHINE_UARTS;
		byte = (uint8_t)take(input, 1);
		if (byte == 0)
			uart_receive_break(&pc.device[DEVICE_UART0 + unit]);
		else
			require(uart_receive(&pc.device[DEVICE_UART0 + unit], &byte, 1) <= 1, "input taken");
		break;
	case 13:
		unit = (unsigned)take(input, 1) % MACHINE_UARTS;
		fake_platform.serial_full[unit] = !fake_platform.serial_full[unit];
		if (!fake_platform.serial_full[unit])
			uart_output_ready(&pc.device[DEVICE_UART0 + unit]);
		break;
	case 14: save_and_load(); break;
	default:
		byte = (uint8_t)take(input, 1);
		if (byte < 0x40)
			start_anew(byte & 1);
		else if (byte < 0x60)
			machine_report_error(&pc, byte << 3);
		else if (byte < 0x70)
			acpi_pm_power_button(&pc.device[DEVICE_ACPI_PM]);
		else if (byte < 0x80)
			type(input);
		else if (byte < 0x84)
			look_at_screen();
		else
			load_broken(input);
		break;
	}
	require(fake_platform.intr == machine_intr(&pc), "INTR is told");
	require(fake_platform.deadline == machine_deadline(&pc), "the deadline is told");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct machine_config config = {.uarts = MACHINE_UARTS, .screen = true, .hpet = true};
	struct input input = {data, size};

	memset(&pc, 0, sizeof(pc));
	fake_platform_init(&fake_platform);
	typing_forget(&typing);
	fake_x86.tsc = 0;
	fake_platform.clock.epoch = 1700000000;
	fake_platform.deadline = DEADLINE_NONE;
	require(fake_platform_create(&fake_platform, &pc, &config) == 0, "a machine can be made");
	for (unsigned i = 0; i < MAX_OPERATIONS && input.left; i++) {
		cost_begin();
		operate(&input);
		cost_end(0, COST, 0);
		for (unsigned u = 0; u < MACHINE_UARTS; u++)
			fake_platform.serial_length[u] = 0;
	}
	return 0;
}
