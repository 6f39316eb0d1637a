// SPDX-License-Identifier: Apache-2.0
/*
 * In order: requests that were reported without their answer and of which only the turn is kept, because they timed out or there
 * was no room for them. When it is their turn to be answered they are messages again for that time.
 */
#include <stdlib.h>
#include <string.h>

#include "stream/internal.h"

/* They were begun one after the other, and their answers are read in the same way. */
static bool tt_later_goes_on(const struct tt_later *l, const struct tt_message *m)
{
	return l->turn + l->count == m->turn && l->kind == m->kind && l->tag == m->tag && l->id == m->id;
}

/* Room for one more at the end. False: the limit is reached, or there is no memory. */
static bool tt_laters_grow(struct tt_link *link, struct tt_laters *l)
{
	const struct tt_pair *p = &link->pair;

	if (p->later[0].count + p->later[1].count >= tt_streams_limit(link->conn->s, TT_LIMIT_LATER_ANSWERS))
		return false;
	if (l->list && l->first + l->count < l->cap)
		return true;
	if (l->list && l->first > l->cap / 2) {
		memmove(l->list, l->list + l->first, l->count * sizeof(*l->list));
		l->first = 0;
		return true;
	}
	uint32_t more = TT_MAX(l->cap, 4u);
	if (!tt_keep(link, more * sizeof(*l->list)))
		return false;
	struct tt_later *list = reallocarray(l->list, l->cap + more, sizeof(*list));
	if (!list) {
		tt_keep_less(link, more * sizeof(*list));
		return false;
	}
	l->list = list;
	l->cap += more;
	return true;
}

static bool tt_laters_add(struct tt_link *link, struct tt_laters *l, const struct tt_message *m)
{
	struct tt_later *last = l->count ? &l->list[l->first + l->count - 1] : NULL;

	if (last && tt_later_goes_on(last, m)) {
		last->count++;
		return true;
	}
	if ((last && m->turn < last->turn + last->count) || !tt_laters_grow(link, l))
		return false;
	l->list[l->first + l->count++] = (struct tt_later){
		.turn = m->turn, .count = 1, .id = m->id, .tag = m->tag, .kind = m->kind, .first_ns = m->first_ns};
	return true;
}

bool tt_pair_later(struct tt_link *link, struct tt_message *req, bool timed_out)
{
	/* What times out is older than what is kept; of those there was no room for each is the newest. */
	if (!tt_laters_add(link, &link->pair.later[!timed_out], req))
		return false;
	link->pair.later_open++;
	tt_pair_discard(link, req);
	return true;
}

/* The first of all; NULL: there is none. */
static struct tt_laters *tt_laters_first(struct tt_pair *p)
{
	struct tt_laters *a = &p->later[0], *b = &p->later[1];

	if (!a->count || !b->count)
		return a->count ? a : b->count ? b : NULL;
	return a->list[a->first].turn < b->list[b->first].turn ? a : b;
}

uint64_t tt_pair_later_ns(struct tt_pair *p)
{
	const struct tt_laters *l = tt_laters_first(p);

	return l ? l->list[l->first].first_ns : 0;
}

/* In front of `before` in the list of requests; NULL: at its end. */
static void tt_pair_insert(struct tt_pair *p, struct tt_message *m, struct tt_message *before)
{
	if (!before) {
		tt_pair_append(p, m);
		return;
	}
	m->prev = before->prev;
	m->next = before;
	*(m->prev ? &m->prev->next : &p->first[TT_REQUESTS]) = m;
	before->prev = m;
	p->open[TT_REQUESTS]++;
	p->count++;
}

struct tt_message *tt_pair_recall(struct tt_link *link, struct tt_message *before)
{
	struct tt_pair *p = &link->pair;
	struct tt_laters *l = tt_laters_first(p);
	struct tt_later *later = l ? &l->list[l->first] : NULL;

	if (!later || (before && before->turn < later->turn))
		return before;
	struct tt_message *m = tt_message_recalled(link, later);
	if (!m) {
		tt_pair_doubt(link);
		return NULL;
	}
	tt_pair_insert(p, m, before);
	p->later_open--;
	later->turn++;
	if (!--later->count) {
		l->count--;
		l->first = l->count ? l->first + 1 : 0;
	}
	return m;
}

void tt_pair_later_forget(struct tt_link *link)
{
	struct tt_pair *p = &link->pair;

	for (int i = 0; i < 2; i++) {
		tt_keep_less(link, p->later[i].cap * sizeof(*p->later[i].list));
		free(p->later[i].list);
		p->later[i] = (struct tt_laters){0};
	}
	p->later_open = 0;
}
