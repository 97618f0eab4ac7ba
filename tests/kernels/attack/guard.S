/* SPDX-License-Identifier: MIT */
/* int attempt(code = %rdi, argument = %rsi) */
	.text
	.code64
	.globl	attempt, attempt_failed
attempt:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, attempt_stack
	mov	%rdi, %rax
	mov	%rsi, %rdi
	call	*%rax
	mov	$-1, %eax
	jmp	1f
attempt_failed:			/* the handler has set RSP and EAX */
1:	movq	$0, attempt_stack
	cld
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

/* void enter_bytes(struct entry *%rdi): to code, at a privilege level, with registers cleared. */
	.globl	enter_bytes
enter_bytes:
	mov	%rdi, %rax
	push	24(%rax)	/* SS */
	push	32(%rax)	/* RSP */
	push	$2
	push	16(%rax)	/* CS */
	push	(%rax)		/* RIP */
	mov	8(%rax), %rdi
	mov	%rdi, %rsi
	xor	%eax, %eax
	xor	%ebx, %ebx
	xor	%ecx, %ecx
	xor	%edx, %edx
	iretq

	.globl	attempt_stack
	.bss
	.balign	8
attempt_stack:
	.skip	8

	.section .note.GNU-stack, "", @progbits
