/* SPDX-License-Identifier: MIT */
/*
 * The shell: line editor, history, completion, commands. What it prints is played on a small
 * terminal.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "lib/x86.h"
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"
#include "vmm/cpu/cpu.h"
#include "vmm/observe/log.h"
#include "vmm/shell/shell.h"
#include "vmm/cpu/shutdown.h"
#include "vmm/shell/shell_live.h"
#include "vmm/cpu/time.h"
#include "rigs/shell_direct.h"

/* A terminal that knows what the shell uses: CR, LF, BEL, ESC [ K, ESC [ n D. */
static struct {
	char line[256]; /* the current one */
	unsigned column, bells;
	char all[16384]; /* all lines that are complete */
} terminal;

static struct cpu boot_cpu = {.self = &boot_cpu};
static struct channel *attached;
static jmp_buf end;
static enum { NOTHING, POWERED_OFF, RESTARTED } ended;
static enum log_level level;
static char ran[256];

static void new_line(void)
{
	size_t length = strlen(terminal.all);

	snprintf(terminal.all + length, sizeof(terminal.all) - length, "%s\n", terminal.line);
	memset(terminal.line, 0, sizeof(terminal.line));
	terminal.column = 0;
}

static const char *sequence(const char *at)
{
	unsigned number = 0;

	for (at++; *at >= '0' && *at <= '9'; at++)
		number = number * 10 + (unsigned)(*at - '0');
	if (*at == 'K') {
		memset(terminal.line + terminal.column, 0, sizeof(terminal.line) - terminal.column);
	} else if (*at == 'D') {
		assert_true(number <= terminal.column);
		terminal.column -= number;
	} else {
		assert_true(*at == 'H' || *at == 'J');
	}
	return at;
}

void console_put(const void *bytes, size_t length)
{
	char text[1024];

	assert_true(length < sizeof(text));
	memcpy(text, bytes, length);
	text[length] = '\0';
	for (const char *at = text; *at; at++) {
		switch (*at) {
		case '\r': terminal.column = 0; break;
		case '\n': new_line(); break;
		case '\a': terminal.bells++; break;
		case '\x1b': at = sequence(at + 1); break;
		default:
			assert_true(terminal.column < sizeof(terminal.line) - 1);
			terminal.line[terminal.column++] = *at;
			break;
		}
	}
}

void console_write(const char *text, size_t length)
{
	shell_hide_prompt();
	for (size_t i = 0; i < length; i++)
		console_put(text + i, 1);
}

bool console_away(void)
{
	return attached;
}

static struct cpu_call *called; /* what the run loop does next */

void cpu_call(struct cpu *cpu, struct cpu_call *call)
{
	assert_ptr_equal(cpu, &boot_cpu);
	called = call;
}

static void run_loop(void)
{
	while (called) {
		struct cpu_call *call = called;

		called = NULL;
		call->run(call);
	}
}

struct channel *console_attached(void)
{
	return attached;
}

static const char *arriving; /* on the line while the console is polled */

void console_poll(void)
{
	const char *text = arriving;

	arriving = NULL;
	for (; text && *text; text++)
		shell_input((uint8_t)*text);
	if (!attached)
		shell_show_prompt();
}

void log_print(enum log_level at, const char *format, ...)
{
	(void)at;
	(void)format;
}

void log_level_set(enum log_level to)
{
	level = to;
}

static bool previous_survives;

bool log_replay_previous(void (*put)(const char *text, size_t length))
{
	if (previous_survives)
		put("of the run before\n", 18);
	return previous_survives;
}

void log_replay(void (*put)(const char *text, size_t length))
{
	char piece[1024];

	put("first message\n", 14);
	put("second message\n", 15);
	memset(piece, '\n', sizeof(piece));
	memcpy(piece + sizeof(piece) - 4, "end", 3);
	put(piece, sizeof(piece)); /* longer than what shell_print() takes */
}

/* What is live: its timer is ours. */
static struct timer *armed;
static uint64_t armed_for;
static unsigned steps_left, steps, ends;

void cpu_timer_arm(struct cpu *cpu, struct timer *timer, uint64_t deadline)
{
	assert_ptr_equal(cpu, &boot_cpu);
	armed = deadline == TIMER_NEVER ? NULL : timer;
	armed_for = deadline;
}

void shutdown_power_off(void)
{
	ended = POWERED_OFF;
	longjmp(end, 1);
}

void shutdown_reset(void)
{
	ended = RESTARTED;
	longjmp(end, 1);
}

