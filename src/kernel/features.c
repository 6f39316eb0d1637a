// SPDX-License-Identifier: Apache-2.0
#include "kernel/features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/own.h"
#include "kernel/hazards.h"
#include "kernel/symbols.h"
#include "kernel/types.h"

const struct tt_feature_row tt_feature_rows[TT_FEATURE_MAX] = {
#define TT_FEATURE_ROW(id, name_, since_, purpose_) [TT_FEATURE_##id] = {.name = name_, .since = since_, .purpose = purpose_},
	TT_FEATURES(TT_FEATURE_ROW)
#undef TT_FEATURE_ROW
};

/* Questions the kernel's BTF answers: does this function, or the type of this tracepoint, exist? All names of a feature must. */
static const struct {
	enum tt_feature feature;
	__u32 kind;
	const char *name;
} btf_questions[] = {
	{TT_FEATURE_SYSCALL_TRACEPOINTS, BTF_KIND_TYPEDEF, "btf_trace_sys_enter"},
	{TT_FEATURE_SYSCALL_TRACEPOINTS, BTF_KIND_TYPEDEF, "btf_trace_sys_exit"},
	{TT_FEATURE_RDONLY_CAST, BTF_KIND_FUNC, "bpf_rdonly_cast"},
	{TT_FEATURE_SOCK_STATE, BTF_KIND_TYPEDEF, "btf_trace_inet_sock_set_state"},
	{TT_FEATURE_TCP_DESTROY, BTF_KIND_TYPEDEF, "btf_trace_tcp_destroy_sock"},
	{TT_FEATURE_TCP_RETRANSMIT, BTF_KIND_TYPEDEF, "btf_trace_tcp_retransmit_skb"},
	{TT_FEATURE_TCP_SEND_RESET, BTF_KIND_TYPEDEF, "btf_trace_tcp_send_reset"},
	{TT_FEATURE_TCP_RECEIVE_RESET, BTF_KIND_TYPEDEF, "btf_trace_tcp_receive_reset"},
	{TT_FEATURE_SOCK_LENGTH, BTF_KIND_TYPEDEF, "btf_trace_sock_send_length"},
	{TT_FEATURE_SOCK_LENGTH, BTF_KIND_TYPEDEF, "btf_trace_sock_recv_length"},
	{TT_FEATURE_PROCESS_LIFE, BTF_KIND_TYPEDEF, "btf_trace_sched_process_fork"},
	{TT_FEATURE_PROCESS_LIFE, BTF_KIND_TYPEDEF, "btf_trace_sched_process_exec"},
	{TT_FEATURE_PROCESS_LIFE, BTF_KIND_TYPEDEF, "btf_trace_sched_process_exit"},
	{TT_FEATURE_FEXIT, BTF_KIND_STRUCT,
	 "bpf_tramp_image"}, /* e21aa341785c: a trampoline is there until nobody sleeps in it */
	{TT_FEATURE_FEXIT, BTF_KIND_FUNC, "inet_sendmsg"},
	{TT_FEATURE_FEXIT, BTF_KIND_FUNC, "inet6_sendmsg"},
	{TT_FEATURE_FEXIT, BTF_KIND_FUNC, "inet_recvmsg"},
	{TT_FEATURE_FEXIT, BTF_KIND_FUNC, "inet6_recvmsg"},
	{TT_FEATURE_FEXIT, BTF_KIND_FUNC, "unix_stream_sendmsg"},
	{TT_FEATURE_FEXIT, BTF_KIND_FUNC, "unix_stream_recvmsg"},
	{TT_FEATURE_FEXIT, BTF_KIND_FUNC, "unix_dgram_sendmsg"},
	{TT_FEATURE_FEXIT, BTF_KIND_FUNC, "unix_dgram_recvmsg"},
	{TT_FEATURE_KPROBE_MULTI, BTF_KIND_FUNC, "bpf_kprobe_multi_link_attach"},
	{TT_FEATURE_KPROBE_MULTI, BTF_KIND_STRUCT, "fprobe_hlist"},
	/* Until 6.10 its process was a thread (46ba0e49b642), until 6.12 threads of others were let through (900f362e2062); from
	   then on they are let go of together, too: this function is of that. */
	{TT_FEATURE_UPROBE_MULTI, BTF_KIND_FUNC, "uprobe_unregister_nosync"},
	{TT_FEATURE_UPROBE_MULTI, BTF_KIND_FUNC, "bpf_uprobe_multi_link_attach"},
	{TT_FEATURE_SEND_PAGE, BTF_KIND_FUNC, "inet_sendpage"},
	{TT_FEATURE_SEND_PAGE, BTF_KIND_FUNC, "unix_stream_sendpage"},
	{TT_FEATURE_MPTCP_CONNECT, BTF_KIND_FUNC, "mptcp_stream_connect"},
	{TT_FEATURE_MPTCP_ACCEPT, BTF_KIND_FUNC, "mptcp_stream_accept"},
	{TT_FEATURE_MPTCP_ACCEPT, BTF_KIND_FUNC, "__inet_accept"}, /* before it was there, inet_accept gave MPTCP's sockets too */
	{TT_FEATURE_PREEMPT_DISABLE, BTF_KIND_FUNC, "bpf_preempt_disable"},
};

