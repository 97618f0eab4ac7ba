/* SPDX-License-Identifier: MIT */
/* Files that people take for kernels, and that no loader takes. Used by guests/ alone. */
#ifndef GUESTS_LOADERS_FOREIGN_H
#define GUESTS_LOADERS_FOREIGN_H

#include "guests/loaders/loading.h"

/* Say what the kernel is instead, and what to do: -ERR_UNSUPPORTED. 0: unknown. */
int must_check foreign_refuse(struct loading *loading);

#endif
