// SPDX-License-Identifier: Apache-2.0
/* What methods mean: who asks, who answers, and which acknowledgement belongs to which message. */
#include "proto/amqp.h"

#include "base/digits.h"
#include "base/own.h"
#include "shared/limits.h"

#define MULTIPLE 1u
#define NO_ACK 2u

/* What opens and closes a channel is answered in turn over all its openings. */
#define CLASS_CHANNEL 20

/* Synchronous methods: by the channel, its turn, class and method. Messages: by the channel, its turn and the delivery tag. */
uint64_t tt_amqp_id_of_method(const struct tt_amqp_channel *ch, uint16_t channel, uint16_t class, uint16_t method)
{
	uint64_t turn = ch && class != CLASS_CHANNEL ? ch->turn : 0;
	return 1ull << 63 | turn << 48 | (uint64_t)channel << 32 | (uint64_t)class << 16 | method;
}

uint64_t tt_amqp_id_of_tag(const struct tt_amqp_channel *ch, uint16_t channel, uint64_t tag)
{
	uint64_t turn = ch ? ch->turn : 0;
	return turn << 52 | (uint64_t)channel << 36 | (tag & ((1ull << 36) - 1));
}

static struct tt_message *begin(const struct tt_amqp_frame *f, bool asks)
{
	return tt_begin(f->link, f->side, asks, f->in, f->start);
}

void tt_amqp_end(const struct tt_amqp_frame *f, struct tt_message *m)
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

static void fail_by(struct tt_message *m, uint16_t code)
{
	const char *name = tt_amqp_reply(code);
	uint8_t digits[TT_DIGITS_MAX];

	tt_message_status_int(m, code);
	tt_message_fail(m, name ? tt_span_str(name) : tt_digits(code, digits));
}

void tt_amqp_fail(struct tt_message *m, const struct tt_amqp_arguments *a)
{
	if (!a) {
		tt_message_fail(m, TT_SPAN_LIT("channel_closed"));
		return;
	}
	fail_by(m, a->code);
	if (a->text.len)
		tt_message_text(m, TT_TEXT_ERROR, a->text);
}

/* Asked behind the broker's last word on the channel, which may have been read before: it gets no answer. */
static bool asked_in_vain(const struct tt_amqp_frame *f, struct tt_message *m, uint64_t id)
{
	const struct tt_amqp_channel *ch = f->ch;

	if (f->side == TT_RESPONSES || !ch || !ch->left || ch->holed[TT_REQUESTS] || tt_message_by_id(f->link, TT_RESPONSES, id))
		return false;
	if (ch->code)
		fail_by(m, ch->code);
	else
		tt_amqp_fail(m, NULL);
	return true;
}

/* --- synchronous methods ---------------------------------------------------------------------------------------------------- */

