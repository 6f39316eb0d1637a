// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/2 in programs with gRPC's C core, of connections that were open before anybody looked, over TLS and in the clear: the
 * tables of headers are copied at a header block. Attached for a while only (src/kernel/plaintext_middle.c), and only to files
 * that are known byte by byte (src/kernel/library_grpc.c): what is read are structs of gRPC 1.51.
 *
 * The table of what is received has fields as they were parsed: texts, numbers, and what is not told (a memento each). Of what
 * is sent only sizes are kept, and beside them the last texts with their numbers. Which connection it is the library says: its
 * transport has an endpoint, which has a socket; where, the endpoints' own small functions say by their code. The user side
 * believes a table only if it has the size it says it has, and its entries those that passed on the wire.
 */
#include "lib/prog.h"
#include "libraries/grpc_fields.h"
#include "libraries/grpc_sent.h"
#include "libraries/uprobe.h"

/* Written by the user side before it attaches these. The cookie of a probe says which one its file has. */
struct tt_grpc_layout tt_grpc_layouts[TT_GRPC_LAYOUTS] = {};

TT_INLINE const struct tt_grpc_layout *tt_grpc_layout(__u32 number)
{
	TT_BOUND(number, TT_GRPC_LAYOUTS - 1);
	return &tt_grpc_layouts[number];
}

TT_INLINE __u32 tt_grpc_layout_of(void *regs)
{
	return tt_config.has_attach_cookie ? bpf_get_attach_cookie(regs) : 0;
}

/* --- what is received --- */

/* HPackParser, from here on … */
#define TT_GRPC_PARSER_AT 0x20

struct tt_grpc_parser {
	__u8 boundary;
	__u8 priority; /* the frame has one before its block */
	__u8 reserved[2];
	__u32 length; /* that was read of the frame */
	__u32 limit;
	__u32 stream;
	__u64 flags;
	/* … and its HPackTable. */
	__u32 size;
	__u32 most;
	__u32 agreed;
	__u32 reserved2;
	__u32 first; /* of the ring, counted on and on: the oldest */
	__u32 count;
	__u32 places;
	__u32 reserved3;
	__u64 ring;
	__u64 ring_end;
};

/* ParsedMetadata */
struct tt_grpc_memento {
	__u64 functions;
	__u64 value; /* a slice, or what it was parsed to */
	__u64 value2[3];
	__u32 size;
	__u32 reserved;
};

/* its VTable */
struct tt_grpc_functions {
	__u64 destroy;
	__u64 set;
	__u64 with_value;
	__u64 say;
	struct tt_grpc_text name;
	__u64 name_of; /* 0: it is that */
};

#define TT_GRPC_MEMENTO_BYTES 48
#define TT_GRPC_VALUE_AT 8
#define TT_GRPC_FUNCTIONS_AT 8
static_assert(sizeof(struct tt_grpc_memento) == TT_GRPC_MEMENTO_BYTES, "layout");

/* What is to be done to let go of a value says of which form it is: of a number nothing, of a slice what its first word says. */
#define TT_GRPC_CODE_SLICE 0x01ff83483f8b48 /* mov (%rdi),%rdi; cmp $1,%rdi */

TT_INLINE void tt_grpc_value(struct tt_table_field *f, const struct tt_grpc_memento *m, __u64 destroy, __u64 at, __u32 len)
{
	struct tt_grpc_text text = {};
	__u64 code = 0;

	f->value_len = len | TT_TABLE_UNKNOWN;
	if (bpf_probe_read_user(&code, sizeof(code), (const void *)destroy))
		return;
	if ((code & 0xff) == TT_GRPC_CODE_RET) {
		f->value = m->value;
		f->value_len = len | TT_TABLE_NUMBER;
	} else if ((code & 0xffffffffffffff) == TT_GRPC_CODE_SLICE && tt_grpc_slice(at, &text) && text.len == len) {
		f->value = text.at;
		f->value_len = len;
	}
}

/* A field that has no form of its own: a pair of slices. */
TT_INLINE bool tt_grpc_pair(struct tt_table_field *f, __u64 at)
{
	struct tt_grpc_text name = {}, value = {};

	if (!tt_grpc_slice(at, &name) || !tt_grpc_slice(at + 32, &value) || name.len > TT_TABLE_LENGTH ||
	    value.len > TT_TABLE_LENGTH)
		return false;
	f->name = name.at;
	f->name_len = name.len;
	f->value = value.at;
	f->value_len = value.len;
	return true;
}

__noinline int tt_grpc_memento_field(__u64 at, __u32 number)
{
	struct tt_work *w = tt_work_here();
	struct tt_grpc_memento m = {};
	struct tt_grpc_functions functions = {};

	if (!w || !tt_grpc_read(&m, sizeof(m), at) ||
	    !tt_grpc_read(&functions, sizeof(functions), m.functions + TT_GRPC_FUNCTIONS_AT))
		return 0;
	struct tt_table_field *f = tt_grpc_field(w, number);
	__u64 name_len = functions.name.len, len = m.size - TT_GRPC_ENTRY_SIZE - name_len;
	if (functions.name_of)
		return tt_grpc_pair(f, m.value);
	if (name_len > TT_TABLE_LENGTH || len > TT_TABLE_LENGTH)
		return 0;
	f->name = functions.name.at;
	f->name_len = name_len;
	tt_grpc_value(f, &m, functions.destroy, at + TT_GRPC_VALUE_AT, len);
	return 1;
}

