/* SPDX-License-Identifier: MIT */
/*
 * VPIDs: the processor tags the translations that it caches of a vCPU with one, so that exits and
 * switches need not flush. 0 is the monitor's own. SDM Vol. 3C "Virtual Processor Identifiers
 * (VPIDs)".
 *
 * Any CPU may create or destroy a vCPU, so each bit is taken and given back in one atomic
 * operation. A VPID given back may still tag translations on every CPU that its vCPU ran on. They
 * do no harm: a vCPU's first entry on a CPU, and each later return to it, flushes its VPID there
 * (vcpu_make_home() in vmm/vmx/vcpu_switch.c).
 */
#include "lib/panic.h"
#include "vmm/vmx/vmx.h"

#define VPIDS         0x10000
#define VPID_WORDS    (VPIDS / 64)
#define MONITORS_VPID 1UL /* bit 0 of the first word */

static uint64_t vpids_taken[VPID_WORDS] = {MONITORS_VPID};

uint16_t vpid_alloc(void)
{
	for (unsigned i = 0; i < VPID_WORDS; i++) {
		uint64_t word = __atomic_load_n(&vpids_taken[i], __ATOMIC_RELAXED);

		while (~word) {
			unsigned bit = (unsigned)__builtin_ctzl(~word);

			if (__atomic_compare_exchange_n(&vpids_taken[i], &word, word | BIT(bit), false,
			                                __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
				return (uint16_t)(i * 64 + bit);
		}
	}
	return 0;
}

void vpid_free(uint16_t vpid)
{
	uint64_t bit = BIT(vpid % 64);
	uint64_t before = __atomic_fetch_and(&vpids_taken[vpid / 64], ~bit, __ATOMIC_ACQ_REL);

	assert_monitor(vpid && before & bit);
}

void backend_flush_linear(const struct vcpu *vcpu)
{
	/*
	 * Without VPID every entry and exit flushes: SDM Vol. 3C "Operations that Invalidate Cached
	 * Mappings".
	 */
	if (vmx_features.vpid &&
	    !invvpid(INVVPID_SINGLE_CONTEXT, (struct invalidation){.context = vcpu->vmx.vpid}))
		panic("INVVPID refused VPID %u", vcpu->vmx.vpid);
}
