/* Shared by console.c (output), console_keys.c (input and switching) and the shell. */
#ifndef VMM_CONSOLE_INTERNAL_H
#define VMM_CONSOLE_INTERNAL_H

#include "vmm/console_channel.h"

/* Put bytes as they are into the ring of the real console; what does not fit is counted as lost. */
void console_put(const void *bytes, size_t length);

/* One byte of the attached VM, for which console_room() said there is room. */
void console_put_vm(uint8_t byte);

/* Room for the attached VM's output? A part of the ring is kept for the monitor. */
bool console_room(void);

/* Bytes that fit into the ring now. */
size_t console_free(void);

/* One byte that the operator typed. */
void console_key(uint8_t byte);

/* May the other end of the line go on sending? */
void console_hold_input(bool hold);

#endif
