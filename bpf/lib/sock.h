/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a descriptor to the socket, and what can be read of it. */
#ifndef TT_BPF_SOCK_H
#define TT_BPF_SOCK_H

#include "compat.h"
#include "scope.h"

#define TT_S_IFMT 0170000
#define TT_S_IFSOCK 0140000
#define TT_SOCK_STREAM 1
#define TT_SOCK_DGRAM 2
#define TT_SOCK_SEQPACKET 5
#define TT_IPPROTO_TCP 6
#define TT_IPPROTO_UDP 17
#define TT_IPPROTO_MPTCP 262

enum tt_tcp_state {
	TT_TCP_ESTABLISHED = 1,
	TT_TCP_SYN_SENT = 2,
	TT_TCP_FIN_WAIT1 = 4,
	TT_TCP_FIN_WAIT2 = 5,
	TT_TCP_CLOSE = 7,
	TT_TCP_LAST_ACK = 9,
	TT_TCP_CLOSING = 11,
};

struct tt_found {
	__u64 file;
	struct sock *sk;
	__u64 ino;
};

/* The file a descriptor of the current task means now; 0: none. */
TT_INLINE __u64 tt_file_of(struct files_struct *files, __u32 fd)
{
	struct fdtable *table = TT_READ_TYPED(struct files_struct, files, fdt);

	if (!table || fd >= TT_READ_TYPED(struct fdtable, table, max_fds))
		return 0;
	return tt_read_word((const char *)TT_READ_TYPED(struct fdtable, table, fd) + (__u64)fd * sizeof(__u64));
}

TT_INLINE struct files_struct *tt_files_here(void)
{
	return TT_READ_HERE(files);
}

/* Another thread (or a child made with CLONE_FILES) could change what a descriptor means. */
TT_INLINE bool tt_files_shared(struct files_struct *files)
{
	return TT_READ_TYPED(struct files_struct, files, count.counter) > 1;
}

/* The sock of a socket, as a plain number: it goes into maps and functions. */
TT_INLINE __u64 tt_sock_in(struct socket *socket)
{
	return tt_read_word((const char *)socket + bpf_core_field_offset(struct socket, sk));
}

/* The socket a file is. False: it is none, or is just being released. */
TT_INLINE bool tt_sock_of(__u64 file, struct tt_found *ret)
{
	struct inode *inode = TT_READ(struct file, file, f_inode);

	if (!inode || (TT_READ(struct inode, inode, i_mode) & TT_S_IFMT) != TT_S_IFSOCK)
		return false;
	struct socket *socket = TT_READ(struct file, file, private_data);
	if (!socket)
		return false;
	ret->file = file;
	ret->ino = TT_READ(struct inode, inode, i_ino);
	ret->sk = (struct sock *)tt_sock_in(socket);
	return ret->sk != NULL;
}

/* TT_TRANSPORT_UNKNOWN: none of ours (netlink, packet, vsock, …). */
TT_INLINE __u8 tt_transport_by(__u16 family, __u16 type, __u16 protocol)
{
	if (family == TT_FAMILY_UNIX)
		return type == TT_SOCK_STREAM ? TT_TRANSPORT_UNIX : TT_TRANSPORT_UNIX_DGRAM;
	if (family != TT_FAMILY_INET && family != TT_FAMILY_INET6)
		return TT_TRANSPORT_UNKNOWN;
	if (type == TT_SOCK_STREAM && (protocol == TT_IPPROTO_TCP || protocol == TT_IPPROTO_MPTCP))
		return TT_TRANSPORT_TCP;
	return protocol == TT_IPPROTO_UDP ? TT_TRANSPORT_UDP : TT_TRANSPORT_UNKNOWN;
}

TT_INLINE __u8 tt_transport_of(struct sock *sk)
{
	return tt_transport_by(TT_READ(struct sock, sk, __sk_common.skc_family), TT_READ(struct sock, sk, sk_type),
			       TT_READ(struct sock, sk, sk_protocol));
}

/* Made by the kernel for itself: of a network file system, of RPC, and of others that work in a program's context. */
TT_INLINE bool tt_sock_is_kernels(struct sock *sk)
{
	return TT_READ_BITS(struct sock, sk, sk_kern_sock);
}

/* The protocol's own socket, over one of TCP for each path. */
TT_INLINE bool tt_sock_is_multipath(struct sock *sk)
{
	return TT_READ(struct sock, sk, sk_protocol) == TT_IPPROTO_MPTCP;
}

