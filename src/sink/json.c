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

void tt_json_key(struct tt_json *j, const char *key)
{
	size_t len = strlen(key);
	if (tt_buf_reserve(j->out, len + 4) < 0)
		return;
	uint8_t *at = j->out->data + j->out->len;
	if (j->comma)
		*at++ = ',';
	*at++ = '"';
	memcpy(at, key, len);
	at += len;
	*at++ = '"';
	*at++ = ':';
	j->out->len = (size_t)(at - j->out->data);
	j->comma = false;
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

void tt_json_string(struct tt_json *j, struct tt_span s)
{
	if (!s.data) {
		tt_json_null(j);
		return;
	}

	tt_json_separate(j);
	tt_buf_add_char(j->out, '"');
	for (size_t i = 0; i < s.len;) {
		size_t run = i;
		while (run < s.len && tt_json_plain(s.data[run]))
			run++;
		tt_buf_add(j->out, s.data + i, run - i);
		i = run;
		if (i < s.len)
			i += tt_json_escape(j->out, s.data + i, s.len - i);
	}
	tt_buf_add_char(j->out, '"');
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

void tt_json_key_string(struct tt_json *j, const char *key, struct tt_span s)
{
	tt_json_key(j, key);
	tt_json_string(j, s);
}

void tt_json_key_text(struct tt_json *j, const char *key, const char *s)
{
	tt_json_key(j, key);
	tt_json_string(j, s && *s ? tt_span_str(s) : tt_span(NULL, 0));
}

void tt_json_key_u64(struct tt_json *j, const char *key, uint64_t v)
{
	tt_json_key(j, key);
	tt_json_u64(j, v);
}

void tt_json_key_u64_or_null(struct tt_json *j, const char *key, bool known, uint64_t v)
{
	tt_json_key(j, key);
	if (known)
		tt_json_u64(j, v);
	else
		tt_json_null(j);
}

void tt_json_key_double(struct tt_json *j, const char *key, double v)
{
	tt_json_key(j, key);
	tt_json_double(j, v);
}

void tt_json_key_bool(struct tt_json *j, const char *key, bool v)
{
	tt_json_key(j, key);
	tt_json_bool(j, v);
}
