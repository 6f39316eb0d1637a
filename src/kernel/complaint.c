// SPDX-License-Identifier: Apache-2.0
/* Why something could not be loaded: what libbpf, the verifier and we have to say of it, in one line. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/own.h"
#include "kernel/hazards.h"
#include "kernel/internal.h"
#include "kernel/verified.h"

/* libbpf speaks through one callback: its first complaint, for the one line of an error, and all of it for who asked. */
static char complaint[320];
static void (*log_fn)(const char *text);

void tt_kernel_log(void (*fn)(const char *text))
{
	log_fn = fn;
}

/* The verifier's reason stands in the last line of its log before the statistics ("processed N insns …"). */
static const char *reason_in_log(char *text)
{
	char *end = strstr(text, "\nprocessed ");
	if (!end)
		return NULL;
	*end = 0;
	char *line = strrchr(text, '\n');
	return line ? line + 1 : NULL;
}

static int complaint_keep(enum libbpf_print_level level, const char *fmt, va_list args)
{
	tt_free_auto char *text = NULL;

	if ((level > LIBBPF_WARN && !tt_verified_wanted()) || vasprintf(&text, fmt, args) < 0)
		return 0;
	if (level > LIBBPF_WARN) {
		tt_verified_look(text);
		return 0;
	}
	if (log_fn)
		log_fn(text);
	const char *reason = reason_in_log(text);
	size_t used = strlen(complaint);
	if (reason && used < sizeof(complaint) - 4) {
		tt_kernel_say(complaint + used, sizeof(complaint) - used, ": %s", reason);
	} else if (!used) {
		tt_kernel_say(complaint, sizeof(complaint), "%.*s", (int)strcspn(text, "\n"), text);
	}
	return 0;
}

libbpf_print_fn_t tt_kernel_complaint_begin(void)
{
	complaint[0] = 0;
	return libbpf_set_print(complaint_keep);
}

const char *tt_kernel_complaint(void)
{
	return complaint;
}

static void whole_words(char *ret, size_t size, const char *fmt, va_list args)
{
	static const char more[] = " ...";
	int n = vsnprintf(ret, size, fmt, args);

	if (n < 0 || (size_t)n < size || size <= sizeof(more))
		return;
	ret[size - sizeof(more)] = 0;
	char *end = strrchr(ret, ' ') ?: ret + strlen(ret);
	memcpy(end, more, sizeof(more));
}

void tt_kernel_say(char *ret, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	whole_words(ret, size, fmt, args);
	va_end(args);
}

int tt_kernel_refuse(struct tt_kernel_report *report, int r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	whole_words(report->error, sizeof(report->error), fmt, args);
	va_end(args);
	return r;
}

/*
 * libbpf before 1.3 fails (with EINVAL) where it may not list the BTF of modules (BPF_BTF_GET_NEXT_ID wants CAP_SYS_ADMIN). It
 * does so where a kernel that has such BTF (5.11) lacks what programs name as optional: bpf_rdonly_cast, which came with 6.2.
 */
static bool modules_forbidden(void)
{
	return strstr(complaint, "failed to iterate BTF objects: -1");
}

bool tt_kernel_forbidden(int r)
{
	return r == -EPERM || (r < 0 && modules_forbidden());
}

int tt_kernel_not_permitted(struct tt_kernel_report *report)
{
	struct rlimit locked = {.rlim_cur = RLIM_INFINITY};
	struct tt_running running;

	if (modules_forbidden())
		return tt_kernel_refuse(
			report, -EPERM,
			"CAP_SYS_ADMIN is missing: from Linux 5.11 to 6.1 loading needs it, for listing the BTF of modules");
	/*
	 * Kernels before 5.11 count maps as locked memory; libbpf raises the limit where it may. Asked by version: if no room is
	 * left at all, what probes find is not true.
	 */
	tt_running_ask(&running);
	getrlimit(RLIMIT_MEMLOCK, &locked);
	const bool counted = running.version.major < 5 || (running.version.major == 5 && running.version.minor < 11);
	if (counted && locked.rlim_cur != RLIM_INFINITY)
		return tt_kernel_refuse(
			report, -EPERM,
			"CAP_SYS_RESOURCE is missing, and the maps do not fit into RLIMIT_MEMLOCK (%llu KiB): on this "
			"kernel one of them is needed",
			(unsigned long long)locked.rlim_cur / 1024);
	return tt_kernel_refuse(
		report, -EPERM,
		"the kernel does not permit to load programs: root or CAP_BPF and CAP_PERFMON are not enough where a "
		"security module, lockdown or a container's seccomp filter forbids bpf(2)");
}
