/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wires the rooms together: source → streams and identities → shaping → sinks. Everything a subcommand does with exchanges is
 * this and a choice of source and sinks.
 */
#ifndef TT_AGENT_PIPELINE_H
#define TT_AGENT_PIPELINE_H

#include "agent/kin.h"
#include "agent/libraries.h"
#include "identity/identity.h"
#include "sink/sink.h"
#include "sink/where.h"
#include "source/source.h"
#include "stream/stream.h"

struct tt_pipeline;

struct tt_pipeline_config {
	const struct tt_limits *limits;	      /* borrowed, must outlive the pipeline */
	const struct tt_proto *const *protos; /* those that may be detected; borrowed */
	size_t proto_count;
	bool use_proc;	    /* names of processes may be looked up in /proc */
	bool show_values;   /* no redaction */
	bool header_tables; /* libraries may tell tables of headers (tt_streams_expect_tables) */
	const struct tt_where
		*where; /* exchanges that do not fulfil it are not given to sinks; NULL: all. Borrowed, outlives it */
};

/* Takes every record before it is read, as a recording does. A negative return ends the run. */
typedef int (*tt_pipeline_tap)(void *ctx, const struct tt_record *rec);

/* Takes over `source`, also on failure. *ret is untouched on failure (-ENOMEM). */
int tt_pipeline_new(struct tt_pipeline **ret, const struct tt_pipeline_config *config, struct tt_source *source);
struct tt_pipeline *tt_pipeline_free(struct tt_pipeline *p);

/* Takes over `sink`, also on failure. 0, -ENOSPC when there are too many. */
int tt_pipeline_add(struct tt_pipeline *p, struct tt_sink *sink);
void tt_pipeline_set_tap(struct tt_pipeline *p, tt_pipeline_tap tap, void *ctx);
/* Tells it of processes that may have mapped TLS libraries. Borrowed, must outlive the pipeline. */
void tt_pipeline_set_libraries(struct tt_pipeline *p, struct tt_libraries *libraries);

/* Keeps it up to date. Borrowed, must outlive the pipeline. */
void tt_pipeline_set_kin(struct tt_pipeline *p, struct tt_kin *kin);

/*
 * Takes in what the source has now, at most `budget` records (0: no limit). Returns how many, 0 when there is nothing now,
 * -ENODATA at the end for good, or the negative errno of the source or tap.
 */
int tt_pipeline_run(struct tt_pipeline *p, uint64_t budget);

/* The end: reports everything still open, writes out what sinks hold. Returns 0 or the first sink's failure. */
int tt_pipeline_finish(struct tt_pipeline *p);

/* Counting that was done elsewhere, for the sinks that take it. */
void tt_pipeline_delta(struct tt_pipeline *p, const struct tt_delta *d);

/* Add to a monotonic time for Unix time. */
int64_t tt_pipeline_wall_minus_mono(const struct tt_pipeline *p);

struct tt_source *tt_pipeline_source(struct tt_pipeline *p);
struct tt_identities *tt_pipeline_identities(struct tt_pipeline *p);
/* Exchanges `where` kept from the sinks. */
uint64_t tt_pipeline_filtered(const struct tt_pipeline *p);
/* How often a route was {other} because of a limit. */
uint64_t tt_pipeline_routes_refused(const struct tt_pipeline *p);
void tt_pipeline_stats(const struct tt_pipeline *p, struct tt_stream_stats *ret);

#endif
