/* SPDX-License-Identifier: MIT */
#include "tools/check_images.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "guests/firmware/firmware.h"
#include "guests/firmware/memory_map.h"
#include "guests/loaders/loader.h"
#include "lib/errors.h"

/* ---- Guest memory: what mm/guest_access.c is to the monitor ---- */

static uint64_t memory_size; /* of the guest that is being checked */
/* The loaders read back only what they wrote here: the firmware's tables. */
static uint8_t memory_low[GUEST_HIGH_START];

bool guest_is_backed(const struct guest_map *map, gpa_t gpa, uint64_t size)
{
	return guest_memory_has(memory_size, gpa, size);
}

int guest_load(const struct guest_map *map, gpa_t gpa, const void *data, size_t size)
{
	if (!guest_memory_has(memory_size, gpa, size))
		return -ERR_OUT_OF_RANGE;
	if (gpa < sizeof(memory_low))
		memcpy(memory_low + gpa, data, size);
	return 0;
}

void guest_read(const struct guest_map *map, gpa_t gpa, void *buffer, size_t size)
{
	memset(buffer, 0xff, size);
	if (gpa < sizeof(memory_low) && guest_memory_has(memory_size, gpa, size))
		memcpy(buffer, memory_low + gpa, size);
}

/* A large copy, which the loaders have checked and the monitor would do later. */
static bool memory_skip_copy(void *context, gpa_t gpa, const void *data, uint64_t size)
{
	return true;
}

/* ---- Files ---- */

struct check_file {
	const char *name; /* as the table has it */
	struct image_file image;
	char problem[4400]; /* "": the file is good */
};

struct check {
	const char *config_path;
	check_report *report;
	unsigned mistakes;
	struct check_file **file;
	size_t file_count;
};

static void check_complain(struct check *check, unsigned line, const char *format, ...) printf_like(3, 4);

static void check_complain(struct check *check, unsigned line, const char *format, ...)
{
	char text[4700];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	check->report(check->config_path, line, text);
	check->mistakes++;
}

/* Where an image is that the config file at `config_path` calls `name`. */
static void check_path(const char *config_path, const char *name, char *path, size_t size)
{
	const char *slash = strrchr(config_path, '/');

	if (name[0] == '/' || !slash)
		snprintf(path, size, "%s", name);
	else
		snprintf(path, size, "%.*s/%s", (int)(slash - config_path), config_path, name);
}

/* What to do about a file that is not there. */
static const char *check_remedy(const char *path)
{
	if (strstr(path, "build/guests/"))
		return "make iso CONFIG=FILE fetches what this project names";
	return "give a path relative to the config file's folder";
}

/* Map the file, or leave the rest of a sentence that begins with its key and name. */
static void check_map_file(struct check_file *file, const char *path)
{
	int descriptor = open(path, O_RDONLY | O_NONBLOCK);
	struct stat info;
	void *data;

	if (descriptor < 0 || fstat(descriptor, &info) != 0) {
		snprintf(file->problem, sizeof(file->problem), "cannot be opened at %s: %s; %s", path,
		         strerror(errno), check_remedy(path));
	} else if (!S_ISREG(info.st_mode)) {
		snprintf(file->problem, sizeof(file->problem), "is not a regular file; name an image file");
	} else if (info.st_size == 0) {
		snprintf(file->problem, sizeof(file->problem), "is empty; fetch or build it again");
	} else {
		data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
		if (data == MAP_FAILED)
			snprintf(file->problem, sizeof(file->problem), "cannot be read: %s", strerror(errno));
		else
			file->image = (struct image_file){data, (size_t)info.st_size};
	}
	if (descriptor >= 0)
		close(descriptor);
}

/* The file of that name, which many VMs may share; opened once. */
static struct check_file *check_open(struct check *check, const char *name)
{
	char path[4096];
	struct check_file *file;

	for (size_t i = 0; i < check->file_count; i++)
		if (!strcmp(check->file[i]->name, name))
			return check->file[i];
	file = calloc(1, sizeof(*file));
	check->file = realloc(check->file, (check->file_count + 1) * sizeof(*check->file));
	if (!file || !check->file) {
		fprintf(stderr, "check-config: no memory\n");
		exit(2);
	}
	check->file[check->file_count++] = file;
	file->name = name;
	check_path(check->config_path, name, path, sizeof(path));
	check_map_file(file, path);
	return file;
}

static void check_close(struct check *check)
{
	for (size_t i = 0; i < check->file_count; i++) {
		if (check->file[i]->image.data)
			munmap((void *)check->file[i]->image.data, check->file[i]->image.size);
		free(check->file[i]);
	}
	free(check->file);
}

static bool check_find(void *context, const struct image_name *name, struct image_file *found)
{
	struct check *check = context;
	struct check_file *file;

	if (!name->path[0])
		return false; /* a section without a kernel, which has had its message */
	file = check_open(check, name->path);
	if (file->problem[0])
		check_complain(check, name->line, "%s '%s' %s", name->key, name->path, file->problem);
	*found = file->image;
	return found->data;
}

/* ---- Sections ---- */

/*
 * Where a section has another mistake, the key for its memory may be the wrong one. Then what does
 * not fit now may fit.
 */
static bool check_may_follow(int error, bool left_out)
{
	return left_out && (error == -ERR_NO_MEMORY || error == -ERR_OUT_OF_RANGE);
}

static void check_guest(struct check *check, const struct guest_config *guest, bool left_out)
{
	struct guest_image image = {.config = guest, .defer = memory_skip_copy};
	char reason[GUEST_PROBLEM_MAX];
	struct vcpu_start start;
	int error;

	/* What is wrong with the kernel is told even where another file is missing. */
	if (!guest_image_find(&image, check_find, check) && !image.kernel.data)
		return;
	memory_size = guest->vm.machine.memory;
	error = firmware_load(image.map, &guest->vm.machine);
	if (!error)
		error = guest_load_image(&image, &start, reason, sizeof(reason));
	if (error && !check_may_follow(error, left_out))
		check_complain(check, guest->kernel_line, "kernel = %s: %s", guest->kernel, reason);
}

unsigned check_images(const struct config *config, const char *config_path, check_report *report)
{
	struct check check = {.config_path = config_path, .report = report};

	for (unsigned i = config->left_out_count; i-- > 0;)
		check_guest(&check, &config->left_out[i], true);
	for (unsigned i = 0; i < config->guest_count; i++)
		check_guest(&check, &config->guest[i], false);
	check_close(&check);
	return check.mistakes;
}
