// SPDX-License-Identifier: Apache-2.0
#include "kernel/hooks.h"

#include "base/own.h"

static const struct tt_hook_row tracepoint_rows[] = {
	{"tt_sys_enter", "tp_btf sys_enter", TT_FEATURE_SYSCALL_TRACEPOINTS, true, "bytes moved by system calls"},
	{"tt_sys_exit", "tp_btf sys_exit", TT_FEATURE_SYSCALL_TRACEPOINTS, true, "bytes moved by system calls"},
};

static const struct tt_hook_row common_rows[] = {
	{"tt_set_state", "tp_btf inet_sock_set_state", TT_FEATURE_SOCK_STATE, true, "connects and their time"},
	{"tt_destroy", "tp_btf tcp_destroy_sock", TT_FEATURE_TCP_DESTROY, true, "ends of connections"},
	{"tt_retransmit", "tp_btf tcp_retransmit_skb", TT_FEATURE_TCP_RETRANSMIT, false,
	 "retransmits of a silent connection before its end"},
	{"tt_reset_sent", "tp_btf tcp_send_reset", TT_FEATURE_TCP_SEND_RESET, false, "resets sent"},
	{"tt_reset_received", "tp_btf tcp_receive_reset", TT_FEATURE_TCP_RECEIVE_RESET, false, "resets received"},
	{"tt_send_length", "tp_btf sock_send_length", TT_FEATURE_SOCK_LENGTH, false,
	 "bytes sent by io_uring; proof which Unix or UDP socket a call used"},
	{"tt_recv_length", "tp_btf sock_recv_length", TT_FEATURE_SOCK_LENGTH, false, "bytes received by io_uring"},
	{"tt_fork", "tp_btf sched_process_fork", TT_FEATURE_PROCESS_LIFE, true, "children of processes in scope"},
	{"tt_exec", "tp_btf sched_process_exec", TT_FEATURE_PROCESS_LIFE, true, "names of short-lived processes"},
	{"tt_exit", "tp_btf sched_process_exit", TT_FEATURE_PROCESS_LIFE, true, "ends of processes"},
};

/* The seam for cheaper and for older kernels' sets: fexit and kprobe pairs on the socket functions go before and behind this row.
 */
const struct tt_hook_set tt_hook_sets[] = {
	{"tracepoints", "15 to 17 ns a system call at each end", tracepoint_rows, TT_ARRAY_LEN(tracepoint_rows)},
};
const size_t tt_hook_set_count = TT_ARRAY_LEN(tt_hook_sets);

const struct tt_hook_set tt_hook_common = {"life of connections and processes", "only when such an event happens", common_rows,
					   TT_ARRAY_LEN(common_rows)};

const struct tt_hook_row *tt_hook_set_missing(const struct tt_hook_set *set, const struct tt_features *features)
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->rows[i].required && !features->has[set->rows[i].needs])
			return &set->rows[i];
	}
	return NULL;
}
