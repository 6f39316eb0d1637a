/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the MongoDB parser share. Formats: MongoDB manual, "MongoDB Wire Protocol"; bsonspec.org, version 1.1.
 * mongodb.c (detection, protocol table), mongodb_frame.c (messages, sections, compression), mongodb_document.c (what the fields
 * of a command and its reply mean), mongodb_bson.c (elements of a document).
 */
#ifndef TT_PROTO_MONGODB_INTERNAL_H
#define TT_PROTO_MONGODB_INTERNAL_H

#include "proto/proto.h"
#include "proto/sqltext.h"

#define MONGODB_HEADER 16
#define MONGODB_MESSAGE_MAX 48000000u /* a server takes no larger one */
#define MONGODB_LOOK 1024u	      /* bytes of a value, or of a collection's full name, that are looked at */
#define MONGODB_KEY_MAX 256u	      /* of a field in a command or reply */

enum mongodb_opcode {
	MONGODB_REPLY = 1,
	MONGODB_UPDATE = 2001,
	MONGODB_INSERT = 2002,
	MONGODB_QUERY = 2004,
	MONGODB_GET_MORE = 2005,
	MONGODB_DELETE = 2006,
	MONGODB_KILL_CURSORS = 2007,
	MONGODB_COMPRESSED = 2012,
	MONGODB_MSG = 2013,
};

/* OP_MSG. What is not named below bit 16 makes a message invalid. */
enum mongodb_flag {
	MONGODB_CHECKSUM = 1 << 0,
	MONGODB_MORE_TO_COME = 1 << 1,
};
#define MONGODB_FLAGS_UNKNOWN 0xfffcu

/* tt_message.kind: how the answer is to be read. */
enum mongodb_kind {
	MONGODB_KIND_COMMAND = 1 << 0, /* a document with `ok` */
	MONGODB_KIND_WRITE = 1 << 1,   /* `n` is how many documents it touched */
};

enum mongodb_read {
	MONGODB_FINE,
	MONGODB_SHORT, /* more bytes are needed */
	MONGODB_WRONG, /* no BSON, or a field's name longer than any of a command */
};

struct mongodb_element {
	uint8_t type;
	struct tt_span name;
	uint64_t size;	 /* of the value, its length included */
	uint32_t prefix; /* bytes of the value in front of its text */
};

struct mongodb_header {
	uint32_t len;
	uint32_t id;
	uint32_t response_to;
	uint32_t opcode;
};

enum mongodb_stage {
	MONGODB_AT_HEADER = 0,
	MONGODB_AT_HEAD, /* what stands between the header and the documents */
	MONGODB_AT_SECTION,
	MONGODB_AT_DOCUMENT,
	MONGODB_AT_ELEMENT,
	MONGODB_OVER, /* nothing more of the message is needed */
};

/* One direction. */
struct mongodb_side {
	struct tt_message *open;
	enum mongodb_stage stage;
	uint32_t opcode;
	uint32_t id;
	uint32_t response_to;
	uint32_t flags;		/* of OP_MSG */
	uint32_t reply_flags;	/* of OP_REPLY */
	uint64_t left;		/* bytes of the message behind the cursor and the skip */
	uint64_t document_left; /* of the document being read */
	uint64_t skip;		/* bytes behind the input to pass over */
	bool first;		/* the document's first field comes next */
	bool command;		/* the document is a command or the reply to one */
	bool pushed;		/* a reply nobody asked for anew: a stream's */
	bool has_ok;
	bool ok;
	bool failed;
};

struct mongodb_state {
	struct mongodb_side side[2];
	/* A stream of replies to one request: each answers the one before. */
	bool streaming;
	uint32_t stream_id;
	struct tt_sql_text *stream_operation;
	struct tt_sql_text *stream_resource;
};

/* mongodb_bson.c: reads type, name and length of the element at the cursor, of a document with `left` bytes; then the cursor
 * stands at the value. */
enum mongodb_read mongodb_element(struct tt_cursor *c, uint64_t left, struct mongodb_element *ret);
/* The value's text as far as it is there, without its end; data NULL if the type has none. */
struct tt_span mongodb_text(const struct tt_cursor *c, const struct mongodb_element *e);
/* Any type of number, and booleans. */
bool mongodb_number(const struct tt_cursor *c, const struct mongodb_element *e, int64_t *ret);

/* mongodb_document.c: bytes of this value that are wanted. 0: it does not matter. */
uint64_t mongodb_wanted(const struct mongodb_side *s, enum tt_side side, const struct mongodb_element *e);
/* The cursor stands at the value, of which what is wanted is there. */
void mongodb_field(struct tt_link *link, struct mongodb_side *s, enum tt_side side, const struct tt_cursor *c,
		   const struct mongodb_element *e);
/* The collection: resource and attribute. */
void mongodb_set_collection(struct tt_message *m, struct tt_span name);
/* What the operation is called that this opcode stands for, and whether it is answered. NULL: it is named by its document. */
const char *mongodb_opcode_name(uint32_t opcode, bool *ret_one_way);
void mongodb_namespace(struct mongodb_side *s, struct tt_span full_name);
void mongodb_end_reply(struct mongodb_side *s);

/* mongodb_frame.c */
/* Does this side send this operation? OP_COMPRESSED is none. */
bool mongodb_opcode_fits(uint32_t opcode, enum tt_side side);
void mongodb_read_header(struct tt_cursor *c, struct mongodb_header *ret);
bool mongodb_header_fits(const struct mongodb_header *h, enum tt_side side);
/* Passes over n bytes of the message, beyond the input where it has to be. */
void mongodb_pass(struct mongodb_side *s, struct tt_cursor *c, uint64_t n);
/* Bytes of the checksum behind the sections. */
uint64_t mongodb_trailer(const struct mongodb_side *s);
/* Reads on in the open message until more bytes are needed or it is over. */
enum tt_step mongodb_read_body(struct tt_link *link, struct mongodb_side *s, enum tt_side side, struct tt_cursor *c);

/* mongodb_message.c */
enum tt_step mongodb_parse_side(struct tt_link *link, struct mongodb_state *st, enum tt_side side, struct tt_input *in);

/* mongodb_detect.c: what these bytes are, if they begin a message of this side. */
enum tt_verdict mongodb_judge(struct tt_span bytes, enum tt_side side);

#endif
