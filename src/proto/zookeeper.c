// SPDX-License-Identifier: Apache-2.0
/*
 * ZooKeeper's client protocol: records of Jute behind a length, paired by xid (zookeeper-jute/src/main/resources/zookeeper.jute;
 * the client side is ClientCnxn, the server's FinalRequestProcessor and ServerCnxn). The connect request has no xid; pings,
 * authentications and watches set again share one each. What a watch tells is the server's own, and nobody answers it.
 */
#include "base/own.h"
#include "proto/pass.h"
#include "proto/proto.h"
#include "proto/zookeeper_ops.h"
#include "proto/zookeeper_word.h"

#define LENGTH_MAX (64u << 20) /* jute.maxbuffer is 1 MiB by default */
#define LOOK 4096	       /* of a request so much is read, for its path */
#define LOOK_MULTI 32768       /* of a multi and its results */
#define CONNECT_ID (1ull << 32)
#define WORD_ID (2ull << 32)

enum special_xid {
	XID_EVENT = -1,
	XID_PING = -2,
	XID_AUTH = -4,
	XID_SET_WATCHES = -8,
};

enum what {
	WHAT_NOTHING, /* these bytes make no sense */
	WHAT_MORE,
	WHAT_CONNECT,
	WHAT_MESSAGE,
};

struct zookeeper_state {
	bool word; /* a word of four letters was said: the answer is text up to the end */
};

/* What one message says. */
struct zookeeper_message {
	uint32_t length; /* behind the length's own bytes */
	int32_t xid;
	const struct zookeeper_op *op; /* requests */
	int64_t zxid;		       /* responses */
	int32_t error;
	struct tt_cursor body; /* as much as is there of it */
};

static const char db_system[] = "db.system.name";
static const char db_operation[] = "db.operation.name";

/* --- what bytes are -----------------------------------------------------------------------------------------------------------
 */

/* Protocol version 0, password of 16 bytes (C and Java clients) at a known place, and perhaps a byte for read-only. */
static bool is_connect(struct tt_cursor body, uint32_t length, size_t head)
{
	if (length != head + 20 && length != head + 21)
		return false;
	uint32_t version = tt_cursor_be32(&body);
	tt_cursor_skip(&body, head - 4);
	uint32_t password = tt_cursor_be32(&body);
	return !tt_cursor_short(&body) && version == 0 && password == 16;
}

static bool is_xid_of(int32_t xid, int32_t type)
{
	switch (xid) {
	case XID_PING:
		return type == ZOOKEEPER_PING;
	case XID_AUTH:
		return type == ZOOKEEPER_AUTH;
	case XID_SET_WATCHES:
		return type == ZOOKEEPER_SET_WATCHES || type == ZOOKEEPER_SET_WATCHES2;
	default:
		return xid >= 0 && type != ZOOKEEPER_PING;
	}
}

/* The message's length and as much of its body as there is; false with fewer than the length's bytes. */
static bool begin(struct tt_span bytes, struct zookeeper_message *ret)
{
	struct tt_cursor c = tt_cursor(bytes);

	*ret = (struct zookeeper_message){.length = tt_cursor_be32(&c)};
	ret->body = tt_cursor(tt_span_sub(tt_cursor_rest(&c), 0, ret->length));
	return !tt_cursor_short(&c);
}

static enum what read_request(struct tt_span bytes, struct zookeeper_message *ret)
{
	if (!begin(bytes, ret))
		return WHAT_MORE;
	if (ret->length < 8 || ret->length > LENGTH_MAX)
		return WHAT_NOTHING;
	if (ret->length == 44 || ret->length == 45) {
		if (ret->body.len < 28)
			return WHAT_MORE;
		if (is_connect(ret->body, ret->length, 24))
			return WHAT_CONNECT;
	}
	ret->xid = (int32_t)tt_cursor_be32(&ret->body);
	int32_t type = (int32_t)tt_cursor_be32(&ret->body);
	if (tt_cursor_short(&ret->body))
		return WHAT_MORE;
	ret->op = zookeeper_op_find(type);
	return ret->op && is_xid_of(ret->xid, type) ? WHAT_MESSAGE : WHAT_NOTHING;
}

