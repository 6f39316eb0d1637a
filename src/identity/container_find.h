/* SPDX-License-Identifier: Apache-2.0 */
/* A running container's cgroup, by what it is called. */
#ifndef TT_IDENTITY_CONTAINER_FIND_H
#define TT_IDENTITY_CONTAINER_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/record.h"

struct tt_container_place {
	char id[TT_CONTAINER_ID_LEN];
	char *directory; /* of its cgroup; freed by the caller with free() */
	bool unified;	 /* that is of version 2; else of one of version 1's hierarchies */
	size_t count;	 /* containers that are called so */
};

/*
 * The running container of that name (tt_container_name), else the one whose id begins so, below root ("" is the real one). Its
 * cgroup of version 2, unless it has its processes in others only. 0; -ENOENT: none; -ENOTUNIQ: several, ret->count says how many
 * and ret->id is one's; -ENOSPC: more cgroups than are looked at; -ENOMEM, or what reading the cgroups failed with.
 * ret->directory is NULL but for 0.
 */
int tt_container_find(struct tt_container_place *ret, const char *root, const char *name);

/* *ret: the processes in a cgroup and those below it; freed by the caller with free(). 0, -ENOENT: none; or a negative errno. */
int tt_container_pids(uint32_t **ret, size_t *ret_count, const char *directory);

#endif
