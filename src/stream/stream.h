/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections and their streams: records in, exchanges and connection reports out. Owns everything per connection, within
 * the limit rows. Records of one connection may come slightly out of order (several rings): a missing range is waited for
 * up to stream_hold_ms of record time, then it is a hole.
 */
#ifndef TT_STREAM_STREAM_H
#define TT_STREAM_STREAM_H

#include "shared/limits.h"
#include "stream/exchange.h"

/* Every number the stream layer counts. X(field, metric name part, help) */
#define TT_STREAM_STATS(X)                                                                                                     \
	X(chunks, "chunks", "chunks taken in")                                                                                 \
	X(bytes, "bytes", "stream bytes taken in, captured or not")                                                            \
	X(holes, "holes", "missing ranges that mattered")                                                                      \
	X(hole_bytes, "hole_bytes", "bytes missing in them")                                                                   \
	X(conflicts, "conflicts", "times bytes of a capture came again as other ones; the first stand")                        \
	X(missing_bytes, "missing_bytes", "bytes no chunk ever named, in bodies or elsewhere")                                 \
	X(skipped_bytes, "skipped_bytes", "bytes not parsed by intent (bodies)")                                               \
	X(unknown_bytes, "unknown_bytes", "bytes of connections whose protocol is not known")                                  \
	X(encrypted_bytes, "encrypted_bytes", "encrypted bytes, which are only counted")                                       \
	X(desyncs, "desyncs", "times a parser met what its protocol does not allow")                                           \
	X(resyncs, "resyncs", "times a side found a trustworthy message again")                                                \
	X(exchanges, "exchanges", "exchanges reported")                                                                        \
	X(incomplete, "exchanges_incomplete", "of them incomplete")                                                            \
	X(unpaired, "responses_unpaired", "responses whose request was not seen")                                              \
	X(late, "responses_late", "responses that came after their exchange was reported without them")                        \
	X(opened, "connections_opened", "connections first seen")                                                              \
	X(closed, "connections_closed", "connections ended")                                                                   \
	X(unread, "connections_unread", "of them encrypted, and nothing of their plaintext was seen")                          \
	X(evicted, "connections_evicted", "connections dropped because the table was full")                                    \
	X(idle, "connections_idle", "connections dropped because nothing happened on them")                                    \
	X(buffer_full, "buffer_full", "times a stream's unparsed bytes were dropped because of stream_bytes")                  \
	X(buffer_no_room, "buffer_no_room", "times a stream's unparsed bytes were dropped because of stream_total_bytes")      \
	X(held_full, "held_full", "times waiting for a missing range ended because of stream_held_chunks")                     \
	X(held_no_room, "held_no_room", "times waiting for a missing range ended because of stream_total_bytes")               \
	X(wait_full, "wait_full", "times waiting for the other direction ended because of stream_bytes")                       \
	X(wait_no_room, "wait_no_room", "times waiting for the other direction ended because of stream_total_bytes")           \
	X(marks_full, "marks_full", "times of arrival not kept because of stream_marks")                                       \
	X(message_full, "message_full", "messages not kept because of the limit")                                              \
	X(pending_full, "pending_full", "requests reported unanswered because of the limit")                                   \
	X(share_full, "share_full", "requests reported unanswered because there was no room for messages and theirs had most") \
	X(later_full, "later_full", "times all of a connection was reported unanswered because of later_answers")              \
	X(blocks_full, "blocks_full", "header blocks not read because of the limit")                                           \
	X(statements_full, "statements_full",                                                                                  \
	  "prepared statements, channels and the like that a protocol forgot because of a limit")                              \
	X(ids_again, "ids_again", "requests not read because their connection had used their id before (HTTP/2)")              \
	X(unpacked_full, "unpacked_full", "compressed messages read only up to the limit, or not at all for it")               \
	X(header_tables, "header_tables", "tables of HTTP/2 headers a library told that were of use")                          \
	X(header_tables_unfit, "header_tables_unfit", "of those told, not what was seen of the connection")                    \
	X(header_tables_full, "header_tables_full", "of those told, given up for newer ones before their block passed")        \
	X(parser_full, "parser_full", "times a protocol kept less of a connection because of the limit of all")                \
	X(unopened, "requests_unopened", "requests not read because of the limit of all (HTTP/2)")                             \
	X(bad_records, "bad_records", "records that made no sense")

struct tt_stream_stats {
#define TT_STREAM_STAT(field, ...) uint64_t field;
	TT_STREAM_STATS(TT_STREAM_STAT)
#undef TT_STREAM_STAT
	uint64_t connections;	 /* now */
	uint64_t messages;	 /* now */
	uint64_t buffered_bytes; /* now */
	uint64_t parser_bytes;	 /* now */
};

struct tt_streams_ops {
	void (*exchange)(void *ctx, const struct tt_exchange *x);
	void (*connection)(void *ctx, const struct tt_conn_report *report); /* NULL: not wanted */
	/* Capture wish for a direction of a connection. NULL: nobody to tell. */
	void (*wish)(void *ctx, const struct tt_conn_id *conn, enum tt_direction dir, uint64_t from, uint32_t bytes);
	/* Nothing is kept of the connection any more. closed: because its close came as a record. NULL: nobody to tell. */
	void (*forget)(void *ctx, const struct tt_conn_id *conn, bool closed);
};

struct tt_streams;

/*
 * `protos` (count of them; borrowed, as are ops, ctx and limits) are those that detection may choose. *ret is untouched on
 * failure (-ENOMEM).
 */
int tt_streams_new(struct tt_streams **ret, const struct tt_limits *limits, const struct tt_proto *const *protos, size_t count,
		   const struct tt_streams_ops *ops, void *ctx);

/* NULL-safe. Reports nothing: call tt_streams_finish first where the rest is wanted. Returns NULL. */
struct tt_streams *tt_streams_free(struct tt_streams *s);

/* Takes one record (chunk, open, close, l4, header table, handshake; others are ignored). The record is only read during the
 * call. */
void tt_streams_record(struct tt_streams *s, const struct tt_record *rec);

/* Libraries tell tables of headers (TT_REC_HEADER_TABLE): who needs one waits for it up to stream_hold_ms. */
void tt_streams_expect_tables(struct tt_streams *s, bool expected);

/* Decoded headers for a connection's link, from a library probe. `origin` is the layer. */
void tt_streams_headers(struct tt_streams *s, const struct tt_chunk *where, const struct tt_headers *headers);

/* All records up to this time have been given: ends waiting that is over, reports time-outs, drops idle connections. */
void tt_streams_advance(struct tt_streams *s, uint64_t watermark_ns);

/* No more records will come: everything still open is reported as what it is (unanswered requests: lost). */
void tt_streams_finish(struct tt_streams *s);

void tt_streams_stats(const struct tt_streams *s, struct tt_stream_stats *ret);

#endif
