// SPDX-License-Identifier: Apache-2.0
#include "kernel/load.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/now.h"
#include "base/own.h"
#include "kernel/calls.h"
#include "kernel/internal.h"
#include "kernel/library.h"
#include "kernel/listeners.h"
#include "kernel/plaintext.h"
#include "kernel/skeleton.h"
#include "kernel/verified.h"
#include "probes.skel.h"

uint32_t tt_kernel_power_of_two(uint64_t n)
{
	uint32_t p = 1;

	while (p < n && p < 1u << 31)
		p <<= 1;
	return p;
}

/* --- what is decided before the programs are loaded --- */

static int config_scope(struct tt_kernel_config *c, const struct tt_scope *scope, struct tt_kernel_report *report)
{
	c->scope = scope->mode;
	c->report_own = scope->report_own;
	if (scope->mode != TT_SCOPE_NETNS)
		return 0;
	uint32_t inode;
	int r = tt_scope_netns_inode(scope->netns, &inode);
	report->about = r < 0 ? "netns" : NULL;
	if (r < 0)
		return tt_kernel_refuse(report, r, "network namespace %s: %s", scope->netns, strerror(-r));
	c->netns = inode;
	return 0;
}

int tt_kernel_config_common(struct tt_kernel_config *c, const struct tt_scope *scope, struct tt_kernel_report *report)
{
	struct stat ns;

	c->own_pid = (uint32_t)getpid();
	if (stat("/proc/self/ns/pid", &ns) == 0) {
		c->pidns_dev = ns.st_dev;
		c->pidns_ino = ns.st_ino;
	}
	c->since_ns = tt_clock_ns(CLOCK_BOOTTIME);
	c->has_task_storage = report->features.has[TT_FEATURE_TASK_STORAGE];
	c->has_attach_cookie = report->features.has[TT_FEATURE_ATTACH_COOKIE];
	c->has_rdonly_cast = report->features.has[TT_FEATURE_RDONLY_CAST];
	c->preemptible = report->features.preempted[TT_CALLED_BY_TRACEPOINT];
	c->preemptible_uprobes = report->features.preempted[TT_CALLED_BY_UPROBE];
	return config_scope(c, scope, report);
}

static int config_fill(struct tt_kernel_config *c, const struct tt_hook_set *set, const struct tt_limits *limits,
		       const struct tt_scope *scope, struct tt_kernel_report *report)
{
	tt_calls_fill(c->call);
	c->capture_bytes = (uint32_t)limits->value[TT_LIMIT_CAPTURE_BYTES];
	c->iov_segments = (uint32_t)limits->value[TT_LIMIT_IOV_SEGMENTS];
	c->mmsg_messages = (uint32_t)limits->value[TT_LIMIT_MMSG_MESSAGES];
	c->wish_mask = tt_kernel_power_of_two(2 * limits->value[TT_LIMIT_KERNEL_CONNECTIONS]) - 1;
	c->page_offset_base = report->features.has[TT_FEATURE_PAGES] ? report->features.page_offset_base : 0;
	c->vmemmap_base = report->features.has[TT_FEATURE_PAGES] ? report->features.vmemmap_base : 0;
	c->stamps_all = set->stamps_all;
	int r = tt_kernel_config_common(c, scope, report);
	c->preemptible |= report->features.preempted[set->called_by];
	return r;
}

static uint32_t data_rings_wanted(const struct tt_kernel *k, const struct tt_limits *limits)
{
	uint32_t ring_cpus = (uint32_t)limits->value[TT_LIMIT_RING_CPUS];

	return (k->cpus + ring_cpus - 1) / ring_cpus;
}

