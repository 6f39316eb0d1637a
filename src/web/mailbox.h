/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox between the serving thread, which owns no data, and the draining thread, which owns all of it.
 *
 * A question is a path and a query; its answer is a rendered body. Questions and answers travel in two rings of pointers with one
 * writer and one reader each, and an eventfd wakes the other side: no locks. The draining thread calls tt_mailbox_serve between
 * two drains. Streaming clients hang their watch (web/watch.h) in the mailbox; the draining thread pushes lines into it.
 *
 * Functions are marked [drain] or [serve] by the one thread that may call them. Both threads have stopped using it before it is
 * freed.
 */
#ifndef TT_WEB_MAILBOX_H
#define TT_WEB_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "web/watch.h"

struct tt_mailbox;

struct tt_ask {
	struct tt_span path;  /* percent-decoded, begins with '/' */
	struct tt_span query; /* as sent, without the '?'; empty if there is none */
};

/* What a renderer fills in. It starts as status 200, application/json and an empty body with its maximum set. */
struct tt_answer {
	int status;		  /* of HTTP; 404 for a path the renderer does not know */
	const char *content_type; /* static storage */
	struct tt_buf body;	  /* of an error: empty, the server writes one */
};

typedef void (*tt_render_fn)(void *ctx, const struct tt_ask *ask, struct tt_answer *answer);

struct tt_mailbox_stats {
	uint64_t asked;	    /* questions and watches posted */
	uint64_t full;	    /* turned away: too many under way */
	uint64_t answered;  /* rendered */
	uint64_t abandoned; /* nobody waited for the answer any more: not rendered */
	uint64_t too_large; /* rendered bodies that did not fit */
	uint64_t watches;   /* watching clients now */
	uint64_t dropped;   /* lines dropped for clients that read too slowly */
};

/* Room for `slots` questions under way and as many watches (at least 1); a body has at most body_max bytes. 0, -ENOMEM, -errno of
 * eventfd(2). */
int tt_mailbox_new(struct tt_mailbox **ret, size_t slots, size_t body_max);
struct tt_mailbox *tt_mailbox_free(struct tt_mailbox *m);

/* Any thread. */
void tt_mailbox_get_stats(const struct tt_mailbox *m, struct tt_mailbox_stats *ret);

/* [drain] Readable while questions wait. Owned by the mailbox. */
int tt_mailbox_fd(const struct tt_mailbox *m);

/*
 * [drain] Answers the waiting questions, a few at most so that a drain is not held up (the descriptor stays readable for the
 * rest), takes up and lets go of watches, and wakes the serving thread if it has something to do. Returns how many questions were
 * taken.
 */
size_t tt_mailbox_serve(struct tt_mailbox *m, tt_render_fn render, void *ctx);

/* [drain] Whether anyone watches: saves rendering a line nobody reads. */
bool tt_mailbox_watched(const struct tt_mailbox *m);

/* [drain] A line (without newline) for every watching client, on its way with the next tt_mailbox_serve. */
void tt_mailbox_push(struct tt_mailbox *m, struct tt_span line);

/* A question on its way. Made by tt_mailbox_post, comes back from tt_mailbox_take, freed by the serving thread. */
struct tt_letter {
	struct tt_ask ask;
	struct tt_answer answer;
	struct tt_watch *watch; /* not a question: a watch to take up */
	void *owner;		/* serving thread's; NULL: nobody waits any more */
	atomic_bool abandoned;
	char text[];
};

/* [serve] Sends a question, or with `watch` (a reference is taken) a watch. 0, -EAGAIN if too many are under way, -ENOMEM. */
int tt_mailbox_post(struct tt_mailbox *m, const struct tt_ask *ask, struct tt_watch *watch, void *owner, struct tt_letter **ret);

/* [serve] Nobody waits for it any more: its owner is forgotten; it still comes back from tt_mailbox_take. */
void tt_letter_abandon(struct tt_letter *l);
struct tt_letter *tt_letter_free(struct tt_letter *l);

/* [serve] The next letter that came back, owned by the caller; NULL if there is none. */
struct tt_letter *tt_mailbox_take(struct tt_mailbox *m);

/* [serve] Readable while letters wait to be taken or watches have new lines; tt_mailbox_quiet makes it unreadable. */
int tt_mailbox_answer_fd(const struct tt_mailbox *m);
void tt_mailbox_quiet(struct tt_mailbox *m);

#endif