static void run(unsigned count, const char *const *arguments)
{
	snprintf(ran, sizeof(ran), "%u", count);
	for (unsigned i = 0; i < count; i++) {
		strcat(ran, "|");
		strcat(ran, arguments[i]);
	}
}

static const char *vm(unsigned index)
{
	static const char *const names[] = {"debian", "devuan", "mach"};

	return index < ARRAY_SIZE(names) ? names[index] : NULL;
}

/* clang-format off */
static const struct shell_command commands[] = {
	{"start", "VM",      "start a VM",      1, 1, run, vm},
	{"stat",  "[VM]",    "numbers of a VM", 0, 1, run, vm},
	{"many",  "A B ...", "takes some",      2, 8, run, NULL},
	{"hold",  "VM...",   "hold VMs",        1, SHELL_ARGUMENTS_MAX, run, vm},
};
/* clang-format on */

static int setup(void **state)
{
	(void)state;
	memset(&terminal, 0, sizeof(terminal));
	attached = NULL;
	ran[0] = '\0';
	ended = NOTHING;
	fake_x86_reset();
	fake_x86.per_cpu = &boot_cpu;
	fake_x86.tsc = 1000;
	time_set_rate(1000000000);
	armed = NULL;
	steps = ends = 0;
	shell_init();
	shell_add_commands(commands, ARRAY_SIZE(commands));
	shell_show_prompt();
	return 0;
}

/* By hand: the run loop comes by after every byte. */
static void type(const char *text)
{
	for (; *text; text++) {
		shell_input((uint8_t)*text);
		run_loop();
	}
}

static bool said(const char *text)
{
	return strstr(terminal.all, text);
}

static void assert_line(const char *text, unsigned cursor)
{
	char expected[256];

	snprintf(expected, sizeof(expected), "nacre> %s", text);
	assert_string_equal(terminal.line, expected);
	assert_int_equal(terminal.column, 7 + cursor);
}

static void test_prompt(void **state)
{
	(void)state;
	assert_line("", 0);
	assert_false(shell_prompt_hidden());
	type("he");
	console_write("a message\n", 10);
	assert_string_equal(terminal.line, "");
	assert_true(shell_prompt_hidden());
	assert_true(said("a message\n"));
	assert_false(said("nacre> he"));
	shell_show_prompt();
	assert_line("he", 2);
	console_write("another\n", 8);
	type("l"); /* typing brings it back as well */
	assert_line("hel", 3);
}

static void test_editing(void **state)
{
	(void)state;
	type("stort x");
	type("\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D");
	assert_line("stort x", 2);
	type("\x1b[3~a");
	assert_line("start x", 3);
	type("\x01>\x05<");
	assert_line(">start x<", 9);
	type("\x1b[H\x1b[3~\x1b[F\x7f");
	assert_line("start x", 7);
	type("\x1bOH\x1b[C\x06\x02");
	assert_line("start x", 1);
	type("\x1b[1~\x1b[D"); /* no further than the start */
	assert_line("start x", 0);
	type("\b");
	assert_line("start x", 0);
	type("\x1b[4~\x1b[C");
	assert_line("start x", 7);
	type("yz  \x17");
	assert_line("start ", 6);
	type("\x02\x02\x0b");
	assert_line("star", 4);
	type("\x15");
	assert_line("", 0);
	type("gone\x03");
	assert_line("", 0);
	assert_true(said("nacre> gone^C\n"));
	type("\x0c\x1b[1;5C\x1bx\x80\xff"); /* odd keys do nothing */
	assert_line("", 0);
}

static void test_long_line(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SHELL_LINE_MAX + 20; i++)
		type("x");
	assert_int_equal(strlen(terminal.line), 7 + SHELL_LINE_MAX - 1);
	assert_int_equal(terminal.bells, 21);
	type("\r");
	assert_true(said("There is no command 'xxx"));
	type("many");
	for (unsigned i = 0; i < 9; i++)
		type(" a");
	type("\r");
	assert_true(said("Usage: many A B ...\n"));
}

static void test_commands(void **state)
{
	(void)state;
	type("start debian\r");
	assert_string_equal(ran, "1|debian");
	assert_line("", 0);
	type("  many   a  b c   \r\n"); /* CR LF is one end of line */
	assert_string_equal(ran, "3|a|b|c");
	type("many a b c d e f g h\n");
	assert_string_equal(ran, "8|a|b|c|d|e|f|g|h");
	ran[0] = '\0';
	type("start\r");
	assert_true(said("Usage: start VM\n"));
	type("many a\r");
	assert_true(said("Usage: many A B ...\n"));
	type("stat a b\r");
	assert_true(said("Usage: stat [VM]\n"));
	type("frobnicate now\r");
	assert_true(said("There is no command 'frobnicate'; 'help' lists them.\n"));
	assert_string_equal(ran, "");
	terminal.all[0] = '\0';
	type("   \r\r");
	assert_string_equal(terminal.all, "nacre>    \nnacre> \n");
}

