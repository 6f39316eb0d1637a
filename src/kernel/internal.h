/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share of the loaded programs. */
#ifndef TT_KERNEL_INTERNAL_H
#define TT_KERNEL_INTERNAL_H

#include <bpf/libbpf.h>

#include "kernel/load.h"
#include "kernel/wish.h"
#include "shared/kernel.h"

#define TT_LINKS_MOST 24

struct tt_probes;

struct tt_kernel {
	struct tt_probes *skel;
	struct bpf_link *links[TT_LINKS_MOST];
	struct bpf_program *programs[TT_LINKS_MOST]; /* those attached */
	size_t link_count;
	struct tt_rings *rings;
	struct tt_kernel_counters *counters; /* mapped: one a CPU */
	size_t counters_size;
	unsigned cpus;
	struct tt_wishes *wishes;
	struct tt_kernel_self *self; /* mapped */
	uint64_t stopped_ns;  /* when it was detached; 0: it is not */
};

/* Moves a known pattern over a socket pair of our own and looks for it in the rings. 0 or -EOPNOTSUPP with the reason. */
int tt_kernel_selftest(struct tt_kernel *k, char *reason, size_t size);

#endif
