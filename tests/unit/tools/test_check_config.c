/* SPDX-License-Identifier: MIT */
/*
 * The check-config program: its three uses, its exit status, and what it says about images. The
 * loaders' own sentences are tested in tests/unit/guests/loaders.
 */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

int check_config_main(int argc, char **argv);
#define main check_config_main
#include "tools/check_config.c"
#undef main
#include "tools/check_images.c"

static char folder[] = "/tmp/check-config.XXXXXX";
static char output[1 << 20]; /* of both streams */

static void write_bytes(const char *name, const void *bytes, size_t size)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

static void write_file(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

/* A Multiboot kernel of 64 bytes at 1 MiB, which takes modules, whose memory ends at `end`. */
static void write_kernel(const char *name, uint32_t end)
{
	const uint32_t header[16] = {0x1badb002, 1 << 16, -(0x1badb002u + (1 << 16)), 0x100000, 0x100000, 0,
	                             end,        0x100020};

	write_bytes(name, header, sizeof(header));
}

/*
 * Run with standard output and standard error in a file, and read that. `config` lies in the
 * folder.
 */
static int run(const char *option, const char *config_name)
{
	char path[200], log[200], *arguments[4] = {(char *)"check-config"};
	int count = 1, status, old_out, old_err;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, config_name ? config_name : "");
	snprintf(log, sizeof(log), "%s/log", folder);
	if (option)
		arguments[count++] = (char *)option;
	if (config_name)
		arguments[count++] = path;
	fflush(NULL);
	old_out = dup(1);
	old_err = dup(2);
	file = fopen(log, "w+");
	assert_non_null(file);
	dup2(fileno(file), 1);
	dup2(fileno(file), 2);
	status = check_config_main(count, arguments);
	fflush(NULL);
	dup2(old_out, 1);
	dup2(old_err, 2);
	close(old_out);
	close(old_err);
	rewind(file);
	output[fread(output, 1, sizeof(output) - 1, file)] = '\0';
	fclose(file);
	return status;
}

/* The output, with the folder's name in front of the first %s. */
static void assert_output(const char *format)
{
	char expected[1024];

	snprintf(expected, sizeof(expected), format, folder, folder);
	assert_string_equal(output, expected);
}

static void test_good(void **state)
{
	(void)state;
	write_file("good.conf", "[vm a]\nkernel = k\ninitrd = i\nmodule = m a b\nmodule = i\n"
	                        "[vm b]\nkernel = k\nmemory = 2M\n");
	assert_int_equal(run(NULL, "good.conf"), 0);
	assert_non_null(strstr(output, "[vm b]\nkernel = k\ninitrd = \ncmdline = \nmemory = 2M\n"));
	assert_non_null(
		strstr(output, "\n\n# VMs: 2. Start by themselves: 2, with a total of 258M of memory.\n"));
	assert_int_equal(run("--files", "good.conf"), 0);
	assert_string_equal(output, "i\nk\nm\n");
}

static void test_total(void **state)
{
	(void)state;
	write_file("total.conf", "[vm a]\nkernel = k\nmemory = 1028K\n[vm b]\nkernel = k\nautostart = no\n");
	assert_int_equal(run(NULL, "total.conf"), 0);
	assert_non_null(
		strstr(output, "\n# VMs: 2. Start by themselves: 1, with a total of 1028K of memory.\n"));
}

/* The most that there may be, all from one image; what is printed is a table again. */
static void test_many(void **state)
{
	static char text[CONFIG_VMS_MAX * 40];
	size_t at = 0;

	(void)state;
	for (unsigned i = 0; i < CONFIG_VMS_MAX; i++)
		at += (size_t)sprintf(text + at, "[vm v%u]\nkernel = k\n", i);
	write_file("most.conf", text);
	assert_int_equal(run("--files", "most.conf"), 0);
	assert_string_equal(output, "k\n");
	assert_int_equal(run(NULL, "most.conf"), 0);
	write_file("again.conf", output);
	assert_non_null(strstr(
		output, "# VMs: 1024. Start by themselves: 1024, with a total of 262144M of memory.\n"));
	assert_int_equal(run("--files", "again.conf"), 0);
	assert_string_equal(output, "k\n");
}

