/* SPDX-License-Identifier: MIT */
/* Code outside of IA-32e mode: see legacy.h. */
#include "legacy.h"

#define CR0_PE   0x1
#define CR0_PG   0x80000000
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define EFER_LMA 0x400

#define KERNEL_TSS 0x40

#define STATE(field) (LEGACY_##field)(%ebp)

	/* Both kinds of exit: an instruction, and a port. EAX, EBX, ECX and EDX are lost. */
	.macro	exits
	xor	%eax, %eax
	cpuid
	out	%al, $LEGACY_PORT
	.endm

	.macro	step
	incl	%ss:legacy_step
	.endm

	.text
	.code64
	.globl	legacy_run
legacy_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, kernel_rsp
	mov	%cr0, %rax
	mov	%rax, kernel_cr0
	mov	%cr3, %rax
	mov	%rax, kernel_cr3
	mov	%cr4, %rax
	mov	%rax, kernel_cr4
	mov	$MSR_EFER, %ecx
	rdmsr
	mov	%eax, kernel_efer
	movl	$0, legacy_step
	sidt	kernel_idt
	lidt	legacy_idt_pointer
	lgdt	legacy_gdt_pointer
	mov	%esi, %ebp
	push	$LEGACY_CODE32
	lea	1f(%rip), %rax
	push	%rax
	lretq
	.code32
1:	mov	$LEGACY_DATA, %eax	/* a way back from CPL 3 may have left null ones */
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	mov	$stack_end, %esp
	mov	%cr0, %eax
	and	$~CR0_PG, %eax
	mov	%eax, %cr0
	mov	kernel_efer, %eax
	and	$~(EFER_LME | EFER_LMA), %eax
	xor	%edx, %edx
	wrmsr
	mov	$LEGACY_TSS, %eax
	ltr	%ax
	jmp	*%edi

	/* Where vectors lead: make the frames alike. */
	.altmacro
	.macro	stub vector
	.balign	16
	.if	!(\vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17)
	push	$0
	.endif
	push	$\vector
	jmp	caught
	.endm

	.globl	legacy_stubs
	.balign	16
legacy_stubs:
	.set	i, 0
	.rept	32
	stub	%i
	.set	i, i + 1
	.endr

	.globl	legacy_done
legacy_done:
	mov	$LEGACY_DATA, %eax
	mov	%eax, %ss
	mov	$stack_end, %esp
	push	$0
	push	$0
	push	$0
	push	$0
	push	$-1
caught:
	cld
	mov	$LEGACY_DATA, %eax
	mov	%eax, %ds
	pop	legacy_vector
	pop	legacy_error
	pop	legacy_eip
	pop	%eax		/* CS */
	pop	legacy_eflags
	mov	$LEGACY_DATA, %eax
	mov	%eax, %ss
	mov	$stack_end, %esp
	mov	legacy_gdt_pointer + 2, %eax
	andb	$~2, LEGACY_TSS + 5(%eax)	/* not busy; a 16-bit task would be refused below */
	mov	$LEGACY_TSS, %eax
	ltr	%ax
	mov	%cr0, %eax
	mov	%eax, legacy_cr0
	mov	$MSR_EFER, %ecx
	rdmsr
	mov	%eax, legacy_efer
	mov	legacy_cr0, %eax
	and	$~CR0_PG, %eax
	mov	%eax, %cr0
	mov	kernel_cr4, %eax
	mov	%eax, %cr4
	mov	kernel_cr3, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	mov	kernel_efer, %eax
	and	$~EFER_LMA, %eax
	xor	%edx, %edx
	wrmsr
	mov	kernel_cr0, %eax
	mov	%eax, %cr0
	ljmp	$LEGACY_CODE64, $1f
	.code64
1:	lgdt	gdt_pointer
	lidt	kernel_idt
	mov	$LEGACY_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	mov	kernel_rsp, %rsp
	push	$2
	popf
	andb	$~2, gdt + KERNEL_TSS + 5	/* not busy */
	mov	$KERNEL_TSS, %eax
	ltr	%ax
	xor	%eax, %eax
	lldt	%ax
	mov	legacy_vector, %eax
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	/* ---- What is run; EBP is the state ---- */

	.code32
	.globl	legacy_control
