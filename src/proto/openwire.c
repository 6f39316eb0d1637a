// SPDX-License-Identifier: Apache-2.0
/*
 * OpenWire, ActiveMQ classic's own protocol
 * (https://activemq.apache.org/components/classic/documentation/openwire-version-2-specification): commands behind their length,
 * each with an id; an answer names the command it answers. Both ends first say how they can write, and then do what both can.
 * What is begun in the middle shows by its bytes how it is written.
 */
#include "proto/openwire.h"
#include "base/own.h"
#include "proto/detect.h"
#include "proto/pass.h"
#include "shared/limits.h"

#define LENGTH_MAX (1u << 28)
#define LOOK_BYTES 4096u
#define NAME_MOST 1024u
#define MAGIC "ActiveMQ"
#define INFO_PROPERTIES_MOST 64u

#define EXCEPTION_RESPONSE 31
#define CONNECTION_ERROR 16
#define TEMPORARY_FIRST 102

struct openwire_side {
	struct openwire_format said; /* what this end can do */
	bool known;
	struct tt_sql_table names; /* its table's destinations, by place */
};

struct openwire_state {
	struct openwire_side side[2];
	bool cache_known; /* found by walking, where what was said was not seen */
	bool cache;
};

struct frame {
	uint32_t length; /* behind itself */
	const struct openwire_type *type;
	struct tt_span body; /* behind the type, as much as is looked at */
	uint64_t missing;
};

/* --- a frame -----------------------------------------------------------------------------------------------------------------
 */

/* TT_PARSED: *ret is set. */
static enum tt_step read_frame(struct tt_span bytes, struct frame *ret)
{
	struct tt_cursor c = tt_cursor(bytes);

	if (bytes.len && bytes.data[0] > LENGTH_MAX >> 24)
		return TT_LOST_SYNC;
	ret->length = tt_cursor_be32(&c);
	if (tt_cursor_short(&c))
		return TT_MORE;
	if (ret->length < 6 || ret->length > LENGTH_MAX)
		return TT_LOST_SYNC;
	uint8_t type = tt_cursor_u8(&c);
	if (tt_cursor_short(&c))
		return TT_MORE;
	ret->type = openwire_type(type);
	if (!ret->type || !ret->type->says)
		return TT_LOST_SYNC;
	uint32_t look = TT_MIN(ret->length - 1, LOOK_BYTES);
	if (tt_cursor_left(&c) < look)
		return TT_MORE;
	ret->body = tt_cursor_take(&c, look);
	ret->missing = ret->length - 1 - look;
	return TT_PARSED;
}

/* --- how it is written -------------------------------------------------------------------------------------------------------
 */

enum { VALUE_BOOL = 1, VALUE_STRING = 9 };

/* A value of a map of properties; false: of a type that is none. *ret_bool is set for one. */
static bool take_value(struct tt_cursor *c, bool *ret_bool)
{
	static const uint8_t sizes[] = {0, 1, 1, 2, 2, 4, 8, 8, 4};
	uint8_t type = tt_cursor_u8(c);

	*ret_bool = false;
	if (type == VALUE_BOOL)
		*ret_bool = tt_cursor_u8(c) != 0;
	else if (type == VALUE_STRING)
		tt_cursor_skip(c, tt_cursor_be16(c));
	else if (type < TT_ARRAY_LEN(sizes))
		tt_cursor_skip(c, sizes[type]);
	else
		return false;
	return !tt_cursor_short(c);
}

