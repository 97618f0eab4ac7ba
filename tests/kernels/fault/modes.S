/* SPDX-License-Identifier: MIT */
/* The other modes of the processor, and what can go wrong there. */

#define CR0_PE 0x1
#define CR0_AM 0x40000
#define EFLAGS_AC 0x40000

#define SELECTOR_CODE_16 0x20
#define SELECTOR_DATA_16 0x28
#define SELECTOR_CODE_USER 0x33
#define SELECTOR_DATA_USER 0x3b
#define SELECTOR_CODE_CONFORMING 0x40

#define LOW_CODE 0x8000 /* where the real-mode code is copied to */

	.text
	.code32
	.globl	protected_triple_fault
protected_triple_fault:
	lidt	no_idt
	ud2

	.globl	real_triple_fault
real_triple_fault:
	mov	$low_start, %esi
	mov	$LOW_CODE, %edi
	mov	$low_end - low_start, %ecx
	rep movsb
	lidt	no_idt
	ljmp	$SELECTOR_CODE_16, $LOW_CODE

	.code16
low_start:
	mov	$SELECTOR_DATA_16, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~CR0_PE, %eax
	mov	%eax, %cr0
	ljmp	$0, $LOW_CODE + 1f - low_start
1:	int3
low_end:

	/*
	 * The handler's code segment is conforming, so it runs at CPL 3 on the stack of the
	 * program, which is misaligned: pushing the frame of #AC is itself an alignment check.
	 */
	.code32
	.globl	protected_aligned_check
protected_aligned_check:
	movl	$0x0000ffff, gdt + 0x30
	movl	$0x00cffb00, gdt + 0x34	/* code, DPL 3 */
	movl	$0x0000ffff, gdt + 0x38
	movl	$0x00cff300, gdt + 0x3c	/* data, DPL 3 */
	movl	$0x0000ffff, gdt + 0x40
	movl	$0x00cf9f00, gdt + 0x44	/* conforming code, DPL 0 */
	mov	$2f, %eax
	mov	%ax, idt_32 + 17 * 8
	movw	$SELECTOR_CODE_CONFORMING, idt_32 + 17 * 8 + 2
	movw	$0x8e00, idt_32 + 17 * 8 + 4
	shr	$16, %eax
	mov	%ax, idt_32 + 17 * 8 + 6
	lidt	idt_32_pointer
	mov	%cr0, %eax
	or	$CR0_AM, %eax
	mov	%eax, %cr0
	push	$SELECTOR_DATA_USER
	push	$stack_top - 1023
	push	$EFLAGS_AC | 2
	push	$SELECTOR_CODE_USER
	push	$1f
	iret
1:	push	%eax
2:	jmp	2b

	.data
	.balign	8
no_idt:	.short	0
	.long	0
idt_32_pointer:
	.short	18 * 8 - 1
	.long	idt_32

	.bss
	.balign	8
idt_32:	.skip	18 * 8

	.section .note.GNU-stack, "", @progbits
