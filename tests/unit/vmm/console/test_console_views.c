/* SPDX-License-Identifier: MIT */
/* What the operator sees: keys, go-to, serial line or screen, the tagged view. */
#include <stdio.h>
#include "rigs/console_rig.h"

static struct vm_end third, screen;

static int setup_more(void **state)
{
	setup(state);
	add(&third, "web-3", 300);
	add_screen(&screen, "first", 1);
	return 0;
}

static int teardown_more(void **state)
{
	channel_remove(&third.channel);
	channel_remove(&screen.channel);
	return teardown(state);
}

/* ---- Keys ---- */

/* docs/console.md lists every key by the name and the help that Ctrl-A ? shows. */
static void test_the_page_has_every_key(void **state)
{
	static char page[65536];
	FILE *file = fopen("docs/console.md", "r");
	size_t length;

	(void)state;
	assert_non_null(file);
	length = fread(page, 1, sizeof(page) - 1, file);
	page[length] = 0;
	fclose(file);
	type("\x01?");
	settle();
	for (unsigned i = 0; i < console_key_count; i++) {
		char row[160];

		snprintf(row, sizeof(row), "\n| %s | %s |", console_keys[i].name, console_keys[i].help);
		if (!strstr(page, row))
			fail_msg("docs/console.md has no row \"%s\"", row + 1);
		assert_true(sent(console_keys[i].help));
	}
}

static void test_round_and_round(void **state)
{
	(void)state;
	type("\x01p");
	assert_ptr_equal(console_attached(), &third.channel);
	type("\x01p");
	assert_ptr_equal(console_attached(), &two.channel);
	type("\x01p");
	assert_ptr_equal(console_attached(), &one.channel);
	type("\x01p");
	assert_ptr_equal(console_attached(), &third.channel);
	type("\x01n");
	assert_ptr_equal(console_attached(), &one.channel);
}

static void test_help_lists_some(void **state)
{
	static struct vm_end many[20];

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		add(&many[i], "many", 10 + i);
	type("\x01?");
	settle();
	assert_true(sent("first") && sent("23      many") && sent("and more; the monitor's command 'list'"));
	assert_false(sent("24      many"));
	for (unsigned i = 0; i < 20; i++)
		channel_remove(&many[i].channel);
}

/* ---- Go-to ---- */

static void test_go_to_a_number(void **state)
{
	(void)state;
	type("\x01g300\r");
	assert_ptr_equal(console_attached(), &third.channel);
	assert_string_equal(third.input, "");
	type("\x01"
	     "02\r");
	assert_ptr_equal(console_attached(), &two.channel);
	clear();
	type("\x01g99\r");
	assert_ptr_equal(console_attached(), &two.channel);
	assert_sent(
		"[Nacre: number or name of the VM: 99]\r\n[Nacre: there is no VM '99' on this console]\r\n");
	for (const char *const *wrong =
	             (const char *const[]){"0", "1025", "99999999999999999999999999", NULL};
	     *wrong; wrong++) {
		type("\x01g");
		type(*wrong);
		type("\r");
		assert_ptr_equal(console_attached(), &two.channel);
	}
	assert_string_equal(two.input, "");
}

static void test_go_to_a_name(void **state)
{
	(void)state;
	type("\x01gsecond\r");
	assert_ptr_equal(console_attached(), &two.channel);
	type("\x01gwe\r"); /* enough to tell it from the others */
	assert_ptr_equal(console_attached(), &third.channel);
	channel_remove(&one.channel);
	add(&one, "web", 1);
	type("\x01gwe\r"); /* not enough any more */
	assert_ptr_equal(console_attached(), &third.channel);
	settle();
	assert_true(sent("there is no VM 'we'"));
	type("\x01gweb\r");
	assert_ptr_equal(console_attached(), &one.channel);
}

static void test_go_to_is_edited_and_cancelled(void **state)
{
	char long_name[100];

	(void)state;
	type("\x01g1x\x7f\b2\r");
	assert_ptr_equal(console_attached(), &two.channel);
	clear();
	type("\x01g30\x03");
	type("x");
	assert_sent("[Nacre: number or name of the VM: 30]\r\n");
	assert_string_equal(two.input, "x");
	type("\x01g3\x01"
	     "1"); /* the escape key is still that */
	assert_ptr_equal(console_attached(), &one.channel);
	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	type("\x01g");
	type(long_name);
	type("\r\x01g\r");
	assert_ptr_equal(console_attached(), &one.channel);
	assert_string_equal(one.input, "");
}

