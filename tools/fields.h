/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tool shows, as one table of fields: the text columns and the members of the JSON lines both come from it, so they cannot
 * differ. A row is a struct of the tool's; its members are uint64_t or char arrays.
 */
#ifndef TT_TOOLS_FIELDS_H
#define TT_TOOLS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum tt_field_type {
	TT_FIELD_TIME,	/* monotonic ns; shown as local time of day, in JSON as Unix ns: `time_unix_ns` */
	TT_FIELD_NS,	/* a duration in ns; JSON name ends in _ns */
	TT_FIELD_BYTES, /* JSON name ends in _bytes */
	TT_FIELD_RATE,	/* bytes a second; JSON name ends in _bytes_per_s */
	TT_FIELD_COUNT,
	TT_FIELD_PERCENT, /* in hundredths; JSON name ends in _percent */
	TT_FIELD_BAR,	  /* hundredths of a percent of the longest bar there is: text only */
	TT_FIELD_ID,	  /* a number that names something */
	TT_FIELD_TEXT,	  /* char array ended by 0; empty: unknown */
};

/* The unit numbers are shown in, as text. JSON always has the type's own. */
enum tt_field_unit {
	TT_UNIT_NONE,
	TT_UNIT_US,
	TT_UNIT_MS,
	TT_UNIT_MS_FINE, /* with three decimals */
	TT_UNIT_S,
	TT_UNIT_KIB,
	TT_UNIT_MIB,
	TT_UNIT_MAX,
};

/* A number that is not known: - as text, null in JSON. */
#define TT_UNKNOWN UINT64_MAX

struct tt_field {
	const char *name; /* column heading, without the unit; NULL: in JSON only */
	enum tt_field_unit unit;
	unsigned width;	  /* of the column; 0: as it comes, for the last one */
	const char *json; /* NULL: in text only */
	enum tt_field_type type;
	size_t offset;
	size_t size;
	const char *help; /* what it is, without capital and full stop */
	bool sometimes;	  /* the column is there only where the number is known, which it is of all rows of a run or of none */
};

/* TT_FIELD(struct row, member, heading, unit, width, JSON name, type, help) */
#define TT_FIELD(row_, member_, name_, unit_, width_, json_, type_, help_) \
	{.name = (name_),                                                  \
	 .unit = (unit_),                                                  \
	 .width = (width_),                                                \
	 .json = (json_),                                                  \
	 .type = (type_),                                                  \
	 .offset = offsetof(row_, member_),                                \
	 .size = sizeof(((row_ *)0)->member_),                             \
	 .help = (help_)}

/* The thread, where threads are told apart. */
#define TT_FIELD_TID(row_, member_)                                                \
	{.name = "TID",                                                            \
	 .width = 7,                                                               \
	 .json = "tid",                                                            \
	 .type = TT_FIELD_ID,                                                      \
	 .offset = offsetof(row_, member_),                                        \
	 .size = sizeof(((row_ *)0)->member_),                                     \
	 .help = "with `--threads`: the thread; the column is there only with it", \
	 .sometimes = true}

/* In JSON only. */
#define TT_FIELD_MORE(row_, member_, json_, type_, help_) TT_FIELD(row_, member_, NULL, TT_UNIT_NONE, 0, json_, type_, help_)

struct tt_fields {
	const struct tt_field *list;
	size_t count;
};

/* NULL, or what is wrong with the table (a number that is no uint64_t, a JSON name without its unit): for tests. */
const char *tt_fields_fault(const struct tt_fields *f);

/* One line each, with its end. `row` of a heading is one of the rows below it. `wall_minus_mono_ns` makes times of day. Where the
 * buffer is full, out->failed is set. */
void tt_fields_heading(const struct tt_fields *f, const void *row, struct tt_buf *out);
void tt_fields_text(const struct tt_fields *f, const void *row, int64_t wall_minus_mono_ns, struct tt_buf *out);
/* The column the last one begins at. */
unsigned tt_fields_last_at(const struct tt_fields *f, const void *row);
/* `kind` is the line's first member. */
void tt_fields_json(const struct tt_fields *f, const char *kind, const void *row, int64_t wall_minus_mono_ns, struct tt_buf *out);

/* How many of the type's own unit (ns, bytes, hundredths) one of the unit the field is shown in has. */
double tt_field_divisor(const struct tt_field *f);
/* "ms" or "KiB/s"; "" where it has none. */
const char *tt_field_unit_name(const struct tt_field *f);
/* The JSON type, as docs/tools.md says it. */
const char *tt_field_json_type(const struct tt_field *f);

#endif
