// SPDX-License-Identifier: Apache-2.0
/* MongoDB: what the fields of commands and replies mean. */
#include "base/own.h"
#include "proto/mongodb_internal.h"

/* Legacy operations are called as the commands that took their place. */
static const struct {
	uint32_t opcode;
	const char *name;
	bool one_way;
} opcodes[] = {
	{MONGODB_UPDATE, "update", true},     {MONGODB_INSERT, "insert", true}, {MONGODB_QUERY, "find", false},
	{MONGODB_GET_MORE, "getMore", false}, {MONGODB_DELETE, "delete", true}, {MONGODB_KILL_CURSORS, "killCursors", true},
};

const char *mongodb_opcode_name(uint32_t opcode, bool *ret_one_way)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(opcodes); i++) {
		if (opcodes[i].opcode == opcode) {
			*ret_one_way = opcodes[i].one_way;
			return opcodes[i].name;
		}
	}
	*ret_one_way = false;
	return NULL;
}

/* Commands whose first field names a collection. Of others it may be anything: a user, a shard, "database.collection". */
static const char *const of_collections[] = {"aggregate",
					     "analyze",
					     "captrunc",
					     "cloneCollectionAsCapped",
					     "collMod",
					     "collStats",
					     "compact",
					     "convertToCapped",
					     "count",
					     "create",
					     "createIndexes",
					     "createSearchIndexes",
					     "delete",
					     "deleteIndexes",
					     "distinct",
					     "drop",
					     "dropIndexes",
					     "dropSearchIndex",
					     "emptycapped",
					     "find",
					     "findAndModify",
					     "findandmodify",
					     "geoNear",
					     "geoSearch",
					     "group",
					     "insert",
					     "killCursors",
					     "listIndexes",
					     "listSearchIndexes",
					     "mapReduce",
					     "mapreduce",
					     "parallelCollectionScan",
					     "planCacheClear",
					     "planCacheClearFilters",
					     "planCacheListFilters",
					     "planCacheListPlans",
					     "planCacheListQueryShapes",
					     "planCacheSetFilter",
					     "reIndex",
					     "setIndexCommitQuorum",
					     "update",
					     "updateSearchIndex",
					     "validate"};

static const char *const writes[] = {"insert", "update", "delete", "bulkWrite"};

static bool is_in(const char *const *list, size_t n, struct tt_span name)
{
	for (size_t i = 0; i < n; i++) {
		if (tt_span_eq(name, tt_span_str(list[i])))
			return true;
	}
	return false;
}

void mongodb_set_collection(struct tt_message *m, struct tt_span name)
{
	if (!name.len)
		return;
	tt_message_text(m, TT_TEXT_RESOURCE, name);
	tt_message_attr_text(m, "db.collection.name", TT_TEXT_RESOURCE);
}

void mongodb_namespace(struct mongodb_side *s, struct tt_span full_name)
{
	ptrdiff_t dot = tt_span_find(full_name, '.');
	size_t len = dot < 0 ? full_name.len : (size_t)dot;
	struct tt_span rest = tt_span_sub(full_name, len + 1, SIZE_MAX);

	tt_message_attr(s->open, tt_db_namespace, tt_span_sub(full_name, 0, len));
	if (s->opcode == MONGODB_QUERY && tt_span_eq(rest, TT_SPAN_LIT("$cmd"))) {
		s->command = true;
		if (s->open)
			s->open->kind = MONGODB_KIND_COMMAND;
		return;
	}
	bool one_way;
	tt_sql_operation(s->open, tt_span_str(mongodb_opcode_name(s->opcode, &one_way)));
	mongodb_set_collection(s->open, rest);
}

/* --- requests -----------------------------------------------------------------------------------------------------------------
 */

static void take_command(struct mongodb_side *s, const struct tt_cursor *c, const struct mongodb_element *e)
{
	struct tt_message *m = s->open;
	struct mongodb_element inner;

	/* Older drivers put a command into a query's form. */
	if (e->type == 0x03 && (tt_span_eq(e->name, TT_SPAN_LIT("$query")) || tt_span_eq(e->name, TT_SPAN_LIT("query")))) {
		struct tt_cursor value = tt_cursor(tt_span_sub(tt_cursor_rest(c), 0, (size_t)TT_MIN(e->size, MONGODB_LOOK)));
		tt_cursor_skip(&value, 4);
		if (mongodb_element(&value, e->size - 4, &inner) == MONGODB_FINE && inner.type != 0x03)
			take_command(s, &value, &inner);
		return;
	}
	tt_sql_operation(m, e->name);
	if (is_in(writes, TT_ARRAY_LEN(writes), e->name) && m)
		m->kind |= MONGODB_KIND_WRITE;
	struct tt_span text = mongodb_text(c, e);
	if (text.len && is_in(of_collections, TT_ARRAY_LEN(of_collections), e->name))
		mongodb_set_collection(m, text);
}

