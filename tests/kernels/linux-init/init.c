/* SPDX-License-Identifier: MIT */
/*
 * The init of the measurements: it says when it got the processor, times process creation and first
 * touches of memory in TSC ticks, and ends the machine. Each result is one line "init: NAME N".
 *
 * With reboot=t on the kernel's command line the end is a reboot (a triple fault), which any
 * machine can do; else it is a power-off.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <x86intrin.h>

#define PROCESSES  100
#define TOUCH_SIZE (64ul << 20)
#define PAGE       4096ul

static void report(const char *name, uint64_t value)
{
	char line[80];
	int length = snprintf(line, sizeof(line), "init: %s %llu\n", name, (unsigned long long)value);

	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		_exit(1);
}

/* TSC ticks of PROCESSES times fork, exec of busybox as "true", wait; 0 when one of them failed. */
static uint64_t time_processes(void)
{
	uint64_t start = __rdtsc();

	for (int i = 0; i < PROCESSES; i++) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			execl("/busybox", "true", (char *)NULL);
			_exit(1);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
			return 0;
	}
	return __rdtsc() - start;
}

/* TSC ticks of the first touch of each page of TOUCH_SIZE bytes; 0 when there is no such memory. */
static uint64_t time_touch(void)
{
	uint64_t start;
	volatile char *memory =
		mmap(NULL, TOUCH_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 0;
	start = __rdtsc();
	for (size_t at = 0; at < TOUCH_SIZE; at += PAGE)
		memory[at] = 1;
	return __rdtsc() - start;
}

/* Is `word` on the kernel's command line? */
static bool command_line_has(const char *word)
{
	char line[2048] = "";
	char *rest = line;
	const char *token;
	int file = open("/proc/cmdline", O_RDONLY);

	if (file < 0 || read(file, line, sizeof(line) - 1) < 0)
		return false;
	while ((token = strsep(&rest, " \n")))
		if (!strcmp(token, word))
			return true;
	return false;
}

int main(void)
{
	uint64_t entry = __rdtsc();

	report("main at TSC", entry);
	report("fork+exec x 100", time_processes());
	report("touch 64 MiB", time_touch());
	mount("proc", "/proc", "proc", 0, NULL);
	tcdrain(STDOUT_FILENO);
	reboot(command_line_has("reboot=t") ? RB_AUTOBOOT : RB_POWER_OFF);
	return 1;
}
