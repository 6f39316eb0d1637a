// SPDX-License-Identifier: Apache-2.0
/* LDAP's messages as BER, filters, results by name, and telling LDAP by them. */
#include "base/own.h"
#include "proto/ldap.h"

#define SEQUENCE 0x30
#define INTEGER 0x02
#define OCTETS 0x04
#define ENUMERATED 0x0a
#define CONTROLS 0xa0
#define FILTER_DEPTH 16u
#define FILTER_PARTS 256u

static const struct {
	uint8_t op;
	bool answer;
	uint32_t least; /* of its content */
	uint32_t most;	/* 0: any */
} ops[] = {
	{TT_LDAP_BIND, false, 7, 0},	    {TT_LDAP_UNBIND, false, 0, 0},	 {TT_LDAP_SEARCH, false, 19, 0},
	{TT_LDAP_MODIFY, false, 4, 0},	    {TT_LDAP_ADD, false, 4, 0},		 {TT_LDAP_DELETE, false, 0, 0},
	{TT_LDAP_RENAME, false, 7, 0},	    {TT_LDAP_COMPARE, false, 4, 0},	 {TT_LDAP_ABANDON, false, 1, 4},
	{TT_LDAP_EXTENDED, false, 3, 0},    {TT_LDAP_BIND_DONE, true, 7, 0},	 {TT_LDAP_ENTRY, true, 4, 0},
	{TT_LDAP_SEARCH_DONE, true, 7, 0},  {TT_LDAP_REFERENCE, true, 2, 0},	 {TT_LDAP_MODIFY_DONE, true, 7, 0},
	{TT_LDAP_ADD_DONE, true, 7, 0},	    {TT_LDAP_DELETE_DONE, true, 7, 0},	 {TT_LDAP_RENAME_DONE, true, 7, 0},
	{TT_LDAP_COMPARE_DONE, true, 7, 0}, {TT_LDAP_EXTENDED_DONE, true, 7, 0}, {TT_LDAP_INTERMEDIATE, true, 0, 0},
};

static const struct {
	uint16_t code;
	const char *name;
} results[] = {
	{0, "success"},
	{1, "operationsError"},
	{2, "protocolError"},
	{3, "timeLimitExceeded"},
	{4, "sizeLimitExceeded"},
	{5, "compareFalse"},
	{6, "compareTrue"},
	{7, "authMethodNotSupported"},
	{8, "strongerAuthRequired"},
	{10, "referral"},
	{11, "adminLimitExceeded"},
	{12, "unavailableCriticalExtension"},
	{13, "confidentialityRequired"},
	{14, "saslBindInProgress"},
	{16, "noSuchAttribute"},
	{17, "undefinedAttributeType"},
	{18, "inappropriateMatching"},
	{19, "constraintViolation"},
	{20, "attributeOrValueExists"},
	{21, "invalidAttributeSyntax"},
	{32, "noSuchObject"},
	{33, "aliasProblem"},
	{34, "invalidDNSyntax"},
	{36, "aliasDereferencingProblem"},
	{48, "inappropriateAuthentication"},
	{49, "invalidCredentials"},
	{50, "insufficientAccessRights"},
	{51, "busy"},
	{52, "unavailable"},
	{53, "unwillingToPerform"},
	{54, "loopDetect"},
	{64, "namingViolation"},
	{65, "objectClassViolation"},
	{66, "notAllowedOnNonLeaf"},
	{67, "notAllowedOnRDN"},
	{68, "entryAlreadyExists"},
	{69, "objectClassModsProhibited"},
	{71, "affectsMultipleDSAs"},
	{80, "other"},
	{118, "canceled"},
	{119, "noSuchOperation"},
	{120, "tooLate"},
	{121, "cannotCancel"},
	{122, "assertionFailed"},
	{123, "authorizationDenied"},
	{4096, "e-syncRefreshRequired"},
};

const char *tt_ldap_result_name(int64_t code)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(results); i++) {
		if (results[i].code == code)
			return results[i].name;
	}
	return NULL;
}

/* --- elements --------------------------------------------------------------------------------------------------------------- */

enum tt_step tt_ldap_read_tlv(struct tt_cursor *c, uint8_t *ret_tag, uint32_t *ret_len)
{
	size_t at = c->pos;
	uint8_t tag = tt_cursor_u8(c);
	uint32_t len = tt_cursor_u8(c);
	uint32_t octets = len > 0x80 ? len - 0x80 : 0;

	if (!tt_cursor_short(c) && (len == 0x80 || octets > 4 || (tag & 0x1f) == 0x1f))
		return TT_LOST_SYNC;
	if (octets)
		len = (uint32_t)tt_cursor_be_(c, octets);
	if (tt_cursor_short(c)) {
		c->short_ = false;
		c->pos = at;
		return TT_MORE;
	}
	if (len > TT_LDAP_MOST) {
		c->pos = at;
		return TT_LOST_SYNC;
	}
	*ret_tag = tag;
	*ret_len = len;
	return TT_PARSED;
}

