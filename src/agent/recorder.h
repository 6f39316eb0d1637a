/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A live recording: every record as it comes, and before them what a replay cannot find out: the clock, and who the processes
 * were that are not introduced by records of their own.
 */
#ifndef TT_AGENT_RECORDER_H
#define TT_AGENT_RECORDER_H

#include "agent/pipeline.h"
#include "source/recording.h"

struct tt_recorder;

/* Writes the clock record. `recording` and `pipeline` are borrowed and must outlive it. *ret untouched on failure (-ENOMEM, or
 * what writing failed with). */
int tt_recorder_new(struct tt_recorder **ret, struct tt_recording *recording, struct tt_pipeline *pipeline);
/* NULL-safe, returns NULL. */
struct tt_recorder *tt_recorder_free(struct tt_recorder *r);

/* A tt_pipeline_tap; ctx is the recorder. */
int tt_recorder_tap(void *recorder, const struct tt_record *rec);

#endif
