/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kernel drift of iterators over memory, and of the way from a page to its bytes. */
#ifndef TT_BPF_COMPAT_ITER_H
#define TT_BPF_COMPAT_ITER_H

#include "compat.h"

enum tt_iter_kind {
	TT_ITER_OTHER,	/* pipe, xarray, folio queue, discard: not read */
	TT_ITER_ONE,	/* one stretch of user memory, without a segment of its own */
	TT_ITER_USER,	/* struct iovec */
	TT_ITER_KERNEL, /* struct kvec */
	TT_ITER_PAGES,	/* struct bio_vec */
};

/* Low bits of `type` before 5.14: direction and a flag. */
#define TT_ITER_OLD_FLAGS 3

/* An iterator: where it lies and, where its fields cannot be loaded one by one, a copy of it. It is so long on every kernel. */
struct tt_iter {
	__u64 at;
	__u64 words[5];
};

TT_INLINE bool tt_iter_take(struct tt_iter *i, __u64 at)
{
	i->at = at;
	return tt_config.has_rdonly_cast || !bpf_probe_read_kernel(i->words, sizeof(i->words), (const void *)at);
}

#define TT_ITER_READ(i, type, field)                                                                                 \
	({                                                                                                           \
		typeof(((type *)0)->field) _field;                                                                   \
		if (tt_config.has_rdonly_cast)                                                                       \
			_field = TT_READ(type, (i)->at, field);                                                      \
		else                                                                                                 \
			_field = *(typeof(_field) *)((const char *)(i)->words + bpf_core_field_offset(type, field)); \
		_field;                                                                                              \
	})

/* A pointer of it, as a plain number. */
TT_INLINE __u64 tt_iter_word(const struct tt_iter *i, __u32 offset)
{
	if (tt_config.has_rdonly_cast)
		return tt_read_word((const void *)(i->at + offset));
	return *(const __u64 *)((const char *)i->words + offset);
}

TT_INLINE __u32 tt_iter_type(const struct tt_iter *i)
{
	if (bpf_core_field_exists(((struct iov_iter *)0)->iter_type)) /* 5.14, 8cd54c1c8480 */
		return TT_ITER_READ(i, struct iov_iter, iter_type);
	return TT_ITER_READ(i, struct iov_iter___old, type) & ~TT_ITER_OLD_FLAGS;
}

TT_INLINE enum tt_iter_kind tt_iter_kind(const struct tt_iter *i)
{
	__u32 type = tt_iter_type(i);

	/* 6.0, fcb14cb1bdac. It was given another number in 6.7. */
	if (bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) && type == bpf_core_enum_value(enum iter_type, ITER_UBUF))
		return TT_ITER_ONE;
	if (type == bpf_core_enum_value(enum iter_type, ITER_IOVEC))
		return TT_ITER_USER;
	if (type == bpf_core_enum_value(enum iter_type, ITER_BVEC))
		return TT_ITER_PAGES;
	return type == bpf_core_enum_value(enum iter_type, ITER_KVEC) ? TT_ITER_KERNEL : TT_ITER_OTHER;
}

/* Where the segment the iterator is at stands; the three kinds share the place. */
TT_INLINE __u64 tt_iter_segment(const struct tt_iter *i)
{
	if (bpf_core_field_exists(((struct iov_iter *)0)->__iov)) /* 6.4, 747b1f65d39a */
		return tt_iter_word(i, bpf_core_field_offset(struct iov_iter, __iov));
	return tt_iter_word(i, bpf_core_field_offset(struct iov_iter___old, iov));
}

/* Only with TT_ITER_ONE, so only where the kernel has it. */
TT_INLINE __u64 tt_iter_user_base(const struct tt_iter *i)
{
	if (!bpf_core_field_exists(((struct iov_iter *)0)->ubuf))
		return 0;
	return tt_iter_word(i, bpf_core_field_offset(struct iov_iter, ubuf));
}

/*
 * The bytes of a page, in the kernel's direct map of all memory; 0: the way there is not known. x86-64: the page structs lie in
 * a row at vmemmap_base, the pages at page_offset_base (arch/x86/include/asm/page_64.h, pgtable_64_types.h). The bases never
 * change while the kernel runs.
 */
#define TT_PAGE_SHIFT 12

TT_INLINE __u64 tt_page_bytes(__u64 page)
{
	if (!tt_config.vmemmap_base || !tt_config.page_offset_base || !bpf_core_type_exists(struct page))
		return 0;
	__u64 first = tt_read_word((const void *)tt_config.vmemmap_base);
	__u64 bytes = tt_read_word((const void *)tt_config.page_offset_base);
	__u64 size = bpf_core_type_size(struct page);

	if (!size || page < first)
		return 0;
	return bytes + ((page - first) / size << TT_PAGE_SHIFT);
}

#endif
