// SPDX-License-Identifier: Apache-2.0
/*
 * A command field by field (https://activemq.apache.org/components/classic/documentation/openwire-version-2-specification).
 * Loose: what is there, one behind the other, booleans as bytes. Tight: the booleans of the whole command in front as bits, among
 * them what is left out and how long numbers are. With a table, an object comes once with its place, later the place alone: every
 * field has to be walked to know what the places stand for.
 */
#include "base/own.h"
#include "proto/openwire.h"

#define DEPTH_MOST 6u

struct walk {
	struct openwire_format format;
	struct tt_cursor c;
	struct tt_span bits;
	size_t bit;
	bool wrong;
	bool stopped; /* the rest is not walked: its end says nothing */
	bool beyond;  /* what follows is not there: only bits are known */
	uint64_t missing;
	unsigned depth;
	struct tt_sql_table *names;
	struct openwire_said *said;
};

static void walk_layout(struct walk *w, const char *layout);
static void walk_object(struct walk *w, uint8_t *ret_type, struct tt_span *ret_name);

static bool over(const struct walk *w)
{
	return w->wrong || w->stopped;
}

/* What is missing hides the rest; of a command that is all there, that is a fault. */
static void run_short(struct walk *w)
{
	w->wrong |= !w->missing;
	w->stopped = true;
	w->said->lost = true;
}

static struct tt_span take(struct walk *w, uint64_t n)
{
	if (over(w) || w->beyond)
		return tt_span(NULL, 0);
	if (n > tt_cursor_left(&w->c)) {
		run_short(w);
		return tt_span(NULL, 0);
	}
	return tt_cursor_take(&w->c, (size_t)n);
}

static uint32_t number(struct walk *w, size_t bytes)
{
	struct tt_span s = take(w, bytes);
	uint32_t v = 0;

	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | s.data[i];
	return v;
}

static bool flag(struct walk *w)
{
	if (over(w))
		return false;
	if (!w->format.tight) {
		uint32_t v = number(w, 1);
		w->wrong |= v > 1;
		return v == 1;
	}
	if (w->bit / 8 >= w->bits.len) {
		w->wrong = true;
		return false;
	}
	bool v = w->bits.data[w->bit / 8] >> (w->bit % 8) & 1;
	w->bit++;
	return v;
}

/* --- fields ------------------------------------------------------------------------------------------------------------------
 */

/* Something that only its bytes could tell, where they are not there. */
static bool hidden(struct walk *w)
{
	if (w->beyond) {
		w->stopped = true;
		w->said->lost = true;
	}
	return over(w);
}

static struct tt_span walk_string(struct walk *w)
{
	if (!flag(w))
		return tt_span(NULL, 0);
	if (w->format.tight)
		flag(w); /* ASCII: it makes no difference here */
	return take(w, number(w, 2));
}

static void walk_long(struct walk *w)
{
	if (!w->format.tight) {
		take(w, 8);
		return;
	}
	bool wide = flag(w), more = flag(w);
	take(w, wide ? (more ? 8 : 4) : more ? 2 : 0);
}

static void walk_bytes(struct walk *w)
{
	if (!flag(w) || w->beyond)
		return;
	uint32_t n = number(w, 4);
	if (over(w))
		return;
	if (n > tt_cursor_left(&w->c) && w->format.tight && n <= tt_cursor_left(&w->c) + w->missing) {
		w->beyond = true;
		return;
	}
	take(w, n);
}

/* Its class and what it says; where it was thrown may follow and is not read. */
static void walk_exception(struct walk *w)
{
	if (!flag(w) || hidden(w))
		return;
	struct tt_span name = walk_string(w), text = walk_string(w);
	if (over(w))
		return;
	if (!w->said->exception.data) {
		w->said->exception = name;
		w->said->text = text;
	}
	w->stopped = true;
}

static void walk_list(struct walk *w)
{
	if (!flag(w) || hidden(w))
		return;
	for (uint32_t n = number(w, 2); n && !over(w); n--) {
		uint8_t type;
		struct tt_span name;
		walk_object(w, &type, &name);
	}
}

static bool is_destination(uint8_t type)
{
	const struct openwire_type *t = openwire_type(type);

	return t && t->kind == OPENWIRE_DESTINATION;
}

/* An object, or none (type 0). Of a destination the name is given. */
static void walk_object(struct walk *w, uint8_t *ret_type, struct tt_span *ret_name)
{
	*ret_type = 0;
	*ret_name = tt_span(NULL, 0);
	if (!flag(w) || hidden(w))
		return;
	uint8_t number_of_type = (uint8_t)number(w, 1);
	if (over(w))
		return;
	const struct openwire_type *type = openwire_type(number_of_type);
	if (!type || type->kind == OPENWIRE_WIRE_FORMAT || w->depth >= DEPTH_MOST) {
		/* One that is not known here: the command goes on, but not for us. */
		w->wrong |= number_of_type == 0;
		w->stopped = w->said->lost = true;
		return;
	}
	*ret_type = number_of_type;
	/* A message may have come as it was kept, with bits of its own: nobody writes that. */
	if (w->format.tight && type->kind == OPENWIRE_MESSAGE)
		w->wrong |= flag(w);
	if (type->kind == OPENWIRE_DESTINATION) {
		*ret_name = walk_string(w);
		return;
	}
	w->depth++;
	if (type->kind != OPENWIRE_PART)
		walk_layout(w, "IB");
	walk_layout(w, type->layout);
	w->depth--;
}

