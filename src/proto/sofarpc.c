// SPDX-License-Identifier: Apache-2.0
/*
 * SOFARPC's Bolt, versions 1 and 2 (https://github.com/sofastack/sofa-bolt: RpcProtocol, RpcProtocolV2): a head with type,
 * command, request id and the lengths of a class's name, a map of headers and the content. Who is called stands in the headers;
 * of the content only the beginning of an answer in Hessian is read, whether it carries an exception.
 */
#include "proto/detect.h"
#include "proto/pass.h"
#include "proto/proto.h"
#include "proto/rpc.h"

#define CLASS_MOST 1024u
#define CONTENT_MOST (256u << 20)
#define LOOK_BYTES 512u

enum type {
	TYPE_RESPONSE = 0,
	TYPE_REQUEST = 1,
	TYPE_ONE_WAY = 2,
};

enum command {
	COMMAND_HEARTBEAT = 0,
	COMMAND_REQUEST = 1,
	COMMAND_RESPONSE = 2,
};

static const struct {
	uint16_t number;
	const char *name;
} statuses[] = {
	{0x00, "OK"},
	{0x01, "ERROR"},
	{0x02, "SERVER_EXCEPTION"},
	{0x03, "UNKNOWN"},
	{0x04, "SERVER_THREADPOOL_BUSY"},
	{0x05, "ERROR_COMM"},
	{0x06, "NO_PROCESSOR"},
	{0x07, "TIMEOUT"},
	{0x08, "CLIENT_SEND_ERROR"},
	{0x09, "CODEC_EXCEPTION"},
	{0x10, "CONNECTION_CLOSED"},
	{0x11, "SERVER_SERIAL_EXCEPTION"},
	{0x12, "SERVER_DESERIAL_EXCEPTION"},
};

static const struct {
	uint8_t number;
	const char *name;
} codecs[] = {{1, "hessian"}, {11, "protobuf"}, {12, "json"}, {13, "xml"}, {21, "msgpack"}, {22, "fury"}};

struct head {
	uint8_t version;
	uint8_t type;
	uint16_t command;
	uint32_t id;
	uint8_t codec;
	bool checked; /* a checksum follows */
	uint16_t status;
	uint16_t class_len;
	uint16_t header_len;
	uint32_t content_len;
};

static const char *status_name(uint16_t status)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(statuses); i++) {
		if (statuses[i].number == status)
			return statuses[i].name;
	}
	return NULL;
}

static const char *codec_name(uint8_t codec)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(codecs); i++) {
		if (codecs[i].number == codec)
			return codecs[i].name;
	}
	return NULL;
}

static bool is_sound(const struct head *h, uint8_t inner)
{
	bool answer = h->type == TYPE_RESPONSE;

	if (h->type > TYPE_ONE_WAY || inner != 1 || !codec_name(h->codec) || h->class_len > CLASS_MOST ||
	    h->content_len > CONTENT_MOST)
		return false;
	if (answer && !status_name(h->status))
		return false;
	if (h->command == COMMAND_HEARTBEAT)
		return h->type != TYPE_ONE_WAY && !h->class_len && !h->header_len && !h->content_len;
	return h->command == (answer ? COMMAND_RESPONSE : COMMAND_REQUEST);
}

static enum tt_step read_head(struct tt_cursor *c, struct head *h)
{
	size_t at = c->pos;

	*h = (struct head){.version = tt_cursor_u8(c)};
	uint8_t outer = h->version == 2 ? tt_cursor_u8(c) : 1;
	h->type = tt_cursor_u8(c);
	h->command = tt_cursor_be16(c);
	uint8_t inner = tt_cursor_u8(c);
	h->id = tt_cursor_be32(c);
	h->codec = tt_cursor_u8(c);
	h->checked = h->version == 2 && (tt_cursor_u8(c) & 1);
	if (h->type == TYPE_RESPONSE)
		h->status = tt_cursor_be16(c);
	else
		tt_cursor_skip(c, 4); /* how long the client waits */
	h->class_len = tt_cursor_be16(c);
	h->header_len = tt_cursor_be16(c);
	h->content_len = tt_cursor_be32(c);
	bool cut = tt_cursor_short(c);
	/* What is there is judged even where the rest is not: a random byte is not waited for. */
	size_t there = c->len - at;
	if ((there > 0 && h->version != 1 && h->version != 2) ||
	    (there > 2 && (h->type > TYPE_ONE_WAY || (outer != 1 && outer != 2))) || (!cut && !is_sound(h, inner))) {
		c->pos = at;
		return TT_LOST_SYNC;
	}
	if (cut) {
		c->pos = at;
		c->short_ = false;
		return TT_MORE;
	}
	return TT_PARSED;
}

