// SPDX-License-Identifier: Apache-2.0
/* What a parser may ask of its link and tell it (proto/proto.h), apart from messages, which are pair.c's. */
#include <errno.h>

#include "stream/internal.h"

void *tt_link_state(struct tt_link *link)
{
	return link->state;
}

uint64_t tt_link_limit(const struct tt_link *link, int limit)
{
	return link->conn->s->limits->value[limit];
}

void tt_statements_turned_away(struct tt_link *link, uint64_t n)
{
	link->conn->s->stats.statements_full += n;
}

void tt_unpacked_turned_away(struct tt_link *link)
{
	link->conn->s->stats.unpacked_full++;
}

void tt_block_turned_away(struct tt_link *link)
{
	link->conn->s->stats.blocks_full++;
}

void tt_id_again(struct tt_link *link)
{
	link->conn->s->stats.ids_again++;
}

void tt_request_unopened(struct tt_link *link)
{
	link->conn->s->stats.unopened++;
}

static bool tt_keep_up_to(struct tt_link *link, size_t bytes, uint64_t most)
{
	struct tt_streams *s = link->conn->s;

	if (s->stats.parser_bytes + bytes > most) {
		s->stats.parser_full++;
		return false;
	}
	s->stats.parser_bytes += bytes;
	link->parser_bytes += bytes;
	return true;
}

bool tt_keep(struct tt_link *link, size_t bytes)
{
	return tt_keep_up_to(link, bytes, tt_keep_most(link->conn->s));
}

bool tt_keep_vital(struct tt_link *link, size_t bytes)
{
	return tt_keep_up_to(link, bytes, tt_streams_limit(link->conn->s, TT_LIMIT_PARSER_TOTAL_BYTES));
}

void tt_keep_less(struct tt_link *link, size_t bytes)
{
	size_t less = TT_MIN(bytes, link->parser_bytes);

	link->conn->s->stats.parser_bytes -= less;
	link->parser_bytes -= less;
}

int tt_keep_add(struct tt_link *link, struct tt_buf *b, const void *data, size_t len)
{
	size_t before = b->cap;

	if (len <= b->cap - b->len)
		return tt_buf_add(b, data, len);
	/* A buffer grows to at most twice what is in it. */
	size_t twice = TT_MAX(2 * (b->len + len), (size_t)64), most = TT_MIN(twice, b->max);
	size_t asked = most > before ? most - before : 0;
	if (!tt_keep(link, asked)) {
		b->failed = true;
		return -ENOBUFS;
	}
	int r = tt_buf_add(b, data, len);
	tt_keep_less(link, asked - TT_MIN(asked, b->cap - before));
	return r;
}

void tt_keep_free(struct tt_link *link, struct tt_buf *b)
{
	tt_keep_less(link, b->cap);
	tt_buf_free(b);
}

bool tt_link_from_start(const struct tt_link *link)
{
	return (!link->flow[0].started || link->flow[0].from_start) && (!link->flow[1].started || link->flow[1].from_start);
}

bool tt_pair_as(struct tt_link *link, enum tt_pairing pairing)
{
	struct tt_pair *p = &link->pair;

	if (link->pairing == pairing)
		return true;
	if (p->first[TT_REQUESTS] || p->first[TT_RESPONSES] || p->later_open ||
	    (pairing == TT_PAIR_BY_ID && tt_pair_prepare(p) < 0))
		return false;
	/* By id holes are no matter; in order what was missed may still be answered. */
	p->untrusted |= p->hole_ns != 0;
	link->pairing = (uint8_t)pairing;
	return true;
}

void tt_skip(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct tt_flow *f = &link->flow[tt_link_dir(link, side)];

	if (f->busy)
		f->pending_skip = n;
	else
		f->skip_to = tt_skip_end(f->at, n);
}

void tt_skip_to_eof(struct tt_link *link, enum tt_side side)
{
	tt_skip(link, side, TT_OFFSET_EOF);
}

void tt_optional(struct tt_link *link, enum tt_side side, uint64_t n)
{
	link->flow[tt_link_dir(link, side)].pending_optional = n;
}

bool tt_since_request(struct tt_link *link, enum tt_side side, const struct tt_message *m, const struct tt_input *in, size_t at,
		      uint64_t *ret)
{
	const struct tt_mark *mark = tt_marks_find(&link->flow[tt_link_dir(link, side)].marks, in->offset + at);

	if (!m || !m->peer || !m->peer->first_ns || !mark || mark->first_ns < m->peer->first_ns)
		return false;
	*ret = mark->first_ns - m->peer->first_ns;
	return true;
}

void tt_wish(struct tt_link *link, enum tt_side side, const struct tt_input *in, uint64_t at, uint32_t bytes)
{
	tt_link_wish(link, tt_link_dir(link, side), in->offset + at, bytes);
}

void tt_switch(struct tt_link *link, const struct tt_proto *proto)
{
	link->switching = true;
	link->switch_to = proto;
}

struct tt_message *tt_switch_keep(struct tt_link *link, struct tt_message *response, uint64_t id)
{
	struct tt_message *request = response ? response->peer : NULL;

	if (!request || !request->ended || request->reported || link->kept || !tt_streams_want(link->conn->s, link->switch_to))
		return NULL;
	tt_message_drop(link, response);
	tt_pair_out_of_list(&link->pair, request);
	request->id = id;
	link->kept = request;
	return request;
}

void tt_switch_with(struct tt_link *link, const struct tt_proto *proto, struct tt_span text)
{
	size_t most = tt_link_limit(link, TT_LIMIT_TEXT_BYTES);

	tt_switch(link, proto);
	tt_buf_free(&link->left);
	link->left = TT_BUF(most);
	if (text.len)
		tt_buf_add(&link->left, text.data, TT_MIN(text.len, most));
}

struct tt_span tt_switched_with(const struct tt_link *link)
{
	return tt_buf_span(&link->left);
}
