// SPDX-License-Identifier: Apache-2.0
#include "proto/http_app.h"

#include <stdlib.h>

#include "base/json_scan.h"
#include "base/own.h"
#include "shared/limits.h"

/* Enough to tell JSON-RPC from other JSON. */
#define TT_HTTP_GUESS_BYTES 256

/* What is counted in an answer; a cached part counts as input, too. */
enum tt_llm_count {
	TT_LLM_IN,
	TT_LLM_CACHE_READ,
	TT_LLM_CACHE_WRITTEN,
	TT_LLM_OUT,
	TT_LLM_COUNTS,
};

struct tt_http_app {
	struct tt_link *link;
	struct tt_message *m;
	enum tt_http_app_kind kind;
	bool response;
	bool events;	 /* a stream of events: text holds one line */
	bool dropping;	 /* in the rest of a line that is too long */
	bool first_seen; /* the first token came */
	bool streamed;	 /* a request that wants events */
	uint64_t tokens[TT_LLM_COUNTS];
	bool told[TT_LLM_COUNTS];
	uint64_t first_ns;
	struct tt_buf text;
};

/* --- what a head says ---------------------------------------------------------------------------------------------------- */

/* The subtype's end, so that charset and the like do not matter. */
static bool tt_media_is(struct tt_span value, struct tt_span name)
{
	return value.len >= name.len && tt_span_ieq(tt_span_sub(value, 0, name.len), name) &&
	       (value.len == name.len || value.data[name.len] == ';' || value.data[name.len] == ' ');
}

enum tt_http_media tt_http_media_of(struct tt_span value)
{
	static const struct {
		struct tt_span name;
		enum tt_http_media media;
	} rows[] = {
		{TT_SPAN_LIT("application/json"), TT_HTTP_MEDIA_JSON},
		{TT_SPAN_LIT("application/json-rpc"), TT_HTTP_MEDIA_JSON},
		{TT_SPAN_LIT("application/graphql-response+json"), TT_HTTP_MEDIA_JSON},
		{TT_SPAN_LIT("text/event-stream"), TT_HTTP_MEDIA_EVENTS},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		if (tt_media_is(value, rows[i].name))
			return rows[i].media;
	}
	return TT_HTTP_MEDIA_OTHER;
}

static enum tt_http_app_kind tt_http_app_by_path(struct tt_span path)
{
	static const struct {
		struct tt_span end;
		enum tt_http_app_kind kind;
	} rows[] = {
		{TT_SPAN_LIT("/graphql"), TT_HTTP_APP_GRAPHQL},		{TT_SPAN_LIT("/graphql/"), TT_HTTP_APP_GRAPHQL},
		{TT_SPAN_LIT("/chat/completions"), TT_HTTP_APP_OPENAI}, {TT_SPAN_LIT("/v1/completions"), TT_HTTP_APP_OPENAI},
		{TT_SPAN_LIT("/v1/responses"), TT_HTTP_APP_OPENAI},	{TT_SPAN_LIT("/v1/embeddings"), TT_HTTP_APP_OPENAI},
		{TT_SPAN_LIT("/v1/messages"), TT_HTTP_APP_ANTHROPIC},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		if (tt_span_ends(path, rows[i].end))
			return rows[i].kind;
	}
	return TT_HTTP_APP_GUESS;
}

static struct tt_http_app *tt_http_app_new(struct tt_link *link, struct tt_message *m, enum tt_http_app_kind kind)
{
	uint64_t limit = tt_link_limit(link, TT_LIMIT_HTTP_CONTENT_BYTES);
	struct tt_http_app *app = m && limit && tt_keep(link, sizeof(*app)) ? calloc(1, sizeof(*app)) : NULL;
	if (!app)
		return NULL;

	app->link = link;
	app->m = m;
	app->kind = kind;
	app->text = TT_BUF(limit);
	return app;
}

struct tt_http_app *tt_http_app_request(struct tt_link *link, struct tt_message *m, enum tt_http_media media)
{
	if (!m || media != TT_HTTP_MEDIA_JSON || !tt_span_eq(tt_message_get(m, TT_TEXT_OPERATION), TT_SPAN_LIT("POST")))
		return NULL;
	return tt_http_app_new(link, m, tt_http_app_by_path(tt_message_find(m, "url.path")));
}

