// SPDX-License-Identifier: Apache-2.0
/* What of the skeleton is code: generated, long, and so compiled for itself and without sanitizers. */
#include "kernel/skeleton.h"

#include "kernel/internal.h"
#include "probes.skel.h"

struct tt_probes *tt_skeleton_open(void)
{
	return tt_probes__open();
}

int tt_skeleton_load(struct tt_probes *skeleton)
{
	return tt_probes__load(skeleton);
}

struct tt_probes *tt_skeleton_free(struct tt_probes *skeleton)
{
	if (skeleton)
		tt_probes__destroy(skeleton);
	return NULL;
}
