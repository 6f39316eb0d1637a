/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole contract between the core and a protocol: bytes in, messages out. A protocol knows nothing of libbpf, sockets,
 * files or clocks. It is one .c file that defines `const struct tt_proto tt_proto_NAME`, and one word in meson.build.
 *
 * How it runs. The core keeps, for each connection and layer, a *link*: two sides (what the client sends, what the server
 * sends) that come at their own pace, unordered to each other. For each side it calls parse() with the bytes not yet
 * consumed, in stream order and without holes. parse() consumes whole messages (or parts it understands), opens and ends
 * messages, and says what it needs next. Bytes it does not need (bodies) it skips by counting: they may never have been captured.
 *
 * Holes. A missing range inside a skip costs nothing. Any other hole ends the open message of that side as incomplete, calls
 * gap(), and from then on the core offers resync() the bytes at each chunk's start until it names a place where a message begins
 * that can be trusted. Pairing after a hole is the core's work: what it touched is reported incomplete, never guessed.
 *
 * Which is the request side? Known from accept/connect, or else found by detect().
 */
#ifndef TT_PROTO_PROTO_H
#define TT_PROTO_PROTO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cursor.h"
#include "proto/message.h"

enum tt_side {
	TT_REQUESTS = 0,  /* bytes from the client */
	TT_RESPONSES = 1, /* bytes from the server */
};

enum tt_pairing {
	TT_PAIR_IN_ORDER, /* the n-th response answers the n-th request that is not one-way */
	TT_PAIR_BY_ID,	  /* equal tt_message.id */
	TT_PAIR_ONE_WAY,  /* requests are never answered */
};

/* By id: what it means that a request has the id of one that is not answered. */
enum tt_ids {
	TT_IDS_UNIQUE,	/* it does not happen unless that one never will be: which of them an answer is for is not sure */
	TT_IDS_IN_TURN, /* they are answered one after the other (an id is a kind of request, or means nothing) */
	TT_IDS_AGAIN,	/* the same is asked again: any answer is one to it */
};

enum tt_verdict {
	TT_NO,	  /* these bytes are not this protocol */
	TT_MAYBE, /* they could be: more are needed to tell */
	TT_YES,	  /* they are, with the sides as given */
};

/* The first bytes of a connection (or after a hole or protocol switch), under the assumption which side is which. */
struct tt_first {
	struct tt_span side[2]; /* by enum tt_side; empty: nothing seen yet */
	bool from_start[2];	/* side[i] begins at the stream's first byte */
	bool ended[2];		/* nothing will follow */
	bool role_known;	/* the sides are known from accept/connect, not assumed */
	bool datagram;		/* side[i] is one datagram */
	uint16_t server_port;	/* a hint only: never decide by it */
};

enum tt_step {
	TT_PARSED,    /* moved on: the cursor's position is what was consumed. Called again while bytes are left */
	TT_MORE,      /* the bytes end inside a message: what was consumed so far is gone, call again with more */
	TT_WAIT,      /* the other side must be read first (tt_awaited said TT_NOT_YET); consumed as TT_MORE */
	TT_LOST_SYNC, /* not what this protocol says at the cursor's position: treated as a hole of unknown kind */
	TT_DONE,      /* the protocol is over on this connection, both sides (CONNECT, Upgrade): what follows is only counted */
};

/* What parse() is given. */
struct tt_input {
	struct tt_cursor c; /* starts at position 0; on return its pos is what was consumed */
	uint64_t offset;    /* stream offset of c.data[0] */
	bool ended;	    /* the stream ends after these bytes */
	bool datagram;	    /* these bytes are one datagram, not part of a stream */
	bool truncated;	    /* datagrams: the rest of the datagram was not captured */
	uint64_t missing;   /* unseen() only: so many bytes are known to be missing from here on */
};

/* One decoded header, from a library probe or a header decoder. A value that is not known is data NULL. */
struct tt_header {
	struct tt_span name;
	struct tt_span value;
};

/*
 * A table of headers (HPACK) of one side as a library has it, at one header block: the one of this stream that begins with these
 * bytes. Entries are told the newest first; the oldest may be missing.
 */
struct tt_header_table {
	uint32_t stream;
	uint32_t fragment;    /* bytes of the block in its first frame */
	struct tt_span block; /* as many of them as are known */
	uint32_t size;	      /* of the whole table, and the most it may have (RFC 7541, 4.1) */
	uint32_t most;
	bool after; /* as the block left it, not as it found it */
	bool whole; /* no entry is missing */
	size_t count;
	const struct tt_header *header;
};

