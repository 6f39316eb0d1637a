/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* gRPC's C core, as programs at its functions see it: the socket of an endpoint, and fields that are not texts (grpc.bpf.c). */
#ifndef TT_BPF_GRPC_FIELDS_H
#define TT_BPF_GRPC_FIELDS_H

#include "header_table.h"

TT_INLINE bool tt_grpc_read(void *ret, __u32 n, __u64 at)
{
	if (!bpf_probe_read_user(ret, n, (const void *)at))
		return true;
	tt_failed(TT_PLACE_USER_DATA);
	return false;
}

/* --- the socket of an endpoint --- */

#define TT_GRPC_GET_FD 0x48 /* of grpc_endpoint_vtable */
#define TT_GRPC_WITHIN_MOST 3

/* What a function get_fd does. */
#define TT_GRPC_CODE_FD 0x478b	     /* mov offset(%rdi),%eax … */
#define TT_GRPC_CODE_RET 0xc3	     /* … ret */
#define TT_GRPC_CODE_WITHIN 0x7f8b48 /* mov offset(%rdi),%rdi … */
#define TT_GRPC_CODE_JMP 0xe9	     /* … jmp: it goes on with that one */

/* One step on the way: 0: *at is the next endpoint; 1: *at is a descriptor; -1: neither. */
TT_INLINE int tt_grpc_endpoint_step(__u64 *at)
{
	__u64 functions = 0, get_fd = 0, code = 0;
	__u32 fd = 0;

	if (bpf_probe_read_user(&functions, sizeof(functions), (const void *)*at) ||
	    bpf_probe_read_user(&get_fd, sizeof(get_fd), (const void *)(functions + TT_GRPC_GET_FD)) ||
	    bpf_probe_read_user(&code, sizeof(code), (const void *)get_fd))
		return -1;
	if ((code & 0xffffff) == TT_GRPC_CODE_WITHIN && (code >> 32 & 0xff) == TT_GRPC_CODE_JMP)
		return bpf_probe_read_user(at, sizeof(*at), (const void *)(*at + (code >> 24 & 0x7f))) ? -1 : 0;
	if ((code & 0xffff) != TT_GRPC_CODE_FD || (code >> 24 & 0xff) != TT_GRPC_CODE_RET ||
	    bpf_probe_read_user(&fd, sizeof(fd), (const void *)(*at + (code >> 16 & 0x7f))))
		return -1;
	*at = fd;
	return 1;
}

/* Leaves the socket of the endpoint in the work area. Returns how many endpoints there are, one within another; 0: it is not
 * known. */
__noinline int tt_grpc_socket(__u64 endpoint)
{
	struct tt_work *w = tt_work_here();
	__u64 at = endpoint;
	int found = 0, n = 0;

	if (!w)
		return 0;
	for (int i = 0; i < TT_GRPC_WITHIN_MOST; i++) {
		if (found || !at)
			break;
		found = tt_grpc_endpoint_step(&at);
		n = i + 1;
	}
	if (found != 1)
		return 0;
	__u64 file = tt_file_of(tt_files_here(), at);
	return file && tt_sock_of(file, &w->found) ? n : 0;
}

/* The same, as a connection, which may not have been used yet since anybody looks. Returns as above. */
__noinline int tt_grpc_conn(__u64 endpoint)
{
	struct tt_work *w = tt_work_here();
	int n = tt_grpc_socket(endpoint);

	if (!w || !n)
		return 0;
	__u8 transport = tt_transport_of(w->found.sk);
	if (transport != TT_TRANSPORT_TCP && transport != TT_TRANSPORT_UNIX)
		return 0;
	return tt_conn_get(&w->found, transport) ? n : 0;
}

/* Whether the transport's connection is known: it stands in the work area then. (Inlined: no more calls may be nested.) */
TT_INLINE bool tt_grpc_transport(__u64 transport, const struct tt_grpc_layout *layout)
{
	__u64 endpoint = 0;

	return layout->endpoint && tt_grpc_read(&endpoint, sizeof(endpoint), transport + layout->endpoint) &&
	       tt_grpc_conn(endpoint);
}

/* The transport's framer, if its table is to be told; its address stands for it. */
TT_INLINE struct tt_framer *tt_grpc_framer(const struct tt_work *w, __u64 transport, __u32 direction)
{
	const struct tt_conn_id conn = {.sock = (__u64)w->found.sk, .ino = w->found.ino};
	struct tt_framer *framer = tt_framer_bind(transport, &conn);

	return framer && tt_framer_due(framer, direction) ? framer : NULL;
}

/* --- fields --- */

struct tt_grpc_text {
	__u64 at;
	__u64 len;
};

/* struct grpc_slice: a short one has its bytes in itself. */
TT_INLINE bool tt_grpc_slice(__u64 at, struct tt_grpc_text *ret)
{
	__u64 slice[3] = {};

	if (!tt_grpc_read(slice, sizeof(slice), at))
		return false;
	ret->at = slice[0] ? slice[2] : at + 9;
	ret->len = slice[0] ? slice[1] : (__u8)slice[1];
	return true;
}

TT_INLINE struct tt_table_field *tt_grpc_field(struct tt_work *w, __u32 number)
{
	TT_BOUND(number, TT_TABLE_ENTRIES_MOST - 1);
	return (struct tt_table_field *)(w->data + TT_TABLE_FIELDS_AT) + number;
}

/* Copies the field as the record's entry of that number, of what it has: a text, a number, nothing. */
__noinline int tt_grpc_entry_take(__u32 number)
{
	struct tt_work *w = tt_work_here();

	if (!w || number >= TT_TABLE_ENTRIES_MOST)
		return 0;
	const struct tt_table_field *f = tt_grpc_field(w, number);
	TT_BOUND(number, TT_TABLE_ENTRIES_MOST - 1);
	struct tt_table_entry *e = &tt_table_here(w)->entry[number];
	__u32 before = w->gathered, name_len = f->name_len, value_len = f->value_len;
	bool whole = name_len & TT_TABLE_FLAGS || tt_table_text(f->name, name_len);
	if (value_len & TT_TABLE_NUMBER)
		whole = whole && tt_table_number(f->value);
	else if (!(value_len & TT_TABLE_UNKNOWN))
		whole = whole && tt_table_text(f->value, value_len);
	if (!whole) {
		w->gathered = before;
		return 0;
	}
	e->name_len = name_len;
	e->value_len = value_len;
	return 1;
}

/* Those there is room for. Returns how many. */
__noinline int tt_grpc_entries_take(__u32 count)
{
	struct tt_work *w = tt_work_here();
	__u32 entries = 0;

	if (!w)
		return 0;
	tt_table_begin(w);
	for (__u32 i = 0; i < TT_TABLE_ENTRIES_MOST; i++) {
		if (i >= count || !tt_grpc_entry_take(i))
			break;
		entries = i + 1;
	}
	return entries;
}

#define TT_GRPC_ENTRY_SIZE 32 /* RFC 7541, 4.1 */

#endif
