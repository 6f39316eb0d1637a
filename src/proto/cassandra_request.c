// SPDX-License-Identifier: Apache-2.0
/* Cassandra: what the client asks. */
#include "base/own.h"
#include "proto/cassandra_internal.h"

#define STATEMENTS_NAMED 16u /* of a batch */

static const char *const names[] = {
	[CASSANDRA_STARTUP] = "STARTUP", [CASSANDRA_OPTIONS] = "OPTIONS",
	[CASSANDRA_QUERY] = "QUERY",	 [CASSANDRA_PREPARE] = "PREPARE",
	[CASSANDRA_EXECUTE] = "EXECUTE", [CASSANDRA_REGISTER] = "REGISTER",
	[CASSANDRA_BATCH] = "BATCH",	 [CASSANDRA_AUTH_RESPONSE] = "AUTH_RESPONSE",
};

bool cassandra_request_opcode(uint8_t opcode)
{
	return opcode < TT_ARRAY_LEN(names) && names[opcode];
}

static void set_consistency(struct tt_message *m, struct tt_cursor *c)
{
	static const char *const levels[] = {"any",	     "one",	    "two",    "three",	      "quorum",	  "all",
					     "local_quorum", "each_quorum", "serial", "local_serial", "local_one"};
	uint16_t level = tt_cursor_be16(c);

	if (!tt_cursor_short(c) && level < TT_ARRAY_LEN(levels))
		tt_message_attr(m, "cassandra.consistency.level", tt_span_str(levels[level]));
}

/* Consistency and flags behind a statement or an id. */
static void read_parameters(struct tt_message *m, const struct cassandra_envelope *e, struct tt_cursor *c)
{
	set_consistency(m, c);
	uint32_t flags = e->h.version >= 5 ? tt_cursor_be32(c) : tt_cursor_u8(c);
	if (m && e->h.version >= 5 && (tt_cursor_short(c) || flags & 0x80))
		m->kind |= CASSANDRA_OWN_KEYSPACE;
}

/* A statement that is longer than what is looked at is taken as far as it is there. */
static struct tt_span take_text(struct tt_cursor *c, bool *ret_whole)
{
	uint32_t len = tt_cursor_be32(c);

	*ret_whole = len <= tt_cursor_left(c);
	return tt_cursor_take(c, TT_MIN((size_t)len, tt_cursor_left(c)));
}

static void read_query(struct tt_link *link, struct cassandra_state *st, struct tt_message *m, const struct cassandra_envelope *e)
{
	struct tt_cursor c = e->body;
	bool whole;
	struct tt_span text = take_text(&c, &whole);
	struct tt_span kind = tt_sql_kind(text, false);

	if (kind.len)
		tt_sql_operation(m, kind);
	tt_sql_statement(m, text);
	if (whole)
		read_parameters(m, e, &c);
	else if (m)
		m->kind |= CASSANDRA_OWN_KEYSPACE; /* perhaps */
}

static void read_prepare(struct tt_link *link, struct cassandra_state *st, struct tt_message *m,
			 const struct cassandra_envelope *e)
{
	struct tt_cursor c = e->body;
	bool whole;

	tt_sql_statement(m, take_text(&c, &whole));
	if (m && e->h.version >= 5 && (!whole || tt_cursor_be32(&c) & 0x01))
		m->kind |= CASSANDRA_OWN_KEYSPACE;
}

/*
 * An id without a text was prepared on another connection, which drivers do. Where it may have been on this one, before telltale
 * or in a hole, something of it was not seen.
 */
static struct tt_span prepared_text(struct tt_link *link, struct cassandra_state *st, struct tt_message *m, struct tt_span id)
{
	struct tt_sql_text *text = tt_sql_table_get(&st->statements, id);

	if (!text && m && (st->missed || !tt_link_from_start(link)))
		m->incomplete = true;
	return tt_sql_text_span(text);
}

static void read_execute(struct tt_link *link, struct cassandra_state *st, struct tt_message *m,
			 const struct cassandra_envelope *e)
{
	struct tt_cursor c = e->body;
	struct tt_span text = prepared_text(link, st, m, tt_cursor_take16(&c));

	if (text.data) {
		struct tt_span kind = tt_sql_kind(text, false);
		if (kind.len)
			tt_sql_operation(m, kind);
		tt_sql_statement(m, text);
	}
	if (e->h.version >= 5)
		tt_cursor_take16(&c); /* of the result's description */
	read_parameters(m, e, &c);
}

/* One statement of a batch; false where the body ends. */
static bool read_batched(struct tt_link *link, struct cassandra_state *st, struct tt_message *m, struct tt_cursor *c, bool first)
{
	uint8_t kind = tt_cursor_u8(c);
	struct tt_span text = kind == 0 ? tt_cursor_take32(c) : prepared_text(link, st, m, tt_cursor_take16(c));

	if (tt_cursor_short(c) || kind > 1)
		return false;
	if (text.len && !first)
		tt_message_text_add(m, TT_TEXT_RESOURCE, TT_SPAN_LIT("; "));
	if (text.len)
		tt_message_text_add(m, TT_TEXT_RESOURCE, text);
	for (unsigned n = tt_cursor_be16(c); n && !tt_cursor_short(c); n--)
		cassandra_skip_value(c);
	return !tt_cursor_short(c);
}

static void read_batch(struct tt_link *link, struct cassandra_state *st, struct tt_message *m, const struct cassandra_envelope *e)
{
	struct tt_cursor c = e->body;

	tt_cursor_u8(&c); /* logged, unlogged, counter */
	uint16_t n = tt_cursor_be16(&c);
	if (tt_cursor_short(&c))
		return;
	if (n != 1) /* one operation is no batch */
		tt_message_attr_int(m, "db.operation.batch.size", n);
	unsigned i = 0;
	while (i < TT_MIN((unsigned)n, STATEMENTS_NAMED) &&
	       read_batched(link, st, m, &c, !tt_message_get(m, TT_TEXT_RESOURCE).data))
		i++;
	tt_message_attr_text(m, "db.query.text", TT_TEXT_RESOURCE);
	if (i == n)
		set_consistency(m, &c);
}

void cassandra_request(struct tt_link *link, struct cassandra_state *st, struct tt_message *m, const struct cassandra_envelope *e)
{
	static void (*const read[])(struct tt_link *, struct cassandra_state *, struct tt_message *,
				    const struct cassandra_envelope *) = {
		[CASSANDRA_QUERY] = read_query,
		[CASSANDRA_PREPARE] = read_prepare,
		[CASSANDRA_EXECUTE] = read_execute,
		[CASSANDRA_BATCH] = read_batch,
	};

	if (m)
		m->kind = e->h.opcode;
	tt_message_attr(m, tt_db_system, TT_SPAN_LIT("cassandra"));
	if (e->readable && e->h.opcode < TT_ARRAY_LEN(read) && read[e->h.opcode])
		read[e->h.opcode](link, st, m, e);
	if (m && !tt_message_get(m, TT_TEXT_OPERATION).data)
		tt_sql_operation(m, tt_span_str(names[e->h.opcode]));
	if (m && !e->readable)
		m->incomplete = true;
}
