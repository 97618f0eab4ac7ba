/* SPDX-License-Identifier: MIT */
/* Every bit of every control, debug and flags register, changed by itself. */
#include "attack.h"

#define DEFINE_READ(name)                                                                                    \
	static uint64_t get_##name(void)                                                                     \
	{                                                                                                    \
		uint64_t value;                                                                              \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(value));                                       \
		return value;                                                                                \
	}
#define DEFINE_WRITE(name)                                                                                   \
	static void set_##name(uint64_t value)                                                               \
	{                                                                                                    \
		__asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory");                              \
	}
#define DEFINE_BOTH(name) DEFINE_READ(name) DEFINE_WRITE(name)
DEFINE_BOTH(cr0)
DEFINE_BOTH(cr2)
DEFINE_BOTH(cr3)
DEFINE_BOTH(cr4)
DEFINE_BOTH(cr8)
DEFINE_BOTH(dr0)
DEFINE_BOTH(dr3)
DEFINE_BOTH(dr6)
DEFINE_BOTH(dr7)

#define HIGH_HALF 0xffffffff00000000UL

/* What `must` has faults when it is changed; what `may` has depends on the processor. */
/* clang-format off */
static const struct {
	const char *name;
	uint64_t (*get)(void);
	void (*set)(uint64_t value);
	uint64_t must, may;
} registers[] = {
  /* Paging cannot be left in 64-bit code, nor protection with it on; NW needs CD. */
	{"CR0", get_cr0, set_cr0, HIGH_HALF | CR0_PE | CR0_PG | CR0_NW, 0},
	{"CR2", get_cr2, set_cr2, 0,                              0},
	{"CR4", get_cr4, set_cr4,
         HIGH_HALF | 0xff800000UL | CR4_PAE | CR4_LA57 | CR4_VMXE | CR4_SMXE | CR4_PKE | BIT(15) | BIT(19),
         CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP                             },
	{"CR8", get_cr8, set_cr8, ~0xfUL,                         0},
	{"DR0", get_dr0, set_dr0, 0,                              0},
	{"DR3", get_dr3, set_dr3, 0,                              0},
	{"DR6", get_dr6, set_dr6, HIGH_HALF,                      0},
};
/* clang-format on */

static void attack_bit(unsigned i, unsigned bit)
{
	uint64_t before = registers[i].get();
	int vector = attempt(registers[i].set, before ^ BIT(bit));

	if (registers[i].must & BIT(bit)) {
		check_equal(registers[i].name, bit, (uint64_t)vector, EXCEPTION_GP);
		check_equal(registers[i].name, bit, registers[i].get(), before);
	} else if (!(registers[i].may & BIT(bit))) {
		check_equal(registers[i].name, bit, (uint64_t)vector, (uint64_t)NO_FAULT);
	}
	registers[i].set(before);
}

/* Any bit of the address: the kernel would be gone, so only those that must fault. */
static void attack_cr3(void)
{
	uint64_t before = get_cr3();

	for (unsigned bit = cpuid(0x80000008, 0).eax & 0xff; bit < 64; bit++) {
		check_equal("CR3", bit, (uint64_t)attempt(set_cr3, before ^ BIT(bit)), EXCEPTION_GP);
		check_equal("CR3", bit, get_cr3(), before);
	}
	for (unsigned bit = 0; bit < 12; bit++)
		check_equal("CR3", bit, (uint64_t)attempt(set_cr3, before ^ BIT(bit)), (uint64_t)NO_FAULT);
	set_cr3(before);
}

/* DR7: every breakpoint on where no code runs; GD traps the next access. */
static void attack_dr7(void)
{
	uint64_t before = get_dr7();

	set_dr0(WINDOW - 8);
	set_dr3(WINDOW - 8);
	for (unsigned bit = 0; bit < 64; bit++) {
		int vector;

		if (bit == 13) /* GD */
			continue;
		vector = attempt(set_dr7, before ^ BIT(bit));
		check_equal("DR7", bit, (uint64_t)vector, (uint64_t)(bit < 32 ? NO_FAULT : EXCEPTION_GP));
		set_dr7(before);
	}
}

static void set_gd(uint64_t value)
{
	set_dr7(value | BIT(13));
	set_dr7(value);
}

static void attack_gd(void)
{
	uint64_t before = get_dr7();

	check_equal("MOV DR with GD", 7, (uint64_t)attempt(set_gd, before), EXCEPTION_DB);
	check_equal("DR6.BD", 6, get_dr6() & BIT(13), BIT(13));
	check_equal("DR7.GD in the handler", 7, get_dr7() & BIT(13), 0);
	set_dr6(0xffff0ff0);
}

/* XCR0: whatever it takes, x87 stays. */
static void set_xcr0(uint64_t value)
{
	__asm__ volatile("xsetbv" : : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(0));
}

static void attack_xcr0(void)
{
	if (!(cpuid(1, 0).ecx & BIT(26)))
		return;
	set_cr4(get_cr4() | CR4_OSXSAVE);
	for (unsigned bit = 2; bit < 64; bit++) {
		bool offered = bit < 32 ? cpuid(0xd, 0).eax & BIT(bit) : cpuid(0xd, 0).edx & BIT(bit - 32);
		int vector = attempt(set_xcr0, 3 | BIT(bit));

		if (!offered)
			check_equal("XCR0", bit, (uint64_t)vector, EXCEPTION_GP);
		set_xcr0(3);
	}
	check_equal("XCR0 without x87", 0, (uint64_t)attempt(set_xcr0, 2), EXCEPTION_GP);
	set_xcr0(1);
	set_cr4(get_cr4() & ~(uint64_t)CR4_OSXSAVE);
}

/* Any combination, not only one bit. */
static void attack_randomly(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
		uint64_t before = registers[i].get();

		for (unsigned k = 0; k < 500; k++) {
			attempt(registers[i].set, before ^ (random64() & random64() & random64()));
			registers[i].set(before);
		}
	}
}

void attack_registers(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(registers); i++)
		for (unsigned bit = 0; bit < 64; bit++)
			attack_bit(i, bit);
	attack_cr3();
	attack_dr7();
	attack_gd();
	attack_xcr0();
	attack_randomly();
}
