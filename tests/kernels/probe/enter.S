/* SPDX-License-Identifier: MIT */
/*
 * The ways into each mode and back. `enter_long` and `enter_legacy` load the registers from BEFORE
 * and start the snippet; the first exception or interrupt fills AFTER and returns from them. In
 * long mode that is done by the stubs of the library and engine.c; here are the legacy modes'.
 */
#include "layout.h"

#define B(number) AT(BEFORE, number)
#define A(number) AT(AFTER, number)
#define EFER 0xc0000080
#define CR0_PE 1
#define CR0_PG 0x80000000
#define EFLAGS_VM 0x20000
#define LOW(label) REAL_CODE + label - real_begin

	.macro	save_callee
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, kernel_rsp
	.endm

	.macro	load_segments
	mov	B(R_ES), %eax
	mov	%eax, %es
	mov	B(R_FS), %eax
	mov	%eax, %fs
	mov	B(R_GS), %eax
	mov	%eax, %gs
	mov	B(R_DS), %eax
	mov	%eax, %ds
	.endm

	.macro	load_gprs override=ds	/* all but ESP */
	mov	%\override:B(0), %eax
	mov	%\override:B(1), %ecx
	mov	%\override:B(2), %edx
	mov	%\override:B(3), %ebx
	mov	%\override:B(5), %ebp
	mov	%\override:B(6), %esi
	mov	%\override:B(7), %edi
	.endm

	.text
	.code64
	.globl	enter_long
enter_long:
	save_callee
	load_segments
	push	B(R_SS)
	push	B(4)
	push	B(R_FLAGS)
	push	B(R_CS)
	push	B(R_IP)
	mov	B(0), %rax
	mov	B(1), %rcx
	mov	B(2), %rdx
	mov	B(3), %rbx
	mov	B(5), %rbp
	mov	B(6), %rsi
	mov	B(7), %rdi
	mov	B(8), %r8
	mov	B(9), %r9
	mov	B(10), %r10
	mov	B(11), %r11
	mov	B(12), %r12
	mov	B(13), %r13
	mov	B(14), %r14
	mov	B(15), %r15
	iretq

	.globl	leave
leave:
	cld
	mov	kernel_rsp, %rsp
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.globl	enter_legacy
enter_legacy:
	save_callee
	push	$SEL_CODE32
	lea	1f(%rip), %rax
	push	%rax
	lretq
	.code32
1:	mov	%cr0, %eax
	and	$~CR0_PG, %eax
	mov	%eax, %cr0
	mov	$EFER, %ecx
	mov	B(R_EFER), %eax
	xor	%edx, %edx
	wrmsr
	mov	B(R_CR4), %eax
	mov	%eax, %cr4
	mov	B(R_CR0), %eax
	or	$CR0_PE, %al
	mov	%eax, %cr0
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$SYSTEM_STACK, %esp
	testl	$CR0_PE, B(R_CR0)
	jz	go_real
	lidt	legacy_idt_pointer
	mov	$SEL_TSS32, %eax
	ltr	%ax
	testl	$EFLAGS_VM, B(R_FLAGS)
	jz	1f
	push	B(R_GS)
	push	B(R_FS)
	push	B(R_DS)
	push	B(R_ES)
	jmp	2f
1:	testl	$3, B(R_CS)
	jnz	2f
	mov	B(R_SS), %eax
	mov	%eax, %ss
	mov	B(4), %esp
	jmp	3f
2:	push	B(R_SS)
	push	B(4)
3:	push	B(R_FLAGS)
	push	B(R_CS)
	push	B(R_IP)
	testl	$EFLAGS_VM, B(R_FLAGS)
	jnz	4f
	load_segments
4:	load_gprs
	iret

	/* Stubs push the vector and come here. The stack is below 64 KiB, whatever its segment. */
	.globl	legacy_common
legacy_common:
	cld
	push	%ds
	push	%eax
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%ecx, A(1)
	mov	%edx, A(2)
	mov	%ebx, A(3)
	mov	%ebp, A(5)
	mov	%esi, A(6)
	mov	%edi, A(7)
	mov	%es, A(R_ES)
	mov	%fs, A(R_FS)
	mov	%gs, A(R_GS)
	mov	%ss, A(R_SS)
	mov	%esp, A(4)
	mov	$SEL_DATA, %eax
	mov	%eax, %es
	movzwl	%sp, %esi
	mov	$A(R_FRAME), %edi
	mov	$12, %ecx
