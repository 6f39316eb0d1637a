// SPDX-License-Identifier: Apache-2.0
/*
 * Chunks that wait. Where bytes of one direction are missing, both directions stand still until they come or are given up, and
 * go on in the order of their times then: an answer that is read before the request it belongs to belongs to none.
 */
#include <string.h>

#include "stream/internal.h"

/* So many times as many chunks are held of a direction that misses nothing: messages may take several, their answers one. */
#define TT_HELD_BESIDE 4
/* When these are too many, the other direction is told to go on if it has a part of what it may hold, so that it does go on. */
#define TT_HELD_PART 8

/* Its first byte's, as a mark has it. */
static uint64_t tt_chunk_first_ns(const struct tt_chunk *k)
{
	bool sent = k->direction == TT_TX && k->origin != TT_ORIGIN_PCAP;

	return sent && k->entry_ns ? k->entry_ns : k->rec.time_ns;
}

static uint64_t tt_held_cost(const struct tt_chunk *k)
{
	return sizeof(struct tt_held) + k->captured;
}

static struct tt_held *tt_held_pop(struct tt_streams *s, struct tt_flow *f)
{
	struct tt_held *h = f->held;

	f->held = h->next;
	f->held_count--;
	s->stats.buffered_bytes -= tt_held_cost(&h->chunk);
	return h;
}

void tt_held_free(struct tt_streams *s, struct tt_flow *f)
{
	while (f->held)
		free(tt_held_pop(s, f));
}

/*
 * By what they are in order: where a chunk begins; bytes that came again as other ones follow all they are, which may be several
 * chunks.
 */
static uint64_t tt_held_place(const struct tt_chunk *k)
{
	return tt_flow_came_again(k) && k->length ? k->offset + k->length - 1 : k->offset;
}

static void tt_held_pass(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data)
{
	if (tt_flow_is_conflict(&link->flow[dir], chunk))
		tt_flow_conflict(link, dir, chunk);
	else
		tt_flow_take_rest(link, dir, chunk, data);
}

/* The first one goes on, which misses nothing. */
static void tt_held_take(struct tt_link *link, int dir)
{
	struct tt_flow *f = &link->flow[dir];
	tt_free_auto struct tt_held *h = tt_held_pop(link->conn->s, f);

	if (!f->eof)
		tt_held_pass(link, dir, &h->chunk, (const uint8_t *)(h + 1));
}

/* What this direction has first, if anything, goes before that time of the other: at the same time a request before an answer. */
static bool tt_held_goes_before(const struct tt_link *link, int dir, uint64_t other_ns)
{
	const struct tt_held *h = link->flow[dir].held;
	uint64_t first_ns = h ? tt_chunk_first_ns(&h->chunk) : 0;

	return h && (first_ns < other_ns || (first_ns == other_ns && dir == tt_link_dir(link, TT_REQUESTS)));
}

/* All that misses nothing, as long as neither direction waits. */
static void tt_held_drain(struct tt_link *link)
{
	const struct tt_flow *f = link->flow;

	while ((f[0].held || f[1].held) && !tt_flow_waits(&f[0]) && !tt_flow_waits(&f[1])) {
		tt_held_take(link, !f[0].held || tt_held_goes_before(link, 1, tt_chunk_first_ns(&f[0].held->chunk)));
	}
	link->flow[0].unheld &= tt_flow_waits(&f[1]);
	link->flow[1].unheld &= tt_flow_waits(&f[0]);
}

/* What is missing before the first one is a hole: of what the other direction moved meanwhile the earlier part may belong to it.
 */
static void tt_held_give_up(struct tt_link *link, int dir)
{
	const struct tt_flow *f = &link->flow[dir], *other = &link->flow[!dir];
	uint64_t by_ns = tt_chunk_first_ns(&f->held->chunk);

	while (!tt_flow_waits(other) && tt_held_goes_before(link, !dir, by_ns))
		tt_held_take(link, !dir);
	tt_flow_missing(link, dir, f->held->chunk.offset, by_ns);
	tt_held_drain(link);
	tt_link_settle(link);
}

/* NULL: there is no room. */
static struct tt_held *tt_held_new(struct tt_streams *s, const struct tt_chunk *chunk, const uint8_t *data)
{
	struct tt_held *h = NULL;

	if (s->stats.buffered_bytes + tt_held_cost(chunk) <= tt_streams_limit(s, TT_LIMIT_STREAM_TOTAL_BYTES))
		h = malloc(sizeof(*h) + chunk->captured);
	if (!h)
		return NULL;
	h->chunk = *chunk;
	h->since_ns = chunk->rec.time_ns;
	memcpy(h + 1, data, chunk->captured);
	s->stats.buffered_bytes += tt_held_cost(chunk);
	return h;
}

