// SPDX-License-Identifier: Apache-2.0
#include "sink/shape.h"

#include <errno.h>

#include "proto/http_app.h"
#include "sink/kind.h"
#include "sink/names.h"
#include "sink/pattern.h"
#include "sink/redact.h"
#include "sink/route.h"

/* Statements are cut here when they are names; the target has them whole. */
#define TT_ROUTE_MAX 512
/* Labels are no longer than that (sink/series.h). */
#define TT_NAME_LEN_MAX 128

struct tt_shape {
	struct tt_routes *routes;
	bool show_values;
	struct tt_buf route;
	struct tt_buf target;
	struct tt_buf asked;
	struct tt_buf destination;
	struct tt_span names[TT_NAME_MAX];
};

int tt_shape_new(struct tt_shape **ret, const struct tt_limits *limits, bool show_values)
{
	tt_free_auto struct tt_shape *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int r = tt_routes_new(&s->routes, limits);
	if (r < 0)
		return r;
	s->show_values = show_values;
	/* Hiding a value may lengthen it: `a=1` becomes `a=REDACTED`. */
	s->route.max = s->target.max = s->asked.max = s->destination.max = limits->value[TT_LIMIT_TEXT_BYTES] * 8;
	*ret = TT_TAKE_PTR(s);
	return 0;
}

struct tt_shape *tt_shape_free(struct tt_shape *s)
{
	if (!s)
		return NULL;
	tt_routes_free(s->routes);
	tt_buf_free(&s->route);
	tt_buf_free(&s->target);
	tt_buf_free(&s->asked);
	tt_buf_free(&s->destination);
	free(s);
	return NULL;
}

uint64_t tt_shape_refused(const struct tt_shape *s)
{
	return tt_routes_refused(s->routes);
}

static struct tt_span tt_shape_text(const struct tt_buf *b)
{
	return b->len ? tt_buf_span(b) : TT_SPAN_LIT("");
}

static bool tt_shape_names_people(const struct tt_kind *kind)
{
	return kind->resource == TT_RESOURCE_URI || kind->resource == TT_RESOURCE_MAILBOX || kind->resource == TT_RESOURCE_ENTRY;
}

/* Most targets are shown as they are: that is seen at one glance. */
static bool tt_shape_is_plain(const struct tt_kind *kind, struct tt_span resource)
{
	if (kind->resource == TT_RESOURCE_PATH)
		return resource.len && resource.data[0] == '/' && tt_redact_path_is_plain(resource);
	return kind->resource != TT_RESOURCE_STATEMENT && !tt_shape_names_people(kind);
}

static struct tt_span tt_shape_target(struct tt_shape *s, const struct tt_exchange *x, const struct tt_kind *kind,
				      struct tt_span resource)
{
	if (s->show_values || tt_shape_is_plain(kind, resource))
		return resource;
	tt_redact_resource(&s->target, x, kind);
	return tt_shape_text(&s->target);
}

/* What the server did not know itself must not teach us routes: scanners ask for thousands of them. */
static bool tt_shape_learns(const struct tt_exchange *x)
{
	struct tt_span status = tt_message_get(x->response, TT_TEXT_STATUS);
	return x->response && !tt_span_eq(status, TT_SPAN_LIT("404")) && !tt_span_eq(status, TT_SPAN_LIT("400"));
}

static struct tt_span tt_shape_path(struct tt_shape *s, struct tt_span service, const struct tt_exchange *x,
				    struct tt_span resource)
{
	struct tt_span path = tt_pattern_path(resource);
	if (!path.len || path.data[0] != '/')
		return path.len ? path : tt_span(NULL, 0);
	if (!tt_routes_path(s->routes, service, path, tt_shape_learns(x), &s->route))
		return tt_span(NULL, 0);
	return tt_shape_text(&s->route);
}

/* What is asked within HTTP (proto/http_app.h) is called by these attributes; all that are there, after a word of ours. */
static const struct {
	const char *word;
	const char *attributes[3];
	bool alone; /* it says all that the route does, and better */
} tt_asked[TT_HTTP_APP_MAX] = {
	[TT_HTTP_APP_S3] = {"", {"rpc.method", "aws.s3.bucket"}, true},
	[TT_HTTP_APP_SEARCH] = {"", {"db.system.name", "db.operation.name", "db.collection.name"}, true},
	[TT_HTTP_APP_GRAPHQL] = {"GraphQL", {"graphql.operation.type", "graphql.operation.name"}, false},
	[TT_HTTP_APP_JSONRPC] = {"JSON-RPC", {"rpc.method"}, false},
	[TT_HTTP_APP_OPENAI] = {"", {"gen_ai.operation.name", "gen_ai.request.model"}, false},
	[TT_HTTP_APP_ANTHROPIC] = {"", {"gen_ai.operation.name", "gen_ai.request.model"}, false},
};

