/* SPDX-License-Identifier: MIT */
/* Console and channels: output, back-pressure, switching, several CPUs. */
#include <ctype.h>
#include <stdio.h>
#include "rigs/console_rig.h"

static void test_early_output_is_immediate(void **state)
{
	(void)state;
	fake_x86_reset();
	on_cpu(0);
	uart_model_reset();
	console_early_init(UART_MODEL_BASE, 9600);
	/* Another processor's words wait for the boot processor, which owns the screen. */
	on_cpu(1);
	console_write("one\n", 4);
	assert_string_equal(uart_model.sent, "");
	on_cpu(0);
	console_write("two\n", 4);
	assert_string_equal(uart_model.sent, "one\r\ntwo\r\n");
	/* The screen comes later, and shows what was said before. */
	memset(text_memory, 0, sizeof(text_memory));
	console_init(&text_mode);
	assert_int_equal(text_memory[0], 0x0700 | 'o');
	assert_int_equal(text_memory[80], 0x0700 | 't');
	console_write("three\n", 6);
	assert_int_equal(text_memory[160], 0x0700 | 't');
	/* The config moves the console: the new line gets all of it as well. */
	console_early_init(0, 0);
	uart_model.sent_count = 0;
	memset(uart_model.sent, 0, sizeof(uart_model.sent));
	console_early_init(UART_MODEL_BASE, 115200);
	assert_string_equal(uart_model.sent, "one\r\ntwo\r\nthree\r\n");
	/* Without any console nothing waits; the port that was asked for is kept. */
	uart_model.present = false;
	assert_false(console_early_init(UART_MODEL_BASE, 115200));
	assert_false(console_serial_answers());
	assert_int_equal(console_serial_port(), UART_MODEL_BASE);
	console_write("four\n", 5);
	assert_int_equal(text_memory[240], 0x0700 | 'f');
}

static void test_buffered_output_never_waits(void **state)
{
	unsigned reads;

	(void)state;
	fake_x86.ins = 0;
	console_write("0123456789abcdefghij", 20);
	reads = fake_x86.ins;
	assert_true(reads <= 4);
	assert_string_equal(uart_model.sent, "0123456789abcdef");
	assert_int_equal(uart_model.ier, 3); /* the rest goes when the transmitter says so */
	assert_true(wanted);
	uart_model_drain();
	assert_true(uart_model_line());
	console_interrupt();
	assert_string_equal(uart_model.sent, "0123456789abcdefghij");
	assert_int_equal(uart_model.ier, 1);
	assert_false(uart_model_line());
	assert_int_equal(uart_model.overflows, 0);
}

static void test_lost_output_is_said(void **state)
{
	static char text[40000];

	(void)state;
	memset(text, 'x', sizeof(text));
	console_write(text, sizeof(text));
	settle();
	/* 32768 fit into the ring, and 16 went out meanwhile or not: the sum is what counts. */
	assert_true(sent("\r\n[Nacre: 7232 bytes of output lost]\r\n"));
	assert_true(uart_model.sent_count >= 32768);
	clear();
	console_write("y\n", 2);
	assert_sent("y\r\n");
}

static void test_vm_output(void **state)
{
	(void)state;
	put(&one.channel, "in the background");
	settle();
	assert_int_equal(uart_model.sent_count, 0);
	console_attach(&one.channel);
	assert_ptr_equal(console_attached(), &one.channel);
	/* What it said, who it is, and its unfinished line again. */
	assert_sent("\r\nin the background\r\n[Nacre: VM 1, first. Ctrl-A m: monitor, Ctrl-A ?: keys]\r\n"
	            "in the background");
	put(&one.channel, "\r\nnow\r\n# ");
	assert_sent("\r\nnow\r\n# ");
	/* A message of the monitor starts a line of its own. */
	console_write("message\n", 8);
	assert_sent("\r\nmessage\r\n");
	console_write("another\n", 8);
	assert_sent("another\r\n");
}

