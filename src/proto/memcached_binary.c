// SPDX-License-Identifier: Apache-2.0
/* The binary protocol: a header of 24 bytes, extras, key, value. */
#include "proto/memcached.h"

#include "base/own.h"

#define MAGIC_REQUEST 0x80
#define MAGIC_ANSWER 0x81
#define OPCODE_STAT 0x10
#define OPCODE_QUIT 0x07
#define OPCODE_QUITQ 0x17

/* Of an error's text so much is read. */
#define ERROR_BYTES 256u

enum key {
	NO_KEY,
	KEY,
	ANY_KEY,
};

struct opcode {
	const char *name;
	uint16_t extras; /* lengths a request may have, a bit each */
	uint8_t key;
	bool value;
	bool quiet;
};

#define L(n) (1u << (n))
#define STORE(name, quiet) {name, L(8), KEY, true, quiet}
#define APPEND(name, quiet) {name, L(0), KEY, true, quiet}
#define COUNT(name, quiet) {name, 0, KEY, false, quiet} /* extras: 20 bytes */

static const struct opcode opcodes[] = {
	[0x00] = {"GET", L(0), KEY, false, false},
	[0x01] = STORE("SET", false),
	[0x02] = STORE("ADD", false),
	[0x03] = STORE("REPLACE", false),
	[0x04] = {"DELETE", L(0), KEY, false, false},
	[0x05] = COUNT("INCR", false),
	[0x06] = COUNT("DECR", false),
	[0x07] = {"QUIT", L(0), NO_KEY, false, false},
	[0x08] = {"FLUSH_ALL", L(0) | L(4), NO_KEY, false, false},
	[0x09] = {"GET", L(0), KEY, false, true},
	[0x0a] = {"NOOP", L(0), NO_KEY, false, false},
	[0x0b] = {"VERSION", L(0), NO_KEY, false, false},
	[0x0c] = {"GET", L(0), KEY, false, false},
	[0x0d] = {"GET", L(0), KEY, false, true},
	[0x0e] = APPEND("APPEND", false),
	[0x0f] = APPEND("PREPEND", false),
	[0x10] = {"STATS", L(0), ANY_KEY, false, false},
	[0x11] = STORE("SET", true),
	[0x12] = STORE("ADD", true),
	[0x13] = STORE("REPLACE", true),
	[0x14] = {"DELETE", L(0), KEY, false, true},
	[0x15] = COUNT("INCR", true),
	[0x16] = COUNT("DECR", true),
	[0x17] = {"QUIT", L(0), NO_KEY, false, true},
	[0x18] = {"FLUSH_ALL", L(0) | L(4), NO_KEY, false, true},
	[0x19] = APPEND("APPEND", true),
	[0x1a] = APPEND("PREPEND", true),
	[0x1b] = {"VERBOSITY", L(0) | L(4), NO_KEY, false, false},
	[0x1c] = {"TOUCH", L(4), KEY, false, false},
	[0x1d] = {"GAT", L(4), KEY, false, false},
	[0x1e] = {"GAT", L(4), KEY, false, true},
	[0x20] = {"SASL_LIST_MECHS", L(0), NO_KEY, false, false},
	[0x21] = {"SASL_AUTH", L(0), KEY, true, false},
	[0x22] = {"SASL_STEP", L(0), KEY, true, false},
	[0x23] = {"GAT", L(4), KEY, false, false},
	[0x24] = {"GAT", L(4), KEY, false, true},
};

static const struct {
	uint16_t status;
	const char *name;
	bool failure;
} statuses[] = {
	{0x00, "OK", false},
	{0x01, "NOT_FOUND", false},
	{0x02, "EXISTS", false},
	{0x03, "TOO_LARGE", true},
	{0x04, "INVALID_ARGUMENTS", true},
	{0x05, "NOT_STORED", false},
	{0x06, "NON_NUMERIC", true},
	{0x07, "WRONG_VBUCKET", true},
	{0x08, "AUTH_ERROR", true}, /* of old servers */
	{0x09, "AUTH_CONTINUE", false},
	{0x20, "AUTH_ERROR", true},
	{0x21, "AUTH_CONTINUE", false},
	{0x81, "UNKNOWN_COMMAND", true},
	{0x82, "OUT_OF_MEMORY", true},
	{0x83, "NOT_SUPPORTED", true},
	{0x84, "INTERNAL_ERROR", true},
	{0x85, "BUSY", true},
	{0x86, "TEMPORARY_FAILURE", true},
};

