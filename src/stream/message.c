// SPDX-License-Identifier: Apache-2.0
/*
 * Where messages are kept: the store they come from, a link's lists of them, and the ones that are dead but still in the parser's
 * hands. What answers what is decided in pair.c and by_id.c.
 */
#include <string.h>

#include "stream/internal.h"

/* --- the store --------------------------------------------------------------------------------------------------------- */

/* Structs kept for the next message: enough that a busy stream allocates none, few enough to forget a burst. */
#define TT_FREE_MESSAGES 1024

/* Text a message may have: little once all of them together have much. */
static size_t tt_message_room(const struct tt_streams *s)
{
	return s->text_bytes < tt_streams_limit(s, TT_LIMIT_MESSAGE_BYTES) ? tt_streams_limit(s, TT_LIMIT_TEXT_BYTES)
									   : tt_limit_rows[TT_LIMIT_TEXT_BYTES].least;
}

/* All but the attributes, which behind attribute_count are never read. In short steps, which compilers make vectors of. */
static void tt_message_clear(struct tt_message *m)
{
	enum { SIZE = offsetof(struct tt_message, attributes), STEP = 64 };
	uint8_t *at = (uint8_t *)m;

	for (size_t i = 0; i < SIZE / STEP; i++, at += STEP)
		memset(at, 0, STEP);
	memset(at, 0, SIZE % STEP);
}

/* Out of line, so that taking a used one, as is done nearly always, saves no registers for it. */
__attribute__((noinline)) static bool tt_message_alloc(struct tt_streams *s)
{
	s->free_messages = calloc(1, sizeof(*s->free_messages));
	s->free_count += s->free_messages != NULL;
	return s->free_messages;
}

static inline struct tt_message *tt_message_new(struct tt_streams *s)
{
	if (s->stats.messages >= tt_streams_limit(s, TT_LIMIT_MESSAGES) || (!s->free_messages && !tt_message_alloc(s)))
		return NULL;

	struct tt_message *m = s->free_messages;
	s->free_messages = m->next;
	s->free_count--;
	tt_message_clear(m);
	tt_buf_clear(&m->bytes);
	m->bytes.max = tt_message_room(s);
	s->stats.messages++;
	return m;
}

static void tt_message_free(struct tt_link *link, struct tt_message *m)
{
	struct tt_streams *s = link->conn->s;

	if (!m)
		return;
	s->stats.messages--;
	link->messages--;
	s->text_bytes -= m->charged;
	if (s->free_count >= TT_FREE_MESSAGES) {
		tt_buf_free(&m->bytes);
		free(m);
		return;
	}
	if (m->bytes.cap > 1024)
		tt_buf_free(&m->bytes);
	s->free_count++;
	m->next = s->free_messages;
	s->free_messages = m;
}

void tt_messages_free(struct tt_streams *s)
{
	while (s->free_messages) {
		struct tt_message *m = s->free_messages;
		s->free_messages = m->next;
		tt_buf_free(&m->bytes);
		free(m);
	}
}

/* --- lists ------------------------------------------------------------------------------------------------------------- */

void tt_pair_out_of_list(struct tt_pair *p, struct tt_message *m)
{
	enum tt_side part = tt_message_part(m);

	if (!m->prev && !m->next && p->first[part] != m)
		return;
	*(m->prev ? &m->prev->next : &p->first[part]) = m->next;
	*(m->next ? &m->next->prev : &p->last[part]) = m->prev;
	m->prev = m->next = NULL;
	p->open[part]--;
	if (part == TT_REQUESTS)
		p->count--;
}

/* Takes it out of every list of the link. A response attached to its request stands in none. */
static void tt_pair_unlink(struct tt_link *link, struct tt_message *m)
{
	struct tt_pair *p = tt_pair_of(link, m);

	tt_pair_unhash(p, m);
	tt_pair_out_of_list(p, m);
	if (!m->ended)
		tt_message_not_open(link, m);
	if (m->will_end && !m->ended) {
		struct tt_message **at = &link->flow[tt_link_dir(link, m->side)].ending;
		while (*at && *at != m)
			at = &(*at)->ending;
		if (*at)
			*at = m->ending;
	}
}

void tt_pair_discard(struct tt_link *link, struct tt_message *m)
{
	if (!m)
		return;
	if (m->dead)
		return;
	if (m->peer) {
		m->peer->peer = NULL;
		tt_pair_of(link, m)->attached--;
	}
	m->peer = NULL;
	tt_pair_unlink(link, m);
	if (m->held) {
		m->dead = true;
		m->next = link->dead;
		link->dead = m;
		return;
	}
	tt_message_free(link, m);
}

void tt_pair_bury(struct tt_link *link, struct tt_message *m)
{
	struct tt_message **at = &link->dead;
	while (*at && *at != m)
		at = &(*at)->next;
	if (*at)
		*at = m->next;
	tt_message_free(link, m);
}

void tt_pair_let_go(struct tt_link *link, enum tt_side side)
{
	struct tt_message *next;
	for (struct tt_message *m = link->dead; m; m = next) {
		next = m->next;
		if (m->side == side)
			tt_pair_bury(link, m);
	}
}

/* --- begin and end ----------------------------------------------------------------------------------------------------- */

struct tt_message *tt_message_open(struct tt_link *link, enum tt_side side, const struct tt_input *in, size_t at)
{
	struct tt_streams *s = link->conn->s;
	const struct tt_flow *f = &link->flow[tt_link_dir(link, side)];

	if (tt_room_is_short(s))
		tt_room_make(link);
	struct tt_message *m = tt_message_new(s);
	if (!m) {
		s->stats.message_full++;
		return NULL;
	}
	link->messages++;
	m->side = (uint8_t)side;
	m->held = true;
	m->first_off = in ? in->offset + at : f->next;
	const struct tt_mark *mark = tt_marks_find(&f->marks, m->first_off);
	/* Of what has no byte of its own yet, the moment is that of the last byte there was. */
	if (!mark && !in && m->first_off)
		mark = tt_marks_find(&f->marks, m->first_off - 1);
	if (mark) {
		m->first_ns = mark->first_ns;
		m->tid = mark->tid;
		m->tgid = mark->tgid;
	}
	tt_message_is_open(link, m);
	return m;
}

struct tt_message *tt_message_recalled(struct tt_link *link, const struct tt_later *later)
{
	struct tt_streams *s = link->conn->s;
	struct tt_message *m = tt_message_new(s);

	if (!m) {
		s->stats.message_full++;
		return NULL;
	}
	link->messages++;
	m->side = TT_REQUESTS;
	m->ended = m->will_end = m->reported = true;
	m->turn = later->turn;
	m->id = later->id;
	m->tag = later->tag;
	m->kind = later->kind;
	m->first_ns = m->last_ns = later->first_ns;
	return m;
}

static void tt_pair_clear(struct tt_link *link, struct tt_pair *p)
{
	while (p->first[TT_REQUESTS]) {
		struct tt_message *rsp = p->first[TT_REQUESTS]->peer;
		tt_pair_discard(link, p->first[TT_REQUESTS]);
		tt_pair_discard(link, rsp);
	}
	while (p->first[TT_RESPONSES])
		tt_pair_discard(link, p->first[TT_RESPONSES]);
	free(p->hash[0]);
	free(p->hash[1]);
	*p = (struct tt_pair){0};
}

void tt_pair_free(struct tt_link *link)
{
	tt_pair_later_forget(link);
	tt_pair_clear(link, &link->pair);
	tt_pair_clear(link, &link->back);
	while (link->dead)
		tt_pair_bury(link, link->dead);
}
