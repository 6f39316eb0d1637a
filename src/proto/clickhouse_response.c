// SPDX-License-Identifier: Apache-2.0
/* ClickHouse: what the server sends. An answer is packets up to the end of the stream or an exception. */
#include "base/own.h"
#include "proto/clickhouse.h"
#include "shared/limits.h"

#define NAME_MOST 1024u
#define NESTED_MOST 16u

enum packet {
	PACKET_HELLO = 0,
	PACKET_DATA = 1,
	PACKET_EXCEPTION = 2,
	PACKET_PROGRESS = 3,
	PACKET_PONG = 4,
	PACKET_END = 5,
	PACKET_PROFILE = 6,
	PACKET_TOTALS = 7,
	PACKET_EXTREMES = 8,
	PACKET_LOG = 10,
	PACKET_COLUMNS = 11,
	PACKET_EVENTS = 14,
	PACKET_TIMEZONE = 17,
	PACKET_MAX,
};

/* One packet behind its type, read whole. `st` NULL: only passed over. */
typedef void packet_fn(struct ch_reader *r, struct ch_state *st, uint32_t revision);

static void progress(struct ch_reader *r, struct ch_state *st, uint32_t revision)
{
	uint64_t rows = ch_varuint(r), bytes = ch_varuint(r), written = 0;

	ch_varuint(r); /* rows there are in all */
	if (revision >= CH_TOTAL_BYTES)
		ch_varuint(r);
	if (revision >= CH_WRITE_PROGRESS) {
		written = ch_varuint(r);
		ch_varuint(r);
	}
	if (revision >= CH_ELAPSED)
		ch_varuint(r);
	if (!st || r->bad || tt_cursor_short(&r->c) || rows > INT32_MAX * UINT64_C(65536) || bytes > INT64_MAX / 65536 ||
	    written > INT32_MAX * UINT64_C(65536))
		return;
	st->res.read_rows += (int64_t)rows;
	st->res.read_bytes += (int64_t)bytes;
	st->res.written += (int64_t)written;
	st->res.has_read = true;
	st->res.has_written |= revision >= CH_WRITE_PROGRESS && written;
}

static void profile(struct ch_reader *r, struct ch_state *st, uint32_t revision)
{
	uint64_t rows = ch_varuint(r);

	ch_varuint(r);
	ch_varuint(r);
	ch_byte(r, 1);
	ch_varuint(r);
	ch_byte(r, 1);
	if (revision >= CH_AGGREGATION) {
		ch_byte(r, 1);
		ch_varuint(r);
	}
	if (!st || r->bad || tt_cursor_short(&r->c))
		return;
	st->res.rows = (int64_t)TT_MIN(rows, (uint64_t)INT64_MAX);
	st->res.has_rows = true;
}

static void columns(struct ch_reader *r, struct ch_state *st, uint32_t revision)
{
	ch_string(r, CH_STRING_MOST);
	ch_string(r, CH_STRING_MOST);
}

static void timezone_update(struct ch_reader *r, struct ch_state *st, uint32_t revision)
{
	ch_string(r, NAME_MOST);
}

static void nothing(struct ch_reader *r, struct ch_state *st, uint32_t revision)
{
}

static packet_fn *const packets[PACKET_MAX] = {
	[PACKET_PROGRESS] = progress, [PACKET_PROFILE] = profile,	   [PACKET_COLUMNS] = columns,
	[PACKET_PONG] = nothing,      [PACKET_TIMEZONE] = timezone_update,
};

static bool has_block(uint64_t type)
{
	return type == PACKET_DATA || type == PACKET_TOTALS || type == PACKET_EXTREMES || type == PACKET_LOG ||
	       type == PACKET_EVENTS;
}

/* --- answers -----------------------------------------------------------------------------------------------------------------
 */

