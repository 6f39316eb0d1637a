// SPDX-License-Identifier: Apache-2.0
/* Connections that ended without an event the programs could see. */
#include <bpf/bpf.h>

#include "base/now.h"
#include "kernel/internal.h"
#include "probes.skel.h"

/*
 * One socket for datagrams may have many peers, of which the user side forgets each by itself: while it is in use, which shows
 * because it is then sampled every TT_SAMPLE_NS, it stays.
 */
static bool unused(const struct tt_conn_head *head)
{
	if (head->transport == TT_TRANSPORT_UDP || head->transport == TT_TRANSPORT_UNIX_DGRAM)
		return tt_now_ns() - head->sampled_ns > 2 * TT_SAMPLE_NS;
	return head->transport == TT_TRANSPORT_UNIX || head->multipath;
}

void tt_kernel_forget_socket(struct tt_kernel *k, const struct tt_conn_id *conn)
{
	union {
		struct tt_conn_head head;
		uint8_t whole[512];
	} value;

	if (!k->skel)
		return;
	int map = bpf_map__fd(k->skel->maps.tt_conns);
	if (bpf_map__value_size(k->skel->maps.tt_conns) > sizeof(value) || bpf_map_lookup_elem(map, &conn->sock, &value) < 0)
		return;
	if (value.head.ino == conn->ino && unused(&value.head))
		(void)bpf_map_delete_elem(map, &conn->sock);
}

void tt_kernel_forget(struct tt_kernel *k, const struct tt_conn_id *conn, bool closed)
{
	if (!k->skel || k->stopped_ns)
		return;
	tt_wishes_forget(k->wishes, conn);
	tt_wishes_forget(k->wishes, &(struct tt_conn_id){.sock = conn->sock | 1, .ino = conn->ino});
	if (closed)
		return;
	if (k->remote)
		k->remote->forget(k->remote_ctx, conn);
	else
		tt_kernel_forget_socket(k, conn);
}
