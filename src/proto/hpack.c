// SPDX-License-Identifier: Apache-2.0
#include "proto/hpack.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proto/hpack_huffman.h"
#include "proto/proto.h"

#define HPACK_STATIC 61
#define HPACK_SIZE_START 4096
#define HPACK_ENTRY_SIZE 32 /* what an entry counts beside its bytes (section 4.1) */

/* Text of a literal that is not kept is decoded into so much of the stack, longer ones elsewhere. */
#define HPACK_SHORT 1024

struct tt_hpack_entry {
	uint32_t at; /* in bytes: the name, then the value */
	uint32_t name_len;
	uint32_t value_len;
	uint8_t token; /* TT_HPACK_UNKNOWN: the name is not known */
	bool value_known;
};

struct hpack_row {
	struct tt_span name;
	struct tt_span value;
	enum tt_hpack_name token;
};

/* clang-format off */
#define ROW(token, name, value) {TT_SPAN_LIT(name), TT_SPAN_LIT(value), TT_HPACK_##token}
static const struct hpack_row hpack_static[HPACK_STATIC] = {
#include "proto/hpack_static.h"
};
#undef ROW
/* clang-format on */

enum tt_hpack_name tt_hpack_name(struct tt_span name)
{
	static const struct {
		struct tt_span name;
		enum tt_hpack_name token;
	} names[] = {
#define HPACK_NAME_ROW(id, text) {TT_SPAN_LIT(text), TT_HPACK_##id},
		TT_HPACK_NAMES(HPACK_NAME_ROW)
#undef HPACK_NAME_ROW
	};
	/* Of the names' lengths and first letters: one look tells most others apart. */
	static const uint32_t lengths = 1u << 4 | 1u << 5 | 1u << 7 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 15 |
					1u << 16 | 1u << 17 | 1u << 19 | 1u << 20;
	static const char letters[] = ":chugtx";

	if (name.len > 20 || !(lengths & 1u << name.len) || !memchr(letters, name.data[0], sizeof(letters) - 1))
		return TT_HPACK_OTHER;
	for (size_t i = 0; i < TT_ARRAY_LEN(names); i++) {
		if (tt_span_eq(name, names[i].name))
			return names[i].token;
	}
	return TT_HPACK_OTHER;
}

/* --- the table ---------------------------------------------------------------------------------------------------------- */

void tt_hpack_init(struct tt_hpack *h, uint32_t keep, bool from_start)
{
	*h = (struct tt_hpack){.keep = keep, .max = HPACK_SIZE_START, .sure = from_start, .below = !from_start};
}

void tt_hpack_free(struct tt_hpack *h)
{
	free(h->entries);
	free(h->bytes);
	*h = (struct tt_hpack){0};
}

void tt_hpack_unknown(struct tt_hpack *h)
{
	h->count = 0;
	h->size = 0;
	h->begin = h->end = 0;
	h->below = true;
	h->sure = false;
	h->max = HPACK_SIZE_START;
}

size_t tt_hpack_bytes(const struct tt_hpack *h)
{
	return h->cap + (h->entries ? (h->mask + 1) * sizeof(*h->entries) : 0);
}

void tt_hpack_forget(struct tt_hpack *h)
{
	uint32_t keep = h->keep;

	tt_hpack_free(h);
	h->keep = keep;
	tt_hpack_unknown(h);
}

static uint32_t hpack_room(const struct tt_hpack *h)
{
	return TT_MIN(h->max, h->keep);
}

static struct tt_hpack_entry *hpack_entry(const struct tt_hpack *h, uint32_t number)
{
	return &h->entries[number & h->mask];
}

static void hpack_drop_oldest(struct tt_hpack *h)
{
	const struct tt_hpack_entry *e = hpack_entry(h, h->newest - h->count);

	h->size -= HPACK_ENTRY_SIZE + e->name_len + e->value_len;
	h->begin = e->at + e->name_len + e->value_len;
	h->count--;
}

/* Drops old entries until `more` bytes have room. True if they have. */
static bool hpack_make_room(struct tt_hpack *h, uint64_t more)
{
	uint32_t room = hpack_room(h);

	while (h->count && h->size + more > room) {
		/* What has left the sender's table, too, has nothing older left behind. */
		h->below = !h->sure || h->size + more <= h->max;
		hpack_drop_oldest(h);
	}
	if (more > room)
		h->below = !h->sure || more <= h->max;
	return more <= room;
}

