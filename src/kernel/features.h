/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel offers: one question a row, asked once. Programs see the answers as read-only flags, doctor prints them. */
#ifndef TT_KERNEL_FEATURES_H
#define TT_KERNEL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(id, name, since, what it is for) */
#define TT_FEATURES(X)                                                                                                          \
	X(BTF, "kernel BTF", "5.4, CONFIG_DEBUG_INFO_BTF", "programs that fit any kernel")                                      \
	X(RINGBUF, "BPF ring buffer", "5.8, 457f44363a88", "records to the user side")                                          \
	X(SYSCALL_TRACEPOINTS, "sys_enter and sys_exit", "3.2, BTF-typed 5.5", "bytes moved by system calls")                   \
	X(TASK_STORAGE, "task storage from tracing", "5.13, a10787e6d58c", "entry stamps without a hash lookup")                \
	X(RDONLY_CAST, "bpf_rdonly_cast", "6.2, a35b9af4ec2c", "kernel fields by plain loads instead of a helper call each")    \
	X(SOCK_STATE, "inet_sock_set_state", "4.16, 563e0bb0dc74", "connects, their time and failures")                         \
	X(TCP_DESTROY, "tcp_destroy_sock", "4.15, e8fce23946b7", "ends of TCP connections with their final offsets")            \
	X(TCP_RETRANSMIT, "tcp_retransmit_skb", "4.15, e086101b150a", "retransmits when they happen")                           \
	X(TCP_SEND_RESET, "tcp_send_reset", "4.16, c24b14c46bb8", "resets sent")                                                \
	X(TCP_RECEIVE_RESET, "tcp_receive_reset", "4.16, c24b14c46bb8", "resets received")                                      \
	X(SOCK_LENGTH, "sock_send_length, sock_recv_length", "6.3, 6e6eda44b939", "bytes moved by io_uring")                    \
	X(PROCESS_LIFE, "sched_process_fork, _exec, _exit", "2.6, BTF-typed 5.5",                                               \
	  "names of short-lived processes; following forks")                                                                    \
	X(FEXIT, "fentry and fexit of sockets' operations", "5.5, fec56f5890d9", "the cheapest hooks on sockets")               \
	X(KPROBE, "kprobes by perf", "4.17, e12f03d7031a", "hooks on sockets where the others are not to be had")               \
	X(KPROBE_MULTI, "kprobe.multi by function graph", "6.14, 4346ba160409", "returns of kprobes that are never missed")     \
	X(PERF_TRACEPOINTS, "raw_syscalls by perf", "4.7, 98b5c2c65c29", "tracepoints that are never preempted")                \
	X(SEND_PAGE, "sendpage of sockets", "2.6, until 6.4 (2bfc66850952)", "sendfile and splice, which are messages since")   \
	X(MPTCP_CONNECT, "connect of MPTCP by itself", "5.6, until 6.1 (54f1944ed6d2)", "opening of MPTCP, elsewhere as TCP's") \
	X(MPTCP_ACCEPT, "accept of MPTCP by itself", "6.6", "accepted MPTCP connections, before as TCP's")                      \
	X(UPROBE, "uprobes by perf", "4.17, 33ea4b24277b", "plaintext of TLS libraries")                                        \
	X(ATTACH_COOKIE, "cookies of uprobes", "5.15, 7adfc6c9b315",                                                            \
	  "one program at functions of several versions of a library")                                                          \
	X(UPROBE_MULTI, "uprobe.multi", "6.6, 89ae89f53d20; used from 6.12 on", "many uprobes at a time, gone at once")         \
	X(PREEMPT_DISABLE, "bpf_preempt_disable", "6.10, fc7566ad0a82", "programs that no other task comes between")            \
	X(PAGES, "addresses of pages", "x86-64, CONFIG_KALLSYMS_ALL", "payload of sendfile, splice and zero-copy sends")

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

/* What calls a program. */
enum tt_called_by {
	TT_CALLED_BY_TRACEPOINT, /* BTF-typed: preempted since 7.0 (a46023d5616e) */
	TT_CALLED_BY_TRAMPOLINE, /* fentry, fexit: since 5.11 */
	TT_CALLED_BY_PERF,	 /* perf and kprobes: never */
	TT_CALLED_BY_UPROBE,	 /* since 6.0 (8c7dcb84e3b7) */
	TT_CALLED_BY_MAX,
};

struct tt_features {
	bool has[TT_FEATURE_MAX];
	const char *refused[TT_FEATURE_MAX]; /* why a feature that is there is not used; static text; NULL: not so */
	const char *absent[TT_FEATURE_MAX];  /* why it is not there, where it is not the kernel's age or build; static text */
	unsigned major, minor;		     /* of the running kernel, as upstream numbers it */
	/* Programs may be preempted; these must see to it themselves that others do not come between. */
	bool preempted[TT_CALLED_BY_MAX];
	uint64_t page_offset_base; /* addresses of the variables of these names; 0 without TT_FEATURE_PAGES */
	uint64_t vmemmap_base;
};

/*
 * Asks all questions. 0, or -ENOENT without kernel BTF (then nothing else is known, and `absent` says so), -EPERM where the
 * kernel does not answer. `pages`: TT_FEATURE_PAGES, too, for which all symbols of the kernel are read.
 */
int tt_features_probe(struct tt_features *ret, bool pages);

/* The kernel's types, opened once for all who ask, until they are forgotten. What tt_types_open returns. */
struct tt_types;
int tt_kernel_types(const struct tt_types **ret);
void tt_kernel_types_forget(void);

/* Why a feature is not used, in words that stand alone; empty where it is. Returns text. */
const char *tt_feature_why(const struct tt_features *features, enum tt_feature id, char *text, size_t size);

#endif
