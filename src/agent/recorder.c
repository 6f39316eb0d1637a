// SPDX-License-Identifier: Apache-2.0
#include "agent/recorder.h"

#include <errno.h>
#include <stdlib.h>

/* Who was introduced already. Two processes in one place are introduced in turn, which costs room in the file and nothing else.
 */
#define TT_RECORDER_KNOWN 4096

struct tt_recorder {
	struct tt_recording *recording;
	struct tt_pipeline *pipeline;
	struct {
		uint32_t tgid;
		uint64_t start_ns;
	} known[TT_RECORDER_KNOWN];
};

int tt_recorder_new(struct tt_recorder **ret, struct tt_recording *recording, struct tt_pipeline *pipeline)
{
	const struct tt_clock_record clock = {
		.rec = {.type = TT_REC_CLOCK, .version = TT_RECORD_VERSION, .len = sizeof(clock)},
		.wall_minus_mono_ns = tt_pipeline_wall_minus_mono(pipeline),
	};

	int r = tt_recording_add(recording, &clock.rec);
	if (r < 0)
		return r;
	struct tt_recorder *recorder = calloc(1, sizeof(*recorder));
	if (!recorder)
		return -ENOMEM;
	recorder->recording = recording;
	recorder->pipeline = pipeline;
	*ret = recorder;
	return 0;
}

struct tt_recorder *tt_recorder_free(struct tt_recorder *r)
{
	free(r);
	return NULL;
}

static int tt_recorder_introduce(struct tt_recorder *r, const struct tt_record *rec)
{
	size_t at = (rec->tgid ^ rec->start_ns >> 10) % TT_RECORDER_KNOWN;
	if (r->known[at].tgid == rec->tgid && r->known[at].start_ns == rec->start_ns)
		return 0;

	const struct tt_identity *who =
		tt_identities_find(tt_pipeline_identities(r->pipeline), rec->tgid, rec->start_ns, rec->cgroup_id);
	struct tt_identity_record identity = tt_identity_to_record(who, rec->time_ns);
	r->known[at].tgid = rec->tgid;
	r->known[at].start_ns = rec->start_ns;
	return tt_recording_add(r->recording, &identity.rec);
}

int tt_recorder_tap(void *recorder, const struct tt_record *rec)
{
	struct tt_recorder *r = recorder;

	if (rec->type == TT_REC_CHUNK && rec->tgid) {
		int introduced = tt_recorder_introduce(r, rec);
		if (introduced < 0)
			return introduced;
	}
	return tt_recording_add(r->recording, rec);
}
