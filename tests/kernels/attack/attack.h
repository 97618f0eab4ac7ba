/* SPDX-License-Identifier: MIT */
/*
 * A guest that attacks: what its files share. Each attack is a function; it says by check() what
 * the architecture promised and did not happen.
 */
#ifndef TESTS_KERNELS_ATTACK_ATTACK_H
#define TESTS_KERNELS_ATTACK_ATTACK_H

#include "kernel.h"
#include "lib/registers.h"

#define HOLE        0xd0000000UL /* nothing is there: reads as all ones */
#define SCRATCH     MIB(12)      /* RAM for attacks, up to ... */
#define SCRATCH_END MIB(16)

#define NO_FAULT (-1)

/* What the guest was started with. */
extern const char *attack_line; /* the command line */
extern uint64_t attack_seed;
extern uint64_t attack_memory_end; /* of the RAM from 1 MiB on */
extern uint64_t attack_tsc_hz;

/* Count a promise, and say if it was broken; `got` and `want` are shown. */
void check_equal(const char *what, uint64_t where, uint64_t got, uint64_t want);

uint64_t random64(void);

/* ---- Instructions that may fault: guard.c ---- */

struct fault {
	uint64_t error_code, rip, cr2;
};
extern struct fault fault; /* the last one */

void guard_init(void);

/* Where the stack of IST 1 ends, for an attack that lets a gate use it. */
void guard_ist(uint64_t end);

/* Call `code`, interrupts as they are; the vector of the exception that ended it, or NO_FAULT. */
int attempt(void (*code)(uint64_t argument), uint64_t argument);

/* The same with instructions, at CPL 0 or 3. RAX, RBX, RCX and RDX are 0, RDI and RSI `pointer`. */
int attempt_bytes(const void *bytes, unsigned count, unsigned cpl, uint64_t pointer);

/* ---- Address space: map.c ---- */

#define MAP_WRITE BIT(1)
#define MAP_USER  BIT(2)

#define WINDOW 0x8000000000UL /* a linear address that no other map uses; 512 GiB from there are free */

/*
 * Let CPL 3 reach SCRATCH. The kernel itself stays out of its reach, as CR4.SMEP and SMAP want it.
 */
void map_open_scratch(void);

/* Map the page at `address` to the physical address, or unmap it. */
void map_page(uint64_t address, uint64_t physical, uint64_t flags);
void unmap_page(uint64_t address);

/*
 * Let the entry of the page directory that serves `address` point to a table at any physical
 * address.
 */
void map_table(uint64_t address, uint64_t physical);

/* 512 GiB from WINDOW on, every page of them the one at `physical`. */
void map_one_everywhere(uint64_t physical);

/* ---- The attacks ---- */

/* These end by themselves, and the guest is as before. */
void attack_ports(void);
void attack_keyboard(void);
void attack_smi(void);
void attack_nmi(void);
void attack_msrs(void);
void attack_registers(void);
void attack_states(void);
void attack_inner_levels(void);
void attack_legacy(void);
void attack_shadows(void);
void attack_holes(void);
void attack_top(void);
void attack_code(void);
void attack_programs(void);
void attack_vmx(void);
void attack_storms(void);
void attack_tsc(void);
void attack_marker(void);
void attack_search(void);

/* These go on without end. */
void flood_cpuid(void);
void flood_port(void);
void flood_vmcall(void);
void flood_page_fault(void);
void flood_hole(void);
void flood_cr3(void);
void flood_cr4(void);
void flood_modes(void);
void flood_msr(void);
void flood_tsc(void);
void flood_cache(void);
void flood_rep_ram(void);
void flood_rep_hole(void);
void flood_rep_hole_in_shadow(void);
void flood_rep_port(void);
void flood_timer(void);
void loop_page_fault(void);
void loop_closed(void);
void halt_closed(void);

/* These end the guest, or restart it. */
void end_triple64(void);
void end_compatibility(void);
void end_protected32(void);
void end_protected16(void);
void end_virtual86(void);
void end_real(void);
void end_page_tables(void);
void end_straddle(void);
void reset_port92(void);
void reset_init(void);
void reset_system(void);
void reset_keyboard(void);
void reset_output_port(void);

#endif