static void test_go_to_and_the_prompt(void **state)
{
	(void)state;
	prompt_exists = true;
	console_poll();
	assert_true(prompt_shown);
	type("\x01g");
	assert_false(prompt_shown);
	settle();
	assert_false(prompt_shown); /* and the processor does not wait for it */
	console_write("message\n", 8);
	type("\x03");
	settle();
	assert_true(sent("VM: \r\nmessage\r\n"));
	assert_true(prompt_shown);
}

/* ---- Serial line and screen ---- */

static void test_two_views(void **state)
{
	(void)state;
	type("\x01"
	     "1");
	assert_ptr_equal(console_attached(), &one.channel);
	type("\x01s");
	assert_ptr_equal(console_attached(), &screen.channel);
	assert_int_equal(screen.changes, 1);
	settle();
	assert_true(sent("its screen. Ctrl-A m"));
	assert_string_equal(uart_model.sent + uart_model.sent_count - 9, "<picture>");
	type("key");
	assert_string_equal(screen.input, "key");
	assert_string_equal(one.input, "");
	clear();
	put(&screen.channel, "\x1b[2;1Hmore");
	assert_sent("\x1b[2;1Hmore");
	put(&one.channel, "log\r\n");
	assert_sent("");
	type("\x01s");
	assert_ptr_equal(console_attached(), &one.channel);
	assert_int_equal(screen.changes, 2);
	settle();
	/* No trace of the picture is left, and what the serial line said meanwhile is there. */
	assert_true(sent(TERMINAL_SANE "\x1b[2J\x1b[H\r\nlog\r\n[Nacre: VM 1"));
	clear();
	put(&screen.channel, "nobody looks");
	assert_sent("");
	/* Remembered. */
	type("\x01s\x01"
	     "2\x01"
	     "1");
	assert_ptr_equal(console_attached(), &screen.channel);
	type("\x01"
	     "2");
	clear();
	type("\x01s");
	assert_sent("[Nacre: second has no screen on this console]\r\n");
	type("\x01m");
	clear();
	type("\x01s");
	assert_sent("[Nacre: this is the monitor; Ctrl-A and a digit go to a VM]\r\n");
}

static void test_a_silent_serial_line_gives_way(void **state)
{
	(void)state;
	console_attach(&one.channel);
	settle();
	clear();
	on_cpu(1);
	channel_set_lively(&screen.channel);
	assert_int_equal(wanted, 1);
	on_cpu(0);
	console_poll();
	assert_ptr_equal(console_attached(), &screen.channel);
	/* A loader wrote to the screen; now the kernel speaks on the serial line. */
	clear();
	on_cpu(1);
	put(&one.channel, "x");
	assert_int_equal(wanted, 1);
	put(&one.channel, "y");
	assert_int_equal(wanted, 1);
	on_cpu(0);
	console_poll();
	assert_ptr_equal(console_attached(), &one.channel);
	type("\x01s"); /* the operator knows better */
	console_poll();
	assert_ptr_equal(console_attached(), &screen.channel);
	put(&one.channel, "z");
	console_poll();
	assert_ptr_equal(console_attached(), &screen.channel);
}

static void test_the_first_view(void **state)
{
	(void)state;
	channel_set_lively(&screen.channel);
	assert_ptr_equal(channel_find(1), &screen.channel);
	put(&one.channel, "x");
	assert_ptr_equal(channel_find(1), &one.channel);
	channel_set_view(1, CHANNEL_VIEW_SCREEN);
	assert_ptr_equal(channel_find(1), &screen.channel);
	channel_set_view(1, CHANNEL_VIEW_SERIAL);
	assert_ptr_equal(channel_find(1), &one.channel);
	channel_remove(&one.channel);
	assert_ptr_equal(channel_find(1), &screen.channel);
	channel_set_view(1, CHANNEL_VIEW_SCREEN);
	channel_remove(&screen.channel);
	assert_null(channel_find(1));
	add(&one, "first", 1);
	add_screen(&screen, "first", 1);
	assert_ptr_equal(channel_find(1), &one.channel); /* a new VM, a new choice */
	assert_int_equal(channel_add(&third.channel, 1), -ERR_EXISTS);
}

