/* SPDX-License-Identifier: MIT */
/* The line editor: keys to lines, lines to commands. */
#include "vmm/shell/shell.h"
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"
#include "vmm/cpu/cpu.h"
#include "vmm/shell/shell_internal.h"
#include "vmm/shell/shell_live.h"
#include "vmm/shell/shell_task.h"

#define PROMPT    "nacre> "
#define TEXT_MAX  512
#define CTRL(key) ((key) - 'A' + 1)
#define ESCAPE    0x1b
#define DELETE    0x7f

static struct {
	bool started, shown; /* the prompt is on the screen */
	char line[SHELL_LINE_MAX];
	unsigned length, cursor;
	char history[SHELL_HISTORY][SHELL_LINE_MAX];
	unsigned remembered;             /* lines ever */
	unsigned back;                   /* how many lines back the editor shows; 0: the new one */
	char execute[SHELL_LINE_MAX];    /* the line whose command runs */
	char unfinished[SHELL_LINE_MAX]; /* the new one, while an old one is shown */
	enum { PLAIN, AFTER_ESCAPE, IN_SEQUENCE } state;
	uint8_t parameter; /* of a sequence: its last digit */
	bool after_cr;
	uint8_t typed[SHELL_TYPED]; /* a ring, until the run loop takes it */
	unsigned head, tail;        /* free-running */
} shell;

static void shell_put(const char *text)
{
	console_put(text, strlen(text));
}

/* The whole line again, from its start: the editor's only way to draw. */
static void shell_redraw(void)
{
	char move[16];

	shell_put("\r\x1b[K" PROMPT);
	console_put(shell.line, shell.length);
	if (shell.cursor < shell.length) {
		format_buffer(move, sizeof(move), "\x1b[%uD", shell.length - shell.cursor);
		shell_put(move);
	}
	shell.shown = true;
}

void shell_hide_prompt(void)
{
	if (!shell.shown)
		return;
	shell.shown = false;
	shell_put("\r\x1b[K");
}

bool shell_prompt_hidden(void)
{
	return shell.started && !shell.shown && !shell_live_runs() && !shell_task_busy();
}

void shell_show_prompt(void)
{
	if (shell_prompt_hidden())
		shell_redraw();
}

void shell_start(void)
{
	memset(&shell, 0, sizeof(shell));
	shell.started = true;
}

void shell_write(const char *text, size_t length)
{
	console_write(text, length);
	shell_task_pass();
}

void shell_print(const char *format, ...)
{
	char text[TEXT_MAX];
	size_t length;
	va_list args;

	va_start(args, format);
	length = (size_t)format_buffer_va(text, sizeof(text), format, args);
	va_end(args);
	shell_write(text, MIN(length, sizeof(text) - 1));
}

static void shell_set_line(const char *text)
{
	shell.length = (unsigned)strnlen(text, SHELL_LINE_MAX - 1);
	memcpy(shell.line, text, shell.length);
	shell.line[shell.length] = '\0';
	shell.cursor = shell.length;
}

static void shell_insert(char c)
{
	if (shell.length == SHELL_LINE_MAX - 1) {
		shell_put("\a");
		return;
	}
	memmove(shell.line + shell.cursor + 1, shell.line + shell.cursor, shell.length - shell.cursor + 1);
	shell.line[shell.cursor++] = c;
	shell.length++;
	if (shell.cursor == shell.length && shell.shown)
		console_put(&c, 1);
	else
		shell_redraw();
}

static void shell_erase(unsigned from, unsigned to)
{
	memmove(shell.line + from, shell.line + to, shell.length - to + 1);
	shell.length -= to - from;
	shell.cursor = from;
	shell_redraw();
}

static void shell_erase_word(void)
{
	unsigned from = shell.cursor;

	while (from && shell.line[from - 1] == ' ')
		from--;
	while (from && shell.line[from - 1] != ' ')
		from--;
	shell_erase(from, shell.cursor);
}

static void shell_move_to(unsigned cursor)
{
	shell.cursor = cursor;
	shell_redraw();
}

static char *shell_remembered(unsigned back)
{
	return shell.history[(shell.remembered - back) % SHELL_HISTORY];
}

static void shell_remember(void)
{
	if (!shell.length || (shell.remembered && !strcmp(shell_remembered(1), shell.line)))
		return;
	memcpy(shell.history[shell.remembered++ % SHELL_HISTORY], shell.line, shell.length + 1);
}

static void shell_recall(unsigned back)
{
	if (back > MIN(shell.remembered, SHELL_HISTORY)) {
		shell_put("\a");
		return;
	}
	if (!shell.back)
		memcpy(shell.unfinished, shell.line, sizeof(shell.unfinished));
	shell.back = back;
	shell_set_line(back ? shell_remembered(back) : shell.unfinished);
	shell_redraw();
}

