// SPDX-License-Identifier: Apache-2.0
#include "source/pcap_fragment.h"

#include "base/own.h"
#include "source/pieces.h"

/* RFC 8200 section 4.5 gives fragments a minute; Linux half of it. */
#define TT_FRAGMENT_NS (30 * 1000000000ull)
#define TT_FRAGMENT_MAX 65535u
/* So many packets are looked through for each fragment; captures have few at once. */
#define TT_FRAGMENT_PACKETS 256

/* A packet of which parts came. */
struct tt_fragmented {
	struct tt_fragmented *prev, *next; /* older, newer */
	struct tt_ip first;		   /* of the part that came first; its payload is not used */
	uint8_t protocol;		   /* of the part at offset 0 */
	uint32_t total;			   /* payload bytes, once the last part came; else 0 */
	uint64_t time_ns;
	struct tt_pieces parts;
};

void tt_fragments_init(struct tt_fragments *f, const struct tt_limits *limits)
{
	*f = (struct tt_fragments){.limits = limits};
}

static void tt_fragmented_free(struct tt_fragments *f, struct tt_fragmented *p)
{
	f->bytes -= sizeof(*p) + p->parts.bytes;
	tt_pieces_free(&p->parts);
	free(p);
}

static void tt_fragments_unlink(struct tt_fragments *f, struct tt_fragmented *p)
{
	*(p->prev ? &p->prev->next : &f->oldest) = p->next;
	*(p->next ? &p->next->prev : &f->newest) = p->prev;
}

static void tt_fragments_drop(struct tt_fragments *f, struct tt_fragmented *p)
{
	tt_fragments_unlink(f, p);
	tt_fragmented_free(f, p);
	f->dropped++;
}

void tt_fragments_free(struct tt_fragments *f)
{
	while (f->oldest) {
		struct tt_fragmented *p = f->oldest;
		f->oldest = p->next;
		tt_fragmented_free(f, p);
	}
	f->newest = NULL;
	free(f->whole);
	f->whole = NULL;
}

static bool tt_fragmented_same(const struct tt_ip *a, const struct tt_ip *b)
{
	return a->fragment_id == b->fragment_id && a->network == b->network && memcmp(&a->src, &b->src, sizeof(a->src)) == 0 &&
	       memcmp(&a->dst, &b->dst, sizeof(a->dst)) == 0 && (a->src.family == TT_FAMILY_INET6 || a->protocol == b->protocol);
}

static struct tt_fragmented *tt_fragments_find(struct tt_fragments *f, const struct tt_ip *part, uint64_t time_ns)
{
	size_t count = 0;

	while (f->oldest && time_ns > f->oldest->time_ns && time_ns - f->oldest->time_ns > TT_FRAGMENT_NS)
		tt_fragments_drop(f, f->oldest);
	for (struct tt_fragmented *p = f->oldest; p; p = p->next) {
		if (tt_fragmented_same(&p->first, part))
			return p;
		count++;
	}
	if (count >= TT_FRAGMENT_PACKETS)
		tt_fragments_drop(f, f->oldest);

	struct tt_fragmented *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->first = *part;
	p->time_ns = time_ns;
	p->prev = f->newest;
	*(f->newest ? &f->newest->next : &f->oldest) = p;
	f->newest = p;
	f->bytes += sizeof(*p);
	return p;
}

/* Whether the parts follow each other without a hole up to the end. */
static bool tt_fragmented_whole(struct tt_fragmented *p)
{
	if (!p->total || p->parts.covered < p->total || p->parts.head->off)
		return false;
	return tt_pieces_whole(&p->parts) >= p->total;
}

/* Copies what was captured up to the first byte that was not. */
static uint32_t tt_fragmented_copy(const struct tt_fragmented *p, uint8_t *to)
{
	uint32_t at = 0;

	for (const struct tt_piece *piece = p->parts.head; piece && at < p->total; piece = piece->next) {
		uint32_t n = TT_MIN(piece->captured, p->total - at);
		memcpy(to + at, piece->data, n);
		at += n;
		if (piece->captured < piece->len)
			break;
	}
	return at;
}

static bool tt_fragments_finish(struct tt_fragments *f, struct tt_fragmented *p, struct tt_ip *ret)
{
	if (!f->whole)
		f->whole = malloc(TT_FRAGMENT_MAX);
	if (!f->whole) {
		tt_fragments_drop(f, p);
		return false;
	}

	uint32_t captured = tt_fragmented_copy(p, f->whole);
	*ret = p->first;
	ret->protocol = p->protocol;
	ret->fragment = ret->more = false;
	ret->payload = (struct tt_wire){.data = tt_span(f->whole, captured), .wire_len = p->total};
	tt_fragments_unlink(f, p);
	tt_fragmented_free(f, p);
	return true;
}

bool tt_fragments_add(struct tt_fragments *f, const struct tt_ip *part, uint64_t time_ns, struct tt_ip *ret)
{
	struct tt_wire payload = part->payload;

	if (!payload.wire_len || payload.wire_len > TT_FRAGMENT_MAX || part->fragment_off > TT_FRAGMENT_MAX - payload.wire_len) {
		f->dropped++;
		return false;
	}
	struct tt_fragmented *p = tt_fragments_find(f, part, time_ns);
	if (!p) {
		f->dropped++;
		return false;
	}

	if (!part->fragment_off)
		p->protocol = part->protocol;
	if (!part->more && !p->total)
		p->total = part->fragment_off + payload.wire_len;
	f->bytes -= p->parts.bytes;
	int r = tt_pieces_add(&p->parts, part->fragment_off, payload.wire_len, payload.data, time_ns);
	f->bytes += p->parts.bytes;
	if (r < 0) {
		tt_fragments_drop(f, p);
		return false;
	}
	if (tt_fragmented_whole(p))
		return tt_fragments_finish(f, p, ret);
	while (f->oldest && f->bytes > f->limits->value[TT_LIMIT_PCAP_FRAGMENT_BYTES])
		tt_fragments_drop(f, f->oldest);
	return false;
}
