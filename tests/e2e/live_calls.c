// SPDX-License-Identifier: Apache-2.0
/*
 * Moves known bytes over sockets in every way there is and says on standard output what it did, for live_calls.py to compare with
 * what the live source reported of it:
 *
 *   moved CASE ino=SOCKET dir=tx|rx transport=NAME bytes=N seed=S [captured=N] [peer=PORT]
 *   note CASE TEXT…
 *
 * The byte at position i of a stream with seed s is pattern(s, i).
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "live_fastopen.h"
#include "live_pair.h"
#include "live_sockmap.h"

/* --- every call, one direction over a stream --- */

typedef ssize_t (*move_fn)(int fd, uint8_t *data, size_t len);

/* Splits into segments of growing odd sizes. */
static int segments(struct iovec *iov, int most, uint8_t *data, size_t len)
{
	int n = 0;

	for (size_t at = 0; at < len && n < most; n++) {
		size_t part = n == most - 1 ? len - at : (size_t)(1 + n * 37);
		if (part > len - at)
			part = len - at;
		iov[n] = (struct iovec){data + at, part};
		at += part;
	}
	return n;
}

static ssize_t do_write(int fd, uint8_t *d, size_t n)
{
	return write(fd, d, n);
}
static ssize_t do_read(int fd, uint8_t *d, size_t n)
{
	return read(fd, d, n);
}
static ssize_t do_send(int fd, uint8_t *d, size_t n)
{
	return send(fd, d, n, 0);
}
static ssize_t do_recv(int fd, uint8_t *d, size_t n)
{
	return recv(fd, d, n, 0);
}

static ssize_t do_writev(int fd, uint8_t *d, size_t n)
{
	struct iovec iov[32];
	return writev(fd, iov, segments(iov, 32, d, n));
}

static ssize_t do_readv(int fd, uint8_t *d, size_t n)
{
	struct iovec iov[32];
	return readv(fd, iov, segments(iov, 32, d, n));
}

static ssize_t do_pwritev2(int fd, uint8_t *d, size_t n)
{
	struct iovec iov[7];
	return pwritev2(fd, iov, segments(iov, 7, d, n), -1, 0);
}

static ssize_t do_preadv2(int fd, uint8_t *d, size_t n)
{
	struct iovec iov[7];
	return preadv2(fd, iov, segments(iov, 7, d, n), -1, 0);
}

static ssize_t do_sendmsg(int fd, uint8_t *d, size_t n)
{
	struct iovec iov[5];
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = (size_t)segments(iov, 5, d, n)};
	return sendmsg(fd, &m, 0);
}

static ssize_t do_recvmsg(int fd, uint8_t *d, size_t n)
{
	struct iovec iov[5];
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = (size_t)segments(iov, 5, d, n)};
	return recvmsg(fd, &m, 0);
}

