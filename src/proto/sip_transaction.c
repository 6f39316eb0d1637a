// SPDX-License-Identifier: Apache-2.0
/* SIP: transactions by id, the oldest forgotten first. A protocol has no clock, so that their number bounds them, not RFC 3261's
 * timers. */
#include <stdlib.h>

#include "proto/sip.h"
#include "shared/limits.h"

#define KEPT (sizeof(struct sip_transaction) + 2 * sizeof(void *)) /* with its buckets */

static struct sip_transaction **bucket_of(const struct sip_table *t, uint64_t id)
{
	return &t->bucket[id & (t->bucket_count - 1)];
}

/* Twice the buckets; the table stays as it is without memory. */
static void grow(struct sip_table *t)
{
	uint32_t n = t->bucket_count ? t->bucket_count * 2 : 16;
	struct sip_transaction **bucket = calloc(n, sizeof(struct sip_transaction *));

	if (!bucket)
		return;
	free(t->bucket);
	t->bucket = bucket;
	t->bucket_count = n;
	for (struct sip_transaction *x = t->oldest; x; x = x->newer) {
		struct sip_transaction **at = bucket_of(t, x->id);
		x->same_bucket = *at;
		*at = x;
	}
}

static void forget_oldest(struct tt_link *link, struct sip_table *t)
{
	struct sip_transaction *x = t->oldest;
	struct sip_transaction **at = bucket_of(t, x->id);

	while (*at != x)
		at = &(*at)->same_bucket;
	*at = x->same_bucket;
	t->oldest = x->newer;
	*(x->newer ? &x->newer->older : &t->newest) = NULL;
	t->count--;
	/* Its request stands: the final response is paired by id as ever. */
	tt_message_drop(link, x->response);
	free(x);
	tt_keep_less(link, KEPT);
}

/* Room for one more, if need be by forgetting. */
static bool make_room(struct tt_link *link, struct sip_table *t)
{
	if (t->count >= tt_link_limit(link, TT_LIMIT_SIP_TRANSACTIONS)) {
		tt_statements_turned_away(link, 1);
		forget_oldest(link, t);
	}
	if (tt_keep(link, KEPT))
		return true;
	if (!t->count)
		return false;
	forget_oldest(link, t);
	return tt_keep(link, KEPT);
}

struct sip_transaction *sip_transaction(struct tt_link *link, struct sip_table *t, uint64_t id, enum tt_side asker)
{
	struct sip_transaction *x = t->bucket_count ? *bucket_of(t, id) : NULL;

	while (x && (x->id != id || x->asker != asker))
		x = x->same_bucket;
	if (x)
		return x;
	if (!make_room(link, t))
		return NULL;
	if (t->count >= t->bucket_count)
		grow(t);
	x = t->bucket_count ? calloc(1, sizeof(*x)) : NULL;
	if (!x) {
		tt_keep_less(link, KEPT);
		return NULL;
	}
	x->id = id;
	x->asker = (uint8_t)asker;
	struct sip_transaction **at = bucket_of(t, id);
	x->same_bucket = *at;
	*at = x;
	x->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = x;
	t->newest = x;
	t->count++;
	return x;
}

void sip_table_gap(struct sip_table *t, enum tt_side side)
{
	for (struct sip_transaction *x = t->oldest; x; x = x->newer) {
		if (x->asker == side || x->done)
			continue;
		x->doubtful = true;
		x->done = x->response; /* reported as far as it was seen */
		x->response = NULL;
	}
}

void sip_table_free(struct sip_table *t)
{
	while (t->oldest) {
		struct sip_transaction *x = t->oldest;
		t->oldest = x->newer;
		free(x);
	}
	free(t->bucket);
	*t = (struct sip_table){0};
}
