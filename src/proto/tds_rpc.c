// SPDX-License-Identifier: Apache-2.0
/* TDS: remote procedure calls ([MS-TDS] 2.2.6.6), and the statements the system's own procedures carry. */
#include "base/own.h"
#include "proto/tds.h"

#define BY_NUMBER 0xffffu
#define NAME_MOST 1024u
#define PARAMETERS_MOST 8u

enum value_type {
	VALUE_INTN = 0x26,
	VALUE_NTEXT = 0x63,
	VALUE_NVARCHAR = 0xe7,
};

/* Which parameter is what, from 0; -1: none. */
struct procedure {
	const char *name;
	int8_t text;
	int8_t handle; /* of a statement prepared earlier */
	bool prepares;
	bool runs;
};

static const struct procedure procedures[] = {
	{NULL, -1, -1, false, false},
	{"sp_cursor", -1, -1, false, false},
	{"sp_cursoropen", 1, -1, false, true},
	{"sp_cursorprepare", 2, -1, true, false},
	{"sp_cursorexecute", -1, 0, false, true},
	{"sp_cursorprepexec", 3, -1, false, true},
	{"sp_cursorunprepare", -1, -1, false, false},
	{"sp_cursorfetch", -1, -1, false, false},
	{"sp_cursoroption", -1, -1, false, false},
	{"sp_cursorclose", -1, -1, false, false},
	{"sp_executesql", 0, -1, false, true},
	{"sp_prepare", 2, -1, true, false},
	{"sp_execute", -1, 0, false, true},
	{"sp_prepexec", 2, -1, true, true},
	{"sp_prepexecrpc", -1, -1, false, false},
	{"sp_unprepare", -1, 0, false, false},
};

struct value {
	struct tt_span text; /* UTF-16 */
	bool is_text;
	bool is_number;
	uint32_t number;
};

/* A long value comes in parts; the first one is read. */
static bool read_parts(struct tt_cursor *c, struct value *v)
{
	uint64_t total = tt_cursor_le64(c);

	if (total == UINT64_MAX) /* NULL */
		return !tt_cursor_short(c);
	uint32_t len = tt_cursor_le32(c);
	size_t there = TT_MIN((size_t)len, tt_cursor_left(c));
	v->text = tt_cursor_take(c, there);
	v->is_text = true;
	if (there < len || tt_cursor_le32(c) != 0)
		c->short_ = true; /* there is more of it: what follows is not read */
	return v->text.len > 0;
}

/* One value of the few types that are told apart. False: another one. What is cut counts as far as it is there. */
static bool read_value(struct tt_cursor *c, struct value *v)
{
	uint8_t type = tt_cursor_u8(c);

	*v = (struct value){0};
	if (type == VALUE_INTN) {
		tt_cursor_u8(c);
		uint8_t len = tt_cursor_u8(c);
		v->is_number = len == 4;
		if (len == 4)
			v->number = tt_cursor_le32(c);
		else
			tt_cursor_skip(c, len);
		return !tt_cursor_short(c);
	}
	if (type != VALUE_NVARCHAR && type != VALUE_NTEXT)
		return false;
	uint32_t most = type == VALUE_NTEXT ? tt_cursor_le32(c) : tt_cursor_le16(c);
	tt_cursor_skip(c, 5); /* collation */
	if (type == VALUE_NVARCHAR && most == 0xffff)
		return read_parts(c, v);
	uint32_t len = type == VALUE_NTEXT ? tt_cursor_le32(c) : tt_cursor_le16(c);
	if (tt_cursor_short(c))
		return false;
	if (len == (type == VALUE_NTEXT ? 0xffffffffu : 0xffffu)) /* NULL */
		return true;
	v->text = tt_cursor_take(c, TT_MIN((size_t)len, tt_cursor_left(c)));
	v->is_text = true;
	c->short_ |= v->text.len < len;
	return true;
}

static bool read_parameter(struct tt_cursor *c, unsigned wanted, struct value *v)
{
	for (unsigned i = 0; i <= wanted && i < PARAMETERS_MOST; i++) {
		uint8_t chars = tt_cursor_u8(c);
		tt_cursor_skip(c, 2 * (size_t)chars + 1);
		if (tt_cursor_short(c) || !read_value(c, v) || (i < wanted && tt_cursor_short(c)))
			return false;
	}
	return true;
}

static const struct procedure *procedure_named(struct tt_span name)
{
	for (size_t i = 1; i < TT_ARRAY_LEN(procedures); i++) {
		if (tt_span_ieq(name, tt_span_str(procedures[i].name)))
			return &procedures[i];
	}
	return NULL;
}

static void set_text(struct tds_state *st, struct tt_message *m, const struct procedure *p, struct tt_span utf16)
{
	tt_buf_auto struct tt_buf text = TT_BUF(TDS_REQUEST_MOST);

	tds_utf8(&text, utf16);
	tds_statement(m, tt_buf_span(&text));
	if (p->prepares) {
		tt_sql_text_unref(st->preparing);
		st->preparing = tt_sql_text_new(tt_buf_span(&text));
	}
	if (!p->runs)
		tt_sql_operation(m, TT_SPAN_LIT("PREPARE"));
}

static void run_prepared(struct tt_link *link, struct tds_state *st, struct tt_message *m, const struct procedure *p,
			 uint32_t handle)
{
	const uint8_t key[4] = {(uint8_t)(handle >> 24), (uint8_t)(handle >> 16), (uint8_t)(handle >> 8), (uint8_t)handle};
	struct tt_sql_text *text = tt_sql_table_get(&st->statements, tt_span(key, sizeof(key)));

	if (!p->runs) {
		tt_sql_table_remove(&st->statements, tt_span(key, sizeof(key)));
		return;
	}
	if (text)
		tds_statement(m, tt_sql_text_span(text));
	else if (m)
		m->incomplete = true; /* prepared before telltale, or lost */
}

void tds_describe_rpc(struct tt_link *link, struct tds_state *st, struct tt_message *m, struct tt_span payload)
{
	tt_buf_auto struct tt_buf name = TT_BUF(NAME_MOST);
	struct tt_cursor c = tt_cursor(payload);
	const struct procedure *p = NULL;
	struct value v;

	tds_pass_headers(&c);
	uint16_t chars = tt_cursor_le16(&c);
	if (chars == BY_NUMBER) {
		uint16_t number = tt_cursor_le16(&c);
		p = number && number < TT_ARRAY_LEN(procedures) ? &procedures[number] : NULL;
		if (p)
			tt_buf_add_str(&name, p->name);
	} else {
		tds_utf8(&name, tt_cursor_take(&c, 2 * (size_t)chars));
		p = procedure_named(tt_buf_span(&name));
	}
	tt_cursor_le16(&c); /* flags */
	tt_sql_operation(m, TT_SPAN_LIT("EXECUTE"));
	if (name.len)
		tt_message_attr(m, "db.stored_procedure.name", tt_buf_span(&name));
	if (p && p->text >= 0 && read_parameter(&c, (unsigned)p->text, &v) && v.is_text)
		set_text(st, m, p, v.text);
	else if (p && p->handle >= 0 && read_parameter(&c, (unsigned)p->handle, &v) && v.is_number)
		run_prepared(link, st, m, p, v.number);
	if (name.len && !tt_message_get(m, TT_TEXT_RESOURCE).data && !(p && p->runs))
		tt_message_text(m, TT_TEXT_RESOURCE, tt_buf_span(&name));
}
