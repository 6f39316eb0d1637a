/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a JSON line, one by one, for comparing. */
#ifndef TT_SINK_WHERE_FIELD_H
#define TT_SINK_WHERE_FIELD_H

#include "sink/address.h"
#include "sink/sink.h"

/* A field's value of one exchange. text.data NULL and no number: not known. */
struct tt_where_value {
	struct tt_span text;
	bool is_number;
	int64_t number;
	/* What text may lie in. */
	struct tt_address_text address;
	struct tt_buf scratch;
};

struct tt_where_field;

/* NULL: no field of this name, and no attribute's either (those have a dot). An attribute's name is borrowed by the value's
 * asker. */
const struct tt_where_field *tt_where_field_find(struct tt_span name);

/* NULL, or what is wrong with a value (* and ? standing for anything) that none of the field's few values is like. */
const char *tt_where_field_refuses(const struct tt_where_field *f, const char *value);

/* What the field is called in a JSON line; `name` is what it was found by. */
const char *tt_where_field_key(const struct tt_where_field *f, const char *name);

/* Fills *ret, whose scratch buffer is the caller's. `name` is the one it was found by. */
void tt_where_field_get(const struct tt_where_field *f, const char *name, const struct tt_event *e, const struct tt_exchange *x,
			bool show_values, struct tt_where_value *ret);

#endif
