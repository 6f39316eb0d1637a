// SPDX-License-Identifier: Apache-2.0
#include "sink/summary.h"

#include <errno.h>

#include "sink/address.h"
#include "sink/durations.h"
#include "sink/kind.h"
#include "sink/names.h"
#include "sink/refused.h"
#include "sink/table.h"

#define TT_SUMMARY_KEY_MAX 512
#define TT_SUMMARY_ROUTE_SHOWN 64
#define TT_SUMMARY_ADDRESS 64 /* of a Unix socket so much of the path */

struct tt_summary_row {
	struct tt_durations durations; /* of exchanges that ended */
	uint64_t count;
	uint64_t failed;
	uint64_t incomplete;
	uint32_t route_off;
	uint32_t key_len;
	uint8_t key[]; /* "service, kind, protocol, operation" as shown, then the route */
};

struct tt_summary {
	struct tt_sink sink;
	struct tt_table rows;
	uint64_t limit;
	uint64_t others; /* exchanges beyond the limit */
	uint64_t others_failed;
	struct tt_refused refused;
	bool services;		   /* a row's process was known */
	struct tt_sockaddr server; /* spoken to last, and its text: mostly it is the next one, too */
	struct tt_address_text address;
	size_t address_len;
};

static bool tt_summary_same(const void *item, const void *key)
{
	const struct tt_summary_row *row = item;
	return tt_span_eq(tt_span(row->key, row->key_len), *(const struct tt_span *)key);
}

/* Terminals obey these. */
static const bool tt_summary_hidden[256] = {[0 ... 31] = true, [127 ... 159] = true};

/* Is one of these eight bytes below a space or above '~'? */
static bool tt_summary_odd(const uint8_t *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	/* No byte borrows from the next one, nor carries over, unless a bit is found anyhow. */
	return ((word - ones * 0x20) | (word + ones) | word) & tops;
}

/* Writes the text, which there is room for, and returns its end. Eight bytes at once: this is done for every exchange. */
static uint8_t *tt_summary_text(uint8_t *at, struct tt_span s)
{
	size_t i = 0;

	for (; i + 8 <= s.len && !tt_summary_odd(s.data + i); i += 8)
		memcpy(at + i, s.data + i, 8);
	for (; i < s.len; i++)
		at[i] = tt_summary_hidden[s.data[i]] ? '.' : s.data[i];
	return at + s.len;
}

/* A column: cut at `most`, filled up to `least`, at most 16, with spaces. */
static uint8_t *tt_summary_column(uint8_t *at, struct tt_span text, size_t least, size_t most)
{
	text = tt_span_sub(text, 0, most);
	memset(at, ' ', 16);
	tt_summary_text(at, text);
	at += TT_MAX(text.len, least);
	*at = ' ';
	return at + 1;
}

static struct tt_span tt_summary_server(struct tt_summary *s, const struct tt_exchange *x)
{
	const struct tt_sockaddr *a = tt_exchange_server(x);

	/* A Unix socket's path is not all in its address. */
	if (x->ends->paths || a->family == TT_FAMILY_UNIX || !s->address_len || memcmp(a, &s->server, sizeof(*a)) != 0) {
		s->address_len = tt_address_exchange(&s->address, x, true, true).len;
		s->server = *a;
	}
	return s->address_len ? tt_span(s->address.text, s->address_len) : tt_span(NULL, 0);
}

/* Whose end it was: the process' service, or, where no process is known (captures), the server that was spoken to. */
static uint8_t *tt_summary_whose(struct tt_summary *s, uint8_t *at, const struct tt_event *e, const struct tt_exchange *x)
{
	s->services |= x->actor.tgid != 0;
	if (x->actor.tgid)
		return tt_summary_column(at, tt_span_str(e->self->service), 16, 20);
	struct tt_span server = tt_summary_server(s, x);
	return tt_summary_column(at, server.data ? server : tt_span_str(e->self->service), 16, TT_SUMMARY_ADDRESS);
}

