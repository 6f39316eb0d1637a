// SPDX-License-Identifier: Apache-2.0
/*
 * Channels. A number is used again once its channel is closed, so what is said on it has the channel's turn in its ids. Where the
 * client's side is read ahead, a number has a channel for each side: the broker's is then the older one, up to its open-ok.
 */
#include "proto/amqp.h"

#include <stdlib.h>

#include "base/own.h"
#include "shared/limits.h"

/* Turns fit into ids; 0: it was not seen opening. */
#define TURNS 2047u
/* By so many openings of a number the client's side is followed ahead of the broker's. */
#define AHEAD_MOST 8

static struct tt_amqp_channel **place_of(struct tt_amqp *s, uint16_t number)
{
	struct tt_amqp_channel **at = &s->bucket[number % TT_AMQP_BUCKETS];

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

struct tt_amqp_channel *tt_amqp_channel_find(struct tt_amqp *s, uint16_t number, enum tt_side side)
{
	struct tt_amqp_channel *ch = *place_of(s, number);

	while (ch && ch->older && side == TT_RESPONSES)
		ch = ch->older;
	return ch;
}

static bool too_far_ahead(const struct tt_amqp_channel *ch)
{
	size_t n = 0;

	while (ch && n < AHEAD_MOST) {
		ch = ch->older;
		n++;
	}
	return n == AHEAD_MOST;
}

static struct tt_amqp_channel *add(struct tt_link *link, struct tt_amqp *s, uint16_t number)
{
	struct tt_amqp_channel **at = place_of(s, number);
	bool room = !too_far_ahead(*at) && s->channels < tt_link_limit(link, TT_LIMIT_STATEMENTS) &&
		    tt_keep(link, sizeof(struct tt_amqp_channel));
	struct tt_amqp_channel *ch = room ? calloc(1, sizeof(*ch)) : NULL;