/* WireFormatInfo, which is always written the loose way. False: it is none. */
static bool read_wire_format(struct tt_span body, struct openwire_format *ret)
{
	struct tt_cursor c = tt_cursor(body);
	struct tt_span magic = tt_cursor_take(&c, sizeof(MAGIC) - 1);
	uint32_t version = tt_cursor_be32(&c);

	if (!tt_span_eq(magic, TT_SPAN_LIT(MAGIC)) || version == 0 || version > 255)
		return false;
	*ret = (struct openwire_format){.version = (uint8_t)TT_MIN(version, OPENWIRE_VERSION_LAST)};
	if (tt_cursor_u8(&c) == 0)
		return !tt_cursor_short(&c);
	tt_cursor_be32(&c); /* bytes of the map */
	uint32_t count = tt_cursor_be32(&c);
	if (tt_cursor_short(&c) || count > INFO_PROPERTIES_MOST)
		return false;
	while (count--) {
		bool value;
		struct tt_span key = tt_cursor_take16(&c);
		if (tt_cursor_short(&c) || !take_value(&c, &value))
			return false;
		ret->tight |= value && tt_span_eq(key, TT_SPAN_LIT("TightEncodingEnabled"));
		ret->cache |= value && tt_span_eq(key, TT_SPAN_LIT("CacheEnabled"));
	}
	return true;
}

/* The loose way the id comes first, whose first byte is 0 in the first sixteen million commands; the tight way a length that is
 * not. */
static bool looks_tight(struct tt_span body)
{
	return body.len && body.data[0] != 0;
}

/* Both said what they can, or else it is tried. */
static bool walk(struct openwire_state *st, enum tt_side side, const struct frame *f, struct openwire_said *ret)
{
	const struct openwire_side *a = &st->side[0], *b = &st->side[1];
	struct tt_sql_table *names = &st->side[side].names;
	struct openwire_format format = {
		.tight = a->known && b->known ? a->said.tight && b->said.tight : looks_tight(f->body),
		.cache = a->known && b->known ? a->said.cache && b->said.cache
			 : st->cache_known    ? st->cache
					      : true,
		.version = a->known && b->known ? TT_MIN(a->said.version, b->said.version) : OPENWIRE_VERSION_LAST,
	};
	bool sure = (a->known && b->known) || st->cache_known;

	bool found = openwire_walk(f->type, format, f->body, f->missing, names, ret);
	if (!found && !sure) {
		format.cache = false;
		found = openwire_walk(f->type, format, f->body, f->missing, names, ret);
	}
	if (found && !sure && ret->kept && !ret->lost) {
		st->cache_known = true;
		st->cache = format.cache;
	}
	return found;
}

/* The table is as the command left it. What is not known is forgotten. */
static void learn(struct tt_link *link, struct tt_sql_table *names, const struct openwire_said *said)
{
	uint8_t key[OPENWIRE_KEY_BYTES], kept[1 + NAME_MOST];

	if (said->lost)
		tt_sql_table_clear(names);
	for (uint32_t i = 0; i < said->sets; i++) {
		const struct openwire_set *s = &said->set[i];
		tt_sql_table_remove(names, openwire_key(s->index, key));
		if ((s->type && !s->name.data) || s->name.len >= sizeof(kept))
			continue;
		kept[0] = s->type;
		if (s->name.len)
			memcpy(kept + 1, s->name.data, s->name.len);
		struct tt_sql_text *text = tt_sql_text_new(tt_span(kept, s->name.len + 1));
		if (text)
			tt_sql_remember(link, names, openwire_key(s->index, key), text);
		tt_sql_text_unref(text);
	}
}

/* --- exchanges ---------------------------------------------------------------------------------------------------------------
 */

static void describe_transaction(struct tt_message *m, uint8_t type)
{
	static const char *const names[] = {"begin",	"prepare", "commit_one_phase", "commit_two_phase",
					    "rollback", "recover", "forget",	       "end"};

	if (type < TT_ARRAY_LEN(names))
		tt_message_attr(m, "openwire.transaction.type", tt_span_str(names[type]));
}