/* The newest entries of the ring. Returns how many. */
__noinline int tt_grpc_mementos(__u64 ring, __u32 places, __u32 first, __u32 count)
{
	__u32 entries = 0;

	for (__u32 i = 0; i < TT_TABLE_ENTRIES_MOST; i++) {
		__u32 place = places ? (first + count - 1 - i) % places : 0;

		if (i >= count || !tt_grpc_memento_field(ring + (__u64)place * TT_GRPC_MEMENTO_BYTES, i))
			break;
		entries = i + 1;
	}
	return tt_grpc_entries_take(entries);
}

TT_INLINE bool tt_grpc_sane(const struct tt_grpc_parser *p)
{
	return p->places && p->count <= p->places && p->ring_end - p->ring <= (__u64)p->places * TT_GRPC_MEMENTO_BYTES &&
	       p->size <= p->agreed;
}

/* The beginning of a block that stands there whole. */
TT_INLINE bool tt_grpc_block(struct tt_work *w, __u64 at, __u64 len, __u32 stream)
{
	struct tt_table_record *r = tt_table_here(w);
	__u32 n = len < sizeof(r->block) ? len : sizeof(r->block);

	r->stream = stream;
	r->fragment = len;
	__builtin_memset(r->block, 0, sizeof(r->block));
	TT_BOUND(n, 31);
	return n && n <= sizeof(r->block) && !bpf_probe_read_user(r->block, n, (const void *)at);
}

/* The slice is a whole block, or its first frame's part. */
__noinline int tt_grpc_parses(__u64 parser, __u64 transport, __u64 slice)
{
	struct tt_work *w = tt_work_here();
	struct tt_grpc_parser p = {};
	struct tt_grpc_text block = {};

	if (!w || !tt_grpc_read(&p, sizeof(p), parser + TT_GRPC_PARSER_AT) || !tt_grpc_slice(slice, &block))
		return 0;
	if (p.length || p.priority || !p.stream || !tt_grpc_sane(&p))
		return 0;
	struct tt_framer *framer = tt_grpc_framer(w, transport, TT_RX);
	if (!framer || !tt_grpc_block(w, block.at, block.len, p.stream))
		return 0;
	const struct tt_table_sizes sizes = {p.size, p.agreed, p.count, tt_grpc_mementos(p.ring, p.places, p.first, p.count)};
	tt_table_report(w, &framer->conn, TT_RX, &sizes);
	return 0;
}

/* --- whose session it is --- */

/*
 * endpoint_write of secure_endpoint.cc: what its session writes from here on, until the socket is used, is this one's.
 * `endpoints`: how many there are, one within another; 0: it is not known.
 */
__noinline int tt_grpc_writes(__u32 endpoints, __u64 stack)
{
	struct tt_plain_calls *calls = tt_plain_place();
	struct tt_work *w = tt_work_here();
	__u64 back = 0;

	if (!calls || !w)
		return 0;
	calls->writing.sock = 0;
	if (endpoints < 2 || !tt_grpc_read(&back, sizeof(back), stack))
		return 0;
	calls->writing.sock = (__u64)w->found.sk;
	calls->writing.ino = w->found.ino;
	calls->writing.stack = stack;
	calls->writing.back = back;
	return 0;
}

/* (parser, transport, stream, slice, whether it is the frame's last), behind the address of what is returned */
TT_INLINE void tt_grpc_parse_begins(struct pt_regs *regs)
{
	__u64 transport = TT_FUNCTION_ARG3(regs);

	if ((__u32)TT_FUNCTION_ARG6(regs) && tt_grpc_transport(transport, tt_grpc_layout(tt_grpc_layout_of(regs))))
		tt_grpc_parses(TT_FUNCTION_ARG2(regs), transport, TT_FUNCTION_ARG5(regs));
}

/* (framer, whether the block ends) */
TT_INLINE void tt_grpc_finish_begins(struct pt_regs *regs)
{
	const struct tt_grpc_layout *layout = tt_grpc_layout(tt_grpc_layout_of(regs));
	__u64 framer = TT_FUNCTION_ARG1(regs),
	      transport = TT_FUNCTION_ARG2(regs) & 1 ? tt_grpc_framer_transport(framer, layout) : 0;

	if (transport && tt_grpc_transport(transport, layout))
		tt_grpc_finishes(framer, transport);
}

TT_UPROBE(tt_grpc_parse, "uprobe", tt_grpc_parse_begins(regs))
TT_UPROBE(tt_grpc_finish, "uprobe", tt_grpc_finish_begins(regs))
TT_UPROBE(tt_grpc_write, "uprobe", tt_grpc_writes(tt_grpc_conn(TT_FUNCTION_ARG1(regs)), TT_STACK(regs)))
