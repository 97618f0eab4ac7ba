/* SPDX-License-Identifier: MIT */
/* ELF kernels with a PVH entry: Xen documentation, "x86/HVM direct boot ABI". */
#ifndef GUESTS_LOADERS_PVH_H
#define GUESTS_LOADERS_PVH_H

#include "guests/loaders/loading.h"

enum fit pvh_fit(struct loading *loading);
int must_check pvh_load(struct loading *loading);

#endif
