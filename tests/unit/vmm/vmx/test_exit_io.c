/* SPDX-License-Identifier: MIT */
/* IN and OUT, and how INS and OUTS are recognised: vmm/vmx/exit_io.c. */
#include "rigs/vm_rig.h"

/* SDM Vol. 3C "Exit Qualification for I/O Instructions". */
#define IO(size, port) ((uint64_t)(port) << 16 | (7 & (size - 1)))
#define IN             (1u << 3)
#define STRING         (1u << 4)
#define REP            (1u << 5)
#define IMMEDIATE      (1u << 6)

static int setup(void **state)
{
	int error = rig_setup(state);

	if (!error)
		rig_plug_tape();
	return error;
}

#define io_test(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

static void in_merges_into_rax(void **state)
{
	static const struct {
		unsigned size;
		uint64_t rax;
	} cases[] = {
		{1, 0xfedcba9876543201},
		{2, 0xfedcba9876540202},
		{4, 0x0000000003030303}, /* 32 bits clear the upper half */
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		vm.vcpus[0]->gpr[RAX] = 0xfedcba9876543210;
		assert_true(rig_instruction(EXIT_REASON_IO_INSTRUCTION, IO(cases[i].size, RIG_PORT) | IN, 1));
		assert_went_on(RIG_RIP + 1);
		assert_int_equal(vm.vcpus[0]->gpr[RAX], cases[i].rax);
	}
	assert_int_equal(tape.reads, 3);
}

static void out_sends_the_low_part(void **state)
{
	static const unsigned sizes[] = {1, 2, 4};
	static const uint32_t sent[] = {0x10, 0x3210, 0x76543210};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		vm.vcpus[0]->gpr[RAX] = 0xfedcba9876543210;
		assert_true(
			rig_instruction(EXIT_REASON_IO_INSTRUCTION, IO(sizes[i], RIG_PORT) | IMMEDIATE, 2));
		assert_went_on(RIG_RIP + 2);
		assert_int_equal(tape.written[i], sent[i]);
		assert_int_equal(tape.size[i], sizes[i]);
		assert_int_equal(vm.vcpus[0]->gpr[RAX], 0xfedcba9876543210);
	}
}

static void an_unclaimed_port_floats(void **state)
{
	(void)state;
	vm.vcpus[0]->gpr[RAX] = 0;
	rig_instruction(EXIT_REASON_IO_INSTRUCTION, IO(2, 0xfffe) | IN, 1);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0xffff);
	rig_instruction(EXIT_REASON_IO_INSTRUCTION, IO(4, 0x6000), 1);
	assert_went_on(RIG_RIP + 1);
	assert_int_equal(vm.machine.ports.unclaimed_reads, 1);
	assert_int_equal(vm.machine.ports.unclaimed_writes, 1);
}

static void a_device_of_the_machine_answers(void **state)
{
	(void)state;
	vm.vcpus[0]->gpr[RAX] = 0xa5;
	rig_instruction(EXIT_REASON_IO_INSTRUCTION, IO(1, 0x80), 2);
	vm.vcpus[0]->gpr[RAX] = 0;
	rig_instruction(EXIT_REASON_IO_INSTRUCTION, IO(1, 0x80) | IN, 2);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0xa5);
}

static void outs_takes_size_and_segment_from_the_processor(void **state)
{
	struct segment fs = {.base = 0x3000, .limit = 0xfff, .access = 0x93};

	(void)state;
	rig_set_segment(SEG_FS, &fs);
	rig_poke(0x3010, 0x11223344, 4);
	vm.vcpus[0]->gpr[RSI] = 0xffff0010;
	vmwrite(VMCS_INSTRUCTION_INFORMATION, 0u << 7 | SEG_FS << 15); /* 16-bit addresses */
	assert_true(rig_instruction(EXIT_REASON_IO_INSTRUCTION, IO(4, RIG_PORT) | STRING, 3));
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(tape.written[0], 0x11223344);
	assert_int_equal(vm.vcpus[0]->gpr[RSI], 0xffff0014);
}

static void ins_is_always_to_es(void **state)
{
	struct segment es = {.base = 0x3000, .limit = 0xfff, .access = 0x93};

	(void)state;
	rig_set_segment(SEG_ES, &es);
	vm.vcpus[0]->gpr[RDI] = 0x10;
	vm.vcpus[0]->gpr[RCX] = 2;
	vmwrite(VMCS_INSTRUCTION_INFORMATION, 1u << 7 | SEG_FS << 15); /* undefined for INS */
	assert_true(rig_instruction(EXIT_REASON_IO_INSTRUCTION, IO(2, RIG_PORT) | IN | STRING | REP, 2));
	assert_went_on(RIG_RIP + 2);
	assert_int_equal(rig_memory(0x3010, 4), 0x02020101);
	assert_int_equal(vm.vcpus[0]->gpr[RDI], 0x14);
	assert_int_equal(vm.vcpus[0]->gpr[RCX], 0);
}

static void without_that_the_bytes_are_decoded(void **state)
{
	struct segment gs = {.base = 0x3000, .limit = 0xfff, .access = 0x93};

	(void)state;
	vmx_features.ins_outs_information = false;
	rig_set_segment(SEG_GS, &gs);
	rig_poke(0x3010, 0x5a, 1);
	rig_code("\x65\x67\x6e", 3); /* outsb %gs:(%si) */
	vm.vcpus[0]->gpr[RSI] = 0x10;
	vmwrite(VMCS_INSTRUCTION_INFORMATION, UINT32_MAX);
	assert_true(rig_instruction(EXIT_REASON_IO_INSTRUCTION, IO(1, RIG_PORT) | STRING, 3));
	assert_went_on(RIG_RIP + 3);
	assert_int_equal(tape.written[0], 0x5a);
	assert_int_equal(vm.vcpus[0]->gpr[RSI], 0x11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		io_test(in_merges_into_rax),
		io_test(out_sends_the_low_part),
		io_test(an_unclaimed_port_floats),
		io_test(a_device_of_the_machine_answers),
		io_test(outs_takes_size_and_segment_from_the_processor),
		io_test(ins_is_always_to_es),
		io_test(without_that_the_bytes_are_decoded),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
