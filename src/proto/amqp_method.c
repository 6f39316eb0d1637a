// SPDX-License-Identifier: Apache-2.0
/* What methods mean: who asks, who answers, and which acknowledgement belongs to which message. */
#include "proto/amqp.h"

#include "base/digits.h"
#include "base/own.h"
#include "shared/limits.h"

#define MULTIPLE 1u
#define NO_ACK 2u

/* Synchronous methods: by channel, class and method. Messages: by channel and delivery tag. */
static uint64_t id_of_method(uint16_t channel, uint16_t class, uint16_t method)
{
	return 1ull << 63 | (uint64_t)channel << 32 | (uint64_t)class << 16 | method;
}

static uint64_t id_of_tag(uint16_t channel, uint64_t tag)
{
	return (uint64_t)channel << 44 | (tag & ((1ull << 44) - 1));
}

static struct tt_message *begin(const struct tt_amqp_frame *f, bool asks)
{
	return tt_begin(f->link, f->side, asks, f->in, f->start);
}

static void end(const struct tt_amqp_frame *f, struct tt_message *m)
{
	if (m)
		m->own_bytes = f->end - f->start;
	tt_message_end(f->link, m, f->in, f->end);
}

static void describe(struct tt_message *m, const struct tt_amqp_method *method)
{
	tt_message_text(m, TT_TEXT_OPERATION, tt_span_str(method->name));
	tt_message_attr(m, "messaging.system", TT_SPAN_LIT("rabbitmq"));
	tt_message_attr_text(m, "messaging.operation.name", TT_TEXT_OPERATION);
}

static void set_destination(struct tt_message *m, const struct tt_amqp_arguments *a)
{
	if (a->queue.len) {
		tt_message_text(m, TT_TEXT_RESOURCE, a->queue);
	} else if (a->exchange.len) {
		tt_message_text(m, TT_TEXT_RESOURCE, a->exchange);
		if (a->routing_key.len) {
			tt_message_text_add(m, TT_TEXT_RESOURCE, TT_SPAN_LIT(":"));
			tt_message_text_add(m, TT_TEXT_RESOURCE, a->routing_key);
		}
	} else if (a->routing_key.len) {
		tt_message_text(m, TT_TEXT_RESOURCE, a->routing_key);
	} else {
		return;
	}
	tt_message_attr_text(m, "messaging.destination.name", TT_TEXT_RESOURCE);
	if (a->routing_key.len)
		tt_message_attr(m, "messaging.rabbitmq.destination.routing_key", a->routing_key);
}

static void fail(struct tt_message *m, const struct tt_amqp_arguments *a)
{
	const char *name = tt_amqp_reply(a->code);
	uint8_t digits[TT_DIGITS_MAX];

	tt_message_status_int(m, a->code);
	tt_message_fail(m, name ? tt_span_str(name) : tt_digits(a->code, digits));
	if (a->text.len)
		tt_message_text(m, TT_TEXT_ERROR, a->text);
}

/* --- synchronous methods ---------------------------------------------------------------------------------------------------- */

static void follow_request(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_amqp_channel *ch = tt_amqp_channel(f->link, f->s, f->channel);

	f->s->logging_in |= method->class == 10 && method->method == 11;
	f->s->asked_on = f->channel;
	f->s->asked_class = method->class;
	f->s->asked_method = method->method;
	if (!ch)
		return;
	if (method->class == 20 && method->method == 10) {
		/* A channel from its beginning: nothing was consumed or published before. */
		ch->confirms = false;
		ch->published = ch->confirmed = ch->delivered = ch->settled = 0;
	} else if (method->class == 85 && !ch->confirms) {
		ch->confirms = true;
		ch->published = ch->confirmed = 0;
	} else if (method->class == 60 && method->method == 20) {
		bool no_ack = a->bits & NO_ACK;
		ch->only_no_ack = no_ack && !ch->any_ack;
		ch->any_ack |= !no_ack;
	}
}

