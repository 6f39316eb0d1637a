// SPDX-License-Identifier: Apache-2.0
#include "base/seed.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

uint64_t tt_seed(void)
{
	static _Atomic uint64_t kept;
	uint64_t seed = atomic_load(&kept), none = 0;

	if (seed)
		return seed;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = (uintptr_t)&seed; /* early at boot: better than nothing */
	seed |= 1;
	return atomic_compare_exchange_strong(&kept, &none, seed) ? seed : none;
}

uint64_t tt_seed_hash(const void *words, size_t count)
{
	uint64_t by = tt_seed(), h = by;

	for (size_t i = 0; i < count; i++) {
		uint64_t word;
		memcpy(&word, (const uint8_t *)words + i * sizeof(word), sizeof(word));
		h = (h ^ word) * by;
		h ^= h >> 32;
	}
	/* What follows each other (offsets of segments) would otherwise be alike in some bits under some seeds. */
	h *= 0x9fb21c651e98df25u;
	return h ^ h >> 29;
}
