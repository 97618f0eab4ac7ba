/* SPDX-License-Identifier: MIT */
/* PCI devices that firmware left running: devices/real/pci_quiesce.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "devices/real/pci_quiesce.h"
#include "lib/x86.h"

#define RUNNING 0x0406 /* memory, bus master; interrupts already off ... */
#define LINE_ON 0x0007 /* ... or on, and ports */

/* A machine of two sockets, of which the second has a root bus of its own. */
struct function {
	uint8_t bus, device, function;
	uint16_t class;
	uint8_t header;
	uint16_t command;
	bool quiet; /* what must come of it, in a boot by UEFI */
	uint8_t config[256];
};

#define MULTI 0x80

/* clang-format off */
static struct function functions[] = {
	{0x00, 0,    0, 0x0600, 0,         RUNNING, false, {0}}, /* host bridge */
	{0x00, 2,    0, 0x0300, 0,         RUNNING, false, {0}}, /* display */
	{0x00, 0x14, 0, 0x0c03, MULTI,     LINE_ON, true,  {0}}, /* USB */
	{0x00, 0x14, 2, 0x0500, MULTI,     LINE_ON, true,  {0}},
	{0x00, 0x16, 3, 0x0700, MULTI,     LINE_ON, false, {0}}, /* beyond a function 0 that is hidden */
	{0x00, 0x1c, 0, 0x0604, MULTI | 1, RUNNING, false, {0}}, /* PCI Express root port */
	{0x00, 0x1f, 0, 0x0601, MULTI,     LINE_ON, false, {0}}, /* LPC */
	{0x00, 0x1f, 3, 0x0403, MULTI,     RUNNING, true,  {0}}, /* audio, with MSI */
	{0x02, 0,    0, 0x0280, 0,         RUNNING, true,  {0}}, /* wireless network, with MSI-X */
	{0x80, 0,    0, 0x0108, 0,         RUNNING, true,  {0}}, /* NVMe */
	{0xff, 31,   7, 0x1101, 0,         RUNNING, false, {0}}, /* without function 0: not to be found */
};
/* clang-format on */

static uint32_t address;
static bool no_mechanism;

static struct function *selected(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		const struct function *f = &functions[i];

		if ((address & 0x80ffff00) == (0x80000000u | (uint32_t)f->bus << 16 |
		                               (uint32_t)f->device << 11 | (uint32_t)f->function << 8))
			return &functions[i];
	}
	return NULL;
}

static void out(uint16_t port, unsigned size, uint32_t value)
{
	if (port == 0xcf8) {
		address = value;
		return;
	}
	assert_int_equal(size, 2);
	assert_non_null(selected());
	memcpy(&selected()->config[(address & 0xfc) + port - 0xcfc], &value, 2);
}

static uint32_t in(uint16_t port, unsigned size)
{
	uint32_t value = UINT32_MAX;

	if (port == 0xcf8)
		return no_mechanism ? UINT32_MAX : address;
	assert_int_equal(size, 2);
	if (selected())
		memcpy(&value, &selected()->config[(address & 0xfc) + port - 0xcfc], 2);
	return value & 0xffff;
}

static int setup(void **state)
{
	(void)state;
	fake_x86_reset();
	fake_x86.in = in;
	fake_x86.out = out;
	no_mechanism = false;
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		struct function *f = &functions[i];

		memset(f->config, 0, sizeof(f->config));
		memcpy(&f->config[0], &(uint16_t){0x8086}, 2);
		memcpy(&f->config[4], &f->command, 2);
		f->config[6] = 0x10;
		memcpy(&f->config[0xa], &f->class, 2);
		f->config[0xe] = f->header;
		f->config[0x34] = 0x50;
		/* Power management, MSI and MSI-X, all on; then the list goes in a circle. */
		memcpy(&f->config[0x50], "\x01\x60\x03\x00", 4);
		memcpy(&f->config[0x60], "\x05\x70\x81\x00", 4);
		memcpy(&f->config[0x70], "\x11\x50\x07\x80", 4);
	}
	return 0;
}

static uint16_t word(const struct function *f, unsigned at)
{
	uint16_t value;

	memcpy(&value, &f->config[at], 2);
	return value;
}

static bool is_quiet(const struct function *f)
{
	return !(word(f, 4) & 4) && word(f, 4) & 0x400 && word(f, 0x62) == 0x80 && word(f, 0x72) == 7;
}

static bool is_untouched(const struct function *f)
{
	return word(f, 4) == f->command && word(f, 0x62) == 0x81 && word(f, 0x72) == 0x8007;
}

static void every_device_but_displays_and_the_chipset_is_silenced(void **state)
{
	struct pci_quiesced result = pci_quiesce(false);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		assert_true(functions[i].quiet ? is_quiet(&functions[i]) : is_untouched(&functions[i]));
	assert_int_equal(result.functions, 9);
	assert_int_equal(result.quiesced, 5);
	assert_int_equal(result.masters, 5);
}

static void what_else_the_command_register_says_stays(void **state)
{
	(void)state;
	(void)pci_quiesce(false);
	assert_int_equal(word(&functions[2], 4), (LINE_ON & ~4) | 0x400);
	assert_int_equal(word(&functions[8], 4), RUNNING & ~4);
}

static void a_bios_keeps_its_usb_keyboard(void **state)
{
	(void)state;
	assert_int_equal(pci_quiesce(true).quiesced, 4);
	assert_true(is_untouched(&functions[2]));
	assert_true(is_quiet(&functions[8]));
}

static void a_machine_without_pci_is_left_alone(void **state)
{
	(void)state;
	no_mechanism = true;
	assert_int_equal(pci_quiesce(false).functions, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_device_but_displays_and_the_chipset_is_silenced, setup),
		cmocka_unit_test_setup(what_else_the_command_register_says_stays, setup),
		cmocka_unit_test_setup(a_bios_keeps_its_usb_keyboard, setup),
		cmocka_unit_test_setup(a_machine_without_pci_is_left_alone, setup),
	};

	return cmocka_run_group_tests_name("pci_quiesce", tests, NULL, NULL);
}