static void test_replay_is_the_newest_16k(void **state)
{
	const char *first, *last;

	(void)state;
	for (unsigned i = 0; i < 30000; i++)
		channel_put(&one.channel, (uint8_t)(i % 100 == 99 ? '\n' : i < 20000 ? 'o' : 'n'));
	console_attach(&one.channel);
	settle();
	first = strchr(uart_model.sent, 'o');
	last = strstr(uart_model.sent, "[Nacre");
	assert_non_null(first);
	assert_int_equal(last - uart_model.sent, 2 + CHANNEL_SCROLLBACK + 0);
	/* Nothing is unfinished: nothing is repeated. */
	assert_string_equal(strchr(last, '\r'), "\r\n");
}

/* 16 KiB of numbered lines, each with a colour and letters of two bytes, and a prompt. */
static void fill_scrollback(struct vm_end *end)
{
	char line[64];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line), "\x1b[3%um%u \xc3\xa4\xc3\xb6\xc3\xbc\x1b[0m\r\n", i % 8, i);
		put(&end->channel, line);
	}
	put(&end->channel, "# ");
}

/* What the scrollback holds, as text from the first whole character on. */
static const char *scrollback_text(const struct vm_end *end)
{
	static char text[CHANNEL_SCROLLBACK + 1];
	char *at = text;

	text[scrollback_copy(&end->scrollback, 0, (uint8_t *)text, CHANNEL_SCROLLBACK)] = 0;
	while ((*at & 0xc0) == 0x80)
		at++;
	return at;
}

/* Neither the interrupt that brings the key nor a poll puts more than a piece of it. */
static void a_replay_goes_in_small_pieces(void **state)
{
	static char expected[CHANNEL_SCROLLBACK + 200];
	size_t before;

	(void)state;
	fill_scrollback(&one);
	before = console_free();
	type("\x01n");
	assert_ptr_equal(console_attached(), &one.channel);
	assert_in_range(before - console_free(), 1, 150);
	while (console_pending()) {
		before = console_free();
		console_poll();
		assert_true(before - console_free() <= 200 || before < console_free());
		uart_model_drain();
	}
	snprintf(expected, sizeof(expected),
	         "\r\n%s\x1b[0m\r\n[Nacre: VM 1, first. Ctrl-A m: monitor, Ctrl-A ?: keys]\r\n# ",
	         scrollback_text(&one));
	assert_string_equal(uart_model.sent, expected);
}

static void what_a_vm_says_comes_after_the_replay(void **state)
{
	(void)state;
	fill_scrollback(&one);
	type("\x01n");
	assert_false(channel_room(&one.channel)); /* it waits, and is told */
	assert_int_equal(one.ready, 0);
	put(&one.channel, "of the debug port, "); /* which does not wait */
	settle();
	assert_int_equal(one.ready, 1);
	assert_true(channel_room(&one.channel));
	put(&one.channel, "more");
	settle();
	assert_true(sent("keys]\r\n# of the debug port, more"));
}

/* Every colour and every letter of two bytes is whole. */
static void assert_whole(const char *at)
{
	for (; *at; at++) {
		if (*at == '\x1b') {
			assert_int_equal(*++at, '[');
			while (isdigit(*++at))
				continue;
			assert_int_equal(*at, 'm');
		} else if (*at & 0x80) {
			assert_int_equal(*at & 0xe0, 0xc0);
			assert_int_equal(*++at & 0xc0, 0x80);
		}
	}
}

static void a_message_never_cuts_what_is_replayed(void **state)
{
	unsigned messages = 0;

	(void)state;
	fill_scrollback(&one);
	for (unsigned i = 0; i < 2000; i++)
		put(&one.channel, i % 300 ? "\xc3\xa4" : "a");
	for (type("\x01n"); !channel_attached(&one.channel); messages++) {
		console_write("<message>\n", 10);
		console_poll();
		for (unsigned i = 0; i < 100; i++) {
			uart_model_drain();
			console_interrupt();
		}
	}
	settle();
	assert_true(messages > 50);
	assert_whole(uart_model.sent);
}

