/* SPDX-License-Identifier: MIT */
/*
 * How every test kernel starts. The same file boots bare, from GRUB by its
 * multiboot2 header, and as a guest, by its PVH note. Both enter 32-bit protected
 * mode without paging; this goes to 64-bit mode with the low 4 GiB mapped one to
 * one, and calls kernel_main(boot value of EAX, of EBX).
 */
	.section .multiboot, "a"
	.balign	8
header:
	.long	0xe85250d6, 0, header_end - header, -(0xe85250d6 + (header_end - header))
	.short	0, 0
	.long	8
header_end:

	.section .note.pvh, "a", @note
	.long	4, 4, 18	/* name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	start32

	.text
	.code32
	.globl	start32
start32:
	cli
	cld
	mov	$stack_top, %esp
	mov	%eax, %esi	/* kept for kernel_main */
	mov	%ebx, %ebp

	/* PML4 -> PDPT -> four page directories of 2 MiB pages */
	mov	$pdpt + 3, %eax
	mov	%eax, pml4
	mov	$directories + 3, %eax
	mov	$pdpt, %edi
	mov	$4, %ecx
1:	mov	%eax, (%edi)
	add	$4096, %eax
	add	$8, %edi
	loop	1b
	mov	$0x83, %eax
	mov	$directories, %edi
	mov	$2048, %ecx
2:	mov	%eax, (%edi)
	add	$0x200000, %eax
	add	$8, %edi
	loop	2b

	mov	%cr4, %eax
	or	$0x620, %eax	/* PAE, OSFXSR, OSXMMEXCPT */
	mov	%eax, %cr4
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax	/* LME */
	wrmsr
	mov	%cr0, %eax
	or	$0x80000001, %eax
	mov	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$8, $start64

	.code64
start64:
	mov	$16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$stack_top, %rsp
	mov	%esi, %edi
	mov	%ebp, %esi
	call	kernel_main
3:	hlt
	jmp	3b

	.data
	.balign	8
	.globl	gdt
gdt:	.quad	0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
	.quad	0x008f9b000000ffff, 0x008f93000000ffff /* 16-bit code and data */
	.fill	8, 8, 0		/* for the tests */
gdt_end:
	.globl	gdt_pointer
gdt_pointer:
	.short	gdt_end - gdt - 1
	.quad	gdt

	.bss
	.balign	4096
	.globl	pml4
pml4:	.skip	4096
pdpt:	.skip	4096
directories:
	.skip	16384
	.skip	16384
	.globl	stack_top
stack_top:

	.section .note.GNU-stack, "", @progbits
