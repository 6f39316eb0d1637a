// SPDX-License-Identifier: Apache-2.0
/* A conversation for one protocol, FUZZ_PROTO. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct tt_proto FUZZ_PROTO;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct tt_proto *proto = &FUZZ_PROTO;

	tt_fuzz_conversation(data, size, &proto, 1);
	return 0;
}