1:	lodsl
	mov	%eax, (%edi)
	movl	$0, 4(%edi)
	add	$8, %edi
	loop	1b
	sgdt	pointer
	call	take_tables
	mov	%cr0, %eax
	mov	%eax, A(R_CR0)

to_long:	/* 32-bit, at CPL 0, DS is SEL_DATA */
	cli
	mov	%cr4, %eax
	mov	%eax, A(R_CR4)
	mov	%cr3, %eax
	mov	%eax, A(R_CR3)
	mov	$EFER, %ecx
	rdmsr
	mov	%eax, A(R_EFER)
	mov	kernel_cr4, %eax
	mov	%eax, %cr4
	mov	kernel_cr3, %eax
	mov	%eax, %cr3
	mov	kernel_efer, %eax
	xor	%edx, %edx
	wrmsr
	mov	kernel_cr0, %eax
	mov	%eax, %cr0
	ljmp	$SEL_CODE64, $1f

take_tables:
	mov	pointer, %ax
	movzwl	%ax, %eax
	mov	%eax, A(R_GDT_LIMIT)
	mov	pointer + 2, %eax
	mov	%eax, A(R_GDT_BASE)
	sidt	pointer
	movzwl	pointer, %eax
	mov	%eax, A(R_IDT_LIMIT)
	mov	pointer + 2, %eax
	mov	%eax, A(R_IDT_BASE)
	mov	$0, %eax
	str	%ax
	mov	%eax, A(R_TR)
	sldt	%ax
	mov	%eax, A(R_LDTR)
	ret

	.code64
1:	jmp	leave

	.code32
go_real:
	ljmp	$SEL_CODE16, $LOW(real_enter)
from_real:
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$SYSTEM_STACK, %esp
	jmp	to_long

	/* Copied to REAL_CODE. */
	.code16
	.globl	real_begin
real_begin:
real_enter:
	mov	$SEL_DATA16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%cr0, %eax
	and	$~CR0_PE, %al
	mov	%eax, %cr0
	ljmp	$0, $LOW(1f)
1:	lidtl	%cs:LOW(real_idt_pointer)
	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	mov	B(4), %esp
	push	B(R_FLAGS)
	push	B(R_CS)
	push	B(R_IP)
	load_gprs
	iretw

	.globl	real_common
real_common:
	cli
	mov	%eax, %cs:A(0)
	mov	%ecx, %cs:A(1)
	mov	%edx, %cs:A(2)
	mov	%ebx, %cs:A(3)
	mov	%esp, %cs:A(4)
	mov	%ebp, %cs:A(5)
	mov	%esi, %cs:A(6)
	mov	%edi, %cs:A(7)
	mov	%ds, %cs:A(R_DS)
	mov	%es, %cs:A(R_ES)
	mov	%fs, %cs:A(R_FS)
	mov	%gs, %cs:A(R_GS)
	mov	%ss, %cs:A(R_SS)
	pop	%cs:A(R_VECTOR)
	pop	%cs:A(R_IP)
	pop	%cs:A(R_CS)
	pop	%cs:A(R_FLAGS)
	xor	%eax, %eax
	mov	%eax, %ds
	sgdtl	LOW(low_pointer)
	movzwl	LOW(low_pointer), %eax
	mov	%eax, A(R_GDT_LIMIT)
	mov	LOW(low_pointer) + 2, %eax
	mov	%eax, A(R_GDT_BASE)
	sidtl	LOW(low_pointer)
	movzwl	LOW(low_pointer), %eax
	mov	%eax, A(R_IDT_LIMIT)
	mov	LOW(low_pointer) + 2, %eax
	mov	%eax, A(R_IDT_BASE)
	mov	%cr0, %eax
	mov	%eax, A(R_CR0)
	or	$CR0_PE, %al
	and	$~CR0_PG, %eax
	mov	%eax, %cr0
	ljmpl	$SEL_CODE32, $from_real

	.balign	4
real_idt_pointer:
	.short	0x3ff
	.long	REAL_IDT
low_pointer:
	.skip	8
	.globl	real_end
real_end:

	.data
	.balign	8
	.globl	legacy_idt_pointer
legacy_idt_pointer:
	.short	0x7ff
	.long	legacy_idt
	.globl	kernel_cr0, kernel_cr3, kernel_cr4, kernel_efer
	.balign	8
kernel_cr0: .quad 0
kernel_cr3: .quad 0
kernel_cr4: .quad 0
kernel_efer: .quad 0
kernel_rsp: .quad 0
pointer: .skip 16

	.section .note.GNU-stack, "", @progbits
