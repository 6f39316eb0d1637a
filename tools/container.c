// SPDX-License-Identifier: Apache-2.0
#include "tools/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

#define LOOK_NS 500000000ull
#define SHORT_ID 12 /* as much of an id as engines show */

/* 0: it is not there. */
static uint64_t inode_of(const char *directory)
{
	struct stat st;

	return stat(directory, &st) == 0 ? st.st_ino : 0;
}

static int found(struct tt_tool_container *c, struct tt_tool_options *o)
{
	c->inode = inode_of(c->place.directory);
	if (c->place.unified) {
		o->cgroup = c->place.directory;
		return 0;
	}
	int r = tt_container_pids(&o->pids, &o->pid_count, c->place.directory);
	if (r == 0)
		tt_warn("container %.*s has no cgroup of version 2: its processes of now are observed, and those they start",
			SHORT_ID, c->place.id);
	return r;
}

int tt_tool_container_find(struct tt_tool_container *c, struct tt_tool_options *o, struct tt_tool_error *e)
{
	if (!o->container)
		return 0;
	int r = tt_container_find(&c->place, "", o->container);
	if (r == 0)
		r = found(c, o);
	if (r == -ENOENT)
		tt_tool_fail(e,
			     "--container %.80s: no running container has this name (Docker's are known) or an id that begins so",
			     o->container);
	else if (r == -ENOTUNIQ)
		tt_tool_fail(e, "--container %.80s: %zu containers are called so, one is %.*s", o->container, c->place.count,
			     SHORT_ID, c->place.id);
	else if (r == -ENOSPC)
		tt_tool_fail(e, "--container %.80s: more cgroups than are looked at; --cgroup takes its path", o->container);
	else if (r < 0)
		tt_tool_fail(e, "--container %.80s: %s", o->container, strerror(-r));
	return r;
}

void tt_tool_container_watch(struct tt_tool_container *c, uint64_t now_ns)
{
	if (!c->place.directory || now_ns < c->next_ns)
		return;
	uint64_t inode = inode_of(c->place.directory);

	c->next_ns = now_ns + LOOK_NS;
	if (inode != c->inode && !c->gone) {
		tt_warn("container %.*s has ended", SHORT_ID, c->place.id);
		c->gone = true;
	}
	if (inode == c->inode || !inode)
		return;
	tt_warn("container %.*s was started again; what it runs now is not observed (start telltale again)", SHORT_ID,
		c->place.id);
	c->inode = inode;
	c->gone = false;
}

void tt_tool_container_free(struct tt_tool_container *c)
{
	free(c->place.directory);
	c->place.directory = NULL;
}
