/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels on which a feature that is there does harm, as data. Such a feature is refused with the reason and everything else is
 * kept.
 */
#ifndef TT_KERNEL_HAZARDS_H
#define TT_KERNEL_HAZARDS_H

#include "kernel/features.h"

/* A version as upstream numbers it. */
struct tt_version {
	unsigned major;
	unsigned minor;
	unsigned patch;
};

/* The kernel that runs. */
struct tt_running {
	struct tt_version version;
	bool preemptible; /* a task may be preempted while it is in the kernel */
};

/* Beside each other because tests make them up. Texts are borrowed for the call; any may be NULL. */
struct tt_running_texts {
	const char *release;   /* uname -r */
	const char *build;     /* uname -v */
	const char *signature; /* /proc/version_signature: Ubuntu's */
	const char *preempt;   /* /sys/kernel/debug/sched/preempt */
	const char *command;   /* /proc/cmdline */
	const char *config;    /* lines of /proc/config.gz or /boot/config-RELEASE, each ended by a newline */
};

void tt_running_parse(const struct tt_running_texts *texts, struct tt_running *ret);
void tt_running_ask(struct tt_running *ret);

/* Takes the features back that do harm on that kernel, and says why in `refused`. */
void tt_hazards_apply(struct tt_features *features, const struct tt_running *running);

#endif
