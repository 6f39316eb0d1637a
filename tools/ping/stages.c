// SPDX-License-Identifier: Apache-2.0
/* Stages of many echoes, each with how its times are spread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "base/own.h"
#include "tools/ping/state.h"

/* From so many on it is known what a stage mostly takes. */
#define KNOWN 8

struct stage_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t count;
	uint64_t least_ns;
	uint64_t average_ns;
	uint64_t median_ns;
	uint64_t p99_ns;
	uint64_t most_ns;
	uint64_t share;
	uint64_t netns;
	uint64_t estimated;
	char way[8];
	char side[8];
	char stage[16];
	char shown[24];
	char device[TT_PING_DEVICE_LEN];
};

static const struct tt_field stage_fields[] = {
	TT_FIELD_MORE(struct stage_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct stage_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct stage_row, way, "WAY", TT_UNIT_NONE, 4, "way", TT_FIELD_TEXT, "`out` or `back`"),
	TT_FIELD(struct stage_row, side, "SIDE", TT_UNIT_NONE, 7, "side", TT_FIELD_TEXT,
		 "`local` (this network namespace), `netns` (another one of this kernel), `remote` (by the report of who "
		 "answers), `between`"),
	TT_FIELD(struct stage_row, device, "DEVICE", TT_UNIT_NONE, 15, "device", TT_FIELD_TEXT,
		 "whose stage it is, on this kernel"),
	TT_FIELD_MORE(struct stage_row, netns, "netns", TT_FIELD_ID, "that device's network namespace: inode number"),
	TT_FIELD_MORE(struct stage_row, stage, "stage", TT_FIELD_TEXT, "see above"),
	TT_FIELD(struct stage_row, shown, "STAGE", TT_UNIT_NONE, 14, NULL, TT_FIELD_TEXT,
		 "the same; `(est.)` behind it: half of what is neither side's, not a measured way"),
	TT_FIELD_MORE(struct stage_row, estimated, "estimated", TT_FIELD_COUNT,
		      "1: half of what is neither side's, not a measured way"),
	TT_FIELD(struct stage_row, count, "TIMES", TT_UNIT_NONE, 8, "times", TT_FIELD_COUNT, "echoes that passed it"),
	TT_FIELD(struct stage_row, least_ns, "MIN", TT_UNIT_US, 10, "least_ns", TT_FIELD_NS, "shortest"),
	TT_FIELD(struct stage_row, average_ns, "AVG", TT_UNIT_US, 10, "average_ns", TT_FIELD_NS, "on average"),
	TT_FIELD(struct stage_row, median_ns, "P50", TT_UNIT_US, 10, "median_ns", TT_FIELD_NS,
		 "half took no longer (within 2 %)"),
	TT_FIELD(struct stage_row, p99_ns, "P99", TT_UNIT_US, 10, "p99_ns", TT_FIELD_NS, "99 % took no longer (within 2 %)"),
	TT_FIELD(struct stage_row, most_ns, "MAX", TT_UNIT_US, 10, "most_ns", TT_FIELD_NS, "longest"),
	TT_FIELD(struct stage_row, share, "SHARE", TT_UNIT_NONE, 8, "share_percent", TT_FIELD_PERCENT,
		 "of all round trips' time"),
};

const struct tt_table tt_ping_stage_table = {
	.kind = "stage",
	.help = "a stage of the path, over all echoes that came back; in the order of the path",
	.fields = {stage_fields, TT_ARRAY_LEN(stage_fields)},
	.row_size = sizeof(struct stage_row),
	.rank = 11, /* average_ns */
	.in_order = true,
};

struct total_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t sent, received, lost, open, duplicates, reordered, late;
	uint64_t lost_share;
	uint64_t least_ns, average_ns, median_ns, p99_ns, most_ns;
};

