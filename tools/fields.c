// SPDX-License-Identifier: Apache-2.0
#include "tools/fields.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sink/json.h"
#include "sink/utf8.h"

#define BAR_WIDTH 40

static const struct {
	const char *name;
	double divisor;
	int decimals;
} units[TT_UNIT_MAX] = {
	[TT_UNIT_NONE] = {"", 1, 0},	     [TT_UNIT_US] = {"us", 1e3, 0}, [TT_UNIT_MS] = {"ms", 1e6, 1},
	[TT_UNIT_MS_FINE] = {"ms", 1e6, 3},  [TT_UNIT_S] = {"s", 1e9, 3},   [TT_UNIT_KIB] = {"KiB", 1024, 1},
	[TT_UNIT_MIB] = {"MiB", 1048576, 1},
};

static const struct {
	const char *ending; /* of the JSON name */
	const char *json;
	bool has_unit; /* may be shown in one */
} types[] = {
	[TT_FIELD_TIME] = {"time_unix_ns", "integer", false},
	[TT_FIELD_NS] = {"_ns", "integer", true},
	[TT_FIELD_BYTES] = {"_bytes", "integer", true},
	[TT_FIELD_RATE] = {"_bytes_per_s", "integer", true},
	[TT_FIELD_COUNT] = {NULL, "integer", false},
	[TT_FIELD_PERCENT] = {"_percent", "number", false},
	[TT_FIELD_BAR] = {NULL, NULL, false},
	[TT_FIELD_ID] = {NULL, "integer", false},
	[TT_FIELD_TEXT] = {NULL, "string", false},
};

static uint64_t number_of(const struct tt_field *f, const void *row)
{
	uint64_t v;

	memcpy(&v, (const char *)row + f->offset, sizeof(v));
	return v;
}

static struct tt_span text_of(const struct tt_field *f, const void *row)
{
	const char *s = (const char *)row + f->offset;
	size_t len = strnlen(s, f->size);

	return len ? tt_span(s, len) : tt_span(NULL, 0);
}

double tt_field_divisor(const struct tt_field *f)
{
	return f->type == TT_FIELD_PERCENT ? 100 : units[f->unit].divisor;
}

const char *tt_field_unit_name(const struct tt_field *f)
{
	static const char *const rates[TT_UNIT_MAX] = {[TT_UNIT_KIB] = "KiB/s", [TT_UNIT_MIB] = "MiB/s"};

	if (f->type == TT_FIELD_PERCENT)
		return "%";
	return f->type == TT_FIELD_RATE && rates[f->unit] ? rates[f->unit] : units[f->unit].name;
}

const char *tt_field_json_type(const struct tt_field *f)
{
	return types[f->type].json;
}

/* Index of the last column, or SIZE_MAX. */
static size_t last_column(const struct tt_fields *fields)
{
	size_t last = SIZE_MAX;

	for (size_t i = 0; i < fields->count; i++) {
		if (fields->list[i].name)
			last = i;
	}
	return last;
}

const char *tt_fields_fault(const struct tt_fields *fields)
{
	size_t last = last_column(fields);

	for (size_t i = 0; i < fields->count; i++) {
		const struct tt_field *f = &fields->list[i];
		const char *ending = types[f->type].ending;
		const char *json = f->json ? f->json : "";
		size_t len = strlen(json);

		if (f->type != TT_FIELD_TEXT && f->size != sizeof(uint64_t))
			return "a number is no uint64_t";
		/* A text may stand in a column only, as what is shown of others. */
		bool shown_only = f->type == TT_FIELD_TEXT && f->name;
		if (!f->help || (!f->json && !f->name) || (f->json && !types[f->type].json) ||
		    (!f->json && types[f->type].json && !shown_only))
			return "a field that is not told, or not explained";
		if (ending && (len < strlen(ending) || strcmp(json + len - strlen(ending), ending) != 0))
			return "a JSON name does not end in its unit";
		if (f->unit != TT_UNIT_NONE && !types[f->type].has_unit)
			return "a unit on what has none";
		if (f->name && !f->width && i != last)
			return "only the last column may do without a width";
		if (f->sometimes && (f->type == TT_FIELD_TEXT || i == last))
			return "text, or the last column, that is there sometimes";
		for (size_t k = 0; f->json && k < i; k++) {
			if (fields->list[k].json && strcmp(f->json, fields->list[k].json) == 0)
				return "two fields of the same JSON name";
		}
	}
	return NULL;
}

/* --- text --- */

static bool has_column(const struct tt_field *f, const void *row)
{
	return f->name && (!f->sometimes || number_of(f, row) != TT_UNKNOWN);
}

/* Other programs' text must not steer the terminal: control characters and what is no UTF-8 become a dot. Returns characters. */
static size_t add_shown(struct tt_buf *out, struct tt_span s)
{
	size_t characters = 0;

	for (size_t i = 0; i < s.len; characters++) {
		uint8_t c = s.data[i];
		size_t len = c < 0x80 ? 1 : tt_utf8_length(s.data + i, s.len - i);
		bool control = c < ' ' || c == 0x7f || (c == 0xc2 && len == 2 && s.data[i + 1] < 0xa0);

		if (!len || control)
			tt_buf_add_char(out, '.');
		else
			tt_buf_add(out, s.data + i, len);
		i += len ? len : 1;
	}
	return characters;
}

