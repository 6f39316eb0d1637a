// SPDX-License-Identifier: Apache-2.0
/* MySQL: greeting, log-in, change of user, and the capabilities both ends agreed on. */
#include "base/text.h"
#include "proto/mysql_internal.h"
#include "proto/tls.h"

#include <stdlib.h>

bool mysql_set_db(char **db, uint16_t *db_len, struct tt_span name)
{
	*db_len = 0;
	if (!name.len)
		return true;
	if (name.len > MYSQL_DB_MAX || (!*db && !(*db = malloc(MYSQL_DB_MAX))))
		return false;
	memcpy(*db, name.data, name.len);
	*db_len = (uint16_t)name.len;
	return true;
}

bool mysql_is_greeting(struct tt_span payload)
{
	struct tt_cursor c = tt_cursor(payload);

	if (tt_cursor_u8(&c) != 10)
		return false;
	struct tt_span version = tt_cursor_until(&c, 0);
	if (tt_cursor_short(&c) || version.len < 3 || version.len > 128 || !tt_is_text(version))
		return false;
	tt_cursor_skip(&c, 4 + 8); /* thread, challenge */
	uint8_t filler = tt_cursor_u8(&c);
	return !tt_cursor_short(&c) && filler == 0;
}

void mysql_read_greeting(struct mysql_state *st, struct tt_span payload)
{
	static const struct tt_span name = TT_SPAN_LIT("MariaDB");
	struct tt_cursor c = tt_cursor(payload);

	tt_cursor_u8(&c);
	struct tt_span version = tt_cursor_until(&c, 0);
	for (size_t i = 0; i + name.len <= version.len; i++) {
		if (tt_span_eq(tt_span_sub(version, i, name.len), name))
			st->mariadb = true;
	}
	tt_cursor_skip(&c, 4 + 8 + 1);
	uint32_t caps = tt_cursor_le16(&c);
	tt_cursor_skip(&c, 1 + 2); /* charset, status */
	caps |= (uint32_t)tt_cursor_le16(&c) << 16;
	tt_cursor_skip(&c, 1 + 6); /* length of the challenge, reserved */
	uint32_t ext = tt_cursor_le32(&c);
	if (tt_cursor_short(&c))
		return;
	st->server_caps = caps;
	st->server_ext = caps & MYSQL_CLIENT_MYSQL ? 0 : ext;
	st->server_known = true;
	if (!(caps & MYSQL_CLIENT_MYSQL))
		st->mariadb = true;
}

enum mysql_known mysql_has(const struct mysql_state *st, uint32_t capability)
{
	if ((st->client_known && !(st->client_caps & capability)) || (st->server_known && !(st->server_caps & capability)))
		return MYSQL_NO;
	return st->client_known && st->server_known ? MYSQL_YES : MYSQL_UNKNOWN;
}

bool mysql_is_compressed(const struct mysql_state *st)
{
	/* A client that asks where the greeting was not seen (log-in inside TLS) would not ask in vain. */
	return st->client_known && (mysql_has(st, MYSQL_COMPRESS) != MYSQL_NO || mysql_has(st, MYSQL_ZSTD) != MYSQL_NO);
}

bool mysql_is_login(struct tt_span payload, bool whole)
{
	struct tt_cursor c = tt_cursor(payload);
	uint32_t caps = tt_cursor_le32(&c);

	tt_cursor_skip(&c, 4 + 1); /* largest packet, charset */
	struct tt_span filler = tt_cursor_take(&c, 19);
	tt_cursor_skip(&c, 4); /* MariaDB: extended capabilities */
	if (tt_cursor_short(&c) || !(caps & MYSQL_PROTOCOL_41))
		return false;
	for (size_t i = 0; i < filler.len; i++) {
		if (filler.data[i])
			return false;
	}
	if (tt_cursor_left(&c) == 0)
		return caps & MYSQL_SSL;
	struct tt_span user = tt_cursor_until(&c, 0);
	return (!tt_cursor_short(&c) || !whole) && tt_is_text(user);
}

/* The scrambled password, in the form the capabilities say. */
static void skip_password(struct tt_cursor *c, uint32_t caps)
{
	if (caps & MYSQL_AUTH_LENENC)
		mysql_lenenc_str(c);
	else if (caps & MYSQL_SECURE_CONNECTION)
		tt_cursor_skip(c, tt_cursor_u8(c));
	else
		tt_cursor_until(c, 0);
}

static void set_user(struct mysql_state *st, struct tt_message *m, struct tt_span user, struct tt_span db)
{
	if (user.len)
		tt_message_attr(m, tt_db_user, user);
	if (db.len)
		tt_message_attr(m, tt_db_namespace, db);
	mysql_set_db(&st->login_db, &st->login_db_len, db);
}

enum tt_step mysql_read_login(struct tt_link *link, struct mysql_state *st, struct tt_input *in, struct tt_span payload,
			      size_t at)
{
	struct tt_cursor c = tt_cursor(payload);
	uint32_t caps = tt_cursor_le32(&c);

	if ((caps & MYSQL_SSL) && payload.len == 32) {
		in->c.pos = at + MYSQL_HEADER + payload.len;
		return st->server_known ? tt_tls_takes_over(link) : TT_DONE;
	}
	tt_cursor_skip(&c, 4 + 1 + 19);
	uint32_t ext = tt_cursor_le32(&c);
	struct tt_span user = tt_cursor_until(&c, 0);
	skip_password(&c, caps);
	struct tt_span db = caps & MYSQL_CONNECT_WITH_DB ? tt_cursor_until(&c, 0) : tt_span(NULL, 0);

	st->client_caps = caps;
	st->client_ext = caps & MYSQL_CLIENT_MYSQL ? 0 : ext;
	st->client_known = true;

	struct tt_message *m = mysql_message_begin(link, st, TT_REQUESTS, in, at);
	st->req.open = m;
	if (m)
		m->kind = MYSQL_LOGIN;
	mysql_begin_attributes(st, m, false);
	tt_sql_operation(m, TT_SPAN_LIT("CONNECT"));
	if (db.len)
		tt_message_text(m, TT_TEXT_RESOURCE, db);
	set_user(st, m, user, db);
	return TT_PARSED;
}

void mysql_read_change_user(struct mysql_state *st, struct tt_message *m, struct tt_cursor c)
{
	struct tt_span user = tt_cursor_until(&c, 0);

	/* The length-encoded form does not apply here. */
	skip_password(&c, st->client_known ? st->client_caps & ~(uint32_t)MYSQL_AUTH_LENENC : MYSQL_SECURE_CONNECTION);
	struct tt_span db = tt_cursor_until(&c, 0);
	set_user(st, m, user, db);
}