static const struct tt_field total_fields[] = {
	TT_FIELD_MORE(struct total_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct total_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct total_row, sent, "SENT", TT_UNIT_NONE, 7, "sent", TT_FIELD_COUNT,
		 "echoes whose end was decided, and open ones"),
	TT_FIELD(struct total_row, received, "RECEIVED", TT_UNIT_NONE, 8, "received", TT_FIELD_COUNT,
		 "came back in time, each once"),
	TT_FIELD(struct total_row, lost, "LOST", TT_UNIT_NONE, 7, "lost", TT_FIELD_COUNT, "did not (`--timeout`)"),
	TT_FIELD(struct total_row, open, "OPEN", TT_UNIT_NONE, 5, "open", TT_FIELD_COUNT,
		 "may still come: sent = received + lost + open"),
	TT_FIELD(struct total_row, lost_share, "LOST", TT_UNIT_NONE, 8, "lost_percent", TT_FIELD_PERCENT, "of those decided"),
	TT_FIELD(struct total_row, duplicates, "AGAIN", TT_UNIT_NONE, 6, "duplicates", TT_FIELD_COUNT,
		 "replies that had come already"),
	TT_FIELD(struct total_row, reordered, "REORDERED", TT_UNIT_NONE, 9, "reordered", TT_FIELD_COUNT,
		 "came after the reply to a later one (RFC 4737)"),
	TT_FIELD(struct total_row, late, "LATE", TT_UNIT_NONE, 5, "late", TT_FIELD_COUNT, "of those lost: came after all"),
	TT_FIELD(struct total_row, least_ns, "MIN", TT_UNIT_US, 10, "rtt_least_ns", TT_FIELD_NS,
		 "shortest round trip, from program to program"),
	TT_FIELD(struct total_row, average_ns, "AVG", TT_UNIT_US, 10, "rtt_average_ns", TT_FIELD_NS, "on average"),
	TT_FIELD(struct total_row, median_ns, "P50", TT_UNIT_US, 10, "rtt_median_ns", TT_FIELD_NS,
		 "half took no longer (within 2 %)"),
	TT_FIELD(struct total_row, p99_ns, "P99", TT_UNIT_US, 10, "rtt_p99_ns", TT_FIELD_NS, "99 % took no longer (within 2 %)"),
	TT_FIELD(struct total_row, most_ns, "MAX", TT_UNIT_US, 10, "rtt_most_ns", TT_FIELD_NS, "longest"),
};

const struct tt_table tt_ping_total_table = {
	.kind = "total",
	.help = "all echoes of the interval, or of the run",
	.fields = {total_fields, TT_ARRAY_LEN(total_fields)},
	.row_size = sizeof(struct total_row),
	.rank = 2, /* sent */
	.in_order = true,
};

/* --- summing up --- */

static struct tt_ping_sum *find(const struct tt_ping_totals *t, const struct tt_ping_place *place, size_t *at)
{
	for (size_t i = 0; i < t->sum_count; i++) {
		if (memcmp(&t->sums[i]->place, place, sizeof(*place)) == 0) {
			*at = i;
			return t->sums[i];
		}
	}
	return NULL;
}

/* A stage that is new stands behind the one that came before it on the path. */
static struct tt_ping_sum *insert(struct tt_ping_totals *t, const struct tt_ping_place *place, size_t at)
{
	struct tt_ping_sum *sum = t->sum_count < TT_PING_SUMS_MOST ? calloc(1, sizeof(*sum)) : NULL;

	if (!sum)
		return NULL;
	sum->place = *place;
	memmove(&t->sums[at + 1], &t->sums[at], (t->sum_count - at) * sizeof(struct tt_ping_sum *));
	t->sums[at] = sum;
	t->sum_count++;
	return sum;
}

