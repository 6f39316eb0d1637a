/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of OpenWire share: openwire.c (exchanges), openwire_walk.c (commands in their two encodings), openwire_type.c
 * (which there are). */
#ifndef TT_PROTO_OPENWIRE_H
#define TT_PROTO_OPENWIRE_H

#include "proto/proto.h"
#include "proto/sqltable.h"

#define OPENWIRE_VERSION_LAST 12u
#define OPENWIRE_SETS_MOST 16u

enum openwire_says {
	OPENWIRE_CLIENT = 1, /* only a client says it */
	OPENWIRE_SERVER = 2,
	OPENWIRE_EITHER = 3,
};

enum openwire_kind {
	OPENWIRE_PART, /* no command: what stands within one */
	OPENWIRE_DESTINATION,
	OPENWIRE_WIRE_FORMAT,
	OPENWIRE_ASKED,
	OPENWIRE_MESSAGE,
	OPENWIRE_RESPONSE,
};

/*
 * The fields of a type, one letter each; a hexadecimal digit in between is the version of the protocol from which on the next
 * ones are there. C an object kept in the table of the connection, D a destination kept so, N an object, E a destination, A a
 * list of objects, S a string, L a long, I an int, Y a byte, B a boolean, Q bytes, X an exception; R the int that is the
 * correlation id, M how many messages, T the kind of a transaction
 */
struct openwire_type {
	uint8_t type;
	uint8_t kind;
	uint8_t says;
	const char *name; /* as the exchange's operation */
	const char *layout;
};

/* NULL: there is none. */
const struct openwire_type *openwire_type(uint8_t type);

/* How commands are written. */
struct openwire_format {
	bool tight;
	bool cache;
	uint8_t version;
};

/* A place of the table that got a new object. The name is data NULL where it is no destination. */
struct openwire_set {
	uint16_t index;
	uint8_t type;
	struct tt_span name;
};

/* What a command says. Spans borrow from its bytes, or from the table. */
struct openwire_said {
	uint32_t id;
	uint32_t correlation;
	bool response_required;
	bool has_destination; /* there is one, known or not */
	uint8_t destination_type;
	struct tt_span destination; /* data NULL: not known */
	struct tt_span exception;   /* its class */
	struct tt_span text;
	int32_t messages; /* of an acknowledgement; 0 not known */
	uint8_t transaction;
	bool has_transaction;
	bool lost;  /* the rest of it is not known: the table may have changed */
	bool whole; /* it was walked to its end, and that is where its length ends */
	bool kept;  /* there were fields kept in the table, so that it shows whether there is one */
	struct openwire_set set[OPENWIRE_SETS_MOST];
	uint32_t sets;
};

/*
 * Reads a command of `type` from `bytes`, what follows its type, of which `missing` more are not there. `names` is the table of
 * its side. False: it cannot be one in that format.
 */
bool openwire_walk(const struct openwire_type *type, struct openwire_format format, struct tt_span bytes, uint64_t missing,
		   struct tt_sql_table *names, struct openwire_said *ret);

/* A name in the table. */
#define OPENWIRE_KEY_BYTES 2
static inline struct tt_span openwire_key(uint16_t index, uint8_t key[static OPENWIRE_KEY_BYTES])
{
	key[0] = (uint8_t)(index >> 8);
	key[1] = (uint8_t)index;
	return tt_span(key, OPENWIRE_KEY_BYTES);
}

#endif
