/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a function in machine code of x86-64 returns, by the lengths of its instructions (Intel's manual, volume 2, chapter 2 and
 * appendix A). What is not sure is refused: who puts a probe at a wrong place changes what the program does.
 */
#ifndef TT_KERNEL_LIBRARY_CODE_H
#define TT_KERNEL_LIBRARY_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define TT_CODE_MOST 4096 /* bytes of a function that is looked at */

/* What one instruction does, as far as it matters here. */
struct tt_code_step {
	size_t end;	/* the offset of the next one */
	bool calls;	/* the function at `target` */
	bool jumps;	/* goes on there, possibly on a condition */
	bool points;	/* puts an address into a register: `target` … */
	bool absolute;	/* … which is not an offset in the code then but an address below 4 GiB, or just a number */
	bool locks;	/* it is done at once for all processors */
	int64_t target; /* an offset in the code that may lie outside of it */
};

/* The instruction at that offset. False: it is not known, or cut off. */
bool tt_code_step(struct tt_span code, size_t at, struct tt_code_step *ret);

/*
 * Offsets in the code of one whole function, from its first byte to its last, of the instructions that return from it. How many,
 * at least one; -EOPNOTSUPP: it has instructions that are not known here, or it may leave by others than these (a jump out of it,
 * or to an address that is not in the code); -E2BIG: more than `most`, or the function is longer than is looked at.
 */
int tt_code_returns(struct tt_span code, uint16_t *ret, size_t most);

#endif
