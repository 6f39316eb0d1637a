/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verifier had to do: how many instructions it processed until a program was accepted. It grows with every branch of a
 * program, and the kernel gives up at a million, so the suite keeps an eye on it (tests/vm/verifier-cost).
 */
#ifndef TT_KERNEL_VERIFIED_H
#define TT_KERNEL_VERIFIED_H

#include <stdbool.h>
#include <stdint.h>

struct bpf_object;
struct tt_kernel;

typedef void tt_verified_fn(void *ctx, const char *program, uint32_t instructions);

/*
 * From now on every program tt_kernel_new loads is told to fn, with a name that lives as long as the call; NULL ends that. The
 * number is that of the verifier's statistics, which all kernels since 5.2 write when asked; a program that is refused is then
 * refused without the verifier's reason.
 */
void tt_kernel_verified(tt_verified_fn *fn, void *ctx);

/* The same of programs that are loaded. The kernel keeps it since 5.16 (aba64c7da983); before, fn is not called. */
void tt_kernel_verified_of(const struct tt_kernel *k, tt_verified_fn *fn, void *ctx);

/* --- for load.c --- */

/* Before the load: asks for the statistics, if somebody wants them. */
void tt_verified_ask(struct bpf_object *obj);
/* What libbpf says for finding faults: the statistics are among it. */
void tt_verified_look(const char *text);
/* Whether tt_verified_look is of any use. */
bool tt_verified_wanted(void);

#endif