/* The raw sequence numbers are stream offsets: not so for MPTCP and kernel TLS (or another upper layer protocol). */
TT_INLINE bool tt_sock_has_sequence(struct sock *sk)
{
	return TT_READ(struct sock, sk, sk_protocol) == TT_IPPROTO_TCP && !TT_READ(struct inet_connection_sock, sk, icsk_ulp_ops);
}

/*
 * Programs of a sockmap stand between the socket and TCP: what they redirect moves no sequence, or another socket's. (What else
 * keeps something there has no program that reads and writes.)
 */
TT_INLINE bool tt_sock_is_redirected(struct sock *sk)
{
	return TT_READ(struct sock, sk, sk_user_data) != NULL;
}

/* Its SYN asked for TCP Fast Open. */
TT_INLINE bool tt_sock_opened_fast(struct sock *sk)
{
	return bpf_core_field_exists(((struct tcp_sock *)0)->syn_fastopen) && TT_READ_BITS(struct tcp_sock, sk, syn_fastopen);
}

/* No program has it any more. */
TT_INLINE bool tt_sock_is_orphan(struct sock *sk)
{
	return !TT_READ(struct sock, sk, sk_socket);
}

TT_INLINE __u32 tt_sequence(struct sock *sk, __u8 direction)
{
	return direction == TT_TX ? TT_READ(struct tcp_sock, sk, write_seq) : TT_READ(struct tcp_sock, sk, copied_seq);
}

/* Of a socket's flags: the peer's FIN has come (tcp_fin). */
TT_INLINE bool tt_fin_has_come(__u64 flags)
{
	return flags & 1ull << bpf_core_enum_value(enum sock_flags, SOCK_DONE);
}

/* The peer's FIN was taken with or behind the last byte, which moved copied_seq by one more. */
TT_INLINE bool tt_fin_was_read(struct sock *sk, __u32 copied)
{
	return tt_fin_has_come(TT_READ(struct sock, sk, __sk_common.skc_flags)) &&
	       TT_READ(struct tcp_sock, sk, rcv_nxt) == copied;
}

/* Our FIN is in the sequence of what was sent. Of a socket that is closed altogether it is not known. */
TT_INLINE bool tt_fin_was_sent(struct sock *sk)
{
	const __u32 sent = 1 << TT_TCP_FIN_WAIT1 | 1 << TT_TCP_FIN_WAIT2 | 1 << TT_TCP_CLOSING | 1 << TT_TCP_LAST_ACK;

	return sent >> (TT_READ(struct sock, sk, __sk_common.skc_state) & 31) & 1;
}

/* How far TCP is in one direction, once a call has moved its bytes. */
struct tt_view {
	bool has_sequence; /* false: the others say nothing */
	bool fin_read;	   /* tt_fin_was_read */
	__u32 sequence;
};

TT_INLINE void tt_view_take(struct sock *sk, __u8 direction, bool has_sequence, struct tt_view *ret)
{
	ret->has_sequence = has_sequence;
	if (!has_sequence)
		return;
	ret->sequence = tt_sequence(sk, direction);
	ret->fin_read = direction == TT_RX && tt_fin_was_read(sk, ret->sequence);
}

TT_INLINE __u32 tt_sock_netns(struct sock *sk)
{
	struct net *net = TT_READ(struct sock, sk, __sk_common.skc_net.net);

	return TT_READ(struct net, net, ns.inum);
}

/* IPv4 in IPv6 (::ffff:0:0/96) is told as IPv4, so that both ends of a connection name it alike. */
TT_INLINE void tt_address_set(struct tt_sockaddr *ret, __u16 port, __u32 scope, __u32 a, __u32 b, __u32 c, __u32 d)
{
	__u32 *words = (__u32 *)ret->addr;
	bool mapped = !a && !b && c == bpf_htonl(0xffff);

	ret->port = port;
	ret->family = mapped ? TT_FAMILY_INET : TT_FAMILY_INET6;
	ret->scope = mapped ? 0 : scope;
	words[0] = mapped ? d : a;
	words[1] = mapped ? 0 : b;
	words[2] = mapped ? 0 : c;
	words[3] = mapped ? 0 : d;
}

TT_INLINE void tt_address_set4(struct tt_sockaddr *ret, __u16 port, __u32 address)
{
	__u32 *words = (__u32 *)ret->addr;

	ret->family = TT_FAMILY_INET;
	ret->port = port;
	ret->scope = 0;
	words[0] = address;
	words[1] = 0;
	words[2] = 0;
	words[3] = 0;
}

