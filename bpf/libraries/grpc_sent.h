/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What gRPC's C core sends: of its table it keeps the entries' sizes, and beside it the numbers of those it would use again, with
 * their texts, or at a place that says what they are (grpc.bpf.c).
 */
#ifndef TT_BPF_GRPC_SENT_H
#define TT_BPF_GRPC_SENT_H

#include "grpc_fields.h"

/* HPackCompressor, and its HPackEncoderTable. */
#define TT_GRPC_ENCODER_AT 8
#define TT_GRPC_NUMBERS_AT 0x120
#define TT_GRPC_USER_AGENT_AT 0x188
#define TT_GRPC_PATHS_AT 0x1a8
#define TT_GRPC_AUTHORITIES_AT 0x1c0
#define TT_GRPC_TIMEOUTS_AT 0x1d8

struct tt_grpc_encoder {
	__u32 before; /* the number of the oldest entry, less one; the newest has before + count */
	__u32 most;
	__u32 count;
	__u32 size;
	__u64 places; /* of sizes, twice; 1 more: they are elsewhere */
	__u64 sizes;  /* … there, else from here on, 16 bits each */
};

/* Numbers of the entries that were used last, from TT_GRPC_NUMBERS_AT on. */
enum tt_grpc_number {
	TT_GRPC_TE,
	TT_GRPC_CONTENT_TYPE,
	TT_GRPC_USER_AGENT,
	TT_GRPC_STATUS,
	TT_GRPC_ENCODING = TT_GRPC_STATUS + 16,
	TT_GRPC_ACCEPT_ENCODING = TT_GRPC_ENCODING + 3,
	TT_GRPC_ACCEPTED, /* no number */
	TT_GRPC_TAGS,
	TT_GRPC_TRACE,
	TT_GRPC_NUMBERS,
};

/* Behind the fields. */
#define TT_GRPC_SENT_AT (TT_TABLE_FIELDS_AT + TT_TABLE_ENTRIES_MOST * TT_TABLE_FIELD_BYTES)

struct tt_grpc_sent {
	struct tt_grpc_encoder encoder;
	__u32 number[TT_GRPC_NUMBERS];
};

TT_INLINE struct tt_grpc_sent *tt_grpc_sent_here(struct tt_work *w)
{
	return (struct tt_grpc_sent *)(w->data + TT_GRPC_SENT_AT);
}

/* An entry of which so far its size is known only. */
__noinline int tt_grpc_sized(__u64 sizes, __u32 places, __u32 i)
{
	struct tt_work *w = tt_work_here();
	__u16 size = 0;

	if (!w || !places)
		return 0;
	const struct tt_grpc_encoder *t = &tt_grpc_sent_here(w)->encoder;
	__u32 place = (t->before + t->count - i) % places;
	struct tt_table_field *f = tt_grpc_field(w, i);
	if (!tt_grpc_read(&size, sizeof(size), sizes + place * sizeof(size)) || size < TT_GRPC_ENTRY_SIZE ||
	    size - TT_GRPC_ENTRY_SIZE > TT_TABLE_LENGTH)
		return 0;
	f->name_len = TT_TABLE_UNKNOWN;
	f->value_len = (size - TT_GRPC_ENTRY_SIZE) | TT_TABLE_UNKNOWN;
	return 1;
}

/* The entry of that number in the table, whose name is known: its field, and *rest: how long its value is. NULL: it is not there.
 */
TT_INLINE struct tt_table_field *tt_grpc_named(struct tt_work *w, __u32 number, __u32 name, __u32 name_len, __u32 *rest)
{
	const struct tt_grpc_encoder *t = &tt_grpc_sent_here(w)->encoder;
	__u32 i = t->before + t->count - number;

	if (number <= t->before || i >= t->count || i >= TT_TABLE_ENTRIES_MOST)
		return NULL;
	struct tt_table_field *f = tt_grpc_field(w, i);
	__u32 whole = f->value_len & TT_TABLE_LENGTH;
	if (!(f->name_len & TT_TABLE_UNKNOWN) || whole < name_len)
		return NULL;
	f->name_len = TT_TABLE_CODED | name;
	*rest = whole - name_len;
	f->value_len = *rest | TT_TABLE_UNKNOWN;
	return f;
}

/* … and whose value the library has as a number, or not at all. */
__noinline int tt_grpc_numbered(__u32 number, __u32 name, __u32 name_len, __u32 value, __u32 is_number)
{
	struct tt_work *w = tt_work_here();
	__u32 rest = 0;
	struct tt_table_field *f = w ? tt_grpc_named(w, number, name, name_len, &rest) : NULL;

	if (f && is_number) {
		f->value = value;
		f->value_len = rest | TT_TABLE_NUMBER;
	}
	return 0;
}

