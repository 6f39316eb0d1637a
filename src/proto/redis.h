/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the Redis parser share: a link's state. Only they include this. */
#ifndef TT_PROTO_REDIS_H
#define TT_PROTO_REDIS_H

#include "proto/proto.h"
#include "proto/redis_command.h"
#include "proto/redis_resp.h"

/* So much of a key or channel is kept; of a longer one its beginning. */
#define TT_REDIS_KEY_BYTES 1024

/* CLIENT REPLY, as the client said it. */
enum tt_redis_silence {
	TT_REDIS_LOUD,
	TT_REDIS_SKIP, /* the next command is not answered */
	TT_REDIS_OFF,  /* none is, until CLIENT REPLY ON */
};

/* The request being read. */
struct tt_redis_request {
	bool open;
	struct tt_message *message;		/* NULL where the limit of messages is reached */
	const struct tt_redis_command *command; /* NULL: not known */
	uint64_t arg;				/* the argument that comes next */
	uint64_t args;				/* how many there are */
	uint64_t key_at;			/* the argument that is the key; 0: none, or not known yet */
	uint32_t db;				/* of SELECT: index + 1, 0 unknown */
	bool ack;				/* REPLCONF ACK */
	bool client_reply;
	enum tt_redis_silence asked; /* by CLIENT REPLY */
};

/* Set in tt_message.kind beside the kind. */
#define TT_REDIS_DB_LOST 0x100u	 /* the database is not known any more */
#define TT_REDIS_SILENT 0x200u	 /* not answered, if CLIENT REPLY before or in it was obeyed */
#define TT_REDIS_SILENCER 0x400u /* that CLIENT REPLY */
#define TT_REDIS_KIND 0xffu

/* What the reply being read is to us. */
enum tt_redis_role {
	TT_REDIS_ANSWER,
	TT_REDIS_CONFIRMATION, /* of a channel */
	TT_REDIS_PUSH,	       /* nobody asked for it */
};

/* The reply being read, and the answer it belongs to (which several confirmations may make up). */
struct tt_redis_reply {
	bool open;
	enum tt_redis_role role;
	struct tt_resp_stack stack;
	uint64_t count;	    /* elements of its outermost array */
	int64_t subscribed; /* the number in a confirmation */
	bool array;
	bool queued; /* it says QUEUED */
	bool ok;     /* it says OK */
	bool failed;
	bool part_failed;    /* an error stands inside it */
	bool stream_follows; /* what comes after it are no replies any more */

	struct tt_message *message;
	bool answering; /* message (or the lack of one) stands for an answer not complete yet */
	uint32_t kind;	/* enum tt_redis_kind of the request it answers */
	uint64_t asked; /* SELECT: index + 1; subscriptions: channels named */
	uint64_t confirmations_left;
};

/* How many channels the connection listens to: RESP2 does not tell messages from replies otherwise. */
struct tt_redis_channels {
	bool sure;   /* the next three are known */
	bool active; /* it listens to something */
	bool strays; /* confirmations may come that were not counted on */
	uint64_t plain;
	uint64_t pattern;
	uint64_t shard;
};

struct tt_redis {
	bool started;
	bool holes;    /* something was missed once: only what is surely Redis is believed */
	bool handover; /* MONITOR or SYNC was asked for: the answer decides whether more requests can come */
	enum tt_redis_silence silence;
	bool obeyed;		/* the latest CLIENT REPLY OFF or SKIP was */
	bool refused;		/* what stands in turn to be answered is said behind one that was not */
	bool doubtful;		/* whether it was cannot be known */
	bool silent_passed;	/* of more commands than are kept it was not waited for whether they are answered */
	uint32_t silent;	/* commands of which it is not known yet */
	uint64_t silencer_turn; /* of the latest CLIENT REPLY OFF or SKIP */
	uint64_t loud_turn;	/* of the latest command that is answered in any case */
	bool silent_select;	/* a SELECT whose success cannot be known came before the next request that is answered */
	struct tt_redis_request request;

	struct tt_redis_reply reply;
	struct tt_redis_channels channels;
	bool in_multi;
	uint64_t queued;    /* commands answered QUEUED since MULTI */
	uint32_t queued_db; /* a SELECT among them: index + 1 */
	uint32_t db;	    /* index + 1; 0: never SELECTed, or not known */
};

enum tt_step tt_redis_parse_request(struct tt_link *link, struct tt_redis *s, struct tt_input *in);
enum tt_step tt_redis_parse_reply(struct tt_link *link, struct tt_redis *s, struct tt_input *in);

/* m is not answered if the server obeys CLIENT REPLY, which m is itself if `silencer`. */
void tt_redis_silent(struct tt_link *link, struct tt_redis *s, struct tt_message *m, bool silencer);

/* Passes what is not answered, up to what the reply at the cursor answers. TT_LOST_SYNC: which that is cannot be told. */
enum tt_step tt_redis_settle(struct tt_link *link, struct tt_redis *s, const struct tt_input *in);

/* Passes n bytes and \r\n, which may not have come yet. False if they came and do not end so. */
bool tt_redis_pass(struct tt_link *link, enum tt_side side, struct tt_input *in, uint64_t n, uint64_t *ret_end);

/* How a confirmation or message is called on the wire ("subscribe", "pmessage"). */
enum tt_redis_news {
	TT_REDIS_NO_NEWS,
	TT_REDIS_NEWS_MESSAGE,
	TT_REDIS_NEWS_CONFIRMATION,
};

/* Is the reply at the cursor (an array or a push) news of a channel? *ret_kind is the subscription's kind for a confirmation. */
enum tt_resp_read tt_redis_news(struct tt_cursor c, enum tt_redis_news *ret, uint32_t *ret_kind);

/* How many confirmations answer a request that named so many channels (0: all there are). */
uint64_t tt_redis_confirmations(struct tt_redis_channels *c, uint32_t kind, uint64_t named);

/* Takes a confirmation into account: `total` is the number in it. */
void tt_redis_confirmed(struct tt_redis_channels *c, uint32_t kind, int64_t total);

/* `line` of an inline command, split as the server does it. Calls take() (if any) for each argument; false if the quotes do not
 * match. */
typedef void (*tt_redis_take_argument)(void *ctx, struct tt_span argument);
bool tt_redis_inline_split(struct tt_span line, tt_redis_take_argument take, void *ctx);

enum tt_verdict tt_redis_detect(const struct tt_first *first);
ssize_t tt_redis_resync(struct tt_link *link, enum tt_side side, struct tt_span bytes);

#endif
