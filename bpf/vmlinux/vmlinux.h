/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types and fields these programs use, and no others. Kept by hand: every access is relocated when the programs are
 * loaded (CO-RE), so order, size and what else the kernel has in a struct do not matter; names and types do.
 */
#ifndef TT_VMLINUX_H
#define TT_VMLINUX_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __le16;
typedef __u32 __le32;
typedef __u64 __le64;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef _Bool bool;
typedef int pid_t;
typedef unsigned int fmode_t;
typedef unsigned short umode_t;
typedef unsigned long size_t;

enum { false = 0, true = 1 };
#define NULL ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)

/* uapi/linux/bpf.h: what the programs and the helper declarations name. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_CGROUP_ARRAY = 8,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_F_NO_PREALLOC = 1u << 0, BPF_F_MMAPABLE = 1u << 10 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1 };
enum { BPF_RB_NO_WAKEUP = 1 };

struct bpf_pidns_info {
	__u32 pid;
	__u32 tgid;
};

struct iovec;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	long counter;
} atomic_long_t;

typedef struct {
	atomic_long_t refcnt;
} file_ref_t;

#if defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	u64 sp;
	u64 pc;
	u64 pstate;
	u64 orig_x0;
	s32 syscallno;
};
#else
struct pt_regs {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long bp;
	unsigned long bx;
	unsigned long r11;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long sp;
};
#endif

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct nsproxy {
	struct net *net_ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

typedef struct {
	u32 val;
} kuid_t;

struct cred {
	kuid_t uid;
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
};

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
};

struct thread_info {
	unsigned long flags;
#if !defined(__TARGET_ARCH_arm64)
	u32 status;
#endif
};

struct io_uring_task;

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	pid_t pid;
	pid_t tgid;
	int exit_code;
	u64 start_boottime;
	char comm[16];
	struct mm_struct *mm;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	const struct cred *real_cred;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct io_uring_task *io_uring;
};

struct linux_binprm {
	const char *filename;
};

struct super_block;

struct inode {
	umode_t i_mode;
	unsigned long i_ino;
};

struct file {
	struct inode *f_inode;
	void *private_data;
	atomic_long_t f_count; /* before 6.13 */
	file_ref_t f_ref;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	atomic_t count;
	struct fdtable *fdt;
};

/* A word in memory, as a kernel type (lib/compat.h). */
struct rb_node {
	unsigned long __rb_parent_color;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct proto;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned long skc_flags;
	int skc_bound_dev_if;
	struct proto *skc_prot;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	struct socket *sk_socket;
	int sk_err;
	u8 sk_kern_sock : 1;
	u16 sk_type;
	u16 sk_protocol;
	u8 sk_shutdown;
	void *sk_user_data;
};

struct proto_ops {
	long (*splice_read)(void);
};

struct socket {
	short type;
	struct file *file;
	struct sock *sk;
	const struct proto_ops *ops;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct inet_sock {
	struct sock sk;
};

struct tcp_ulp_ops;

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	const struct tcp_ulp_ops *icsk_ulp_ops;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 copied_seq;
	u32 rcv_nxt;
	u32 write_seq;
	u32 srtt_us;
	u32 mdev_us;
	u32 total_retrans;
	u8 syn_fastopen : 1;
};

struct kvec;

/* Only its size matters. */
struct page {
	atomic_t _refcount;
};

struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len;
	unsigned int bv_offset;
};

/* Values differ with the kernel: they are relocated. */
enum sock_flags {
	SOCK_DEAD,
	SOCK_DONE,
};

enum iter_type {
	ITER_UBUF = 0x1001,
	ITER_IOVEC,
	ITER_KVEC,
	ITER_BVEC,
};

struct iov_iter {
	u8 iter_type;
	size_t iov_offset;
	size_t count;
	unsigned long nr_segs;
	const struct iovec *__iov;
	const struct kvec *kvec;
	const struct bio_vec *bvec;
	void *ubuf;
};

/* Before 5.14: type, with flags in its low bits; before 6.4: iov. */
struct iov_iter___old {
	unsigned int type;
	const struct iovec *iov;
};

struct msghdr {
	void *msg_name;
	int msg_namelen;
	struct iov_iter msg_iter;
	unsigned int msg_flags;
};

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
};

struct sk_buff;

#pragma clang attribute pop

/* Events as perf hands them over: tracefs, events/raw_syscalls and events/sock. */
struct tt_perf_sys_enter {
	__u64 common;
	long id;
	unsigned long args[6];
};

struct tt_perf_sys_exit {
	__u64 common;
	long id;
	long ret;
};

struct tt_perf_sock_length {
	__u64 common;
	__u64 sk;
	__u16 family;
	__u16 protocol;
	__s32 ret;
	__s32 flags;
};

/* uapi structs of fixed layout, read from user memory. */
struct iovec {
	__u64 iov_base;
	__u64 iov_len;
};

struct user_msghdr {
	__u64 msg_name;
	__s32 msg_namelen;
	__u32 pad;
	__u64 msg_iov;
	__u64 msg_iovlen;
	__u64 msg_control;
	__u64 msg_controllen;
	__u32 msg_flags;
	__u32 pad2;
};

struct mmsghdr {
	struct user_msghdr msg_hdr;
	__u32 msg_len;
	__u32 pad;
};

#endif
