/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the AMQP parser share. Only they include this. */
#ifndef TT_PROTO_AMQP_H
#define TT_PROTO_AMQP_H

#include "proto/proto.h"

/* Of a method or content header so much is read; the rest is passed. */
#define TT_AMQP_READ_MAX 8192u
#define TT_AMQP_FRAME_HEAD 7u
#define TT_AMQP_FRAME_END 0xce
#define TT_AMQP_FRAME_MAX (16u << 20)

enum tt_amqp_frame_type {
	TT_AMQP_METHOD = 1,
	TT_AMQP_HEADER = 2,
	TT_AMQP_BODY = 3,
	TT_AMQP_HEARTBEAT = 8,
};

enum tt_amqp_what {
	TT_AMQP_NOTHING, /* part of a handshake, or without interest */
	TT_AMQP_ASKS,	 /* answered by `answer` */
	TT_AMQP_ANSWERS, /* `answer` is what it answers */
	TT_AMQP_SAYS,	 /* one-way */
	TT_AMQP_PUBLISH, /* content follows */
	TT_AMQP_DELIVER,
	TT_AMQP_RETURN,
	TT_AMQP_GET_OK,
	TT_AMQP_ACK, /* of what the other end published or delivered */
	TT_AMQP_CLOSE,
};

#define TT_AMQP_CLIENT 1
#define TT_AMQP_SERVER 2

struct tt_amqp_method {
	uint16_t class;
	uint16_t method;
	const char *name;
	uint8_t sides; /* who says it */
	uint8_t what;  /* enum tt_amqp_what */
	uint8_t answer;
	/*
	 * Its arguments as far as they are of interest: h two bytes, l four, L eight, t the delivery tag, s a short string,
	 * q queue, x exchange, k routing key, v virtual host, g consumer tag, c reply code, e reply text, b bits.
	 */
	const char *arguments;
	uint8_t no_wait; /* bit: no answer is wanted */
};

struct tt_amqp_arguments {
	struct tt_span queue;
	struct tt_span exchange;
	struct tt_span routing_key;
	struct tt_span host;
	struct tt_span consumer;
	struct tt_span text;
	uint64_t tag;
	uint16_t code;
	uint8_t bits;
	uint16_t failed_class; /* CLOSE: what it is about */
	uint16_t failed_method;
	bool whole; /* all of them were there */
};

/* The message whose content is on its way on one side of a channel. */
struct tt_amqp_content {
	bool open;
	bool header;		    /* the header frame was read */
	uint64_t left;		    /* of the body */
	uint64_t bytes;		    /* of all its frames */
	struct tt_message *message; /* NULL where the limit of messages is reached */
};

struct tt_amqp_channel {
	struct tt_amqp_channel *next;  /* of another number */
	struct tt_amqp_channel *older; /* of the same number, where the broker's side is not yet read so far */
	uint16_t number;
	uint16_t turn;	  /* which opening on the connection it is; 0 not known */
	uint16_t code;	  /* of the broker's close; 0 the client's */
	bool left;	  /* the broker closed it, or said that it is closed: nothing more is answered */
	bool closed;	  /* the client did */
	bool moved;	  /* it was opened while it was not known whether the one before was closed */
	bool holed[2];	  /* by side: it may have been closed and opened unseen */
	bool confirms;	  /* the broker confirms what is published: the next one has this tag */
	bool only_no_ack; /* every consumer seen wants no acknowledgements */
	bool any_ack;
	uint64_t published;
	uint64_t confirmed; /* all up to here were */
	uint64_t delivered;
	uint64_t settled;
	uint64_t doubtful[2]; /* by side: of what was known up to here an acknowledgement may have been missed */
	struct tt_amqp_content content[2];
};

#define TT_AMQP_BUCKETS 64

struct tt_amqp {
	bool logging_in;
	uint16_t asked_on; /* where the latest synchronous method was asked, and which */
	uint16_t asked_class;
	uint16_t asked_method;
	uint16_t turns; /* of channels, the last one given */
	size_t channels;
	struct tt_amqp_channel *bucket[TT_AMQP_BUCKETS];
};

