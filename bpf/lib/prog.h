/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a program begins and ends. */
#ifndef TT_BPF_PROG_H
#define TT_BPF_PROG_H

#include "kernel_calls.h"

/*
 * Like BPF_PROG of libbpf, but no other task's program comes between. Since 7.0 tracepoints do not see to that themselves (those
 * of system calls since 7.1 to 7.3): what is kept per CPU (work areas, counts) would be changed under a program that is
 * preempted. Who is to be preempted now is so at the end of the program, which the kernel still counts as running: until that
 * task goes on, others on its CPU miss the program. That is counted (missed_run).
 */
/* clang-format off */
#define TT_PROG(name, args...)                                                         \
	name(unsigned long long *ctx);                                                 \
	static __always_inline int tt_body_##name(unsigned long long *ctx, ##args);    \
	int name(unsigned long long *ctx)                                              \
	{                                                                              \
		_Pragma("GCC diagnostic push")                                         \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")                 \
		if (tt_config.preemptible)                                             \
			bpf_preempt_disable();                                         \
		int ret = tt_body_##name(___bpf_ctx_cast(args));                       \
		if (tt_config.preemptible)                                             \
			bpf_preempt_enable();                                          \
		return ret;                                                            \
		_Pragma("GCC diagnostic pop")                                          \
	}                                                                              \
	static __always_inline int tt_body_##name(unsigned long long *ctx, ##args)
/* clang-format on */

#endif
