/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the ClickHouse parser share. Formats: ClickHouse documentation, "Native Protocol" (client and server packets,
 * columns), and the revisions at which fields were added. clickhouse.c (detection, holes), clickhouse_request.c and
 * clickhouse_response.c (packets of either side), clickhouse_query.c (the query packet), clickhouse_block.c (blocks passed over),
 * clickhouse_type.c (columns by their types).
 */
#ifndef TT_PROTO_CLICKHOUSE_H
#define TT_PROTO_CLICKHOUSE_H

#include "proto/proto.h"
#include "proto/sqltext.h"

#define CH_STRING_MOST (128u << 10) /* of a packet's strings, texts apart */
#define CH_TYPE_MOST 512u
#define CH_STACK 24u
#define CH_ROWS_MOST (UINT64_C(1) << 40)
#define CH_DB_MOST 128u

/* Revisions that changed what is read here. A connection speaks the lower one of its two ends'. */
enum ch_revision {
	CH_OLDEST = 54058, /* older servers are not read */
	CH_QUOTA_KEY_IN_INFO = 54060,
	CH_DISPLAY_NAME = 54372,
	CH_VERSION_PATCH = 54401,
	CH_WRITE_PROGRESS = 54420,
	CH_SETTINGS_AS_STRINGS = 54429,
	CH_INTERSERVER_SECRET = 54441,
	CH_OPENTELEMETRY = 54442,
	CH_DISTRIBUTED_DEPTH = 54448,
	CH_START_TIME = 54449,
	CH_PARALLEL_REPLICAS = 54453,
	CH_CUSTOM_SERIALIZATION = 54454,
	CH_ADDENDUM = 54458,
	CH_PARAMETERS = 54459,
	CH_ELAPSED = 54460,
	CH_PASSWORD_RULES = 54461,
	CH_NONCE = 54462,
	CH_TOTAL_BYTES = 54463,
	CH_AGGREGATION = 54469,
	CH_CHUNKED = 54470,
	CH_REPLICAS_VERSION = 54471,
	CH_EXTERNAL_ROLES = 54472,
	CH_SERVER_SETTINGS = 54474,
	CH_SCRIPT_LINES = 54475,
	CH_TOKEN = 54476,
	CH_QUERY_PLAN = 54477,
	CH_CLUSTER_FUNCTION = 54479,
	CH_NEWEST = 54999,
};

/* What a client's packet begins with. */
enum ch_packet {
	CH_PACKET_HELLO = 0,
	CH_PACKET_QUERY = 1,
	CH_PACKET_DATA = 2,
	CH_PACKET_CANCEL = 3,
	CH_PACKET_PING = 4,
	CH_PACKET_SCALAR = 7,
};

/* A cursor, and whether what was read cannot be: tt_cursor_short() says that more is needed. */
struct ch_reader {
	struct tt_cursor c;
	bool bad;
};

uint64_t ch_varuint(struct ch_reader *r);
/* Once a read was short nothing more is read, so that what follows is not taken for bad. Larger or longer than `most`: bad. */
uint8_t ch_byte(struct ch_reader *r, uint8_t most);
struct tt_span ch_string(struct ch_reader *r, size_t most);

/* --- blocks ------------------------------------------------------------------------------------------------------------------
 */

enum ch_op {
	CH_OP_TYPE,	 /* n values of the type */
	CH_OP_ARRAY_END, /* the last offset, then the elements */
	CH_OP_INDEX,	 /* LowCardinality: the rows' indices, n bytes each */
};

struct ch_work {
	uint64_t n;
	uint16_t off; /* of the type in the text */
	uint16_t len;
	uint8_t op;
};

/* One column's values, passed over by its type. */
struct ch_column {
	uint64_t strings; /* values still to be passed */
	uint32_t depth;
	uint16_t type_len;
	uint8_t prefixes;
	char type[CH_TYPE_MOST];
	struct ch_work stack[CH_STACK];
};

/* A block being passed over. */
struct ch_block {
	bool on;
	bool packed;	/* compressed frames */
	bool counted;	/* columns and rows are known */
	bool in_column; /* its name and type were read */
	bool empty;	/* it has no rows */
	bool big;	/* the last frame was so large that another one may follow */
	uint64_t columns;
	uint64_t rows;
	struct ch_column column;
};