struct tt_span tt_ldap_take(struct tt_cursor *c, uint8_t tag)
{
	struct tt_cursor at = *c;
	uint8_t found;
	uint32_t len;

	if (tt_ldap_read_tlv(&at, &found, &len) != TT_PARSED || found != tag || len > tt_cursor_left(&at))
		return tt_span(NULL, 0);
	struct tt_span s = tt_span(at.data + at.pos, len);
	at.pos += len;
	*c = at;
	return s;
}

int64_t tt_ldap_number(struct tt_cursor *c, uint8_t tag)
{
	struct tt_span s = tt_ldap_take(c, tag);
	int64_t n = 0;

	if (!s.data || !s.len || s.len > 4 || s.data[0] & 0x80)
		return -1;
	for (size_t i = 0; i < s.len; i++)
		n = n << 8 | s.data[i];
	return n;
}

static bool is_op(enum tt_side side, uint8_t op, uint32_t size)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(ops); i++) {
		if (ops[i].op == op && ops[i].answer == (side == TT_RESPONSES))
			return size >= ops[i].least && (!ops[i].most || size <= ops[i].most) &&
			       (op != TT_LDAP_UNBIND || size == 0);
	}
	return false;
}

/* LDAPMessage ::= SEQUENCE { messageID INTEGER (0 .. 2^31-1), protocolOp CHOICE, controls [0] OPTIONAL } */
enum tt_step tt_ldap_read_head(enum tt_side side, struct tt_cursor *cursor, struct tt_ldap_head *ret)
{
	struct tt_cursor c = *cursor;
	uint8_t tag;
	uint32_t len, id_len;

	if (tt_cursor_left(&c) && c.data[c.pos] != SEQUENCE)
		return TT_LOST_SYNC;
	enum tt_step step = tt_ldap_read_tlv(&c, &tag, &len);
	if (step != TT_PARSED)
		return step;
	size_t inside = c.pos;
	step = tt_ldap_read_tlv(&c, &tag, &id_len);
	if (step != TT_PARSED)
		return step;
	if (tag != INTEGER || id_len < 1 || id_len > 4)
		return TT_LOST_SYNC;
	if (tt_cursor_left(&c) < id_len)
		return TT_MORE;
	ret->id = (uint32_t)tt_cursor_be_(&c, id_len);
	if (ret->id > INT32_MAX)
		return TT_LOST_SYNC;
	if (tt_cursor_left(&c) && !is_op(side, c.data[c.pos], UINT32_MAX) && c.data[c.pos] != TT_LDAP_ABANDON &&
	    c.data[c.pos] != TT_LDAP_UNBIND)
		return TT_LOST_SYNC;
	step = tt_ldap_read_tlv(&c, &ret->op, &ret->size);
	if (step != TT_PARSED)
		return step;
	uint64_t used = (uint64_t)(c.pos - inside) + ret->size;
	/* Behind the op there are controls or nothing. */
	if (!is_op(side, ret->op, ret->size) || used > len || (len - used == 1))
		return TT_LOST_SYNC;
	if (used < len && tt_cursor_left(&c) > ret->size && c.data[c.pos + ret->size] != CONTROLS)
		return TT_LOST_SYNC;
	ret->length = (uint64_t)(inside - cursor->pos) + len;
	*cursor = c;
	return TT_PARSED;
}

/* --- filters ---------------------------------------------------------------------------------------------------------------- */

/* A filter that goes on: where it ends, and how it is closed. */
struct level {
	size_t end;
};

/* Attribute descriptions are printable; what is not was none. */
static bool put_attribute(struct tt_buf *out, struct tt_span name)
{
	if (!name.data)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] <= ' ' || name.data[i] > '~' || strchr("()=&|!*?", name.data[i]))
			return false;
	}
	return tt_buf_add(out, name.data, name.len) == 0;
}

