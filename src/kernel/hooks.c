// SPDX-License-Identifier: Apache-2.0
#include "kernel/hooks.h"

#include "base/own.h"

#define TT_BYTES_OF_CALLS "bytes moved by system calls"
#define TT_BYTES_OF_RINGS "bytes moved by io_uring; proof which Unix or UDP socket a call used"

static const struct tt_hook_row tracepoint_rows[] = {
	{"tt_sys_enter", "tp_btf sys_enter", TT_FEATURE_SYSCALL_TRACEPOINTS, TT_HOOK_REQUIRED, TT_BYTES_OF_CALLS},
	{"tt_sys_exit", "tp_btf sys_exit", TT_FEATURE_SYSCALL_TRACEPOINTS, TT_HOOK_REQUIRED, TT_BYTES_OF_CALLS},
	{"tt_send_length", "tp_btf sock_send_length", TT_FEATURE_SOCK_LENGTH, TT_HOOK_OPTIONAL, TT_BYTES_OF_RINGS},
	{"tt_recv_length", "tp_btf sock_recv_length", TT_FEATURE_SOCK_LENGTH, TT_HOOK_OPTIONAL, TT_BYTES_OF_RINGS},
};

static const struct tt_hook_row perf_rows[] = {
	{"tt_perf_sys_enter", "tp sys_enter", TT_FEATURE_PERF_TRACEPOINTS, TT_HOOK_REQUIRED, TT_BYTES_OF_CALLS},
	{"tt_perf_sys_exit", "tp sys_exit", TT_FEATURE_PERF_TRACEPOINTS, TT_HOOK_REQUIRED, TT_BYTES_OF_CALLS},
	{"tt_perf_send_length", "tp sock_send_length", TT_FEATURE_SOCK_LENGTH, TT_HOOK_OPTIONAL, TT_BYTES_OF_RINGS},
	{"tt_perf_recv_length", "tp sock_recv_length", TT_FEATURE_SOCK_LENGTH, TT_HOOK_OPTIONAL, TT_BYTES_OF_RINGS},
};

/* X(program's middle, function, what of it). Entries of what sends, before their exits: a call under way has both or none. */
#define TT_SENDS(X)                                     \
	X("inet_send", "inet_sendmsg", "TCP, UDP")      \
	X("inet6_send", "inet6_sendmsg", "TCP, UDP")    \
	X("stream_send", "unix_stream_sendmsg", "Unix") \
	X("dgram_send", "unix_dgram_sendmsg", "Unix")   \
	X("packet_send", "unix_seqpacket_sendmsg", "Unix")
#define TT_RECEIVES(X)                                     \
	X("inet_recv", "inet_recvmsg", "TCP, UDP")         \
	X("inet6_recv", "inet6_recvmsg", "TCP, UDP")       \
	X("stream_recv", "unix_stream_recvmsg", "Unix")    \
	X("dgram_recv", "unix_dgram_recvmsg", "Unix")      \
	X("packet_recv", "unix_seqpacket_recvmsg", "Unix") \
	X("splice", "sock_splice_read", "splice()")
#define TT_PAGES(X)                                   \
	X("inet_page", "inet_sendpage", "sendfile()") \
	X("stream_page", "unix_stream_sendpage", "sendfile()")
#define TT_ACCEPTS(X)                               \
	X("inet_accept", "inet_accept", "accept()") \
	X("unix_accept", "unix_accept", "accept()")
#define TT_CONNECTS(X)                                        \
	X("connect", "inet_stream_connect", "connect()")      \
	X("dgram_connect", "inet_dgram_connect", "connect()") \
	X("unix_connect", "unix_stream_connect", "connect()")
#define TT_RELEASES(X)                                           \
	X("inet_release", "inet_release", "ends of UDP sockets") \
	X("unix_release", "unix_release", "ends of Unix sockets")

