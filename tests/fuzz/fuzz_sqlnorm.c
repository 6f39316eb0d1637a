// SPDX-License-Identifier: Apache-2.0
/*
 * Statements. One byte: dialect, and bit 7 that the server refused it; one of quoting; one that says where the text is cut; then
 * the text, in which each byte below 32 stands for a literal, a comment or white space as the dialect has them, each with the
 * marker inside. The same bytes are read as they are, too. The shape is never longer than the text, and its own shape.
 */
#include "marker.h"
#include "sink/sqlnorm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MOST 8192

static const char *const common[] = {
	" 'ZQXZ' ", " 'a''ZQXZ' ", " N'ZQXZ' ", " /* ZQXZ */ ", " -- ZQXZ\n", " _utf8'ZQXZ' ", " ( 'ZQXZ' , 1 ) ", "\t", "\n",
};

/* What only some dialects have. */
static const struct {
	enum tt_sql_dialect dialect;
	const char *pieces[5];
} own[] = {
	{TT_SQL_CQL, {" $$a'ZQXZ$$ ", " // ZQXZ '\n"}},
	{TT_SQL_CLICKHOUSE, {" 'a\\'ZQXZ' ", " /* /* ' */ ZQXZ */ ", " # ZQXZ '\n", " \"ZQXZ'\" "}},
	{TT_SQL_MYSQL, {" \"ZQXZ'\" ", " # ZQXZ '\n", " 'a\\'ZQXZ' ", " ; SET a = ZQXZ, `b` = `ZQXZ` ; "}},
	{TT_SQL_POSTGRESQL,
	 {" E'a\\'ZQXZ' ", " $a$ ZQXZ ' $a$ ", " /* /* ' */ ZQXZ */ ", " U&'ZQXZ' ",
	  " ; ALTER ROLE a SET b TO ZQXZ, \"ZQXZ\" ; "}},
	{TT_SQL_TSQL, {" \"ZQXZ'\" ", " /* /* ' */ ZQXZ */ ", " [a'] 'ZQXZ' ", " ; EXEC p @a = ZQXZ , ZQXZ ; "}},
};

/* These begin or end what the pieces are made of; a name in them would be shown. */
static bool opens(uint8_t c)
{
	return c >= 0x80 || strchr("'\"`[]\\$-/*#_&@!.", c);
}

static void piece(struct tt_buf *text, const struct tt_sql_rules *rules, uint8_t c)
{
	const char *p = NULL;

	if (c < TT_ARRAY_LEN(common)) {
		p = common[c];
	} else {
		for (size_t i = 0; i < TT_ARRAY_LEN(own); i++) {
			if (own[i].dialect == rules->dialect)
				p = own[i].pieces[c % TT_ARRAY_LEN(own[i].pieces)];
		}
	}
	bool escapes = p && strstr(p, " 'a\\'");
	if (p && !(escapes && rules->dialect == TT_SQL_MYSQL && rules->quoting == TT_QUOTING_PLAIN))
		tt_buf_add_str(text, p);
}

static void shape(struct tt_buf *out, struct tt_span text, const struct tt_sql_rules *rules)
{
	marker_must(tt_sql_normalise(out, text, rules) == 0);
	marker_must(out->len <= text.len);

	/* With an end of line behind it, as what may go on beyond the end of the text counts as a literal; dashes that were none
	 * may begin a comment where one was taken out behind them. */
	if (out->len && memmem(out->data, out->len, "--", 2))
		return;
	tt_buf_auto struct tt_buf again = TT_BUF(TEXT_MOST * 2), whole = TT_BUF(TEXT_MOST * 2);
	tt_buf_add(&whole, out->data, out->len);
	tt_buf_add_char(&whole, '\n');
	marker_must(tt_sql_normalise(&again, tt_buf_span(&whole), rules) == 0);
	marker_must(tt_span_eq(tt_buf_span(&again), tt_buf_span(out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3 || size > TEXT_MOST / 32)
		return 0;
	const struct tt_sql_rules rules = {
		.dialect = (data[0] & 0x7f) % TT_SQL_DIALECTS, .quoting = data[1] % 3, .refused = data[0] >> 7};
	tt_buf_auto struct tt_buf text = TT_BUF(TEXT_MOST), out = TT_BUF(TEXT_MOST * 2), raw = TT_BUF(TEXT_MOST * 2);

	for (size_t i = 3; i < size; i++) {
		if (data[i] < 32)
			piece(&text, &rules, data[i]);
		else if (!opens(data[i]))
			marker_byte(&text, data[i]);
	}
	struct tt_span cut = tt_span_sub(tt_buf_span(&text), 0, data[2] == 255 ? text.len : text.len * data[2] / 255);
	shape(&out, cut, &rules);
	marker_check(&out, cut.len);
	shape(&raw, tt_span(data + 3, size - 3), &rules);
	return 0;
}
