// SPDX-License-Identifier: Apache-2.0
/*
 * TDS: the tokens of an answer ([MS-TDS] 2.2.7). Rows cannot be passed over without their columns' types, and need not be: what
 * is before them is read from the front, what ends the answer from its end, where each token must fit to the byte.
 */
#include "base/own.h"
#include "proto/tds.h"

#define DONE_MORE 0x0001u
#define DONE_ERROR 0x0002u
#define DONE_COUNT 0x0010u
#define DONE_ATTENTION 0x0020u
#define DONE_SERVER_ERROR 0x0100u
#define DONE_BITS 0x0137u
#define ROWS_MOST (UINT64_C(1) << 47)
#define FAILS_FROM 11u /* severity: below are messages */

enum token {
	TOKEN_OFFSET = 0x78,
	TOKEN_RETURN_STATUS = 0x79,
	TOKEN_COLUMNS = 0x81,
	TOKEN_TABLE_NAME = 0xa4,
	TOKEN_COLUMN_INFO = 0xa5,
	TOKEN_ORDER = 0xa9,
	TOKEN_ERROR = 0xaa,
	TOKEN_INFO = 0xab,
	TOKEN_RETURN_VALUE = 0xac,
	TOKEN_LOGIN_ACK = 0xad,
	TOKEN_FEATURES = 0xae,
	TOKEN_ENVIRONMENT = 0xe3,
	TOKEN_SESSION = 0xe4,
	TOKEN_SSPI = 0xed,
	TOKEN_FED_AUTH = 0xee,
	TOKEN_DONE = 0xfd,
	TOKEN_DONE_PROC = 0xfe,
	TOKEN_DONE_IN_PROC = 0xff,
};

enum length {
	LENGTH_OWN,
	LENGTH_16,
	LENGTH_32,
};

static const struct {
	uint8_t token;
	enum length length;
} tokens[] = {
	{TOKEN_ENVIRONMENT, LENGTH_16},	  {TOKEN_ERROR, LENGTH_16},	     {TOKEN_INFO, LENGTH_16},
	{TOKEN_LOGIN_ACK, LENGTH_16},	  {TOKEN_ORDER, LENGTH_16},	     {TOKEN_TABLE_NAME, LENGTH_16},
	{TOKEN_COLUMN_INFO, LENGTH_16},	  {TOKEN_SSPI, LENGTH_16},	     {TOKEN_SESSION, LENGTH_32},
	{TOKEN_FED_AUTH, LENGTH_32},	  {TOKEN_DONE, LENGTH_OWN},	     {TOKEN_DONE_PROC, LENGTH_OWN},
	{TOKEN_DONE_IN_PROC, LENGTH_OWN}, {TOKEN_RETURN_STATUS, LENGTH_OWN}, {TOKEN_RETURN_VALUE, LENGTH_OWN},
	{TOKEN_COLUMNS, LENGTH_OWN},	  {TOKEN_FEATURES, LENGTH_OWN},	     {TOKEN_OFFSET, LENGTH_OWN},
};

bool tds_is_token(uint8_t byte)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(tokens); i++) {
		if (tokens[i].token == byte)
			return true;
	}
	return false;
}

/* --- single tokens -----------------------------------------------------------------------------------------------------------
 */

struct done {
	uint16_t status;
	uint16_t command;
	uint64_t rows;
};

static bool read_done(struct tt_cursor *c, bool wide, struct done *ret)
{
	ret->status = tt_cursor_le16(c);
	ret->command = tt_cursor_le16(c);
	ret->rows = wide ? tt_cursor_le64(c) : tt_cursor_le32(c);
	return !tt_cursor_short(c) && !(ret->status & ~DONE_BITS) && ret->rows < ROWS_MOST;
}

static void count(const struct done *d, struct tds_outcome *o)
{
	static const uint16_t changes[] = {0xc3, 0xc4, 0xc5, 0xf0, 0x117}; /* INSERT, DELETE, UPDATE, bulk INSERT, MERGE */

	if (!(d->status & DONE_COUNT))
		return;
	if (d->command == 0xc1) { /* SELECT */
		o->returned += d->rows;
		o->has_returned = true;
	}
	for (size_t i = 0; i < TT_ARRAY_LEN(changes); i++) {
		if (d->command == changes[i]) {
			o->affected += d->rows;
			o->has_affected = true;
		}
	}
}

