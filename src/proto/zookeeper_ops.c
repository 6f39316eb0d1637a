// SPDX-License-Identifier: Apache-2.0
#include "proto/zookeeper_ops.h"

#include "base/own.h"
#include "base/text.h"

#define DEPTH 2
#define RUNTIME_INCONSISTENCY (-2) /* of the parts of a multi behind the one that failed */
#define STAT "qqqqiiiqiiq"

static const struct zookeeper_op ops[] = {
	{-11, "closeSession", "", NULL},
	{ZOOKEEPER_CREATE, "create", "PB(iss)i", "s"},
	{2, "delete", "Pi", ""},
	{ZOOKEEPER_EXISTS, "exists", "Pb", NULL},
	{4, "getData", "Pb", "B" STAT},
	{5, "setData", "PBi", STAT},
	{6, "getACL", "P", NULL},
	{7, "setACL", "P(iss)i", NULL},
	{8, "getChildren", "Pb", "(s)"},
	{9, "sync", "P", NULL},
	{ZOOKEEPER_PING, "ping", "", NULL},
	{12, "getChildren2", "Pb", NULL},
	{13, "check", "Pi", ""},
	{ZOOKEEPER_MULTI, "multi", NULL, NULL},
	{15, "create2", "PB(iss)i", "s" STAT},
	{16, "reconfig", "sssq", NULL},
	{17, "checkWatches", "Pi", NULL},
	{18, "removeWatches", "Pi", NULL},
	{19, "createContainer", "PB(iss)i", "s" STAT},
	{20, "deleteContainer", "P", NULL},
	{21, "createTTL", "PB(iss)iq", "s" STAT},
	{ZOOKEEPER_MULTI_READ, "multiRead", NULL, NULL},
	{ZOOKEEPER_AUTH, "auth", "isB", NULL},
	{ZOOKEEPER_SET_WATCHES, "setWatches", "q(s)(s)(s)", NULL},
	{102, "sasl", "B", NULL},
	{103, "getEphemerals", "s", NULL},
	{104, "getAllChildrenNumber", "P", NULL},
	{ZOOKEEPER_SET_WATCHES2, "setWatches2", "q(s)(s)(s)(s)(s)", NULL},
	{106, "addWatch", "Pi", NULL},
	{107, "whoAmI", "", NULL},
};

static const struct {
	int32_t code;
	const char *name;
} errors[] = {
	{-1, "SYSTEMERROR"},
	{-2, "RUNTIMEINCONSISTENCY"},
	{-3, "DATAINCONSISTENCY"},
	{-4, "CONNECTIONLOSS"},
	{-5, "MARSHALLINGERROR"},
	{-6, "UNIMPLEMENTED"},
	{-7, "OPERATIONTIMEOUT"},
	{-8, "BADARGUMENTS"},
	{-12, "UNKNOWNSESSION"},
	{-13, "NEWCONFIGNOQUORUM"},
	{-14, "RECONFIGINPROGRESS"},
	{-100, "APIERROR"},
	{-101, "NONODE"},
	{-102, "NOAUTH"},
	{-103, "BADVERSION"},
	{-108, "NOCHILDRENFOREPHEMERALS"},
	{-110, "NODEEXISTS"},
	{-111, "NOTEMPTY"},
	{-112, "SESSIONEXPIRED"},
	{-113, "INVALIDCALLBACK"},
	{-114, "INVALIDACL"},
	{-115, "AUTHFAILED"},
	{-116, "SESSIONCLOSING"},
	{-117, "NOTHING"},
	{-118, "SESSIONMOVED"},
	{-119, "NOTREADONLY"},
	{-120, "EPHEMERALONLOCALSESSION"},
	{-121, "NOWATCHER"},
	{-122, "REQUESTTIMEOUT"},
	{-123, "RECONFIGDISABLED"},
	{-124, "SESSIONCLOSEDREQUIRESASLAUTH"},
	{-125, "QUOTAEXCEEDED"},
	{-127, "THROTTLEDOP"},
};

const struct zookeeper_op *zookeeper_op_find(int32_t type)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(ops); i++) {
		if (ops[i].type == type)
			return &ops[i];
	}
	return NULL;
}

const char *zookeeper_error_name(int32_t code)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(errors); i++) {
		if (errors[i].code == code)
			return errors[i].name;
	}
	return NULL;
}

const char *zookeeper_event_name(int32_t type)
{
	static const char *const names[] = {
		"None",
		"Unknown",
		"NodeCreated",
		"NodeDeleted",
		"NodeDataChanged",
		"NodeChildrenChanged",
		"DataWatchRemoved",
		"ChildWatchRemoved",
		"PersistentWatchRemoved",
	};
	return type >= -1 && type != 0 && type + 1 < (int32_t)TT_ARRAY_LEN(names) ? names[type + 1] : NULL;
}