#define TT_ROW(prefix, kind, feature, need, middle, function, what) \
	{prefix middle, kind " " function, TT_FEATURE_##feature, TT_HOOK_##need, what},
#define TT_FENTRY(m, f, w) TT_ROW("tt_fentry_", "fentry", FEXIT, REQUIRED, m, f, w)
#define TT_FEXIT(m, f, w) TT_ROW("tt_fexit_", "fexit", FEXIT, REQUIRED, m, f, w)
#define TT_FENTRY_PAGE(m, f, w) TT_ROW("tt_fentry_", "fentry", SEND_PAGE, IF_THERE, m, f, w)
#define TT_FEXIT_PAGE(m, f, w) TT_ROW("tt_fexit_", "fexit", SEND_PAGE, IF_THERE, m, f, w)
#define TT_KPROBE(m, f, w) TT_ROW("tt_kprobe_", "kprobe", KPROBE, REQUIRED, m, f, w)
#define TT_KRET(m, f, w) TT_ROW("tt_kret_", "kretprobe", KPROBE, REQUIRED, m, f, w)
#define TT_KPROBE_PAGE(m, f, w) TT_ROW("tt_kprobe_", "kprobe", SEND_PAGE, IF_THERE, m, f, w)
#define TT_KRET_PAGE(m, f, w) TT_ROW("tt_kret_", "kretprobe", SEND_PAGE, IF_THERE, m, f, w)

#define TT_MPTCP(kind, feature, prefix, m, f) TT_ROW(prefix, kind, feature, IF_THERE, m, f, "MPTCP")

/* clang-format off */
static const struct tt_hook_row fexit_rows[] = {
	TT_SENDS(TT_FENTRY) TT_SENDS(TT_FEXIT) TT_RECEIVES(TT_FEXIT) TT_PAGES(TT_FENTRY_PAGE) TT_PAGES(TT_FEXIT_PAGE)
	TT_FENTRY("connect", "inet_stream_connect", "connect()") TT_CONNECTS(TT_FEXIT) TT_ACCEPTS(TT_FEXIT)
	TT_MPTCP("fentry", MPTCP_CONNECT, "tt_fentry_", "mptcp_connect", "mptcp_stream_connect")
	TT_MPTCP("fexit", MPTCP_CONNECT, "tt_fexit_", "mptcp_connect", "mptcp_stream_connect")
	TT_MPTCP("fexit", MPTCP_ACCEPT, "tt_fexit_", "mptcp_accept", "mptcp_stream_accept")
	TT_RELEASES(TT_FENTRY)
};

static const struct tt_hook_row kprobe_rows[] = {
	TT_SENDS(TT_KPROBE) TT_SENDS(TT_KRET) TT_RECEIVES(TT_KPROBE) TT_RECEIVES(TT_KRET) TT_PAGES(TT_KPROBE_PAGE) TT_PAGES(TT_KRET_PAGE)
	TT_CONNECTS(TT_KPROBE) TT_CONNECTS(TT_KRET) TT_ACCEPTS(TT_KPROBE) TT_ACCEPTS(TT_KRET)
	TT_MPTCP("kprobe", MPTCP_CONNECT, "tt_kprobe_", "mptcp_connect", "mptcp_stream_connect")
	TT_MPTCP("kretprobe", MPTCP_CONNECT, "tt_kret_", "mptcp_connect", "mptcp_stream_connect")
	TT_MPTCP("kprobe", MPTCP_ACCEPT, "tt_kprobe_", "mptcp_accept", "mptcp_stream_accept")
	TT_MPTCP("kretprobe", MPTCP_ACCEPT, "tt_kret_", "mptcp_accept", "mptcp_stream_accept")
	TT_RELEASES(TT_KPROBE)
};
/* clang-format on */

static const struct tt_hook_row common_rows[] = {
	{"tt_set_state", "tp_btf inet_sock_set_state", TT_FEATURE_SOCK_STATE, TT_HOOK_REQUIRED, "connects and their time"},
	{"tt_destroy", "tp_btf tcp_destroy_sock", TT_FEATURE_TCP_DESTROY, TT_HOOK_REQUIRED, "ends of connections"},
	{"tt_retransmit", "tp_btf tcp_retransmit_skb", TT_FEATURE_TCP_RETRANSMIT, TT_HOOK_OPTIONAL,
	 "retransmits of a silent connection before its end"},
	{"tt_reset_sent", "tp_btf tcp_send_reset", TT_FEATURE_TCP_SEND_RESET, TT_HOOK_OPTIONAL, "resets sent"},
	{"tt_reset_received", "tp_btf tcp_receive_reset", TT_FEATURE_TCP_RECEIVE_RESET, TT_HOOK_OPTIONAL, "resets received"},
	{"tt_fork", "tp_btf sched_process_fork", TT_FEATURE_PROCESS_LIFE, TT_HOOK_REQUIRED, "children of processes in scope"},
	{"tt_exec", "tp_btf sched_process_exec", TT_FEATURE_PROCESS_LIFE, TT_HOOK_REQUIRED, "names of short-lived processes"},
	{"tt_exit", "tp_btf sched_process_exit", TT_FEATURE_PROCESS_LIFE, TT_HOOK_REQUIRED, "ends of processes"},
};

/* The two by tracepoints are one set by name: which of them serves is the kernel's matter. */
const struct tt_hook_set tt_hook_sets[] = {
	{.name = "fexit",
	 .cost = "cheapest; runs at calls on sockets only; payload of io_uring, sendfile and splice too",
	 .rows = fexit_rows,
	 .count = TT_ARRAY_LEN(fexit_rows),
	 .called_by = TT_CALLED_BY_TRAMPOLINE},
	{.name = "tracepoint",
	 .form = "BTF-typed",
	 .cost = "dearer; runs at both ends of each system call of the host",
	 .rows = tracepoint_rows,
	 .count = TT_ARRAY_LEN(tracepoint_rows),
	 .called_by = TT_CALLED_BY_TRACEPOINT},
	{.name = "tracepoint",
	 .form = "by perf",
	 .cost = "dearer still; runs at both ends of each system call of the host",
	 .rows = perf_rows,
	 .count = TT_ARRAY_LEN(perf_rows),
	 .called_by = TT_CALLED_BY_PERF},
	{.name = "kprobe",
	 .cost = "dearest; runs at calls on sockets only; payload of io_uring, sendfile and splice too",
	 .rows = kprobe_rows,
	 .count = TT_ARRAY_LEN(kprobe_rows),
	 .called_by = TT_CALLED_BY_PERF,
	 .stamps_all = true},
};
const size_t tt_hook_set_count = TT_ARRAY_LEN(tt_hook_sets);

const struct tt_hook_set tt_hook_common = {.name = "life of connections and processes",
					   .cost = "only when such an event happens",
					   .rows = common_rows,
					   .count = TT_ARRAY_LEN(common_rows),
					   .called_by = TT_CALLED_BY_TRACEPOINT};

const char *const tt_hook_state_words[TT_HOOK_STATE_MAX] = {
#define TT_HOOK_STATE_WORD(id, word) [TT_HOOK_##id] = (word),
	TT_HOOK_STATES(TT_HOOK_STATE_WORD)
#undef TT_HOOK_STATE_WORD
};

const struct tt_hook_row *tt_hook_set_missing(const struct tt_hook_set *set, const struct tt_features *features)
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->rows[i].need == TT_HOOK_REQUIRED && !features->has[set->rows[i].needs])
			return &set->rows[i];
	}
	return NULL;
}

const char *tt_hook_set_not_whole(const struct tt_hook_set *set, const struct tt_features *features)
{
	if (features->preempted[set->called_by])
		return "as far as can be told (sched/preempt in debugfs, the kernel's configuration), its programs are "
		       "preempted, and others on that processor miss them meanwhile";
	return NULL;
}
