/* SPDX-License-Identifier: MIT */
/* Do two config tables say the same, except the lines? For the tests of the parser. */
#ifndef TESTS_UNIT_RIGS_CONFIG_SAME_H
#define TESTS_UNIT_RIGS_CONFIG_SAME_H

#include <string.h>
#include "guests/config/config_keys.h"

static inline bool same_modules(const struct guest_config *a, const struct guest_config *b)
{
	for (unsigned i = 0; i < a->module_count && i < b->module_count; i++)
		if (strcmp(a->module[i].path, b->module[i].path) != 0 ||
		    strcmp(a->module[i].arguments, b->module[i].arguments) != 0)
			return false;
	return a->module_count == b->module_count;
}

static inline bool same_section(enum config_section section, const void *a, const void *b)
{
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_key *key = &config_keys[i];
		const char *of_a = (const char *)a + key->offset, *of_b = (const char *)b + key->offset;

		if (key->section != section)
			continue;
		if (key->kind == KIND_MODULE) {
			if (!same_modules(a, b))
				return false;
		} else if (config_kind_is_text(key->kind)) {
			if (strcmp(*(char *const *)of_a, *(char *const *)of_b) != 0)
				return false;
		} else if (memcmp(of_a, of_b, key->size) != 0) {
			return false;
		}
	}
	return true;
}

static inline bool same_config(const struct config *a, const struct config *b)
{
	if (a->guest_count != b->guest_count || !same_section(SECTION_MONITOR, &a->monitor, &b->monitor))
		return false;
	for (unsigned i = 0; i < a->guest_count; i++)
		if (strcmp(a->guest[i].vm.name, b->guest[i].vm.name) != 0 ||
		    !same_section(SECTION_VM, &a->guest[i], &b->guest[i]))
			return false;
	return true;
}

#endif