static void end_answer(struct tt_link *link, struct ch_state *st, const struct tt_input *in)
{
	struct ch_responses *res = &st->res;
	struct tt_message *m = res->open;
	bool rows_counted = st->req.counts && st->req.rows;
	int64_t affected = rows_counted ? (int64_t)st->req.rows : res->written;
	bool query = m && m->peer && m->peer->kind == CH_QUERY;

	if (m)
		m->incomplete &= !st->res.guessed;
	if (query)
		m->incomplete |= st->req.hole || (st->req.insert && res->has_blocks && !st->req.finished && !m->failed);
	tt_sql_answered(m, query && res->has_rows ? &res->rows : NULL,
			query && !tt_message_get(m, TT_TEXT_ERROR).data && (rows_counted || res->has_written) ? &affected : NULL);
	if (query && res->has_read) {
		tt_message_attr_int(m, "clickhouse.read_rows", res->read_rows);
		tt_message_attr_int(m, "clickhouse.read_bytes", res->read_bytes);
	}
	tt_message_end(link, m, in, in->c.pos);
	*res = (struct ch_responses){0};
}

/* "Code: 60. DB::Exception: Table x doesn't exist. (UNKNOWN_TABLE)": newer servers put the code's name last. */
static struct tt_span code_name(struct tt_span text)
{
	const uint8_t *open = text.len ? memrchr(text.data, '(', text.len) : NULL;

	if (!open)
		return tt_span(NULL, 0);
	struct tt_span name = tt_span_sub(text, (size_t)(open + 1 - text.data), text.len);
	ptrdiff_t close = tt_span_find(name, ')');

	name.len = close < 0 ? 0 : (size_t)close;
	for (size_t i = 0; i < name.len; i++) {
		if ((name.data[i] < 'A' || name.data[i] > 'Z') && name.data[i] != '_' &&
		    (name.data[i] < '0' || name.data[i] > '9'))
			return tt_span(NULL, 0);
	}
	return name.len < 64 ? name : tt_span(NULL, 0);
}

static void failed(struct tt_message *m, int32_t code, struct tt_span text)
{
	struct tt_span name = code_name(text);

	tt_message_status_int(m, code);
	tt_message_fail(m, tt_message_get(m, TT_TEXT_STATUS));
	tt_message_attr_text(m, "db.response.status_code", TT_TEXT_STATUS);
	if (name.len)
		tt_message_attr(m, "clickhouse.error_name", name);
	tt_message_text(m, TT_TEXT_ERROR, text);
}

/* An exception and those within it; the outermost one tells. */
static void read_exception(struct ch_reader *r, int32_t *ret_code, struct tt_span *ret_text)
{
	uint8_t more = 1;

	for (unsigned i = 0; more && i < NESTED_MOST && !r->bad && !tt_cursor_short(&r->c); i++) {
		int32_t code = (int32_t)tt_cursor_le32(&r->c);
		ch_string(r, NAME_MOST);
		struct tt_span text = ch_string(r, CH_STRING_MOST);
		ch_string(r, CH_STRING_MOST);
		more = ch_byte(r, 1);
		r->bad |= code < 0 || code > 99999;
		if (i == 0) {
			*ret_code = code;
			*ret_text = text;
		}
	}
}

static void read_hello(struct ch_reader *r, const struct ch_state *st, uint32_t *ret_revision)
{
	struct tt_span name = ch_string(r, NAME_MOST);
	uint64_t major = ch_varuint(r), minor = ch_varuint(r), revision = ch_varuint(r);

	r->bad |= !tt_cursor_short(&r->c) &&
		  (!name.len || major > 1000 || minor > 1000 || revision < CH_OLDEST || revision > CH_NEWEST);
	*ret_revision = (uint32_t)revision;
	uint32_t spoken = st->client_revision ? TT_MIN(st->client_revision, (uint32_t)revision) : (uint32_t)revision;
	ch_string(r, NAME_MOST);
	if (spoken >= CH_DISPLAY_NAME)
		ch_string(r, NAME_MOST);
	if (spoken >= CH_VERSION_PATCH)
		ch_varuint(r);
	for (int i = 0; spoken >= CH_CHUNKED && i < 2; i++)
		ch_string(r, 64);
	uint64_t rules = spoken >= CH_PASSWORD_RULES ? ch_varuint(r) : 0;
	r->bad |= rules > 1000;
	for (uint64_t i = 0; !r->bad && i < 2 * rules && !tt_cursor_short(&r->c); i++)
		ch_string(r, CH_STRING_MOST);
	if (spoken >= CH_NONCE)
		tt_cursor_skip(&r->c, 8);
	if (spoken >= CH_SERVER_SETTINGS && !r->bad && !tt_cursor_short(&r->c))
		r->bad |= ch_pass_settings(r) == TT_LOST_SYNC;
	if (spoken >= CH_QUERY_PLAN)
		ch_varuint(r);
	if (spoken >= CH_CLUSTER_FUNCTION)
		ch_varuint(r);
}

