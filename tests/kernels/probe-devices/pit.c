/* SPDX-License-Identifier: MIT */
/*
 * The 8254: channel 2, whose gate and output are in port 61h, and what can be seen of channel 0.
 * With the gate low a count stands still, so that it can be read exactly; what runs is compared by
 * classes of time.
 */
#include "devices.h"

#define COMMAND   0x43
#define COUNTER   0x42
#define PORT_B    0x61
#define GATE      1
#define OUT       0x20
#define LATCH_2   0x80
#define READ_BACK 0xe8 /* status of channel 2 */
#define NEVER     200000

enum { LOW_BYTE = 0x10, HIGH_BYTE = 0x20, BOTH = 0x30, BCD = 1 };

static void gate(bool level)
{
	put(PORT_B, level ? GATE : 0);
}

static void control(unsigned mode, unsigned form)
{
	put(COMMAND, (uint8_t)(0x80 | mode << 1 | form));
}

static void write_count(uint16_t count)
{
	put(COUNTER, (uint8_t)count);
	put(COUNTER, (uint8_t)(count >> 8));
}

static unsigned read_count(void)
{
	unsigned low = in8(COUNTER);

	return low | (unsigned)in8(COUNTER) << 8;
}

static unsigned latched_count(void)
{
	put(COMMAND, LATCH_2);
	return read_count();
}

static bool out(void)
{
	return in8(PORT_B) & OUT;
}

static void show_out(void)
{
	value(out());
}

static void show_status(void)
{
	put(COMMAND, READ_BACK);
	show(COUNTER);
}

/* Ticks until OUT is `level`. */
static uint64_t until(bool level)
{
	uint64_t start = time_now();

	while (out() != level && time_now() - start < NEVER)
		cpu_relax();
	return time_now() - start;
}

/* Control word and count with the gate low; what is seen a little later. */
static void forms(void)
{
	static const uint8_t form[] = {LOW_BYTE,       HIGH_BYTE,       BOTH,
	                               LOW_BYTE | BCD, HIGH_BYTE | BCD, BOTH | BCD};

	for (unsigned i = 0; i < ARRAY_SIZE(form); i++) {
		begin_numbered("pit_form", form[i]);
		gate(false);
		control(0, form[i]);
		show_status();
		put(COUNTER, 0x34);
		if ((form[i] & BOTH) == BOTH) {
			show_status();
			put(COUNTER, 0x12);
		}
		time_wait(20);
		show_status();
		put(COMMAND, LATCH_2);
		show(COUNTER);
		show(COUNTER);
		show(COUNTER);
		show(COUNTER);
		end();
	}
	for (unsigned mode = 0; mode < 8; mode++) {
		begin_numbered("pit_mode", mode);
		gate(false);
		control(mode, BOTH);
		show_status();
		show_out();
		write_count(0x1000);
		time_wait(20);
		show_status();
		show_out();
		end();
	}
}

static void reading(void)
{
	begin("pit_latch_holds");
	gate(false);
	control(0, BOTH);
	write_count(0x4321);
	time_wait(20);
	put(COMMAND, LATCH_2);
	write_count(0x8765);
	time_wait(20);
	put(COMMAND, LATCH_2); /* ignored: the first has not been read */
	value(read_count());
	value(read_count());
	end();

	begin("pit_latch_between_bytes");
	gate(false);
	control(0, BOTH);
	write_count(0x4321);
	time_wait(20);
	show(COUNTER);
	put(COMMAND, LATCH_2);
	show(COUNTER);
	show(COUNTER);
	show(COUNTER);
	end();

	begin("pit_read_back");
	gate(false);
	control(0, BOTH);
	write_count(0x4321);
	time_wait(20);
	put(COMMAND, 0xc8); /* both */
	show(COUNTER);
	show(COUNTER);
	show(COUNTER);
	show(COUNTER);
	put(COMMAND, 0xd8); /* the count */
	write_count(0x8765);
	time_wait(20);
	value(read_count());
	put(COMMAND, 0xe8); /* the status, twice: the first counts */
	gate(true);
	put(COMMAND, 0xe8);
	show(COUNTER);
	gate(false);
	put(COMMAND, 0xf8); /* neither */
	end();

	begin("pit_null_count");
	gate(false);
	control(1, BOTH); /* the count waits for a trigger */
	write_count(0x1000);
	time_wait(20);
	show_status();
	gate(true);
	time_wait(20);
	show_status();
	write_count(0x1000);
	time_wait(20);
	show_status();
	gate(false);
	end();

	begin("pit_control_port_reads");
	show(COMMAND);
	end();

	begin("pit_half_written");
	gate(false);
	control(0, BOTH);
	write_count(0x2222);
	time_wait(20);
	put(COUNTER, 0x11);
	time_wait(20);
	value(latched_count());
	put(COUNTER, 0x33);
	time_wait(20);
	value(latched_count());
	control(0, BOTH); /* a control word forgets the half */
	put(COUNTER, 0x44);
	control(0, BOTH);
	write_count(0x5566);
	time_wait(20);
	value(latched_count());
	end();
}