/* It can be read afterwards, also in a file that recorded the line, and the picture comes back. */
static void test_a_report_takes_the_place_of_the_picture(void **state)
{
	(void)state;
	type("\x01"
	     "1\x01s");
	clear();
	screen.changes = 0;
	console_write("a report\n", 9);
	put(&screen.channel, "\x1b[5;5Hmore of the picture");
	console_write("of two lines\n", 13);
	assert_sent(TERMINAL_SANE "\x1b[999;1H\r\na report\r\nof two lines\r\n");
	assert_int_equal(screen.changes, 1);
	assert_false(channel_attached(&screen.channel));
	type("k"); /* it has been read */
	assert_int_equal(screen.changes, 2);
	assert_sent("<picture>");
	assert_string_equal(screen.input, "k");
	type("k");
	assert_int_equal(screen.changes, 2);
	/* A question is not painted over while it is answered. */
	type("\x01g1");
	assert_int_equal(screen.changes, 3);
	type("\x03k");
	assert_int_equal(screen.changes, 4);
	assert_string_equal(screen.input, "kkk");
}

static void test_a_screen_is_removed(void **state)
{
	(void)state;
	type("\x01"
	     "1\x01s");
	assert_ptr_equal(console_attached(), &screen.channel);
	channel_remove(&screen.channel);
	assert_null(console_attached());
	type("\x01"
	     "1");
	assert_ptr_equal(console_attached(), &one.channel);
}

static void test_dropped_output(void **state)
{
	(void)state;
	console_attach(&two.channel);
	channel_drop_output(&two.channel);
	assert_null(console_attached());
	put(&two.channel, "anything");
	assert_true(channel_room(&two.channel));
	assert_int_equal(two.scrollback.written, 0);
	assert_null(channel_find(2));
	type("\x01"
	     "1\x01n");
	assert_ptr_equal(console_attached(), &third.channel);
}

/* ---- Tagged ---- */

static void turn_tagged(void)
{
	type("\x01t");
	clear();
}

static void test_tagged_lines(void **state)
{
	(void)state;
	console_attach(&one.channel);
	type("\x01t");
	assert_null(console_attached());
	settle();
	assert_true(sent("[Nacre: all VMs' output, each line with its VM's name."));
	clear();
	put(&one.channel, "one ");
	on_cpu(1);
	put(&two.channel, "two\r\n");
	on_cpu(0);
	put(&third.channel, "\x1b[31mred\x1b[0m\r\n\r\n50%\r99%\r\n");
	put(&one.channel, "line\n");
	put(&screen.channel, "\x1b[Hpicture\n");
	put(&third.channel, "\x9b"
	                    "31mM\xc3\xa4rz \xe2\x94\x80 \xc2\xb5 \xc2\x9b"
	                    "1m\n");
	assert_sent("[second] two\r\n[web-3] red\r\n[web-3] \r\n[web-3] 50%\r\n[web-3] 99%\r\n[first] one "
	            "line\r\n[web-3] ?31mM\xc3\xa4rz \xe2\x94\x80 \xc2\xb5 ??1m\r\n");
	type("\x01t");
	assert_sent("[Nacre: no VM's output any more]\r\n");
	put(&one.channel, "more\n");
	assert_sent("");
	console_attach(&one.channel);
	settle();
	assert_true(sent("one line\nmore\n")); /* the scrollback has all of it */
}

static void test_tagged_partial_lines(void **state)
{
	static const char reset[] = "\x1b\n[\x1b[\n[";

	(void)state;
	turn_tagged();
	put(&one.channel, "login: ");
	assert_int_equal(wanted, 1); /* somebody must look again */
	console_poll();
	assert_string_equal(uart_model.sent, "");
	fake_x86.tsc += 250000000;
	console_poll();
	assert_sent("[first] login: \r\n");
	for (unsigned i = 0; i < 150; i++)
		channel_put(&two.channel, (uint8_t)('a' + i / 70));
	fake_x86.tsc += 250000000;
	settle();
	assert_memory_equal(uart_model.sent, "[second] aaaa", 13);
	assert_true(sent("a\r\n[second] bbb") && sent("b\r\n[second] ccc"));
	assert_int_equal(uart_model.sent_count, 150 + 3 * 11);
	clear();
	put(&two.channel, reset); /* sequences that never end do not swallow what follows */
	fake_x86.tsc += 250000000;
	assert_sent("[second] \r\n[second] [\r\n[second] [\r\n");
}