struct tt_headers {
	uint64_t stream_id;
	const struct tt_header *header;
	size_t count;
	bool end_stream;
};

/* One protocol's part of docs/protocols.md: plain sentences, Markdown within a line. All set. */
struct tt_proto_doc {
	const char *title;	   /* "Apache Kafka" */
	const char *specification; /* name and address of the document the format comes from */
	const char *recognised;	   /* by what bytes, also in mid-connection */
	const char *operation;
	const char *resource;
	const char *status;   /* of a success, of a failure */
	const char *limits;   /* what is not read, and what is then said */
	const char *verified; /* against which real peers and independent readers */
};

/* What a library says of the handshake on this connection (shared/record.h, struct tt_handshake_record). */
struct tt_handshake_told {
	uint8_t state;	/* enum tt_handshake */
	uint8_t origin; /* enum tt_origin */
	int32_t error;	/* the library's own number */
	bool server;	/* the library is the server's */
	bool done;	/* it has been TT_HANDSHAKE_DONE */
	bool hole;	/* bytes of the server's are missing from here on, so it has gone on */
	bool over;	/* nothing more will be told */
};

struct tt_link; /* the core's, see below */

struct tt_proto {
	const char *name; /* as in outputs, --protocol and metric labels */
	const struct tt_proto_doc *doc;
	const struct tt_proto *over; /* it is spoken within that one, whose messages name it (tt_message.as); NULL: on its own */
	enum tt_pairing pairing;
	enum tt_ids ids;   /* by-id pairing only */
	bool stream;	   /* runs over byte streams */
	bool encrypts;	   /* what it carries may be seen elsewhere, in plaintext: it is read on beside that */
	bool status_first; /* an answer's status stands before its content: it holds also where the rest never comes */
	bool datagram;	   /* runs over datagrams: parse() gets one whole datagram a call and consumes all of it */
	size_t state_size; /* bytes of state per link, zeroed; 0 none */
	void (*state_free)(void *state); /* frees what the state owns, not the state; NULL: nothing. Accepts zeroed state */

	/* Quick to say no. May be called again with more bytes; must not give another answer for the same bytes. */
	enum tt_verdict (*detect)(const struct tt_first *first);

	enum tt_step (*parse)(struct tt_link *link, enum tt_side side, struct tt_input *in);

	/* n bytes of this side are missing here (0: unknown). State of this side is to be reset. NULL: nothing to reset. */
	void (*gap)(struct tt_link *link, enum tt_side side, uint64_t n);

	/*
	 * The bytes from in->offset on, which tt_optional said could be done without, were not captured (in->c is empty). Must
	 * skip what is left of them, or just in->missing where what comes behind is looked at again; no gap is told then. NULL:
	 * tt_optional is not used.
	 */
	void (*unseen)(struct tt_link *link, enum tt_side side, const struct tt_input *in);

	/* Where in the bytes (which start where a chunk started) a message begins that can be trusted; -1: not here. NULL: never
	 * again. */
	ssize_t (*resync)(struct tt_link *link, enum tt_side side, struct tt_span bytes);

	/* Headers decoded elsewhere. NULL: not used. */
	void (*headers)(struct tt_link *link, enum tt_side side, const struct tt_headers *headers);

	/* A library has said something new, or nothing more will be said; what was said before tt_link_handshake() has. NULL: not
	 * used. */
	void (*handshake)(struct tt_link *link, const struct tt_handshake_told *told);
};

/* --- what a parser may call ------------------------------------------------------------------------------------------------ */

/* This link's state, state_size bytes. */
void *tt_link_state(struct tt_link *link);

/* A limit row's value (shared/limits.h), for tables a protocol keeps. */
uint64_t tt_link_limit(const struct tt_link *link, int limit);

/* A protocol forgot n statements or whatever else it keeps many of (or did not take them in) to keep to its limit: counted. */
void tt_statements_turned_away(struct tt_link *link, uint64_t n);

/* A compressed message was read only up to the limit row, or not at all because of its size: counted. */
void tt_unpacked_turned_away(struct tt_link *link);

/* A protocol could not keep a block it needed whole (a header block past its limit row): counted. */
void tt_block_turned_away(struct tt_link *link);

/* A request is not reported because tt_keep_vital said no: counted. */
void tt_request_unopened(struct tt_link *link);

/* A request came with an id that its protocol lets a connection use but once: it is not reported, but counted. */
void tt_id_again(struct tt_link *link);

