// SPDX-License-Identifier: Apache-2.0
/*
 * gRPC has no frames of its own on a connection: HTTP/2 reads them, and says of a stream that carries gRPC that it does
 * (tt_message.as). Here is what such a stream's headers and DATA mean.
 */
#include "proto/grpc.h"

#include "base/digits.h"
#include "base/own.h"

/* No longer part of a path is a word before the service's name, or taken for one whatever it is made of. */
#define GRPC_WORD_MOST 19

/* Of a grpc-message that much is decoded. */
#define GRPC_ERROR_MOST 2048

bool tt_grpc_content(struct tt_span type)
{
	static const struct tt_span base = TT_SPAN_LIT("application/grpc");

	if (!tt_span_starts(type, base))
		return false;
	return type.len == base.len || type.data[base.len] == '+' || type.data[base.len] == ';' || type.data[base.len] == ' ';
}

/* Random text, rather than a word with a version in it: long, and letters follow digits more than once. */
static bool grpc_is_random(struct tt_span s)
{
	size_t knots = 0;

	for (size_t i = 1; i < s.len && s.len > GRPC_WORD_MOST; i++) {
		bool digit = s.data[i - 1] >= '0' && s.data[i - 1] <= '9';
		knots += digit && tt_ascii_lower(s.data[i]) >= 'a' && tt_ascii_lower(s.data[i]) <= 'z';
	}
	return knots > 1;
}

/* A name of protobuf's, with its package's before it; or a word of a path, where `word` says so. */
static bool grpc_is_name(struct tt_span s, bool word)
{
	size_t part = 0;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i], letter = tt_ascii_lower(c);
		bool plain = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
		/* Triple's generic call is `$invoke`. */
		if (!plain && !(word ? c == '-' || c == '~' : c == '$'))
			return false;
		if (c != '.')
			continue;
		if (grpc_is_random(tt_span_sub(s, part, i - part)))
			return false;
		part = i + 1;
	}
	return s.len && (!word || s.len <= GRPC_WORD_MOST) && !grpc_is_random(tt_span_sub(s, part, s.len));
}

/* What stands before the last slash, and behind it; false: there is none. */
static bool grpc_split(struct tt_span s, struct tt_span *ret_before, struct tt_span *ret_last)
{
	const uint8_t *slash = s.len ? memrchr(s.data, '/', s.len) : NULL;
	size_t at = slash ? (size_t)(slash - s.data) : 0;

	*ret_before = tt_span_sub(s, 0, at);
	*ret_last = tt_span_sub(s, slash ? at + 1 : 0, s.len);
	return slash;
}

bool tt_grpc_path(struct tt_span path, struct tt_span *ret_service, struct tt_span *ret_method)
{
	ptrdiff_t query = tt_span_find(path, '?');
	size_t begin = path.len && path.data[0] == '/';
	struct tt_span before, name;

	path = tt_span_sub(path, begin, (query < 0 ? path.len : (size_t)query) - begin);
	if (!grpc_split(path, ret_service, ret_method) || !grpc_is_name(*ret_method, false))
		return false;
	bool more = grpc_split(*ret_service, &before, &name);
	bool named = grpc_is_name(name, false);
	while (named && more) {
		more = grpc_split(before, &before, &name);
		named = grpc_is_name(name, true);
	}
	return named;
}

void tt_grpc_name(struct tt_message *m)
{
	struct tt_span service, method;

	if (!m || m->as == &tt_proto_grpc)
		return;
	m->as = &tt_proto_grpc;

	struct tt_span path = tt_message_get(m, TT_TEXT_RESOURCE);
	if (!tt_grpc_path(path, &service, &method)) {
		m->text[TT_TEXT_OPERATION].set = m->text[TT_TEXT_RESOURCE].set = false;
		return;
	}
	size_t begin = (size_t)(service.data - path.data);
	tt_message_text_part(m, TT_TEXT_RESOURCE, TT_TEXT_RESOURCE, begin, service.len + 1 + method.len);
	tt_message_attr_text(m, "rpc.method", TT_TEXT_RESOURCE);
	tt_message_text_part(m, TT_TEXT_OPERATION, TT_TEXT_RESOURCE, service.len + 1, method.len);
	tt_message_text_part(m, TT_TEXT_RESOURCE, TT_TEXT_RESOURCE, 0, service.len);
}

void tt_grpc_timeout(struct tt_message *m, struct tt_span value)
{
	static const struct {
		char unit;
		uint64_t ns;
	} units[] = {
		{'n', 1}, {'u', 1000}, {'m', 1000000}, {'S', 1000000000}, {'M', 60000000000}, {'H', 3600000000000},
	};
	uint64_t n;

	if (value.len < 2 || value.len > 9 || !tt_digits_read(tt_span_sub(value, 0, value.len - 1), &n))
		return;
	for (size_t i = 0; i < TT_ARRAY_LEN(units); i++) {
		/* Longer than centuries is none. */
		if ((uint8_t)units[i].unit == value.data[value.len - 1] && n <= INT64_MAX / units[i].ns)
			tt_message_attr_int(m, "rpc.grpc.timeout_ns", (int64_t)(n * units[i].ns));
	}
}

