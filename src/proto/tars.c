// SPDX-License-Identifier: Apache-2.0
/*
 * Tars (https://github.com/TarsCloud/TarsTup, RequestF.tars of TarsCloud): a length that counts itself, then a RequestPacket or
 * ResponsePacket in the encoding of Tars (JCE): fields with a tag and a type in front. With TUP, an answer is a RequestPacket,
 * too. What is passed is counted, not read.
 */
#include "base/digits.h"
#include "base/own.h"
#include "proto/detect.h"
#include "proto/pass.h"
#include "proto/proto.h"
#include "proto/rpc.h"

#define LENGTH_MAX (1u << 28)
#define LENGTH_LEAST 16u
#define LOOK_BYTES 2048u
#define DEPTH_MOST 8u
#define NAME_BYTES_MOST 512u
#define VERSION_LAST 5
#define VERSION_FIELD 0x10 /* tag 1, a byte */

enum jce {
	JCE_BYTE,
	JCE_SHORT,
	JCE_INT,
	JCE_LONG,
	JCE_FLOAT,
	JCE_DOUBLE,
	JCE_STRING1,
	JCE_STRING4,
	JCE_MAP,
	JCE_LIST,
	JCE_BEGIN,
	JCE_END,
	JCE_ZERO,
	JCE_BYTES,
};

/* Results the framework gives; those of an application are numbers of its own. */
static const char *const results[] = {"OK",	     "DECODEERR",	    "ENCODEERR",	"NOFUNCERR",	   "NOSERVANTERR",
				      "RESETGRID",   "QUEUETIMEOUT",	    "ASYNCCALLTIMEOUT", "PROXYCONNECTERR", "OVERLOAD",
				      "ADAPTERNULL", "INVOKEBYINVALIDESET", "CLIENTDECODEERR"};
#define RESULT_UNKNOWN (-99)

struct packet {
	uint32_t length; /* itself included */
	bool asks;	 /* in the form of a request */
	bool one_way;
	int32_t id;
	struct tt_span servant;
	struct tt_span function;
	int32_t result;
	bool has_result;
	struct tt_span text; /* what the server says of a failure */
};

/* --- fields ------------------------------------------------------------------------------------------------------------------
 */

struct field {
	uint8_t tag;
	uint8_t type;
};

static bool take_head(struct tt_cursor *c, struct field *ret)
{
	uint8_t head = tt_cursor_u8(c);

	ret->type = head & 0x0f;
	ret->tag = head >> 4;
	if (ret->tag == 0x0f)
		ret->tag = tt_cursor_u8(c);
	return !tt_cursor_short(c) && ret->type <= JCE_BYTES;
}

/* A whole number of up to four bytes; false: it is none. */
static bool take_number(struct tt_cursor *c, uint8_t type, int32_t *ret)
{
	switch (type) {
	case JCE_ZERO:
		*ret = 0;
		break;
	case JCE_BYTE:
		*ret = tt_cursor_u8(c);
		*ret -= *ret & 0x80 ? 0x100 : 0;
		break;
	case JCE_SHORT:
		*ret = (int16_t)tt_cursor_be16(c);
		break;
	case JCE_INT:
		*ret = (int32_t)tt_cursor_be32(c);
		break;
	default:
		return false;
	}
	return !tt_cursor_short(c);
}

/* A string; data NULL where it is none, or not all there. */
static struct tt_span take_string(struct tt_cursor *c, uint8_t type)
{
	size_t len = type == JCE_STRING1 ? tt_cursor_u8(c) : type == JCE_STRING4 ? tt_cursor_be32(c) : SIZE_MAX;

	if (len == SIZE_MAX || tt_cursor_short(c))
		return tt_span(NULL, 0);
	return tt_cursor_take(c, len);
}

