// SPDX-License-Identifier: Apache-2.0
#include "attach/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

const struct tt_setting tt_settings[] = {
	{"kernel.perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid",
	 "kprobes and uprobes, from Linux 7.0 on system calls: up to 2 CAP_PERFMON is enough, above (Debian's 3) they need "
	 "CAP_SYS_ADMIN"},
	{"kernel.unprivileged_bpf_disabled", "/proc/sys/kernel/unprivileged_bpf_disabled",
	 "not 0: before Linux 5.19 each bpf(2) needs CAP_BPF, and the attach part keeps it; else only loading does"},
	{"kernel.bpf_stats_enabled", "/proc/sys/kernel/bpf_stats_enabled",
	 "1: the time programs take is known, at some 35 ns a run; 0: it is not"},
	{"lockdown", "/sys/kernel/security/lockdown", "confidentiality: programs may not read memory, nothing can be observed"},
};
const size_t tt_setting_count = TT_ARRAY_LEN(tt_settings);

const char *tt_setting_value(const struct tt_setting *setting, char *text, size_t size)
{
	char line[128] = "";

	FILE *f = fopen(setting->path, "re");
	if (!f) {
		snprintf(text, size, "%s", errno == ENOENT ? "absent" : "unreadable");
		return text;
	}
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	const char *chosen = strchr(line, '[');
	chosen = chosen ? chosen + 1 : line;
	snprintf(text, size, "%.*s", (int)strcspn(chosen, "]\n"), chosen);
	return text;
}

int tt_setting_number(const char *name)
{
	char text[64];

	for (size_t i = 0; i < tt_setting_count; i++) {
		if (strcmp(tt_settings[i].name, name) != 0)
			continue;
		const char *value = tt_setting_value(&tt_settings[i], text, sizeof(text));
		char *end;
		long number = strtol(value, &end, 10);

		if (end != value)
			return (int)number;
	}
	return -1;
}
