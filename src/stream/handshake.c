// SPDX-License-Identifier: Apache-2.0
/* What a library says of the handshake on a connection: whoever reads it there is told, at once and when nothing more comes. */
#include "shared/record.h"
#include "stream/internal.h"

const struct tt_handshake_told *tt_link_handshake(const struct tt_link *link)
{
	return &link->conn->told;
}

static void tt_conn_handshake_tell(struct tt_conn *c)
{
	struct tt_link *link = c->link[0];

	c->told.server = c->ends.role == TT_ROLE_SERVER;
	if (link && link->proto && link->proto->handshake && link->flow[0].mode != TT_FLOW_STOPPED)
		link->proto->handshake(link, &c->told);
}

/* What was said before is not taken back: a later one is of a handshake within this connection. */
void tt_conn_handshake_is(struct tt_conn *c, enum tt_handshake state, uint64_t now_ns)
{
	if (state == c->told.state)
		c->told_ns = now_ns;
	if (state <= c->told.state || c->told.over)
		return;
	c->told.state = (uint8_t)state;
	c->told_ns = now_ns;
	c->told.done |= state == TT_HANDSHAKE_DONE;
	tt_conn_handshake_tell(c);
}

static void tt_conn_handshake(struct tt_conn *c, const struct tt_handshake_record *r)
{
	if (r->state <= c->told.state)
		return;
	c->told.origin = r->origin;
	c->told.error = r->error;
	tt_conn_handshake_is(c, r->state, r->rec.time_ns);
}

void tt_streams_handshake(struct tt_streams *s, const struct tt_record *rec)
{
	const struct tt_handshake_record *r = (const struct tt_handshake_record *)rec;

	if (rec->len < sizeof(*r) || r->origin >= TT_ORIGIN_MAX || r->state > TT_HANDSHAKE_FAILED) {
		s->stats.bad_records++;
		return;
	}
	struct tt_conn *c = tt_conn_find(s, &r->conn, 0);
	if (c)
		tt_conn_handshake(c, r);
}

void tt_conn_handshake_over(struct tt_conn *c)
{
	if (c->told.state == TT_HANDSHAKE_UNTOLD || c->told.over)
		return;
	c->told.over = true;
	tt_conn_handshake_tell(c);
}

void tt_conn_handshake_hole(struct tt_conn *c)
{
	if (c->told.state == TT_HANDSHAKE_UNTOLD)
		return;
	c->told.hole = true;
	tt_conn_handshake_tell(c);
	c->told.hole = false;
}

/* Where it is through on its own side the other one may still refuse, or say nothing; and not every library says anything. */
bool tt_conn_handshake_waits(const struct tt_conn *c, uint64_t until_ns)
{
	bool open = c->told.state == TT_HANDSHAKE_DONE || c->told.state == TT_HANDSHAKE_WATCHED;

	return open && !c->told.over && c->told_ns <= until_ns && c->link[0] && c->link[0]->flow[0].mode != TT_FLOW_STOPPED;
}

void tt_conn_handshake_release(struct tt_conn *c, uint64_t now_ns)
{
	tt_conn_handshake_over(c);
	/* It may be slow, and have said nothing because of that. */
	c->told.over = c->told.state != TT_HANDSHAKE_WATCHED;
	c->told_ns = now_ns;
}
