// SPDX-License-Identifier: Apache-2.0
#include "base/seed.h"

#include <stdatomic.h>
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
