/* SPDX-License-Identifier: MIT */
/*
 * The operator's terminal belongs to the operator: whatever a guest prints, Ctrl-A m leads to a
 * usable shell, into which nothing was typed. A model of the terminal answers what it is asked.
 */
#include "rigs/console_rig.h"
#include "rigs/hostile_output.h"
#include "rigs/xterm.h"

#define SEEDS       100
#define LINE_SIZE   64  /* bytes that the line carries between two looks of either end */
#define QUESTIONS   4   /* that a guest may have open */
#define ANSWERS_MAX 256 /* bytes: 22 ms at 115200 baud */
#define PROMPT      "nacre> "
#define GREETING    "[Nacre: monitor. Ctrl-A and a digit: that VM, Ctrl-A ?: keys]"

static struct xterm terminal;
static size_t shown; /* bytes of uart_model.sent that the terminal has */
static uint64_t seed;
static unsigned answers_most; /* bytes in front of the operator's next key, at most so far */

static unsigned random_below(unsigned limit)
{
	return hostile_random(&seed, limit);
}

/* ---- The shell, as far as its prompt goes ---- */

static void shell_show_prompt(void)
{
	if (prompt_exists && !prompt_shown)
		console_put("\r\x1b[K" PROMPT, sizeof("\r\x1b[K" PROMPT) - 1);
	prompt_shown = prompt_exists;
}

static void shell_hide_prompt(void)
{
	if (prompt_shown)
		console_put("\r\x1b[K", 4);
	prompt_shown = false;
}

/* ---- The line ---- */

static void line_to_terminal(size_t bytes)
{
	for (; bytes; bytes--) {
		if (shown == uart_model.sent_count)
			uart_model_drain();
		console_interrupt();
		if (shown == uart_model.sent_count)
			break;
		xterm_take(&terminal, (uint8_t)uart_model.sent[shown++]);
	}
	if (shown == uart_model.sent_count)
		shown = uart_model.sent_count = 0;
}

static void line_from_terminal(unsigned bytes)
{
	char text[LINE_SIZE + 1];

	bytes = xterm_send(&terminal, text, MIN(bytes, LINE_SIZE));
	text[bytes] = '\0';
	if (!bytes)
		return;
	uart_model.received_count = uart_model.received_read = 0;
	type(text);
}

/* The operator presses keys, which wait for what the terminal has to say. */
static void operator_types(const char *keys)
{
	answers_most = MAX(answers_most, terminal.answered);
	xterm_type(&terminal, keys);
}

/* Both ways, until nothing is on its way; some milliseconds pass. */
static void line_settle(void)
{
	for (unsigned i = 0; i < 5000; i++) {
		line_to_terminal(LINE_SIZE);
		line_from_terminal(LINE_SIZE);
		console_poll();
		if (!console_pending() && !terminal.answered && shown == uart_model.sent_count)
			return;
		fake_x86.tsc += 1000000;
	}
	fail_msg("the line does not come to rest");
}

/* For 300 ms the line carries what there is, both ways. */
static void line_pause(void)
{
	for (unsigned i = 0; i < 50; i++) {
		line_from_terminal(LINE_SIZE);
		line_to_terminal(LINE_SIZE);
	}
	fake_x86.tsc += 300000000;
}

/* ---- What a guest prints ---- */

static void guest_puts(const char *text)
{
	for (; *text; text++) {
		for (unsigned i = 0; i < 1000 && !channel_room(&one.channel); i++)
			line_to_terminal(LINE_SIZE);
		channel_put(&one.channel, (uint8_t)*text);
	}
}

static void guest_prints(unsigned pieces)
{
	char text[HOSTILE_MAX];

	while (pieces--) {
		guest_puts(hostile_piece(&seed, text));
		if (random_below(8) == 0)
			line_to_terminal(random_below(200));
		if (random_below(8) == 0)
			line_from_terminal(random_below(LINE_SIZE));
		if (random_below(16) == 0)
			xterm_click(&terminal);
		if (random_below(32) == 0)
			line_pause();
	}
}

/* ---- What the operator must see ---- */

static int setup_terminal(void **state)
{
	setup(state);
	console_set_shell((struct console_shell){rig_shell_input, shell_hide_prompt, shell_show_prompt,
	                                         rig_shell_prompt_hidden});
	if (!screen_present())
		console_init(&text_mode);
	prompt_exists = true;
	prompt_shown = false;
	xterm_reset(&terminal);
	shown = answers_most = 0;
	line_settle();
	return 0;
}

static int teardown_terminal(void **state)
{
	prompt_exists = prompt_shown = false;
	return teardown(state);
}