/* RFC 4511, 4.5.1.7. */
static bool put_assertion(struct tt_buf *out, uint8_t tag, struct tt_span content)
{
	static const char *const signs[] = {[3] = "=?", [4] = "=*?*", [5] = ">=?", [6] = "<=?", [8] = "~=?"};
	struct tt_cursor c = tt_cursor(content);
	uint8_t kind = tag & 0x1f;

	tt_buf_add_char(out, '(');
	if (tag == 0x87) {
		if (!put_attribute(out, content))
			return false;
		tt_buf_add_str(out, "=*");
	} else if (tag == 0xa9) {
		struct tt_span rule = tt_ldap_take(&c, 0x81), type = tt_ldap_take(&c, 0x82);
		if (type.data && !put_attribute(out, type))
			return false;
		tt_buf_add_char(out, ':');
		if (rule.data && (!put_attribute(out, rule) || tt_buf_add_char(out, ':') < 0))
			return false;
		tt_buf_add_str(out, "=?");
	} else {
		if (kind >= TT_ARRAY_LEN(signs) || !signs[kind] || (tag & 0xe0) != 0xa0 ||
		    !put_attribute(out, tt_ldap_take(&c, OCTETS)))
			return false;
		tt_buf_add_str(out, signs[kind]);
	}
	return tt_buf_add_char(out, ')') == 0;
}

bool tt_ldap_filter(struct tt_cursor *c, struct tt_buf *out)
{
	struct level levels[FILTER_DEPTH];
	unsigned depth = 0, parts = 0;

	do {
		uint8_t tag;
		uint32_t len;
		if (parts++ == FILTER_PARTS || tt_ldap_read_tlv(c, &tag, &len) != TT_PARSED || len > tt_cursor_left(c))
			return false;
		if (tag >= 0xa0 && tag <= 0xa2) {
			if (depth == FILTER_DEPTH)
				return false;
			tt_buf_add_char(out, '(');
			tt_buf_add_char(out, "&|!"[tag - 0xa0]);
			levels[depth++].end = c->pos + len;
		} else if (!put_assertion(out, tag, tt_cursor_take(c, len)) || out->failed) {
			return false;
		}
		while (depth && c->pos >= levels[depth - 1].end) {
			if (c->pos > levels[depth - 1].end)
				return false;
			depth--;
			tt_buf_add_char(out, ')');
		}
	} while (depth);
	return !out->failed;
}

/* --- telling it by its bytes ------------------------------------------------------------------------------------------------ */

enum look {
	NOTHING,
	NO,
	PARTIAL,
	SURE,
};

/* The first parts of what it says, as far as they are there. */
static bool is_plausible(const struct tt_ldap_head *h, struct tt_cursor c)
{
	uint8_t tag = 0;
	uint32_t len = 0;

	if (!tt_cursor_left(&c) || !h->size || h->op == TT_LDAP_DELETE || h->op == TT_LDAP_ABANDON ||
	    h->op == TT_LDAP_INTERMEDIATE)
		return true;
	enum tt_step step = tt_ldap_read_tlv(&c, &tag, &len);
	if (step != TT_PARSED)
		return step == TT_MORE;
	if (len > h->size - 2)
		return false;
	if (h->op == TT_LDAP_BIND)
		return tag == INTEGER && len == 1 && (!tt_cursor_left(&c) || (c.data[c.pos] >= 1 && c.data[c.pos] <= 3));
	if (h->op == TT_LDAP_EXTENDED)
		return tag == 0x80;
	bool named = h->op == TT_LDAP_SEARCH || h->op == TT_LDAP_ENTRY || h->op == TT_LDAP_MODIFY || h->op == TT_LDAP_ADD ||
		     h->op == TT_LDAP_RENAME || h->op == TT_LDAP_COMPARE || h->op == TT_LDAP_REFERENCE;
	return named ? tag == OCTETS : tag == ENUMERATED && len <= 2;
}

static enum look look_at(struct tt_span bytes, enum tt_side side)
{
	struct tt_cursor c = tt_cursor(bytes);
	enum look best = NOTHING;

	for (unsigned n = 0; n < 8 && tt_cursor_left(&c); n++) {
		struct tt_ldap_head h;
		size_t start = c.pos;
		enum tt_step step = tt_ldap_read_head(side, &c, &h);
		if (step == TT_MORE)
			return best == SURE ? SURE : PARTIAL;
		if (step != TT_PARSED || !is_plausible(&h, c))
			return best == SURE ? SURE : NO;
		/* A tag and three numbers may be chance where what they speak of is short and not there. */
		best = h.size >= 7 || h.length <= bytes.len - start || best == SURE ? SURE : PARTIAL;
		c.pos = (size_t)TT_MIN((uint64_t)start + h.length, (uint64_t)c.len);
	}
	return best;
}

enum tt_verdict tt_ldap_detect(const struct tt_first *first)
{
	enum look asks = look_at(first->side[TT_REQUESTS], TT_REQUESTS);
	enum look answers = look_at(first->side[TT_RESPONSES], TT_RESPONSES);

	if (first->datagram || asks == NO || answers == NO)
		return TT_NO;
	return asks == SURE || answers == SURE ? TT_YES : TT_MAYBE;
}

bool tt_ldap_resumes(enum tt_side side, struct tt_span bytes)
{
	return look_at(bytes, side) == SURE;
}