/* … and whose value is the slice there. */
__noinline int tt_grpc_texted(__u32 number, __u32 name, __u32 name_len, __u64 slice)
{
	struct tt_work *w = tt_work_here();
	struct tt_grpc_text text = {};
	__u32 rest = 0;
	struct tt_table_field *f = w ? tt_grpc_named(w, number, name, name_len, &rest) : NULL;

	if (f && tt_grpc_slice(slice, &text) && text.len == rest) {
		f->value = text.at;
		f->value_len = rest;
	}
	return 0;
}

#define TT_NAMED(id) TT_TABLE_NAME_##id, sizeof(TT_TABLE_TEXT_##id) - 1

__noinline int tt_grpc_numbers(void)
{
	struct tt_work *w = tt_work_here();

	if (!w)
		return 0;
	const __u32 *number = tt_grpc_sent_here(w)->number;
	tt_grpc_numbered(number[TT_GRPC_TE], TT_NAMED(TE), 0, 1);
	tt_grpc_numbered(number[TT_GRPC_CONTENT_TYPE], TT_NAMED(CONTENT_TYPE), 0, 1);
	for (__u32 i = 0; i < 16; i++)
		tt_grpc_numbered(number[TT_GRPC_STATUS + i], TT_NAMED(GRPC_STATUS), i, 1);
	for (__u32 i = 0; i < 3; i++)
		tt_grpc_numbered(number[TT_GRPC_ENCODING + i], TT_NAMED(GRPC_ENCODING), i, 1);
	tt_grpc_numbered(number[TT_GRPC_ACCEPT_ENCODING], TT_NAMED(GRPC_ACCEPT_ENCODING), 0, 0);
	tt_grpc_numbered(number[TT_GRPC_TAGS], TT_NAMED(GRPC_TAGS), 0, 0);
	tt_grpc_numbered(number[TT_GRPC_TRACE], TT_NAMED(GRPC_TRACE), 0, 0);
	return 0;
}

#define TT_GRPC_TEXTS_MOST 64
#define TT_GRPC_TEXT_BYTES 40 /* a slice and a number */

/* A vector of them, at that address. */
__noinline int tt_grpc_texts(__u64 vector, __u32 name, __u32 name_len)
{
	__u64 at[2] = {};
	__u32 number = 0;

	if (!tt_grpc_read(at, sizeof(at), vector))
		return 0;
	for (__u32 i = 0; i < TT_GRPC_TEXTS_MOST; i++) {
		if (at[0] >= at[1] || !tt_grpc_read(&number, sizeof(number), at[0] + 32))
			break;
		tt_grpc_texted(number, name, name_len, at[0]);
		at[0] += TT_GRPC_TEXT_BYTES;
	}
	return 0;
}

/* What was told of deadlines: the text is not kept. */
__noinline int tt_grpc_timeouts(__u64 vector)
{
	__u64 at[2] = {}, one = 0;

	if (!tt_grpc_read(at, sizeof(at), vector))
		return 0;
	for (__u32 i = 0; i < TT_GRPC_TEXTS_MOST; i++) {
		if (at[0] >= at[1] || !tt_grpc_read(&one, sizeof(one), at[0]))
			break;
		tt_grpc_numbered(one >> 32, TT_NAMED(GRPC_TIMEOUT), one, 1);
		at[0] += sizeof(one);
	}
	return 0;
}

/* All entries of the compressor's table. Returns how many are in the record. */
__noinline int tt_grpc_sent_entries(__u64 compressor)
{
	struct tt_work *w = tt_work_here();
	__u32 entries = 0;

	if (!w)
		return 0;
	const struct tt_grpc_encoder *t = &tt_grpc_sent_here(w)->encoder;
	__u32 places = t->places >> 1, count = t->count;
	__u64 sizes = t->places & 1 ? t->sizes : compressor + TT_GRPC_ENCODER_AT + offsetof(struct tt_grpc_encoder, sizes);
	if (count > places)
		return 0;
	for (__u32 i = 0; i < TT_TABLE_ENTRIES_MOST; i++) {
		if (i >= count || !tt_grpc_sized(sizes, places, i))
			break;
		entries = i + 1;
	}
	tt_grpc_numbers();
	tt_grpc_texted(tt_grpc_sent_here(w)->number[TT_GRPC_USER_AGENT], TT_NAMED(USER_AGENT),
		       compressor + TT_GRPC_USER_AGENT_AT);
	tt_grpc_texts(compressor + TT_GRPC_PATHS_AT, TT_NAMED(PATH));
	tt_grpc_texts(compressor + TT_GRPC_AUTHORITIES_AT, TT_NAMED(AUTHORITY));
	tt_grpc_timeouts(compressor + TT_GRPC_TIMEOUTS_AT);
	return tt_grpc_entries_take(entries);
}

