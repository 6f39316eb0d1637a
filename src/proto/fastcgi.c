// SPDX-License-Identifier: Apache-2.0
/*
 * FastCGI 1.0 (https://fastcgi-archives.github.io/FastCGI_Specification.html): requests by their id, each of several streams of
 * records. Bodies are skipped by counting.
 */
#include "proto/fastcgi.h"

#include "base/own.h"
#include "proto/pass.h"
#include "shared/limits.h"

#define WISH_FROM (16u << 10)
#define PARAMS_MAX (128u << 10) /* of a pair that is not whole yet */
#define ERROR_MAX 1024u
#define ID_MANAGEMENT (1u << 16)

/* tt_message.kind of a request, behind the bits of fastcgi_params.c: how many holes the answers had had before it. */
#define KIND_HOLES_SHIFT 8
#define KIND_HOLES_MOST 0xffffffu

/* One end's part of a request while it goes on. */
struct part {
	struct part *next;
	struct tt_link *link;
	uint16_t id;
	uint8_t role;
	bool done;	       /* of a request: its parameters; of an answer: its headers */
	struct tt_message *m;  /* open; NULL: nothing is known of it but its id */
	struct tt_buf pending; /* a pair that is not whole; headers */
	uint64_t body;
	uint64_t errors; /* bytes of STDERR */
};

struct fcgi_state {
	struct part *parts[2]; /* by enum tt_side */
	uint32_t count;
	uint32_t holes; /* in what the server said */
};

/* One record while it is read. */
struct at {
	struct tt_link *link;
	struct fcgi_state *s;
	struct tt_input *in;
	enum tt_side side;
	struct tt_fastcgi_record r;
	struct tt_span content; /* as much as is there */
	size_t start;
	uint64_t end;
};

/* --- what goes on ----------------------------------------------------------------------------------------------------------- */

static struct part **part_find(struct fcgi_state *s, enum tt_side side, uint16_t id)
{
	struct part **at = &s->parts[side];

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void part_free(struct fcgi_state *s, struct part **at)
{
	struct part *p = *at;

	*at = p->next;
	tt_keep_free(p->link, &p->pending);
	tt_keep_less(p->link, sizeof(*p));
	free(p);
	s->count--;
}

static void parts_free(struct fcgi_state *s, enum tt_side side)
{
	while (s->parts[side])
		part_free(s, &s->parts[side]);
}

/* NULL: there are too many, which is counted, or no memory. */
static struct part *part_new(struct at *a, struct tt_message *m, size_t most)
{
	struct fcgi_state *s = a->s;
	bool room = s->count < tt_link_limit(a->link, TT_LIMIT_STATEMENTS) && tt_keep(a->link, sizeof(struct part));
	struct part *p = room ? calloc(1, sizeof(*p)) : NULL;

