// SPDX-License-Identifier: Apache-2.0
/* The last a message sees of the streams: an exchange made of it and handed on, or a response that nobody asked for. */
#include "stream/internal.h"

static const struct tt_flow *tt_message_flow(const struct tt_link *link, const struct tt_message *m)
{
	return &link->flow[tt_link_dir(link, m->side)];
}

/* Client and server of an exchange the server began are the other way round. */
static enum tt_outcome tt_outcome_of(const struct tt_message *req, enum tt_outcome outcome)
{
	if (req->maybe_silent && outcome != TT_OUTCOME_ANSWERED && !tt_outcome_unknown(outcome))
		return TT_OUTCOME_ONE_WAY;
	if (req->back && outcome == TT_OUTCOME_CLOSED_BY_CLIENT)
		return TT_OUTCOME_CLOSED_BY_SERVER;
	if (req->back && outcome == TT_OUTCOME_CLOSED_BY_SERVER)
		return TT_OUTCOME_CLOSED_BY_CLIENT;
	return outcome;
}

bool tt_streams_want(const struct tt_streams *s, const struct tt_proto *proto)
{
	for (size_t i = 0; i < s->proto_count; i++) {
		if (s->protos[i] == proto)
			return true;
	}
	return false;
}

/*
 * As what the exchange is reported: who wants a protocol wants what is spoken within it too, and by its own name, as its texts
 * are. NULL: nobody wants it.
 */
static const struct tt_proto *tt_pair_proto(const struct tt_link *link, const struct tt_message *req)
{
	const struct tt_proto *as = req->as || !req->peer ? req->as : req->peer->as;

	if (as)
		return !link->carrier || tt_streams_want(link->conn->s, as) ? as : NULL;
	return link->carrier ? NULL : link->proto;
}

/*
 * What is missing and still waited for may have been more of it: behind the latest request rounds of a log-in, a file, messages
 * of a session; and where the answer's side misses something, the other side told its end.
 */
static bool may_go_on(const struct tt_link *link, const struct tt_message *req, const struct tt_message *rsp)
{
	return (!req->next && tt_flow_waits(tt_message_flow(link, req))) || (rsp && tt_flow_waits(tt_message_flow(link, rsp)));
}

/* Some of its bytes may have been other ones. */
static bool tt_message_doubted(const struct tt_link *link, const struct tt_message *m)
{
	const struct tt_flow *f = tt_message_flow(link, m);

	return f->doubt_to > m->first_off && (!m->ended || f->doubt_from < m->end_off);
}

/*
 * The beginning of an answer that broke off says more than none, where its status is known by then. Not where it is unsure whose
 * it is.
 */
static const struct tt_message *tt_pair_answer(const struct tt_link *link, const struct tt_message *req, enum tt_outcome outcome)
{
	const struct tt_message *rsp = req->peer;

	if (outcome == TT_OUTCOME_ANSWERED)
		return rsp;
	bool known = rsp && link->proto && link->proto->status_first && outcome != TT_OUTCOME_LOST &&
		     tt_outcome_of(req, outcome) != TT_OUTCOME_ONE_WAY;
	/* What is spoken over another protocol may have its own status at the very end (gRPC): then the rest is told. */
	bool tells = tt_message_get(rsp, TT_TEXT_STATUS).data || req->as || (rsp && rsp->as);
	return known && !req->unsure && !rsp->unsure && tells ? rsp : NULL;
}

/* Both ends may have spoken at once, and the server before it heard what it is taken to answer. */
static bool tt_pair_crossed(const struct tt_message *req, const struct tt_message *rsp)
{
	return rsp && rsp->unasked && rsp->first_ns && rsp->first_ns < req->first_ns;
}

