/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the two ends of what is seen twice, so that the service map counts it once. A flow is a connection as both ends name it:
 * both addresses (with the network namespace where they mean nothing outside it, on loopback), or for Unix sockets both inode
 * numbers. An exchange waits for the same one from the flow's other end: nested in time and with the same operation it is the
 * same. It waits two seconds for an end that was never seen on this host, and as long as `exchange_timeout_s` for one that was
 * (it may read slowly). A flow whose other end did not tell is not waited for again. What happens on connections is gathered on
 * the flow as one of its ends tells it.
 */
#ifndef TT_SINK_JOIN_H
#define TT_SINK_JOIN_H

#include "sink/graph.h"

#define TT_JOIN_WAIT_NS (2 * UINT64_C(1000000000))
#define TT_JOIN_SLACK_NS (10 * UINT64_C(1000000))
#define TT_JOIN_LOOKED 256 /* exchanges of the other end looked at for a twin, at most */

struct tt_join;

/* Counts into `graph` (borrowed, must outlive it). *ret untouched on failure (-ENOMEM). */
int tt_join_new(struct tt_join **ret, const struct tt_limits *limits, struct tt_graph *graph);
/* NULL-safe, returns NULL. What still waits is not counted: tt_join_finish first. */
struct tt_join *tt_join_free(struct tt_join *j);

void tt_join_exchange(struct tt_join *j, const struct tt_event *e, const struct tt_exchange *x, uint64_t now_ns);
void tt_join_connection(struct tt_join *j, const struct tt_event *e, const struct tt_conn_report *r, uint64_t now_ns);

/* Counts what has waited long enough, forgets flows that are closed or idle. */
void tt_join_advance(struct tt_join *j, uint64_t now_ns);

/* Counts all that waits. */
void tt_join_finish(struct tt_join *j, uint64_t now_ns);

struct tt_join_stats {
	uint64_t flows;		  /* now */
	uint64_t waiting;	  /* exchanges now */
	uint64_t waiting_dropped; /* exchanges not waited for because of join_pending */
	uint64_t flows_dropped;	  /* flows forgotten early because of `connections` */
	uint64_t joined;	  /* exchanges seen at both ends */
	uint64_t single;	  /* seen at one */
	uint64_t edges_expired;	  /* tt_graph_expired */
};

void tt_join_stats(const struct tt_join *j, struct tt_join_stats *ret);

#endif
