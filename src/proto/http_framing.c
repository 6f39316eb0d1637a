// SPDX-License-Identifier: Apache-2.0
#include "proto/http_framing.h"
#include "base/digits.h"

/* The next element of a comma-separated list, without spaces around it; false at its end. */
static bool http_list_next(struct tt_span *list, struct tt_span *ret)
{
	if (!list->len)
		return false;
	ptrdiff_t comma = tt_span_find(*list, ',');
	size_t len = comma < 0 ? list->len : (size_t)comma;
	*ret = tt_span_trim(tt_span_sub(*list, 0, len));
	*list = tt_span_sub(*list, len + 1, SIZE_MAX);
	return true;
}

static bool http_decimal(struct tt_span text, uint64_t *ret)
{
	uint64_t v = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t digit = (uint8_t)(text.data[i] - '0');
		if (digit > 9 || v > TT_HTTP_LENGTH_MAX / 10)
			return false;
		v = v * 10 + digit;
	}
	if (text.len == 0 || v > TT_HTTP_LENGTH_MAX)
		return false;
	*ret = v;
	return true;
}

void tt_http_framing_length(struct tt_http_framing *f, struct tt_span value)
{
	/* One value said twice, in one field or several, is still one value (section 6.3, case 5). */
	struct tt_span element;
	bool any = false;
	while (http_list_next(&value, &element)) {
		uint64_t length = 0;
		if (!http_decimal(element, &length) || (f->counted && length != f->length)) {
			f->doubtful = true;
			return;
		}
		f->counted = any = true;
		f->length = length;
	}
	if (!any)
		f->doubtful = true;
}

void tt_http_framing_coding(struct tt_http_framing *f, struct tt_span value)
{
	struct tt_span element;
	f->coded = true;
	while (http_list_next(&value, &element)) {
		if (!element.len)
			continue;
		if (f->chunked)
			f->doubtful = true; /* something after chunked, or chunked twice */
		if (tt_span_ieq(element, TT_SPAN_LIT("chunked")))
			f->chunked = true;
		else if (!tt_span_ieq(element, TT_SPAN_LIT("identity")))
			f->other = true;
	}
}

enum tt_http_content tt_http_response_content(const struct tt_http_framing *f, unsigned status, bool bodiless)
{
	if (bodiless || status < 200 || status == 204 || status == 304)
		return TT_HTTP_NONE;
	/* `identity` was once a coding, and changed nothing. */
	if (f->doubtful || (f->counted && (f->chunked || f->other)))
		return TT_HTTP_DOUBTFUL;
	if (f->chunked)
		return TT_HTTP_CHUNKED;
	if (f->coded && f->other)
		return TT_HTTP_TO_EOF;
	if (f->counted)
		return f->length ? TT_HTTP_COUNTED : TT_HTTP_NONE;
	return TT_HTTP_TO_EOF;
}

bool tt_http_chunk_size(struct tt_span line, uint64_t *ret)
{
	uint64_t size = 0;
	size_t n = 0;
	for (; n < line.len && tt_hex_digit(line.data[n]) >= 0; n++) {
		if (size > TT_HTTP_LENGTH_MAX >> 4)
			return false;
		size = size << 4 | (unsigned)tt_hex_digit(line.data[n]);
	}
	if (n == 0 || size > TT_HTTP_LENGTH_MAX)
		return false;

	/* Some writers pad the size with spaces. */
	struct tt_span rest = tt_span_trim(tt_span_sub(line, n, SIZE_MAX));
	if (rest.len && rest.data[0] != ';')
		return false;
	*ret = size;
	return true;
}
