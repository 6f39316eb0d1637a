/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ports had a listener when observation began: a connection that was there before has its role by that. Asked from the
 * kernel (sock_diag) in every network namespace a process lives in.
 */
#ifndef TT_KERNEL_LISTENERS_H
#define TT_KERNEL_LISTENERS_H

#include "shared/kernel.h"

typedef void (*tt_listener_fn)(void *ctx, const struct tt_listener *listener);

/*
 * Calls fn for each listening TCP port. A namespace that cannot be entered is left out, and so are those behind the first
 * TT_NAMESPACES_MOST. Returns how many namespaces answered. Enters other namespaces with the calling thread and comes back;
 * -errno if it could not come back.
 */
int tt_listeners_list(tt_listener_fn fn, void *ctx);

#define TT_NAMESPACES_MOST 256

#endif