static void describe_destination(struct tt_message *m, const struct openwire_said *said)
{
	if (!m || !said->has_destination)
		return;
	if (!said->destination.data) {
		m->incomplete = true; /* said before telltale, or in a hole */
		return;
	}
	tt_message_text(m, TT_TEXT_RESOURCE, said->destination);
	tt_message_attr_text(m, "messaging.destination.name", TT_TEXT_RESOURCE);
	const struct openwire_type *type = openwire_type(said->destination_type);
	tt_message_attr(m, "openwire.destination.type", tt_span_str(type->name));
	if (said->destination_type >= TEMPORARY_FIRST)
		tt_message_attr_bool(m, "messaging.destination.temporary", true);
}

static void fail(struct tt_message *m, const struct openwire_said *said)
{
	tt_message_fail(m, said->exception.len ? said->exception : TT_SPAN_LIT("EXCEPTION"));
	if (said->text.data)
		tt_message_text(m, TT_TEXT_ERROR, said->text);
}

static struct tt_message *asked(struct tt_link *link, enum tt_side side, struct tt_input *in, const struct frame *f,
				const struct openwire_said *said)
{
	struct tt_message *m = tt_begin(link, side, true, in, in->c.pos);

	if (m) {
		m->id = said->id;
		m->one_way = !said->response_required;
	}
	tt_message_text(m, TT_TEXT_OPERATION, tt_span_str(f->type->name));
	tt_message_attr(m, "messaging.system", TT_SPAN_LIT("activemq"));
	tt_message_attr_text(m, "messaging.operation.name", TT_TEXT_OPERATION);
	describe_destination(m, said);
	if (said->has_transaction)
		describe_transaction(m, said->transaction);
	if (said->messages > 1)
		tt_message_attr_int(m, "messaging.batch.message_count", said->messages);
	if (f->type->type == CONNECTION_ERROR)
		fail(m, said);
	return m;
}

static struct tt_message *answered(struct tt_link *link, enum tt_side side, struct tt_input *in, const struct frame *f,
				   const struct openwire_said *said)
{
	struct tt_message *m = tt_begin(link, side, false, in, in->c.pos);

	if (m)
		m->id = said->correlation;
	if (f->type->type == EXCEPTION_RESPONSE) {
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("EXCEPTION"));
		fail(m, said);
	} else {
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	}
	return m;
}

static bool may_say(const struct openwire_type *type, enum tt_side side)
{
	return type->says & (side == TT_REQUESTS ? OPENWIRE_CLIENT : OPENWIRE_SERVER);
}

static enum tt_step openwire_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct openwire_state *st = tt_link_state(link);
	struct tt_message *m = NULL;
	struct openwire_said said;
	struct frame f;

	enum tt_step step = read_frame(tt_cursor_rest(&in->c), &f);
	if (step != TT_PARSED)
		return step;
	if (f.type->kind == OPENWIRE_WIRE_FORMAT) {
		struct openwire_side *s = &st->side[side];
		s->known = read_wire_format(f.body, &s->said);
		if (!s->known)
			return TT_LOST_SYNC;
	} else {
		if (!may_say(f.type, side) || !walk(st, side, &f, &said))
			return TT_LOST_SYNC;
		m = f.type->kind == OPENWIRE_RESPONSE ? answered(link, side, in, &f, &said) : asked(link, side, in, &f, &said);
		learn(link, &st->side[side].names, &said);
	}
	uint64_t whole = 4 + (uint64_t)f.length;
	tt_message_end(link, m, in, in->c.pos + whole);
	tt_pass(link, side, in, whole);
	return TT_PARSED;
}

/* --- telling it by its bytes ---------------------------------------------------------------------------------------------------
 */

/* The frame may be one; *ret_tells: it is for sure, and only this side says such. */
static enum tt_verdict judge_frame(struct tt_span bytes, enum tt_side side, bool *ret_tells, struct frame *f)
{
	struct openwire_format format;
	struct openwire_said said;
	enum tt_step step = read_frame(bytes, f);

