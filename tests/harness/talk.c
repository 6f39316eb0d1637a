// SPDX-License-Identifier: Apache-2.0
#include "harness/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/lines.h"
#include "harness/unit.h"

#define MS 1000000u
#define START_NS 1000000000u
#define LINES_MAX (16u << 20)

/* How a script is played. */
struct way {
	bool at_client; /* the observed end is the client's */
	bool role_unknown;
	bool bytewise;
	bool merge;
	bool no_times;
	int split_step;				 /* this step ... */
	size_t split_at;			 /* ... is cut here; 0: not */
	int missing_step;			 /* this step is a hole; -1: none */
	bool unnamed;				 /* no record tells of that hole: it shows by what comes behind it */
	bool places;				 /* each line begins with where its two messages stand in their streams */
	bool timed;				 /* each line ends with its times */
	enum { IN_TIME, EQUAL, BEFORE } answers; /* how an answer is stamped, by the question just before it */
	int flip_step;				 /* in this step ... */
	size_t flip_at;				 /* ... this byte is inverted */
	int last_step;				 /* stop after `last_len` bytes of this step; -1: play all */
	size_t last_len;
};

static const struct way plain = {.split_step = -1, .missing_step = -1, .flip_step = -1, .last_step = -1};

/* The plain way with some fields set: WAY(w.bytewise = true) */
#define WAY(...)                      \
	({                            \
		struct way w = plain; \
		__VA_ARGS__;          \
		w;                    \
	})

struct talk {
	const struct tt_proto *proto;
	struct tt_limits limits;
	struct tt_streams *streams;
	struct tt_buf lines;
	struct way way;
	uint64_t now_ns;
	uint64_t asked_ns;  /* stamp of the client's last bytes while nothing answered them; 0: none */
	uint64_t offset[2]; /* by direction */
	bool lacks;	    /* bytes are missing that nothing named */
	int lacks_dir;
	uint64_t lacks_from;
	uint64_t lacks_to;
	bool mid;
	bool datagram;
};

/* --- exchanges as lines --------------------------------------------------------------------------------------------------------
 */

static int client_dir(const struct talk *t)
{
	return t->way.at_client ? TT_TX : TT_RX;
}

/* "@request's offset>response's offset|": the same however the bytes come, and no two exchanges have the same. */
static void put_places(struct tt_buf *b, const struct tt_exchange *x)
{
	tt_buf_printf(b, "@%llu>", (unsigned long long)x->request->first_off);
	if (x->response)
		tt_buf_printf(b, "%llu", (unsigned long long)x->response->first_off);
	tt_buf_add_char(b, '|');
}

/* Its end is missing, and until something comes behind that nobody can know: what was known of it may be reported by then. */
static bool ends_in_the_missing(const struct talk *t, const struct tt_message *m)
{
	if (!t->lacks || !m || (m->side == TT_REQUESTS) != (t->lacks_dir == client_dir(t)))
		return false;
	uint64_t end = m->end_off ? m->end_off : m->first_off;
	return m->first_off <= t->lacks_from && end >= t->lacks_from && end < t->lacks_to;
}

/* Told with no answer to it before anybody could know that something is missing, by what the protocol keeps of earlier words. */
static bool is_told_unawares(const struct talk *t, const struct tt_exchange *x)
{
	struct tt_stream_stats stats;

	tt_streams_stats(t->streams, &stats);
	return t->lacks && !x->response && x->proto->state_size && !stats.missing_bytes;
}

static void put_times(struct tt_buf *b, const struct tt_exchange *x)
{
	b->len--; /* before the line's end */
	tt_buf_printf(b, "|%llu|%llu\n", (unsigned long long)tt_exchange_duration_ns(x) / 1000,
		      (unsigned long long)tt_exchange_ttfb_ns(x) / 1000);
}

static void on_exchange(void *ctx, const struct tt_exchange *x)
{
	struct talk *t = ctx;
	struct tt_buf *b = &t->lines;

	if (ends_in_the_missing(t, x->request) || ends_in_the_missing(t, x->request->peer) || is_told_unawares(t, x))
		tt_buf_add_char(b, '~');
	if (t->way.places)
		put_places(b, x);
	tt_lines_add(b, x, x->proto != t->proto);
	if (t->way.timed)
		put_times(b, x);

	/* What no exchange may be, whatever was said. */
	assert_true(!x->response || x->outcome == TT_OUTCOME_ANSWERED || x->proto->status_first);
	assert_true(x->request_bytes < 1ull << 62 && x->response_bytes < 1ull << 62);
	assert_true(!x->complete || !x->request_last_ns || x->request_first_ns <= x->request_last_ns);
	assert_true(!x->response || !x->response_last_ns || x->response_first_ns <= x->response_last_ns);
}

