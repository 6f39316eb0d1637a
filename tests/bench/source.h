/* SPDX-License-Identifier: Apache-2.0 */
/* A source that makes its records up: connections that each say one talk's opening, then requests and responses in turn. */
#ifndef TT_BENCH_SOURCE_H
#define TT_BENCH_SOURCE_H

#include "source/source.h"
#include "talks.h"

#define TT_BENCH_STEP_NS 1000000u /* from one request to the next */

struct tt_bench_plan {
	const struct tt_bench_talk *talk;
	uint64_t exchanges;
	uint64_t connections; /* the exchanges go round them */
	bool both;	      /* the client is observed too */
	bool sealed; /* over TLS: the socket's ciphertext, and its plaintext from the library; of talks without an opening */
};

/* `plan` is copied, its talk borrowed. *ret untouched on failure (-ENOMEM). */
int tt_bench_source_new(struct tt_source **ret, const struct tt_bench_plan *plan);

#endif
