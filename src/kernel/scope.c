// SPDX-License-Identifier: Apache-2.0
#include "kernel/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/own.h"

#define NSFS_MAGIC_ 0x6e736673

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
