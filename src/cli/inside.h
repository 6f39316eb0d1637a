/* SPDX-License-Identifier: Apache-2.0 */
/* Tools inside a live session (tools/inside.h): between them and the agent's rooms, which know nothing of each other. */
#ifndef TT_CLI_INSIDE_H
#define TT_CLI_INSIDE_H

#include "agent/observe.h"
#include "cli/session.h"
#include "tools/inside.h"

/* Those the configuration wants: *ret NULL where it wants none. 0 or a negative errno, logged. */
int tt_cli_inside_new(struct tt_inside **ret, const struct tt_config *config);

/* For tt_observe; NULL-safe. Returns `more`, or NULL where there are none. */
const struct tt_observe_more *tt_cli_inside_more(struct tt_inside *inside, struct tt_observe_more *more);

/* Their figures are among the session's; NULL-safe. */
void tt_cli_inside_show(struct tt_inside *inside, struct tt_session *session);

/* The parts are separate: what they counted goes to the session's sinks. NULL-safe; all is borrowed. */
void tt_cli_inside_split(struct tt_inside *inside, struct tt_session *session, struct tt_attach *attach);

/* As tt_inside_turn, now. NULL-safe. */
void tt_cli_inside_turn(struct tt_inside *inside);

#endif
