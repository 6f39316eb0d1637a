// SPDX-License-Identifier: Apache-2.0
/*
 * RocketMQ's remoting protocol (Apache RocketMQ, org.apache.rocketmq.remoting): frames with a header and a body, each telling
 * whether it asks or answers, paired by `opaque`. Either end may ask; brokers tell their clients of changes and ask back about
 * transactions.
 */
#include "proto/rocketmq_header.h"

#include "base/digits.h"
#include "base/own.h"
#include "proto/detect.h"
#include "proto/pass.h"
#include "proto/proto.h"

#define FRAME 8
#define LENGTH_MAX (64u << 20) /* com.rocketmq.remoting.frameMaxLength is 16 MiB by default */
#define HEADER_MAX (64u << 10)
#define HEADER_LEAST 21 /* binary, with nothing in it */

enum form {
	FORM_JSON = 0,
	FORM_BINARY = 1,
};

enum request_code {
	SEND_MESSAGE_V2 = 310,
	SEND_BATCH_MESSAGE = 320,
	SEND_REPLY_MESSAGE_V2 = 325,
};

enum response_code {
	SUCCESS = 0,
	PULL_NOT_FOUND = 19,
	PULL_RETRY_IMMEDIATELY = 20,
};

static const struct code_row {
	int32_t code;
	const char *name;
} requests[] =
	{
#define TT_ROCKETMQ_REQUEST(code, name) {code, name},
#define TT_ROCKETMQ_RESPONSE(code, name)
#include "proto/rocketmq_code.tbl.h"
#undef TT_ROCKETMQ_REQUEST
#undef TT_ROCKETMQ_RESPONSE
},
  responses[] = {
#define TT_ROCKETMQ_REQUEST(code, name)
#define TT_ROCKETMQ_RESPONSE(code, name) {code, name},
#include "proto/rocketmq_code.tbl.h"
#undef TT_ROCKETMQ_REQUEST
#undef TT_ROCKETMQ_RESPONSE
};

/* NULL if the code has none; the rows are in order. */
static const char *name_of(const struct code_row *rows, size_t count, int32_t code)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (rows[mid].code == code)
			return rows[mid].name;
		if (rows[mid].code < code)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* --- frames -------------------------------------------------------------------------------------------------------------------
 */

enum read {
	READ_WRONG,
	READ_MORE,
	READ_WHOLE,
};

struct frame {
	uint32_t length;	/* behind the length's own bytes */
	uint32_t header_length; /* without its form */
	uint8_t form;
	struct rocketmq_header header;
};

/* The frame's two lengths. */
static enum read read_lengths(struct tt_cursor *c, struct frame *ret)
{
	ret->length = tt_cursor_be32(c);
	if (!tt_cursor_short(c) && (ret->length < 4 + HEADER_LEAST || ret->length > LENGTH_MAX))
		return READ_WRONG;
	uint32_t header = tt_cursor_be32(c);
	if (tt_cursor_short(c))
		return READ_MORE;
	ret->form = (uint8_t)(header >> 24);
	ret->header_length = header & 0xffffff;
	bool fits =
		ret->header_length >= HEADER_LEAST && ret->header_length <= ret->length - 4 && ret->header_length <= HEADER_MAX;
	return ret->form <= FORM_BINARY && fits ? READ_WHOLE : READ_WRONG;
}

/* Its header, whole. */
static enum read read_frame(struct tt_span bytes, struct frame *ret)
{
	struct tt_cursor c = tt_cursor(bytes);

	enum read read = read_lengths(&c, ret);
	if (read != READ_WHOLE)
		return read;
	if (ret->form == FORM_JSON && tt_cursor_left(&c) && c.data[c.pos] != '{')
		return READ_WRONG;
	if (tt_cursor_left(&c) < ret->header_length)
		return READ_MORE;
	struct tt_span header = tt_cursor_take(&c, ret->header_length);
	bool sane =
		ret->form == FORM_JSON ? rocketmq_read_json(header, &ret->header) : rocketmq_read_binary(header, &ret->header);
	return sane && ret->header.flag <= (ROCKETMQ_RESPONSE | ROCKETMQ_ONE_WAY) && ret->header.code >= 0 ? READ_WHOLE
													   : READ_WRONG;
}

/* --- what they say ------------------------------------------------------------------------------------------------------------
 */

/* A text of a JSON header has escapes. */
static struct tt_span plain(const struct frame *f, struct tt_span s, uint8_t buffer[static 1024])
{
	bool escaped = f->form == FORM_JSON && tt_span_find(s, '\\') >= 0;
	return escaped ? rocketmq_unescape(s, buffer, 1024) : s;
}

static void set_code(struct tt_message *m, enum tt_text which, const char *name, const char *prefix, int32_t code)
{
	uint8_t digits[TT_DIGITS_MAX];

	tt_message_text(m, which, tt_span_str(name ? name : prefix));
	if (!name)
		tt_message_text_add(m, which, tt_digits((uint64_t)code, digits));
}

static void describe_request(struct tt_message *m, const struct frame *f)
{
	const struct rocketmq_header *h = &f->header;
	bool is_short = h->code == SEND_MESSAGE_V2 || h->code == SEND_BATCH_MESSAGE || h->code == SEND_REPLY_MESSAGE_V2;
	struct tt_span topic = is_short ? h->short_topic : h->topic;
	struct tt_span group = is_short ? h->short_group : h->group;
	uint8_t buffer[1024];

	set_code(m, TT_TEXT_OPERATION, name_of(requests, TT_ARRAY_LEN(requests), h->code), "REQUEST_", h->code);
	tt_message_attr(m, "messaging.system", TT_SPAN_LIT("rocketmq"));
	tt_message_attr_text(m, "messaging.operation.name", TT_TEXT_OPERATION);
	if (topic.data) {
		tt_message_text(m, TT_TEXT_RESOURCE, plain(f, topic, buffer));
		tt_message_attr_text(m, "messaging.destination.name", TT_TEXT_RESOURCE);
	}
	if (group.data) {
		group = plain(f, group, buffer);
		tt_message_attr(m, "messaging.consumer.group.name", group);
		if (!topic.data)
			tt_message_text(m, TT_TEXT_RESOURCE, group);
	}
	if (h->client.data)
		tt_message_attr(m, "messaging.client.id", plain(f, h->client, buffer));
}