static void shell_complete_word(void)
{
	char addition[SHELL_LINE_MAX];

	if (shell.cursor != shell.length) {
		shell_put("\a");
		return;
	}
	if (!shell_complete(shell.line, addition, sizeof(addition)))
		shell_put("\a");
	for (const char *at = addition; *at; at++)
		shell_insert(*at);
	shell_show_prompt(); /* a list of candidates has taken its place */
}

static void shell_execute_line(void)
{
	shell_execute(shell.execute);
}

static void shell_finish_line(void)
{
	memcpy(shell.execute, shell.line, sizeof(shell.execute));
	shell_put("\r\n");
	shell_remember();
	shell.back = 0;
	shell_set_line("");
	shell.shown = false;                  /* before the command: its output needs no hiding */
	shell_task_begin(shell_execute_line); /* the prompt follows with console_poll(), after all output */
}

static void shell_abandon_line(void)
{
	shell.back = 0;
	shell_set_line("");
	shell_put("^C\r\n");
	shell_redraw();
}

/* VT100 keys: ESC [ letter, or ESC [ digit ~. */
static void shell_take_sequence(uint8_t byte)
{
	if (byte >= '0' && byte <= '9') {
		shell.parameter = byte;
		return;
	}
	if (byte == ';')
		return;
	shell.state = PLAIN;
	if (byte == '~') /* the numbered keys, as letters */
		byte = shell.parameter == '1'   ? 'H'
		       : shell.parameter == '4' ? 'F'
		       : shell.parameter == '3' ? 'P'
		                                : 0;
	switch (byte) {
	case 'A': shell_recall(shell.back + 1); break;
	case 'B':
		if (shell.back)
			shell_recall(shell.back - 1);
		break;
	case 'C': shell_move_to(MIN(shell.cursor + 1, shell.length)); break;
	case 'D': shell_move_to(shell.cursor ? shell.cursor - 1 : 0); break;
	case 'H': shell_move_to(0); break;
	case 'F': shell_move_to(shell.length); break;
	case 'P':
		if (shell.cursor < shell.length)
			shell_erase(shell.cursor, shell.cursor + 1);
		break;
	default: break;
	}
}

static void shell_take_plain(uint8_t byte)
{
	switch (byte) {
	case '\r':
	case '\n': shell_finish_line(); break;
	case '\t': shell_complete_word(); break;
	case '\b':
	case DELETE:
		if (shell.cursor)
			shell_erase(shell.cursor - 1, shell.cursor);
		break;
	case CTRL('A'): shell_move_to(0); break;
	case CTRL('B'): shell_move_to(shell.cursor ? shell.cursor - 1 : 0); break;
	case CTRL('C'): shell_abandon_line(); break;
	case CTRL('E'): shell_move_to(shell.length); break;
	case CTRL('F'): shell_move_to(MIN(shell.cursor + 1, shell.length)); break;
	case CTRL('K'):
		shell.line[shell.length = shell.cursor] = '\0';
		shell_redraw();
		break;
	case CTRL('L'):
		shell_put("\x1b[H\x1b[J");
		shell_redraw();
		break;
	case CTRL('N'):
		if (shell.back)
			shell_recall(shell.back - 1);
		break;
	case CTRL('P'): shell_recall(shell.back + 1); break;
	case CTRL('U'): shell_erase(0, shell.cursor); break;
	case CTRL('W'): shell_erase_word(); break;
	case ESCAPE: shell.state = AFTER_ESCAPE; break;
	default:
		if (byte >= ' ' && byte < DELETE)
			shell_insert((char)byte);
		break;
	}
}

static void shell_take_byte(uint8_t byte)
{
	bool second = byte == '\n' && shell.after_cr; /* CR LF is one line end */

	shell.after_cr = byte == '\r';
	if (!second && shell_live_key())
		return;
	switch (shell.state) {
	case PLAIN:
		if (!second)
			shell_take_plain(byte);
		break;
	case AFTER_ESCAPE:
		shell.state = byte == '[' || byte == 'O' ? IN_SEQUENCE : PLAIN;
		shell.parameter = 0;
		break;
	case IN_SEQUENCE: shell_take_sequence(byte); break;
	}
}

/* In the boot processor's run loop. What comes while a command is busy waits for its end. */
static void shell_take_typed(struct cpu_call *call)
{
	while (shell.head != shell.tail && !shell_task_busy())
		shell_take_byte(shell.typed[shell.tail++ % SHELL_TYPED]);
	console_poll();
}

static struct cpu_call shell_typed_call = {.run = shell_take_typed};

void shell_command_ended(void)
{
	cpu_call(this_cpu(), &shell_typed_call);
}

void shell_input(uint8_t byte)
{
	if (!shell.started)
		return;
	if (shell.head - shell.tail == SHELL_TYPED)
		shell_put("\a");
	else
		shell.typed[shell.head++ % SHELL_TYPED] = byte;
	cpu_call(this_cpu(), &shell_typed_call);
}
