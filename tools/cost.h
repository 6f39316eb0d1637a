/* SPDX-License-Identifier: Apache-2.0 */
/* What a tool itself takes: time of its programs in the kernel, processor time and memory of its own. */
#ifndef TT_TOOLS_COST_H
#define TT_TOOLS_COST_H

#include <stdint.h>

#include "base/buf.h"
#include "kernel/load.h"

struct tt_tool_cost {
	int statistics; /* keeps the kernel counting programs' time; -1: it does not */
	uint64_t runs;
	uint64_t ns;
};

/* Has the kernel count from now on (5.8, CAP_SYS_ADMIN); where it may not, that part is not told. */
void tt_tool_cost_begin(struct tt_tool_cost *c);
/* Asks the kernel; before the programs go. */
void tt_tool_cost_programs(struct tt_tool_cost *c, const struct tt_kernel *k);
/* One line. */
void tt_tool_cost_tell(const struct tt_tool_cost *c, const char *tool, struct tt_buf *b);
void tt_tool_cost_end(struct tt_tool_cost *c);

#endif
