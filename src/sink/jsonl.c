// SPDX-License-Identifier: Apache-2.0
#include "sink/jsonl.h"

#include <errno.h>

#include "sink/address.h"
#include "sink/json.h"
#include "sink/measure.h"
#include "sink/redact.h"

#define TT_JSONL_FLUSH (64u << 10)

struct tt_span tt_jsonl_origin(uint8_t origin)
{
	static const char *const names[TT_ORIGIN_MAX] = {
		[TT_ORIGIN_SOCKET] = "socket", [TT_ORIGIN_PCAP] = "pcap", [TT_ORIGIN_OPENSSL] = "openssl",
		[TT_ORIGIN_GNUTLS] = "gnutls", [TT_ORIGIN_GO_TLS] = "go", [TT_ORIGIN_NSS] = "nss",
		[TT_ORIGIN_RUSTLS] = "rustls",
	};
	return tt_span_str(origin < TT_ORIGIN_MAX ? names[origin] : NULL);
}

static inline void tt_jsonl_address(struct tt_json *j, const char *key, const struct tt_exchange *x, bool server)
{
	struct tt_address_text text;
	tt_json_key_string(j, key, tt_address_exchange(&text, x, server, true));
}

static void tt_jsonl_times(struct tt_json *j, const struct tt_exchange *x)
{
	uint64_t duration = 0;
	uint64_t ttfb = 0;
	bool known = tt_measure_duration(x, &duration);
	tt_json_key_u64_or_null(j, "duration_ns", known, duration);
	known = tt_measure_ttfb(x, &ttfb);
	tt_json_key_u64_or_null(j, "ttfb_ns", known, ttfb);
}

static void tt_jsonl_resource(struct tt_json *j, const struct tt_event *e, const struct tt_exchange *x,
			      const struct tt_kind *kind, bool show_values)
{
	tt_buf_auto struct tt_buf scratch = TT_BUF(TT_JSONL_MAX);
	struct tt_span s = tt_exchange_text(x, TT_TEXT_RESOURCE);

	if (!show_values && s.data)
		s = e->target.data ? e->target : tt_redact_resource(&scratch, x, kind) ? tt_buf_span(&scratch) : tt_span(NULL, 0);
	if (s.len == 0 && tt_exchange_text(x, TT_TEXT_RESOURCE).data)
		s = TT_SPAN_LIT("");
	tt_json_key_string(j, "resource", s);
}

static void tt_jsonl_who(struct tt_json *j, const struct tt_event *e, const struct tt_exchange *x)
{
	/* Where no process is known, neither are its names: "unknown" is for metric labels. */
	const struct tt_identity *self = x->actor.tgid ? e->self : NULL;

	tt_jsonl_address(j, "client", x, false);
	tt_jsonl_address(j, "server", x, true);
	tt_json_key_u64_or_null(j, "pid", x->actor.tgid != 0, x->actor.tgid);
	tt_json_key_u64_or_null(j, "tid", x->actor.tid != 0, x->actor.tid);
	tt_json_key_string(j, "comm",
			   self && self->comm[0] ? tt_span(self->comm, strnlen(self->comm, TT_COMM_LEN)) : tt_span(NULL, 0));
	tt_json_key_text(j, "service", self ? self->service : NULL);
	tt_json_key_text(j, "container_id", self ? self->container_id : NULL);
}

static void tt_jsonl_message(struct tt_json *j, const struct tt_exchange *x, const struct tt_message *m,
			     const struct tt_message *later, const struct tt_kind *kind, bool show_values)
{
	tt_buf_auto struct tt_buf scratch = TT_BUF(TT_JSONL_MAX);

	for (uint32_t i = 0; m && i < m->attribute_count; i++) {
		const struct tt_attribute *a = &m->attributes[i];
		if (tt_message_find_attr(later, a->key))
			continue;
		tt_json_key(j, a->key);
		if (a->type == TT_ATTR_INT) {
			tt_json_i64(j, a->number);
		} else if (a->type == TT_ATTR_BOOL) {
			tt_json_bool(j, a->number);
		} else {
			struct tt_span value = tt_message_attr_span(m, a);
			tt_buf_clear(&scratch);
			tt_json_string(j, show_values ? value : tt_redact_attribute(&scratch, x, kind, a->key, value));
		}
	}
}

static void tt_jsonl_attributes(struct tt_json *j, const struct tt_event *e, const struct tt_exchange *x,
				const struct tt_kind *kind, bool show_values)
{
	struct tt_span text = tt_message_get(x->response, TT_TEXT_ERROR);

	tt_json_key(j, "attributes");
	tt_json_object(j);
	tt_jsonl_message(j, x, x->request, x->response, kind, show_values);
	tt_jsonl_message(j, x, x->response, NULL, kind, show_values);
	if (kind->group == TT_GROUP_HTTP && e->http_route.data)
		tt_json_key_string(j, "http.route", e->http_route);
	if (show_values && text.data)
		tt_json_key_string(j, "error.message", text);
	tt_json_object_end(j);
}

