// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who moves which file's bytes on which disk. A bio is told apart when it is queued: there the submitter runs, or the page says
 * which file it is of and who dirtied it. Requests are counted when the disk has done them, which is when the disk counts them.
 */
#include "tools/io/rows.bpf.h"

#define TT_OP_MASK 0xff
#define TT_OP_PASSTHROUGH 34 /* REQ_OP_DRV_IN and what is above: no disk counts it */
#define TT_OP_PREFLUSH_BIT 18
#define TT_TASK_KTHREAD 0x00200000
/* Bios of one request that are looked at when it begins, and when it ends: as many as segments a request may have. */
#define TT_IO_BIOS_FIRST 16
#define TT_IO_BIOS_MOST 256

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct tt_io_bio);
} tt_io_bios SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct tt_io_request);
} tt_io_requests SEC(".maps");

struct {
	__uint(type, TT_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_io_dirty_key);
	__type(value, struct tt_io_who);
} tt_io_dirty SEC(".maps");

/* Some place is somebody's: until then what others write need not be looked up. */
__u32 tt_io_dirty_some = 0;

/* --- who --- */

TT_INLINE void tt_who_here(struct tt_io_who *who)
{
	struct task_struct *leader = TT_READ(struct task_struct, tt_task_here(), group_leader);

	who->start_ns = tt_task_start_here();
	who->cgroup_id = bpf_get_current_cgroup_id();
	who->tgid = bpf_get_current_pid_tgid() >> 32;
	if (bpf_core_read_str(who->comm, sizeof(who->comm), &leader->comm) < 0)
		tt_failed(TT_PLACE_KERNEL_READ);
}

TT_INLINE void tt_dirty_key(struct tt_io_dirty_key *key, const struct tt_io_file *file, __u64 index)
{
	key->file = *file;
	key->place = index / TT_IO_DIRTY_PAGES;
}

/* A page has something to be written from now on. A place that somebody else writes to, whom nobody observes, is nobody's. */
TT_INLINE int tt_dirtied(__u64 folio, __u64 mapping)
{
	struct tt_io_dirty_key key = {};
	struct tt_io_who who = {};
	bool in = tt_tool_in_scope();

	if (!mapping || (!in && !tt_io_dirty_some))
		return 0;
	__u64 inode = TT_ADDRESS(struct address_space___io, mapping, host);
	if (!inode)
		return 0;
	tt_file_of(&key.file, inode);
	key.place = tt_folio_index(folio) / TT_IO_DIRTY_PAGES;
	const struct tt_io_who *before = bpf_map_lookup_elem(&tt_io_dirty, &key);
	if (!in) {
		if (before)
			bpf_map_delete_elem(&tt_io_dirty, &key);
		return 0;
	}
	if (before && before->tgid == bpf_get_current_pid_tgid() >> 32 && before->start_ns == tt_task_start_here())
		return 0;
	tt_who_here(&who);
	bpf_map_update_elem(&tt_io_dirty, &key, &who, BPF_ANY);
	tt_io_dirty_some = 1;
	return 0;
}

SEC("tt_tracepoint/writeback_dirty_folio")
int TT_PROG(tt_io_dirty_folio, void *folio, void *mapping)
{
	return tt_dirtied((__u64)folio, (__u64)mapping);
}

/* Its name before 5.18. */
SEC("tt_tracepoint/writeback_dirty_page")
int TT_PROG(tt_io_dirty_page, void *page, void *mapping)
{
	/* As a number: nothing is reckoned with what the verifier knows for a pointer. */
	return tt_dirtied(tt_page_head(tt_first_argument(ctx)), (__u64)mapping);
}

/* The first argument, or what is behind it. The offset stands in the instruction: an older verifier takes no other. */
TT_INLINE __u64 tt_behind(const unsigned long long *ctx, bool second)
{
	__u64 value;

	if (!second)
		return tt_first_argument(ctx);
	asm volatile("%0 = *(u64 *)(%1 + 8)" : "=r"(value) : "r"(ctx));
	return value;
}

/* --- bios --- */

TT_INLINE __u64 tt_bio_disk(__u64 bio)
{
	if (bpf_core_field_exists(((struct bio___io *)0)->bi_bdev)) {
		__u64 bdev = TT_ADDRESS(struct bio___io, bio, bi_bdev);
		return bdev ? TT_ADDRESS(struct block_device___io, bdev, bd_disk) : 0;
	}
	return TT_ADDRESS(struct bio___disk, bio, bi_disk);
}

