/* SPDX-License-Identifier: MIT */
/* The Linux/x86 boot protocol: Linux documentation, "The Linux/x86 Boot Protocol". */
#ifndef GUESTS_LOADERS_LINUX_H
#define GUESTS_LOADERS_LINUX_H

#include "guests/loaders/loading.h"

enum fit linux_fit(struct loading *loading);
int must_check linux_load(struct loading *loading);

#endif
