/* SPDX-License-Identifier: MIT */
/* Triple faults in every mode, and the way round through all of them. */

#define CR0_PE 0x1
#define CR0_PG 0x80000000
#define EFLAGS_VM 0x20000
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

#define SELECTOR_CODE_64 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_CODE_32 0x18
#define SELECTOR_CODE_16 0x20
#define SELECTOR_DATA_16 0x28

#define LOW_CODE 0x8000 /* where the 16-bit code is copied to */

	.text
	.code64
	.globl	compatibility_triple_fault
compatibility_triple_fault:
	push	$SELECTOR_CODE_32
	lea	1f(%rip), %rax
	push	%rax
	lretq
	.code32
1:	lidt	no_idt
	ud2

	.globl	protected32_triple_fault
protected32_triple_fault:
	lidt	no_idt
	ud2

	.macro	copy_low_code
	mov	$low_start, %esi
	mov	$LOW_CODE, %edi
	mov	$low_end - low_start, %ecx
	rep movsb
	lidt	no_idt
	.endm

	.globl	protected16_triple_fault
protected16_triple_fault:
	copy_low_code
	ljmp	$SELECTOR_CODE_16, $LOW_CODE + low_fault - low_start

	.globl	real_triple_fault
real_triple_fault:
	copy_low_code
	ljmp	$SELECTOR_CODE_16, $LOW_CODE

	.globl	virtual86_triple_fault
virtual86_triple_fault:
	copy_low_code
	push	$0		/* GS, FS, DS, ES */
	push	$0
	push	$0
	push	$0
	push	$0		/* SS:ESP */
	push	$LOW_CODE
	push	$EFLAGS_VM | 2
	push	$0		/* CS:EIP */
	push	$LOW_CODE + low_fault - low_start
	iret

	.code16
low_start:
	mov	$SELECTOR_DATA_16, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~CR0_PE, %eax
	mov	%eax, %cr0
	ljmp	$0, $LOW_CODE + low_fault - low_start
low_fault:
	int3
low_end:

	/* 64-bit, compatibility, protected without paging, real, and the same way back. */
	.code64
	.globl	mode_round
mode_round:
	push	%rbx
	push	%rbp
	mov	%rsp, %rbp
	mov	$round_start, %esi
	mov	$LOW_CODE, %edi
	mov	$round_end - round_start, %ecx
	rep movsb
	push	$SELECTOR_CODE_32
	lea	1f(%rip), %rax
	push	%rax
	lretq
	.code32
1:	mov	%cr0, %eax
	and	$~CR0_PG, %eax
	mov	%eax, %cr0
	mov	$MSR_EFER, %ecx
	rdmsr
	and	$~EFER_LME, %eax
	wrmsr
	ljmp	$SELECTOR_CODE_16, $LOW_CODE

	.code16
round_start:
	mov	$SELECTOR_DATA_16, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~CR0_PE, %eax
	mov	%eax, %cr0
	ljmp	$0, $LOW_CODE + 1f - round_start
1:	cpuid			/* an exit in real mode */
	mov	%cr0, %eax
	or	$CR0_PE, %eax
	mov	%eax, %cr0
	ljmpl	$SELECTOR_CODE_32, $2f
round_end:
	.code32
2:	mov	$SELECTOR_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_LME, %eax
	wrmsr
	mov	%cr0, %eax
	or	$CR0_PG, %eax
	mov	%eax, %cr0
	ljmp	$SELECTOR_CODE_64, $3f
	.code64
3:	mov	%rbp, %rsp
	pop	%rbp
	pop	%rbx
	ret

	.data
	.balign	8
no_idt:	.short	0
	.long	0

	.section .note.GNU-stack, "", @progbits