/* One ends waiting at the limit that `cause` counts, however many chunks that makes pass. */
static void tt_held_unheld(struct tt_link *link, int dir, uint64_t *cause)
{
	*cause += !link->flow[dir].unheld;
	link->flow[dir].unheld = true;
}

/* More than may be held of a direction that only waits for the other one. */
static void tt_held_too_many(struct tt_link *link, int dir)
{
	struct tt_streams *s = link->conn->s;
	const struct tt_flow *other = &link->flow[!dir];

	if (tt_flow_waits(other) && other->held_count * TT_HELD_PART >= tt_streams_limit(s, TT_LIMIT_STREAM_HELD_CHUNKS)) {
		s->stats.held_full++;
		tt_held_give_up(link, !dir);
	} else {
		tt_held_unheld(link, dir, &s->stats.held_full);
		tt_held_take(link, dir);
	}
}

/* The oldest hole of this direction is waited for no more, where the chunk lies behind what waits for it. False: there is none.
 */
static bool tt_held_make_room(struct tt_link *link, int dir, const struct tt_chunk *chunk)
{
	const struct tt_flow *f = &link->flow[dir];

	if (!tt_flow_waits(f) || tt_held_place(&f->held->chunk) > tt_held_place(chunk))
		return false;
	link->conn->s->stats.held_no_room++;
	tt_held_give_up(link, dir);
	return true;
}

/* Without room nothing in front of the chunk waits, and what is missing right before it is a hole: no byte that was seen is lost.
 */
static void tt_held_no_room(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data)
{
	struct tt_flow *f = &link->flow[dir];
	uint64_t *cause = &link->conn->s->stats.held_no_room;

	do {
		while (f->held && !tt_flow_waits(f))
			tt_held_take(link, dir);
	} while (tt_held_make_room(link, dir, chunk));
	if (f->eof)
		return;
	if (chunk->offset > f->next) {
		++*cause;
		tt_flow_missing(link, dir, chunk->offset, tt_chunk_first_ns(chunk));
	} else {
		tt_held_unheld(link, dir, cause);
	}
	tt_held_pass(link, dir, chunk, data);
}

static void tt_held_add(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data)
{
	struct tt_streams *s = link->conn->s;
	struct tt_flow *f = &link->flow[dir];
	uint64_t most = tt_streams_limit(s, TT_LIMIT_STREAM_HELD_CHUNKS);

	struct tt_held *h = tt_held_new(s, chunk, data);
	while (!h && tt_held_make_room(link, dir, chunk))
		h = tt_held_new(s, chunk, data);
	if (!h) {
		tt_held_no_room(link, dir, chunk, data);
		return;
	}
	struct tt_held **at = &f->held;
	while (*at && tt_held_place(&(*at)->chunk) <= tt_held_place(chunk))
		at = &(*at)->next;
	h->next = *at;
	*at = h;
	f->held_count++;
	if (tt_flow_waits(f) && f->held_count > most) {
		s->stats.held_full++;
		tt_held_give_up(link, dir);
	} else if (f->held_count > most * TT_HELD_BESIDE) {
		tt_held_too_many(link, dir);
	}
}

/* Bytes nobody reads, and a message's end is not among them: they need no order, and there may be many. */
static bool tt_flow_passes(const struct tt_flow *f, const struct tt_chunk *chunk)
{
	uint64_t end = chunk->offset + chunk->length;

	return f->mode == TT_FLOW_STOPPED ||
	       (end <= f->skip_to && (!f->ending || f->ending->end_off > end) && !(chunk->flags & TT_CHUNK_EOF));
}

void tt_held_chunk(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data)
{
	struct tt_flow *f = &link->flow[dir];
	bool next = chunk->offset <= f->next && (!f->held || tt_flow_waits(f));

	if (next && f->held) {
		f->late_from = f->next;
		f->late_to = chunk->offset + chunk->length;
	}
	/* What was missing is older than all that waited for it. */
	if (next && (f->held || tt_flow_passes(f, chunk)))
		tt_flow_take_rest(link, dir, chunk, data);
	else
		tt_held_add(link, dir, chunk, data);
	tt_held_drain(link);
}

/* The direction whose first chunk has waited longest, a request rather than an answer; -1: nothing is held. */
static int tt_held_longest(const struct tt_link *link)
{
	int asked = tt_link_dir(link, TT_REQUESTS);
	const struct tt_held *a = link->flow[asked].held, *b = link->flow[!asked].held;

	if (!a)
		return b ? !asked : -1;
	return b && b->since_ns < a->since_ns ? !asked : asked;
}

void tt_held_release(struct tt_link *link, uint64_t until_ns)
{
	for (int dir = tt_held_longest(link); dir >= 0 && link->flow[dir].held->since_ns <= until_ns;
	     dir = tt_held_longest(link)) {
		if (tt_flow_waits(&link->flow[dir]))
			tt_held_give_up(link, dir);
		else
			tt_held_take(link, dir);
		tt_held_drain(link);
	}
}
