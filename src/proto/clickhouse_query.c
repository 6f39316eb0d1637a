// SPDX-License-Identifier: Apache-2.0
/* ClickHouse: the query packet, whose fields depend on the revision: client, settings, then the text. */
#include "base/own.h"
#include "base/text.h"
#include "proto/clickhouse.h"

#define ID_MOST 1024u
#define INTERFACE_TCP 1u
#define SETTINGS_MOST 4096u

/* Where the packet's layout changes, newest first. */
static const uint32_t layouts[] = {
	CH_TOKEN,	  CH_SCRIPT_LINES,	CH_EXTERNAL_ROLES, CH_PARAMETERS,	  CH_PARALLEL_REPLICAS,
	CH_START_TIME,	  CH_DISTRIBUTED_DEPTH, CH_OPENTELEMETRY,  CH_INTERSERVER_SECRET, CH_SETTINGS_AS_STRINGS,
	CH_VERSION_PATCH, CH_QUOTA_KEY_IN_INFO, CH_OLDEST,
};

static void read_trace(struct ch_reader *r)
{
	if (ch_byte(r, 1) != 1)
		return;
	tt_cursor_skip(&r->c, 16 + 8);
	ch_string(r, ID_MOST);
	ch_byte(r, UINT8_MAX);
}

static void read_client_info(struct ch_reader *r, uint32_t revision, struct ch_query *q)
{
	uint8_t kind = ch_byte(r, 2);

	q->user = ch_string(r, ID_MOST);
	ch_string(r, ID_MOST);
	ch_string(r, ID_MOST);
	if (revision >= CH_START_TIME)
		tt_cursor_skip(&r->c, 8);
	uint8_t interface = ch_byte(r, INTERFACE_TCP);
	r->bad |= !tt_cursor_short(&r->c) && (!kind || !interface);
	for (int i = 0; i < 3; i++) /* the client's user, host and name */
		ch_string(r, ID_MOST);
	uint64_t major = ch_varuint(r), minor = ch_varuint(r), client = ch_varuint(r);
	r->bad |= !tt_cursor_short(&r->c) && (major > 1000 || minor > 1000 || client < CH_OLDEST || client > CH_NEWEST);
	q->client_revision = (uint32_t)client;
	if (revision >= CH_QUOTA_KEY_IN_INFO)
		ch_string(r, ID_MOST);
	if (revision >= CH_DISTRIBUTED_DEPTH)
		ch_varuint(r);
	if (revision >= CH_VERSION_PATCH)
		ch_varuint(r);
	if (revision >= CH_OPENTELEMETRY)
		read_trace(r);
	for (int i = 0; revision >= CH_PARALLEL_REPLICAS && i < 3; i++)
		ch_varuint(r);
	for (int i = 0; revision >= CH_SCRIPT_LINES && i < 2; i++)
		ch_varuint(r);
	if (revision >= CH_TOKEN && ch_byte(r, 1) == 1)
		ch_string(r, CH_STRING_MOST);
}

enum tt_step ch_pass_settings(struct ch_reader *r)
{
	for (unsigned i = 0; i < SETTINGS_MOST; i++) {
		struct tt_span name = ch_string(r, ID_MOST);
		if (r->bad || !tt_is_ascii_word(name))
			return TT_LOST_SYNC;
		if (tt_cursor_short(&r->c))
			return TT_MORE;
		if (!name.len)
			return TT_PARSED;
		uint64_t flags = ch_varuint(r);
		ch_string(r, CH_STRING_MOST);
		if (r->bad || flags > 0xff)
			return TT_LOST_SYNC;
	}
	return TT_LOST_SYNC;
}

