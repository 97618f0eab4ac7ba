/* SPDX-License-Identifier: MIT */
/* Real mode's interrupt vectors, and the handlers to which they lead. Used by guests/ alone. */
#ifndef GUESTS_FIRMWARE_FIRMWARE_VECTORS_H
#define GUESTS_FIRMWARE_FIRMWARE_VECTORS_H

#include "mm/guest_map.h"

/* Returns 0, or -ERR_OUT_OF_RANGE when the map lacks RAM there. */
int must_check firmware_load_vectors(const struct guest_map *map);

#endif
