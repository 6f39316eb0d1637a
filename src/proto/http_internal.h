/* SPDX-License-Identifier: Apache-2.0 */
/* What http.c (heads) and http_content.c (content) share. */
#ifndef TT_PROTO_HTTP_INTERNAL_H
#define TT_PROTO_HTTP_INTERNAL_H

#include "proto/http_app.h"
#include "proto/http_framing.h"
#include "proto/http_line.h"
#include "shared/limits.h"

/* A field line is kept whole up to here; the rest of a longer one is passed over. */
#define HTTP_LINE_MAX 16384

/* A folded value is put together up to here. */
#define HTTP_FOLDED_MAX 1024

/* Fewer bytes than this ahead are not worth telling the source about. */
#define HTTP_WISH_LEAST 65536

/* Told by a phase function, which otherwise gives an enum tt_step: go on with the phase that is set now. */
#define HTTP_ON (-1)

enum http_phase {
	HTTP_START,    /* between messages */
	HTTP_FIELDS,   /* in a head, after its first line */
	HTTP_EXPECTED, /* requests: content may follow, or not (Expect) */
	HTTP_BODY,     /* in content that is looked at */
	HTTP_CHUNK,    /* at a chunk's first line */
	HTTP_CHUNK_END,
	HTTP_TRAILERS,
	HTTP_PHASE_MAX,
};

/* What a response must know of its request (tt_message.kind). */
enum http_kind {
	HTTP_KIND_HEAD = 1,
	HTTP_KIND_CONNECT = 2,
};

struct http_side {
	struct tt_message *m; /* the open message; NULL also where the core had no room for it */
	struct tt_http_framing framing;
	struct tt_http_app *app; /* what looks at its content; NULL: nothing does */
	const char *search;	 /* responses: "elasticsearch" or "opensearch" says so */
	uint64_t body;		 /* bytes of its chunks so far */
	uint64_t left;		 /* HTTP_BODY: content still to come, of this chunk */
	size_t scanned;		 /* bytes at the front known to hold no end of line */
	uint8_t phase;
	uint8_t minor; /* version 1.minor */
	uint16_t status;
	uint32_t kind;	/* the request's, enum http_kind */
	uint8_t media;	/* enum tt_http_media */
	bool open;	/* a message is open, whether kept or not */
	bool continued; /* responses: 100 (Continue) was part of it */
	bool orphan;	/* responses: the request was not seen */
	bool has_authority;
	bool upgrade;
	bool h2c;
	bool websocket;
	bool expect;
	bool s3;
	bool doubt;    /* requests: what was answered meanwhile is not known */
	bool folded;   /* the field line being read goes on over several lines */
	bool dropping; /* in the rest of a line that is too long */
};

struct http_link {
	struct http_side side[2];
	bool hold;	     /* what follows the newest request depends on its answer */
	bool last_continued; /* the latest final response had 100 (Continue) before it */
	bool answered_again; /* HTTP_EXPECTED: the server went on behind its final answer */
};

/* The next line without its end, passed over. False: it has no end yet. */
static inline bool tt_http_line(struct http_side *s, struct tt_cursor *c, struct tt_span *ret)
{
	const uint8_t *begin = c->data + c->pos, *end = c->data + c->len;
	const uint8_t *found = tt_find_near(begin + s->scanned, end, '\n');
	if (!found) {
		s->scanned = (size_t)(end - begin);
		return false;
	}

	c->pos = (size_t)(found + 1 - c->data);
	s->scanned = 0;
	*ret = tt_span(begin, (size_t)(found - begin) - (found > begin && found[-1] == '\r'));
	return true;
}

/* Passes over a line that is too long to keep: TT_MORE, or HTTP_ON behind its end. */
int tt_http_drop_line(struct http_side *s, struct tt_cursor *c);

/* The open message is over, its last byte lying `ahead` bytes before us. */
void tt_http_end(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in, uint64_t ahead);

/* Takes up the content; what it is was found at the head's end. */
int tt_http_content(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in,
		    enum tt_http_content content);

/* The phases of content, as those of heads. */
int tt_http_body(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in);
int tt_http_chunk(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in);
int tt_http_chunk_end(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in);
int tt_http_trailers(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in);
int tt_http_expected(struct tt_link *link, struct http_link *h, enum tt_side side, struct tt_input *in);

/* tt_proto.unseen */
void tt_http_unseen(struct tt_link *link, enum tt_side side, const struct tt_input *in);

#endif
