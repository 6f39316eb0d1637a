/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of http2 share: http2.c (frames), http2_block.c (header blocks), http2_head.c (what headers say),
 * http2_content.c (what content says), http2_table.c (tables of headers that a library
 * tells), http2_stream.c (the table of streams), http2_frame.c (frame heads, recognising).
 */
#ifndef TT_PROTO_HTTP2_INTERNAL_H
#define TT_PROTO_HTTP2_INTERNAL_H

#include "proto/grpc.h"
#include "proto/hpack.h"
#include "proto/http2_frame.h"
#include "proto/http_app.h"

/* Told by a frame function, which otherwise gives an enum tt_step: the payload is to be passed over. */
#define HTTP2_ON (-1)

/* Contents of one connection that are looked at at a time, each as far as http_content_bytes. */
#define HTTP2_LOOKS 16

/* One direction of a stream. */
struct http2_half {
	struct tt_message *m; /* open; NULL also where the core had no room for it */
	struct tt_grpc_count grpc;
	uint64_t data;	/* bytes of content so far */
	uint16_t code;	/* responses: the final HTTP status, 0 not known */
	uint8_t media;	/* enum tt_http_media */
	bool looked;	/* it was settled whether its content is looked at */
	bool looking;	/* it is */
	bool headed;	/* its first block was read (responses: a final one) */
	bool over;	/* nothing more comes that could be told apart */
	bool has_data;	/* there were DATA frames */
	bool uncounted; /* some of it came before it was known to be gRPC */
	bool doubt;	/* part of it may have been in a hole */
	bool unknown;	/* headers whose names are not known were among them */
	bool status;	/* grpc-status was among them */
	bool told;	/* headers came decoded from elsewhere: blocks say nothing new */
	bool decoded;	/* headers came decoded from elsewhere, which say when it ends */
};

struct http2_stream {
	uint32_t id;
	uint32_t same_hash; /* these are places in the table, 0: none */
	uint32_t older;
	uint32_t newer;
	bool grpc;
	bool plain;		   /* its path names no method: it is HTTP whatever else is said */
	bool triple;		   /* Dubbo's headers were among them */
	struct http2_half half[2]; /* by enum tt_side */
};

/* Streams by id and in the order they came. Zeroed it is empty. */
struct http2_streams {
	struct tt_link *link;
	struct http2_stream *slot; /* slot 0 is not used */
	uint32_t *bucket;
	uint32_t slots, buckets, count;
	uint32_t unused; /* list through same_hash */
	uint32_t oldest, newest;
};

/* A header block that goes on over several frames. */
struct http2_block {
	uint32_t stream; /* 0: none is open */
	uint32_t promised;
	bool ends; /* the stream's half ends with it */
	bool lost; /* too long to keep */
	struct tt_buf bytes;
};

struct http2_side {
	struct tt_hpack hpack;
	struct http2_block block;
	uint32_t data_stream; /* whose DATA is passing; 0 none */
	uint32_t data_left;   /* of it, without padding */
	uint8_t data_pad;
	bool data_ends;
	bool begun;   /* past the preface */
	bool late;    /* not from its first byte */
	bool unaided; /* no library tells of its table */
};

/* A content that is looked at. */
struct http2_look {
	struct tt_http_app *app; /* NULL: none */
	uint32_t stream;
	enum tt_side side;
};

struct http2_link {
	struct http2_side side[2];
	struct http2_look look[HTTP2_LOOKS];
	struct http2_streams streams; /* the client's */
	struct http2_streams pushed;  /* what the server promised */
	uint32_t highest;	      /* newest stream a request was seen on */
	uint32_t promised;	      /* newest stream a promise was seen of */
	uint32_t unopened;	      /* newest one a request had no room on */
};

/* A frame being read. */
struct http2_at {
	struct tt_link *link;
	struct http2_link *h;
	enum tt_side side;
	struct tt_input *in;
	size_t start;		     /* of the frame */
	struct tt_http2_frame frame; /* the cursor is at its payload */
};

