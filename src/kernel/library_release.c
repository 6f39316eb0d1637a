// SPDX-License-Identifier: Apache-2.0
/*
 * Letting go of probes takes the kernel long, and whoever is new is to be observed meanwhile: a thread of its own does it. By
 * perf the kernel does it under the lock that a new probe wants, so new processes come first there.
 */
#include <bpf/libbpf.h>
#include <pthread.h>
#include <time.h>

#include "kernel/internal.h"

#define REST_MS 100 /* at most, for each link */

static void link_destroy(struct bpf_link *link)
{
	bpf_link__destroy(link);
}

static void rest(struct tt_kernel *k)
{
	static const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i < REST_MS && tt_plaintext_busy(k); i++)
		nanosleep(&ms, NULL);
}

static void *release(void *kernel)
{
	struct tt_kernel *k = kernel;
	struct tt_library_release *r = &k->release;

	for (struct tt_library_file *f = r->going; f; f = f->next) {
		while (f->link_count && !__atomic_load_n(&r->ending, __ATOMIC_RELAXED)) {
			rest(k);
			link_destroy(f->links[--f->link_count]);
		}
	}
	if (!__atomic_load_n(&r->ending, __ATOMIC_RELAXED))
		tt_library_files_free(&r->going, link_destroy);
	__atomic_store_n(&r->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void tt_library_release(struct tt_kernel *k)
{
	struct tt_library_release *r = &k->release;

	if (r->begun && !__atomic_load_n(&r->done, __ATOMIC_ACQUIRE))
		return;
	if (r->begun)
		pthread_join(r->thread, NULL);
	r->begun = r->done = false;
	if (!r->gone)
		return;
	r->going = r->gone;
	r->gone = NULL;
	r->begun = pthread_create(&r->thread, NULL, release, k) == 0;
	if (r->begun) {
		r->count = 0;
		return;
	}
	r->gone = r->going;
	r->going = NULL;
}

void tt_library_release_end(struct tt_kernel *k)
{
	struct tt_library_release *r = &k->release;

	if (!r->begun)
		return;
	__atomic_store_n(&r->ending, true, __ATOMIC_RELAXED);
	pthread_join(r->thread, NULL);
	r->begun = false;
}

void tt_library_release_free(struct tt_kernel *k, void (*let_go)(struct bpf_link *link))
{
	tt_library_files_free(&k->release.going, let_go);
	tt_library_files_free(&k->release.gone, let_go);
}
