// SPDX-License-Identifier: Apache-2.0
/*
 * An entry of a table of headers that a library told (shared/header_table.h). A library that parses what it receives has some
 * values as numbers: what text one of them was is only sure where there is one text of that length it can have been made of.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "shared/header_table.h"
#include "stream/internal.h"

#define NUMBER_BYTES sizeof(uint64_t)
#define NUMBER_TEXT 24u /* a text made of a number is shorter */

static size_t length_of(uint16_t told)
{
	return told & TT_TABLE_LENGTH;
}

size_t tt_table_entry_bytes(const struct tt_table_entry *e)
{
	size_t value = e->value_len & TT_TABLE_NUMBER ? NUMBER_BYTES : length_of(e->value_len);

	return (e->name_len & TT_TABLE_FLAGS ? 0 : e->name_len) + (e->value_len & TT_TABLE_UNKNOWN ? 0 : value);
}

size_t tt_table_entry_room(const struct tt_table_entry *e)
{
	return tt_table_entry_bytes(e) + (e->value_len & TT_TABLE_NUMBER ? NUMBER_TEXT : 0);
}

static struct tt_span name_of(unsigned number)
{
	static const struct tt_span names[TT_TABLE_NAME_MAX] = {
#define NAME_ROW(id) [TT_TABLE_NAME_##id] = TT_SPAN_LIT(TT_TABLE_TEXT_##id),
		TT_TABLE_NAMES(NAME_ROW)
#undef NAME_ROW
	};

	return number < TT_TABLE_NAME_MAX ? names[number] : tt_span(NULL, 0);
}

/* gRPC's Timeout: a value of 16 bits and a unit. */
static void timeout_text(uint64_t number, char *ret)
{
	static const char *const units[] = {"n", "m", "0m", "00m", "S", "0S", "00S", "M", "0M", "00M", "H"};
	unsigned unit = number >> 16 & 0xff;

	if (unit < TT_ARRAY_LEN(units))
		snprintf(ret, NUMBER_TEXT, "%u%s", (unsigned)(number & 0xffff), units[unit]);
}

/* Milliseconds, of a text so long: in which unit is sure, as each gives another length (and smaller units a longer text). */
static void duration_text(uint64_t ms, size_t len, char *ret)
{
	static const struct {
		uint64_t ms;
		char unit;
	} units[] = {{1, 'm'}, {1000, 'S'}, {60 * 1000, 'M'}, {3600 * 1000, 'H'}};

	for (size_t i = 0; ms <= INT64_MAX && i < TT_ARRAY_LEN(units); i++) {
		if (ms % units[i].ms == 0 &&
		    snprintf(ret, NUMBER_TEXT, "%" PRIu64 "%c", ms / units[i].ms, units[i].unit) == (int)len)
			return;
	}
	ret[0] = 0;
}

/* What the number of a field by that name was made of, as gRPC's C core parses it; "": nothing that is known. */
static void number_text(struct tt_span name, uint64_t number, char *ret)
{
	static const struct {
		struct tt_span name;
		uint64_t mask;		   /* of the bits the number has */
		const char *const text[4]; /* NULL first: in decimal */
	} rows[] = {
		{TT_SPAN_LIT("grpc-status"), UINT32_MAX, {NULL}},
		{TT_SPAN_LIT(":status"), UINT32_MAX, {NULL}},
		{TT_SPAN_LIT("content-type"), UINT8_MAX, {"application/grpc"}},
		{TT_SPAN_LIT("te"), UINT8_MAX, {"trailers"}},
		{TT_SPAN_LIT("grpc-encoding"), UINT32_MAX, {"identity", "deflate", "gzip"}},
		{TT_SPAN_LIT(":method"), UINT8_MAX, {"POST", "GET", "PUT"}},
		{TT_SPAN_LIT(":scheme"), UINT8_MAX, {"http", "https"}},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		if (!tt_span_eq(name, rows[i].name))
			continue;
		number &= rows[i].mask;
		if (!rows[i].text[0])
			snprintf(ret, NUMBER_TEXT, "%" PRIu64, number);
		else if (number < TT_ARRAY_LEN(rows[i].text) && rows[i].text[number])
			snprintf(ret, NUMBER_TEXT, "%s", rows[i].text[number]);
		return;
	}
}

static struct tt_span number_take(const struct tt_table_entry *e, struct tt_span name, const uint8_t *from, uint8_t *to)
{
	char text[NUMBER_TEXT] = "";
	size_t len = length_of(e->value_len);
	uint64_t number;

	memcpy(&number, from, sizeof(number));
	if (e->name_len == (TT_TABLE_CODED | TT_TABLE_NAME_GRPC_TIMEOUT))
		timeout_text(number, text);
	else if (tt_span_eq(name, TT_SPAN_LIT("grpc-timeout")))
		duration_text(number, len, text);
	else
		number_text(name, number, text);
	if (strlen(text) != len)
		return tt_span(NULL, len);
	memcpy(to, text, len);
	return tt_span(to, len);
}

struct tt_header tt_table_entry_take(const struct tt_table_entry *e, const uint8_t *from, uint8_t *to)
{
	struct tt_header h = {0};

	if (e->name_len & TT_TABLE_CODED) {
		h.name = name_of(length_of(e->name_len));
	} else if (!(e->name_len & TT_TABLE_UNKNOWN)) {
		memcpy(to, from, e->name_len);
		h.name = tt_span(to, e->name_len);
		from += e->name_len;
		to += e->name_len;
	}
	if (e->value_len & TT_TABLE_UNKNOWN) {
		h.value.len = length_of(e->value_len);
	} else if (e->value_len & TT_TABLE_NUMBER) {
		h.value = number_take(e, h.name, from, to);
	} else {
		memcpy(to, from, e->value_len);
		h.value = tt_span(to, e->value_len);
	}
	return h;
}