struct tt_http_app *tt_http_app_response(struct tt_link *link, struct tt_message *m, enum tt_http_media media,
					 enum tt_http_app_kind kind)
{
	if (kind <= TT_HTTP_APP_GUESS || (media != TT_HTTP_MEDIA_JSON && media != TT_HTTP_MEDIA_EVENTS))
		return NULL;
	struct tt_http_app *app = tt_http_app_new(link, m, kind);
	if (!app)
		return NULL;
	app->response = true;
	app->events = media == TT_HTTP_MEDIA_EVENTS;
	return app;
}

/* --- GraphQL (https://spec.graphql.org/, GraphQL over HTTP) --------------------------------------------------------------- */

static bool tt_graphql_letter(uint8_t c)
{
	return c == '_' || (c >= '0' && c <= '9') || (tt_ascii_lower(c) >= 'a' && tt_ascii_lower(c) <= 'z');
}

/* The next name of a document; passes over spaces, commas, escaped line ends. Empty: something else stands there. */
static struct tt_span tt_graphql_name(struct tt_span s, size_t *at)
{
	while (*at < s.len && !tt_graphql_letter(s.data[*at]) &&
	       (s.data[*at] == ' ' || s.data[*at] == ',' || s.data[*at] == '\\'))
		*at += s.data[*at] == '\\' ? 2 : 1;
	size_t from = TT_MIN(*at, s.len);
	*at = from;
	while (*at < s.len && tt_graphql_letter(s.data[*at]))
		(*at)++;
	return tt_span_sub(s, from, *at - from);
}

static bool tt_graphql_is_kind(struct tt_span word)
{
	static const struct tt_span kinds[] = {TT_SPAN_LIT("query"), TT_SPAN_LIT("mutation"), TT_SPAN_LIT("subscription")};

	for (size_t i = 0; i < TT_ARRAY_LEN(kinds); i++) {
		if (tt_span_eq(word, kinds[i]))
			return true;
	}
	return false;
}

/* What a document is made of at the place `at`, of which one step is passed over: strings and comments hold no braces. */
static void tt_graphql_step(struct tt_span s, size_t *at, int *depth, bool *string)
{
	uint8_t c = s.data[*at], next = *at + 1 < s.len ? s.data[*at + 1] : 0;

	if (c == '\\' && next == '\\' && *string) { /* an escape of the document's own */
		*at += 4;
		return;
	}
	if (c == '\\') {
		*string ^= next == '"';
		*at += 2;
		return;
	}
	if (!*string && c == '#') {
		while (*at < s.len && !(s.data[*at] == '\\' && *at + 1 < s.len && s.data[*at + 1] == 'n'))
			(*at)++;
		return;
	}
	if (!*string)
		*depth += (c == '{' || c == '(') - (c == '}' || c == ')');
	(*at)++;
}

/* The kind of the operation that is called `wanted`: it is defined outside of all braces. Empty: it is not there. */
static struct tt_span tt_graphql_kind_of(struct tt_span document, struct tt_span wanted)
{
	int depth = 0;
	bool string = false;

	for (size_t at = 0; at < document.len;) {
		if (depth || string || !tt_graphql_letter(document.data[at])) {
			tt_graphql_step(document, &at, &depth, &string);
			continue;
		}
		struct tt_span kind = tt_graphql_name(document, &at);
		size_t behind = at;
		if (tt_graphql_is_kind(kind) && tt_span_eq(tt_graphql_name(document, &behind), wanted) && behind < document.len)
			return kind;
	}
	return tt_span(NULL, 0);
}

/* "query Hero($id: ID) {": the kind of operation and its name. A document that begins with { is a query. */
static void tt_graphql_first(struct tt_message *m, struct tt_span document)
{
	size_t at = 0;

	struct tt_span first = tt_graphql_name(document, &at);
	if (first.len == 0 && at < document.len && document.data[at] == '{') {
		tt_message_attr(m, "graphql.operation.type", TT_SPAN_LIT("query"));
		return;
	}
	if (!tt_graphql_is_kind(first))
		return;
	tt_message_attr(m, "graphql.operation.type", first);
	struct tt_span name = tt_graphql_name(document, &at);
	/* At the text's end it may be cut. */
	if (name.len && at < document.len)
		tt_message_attr(m, "graphql.operation.name", name);
}

