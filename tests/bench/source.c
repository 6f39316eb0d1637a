// SPDX-License-Identifier: Apache-2.0
#include "source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define TT_BENCH_START_NS UINT64_C(1000000000000)
#define TT_BENCH_SERVER 4242
#define TT_BENCH_CLIENT 4243
#define TT_BENCH_DATA_MAX 4096
/* A record of TLS 1.3: its head, and what it adds behind the data, which is the kind and the tag. */
#define TT_BENCH_SEAL_HEAD 5
#define TT_BENCH_SEAL_TAIL 17

/* One record, filled in anew each time: building it must cost little beside what is measured. */
struct tt_bench_record {
	struct tt_chunk chunk;
	uint8_t data[TT_BENCH_DATA_MAX];
};

struct tt_bench_source {
	struct tt_source source;
	struct tt_bench_plan plan;
	struct tt_bench_record record[2][2]; /* by seen at client, from client */
	struct tt_bench_record sealed[2][2]; /* the same as a record of TLS */
	uint64_t opening_bytes[2];	     /* by from client */
	uint64_t now_ns;
	uint64_t said;	   /* openings, then exchanges */
	uint32_t stream;   /* HTTP/2's, of the exchange that is said; the opening is stream 1 */
	unsigned identity; /* identity records told */
};

static struct tt_sockaddr tt_bench_address(uint64_t port)
{
	return (struct tt_sockaddr){
		.family = TT_FAMILY_INET, .port = (uint16_t)port, .addr = {127, 0, 0, 1 + (uint8_t)(port >> 16)}};
}

static void tt_bench_fill(struct tt_bench_source *s, int at_client, int from_client)
{
	struct tt_chunk *k = &s->record[at_client][from_client].chunk;

	*k = (struct tt_chunk){
		.rec = {.type = TT_REC_CHUNK, .version = TT_RECORD_VERSION, .start_ns = 1, .cgroup_id = 1},
		.direction = at_client == from_client ? TT_TX : TT_RX,
		.transport = s->plan.talk->datagram ? TT_TRANSPORT_UDP : TT_TRANSPORT_TCP,
		.role = at_client ? TT_ROLE_CLIENT : TT_ROLE_SERVER,
		.flags = s->plan.talk->datagram ? TT_CHUNK_DATAGRAM : TT_CHUNK_FROM_START,
		.netns = 1,
		.origin = s->plan.sealed ? TT_ORIGIN_OPENSSL : TT_ORIGIN_SOCKET,
		.data_off = sizeof(*k),
	};
	k->rec.tid = k->rec.tgid = at_client ? TT_BENCH_CLIENT : TT_BENCH_SERVER;
}

/* HTTP/2: the stream is another one each time. */
static void tt_bench_number(uint8_t *data, const uint8_t *at, uint32_t stream)
{
	for (size_t i = 0; i < TT_BENCH_STREAMS && at[i]; i++) {
		for (int b = 0; b < 4; b++)
			data[at[i] + b] = (uint8_t)(stream >> (24 - 8 * b));
	}
}

/* Whose it is, and when. */
static void tt_bench_place(struct tt_bench_source *s, struct tt_chunk *k, uint64_t conn, bool at_client)
{
	struct tt_sockaddr server = tt_bench_address(s->plan.talk->port), client = tt_bench_address(10000 + conn);

	s->now_ns += 1000;
	k->rec.time_ns = s->now_ns;
	k->entry_ns = s->now_ns - 500;
	k->conn =
		(struct tt_conn_id){.sock = 0xffff888000000000 + conn * 4096 + at_client * 2048, .ino = 2 * conn + at_client + 1};
	k->local = at_client ? client : server;
	k->peer = at_client ? server : client;
}

static int tt_bench_chunk(struct tt_bench_source *s, uint64_t conn, bool at_client, bool from_client, struct tt_span bytes,
			  uint64_t offset, tt_record_fn fn, void *ctx)
{
	struct tt_bench_record *r = &s->record[at_client][from_client];
	struct tt_chunk *k = &r->chunk;

	tt_bench_place(s, k, conn, at_client);
	k->rec.len = (uint32_t)(sizeof(*k) + bytes.len);
	k->offset = offset;
	k->length = k->captured = (uint32_t)bytes.len;
	if (s->plan.talk->datagram)
		memcpy(r->data, &s->said, 2);
	else
		memcpy(r->data, bytes.data, bytes.len);
	if (s->stream)
		tt_bench_number(r->data, s->plan.talk->stream_at[from_client], s->stream);
	return fn(ctx, &k->rec);
}

/* What the socket moves for these bytes: one record a call, each as long as the last. */
static int tt_bench_seal(struct tt_bench_source *s, uint64_t conn, bool at_client, bool from_client, size_t len, uint64_t offset,
			 tt_record_fn fn, void *ctx)
{
	struct tt_bench_record *r = &s->sealed[at_client][from_client];
	const struct tt_chunk *plain = &s->record[at_client][from_client].chunk;
	size_t sealed = TT_BENCH_SEAL_HEAD + len + TT_BENCH_SEAL_TAIL;

	r->chunk = *plain;
	tt_bench_place(s, &r->chunk, conn, at_client);
	r->chunk.origin = TT_ORIGIN_SOCKET;
	r->chunk.flags &= ~TT_CHUNK_FROM_START;
	r->chunk.rec.len = (uint32_t)(sizeof(r->chunk) + sealed);
	r->chunk.offset = offset / len * sealed;
	r->chunk.length = r->chunk.captured = (uint32_t)sealed;
	memcpy(r->data, "\x17\x03\x03", 3);
	r->data[3] = (uint8_t)((sealed - TT_BENCH_SEAL_HEAD) >> 8);
	r->data[4] = (uint8_t)(sealed - TT_BENCH_SEAL_HEAD);
	return fn(ctx, &r->chunk.rec);
}

