// SPDX-License-Identifier: Apache-2.0
/* The source that reads a recording. Nothing in it is believed: lengths are checked before a record is handed on. */
#include <errno.h>

#include "base/own.h"
#include "shared/header_table.h"
#include "source/recording.h"

#define TT_RECORDING_HEADER 16

struct tt_recording_source {
	struct tt_file_source file; /* first */
	struct tt_source_stats stats;
	bool opened;
	uint64_t last_ns;
	void *record; /* aligned copy of the one being delivered */
	size_t room;
};

/* The least length of each type. What a newer version added behind is ignored by its reader. */
static const size_t tt_recording_least[] = {
	[TT_REC_CHUNK] = sizeof(struct tt_chunk),
	[TT_REC_OPEN] = sizeof(struct tt_conn_record),
	[TT_REC_CLOSE] = sizeof(struct tt_conn_record),
	[TT_REC_L4] = sizeof(struct tt_conn_record),
	[TT_REC_FORK] = sizeof(struct tt_process_record),
	[TT_REC_EXEC] = sizeof(struct tt_process_record),
	[TT_REC_EXIT] = sizeof(struct tt_process_record),
	[TT_REC_CLOCK] = sizeof(struct tt_clock_record),
	[TT_REC_LOSS] = sizeof(struct tt_loss_record),
	[TT_REC_IDENTITY] = sizeof(struct tt_identity_record),
	[TT_REC_HANDSHAKE] = sizeof(struct tt_handshake_record),
	[TT_REC_HEADER_TABLE] = sizeof(struct tt_table_record),
};

static bool tt_recording_chunk_sound(const struct tt_chunk *c)
{
	return c->data_off >= sizeof(*c) && c->data_off <= c->rec.len && c->captured <= c->rec.len - c->data_off &&
	       c->captured <= c->length && c->direction <= TT_RX && c->transport < TT_TRANSPORT_MAX &&
	       c->origin < TT_ORIGIN_MAX && c->role <= TT_ROLE_SERVER;
}

static bool tt_recording_sound(const struct tt_record *rec)
{
	if (rec->type >= TT_ARRAY_LEN(tt_recording_least) || !tt_recording_least[rec->type])
		return true; /* of a newer version: readers ignore types they do not know */
	if (rec->len < tt_recording_least[rec->type])
		return false;
	if (rec->type == TT_REC_CHUNK)
		return tt_recording_chunk_sound((const struct tt_chunk *)rec);
	if (rec->type >= TT_REC_FORK && rec->type <= TT_REC_EXIT) {
		const struct tt_process_record *p = (const struct tt_process_record *)rec;
		return p->file_len <= sizeof(p->file) && p->args_len <= sizeof(p->args);
	}
	return true;
}

static int tt_recording_open(struct tt_recording_source *s)
{
	struct tt_reader *r = &s->file.reader;
	struct tt_span head = {0};
	uint16_t version[2];
	uint32_t order;

	int e = tt_reader_peek(r, TT_RECORDING_HEADER, &head);
	if (e < 0)
		return e;
	if (!tt_recording_known(head))
		return tt_reader_fail(r, -EPROTONOSUPPORT, "not a recording");
	e = tt_reader_need(r, TT_RECORDING_HEADER, &head);
	if (e < 0)
		return e;
	memcpy(version, head.data + 8, sizeof(version));
	memcpy(&order, head.data + 12, sizeof(order));
	if (order == __builtin_bswap32(0x01020304u))
		return tt_reader_fail(r, -EPROTONOSUPPORT, "recorded on a host of the other byte order");
	if (version[0] != 1 || version[1] != TT_RECORD_VERSION || order != 0x01020304u)
		return tt_reader_fail(r, -EPROTONOSUPPORT, "a recording of version %u.%u, which this program does not know",
				      version[0], version[1]);
	tt_reader_consume(r, TT_RECORDING_HEADER);
	s->opened = true;
	return 0;
}

/* Records lie in the file without padding; they are handed on aligned. */
static int tt_recording_copy(struct tt_recording_source *s, struct tt_span bytes)
{
	if (bytes.len > s->room) {
		void *record = realloc(s->record, bytes.len);
		if (!record)
			return tt_reader_fail(&s->file.reader, -ENOMEM, "no memory for a record of %zu bytes", bytes.len);
		s->record = record;
		s->room = bytes.len;
	}
	memcpy(s->record, bytes.data, bytes.len);
	return 0;
}

