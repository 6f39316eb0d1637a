/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges as lines of text, for comparing.
 * operation|resource|status|error_type|request_bytes|response_bytes|complete or incomplete|key=value,key=value
 * The operation begins with '<' where the server asked. Not set is "-". Attributes of the request come before the response's,
 * each in the order they were set.
 */
#ifndef TT_HARNESS_LINES_H
#define TT_HARNESS_LINES_H

#include <stdbool.h>

#include "base/buf.h"
#include "stream/exchange.h"

/* Adds a line; with the protocol's name and '|' before it where wanted. */
void tt_lines_add(struct tt_buf *b, const struct tt_exchange *x, bool with_protocol);

/*
 * NULL if every complete line of `got` is one of `expected`'s, attributes that cannot be known left out; else the first that is
 * not (malloc'ed; the caller frees) and of which less(line, expected) is not true either. Lines that begin with
 * '~' are not looked at.
 */
char *tt_lines_wrong(const char *got, const char *expected, bool (*less)(const char *line, const char *expected));

#endif
