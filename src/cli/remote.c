// SPDX-License-Identifier: Apache-2.0
#include "cli/remote.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/log.h"
#include "cli/curl.h"
#include "cli/line.h"
#include "cli/session.h"
#include "sink/jsonl.h"
#include "sink/where_field.h"

struct tt_remote {
	const struct tt_config *config;
	struct tt_curl curl;
	struct tt_buf line;	/* up to the newline that has not come yet */
	FILE *out;		/* of JSON lines; those for people go to standard output */
	struct tt_where *where; /* NULL: all are shown */
};

static const char *tt_remote_text(const json_t *x, const char *key)
{
	const json_t *value = json_object_get(x, key);
	return json_is_string(value) ? json_string_value(value) : "-";
}

/* Control characters are escaped in JSON and come back here: none may reach the terminal. A column at least and at most that
 * wide. */
static void tt_remote_print(const char *text, size_t least, size_t most)
{
	size_t i = 0;

	for (; text[i] && i < most; i++)
		putchar((unsigned char)text[i] < ' ' || text[i] == 0x7f ? '.' : text[i]);
	for (; i < least; i++)
		putchar(' ');
}

/* What is no answer's own error (docs/json.md). */
static bool tt_remote_broke_off(const char *error_type)
{
	static const char *const outcomes[] = {
#define TT_REMOTE_OUTCOME(id, name) name,
		TT_OUTCOMES(TT_REMOTE_OUTCOME)
#undef TT_REMOTE_OUTCOME
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(outcomes); i++) {
		if (outcomes[i] && strcmp(outcomes[i], error_type) == 0)
			return true;
	}
	return false;
}

static void tt_remote_show(const json_t *x)
{
	json_int_t time_ns = json_integer_value(json_object_get(x, "time_unix_ns"));
	const json_t *duration = json_object_get(x, "duration_ns");
	time_t s = (time_t)(time_ns / 1000000000);
	tt_buf_auto struct tt_buf took = TT_BUF(64);
	char clock[16];
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	printf("%s.%03d ", clock, (int)(time_ns / 1000000 % 1000));
	tt_line_duration(&took, json_is_integer(duration) ? (uint64_t)json_integer_value(duration) : 0);
	printf("%.*s ", (int)took.len, (const char *)took.data);
	tt_remote_print(tt_remote_text(x, "service"), 15, 15);
	putchar(' ');
	fputs(strcmp(tt_remote_text(x, "kind"), "client") == 0 ? "asked  " : "served ", stdout);
	tt_remote_print(tt_remote_text(x, "protocol"), 10, 32);
	putchar(' ');
	tt_remote_print(tt_remote_text(x, "operation"), 0, 24);
	putchar(' ');
	tt_remote_print(tt_remote_text(x, "resource"), 0, 100);
	putchar(' ');
	bool status = json_is_string(json_object_get(x, "status"));
	tt_remote_print(tt_remote_text(x, status ? "status" : "error_type"), 0, 24);
	if (status && tt_remote_broke_off(tt_remote_text(x, "error_type"))) {
		putchar(' ');
		tt_remote_print(tt_remote_text(x, "error_type"), 0, 24);
	}
	putchar(' ');
	if (json_is_false(json_object_get(x, "complete")))
		fputs("(incomplete) ", stdout);
	printf("%lld>%lld B ", (long long)json_integer_value(json_object_get(x, "request_bytes")),
	       (long long)json_integer_value(json_object_get(x, "response_bytes")));
	tt_remote_print(tt_remote_text(x, "client"), 0, 200);
	fputs(" > ", stdout);
	tt_remote_print(tt_remote_text(x, "server"), 0, 200);
	putchar('\n');
}

/* Lines of what was lost are for standard error: on the other there are exchanges only (docs/api.md). */
static bool tt_remote_loss(const char *line, size_t len)
{
	static const char begin[] = "{\"dropped\":";

	if (len <= sizeof(begin) - 1 || memcmp(line, begin, sizeof(begin) - 1) != 0)
		return false;
	json_t *x = json_loadb(line, len, 0, NULL);
	tt_warn("%lld exchanges not shown: they came faster than they were read",
		(long long)json_integer_value(json_object_get(x, "dropped")));
	json_decref(x);
	return true;
}

/* For --where: a field or an attribute of the line. */
static void tt_remote_field(void *ctx, const char *name, struct tt_where_value *v)
{
	const json_t *x = ctx;
	const json_t *field = json_object_get(strchr(name, '.') ? json_object_get(x, "attributes") : x, name);

	v->is_number = json_is_integer(field);
	v->number = json_integer_value(field);
	if (json_is_string(field))
		v->text = tt_span(json_string_value(field), json_string_length(field));
	else if (json_is_boolean(field))
		v->text = tt_span_str(json_is_true(field) ? "true" : "false");
}

