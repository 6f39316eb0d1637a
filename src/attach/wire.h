/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two parts of telltale say to each other, over two pipes (a socket would be traffic to be observed): requests of one
 * fixed size to the attach part, answers with a length back. The attach part believes nothing: a request that is not exactly one
 * of these ends it, and with it the observation.
 */
#ifndef TT_ATTACH_WIRE_H
#define TT_ATTACH_WIRE_H

#include <stdint.h>

#include "base/buf.h"
#include "shared/record.h"

enum tt_attach_op {
	TT_ATTACH_PROCESS = 1, /* number: process. Answer: who it is, from /proc (struct tt_attach_process, then its arguments) */
	TT_ATTACH_FORGET,      /* conn: a socket the kernel's table may forget. No answer */
	TT_ATTACH_PROGRAMS, /* number: of which kernel, 0 the agent's, others tools'. Answer: array of struct tt_program_counts */
	TT_ATTACH_SIGNAL,   /* number: signal for the command. Answer: a result */
	TT_ATTACH_CONFIG,   /* answer: the configuration file as it is now */
	TT_ATTACH_STOP,	    /* detach everything. Answer: a result, when nothing is attached any more */
	TT_ATTACH_LIBRARIES, /* number: process that may have mapped a TLS library. No answer */
	TT_ATTACH_MAPS,	     /* number: process. Answer: the code it has mapped (identity/mapped.h), where stacks are wanted */
	TT_ATTACH_MAPPED, /* number: process; conn.sock: where that code begins; conn.ino: an offset. Answer: so much of its file
			   */
	TT_ATTACH_PERF_MAP, /* number: process; conn.ino: an offset. Answer: so much of what its compiler wrote down */
	TT_ATTACH_ROWS, /* number: tool, from 1 on; conn.ino: an offset, at 0 it is asked anew. Answer: so much of what it counted
			 */
	TT_ATTACH_OPS,
};

/* Tools inside the agent. */
#define TT_ATTACH_TOOLS_MOST 8

struct tt_attach_request {
	uint32_t op;	 /* enum tt_attach_op */
	uint32_t number; /* 0 where the operation has none */
	struct tt_conn_id conn;
};
_Static_assert(sizeof(struct tt_attach_request) == 24, "one fixed size, without holes");

struct tt_attach_answer {
	int32_t result; /* 0 or a negative errno */
	uint32_t len;	/* bytes that follow */
};

#define TT_ATTACH_ANSWER_MAX (256u << 10)
/* Of files. */
#define TT_ATTACH_PIECE (128u << 10)
/* What one tool may have counted. */
#define TT_ATTACH_ROWS_MOST (64u << 20)

/* Serves one operation. Adds to `answer`, returns the result. */
typedef int (*tt_attach_fn)(void *ctx, const struct tt_attach_request *request, struct tt_buf *answer);

/* One of the requests above, with nothing set that it does not use. */
bool tt_attach_request_sound(const struct tt_attach_request *request);

/*
 * The attach part's loop: reads requests from `in`, has them served by serve[op], answers to `out`. 0 when the other part closed
 * its end, -EBADMSG at a request that is none, or what reading and writing failed with.
 */
int tt_attach_serve(int in, int out, const tt_attach_fn serve[static TT_ATTACH_OPS], void *ctx);

/*
 * The other side: sends a request and, where there is one, waits for its answer, whose bytes are added to `answer` (NULL: none
 * are expected). The result; -EPIPE: the attach part is gone; -ETIMEDOUT: it did not answer; -EBADMSG: with something else. After
 * these three nothing more may be asked.
 */
int tt_attach_ask(int out, int in, const struct tt_attach_request *request, struct tt_buf *answer);

#endif
