// SPDX-License-Identifier: Apache-2.0
/* Who gives way where the store of messages is full: the connection that has most of them, its oldest ones first. */
#include "stream/internal.h"

/* So many-th of the store is left to answers, each of which ends what has two, and to what has not ended. */
#define TT_ROOM_PART 8
/* Who has fewer need not give way: then it is many that fill the store. */
#define TT_ROOM_LEAST 16
/* Where nobody has so many it is not asked again before so many chunks have come. */
#define TT_ROOM_CHUNKS 1024

bool tt_room_is_short(const struct tt_streams *s)
{
	uint64_t limit = tt_streams_limit(s, TT_LIMIT_MESSAGES);

	return s->stats.messages >= limit - limit / TT_ROOM_PART;
}

static struct tt_link *tt_room_most(const struct tt_streams *s)
{
	struct tt_link *most = NULL;

	for (const struct tt_conn *c = s->lru_first; c; c = c->lru_next) {
		for (int i = 0; i < TT_LAYERS; i++) {
			struct tt_link *link = c->link[i];
			if (link && link->messages >= TT_ROOM_LEAST && (!most || link->messages > most->messages))
				most = link;
		}
	}
	return most;
}

/* Requests that have ended and are not being answered are reported without their answers. */
static uint64_t tt_room_requests(struct tt_link *link, struct tt_pair *p, uint64_t wanted)
{
	struct tt_message *next;
	uint64_t given = 0;

	for (struct tt_message *m = p->first[TT_REQUESTS]; m && given < wanted; m = next) {
		next = m->next;
		if (!m->ended || m->peer || !tt_pair_give_way(link, m))
			continue;
		given++;
	}
	return given;
}

static uint64_t tt_room_take(struct tt_link *link, uint64_t wanted)
{
	uint64_t given = tt_room_requests(link, &link->pair, wanted);
	struct tt_message *next;

	given += tt_room_requests(link, &link->back, wanted - TT_MIN(given, wanted));
	for (struct tt_message *m = link->pair.first[TT_RESPONSES]; m && given < wanted; m = next) {
		next = m->next;
		if (!m->ended)
			continue;
		m->unsure = true; /* what it answers may come */
		tt_pair_orphan(link, m);
		given++;
	}
	return given;
}

void tt_room_make(struct tt_link *link)
{
	struct tt_streams *s = link->conn->s;
	uint64_t least = TT_MAX(2 * link->messages, (uint64_t)TT_ROOM_LEAST);

	if ((!s->most || s->most->messages < least) && s->stats.chunks >= s->most_again) {
		s->most = tt_room_most(s);
		s->most_again = s->stats.chunks + TT_ROOM_CHUNKS * !s->most;
	}
	if (!s->most || s->most == link || s->most->messages < least || tt_room_take(s->most, s->most->messages / 2))
		return;
	s->most = NULL; /* all it has is open, or being answered */
	s->most_again = s->stats.chunks + TT_ROOM_CHUNKS;
}
