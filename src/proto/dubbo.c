// SPDX-License-Identifier: Apache-2.0
/*
 * Dubbo 2 (https://dubbo.apache.org/en/overview/reference/protocols/tcp/): a head of 16 bytes with flags, status, request id and
 * the body's length. Calls go from the client, heartbeats and notices either way. Of a body only what stands first is read: who
 * is called, and whether an answer is an exception.
 */
#include "proto/dubbo.h"

#include "proto/detect.h"
#include "proto/pass.h"
#include "proto/rpc.h"

#define HEAD_BYTES 16u
#define BODY_MOST (256u << 20)
#define LOOK_BYTES 2048u

enum flags {
	FLAG_REQUEST = 0x80,
	FLAG_TWO_WAY = 0x40,
	FLAG_EVENT = 0x20,
	SERIALIZATION = 0x1f,
};

#define STATUS_OK 20

static const struct {
	uint8_t number;
	const char *name;
} statuses[] = {
	{STATUS_OK, "OK"},	  {25, "SERIALIZATION_ERROR"}, {30, "CLIENT_TIMEOUT"}, {31, "SERVER_TIMEOUT"},
	{35, "CHANNEL_INACTIVE"}, {40, "BAD_REQUEST"},	       {50, "BAD_RESPONSE"},   {60, "SERVICE_NOT_FOUND"},
	{70, "SERVICE_ERROR"},	  {80, "SERVER_ERROR"},	       {90, "CLIENT_ERROR"},   {100, "SERVER_THREADPOOL_EXHAUSTED_ERROR"},
};

struct head {
	uint8_t flags;
	uint8_t status;
	uint64_t id;
	uint32_t body;
};

static const char *status_name(uint8_t status)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(statuses); i++) {
		if (statuses[i].number == status)
			return statuses[i].name;
	}
	return NULL;
}

static enum tt_step read_head(struct tt_cursor *c, struct head *h)
{
	size_t at = c->pos;
	uint16_t magic = tt_cursor_be16(c);

	if (c->data[at] != 0xda || (!tt_cursor_short(c) && magic != 0xdabb)) {
		c->pos = at;
		return TT_LOST_SYNC;
	}
	h->flags = tt_cursor_u8(c);
	h->status = tt_cursor_u8(c);
	h->id = tt_cursor_be64(c);
	h->body = tt_cursor_be32(c);
	if (tt_cursor_short(c)) {
		c->pos = at;
		c->short_ = false;
		return TT_MORE;
	}
	bool request = h->flags & FLAG_REQUEST;
	if (!dubbo_serialization_name(h->flags & SERIALIZATION) || h->body > BODY_MOST ||
	    (request ? h->status != 0 : !status_name(h->status) || (h->flags & FLAG_TWO_WAY))) {
		c->pos = at;
		return TT_LOST_SYNC;
	}
	return TT_PARSED;
}

/* --- what goes into the exchange ---------------------------------------------------------------------------------------------
 */

static void describe_call(struct tt_message *m, const struct head *h, struct tt_span body)
{
	uint8_t serialization = h->flags & SERIALIZATION;
	struct dubbo_call call = {0};

	if (dubbo_read_call(serialization, body, &call)) {
		tt_rpc_describe(m, "dubbo", call.service, call.method);
		tt_message_attr(m, "dubbo.version", call.dubbo);
		if (call.version.len && !tt_span_eq(call.version, TT_SPAN_LIT("0.0.0")))
			tt_message_attr(m, "dubbo.service.version", call.version);
	} else {
		tt_message_attr(m, "rpc.system.name", TT_SPAN_LIT("dubbo"));
	}
	tt_message_attr(m, "dubbo.serialization", tt_span_str(dubbo_serialization_name(serialization)));
}

/* What is not asked to be answered says that the server takes no more calls. */
static void describe_event(struct tt_message *m, const struct head *h)
{
	tt_message_attr(m, "rpc.system.name", TT_SPAN_LIT("dubbo"));
	tt_message_text(m, TT_TEXT_OPERATION, h->flags & FLAG_TWO_WAY ? TT_SPAN_LIT("heartbeat") : TT_SPAN_LIT("event"));
}