bool tt_grpc_status(struct tt_message *m, struct tt_span value)
{
	/* Whose fault it is as OpenTelemetry has it: the server's, or only the caller's. */
	static const struct {
		struct tt_span name;
		bool servers;
	} codes[] = {
		{TT_SPAN_LIT("OK"), false},
		{TT_SPAN_LIT("CANCELLED"), false},
		{TT_SPAN_LIT("UNKNOWN"), true},
		{TT_SPAN_LIT("INVALID_ARGUMENT"), false},
		{TT_SPAN_LIT("DEADLINE_EXCEEDED"), true},
		{TT_SPAN_LIT("NOT_FOUND"), false},
		{TT_SPAN_LIT("ALREADY_EXISTS"), false},
		{TT_SPAN_LIT("PERMISSION_DENIED"), false},
		{TT_SPAN_LIT("RESOURCE_EXHAUSTED"), false},
		{TT_SPAN_LIT("FAILED_PRECONDITION"), false},
		{TT_SPAN_LIT("ABORTED"), false},
		{TT_SPAN_LIT("OUT_OF_RANGE"), false},
		{TT_SPAN_LIT("UNIMPLEMENTED"), true},
		{TT_SPAN_LIT("INTERNAL"), true},
		{TT_SPAN_LIT("UNAVAILABLE"), true},
		{TT_SPAN_LIT("DATA_LOSS"), true},
		{TT_SPAN_LIT("UNAUTHENTICATED"), false},
	};
	uint64_t code;

	if (value.len > 3 || !tt_digits_read(value, &code))
		return false;
	if (!m)
		return true;
	/* A code that has no name is its number. */
	struct tt_span name = code < TT_ARRAY_LEN(codes) ? codes[code].name : value;
	tt_message_text(m, TT_TEXT_STATUS, name);
	m->failed = m->refused = false;
	if (code >= TT_ARRAY_LEN(codes) || codes[code].servers)
		tt_message_fail(m, name);
	else if (code)
		tt_message_refuse(m, name);
	return true;
}

void tt_grpc_error(struct tt_message *m, struct tt_span value)
{
	uint8_t text[GRPC_ERROR_MOST];
	size_t n = 0;

	for (size_t i = 0; i < value.len && n < sizeof(text); i++) {
		bool coded = value.data[i] == '%' && value.len - i > 2 && tt_hex_digit(value.data[i + 1]) >= 0 &&
			     tt_hex_digit(value.data[i + 2]) >= 0;
		text[n++] =
			coded ? (uint8_t)(tt_hex_digit(value.data[i + 1]) << 4 | tt_hex_digit(value.data[i + 2])) : value.data[i];
		i += coded ? 2 : 0;
	}
	if (n)
		tt_message_text(m, TT_TEXT_ERROR, tt_span(text, n));
}

/* --- messages ------------------------------------------------------------------------------------------------------------- */

size_t tt_grpc_take(struct tt_grpc_count *count, struct tt_span data)
{
	size_t at = 0;

	while (at < data.len && !count->odd) {
		if (count->left) {
			size_t n = TT_MIN((size_t)count->left, data.len - at);
			count->left -= (uint32_t)n;
			at += n;
			continue;
		}
		count->prefix[count->have++] = data.data[at++];
		if (count->have < TT_GRPC_PREFIX)
			continue;
		const uint8_t *p = count->prefix;
		count->have = 0;
		count->odd = p[0] > 1;
		if (count->odd)
			break;
		count->left = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
		count->messages++;
		count->bytes += count->left;
		count->compressed |= p[0];
	}
	return count->odd ? data.len : at;
}

void tt_grpc_told(struct tt_message *m, enum tt_side side, const struct tt_grpc_count *count)
{
	static const char *const keys[2][3] = {
		{"rpc.request.message.count", "rpc.request.message.size", "rpc.request.message.compressed"},
		{"rpc.response.message.count", "rpc.response.message.size", "rpc.response.message.compressed"},
	};

	if (count->odd)
		return;
	/* Of a message that was broken off its length is not what came. */
	tt_message_attr_int(m, keys[side][0], (int64_t)count->messages);
	tt_message_attr_int(m, keys[side][1], (int64_t)(count->bytes - count->left));
	if (count->compressed)
		tt_message_attr_bool(m, keys[side][2], true);
}

/* --- the contract --------------------------------------------------------------------------------------------------------- */

static enum tt_verdict grpc_detect(const struct tt_first *first)
{
	return TT_NO; /* HTTP/2 is what is recognised */
}

static enum tt_step grpc_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	return TT_LOST_SYNC; /* and what is parsed */
}

extern const struct tt_proto tt_proto_http2;

static const struct tt_proto_doc grpc_doc = {
	.title = "gRPC",
	.specification = "[gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)",
	.recognised = "a stream of HTTP/2 whose `content-type` is `application/grpc`, with or without a suffix (not grpc-web), "
		      "in the request or "
		      "else the response, and whose path names a method; in mid-connection only once one of these is known",
	.operation = "the method's name, `SayHello`",
	.resource = "the service's full name, `helloworld.Greeter`",
	.status = "`grpc-status` by its name, from trailers or from headers alone: `OK`, `NOT_FOUND`; a code without a name is "
		  "its number; an HTTP "
		  "status other than 200 is shown where no `grpc-status` is, and `no_grpc_status` is the `error_type` where "
		  "neither "
		  "says anything (a `grpc-status` that is no number says nothing). What OpenTelemetry counts as the server's "
		  "failure "
		  "fails at both "
		  "ends, the rest at the client's",
	.limits = "messages are counted, not read; compressed ones count as they are on the wire; a stream broken off has "
		  "HTTP/2's error name as "
		  "`error_type` and no status",
	.verified = "grpc-go, grpcio, gRPC C++ and Java, all four kinds of call; every call compared with tshark's dissection, "
		    "and with itself "
		    "where the capture begins in the middle",
};

const struct tt_proto tt_proto_grpc = {
	.name = "grpc",
	.doc = &grpc_doc,
	.over = &tt_proto_http2,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.status_first = true,
	.detect = grpc_detect,
	.parse = grpc_parse,
};