/* Before settings were strings their values had types the packet does not tell: a number, or a text. The end tells which. */
static enum tt_step pass_typed_settings(struct ch_reader *r)
{
	for (unsigned i = 0; i < SETTINGS_MOST; i++) {
		struct tt_span name = ch_string(r, ID_MOST);
		if (r->bad || !tt_is_ascii_word(name))
			return TT_LOST_SYNC;
		if (tt_cursor_short(&r->c))
			return TT_MORE;
		if (!name.len)
			return TT_PARSED;
		struct ch_reader as_text = *r;
		struct tt_span text = ch_string(&as_text, CH_STRING_MOST);
		bool is_text = !as_text.bad && !tt_cursor_short(&as_text.c) && text.len && tt_is_ascii_word(text);
		/* Behind a number comes a name or the end; behind a text the same. */
		struct ch_reader next = *r;
		ch_varuint(&next);
		struct tt_span follows = ch_string(&next, ID_MOST);
		bool is_number = !next.bad && !tt_cursor_short(&next.c) && tt_is_ascii_word(follows);
		if (is_number || !is_text)
			ch_varuint(r);
		else
			*r = as_text;
	}
	return TT_LOST_SYNC;
}

enum tt_step ch_read_query(struct ch_reader *r, uint32_t revision, struct ch_query *ret)
{
	ret->id = ch_string(r, ID_MOST);
	read_client_info(r, revision, ret);
	if (r->bad || tt_cursor_short(&r->c))
		return r->bad ? TT_LOST_SYNC : TT_MORE;
	enum tt_step step = revision >= CH_SETTINGS_AS_STRINGS ? ch_pass_settings(r) : pass_typed_settings(r);
	if (step != TT_PARSED)
		return step;
	if (revision >= CH_EXTERNAL_ROLES)
		ch_string(r, CH_STRING_MOST);
	if (revision >= CH_INTERSERVER_SECRET)
		ch_string(r, ID_MOST);
	uint64_t stage = ch_varuint(r), compression = ch_varuint(r);
	ret->text_len = ch_varuint(r);
	if (r->bad || stage > 4 || compression > 1 || ret->text_len > CH_ROWS_MOST)
		return TT_LOST_SYNC;
	ret->text_at = r->c.pos;
	return tt_cursor_short(&r->c) ? TT_MORE : TT_PARSED;
}

/* A statement begins with a word, a comment or a bracket. */
static bool text_plausible(struct tt_span text)
{
	for (size_t i = 0; i < text.len && i < 16; i++) {
		if (text.data[i] < ' ' && text.data[i] != '\n' && text.data[i] != '\r' && text.data[i] != '\t')
			return false;
	}
	size_t at = 0;
	while (at < text.len && text.data[at] <= ' ')
		at++;
	uint8_t first = at < text.len ? tt_ascii_lower(text.data[at]) : 0;
	return (first >= 'a' && first <= 'z') || (first && strchr("_(/-#;", first));
}

/* The oldest revision whose queries are read to the same end as that of layout `i`: one without settings tells little. */
static uint32_t oldest_alike(const struct ch_reader *r, size_t i, size_t end)
{
	struct ch_query q;

	for (; i + 1 < TT_ARRAY_LEN(layouts); i++) {
		struct ch_reader try = *r;
		if (ch_read_query(&try, layouts[i + 1], &q) != TT_PARSED || try.c.pos != end)
			break;
	}
	return layouts[i];
}

enum tt_step ch_read_query_any(struct ch_reader *r, struct ch_query *ret, uint32_t *ret_revision, uint32_t *ret_least)
{
	enum tt_step best = TT_LOST_SYNC;

	for (size_t i = 0; i < TT_ARRAY_LEN(layouts); i++) {
		struct ch_reader try = *r;
		enum tt_step step = ch_read_query(&try, layouts[i], ret);
		struct tt_span text =
			tt_span_sub(tt_cursor_rest(&try.c), 0, (size_t)TT_MIN(ret->text_len, (uint64_t)TT_SQL_HEAD));
		if (step == TT_PARSED &&
		    (ret->client_revision < layouts[i] || !ret->text_len || (text.len && !text_plausible(text))))
			step = TT_LOST_SYNC;
		if (step == TT_PARSED) {
			uint32_t below = i ? layouts[i - 1] - 1 : CH_NEWEST;
			*ret_revision = TT_MIN(ret->client_revision, below);
			*ret_least = oldest_alike(r, i, try.c.pos);
			*r = try;
			return TT_PARSED;
		}
		if (step == TT_MORE)
			best = TT_MORE;
	}
	return best;
}