static enum what read_response(struct tt_span bytes, struct zookeeper_message *ret)
{
	if (!begin(bytes, ret))
		return WHAT_MORE;
	if (ret->length < 16 || ret->length > LENGTH_MAX)
		return WHAT_NOTHING;
	if (ret->length == 36 || ret->length == 37) {
		if (ret->body.len < 20)
			return WHAT_MORE;
		if (is_connect(ret->body, ret->length, 16))
			return WHAT_CONNECT;
	}
	ret->xid = (int32_t)tt_cursor_be32(&ret->body);
	ret->zxid = (int64_t)tt_cursor_be64(&ret->body);
	ret->error = (int32_t)tt_cursor_be32(&ret->body);
	if (tt_cursor_short(&ret->body))
		return WHAT_MORE;
	bool error = ret->error == 0 || zookeeper_error_name(ret->error);
	return error && ret->zxid >= -1 ? WHAT_MESSAGE : WHAT_NOTHING;
}

static bool is_multi(int32_t type)
{
	return type == ZOOKEEPER_MULTI || type == ZOOKEEPER_MULTI_READ;
}

/* Goes through the body of a request. */
static enum zookeeper_read read_body(const struct zookeeper_message *m, struct tt_span *ret_path, uint64_t *ret_count)
{
	struct tt_cursor c = m->body;

	*ret_path = tt_span(NULL, 0);
	*ret_count = 0;
	enum zookeeper_read read = is_multi(m->op->type) ? zookeeper_read_multi(&c, ret_path, ret_count)
							 : zookeeper_read(&c, m->op->layout, ret_path);
	if (read == ZOOKEEPER_CUT)
		return m->body.len == m->length ? ZOOKEEPER_WRONG : ZOOKEEPER_CUT;
	if (read == ZOOKEEPER_FITS && c.pos != m->length)
		return ZOOKEEPER_WRONG;
	return read;
}

/* --- requests -----------------------------------------------------------------------------------------------------------------
 */

static void describe(struct tt_message *m, struct tt_span operation)
{
	tt_message_text(m, TT_TEXT_OPERATION, operation);
	tt_message_attr(m, db_system, TT_SPAN_LIT("zookeeper"));
	tt_message_attr_text(m, db_operation, TT_TEXT_OPERATION);
}

static enum tt_step take_word(struct tt_link *link, struct zookeeper_state *st, struct tt_input *in)
{
	struct tt_message *m = tt_request_begin(link, in, 0);

	if (m)
		m->id = WORD_ID;
	describe(m, tt_cursor_take(&in->c, ZOOKEEPER_WORD_BYTES));
	tt_message_end(link, m, in, in->c.pos);
	tt_skip_to_eof(link, TT_REQUESTS);
	st->word = true;
	return TT_PARSED;
}

/* Ends it and passes over what is not read. */
static enum tt_step end(struct tt_link *link, enum tt_side side, struct tt_input *in, struct tt_message *m, uint32_t length)
{
	uint64_t whole = 4 + (uint64_t)length;

	tt_message_end(link, m, in, in->c.pos + whole);
	tt_pass(link, side, in, whole);
	return TT_PARSED;
}

static enum tt_step take_request(struct tt_link *link, struct tt_input *in, const struct zookeeper_message *said)
{
	struct tt_span path;
	uint64_t count;

	enum zookeeper_read read = read_body(said, &path, &count);
	if (read == ZOOKEEPER_WRONG)
		return TT_LOST_SYNC;
	struct tt_message *m = tt_request_begin(link, in, in->c.pos);
	if (m) {
		m->id = (uint32_t)said->xid;
		m->kind = (uint32_t)said->op->type;
	}
	describe(m, tt_span_str(said->op->name));
	if (path.data)
		tt_message_text(m, TT_TEXT_RESOURCE, path);
	if (read == ZOOKEEPER_FITS && is_multi(said->op->type))
		if (count != 1) /* one operation is no batch */
			tt_message_attr_int(m, "db.operation.batch.size", (int64_t)count);
	return end(link, TT_REQUESTS, in, m, said->length);
}

static enum tt_step parse_request(struct tt_link *link, struct zookeeper_state *st, struct tt_input *in)
{
	struct zookeeper_message said;

	if (in->offset == 0 && in->c.pos == 0 && tt_link_from_start(link) && zookeeper_word_alone(tt_cursor_rest(&in->c)))
		return take_word(link, st, in);
	switch (read_request(tt_cursor_rest(&in->c), &said)) {
	case WHAT_NOTHING:
		return TT_LOST_SYNC;
	case WHAT_MORE:
		return TT_MORE;
	case WHAT_CONNECT: {
		struct tt_message *m = tt_request_begin(link, in, in->c.pos);
		if (m)
			m->id = CONNECT_ID;
		describe(m, TT_SPAN_LIT("connect"));
		return end(link, TT_REQUESTS, in, m, said.length);
	}
	case WHAT_MESSAGE:
		break;
	}
	uint32_t wanted = is_multi(said.op->type) ? LOOK_MULTI : LOOK;
	if (said.body.len < TT_MIN(said.length, wanted))
		return TT_MORE;
	return take_request(link, in, &said);
}

