/* SPDX-License-Identifier: MIT */
/*
 * int vigil(seed = %rdi, ticks = %rsi, old = %rdx, busy = %ecx). Memory operands are absolute,
 * since no register is left for an address.
 */
	.text
	.code64
	.globl	vigil
vigil:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rdi, seed
	mov	%rsi, ticks_at
	mov	%rdx, old
	mov	%ecx, busy
	mov	%rsp, stack

	/* Each register is the seed rotated by its own number of bits; RSP stays. */
	.macro	fill register, number
	mov	seed, %\register
	rol	$\number, %\register
	.endm
	.macro	check register, number
	push	%\register
	fill	\register, \number
	cmp	%\register, (%rsp)
	lea	8(%rsp), %rsp
	mov	$\number, %eax
	jne	out
	.endm

	fill	rax, 33
	fill	rcx, 1
	fill	rdx, 2
	fill	rbx, 3
	fill	rbp, 5
	fill	rsi, 6
	fill	rdi, 7
	fill	r8, 8
	fill	r9, 9
	fill	r10, 10
	fill	r11, 11
	fill	r12, 12
	fill	r13, 13
	fill	r14, 14
	fill	r15, 15
	sti
1:	xchg	%rax, saved_rax
	mov	ticks_at, %rax
	mov	(%rax), %rax
	cmp	old, %rax
	xchg	%rax, saved_rax
	jne	2f
	cmpl	$0, busy
	jne	1b
	cli
	xchg	%rax, saved_rax	/* one may have come in between */
	mov	ticks_at, %rax
	mov	(%rax), %rax
	cmp	old, %rax
	xchg	%rax, saved_rax
	jne	2f
	sti
	hlt
	jmp	1b
2:	cli
	check	rax, 33
	cmp	%rsp, stack
	mov	$4, %eax
	jne	out
	check	rcx, 1
	check	rdx, 2
	check	rbx, 3
	check	rbp, 5
	check	rsi, 6
	check	rdi, 7
	check	r8, 8
	check	r9, 9
	check	r10, 10
	check	r11, 11
	check	r12, 12
	check	r13, 13
	check	r14, 14
	check	r15, 15
	mov	$-1, %eax
out:	mov	stack, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.bss
	.balign	8
seed:	.skip	8
ticks_at:
	.skip	8
old:	.skip	8
stack:	.skip	8
saved_rax:
	.skip	8
busy:	.skip	4

	.section .note.GNU-stack, "", @progbits
