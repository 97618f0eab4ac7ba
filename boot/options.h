/* SPDX-License-Identifier: MIT */
/*
 * The words of the boot loader's command line: any key of the config table's [monitor] section.
 * What Nacre needs before it has read the table comes from here alone, where tools/mkiso.py writes
 * it. The operator's own words win over the table.
 */
#ifndef BOOT_OPTIONS_H
#define BOOT_OPTIONS_H

#include "guests/config/config.h"

#define BOOT_OPTION_MAX 64

/*
 * Read the words of `command_line`, each KEY=VALUE as in the table, into `settings`. Of a key that
 * comes twice the last word counts. Returns how many words were not understood; the first of them
 * is put into `unknown`, cut if need be, and no field changes for any of them.
 */
unsigned boot_options_apply(const char *command_line, struct monitor_config *settings,
                            char unknown[BOOT_OPTION_MAX]);

/* The same, after every field of `settings` got its default. */
unsigned boot_options_parse(const char *command_line, struct monitor_config *settings,
                            char unknown[BOOT_OPTION_MAX]);

#endif
