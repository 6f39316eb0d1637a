// SPDX-License-Identifier: Apache-2.0
#include "kernel/process_probes.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/own.h"
#include "kernel/internal.h"
#include "kernel/plaintext.h"

#define FILES_KNOWN 1024 /* whose symbols need not be read again */
#define PLACES_MOST 96	 /* functions of one file */
#define NAMES_MOST 64
#define LOOKS 3 /* at a new process: what it maps comes bit by bit */
#define TOLD_KNOWN 1024

/* A file, and which groups it has. */
struct probed_file {
	uint64_t dev;
	uint64_t inode;
	uint64_t changed_ns;
	uint32_t groups; /* a bit each */
};

struct probed_process {
	uint32_t pid;
	uint64_t began; /* clock ticks since boot; 0: not known */
	unsigned looks; /* still to come */
	size_t functions;
};

/* One that was to be looked at, which may be told of again when it executes something. */
struct told_process {
	uint32_t pid;
	bool missed;
};

struct tt_process_probes {
	const struct tt_probe_group *groups;
	size_t group_count;
	struct probed_process *processes;
	size_t process_count, processes_most;
	bool full;			       /* that was said */
	struct probed_file files[FILES_KNOWN]; /* by number, the last one wins its place */
	struct told_process told[TOLD_KNOWN];  /* the last ones, so that each counts once */
	size_t told_count;
};

int tt_process_probes_begin(struct tt_kernel *k, const struct tt_probe_group *groups, size_t count, size_t processes)
{
	struct tt_process_probes *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->processes = calloc(processes, sizeof(*p->processes));
	if (!p->processes) {
		free(p);
		return -ENOMEM;
	}
	p->groups = groups;
	p->group_count = TT_MIN(count, (size_t)TT_PROBE_GROUPS_MOST);
	p->processes_most = processes;
	k->process_probes = p;
	tt_plaintext_descriptors_allow();
	return 0;
}

void tt_process_probes_free(struct tt_kernel *k)
{
	if (k->process_probes)
		free(k->process_probes->processes);
	free(k->process_probes);
	k->process_probes = NULL;
}

/* proc_pid_stat(5): the 22nd word; the second one, in brackets, may have any characters. */
uint64_t tt_process_began(uint32_t pid)
{
	char path[32], text[1024] = "";
	unsigned long long ticks = 0;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	const char *at = strrchr(text, ')');
	for (int word = 2; at && word < 22; word++)
		at = strchr(at + 1, ' ');
	if (at)
		ticks = strtoull(at + 1, NULL, 10);
	return ticks;
}

/* --- processes that are gone --- */

static void files_take(struct tt_kernel *k, uint32_t pid)
{
	for (struct tt_library_file **at = &k->libraries; *at;) {
		struct tt_library_file *f = *at;
		if (f->only != pid) {
			at = &f->next;
			continue;
		}
		(void)tt_library_file_leave(at); /* who would write it waits until it is let go of */
		f->next = k->release.gone;
		k->release.gone = f;
	}
}

/* Their places are free at once, unless as many are still to be let go of. */
static void gone_take(struct tt_kernel *k)
{
	struct tt_process_probes *p = k->process_probes;

	for (size_t i = 0; i < p->process_count && k->release.count < p->processes_most;) {
		if (kill((pid_t)p->processes[i].pid, 0) == 0 || errno != ESRCH) {
			i++;
			continue;
		}
		files_take(k, p->processes[i].pid);
		k->release.count++;
		p->processes[i] = p->processes[--p->process_count];
	}
}

/* --- those that are there --- */

/* A number that came round again is another process's, and the probes of the one before ended with it. */
static struct probed_process *process_again(struct tt_kernel *k, struct probed_process *process)
{
	uint64_t now = tt_process_began(process->pid);

	if (now && process->began && now != process->began) {
		files_take(k, process->pid);
		*process = (struct probed_process){.pid = process->pid, .looks = LOOKS};
	}
	process->began = now ? now : process->began;
	return process;
}

/* NULL: there is no room. */
static struct probed_process *process_of(struct tt_kernel *k, uint32_t pid)
{
	struct tt_process_probes *p = k->process_probes;

	for (size_t i = 0; i < p->process_count; i++) {
		if (p->processes[i].pid == pid)
			return process_again(k, &p->processes[i]);
	}
	if (p->process_count == p->processes_most)
		gone_take(k);
	if (p->process_count == p->processes_most) {
		if (!p->full)
			tt_warn("no more than %zu processes are observed at a time (limit tool_processes)", p->processes_most);
		p->full = true;
		return NULL;
	}
	p->processes[p->process_count] = (struct probed_process){.pid = pid, .began = tt_process_began(pid), .looks = LOOKS};
	return &p->processes[p->process_count++];
}

/* --- which groups a file has --- */

/* Names that are asked for, each once. */
struct names {
	const char *name[NAMES_MOST];
	struct tt_function_place place[NAMES_MOST];
	size_t count;
};

static void name_add(struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++) {
		if (strcmp(n->name[i], name) == 0)
			return;
	}
	if (n->count < NAMES_MOST)
		n->name[n->count++] = name;
}

