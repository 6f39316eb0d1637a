/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel offers: one question a row, asked once. Programs see the answers as read-only flags, doctor prints them. */
#ifndef TT_KERNEL_FEATURES_H
#define TT_KERNEL_FEATURES_H

#include <stdbool.h>

/* X(id, name, since, what it is for) */
#define TT_FEATURES(X)                                                                                                       \
	X(BTF, "kernel BTF", "5.4, CONFIG_DEBUG_INFO_BTF", "programs that fit any kernel")                                   \
	X(RINGBUF, "BPF ring buffer", "5.8, 457f44363a88", "records to the user side")                                       \
	X(SYSCALL_TRACEPOINTS, "sys_enter and sys_exit", "3.2, BTF-typed 5.5", "bytes moved by system calls")                \
	X(TASK_STORAGE, "task storage from tracing", "5.13, a10787e6d58c", "entry stamps without a hash lookup")             \
	X(RDONLY_CAST, "bpf_rdonly_cast", "6.2, a35b9af4ec2c", "kernel fields by plain loads instead of a helper call each") \
	X(SOCK_STATE, "inet_sock_set_state", "4.16, 563e0bb0dc74", "connects, their time and failures")                      \
	X(TCP_DESTROY, "tcp_destroy_sock", "4.15, e8fce23946b7", "ends of TCP connections with their final offsets")         \
	X(TCP_RETRANSMIT, "tcp_retransmit_skb", "4.15, e086101b150a", "retransmits when they happen")                        \
	X(TCP_SEND_RESET, "tcp_send_reset", "4.16, c24b14c46bb8", "resets sent")                                             \
	X(TCP_RECEIVE_RESET, "tcp_receive_reset", "4.16, c24b14c46bb8", "resets received")                                   \
	X(SOCK_LENGTH, "sock_send_length, sock_recv_length", "6.3, 6e6eda44b939", "bytes moved by io_uring")                 \
	X(PROCESS_LIFE, "sched_process_fork, _exec, _exit", "2.6, BTF-typed 5.5",                                            \
	  "names of short-lived processes; following forks")

enum tt_feature {
#define TT_FEATURE_ENUM(id, ...) TT_FEATURE_##id,
	TT_FEATURES(TT_FEATURE_ENUM)
#undef TT_FEATURE_ENUM
		TT_FEATURE_MAX,
};

struct tt_feature_row {
	const char *name;
	const char *since;
	const char *purpose;
};

extern const struct tt_feature_row tt_feature_rows[TT_FEATURE_MAX];

struct tt_features {
	bool has[TT_FEATURE_MAX];
	bool preemptible; /* tracepoints let their programs be preempted; these must see to it themselves, which takes nothing
			     away */
};

/* Asks all questions. 0, or -ENOENT without kernel BTF (then nothing else is known), -EPERM where the kernel does not answer. */
int tt_features_probe(struct tt_features *ret);

#endif
