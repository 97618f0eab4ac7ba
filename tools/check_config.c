/* SPDX-License-Identifier: MIT */
/*
 * Check a config table and its images on the host with the monitor's own parser and loaders.
 *
 *   check-config FILE             the mistakes, as FILE:LINE: message; or the effective table.
 *   check-config --files FILE     the image files that it names, each once, one a line.
 *   check-config --document       the reference of all keys, as Markdown.
 *
 * Exit status: 0 good, 1 the table has mistakes, 2 it cannot be read or wrong usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include "boot/multiboot2.h"
#include "guests/config/config.h"
#include "tools/check_images.h"

#define ERRORS_MAX 100
#define FILE_MAX   CONFIG_SIZE_MAX

static struct config table;
static struct config_error errors[ERRORS_MAX];

static void check_put_line(void *context, const char *line)
{
	fprintf(context, "%s\n", line);
}

/* Read the whole file; says why and returns null if it cannot. */
static char *check_read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *text = malloc(FILE_MAX + 1);

	if (!file || !text) {
		fprintf(stderr, "%s: cannot open the config file: %s\n", path, strerror(errno));
		free(text);
		if (file)
			fclose(file);
		return NULL;
	}
	*size = fread(text, 1, FILE_MAX + 1, file);
	if (ferror(file) || *size > FILE_MAX) {
		fprintf(stderr, "%s: %s\n", path,
		        ferror(file) ? "cannot read the config file; is it a folder?"
		                     : "larger than 4 MiB, so not a config file");
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

static void check_print_mistake(const char *path, unsigned line, const char *text)
{
	if (line)
		fprintf(stderr, "%s:%u: %s\n", path, line, text);
	else
		fprintf(stderr, "%s: %s\n", path, text);
}

static int check_compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All images, each once, as many VMs may share one; null without memory. */
static const char **check_image_names(size_t *count)
{
	size_t max = (2 + CONFIG_MODULES_MAX) * (size_t)table.guest_count, named = 0;
	const char **names = malloc((max + 1) * sizeof(*names));

	if (!names)
		return NULL;
	for (unsigned i = 0; i < table.guest_count; i++) {
		const struct guest_config *guest = &table.guest[i];

		names[named++] = guest->kernel;
		if (guest->initrd[0])
			names[named++] = guest->initrd;
		for (unsigned n = 0; n < guest->module_count; n++)
			names[named++] = guest->module[n].path;
	}
	qsort(names, named, sizeof(*names), check_compare_names);
	*count = 0;
	for (size_t i = 0; i < named; i++)
		if (*count == 0 || strcmp(names[*count - 1], names[i]) != 0)
			names[(*count)++] = names[i];
	return names;
}

static void check_print_table(void)
{
	uint64_t total = config_memory_total(&table);
	bool mega = total % MIB(1) == 0;
	unsigned count = 0;

	for (unsigned i = 0; i < table.guest_count; i++)
		count += table.guest[i].autostart;
	config_print(&table, check_put_line, stdout);
	printf("\n# VMs: %u. Start by themselves: %u, with a total of %llu%c of memory.\n", table.guest_count,
	       count, (unsigned long long)total >> (mega ? 20 : 10), mega ? 'M' : 'K');
}

/* Report the mistakes, or print what is asked for. */
static int check_table(const char *path, const char *text, size_t size, void *storage, bool files)
{
	unsigned count = config_parse(text, size, storage, &table, errors, ERRORS_MAX);
	const char **names;
	size_t name_count;

	for (unsigned i = 0; i < count && i < ERRORS_MAX; i++)
		check_print_mistake(path, errors[i].line, errors[i].text);
	if (count > ERRORS_MAX)
		fprintf(stderr, "%s: %u more mistakes are not shown\n", path, count - ERRORS_MAX);
	count += check_images(&table, path, check_print_mistake);
	names = check_image_names(&name_count);
	if (!names) {
		fprintf(stderr, "check-config: no memory\n");
		return 2;
	}
	if (name_count >= BOOT_MODULES_MAX) { /* the table itself is one, too */
		fprintf(stderr,
		        "%s: %zu different images are named, but no more than %u can be booted; "
		        "let VMs share them\n",
		        path, name_count, BOOT_MODULES_MAX - 1);
		count++;
	}
	if (!count && !files)
		check_print_table();
	for (size_t i = 0; !count && files && i < name_count; i++)
		printf("%s\n", names[i]);
	free(names);
	return count != 0;
}

static int check_run(const char *path, bool files)
{
	size_t size;
	char *text = check_read_file(path, &size);
	void *storage;
	int status;

	if (!text)
		return 2;
	storage = malloc(config_storage_size(text, size) + 1);
	status = check_table(path, text, size, storage, files);
	free(storage);
	free(text);
	return status;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--document") == 0) {
		config_document(check_put_line, stdout);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "--files") == 0)
		return check_run(argv[2], true);
	if (argc == 2 && argv[1][0] != '-')
		return check_run(argv[1], false);
	fprintf(stderr, "usage: check-config [--files] FILE | --document\n");
	return 2;
}
