// SPDX-License-Identifier: Apache-2.0
/*
 * bRPC's own protocol, baidu_std (https://github.com/apache/brpc/blob/master/docs/en/baidu_std.md): "PRPC", two lengths, a meta
 * in Protocol Buffers (src/brpc/policy/baidu_rpc_meta.proto there), and the payload, which is not read. Answers name their call
 * by correlation id.
 */
#include "base/digits.h"
#include "base/protobuf.h"
#include "proto/detect.h"
#include "proto/pass.h"
#include "proto/proto.h"
#include "proto/rpc.h"

#define HEAD_BYTES 12u
#define META_MOST 65536u
#define BODY_MOST (1u << 30)

enum meta_field {
	META_REQUEST = 1,
	META_RESPONSE = 2,
	META_COMPRESS = 3,
	META_CORRELATION = 4,
	META_ATTACHMENT = 5,
	META_STREAM = 8,
};

struct meta {
	bool request;
	bool response;
	struct tt_span service;
	struct tt_span method;
	struct tt_span error_text;
	uint32_t error_code;
	uint64_t compress;
	uint64_t correlation;
	uint64_t attachment;
	bool stream;
};

/* Numbers of src/brpc/errno.proto; others are the service's own, or the system's. */
static const struct {
	uint32_t number;
	const char *name;
} errors[] = {
	{1001, "ENOSERVICE"},	     {1002, "ENOMETHOD"},    {1003, "EREQUEST"},       {1004, "ERPCAUTH"},
	{1005, "ETOOMANYFAILS"},     {1006, "EPCHANFINISH"}, {1007, "EBACKUPREQUEST"}, {1008, "ERPCTIMEDOUT"},
	{1009, "EFAILEDSOCKET"},     {1010, "EHTTP"},	     {1011, "EOVERCROWDED"},   {1012, "ERTMPPUBLISHABLE"},
	{1013, "ERTMPCREATESTREAM"}, {1014, "EEOF"},	     {1015, "EUNUSED"},	       {1016, "ESSL"},
	{1017, "EH2RUNOUTSTREAMS"},  {1018, "EREJECT"},	     {2001, "EINTERNAL"},      {2002, "ERESPONSE"},
	{2003, "ELOGOFF"},	     {2004, "ELIMIT"},	     {2005, "ECLOSE"},	       {2006, "EITP"},
};

static const char *const compressions[] = {"none", "snappy", "gzip", "zlib", "lz4"};

static bool read_part(struct tt_span bytes, bool request, struct meta *m)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct tt_pb_field f;

	while (tt_pb_next(&c, &f)) {
		if (request && f.type == TT_PB_BYTES && f.number == 1)
			m->service = f.bytes;
		else if (request && f.type == TT_PB_BYTES && f.number == 2)
			m->method = f.bytes;
		else if (!request && f.type == TT_PB_VARINT && f.number == 1)
			m->error_code = (uint32_t)f.value;
		else if (!request && f.type == TT_PB_BYTES && f.number == 2)
			m->error_text = f.bytes;
	}
	return !tt_cursor_short(&c);
}

static bool read_meta(struct tt_span bytes, struct meta *ret)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct tt_pb_field f;
	bool good = true;

	*ret = (struct meta){0};
	while (good && tt_pb_next(&c, &f)) {
		bool number = f.type == TT_PB_VARINT;
		if (f.type == TT_PB_BYTES && (f.number == META_REQUEST || f.number == META_RESPONSE)) {
			good = read_part(f.bytes, f.number == META_REQUEST, ret);
			*(f.number == META_REQUEST ? &ret->request : &ret->response) = true;
		} else if (number && f.number == META_COMPRESS) {
			ret->compress = f.value;
		} else if (number && f.number == META_CORRELATION) {
			ret->correlation = f.value;
		} else if (number && f.number == META_ATTACHMENT) {
			ret->attachment = f.value;
		} else if (f.number == META_STREAM) {
			ret->stream = true;
		}
	}
	return good && !tt_cursor_short(&c);
}

/* TT_PARSED: the cursor is behind the meta, *ret_rest bytes of the body follow. */
static enum tt_step read_message(struct tt_cursor *c, struct meta *m, uint32_t *ret_rest)
{
	static const struct tt_span magic = TT_SPAN_LIT("PRPC");
	struct tt_span there = tt_span_sub(tt_cursor_rest(c), 0, magic.len);
	size_t at = c->pos;