/* How many there are, of a list, a map or bytes. */
static bool take_count(struct tt_cursor *c, uint32_t *ret)
{
	struct field f;
	int32_t n;

	if (!take_head(c, &f) || !take_number(c, f.type, &n) || n < 0)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static bool pass(struct tt_cursor *c, uint8_t type, unsigned depth);

static bool pass_fields(struct tt_cursor *c, uint64_t n, unsigned depth)
{
	struct field f;

	while (n--) {
		if (!take_head(c, &f) || f.type == JCE_END || !pass(c, f.type, depth))
			return false;
	}
	return true;
}

/* One at least every byte: it ends with the bytes, however many are said to be there. */
static bool pass(struct tt_cursor *c, uint8_t type, unsigned depth)
{
	static const uint8_t sizes[] = {
		[JCE_BYTE] = 1, [JCE_SHORT] = 2, [JCE_INT] = 4, [JCE_LONG] = 8, [JCE_FLOAT] = 4, [JCE_DOUBLE] = 8};
	struct field f;
	uint32_t n;

	if (depth >= DEPTH_MOST)
		return false;
	switch (type) {
	case JCE_STRING1:
	case JCE_STRING4:
		return take_string(c, type).data;
	case JCE_MAP:
		return take_count(c, &n) && pass_fields(c, 2 * (uint64_t)n, depth + 1);
	case JCE_LIST:
		return take_count(c, &n) && pass_fields(c, n, depth + 1);
	case JCE_BYTES:
		return take_head(c, &f) && f.type == JCE_BYTE && take_count(c, &n) && tt_cursor_skip(c, n);
	case JCE_BEGIN:
		while (take_head(c, &f) && f.type != JCE_END) {
			if (!pass(c, f.type, depth + 1))
				return false;
		}
		return !tt_cursor_short(c);
	case JCE_ZERO:
		return true;
	default:
		return type < TT_ARRAY_LEN(sizes) && tt_cursor_skip(c, sizes[type]);
	}
}

/* --- a packet ----------------------------------------------------------------------------------------------------------------
 */

/* The fields of its beginning, which come in their order: a number with this tag. */
static bool head_number(struct tt_cursor *c, uint8_t tag, int32_t *ret)
{
	struct field f;

	return take_head(c, &f) && f.tag == tag && take_number(c, f.type, ret);
}

static bool head_name(struct tt_cursor *c, uint8_t tag, struct tt_span *ret)
{
	struct field f;

	if (!take_head(c, &f) || f.tag != tag)
		return false;
	*ret = take_string(c, f.type);
	return ret->data && ret->len <= NAME_BYTES_MOST;
}

/* A result as text. False: it is none. */
static bool decimal(struct tt_span s, int32_t *ret)
{
	bool minus = s.len && s.data[0] == '-';
	int64_t v = 0;

	for (size_t i = minus; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9' || v > INT32_MAX / 10)
			return false;
		v = v * 10 + (s.data[i] - '0');
	}
	*ret = (int32_t)TT_MIN(v, (int64_t)INT32_MAX) * (minus ? -1 : 1);
	return s.len > minus;
}

/* Behind the names of a request: what is passed, and with TUP how the call ended, among its status. */
static void read_tup_result(struct tt_cursor *c, struct packet *p)
{
	struct field f;
	uint32_t n;

	while (take_head(c, &f) && f.tag < 10) {
		if (!pass(c, f.type, 0))
			return;
	}
	if (tt_cursor_short(c) || f.tag != 10 || f.type != JCE_MAP || !take_count(c, &n))
		return;
	int32_t result = 0;
	while (n--) {
		struct tt_span key, value;
		if (!head_name(c, 0, &key) || !head_name(c, 1, &value))
			return;
		if (tt_span_eq(key, TT_SPAN_LIT("STATUS_RESULT_CODE")) && !decimal(value, &result))
			return;
	}
	p->result = result;
	p->has_result = true;
}

/* Behind the result of an answer: what is passed back, the status, a text. */
static void read_text(struct tt_cursor *c, struct packet *p)
{
	struct field f;

	while (take_head(c, &f) && f.tag < 8) {
		if (!pass(c, f.type, 0))
			return;
	}
	if (!tt_cursor_short(c) && f.tag == 8)
		p->text = take_string(c, f.type);
}

/* The two forms differ in what has tag 5: a name, or the result. */
static bool read_fields(struct tt_cursor *c, struct packet *p)
{
	int32_t version, type, third, fourth;

	if (!head_number(c, 1, &version) || version < 1 || version > VERSION_LAST || !head_number(c, 2, &type) || type < 0 ||
	    type > 1 || !head_number(c, 3, &third) || !head_number(c, 4, &fourth))
		return false;
	p->one_way = type == 1;
	struct tt_cursor here = *c;
	if (head_name(c, 5, &p->servant)) {
		p->asks = true;
		p->id = fourth;
		return head_name(c, 6, &p->function);
	}
	*c = here;
	p->id = third;
	p->has_result = head_number(c, 5, &p->result);
	return p->has_result;
}

static enum tt_step read_packet(struct tt_span bytes, enum tt_side side, struct packet *ret)
{
	struct tt_cursor c = tt_cursor(bytes);
	bool whole;

	*ret = (struct packet){0};
	if (bytes.len && bytes.data[0] > LENGTH_MAX >> 24)
		return TT_LOST_SYNC;
	ret->length = tt_cursor_be32(&c);
	if (tt_cursor_short(&c))
		return TT_MORE;
	if (ret->length < LENGTH_LEAST || ret->length > LENGTH_MAX || (tt_cursor_left(&c) && c.data[c.pos] != VERSION_FIELD))
		return TT_LOST_SYNC;
	size_t look = TT_MIN(ret->length, LOOK_BYTES) - 4;
	whole = ret->length <= LOOK_BYTES;
	if (tt_cursor_left(&c) < look)
		return TT_MORE;
	c = tt_cursor(tt_cursor_take(&c, look));
	if (!read_fields(&c, ret))
		return TT_LOST_SYNC;
	/* What a client sends has a name to call; what a server answers by TUP may have none. */
	if (side == TT_REQUESTS && (!ret->asks || !tt_rpc_is_name(ret->servant) || !tt_rpc_is_name(ret->function)))
		return TT_LOST_SYNC;
	struct tt_cursor rest = c;
	if (whole && (ret->asks ? !pass_fields(&rest, 1, 0) : tt_cursor_left(&rest) && !pass_fields(&rest, 1, 0)))
		return TT_LOST_SYNC;
	if (side == TT_RESPONSES && ret->asks)
		read_tup_result(&c, ret);
	else if (side == TT_RESPONSES)
		read_text(&c, ret);
	return TT_PARSED;
}

static struct tt_span signed_digits(int32_t v, uint8_t buffer[TT_DIGITS_MAX])
{
	struct tt_span digits = tt_digits((uint64_t)(v < 0 ? -(int64_t)v : v), buffer);
	size_t at = TT_DIGITS_MAX - digits.len;

	if (v < 0)
		buffer[--at] = '-';
	return tt_span(buffer + at, TT_DIGITS_MAX - at);
}

/* --- exchanges ---------------------------------------------------------------------------------------------------------------
 */

static void describe_answer(struct tt_message *m, const struct packet *p)
{
	uint8_t number[TT_DIGITS_MAX];
	struct tt_span status;

	if (!m)
		return;
	if (!p->has_result) {
		m->incomplete = true; /* it stands behind more than is looked at */
		return;
	}
	if (p->result <= 0 && p->result > -(int32_t)TT_ARRAY_LEN(results))
		status = tt_span_str(results[-p->result]);
	else if (p->result == RESULT_UNKNOWN)
		status = TT_SPAN_LIT("UNKNOWNERR");
	else
		status = signed_digits(p->result, number);
	tt_message_text(m, TT_TEXT_STATUS, status);
	if (p->result == 0)
		return;
	tt_message_fail(m, status);
	if (p->text.len)
		tt_message_text(m, TT_TEXT_ERROR, p->text);
}

/* An answer to no call: the server tells something by itself. */
static struct tt_message *pushed(struct tt_link *link, const struct tt_input *in)
{
	struct tt_message *m = tt_server_request_begin(link, in, in->c.pos);

	if (m)
		m->one_way = true;
	tt_message_attr(m, "rpc.system.name", TT_SPAN_LIT("tars"));
	tt_message_text(m, TT_TEXT_OPERATION, TT_SPAN_LIT("push"));
	return m;
}

static struct tt_message *open_message(struct tt_link *link, enum tt_side side, const struct tt_input *in, const struct packet *p)
{
	if (side == TT_RESPONSES && p->id == 0)
		return pushed(link, in);
	struct tt_message *m =
		side == TT_REQUESTS ? tt_request_begin(link, in, in->c.pos) : tt_response_begin(link, in, in->c.pos);

	if (m)
		m->id = (uint32_t)p->id;
	if (side == TT_RESPONSES) {
		describe_answer(m, p);
		return m;
	}
	if (m)
		m->one_way = p->one_way;
	tt_rpc_describe(m, "tars", p->servant, p->function);
	return m;
}

static enum tt_step tars_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct packet p;

	enum tt_step step = read_packet(tt_cursor_rest(&in->c), side, &p);
	if (step != TT_PARSED)
		return step;
	struct tt_message *m = open_message(link, side, in, &p);
	tt_message_end(link, m, in, (uint64_t)in->c.pos + p.length);
	tt_pass(link, side, in, p.length);
	return TT_PARSED;
}