/* A pull that waited in vain was answered as it should be. */
static bool is_failure(int32_t code)
{
	return code != SUCCESS && code != PULL_NOT_FOUND && code != PULL_RETRY_IMMEDIATELY;
}

static void describe_response(struct tt_message *m, const struct frame *f)
{
	const struct rocketmq_header *h = &f->header;
	uint8_t buffer[1024];

	set_code(m, TT_TEXT_STATUS, name_of(responses, TT_ARRAY_LEN(responses), h->code), "CODE_", h->code);
	if (!m || !is_failure(h->code))
		return;
	set_code(m, TT_TEXT_ERROR_TYPE, name_of(responses, TT_ARRAY_LEN(responses), h->code), "CODE_", h->code);
	m->failed = true;
	if (h->remark.len)
		tt_message_text(m, TT_TEXT_ERROR, plain(f, h->remark, buffer));
}

static struct tt_message *take_request(struct tt_link *link, enum tt_side side, struct tt_input *in, const struct frame *f)
{
	struct tt_message *m = tt_begin(link, side, true, in, in->c.pos);

	if (m) {
		m->id = f->header.opaque;
		m->one_way = f->header.flag & ROCKETMQ_ONE_WAY;
	}
	describe_request(m, f);
	return m;
}

static struct tt_message *take_response(struct tt_link *link, enum tt_side side, struct tt_input *in, const struct frame *f)
{
	struct tt_message *m = tt_begin(link, side, false, in, in->c.pos);

	if (m)
		m->id = f->header.opaque;
	describe_response(m, f);
	return m;
}

static enum tt_step rocketmq_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct frame f;

	switch (read_frame(tt_cursor_rest(&in->c), &f)) {
	case READ_WRONG:
		return TT_LOST_SYNC;
	case READ_MORE:
		return TT_MORE;
	case READ_WHOLE:
		break;
	}
	struct tt_message *m =
		f.header.flag & ROCKETMQ_RESPONSE ? take_response(link, side, in, &f) : take_request(link, side, in, &f);

	uint64_t whole = 4 + (uint64_t)f.length;
	tt_message_end(link, m, in, in->c.pos + whole);
	tt_pass(link, side, in, whole);
	return TT_PARSED;
}

/* --- telling it by its bytes --------------------------------------------------------------------------------------------------
 */

/* Strict: the code is one that is known, and a JSON header names its language. */
static enum tt_verdict judge(struct tt_span bytes, struct frame *f)
{
	switch (read_frame(bytes, f)) {
	case READ_WRONG:
		return TT_NO;
	case READ_MORE:
		return bytes.len && bytes.data[0] > LENGTH_MAX >> 24 ? TT_NO : TT_MAYBE;
	case READ_WHOLE:
		break;
	}
	if (f->form == FORM_JSON && !f->header.language.data)
		return TT_NO;
	bool response = f->header.flag & ROCKETMQ_RESPONSE;
	const char *name = response ? name_of(responses, TT_ARRAY_LEN(responses), f->header.code)
				    : name_of(requests, TT_ARRAY_LEN(requests), f->header.code);
	return name ? TT_YES : TT_NO;
}

static enum tt_verdict judge_side(const struct tt_first *first, enum tt_side side)
{
	struct frame f;
	enum tt_verdict v = tt_judged(first, side, judge(first->side[side], &f));

	if (v != TT_YES)
		return v;
	/* Either end may ask, but the client is the one that begins; what it is where only one end's question was seen cannot be
	 * known in mid-connection. */
	bool asks = !(f.header.flag & ROCKETMQ_RESPONSE);
	return asks == (side == TT_REQUESTS) ? TT_YES : TT_MAYBE;
}

static enum tt_verdict rocketmq_detect(const struct tt_first *first)
{
	return tt_detect_sides(first, judge_side);
}

static ssize_t rocketmq_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct frame f;

	return judge(bytes, &f) == TT_YES ? 0 : -1;
}

static const struct tt_proto_doc rocketmq_doc = {
	.title = "Apache RocketMQ",
	.specification = "the remoting protocol: https://github.com/apache/rocketmq/blob/develop/docs/cn/design.md",
	.recognised =
		"a frame's lengths and its whole header, JSON or binary, with a code that is known; at any frame of either side",
	.operation = "the request's name: `SEND_MESSAGE_V2`, `PULL_MESSAGE`, `HEART_BEAT`",
	.resource = "the topic; where there is none the group",
	.status = "`SUCCESS`; any other response code is a failure (`TOPIC_NOT_EXIST`), but for `PULL_NOT_FOUND` and "
		  "`PULL_RETRY_IMMEDIATELY`",
	.limits = "bodies are counted, not read; headers of more than 64 KiB are not read; replication between brokers and gRPC "
		  "clients of "
		  "RocketMQ 5 are other protocols",
	.verified =
		"RocketMQ 4.9 name server, broker and Java clients with JSON and with binary headers; the clients' own counts",
};

const struct tt_proto tt_proto_rocketmq = {
	.name = "rocketmq",
	.doc = &rocketmq_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.detect = rocketmq_detect,
	.parse = rocketmq_parse,
	.resync = rocketmq_resync,
};
