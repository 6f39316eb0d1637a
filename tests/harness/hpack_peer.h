/* SPDX-License-Identifier: Apache-2.0 */
/* Our HPACK reader beside libnghttp2's: both are given the same blocks and must say the same. */
#ifndef TT_HARNESS_HPACK_PEER_H
#define TT_HARNESS_HPACK_PEER_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>

#include "base/buf.h"
#include "proto/hpack.h"
#include "proto/proto.h"

struct tt_hpack_peers {
	struct tt_hpack ours;
	nghttp2_hd_inflater *theirs;
	struct tt_buf told[2]; /* what ours and theirs said of the last block */
};

/* Aborts without memory. keep: as tt_hpack_init, and the table size nghttp2 allows. */
void tt_hpack_peers_init(struct tt_hpack_peers *p, uint32_t keep);
void tt_hpack_peers_free(struct tt_hpack_peers *p);

/* Both read the block. False: both say it is not one, or it sets a larger table than allowed; nothing may follow. Aborts where
 * they differ in anything. */
bool tt_hpack_peers_block(struct tt_hpack_peers *p, struct tt_span block);

#define TT_HPACK_PEERS_FIRST 62u /* the index of the newest entry of a table: those before are the same for all */

/* The tables are the same, entry for entry. Aborts if not. Returns how many bytes that were, with their lengths. */
size_t tt_hpack_peers_tables(struct tt_hpack_peers *p);

/* As many entries, of as many bytes. Aborts if not. */
void tt_hpack_peers_sizes(const struct tt_hpack_peers *p);

/* The newest entries of the table, the first of which are put there; how many there are in all. Good until the next block. */
size_t tt_hpack_peers_table(const struct tt_hpack_peers *p, struct tt_header *ret, size_t most);

/*
 * What `late` says of the block is what the peers said of it last, or unknown. Aborts if it is anything else. Adds to the counts
 * how many names and values there were, and how many of them it knew.
 */
void tt_hpack_peers_late(struct tt_hpack_peers *p, struct tt_hpack *late, struct tt_span block, uint64_t *all, uint64_t *known);

#endif