TT_INLINE enum tt_io_op tt_bio_op(__u64 bio, __u32 size)
{
	__u32 flags = TT_READ(struct bio___io, bio, bi_opf);
	__u32 op = flags & TT_OP_MASK;

	if (op >= TT_OP_PASSTHROUGH)
		return TT_IO_OP_MAX;
	if (op == 2 || (!size && flags & 1u << TT_OP_PREFLUSH_BIT))
		return TT_IO_FLUSH;
	if (op == 3)
		return TT_IO_DISCARD;
	return op & 1 ? TT_IO_WRITE : TT_IO_READ;
}

/* Fills in whose it is; false: nobody's who is observed. */
TT_INLINE bool tt_bio_who(struct tt_io_bio *b, const struct tt_io_found *found, bool user)
{
	if (found->cached && b->op == TT_IO_WRITE) {
		struct tt_io_dirty_key key = {};
		tt_dirty_key(&key, &b->file, found->index);
		const struct tt_io_who *dirtier = bpf_map_lookup_elem(&tt_io_dirty, &key);
		if (dirtier) {
			b->who = *dirtier;
			return true;
		}
	}
	if (!tt_tool_in_scope())
		return false;
	if (!user && found->cached && b->op == TT_IO_WRITE)
		TT_COUNT(no_dirtier);
	tt_who_here(&b->who);
	return true;
}

/* How it comes behind the one of its row before it. Of its own, so that the verifier proves it once, not for each kind of bio. */
__noinline int tt_bio_order(__u64 bio)
{
	struct tt_io_bio *b = bpf_map_lookup_elem(&tt_io_bios, &bio);
	struct tt_io_value *v = b && b->bytes ? tt_row_of(b, tt_set_now()) : NULL;

	if (!v)
		return 0;
	if (v->end_sector)
		b->order = v->end_sector == b->sector ? TT_IO_ORDER_NEXT : TT_IO_ORDER_ELSEWHERE;
	v->end_sector = b->sector + b->bytes / TT_IO_SECTOR;
	return 0;
}

SEC("tt_tracepoint/block_bio_queue")
int TT_PROG(tt_io_bio_queued)
{
	__u64 bio = tt_behind(ctx, tt_tool_config.bio_queue);
	struct tt_io_bio b = {};
	bool user = !(TT_READ_HERE(flags) & TT_TASK_KTHREAD);
	__u64 gendisk = tt_bio_disk(bio);

	b.bytes = TT_READ(struct bio___io, bio, bi_iter.bi_size);
	b.op = tt_bio_op(bio, b.bytes);
	if (!gendisk || b.op >= TT_IO_OP_MAX)
		return 0;
	b.disk = TT_READ(struct gendisk___io, gendisk, major) << 20 | TT_READ(struct gendisk___io, gendisk, first_minor);
	if (tt_tool_config.disk && b.disk != tt_tool_config.disk)
		return 0;

	struct tt_io_found found = tt_bio_file(bio, user, b.op);
	if (found.inode)
		tt_file_of(&b.file, found.inode);
	if (!tt_bio_who(&b, &found, user))
		return 0;
	if (b.file.kind == TT_IO_FILE && !tt_tool_config.figures)
		tt_file_name(&b.file, found.inode);
	b.queued_ns = bpf_ktime_get_ns();
	b.left = b.bytes;
	__u64 queue = TT_ADDRESS(struct gendisk___io, gendisk, queue);
	b.alone = !queue || !TT_ADDRESS(struct request_queue___io, queue, mq_ops);
	b.sector = TT_READ(struct bio___io, bio, bi_iter.bi_sector);
	TT_COUNT(seen);
	if (bpf_map_lookup_elem(&tt_io_bios, &bio))
		TT_COUNT(no_end);
	if (bpf_map_update_elem(&tt_io_bios, &bio, &b, BPF_ANY))
		TT_COUNT(no_bio);
	else if (!tt_tool_config.figures && !tt_tool_config.slow_ns)
		tt_bio_order(tt_read_word(&bio)); /* as a number: 5.10 takes no pointer there */
	return 0;
}

