/* SPDX-License-Identifier: Apache-2.0 */
/* The attach part itself: what the forked child does until the other closes its pipe. */
#ifndef TT_ATTACH_PART_H
#define TT_ATTACH_PART_H

#include "attach/attach.h"

/* How a process's facts travel: the strings are ended by 0, the arguments follow. */
struct tt_attach_process {
	uint64_t start_ns;
	uint32_t ppid;
	uint32_t args_len;
	char comm[TT_COMM_LEN];
	char file[256];
	char asked_service[TT_IDENTITY_NAME_LEN];
	char pod[TT_IDENTITY_NAME_LEN];
	char container_id[TT_CONTAINER_ID_LEN];
	char container[TT_IDENTITY_NAME_LEN];
};

/* Packs and unpacks; 0, -ENOBUFS, -ENOMEM, -EBADMSG for bytes no packing made. *ret is freed with tt_proc_free. */
int tt_attach_process_pack(struct tt_buf *to, const struct tt_proc *proc);
int tt_attach_process_unpack(struct tt_span from, struct tt_proc *ret);

/*
 * Does this kernel want CAP_BPF for every bpf(2)? Before 5.19 it does where kernel.unprivileged_bpf_disabled is not 0. Found by
 * trying without it.
 */
bool tt_attach_calls_privileged(struct tt_kernel *k);

/* Drops what it does not need and serves, `ready` (written 0 or a negative errno) being how the start went. Never returns. */
_Noreturn void tt_attach_part(const struct tt_attach_config *config, int in, int out, int ready);

#endif
