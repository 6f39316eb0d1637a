/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel side keeps of a connection, and the records about it. */
#ifndef TT_BPF_CONN_H
#define TT_BPF_CONN_H

#include "ring.h"
#include "sock.h"
#include "task.h"

/* While probes of libraries are in some processes alone. */
enum tt_plain_early {
	TT_EARLY_NOT,
	TT_EARLY,      /* it was there then … */
	TT_EARLY_LOST, /* … and a process has used it of which calls may be missed: nothing of its plaintext is sure */
};

/* One is made on the stack, of which the deepest calls leave nothing free (512 bytes): no byte more. */
struct tt_conn {
	__u64 ino;	  /* from here on as struct tt_conn_head */
	__u64 sampled_ns; /* last layer-4 sample */
	__u8 transport;
	__u8 role;
	__u8 multipath; /* MPTCP: no figures of TCP, no event for its end */
	__u8 reserved;
	__u32 netns; /* the head's reserved2: so far */
	/* Position of the next byte. With `sequence` the low 32 bits are the raw sequence number. One word: it never tears. */
	__u64 next[2];
	__u64 origin[2]; /* position of what is reported as offset 0 */
	__u64 bytes[2];	 /* moved since it was first seen */
	__u64 senders;	 /* senders.h */
	__u64 senders_refused;
	__u64 plain_next[2]; /* offset of the next byte of a library's plaintext */
	__u64 connect_ns;    /* when connect() began; afterwards how long it took */
	__u64 start_ns;	     /* process that opened it or was first seen using it */
	__u64 cgroup_id;
	__u32 tid;
	__u32 tgid;
	/*
	 * What is so or not (1, 0), a byte each: programs in process and in softirq context change them at the same time, and
	 * bits of one word would be lost where two do.
	 */
	__u8 fresh;	 /* nothing reported of it yet */
	__u8 seen_open;	 /* offsets count from the true start */
	__u8 sequence;	 /* offsets come from TCP's sequence numbers */
	__u8 connecting; /* connect() began, no outcome reported */
	__u8 placed[2];	 /* next and origin of the direction are known */
	__u8 fin_sent;	 /* write_seq counts our FIN */
	__u8 ended;	 /* the end of what is received was reported */
	__u8 reset_sent;
	__u8 reset_received;
	__u8 error[2];	     /* last error reported for a direction; all that are (tt_error_matters) fit in */
	__u8 plain_begins;   /* a library's plaintext is counted from its true first byte */
	__u8 plain_keyed[2]; /* with which context the direction's records are sealed or opened is known */
	__u8 plain_early;    /* enum tt_plain_early */
	struct tt_sockaddr local;
	struct tt_sockaddr peer;
};

static_assert(offsetof(struct tt_conn, sampled_ns) == offsetof(struct tt_conn_head, sampled_ns), "the user side looks there");
static_assert(offsetof(struct tt_conn, multipath) == offsetof(struct tt_conn_head, multipath), "the user side looks there");
static_assert(offsetof(struct tt_conn, transport) == offsetof(struct tt_conn_head, transport), "the user side looks there");

/* Sized at load (limit kernel_connections). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct tt_conn);
} tt_conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_listener);
	__type(value, __u32);
} tt_listeners SEC(".maps");

/* Begins a position that is not known from the start: far from 0, so that what came before it stays positive. */
#define TT_ORIGIN_UNKNOWN (1ull << 32)

#define TT_EEXIST 17
#define TT_ECANCELED 125

