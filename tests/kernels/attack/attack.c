/* SPDX-License-Identifier: MIT */
/*
 * A guest that attacks its neighbours and the monitor. The command line, or the line typed at its
 * console, says how: the names of attacks, and numbers as in seed=3. It prints "attack: NAME
 * begins", and "attack: NAME done, C checks, F failed" for those that end, and then asks for more.
 */
#include "attack.h"
#include "command.h"

#define LINE_MAX       128
#define FAILURES_SHOWN 8

const char *attack_line;
uint64_t attack_seed, attack_memory_end, attack_tsc_hz;

static uint64_t random_state;
static unsigned checks, failures;

uint64_t random64(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dUL;
}

void check_equal(const char *what, uint64_t where, uint64_t got, uint64_t want)
{
	checks++;
	if (got == want)
		return;
	if (failures++ < FAILURES_SHOWN)
		print("attack: BROKEN %s %x: is %x, should be %x\n", what, where, got, want);
}

/* clang-format off */
static const struct {
	const char *name;
	void (*run)(void);
} attacks[] = {
	{"ports",              attack_ports},
	{"keyboard",           attack_keyboard},
	{"smi",                attack_smi},
	{"nmi",                attack_nmi},
	{"msrs",               attack_msrs},
	{"registers",          attack_registers},
	{"states",             attack_states},
	{"inner-levels",       attack_inner_levels},
	{"legacy",             attack_legacy},
	{"shadows",            attack_shadows},
	{"holes",              attack_holes},
	{"top",                attack_top},
	{"code",               attack_code},
	{"programs",           attack_programs},
	{"vmx",                attack_vmx},
	{"storms",             attack_storms},
	{"tsc",                attack_tsc},
	{"marker",             attack_marker},
	{"search",             attack_search},
	{"flood-cpuid",        flood_cpuid},
	{"flood-port",         flood_port},
	{"flood-vmcall",       flood_vmcall},
	{"flood-page-fault",   flood_page_fault},
	{"flood-hole",         flood_hole},
	{"flood-cr3",          flood_cr3},
	{"flood-cr4",          flood_cr4},
	{"flood-modes",        flood_modes},
	{"flood-msr",          flood_msr},
	{"flood-tsc",          flood_tsc},
	{"flood-cache",        flood_cache},
	{"flood-timer",        flood_timer},
	{"rep-ram",            flood_rep_ram},
	{"rep-hole",           flood_rep_hole},
	{"rep-hole-in-shadow", flood_rep_hole_in_shadow},
	{"rep-port",           flood_rep_port},
	{"loop-page-fault",    loop_page_fault},
	{"loop-closed",        loop_closed},
	{"halt-closed",        halt_closed},
	{"triple64",           end_triple64},
	{"compatibility",      end_compatibility},
	{"protected32",        end_protected32},
	{"protected16",        end_protected16},
	{"virtual86",          end_virtual86},
	{"real",               end_real},
	{"page-tables",        end_page_tables},
	{"straddle",           end_straddle},
	{"port92",             reset_port92},
	{"init",               reset_init},
	{"system",             reset_system},
	{"keyboard-reset",     reset_keyboard},
	{"output-port",        reset_output_port},
};
/* clang-format on */

static void run_all(const char *line)
{
	attack_line = line;
	attack_seed = number_in(line, "seed", 1);
	random_state = (attack_seed + 1) * 0x9e3779b97f4a7c15UL | 1;
	for (unsigned i = 0; i < ARRAY_SIZE(attacks); i++) {
		if (!has_word(line, attacks[i].name))
			continue;
		checks = failures = 0;
		print("attack: %s begins\n", attacks[i].name);
		attacks[i].run();
		print("attack: %s done, %u checks, %u failed\n", attacks[i].name, (uint64_t)checks,
		      (uint64_t)failures);
	}
}

void kernel_main(uint32_t magic, uint32_t info)
{
	char line[LINE_MAX];

	attack_memory_end = memory_end(info) ? memory_end(info) : MIB(64);
	attack_tsc_hz = tsc_rate(magic);
	idt_init();
	guard_init();
	pic_init();
	map_open_scratch();
	run_all(command_line(info));
	for (;;) {
		print("attack: which?\n");
		read_line(line, sizeof(line));
		run_all(line);
	}
}
