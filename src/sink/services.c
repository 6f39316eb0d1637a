// SPDX-License-Identifier: Apache-2.0
#include "sink/services.h"

#include <errno.h>

#include "sink/clock.h"
#include "sink/measure.h"
#include "sink/names.h"
#include "sink/route.h"
#include "sink/same.h"
#include "sink/table.h"
#include "sink/window.h"

#define TT_SERVICE_PROTOCOLS 8 /* named per service */
#define TT_OPERATION_MAX 128   /* bytes of an operation's name */
#define TT_OPERATION_ROUTE_MAX 512

/* Found last, one for each tint: on a connection the same ones come again and again. */
#define TT_OPERATIONS_RECALLED 8

struct tt_operation {
	struct tt_operation *next; /* of the same service */
	struct tt_service *service;
	const char *protocol;
	bool client;
	bool other; /* what is beyond the limit */
	bool has_operation;
	bool has_route;
	uint16_t operation_len;
	uint16_t route_len;
	struct tt_window window;
	uint8_t text[]; /* operation, then route */
};

struct tt_service {
	struct tt_operation *first;
	uint64_t operations;
	const char *protocols[TT_SERVICE_PROTOCOLS];
	char container_id[TT_CONTAINER_ID_LEN];
	char name[TT_IDENTITY_NAME_LEN];
};

struct tt_services {
	struct tt_sink sink;
	struct tt_table services;
	struct tt_table operations;
	uint64_t services_limit;
	uint64_t operations_limit;
	uint64_t others; /* rows {other}, which do not count towards the limit */
	uint64_t dropped;
	uint64_t joined;  /* exchanges on rows {other} */
	uint64_t idle_ns; /* 0: none expires */
	uint64_t look_ns; /* when it looks next */
	uint64_t expired; /* operations */
	struct tt_operation *recalled[TT_OPERATIONS_RECALLED];
	struct tt_clock clock;
};

/* --- finding
 * -------------------------------------------------------------------------------------------------------------------- */

static bool tt_service_same(const void *item, const void *key)
{
	return tt_span_eq(tt_span_str(((const struct tt_service *)item)->name), *(const struct tt_span *)key);
}

static struct tt_service *tt_services_find(const struct tt_services *s, struct tt_span name)
{
	return tt_table_find(&s->services, tt_table_hash(&s->services, name.data, name.len), tt_service_same, &name);
}

/* NULL beyond the limit or without memory. */
static struct tt_service *tt_services_get(struct tt_services *s, const struct tt_identity *id)
{
	struct tt_span name = tt_span_str(id->service);
	struct tt_service *service = tt_services_find(s, name);
	if (!service && s->services.count < s->services_limit) {
		service = calloc(1, sizeof(*service));
		if (service && tt_table_add(&s->services, tt_table_hash(&s->services, name.data, name.len), service) < 0) {
			free(service);
			service = NULL;
		}
		if (service)
			memcpy(service->name, id->service, sizeof(service->name));
	}
	if (service && id->container_id[0] && strcmp(service->container_id, id->container_id) != 0)
		memcpy(service->container_id, id->container_id, sizeof(service->container_id));
	return service;
}

struct tt_operation_key {
	struct tt_service *service;
	const char *protocol;
	bool client;
	bool other;
	struct tt_span operation;
	struct tt_span route;
};

static bool tt_operation_same(const void *item, const void *key)
{
	const struct tt_operation *o = item;
	const struct tt_operation_key *k = key;
	return o->service == k->service && o->protocol == k->protocol && o->client == k->client && o->other == k->other &&
	       o->has_operation == (k->operation.data != NULL) && o->has_route == (k->route.data != NULL) &&
	       (!o->has_operation || tt_same_span(tt_span(o->text, o->operation_len), k->operation)) &&
	       (!o->has_route || tt_same_span(tt_span(o->text + o->operation_len, o->route_len), k->route));
}

static uint64_t tt_operation_hash(const struct tt_services *s, const struct tt_operation_key *k)
{
	uint64_t parts = tt_table_hash(&s->operations, k->operation.data, k->operation.len) + (uintptr_t)k->service + k->client;

	/* Multiplied, so that an operation and a route that are the same text do not cancel out. */
	return parts * UINT64_C(0x9E3779B97F4A7C15) ^ tt_table_hash(&s->operations, k->route.data, k->route.len);
}

