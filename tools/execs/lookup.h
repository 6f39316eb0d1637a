/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking for a program: execvp(3) and shells try one directory after another, so a program's start may have many failed execs
 * before it. They are one attempt: the same name and arguments, by the same process, in other directories.
 */
#ifndef TT_EXECS_LOOKUP_H
#define TT_EXECS_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/execs/execs.h"

/* Does the search of execvp(3) go on after this errno? */
bool tt_lookup_goes_on(uint32_t error);

/*
 * Is `s` the same search as `before`, in another directory? `searching`: it was in two at least by now; then it may be the same
 * directory again, which PATH may name twice. Else that is another attempt.
 */
bool tt_lookup_same(const struct tt_execs_started *before, const struct tt_execs_started *s, bool searching);

/* May the program that was started be the one that was searched for? Also a script, whose interpreter is what is started. */
bool tt_lookup_found(const struct tt_execs_started *searched, const struct tt_execs_started *started);

#endif
