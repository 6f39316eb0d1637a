/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kernel drift: one accessor a change, each naming the kernel it came with. Programs are free of version tests. */
#ifndef TT_BPF_COMPAT_H
#define TT_BPF_COMPAT_H

#include "config.h"
#include "errors.h"
#include "kernel_calls.h"

/* A field of a kernel object found by walking: a plain load where the kernel can type it, else probe_read (30 ns, not 1). */
#define TT_READ(type, ptr, field)                                                                       \
	({                                                                                              \
		const void *_object = (const void *)(ptr);                                              \
		typeof(((type *)0)->field) _value;                                                      \
		if (tt_config.has_rdonly_cast) {                                                        \
			const type *_typed = bpf_rdonly_cast(_object, TT_TYPE_ID(type));                \
			_value = _typed->field;                                                         \
		} else if (bpf_core_read((void *)&_value, sizeof(_value), &((type *)_object)->field)) { \
			tt_failed(TT_PLACE_KERNEL_READ);                                                \
		}                                                                                       \
		_value;                                                                                 \
	})

/*
 * The word at a kernel address, as a plain number: what TT_READ gives for a pointer field is a typed pointer where the kernel can
 * type it, and such a one is not to be given to a function that takes a number. (Every kernel has rb_node, which begins with a
 * word.)
 */
TT_INLINE __u64 tt_read_word(const void *at)
{
	__u64 value = 0;

	if (tt_config.has_rdonly_cast) {
		const struct rb_node *node = bpf_rdonly_cast(at, TT_TYPE_ID(struct rb_node));
		value = node->__rb_parent_color;
	} else if (bpf_probe_read_kernel(&value, sizeof(value), at)) {
		tt_failed(TT_PLACE_KERNEL_READ);
	}
	return value;
}

/* A field of a few bits. */
#define TT_READ_BITS(type, ptr, field)                                                               \
	({                                                                                           \
		__u64 _bits;                                                                         \
		if (tt_config.has_rdonly_cast) {                                                     \
			const type *_typed = bpf_rdonly_cast((const void *)(ptr), TT_TYPE_ID(type)); \
			_bits = BPF_CORE_READ_BITFIELD(_typed, field);                               \
		} else {                                                                             \
			_bits = BPF_CORE_READ_BITFIELD_PROBED((const type *)(ptr), field);           \
		}                                                                                    \
		_bits;                                                                               \
	})

/* The first argument of a tracepoint, a pointer, as a plain number. */
TT_INLINE __u64 tt_first_argument(const void *ctx)
{
	__u64 value = 0;

	if (bpf_probe_read_kernel(&value, sizeof(value), ctx))
		tt_failed(TT_PLACE_KERNEL_READ);
	return value;
}

/* Nobody else refers to the file. Its count begins at 1; since 6.13 (90ee6ed776c0) at 0, under another name. */
TT_INLINE bool tt_file_is_last(__u64 file)
{
	if (bpf_core_field_exists(((struct file *)0)->f_ref))
		return TT_READ(struct file, file, f_ref.refcnt.counter) == 0;
	return TT_READ(struct file, file, f_count.counter) == 1;
}

/*
 * Before 5.17 or so a bounded value that was spilled to the stack comes back unbounded: masks right where it is used, so the
 * compiler cannot move it. most + 1 is a power of two; values are below it already, so nothing is cut.
 */
#define TT_BOUND(value, most) asm volatile("%0 &= %1" : "+r"(value) : "i"(most))

/* Hides from the compiler what it knows of a value, so that a check stays where it is written. */
#define TT_HIDE(value) asm volatile("" : "+r"(value))

#endif
