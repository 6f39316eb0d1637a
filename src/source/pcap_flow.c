// SPDX-License-Identifier: Apache-2.0
#include "source/pcap_flow.h"

#include <errno.h>

#include "base/own.h"
#include "base/seed.h"

int tt_flows_init(struct tt_flows *t, const struct tt_limits *limits)
{
	size_t buckets = 64;

	*t = (struct tt_flows){.max = limits->value[TT_LIMIT_CONNECTIONS]};
	while (buckets < t->max)
		buckets *= 2;
	t->buckets = calloc(buckets, sizeof(*t->buckets));
	if (!t->buckets)
		return -ENOMEM;
	t->mask = buckets - 1;
	return 0;
}

static void tt_flow_free(struct tt_flow *f)
{
	for (int i = 0; i < 2; i++)
		tt_pieces_free(&f->dir[i].held);
	free(f);
}

void tt_flows_free(struct tt_flows *t)
{
	while (t->oldest) {
		struct tt_flow *f = t->oldest;
		t->oldest = f->newer;
		tt_flow_free(f);
	}
	free(t->buckets);
	*t = (struct tt_flows){0};
}

/* Both directions give the same key. Returns the index of the sender in it. */
static int tt_flow_key_make(struct tt_flow_key *key, const struct tt_segment *seg)
{
	int from = memcmp(&seg->src, &seg->dst, sizeof(seg->src)) > 0;

	key->end[from] = seg->src;
	key->end[!from] = seg->dst;
	key->network = seg->network;
	key->protocol = seg->protocol;
	key->unused = 0;
	return from;
}

static size_t tt_flow_hash(const struct tt_flow_key *key)
{
	static_assert(sizeof(*key) % 8 == 0, "all of it is looked at");

	return (size_t)tt_seed_hash(key, sizeof(*key) / 8);
}

static void tt_flows_use_unlink(struct tt_flows *t, struct tt_flow *f)
{
	*(f->older ? &f->older->newer : &t->oldest) = f->newer;
	*(f->newer ? &f->newer->older : &t->newest) = f->older;
}

static void tt_flows_use_link(struct tt_flows *t, struct tt_flow *f)
{
	f->older = t->newest;
	f->newer = NULL;
	*(t->newest ? &t->newest->newer : &t->oldest) = f;
	t->newest = f;
}

static void tt_flow_start(struct tt_flows *t, struct tt_flow *f)
{
	f->serial = ++t->serials;
	f->server = f->local = -1;
}

bool tt_flows_over(const struct tt_flows *t)
{
	return t->count > t->max;
}

struct tt_flow *tt_flows_get(struct tt_flows *t, const struct tt_segment *seg, int *ret_from)
{
	struct tt_flow_key key;

	int from = tt_flow_key_make(&key, seg);
	/* Packets of a flow come in runs. */
	if (t->newest && memcmp(&t->newest->key, &key, sizeof(key)) == 0) {
		*ret_from = from;
		return t->newest;
	}
	struct tt_flow **bucket = &t->buckets[tt_flow_hash(&key) & t->mask];
	for (struct tt_flow *f = *bucket; f; f = f->bucket_next) {
		if (memcmp(&f->key, &key, sizeof(key)) == 0) {
			tt_flows_use_unlink(t, f);
			tt_flows_use_link(t, f);
			*ret_from = from;
			return f;
		}
	}

	struct tt_flow *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	memcpy(&f->key, &key, sizeof(key));
	f->bucket_next = *bucket;
	*bucket = f;
	tt_flow_start(t, f);
	tt_flows_use_link(t, f);
	t->count++;
	*ret_from = from;
	return f;
}

void tt_flows_drop(struct tt_flows *t, struct tt_flow *f)
{
	struct tt_flow **at = &t->buckets[tt_flow_hash(&f->key) & t->mask];

	while (*at != f)
		at = &(*at)->bucket_next;
	*at = f->bucket_next;
	tt_flows_use_unlink(t, f);
	int64_t held = (int64_t)(f->dir[0].held.bytes + f->dir[1].held.bytes);
	for (int i = 0; i < 2; i++) {
		tt_pieces_free(&f->dir[i].held);
		f->dir[i].fin = false;
	}
	tt_flows_held(t, f, -held);
	tt_flow_free(f);
	t->count--;
}

void tt_flows_renew(struct tt_flows *t, struct tt_flow *f)
{
	f->open_sent = f->closed = f->first_seen = false;
	f->resets = 0;
	f->syn_ns = f->syn_ack_ns = f->rtt_us = 0;
	f->stray = (struct tt_stray){0};
	memset(f->dir, 0, sizeof(f->dir));
	tt_flows_held(t, f, 0);
	tt_flow_start(t, f);
}

static void tt_flows_hold_unlink(struct tt_flows *t, struct tt_flow *f)
{
	*(f->hold_prev ? &f->hold_prev->hold_next : &t->holding) = f->hold_next;
	if (f->hold_next)
		f->hold_next->hold_prev = f->hold_prev;
}

void tt_flows_held(struct tt_flows *t, struct tt_flow *f, int64_t change)
{
	t->held_bytes += (uint64_t)change;
	bool holds = tt_pcap_dir_waits(&f->dir[0]) || tt_pcap_dir_waits(&f->dir[1]);
	if (holds == f->holding)
		return;
	f->holding = holds;
	if (!holds) {
		tt_flows_hold_unlink(t, f);
		return;
	}
	f->hold_prev = NULL;
	f->hold_next = t->holding;
	if (t->holding)
		t->holding->hold_prev = f;
	t->holding = f;
}
