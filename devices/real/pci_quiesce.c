/* SPDX-License-Identifier: MIT */
#include "devices/real/pci_quiesce.h"
#include "lib/x86.h"

/* Configuration mechanism 1. */
#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc
#define PCI_ENABLE  0x80000000u

#define BUSES     256
#define DEVICES   32
#define FUNCTIONS 8

#define REG_VENDOR       0x00
#define REG_COMMAND      0x04
#define REG_STATUS       0x06
#define REG_CLASS        0x0a /* the class in the high byte, the subclass in the low one */
#define REG_HEADER       0x0e
#define REG_CAPABILITIES 0x34

#define NO_VENDOR             0xffff
#define COMMAND_BUS_MASTER    0x0004
#define COMMAND_NO_INTERRUPTS 0x0400
#define STATUS_CAPABILITIES   0x0010
#define HEADER_MULTIFUNCTION  0x80
#define HEADER_TYPE           0x7f /* 0: neither a bridge to PCI nor one to CardBus */

#define CAPABILITY_MSI   0x05
#define CAPABILITY_MSI_X 0x11
#define MSI_CONTROL      2 /* of the capability */
#define MSI_ENABLE       0x0001
#define MSI_X_ENABLE     0x8000
#define CAPABILITIES_MAX 48 /* that fit */

enum {
	CLASS_BEFORE_CLASSES = 0x00, /* as some VGA */
	CLASS_DISPLAY = 0x03,
	CLASS_BRIDGE = 0x06,
	CLASS_SYSTEM = 0x08,
	SERIAL_PORT = 0x0700,
	USB_CONTROLLER = 0x0c03,
};

/* Bus, device and function, as they are in the address register. */
typedef uint32_t pci_function_t;

static pci_function_t pci_function(unsigned bus, unsigned device, unsigned function)
{
	return PCI_ENABLE | bus << 16 | device << 11 | function << 8;
}

static uint16_t pci_read(pci_function_t function, unsigned reg)
{
	out32(PCI_ADDRESS, function | (reg & 0xfc));
	return in16((uint16_t)(PCI_DATA + (reg & 2)));
}

static void pci_write(pci_function_t function, unsigned reg, uint16_t value)
{
	out32(PCI_ADDRESS, function | (reg & 0xfc));
	out16((uint16_t)(PCI_DATA + (reg & 2)), value);
}

static bool pci_is_left_alone(uint16_t class, bool keep_usb)
{
	switch (class >> 8) {
	case CLASS_BEFORE_CLASSES:
	case CLASS_DISPLAY:
	case CLASS_BRIDGE:
	case CLASS_SYSTEM: return true;
	default: return class == SERIAL_PORT || (class == USB_CONTROLLER && keep_usb);
	}
}

static void pci_disable_messages(pci_function_t function)
{
	unsigned at = REG_CAPABILITIES;

	if (!(pci_read(function, REG_STATUS) & STATUS_CAPABILITIES))
		return;
	at = pci_read(function, REG_CAPABILITIES) & 0xfc;
	for (unsigned i = 0; at && i < CAPABILITIES_MAX; i++) {
		uint16_t header = pci_read(function, at), control = pci_read(function, at + MSI_CONTROL);
		uint8_t id = header & 0xff;

		if (id == CAPABILITY_MSI)
			pci_write(function, at + MSI_CONTROL, control & (uint16_t)~MSI_ENABLE);
		else if (id == CAPABILITY_MSI_X)
			pci_write(function, at + MSI_CONTROL, control & (uint16_t)~MSI_X_ENABLE);
		at = header >> 8 & 0xfc;
	}
}

static void pci_quiesce_function(pci_function_t function, bool keep_usb, struct pci_quiesced *result)
{
	uint16_t command;

	result->functions++;
	if (pci_read(function, REG_HEADER) & HEADER_TYPE ||
	    pci_is_left_alone(pci_read(function, REG_CLASS), keep_usb))
		return;
	command = pci_read(function, REG_COMMAND);
	pci_write(function, REG_COMMAND, (command & (uint16_t)~COMMAND_BUS_MASTER) | COMMAND_NO_INTERRUPTS);
	pci_disable_messages(function);
	result->quiesced++;
	result->masters += !!(command & COMMAND_BUS_MASTER);
}

static void pci_quiesce_device(unsigned bus, unsigned device, bool keep_usb, struct pci_quiesced *result)
{
	unsigned functions =
		pci_read(pci_function(bus, device, 0), REG_HEADER) & HEADER_MULTIFUNCTION ? FUNCTIONS : 1;

	for (unsigned i = 0; i < functions; i++)
		if (pci_read(pci_function(bus, device, i), REG_VENDOR) != NO_VENDOR)
			pci_quiesce_function(pci_function(bus, device, i), keep_usb, result);
}

/* Every bus is looked at: servers have several that no bridge of bus 0 leads to. */
struct pci_quiesced pci_quiesce(bool keep_usb)
{
	struct pci_quiesced result = {0};

	out32(PCI_ADDRESS, PCI_ENABLE);
	if (in32(PCI_ADDRESS) != PCI_ENABLE)
		return result;
	for (unsigned bus = 0; bus < BUSES; bus++)
		for (unsigned device = 0; device < DEVICES; device++)
			if (pci_read(pci_function(bus, device, 0), REG_VENDOR) != NO_VENDOR)
				pci_quiesce_device(bus, device, keep_usb, &result);
	return result;
}
