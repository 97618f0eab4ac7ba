/* SPDX-License-Identifier: MIT */
/*
 * A program in virtual-8086 mode, and back: see sandbox.h. It runs below 32-bit paging, where all
 * except its first 4 MiB is the kernel's alone; so nothing needs to be copied.
 */
#include "sandbox.h"
#include "leave.inc"

	.text
	.code64
	.globl	v86_run
v86_run:
	leave_64_bit_mode v86_idt_pointer
	mov	v86_state + V86_CR4, %eax
	mov	%eax, %cr4
	mov	$v86_directory, %eax
	mov	%eax, %cr3
	mov	kernel_cr0, %eax
	mov	%eax, %cr0
	mov	$GDT_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %ss
	mov	$GDT_TSS32, %eax
	ltr	%ax
	mov	$v86_state, %esp
	popa
	iret

	/* Where every vector leads, by ESP0, the end of the cell: make the frames alike. */
	.altmacro
	.macro	v86_stub vector
	.balign	16
	.if	!(\vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17)
	push	$0
	.endif
	push	$\vector
	jmp	v86_rescue
	.endm

	.globl	v86_stubs
	.balign	16
v86_stubs:
	.set	i, 0
	.rept	256
	v86_stub	%i
	.set	i, i + 1
	.endr

/* On the stack: vector, error code, EIP, CS, EFLAGS, and more. The data segments are null. */
v86_rescue:
	cmpl	$1, (%esp)
	jne	1f
	decl	%ss:v86_state + V86_STEPS
	jz	1f
	push	%eax
	mov	%ss:v86_state + V86_STEP_FLAGS, %eax
	or	%eax, 20(%esp)
	pop	%eax
	add	$8, %esp
	iret
1:	mov	$GDT_DATA, %eax
	mov	%eax, %ds
	popl	v86_state + V86_VECTOR
	mov	12(%esp), %eax
	mov	%eax, v86_state + V86_END_EFLAGS
	mov	%cr0, %eax
	and	$~CR0_PG, %eax
	mov	%eax, %cr0
	mov	kernel_cr4, %eax
	mov	%eax, %cr4
	jmp	protected_return

	.section .note.GNU-stack, "", @progbits
