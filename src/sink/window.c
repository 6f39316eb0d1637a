// SPDX-License-Identifier: Apache-2.0
#include "sink/window.h"

static struct tt_window_slot *tt_window_slot(struct tt_window *w, uint64_t now_ns)
{
	uint64_t epoch = now_ns / TT_WINDOW_SLOT_NS;
	struct tt_window_slot *slot = &w->slots[epoch % TT_WINDOW_SLOTS];
	if (slot->epoch != epoch) {
		tt_durations_free(&slot->durations);
		*slot = (struct tt_window_slot){.epoch = epoch};
	}
	w->last_ns = now_ns;
	return slot;
}

void tt_window_add(struct tt_window *w, uint64_t now_ns, enum tt_result result, bool timed, uint64_t ns)
{
	struct tt_window_slot *slot = tt_window_slot(w, now_ns);
	bool failed = result == TT_RESULT_FAILED, unknown = result == TT_RESULT_UNKNOWN;
	w->count++;
	w->failed += failed;
	w->unknown += unknown;
	slot->count++;
	slot->failed += failed;
	slot->unknown += unknown;
	if (timed)
		tt_durations_add(&slot->durations, ns);
}

void tt_window_time(struct tt_window *w, uint64_t now_ns, uint64_t ns)
{
	tt_durations_add(&tt_window_slot(w, now_ns)->durations, ns);
}

void tt_window_bytes(struct tt_window *w, uint64_t now_ns, uint64_t bytes)
{
	tt_window_slot(w, now_ns)->bytes += bytes;
}

void tt_window_refused(struct tt_window *w, uint64_t now_ns, uint64_t connects)
{
	tt_window_slot(w, now_ns)->refused += (uint32_t)connects;
}

bool tt_window_idle(const struct tt_window *w, uint64_t now_ns, uint64_t idle_ns)
{
	return w->last_ns && now_ns > w->last_ns && now_ns - w->last_ns > idle_ns;
}

void tt_window_free(struct tt_window *w)
{
	for (size_t i = 0; w && i < TT_WINDOW_SLOTS; i++)
		tt_durations_free(&w->slots[i].durations);
	if (w)
		*w = (struct tt_window){0};
}

void tt_figures_add(struct tt_figures *f, const struct tt_window *w, uint64_t now_ns)
{
	uint64_t epoch = now_ns / TT_WINDOW_SLOT_NS;

	f->count += w->count;
	f->failed += w->failed;
	f->unknown += w->unknown;
	if (w->last_ns > f->last_ns)
		f->last_ns = w->last_ns;
	for (size_t i = 0; i < TT_WINDOW_SLOTS; i++) {
		const struct tt_window_slot *slot = &w->slots[i];
		if (slot->epoch > epoch || epoch - slot->epoch >= TT_WINDOW_SLOTS)
			continue;
		f->lately += slot->count;
		f->failed_lately += slot->failed;
		f->unknown_lately += slot->unknown;
		f->bytes_lately += slot->bytes;
		f->refused_lately += slot->refused;
		tt_durations_merge(&f->durations, &slot->durations);
	}
}

void tt_figures_free(struct tt_figures *f)
{
	if (!f)
		return;
	tt_durations_free(&f->durations);
	*f = (struct tt_figures){0};
}

uint64_t tt_window_length(uint64_t start_ns, uint64_t now_ns)
{
	uint64_t epoch = now_ns / TT_WINDOW_SLOT_NS;
	uint64_t from = epoch < TT_WINDOW_SLOTS ? 0 : (epoch - TT_WINDOW_SLOTS + 1) * TT_WINDOW_SLOT_NS;
	if (from < start_ns)
		from = start_ns;
	uint64_t length = now_ns > from ? now_ns - from : 0;
	return length > 1000000000 ? length : 1000000000;
}

void tt_figures_json(struct tt_json *j, const struct tt_figures *f, uint64_t window_ns)
{
	static const struct {
		const char *key;
		double q;
	} quantiles[] = {{"p50_ns", 0.5}, {"p95_ns", 0.95}, {"p99_ns", 0.99}};
	double seconds = (double)window_ns / 1e9;

	tt_json_key_u64(j, "count", f->count);
	tt_json_key_u64(j, "failed", f->failed);
	tt_json_key_u64(j, "unknown", f->unknown);
	tt_json_key_double(j, "rate", (double)f->lately / seconds);
	tt_json_key_double(j, "error_rate", (double)f->failed_lately / seconds);
	tt_json_key_double(j, "unknown_rate", (double)f->unknown_lately / seconds);
	for (size_t i = 0; i < TT_ARRAY_LEN(quantiles); i++) {
		uint64_t ns = 0;
		bool known = tt_durations_quantile(&f->durations, quantiles[i].q, &ns);
		tt_json_key_u64_or_null(j, quantiles[i].key, known, ns);
	}
}