static void a_replay_ends_when_the_operator_goes_elsewhere(void **state)
{
	(void)state;
	fill_scrollback(&one);
	type("\x01n\x01m");
	assert_null(console_attached());
	assert_true(channel_room(&one.channel));
	settle();
	assert_false(sent("[Nacre: VM 1"));
	assert_true(uart_model.sent_count < 1000);
	clear();
	type("\x01n\x01n");
	assert_ptr_equal(console_attached(), &two.channel);
	put(&one.channel, "unseen");
	settle();
	assert_true(sent("[Nacre: VM 2") && !sent("[Nacre: VM 1") && !sent("unseen"));
	assert_false(channel_attached(&one.channel));
	/* The VM is destroyed, and another one gets its place. */
	type("\x01p");
	assert_ptr_equal(console_attached(), &one.channel);
	channel_remove(&one.channel);
	clear();
	add(&one, "again", 1);
	assert_null(console_attached());
	put(&one.channel, "unseen");
	assert_sent("");
}

static void a_vm_that_ends_while_it_is_replayed_is_replayed_whole(void **state)
{
	(void)state;
	fill_scrollback(&one);
	type("\x01n");
	console_return();
	settle();
	assert_null(console_attached());
	assert_true(sent(scrollback_text(&one)));
	assert_true(sent("[Nacre: monitor."));
	/* But not against the operator's will. */
	type("\x01n");
	console_return();
	type("\x01n");
	settle();
	assert_ptr_equal(console_attached(), &two.channel);
}

/* The debug port may be written faster than it is replayed. */
static void a_replay_has_an_end(void **state)
{
	unsigned polls = 0;

	(void)state;
	fill_scrollback(&one);
	type("\x01n");
	while (!channel_attached(&one.channel) && polls++ < 1000) {
		for (unsigned i = 0; i < 100; i++)
			put(&one.channel, "debug\n");
		console_poll();
		uart_model.sent_count = 0;
		for (unsigned i = 0; i < 100; i++) {
			uart_model_drain();
			console_interrupt();
		}
	}
	assert_true(channel_attached(&one.channel));
}

/* The line is slow: most of it still waits when the report comes. */
static void the_last_words_of_a_vm_that_ends_are_shown(void **state)
{
	const char *words = "the last words of a guest that goes, longer than the line's buffer\r\n";

	(void)state;
	console_attach(&one.channel);
	clear();
	for (const char *at = words; *at; at++)
		channel_put(&one.channel, (uint8_t)*at);
	console_write("error: vm first: triple fault\n", 30);
	console_return();
	settle();
	assert_true(sent(words));
	assert_true(strstr(uart_model.sent, "error: vm first") > strstr(uart_model.sent, "last words"));
	assert_null(console_attached());
}

static void test_back_pressure(void **state)
{
	unsigned count = 0;

	(void)state;
	assert_true(channel_room(&one.channel));
	for (unsigned i = 0; i < 100000; i++)
		channel_put(&one.channel, 'd'); /* no listener: always room */
	assert_true(channel_room(&one.channel));
	console_attach(&two.channel);
	clear();
	while (channel_room(&two.channel) && count < 100000) {
		channel_put(&two.channel, (uint8_t)('a' + count % 26));
		count++;
	}
	assert_in_range(count, 8192, 32768);
	assert_true(channel_room(&one.channel));
	assert_int_equal(two.ready, 0);
	/* The monitor still gets its words in. */
	console_write("urgent\n", 7);
	for (unsigned i = 0; i < 5000 && !two.ready; i++) {
		uart_model_drain();
		console_interrupt();
	}
	assert_int_equal(two.ready, 1);
	assert_true(channel_room(&two.channel));
	settle();
	assert_int_equal(two.ready, 1); /* told once */
	assert_true(sent("\r\nurgent\r\n"));
	assert_false(sent("lost"));
	for (unsigned i = 0; i < count; i++) /* all of it, in order */
		assert_int_equal(uart_model.sent[i], 'a' + i % 26);
}