#define LONG 20000

static void terminal_count(void)
{
	begin("pit_mode0");
	gate(true);
	control(0, BOTH);
	write_count(LONG);
	show_out();
	show_ratio(until(true), LONG);
	show_status();
	write_count(LONG); /* again */
	show_out();
	show_ratio(until(true), LONG);
	end();

	begin("pit_mode0_gate");
	control(0, BOTH);
	write_count(LONG);
	time_wait(LONG / 2);
	gate(false);
	time_wait(LONG);
	show_out();
	gate(true);
	show_ratio(until(true), LONG / 2);
	end();

	begin("pit_mode0_first_byte_stops");
	control(0, BOTH);
	write_count(LONG);
	put(COUNTER, 0);
	time_wait(2 * LONG);
	show_out();
	put(COUNTER, LONG >> 8);
	show_ratio(until(true), LONG & 0xff00);
	end();

	begin("pit_mode0_goes_on");
	control(0, BOTH);
	write_count(100);
	time_wait(3100);
	show_ratio(0x10000 - latched_count(), 3000);
	show_out();
	end();

	begin("pit_bcd");
	control(0, BOTH | BCD);
	write_count(0x9000);
	show_ratio(until(true), 9000);
	end();

	begin("pit_zero");
	control(0, BOTH);
	write_count(0);
	show_ratio(until(true), 65536);
	control(0, BOTH | BCD);
	write_count(0);
	show_ratio(until(true), 10000);
	end();
}

static void one_shot(void)
{
	begin("pit_mode1");
	gate(false);
	control(1, BOTH);
	show_out();
	write_count(LONG);
	time_wait(100);
	show_out();
	gate(true);
	time_wait(20);
	show_out();
	show_ratio(until(true), LONG);
	gate(false);
	gate(true);
	time_wait(LONG / 2);
	gate(false); /* the gate's level does not matter */
	show_out();
	gate(true); /* but its edge restarts it */
	show_ratio(until(true), LONG);
	end();

	begin("pit_mode1_new_count");
	gate(false);
	control(1, BOTH);
	write_count(LONG);
	gate(true);
	time_wait(20);
	write_count(LONG / 4); /* for the next trigger */
	show_ratio(until(true), LONG);
	gate(false);
	gate(true);
	time_wait(20);
	show_ratio(until(true), LONG / 4);
	end();
}

