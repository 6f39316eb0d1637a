/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the kernel (sysctl(8) and others) that decide what telltale may do. Read, never changed. */
#ifndef TT_ATTACH_SETTINGS_H
#define TT_ATTACH_SETTINGS_H

#include <stddef.h>

struct tt_setting {
	const char *name;
	const char *path;
	const char *meaning; /* for people: which value does what */
	const char
		*mount; /* the file system it stands in, as mount(8) names it, where that may not be mounted; NULL: always is */
	long magic;	/* statfs(2) */
};

extern const struct tt_setting tt_settings[];
extern const size_t tt_setting_count;

/* Its value now, of the alternatives in a text like "none [integrity]" the chosen one; "absent" where the kernel has no such
 * setting, "unreadable" where it does not tell, "unknown" where its file system is not mounted. Returns text. */
const char *tt_setting_value(const struct tt_setting *setting, char *text, size_t size);

/* The number a setting is; -1: it is none. */
int tt_setting_number(const char *name);

#endif
