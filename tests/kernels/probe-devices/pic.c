/* SPDX-License-Identifier: MIT */
/*
 * The pair of 8259A. Bochs stops at forms of initialization that a PC does not have: single, level
 * triggered by ICW1, MCS-80 mode, another cascade input. They are left to the unit test.
 */
#include "devices.h"

static void initialize(uint16_t port, uint8_t icw2, uint8_t icw3, uint8_t icw4)
{
	put(port, 0x11);
	put(port + 1, icw2);
	put(port + 1, icw3);
	put(port + 1, icw4);
	put(port, 0x48); /* leave special mask mode */
	put(port, OCW3_READ_IRR);
	put(port + 1, 0xff);
}

void pic_start(uint8_t icw4)
{
	initialize(MASTER, 0x20, 4, icw4);
	initialize(SLAVE, 0x28, 2, icw4);
}

/*
 * Lines down, nothing requested or in service; then let those in `unmasked` through, IRQ 0 in bit
 * 0.
 */
static void start(const char *name, uint16_t unmasked, uint8_t icw4)
{
	begin(name);
	lines_low();
	pic_start(icw4);
	put(MASTER + 1, (uint8_t)~unmasked);
	put(SLAVE + 1, (uint8_t)(~unmasked >> 8));
}

static void show_registers(uint16_t port)
{
	put(port, OCW3_READ_IRR);
	show(port);
	put(port, OCW3_READ_ISR);
	show(port);
}

static void pulse(unsigned irq)
{
	line_low(irq);
	line_high(irq);
}

#define IRQ0   BIT(0)
#define SLAVES BIT(2)
#define IRQ3   BIT(3)
#define IRQ4   BIT(4)
#define IRQ8   (BIT(8) | SLAVES)

/* ---- Initialization ---- */

static void initialization(void)
{
	start("pic_masks", 0, 1);
	for (unsigned i = 0; i < 4; i++) {
		static const uint8_t masks[] = {0, 0x55, 0xaa, 0xff};

		put(MASTER + 1, masks[i]);
		put(SLAVE + 1, (uint8_t)~masks[i]);
		show(MASTER + 1);
		show(SLAVE + 1);
	}
	end();

	start("pic_icw1_clears_mask", 0, 1);
	put(MASTER, 0x11);
	show(MASTER + 1);
	put(MASTER + 1, 0x20);
	put(MASTER + 1, 4);
	show(MASTER + 1);
	put(MASTER + 1, 1);
	show(MASTER + 1);
	end();

	start("pic_icw1_clears_edges", IRQ3, 1);
	line_high(LINE_COM2);
	show_registers(MASTER);
	initialize(MASTER, 0x20, 4, 1);
	put(MASTER + 1, 0xf7);
	show_registers(MASTER);
	show_taken();
	pulse(LINE_COM2);
	show_taken();
	end();

	start("pic_icw1_clears_service", IRQ3, 1);
	line_high(LINE_COM2);
	show_taken();
	show_registers(MASTER);
	initialize(MASTER, 0x20, 4, 1);
	show_registers(MASTER);
	end();

	start("pic_icw1_selects_irr", IRQ3, 1);
	put(MASTER, OCW3_READ_ISR);
	put(MASTER, 0x11);
	put(MASTER + 1, 0x20);
	put(MASTER + 1, 4);
	put(MASTER + 1, 1);
	line_high(LINE_COM2);
	show(MASTER);
	end();

	start("pic_icw1_ends_special_mask", IRQ3 | IRQ4, 1);
	put(MASTER, 0x68);
	put(MASTER, 0x11);
	put(MASTER + 1, 0x20);
	put(MASTER + 1, 4);
	put(MASTER + 1, 1);
	put(MASTER + 1, 0xe7);
	line_high(LINE_COM2);
	show_taken();
	put(MASTER + 1, 0xef);
	line_high(LINE_COM1);
	show_taken();
	end();

	start("pic_icw1_restores_priority", IRQ3 | IRQ4, 1);
	put(MASTER, 0xc3);
	initialize(MASTER, 0x20, 4, 1);
	put(MASTER + 1, 0xe7);
	line_high(LINE_COM2);
	line_high(LINE_COM1);
	show_taken();
	end();

	start("pic_icw2_low_bits", IRQ3, 1);
	initialize(MASTER, 0x35, 4, 1);
	put(MASTER + 1, 0xf7);
	line_high(LINE_COM2);
	show_taken();
	end();

	start("pic_icw1_twice", IRQ3, 1);
	put(MASTER, 0x11);
	put(MASTER + 1, 0x30);
	initialize(MASTER, 0x20, 4, 1);
	put(MASTER + 1, 0xf7);
	show(MASTER + 1);
	line_high(LINE_COM2);
	show_taken();
	end();
}

/* ---- Requests and service ---- */

