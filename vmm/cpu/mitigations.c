/* SPDX-License-Identifier: MIT */
/*
 * Bits of CPUID and MSRs: Intel, "CPUID Enumeration and Architectural MSRs". Models: Intel,
 * "Affected Processors: Transient Execution Attacks".
 */
#include "vmm/cpu/mitigations.h"
#include "lib/errors.h"
#include "lib/format.h"

/* CPUID.7.0:EBX, CPUID.7.0:EDX, CPUID.7.2:EDX */
#define HAS_RTM               BIT(11)
#define HAS_SRBDS_CTRL        BIT(9)
#define HAS_MD_CLEAR          BIT(10)
#define HAS_IBRS_AND_IBPB     BIT(26)
#define HAS_L1D_FLUSH         BIT(28)
#define HAS_ARCH_CAPABILITIES BIT(29)
#define HAS_RRSBA_CTRL        BIT(2)
#define HAS_BHI_CTRL          BIT(4)

/* IA32_ARCH_CAPABILITIES */
#define RDCL_NO            BIT(0)
#define IBRS_ALL           BIT(1)
#define RSBA               BIT(2)
#define SKIP_L1DFL_VMENTRY BIT(3) /* an outer hypervisor flushes for us */
#define SSB_NO             BIT(4)
#define MDS_NO             BIT(5)
#define PSCHANGE_MC_NO     BIT(6)
#define TSX_CTRL           BIT(7)
#define TAA_NO             BIT(8)
#define RRSBA              BIT(19)
#define BHI_NO             BIT(20)
#define PBRSB_NO           BIT(24)
#define GDS_CTRL           BIT(25)
#define GDS_NO             BIT(26)
#define RFDS_NO            BIT(27)
#define RFDS_CLEAR         BIT(28)
#define ITS_NO             BIT(62)
#define TSX_ON             BIT(63) /* not the MSR's: stands for HAS_RTM */

/* IA32_SPEC_CTRL */
#define SPEC_IBRS        BIT(0)
#define SPEC_RRSBA_DIS_S BIT(6)
#define SPEC_BHI_DIS_S   BIT(10)

/* Where no bit says who is affected, models of family 6 do. */
#define GDS      BIT(0)
#define SRBDS    BIT(1)
#define RETBLEED BIT(2)
#define ITS      BIT(3)
#define RFDS     BIT(4)

/* clang-format off */
static const struct {
	uint8_t model, leaks;
} affected_models[] = {
	{0x3a, SRBDS},                        /* Ivy Bridge */
	{0x3c, SRBDS}, {0x45, SRBDS},         /* Haswell */
	{0x46, SRBDS},
	{0x3d, SRBDS}, {0x47, SRBDS},         /* Broadwell */
	{0x4e, GDS | SRBDS | RETBLEED},       /* Skylake */
	{0x5e, GDS | SRBDS | RETBLEED},
	{0x55, GDS | RETBLEED | ITS},         /* Skylake, Cascade Lake and Cooper Lake servers */
	{0x8e, GDS | SRBDS | RETBLEED | ITS}, /* Kaby Lake to Comet Lake */
	{0x9e, GDS | SRBDS | RETBLEED | ITS},
	{0xa5, GDS | RETBLEED | ITS},
	{0xa6, GDS | RETBLEED | ITS},
	{0x6a, GDS | RETBLEED | ITS},         /* Ice Lake */
	{0x6c, GDS | RETBLEED | ITS},
	{0x7e, GDS | RETBLEED | ITS},
	{0x8c, GDS | ITS}, {0x8d, GDS | ITS}, /* Tiger Lake */
	{0xa7, GDS | RETBLEED | ITS},         /* Rocket Lake */
	{0x8a, RETBLEED | RFDS},              /* Lakefield */
	{0x5c, RFDS}, {0x5f, RFDS},           /* Goldmont */
	{0x7a, RFDS},
	{0x86, RFDS}, {0x96, RFDS},           /* Tremont */
	{0x9c, RFDS},
	{0x97, RFDS}, {0x9a, RFDS},           /* Alder Lake */
	{0xbe, RFDS},
	{0xb7, RFDS}, {0xba, RFDS},           /* Raptor Lake */
	{0xbf, RFDS},
};
/* clang-format on */

/* What one processor says of itself. */
enum fact { CAPABILITIES, FEATURES, CONTROLS, FACTS }; /* the MSR, CPUID.7.0:EDX, CPUID.7.2:EDX */

struct processor {
	uint64_t fact[FACTS];
	uint8_t leaks; /* of its model */
};