TT_INLINE void tt_conn_record_fill(struct tt_conn_record *r, enum tt_record_type type, __u64 sock, const struct tt_conn *conn)
{
	r->rec.type = type;
	r->rec.version = TT_RECORD_VERSION;
	r->rec.reserved = 0;
	r->rec.tid = conn->tid;
	r->rec.tgid = conn->tgid;
	r->rec.start_ns = conn->start_ns;
	r->rec.cgroup_id = conn->cgroup_id;
	r->conn.sock = sock;
	r->conn.ino = conn->ino;
	r->local = conn->local;
	r->peer = conn->peer;
	r->netns = conn->netns;
	r->transport = conn->transport;
	r->role = conn->role;
	r->flags = TT_CONN_OFFSETS | conn->seen_open * TT_CONN_SEEN_OPEN | conn->reset_received * TT_CONN_RESET_RECEIVED |
		   conn->reset_sent * TT_CONN_RESET_SENT | conn->fin_sent * TT_CONN_FIN_SENT;
	r->error = 0;
	r->rtt_us = 0;
	r->rtt_var_us = 0;
	r->retransmits = 0;
	r->connect_ns = conn->connecting ? 0 : conn->connect_ns;
	r->tx_offset = (conn->next[TT_TX] - conn->origin[TT_TX]) * conn->placed[TT_TX];
	r->rx_offset = (conn->next[TT_RX] - conn->origin[TT_RX]) * conn->placed[TT_RX];
	r->tx_bytes = conn->bytes[TT_TX];
	r->rx_bytes = conn->bytes[TT_RX];
}

TT_INLINE void tt_conn_record_tcp(struct tt_conn_record *r, struct sock *sk)
{
	r->rtt_us = TT_READ(struct tcp_sock, sk, srtt_us) >> 3;
	r->rtt_var_us = TT_READ(struct tcp_sock, sk, mdev_us) >> 2;
	r->retransmits = TT_READ(struct tcp_sock, sk, total_retrans);
	r->flags |= TT_CONN_TCP_INFO;
}

/* The whole position of a raw sequence number near the one the connection is at. */
TT_INLINE __u64 tt_conn_unwrap(const struct tt_conn *conn, __u8 direction, __u32 sequence)
{
	__u64 next = conn->next[direction];

	return next + (__s64)(__s32)(sequence - (__u32)next);
}

/* So far the socket is. A direction never placed moved nothing that was seen. */
TT_INLINE void tt_conn_reaches(struct tt_conn *conn, __u8 direction, __u32 sequence)
{
	if (conn->placed[direction] && (__s32)(sequence - (__u32)conn->next[direction]) > 0)
		conn->next[direction] = tt_conn_unwrap(conn, direction, sequence);
}

/* Nothing is sent on it any more. */
TT_INLINE void tt_conn_sent_all(struct tt_conn *conn, struct sock *sk)
{
	if (conn->sequence)
		tt_conn_reaches(conn, TT_TX, TT_READ(struct tcp_sock, sk, write_seq) - conn->fin_sent);
}

/*
 * Its program disconnected it, by connect() with AF_UNSPEC or by a close() that resets: that moves what is sent on by a window
 * and takes what was not read as read.
 */
TT_INLINE bool tt_conn_is_disconnected(struct sock *sk)
{
	return !TT_READ(struct sock, sk, __sk_common.skc_dport);
}

/* Sets the position of a direction; from_start: nothing was moved before it. */
TT_INLINE void tt_conn_place(struct tt_conn *conn, __u8 direction, __u32 sequence, bool from_start)
{
	conn->origin[direction] = from_start ? TT_ORIGIN_UNKNOWN | sequence : sequence;
	conn->next[direction] = TT_ORIGIN_UNKNOWN | sequence;
	conn->placed[direction] = 1;
}

/* Its first byte in both directions is the next one; of what is sent the call that opened it may have told it already. */
TT_INLINE void tt_conn_begins(struct tt_conn *conn, struct sock *sk)
{
	if (!conn->seen_open || !conn->placed[TT_TX])
		tt_conn_place(conn, TT_TX, conn->sequence ? tt_sequence(sk, TT_TX) : 0, true);
	conn->seen_open = 1;
	conn->fresh = 0;
	tt_conn_place(conn, TT_RX, conn->sequence ? tt_sequence(sk, TT_RX) : 0, true);
}

/* Its socket is one of TCP itself, from which its figures can be read. */
TT_INLINE bool tt_conn_has_figures(const struct tt_conn *conn)
{
	return conn->transport == TT_TRANSPORT_TCP && !conn->multipath;
}

/* Finds the connection in any context. */
TT_INLINE struct tt_conn *tt_conn_find(__u64 sock)
{
	return bpf_map_lookup_elem(&tt_conns, &sock);
}