int tt_kernel_maps_find(struct tt_kernel *k, const struct tt_limits *limits)
{
	k->cpus = (unsigned)libbpf_num_possible_cpus();
	const struct {
		const char *name;
		struct bpf_map **map;
		uint64_t entries;
	} rows[] = {
		{"tt_counters", &k->maps.counters, k->cpus},
		{"tt_data_rings", &k->maps.data_rings, data_rings_wanted(k, limits)},
		{"tt_control_ring", &k->maps.control_ring, tt_kernel_power_of_two(limits->value[TT_LIMIT_CONTROL_RING_BYTES])},
		{"tt_scope_pids", &k->maps.scope_pids, TT_SCOPE_ROWS},
		{"tt_scope_cgroup", &k->maps.scope_cgroup, 1},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		*rows[i].map = bpf_object__find_map_by_name(k->obj, rows[i].name);
		int r = *rows[i].map ? bpf_map__set_max_entries(*rows[i].map, (uint32_t)rows[i].entries) : -ENOENT;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Rows of hellos (bpf/lib/hello.h): four in each, and as many as there are sessions. Of goroutines few are at work at a time. */
static uint32_t hello_rows(const struct tt_kernel *k, const struct tt_limits *limits)
{
	return k->plaintext ? tt_kernel_power_of_two(limits->value[TT_LIMIT_KERNEL_SESSIONS] / 4) : 1;
}

/* What is sealed is sent soon: few contexts have some at a time. */
static uint32_t held_most(const struct tt_kernel *k, const struct tt_limits *limits)
{
	return k->plaintext ? (uint32_t)limits->value[TT_LIMIT_KERNEL_SESSIONS] / 1024 + 1 : 1;
}

static int maps_size(struct tt_kernel *k, const struct tt_limits *limits)
{
	int r = tt_kernel_maps_find(k, limits);
	if (r < 0)
		return r;
	const struct tt_kernel_config *c = (const struct tt_kernel_config *)&k->skel->rodata->tt_config;
	const struct {
		struct bpf_map *map;
		uint64_t entries;
	} sizes[] = {
		{k->skel->maps.tt_works, k->cpus},
		{k->skel->maps.tt_process_works, k->cpus},
		{k->skel->maps.tt_conns, limits->value[TT_LIMIT_KERNEL_CONNECTIONS]},
		{k->skel->maps.tt_stamps_by_tid, c->has_task_storage ? 1 : limits->value[TT_LIMIT_CALL_STAMPS]},
		{k->skel->maps.tt_plain_calls_by_tid, c->has_task_storage ? 1 : limits->value[TT_LIMIT_CALL_STAMPS]},
		{k->skel->maps.tt_plain_sessions, k->plaintext ? limits->value[TT_LIMIT_KERNEL_SESSIONS] : 1},
		{k->skel->maps.tt_plain_goroutines, k->plaintext ? limits->value[TT_LIMIT_KERNEL_SESSIONS] : 1},
		{k->skel->maps.tt_go_frames, hello_rows(k, limits)},
		{k->skel->maps.tt_framers, hello_rows(k, limits)},
		{k->skel->maps.tt_go_sending, hello_rows(k, limits)},
		{k->skel->maps.tt_hellos, hello_rows(k, limits)},
		{k->skel->maps.tt_records, hello_rows(k, limits)},
		{k->skel->maps.tt_held, held_most(k, limits)},
		{k->skel->maps.tt_wishes, c->wish_mask + 1},
		{k->skel->maps.tt_listeners, limits->value[TT_LIMIT_LISTENERS]},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(sizes); i++) {
		r = bpf_map__set_max_entries(sizes[i].map, (uint32_t)sizes[i].entries);
		if (r < 0)
			return r;
	}
	if (c->has_task_storage)
		return 0;
	r = bpf_map__set_autocreate(k->skel->maps.tt_stamps, false);
	return r < 0 ? r : bpf_map__set_autocreate(k->skel->maps.tt_plain_calls, false);
}

static struct bpf_program *program_of(struct tt_kernel *k, const struct tt_hook_row *row)
{
	return bpf_object__find_program_by_name(k->obj, row->program);
}

static void programs_choose(struct tt_kernel *k, const struct tt_hook_set *set, const struct tt_features *features, bool all)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, k->obj) bpf_program__set_autoload(p, false);
	const struct tt_hook_set *both[] = {set, &tt_hook_common};
	for (size_t s = 0; s < TT_ARRAY_LEN(both); s++) {
		for (size_t i = 0; i < both[s]->count; i++) {
			const struct tt_hook_row *row = &both[s]->rows[i];

			if (!features->has[row->needs] || (!all && row->need == TT_HOOK_OPTIONAL))
				continue;
			p = program_of(k, row);
			bpf_program__set_autoload(p, true);
			if (features->has[TT_FEATURE_KPROBE_MULTI] && bpf_program__type(p) == BPF_PROG_TYPE_KPROBE)
				bpf_program__set_expected_attach_type(p, BPF_TRACE_KPROBE_MULTI);
		}
	}
}

