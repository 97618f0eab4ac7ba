/* Any bytes as a config table: what parses must print, and parse again to the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/config.h"

#define ERRORS 16

struct text {
	char bytes[CONFIG_VMS_MAX * 3000];
	size_t size;
};

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

static void forget_lines(struct config *config)
{
	for (unsigned i = 0; i < config->vm_count; i++) {
		struct vm_config *vm = &config->vm[i];

		vm->line = vm->kernel_line = vm->initrd_line = vm->memory_line = 0;
		vm->cpus_line = vm->console_line = 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config, again;
	static struct config_error errors[ERRORS];
	static struct text text;
	unsigned count = config_parse((const char *)data, size, &config, errors, ERRORS);

	for (unsigned i = 0; i < count && i < ERRORS; i++)
		if (!errors[i].text[0] || strlen(errors[i].text) >= sizeof(errors[i].text) - 1)
			abort(); /* no sentence, or one that was cut */
	if (!count && !config.vm_count)
		abort();
	if (!config.vm_count)
		return 0;
	text.size = 0;
	config_print(&config, collect, &text);
	if (config_parse(text.bytes, text.size, &again, errors, ERRORS))
		abort();
	forget_lines(&config);
	forget_lines(&again);
	if (config.vm_count != again.vm_count ||
	    memcmp(&config.monitor, &again.monitor, sizeof(config.monitor)) != 0 ||
	    memcmp(config.vm, again.vm, config.vm_count * sizeof(config.vm[0])) != 0)
		abort();
	return 0;
}
