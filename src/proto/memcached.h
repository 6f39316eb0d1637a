/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the memcached parser share. Only they include this. */
#ifndef TT_PROTO_MEMCACHED_H
#define TT_PROTO_MEMCACHED_H

#include "proto/proto.h"

/* The server takes no longer command, but for the keys of a retrieval. */
#define TT_MEMCACHED_LINE_MAX 2048u
#define TT_MEMCACHED_FRAME 8u	      /* bytes before what a datagram says */
#define TT_MEMCACHED_ANSWER_LINE 512u /* in datagrams */
#define TT_MEMCACHED_KEY_MAX 250u
#define TT_MEMCACHED_BODY_MAX (1u << 30)
#define TT_MEMCACHED_HEADER 24u

/* What answers a command. */
enum tt_memcached_class {
	TT_MEMCACHED_LINE,	/* one line */
	TT_MEMCACHED_RETRIEVAL, /* values, then END */
	TT_MEMCACHED_META,	/* one line, with a value behind VA */
	TT_MEMCACHED_STATS,	/* lines up to END */
	TT_MEMCACHED_DUMP,	/* lines up to END or EN */
	TT_MEMCACHED_WATCH,	/* OK, then lines for ever */
};

/* tt_message.kind of a request: the class, and these. */
#define TT_MEMCACHED_CLASS 0xffu
#define TT_MEMCACHED_QUIET 0x100u  /* some answers to it are left out */
#define TT_MEMCACHED_OPAQUE 0x200u /* tag is the hash of its opaque token; binary: the opaque itself */
#define TT_MEMCACHED_KEY 0x400u	   /* tag is the hash of its key, which the answer repeats */
#define TT_MEMCACHED_BINARY 0x800u /* bits 16 to 23 are the opcode */
#define TT_MEMCACHED_META_SHIFT 24 /* the meta command's second letter */
#define TT_MEMCACHED_OPCODE_SHIFT 16

struct tt_memcached_command {
	const char *word;
	const char *name;
	uint8_t class;	   /* enum tt_memcached_class */
	uint8_t key;	   /* which word is the key; 0 none */
	uint8_t bytes;	   /* which word is the length of the data that follow; 0 none */
	uint8_t words_min; /* words a command must have, itself included */
	uint8_t words_max; /* 0: any number */
};

struct tt_memcached_words {
	struct tt_span word[8]; /* the first ones */
	size_t count;		/* all there are */
	struct tt_span last;
};

struct tt_memcached {
	bool long_line; /* the rest of a retrieval's keys follows */
	bool between;	/* in a long line: the last byte was a blank */
	uint64_t keys;
	struct tt_message *request; /* whose line that is */

	bool doubt;	     /* an answer may have been another quiet request's: so until one is certain again */
	bool opaques_repeat; /* two quiet requests in a row had the same opaque */
	uint8_t quiet_opcode;
	uint32_t quiet_opaque;

	bool answering; /* `response` (or the lack of one) is not complete yet */
	struct tt_message *response;
	uint32_t kind; /* of the request it answers */
	int64_t values;

	/* Datagrams. */
	uint16_t datagram_id; /* of the request that is read */
	uint16_t answer_id;   /* of the answer that is read, and its newest datagram's number */
	uint16_t number;
	uint16_t count;
	bool final;    /* its last line was read */
	uint64_t left; /* of a value's bytes */
	uint64_t answer_bytes;
	uint16_t line_len;
	uint8_t line[TT_MEMCACHED_ANSWER_LINE]; /* one that goes on in the next datagram */
};

enum tt_memcached_read {
	TT_MEMCACHED_BAD,
	TT_MEMCACHED_GOES_ON,
	TT_MEMCACHED_FINAL,
};

/* NULL: not known. */
const struct tt_memcached_command *tt_memcached_command_find(struct tt_span word);

void tt_memcached_split(struct tt_span line, struct tt_memcached_words *ret);

/* Is the line a command as clients send it? */
bool tt_memcached_is_command(const struct tt_memcached_words *w);

/* Is it a line a server sends? */
bool tt_memcached_is_answer(struct tt_span line);

uint64_t tt_memcached_hash(struct tt_span s);

/* The name of a binary opcode, NULL if there is none; *ret_quiet: success (or a miss) is not answered. */
const char *tt_memcached_opcode(uint8_t opcode, bool *ret_quiet);

/* Is this a header of the binary protocol, of that side? `s` has at least a header's bytes. */
bool tt_memcached_is_header(struct tt_span s, enum tt_side side);

/* Passes n bytes that may not have come yet, and asks the source not to copy many of them. Returns the position after them. */
uint64_t tt_memcached_pass(struct tt_link *link, enum tt_side side, struct tt_input *in, uint64_t n);

/* A quiet request got no answer: it went as it goes without one. */
void tt_memcached_silent(struct tt_link *link, const struct tt_message *request, const struct tt_input *in, size_t at,
			 bool doubt);

enum tt_step tt_memcached_text_request(struct tt_link *link, struct tt_memcached *s, struct tt_input *in);
enum tt_step tt_memcached_text_answer(struct tt_link *link, struct tt_memcached *s, struct tt_input *in);
enum tt_step tt_memcached_binary_request(struct tt_link *link, struct tt_memcached *s, struct tt_input *in);
enum tt_step tt_memcached_binary_answer(struct tt_link *link, struct tt_memcached *s, struct tt_input *in);

/* A line of an answer to a request of s->kind, and how many bytes of a value follow it. The last one describes s->response. */
enum tt_memcached_read tt_memcached_answer_line(struct tt_memcached *s, struct tt_span line, uint64_t *ret_bytes);

enum tt_step tt_memcached_datagram(struct tt_link *link, struct tt_memcached *s, enum tt_side side, struct tt_input *in);

/* Are these the bytes of a datagram that begins a request or an answer? They are what follows the frame header then. */
bool tt_memcached_is_frame(struct tt_span *bytes, enum tt_side side);

enum tt_verdict tt_memcached_detect(const struct tt_first *first);
ssize_t tt_memcached_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes);

#endif