static void requests(void)
{
	start("pic_edge", IRQ3, 1);
	show_registers(MASTER);
	line_high(LINE_COM2);
	show_registers(MASTER);
	show_taken();
	show_registers(MASTER);
	show_taken();
	put(MASTER, OCW2_EOI);
	show_registers(MASTER);
	show_taken();
	pulse(LINE_COM2);
	show_registers(MASTER);
	show_taken();
	pulse(LINE_COM2); /* while in service */
	show_registers(MASTER);
	show_taken();
	put(MASTER, OCW2_EOI);
	show_taken();
	end();

	start("pic_edge_goes_away", 0, 1);
	line_high(LINE_COM2);
	show_registers(MASTER);
	line_low(LINE_COM2);
	show_registers(MASTER);
	put(MASTER + 1, 0xf7);
	show_taken();
	end();

	start("pic_mask", 0, 1);
	line_high(LINE_COM2);
	show_taken();
	put(MASTER + 1, 0xf7);
	put(MASTER + 1, 0xff);
	show_taken();
	put(MASTER + 1, 0xf7);
	show_taken();
	end();

	start("pic_order", IRQ0 | IRQ3 | IRQ4, 1);
	line_high(LINE_COM1);
	line_high(LINE_COM2);
	line_high(LINE_PIT);
	show_registers(MASTER);
	for (unsigned i = 0; i < 4; i++) {
		show_taken();
		show_registers(MASTER);
		put(MASTER, OCW2_EOI);
	}
	end();

	start("pic_nested", IRQ0 | IRQ3 | IRQ4, 1);
	line_high(LINE_COM1);
	show_taken();
	line_high(LINE_COM2);
	show_taken();
	line_high(LINE_PIT);
	show_taken();
	show_registers(MASTER);
	for (unsigned i = 0; i < 3; i++) {
		put(MASTER, OCW2_EOI);
		show_registers(MASTER);
	}
	end();

	start("pic_slave", IRQ8 | IRQ3, 1);
	line_high(LINE_RTC);
	show_registers(SLAVE);
	show_registers(MASTER);
	line_high(LINE_COM2);
	show_taken();
	show_registers(SLAVE);
	show_registers(MASTER);
	show_taken();
	put(SLAVE, OCW2_EOI);
	show_taken();
	put(MASTER, OCW2_EOI);
	show_taken();
	show_registers(SLAVE);
	show_registers(MASTER);
	end();

	start("pic_slave_masked_at_master", IRQ3 | BIT(8), 1);
	line_high(LINE_RTC);
	show_registers(MASTER);
	show_taken();
	put(MASTER + 1, 0xf3);
	show_taken();
	end();

	start("pic_spurious_7", IRQ3, 1);
	line_high(LINE_COM2);
	line_low(LINE_COM2);
	show_taken();
	show_registers(MASTER);
	show_taken();
	end();

	start("pic_spurious_15", IRQ8, 1);
	line_high(LINE_RTC);
	line_low(LINE_RTC);
	show_taken();
	show_registers(SLAVE);
	show_registers(MASTER);
	end();
}

/* ---- Operation commands ---- */

static void ends(void)
{
	start("pic_read_select", IRQ3, 1);
	line_high(LINE_COM2);
	show_taken();
	put(MASTER, OCW3_READ_ISR);
	show(MASTER);
	show(MASTER);
	put(MASTER, 0x08); /* neither */
	show(MASTER);
	put(MASTER, 0x09);
	show(MASTER);
	put(MASTER, OCW3_READ_IRR);
	show(MASTER);
	end();

	start("pic_eoi_of_nothing", IRQ3, 1);
	put(MASTER, OCW2_EOI);
	put(MASTER, 0x63);
	put(MASTER, 0x40);
	show_registers(MASTER);
	line_high(LINE_COM2);
	show_taken();
	put(MASTER, 0x40);
	put(MASTER, 0x64);
	show_registers(MASTER);
	put(MASTER, 0x63);
	show_registers(MASTER);
	end();

	start("pic_specific_eoi", IRQ3 | IRQ4, 1);
	line_high(LINE_COM1);
	show_taken();
	line_high(LINE_COM2);
	show_taken();
	put(MASTER, 0x64);
	show_registers(MASTER);
	pulse(LINE_COM1);
	show_taken();
	put(MASTER, 0x63);
	show_registers(MASTER);
	show_taken();
	end();

	start("pic_automatic_eoi", IRQ3 | IRQ4, 3);
	line_high(LINE_COM2);
	line_high(LINE_COM1);
	show_taken();
	show_registers(MASTER);
	show_taken();
	show_registers(MASTER);
	show_taken();
	end();

	start("pic_automatic_eoi_slave", IRQ8, 3);
	line_high(LINE_RTC);
	show_taken();
	show_registers(SLAVE);
	show_registers(MASTER);
	end();
}

