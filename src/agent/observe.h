/* SPDX-License-Identifier: Apache-2.0 */
/* From the configured scope to a live source. */
#ifndef TT_AGENT_OBSERVE_H
#define TT_AGENT_OBSERVE_H

#include <sys/types.h>

#include "agent/config.h"
#include "base/command.h"
#include "source/live.h"

/* Further programs for the same scope, attached behind the agent's own. */
struct tt_observe_more {
	void *ctx;
	int (*load)(void *ctx, const struct tt_scope *scope); /* 0 or a negative errno, printed */
	void (*follow)(void *ctx, uint32_t tgid);	      /* as tt_live_follow */
};

/*
 * Observes what the configuration names, or only `command` (started, not let go yet; NULL: none). Processes are observed with the
 * descendants they have and will have. `more` may be NULL. Prints one line and returns a negative errno on failure.
 */
int tt_observe(struct tt_source **ret, const struct tt_config *config, const struct tt_command *command,
	       const struct tt_observe_more *more);

/* What the configuration says of probes in programs, for a scope. */
void tt_observe_plaintext(struct tt_scope *scope, const struct tt_config *config);

/* The scope in words: "host", "pid 4242", "cgroup /x", "netns blue", "command 4242". `size` bytes at text; returns text. */
const char *tt_observe_scope_text(const struct tt_config *config, pid_t command, char *text, size_t size);

/* Name of the hook row set in use; static storage. */
const char *tt_observe_hooks(const struct tt_source *live);

#endif
