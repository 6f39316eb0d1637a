// SPDX-License-Identifier: Apache-2.0
/* The client's side: commands as arrays of bulk strings, or inline. Arguments are read one by one and forgotten. */
#include "proto/redis.h"

#include "base/own.h"

static const struct tt_span db_system = {(const uint8_t *)"redis", 5};

static uint32_t kind_of(const struct tt_redis_request *r)
{
	return r->command ? r->command->kind : TT_REDIS_PLAIN;
}

static unsigned key_rule(const struct tt_redis_request *r)
{
	return r->command ? r->command->key : TT_REDIS_KEY_NONE;
}

/* How many bytes of the next argument are of interest. */
static size_t wanted(const struct tt_redis_request *r)
{
	if (r->arg == 0)
		return TT_REDIS_NAME_BYTES;
	if (r->key_at && r->arg == r->key_at)
		return TT_REDIS_KEY_BYTES;

	uint32_t kind = kind_of(r);
	unsigned key = key_rule(r);
	bool is_word = (r->arg == 1 && (tt_redis_kind_is_container(kind) || kind == TT_REDIS_SELECT)) ||
		       (r->arg == 2 && kind == TT_REDIS_CLIENT) || (r->arg == 1 && key == TT_REDIS_KEY_COUNTED_2) ||
		       (r->arg == 2 && key == TT_REDIS_KEY_COUNTED_3) || (!r->key_at && key == TT_REDIS_KEY_STREAMS);
	return is_word ? TT_REDIS_NAME_BYTES : 0;
}

static void take_name(struct tt_redis_request *r, struct tt_span name)
{
	uint8_t upper[TT_REDIS_NAME_BYTES];

	r->command = tt_redis_command_find(name);
	name = tt_span_sub(name, 0, sizeof(upper));
	for (size_t i = 0; i < name.len; i++)
		upper[i] = name.data[i] >= 'a' && name.data[i] <= 'z' ? name.data[i] - 0x20 : name.data[i];
	/* What is no command may be anything, data too: it is no name to count by. */
	tt_message_text(r->message, TT_TEXT_OPERATION, r->command ? tt_span(upper, name.len) : TT_SPAN_LIT("_OTHER"));
	if (!r->command)
		tt_message_attr(r->message, "telltale.operation.original", name);

	unsigned key = key_rule(r);
	if (key >= TT_REDIS_KEY_1 && key <= TT_REDIS_KEY_3)
		r->key_at = key - TT_REDIS_KEY_1 + 1;
}

static void take_subcommand(struct tt_redis_request *r, struct tt_span name)
{
	uint8_t upper[TT_REDIS_NAME_BYTES + 1] = " ";

	for (size_t i = 0; i < name.len; i++)
		upper[i + 1] = name.data[i] >= 'a' && name.data[i] <= 'z' ? name.data[i] - 0x20 : name.data[i];
	if (tt_redis_subcommand_known(name))
		tt_message_text_add(r->message, TT_TEXT_OPERATION, tt_span(upper, name.len + 1));
	else
		tt_message_attr(r->message, "telltale.operation.original", name);

	r->ack = kind_of(r) == TT_REDIS_REPLCONF && tt_span_ieq(name, TT_SPAN_LIT("ack"));
	r->client_reply = kind_of(r) == TT_REDIS_CLIENT && tt_span_ieq(name, TT_SPAN_LIT("reply"));
}

static void take_client_reply(struct tt_redis_request *r, struct tt_span mode)
{
	r->client_reply = true;
	if (tt_span_ieq(mode, TT_SPAN_LIT("off")))
		r->asked = TT_REDIS_OFF;
	else if (tt_span_ieq(mode, TT_SPAN_LIT("skip")))
		r->asked = TT_REDIS_SKIP;
	else if (tt_span_ieq(mode, TT_SPAN_LIT("on")))
		r->asked = TT_REDIS_LOUD;
	else
		r->client_reply = false;
}