static void describe_answer(struct tt_message *m, const struct head *h, struct tt_span body)
{
	struct tt_span status = tt_span_str(status_name(h->status));
	struct dubbo_result result = {0};

	if (h->status != STATUS_OK) {
		struct tt_span text = dubbo_read_text(h->flags & SERIALIZATION, body);
		tt_message_text(m, TT_TEXT_STATUS, status);
		tt_message_fail(m, status);
		if (text.len)
			tt_message_text(m, TT_TEXT_ERROR, text);
		return;
	}
	if (!(h->flags & FLAG_EVENT))
		dubbo_read_result(h->flags & SERIALIZATION, body, &result);
	tt_message_text(m, TT_TEXT_STATUS, result.exception ? TT_SPAN_LIT("EXCEPTION") : status);
	if (result.exception)
		tt_message_fail(m, result.exception_class.len ? result.exception_class : TT_SPAN_LIT("EXCEPTION"));
}

/* --- messages ----------------------------------------------------------------------------------------------------------------
 */

static enum tt_step dubbo_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	size_t at = in->c.pos;
	struct head h;

	enum tt_step step = read_head(&in->c, &h);
	if (step != TT_PARSED)
		return step;
	size_t look = TT_MIN(h.body, LOOK_BYTES);
	if (tt_cursor_left(&in->c) < look) {
		in->c.pos = at;
		return TT_MORE;
	}
	struct tt_span body = tt_span_sub(tt_cursor_rest(&in->c), 0, look);
	bool request = h.flags & FLAG_REQUEST;
	struct tt_message *m = tt_begin(link, side, request, in, at);
	if (m) {
		m->id = h.id;
		m->one_way = request && !(h.flags & FLAG_TWO_WAY);
	}
	if (!request)
		describe_answer(m, &h, body);
	else if (h.flags & FLAG_EVENT)
		describe_event(m, &h);
	else
		describe_call(m, &h, body);

	tt_message_end(link, m, in, (uint64_t)in->c.pos + h.body);
	tt_pass(link, side, in, h.body);
	return TT_PARSED;
}

/* --- the protocol ------------------------------------------------------------------------------------------------------------
 */

/* Heartbeats go both ways: who is the client only calls and their answers tell. */
static enum tt_verdict judge(const struct tt_first *first, enum tt_side side)
{
	struct tt_cursor c = tt_cursor(first->side[side]);
	struct head h;

	while (tt_cursor_left(&c)) {
		enum tt_step step = read_head(&c, &h);
		if (step != TT_PARSED)
			return step == TT_MORE ? TT_MAYBE : TT_NO;
		if (!(h.flags & FLAG_EVENT))
			return !(h.flags & FLAG_REQUEST) == (side == TT_RESPONSES) ? TT_YES : TT_NO;
		if (first->role_known)
			return TT_YES;
		if (!tt_cursor_skip(&c, h.body))
			return TT_MAYBE;
	}
	return TT_MAYBE;
}

static ssize_t dubbo_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct head h;

	return bytes.len && read_head(&c, &h) == TT_PARSED ? 0 : -1;
}

static enum tt_verdict dubbo_detect(const struct tt_first *first)
{
	return tt_detect_sides(first, judge);
}

static const struct tt_proto_doc dubbo_doc = {
	.title = "Apache Dubbo 2",
	.specification = "Dubbo's TCP protocol: https://dubbo.apache.org/en/overview/reference/protocols/tcp/",
	.recognised = "the head's magic number, flags, serialization and status; at any message",
	.operation = "the method; `heartbeat`, `event`",
	.resource = "the service's interface",
	.status = "`OK`; `EXCEPTION` where the method threw one; else the status's name (`SERVICE_NOT_FOUND`)",
	.limits = "who is called is read from Hessian 2, fastjson and fastjson2; of other serializations the name is given and "
		  "operation and "
		  "resource are null. Dubbo 3's Triple is gRPC over HTTP/2",
	.verified = "Apache Dubbo 3.2 as provider and consumer (dubbo://, Hessian 2 and fastjson2); the consumer's own record",
};

const struct tt_proto tt_proto_dubbo = {
	.name = "dubbo",
	.doc = &dubbo_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.detect = dubbo_detect,
	.parse = dubbo_parse,
	.resync = dubbo_resync,
};
