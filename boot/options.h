/*
 * The few settings that Nacre needs before it has read the config table. boot/mkiso.py
 * writes them on the boot loader's command line from the table's [monitor] section:
 *
 *   serial=com1|com2|com3|com4|none|0xPORT  speed=BAUD  screen=yes|no
 */
#ifndef BOOT_OPTIONS_H
#define BOOT_OPTIONS_H

#include "lib/types.h"

struct boot_options {
	uint16_t serial_port;  /* I/O base; 0: none */
	uint32_t serial_speed; /* baud, 50..115200 */
	bool screen;
};

#define BOOT_OPTION_MAX 64

/*
 * Read the words of `command_line`; what is not named has its default (com1, 115200, yes), and so has
 * what has a bad value. Returns how many words were not understood; the first of them
 * is put into `unknown`, cut if need be.
 */
unsigned boot_options_parse(const char *command_line, struct boot_options *options,
			    char unknown[BOOT_OPTION_MAX]);

#endif
