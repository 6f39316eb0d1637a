/* SPDX-License-Identifier: Apache-2.0 */
/* Opening what others name: nothing but an ordinary file is opened to be read, as opening a device or a pipe may do things. */
#ifndef TT_BASE_REGULAR_H
#define TT_BASE_REGULAR_H

#include <sys/stat.h>

/*
 * Opens the ordinary file that `place` stands for, a descriptor made with O_PATH, which the caller closes; *ret is what it is. A
 * descriptor to read, or a negative errno; -ENOENT: it is no ordinary file.
 */
int tt_regular_open_at(int place, struct stat *ret);

/* The same of a path, whose links are followed. */
int tt_regular_open(const char *path, struct stat *ret);

#endif