enum means { BUILT_IN, OPEN, MICROCODE, SPEC_CTRL, CLEAR_BUFFERS, FLUSH_L1D, BARRIER, SMALL_CODE };

/*
 * A leak, of processors that have none of `no`, and any of `only` or of the models; with neither,
 * of all. The means need a bit of one fact, if any, and set bits of IA32_SPEC_CTRL.
 */
struct leak {
	const char *name, *answer;
	uint64_t no, only;
	uint8_t models;
	enum means means;
	enum fact fact;
	uint64_t needs, spec;
};

/* clang-format off */
static const struct leak leaks[] = {
	{"bounds check bypass (Spectre v1)",       "clamped indexes",                  0, 0, 0, BUILT_IN, 0, 0, 0},
	{"branch target injection (Spectre v2)",   "retpolines",                       0, 0, 0, BUILT_IN, 0, 0, 0},
	{"branch targets of another guest",        "IBPB between guests",              0, 0, 0,
	 BARRIER, FEATURES, HAS_IBRS_AND_IBPB, 0},
	{"returns by branch targets (Retbleed)",   "IBRS",                             0, IBRS_ALL | RSBA, RETBLEED,
	 SPEC_CTRL, CAPABILITIES, IBRS_ALL, SPEC_IBRS},
	{"returns by branch targets (RRSBA)",      "RRSBA_DIS_S",                      0, RRSBA, 0,
	 SPEC_CTRL, CONTROLS, HAS_RRSBA_CTRL, SPEC_RRSBA_DIS_S},
	/* Without RRSBA a retpoline asks no predictor that has a history. */
	{"branch history injection (BHI)",         "BHI_DIS_S",                        BHI_NO, RRSBA, 0,
	 SPEC_CTRL, CONTROLS, HAS_BHI_CTRL, SPEC_BHI_DIS_S},
	{"indirect target selection (ITS)",        "none",                             ITS_NO, 0, ITS, OPEN, 0, 0, 0},
	{"return stack (RSB) poisoning",           "no return crosses an exit",        0, 0, 0, BUILT_IN, 0, 0, 0},
	{"return after a barrier (PBRSB)",         "no return crosses an exit",        PBRSB_NO, IBRS_ALL, 0, BUILT_IN, 0, 0, 0},
	{"guest values in registers",              "cleared on every exit",            0, 0, 0, BUILT_IN, 0, 0, 0},
	{"lazy FPU switching",                     "switched at once",                 0, 0, 0, BUILT_IN, 0, 0, 0},
	{"user-space monitor (VMSCAPE)",           "there is none",                    0, 0, 0, BUILT_IN, 0, 0, 0},
	{"Meltdown",                               "no guest's tables map the monitor", RDCL_NO, 0, 0, BUILT_IN, 0, 0, 0},
	{"speculative store bypass (SSB)",         "none",                             SSB_NO, 0, 0, OPEN, 0, 0, 0},
	{"L1 terminal fault (L1TF)",               "L1D flush on entry",               RDCL_NO | SKIP_L1DFL_VMENTRY, 0, 0,
	 FLUSH_L1D, FEATURES, HAS_L1D_FLUSH, 0},
	{"fill-buffer leaks (MDS)",                "VERW on entry",                    MDS_NO, 0, 0,
	 CLEAR_BUFFERS, FEATURES, HAS_MD_CLEAR, 0},
	{"transaction aborts (TAA)",               "VERW on entry",                    TAA_NO, TSX_CTRL | TSX_ON, 0,
	 CLEAR_BUFFERS, FEATURES, HAS_MD_CLEAR, 0},
	{"register files (RFDS)",                  "VERW on entry",                    RFDS_NO, RFDS_CLEAR, RFDS,
	 CLEAR_BUFFERS, CAPABILITIES, RFDS_CLEAR, 0},
	{"stale data of devices (MMIO)",           "no guest reaches one",             0, 0, 0, BUILT_IN, 0, 0, 0},
	{"gathered loads (GDS)",                   "microcode",                        GDS_NO, 0, GDS,
	 MICROCODE, CAPABILITIES, GDS_CTRL, 0},
	{"special registers (SRBDS)",              "microcode",                        0, 0, SRBDS,
	 MICROCODE, FEATURES, HAS_SRBDS_CTRL, 0},
	{"page sizes in the iTLB (iTLB multihit)", "large pages hold no code",         PSCHANGE_MC_NO, 0, 0,
	 SMALL_CODE, 0, 0, 0},
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(leaks) <= 32, "struct mitigations has a bit for each");

struct mitigations mitigations;

