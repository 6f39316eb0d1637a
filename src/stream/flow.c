// SPDX-License-Identifier: Apache-2.0
/* One direction of a link: chunks in any order in, bytes in order and holes out. */
#include <string.h>

#include "stream/internal.h"

static void tt_flow_buf_drop(struct tt_streams *s, struct tt_flow *f)
{
	s->stats.buffered_bytes -= f->buf.len;
	tt_buf_clear(&f->buf);
	if (f->buf.cap > 4096)
		tt_buf_free(&f->buf);
}

void tt_flow_free(struct tt_streams *s, struct tt_flow *f)
{
	s->stats.buffered_bytes -= f->buf.len;
	tt_buf_free(&f->buf);
	tt_marks_free(&f->marks);
	tt_held_free(s, f);
}

/* Messages that end within what has now been taken in. */
static void tt_flow_seal(struct tt_link *link, struct tt_flow *f)
{
	while (f->ending && f->ending->end_off <= f->next) {
		struct tt_message *m = f->ending;
		f->ending = m->ending;
		m->ending = NULL;
		tt_pair_sealed(link, m, tt_marks_find(&f->marks, m->end_off - 1));
	}
}

/* Moves the consumed position on by n bytes. */
void tt_flow_advance_at(struct tt_link *link, int dir, size_t n)
{
	struct tt_flow *f = &link->flow[dir];

	f->at += n;
	tt_marks_drop(&f->marks, f->at);
}

/* Which limit keeps so many bytes more from being kept; TT_LIMIT_MAX: none. */
static enum tt_limit tt_flow_limit(const struct tt_streams *s, const struct tt_flow *f, size_t len)
{
	if (f->buf.len + len > f->buf.max)
		return TT_LIMIT_STREAM_BYTES;
	if (s->stats.buffered_bytes + len > tt_streams_limit(s, TT_LIMIT_STREAM_TOTAL_BYTES))
		return TT_LIMIT_STREAM_TOTAL_BYTES;
	return TT_LIMIT_MAX;
}

static void tt_flow_keep(struct tt_link *link, int dir, const uint8_t *data, size_t len)
{
	struct tt_streams *s = link->conn->s;
	struct tt_flow *f = &link->flow[dir];
	enum tt_limit limit = tt_flow_limit(s, f, len);

	if (limit == TT_LIMIT_MAX && tt_buf_add(&f->buf, data, len) == 0) {
		s->stats.buffered_bytes += len;
		return;
	}

	/* A message larger than the limit allows: what is known of it is a hole now. */
	*(limit == TT_LIMIT_STREAM_BYTES ? &s->stats.buffer_full : &s->stats.buffer_no_room) += 1;
	uint64_t lost = f->buf.len + len;
	tt_flow_buf_drop(s, f);
	tt_flow_advance_at(link, dir, lost);
	tt_link_hole(link, dir, lost, 0);
}

void tt_flow_refeed(struct tt_link *link, int dir)
{
	struct tt_flow *f = &link->flow[dir];

	if (f->busy || f->buf.len == 0)
		return;
	size_t before = f->buf.len;
	size_t used = tt_link_feed(link, dir, f->buf.data, before);
	/* A hole met while parsing has emptied the buffer already. */
	if (f->buf.len == before && used) {
		tt_buf_consume(&f->buf, used);
		link->conn->s->stats.buffered_bytes -= used;
		if (!f->buf.len)
			tt_flow_buf_drop(link->conn->s, f); /* a large one is not kept */
	}
}

/* What it waits for is taken not to come. */
static void tt_flow_wait_no_more(struct tt_link *link, int dir)
{
	struct tt_flow *f = &link->flow[dir];

	f->give_up = true;
	tt_flow_refeed(link, dir);
	f->give_up = false;
	f->wait_ns = 0;
}

/* There is no room to wait for the other direction with so many bytes more. */
static bool tt_flow_wait_ends(struct tt_streams *s, const struct tt_flow *f, size_t len)
{
	enum tt_limit limit = f->wait_ns ? tt_flow_limit(s, f, len) : TT_LIMIT_MAX;

	if (limit == TT_LIMIT_MAX)
		return false;
	*(limit == TT_LIMIT_STREAM_BYTES ? &s->stats.wait_full : &s->stats.wait_no_room) += 1;
	return true;
}

