// SPDX-License-Identifier: Apache-2.0
#include "cli/line.h"

#include <errno.h>
#include <time.h>

#include "base/buf.h"
#include "sink/address.h"
#include "sink/redact.h"

#define TT_LINE_BUFFER (1u << 20)
#define TT_LINE_RESOURCE 100 /* bytes of a resource shown */

struct tt_line_sink {
	struct tt_sink sink;
	struct tt_buf out;
	int fd;
	int error;
	bool color;
};

static void tt_line_time(struct tt_buf *out, int64_t unix_ns)
{
	time_t s = unix_ns / 1000000000;
	struct tm tm;
	char text[16];

	localtime_r(&s, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	tt_buf_printf(out, "%s.%03d ", text, (int)(unix_ns / 1000000 % 1000));
}

/* Bytes of traffic must not steer the terminal: anything but printable ASCII and UTF-8 continuation is shown as a dot. */
static void tt_line_text(struct tt_buf *out, struct tt_span s, size_t most)
{
	if (!s.data) {
		tt_buf_add_char(out, '-');
		return;
	}
	size_t n = s.len < most ? s.len : most;
	for (size_t i = 0; i < n; i++)
		tt_buf_add_char(out, s.data[i] < ' ' || s.data[i] == 0x7f || (s.data[i] >= 0x80 && s.data[i] < 0xa0)
					     ? '.'
					     : (char)s.data[i]);
	if (n < s.len)
		tt_buf_add_str(out, "...");
}

void tt_line_duration(struct tt_buf *out, uint64_t ns)
{
	if (!ns)
		tt_buf_add_str(out, "       -");
	else if (ns < 1000000)
		tt_buf_printf(out, "%6.0fus", (double)ns / 1e3);
	else if (ns < 10000000000)
		tt_buf_printf(out, "%6.1fms", (double)ns / 1e6);
	else
		tt_buf_printf(out, "%6.1fs ", (double)ns / 1e9);
}

static void tt_line_status(struct tt_line_sink *l, const struct tt_exchange *x)
{
	static const char *const colors[] = {
		[TT_RESULT_UNKNOWN] = "\x1b[33m", [TT_RESULT_OK] = "\x1b[32m", [TT_RESULT_FAILED] = "\x1b[31m"};
	enum tt_result result = tt_exchange_result(x);
	struct tt_span status = tt_message_get(x->response, TT_TEXT_STATUS);

	if (l->color)
		tt_buf_add_str(&l->out, colors[result]);
	if (x->response || result == TT_RESULT_OK)
		tt_line_text(&l->out, status, 24);
	if (x->response && x->outcome != TT_OUTCOME_ANSWERED)
		tt_buf_add_char(&l->out, ' ');
	if (result != TT_RESULT_OK && x->outcome != TT_OUTCOME_ANSWERED)
		tt_line_text(&l->out, tt_exchange_error_type(x), 24);
	if (l->color)
		tt_buf_add_str(&l->out, "\x1b[0m");
	if (!x->complete)
		tt_buf_add_str(&l->out, " (incomplete)");
}

static void tt_line_write_out(struct tt_line_sink *l)
{
	size_t at = 0;

	while (at < l->out.len && !l->error) {
		ssize_t n = write(l->fd, l->out.data + at, l->out.len - at);
		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			l->error = -errno;
	}
	tt_buf_clear(&l->out);
}

static void tt_line_exchange(struct tt_sink *s, const struct tt_event *e, const struct tt_exchange *x)
{
	struct tt_line_sink *l = (struct tt_line_sink *)s;
	struct tt_buf *out = &l->out;
	struct tt_address_text client, server;
	tt_buf_auto struct tt_buf resource = TT_BUF(1u << 20);

	if (out->len > TT_LINE_BUFFER / 2)
		tt_line_write_out(l);
	struct tt_span target = e->target;
	if (!target.data && tt_redact_resource(&resource, x, tt_kind_of(x)))
		target = tt_buf_span(&resource);
	tt_line_time(out, (int64_t)x->request_first_ns + e->wall_minus_mono_ns);
	tt_line_duration(out, tt_exchange_duration_ns(x));
	tt_buf_printf(out, " %-15.15s %s ", e->self->service, x->ends->role == TT_ROLE_CLIENT ? "asked " : "served");
	tt_buf_printf(out, "%-10s ", x->proto->name);
	tt_line_text(out, tt_exchange_text(x, TT_TEXT_OPERATION), 24);
	tt_buf_add_char(out, ' ');
	tt_line_text(out, target, TT_LINE_RESOURCE);
	tt_buf_add_char(out, ' ');
	tt_line_status(l, x);
	tt_buf_printf(out, " %llu>%llu B ", (unsigned long long)x->request_bytes, (unsigned long long)x->response_bytes);
	tt_line_text(out, tt_address_exchange(&client, x, false, true), TT_ADDRESS_LEN);
	tt_buf_add_str(out, " > ");
	tt_line_text(out, tt_address_exchange(&server, x, true, true), TT_ADDRESS_LEN);
	tt_buf_add_char(out, '\n');
}

static void tt_line_advance(struct tt_sink *s, uint64_t now_ns)
{
	tt_line_write_out((struct tt_line_sink *)s);
}

static int tt_line_flush(struct tt_sink *s)
{
	struct tt_line_sink *l = (struct tt_line_sink *)s;

	tt_line_write_out(l);
	return l->error;
}

static void tt_line_free(struct tt_sink *s)
{
	tt_buf_free(&((struct tt_line_sink *)s)->out);
	free(s);
}

static const struct tt_sink_ops line_ops = {
	.name = "line", .exchange = tt_line_exchange, .advance = tt_line_advance, .flush = tt_line_flush, .free = tt_line_free};

int tt_line_new(struct tt_sink **ret, int fd, bool color)
{
	struct tt_line_sink *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct tt_line_sink){.sink.ops = &line_ops, .out = TT_BUF(TT_LINE_BUFFER), .fd = fd, .color = color};
	*ret = &l->sink;
	return 0;
}
