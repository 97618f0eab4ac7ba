/* SPDX-License-Identifier: MIT */
/* The runtime of the test kernels: a serial line, interrupts, and the way out. */
#ifndef TESTS_KERNELS_LIB_KERNEL_H
#define TESTS_KERNELS_LIB_KERNEL_H

#include "lib/x86.h"

#define MULTIBOOT2_LOADED 0x36d76289 /* kernel_main's `magic` when GRUB started it: on the bare machine */

/* Each kernel defines it. Returning halts. */
void kernel_main(uint32_t magic, uint32_t info);

/* To COM1, 115200 baud, polled. Conversions: s, u and x (both 64-bit), c. */
void print(const char *format, ...);

/* Turn the machine off: Nacre's ACPI registers, or Bochs' shutdown port. */
_Noreturn void power_off(void);

/*
 * Leave 64-bit mode for flat 32-bit protected mode without paging, and go to `code`, which is
 * 32-bit code.
 */
_Noreturn void enter_protected(const void *code);

/*
 * Exceptions and interrupts: `handler` gets the frame and may change it. Without a
 * handler an exception is printed and the machine turned off.
 */
struct frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error_code, rip, cs, rflags, rsp, ss;
};
void idt_init(void);
void set_handler(unsigned vector, void (*handler)(struct frame *frame));

/* Both 8259A at vectors 20h and 28h, all lines masked; then let ISA line `irq` through. */
void pic_init(void);
void pic_unmask(unsigned irq);
void pic_end(unsigned irq);

#endif
