/* SPDX-License-Identifier: MIT */
/* A whole PC on the bench: its ports, its clock in 8254 ticks, and IRQ 0. */
#ifndef TESTS_UNIT_FAKE_PIT_BENCH_H
#define TESTS_UNIT_FAKE_PIT_BENCH_H

#include "lib/x86.h"
#include "platform.h"

#define PIT_COMMAND    0x43
#define PIT_CHANNEL(n) ((uint16_t)(0x40 + (n)))
#define PORT_B         0x61

extern struct machine pc;
extern uint64_t pc_origin; /* the tick that pc_at() and pc_run_to() count from */

/* A cmocka setup function: a new machine at tick 1000000, with its PIC started. */
int pc_setup(void **test);

/* Vector 20h, automatic EOI, only IRQ 0 open. */
void pc_start_pic(void);

void pc_out(uint16_t port, uint8_t value);
uint8_t pc_in(uint16_t port);

/* The first nanosecond of a tick after the origin, computed the long way. */
uint64_t pc_ns(uint64_t tick);

/* Set the clock to a tick after the origin. */
void pc_at(uint64_t tick);

/*
 * As pc_at(), with timers run when they are due on the way. Returns how many interrupts IRQ 0 gave.
 */
unsigned pc_run_to(uint64_t tick);

/* A control word with both bytes of the count, and the count. */
void pit_program(unsigned channel, uint8_t control, uint16_t count);

void pit_gate2(bool level);

/* Two reads of a channel's port. */
unsigned pit_read16(unsigned channel);

/* Fail unless channel 2 shows this count and level of OUT at a tick after the origin. */
void pit_expect(uint64_t tick, unsigned count, bool out);

#endif
