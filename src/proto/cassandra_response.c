// SPDX-License-Identifier: Apache-2.0
/* Cassandra: what the server answers, and the events it sends of its own accord. */
#include "base/own.h"
#include "proto/cassandra_internal.h"

enum result {
	RESULT_VOID = 1,
	RESULT_ROWS = 2,
	RESULT_KEYSPACE = 3,
	RESULT_PREPARED = 4,
	RESULT_SCHEMA = 5,
};

static const struct {
	uint32_t code;
	const char *name;
} errors[] = {
	{0x0000, "ServerError"},     {0x000a, "ProtocolError"},	  {0x0100, "AuthenticationError"}, {0x1000, "Unavailable"},
	{0x1001, "Overloaded"},	     {0x1002, "IsBootstrapping"}, {0x1003, "TruncateError"},	   {0x1100, "WriteTimeout"},
	{0x1200, "ReadTimeout"},     {0x1300, "ReadFailure"},	  {0x1400, "FunctionFailure"},	   {0x1500, "WriteFailure"},
	{0x1600, "CDCWriteFailure"}, {0x1700, "CASWriteUnknown"}, {0x2000, "SyntaxError"},	   {0x2100, "Unauthorized"},
	{0x2200, "Invalid"},	     {0x2300, "ConfigError"},	  {0x2400, "AlreadyExists"},	   {0x2500, "Unprepared"},
};

static const char *error_name(uint32_t code)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(errors); i++) {
		if (errors[i].code == code)
			return errors[i].name;
	}
	return NULL;
}

bool cassandra_error_known(uint32_t code)
{
	return error_name(code) != NULL;
}

bool cassandra_response_opcode(uint8_t opcode)
{
	static const uint32_t known = 1u << CASSANDRA_ERROR | 1u << CASSANDRA_READY | 1u << CASSANDRA_AUTHENTICATE |
				      1u << CASSANDRA_SUPPORTED | 1u << CASSANDRA_RESULT | 1u << CASSANDRA_EVENT |
				      1u << CASSANDRA_AUTH_CHALLENGE | 1u << CASSANDRA_AUTH_SUCCESS;
	return opcode < 32 && known & 1u << opcode;
}

/* Four hexadecimal digits and more, as the specification writes them. */
static struct tt_span hexadecimal(uint32_t code, char buf[8])
{
	size_t n = code > 0xffff ? 8 : 4;

	for (size_t i = 0; i < n; i++)
		buf[i] = "0123456789ABCDEF"[code >> 4 * (n - 1 - i) & 0xf];
	return tt_span(buf, n);
}

static void read_error(struct tt_message *m, struct tt_cursor c)
{
	char buf[8];
	uint32_t code = tt_cursor_be32(&c);

	if (tt_cursor_short(&c)) {
		tt_message_fail(m, TT_SPAN_LIT("ERROR"));
		return;
	}
	struct tt_span digits = hexadecimal(code, buf);
	const char *name = error_name(code);
	tt_message_text(m, TT_TEXT_STATUS, digits);
	tt_message_attr_text(m, "db.response.status_code", TT_TEXT_STATUS);
	tt_message_fail(m, name ? tt_span_str(name) : digits);
	uint16_t len = tt_cursor_be16(&c);
	tt_message_text(m, TT_TEXT_ERROR, tt_span_sub(tt_cursor_rest(&c), 0, len));
}

static void set_keyspace(struct cassandra_state *st, struct tt_span name)
{
	tt_sql_text_unref(st->keyspace);
	st->keyspace = name.len && name.len <= CASSANDRA_KEYSPACE_MAX ? tt_sql_text_new(name) : NULL;
}

static void read_result(struct tt_link *link, struct cassandra_state *st, const struct tt_message *request, struct tt_cursor c)
{
	uint32_t kind = tt_cursor_be32(&c);

	if (kind == RESULT_KEYSPACE) {
		set_keyspace(st, tt_cursor_take16(&c));
		return;
	}
	struct tt_span id = kind == RESULT_PREPARED ? tt_cursor_take16(&c) : tt_span(NULL, 0);
	struct tt_span statement = tt_message_get(request, TT_TEXT_RESOURCE);
	if (!id.len || !statement.data || (request->kind & 0xff) != CASSANDRA_PREPARE)
		return;
	struct tt_sql_text *text = tt_sql_text_new(statement);
	tt_sql_remember(link, &st->statements, id, text);
	tt_sql_text_unref(text);
}

void cassandra_response(struct tt_link *link, struct cassandra_state *st, struct tt_message *m,
			const struct cassandra_envelope *e)
{
	const struct tt_message *request = tt_message_by_id(link, TT_REQUESTS, e->h.stream);

	if (e->h.opcode == CASSANDRA_ERROR)
		read_error(m, e->body);
	else
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	if (e->h.opcode == CASSANDRA_RESULT)
		read_result(link, st, request, e->body);
	/* Asked when nobody could know yet that something is missing: what it stands for may have been in it. */
	if (m && request && (request->kind & 0xff) == CASSANDRA_EXECUTE && st->missed)
		m->incomplete |= !tt_message_get(request, TT_TEXT_RESOURCE).data;
	if (st->keyspace && request && !(request->kind & CASSANDRA_OWN_KEYSPACE))
		tt_message_attr(m, tt_db_namespace, tt_sql_text_span(st->keyspace));
	if (m && !e->readable)
		m->incomplete = true;
}

void cassandra_event(struct tt_message *m, const struct cassandra_envelope *e)
{
	struct tt_cursor c = e->body;

	if (m) {
		m->one_way = true;
		m->incomplete = !e->readable;
	}
	tt_message_attr(m, tt_db_system, TT_SPAN_LIT("cassandra"));
	tt_sql_operation(m, TT_SPAN_LIT("EVENT"));
	struct tt_span type = tt_cursor_take16(&c);
	if (type.len)
		tt_message_text(m, TT_TEXT_RESOURCE, type);
}
