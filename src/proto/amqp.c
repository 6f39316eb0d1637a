// SPDX-License-Identifier: Apache-2.0
/*
 * AMQP 0-9-1 (https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf) with RabbitMQ's extensions: confirms, nack, cancelling by
 * the broker.
 *
 * Channels share a connection: frames of several messages may be mixed, so each counts its own bytes. Synchronous methods are
 * answered in order on their channel; what is published is answered only where the broker confirms it, by its number on the
 * channel; what the broker delivers is answered by the consumer's acknowledgement, by its tag.
 */
#include "proto/amqp.h"

#include "base/own.h"
#include "proto/pass.h"
#include "shared/limits.h"

#define PROTOCOL_HEADER 8u

enum tt_amqp_read tt_amqp_frame_read(struct tt_cursor *c, bool partly, struct tt_amqp_frame *ret)
{
	struct tt_cursor at = *c;

	ret->type = tt_cursor_u8(&at);
	ret->channel = tt_cursor_be16(&at);
	ret->size = tt_cursor_be32(&at);
	if (tt_cursor_short(&at))
		return TT_AMQP_MORE;
	bool content = ret->type == TT_AMQP_HEADER || ret->type == TT_AMQP_BODY;
	bool fits = ret->type == TT_AMQP_METHOD	     ? ret->size >= 4
		    : ret->type == TT_AMQP_HEARTBEAT ? ret->size == 0 && ret->channel == 0
						     : content && ret->channel && (ret->type == TT_AMQP_BODY || ret->size >= 14);
	if (!fits || ret->size > TT_AMQP_FRAME_MAX)
		return TT_AMQP_BAD;

	size_t left = tt_cursor_left(&at);
	size_t wanted = ret->type == TT_AMQP_BODY ? 0 : TT_MIN(ret->size, TT_AMQP_READ_MAX);
	if (left < wanted && !partly)
		return TT_AMQP_MORE;
	if (left > ret->size && at.data[at.pos + ret->size] != TT_AMQP_FRAME_END)
		return TT_AMQP_BAD;
	ret->payload = tt_span_sub(tt_cursor_rest(&at), 0, wanted);
	*c = at;
	return TT_AMQP_OK;
}

/* --- content ---------------------------------------------------------------------------------------------------------------- */

static void end_content(const struct tt_amqp_frame *f, struct tt_amqp_content *k)
{
	struct tt_message *m = k->message;

	if (m)
		m->own_bytes = k->bytes;
	*k = (struct tt_amqp_content){.open = false};
	tt_message_end(f->link, m, f->in, f->end);
}

void tt_amqp_content_cut(const struct tt_amqp_frame *f, struct tt_amqp_channel *ch)
{
	struct tt_amqp_content *k = &ch->content[f->side];

	if (!k->open)
		return;
	if (k->message)
		k->message->incomplete = true;
	end_content(f, k);
}

void tt_amqp_content_begin(struct tt_amqp_frame *f, struct tt_amqp_channel *ch, struct tt_message *m)
{
	if (!ch) {
		/* What follows cannot be told from other channels' content. */
		if (m) {
			m->incomplete = true;
			m->own_bytes = f->end - f->start;
		}
		tt_message_end(f->link, m, f->in, f->end);
		return;
	}
	struct tt_amqp_content *k = &ch->content[f->side];
	tt_amqp_content_cut(f, ch); /* another method before its end */
	*k = (struct tt_amqp_content){.open = true, .message = m, .bytes = f->end - f->start};
}

/* A trace's parent stands among the first headers, as a long string. */
static struct tt_span find_traceparent(struct tt_span table)
{
	struct tt_span key = TT_SPAN_LIT("\x0btraceparentS\0\0\0\x37");
	const uint8_t *at = table.len ? memmem(table.data, table.len, key.data, key.len) : NULL;

	return at ? tt_span_sub(table, (size_t)(at - table.data) + key.len, 0x37) : tt_span(NULL, 0);
}

/* Properties, each there if its bit is set, the highest first. */
static void read_properties(struct tt_message *m, struct tt_cursor *c)
{
	static const struct {
		uint8_t bit;
		const char *attribute;
	} strings[] = {{10, "messaging.message.conversation_id"}, {9, NULL}, {8, NULL}, {7, "messaging.message.id"}};

	uint16_t flags = tt_cursor_be16(c);
	for (unsigned bit = 15; bit >= 14; bit--) {
		if (flags & 1u << bit)
			tt_cursor_take8(c);
	}
	if (flags & 1u << 13) {
		struct tt_span table = tt_cursor_take32(c);
		struct tt_span traceparent = find_traceparent(table);
		if (traceparent.len == 0x37)
			tt_message_attr(m, "traceparent", traceparent);
	}
	tt_cursor_skip(c, !!(flags & 1u << 12) + !!(flags & 1u << 11));
	for (size_t i = 0; i < TT_ARRAY_LEN(strings); i++) {
		struct tt_span s = flags & 1u << strings[i].bit ? tt_cursor_take8(c) : tt_span(NULL, 0);
		if (s.len && strings[i].attribute)
			tt_message_attr(m, strings[i].attribute, s);
	}
}