static void tt_graphql_request(struct tt_http_app *app, struct tt_span json)
{
	static const char *const paths[] = {"operationName", "query"};
	struct tt_json_value v[2];

	tt_json_scan(json, paths, 2, v);
	bool named = v[0].type == TT_JSON_STRING && !v[0].cut && v[0].text.len;
	if (named)
		tt_message_attr(app->m, "graphql.operation.name", v[0].text);
	if (v[1].type != TT_JSON_STRING)
		return;
	struct tt_span kind = named ? tt_graphql_kind_of(v[1].text, v[0].text) : tt_span(NULL, 0);
	if (!named)
		tt_graphql_first(app->m, v[1].text);
	else if (kind.len)
		tt_message_attr(app->m, "graphql.operation.type", kind);
}

static void tt_graphql_response(struct tt_http_app *app, struct tt_span json)
{
	static const char *const paths[] = {"errors.message", "errors.extensions.code", "errors"};
	struct tt_json_value v[3];

	tt_json_scan(json, paths, 3, v);
	if (v[1].type == TT_JSON_STRING && !v[1].cut)
		tt_message_attr(app->m, "graphql.error.code", v[1].text);
	if (v[0].type == TT_JSON_STRING || v[2].type == TT_JSON_OBJECT)
		tt_message_attr_bool(app->m, "graphql.errors", true);
}

/* --- JSON-RPC 2.0 (https://www.jsonrpc.org/specification) ------------------------------------------------------------------ */

static void tt_jsonrpc_request(struct tt_http_app *app, struct tt_span json)
{
	static const char *const paths[] = {"jsonrpc", "method", "id"};
	struct tt_json_value v[3];

	tt_json_scan(json, paths, 3, v);
	if (v[0].type != TT_JSON_STRING || v[1].type != TT_JSON_STRING || v[0].cut || v[1].cut)
		return;
	app->kind = TT_HTTP_APP_JSONRPC;
	tt_message_attr(app->m, tt_http_rpc_system, TT_SPAN_LIT("jsonrpc"));
	tt_message_attr(app->m, "rpc.method", v[1].text);
	tt_message_attr(app->m, "jsonrpc.protocol.version", v[0].text);
	if (v[2].type == TT_JSON_STRING || v[2].type == TT_JSON_NUMBER)
		tt_message_attr(app->m, "jsonrpc.request.id", v[2].text);
}

static void tt_jsonrpc_response(struct tt_http_app *app, struct tt_span json)
{
	static const char *const paths[] = {"error.code"};
	struct tt_json_value v;

	tt_json_scan(json, paths, 1, &v);
	if (v.type == TT_JSON_NUMBER)
		tt_message_attr(app->m, "rpc.response.status_code", v.text);
}

/* --- LLM calls (OpenTelemetry's gen_ai attributes) -------------------------------------------------------------------------- */

static const struct {
	const char *provider;
	/* Where the text, the model and the numbers stand, in answers and in events. NULL: nowhere. */
	const char *text[3];
	const char *model[3];
	const char *counts[TT_LLM_COUNTS][3];
} tt_llms[TT_HTTP_APP_MAX] = {
	[TT_HTTP_APP_OPENAI] = {"openai",
				{"choices.delta.content", "choices.text", "delta"},
				{"model", "response.model", "model"},
				{[TT_LLM_IN] = {"usage.prompt_tokens", "usage.input_tokens", "response.usage.input_tokens"},
				 [TT_LLM_OUT] = {"usage.completion_tokens", "usage.output_tokens",
						 "response.usage.output_tokens"}}},
	[TT_HTTP_APP_ANTHROPIC] =
		{"anthropic",
		 {"delta.text", "delta.thinking", "delta.partial_json"},
		 {"model", "message.model", "model"},
		 {[TT_LLM_IN] = {"message.usage.input_tokens", "usage.input_tokens"},
		  [TT_LLM_CACHE_READ] = {"message.usage.cache_read_input_tokens", "usage.cache_read_input_tokens"},
		  [TT_LLM_CACHE_WRITTEN] = {"message.usage.cache_creation_input_tokens", "usage.cache_creation_input_tokens"},
		  [TT_LLM_OUT] = {"message.usage.output_tokens", "usage.output_tokens"}}},
};