/* --- what is set up once they are loaded --- */

static void *map_mapped(struct bpf_map *map, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
}

size_t tt_kernel_whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

static int counters_map(struct tt_kernel *k, uint32_t ring_cpus)
{
	k->counters_size = tt_kernel_whole_pages(k->cpus * sizeof(*k->counters));
	void *p = map_mapped(k->maps.counters, k->counters_size);
	if (p == MAP_FAILED)
		return -errno;
	k->counters = p;
	for (unsigned cpu = 0; cpu < k->cpus; cpu++)
		k->counters[cpu].ring = cpu / ring_cpus;
	return 0;
}

static int wishes_map(struct tt_kernel *k)
{
	uint32_t mask = k->skel->rodata->tt_config.wish_mask;
	void *p = map_mapped(k->skel->maps.tt_wishes, tt_kernel_whole_pages((size_t)(mask + 1) * sizeof(struct tt_wish_slot)));
	if (p == MAP_FAILED)
		return -errno;
	k->wishes = calloc(1, sizeof(*k->wishes));
	if (!k->wishes) {
		munmap(p, tt_kernel_whole_pages((size_t)(mask + 1) * sizeof(struct tt_wish_slot)));
		return -ENOMEM;
	}
	k->wishes->slots = p;
	k->wishes->mask = mask;
	return 0;
}

static int data_ring_make(struct tt_kernel *k, uint32_t number, size_t size)
{
	tt_close_auto int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "tt_data", 0, 0, (uint32_t)size, NULL);

	if (fd < 0 || bpf_map_update_elem(bpf_map__fd(k->maps.data_rings), &number, &fd, BPF_ANY) < 0)
		return -errno;
	return tt_rings_add(k->rings, fd, size);
}

static int rings_make(struct tt_kernel *k, const struct tt_limits *limits)
{
	int r = tt_rings_new(&k->rings);

	/* The kernel waits until no program can have the map as it was, some ten milliseconds for each that is put into it. */
	for (uint32_t i = 0; r == 0 && !k->no_data_rings && i < data_rings_wanted(k, limits); i++)
		r = data_ring_make(k, i, tt_kernel_power_of_two(limits->value[TT_LIMIT_RING_BYTES]));
	if (r < 0)
		return r;
	return tt_rings_add(k->rings, bpf_map__fd(k->maps.control_ring),
			    tt_kernel_power_of_two(limits->value[TT_LIMIT_CONTROL_RING_BYTES]));
}

int tt_kernel_maps_open(struct tt_kernel *k, const struct tt_limits *limits)
{
	int r = counters_map(k, (uint32_t)limits->value[TT_LIMIT_RING_CPUS]);
	if (r < 0)
		return r;
	void *p = map_mapped(k->maps.scope_pids, TT_SCOPE_ROWS * sizeof(*k->scope_pids));
	if (p == MAP_FAILED)
		return -errno;
	k->scope_pids = p;
	return rings_make(k, limits);
}