static int tt_recording_next(struct tt_recording_source *s)
{
	struct tt_reader *r = &s->file.reader;
	struct tt_span bytes = {0};
	struct tt_record rec;

	int e = tt_reader_need(r, sizeof(rec), &bytes);
	if (e < 0)
		return e;
	memcpy(&rec, bytes.data, sizeof(rec));
	if (rec.len < sizeof(rec) || rec.len > TT_RECORDING_RECORD_MAX)
		return tt_reader_fail(r, -EBADMSG, "a record of %u bytes: damaged", rec.len);
	e = tt_reader_need(r, rec.len, &bytes);
	if (e < 0)
		return e;
	e = tt_recording_copy(s, bytes);
	if (e < 0)
		return e;
	if (!tt_recording_sound(s->record))
		return tt_reader_fail(r, -EBADMSG, "a record of type %u contradicts itself: damaged", rec.type);
	tt_reader_consume(r, rec.len);
	return 0;
}

static void tt_recording_count(struct tt_recording_source *s, const struct tt_record *rec)
{
	uint32_t bytes = rec->type == TT_REC_CHUNK ? ((const struct tt_chunk *)rec)->length : 0;

	s->stats.produced++;
	s->stats.delivered++;
	s->stats.produced_bytes += bytes;
	s->stats.delivered_bytes += bytes;
	if (rec->type == TT_REC_LOSS) {
		const struct tt_loss_record *loss = (const struct tt_loss_record *)rec;
		uint32_t cause = TT_MIN(loss->cause, (uint32_t)TT_LOSS_BAD_RECORD);
		s->stats.produced += loss->events;
		s->stats.produced_bytes += loss->bytes;
		s->stats.lost[cause] += loss->events;
		s->stats.lost_bytes[cause] += loss->bytes;
	}
	s->last_ns = TT_MAX(s->last_ns, rec->time_ns);
}

static int tt_recording_poll(struct tt_source *source, uint64_t budget, tt_record_fn fn, void *ctx)
{
	struct tt_recording_source *s = (struct tt_recording_source *)source;
	uint64_t limit = budget && budget < INT32_MAX ? budget : INT32_MAX;
	int count = 0;

	while ((uint64_t)count < limit) {
		int r = s->opened ? 0 : tt_recording_open(s);
		if (r == 0)
			r = tt_recording_next(s);
		if (r == -EAGAIN || (r < 0 && count))
			break;
		if (r < 0)
			return r;
		tt_recording_count(s, s->record);
		count++;
		r = fn(ctx, s->record);
		if (r < 0)
			return r;
	}
	return count;
}

/* Records lie in the order in which they were delivered. */
static uint64_t tt_recording_watermark(const struct tt_source *source)
{
	return ((const struct tt_recording_source *)source)->last_ns;
}

static void tt_recording_stats(struct tt_source *source, struct tt_source_stats *ret)
{
	*ret = ((struct tt_recording_source *)source)->stats;
}

static void tt_recording_source_free(struct tt_source *source)
{
	struct tt_recording_source *s = (struct tt_recording_source *)source;

	tt_reader_free(&s->file.reader);
	free(s->record);
	free(s);
}

static const struct tt_source_ops tt_recording_ops = {
	.name = "recording",
	.poll = tt_recording_poll,
	.watermark = tt_recording_watermark,
	.stats = tt_recording_stats,
	.free = tt_recording_source_free,
};

int tt_recording_source_new(struct tt_source **ret, int fd, const char *name)
{
	struct tt_recording_source *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->file.source.ops = &tt_recording_ops;
	tt_reader_init(&s->file.reader, fd, name);
	*ret = &s->file.source;
	return 0;
}

int tt_recording_source_new_bytes(struct tt_source **ret, struct tt_span bytes, const char *name)
{
	struct tt_recording_source *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->file.source.ops = &tt_recording_ops;
	tt_reader_init_bytes(&s->file.reader, bytes, name);
	*ret = &s->file.source;
	return 0;
}
