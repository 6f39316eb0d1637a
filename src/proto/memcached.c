// SPDX-License-Identifier: Apache-2.0
/*
 * memcached: the text protocol with its meta commands (protocol.txt of memcached,
 * https://github.com/memcached/memcached/blob/master/doc/protocol.txt) and the binary one
 * (https://github.com/memcached/memcached/wiki/BinaryProtocolRevamped).
 *
 * Answers come in the order of the requests. A quiet command is answered only if it did not go the usual way; that it did is
 * known when the answer to a later one comes, and its exchange has a response of no bytes then. In datagrams each answer repeats
 * its request's id.
 */
#include "proto/memcached.h"

#include "base/own.h"
#include "shared/limits.h"

/* Of a value of at least this size that has not come yet, the source is asked not to copy it. */
#define WISH_FROM (64u << 10)

uint64_t tt_memcached_pass(struct tt_link *link, enum tt_side side, struct tt_input *in, uint64_t n)
{
	uint64_t end = in->c.pos + n;
	size_t left = tt_cursor_left(&in->c);

	if (n <= left) {
		tt_cursor_skip(&in->c, n);
		return end;
	}
	if (in->datagram) {
		tt_cursor_skip(&in->c, left);
		return in->c.pos;
	}
	if (n - left >= WISH_FROM)
		tt_wish(link, side, in, end, (uint32_t)tt_link_limit(link, TT_LIMIT_CAPTURE_BYTES));
	tt_skip(link, side, n);
	return end;
}

uint64_t tt_memcached_hash(struct tt_span s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.data[i]) * 0x100000001b3u;
	return h;
}

/* What no answer means, where it means one thing only. */
static const char *silent_status(uint32_t kind)
{
	if (kind & TT_MEMCACHED_BINARY) {
		bool quiet;
		const char *name = tt_memcached_opcode((uint8_t)(kind >> TT_MEMCACHED_OPCODE_SHIFT), &quiet);
		return name && (name[0] == 'G') ? "NOT_FOUND" : "OK";
	}
	switch (kind >> TT_MEMCACHED_META_SHIFT) {
	case 'g':
		return "EN";
	case 's':
		return "HD";
	default:
		return NULL; /* done, or there was nothing to do it to */
	}
}

void tt_memcached_silent(struct tt_link *link, const struct tt_message *request, const struct tt_input *in, size_t at, bool doubt)
{
	const char *status = silent_status(request->kind);

	struct tt_message *m = tt_response_begin(link, in, at);
	if (status)
		tt_message_text(m, TT_TEXT_STATUS, tt_span_str(status));
	if (m)
		m->incomplete = doubt;
	tt_message_end(link, m, in, at);
}

static enum tt_step memcached_parse(struct tt_link *link, enum tt_side side, struct tt_input *in)
{
	struct tt_memcached *s = tt_link_state(link);

	if (in->datagram)
		return tt_memcached_datagram(link, s, side, in);
	if (tt_cursor_left(&in->c) == 0)
		return TT_MORE;
	uint8_t first = in->c.data[in->c.pos];
	if (side == TT_REQUESTS)
		return first == 0x80 && !s->long_line ? tt_memcached_binary_request(link, s, in)
						      : tt_memcached_text_request(link, s, in);
	return first == 0x81 ? tt_memcached_binary_answer(link, s, in) : tt_memcached_text_answer(link, s, in);
}

static void memcached_gap(struct tt_link *link, enum tt_side side, uint64_t n)
{
	struct tt_memcached *s = tt_link_state(link);

	if (side == TT_REQUESTS) {
		s->long_line = false;
		s->request = NULL;
	} else {
		s->answering = false;
		s->response = NULL;
	}
}

static const struct tt_proto_doc doc = {
	.title = "memcached",
	.specification = "[protocol.txt](https://github.com/memcached/memcached/blob/master/doc/protocol.txt), "
			 "[binary protocol](https://github.com/memcached/memcached/wiki/BinaryProtocolRevamped)",
	.recognised = "text: a known command with arguments of the right shape and, unless data follow it, a known answer; "
		      "binary: a header whose opcode, lengths and data type fit together. The same in mid-connection, and behind "
		      "the frame header of a "
		      "datagram",
	.operation = "the command in upper case, `GET`, `SET`, `MG`; the binary protocol's have the text protocol's names",
	.resource = "the first key",
	.status = "text: the answer's first word (`STORED`, `END`, `HD`), `OK` where that is a number or a version; binary: the "
		  "status' name. "
		  "Failures: `ERROR`, `CLIENT_ERROR`, `SERVER_ERROR`, and binary statuses that are not about the item's presence",
	.limits = "Over UDP only the text protocol is read, paired by the request's id, and its meta commands' quiet flag not "
		  "regarded. "
		  "Quiet meta commands without key (`k`) and opaque (`O`) in their answer cannot be told apart: "
		  "incomplete",
	.verified = "memcached 1.6 with pymemcache, libmemcached (text and binary) and hand-written bytes, over UDP with "
		    "hand-written datagrams, against the server's "
		    "own counts",
};

const struct tt_proto tt_proto_memcached = {
	.name = "memcached",
	.doc = &doc,
	.pairing = TT_PAIR_IN_ORDER,
	.stream = true,
	.datagram = true,
	.state_size = sizeof(struct tt_memcached),
	.detect = tt_memcached_detect,
	.parse = memcached_parse,
	.gap = memcached_gap,
	.resync = tt_memcached_resync,
};
