// SPDX-License-Identifier: Apache-2.0
/*
 * LDAP (RFC 4511): requests and what answers them by message id. All entries of a search and its result are one response.
 * Passwords, values of attributes and values in filters are never looked at.
 */
#include "proto/ldap.h"
#include "base/digits.h"
#include "base/own.h"
#include "proto/pass.h"
#include "proto/tls.h"

#define FILTER_MAX 1024u

/* tt_message.kind of a request: STARTTLS, and how many holes the answers had had before it. */
#define KIND_STARTTLS 1u
#define KIND_HOLES_SHIFT 1
#define KIND_HOLES_MOST 0x7fffffffu

struct ldap_state {
	bool waits;	/* STARTTLS was asked for, and not yet answered */
	bool wait_lost; /* the answer was missed */
	bool sasl;	/* a log-in that may encrypt what follows was taken */
	uint32_t holes; /* in what the server said */
};

/* One message while it is read. */
struct part {
	struct tt_link *link;
	struct ldap_state *s;
	struct tt_input *in;
	struct tt_ldap_head h;
	struct tt_cursor c; /* what the op holds, as much as is read */
	size_t start;
	uint64_t end;
};

static const struct {
	uint8_t op;
	const char *name;
} names[] = {
	{TT_LDAP_BIND, "bind"},	      {TT_LDAP_UNBIND, "unbind"},     {TT_LDAP_SEARCH, "search"},   {TT_LDAP_MODIFY, "modify"},
	{TT_LDAP_ADD, "add"},	      {TT_LDAP_DELETE, "delete"},     {TT_LDAP_RENAME, "modifyDN"}, {TT_LDAP_COMPARE, "compare"},
	{TT_LDAP_ABANDON, "abandon"}, {TT_LDAP_EXTENDED, "extended"},
};

/* https://www.iana.org/assignments/ldap-parameters */
static const struct {
	const char *oid;
	const char *name;
	uint32_t kind;
} extensions[] = {
	{"1.3.6.1.4.1.1466.20037", "StartTLS", KIND_STARTTLS},
	{"1.3.6.1.4.1.4203.1.11.3", "whoAmI", 0},
	{"1.3.6.1.4.1.4203.1.11.1", "passwordModify", 0},
	{"1.3.6.1.1.8", "cancel", 0},
	{"1.3.6.1.1.21.1", "startTransaction", 0},
	{"1.3.6.1.1.21.3", "endTransaction", 0},
};

static const struct tt_span notice_of_disconnection = TT_SPAN_LIT("1.3.6.1.4.1.1466.20036");

/* --- requests --------------------------------------------------------------------------------------------------------------- */

static void set_operation(struct tt_message *m, const char *name)
{
	tt_message_attr(m, "db.system.name", TT_SPAN_LIT("ldap"));
	tt_message_text(m, TT_TEXT_OPERATION, tt_span_str(name));
	tt_message_attr_text(m, "db.operation.name", TT_TEXT_OPERATION);
}

/* A name's length is known, but the end of it may lie beyond what is looked at. */
static void set_resource(struct part *p, struct tt_message *m, struct tt_span name)
{
	if (name.data)
		tt_message_text(m, TT_TEXT_RESOURCE, name);
	else if (m)
		m->incomplete = true;
}

static void describe_bind(struct part *p, struct tt_message *m)
{
	int64_t version = tt_ldap_number(&p->c, 0x02);
	struct tt_span user = tt_ldap_take(&p->c, 0x04);

	if (version >= 0)
		tt_message_attr_int(m, "ldap.version", version);
	if (user.len) {
		set_resource(p, m, user);
		tt_message_attr_text(m, "db.user", TT_TEXT_RESOURCE);
	}
	/* Behind this tag a password stands: it is not touched. */
	if (user.data && tt_cursor_left(&p->c) && p->c.data[p->c.pos] == 0x80) {
		tt_message_attr(m, "ldap.authentication", TT_SPAN_LIT("simple"));
		return;
	}
	struct tt_cursor sasl = p->c;
	uint8_t tag;
	uint32_t len;
	if (tt_ldap_read_tlv(&sasl, &tag, &len) != TT_PARSED || tag != 0xa3)
		return;
	struct tt_span mechanism = tt_ldap_take(&sasl, 0x04);
	if (mechanism.len && mechanism.len <= 20)
		tt_message_attr(m, "ldap.authentication", mechanism);
	if (m)
		m->tag = p->s;
}

