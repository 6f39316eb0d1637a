/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership by cleanup attribute; docs/ownership.md is the contract. */
#ifndef TT_BASE_OWN_H
#define TT_BASE_OWN_H

#include <stdlib.h>
#include <unistd.h>

/* Declares a destructor usable as an attribute: TT_DEFINE_CLEANUP(struct tt_buf *, tt_buf_freep) is spelled by hand where the
 * type needs more. */
#define tt_cleanup(fn) __attribute__((cleanup(fn)))

static inline void tt_freep_(void *p)
{
	free(*(void **)p);
}

static inline void tt_closep_(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Freed, or closed, when the variable goes out of scope. A descriptor starts at -1. */
#define tt_free_auto tt_cleanup(tt_freep_)
#define tt_close_auto tt_cleanup(tt_closep_)

/* Hands ownership on: the variable is left empty, so its cleanup does nothing. */
#define TT_TAKE_PTR(p)                  \
	({                              \
		typeof(p) _taken = (p); \
		(p) = NULL;             \
		_taken;                 \
	})

#define TT_TAKE_FD(fd)             \
	({                         \
		int _taken = (fd); \
		(fd) = -1;         \
		_taken;            \
	})

#define TT_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define TT_MIN(a, b)                \
	({                          \
		typeof(a) _a = (a); \
		typeof(b) _b = (b); \
		_a < _b ? _a : _b;  \
	})
#define TT_MAX(a, b)                \
	({                          \
		typeof(a) _a = (a); \
		typeof(b) _b = (b); \
		_a > _b ? _a : _b;  \
	})

#endif
