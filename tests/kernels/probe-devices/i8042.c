/* SPDX-License-Identifier: MIT */
/*
 * The 8042's own commands; nothing is said to a device. Bochs stops at E0h, and has no password and
 * no RAM.
 */
#include "devices.h"

#define DATA    0x60
#define STATUS  0x64
#define FULL    0x01
#define WAITING 0x02
#define ENOUGH  100000 /* looks at the status until nothing is expected any more */
#define PAUSE   3000   /* ticks */

#define NOTHING 0x100

static void wait_input(void)
{
	for (unsigned i = 0; i < ENOUGH && in8(STATUS) & WAITING; i++)
		cpu_relax();
}

static void command(uint8_t byte)
{
	wait_input();
	put(STATUS, byte);
}

static void data(uint8_t byte)
{
	wait_input();
	put(DATA, byte);
	wait_input();
}

static unsigned answer(void)
{
	wait_input();
	for (unsigned i = 0; i < 1000; i++) {
		if (in8(STATUS) & FULL)
			return in8(DATA);
		time_wait(10);
	}
	return NOTHING;
}

static void show_answer(uint8_t byte)
{
	command(byte);
	value(answer());
}

static void drain(void)
{
	wait_input();
	for (unsigned i = 0; i < 32 && in8(STATUS) & FULL; i++) {
		(void)in8(DATA);
		time_wait(1000);
	}
}

static void start(const char *name)
{
	begin(name);
	command(0x60);
	data(0x34); /* no interrupts, both channels closed */
	drain();
}

static void command_byte(void)
{
	static const uint8_t bytes[] = {0x34, 0x35, 0x36, 0x30, 0x74, 0x14, 0x24, 0x34};

	start("kbc_command_byte");
	for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++) {
		command(0x60);
		data(bytes[i]);
		show_answer(0x20);
		value(in8(STATUS) & ~0x20u);
	}
	end();

	start("kbc_enables");
	command(0xae);
	show_answer(0x20);
	command(0xad);
	show_answer(0x20);
	command(0xa8);
	show_answer(0x20);
	command(0xa7);
	show_answer(0x20);
	end();
}

static void tests(void)
{
	start("kbc_self_test");
	show_answer(0xaa);
	value(in8(STATUS) & ~0x28u);
	end();

	start("kbc_self_test_command_byte");
	show_answer(0xaa);
	show_answer(0x20);
	end();

	start("kbc_test_keyboard");
	show_answer(0xab);
	end();

	start("kbc_test_aux");
	show_answer(0xa9);
	end();

	start("kbc_input_port");
	show_answer(0xc0);
	end();

	start("kbc_output_port");
	show_answer(0xd0);
	end();
}

static void buffers(void)
{
	start("kbc_status_command_bit");
	command(0xa7);
	value(in8(STATUS) & 8);
	command(0x60);
	data(0x34);
	value(in8(STATUS) & 8);
	end();

	start("kbc_loop");
	command(0xd2);
	data(0xa5);
	time_wait(PAUSE);
	show(STATUS);
	show(DATA);
	value(in8(STATUS) & ~0x20u);
	show(DATA); /* the buffer keeps its byte */
	end();

	start("kbc_loop_aux");
	command(0xd3);
	data(0x5a);
	time_wait(PAUSE);
	show(STATUS);
	show(DATA);
	value(in8(STATUS) & ~0x20u);
	end();

	start("kbc_interrupt");
	pic_start(1);
	put(MASTER + 1, 0xfd);
	command(0x60);
	data(0x35);
	command(0xd2);
	data(0xa5);
	time_wait(PAUSE);
	show_taken();
	show(DATA);
	put(MASTER, OCW2_EOI);
	show_taken();
	end();

	start("kbc_interrupt_aux");
	pic_start(1);
	put(MASTER + 1, 0xfb);
	put(SLAVE + 1, 0xef);
	command(0x60);
	data(0x36);
	command(0xd3);
	data(0xa5);
	time_wait(PAUSE);
	show_taken();
	show(DATA);
	put(SLAVE, OCW2_EOI);
	put(MASTER, OCW2_EOI);
	show_taken();
	end();

	start("kbc_a20");
	command(0xd1);
	data(0xdf);
	value(in8(0x92) & 2);
	end();
}

void probe_i8042(void)
{
	command_byte();
	tests();
	buffers();
	start("");
	pic_start(1);
}
