/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of segments reported last, of all flows in one ring of fixed size: what comes again is held against them. What the
 * ring has written over is not known any more.
 */
#ifndef TT_SOURCE_PCAP_HISTORY_H
#define TT_SOURCE_PCAP_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "source/pieces.h"

struct tt_history {
	uint8_t *ring; /* NULL until the first segment */
	uint64_t size;
	uint64_t head; /* where the next one is put; grows for ever, modulo `size` it is the place in the ring */
};

/* `size` in bytes; the ring is made with the first segment. */
void tt_history_init(struct tt_history *h, uint64_t size);
void tt_history_free(struct tt_history *h);

/* Keeps a copy of bytes at this offset. *latest, 0 at first, names what was kept of their direction last. Without memory, and of
 * a segment larger than an eighth of the ring, nothing is kept. */
void tt_history_add(struct tt_history *h, uint64_t *latest, int64_t off, struct tt_span data);

/* True if bytes that came again differ from those that are known: *ret is from the first such byte to behind the last. */
bool tt_history_differs(const struct tt_history *h, uint64_t latest, int64_t off, struct tt_span data, struct tt_conflict *ret);

#endif
