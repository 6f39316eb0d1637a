// SPDX-License-Identifier: Apache-2.0
/* Allocators by the names of their functions, and the processes whose allocators are observed. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/command.h"
#include "base/log.h"
#include "base/own.h"
#include "identity/descendants.h"
#include "identity/text.h"
#include "kernel/process_probes.h"
#include "tools/leak/state.h"

#define LEAVE "tt_leak_returned"

/* malloc(3), posix_memalign(3); free_sized(3) of C23. */
static const struct tt_library_function c_functions[] = {
	{"malloc", "tt_leak_malloc", LEAVE, true},
	{"calloc", "tt_leak_calloc", LEAVE, false},
	{"realloc", "tt_leak_realloc", LEAVE, false},
	{"reallocarray", "tt_leak_reallocarray", LEAVE, false},
	{"memalign", "tt_leak_memalign", LEAVE, false},
	{"aligned_alloc", "tt_leak_memalign", LEAVE, false},
	{"posix_memalign", "tt_leak_posix_memalign", LEAVE, false},
	{"valloc", "tt_leak_malloc", LEAVE, false},
	{"pvalloc", "tt_leak_malloc", LEAVE, false},
	{"free", "tt_leak_freed", NULL, true},
	{"cfree", "tt_leak_freed", NULL, false},
	{"free_sized", "tt_leak_freed", NULL, false},
	{"free_aligned_sized", "tt_leak_freed", NULL, false},
};

/* jemalloc(3), with the prefix it has where it stands beside another one. */
static const struct tt_library_function je_functions[] = {
	{"je_malloc", "tt_leak_malloc", LEAVE, true},		{"je_calloc", "tt_leak_calloc", LEAVE, false},
	{"je_realloc", "tt_leak_realloc", LEAVE, false},	{"je_memalign", "tt_leak_memalign", LEAVE, false},
	{"je_aligned_alloc", "tt_leak_memalign", LEAVE, false}, {"je_posix_memalign", "tt_leak_posix_memalign", LEAVE, false},
	{"je_valloc", "tt_leak_malloc", LEAVE, false},		{"je_free", "tt_leak_freed", NULL, true},
	{"je_mallocx", "tt_leak_malloc", LEAVE, false},		{"je_rallocx", "tt_leak_realloc", LEAVE, false},
	{"je_dallocx", "tt_leak_freed", NULL, false},		{"je_sdallocx", "tt_leak_freed", NULL, false},
};

static const struct tt_library_function jex_functions[] = {
	{"mallocx", "tt_leak_malloc", LEAVE, true},
	{"rallocx", "tt_leak_realloc", LEAVE, false},
	{"dallocx", "tt_leak_freed", NULL, true},
	{"sdallocx", "tt_leak_freed", NULL, false},
};

/* gperftools' tcmalloc.h */
static const struct tt_library_function tc_functions[] = {
	{"tc_malloc", "tt_leak_malloc", LEAVE, true},
	{"tc_calloc", "tt_leak_calloc", LEAVE, false},
	{"tc_realloc", "tt_leak_realloc", LEAVE, false},
	{"tc_memalign", "tt_leak_memalign", LEAVE, false},
	{"tc_posix_memalign", "tt_leak_posix_memalign", LEAVE, false},
	{"tc_valloc", "tt_leak_malloc", LEAVE, false},
	{"tc_pvalloc", "tt_leak_malloc", LEAVE, false},
	{"tc_free", "tt_leak_freed", NULL, true},
	{"tc_free_sized", "tt_leak_freed", NULL, false},
	{"tc_cfree", "tt_leak_freed", NULL, false},
};

/*
 * operator new and operator new[], plain, aligned, and of those that return NULL: the Itanium C++ ABI's names (5.1.5), where
 * size_t is unsigned long. Those of the C++ libraries call malloc() and free().
 */
#define NEW_FUNCTIONS(program, leave)                                                                                           \
	{"_Znwm", program, leave, true}, {"_Znam", program, leave, false}, {"_ZnwmRKSt9nothrow_t", program, leave, false},      \
		{"_ZnamRKSt9nothrow_t", program, leave, false}, {"_ZnwmSt11align_val_t", program, leave, false},                \
		{"_ZnamSt11align_val_t", program, leave, false}, {"_ZnwmSt11align_val_tRKSt9nothrow_t", program, leave, false}, \
	{                                                                                                                       \
		"_ZnamSt11align_val_tRKSt9nothrow_t", program, leave, false                                                     \
	}

static const struct tt_library_function new_functions[] = {NEW_FUNCTIONS("tt_leak_new", NULL)};

/* Aligned forms have the size first, too. */
static const struct tt_library_function own_new_functions[] = {NEW_FUNCTIONS("tt_leak_malloc", LEAVE)};

static const struct tt_library_function own_delete_functions[] = {
	{"_ZdlPv", "tt_leak_freed", NULL, true},
	{"_ZdaPv", "tt_leak_freed", NULL, false},
	{"_ZdlPvm", "tt_leak_freed", NULL, false},
	{"_ZdaPvm", "tt_leak_freed", NULL, false},
	{"_ZdlPvRKSt9nothrow_t", "tt_leak_freed", NULL, false},
	{"_ZdaPvRKSt9nothrow_t", "tt_leak_freed", NULL, false},
	{"_ZdlPvSt11align_val_t", "tt_leak_freed", NULL, false},
	{"_ZdaPvSt11align_val_t", "tt_leak_freed", NULL, false},
	{"_ZdlPvmSt11align_val_t", "tt_leak_freed", NULL, false},
	{"_ZdaPvmSt11align_val_t", "tt_leak_freed", NULL, false},
	{"_ZdlPvSt11align_val_tRKSt9nothrow_t", "tt_leak_freed", NULL, false},
	{"_ZdaPvSt11align_val_tRKSt9nothrow_t", "tt_leak_freed", NULL, false},
};