static const struct tt_streams_ops ops = {.exchange = on_exchange};

/* --- saying
 * ---------------------------------------------------------------------------------------------------------------------- */

/* Every record takes a millisecond; clocks of two processors or captures may still say that an answer came before its question.
 */
static uint64_t next_stamp(struct talk *t, int dir)
{
	uint64_t asked_ns = t->asked_ns;

	t->now_ns += MS;
	t->asked_ns = dir == client_dir(t) ? t->now_ns : 0;
	if (!asked_ns || t->asked_ns || t->way.answers == IN_TIME)
		return t->now_ns;
	return t->way.answers == EQUAL ? asked_ns : asked_ns - 2000;
}

static void say_record(struct talk *t, int dir, const char *data, size_t captured, size_t length, uint16_t flags)
{
	tt_free_auto struct tt_chunk *k = calloc(1, sizeof(*k) + captured);
	assert_non_null(k);

	uint64_t stamp_ns = next_stamp(t, dir);
	*k = (struct tt_chunk){
		.rec = {.type = TT_REC_CHUNK,
			.version = TT_RECORD_VERSION,
			.len = (uint32_t)(sizeof(*k) + captured),
			.time_ns = stamp_ns,
			.tid = 7,
			.tgid = 7},
		.conn = {.sock = 0x1000, .ino = 1},
		.entry_ns = t->way.answers == IN_TIME ? stamp_ns - MS / 2 : stamp_ns,
		.offset = t->offset[dir],
		.length = (uint32_t)length,
		.captured = (uint32_t)captured,
		.direction = (uint8_t)dir,
		.transport = t->datagram ? TT_TRANSPORT_UDP : TT_TRANSPORT_TCP,
		.role = t->way.role_unknown ? TT_ROLE_UNKNOWN
			: t->way.at_client  ? TT_ROLE_CLIENT
					    : TT_ROLE_SERVER,
		.flags = flags | (t->datagram ? TT_CHUNK_DATAGRAM : 0) | (t->mid ? 0 : TT_CHUNK_FROM_START),
		.data_off = sizeof(*k),
		.local = {.family = TT_FAMILY_INET, .port = t->way.at_client ? 50000 : 80, .addr = {127, 0, 0, 1}},
		.peer = {.family = TT_FAMILY_INET, .port = t->way.at_client ? 80 : 50000, .addr = {127, 0, 0, 1}},
	};
	if (captured)
		memcpy((uint8_t *)k + sizeof(*k), data, captured);
	t->offset[dir] += length;
	tt_streams_record(t->streams, &k->rec);
	tt_streams_advance(t->streams, t->now_ns);
}

static void say_bytes(struct talk *t, int dir, const char *data, size_t len, int step)
{
	if (t->way.missing_step == step && t->way.unnamed) {
		t->lacks = !t->datagram;
		t->lacks_dir = dir;
		t->lacks_from = t->offset[dir];
		t->lacks_to = t->offset[dir] += t->datagram ? 0 : len;
		return;
	}
	if (t->way.missing_step == step) {
		say_record(t, dir, NULL, 0, len, TT_CHUNK_NO_PAYLOAD);
		return;
	}
	tt_free_auto char *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	if (len)
		memcpy(copy, data, len);
	if (t->way.flip_step == step && t->way.flip_at < len)
		copy[t->way.flip_at] ^= (char)0xff;
	if (t->way.bytewise && !t->datagram) {
		for (size_t i = 0; i < len; i++)
			say_record(t, dir, copy + i, 1, 1, 0);
	} else if (t->way.split_step == step && t->way.split_at && t->way.split_at < len && !t->datagram) {
		say_record(t, dir, copy, t->way.split_at, t->way.split_at, 0);
		say_record(t, dir, copy + t->way.split_at, len - t->way.split_at, len - t->way.split_at, 0);
	} else {
		say_record(t, dir, copy, len, len, 0);
	}
}

static void say_reset(struct talk *t)
{
	struct tt_chunk k = {
		.rec = {.type = TT_REC_CHUNK,
			.version = TT_RECORD_VERSION,
			.len = sizeof(k),
			.time_ns = t->now_ns += MS,
			.tid = 7,
			.tgid = 7},
		.conn = {.sock = 0x1000, .ino = 1},
		.offset = t->offset[TT_RX],
		.direction = TT_RX,
		.transport = TT_TRANSPORT_TCP,
		.flags = TT_CHUNK_ERROR,
		.error = ECONNRESET,
		.data_off = sizeof(k),
	};
	tt_streams_record(t->streams, &k.rec);
}

