/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A call that seals or opens in memory, and whether what it seals or opens is a record of TLS: the additional data say so (RFC
 * 8446, 5.2, and 5246, 6.2.3.3), and how long it is must agree. Which connection a context has is told by the record's first
 * bytes, which exactly one socket of the process received, or sends next.
 */
#ifndef TT_BPF_SEALING_H
#define TT_BPF_SEALING_H

#include "libraries/uprobe.h"

/* What functions have beyond the arguments in registers. */
#define TT_MORE_ARGUMENTS 7

struct tt_more {
	__u64 word[TT_MORE_ARGUMENTS];
};

#if defined(__TARGET_ARCH_x86)
#define TT_IN_REGISTERS 6
#define TT_MORE_AT(regs) ((regs)->sp + sizeof(__u64)) /* behind the return address */
#define TT_REGISTER(regs, n)     \
	((n) == 0   ? (regs)->di \
	 : (n) == 1 ? (regs)->si \
	 : (n) == 2 ? (regs)->dx \
	 : (n) == 3 ? (regs)->cx \
	 : (n) == 4 ? (regs)->r8 \
		    : (regs)->r9)
#else
#define TT_IN_REGISTERS 8
#define TT_MORE_AT(regs) ((regs)->sp)
#define TT_REGISTER(regs, n) ((regs)->regs[(n) & 7])
#endif
#define TT_ARGUMENT(regs, more, n) \
	((n) < TT_IN_REGISTERS ? TT_REGISTER(regs, n) : (more)->word[(n) < TT_IN_REGISTERS ? 0 : (n) - TT_IN_REGISTERS])

struct tt_aead {
	__u64 context;
	__u64 in;
	__u64 out;
	__u64 length; /* of the plaintext, without `extra` */
	__u64 tag;    /* where it lies, or will lie, with what is sealed of `extra` before it */
	__u64 nonce;
	__u64 extra; /* where a last byte of the plaintext lies; 0: nowhere else */
	__u64 ad;
	__u64 ad_length;
};

#define TT_TAG_BYTES 16

/* A record as it is sent. */
struct tt_aead_record {
	__u64 from;  /* its first bytes behind its head … */
	__u32 have;  /* … so many; then the tag, where that lies */
	__u32 bytes; /* behind its head */
	__u32 type;
};

/* In the work area, as the deepest calls leave no room on the stack; and behind what reporting uses of it. */
struct tt_aead_area {
	struct tt_more more;
	struct tt_aead aead;
	struct tt_aead_record record;
};

TT_INLINE struct tt_aead_area *tt_aead_here(void)
{
	struct tt_work *w = tt_work_here();

	return w ? (struct tt_aead_area *)(w->data + 2 * TT_PART_BYTES) : NULL;
}

TT_INLINE struct tt_aead_area *tt_aead_area(struct pt_regs *regs)
{
	struct tt_aead_area *area = tt_aead_here();

	if (area && bpf_probe_read_user(&area->more, sizeof(area->more), (const void *)TT_MORE_AT(regs)))
		__builtin_memset(&area->more, 0, sizeof(area->more)); /* no form of a record */
	return area;
}

/* (context, out, &out_length, most, nonce, nonce_length, in, in_length, ad, ad_length): the tag stands behind. */
TT_INLINE struct tt_aead_area *tt_aead_whole(struct pt_regs *regs, bool seals)
{
	struct tt_aead_area *area = tt_aead_area(regs);

	if (!area)
		return NULL;
	struct tt_aead *ret = &area->aead;
	ret->context = TT_ARGUMENT(regs, &area->more, 0);
	ret->out = TT_ARGUMENT(regs, &area->more, 1);
	ret->nonce = TT_ARGUMENT(regs, &area->more, 4);
	ret->in = TT_ARGUMENT(regs, &area->more, 6);
	ret->length = TT_ARGUMENT(regs, &area->more, 7) - (seals ? 0 : TT_TAG_BYTES);
	ret->ad = TT_ARGUMENT(regs, &area->more, 8);
	ret->ad_length = TT_ARGUMENT(regs, &area->more, 9);
	ret->tag = (seals ? ret->out : ret->in) + ret->length;
	ret->extra = 0;
	return area;
}

/* (context, out, out_tag, &tag_length, most, nonce, nonce_length, in, in_length, extra, extra_length, ad, ad_length) */
TT_INLINE struct tt_aead_area *tt_aead_scatter(struct pt_regs *regs)
{
	struct tt_aead_area *area = tt_aead_area(regs);

	if (!area)
		return NULL;
	struct tt_aead *ret = &area->aead;
	ret->context = TT_ARGUMENT(regs, &area->more, 0);
	ret->out = TT_ARGUMENT(regs, &area->more, 1);
	ret->tag = TT_ARGUMENT(regs, &area->more, 2);
	ret->nonce = TT_ARGUMENT(regs, &area->more, 5);
	ret->in = TT_ARGUMENT(regs, &area->more, 7);
	ret->length = TT_ARGUMENT(regs, &area->more, 8);
	ret->ad = TT_ARGUMENT(regs, &area->more, 11);
	ret->ad_length = TT_ARGUMENT(regs, &area->more, 12);
	ret->extra = 0;
	if (TT_ARGUMENT(regs, &area->more, 10) == 1)
		ret->extra = TT_ARGUMENT(regs, &area->more, 9);
	else if (TT_ARGUMENT(regs, &area->more, 10))
		ret->ad_length = 0; /* no form of a record */
	return area;
}

