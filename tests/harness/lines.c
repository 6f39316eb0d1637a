// SPDX-License-Identifier: Apache-2.0
#include "harness/lines.h"

#include <stdlib.h>
#include <string.h>

static void put(struct tt_buf *b, struct tt_span s)
{
	if (!s.data)
		tt_buf_add_char(b, '-');
	for (size_t i = 0; s.data && i < s.len; i++) {
		if (s.data[i] < ' ' || s.data[i] > '~')
			tt_buf_printf(b, "\\x%02x", s.data[i]);
		else
			tt_buf_add_char(b, (char)s.data[i]);
	}
}

static void put_attributes(struct tt_buf *b, const struct tt_message *m, bool *first)
{
	for (uint32_t i = 0; m && i < m->attribute_count; i++) {
		const struct tt_attribute *a = &m->attributes[i];
		if (!*first)
			tt_buf_add_char(b, ',');
		*first = false;
		tt_buf_printf(b, "%s=", a->key);
		if (a->type == TT_ATTR_STRING)
			put(b, tt_message_attr_span(m, a));
		else
			tt_buf_printf(b, "%lld", (long long)a->number);
	}
}

void tt_lines_add(struct tt_buf *b, const struct tt_exchange *x, bool with_protocol)
{
	bool first = true;

	if (with_protocol)
		tt_buf_printf(b, "%s|", x->proto->name);
	if (x->request->back)
		tt_buf_add_char(b, '<');
	put(b, tt_exchange_text(x, TT_TEXT_OPERATION));
	tt_buf_add_char(b, '|');
	put(b, tt_exchange_text(x, TT_TEXT_RESOURCE));
	tt_buf_add_char(b, '|');
	put(b, tt_message_get(x->response, TT_TEXT_STATUS));
	tt_buf_add_char(b, '|');
	put(b, tt_exchange_error_type(x));
	tt_buf_printf(b, "|%llu|%llu|%s|", (unsigned long long)x->request_bytes, (unsigned long long)x->response_bytes,
		      x->complete ? "complete" : "incomplete");
	put_attributes(b, x->request, &first);
	put_attributes(b, x->response, &first);
	tt_buf_add_char(b, '\n');
}

/* Where the attributes of a line begin. */
static size_t attributes_at(const char *line, size_t len)
{
	static const char complete[] = "|complete|";
	const char *at = memmem(line, len, complete, sizeof(complete) - 1);
	return at ? (size_t)(at - line) + sizeof(complete) - 1 : len;
}

/* Is the attribute among those of the other line? */
static bool has_attribute(const char *attributes, size_t len, const char *one, size_t one_len)
{
	while (len >= one_len) {
		const char *comma = memchr(attributes, ',', len);
		size_t n = comma ? (size_t)(comma - attributes) : len;
		if (n == one_len && memcmp(attributes, one, n) == 0)
			return true;
		if (!comma)
			return false;
		attributes += n + 1;
		len -= n + 1;
	}
	return false;
}

/* The same, but for attributes that are not known: they may have followed from what was lost. */
static bool is_same_or_knows_less(const char *wanted, size_t wanted_len, const char *line, size_t len)
{
	size_t head = attributes_at(line, len);

	if (attributes_at(wanted, wanted_len) != head || memcmp(wanted, line, head) != 0)
		return false;
	for (size_t at = head; at < len;) {
		const char *comma = memchr(line + at, ',', len - at);
		size_t n = comma ? (size_t)(comma - line) - at : len - at;
		if (!has_attribute(wanted + head, wanted_len - head, line + at, n))
			return false;
		at += n + 1;
	}
	return true;
}

/* Takes the line out of `pool` if it is there; the very same one before one that knows more. */
static bool take_line(char *pool, const char *line, size_t len)
{
	for (int exactly = 1; exactly >= 0; exactly--) {
		for (char *at = pool; *at;) {
			size_t n = strcspn(at, "\n");
			if (exactly ? n == len && memcmp(at, line, len) == 0 : is_same_or_knows_less(at, n, line, len)) {
				memset(at, '\1', n);
				return true;
			}
			at += n + (at[n] == '\n');
		}
	}
	return false;
}

char *tt_lines_wrong(const char *got, const char *expected, bool (*less)(const char *line, const char *expected))
{
	tt_free_auto char *pool = strdup(expected);
	for (const char *at = got; *at;) {
		size_t n = strcspn(at, "\n");
		tt_free_auto char *line = strndup(at, n);
		if (*line != '~' && strstr(line, "|complete|") && !take_line(pool, at, n) && !less(line, expected))
			return strdup(line);
		at += n + (at[n] == '\n');
	}
	return NULL;
}