static void follow_request(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_amqp_channel *ch = f->ch;

	f->s->logging_in |= method->class == 10 && method->method == 11;
	f->s->asked_on = f->channel;
	f->s->asked_class = method->class;
	f->s->asked_method = method->method;
	if (!ch)
		return;
	if (method->class == 85 && !ch->confirms) {
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
	bool opens = method->class == CLASS_CHANNEL && method->method == 10;

	describe(m, method);
	set_destination(m, a);
	if (a->host.len)
		tt_message_text(m, TT_TEXT_RESOURCE, a->host);
	if (opens) {
		tt_amqp_channel_opens(f);
		f->ch = tt_amqp_channel_find(f->s, f->channel, f->side);
	}
	if (f->side == TT_REQUESTS)
		follow_request(f, method, a);
	if (m) {
		m->id = tt_amqp_id_of_method(f->ch, f->channel, method->class, method->method);
		m->kind = f->ch ? f->ch->turn : 0;
		/* A broker that ends a subscription waits for no answer. */
		m->one_way = (a->bits & method->no_wait) || (f->side == TT_RESPONSES && method->class == 60) ||
			     (method->class > CLASS_CHANNEL && asked_in_vain(f, m, m->id));
	}
	tt_amqp_end(f, m);
}

/* What it says may be about the channel before this one. */
static bool answers_in_doubt(const struct tt_amqp_frame *f)
{
	return f->side == TT_RESPONSES && f->ch && f->ch->moved;
}

/* By the answer of this end. */
static void channel_closed(struct tt_amqp_frame *f)
{
	if (f->side == TT_RESPONSES) {
		tt_amqp_channel_fail_waiting(f, NULL);
		tt_amqp_channel_left(f, 0);
	} else if (f->ch) {
		f->ch->closed = true;
	}
	tt_amqp_channel_forget(f);
}

static void take_answer(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_message *m = begin(f, false);

	if (method->class == 10 && method->method == 30)
		f->s->logging_in = false;
	tt_message_text(m, TT_TEXT_STATUS, method->method == 72 ? TT_SPAN_LIT("empty") : TT_SPAN_LIT("OK"));
	if (a->queue.len)
		tt_message_text(m, TT_TEXT_RESOURCE, a->queue); /* the broker chose the name */
	if (m) {
		m->id = tt_amqp_id_of_method(f->ch, f->channel, method->class, method->answer);
		m->incomplete = answers_in_doubt(f);
	}
	tt_amqp_end(f, m);
	if (method->class == CLASS_CHANNEL && method->method == 41)
		channel_closed(f);
}

/* What asks for an answer on that channel by that method, if anything does. */
static bool is_answered(uint16_t class, uint16_t method)
{
	const struct tt_amqp_method *m = tt_amqp_method_find(class, method, TT_REQUESTS);

	return m && m->what == TT_AMQP_ASKS;
}

/* By the close of this end. */
static void channel_closes(struct tt_amqp_frame *f, const struct tt_amqp_arguments *a, bool failed)
{
	if (f->side == TT_RESPONSES) {
		tt_amqp_channel_fail_waiting(f, failed ? a : NULL);
		tt_amqp_channel_left(f, failed ? a->code : 0);
	} else if (f->ch) {
		f->ch->closed = true;
	}
}

/* A broker closes because of what was asked: that is its answer. Because of anything else: it speaks for itself. */
static void take_close(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	bool failed = f->side == TT_RESPONSES && a->code != 200;
	bool of_channel = method->class == CLASS_CHANNEL;
	const struct tt_amqp_channel *ch = f->ch;
	uint16_t channel = f->channel;
	uint16_t class = a->failed_class, about = a->failed_method;

	if (f->side == TT_RESPONSES && method->class == 10 && f->s->logging_in) {
		class = 10;
		about = 11;
		f->s->logging_in = false;
	}
	/* One that closes the connection does not say on which channel it was. */
	bool latest = f->s->asked_class == class && f->s->asked_method == about;
	if (method->class == 10 && latest) {
		channel = f->s->asked_on;
		ch = tt_amqp_channel_find(f->s, channel, TT_RESPONSES);
	}
	bool answers = failed && is_answered(class, about) && (of_channel || class == 10 || latest);
	struct tt_message *m = begin(f, !answers);
	if (answers) {
		tt_amqp_fail(m, a);
		tt_message_identify(f->link, m, tt_amqp_id_of_method(ch, channel, class, about));
		tt_amqp_end(f, m);
		if (of_channel)
			channel_closes(f, a, failed);
		return;
	}
	describe(m, method);
	if (failed) {
		tt_amqp_fail(m, a);
		tt_message_attr_int(m, "amqp.reply_code", a->code);
	}
	if (m) {
		m->id = tt_amqp_id_of_method(f->ch, f->channel, method->class, method->method);
		m->one_way = failed;
	}
	tt_amqp_end(f, m);
	if (of_channel)
		channel_closes(f, a, failed);
}

static void take_saying(struct tt_amqp_frame *f, const struct tt_amqp_method *method)
{
	struct tt_message *m = begin(f, true);

	describe(m, method);
	if (m)
		m->one_way = true;
	tt_amqp_end(f, m);
}

/* --- messages --------------------------------------------------------------------------------------------------------------- */

static void take_publish(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_amqp_channel *ch = f->ch;
	struct tt_message *m = begin(f, true);

	describe(m, method);
	set_destination(m, a);
	bool confirmed = ch && ch->confirms;
	if (confirmed)
		ch->published++;
	if (m) {
		/* Without confirmations, or where they came before: nothing will answer it. */
		m->id = confirmed ? tt_amqp_id_of_tag(ch, f->channel, ch->published) : 0;
		m->one_way = !confirmed || ch->published <= ch->confirmed || asked_in_vain(f, m, m->id);
	}
	tt_amqp_content_begin(f, ch, m);
}

static void take_delivery(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_amqp_channel *ch = f->ch;
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
		m->id = tt_amqp_id_of_tag(ch, f->channel, a->tag);
	}
	tt_amqp_content_begin(f, ch, m);
}