static struct tt_summary_row *tt_summary_row(struct tt_summary *s, struct tt_span key, uint32_t route_off)
{
	uint64_t hash = tt_table_hash(&s->rows, key.data, key.len);
	struct tt_summary_row *row = tt_table_find(&s->rows, hash, tt_summary_same, &key);
	if (row || s->rows.count >= s->limit)
		return row;

	row = calloc(1, sizeof(*row) + key.len);
	if (!row)
		return NULL;
	row->route_off = route_off;
	row->key_len = (uint32_t)key.len;
	memcpy(row->key, key.data, key.len);
	if (tt_table_add(&s->rows, hash, row) < 0) {
		free(row);
		return NULL;
	}
	return row;
}

/* A statement's shape begins with its operation: once is enough. */
static bool tt_summary_repeats(struct tt_span operation, struct tt_span route)
{
	return operation.len && route.data && route.len >= operation.len &&
	       strncasecmp((const char *)route.data, (const char *)operation.data, operation.len) == 0 &&
	       (route.len == operation.len || route.data[operation.len] == ' ');
}

static void tt_summary_exchange(struct tt_sink *sink, const struct tt_event *e, const struct tt_exchange *x)
{
	struct tt_summary *s = (struct tt_summary *)sink;
	uint8_t key[TT_SUMMARY_KEY_MAX];
	uint8_t *at = tt_summary_whose(s, key, e, x);

	at = tt_summary_column(at, tt_span_str(x->ends->role == TT_ROLE_CLIENT ? "client" : "server"), 6, 6);
	at = tt_summary_column(at, tt_span_str(x->proto->name), 10, 32);
	struct tt_span route = tt_event_route(e);
	struct tt_span operation = tt_span_sub(tt_event_name(e, x, TT_NAME_OPERATION), 0, 32);
	if (!tt_summary_repeats(operation, route)) {
		at = tt_summary_text(at, operation);
		if (route.len)
			*at++ = ' ';
	}
	size_t route_off = (size_t)(at - key);
	at = tt_summary_text(at, tt_span_sub(route, 0, sizeof(key) - route_off));

	struct tt_summary_row *row = tt_summary_row(s, tt_span(key, (size_t)(at - key)), (uint32_t)route_off);
	if (!row) {
		s->others++;
		s->others_failed += tt_exchange_failed(x);
		return;
	}
	uint64_t duration_ns = tt_exchange_duration_ns(x);
	row->count++;
	row->failed += tt_exchange_failed(x);
	row->incomplete += !x->complete;
	if (duration_ns)
		tt_durations_add(&row->durations, duration_ns);
}

static void tt_summary_connection(struct tt_sink *sink, const struct tt_event *e, const struct tt_conn_report *r)
{
	tt_refused_count(&((struct tt_summary *)sink)->refused, e, r);
}