/* Three messages of a third each. */
static int messages(struct mmsghdr *m, struct iovec *iov, int count, uint8_t *d, size_t n)
{
	memset(m, 0, (size_t)count * sizeof(*m));
	for (int i = 0; i < count; i++) {
		size_t part = i == count - 1 ? n - n / (size_t)count * (size_t)i : n / (size_t)count;
		iov[i] = (struct iovec){d + n / (size_t)count * (size_t)i, part};
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	return count;
}

static ssize_t messages_total(const struct mmsghdr *m, int count)
{
	ssize_t total = 0;

	for (int i = 0; i < count; i++)
		total += m[i].msg_len;
	return total;
}

static ssize_t do_sendmmsg(int fd, uint8_t *d, size_t n)
{
	struct mmsghdr m[3];
	struct iovec iov[3];
	int r = sendmmsg(fd, m, (unsigned)messages(m, iov, 3, d, n), 0);
	return r < 0 ? r : messages_total(m, r);
}

static ssize_t do_recvmmsg(int fd, uint8_t *d, size_t n)
{
	struct mmsghdr m[3];
	struct iovec iov[3];
	int r = recvmmsg(fd, m, (unsigned)messages(m, iov, 3, d, n), MSG_WAITFORONE, NULL);
	/* A stream may give less than a message asked for: what came is not in one piece then. */
	ssize_t total = r < 0 ? r : messages_total(m, r);
	size_t at = r > 0 ? m[0].msg_len : 0;
	for (int i = 1; i < r; i++) {
		memmove(d + at, iov[i].iov_base, m[i].msg_len);
		at += m[i].msg_len;
	}
	return total;
}

static const struct {
	const char *name;
	move_fn send;
	move_fn receive;
} ways[] = {
	{"write-read", do_write, do_read},	     {"send-recv", do_send, do_recv},
	{"writev-readv", do_writev, do_readv},	     {"pwritev2-preadv2", do_pwritev2, do_preadv2},
	{"sendmsg-recvmsg", do_sendmsg, do_recvmsg}, {"sendmmsg-recvmmsg", do_sendmmsg, do_recvmmsg},
};

static const size_t sizes[] = {1, 99, 128, 129, 1000, 5000, 16384, 16385, 30000};

static void case_ways(enum transport t, const char *suffix)
{
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
		struct pair p = pair_open(t);
		unsigned seed = (unsigned)w + 1;
		size_t at = 0;
		char name[64];

		snprintf(name, sizeof(name), "%s-%s", ways[w].name, suffix);
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			fill(seed, at, sizes[s]);
			ssize_t sent = MUST(ways[w].send(p.a, out, sizes[s]));
			if ((size_t)sent != sizes[s])
				fail("%s sent %zd of %zu", name, sent, sizes[s]);
			for (size_t got = 0; got < sizes[s];) {
				ssize_t n = MUST(ways[w].receive(p.b, in, sizes[s] - got));
				for (ssize_t i = 0; i < n; i++) {
					if (in[i] != pattern(seed, at + got + (size_t)i))
						fail("%s: wrong byte came", name);
				}
				got += (size_t)n;
			}
			at += sizes[s];
		}
		moved(name, p.a, "tx", transport_names[t], at, seed);
		printf("\n");
		moved(name, p.b, "rx", transport_names[t], at, seed);
		printf("\n");
		pair_close(&p);
	}
}

/* --- special cases --- */

static void drain(int fd, size_t len)
{
	for (size_t got = 0; got < len;)
		got += (size_t)MUST(read(fd, in, len - got < sizeof(in) ? len - got : sizeof(in)));
}

/* More than is captured of one call: the rest is named, not shown. */
static void case_large(void)
{
	struct pair p = pair_open(TCP4);
	size_t len = 100000;

	fill(40, 0, len);
	MUST(setsockopt(p.a, SOL_SOCKET, SO_SNDBUF, &(int){BIG}, sizeof(int)));
	if (write(p.a, out, len) != (ssize_t)len)
		fail("large write");
	moved("large", p.a, "tx", "tcp", len, 40);
	printf(" captured=%d\n", 32768);
	drain(p.b, len);
	pair_close(&p);
}

static void case_many_segments(void)
{
	struct pair p = pair_open(TCP4);
	struct iovec iov[50];

	fill(41, 0, 5000);
	for (int i = 0; i < 50; i++)
		iov[i] = (struct iovec){out + 100 * i, 100};
	MUST(writev(p.a, iov, 50));
	moved("many-segments", p.a, "tx", "tcp", 5000, 41);
	printf(" captured=3200\n");
	printf("note lost iov_limit events=1 bytes=1800\n");
	drain(p.b, 5000);
	pair_close(&p);
}