enum tt_step tt_amqp_take_content(struct tt_amqp_frame *f)
{
	struct tt_cursor c = tt_cursor(f->payload);
	struct tt_amqp_channel *ch = tt_amqp_channel(f->link, f->s, f->channel, f->side);
	struct tt_amqp_content *k = ch ? &ch->content[f->side] : NULL;

	if (f->type == TT_AMQP_HEADER && tt_cursor_be32(&c) != 60u << 16)
		return TT_LOST_SYNC;
	if (!k || !k->open)
		return TT_PARSED; /* its method was not seen */
	if ((f->type == TT_AMQP_HEADER) == k->header)
		return TT_LOST_SYNC;
	k->bytes += f->end - f->start;
	if (f->type == TT_AMQP_BODY) {
		if (f->size > k->left)
			return TT_LOST_SYNC;
		k->left -= f->size;
	} else {
		k->header = true;
		k->left = tt_cursor_be64(&c);
		if (k->left < 1ull << 62)
			tt_message_attr_int(k->message, "messaging.message.body.size", (int64_t)k->left);
		read_properties(k->message, &c);
	}
	if (!k->left)
		end_content(f, k);
	return TT_PARSED;
}

/* --- frames ----------------------------------------------------------------------------------------------------------------- */

/* "AMQP" and a version: what the client begins with, or the broker answers if it speaks another. */
static enum tt_step take_protocol_header(struct tt_input *in)
{
	struct tt_span s = tt_cursor_take(&in->c, PROTOCOL_HEADER);

	if (!s.data)
		return TT_MORE;
	return tt_span_starts(s, TT_SPAN_LIT("AMQP")) ? TT_PARSED : TT_LOST_SYNC;
}

static enum tt_step amqp_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct tt_amqp_frame f = {.link = link, .s = tt_link_state(link), .in = in, .side = side, .start = in->c.pos};
	struct tt_cursor at = in->c;

	if (tt_cursor_left(&in->c) && in->c.data[in->c.pos] == 'A')
		return take_protocol_header(in);
	enum tt_amqp_read read = tt_amqp_frame_read(&at, false, &f);
	if (read != TT_AMQP_OK)
		return read == TT_AMQP_MORE ? TT_MORE : TT_LOST_SYNC;
	f.end = (uint64_t)at.pos + f.size + 1;
	enum tt_step step = f.type == TT_AMQP_METHOD	  ? tt_amqp_take_method(&f)
			    : f.type == TT_AMQP_HEARTBEAT ? TT_PARSED
							  : tt_amqp_take_content(&f);
	if (step != TT_PARSED)
		return step;

	in->c.pos = at.pos;
	tt_pass_unseen(link, side, in, (uint64_t)f.size + 1, TT_WISH_FROM);
	return TT_PARSED;
}

/* Messages that were missed were counted by the broker. */
static void amqp_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct tt_amqp *s = tt_link_state(link);

	s->logging_in = false;
	tt_amqp_channels_gap(link, s, side);
}

static void amqp_free(void *state)
{
	tt_amqp_channels_free(state);
}

static const struct tt_proto_doc doc = {
	.title = "AMQP 0-9-1",
	.specification = "[AMQP 0-9-1](https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf), "
			 "[RabbitMQ's extensions](https://www.rabbitmq.com/docs/extensions)",
	.recognised = "the protocol header `AMQP` 0 0 9 1; in mid-connection frames that end where they must and hold a method "
		      "that this end says",
	.operation = "the method: `basic.publish`, `basic.deliver`, `queue.declare`, `connection.open`",
	.resource = "`exchange:routing key` (the one that is not empty where the other is), queue, exchange, virtual host",
	.status =
		"`OK`, `empty` (of basic.get), `ack`, `nack`, `reject`; of a failure the reply code as a number, `error_type` "
		"is its name. What a channel's close leaves without its answer or confirm failed with the close's code, or with "
		"`channel_closed` where the client closed it",
	.limits = "Frames up to 16 MiB. Channels beyond the limit `statements` are not told apart. What is published where "
		  "confirms were switched "
		  "on before telltale, or after a hole, is one-way",
	.verified = "RabbitMQ with pika, amqp-tools and hand-written bytes; methods and codes against tshark",
};

const struct tt_proto tt_proto_amqp = {
	.name = "amqp",
	.doc = &doc,
	.pairing = TT_PAIR_BY_ID,
	.ids = TT_IDS_IN_TURN,
	.stream = true,
	.state_size = sizeof(struct tt_amqp),
	.state_free = amqp_free,
	.detect = tt_amqp_detect,
	.parse = amqp_parse,
	.gap = amqp_gap,
	.resync = tt_amqp_resync,
};
