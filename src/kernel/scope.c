// SPDX-License-Identifier: Apache-2.0
#include "kernel/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"

#define NSFS_MAGIC_ 0x6e736673
/* Of the first pid namespace: PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h. */
#define FIRST_PID_NAMESPACE 0xeffffffcu

static const char *const cgroup_mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

static int open_cgroup_at(const char *path)
{
	tt_close_auto int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return -EINVAL;
	return TT_TAKE_FD(fd);
}

int tt_scope_open_cgroup(const char *cgroup)
{
	int first = open_cgroup_at(cgroup);
	if (first >= 0 || *cgroup == '.')
		return first;

	for (size_t i = 0; i < TT_ARRAY_LEN(cgroup_mounts); i++) {
		char path[4096];
		int n = snprintf(path, sizeof(path), "%s/%s", cgroup_mounts[i], cgroup + (*cgroup == '/'));
		if (n < 0 || (size_t)n >= sizeof(path))
			return -ENAMETOOLONG;
		int fd = open_cgroup_at(path);
		if (fd >= 0)
			return fd;
	}
	return first;
}

int tt_scope_netns_inode(const char *netns, uint32_t *ret)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;

	struct stat st;
	struct statfs fs;
	if (stat(path, &st) < 0 || statfs(path, &fs) < 0)
		return -errno;
	if (fs.f_type != NSFS_MAGIC_)
		return -EINVAL;
	*ret = (uint32_t)st.st_ino;
	return 0;
}

bool tt_scope_ids_are_the_kernels(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) == 0)
		return st.st_ino == FIRST_PID_NAMESPACE;
	return access("/proc/self", F_OK) == 0; /* a kernel without pid namespaces, or no /proc */
}

int tt_scope_check_ids(void)
{
	if (tt_scope_ids_are_the_kernels())
		return 0;
	tt_error("telltale runs in a pid namespace, where processes have other numbers than the kernel tells: neither those of "
		 "--pid "
		 "nor a command can be found there; start it in the host's (a container with --pid=host)");
	return -EINVAL;
}

void tt_scope_warn_of_ids(void)
{
	if (!tt_scope_ids_are_the_kernels())
		tt_warn("telltale runs in a pid namespace: the numbers of processes it shows are the host's, and what it reads "
			"of "
			"them in /proc (command lines, containers, functions) may be missing or another process's; a container "
			"started with --pid=host has the host's");
}

/* The process's path in the hierarchy of version 2: the line that begins with 0:: (cgroups(7)). False: it has none. */
static bool cgroup_of(uint32_t pid, char *ret, size_t size)
{
	char path[32];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(ret, (int)size, f))
		found = strncmp(ret, "0::/", 4) == 0;
	fclose(f);
	if (found)
		ret[strcspn(ret, "\n")] = 0;
	return found;
}

/* `path`, or what it lies below, is the directory of that device and inode. */
static bool lies_below(char *path, dev_t dev, ino_t inode)
{
	for (;;) {
		struct stat st;

		if (stat(path, &st) == 0 && st.st_dev == dev && st.st_ino == inode)
			return true;
		char *slash = strrchr(path, '/');
		if (!slash || slash == path)
			return false;
		*slash = 0;
	}
}

static bool in_cgroup(const char *cgroup, uint32_t pid)
{
	tt_close_auto int fd = tt_scope_open_cgroup(cgroup);
	char line[4096], path[4096 + 32];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !cgroup_of(pid, line, sizeof(line)))
		return false;
	for (size_t i = 0; i < TT_ARRAY_LEN(cgroup_mounts); i++) {
		snprintf(path, sizeof(path), "%s%s", cgroup_mounts[i], line + strlen("0::"));
		if (lies_below(path, st.st_dev, st.st_ino))
			return true;
	}
	return false;
}

static bool in_netns(const char *netns, uint32_t pid)
{
	char path[32];
	uint32_t theirs = 0, wanted = 0;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	return tt_scope_netns_inode(path, &theirs) == 0 && tt_scope_netns_inode(netns, &wanted) == 0 && theirs == wanted;
}

bool tt_scope_contains(const struct tt_scope *scope, uint32_t pid)
{
	switch (scope->mode) {
	case TT_SCOPE_PIDS:
		for (size_t i = 0; i < scope->pid_count; i++) {
			if (scope->pids[i] == pid)
				return true;
		}
		return false;
	case TT_SCOPE_CGROUP:
		return in_cgroup(scope->cgroup, pid);
	case TT_SCOPE_NETNS:
		return in_netns(scope->netns, pid);
	case TT_SCOPE_ALL:
		break;
	}
	return true;
}