/* The screen ends with `above` and the shell's prompt, with the cursor after it. */
static void assert_shell(const char *above)
{
	char text[XTERM_COLUMNS + 1];

	if (xterm_insane(&terminal))
		fail_msg("%s was left", xterm_insane(&terminal));
	assert_int_equal(terminal.column, strlen(PROMPT));
	assert_true(terminal.row > 0);
	xterm_row(&terminal, terminal.row, text);
	assert_string_equal(text, "nacre>");
	assert_false(terminal.cells[terminal.row][0].styled);
	xterm_row(&terminal, terminal.row - 1, text);
	assert_string_equal(text, above);
	assert_false(terminal.cells[terminal.row - 1][0].styled);
	for (unsigned row = terminal.row + 1; row < XTERM_ROWS; row++) {
		xterm_row(&terminal, row, text);
		assert_string_equal(text, "");
	}
}

/* The machine's own screen shows the prompt in plain colours. */
static void assert_prompt_on_screen(void)
{
	while (screen_draw(SIZE_MAX))
		continue;
	for (unsigned row = 25; row--;) {
		const uint16_t *cells = text_memory + row * 80;

		if (cells[0] == (0x0700 | 'n') && cells[5] == (0x0700 | '>'))
			return;
	}
	fail_msg("no prompt on the machine's screen");
}

static void assert_nothing_typed(void)
{
	xterm_click(&terminal);
	line_settle();
	assert_string_equal(typed, "");
	assert_int_equal(two.input_count, 0);
}

static void run_seeds(void (*run)(void))
{
	for (unsigned i = 1; i <= SEEDS; i++) {
		seed = i;
		print_message(i == 1 ? "seed %u" : " %u", i); /* the last one is that of a failure */
		setup_terminal(NULL);
		run();
		teardown_terminal(NULL);
	}
	print_message("\n");
}

/* One has printed what it likes, and the operator looks at it. */
static void come_to_the_guest(unsigned pieces)
{
	operator_types("\x01"
	               "1");
	line_settle();
	assert_ptr_equal(console_attached(), &one.channel);
	guest_prints(pieces);
}

static void leave_for_the_shell(void)
{
	come_to_the_guest(1 + random_below(100));
	operator_types("\x01");
	guest_prints(random_below(4));
	operator_types("m");
	guest_prints(random_below(10)); /* it does not stop because it is left */
	line_settle();
	assert_null(console_attached());
	assert_shell(GREETING);
	assert_prompt_on_screen();
	assert_nothing_typed();
	operator_types("list");
	line_settle();
	assert_string_equal(typed, "list");
	assert_true(answers_most <= ANSWERS_MAX);
}

static void test_the_shell_is_usable_whatever_a_guest_printed(void **state)
{
	(void)state;
	run_seeds(leave_for_the_shell);
}

static void leave_for_another_vm(void)
{
	come_to_the_guest(1 + random_below(50));
	operator_types("\x01"
	               "2");
	guest_prints(random_below(10));
	line_settle();
	assert_ptr_equal(console_attached(), &two.channel);
	if (xterm_insane(&terminal))
		fail_msg("%s was left", xterm_insane(&terminal));
	assert_nothing_typed();
	operator_types("login");
	line_settle();
	assert_string_equal(two.input, "login");
}

static void test_answers_to_a_vm_reach_no_other(void **state)
{
	(void)state;
	run_seeds(leave_for_another_vm);
}

static void see_what_was_printed(void)
{
	unsigned asked;

	guest_prints(200);
	asked = terminal.asked;
	operator_types("\x01"
	               "1");
	line_settle();
	assert_int_equal(terminal.asked, asked);
	assert_int_equal(terminal.bells, 0);
	assert_false(terminal.titled || terminal.other || terminal.stopped);
	assert_int_equal(one.input_count, 0);
	/* The picture again, and again it asks nothing. */
	operator_types("\x01m\x01"
	               "1");
	line_settle();
	assert_int_equal(terminal.asked, asked);
	assert_int_equal(one.input_count, 0);
}

static void test_a_replay_asks_nothing(void **state)
{
	(void)state;
	run_seeds(see_what_was_printed);
}

static void read_a_report(void)
{
	char text[XTERM_COLUMNS + 1];

	come_to_the_guest(1 + random_below(50));
	console_write("vm first: ended\nits registers\n", 30);
	line_settle();
	if (xterm_insane(&terminal))
		fail_msg("%s was left", xterm_insane(&terminal));
	xterm_row(&terminal, terminal.row - 2, text);
	assert_string_equal(text, "vm first: ended");
	xterm_row(&terminal, terminal.row - 1, text);
	assert_string_equal(text, "its registers");
	assert_false(terminal.cells[terminal.row - 1][0].styled);
}

static void test_a_report_is_read_whatever_a_guest_printed(void **state)
{
	(void)state;
	run_seeds(read_a_report);
}

static void turn_the_machine_off(void)
{
	come_to_the_guest(1 + random_below(50));
	uart_model.drain = 16;
	console_flush();
	uart_model.drain = 0;
	while (shown < uart_model.sent_count)
		xterm_take(&terminal, (uint8_t)uart_model.sent[shown++]);
	if (xterm_insane(&terminal))
		fail_msg("%s was left", xterm_insane(&terminal));
}