/* What of a process is mapped by the C library's functions; mmap64 is the same one. */
static const struct tt_library_function map_functions[] = {
	{"mmap", "tt_leak_mmap", LEAVE, true},
	{"mmap64", "tt_leak_mmap", LEAVE, false},
	{"mremap", "tt_leak_mremap", LEAVE, false},
	{"munmap", "tt_leak_munmap", NULL, true},
};

/* Allocators whose operator new does not call malloc(). */
#define OWN_NEW {"tc_malloc", "mallocx", "je_malloc", "mi_malloc"}
#define GROUP(functions_, spare_) \
	.library = {.name = "allocator", .functions = (functions_), .function_count = TT_ARRAY_LEN(functions_), .spare = (spare_)}

/* --mmap takes the last one, too. */
static const struct tt_probe_group groups[] = {
	{GROUP(c_functions, "")},
	{GROUP(je_functions, "")},
	{GROUP(jex_functions, "")},
	{GROUP(tc_functions, "")},
	{GROUP(new_functions, ""), .without = OWN_NEW},
	{GROUP(own_new_functions, "*"), .throws = true, .with = OWN_NEW},
	{GROUP(own_delete_functions, ""), .with = OWN_NEW},
	{GROUP(map_functions, "")},
};

/* Where a program that is to be begun is likely to have its allocator from; others are found when they are mapped. */
static const char *const ahead[] = {"libc.so.6",   "libstdc++.so.6", "libc++.so.1", "libjemalloc.so",
				    "libtcmalloc", "libmimalloc.so", NULL};

/* --- the command --- */

/* ld.so(8): names with a slash; others are found when they are mapped. */
static void preloads_attach(struct tt_tool_run *run)
{
	const char *at = getenv("LD_PRELOAD");
	char path[PATH_MAX];

	while (at && *at) {
		size_t len = strcspn(at, ": ");

		snprintf(path, sizeof(path), "%.*s", (int)len, at);
		if (strchr(path, '/'))
			(void)tt_process_probes_file(run->kernel, run->command, path);
		at += len + (at[len] != 0);
	}
}

static int command_attach(struct tt_tool_run *run)
{
	char path[PATH_MAX];

	/* Until it begins it is as telltale: the C library is the same most of the time, where the loader has no cache, too. */
	(void)tt_process_probes_look(run->kernel, run->command);
	tt_command_file(run->options->command[0], path, sizeof(path));
	int r = tt_process_probes_file(run->kernel, run->command, path);
	if (r >= 0 && tt_command_interpreter(path, sizeof(path)))
		r = tt_process_probes_file(run->kernel, run->command, path);
	preloads_attach(run);
	return r < 0 ? r : tt_process_probes_ahead(run->kernel, run->command, ahead);
}

/* --- processes that run --- */

static bool is_named(uint32_t pid, const char *name)
{
	tt_buf_auto struct tt_buf text = TT_BUF(256);
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	if (!name)
		return true;
	if (tt_text_read(AT_FDCWD, path, &text) < 0 || !text.len)
		return false;
	size_t len = strnlen(name, TT_LEAK_COMM_LEN - 1);
	return text.len == len + 1 && memcmp(text.data, name, len) == 0;
}

static int pids_attach(struct tt_tool_run *run)
{
	const struct tt_tool_options *o = run->options;
	tt_free_auto uint32_t *pids = NULL;
	size_t count = 0;
	uint32_t missing = 0;
	int functions = 0;

	int r = tt_descendants(&pids, &count, o->pids, o->pid_count, &missing);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		r = is_named(pids[i], o->comm) ? tt_process_probes_look(run->kernel, pids[i]) : 0;
		if (r < 0 && r != -ESRCH && i < o->pid_count) /* those named come first; one without memory has no allocator */
			return r;
		functions += r > 0;
	}
	if (functions || o->comm)
		return 0;
	tt_error("leak: no allocator is found in process %u (malloc and free, by their symbols)", o->pids[0]);
	return -ENOENT;
}

static int all_attach(struct tt_tool_run *run)
{
	const struct tt_tool_options *o = run->options;
	struct tt_scope scope = {.mode = o->cgroup ? TT_SCOPE_CGROUP : TT_SCOPE_ALL, .cgroup = o->cgroup};
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	int r = proc ? 0 : -errno;

	while (r >= 0 && proc && (entry = readdir(proc))) {
		uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (!pid || pid == (uint32_t)getpid() || !tt_scope_contains(&scope, pid) || !is_named(pid, o->comm))
			continue;
		r = tt_process_probes_look(run->kernel, pid);
		r = r == -ENOSPC || r == -ENOMEM ? r : 0; /* it may be gone */
	}
	if (proc)
		closedir(proc);
	return r;
}

int tt_leak_functions_begin(struct tt_tool_run *run)
{
	const struct tt_leak_settings *s = run->settings;
	size_t count = TT_ARRAY_LEN(groups) - !s->mmap;

	int r = tt_process_probes_begin(run->kernel, groups, count, run->limits->value[TT_LIMIT_TOOL_PROCESSES]);
	if (r < 0)
		return r;
	if (run->command)
		r = command_attach(run);
	else if (run->options->pid_count)
		r = pids_attach(run);
	else
		r = all_attach(run);
	if (r == -ENOSPC)
		tt_error("leak: more processes than are followed (limit tool_processes)");
	return r < 0 ? r : 0;
}