/*
 * What a protocol keeps of a link beyond its state is asked for here and given back when it is freed; what is left is given back
 * with the state. False: all links together keep as much as the limit row parser_total_bytes allows, which is counted: do with
 * less.
 */
bool tt_keep(struct tt_link *link, size_t bytes);
/* The same for what no message can be begun without: a quarter of the limit is for that alone. */
bool tt_keep_vital(struct tt_link *link, size_t bytes);
void tt_keep_less(struct tt_link *link, size_t bytes);

/* tt_buf_add (-ENOBUFS: at that limit, too) and tt_buf_free of a buffer that is so accounted for. */
int tt_keep_add(struct tt_link *link, struct tt_buf *b, const void *data, size_t len);
void tt_keep_free(struct tt_link *link, struct tt_buf *b);

/*
 * Names for ids that are unique everywhere (Kafka's topic ids): what one connection told is known on all. Bounded by a limit row,
 * the longest unused go first, and a name that was not seen is data NULL. The span is borrowed until the next call.
 */
void tt_name_learn(struct tt_link *link, struct tt_span id, struct tt_span name);
struct tt_span tt_name_known(struct tt_link *link, struct tt_span id);

/* Both streams were seen from their first byte. */
bool tt_link_from_start(const struct tt_link *link);

/*
 * Opens a message whose first byte is at position `at` of the input's cursor data (or, from headers(), now). Returns NULL when
 * the limit of messages is reached: go on parsing without it (all setters and ends accept NULL).
 * A response opened here answers the request tt_awaited() gave, or the one with the id set by the time it is ended.
 */
struct tt_message *tt_request_begin(struct tt_link *link, const struct tt_input *in, size_t at);
struct tt_message *tt_response_begin(struct tt_link *link, const struct tt_input *in, size_t at);

/*
 * The same where the server asks and the client answers or not (a broker's delivery, a heartbeat): requests are read on the
 * server's side, responses on the client's. Always paired by id, apart from what the client asks, or one-way. The end that asked
 * is the client of the exchange.
 */
struct tt_message *tt_server_request_begin(struct tt_link *link, const struct tt_input *in, size_t at);
struct tt_message *tt_client_response_begin(struct tt_link *link, const struct tt_input *in, size_t at);

/* What the end on this side says: a question of its own, or an answer to one of the other end's. */
static inline struct tt_message *tt_begin(struct tt_link *link, enum tt_side side, bool asks, const struct tt_input *in,
					  size_t at)
{
	if (asks)
		return side == TT_REQUESTS ? tt_request_begin(link, in, at) : tt_server_request_begin(link, in, at);
	return side == TT_REQUESTS ? tt_client_response_begin(link, in, at) : tt_response_begin(link, in, at);
}

/*
 * A request the server says itself in the client's name and will answer (HTTP/2's PUSH_PROMISE): read on the server's side, and
 * in all else as tt_request_begin. Pairing by id only.
 */
struct tt_message *tt_promised_request_begin(struct tt_link *link, const struct tt_input *in, size_t at);

/* Ends it: its last byte is the one before position `at`, which may lie beyond the input by as much as is skipped next. */
void tt_message_end(struct tt_link *link, struct tt_message *m, const struct tt_input *in, uint64_t at);

/*
 * The link's newest request goes on: its last byte is now the one before position `at` (log-in rounds, a file the server asked
 * for: the server may have begun to answer). The time and byte counts follow. Nothing happens if its exchange was reported
 * already or there is none.
 */
void tt_request_extend(struct tt_link *link, const struct tt_input *in, uint64_t at);

/*
 * What it has is the bytes before position `at`, but tt_message_end is called later, for the same place: when that moment is not
 * kept any more.
 */
void tt_message_note_end(struct tt_link *link, struct tt_message *m, const struct tt_input *in, uint64_t at);

/* It ends when its side's stream ends (close-delimited). */
void tt_message_end_at_eof(struct tt_link *link, struct tt_message *m);

/*
 * A message's pointer stays good until the parser ends or drops it, whatever happened to its exchange meanwhile; gap() on its
 * side ends that too: nothing of that side may be touched from there on.
 */

/* It was no message after all. */
void tt_message_drop(struct tt_link *link, struct tt_message *m);

/* The n bytes after what this call consumes are not to be parsed. */
void tt_skip(struct tt_link *link, enum tt_side side, uint64_t n);
void tt_skip_to_eof(struct tt_link *link, enum tt_side side);

/*
 * The n bytes after what this call consumes are looked at where they were captured, but need not have been: instead of a gap,
 * unseen() is called where they are missing. parse() has to consume all of them that it is given.
 */
