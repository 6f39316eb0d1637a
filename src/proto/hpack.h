/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HPACK (RFC 7541) as an onlooker reads it, who may come late and may miss something.
 *
 * What can be known. An index into the dynamic table counts back from the entry inserted last. So whoever has seen every
 * insertion since some moment knows, of any later index, whether it means one of those (and which), or an older entry, which is
 * *unknown*. For that it need not know when entries leave the table: leaving happens at the old end and moves no other entry, and
 * no sender refers to an entry that has left. The same for an entry too large for the table, which empties it and is not kept: if
 * we count it in where the sender did not, everything from it on is out of the sender's reach for good, and what comes later is
 * counted as before. So neither the table's size nor the sizes of unknown entries are needed to be right; they decide only how
 * much is worth keeping, and what is certainly a mistake.
 *
 * - A value is given only if its entry was inserted since we saw every insertion. It cannot be another entry's.
 * - Whatever we did not read (a hole, a block too long to keep, one that is not HPACK) may have inserted anything: everything so
 *   far is forgotten and counting begins anew (tt_hpack_unknown). Insertions of a block read only in part do not count either.
 * - The table's size is known at a stream's start (4096, RFC 9113 section 6.5.2) and after each change, which the sender says in
 * a block. Otherwise the same is taken as a guess, which costs knowledge if it is wrong (an older entry is unknown then), not
 * truth.
 * - Entries are counted with what is known of their size, which is never more than it really is: an entry dropped for want of
 *   room has really left the table. One dropped because we do not keep that much is unknown from then on.
 * - An index past all entries there can be is a mistake: the bytes were not what we took them for.
 */
#ifndef TT_PROTO_HPACK_H
#define TT_PROTO_HPACK_H

#include <sys/types.h>

#include "base/span.h"

/* The names readers look for. X(id, name); the rest are TT_HPACK_OTHER. */
#define TT_HPACK_NAMES(X)                       \
	X(AUTHORITY, ":authority")              \
	X(METHOD, ":method")                    \
	X(PATH, ":path")                        \
	X(SCHEME, ":scheme")                    \
	X(STATUS, ":status")                    \
	X(CONTENT_TYPE, "content-type")         \
	X(CONTENT_ENCODING, "content-encoding") \
	X(AMZ_CONTENT, "x-amz-content-sha256")  \
	X(ELASTIC, "x-elastic-product")         \
	X(OPENSEARCH, "x-opensearch-version")   \
	X(HOST, "host")                         \
	X(USER_AGENT, "user-agent")             \
	X(TRACEPARENT, "traceparent")           \
	X(GRPC_ENCODING, "grpc-encoding")       \
	X(GRPC_MESSAGE, "grpc-message")         \
	X(GRPC_STATUS, "grpc-status")           \
	X(GRPC_TIMEOUT, "grpc-timeout")         \
	X(TRI_STATUS, "tri-status-code")        \
	X(TRI_VERSION, "tri-service-version")   \
	X(TRI_GROUP, "tri-service-group")       \
	X(TRI_UNIT, "tri-unit-info")            \
	X(TRI_APP, "tri-consumer-appname")      \
	X(TRI_REQUEST, "tri-req-id")

enum tt_hpack_name {
	TT_HPACK_OTHER = 0,
#define TT_HPACK_NAME_ENUM(id, name) TT_HPACK_##id,
	TT_HPACK_NAMES(TT_HPACK_NAME_ENUM)
#undef TT_HPACK_NAME_ENUM
		TT_HPACK_UNKNOWN, /* which one it is cannot be told */
	TT_HPACK_NAME_MAX,
};

#define TT_HPACK_ALL UINT32_MAX
#define TT_HPACK_BIT(name) (1u << (name))

/* One header. What is not known is data NULL. Good until the function it is given to returns. */
struct tt_hpack_field {
	struct tt_span name;
	struct tt_span value;
	enum tt_hpack_name token;
};

typedef void (*tt_hpack_emit)(void *ctx, const struct tt_hpack_field *field);

struct tt_hpack_entry;

/* One direction's dynamic table. tt_hpack_init before use, tt_hpack_free when done; zeroed it may be freed too. */
struct tt_hpack {
	struct tt_hpack_entry *entries; /* ring; entry n counted from the first ever is at n & mask */
	uint8_t *bytes;			/* of the entries, oldest first */
	size_t begin, end, cap;		/* of what is used of bytes */
	uint32_t mask, newest, count;	/* newest: the number of the next entry */
	uint32_t size;			/* of the entries kept, by section 4.1, at least */
	uint32_t max;			/* the sender's, as far as known */
	uint32_t keep;			/* what we keep at most */
	bool sure;			/* max is known */
	bool below;			/* there may be older entries than the ones kept */
};

/* keep: bytes of table to remember. from_start: the connection was seen from its first byte. */
void tt_hpack_init(struct tt_hpack *h, uint32_t keep, bool from_start);
void tt_hpack_free(struct tt_hpack *h);

/* Memory it holds. */
size_t tt_hpack_bytes(const struct tt_hpack *h);

/* As tt_hpack_unknown, and gives its memory back. */
void tt_hpack_forget(struct tt_hpack *h);

/* Something was missed: nothing of the table is known any more, what comes is counted from here. */
void tt_hpack_unknown(struct tt_hpack *h);

/*
 * Reads a whole header block and gives the fields whose token is in `wanted` (a mask of TT_HPACK_BIT) to `emit`, in their order.
 * 0; -EBADMSG: the block cannot be one, from some place on; -ENOMEM: in both cases the table is unknown from here.
 */
int tt_hpack_block(struct tt_hpack *h, struct tt_span block, uint32_t wanted, tt_hpack_emit emit, void *ctx);

struct tt_header;

/* What is known of the whole table from elsewhere: its entries, the newest first, and its size and the most it may have (4.1). */
struct tt_hpack_table {
	const struct tt_header *header; /* what is not known of one is data NULL, but counted: together the lengths are right */
	size_t count;
	uint32_t size;
	uint32_t most;
	bool whole; /* these are all entries there are; else older ones may be missing */
};

/*
 * The table is what is told, less the `newer` newest entries, which are still to be inserted. -EINVAL: it cannot be, or it is not
 * what was seen of it; -ENOMEM. Nothing changes then.
 */
int tt_hpack_take(struct tt_hpack *h, const struct tt_hpack_table *table, size_t newer);

/* How many entries the block inserts; -EBADMSG: it cannot be one. */
ssize_t tt_hpack_inserts(struct tt_span block);

/* Which of the names it is. */
enum tt_hpack_name tt_hpack_name(struct tt_span name);

#endif
