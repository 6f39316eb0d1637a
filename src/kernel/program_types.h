/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tool's programs need of the kernel's types, without libbpf reading all of them: it is given those that are asked for
 * fields (kernel/types.h), and what has a number in the kernel is found here, in one look: the types of tracepoints (sections
 * "tt_tracepoint/NAME", else as libbpf's tp_btf) and of iterators ("tt_iter/NAME"), functions that are called, types that are
 * cast to. Programs without a type of the kernel's are in "tt_uprobe", "tt_uretprobe" and "tt_clock" (perf_event).
 */
#ifndef TT_KERNEL_PROGRAM_TYPES_H
#define TT_KERNEL_PROGRAM_TYPES_H

#include <bpf/libbpf.h>
#include <stddef.h>
#include <stdint.h>

#define TT_PROGRAM_TYPES_MOST 64

struct tt_types;

struct tt_program_types {
	int fd;		     /* of the file of types for libbpf */
	const char *missing; /* the section of a program whose type the kernel does not have */
	size_t count;
	struct {
		const struct bpf_program *program;
		uint32_t id; /* of what it is attached to */
	} at[TT_PROGRAM_TYPES_MOST];
	uint32_t calls[3]; /* TT_CALL_RDONLY_CAST and those that follow; 0: the kernel does not have it */
};

/* Opens the object file. 0 or a negative errno. */
int tt_program_types_open(struct tt_program_types *p, struct bpf_object **ret, const void *elf, size_t size);

void tt_program_types_close(struct tt_program_types *p); /* when it is loaded */

/* Finds all that those of its programs need that will be loaded. `ids` is their tt_type_ids. 0, -ENOENT (`missing`) or a negative
 * errno. */
int tt_program_types_find(struct tt_program_types *p, struct bpf_object *obj, const struct tt_types *types, uint32_t *ids);

/* bpf_object__load with what was found. */
int tt_program_types_load(struct tt_program_types *p, struct bpf_object *obj);

#endif