void tt_optional(struct tt_link *link, enum tt_side side, uint64_t n);

/* Nanoseconds from the first byte of the request m answers to the byte at position `at` of the input; false: not known. */
bool tt_since_request(struct tt_link *link, enum tt_side side, const struct tt_message *m, const struct tt_input *in, size_t at,
		      uint64_t *ret);

enum tt_awaited {
	TT_HAVE,    /* *ret is the oldest request not yet answered */
	TT_NOT_YET, /* none was read yet, it may still come: return TT_WAIT */
	TT_NEVER,   /* it was lost or came before telltale: read the response as best can be; it will not be paired */
};

/*
 * From here on this link pairs so, whatever its protocol says: what is spoken on it tells (memcached's datagrams bring ids with
 * them, most Thrift clients number all calls 0). False, and nothing is changed: messages are open or waiting for their other
 * half, or there is no memory.
 */
bool tt_pair_as(struct tt_link *link, enum tt_pairing pairing);

/* In-order pairing: which request does the next response answer? *ret is NULL unless TT_HAVE. Borrowed. */
enum tt_awaited tt_awaited(struct tt_link *link, const struct tt_message **ret);

/* The request tt_awaited gave gets no answer: it is reported as one-way, and the next one is awaited. */
void tt_awaited_silent(struct tt_link *link);

/*
 * The tables of headers a library told of this side and that are kept, by number from 0 on; NULL: there are no more. Borrowed
 * until one is taken or parse() returns.
 */
const struct tt_header_table *tt_header_table(struct tt_link *link, enum tt_side side, size_t number);

/* One may still come: return TT_WAIT. False: it will not. */
bool tt_header_table_awaited(const struct tt_link *link, enum tt_side side);

/* That one fits what was seen, and none is needed any more; or it does not, and is forgotten. Counted. */
void tt_header_table_taken(struct tt_link *link, enum tt_side side, size_t number, bool fits);

/* What a library has said of the handshake here; state TT_HANDSHAKE_UNTOLD: nothing. */
const struct tt_handshake_told *tt_link_handshake(const struct tt_link *link);

/* By-id pairing, where a response cannot be read without its request: the oldest one with this id that has no response yet. */
enum tt_awaited tt_awaited_by_id(struct tt_link *link, uint64_t id, const struct tt_message **ret);

/* By-id pairing: the open or waiting request (response) with this id on this link, or NULL. Borrowed. */
struct tt_message *tt_message_by_id(struct tt_link *link, enum tt_side side, uint64_t id);

/*
 * By-id pairing: the message's id, known from now on. It is found quickly from here, and a response is joined to its request
 * before it ends (m->peer is the other half then): as long as it goes on, its request is not timed out. m NULL: nothing.
 */
void tt_message_identify(struct tt_link *link, struct tt_message *m, uint64_t id);

/* The request the server began (tt_server_request_begin) with this id that is not answered yet, or NULL. Borrowed. */
struct tt_message *tt_server_request_by_id(struct tt_link *link, uint64_t id);

/*
 * Capture wish: bytes of this side before stream offset in->offset + at need no copying, from there on `bytes` of each call are
 * wanted. The latest wish stands. A wish costs nothing where the source cannot obey (captures on disk).
 */
void tt_wish(struct tt_link *link, enum tt_side side, const struct tt_input *in, uint64_t at, uint32_t bytes);

/* After TT_DONE the link is given to this protocol (NULL: detected anew) from the bytes not yet consumed on each side. */
void tt_switch(struct tt_link *link, const struct tt_proto *proto);

/*
 * After tt_switch to a protocol that pairs by id: the request `response` belongs to, which was read to its end, is answered
 * there, as its request `id`; the response was none and is dropped. Returns the request, borrowed until parse() returns; NULL:
 * there is none, or it has not ended, and the response stands.
 */
struct tt_message *tt_switch_keep(struct tt_link *link, struct tt_message *response, uint64_t id);

/* The same, leaving the next protocol a text that only this one has read (the path of what was upgraded). Copied; cut at
 * text_bytes. */
void tt_switch_with(struct tt_link *link, const struct tt_proto *proto, struct tt_span text);

/* What the protocol before left; empty if nothing. Borrowed until the next switch. */
struct tt_span tt_switched_with(const struct tt_link *link);

/* --- the registry, generated from the list in meson.build --------------------------------------------------------------------
 */

extern const struct tt_proto *const tt_protos[];
extern const size_t tt_protos_count;

/* NULL if there is none of that name. */
const struct tt_proto *tt_proto_find(const char *name);

#endif
