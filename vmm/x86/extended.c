/* SPDX-License-Identifier: MIT */
#include "vmm/x86/extended.h"
#include "lib/x86.h"

#define STUB_BYTES 8

/*
 * The stubs, in the order of enum emulate_extended, each in STUB_BYTES: memory is at RDI; XSAVE's
 * components are in ESI and EDX.
 */
extern const char extended_stubs[];

/* clang-format off */
#define STUB(instruction)      instruction "\n\t ret \n\t .balign 8, 0xcc \n\t"
#define ENDR                   ".endr \n\t"
#define EIGHT(name)            ".irp " name ",0,1,2,3,4,5,6,7 \n\t"
#define SIXTEEN(name)          ".irp " name ",0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 \n\t"
#define SSE(instruction)       SIXTEEN("reg") STUB(instruction) ENDR
#define X87(prefix)            EIGHT("opcode") EIGHT("reg") \
	                       STUB(".byte " prefix "0xd8 + \\opcode, \\reg << 3 | 7") ENDR ENDR

__asm__(".pushsection .text.extended_stubs, \"ax\", @progbits \n\t"
        ".balign 8 \n\t"
        "extended_stubs: \n\t"
        X87("")
        X87("0x66, ")
        EIGHT("reg") STUB("movq (%rdi), %mm\\reg") ENDR
        EIGHT("reg") STUB("movq %mm\\reg, (%rdi)") ENDR
        SSE("movups (%rdi), %xmm\\reg")
        SSE("movups %xmm\\reg, (%rdi)")
        SSE("vmovups (%rdi), %xmm\\reg")
        SSE("vmovups (%rdi), %ymm\\reg")
        SSE("vmovups %ymm\\reg, (%rdi)")
        STUB("fxsave (%rdi)")
        STUB("fxrstor (%rdi)")
        STUB("mov %esi, %eax; xsave (%rdi)")
        STUB("mov %esi, %eax; xsavec (%rdi)")
        STUB("fxsave64 (%rdi)")
        STUB("fxrstor64 (%rdi)")
        STUB("mov %esi, %eax; xsave64 (%rdi)")
        STUB("mov %esi, %eax; xsavec64 (%rdi)")
        STUB("ldmxcsr (%rdi)")
        ".org extended_stubs + 8 * 233, 0xcc \n\t" /* not backwards: an error if there are more */
        ".popsection");
/* clang-format on */

_Static_assert(EXTENDED_STUBS == 233, "as many stubs as there are names");

typedef void extended_stub(void *memory, uint32_t components, uint32_t components_high);

void extended_run(enum emulate_extended stub, void *memory, uint64_t components)
{
	if (stub == EXTENDED_XSAVE_SIZE)
		*(uint32_t *)memory = cpuid(0xd, 0).ebx; /* of what XCR0 has on, which is the guest's */
	else if (stub == EXTENDED_XSAVE_FORMS)
		*(uint32_t *)memory = cpuid(0xd, 1).eax;
	else
		((extended_stub *)(extended_stubs + STUB_BYTES * stub))(memory, (uint32_t)components,
		                                                        (uint32_t)(components >> 32));
}