/* --- responses ----------------------------------------------------------------------------------------------------------------
 */

static void fail(struct tt_message *m, int32_t error)
{
	const char *name = zookeeper_error_name(error);

	tt_message_text(m, TT_TEXT_STATUS, tt_span_str(name ? name : "UNKNOWN"));
	tt_message_fail(m, tt_span_str(name ? name : "UNKNOWN"));
}

static enum tt_step take_connected(struct tt_link *link, struct tt_input *in, const struct zookeeper_message *said)
{
	struct tt_cursor body = said->body;
	struct tt_message *m = tt_response_begin(link, in, in->c.pos);

	if (m)
		m->id = CONNECT_ID;
	tt_cursor_be32(&body);
	/* No time left and no session: the one that was asked for is over. */
	if (tt_cursor_be32(&body) == 0)
		fail(m, -112);
	else
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	return end(link, TT_RESPONSES, in, m, said->length);
}

/* What a watch tells. */
static enum tt_step take_event(struct tt_link *link, struct tt_input *in, const struct zookeeper_message *said)
{
	struct tt_cursor body = said->body;
	struct tt_span path = {0};
	const char *name = zookeeper_event_name((int32_t)tt_cursor_be32(&body));

	tt_cursor_be32(&body); /* the session's state */
	if (zookeeper_read(&body, "s", NULL) != ZOOKEEPER_FITS || !name || body.pos != said->length)
		return TT_LOST_SYNC;
	body.pos = 24;
	zookeeper_read(&body, "P", &path);

	struct tt_message *m = tt_server_request_begin(link, in, in->c.pos);
	if (m)
		m->one_way = true;
	describe(m, tt_span_str(name));
	if (path.data)
		tt_message_text(m, TT_TEXT_RESOURCE, path);
	return end(link, TT_RESPONSES, in, m, said->length);
}

static enum tt_step take_response(struct tt_link *link, struct tt_input *in, const struct zookeeper_message *said,
				  const struct tt_message *asked)
{
	int32_t type = asked ? (int32_t)asked->kind : 0;
	int32_t error = said->error;
	bool known = asked;

	if (is_multi(type) && !error) {
		struct tt_cursor body = said->body;
		enum zookeeper_read read = zookeeper_read_results(&body, &error);
		/* A read that finds nothing is answered for itself. */
		known = read == ZOOKEEPER_FITS || error;
	}
	struct tt_message *m = tt_response_begin(link, in, in->c.pos);
	if (m) {
		m->id = (uint32_t)said->xid;
		m->incomplete = asked && !known;
	}
	if (error == -101 && type == ZOOKEEPER_EXISTS)
		tt_message_text(m, TT_TEXT_STATUS, tt_span_str(zookeeper_error_name(error))); /* that is the answer */
	else if (error)
		fail(m, error);
	else if (known)
		tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	return end(link, TT_RESPONSES, in, m, said->length);
}

static enum tt_step take_words_answer(struct tt_link *link, struct tt_input *in)
{
	struct tt_message *m = tt_response_begin(link, in, in->c.pos);

	if (m)
		m->id = WORD_ID;
	tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	tt_message_end_at_eof(link, m);
	tt_skip_to_eof(link, TT_RESPONSES);
	return TT_PARSED;
}

static enum tt_step parse_response(struct tt_link *link, struct zookeeper_state *st, struct tt_input *in)
{
	struct zookeeper_message said;
	const struct tt_message *asked;

	if (st->word)
		return take_words_answer(link, in);
	switch (read_response(tt_cursor_rest(&in->c), &said)) {
	case WHAT_NOTHING:
		return TT_LOST_SYNC;
	case WHAT_MORE:
		return TT_MORE;
	case WHAT_CONNECT:
		return take_connected(link, in, &said);
	case WHAT_MESSAGE:
		break;
	}
	if (said.xid == XID_EVENT)
		return said.body.len < TT_MIN(said.length, (uint32_t)LOOK) ? TT_MORE : take_event(link, in, &said);
	if (tt_awaited_by_id(link, (uint32_t)said.xid, &asked) == TT_NOT_YET)
		return TT_WAIT;
	if (asked && is_multi((int32_t)asked->kind) && said.body.len < TT_MIN(said.length, (uint32_t)LOOK_MULTI))
		return TT_MORE;
	return take_response(link, in, &said, asked);
}