static void add_time(struct tt_buf *out, int64_t unix_ns)
{
	time_t s = unix_ns / 1000000000;
	struct tm tm;
	char text[16];

	localtime_r(&s, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	tt_buf_printf(out, "%s.%03d", text, (int)(unix_ns / 1000000 % 1000));
}

/* Numbers stand right, text left. */
static bool is_right(const struct tt_field *f)
{
	return f->type != TT_FIELD_TEXT && f->type != TT_FIELD_TIME && f->type != TT_FIELD_BAR;
}

/* Pads what begins at `from` to the column's width, and separates it from the next column. */
static void pad(struct tt_buf *out, const struct tt_field *f, size_t from, size_t characters, bool last)
{
	size_t missing = characters < f->width ? f->width - characters : 0;
	size_t len = out->len - from;

	if (missing && (is_right(f) || !last) && tt_buf_reserve(out, missing) == 0) {
		uint8_t *at = out->data + from;
		if (is_right(f))
			memmove(at + missing, at, len);
		memset(is_right(f) ? at : at + len, ' ', missing);
		out->len += missing;
	}
	tt_buf_add_char(out, last ? '\n' : ' ');
}

static size_t add_value(struct tt_buf *out, const struct tt_field *f, const void *row, int64_t wall_minus_mono_ns)
{
	size_t from = out->len;

	if (f->type == TT_FIELD_TEXT) {
		struct tt_span s = text_of(f, row);
		return add_shown(out, s.data ? s : TT_SPAN_LIT("-"));
	}
	uint64_t v = number_of(f, row);
	if (v == TT_UNKNOWN)
		tt_buf_add_char(out, '-');
	else if (f->type == TT_FIELD_TIME)
		add_time(out, (int64_t)v + wall_minus_mono_ns);
	else if (f->type == TT_FIELD_BAR)
		tt_buf_printf(out, "%.*s", (int)((v * BAR_WIDTH + 9999) / 10000), "########################################");
	else if (f->type == TT_FIELD_PERCENT)
		tt_buf_printf(out, "%.1f", (double)v / 100);
	else if (f->unit == TT_UNIT_NONE)
		tt_buf_add_u64(out, v);
	else
		tt_buf_printf(out, "%.*f", units[f->unit].decimals, (double)v / units[f->unit].divisor);
	return out->len - from;
}

void tt_fields_heading(const struct tt_fields *fields, const void *row, struct tt_buf *out)
{
	size_t last = last_column(fields);

	for (size_t i = 0; i < fields->count; i++) {
		const struct tt_field *f = &fields->list[i];
		const char *unit = tt_field_unit_name(f);
		size_t from = out->len;

		if (!has_column(f, row))
			continue;
		tt_buf_add_str(out, f->name);
		if (*unit)
			tt_buf_printf(out, "(%s)", unit);
		pad(out, f, from, out->len - from, i == last);
	}
}

void tt_fields_text(const struct tt_fields *fields, const void *row, int64_t wall_minus_mono_ns, struct tt_buf *out)
{
	size_t last = last_column(fields);

	for (size_t i = 0; i < fields->count; i++) {
		const struct tt_field *f = &fields->list[i];
		size_t from = out->len;

		if (has_column(f, row))
			pad(out, f, from, add_value(out, f, row, wall_minus_mono_ns), i == last);
	}
}

unsigned tt_fields_last_at(const struct tt_fields *fields, const void *row)
{
	size_t last = last_column(fields);
	unsigned at = 0;

	for (size_t i = 0; i < fields->count; i++)
		at += i != last && has_column(&fields->list[i], row) ? fields->list[i].width + 1 : 0;
	return at;
}

/* --- JSON --- */

void tt_fields_json(const struct tt_fields *fields, const char *kind, const void *row, int64_t wall_minus_mono_ns,
		    struct tt_buf *out)
{
	struct tt_json j = tt_json(out);

	tt_json_object(&j);
	tt_json_key_text(&j, "kind", kind);
	for (size_t i = 0; i < fields->count; i++) {
		const struct tt_field *f = &fields->list[i];

		if (!f->json)
			continue;
		if (f->type == TT_FIELD_TEXT) {
			tt_json_key_string(&j, f->json, text_of(f, row));
			continue;
		}
		uint64_t v = number_of(f, row);
		if (f->type == TT_FIELD_PERCENT && v != TT_UNKNOWN) {
			tt_json_key_double(&j, f->json, (double)v / 100);
			continue;
		}
		if (f->type == TT_FIELD_TIME && v != TT_UNKNOWN)
			v += (uint64_t)wall_minus_mono_ns;
		tt_json_key_u64_or_null(&j, f->json, v != TT_UNKNOWN, v);
	}
	tt_json_object_end(&j);
	tt_buf_add_char(out, '\n');
}
