/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request or one response while it is being read. A parser opens it (tt_request_begin, tt_response_begin), fills it with
 * the setters here and ends it; the core owns it from the first to the last moment and knows its times and byte counts.
 * All text is copied and cut at the limit `text_bytes`; a cut sets `cut`.
 */
#ifndef TT_PROTO_MESSAGE_H
#define TT_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

#define TT_MESSAGE_ATTRIBUTES 24

enum tt_text {
	TT_TEXT_OPERATION,  /* method, command, statement kind */
	TT_TEXT_RESOURCE,   /* path, statement, key, topic, name: raw */
	TT_TEXT_STATUS,	    /* the protocol's own code as text */
	TT_TEXT_ERROR_TYPE, /* low-cardinality error identifier; set only with tt_message_fail */
	TT_TEXT_ERROR,	    /* the server's error text, raw: redaction is the sink's work */
	TT_TEXT_MAX,
};

enum tt_attribute_type {
	TT_ATTR_STRING,
	TT_ATTR_INT,
	TT_ATTR_BOOL,
};

/* What a backslash in a string of a statement means to the server that reads it. */
enum tt_quoting {
	TT_QUOTING_UNKNOWN,
	TT_QUOTING_BACKSLASH, /* the next byte stands for itself */
	TT_QUOTING_PLAIN,     /* nothing */
};

/* tt_attribute.off of a string with static storage, whose address `number` is. */
#define TT_ATTR_STATIC UINT32_MAX

struct tt_attribute {
	const char *key; /* static storage; OpenTelemetry name */
	enum tt_attribute_type type;
	uint32_t off; /* string: place in the message's text, or TT_ATTR_STATIC */
	uint32_t len;
	int64_t number;
};

struct tt_proto;

struct tt_message {
	/* Set by the parser, through the functions below where there is one. */
	uint64_t id;		   /* TT_PAIR_BY_ID: what pairs it */
	const struct tt_proto *as; /* reported as this protocol, spoken over the link's; the request's or else the response's */
	void *tag;		   /* the parser's own, not owned: what the response needs to know of its request */
	uint32_t kind;		   /* the same, as a number */
	const char *size_key;	   /* the attribute that is told only of a message that came whole; NULL none */
	uint64_t own_bytes;	   /* not 0: counted by the parser, because the messages of this side interleave */
	bool one_way;		   /* a request that gets no response */
	bool maybe_silent;	   /* a request that may get no response: that none came is then no failure, but one-way */
	bool quiet;	 /* a request whose exchange is reported only if its response failed (a Sync): it still takes its turn in
			    pairing */
	bool failed;	 /* the operation failed */
	bool refused;	 /* the asker's fault: failed where the client is observed, not where the server is */
	bool unbegun;	 /* a response the other side ended before anything of it came: it has no first byte */
	bool unasked;	 /* a response that is also given to nobody (HTTP 408): one that began before its request is not to it */
	bool incomplete; /* part of it was not seen */
	bool cut;	 /* text was cut at the limit */
	uint8_t quoting; /* enum tt_quoting, of a response: how the server read the statement */

	/* The core's. */
	uint8_t side;	  /* whose bytes it is made of */
	bool back;	  /* of an exchange the server began */
	bool promised;	  /* a request made of the server's bytes, in the client's name */
	uint32_t charged; /* bytes of text counted against message_bytes */
	bool unsure;	  /* begun after a hole, before pairing could be trusted again */
	bool ended;
	bool reported; /* its exchange was already reported (time-out): a late answer is only counted */
	bool spare;    /* beyond what its connection may keep: only its turn is remembered once it has ended */
	uint32_t tid;
	uint32_t tgid;
	uint64_t turn; /* in order: the how manieth request of its link it is */
	uint64_t first_off;
	uint64_t end_off;  /* past the last byte; may lie ahead while a body is skipped */
	uint64_t first_ns; /* monotonic; 0 unknown */
	uint64_t last_ns;
	struct tt_message *peer; /* the other half, once known */
	struct tt_message *prev; /* in the link's list of requests, or of responses nothing is known to answer */
	struct tt_message *next;
	struct tt_message *ending; /* in its side's list of messages that end further on */
	struct tt_message *same_hash;
	struct tt_message **hash_at;  /* what points to it in its bucket: there may be many of one id */
	struct tt_message *open_prev; /* in its side's list of messages that have not ended */
	struct tt_message *open_next;
	bool ends_at_eof;
	bool will_end; /* end_off is set */
	bool noted;    /* last_ns is set, though it has not ended */
	bool hashed;
	bool held; /* the parser has not ended it yet: its pointer stays good */
	bool dead; /* already reported or given up: only kept for the parser's pointer */