static bool name_found(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++) {
		if (strcmp(n->name[i], name) == 0)
			return n->place[i].at != 0;
	}
	return false;
}

static bool one_found(const struct names *n, const char *const *signs)
{
	for (size_t i = 0; i < TT_PROBE_SIGNS_MOST && signs[i]; i++) {
		if (name_found(n, signs[i]))
			return true;
	}
	return false;
}

static void names_of_group(struct names *n, const struct tt_probe_group *g)
{
	for (size_t i = 0; i < g->library.function_count; i++) {
		if (g->library.functions[i].required)
			name_add(n, g->library.functions[i].symbol);
	}
	for (size_t i = 0; i < TT_PROBE_SIGNS_MOST && g->with[i]; i++)
		name_add(n, g->with[i]);
	for (size_t i = 0; i < TT_PROBE_SIGNS_MOST && g->without[i]; i++)
		name_add(n, g->without[i]);
}

static bool group_found(const struct names *n, const struct tt_probe_group *g)
{
	for (size_t i = 0; i < g->library.function_count; i++) {
		if (g->library.functions[i].required && !name_found(n, g->library.functions[i].symbol))
			return false;
	}
	return (!g->with[0] || one_found(n, g->with)) && !one_found(n, g->without);
}

static uint32_t groups_read(const struct tt_process_probes *p, const char *path)
{
	struct names n = {.count = 0};
	uint32_t groups = 0;

	for (size_t i = 0; i < p->group_count; i++)
		names_of_group(&n, &p->groups[i]);
	if (tt_elf_functions(path, n.name, n.place, n.count) < 0)
		return 0;
	for (size_t i = 0; i < p->group_count; i++)
		groups |= group_found(&n, &p->groups[i]) ? 1u << i : 0;
	return groups;
}

static uint32_t groups_of(struct tt_process_probes *p, const struct stat *st, const char *path)
{
	uint64_t changed_ns = (uint64_t)st->st_ctim.tv_sec * 1000000000u + (uint64_t)st->st_ctim.tv_nsec;
	struct probed_file *f = &p->files[(st->st_ino ^ st->st_dev) % FILES_KNOWN];

	if (f->inode != st->st_ino || f->dev != st->st_dev || f->changed_ns != changed_ns)
		*f = (struct probed_file){st->st_dev, st->st_ino, changed_ns, groups_read(p, path)};
	return f->groups;
}

/* --- one file of one process --- */

struct places {
	uint64_t at[PLACES_MOST];
	size_t count;
};

/* One function has several names: what stands there once is not to be told twice. */
static void places_once(struct places *p, struct tt_function_sites *sites, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool there = false;

		for (size_t k = 0; k < p->count && !there; k++)
			there = p->at[k] == sites[i].entry;
		if (there)
			sites[i].entry = 0;
		else if (sites[i].entry && p->count < PLACES_MOST)
			p->at[p->count++] = sites[i].entry;
	}
}

static bool attached(const struct tt_kernel *k, const struct tt_library *library, const struct stat *st, uint32_t pid)
{
	for (const struct tt_library_file *f = k->libraries; f; f = f->next) {
		if (f->only == pid && f->library == library && f->dev == st->st_dev && f->inode == st->st_ino)
			return true;
	}
	return false;
}

/* How many functions are attached, or a negative errno. */
static int group_attach(struct tt_kernel *k, const struct tt_probe_group *g, const struct stat *st, const char *path,
			uint32_t pid, struct places *places)
{
	struct tt_function_sites sites[TT_FUNCTIONS_MOST];

	memset(sites, 0, sizeof(sites));
	int r = tt_library_find(&g->library, path, g->throws || tt_plaintext_refused(), sites);
	if (r < 0)
		return r;
	places_once(places, sites, g->library.function_count);
	struct tt_library_file *file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	*file = (struct tt_library_file){.library = &g->library,
					 .dev = st->st_dev,
					 .inode = st->st_ino,
					 .state = tt_file_state(st),
					 .user = pid,
					 .only = pid};
	tt_library_file_enter(&k->libraries, file);
	r = tt_library_file_attach(k, file, path, sites);
	if (r < 0) {
		(void)tt_library_file_leave(&k->libraries);
		free(file->links);
		free(file);
		return r;
	}
	return (int)file->probe_count;
}

static int file_attach(struct tt_kernel *k, struct probed_process *process, const char *path, const char *name)
{
	struct tt_process_probes *p = k->process_probes;
	struct places places = {.count = 0};
	struct stat st;
	int count = 0;

	if (stat(path, &st) < 0)
		return 0;
	uint32_t groups = groups_of(p, &st, path);
	for (size_t i = 0; i < p->group_count; i++) {
		if (!(groups & 1u << i) || attached(k, &p->groups[i].library, &st, process->pid))
			continue;
		int r = group_attach(k, &p->groups[i], &st, path, process->pid, &places);
		if (r == -ENOMEM || r == -ESRCH)
			return r;
		if (r == -EOPNOTSUPP)
			tt_warn("%s: not observed in process %u: %s, and where its functions return is not sure", name,
				process->pid, tt_plaintext_refused());
		else if (r < 0)
			tt_warn("%s: not observed in process %u: %s", name, process->pid, strerror(-r));
		if (r == -EOPNOTSUPP)
			return r;
		count += r > 0 ? r : 0;
	}
	process->functions += (size_t)count;
	return count;
}