struct header {
	uint8_t magic;
	uint8_t opcode;
	uint16_t key;
	uint8_t extras;
	uint8_t type;
	uint16_t status;
	uint32_t body;
	uint32_t opaque;
};

static const struct opcode *find_opcode(uint8_t opcode)
{
	return opcode < TT_ARRAY_LEN(opcodes) && opcodes[opcode].name ? &opcodes[opcode] : NULL;
}

const char *tt_memcached_opcode(uint8_t opcode, bool *ret_quiet)
{
	const struct opcode *o = find_opcode(opcode);

	*ret_quiet = o && o->quiet;
	return o ? o->name : NULL;
}

static int find_status(uint16_t status)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(statuses); i++) {
		if (statuses[i].status == status)
			return (int)i;
	}
	return -1;
}

static struct header read_header(struct tt_cursor *c)
{
	struct header h = {.magic = tt_cursor_u8(c)};

	h.opcode = tt_cursor_u8(c);
	h.key = tt_cursor_be16(c);
	h.extras = tt_cursor_u8(c);
	h.type = tt_cursor_u8(c);
	h.status = tt_cursor_be16(c);
	h.body = tt_cursor_be32(c);
	h.opaque = tt_cursor_be32(c);
	tt_cursor_skip(c, 8);
	return h;
}

static bool fits(const struct header *h, enum tt_side side)
{
	return h->magic == (side == TT_REQUESTS ? MAGIC_REQUEST : MAGIC_ANSWER) && h->type == 0 &&
	       h->key <= TT_MEMCACHED_KEY_MAX && h->body <= TT_MEMCACHED_BODY_MAX && (uint32_t)h->extras + h->key <= h->body &&
	       h->extras <= 20;
}

static bool is_request(const struct header *h)
{
	const struct opcode *o = find_opcode(h->opcode);

	if (!o || !fits(h, TT_REQUESTS) || (o->key == KEY) > (h->key > 0) || (o->key == NO_KEY && h->key))
		return false;
	if (o->extras ? h->extras > 8 || !(o->extras & L(h->extras)) : h->extras != 20)
		return false;
	return o->value || h->body == (uint32_t)h->extras + h->key;
}

static bool is_answer(const struct header *h)
{
	return find_opcode(h->opcode) && fits(h, TT_RESPONSES) && find_status(h->status) >= 0 && h->extras <= 4;
}

bool tt_memcached_is_header(struct tt_span s, enum tt_side side)
{
	struct tt_cursor c = tt_cursor(s);
	struct header h = read_header(&c);

	return !tt_cursor_short(&c) && (side == TT_REQUESTS ? is_request(&h) : is_answer(&h));
}

static void watch_opaques(struct tt_memcached *s, const struct header *h, bool quiet)
{
	if (quiet && s->quiet_opcode == h->opcode && s->quiet_opaque == h->opaque)
		s->opaques_repeat = true;
	s->quiet_opcode = quiet ? h->opcode : 0;
	s->quiet_opaque = h->opaque;
}

enum tt_step tt_memcached_binary_request(struct tt_link *link, struct tt_memcached *s, struct tt_input *in)
{
	size_t start = in->c.pos;
	struct tt_cursor at = in->c;
	bool quiet;

	struct header h = read_header(&at);
	if (tt_cursor_short(&at))
		return TT_MORE;
	const char *name = tt_memcached_opcode(h.opcode, &quiet);
	if (!fits(&h, TT_REQUESTS))
		return TT_LOST_SYNC;
	tt_cursor_skip(&at, h.extras);
	struct tt_span key = tt_cursor_take(&at, h.key);
	if (tt_cursor_short(&at))
		return TT_MORE;

