/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader to C: a multiboot2 loader enters here in 32-bit protected
 * mode with paging off, under BIOS and UEFI alike. Multiboot2 Specification,
 * "I386 machine state".
 */
#include "mm/layout.h"

/* The physical address of a symbol, for 32-bit code. */
#define PHYSICAL(symbol) ((symbol) - IMAGE_BASE)

#define MULTIBOOT2_HEADER_MAGIC 0xe85250d6
#define MULTIBOOT2_LOADER_MAGIC 0x36d76289
#define TAG_OPTIONAL 1

#define CR0_PE 0x00000001
#define CR0_MP 0x00000002
#define CR0_EM 0x00000004
#define CR0_TS 0x00000008
#define CR0_NE 0x00000020
#define CR0_WP 0x00010000
#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define CR0_PG 0x80000000
#define CR4_PAE 0x20

#define MSR_IA32_EFER 0xc0000080
#define EFER_LME 0x100
#define EFER_NXE 0x800
#define CPUID_EXTENDED_LM (1 << 29)
#define CPUID_EXTENDED_NX (1 << 20)
#define EFLAGS_ID (1 << 21)

#define PAGE_PRESENT_WRITE 0x03
#define PAGE_PRESENT_WRITE_LARGE 0x83
#define PML4_INDEX(address) (((address) >> 39) & 511)

#define COM1 0x3f8
#define DEBUG_PORT 0xe9
#define VGA_TEXT 0xb8000
#define VGA_ROW 160
#define VGA_ATTRIBUTE 0x07
#define VGA_BLANKS 0x07200720
#define STACK_SIZE 0x4000

	.section .multiboot2, "a"
	.balign 8
header:
	.long MULTIBOOT2_HEADER_MAGIC
	.long 0 /* i386 */
	.long header_end - header
	.long -(MULTIBOOT2_HEADER_MAGIC + (header_end - header))

	/* Information request: what Nacre cannot do without. */
	.balign 8
1:	.word 1, 0
	.long 2f - 1b
	.long 6 /* memory map */
2:
	/* Entry address: physical, whatever the loader makes of the ELF entry point. */
	.balign 8
1:	.word 3, 0
	.long 2f - 1b
	.long PHYSICAL(entry)
2:
	/* Console flags: VGA text is welcome too. */
	.balign 8
1:	.word 4, TAG_OPTIONAL
	.long 2f - 1b
	.long 2
2:
	/* Framebuffer: any mode; where there is a text mode, the loader may stay in it. */
	.balign 8
1:	.word 5, TAG_OPTIONAL
	.long 2f - 1b
	.long 0, 0, 0
2:
	/* Modules start on pages. */
	.balign 8
1:	.word 6, TAG_OPTIONAL
	.long 2f - 1b
2:
	.balign 8
1:	.word 0, 0
	.long 8
header_end:

	.section .text.entry, "ax"
	.code32
	.globl entry
entry:
	cli
	cld
	movl $PHYSICAL(boot_stack_end), %esp
	pushl $0
	popfl
	movl %eax, %ebp
	movl %ebx, %edi /* the boot information: kept here until C */
	rdtsc
	movl %eax, PHYSICAL(time_entry)
	movl %edx, PHYSICAL(time_entry) + 4
	movl $PHYSICAL(text_starting), %esi
	call print
	cmpl $MULTIBOOT2_LOADER_MAGIC, %ebp
	movl $PHYSICAL(text_not_multiboot2), %esi
	jne fail

	/* SDM Vol. 2A "CPUID": supported if EFLAGS.ID can be changed. */
	movl $PHYSICAL(text_no_long_mode), %esi
	pushfl
	popl %eax
	movl %eax, %ecx
	xorl $EFLAGS_ID, %eax
	pushl %eax
	popfl
	pushfl
	popl %eax
	cmpl %ecx, %eax
	je fail
	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb fail
	movl $0x80000001, %eax
	cpuid
	testl $CPUID_EXTENDED_LM, %edx
	jz fail

	/* SDM Vol. 3A "Initializing IA-32e Mode". */
	andl $CPUID_EXTENDED_NX, %edx
	shrl $20 - 11, %edx /* the CPUID bit becomes EFER_NXE */
	orl $EFER_LME, %edx
	movl %edx, %ebx
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $PHYSICAL(boot_pml4), %eax
	movl %eax, %cr3
	movl $MSR_IA32_EFER, %ecx
	rdmsr
	orl %ebx, %eax
	wrmsr
	movl %cr0, %eax
	andl $~(CR0_EM | CR0_TS | CR0_NW | CR0_CD), %eax /* some firmware leaves caching off */
	orl $(CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_PE), %eax
	movl %eax, %cr0
	lgdt PHYSICAL(boot_gdt_pointer)
	ljmp $0x08, $PHYSICAL(entry64)

/* Print the text at %esi and stop. */
fail:
	call print
1:	cli
	hlt
	jmp 1b

/*
 * Print the text at %esi on those of COM1 (115200 8N1), the debug port and the VGA text screen that
 * the machine has. Changes eax, ebx, ecx, edx, esi.
 */
print:
	movl $PHYSICAL(uart_setup), %ecx
