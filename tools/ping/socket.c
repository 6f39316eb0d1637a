// SPDX-License-Identifier: Apache-2.0
/* Raw sockets for echoes: opened while that is permitted. */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "tools/ping/state.h"

/* uapi/linux/icmp.h, which cannot be included beside the C library's: a bit for each type that is not wanted. */
#define FILTER_OPTION 1
#define NONE_OF_THEM 0xffffffffu

static int open_raw(unsigned family)
{
	int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC,
			family == 4 ? IPPROTO_ICMP : (int)IPPROTO_ICMPV6);

	return fd < 0 ? -errno : fd;
}

/* Other pings' replies are dropped before they wake anybody. Of IPv4 the message begins with its header. */
static int only_own(int fd, unsigned family, uint16_t id)
{
	struct sock_filter ipv4[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_ECHOREPLY, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_filter ipv6[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP6_ECHO_REPLY, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {.len = family == 4 ? TT_ARRAY_LEN(ipv4) : TT_ARRAY_LEN(ipv6),
					   .filter = family == 4 ? ipv4 : ipv6};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

int tt_ping_socket(const struct tt_ping_settings *s)
{
	tt_close_auto int fd = open_raw(s->config.family);

	if (fd < 0)
		return TT_TAKE_FD(fd);
	int r = only_own(fd, s->config.family, s->config.id);
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)&s->address, s->address_len) < 0)
		return -errno;
	return TT_TAKE_FD(fd);
}

int tt_ping_not_opened(int r, const char *host)
{
	const char *to = host ? " to " : "", *hint = r == -EPERM || r == -EACCES ? " (CAP_NET_RAW is needed)" : "";

	tt_error_errno(r, "a raw socket%s%.100s%s", to, host ? host : "", hint);
	return -ECHILD;
}

int tt_ping_socket_out(unsigned family)
{
	tt_close_auto int fd = open_raw(family);
	const uint32_t ipv4 = NONE_OF_THEM;
	struct icmp6_filter ipv6;

	if (fd < 0)
		return TT_TAKE_FD(fd);
	ICMP6_FILTER_SETBLOCKALL(&ipv6);
	int r = family == 4 ? setsockopt(fd, SOL_RAW, FILTER_OPTION, &ipv4, sizeof(ipv4))
			    : setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &ipv6, sizeof(ipv6));
	return r < 0 ? -errno : TT_TAKE_FD(fd);
}

union control {
	struct cmsghdr header;
	char ipv4[CMSG_SPACE(sizeof(struct in_pktinfo))];
	char ipv6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void put_control(struct msghdr *m, union control *control, int level, int type, const void *info, size_t size)
{
	memset(control, 0, sizeof(*control));
	m->msg_control = control;
	m->msg_controllen = CMSG_SPACE(size);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), info, size);
}

/* The request's way back: to where it came from, from where it was for. */
int tt_ping_send_from(int fd, const struct tt_ping_point *where, const uint8_t *message, size_t size)
{
	struct iovec data = {.iov_base = (void *)message, .iov_len = size};
	struct sockaddr_in to4 = {.sin_family = AF_INET};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
	struct in_pktinfo from4 = {0};
	struct in6_pktinfo from6 = {0};
	union control control;
	struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1};

	if (where->family == 4) {
		memcpy(&to4.sin_addr, where->source, sizeof(to4.sin_addr));
		memcpy(&from4.ipi_spec_dst, where->target, sizeof(from4.ipi_spec_dst));
		m.msg_name = &to4;
		m.msg_namelen = sizeof(to4);
		put_control(&m, &control, IPPROTO_IP, IP_PKTINFO, &from4, sizeof(from4));
	} else {
		memcpy(&to6.sin6_addr, where->source, sizeof(to6.sin6_addr));
		memcpy(&from6.ipi6_addr, where->target, sizeof(from6.ipi6_addr));
		if (IN6_IS_ADDR_LINKLOCAL(&to6.sin6_addr))
			to6.sin6_scope_id = from6.ipi6_ifindex = where->ifindex;
		m.msg_name = &to6;
		m.msg_namelen = sizeof(to6);
		put_control(&m, &control, IPPROTO_IPV6, IPV6_PKTINFO, &from6, sizeof(from6));
	}
	return sendmsg(fd, &m, MSG_DONTWAIT) < 0 ? -errno : 0;
}
