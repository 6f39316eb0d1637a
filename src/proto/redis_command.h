/* SPDX-License-Identifier: Apache-2.0 */
/* What the parser must know of a Redis command: where its key stands, and what it does to the connection. */
#ifndef TT_PROTO_REDIS_COMMAND_H
#define TT_PROTO_REDIS_COMMAND_H

#include <stdbool.h>

#include "base/span.h"

/* No command's name is longer; one that is marks bytes that are not Redis. */
#define TT_REDIS_NAME_BYTES 64

/* Where the first key or channel stands among the arguments; the command itself is argument 0. */
enum tt_redis_key {
	TT_REDIS_KEY_NONE,
	TT_REDIS_KEY_1,
	TT_REDIS_KEY_2,
	TT_REDIS_KEY_3,
	TT_REDIS_KEY_COUNTED_2, /* argument 1 says how many keys follow it */
	TT_REDIS_KEY_COUNTED_3, /* argument 2 says it */
	TT_REDIS_KEY_STREAMS,	/* the argument after the word STREAMS */
};

/* What a command means for the conversation beyond "one request, one reply". Kept in tt_message.kind. */
enum tt_redis_kind {
	TT_REDIS_PLAIN,
	TT_REDIS_CONTAINER, /* argument 1 is a subcommand and belongs to the operation */
	TT_REDIS_CLIENT,    /* container; CLIENT REPLY silences the server */
	TT_REDIS_REPLCONF,  /* container; REPLCONF ACK shows a replication link */
	TT_REDIS_SELECT,
	TT_REDIS_MULTI,
	TT_REDIS_EXEC,
	TT_REDIS_DISCARD,
	TT_REDIS_RESET,
	TT_REDIS_MONITOR,
	TT_REDIS_SYNC, /* SYNC and PSYNC */
	/* The next are answered by one confirmation a channel. */
	TT_REDIS_SUBSCRIBE,
	TT_REDIS_PSUBSCRIBE,
	TT_REDIS_SSUBSCRIBE,
	TT_REDIS_UNSUBSCRIBE,
	TT_REDIS_PUNSUBSCRIBE,
	TT_REDIS_SUNSUBSCRIBE,
};

struct tt_redis_command {
	const char *name;   /* upper case */
	unsigned char key;  /* enum tt_redis_key */
	unsigned char kind; /* enum tt_redis_kind */
};

/* In any case of letters; commands of the well-known modules are found by their prefix. NULL: not known. */
const struct tt_redis_command *tt_redis_command_find(struct tt_span name);

/* Is this, in any case of letters, a subcommand of a container? */
bool tt_redis_subcommand_known(struct tt_span name);

static inline bool tt_redis_kind_is_container(enum tt_redis_kind kind)
{
	return kind == TT_REDIS_CONTAINER || kind == TT_REDIS_CLIENT || kind == TT_REDIS_REPLCONF;
}

static inline bool tt_redis_kind_is_subscription(enum tt_redis_kind kind)
{
	return kind >= TT_REDIS_SUBSCRIBE;
}

#endif
