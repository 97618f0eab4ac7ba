/* SPDX-License-Identifier: MIT */
/* The processor's VT-x controls for a person to read. */
#include "lib/format.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/x86/vcpu.h"
#include "vmm/vmx/controls.h"

void vmx_features_report(void (*put)(const char *line))
{
	static const char *const set_name[CONTROL_SETS] = {"pin", "processor", "secondary", "exit", "entry"};
	static const char *const need_name[] = {"required", "wanted", "as needed", "never"};
	const struct vmx_features *features = &vmx_features;
	char line[120];

	/* Without VT-x nothing was read. */
	if (!features->allowed[CONTROLS_PIN])
		return;
	put("Processor: Intel VT-x");
	for (const struct vmx_control *c = vmx_controls; c < vmx_controls + vmx_control_count; c++) {
		bool have = features->allowed[c->set] & BIT(c->bit);
		bool on = features->control[c->set] & BIT(c->bit);

		format_buffer(line, sizeof(line), "  %-10s %2u  %-32s %s  %-8s  (%s)", set_name[c->set],
		              c->bit, c->name, have ? "have" : "lack",
		              on                   ? "used"
		              : c->need == DYNAMIC ? "switched"
		                                   : "unused",
		              need_name[c->need]);
		put(line);
	}
	format_buffer(line, sizeof(line), "  EPT pages: 4K%s%s; EPT/VPID capabilities %#lx",
	              features->ept_vpid & EPT_CAP_PAGE_2M ? " 2M" : "",
	              features->ept_vpid & EPT_CAP_PAGE_1G ? " 1G" : "", features->ept_vpid);
	put(line);
}

static const char *mitigation_state(bool safe, bool active)
{
	return safe                 ? "not needed"
	       : active             ? "on"
	       : mitigations.wanted ? "not possible: microcode lacks it"
	                            : "off by config";
}

void mitigations_report(void (*put)(const char *line))
{
	char line[120];

	put("  branch target injection (Spectre v2)   retpolines, built in");
	put("  return stack (RSB) poisoning           no return crosses an exit, built in");
	put("  guest values in registers              cleared on every exit, built in");
	format_buffer(line, sizeof(line), "  branch targets of another guest        IBPB between guests: %s",
	              mitigation_state(false, mitigations.barrier));
	put(line);
	format_buffer(line, sizeof(line), "  fill-buffer leaks (MDS, TAA)           VERW on entry: %s",
	              mitigation_state(mitigations.buffers_safe, mitigations.clear_buffers));
	put(line);
	format_buffer(line, sizeof(line), "  L1 terminal fault (L1TF)               L1D flush on entry: %s",
	              mitigation_state(mitigations.l1d_safe, mitigations.flush_l1d));
	put(line);
}
