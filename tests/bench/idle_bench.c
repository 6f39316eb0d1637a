// SPDX-License-Identifier: Apache-2.0
/*
 * What an idle, known connection keeps in memory. A connection of a capture is said again and again to the streams and all
 * protocols, each time as another one, and none ends; the growth of the heap, as the allocator tells it, is divided by their
 * number.
 *
 *   idle_bench CAPTURE PROTOCOL CONNECTIONS
 *
 * Says the bytes of one after its first exchange of that protocol, and after all that the capture has of it. Taken is the longest
 * stream of the capture that is such, without its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "proto/proto.h"
#include "source/pcap.h"
#include "stream/stream.h"

struct conn {
	uint64_t sock;
	struct tt_chunk **chunks;
	size_t count, room;
	size_t first; /* so many of them are there when the first exchange is; 0: it never is */
};

struct bench {
	struct tt_limits limits;
	const char *protocol;
	struct conn *conns;
	size_t count, room;
	uint64_t exchanges;
};

static int tt_idle_grow(void **list, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 16;
	void *grown = reallocarray(*list, more, size);

	if (!grown)
		return -ENOMEM;
	*list = grown;
	*room = more;
	return 0;
}

static struct conn *tt_idle_conn(struct bench *b, uint64_t sock)
{
	for (size_t i = 0; i < b->count; i++) {
		if (b->conns[i].sock == sock)
			return &b->conns[i];
	}
	if (b->count == b->room && tt_idle_grow((void **)&b->conns, &b->room, sizeof(*b->conns)) < 0)
		return NULL;
	b->conns[b->count] = (struct conn){.sock = sock};
	return &b->conns[b->count++];
}

static int tt_idle_keep(void *ctx, const struct tt_record *rec)
{
	const struct tt_chunk *k = (const struct tt_chunk *)rec;

	if (rec->type != TT_REC_CHUNK || k->transport != TT_TRANSPORT_TCP || k->flags & (TT_CHUNK_EOF | TT_CHUNK_ERROR))
		return 0;
	struct conn *c = tt_idle_conn(ctx, k->conn.sock);
	if (!c || (c->count == c->room && tt_idle_grow((void **)&c->chunks, &c->room, sizeof(*c->chunks)) < 0))
		return -ENOMEM;
	c->chunks[c->count] = malloc(rec->len);
	if (!c->chunks[c->count])
		return -ENOMEM;
	memcpy(c->chunks[c->count++], rec, rec->len);
	return 0;
}

static int tt_idle_read(struct bench *b, const char *path)
{
	tt_close_auto int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct tt_source *source = NULL;
	int r = fd < 0 ? -errno : tt_pcap_new(&source, fd, path, &b->limits);

	while (r >= 0 && source)
		r = tt_source_poll(source, 0, tt_idle_keep, b);
	tt_source_free(source);
	return r == -ENODATA ? 0 : r;
}

static void tt_idle_exchange(void *ctx, const struct tt_exchange *x)
{
	struct bench *b = ctx;

	b->exchanges += strcmp(x->proto->name, b->protocol) == 0;
}

static const struct tt_streams_ops ops = {.exchange = tt_idle_exchange};

/* How many chunks there are when the first exchange is. Nothing may be missing: what is waited for is kept. */
static int tt_idle_first(struct bench *b, struct conn *c)
{
	struct tt_stream_stats stats;
	struct tt_streams *s = NULL;
	int r = tt_streams_new(&s, &b->limits, tt_protos, tt_protos_count, &ops, b);

	b->exchanges = 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->count; i++) {
		tt_streams_record(s, &c->chunks[i]->rec);
		if (!c->first && b->exchanges)
			c->first = i + 1;
	}
	tt_streams_advance(s, UINT64_MAX / 2);
	tt_streams_stats(s, &stats);
	if (stats.missing_bytes)
		c->first = 0;
	tt_streams_free(s);
	return 0;
}

static uint64_t tt_idle_heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Bytes of each of `connections` that say the first chunks of this one. */
static int tt_idle_measure(struct bench *b, const struct conn *c, size_t chunks, uint64_t connections, double *ret)
{
	struct tt_streams *s = NULL;
	int r = tt_streams_new(&s, &b->limits, tt_protos, tt_protos_count, &ops, b);
	if (r < 0)
		return r;

	uint64_t before = tt_idle_heap(), latest_ns = 0;
	for (uint64_t n = 0; n < connections; n++) {
		for (size_t i = 0; i < chunks; i++) {
			struct tt_chunk *k = c->chunks[i];
			k->conn.sock = n + 1;
			latest_ns = TT_MAX(latest_ns, k->rec.time_ns);
			tt_streams_record(s, &k->rec);
		}
	}
	/* Long enough that nothing is waited for. */
	tt_streams_advance(s, latest_ns + 2000000000u);
	*ret = (double)(tt_idle_heap() - before) / (double)connections;

	struct tt_stream_stats stats;
	tt_streams_stats(s, &stats);
	tt_streams_free(s);
	return stats.connections == connections ? 0 : -ENOBUFS;
}

static struct conn *tt_idle_longest(struct bench *b)
{
	struct conn *longest = NULL;

	for (size_t i = 0; i < b->count; i++) {
		struct conn *c = &b->conns[i];
		if (tt_idle_first(b, c) == 0 && c->first && (!longest || c->count > longest->count))
			longest = c;
	}
	return longest;
}

static void tt_idle_free(struct bench *b)
{
	for (size_t i = 0; i < b->count; i++) {
		for (size_t n = 0; n < b->conns[i].count; n++)
			free(b->conns[i].chunks[n]);
		free(b->conns[i].chunks);
	}
	free(b->conns);
}

int main(int argc, char **argv)
{
	struct bench b = {.protocol = argc > 2 ? argv[2] : NULL};

	if (argc != 4) {
		fprintf(stderr, "idle_bench CAPTURE PROTOCOL CONNECTIONS\n");
		return 2;
	}
	tt_limits_init(&b.limits);
	uint64_t connections = strtoull(argv[3], NULL, 10);
	int r = tt_idle_read(&b, argv[1]);
	const struct conn *c = r == 0 ? tt_idle_longest(&b) : NULL;
	double one = 0, all = 0;

	if (r == 0 && (!c || !connections))
		r = -ENODATA;
	if (r == 0 && c)
		r = tt_idle_measure(&b, c, c->first, connections, &one);
	if (r == 0 && c)
		r = tt_idle_measure(&b, c, c->count, connections, &all);
	if (r < 0 || !c)
		fprintf(stderr, "idle_bench: %s: %s: %s\n", argv[1], b.protocol, strerror(-r));
	else
		printf("first %.0f all %.0f chunks %zu\n", one, all, c->count);
	tt_idle_free(&b);
	return r < 0;
}