static void test_leaving_frees_a_held_vm(void **state)
{
	(void)state;
	console_attach(&one.channel);
	while (channel_room(&one.channel))
		channel_put(&one.channel, 'x');
	console_attach(&two.channel);
	assert_int_equal(one.ready, 1);
	assert_true(channel_room(&one.channel));
}

/* Its scrollback has it, and the line has the monitor's words at once. */
static void test_what_waits_of_a_vm_that_is_left_is_dropped(void **state)
{
	unsigned count = 0;

	(void)state;
	console_attach(&one.channel);
	clear();
	while (channel_room(&one.channel) && ++count < 100000)
		channel_put(&one.channel, 'x');
	console_write("a message\n", 10); /* this one is kept */
	while (channel_room(&one.channel) && ++count < 100000)
		channel_put(&one.channel, 'x');
	assert_true(count > 8192);
	type("\x01m");
	assert_sent("x\r\na message\r\n\r\n[Nacre: monitor. Ctrl-A and a digit: that VM, Ctrl-A ?: "
	            "keys]\r\n");
	assert_true(one.scrollback.written > count - 1);
	type("\x01"
	     "1");
	settle();
	assert_true(uart_model.sent_count > CHANNEL_SCROLLBACK); /* there was room for all of it */
}

/* What a terminal says by itself, whenever it comes and however it is cut. */
static void test_the_shell_gets_keys_and_no_answers(void **state)
{
	static const char *const answers[] = {
		"\x1b[?64;1;2;6;9;15c", "\x1b[24;80R", "\x1b[0n",          "\x1b[M !!",
		"\x1b[<0;27;12M",       "\x1b[I",      "\x1bP1$r0m\x1b\\", "\x1b]11;rgb:ffff/0000/8080\a",
		"\x1b]lname\x1b\\",     "\x1b[?1;2$y",
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(answers); i++) {
		type(answers[i]);
		for (const char *at = answers[i]; *at; at++) {
			type((char[]){*at, 0});
			fake_x86.tsc += 300000000;
		}
		assert_string_equal(typed, "");
	}
	/* Also between the escape key and the next. */
	type("\x01\x1b[0n"
	     "1");
	assert_ptr_equal(console_attached(), &one.channel);
	type("\x01m\x1b[A\x1b[3~\x1bOPl");
	assert_string_equal(typed, "\x1b[A\x1b[3~\x1bOPl");
}

static void test_keys(void **state)
{
	(void)state;
	type("\x01"
	     "1abc");
	assert_ptr_equal(console_attached(), &one.channel);
	assert_string_equal(one.input, "abc");
	type("\x01");
	type("2x"); /* the escape key may come alone */
	assert_ptr_equal(console_attached(), &two.channel);
	assert_string_equal(two.input, "x");
	type("\x01n");
	assert_ptr_equal(console_attached(), &one.channel);
	type("\x01n");
	assert_ptr_equal(console_attached(), &two.channel);
	type("\x01\x01y");
	assert_string_equal(two.input, "x\x01y");
	type("\x01ml");
	assert_null(console_attached());
	assert_string_equal(typed, "l");
	type("\x01\x01");
	assert_string_equal(typed, "l\x01");
	type("\x01n");
	assert_ptr_equal(console_attached(), &one.channel);
	assert_string_equal(one.input, "abc");
}

static void test_help_and_wrong_keys(void **state)
{
	(void)state;
	type("\x01?");
	settle();
	assert_true(sent("1..9") && sent("go to the next VM") && sent("send a Ctrl-A on"));
	assert_true(sent("first") && sent("second"));
	clear();
	type("\x01"
	     "9");
	assert_sent("[Nacre: there is no VM 9]\r\n");
	type("\x01z");
	assert_sent("[Nacre: Ctrl-A is the escape key; Ctrl-A ? shows the keys]\r\n");
	assert_null(console_attached());
	type("\x01"
	     "1");
	clear();
	type("\x01"
	     "1"); /* already there */
	assert_sent("");
	type("\x01m");
	assert_sent("[Nacre: monitor. Ctrl-A and a digit: that VM, Ctrl-A ?: keys]\r\n");
	channel_remove(&one.channel);
	channel_remove(&two.channel);
	type("\x01n");
	assert_sent("[Nacre: there is no VM]\r\n");
}

