/* SPDX-License-Identifier: Apache-2.0 */
/* Names to statement texts, for one connection: bounded in entries and in bytes, the longest unused go first. */
#ifndef TT_PROTO_SQLTABLE_H
#define TT_PROTO_SQLTABLE_H

#include "proto/proto.h"
#include "proto/sqltext.h"

struct tt_sql_entry;

/* Zeroed is empty. */
struct tt_sql_table {
	struct tt_sql_entry **bucket;
	struct tt_sql_entry *oldest; /* by use */
	struct tt_sql_entry *newest;
	uint32_t bucket_count; /* a power of two */
	uint32_t count;
	uint64_t bytes;	      /* names, texts and entries */
	struct tt_link *link; /* whose they are kept for; NULL: not accounted for */
};

/* Sets what `name` stands for (a reference to the text is taken; NULL: known, without text). Returns how many entries were
 * turned away to stay within the limits, itself included where there is no memory or it alone is too large. */
uint32_t tt_sql_table_put(struct tt_sql_table *t, struct tt_span name, struct tt_sql_text *text, uint64_t max_count,
			  uint64_t max_bytes);

/* The same within the limit rows of statements; what is turned away is counted. */
void tt_sql_remember(struct tt_link *link, struct tt_sql_table *t, struct tt_span name, struct tt_sql_text *text);

/* The text, borrowed; NULL if the name is not known. */
struct tt_sql_text *tt_sql_table_get(struct tt_sql_table *t, struct tt_span name);

void tt_sql_table_remove(struct tt_sql_table *t, struct tt_span name);

/* Empties it and frees all it owns. */
void tt_sql_table_clear(struct tt_sql_table *t);

#endif
