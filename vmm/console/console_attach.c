/* SPDX-License-Identifier: MIT */
/* What the operator is connected to: coming, leaving, and what is seen then. */
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"
#include "vmm/cpu/time.h"

#define CLEAR_PICTURE "\x1b[2J\x1b[H"
#define DEAF_NS       200000000 /* after a VM was left to which the terminal may still speak */

static struct channel *attach_channel; /* null: the shell */
static bool attach_frozen;             /* the attached screen is not shown: a message is */
static bool attach_returns;            /* to the shell, when what the VM said has been shown */
static uint64_t attach_deaf_until;     /* TSC */

struct channel *console_attached(void)
{
	return attach_channel;
}

void console_freeze_picture(void)
{
	if (!attach_channel || !attach_channel->screen || !channel_attached(attach_channel))
		return;
	attach_frozen = true;
	(void)channel_detach(attach_channel);
	attach_channel->kick(attach_channel);
}

/* Whatever was said in place of the picture has been read. */
void console_thaw_picture(void)
{
	if (!attach_frozen || goto_active())
		return;
	attach_frozen = false;
	channel_lock(attach_channel);
	channel_attach(attach_channel);
	channel_unlock(attach_channel);
	attach_channel->kick(attach_channel);
}

bool console_deaf(void)
{
	return time_now() < attach_deaf_until;
}

bool console_away(void)
{
	return attach_channel || goto_active();
}

/* The owner paints over the line. */
static void attach_show_screen(struct channel *channel)
{
	console_put(CLEAR_PICTURE, sizeof(CLEAR_PICTURE) - 1);
	console_say("[Nacre: VM %u, %.32s, its screen. Ctrl-A m: monitor, Ctrl-A ?: keys]\n", channel->number,
	            channel->name);
	channel_lock(channel);
	channel_attach(channel);
	channel_unlock(channel);
	channel->kick(channel);
}

static void attach_leave(struct channel *channel, bool forget)
{
	if (channel_detach(channel))
		attach_deaf_until = time_now() + time_tsc_from_ns(DEAF_NS);
	/* Output goes to its scrollback from now on: nothing holds it back any more. */
	channel->kick(channel);
	console_leave_vm(channel->screen, forget);
	channel_say_dropped(channel, true);
}

/* `forget`: what waits of the output of the VM that is left is not shown. */
static void attach_switch(struct channel *channel, bool forget)
{
	struct channel *left = attach_channel;

	if (channel == left && channel)
		return;
	goto_cancel();
	if (!left)
		console_shell_hide_prompt();
	if (channel && tagged_on())
		tagged_turn(false);
	attach_channel = NULL; /* messages on the way belong to no VM's line */
	attach_frozen = attach_returns = false;
	replay_cancel();
	console_keys_go_elsewhere();
	if (left)
		attach_leave(left, forget);
	attach_channel = channel;
	if (channel && channel->screen)
		attach_show_screen(channel);
	else if (channel)
		replay_begin(channel);
	else if (left)
		console_say("[Nacre: monitor. Ctrl-A and a digit: that VM, Ctrl-A ?: keys]\n");
}

void console_attach(struct channel *channel)
{
	attach_switch(channel, true);
}

void console_return(void)
{
	attach_returns = replay_goes_on();
	if (!attach_returns)
		attach_switch(NULL, false);
}

void console_replay_attached(void)
{
	replay_poll();
	if (attach_returns)
		console_return();
}

void console_follow_view(void)
{
	struct channel *seen = attach_channel ? channel_find(attach_channel->number) : NULL;

	if (seen && seen != attach_channel)
		console_attach(seen);
}