static void test_too_many_images(void **state)
{
	static char text[BOOT_MODULES_MAX * 60];
	size_t at = 0;

	(void)state;
	for (unsigned i = 0; i < BOOT_MODULES_MAX; i++) {
		if (i == BOOT_MODULES_MAX - 1) {
			write_file("full.conf", text);
			assert_int_equal(run("--files", "full.conf"), 0);
		}
		at += (size_t)sprintf(text + at, "[vm v%u]\nkernel = k%u\n", i, i);
		sprintf(output, "k%u", i);
		write_kernel(output, 0);
	}
	write_file("full.conf", text);
	assert_int_equal(run("--files", "full.conf"), 1);
	snprintf(text, sizeof(text),
	         "%s/full.conf: %u different images are named, but no more than %u can be booted; "
	         "let VMs share them\n",
	         folder, BOOT_MODULES_MAX, BOOT_MODULES_MAX - 1);
	assert_string_equal(output, text);
}

static void test_mistakes(void **state)
{
	(void)state;
	write_file("bad.conf", "[vm a]\nkernel = k\nmemroy = 64M\n");
	assert_int_equal(run(NULL, "bad.conf"), 1);
	assert_output("%s/bad.conf:3: unknown key 'memroy' in [vm]; did you mean 'memory'?\n");
	write_file("empty.conf", "");
	assert_int_equal(run("--files", "empty.conf"), 1);
	assert_output("%s/empty.conf: there is no VM; add a section [vm NAME] with a line 'kernel = PATH'\n");
}

static void test_many_mistakes(void **state)
{
	char text[400] = "";

	(void)state;
	for (unsigned i = 0; i < 110; i++)
		strcat(text, "x\n");
	strcat(text, "[vm a]\nkernel = k\n");
	write_file("many.conf", text);
	assert_int_equal(run(NULL, "many.conf"), 1);
	assert_non_null(strstr(output, "many.conf:100: neither"));
	assert_null(strstr(output, "many.conf:101: neither"));
	assert_non_null(strstr(output, "many.conf: 10 more mistakes are not shown\n"));
}

static void test_images(void **state)
{
	(void)state;
	write_file("images.conf", "[vm a]\nkernel = none\n");
	assert_int_equal(run(NULL, "images.conf"), 1);
	assert_output("%s/images.conf:2: kernel 'none' cannot be opened at %s/none: No such file or "
	              "directory; give a path relative to the config file's folder\n");
	write_file("nothing", "");
	write_file("images.conf", "[vm a]\nkernel = k\ninitrd = nothing\n");
	assert_int_equal(run(NULL, "images.conf"), 1);
	assert_output("%s/images.conf:3: initrd 'nothing' is empty; fetch or build it again\n");
	write_file("images.conf", "[vm a]\nkernel = k\nmodule = m\nmodule = gone x\n");
	assert_int_equal(run(NULL, "images.conf"), 1);
	assert_output("%s/images.conf:4: module 'gone' cannot be opened at %s/gone: No such file or "
	              "directory; give a path relative to the config file's folder\n");
	write_file("images.conf", "[vm a]\nkernel = /\n");
	assert_int_equal(run(NULL, "images.conf"), 1);
	assert_output("%s/images.conf:2: kernel '/' is not a regular file; name an image file\n");
}

/* Size of a file without contents: reading it shows that no more is read than must be. */
static void write_hole(const char *name, off_t size)
{
	char path[200];

	write_file(name, "");
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(truncate(path, size), 0);
}

static void assert_refused(const char *config_text, const char *sentence)
{
	write_file("refused.conf", config_text);
	assert_int_equal(run(NULL, "refused.conf"), 1);
	assert_output(sentence);
	assert_int_equal(run("--files", "refused.conf"), 1);
	assert_output(sentence);
}

/* ---- What only the loaders know ---- */

static void a_file_that_is_no_kernel_is_told(void **state)
{
	(void)state;
	write_file("passwd", "root:x:0:0:root:/root:/bin/bash\n");
	assert_refused("[vm a]\n\nkernel = passwd\n",
	               "%s/refused.conf:3: kernel = passwd: the kernel has an unknown format; use a "
	               "Linux bzImage, an ELF file with a PVH note, or a Multiboot kernel\n");
	assert_refused("[vm a]\nkernel = k\ntype = linux\n",
	               "%s/refused.conf:2: kernel = k: the kernel is no Linux kernel (bzImage); correct "
	               "'kernel', or write type = auto\n");
}