static void case_flags(void)
{
	struct pair p = pair_open(TCP4);

	fill(42, 0, 300);
	MUST(send(p.a, out, 300, 0));
	MUST(recv(p.b, in, 100, MSG_PEEK));
	MUST(recv(p.b, in, 100, 0));
	MUST(recv(p.b, NULL, 50, MSG_TRUNC)); /* thrown away: counted */
	MUST(recv(p.b, in, 0, 0));
	MUST(recv(p.b, in, 150, MSG_WAITALL));
	moved("peek-trunc", p.b, "rx", "tcp", 300, 42);
	printf(" captured=250\n");
	if (recv(p.b, in, 1, MSG_DONTWAIT) >= 0)
		fail("nothing should be there");
	shutdown(p.a, SHUT_WR);
	if (MUST(recv(p.b, in, 10, 0)) != 0)
		fail("no end");
	MUST(recv(p.b, in, 10, 0));
	printf("note eof ino=%llu dir=rx offset=300\n", inode_of(p.b));
	pair_close(&p);
}

/* The end comes with the last bytes: copied_seq moves by one more than the call returned. */
static void case_fin_with_data(void)
{
	struct pair p = pair_open(TCP4);

	fill(43, 0, 200);
	MUST(setsockopt(p.a, IPPROTO_TCP, TCP_CORK, &(int){1}, sizeof(int)));
	MUST(write(p.a, out, 200));
	unsigned long long ino = inode_of(p.a);
	shutdown(p.a, SHUT_WR);
	usleep(1000);
	MUST(read(p.b, in, 150));
	MUST(read(p.b, in, 100));
	moved("fin-with-data", p.b, "rx", "tcp", 200, 43);
	printf("\n");
	MUST(read(p.b, in, 100));
	printf("note eof ino=%llu dir=rx offset=200\n", inode_of(p.b));
	printf("note close ino=%llu tx_offset=200 rx_offset=0\n", ino);
	pair_close(&p);
}

/* The end, by calls that say it in other ways. */
static void case_other_ends(void)
{
	struct pair p = pair_open(TCP4);
	struct iovec iov = {in, 100};
	struct mmsghdr m = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
	int pipes[2];

	shutdown(p.a, SHUT_WR);
	if (recvmmsg(p.b, &m, 1, 0, NULL) != 1 || m.msg_len != 0)
		fail("recvmmsg at the end");
	printf("note eof ino=%llu dir=rx offset=0\n", inode_of(p.b));
	pair_close(&p);
	p = pair_open(UNIX_STREAM);
	MUST(pipe(pipes));
	shutdown(p.a, SHUT_WR);
	if (splice(p.b, NULL, pipes[1], NULL, 100, 0) != 0)
		fail("splice at the end");
	printf("note eof ino=%llu dir=rx offset=0\n", inode_of(p.b));
	printf("note ends ino=%llu\n", inode_of(p.b));
	printf("note ends ino=%llu\n", inode_of(p.a));
	pair_close(&p);
}

static void case_reset(void)
{
	struct pair p = pair_open(TCP4);
	unsigned long long ino = inode_of(p.a);
	unsigned long long other = inode_of(p.b);

	MUST(setsockopt(p.b, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)));
	close(p.b);
	usleep(1000);
	if (read(p.a, in, 10) >= 0 || errno != ECONNRESET)
		fail("no reset");
	if (send(p.a, out, 10, MSG_NOSIGNAL) >= 0 || errno != EPIPE)
		fail("no EPIPE");
	printf("note error ino=%llu dir=rx error=%d\n", ino, ECONNRESET);
	printf("note error ino=%llu dir=tx error=%d\n", ino, EPIPE);
	printf("note reset ino=%llu flag=1\n", ino);
	printf("note reset ino=%llu flag=2\n", other);
	close(p.a);
}

static void disconnect(int fd)
{
	MUST(connect(fd, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)));
}