static void test_a_power_off_leaves_a_sane_terminal(void **state)
{
	(void)state;
	run_seeds(turn_the_machine_off);
}

/* A guest may ask, but its questions do not fill the line. */
static void test_the_escape_key_waits_for_few_answers(void **state)
{
	(void)state;
	come_to_the_guest(0);
	one.takes = 0; /* and it does not read what is answered */
	for (unsigned i = 0; i < 90; i++)
		guest_puts("\x1b[c");
	line_to_terminal(1000);
	assert_int_equal(terminal.asked, QUESTIONS);
	operator_types("\x01m");
	assert_true(answers_most <= ANSWERS_MAX);
	assert_int_equal(uart_model.mcr & 2, 2); /* RTS */
	line_settle();
	assert_null(console_attached());
	assert_nothing_typed();
	/* Who reads the answers may ask again, and so may who asked a terminal that gives none. */
	one.takes = SIZE_MAX;
	come_to_the_guest(0);
	for (unsigned i = 1; i < 20; i++) {
		guest_puts("\x1b[6n");
		line_settle();
		assert_int_equal(terminal.asked, QUESTIONS + i);
	}
	for (unsigned i = 0; i < 90; i++)
		guest_puts("\x1b[c");
	line_to_terminal(1000);
	terminal.answered = 0;
	fake_x86.tsc += 1000000000;
	guest_puts("\x1b[c");
	line_to_terminal(1000);
	assert_int_equal(terminal.asked, QUESTIONS + 19 + QUESTIONS + 1);
}

/* Full-screen programs work, also after a visit to the shell. */
static void test_a_full_screen_program_is_found_as_it_was(void **state)
{
	char text[XTERM_COLUMNS + 1];

	(void)state;
	come_to_the_guest(0);
	guest_puts(
		"# vi\r\n\x1b[?1049h\x1b[?1h\x1b=\x1b[?2004h\x1b[?1000;1006h\x1b[H\x1b[2J\x1b(0lqqk\x1b(B\x1b[12;5Hhello");
	line_settle();
	for (unsigned visit = 0; visit < 2; visit++) {
		assert_true(terminal.private[1049] && terminal.private[1] && terminal.private[2004] &&
		            terminal.keypad);
		assert_true(terminal.private[1000] && terminal.private[1006]);
		xterm_row(&terminal, 0, text);
		assert_string_equal(text, "????");
		xterm_row(&terminal, 11, text);
		assert_string_equal(text, "    hello");
		assert_int_equal(terminal.row, 11);
		assert_int_equal(terminal.column, 9);
		operator_types("\x01m");
		line_settle();
		assert_shell(GREETING);
		operator_types("\x01"
		               "1");
		line_settle();
	}
	/* A message comes between, and the program's next output brings its modes back. */
	console_write("message\n", 8);
	line_settle();
	assert_false(terminal.private[1]);
	guest_puts("x");
	line_settle();
	assert_true(terminal.private[1049] && terminal.private[1] && terminal.private[2004] &&
	            terminal.keypad);
	guest_puts("\x1b[?1049l\x1b[?1l\x1b>\x1b[?2004l\x1b[?1000;1006l");
	line_settle();
	assert_null(xterm_insane(&terminal));
}

/* Last, since there is no way back. */
static void test_a_panic_is_read(void **state)
{
	char text[XTERM_COLUMNS + 1];

	(void)state;
	setup_terminal(NULL);
	seed = 1;
	come_to_the_guest(30);
	guest_puts("\x1b[30;40m\x1b(0\x1b[?1049h\x1b[3;4r\x1b[?7l\x1bP");
	uart_model.drain = 16;
	on_cpu(1);
	console_panic_mode();
	console_write("Nacre panic\n", 12);
	while (shown < uart_model.sent_count)
		xterm_take(&terminal, (uint8_t)uart_model.sent[shown++]);
	assert_null(xterm_insane(&terminal));
	xterm_row(&terminal, terminal.row - 1, text);
	assert_string_equal(text, "Nacre panic");
	assert_false(terminal.cells[terminal.row - 1][0].styled);
}

#define terminal_test(f) cmocka_unit_test_setup_teardown(f, setup_terminal, teardown_terminal)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_shell_is_usable_whatever_a_guest_printed),
		cmocka_unit_test(test_answers_to_a_vm_reach_no_other),
		cmocka_unit_test(test_a_replay_asks_nothing),
		cmocka_unit_test(test_a_report_is_read_whatever_a_guest_printed),
		cmocka_unit_test(test_a_power_off_leaves_a_sane_terminal),
		terminal_test(test_the_escape_key_waits_for_few_answers),
		terminal_test(test_a_full_screen_program_is_found_as_it_was),
		cmocka_unit_test(test_a_panic_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
