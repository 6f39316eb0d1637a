/* SPDX-License-Identifier: Apache-2.0 */
/* What every subcommand that sees exchanges begins with: pipeline, shaping and the sinks the configuration asks for. */
#ifndef TT_CLI_SESSION_H
#define TT_CLI_SESSION_H

#include "agent/config.h"
#include "agent/outputs.h"
#include "agent/pipeline.h"
#include "agent/recorder.h"

struct tt_session {
	struct tt_config *config; /* borrowed */
	struct tt_pipeline *pipeline;
	struct tt_outputs *outputs;
	const struct tt_proto *const *protos;
	struct tt_where *where;
	struct tt_recording *recording;
	struct tt_recorder *recorder;
	int json_fd;	/* -1 none */
	int record_fd;	/* -1 none */
	int metrics_fd; /* -1 none */
};

#define TT_SESSION_NONE ((struct tt_session){.json_fd = -1, .record_fd = -1, .metrics_fd = -1})

/*
 * Opens files and builds everything around `source`, which is taken over, also on failure. `use_proc`: names of processes are
 * looked up in /proc. Prints one line and returns a negative errno on failure.
 */
int tt_session_open(struct tt_session *ret, struct tt_config *config, struct tt_source *source, bool use_proc);

/* Conditions of --where, which were judged when options were read; NULL in *ret: none. Prints one line and returns a negative
 * errno on failure. */
int tt_session_where(struct tt_where **ret, const struct tt_config *config);

/* Reports what is open, writes out and closes. Returns 0 or the first failure, which was printed. */
int tt_session_close(struct tt_session *s);

#endif
