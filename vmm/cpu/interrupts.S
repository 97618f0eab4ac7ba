/* SPDX-License-Identifier: MIT */
/*
 * Where exceptions and interrupts of the monitor arrive. All vectors share one
 * path: it completes struct interrupt_frame (vmm/cpu/interrupts.h) on the stack and calls
 * interrupt_entry(). %gs needs no care: guests never run on it, and VM exits restore it.
 */
#define STUB_SIZE 16

	.section .text.interrupts, "ax"
	.code64

/*
 * 256 stubs, STUB_SIZE bytes each. SDM Vol. 3A "Exception Classifications" has the vectors that
 * push an error code.
 */
	.globl interrupt_stubs
	.balign STUB_SIZE
interrupt_stubs:
	.set vector, 0
	.rept 256
	.balign STUB_SIZE
	.if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
	.else
	pushq $0
	.endif
	pushq $vector
	jmp interrupt_common
	.set vector, vector + 1
	.endr

interrupt_common:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rbx
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	cld
	movq %rsp, %rdi
	call interrupt_entry
	movq %rax, 15 * 8(%rsp) /* in place of the vector: how much to take off */
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rbp
	popq %rbx
	popq %rdx
	popq %rcx
	popq %rax
	addq (%rsp), %rsp
	iretq

/*
 * noreturn void cpu_park(uint32_t *done): for good, with interrupts off. The stack is free for
 * others once `done` is 1: the frames of machine checks and NMIs that come here are never used.
 */
	.globl cpu_park, cpu_parked
cpu_park:
	movl $1, (%rdi)
cpu_parked:
	cli
	hlt
	jmp cpu_parked

/*
 * void segments_load(const struct table_pointer *gdt): take a new GDT, with the selectors of
 * interrupts.h.
 */
	.globl segments_load
segments_load:
	lgdt (%rdi)
	movl $0x10, %eax
	movl %eax, %ss
	movl %eax, %ds
	movl %eax, %es
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	popq %rdx
	pushq $0x08
	pushq %rdx
	lretq