1:	movzwl (%ecx), %edx
	movb 2(%ecx), %al
	outb %al, %dx
	addl $3, %ecx
	cmpl $PHYSICAL(uart_setup_end), %ecx
	jb 1b
	movl $VGA_TEXT + 2 * VGA_ROW, %ebx
1:	subl $4, %ebx
	movl $VGA_BLANKS, (%ebx)
	cmpl $VGA_TEXT, %ebx
	ja 1b
1:	lodsb
	testb %al, %al
	jz 4f
	outb %al, $DEBUG_PORT
	cmpb $' ', %al
	jb 2f
	movb %al, (%ebx)
	movb $VGA_ATTRIBUTE, 1(%ebx)
	addl $2, %ebx
2:	movb %al, %ah
	movl $0x10000, %ecx /* polls until the transmitter counts as dead */
	movl $COM1 + 5, %edx
3:	inb %dx, %al
	cmpb $0xff, %al /* no UART there */
	je 1b
	testb $0x20, %al /* LSR.THRE */
	loopz 3b
	jz 1b
	movl $COM1, %edx
	movb %ah, %al
	outb %al, %dx
	jmp 1b
4:	ret

	.code64
entry64:
	movq $1f, %rax
	jmp *%rax
1:	lgdt boot_gdt_pointer_high /* the identity map will go */
	movl $0x10, %eax
	movl %eax, %ss
	movl %eax, %ds
	movl %eax, %es
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movq $boot_stack_end, %rsp
	movl %edi, %edi /* clears the upper half */
	xorl %ebp, %ebp
	call boot_main
	ud2

/* noreturn void stack_switch(uint64_t top, void (*next)(void)): leave this stack for good. */
	.globl stack_switch
stack_switch:
	movq %rdi, %rsp
	xorl %ebp, %ebp
	movq %rsi, %rax
	call __x86_indirect_thunk_rax
	ud2

	.section .rodata.entry, "a"
text_starting:
	.asciz "Nacre: starting\r\n"
text_not_multiboot2:
	.asciz "Nacre: the boot loader did not use multiboot2; load Nacre with GRUB's command multiboot2.\r\n"
text_no_long_mode:
	.asciz "Nacre: this processor has no 64-bit mode; Nacre needs a 64-bit Intel processor with VT-x.\r\n"

/* {I/O port, value}: divisor 1, 8N1, FIFOs on, no interrupts, DTR and RTS. PC16550D datasheet. */
	.macro UART_WRITE register, value
	.word COM1 + \register
	.byte \value
	.endm
uart_setup:
	UART_WRITE 3, 0x80
	UART_WRITE 0, 0x01
	UART_WRITE 1, 0x00
	UART_WRITE 3, 0x03
	UART_WRITE 1, 0x00
	UART_WRITE 2, 0x01
	UART_WRITE 4, 0x03
uart_setup_end:

/* The same selectors as the tables that replace it: vmm/cpu/interrupts.h. */
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 64-bit code */
	.quad 0x00cf93000000ffff /* data */
boot_gdt_pointer:
	.word boot_gdt_pointer - boot_gdt - 1
	.quad PHYSICAL(boot_gdt)
boot_gdt_pointer_high:
	.word boot_gdt_pointer - boot_gdt - 1
	.quad boot_gdt

/* The first tables: all of EARLY_MAP_LIMIT in 2 MiB pages, at 0, DIRECT_MAP_BASE and IMAGE_BASE. */
	.section .data.entry, "aw"
	.balign 4096
	.globl boot_pml4 /* other processors start with it */
boot_pml4:
	.quad PHYSICAL(boot_pdpt) + PAGE_PRESENT_WRITE
	.fill PML4_INDEX(DIRECT_MAP_BASE) - 1, 8, 0
	.quad PHYSICAL(boot_pdpt) + PAGE_PRESENT_WRITE
	.fill PML4_INDEX(IMAGE_BASE) - PML4_INDEX(DIRECT_MAP_BASE) - 1, 8, 0
	.quad PHYSICAL(boot_pdpt_image) + PAGE_PRESENT_WRITE
boot_pdpt:
	.set gigabyte, 0
	.rept EARLY_MAP_LIMIT >> 30
	.quad PHYSICAL(boot_page_directories) + gigabyte * 4096 + PAGE_PRESENT_WRITE
	.set gigabyte, gigabyte + 1
	.endr
	.fill 512 - (EARLY_MAP_LIMIT >> 30), 8, 0
boot_pdpt_image:
	.fill 510, 8, 0
	.quad PHYSICAL(boot_page_directories) + PAGE_PRESENT_WRITE
	.quad PHYSICAL(boot_page_directories) + 4096 + PAGE_PRESENT_WRITE
boot_page_directories:
	.set page, 0
	.rept EARLY_MAP_LIMIT >> 21
	.quad (page << 21) + PAGE_PRESENT_WRITE_LARGE
	.set page, page + 1
	.endr

	.section .bss.entry, "aw", @nobits
	.balign 16
	.globl boot_stack, boot_stack_end
boot_stack:
	.skip STACK_SIZE
boot_stack_end:
