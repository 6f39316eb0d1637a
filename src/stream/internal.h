/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share. A connection has links (one a layer: socket, plaintext of a library), a link has two flows
 * (one a direction) and the pairing of its messages. Files: conn.c (table), flow.c (chunks to bytes in order), held.c (chunks
 * that wait for what is missing), later.c (requests of which only the turn is kept), link.c (protocol and parse loop), message.c
 * (where messages are kept), parser.c (what a parser asks of its link), pair.c (what answers what), by_id.c (the same by ids),
 * handshake.c (what libraries say of one),
 * pair_end.c (holes, ends, time-outs), report.c (exchanges out), room.c (who gives way), stream.c (records in, clock), tables.c
 * (tables of headers that libraries tell).
 */
#ifndef TT_STREAM_INTERNAL_H
#define TT_STREAM_INTERNAL_H

#include "base/buf.h"
#include "proto/sqltable.h"
#include "stream/stream.h"

#define TT_OFFSET_EOF UINT64_MAX
#define TT_LAYERS 2
/* So far apart are clocks of two processors or captures where all else says what belongs together. */
#define TT_PAIR_SLACK_NS 10000000u
#define TT_PAIR_BUCKET_BITS 3 /* at first */
#define TT_PAIR_BUCKET_BITS_MOST 20

/* When the bytes from begin up to end came, all in one chunk: kept while bytes before `end` are not consumed. 0: not known. */
struct tt_mark {
	uint64_t begin;
	uint64_t end;
	uint64_t first_ns;
	uint64_t last_ns;
	uint32_t tid;
	uint32_t tgid;
};

/* First mark inline: most streams never need more than one at a time. */
struct tt_marks {
	struct tt_mark *list; /* NULL: `one` is used */
	struct tt_mark one;
	struct tt_mark gone; /* the one dropped last: a message may be ended just behind it */
	uint32_t first;
	uint32_t count;
	uint32_t cap;
};

/* A chunk that came before the bytes in front of it, or while the other direction waited for such. */
struct tt_held {
	struct tt_held *next;
	uint64_t since_ns;
	struct tt_chunk chunk; /* the captured bytes follow */
};

enum tt_flow_mode {
	TT_FLOW_DETECT, /* kept until the protocol is known */
	TT_FLOW_PARSE,
	TT_FLOW_RESYNC,	 /* after a hole: a trustworthy message start is looked for at each chunk's start */
	TT_FLOW_STOPPED, /* only counted */
};

struct tt_flow {
	uint64_t next;	     /* offset after the last byte taken in */
	uint64_t at;	     /* offset of the first byte not consumed */
	uint64_t skip_to;    /* bytes before it are not parsed */
	uint64_t reported;   /* `next` at the last connection report */
	uint64_t last_ns;    /* when the last byte came */
	uint64_t hole_ns;    /* latest hole; 0 none */
	uint64_t missing_to; /* what lies right before was not seen */
	uint64_t begun_ns;   /* not seen from its start: when its first bytes came; else 0 */
	uint64_t wait_ns;    /* since when it waits for the other side; 0: does not wait */
	uint64_t waited;     /* bytes before it were there when what they waited for was not */
	uint64_t late_from;  /* the latest that was missing and came after all, behind what follows it */
	uint64_t late_to;
	struct tt_buf buf; /* bytes [at, next), unless skipped */
	struct tt_marks marks;
	struct tt_held *held;	   /* by offset */
	struct tt_message *ending; /* messages whose end lies ahead, by end */
	uint32_t held_count;
	uint8_t mode;
	bool unheld; /* not all of it could be held while the other direction waited: counted */
	bool started;
	bool from_start;
	bool late_start;       /* said to be seen from its start, but its front was not */
	bool eof;	       /* nothing comes after `next` */
	bool give_up;	       /* what it waits for will not come */
	bool busy;	       /* being parsed: guards against recursion */
	bool starved;	       /* what is kept was offered and is not enough: only more bytes help */
	bool eof_told;	       /* the end was handed on */
	uint64_t resync_from;  /* not before this offset */
	uint64_t pending_skip; /* asked for while busy, applied to what is consumed */
	uint64_t pending_optional;
	uint64_t optional_to; /* bytes before it may be missing */
	uint64_t doubt_from;  /* of what was taken in, from here */
	uint64_t doubt_to;    /* to here other bytes came, too; 0: of nothing */
};

/* Requests in a row of which only the turn is kept, all answered alike. */
struct tt_later {
	uint64_t turn; /* the first one's */
	uint64_t count;
	uint64_t id; /* their message's, as what follows */
	void *tag;
	uint64_t first_ns; /* the first one's */
	uint32_t kind;
};

/* In the order of their turns, from `first` on. */
struct tt_laters {
	struct tt_later *list;
	uint32_t first;
	uint32_t count;
	uint32_t cap;
};

struct tt_pair {
	struct tt_message *first[2]; /* by tt_message_part(): requests; responses not attached to one */
	struct tt_message *last[2];
	struct tt_message **hash[2]; /* by id, ended or identified messages; by-id protocols only */
	uint32_t hashed[2];
	uint64_t hash_by;	  /* a multiplier nobody outside knows */
	uint8_t hash_bits[2];	  /* the hash has 1 << bits buckets */
	uint32_t open[2];	  /* messages in the lists that are in no hash */
	uint32_t attached;	  /* requests whose response is known and not reported yet */
	uint32_t count;		  /* requests in the list */
	uint64_t response_end_ns; /* when the last response ended */
	uint64_t hole_ns;	  /* latest hole */
	uint64_t unsure_ns;	  /* when the newest unsure request began */
	int64_t unsure_open; /* unsure requests, seen or in a hole, less answers that passed: < 0 where these are read ahead */
	uint64_t turns;	     /* in order: requests that began */
	uint64_t later_open; /* requests in `later` */
	struct tt_laters later[2]; /* in order: those that timed out; those there was no room for */
	bool untrusted;		   /* in order: it is not known which request the next response answers */
	bool at_most;		   /* some of them were answered in a hole, it is not known how many */
	bool overlapped;	   /* a request was sent after an answer while an older one was open */
	bool maybe_overlapped;	   /* the same, unless its answer turns out to be missing */
	bool unsure_overlapped;	   /* the same, if unsure_open is right */
	bool quiet_seen;	   /* a request was seen to begin with nothing outstanding */
};

struct tt_link {
	struct tt_conn *conn;
	const struct tt_proto *proto;
	void *state;
	uint64_t parser_bytes;	    /* what the protocol keeps beyond its state */
	struct tt_flow flow[2];	    /* by enum tt_direction */
	struct tt_pair pair;	    /* what the client asks */
	struct tt_pair back;	    /* what the server asks: by id or one-way */
	struct tt_message *open[2]; /* not ended, by side */
	struct tt_message *dead;    /* kept until the parser lets go of them */
	uint64_t messages;	    /* all it has, in lists or not */
	uint8_t request_dir;	    /* the direction of the requests */
	bool role_known;	    /* request_dir is certain */
	uint8_t pairing;	    /* enum tt_pairing: the protocol's, or what its parser asked for */
	uint8_t detect_tries;	    /* failed in a row in one direction */
	uint8_t detect_turns;	    /* failed after a change of direction */
	uint8_t detect_dir;
	uint8_t origin;		 /* enum tt_origin */
	bool switching;		 /* parser called tt_switch */
	bool carrier;		 /* only protocols spoken over this one are wanted */
	struct tt_message *kept; /* for the protocol switched to; in no list */
	const struct tt_proto *switch_to;
	struct tt_buf left; /* by the protocol before, for the next */
};

struct tt_tables;

struct tt_conn {
	struct tt_streams *s;
	struct tt_conn *hash_next;
	struct tt_conn *lru_prev;
	struct tt_conn *lru_next;
	uint64_t key_extra; /* datagrams: hash of the peer */
	struct tt_endpoints ends;
	struct tt_unix_paths *paths; /* owned; ends.paths is the same */
	struct tt_actor actor;
	struct tt_link *link[TT_LAYERS];
	struct tt_tables *tables; /* owned; NULL: none were told */
	uint64_t last_ns;
	uint64_t close_ns; /* closing since; 0 open */
	uint64_t final_off[2];
	uint32_t retransmits;	   /* since the last report */
	uint32_t retransmits_seen; /* the kernel's count at the last record */
	uint32_t resets;
	uint32_t rtt_us;
	bool opened;  /* seen opening, and not forgotten since */
	bool sampled; /* retransmits_seen is set */
	bool final_known;
	bool reset_received;
	bool fin_sent; /* our direction ended in order */
	bool reset_counted;
	bool peer_closed; /* the peer ended its stream first */
	bool datagram;
	bool encrypted;		       /* bytes were, and nothing is known of them */
	bool unreported;	       /* something happened since the last connection report */
	struct tt_handshake_told told; /* by a library */
	uint64_t told_ns;
};