static void test_the_operators_line_is_never_held(void **state)
{
	char text[601];

	(void)state;
	memset(text, 'i', 600);
	text[600] = '\0';
	console_attach(&one.channel);
	one.takes = 0;
	type("abc");
	assert_string_equal(one.input, "");
	one.takes = 2;
	channel_input_wanted(&one.channel);
	assert_string_equal(one.input, "ab");
	channel_input_wanted(&one.channel);
	assert_string_equal(one.input, "abc");
	one.takes = 0;
	clear();
	for (unsigned i = 0; i < 30; i++)
		type("0123456789012345678901234567890123456789");
	/* The escape key comes on this line: nothing ever asks the other end to wait. */
	assert_int_equal(uart_model.mcr & 2, 2);
	assert_true(one.channel.input_dropped);
	assert_sent("\a"); /* once */
	type(text);
	assert_sent("");
	one.takes = SIZE_MAX;
	channel_input_wanted(&one.channel);
	assert_int_equal(one.input_count, 3 + CHANNEL_INPUT);
	assert_sent("\r\n[Nacre: 776 typed bytes lost, first did not read them]\r\n");
	/* Leaving says it as well: the VM may never read again. */
	one.takes = 0;
	for (unsigned i = 0; i < 30; i++)
		type("0123456789012345678901234567890123456789");
	clear();
	type("\x01"
	     "2");
	assert_ptr_equal(console_attached(), &two.channel);
	type("to two");
	assert_string_equal(two.input, "to two");
	settle();
	assert_true(sent("[Nacre: 176 typed bytes lost, first did not read them]"));
	assert_int_equal(one.channel.input_dropped, 0);
}

static void type_break(void)
{
	uart_model_type("?"); /* what the receiver makes of it */
	uart_model.errors = 0x18;
	console_interrupt();
}

static void test_a_break_reaches_the_guest_in_its_place(void **state)
{
	(void)state;
	type_break(); /* the shell has no use for it */
	assert_string_equal(typed, "");
	console_attach(&one.channel);
	type("a");
	type_break();
	type("h\x01"
	     "bs");
	assert_int_equal(one.input_count, 5);
	assert_memory_equal(one.input, "a\0h\0s", 5);
	/* What was typed before comes before, also when the guest takes nothing at first. */
	one.takes = 0;
	type("bc");
	type_break();
	type_break();
	type("de");
	assert_int_equal(one.input_count, 5);
	one.takes = SIZE_MAX;
	channel_input_wanted(&one.channel);
	assert_int_equal(one.input_count, 10);
	assert_memory_equal(one.input + 5, "bc\0de", 5); /* two at once are one */
	type("\x01m");
	clear();
	type("\x01"
	     "b");
	assert_sent("[Nacre: there is no serial line here to send BREAK on]\r\n");
}

static void test_numbers(void **state)
{
	static struct vm_end third;

	(void)state;
	channel_remove(&one.channel);
	channel_remove(&one.channel);
	assert_null(channel_find(1));
	add(&third, "third", CHANNELS_MAX);
	assert_ptr_equal(channel_find(CHANNELS_MAX), &third.channel);
	assert_ptr_equal(channel_next(&two.channel), &third.channel);
	assert_ptr_equal(channel_next(&third.channel), &two.channel);
	add(&one, "first again", 1); /* a VM that is made again finds its digit */
	assert_ptr_equal(channel_find(1), &one.channel);
	assert_null(channel_find(0));
	assert_null(channel_find(CHANNELS_MAX + 1));
	assert_int_equal(channel_add(&third.channel, 0), -ERR_OUT_OF_RANGE);
	assert_int_equal(channel_add(&third.channel, CHANNELS_MAX + 1), -ERR_OUT_OF_RANGE);
	assert_int_equal(channel_add(&third.channel, 1), -ERR_EXISTS);
	console_attach(&third.channel);
	channel_remove(&third.channel);
	assert_null(console_attached());
}