/* --- processes --- */

/* The dynamic loader's own allocator serves nobody but itself. */
static bool is_loader(const char *name)
{
	return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld-2.", 5) == 0;
}

/* proc_pid_maps(5): begin-end permissions offset major:minor inode name. */
static int line_look(struct tt_kernel *k, struct probed_process *process, char *line)
{
	char path[64], *rest = line;
	char *name = strchr(line, '/');
	const char *range = strsep(&rest, " "), *permissions = strsep(&rest, " ");

	if (!name || !permissions || strnlen(permissions, 4) < 4 || permissions[2] != 'x')
		return 0;
	name[strcspn(name, "\n")] = 0;
	name = strrchr(name, '/') + 1;
	if (is_loader(name))
		return 0;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/map_files/%s", process->pid, range);
	return file_attach(k, process, path, name);
}

/* -ESRCH: it has no memory any more, or is gone altogether. */
static int maps_look(struct tt_kernel *k, struct probed_process *process)
{
	char path[32];
	tt_free_auto char *line = NULL;
	size_t size = 0, lines = 0;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", process->pid);
	FILE *maps = fopen(path, "re");
	if (!maps)
		return -errno;
	for (; r >= 0 && getline(&line, &size, maps) > 0; lines++)
		r = line_look(k, process, line);
	fclose(maps);
	return r < 0 ? r : !lines ? -ESRCH : (int)process->functions;
}

int tt_process_probes_look(struct tt_kernel *k, uint32_t pid)
{
	struct probed_process *process = process_of(k, pid);

	if (!process)
		return -ENOSPC;
	process->looks = LOOKS;
	int r = maps_look(k, process);
	if (r < 0 && r != -EOPNOTSUPP && !process->functions) /* it never was one: its place is for others */
		*process = k->process_probes->processes[--k->process_probes->process_count];
	return r;
}

int tt_process_probes_file(struct tt_kernel *k, uint32_t pid, const char *path)
{
	struct probed_process *process = process_of(k, pid);

	return process ? file_attach(k, process, path, path) : -ENOSPC;
}

void tt_process_probes_turn(struct tt_kernel *k)
{
	struct tt_process_probes *p = k->process_probes;

	gone_take(k);
	tt_library_release(k);
	for (size_t i = 0; i < p->process_count;) {
		uint32_t pid = p->processes[i].pid;
		unsigned looks = p->processes[i].looks;

		if (looks)
			(void)tt_process_probes_look(k, pid);
		if (i == p->process_count || p->processes[i].pid != pid) /* it gave its place away */
			continue;
		p->processes[i++].looks = looks ? looks - 1 : 0;
	}
}

/* --- those that are new --- */

static struct told_process *told_of(struct tt_process_probes *p, uint32_t pid)
{
	for (size_t i = 0; i < TOLD_KNOWN; i++) {
		if (p->told[i].pid == pid)
			return &p->told[i];
	}
	struct told_process *t = &p->told[p->told_count++ % TOLD_KNOWN];
	*t = (struct told_process){.pid = pid};
	return t;
}

void tt_process_probes_new(struct tt_kernel *k, uint32_t pid)
{
	struct tt_process_probes *p = k->process_probes;
	size_t before = p->told_count;
	struct told_process *t = told_of(p, pid);
	int r = tt_process_probes_look(k, pid);
	bool observed = r >= 0 || r == -EOPNOTSUPP;

	/* What was observed and is gone by now was not missed. */
	if (observed ? !t->missed : before == p->told_count)
		return;
	t->missed = !observed;
	__atomic_fetch_add(&k->self->processes_missed, observed ? -1ull : 1, __ATOMIC_RELAXED);
}

uint64_t tt_process_probes_missed(const struct tt_kernel *k)
{
	return __atomic_load_n(&k->self->processes_missed, __ATOMIC_RELAXED);
}

/* --- before it runs --- */

struct ahead {
	struct tt_kernel *k;
	uint32_t pid;
	const char *const *names;
};

static int ahead_file(void *ctx, const struct tt_mapped *mapped)
{
	const struct ahead *a = ctx;

	for (const char *const *name = a->names; *name; name++) {
		if (strncmp(mapped->name, *name, strlen(*name)) != 0)
			continue;
		int r = tt_process_probes_file(a->k, a->pid, mapped->path);
		return r < 0 ? r : 0;
	}
	return 0;
}

int tt_process_probes_ahead(struct tt_kernel *k, uint32_t pid, const char *const *names)
{
	struct ahead a = {k, pid, names};
	int r = tt_loader_all(ahead_file, &a);

	return r == -ENOENT || r == -ENOEXEC || r == -EFBIG ? 0 : r; /* without the cache it is found once it is mapped */
}