/* The argument's bytes: whole, or its beginning where it is longer than wanted. */
static void take_argument(struct tt_redis_request *r, struct tt_span s, bool whole)
{
	uint64_t arg = r->arg++;
	uint32_t kind = kind_of(r);
	unsigned key = key_rule(r);
	int64_t n;

	if (arg == 0) {
		take_name(r, s);
	} else if (r->key_at && arg == r->key_at) {
		tt_message_text(r->message, TT_TEXT_RESOURCE, s);
		if (!whole && r->message)
			r->message->cut = true;
	} else if (!whole) {
		return; /* words that are so long mean nothing to us */
	} else if (arg == 1 && tt_redis_kind_is_container(kind)) {
		take_subcommand(r, s);
	} else if (arg == 2 && r->client_reply) {
		take_client_reply(r, s);
	} else if (arg == 1 && kind == TT_REDIS_SELECT) {
		r->db = tt_resp_number(s, &n) && n >= 0 && n < INT32_MAX ? (uint32_t)n + 1 : 0;
	} else if ((arg == 1 && key == TT_REDIS_KEY_COUNTED_2) || (arg == 2 && key == TT_REDIS_KEY_COUNTED_3)) {
		r->key_at = tt_resp_number(s, &n) && n > 0 ? arg + 1 : 0;
	} else if (!r->key_at && key == TT_REDIS_KEY_STREAMS && tt_span_ieq(s, TT_SPAN_LIT("streams"))) {
		r->key_at = arg + 1;
	}
}

/* Whether the server stays silent on this command, by what CLIENT REPLY said before and in it. */
static bool is_silent(struct tt_redis *s, const struct tt_redis_request *r)
{
	uint32_t kind = kind_of(r);
	bool silent = s->silence != TT_REDIS_LOUD;

	if (s->silence == TT_REDIS_SKIP)
		s->silence = TT_REDIS_LOUD;
	if (kind == TT_REDIS_RESET) {
		s->silence = TT_REDIS_LOUD;
		return false;
	}
	if (r->client_reply && r->args == 3) {
		if (r->asked == TT_REDIS_LOUD) {
			s->silence = TT_REDIS_LOUD;
			return false;
		}
		if (s->silence != TT_REDIS_OFF)
			s->silence = r->asked;
		return true;
	}
	/* Confirmations are pushed, which CLIENT REPLY does not hold back. */
	return silent && !tt_redis_kind_is_subscription(kind);
}

/* The command is complete; its last byte is the one before position `end`. */
static enum tt_step end_request(struct tt_link *link, struct tt_redis *s, struct tt_input *in, uint64_t end)
{
	struct tt_redis_request r = s->request;
	uint32_t kind = kind_of(&r);

	s->request = (struct tt_redis_request){0};
	if (r.ack) {
		/* Only a replica says this: the commands on this connection come from the server. */
		tt_message_drop(link, r.message);
		return TT_DONE;
	}

	bool silent = is_silent(s, &r);
	s->doubtful &= silent;
	if (silent)
		s->silent_select |= kind == TT_REDIS_SELECT;
	if (r.message) {
		r.message->kind = kind | (s->silent_select ? TT_REDIS_DB_LOST : 0);
		r.message->tag = (void *)(uintptr_t)(kind == TT_REDIS_SELECT ? r.db : r.args - 1);
		tt_message_attr(r.message, "db.system.name", db_system);
		tt_message_attr_text(r.message, "db.operation.name", TT_TEXT_OPERATION);
	}
	if (silent)
		tt_redis_silent(link, s, r.message, r.client_reply && r.args == 3 && r.asked != TT_REDIS_LOUD);
	else if (r.message)
		s->loud_turn = r.message->turn;
	if (!silent && r.message)
		s->silent_select = false;
	tt_message_end(link, r.message, in, end);
	s->handover = !silent && (kind == TT_REDIS_MONITOR || kind == TT_REDIS_SYNC);
	/* The next answer may be to this one. */
	return s->doubtful ? TT_LOST_SYNC : TT_PARSED;
}

/* One argument of an array. *ret_end is the position after it. */
static enum tt_step read_argument(struct tt_link *link, struct tt_redis *s, struct tt_input *in, uint64_t *ret_end)
{
	struct tt_redis_request *r = &s->request;
	struct tt_cursor at = in->c;
	uint64_t n;

