/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SMTP parser share. Only they include this. */
#ifndef TT_PROTO_SMTP_H
#define TT_PROTO_SMTP_H

#include "proto/proto.h"

/* RFC 4954, 4: the longest line there is, of an authentication; RFC 5321, 4.5.3.1: others have at most 1000, extensions add some.
 */
#define TT_SMTP_LINE_MAX 12288u
#define TT_SMTP_PLAIN_LINE_MAX 2048u

enum tt_smtp_verb {
	TT_SMTP_OTHER, /* a command that is not known, or no command at all: nothing of it may be shown */
	TT_SMTP_EHLO,
	TT_SMTP_HELO,
	TT_SMTP_LHLO,
	TT_SMTP_MAIL,
	TT_SMTP_RCPT,
	TT_SMTP_DATA,
	TT_SMTP_TEXT, /* of a message: a DATA whose text the server will hear */
	TT_SMTP_BDAT,
	TT_SMTP_BDAT_LAST,
	TT_SMTP_AUTH,
	TT_SMTP_STARTTLS,
	TT_SMTP_RSET,
	TT_SMTP_QUIT,
	TT_SMTP_PLAIN, /* all others by name */
};

struct tt_smtp_command {
	enum tt_smtp_verb verb;
	const char *name;	/* static storage; NULL of TT_SMTP_OTHER */
	struct tt_span subject; /* address, host, mechanism; data NULL without one */
	uint64_t size;		/* BDAT: bytes that follow; MAIL: as declared, 0 not */
	bool strict;		/* it is written as the specification wants it, and as nothing else is */
};

/* One line of a reply: RFC 5321, 4.2. */
struct tt_smtp_reply {
	uint16_t code;
	bool more;		 /* another line follows */
	struct tt_span enhanced; /* RFC 3463; empty without one */
	struct tt_span text;	 /* behind the code, and behind the enhanced one */
};

/* What the client's next bytes are is for the server to say. */
enum tt_smtp_hold {
	TT_SMTP_HOLD_NOT,
	TT_SMTP_HOLD_DATA,
	TT_SMTP_HOLD_AUTH,
	TT_SMTP_HOLD_STARTTLS,
};

#define TT_SMTP_ADDRESS_MAX 254u /* RFC 5321, 4.5.3.1.3, without brackets */

struct tt_smtp_address {
	uint8_t len;
	char text[TT_SMTP_ADDRESS_MAX];
};

struct tt_smtp {
	/* The client's side. */
	bool started;
	bool hold_lost;		 /* the server's word was missed */
	bool body;		 /* a message's text goes on */
	bool body_lost;		 /* within a text there was a hole that nothing is known of */
	bool secret;		 /* the next line belongs to an authentication */
	bool holed;		 /* a part of the text was not captured: it may have held its end */
	bool replied;		 /* the server answered the text before its end was read */
	uint8_t hold;		 /* enum tt_smtp_hold */
	uint8_t seen;		 /* bytes of the mark at the text's end that were seen last */
	struct tt_message *open; /* the DATA whose text is read, the AUTH that goes on */
	uint64_t open_end;	 /* stream offset past what was read of its lines */

	/* The server's. */
	bool greeted;
	bool lmtp;
	bool named;		     /* which of the two it is was said */
	bool known;		     /* the transaction was seen from its MAIL on */
	bool interim;		     /* the reply that goes on answers nothing yet */
	bool paired;		     /* what it answers is known */
	uint8_t answers;	     /* enum tt_smtp_verb: what it answers */
	uint16_t code;		     /* its code; 0: between replies */
	uint32_t accepted;	     /* recipients */
	uint32_t replies;	     /* LMTP: so many are still to come for this text */
	uint32_t refused;	     /* and so many of them said no */
	struct tt_message *response; /* open */
	struct tt_smtp_address from;
	struct tt_smtp_address to;
};

/* The server's side (smtp_reply.c). */
enum tt_step tt_smtp_parse_reply(struct tt_link *link, struct tt_smtp *s, struct tt_input *in);

/* The request that is open ends at this offset of the client's stream. */
void tt_smtp_end_open(struct tt_link *link, struct tt_smtp *s, uint64_t offset);

/* Reads a command from a line without its end. False: these bytes are no line of text. */
bool tt_smtp_read_command(struct tt_span line, struct tt_smtp_command *ret);

/* False: it is none. */
bool tt_smtp_read_reply(struct tt_span line, struct tt_smtp_reply *ret);

enum tt_verdict tt_smtp_detect(const struct tt_first *first);

/* Are these bytes commands (replies) and nothing else? `surely`: one of them must be what nobody else says. */
bool tt_smtp_resumes(enum tt_side side, struct tt_span bytes, bool surely);

#endif
