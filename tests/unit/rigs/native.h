/* SPDX-License-Identifier: MIT */
/*
 * Execute one instruction on the processor that runs the test: registers and a
 * window of memory in, registers, window and exception out. The instruction is in
 * a page full of INT3, so that whatever follows, or a branch's target, traps.
 */
#ifndef TESTS_UNIT_RIGS_NATIVE_H
#define TESTS_UNIT_RIGS_NATIVE_H

#include <asm/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define NATIVE_WINDOW_SIZE 8192u
#define NATIVE_CODE_OFFSET 0x800u /* of the instruction in its page */
#define NATIVE_GS_BASE     0x1000u

struct native_state {
	uint64_t gpr[16];
	uint64_t rip, rflags;
	int vector; /* of the exception, -1: none */
};

/*
 * Below 2 GiB, so that 32-bit addresses and absolute displacements reach it; a gap around each
 * part.
 */
struct native {
	uint8_t *window;
	uint8_t *code;
	uint64_t *data; /* [0..15] registers, [16] flags, [17] the host's stack pointer */
	void (*enter)(void);
	uint8_t *leave;
	uint64_t fs_base;
};

static struct native native;
static struct native_state native_result;

static const int native_greg[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void native_trap(int number, siginfo_t *info, void *user_context)
{
	greg_t *gregs = ((ucontext_t *)user_context)->uc_mcontext.gregs;

	(void)number;
	(void)info;
	for (int i = 0; i < 16; i++)
		native_result.gpr[i] = gregs[native_greg[i]];
	native_result.rflags = gregs[REG_EFL];
	native_result.rip = gregs[REG_RIP];
	native_result.vector = gregs[REG_TRAPNO];
	if (native_result.vector == 3) {
		native_result.vector = -1;
		native_result.rip--;
	}
	gregs[REG_EFL] = 0x202;
	gregs[REG_RIP] = (greg_t)native.leave;
}

static uint8_t *native_emit(uint8_t *at, const void *bytes, size_t size)
{
	memcpy(at, bytes, size);
	return at + size;
}

/* MOV between a register and an absolute 32-bit address. */
static uint8_t *native_emit_mov(uint8_t *at, uint8_t opcode, unsigned reg, const void *address)
{
	uint8_t bytes[8] = {0x48 | (reg >= 8 ? 4 : 0), opcode, 0x04 | (reg & 7) << 3, 0x25};
	uint32_t low = (uint32_t)(uintptr_t)address;

	memcpy(bytes + 4, &low, 4);
	return native_emit(at, bytes, 8);
}

static void native_emit_stubs(uint8_t *at)
{
	static const uint8_t push_all[] = {0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57};
	static const uint8_t pop_all[] = {0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3};
	static const unsigned order[16] = {0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 4};
	uint32_t flags_at = (uint32_t)(uintptr_t)&native.data[16];
	uint8_t lea_popf[9] = {0x48, 0x8d, 0x24, 0x25}; /* lea rsp, [flags]; popfq */
	int32_t distance;

	native.enter = (void (*)(void))(uintptr_t)at;
	at = native_emit(at, push_all, sizeof(push_all));
	at = native_emit_mov(at, 0x89, 4, &native.data[17]);
	memcpy(lea_popf + 4, &flags_at, 4);
	lea_popf[8] = 0x9d;
	at = native_emit(at, lea_popf, sizeof(lea_popf));
	for (int i = 0; i < 16; i++)
		at = native_emit_mov(at, 0x8b, order[i], &native.data[order[i]]);
	*at++ = 0xe9;
	distance = (int32_t)(native.code + NATIVE_CODE_OFFSET - (at + 4));
	at = native_emit(at, &distance, 4);
	native.leave = at;
	at = native_emit_mov(at, 0x8b, 4, &native.data[17]);
	native_emit(at, pop_all, sizeof(pop_all));
}

static uint8_t *native_map(size_t size, int protection)
{
	uint8_t *area =
		mmap(NULL, size + 2 * 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (area == MAP_FAILED || mprotect(area + 65536, size, protection))
		return NULL;
	return area + 65536;
}

/* 0, or -1 where the host forbids pages that are writable and executable. */
static int native_init(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
	static uint8_t signal_stack[65536];
	stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)};
	struct sigaction action = {.sa_sigaction = native_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	uint8_t *stubs;

	native.window = native_map(NATIVE_WINDOW_SIZE, PROT_READ | PROT_WRITE);
	native.code = native_map(4096, PROT_READ | PROT_WRITE | PROT_EXEC);
	native.data = (uint64_t *)native_map(4096, PROT_READ | PROT_WRITE);
	stubs = native_map(4096, PROT_READ | PROT_WRITE | PROT_EXEC);
	if (!native.window || !native.code || !native.data || !stubs)
		return -1;
	native_emit_stubs(stubs);
	memset(native.code, 0xcc, 4096);
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, NATIVE_GS_BASE) ||
	    syscall(SYS_arch_prctl, ARCH_GET_FS, &native.fs_base) || sigaltstack(&stack, NULL))
		return -1;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], &action, NULL))
			return -1;
	return 0;
}

/* Run `length` bytes with the given registers and flags; the window is changed in place. */
static void native_run(struct native_state *state, const uint8_t *bytes, size_t length)
{
	uint8_t *at = native.code + NATIVE_CODE_OFFSET;

	memcpy(at, bytes, length);
	memcpy(native.data, state->gpr, sizeof(state->gpr));
	native.data[16] = state->rflags;
	native.enter();
	memset(at, 0xcc, length);
	*state = native_result;
}

#endif