/* A wrapped row would be one without a name, and look like the monitor's. */
static void test_every_row_of_the_tagged_view_has_a_name(void **state)
{
	static const char forged[] = "[Nacre: VM 2, second. Ctrl-A m: monitor, Ctrl-A ?: keys]";
	unsigned column = 0;

	(void)state;
	turn_tagged();
	for (unsigned i = 0; i < 72; i++)
		channel_put(&one.channel, ' ');
	put(&one.channel, forged);
	for (unsigned i = 0; i < 100; i++)
		put(&one.channel, "\xe6\xbc\xa2"); /* two columns each */
	put(&one.channel, "\t\xe6\xbc\xa2\b\b\bx\xe0\x9b"
	                  "2J\xc2\x9b"
	                  "2J\x9b"
	                  "2J\n");
	settle();
	for (const char *at = uart_model.sent; *at; at++) {
		if (!column && *at != '\n')
			assert_memory_equal(at, "[first] ", 8);
		assert_true(column <= 79);
		column = *at == '\n'   ? 0
		         : *at == '\r' ? column
		                       : column + (*at < 0 ? (*at & 0x40 ? 2 : 0) : 1);
	}
	assert_false(sent("\x9b"));
	assert_true(sent("x??2J??2J?2J\r\n"));
}

static void test_tagged_above_the_prompt(void **state)
{
	(void)state;
	turn_tagged();
	prompt_exists = true;
	console_poll();
	on_cpu(1);
	put(&two.channel, "line\n");
	assert_true(prompt_shown);
	on_cpu(0);
	assert_true(console_busy());
	console_poll();
	assert_true(prompt_shown);
	assert_sent("[second] line\r\n");
	type("k"); /* keys are the shell's */
	assert_string_equal(typed, "k");
}

static void test_tagged_holds_nobody_back(void **state)
{
	(void)state;
	turn_tagged();
	for (unsigned i = 0; i < 5000; i++) {
		assert_true(channel_room(&one.channel));
		put(&one.channel, "0123456789\n");
	}
	on_cpu(1);
	console_write("message\n", 8); /* there is still room for it */
	on_cpu(0);
	settle();
	assert_true(sent("message\r\n") && sent("bytes of output lost]"));
}

static void test_tagged_ends_with_a_switch(void **state)
{
	static struct vm_end late;

	(void)state;
	turn_tagged();
	add(&late, "late", 7); /* made meanwhile */
	put(&late.channel, "hello\nunfinished");
	settle();
	assert_true(sent("[late] hello"));
	type("\x01"
	     "2");
	clear();
	put(&one.channel, "unseen\n");
	fake_x86.tsc += 250000000;
	assert_sent("");
	type("\x01m");
	clear();
	put(&one.channel, "unseen\n");
	assert_sent("");
	channel_remove(&late.channel);
}

#define views_test(f) cmocka_unit_test_setup_teardown(f, setup_more, teardown_more)

/* CPU 1 begins a line between the boot processor's look at the clock and at the line. */
static void test_tagged_line_has_just_begun(void **state)
{
	(void)state;
	type("\x01t");
	clear();
	fake_x86.tsc += 1000000000;
	fake_x86.tsc_step = 0;
	on_cpu(1);
	fake_x86.tsc += 3000; /* ns */
	put(&two.channel, "on");
	on_cpu(0);
	fake_x86.tsc -= 3000;
	console_poll();
	uart_model_drain();
	console_poll();
	fake_x86.tsc += 3000;
	on_cpu(1);
	put(&two.channel, "e line\n");
	on_cpu(0);
	fake_x86.tsc_step = 100000;
	assert_sent("[second] one line\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		views_test(test_the_page_has_every_key),
		views_test(test_round_and_round),
		views_test(test_help_lists_some),
		views_test(test_go_to_a_number),
		views_test(test_go_to_a_name),
		views_test(test_go_to_is_edited_and_cancelled),
		views_test(test_go_to_and_the_prompt),
		views_test(test_two_views),
		views_test(test_a_silent_serial_line_gives_way),
		views_test(test_the_first_view),
		views_test(test_a_report_takes_the_place_of_the_picture),
		views_test(test_a_screen_is_removed),
		views_test(test_dropped_output),
		views_test(test_tagged_lines),
		views_test(test_tagged_partial_lines),
		views_test(test_every_row_of_the_tagged_view_has_a_name),
		views_test(test_tagged_above_the_prompt),
		views_test(test_tagged_holds_nobody_back),
		views_test(test_tagged_ends_with_a_switch),
		views_test(test_tagged_line_has_just_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
