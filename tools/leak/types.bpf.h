/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's types of memory, as far as these programs read them; relocated when they are loaded. */
#ifndef TT_LEAK_TYPES_BPF_H
#define TT_LEAK_TYPES_BPF_H

#include "lib/prog.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* The same as the one other files know, by two more of its members (libbpf leaves out what stands behind ___). */
struct task_struct___leak {
	__u64 self_exec_id; /* how often it became another program; wider since 5.7 */
	__u64 start_time;
};

struct kmem_cache {
	const char *name;
	unsigned int object_size;
};

#pragma clang attribute pop

#endif
