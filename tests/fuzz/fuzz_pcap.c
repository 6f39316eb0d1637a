// SPDX-License-Identifier: Apache-2.0
/* Capture files of any content: no crash, bounded memory, and every record that comes out keeps the promises of shared/record.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "source/pcap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_chunk(const struct tt_chunk *c)
{
	assert(c->captured <= c->length && c->data_off == sizeof(*c));
	assert(c->rec.len == sizeof(*c) + c->captured);
	assert(c->direction <= TT_RX && c->origin == TT_ORIGIN_PCAP && c->conn.sock);
	assert(!(c->flags & (TT_CHUNK_EOF | TT_CHUNK_ERROR)) || c->length == 0);

	/* Reads all of it, so that the sanitizer sees a length that lies. */
	volatile uint8_t sum = 0;
	for (uint32_t i = 0; i < c->captured; i++)
		sum = sum + ((const uint8_t *)c + c->data_off)[i];
}

static int check_record(void *ctx, const struct tt_record *rec)
{
	assert((uintptr_t)rec % 8 == 0 && rec->version == TT_RECORD_VERSION);
	if (rec->type == TT_REC_CHUNK)
		check_chunk((const struct tt_chunk *)rec);
	else if (rec->type == TT_REC_CLOCK)
		assert(rec->len == sizeof(struct tt_clock_record));
	else
		assert((rec->type == TT_REC_OPEN || rec->type == TT_REC_CLOSE) && rec->len == sizeof(struct tt_conn_record));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_limits limits;
	struct tt_source *s = NULL;
	struct tt_source_stats stats;
	int r;

	/* Small tables, so that what happens when they are full is tried too. */
	tt_limits_init(&limits);
	limits.value[TT_LIMIT_CONNECTIONS] = 16;
	limits.value[TT_LIMIT_PCAP_HOLD_BYTES] = 4096;
	limits.value[TT_LIMIT_PCAP_HOLD_TOTAL_BYTES] = 64u << 10;
	limits.value[TT_LIMIT_PCAP_FRAGMENT_BYTES] = 64u << 10;
	if (tt_pcap_new_bytes(&s, (struct tt_span){data, size}, "fuzz", &limits) < 0)
		return 0;
	while ((r = tt_source_poll(s, 7, check_record, NULL)) > 0)
		s->ops->watermark(s);
	assert(r == -ENODATA || tt_file_source_error(s)[0]);
	s->ops->stats(s, &stats);
	assert(stats.queued == 0 && stats.produced == stats.delivered + stats.lost[TT_LOSS_RING_FULL]);
	tt_source_free(s);
	return 0;
}
