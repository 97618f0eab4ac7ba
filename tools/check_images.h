/* SPDX-License-Identifier: MIT */
/*
 * The images of a config table, read on the host by the monitor's own loaders. Each guest gets a
 * memory of which only the part below 1 MiB exists, so the check takes no more for large guests.
 */
#ifndef TOOLS_CHECK_IMAGES_H
#define TOOLS_CHECK_IMAGES_H

#include "guests/config/config.h"

/* Tell the operator of one mistake on that line of the config file. */
typedef void check_report(const char *config_path, unsigned line, const char *text);

/*
 * Load the images of all sections, relative to the folder of `config_path`. Returns the number of
 * mistakes.
 */
unsigned check_images(const struct config *config, const char *config_path, check_report *report);

#endif