struct tt_streams {
	const struct tt_limits *limits;
	const struct tt_proto *const *protos;
	size_t proto_count;
	const struct tt_streams_ops *ops;
	void *ctx;
	struct tt_conn **buckets;
	unsigned bucket_bits;	   /* there are 1 << bits */
	struct tt_conn *lru_first; /* longest without traffic */
	struct tt_conn *lru_last;
	struct tt_conn *last; /* found last: records come in runs */
	struct tt_message *free_messages;
	size_t free_count;
	struct tt_link *most;	   /* had most messages when it was last asked; NULL: nobody had many */
	uint64_t most_again;	   /* not asked again before so many chunks */
	struct tt_sql_table names; /* ids that are unique everywhere */
	uint64_t text_bytes;	   /* of ended messages */
	uint64_t watermark_ns;
	uint64_t swept_ns; /* those with traffic lately */
	uint64_t swept_all_ns;
	bool tables; /* libraries tell tables of headers */
	struct tt_stream_stats stats;
};

static inline bool tt_conn_is_capture(const struct tt_conn *c)
{
	return c->link[0] && c->link[0]->origin == TT_ORIGIN_PCAP;
}

static inline uint64_t tt_streams_limit(const struct tt_streams *s, enum tt_limit limit)
{
	return s->limits->value[limit];
}

/* So many-th of parser_total_bytes is left to what no message can be begun without (tt_keep_vital). */
#define TT_KEEP_VITAL_PART 4

static inline uint64_t tt_keep_most(const struct tt_streams *s)
{
	uint64_t limit = tt_streams_limit(s, TT_LIMIT_PARSER_TOTAL_BYTES);

	return limit - limit / TT_KEEP_VITAL_PART;
}

/* Both are asked for at every step; sides and directions are 0 and 1. */
static_assert(TT_REQUESTS == 0 && TT_RESPONSES == 1 && TT_TX + TT_RX == 1, "a direction is a side or its opposite");

static inline enum tt_side tt_link_side(const struct tt_link *link, int dir)
{
	return (enum tt_side)(dir ^ link->request_dir);
}

static inline int tt_link_dir(const struct tt_link *link, enum tt_side side)
{
	return (int)side ^ link->request_dir;
}

/* marks.c */
int tt_marks_add(struct tt_marks *m, const struct tt_mark *mark, size_t max);
const struct tt_mark *tt_marks_search(const struct tt_marks *m, uint64_t offset);
void tt_marks_free(struct tt_marks *m);

static inline const struct tt_mark *tt_marks_get(const struct tt_marks *m, uint32_t i)
{
	return m->list ? &m->list[m->first + i] : &m->one;
}

/* The mark of the byte at `offset`; NULL if it is not kept. */
static inline const struct tt_mark *tt_marks_find(const struct tt_marks *m, uint64_t offset)
{
	const struct tt_mark *first = tt_marks_get(m, 0);

	return m->count && offset >= first->begin && offset < first->end ? first : tt_marks_search(m, offset);
}

/* Inline with the ones before: run for every step of a parser, and there is hardly ever more than one mark. */
static inline void tt_marks_drop(struct tt_marks *m, uint64_t before)
{
	while (m->count && tt_marks_get(m, 0)->end <= before) {
		m->gone = *tt_marks_get(m, 0);
		m->first += m->list != NULL;
		m->count--;
	}
}

/* conn.c: the table. Functions that return a connection return NULL where there is none or no memory. */
struct tt_conn *tt_conn_find(struct tt_streams *s, const struct tt_conn_id *id, uint64_t extra);
struct tt_conn *tt_conn_add(struct tt_streams *s, const struct tt_conn_id *id, uint64_t extra);
void tt_conn_touch(struct tt_conn *c, uint64_t now_ns);
void tt_conn_remove(struct tt_conn *c); /* frees it with its links, reports nothing */
void tt_conn_report(struct tt_conn *c, bool closed);
enum tt_outcome tt_conn_outcome(const struct tt_conn *c);
/* Everything still open is reported with this outcome, then it is removed. */
void tt_conn_end(struct tt_conn *c, enum tt_outcome outcome);

