// SPDX-License-Identifier: Apache-2.0
#include "agent/protocols.h"

#include <errno.h>

#include "base/own.h"

static bool tt_protocol_chosen(const struct tt_config *config, const char *name)
{
	for (size_t i = 0; i < config->protocols.count; i++) {
		if (strcmp(config->protocols.list[i], name) == 0)
			return true;
	}
	return config->protocols.count == 0;
}

int tt_protocols_choose(const struct tt_config *config, const struct tt_proto *const **ret, size_t *ret_count,
			const char **ret_unknown)
{
	for (size_t i = 0; i < config->protocols.count; i++) {
		if (!tt_proto_find(config->protocols.list[i])) {
			*ret_unknown = config->protocols.list[i];
			return -ENOENT;
		}
	}
	const struct tt_proto **list = calloc(tt_protos_count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	size_t count = 0;
	for (size_t i = 0; i < tt_protos_count; i++) {
		if (tt_protocol_chosen(config, tt_protos[i]->name))
			list[count++] = tt_protos[i];
	}
	*ret = list;
	*ret_count = count;
	return 0;
}