/* At one end: a library has what it sends sealed before it is told, and what it received before it can open it. */
static int tt_bench_end(struct tt_bench_source *s, uint64_t conn, bool at_client, bool from_client, struct tt_span bytes,
			uint64_t offset, tt_record_fn fn, void *ctx)
{
	int n = 0;

	if (s->plan.sealed)
		n += tt_bench_seal(s, conn, at_client, from_client, bytes.len, offset, fn, ctx) == 0;
	return n + (tt_bench_chunk(s, conn, at_client, from_client, bytes, offset, fn, ctx) == 0);
}

/* As it is seen at each end that is observed. Returns how many records that was. */
static int tt_bench_say(struct tt_bench_source *s, uint64_t conn, bool from_client, struct tt_span bytes, uint64_t offset,
			tt_record_fn fn, void *ctx)
{
	int n = 0;

	if (s->plan.both && from_client)
		n += tt_bench_end(s, conn, true, true, bytes, offset, fn, ctx);
	n += tt_bench_end(s, conn, false, from_client, bytes, offset, fn, ctx);
	if (s->plan.both && !from_client)
		n += tt_bench_end(s, conn, true, false, bytes, offset, fn, ctx);
	return n;
}

static int tt_bench_open(struct tt_bench_source *s, uint64_t conn, tt_record_fn fn, void *ctx)
{
	const struct tt_bench_talk *talk = s->plan.talk;
	uint64_t offset[2] = {0};
	int n = 0;

	for (int i = 0; i < TT_BENCH_OPENING && talk->opening[i].bytes.len; i++) {
		bool from_client = talk->opening[i].from_client;
		n += tt_bench_say(s, conn, from_client, talk->opening[i].bytes, offset[from_client], fn, ctx);
		offset[from_client] += talk->opening[i].bytes.len;
	}
	memcpy(s->opening_bytes, offset, sizeof(offset));
	return n;
}

static int tt_bench_exchange(struct tt_bench_source *s, uint64_t i, tt_record_fn fn, void *ctx)
{
	const struct tt_bench_talk *talk = s->plan.talk;
	uint64_t conn = i % s->plan.connections, before = i / s->plan.connections;
	uint64_t begin_ns = s->now_ns;

	s->stream = (uint32_t)(2 * before + 3);
	int n = tt_bench_say(s, conn, true, talk->request, s->opening_bytes[1] + before * talk->request.len, fn, ctx);
	s->now_ns = begin_ns + TT_BENCH_STEP_NS / 2;
	n += tt_bench_say(s, conn, false, talk->response, s->opening_bytes[0] + before * talk->response.len, fn, ctx);
	s->now_ns = begin_ns + TT_BENCH_STEP_NS;
	return n;
}

static void tt_bench_introduce(struct tt_bench_source *s, uint32_t tgid, const char *name, tt_record_fn fn, void *ctx)
{
	struct tt_identity_record r = {.rec = {.type = TT_REC_IDENTITY,
					       .version = TT_RECORD_VERSION,
					       .len = sizeof(r),
					       .time_ns = s->now_ns,
					       .tid = tgid,
					       .tgid = tgid,
					       .start_ns = 1,
					       .cgroup_id = 1}};
	memcpy(r.comm, name, strlen(name));
	memcpy(r.service, name, strlen(name));
	memcpy(r.instance, "host:bench", 10);
	fn(ctx, &r.rec);
}

static int tt_bench_poll(struct tt_source *source, uint64_t budget, tt_record_fn fn, void *ctx)
{
	struct tt_bench_source *s = (struct tt_bench_source *)source;
	uint64_t n = 0;

	if (!s->identity++) {
		tt_bench_introduce(s, TT_BENCH_SERVER, "bench-server", fn, ctx);
		tt_bench_introduce(s, TT_BENCH_CLIENT, "bench-client", fn, ctx);
	}
	while (n < budget && s->said < s->plan.connections + s->plan.exchanges) {
		uint64_t i = s->said;
		if (i < s->plan.connections)
			n += (uint64_t)tt_bench_open(s, i, fn, ctx);
		else
			n += (uint64_t)tt_bench_exchange(s, i - s->plan.connections, fn, ctx);
		s->said++;
	}
	return n ? (int)n : -ENODATA;
}

static uint64_t tt_bench_watermark(const struct tt_source *source)
{
	return ((const struct tt_bench_source *)source)->now_ns;
}

static void tt_bench_free(struct tt_source *source)
{
	free(source);
}

static const struct tt_source_ops tt_bench_ops = {
	.name = "bench", .poll = tt_bench_poll, .watermark = tt_bench_watermark, .free = tt_bench_free};

int tt_bench_source_new(struct tt_source **ret, const struct tt_bench_plan *plan)
{
	struct tt_bench_source *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->source.ops = &tt_bench_ops;
	s->plan = *plan;
	s->now_ns = TT_BENCH_START_NS;
	for (int at_client = 0; at_client < 2; at_client++) {
		for (int from_client = 0; from_client < 2; from_client++) {
			tt_bench_fill(s, at_client, from_client);
			struct tt_span bytes = from_client ? plan->talk->request : plan->talk->response;
			memcpy(s->record[at_client][from_client].data, bytes.data, bytes.len);
		}
	}
	*ret = &s->source;
	return 0;
}