size_t tt_ping_totals_add(struct tt_ping_totals *t, const struct tt_ping_path *path, uint64_t rtt_ns)
{
	size_t at = 0, next = 0, turned_away = 0;

	tt_spread_add(&t->rtt, rtt_ns);
	for (size_t i = 0; i < path->count; i++) {
		struct tt_ping_sum *sum = find(t, &path->list[i].place, &at);
		if (!sum) {
			at = next;
			sum = insert(t, &path->list[i].place, at);
		}
		if (!sum) {
			turned_away++;
			continue;
		}
		tt_spread_add(&sum->times, path->list[i].ns);
		next = at + 1;
	}
	return turned_away;
}

const struct tt_ping_stage *tt_ping_blamed(const struct tt_ping_totals *t, const struct tt_ping_path *path)
{
	const struct tt_ping_stage *blamed = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < path->count; i++) {
		const struct tt_ping_stage *s = &path->list[i];
		size_t at;
		const struct tt_ping_sum *sum = find(t, &s->place, &at);
		uint64_t mostly = sum && sum->times.count >= KNOWN ? tt_spread_at(&sum->times, 5000) : 0;
		uint64_t beyond = s->ns > mostly ? s->ns - mostly : 0;
		if (!blamed || beyond > most) {
			blamed = s;
			most = beyond;
		}
	}
	return blamed;
}

static int show_stage(struct tt_tool_run *run, const struct tt_ping_totals *t, const struct tt_ping_sum *sum, uint64_t now_ns)
{
	const struct tt_ping_place *p = &sum->place;
	struct stage_row row = {
		.time_ns = now_ns,
		.interval_ns = now_ns - t->since_ns,
		.count = sum->times.count,
		.least_ns = sum->times.least,
		.average_ns = tt_spread_average(&sum->times),
		.median_ns = tt_spread_at(&sum->times, 5000),
		.p99_ns = tt_spread_at(&sum->times, 9900),
		.most_ns = sum->times.most,
		.share = t->rtt.sum ? (uint64_t)((double)sum->times.sum * 10000 / (double)t->rtt.sum + 0.5) : 0,
		.netns = p->netns ? p->netns : TT_UNKNOWN,
		.estimated = p->estimated,
	};

	snprintf(row.way, sizeof(row.way), "%s", p->back ? "back" : "out");
	snprintf(row.side, sizeof(row.side), "%s", tt_ping_side_names[p->side]);
	snprintf(row.stage, sizeof(row.stage), "%s", tt_ping_stage_names[p->kind]);
	snprintf(row.shown, sizeof(row.shown), "%s%s", row.stage, p->estimated ? " (est.)" : "");
	memcpy(row.device, p->device, sizeof(row.device));
	return tt_tool_row(run, TT_PING_TABLE_STAGE, &row);
}

int tt_ping_totals_show(struct tt_tool_run *run, const struct tt_ping_totals *t, uint64_t open)
{
	uint64_t now = tt_now_ns(), decided = t->received + t->lost;
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->sum_count; i++)
		r = show_stage(run, t, t->sums[i], now);
	const struct total_row row = {
		.time_ns = now,
		.interval_ns = now - t->since_ns,
		.sent = decided + open,
		.received = t->received,
		.lost = t->lost,
		.open = open,
		.duplicates = t->duplicates,
		.reordered = t->reordered,
		.late = t->late,
		.lost_share = decided ? (uint64_t)((double)t->lost * 10000 / (double)decided + 0.5) : TT_UNKNOWN,
		.least_ns = t->rtt.count ? t->rtt.least : TT_UNKNOWN,
		.average_ns = tt_spread_average(&t->rtt),
		.median_ns = tt_spread_at(&t->rtt, 5000),
		.p99_ns = tt_spread_at(&t->rtt, 9900),
		.most_ns = t->rtt.count ? t->rtt.most : TT_UNKNOWN,
	};
	return r < 0 ? r : tt_tool_row(run, TT_PING_TABLE_TOTAL, &row);
}

void tt_ping_totals_free(struct tt_ping_totals *t)
{
	for (size_t i = 0; i < t->sum_count; i++)
		free(t->sums[i]);
	*t = (struct tt_ping_totals){.since_ns = tt_now_ns()};
}