int tt_kernel_scope_fill(struct tt_kernel *k, const struct tt_scope *scope, struct tt_kernel_report *report)
{
	for (size_t i = 0; scope->mode == TT_SCOPE_PIDS && i < scope->pid_count; i++) {
		int r = tt_kernel_follow(k, scope->pids[i]);
		if (r < 0)
			return tt_kernel_refuse(report, r, "process %u: %s", scope->pids[i], strerror(-r));
	}
	if (scope->mode != TT_SCOPE_CGROUP)
		return 0;

	tt_close_auto int fd = tt_scope_open_cgroup(scope->cgroup);
	report->about = fd < 0 ? "cgroup" : NULL;
	if (fd < 0)
		return tt_kernel_refuse(report, fd, "cgroup %s: %s", scope->cgroup,
					fd == -EINVAL ? "not a v2 cgroup" : strerror(-fd));
	__u32 zero = 0;
	if (bpf_map_update_elem(bpf_map__fd(k->maps.scope_cgroup), &zero, &fd, BPF_ANY) < 0)
		return tt_kernel_refuse(report, -errno, "cgroup %s: %s", scope->cgroup, strerror(errno));
	return 0;
}

static void listener_add(void *ctx, const struct tt_listener *listener)
{
	struct tt_kernel *k = ctx;
	__u32 one = 1;

	/* Without an entry the role is left to the protocol: no reason to fail. */
	if (bpf_map_update_elem(bpf_map__fd(k->skel->maps.tt_listeners), listener, &one, BPF_ANY) < 0)
		k->listeners_refused++;
}

/* By function graph, where the program was loaded for it; the function's name stands behind the section's slash. */
static struct bpf_link *attach_multi(const struct bpf_program *p)
{
	const char *section = bpf_program__section_name(p);
	const char *function = strchr(section, '/') + 1;
	LIBBPF_OPTS(bpf_kprobe_multi_opts, opts, .syms = &function, .cnt = 1, .retprobe = strncmp(section, "kret", 4) == 0);

	return bpf_program__attach_kprobe_multi_opts(p, NULL, &opts);
}

/* A tool's programs have sections that libbpf does not know (program_types.h). */
static struct bpf_link *attach_one(const struct bpf_program *p)
{
	switch (bpf_program__expected_attach_type(p)) {
	case BPF_TRACE_KPROBE_MULTI:
		return attach_multi(p);
	case BPF_TRACE_RAW_TP:
		return bpf_program__attach_trace(p);
	case BPF_TRACE_ITER:
		return bpf_program__attach_iter(p, NULL);
	default:
		return bpf_program__attach(p);
	}
}

int tt_kernel_attach(struct tt_kernel *k, const char *program)
{
	struct bpf_program *p = bpf_object__find_program_by_name(k->obj, program);
	struct bpf_link *link = p ? attach_one(p) : NULL;

	if (!p)
		return -ENOENT;
	if (!link)
		return -errno;
	if (k->link_count == TT_LINKS_MOST) {
		bpf_link__destroy(link);
		return -ENOSPC;
	}
	k->programs[k->link_count] = p;
	k->links[k->link_count++] = link;
	return 0;
}