static void keep(struct walk *w, uint16_t index, uint8_t type, struct tt_span name)
{
	struct openwire_said *said = w->said;

	if (over(w))
		return;
	if (said->sets >= OPENWIRE_SETS_MOST) {
		said->lost = true;
		return;
	}
	said->set[said->sets++] = (struct openwire_set){index, type, is_destination(type) ? name : tt_span(NULL, 0)};
}

/* What the place stands for: a set of this command, or one of before. The kept text is the type and the name; no object has a
 * place, too. */
static bool look_up(struct walk *w, uint16_t index, uint8_t *ret_type, struct tt_span *ret_name)
{
	uint8_t key[OPENWIRE_KEY_BYTES];

	for (uint32_t i = w->said->sets; i-- > 0;) {
		if (w->said->set[i].index == index) {
			*ret_type = w->said->set[i].type;
			*ret_name = w->said->set[i].name;
			return true;
		}
	}
	const struct tt_sql_text *text = w->names ? tt_sql_table_get(w->names, openwire_key(index, key)) : NULL;
	struct tt_span kept = text ? tt_sql_text_span(text) : tt_span(NULL, 0);
	if (!kept.len)
		return false;
	*ret_type = kept.data[0];
	if (*ret_type)
		*ret_name = tt_span_sub(kept, 1, kept.len - 1);
	return true;
}

/* An object kept in the table; true if there is one, or may be. */
static bool walk_kept(struct walk *w, uint8_t *ret_type, struct tt_span *ret_name)
{
	*ret_type = 0;
	*ret_name = tt_span(NULL, 0);
	w->said->kept = true;
	if (!w->format.cache) {
		walk_object(w, ret_type, ret_name);
		return *ret_type != 0;
	}
	bool fresh = flag(w);
	if (fresh && hidden(w))
		return false;
	uint16_t index = (uint16_t)number(w, 2);
	if (over(w) || w->beyond)
		return false;
	if (!fresh)
		return !look_up(w, index, ret_type, ret_name) || *ret_type != 0;
	walk_object(w, ret_type, ret_name);
	keep(w, index, *ret_type, *ret_name);
	return *ret_type != 0;
}

static void walk_destination(struct walk *w, bool kept)
{
	uint8_t type;
	struct tt_span name;
	bool there;

	if (kept) {
		there = walk_kept(w, &type, &name);
	} else {
		walk_object(w, &type, &name);
		there = type != 0;
	}
	if (over(w) || w->depth)
		return;
	w->wrong |= type && !is_destination(type);
	w->said->has_destination = there;
	w->said->destination_type = type;
	w->said->destination = name;
}

static void walk_field(struct walk *w, char field)
{
	struct openwire_said *said = w->said;
	uint8_t type;
	struct tt_span name;

	switch (field) {
	case 'A':
		walk_list(w);
		break;
	case 'B':
		flag(w);
		break;
	case 'C':
		walk_kept(w, &type, &name);
		break;
	case 'D':
	case 'E':
		walk_destination(w, field == 'D');
		break;
	case 'I':
		number(w, 4);
		break;
	case 'L':
		walk_long(w);
		break;
	case 'M':
		said->messages = (int32_t)number(w, 4);
		break;
	case 'N':
		walk_object(w, &type, &name);
		break;
	case 'Q':
		walk_bytes(w);
		break;
	case 'R':
		said->correlation = number(w, 4);
		break;
	case 'S':
		walk_string(w);
		break;
	case 'T':
		said->transaction = (uint8_t)number(w, 1);
		said->has_transaction = !over(w);
		break;
	case 'X':
		walk_exception(w);
		break;
	case 'Y':
		number(w, 1);
		break;
	default:
		break;
	}
}

static void walk_layout(struct walk *w, const char *layout)
{
	unsigned since = 1;

	for (; *layout && !over(w); layout++) {
		char c = *layout;
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))
			since = c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
		else if (w->format.version >= since)
			walk_field(w, c);
	}
}

/* --- a command ---------------------------------------------------------------------------------------------------------------
 */

/* The bits in front, with their length in one, two or three bytes. */
static void take_bits(struct walk *w)
{
	uint32_t n = number(w, 1);

	if (n == 0xc0)
		n = number(w, 1);
	else if (n == 0x80)
		n = number(w, 2);
	else
		w->wrong |= n == 0 || n >= 64;
	w->bits = take(w, n);
}

bool openwire_walk(const struct openwire_type *type, struct openwire_format format, struct tt_span bytes, uint64_t missing,
		   struct tt_sql_table *names, struct openwire_said *ret)
{
	struct walk w = {.format = format, .c = tt_cursor(bytes), .missing = missing, .names = names, .said = ret};

	*ret = (struct openwire_said){0};
	if (format.tight)
		take_bits(&w);
	ret->id = number(&w, 4);
	ret->response_required = flag(&w);
	/* Not even that much is there. */
	if (over(&w))
		return false;
	walk_layout(&w, type->layout);
	if (w.wrong)
		return false;
	if (w.stopped)
		return true;
	bool all_bits = !format.tight || (w.bit + 7) / 8 == w.bits.len;
	ret->whole = all_bits && !w.beyond && !tt_cursor_left(&w.c) && !missing;
	return ret->whole || (w.beyond && all_bits);
}
