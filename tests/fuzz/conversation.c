// SPDX-License-Identifier: Apache-2.0
#include "conversation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "memory.h"
#include "shared/header_table.h"
#include "stream/stream.h"

#define MS 1000000u
#define CONVERSATION_MAX (256u << 10)

struct fuzz {
	struct tt_streams *streams;
	uint8_t flags;
	uint64_t now_ns;
	uint64_t offset[2];
	struct tt_chunk *late; /* said after the next one */
};

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void on_exchange(void *ctx, const struct tt_exchange *x)
{
	must(x->outcome != TT_OUTCOME_ANSWERED || x->response);
	/* What is left of an answer that broke off is there for its status, but where that comes last (gRPC). */
	must(x->outcome == TT_OUTCOME_ANSWERED || !x->response || tt_exchange_text(x, TT_TEXT_STATUS).data || x->request->as ||
	     x->response->as);
	must(!x->complete || !x->request->incomplete);
	must(x->request_bytes < 1ull << 62 && x->response_bytes < 1ull << 62);
	for (int which = 0; which < TT_TEXT_MAX; which++) {
		struct tt_span s = tt_exchange_text(x, which);
		must(s.len <= 65536);
		/* Reads every byte, so that a stale or short text is found. */
		for (size_t i = 0; i < s.len; i++)
			*(volatile uint8_t *)&(uint8_t){s.data[i]};
	}
	must(x->request->attribute_count <= TT_MESSAGE_ATTRIBUTES);
}

static void on_connection(void *ctx, const struct tt_conn_report *report)
{
	must(report->ends != NULL);
}

static const struct tt_streams_ops ops = {.exchange = on_exchange, .connection = on_connection};

static void give(struct fuzz *f, const struct tt_chunk *k)
{
	tt_streams_record(f->streams, &k->rec);
	tt_streams_advance(f->streams, f->now_ns);
}

static struct tt_chunk *chunk(struct fuzz *f, int dir, const uint8_t *data, size_t captured, size_t length, uint16_t flags)
{
	struct tt_chunk *k = calloc(1, sizeof(*k) + captured);
	if (!k)
		return NULL;
	f->now_ns += MS;
	bool datagram = f->flags & TT_FUZZ_DATAGRAMS, at_client = f->flags & TT_FUZZ_AT_CLIENT;
	*k = (struct tt_chunk){
		.rec = {.type = TT_REC_CHUNK,
			.version = TT_RECORD_VERSION,
			.len = (uint32_t)(sizeof(*k) + captured),
			.time_ns = f->now_ns,
			.tgid = 1},
		.conn = {.sock = 1, .ino = 1},
		.entry_ns = f->now_ns,
		.offset = f->offset[dir],
		.length = (uint32_t)length,
		.captured = (uint32_t)captured,
		.direction = (uint8_t)dir,
		.transport = datagram ? TT_TRANSPORT_UDP : TT_TRANSPORT_TCP,
		.role = f->flags & TT_FUZZ_ROLE_UNKNOWN ? TT_ROLE_UNKNOWN
			: at_client			? TT_ROLE_CLIENT
							: TT_ROLE_SERVER,
		.flags = flags | (datagram ? TT_CHUNK_DATAGRAM : 0) | (f->flags & TT_FUZZ_MID ? 0 : TT_CHUNK_FROM_START),
		.data_off = sizeof(*k),
		.local = {.family = TT_FAMILY_INET, .port = 80},
		.peer = {.family = TT_FAMILY_INET, .port = 50000},
	};
	if (captured)
		memcpy(k + 1, data, captured);
	f->offset[dir] += length;
	return k;
}

static void say(struct fuzz *f, uint8_t op, struct tt_chunk *k)
{
	if (!k)
		return;
	if (op & TT_FUZZ_LATE && !f->late) {
		f->late = k;
		return;
	}
	give(f, k);
	if (op & TT_FUZZ_TWICE)
		give(f, k);
	if (f->late) {
		give(f, f->late);
		free(f->late);
		f->late = NULL;
	}
	free(k);
}

static void say_closed(struct fuzz *f)
{
	struct tt_conn_record r = {
		.rec = {.type = TT_REC_CLOSE, .version = TT_RECORD_VERSION, .len = sizeof(r), .time_ns = f->now_ns += MS},
		.conn = {.sock = 1, .ino = 1},
		.transport = TT_TRANSPORT_TCP,
		.flags = TT_CONN_OFFSETS,
		.tx_offset = f->offset[TT_TX],
		.rx_offset = f->offset[TT_RX],
	};
	tt_streams_record(f->streams, &r.rec);
}

/* A library tells a table: the bytes are the record's from its stream on, without the entries it does not have. */
static void say_table(struct fuzz *f, int dir, struct tt_span s)
{
	struct tt_table_record head = {.conn = {.sock = 1, .ino = 1}};
	const size_t from = offsetof(struct tt_table_record, stream), fixed = offsetof(struct tt_table_record, entry) - from;

	if (s.len < fixed)
		return;
	memcpy(&head.stream, s.data, fixed);
	s = tt_span_sub(s, fixed, s.len);
	size_t entries = TT_MIN(head.entries, (uint32_t)TT_TABLE_ENTRIES_MOST) * sizeof(head.entry[0]);
	entries = TT_MIN(entries, s.len);
	if (entries)
		memcpy(head.entry, s.data, entries);
	s = tt_span_sub(s, entries, s.len);
	head.rec = (struct tt_record){.type = TT_REC_HEADER_TABLE,
				      .version = TT_RECORD_VERSION,
				      .len = (uint32_t)(sizeof(head) + s.len),
				      .time_ns = f->now_ns += MS};
	head.direction = (uint8_t)dir;

	struct tt_table_record *r = malloc(head.rec.len);
	if (!r)
		return;
	*r = head;
	if (s.len)
		memcpy(r + 1, s.data, s.len);
	tt_streams_record(f->streams, &r->rec);
	tt_streams_advance(f->streams, f->now_ns);
	free(r);
}

