/* SPDX-License-Identifier: Apache-2.0 */
/* The protocols the configuration chose. */
#ifndef TT_AGENT_PROTOCOLS_H
#define TT_AGENT_PROTOCOLS_H

#include "agent/config.h"
#include "proto/proto.h"

/*
 * *ret: an array of *ret_count protocols in the registry's order, freed by the caller with free(). -ENOMEM; -ENOENT: *ret_unknown
 * (borrowed from config) names one that is not there.
 */
int tt_protocols_choose(const struct tt_config *config, const struct tt_proto *const **ret, size_t *ret_count,
			const char **ret_unknown);

#endif
