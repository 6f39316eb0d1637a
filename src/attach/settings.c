// SPDX-License-Identifier: Apache-2.0
#include "attach/settings.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/own.h"

const struct tt_setting tt_settings[] = {
	{.name = "kernel.perf_event_paranoid",
	 .path = "/proc/sys/kernel/perf_event_paranoid",
	 .meaning = "kprobes and uprobes, from Linux 7.0 on system calls: up to 2 CAP_PERFMON is enough, above (Debian's 3) they "
		    "need "
		    "CAP_SYS_ADMIN"},
	{.name = "kernel.unprivileged_bpf_disabled",
	 .path = "/proc/sys/kernel/unprivileged_bpf_disabled",
	 .meaning = "not 0: before Linux 5.19 each bpf(2) needs CAP_BPF, and the attach part keeps it; else only loading does"},
	{.name = "kernel.bpf_stats_enabled",
	 .path = "/proc/sys/kernel/bpf_stats_enabled",
	 .meaning = "1: the time programs take is known, at some 35 ns a run; 0: it is not"},
	{.name = "lockdown",
	 .path = "/sys/kernel/security/lockdown",
	 .meaning = "confidentiality: programs may not read memory, nothing can be observed",
	 .mount = "-t securityfs securityfs /sys/kernel/security",
	 .magic = SECURITYFS_MAGIC},
};
const size_t tt_setting_count = TT_ARRAY_LEN(tt_settings);

/* The last word of `mount` is the place. */
static bool mounted(const struct tt_setting *setting)
{
	struct statfs fs;

	return !setting->mount || (statfs(strrchr(setting->mount, ' ') + 1, &fs) == 0 && fs.f_type == setting->magic);
}

const char *tt_setting_value(const struct tt_setting *setting, char *text, size_t size)
{
	char line[128] = "";

	FILE *f = fopen(setting->path, "re");
	if (!f) {
		snprintf(text, size, "%s", errno != ENOENT ? "unreadable" : mounted(setting) ? "absent" : "unknown");
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
