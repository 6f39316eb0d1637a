// SPDX-License-Identifier: Apache-2.0
/* Topic aliases of MQTT 5: after the first message a topic may be said by a number. Kept within the limits of statements. */
#include "proto/mqtt.h"

#include <stdlib.h>

#include "base/own.h"
#include "shared/limits.h"

static struct tt_mqtt_alias *find(const struct tt_mqtt_aliases *a, uint16_t number)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->list[i].number == number)
			return &a->list[i];
	}
	return NULL;
}

/* A new row, or NULL where the limit or memory does not allow one. */
static struct tt_mqtt_alias *add(struct tt_link *link, struct tt_mqtt_aliases *a, uint16_t number)
{
	if (a->count >= tt_link_limit(link, TT_LIMIT_STATEMENTS))
		return NULL;
	if (a->count == a->cap) {
		size_t cap = a->cap ? a->cap * 2 : 8;
		bool room = tt_keep(link, (cap - a->cap) * sizeof(*a->list));
		struct tt_mqtt_alias *list = room ? realloc(a->list, cap * sizeof(*list)) : NULL;
		if (!list)
			return NULL;
		a->list = list;
		a->cap = cap;
	}
	a->list[a->count] = (struct tt_mqtt_alias){.number = number};
	return &a->list[a->count++];
}

void tt_mqtt_alias_set(struct tt_link *link, struct tt_mqtt_aliases *a, uint16_t number, struct tt_span topic)
{
	struct tt_mqtt_alias *row = find(a, number);

	if (row && tt_span_eq(tt_mqtt_alias_get(a, number), topic))
		return;
	if (!row)
		row = add(link, a, number);
	a->link = link;
	if (!a->text.max)
		a->text = TT_BUF(tt_link_limit(link, TT_LIMIT_STATEMENT_BYTES));
	if (!row || tt_keep_add(link, &a->text, topic.data, topic.len) < 0) {
		if (row)
			row->len = 0; /* what it meant before it means no more */
		tt_statements_turned_away(link, 1);
		return;
	}
	row->off = (uint32_t)(a->text.len - topic.len);
	row->len = (uint32_t)topic.len;
}

struct tt_span tt_mqtt_alias_get(const struct tt_mqtt_aliases *a, uint16_t number)
{
	const struct tt_mqtt_alias *row = find(a, number);

	return row ? tt_span_sub(tt_buf_span(&a->text), row->off, row->len) : tt_span(NULL, 0);
}

void tt_mqtt_aliases_free(struct tt_mqtt_aliases *a)
{
	if (a->link)
		tt_keep_less(a->link, a->cap * sizeof(*a->list) + a->text.cap);
	free(a->list);
	tt_buf_free(&a->text);
	*a = (struct tt_mqtt_aliases){.count = 0};
}
