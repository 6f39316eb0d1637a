// SPDX-License-Identifier: Apache-2.0
/* TDS: PRELOGIN ([MS-TDS] 2.2.6.5) and LOGIN7 (2.2.6.4). */
#include "base/own.h"
#include "proto/tds.h"

#define OPTION_END 0xffu
#define OPTION_ENCRYPTION 1u
#define OPTION_MOST 16u
#define LOGIN_FIXED 94u

/* Where the login's user and database stand: place and length of the text. */
#define LOGIN_USER 40u
#define LOGIN_DATABASE 68u

static bool find_option(struct tt_span payload, uint8_t wanted, struct tt_span *ret)
{
	struct tt_cursor c = tt_cursor(payload);

	*ret = tt_span(NULL, 0);
	for (unsigned i = 0; i < OPTION_MOST; i++) {
		uint8_t type = tt_cursor_u8(&c);
		if (tt_cursor_short(&c) || (i == 0 && type != 0))
			return false;
		if (type == OPTION_END)
			return i > 0;
		uint16_t off = tt_cursor_be16(&c), len = tt_cursor_be16(&c);
		if (tt_cursor_short(&c) || (size_t)off + len > payload.len || (i == 0 && len != 6))
			return false;
		if (type == wanted)
			*ret = tt_span_sub(payload, off, len);
	}
	return false;
}

bool tds_is_prelogin(struct tt_span payload)
{
	struct tt_span value;

	return find_option(payload, OPTION_ENCRYPTION, &value);
}

struct tt_span tds_encryption(struct tt_span prelogin)
{
	static const char *const names[] = {"off", "on", "not_supported", "required"};
	struct tt_span value;

	if (!find_option(prelogin, OPTION_ENCRYPTION, &value) || value.len != 1)
		return tt_span(NULL, 0);
	struct tt_cursor c = tt_cursor(value);
	uint8_t code = tt_cursor_u8(&c) & 0x0f; /* above it stands what certificates are asked for */
	return code < TT_ARRAY_LEN(names) ? tt_span_str(names[code]) : tt_span(NULL, 0);
}

bool tds_is_login7(struct tt_span payload)
{
	struct tt_cursor c = tt_cursor(payload);
	uint32_t len = tt_cursor_le32(&c), version = tt_cursor_le32(&c), packet = tt_cursor_le32(&c);

	return !tt_cursor_short(&c) && len >= LOGIN_FIXED - 8 && len <= 128u << 10 && version >= 0x70000000 &&
	       version < 0x80000000 && packet <= 32767;
}

static struct tt_span text_at(struct tt_span payload, size_t at)
{
	struct tt_cursor c = tt_cursor(payload);

	tt_cursor_skip(&c, at);
	uint16_t off = tt_cursor_le16(&c), chars = tt_cursor_le16(&c);

	if (tt_cursor_short(&c) || (size_t)off + 2 * (size_t)chars > payload.len || chars > 128)
		return tt_span(NULL, 0);
	return tt_span_sub(payload, off, 2 * (size_t)chars);
}

void tds_describe_login(struct tds_state *st, struct tt_message *m, struct tt_span payload)
{
	tt_buf_auto struct tt_buf user = TT_BUF(TDS_DB_MOST), db = TT_BUF(TDS_DB_MOST);
	struct tt_cursor c = tt_cursor(payload);

	tt_cursor_skip(&c, 4);
	st->version = tt_cursor_le32(&c);
	tds_utf8(&user, text_at(payload, LOGIN_USER));
	tds_utf8(&db, text_at(payload, LOGIN_DATABASE));
	if (db.len) {
		tt_message_text(m, TT_TEXT_RESOURCE, tt_buf_span(&db));
		tt_message_attr(m, tt_db_namespace, tt_buf_span(&db));
	}
	if (user.len)
		tt_message_attr(m, tt_db_user, tt_buf_span(&user));
	st->db_len = 0; /* the server tells which one it is */
}