	if (!p) {
		tt_statements_turned_away(a->link, 1);
		return NULL;
	}
	*p = (struct part){.next = s->parts[a->side], .link = a->link, .id = a->r.id, .m = m, .pending = TT_BUF(most)};
	s->parts[a->side] = p;
	s->count++;
	return p;
}

static void count(const struct at *a, struct tt_message *m)
{
	if (m)
		m->own_bytes += a->end - a->start;
}

/* --- the web server --------------------------------------------------------------------------------------------------------- */

static void end_request(struct at *a, struct part **at)
{
	struct part *p = *at;

	tt_message_end(a->link, p->m, a->in, a->end);
	part_free(a->s, at);
}

static void take_begin(struct at *a)
{
	static const char *const roles[] = {[TT_FASTCGI_AUTHORIZER] = "authorizer", [TT_FASTCGI_FILTER] = "filter"};
	struct tt_cursor c = tt_cursor(a->content);
	uint16_t role = tt_cursor_be16(&c);
	struct part **old = part_find(a->s, a->side, a->r.id);

	/* The one before never ended: nothing of it can be told from this one. */
	if (*old) {
		if ((*old)->m)
			(*old)->m->incomplete = true;
		tt_message_drop(a->link, (*old)->m);
		part_free(a->s, old);
	}
	struct tt_message *m = tt_request_begin(a->link, a->in, a->start);
	tt_message_identify(a->link, m, a->r.id);
	if (m)
		m->kind = a->s->holes << KIND_HOLES_SHIFT;
	if (role < TT_ARRAY_LEN(roles) && roles[role])
		tt_message_attr(m, "fastcgi.role", tt_span_str(roles[role]));
	count(a, m);
	struct part *p = part_new(a, m, PARAMS_MAX);
	if (p)
		p->role = (uint8_t)role;
	else
		tt_message_drop(a->link, m);
}

/* Pairs run over the ends of records. */
static void read_params(struct part *p, struct tt_span content)
{
	bool kept = p->pending.len > 0;
	struct tt_cursor c = tt_cursor(content);

	if (kept) {
		tt_keep_add(p->link, &p->pending, content.data, content.len);
		c = tt_cursor(tt_buf_span(&p->pending));
	}
	struct tt_span name, value;
	enum tt_step step;
	while ((step = tt_cursor_left(&c) ? tt_fastcgi_pair(&c, &name, &value) : TT_MORE) == TT_PARSED)
		tt_fastcgi_param(p->m, name, value);
	bool broken = step == TT_LOST_SYNC || p->pending.failed;
	if (!broken && kept) {
		tt_buf_consume(&p->pending, c.pos);
	} else if (!broken) {
		struct tt_span rest = tt_cursor_rest(&c);
		broken = tt_keep_add(p->link, &p->pending, rest.data, rest.len) < 0;
	}
	if (broken) {
		/* What follows a pair that is none, or is not kept, cannot be read. */
		if (p->m)
			p->m->incomplete = true;
		tt_fastcgi_params_end(p->m);
		p->done = true;
	}
}

static void take_params(struct at *a, struct part **at)
{
	struct part *p = *at;

	if (a->r.size) {
		if (!p->done)
			read_params(p, a->content);
		return;
	}
	if (!p->done)
		tt_fastcgi_params_end(p->m);
	if (p->m && p->pending.len)
		p->m->incomplete = true;
	p->done = true;
	if (p->role == TT_FASTCGI_AUTHORIZER)
		end_request(a, at);
}

/* An empty record ends a stream, and the last stream the request. */
static void take_asked(struct at *a)
{
	struct part **at = part_find(a->s, a->side, a->r.id);
	struct part *p = *at;

	if (!p) /* begun before telltale, or in a hole */
		return;
	count(a, p->m);
	if (a->r.type == TT_FASTCGI_PARAMS)
		take_params(a, at);
	else if (a->r.type == TT_FASTCGI_ABORT) {
		tt_message_attr_bool(p->m, "fastcgi.aborted", true);
		end_request(a, at);
	} else if (a->r.size == 0 && a->r.type == (p->role == TT_FASTCGI_FILTER ? TT_FASTCGI_DATA : TT_FASTCGI_STDIN))
		end_request(a, at);
}

static void take_get_values(struct at *a)
{
	struct tt_message *m = tt_request_begin(a->link, a->in, a->start);

	tt_message_text(m, TT_TEXT_OPERATION, TT_SPAN_LIT("GET_VALUES"));
	if (m)
		m->id = ID_MANAGEMENT;
	tt_message_end(a->link, m, a->in, a->end);
}

/* --- the program ------------------------------------------------------------------------------------------------------------ */

/* The answer this record is a part of. TT_WAIT: what it answers may yet be read. */
static enum tt_step find_answer(struct at *a, struct part **ret)
{
	const struct tt_message *asked;

