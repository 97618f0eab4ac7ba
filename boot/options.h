/* SPDX-License-Identifier: MIT */
/*
 * The few settings that Nacre needs before it has read the config table: the keys serial, speed and
 * screen of its [monitor] section, as tools/mkiso.py writes them on the boot loader's command line.
 */
#ifndef BOOT_OPTIONS_H
#define BOOT_OPTIONS_H

#include "guests/config/config.h"

#define BOOT_OPTION_MAX 64

/*
 * Read the words of `command_line`, each KEY=VALUE as in the table, into those fields of
 * `settings`; what is not named has its default, and so has what has a bad value. Returns how many
 * words were not understood; the first of them is put into `unknown`, cut if need be.
 */
unsigned boot_options_parse(const char *command_line, struct monitor_config *settings,
                            char unknown[BOOT_OPTION_MAX]);

#endif
