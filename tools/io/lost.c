// SPDX-License-Identifier: Apache-2.0
/* Requests that are in no row, by cause: rows themselves, so that they are not missed where the notes at the end are not read. */
#include <stdio.h>

#include "base/now.h"
#include "base/own.h"
#include "kernel/tables.h"
#include "tools/io/state.h"

struct lost_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t requests;
	char cause[16];
	char meaning[96];
};

static const struct tt_field lost_fields[] = {
	TT_FIELD_MORE(struct lost_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct lost_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct lost_row, requests, "LOST", TT_UNIT_NONE, 8, "requests", TT_FIELD_COUNT,
		 "requests that are in no row, as far as that was found out in the interval"),
	TT_FIELD_MORE(struct lost_row, cause, "cause", TT_FIELD_TEXT,
		      "`end_untold`, `requests_full`, `rows_full`: as in the next column"),
	TT_FIELD(struct lost_row, meaning, "BECAUSE", TT_UNIT_NONE, 0, "because", TT_FIELD_TEXT, "why"),
};

const struct tt_table tt_io_lost_table = {
	.kind = "lost",
	.help = "requests that are in no row; there are none of it where nothing is missing",
	.fields = {lost_fields, TT_ARRAY_LEN(lost_fields)},
	.row_size = sizeof(struct lost_row),
	.rank = 2, /* requests */
	.in_order = true,
};

static const struct {
	enum tt_io_note note;
	const char *cause, *meaning;
} causes[] = {
	{TT_IO_NOTE_NO_END, "end_untold", "the kernel did not tell that they were done"},
	{TT_IO_NOTE_NO_BIO, "requests_full", "there was no room to follow them (limit tool_requests)"},
	{TT_IO_NOTE_NO_ROW, "rows_full", "there was no room for a row (limit tool_kernel_rows)"},
};

void tt_io_lost_count(struct tt_tool_run *run)
{
	struct tt_io_counts sum = {0}, one;

	for (uint32_t cpu = 0; tt_kernel_map_get(run->kernel, "tt_io_counts", &cpu, &one) == 0; cpu++) {
		sum.no_bio += one.no_bio;
		sum.no_row += one.no_row;
		sum.no_request += one.no_request;
		sum.no_dirtier += one.no_dirtier;
		sum.no_histogram += one.no_histogram;
		sum.no_end += one.no_end;
	}
	run->notes[TT_IO_NOTE_NO_BIO] = sum.no_bio;
	run->notes[TT_IO_NOTE_NO_ROW] = sum.no_row;
	run->notes[TT_IO_NOTE_NO_REQUEST] = sum.no_request;
	run->notes[TT_IO_NOTE_NO_DIRTIER] = sum.no_dirtier;
	run->notes[TT_IO_NOTE_NO_HISTOGRAM] = sum.no_histogram;
	run->notes[TT_IO_NOTE_NO_END] = sum.no_end;
}

int tt_io_lost_show(struct tt_tool_run *run)
{
	struct tt_io_state *s = run->state;
	uint64_t now = tt_now_ns();
	int r = 0;

	tt_io_lost_count(run);
	for (size_t i = 0; r == 0 && i < TT_ARRAY_LEN(causes); i++) {
		uint64_t all = run->notes[causes[i].note];
		struct lost_row row = {
			.time_ns = now, .interval_ns = now - s->lost_since_ns, .requests = all - s->lost[causes[i].note]};
		snprintf(row.cause, sizeof(row.cause), "%s", causes[i].cause);
		snprintf(row.meaning, sizeof(row.meaning), "%s", causes[i].meaning);
		s->lost[causes[i].note] = all;
		r = row.requests ? tt_tool_row(run, TT_IO_TABLE_LOST, &row) : 0;
	}
	s->lost_since_ns = now;
	return r;
}
