// SPDX-License-Identifier: Apache-2.0
#include "kernel/verified.h"

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* BPF_LOG_STATS of the kernel's include/linux/bpf_verifier.h: the statistics without the steps. */
#define TT_LOG_STATS 4

static struct {
	tt_verified_fn *fn;
	void *ctx;
} listener;

void tt_kernel_verified(tt_verified_fn *fn, void *ctx)
{
	listener.fn = fn;
	listener.ctx = ctx;
}

bool tt_verified_wanted(void)
{
	return listener.fn;
}

void tt_verified_ask(struct bpf_object *obj)
{
	struct bpf_program *p;

	if (!listener.fn)
		return;
	bpf_object__for_each_program(p, obj) bpf_program__set_log_level(p, TT_LOG_STATS);
}

/* libbpf: "libbpf: prog 'NAME': -- BEGIN PROG LOAD LOG --\n…processed N insns (limit 1000000) …". */
void tt_verified_look(const char *text)
{
	char name[64];
	unsigned instructions;
	const char *log = strstr(text, "-- BEGIN PROG LOAD LOG --");
	const char *processed = log ? strstr(log, "processed ") : NULL;

	if (listener.fn && processed && sscanf(text, "libbpf: prog '%63[^']'", name) == 1 &&
	    sscanf(processed, "processed %u insns", &instructions) == 1)
		listener.fn(listener.ctx, name, instructions);
}