	struct {
		uint32_t off;
		uint32_t len;
		bool set;
	} text[TT_TEXT_MAX];
	uint64_t key_bits; /* of the keys that are set */
	uint32_t attribute_count;
	struct tt_attribute attributes[TT_MESSAGE_ATTRIBUTES];
	struct tt_buf bytes;
};

/* Replaces the text. The bytes are copied as they are; outputs escape what is not UTF-8. */
void tt_message_text(struct tt_message *m, enum tt_text which, struct tt_span s);

/* Replaces the text, and the attribute is it. */
void tt_message_text_attr(struct tt_message *m, enum tt_text which, const char *key, struct tt_span s);

/* Adds to the text (with a part that comes later); as tt_message_text if there is none yet. */
void tt_message_text_add(struct tt_message *m, enum tt_text which, struct tt_span s);

/* `which` becomes a part of the text `of` (which may be the same one), kept once. Nothing happens where `of` is not so long. */
void tt_message_text_part(struct tt_message *m, enum tt_text which, enum tt_text of, size_t at, size_t len);

/* Attributes past TT_MESSAGE_ATTRIBUTES are dropped and set `cut`. `key` has static storage. A key set twice keeps the last
 * value. */
void tt_message_attr(struct tt_message *m, const char *key, struct tt_span value);
/* A value with static storage: not copied. */
void tt_message_attr_static(struct tt_message *m, const char *key, struct tt_span value);
void tt_message_attr_int(struct tt_message *m, const char *key, int64_t value);
void tt_message_attr_bool(struct tt_message *m, const char *key, bool value);

/* It is not set any more. Nothing happens where it was not. */
void tt_message_attr_drop(struct tt_message *m, const char *key);

/* The attribute is the text that is set now, kept once. */
void tt_message_attr_text(struct tt_message *m, const char *key, enum tt_text which);

/* The same of a part of it. */
void tt_message_attr_part(struct tt_message *m, const char *key, enum tt_text of, size_t at, size_t len);

/* Marks the operation as failed; error_type is a short, bounded name ("500", "1064", "ERR"). */
void tt_message_fail(struct tt_message *m, struct tt_span error_type);

/* As tt_message_fail, for what the server holds against the request (an HTTP 404): `refused` is set instead of `failed`. */
void tt_message_refuse(struct tt_message *m, struct tt_span error_type);

/* Status from a number. */
void tt_message_status_int(struct tt_message *m, int64_t status);

/* What was set; an empty span with data NULL if nothing was. Borrowed until the message changes. */
static inline struct tt_span tt_message_get(const struct tt_message *m, enum tt_text which)
{
	if (!m || !m->text[which].set)
		return tt_span(NULL, 0);
	return tt_span(m->bytes.data ? m->bytes.data + m->text[which].off : (const uint8_t *)"", m->text[which].len);
}
struct tt_span tt_message_attr_span(const struct tt_message *m, const struct tt_attribute *a);

/* Most keys differ within their first bytes: a call is worth it only for those that do not. */
static inline bool tt_key_is(const char *a, const char *b)
{
	size_t i = 0;

	while (i < 6 && a[i] && a[i] == b[i])
		i++;
	return a[i] == b[i] && strcmp(a + i, b + i) == 0;
}

/* The first attribute of that name, or NULL. NULL-safe. */
static inline const struct tt_attribute *tt_message_find_attr(const struct tt_message *m, const char *key)
{
	for (uint32_t i = 0; m && i < m->attribute_count; i++) {
		if (tt_key_is(m->attributes[i].key, key))
			return &m->attributes[i];
	}
	return NULL;
}

/* Its text, borrowed from the message until that is changed; data NULL where there is none of that name. NULL-safe. */
static inline struct tt_span tt_message_find(const struct tt_message *m, const char *key)
{
	const struct tt_attribute *a = tt_message_find_attr(m, key);
	return a ? tt_message_attr_span(m, a) : tt_span(NULL, 0);
}

#endif