void tt_pair_report(struct tt_link *link, struct tt_message *req, enum tt_outcome outcome)
{
	struct tt_conn *c = link->conn;
	struct tt_streams *s = c->s;
	struct tt_message *rsp = req->peer;
	struct tt_endpoints ends = c->ends;
	struct tt_exchange x = {
		.proto = tt_pair_proto(link, req),
		.ends = &ends,
		.actor = c->actor,
		.request = req,
		.response = tt_pair_answer(link, req, outcome),
		.outcome = tt_outcome_of(req, outcome),
		.request_first_ns = req->first_ns,
		.request_last_ns = req->last_ns,
		.request_bytes = req->own_bytes ? req->own_bytes
						: (req->ended ? req->end_off : tt_message_flow(link, req)->next) - req->first_off,
	};

	if (!x.proto)
		return;
	if (!req->ended && req->size_key)
		tt_message_attr_drop(req, req->size_key);
	if (rsp && !rsp->ended && rsp->size_key)
		tt_message_attr_drop(rsp, rsp->size_key);
	bool asked = tt_link_dir(link, (enum tt_side)(req->side ^ req->promised)) == TT_RX;
	ends.origin = link->origin;
	ends.role = asked ? TT_ROLE_SERVER : TT_ROLE_CLIENT;
	if (link->origin == TT_ORIGIN_PCAP && !asked) { /* a wire has no end: the one that is asked is shown as observed */
		ends.role = TT_ROLE_SERVER;
		ends.local = c->ends.peer;
		ends.peer = c->ends.local;
	}
	x.actor.tid = req->tid;
	if (req->tgid != x.actor.tgid) {
		x.actor.tgid = req->tgid;
		x.actor.cgroup_id = 0;
		x.actor.start_ns = 0; /* another process used the socket since: only the number is sure */
	}
	if (rsp) {
		x.response_first_ns = rsp->unbegun ? 0 : rsp->first_ns;
		x.response_last_ns = rsp->ended ? rsp->last_ns : 0;
		x.response_bytes = rsp->own_bytes
					   ? rsp->own_bytes
					   : (rsp->ended ? rsp->end_off : tt_message_flow(link, rsp)->next) - rsp->first_off;
	}
	x.complete = !tt_outcome_unknown(outcome) && !req->incomplete && !req->unsure && !(rsp && rsp->incomplete) &&
		     !may_go_on(link, req, rsp) && !tt_pair_crossed(req, rsp) && !tt_message_doubted(link, req) &&
		     !(rsp && tt_message_doubted(link, rsp));

	s->stats.exchanges++;
	s->stats.incomplete += !x.complete;
	s->ops->exchange(s->ctx, &x);
}

void tt_pair_conclude(struct tt_link *link, struct tt_message *req, enum tt_outcome outcome)
{
	struct tt_message *rsp = req->peer;

	bool told = !req->quiet || (outcome == TT_OUTCOME_ANSWERED && rsp && (rsp->failed || rsp->refused));

	if (!req->reported && told)
		tt_pair_report(link, req, outcome);
	else if (req->reported && outcome == TT_OUTCOME_ANSWERED)
		link->conn->s->stats.late++;
	tt_pair_discard(link, req);
	tt_pair_discard(link, rsp);
}

void tt_pair_drop(struct tt_link *link, struct tt_message *m)
{
	struct tt_message *peer = m->peer;

	tt_pair_discard(link, m);
	if (!peer || tt_message_part(peer) == TT_REQUESTS)
		return;
	/* A response stood in no list but with its request. */
	if (peer->ended)
		tt_pair_discard(link, peer);
	else
		tt_pair_append(tt_pair_of(link, peer), peer);
}

void tt_pair_orphan(struct tt_link *link, struct tt_message *rsp)
{
	struct tt_pair *p = tt_pair_of(link, rsp);

	/* One that was not waited for any longer may answer what turns out to be missing. */
	p->unsure_open -= p->untrusted || rsp->unsure;
	link->conn->s->stats.unpaired++;
	tt_pair_discard(link, rsp);
}
