/* SPDX-License-Identifier: MIT */
#include "sandbox.h"

#define MSR_EFER 0xc0000080

	.text
	.code64
	.globl	sandbox_run
sandbox_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, kernel_stack
	movl	$1, running
	mov	sandbox_cr3, %rax
	mov	%rax, %cr3
	mov	%edi, %ds
	mov	%edi, %es
	mov	%edi, %fs
	mov	%edi, %gs
	mov	$cell, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rbx
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq

	/* Where every vector leads, by IST 1, the end of the cell: make the frames alike. */
	.altmacro
	.macro	stub vector
	.balign	16
	.if	!(\vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17)
	push	$0
	.endif
	push	$\vector
	jmp	rescue
	.endm

	.globl	rescue_stubs
	.balign	16
rescue_stubs:
	.set	i, 0
	.rept	256
	stub	%i
	.set	i, i + 1
	.endr

/* On the stack: vector, error code, RIP, CS, RFLAGS, RSP, SS. */
rescue:
	cmpl	$1, (%rsp)
	jne	2f
	cmpl	$0, running
	je	3f
	/* A single step, unless it has gone into the kernel. */
	push	%rax
	mov	24(%rsp), %rax
	sub	$kernel_start, %rax
	cmp	$kernel_size, %rax
	jb	1f
	decq	cell + CELL_STEPS
	jz	1f
	mov	cell + CELL_FLAGS, %rax
	or	%rax, 40(%rsp)
	pop	%rax
	add	$16, %rsp
	iretq
3:	add	$16, %rsp	/* the kernel itself, by what a program left in DR7: now GD is off */
	iretq
1:	pop	%rax
2:	pop	%rbx
	pop	%rcx
	pop	%rdx
	/* From here on no stack is used. RBX, RCX, RDX: how it ended. */
finish:
	mov	$pml4, %eax
	mov	%rax, %cr3
	mov	kernel_cr4, %rax
	mov	%rax, %cr4
	mov	kernel_cr0, %rax
	mov	%rax, %cr0
	cmpl	$0, running
	mov	kernel_stack, %rsp
	mov	%rbx, cell + CELL_VECTOR
	mov	%rcx, cell + CELL_ERROR
	mov	%rdx, cell + CELL_RIP
	je	kernel_fault
	.globl	sandbox_restore
sandbox_restore:
	movl	$0, running
	mov	$MSR_EFER, %ecx
	mov	kernel_efer, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0x400, %eax
	mov	%rax, %dr7
	mov	$0xffff0ff0, %eax
	mov	%rax, %dr6
	lgdt	gdt_pointer
	lidt	rescue_idt_pointer
	andb	$~2, gdt + GDT_TSS + 5 /* not busy */
	mov	$GDT_TSS, %eax
	ltr	%ax
	xor	%eax, %eax
	lldt	%ax
	mov	$GDT_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	push	$2
	popf
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.globl	syscall_rescue, sysenter_rescue
syscall_rescue:
	mov	%rcx, %rdx
	mov	$END_SYSCALL, %ebx
	jmp	finish
sysenter_rescue:
	mov	$END_SYSENTER, %ebx
	jmp	finish

	.globl	sandbox_cr3, kernel_cr0, kernel_cr4, kernel_efer, kernel_stack, running
	.bss
	.balign	8
sandbox_cr3:
	.skip	8
kernel_cr0:
	.skip	8
kernel_cr4:
	.skip	8
kernel_efer:
	.skip	8
kernel_stack:
	.skip	8
running:
	.skip	4

	.balign	4096
	.globl	cell
cell:	.skip	CELL_STACK

	.section .note.GNU-stack, "", @progbits
