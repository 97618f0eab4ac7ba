/* SPDX-License-Identifier: MIT */
/* A 16550A at the fake ports 3F8h..3FFh, for tests of the real driver and of the console. */
#ifndef TESTS_UNIT_FAKE_UART_MODEL_H
#define TESTS_UNIT_FAKE_UART_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_MODEL_BASE 0x3f8

struct uart_model {
	bool present, fifos; /* fifos false: a 16450 */
	bool half_fifos;     /* a 16550 without the A: FIFOs that must not be used */
	bool stuck;          /* the transmitter never gets empty again */
	bool scratch_only;   /* RAM-like: keeps what is written to SCR, but has no modem lines */
	uint8_t ier, lcr, mcr, scr, dll, dlm, fcr;
	uint8_t errors;         /* LSR bits 1..4 of the byte that is received next */
	bool thr_cause;         /* the transmitter's interrupt is pending */
	uint8_t received[4096]; /* what the other end sends */
	size_t received_count, received_read;
	char sent[262144]; /* what the driver sent, NUL-terminated */
	size_t sent_count;
	unsigned in_fifo;   /* bytes that the transmitter holds */
	unsigned overflows; /* writes to a full transmitter */
	unsigned drain;     /* bytes that leave the transmitter with each read of LSR */
};

extern struct uart_model uart_model;

/* Power on, with fifos, and hook the fake ports. */
void uart_model_reset(void);

/* The other end types. */
void uart_model_type(const char *text);

/* Time passes: everything in the transmitter leaves. */
void uart_model_drain(void);

/* The level of the interrupt line. */
bool uart_model_line(void);

#endif