	if (memcmp(there.data, magic.data, there.len) != 0)
		return TT_LOST_SYNC;
	tt_cursor_skip(c, magic.len);
	uint32_t body = tt_cursor_be32(c);
	uint32_t meta = tt_cursor_be32(c);
	bool cut = tt_cursor_short(c);
	struct tt_span bytes = tt_cursor_take(c, cut ? 0 : TT_MIN(meta, META_MOST));
	if (!cut && (meta > body || meta > META_MOST || body > BODY_MOST)) {
		c->pos = at;
		return TT_LOST_SYNC;
	}
	if (tt_cursor_short(c)) {
		c->pos = at;
		c->short_ = false;
		return TT_MORE;
	}
	if (!read_meta(bytes, m)) {
		c->pos = at;
		return TT_LOST_SYNC;
	}
	*ret_rest = body - meta;
	return TT_PARSED;
}

/* --- what goes into the exchange ---------------------------------------------------------------------------------------------
 */

static void describe_request(struct tt_message *r, const struct meta *m, uint32_t rest)
{
	tt_rpc_describe(r, "brpc", m->service, m->method);
	if (m->compress && m->compress < TT_ARRAY_LEN(compressions))
		tt_message_attr(r, "brpc.compression", tt_span_str(compressions[m->compress]));
	if (m->attachment && m->attachment <= rest)
		tt_message_attr_int(r, "brpc.request.attachment_bytes", (int64_t)m->attachment);
	if (m->stream)
		tt_message_attr_bool(r, "brpc.stream", true);
}

static struct tt_span error_name(uint32_t code, uint8_t buffer[TT_DIGITS_MAX])
{
	for (size_t i = 0; i < TT_ARRAY_LEN(errors); i++) {
		if (errors[i].number == code)
			return tt_span_str(errors[i].name);
	}
	return tt_digits(code, buffer);
}

static void describe_response(struct tt_message *r, const struct meta *m, uint32_t rest)
{
	uint8_t buffer[TT_DIGITS_MAX];

	if (m->attachment && m->attachment <= rest)
		tt_message_attr_int(r, "brpc.response.attachment_bytes", (int64_t)m->attachment);
	if (!m->error_code) {
		tt_message_text(r, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
		return;
	}
	struct tt_span name = error_name(m->error_code, buffer);
	tt_message_text(r, TT_TEXT_STATUS, name);
	tt_message_fail(r, name);
	if (m->error_text.len)
		tt_message_text(r, TT_TEXT_ERROR, m->error_text);
}

static enum tt_step brpc_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	size_t at = in->c.pos;
	struct meta m;
	uint32_t rest;

	enum tt_step step = read_message(&in->c, &m, &rest);
	if (step != TT_PARSED)
		return step;
	/* An answer that went well may have nothing to say but whose it is. */
	if (side == TT_REQUESTS ? !m.request || !m.method.len : m.request) {
		in->c.pos = at;
		return TT_LOST_SYNC;
	}
	struct tt_message *r = side == TT_REQUESTS ? tt_request_begin(link, in, at) : tt_response_begin(link, in, at);
	if (r)
		r->id = m.correlation;
	if (side == TT_REQUESTS)
		describe_request(r, &m, rest);
	else
		describe_response(r, &m, rest);

	tt_message_end(link, r, in, (uint64_t)in->c.pos + rest);
	tt_pass(link, side, in, rest);
	return TT_PARSED;
}

/* --- the protocol ------------------------------------------------------------------------------------------------------------
 */

static enum tt_verdict judge(enum tt_side side, struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct meta m;
	uint32_t rest;
	enum tt_step step = read_message(&c, &m, &rest);

	if (step != TT_PARSED)
		return step == TT_MORE ? TT_MAYBE : TT_NO;
	return m.request == (side == TT_REQUESTS) ? TT_YES : TT_NO;
}

static ssize_t brpc_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return bytes.len && judge(side, bytes) == TT_YES ? 0 : -1;
}

static enum tt_verdict judge_side(const struct tt_first *first, enum tt_side side)
{
	return judge(side, first->side[side]);
}

static enum tt_verdict brpc_detect(const struct tt_first *first)
{
	return tt_detect_sides(first, judge_side);
}

static const struct tt_proto_doc brpc_doc = {
	.title = "bRPC (baidu_std)",
	.specification = "baidu_std: https://github.com/apache/brpc/blob/master/docs/en/baidu_std.md",
	.recognised = "`PRPC`, lengths that fit each other, and a meta with a request or a response; at any message",
	.operation = "the method",
	.resource = "the service, with its package where the client names it",
	.status = "`OK`; the error's name (`ENOMETHOD`) or its number",
	.limits = "payloads and the frames of bRPC's own streams (`STRM`) are not read; hulu_pbrpc, sofa_pbrpc and the others "
		  "are not recognised",
	.verified = "brpc-java 2.5 as server and client; the client's own record",
};

const struct tt_proto tt_proto_brpc = {
	.name = "brpc",
	.doc = &brpc_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.detect = brpc_detect,
	.parse = brpc_parse,
	.resync = brpc_resync,
};
