// SPDX-License-Identifier: Apache-2.0
/* Telling Kafka by its bytes: a request must fit its layout to the last byte that is there, and a response its request. */
#include "proto/kafka_internal.h"

#include "base/own.h"
#include "base/text.h"

#define LEAST 14		     /* of a request's frame: length, key, version, correlation id, client id */
#define DETECT_SIZE_MAX (100u << 20) /* servers refuse larger ones by default */
#define DETECT_OTHER_MAX (1u << 20)  /* what produces nothing is short */
#define CLIENT_MAX 255		     /* nobody has a longer client id */
#define KEY_MAX 255
#define VERSION_MAX 63

bool kafka_is_request_kind(int16_t key, int16_t version)
{
	return key >= 0 && key <= KEY_MAX && version >= 0 && version <= VERSION_MAX;
}

static bool is_topic_name(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i], lower = tt_ascii_lower(c);
		if (!((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
			return false;
	}
	return s.len <= KAFKA_TOPIC_MAX;
}

/* What no chance would give. */
struct evidence {
	size_t text;
	bool topic;
};

/* False: no client sends this. */
static bool is_sane(const struct tt_kafka_field *f, struct evidence *e)
{
	switch (f->letter) {
	case 'T':
	case 'O':
		e->text += f->text.len;
		e->topic |= f->text.len > 0;
		return is_topic_name(f->text);
	case 'U':
		e->topic = true;
		return true;
	case 'I':
		e->text += f->text.len;
		return f->text.len <= CLIENT_MAX && tt_is_text(f->text);
	case 'G':
	case 'K':
	case 'X':
	case 'L':
		e->text += f->text.len;
		return tt_is_text(f->text);
	case 'A':
		return f->number >= -1 && f->number <= 1;
	default:
		return true;
	}
}

static bool is_enough(const struct evidence *e)
{
	return e->topic && e->text >= 4;
}

/* A whole frame's body, or as much of it as there is. `named`: it names a topic (a PRODUCE without one could be any zeros). */
static enum tt_verdict judge_body(struct tt_span bytes, uint64_t left, const char *layout, bool named)
{
	struct tt_kafka_walk w;
	struct tt_cursor c = tt_cursor(tt_span_sub(bytes, 0, left));
	struct evidence e = {0};

	tt_kafka_walk_begin(&w, layout);
	for (;;) {
		struct tt_kafka_field f;
		size_t start = c.pos;
		switch (tt_kafka_walk_next(&w, &c, left, &f)) {
		case TT_KAFKA_WRONG:
			return TT_NO;
		case TT_KAFKA_OVER:
			return left == 0 && (e.topic || !named) ? TT_YES : TT_NO;
		case TT_KAFKA_MORE:
			return is_enough(&e) ? TT_YES : TT_MAYBE;
		case TT_KAFKA_FIELD:
			break;
		}
		if (!is_sane(&f, &e))
			return TT_NO;
		left -= c.pos - start + f.skip;
		if (f.skip > tt_cursor_left(&c))
			return is_enough(&e) ? TT_YES : TT_MAYBE;
		tt_cursor_skip(&c, (size_t)f.skip);
	}
}

static enum tt_verdict judge_request(struct tt_span bytes, uint32_t *ret_id, int16_t *ret_key)
{
	struct tt_cursor c = tt_cursor(bytes);
	const char *request, *response;

	uint32_t size = tt_cursor_be32(&c);
	if (tt_cursor_short(&c))
		return bytes.len && bytes.data[0] > DETECT_SIZE_MAX >> 24 ? TT_NO : TT_MAYBE;
	if (size < LEAST - 4 || size > DETECT_SIZE_MAX)
		return TT_NO;
	*ret_key = (int16_t)tt_cursor_be16(&c);
	if (!tt_cursor_short(&c) && (!tt_kafka_api_name(*ret_key) || (*ret_key != KAFKA_PRODUCE && size > DETECT_OTHER_MAX)))
		return TT_NO;
	int16_t version = (int16_t)tt_cursor_be16(&c);
	*ret_id = tt_cursor_be32(&c);
	if (tt_cursor_short(&c))
		return TT_MAYBE;
	if (*ret_id > INT32_MAX || !tt_kafka_layout(*ret_key, version, &request, &response))
		return TT_NO;
	return judge_body(tt_cursor_rest(&c), size - 8, request, *ret_key == KAFKA_PRODUCE);
}

/* Nothing in a response's beginning is its own but the id. */
static bool is_response_to(struct tt_span bytes, uint32_t id)
{
	struct tt_cursor c = tt_cursor(bytes);
	uint32_t size = tt_cursor_be32(&c);
	uint32_t got = tt_cursor_be32(&c);

	return tt_cursor_short(&c) || (size >= 4 && size <= KAFKA_SIZE_MAX && got == id);
}

enum tt_verdict kafka_detect(const struct tt_first *first)
{
	struct tt_span requests = first->side[TT_REQUESTS], responses = first->side[TT_RESPONSES];
	uint32_t id = 0;
	int16_t key = -1;

	if (!requests.len) {
		/* The client speaks first; the direction with its bytes may be late. */
		if (responses.len && (responses.data[0] > KAFKA_SIZE_MAX >> 24 || first->ended[TT_REQUESTS]))
			return TT_NO;
		return TT_MAYBE;
	}
	enum tt_verdict verdict = judge_request(requests, &id, &key);
	if (verdict == TT_YES && first->from_start[TT_REQUESTS] && first->from_start[TT_RESPONSES] && key != KAFKA_PRODUCE &&
	    !is_response_to(responses, id))
		return TT_NO;
	return verdict == TT_MAYBE && first->ended[TT_REQUESTS] ? TT_NO : verdict;
}

/* A response behind a hole: to something that was asked, and laid out as it must be. */
static bool is_trusted_response(struct tt_link *link, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	const char *request, *response;

	uint32_t size = tt_cursor_be32(&c);
	uint32_t id = tt_cursor_be32(&c);
	if (tt_cursor_short(&c) || size < 4 || size > KAFKA_SIZE_MAX)
		return false;
	const struct tt_message *asked = tt_message_by_id(link, TT_REQUESTS, id);
	if (!asked)
		return false;
	if (!tt_kafka_layout((int16_t)(asked->kind >> 16), (int16_t)(asked->kind & 0xffff), &request, &response))
		return true;
	return judge_body(tt_cursor_rest(&c), size - 4, response, false) != TT_NO;
}

ssize_t kafka_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	uint32_t id;
	int16_t key;

	if (side == TT_REQUESTS)
		return judge_request(bytes, &id, &key) == TT_YES ? 0 : -1;
	return is_trusted_response(link, bytes) ? 0 : -1;
}
