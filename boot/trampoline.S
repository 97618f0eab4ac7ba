/* SPDX-License-Identifier: MIT */
/*
 * Where other processors start: copied below 1 MiB, since a start-up IPI names a page there. From
 * real mode to 64-bit mode and the monitor's own tables in one go, with what smp.c filled in.
 * SDM Vol. 3A "MP Initialization Protocol Algorithm for MP Systems", "Initializing IA-32e Mode".
 */
#include "mm/layout.h"

#define CR0_PE 0x00000001
#define CR0_START 0x80010023 /* PG, WP, NE, MP, PE */
#define CR4_PAE 0x20
#define MSR_IA32_EFER 0xc0000080

/* Offsets in the copy; its page is added to them. */
#define AT(symbol) ((symbol) - trampoline_start)

	.section .rodata.trampoline, "a"
	.globl trampoline_start, trampoline_size, trampoline_values_at
	.code16
	.balign 16
trampoline_start:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	xorl %ebx, %ebx
	movw %ax, %bx
	shll $4, %ebx /* where this page is */
	leal AT(trampoline_gdt)(%ebx), %eax
	movl %eax, AT(gdt_pointer) + 2
	leal AT(protected)(%ebx), %eax
	movl %eax, AT(far_protected)
	lgdtl AT(gdt_pointer)
	movl %cr0, %eax
	orb $CR0_PE, %al
	movl %eax, %cr0
	ljmpl *AT(far_protected)

	.code32
protected:
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %ss
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl AT(first_cr3)(%ebx), %eax
	movl %eax, %cr3
	movl $MSR_IA32_EFER, %ecx
	movl AT(efer)(%ebx), %eax
	xorl %edx, %edx
	wrmsr
	movl $CR0_START, %eax
	movl %eax, %cr0
	leal AT(long_mode)(%ebx), %eax
	movl %eax, AT(far_long)(%ebx)
	ljmpl *AT(far_long)(%ebx)

	.code64
long_mode:
	movq AT(cr3)(%rbx), %rax
	movq AT(stack)(%rbx), %rcx
	movq AT(cpu)(%rbx), %rdi
	movq AT(next)(%rbx), %rdx
	movq AT(switch)(%rbx), %rsi
	jmp *%rsi

	.balign 8
trampoline_gdt:
	.quad 0
	.quad 0x00cf9b000000ffff /* 32-bit code, for a moment */
	.quad 0x00cf93000000ffff /* data */
	.quad 0x00af9b000000ffff /* 64-bit code */
gdt_pointer:
	.word gdt_pointer - trampoline_gdt - 1
	.long 0
	.balign 8
far_protected:
	.long 0
	.word 0x08
	.balign 8
far_long:
	.long 0
	.word 0x18
	/* struct trampoline_values in smp.c */
	.balign 8
values:
first_cr3:
	.quad 0
efer:
	.quad 0
cr3:
	.quad 0
stack:
	.quad 0
cpu:
	.quad 0
next:
	.quad 0
switch:
	.quad 0
end:
	.balign 8
trampoline_size:
	.quad AT(end)
trampoline_values_at:
	.quad AT(values)

/*
 * In the image, where the monitor's own tables have it, too: RAX those tables, RCX the stack,
 * RDX the function to call with RDI.
 */
	.section .text.trampoline, "ax"
	.globl trampoline_switch
trampoline_switch:
	movq %rax, %cr3
	movq %rcx, %rsp
	xorl %ebp, %ebp
	movq %rdx, %rax
	call __x86_indirect_thunk_rax
	ud2

	.section .note.GNU-stack, "", @progbits
