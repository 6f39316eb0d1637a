// SPDX-License-Identifier: Apache-2.0
/*
 * SOME/IP over UDP and TCP (AUTOSAR FO: SOME/IP Protocol Specification, and SOME/IP Service Discovery Protocol Specification,
 * https://www.autosar.org). A response has the message id and the request id of its request. Either end may be a service, often
 * over the same two ports; events are notifications nobody answers.
 */
#include "proto/proto.h"
#include "proto/rpc.h"

#define HEAD_BYTES 16u
#define LENGTH_COVERS 8u /* of the head */
#define LENGTH_MOST (16u << 20)
#define SD_MESSAGE 0xffff8100u
#define COOKIE_CLIENT 0xffff0000u
#define COOKIE_SERVER 0xffff8000u

enum type {
	TYPE_REQUEST = 0x00,
	TYPE_REQUEST_NO_RETURN = 0x01,
	TYPE_NOTIFICATION = 0x02,
	TYPE_RESPONSE = 0x80,
	TYPE_ERROR = 0x81,
	TYPE_SEGMENTED = 0x20, /* flag: one part of several (SOME/IP-TP) */
};

static const char *const codes[] = {
	"E_OK",
	"E_NOT_OK",
	"E_UNKNOWN_SERVICE",
	"E_UNKNOWN_METHOD",
	"E_NOT_READY",
	"E_NOT_REACHABLE",
	"E_TIMEOUT",
	"E_WRONG_PROTOCOL_VERSION",
	"E_WRONG_INTERFACE_VERSION",
	"E_MALFORMED_MESSAGE",
	"E_WRONG_MESSAGE_TYPE",
	"E_E2E_REPEATED",
	"E_E2E_WRONG_SEQUENCE",
	"E_E2E",
	"E_E2E_NOT_AVAILABLE",
	"E_E2E_NO_NEW_DATA",
};

struct head {
	uint32_t message;
	uint32_t length;
	uint32_t request;
	uint8_t interface;
	uint8_t type;
	uint8_t code;
};

static bool is_answer(const struct head *h)
{
	return h->type & 0x80;
}

static bool is_cookie(const struct head *h)
{
	return h->message == COOKIE_CLIENT || h->message == COOKIE_SERVER;
}

static bool is_sound(const struct head *h, uint8_t version)
{
	uint8_t type = h->type & (uint8_t)~TYPE_SEGMENTED;

	if (version != 1 || h->length < LENGTH_COVERS || h->length > LENGTH_MOST)
		return false;
	if (is_cookie(h))
		return h->length == LENGTH_COVERS && h->request == 0xdeadbeef;
	if (type != TYPE_REQUEST && type != TYPE_REQUEST_NO_RETURN && type != TYPE_NOTIFICATION && type != TYPE_RESPONSE &&
	    type != TYPE_ERROR)
		return false;
	/* 0x20 to 0x5e are the services' own. */
	return is_answer(h) ? h->code <= 0x5e : h->code == 0;
}

static enum tt_step read_head(struct tt_cursor *c, struct head *h)
{
	size_t at = c->pos;

	h->message = tt_cursor_be32(c);
	h->length = tt_cursor_be32(c);
	h->request = tt_cursor_be32(c);
	uint8_t version = tt_cursor_u8(c);
	h->interface = tt_cursor_u8(c);
	h->type = tt_cursor_u8(c);
	h->code = tt_cursor_u8(c);
	if (!tt_cursor_short(c) && is_sound(h, version))
		return TT_PARSED;
	bool cut = tt_cursor_short(c);
	c->pos = at;
	c->short_ = false;
	return cut ? TT_MORE : TT_LOST_SYNC;
}

/* --- what goes into the exchange ---------------------------------------------------------------------------------------------
 */

static struct tt_span hex(uint32_t v, size_t digits, char *buffer)
{
	static const char names[] = "0123456789abcdef";

	buffer[0] = '0';
	buffer[1] = 'x';
	for (size_t i = 0; i < digits; i++)
		buffer[2 + i] = names[v >> (4 * (digits - 1 - i)) & 15];
	return tt_span(buffer, 2 + digits);
}