static void take_request_collection(struct tt_link *link, struct mongodb_side *s, const struct tt_cursor *c,
				    const struct mongodb_element *e)
{
	/* getMore: the first field is the cursor's number. */
	if (tt_span_eq(tt_message_get(s->open, TT_TEXT_OPERATION), TT_SPAN_LIT("getMore")))
		mongodb_set_collection(s->open, mongodb_text(c, e));
}

static void take_database(struct tt_link *link, struct mongodb_side *s, const struct tt_cursor *c,
			  const struct mongodb_element *e)
{
	struct tt_span name = mongodb_text(c, e);
	if (name.len)
		tt_message_attr(s->open, tt_db_namespace, name);
}

/* --- replies ------------------------------------------------------------------------------------------------------------------
 */

/* What failed writes say only by number. */
static const struct {
	int64_t code;
	const char *name;
} code_names[] = {
	{11000, "DuplicateKey"},
	{121, "DocumentValidationFailure"},
	{112, "WriteConflict"},
	{66, "ImmutableField"},
	{2, "BadValue"},
	{9, "FailedToParse"},
	{13, "Unauthorized"},
	{14, "TypeMismatch"},
	{26, "NamespaceNotFound"},
	{64, "WriteConcernFailed"},
	{79, "UnknownReplWriteConcern"},
	{10107, "NotWritablePrimary"},
};

static void set_code(struct mongodb_side *s, int64_t code)
{
	tt_message_status_int(s->open, code);
	tt_message_attr_text(s->open, "db.response.status_code", TT_TEXT_STATUS);
}

/* A copy of a message's own text, which moves when more is added to the message. */
static struct tt_span copied(struct tt_span s, uint8_t buf[64])
{
	size_t n = TT_MIN(s.len, (size_t)64);

	if (n)
		memcpy(buf, s.data, n);
	return tt_span(buf, n);
}

static void fail_by_code(struct mongodb_side *s, int64_t code)
{
	uint8_t digits[64];

	set_code(s, code);
	s->failed = true;
	for (size_t i = 0; i < TT_ARRAY_LEN(code_names); i++) {
		if (code_names[i].code == code) {
			tt_message_fail(s->open, tt_span_str(code_names[i].name));
			return;
		}
	}
	tt_message_fail(s->open, copied(tt_message_get(s->open, TT_TEXT_STATUS), digits));
}

static void take_ok(struct tt_link *link, struct mongodb_side *s, const struct tt_cursor *c, const struct mongodb_element *e)
{
	int64_t v;

	if (!mongodb_number(c, e, &v))
		return;
	s->has_ok = true;
	s->ok = v != 0;
}

static void take_code(struct tt_link *link, struct mongodb_side *s, const struct tt_cursor *c, const struct mongodb_element *e)
{
	int64_t v;
	struct tt_span known = tt_message_get(s->open, TT_TEXT_ERROR_TYPE);

	if (!mongodb_number(c, e, &v))
		return;
	if (known.data)
		set_code(s, v);
	else
		fail_by_code(s, v);
}

static void take_code_name(struct tt_link *link, struct mongodb_side *s, const struct tt_cursor *c,
			   const struct mongodb_element *e)
{
	struct tt_span name = mongodb_text(c, e);
	if (!name.len)
		return;
	s->failed = true;
	tt_message_fail(s->open, name);
}

static void take_error_text(struct tt_link *link, struct mongodb_side *s, const struct tt_cursor *c,
			    const struct mongodb_element *e)
{
	struct tt_span text = mongodb_text(c, e);
	if (text.data)
		tt_message_text(s->open, TT_TEXT_ERROR, text);
}

static void take_count(struct tt_link *link, struct mongodb_side *s, const struct tt_cursor *c, const struct mongodb_element *e)
{
	int64_t v;
	const struct tt_message *request = s->pushed ? NULL : tt_message_by_id(link, TT_REQUESTS, s->response_to);

	if (request && request->kind & MONGODB_KIND_WRITE && mongodb_number(c, e, &v))
		tt_message_attr_int(s->open, "db.response.affected_rows", v);
}