	*ret = *part_find(a->s, a->side, a->r.id);
	if (*ret)
		return TT_PARSED;
	enum tt_awaited awaited = tt_awaited_by_id(a->link, a->r.id, &asked);
	if (awaited == TT_NOT_YET)
		return TT_WAIT;
	struct tt_message *m = NULL;
	bool whole = awaited == TT_HAVE && asked->kind >> KIND_HOLES_SHIFT == a->s->holes;
	if (awaited == TT_HAVE) {
		m = tt_response_begin(a->link, a->in, a->start);
		tt_message_identify(a->link, m, a->r.id);
		/* Its beginning may have been in the hole. */
		if (m && !whole)
			m->incomplete = true;
	}
	*ret = part_new(a, m, TT_FASTCGI_HEADERS_MAX);
	if (*ret)
		(*ret)->done = !whole;
	else
		tt_message_drop(a->link, m);
	return TT_PARSED;
}

/* Past the empty line, of either kind of line's end; 0: it is not there. What stands before `from` was looked at already. */
static size_t headers_end(struct tt_span s, size_t from, size_t *ret_len)
{
	for (size_t i = from; i < s.len; i++) {
		if (s.data[i] != '\n')
			continue;
		size_t next = i + 1 < s.len && s.data[i + 1] == '\r' ? i + 2 : i + 1;
		if (next < s.len && s.data[next] == '\n') {
			*ret_len = i + 1;
			return next + 1;
		}
	}
	return 0;
}

static void take_output(struct at *a, struct part *p)
{
	size_t before = p->pending.len, len;

	if (p->done) {
		p->body += a->r.size;
		return;
	}
	tt_keep_add(a->link, &p->pending, a->content.data, TT_MIN(a->content.len, TT_FASTCGI_HEADERS_MAX - before));
	size_t end = headers_end(tt_buf_span(&p->pending), before > 2 ? before - 2 : 0, &len);
	if (end) {
		tt_fastcgi_headers(p->m, tt_span_sub(tt_buf_span(&p->pending), 0, len));
		p->body = (uint64_t)before + a->r.size - end;
	} else if (p->pending.len >= TT_FASTCGI_HEADERS_MAX || p->pending.failed) {
		tt_block_turned_away(a->link);
		if (p->m)
			p->m->incomplete = true;
	} else {
		return;
	}
	p->done = true;
	tt_keep_free(a->link, &p->pending);
}

static void take_errors(struct at *a, struct part *p)
{
	if (p->errors == 0)
		tt_message_text(p->m, TT_TEXT_ERROR, tt_span_sub(a->content, 0, ERROR_MAX));
	p->errors += a->r.size;
}

static void fail(struct tt_message *m, const char *name)
{
	if (!tt_message_get(m, TT_TEXT_STATUS).data)
		tt_message_text(m, TT_TEXT_STATUS, tt_span_str(name));
	tt_message_fail(m, tt_span_str(name));
}

static void take_end(struct at *a, struct part *p)
{
	static const char *const refusals[] = {NULL, "CANT_MPX_CONN", "OVERLOADED", "UNKNOWN_ROLE"};
	struct tt_cursor c = tt_cursor(a->content);
	int32_t app_status = (int32_t)tt_cursor_be32(&c);
	uint8_t refusal = tt_cursor_u8(&c);
	struct tt_message *m = p->m;

	if (app_status)
		tt_message_attr_int(m, "fastcgi.app_status", app_status);
	if (p->errors)
		tt_message_attr_int(m, "fastcgi.stderr_bytes", (int64_t)p->errors);
	if (refusal && refusal < TT_ARRAY_LEN(refusals))
		fail(m, refusals[refusal]);
	else if (m && !m->incomplete && !p->done)
		fail(m, "no_headers");
	else if (m && !m->incomplete)
		tt_message_attr_int(m, "http.response.body.size", (int64_t)p->body);
	tt_message_end(a->link, m, a->in, a->end);
	part_free(a->s, part_find(a->s, a->side, a->r.id));
}

static enum tt_step take_answer(struct at *a)
{
	struct part *p;
	enum tt_step step = find_answer(a, &p);

	if (step != TT_PARSED || !p)
		return step;
	count(a, p->m);
	if (a->r.type == TT_FASTCGI_STDOUT)
		take_output(a, p);
	else if (a->r.type == TT_FASTCGI_STDERR)
		take_errors(a, p);
	else
		take_end(a, p);
	return TT_PARSED;
}

static enum tt_step take_values(struct at *a)
{
	const struct tt_message *asked;
	enum tt_awaited awaited = tt_awaited_by_id(a->link, ID_MANAGEMENT, &asked);