/* ---- The second VM is on another CPU ---- */

static void test_input_waits_for_the_vms_cpu(void **state)
{
	(void)state;
	two.cpu = &cpus[1];
	two.sleeps = true;
	console_attach(&two.channel);
	type("ab");
	assert_int_equal(two.kicks, 2);
	assert_string_equal(two.input, "");
	serve(&two);
	assert_string_equal(two.input, "ab");
	two.takes = 0;
	type("c");
	serve(&two);
	two.takes = 1;
	on_cpu(1);
	channel_input_wanted(&two.channel);
	on_cpu(0);
	assert_string_equal(two.input, "abc");
}

static void test_room_is_said_by_a_kick(void **state)
{
	(void)state;
	two.cpu = &cpus[1];
	two.sleeps = true;
	console_attach(&two.channel);
	on_cpu(1);
	while (channel_room(&two.channel))
		channel_put(&two.channel, 'x');
	channel_service(&two.channel); /* for another reason: there is none yet */
	on_cpu(0);
	assert_int_equal(two.ready, 0);
	settle();
	assert_true(two.kicks > 0);
	assert_int_equal(two.ready, 0);
	serve(&two);
	serve(&two);
	assert_int_equal(two.ready, 1);
	/* Leaving is as good as room. */
	on_cpu(1);
	while (channel_room(&two.channel))
		channel_put(&two.channel, 'x');
	on_cpu(0);
	two.kicks = 0;
	console_attach(NULL);
	assert_int_equal(two.kicks, 1);
	serve(&two);
	assert_int_equal(two.ready, 2);
}

static void test_text_of_another_cpu(void **state)
{
	(void)state;
	prompt_exists = true;
	console_poll();
	settle();
	clear();
	on_cpu(1);
	console_write("one\n", 4);
	console_write("two\n", 4);
	assert_int_equal(wanted, 1);
	assert_true(prompt_shown); /* it is not that CPU's */
	assert_string_equal(uart_model.sent, "");
	on_cpu(0);
	assert_true(console_busy());
	console_write("three\n", 6); /* said later, shown later */
	assert_false(prompt_shown);
	assert_sent("one\r\ntwo\r\nthree\r\n");
	assert_true(prompt_shown);
	on_cpu(1);
	console_write("four\n", 5);
	on_cpu(0);
	console_poll();
	assert_sent("four\r\n");
}

/* A report of a death is 60 lines: interrupts and keys do not wait for all of them. */
static void text_of_another_cpu_goes_out_line_by_line(void **state)
{
	size_t before;

	(void)state;
	on_cpu(1);
	for (unsigned i = 0; i < 60; i++)
		console_write("a line of a report, which has as much in it as lines have\n", 58);
	on_cpu(0);
	before = console_free();
	console_poll();
	assert_in_range(before - console_free(), 60, 300);
	settle();
	assert_int_equal(uart_model.sent_count, 60 * 59);
}

static void test_lost_text_of_another_cpu(void **state)
{
	static char text[1000];
	unsigned messages = 0;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	on_cpu(1);
	for (unsigned i = 0; i < 40; i++)
		console_write(text, sizeof(text));
	on_cpu(0);
	settle();
	for (size_t i = 0; i < uart_model.sent_count; i++)
		messages += uart_model.sent[i] == '\n';
	/* 32 fit into the queue; none of them is cut. */
	assert_int_equal(messages, 33);
	assert_true(sent("[Nacre: 8000 bytes of output lost]\r\n"));
}

