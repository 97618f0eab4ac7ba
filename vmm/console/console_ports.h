/* SPDX-License-Identifier: MIT */
/*
 * Serial ports of the machine that belong to one VM each: its output goes there, and what is
 * received is its input. No key switches there, and the monitor says nothing there.
 *
 * They are polled, so their speed should be at most 115200 baud: a FIFO holds 16 bytes, 1.4 ms of
 * it.
 */
#ifndef VMM_CONSOLE_CONSOLE_PORTS_H
#define VMM_CONSOLE_CONSOLE_PORTS_H

#include "vmm/console/console_channel.h"

#define CONSOLE_PORTS_MAX 4

/*
 * On the boot processor: give the port at `base` to the channel, which was added. An error is
 * logged with the channel's name, and leaves it on the shared console: -ERR_NOT_FOUND if no UART
 * answers there, -ERR_BUSY if the port is the operator's or another channel's, -ERR_NO_MEMORY if
 * CONSOLE_PORTS_MAX are in use.
 */
int must_check console_bind_port(struct channel *channel, uint16_t base, uint32_t speed);

#endif