static void tt_remote_line(struct tt_remote *r, const char *line, size_t len)
{
	if (tt_remote_loss(line, len))
		return;
	json_t *x = r->where || !r->config->json ? json_loadb(line, len, 0, NULL) : NULL;
	bool wanted = !r->where || (x && tt_where_holds_of(r->where, tt_remote_field, x));
	if (wanted && r->config->json) {
		fwrite(line, 1, len, r->out);
		putc('\n', r->out);
	} else if (wanted && x) {
		tt_remote_show(x);
	}
	json_decref(x);
}

static size_t tt_remote_bytes(char *data, size_t size, size_t count, void *ctx)
{
	struct tt_remote *r = ctx;
	size_t left = size * count;

	while (left) {
		char *end = memchr(data, '\n', left);
		size_t n = end ? (size_t)(end - data) : left;
		if (tt_buf_add(&r->line, data, n) < 0)
			return 0;
		if (!end)
			break;
		tt_remote_line(r, (char *)r->line.data, r->line.len);
		tt_buf_clear(&r->line);
		data += n + 1;
		left -= n + 1;
	}
	/* A reader that went away ends the watching. */
	return fflush(r->out) == 0 ? size * count : 0;
}

/* All of a short answer. */
static size_t tt_remote_kept(char *data, size_t size, size_t count, void *ctx)
{
	struct tt_remote *r = ctx;

	return tt_buf_add(&r->line, data, size * count) == 0 ? size * count : 0;
}

/* --- asking
 * --------------------------------------------------------------------------------------------------------------------- */

static int tt_remote_fail(const struct tt_remote *r, const char *why)
{
	struct tt_config_name name;

	tt_error("%s %s: %s", tt_config_name(&name, r->config, "connect", "--connect"), r->config->connect, why);
	return -EIO;
}

/* Gets what is at the path. 0, or an error that was printed. */
static int tt_remote_get(struct tt_remote *r, const char *path, curl_write_callback take)
{
	char url[512], why[CURL_ERROR_SIZE] = "";
	const struct tt_curl *c = &r->curl;

	snprintf(url, sizeof(url), "http://%s%s", r->config->connect, path);
	CURL *curl = c->easy_init();
	if (!curl)
		return tt_remote_fail(r, strerror(ENOMEM));
	c->easy_setopt(curl, CURLOPT_URL, url);
	c->easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	c->easy_setopt(curl, CURLOPT_WRITEDATA, r);
	c->easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	c->easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	c->easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
	c->easy_setopt(curl, CURLOPT_NOPROXY, "*");
	CURLcode code = c->easy_perform(curl);
	c->easy_cleanup(curl);
	if (code == CURLE_OK || code == CURLE_WRITE_ERROR)
		return 0;
	if (code == CURLE_HTTP_RETURNED_ERROR && take == tt_remote_kept)
		return tt_remote_fail(r, "something else than telltale answers there");
	return tt_remote_fail(r, why[0] ? why : c->easy_strerror(code));
}

/* Whoever answers there knows what an agent knows of itself (docs/api.md). */
static int tt_remote_is_agent(struct tt_remote *r)
{
	int e = tt_remote_get(r, "/api/v1/health", tt_remote_kept);
	if (e < 0)
		return e;
	json_t *health = json_loadb((char *)r->line.data, r->line.len, 0, NULL);
	bool agent = json_is_string(json_object_get(health, "hooks")) && json_is_object(json_object_get(health, "records")) &&
		     json_is_object(json_object_get(health, "exchanges"));
	json_decref(health);
	tt_buf_clear(&r->line);
	return agent ? 0 : tt_remote_fail(r, "something else than telltale answers there");
}

int tt_remote_watch(const struct tt_config *config)
{
	struct tt_remote remote = {.line = TT_BUF(TT_JSONL_MAX), .config = config, .out = stdout};
	struct tt_config_name name;

	if (config->json && strcmp(config->json, "-") != 0 && !(remote.out = fopen(config->json, "we")))
		return tt_error_errno(-errno, "%s %s", tt_config_name(&name, config, "json", "--json"), config->json);
	int r = tt_session_where(&remote.where, config);
	const char *why = r == 0 ? tt_curl_open(&remote.curl) : NULL;
	if (r == 0)
		r = why ? tt_remote_fail(&remote, why) : tt_remote_is_agent(&remote);
	if (r == 0)
		r = tt_remote_get(&remote, "/api/v1/exchanges/stream", tt_remote_bytes);
	tt_buf_free(&remote.line);
	tt_where_free(remote.where);
	if (remote.out != stdout)
		fclose(remote.out);
	return r;
}
