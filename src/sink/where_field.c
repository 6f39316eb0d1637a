// SPDX-License-Identifier: Apache-2.0
#include "sink/where_field.h"

#include <fnmatch.h>

#include "base/own.h"
#include "proto/proto.h"
#include "sink/jsonl.h"
#include "sink/kind.h"
#include "sink/measure.h"
#include "sink/redact.h"

struct tt_where_ask {
	const char *name;
	const struct tt_event *e;
	const struct tt_exchange *x;
	bool show_values;
};

struct tt_where_field {
	const char *name; /* NULL: an attribute */
	void (*get)(const struct tt_where_ask *a, struct tt_where_value *v);
	const char *(*value)(size_t i); /* NULL: it may be anything; else its values by number, NULL behind the last */
	const char *wanted;		/* said where a value is none of them */
};

static void tt_where_number(struct tt_where_value *v, bool known, uint64_t number)
{
	v->is_number = known;
	v->number = number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

static void tt_where_bool(struct tt_where_value *v, bool value)
{
	v->text = tt_span_str(value ? "true" : "false");
}

static void tt_get_time(const struct tt_where_ask *a, struct tt_where_value *v)
{
	v->is_number = true;
	v->number = (int64_t)a->x->request_first_ns + a->e->wall_minus_mono_ns;
}

static void tt_get_kind(const struct tt_where_ask *a, struct tt_where_value *v)
{
	v->text = tt_span_str(tt_is_client(a->x->ends) ? "client" : "server");
}

static void tt_get_protocol(const struct tt_where_ask *a, struct tt_where_value *v)
{
	v->text = tt_span_str(a->x->proto->name);
}

static void tt_get_operation(const struct tt_where_ask *a, struct tt_where_value *v)
{
	v->text = tt_exchange_text(a->x, TT_TEXT_OPERATION);
}

static void tt_get_resource(const struct tt_where_ask *a, struct tt_where_value *v)
{
	v->text = tt_exchange_text(a->x, TT_TEXT_RESOURCE);
	if (a->show_values || !v->text.data)
		return;
	if (a->e->target.data)
		v->text = a->e->target;
	else if (tt_redact_resource(&v->scratch, a->x, tt_event_kind(a->e, a->x)))
		v->text = tt_buf_span(&v->scratch);
}

static void tt_get_status(const struct tt_where_ask *a, struct tt_where_value *v)
{
	v->text = tt_message_get(a->x->response, TT_TEXT_STATUS);
}

static void tt_get_error(const struct tt_where_ask *a, struct tt_where_value *v)
{
	enum tt_result result = tt_exchange_result(a->x);

	if (result != TT_RESULT_UNKNOWN)
		tt_where_bool(v, result == TT_RESULT_FAILED);
}

static void tt_get_error_type(const struct tt_where_ask *a, struct tt_where_value *v)
{
	v->text = tt_exchange_error_type(a->x);
}

static void tt_get_duration(const struct tt_where_ask *a, struct tt_where_value *v)
{
	uint64_t ns = 0;
	bool known = tt_measure_duration(a->x, &ns);
	tt_where_number(v, known, ns);
}

static void tt_get_ttfb(const struct tt_where_ask *a, struct tt_where_value *v)
{
	uint64_t ns = 0;
	bool known = tt_measure_ttfb(a->x, &ns);
	tt_where_number(v, known, ns);
}

static void tt_get_request_bytes(const struct tt_where_ask *a, struct tt_where_value *v)
{
	tt_where_number(v, true, a->x->request_bytes);
}

static void tt_get_response_bytes(const struct tt_where_ask *a, struct tt_where_value *v)
{
	tt_where_number(v, a->x->response != NULL, a->x->response_bytes);
}

static void tt_get_complete(const struct tt_where_ask *a, struct tt_where_value *v)
{
	tt_where_bool(v, a->x->complete);
}

static void tt_get_source(const struct tt_where_ask *a, struct tt_where_value *v)
{
	v->text = tt_jsonl_origin(a->x->ends->origin);
}

static void tt_get_client(const struct tt_where_ask *a, struct tt_where_value *v)
{
	v->text = tt_address_exchange(&v->address, a->x, false, true);
}

static void tt_get_server(const struct tt_where_ask *a, struct tt_where_value *v)
{
	v->text = tt_address_exchange(&v->address, a->x, true, true);
}

static void tt_get_pid(const struct tt_where_ask *a, struct tt_where_value *v)
{
	tt_where_number(v, a->x->actor.tgid != 0, a->x->actor.tgid);
}

static void tt_get_tid(const struct tt_where_ask *a, struct tt_where_value *v)
{
	tt_where_number(v, a->x->actor.tid != 0, a->x->actor.tid);
}

static const struct tt_identity *tt_where_self(const struct tt_where_ask *a)
{
	return a->x->actor.tgid ? a->e->self : NULL;
}

/* As in a JSON line, an empty name is none. */
static struct tt_span tt_where_name(const char *name)
{
	return tt_span_str(name && name[0] ? name : NULL);
}

static void tt_get_comm(const struct tt_where_ask *a, struct tt_where_value *v)
{
	const struct tt_identity *self = tt_where_self(a);
	if (self && self->comm[0])
		v->text = tt_span(self->comm, strnlen(self->comm, TT_COMM_LEN));
}

static void tt_get_service(const struct tt_where_ask *a, struct tt_where_value *v)
{
	const struct tt_identity *self = tt_where_self(a);
	v->text = tt_where_name(self ? self->service : NULL);
}

static void tt_get_container(const struct tt_where_ask *a, struct tt_where_value *v)
{
	const struct tt_identity *self = tt_where_self(a);
	v->text = tt_where_name(self ? self->container_id : NULL);
}

static void tt_get_attribute(const struct tt_where_ask *a, struct tt_where_value *v)
{
	const struct tt_kind *kind = tt_event_kind(a->e, a->x);
	const struct tt_message *in = a->x->response;
	const struct tt_attribute *at = tt_message_find_attr(in, a->name);

	if (!at) {
		in = a->x->request;
		at = tt_message_find_attr(in, a->name);
	}
	if (!at) {
		if (kind->group == TT_GROUP_HTTP && strcmp(a->name, "http.route") == 0)
			v->text = a->e->http_route;
		return;
	}
	if (at->type == TT_ATTR_INT) {
		v->is_number = true;
		v->number = at->number;
	} else if (at->type == TT_ATTR_BOOL) {
		tt_where_bool(v, at->number);
	} else {
		v->text = tt_message_attr_span(in, at);
		if (!a->show_values)
			v->text = tt_redact_attribute(&v->scratch, a->x, kind, at->key, v->text);
	}
}

/* --- fields that have few values ------------------------------------------------------------------------------------------ */

static const char *tt_value_kind(size_t i)
{
	static const char *const names[] = {"client", "server", NULL};
	return names[i];
}

static const char *tt_value_protocol(size_t i)
{
	return i < tt_protos_count ? tt_protos[i]->name : NULL;
}

static const char *tt_value_bool(size_t i)
{
	static const char *const names[] = {"true", "false", NULL};
	return names[i];
}

static const char *tt_value_error(size_t i)
{
	return i == 2 ? "null" : i < 2 ? tt_value_bool(i) : NULL;
}

static const char *tt_value_source(size_t i)
{
	return i < TT_ORIGIN_MAX ? (const char *)tt_jsonl_origin((uint8_t)i).data : NULL;
}

const char *tt_where_field_refuses(const struct tt_where_field *f, const char *value)
{
	const char *known;

	for (size_t i = 0; f->value && (known = f->value(i)); i++) {
		if (fnmatch(value, known, 0) == 0)
			return NULL;
	}
	return f->wanted;
}

static const struct tt_where_field tt_where_fields[] = {
	{"time_unix_ns", tt_get_time},
	{"kind", tt_get_kind, tt_value_kind, "client or server is needed here"},
	{"protocol", tt_get_protocol, tt_value_protocol, "no such protocol (telltale help protocols)"},
	{"operation", tt_get_operation},
	{"resource", tt_get_resource},
	{"status", tt_get_status},
	{"error", tt_get_error, tt_value_error, "true, false or null is needed here"},
	{"error_type", tt_get_error_type},
	{"duration_ns", tt_get_duration},
	{"duration", tt_get_duration},
	{"ttfb_ns", tt_get_ttfb},
	{"ttfb", tt_get_ttfb},
	{"request_bytes", tt_get_request_bytes},
	{"response_bytes", tt_get_response_bytes},
	{"complete", tt_get_complete, tt_value_bool, "true or false is needed here"},
	{"source", tt_get_source, tt_value_source, "no such source (docs/json.md)"},
	{"client", tt_get_client},
	{"server", tt_get_server},
	{"pid", tt_get_pid},
	{"tid", tt_get_tid},
	{"comm", tt_get_comm},
	{"service", tt_get_service},
	{"container_id", tt_get_container},
	{NULL, tt_get_attribute},
};

const struct tt_where_field *tt_where_field_find(struct tt_span name)
{
	size_t n = TT_ARRAY_LEN(tt_where_fields) - 1;

	for (size_t i = 0; i < n; i++) {
		if (tt_span_eq(tt_span_str(tt_where_fields[i].name), name))
			return &tt_where_fields[i];
	}
	return tt_span_find(name, '.') > 0 ? &tt_where_fields[n] : NULL;
}

const char *tt_where_field_key(const struct tt_where_field *f, const char *name)
{
	for (size_t i = 0; f->name && i < TT_ARRAY_LEN(tt_where_fields) - 1; i++) {
		if (tt_where_fields[i].get == f->get)
			return tt_where_fields[i].name; /* the first of those that are the same */
	}
	return name;
}

void tt_where_field_get(const struct tt_where_field *f, const char *name, const struct tt_event *e, const struct tt_exchange *x,
			bool show_values, struct tt_where_value *ret)
{
	const struct tt_where_ask ask = {name, e, x, show_values};

	ret->text = tt_span(NULL, 0);
	ret->is_number = false;
	tt_buf_clear(&ret->scratch);
	f->get(&ask, ret);
}
