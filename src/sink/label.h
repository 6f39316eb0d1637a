/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The labels metric families choose from: name, and where the value comes from. A family is a list of these (metrics.c), so a new
 * family costs one row and a new label one row here. Names are those of OpenTelemetry's semantic conventions with `_` for `.`.
 */
#ifndef TT_SINK_LABEL_H
#define TT_SINK_LABEL_H

#include "sink/address.h"
#include "sink/kind.h"
#include "sink/sink.h"

/* X(id, label name) */
#define TT_LABEL_IDS(X)                                        \
	X(SERVICE, "service_name")                             \
	X(INSTANCE, "service_instance_id")                     \
	X(CONTAINER, "container_id")                           \
	X(HTTP_METHOD, "http_request_method")                  \
	X(HTTP_ROUTE, "http_route")                            \
	X(HTTP_STATUS, "http_response_status_code")            \
	X(RPC_SYSTEM, "rpc_system_name")                       \
	X(RPC_METHOD, "rpc_method")                            \
	X(RPC_STATUS, "rpc_response_status_code")              \
	X(DB_SYSTEM, "db_system_name")                         \
	X(DB_OPERATION, "db_operation_name")                   \
	X(DB_NAMESPACE, "db_namespace")                        \
	X(MESSAGING_SYSTEM, "messaging_system")                \
	X(MESSAGING_OPERATION, "messaging_operation_name")     \
	X(MESSAGING_DESTINATION, "messaging_destination_name") \
	X(DNS_NAME, "dns_question_name")                       \
	X(ERROR_TYPE, "error_type")                            \
	X(SERVER_ADDRESS, "server_address")                    \
	X(SERVER_PORT, "server_port")                          \
	X(CONNECT_ERROR, "error_type")                         \
	X(TRANSPORT, "network_transport")                      \
	X(DIRECTION, "direction")                              \
	X(DISK, "system_device")                               \
	X(DISK_DIRECTION, "disk_io_direction")                 \
	X(PART, "part")

enum tt_label_id {
	TT_LABEL_NONE, /* ends a list */
#define TT_LABEL_ENUM(id, name) TT_LABEL_##id,
	TT_LABEL_IDS(TT_LABEL_ENUM)
#undef TT_LABEL_ENUM
		TT_LABEL_MAX,
};

/* What a value may be taken from. x and kind are there for exchanges, report for connection reports. */
struct tt_label_from {
	const struct tt_event *e;
	const struct tt_exchange *x;
	const struct tt_kind *kind;
	const struct tt_conn_report *report;
	enum tt_direction direction;
	/* Values that have to be written. Zeroed: none; kept for the next exchange they are written once. */
	struct tt_address_text address;
	struct tt_sockaddr address_of;
	size_t address_len; /* 0: not written */
	char port[8];
	uint16_t port_of;
	uint8_t port_len;
};

const char *tt_label_name(enum tt_label_id id);

/* The value; empty where there is none. Borrowed from what is in `from`. */
struct tt_span tt_label_value(enum tt_label_id id, struct tt_label_from *from);

#endif