static uint8_t processor_leaks_of_model(void)
{
	uint32_t signature = cpuid(1, 0).eax;
	uint8_t model = (uint8_t)((signature >> 4 & 0xf) | (signature >> 12 & 0xf0));

	for (size_t i = 0; (signature >> 8 & 0xf) == 6 && i < ARRAY_SIZE(affected_models); i++)
		if (affected_models[i].model == model)
			return affected_models[i].leaks;
	return 0;
}

static struct processor processor_ask(void)
{
	struct processor it = {.leaks = processor_leaks_of_model()};
	struct cpuid_result leaf;

	if (cpuid(0, 0).eax < 7)
		return it;
	leaf = cpuid(7, 0);
	it.fact[FEATURES] = leaf.edx;
	if (leaf.eax >= 2)
		it.fact[CONTROLS] = cpuid(7, 2).edx;
	if (leaf.edx & HAS_ARCH_CAPABILITIES)
		it.fact[CAPABILITIES] = read_msr(MSR_ARCH_CAPABILITIES) & ~TSX_ON;
	if (leaf.ebx & HAS_RTM)
		it.fact[CAPABILITIES] |= TSX_ON;
	return it;
}

static bool processor_has_leak(const struct processor *it, const struct leak *leak)
{
	if (it->fact[CAPABILITIES] & leak->no)
		return false;
	return (!leak->only && !leak->models) || it->fact[CAPABILITIES] & leak->only ||
	       it->leaks & leak->models;
}

static bool processor_has_means(const struct processor *it, const struct leak *leak)
{
	return !leak->needs || it->fact[leak->fact] & leak->needs;
}

/* What this processor needs; `spec` becomes its IA32_SPEC_CTRL. */
static struct mitigations mitigations_decide(const struct processor *it, bool on, uint64_t *spec)
{
	struct mitigations result = {.wanted = on};
	uint32_t means = 0;

	*spec = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(leaks); i++) {
		const struct leak *leak = &leaks[i];

		if (!processor_has_leak(it, leak))
			continue;
		result.affected |= (uint32_t)BIT(i);
		if (!processor_has_means(it, leak)) {
			result.missing |= (uint32_t)BIT(i);
		} else if (on) {
			means |= (uint32_t)BIT(leak->means);
			*spec |= leak->spec;
		}
	}
	result.clear_buffers = means & BIT(CLEAR_BUFFERS);
	result.flush_l1d = means & BIT(FLUSH_L1D);
	result.barrier = means & BIT(BARRIER);
	result.small_code = means & BIT(SMALL_CODE);
	return result;
}

/*
 * IA32_SPEC_CTRL keeps the value for monitor and guests alike: guests do not have the register, and
 * an exit writes no MSR.
 */
static void mitigations_set_predictors(const struct processor *it, uint64_t spec)
{
	if (it->fact[FEATURES] & HAS_IBRS_AND_IBPB)
		write_msr(MSR_SPEC_CTRL, spec);
}

void mitigations_init(bool on)
{
	struct processor it = processor_ask();
	uint64_t spec;

	mitigations = mitigations_decide(&it, on, &spec);
	mitigations_set_predictors(&it, spec);
}

int mitigations_init_cpu(char *problem, size_t size)
{
	struct processor it = processor_ask();
	uint64_t spec;
	struct mitigations own = mitigations_decide(&it, mitigations.wanted, &spec);

	if (own.flush_l1d != mitigations.flush_l1d || own.barrier != mitigations.barrier) {
		format_buffer(
			problem, size,
			"its speculation control differs from the boot processor's: update the firmware");
		return -ERR_UNSUPPORTED;
	}
	mitigations.affected |= own.affected;
	mitigations.missing |= own.missing;
	mitigations.clear_buffers |= own.clear_buffers;
	mitigations.small_code |= own.small_code;
	mitigations_set_predictors(&it, spec);
	return 0;
}

static const char *leak_state(unsigned i)
{
	bool missing = mitigations.missing & BIT(i);

	if (!(mitigations.affected & BIT(i)))
		return "not needed";
	switch (leaks[i].means) {
	case BUILT_IN: return "built in";
	case OPEN: return "open";
	case MICROCODE: return missing ? "not possible: microcode lacks it" : "on";
	default:
		return !mitigations.wanted ? "off by config"
		       : missing           ? "not possible: microcode lacks it"
		                           : "on";
	}
}

void mitigations_report(void (*put)(const char *line))
{
	char line[120];

	for (unsigned i = 0; i < ARRAY_SIZE(leaks); i++) {
		format_buffer(line, sizeof(line), "  %-39s %s: %s", leaks[i].name, leaks[i].answer,
		              leak_state(i));
		put(line);
	}
}