/* The observed socket is closed, with everything that is left said. */
static void say_close(struct talk *t)
{
	struct tt_conn_record r = {
		.rec = {.type = TT_REC_CLOSE,
			.version = TT_RECORD_VERSION,
			.len = sizeof(r),
			.time_ns = t->now_ns += MS,
			.tid = 7,
			.tgid = 7},
		.conn = {.sock = 0x1000, .ino = 1},
		.transport = TT_TRANSPORT_TCP,
		.flags = TT_CONN_OFFSETS,
		.tx_offset = t->offset[TT_TX],
		.rx_offset = t->offset[TT_RX],
	};
	tt_streams_record(t->streams, &r.rec);
}

static bool is_bytes(enum tt_say say)
{
	return say == TT_SAY_CLIENT || say == TT_SAY_SERVER || say == TT_SAY_DATAGRAM_CLIENT || say == TT_SAY_DATAGRAM_SERVER;
}

static bool from_client(enum tt_say say)
{
	return say == TT_SAY_CLIENT || say == TT_SAY_CLIENT_HOLE || say == TT_SAY_CLIENT_EOF || say == TT_SAY_DATAGRAM_CLIENT;
}

static void say_end_of_stream(struct talk *t, int dir)
{
	/* The end of what the observed end sends is its close; only the other's is told by a read. */
	if (dir == TT_RX)
		say_record(t, dir, NULL, 0, 0, TT_CHUNK_EOF);
	else
		say_close(t);
}

static void say_step(struct talk *t, const struct tt_line *line, int step)
{
	int dir = from_client(line->say) ? client_dir(t) : !client_dir(t);

	switch (line->say) {
	case TT_SAY_CLIENT:
	case TT_SAY_SERVER:
	case TT_SAY_DATAGRAM_CLIENT:
	case TT_SAY_DATAGRAM_SERVER:
		say_bytes(t, dir, line->data, t->way.last_step == step ? t->way.last_len : line->len, step);
		break;
	case TT_SAY_CLIENT_HOLE:
	case TT_SAY_SERVER_HOLE:
		say_record(t, dir, NULL, 0, line->len, TT_CHUNK_NO_PAYLOAD);
		break;
	case TT_SAY_CLIENT_EOF:
	case TT_SAY_SERVER_EOF:
		say_end_of_stream(t, dir);
		break;
	case TT_SAY_RESET:
		say_reset(t);
		break;
	case TT_SAY_PAUSE:
		t->now_ns += line->len * MS;
		tt_streams_advance(t->streams, t->now_ns);
		break;
	default:
		break;
	}
}

static struct tt_stream_stats latest; /* at the end of what was played last */

static char *play(const struct tt_proto *proto, const struct tt_line *script, struct way way)
{
	struct talk t = {.proto = proto, .way = way, .now_ns = START_NS, .lines = TT_BUF(LINES_MAX)};

	tt_limits_init(&t.limits);
	for (const struct tt_line *l = script; l->say; l++) {
		t.mid |= l->say == TT_SAY_MID;
		t.datagram |= l->say == TT_SAY_DATAGRAM_CLIENT || l->say == TT_SAY_DATAGRAM_SERVER;
	}
	if (t.mid)
		t.offset[0] = t.offset[1] = 5000000000u;
	assert_int_equal(tt_streams_new(&t.streams, &t.limits, proto ? &proto : tt_protos, proto ? 1 : tt_protos_count, &ops, &t),
			 0);

	for (int step = 0; script[step].say; step++) {
		struct tt_line line = script[step];
		tt_buf_auto struct tt_buf merged = TT_BUF(1u << 20);
		while (way.merge && !t.datagram && is_bytes(line.say) && script[step + 1].say == line.say) {
			if (!merged.len)
				tt_buf_add(&merged, line.data, line.len);
			step++;
			tt_buf_add(&merged, script[step].data, script[step].len);
			line.data = (const char *)merged.data;
			line.len = merged.len;
		}
		say_step(&t, &line, step);
		if (way.last_step == step)
			break;
	}
	tt_streams_advance(t.streams, t.now_ns + 2000 * MS);
	tt_streams_finish(t.streams);

	tt_streams_stats(t.streams, &latest);
	assert_int_equal(latest.connections, 0);
	assert_int_equal(latest.messages, 0);
	assert_int_equal(latest.buffered_bytes, 0);
	tt_streams_free(t.streams);
	tt_buf_add_char(&t.lines, 0);
	return (char *)t.lines.data;
}

/* --- checking
 * -------------------------------------------------------------------------------------------------------------------- */