	if (awaited != TT_HAVE)
		return awaited == TT_NOT_YET ? TT_WAIT : TT_PARSED;
	struct tt_message *m = tt_response_begin(a->link, a->in, a->start);
	if (m)
		m->id = ID_MANAGEMENT;
	if (a->r.type == TT_FASTCGI_UNKNOWN_TYPE)
		fail(m, "UNKNOWN_TYPE");
	else
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	tt_message_end(a->link, m, a->in, a->end);
	return TT_PARSED;
}

/* --- records ---------------------------------------------------------------------------------------------------------------- */

/* How much of the content must be there. */
static size_t wanted(struct fcgi_state *s, enum tt_side side, const struct tt_fastcgi_record *r)
{
	const struct part *p;

	switch (r->type) {
	case TT_FASTCGI_BEGIN:
	case TT_FASTCGI_END:
	case TT_FASTCGI_PARAMS:
		return r->size;
	case TT_FASTCGI_STDOUT:
		p = *part_find(s, side, r->id);
		return p && p->done ? 0 : TT_MIN(r->size, TT_FASTCGI_HEADERS_MAX);
	case TT_FASTCGI_STDERR:
		return TT_MIN(r->size, ERROR_MAX);
	default:
		return 0;
	}
}

static enum tt_step take(struct at *a)
{
	switch (a->r.type) {
	case TT_FASTCGI_BEGIN:
		take_begin(a);
		return TT_PARSED;
	case TT_FASTCGI_GET_VALUES:
		take_get_values(a);
		return TT_PARSED;
	case TT_FASTCGI_GET_VALUES_RESULT:
	case TT_FASTCGI_UNKNOWN_TYPE:
		return take_values(a);
	default:
		if (a->side == TT_RESPONSES)
			return take_answer(a);
		take_asked(a);
		return TT_PARSED;
	}
}

static enum tt_step fcgi_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct at a = {.link = link, .s = tt_link_state(link), .in = in, .side = side, .start = in->c.pos};
	struct tt_cursor c = in->c;

	enum tt_step step = tt_fastcgi_read(side, &c, &a.r);
	if (step != TT_PARSED)
		return step;
	if (tt_cursor_left(&c) < wanted(a.s, side, &a.r))
		return TT_MORE;
	a.content = tt_span_sub(tt_cursor_rest(&c), 0, a.r.size);
	a.end = (uint64_t)c.pos + a.r.size + a.r.padding;
	step = take(&a);
	if (step == TT_WAIT)
		return step;
	in->c.pos = c.pos;
	tt_pass_unseen(link, side, in, a.end - c.pos, WISH_FROM);
	return TT_PARSED;
}

static void fcgi_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct fcgi_state *s = tt_link_state(link);

	parts_free(s, side);
	if (side == TT_RESPONSES)
		s->holes = (s->holes + 1) & KIND_HOLES_MOST;
}

static ssize_t fcgi_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return tt_fastcgi_resumes(side, bytes) ? 0 : -1;
}

static void fcgi_free(void *state)
{
	parts_free(state, TT_REQUESTS);
	parts_free(state, TT_RESPONSES);
}

static const struct tt_proto_doc doc = {
	.title = "FastCGI",
	.specification = "[FastCGI Specification 1.0](https://fastcgi-archives.github.io/FastCGI_Specification.html), "
			 "[RFC 3875](https://www.rfc-editor.org/rfc/rfc3875) (CGI 1.1)",
	.recognised =
		"records that follow each other where their lengths say, with roles, parameters, headers or ends that are right. "
		"The same in mid-connection",
	.operation = "`REQUEST_METHOD`; `GET_VALUES`",
	.resource = "`REQUEST_URI`, or else `SCRIPT_NAME`, `PATH_INFO` and `QUERY_STRING`",
	.status = "the HTTP status of the program's headers, `200`; the protocol's own refusal, `OVERLOADED`; `no_headers` for a "
		  "program that ended without any",
	.limits = "Of headers 8 KiB are searched for their end, of STDERR 1 KiB is kept; bodies are skipped. A request that "
		  "began before "
		  "telltale is not told",
	.verified = "nginx and cgi-fcgi with PHP's FPM and fcgiwrap, and records by hand, against nginx's own log and tshark's "
		    "dissection. "
		    "No program was available that multiplexes",
};

const struct tt_proto tt_proto_fastcgi = {
	.name = "fastcgi",
	.doc = &doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.state_size = sizeof(struct fcgi_state),
	.state_free = fcgi_free,
	.detect = tt_fastcgi_detect,
	.parse = fcgi_parse,
	.gap = fcgi_gap,
	.resync = fcgi_resync,
};