/* flow.c */
void tt_flow_chunk(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data);
void tt_flow_release(struct tt_link *link, int dir, uint64_t until_ns); /* a wait for the other side whose time is over */
void tt_flow_take_rest(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data); /* its new part */
/* A chunk that moves nothing: bytes of a capture came again as other ones (source/pcap.h). */
static inline bool tt_flow_came_again(const struct tt_chunk *k)
{
	return k->origin == TT_ORIGIN_PCAP && k->flags & TT_CHUNK_NO_PAYLOAD;
}
bool tt_flow_is_conflict(const struct tt_flow *f, const struct tt_chunk *k); /* and they were taken in before */
void tt_flow_conflict(struct tt_link *link, int dir, const struct tt_chunk *chunk);
/* The next n bytes, or those up to `until`, will not come. by_ns: they were moved by then; 0: by the time of what came last. */
void tt_flow_hole(struct tt_link *link, int dir, uint64_t n, uint64_t by_ns);
void tt_flow_missing(struct tt_link *link, int dir, uint64_t until, uint64_t by_ns);
void tt_flow_eof(struct tt_link *link, int dir);
void tt_flow_refeed(struct tt_link *link, int dir); /* parse what is kept once more */
void tt_flow_advance_at(struct tt_link *link, int dir, size_t n);
void tt_flow_free(struct tt_streams *s, struct tt_flow *f);

/* What came last was not seen. */
static inline bool tt_flow_lacks_its_last(const struct tt_flow *f)
{
	return f->missing_to && f->missing_to == f->next;
}

/* held.c */
/* Bytes before the next chunk are missing and may still come. */
static inline bool tt_flow_waits(const struct tt_flow *f)
{
	return f->held && f->held->chunk.offset > f->next;
}

/* A chunk that something is missing before, or is held before, on either side: held, or taken with all that can be now. */
void tt_held_chunk(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data);
void tt_held_release(struct tt_link *link, uint64_t until_ns); /* what has waited since then or longer waits no more */
void tt_held_free(struct tt_streams *s, struct tt_flow *f);

/* handshake.c */
void tt_streams_handshake(struct tt_streams *s, const struct tt_record *rec);
/* The same without a record: it is at least as far as this by now. */
void tt_conn_handshake_is(struct tt_conn *c, enum tt_handshake state, uint64_t now_ns);
/* Nothing more will be said. */
void tt_conn_handshake_over(struct tt_conn *c);
/* Bytes of the server's are missing from here on. */
void tt_conn_handshake_hole(struct tt_conn *c);
/* More may be said behind what was at that time or earlier … */
bool tt_conn_handshake_waits(const struct tt_conn *c, uint64_t until_ns);
/* … and is not waited for any longer by what is through but for that. */
void tt_conn_handshake_release(struct tt_conn *c, uint64_t now_ns);

/* table_entry.c */
struct tt_table_entry;
struct tt_header;
size_t tt_table_entry_bytes(const struct tt_table_entry *e); /* it has in its record */
size_t tt_table_entry_room(const struct tt_table_entry *e);  /* that its texts need at most */
/* Takes its bytes from the record; its texts are written to `to`, which they borrow. */
struct tt_header tt_table_entry_take(const struct tt_table_entry *e, const uint8_t *from, uint8_t *to);

/* tables.c */
struct tt_table_record;
void tt_conn_table(struct tt_conn *c, const struct tt_table_record *r);
void tt_conn_tables_free(struct tt_conn *c);

