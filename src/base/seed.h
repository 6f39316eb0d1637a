/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TT_BASE_SEED_H
#define TT_BASE_SEED_H

#include <stddef.h>
#include <stdint.h>

/* An odd number nobody outside knows, the same for the life of the process: for hashes of what others choose. */
uint64_t tt_seed(void);

/* Which of 1 << bits buckets (1 to 63 bits) a number is in. */
static inline size_t tt_seed_bucket(uint64_t number, unsigned bits)
{
	return (size_t)(number * tt_seed() >> (64 - bits));
}

/* Of `count` words of 8 bytes; all its bits are good. */
uint64_t tt_seed_hash(const void *words, size_t count);

#endif