/* http2_stream.c. Pointers are good until the next one is added. */
struct http2_stream *tt_http2_stream_find(const struct http2_streams *t, uint32_t id);
/* NULL: no memory, or the limit is reached. The caller makes room first. */
struct http2_stream *tt_http2_stream_add(struct tt_link *link, struct http2_streams *t, uint32_t id);
void tt_http2_stream_remove(struct http2_streams *t, struct http2_stream *s);
void tt_http2_streams_free(struct http2_streams *t);

/* An even number is a stream the server began. */
static inline struct http2_streams *tt_http2_table(struct http2_link *h, uint32_t id)
{
	return id & 1 ? &h->streams : &h->pushed;
}

/* The stream, if this side may speak on it: on what was promised only the server does. */
static inline struct http2_stream *tt_http2_find(struct http2_link *h, enum tt_side side, uint32_t id)
{
	return side == TT_REQUESTS && !(id & 1) ? NULL : tt_http2_stream_find(tt_http2_table(h, id), id);
}

/* http2.c: the stream a promise names, its request begun; NULL if that can be none. */
struct http2_stream *tt_http2_promise(struct tt_link *link, struct http2_link *h, uint32_t id, const struct tt_input *in,
				      size_t at);

/* http2.c: a half's message, begun if it may be a new one (*ret_stream is set even if it is NULL, unless there is none). */
struct tt_message *tt_http2_open(struct tt_link *link, struct http2_link *h, enum tt_side side, uint32_t id,
				 const struct tt_input *in, size_t at, struct http2_stream **ret_stream);
/* The half's message ends before position `at`. */
void tt_http2_close(struct tt_link *link, struct http2_link *h, enum tt_side side, struct http2_stream *s,
		    const struct tt_input *in, uint64_t at);

/* http2.c: passes over n bytes. Those that have not come yet need not be copied, what follows content is wanted again. */
int tt_http2_pass(struct http2_at *a, uint64_t n, bool content);

/* http2_content.c: settles at its first content whether a half is looked at. True: it is. */
bool tt_http2_look(const struct http2_at *a, const struct http2_stream *s, struct http2_half *half);
/* The content of the frame that is passing, of a half that is looked at; as the frame functions of http2.c. */
int tt_http2_content(struct http2_at *a);
/* What was found is said: before the half's message ends. */
void tt_http2_look_end(struct http2_link *h, struct http2_stream *s, enum tt_side side);
/* The side's messages are gone: nothing is said of them. */
void tt_http2_looks_drop(struct http2_link *h, enum tt_side side);
/* tt_proto.unseen */
void tt_http2_unseen(struct tt_link *link, enum tt_side side, const struct tt_input *in);

/* http2_block.c: frames that carry header blocks; as the frame functions of http2.c. */
int tt_http2_headers_frame(struct http2_at *a);
int tt_http2_push_promise(struct http2_at *a);
int tt_http2_continuation(struct http2_at *a);

/* http2_table.c: the block that begins here needs the table, and a library may tell it yet: return TT_WAIT. */
bool tt_http2_table_awaited(const struct http2_at *a, struct tt_span part);
/* The block is to be read: with the table a library told, if one belongs to it. */
void tt_http2_table_take(const struct http2_at *a, uint32_t stream, struct tt_span block);

/* http2_head.c: one header after the other, then what they mean together. */
struct http2_head {
	struct tt_message *m; /* NULL: only the table is kept right */
	struct http2_stream *s;
	enum tt_side side;
	uint32_t seen;	    /* tokens with a value */
	uint32_t hidden;    /* tokens whose value is not known */
	const char *search; /* responses: "elasticsearch" or "opensearch" says so */
	unsigned code;
};

void tt_http2_field(void *head, const struct tt_hpack_field *f);
/* False: there is no message here (trailers of a request that was not seen). */
bool tt_http2_head_end(struct http2_head *head);
/* How many messages of gRPC a half had, where all were counted. */
void tt_http2_told(const struct http2_half *half, enum tt_side side, struct tt_message *m);
/* What is said of a half when it ends. */
void tt_http2_half_end(struct http2_stream *s, enum tt_side side);
extern const uint32_t tt_http2_wanted[2];

#endif
