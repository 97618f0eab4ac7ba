/* SPDX-License-Identifier: MIT */
/*
 * What the compiler calls instead of an indirect branch (-mindirect-branch=thunk-extern): the
 * return predictor sends speculation into a loop that does nothing, so no trained branch
 * target buffer entry is ever followed. Intel, "Retpoline: A Branch Target Injection Mitigation".
 */
	.macro THUNK register
	.section .text.thunk_\register, "ax"
	.globl __x86_indirect_thunk_\register
	.balign 32
__x86_indirect_thunk_\register:
	call 2f
1:	pause
	lfence
	jmp 1b
	.balign 16
2:	movq %\register, (%rsp)
	ret
	.endm

	.irp register, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	THUNK \register
	.endr