/* --- headers -----------------------------------------------------------------------------------------------------------------
 */

struct headers {
	struct tt_span service;
	struct tt_span method;
	struct tt_span trace;
	struct tt_span error;
};

static struct tt_span text(struct tt_cursor *c)
{
	uint32_t len = tt_cursor_be32(c);

	/* -1 stands for none. */
	return tt_cursor_take(c, len == UINT32_MAX ? 0 : len);
}

static void read_headers(struct tt_span bytes, struct headers *ret)
{
	struct tt_cursor c = tt_cursor(bytes);

	*ret = (struct headers){0};
	while (tt_cursor_left(&c)) {
		struct tt_span key = text(&c);
		struct tt_span value = text(&c);
		if (tt_cursor_short(&c))
			return;
		if (tt_span_eq(key, TT_SPAN_LIT("sofa_head_target_service")))
			ret->service = value;
		else if (tt_span_eq(key, TT_SPAN_LIT("sofa_head_method_name")))
			ret->method = value;
		else if (tt_span_eq(key, TT_SPAN_LIT("rpc_trace_context.sofaTraceId")))
			ret->trace = value;
		else if (tt_span_eq(key, TT_SPAN_LIT("sofa_head_response_error")))
			ret->error = value;
	}
}

/* --- answers -----------------------------------------------------------------------------------------------------------------
 */

static size_t hessian_length(struct tt_cursor *c)
{
	uint8_t tag = tt_cursor_u8(c);

	if (tag >= 0x80 && tag <= 0xbf)
		return tag >= 0x90 ? tag - 0x90u : 0;
	if (tag >= 0xc8 && tag <= 0xcf)
		return (size_t)(tag - 0xc8) << 8 | tt_cursor_u8(c);
	c->short_ = true;
	return 0;
}

/*
 * A SofaResponse in Hessian: its class with four fields, then those: is it an error, which text has it, what was returned. What a
 * method throws is returned, too. Data NULL: nothing was thrown, as far as can be told.
 */
static struct tt_span read_thrown(struct tt_span content)
{
	static const struct tt_span name = TT_SPAN_LIT("com.alipay.sofa.rpc.core.response.SofaResponse");
	struct tt_cursor c = tt_cursor(content);
	const struct tt_span none = tt_span(NULL, 0);

	if (tt_cursor_u8(&c) != 'O' || !tt_span_eq(tt_cursor_take(&c, hessian_length(&c)), name) || tt_cursor_u8(&c) != 0x94)
		return none;
	for (int i = 0; i < 4; i++)
		tt_cursor_skip(&c, tt_cursor_u8(&c));
	bool object = tt_cursor_u8(&c) == 'o';
	tt_cursor_skip(&c, 1);
	uint8_t error = tt_cursor_u8(&c);
	if (!object || error != 'F' || tt_cursor_u8(&c) != 'N' || tt_cursor_u8(&c) != 'O')
		return none;
	struct tt_span thrown = tt_cursor_take(&c, hessian_length(&c));
	if (tt_cursor_short(&c) ||
	    (!tt_span_ends(thrown, TT_SPAN_LIT("Exception")) && !tt_span_ends(thrown, TT_SPAN_LIT("Error"))))
		return none;
	return thrown;
}

static void describe_answer(struct tt_message *m, const struct head *h, const struct headers *headers, struct tt_span content)
{
	struct tt_span status = tt_span_str(status_name(h->status));
	struct tt_span thrown = h->codec == 1 ? read_thrown(content) : tt_span(NULL, 0);

	if (thrown.len)
		status = TT_SPAN_LIT("EXCEPTION");
	else if (h->status == 0 && tt_span_eq(headers->error, TT_SPAN_LIT("true")))
		status = TT_SPAN_LIT("ERROR");
	tt_message_text(m, TT_TEXT_STATUS, status);
	if (!tt_span_eq(status, TT_SPAN_LIT("OK")))
		tt_message_fail(m, thrown.len ? thrown : status);
}

