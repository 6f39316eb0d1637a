/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's types of memory, as far as these programs read them; relocated when they are loaded. */
#ifndef TT_LEAK_TYPES_BPF_H
#define TT_LEAK_TYPES_BPF_H

#include "lib/prog.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kmem_cache {
	const char *name;
	unsigned int object_size;
};

#pragma clang attribute pop

#endif
