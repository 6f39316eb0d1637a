// SPDX-License-Identifier: Apache-2.0
/*
 * Routes and patterns of names. One byte: the limit of routes, bit 7 that nothing is learned; then paths, one a line, in which
 * bytes below 10 stand for values of parameters with the marker in them. Of a route nothing may come out that redaction would
 * hide, there are no more of them than there may be, and patterns of keys, hosts and queues are bounded by what they are made of.
 */
#include "marker.h"
#include "sink/pattern.h"
#include "sink/redact.h"
#include "sink/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROUTES_MOST 20

static void patterns(struct tt_span name)
{
	static void (*const makes[])(struct tt_buf *, struct tt_span) = {tt_pattern_key, tt_pattern_host, tt_pattern_destination};

	for (size_t i = 0; i < TT_ARRAY_LEN(makes); i++) {
		tt_buf_auto struct tt_buf out = TT_BUF(1 << 16);
		makes[i](&out, name);
		marker_must(out.len <= name.len * (sizeof(TT_PATTERN_ID) - 1));
	}
}

static void path(struct tt_routes *r, struct tt_span text, bool learn)
{
	tt_buf_auto struct tt_buf route = TT_BUF(1 << 16), shown = TT_BUF(1 << 16);

	bool known = tt_routes_path(r, TT_SPAN_LIT("shop"), text, learn, &route);
	marker_must(known == (route.len != 0));
	marker_check(&route, text.len * (sizeof(TT_PATTERN_ID) - 1) + sizeof(TT_ROUTE_OTHER));
	tt_redact_path(&shown, tt_buf_span(&route));
	marker_must(tt_span_eq(tt_buf_span(&shown), tt_buf_span(&route)));
	/* It was learned, or it is none: asked again without learning it is the same. */
	tt_buf_clear(&shown);
	if (known && !tt_span_eq(tt_buf_span(&route), TT_SPAN_LIT(TT_ROUTE_OTHER))) {
		marker_must(tt_routes_path(r, TT_SPAN_LIT("shop"), text, false, &shown));
		marker_must(tt_span_eq(tt_buf_span(&shown), tt_buf_span(&route)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const values[] = {";p=ZQXZ", "/k=ZQXZ/", "/k%3DZQXZ/", "/ZQXZ@h/", ";ZQXZ/"};
	struct tt_routes *r = NULL;
	struct tt_limits limits;

	if (size < 1 || size > 2048)
		return 0;
	tt_limits_init(&limits);
	limits.value[TT_LIMIT_ROUTES] = 4 + (data[0] & 0x7f) % ROUTES_MOST;
	limits.value[TT_LIMIT_SERVICES] = 4;
	marker_must(tt_routes_new(&r, &limits) == 0);
	for (size_t from = 1; from < size;) {
		tt_buf_auto struct tt_buf text = TT_BUF(1 << 15);
		size_t to = from;
		tt_buf_add_char(&text, '/');
		for (; to < size && data[to] != '\n'; to++) {
			if (data[to] < 10)
				tt_buf_add_str(&text, values[data[to] % TT_ARRAY_LEN(values)]);
			else
				marker_byte(&text, data[to]);
		}
		path(r, tt_pattern_path(tt_buf_span(&text)), !(data[0] >> 7));
		patterns(tt_span(data + from, to - from));
		from = to + 1;
	}
	r = tt_routes_free(r);
	return 0;
}
