/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TT_BASE_SEED_H
#define TT_BASE_SEED_H

#include <stdint.h>

/* A number nobody outside knows, the same for the life of the process: for hashes of what others choose. */
uint64_t tt_seed(void);

#endif