static void hpack_resize(struct tt_hpack *h, uint32_t max)
{
	h->max = max;
	h->sure = true;
	hpack_make_room(h, 0);
	if (max < HPACK_ENTRY_SIZE)
		h->below = false;
}

/* Makes n bytes free behind h->end; entries may move. */
static int hpack_reserve(struct tt_hpack *h, size_t n)
{
	if (n <= h->cap - h->end)
		return 0;

	size_t live = h->end - h->begin, cap = TT_MAX(h->cap, (size_t)512);
	while (live + n > cap / 4 * 3)
		cap *= 2;
	if (cap != h->cap) {
		uint8_t *bytes = realloc(h->bytes, cap);
		if (!bytes)
			return -ENOMEM;
		h->bytes = bytes;
		h->cap = cap;
	}
	memmove(h->bytes, h->bytes + h->begin, live);
	for (uint32_t i = 1; i <= h->count; i++)
		hpack_entry(h, h->newest - i)->at -= (uint32_t)h->begin;
	h->end = live;
	h->begin = 0;
	return 0;
}

static int hpack_more_entries(struct tt_hpack *h)
{
	uint32_t slots = h->entries ? 2 * (h->mask + 1) : 16;
	struct tt_hpack_entry *entries = calloc(slots, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	for (uint32_t i = 1; i <= h->count; i++)
		entries[(h->newest - i) & (slots - 1)] = *hpack_entry(h, h->newest - i);
	free(h->entries);
	h->entries = entries;
	h->mask = slots - 1;
	return 0;
}

/* The bytes behind h->end become an entry, if the table has room for one so large. */
static int hpack_insert(struct tt_hpack *h, const struct tt_hpack_field *f)
{
	size_t len = f->name.len + f->value.len;

	if (!hpack_make_room(h, HPACK_ENTRY_SIZE + (uint64_t)len))
		return 0;
	if ((!h->entries || h->count > h->mask) && hpack_more_entries(h) < 0)
		return -ENOMEM;
	*hpack_entry(h, h->newest++) = (struct tt_hpack_entry){
		.at = (uint32_t)h->end,
		.name_len = (uint32_t)f->name.len,
		.value_len = (uint32_t)f->value.len,
		.token = (uint8_t)f->token,
		.value_known = f->value.data != NULL,
	};
	h->count++;
	h->end += len;
	h->size += HPACK_ENTRY_SIZE + (uint32_t)len;
	return 0;
}

/* The entry with that index. -EBADMSG: there cannot be one. */
static inline int hpack_find(const struct tt_hpack *h, uint32_t index, struct tt_hpack_field *ret)
{
	if (index - 1 < HPACK_STATIC) {
		const struct hpack_row *row = &hpack_static[index - 1];
		*ret = (struct tt_hpack_field){row->name, row->value, row->token};
		return 0;
	}
	if (index == 0)
		return -EBADMSG;
	index -= HPACK_STATIC;
	if (index > h->count) {
		*ret = (struct tt_hpack_field){.token = TT_HPACK_UNKNOWN};
		return h->below ? 0 : -EBADMSG;
	}

	const struct tt_hpack_entry *e = hpack_entry(h, h->newest - index);
	const uint8_t *at = h->bytes + e->at;
	ret->token = (enum tt_hpack_name)e->token;
	ret->name = tt_span(e->token == TT_HPACK_UNKNOWN ? NULL : at, e->name_len);
	ret->value = tt_span(e->value_known ? at + e->name_len : NULL, e->value_len);
	return 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

struct hpack_reader {
	struct tt_hpack *h;
	const uint8_t *at;
	const uint8_t *end;
	uint32_t wanted;
	tt_hpack_emit emit;
	void *ctx;
};

struct hpack_string {
	struct tt_span coded;
	bool huffman;
};

/* An integer behind a prefix of so many bits (section 5.1). False: it goes on past the end or past 32 bits. */
static inline bool hpack_int(struct hpack_reader *r, unsigned bits, uint32_t *ret)
{
	uint32_t mask = (1u << bits) - 1;
	uint64_t v = *r->at++ & mask;

	if (v == mask) {
		unsigned shift = 0;
		uint8_t byte;
		do {
			if (r->at == r->end || shift > 28)
				return false;
			byte = *r->at++;
			v += (uint64_t)(byte & 0x7f) << shift;
			shift += 7;
		} while (byte & 0x80);
		if (v > UINT32_MAX)
			return false;
	}
	*ret = (uint32_t)v;
	return true;
}

static inline bool hpack_string(struct hpack_reader *r, struct hpack_string *ret)
{
	if (r->at == r->end)
		return false;
	ret->huffman = *r->at & 0x80;
	uint32_t len;
	if (!hpack_int(r, 7, &len) || len > (size_t)(r->end - r->at))
		return false;
	ret->coded = tt_span(r->at, len);
	r->at += len;
	return true;
}

static inline size_t hpack_most(const struct hpack_string *s)
{
	return s->huffman ? tt_huffman_most(s->coded.len) : s->coded.len;
}

/* The string's text, at `to` if it is Huffman-coded or has to be there. -EBADMSG. */
static inline int hpack_text(const struct hpack_string *s, uint8_t *to, bool copy, struct tt_span *ret)
{
	if (s->huffman) {
		ssize_t len = tt_huffman_decode(to, s->coded);
		if (len < 0)
			return (int)len;
		*ret = tt_span(to, (size_t)len);
		return 0;
	}
	*ret = s->coded;
	if (copy) {
		tt_copy_short(to, s->coded.data, s->coded.len);
		ret->data = to;
	}
	return 0;
}

static inline void hpack_tell(const struct hpack_reader *r, const struct tt_hpack_field *f)
{
	if (r->wanted & TT_HPACK_BIT(f->token))
		r->emit(r->ctx, f);
}

/* The literal's text goes behind the table's entries, where it stays if it is inserted. */
static int hpack_literal_kept(struct hpack_reader *r, uint32_t index, const struct hpack_string *name,
			      const struct hpack_string *value)
{
	struct tt_hpack *h = r->h;
	struct tt_hpack_field f = {0};
	int e = index ? hpack_find(h, index, &f) : 0;
	if (e < 0)
		return e;

	size_t most = (index ? f.name.len : hpack_most(name)) + hpack_most(value);
	if (hpack_reserve(h, most + 1) < 0 || !h->bytes)
		return -ENOMEM;
	uint8_t *to = h->bytes + h->end;
	if (index) {
		/* It may have moved. */
		hpack_find(h, index, &f);
		if (f.name.data) {
			tt_copy_short(to, f.name.data, f.name.len);
			f.name.data = to;
		}
	} else {
		e = hpack_text(name, to, true, &f.name);
		f.token = tt_hpack_name(f.name);
	}
	if (e == 0)
		e = hpack_text(value, to + f.name.len, true, &f.value);
	if (e < 0)
		return e;
	hpack_tell(r, &f);
	return hpack_insert(h, &f);
}

static int hpack_literal_shown(struct hpack_reader *r, uint32_t index, const struct hpack_string *name,
			       const struct hpack_string *value)
{
	uint8_t few[HPACK_SHORT];
	tt_free_auto uint8_t *many = NULL;
	uint8_t *to = few;
	struct tt_hpack_field f = {0};
	size_t most = index ? 0 : hpack_most(name);

	if (most + hpack_most(value) > sizeof(few)) {
		to = many = malloc(most + hpack_most(value));
		if (!many)
			return -ENOMEM;
	}
	int e = index ? hpack_find(r->h, index, &f) : hpack_text(name, to, false, &f.name);
	if (e < 0)
		return e;
	if (!index)
		f.token = tt_hpack_name(f.name);
	if (r->wanted & TT_HPACK_BIT(f.token)) {
		e = hpack_text(value, to + most, false, &f.value);
		if (e == 0)
			r->emit(r->ctx, &f);
	}
	return e;
}

static int hpack_literal(struct hpack_reader *r, unsigned bits, bool keep)
{
	uint32_t index;
	struct hpack_string name = {0}, value;

	if (!hpack_int(r, bits, &index) || (!index && !hpack_string(r, &name)) || !hpack_string(r, &value))
		return -EBADMSG;
	return keep ? hpack_literal_kept(r, index, &name, &value) : hpack_literal_shown(r, index, &name, &value);
}

static int hpack_indexed(struct hpack_reader *r)
{
	uint32_t index;
	struct tt_hpack_field f;

	if (!hpack_int(r, 7, &index))
		return -EBADMSG;
	int e = hpack_find(r->h, index, &f);
	if (e == 0)
		hpack_tell(r, &f);
	return e;
}

int tt_hpack_block(struct tt_hpack *h, struct tt_span block, uint32_t wanted, tt_hpack_emit emit, void *ctx)
{
	struct hpack_reader r = {h, block.data, block.data + block.len, wanted, emit, ctx};
	bool fields = false;
	int e = 0;

	while (e == 0 && r.at < r.end) {
		uint8_t first = *r.at;
		if ((first & 0xe0) == 0x20) {
			/* Only before the fields (section 4.2). */
			uint32_t max;
			e = !fields && hpack_int(&r, 5, &max) ? 0 : -EBADMSG;
			if (e == 0)
				hpack_resize(h, max);
			continue;
		}
		fields = true;
		if (first & 0x80)
			e = hpack_indexed(&r);
		else
			e = hpack_literal(&r, first & 0x40 ? 6 : 4, first & 0x40);
	}
	if (e < 0)
		tt_hpack_unknown(h);
	return e;
}

/* --- what is told from elsewhere ------------------------------------------------------------------------------------------ */

ssize_t tt_hpack_inserts(struct tt_span block)
{
	struct hpack_reader r = {.at = block.data, .end = block.data + block.len};
	ssize_t inserts = 0;

	while (r.at < r.end) {
		uint8_t first = *r.at;
		bool literal = !(first & 0x80) && (first & 0xe0) != 0x20, kept = literal && first & 0x40;
		struct hpack_string name, value;
		uint32_t index;

		if (!hpack_int(&r, !literal ? (first & 0x80 ? 7 : 5) : kept ? 6 : 4, &index))
			return -EBADMSG;
		if (literal && ((!index && !hpack_string(&r, &name)) || !hpack_string(&r, &value)))
			return -EBADMSG;
		inserts += kept;
	}
	return inserts;
}

/* As far as both are known. */
static bool hpack_same(struct tt_span known, struct tt_span told)
{
	return !known.data || (told.data ? tt_span_eq(known, told) : known.len == told.len);
}

static bool hpack_same_field(const struct tt_hpack_field *known, const struct tt_header *told)
{
	if (!told->name.data)
		return !known->name.data || !known->value.data ||
		       known->name.len + known->value.len == told->name.len + told->value.len;
	return hpack_same(known->name, told->name) && hpack_same(known->value, told->value);
}

/* All that was seen of the table is told alike, and the sizes are right. */
static bool hpack_fits(const struct tt_hpack *h, const struct tt_hpack_table *table, size_t newer)
{
	uint64_t size = 0;

	for (size_t i = 0; i < table->count; i++)
		size += HPACK_ENTRY_SIZE + table->header[i].name.len + table->header[i].value.len;
	if (table->whole ? size != table->size : size > table->size)
		return false;
	if (table->size > table->most || newer > table->count)
		return false;
	for (uint32_t i = 0; i < h->count && newer + i < table->count; i++) {
		struct tt_hpack_field f;

		if (hpack_find(h, HPACK_STATIC + 1 + i, &f) < 0 || !hpack_same_field(&f, &table->header[newer + i]))
			return false;
	}
	return true;
}

static int hpack_add(struct tt_hpack *h, const struct tt_header *header)
{
	struct tt_hpack_field f = {.name.len = header->name.len, .value.len = header->value.len, .token = TT_HPACK_UNKNOWN};

	if (hpack_reserve(h, f.name.len + f.value.len + 1) < 0 || !h->bytes)
		return -ENOMEM;
	uint8_t *to = h->bytes + h->end;
	memset(to, 0, f.name.len + f.value.len);
	if (header->name.data) {
		tt_copy_short(to, header->name.data, f.name.len);
		f.name.data = to;
		f.token = tt_hpack_name(header->name);
	}
	if (header->value.data) {
		tt_copy_short(to + f.name.len, header->value.data, f.value.len);
		f.value.data = to + f.name.len;
	}
	return hpack_insert(h, &f);
}

int tt_hpack_take(struct tt_hpack *h, const struct tt_hpack_table *table, size_t newer)
{
	struct tt_hpack told;

	if (!hpack_fits(h, table, newer))
		return -EINVAL;
	tt_hpack_init(&told, h->keep, true);
	told.max = table->most;
	for (size_t i = table->count; i > newer; i--) {
		if (hpack_add(&told, &table->header[i - 1]) < 0) {
			tt_hpack_free(&told);
			return -ENOMEM;
		}
	}
	/* What the newer ones have put out of it is not known. */
	told.below |= !table->whole || newer;
	tt_hpack_free(h);
	*h = told;
	return 0;
}