/* --- packets -----------------------------------------------------------------------------------------------------------------
 */

static enum tt_step settled(const struct ch_reader *r)
{
	return r->bad ? TT_LOST_SYNC : tt_cursor_short(&r->c) ? TT_MORE : TT_PARSED;
}

static enum tt_step hello(struct tt_link *link, struct ch_state *st, struct tt_input *in)
{
	struct ch_reader r = {.c = in->c};
	uint32_t revision = 0;

	read_hello(&r, st, &revision);
	enum tt_step step = settled(&r);
	if (step != TT_PARSED)
		return step;
	st->server_revision = revision;
	st->revision = st->client_revision ? TT_MIN(revision, st->client_revision) : 0;
	st->least = 0;
	in->c.pos = r.c.pos;
	end_answer(link, st, in);
	return TT_PARSED;
}

static enum tt_step exception(struct tt_link *link, struct ch_state *st, struct tt_input *in)
{
	struct ch_reader r = {.c = in->c};
	struct tt_span text = tt_span(NULL, 0);
	int32_t code = 0;

	read_exception(&r, &code, &text);
	enum tt_step step = settled(&r);
	if (step != TT_PARSED)
		return step;
	failed(st->res.open, code, text);
	in->c.pos = r.c.pos;
	end_answer(link, st, in);
	return TT_PARSED;
}

static enum tt_step table_name(struct ch_state *st, struct tt_input *in)
{
	struct ch_reader r = {.c = in->c};

	ch_string(&r, NAME_MOST);
	enum tt_step step = settled(&r);
	if (step != TT_PARSED)
		return step;
	in->c.pos = r.c.pos;
	ch_block_begin(&st->res.block);
	return TT_PARSED;
}

/* Does a packet begin here? Only a block's beginning is sure. */
static enum tt_verdict packet_begins(struct tt_span bytes)
{
	uint8_t type = bytes.len ? bytes.data[0] : (uint8_t)PACKET_END;

	if (has_block(type))
		return bytes.len < 3 ? TT_MAYBE : bytes.data[1] ? TT_NO : ch_block_begins(tt_span_sub(bytes, 2, bytes.len));
	return type == PACKET_END || type == PACKET_EXCEPTION || (type < PACKET_MAX && packets[type]) ? TT_MAYBE : TT_NO;
}

static void guess_again(struct ch_state *st);

/* The revision is guessed: it becomes the newest one that leaves off behind this packet where the next begins. */
static void guess_by(struct ch_state *st, struct tt_cursor c, uint8_t type)
{
	uint32_t best = st->revision, last;
	enum tt_verdict fits = TT_NO;

	do {
		struct ch_reader r = {.c = c};
		last = st->revision;
		packets[type](&r, NULL, last);
		enum tt_step step = settled(&r);
		enum tt_verdict begins = step == TT_PARSED ? packet_begins(tt_cursor_rest(&r.c))
					 : step == TT_MORE ? TT_MAYBE
							   : TT_NO;
		if (begins > fits) {
			fits = begins;
			best = last;
		}
		guess_again(st);
	} while (fits != TT_YES && st->revision != last);
	st->revision = best;
}

static enum tt_step small(struct tt_link *link, struct ch_state *st, struct tt_input *in, uint8_t type)
{
	struct ch_reader r = {.c = in->c};

	if (st->least)
		guess_by(st, in->c, type);
	packets[type](&r, NULL, st->revision);
	enum tt_step step = settled(&r);
	if (step != TT_PARSED)
		return step;
	r = (struct ch_reader){.c = in->c};
	packets[type](&r, st, st->revision);
	in->c.pos = r.c.pos;
	if (type == PACKET_PONG)
		end_answer(link, st, in);
	return TT_PARSED;
}

