/* SPDX-License-Identifier: MIT */
/* What a PC's firmware has written to the devices when it hands over: see machine.h. */
#include "devices/machine/machine.h"

/*
 * IBM PC AT Technical Reference, "BIOS": where the controllers' vectors are, what is open, and how
 * the timer runs. Kernels restore the masks that they find, and boot sectors count on 18.2
 * interrupts a second. The SCI is level triggered (ACPI specification, "SCI Interrupt"), which the
 * ELCR must be told.
 */
/* clang-format off */
static const struct {
	uint16_t port;
	uint8_t value;
} handover[] = {
	{0x20,  0x11}, /* 8259A datasheet "Initialization Command Words": cascaded, with ICW4 */
	{0x21,  0x08}, /* vectors from 08h on */
	{0x21,  0x04}, /* the slave is at IR2 */
	{0x21,  0x01}, /* 8086 mode */
	{0xa0,  0x11}, /* the slave */
	{0xa1,  0x70}, /* vectors from 70h on */
	{0xa1,  0x02}, /* its identity */
	{0xa1,  0x01}, /* 8086 mode */
	{0x21,  0xf8}, /* timer, keyboard and cascade are open */
	{0xa1,  0xdf}, /* so are the FPU's errors */
	{0x4d1, 0x02}, /* IRQ 9, level */
	{0x43,  0x36}, /* 8254 datasheet "Control Word Format": channel 0, mode 3 */
	{0x40,  0x00}, /* 65536: low byte */
	{0x40,  0x00}, /* high byte */
	{0x43,  0x54}, /* channel 1, mode 2 */
	{0x41,  0x12}, /* 18, for the refresh of memory */
};
/* clang-format on */

void machine_firmware(struct machine *machine)
{
	for (unsigned i = 0; i < ARRAY_SIZE(handover); i++)
		port_write(&machine->ports, handover[i].port, 1, handover[i].value);
}
