/* SPDX-License-Identifier: MIT */
/*
 * Instructions that would be a monitor's, or that CPUID does not offer: #UD, at any privilege
 * level.
 */
#include "attack.h"

#define SKIP 0 /* no such try */

/* clang-format off */
static const struct {
	const char *name, *bytes;
	unsigned count;
	int kernel, user; /* the exception at CPL 0 and 3 */
} rows[] = {
	{"VMCALL",    "\x0f\x01\xc1",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMLAUNCH",  "\x0f\x01\xc2",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMRESUME",  "\x0f\x01\xc3",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMXOFF",    "\x0f\x01\xc4",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMXON",     "\xf3\x0f\xc7\x37",     4, EXCEPTION_UD, EXCEPTION_UD},
	{"VMCLEAR",   "\x66\x0f\xc7\x37",     4, EXCEPTION_UD, EXCEPTION_UD},
	{"VMPTRLD",   "\x0f\xc7\x37",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMPTRST",   "\x0f\xc7\x3f",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMREAD",    "\x0f\x78\xc3",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMREAD m",  "\x0f\x78\x07",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMWRITE",   "\x0f\x79\xc3",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMWRITE m", "\x0f\x79\x07",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"INVEPT",    "\x66\x0f\x38\x80\x07", 5, EXCEPTION_UD, EXCEPTION_UD},
	{"INVVPID",   "\x66\x0f\x38\x81\x07", 5, EXCEPTION_UD, EXCEPTION_UD},
	{"VMFUNC",    "\x0f\x01\xd4",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"GETSEC",    "\x0f\x37",             2, EXCEPTION_UD, EXCEPTION_UD},
	{"ENCLS",     "\x0f\x01\xcf",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"ENCLU",     "\x0f\x01\xd7",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"ENCLV",     "\x0f\x01\xc0",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"PCONFIG",   "\x0f\x01\xc5",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"SEAMCALL",  "\x66\x0f\x01\xcf",     4, EXCEPTION_UD, EXCEPTION_UD},
	{"TDCALL",    "\x66\x0f\x01\xcc",     4, EXCEPTION_UD, EXCEPTION_UD},
	{"MONITOR",   "\x0f\x01\xc8",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"MWAIT",     "\x0f\x01\xc9",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"RSM",       "\x0f\xaa",             2, EXCEPTION_UD, EXCEPTION_UD},
	{"VMRUN",     "\x0f\x01\xd8",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMMCALL",   "\x0f\x01\xd9",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMLOAD",    "\x0f\x01\xda",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"VMSAVE",    "\x0f\x01\xdb",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"STGI",      "\x0f\x01\xdc",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"CLGI",      "\x0f\x01\xdd",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"SKINIT",    "\x0f\x01\xde",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"INVLPGA",   "\x0f\x01\xdf",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"RDPMC",     "\x0f\x33",             2, EXCEPTION_GP, EXCEPTION_GP},
	{"UD0",       "\x0f\xff\xc0",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"UD1",       "\x0f\xb9\xc0",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"UD2",       "\x0f\x0b",             2, EXCEPTION_UD, EXCEPTION_UD},
	{"PAUSE",     "\xf3\x90",             2, NO_FAULT,     NO_FAULT},
	{"HLT",       "\xf4",                 1, SKIP,         EXCEPTION_GP},
	{"CLI",       "\xfa",                 1, NO_FAULT,     EXCEPTION_GP},
	{"WBINVD",    "\x0f\x09",             2, NO_FAULT,     EXCEPTION_GP},
	{"INVD",      "\x0f\x08",             2, NO_FAULT,     EXCEPTION_GP},
	{"CPUID",     "\x0f\xa2",             2, NO_FAULT,     NO_FAULT},
	{"IN",        "\xec",                 1, NO_FAULT,     EXCEPTION_GP},
	{"OUTSB",     "\x6e",                 1, NO_FAULT,     EXCEPTION_GP},
	{"RDMSR",     "\x0f\x32",             2, NO_FAULT,     EXCEPTION_GP},
	{"MOV CR0",   "\x0f\x20\xc0",         3, NO_FAULT,     EXCEPTION_GP},
	{"MOV CR8",   "\x44\x0f\x20\xc0",     4, NO_FAULT,     EXCEPTION_GP},
	{"MOV CR1",   "\x0f\x20\xc8",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"MOV CR7",   "\x0f\x22\xf8",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"MOV DR7",   "\x0f\x21\xf8",         3, NO_FAULT,     EXCEPTION_GP},
	{"CLTS",      "\x0f\x06",             2, NO_FAULT,     EXCEPTION_GP},
	{"XSETBV",    "\x0f\x01\xd1",         3, EXCEPTION_UD, EXCEPTION_UD},
	{"INVLPG",    "\x0f\x01\x3f",         3, NO_FAULT,     EXCEPTION_GP},
	{"SWAPGS",    "\x0f\x01\xf8",         3, NO_FAULT,     EXCEPTION_GP},
	{"SYSRET",    "\x0f\x07",             2, EXCEPTION_UD, EXCEPTION_UD}, /* EFER.SCE is off */
	{"LTR 0",     "\x0f\x00\xd8",         3, EXCEPTION_GP, EXCEPTION_GP},
	{"LLDT",      "\x0f\x00\xd0",         3, NO_FAULT,     EXCEPTION_GP},
};
/* clang-format on */

void attack_vmx(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].kernel != SKIP)
			check_equal(rows[i].name, 0,
			            (uint64_t)attempt_bytes(rows[i].bytes, rows[i].count, 0, SCRATCH + 64),
			            (uint64_t)rows[i].kernel);
		check_equal(rows[i].name, 3,
		            (uint64_t)attempt_bytes(rows[i].bytes, rows[i].count, 3, SCRATCH + 64),
		            (uint64_t)rows[i].user);
	}
}