/* One frame while it is read. */
struct tt_amqp_frame {
	struct tt_link *link;
	struct tt_amqp *s;
	struct tt_input *in;
	enum tt_side side;
	uint8_t type;
	uint16_t channel;
	uint32_t size;
	struct tt_span payload; /* as much of it as is to be read */
	size_t start;
	uint64_t end;		    /* past the end byte */
	struct tt_amqp_channel *ch; /* a method's, as its side has it; NULL none */
};

enum tt_amqp_read {
	TT_AMQP_OK,
	TT_AMQP_MORE,
	TT_AMQP_BAD,
};

/* The frame at the cursor, which moves behind its head. Bodies are not waited for; with `partly` nothing is. */
enum tt_amqp_read tt_amqp_frame_read(struct tt_cursor *c, bool partly, struct tt_amqp_frame *ret);

/* NULL: no such method, or not one that side says. */
const struct tt_amqp_method *tt_amqp_method_find(uint16_t class, uint16_t method, enum tt_side side);
void tt_amqp_arguments_read(const struct tt_amqp_method *m, struct tt_cursor *c, struct tt_amqp_arguments *ret);

/* The name of a reply code, NULL if it has none. */
const char *tt_amqp_reply(uint16_t code);

/* The methods one by one; NULL: there are no more. */
const struct tt_amqp_method *tt_amqp_method_number(size_t number);

/* --- amqp_channel.c */

/* The channel's state as this side has it, made if it is not known; NULL where the limit or memory is reached. */
struct tt_amqp_channel *tt_amqp_channel(struct tt_link *link, struct tt_amqp *s, uint16_t number, enum tt_side side);
struct tt_amqp_channel *tt_amqp_channel_find(struct tt_amqp *s, uint16_t number, enum tt_side side);
void tt_amqp_channels_free(struct tt_amqp *s);

/* Of messages that were missed on this side, the broker's count goes on. */
void tt_amqp_channels_gap(struct tt_link *link, struct tt_amqp *s, enum tt_side side);

/* The client opens it; the broker says that it is open (false: what opens it must be read first; `id` is that one's). */
void tt_amqp_channel_opens(struct tt_amqp_frame *f);
bool tt_amqp_channel_opened(struct tt_amqp_frame *f, uint64_t id);

/* What waits for an answer or a confirm on it gets none, because of this close; NULL: the client's. Told before ..._left. */
void tt_amqp_channel_fail_waiting(struct tt_amqp_frame *f, const struct tt_amqp_arguments *close);
/* The broker's side is through with it: by its own close with that code, or by its answer to the client's (0). */
void tt_amqp_channel_left(struct tt_amqp_frame *f, uint16_t code);
/* If both sides are through with it. */
void tt_amqp_channel_forget(struct tt_amqp_frame *f);

/* --- amqp_method.c; the channel may be NULL */

uint64_t tt_amqp_id_of_method(const struct tt_amqp_channel *ch, uint16_t channel, uint16_t class, uint16_t method);
uint64_t tt_amqp_id_of_tag(const struct tt_amqp_channel *ch, uint16_t channel, uint64_t tag);
/* It failed as a close tells; NULL: because the client closed its channel. */
void tt_amqp_fail(struct tt_message *m, const struct tt_amqp_arguments *a);
void tt_amqp_end(const struct tt_amqp_frame *f, struct tt_message *m);

/* TT_LOST_SYNC: the frame makes no sense. */
enum tt_step tt_amqp_take_method(struct tt_amqp_frame *f);
enum tt_step tt_amqp_take_content(struct tt_amqp_frame *f);

/* Content follows the message that was just begun on this side of the channel. */
void tt_amqp_content_begin(struct tt_amqp_frame *f, struct tt_amqp_channel *ch, struct tt_message *m);
/* It does not come to its end: its message is incomplete. */
void tt_amqp_content_cut(const struct tt_amqp_frame *f, struct tt_amqp_channel *ch);

enum tt_verdict tt_amqp_detect(const struct tt_first *first);
ssize_t tt_amqp_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes);

#endif