/* --- the protocol ------------------------------------------------------------------------------------------------------------
 */

static enum tt_verdict judge(const struct tt_first *first, enum tt_side side)
{
	struct packet p;

	switch (read_packet(first->side[side], side, &p)) {
	case TT_PARSED:
		/* By TUP both sides look the same. */
		return side == TT_REQUESTS || !p.asks || first->role_known ? TT_YES : TT_MAYBE;
	case TT_MORE:
		return tt_judged(first, side, TT_MAYBE);
	default:
		return TT_NO;
	}
}

static enum tt_verdict tars_detect(const struct tt_first *first)
{
	return tt_detect_sides(first, judge);
}

static ssize_t tars_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct packet p;

	return read_packet(bytes, side, &p) == TT_PARSED ? 0 : -1;
}

static const struct tt_proto_doc tars_doc = {
	.title = "Tars",
	.specification = "RequestF.tars and the Tars encoding: https://github.com/TarsCloud/TarsTup",
	.recognised = "the length, version and packet type, then a servant and function (a request) or a result (an answer), "
		      "each with its tag; at any packet",
	.operation = "the function; `push` for what the server says unasked",
	.resource = "the servant, `App.Server.ServantObj`",
	.status = "`OK`; the framework's error by its name (`NOFUNCERR`), else the application's number, failures; of one-way "
		  "calls none",
	.limits = "2 KiB of a packet are read; of a longer answer by TUP the result is not known, and the exchange is not "
		  "`complete`; arguments are not read",
	.verified = "TarsGo's server and client, calls by Tars and by TUP, one-way, failed, timed out; the client's own record",
};

const struct tt_proto tt_proto_tars = {
	.name = "tars",
	.doc = &tars_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.detect = tars_detect,
	.parse = tars_parse,
	.resync = tars_resync,
};
