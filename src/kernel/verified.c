// SPDX-License-Identifier: Apache-2.0
#include "kernel/verified.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/internal.h"

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
	static const char says[] = "processed ", whose[] = "libbpf: prog '";
	const char *log = strstr(text, "-- BEGIN PROG LOAD LOG --");
	const char *processed = log ? strstr(log, says) : NULL;
	char name[64];

	if (!listener.fn || !processed || strncmp(text, whose, sizeof(whose) - 1) != 0)
		return;
	text += sizeof(whose) - 1;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "'"), text);
	listener.fn(listener.ctx, name, (uint32_t)strtoul(processed + sizeof(says) - 1, NULL, 10));
}

void tt_kernel_verified_of(const struct tt_kernel *k, tt_verified_fn *fn, void *ctx)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, k->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);
		int fd = bpf_program__fd(p);

		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.verified_insns)
			fn(ctx, bpf_program__name(p), info.verified_insns);
	}
}
