// SPDX-License-Identifier: Apache-2.0
#include "sink/route.h"

#include <errno.h>

#include "sink/pattern.h"
#include "sink/same.h"
#include "sink/table.h"

/* What lies deeper is one route with what is above it. */
#define TT_ROUTE_DEPTH 12

/* A place in the paths of a service. */
struct tt_place {
	struct tt_place *next;	/* beside it */
	struct tt_place *first; /* below it, the latest used first */
	uint32_t places;	/* below it */
	bool any;		/* it is {id} */
	bool merged;		/* words below it are not told apart any more */
	bool route;		/* a route ends here */
	uint16_t len;
	uint8_t text[];
};

struct tt_route_name {
	unsigned sort;
	size_t len;
	uint8_t text[];
};

struct tt_route_service {
	struct tt_place *root;
	struct tt_table names;
	uint64_t named[TT_ROUTE_NAMES + 1]; /* of each sort */
	uint64_t routes;
	size_t len;
	uint8_t text[];
};

struct tt_routes {
	struct tt_table services;
	struct tt_route_service *last; /* asked for last: exchanges of a service come in runs */
	uint64_t services_limit;
	uint64_t routes_limit;
	uint32_t variety; /* different words one place bears */
	uint64_t refused;
};

int tt_routes_new(struct tt_routes **ret, const struct tt_limits *limits)
{
	tt_free_auto struct tt_routes *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	int e = tt_table_init(&r->services);
	if (e < 0)
		return e;
	r->services_limit = limits->value[TT_LIMIT_SERVICES];
	r->routes_limit = limits->value[TT_LIMIT_ROUTES];
	r->variety = (uint32_t)TT_MAX(r->routes_limit / 8, UINT64_C(2));
	*ret = TT_TAKE_PTR(r);
	return 0;
}

/* Frees all places below `p`; their routes are given back. Depth is bounded by TT_ROUTE_DEPTH. */
static void tt_place_clear(struct tt_route_service *s, struct tt_place *p)
{
	while (p->first) {
		struct tt_place *below = p->first;
		p->first = below->next;
		tt_place_clear(s, below);
		s->routes -= below->route;
		free(below);
	}
	p->places = 0;
}

static void tt_route_service_free(struct tt_route_service *s)
{
	if (s->root)
		tt_place_clear(s, s->root);
	free(s->root);
	size_t at = 0;
	for (void *name = tt_table_each(&s->names, &at); name; name = tt_table_each(&s->names, &at))
		free(name);
	tt_table_free(&s->names);
	free(s);
}

struct tt_routes *tt_routes_free(struct tt_routes *r)
{
	if (!r)
		return NULL;
	size_t at = 0;
	for (void *s = tt_table_each(&r->services, &at); s; s = tt_table_each(&r->services, &at))
		tt_route_service_free(s);
	tt_table_free(&r->services);
	free(r);
	return NULL;
}

static bool tt_route_service_same(const void *item, const void *key)
{
	const struct tt_route_service *s = item;
	return tt_span_eq(tt_span(s->text, s->len), *(const struct tt_span *)key);
}

/* NULL beyond the limit or without memory. */
static struct tt_route_service *tt_routes_service(struct tt_routes *r, struct tt_span service)
{
	if (r->last && tt_route_service_same(r->last, &service))
		return r->last;
	uint64_t hash = tt_table_hash(&r->services, service.data, service.len);
	struct tt_route_service *s = tt_table_find(&r->services, hash, tt_route_service_same, &service);
	if (s)
		r->last = s;
	if (s || r->services.count >= r->services_limit)
		return s;

	s = calloc(1, sizeof(*s) + service.len);
	if (!s)
		return NULL;
	s->len = service.len;
	memcpy(s->text, service.data, service.len);
	s->root = calloc(1, sizeof(*s->root));
	if (!s->root || tt_table_init(&s->names) < 0 || tt_table_add(&r->services, hash, s) < 0) {
		tt_route_service_free(s);
		return NULL;
	}
	return s;
}

/* The place for this segment below `p`, moved to the front. */
static struct tt_place *tt_place_find(struct tt_place *p, struct tt_span segment, bool any)
{
	for (struct tt_place **at = &p->first; *at; at = &(*at)->next) {
		struct tt_place *below = *at;
		if (any ? !below->any : below->any || !tt_span_eq(tt_span(below->text, below->len), segment))
			continue;
		*at = below->next;
		below->next = p->first;
		p->first = below;
		return below;
	}
	return NULL;
}