/* Its program lets go of a connection and keeps the socket, or closes it without a FIN: the kernel moves the sequence on then. */
static void case_disconnected(void)
{
	struct pair p = pair_open(TCP4);

	MUST(send(p.a, out, 10, 0));
	MUST(send(p.b, out, 300, 0));
	MUST(read(p.a, in, 100)); /* the others are thrown away */
	printf("note close ino=%llu tx_offset=10 rx_offset=100\n", inode_of(p.a));
	disconnect(p.a);
	pair_close(&p);
	p = pair_open(TCP4);
	MUST(send(p.a, out, 20, 0));
	shutdown(p.a, SHUT_WR);
	shutdown(p.b, SHUT_WR);
	MUST(read(p.a, in, 100));
	printf("note close ino=%llu tx_offset=20 rx_offset=0\n", inode_of(p.a));
	disconnect(p.a);
	pair_close(&p);
	p = pair_open(TCP4);
	MUST(send(p.a, out, 30, 0));
	printf("note close ino=%llu tx_offset=30 rx_offset=0\n", inode_of(p.a));
	MUST(setsockopt(p.a, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)));
	pair_close(&p);
	/* The same socket again. */
	p = pair_open(TCP4);
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	int l = MUST(stream_socket(TCP4));
	MUST(listen(l, 1));
	MUST(getsockname(l, (struct sockaddr *)&a, &len));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	MUST(send(p.a, out, 40, 0));
	disconnect(p.a);
	MUST(connect(p.a, (struct sockaddr *)&a, sizeof(a)));
	MUST(send(p.a, out, 50, 0));
	printf("note reused ino=%llu first=40 second=50\n", inode_of(p.a));
	pair_close(&p);
	close(l);
}

static void case_refused(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));

	printf("note refused ino=%llu error=%d\n", inode_of(fd), ECONNREFUSED);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) >= 0)
		fail("port 1 answers");
	close(fd);
	fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	printf("note refused ino=%llu error=%d\n", inode_of(fd), ECONNREFUSED);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) >= 0)
		fail("port 1 answers");
	usleep(1000);
	close(fd);
	fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
	printf("note refused ino=%llu error=%d\n", inode_of(fd), ENETUNREACH);
	a.sin_addr.s_addr = htonl(0xffffffff); /* broadcast: never reaches the wire */
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) >= 0)
		fail("broadcast answers");
	close(fd);
}

static void case_sendfile(enum transport transport)
{
	struct pair p = pair_open(transport);
	int file = MUST(memfd_create("tt", 0));
	size_t len = 200000;

	fill(44, 0, len);
	MUST(write(file, out, len));
	MUST(lseek(file, 0, SEEK_SET));
	MUST(setsockopt(p.a, SOL_SOCKET, SO_SNDBUF, &(int){BIG}, sizeof(int)));
	off_t at = 0;
	for (off_t before = 0; (size_t)at < len; before = at) {
		MUST(sendfile(p.a, file, &at, len - (size_t)at));
		drain(p.b, (size_t)(at - before));
	}
	moved("sendfile", p.a, "tx", "tcp", len, 44);
	printf(" captured=0\n");
	pair_close(&p);
	close(file);
}

static void case_splice(void)
{
	struct pair p = pair_open(TCP4);
	int pipes[2];

	fill(44, 0, 4000);
	MUST(pipe(pipes));
	MUST(write(pipes[1], out, 4000));
	if (splice(pipes[0], NULL, p.a, NULL, 4000, 0) != 4000)
		fail("splice out");
	moved("splice", p.a, "tx", "tcp", 4000, 44);
	printf(" captured=0\n");
	usleep(1000);
	if (splice(p.b, NULL, pipes[1], NULL, 4000, 0) != 4000)
		fail("splice in");
	moved("splice", p.b, "rx", "tcp", 4000, 44);
	printf(" captured=0\n");
	fill(44, 4000, 100);
	MUST(write(p.a, out, 100)); /* behind it, at the right offset */
	pair_close(&p);
}

/* Without a buffer limit of its own a send is cut into pieces, of which a later one fails: what came before it was sent. */
static void case_failing_send(void)
{
	struct pair p = pair_open(UNIX_STREAM);
	size_t good = 120 << 10, len = 160 << 10;
	uint8_t *area = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		fail("mmap");
	MUST(munmap(area + good, len - good));
	fill(45, 0, good);
	memcpy(area, out, good);
	ssize_t n = MUST(send(p.a, area, len, 0));
	if (n == 0 || (size_t)n >= good)
		fail("a failing send sent %zd", n);
	drain(p.b, (size_t)n);
	moved("failing-send", p.a, "tx", "unix", (size_t)n, 45);
	printf(" captured=%d\n", 32768);
	pair_close(&p);
}

