/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is counted, and where: by file and process, inside the agent by process, by latency and size. */
#ifndef TT_IO_ROWS_BPF_H
#define TT_IO_ROWS_BPF_H

#include "tools/io/file.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_io_key);
	__type(value, struct tt_io_value);
} tt_io_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_io_figure_key);
	__type(value, struct tt_io_figure);
} tt_io_figures SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tt_io_histogram_key);
	__type(value, struct tt_io_histogram);
} tt_io_histograms SEC(".maps");

/* Which of the two sets of rows is counted in: written by the user side. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} tt_io_set SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_io_counts);
} tt_io_counts SEC(".maps");

TT_INLINE struct tt_io_counts *tt_counts_here(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&tt_io_counts, &cpu);
}

#define TT_COUNT(member)                                           \
	do {                                                       \
		struct tt_io_counts *_counts = tt_counts_here();   \
		if (_counts)                                       \
			__sync_fetch_and_add(&_counts->member, 1); \
	} while (0)

TT_INLINE __u32 tt_set_now(void)
{
	__u32 zero = 0;
	const __u32 *set = bpf_map_lookup_elem(&tt_io_set, &zero);

	return set ? *set & 1 : 0;
}

TT_INLINE struct tt_io_value *tt_row_of(const struct tt_io_bio *b, __u32 set)
{
	static const struct tt_io_value none = {};
	struct tt_io_key key = {
		.file = b->file, .start_ns = b->who.start_ns, .tgid = b->who.tgid, .disk = b->disk, .op = b->op, .set = set};
	struct tt_io_value *v = bpf_map_lookup_elem(&tt_io_rows, &key);

	if (v)
		return v;
	bpf_map_update_elem(&tt_io_rows, &key, &none, BPF_NOEXIST);
	v = bpf_map_lookup_elem(&tt_io_rows, &key);
	if (v) {
		v->cgroup_id = b->who.cgroup_id;
		__builtin_memcpy(v->comm, b->who.comm, sizeof(v->comm));
	}
	return v;
}

TT_INLINE struct tt_io_figure *tt_figure_of(const struct tt_io_bio *b, __u32 set)
{
	static const struct tt_io_figure none = {};
	struct tt_io_figure_key key = {
		.start_ns = b->who.start_ns, .tgid = b->who.tgid, .disk = b->disk, .op = b->op, .set = set};
	struct tt_io_figure *f = bpf_map_lookup_elem(&tt_io_figures, &key);

	if (f)
		return f;
	bpf_map_update_elem(&tt_io_figures, &key, &none, BPF_NOEXIST);
	f = bpf_map_lookup_elem(&tt_io_figures, &key);
	if (f) {
		f->cgroup_id = b->who.cgroup_id;
		__builtin_memcpy(f->comm, b->who.comm, sizeof(f->comm));
	}
	return f;
}

/* True: it is counted, or cannot be. */
TT_INLINE bool tt_figure_add(const struct tt_io_bio *b, __u32 set, __u64 ns, __s32 error)
{
	struct tt_io_figure *f = tt_tool_config.figures ? tt_figure_of(b, set) : NULL;
	__u32 time = tt_tool_time(ns);

	if (!f) {
		if (tt_tool_config.figures)
			TT_COUNT(no_row);
		return tt_tool_config.figures;
	}
	TT_BOUND(time, 31);
	if (time < TT_TOOL_TIMES)
		__sync_fetch_and_add(&f->times[time], 1);
	__sync_fetch_and_add(&f->requests, 1);
	__sync_fetch_and_add(&f->ns, ns);
	if (error)
		__sync_fetch_and_add(&f->errors, 1);
	return true;
}

TT_INLINE void tt_bytes_add(const struct tt_io_bio *b, __u32 set, __u64 bytes)
{
	if (!bytes || tt_tool_config.slow_ns)
		return;
	if (tt_tool_config.figures) {
		struct tt_io_figure *f = tt_figure_of(b, set);
		if (f)
			__sync_fetch_and_add(&f->bytes, bytes);
		return;
	}
	struct tt_io_value *v = tt_row_of(b, set);
	if (v)
		__sync_fetch_and_add(&v->bytes, bytes);
}

/* Of its own, so that the verifier follows the ways through it once. */
__noinline int tt_bucket(__u64 units)
{
	__u32 bucket = 0;

	/* Position of the highest bit, by halves. */
	for (__u32 step = 16; step; step /= 2) {
		if (units >> step) {
			units >>= step;
			bucket += step;
		}
	}
	return units ? bucket + 1 : 0;
}

TT_INLINE void tt_histogram_add(const struct tt_io_bio *b, enum tt_io_histogram_kind kind, __u32 set, __u64 units)
{
	struct tt_io_histogram_key key = {.disk = b->disk, .op = b->op, .set = set, .kind = kind};
	struct tt_io_histogram *h = bpf_map_lookup_elem(&tt_io_histograms, &key);
	__u32 bucket = tt_bucket(units);

	if (!h) {
		static const struct tt_io_histogram none = {};
		bpf_map_update_elem(&tt_io_histograms, &key, &none, BPF_NOEXIST);
		h = bpf_map_lookup_elem(&tt_io_histograms, &key);
	}
	if (bucket >= TT_IO_BUCKETS)
		bucket = TT_IO_BUCKETS - 1;
	TT_BOUND(bucket, TT_IO_BUCKETS - 1);
	if (h)
		__sync_fetch_and_add(&h->count[bucket], 1);
	else
		TT_COUNT(no_histogram);
}

#endif