/* The first entry says what it is about: its type, the service, and with a lifetime of 0 that it is taken back. */
static void describe_discovery(struct tt_message *m, struct tt_span payload)
{
	static const struct {
		uint8_t type;
		const char *names[2]; /* with a lifetime of 0, with one */
	} entries[] = {
		{0, {"FindService", "FindService"}},
		{1, {"StopOfferService", "OfferService"}},
		{6, {"StopSubscribeEventgroup", "SubscribeEventgroup"}},
		{7, {"SubscribeEventgroupNack", "SubscribeEventgroupAck"}},
	};
	struct tt_cursor c = tt_cursor(payload);
	char buffer[8];

	tt_cursor_skip(&c, 4);
	uint32_t len = tt_cursor_be32(&c);
	uint8_t type = tt_cursor_u8(&c);
	tt_cursor_skip(&c, 3);
	uint16_t service = tt_cursor_be16(&c);
	tt_cursor_skip(&c, 2 + 1); /* instance, major version */
	uint32_t lifetime = tt_cursor_be24(&c);
	tt_message_attr(m, "rpc.system.name", TT_SPAN_LIT("someip"));
	tt_message_text(m, TT_TEXT_OPERATION, TT_SPAN_LIT("SD"));
	if (tt_cursor_short(&c) || len < 16)
		return;
	for (size_t i = 0; i < TT_ARRAY_LEN(entries); i++) {
		if (entries[i].type == type)
			tt_message_text(m, TT_TEXT_OPERATION, tt_span_str(entries[i].names[lifetime != 0]));
	}
	tt_message_text(m, TT_TEXT_RESOURCE, hex(service, 4, buffer));
	tt_message_attr_int(m, "someip.sd.entries", len / 16);
}

static void describe_request(struct tt_message *m, const struct head *h)
{
	char service[8], method[8], client[8];

	tt_rpc_describe(m, "someip", hex(h->message >> 16, 4, service), hex(h->message & 0xffff, 4, method));
	tt_message_attr_int(m, "someip.interface_version", h->interface);
	if (h->request >> 16)
		tt_message_attr(m, "someip.client_id", hex(h->request >> 16, 4, client));
	if ((h->type & ~TYPE_SEGMENTED) == TYPE_NOTIFICATION)
		tt_message_attr_bool(m, "someip.notification", true);
}

static void describe_answer(struct tt_message *m, const struct head *h)
{
	char buffer[8];
	struct tt_span code = h->code < TT_ARRAY_LEN(codes) ? tt_span_str(codes[h->code]) : hex(h->code, 2, buffer);

	/* What is E_OK by its code and an error by its type is an error. */
	bool error = h->code || (h->type & ~TYPE_SEGMENTED) == TYPE_ERROR;
	if (error && !h->code)
		code = TT_SPAN_LIT("ERROR");
	tt_message_text(m, TT_TEXT_STATUS, code);
	if (error)
		tt_message_fail(m, code);
}

/* --- messages ----------------------------------------------------------------------------------------------------------------
 */

/* Of a message in parts, the first one stands for all: the others continue at an offset that is not 0. */
static bool is_continuation(const struct head *h, struct tt_span payload)
{
	struct tt_cursor c = tt_cursor(payload);

	return (h->type & TYPE_SEGMENTED) && (tt_cursor_be32(&c) & ~0xfu) != 0;
}

static void take(struct tt_link *link, enum tt_side side, struct tt_input *in, size_t at, const struct head *h,
		 struct tt_span payload)
{
	if (is_cookie(h) || is_continuation(h, payload))
		return;
	struct tt_message *m = tt_begin(link, side, !is_answer(h), in, at);
	uint8_t type = h->type & (uint8_t)~TYPE_SEGMENTED;

	if (m) {
		m->id = (uint64_t)h->message << 32 | h->request;
		m->one_way = type == TYPE_REQUEST_NO_RETURN || type == TYPE_NOTIFICATION;
		m->incomplete = h->type & TYPE_SEGMENTED;
	}
	if (h->message == SD_MESSAGE)
		describe_discovery(m, payload);
	else if (is_answer(h))
		describe_answer(m, h);
	else
		describe_request(m, h);
	if (!is_answer(h))
		tt_message_attr(m, "network.transport", in->datagram ? TT_SPAN_LIT("udp") : TT_SPAN_LIT("tcp"));
	tt_message_end(link, m, in, at + LENGTH_COVERS + (uint64_t)h->length);
}

/* Enough of the payload for service discovery's first entry. */
#define LOOK_BYTES 24u

