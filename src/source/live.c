// SPDX-License-Identifier: Apache-2.0
#include "source/live.h"

#include <errno.h>
#include <stdlib.h>

struct tt_live {
	struct tt_source source; /* first: a source is one of these */
	struct tt_kernel *kernel;
};

static const struct tt_live *live_of(const struct tt_source *s)
{
	return (const struct tt_live *)s;
}

static int live_poll(struct tt_source *s, uint64_t budget, tt_record_fn fn, void *ctx)
{
	struct tt_kernel *k = live_of(s)->kernel;

	return tt_rings_poll(tt_kernel_rings(k), tt_kernel_horizon(k), budget, fn, ctx);
}

static uint64_t live_watermark(const struct tt_source *s)
{
	return tt_rings_watermark(tt_kernel_rings(live_of(s)->kernel));
}

static void live_wish(struct tt_source *s, const struct tt_conn_id *conn, enum tt_direction dir, uint64_t from, uint32_t bytes)
{
	tt_kernel_wish(live_of(s)->kernel, conn, dir, from, bytes);
}

static void live_forget(struct tt_source *s, const struct tt_conn_id *conn, bool closed)
{
	tt_kernel_forget(live_of(s)->kernel, conn, closed);
}

/*
 * produced and lost are the programs' counts, delivered is the reader's; what was submitted and not delivered is queued.
 * Delivered is read first, produced last, so nothing comes out negative while programs run.
 */
static void live_stats(struct tt_source *s, struct tt_source_stats *ret)
{
	struct tt_ring_stats rings;
	struct tt_kernel_stats kernel;
	struct tt_source_stats stats = {0};

	tt_rings_stats(tt_kernel_rings(live_of(s)->kernel), &rings);
	tt_kernel_stats(live_of(s)->kernel, &kernel);
	stats.produced = kernel.produced;
	stats.produced_bytes = kernel.produced_bytes;
	stats.delivered = rings.delivered;
	stats.delivered_bytes = rings.delivered_bytes;
	uint64_t accounted = rings.delivered + rings.bad;
	for (int i = 0; i < TT_LOSS_MAX; i++) {
		stats.lost[i] = kernel.lost[i];
		stats.lost_bytes[i] = kernel.lost_bytes[i];
		accounted += kernel.lost[i];
	}
	stats.lost[TT_LOSS_BAD_RECORD] += rings.bad;
	stats.queued = stats.produced - accounted;
	*ret = stats;
}

static void live_free(struct tt_source *s)
{
	struct tt_live *live = (struct tt_live *)s;

	tt_kernel_free(live->kernel);
	free(live);
}

static const struct tt_source_ops live_ops = {
	.name = "live",
	.poll = live_poll,
	.watermark = live_watermark,
	.wish = live_wish,
	.forget = live_forget,
	.stats = live_stats,
	.free = live_free,
};

int tt_live_new(struct tt_source **ret, const char *hooks, const struct tt_limits *limits, const struct tt_scope *scope,
		struct tt_kernel_report *report)
{
	struct tt_live *live = calloc(1, sizeof(*live));
	if (!live)
		return -ENOMEM;
	live->source.ops = &live_ops;
	int r = tt_kernel_new(&live->kernel, hooks, limits, scope, report);
	if (r < 0) {
		free(live);
		return r;
	}
	*ret = &live->source;
	return 0;
}

int tt_live_follow(struct tt_source *s, uint32_t tgid)
{
	return tt_kernel_follow(live_of(s)->kernel, tgid);
}

struct tt_kernel *tt_live_kernel(const struct tt_source *s)
{
	return live_of(s)->kernel;
}

void tt_live_stop(struct tt_source *s)
{
	tt_kernel_stop(live_of(s)->kernel);
}

unsigned tt_live_fill(const struct tt_source *s)
{
	return tt_rings_fill(tt_kernel_rings(live_of(s)->kernel));
}

void tt_live_kernel_stats(const struct tt_source *s, struct tt_kernel_stats *ret)
{
	tt_kernel_stats(live_of(s)->kernel, ret);
}

size_t tt_live_program_stats(const struct tt_source *s, struct tt_program_stats *ret, size_t most)
{
	return tt_kernel_program_stats(live_of(s)->kernel, ret, most);
}

uint64_t tt_live_listeners_refused(const struct tt_source *s)
{
	return tt_kernel_listeners_refused(live_of(s)->kernel);
}
