/* SPDX-License-Identifier: MIT */
/* Instructions that touch memory which is not RAM: holes, ROM, devices. */
#ifndef VMM_X86_MMIO_H
#define VMM_X86_MMIO_H

#include "vmm/x86/vcpu.h"

/* Emulate the instruction at RIP. Moves RIP itself, so it returns ACTION_RETRY or ACTION_STOP. */
enum action mmio_emulate(struct vcpu *vcpu);

#endif