/* Begins a column. False: its type is not known. */
bool ch_column_begin(struct ch_column *col, struct tt_span type, uint64_t rows);
/*
 * Moves on. TT_DONE: the column is passed. TT_PARSED: call again, after *ret_skip bytes more than were consumed. Else TT_MORE or
 * TT_LOST_SYNC; what was consumed is gone in any case.
 */
enum tt_step ch_column_step(struct ch_column *col, struct tt_cursor *c, uint64_t *ret_skip);

void ch_block_begin(struct ch_block *b);
/* The same for a block; it may be over (TT_DONE) behind the bytes to be skipped. */
enum tt_step ch_block_step(struct ch_block *b, struct tt_cursor *c, uint32_t revision, uint64_t *ret_skip);
/* Could a block begin here? TT_MAYBE: too few bytes. */
enum tt_verdict ch_block_begins(struct tt_span bytes);

/* --- the link ----------------------------------------------------------------------------------------------------------------
 */

struct ch_requests {
	struct tt_message *open; /* a query whose first empty block did not come yet */
	struct ch_block block;
	uint64_t rows;	 /* of plain blocks since the query */
	bool counts;	 /* all of them were plain */
	bool greeted;	 /* the client's hello was read, or was before telltale */
	bool addendum;	 /* it may come next */
	bool parameters; /* of the query, come next */
	bool hole;	 /* since the last request: some of its rows may be missing */
	bool insert;	 /* the query is one, */
	bool finished;	 /* and its last, empty block came */
	bool external;	 /* blocks belong to external tables, up to an empty one */
};

struct ch_responses {
	struct tt_message *open;
	struct ch_block block;
	int64_t rows;
	int64_t written;
	int64_t read_rows;
	int64_t read_bytes;
	bool has_blocks;
	bool has_rows;
	bool has_written;
	bool has_read;
	bool in_answer;
	bool guessed; /* it is incomplete only as long as its end was not read: the revision is a guess */
};

struct ch_state {
	struct ch_requests req;
	struct ch_responses res;
	uint32_t client_revision;
	uint32_t server_revision;
	uint32_t revision; /* spoken; 0: not known yet */
	uint32_t least;	   /* not 0: it was guessed, and is not below this */
	bool skips;	   /* bytes are to be skipped behind what was consumed */
	char db[CH_DB_MOST];
	uint16_t db_len;
};

/* The query packet up to its text. */
struct ch_query {
	struct tt_span id;
	struct tt_span user;
	uint32_t client_revision;
	uint64_t text_len;
	size_t text_at; /* where the text begins */
};

enum ch_kind {
	CH_CONNECT = 1,
	CH_QUERY,
	CH_PING,
};

/* clickhouse.c */
/* Passes over n bytes, here or further on. Returns how many are not here. */
uint64_t ch_skip(struct tt_link *link, struct ch_state *st, enum tt_side side, struct tt_input *in, uint64_t n);

/* clickhouse_query.c */
/* Reads the packet behind its type as of that revision. TT_PARSED: *ret is set and the reader stands at the text. */
enum tt_step ch_read_query(struct ch_reader *r, uint32_t revision, struct ch_query *ret);
/* The same where the revision is not known: the newest one that fits. *ret_least: the oldest that writes it so. */
enum tt_step ch_read_query_any(struct ch_reader *r, struct ch_query *ret, uint32_t *ret_revision, uint32_t *ret_least);
/* A query's parameters, written as settings. */
enum tt_step ch_pass_settings(struct ch_reader *r);

/* clickhouse_request.c */
enum tt_step ch_parse_request(struct tt_link *link, struct ch_state *st, struct tt_input *in);
/* The client's hello. TT_YES: it is one as far as it is there. */
enum tt_verdict ch_is_hello(struct tt_span bytes);

/* clickhouse_response.c */
enum tt_step ch_parse_response(struct tt_link *link, struct ch_state *st, struct tt_input *in);
/* The bytes are whole packets that end an answer, or begin a block's. */
bool ch_response_plausible(const struct ch_state *st, struct tt_span bytes);

#endif
