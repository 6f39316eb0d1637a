// SPDX-License-Identifier: Apache-2.0
#include "sink/label.h"

#include <stdio.h>

#include "sink/measure.h"
#include "sink/names.h"

static const char *const tt_label_names[TT_LABEL_MAX] = {
#define TT_LABEL_NAME(id, name) [TT_LABEL_##id] = name,
	TT_LABEL_IDS(TT_LABEL_NAME)
#undef TT_LABEL_NAME
};

const char *tt_label_name(enum tt_label_id id)
{
	return tt_label_names[id];
}

static struct tt_span tt_label_service(struct tt_label_from *from)
{
	return from->e->self ? tt_span_str(from->e->self->service) : tt_span(NULL, 0);
}

static struct tt_span tt_label_instance(struct tt_label_from *from)
{
	return from->e->self ? tt_span_str(from->e->self->instance) : tt_span(NULL, 0);
}

static struct tt_span tt_label_container(struct tt_label_from *from)
{
	return from->e->self ? tt_span_str(from->e->self->container_id) : tt_span(NULL, 0);
}

static struct tt_span tt_label_operation(struct tt_label_from *from)
{
	return tt_event_name(from->e, from->x, TT_NAME_OPERATION);
}

/* Methods nobody knows would be names a client can choose at will (OpenTelemetry: "_OTHER"). */
static struct tt_span tt_label_http_method(struct tt_label_from *from)
{
	static const char *const methods[] = {"GET",   "POST",	  "HEAD",    "PUT",   "DELETE",
					      "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY"};
	struct tt_span s = tt_label_operation(from);
	for (size_t i = 0; i < TT_ARRAY_LEN(methods) && s.data; i++) {
		if (s.len == strlen(methods[i]) && memcmp(s.data, methods[i], s.len) == 0)
			return s;
	}
	return s.data ? TT_SPAN_LIT("_OTHER") : s;
}

static struct tt_span tt_label_route(struct tt_label_from *from)
{
	return from->e->route;
}

static struct tt_span tt_label_status(struct tt_label_from *from)
{
	return tt_message_get(from->x->response, TT_TEXT_STATUS);
}

static struct tt_span tt_label_error(struct tt_label_from *from)
{
	return tt_event_name(from->e, from->x, TT_NAME_ERROR);
}

/* The system as the protocol told it, else the protocol. */
static struct tt_span tt_label_attribute_or(struct tt_label_from *from, const char *key, struct tt_span otherwise)
{
	struct tt_span s = tt_exchange_attribute(from->x, key);
	return s.data ? s : otherwise;
}

static struct tt_span tt_label_db_system(struct tt_label_from *from)
{
	return tt_label_attribute_or(from, "db.system.name", tt_span_str(from->x->proto->name));
}

static struct tt_span tt_label_db_namespace(struct tt_label_from *from)
{
	return tt_event_name(from->e, from->x, TT_NAME_NAMESPACE);
}

static struct tt_span tt_label_rpc_system(struct tt_label_from *from)
{
	return tt_label_attribute_or(from, "rpc.system.name", tt_span_str(from->x->proto->name));
}

static struct tt_span tt_label_rpc_method(struct tt_label_from *from)
{
	return tt_event_name(from->e, from->x, TT_NAME_METHOD);
}

static struct tt_span tt_label_messaging_system(struct tt_label_from *from)
{
	return tt_label_attribute_or(from, "messaging.system", tt_span_str(from->x->proto->name));
}

static struct tt_span tt_label_messaging_destination(struct tt_label_from *from)
{
	return tt_event_name(from->e, from->x, TT_NAME_DESTINATION);
}

/*
 * Whom a client meant to call; for a server its own address, because the name a client gives in Host is the client's
 * to choose.
 */
