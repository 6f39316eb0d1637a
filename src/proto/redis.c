// SPDX-License-Identifier: Apache-2.0
/*
 * Redis: RESP2 and RESP3 (Redis serialization protocol specification,
 * https://redis.io/docs/latest/develop/reference/protocol-spec/).
 *
 * Replies come in the order of the requests, but for what nobody asked for: messages of channels and RESP3's pushes. What a reply
 * is can be told from its bytes, from what the connection listens to, and from the request it answers; that is this parser's
 * state. Values are passed by counting and never kept.
 */
#include "proto/redis.h"

#include "base/own.h"
#include "shared/limits.h"

/* Of a value that has not come yet to at least this size, the source is asked not to copy it. */
#define WISH_FROM (64u << 10)

bool tt_redis_pass(struct tt_link *link, enum tt_side side, struct tt_input *in, uint64_t n, uint64_t *ret_end)
{
	size_t left = tt_cursor_left(&in->c);

	*ret_end = in->c.pos + n + 2;
	if (n + 2 <= left) {
		tt_cursor_skip(&in->c, n);
		return tt_span_eq(tt_cursor_take(&in->c, 2), TT_SPAN_LIT("\r\n"));
	}
	if (n + 2 - left >= WISH_FROM)
		tt_wish(link, side, in, *ret_end, (uint32_t)tt_link_limit(link, TT_LIMIT_CAPTURE_BYTES));
	tt_skip(link, side, n + 2);
	return true;
}

static enum tt_step redis_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct tt_redis *s = tt_link_state(link);

	if (!s->started) {
		s->started = true;
		s->channels.sure = tt_link_from_start(link);
		s->holes = !s->channels.sure;
	}
	return side == TT_REQUESTS ? tt_redis_parse_request(link, s, in) : tt_redis_parse_reply(link, s, in);
}

/* What was missed may have been SELECT, MULTI or SUBSCRIBE, or their answers. */
static void redis_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct tt_redis *s = tt_link_state(link);

	s->holes = true;
	s->handover = false;
	s->channels.sure = false;
	s->in_multi = false;
	s->queued_db = 0;
	s->db = 0;
	/* That the server may answer again was perhaps among what is missing. */
	s->doubtful |= s->silence != TT_REDIS_LOUD && (!s->obeyed || side == TT_REQUESTS);
	s->silent = 0;
	s->silent_passed = s->refused = false;
	if (side == TT_REQUESTS)
		s->request = (struct tt_redis_request){0};
	else
		s->reply = (struct tt_redis_reply){0};
}

static const struct tt_proto_doc redis_doc = {
	.title = "Redis and Valkey",
	.specification = "RESP2 and RESP3: https://redis.io/docs/latest/develop/reference/protocol-spec/",
	.recognised = "an array of bulk strings or an inline command, and replies by their type byte; in mid-connection once "
		      "something is said that only a server says",
	.operation = "command: `GET`, `CONFIG GET`",
	.resource = "first key or channel",
	.status = "`OK`; an error's first word is a failure (`WRONGTYPE`)",
	.limits =
		"pushes and published messages are no exchanges; replicas' connections are left alone; behind `CLIENT REPLY OFF` "
		"and `SKIP` commands are one-way once an answer, or a second without one, shows that the server obeyed, and "
		"incomplete where neither does",
	.verified = "redis-server 7.0 with redis-cli, redis-benchmark and redis-py; compared with the server's commandstats",
};

const struct tt_proto tt_proto_redis = {
	.name = "redis",
	.doc = &redis_doc,
	.pairing = TT_PAIR_IN_ORDER,
	.stream = true,
	.state_size = sizeof(struct tt_redis),
	.detect = tt_redis_detect,
	.parse = redis_parse,
	.gap = redis_gap,
	.resync = tt_redis_resync,
};