static void describe_search(struct part *p, struct tt_message *m)
{
	static const char *const scopes[] = {"baseObject", "singleLevel", "wholeSubtree", "subordinates"};
	struct tt_span base = tt_ldap_take(&p->c, 0x04);

	set_resource(p, m, base);
	int64_t scope = tt_ldap_number(&p->c, 0x0a);
	if (scope >= 0 && scope < (int64_t)TT_ARRAY_LEN(scopes))
		tt_message_attr(m, "ldap.search.scope", tt_span_str(scopes[scope]));
	tt_ldap_number(&p->c, 0x0a); /* aliases */
	int64_t most = tt_ldap_number(&p->c, 0x02);
	if (most > 0)
		tt_message_attr_int(m, "ldap.search.size_limit", most);
	tt_ldap_number(&p->c, 0x02); /* seconds */
	tt_ldap_take(&p->c, 0x01);   /* names only */
	tt_buf_auto struct tt_buf filter = TT_BUF(FILTER_MAX);
	if (tt_ldap_filter(&p->c, &filter))
		tt_message_attr(m, "ldap.search.filter", tt_buf_span(&filter));
}

static void describe_extended(struct part *p, struct tt_message *m)
{
	struct tt_span oid = tt_ldap_take(&p->c, 0x80);

	for (size_t i = 0; i < TT_ARRAY_LEN(extensions); i++) {
		if (!tt_span_eq(oid, tt_span_str(extensions[i].oid)))
			continue;
		set_operation(m, extensions[i].name);
		if (m)
			m->kind |= extensions[i].kind;
		p->s->waits |= extensions[i].kind == KIND_STARTTLS;
		return;
	}
	set_resource(p, m, oid);
}

/* Nothing will answer what is given up. */
static void give_up(struct part *p)
{
	uint64_t id = 0;

	for (uint32_t i = 0; i < p->h.size && tt_cursor_left(&p->c); i++)
		id = id << 8 | tt_cursor_u8(&p->c);
	struct tt_message *given_up = tt_message_by_id(p->link, TT_REQUESTS, id);
	if (given_up)
		given_up->maybe_silent = true;
}

static void describe(struct part *p, struct tt_message *m)
{
	switch (p->h.op) {
	case TT_LDAP_BIND:
		describe_bind(p, m);
		break;
	case TT_LDAP_SEARCH:
		describe_search(p, m);
		break;
	case TT_LDAP_EXTENDED:
		describe_extended(p, m);
		break;
	case TT_LDAP_DELETE:
		set_resource(p, m, p->h.size <= tt_cursor_left(&p->c) ? tt_cursor_take(&p->c, p->h.size) : tt_span(NULL, 0));
		break;
	case TT_LDAP_ABANDON:
		give_up(p);
		break;
	case TT_LDAP_UNBIND:
		break;
	default:
		set_resource(p, m, tt_ldap_take(&p->c, 0x04));
		break;
	}
}

static void take_request(struct part *p)
{
	struct tt_message *m = tt_request_begin(p->link, p->in, p->start);

	for (size_t i = 0; i < TT_ARRAY_LEN(names); i++) {
		if (names[i].op == p->h.op)
			set_operation(m, names[i].name);
	}
	if (m) {
		m->id = p->h.id;
		m->kind = p->s->holes << KIND_HOLES_SHIFT;
		m->one_way = p->h.op == TT_LDAP_UNBIND || p->h.op == TT_LDAP_ABANDON;
	}
	describe(p, m);
	tt_message_end(p->link, m, p->in, p->end);
}

/* --- responses -------------------------------------------------------------------------------------------------------------- */

