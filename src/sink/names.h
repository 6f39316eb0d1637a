/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names in an exchange that are the client's (or a script's) to choose: raw here; as labels and names of rows the shaping stage
 * bounds them per service (sink/shape.h).
 */
#ifndef TT_SINK_NAMES_H
#define TT_SINK_NAMES_H

#include "sink/kind.h"
#include "sink/sink.h"

/* Stands for all names beyond the limit, and for those the server did not know (OpenTelemetry's word for it). */
#define TT_NAME_OTHER "_OTHER"

/* As it is in the exchange; data NULL: it has none. Borrowed from it. */
struct tt_span tt_name_raw(const struct tt_exchange *x, enum tt_name name);

/* As the event bounds it, else raw. */
struct tt_span tt_event_name(const struct tt_event *e, const struct tt_exchange *x, enum tt_name name);

/* For rows of a table: the route, or `*` where what was asked for is known but taught no route, being refused or never answered.
 */
struct tt_span tt_event_route(const struct tt_event *e);

/* Has exchanges of this group a name of this sort that needs bounds? HTTP's methods and statuses have their own. */
bool tt_name_is_bounded(enum tt_group group, enum tt_name name);

/* Did the server say that it does not know what was asked for? Such names are not learned: a scanner has thousands of them. */
bool tt_name_is_unknown(const struct tt_exchange *x);

#endif
