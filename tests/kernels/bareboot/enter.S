/* SPDX-License-Identifier: MIT */
/*
 * noreturn void enter(uint32_t rip, uint32_t ebx, uint32_t esp, const struct descriptor_table *gdt)
 *
 * From 64-bit mode to the state in which Nacre starts a PVH guest; the selectors are those of
 * guests/loaders/loading.h. Runs in memory that is mapped one to one.
 */
#define CODE 0x10
#define DATA 0x18

	.text
	.globl	enter
enter:
	lgdt	(%rcx)
	pushq	$CODE
	pushq	$1f
	lretq

	.code32
1:	mov	$0x11, %eax	/* PE and ET: paging off */
	mov	%eax, %cr0
	xor	%eax, %eax
	mov	%eax, %cr4
	mov	%edx, %esp
	xor	%edx, %edx
	mov	$0xc0000080, %ecx	/* IA32_EFER: LME off */
	wrmsr
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	push	%edi		/* the entry, for RET */
	mov	%esi, %ebx
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%ebp, %ebp
	ret

	.section .note.GNU-stack, "", @progbits
