// SPDX-License-Identifier: Apache-2.0
/* Links and programs in one process, maps in another. */
#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

#include "kernel/internal.h"

/* Closes our descriptor only: destroying a link that is a perf event would switch the event off for the other process too. */
static void link_let_go(struct bpf_link *link)
{
	int fd = bpf_link__fd(link);

	bpf_link__disconnect(link);
	bpf_link__destroy(link);
	if (fd >= 0)
		close(fd);
}

void tt_kernel_hand_over(struct tt_kernel *k, const struct tt_kernel_remote *remote, void *ctx)
{
	struct bpf_program *p;

	for (size_t i = 0; i < k->link_count; i++) {
		if (k->links[i])
			link_let_go(k->links[i]);
		k->links[i] = NULL;
	}
	bpf_object__for_each_program(p, k->obj) bpf_program__unload(p);
	k->remote = remote;
	k->remote_ctx = ctx;
}

void tt_kernel_unmap_rings(struct tt_kernel *k)
{
	k->rings = tt_rings_free(k->rings);
}

int tt_kernel_try_call(struct tt_kernel *k)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_map__fd(k->maps.counters), &info, &len) < 0 ? -errno : 0;
}
