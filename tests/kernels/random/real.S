/* SPDX-License-Identifier: MIT */
/*
 * A program in real-address mode, and back: see sandbox.h. The vectors are in the kernel's memory,
 * above what real mode can reach. What they lead to is copied below 64 KiB each time, with the
 * state of the program.
 */
#include "sandbox.h"
#include "leave.inc"

#define GDT_DATA16 0x28

#define AT(label) (LOW_CODE + label - low_start)

	.text
	.code64
	.globl	real_run
real_run:
	mov	$low_start, %esi
	mov	$LOW_CODE, %edi
	mov	$low_end - low_start, %ecx
	rep movsb
	leave_64_bit_mode real_idt_pointer
	mov	$GDT_DATA16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	ljmp	$GDT_CODE16, $LOW_CODE

	.code16
low_start:
	mov	%cr0, %eax
	and	$~CR0_PE, %eax
	mov	%eax, %cr0
	ljmp	$0, $AT(1f)
1:	mov	%cs:REAL_STATE + REAL_SS, %ss
	mov	%cs:REAL_STATE + 4 * 4, %esp
	pushw	%cs:REAL_STATE + REAL_FLAGS
	pushw	%cs:REAL_STATE + REAL_CS
	pushw	%cs:REAL_STATE + REAL_IP
	mov	%cs:REAL_STATE + REAL_DS, %ds
	mov	%cs:REAL_STATE + REAL_DS, %es
	mov	%cs:REAL_STATE + REAL_DS, %fs
	mov	%cs:REAL_STATE + REAL_DS, %gs
	mov	%cs:REAL_STATE + 0 * 4, %eax
	mov	%cs:REAL_STATE + 1 * 4, %ecx
	mov	%cs:REAL_STATE + 2 * 4, %edx
	mov	%cs:REAL_STATE + 3 * 4, %ebx
	mov	%cs:REAL_STATE + 5 * 4, %ebp
	mov	%cs:REAL_STATE + 6 * 4, %esi
	mov	%cs:REAL_STATE + 7 * 4, %edi
	iretw

real_step:
	decl	%cs:REAL_STATE + REAL_STEPS
	jz	real_other
	push	%bp
	mov	%sp, %bp
	push	%ax
	mov	%cs:REAL_STATE + REAL_STEP_FLAGS, %ax
	or	%ax, 6(%bp)
	pop	%ax
	pop	%bp
	iretw
real_tick:
	movl	$0x20, %cs:REAL_STATE + REAL_VECTOR
	jmp	2f
real_other:
	movl	$END_REAL, %cs:REAL_STATE + REAL_VECTOR
2:	lgdtl	%cs:REAL_STATE + REAL_GDT
	mov	%cs:REAL_STATE + REAL_CR4, %eax
	mov	%eax, %cr4
	mov	%cs:REAL_STATE + REAL_CR0, %eax
	and	$~CR0_PG, %eax
	mov	%eax, %cr0
	ljmpl	$GDT_CODE32, $3f
low_end:
	.code32
	/* Paging is off, CR4 and the GDT are the kernel's. */
	.globl	protected_return
protected_return:
3:	mov	$GDT_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	mov	kernel_efer, %eax
	and	$~EFER_LMA, %eax
	xor	%edx, %edx
	wrmsr
	mov	kernel_cr0, %eax
	mov	%eax, %cr0
	ljmp	$GDT_CODE64, $4f
	.code64
4:	mov	kernel_stack, %rsp
	jmp	sandbox_restore

	.section .rodata
	.globl	real_step_at, real_tick_at, real_other_at
real_step_at:
	.short	AT(real_step)
real_tick_at:
	.short	AT(real_tick)
real_other_at:
	.short	AT(real_other)

	.section .note.GNU-stack, "", @progbits