static void take_done(const struct done *d, struct tds_outcome *o)
{
	o->done |= !(d->status & DONE_MORE);
	o->error |= d->status & (DONE_ERROR | DONE_SERVER_ERROR);
	o->attention |= d->status & DONE_ATTENTION;
}

/* The body of an ERROR: it must fill what its length says. */
static bool read_error(struct tt_span body, struct tds_outcome *o)
{
	struct tt_cursor c = tt_cursor(body);
	int32_t number = (int32_t)tt_cursor_le32(&c);

	tt_cursor_u8(&c);
	uint8_t severity = tt_cursor_u8(&c);
	struct tt_span text = tt_cursor_take(&c, 2 * (size_t)tt_cursor_le16(&c));
	tt_cursor_skip(&c, 2 * (size_t)tt_cursor_u8(&c));
	tt_cursor_skip(&c, 2 * (size_t)tt_cursor_u8(&c));
	size_t line = tt_cursor_left(&c);
	if (tt_cursor_short(&c) || severity > 25 || (line != 2 && line != 4))
		return false;
	o->error |= severity >= FAILS_FROM;
	if (!o->has_number && severity >= FAILS_FROM) {
		o->number = number;
		o->text = text;
		o->has_number = true;
	}
	return true;
}

static void read_environment(struct tt_span body, struct tds_outcome *o)
{
	struct tt_cursor c = tt_cursor(body);

	if (tt_cursor_u8(&c) != 1) /* the database */
		return;
	struct tt_span name = tt_cursor_take(&c, 2 * (size_t)tt_cursor_u8(&c));
	if (tt_cursor_short(&c))
		return;
	o->db = name;
	o->has_db = true;
}

/* A prepared statement's handle, the only value returned that is looked at. */
static bool read_return_value(struct tt_cursor *c, bool wide, struct tds_outcome *o)
{
	tt_cursor_le16(c);
	tt_cursor_skip(c, 2 * (size_t)tt_cursor_u8(c));
	tt_cursor_skip(c, 1 + (wide ? 4 : 2) + 2);
	uint8_t type = tt_cursor_u8(c), most = tt_cursor_u8(c), len = tt_cursor_u8(c);
	if (type != 0x26 || most != 4 || (len != 4 && len != 0))
		return false;
	uint32_t value = len ? tt_cursor_le32(c) : 0;
	if (tt_cursor_short(c))
		return false;
	if (len && !o->has_handle) {
		o->handle = value;
		o->has_handle = true;
	}
	return true;
}

static bool pass_features(struct tt_cursor *c)
{
	for (unsigned i = 0; i < 64 && !tt_cursor_short(c); i++) {
		if (tt_cursor_u8(c) == 0xff)
			return !tt_cursor_short(c);
		tt_cursor_skip(c, tt_cursor_le32(c));
	}
	return false;
}

/* --- from the front ----------------------------------------------------------------------------------------------------------
 */

static bool read_own(struct tt_cursor *c, uint8_t token, bool wide, struct tds_outcome *o)
{
	struct done d;

	switch (token) {
	case TOKEN_DONE:
	case TOKEN_DONE_PROC:
	case TOKEN_DONE_IN_PROC:
		if (!read_done(c, wide, &d))
			return false;
		take_done(&d, o);
		count(&d, o);
		return true;
	case TOKEN_RETURN_STATUS:
	case TOKEN_OFFSET:
		return tt_cursor_skip(c, 4);
	case TOKEN_RETURN_VALUE:
		return read_return_value(c, wide, o);
	case TOKEN_FEATURES:
		return pass_features(c);
	default:
		return false;
	}
}

static bool read_sized(struct tt_cursor *c, uint8_t token, enum length length, struct tds_outcome *o)
{
	size_t len = length == LENGTH_16 ? tt_cursor_le16(c) : tt_cursor_le32(c);
	struct tt_span body = tt_cursor_take(c, len);

	if (tt_cursor_short(c))
		return false;
	if (token == TOKEN_ERROR)
		return read_error(body, o);
	if (token == TOKEN_ENVIRONMENT)
		read_environment(body, o);
	if (token == TOKEN_LOGIN_ACK && body.len >= 5) {
		struct tt_cursor in = tt_cursor(body);
		tt_cursor_u8(&in);
		o->version = tt_cursor_be32(&in);
		o->has_version = true;
	}
	return true;
}

