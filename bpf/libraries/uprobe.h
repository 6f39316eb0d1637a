/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What programs at a library's functions have in common. */
#ifndef TT_BPF_UPROBE_H
#define TT_BPF_UPROBE_H

#include "lib/args.h"
#include "session.h"

/* Set before load: programs at returns are at the instructions that return. */
const volatile __u32 tt_plain_by_instruction = 0;

#if defined(__TARGET_ARCH_x86)
#define TT_STACK(regs) ((__u64)(regs)->sp)
#define TT_STACK_RETURNED(regs) ((__u64)(regs)->sp - (tt_plain_by_instruction ? 0 : 8)) /* the return address is gone from it */
#else
#define TT_STACK(regs) ((__u64)(regs)->sp)
#define TT_STACK_RETURNED(regs) ((__u64)(regs)->sp)
#endif

/* A Go function's arguments and its goroutine, in the registers of its calling convention since Go 1.17 (ABIInternal). */
#if defined(__TARGET_ARCH_x86)
#define TT_GO_G(regs) ((__u64)(regs)->r14)
#define TT_GO_ARG1(regs) ((__u64)(regs)->ax)
#define TT_GO_ARG2(regs) ((__u64)(regs)->bx)
#define TT_GO_ARG3(regs) ((__u64)(regs)->cx)
#else
#define TT_GO_G(regs) ((__u64)(regs)->regs[28])
#define TT_GO_ARG1(regs) ((__u64)(regs)->regs[0])
#define TT_GO_ARG2(regs) ((__u64)(regs)->regs[1])
#define TT_GO_ARG3(regs) ((__u64)(regs)->regs[2])
#endif

/*
 * Of a process that has probes of its own those count, of any other those that are in all. Where both are, the kernel calls both;
 * and a return probe of one process it calls in every other that has one there.
 */
TT_INLINE bool tt_plain_mine(struct pt_regs *regs)
{
	if (!tt_config.alone)
		return true;
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u32 only = bpf_get_attach_cookie(regs) >> 32;
	bool alone = tt_scope_is(tgid, TT_MARK_ALONE);

	return only ? alone && only == tgid : !alone;
}

/* Since 6.0 (8c7dcb84e3b7) programs of uprobes can be preempted. */
#define TT_UPROBE(name, section, body)                    \
	SEC(section)                                      \
	int name(struct pt_regs *regs)                    \
	{                                                 \
		if (tt_config.preemptible_uprobes)        \
			bpf_preempt_disable();            \
		if (tt_in_scope() && tt_plain_mine(regs)) \
			body;                             \
		if (tt_config.preemptible_uprobes)        \
			bpf_preempt_enable();             \
		return 0;                                 \
	}

/* (session, buffer, size), returns how many bytes; about no bytes: (session). */
#define TT_PLAIN_ENTER(regs, handshake) \
	tt_plain_enter(TT_FUNCTION_ARG1(regs), TT_FUNCTION_ARG2(regs), 0, TT_STACK(regs), handshake)

#endif
