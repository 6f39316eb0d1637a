// SPDX-License-Identifier: Apache-2.0
/* Recordings of any content: what is handed on is whole and does not claim more than it has. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "source/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_record(void *ctx, const struct tt_record *rec)
{
	volatile uint8_t sum = 0;

	assert(rec->len >= sizeof(*rec) && rec->len <= TT_RECORDING_RECORD_MAX);
	for (uint32_t i = 0; i < rec->len; i++)
		sum = sum + ((const uint8_t *)rec)[i];
	if (rec->type == TT_REC_CHUNK) {
		const struct tt_chunk *c = (const struct tt_chunk *)rec;
		assert(c->captured <= c->length && c->data_off + (uint64_t)c->captured <= rec->len);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_source *s = NULL;
	int r;

	if (tt_recording_source_new_bytes(&s, (struct tt_span){data, size}, "fuzz") < 0)
		return 0;
	while ((r = tt_source_poll(s, 7, check_record, NULL)) > 0)
		;
	assert(r == -ENODATA || tt_file_source_error(s)[0]);
	tt_source_free(s);
	return 0;
}