static void a_truncated_kernel_is_told(void **state)
{
	static const uint32_t header[12] = {
		0x1badb002, 1 << 16, -(0x1badb002u + (1 << 16)), 0x100000, 0x100000, 0x100031, 0, 0x100020};

	(void)state;
	write_bytes("short", header, sizeof(header));
	assert_refused("[vm a]\nkernel = short\n",
	               "%s/refused.conf:2: kernel = short: the Multiboot kernel is truncated: it has 48 "
	               "bytes of 49; fetch or build it again\n");
}

static void memory_that_is_too_small_is_told(void **state)
{
	(void)state;
	write_kernel("large", 0x200001);
	assert_refused("[vm a]\nkernel = large\nmemory = 2M\n",
	               "%s/refused.conf:2: kernel = large: the Multiboot kernel needs memory up to 2049 "
	               "KiB, and the guest's ends at 2048 KiB; raise 'memory'\n");
	write_file("large.conf", "[vm a]\nkernel = large\nmemory = 2052K\n");
	assert_int_equal(run(NULL, "large.conf"), 0);
}

static void an_initrd_that_does_not_fit_is_told(void **state)
{
	(void)state;
	write_hole("hole", 3L << 30);
	assert_refused("[vm a]\nkernel = k\ninitrd = hole\nmemory = 8G\n",
	               "%s/refused.conf:2: kernel = k: the module of 3145728 KiB does not fit into the "
	               "3144700 KiB beside the kernel; raise 'memory'\n");
	write_hole("hole", 0);
}

static void large_guests_take_no_memory_here(void **state)
{
	(void)state;
	write_hole("hole", 1L << 30);
	write_file("huge.conf", "[vm a]\nkernel = k\ninitrd = hole\nmemory = 1T\n"
	                        "[vm b]\nkernel = k\nmodule = hole x\nmodule = hole\nmemory = 1T\n");
	assert_int_equal(run(NULL, "huge.conf"), 0);
	write_hole("hole", 0);
}

static void modules_that_a_kernel_does_not_take_are_told(void **state)
{
	(void)state;
	assert_refused("[vm a]\nkernel = m\ntype = flat\nmodule = i\n",
	               "%s/refused.conf:2: kernel = m: this kernel takes no modules, only an initrd; "
	               "remove 'module', or put a Multiboot type\n");
}

/* As the monitor refuses it: ELF32, 62 program headers that are notes over 64 KiB of zeroes. */
static void an_image_that_asks_for_too_much_work_is_told(void **state)
{
	static uint8_t file[1 << 16] = {0x7f, 'E', 'L', 'F', 1, 1, 1};
	const uint32_t note[8] = {4, 0x1000, 0, 0, sizeof(file) - 0x1000, 0, 0, 4};

	(void)state;
	file[0x10] = 2;    /* an executable */
	file[0x12] = 3;    /* for a 386 */
	file[0x1c] = 0x34; /* its program headers: where, and how many of which size */
	file[0x2a] = 32;
	file[0x2c] = 62;
	for (unsigned n = 0; n < 62; n++)
		memcpy(file + 0x34 + n * sizeof(note), note, sizeof(note));
	write_bytes("notes", file, sizeof(file));
	assert_refused(
		"[vm a]\nkernel = notes\n",
		"%s/refused.conf:2: kernel = notes: the kernel has more notes, segments, sections or "
		"tags than can be loaded within a millisecond; strip it, or fetch or build it again\n");
}

/* ---- Every mistake of a section ---- */

static void a_misspelt_kernel_does_not_hide_that_there_is_none(void **state)
{
	(void)state;
	write_file("misspelt.conf", "[vm a]\nkernal = k\n");
	assert_int_equal(run(NULL, "misspelt.conf"), 1);
	assert_output("%s/misspelt.conf:2: unknown key 'kernal' in [vm]; did you mean 'kernel'?\n"
	              "%s/misspelt.conf:1: VM 'a' has no kernel; add a line 'kernel = PATH'\n");
}

static void a_wrong_key_does_not_hide_a_wrong_image(void **state)
{
	(void)state;
	write_file("passwd", "root:x:0:0:root:/root:/bin/bash\n");
	write_file("both.conf", "[vm a]\nkernel = passwd\nmemroy = 64M\n");
	assert_int_equal(run(NULL, "both.conf"), 1);
	assert_output("%s/both.conf:3: unknown key 'memroy' in [vm]; did you mean 'memory'?\n"
	              "%s/both.conf:2: kernel = passwd: the kernel has an unknown format; use a Linux "
	              "bzImage, an ELF file with a PVH note, or a Multiboot kernel\n");
	write_file("both.conf", "[vm a]\nkernel = k\ninitrd = gone\ncap = 101\n");
	assert_int_equal(run(NULL, "both.conf"), 1);
	assert_non_null(strstr(output, "both.conf:4: bad value '101' for 'cap'; use 0 to 100\n"));
	assert_non_null(strstr(output, "both.conf:3: initrd 'gone' cannot be opened at "));
}