/*
 * What follows is off the common way and large, so each is a function of its own, which the verifier proves once. They take the
 * socket and not the state, because such functions take plain numbers only.
 */

/* Reports the connection's end with its final offsets and forgets it. with_tcp: the socket is still whole. */
__noinline int tt_conn_end(__u64 sock, __u32 with_tcp)
{
	struct sock *sk = (struct sock *)sock;
	struct tt_conn *conn = tt_conn_find(sock);
	struct tt_conn_record r = {};

	if (!conn)
		return 0;
	if (with_tcp && conn->sequence && !tt_conn_is_disconnected(sk)) {
		__u32 copied = TT_READ(struct tcp_sock, sk, copied_seq);

		tt_conn_sent_all(conn, sk);
		tt_conn_reaches(conn, TT_RX, copied - tt_fin_was_read(sk, copied));
	}
	tt_conn_record_fill(&r, TT_REC_CLOSE, sock, conn);
	if (with_tcp) {
		tt_conn_record_tcp(&r, sk);
		r.error = TT_READ(struct sock, sk, sk_err);
	}
	tt_control_submit(&r.rec, sizeof(r));
	bpf_map_delete_elem(&tt_conns, &sock);
	return 0;
}

/* The opening, or the failure to open, which also forgets it. `error` is a positive errno or 0. */
__noinline int tt_conn_opened(__u64 sock, __u32 error)
{
	struct tt_conn *conn = tt_conn_find(sock);
	struct tt_conn_record r = {};

	if (!conn)
		return 0;
	conn->sampled_ns = bpf_ktime_get_ns();
	tt_conn_record_fill(&r, TT_REC_OPEN, sock, conn);
	if (error) {
		r.error = error;
		r.flags |= TT_CONN_CONNECT_FAILED;
	}
	if (tt_conn_has_figures(conn))
		tt_conn_record_tcp(&r, (struct sock *)sock);
	tt_control_submit(&r.rec, sizeof(r));
	if (error)
		bpf_map_delete_elem(&tt_conns, &sock);
	return 0;
}

/* Reads the addresses again, where they may have become others. */
__noinline int tt_conn_readdress(__u64 sock)
{
	struct tt_conn *conn = tt_conn_find(sock);

	if (conn)
		tt_addresses((struct sock *)sock, &conn->local, &conn->peer);
	return 0;
}

/* The socket goes: its end, or, where nothing had come of connect() yet, that it was given up. */
__noinline int tt_conn_gone(__u64 sock, __u32 with_tcp)
{
	struct tt_conn *conn = tt_conn_find(sock);

	if (!conn)
		return 0;
	if (!conn->connecting) {
		tt_conn_end(sock, with_tcp);
		return 0;
	}
	if (!conn->multipath && !TT_READ(struct sock, (struct sock *)sock, __sk_common.skc_dport)) {
		bpf_map_delete_elem(&tt_conns, &sock); /* TCP Fast Open is switched off: nothing was tried */
		return 0;
	}
	conn->connecting = 0;
	tt_conn_readdress(sock);
	tt_conn_opened(sock, TT_ECANCELED);
	return 0;
}

/* A sample of its figures. */
__noinline int tt_conn_sample(__u64 sock)
{
	struct tt_conn *conn = tt_conn_find(sock);
	struct tt_conn_record r = {};

	if (!conn)
		return 0;
	conn->sampled_ns = bpf_ktime_get_ns();
	tt_conn_record_fill(&r, TT_REC_L4, sock, conn);
	if (tt_conn_has_figures(conn))
		tt_conn_record_tcp(&r, (struct sock *)sock);
	tt_control_submit(&r.rec, sizeof(r));
	return 0;
}

TT_INLINE __u8 tt_role_by_listener(__u32 netns, const struct tt_sockaddr *local, const struct tt_sockaddr *peer)
{
	struct tt_listener key = {.netns = netns, .port = local->port};

	if (bpf_map_lookup_elem(&tt_listeners, &key))
		return TT_ROLE_SERVER;
	key.port = peer->port;
	return bpf_map_lookup_elem(&tt_listeners, &key) ? TT_ROLE_CLIENT : TT_ROLE_UNKNOWN;
}

