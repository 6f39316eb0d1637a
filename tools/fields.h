/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tool shows, as one table of fields: the text columns and the members of the JSON lines both come from it, so they cannot
 * differ. A row is a struct of the tool's; its members are uint64_t or char arrays.
 */
#ifndef TT_TOOLS_FIELDS_H
#define TT_TOOLS_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum tt_field_type {
	TT_FIELD_TIME,	/* monotonic ns; shown as local time of day, in JSON as Unix ns: `time_unix_ns` */
	TT_FIELD_NS,	/* a duration in ns; JSON name ends in _ns */
	TT_FIELD_BYTES, /* JSON name ends in _bytes */
	TT_FIELD_COUNT,
	TT_FIELD_ID,   /* a number that names something */
	TT_FIELD_TEXT, /* char array ended by 0; empty: unknown */
};

/* The unit numbers are shown in, as text. JSON always has the type's own. */
enum tt_field_unit {
	TT_UNIT_NONE,
	TT_UNIT_US,
	TT_UNIT_MS,
	TT_UNIT_S,
	TT_UNIT_KIB,
	TT_UNIT_MIB,
	TT_UNIT_MAX,
};

/* A number that is not known: - as text, null in JSON. */
#define TT_UNKNOWN UINT64_MAX

struct tt_field {
	const char *name; /* column heading, without the unit */
	enum tt_field_unit unit;
	unsigned width; /* of the column; 0: as it comes, for the last one */
	const char *json;
	enum tt_field_type type;
	size_t offset;
	size_t size;
};

/* TT_FIELD(struct row, member, heading, unit, width, JSON name, type) */
#define TT_FIELD(row_, member_, name_, unit_, width_, json_, type_) \
	{.name = (name_),                                           \
	 .unit = (unit_),                                           \
	 .width = (width_),                                         \
	 .json = (json_),                                           \
	 .type = (type_),                                           \
	 .offset = offsetof(row_, member_),                         \
	 .size = sizeof(((row_ *)0)->member_)}

struct tt_fields {
	const struct tt_field *list;
	size_t count;
};

/* NULL, or what is wrong with the table (a number that is no uint64_t, a JSON name without its unit): for tests. */
const char *tt_fields_fault(const struct tt_fields *f);

/* One line each, with its end. `wall_minus_mono_ns` makes times of day. Where the buffer is full, out->failed is set. */
void tt_fields_heading(const struct tt_fields *f, struct tt_buf *out);
void tt_fields_text(const struct tt_fields *f, const void *row, int64_t wall_minus_mono_ns, struct tt_buf *out);
void tt_fields_json(const struct tt_fields *f, const void *row, int64_t wall_minus_mono_ns, struct tt_buf *out);

#endif