/* What is done at such a path, and the member without which the content is another API's. */
static const struct {
	struct tt_span end;
	struct tt_span operation;
	const char *must;
} tt_llm_paths[] = {
	{TT_SPAN_LIT("/embeddings"), TT_SPAN_LIT("embeddings"), "input"},
	{TT_SPAN_LIT("/chat/completions"), TT_SPAN_LIT("chat"), "messages"},
	{TT_SPAN_LIT("/completions"), TT_SPAN_LIT("text_completion"), "prompt"},
	{TT_SPAN_LIT("/responses"), TT_SPAN_LIT("chat"), NULL}, /* a stored prompt needs no input */
	{TT_SPAN_LIT("/messages"), TT_SPAN_LIT("chat"), "max_tokens"},
};

static void tt_llm_request(struct tt_http_app *app, struct tt_span json)
{
	struct tt_span path = tt_message_find(app->m, "url.path");
	size_t row = 0;
	while (row + 1 < TT_ARRAY_LEN(tt_llm_paths) && !tt_span_ends(path, tt_llm_paths[row].end))
		row++;

	const char *const paths[] = {"model", "stream", tt_llm_paths[row].must ? tt_llm_paths[row].must : "model"};
	struct tt_json_value v[3];
	tt_json_scan(json, paths, 3, v);
	/* What the member must be may stand behind a long text, of which not all is kept. */
	bool whole = app->text.len < app->text.max;
	if (v[0].type != TT_JSON_STRING || v[0].cut || (whole && v[2].type == TT_JSON_NONE)) {
		app->kind = TT_HTTP_APP_NONE; /* not that API, or too long before it says so */
		return;
	}
	tt_message_attr(app->m, "gen_ai.provider.name", tt_span_str(tt_llms[app->kind].provider));
	tt_message_attr(app->m, "gen_ai.operation.name", tt_llm_paths[row].operation);
	tt_message_attr(app->m, "gen_ai.request.model", v[0].text);
	if (v[1].type == TT_JSON_BOOL)
		tt_message_attr_bool(app->m, "gen_ai.request.stream", v[1].text.data[0] == 't');
}

static void tt_llm_counts(struct tt_http_app *app, struct tt_span json, enum tt_llm_count count)
{
	const char *const *paths = tt_llms[app->kind].counts[count];
	size_t n = 0;
	while (n < 3 && paths[n])
		n++;

	struct tt_json_value v[3];
	tt_json_scan(json, paths, n, v);
	for (size_t i = 0; i < n; i++) {
		uint64_t number;
		if (tt_json_value_u64(&v[i], &number)) {
			app->tokens[count] = number;
			app->told[count] = true;
		}
	}
}

/* An answer, or one event of it: the model is told first, numbers may be told again. Returns true if it holds text. */
static bool tt_llm_part(struct tt_http_app *app, struct tt_span json)
{
	const typeof(tt_llms[0]) *llm = &tt_llms[app->kind];
	struct tt_json_value v[6];

	const char *const paths[] = {llm->text[0], llm->text[1], llm->text[2], llm->model[0], llm->model[1], llm->model[2]};
	tt_json_scan(json, paths, TT_ARRAY_LEN(paths), v);
	for (int i = 3; i < 6; i++) {
		if (v[i].type == TT_JSON_STRING && !v[i].cut && !tt_message_find(app->m, "gen_ai.response.model").data)
			tt_message_attr(app->m, "gen_ai.response.model", v[i].text);
	}
	/* Most events of a stream count nothing. */
	if (json.len && memmem(json.data, json.len, "_tokens", 7)) {
		for (int count = 0; count < TT_LLM_COUNTS; count++)
			tt_llm_counts(app, json, (enum tt_llm_count)count);
	}
	for (int i = 0; i < 3; i++) {
		if (v[i].type == TT_JSON_STRING && v[i].text.len)
			return true;
	}
	return false;
}

static void tt_llm_response_end(struct tt_http_app *app)
{
	uint64_t in = app->tokens[TT_LLM_IN] + app->tokens[TT_LLM_CACHE_READ] + app->tokens[TT_LLM_CACHE_WRITTEN];

	if (app->told[TT_LLM_IN])
		tt_message_attr_int(app->m, "gen_ai.usage.input_tokens", (int64_t)in);
	if (app->told[TT_LLM_OUT])
		tt_message_attr_int(app->m, "gen_ai.usage.output_tokens", (int64_t)app->tokens[TT_LLM_OUT]);
	if (app->first_ns)
		tt_message_attr_int(app->m, "telltale.gen_ai.time_to_first_token_ns", (int64_t)app->first_ns);
}

