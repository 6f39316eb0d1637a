// SPDX-License-Identifier: Apache-2.0
#include "sink/json.h"

#include <math.h>

#include "sink/utf8.h"

static void tt_json_separate(struct tt_json *j)
{
	if (j->comma)
		tt_buf_add_char(j->out, ',');
	j->comma = true;
}

void tt_json_object(struct tt_json *j)
{
	tt_json_separate(j);
	tt_buf_add_char(j->out, '{');
	j->comma = false;
}

void tt_json_object_end(struct tt_json *j)
{
	tt_buf_add_char(j->out, '}');
	j->comma = true;
}

void tt_json_array(struct tt_json *j)
{
	tt_json_separate(j);
	tt_buf_add_char(j->out, '[');
	j->comma = false;
}

void tt_json_array_end(struct tt_json *j)
{
	tt_buf_add_char(j->out, ']');
	j->comma = true;
}

static bool tt_json_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* One character that needs more than a copy; returns how many bytes of the text it was. */
static size_t tt_json_escape(struct tt_buf *out, const uint8_t *p, size_t left)
{
	static const char letters[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
	static const char hex[] = "0123456789abcdef";
	uint8_t c = p[0];

	if (c >= 0x80) {
		size_t len = tt_utf8_length(p, left);
		if (len)
			tt_buf_add(out, p, len);
		else
			tt_buf_add(out, "\\ufffd", 6);
		return len ? len : 1;
	}
	if (c < sizeof(letters) && letters[c]) {
		char text[2] = {'\\', letters[c]};
		tt_buf_add(out, text, sizeof(text));
	} else {
		char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
		tt_buf_add(out, text, sizeof(text));
	}
	return 1;
}

/* Not 0 if one of the eight characters may need more than a copy. */
static uint64_t tt_json_special(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t low = word - 0x20 * ones, quote = (word ^ '"' * ones) - ones, slash = (word ^ '\\' * ones) - ones,
		 del = (word ^ 0x7f * ones) - ones;
	/* A borrow from the character before only ever follows a hit there. */
	return (word | low | quote | slash | del) & 0x80 * ones;
}

/*
 * Copies the text if all of it is plain; false if it is not. Works on whole words: `to` has room for seven bytes more than the
 * text.
 */
static bool tt_json_copy_plain(uint8_t *to, const uint8_t *from, size_t len)
{
	uint64_t word = UINT64_C(0x2020202020202020), special = 0;

	if (len < 8) {
		tt_copy_short((uint8_t *)&word, from, len);
		memcpy(to, &word, 8);
		return tt_json_special(word) == 0;
	}
	for (size_t n = 0; n + 8 < len; n += 8) {
		memcpy(&word, from + n, 8);
		special |= tt_json_special(word);
		memcpy(to + n, &word, 8);
	}
	memcpy(&word, from + len - 8, 8);
	memcpy(to + len - 8, &word, 8);
	return (special | tt_json_special(word)) == 0;
}

static void tt_json_text(struct tt_buf *out, struct tt_span s)
{
	for (size_t i = 0; i < s.len;) {
		size_t run = i;
		while (run < s.len && tt_json_plain(s.data[run]))
			run++;
		tt_buf_add(out, s.data + i, run - i);
		i = run;
		if (i < s.len)
			i += tt_json_escape(out, s.data + i, s.len - i);
	}
}

void tt_json_string(struct tt_json *j, struct tt_span s)
{
	struct tt_buf *out = j->out;

	if (!s.data) {
		tt_json_null(j);
		return;
	}
	tt_json_separate(j);
	tt_buf_add_char(out, '"');
	if (s.len + 8 <= out->cap - out->len && tt_json_copy_plain(out->data + out->len, s.data, s.len))
		out->len += s.len;
	else
		tt_json_text(out, s);
	tt_buf_add_char(out, '"');
}

void tt_json_u64(struct tt_json *j, uint64_t v)
{
	tt_json_separate(j);
	tt_buf_add_u64(j->out, v);
}

void tt_json_i64(struct tt_json *j, int64_t v)
{
	tt_json_separate(j);
	tt_buf_add_i64(j->out, v);
}

void tt_json_bool(struct tt_json *j, bool v)
{
	tt_json_raw(j, v ? TT_SPAN_LIT("true") : TT_SPAN_LIT("false"));
}

void tt_json_null(struct tt_json *j)
{
	tt_json_raw(j, TT_SPAN_LIT("null"));
}

void tt_json_double(struct tt_json *j, double v)
{
	if (!isfinite(v)) {
		tt_json_null(j);
		return;
	}
	tt_json_separate(j);
	tt_buf_printf(j->out, "%.3f", v);
}

void tt_json_raw(struct tt_json *j, struct tt_span s)
{
	tt_json_separate(j);
	tt_buf_add(j->out, s.data, s.len);
}
