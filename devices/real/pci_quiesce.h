/* SPDX-License-Identifier: MIT */
/*
 * PCI devices as firmware leaves them may go on writing to memory, and raise interrupts by writing,
 * too. PCI Local Bus Specification 3.0, "Configuration Space".
 */
#ifndef DEVICES_REAL_PCI_QUIESCE_H
#define DEVICES_REAL_PCI_QUIESCE_H

#include "lib/types.h"

struct pci_quiesced {
	unsigned functions; /* that were found */
	unsigned quiesced;  /* of them, that are kept quiet now */
	unsigned masters;   /* of those, that were allowed to write to memory */
};

/*
 * Turn bus mastering, MSI, MSI-X and interrupt lines off in every function of every bus. Bridges,
 * parts of the chipset, displays, and serial ports stay as they are. So do USB controllers with
 * `keep_usb`: firmware plays PS/2 keyboard by them. At boot, before any memory is given out.
 */
struct pci_quiesced pci_quiesce(bool keep_usb);

#endif
