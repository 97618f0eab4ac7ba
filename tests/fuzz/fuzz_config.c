/* SPDX-License-Identifier: MIT */
/* Any bytes as a config table: what parses must print, and parse again to the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cost.h"
#include "rigs/config_same.h"

#define ERRORS 16

#define COST      50000
#define COST_BYTE 600 /* a wrong key is compared with all keys, letter by letter */

struct text {
	char bytes[8 << 20];
	size_t size;
};

static struct config_error errors[ERRORS];

static void collect(void *context, const char *line)
{
	struct text *text = context;
	size_t length = strlen(line);

	if (text->size + length + 1 > sizeof(text->bytes) || strchr(line, '\n'))
		abort();
	memcpy(text->bytes + text->size, line, length);
	text->bytes[text->size + length] = '\n';
	text->size += length + 1;
}

/* In exactly the memory that it asks for, so that the sanitizer sees a byte too many. */
static unsigned parse(const void *text, size_t size, struct config *config, void **storage)
{
	size_t needed = config_storage_size(text, size);

	*storage = malloc(needed ? needed : 1);
	return config_parse(text, size, *storage, config, errors, ERRORS);
}

static void print_and_parse_again(const struct config *config)
{
	static struct text text;
	struct config again;
	void *storage;

	text.size = 0;
	config_print(config, collect, &text);
	if (parse(text.bytes, text.size, &again, &storage) || !same_config(config, &again))
		abort();
	free(storage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	void *storage;
	unsigned count;

	cost_begin();
	count = parse(data, size, &config, &storage);
	cost_end(size, COST, COST_BYTE);

	for (unsigned i = 0; i < count && i < ERRORS; i++)
		if (!errors[i].text[0] || strlen(errors[i].text) >= sizeof(errors[i].text) - 1)
			abort(); /* no sentence, or one that was cut */
	if (!count && !config.guest_count)
		abort();
	if (config.guest_count)
		print_and_parse_again(&config);
	free(storage);
	return 0;
}