static void rotation(void)
{
	start("pic_set_priority", IRQ3 | IRQ4, 1);
	put(MASTER, 0xc3);
	line_high(LINE_COM2);
	line_high(LINE_COM1);
	show_taken();
	show_taken();
	put(MASTER, OCW2_EOI);
	show_taken();
	show_registers(MASTER);
	end();

	start("pic_rotate_eoi", IRQ3 | IRQ4, 1);
	line_high(LINE_COM2);
	show_taken();
	put(MASTER, 0xa0);
	show_registers(MASTER);
	pulse(LINE_COM2);
	line_high(LINE_COM1);
	show_taken();
	end();

	start("pic_rotate_eoi_of_0", IRQ0 | IRQ3, 1);
	line_high(LINE_PIT);
	show_taken();
	put(MASTER, 0xa0);
	pulse(LINE_PIT);
	line_high(LINE_COM2);
	show_taken();
	end();

	start("pic_rotate_specific_eoi", IRQ3 | IRQ4, 1);
	line_high(LINE_COM2);
	show_taken();
	put(MASTER, 0xe3);
	show_registers(MASTER);
	pulse(LINE_COM2);
	line_high(LINE_COM1);
	show_taken();
	end();

	start("pic_rotate_automatic", IRQ3 | IRQ4, 3);
	put(MASTER, 0x80);
	line_high(LINE_COM2);
	show_taken();
	pulse(LINE_COM2);
	line_high(LINE_COM1);
	show_taken();
	show_taken();
	put(MASTER, 0);
	pulse(LINE_COM2);
	pulse(LINE_COM1);
	show_taken();
	show_taken();
	pulse(LINE_COM2);
	pulse(LINE_COM1);
	show_taken();
	end();
}

static void special_mask(void)
{
	start("pic_special_mask", IRQ3 | IRQ4, 1);
	line_high(LINE_COM2);
	show_taken();
	put(MASTER, 0x68);
	put(MASTER + 1, 0xef); /* IRQ 3, in service, is masked: lower ones may come */
	line_high(LINE_COM1);
	show_taken();
	show_registers(MASTER);
	end();

	start("pic_special_mask_unmasked_service", IRQ3 | IRQ4, 1);
	line_high(LINE_COM2);
	show_taken();
	put(MASTER, 0x68);
	line_high(LINE_COM1);
	show_taken();
	end();

	start("pic_special_mask_eoi", IRQ3, 1);
	line_high(LINE_COM2);
	show_taken();
	put(MASTER, 0x68);
	put(MASTER + 1, 0xff);
	put(MASTER, OCW2_EOI);
	show_registers(MASTER);
	put(MASTER, 0x63);
	show_registers(MASTER);
	end();

	start("pic_special_mask_off", IRQ3 | IRQ4, 1);
	line_high(LINE_COM2);
	show_taken();
	put(MASTER, 0x68);
	put(MASTER, 0x28); /* without ESMM: no change */
	put(MASTER, 0x48);
	put(MASTER + 1, 0xef);
	line_high(LINE_COM1);
	show_taken();
	end();
}

static void poll(void)
{
	start("pic_poll", 0, 1);
	put(MASTER + 1, 0xf7);
	put(MASTER, 0x0c);
	show(MASTER);
	line_high(LINE_COM2);
	put(MASTER, 0x0c);
	show(MASTER);
	show_registers(MASTER);
	show_taken();
	put(MASTER, OCW2_EOI);
	end();

	start("pic_poll_at_mask_port", IRQ3, 1);
	line_high(LINE_COM2);
	put(MASTER, 0x0c);
	show(MASTER + 1);
	show(MASTER + 1);
	end();
}

static void elcr(void)
{
	start("pic_elcr", 0, 1);
	for (unsigned i = 0; i < 8; i++) {
		put(0x4d0, (uint8_t)(1u << i));
		put(0x4d1, (uint8_t)(1u << i));
		show(0x4d0);
		show(0x4d1);
	}
	put(0x4d0, 0xff);
	put(0x4d1, 0xff);
	show(0x4d0);
	show(0x4d1);
	put(0x4d0, 0);
	put(0x4d1, 0);
	end();

	start("pic_level", IRQ3, 1);
	put(0x4d0, 8);
	line_high(LINE_COM2);
	show_taken();
	show_registers(MASTER);
	show_taken();
	put(MASTER, OCW2_EOI);
	show_taken();
	line_low(LINE_COM2);
	show_registers(MASTER);
	put(MASTER, OCW2_EOI);
	show_taken();
	put(0x4d0, 0);
	end();
}

void probe_pic(void)
{
	initialization();
	requests();
	ends();
	rotation();
	special_mask();
	poll();
	elcr();
	lines_low();
	pic_start(1);
}