static enum tt_step someip_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	enum tt_step step = TT_PARSED;

	do {
		size_t at = in->c.pos;
		struct head h;
		step = read_head(&in->c, &h);
		if (step != TT_PARSED)
			break;
		size_t payload = h.length - LENGTH_COVERS;
		size_t look = TT_MIN(payload, (size_t)LOOK_BYTES);
		if (tt_cursor_left(&in->c) < look && !in->datagram) {
			in->c.pos = at;
			return TT_MORE;
		}
		take(link, side, in, at, &h, tt_span_sub(tt_cursor_rest(&in->c), 0, look));
		size_t there = TT_MIN(payload, tt_cursor_left(&in->c));
		tt_cursor_skip(&in->c, there);
		if (there < payload && !in->datagram)
			tt_skip(link, side, payload - there);
	} while (in->datagram && tt_cursor_left(&in->c));
	if (in->datagram) {
		tt_cursor_skip(&in->c, tt_cursor_left(&in->c));
		step = step == TT_MORE ? TT_LOST_SYNC : step;
	}
	return step;
}

/* --- the protocol ------------------------------------------------------------------------------------------------------------
 */

/*
 * Sixteen bytes say little in a stream: messages must fill what is there, or be two in a row at least. A datagram is filled by
 * its messages.
 */
static enum tt_verdict fills(struct tt_span bytes)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct head h;

	for (unsigned whole = 0; tt_cursor_left(&c); whole++) {
		enum tt_step step = read_head(&c, &h);
		if (step == TT_LOST_SYNC || (h.message >> 16 == 0 && step == TT_PARSED))
			return TT_NO;
		if (step != TT_PARSED || !tt_cursor_skip(&c, h.length - LENGTH_COVERS))
			return whole > 1 ? TT_YES : TT_MAYBE;
	}
	return bytes.len ? TT_YES : TT_MAYBE;
}

static enum tt_verdict judge(enum tt_side side, struct tt_span bytes, bool datagram)
{
	struct tt_cursor c = tt_cursor(bytes);
	enum tt_verdict filled = fills(bytes);
	struct head h;
	enum tt_step step = read_head(&c, &h);

	if (step == TT_MORE && !datagram)
		return filled;
	if (step != TT_PARSED || filled == TT_NO || (datagram && filled != TT_YES))
		return TT_NO;
	if (is_cookie(&h))
		return (h.message == COOKIE_SERVER) == (side == TT_RESPONSES) ? TT_YES : TT_NO;
	bool asked = !is_answer(&h) && ((h.type & ~TYPE_SEGMENTED) != TYPE_NOTIFICATION || h.message == SD_MESSAGE);
	return asked == (side == TT_REQUESTS) ? filled : TT_NO;
}

static ssize_t someip_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return fills(bytes) == TT_YES ? 0 : -1;
}

static enum tt_verdict someip_detect(const struct tt_first *first)
{
	enum tt_verdict best = TT_NO;

	for (enum tt_side side = TT_REQUESTS; side <= TT_RESPONSES; side++) {
		if (!first->side[side].len)
			continue;
		enum tt_verdict v = judge(side, first->side[side], first->datagram);
		if (v == TT_NO)
			return TT_NO;
		best = v == TT_YES || best == TT_YES ? TT_YES : TT_MAYBE;
	}
	return best;
}

static const struct tt_proto_doc someip_doc = {
	.title = "SOME/IP",
	.specification = "AUTOSAR FO, SOME/IP Protocol Specification and SOME/IP Service Discovery: https://www.autosar.org",
	.recognised = "a head with protocol version 1, type, return code and length that fit; a datagram must be filled by such "
		      "messages",
	.operation = "the method's or event's number, `0x0421`; of service discovery the first entry's type, `OfferService`",
	.resource = "the service's number, `0x1234`",
	.status = "`E_OK`; another return code's name (`E_UNKNOWN_METHOD`) or number (`0x20`)",
	.limits = "names of services are in no message; payloads are not read; of a message in parts (SOME/IP-TP) the first "
		  "stands for all "
		  "and is reported incomplete",
	.verified = "pysomeip as service and client over UDP and TCP with service discovery; tshark's dissection of the same "
		    "captures",
};

const struct tt_proto tt_proto_someip = {
	.name = "someip",
	.doc = &someip_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.datagram = true,
	.detect = someip_detect,
	.parse = someip_parse,
	.resync = someip_resync,
};