/* Bytes of 0 length up to 2^31; -1 is null. False: no length. */
static bool take_text(struct tt_cursor *c, struct tt_span *ret)
{
	int32_t len = (int32_t)tt_cursor_be32(c);

	*ret = tt_span(NULL, 0);
	if (tt_cursor_short(c))
		return true;
	if (len < -1)
		return false;
	if (len > 0)
		*ret = tt_cursor_take(c, (size_t)len);
	return true;
}

static bool is_path(struct tt_span s)
{
	return s.len && s.data[0] == '/' && tt_is_text(s);
}

static size_t width_of(char letter)
{
	return letter == 'b' ? 1 : letter == 'i' ? 4 : 8;
}

/* One letter that is no bracket. */
static bool read_letter(struct tt_cursor *c, char letter, struct tt_span *ret_path)
{
	struct tt_span text;

	switch (letter) {
	case 'P':
	case 's':
	case 'B':
		if (!take_text(c, &text))
			return false;
		if (letter != 'P' || tt_cursor_short(c))
			return true;
		if (!is_path(text))
			return false;
		if (ret_path && !ret_path->data)
			*ret_path = text;
		return true;
	default:
		tt_cursor_skip(c, width_of(letter));
		return true;
	}
}

enum zookeeper_read zookeeper_read(struct tt_cursor *c, const char *layout, struct tt_span *ret_path)
{
	const char *begin = NULL;
	uint32_t left = 0;

	for (const char *at = layout; *at; at++) {
		if (*at == '(') {
			int32_t count = (int32_t)tt_cursor_be32(c);
			if (tt_cursor_short(c))
				return ZOOKEEPER_CUT;
			if (count < -1)
				return ZOOKEEPER_WRONG;
			begin = at;
			left = count > 0 ? (uint32_t)count : 0;
			while (!left && *at != ')')
				at++;
		} else if (*at == ')') {
			/* Every element has at least four bytes, so that the bytes end before the count does. */
			if (--left && begin)
				at = begin;
		} else if (!read_letter(c, *at, ret_path)) {
			return ZOOKEEPER_WRONG;
		}
		if (tt_cursor_short(c))
			return ZOOKEEPER_CUT;
	}
	return ZOOKEEPER_FITS;
}

struct part {
	int32_t type;
	uint8_t done;
	int32_t error;
};

static enum zookeeper_read read_part(struct tt_cursor *c, struct part *ret)
{
	ret->type = (int32_t)tt_cursor_be32(c);
	ret->done = tt_cursor_u8(c);
	ret->error = (int32_t)tt_cursor_be32(c);
	if (tt_cursor_short(c))
		return ZOOKEEPER_CUT;
	bool last = ret->type == -1 && ret->done == 1;
	return ret->done > 1 || (ret->done && !last) ? ZOOKEEPER_WRONG : ZOOKEEPER_FITS;
}

enum zookeeper_read zookeeper_read_multi(struct tt_cursor *c, struct tt_span *ret_path, uint64_t *ret_count)
{
	struct part part;

	*ret_count = 0;
	for (;;) {
		enum zookeeper_read read = read_part(c, &part);
		if (read != ZOOKEEPER_FITS || part.done)
			return read;
		const struct zookeeper_op *op = zookeeper_op_find(part.type);
		if (!op || !op->result || part.error != -1)
			return ZOOKEEPER_WRONG;
		read = zookeeper_read(c, op->layout, ret_path);
		if (read != ZOOKEEPER_FITS)
			return read;
		++*ret_count;
	}
}

enum zookeeper_read zookeeper_read_results(struct tt_cursor *c, int32_t *ret_error)
{
	struct part part;

	*ret_error = 0;
	for (;;) {
		enum zookeeper_read read = read_part(c, &part);
		if (read != ZOOKEEPER_FITS || part.done)
			return read;
		const struct zookeeper_op *op = zookeeper_op_find(part.type);
		if (part.type != ZOOKEEPER_ERROR && (!op || !op->result))
			return ZOOKEEPER_WRONG;
		if (part.type == ZOOKEEPER_ERROR && part.error && (!*ret_error || *ret_error == RUNTIME_INCONSISTENCY))
			*ret_error = part.error;
		read = zookeeper_read(c, part.type == ZOOKEEPER_ERROR ? "i" : op->result, NULL);
		if (read != ZOOKEEPER_FITS)
			return read;
	}
}