static void test_prompt(void **state)
{
	(void)state;
	prompt_exists = true;
	assert_true(console_busy());
	console_poll();
	assert_true(prompt_shown);
	settle();
	assert_false(console_busy());
	console_write("log\n", 4); /* hides it, so that it can be drawn below */
	assert_false(prompt_shown);
	assert_true(console_busy());
	console_poll();
	assert_true(prompt_shown);
	console_attach(&one.channel);
	console_poll();
	assert_false(prompt_shown);
	settle(); /* and it is not missed */
	assert_false(prompt_shown);
}

static void test_without_interrupt(void **state)
{
	(void)state;
	console_buffered(false, want);
	console_write("0123456789abcdefghij", 20);
	assert_int_equal(uart_model.ier & 2, 0);
	uart_model_drain();
	uart_model_type("k");
	console_poll(); /* the timer */
	assert_string_equal(uart_model.sent, "0123456789abcdefghij");
	assert_string_equal(typed, "k");
}

static void test_flush(void **state)
{
	(void)state;
	console_write("0123456789abcdefghijklmnopqrstuvwxyz", 36);
	assert_int_equal(uart_model.sent_count, 16);
	uart_model.drain = 1;
	console_flush();
	assert_string_equal(uart_model.sent, "0123456789abcdefghijklmnopqrstuvwxyz");
	assert_int_equal(uart_model.in_fifo, 0);
}

/* Last, since there is no way back. */
static void test_panic_mode(void **state)
{
	(void)state;
	console_write("0123456789abcdefghij\n", 21);
	assert_int_equal(uart_model.sent_count, 16);
	uart_model.drain = 4;
	on_cpu(1); /* which is where it happens */
	console_write("queued\n", 7);
	console_panic_mode();
	assert_string_equal(uart_model.sent, "0123456789abcdefghij\r\nqueued\r\n");
	assert_int_equal(uart_model.ier, 0);
	console_write("panic\n", 6);
	assert_string_equal(uart_model.sent, "0123456789abcdefghij\r\nqueued\r\npanic\r\n");
	uart_model.stuck = true; /* not even a dead UART stops the report on the screen */
	for (unsigned i = 0; i < 10; i++)
		console_write("and on and on\n", 14);
}

/* Port E9h does not ask for room. */
static void test_debug_port_leaves_room(void **state)
{
	(void)state;
	console_attach(&one.channel);
	clear();
	for (unsigned i = 0; i < 40000; i++) /* REP OUTSB; the line takes nothing meanwhile */
		channel_put(&one.channel, 'x');
	console_write("the monitor says something\n", 27);
	settle();
	assert_true(sent("the monitor says something"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_early_output_is_immediate),
		console_test(test_buffered_output_never_waits),
		console_test(test_lost_output_is_said),
		console_test(test_vm_output),
		console_test(test_replay_is_the_newest_16k),
		console_test(a_replay_goes_in_small_pieces),
		console_test(what_a_vm_says_comes_after_the_replay),
		console_test(a_message_never_cuts_what_is_replayed),
		console_test(a_replay_ends_when_the_operator_goes_elsewhere),
		console_test(a_vm_that_ends_while_it_is_replayed_is_replayed_whole),
		console_test(a_replay_has_an_end),
		console_test(the_last_words_of_a_vm_that_ends_are_shown),
		console_test(test_back_pressure),
		console_test(test_leaving_frees_a_held_vm),
		console_test(test_what_waits_of_a_vm_that_is_left_is_dropped),
		console_test(test_the_shell_gets_keys_and_no_answers),
		console_test(test_keys),
		console_test(test_help_and_wrong_keys),
		console_test(test_the_operators_line_is_never_held),
		console_test(test_a_break_reaches_the_guest_in_its_place),
		console_test(test_numbers),
		console_test(test_input_waits_for_the_vms_cpu),
		console_test(test_room_is_said_by_a_kick),
		console_test(test_text_of_another_cpu),
		console_test(text_of_another_cpu_goes_out_line_by_line),
		console_test(test_lost_text_of_another_cpu),
		console_test(test_prompt),
		console_test(test_without_interrupt),
		console_test(test_flush),
		console_test(test_panic_mode),
		console_test(test_debug_port_leaves_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