/* Reads tokens up to one that cannot be passed over. True: to the end. */
static bool read_forth(struct tt_span bytes, bool wide, struct tds_outcome *o)
{
	struct tt_cursor c = tt_cursor(bytes);

	while (tt_cursor_left(&c)) {
		uint8_t token = tt_cursor_u8(&c);
		size_t row = 0;
		while (row < TT_ARRAY_LEN(tokens) && tokens[row].token != token)
			row++;
		if (row == TT_ARRAY_LEN(tokens))
			return false;
		bool read = tokens[row].length == LENGTH_OWN ? read_own(&c, token, wide, o)
							     : read_sized(&c, token, tokens[row].length, o);
		if (!read)
			return false;
	}
	return bytes.len > 0;
}

/* --- from the end ------------------------------------------------------------------------------------------------------------
 */

static bool done_at(struct tt_span tail, size_t end, bool wide, struct done *ret, uint8_t *ret_token)
{
	size_t size = wide ? 13 : 9;

	if (end < size)
		return false;
	struct tt_cursor c = tt_cursor(tt_span_sub(tail, end - size, size));
	*ret_token = tt_cursor_u8(&c);
	return *ret_token >= TOKEN_DONE && read_done(&c, wide, ret);
}

/* A returned handle that ends there. Returns where it begins; `end` if there is none. */
static size_t return_value_at(struct tt_span tail, size_t end, bool wide, struct tds_outcome *o)
{
	size_t fixed = wide ? 18 : 16;

	for (size_t name = 0; name <= 64 && fixed + 2 * name <= end; name++) {
		size_t at = end - fixed - 2 * name;
		if (tail.data[at] != TOKEN_RETURN_VALUE || tail.data[at + 3] != name)
			continue;
		struct tt_cursor c = tt_cursor(tt_span_sub(tail, at + 1, end - at - 1));
		if (read_return_value(&c, wide, o) && !tt_cursor_left(&c))
			return at;
	}
	return end;
}

/* An ERROR that ends there. */
static void error_at(struct tt_span tail, size_t end, struct tds_outcome *o)
{
	for (size_t at = end; at-- > 0 && !o->has_number;) {
		if (tail.data[at] != TOKEN_ERROR || end - at < 3)
			continue;
		struct tt_cursor c = tt_cursor(tt_span_sub(tail, at + 1, end - at - 1));
		uint16_t len = tt_cursor_le16(&c);
		if (len == tt_cursor_left(&c))
			read_error(tt_cursor_rest(&c), o);
	}
}

static bool read_back(struct tt_span tail, bool wide, struct tds_outcome *o)
{
	size_t size = wide ? 13 : 9, end = tail.len;
	struct done last, within;
	uint8_t token, before;

	if (!done_at(tail, end, wide, &last, &token) || token == TOKEN_DONE_IN_PROC || (last.status & DONE_MORE))
		return false;
	take_done(&last, o);
	end -= size;
	if (token == TOKEN_DONE) {
		count(&last, o);
	} else { /* of a procedure: its values, its status, then the end of its last statement */
		size_t values = return_value_at(tail, end, wide, o);
		size_t status = values >= 5 && tail.data[values - 5] == TOKEN_RETURN_STATUS ? values - 5 : values;
		end = values;
		if (done_at(tail, status, wide, &within, &before) && before == TOKEN_DONE_IN_PROC &&
		    (within.status & DONE_MORE)) {
			count(&within, o);
			o->error |= within.status & DONE_ERROR;
			end = status - size;
		}
	}
	if (o->error)
		error_at(tail, end, o);
	return true;
}

void tds_read_tokens(struct tt_span head, bool whole, struct tt_span tail, uint32_t version, struct tds_outcome *ret)
{
	bool wide = !version || version >= TDS_VERSION_72;

	*ret = (struct tds_outcome){0};
	if (read_forth(head, wide, ret) && whole && ret->done)
		return;
	if (whole && !version) { /* mid-connection, of an old version perhaps */
		struct tds_outcome narrow = {0};
		if (read_forth(head, false, &narrow) && narrow.done) {
			*ret = narrow;
			return;
		}
	}
	/* What the front told of ends and counts is told again by the end. */
	ret->done = ret->attention = ret->has_returned = ret->has_affected = false;
	ret->returned = ret->affected = 0;
	if (!read_back(tail, wide, ret) && !version)
		read_back(tail, false, ret);
}