static void tt_shape_word(struct tt_buf *out, struct tt_span word)
{
	if (word.len && out->len)
		tt_buf_add_char(out, ' ');
	tt_buf_add(out, word.data, word.len);
}

/* The route with what is asked behind it, if that may be a name of the service; else the route alone. */
static struct tt_span tt_shape_asked(struct tt_shape *s, struct tt_span service, const struct tt_exchange *x,
				     struct tt_span route)
{
	enum tt_http_app_kind app = tt_http_app_kind(x->response);

	if (app != TT_HTTP_APP_SEARCH)
		app = tt_http_app_kind(x->request);
	if (app >= TT_HTTP_APP_MAX || !tt_asked[app].attributes[0] || !tt_shape_learns(x))
		return route;
	tt_buf_clear(&s->asked);
	if (!tt_asked[app].alone)
		tt_shape_word(&s->asked, route);
	tt_shape_word(&s->asked, tt_span_str(tt_asked[app].word));
	size_t before = s->asked.len;
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_asked[app].attributes) && tt_asked[app].attributes[i]; i++)
		tt_shape_word(&s->asked, tt_exchange_attribute(x, tt_asked[app].attributes[i]));
	struct tt_span name = tt_span_sub(tt_buf_span(&s->asked), 0, TT_ROUTE_MAX);
	return name.len > before && tt_routes_admit(s->routes, service, TT_ROUTE_NAMES, name, true) ? name : route;
}

static struct tt_span tt_shape_name(struct tt_shape *s, const struct tt_exchange *x, const struct tt_kind *kind,
				    struct tt_span resource, struct tt_span target)
{
	struct tt_span name = resource;
	if (kind->resource == TT_RESOURCE_KEY) {
		tt_pattern_key(&s->route, resource);
		name = tt_shape_text(&s->route);
	} else if (kind->resource == TT_RESOURCE_HOST) {
		tt_pattern_host(&s->route, resource);
		name = tt_shape_text(&s->route);
	} else if (kind->resource == TT_RESOURCE_STATEMENT || tt_shape_names_people(kind)) {
		name = target;
		if (s->show_values) { /* the target is raw then */
			tt_redact_resource(&s->route, x, kind);
			name = tt_shape_text(&s->route);
		}
	} else if (kind->group == TT_GROUP_MESSAGING) {
		tt_pattern_destination(&s->route, resource);
		name = tt_shape_text(&s->route);
	}
	return tt_span_sub(name, 0, TT_ROUTE_MAX);
}

/* What a label or a row is called by, as far as the service may have that many names. */
static void tt_shape_names(struct tt_shape *s, struct tt_event *e, const struct tt_exchange *x, struct tt_span service,
			   bool learn)
{
	if (e->kind->group == TT_GROUP_HTTP)
		return;
	for (unsigned i = 0; i < TT_NAME_MAX; i++) {
		struct tt_span name = tt_name_is_bounded(e->kind->group, i) ? tt_name_raw(x, i) : tt_span(NULL, 0);
		if (i == TT_NAME_DESTINATION && name.len) {
			tt_buf_clear(&s->destination);
			tt_pattern_destination(&s->destination, name);
			name = tt_shape_text(&s->destination);
		}
		name = tt_span_sub(name, 0, TT_NAME_LEN_MAX);
		if (name.len && !tt_routes_admit(s->routes, service, i, name, learn || i == TT_NAME_ERROR))
			name = TT_SPAN_LIT(TT_NAME_OTHER);
		s->names[i] = name;
	}
	e->names = s->names;
}

void tt_shape_event(struct tt_shape *s, struct tt_event *e, const struct tt_exchange *x)
{
	struct tt_span resource = tt_exchange_text(x, TT_TEXT_RESOURCE);
	struct tt_span service = tt_span_str(e->self ? e->self->service : "");
	const struct tt_kind *kind = tt_kind_of(x);

	bool learn = !tt_name_is_unknown(x);

	e->kind = kind;
	e->names = NULL;
	tt_shape_names(s, e, x, service, learn);
	e->route = e->http_route = e->target = tt_span(NULL, 0);
	if (!resource.data)
		return;
	tt_buf_clear(&s->route);
	tt_buf_clear(&s->target);

	e->target = tt_shape_target(s, x, kind, resource);
	if (kind->resource == TT_RESOURCE_PATH) {
		e->http_route = e->route = tt_shape_path(s, service, x, resource);
		if (kind->group == TT_GROUP_HTTP)
			e->route = tt_shape_asked(s, service, x, e->route);
		return;
	}
	e->route = tt_shape_name(s, x, kind, resource, e->target);
	if (!tt_routes_admit(s->routes, service, TT_ROUTE_NAMES, e->route, learn))
		e->route = TT_SPAN_LIT(TT_ROUTE_OTHER);
}
