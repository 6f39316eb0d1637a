// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/2 in programs of Go, of connections that were open before anybody looked: what an index of HPACK means is then only known
 * to the library. Its table is copied as it is at a header block (golang.org/x/net/http2, also as net/http and grpc-go have it);
 * these programs are attached for a while only (src/kernel/plaintext_middle.c).
 *
 * Fields of structs that are read: the first ones of hpack.Decoder and hpack.Encoder, which both begin with a dynamicTable, all
 * of hpack.HeaderField, http2.FrameHeader and the first ones of http2.HeadersFrameParam, as they are since 2017. The user side
 * believes a table only if it has the size it says it has, and its entries those that passed on the wire.
 */
#include "lib/prog.h"
#include "libraries/goroutine.h"
#include "libraries/uprobe.h"

#define TT_GO_STREAM_AT 8 /* in a http2.FrameHeader, with which frames begin */

/* struct dynamicTable: fields from the oldest to the newest, how many were dropped, two maps, and the sizes. */
struct tt_go_table {
	__u64 fields;
	__u64 count;
	__u64 room;
	__u64 dropped;
	__u64 maps[2];
	__u32 size;
	__u32 most;
};

/* --- a table ---------------------------------------------------------------------------------------------------------------- */

/* The newest of the table's fields, which stand with the newest last, as many as there is room for. Returns how many. */
__noinline int tt_go_entries(__u64 fields, __u64 count)
{
	struct tt_work *w = tt_work_here();
	__u32 n = count > TT_TABLE_ENTRIES_MOST ? TT_TABLE_ENTRIES_MOST : count;
	__u32 bytes = n * TT_TABLE_FIELD_BYTES;
	__u32 entries = 0;

	if (!w)
		return 0;
	tt_table_begin(w);
	TT_BOUND(bytes, TT_PART_BYTES - 1);
	if (!n ||
	    bpf_probe_read_user(w->data + TT_TABLE_FIELDS_AT, bytes, (const void *)(fields + (count - n) * TT_TABLE_FIELD_BYTES)))
		return 0;
	for (__u32 i = 0; i < TT_TABLE_ENTRIES_MOST; i++) {
		if (i >= n || !tt_table_entry_take(n - 1 - i, i))
			break;
		entries = i + 1;
	}
	return entries;
}

/* The goroutine's block is read with this table, or was written with it. */
__noinline int tt_go_tell(__u64 g, __u64 at, __u32 direction)
{
	struct tt_work *w = tt_work_here();
	struct tt_go_frames *frames = tt_go_frames_find(g);
	struct tt_go_table table = {};

	if (!w || !frames)
		return 0;
	const struct tt_block *block = direction == TT_TX ? &frames->wrote : &frames->reading;
	struct tt_plain_key key = tt_object_key(block->framer);
	struct tt_framer *framer = bpf_map_lookup_elem(&tt_framers, &key);
	if (!framer || !tt_framer_due(framer, direction))
		return 0;
	if (bpf_probe_read_user(&table, sizeof(table), (const void *)at)) {
		tt_failed(TT_PLACE_USER_DATA);
		return 0;
	}
	const struct tt_table_sizes sizes = {table.size, table.most, table.count, tt_go_entries(table.fields, table.count)};
	tt_table_of(w, block);
	tt_table_report(w, &framer->conn, direction, &sizes);
	return 0;
}

/* --- which connection ------------------------------------------------------------------------------------------------------- */

TT_INLINE bool tt_go_socket(__u32 fd, struct tt_conn_id *ret)
{
	struct tt_found found = {};
	__u64 file = tt_file_of(tt_files_here(), fd);

	if (!file || !tt_sock_of(file, &found))
		return false;
	ret->sock = (__u64)found.sk;
	ret->ino = found.ino;
	return true;
}

/* --- the functions ---------------------------------------------------------------------------------------------------------- */

/* syscall.read(fd, …) */
__noinline int tt_go_reads(__u64 g, __u32 fd)
{
	struct tt_conn_id conn = {};
	struct tt_go_frames *frames = tt_go_socket(fd, &conn) ? tt_go_frames_place(g) : NULL;

	if (frames)
		frames->read = conn;
	return 0;
}