/* link.c */
struct tt_link *tt_link_new(struct tt_conn *c, enum tt_origin origin);
struct tt_link *tt_link_free(struct tt_link *link);
/* Parses bytes that stand at flow->at; returns how many were consumed. */
size_t tt_link_feed(struct tt_link *link, int dir, const uint8_t *data, size_t len);
void tt_link_datagram(struct tt_link *link, int dir, const struct tt_chunk *chunk, const uint8_t *data);
void tt_link_hole(struct tt_link *link, int dir, uint64_t n, uint64_t by_ns); /* as tt_flow_hole */
void tt_link_front_missing(struct tt_link *link, int dir);
void tt_link_unseen(struct tt_link *link, int dir, uint64_t missing); /* what is missing at f->at is optional */
void tt_link_settle(struct tt_link *link);			      /* runs sides that waited for each other */
void tt_link_stop(struct tt_link *link);
/* Bytes are only counted: what is encrypted, its plaintext at hand or not, or what nobody knows. */
static inline void tt_link_unread(struct tt_link *link, uint64_t n)
{
	struct tt_stream_stats *stats = &link->conn->s->stats;
	bool beside = link->conn->link[1] && link != link->conn->link[1];
	bool encrypted = (link->proto && link->proto->encrypts) || beside;

	*(encrypted ? &stats->encrypted_bytes : &stats->unknown_bytes) += n;
	link->conn->encrypted |= encrypted;
}
void tt_link_wish(struct tt_link *link, int dir, uint64_t from, uint32_t bytes);
static inline uint64_t tt_skip_end(uint64_t at, uint64_t n)
{
	return n > TT_OFFSET_EOF - at ? TT_OFFSET_EOF : at + n;
}

/* message.c: where messages are kept. */
/* NULL: the limit of messages is reached, which is counted. */
struct tt_message *tt_message_open(struct tt_link *link, enum tt_side side, const struct tt_input *in, size_t at);

/* It has ended: what it holds is what it will hold. */
static inline void tt_message_charge(struct tt_streams *s, struct tt_message *m)
{
	s->text_bytes += m->bytes.cap - m->charged;
	m->charged = (uint32_t)m->bytes.cap;
}

void tt_messages_free(struct tt_streams *s);
/* One that is of no use but for its turn: reported and ended. NULL as above. */
struct tt_message *tt_message_recalled(struct tt_link *link, const struct tt_later *later);

/* Is it a request or a response? What the server asks or promises is read on the side of the responses. */
static inline enum tt_side tt_message_part(const struct tt_message *m)
{
	return (enum tt_side)(m->side ^ (m->back | m->promised));
}

static inline struct tt_pair *tt_pair_of(struct tt_link *link, const struct tt_message *m)
{
	return m->back ? &link->back : &link->pair;
}

static inline void tt_pair_append(struct tt_pair *p, struct tt_message *m)
{
	enum tt_side part = tt_message_part(m);

	m->prev = p->last[part];
	m->next = NULL;
	*(m->prev ? &m->prev->next : &p->first[part]) = m;
	p->last[part] = m;
	p->open[part]++;
	if (part == TT_REQUESTS)
		p->count++;
}
void tt_pair_out_of_list(struct tt_pair *p, struct tt_message *m);

/* Into and out of the list of those that have not ended. */
static inline void tt_message_is_open(struct tt_link *link, struct tt_message *m)
{
	m->open_prev = NULL;
	m->open_next = link->open[m->side];
	if (m->open_next)
		m->open_next->open_prev = m;
	link->open[m->side] = m;
}

static inline void tt_message_not_open(struct tt_link *link, struct tt_message *m)
{
	*(m->open_prev ? &m->open_prev->open_next : &link->open[m->side]) = m->open_next;
	if (m->open_next)
		m->open_next->open_prev = m->open_prev;
}

/* by_id.c */
/* Makes it ready for pairing by id. -ENOMEM. */
int tt_pair_prepare(struct tt_pair *p);
void tt_pair_hash(struct tt_pair *p, struct tt_message *m);
void tt_pair_unhash(struct tt_pair *p, struct tt_message *m);
/* The request with this id that an answer of that time belongs to (0: of a time that is not known), or NULL. *ret_doubt: another
 * one with the same id may be meant. */
struct tt_message *tt_pair_asked(const struct tt_link *link, const struct tt_pair *p, uint64_t id, uint64_t answer_ns,
				 bool *ret_doubt);
void tt_pair_join(struct tt_link *link, struct tt_message *rsp); /* attaches it to the request with its id, if there is one */
void tt_pair_adopt_by_id(struct tt_link *link, struct tt_message *req); /* the other way round */

