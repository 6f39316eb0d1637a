// SPDX-License-Identifier: Apache-2.0
/* Names for ids that are unique everywhere, learned on any connection. */
#include "stream/internal.h"

void tt_name_learn(struct tt_link *link, struct tt_span id, struct tt_span name)
{
	struct tt_streams *s = link->conn->s;

	if (tt_span_eq(tt_name_known(link, id), name))
		return;
	struct tt_sql_text *text = tt_sql_text_new(name);
	if (text)
		s->stats.statements_full += tt_sql_table_put(&s->names, id, text, tt_streams_limit(s, TT_LIMIT_NAMES),
							     tt_streams_limit(s, TT_LIMIT_STATEMENT_BYTES));
	tt_sql_text_unref(text);
}

struct tt_span tt_name_known(struct tt_link *link, struct tt_span id)
{
	return tt_sql_text_span(tt_sql_table_get(&link->conn->s->names, id));
}
