// SPDX-License-Identifier: Apache-2.0
#include "sink/totals.h"

static const struct {
	const char *name;
	const char *meaning;
} tt_total_causes[TT_LOSS_MAX] = {
#define TT_TOTAL_CAUSE(id, cause, text) [TT_LOSS_##id] = {cause, text},
	TT_LOSS_CAUSES(TT_TOTAL_CAUSE)
#undef TT_TOTAL_CAUSE
};

/* A figure that has a line of its own where it is not 0. */
struct tt_total_row {
	size_t offset; /* of a uint64_t in the figures */
	const char *text;
};

/* What a limit turned away: part of what was asked is shown without its answer, or not at all. */
static const struct tt_total_row tt_total_limits[] = {
	{offsetof(struct tt_stream_stats, share_full), "requests are shown without their answers: --limit messages left no room, "
						       "and their connections had most unanswered ones"},
	{offsetof(struct tt_stream_stats, pending_full),
	 "requests are shown without their answers: their connections had more unanswered ones than --limit pending_requests"},
	{offsetof(struct tt_stream_stats, later_full),
	 "times what a connection had not answered is shown without its answers because of --limit later_answers"},
	{offsetof(struct tt_stream_stats, message_full), "requests or answers are not shown because of --limit messages"},
	{offsetof(struct tt_stream_stats, unopened), "requests are not shown because of --limit parser_total_bytes"},
	{offsetof(struct tt_stream_stats, parser_full),
	 "times a protocol kept less than it needed because of --limit parser_total_bytes: what would have told it is not known"},
	{offsetof(struct tt_stream_stats, buffer_no_room), "times bytes were not read because of --limit stream_total_bytes"},
	{offsetof(struct tt_stream_stats, held_no_room),
	 "times missing bytes were waited for no longer because of --limit stream_total_bytes"},
	{offsetof(struct tt_stream_stats, evicted),
	 "connections were forgotten before their end: more of them were open than --limit connections"},
};

static const struct tt_total_row tt_total_streams[] = {
	{offsetof(struct tt_stream_stats, encrypted_bytes), "bytes were encrypted"},
	{offsetof(struct tt_stream_stats, unread), "connections were encrypted, and nothing of their plaintext was seen"},
	{offsetof(struct tt_stream_stats, unknown_bytes), "bytes of unknown protocols"},
	{offsetof(struct tt_stream_stats, missing_bytes), "bytes were never seen"},
};

static const struct tt_total_row tt_total_capture[] = {
	{offsetof(struct tt_pcap_stats, capture_dropped), "packets were lost by the capturing system, as the file says"},
	{offsetof(struct tt_pcap_stats, conflicts),
	 "segments came again with other bytes: the first stand, and unless they had been acknowledged what they are part of is "
	 "incomplete"},
	{offsetof(struct tt_pcap_stats, unfitting), "segments do not fit their connection's numbers: they were passed over"},
	{offsetof(struct tt_pcap_stats, after_end), "segments came after their connection's end: what they hold is not shown"},
	{offsetof(struct tt_pcap_stats, untimed), "packets have no time: how long what they are part of took is not known"},
	{offsetof(struct tt_pcap_stats, malformed), "packets could not be read: cut too short, or contradicting themselves"},
	{offsetof(struct tt_pcap_stats, link_unknown), "packets are of a link type that is not supported"},
	{offsetof(struct tt_pcap_stats, fragments_dropped), "fragmented packets were not put together: parts are missing"},
	{offsetof(struct tt_pcap_stats, no_memory), "packets were dropped because there was no memory"},
};

static unsigned long long tt_total_value(const void *figures, size_t offset)
{
	return *(const uint64_t *)((const char *)figures + offset);
}

static void tt_totals_rows(struct tt_buf *out, const void *figures, const struct tt_total_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned long long value = tt_total_value(figures, rows[i].offset);
		if (value)
			tt_buf_printf(out, "%llu %s\n", value, rows[i].text);
	}
}

void tt_totals_write_capture(struct tt_buf *out, const struct tt_pcap_stats *capture)
{
	if (capture->cut)
		tt_buf_printf(out,
			      "%llu of %llu packets were cut by the capture's snap length: %llu bytes of payload are not in it\n",
			      (unsigned long long)capture->cut, (unsigned long long)capture->packets,
			      (unsigned long long)capture->cut_bytes);
	tt_totals_rows(out, capture, tt_total_capture, TT_ARRAY_LEN(tt_total_capture));
}

void tt_totals_write_limits(struct tt_buf *out, const struct tt_stream_stats *streams)
{
	tt_totals_rows(out, streams, tt_total_limits, TT_ARRAY_LEN(tt_total_limits));
}

static void tt_totals_losses(struct tt_buf *out, const uint64_t *lost)
{
	for (int i = 0; i < TT_LOSS_MAX; i++) {
		if (lost[i])
			tt_buf_printf(out, "%llu records lost: %s (%s)\n", (unsigned long long)lost[i],
				      tt_total_causes[i].meaning, tt_total_causes[i].name);
	}
}

void tt_totals_write(struct tt_buf *out, const struct tt_totals *t)
{
	uint64_t lost = 0;

	for (int i = 0; i < TT_LOSS_MAX; i++)
		lost += t->source->lost[i];
	uint64_t turned_away =
		t->streams->message_full + t->streams->share_full + t->streams->pending_full + t->streams->unopened;
	tt_buf_printf(out, "%llu exchanges, %llu incomplete; %llu records, %llu lost; %llu connections",
		      (unsigned long long)t->streams->exchanges, (unsigned long long)t->streams->incomplete,
		      (unsigned long long)t->source->produced, (unsigned long long)lost, (unsigned long long)t->streams->opened);
	if (turned_away)
		tt_buf_printf(out, "; %llu messages turned away by limits", (unsigned long long)turned_away);
	tt_buf_add_char(out, '\n');
	tt_totals_losses(out, t->source->lost);
	if (t->capture)
		tt_totals_write_capture(out, t->capture);
	if (t->filtered)
		tt_buf_printf(out, "%llu exchanges not shown: --where does not hold for them\n", (unsigned long long)t->filtered);
	tt_totals_rows(out, t->streams, tt_total_streams, TT_ARRAY_LEN(tt_total_streams));
	tt_totals_write_limits(out, t->streams);
}
