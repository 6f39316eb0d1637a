/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What programs at libraries of HTTP/2 share: which connection an object of the library has, and the record that tells a table
 * of headers as it is at a header block (http2.bpf.c, nghttp2.bpf.c).
 */
#ifndef TT_BPF_HEADER_TABLE_H
#define TT_BPF_HEADER_TABLE_H

#include "session.h"
#include "shared/header_table.h"

/* A header block: of which framer (the library's object of a connection) and stream, and its first frame's part. */
struct tt_block {
	__u64 framer;
	__u32 stream; /* 0: none */
	__u32 fragment;
	__u8 begin[TT_TABLE_BLOCK_BYTES];
};

#define TT_MAP_OF_USED 9 /* BPF_MAP_TYPE_LRU_HASH of the kernel's interface */

TT_INLINE struct tt_plain_key tt_object_key(__u64 address)
{
	return (struct tt_plain_key){.session = address, .tgid = bpf_get_current_pid_tgid() >> 32};
}

/* --- which connection ---------------------------------------------------------------------------------------------------- */

/* Of a framer. */
struct tt_framer {
	struct tt_conn_id conn;
	__u32 blocks[2];       /* by enum tt_direction; since it was first seen */
	struct tt_block wrote; /* whose table is not told yet */
};

/* By its address. Sized at load (by limit kernel_sessions); those not used for long give way. */
struct {
	__uint(type, TT_MAP_OF_USED);
	__uint(max_entries, 1);
	__type(key, struct tt_plain_key);
	__type(value, struct tt_framer);
} tt_framers SEC(".maps");

/* Not on the stack, of which the calls below leave nothing free (before 6.13, when programs got one each). */
static const struct tt_framer tt_framer_new;

/* The framer uses this socket; it may lie where another one was. */
TT_INLINE struct tt_framer *tt_framer_bind(__u64 framer, const struct tt_conn_id *conn)
{
	struct tt_plain_key key = tt_object_key(framer);
	struct tt_framer *known = bpf_map_lookup_elem(&tt_framers, &key);

	if (known && known->conn.sock == conn->sock && known->conn.ino == conn->ino)
		return known;
	if (bpf_map_update_elem(&tt_framers, &key, &tt_framer_new, BPF_ANY))
		tt_failed(TT_PLACE_CONN_UPDATE);
	known = bpf_map_lookup_elem(&tt_framers, &key);
	if (known)
		known->conn = *conn;
	return known;
}

TT_INLINE bool tt_framer_lives(const struct tt_framer *framer)
{
	const struct tt_conn *conn = tt_conn_find(framer->conn.sock);

	return conn && conn->ino == framer->conn.ino;
}

/* --- a table --------------------------------------------------------------------------------------------------------------- */

/* Name, value and whether it is not to be kept. */
#define TT_TABLE_FIELD_BYTES 40

struct tt_table_field {
	__u64 name;
	__u64 name_len;
	__u64 value;
	__u64 value_len;
	__u64 sensitive;
};

static_assert(sizeof(struct tt_table_field) == TT_TABLE_FIELD_BYTES, "layout");

/* The work area: the record, then the fields as the program has them. */
TT_INLINE struct tt_table_record *tt_table_here(struct tt_work *w)
{
	return (struct tt_table_record *)w->data;
}

#define TT_TABLE_FIELDS_AT TT_PART_BYTES

/* An empty one begins. All entries are sent, and the work area has bytes of others. */
TT_INLINE void tt_table_begin(struct tt_work *w)
{
	w->gathered = 0;
	__builtin_memset(tt_table_here(w)->entry, 0, sizeof(tt_table_here(w)->entry));
}

/* Copies a string behind what is there. */
__noinline int tt_table_text(__u64 from, __u64 len)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	__u32 at = w->gathered;
	if (len > TT_TABLE_TEXT_BYTES || at + len > TT_TABLE_TEXT_BYTES)
		return 0;
	TT_BOUND(at, 2 * TT_TABLE_TEXT_BYTES - 1);
	TT_BOUND(len, 2 * TT_TABLE_TEXT_BYTES - 1);
	if (len && bpf_probe_read_user(w->data + sizeof(struct tt_table_record) + at, len, (const void *)from)) {
		tt_failed(TT_PLACE_USER_DATA);
		return 0;
	}
	w->gathered = at + len;
	return 1;
}