/* Begins to keep the state of a socket the current task uses. */
__noinline int tt_conn_make(__u64 sock, __u64 ino, __u32 transport)
{
	struct sock *sk = (struct sock *)sock;
	struct tt_conn fresh = {};

	__u64 id = bpf_get_current_pid_tgid();
	fresh.ino = ino;
	fresh.fresh = 1;
	fresh.next[TT_TX] = TT_ORIGIN_UNKNOWN;
	fresh.next[TT_RX] = TT_ORIGIN_UNKNOWN;
	fresh.transport = transport;
	fresh.plain_early = tt_config.alone && tt_self.plaintext_alone != TT_ALONE_NOT ? TT_EARLY : TT_EARLY_NOT;
	fresh.tid = (__u32)id;
	fresh.tgid = id >> 32;
	fresh.start_ns = tt_task_start_here();
	fresh.cgroup_id = bpf_get_current_cgroup_id();
	fresh.netns = tt_sock_netns(sk);
	tt_addresses(sk, &fresh.local, &fresh.peer);
	if (transport == TT_TRANSPORT_UDP && !fresh.peer.port) /* not connected: each datagram says */
		__builtin_memset(&fresh.peer, 0, sizeof(fresh.peer));
	if (transport == TT_TRANSPORT_TCP) {
		fresh.role = tt_role_by_listener(fresh.netns, &fresh.local, &fresh.peer);
		fresh.sequence = tt_sock_has_sequence(sk);
		fresh.multipath = tt_sock_is_multipath(sk);
		fresh.fin_sent = tt_fin_was_sent(sk);
	}
	/* Another thread that uses it for the first time, too, may have been quicker: its state is kept. */
	long r = bpf_map_update_elem(&tt_conns, &sock, &fresh, BPF_NOEXIST);
	if (r && r != -TT_EEXIST)
		tt_failed(TT_PLACE_CONN_UPDATE);
	return 0;
}

/*
 * What its ends are bound to, whole: the addresses in other records have room for 16 bytes only. Too large for the stack. Nothing
 * is said of ends that have no name, as those of a socketpair().
 */
__noinline int tt_conn_names(__u64 sock, __u64 ino)
{
	struct sock *sk = (struct sock *)sock;
	struct tt_kernel_counters *c = tt_counters_here();
	struct sock *other = TT_READ(struct unix_sock, sk, peer);
	__u64 outer;
	int len;

	if (!c || (!tt_unix_name(sk, &len) && !(other && tt_unix_name(other, &len))))
		return 0;
	__u64 now = tt_control_begin(c, &outer);
	__sync_fetch_and_add(&c->control.produced, 1);
	struct tt_unix_record *r = bpf_ringbuf_reserve(&tt_control_ring, sizeof(*r), 0);
	if (r) {
		__builtin_memset(r, 0, sizeof(*r));
		r->rec.type = TT_REC_UNIX;
		r->rec.version = TT_RECORD_VERSION;
		r->rec.len = sizeof(*r);
		r->rec.time_ns = now;
		r->conn.sock = sock;
		r->conn.ino = ino;
		r->local_len = tt_unix_path(sk, r->local);
		if (other)
			r->peer_len = tt_unix_path(other, r->peer);
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	} else {
		__sync_fetch_and_add(&c->control.lost[TT_LOSS_CONTROL_FULL], 1);
	}
	tt_control_end(c, outer);
	return 0;
}

/* The state of a socket the current task uses; NULL: no room for one. */
TT_INLINE struct tt_conn *tt_conn_get(const struct tt_found *found, __u8 transport)
{
	__u64 sock = (__u64)found->sk;
	struct tt_conn *conn = tt_conn_find(sock);

	if (conn && conn->ino == found->ino)
		return conn;
	if (conn) /* of a socket that is gone, whose memory this one has */
		tt_conn_end(sock, false);
	tt_conn_make(sock, found->ino, transport);
	if (transport == TT_TRANSPORT_UNIX)
		tt_conn_names(sock, found->ino);
	return tt_conn_find(sock);
}

#endif