/* message.c */ /* Out of all lists and given back; kept as dead while the parser holds it. NULL-safe. */
void tt_pair_discard(struct tt_link *link, struct tt_message *m);
void tt_pair_bury(struct tt_link *link, struct tt_message *m);
/* The parser ends or drops a message: its pointer is not used again. True where the message was dead already and is gone now. */
static inline bool tt_pair_release(struct tt_link *link, struct tt_message *m)
{
	m->held = false;
	if (!m->dead)
		return false;
	tt_pair_bury(link, m);
	return true;
}
void tt_pair_let_go(struct tt_link *link, enum tt_side side); /* the parser has forgotten its messages of this side */
void tt_pair_free(struct tt_link *link);

/* later.c */
/* The request is reported and has ended: from here on only its turn is known. False: it cannot be kept so, and is as it was. */
bool tt_pair_later(struct tt_link *link, struct tt_message *req, bool timed_out);
/* The request that is answered next, `before` (or NULL) being the next one that is a message; NULL: it is not known. */
struct tt_message *tt_pair_recall(struct tt_link *link, struct tt_message *before);
uint64_t tt_pair_later_ns(struct tt_pair *p); /* when the first of them began; 0: there is none, or not known */
void tt_pair_later_forget(struct tt_link *link);

/* room.c */
/* The last part of the store is left to answers and to what has not ended, or nothing would be paired any more. */
bool tt_room_is_short(const struct tt_streams *s);
/* Who has most messages of all gives half of them, unless it has hardly more than the link itself. */
void tt_room_make(struct tt_link *link);

/* report.c */
bool tt_streams_want(const struct tt_streams *s, const struct tt_proto *proto);
void tt_pair_report(struct tt_link *link, struct tt_message *req, enum tt_outcome outcome);
/* Reports a request and forgets it with its response. */
void tt_pair_conclude(struct tt_link *link, struct tt_message *req, enum tt_outcome outcome);
/* Forgets a message without a word; a response that is not over is nobody's then. */
void tt_pair_drop(struct tt_link *link, struct tt_message *m);
/* Nothing asked for this response: counted and forgotten. */
void tt_pair_orphan(struct tt_link *link, struct tt_message *rsp);

/* pair.c: what answers what. */
/* What the server asks is always paired by id. */
static inline bool tt_pair_in_order(const struct tt_link *link, const struct tt_message *m)
{
	return link->pairing == TT_PAIR_IN_ORDER && !m->back;
}

static inline bool tt_pair_uses_id(const struct tt_link *link, const struct tt_message *m)
{
	return link->pairing == TT_PAIR_BY_ID || m->back;
}

/* There is no room: a request that has ended and is not being answered is reported without its answer. False: it is kept as it
 * is. */
bool tt_pair_give_way(struct tt_link *link, struct tt_message *req);

bool tt_pair_possible(const struct tt_link *link, const struct tt_message *req, uint64_t response_first_ns, bool asked_first);
void tt_pair_attach(struct tt_link *link, struct tt_message *req, struct tt_message *rsp);

/* It ends before that offset, which may lie ahead. */
void tt_message_end_off(struct tt_link *link, struct tt_message *m, uint64_t end_off);
void tt_pair_sealed(struct tt_link *link, struct tt_message *m, const struct tt_mark *mark);
/* In order: which of the open requests the next answer belongs to is not known any more. */
void tt_pair_doubt(struct tt_link *link);
/* In order: more was answered by this time than is known to have been asked, so what it answered was not seen. While the answers
 * are read ahead of the questions, it is asked yet. */
void tt_pair_even(struct tt_link *link, uint64_t asking_ns);

/* pair_end.c */
void tt_pair_hole(struct tt_link *link, enum tt_side side);
void tt_pair_unended(struct tt_link *link, enum tt_side side);			    /* what it would say last was not seen */
void tt_pair_dropped(struct tt_link *link, enum tt_side side, uint64_t dropped_ns); /* bytes are passed over; they came by then */
void tt_pair_eof(struct tt_link *link, enum tt_side side);
void tt_pair_abort(struct tt_link *link, enum tt_outcome outcome);
void tt_pair_timeout(struct tt_link *link, uint64_t now_ns);
void tt_pair_expire(struct tt_link *link, uint64_t before_ns); /* responses nobody asked for */

#endif
