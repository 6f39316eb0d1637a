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

TT_INLINE __u32 tt_iter_type(const struct iov_iter *i)
{
	if (bpf_core_field_exists(i->iter_type)) /* 5.14, 8cd54c1c8480 */
		return TT_READ(struct iov_iter, i, iter_type);
	return TT_READ(struct iov_iter___old, i, type) & ~TT_ITER_OLD_FLAGS;
}

TT_INLINE enum tt_iter_kind tt_iter_kind(const struct iov_iter *i)
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
TT_INLINE __u64 tt_iter_segment(const struct iov_iter *i)
{
	const char *at = (const char *)i;

	if (bpf_core_field_exists(i->__iov)) /* 6.4, 747b1f65d39a */
		return tt_read_word(at + bpf_core_field_offset(struct iov_iter, __iov));
	return tt_read_word(at + bpf_core_field_offset(struct iov_iter___old, iov));
}

/* Only with TT_ITER_ONE, so only where the kernel has it. */
TT_INLINE __u64 tt_iter_user_base(const struct iov_iter *i)
{
	if (!bpf_core_field_exists(i->ubuf))
		return 0;
	return tt_read_word((const char *)i + bpf_core_field_offset(struct iov_iter, ubuf));
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
