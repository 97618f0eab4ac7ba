/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "kernel.h"

#define COM1            0x3f8
#define LINE_DATA_READY 0x01

#define START_MAGIC 0x336ec578
#define TYPE_RAM    1
#define HIGH_START  0x100000

/* struct hvm_start_info of the PVH boot protocol, version 1. */
struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, command_line, rsdp, memory_map;
	uint32_t memory_map_entries, reserved;
};

struct start_memory {
	uint64_t address, size;
	uint32_t type, reserved;
};

static const struct start_info *start_info(uint32_t info)
{
	const struct start_info *start = (const void *)(uint64_t)info;

	return info && start->magic == START_MAGIC ? start : NULL;
}

const char *command_line(uint32_t info)
{
	const struct start_info *start = start_info(info);

	return start && start->command_line ? (const char *)start->command_line : "";
}

uint64_t memory_end(uint32_t info)
{
	const struct start_info *start = start_info(info);
	const struct start_memory *map;

	if (!start || !start->version)
		return 0;
	map = (const void *)start->memory_map;
	for (unsigned i = 0; i < start->memory_map_entries; i++)
		if (map[i].type == TYPE_RAM && map[i].address == HIGH_START)
			return HIGH_START + map[i].size;
	return 0;
}

void read_line(char *line, unsigned size)
{
	unsigned length = 0;

	for (;;) {
		char c;

		while (!(in8(COM1 + 5) & LINE_DATA_READY))
			cpu_relax();
		c = (char)in8(COM1);
		if (c == '\r')
			break;
		if (length < size - 1)
			line[length++] = c;
	}
	line[length] = '\0';
}

bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* What follows `start` if `text` begins with it; else null. */
static const char *behind(const char *text, const char *start)
{
	while (*start && *text == *start)
		text++, start++;
	return *start ? NULL : text;
}

static const char *next_word(const char *text)
{
	while (*text && *text != ' ')
		text++;
	while (*text == ' ')
		text++;
	return text;
}

bool has_word(const char *line, const char *word)
{
	for (; *line; line = next_word(line)) {
		const char *rest = behind(line, word);

		if (rest && (!*rest || *rest == ' '))
			return true;
	}
	return false;
}

uint64_t number_in(const char *line, const char *name, uint64_t other)
{
	for (; *line; line = next_word(line)) {
		const char *rest = behind(line, name);
		uint64_t number = 0;

		if (!rest || *rest++ != '=')
			continue;
		while (*rest >= '0' && *rest <= '9')
			number = number * 10 + (uint64_t)(*rest++ - '0');
		return number;
	}
	return other;
}

/* By channel 2 of the PIT, whose gate and output are at port 61h. */
static uint64_t measured_rate(void)
{
	const uint64_t pit_hz = 1193182;
	const uint16_t count = 11932; /* 10 ms */
	uint64_t start;

	out8(0x61, (in8(0x61) & ~0x02) | 0x01);
	out8(0x43, 0xb0); /* mode 0 */
	out8(0x42, count & 0xff);
	out8(0x42, count >> 8);
	start = read_tsc();
	while (!(in8(0x61) & 0x20))
		cpu_relax();
	return (read_tsc() - start) * pit_hz / count;
}

uint64_t tsc_rate(uint32_t magic)
{
	struct cpuid_result clock = {0};

	if (magic != MULTIBOOT2_LOADED && cpuid(0, 0).eax >= 0x15)
		clock = cpuid(0x15, 0);
	if (!clock.eax || !clock.ebx || !clock.ecx)
		return measured_rate();
	return (uint64_t)clock.ecx * clock.ebx / clock.eax;
}
