/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What telltale puts into the payload of ICMP echoes. Everything is big-endian; README.md has it for people, too.
 *
 *   0  4  magic        TT_PING_MAGIC
 *   4  1  version      TT_PING_VERSION; packets of another one are ignored
 *   5  1  kind         1 echo, 2 report
 *   6  2  length       bytes of this format, from the magic on; what follows is filling
 *   8  8  session      chosen by chance by who asks, for one run
 *  16  4  number       of the echo in its session, from 0 on
 *  20  4  flags        1: a report is wanted (echo)
 *  24 16  0            no packet says what time any clock has, nor whose it is: whoever is asked, or asks, may be anybody
 *  40  n  steps        of a report, 12 bytes each: point (1), of the reply (1: 0 or 1), 0 (2), ns since the first step (8)
 *
 * The kernel that is asked answers an echo itself. Who serves sends a second reply with the same ICMP id and sequence, no longer
 * than the request was: the report.
 */
#ifndef TT_PING_PACKET_H
#define TT_PING_PACKET_H

#include <stdbool.h>

#include "base/span.h"
#include "tools/ping/ping.h"

#define TT_PING_STEPS_MOST 24
#define TT_PING_STEP_LEN 12

enum tt_ping_flags {
	TT_PING_WANT_REPORT = 1,
};

struct tt_ping_step {
	uint8_t point; /* enum tt_ping_point_kind */
	bool reply;
	uint64_t ns; /* since the first step; never less than the step before has */
};

struct tt_ping_packet {
	uint8_t kind; /* enum tt_ping_packet_kind */
	uint64_t session;
	uint32_t number;
	uint32_t flags;
	struct tt_ping_step step[TT_PING_STEPS_MOST];
	size_t step_count;
};

/* A payload. 0; -EINVAL: it is none of telltale's, or not as it should be; -EPROTONOSUPPORT: of another version. */
int tt_ping_packet_read(struct tt_span payload, struct tt_ping_packet *ret);

/* Fills all of `size` bytes, at least TT_PING_HEAD; steps that have no room are left out. */
void tt_ping_packet_write(const struct tt_ping_packet *p, uint8_t *to, size_t size);

/* What a raw socket gets: of IPv4 with its header, of IPv6 without. */
struct tt_ping_message {
	bool reply; /* else a request */
	uint16_t id;
	uint16_t sequence;
	struct tt_ping_packet packet;
};

/* `family` is 4 or 6. As tt_ping_packet_read. */
int tt_ping_message_read(struct tt_span message, unsigned family, struct tt_ping_message *ret);

#define TT_PING_ICMP_LEN 8

/* The ICMP header in front of a payload that is there already; for IPv6 the kernel makes the checksum. */
void tt_ping_message_head(uint8_t *message, size_t size, unsigned family, bool reply, uint16_t id, uint16_t sequence);

#endif