/* It is not left until somebody types again. */
static void test_input_that_comes_during_an_answer(void **state)
{
	(void)state;
	type("help log");
	arriving = "help stat\r";
	type("\r");
	assert_true(said("\nstat [VM]: numbers of a VM\n"));
}

static void test_help(void **state)
{
	(void)state;
	type("help\r");
	assert_true(said("  start      VM                              start a VM\n"));
	assert_true(said("  poweroff "));
	assert_true(said("Ctrl-A ?"));
	terminal.all[0] = '\0';
	type("help stat\r");
	assert_true(said("\nstat [VM]: numbers of a VM\n"));
	type("help nothing\r");
	assert_true(said("There is no command 'nothing'"));
}

static void test_log(void **state)
{
	(void)state;
	type("log\r");
	assert_true(said("first message\nsecond message\n"));
	assert_true(said("end\n"));
	type("log debug\r");
	assert_int_equal(level, LOG_DEBUG);
	type("log error\r");
	assert_int_equal(level, LOG_ERROR);
	type("log previous\r");
	assert_true(said("No log of an earlier run has survived"));
	previous_survives = true;
	type("log previous\r");
	assert_true(said("\nof the run before\n"));
	type("log loud\r");
	assert_true(
		said("log: there is no level 'loud'; give error, warning, info or debug, or 'previous'\n"));
}

/* Bytes may come inside of an exit handler: commands run later. */
static void test_waits_for_the_run_loop(void **state)
{
	(void)state;
	for (const char *at = "start mach\r"; *at; at++)
		shell_input((uint8_t)*at);
	assert_string_equal(ran, "");
	assert_line("", 0);
	run_loop();
	assert_string_equal(ran, "1|mach");
	assert_line("", 0);
	ran[0] = '\0';
	assert_null(called);
}

static void test_typed_too_fast(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SHELL_TYPED; i++)
		shell_input('\x15'); /* Ctrl-U */
	assert_int_equal(terminal.bells, 0);
	shell_input('x');
	assert_int_equal(terminal.bells, 1);
	run_loop();
	assert_line("", 0);
	type("y");
	assert_line("y", 1);
}

static void test_the_end(void **state)
{
	(void)state;
	if (!setjmp(end))
		type("poweroff\r");
	assert_int_equal(ended, POWERED_OFF);
	if (!setjmp(end))
		type("reboot\r");
	assert_int_equal(ended, RESTARTED);
}

static void test_history(void **state)
{
	char text[16];

	(void)state;
	type("\x1b[A");
	assert_int_equal(terminal.bells, 1); /* there is none yet */
	type("stat one\rstat two\rstat two\runfinished");
	type("\x1b[A");
	assert_line("stat two", 8);
	type("\x10");
	assert_line("stat one", 8); /* the same line twice is kept once */
	type("\x1b[A");
	assert_line("stat one", 8);
	type("\x1b[B\x0e");
	assert_line("unfinished", 10);
	type("\x1b[B");
	assert_line("unfinished", 10);
	type("\x1b[A\x1b[A!\r");
	assert_string_equal(ran, "1|one!");
	for (unsigned i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "stat %u\r", i);
		type(text);
	}
	for (unsigned i = 0; i < 30; i++)
		type("\x1b[A");
	assert_line("stat 24", 7); /* the last 16 */
}

static void test_completion(void **state)
{
	(void)state;
	type("he\t");
	assert_line("help ", 5);
	type("sta\t");
	assert_line("help sta", 8); /* start and stat: nothing more in common */
	assert_true(said("start  stat  \n"));
	type("r\t");
	assert_line("help start ", 11);
	type("x\t"); /* the second argument is unknown */
	assert_line("help start x", 12);
	assert_int_equal(terminal.bells, 1);
	type("\x15start d\t");
	assert_line("start de", 8);
	type("v\t\r");
	assert_string_equal(ran, "1|devuan");
	type("  log i\t");
	assert_line("  log info ", 11);
	type("\x15zz\t");
	assert_int_equal(terminal.bells, 2);
	type("\x15many x\t");
	assert_int_equal(terminal.bells, 3);
	type("\x02\t"); /* not in the middle of a line */
	assert_int_equal(terminal.bells, 4);
	type("\x05\x15");
	terminal.all[0] = '\0';
	type("\t"); /* everything */
	assert_true(said("help  log  poweroff  reboot  start  stat  many  hold  \n"));
	assert_line("", 0);
}