static struct tt_operation *tt_operation_add(struct tt_services *s, const struct tt_operation_key *k, uint64_t hash)
{
	struct tt_operation *o = calloc(1, sizeof(*o) + k->operation.len + k->route.len);
	if (!o)
		return NULL;
	if (tt_table_add(&s->operations, hash, o) < 0) {
		free(o);
		return NULL;
	}
	o->service = k->service;
	o->protocol = k->protocol;
	o->client = k->client;
	o->other = k->other;
	o->has_operation = k->operation.data;
	o->has_route = k->route.data;
	o->operation_len = (uint16_t)k->operation.len;
	o->route_len = (uint16_t)k->route.len;
	if (k->operation.len)
		memcpy(o->text, k->operation.data, k->operation.len);
	if (k->route.len)
		memcpy(o->text + k->operation.len, k->route.data, k->route.len);
	o->next = k->service->first;
	k->service->first = o;
	k->service->operations++;
	return o;
}

static struct tt_operation *tt_operation_get(struct tt_services *s, struct tt_operation_key *k)
{
	uint64_t hash = tt_operation_hash(s, k);
	struct tt_operation *o = tt_table_find(&s->operations, hash, tt_operation_same, k);
	if (o)
		return o;
	if (s->operations.count - s->others < s->operations_limit)
		return tt_operation_add(s, k, hash);

	s->joined++;
	*k = (struct tt_operation_key){.service = k->service,
				       .protocol = "other",
				       .client = k->client,
				       .other = true,
				       .route = TT_SPAN_LIT(TT_ROUTE_OTHER)};
	hash = tt_operation_hash(s, k);
	o = tt_table_find(&s->operations, hash, tt_operation_same, k);
	if (!o) {
		o = tt_operation_add(s, k, hash);
		s->others += o != NULL;
	}
	return o;
}

/* --- counting
 * ------------------------------------------------------------------------------------------------------------------- */

static void tt_service_speaks(struct tt_service *service, const char *protocol)
{
	for (size_t i = 0; i < TT_SERVICE_PROTOCOLS; i++) {
		if (!service->protocols[i])
			service->protocols[i] = protocol;
		if (service->protocols[i] == protocol)
			return;
	}
}

/* The key's, and the same process' as far as it is told. */
static bool tt_operation_is(const struct tt_operation *o, const struct tt_identity *id, struct tt_operation_key *k)
{
	if (strcmp(o->service->name, id->service) != 0 ||
	    (id->container_id[0] && strcmp(o->service->container_id, id->container_id) != 0))
		return false;
	k->service = o->service;
	return tt_operation_same(o, k);
}

static struct tt_operation *tt_services_operation(struct tt_services *s, const struct tt_identity *id, struct tt_operation_key *k)
{
	unsigned tint = tt_span_tint(k->operation) + 7 * tt_span_tint(k->route) + k->client;
	struct tt_operation **recalled = &s->recalled[(tint ^ tint >> 3) % TT_OPERATIONS_RECALLED];

	if (*recalled && tt_operation_is(*recalled, id, k))
		return *recalled;
	k->service = tt_services_get(s, id);
	if (!k->service)
		return NULL;
	tt_service_speaks(k->service, k->protocol);
	struct tt_operation *o = tt_operation_get(s, k);
	*recalled = o && o->other ? NULL : o;
	return o;
}

static void tt_services_exchange(struct tt_sink *sink, const struct tt_event *e, const struct tt_exchange *x)
{
	struct tt_services *s = (struct tt_services *)sink;
	uint64_t now_ns = tt_clock_exchange(&s->clock, x);
	struct tt_operation_key key = {
		.protocol = x->proto->name,
		.client = tt_is_client(x->ends),
		.operation = tt_span_sub(tt_event_name(e, x, TT_NAME_OPERATION), 0, TT_OPERATION_MAX),
		.route = tt_span_sub(tt_event_route(e), 0, TT_OPERATION_ROUTE_MAX),
	};
	struct tt_operation *o = e->self ? tt_services_operation(s, e->self, &key) : NULL;

	if (!o) {
		s->dropped++;
		return;
	}
	uint64_t ns = 0;
	bool timed = tt_measure_counted(x, &ns);
	tt_window_add(&o->window, now_ns, tt_measure_result(x), timed, ns);
}

static void tt_operation_free(struct tt_services *s, struct tt_operation *o)
{
	const struct tt_operation_key key = {.service = o->service,
					     .client = o->client,
					     .operation = tt_span(o->text, o->operation_len),
					     .route = tt_span(o->text + o->operation_len, o->route_len)};

	tt_table_remove(&s->operations, tt_operation_hash(s, &key), o);
	s->others -= o->other;
	o->service->operations--;
	tt_window_free(&o->window);
	free(o);
}