/* --- upper layers: TCP's socket is not where the stream is counted --- */

static int has_multipath(void)
{
	int fd = stream_socket(MPTCP);

	return fd >= 0 && close(fd) == 0;
}

static void case_multipath(void)
{
	struct pair p = pair_open(MPTCP);

	fill(80, 0, 1000);
	MUST(write(p.a, out, 1000));
	drain(p.b, 1000);
	printf("note multipath ino=%llu role=1 tx_offset=1000 rx_offset=0\n", inode_of(p.a));
	printf("note multipath ino=%llu role=2 tx_offset=0 rx_offset=1000\n", inode_of(p.b));
	pair_close(&p);
	case_ways(MPTCP, "mptcp");
	case_sendfile(MPTCP);
}

/* One direction. The key is nobody's secret. */
static int tls_on(int fd, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 info = {.info = {.version = TLS_1_2_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128}};

	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) < 0 ||
			       setsockopt(fd, SOL_TLS, direction, &info, sizeof(info)) < 0
		       ? -1
		       : 0;
}

static void case_kernel_tls(void)
{
	struct pair p = pair_open(TCP4);
	int pipes[2];

	if (tls_on(p.a, TLS_TX) == 0 && tls_on(p.b, TLS_RX) == 0) {
		MUST(pipe(pipes));
		fill(46, 0, 5000);
		MUST(send(p.a, out, 1000, 0));
		drain(p.b, 1000);
		MUST(send(p.a, out + 1000, 4000, 0));
		if (splice(p.b, NULL, pipes[1], NULL, 4000, 0) != 4000)
			fail("splice out of TLS");
		moved("tls", p.a, "tx", "tcp", 5000, 46);
		printf("\n");
		moved("tls", p.b, "rx", "tcp", 5000, 46);
		printf(" captured=1000\n");
		close(pipes[0]);
		close(pipes[1]);
	} else {
		absent("tls");
	}
	pair_close(&p);
}

static int udp_socket(int family, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	*ret_len = address_any(family == AF_INET ? TCP4 : TCP6, ret);
	int fd = MUST(socket(family, SOCK_DGRAM, 0));

	MUST(bind(fd, (struct sockaddr *)ret, *ret_len));
	MUST(getsockname(fd, (struct sockaddr *)ret, ret_len));
	return fd;
}

static unsigned port_of(const struct sockaddr_storage *a)
{
	return ntohs(((const struct sockaddr_in *)a)->sin_port); /* the same place in both families */
}

