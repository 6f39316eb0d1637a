/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to look for TLS libraries in which process: some time after it executed something, because a library is mapped later than
 * that, and when a TLS handshake of it is seen whose plaintext is not. Looking is the attach part's.
 */
#ifndef TT_AGENT_LIBRARIES_H
#define TT_AGENT_LIBRARIES_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/record.h"

struct tt_libraries;

typedef void (*tt_libraries_look)(void *ctx, uint32_t pid);
/* Whether processes that are forked are to be looked at, too. */
typedef bool (*tt_libraries_forks)(const void *ctx);

/* `look` is called from tt_libraries_advance. *ret is untouched on failure (-ENOMEM). */
int tt_libraries_new(struct tt_libraries **ret, tt_libraries_look look, void *ctx);
/* NULL-safe, returns NULL. */
struct tt_libraries *tt_libraries_free(struct tt_libraries *l);

/* `forks` is asked with each; without it they are not. */
void tt_libraries_of_forks(struct tt_libraries *l, tt_libraries_forks forks, const void *ctx);

/* A process executed something, or was forked; other records are ignored. */
void tt_libraries_record(struct tt_libraries *l, const struct tt_record *rec);
/* A TLS handshake of this process was seen at the socket. */
void tt_libraries_handshake(struct tt_libraries *l, uint32_t pid, uint64_t now_ns);

/* Looks at those whose time has come (monotonic). */
void tt_libraries_advance(struct tt_libraries *l, uint64_t now_ns);

#endif
