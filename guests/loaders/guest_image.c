/* SPDX-License-Identifier: MIT */
#include "guests/loaders/guest_image.h"

bool guest_image_find(struct guest_image *image,
                      bool (*find)(void *context, const struct image_name *name, struct image_file *file),
                      void *context)
{
	const struct guest_config *config = image->config;
	struct image_name name = {"kernel", config->kernel, config->kernel_line};
	bool all = find(context, &name, &image->kernel);

	name = (struct image_name){"initrd", config->initrd, config->initrd_line};
	if (name.path[0] && !find(context, &name, &image->initrd))
		all = false;
	for (unsigned i = 0; i < config->module_count; i++) {
		name = (struct image_name){"module", config->module[i].path, config->module[i].line};
		if (!find(context, &name, &image->module[i]))
			all = false;
	}
	return all;
}
