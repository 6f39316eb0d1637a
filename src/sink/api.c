// SPDX-License-Identifier: Apache-2.0
#include "sink/api.h"

#include <errno.h>

#include "base/digits.h"

#include "sink/map.h"
#include "sink/prometheus.h"
#include "sink/recent.h"
#include "sink/services.h"

#define TT_API_EXCHANGES 50
#define TT_API_EXCHANGES_MOST 1000

/* --- queries
 * -------------------------------------------------------------------------------------------------------------------- */

/* Percent-decodes into `text`. -EINVAL for bad encoding or a value that is too long. */
static int tt_query_decode(struct tt_span s, char text[TT_API_VALUE_MAX], size_t *ret_len)
{
	size_t len = 0;
	for (size_t i = 0; i < s.len; i++, len++) {
		if (len == TT_API_VALUE_MAX)
			return -EINVAL;
		text[len] = s.data[i] == '+' ? ' ' : (char)s.data[i];
		if (s.data[i] != '%')
			continue;
		int high = i + 2 < s.len ? tt_hex_digit(s.data[i + 1]) : -1;
		int low = i + 2 < s.len ? tt_hex_digit(s.data[i + 2]) : -1;
		if (high < 0 || low < 0)
			return -EINVAL;
		text[len] = (char)(high << 4 | low);
		i += 2;
	}
	*ret_len = len;
	return 0;
}

int tt_api_query_text(struct tt_span query, const char *name, char text[TT_API_VALUE_MAX], struct tt_span *ret)
{
	*ret = tt_span(NULL, 0);
	while (query.len) {
		ptrdiff_t end = tt_span_find(query, '&');
		struct tt_span pair = end < 0 ? query : tt_span_sub(query, 0, (size_t)end);
		ptrdiff_t equals = tt_span_find(pair, '=');
		if (equals >= 0 && tt_span_eq(tt_span_sub(pair, 0, (size_t)equals), tt_span_str(name))) {
			size_t len = 0;
			int r = tt_query_decode(tt_span_sub(pair, (size_t)equals + 1, pair.len), text, &len);
			if (r == 0)
				*ret = tt_span(text, len);
			return r;
		}
		query = tt_span_sub(query, pair.len + 1, query.len);
	}
	return 0;
}

int tt_api_query_number(struct tt_span query, const char *name, uint64_t preset, uint64_t most, uint64_t *ret)
{
	char text[TT_API_VALUE_MAX];
	struct tt_span s;
	uint64_t v = 0;
	if (tt_api_query_text(query, name, text, &s) < 0)
		return -EINVAL;
	if (!s.data) {
		*ret = preset;
		return 0;
	}
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9' || v > most)
			return -EINVAL;
		v = v * 10 + (uint64_t)(s.data[i] - '0');
	}
	if (v < 1 || v > most)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* --- documents
 * ------------------------------------------------------------------------------------------------------------------ */

int tt_api_error(struct tt_buf *body, int status, const char *what)
{
	struct tt_json j = tt_json(body);
	tt_buf_clear(body);
	tt_json_object(&j);
	tt_json_key_text(&j, "error", what);
	tt_json_object_end(&j);
	return status;
}

static int tt_api_map(const struct tt_api *api, struct tt_span query, struct tt_buf *body)
{
	struct tt_json j = tt_json(body);
	if (!api->map)
		return tt_api_error(body, 404, "no service map here");
	tt_map_json(&j, api->map, api->wall_minus_mono_ns);
	return 200;
}

static int tt_api_services(const struct tt_api *api, struct tt_span query, struct tt_buf *body)
{
	struct tt_json j = tt_json(body);
	if (!api->services)
		return tt_api_error(body, 404, "no services here");
	tt_services_json(&j, api->services, api->wall_minus_mono_ns);
	return 200;
}

static int tt_api_operations(const struct tt_api *api, struct tt_span query, struct tt_buf *body)
{
	char text[TT_API_VALUE_MAX];
	struct tt_json j = tt_json(body);
	struct tt_span service;

	if (!api->services)
		return tt_api_error(body, 404, "no services here");
	if (tt_api_query_text(query, "service", text, &service) < 0)
		return tt_api_error(body, 400, "service: bad percent-encoding, or too long");
	int r = tt_services_operations_json(&j, api->services, api->wall_minus_mono_ns, service);
	if (r == -ENOENT)
		return tt_api_error(body, 404, "no such service");
	return r < 0 ? tt_api_error(body, 500, "out of memory") : 200;
}

static int tt_api_exchanges(const struct tt_api *api, struct tt_span query, struct tt_buf *body)
{
	char text[TT_API_VALUE_MAX];
	struct tt_json j = tt_json(body);
	struct tt_span kind;
	uint64_t limit;

	if (!api->recent)
		return tt_api_error(body, 404, "no exchanges here");
	if (tt_api_query_text(query, "kind", text, &kind) < 0)
		return tt_api_error(body, 400, "kind must be slowest or failed");
	bool failed = tt_span_eq(kind, TT_SPAN_LIT("failed"));
	if (!failed && !tt_span_eq(kind, TT_SPAN_LIT("slowest")))
		return tt_api_error(body, 400, "kind must be slowest or failed");
	if (tt_api_query_number(query, "limit", TT_API_EXCHANGES, TT_API_EXCHANGES_MOST, &limit) < 0)
		return tt_api_error(body, 400, "limit must be a number from 1 to 1000");
	int r = tt_recent_json(&j, api->recent, api->wall_minus_mono_ns, failed, limit);
	return r < 0 ? tt_api_error(body, 500, "out of memory") : 200;
}

static int tt_api_health(const struct tt_api *api, struct tt_span query, struct tt_buf *body)
{
	struct tt_json j = tt_json(body);
	if (!api->self)
		return tt_api_error(body, 404, "no health here");
	tt_selfstats_json(&j, api->self);
	return 200;
}

static int tt_api_metrics(const struct tt_api *api, struct tt_span query, struct tt_buf *body)
{
	if (api->series)
		tt_prometheus_write(body, api->series);
	if (api->self)
		tt_selfstats_write(body, api->self);
	return 200;
}

int tt_api_render(const struct tt_api *api, struct tt_span path, struct tt_span query, struct tt_buf *body, const char **ret_type)
{
	static const struct {
		const char *path;
		int (*render)(const struct tt_api *api, struct tt_span query, struct tt_buf *body);
		const char *type;
	} documents[] = {
		{"/api/v1/map", tt_api_map, "application/json"},
		{"/api/v1/services", tt_api_services, "application/json"},
		{"/api/v1/operations", tt_api_operations, "application/json"},
		{"/api/v1/exchanges", tt_api_exchanges, "application/json"},
		{"/api/v1/health", tt_api_health, "application/json"},
		{"/metrics", tt_api_metrics, TT_PROMETHEUS_TYPE},
	};

	*ret_type = "application/json";
	size_t i = 0;
	while (i < TT_ARRAY_LEN(documents) && !tt_span_eq(path, tt_span_str(documents[i].path)))
		i++;
	if (i == TT_ARRAY_LEN(documents))
		return tt_api_error(body, 404, "no such path; docs/api.md lists them");

	int status = documents[i].render(api, query, body);
	if (body->failed)
		return tt_api_error(body, 500, "the answer is larger than the limit answer_bytes");
	if (status == 200)
		*ret_type = documents[i].type;
	return status;
}