/* A library says something of the handshake: its state in the low bits, an error in the others. */
static void say_handshake(struct fuzz *f, size_t said)
{
	const struct tt_handshake_record r = {
		.rec = {.type = TT_REC_HANDSHAKE, .version = TT_RECORD_VERSION, .len = sizeof(r), .time_ns = f->now_ns += MS},
		.conn = {.sock = 1, .ino = 1},
		.error = said & 0x8000 ? (int32_t)(20u << TT_HANDSHAKE_PART_SHIFT | (said >> 3 & 0xfff)) : -(int32_t)(said >> 3),
		.origin = said & 0x8000 ? TT_ORIGIN_OPENSSL : (uint8_t)(TT_ORIGIN_GNUTLS + (said >> 14 & 1)),
		.state = (uint8_t)(said & 7),
	};

	tt_streams_record(f->streams, &r.rec);
	tt_streams_advance(f->streams, f->now_ns);
}

static void play(struct fuzz *f, struct tt_cursor *c)
{
	while (tt_cursor_left(c) >= 3) {
		uint8_t op = tt_cursor_u8(c);
		size_t len = tt_cursor_le16(c);
		int client = f->flags & TT_FUZZ_AT_CLIENT ? TT_TX : TT_RX;
		int dir = op & 1 ? !client : client;
		switch (op & 7) {
		case TT_FUZZ_CLIENT:
		case TT_FUZZ_SERVER: {
			struct tt_span s = tt_cursor_take(c, TT_MIN(len, tt_cursor_left(c)));
			if (op & TT_FUZZ_TABLE)
				say_table(f, dir, s);
			else
				say(f, op, chunk(f, dir, s.data, s.len, s.len, 0));
			break;
		}
		case TT_FUZZ_CLIENT_HOLE:
		case TT_FUZZ_SERVER_HOLE:
			say(f, op, chunk(f, dir, NULL, 0, len, TT_CHUNK_NO_PAYLOAD));
			break;
		case TT_FUZZ_CLIENT_EOF:
		case TT_FUZZ_SERVER_EOF:
			say(f, op, chunk(f, dir, NULL, 0, 0, TT_CHUNK_EOF));
			break;
		case TT_FUZZ_PAUSE:
			f->now_ns += len * MS;
			tt_streams_advance(f->streams, f->now_ns);
			break;
		default: {
			if (op & TT_FUZZ_TABLE) {
				say_handshake(f, len);
				break;
			}
			struct tt_chunk *k = chunk(f, TT_RX, NULL, 0, 0, TT_CHUNK_ERROR);
			if (k)
				k->error = ECONNRESET;
			say(f, op, k);
			say_closed(f);
			break;
		}
		}
	}
}

void tt_fuzz_conversation(const uint8_t *data, size_t size, const struct tt_proto *const *protos, size_t count)
{
	struct tt_limits limits;
	struct tt_cursor c = tt_cursor(tt_span(data, TT_MIN(size, (size_t)CONVERSATION_MAX)));
	struct fuzz f = {.flags = tt_cursor_u8(&c), .now_ns = 1000 * MS};

	tt_limits_init(&limits);
	/* Small enough that inputs meet them. */
	limits.value[TT_LIMIT_CONNECTIONS] = 16;
	limits.value[TT_LIMIT_STREAM_BYTES] = 16384;
	limits.value[TT_LIMIT_STREAM_TOTAL_BYTES] = 20480;
	limits.value[TT_LIMIT_STREAM_HELD_CHUNKS] = 4;
	limits.value[TT_LIMIT_STREAM_MARKS] = 16;
	limits.value[TT_LIMIT_PENDING_REQUESTS] = 64;
	limits.value[TT_LIMIT_MESSAGES] = 96;
	limits.value[TT_LIMIT_TEXT_BYTES] = 512;
	limits.value[TT_LIMIT_STATEMENTS] = 8;

	if (tt_streams_new(&f.streams, &limits, protos, count, &ops, NULL) < 0)
		return;
	tt_streams_expect_tables(f.streams, f.flags & TT_FUZZ_TABLES);
	if (f.flags & TT_FUZZ_MID)
		f.offset[0] = f.offset[1] = 1000000;
	tt_fuzz_memory_short(f.flags & TT_FUZZ_MEMORY_SHORT ? (uint32_t)size : 0);
	play(&f, &c);
	if (f.late)
		give(&f, f.late);
	free(f.late);
	tt_streams_advance(f.streams, f.now_ns + 1000 * MS);
	tt_streams_finish(f.streams);
	tt_fuzz_memory_short(0);

	struct tt_stream_stats stats;
	tt_streams_stats(f.streams, &stats);
	must(stats.connections == 0 && stats.messages == 0 && stats.buffered_bytes == 0 && stats.parser_bytes == 0);
	tt_streams_free(f.streams);
}