static void further_names_complete_if_the_command_takes_them(void **state)
{
	(void)state;
	type("hold m\t");
	assert_line("hold mach ", 10);
	type("dev\t\r");
	assert_string_equal(ran, "2|mach|devuan");
	type("start mach dev\t");
	assert_line("start mach dev", 14);
	assert_int_equal(terminal.bells, 1);
}

static void switch_away(unsigned count, const char *const *arguments)
{
	static struct channel channel;

	(void)count;
	(void)arguments;
	attached = &channel;
}

static void test_command_that_switches_away(void **state)
{
	/* clang-format off */
	static const struct shell_command away[] = {
		{"console",                      "VM", "go there", 1, 1, switch_away, NULL}
        };

	(void)state;
	shell_add_commands(away, 1);
	type("console 1\r");
	assert_string_equal(terminal.line, ""); /* no prompt in the VM's console */
}

static bool step(void)
{steps++; console_write("picture\n", 8); return --steps_left;}

static void live_ended(void)
{ends++;}

static const struct shell_live picture = {step, live_ended, 500, false},
			       pause = {step, live_ended, 500, true};

static void begin(unsigned count, const char *const *arguments)
{(void)arguments; shell_live(count ? &pause : &picture);}

/* The time of what is live has come. */
static void fire(void)
{struct timer *timer = armed; assert_non_null(timer); armed = NULL; timer->expired(timer);}

static void add_live(void)
{
	static const struct shell_command top[] = {
		{"top", "[KEEP]", "a picture", 0, 1, begin, NULL}
        };

	shell_add_commands(top, 1);
	steps_left = 3;
}

static void test_live_until_it_is_done(void **state)
{
	(void)state;
	add_live();
	type("top\r\n"); /* LF is no key */
	assert_int_equal(armed_for, 1500);
	assert_int_equal(steps, 0);
	assert_string_equal(terminal.line, "");
	assert_false(shell_prompt_hidden()); /* it is not to be shown */
	fake_x86.tsc = 1600;
	fire();
	assert_int_equal(armed_for, 2100);
	fire();
	assert_string_equal(terminal.line, "");
	assert_int_equal(ends, 0);
	fire();
	assert_int_equal(steps, 3);
	assert_int_equal(ends, 1);
	assert_null(armed);
	assert_line("", 0);
}

static void test_a_key_ends_what_is_live(void **state)
{
	(void)state;
	add_live();
	type("top\r");
	fire();
	type("qh");
	assert_int_equal(ends, 1);
	assert_null(armed);
	assert_line("h", 1);
	type("\x15top keep\r");
	type("st");
	assert_int_equal(ends, 2);
	assert_line("st", 2);
}

static void test_a_vm_console_ends_what_is_live(void **state)
{
	(void)state;
	add_live();
	type("top\r");
	switch_away(0, NULL);
	fire();
	assert_int_equal(steps, 0);
	assert_int_equal(ends, 1);
	assert_string_equal(terminal.line, "");
}

static void test_no_more_tables(void **state)
{
	(void)state;
	for (unsigned i = 2; i < SHELL_TABLES_MAX; i++)
		shell_add_commands(commands, 1);
	expect_assert_failure(shell_add_commands(commands, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_prompt, setup),
		cmocka_unit_test_setup(test_editing, setup),
		cmocka_unit_test_setup(test_long_line, setup),
		cmocka_unit_test_setup(test_commands, setup),
		cmocka_unit_test_setup(test_input_that_comes_during_an_answer, setup),
		cmocka_unit_test_setup(test_help, setup),
		cmocka_unit_test_setup(test_log, setup),
		cmocka_unit_test_setup(test_waits_for_the_run_loop, setup),
		cmocka_unit_test_setup(test_typed_too_fast, setup),
		cmocka_unit_test_setup(test_the_end, setup),
		cmocka_unit_test_setup(test_history, setup),
		cmocka_unit_test_setup(test_completion, setup),
		cmocka_unit_test_setup(further_names_complete_if_the_command_takes_them, setup),
		cmocka_unit_test_setup(test_command_that_switches_away, setup),
		cmocka_unit_test_setup(test_live_until_it_is_done, setup),
		cmocka_unit_test_setup(test_a_key_ends_what_is_live, setup),
		cmocka_unit_test_setup(test_a_vm_console_ends_what_is_live, setup),
		cmocka_unit_test_setup(test_no_more_tables, setup),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
