/* SPDX-License-Identifier: MIT */
/* Shared by the files of the console, and the shell. */
#ifndef VMM_CONSOLE_CONSOLE_INTERNAL_H
#define VMM_CONSOLE_CONSOLE_INTERNAL_H

#include "vmm/console/console_channel.h"

/* ---- From any CPU ---- */

/*
 * A piece of the attached VM's output, for which console_room() said there is room. `changed`: the
 * modes that the VM expects (struct terminal_filter); they come first if they were reset.
 */
void console_put_vm(const struct filter_piece *piece, uint32_t changed);

/* Room for the attached VM's output? A part of the ring is kept for the monitor. */
bool console_room(void);

/* Is half of the ring free, so that a VM that was held back may go on? */
bool console_half_free(void);

/* Bytes that fit into the ring now. */
size_t console_free(void);

/* Something is to be done that no interrupt announces: have console_poll() called. */
void console_want(void);

/* ---- On the boot processor ---- */

/* Put bytes as they are into the ring of the real console; what does not fit is counted as lost. */
void console_put(const void *bytes, size_t length);

/* Begin a line of the monitor's, wherever the VM has left the cursor. */
void console_begin_line(void);

/*
 * The operator leaves a VM, which puts nothing any more. With `forget`, what waits of its output is
 * not shown. The terminal is as the monitor wants it: at the start of a line, or cleared.
 */
void console_leave_vm(bool clear, bool forget);

/* Bring the modes back that a VM has changed: the operator comes to it again. */
void console_restore_modes(uint32_t changed);

/* A message after which the cursor stays in its line. */
void console_say(const char *format, ...) printf_like(1, 2);

/* One byte that the operator typed. */
void console_key(uint8_t byte);

/* Keys have another reader from now on. What remains of a sequence is for neither. */
void console_keys_go_elsewhere(void);

/* The other end of the line sent BREAK. */
void console_break(void);

/*
 * If a VM's screen is attached, nothing more of it is shown until the next key, which has all of it
 * painted again: a message comes in its place.
 */
void console_freeze_picture(void);

/* The operator has read what came in the place of the picture. */
void console_thaw_picture(void);

/*
 * Is it so short after a VM was left that a sequence may be the terminal's answer to it? Then none
 * is taken for a key.
 */
bool console_deaf(void);

/* Attached to a VM, or asked for one: the shell's prompt is not on the screen. */
bool console_away(void);

/*
 * Did the attached VM begin to use the other of its two, so that this should be shown instead? Then
 * it is.
 */
void console_follow_view(void);

/* Show the next piece of what the VM that was attached last said before. */
void console_replay_attached(void);

/* The keys after Ctrl-A: help, docs/console.md and what they do come from here. */
struct console_key {
	uint8_t first, last; /* the range of bytes */
	const char *name, *help;
	void (*press)(uint8_t key);
};
extern const struct console_key console_keys[];
extern const unsigned console_key_count;

/* ---- Asking which VM to go to (console_goto.c) ---- */

void goto_start(uint8_t key);
bool goto_active(void);
void goto_cancel(void);
void goto_key(uint8_t byte);

/* ---- The replay of a scrollback (console_replay.c) ---- */

/* The operator comes to a serial line: begin to show what is kept of it, then attach it. */
void replay_begin(struct channel *channel);

/* Show the next piece, if there is room for it. The last one attaches the channel. */
void replay_poll(void);

/* The operator goes elsewhere: no more of it, and the channel is not attached. */
void replay_cancel(void);

/* Is there more? And is there room for it now? */
bool replay_goes_on(void);
bool replay_ready(void);

/* Queue one byte of input, then kick. False: dropped. */
bool channel_receive(struct channel *channel, uint8_t byte);

/*
 * Queue a BREAK after what was typed before, then kick; several at once are one. False: it has no
 * line.
 */
bool channel_receive_break(struct channel *channel);

/* Say how much was dropped, unless much is still waiting and it need not be now. */
void channel_say_dropped(struct channel *channel, bool now);

/* The terminal has answered a question of the attached VM. */
void channel_answered(struct channel *channel);

/*
 * The channel's lock, and what is done under it when the operator comes or goes. From
 * channel_hold() on there is no room for the VM, until channel_attach(). After channel_detach() the
 * channel must be kicked; true: answers of the terminal may be on their way.
 */
void channel_lock(struct channel *channel);
void channel_unlock(struct channel *channel);
void channel_hold(struct channel *channel);
void channel_attach(struct channel *channel);
bool channel_detach(struct channel *channel);

/* Has the VM something to say for which there was no room, and is there some now? */
bool channel_may_go_on(struct channel *channel);

/* The index-th channel of any kind, null where there is none; 0..CHANNEL_SLOTS-1. */
#define CHANNEL_SLOTS (2 * CHANNELS_MAX)
struct channel *channel_slot(unsigned index);

/* ---- The tagged view (console_tagged.c) ---- */

bool tagged_on(void);
void tagged_turn(bool on);

/* A piece of output, FILTER_TEXT; the channel's lock is held. */
void tagged_put(struct channel *channel, const uint8_t *bytes, size_t count);

/* Forget the unfinished line; the channel's lock is held. */
void tagged_drop(struct channel *channel);

/* Are there unfinished lines, which tagged_poll() shows after a while? */
bool tagged_waiting(void);
void tagged_poll(void);

/* ---- The shell (console_shell.c): struct console_shell has the contracts ---- */

void console_shell_input(uint8_t byte);
void console_shell_hide_prompt(void);
void console_shell_show_prompt(void);
bool console_shell_prompt_hidden(void);

/* ---- Ports of their own (console_ports.c); the channel's lock is held except in ports_*() ---- */

void port_put(struct console_port *port, uint8_t byte);
bool port_room(const struct console_port *port);
bool port_half_free(const struct console_port *port);
void port_hold_input(struct console_port *port, bool hold);
bool ports_bound(void);
void ports_poll(void);
void ports_unbind(struct channel *channel);

/* ---- Text of any CPU that waits for the boot processor (console_queue.c) ---- */

#define TEXT_QUEUE_SIZE 32768

/* All of it or nothing, which is counted; `reserve` more bytes must be free. */
void text_queue_put(const char *text, size_t length, size_t reserve);
bool text_queue_empty(void);

/* The next line, newline included, or as much of it as fits; returns how many bytes. */
size_t text_queue_take(char *line, size_t size);

/* How many bytes were lost since this was last asked. */
uint64_t text_queue_lost(void);

/* From now on without locks. */
void text_queue_panic_mode(void);

#endif