/* syscall.write(fd, …): what was written before is its block. */
__noinline int tt_go_writes(__u64 g, __u32 fd)
{
	struct tt_go_frames *frames = tt_go_frames_find(g);
	struct tt_conn_id conn = {};

	if (!frames || !frames->wrote.stream || !tt_go_socket(fd, &conn))
		return 0;
	tt_framer_bind(frames->wrote.framer, &conn);
	tt_go_tell(g, frames->encoder, TT_TX);
	frames = tt_go_frames_find(g);
	if (frames)
		frames->wrote.stream = 0;
	return 0;
}

/* http2.(*Framer).readMetaFrame(frame): the header block that begins with this frame is to be read. */
__noinline int tt_go_reads_block(__u64 g, __u64 framer, __u64 frame)
{
	struct tt_go_frames *frames = tt_go_frames_find(g);
	__u32 stream = 0;

	if (!frames || !frames->read.sock ||
	    bpf_probe_read_user(&stream, sizeof(stream), (const void *)(frame + TT_GO_STREAM_AT)))
		return 0;
	frames->reading.framer = framer;
	frames->reading.stream = stream;
	tt_framer_bind(framer, &frames->read);
	return 0;
}

TT_INLINE void tt_go_block_begin(struct tt_block *block, __u64 data, __u64 len)
{
	__u32 n = len < sizeof(block->begin) ? len : sizeof(block->begin);

	__builtin_memset(block->begin, 0, sizeof(block->begin));
	block->fragment = len;
	TT_BOUND(n, 31);
	if (n > sizeof(block->begin) || bpf_probe_read_user(block->begin, n, (const void *)data))
		block->stream = 0;
}

/* hpack.(*Decoder).Write(bytes): the first one for a block. */
__noinline int tt_go_decodes(__u64 g, __u64 decoder, __u64 data, __u64 len)
{
	struct tt_go_frames *frames = tt_go_frames_find(g);

	if (!frames || !frames->reading.stream)
		return 0;
	tt_go_block_begin(&frames->reading, data, len);
	if (frames->reading.stream)
		tt_go_tell(g, decoder, TT_RX);
	frames = tt_go_frames_find(g);
	if (frames)
		frames->reading.stream = 0;
	return 0;
}

/* hpack.(*Encoder).WriteField(field) */
__noinline int tt_go_encodes(__u64 g, __u64 encoder)
{
	struct tt_go_frames *frames = tt_go_frames_place(g);

	if (frames)
		frames->encoder = encoder;
	return 0;
}

/* http2.(*Framer).WriteHeaders(p), whose parameter is on the stack: the stream and the first part of its block. */
struct tt_go_headers {
	__u64 stream;
	__u64 data;
	__u64 len;
};

__noinline int tt_go_writes_block(__u64 g, __u64 framer, __u64 stack)
{
	struct tt_go_frames *frames = tt_go_frames_find(g);
	struct tt_go_headers p = {};

	if (!frames || !frames->encoder || bpf_probe_read_user(&p, sizeof(p), (const void *)(stack + sizeof(__u64))))
		return 0;
	frames->wrote.framer = framer;
	frames->wrote.stream = (__u32)p.stream;
	tt_go_block_begin(&frames->wrote, p.data, p.len);
	struct tt_plain_key key = tt_object_key(framer);
	const struct tt_framer *known = bpf_map_lookup_elem(&tt_framers, &key);
	if (!known || !tt_framer_lives(known) || !frames->wrote.stream)
		return 0;
	tt_go_tell(g, frames->encoder, TT_TX);
	frames = tt_go_frames_find(g);
	if (frames)
		frames->wrote.stream = 0;
	return 0;
}

TT_UPROBE(tt_go_read, "uprobe", tt_go_reads(TT_GO_G(regs), TT_GO_ARG1(regs)))
TT_UPROBE(tt_go_write, "uprobe", tt_go_writes(TT_GO_G(regs), TT_GO_ARG1(regs)))
TT_UPROBE(tt_go_meta_frame, "uprobe", tt_go_reads_block(TT_GO_G(regs), TT_GO_ARG1(regs), TT_GO_ARG2(regs)))
TT_UPROBE(tt_go_decode, "uprobe", tt_go_decodes(TT_GO_G(regs), TT_GO_ARG1(regs), TT_GO_ARG2(regs), TT_GO_ARG3(regs)))
TT_UPROBE(tt_go_encode, "uprobe", tt_go_encodes(TT_GO_G(regs), TT_GO_ARG1(regs)))
TT_UPROBE(tt_go_headers_frame, "uprobe", tt_go_writes_block(TT_GO_G(regs), TT_GO_ARG1(regs), TT_STACK(regs)))