static void case_udp(int family, const char *suffix)
{
	struct sockaddr_storage aa, ba, from;
	socklen_t al, bl, fl = sizeof(from);
	int a = udp_socket(family, &aa, &al);
	int b = udp_socket(family, &ba, &bl);
	char name[64];
	struct iovec iov;

	/* Unconnected, both ways of naming the peer; 50, 60, 0 and 3 x 20 bytes. */
	fill(50, 0, 110);
	MUST(sendto(a, out, 50, 0, (struct sockaddr *)&ba, bl));
	iov = (struct iovec){out + 50, 60};
	struct msghdr m = {.msg_name = &ba, .msg_namelen = bl, .msg_iov = &iov, .msg_iovlen = 1};
	MUST(sendmsg(a, &m, 0));
	MUST(sendto(a, out, 0, 0, (struct sockaddr *)&ba, bl));
	snprintf(name, sizeof(name), "udp-%s", suffix);
	moved(name, a, "tx", "udp", 110, 50);
	printf(" peer=%u chunks=3\n", port_of(&ba));

	MUST(recvfrom(b, in, sizeof(in), 0, (struct sockaddr *)&from, &fl));
	iov = (struct iovec){in, sizeof(in)};
	m = (struct msghdr){.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
	MUST(recvmsg(b, &m, 0));
	fl = sizeof(from);
	MUST(recvfrom(b, in, sizeof(in), 0, (struct sockaddr *)&from, &fl));
	moved(name, b, "rx", "udp", 110, 50);
	printf(" peer=%u chunks=3\n", port_of(&aa));
	close(a);
	close(b);

	/* Connected, cut by a short buffer; the length is the datagram's where MSG_TRUNC asks for it. */
	a = udp_socket(family, &aa, &al);
	b = udp_socket(family, &ba, &bl);
	MUST(connect(a, (struct sockaddr *)&ba, bl));
	fill(51, 0, 500);
	MUST(write(a, out, 500));
	snprintf(name, sizeof(name), "udp-connected-%s", suffix);
	moved(name, a, "tx", "udp", 500, 51);
	printf(" peer=%u\n", port_of(&ba));
	if (recvfrom(b, in, 100, MSG_TRUNC, (struct sockaddr *)&from, (fl = sizeof(from), &fl)) != 500)
		fail("MSG_TRUNC");
	moved(name, b, "rx", "udp", 500, 51);
	printf(" captured=100 peer=%u\n", port_of(&aa));
	close(a);
	close(b);

	/* Ten messages in a call: eight shown, two counted. */
	a = udp_socket(family, &aa, &al);
	b = udp_socket(family, &ba, &bl);
	fill(52, 0, 200);
	struct mmsghdr mm[10] = {0};
	struct iovec iovs[10];
	for (int i = 0; i < 10; i++) {
		iovs[i] = (struct iovec){out + 20 * i, 20};
		mm[i].msg_hdr = (struct msghdr){.msg_name = &ba, .msg_namelen = bl, .msg_iov = &iovs[i], .msg_iovlen = 1};
	}
	if (sendmmsg(a, mm, 10, 0) != 10)
		fail("sendmmsg");
	snprintf(name, sizeof(name), "udp-mmsg-%s", suffix);
	moved(name, a, "tx", "udp", 160, 52);
	printf(" peer=%u chunks=8\n", port_of(&ba));
	printf("note lost iov_limit events=2 bytes=40\n");
	struct sockaddr_storage names[8];
	for (int i = 0; i < 8; i++) {
		iovs[i] = (struct iovec){in + 100 * i, 100};
		mm[i].msg_hdr = (struct msghdr){
			.msg_name = &names[i], .msg_namelen = sizeof(names[i]), .msg_iov = &iovs[i], .msg_iovlen = 1};
	}
	if (recvmmsg(b, mm, 8, 0, NULL) != 8)
		fail("recvmmsg");
	moved(name, b, "rx", "udp", 160, 52);
	printf(" peer=%u chunks=8\n", port_of(&aa));
	close(a);
	close(b);
}

static void case_unix_other(void)
{
	int s[2];

	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
	fill(60, 0, 70);
	MUST(write(s[0], out, 70));
	MUST(read(s[1], in, 100));
	moved("unix-seqpacket", s[0], "tx", "unixdgram", 70, 60);
	printf(" captured=0\n");
	moved("unix-seqpacket", s[1], "rx", "unixdgram", 70, 60);
	printf(" captured=0\n");
	close(s[0]);
	close(s[1]);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s)); /* no connect, no accept: first seen in use */
	fill(61, 0, 70);
	MUST(write(s[0], out, 70));
	MUST(read(s[1], in, 100));
	moved("unix-pair", s[0], "tx", "unix", 70, 61);
	printf("\n");
	moved("unix-pair", s[1], "rx", "unix", 70, 61);
	printf("\n");
	close(s[0]);
	MUST(read(s[1], in, 100));
	printf("note eof ino=%llu dir=rx\n", inode_of(s[1]));
	close(s[1]);
}