static struct tt_place *tt_place_add(struct tt_place *p, struct tt_span segment, bool any)
{
	struct tt_place *below = calloc(1, sizeof(*below) + segment.len);
	if (!below)
		return NULL;
	below->any = any;
	below->len = (uint16_t)segment.len;
	memcpy(below->text, segment.data, segment.len);
	below->next = p->first;
	p->first = below;
	p->places++;
	return below;
}

/* Of the last step it may be several segments. */
static bool tt_route_varies(struct tt_span segment)
{
	ptrdiff_t slash;

	while ((slash = tt_span_find(segment, '/')) >= 0) {
		if (tt_pattern_is_id(tt_span_sub(segment, 0, (size_t)slash)))
			return true;
		segment = tt_span_sub(segment, (size_t)slash + 1, segment.len);
	}
	return tt_pattern_is_id(segment);
}

/* Goes on to the place of a segment; NULL: it is not there (or, learning, may not be). */
static struct tt_place *tt_routes_step(struct tt_routes *r, struct tt_route_service *s, struct tt_place *p,
				       struct tt_span segment, bool learn)
{
	bool any = p->merged || tt_route_varies(segment);
	struct tt_place *below = tt_place_find(p, segment, any);
	if (below || !learn)
		return below;

	if (!any && p->places >= r->variety) { /* one word too many: they are values, all of them */
		tt_place_clear(s, p);
		p->merged = any = true;
	}
	if (s->routes >= r->routes_limit)
		return NULL;
	return tt_place_add(p, any ? TT_SPAN_LIT(TT_PATTERN_ID) : segment, any);
}

bool tt_routes_path(struct tt_routes *r, struct tt_span service, struct tt_span path, bool learn, struct tt_buf *out)
{
	struct tt_route_service *s = tt_routes_service(r, service);
	struct tt_place *p = s ? s->root : NULL;
	size_t start = out->len;

	for (size_t from = 1, depth = 0; p && from <= path.len; depth++) {
		struct tt_span rest = tt_span_sub(path, from, path.len);
		ptrdiff_t slash = tt_span_find(rest, '/');
		struct tt_span segment = slash < 0 || depth == TT_ROUTE_DEPTH ? rest : tt_span_sub(rest, 0, (size_t)slash);
		ptrdiff_t parameters = tt_span_find(segment, ';'); /* of a segment (RFC 3986 section 3.3) */
		p = tt_routes_step(r, s, p, tt_span_sub(segment, 0, parameters < 0 ? segment.len : (size_t)parameters), learn);
		if (p) {
			tt_buf_add_char(out, '/');
			tt_buf_add(out, p->text, p->len);
		}
		from += segment.len + 1;
	}

	/* A new route is one only while there may be more. */
	if (p && !p->route && learn && s->routes < r->routes_limit) {
		p->route = true;
		s->routes++;
	}
	if (p && p->route)
		return true;
	out->len = start;
	if (!learn)
		return false;
	r->refused++;
	tt_buf_add_str(out, TT_ROUTE_OTHER);
	return true;
}

struct tt_route_name_key {
	unsigned sort;
	struct tt_span name;
};

static bool tt_route_name_same(const void *item, const void *key)
{
	const struct tt_route_name *n = item;
	const struct tt_route_name_key *k = key;
	return n->sort == k->sort && tt_same_span(tt_span(n->text, n->len), k->name);
}

static bool tt_route_name_add(struct tt_route_service *s, uint64_t hash, const struct tt_route_name_key *k)
{
	struct tt_route_name *n = malloc(sizeof(*n) + k->name.len);

	if (!n || tt_table_add(&s->names, hash, n) < 0) {
		free(n);
		return false;
	}
	n->sort = k->sort;
	n->len = k->name.len;
	memcpy(n->text, k->name.data, k->name.len);
	s->named[k->sort]++;
	return true;
}

bool tt_routes_admit(struct tt_routes *r, struct tt_span service, unsigned sort, struct tt_span name, bool learn)
{
	const struct tt_route_name_key key = {sort, name};
	struct tt_route_service *s = tt_routes_service(r, service);

	if (s) {
		uint64_t hash = tt_table_hash(&s->names, name.data, name.len) + sort;
		if (tt_table_find(&s->names, hash, tt_route_name_same, &key))
			return true;
		if (learn && s->named[sort] < r->routes_limit && tt_route_name_add(s, hash, &key))
			return true;
	}
	r->refused += learn;
	return false;
}

uint64_t tt_routes_refused(const struct tt_routes *r)
{
	return r->refused;
}
