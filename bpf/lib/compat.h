/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kernel drift: one accessor a change, each naming the kernel it came with. Programs are free of version tests. */
#ifndef TT_BPF_COMPAT_H
#define TT_BPF_COMPAT_H

#include "config.h"
#include "errors.h"

/* 6.2 (a35b9af4ec2c): gives a scalar its kernel type back, so that its fields can be loaded without a helper. */
void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/* A field of a kernel object found by walking: a plain load where the kernel can type it, else probe_read (30 ns instead of 1). */
#define TT_READ(type, ptr, field)                                                                    \
	({                                                                                           \
		const void *_object = (const void *)(ptr);                                           \
		typeof(((type *)0)->field) _value;                                                   \
		if (tt_config.has_rdonly_cast) {                                                     \
			const type *_typed = bpf_rdonly_cast(_object, bpf_core_type_id_kernel(type)); \
			_value = _typed->field;                                                      \
		} else if (bpf_core_read((void *)&_value, sizeof(_value), &((type *)_object)->field)) { \
			tt_failed(TT_PLACE_KERNEL_READ);                                             \
		}                                                                                    \
		_value;                                                                              \
	})

/* The pointer in slot `index` of an array of pointers. */
TT_INLINE __u64 tt_read_slot(const void *array, __u32 index)
{
	const char *slot = (const char *)array + (__u64)index * sizeof(__u64);
	__u64 value = 0;

	if (tt_config.has_rdonly_cast) {
		const struct hlist_head *head = bpf_rdonly_cast(slot, bpf_core_type_id_kernel(struct hlist_head));
		value = (__u64)head->first;
	} else if (bpf_probe_read_kernel(&value, sizeof(value), slot)) {
		tt_failed(TT_PLACE_KERNEL_READ);
	}
	return value;
}

/*
 * Before 5.17 or so a bounded value that was spilled to the stack comes back unbounded: masks right where it is used, so the compiler
 * cannot move it. most + 1 is a power of two; values are below it already, so nothing is cut.
 */
#define TT_BOUND(value, most) asm volatile("%0 &= %1" : "+r"(value) : "i"(most))

/* Hides from the compiler what it knows of a value, so that a check stays where it is written. */
#define TT_HIDE(value) asm volatile("" : "+r"(value))

#endif