/* HPackCompressor::Framer, and the grpc_slice_buffer it writes to. */
struct tt_grpc_framer {
	__u64 frame_most;
	__u8 is_first;
	__u8 reserved[3];
	__u32 stream;
	__u64 output;
	__u64 counts;
	__u64 compressor;
	__u64 head;   /* the slice with the frame's head */
	__u64 before; /* bytes, that one's included */
};

struct tt_grpc_output {
	__u64 slices;
	__u64 count;
	__u64 room;
	__u64 bytes;
};

#define TT_GRPC_OUTPUT_AT 8
#define TT_GRPC_SLICE_BYTES 32
#define TT_GRPC_HEAD_BYTES 9

/* Adds what the slice has to the beginning of the block, but what it begins with. */
__noinline int tt_grpc_block_more(__u64 slice, __u32 skip)
{
	struct tt_work *w = tt_work_here();
	struct tt_grpc_text text = {};

	if (!w || !tt_grpc_slice(slice, &text) || text.len < skip)
		return 0;
	struct tt_table_record *r = tt_table_here(w);
	__u32 at = w->gathered, n = text.len - skip;
	if (at >= sizeof(r->block))
		return 0;
	if (n > sizeof(r->block) - at)
		n = sizeof(r->block) - at;
	TT_BOUND(at, TT_TABLE_BLOCK_BYTES - 1);
	TT_BOUND(n, 2 * TT_TABLE_BLOCK_BYTES - 1);
	if (n && bpf_probe_read_user(w->data + offsetof(struct tt_table_record, block) + at, n, (const void *)(text.at + skip)))
		return 0;
	w->gathered = at + n;
	return 1;
}

/* The beginning of the block the framer has written, into the work area. */
TT_INLINE bool tt_grpc_written(struct tt_work *w, const struct tt_grpc_framer *f, const struct tt_grpc_output *out)
{
	struct tt_table_record *r = tt_table_here(w);

	r->stream = f->stream;
	r->fragment = out->bytes - f->before;
	__builtin_memset(r->block, 0, sizeof(r->block));
	w->gathered = 0;
	for (__u32 i = 0; i <= TT_TABLE_BLOCK_BYTES; i++) {
		__u64 slice = f->head + i;

		if (slice >= out->count ||
		    !tt_grpc_block_more(out->slices + slice * TT_GRPC_SLICE_BYTES, i ? 0 : TT_GRPC_HEAD_BYTES))
			break;
	}
	return out->bytes > f->before && (w->gathered == sizeof(r->block) || w->gathered == r->fragment);
}

TT_INLINE __u64 tt_grpc_framer_transport(__u64 framer, const struct tt_grpc_layout *layout)
{
	__u64 compressor = 0;

	return tt_grpc_read(&compressor, sizeof(compressor), framer + offsetof(struct tt_grpc_framer, compressor))
		       ? compressor - layout->compressor
		       : 0;
}

/* Framer::FinishFrame(whether the block ends): of a block that is one frame the table is as it left it. */
__noinline int tt_grpc_finishes(__u64 at, __u64 transport)
{
	struct tt_work *w = tt_work_here();
	struct tt_grpc_framer f = {};
	struct tt_grpc_output out = {};

	if (!w || !tt_grpc_read(&f, sizeof(f), at) || !f.is_first ||
	    !tt_grpc_read(&out, sizeof(out), f.output + TT_GRPC_OUTPUT_AT))
		return 0;
	struct tt_framer *framer = tt_grpc_framer(w, transport, TT_TX);
	struct tt_grpc_sent *sent = tt_grpc_sent_here(w);
	if (!framer || !tt_grpc_written(w, &f, &out) ||
	    !tt_grpc_read(&sent->encoder, sizeof(sent->encoder), f.compressor + TT_GRPC_ENCODER_AT) ||
	    !tt_grpc_read(sent->number, sizeof(sent->number), f.compressor + TT_GRPC_NUMBERS_AT))
		return 0;
	struct tt_table_sizes sizes = {sent->encoder.size, sent->encoder.most, sent->encoder.count, 0};
	sizes.entries = tt_grpc_sent_entries(f.compressor);
	tt_table_report(w, &framer->conn, TT_TX, &sizes);
	return 0;
}

#endif
