/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator that can fail: the program is linked with --wrap for malloc, calloc and realloc. */
#ifndef TT_FUZZ_MEMORY_H
#define TT_FUZZ_MEMORY_H

#include <stdint.h>

/* From here on about one allocation in sixteen fails, which ones depends on `seed`; 0: none does. */
void tt_fuzz_memory_short(uint32_t seed);

#endif