static int tt_summary_busier(const void *a, const void *b)
{
	const struct tt_summary_row *x = *(const struct tt_summary_row *const *)a, *y = *(const struct tt_summary_row *const *)b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	size_t n = TT_MIN(x->key_len, y->key_len);
	int order = memcmp(x->key, y->key, n);
	return order ? order : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

static int tt_summary_failing(const void *a, const void *b)
{
	const struct tt_summary_row *x = *(const struct tt_summary_row *const *)a, *y = *(const struct tt_summary_row *const *)b;
	int order = !x->failed - !y->failed;

	return order ? order : tt_summary_busier(a, b);
}

/* The busiest first. Where not all are shown, half of those that are may have given way to ones that failed. */
static void tt_summary_order(struct tt_summary_row **list, size_t count, size_t rows)
{
	size_t shown = TT_MIN(rows, count), busiest = shown / 2;

	qsort(list, count, sizeof(*list), tt_summary_busier);
	if (shown == count)
		return;
	qsort(list + busiest, count - busiest, sizeof(*list), tt_summary_failing);
	qsort(list, shown, sizeof(*list), tt_summary_busier);
}

static void tt_summary_ms(struct tt_buf *out, const struct tt_summary_row *row, double q)
{
	uint64_t ns;

	if (!tt_durations_quantile(&row->durations, q, &ns)) {
		tt_buf_printf(out, " %9s", "-");
		return;
	}
	/* Three digits that say something, also of microseconds. */
	int decimals = 2;
	for (uint64_t v = 1000000; v > ns && decimals < 6; v /= 10)
		decimals++;
	tt_buf_printf(out, " %9.*f", decimals, (double)ns / 1e6);
}

static void tt_summary_line(struct tt_buf *out, const struct tt_summary_row *row)
{
	tt_buf_printf(out, "%9llu %7llu", (unsigned long long)row->count, (unsigned long long)row->failed);
	tt_summary_ms(out, row, 0.5);
	tt_summary_ms(out, row, 0.95);
	tt_buf_add_str(out, "  ");
	struct tt_span key = tt_span(row->key, row->key_len);
	tt_buf_add(out, row->key, row->route_off);
	struct tt_span route = tt_span_sub(key, row->route_off, TT_SUMMARY_ROUTE_SHOWN);
	tt_buf_add(out, route.data, route.len);
	if (row->incomplete)
		tt_buf_printf(out, "  (%llu incomplete)", (unsigned long long)row->incomplete);
	tt_buf_add_char(out, '\n');
}

void tt_summary_write(struct tt_buf *out, const struct tt_sink *sink, size_t rows)
{
	const struct tt_summary *s = (const struct tt_summary *)sink;
	tt_free_auto struct tt_summary_row **list = calloc(s->rows.count + 1, sizeof(*list));
	size_t at = 0, count = 0;
	uint64_t others = s->others, failed = s->others_failed;

	if (!list)
		return;
	for (struct tt_summary_row *row; (row = tt_table_each(&s->rows, &at));)
		list[count++] = row;
	tt_summary_order(list, count, rows);
	if (count)
		tt_buf_printf(out, "%9s %7s   ≈p50 ms   ≈p95 ms  %-16s %-6s %-10s %s\n", "count", "failed",
			      s->services ? "service" : "server", "kind", "protocol", "operation");
	for (size_t i = 0; i < TT_MIN(rows, count); i++)
		tt_summary_line(out, list[i]);
	for (size_t i = rows; i < count; i++) {
		others += list[i]->count;
		failed += list[i]->failed;
	}
	if (failed)
		tt_buf_printf(out, "%9llu others, %llu failed\n", (unsigned long long)others, (unsigned long long)failed);
	else if (others)
		tt_buf_printf(out, "%9llu others\n", (unsigned long long)others);
	tt_refused_write(out, &s->refused, rows);
}

static void tt_summary_free(struct tt_sink *sink)
{
	struct tt_summary *s = (struct tt_summary *)sink;
	size_t at = 0;

	for (struct tt_summary_row *row; (row = tt_table_each(&s->rows, &at));) {
		tt_durations_free(&row->durations);
		free(row);
	}
	tt_table_free(&s->rows);
	tt_refused_free(&s->refused);
	free(s);
}

static const struct tt_sink_ops summary_ops = {
	.name = "summary", .exchange = tt_summary_exchange, .connection = tt_summary_connection, .free = tt_summary_free};

int tt_summary_new(struct tt_sink **ret, const struct tt_limits *limits)
{
	struct tt_summary *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	if (tt_table_init(&s->rows) < 0 || tt_refused_init(&s->refused, limits->value[TT_LIMIT_OPERATIONS]) < 0) {
		tt_table_free(&s->rows);
		free(s);
		return -ENOMEM;
	}
	s->sink.ops = &summary_ops;
	s->limit = limits->value[TT_LIMIT_OPERATIONS];
	*ret = &s->sink;
	return 0;
}
