// SPDX-License-Identifier: Apache-2.0
/* SIP: start lines and the header fields that are looked at (RFC 3261 sections 7 and 20). */
#include "base/own.h"
#include "base/text.h"
#include "proto/sip.h"

#define METHOD_MOST 20u
#define LINE_MOST 4096u
#define VERSION "SIP/2.0"

/* --- start lines -------------------------------------------------------------------------------------------------------------
 */

static bool is_method(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < 'A' || s.data[i] > 'Z')
			return false;
	}
	return s.len >= 2 && s.len <= METHOD_MOST;
}

/* scheme ':' and something; no control characters. */
static bool is_uri(struct tt_span s)
{
	ptrdiff_t colon = tt_span_find(s, ':');

	if (colon < 2 || colon > 10 || (size_t)colon + 1 == s.len)
		return false;
	for (size_t i = 0; i < (size_t)colon; i++) {
		if (tt_ascii_lower(s.data[i]) < 'a' || tt_ascii_lower(s.data[i]) > 'z')
			return false;
	}
	return tt_is_word(tt_span_sub(s, (size_t)colon, s.len));
}

static bool read_status_line(struct tt_span line, struct sip_start *ret)
{
	const uint8_t *d = line.data + sizeof(VERSION);

	if (line.len < sizeof(VERSION) + 3 || d[0] < '1' || d[0] > '6' || d[1] < '0' || d[1] > '9' || d[2] < '0' || d[2] > '9')
		return false;
	if (line.len > sizeof(VERSION) + 3 && d[3] != ' ')
		return false;
	ret->digits = tt_span(d, 3);
	ret->status = (uint16_t)((d[0] - '0') * 100 + (d[1] - '0') * 10 + d[2] - '0');
	ret->reason = tt_span_trim(tt_span_sub(line, sizeof(VERSION) + 3, line.len));
	return true;
}

static bool read_request_line(struct tt_span line, struct sip_start *ret)
{
	struct tt_cursor c = tt_cursor(line);
	struct tt_span method = tt_cursor_until(&c, ' ');
	struct tt_span uri = tt_cursor_until(&c, ' ');

	if (tt_cursor_short(&c) || !is_method(method) || !is_uri(uri) || !tt_span_eq(tt_cursor_rest(&c), TT_SPAN_LIT(VERSION)))
		return false;
	ret->method = method;
	ret->uri = uri;
	return true;
}

/* The line goes on behind these bytes: can it still become one? HTTP's targets are no URIs of these schemes. */
static enum tt_verdict may_become_start(struct tt_span part)
{
	static const char *const schemes[] = {"sip:", "sips:", "tel:", "im:", "pres:", "urn:"};
	struct tt_span version = TT_SPAN_LIT(VERSION " ");
	struct tt_cursor c = tt_cursor(part);
	struct tt_span method = tt_cursor_until(&c, ' ');

	if (part.len > LINE_MOST)
		return TT_NO;
	if (!part.data || tt_span_starts(version, tt_span_sub(part, 0, version.len)))
		return TT_MAYBE;
	if (tt_cursor_short(&c))
		return part.len < 2 || is_method(part) ? TT_MAYBE : TT_NO;
	for (size_t i = 0; is_method(method) && i < TT_ARRAY_LEN(schemes); i++) {
		struct tt_span scheme = tt_span_str(schemes[i]), there = tt_span_sub(tt_cursor_rest(&c), 0, scheme.len);
		if (tt_span_ieq(tt_span_sub(scheme, 0, there.len), there))
			return TT_MAYBE;
	}
	return TT_NO;
}

enum tt_verdict sip_read_start(struct tt_span bytes, struct sip_start *ret)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct tt_span line = tt_cursor_line(&c);

	*ret = (struct sip_start){0};
	if (tt_cursor_short(&c))
		return may_become_start(bytes);
	bool known = tt_span_starts(line, TT_SPAN_LIT(VERSION " ")) ? read_status_line(line, ret) : read_request_line(line, ret);
	return known ? TT_YES : TT_NO;
}

/* --- header fields -----------------------------------------------------------------------------------------------------------
 */