/* RFC 4511, 4.1.9. Returns the code, -1 if it was not seen. */
static int64_t set_result(struct part *p, struct tt_message *m)
{
	int64_t code = tt_ldap_number(&p->c, 0x0a);
	uint8_t digits[TT_DIGITS_MAX];

	if (code < 0) {
		if (m)
			m->incomplete = true;
		return -1;
	}
	tt_ldap_take(&p->c, 0x04); /* the part of the name that was found */
	struct tt_span text = tt_ldap_take(&p->c, 0x04);
	const char *known = tt_ldap_result_name(code);
	struct tt_span name = known ? tt_span_str(known) : tt_digits((uint64_t)code, digits);
	tt_message_text(m, TT_TEXT_STATUS, name);
	tt_message_attr_int(m, "ldap.result_code", code);
	if (code == 0 || code == 5 || code == 6 || code == 10 || code == 14)
		return code;
	tt_message_fail(m, name);
	if (text.len)
		tt_message_text(m, TT_TEXT_ERROR, text);
	return code;
}

/* With id 0 the server speaks of its own accord: RFC 4511, 4.4. */
static void take_notice(struct part *p)
{
	struct tt_message *m = tt_server_request_begin(p->link, p->in, p->start);
	bool leaves = memmem(p->c.data, p->c.len, notice_of_disconnection.data, notice_of_disconnection.len);

	set_operation(m, leaves ? "noticeOfDisconnection" : "unsolicitedNotification");
	if (m)
		m->one_way = true;
	set_result(p, m);
	tt_message_end(p->link, m, p->in, p->end);
}

/* The response this message is a part of; NULL: it answers nothing that is known. TT_WAIT: what asked may yet be read. */
static enum tt_step find_response(struct part *p, struct tt_message **ret)
{
	struct tt_message *request = tt_message_by_id(p->link, TT_REQUESTS, p->h.id);
	const struct tt_message *asked;

	*ret = NULL;
	if (request && request->peer) {
		*ret = request->peer;
		return TT_PARSED;
	}
	enum tt_awaited awaited = tt_awaited_by_id(p->link, p->h.id, &asked);
	if (awaited == TT_NOT_YET)
		return TT_WAIT;
	if (awaited == TT_NEVER)
		return TT_PARSED;
	*ret = tt_response_begin(p->link, p->in, p->start);
	tt_message_identify(p->link, *ret, p->h.id);
	return TT_PARSED;
}

/* What the answer changes for the connection. True: TLS follows. */
static bool follow(struct part *p, const struct tt_message *m, int64_t code)
{
	const struct tt_message *request = m ? m->peer : NULL;

	if (p->h.op == TT_LDAP_BIND_DONE && request && request->tag && code == 0)
		p->s->sasl = true;
	if (p->h.op != TT_LDAP_EXTENDED_DONE || !request || !(request->kind & KIND_STARTTLS))
		return false;
	p->s->waits = p->s->wait_lost = false;
	return code == 0;
}

static enum tt_step take_response(struct part *p)
{
	struct tt_message *m;

	if (p->h.id == 0) {
		take_notice(p);
		return TT_PARSED;
	}
	enum tt_step step = find_response(p, &m);
	if (step != TT_PARSED)
		return step;
	if (m)
		m->own_bytes += p->h.length;
	if (p->h.op == TT_LDAP_ENTRY || p->h.op == TT_LDAP_REFERENCE || p->h.op == TT_LDAP_INTERMEDIATE) {
		if (m)
			m->kind += p->h.op == TT_LDAP_ENTRY;
		return TT_PARSED;
	}
	/* A part of it may have been in the hole. */
	if (m && m->peer && m->peer->kind >> KIND_HOLES_SHIFT != p->s->holes)
		m->incomplete = true;
	int64_t code = set_result(p, m);
	if (m && p->h.op == TT_LDAP_SEARCH_DONE)
		tt_message_attr_int(m, "db.response.returned_rows", m->kind);
	bool secured = follow(p, m, code);
	tt_message_end(p->link, m, p->in, p->end);
	return secured ? tt_tls_takes_over(p->link) : TT_PARSED;
}