/* Rows that are not required may fail: what is missing then is said in their verdict. */
static int attach_set(struct tt_kernel *k, const struct tt_hook_set *set, const struct tt_features *features,
		      struct tt_hook_verdict *rows, char *reason, size_t size)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct tt_hook_row *row = &set->rows[i];
		int r = !features->has[row->needs]		  ? -ENOENT
			: bpf_program__fd(program_of(k, row)) < 0 ? -ENOEXEC
								  : tt_kernel_attach(k, row->program);

		if (rows)
			rows[i].chosen = r == 0;
		if (r == 0 || (r == -ENOENT && row->need == TT_HOOK_IF_THERE))
			continue;
		if (rows)
			tt_kernel_say(rows[i].reason, sizeof(rows[i].reason), "%s",
				      r == -ENOENT    ? "this kernel does not have it"
				      : r == -ENOEXEC ? tt_kernel_complaint()
						      : strerror(-r));
		if (row->need != TT_HOOK_OPTIONAL) {
			snprintf(reason, size, "%s does not attach: %s", row->hook, strerror(-r));
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

/* --- one set, tried --- */

int tt_kernel_load_set(struct tt_kernel *k, const struct tt_hook_set *set, bool all, const struct tt_limits *limits,
		       const struct tt_scope *scope, struct tt_kernel_report *report, char *reason, size_t size)
{
	k->skel = tt_skeleton_open();
	if (!k->skel)
		return -errno;
	k->obj = k->skel->obj;
	int r = config_fill((struct tt_kernel_config *)&k->skel->rodata->tt_config, set, limits, scope, report);
	if (r < 0)
		return r;
	k->plaintext = all && scope->plaintext && report->features.has[TT_FEATURE_UPROBE];
	k->uprobe_multi = report->features.has[TT_FEATURE_UPROBE_MULTI];
	k->without = scope->without;
	k->by_instruction = scope->no_return_probes || tt_plaintext_refused();
	k->alone = tt_plaintext_alone(k, scope, limits->value[TT_LIMIT_LIBRARY_PROCESSES]) &&
		   report->features.has[TT_FEATURE_ATTACH_COOKIE];
	((struct tt_kernel_config *)&k->skel->rodata->tt_config)->alone = k->alone;
	k->skel->rodata->tt_plain_by_instruction = k->by_instruction;
	k->skel->rodata->tt_hello_mask = hello_rows(k, limits) - 1;
	r = maps_size(k, limits);
	if (r < 0)
		return r;
	programs_choose(k, set, &report->features, all);
	k->libraries_most = limits->value[TT_LIMIT_LIBRARIES];
	k->libraries_tidy_s = limits->value[TT_LIMIT_LIBRARIES_TIDY];
	if (k->plaintext)
		tt_plaintext_programs_choose(k);
	tt_verified_ask(k->obj);

	(void)tt_kernel_complaint_begin(); /* what earlier tries complained of is past */
	r = tt_skeleton_load(k->skel);
	if (r < 0) {
		tt_kernel_say(reason, size, "refused by the kernel (%s): %s", strerror(-r), tt_kernel_complaint());
		return tt_kernel_forbidden(r) ? -EPERM
					      : -EOPNOTSUPP; /* not permitted to us, or to nobody here: the next set will tell */
	}
	k->self = &k->skel->bss->tt_self;
	if ((r = tt_kernel_maps_open(k, limits)) < 0 || (r = wishes_map(k)) < 0) {
		snprintf(reason, size, "setting up maps: %s", strerror(-r));
		return r;
	}
	r = tt_listeners_list(listener_add, k);
	if (r < 0) {
		snprintf(reason, size, "listing listeners: %s", strerror(-r));
		return r;
	}
	r = tt_kernel_scope_fill(k, scope, report);
	if (r < 0)
		return r;
	tt_plaintext_alone_begin(k, scope);
	r = attach_set(k, set, &report->features, NULL, reason, size);
	if (r < 0)
		return r;
	r = attach_set(k, &tt_hook_common, &report->features, report->common, reason, size);
	if (r < 0)
		return r;
	r = tt_kernel_selftest(k, reason, size);
	if (r == 0)
		tt_plaintext_start(k, scope);
	return r;
}

void tt_kernel_give_back(void)
{
	malloc_trim(0);
}

int tt_kernel_ask_features(struct tt_kernel_report *report, bool pages)
{
	int r = tt_features_probe(&report->features, pages);

	if (r == -EPERM)
		return tt_kernel_refuse(report, r, "not permitted to ask the kernel: run as root");
	if (r < 0)
		return tt_kernel_refuse(report, r,
					"this kernel has no BTF (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF");
	return 0;
}

/* A program marks itself busy before it reads the clock. What it stored may need a moment to be seen from another CPU, but never
 * a millisecond. */
#define TT_STORE_NS 1000000u

static void link_destroy(struct bpf_link *link)
{
	bpf_link__destroy(link);
}

void tt_kernel_stop(struct tt_kernel *k)
{
	if (k->self && !k->remote)
		__atomic_store_n(&k->self->phase, TT_PHASE_CLOSED, __ATOMIC_RELEASE);
	for (size_t i = 0; i < k->link_count; i++) {
		bpf_link__destroy(k->links[i]);
		k->links[i] = NULL;
	}
	tt_kernel_sample_end(k, link_destroy);
	tt_plaintext_let_go(k, link_destroy);
	if (k->stopped_ns)
		return;
	if (k->remote)
		k->remote->stop(k->remote_ctx);
	k->stopped_ns = tt_now_ns();
	/* What a program was just storing: from then on the horizon holds nothing back. */
	if (k->rings)
		(void)nanosleep(&(struct timespec){.tv_nsec = 2 * TT_STORE_NS}, NULL);
}

struct tt_kernel *tt_kernel_free(struct tt_kernel *k)
{
	if (!k)
		return NULL;
	tt_kernel_stop(k);
	tt_rings_free(k->rings);
	if (k->wishes) {
		munmap(k->wishes->slots, tt_kernel_whole_pages((size_t)(k->wishes->mask + 1) * sizeof(struct tt_wish_slot)));
		free(k->wishes);
	}
	if (k->counters)
		munmap(k->counters, k->counters_size);
	if (k->scope_pids)
		munmap(k->scope_pids, TT_SCOPE_ROWS * sizeof(*k->scope_pids));
	if (k->own_page)
		munmap(k->own_page, k->own_size);
	if (k->skel)
		k->skel = tt_skeleton_free(k->skel);
	else
		bpf_object__close(k->obj);
	free(k);
	return NULL;
}

int tt_kernel_follow(struct tt_kernel *k, uint32_t tgid)
{
	if (tgid >= TT_SCOPE_ROW * TT_SCOPE_ROWS)
		return -EINVAL;
	if (k->remote || !k->scope_pids)
		return -EPERM;
	uint8_t *mark = &k->scope_pids[tgid / TT_SCOPE_ROW].in[tgid % TT_SCOPE_ROW];
	if (__atomic_load_n(mark, __ATOMIC_ACQUIRE) >= TT_MARK_IN)
		return 0;
	bool late = tt_plaintext_forks(k);
	__atomic_store_n(mark, late ? TT_MARK_LATE : TT_MARK_IN, __ATOMIC_RELEASE);
	if (late)
		(void)tt_plaintext_look(k, tgid); /* it may have ended */
	return 0;
}

struct tt_rings *tt_kernel_rings(struct tt_kernel *k)
{
	return k->rings;
}

uint64_t tt_kernel_horizon(const struct tt_kernel *k)
{
	uint64_t horizon = tt_now_ns();

	if (k->stopped_ns && horizon - k->stopped_ns > TT_STORE_NS)
		return horizon;
	horizon -= TT_STORE_NS;
	for (unsigned cpu = 0; cpu < k->cpus; cpu++) {
		const struct tt_counts *both[] = {&k->counters[cpu].data, &k->counters[cpu].control};
		for (size_t i = 0; i < TT_ARRAY_LEN(both); i++) {
			uint64_t busy = __atomic_load_n(&both[i]->busy_ns, __ATOMIC_ACQUIRE);
			/* 1: it is just reading the clock, and may have been interrupted there: no progress this time. */
			if (busy == 1)
				horizon = TT_MIN(horizon, tt_rings_watermark(k->rings));
			else if (busy && busy <= horizon)
				horizon = busy - 1;
		}
	}
	return horizon;
}

void tt_kernel_wish(struct tt_kernel *k, const struct tt_conn_id *conn, enum tt_direction dir, uint64_t from, uint32_t bytes)
{
	tt_wishes_set(k->wishes, conn, dir, from, bytes);
}
