// SPDX-License-Identifier: Apache-2.0
/* A conversation for whichever protocol it is. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	tt_fuzz_conversation(data, size, tt_protos, tt_protos_count);
	return 0;
}
