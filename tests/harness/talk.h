/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations for tests: a client and a server say bytes, the stream layer and one protocol (or all) listen, and the exchanges
 * come out as text lines. `tt_talk_check` replays the same script in many ways and compares.
 *
 * A line: operation|resource|status|error_type|request_bytes|response_bytes|complete or incomplete|key=value,key=value
 * The operation begins with '<' where the server asked. Not set is "-". Attributes of the request come before the response's,
 * each in the order they were set.
 */
#ifndef TT_HARNESS_TALK_H
#define TT_HARNESS_TALK_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/proto.h"
#include "stream/stream.h"

enum tt_say {
	TT_SAY_END = 0,	    /* end of the script */
	TT_SAY_CLIENT,	    /* the client sends data */
	TT_SAY_SERVER,	    /* the server sends data */
	TT_SAY_CLIENT_HOLE, /* len bytes of the client's stream are missing */
	TT_SAY_SERVER_HOLE,
	TT_SAY_CLIENT_EOF, /* the client ends its stream */
	TT_SAY_SERVER_EOF,
	TT_SAY_RESET,		/* reset by the peer, seen at the observed end */
	TT_SAY_PAUSE,		/* len milliseconds pass (every other step takes one) */
	TT_SAY_MID,		/* first step only: the connection began before telltale */
	TT_SAY_DATAGRAM_CLIENT, /* as CLIENT, one datagram (the whole script is UDP then) */
	TT_SAY_DATAGRAM_SERVER,
};

struct tt_line {
	enum tt_say say;
	const char *data;
	size_t len;
};

#define TT_C(s) {TT_SAY_CLIENT, (s), sizeof(s) - 1}
#define TT_S(s) {TT_SAY_SERVER, (s), sizeof(s) - 1}
#define TT_C_HOLE(n) {TT_SAY_CLIENT_HOLE, NULL, (n)}
#define TT_S_HOLE(n) {TT_SAY_SERVER_HOLE, NULL, (n)}
#define TT_C_EOF {TT_SAY_CLIENT_EOF, NULL, 0}
#define TT_S_EOF {TT_SAY_SERVER_EOF, NULL, 0}
#define TT_RESET {TT_SAY_RESET, NULL, 0}
#define TT_PAUSE(ms) {TT_SAY_PAUSE, NULL, (ms)}
#define TT_MID {TT_SAY_MID, NULL, 0}
#define TT_DC(s) {TT_SAY_DATAGRAM_CLIENT, (s), sizeof(s) - 1}
#define TT_DS(s) {TT_SAY_DATAGRAM_SERVER, (s), sizeof(s) - 1}
#define TT_TALK_END {TT_SAY_END, NULL, 0}

/*
 * Plays the script once and returns the lines, each ended by \n (malloc'ed; the caller frees). proto NULL: all registered ones
 * compete in detection. A line of another protocol than `proto` begins with its name and '|'.
 */
char *tt_talk(const struct tt_proto *proto, const struct tt_line *script);

/* What the streams had counted at the end of what was played last. Good until something else is played. */
const struct tt_stream_stats *tt_talk_stats(void);

/* The same with "|duration|time to first byte" behind each line, in microseconds. Every record takes a millisecond, every pause
 * its own; the first byte of what the observed end, the server, sends is half a millisecond before its record. */
char *tt_talk_timed(const struct tt_proto *proto, const struct tt_line *script);

/*
 * Fails the test unless the script gives `expected`: as it is; one byte a segment; each segment split at every place;
 * neighbouring segments of one side merged; with the role unknown; with answers stamped with their questions' times, or just
 * before them; and, with any one segment missing (told of or not), unless every complete line is one of `expected`'s complete
 * lines. In all but the first way the same bytes must have answered the same bytes.
 */
void tt_talk_check(const struct tt_proto *proto, const struct tt_line *script, const char *expected);

/* The same where the client's end sees another failure than the server's (an HTTP 404). */
void tt_talk_check_both(const struct tt_proto *proto, const struct tt_line *script, const char *at_server, const char *at_client);

/*
 * Plays `open`, then `turn` (which leaves nothing unanswered) again and again, with one of an early turn's segments missing, and
 * fails the test unless the last turns come out whole: with pauses between the turns, and where it never is silent, a while
 * later.
 */
void tt_talk_recovers(const struct tt_proto *proto, const struct tt_line *open, const struct tt_line *turn);

/* Fails the test unless any cut of `len` bytes said by one side (truncation at every byte, each byte flipped) survives and
 * invents nothing when the rest never comes: no complete exchange without both halves. */
void tt_talk_truncate(const struct tt_proto *proto, const struct tt_line *script);

#endif