static void describe_request(struct tt_message *m, const struct head *h, const struct headers *headers)
{
	if (h->command == COMMAND_HEARTBEAT) {
		tt_message_attr(m, "rpc.system.name", TT_SPAN_LIT("sofarpc"));
		tt_message_text(m, TT_TEXT_OPERATION, TT_SPAN_LIT("heartbeat"));
		return;
	}
	tt_rpc_describe(m, "sofarpc", headers->service, headers->method);
	tt_message_attr(m, "sofarpc.codec", tt_span_str(codec_name(h->codec)));
	if (headers->trace.len)
		tt_message_attr(m, "sofarpc.trace_id", headers->trace);
}

/* --- messages ----------------------------------------------------------------------------------------------------------------
 */

static enum tt_step sofarpc_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	size_t at = in->c.pos;
	struct head h;

	enum tt_step step = read_head(&in->c, &h);
	if (step != TT_PARSED)
		return step;
	size_t names = (size_t)h.class_len + h.header_len;
	size_t look = TT_MIN((size_t)h.content_len, (size_t)LOOK_BYTES);
	if (tt_cursor_left(&in->c) < names + look) {
		in->c.pos = at;
		return TT_MORE;
	}
	tt_cursor_skip(&in->c, h.class_len);
	struct headers headers;
	read_headers(tt_cursor_take(&in->c, h.header_len), &headers);

	bool request = h.type != TYPE_RESPONSE;
	struct tt_message *m = tt_begin(link, side, request, in, at);
	if (m) {
		m->id = h.id;
		m->one_way = h.type == TYPE_ONE_WAY;
	}
	if (request)
		describe_request(m, &h, &headers);
	else
		describe_answer(m, &h, &headers, tt_span_sub(tt_cursor_rest(&in->c), 0, look));

	uint64_t rest = (uint64_t)h.content_len + (h.checked ? 4 : 0);
	tt_message_end(link, m, in, in->c.pos + rest);
	tt_pass(link, side, in, rest);
	return TT_PARSED;
}

/* --- the protocol ------------------------------------------------------------------------------------------------------------
 */

/* Heartbeats say too little: a call or an answer with a class's name is waited for. */
static enum tt_verdict judge(enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct head h;

	while (tt_cursor_left(&c)) {
		enum tt_step step = read_head(&c, &h);
		if (step != TT_PARSED)
			return step == TT_MORE ? TT_MAYBE : TT_NO;
		if (h.command == COMMAND_HEARTBEAT)
			continue;
		struct tt_span class_name = tt_span_sub(tt_cursor_rest(&c), 0, h.class_len);
		if (h.class_len < 3 || !tt_rpc_is_name(class_name.len ? class_name : TT_SPAN_LIT("x")) ||
		    (h.type == TYPE_RESPONSE) != (side == TT_RESPONSES))
			return TT_NO;
		return class_name.len == h.class_len ? TT_YES : TT_MAYBE;
	}
	return TT_MAYBE;
}

static ssize_t sofarpc_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return bytes.len && judge(side, bytes) == TT_YES ? 0 : -1;
}

static enum tt_verdict judge_side(const struct tt_first *first, enum tt_side side)
{
	return judge(side, first->side[side]);
}

static enum tt_verdict sofarpc_detect(const struct tt_first *first)
{
	return tt_detect_sides(first, judge_side);
}

static const struct tt_proto_doc sofarpc_doc = {
	.title = "SOFARPC (Bolt)",
	.specification = "SOFABolt, RpcProtocol and RpcProtocolV2: https://github.com/sofastack/sofa-bolt",
	.recognised = "the head of version 1 or 2 with types, codec and lengths that fit, and the name of a class behind it; at "
		      "any call or answer",
	.operation = "the method; `heartbeat`",
	.resource = "the service with its version, as the headers name it",
	.status = "`OK`; `EXCEPTION` where the method threw one; `ERROR` where the framework did; else the status's name",
	.limits = "an exception is told from a result in Hessian only; other users of Bolt, without SOFARPC's headers, have no "
		  "operation",
	.verified = "SOFARPC 5.13 as provider and consumer over Bolt version 1; the consumer's own record. Version 2 is built "
		    "from the specification",
};

const struct tt_proto tt_proto_sofarpc = {
	.name = "sofarpc",
	.doc = &sofarpc_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.detect = sofarpc_detect,
	.parse = sofarpc_parse,
	.resync = sofarpc_resync,
};
