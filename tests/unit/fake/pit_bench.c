/* SPDX-License-Identifier: MIT */
/* See pit_bench.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "pit_bench.h"

#define ORIGIN 1000000u

struct machine pc;
uint64_t pc_origin;

void pc_out(uint16_t port, uint8_t value)
{
	port_write(&pc.ports, port, 1, value);
}

uint8_t pc_in(uint16_t port)
{
	return (uint8_t)port_read(&pc.ports, port, 1);
}

uint64_t pc_ns(uint64_t tick)
{
	return (uint64_t)(((unsigned __int128)(pc_origin + tick) * 1000000000u + PIT_HZ - 1) / PIT_HZ);
}

void pc_at(uint64_t tick)
{
	fake_x86.tsc = pc_ns(tick);
}

unsigned pc_run_to(uint64_t tick)
{
	unsigned edges = 0;

	while (machine_deadline(&pc) <= pc_ns(tick)) {
		if (fake_x86.tsc < machine_deadline(&pc))
			fake_x86.tsc = machine_deadline(&pc);
		machine_run_timers(&pc);
		if (machine_intr(&pc)) {
			assert_int_equal(machine_acknowledge(&pc), 0x20);
			edges++;
		}
	}
	pc_at(tick);
	return edges;
}

void pc_start_pic(void)
{
	pc_out(0x20, 0x11);
	pc_out(0x21, 0x20);
	pc_out(0x21, 0x04);
	pc_out(0x21, 0x03);
	pc_out(0x21, 0xFE);
}

int pc_setup(void **test)
{
	static const struct machine_config config = {.uarts = 1};

	(void)test;
	memset(&pc, 0, sizeof(pc));
	fake_platform_init(&fake_platform);
	pc_origin = ORIGIN;
	pc_at(0);
	assert_int_equal(fake_platform_create(&fake_platform, &pc, &config), 0);
	pc_start_pic();
	return 0;
}

void pit_program(unsigned channel, uint8_t control, uint16_t count)
{
	pc_out(PIT_COMMAND, (uint8_t)(channel << 6 | 0x30 | control));
	pc_out(PIT_CHANNEL(channel), (uint8_t)count);
	pc_out(PIT_CHANNEL(channel), (uint8_t)(count >> 8));
}

void pit_gate2(bool level)
{
	pc_out(PORT_B, level);
}

unsigned pit_read16(unsigned channel)
{
	unsigned low = pc_in(PIT_CHANNEL(channel));

	return low | (unsigned)pc_in(PIT_CHANNEL(channel)) << 8;
}

void pit_expect(uint64_t tick, unsigned count, bool out)
{
	unsigned status;

	pc_at(tick);
	pc_out(PIT_COMMAND, 0xC8);
	status = pc_in(PIT_CHANNEL(2));
	if (pit_read16(2) != count || status >> 7 != out)
		fail_msg("tick %u: want count %04Xh OUT %d, OUT is %d", (unsigned)tick, count, out,
		         status >> 7);
	assert_int_equal(!!(pc_in(PORT_B) & PORT_B_OUT2), out);
}
