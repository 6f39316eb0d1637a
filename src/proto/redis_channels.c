// SPDX-License-Identifier: Apache-2.0
/*
 * Channels. In RESP2 a published message is an array like any reply, so whether the connection listens to anything must be
 * known; and UNSUBSCRIBE without arguments is answered once for each channel, so their number must be known too. Both follow from
 * the number every confirmation carries: channels and patterns together, shard channels apart.
 */
#include "proto/redis.h"

#include "base/own.h"

static const struct {
	const char *word;
	uint8_t news;
	uint8_t kind;
} words[] = {
	{"message", TT_REDIS_NEWS_MESSAGE, 0},
	{"pmessage", TT_REDIS_NEWS_MESSAGE, 0},
	{"smessage", TT_REDIS_NEWS_MESSAGE, 0},
	{"subscribe", TT_REDIS_NEWS_CONFIRMATION, TT_REDIS_SUBSCRIBE},
	{"psubscribe", TT_REDIS_NEWS_CONFIRMATION, TT_REDIS_PSUBSCRIBE},
	{"ssubscribe", TT_REDIS_NEWS_CONFIRMATION, TT_REDIS_SSUBSCRIBE},
	{"unsubscribe", TT_REDIS_NEWS_CONFIRMATION, TT_REDIS_UNSUBSCRIBE},
	{"punsubscribe", TT_REDIS_NEWS_CONFIRMATION, TT_REDIS_PUNSUBSCRIBE},
	{"sunsubscribe", TT_REDIS_NEWS_CONFIRMATION, TT_REDIS_SUNSUBSCRIBE},
};

#define LONGEST_WORD 12 /* punsubscribe */

static void look_up(struct tt_span word, enum tt_redis_news *ret, uint32_t *ret_kind)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(words); i++) {
		if (tt_span_eq(word, tt_span_str(words[i].word))) {
			*ret = words[i].news;
			*ret_kind = words[i].kind;
		}
	}
}

enum tt_resp_read tt_redis_news(struct tt_cursor c, enum tt_redis_news *ret, uint32_t *ret_kind)
{
	struct tt_resp head, first;

	*ret = TT_REDIS_NO_NEWS;
	*ret_kind = 0;
	enum tt_resp_read read = tt_resp_read(&c, &head);
	if (read != TT_RESP_OK || head.shape != TT_RESP_AGGREGATE || head.count < 3 || head.count > 4)
		return read;
	read = tt_resp_read(&c, &first);
	if (read == TT_RESP_MORE && tt_cursor_left(&c) && c.data[c.pos] != '$')
		return TT_RESP_OK;
	if (read != TT_RESP_OK || first.shape != TT_RESP_BULK || first.count > LONGEST_WORD)
		return read;
	if (tt_cursor_left(&c) < first.count)
		return TT_RESP_MORE;
	look_up(tt_cursor_take(&c, first.count), ret, ret_kind);
	return TT_RESP_OK;
}

static uint64_t *counter(struct tt_redis_channels *c, uint32_t kind)
{
	switch (kind) {
	case TT_REDIS_SUBSCRIBE:
	case TT_REDIS_UNSUBSCRIBE:
		return &c->plain;
	case TT_REDIS_PSUBSCRIBE:
	case TT_REDIS_PUNSUBSCRIBE:
		return &c->pattern;
	default:
		return &c->shard;
	}
}

static bool adds(uint32_t kind)
{
	return kind < TT_REDIS_UNSUBSCRIBE;
}

uint64_t tt_redis_confirmations(struct tt_redis_channels *c, uint32_t kind, uint64_t named)
{
	if (named)
		return named;
	if (c->sure)
		return TT_MAX(*counter(c, kind), (uint64_t)1);
	c->strays = true;
	return 1;
}

void tt_redis_confirmed(struct tt_redis_channels *c, uint32_t kind, int64_t total)
{
	uint64_t *count = counter(c, kind);
	bool shard = count == &c->shard;
	uint64_t before = shard ? c->shard : c->plain + c->pattern;

	if (total < 0)
		return;
	if (adds(kind) && (uint64_t)total == before + 1)
		++*count;
	else if (!adds(kind) && (uint64_t)total + 1 == before && *count)
		--*count;
	else if ((uint64_t)total != before)
		c->sure = false;
	if (total == 0 && !shard)
		c->plain = c->pattern = 0;
	if (total == 0 && shard)
		c->shard = 0;
	c->active = c->sure ? c->plain || c->pattern || c->shard : total > 0;
}