static struct tt_span trim(struct tt_span s)
{
	while (s.len && (s.data[0] == ' ' || s.data[0] == '\t' || s.data[0] == '\r' || s.data[0] == '\n'))
		s = tt_span_sub(s, 1, s.len);
	while (s.len &&
	       (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t' || s.data[s.len - 1] == '\r' || s.data[s.len - 1] == '\n'))
		s.len--;
	return s;
}

/* A decimal number that ends with the text or with a space. Returns the digits read; 0: none, or it is too large. */
static size_t number(struct tt_span s, uint32_t most, uint32_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	while (n < s.len && n < 11 && s.data[n] >= '0' && s.data[n] <= '9')
		v = v * 10 + (s.data[n++] - '0');
	if (n == 0 || n == 11 || v > most)
		return 0;
	*ret = (uint32_t)v;
	return n;
}

/* The topmost value's branch. */
static bool read_via(struct sip_head *h, struct tt_span value)
{
	static const char key[] = "branch=";
	ptrdiff_t comma = tt_span_find(value, ',');

	if (h->has_via)
		return true;
	h->has_via = true;
	if (comma >= 0)
		value.len = (size_t)comma;
	while (value.len) {
		ptrdiff_t semicolon = tt_span_find(value, ';');
		struct tt_span part = trim(semicolon < 0 ? value : tt_span_sub(value, 0, (size_t)semicolon));
		if (tt_span_ieq(tt_span_sub(part, 0, sizeof(key) - 1), tt_span_str(key)))
			h->branch = trim(tt_span_sub(part, sizeof(key) - 1, part.len));
		value = semicolon < 0 ? tt_span(NULL, 0) : tt_span_sub(value, (size_t)semicolon + 1, value.len);
	}
	return true;
}

static bool read_cseq(struct sip_head *h, struct tt_span value)
{
	size_t digits = number(value, UINT32_MAX, &h->cseq);

	h->cseq_method = trim(tt_span_sub(value, digits, value.len));
	h->has_cseq = digits && is_method(h->cseq_method);
	return h->has_cseq;
}

static bool read_length(struct sip_head *h, struct tt_span value)
{
	h->has_body = number(value, SIP_BODY_MOST, &h->body) == value.len && value.len;
	return h->has_body;
}

static bool read_call_id(struct sip_head *h, struct tt_span value)
{
	h->call_id = value;
	return value.len > 0;
}

/* `"Name" <uri>;tag=x` or `uri;tag=x`: the URI. */
static struct tt_span address(struct tt_span value)
{
	size_t at = 0;

	if (value.len && value.data[0] == '"') {
		for (at = 1; at < value.len && value.data[at] != '"'; at++)
			at += value.data[at] == '\\';
		value = tt_span_sub(value, at, value.len);
	}
	ptrdiff_t open = tt_span_find(value, '<');
	if (open >= 0)
		value = tt_span_sub(value, (size_t)open + 1, value.len);
	ptrdiff_t end = tt_span_find(value, open >= 0 ? '>' : ';');
	return trim(tt_span_sub(value, 0, end < 0 ? value.len : (size_t)end));
}

static bool read_from(struct sip_head *h, struct tt_span value)
{
	h->from = address(value);
	return true;
}

static bool read_to(struct sip_head *h, struct tt_span value)
{
	h->to = address(value);
	return true;
}

static bool read_agent(struct sip_head *h, struct tt_span value)
{
	h->user_agent = value;
	return true;
}

static bool read_event(struct sip_head *h, struct tt_span value)
{
	ptrdiff_t end = tt_span_find(value, ';');

	h->event = trim(tt_span_sub(value, 0, end < 0 ? value.len : (size_t)end));
	return true;
}

static const struct {
	const char *name;
	char compact; /* 0: none */
	bool (*read)(struct sip_head *h, struct tt_span value);
} fields[] = {
	{"Via", 'v', read_via},	    {"CSeq", 0, read_cseq}, {"Call-ID", 'i', read_call_id}, {"Content-Length", 'l', read_length},
	{"From", 'f', read_from},   {"To", 't', read_to},   {"User-Agent", 0, read_agent},  {"Server", 0, read_agent},
	{"Event", 'o', read_event},
};

static bool is_field(size_t row, struct tt_span name)
{
	if (name.len == 1)
		return fields[row].compact && tt_ascii_lower(name.data[0]) == (uint8_t)fields[row].compact;
	return tt_span_ieq(name, tt_span_str(fields[row].name));
}

static bool read_field(struct sip_head *h, struct tt_span line)
{
	ptrdiff_t colon = tt_span_find(line, ':');

	if (colon < 1)
		return false;
	struct tt_span name = tt_span_trim(tt_span_sub(line, 0, (size_t)colon));
	for (size_t i = 0; i < TT_ARRAY_LEN(fields); i++) {
		if (is_field(i, name))
			return fields[i].read(h, trim(tt_span_sub(line, (size_t)colon + 1, line.len)));
	}
	return true;
}

/* The next field with the lines it is folded into. */
static struct tt_span next_field(struct tt_cursor *c)
{
	size_t from = c->pos;
	struct tt_span line = tt_cursor_line(c);

	if (!line.len)
		return line;
	while (!tt_cursor_short(c) && tt_cursor_left(c) && (c->data[c->pos] == ' ' || c->data[c->pos] == '\t'))
		line = tt_cursor_line(c);
	return tt_cursor_short(c) ? line : trim(tt_span(c->data + from, c->pos - from));
}

bool sip_read_head(struct tt_span bytes, struct sip_head *ret)
{
	*ret = (struct sip_head){0};
	if (sip_read_start(bytes, &ret->start) != TT_YES)
		return false;

	struct tt_cursor c = tt_cursor(bytes);
	tt_cursor_line(&c);
	while (tt_cursor_left(&c)) {
		struct tt_span field = next_field(&c);
		if (!field.len || tt_cursor_short(&c))
			break;
		if (!read_field(ret, field))
			return false;
	}
	bool own = !ret->start.method.data || tt_span_eq(ret->start.method, ret->cseq_method);
	return ret->has_via && ret->has_cseq && ret->call_id.len && own;
}

static uint64_t hash(uint64_t h, struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.data[i]) * 1099511628211u;
	return (h ^ 0xff) * 1099511628211u;
}

uint64_t sip_id(const struct sip_head *h)
{
	const uint8_t number[4] = {(uint8_t)(h->cseq >> 24), (uint8_t)(h->cseq >> 16), (uint8_t)(h->cseq >> 8), (uint8_t)h->cseq};

	/* Without a branch (RFC 2543) call and number have to do. */
	uint64_t id = hash(14695981039346656037u, h->branch);
	id = hash(id, h->call_id);
	id = hash(id, h->cseq_method);
	return hash(id, tt_span(number, sizeof(number)));
}