static void take_returned(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_message *m = begin(f, true);

	describe(m, method);
	set_destination(m, a);
	tt_amqp_fail(m, a);
	tt_message_attr_int(m, "amqp.reply_code", a->code);
	if (m)
		m->one_way = true;
	tt_amqp_content_begin(f, f->ch, m);
}

static void take_get_ok(struct tt_amqp_frame *f, const struct tt_amqp_method *method)
{
	struct tt_message *m = begin(f, false);

	tt_message_text(m, TT_TEXT_STATUS, TT_SPAN_LIT("OK"));
	if (m) {
		m->id = tt_amqp_id_of_method(f->ch, f->channel, method->class, method->answer);
		m->incomplete = answers_in_doubt(f);
	}
	tt_amqp_content_begin(f, f->ch, m);
}

static void acknowledge(struct tt_amqp_frame *f, const struct tt_amqp_method *method, uint64_t tag, bool doubt)
{
	struct tt_message *m = begin(f, false);
	struct tt_span name = tt_span_str(method->name + strlen("basic."));

	tt_message_text(m, TT_TEXT_STATUS, name);
	if (method->method != 80)
		tt_message_fail(m, name);
	if (m) {
		m->id = tt_amqp_id_of_tag(f->ch, f->channel, tag);
		m->incomplete = doubt || answers_in_doubt(f);
	}
	tt_amqp_end(f, m);
}

static bool is_open(const struct tt_amqp_frame *f, uint64_t tag)
{
	uint64_t id = tt_amqp_id_of_tag(f->ch, f->channel, tag);
	return f->side == TT_RESPONSES ? tt_message_by_id(f->link, TT_REQUESTS, id) != NULL
				       : tt_server_request_by_id(f->link, id) != NULL;
}

/* One message, or all up to it that are open; tag 0 means all there are. Each is looked at once. Of one from before
 * a hole the answer of its own may have been missed. */
static void take_ack(struct tt_amqp_frame *f, const struct tt_amqp_method *method, const struct tt_amqp_arguments *a)
{
	struct tt_amqp_channel *ch = f->ch;
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

/* The channel as the frame's side has it. TT_WAIT: what opens it was not read yet. */
static enum tt_step find_channel(struct tt_amqp_frame *f, const struct tt_amqp_method *method)
{
	if (method->class == CLASS_CHANNEL && method->method == 11 &&
	    !tt_amqp_channel_opened(f, tt_amqp_id_of_method(NULL, f->channel, CLASS_CHANNEL, 10)))
		return TT_WAIT;
	bool asks = method->what == TT_AMQP_ASKS && f->side == TT_REQUESTS && method->class != CLASS_CHANNEL;
	bool has_state = asks || (method->what >= TT_AMQP_PUBLISH && method->what <= TT_AMQP_ACK);
	f->ch = has_state ? tt_amqp_channel(f->link, f->s, f->channel, f->side) : tt_amqp_channel_find(f->s, f->channel, f->side);
	return TT_PARSED;
}

enum tt_step tt_amqp_take_method(struct tt_amqp_frame *f)
{
	struct tt_cursor c = tt_cursor(f->payload);
	struct tt_amqp_arguments a;

	uint16_t class = tt_cursor_be16(&c);
	uint16_t number = tt_cursor_be16(&c);
	const struct tt_amqp_method *method = tt_amqp_method_find(class, number, f->side);
	if (tt_cursor_short(&c) || !method || (class == 10) != (f->channel == 0))
		return TT_LOST_SYNC;
	tt_amqp_arguments_read(method, &c, &a);
	if (!a.whole)
		return TT_LOST_SYNC;
	if (find_channel(f, method) == TT_WAIT)
		return TT_WAIT;

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
	return TT_PARSED;
}
