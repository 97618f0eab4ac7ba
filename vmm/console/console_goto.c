/* SPDX-License-Identifier: MIT */
/* Ctrl-A g: which VM to go to, by number or name. */
#include "lib/string.h"
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"

#define ANSWER_MAX 40
#define CTRL_C     0x03
#define CTRL_U     0x15
#define ESCAPE     0x1b
#define DELETE     0x7f

static struct {
	bool active;
	unsigned length;
	char text[ANSWER_MAX];
} answer;

bool goto_active(void)
{
	return answer.active;
}

static void goto_put(const char *text)
{
	console_put(text, strlen(text));
}

void goto_start(uint8_t key)
{
	if (!console_attached())
		console_shell_hide_prompt();
	answer.active = true;
	answer.length = 0;
	console_begin_line();
	goto_put("[Nacre: number or name of the VM: ");
}

void goto_cancel(void)
{
	if (!answer.active)
		return;
	answer.active = false;
	goto_put("]\r\n");
}

/* 0 if it is not a number, or too large for one. */
static unsigned goto_number_of(const char *text)
{
	unsigned number = 0;

	for (; *text; text++) {
		if (*text < '0' || *text > '9' || number > CHANNELS_MAX)
			return 0;
		number = number * 10 + (unsigned)(*text - '0');
	}
	return number;
}

static void goto_finish(void)
{
	struct channel *channel;

	answer.text[answer.length] = '\0';
	goto_cancel();
	if (!answer.length)
		return;
	channel = channel_find(goto_number_of(answer.text));
	if (!channel)
		channel = channel_find_name(answer.text);
	if (channel)
		console_attach(channel);
	else
		console_say("[Nacre: there is no VM '%s' on this console]\n", answer.text);
}

void goto_key(uint8_t byte)
{
	switch (byte) {
	case '\r':
	case '\n': goto_finish(); break;
	case CTRL_C:
	case CTRL_U:
	case ESCAPE: goto_cancel(); break;
	case '\b':
	case DELETE:
		if (!answer.length)
			break;
		answer.length--;
		goto_put("\b \b");
		break;
	default:
		if (byte <= ' ' || byte > DELETE || answer.length == ANSWER_MAX - 1)
			break;
		answer.text[answer.length++] = (char)byte;
		console_put(&byte, 1);
		break;
	}
}
