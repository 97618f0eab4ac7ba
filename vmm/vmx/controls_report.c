/* SPDX-License-Identifier: MIT */
/* The processor's VT-x controls for a person to read. */
#include "lib/format.h"
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
