/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets out of a capture file, streaming: pcap (microseconds, nanoseconds, the modified header 0xa1b2cd34) and pcapng, either
 * byte order. Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
 */
#ifndef TT_SOURCE_PCAP_FILE_H
#define TT_SOURCE_PCAP_FILE_H

#include "shared/limits.h"
#include "source/reader.h"

struct tt_packet {
	uint64_t time_ns;    /* wall clock */
	uint32_t wire_len;   /* bytes it had; at least data.len */
	uint32_t link;	     /* LINKTYPE_ number */
	struct tt_span data; /* what was captured; borrowed until the next call */
};

/* One interface of a pcapng section. */
struct tt_pcap_interface {
	uint32_t link;
	uint32_t snaplen;   /* 0: none */
	uint8_t resolution; /* if_tsresol: below 128 a power of ten, else of two */
	int64_t offset_s;   /* if_tsoffset */
	uint64_t dropped;   /* as its last statistics say */
};

struct tt_pcap_file {
	struct tt_reader *reader; /* borrowed, must outlive */
	const struct tt_limits *limits;
	int (*next)(struct tt_pcap_file *f, struct tt_packet *ret); /* NULL: the header was not read yet */
	uint64_t used;						    /* bytes of the packet handed out last */
	bool big;						    /* big-endian numbers */
	bool nano;
	uint32_t head_len; /* of a packet's header */
	uint32_t link;
	struct tt_pcap_interface *interfaces;
	size_t interface_count;
	uint64_t last_ns; /* for packets without a time */
	uint64_t dropped; /* packets the capturing system says it lost */
};

void tt_pcap_file_init(struct tt_pcap_file *f, struct tt_reader *reader, const struct tt_limits *limits);
void tt_pcap_file_free(struct tt_pcap_file *f);

/* 0; -EAGAIN and -ENODATA as tt_reader_need; -EBADMSG: damaged from here on; -EPROTONOSUPPORT: a format not known. The reader's
 * error says more. */
int tt_pcap_file_next(struct tt_pcap_file *f, struct tt_packet *ret);

/* True if a file beginning with these bytes is pcap or pcapng. */
bool tt_pcap_file_known(struct tt_span head);

/* pcap_ng.c: blocks of a pcapng file, from its first section header on. */
int tt_pcap_ng_next(struct tt_pcap_file *f, struct tt_packet *ret);

#endif
