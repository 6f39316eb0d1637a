/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks of the last while, by their text: a tenth of that time goes at once, and each tenth has a tenth of the room. */
#ifndef TT_PROFILE_WINDOW_H
#define TT_PROFILE_WINDOW_H

#include "tools/stacks/fold.h"

#define TT_PROFILE_PARTS 10

struct tt_profile_window;

/* Of `length_ns`, with at most `bytes` of text. -ENOMEM: *ret is untouched. */
int tt_profile_window_new(struct tt_profile_window **ret, uint64_t length_ns, uint64_t bytes);
/* NULL-safe, returns NULL. */
struct tt_profile_window *tt_profile_window_free(struct tt_profile_window *w);

/* One more of the text "service;a;b;c" (len bytes) at that time (monotonic). False: there was no room. */
bool tt_profile_window_add(struct tt_profile_window *w, uint64_t now_ns, const char *text, size_t len);

/*
 * Adds to `to` what there is of the last `length_ns`: the parts that lie in it, in part or as a whole. `service`: only its
 * stacks, without its name in front; empty: all.
 */
void tt_profile_window_fold(const struct tt_profile_window *w, uint64_t now_ns, uint64_t length_ns, struct tt_span service,
			    struct tt_fold *to);

/* Those there was no room for, in all. */
uint64_t tt_profile_window_refused(const struct tt_profile_window *w);

#endif
