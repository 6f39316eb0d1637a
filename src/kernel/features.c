// SPDX-License-Identifier: Apache-2.0
#include "kernel/features.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <string.h>

#include "base/own.h"

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
};

/* Since 7.0 tracepoints are guarded by SRCU instead of by having preemption off, with this type. */
static const char preemptible_sign[] = "class_srcu_fast_notrace_t";

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
		if (kind != BTF_KIND_TYPEDEF && kind != BTF_KIND_FUNC)
			continue;
		const char *name = btf__name_by_offset(btf, type->name_off);
		f->preemptible |= kind == BTF_KIND_TYPEDEF && strcmp(name, preemptible_sign) == 0;
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
	*ret = f;
	return 0;
}
