/* SPDX-License-Identifier: MIT */
/*
 * Boot sectors and other images without a header, run as a PC's firmware runs them. Used by guests/
 * alone.
 */
#ifndef GUESTS_LOADERS_FLAT_H
#define GUESTS_LOADERS_FLAT_H

#include "guests/loaders/loading.h"

enum fit flat_fit(struct loading *loading);
int must_check flat_load(struct loading *loading);

#endif