/* Takes the places off each line, in place. */
static void without_places(char *lines)
{
	char *to = lines;

	for (const char *at = lines; *at;) {
		size_t n = strcspn(at, "\n");
		n += at[n] == '\n';
		const char *from = *at == '@' ? memchr(at, '|', n) : NULL;
		from = from ? from + 1 : at;
		size_t kept = n - (size_t)(from - at);
		memmove(to, from, kept);
		to += kept;
		at += n;
	}
	*to = 0;
}

/* `expected` with places or without; `way` says which. */
static void expect(const struct tt_proto *proto, const struct tt_line *script, struct way way, const char *expected,
		   const char *what)
{
	tt_free_auto char *got = play(proto, script, way);
	if (strcmp(got, expected) == 0)
		return;
	print_error("played %s (split step %d at %zu):\n--- expected\n%s--- got\n%s", what, way.split_step, way.split_at,
		    expected, got);
	fail();
}

/* Of an end of the connection, but for where it tells places: what was lost may have been the answer. */
static bool is_end(const char *line, const char *expected)
{
	return *line != '@' && (strstr(line, "|closed_by_") || strstr(line, "|reset|"));
}

static void expect_nothing_wrong(const char *got, const char *expected, const char *what, int step)
{
	tt_free_auto char *wrong = tt_lines_wrong(got, expected, is_end);
	if (!wrong)
		return;
	print_error("%s, step %d, gave a wrong line:\n%s\n--- expected one of\n%s", what, step, wrong, expected);
	fail();
}

static bool has(const struct tt_line *script, enum tt_say say)
{
	for (; script->say; script++) {
		if (script->say == say)
			return true;
	}
	return false;
}

const struct tt_stream_stats *tt_talk_stats(void)
{
	return &latest;
}

char *tt_talk(const struct tt_proto *proto, const struct tt_line *script)
{
	return play(proto, script, WAY());
}

static void check_splits(const struct tt_proto *proto, const struct tt_line *script, const char *expected)
{
	for (int step = 0; script[step].say; step++) {
		if (!is_bytes(script[step].say))
			continue;
		/* Long texts are cut at a sample of places. */
		size_t stride = script[step].len > 600 ? script[step].len / 300 : 1;
		for (size_t at = 1; at < script[step].len; at += stride)
			expect(proto, script, WAY(w.places = true; w.split_step = step; w.split_at = at), expected,
			       "with a segment split");
	}
}

static bool is_first_of_its_side(const struct tt_line *script, int step)
{
	for (int i = 0; i < step; i++) {
		if (is_bytes(script[i].say) && from_client(script[i].say) == from_client(script[step].say))
			return false;
	}
	return true;
}

static void check_missing(const struct tt_proto *proto, const struct tt_line *script, const char *expected)
{
	for (int step = 0; script[step].say; step++) {
		if (!is_bytes(script[step].say))
			continue;
		tt_free_auto char *got = play(proto, script, WAY(w.places = true; w.missing_step = step));
		expect_nothing_wrong(got, expected, "with a segment missing", step);
		/* Nobody misses it until later, and what a protocol keeps of the first words is how it reads the rest meanwhile.
		 */
		if (proto->state_size && is_first_of_its_side(script, step))
			continue;
		tt_free_auto char *unnamed = play(proto, script, WAY(w.places = true; w.missing_step = step; w.unnamed = true));
		/* Nothing tells that a datagram was there, so what follows stands elsewhere. */
		tt_free_auto char *plain_expected = strdup(expected);
		if (has(script, TT_SAY_DATAGRAM_CLIENT) || has(script, TT_SAY_DATAGRAM_SERVER)) {
			without_places(unnamed);
			without_places(plain_expected);
		}
		expect_nothing_wrong(unnamed, plain_expected, "with a segment missing that nothing names", step);
	}
}

void tt_talk_check(const struct tt_proto *proto, const struct tt_line *script, const char *expected)
{
	tt_talk_check_both(proto, script, expected, expected);
}