static void take_request(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_message *m = begin(f, true);

	describe(m, method);
	set_destination(m, a);
	if (a->host.len)
		tt_message_text(m, TT_TEXT_RESOURCE, a->host);
	if (f->side == TT_REQUESTS)
		follow_request(f, method, a);
	if (m) {
		m->id = id_of_method(f->channel, method->class, method->method);
		/* A broker that ends a subscription waits for no answer. */
		m->one_way = (a->bits & method->no_wait) || (f->side == TT_RESPONSES && method->class == 60);
	}
	end(f, m);
}

static void take_answer(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_message *m = begin(f, false);

	if (method->class == 10 && method->method == 30)
		f->s->logging_in = false;
	if (method->class == 20 && method->method == 41)
		tt_amqp_channel_forget(f->link, f->s, f->channel);
	tt_message_text(m, TT_TEXT_STATUS, method->method == 72 ? TT_SPAN_LIT("empty") : TT_SPAN_LIT("OK"));
	if (a->queue.len)
		tt_message_text(m, TT_TEXT_RESOURCE, a->queue); /* the broker chose the name */
	if (m)
		m->id = id_of_method(f->channel, method->class, method->answer);
	end(f, m);
}

/* What asks for an answer on that channel by that method, if anything does. */
static bool is_answered(uint16_t class, uint16_t method)
{
	const struct tt_amqp_method *m = tt_amqp_method_find(class, method, TT_REQUESTS);

	return m && m->what == TT_AMQP_ASKS;
}

/* A broker closes because of what was asked: that is its answer. Because of anything else: it speaks for itself. */
static void take_close(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	bool failed = f->side == TT_RESPONSES && a->code != 200;
	uint16_t channel = f->channel;
	uint16_t class = a->failed_class, about = a->failed_method;

	if (f->side == TT_RESPONSES && method->class == 10 && f->s->logging_in) {
		class = 10;
		about = 11;
		f->s->logging_in = false;
	}
	/* One that closes the connection does not say on which channel it was. */
	bool latest = f->s->asked_class == class && f->s->asked_method == about;
	if (method->class == 10 && latest)
		channel = f->s->asked_on;
	bool answers = failed && is_answered(class, about) && (method->class == 20 || class == 10 || latest);
	struct tt_message *m = begin(f, !answers);
	if (answers) {
		fail(m, a);
		if (m)
			m->id = id_of_method(channel, class, about);
		end(f, m);
		return;
	}
	describe(m, method);
	if (failed) {
		fail(m, a);
		tt_message_attr_int(m, "amqp.reply_code", a->code);
	}
	if (m) {
		m->id = id_of_method(f->channel, method->class, method->method);
		m->one_way = failed;
	}
	end(f, m);
}

static void take_saying(struct tt_amqp_frame *f, const struct tt_amqp_method *method)
{
	struct tt_message *m = begin(f, true);

	describe(m, method);
	if (m)
		m->one_way = true;
	end(f, m);
}

/* --- messages --------------------------------------------------------------------------------------------------------------- */

static void take_publish(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_amqp_channel *ch = tt_amqp_channel(f->link, f->s, f->channel);
	struct tt_message *m = begin(f, true);

	describe(m, method);
	set_destination(m, a);
	bool confirmed = ch && ch->confirms;
	if (confirmed)
		ch->published++;
	if (m) {
		/* Without confirmations, or where they came before: nothing will answer it. */
		m->one_way = !confirmed || ch->published <= ch->confirmed;
		m->id = confirmed ? id_of_tag(f->channel, ch->published) : 0;
	}
	tt_amqp_content_begin(f, ch, m);
}

static void take_delivery(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_amqp_channel *ch = tt_amqp_channel(f->link, f->s, f->channel);
	struct tt_message *m = begin(f, true);

	describe(m, method);
	set_destination(m, a);
	if (a->bits & 1)
		tt_message_attr_bool(m, "amqp.redelivered", true);
	if (ch)
		ch->delivered = TT_MAX(ch->delivered, a->tag);
	if (m) {
		m->one_way = ch && ((ch->only_no_ack && !ch->any_ack) || a->tag <= ch->settled);
		m->maybe_silent = true;
		m->id = id_of_tag(f->channel, a->tag);
	}
	tt_amqp_content_begin(f, ch, m);
}

