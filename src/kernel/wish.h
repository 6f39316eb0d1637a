/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of capture wishes, mapped into both sides: this side writes it, the programs look. Open addressing over a few slots
 * by the socket; where all are taken, the wish written longest ago makes room (it is only an aid, the default capture then
 * serves).
 */
#ifndef TT_KERNEL_WISH_H
#define TT_KERNEL_WISH_H

#include <stddef.h>

#include "shared/kernel.h"

struct tt_wishes {
	struct tt_wish_slot *slots; /* borrowed: the mapping */
	__u32 mask;		    /* slots - 1 */
	__u64 clock;
	__u64 displaced; /* wishes dropped for want of a slot */
};

void tt_wishes_set(struct tt_wishes *w, const struct tt_conn_id *conn, enum tt_direction dir, __u64 from, __u32 bytes);

/* The connection is gone. */
void tt_wishes_forget(struct tt_wishes *w, const struct tt_conn_id *conn);

#endif