void tt_talk_check_both(const struct tt_proto *proto, const struct tt_line *script, const char *expected, const char *at_client)
{
	bool holes = has(script, TT_SAY_CLIENT_HOLE) || has(script, TT_SAY_SERVER_HOLE) || has(script, TT_SAY_MID);

	expect(proto, script, WAY(), expected, "as it is");
	if (!has(script, TT_SAY_RESET) && !has(script, TT_SAY_CLIENT_EOF) && !has(script, TT_SAY_SERVER_EOF))
		expect(proto, script, WAY(w.at_client = true), at_client, "seen from the client");
	/* From here on it is also known what answered what, where two look alike. */
	tt_free_auto char *reference = play(proto, script, WAY(w.places = true));
	expect(proto, script, WAY(w.places = true; w.role_unknown = true), reference, "with the role unknown");
	if (!holes) {
		expect(proto, script, WAY(w.places = true; w.bytewise = true), reference, "byte by byte");
		expect(proto, script, WAY(w.places = true; w.merge = true), reference, "with segments merged");
		expect(proto, script, WAY(w.places = true; w.answers = EQUAL), reference,
		       "with answers stamped as their questions");
		expect(proto, script, WAY(w.places = true; w.answers = BEFORE), reference,
		       "with answers stamped before their questions");
		check_splits(proto, script, reference);
	}
	check_missing(proto, script, reference);
}

char *tt_talk_timed(const struct tt_proto *proto, const struct tt_line *script)
{
	return play(proto, script, WAY(w.timed = true));
}

/* --- coming back after a hole -------------------------------------------------------------------------------------------------
 */

static size_t count_steps(const struct tt_line *script)
{
	size_t n = 0;
	while (script[n].say)
		n++;
	return n;
}

/* The opening once, then the turn so many times, with a pause before each one. The caller frees. */
static struct tt_line *many_turns(const struct tt_line *open, const struct tt_line *turn, size_t turns, size_t pause_ms)
{
	size_t n = count_steps(open), each = count_steps(turn), at = 0;
	struct tt_line *script = calloc(n + turns * (each + 1) + 1, sizeof(*script));

	assert_non_null(script);
	memcpy(script, open, n * sizeof(*script));
	for (at = n; turns; turns--) {
		script[at++] = (struct tt_line){TT_SAY_PAUSE, NULL, pause_ms};
		memcpy(script + at, turn, each * sizeof(*script));
		at += each;
	}
	return script;
}

/* Where the last n lines begin. */
static const char *last_lines(const char *lines, size_t n)
{
	const char *at = lines + strlen(lines);

	for (n++; at > lines && n; n -= at[-1] == '\n') {
		if (n == 1 && at[-1] == '\n')
			break;
		at--;
	}
	return at;
}

static void check_recovery(const struct tt_proto *proto, const struct tt_line *script, int missing, bool unnamed, size_t wanted)
{
	tt_free_auto char *clean = play(proto, script, WAY(w.places = true));
	tt_free_auto char *got = play(proto, script, WAY(w.places = true; w.missing_step = missing; w.unnamed = unnamed));

	expect_nothing_wrong(got, clean, "with a segment missing", missing);
	const char *at = last_lines(clean, wanted);
	for (size_t i = 0; i < wanted; i++) {
		size_t n = strcspn(at, "\n");
		tt_free_auto char *line = strndup(at, n + 1);
		/* Places make each one different. */
		if (!n || !strstr(line, "|complete|") || !strstr(got, line)) {
			print_error("with step %d missing%s this was never seen again:\n%s--- got\n%s", missing,
				    unnamed ? ", unnamed," : "", line, got);
			fail();
		}
		at += n + 1;
	}
}

void tt_talk_recovers(const struct tt_proto *proto, const struct tt_line *open, const struct tt_line *turn)
{
	enum { SLOW = 8, FAST = 500 };
	size_t each = count_steps(turn);

	/* A hole two turns and seconds of silence ago; one half a second ago, where it never is silent. */
	tt_free_auto struct tt_line *slow = many_turns(open, turn, SLOW, 1500);
	tt_free_auto struct tt_line *fast = many_turns(open, turn, FAST, 1);
	for (size_t i = 0; i < each; i++) {
		if (!is_bytes(turn[i].say))
			continue;
		int missing = (int)(count_steps(open) + 2 * (each + 1) + 1 + i);
		for (int unnamed = 0; unnamed < 2; unnamed++) {
			check_recovery(proto, slow, missing, unnamed, SLOW - 5);
			check_recovery(proto, fast, missing, unnamed, 100);
		}
	}
}

void tt_talk_truncate(const struct tt_proto *proto, const struct tt_line *script)
{
	tt_free_auto char *expected = play(proto, script, WAY(w.places = true));

	for (int step = 0; script[step].say; step++) {
		if (!is_bytes(script[step].say))
			continue;
		for (size_t len = 0; len < script[step].len; len++) {
			tt_free_auto char *cut = play(proto, script, WAY(w.places = true; w.last_step = step; w.last_len = len));
			expect_nothing_wrong(cut, expected, "cut short", step);
			tt_free_auto char *flipped = play(proto, script, WAY(w.flip_step = step; w.flip_at = len));
		}
	}
}
