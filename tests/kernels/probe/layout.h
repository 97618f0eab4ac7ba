/* SPDX-License-Identifier: MIT */
/*
 * Addresses and numbers for C and assembly: low memory that all modes reach by 16-bit addresses,
 * and selectors. Also the order of the registers in the two blocks that engine.c and enter.S share.
 */
#ifndef TESTS_KERNELS_PROBE_LAYOUT_H
#define TESTS_KERNELS_PROBE_LAYOUT_H

/* Low memory. Pages 9 to B are the user's too. */
#define REAL_IDT      0x1000
#define REAL_STUBS    0x2000
#define REAL_CODE     0x3000 /* enter.S from real_begin on */
#define BEFORE        0x4000 /* registers to enter with */
#define AFTER         0x4400 /* registers found at the exception or interrupt */
#define SYSTEM_STACK  0x7ff0 /* of the exceptions */
#define READ_ONLY     0x8000
#define CODE          0x9000 /* the snippet; around it INT3 */
#define DATA          0xa000
#define USER_STACK    0xbf00
#define KERNEL_STACK  0xcf00 /* of a snippet at CPL 0 */
#define OTHER_STACK   0xdf00 /* of gates and tasks */
#define NOT_PRESENT   0xf000
#define CODE_GATE     0x9100 /* where call gates lead, */
#define CODE_SYSCALL  0x9200 /* SYSCALL, */
#define CODE_SYSENTER 0x9300 /* SYSENTER, */
#define CODE_TASK     0x9400 /* the other task, */
#define CODE_FAR      0x9500 /* and far pointers */

#define CODE_SIZE  0x600
#define XSAVE_SIZE 0xc00 /* after the 512 bytes of data that are compared */

/* Selectors. SYSCALL, SYSRET, SYSENTER and SYSEXIT want some in this order. */
#define SEL_CODE64      0x08
#define SEL_DATA        0x10
#define SEL_CODE32      0x18
#define SEL_CODE16      0x20
#define SEL_DATA16      0x28
#define SEL_USER_CODE32 0x33
#define SEL_USER_DATA   0x3b
#define SEL_USER_CODE64 0x43
#define SEL_USER_CODE16 0x4b
#define SEL_USER_DATA16 0x53
#define SEL_TSS64       0x58
#define SEL_TSS32       0x68
#define SEL_LDT         0x70
#define SEL_ABSENT      0x80
#define SEL_GATE        0x88
#define SEL_CONFORMING  0x98
#define SEL_EXECUTE     0xa0
#define SEL_READ        0xa8
#define SEL_DOWN        0xb0
#define SEL_TASK        0xb8
#define SEL_TASK_GATE   0xc0
#define SEL_SHORT_TASK  0xc8
#define SEL_ABSENT_TASK 0xd0
#define SEL_GATE16      0xd8
#define SEL_BEYOND      0x1008
#define GDT_LIMIT       0xff

#define VECTOR_USER   0x40 /* a gate with DPL 3 */
#define VECTOR_KERNEL 0x41 /* with DPL 0 */
#define VECTOR_TASK   0x42 /* a task gate, outside long mode */
#define VECTOR_ABSENT 0x43

/* Registers in the blocks, 8 bytes each; 0 to 15 are RAX to R15. */
#define R_FLAGS     16
#define R_IP        17
#define R_CS        18
#define R_SS        19
#define R_DS        20
#define R_ES        21
#define R_FS        22
#define R_GS        23
#define R_VECTOR    24
#define R_ERROR     25
#define R_CR0       26
#define R_CR2       27
#define R_CR3       28
#define R_CR4       29
#define R_EFER      30
#define R_GDT_BASE  31
#define R_GDT_LIMIT 32
#define R_IDT_BASE  33
#define R_IDT_LIMIT 34
#define R_TR        35
#define R_LDTR      36
#define R_CR8       37
#define R_DR0       38
#define R_DR6       39
#define R_DR7       40
#define R_XCR0      41
#define R_FS_BASE   42
#define R_GS_BASE   43
#define R_KERNEL_GS 44
#define R_COUNT     45
#define R_FRAME     48 /* AFTER: 12 words of the stack, as the exception left them; in real mode 16-bit ones */

#define AT(block, number) ((block) + 8 * (number))

#endif
