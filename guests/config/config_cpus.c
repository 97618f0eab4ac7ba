/* SPDX-License-Identifier: MIT */
/* Sets of processors in the config table, such as "0,2-3". */
#include "guests/config/config_keys.h"
#include "lib/format.h"
#include "lib/string.h"

/*
 * A number below CONFIG_CPUS_MAX with blanks around it; returns where it ends, or null if there is
 * none.
 */
static const char *cpus_parse_number(const char *at, unsigned *number)
{
	const char *digits;

	while (*at == ' ' || *at == '\t')
		at++;
	for (digits = at, *number = 0; *at >= '0' && *at <= '9'; at++) {
		*number = *number * 10 + (unsigned)(*at - '0');
		if (*number >= CONFIG_CPUS_MAX)
			return NULL;
	}
	if (at == digits)
		return NULL;
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

bool config_cpus_parse(const char *text, uint64_t *cpus)
{
	uint64_t set = 0;

	if (strcmp(text, "all") == 0) {
		*cpus = UINT64_MAX;
		return true;
	}
	for (const char *at = text;; at++) {
		unsigned first, last;

		at = cpus_parse_number(at, &first);
		last = first;
		if (at && *at == '-')
			at = cpus_parse_number(at + 1, &last);
		if (!at || last < first)
			return false;
		for (unsigned i = first; i <= last; i++)
			set |= 1UL << i;
		if (*at == '\0')
			break;
		if (*at != ',')
			return false;
	}
	*cpus = set;
	return true;
}

int config_cpus_print(uint64_t cpus, char *buffer, size_t size)
{
	int used = 0;

	if (cpus == UINT64_MAX)
		return format_buffer(buffer, size, "all");
	for (unsigned first = 0, last; first < CONFIG_CPUS_MAX && used < (int)size; first = last + 1) {
		last = first;
		if (!(cpus >> first & 1))
			continue;
		while (last + 1 < CONFIG_CPUS_MAX && cpus >> (last + 1) & 1)
			last++;
		used += format_buffer(buffer + used, size - (size_t)used, "%s%u", used ? "," : "", first);
		if (last > first && used < (int)size)
			used += format_buffer(buffer + used, size - (size_t)used, "-%u", last);
	}
	return used;
}
