/* SPDX-License-Identifier: Apache-2.0 */
/* The probes' object, as its generated skeleton (probes.skel.h) opens and loads it. */
#ifndef TT_KERNEL_SKELETON_H
#define TT_KERNEL_SKELETON_H

struct tt_probes;

/* NULL with errno; freed with tt_skeleton_free. */
struct tt_probes *tt_skeleton_open(void);
/* 0 or a negative errno. */
int tt_skeleton_load(struct tt_probes *skeleton);
/* NULL-safe, returns NULL. */
struct tt_probes *tt_skeleton_free(struct tt_probes *skeleton);

#endif
