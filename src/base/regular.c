// SPDX-License-Identifier: Apache-2.0
#include "base/regular.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/own.h"

int tt_regular_open_at(int place, struct stat *ret)
{
	char path[64];

	if (fstat(place, ret) < 0)
		return -errno;
	if (!S_ISREG(ret->st_mode))
		return -ENOENT;
	/* That very file, whatever its name leads to by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int tt_regular_open(const char *path, struct stat *ret)
{
	tt_close_auto int place = open(path, O_PATH | O_CLOEXEC);

	return place < 0 ? -errno : tt_regular_open_at(place, ret);
}
