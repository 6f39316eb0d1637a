/* SPDX-License-Identifier: Apache-2.0 */
/* --container: which processes are meant, and what becomes of them. */
#ifndef TT_TOOLS_CONTAINER_H
#define TT_TOOLS_CONTAINER_H

#include "identity/container_find.h"
#include "tools/options.h"

struct tt_tool_container {
	struct tt_container_place place; /* directory NULL: none was asked for */
	uint64_t inode;			 /* of its cgroup */
	uint64_t next_ns;		 /* when it is looked at again */
	bool gone;			 /* said */
};

/*
 * Looks for what o->container says, and sets o->cgroup, borrowed from c, or where it has none of version 2 o->pids. 0, or a
 * negative errno with `e` set. c is to be freed after each.
 */
int tt_tool_container_find(struct tt_tool_container *c, struct tt_tool_options *o, struct tt_tool_error *e);

/* Says it, once each, when the container has ended and when it was begun anew. now_ns: monotonic. */
void tt_tool_container_watch(struct tt_tool_container *c, uint64_t now_ns);

/* NULL-safe. */
void tt_tool_container_free(struct tt_tool_container *c);

#endif
