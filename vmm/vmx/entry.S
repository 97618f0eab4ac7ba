/* SPDX-License-Identifier: MIT */
/*
 * The world switch. One endless loop per processor:
 *
 *   VM exit -> save the guest's registers -> vmx_exit() -> any requests? vmx_serve_requests()
 *           -> restore the registers of the current vCPU -> VM entry
 *
 * HOST_RSP points to the end of vcpu->gpr[], so the pushes below fill the array. The vCPU that
 * is entered is cpu->current, which need not be the one that exited. The VMCS of an instrumented
 * vCPU has another HOST_RIP, so that the others pay nothing for it.
 *
 * No RET ever consumes a return-stack entry from before the exit: this code calls down and never
 * returns up. So the guest cannot steer the monitor by filling the return stack buffer, and
 * stuffing it is not needed. Clearing the registers leaves speculation no guest-chosen values to
 * work with.
 */

/* Offsets in struct cpu and struct vcpu, and bits of vcpu->requests: asserted in run.c. */
#define CPU_STACK_TOP  8
#define CPU_CURRENT    16
#define VCPU_REQUESTS  128
#define VCPU_REGISTERS 128

#define ENTRY_LAUNCH           0x10000
#define ENTRY_MITIGATE_BUFFERS 0x20000
#define ENTRY_MITIGATE_L1D     0x40000
#define ENTRY_ACTIONS          0xf0000

#define MSR_FLUSH_CMD 0x10b

	.macro	save_registers
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%r11
	push	%r10
	push	%r9
	push	%r8
	push	%rdi
	push	%rsi
	push	%rbp
	push	%rsp		/* the unused RSP slot */
	push	%rbx
	push	%rdx
	push	%rcx
	push	%rax
	.endm

	/* RDI: the vCPU. RSI is left as it is. */
	.macro	enter_monitor
	mov	%rsp, %rdi
	mov	%gs:CPU_STACK_TOP, %rsp
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	.endm

	.macro	restore_registers
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rbx
	pop	%rbp		/* the RSP slot; RBP follows */
	pop	%rbp
	pop	%rsi
	pop	%rdi
	pop	%r8
	pop	%r9
	pop	%r10
	pop	%r11
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	.endm

	.text

	/* noreturn void backend_run(void): VMX is on. */
	.globl	backend_run
backend_run:
	mov	%gs:CPU_STACK_TOP, %rsp
	call	vmx_serve_requests
	jmp	enter

	.globl	vmx_exit_entry_instrumented
	.balign	16
vmx_exit_entry_instrumented:
	save_registers
	rdtsc
	shl	$32, %rdx
	lea	(%rax, %rdx), %rsi
	enter_monitor
	call	vmx_exit_instrumented
	jmp	enter

	.globl	vmx_exit_entry
	.balign	16
vmx_exit_entry:
	save_registers
	enter_monitor
	xor	%esi, %esi
	call	vmx_exit

enter:
	mov	%gs:CPU_CURRENT, %rsp
	cmpl	$0, VCPU_REQUESTS(%rsp)
	jne	requested
resume:
	restore_registers
	vmresume
	/* VMfail: RSP is where a VM exit would leave it, so undo the pops and ask C. */
failed:
	lea	-VCPU_REGISTERS(%rsp), %rdi
	mov	%gs:CPU_STACK_TOP, %rsp
	call	vmx_entry_failed
	jmp	enter

requested:
	testl	$~ENTRY_ACTIONS, VCPU_REQUESTS(%rsp)
	je	act
	mov	%gs:CPU_STACK_TOP, %rsp
	call	vmx_serve_requests
	mov	%gs:CPU_CURRENT, %rsp
act:
	testl	$ENTRY_MITIGATE_L1D, VCPU_REQUESTS(%rsp)
	je	1f
	mov	$MSR_FLUSH_CMD, %ecx
	mov	$1, %eax
	xor	%edx, %edx
	wrmsr
1:	testl	$ENTRY_MITIGATE_BUFFERS, VCPU_REQUESTS(%rsp)
	je	2f
	verw	data_selector(%rip)	/* SDM Vol. 2 "VERR/VERW" with MD_CLEAR: overwrites the buffers */
2:	testl	$ENTRY_LAUNCH, VCPU_REQUESTS(%rsp)
	je	resume
	andl	$~ENTRY_LAUNCH, VCPU_REQUESTS(%rsp)
	restore_registers
	vmlaunch
	jmp	failed

	.section .rodata
data_selector:
	.word	0x10

	.section .note.GNU-stack, "", @progbits
