/* SPDX-License-Identifier: MIT */
#ifndef BOOT_LOG_PLACE_H
#define BOOT_LOG_PLACE_H

#include "mm/frames.h"

/*
 * A page-aligned place of LOG_PLACE_SIZE bytes for the log in the usable memory `range`, apart from
 * the `used` parts of it; 0: none. It is the same at the next start on this machine, even if the
 * map then differs by some pages.
 */
hpa_t log_place_find(const struct memory_range *range, unsigned count, const struct memory_range *used,
                     unsigned used_count);

#endif
