// SPDX-License-Identifier: Apache-2.0
#include "kernel/stats.h"

#include <bpf/bpf.h>
#include <string.h>

#include "kernel/internal.h"

const char *const tt_place_names[TT_PLACE_MAX] = {
#define TT_PLACE_NAME(id, meaning) [TT_PLACE_##id] = #id,
	TT_PLACES(TT_PLACE_NAME)
#undef TT_PLACE_NAME
};

const char *const tt_place_meanings[TT_PLACE_MAX] = {
#define TT_PLACE_MEANING(id, meaning) [TT_PLACE_##id] = meaning,
	TT_PLACES(TT_PLACE_MEANING)
#undef TT_PLACE_MEANING
};

static uint64_t load(const __u64 *v)
{
	return __atomic_load_n(v, __ATOMIC_ACQUIRE);
}

/* Lost before produced: the programs count in the other order, so the difference is never negative. */
static void counts_add(struct tt_kernel_stats *s, const struct tt_counts *c)
{
	for (int i = 0; i < TT_LOSS_MAX; i++) {
		s->lost[i] += load(&c->lost[i]);
		s->lost_bytes[i] += load(&c->lost_bytes[i]);
	}
	s->produced += load(&c->produced);
	s->produced_bytes += load(&c->produced_bytes);
}

void tt_kernel_stats(const struct tt_kernel *k, struct tt_kernel_stats *ret)
{
	struct tt_program_stats programs[TT_LINKS_MOST];
	struct tt_kernel_stats s = {.wishes_displaced = k->wishes ? k->wishes->displaced : 0};

	for (unsigned cpu = 0; cpu < k->cpus; cpu++) {
		counts_add(&s, &k->counters[cpu].data);
		counts_add(&s, &k->counters[cpu].control);
		for (int i = 0; i < TT_PLACE_MAX; i++)
			s.failed[i] += load(&k->counters[cpu].failed[i]);
	}
	/* A skipped run is an event that may have been one to report: counted as one, so that the sums stay true. */
	size_t count = tt_kernel_program_stats(k, programs, TT_LINKS_MOST);
	for (size_t i = 0; i < count; i++) {
		s.lost[TT_LOSS_MISSED_RUN] += programs[i].missed;
		s.produced += programs[i].missed;
	}
	*ret = s;
}

size_t tt_kernel_program_counts(const struct tt_kernel *k, struct tt_program_counts *ret, size_t most)
{
	size_t n = 0;

	for (size_t i = 0; i < k->link_count && n < most; i++) {
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(k->programs[i]), &info, &len) < 0)
			continue;
		ret[n++] = (struct tt_program_counts){
			.index = i,
			.runs = info.run_cnt,
			.ns = info.run_time_ns,
			.missed = info.recursion_misses,
			.verified = info.verified_insns,
		};
	}
	return n;
}

size_t tt_kernel_program_stats(const struct tt_kernel *k, struct tt_program_stats *ret, size_t most)
{
	struct tt_program_counts counts[TT_LINKS_MOST];
	size_t n = 0;

	size_t found = k->remote ? k->remote->programs(k->remote_ctx, counts, TT_LINKS_MOST)
				 : tt_kernel_program_counts(k, counts, TT_LINKS_MOST);
	for (size_t i = 0; i < found && n < most; i++) {
		const struct tt_program_counts *c = &counts[i];

		if (c->index < k->link_count)
			ret[n++] = (struct tt_program_stats){.name = bpf_program__name(k->programs[c->index]),
							     .runs = c->runs,
							     .ns = c->ns,
							     .verified = c->verified,
							     .missed = c->missed};
	}
	return n;
}

uint64_t tt_kernel_listeners_refused(const struct tt_kernel *k)
{
	return k->listeners_refused;
}
