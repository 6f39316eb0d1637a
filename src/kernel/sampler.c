// SPDX-License-Identifier: Apache-2.0
/* Programs run by a clock, on each processor (perf_event_open(2), PERF_COUNT_SW_CPU_CLOCK or PERF_COUNT_HW_CPU_CYCLES). */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "kernel/internal.h"

static int clock_open(unsigned cpu, const struct tt_sampler *how)
{
	struct perf_event_attr attr = {.size = sizeof(attr),
				       .type = how->cycles ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE,
				       .config = how->cycles ? PERF_COUNT_HW_CPU_CYCLES : PERF_COUNT_SW_CPU_CLOCK,
				       .freq = 1,
				       .sample_freq = how->hz,
				       .exclude_idle = !how->idle};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int tt_kernel_sample(struct tt_kernel *k, struct bpf_program *p, const struct tt_sampler *how)
{
	int last = -ENODEV;

	if (k->link_count == TT_LINKS_MOST)
		return -ENOSPC;
	struct bpf_link **samplers = reallocarray(k->samplers, k->sampler_count + k->cpus, sizeof(*samplers));
	if (!samplers)
		return -ENOMEM;
	k->samplers = samplers;
	size_t before = k->sampler_count;
	for (unsigned cpu = 0; cpu < k->cpus; cpu++) {
		int fd = clock_open(cpu, how);
		if (fd < 0) { /* one that is off */
			last = fd;
			continue;
		}
		struct bpf_link *link = bpf_program__attach_perf_event(p, fd);
		if (!link) {
			last = -errno;
			close(fd);
			return last;
		}
		k->samplers[k->sampler_count++] = link;
	}
	if (k->sampler_count == before)
		return last;
	/* For its counts; the links are above. */
	k->programs[k->link_count] = p;
	k->links[k->link_count++] = NULL;
	return 0;
}

void tt_kernel_sample_end(struct tt_kernel *k, void (*let_go)(struct bpf_link *link))
{
	for (size_t i = 0; i < k->sampler_count; i++)
		let_go(k->samplers[i]);
	free(k->samplers);
	k->samplers = NULL;
	k->sampler_count = 0;
}