/* Takes in bytes that stand right at f->next; their mark is set. */
static void tt_flow_bytes(struct tt_link *link, int dir, const uint8_t *data, size_t len)
{
	struct tt_streams *s = link->conn->s;
	struct tt_flow *f = &link->flow[dir];

	if (len == 0)
		return;
	if (tt_flow_wait_ends(s, f, len))
		tt_flow_wait_no_more(link, dir);
	if (f->buf.len) {
		tt_flow_keep(link, dir, data, len);
		if (!f->wait_ns || f->give_up)
			tt_flow_refeed(link, dir);
		return;
	}
	size_t used = tt_link_feed(link, dir, data, len);
	if (used < len && tt_flow_wait_ends(s, f, len - used)) {
		f->give_up = true;
		used += tt_link_feed(link, dir, data + used, len - used);
		f->give_up = false;
		f->wait_ns = 0;
	}
	if (used < len)
		tt_flow_keep(link, dir, data + used, len - used);
}

void tt_flow_hole(struct tt_link *link, int dir, uint64_t n, uint64_t by_ns)
{
	struct tt_streams *s = link->conn->s;
	struct tt_flow *f = &link->flow[dir];

	if (f->at >= f->skip_to && f->at < f->optional_to && f->mode == TT_FLOW_PARSE && !f->buf.len && link->proto->unseen)
		tt_link_unseen(link, dir, n);
	if (f->at < f->skip_to) {
		uint64_t free_of_cost = TT_MIN(n, f->skip_to - f->at);
		tt_flow_advance_at(link, dir, free_of_cost);
		s->stats.skipped_bytes += free_of_cost;
		n -= free_of_cost;
	}
	if (n == 0)
		return;

	uint64_t kept = f->buf.len;
	tt_flow_buf_drop(s, f);
	tt_flow_advance_at(link, dir, kept + n);
	if (f->mode == TT_FLOW_STOPPED) {
		tt_link_unread(link, n);
		return;
	}
	s->stats.holes++;
	s->stats.hole_bytes += n;
	tt_link_hole(link, dir, n, by_ns);
}

bool tt_flow_is_conflict(const struct tt_flow *f, const struct tt_chunk *k)
{
	return tt_flow_came_again(k) && f->started && k->offset + k->length <= f->next;
}

/*
 * Which bytes the other end took is not known: what they are part of is not complete, and where a message begins behind them is
 * found out as behind a hole.
 */
void tt_flow_conflict(struct tt_link *link, int dir, const struct tt_chunk *chunk)
{
	struct tt_streams *s = link->conn->s;
	struct tt_flow *f = &link->flow[dir];
	uint64_t from = chunk->offset, to = chunk->offset + chunk->length;

	s->stats.conflicts++;
	s->stats.bytes -= chunk->length; /* once is enough */
	if (from == to)
		return;
	f->doubt_from = f->doubt_to ? TT_MIN(f->doubt_from, from) : from;
	f->doubt_to = TT_MAX(f->doubt_to, to);
	uint64_t kept = f->buf.len;
	tt_flow_buf_drop(s, f);
	tt_flow_advance_at(link, dir, kept);
	tt_link_hole(link, dir, kept, 0);
	tt_link_settle(link);
}

/* When the bytes came that are taken in now. Without room for that the time of those before is taken for theirs. */
static void tt_flow_mark(struct tt_streams *s, struct tt_flow *f, const struct tt_mark *mark)
{
	s->stats.marks_full += tt_marks_add(&f->marks, mark, tt_streams_limit(s, TT_LIMIT_STREAM_MARKS)) < 0;
}

/* Takes in a chunk that begins at f->next. */
static void tt_flow_take(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data)
{
	struct tt_streams *s = link->conn->s;
	struct tt_flow *f = &link->flow[dir];

	if (chunk->flags & TT_CHUNK_EOF) {
		tt_flow_eof(link, dir);
		return;
	}
	if (chunk->length == 0)
		return;

	/* The first byte of a sent message was there at the call's entry; an unstamped entry is unknown. */
	bool sent = chunk->direction == TT_TX && chunk->origin != TT_ORIGIN_PCAP;
	const struct tt_mark mark = {
		.begin = chunk->offset,
		.end = chunk->offset + chunk->length,
		.first_ns = sent ? chunk->entry_ns : chunk->rec.time_ns,
		.last_ns = chunk->rec.time_ns,
		.tid = chunk->rec.tid,
		.tgid = chunk->rec.tgid,
	};
	tt_flow_mark(s, f, &mark);
	f->last_ns = chunk->rec.time_ns;
	f->next = mark.end;
	tt_flow_seal(link, f);

	tt_flow_bytes(link, dir, data, chunk->captured);
	if (chunk->captured < chunk->length)
		tt_flow_hole(link, dir, chunk->length - chunk->captured, 0);
	tt_link_settle(link);
}

