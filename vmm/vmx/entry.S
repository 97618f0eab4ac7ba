/*
 * The world switch. One endless loop per processor:
 *
 *   VM exit -> save the guest's registers -> vmx_exit() -> restore -> VM entry
 *
 * HOST_RSP points behind vcpu->gpr[], so the pushes below fill the array.
 * vmx_exit() returns the vCPU to enter, which need not be the one that exited.
 *
 * No RET ever consumes a return-stack entry from before the exit: this code
 * calls down and never returns up, so the guest cannot steer the monitor by
 * filling the return stack buffer, and stuffing it is not needed. Clearing the
 * registers leaves speculation no guest-chosen values to work with.
 */

/* Offsets in struct cpu and struct vcpu, asserted in run.c. */
#define CPU_STACK_TOP   8
#define CPU_MITIGATIONS 16
#define VCPU_LAUNCHED   128
#define VCPU_REGISTERS  128

#define MITIGATE_BUFFERS 1
#define MITIGATE_L1D     2
#define MSR_FLUSH_CMD    0x10b

	.text

	/* noreturn void vmx_enter_first(struct vcpu *vcpu): VMX is on, the VMCS is current. */
	.globl	vmx_enter_first
vmx_enter_first:
	mov	%rdi, %rax
	jmp	enter

	.globl	vmx_exit_entry
	.balign	16
vmx_exit_entry:
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
	mov	%rsp, %rdi
	mov	%gs:CPU_STACK_TOP, %rsp
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	call	vmx_exit

enter:
	cmpb	$0, %gs:CPU_MITIGATIONS
	jne	mitigate
mitigated:
	mov	%rax, %rsp
	cmpb	$0, VCPU_LAUNCHED(%rsp)	/* the flags survive until the jump */
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
	je	launch
	vmresume
	jmp	failed
launch:
	vmlaunch
failed:
	/* VMfail: RSP is where a VM exit would leave it, so undo the pops and ask C. */
	lea	-VCPU_REGISTERS(%rsp), %rdi
	mov	%gs:CPU_STACK_TOP, %rsp
	call	vmx_entry_failed
	jmp	enter

	/* RAX is the vCPU; everything else is free. */
mitigate:
	testb	$MITIGATE_L1D, %gs:CPU_MITIGATIONS
	je	1f
	mov	%rax, %rbx
	mov	$MSR_FLUSH_CMD, %ecx
	mov	$1, %eax
	xor	%edx, %edx
	wrmsr
	mov	%rbx, %rax
1:	testb	$MITIGATE_BUFFERS, %gs:CPU_MITIGATIONS
	je	mitigated
	verw	data_selector(%rip)	/* SDM Vol. 2 "VERR/VERW" with MD_CLEAR: overwrites the buffers */
	jmp	mitigated

	.section .rodata
data_selector:
	.word	0x10

	.section .note.GNU-stack, "", @progbits