#define TT_READ_IN6(sk, field, i) TT_READ(struct sock, sk, __sk_common.field.in6_u.u6_addr32[i])

TT_INLINE void tt_inet_addresses(struct sock *sk, __u16 family, struct tt_sockaddr *local, struct tt_sockaddr *peer)
{
	__u16 local_port = TT_READ(struct sock, sk, __sk_common.skc_num);
	__u16 peer_port = bpf_ntohs(TT_READ(struct sock, sk, __sk_common.skc_dport));

	if (family == TT_FAMILY_INET) {
		tt_address_set4(local, local_port, TT_READ(struct sock, sk, __sk_common.skc_rcv_saddr));
		tt_address_set4(peer, peer_port, TT_READ(struct sock, sk, __sk_common.skc_daddr));
		return;
	}
	__u32 scope = TT_READ(struct sock, sk, __sk_common.skc_bound_dev_if);
	tt_address_set(local, local_port, scope, TT_READ_IN6(sk, skc_v6_rcv_saddr, 0), TT_READ_IN6(sk, skc_v6_rcv_saddr, 1),
		       TT_READ_IN6(sk, skc_v6_rcv_saddr, 2), TT_READ_IN6(sk, skc_v6_rcv_saddr, 3));
	tt_address_set(peer, peer_port, scope, TT_READ_IN6(sk, skc_v6_daddr, 0), TT_READ_IN6(sk, skc_v6_daddr, 1),
		       TT_READ_IN6(sk, skc_v6_daddr, 2), TT_READ_IN6(sk, skc_v6_daddr, 3));
}

/* Where the name begins that a Unix socket is bound to, and how long it is; NULL: to none. */
TT_INLINE const char *tt_unix_name(struct sock *sk, int *ret_len)
{
	struct unix_address *address = TT_READ(struct unix_sock, sk, addr);

	if (!address)
		return NULL;
	*ret_len = TT_READ(struct unix_address, address, len) - 2;
	return *ret_len <= 0 ? NULL
			     : (const char *)address + bpf_core_field_offset(struct unix_address, name) +
				       bpf_core_field_offset(struct sockaddr_un, sun_path);
}

/* Copies the whole of that name; returns its length. */
TT_INLINE __u16 tt_unix_path(struct sock *sk, char *ret)
{
	int len = 0;
	const char *name = tt_unix_name(sk, &len);

	if (!name)
		return 0;
	if (len > TT_UNIX_PATH_LEN)
		len = TT_UNIX_PATH_LEN;
	TT_BOUND(len, 127);
	if (len > TT_UNIX_PATH_LEN || bpf_probe_read_kernel(ret, len, name)) {
		tt_failed(TT_PLACE_KERNEL_READ);
		return 0;
	}
	return len;
}

/* The first bytes of the name a Unix socket is bound to, and the low half of its inode number: by it two ends meet. */
TT_INLINE void tt_unix_address(struct sock *sk, struct tt_sockaddr *ret)
{
	struct socket *socket = TT_READ(struct sock, sk, sk_socket);

	__builtin_memset(ret, 0, sizeof(*ret));
	ret->family = TT_FAMILY_UNIX;
	if (socket) /* NULL until accept() */
		ret->scope = (__u32)TT_READ(struct socket_alloc, socket, vfs_inode.i_ino);
	int len = 0;
	const char *path = tt_unix_name(sk, &len);
	if (!path)
		return;
	if (len > (int)sizeof(ret->addr))
		len = sizeof(ret->addr);
	TT_BOUND(len, 31);
	if (len > (int)sizeof(ret->addr) || bpf_probe_read_kernel(ret->addr, len, path))
		tt_failed(TT_PLACE_KERNEL_READ);
}

TT_INLINE void tt_addresses(struct sock *sk, struct tt_sockaddr *local, struct tt_sockaddr *peer)
{
	__u16 family = TT_READ(struct sock, sk, __sk_common.skc_family);

	if (family != TT_FAMILY_UNIX) {
		tt_inet_addresses(sk, family, local, peer);
		return;
	}
	tt_unix_address(sk, local);
	struct sock *other = TT_READ(struct unix_sock, sk, peer);
	if (other)
		tt_unix_address(other, peer);
	else
		peer->family = TT_FAMILY_UNIX;
}

#endif