	enum tt_resp_read read = tt_resp_read_count(&at, '$', &n);
	if (read != TT_RESP_OK)
		return read == TT_RESP_MORE ? TT_MORE : TT_LOST_SYNC;

	size_t want = wanted(r);
	bool whole = n <= want;
	if (r->arg == 0 && (n == 0 || !whole))
		return TT_LOST_SYNC;
	if (want && tt_cursor_left(&at) < (whole ? n : want))
		return TT_MORE;

	struct tt_span value = tt_cursor_take(&at, want ? TT_MIN(n, (uint64_t)want) : 0);
	in->c = at;
	take_argument(r, value, whole);
	return tt_redis_pass(link, TT_REQUESTS, in, n - value.len, ret_end) ? TT_PARSED : TT_LOST_SYNC;
}

static enum tt_step read_array(struct tt_link *link, struct tt_redis *s, struct tt_input *in)
{
	size_t start = in->c.pos;
	uint64_t args;

	enum tt_resp_read read = tt_resp_read_count(&in->c, '*', &args);
	if (read != TT_RESP_OK)
		return read == TT_RESP_MORE ? TT_MORE : TT_LOST_SYNC;
	if (args == 0)
		return TT_PARSED; /* the server passes over it */
	s->request = (struct tt_redis_request){.open = true, .args = args, .message = tt_request_begin(link, in, start)};
	return TT_PARSED;
}

static void take_inline_argument(void *ctx, struct tt_span argument)
{
	struct tt_redis_request *r = ctx;
	size_t want = wanted(r);

	r->args++;
	take_argument(r, tt_span_sub(argument, 0, want), argument.len <= want);
}

/* A word that may be an inline command: any, as long as nothing was missed and this cannot be the middle of something else. */
static bool is_inline_command(const struct tt_redis *s, struct tt_span line)
{
	struct tt_span word = tt_span_trim(line);
	size_t len = 0;

	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] < 0x20 && line.data[i] != '\t')
			return false;
	}
	while (len < word.len && word.data[len] != ' ' && word.data[len] != '\t')
		len++;
	word = tt_span_sub(word, 0, len);
	if (word.len == 0 || word.len > TT_REDIS_NAME_BYTES)
		return false;
	return tt_redis_command_find(word) ||
	       (!s->holes && (tt_ascii_lower(word.data[0]) >= 'a' && tt_ascii_lower(word.data[0]) <= 'z'));
}

static enum tt_step read_inline(struct tt_link *link, struct tt_redis *s, struct tt_input *in)
{
	size_t start = in->c.pos;
	struct tt_cursor at = in->c;

	struct tt_span line = tt_cursor_line(&at);
	if (tt_cursor_short(&at))
		return tt_cursor_left(&at) >= TT_RESP_LINE_MAX ? TT_LOST_SYNC : TT_MORE;
	if (tt_span_trim(line).len == 0) {
		in->c = at;
		return TT_PARSED; /* the server passes over empty lines */
	}
	if (line.len > TT_RESP_LINE_MAX || !is_inline_command(s, line) || !tt_redis_inline_split(line, NULL, NULL))
		return TT_LOST_SYNC;

	in->c = at;
	s->request = (struct tt_redis_request){.open = true, .message = tt_request_begin(link, in, start)};
	tt_redis_inline_split(line, take_inline_argument, &s->request);
	return end_request(link, s, in, in->c.pos);
}

enum tt_step tt_redis_parse_request(struct tt_link *link, struct tt_redis *s, struct tt_input *in)
{
	struct tt_redis_request *r = &s->request;

	if (s->handover)
		return TT_WAIT;
	if (!r->open) {
		if (tt_cursor_left(&in->c) == 0)
			return TT_MORE;
		if (in->c.data[in->c.pos] != '*')
			return read_inline(link, s, in);
		enum tt_step step = read_array(link, s, in);
		if (step != TT_PARSED || !r->open)
			return step;
	}

	for (;;) {
		uint64_t end;
		enum tt_step step = read_argument(link, s, in, &end);
		if (step != TT_PARSED)
			return step;
		if (r->arg == r->args)
			return end_request(link, s, in, end);
		if (end != in->c.pos)
			return TT_PARSED; /* the rest of the argument is skipped first */
	}
}
