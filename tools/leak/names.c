// SPDX-License-Identifier: Apache-2.0
/* What stacks are called. */
#include "tools/leak/state.h"
#include "tools/stacks/stacks.h"

void tt_leak_text(struct tt_tool_run *run, const struct tt_leak_row_key *key, struct tt_buf *to)
{
	if (!run->stacks)
		return;
	if (key->of)
		(void)tt_stacks_kernel_text(run->stacks, key->stack, to);
	else
		(void)tt_stacks_called_text(run->stacks, key->tgid, key->stack, key->caller, to);
}