static void a_wrong_memory_key_brings_no_second_mistake(void **state)
{
	(void)state;
	write_kernel("large", 0x20000000);
	write_file("memory.conf", "[vm a]\nkernel = large\nmemroy = 1G\n");
	assert_int_equal(run(NULL, "memory.conf"), 1);
	assert_output("%s/memory.conf:3: unknown key 'memroy' in [vm]; did you mean 'memory'?\n");
}

static void a_missing_file_does_not_hide_a_wrong_kernel(void **state)
{
	(void)state;
	write_file("passwd", "root:x:0:0:root:/root:/bin/bash\n");
	write_file("missing.conf", "[vm a]\nkernel = passwd\ninitrd = nothing\n");
	write_file("nothing", "");
	assert_int_equal(run(NULL, "missing.conf"), 1);
	assert_output("%s/missing.conf:3: initrd 'nothing' is empty; fetch or build it again\n"
	              "%s/missing.conf:2: kernel = passwd: the kernel has an unknown format; use a Linux "
	              "bzImage, an ELF file with a PVH note, or a Multiboot kernel\n");
}

static void the_images_of_a_vm_without_console_are_checked(void **state)
{
	(void)state;
	write_file("port.conf", "[monitor]\nserial = com2\n[vm a]\nkernel = none\nconsole = com2\n");
	assert_int_equal(run(NULL, "port.conf"), 1);
	assert_non_null(strstr(output, "port.conf:5: the console of VM 'a' is the monitor's own"));
	assert_non_null(strstr(output, "port.conf:4: kernel 'none' cannot be opened at "));
}

static void test_unreadable(void **state)
{
	static char big[CONFIG_SIZE_MAX + 2];

	(void)state;
	assert_int_equal(run(NULL, "absent.conf"), 2);
	assert_output("%s/absent.conf: cannot open the config file: No such file or directory\n");
	assert_int_equal(run(NULL, ""), 2);
	assert_output("%s/: cannot read the config file; is it a folder?\n");
	memset(big, '\n', sizeof(big) - 1);
	write_file("big.conf", big);
	assert_int_equal(run(NULL, "big.conf"), 2);
	assert_output("%s/big.conf: larger than 4 MiB, so not a config file\n");
}

static void test_usage(void **state)
{
	(void)state;
	assert_int_equal(run(NULL, NULL), 2);
	assert_string_equal(output, "usage: check-config [--files] FILE | --document\n");
	assert_int_equal(run("--file", NULL), 2);
	assert_int_equal(run("--file", "good.conf"), 2);
	assert_int_equal(run("--document", NULL), 0);
	assert_non_null(strstr(output, "| `[vm]` | `memory` | `256M` | 1M to 1T"));
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	write_kernel("k", 0);
	write_file("i", "initrd");
	write_file("m", "module");
	return 0;
}

static int remove_folder(void **state)
{
	char command[200];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_total),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_too_many_images),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_many_mistakes),
		cmocka_unit_test(test_images),
		cmocka_unit_test(a_file_that_is_no_kernel_is_told),
		cmocka_unit_test(a_truncated_kernel_is_told),
		cmocka_unit_test(memory_that_is_too_small_is_told),
		cmocka_unit_test(an_initrd_that_does_not_fit_is_told),
		cmocka_unit_test(large_guests_take_no_memory_here),
		cmocka_unit_test(modules_that_a_kernel_does_not_take_are_told),
		cmocka_unit_test(an_image_that_asks_for_too_much_work_is_told),
		cmocka_unit_test(a_misspelt_kernel_does_not_hide_that_there_is_none),
		cmocka_unit_test(a_wrong_key_does_not_hide_a_wrong_image),
		cmocka_unit_test(a_wrong_memory_key_brings_no_second_mistake),
		cmocka_unit_test(a_missing_file_does_not_hide_a_wrong_kernel),
		cmocka_unit_test(the_images_of_a_vm_without_console_are_checked),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
