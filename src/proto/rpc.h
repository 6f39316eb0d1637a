/* SPDX-License-Identifier: Apache-2.0 */
/* How calls are shown that have a service and a method, the same for all protocols (OpenTelemetry: RPC). */
#ifndef TT_PROTO_RPC_H
#define TT_PROTO_RPC_H

#include "base/own.h"
#include "proto/message.h"

#define TT_RPC_METHOD_MOST 512

/* Operation: the method. Resource: the service; data NULL where it is not known. `rpc.method` has both. `system` is static. */
static inline void tt_rpc_describe(struct tt_message *m, const char *system, struct tt_span service, struct tt_span method)
{
	uint8_t both[TT_RPC_METHOD_MOST];
	size_t len = TT_MIN(service.len, sizeof(both) / 2);

	tt_message_attr(m, "rpc.system.name", tt_span_str(system));
	if (method.len)
		tt_message_text(m, TT_TEXT_OPERATION, method);
	if (service.len)
		tt_message_text(m, TT_TEXT_RESOURCE, service);
	if (!method.len)
		return;
	if (len) {
		memcpy(both, service.data, len);
		both[len++] = '/';
	}
	size_t rest = TT_MIN(method.len, sizeof(both) - len);
	memcpy(both + len, method.data, rest);
	tt_message_attr(m, "rpc.method", tt_span(both, len + rest));
}

/* A name as programs have them: letters, digits and what stands between them. */
static inline bool tt_rpc_is_name(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		bool word = (tt_ascii_lower(c) >= 'a' && tt_ascii_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_';
		if (!word && (i == 0 || (c != '.' && c != ':' && c != '-' && c != '/' && c != '$' && c != '#')))
			return false;
	}
	return s.len > 0;
}

#endif
