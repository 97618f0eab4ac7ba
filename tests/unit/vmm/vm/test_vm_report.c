/* SPDX-License-Identifier: MIT */
/* The report of a VM that cannot go on: vmm/vm/vm_report.c, vmm/vmx/dump.c. */
#include "rigs/vm_rig.h"

static void the_reason_comes_first(void **state)
{
	(void)state;
	vm.end = VM_TRIPLE_FAULT;
	vm_report(&vm);
	assert_ptr_equal(strstr(rig.log, "error: vm bench, vCPU 0: triple fault: an exception, and no "
	                                 "handler for it could be entered\n"),
	                 rig.log);
}

static unsigned dumps(void)
{
	unsigned count = 0;

	for (const char *at = rig.log; (at = strstr(at, "last exits, oldest first")); at++)
		count++;
	return count;
}

static void one_that_restarts_is_shown_whole_once_in_ten_seconds(void **state)
{
	(void)state;
	vm.config.on_crash = VM_CRASH_RESTART;
	for (unsigned second = 0; second < 20; second++) {
		vm_report(&vm);
		assert_int_equal(dumps(), 1 + second / 10);
		fake_x86.tsc += RIG_TSC_HZ;
	}
	vm.config.on_crash = VM_CRASH_STOP;
	vm_report(&vm);
	vm_report(&vm);
	assert_int_equal(dumps(), 4);
}

static void registers_are_all_there(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GPRS; i++)
		vm.vcpus[0]->gpr[i] = 0x0123456789abcd00 + i;
	vmwrite(VMCS_GUEST_RSP, 0xfedcba9876543210);
	vmwrite(VMCS_GUEST_CR3, 0x1234000);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 8);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0x4000);
	vmwrite(VMCS_GUEST_EFER, 0x500);
	vm_report(&vm);
	assert_logged(
		"  rax 0123456789abcd00  rcx 0123456789abcd01  rdx 0123456789abcd02  rbx 0123456789abcd03\n");
	assert_logged(
		"  rsp fedcba9876543210  rbp 0123456789abcd05  rsi 0123456789abcd06  rdi 0123456789abcd07\n");
	assert_logged(
		"  r12 0123456789abcd0c  r13 0123456789abcd0d  r14 0123456789abcd0e  r15 0123456789abcd0f\n");
	assert_logged(
		"rip 0000000000010000  rflags 00000002  cr0 00000011  cr3 0000000001234000  cr4 00000000\n");
	assert_logged("efer 0500  dr7 00000400  interruptibility 8  pending debug 4000\n");
	assert_logged("  cs   0008  base 0000000000000000  limit ffffffff  access 0c09b\n");
	assert_logged("  ldtr 0000  base 0000000000000000  limit 00000000  access 10000 unusable\n");
	assert_logged("  tr   0018  base 0000000000000000  limit 00000067  access 0008b\n");
	assert_logged("gdtr base 0000000000001000 limit 00ff   idtr base 0000000000000000 limit 0000\n");
}

static void refused_msrs_and_the_last_exception_are_shown(void **state)
{
	struct vcpu *vcpu = vm.vcpus[0];

	(void)state;
	vm_report(&vm);
	assert_null(strstr(rig.log, "refused by #GP"));
	assert_null(strstr(rig.log, "last exception"));
	for (unsigned i = 0; i < 3; i++) {
		vcpu->gpr[RCX] = 0x7f0;
		vcpu->gpr[RDX] = 0x12345678;
		vcpu->gpr[RAX] = 0x9abcdef0 + i;
		assert_true(rig_instruction(EXIT_REASON_WRMSR, 0, 2));
	}
	assert_true(rig_instruction(EXIT_REASON_RDMSR, 0, 2));
	vm_report(&vm);
	assert_logged("  refused by #GP: read of MSR 7f0, 1 times, last at rip 10000\n"
	              "error:   refused by #GP: write of MSR 7f0, value 123456789abcdef2, 3 times, last at "
	              "rip 10000\n");
	assert_logged("  last exception raised by the monitor: vector 13, error code 0x0, at rip "
	              "0000000000010000\n");
	for (unsigned i = 0; i < MSR_REFUSALS - 1; i++) { /* the oldest gives way */
		vcpu->gpr[RCX] = 0x7f8 + i;
		assert_true(rig_instruction(EXIT_REASON_RDMSR, 0, 2));
	}
	assert_int_equal(vcpu->refused[MSR_REFUSALS - 1].index, 0x7f0);
	assert_false(vcpu->refused[MSR_REFUSALS - 1].write);
}

static void instruction_bytes_are_shown(void **state)
{
	(void)state;
	rig_code("\x0f\x0b\x90\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\xfe\xff", 15);
	vm_report(&vm);
	assert_logged("  code 0f 0b 90 01 02 03 04 05 06 07 08 09 0a fe ff\n");
}

static void code_that_cannot_be_read_is_said(void **state)
{
	(void)state;
	rig_long_mode();
	rig_poke(0xa000, 0, 8);
	vm_report(&vm);
	assert_logged("cannot be read: page fault, error code 0");
	assert_logged("at 0x10000");
}

static void the_last_exits_come_in_order(void **state)
{
	const char *first, *second;

	(void)state;
	vm_report(&vm);
	assert_logged("last exits, oldest first (0 in total):");
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	rig_instruction(EXIT_REASON_INVD, 0, 2);
	vm_report(&vm);
	assert_logged("(2 in total):");
	first = strstr(rig.log, "rip 0000000000010000  CPUID\n");
	second = strstr(rig.log, "rip 0000000000010000  INVD\n");
	assert_non_null(first);
	assert_true(second > first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(the_reason_comes_first),
		rig_test(registers_are_all_there),
		rig_test(refused_msrs_and_the_last_exception_are_shown),
		rig_test(instruction_bytes_are_shown),
		rig_test(code_that_cannot_be_read_is_said),
		rig_test(the_last_exits_come_in_order),
		rig_test(one_that_restarts_is_shown_whole_once_in_ten_seconds),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
