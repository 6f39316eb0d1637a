/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is remembered of a call from its entry to its exit: one a thread. */
#ifndef TT_BPF_STAMP_H
#define TT_BPF_STAMP_H

#include "sock.h"

struct tt_stamp {
	__u64 entry_ns; /* 0: not asked for */
	__u64 file;
	__u64 sock;
	__u64 ino;
	__u32 number; /* TT_STAMP_NONE: taken already */
	__u32 fd;
	__u32 argument; /* the second one, to tell this call from another */
	__u32 sequence;
	__u64 used;    /* socket the kernel said the call used, where it says so; 0: not known */
	__u64 message; /* of a socket's operation: its other arguments */
	__u64 size;
	__u8 direction;
	__u8 has_sequence;
	__u8 transport;
	__u8 reserved[5];
};

#define TT_STAMP_NONE 0xffffffffu

/* Since 5.13 (a10787e6d58c) tracing programs may use task storage; it goes with its task. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tt_stamp);
} tt_stamps SEC(".maps");

/* Before: by thread id, deleted at the thread's exit. Sized at load. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_stamp);
} tt_stamps_by_tid SEC(".maps");

/* Where to put this call's stamp; NULL: no room. */
TT_INLINE struct tt_stamp *tt_stamp_place(void)
{
	if (tt_config.has_task_storage)
		return bpf_task_storage_get(&tt_stamps, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	__u32 tid = bpf_get_current_pid_tgid();
	struct tt_stamp *stamp = bpf_map_lookup_elem(&tt_stamps_by_tid, &tid);
	if (!stamp) {
		struct tt_stamp empty = {.number = TT_STAMP_NONE};

		bpf_map_update_elem(&tt_stamps_by_tid, &tid, &empty, BPF_NOEXIST);
		stamp = bpf_map_lookup_elem(&tt_stamps_by_tid, &tid);
	}
	return stamp;
}

TT_INLINE struct tt_stamp *tt_stamp_find(void)
{
	if (tt_config.has_task_storage)
		return bpf_task_storage_get(&tt_stamps, bpf_get_current_task_btf(), 0, 0);

	__u32 tid = bpf_get_current_pid_tgid();
	return bpf_map_lookup_elem(&tt_stamps_by_tid, &tid);
}

/* This call's stamp, once; NULL if its entry left none. */
TT_INLINE struct tt_stamp *tt_stamp_take(__u32 number, __u32 fd, __u32 argument)
{
	struct tt_stamp *stamp = tt_stamp_find();

	if (!stamp || stamp->number != number)
		return NULL;
	stamp->number = TT_STAMP_NONE;
	return stamp->fd == fd && stamp->argument == argument ? stamp : NULL;
}

#endif
