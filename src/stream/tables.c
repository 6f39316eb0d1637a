// SPDX-License-Identifier: Apache-2.0
/*
 * Tables of headers that libraries told of a connection (shared/header_table.h), kept until a parser has taken one: the block it
 * is told by may pass later than the table is told, or wait for it.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/header_table.h"
#include "stream/internal.h"

#define KEPT_MOST 4 /* of a direction; the oldest gives way */

struct kept {
	struct tt_header_table table;
	size_t bytes;
	struct tt_header header[]; /* then what they and the block point to */
};

struct tt_tables {
	struct kept *kept[2][KEPT_MOST]; /* by enum tt_direction, the oldest first */
	size_t count[2];
	bool done[2]; /* one was taken: no other is needed */
};

static void kept_free(struct tt_streams *s, struct kept *k)
{
	s->stats.parser_bytes -= k->bytes;
	free(k);
}

static void kept_remove(struct tt_conn *c, int dir, size_t number)
{
	struct tt_tables *t = c->tables;

	kept_free(c->s, t->kept[dir][number]);
	t->count[dir]--;
	memmove(&t->kept[dir][number], &t->kept[dir][number + 1], (t->count[dir] - number) * sizeof(t->kept[dir][0]));
}

void tt_conn_tables_free(struct tt_conn *c)
{
	for (int dir = 0; c->tables && dir < 2; dir++) {
		while (c->tables->count[dir])
			kept_remove(c, dir, 0);
	}
	free(c->tables);
	c->tables = NULL;
}

/* The room all texts of entries need; SIZE_MAX: the record does not have their bytes. */
static size_t text_room(const struct tt_table_record *r)
{
	size_t bytes = 0, room = 0;

	if (r->entries > TT_TABLE_ENTRIES_MOST || r->entries > r->in_all)
		return SIZE_MAX;
	for (uint32_t i = 0; i < r->entries; i++) {
		bytes += tt_table_entry_bytes(&r->entry[i]);
		room += tt_table_entry_room(&r->entry[i]);
	}
	return bytes <= r->rec.len - sizeof(*r) ? room : SIZE_MAX;
}

/* NULL: the record makes no sense, or there is no room. */
static struct kept *kept_new(struct tt_streams *s, const struct tt_table_record *r)
{
	size_t text = text_room(r), bytes;

	if (text == SIZE_MAX) {
		s->stats.bad_records++;
		return NULL;
	}
	bytes = sizeof(struct kept) + r->entries * sizeof(struct tt_header) + sizeof(r->block) + text;
	if (s->stats.parser_bytes + bytes > tt_keep_most(s)) {
		s->stats.parser_full++;
		return NULL;
	}
	struct kept *k = malloc(bytes);
	if (!k)
		return NULL;
	uint8_t *block = (uint8_t *)&k->header[r->entries], *at = block + sizeof(r->block);
	const uint8_t *from = (const uint8_t *)(r + 1);
	memcpy(block, r->block, sizeof(r->block));
	k->bytes = bytes;
	k->table = (struct tt_header_table){
		.stream = r->stream,
		.fragment = r->fragment,
		.block = tt_span(block, TT_MIN(r->fragment, (uint32_t)sizeof(r->block))),
		.size = r->size,
		.most = r->most,
		.after = r->after,
		.whole = r->entries == r->in_all,
		.count = r->entries,
		.header = k->header,
	};
	for (uint32_t i = 0; i < r->entries; i++) {
		k->header[i] = tt_table_entry_take(&r->entry[i], from, at);
		from += tt_table_entry_bytes(&r->entry[i]);
		at += tt_table_entry_room(&r->entry[i]);
	}
	s->stats.parser_bytes += bytes;
	return k;
}

void tt_conn_table(struct tt_conn *c, const struct tt_table_record *r)
{
	int dir = r->direction;

	if (!c->tables && !(c->tables = calloc(1, sizeof(*c->tables))))
		return;
	struct tt_tables *t = c->tables;
	struct kept *k = t->done[dir] ? NULL : kept_new(c->s, r);
	if (!k)
		return;
	if (t->count[dir] == KEPT_MOST) {
		c->s->stats.header_tables_full++;
		kept_remove(c, dir, 0);
	}
	t->kept[dir][t->count[dir]++] = k;
	for (int i = 0; i < TT_LAYERS; i++) {
		if (!c->link[i] || !c->link[i]->flow[dir].wait_ns)
			continue;
		tt_flow_refeed(c->link[i], dir);
		tt_link_settle(c->link[i]);
	}
}

const struct tt_header_table *tt_header_table(struct tt_link *link, enum tt_side side, size_t number)
{
	const struct tt_tables *t = link->conn->tables;
	int dir = tt_link_dir(link, side);

	return t && number < t->count[dir] ? &t->kept[dir][number]->table : NULL;
}

bool tt_header_table_awaited(const struct tt_link *link, enum tt_side side)
{
	const struct tt_tables *t = link->conn->tables;
	int dir = tt_link_dir(link, side);

	return link->conn->s->tables && link->origin != TT_ORIGIN_PCAP && !(t && t->done[dir]) && !link->flow[dir].from_start &&
	       !link->flow[dir].give_up;
}

void tt_header_table_taken(struct tt_link *link, enum tt_side side, size_t number, bool fits)
{
	struct tt_conn *c = link->conn;
	int dir = tt_link_dir(link, side);

	*(fits ? &c->s->stats.header_tables : &c->s->stats.header_tables_unfit) += 1;
	if (!fits)
		kept_remove(c, dir, number);
	while (fits && c->tables->count[dir])
		kept_remove(c, dir, 0);
	c->tables->done[dir] |= fits;
}