static void periodic(void)
{
	begin("pit_mode2");
	gate(true);
	control(2, BOTH);
	show_out();
	write_count(LONG);
	time_wait(LONG / 4);
	show_ratio(latched_count(), LONG);
	time_wait(LONG / 2);
	show_ratio(latched_count(), LONG);
	time_wait(LONG / 2);
	show_ratio(latched_count(), LONG);
	show_out();
	end();

	begin("pit_mode2_gate");
	control(2, BOTH);
	write_count(LONG);
	time_wait(LONG / 2);
	gate(false);
	show_out();
	time_wait(LONG);
	gate(true); /* restarts */
	time_wait(LONG / 4);
	show_ratio(latched_count(), LONG);
	end();

	begin("pit_mode2_new_count");
	control(2, BOTH);
	write_count(LONG);
	time_wait(LONG / 4);
	write_count(2 * LONG); /* after this cycle */
	show_ratio(latched_count(), LONG);
	time_wait(LONG);
	show_ratio(latched_count(), LONG);
	end();

	begin("pit_mode3");
	control(3, BOTH);
	write_count(LONG);
	show_out();
	(void)until(false);
	show_ratio(until(true), LONG / 2);
	show_ratio(until(false), LONG / 2);
	show_ratio(until(true), LONG / 2);
	time_wait(LONG / 4);
	show_ratio(latched_count(), LONG);
	time_wait(LONG / 2);
	show_ratio(latched_count(), LONG);
	show_status();
	end();

	begin("pit_mode3_gate");
	control(3, BOTH);
	write_count(LONG);
	(void)until(false);
	gate(false);
	show_out();
	time_wait(LONG);
	show_out();
	gate(true);
	show_ratio(until(false), LONG / 2);
	end();

	begin("pit_mode3_even");
	gate(false);
	control(3, BOTH);
	write_count(LONG);
	gate(true);
	time_wait(1000);
	value(latched_count() & 1); /* it counts by two */
	end();
}

static void strobes(void)
{
	begin("pit_mode4");
	gate(true);
	control(4, BOTH);
	show_out();
	write_count(LONG);
	time_wait(LONG / 2);
	show_out();
	time_wait(LONG + LONG / 2);
	show_out();
	show_ratio(0x10000 - latched_count(), LONG);
	end();

	begin("pit_mode4_gate");
	gate(false);
	control(4, BOTH);
	write_count(LONG);
	time_wait(2000);
	value(latched_count());
	gate(true);
	time_wait(LONG / 2);
	show_ratio(latched_count(), LONG / 2);
	end();

	begin("pit_mode5");
	gate(false);
	control(5, BOTH);
	write_count(LONG);
	time_wait(100);
	show_out();
	gate(true);
	time_wait(LONG / 2);
	show_ratio(latched_count(), LONG / 2);
	show_out();
	gate(false);
	gate(true); /* triggers again */
	time_wait(LONG / 4);
	show_ratio(latched_count(), LONG);
	end();
}

/* ---- Channel 0, and port 61h ---- */

static unsigned count_0(void)
{
	unsigned low;

	put(COMMAND, 0);
	low = in8(0x40);
	return low | (unsigned)in8(0x40) << 8;
}

static void channel_0(void)
{
	unsigned first;

	begin("pit_channel0_rate");
	put(COMMAND, 0x34);
	put(0x40, 0);
	put(0x40, 0);
	time_wait(100);
	first = count_0();
	time_wait(LONG);
	show_ratio(first - count_0(), LONG);
	put(COMMAND, 0xe2);
	value(in8(0x40) & 0x7f);
	end();

	begin("pit_channel0_mode0");
	line_low(LINE_PIT);
	put(COMMAND, 0xe2);
	show(0x40);
	line_high(LINE_PIT);
	put(COMMAND, 0xe2);
	show(0x40);
	end();

	begin("pit_channel0_interrupts");
	pic_start(1);
	put(COMMAND, 0x34);
	put(0x40, LONG & 0xff);
	put(0x40, LONG >> 8);
	put(MASTER + 1, 0xfe);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t start = time_now();

		value(halt());
		put(MASTER, OCW2_EOI);
		if (i)
			show_ratio(time_now() - start, LONG);
	}
	pic_start(1);
	end();
}

static void port_b(void)
{
	unsigned changes = 0;
	uint64_t start;
	uint8_t last, now;

	begin("port61_bits");
	for (unsigned i = 0; i < 16; i++) {
		put(PORT_B, (uint8_t)i);
		value(in8(PORT_B) & 0xcf);
	}
	put(PORT_B, 0xf0);
	value(in8(PORT_B) & 0xcf);
	put(PORT_B, 0);
	end();

	begin("port61_refresh");
	start = time_now();
	last = in8(PORT_B);
	while (time_now() - start < LONG) {
		now = in8(PORT_B);
		changes += (now ^ last) >> 4 & 1;
		last = now;
	}
	value(changes > 100);
	end();
}

void probe_pit(void)
{
	forms();
	reading();
	terminal_count();
	one_shot();
	periodic();
	strobes();
	channel_0();
	port_b();
	gate(false);
	line_low(LINE_PIT);
}