	*ret_tells = false;
	if (step != TT_PARSED)
		return step == TT_MORE ? TT_MAYBE : TT_NO;
	if (f->type->kind == OPENWIRE_WIRE_FORMAT)
		return read_wire_format(f->body, &format) ? TT_YES : TT_NO;
	struct openwire_state none = {0};
	if (!may_say(f->type, side) || !walk(&none, side, f, &said))
		return TT_NO;
	/* An answer is the server's as good as always. */
	*ret_tells = said.whole && (f->type->kind == OPENWIRE_RESPONSE ? side == TT_RESPONSES : f->type->says != OPENWIRE_EITHER);
	return TT_YES;
}

/* Both ends begin with the same kind of frame: where it is not known who is who, the next ones have to tell. */
static enum tt_verdict judge(const struct tt_first *first, enum tt_side side)
{
	struct tt_span rest = first->side[side];
	bool info = false;

	while (rest.len) {
		struct frame f = {0};
		bool tells;
		enum tt_verdict v = judge_frame(rest, side, &tells, &f);
		if (v == TT_NO)
			return TT_NO;
		if (v == TT_MAYBE)
			return rest.data == first->side[side].data && first->ended[side] ? TT_NO : TT_MAYBE;
		bool begins = f.type->kind == OPENWIRE_WIRE_FORMAT;
		if (first->from_start[side] && !info && !begins)
			return TT_NO;
		info |= begins;
		if (tells || (info && first->role_known))
			return TT_YES;
		if ((uint64_t)f.length + 4 > rest.len)
			return TT_MAYBE;
		rest = tt_span_sub(rest, 4 + (size_t)f.length, rest.len - 4 - f.length);
	}
	return TT_MAYBE;
}

static enum tt_verdict openwire_detect(const struct tt_first *first)
{
	return tt_detect_sides(first, judge);
}

static ssize_t openwire_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct frame f = {0};
	bool tells;

	return judge_frame(bytes, side, &tells, &f) == TT_YES && tells ? 0 : -1;
}

static void openwire_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct openwire_state *st = tt_link_state(link);

	tt_sql_table_clear(&st->side[side].names);
}

static void openwire_state_free(void *state)
{
	struct openwire_state *st = state;

	tt_sql_table_clear(&st->side[0].names);
	tt_sql_table_clear(&st->side[1].names);
}

static const struct tt_proto_doc openwire_doc = {
	.title = "OpenWire (ActiveMQ classic)",
	.specification =
		"OpenWire: https://activemq.apache.org/components/classic/documentation/openwire-version-2-specification; fields "
		"as in ActiveMQ's "
		"marshallers, versions 1 to 12",
	.recognised = "WireFormatInfo (`ActiveMQ`); in mid-connection a command whose fields end where its length does, in the "
		      "tight or the loose encoding, "
		      "said by the end that says it",
	.operation = "the command: `ConnectionInfo`, `ProducerInfo`, `Send` (every kind of message), `MessageDispatch` (a "
		     "delivery), `MessageAck`",
	.resource = "the queue's or topic's name, of commands that have one",
	.status = "`OK`, or `EXCEPTION`, a failure, with the exception's class as `error_type`; a command that asks for no "
		  "answer is one-way",
	.limits = "4 KiB of a command are read; destinations that are named by their place in a table are known from when they "
		  "were put there: not from before "
		  "telltale, nor after a hole, nor after a longer command of the loose encoding. Begun in the middle, version 12 "
		  "is taken. Frames without "
		  "their length (`SizePrefixDisabled`) are not read",
	.verified = "ActiveMQ 5.18's broker and Java client, tight and loose, with and without the table; the client's own "
		    "counts, and tshark's dissection",
};

const struct tt_proto tt_proto_openwire = {
	.name = "openwire",
	.doc = &openwire_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.state_size = sizeof(struct openwire_state),
	.state_free = openwire_state_free,
	.detect = openwire_detect,
	.parse = openwire_parse,
	.gap = openwire_gap,
	.resync = openwire_resync,
};