/* True: nothing of the service is left. */
static bool tt_service_expire(struct tt_services *s, struct tt_service *service)
{
	for (struct tt_operation **at = &service->first; *at;) {
		struct tt_operation *o = *at;
		if (!tt_window_idle(&o->window, s->clock.now_ns, s->idle_ns)) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		tt_operation_free(s, o);
		s->expired++;
	}
	return !service->first;
}

static void tt_services_expire(struct tt_services *s)
{
	size_t at = 0;

	if (!s->idle_ns || s->clock.now_ns < s->look_ns)
		return;
	s->look_ns = s->clock.now_ns + TT_EXPIRY_LOOK_NS(s->idle_ns);
	memset(s->recalled, 0, sizeof(s->recalled));
	for (struct tt_service *service; (service = tt_table_each(&s->services, &at));) {
		struct tt_span name = tt_span_str(service->name);
		if (!tt_service_expire(s, service))
			continue;
		tt_table_remove(&s->services, tt_table_hash(&s->services, name.data, name.len), service);
		free(service);
		at = 0; /* removing moves what follows */
	}
}

static void tt_services_advance(struct tt_sink *sink, uint64_t now_ns)
{
	struct tt_services *s = (struct tt_services *)sink;

	tt_clock_tick(&s->clock, now_ns);
	tt_services_expire(s);
}

uint64_t tt_services_expired(const struct tt_sink *sink)
{
	return ((const struct tt_services *)sink)->expired;
}

static void tt_services_free(struct tt_sink *sink)
{
	struct tt_services *s = (struct tt_services *)sink;
	size_t at = 0;
	for (struct tt_operation *o; (o = tt_table_each(&s->operations, &at));) {
		tt_window_free(&o->window);
		free(o);
	}
	at = 0;
	for (void *service = tt_table_each(&s->services, &at); service; service = tt_table_each(&s->services, &at))
		free(service);
	tt_table_free(&s->operations);
	tt_table_free(&s->services);
	free(s);
}

static const struct tt_sink_ops tt_services_ops = {
	.name = "services",
	.exchange = tt_services_exchange,
	.advance = tt_services_advance,
	.free = tt_services_free,
};

int tt_services_new(struct tt_sink **ret, const struct tt_limits *limits)
{
	struct tt_services *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sink.ops = &tt_services_ops;
	s->services_limit = limits->value[TT_LIMIT_SERVICES];
	s->operations_limit = limits->value[TT_LIMIT_OPERATIONS];
	s->idle_ns = limits->value[TT_LIMIT_IDLE_EXPIRY] * UINT64_C(1000000000);
	if (tt_table_init(&s->services) < 0 || tt_table_init(&s->operations) < 0) {
		tt_services_free(&s->sink);
		return -ENOMEM;
	}
	*ret = &s->sink;
	return 0;
}

/* --- JSON
 * ----------------------------------------------------------------------------------------------------------------------- */

static void tt_services_begin(struct tt_json *j, const struct tt_services *s, int64_t wall_minus_mono_ns, uint64_t *ret_window_ns)
{
	*ret_window_ns = tt_window_length(s->clock.start_ns, s->clock.now_ns);
	tt_json_object(j);
	tt_json_key(j, "time_unix_ns");
	tt_json_i64(j, (int64_t)s->clock.now_ns + wall_minus_mono_ns);
	tt_json_key_u64(j, "window_ns", *ret_window_ns);
}

/* The service's figures at one kind of end; returns when something last happened there. */
static uint64_t tt_service_json_end(struct tt_json *j, const struct tt_services *s, const struct tt_service *service, bool client,
				    uint64_t window_ns)
{
	struct tt_figures f = {0};
	for (const struct tt_operation *o = service->first; o; o = o->next) {
		if (o->client == client)
			tt_figures_add(&f, &o->window, s->clock.now_ns);
	}
	tt_json_key(j, client ? "client" : "server");
	if (!f.count) {
		tt_json_null(j);
		return 0;
	}
	tt_json_object(j);
	tt_figures_json(j, &f, window_ns);
	tt_json_object_end(j);
	uint64_t last_ns = f.last_ns;
	tt_figures_free(&f);
	return last_ns;
}

