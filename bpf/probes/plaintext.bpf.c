// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Functions of TLS libraries, by uprobe and uretprobe. One set of programs a library, so that a chunk can say where it comes from
 * also before programs had cookies (5.15); src/kernel/libraries.c says which function each is attached to.
 */
#include "lib/plaintext.h"
#include "lib/args.h"
#include "lib/prog.h"

#if defined(__TARGET_ARCH_x86)
#define TT_STACK(regs) ((__u64)(regs)->sp)
#define TT_STACK_RETURNED(regs) ((__u64)(regs)->sp - 8) /* the return address is gone from it */
#else
#define TT_STACK(regs) ((__u64)(regs)->sp)
#define TT_STACK_RETURNED(regs) ((__u64)(regs)->sp)
#endif

/* Since 6.0 (8c7dcb84e3b7) programs of uprobes can be preempted. */
#define TT_UPROBE(name, section, body)             \
	SEC(section)                               \
	int name(struct pt_regs *regs)             \
	{                                          \
		if (tt_config.preemptible_uprobes) \
			bpf_preempt_disable();     \
		if (tt_in_scope())                 \
			body;                      \
		if (tt_config.preemptible_uprobes) \
			bpf_preempt_enable();      \
		return 0;                          \
	}

/* (session, buffer, size), returns how many bytes, or (session, buffer, size, &moved), returns 1; about no bytes: (session). */
#define TT_PLAIN_ENTER(regs, handshake) \
	tt_plain_enter(TT_FUNCTION_ARG1(regs), TT_FUNCTION_ARG2(regs), 0, TT_STACK(regs), handshake)
#define TT_PLAIN_ENTER_EX(regs) \
	tt_plain_enter(TT_FUNCTION_ARG1(regs), TT_FUNCTION_ARG2(regs), TT_FUNCTION_ARG4(regs), TT_STACK(regs), 0)

#define TT_PLAIN_LIBRARY(library, origin)                                                                         \
	TT_UPROBE(tt_##library##_move, "uprobe", TT_PLAIN_ENTER(regs, 0))                                         \
	TT_UPROBE(tt_##library##_move_ex, "uprobe", TT_PLAIN_ENTER_EX(regs))                                      \
	TT_UPROBE(tt_##library##_handshake, "uprobe", TT_PLAIN_ENTER(regs, 1))                                    \
	TT_UPROBE(tt_##library##_sent, "uretprobe",                                                               \
		  tt_plain_exit(TT_STACK_RETURNED(regs), TT_TX, origin, (__s32)TT_RETURNED(regs)))                \
	TT_UPROBE(tt_##library##_received, "uretprobe",                                                           \
		  tt_plain_exit(TT_STACK_RETURNED(regs), TT_RX, origin, (__s32)TT_RETURNED(regs)))                \
	TT_UPROBE(tt_##library##_returned, "uretprobe", tt_plain_exit(TT_STACK_RETURNED(regs), TT_TX, origin, 0)) \
	TT_UPROBE(tt_##library##_end, "uprobe", tt_plain_end(TT_FUNCTION_ARG1(regs)))

TT_PLAIN_LIBRARY(openssl, TT_ORIGIN_OPENSSL)
TT_PLAIN_LIBRARY(gnutls, TT_ORIGIN_GNUTLS)
