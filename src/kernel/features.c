// SPDX-License-Identifier: Apache-2.0
#include "kernel/features.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "kernel/hazards.h"
#include "kernel/symbols.h"

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
	{TT_FEATURE_SEND_PAGE, BTF_KIND_FUNC, "inet_sendpage"},
	{TT_FEATURE_SEND_PAGE, BTF_KIND_FUNC, "unix_stream_sendpage"},
	{TT_FEATURE_MPTCP_CONNECT, BTF_KIND_FUNC, "mptcp_stream_connect"},
	{TT_FEATURE_MPTCP_ACCEPT, BTF_KIND_FUNC, "mptcp_stream_accept"},
	{TT_FEATURE_MPTCP_ACCEPT, BTF_KIND_FUNC, "__inet_accept"}, /* before it was there, inet_accept gave MPTCP's sockets too */
	{TT_FEATURE_PREEMPT_DISABLE, BTF_KIND_FUNC, "bpf_preempt_disable"},
};

static bool asked_kind(__u32 kind)
{
	return kind == BTF_KIND_TYPEDEF || kind == BTF_KIND_FUNC || kind == BTF_KIND_STRUCT;
}

/* The kernel's types that came with a change by which programs are preempted. */
static const struct {
	enum tt_called_by by;
	__u32 kind;
	const char *name;
} preempted_signs[] = {
	{TT_CALLED_BY_TRACEPOINT, BTF_KIND_TYPEDEF, "class_srcu_fast_notrace_t"},
};

static int ask_btf(struct tt_features *f)
{
	struct btf *btf = btf__load_vmlinux_btf();
	if (!btf)
		return errno == EPERM || errno == EACCES ? -EPERM : -ENOENT;

	bool found[TT_ARRAY_LEN(btf_questions)] = {0};
	__u32 count = btf__type_cnt(btf);
	for (__u32 id = 1; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		__u32 kind = btf_kind(type);
		if (!asked_kind(kind))
			continue;
		const char *name = btf__name_by_offset(btf, type->name_off);
		for (size_t i = 0; i < TT_ARRAY_LEN(preempted_signs); i++)
			f->preempted[preempted_signs[i].by] |=
				kind == preempted_signs[i].kind && strcmp(name, preempted_signs[i].name) == 0;
		for (size_t i = 0; i < TT_ARRAY_LEN(btf_questions); i++) {
			if (kind == btf_questions[i].kind && strcmp(name, btf_questions[i].name) == 0)
				found[i] = true;
		}
	}
	btf__free(btf);

	f->has[TT_FEATURE_BTF] = true;
	for (size_t i = 0; i < TT_ARRAY_LEN(btf_questions); i++)
		f->has[btf_questions[i].feature] = true;
	for (size_t i = 0; i < TT_ARRAY_LEN(btf_questions); i++)
		f->has[btf_questions[i].feature] &= found[i];
	return 0;
}

/* Where the kernel maps all memory, and the structs of its pages; it must let its symbols be read. */
static void ask_pages(struct tt_features *f)
{
#if defined(__x86_64__)
	struct tt_symbol symbols[] = {{.name = "page_offset_base"}, {.name = "vmemmap_base"}};

	if (tt_symbols_find(symbols, TT_ARRAY_LEN(symbols)) < 0)
		return;
	f->page_offset_base = symbols[0].address;
	f->vmemmap_base = symbols[1].address;
	f->has[TT_FEATURE_PAGES] = f->page_offset_base && f->vmemmap_base;
#endif
}

/* The number of an event is asked of tracefs, which only root may read. */
static void ask_tracefs(struct tt_features *f)
{
	static const char *const paths[] = {"/sys/kernel/tracing/events/raw_syscalls/sys_enter/id",
					    "/sys/kernel/debug/tracing/events/raw_syscalls/sys_enter/id"};

	for (size_t i = 0; i < TT_ARRAY_LEN(paths) && !f->has[TT_FEATURE_PERF_TRACEPOINTS]; i++) {
		f->has[TT_FEATURE_PERF_TRACEPOINTS] = access(paths[i], R_OK) == 0;
		if (!f->has[TT_FEATURE_PERF_TRACEPOINTS] && errno == EACCES)
			f->refused[TT_FEATURE_PERF_TRACEPOINTS] = "tracefs cannot be read (CAP_DAC_READ_SEARCH is missing)";
	}
	if (f->has[TT_FEATURE_PERF_TRACEPOINTS])
		f->refused[TT_FEATURE_PERF_TRACEPOINTS] = NULL;
}

int tt_features_probe(struct tt_features *ret)
{
	struct tt_features f = {0};

	int r = ask_btf(&f);
	if (r < 0)
		return r;
	f.has[TT_FEATURE_RINGBUF] = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1;
	/* The helper is there since 5.11, but tracing programs may call it since 5.13: what a raw tracepoint may, all may. */
	f.has[TT_FEATURE_TASK_STORAGE] =
		libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_task_storage_get, NULL) == 1;
	f.has[TT_FEATURE_KPROBE] = access("/sys/bus/event_source/devices/kprobe/type", R_OK) == 0;
	f.has[TT_FEATURE_UPROBE] = access("/sys/bus/event_source/devices/uprobe/type", R_OK) == 0;
	ask_tracefs(&f);
	ask_pages(&f);
	struct tt_running running;
	tt_running_ask(&running);
	tt_hazards_apply(&f, &running);
	*ret = f;
	return 0;
}