static void take_returned(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_message *m = begin(f, true);

	describe(m, method);
	set_destination(m, a);
	fail(m, a);
	tt_message_attr_int(m, "amqp.reply_code", a->code);
	if (m)
		m->one_way = true;
	tt_amqp_content_begin(f, tt_amqp_channel(f->link, f->s, f->channel), m);
}

static void take_get_ok(struct tt_amqp_frame *f, const struct tt_amqp_method *method)
{
	struct tt_message *m = begin(f, false);

	tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	if (m)
		m->id = id_of_method(f->channel, method->class, method->answer);
	tt_amqp_content_begin(f, tt_amqp_channel(f->link, f->s, f->channel), m);
}

static void acknowledge(struct tt_amqp_frame *f, const struct tt_amqp_method *method, uint64_t tag, bool doubt)
{
	struct tt_message *m = begin(f, false);
	struct tt_span name = tt_span_str(method->name + strlen("basic."));

	tt_message_text(m, TT_TEXT_STATUS, name);
	if (method->method != 80)
		tt_message_fail(m, name);
	if (m) {
		m->id = id_of_tag(f->channel, tag);
		m->incomplete = doubt;
	}
	end(f, m);
}

static bool is_open(const struct tt_amqp_frame *f, uint64_t tag)
{
	uint64_t id = id_of_tag(f->channel, tag);
	return f->side == TT_RESPONSES ? tt_message_by_id(f->link, TT_REQUESTS, id) != NULL
				       : tt_server_request_by_id(f->link, id) != NULL;
}

/* One message, or all up to it that are open; tag 0 means all there are. Each is looked at once. Of one from before
 * a hole the answer of its own may have been missed. */
static void take_ack(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_amqp_channel *ch = tt_amqp_channel(f->link, f->s, f->channel);
	bool multiple = method->method != 90 && a->bits & MULTIPLE;

	if (!multiple || !ch) {
		acknowledge(f, method, a->tag, false);
		return;
	}
	uint64_t *settled = f->side == TT_RESPONSES ? &ch->confirmed : &ch->settled;
	uint64_t known = f->side == TT_RESPONSES ? ch->published : ch->delivered;
	uint64_t last = a->tag ? a->tag : known;
	/* Older ones than can be waited for are not there. */
	uint64_t most = tt_link_limit(f->link, TT_LIMIT_PENDING_REQUESTS);
	uint64_t upto = TT_MIN(last, known);
	for (uint64_t tag = TT_MAX(*settled, upto > most ? upto - most : 0) + 1; tag <= upto; tag++) {
		if (is_open(f, tag))
			acknowledge(f, method, tag, tag <= ch->doubtful[f->side]);
	}
	*settled = TT_MAX(*settled, last);
}

bool tt_amqp_take_method(struct tt_amqp_frame *f)
{
	struct tt_cursor c = tt_cursor(f->payload);
	struct tt_amqp_arguments a;

	uint16_t class = tt_cursor_be16(&c);
	uint16_t number = tt_cursor_be16(&c);
	const struct tt_amqp_method *method = tt_amqp_method_find(class, number, f->side);
	if (tt_cursor_short(&c) || !method || (class == 10) != (f->channel == 0))
		return false;
	tt_amqp_arguments_read(method, &c, &a);
	if (!a.whole)
		return false;

	switch (method->what) {
	case TT_AMQP_ASKS:
		take_request(f, method, &a);
		break;
	case TT_AMQP_ANSWERS:
		take_answer(f, method, &a);
		break;
	case TT_AMQP_SAYS:
		take_saying(f, method);
		break;
	case TT_AMQP_PUBLISH:
		take_publish(f, method, &a);
		break;
	case TT_AMQP_DELIVER:
		take_delivery(f, method, &a);
		break;
	case TT_AMQP_RETURN:
		take_returned(f, method, &a);
		break;
	case TT_AMQP_GET_OK:
		take_get_ok(f, method);
		break;
	case TT_AMQP_ACK:
		take_ack(f, method, &a);
		break;
	case TT_AMQP_CLOSE:
		take_close(f, method, &a);
		break;
	default:
		break;
	}
	return true;
}