/* --- both --------------------------------------------------------------------------------------------------------------------
 */

/* What follows STARTTLS is for the server's answer to say. */
static enum tt_step wait_for_tls(struct ldap_state *s, struct tt_link *link, struct tt_span bytes)
{
	if (!s->wait_lost)
		return TT_WAIT;
	if (bytes.len < 2)
		return TT_MORE;
	if (bytes.data[0] == TT_TLS_HANDSHAKE && bytes.data[1] == 3)
		return tt_tls_takes_over(link);
	s->waits = s->wait_lost = false;
	return TT_PARSED;
}

/* What is left of the message is not looked at. */
static void pass(struct part *p, enum tt_side side)
{
	tt_pass_unseen(p->link, side, p->in, p->end - p->in->c.pos, TT_WISH_FROM);
}

static enum tt_step ldap_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct part p = {.link = link, .s = tt_link_state(link), .in = in, .start = in->c.pos};
	struct tt_cursor c = in->c;

	if (side == TT_REQUESTS && p.s->waits) {
		enum tt_step step = wait_for_tls(p.s, link, tt_cursor_rest(&c));
		if (step != TT_PARSED)
			return step;
	}
	enum tt_step step = tt_ldap_read_head(side, &c, &p.h);
	/* After a log-in by SASL what is not LDAP is encrypted. */
	if (step == TT_LOST_SYNC && p.s->sasl)
		return TT_DONE;
	if (step != TT_PARSED)
		return step;
	uint64_t want = TT_MIN(p.h.length, (uint64_t)TT_LDAP_PEEK);
	if (tt_cursor_left(&in->c) < want)
		return TT_MORE;
	p.end = p.start + p.h.length;
	p.c = tt_cursor(tt_span_sub(tt_cursor_rest(&c), 0, TT_MIN((size_t)p.h.size, (size_t)want - (c.pos - p.start))));
	if (side == TT_REQUESTS)
		take_request(&p);
	else
		step = take_response(&p);
	if (step != TT_WAIT)
		pass(&p, side);
	return step;
}

static void ldap_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct ldap_state *s = tt_link_state(link);

	if (side == TT_RESPONSES) {
		s->wait_lost = s->waits;
		s->holes = (s->holes + 1) & KIND_HOLES_MOST;
	} else
		s->waits = s->wait_lost = false;
}

static ssize_t ldap_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	return tt_ldap_resumes(side, bytes) ? 0 : -1;
}

static const struct tt_proto_doc doc = {
	.title = "LDAP",
	.specification = "[RFC 4511](https://www.rfc-editor.org/rfc/rfc4511), [RFC 4515](https://www.rfc-editor.org/rfc/rfc4515)",
	.recognised = "messages whose lengths, id, operation and its first parts fit each other. The same in mid-connection",
	.operation =
		"`bind`, `search`, `modify`, `add`, `delete`, `modifyDN`, `compare`, `abandon`, `unbind`; extensions by name: "
		"`StartTLS`, `whoAmI`, `passwordModify`, `cancel`, else `extended`",
	.resource = "the entry's name, of `search` the base, of `bind` the user; outputs hide whom it names: "
		    "`uid=REDACTED,ou=people`; the object identifier of other extensions",
	.status = "the result's name, `success`, `noSuchObject`; `compareTrue`, `compareFalse`, `referral` and "
		  "`saslBindInProgress` are "
		  "no failures",
	.limits = "Passwords and values, also those in filters, are never read; filters nested deeper than 16 or longer than 1 "
		  "KiB are "
		  "not given. Of a message the first 4 KiB are looked at. What SASL encrypts is only counted. LDAP over UDP is "
		  "not read",
	.verified = "OpenLDAP's slapd with its tools and ldap3, against tshark's dissection and what the clients counted",
};

const struct tt_proto tt_proto_ldap = {
	.name = "ldap",
	.doc = &doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.state_size = sizeof(struct ldap_state),
	.detect = tt_ldap_detect,
	.parse = ldap_parse,
	.gap = ldap_gap,
	.resync = ldap_resync,
};
