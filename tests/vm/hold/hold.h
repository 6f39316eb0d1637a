/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* What live_hold and its programs agree on. */
#ifndef TT_HOLD_H
#define TT_HOLD_H

enum tt_hold_kind {
	TT_HOLD_NOTHING,
	TT_HOLD_INTERRUPTS, /* a task wakes another: interrupts are off */
	TT_HOLD_SOFTIRQS,   /* a task has sent a packet: softirqs are off, and one was asked for */
	TT_HOLD_RECEIVE,    /* a packet is received: in a softirq */
	/* By the program, without the kernel's help. */
	TT_HOLD_LOCK,	   /* the thread wants a lock */
	TT_HOLD_PROCESSOR, /* another thread of a higher priority runs */
};

/* The one entry of the map: what is wanted, once and of this thread, and then how it was. */
struct tt_hold {
	__u32 kind;
	__u32 tid;
	__u64 ns;
	__u64 began_ns;
	__u64 ended_ns;
};

#endif