static void tt_service_json(struct tt_json *j, const struct tt_services *s, const struct tt_service *service, uint64_t window_ns)
{
	tt_json_object(j);
	tt_json_key_text(j, "service", service->name);
	tt_json_key_text(j, "container_id", service->container_id);
	uint64_t server_ns = tt_service_json_end(j, s, service, false, window_ns);
	uint64_t client_ns = tt_service_json_end(j, s, service, true, window_ns);
	tt_json_key(j, "protocols");
	tt_json_array(j);
	for (size_t i = 0; i < TT_SERVICE_PROTOCOLS && service->protocols[i]; i++)
		tt_json_string(j, tt_span_str(service->protocols[i]));
	tt_json_array_end(j);
	tt_json_key_u64(j, "operations", service->operations);
	tt_json_key_u64(j, "idle_ns", s->clock.now_ns - TT_MAX(server_ns, client_ns));
	tt_json_object_end(j);
}

/* All items of a table, sorted; NULL without memory. The caller frees it. */
static void **tt_table_sorted(const struct tt_table *t, int (*compare)(const void *, const void *))
{
	void **items = calloc(t->count + 1, sizeof(*items));
	size_t at = 0;
	if (!items)
		return NULL;
	for (size_t i = 0; i < t->count; i++)
		items[i] = tt_table_each(t, &at);
	qsort(items, t->count, sizeof(*items), compare);
	return items;
}

static int tt_service_compare(const void *a, const void *b)
{
	return strcmp((*(struct tt_service *const *)a)->name, (*(struct tt_service *const *)b)->name);
}

void tt_services_json(struct tt_json *j, const struct tt_sink *sink, int64_t wall_minus_mono_ns)
{
	const struct tt_services *s = (const struct tt_services *)sink;
	tt_free_auto struct tt_service **sorted = (struct tt_service **)tt_table_sorted(&s->services, tt_service_compare);
	uint64_t window_ns;

	tt_services_begin(j, s, wall_minus_mono_ns, &window_ns);
	tt_json_key(j, "services");
	tt_json_array(j);
	for (size_t i = 0; sorted && i < s->services.count; i++)
		tt_service_json(j, s, sorted[i], window_ns);
	tt_json_array_end(j);
	tt_json_key_u64(j, "dropped", s->dropped + s->joined);
	tt_json_object_end(j);
}

static void tt_operation_json(struct tt_json *j, const struct tt_services *s, const struct tt_operation *o, uint64_t window_ns)
{
	struct tt_figures f = {0};
	tt_figures_add(&f, &o->window, s->clock.now_ns);

	tt_json_object(j);
	tt_json_key_text(j, "service", o->service->name);
	tt_json_key_text(j, "kind", o->client ? "client" : "server");
	tt_json_key_text(j, "protocol", o->protocol);
	tt_json_key_string(j, "operation", o->has_operation ? tt_span(o->text, o->operation_len) : tt_span(NULL, 0));
	tt_json_key_string(j, "route", o->has_route ? tt_span(o->text + o->operation_len, o->route_len) : tt_span(NULL, 0));
	tt_figures_json(j, &f, window_ns);
	tt_json_key_u64(j, "idle_ns", s->clock.now_ns - f.last_ns);
	tt_json_object_end(j);
	tt_figures_free(&f);
}

/* Largest count first; the names decide between equals, so that rows do not jump about. */
static int tt_operation_compare(const void *a, const void *b)
{
	const struct tt_operation *x = *(struct tt_operation *const *)a;
	const struct tt_operation *y = *(struct tt_operation *const *)b;
	if (x->window.count != y->window.count)
		return x->window.count < y->window.count ? 1 : -1;
	size_t len = TT_MIN(x->operation_len + x->route_len, y->operation_len + y->route_len);
	int order = memcmp(x->text, y->text, len);
	return order ? order : strcmp(x->service->name, y->service->name);
}

int tt_services_operations_json(struct tt_json *j, const struct tt_sink *sink, int64_t wall_minus_mono_ns, struct tt_span service)
{
	const struct tt_services *s = (const struct tt_services *)sink;
	const struct tt_service *of = service.data ? tt_services_find(s, service) : NULL;
	if (service.data && !of)
		return -ENOENT;
	tt_free_auto struct tt_operation **sorted = (struct tt_operation **)tt_table_sorted(&s->operations, tt_operation_compare);
	if (!sorted)
		return -ENOMEM;

	uint64_t window_ns;
	tt_services_begin(j, s, wall_minus_mono_ns, &window_ns);
	tt_json_key(j, "operations");
	tt_json_array(j);
	for (size_t i = 0; i < s->operations.count; i++) {
		if (!of || sorted[i]->service == of)
			tt_operation_json(j, s, sorted[i], window_ns);
	}
	tt_json_array_end(j);
	tt_json_key_u64(j, "dropped", s->joined);
	tt_json_object_end(j);
	return 0;
}
