// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/own.h"
#include "proto/proto.h"

#define TT_PROTO(name) extern const struct tt_proto tt_proto_##name;
#include "proto_list.h"
#undef TT_PROTO

const struct tt_proto *const tt_protos[] = {
#define TT_PROTO(name) &tt_proto_##name,
#include "proto_list.h"
#undef TT_PROTO
	NULL,
};

const size_t tt_protos_count = TT_ARRAY_LEN(tt_protos) - 1;

const struct tt_proto *tt_proto_find(const char *name)
{
	for (size_t i = 0; i < tt_protos_count; i++) {
		if (strcmp(tt_protos[i]->name, name) == 0)
			return tt_protos[i];
	}
	return NULL;
}