#if defined(__x86_64__)
/* A 32-bit caller's write(), made from a 64-bit program. */
static void case_compat(void)
{
	struct pair p = pair_open(TCP4);
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long r;

	memcpy(low, "compat", 6);
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(4), "b"(p.a), "c"(low), "d"(6) : "memory", "r8", "r9", "r10", "r11");
	if (r == 6)
		printf("note lost compat_call events=1 bytes=6\n");
	pair_close(&p);
}
#else
static void case_compat(void)
{
}
#endif

/* --- threads --- */

struct receiver {
	int fd;
	int tid; /* once it has begun */
	ssize_t got;
};

static void *receive_once(void *ctx)
{
	struct receiver *r = ctx;

	__atomic_store_n(&r->tid, gettid(), __ATOMIC_RELEASE);
	r->got = recv(r->fd, in, 100, 0);
	return NULL;
}

/* Until the receiver is within its call: the kernel names no call of a thread that runs. */
static void until_it_waits(struct receiver *r)
{
	char path[64];
	int call = -1;

	while (call != SYS_recvfrom) {
		usleep(1000);
		snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", __atomic_load_n(&r->tid, __ATOMIC_ACQUIRE));
		FILE *f = fopen(path, "re");
		if (!f || fscanf(f, "%d", &call) != 1)
			call = -1;
		if (f)
			fclose(f);
	}
}

/* recv() waits on a descriptor while another thread makes it mean another connection. */
static void case_race(enum transport t, const char *name)
{
	struct pair a = pair_open(t);
	struct pair b = pair_open(t);
	int kept = dup(a.b);
	struct receiver r = {.fd = dup(a.b)};
	pthread_t thread;

	close(a.b);
	pthread_create(&thread, NULL, receive_once, &r);
	until_it_waits(&r);
	MUST(dup2(b.b, r.fd));
	usleep(1000);
	fill(70, 0, 80);
	MUST(write(a.a, out, 80));
	pthread_join(thread, NULL);
	if (r.got != 80)
		fail("%s got %zd", name, r.got);
	/* Without a sequence to check by it takes the kernel's word which socket was used; else it is refused. */
	printf("%s", t == UNIX_STREAM ? "unsure-" : "");
	moved(name, kept, "rx", transport_names[t], 80, 70);
	printf("\n");
	fill(71, 0, 40);
	MUST(write(b.a, out, 40));
	MUST(read(r.fd, in, 100));
	moved(name, b.b, "rx", transport_names[t], 40, 71);
	printf("\n");
	close(kept);
	close(r.fd);
	close(a.a);
	pair_close(&b);
}

/* The descriptor is closed while recv() waits. */
static void case_closed(void)
{
	struct pair a = pair_open(TCP4);
	unsigned long long ino = inode_of(a.b);
	struct receiver r = {.fd = a.b};
	pthread_t thread;

	pthread_create(&thread, NULL, receive_once, &r);
	until_it_waits(&r);
	close(a.b);
	usleep(1000);
	fill(72, 0, 80);
	MUST(write(a.a, out, 80));
	pthread_join(thread, NULL);
	printf("moved closed-while-waiting ino=%llu dir=rx transport=tcp bytes=80 seed=72\n", ino);
	close(a.a);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	case_ways(TCP4, "tcp4");
	case_ways(TCP6, "tcp6");
	case_ways(UNIX_STREAM, "unix");
	case_large();
	case_many_segments();
	case_flags();
	case_fin_with_data();
	case_other_ends();
	case_reset();
	case_disconnected();
	case_refused();
	case_sendfile(TCP4);
	case_splice();
	case_failing_send();
	if (has_multipath())
		case_multipath();
	else
		absent("mptcp");
	case_kernel_tls();
	case_udp(AF_INET, "4");
	case_udp(AF_INET6, "6");
	case_unix_other();
	case_compat();
	case_race(TCP4, "race-tcp");
	case_race(UNIX_STREAM, "race-unix");
	case_closed();
	case_sockmap();
	case_fastopen(); /* the last: elsewhere from here on */
	fflush(stdout);
	return 0;
}