/* `code`, `codeName` and `errmsg` of a document that is there as far as it is looked at. */
static void take_error_document(struct tt_link *link, struct mongodb_side *s, struct tt_cursor c, uint64_t left)
{
	struct mongodb_element e;

	tt_cursor_skip(&c, 4);
	left -= 4;
	for (size_t from = c.pos; mongodb_element(&c, left, &e) == MONGODB_FINE; from = c.pos) {
		if (tt_span_eq(e.name, TT_SPAN_LIT("code")))
			take_code(link, s, &c, &e);
		else if (tt_span_eq(e.name, TT_SPAN_LIT("codeName")))
			take_code_name(link, s, &c, &e);
		else if (tt_span_eq(e.name, TT_SPAN_LIT("errmsg")))
			take_error_text(link, s, &c, &e);
		if (e.size > tt_cursor_left(&c))
			return;
		tt_cursor_skip(&c, (size_t)e.size);
		left -= c.pos - from;
	}
}

static struct tt_cursor look_at(const struct tt_cursor *c, const struct mongodb_element *e)
{
	return tt_cursor(tt_span_sub(tt_cursor_rest(c), 0, (size_t)TT_MIN(e->size, MONGODB_LOOK)));
}

/* Of several writes that failed the first one stands for all. */
static void take_write_errors(struct tt_link *link, struct mongodb_side *s, const struct tt_cursor *c,
			      const struct mongodb_element *e)
{
	struct tt_cursor array = look_at(c, e);
	struct mongodb_element first;

	tt_cursor_skip(&array, 4);
	if (e->type == 0x04 && mongodb_element(&array, e->size - 4, &first) == MONGODB_FINE && first.type == 0x03)
		take_error_document(link, s, array, first.size);
}

static void take_write_concern_error(struct tt_link *link, struct mongodb_side *s, const struct tt_cursor *c,
				     const struct mongodb_element *e)
{
	if (e->type == 0x03 && !s->failed)
		take_error_document(link, s, look_at(c, e), e->size);
}

void mongodb_end_reply(struct mongodb_side *s)
{
	struct tt_message *m = s->open;
	bool no_cursor = s->opcode == MONGODB_REPLY && s->reply_flags & 1;
	bool query_failed = s->opcode == MONGODB_REPLY && s->reply_flags & 2;
	uint8_t name[64];

	if (no_cursor) {
		set_code(s, 43);
		tt_message_fail(m, TT_SPAN_LIT("CursorNotFound"));
	} else if ((query_failed || (s->has_ok && !s->ok)) && !s->failed) {
		tt_message_fail(m, TT_SPAN_LIT("UnknownError"));
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("UnknownError"));
	} else if (s->failed) {
		if (!tt_message_get(m, TT_TEXT_STATUS).data)
			tt_message_text(m, TT_TEXT_STATUS, copied(tt_message_get(m, TT_TEXT_ERROR_TYPE), name));
	} else if (!s->command || s->has_ok) {
		if (!s->pushed)
			tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	} else if (m) {
		m->incomplete = true; /* what became of it was not to be read */
	}
}

/* --- fields -------------------------------------------------------------------------------------------------------------------
 */

static const struct field {
	uint8_t side;
	const char *name;
	void (*take)(struct tt_link *link, struct mongodb_side *s, const struct tt_cursor *c, const struct mongodb_element *e);
} fields[] = {
	{TT_REQUESTS, "$db", take_database},
	{TT_REQUESTS, "collection", take_request_collection},
	{TT_RESPONSES, "ok", take_ok},
	{TT_RESPONSES, "n", take_count},
	{TT_RESPONSES, "code", take_code},
	{TT_RESPONSES, "codeName", take_code_name},
	{TT_RESPONSES, "errmsg", take_error_text},
	{TT_RESPONSES, "$err", take_error_text},
	{TT_RESPONSES, "writeErrors", take_write_errors},
	{TT_RESPONSES, "writeConcernError", take_write_concern_error},
};

static const struct field *find_field(const struct mongodb_side *s, enum tt_side side, struct tt_span name)
{
	/* A document found by a query has fields of any name. */
	if (!s->command)
		return NULL;
	for (size_t i = 0; i < TT_ARRAY_LEN(fields); i++) {
		if (fields[i].side == side && tt_span_eq(name, tt_span_str(fields[i].name)))
			return &fields[i];
	}
	return NULL;
}

uint64_t mongodb_wanted(const struct mongodb_side *s, enum tt_side side, const struct mongodb_element *e)
{
	bool command = side == TT_REQUESTS && s->first && s->command;
	return command || find_field(s, side, e->name) ? TT_MIN(e->size, (uint64_t)MONGODB_LOOK) : 0;
}

void mongodb_field(struct tt_link *link, struct mongodb_side *s, enum tt_side side, const struct tt_cursor *c,
		   const struct mongodb_element *e)
{
	if (side == TT_REQUESTS && s->first && s->command) {
		take_command(s, c, e);
		return;
	}
	const struct field *field = find_field(s, side, e->name);
	if (field)
		field->take(link, s, c, e);
}