/* The same of a number. */
TT_INLINE bool tt_table_number(__u64 number)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return false;
	__u32 at = w->gathered;
	if (at + sizeof(number) > TT_TABLE_TEXT_BYTES)
		return false;
	TT_BOUND(at, 2 * TT_TABLE_TEXT_BYTES - 1);
	__builtin_memcpy(w->data + sizeof(struct tt_table_record) + at, &number, sizeof(number));
	w->gathered = at + sizeof(number);
	return true;
}

/* Copies field `at` of those read; `entry` is its place in the record. */
__noinline int tt_table_entry_take(__u32 at, __u32 entry)
{
	struct tt_work *w = tt_work_here();

	if (!w || at >= TT_TABLE_ENTRIES_MOST || entry >= TT_TABLE_ENTRIES_MOST)
		return 0;
	TT_BOUND(at, TT_TABLE_ENTRIES_MOST - 1);
	TT_BOUND(entry, TT_TABLE_ENTRIES_MOST - 1);
	struct tt_table_field *f = (struct tt_table_field *)(w->data + TT_TABLE_FIELDS_AT) + at;
	struct tt_table_entry *e = &tt_table_here(w)->entry[entry];
	__u32 before = w->gathered;
	if (!tt_table_text(f->name, f->name_len) || !tt_table_text(f->value, f->value_len)) {
		w->gathered = before; /* no half of one */
		return 0;
	}
	e->name_len = f->name_len;
	e->value_len = f->value_len;
	return 1;
}

/* It is told of this block. */
TT_INLINE void tt_table_of(struct tt_work *w, const struct tt_block *block)
{
	struct tt_table_record *r = tt_table_here(w);

	r->stream = block->stream;
	r->fragment = block->fragment;
	__builtin_memcpy(r->block, block->begin, sizeof(r->block));
}

/* What a record says of the whole table, and how many of its entries are in the work area. */
struct tt_table_sizes {
	__u32 size;
	__u32 most;
	__u32 in_all;
	__u32 entries;
};

/* Of the block the work area has. */
TT_INLINE void tt_table_report(struct tt_work *w, const struct tt_conn_id *conn, __u8 direction,
			       const struct tt_table_sizes *sizes)
{
	struct tt_kernel_counters *c = tt_counters_here();
	struct tt_table_record *r = tt_table_here(w);

	if (!c)
		return;
	r->entries = sizes->entries;
	tt_record_here(&r->rec, TT_REC_HEADER_TABLE);
	r->conn = *conn;
	r->size = sizes->size;
	r->most = sizes->most;
	r->in_all = sizes->in_all;
	r->direction = direction;
	r->after = direction == TT_TX;
	__builtin_memset(r->reserved, 0, sizeof(r->reserved));
	__u64 size = w->gathered;
	TT_BOUND(size, 2 * TT_TABLE_TEXT_BYTES - 1);
	size += sizeof(*r);
	r->rec.len = size;
	r->rec.time_ns = tt_data_begin(c);
	tt_data_submit(c, r, size, 0);
	tt_data_end(c);
}

/* It was seen from its first byte, so nothing is lacking. (With plaintext of TLS, that is what counts.) */
TT_INLINE bool tt_framer_from_start(const struct tt_conn_id *id)
{
	const struct tt_conn *conn = tt_conn_find(id->sock);

	if (!conn || conn->ino != id->ino || !conn->seen_open)
		return false;
	return conn->plain_begins || (!conn->plain_next[TT_TX] && !conn->plain_next[TT_RX]);
}

/* At the first block, and then more and more seldom: a record may be lost, and what it says may not fit. */
#define TT_FRAMER_BLOCKS_MOST 64

TT_INLINE bool tt_framer_due(struct tt_framer *framer, __u8 direction)
{
	__u32 n = framer->blocks[direction & 1] + 1;

	if (n > TT_FRAMER_BLOCKS_MOST)
		return false;
	framer->blocks[direction & 1] = n;
	return !(n & (n - 1)) && !tt_framer_from_start(&framer->conn);
}

#endif
