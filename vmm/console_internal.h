/* Shared by console.c (output), console_channel.c, console_keys.c (input and switching) and the shell. */
#ifndef VMM_CONSOLE_INTERNAL_H
#define VMM_CONSOLE_INTERNAL_H

#include "vmm/console_channel.h"

/* ---- From any CPU ---- */

/* One byte of the attached VM, for which console_room() said there is room. */
void console_put_vm(uint8_t byte);

/* Room for the attached VM's output? A part of the ring is kept for the monitor. */
bool console_room(void);

/* Is half of the ring free, so that a VM that was held back may go on? */
bool console_half_free(void);

/* Bytes that fit into the ring now. */
size_t console_free(void);

/* May the other end of the line go on sending? */
void console_hold_input(bool hold);

/* ---- On the boot processor ---- */

/* Put bytes as they are into the ring of the real console; what does not fit is counted as lost. */
void console_put(const void *bytes, size_t length);

/* One byte that the operator typed. */
void console_key(uint8_t byte);

/* Queue one byte of input, then kick. False: dropped. */
bool channel_receive(struct channel *channel, uint8_t byte);

/* The channel's lock, and what is done under it when the operator comes or goes. channel_detach(): true if
 * the VM was held back. */
void channel_lock(struct channel *channel);
void channel_unlock(struct channel *channel);
void channel_attach(struct channel *channel);
bool channel_detach(struct channel *channel);

/* Has the VM something to say for which there was no room? */
bool channel_held_back(struct channel *channel);

/* ---- Text of any CPU that waits for the boot processor (console_queue.c) ---- */

/* All of it or nothing, which is counted; so many bytes must be free besides. */
void text_queue_put(const char *text, size_t length, size_t reserve);
bool text_queue_empty(void);

/* The next line, newline included, or as much of it as fits; returns how many bytes. */
size_t text_queue_take(char *line, size_t size);

/* How many bytes were lost since this was last asked. */
uint64_t text_queue_lost(void);

/* From now on without locks. */
void text_queue_panic_mode(void);

#endif