/* The kernel's types that came with a change by which programs are preempted. */
static const struct {
	enum tt_called_by by;
	__u32 kind;
	const char *name;
} preempted_signs[] = {
	{TT_CALLED_BY_TRACEPOINT, BTF_KIND_TYPEDEF, "class_srcu_fast_notrace_t"},
};

static struct tt_types *types;

int tt_kernel_types(const struct tt_types **ret)
{
	int r = types ? 0 : tt_types_open(&types);

	if (r == 0)
		*ret = types;
	return r;
}

void tt_kernel_types_forget(void)
{
	types = tt_types_free(types);
}

/* Names of both tables, one after the other. */
#define NAMES (TT_ARRAY_LEN(btf_questions) + TT_ARRAY_LEN(preempted_signs))

static void name_found(void *ctx, size_t name, uint32_t id)
{
	((bool *)ctx)[name] = true;
}

static int ask_btf(struct tt_features *f)
{
	struct tt_type_name names[NAMES];
	const struct tt_types *all;
	bool found[NAMES] = {0};
	size_t n = 0;

	for (size_t i = 0; i < TT_ARRAY_LEN(btf_questions); i++)
		names[n++] = tt_type_named(btf_questions[i].name, btf_questions[i].kind);
	for (size_t i = 0; i < TT_ARRAY_LEN(preempted_signs); i++)
		names[n++] = tt_type_named(preempted_signs[i].name, preempted_signs[i].kind);
	int r = tt_kernel_types(&all);
	if (r == 0)
		r = tt_types_each(all, names, n, name_found, found);
	if (r < 0)
		return r == -ENOMEM ? -ENOENT : r;

	f->has[TT_FEATURE_BTF] = true;
	for (size_t i = 0; i < TT_ARRAY_LEN(btf_questions); i++)
		f->has[btf_questions[i].feature] = true;
	for (size_t i = 0; i < TT_ARRAY_LEN(btf_questions); i++)
		f->has[btf_questions[i].feature] &= found[i];
	for (size_t i = 0; i < TT_ARRAY_LEN(preempted_signs); i++)
		f->preempted[preempted_signs[i].by] |= found[TT_ARRAY_LEN(btf_questions) + i];
	return 0;
}

/* Where the kernel maps all memory, and the structs of its pages; it must let its symbols be read. NULL, or why not. */
static const char *ask_pages(struct tt_features *f)
{
#if defined(__x86_64__)
	struct tt_symbol symbols[] = {{.name = "page_offset_base"}, {.name = "vmemmap_base"}};

	if (tt_symbols_find(symbols, TT_ARRAY_LEN(symbols)) < 0)
		return "/proc/kallsyms cannot be read";
	f->page_offset_base = symbols[0].address;
	f->vmemmap_base = symbols[1].address;
	f->has[TT_FEATURE_PAGES] = f->page_offset_base && f->vmemmap_base;
	if (f->has[TT_FEATURE_PAGES])
		return NULL;
	return symbols[0].listed && symbols[1].listed
		       ? "/proc/kallsyms hides addresses (CAP_SYSLOG is missing, or kernel.kptr_restrict is 2)"
		       : "/proc/kallsyms has no page_offset_base and vmemmap_base (CONFIG_KALLSYMS_ALL, CONFIG_RANDOMIZE_MEMORY)";
#else
	return "known on x86-64 only";
#endif
}