	if (!ch) {
		tt_statements_turned_away(link, 1);
		return NULL;
	}
	ch->number = number;
	ch->older = *at;
	ch->next = *at ? (*at)->next : NULL;
	*at = ch;
	s->channels++;
	return ch;
}

struct tt_amqp_channel *tt_amqp_channel(struct tt_link *link, struct tt_amqp *s, uint16_t number, enum tt_side side)
{
	struct tt_amqp_channel *ch = tt_amqp_channel_find(s, number, side);
	return ch ? ch : add(link, s, number);
}

static void discard(struct tt_link *link, struct tt_amqp *s, struct tt_amqp_channel *ch)
{
	free(ch);
	tt_keep_less(link, sizeof(*ch));
	s->channels--;
}

static void discard_older(struct tt_link *link, struct tt_amqp *s, struct tt_amqp_channel *ch)
{
	while (ch->older) {
		struct tt_amqp_channel *older = ch->older;
		ch->older = older->older;
		discard(link, s, older);
	}
}

void tt_amqp_channels_free(struct tt_amqp *s)
{
	for (size_t i = 0; i < TT_AMQP_BUCKETS; i++) {
		while (s->bucket[i]) {
			struct tt_amqp_channel *ch = s->bucket[i];
			s->bucket[i] = ch->older ? ch->older : ch->next;
			if (ch->older)
				ch->older->next = ch->next;
			free(ch);
		}
	}
	s->channels = 0;
}

void tt_amqp_channels_gap(struct tt_link *link, struct tt_amqp *s, enum tt_side side)
{
	for (size_t i = 0; i < TT_AMQP_BUCKETS; i++) {
		for (struct tt_amqp_channel *ch = s->bucket[i]; ch; ch = ch->next) {
			if (side == TT_RESPONSES)
				discard_older(link, s, ch);
			ch->content[side] = (struct tt_amqp_content){.open = false};
			ch->doubtful[side] = side == TT_RESPONSES ? ch->published : ch->delivered;
			ch->holed[side] = true;
			ch->left = ch->moved = false;
			if (side == TT_REQUESTS)
				ch->closed = ch->confirms = ch->only_no_ack = false;
		}
	}
}

/* --- opening ---------------------------------------------------------------------------------------------------------------- */

void tt_amqp_channel_opens(struct tt_amqp_frame *f)
{
	struct tt_amqp_channel *ch = tt_amqp_channel_find(f->s, f->channel, TT_REQUESTS);

	if (ch)
		tt_amqp_content_cut(f, ch);
	/* What the broker says may still be about the one before; of what it said in a hole that is not known. */
	bool moved = ch && !ch->left && ch->holed[TT_RESPONSES];
	if (!ch || (!ch->left && !moved)) {
		struct tt_amqp_channel *new = add(f->link, f->s, f->channel);
		moved = !new;
		ch = new ? new : ch;
	}
	if (!ch)
		return;
	*ch = (struct tt_amqp_channel){
		.next = ch->next,
		.older = ch->older,
		.number = ch->number,
		.content[TT_RESPONSES] = ch->content[TT_RESPONSES],
		.turn = f->s->turns = (uint16_t)(f->s->turns % TURNS + 1),
		.holed[TT_RESPONSES] = moved,
		.moved = moved,
	};
}

bool tt_amqp_channel_opened(struct tt_amqp_frame *f, uint64_t id)
{
	const struct tt_message *request;

	/* From here on the broker speaks of the channel that this opens: it has to be read first. */
	enum tt_awaited awaited = tt_awaited_by_id(f->link, id, &request);
	if (awaited == TT_NOT_YET)
		return false;
	struct tt_amqp_channel *ch = tt_amqp_channel_find(f->s, f->channel, TT_RESPONSES);
	if (!ch)
		return true;
	if (awaited == TT_HAVE && ch->turn != request->kind) {
		ch = *place_of(f->s, f->channel);
		while (ch->older && ch->turn != request->kind)
			ch = ch->older;
	}
	for (struct tt_amqp_channel *older = ch->older; older; older = older->older)
		tt_amqp_content_cut(f, older);
	discard_older(f->link, f->s, ch);
	ch->left = ch->moved = ch->holed[TT_RESPONSES] = false;
	return true;
}

/* --- closing ---------------------------------------------------------------------------------------------------------------- */

void tt_amqp_channel_left(struct tt_amqp_frame *f, uint16_t code)
{
	struct tt_amqp_channel *newest = *place_of(f->s, f->channel), *ch = newest;

	if (!ch)
		return;
	if (!ch->older) {
		tt_amqp_content_cut(f, ch);
		ch->left = true;
		ch->code = code;
		return;
	}
	/* The client opened it again. */
	while (ch->older->older)
		ch = ch->older;
	tt_amqp_content_cut(f, ch->older);
	discard_older(f->link, f->s, ch);
}

void tt_amqp_channel_forget(struct tt_amqp_frame *f)
{
	struct tt_amqp_channel **at = place_of(f->s, f->channel), *ch = *at;

	/* Of one whose content is still coming the message is needed. */
	if (!ch || ch->older || !ch->left || !ch->closed || ch->content[0].open || ch->content[1].open)
		return;
	*at = ch->next;
	discard(f->link, f->s, ch);
}

/* --- what a close leaves unanswered ----------------------------------------------------------------------------------------- */

/* False: it was not answered so. */
static bool fail_one(struct tt_amqp_frame *f, uint64_t id, const struct tt_amqp_arguments *close, bool doubt)
{
	struct tt_message *m = tt_begin(f->link, f->side, false, f->in, f->start);

	tt_message_identify(f->link, m, id);
	if (!m || !m->peer) {
		tt_message_drop(f->link, m);
		return false;
	}
	tt_amqp_fail(m, close);
	m->incomplete = doubt;
	tt_amqp_end(f, m);
	return true;
}

static bool waits(const struct tt_amqp_frame *f, uint64_t id)
{
	const struct tt_message *m = tt_message_by_id(f->link, TT_REQUESTS, id);
	return m && !m->peer;
}

void tt_amqp_channel_fail_waiting(struct tt_amqp_frame *f, const struct tt_amqp_arguments *close)
{
	const struct tt_amqp_channel *ch = tt_amqp_channel_find(f->s, f->channel, TT_RESPONSES);
	uint64_t most = tt_link_limit(f->link, TT_LIMIT_PENDING_REQUESTS);
	const struct tt_amqp_method *m;

	if (!ch || ch->left)
		return;
	/* Older ones than can be waited for are not there. */
	uint64_t from = TT_MAX(ch->confirmed, ch->published > most ? ch->published - most : 0);
	for (uint64_t tag = from + 1; tag <= ch->published; tag++) {
		uint64_t id = tt_amqp_id_of_tag(ch, f->channel, tag);
		if (waits(f, id))
			fail_one(f, id, close, tag <= ch->doubtful[TT_RESPONSES] || ch->moved);
	}
	for (size_t i = 0; (m = tt_amqp_method_number(i)); i++) {
		uint64_t id = tt_amqp_id_of_method(ch, f->channel, m->class, m->method);
		bool asks = m->what == TT_AMQP_ASKS && m->class > 20;
		while (asks && waits(f, id) && fail_one(f, id, close, ch->moved))
			;
	}
}
