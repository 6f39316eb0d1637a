// SPDX-License-Identifier: Apache-2.0
/*
 * Moves bytes by io_uring, between ordinary calls on the same sockets, and says what it moved (the lines of live_calls.c).
 * Without io_uring in this kernel it says "note skip".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MUST(call)                                                               \
	({                                                                       \
		__typeof__(call) _r = (call);                                    \
		if (_r < 0) {                                                    \
			printf("note fail %d: %s\n", __LINE__, strerror(errno)); \
			exit(1);                                                 \
		}                                                                \
		_r;                                                              \
	})

struct ring {
	int fd;
	uint8_t *sq;
	uint8_t *cq;
	struct io_uring_sqe *sqes;
	struct io_uring_params p;
};

static int ring_open(struct ring *r, unsigned flags)
{
	memset(r, 0, sizeof(*r));
	r->p.flags = flags;
	r->fd = (int)syscall(SYS_io_uring_setup, 8, &r->p);
	if (r->fd < 0)
		return -1;
	r->sq = mmap(NULL, r->p.sq_off.array + r->p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		     IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED,
		     r->fd, IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, r->p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		       IORING_OFF_SQES);
	return 0;
}

static void ring_submit(struct ring *r, int op, int fd, void *data, unsigned len, unsigned flags)
{
	uint32_t *tail = (uint32_t *)(r->sq + r->p.sq_off.tail);
	uint32_t *array = (uint32_t *)(r->sq + r->p.sq_off.array);
	uint32_t mask = *(uint32_t *)(r->sq + r->p.sq_off.ring_mask);
	uint32_t at = *tail & mask;

	memset(&r->sqes[at], 0, sizeof(r->sqes[at]));
	r->sqes[at].opcode = (uint8_t)op;
	r->sqes[at].fd = fd;
	r->sqes[at].addr = (uintptr_t)data;
	r->sqes[at].len = len;
	r->sqes[at].flags = (uint8_t)flags;
	array[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	MUST(syscall(SYS_io_uring_enter, r->fd, 1, 0, 0, NULL, 0));
}

static int ring_wait(struct ring *r)
{
	uint32_t *head = (uint32_t *)(r->cq + r->p.cq_off.head);
	uint32_t mask = *(uint32_t *)(r->cq + r->p.cq_off.ring_mask);

	MUST(syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(r->cq + r->p.cq_off.cqes) + (*head & mask);
	int result = cqe->res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

static unsigned long long inode_of(int fd)
{
	struct stat st;

	MUST(fstat(fd, &st));
	return st.st_ino;
}

static char data[4096];

static void tcp_pair(int p[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int l = MUST(socket(AF_INET, SOCK_STREAM, 0));

	MUST(bind(l, (struct sockaddr *)&a, len));
	MUST(listen(l, 1));
	MUST(getsockname(l, (struct sockaddr *)&a, &len));
	p[0] = MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(connect(p[0], (struct sockaddr *)&a, len));
	p[1] = MUST(accept(l, NULL, NULL));
	close(l);
}

int main(void)
{
	struct ring r;
	int p[2];

	if (ring_open(&r, 0) < 0) {
		printf("note skip io_uring: %s\n", strerror(errno));
		return 0;
	}
	tcp_pair(p);
	/* Ordinary, by the ring at once, by the ring after waiting, by the ring's worker, ordinary. */
	MUST(write(p[0], data, 10));
	MUST(read(p[1], data, 10));
	ring_submit(&r, IORING_OP_SEND, p[0], data, 100, 0);
	if (ring_wait(&r) != 100)
		printf("note fail send\n");
	ring_submit(&r, IORING_OP_RECV, p[1], data, 100, 0);
	if (ring_wait(&r) != 100)
		printf("note fail recv\n");
	ring_submit(&r, IORING_OP_RECV, p[1], data, 200, 0);
	MUST(write(p[0], data, 200));
	if (ring_wait(&r) != 200)
		printf("note fail late recv\n");
	ring_submit(&r, IORING_OP_SEND, p[0], data, 300, IOSQE_ASYNC);
	if (ring_wait(&r) != 300)
		printf("note fail async send\n");
	MUST(read(p[1], data, 300));
	ring_submit(&r, IORING_OP_WRITE, p[0], data, 50, 0);
	if (ring_wait(&r) != 50)
		printf("note fail write\n");
	MUST(recv(p[1], data, 50, 0));
	shutdown(p[0], SHUT_WR);
	ring_submit(&r, IORING_OP_RECV, p[1], data, 100, 0);
	if (ring_wait(&r) != 0)
		printf("note fail end\n");
	printf("total ino=%llu dir=tx bytes=660 shown=210\n", inode_of(p[0]));
	printf("total ino=%llu dir=rx bytes=660 shown=360\n", inode_of(p[1]));
	/* What ordinary calls moved, and where: between them lies what the ring did. */
	printf("call ino=%llu dir=tx offset=0 bytes=10\n", inode_of(p[0]));
	printf("call ino=%llu dir=tx offset=110 bytes=200\n", inode_of(p[0]));
	printf("call ino=%llu dir=rx offset=0 bytes=10\n", inode_of(p[1]));
	printf("call ino=%llu dir=rx offset=310 bytes=300\n", inode_of(p[1]));
	printf("call ino=%llu dir=rx offset=610 bytes=50\n", inode_of(p[1]));
	printf("lost events=5 bytes=750\n");
	return 0;
}