void tt_flow_take_rest(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data)
{
	struct tt_flow *f = &link->flow[dir];
	struct tt_chunk rest = *chunk;
	uint64_t old = f->next - chunk->offset;

	if (old > chunk->length || (old == chunk->length && !(chunk->flags & TT_CHUNK_EOF)))
		return;
	rest.offset += old;
	rest.length -= (uint32_t)old;
	uint32_t cut = (uint32_t)TT_MIN(old, (uint64_t)chunk->captured);
	rest.captured -= cut;
	tt_flow_take(link, dir, &rest, data + cut);
}

/* They were moved, but when is not known. */
void tt_flow_missing(struct tt_link *link, int dir, uint64_t until, uint64_t by_ns)
{
	struct tt_flow *f = &link->flow[dir];
	const struct tt_mark mark = {.begin = f->next, .end = until};

	tt_flow_mark(link->conn->s, f, &mark);
	f->next = f->missing_to = until;
	link->conn->s->stats.missing_bytes += mark.end - mark.begin;
	tt_flow_seal(link, f);
	tt_flow_hole(link, dir, mark.end - mark.begin, by_ns);
}

void tt_flow_chunk(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data)
{
	struct tt_flow *f = &link->flow[dir];

	if (!f->started) {
		f->started = true;
		/* A stream seen opening but first seen further on has a hole in front; one that was forgotten meanwhile goes on,
		 * and so does its other direction. */
		f->from_start = chunk->flags & TT_CHUNK_FROM_START &&
				(link->conn->opened || chunk->offset == 0 || link->flow[!dir].from_start);
		f->late_start = chunk->flags & TT_CHUNK_FROM_START && !f->from_start;
		f->next = f->at = f->reported = f->from_start ? 0 : chunk->offset;
		f->begun_ns = f->from_start ? 0 : chunk->rec.time_ns;
		if (f->from_start && link->flow[!dir].late_start)
			tt_link_front_missing(link, !dir);
		if (link->proto && !f->from_start && f->mode == TT_FLOW_PARSE)
			f->mode = TT_FLOW_RESYNC;
	}
	if (f->eof)
		return;
	if (tt_flow_is_conflict(f, chunk)) {
		tt_flow_conflict(link, dir, chunk);
		return;
	}
	if (chunk->offset > f->next || f->held || link->flow[!dir].held)
		tt_held_chunk(link, dir, chunk, data);
	else if (chunk->offset < f->next)
		tt_flow_take_rest(link, dir, chunk, data);
	else
		tt_flow_take(link, dir, chunk, data);
}

/* The end is told once nothing before it waits any longer. */
static void tt_flow_tell_eof(struct tt_link *link, int dir)
{
	struct tt_flow *f = &link->flow[dir];

	if (!f->eof || f->eof_told || f->wait_ns)
		return;
	f->eof_told = true;
	tt_flow_buf_drop(link->conn->s, f);
	tt_pair_eof(link, tt_link_side(link, dir));
}

void tt_flow_release(struct tt_link *link, int dir, uint64_t until_ns)
{
	struct tt_flow *f = &link->flow[dir];

	if (f->wait_ns && f->wait_ns <= until_ns) {
		tt_flow_wait_no_more(link, dir);
		tt_link_settle(link);
	}
	tt_flow_tell_eof(link, dir);
}

void tt_flow_eof(struct tt_link *link, int dir)
{
	struct tt_flow *f = &link->flow[dir];

	if (f->eof)
		return;
	f->eof = true;
	tt_held_free(link->conn->s, f); /* nothing lies behind it */
	tt_flow_refeed(link, dir);
	tt_link_settle(link);
	tt_flow_tell_eof(link, dir);
}