/* What was split off another bio counts as that one. *bio becomes the one that is known. */
TT_INLINE struct tt_io_bio *tt_bio_known(__u64 *bio)
{
	struct tt_io_bio *b = bpf_map_lookup_elem(&tt_io_bios, bio);

	if (b)
		return b;
	if (!tt_tool_config.chain_end || TT_ADDRESS(struct bio___io, *bio, bi_end_io) != tt_tool_config.chain_end)
		return NULL;
	*bio = TT_ADDRESS(struct bio___io, *bio, bi_private);
	return *bio ? bpf_map_lookup_elem(&tt_io_bios, bio) : NULL;
}

/* --- requests --- */

/* What does not begin where its bio does was split off it: the part before it was asked for just before. */
TT_INLINE enum tt_io_order tt_request_order(const struct tt_io_bio *b, __u64 sector)
{
	return sector > b->sector && sector - b->sector < b->bytes / TT_IO_SECTOR ? TT_IO_ORDER_NEXT : b->order;
}

TT_INLINE int tt_request_at(__u64 request, bool issued)
{
	__u64 bio = TT_ADDRESS(struct request___io, request, bio);
	struct tt_io_request r = {};
	struct tt_io_bio *b = NULL;

	for (int i = 0; i < TT_IO_BIOS_FIRST && bio && !b; i++) {
		__u64 key = bio;
		b = tt_bio_known(&key);
		bio = TT_ADDRESS(struct bio___io, bio, bi_next);
	}
	if (!b)
		return 0;
	__u64 now = bpf_ktime_get_ns();
	if (issued)
		b->issued_ns = now;
	else
		b->inserted_ns = now;
	struct tt_io_request *known = bpf_map_lookup_elem(&tt_io_requests, &request);
	if (!issued) {
		r.inserted_ns = now;
	} else {
		r.inserted_ns = known ? known->inserted_ns : 0;
		r.issued_ns = now;
		r.order = tt_request_order(b, TT_READ(struct request___io, request, __sector));
		r.bytes = TT_READ(struct request___io, request, __data_len);
	}
	if (bpf_map_update_elem(&tt_io_requests, &request, &r, BPF_ANY))
		TT_COUNT(no_request);
	return 0;
}

SEC("tt_tracepoint/block_rq_insert")
int TT_PROG(tt_io_inserted)
{
	return tt_request_at(tt_behind(ctx, tt_tool_config.request_queue), false);
}

SEC("tt_tracepoint/block_rq_issue")
int TT_PROG(tt_io_issued)
{
	return tt_request_at(tt_behind(ctx, tt_tool_config.request_queue), true);
}

/* --- what came of it --- */

TT_INLINE void tt_slow_send(const struct tt_io_bio *b, const struct tt_io_request *r, __u64 bytes, __s32 error)
{
	struct tt_io_slow s = {
		.rec = {.type = TT_IO_SLOW,
			.version = TT_RECORD_VERSION,
			.tgid = b->who.tgid,
			.start_ns = b->who.start_ns,
			.cgroup_id = b->who.cgroup_id},
		.file = b->file,
		.queued_ns = b->queued_ns,
		.inserted_ns = r ? r->inserted_ns : 0,
		.issued_ns = r ? r->issued_ns : 0,
		.sector = b->sector,
		.bytes = bytes,
		.disk = b->disk,
		.op = b->op,
		.error = error,
	};

	__builtin_memcpy(s.comm, b->who.comm, sizeof(s.comm));
	tt_control_submit(&s.rec, sizeof(s));
}