/* (context, out, nonce, nonce_length, in, in_length, tag, tag_length, ad, ad_length) */
TT_INLINE struct tt_aead_area *tt_aead_gather(struct pt_regs *regs)
{
	struct tt_aead_area *area = tt_aead_area(regs);

	if (!area)
		return NULL;
	struct tt_aead *ret = &area->aead;
	ret->context = TT_ARGUMENT(regs, &area->more, 0);
	ret->out = TT_ARGUMENT(regs, &area->more, 1);
	ret->nonce = TT_ARGUMENT(regs, &area->more, 2);
	ret->in = TT_ARGUMENT(regs, &area->more, 4);
	ret->length = TT_ARGUMENT(regs, &area->more, 5);
	ret->tag = TT_ARGUMENT(regs, &area->more, 6);
	ret->ad = TT_ARGUMENT(regs, &area->more, 8);
	ret->ad_length = TT_ARGUMENT(regs, &area->more, 9);
	ret->extra = 0;
	return area;
}

#define TT_RECORD_ALERT 21
#define TT_RECORD_INNER 0      /* not known yet: the plaintext's last byte that is not 0 says it (TLS 1.3) */
#define TT_RECORD_MOST 0x4800  /* bytes that one carries */
#define TT_RECORD_AD_INNER 5   /* it is the record's own beginning */
#define TT_RECORD_AD_BEFORE 13 /* the record's number stands before it, and the plaintext's length in it */
#define TT_RECORD_NUMBER 8
#define TT_RECORD_NONCE 8 /* with AES-GCM in TLS 1.2 a record begins with this part of the nonce; */
#define TT_NONCE_SALT 4	  /* this one comes before it in the nonce */

/* The record that lies at `sealed`, or will; false: none does. */
TT_INLINE bool tt_aead_record(struct tt_aead_area *area, __u64 sealed)
{
	const struct tt_aead *a = &area->aead;
	struct tt_aead_record *ret = &area->record;
	__u64 length = a->length + (a->extra != 0);
	__u64 explicit = 0, nonce = 0;
	__u8 ad[TT_RECORD_AD_BEFORE + 3] = {};
	__u8 *head = ad + TT_RECORD_NUMBER;
	bool inner = a->ad_length == TT_RECORD_AD_INNER;

	if (length > TT_RECORD_MOST)
		return false;
	if (inner ? bpf_probe_read_user(head, TT_RECORD_AD_INNER, (const void *)a->ad)
		  : a->ad_length != TT_RECORD_AD_BEFORE || bpf_probe_read_user(ad, TT_RECORD_AD_BEFORE, (const void *)a->ad))
		return false;
	ret->type = inner ? TT_RECORD_INNER : head[0];
	ret->from = sealed;
	ret->have = a->length;
	ret->bytes = length + TT_TAG_BYTES;
	__u32 told = head[3] << 8 | head[4];
	if (head[1] != 3 || told != (inner ? ret->bytes : length))
		return false;
	if (inner)
		return head[0] == TT_RECORD_DATA;
	if (!bpf_probe_read_user(&explicit, sizeof(explicit), (const void *)(sealed - TT_RECORD_NONCE)) &&
	    !bpf_probe_read_user(&nonce, sizeof(nonce), (const void *)(a->nonce + TT_NONCE_SALT)) && explicit == nonce) {
		ret->from -= TT_RECORD_NONCE;
		ret->have += TT_RECORD_NONCE;
		ret->bytes += TT_RECORD_NONCE;
	}
	return head[0] >= TT_RECORD_ALERT && head[0] <= TT_RECORD_DATA;
}

/* How a record begins behind its head: as many bytes as nobody meets by chance, as of a hello (lib/hello.h). */
struct tt_record_key {
	__u64 begin[TT_HELLO_WORDS];
	__u32 tgid;
	__u32 sealed; /* and not sent yet; else it was received, and not opened yet */
};

/* What its beginning is, as it will be on the socket, or was. */
TT_INLINE bool tt_aead_begin_of(const struct tt_aead_record *r, __u64 tag, struct tt_record_key *ret)
{
	__u64 word[2 * (TT_HELLO_WORDS + 1)] = {};
	__u32 all = sizeof(ret->begin);
	__u32 bytes = r->bytes < all ? r->bytes : all;
	__u32 first = r->have < bytes ? r->have : bytes;
	__u32 rest = bytes - first;

	TT_BOUND(first, 31);
	TT_BOUND(rest, 31);
	if (bpf_probe_read_user(word, first, (const void *)r->from) ||
	    (rest && bpf_probe_read_user((__u8 *)word + first, rest, (const void *)tag)))
		return false;
	__builtin_memcpy(ret->begin, word, sizeof(ret->begin));
	return true;
}

#endif