static enum tt_step zookeeper_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct zookeeper_state *st = tt_link_state(link);

	return side == TT_REQUESTS ? parse_request(link, st, in) : parse_response(link, st, in);
}

/* --- telling it by its bytes --------------------------------------------------------------------------------------------------
 */

static enum tt_verdict judge_request(struct tt_span bytes, bool from_start)
{
	struct zookeeper_message said;
	struct tt_span path;
	uint64_t count;

	switch (read_request(bytes, &said)) {
	case WHAT_NOTHING:
		return TT_NO;
	case WHAT_MORE:
		return bytes.len && bytes.data[0] > LENGTH_MAX >> 24 && !(from_start && bytes.len < ZOOKEEPER_WORD_BYTES)
			       ? TT_NO
			       : TT_MAYBE;
	case WHAT_CONNECT:
		return TT_YES;
	case WHAT_MESSAGE:
		break;
	}
	/* A connection begins with the connect request. */
	if (from_start)
		return TT_NO;
	switch (read_body(&said, &path, &count)) {
	case ZOOKEEPER_WRONG:
		return TT_NO;
	case ZOOKEEPER_CUT:
		return path.data ? TT_YES : TT_MAYBE;
	default:
		/* An empty request is no evidence but for its xid. */
		return path.data || said.xid < 0 ? TT_YES : TT_MAYBE;
	}
}

static enum tt_verdict zookeeper_detect(const struct tt_first *first)
{
	struct tt_span requests = first->side[TT_REQUESTS], responses = first->side[TT_RESPONSES];
	struct zookeeper_message said;

	if (!requests.len)
		return responses.len && read_response(responses, &said) == WHAT_NOTHING ? TT_NO : TT_MAYBE;
	if (first->from_start[TT_REQUESTS] && zookeeper_word_alone(requests))
		return zookeeper_word_judge(first);
	enum tt_verdict verdict = judge_request(requests, first->from_start[TT_REQUESTS]);
	if (verdict == TT_YES && responses.len && first->from_start[TT_REQUESTS] && first->from_start[TT_RESPONSES] &&
	    read_response(responses, &said) != WHAT_CONNECT && responses.len >= 24)
		return TT_NO;
	return verdict == TT_MAYBE && first->ended[TT_REQUESTS] ? TT_NO : verdict;
}

static ssize_t zookeeper_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes)
{
	struct zookeeper_message said;

	if (side == TT_REQUESTS)
		return judge_request(bytes, false) == TT_YES ? 0 : -1;
	enum what what = read_response(bytes, &said);
	if (what == WHAT_CONNECT)
		return tt_message_by_id(link, TT_REQUESTS, CONNECT_ID) ? 0 : -1;
	return what == WHAT_MESSAGE && said.zxid >= 0 && tt_message_by_id(link, TT_REQUESTS, (uint32_t)said.xid) ? 0 : -1;
}

static const struct tt_proto_doc zookeeper_doc = {
	.title = "Apache ZooKeeper",
	.specification = "the client protocol's records: "
			 "https://github.com/apache/zookeeper/blob/master/zookeeper-jute/src/main/resources/zookeeper.jute",
	.recognised = "the connect request and its response, or a command of four letters, alone and answered as ZooKeeper does; "
		      "in mid-connection a request whose "
		      "xid, type and whole "
		      "layout fit, with a path",
	.operation = "the request's name: `getData`, `create`, `multi`, `connect`, `ping`; the event's name for what a watch "
		     "tells; a command of "
		     "four letters",
	.resource = "the path; of a multi the first one",
	.status = "`OK` or the error's name (`NONODE`, a failure but for `exists`); of a multi the error of the part that failed",
	.limits = "of a multi 32 KiB are read; what servers say among each other is not this protocol",
	.verified = "ZooKeeper 3.8 with its Java client and kazoo; the server's own count of packets",
};

const struct tt_proto tt_proto_zookeeper = {
	.name = "zookeeper",
	.doc = &zookeeper_doc,
	.pairing = TT_PAIR_BY_ID,
	.stream = true,
	.state_size = sizeof(struct zookeeper_state),
	.detect = zookeeper_detect,
	.parse = zookeeper_parse,
	.resync = zookeeper_resync,
};