legacy_control:
	movzwl	STATE(CS), %eax
	push	%eax
	push	$1f
	lret
1:	movzwl	STATE(TR), %eax
	test	%eax, %eax
	jz	1f
	ltr	%ax
1:	step
	mov	$MSR_EFER, %ecx
	xor	%edx, %edx
	mov	STATE(EFER), %eax
	wrmsr
	step
	mov	STATE(CR4), %eax
	mov	%eax, %cr4
	step
	mov	STATE(CR3), %eax
	mov	%eax, %cr3
	step
	mov	STATE(CR0), %eax
	mov	%eax, %cr0
	step
	exits
	mov	STATE(POKE), %edx
	test	%edx, %edx
	jz	1f
	mov	STATE(POKED), %eax
	mov	%eax, (%edx)
1:	step
	mov	STATE(AFTER), %eax
	test	%eax, %eax
	jz	1f
	mov	%eax, %cr4
1:	step
	mov	STATE(AFTER + 4), %eax
	test	%eax, %eax
	jz	1f
	mov	%eax, %cr3
1:	step
	mov	STATE(AFTER + 8), %eax
	test	%eax, %eax
	jz	1f
	mov	%eax, %cr0
1:	step
	exits
	jmp	legacy_done

	/* The code is flat: its base is 0 in each segment that CS is loaded with. */
	.globl	legacy_segments
legacy_segments:
	mov	$LEGACY_LDT, %eax
	lldt	%ax
	mov	STATE(ESI), %esi
	movzwl	STATE(ACTION), %edi
	movzwl	STATE(SS), %ecx
	movzwl	STATE(CS), %edx
	movzwl	STATE(DS), %eax
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ds
	mov	%ecx, %ss
	push	%edx
	push	$1f
	lret
1:	exits
	test	$LEGACY_OUTS, %edi
	jz	1f
	mov	$LEGACY_PORT, %edx
	outsb
1:	test	$LEGACY_REAL, %edi
	jz	legacy_done
	mov	%cr0, %eax
	and	$~CR0_PE, %eax
	mov	%eax, %cr0
	exits
	test	$LEGACY_RELOAD, %edi
	jz	1f
	mov	$0x1000, %eax
	mov	%eax, %ds
	mov	0, %edx
	exits
1:	mov	%cr0, %eax
	or	$CR0_PE, %eax
	mov	%eax, %cr0
	exits
	jmp	legacy_done

	.globl	legacy_v86
legacy_v86:
	mov	STATE(CR4), %eax
	mov	%eax, %cr4
	mov	STATE(CR0), %eax
	mov	%eax, %cr0
	pushl	$0		/* GS, FS, DS, ES */
	pushl	$0
	pushl	$0
	pushl	$0
	pushl	$0		/* SS:ESP */
	pushl	$LEGACY_LOW
	pushl	STATE(EFLAGS)
	pushl	$0		/* CS:EIP */
	pushl	$LEGACY_LOW
	mov	$LEGACY_LOW + 0x100, %ebx
	xor	%eax, %eax
	iret

	.globl	legacy_task_jump, legacy_task_call
legacy_task_jump:
	ljmp	$LEGACY_TASK, $0
legacy_task_call:
	lcall	$LEGACY_TASK, $0

	.globl	legacy_error, legacy_eip, legacy_eflags, legacy_step, legacy_cr0, legacy_efer
	.bss
	.balign	8
kernel_rsp:	.skip	8
kernel_cr0:	.skip	8
kernel_cr3:	.skip	8
kernel_cr4:	.skip	8
kernel_efer:	.skip	8
kernel_idt:	.skip	16
legacy_vector:	.skip	4
legacy_error:	.skip	4
legacy_eip:	.skip	4
legacy_eflags:	.skip	4
legacy_step:	.skip	4
legacy_cr0:	.skip	4
legacy_efer:	.skip	4
	.skip	4096
stack_end:

	.section .note.GNU-stack, "", @progbits
