/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: what the capture reader makes of a capture built in memory, as text. */
#ifndef TT_HARNESS_PCAP_LISTING_H
#define TT_HARNESS_PCAP_LISTING_H

#include <errno.h>
#include <inttypes.h>

#include "harness/pcap_build.h"
#include "harness/unit.h"
#include "source/pcap.h"
#include "source/pcap_decode.h"

#define SYN TT_TCP_SYN
#define ACK TT_TCP_ACK
#define FIN TT_TCP_FIN
#define RST TT_TCP_RST

/* Where the client's and the server's stream begin in the tests. */
#define C0 1000u
#define S0 5000u

/* Records as text, one a line, times as milliseconds since the start. */
struct listing {
	struct tt_buf text;
	uint64_t first_off[2];
	bool seen[2];
	bool with_times;
};

static inline uint64_t from_start_ms(uint64_t ns)
{
	return (ns - TT_BUILD_START) / TT_BUILD_MS;
}

static inline void list_chunk(struct listing *l, const struct tt_chunk *c)
{
	static const char *const names[] = {"tx", "rx"};
	uint64_t off = c->offset;

	if (!(c->flags & TT_CHUNK_FROM_START)) {
		if (!l->seen[c->direction])
			l->first_off[c->direction] = off;
		off -= l->first_off[c->direction];
	}
	l->seen[c->direction] = true;
	tt_buf_printf(&l->text, "%s%s%" PRIu64, names[c->direction], c->flags & TT_CHUNK_FROM_START ? "@" : "~", off);
	if (c->flags & TT_CHUNK_EOF)
		tt_buf_add_str(&l->text, " eof");
	if (c->flags & TT_CHUNK_ERROR)
		tt_buf_printf(&l->text, " error %d", c->error);
	if (c->flags & TT_CHUNK_NO_PAYLOAD && !c->length)
		tt_buf_add_str(&l->text, " again");
	else if (c->flags & TT_CHUNK_NO_PAYLOAD)
		tt_buf_printf(&l->text, "+%u again", c->length);
	else if (c->length)
		tt_buf_printf(&l->text, "+%u %.*s", c->length, (int)c->captured, (const char *)c + c->data_off);
	if (c->flags & TT_CHUNK_FIRST_SEEN)
		tt_buf_add_str(&l->text, " first");
	if (c->flags & TT_CHUNK_DATAGRAM)
		tt_buf_add_str(&l->text, " datagram");
	if (c->role != TT_ROLE_SERVER)
		tt_buf_add_str(&l->text, " role?");
}

static inline int list_record(void *ctx, const struct tt_record *rec)
{
	struct listing *l = ctx;
	const struct tt_conn_record *c = (const struct tt_conn_record *)rec;

	if (rec->type == TT_REC_CLOCK)
		return 0;
	if (rec->type == TT_REC_CHUNK)
		list_chunk(l, (const struct tt_chunk *)rec);
	else if (rec->type == TT_REC_OPEN)
		tt_buf_printf(&l->text, "open error=%d connect=%llu rtt=%u", c->error, c->connect_ns, c->rtt_us);
	else
		tt_buf_printf(&l->text, "close tx=%llu rx=%llu%s%s", c->tx_bytes, c->rx_bytes,
			      c->flags & TT_CONN_RESET_SENT ? " reset sent" : "",
			      c->flags & TT_CONN_RESET_RECEIVED ? " reset received" : "");
	if (l->with_times)
		tt_buf_printf(&l->text, " %" PRIu64 "ms", from_start_ms(rec->time_ns));
	tt_buf_add_char(&l->text, '\n');
	return 0;
}

static inline int run(struct tt_span file, const struct tt_limits *limits, struct listing *l, struct tt_pcap_stats *stats)
{
	struct tt_source *s = NULL;
	struct tt_source_stats records;
	int r;

	assert_int_equal(tt_pcap_new_bytes(&s, file, "test", limits), 0);
	while ((r = tt_source_poll(s, 3, list_record, l)) > 0)
		assert_true(r <= 3);
	s->ops->stats(s, &records);
	assert_int_equal(records.produced, records.delivered);
	assert_int_equal(records.queued, 0);
	assert_int_equal(r == -ENODATA, tt_file_source_error(s)[0] == 0);
	if (stats)
		assert_true(tt_pcap_stats(s, stats));
	tt_source_free(s);
	return r;
}

static inline struct tt_build handshake(void)
{
	struct tt_build b = TT_BUILD();

	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 0, true, C0 - 1, 0, SYN, "");
	tt_build_tcp(&b, 1, false, S0 - 1, C0, SYN | ACK, "");
	tt_build_tcp(&b, 3, true, C0, S0, ACK, "");
	return b;
}

/* What the reader says of it. */
#define OPEN "open error=0 connect=3000000 rtt=2000\n"

static inline struct tt_limits presets(void)
{
	struct tt_limits limits;

	tt_limits_init(&limits);
	return limits;
}

/* Runs the capture, frees it and compares. */
static inline void expect_with(struct tt_build *b, const struct tt_limits *limits, bool with_times, struct tt_pcap_stats *stats,
			       const char *expected)
{
	struct listing l = {.text = TT_BUF(1u << 20), .with_times = with_times};

	assert_int_equal(run(tt_buf_span(&b->file), limits, &l, stats), -ENODATA);
	tt_buf_add_char(&l.text, 0);
	assert_string_equal((const char *)l.text.data, expected);
	tt_buf_free(&l.text);
	tt_buf_free(&b->file);
}

static inline void expect(struct tt_build *b, const char *expected)
{
	struct tt_limits limits = presets();
	expect_with(b, &limits, false, NULL, expected);
}

#endif
