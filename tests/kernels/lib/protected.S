/* SPDX-License-Identifier: MIT */
/* Out of 64-bit mode: see kernel.h. */

#define CR0_PG 0x80000000

#define SELECTOR_CODE_32 0x18
#define SELECTOR_DATA 0x10

	.text
	.code64
	.globl	enter_protected
enter_protected:
	cli
	mov	%rdi, %rbx
	push	$SELECTOR_CODE_32
	lea	1f(%rip), %rax
	push	%rax
	lretq
	.code32
1:	mov	%cr0, %eax
	and	$~CR0_PG, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx	/* EFER: long mode off */
	rdmsr
	and	$~0x100, %eax
	wrmsr
	mov	$SELECTOR_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$stack_top, %esp
	jmp	*%ebx

	.section .note.GNU-stack, "", @progbits
