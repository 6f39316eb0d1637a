// SPDX-License-Identifier: Apache-2.0
/*
 * NATS JetStream: requests for messages (https://docs.nats.io/reference/reference-protocols/nats_api_reference, "Fetching from a
 * pull consumer"; answers as in ADR-37). Many may name one subject for the answer. A request ends without one when as many
 * messages were delivered as it asked for; else with a status that says how many were not (Nats-Pending-Messages).
 */
#include "base/json_scan.h"
#include "base/own.h"
#include "proto/nats.h"

#define PULL "$JS.API.CONSUMER.MSG.NEXT."
#define ACK "$JS.ACK."
/* Words of an acknowledgement's subject that have a domain and an account in front of the stream. */
#define ACK_WORDS_LONG 11

uint64_t tt_nats_id(struct tt_span s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.data[i]) * 0x100000001b3u;
	return h | TT_NATS_ID_REPLY;
}

bool tt_nats_is_pull(struct tt_span subject)
{
	return tt_span_starts(subject, TT_SPAN_LIT(PULL));
}

static bool number(struct tt_span digits, uint64_t *ret)
{
	struct tt_json_value v = {.text = digits, .type = TT_JSON_NUMBER};
	return digits.len && tt_json_value_u64(&v, ret);
}

/* How many messages are asked for: a number, or an object; one where nothing is said. */
static uint64_t batch_of(struct tt_span payload)
{
	static const char *const paths[] = {"batch"};
	struct tt_json_value v;
	uint64_t n;

	if (!number(tt_span_trim(payload), &n)) {
		tt_json_scan(payload, paths, 1, &v);
		if (!tt_json_value_u64(&v, &n))
			return 1;
	}
	return n ? n : 1;
}

/* Whose answer it is will not be known. */
static void doubt(struct tt_link *link, const struct tt_nats_pull *pull)
{
	struct tt_message *request = tt_message_by_id(link, TT_REQUESTS, pull->id);

	if (request)
		request->incomplete = true;
}

static void forget(struct tt_nats_pulls *p, size_t i)
{
	memmove(p->open + i, p->open + i + 1, (p->count - i - 1) * sizeof(p->open[0]));
	p->count--;
}

uint64_t tt_nats_pull_begin(struct tt_link *link, struct tt_nats_pulls *p, struct tt_span subject, struct tt_span reply,
			    struct tt_span payload)
{
	uint64_t hash = tt_nats_id(reply);
	struct tt_span consumer = tt_span_sub(subject, sizeof(PULL) - 1, subject.len);

	if (p->count == TT_NATS_PULLS) {
		tt_statements_turned_away(link, 1);
		doubt(link, &p->open[0]);
		forget(p, 0);
	}
	p->open[p->count] = (struct tt_nats_pull){.id = (hash + ++p->made) | TT_NATS_ID_REPLY,
						  .reply = hash,
						  .consumer = tt_nats_id(consumer),
						  .left = batch_of(payload)};
	return p->open[p->count++].id;
}

/* `STREAM.CONSUMER` of the subject a message is acknowledged on. */
static struct tt_span consumer_of(struct tt_span ack)
{
	struct tt_span rest = tt_span_sub(ack, sizeof(ACK) - 1, ack.len);
	size_t words = 2, skip, from = 0, to = 0, dots = 0;

	for (size_t i = 0; i < rest.len; i++)
		words += rest.data[i] == '.';
	skip = words + 1 >= ACK_WORDS_LONG ? 2 : 0;
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.data[i] != '.')
			continue;
		dots++;
		if (dots == skip)
			from = i + 1;
		if (dots == skip + 2)
			to = i;
	}
	return tt_span_sub(rest, from, to > from ? to - from : 0);
}

void tt_nats_pull_delivered(struct tt_nats_pulls *p, struct tt_span ack)
{
	if (!p->count || !tt_span_starts(ack, TT_SPAN_LIT(ACK)))
		return;
	uint64_t consumer = tt_nats_id(consumer_of(ack));
	for (size_t i = 0; i < p->count; i++) {
		if (p->open[i].consumer != consumer)
			continue;
		if (--p->open[i].left == 0)
			forget(p, i);
		return;
	}
}

/* Where the status says how many messages are not delivered, it is about a request of which so many are left. */
static bool fits(const struct tt_nats_pull *pull, struct tt_span pending)
{
	uint64_t n;
	return !number(pending, &n) || pull->left == n;
}

uint64_t tt_nats_pull_answered(struct tt_link *link, struct tt_nats_pulls *p, struct tt_span subject, struct tt_span headers)
{
	uint64_t reply = p->count ? tt_nats_id(subject) : 0;
	struct tt_span pending = tt_nats_header(headers, TT_SPAN_LIT("Nats-Pending-Messages"));
	unsigned status = tt_nats_headers_status(headers);

	if (!p->count || status < 200) /* 100: a sign that the request is not forgotten */
		return 0;
	/* 404: there is none, said at once; so it is about the newest. */
	for (size_t n = 0; n < p->count; n++) {
		size_t i = status == 404 ? p->count - 1 - n : n;
		if (p->open[i].reply == reply && fits(&p->open[i], pending)) {
			uint64_t id = p->open[i].id;
			forget(p, i);
			return id;
		}
	}
	/* Messages went to requests before telltale, or were missed. */
	for (size_t i = p->count; i-- > 0;) {
		if (p->open[i].reply == reply) {
			doubt(link, &p->open[i]);
			forget(p, i);
		}
	}
	return 0;
}

void tt_nats_pull_gap(struct tt_link *link, struct tt_nats_pulls *p)
{
	for (size_t i = 0; i < p->count; i++)
		doubt(link, &p->open[i]);
	p->count = 0;
}
