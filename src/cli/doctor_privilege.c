// SPDX-License-Identifier: Apache-2.0
/* What doctor says of capabilities and of the kernel's settings. */
#include <stdio.h>
#include <string.h>

#include "attach/privilege.h"
#include "attach/settings.h"
#include "cli/doctor.h"

void tt_doctor_write_privileges(void)
{
	puts("capabilities");
	for (size_t i = 0; i < tt_need_count; i++) {
		const struct tt_need *n = &tt_needs[i];
		bool met = tt_need_met(n);

		printf("  %-8s %-22s %-15s %s\n", met ? "has" : "lacks", n->name,
		       n->when == TT_NEED_START	    ? "at the start"
		       : n->when == TT_NEED_RUNNING ? "while observing"
						    : "always",
		       n->purpose);
		if (!met)
			printf("  %-8s %-22s %-15s without it: %s\n", "", "", "", n->without);
	}
	puts("settings");
	for (size_t i = 0; i < tt_setting_count; i++) {
		char value[64];

		printf("  %-8s %-36s %s\n", tt_setting_value(&tt_settings[i], value, sizeof(value)), tt_settings[i].name,
		       tt_settings[i].meaning);
		if (tt_settings[i].mount && strcmp(value, "unknown") == 0)
			printf("  %-8s %-36s to be known: mount %s\n", "", "", tt_settings[i].mount);
	}
}

static void tt_text(struct tt_json *j, const char *key, const char *text)
{
	tt_json_key(j, key);
	tt_json_string(j, tt_span_str(text));
}

static void tt_bool(struct tt_json *j, const char *key, bool v)
{
	tt_json_key(j, key);
	tt_json_bool(j, v);
}

void tt_doctor_json_privileges(struct tt_json *j)
{
	tt_json_key(j, "capabilities");
	tt_json_array(j);
	for (size_t i = 0; i < tt_need_count; i++) {
		const struct tt_need *n = &tt_needs[i];

		tt_json_object(j);
		tt_text(j, "name", n->name);
		tt_bool(j, "present", tt_need_met(n));
		tt_bool(j, "required", n->required);
		tt_bool(j, "at_start", n->when & TT_NEED_START);
		tt_bool(j, "while_observing", n->when & TT_NEED_RUNNING);
		tt_text(j, "purpose", n->purpose);
		tt_text(j, "without", n->without);
		tt_json_object_end(j);
	}
	tt_json_array_end(j);
	tt_json_key(j, "settings");
	tt_json_array(j);
	for (size_t i = 0; i < tt_setting_count; i++) {
		char value[64];

		tt_json_object(j);
		tt_text(j, "name", tt_settings[i].name);
		tt_text(j, "value", tt_setting_value(&tt_settings[i], value, sizeof(value)));
		tt_text(j, "meaning", tt_settings[i].meaning);
		tt_json_object_end(j);
	}
	tt_json_array_end(j);
}
