// SPDX-License-Identifier: Apache-2.0
#include "sink/names.h"

#include "base/own.h"

static struct tt_span tt_attribute_or(const struct tt_exchange *x, const char *key, enum tt_text otherwise)
{
	struct tt_span s = tt_exchange_attribute(x, key);
	return s.data ? s : tt_exchange_text(x, otherwise);
}

struct tt_span tt_name_raw(const struct tt_exchange *x, enum tt_name name)
{
	switch (name) {
	case TT_NAME_NAMESPACE:
		return tt_exchange_attribute(x, "db.namespace");
	case TT_NAME_METHOD:
		return tt_attribute_or(x, "rpc.method", TT_TEXT_OPERATION);
	case TT_NAME_DESTINATION:
		return tt_attribute_or(x, "messaging.destination.name", TT_TEXT_RESOURCE);
	case TT_NAME_ERROR:
		return tt_exchange_error_type(x);
	default:
		return tt_exchange_text(x, TT_TEXT_OPERATION);
	}
}

struct tt_span tt_event_name(const struct tt_event *e, const struct tt_exchange *x, enum tt_name name)
{
	return e->names ? e->names[name] : tt_name_raw(x, name);
}

struct tt_span tt_event_route(const struct tt_event *e)
{
	return e->route.data || !e->target.data ? e->route : TT_SPAN_LIT("*");
}

bool tt_name_is_bounded(enum tt_group group, enum tt_name name)
{
	static const uint8_t names[TT_GROUP_MAX] = {
		[TT_GROUP_RPC] = 1 << TT_NAME_OPERATION | 1 << TT_NAME_METHOD | 1 << TT_NAME_ERROR,
		[TT_GROUP_DB] = 1 << TT_NAME_OPERATION | 1 << TT_NAME_NAMESPACE | 1 << TT_NAME_ERROR,
		[TT_GROUP_MESSAGING] = 1 << TT_NAME_OPERATION | 1 << TT_NAME_DESTINATION | 1 << TT_NAME_ERROR,
		[TT_GROUP_DNS] = 1 << TT_NAME_OPERATION | 1 << TT_NAME_ERROR,
	};
	return names[group] >> name & 1;
}

bool tt_name_is_unknown(const struct tt_exchange *x)
{
	/* By status or type of error. */
	static const struct {
		const char *protocol;
		const char *said[2];
	} rows[] = {
		{"grpc", {"UNIMPLEMENTED"}},
		{"brpc", {"ENOSERVICE", "ENOMETHOD"}},
		{"dubbo", {"SERVICE_NOT_FOUND"}},
		{"kafka", {"UNKNOWN_TOPIC_OR_PARTITION"}},
		{"mongodb", {"CommandNotFound", "59"}},
		{"mysql", {"1049"}},
		{"nats", {"no_responders"}},
		{"postgresql", {"3D000"}},
		{"someip", {"E_UNKNOWN_SERVICE", "E_UNKNOWN_METHOD"}},
		{"tds", {"911", "4060"}},
		{"thrift", {"UNKNOWN_METHOD"}},
	};

	if (!x->response || !(x->response->failed || x->response->refused))
		return false;
	struct tt_span status = tt_message_get(x->response, TT_TEXT_STATUS), error = tt_exchange_error_type(x);
	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].protocol, x->proto->name) != 0)
			continue;
		for (size_t k = 0; k < TT_ARRAY_LEN(rows[i].said) && rows[i].said[k]; k++) {
			struct tt_span said = tt_span_str(rows[i].said[k]);
			if (tt_span_eq(said, status) || tt_span_eq(said, error))
				return true;
		}
	}
	return false;
}