static enum tt_step packet(struct tt_link *link, struct ch_state *st, struct tt_input *in)
{
	uint8_t type = tt_cursor_u8(&in->c);

	if (has_block(type)) {
		st->res.has_blocks |= type == PACKET_DATA;
		return table_name(st, in);
	}
	switch (type) {
	case PACKET_HELLO:
		return hello(link, st, in);
	case PACKET_EXCEPTION:
		return exception(link, st, in);
	case PACKET_END:
		end_answer(link, st, in);
		return TT_PARSED;
	default:
		return type < PACKET_MAX && packets[type] ? small(link, st, in, type) : TT_LOST_SYNC;
	}
}

static enum tt_step block(struct tt_link *link, struct ch_state *st, struct tt_input *in)
{
	uint64_t skip;

	enum tt_step step = ch_block_step(&st->res.block, &in->c, st->revision, &skip);
	uint64_t beyond = ch_skip(link, st, TT_RESPONSES, in, skip);
	if (beyond)
		tt_wish(link, TT_RESPONSES, in, in->c.pos + beyond, (uint32_t)tt_link_limit(link, TT_LIMIT_CAPTURE_BYTES));
	if (step == TT_DONE) {
		st->res.block.on = false;
		return TT_PARSED;
	}
	return step;
}

/* Guessed from a query, the revision may be an older one that writes queries alike. */
static void guess_again(struct ch_state *st)
{
	static const uint32_t below[] = {CH_AGGREGATION, CH_TOTAL_BYTES, CH_ELAPSED, CH_CUSTOM_SERIALIZATION, CH_WRITE_PROGRESS};

	if (!st->least)
		return;
	for (size_t i = 0; i < TT_ARRAY_LEN(below); i++) {
		if (st->revision >= below[i] && below[i] > st->least) {
			st->revision = below[i] - 1;
			return;
		}
	}
}

enum tt_step ch_parse_response(struct tt_link *link, struct ch_state *st, struct tt_input *in)
{
	if (!st->res.in_answer) {
		const struct tt_message *request;
		enum tt_awaited awaited = tt_awaited(link, &request);
		if (awaited == TT_NOT_YET)
			return TT_WAIT;
		st->res.in_answer = true;
		if (awaited == TT_HAVE)
			st->res.open = tt_response_begin(link, in, in->c.pos);
		/* Whether it ended where nothing more came is not known. */
		st->res.guessed = st->res.open && st->least;
		if (st->res.guessed)
			st->res.open->incomplete = true;
	}
	size_t at = in->c.pos;
	bool in_block = st->res.block.on;
	enum tt_step step = in_block ? block(link, st, in) : packet(link, st, in);
	if (step != TT_PARSED && !in_block)
		in->c.pos = at;
	if (step == TT_LOST_SYNC)
		guess_again(st);
	return step;
}

/* --- after a hole ------------------------------------------------------------------------------------------------------------
 */

static bool pass_packet(struct ch_reader *r, uint32_t revision, bool *ret_ends)
{
	uint8_t type = tt_cursor_u8(&r->c);
	struct tt_span text;
	int32_t code;

	*ret_ends = type == PACKET_END || type == PACKET_EXCEPTION || type == PACKET_PONG;
	if (type == PACKET_EXCEPTION)
		read_exception(r, &code, &text);
	else if (type < PACKET_MAX && packets[type])
		packets[type](r, NULL, revision);
	else if (type != PACKET_END)
		return false;
	return settled(r) == TT_PARSED;
}

bool ch_response_plausible(const struct ch_state *st, struct tt_span bytes)
{
	struct ch_reader r = {.c = tt_cursor(bytes)};
	bool ends = false;

	if (bytes.len > 2 && has_block(bytes.data[0]) && bytes.data[1] == 0)
		return ch_block_begins(tt_span_sub(bytes, 2, bytes.len)) == TT_YES;
	/* A single byte ends an answer, too, but may be anything. */
	while (tt_cursor_left(&r.c) && !ends) {
		if (!pass_packet(&r, st->revision, &ends))
			return false;
	}
	return ends && bytes.len > 1 && !tt_cursor_left(&r.c);
}
