/* SPDX-License-Identifier: MIT */
/* Registers, their bits and exception vectors by their SDM names (MSRs: Vol. 4). */
#ifndef LIB_REGISTERS_H
#define LIB_REGISTERS_H

#include "lib/types.h"

#define MSR_P5_MC_ADDR              0x0
#define MSR_P5_MC_TYPE              0x1
#define MSR_TSC                     0x10
#define MSR_PLATFORM_ID             0x17
#define MSR_APIC_BASE               0x1b
#define MSR_EBL_CR_POWERON          0x2a
#define MSR_FEATURE_CONTROL         0x3a
#define MSR_TSC_ADJUST              0x3b
#define MSR_SPEC_CTRL               0x48
#define MSR_PRED_CMD                0x49
#define MSR_BIOS_UPDT_TRIG          0x79
#define MSR_BIOS_SIGN_ID            0x8b
#define MSR_MTRRCAP                 0xfe
#define MSR_ARCH_CAPABILITIES       0x10a
#define MSR_FLUSH_CMD               0x10b
#define MSR_SYSENTER_CS             0x174
#define MSR_SYSENTER_ESP            0x175
#define MSR_SYSENTER_EIP            0x176
#define MSR_MCG_CAP                 0x179
#define MSR_MCG_STATUS              0x17a
#define MSR_MCG_CTL                 0x17b
#define MSR_PERF_STATUS             0x198
#define MSR_PERF_CTL                0x199
#define MSR_MISC_ENABLE             0x1a0
#define MSR_DEBUGCTL                0x1d9
#define MSR_MTRR_PHYSBASE0          0x200
#define MSR_MTRR_PHYSMASK7          0x20f
#define MSR_MTRR_FIX64K_00000       0x250
#define MSR_MTRR_FIX16K_80000       0x258
#define MSR_MTRR_FIX16K_A0000       0x259
#define MSR_MTRR_FIX4K_C0000        0x268
#define MSR_MTRR_FIX4K_F8000        0x26f
#define MSR_PAT                     0x277
#define MSR_MTRR_DEF_TYPE           0x2ff
#define MSR_PERF_GLOBAL_CTRL        0x38f
#define MSR_VMX_BASIC               0x480
#define MSR_VMX_PINBASED_CTLS       0x481
#define MSR_VMX_PROCBASED_CTLS      0x482
#define MSR_VMX_EXIT_CTLS           0x483
#define MSR_VMX_ENTRY_CTLS          0x484
#define MSR_VMX_MISC                0x485
#define MSR_VMX_CR0_FIXED0          0x486
#define MSR_VMX_CR0_FIXED1          0x487
#define MSR_VMX_CR4_FIXED0          0x488
#define MSR_VMX_CR4_FIXED1          0x489
#define MSR_VMX_PROCBASED_CTLS2     0x48b
#define MSR_VMX_EPT_VPID_CAP        0x48c
#define MSR_VMX_TRUE_PINBASED_CTLS  0x48d
#define MSR_VMX_TRUE_PROCBASED_CTLS 0x48e
#define MSR_VMX_TRUE_EXIT_CTLS      0x48f
#define MSR_VMX_TRUE_ENTRY_CTLS     0x490
#define MSR_RTIT_CTL                0x570
#define MSR_U_CET                   0x6a0
#define MSR_S_CET                   0x6a2
#define MSR_PKRS                    0x6e1
#define MSR_UINTR_MISC              0x988
#define MSR_UINTR_TT                0x98a
#define MSR_XSS                     0xda0
#define MSR_LBR_CTL                 0x14ce
#define MSR_EFER                    0xc0000080
#define MSR_STAR                    0xc0000081
#define MSR_LSTAR                   0xc0000082
#define MSR_CSTAR                   0xc0000083
#define MSR_FMASK                   0xc0000084
#define MSR_FS_BASE                 0xc0000100
#define MSR_GS_BASE                 0xc0000101
#define MSR_KERNEL_GS_BASE          0xc0000102
#define MSR_TSC_AUX                 0xc0000103

#define PRED_CMD_IBPB              BIT(0)
#define FEATURE_CONTROL_LOCKED     BIT(0)
#define FEATURE_CONTROL_VMX_IN_SMX BIT(1)
#define FEATURE_CONTROL_VMX        BIT(2)

#define DEBUGCTL_LBR BIT(0)
#define DEBUGCTL_BTF BIT(1)

#define EFER_SCE BIT(0)
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define EFER_NXE BIT(11)

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR4_VME        BIT(0)
#define CR4_PVI        BIT(1)
#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_PCE        BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_SMXE       BIT(14)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)
#define CR4_PKE        BIT(22)

#define RFLAGS_CF       BIT(0)
#define RFLAGS_RESERVED BIT(1) /* always 1 */
#define RFLAGS_PF       BIT(2)
#define RFLAGS_AF       BIT(4)
#define RFLAGS_ZF       BIT(6)
#define RFLAGS_SF       BIT(7)
#define RFLAGS_TF       BIT(8)
#define RFLAGS_IF       BIT(9)
#define RFLAGS_DF       BIT(10)
#define RFLAGS_OF       BIT(11)
#define RFLAGS_IOPL     (BIT(12) | BIT(13))
#define RFLAGS_RF       BIT(16)
#define RFLAGS_VM       BIT(17)
#define RFLAGS_AC       BIT(18)

enum exception_vector {
	EXCEPTION_DE = 0,
	EXCEPTION_DB = 1,
	EXCEPTION_NMI = 2,
	EXCEPTION_BP = 3,
	EXCEPTION_OF = 4,
	EXCEPTION_BR = 5,
	EXCEPTION_UD = 6,
	EXCEPTION_NM = 7,
	EXCEPTION_DF = 8,
	EXCEPTION_TS = 10,
	EXCEPTION_NP = 11,
	EXCEPTION_SS = 12,
	EXCEPTION_GP = 13,
	EXCEPTION_PF = 14,
	EXCEPTION_MF = 16,
	EXCEPTION_AC = 17,
	EXCEPTION_MC = 18,
	EXCEPTION_CP = 21,
	EXCEPTION_VC = 29, /* this and the next: AMD64 Architecture Programmer's Manual, Vol. 2 */
	EXCEPTION_SX = 30,
};

#endif