/* The request as a whole, which is its first bio's. */
TT_INLINE void tt_request_done(const struct tt_io_bio *b, const struct tt_io_request *r, __u32 set, __u64 bytes, __s32 error)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 ns = now > b->queued_ns ? now - b->queued_ns : 0;
	/* A flush is not issued itself: another one is, for all that wait. */
	bool issued = r && r->issued_ns >= b->queued_ns && now > r->issued_ns; /* and not the one there before */
	__u64 device_ns = b->op == TT_IO_FLUSH ? ns : 0;
	__u32 order = b->alone ? b->order : TT_IO_ORDER_UNKNOWN;

	if (issued) {
		device_ns = now - r->issued_ns;
		order = r->order;
		bytes = r->bytes; /* of one that was done in parts, the whole */
	}

	TT_COUNT(completed);
	if (tt_tool_config.slow_ns) {
		if (ns >= tt_tool_config.slow_ns)
			tt_slow_send(b, r, bytes, error);
		return;
	}
	if (tt_figure_add(b, set, ns, error))
		return;
	struct tt_io_value *v = tt_row_of(b, set);
	if (!v) {
		TT_COUNT(no_row);
		return;
	}
	__sync_fetch_and_add(&v->requests, 1);
	__sync_fetch_and_add(&v->wait_ns, ns > device_ns ? ns - device_ns : 0);
	__sync_fetch_and_add(&v->device_ns, device_ns);
	if (error)
		__sync_fetch_and_add(&v->errors, 1);
	/* Two that end at the same moment on two processors may leave the smaller one. */
	if (ns > v->most_ns)
		v->most_ns = ns;
	if (order < TT_IO_ORDER_MAX)
		__sync_fetch_and_add(&v->order[order], 1);
	if (tt_tool_config.latency)
		tt_histogram_add(b, TT_IO_HISTOGRAM_LATENCY, set, ns / TT_IO_LATENCY_UNIT);
	if (tt_tool_config.sizes && bytes)
		tt_histogram_add(b, TT_IO_HISTOGRAM_SIZE, set, bytes / TT_IO_SECTOR);
}

/*
 * One bio is done, or as much of it as `left` says; returns how much. This and the next are functions of their own: so the
 * verifier proves them once, and not for each bio a request may have.
 */
__noinline int tt_bio_ended(__u64 bio, __u64 left, __u32 set)
{
	__u64 bytes = TT_READ(struct bio___io, bio, bi_iter.bi_size);
	__u64 key = bio;
	struct tt_io_bio *b = tt_bio_known(&key);

	if (bytes > left)
		bytes = left;
	if (!b)
		return bytes;
	tt_bytes_add(b, set, bytes);
	__sync_fetch_and_add(&b->left, -bytes);
	if (b->left <= 0)
		bpf_map_delete_elem(&tt_io_bios, &key);
	return bytes;
}

/* All of a request is done; 1: `bio` is known, so it counts as that one's. `request` is 0 where there is none. */
__noinline int tt_request_ended(__u64 request, __u64 bio, __u64 bytes, __u32 error, __u32 set)
{
	const struct tt_io_bio *b = tt_bio_known(&bio);

	if (!b)
		return 0;
	tt_request_done(b, bpf_map_lookup_elem(&tt_io_requests, &request), set, bytes, error);
	if (request)
		bpf_map_delete_elem(&tt_io_requests, &request);
	return 1;
}

SEC("tt_tracepoint/block_rq_complete")
int TT_PROG(tt_io_completed, void *rq, __u32 error, __u32 nr_bytes)
{
	__u64 request = tt_first_argument(ctx), left = nr_bytes;
	__u32 set = tt_set_now();
	__u64 bio = TT_ADDRESS(struct request___io, request, bio);
	__u64 first = bio;

	/* Part of one comes again. */
	bool whole = nr_bytes >= TT_READ(struct request___io, request, __data_len);
	for (int i = 0; whole && i < TT_IO_BIOS_FIRST && first; i++) {
		if (tt_request_ended(request, first, nr_bytes, error, set))
			break;
		first = TT_ADDRESS(struct bio___io, first, bi_next);
	}
	for (int i = 0; i < TT_IO_BIOS_MOST && bio; i++) {
		left -= (__u32)tt_bio_ended(bio, left, set);
		if (!left)
			break;
		bio = TT_ADDRESS(struct bio___io, bio, bi_next);
	}
	return 0;
}

/* Only of bios that are in no request: those were told above. */
SEC("tt_tracepoint/block_bio_complete")
int TT_PROG(tt_io_bio_done, void *queue, void *done)
{
	__u64 bio = (__u64)done;
	const struct tt_io_bio *b = bpf_map_lookup_elem(&tt_io_bios, &bio);

	if (!b)
		return 0;
	if (b->alone) {
		__u32 set = tt_set_now();
		tt_bytes_add(b, set, b->bytes);
		tt_request_done(b, NULL, set, b->bytes, TT_READ(struct bio___io, bio, bi_status));
	}
	bpf_map_delete_elem(&tt_io_bios, &bio);
	return 0;
}
