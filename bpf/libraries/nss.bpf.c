// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * NSS, whose plaintext goes through functions of NSPR that all descriptors go through, files too. Those it was given
 * (SSL_ImportFD puts it into the descriptor itself, whose address stays) are marked as sessions whose socket is not known yet; no
 * other is looked at.
 */
#include "lib/prog.h"
#include "libraries/uprobe.h"

#define TT_PR_MSG_PEEK 0x2

TT_INLINE struct tt_plain_key tt_nss_key(__u64 descriptor)
{
	return (struct tt_plain_key){.session = descriptor, .tgid = bpf_get_current_pid_tgid() >> 32};
}

TT_INLINE bool tt_nss_known(__u64 descriptor)
{
	struct tt_plain_key key = tt_nss_key(descriptor);

	return bpf_map_lookup_elem(&tt_plain_sessions, &key);
}

TT_INLINE void tt_nss_mark(__u64 descriptor)
{
	struct tt_plain_key key = tt_nss_key(descriptor);
	struct tt_conn_id none = {.sock = TT_PLAIN_WAITS}; /* for the first that is used: it has no side to look for a hello by */

	if (descriptor && bpf_map_update_elem(&tt_plain_sessions, &key, &none, BPF_ANY))
		tt_failed(TT_PLACE_CONN_UPDATE);
}

TT_INLINE void tt_nss_begin(struct pt_regs *regs)
{
	if (tt_nss_known(TT_FUNCTION_ARG1(regs)))
		TT_PLAIN_ENTER(regs, 0);
}

/* What is only looked at comes again. */
TT_INLINE void tt_nss_begin_recv(struct pt_regs *regs)
{
	if (!(TT_FUNCTION_ARG4(regs) & TT_PR_MSG_PEEK))
		tt_nss_begin(regs);
}

/* A descriptor NSS was given before it was looked at becomes known by this. Nothing but the session is said of the call. */
TT_INLINE void tt_nss_handshake_begin(struct pt_regs *regs)
{
	if (!tt_nss_known(TT_FUNCTION_ARG1(regs)))
		tt_nss_mark(TT_FUNCTION_ARG1(regs));
	tt_plain_enter(TT_FUNCTION_ARG1(regs), 0, 0, TT_STACK(regs), 1);
}

TT_UPROBE(tt_nss_import, "uprobe", tt_nss_mark(TT_FUNCTION_ARG2(regs)))
TT_UPROBE(tt_nss_move, "uprobe", tt_nss_begin(regs))
TT_UPROBE(tt_nss_recv, "uprobe", tt_nss_begin_recv(regs))
TT_UPROBE(tt_nss_handshake, "uprobe", tt_nss_handshake_begin(regs))
TT_UPROBE(tt_nss_sent, "uretprobe", tt_plain_exit(TT_STACK_RETURNED(regs), TT_TX, TT_ORIGIN_NSS, (__s32)TT_RETURNED(regs)))
TT_UPROBE(tt_nss_received, "uretprobe", tt_plain_exit(TT_STACK_RETURNED(regs), TT_RX, TT_ORIGIN_NSS, (__s32)TT_RETURNED(regs)))
TT_UPROBE(tt_nss_returned, "uretprobe", tt_plain_exit(TT_STACK_RETURNED(regs), TT_TX, TT_ORIGIN_NSS, 0))
TT_UPROBE(tt_nss_end, "uprobe", tt_plain_end(TT_FUNCTION_ARG1(regs)))