/* A whole line of a stream of events (WHATWG HTML, 9.2); position `at` of the input is its end. */
static void tt_llm_line(struct tt_http_app *app, struct tt_link *link, const struct tt_input *in, size_t at)
{
	struct tt_span line = tt_buf_span(&app->text);

	if (!tt_span_starts(line, TT_SPAN_LIT("data:")))
		return;
	bool text = tt_llm_part(app, tt_span_trim(tt_span_sub(line, 5, line.len)));
	if (text && !app->first_seen) {
		app->first_seen = true;
		tt_since_request(link, TT_RESPONSES, app->m, in, at, &app->first_ns);
	}
}

/* --- content as it comes ---------------------------------------------------------------------------------------------------- */

static void tt_http_app_events(struct tt_http_app *app, struct tt_link *link, const struct tt_input *in, size_t at,
			       struct tt_span s)
{
	while (s.len) {
		ptrdiff_t end = tt_span_find(s, '\n');
		size_t n = end < 0 ? s.len : (size_t)end;
		/* A line longer than the limit is none that matters. */
		app->dropping |= !app->dropping && tt_keep_add(link, &app->text, s.data, n) < 0;
		if (end < 0)
			return;
		if (!app->dropping && tt_llms[app->kind].provider)
			tt_llm_line(app, link, in, at + n);
		app->dropping = app->text.failed = false;
		tt_buf_clear(&app->text);
		at += n + 1;
		s = tt_span_sub(s, n + 1, s.len);
	}
}

/* JSON that is not JSON-RPC's is not wanted further. */
static bool tt_http_app_hopeless(const struct tt_http_app *app)
{
	const char *paths[] = {"jsonrpc"};
	struct tt_json_value v;

	if (app->kind != TT_HTTP_APP_GUESS || app->text.len < TT_HTTP_GUESS_BYTES)
		return false;
	tt_json_scan(tt_buf_span(&app->text), paths, 1, &v);
	return v.type != TT_JSON_STRING;
}

bool tt_http_app_take(struct tt_http_app *app, struct tt_link *link, const struct tt_input *in, size_t at, struct tt_span bytes)
{
	if (app->events) {
		tt_http_app_events(app, link, in, at, bytes);
		return true;
	}
	size_t room = app->text.max - app->text.len;
	if (tt_keep_add(link, &app->text, bytes.data, TT_MIN(bytes.len, room)) < 0)
		return false;
	return app->text.len < app->text.max && !tt_http_app_hopeless(app);
}

static void tt_http_app_found(struct tt_http_app *app)
{
	static void (*const readers[TT_HTTP_APP_MAX][2])(struct tt_http_app *, struct tt_span) = {
		[TT_HTTP_APP_GUESS] = {tt_jsonrpc_request, NULL},
		[TT_HTTP_APP_GRAPHQL] = {tt_graphql_request, tt_graphql_response},
		[TT_HTTP_APP_JSONRPC] = {tt_jsonrpc_request, tt_jsonrpc_response},
		[TT_HTTP_APP_OPENAI] = {tt_llm_request, NULL},
		[TT_HTTP_APP_ANTHROPIC] = {tt_llm_request, NULL},
	};

	bool llm = tt_llms[app->kind].provider;
	if (app->response && llm && !app->events)
		tt_llm_part(app, tt_buf_span(&app->text));
	if (app->response && llm)
		tt_llm_response_end(app);
	else if (readers[app->kind][app->response])
		readers[app->kind][app->response](app, tt_buf_span(&app->text));
	if (!app->response && app->kind > TT_HTTP_APP_GUESS)
		app->m->kind |= (uint32_t)app->kind << TT_HTTP_APP_SHIFT;
}

struct tt_http_app *tt_http_app_end(struct tt_http_app *app)
{
	if (app)
		tt_http_app_found(app);
	return tt_http_app_free(app);
}

struct tt_http_app *tt_http_app_free(struct tt_http_app *app)
{
	if (!app)
		return NULL;
	tt_keep_free(app->link, &app->text);
	tt_keep_less(app->link, sizeof(*app));
	free(app);
	return NULL;
}