	in->c.pos = at.pos;
	watch_opaques(s, &h, quiet);
	struct tt_message *m = tt_request_begin(link, in, start);
	if (m) {
		m->kind =
			(uint32_t)h.opcode << TT_MEMCACHED_OPCODE_SHIFT | TT_MEMCACHED_BINARY | (quiet ? TT_MEMCACHED_QUIET : 0);
		m->tag = (void *)(uintptr_t)h.opaque;
		m->one_way = h.opcode == OPCODE_QUITQ;
		m->maybe_silent = quiet || h.opcode == OPCODE_QUIT; /* few wait for the answer to that */
	}
	if (name)
		tt_message_text(m, TT_TEXT_OPERATION, tt_span_str(name));
	if (key.len && name && find_opcode(h.opcode)->key == KEY)
		tt_message_text(m, TT_TEXT_RESOURCE, key);
	tt_message_attr(m, "db.system.name", TT_SPAN_LIT("memcached"));
	tt_message_attr_text(m, "db.operation.name", TT_TEXT_OPERATION);
	tt_message_end(link, m, in, tt_memcached_pass(link, TT_REQUESTS, in, h.body - h.extras - h.key));
	return TT_PARSED;
}

/* Which request this answers: quiet ones that got no answer are passed. */
static enum tt_step find_request(struct tt_link *link, struct tt_memcached *s, const struct header *h, const struct tt_input *in)
{
	const struct tt_message *request;
	enum tt_awaited awaited;

	while ((awaited = tt_awaited(link, &request)) == TT_HAVE) {
		bool same = request->kind & TT_MEMCACHED_BINARY &&
			    (uint8_t)(request->kind >> TT_MEMCACHED_OPCODE_SHIFT) == h->opcode &&
			    (uintptr_t)request->tag == h->opaque;
		s->kind = request->kind;
		if (same)
			return TT_PARSED;
		if (!(request->kind & TT_MEMCACHED_QUIET))
			return TT_LOST_SYNC;
		tt_memcached_silent(link, request, in, in->c.pos, s->opaques_repeat);
	}
	s->kind = 0;
	return awaited == TT_NOT_YET ? TT_WAIT : TT_PARSED;
}

static void describe_status(struct tt_message *m, const struct header *h, struct tt_span text)
{
	int i = find_status(h->status);
	struct tt_span name = i < 0 ? TT_SPAN_LIT("UNKNOWN") : tt_span_str(statuses[i].name);

	if (i < 0)
		tt_message_status_int(m, h->status);
	else
		tt_message_text(m, TT_TEXT_STATUS, name);
	if (i < 0 || statuses[i].failure) {
		tt_message_fail(m, name);
		if (text.len)
			tt_message_text(m, TT_TEXT_ERROR, text);
	}
}

/* A retrieval says how many values it got, as in the text protocol. */
static void count_values(struct tt_message *m, const struct header *h)
{
	const char *name = find_opcode(h->opcode) ? find_opcode(h->opcode)->name : "";

	if (name[0] == 'G' && h->status <= 1)
		tt_message_attr_int(m, "db.response.returned_rows", h->status == 0);
}

enum tt_step tt_memcached_binary_answer(struct tt_link *link, struct tt_memcached *s, struct tt_input *in)
{
	size_t start = in->c.pos;
	struct tt_cursor at = in->c;

	struct header h = read_header(&at);
	if (tt_cursor_short(&at))
		return TT_MORE;
	if (!fits(&h, TT_RESPONSES))
		return TT_LOST_SYNC;
	uint32_t error = h.status ? TT_MIN(h.body, ERROR_BYTES) : 0;
	struct tt_span text = tt_cursor_take(&at, error);
	if (tt_cursor_short(&at))
		return TT_MORE;
	if (!s->answering) {
		enum tt_step step = find_request(link, s, &h, in);
		if (step != TT_PARSED)
			return step;
		s->response = tt_response_begin(link, in, start);
		if (s->response)
			s->response->incomplete = s->kind & TT_MEMCACHED_QUIET && s->opaques_repeat;
	}

	in->c.pos = at.pos;
	uint64_t end = tt_memcached_pass(link, TT_RESPONSES, in, h.body - error);
	/* Statistics come one a message; an empty one is the last. */
	s->answering = h.opcode == OPCODE_STAT && h.status == 0 && h.body != 0;
	if (s->answering)
		return TT_PARSED;
	struct tt_message *m = s->response;
	s->response = NULL;
	describe_status(m, &h, text);
	count_values(m, &h);
	tt_message_end(link, m, in, end);
	return TT_PARSED;
}