static struct tt_span tt_label_server_address(struct tt_label_from *from)
{
	struct tt_span s = tt_span(NULL, 0);
	if (tt_is_client(from->x->ends))
		s = tt_exchange_attribute(from->x, "server.address");
	if (s.data)
		return s;
	const struct tt_sockaddr *server = tt_exchange_server(from->x);
	bool path = tt_exchange_path(from->x, true).data;
	if (!path && from->address_len && memcmp(&from->address_of, server, sizeof(*server)) == 0)
		return tt_span(from->address.text, from->address_len);
	s = tt_address_exchange(&from->address, from->x, true, false);
	from->address_of = *server;
	from->address_len = path ? 0 : s.len;
	return s;
}

static struct tt_span tt_label_server_port(struct tt_label_from *from)
{
	int64_t port = 0;
	if (!tt_is_client(from->x->ends) || !tt_exchange_attribute_int(from->x, "server.port", &port) || port < 1 || port > 65535)
		port = tt_exchange_server(from->x)->port;

	char *end = from->port + sizeof(from->port), *at = end;
	if (port != from->port_of || !from->port_len) {
		for (int64_t v = port; v; v /= 10)
			*--at = (char)('0' + v % 10);
		from->port_of = (uint16_t)port;
		from->port_len = (uint8_t)(end - at);
	}
	return tt_span(end - from->port_len, from->port_len);
}

static struct tt_span tt_label_connect_error(struct tt_label_from *from)
{
	const char *name = from->report->error ? strerrorname_np(from->report->error) : NULL;
	return tt_span_str(name);
}

static struct tt_span tt_label_transport(struct tt_label_from *from)
{
	static const char *const names[TT_TRANSPORT_MAX] = {[TT_TRANSPORT_TCP] = "tcp",
							    [TT_TRANSPORT_UDP] = "udp",
							    [TT_TRANSPORT_UNIX] = "unix",
							    [TT_TRANSPORT_UNIX_DGRAM] = "unix"};
	uint8_t transport = from->report->ends->transport;
	return tt_span_str(transport < TT_TRANSPORT_MAX ? names[transport] : NULL);
}

static struct tt_span tt_label_direction(struct tt_label_from *from)
{
	return from->direction == TT_TX ? TT_SPAN_LIT("transmit") : TT_SPAN_LIT("receive");
}

struct tt_span tt_label_value(enum tt_label_id id, struct tt_label_from *from)
{
	static struct tt_span (*const values[TT_LABEL_MAX])(struct tt_label_from *) = {
		[TT_LABEL_SERVICE] = tt_label_service,
		[TT_LABEL_INSTANCE] = tt_label_instance,
		[TT_LABEL_CONTAINER] = tt_label_container,
		[TT_LABEL_HTTP_METHOD] = tt_label_http_method,
		[TT_LABEL_HTTP_ROUTE] = tt_label_route,
		[TT_LABEL_HTTP_STATUS] = tt_label_status,
		[TT_LABEL_RPC_SYSTEM] = tt_label_rpc_system,
		[TT_LABEL_RPC_METHOD] = tt_label_rpc_method,
		[TT_LABEL_RPC_STATUS] = tt_label_status,
		[TT_LABEL_DB_SYSTEM] = tt_label_db_system,
		[TT_LABEL_DB_OPERATION] = tt_label_operation,
		[TT_LABEL_DB_NAMESPACE] = tt_label_db_namespace,
		[TT_LABEL_MESSAGING_SYSTEM] = tt_label_messaging_system,
		[TT_LABEL_MESSAGING_OPERATION] = tt_label_operation,
		[TT_LABEL_MESSAGING_DESTINATION] = tt_label_messaging_destination,
		[TT_LABEL_DNS_NAME] = tt_label_route,
		[TT_LABEL_ERROR_TYPE] = tt_label_error,
		[TT_LABEL_SERVER_ADDRESS] = tt_label_server_address,
		[TT_LABEL_SERVER_PORT] = tt_label_server_port,
		[TT_LABEL_CONNECT_ERROR] = tt_label_connect_error,
		[TT_LABEL_TRANSPORT] = tt_label_transport,
		[TT_LABEL_DIRECTION] = tt_label_direction,
	};
	return values[id](from);
}