static void tt_jsonl_object(struct tt_json *j, const struct tt_event *e, const struct tt_exchange *x,
			    const struct tt_jsonl_options *options)
{
	const struct tt_kind *kind = tt_event_kind(e, x);

	tt_json_object(j);
	if (!options->no_times) {
		tt_json_key(j, "time_unix_ns");
		tt_json_i64(j, (int64_t)x->request_first_ns + e->wall_minus_mono_ns);
	}
	tt_json_key_text(j, "kind", tt_is_client(x->ends) ? "client" : "server");
	tt_json_key_text(j, "protocol", x->proto->name);
	tt_json_key_string(j, "operation", tt_exchange_text(x, TT_TEXT_OPERATION));
	tt_jsonl_resource(j, e, x, kind, options->show_values);
	tt_json_key_string(j, "status", tt_message_get(x->response, TT_TEXT_STATUS));
	enum tt_result result = tt_exchange_result(x);
	if (result == TT_RESULT_UNKNOWN)
		tt_json_key_text(j, "error", NULL);
	else
		tt_json_key_bool(j, "error", result == TT_RESULT_FAILED);
	tt_json_key_string(j, "error_type", tt_exchange_error_type(x));
	if (!options->no_times)
		tt_jsonl_times(j, x);
	tt_json_key_u64(j, "request_bytes", x->request_bytes);
	tt_json_key_u64_or_null(j, "response_bytes", x->response != NULL, x->response_bytes);
	tt_json_key_bool(j, "complete", x->complete);
	tt_json_key_string(j, "source", tt_jsonl_origin(x->ends->origin));
	tt_jsonl_who(j, e, x);
	tt_jsonl_attributes(j, e, x, kind, options->show_values);
	tt_json_object_end(j);
}

int tt_jsonl_write(struct tt_buf *out, const struct tt_event *e, const struct tt_exchange *x,
		   const struct tt_jsonl_options *options)
{
	struct tt_json j = tt_json(out);
	size_t from = out->len;
	bool failed = out->failed;

	out->failed = false;
	tt_jsonl_object(&j, e, x, options);
	tt_buf_add_char(out, '\n');
	if (out->failed) { /* half a line is worse than none */
		out->len = from;
		out->failed = failed;
		return -ENOBUFS;
	}
	out->failed = failed;
	return 0;
}

/* --- the sink ----------------------------------------------------------------------------------------------------------------
 */

struct tt_jsonl {
	struct tt_sink sink;
	int fd;
	struct tt_jsonl_options options;
	struct tt_buf out;
	uint64_t pending; /* lines in out */
	uint64_t written;
	uint64_t dropped;
	int error;
};

static int tt_jsonl_put(int fd, struct tt_span s)
{
	while (s.len) {
		ssize_t n = write(fd, s.data, s.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s = tt_span_sub(s, (size_t)n, s.len);
	}
	return 0;
}

static int tt_jsonl_flush(struct tt_sink *s)
{
	struct tt_jsonl *sink = (struct tt_jsonl *)s;

	if (sink->pending) {
		int r = tt_jsonl_put(sink->fd, tt_buf_span(&sink->out));
		if (r < 0)
			sink->error = r;
		*(r < 0 ? &sink->dropped : &sink->written) += sink->pending;
		sink->pending = 0;
		tt_buf_clear(&sink->out);
	}
	return sink->error;
}

static void tt_jsonl_exchange(struct tt_sink *s, const struct tt_event *e, const struct tt_exchange *x)
{
	struct tt_jsonl *sink = (struct tt_jsonl *)s;

	if (sink->error || tt_jsonl_write(&sink->out, e, x, &sink->options) < 0) {
		sink->dropped++;
		return;
	}
	sink->pending++;
	if (sink->out.len >= TT_JSONL_FLUSH)
		tt_jsonl_flush(s);
}

static void tt_jsonl_advance(struct tt_sink *s, uint64_t now_ns)
{
	tt_jsonl_flush(s);
}

static void tt_jsonl_free(struct tt_sink *s)
{
	struct tt_jsonl *sink = (struct tt_jsonl *)s;
	tt_buf_free(&sink->out);
	free(sink);
}

static const struct tt_sink_ops tt_jsonl_ops = {
	.name = "jsonl",
	.exchange = tt_jsonl_exchange,
	.advance = tt_jsonl_advance,
	.flush = tt_jsonl_flush,
	.free = tt_jsonl_free,
};

int tt_jsonl_new(struct tt_sink **ret, int fd, const struct tt_jsonl_options *options)
{
	struct tt_jsonl *sink = calloc(1, sizeof(*sink));
	if (!sink)
		return -ENOMEM;
	sink->sink.ops = &tt_jsonl_ops;
	sink->fd = fd;
	sink->options = *options;
	sink->out = TT_BUF(TT_JSONL_FLUSH + TT_JSONL_MAX);
	*ret = &sink->sink;
	return 0;
}

void tt_jsonl_counts(const struct tt_sink *s, uint64_t *ret_written, uint64_t *ret_dropped)
{
	const struct tt_jsonl *sink = (const struct tt_jsonl *)s;
	*ret_written = sink->written;
	*ret_dropped = sink->dropped;
}

int tt_jsonl_error(const struct tt_sink *s)
{
	return ((const struct tt_jsonl *)s)->error;
}
