/* SPDX-License-Identifier: Apache-2.0 */
/* Which system calls the programs look at, by number, for the architecture this is built for. */
#ifndef TT_KERNEL_CALLS_H
#define TT_KERNEL_CALLS_H

#include "shared/kernel.h"

/* Fills the table of a configuration: enum tt_call, and TT_CALL_COMPAT where the number matters for a 32-bit caller. */
void tt_calls_fill(__u8 table[TT_CALL_NUMBERS]);

#endif
