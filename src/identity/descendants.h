/* SPDX-License-Identifier: Apache-2.0 */
/* The process tree as /proc tells it. */
#ifndef TT_IDENTITY_DESCENDANTS_H
#define TT_IDENTITY_DESCENDANTS_H

#include <stddef.h>
#include <stdint.h>

/*
 * *ret: `count` roots and every process below them, each once, roots first; freed by the caller with free(). -ENOMEM, -errno
 * where /proc cannot be read, -ESRCH with *ret_missing set where a root is not there.
 */
int tt_descendants(uint32_t **ret, size_t *ret_count, const uint32_t *roots, size_t count, uint32_t *ret_missing);

#endif