/* The number of an event is asked of tracefs, which only root may read. NULL, or why not. */
static const char *ask_tracefs(struct tt_features *f)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	bool mounted = false, hidden = false, locked = false;

	for (size_t i = 0; i < TT_ARRAY_LEN(places); i++) {
		struct statfs fs;
		char path[128];

		if (statfs(places[i], &fs) < 0) {
			hidden |= errno == EACCES;
			continue;
		}
		if (fs.f_type != TRACEFS_MAGIC)
			continue;
		mounted = true;
		snprintf(path, sizeof(path), "%s/events/raw_syscalls/sys_enter/id", places[i]);
		/* Not access(2): that asks for the real user, without the capabilities that let this process read it. */
		tt_close_auto int fd = open(path, O_RDONLY | O_CLOEXEC);
		f->has[TT_FEATURE_PERF_TRACEPOINTS] = fd >= 0;
		if (f->has[TT_FEATURE_PERF_TRACEPOINTS])
			return NULL;
		hidden |= errno == EACCES;
		locked |= errno == EPERM;
	}
	if (locked)
		return "tracefs may not be opened (kernel lockdown, or another security module)";
	if (hidden)
		return "tracefs cannot be read (CAP_DAC_READ_SEARCH is missing)";
	if (mounted)
		return "tracefs has no raw_syscalls/sys_enter (CONFIG_FTRACE_SYSCALLS)";
	return access(places[0], F_OK) == 0 ? "tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing)"
					    : "there is no tracefs (CONFIG_TRACING, or no /sys)";
}

/* Where not even a map may be made, the library takes what it cannot ask for something that is there. */
static void ask_maps(struct tt_features *f)
{
	static const char *const denied = "may not be asked (CAP_BPF; before Linux 5.11 also room in RLIMIT_MEMLOCK)";
	tt_close_auto int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "tt_asked", 0, 0, (__u32)sysconf(_SC_PAGESIZE), NULL);

	f->has[TT_FEATURE_RINGBUF] = fd >= 0;
	if (fd == -EPERM) {
		f->absent[TT_FEATURE_RINGBUF] = denied;
		f->absent[TT_FEATURE_TASK_STORAGE] = denied;
		f->absent[TT_FEATURE_ATTACH_COOKIE] = denied;
		return;
	}
	/* The helper is there since 5.11, but tracing programs may call it since 5.13: what a raw tracepoint may, all may. */
	f->has[TT_FEATURE_TASK_STORAGE] =
		libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_task_storage_get, NULL) == 1;
	f->has[TT_FEATURE_ATTACH_COOKIE] = libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL) == 1;
}

/* What perf can do stands in sysfs. */
static void ask_perf(struct tt_features *f)
{
	static const struct {
		enum tt_feature feature;
		const char *path;
	} rows[] = {
		{TT_FEATURE_KPROBE, "/sys/bus/event_source/devices/kprobe/type"},
		{TT_FEATURE_UPROBE, "/sys/bus/event_source/devices/uprobe/type"},
	};
	const bool told = access("/sys/bus/event_source/devices", F_OK) == 0;

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		f->has[rows[i].feature] = access(rows[i].path, R_OK) == 0;
		f->absent[rows[i].feature] = told ? NULL : "sysfs is not mounted, or this kernel is built without perf";
	}
}

int tt_features_probe(struct tt_features *ret, bool pages)
{
	struct tt_features f = {0};
	struct tt_running running;

	tt_running_ask(&running);
	f.major = running.version.major;
	f.minor = running.version.minor;
	int r = ask_btf(&f);
	for (int i = 0; r < 0 && i < TT_FEATURE_MAX; i++)
		f.absent[i] = r == -EPERM ? "not asked, as kernel BTF may not be read" : "not asked, as there is no kernel BTF";
	if (r < 0) {
		f.absent[TT_FEATURE_BTF] = r == -EPERM ? "may not be read" : "there is no /sys/kernel/btf/vmlinux";
		*ret = f;
		return r;
	}
	ask_maps(&f);
	ask_perf(&f);
	f.absent[TT_FEATURE_PERF_TRACEPOINTS] = ask_tracefs(&f);
	f.absent[TT_FEATURE_PAGES] = pages ? ask_pages(&f) : "not asked";
	tt_hazards_apply(&f, &running);
	*ret = f;
	return 0;
}
