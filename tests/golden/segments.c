// SPDX-License-Identifier: Apache-2.0
/*
 * Plays every connection of a capture again in other segments, each with all protocols: neighbouring ones merged, one byte each,
 * every segment cut at every place, any one missing, begun at any one. The exchanges must be the same; with one missing, or where
 * the connection is not whole from the start, the same or fewer, and what says it is complete must be among them: those of the
 * connection as it is, and those of the same connection where another capture given has it whole. What was answered may be
 * unknown then, but not a failure that it was not. The same of every capture without one of its packets, where times must fit as
 * well. Faults are lines of capture, way, record (or packet), place, exchange; tests/golden/segments knows the expected ones.
 *
 *   segments [--all] CAPTURE...   --all: at every place however long the connection; else where that is too much, at as many as
 * there is time for
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "harness/lines.h"
#include "proto/proto.h"
#include "shared/limits.h"
#include "source/pcap.h"
#include "stream/stream.h"

#define MS 1000000u
#define LINES_MAX (64u << 20)
#define CHUNK_MAX 60000u /* bytes of a merged segment */
#define TEXT_MOST 4000	 /* characters of a text that are compared */
#define WORK (8u << 20)	 /* bytes played in one way of cutting, about, unless all are wanted */

#define PACKET_WORK (6u << 20) /* the same of captures without one of their packets */

struct conn {
	struct tt_conn_id id;
	struct tt_record **records; /* in the capture's order */
	size_t count, room;
	uint64_t bytes;
	uint32_t longest;
	bool whole; /* from the start and without holes */
	bool datagrams;
	const char *path;
	char *expected; /* its exchanges as it is */
	char ends[2 * sizeof(struct tt_sockaddr)];
};

/* One way to play: which chunk is cut where, which is missing. */
struct way {
	const char *name;
	bool merge;
	bool bytewise;
	size_t cut_chunk; /* SIZE_MAX: every one */
	uint32_t cut_at;  /* 0: not cut */
	size_t missing;	  /* SIZE_MAX: none */
	bool unnamed;	  /* the missing one is not even counted */
	size_t begin;	  /* what came before this one was before telltale */
};

static struct conn *conns;
static size_t conn_count, first_of_capture;
static struct tt_limits limits;
static uint64_t plays, played_bytes;

static struct conn *conn_of(const char *path, const struct tt_conn_id *id)
{
	for (size_t i = first_of_capture; i < conn_count; i++) {
		if (memcmp(&conns[i].id, id, sizeof(*id)) == 0)
			return &conns[i];
	}
	conns = reallocarray(conns, conn_count + 1, sizeof(*conns));
	conns[conn_count] = (struct conn){.id = *id, .path = path, .whole = true};
	return &conns[conn_count++];
}

static const struct tt_chunk *as_chunk(const struct tt_record *rec)
{
	return rec->type == TT_REC_CHUNK ? (const struct tt_chunk *)rec : NULL;
}

/* It says that bytes are in doubt, and moves none (source/pcap.h). */
static bool is_conflict(const struct tt_chunk *k)
{
	return k->flags & TT_CHUNK_NO_PAYLOAD;
}

static int keep(void *ctx, const struct tt_record *rec)
{
	const struct tt_chunk *k = as_chunk(rec);
	if (!k && rec->type != TT_REC_OPEN && rec->type != TT_REC_CLOSE)
		return 0;

	struct conn *c = conn_of(ctx, k ? &k->conn : &((const struct tt_conn_record *)rec)->conn);
	if (c->count == c->room) {
		c->room = c->room ? 2 * c->room : 16;
		c->records = reallocarray(c->records, c->room, sizeof(struct tt_record *));
	}
	c->records[c->count] = malloc(rec->len);
	memcpy(c->records[c->count++], rec, rec->len);
	if (k) {
		bool swap = k->local.port > k->peer.port;
		memcpy(c->ends, swap ? &k->peer : &k->local, sizeof(k->local));
		memcpy(c->ends + sizeof(k->local), swap ? &k->local : &k->peer, sizeof(k->local));
		c->datagrams |= k->transport == TT_TRANSPORT_UDP;
	}
	if (k && !is_conflict(k)) {
		c->bytes += k->length;
		c->longest = k->length > c->longest ? k->length : c->longest;
		c->whole &= k->captured == k->length && (k->transport != TT_TRANSPORT_TCP || k->flags & TT_CHUNK_FROM_START);
	}
	return 0;
}

static int read_capture(char *path)
{
	first_of_capture = conn_count;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct tt_source *source = NULL;
	int r = fd < 0 ? -errno : tt_pcap_new(&source, fd, path, &limits);
	while (r >= 0)
		r = tt_source_poll(source, 0, keep, path);
	tt_source_free(source);
	if (fd >= 0)
		close(fd);
	if (r == -ENODATA)
		return 0;
	fprintf(stderr, "%s: %s\n", path, strerror(-r));
	return r;
}

/* A hole in what comes before a chunk makes the connection not whole. */
static void look_for_holes(struct conn *c)
{
	uint64_t next[2] = {0, 0};
	for (size_t i = 0; i < c->count; i++) {
		const struct tt_chunk *k = as_chunk(c->records[i]);
		if (!k || k->transport != TT_TRANSPORT_TCP || is_conflict(k))
			continue;
		c->whole &= k->offset == next[k->direction];
		next[k->direction] = k->offset + k->length;
	}
}

static bool is_stream(const struct tt_chunk *k)
{
	return k && k->transport == TT_TRANSPORT_TCP && !(k->flags & TT_CHUNK_DATAGRAM) && k->length && !is_conflict(k);
}

/* Bytes `from` to `to` of a chunk as one of their own. */
static void say_part(struct tt_streams *s, const struct tt_chunk *k, uint32_t from, uint32_t to)
{
	uint32_t captured = k->captured > from ? (k->captured < to ? k->captured : to) - from : 0;
	tt_free_auto struct tt_chunk *part = malloc(k->data_off + captured);

	memcpy(part, k, k->data_off);
	memcpy((uint8_t *)part + k->data_off, (const uint8_t *)k + k->data_off + from, captured);
	part->rec.len = k->data_off + captured;
	part->offset += from;
	part->tcp_seq += from;
	part->length = to - from;
	part->captured = captured;
	if (!captured)
		part->flags |= TT_CHUNK_NO_PAYLOAD;
	if (from)
		part->flags &= (uint16_t)~TT_CHUNK_FIRST_SEEN;
	tt_streams_record(s, &part->rec);
}

static void say_missing(struct tt_streams *s, const struct tt_chunk *k)
{
	struct tt_chunk gone = *k;

	gone.rec.len = gone.data_off = sizeof(gone);
	gone.blocks = 0;
	gone.captured = 0;
	gone.flags |= TT_CHUNK_NO_PAYLOAD;
	tt_streams_record(s, &gone.rec);
}

/* Whole neighbours of one side as one; returns how many of the records that were. */
static size_t say_merged(struct tt_streams *s, const struct conn *c, size_t at)
{
	const struct tt_chunk *first = as_chunk(c->records[at]);
	uint64_t end = first->offset;
	size_t count = 0;

	tt_buf_auto struct tt_buf all = TT_BUF(1u << 20);
	tt_buf_add(&all, (const uint8_t *)first, first->data_off);
	for (; at + count < c->count; count++) {
		const struct tt_chunk *k = as_chunk(c->records[at + count]);
		if (!is_stream(k) || k->direction != first->direction || k->captured != k->length || k->offset != end ||
		    (count && end + k->length - first->offset > CHUNK_MAX))
			break;
		tt_buf_add(&all, (const uint8_t *)k + k->data_off, k->captured);
		end += k->length;
	}
	struct tt_chunk *merged = (struct tt_chunk *)all.data;
	merged->rec.len = (uint32_t)all.len;
	merged->length = merged->captured = (uint32_t)(end - first->offset);
	if (count)
		tt_streams_record(s, &merged->rec);
	return count;
}

/* Returns how many records were said. */
static size_t say(struct tt_streams *s, const struct conn *c, size_t at, struct way way)
{
	const struct tt_chunk *k = as_chunk(c->records[at]);

	if (way.missing == at) {
		if (!way.unnamed)
			say_missing(s, k);
		return 1;
	}
	if (way.merge && is_stream(k) && k->captured == k->length)
		return say_merged(s, c, at);
	if (way.bytewise && is_stream(k)) {
		for (uint32_t i = 0; i < k->length; i++)
			say_part(s, k, i, i + 1);
	} else if (way.cut_at && is_stream(k) && way.cut_at < k->length && (way.cut_chunk == SIZE_MAX || way.cut_chunk == at)) {
		say_part(s, k, 0, way.cut_at);
		say_part(s, k, way.cut_at, k->length);
	} else {
		tt_streams_record(s, c->records[at]);
	}
	return 1;
}

static bool timed; /* lines tell times, too */

static void on_exchange(void *ctx, const struct tt_exchange *x)
{
	struct tt_buf *lines = ctx;

	tt_lines_add(lines, x, true);
	if (!timed)
		return;
	lines->len--; /* the line's end */
	if (x->request_first_ns)
		tt_buf_printf(lines, ",asked=%llu", (unsigned long long)x->request_first_ns);
	if (x->response_first_ns)
		tt_buf_printf(lines, ",answered=%llu", (unsigned long long)x->response_first_ns);
	tt_buf_add_char(lines, '\n');
}

static const struct tt_streams_ops ops = {.exchange = on_exchange};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * What is not compared: texts beyond what is kept of any (how much that is depends on what else the message holds), and which of
 * the products that speak a protocol the server is, which a connection's beginning tells.
 */
static void drop_unknowable(char *text)
{
	static const char mariadb[] = "db.system.name=mariadb", mysql[] = "db.system.name=mysql";
	size_t run = 0;
	char *to = text;

	for (const char *at = text; *at; at++) {
		run = strchr("|,\n", *at) ? 0 : run + 1;
		if (run > TEXT_MOST)
			continue;
		bool renamed = *at == 'd' && strncmp(at, mariadb, sizeof(mariadb) - 1) == 0;
		if (!renamed) {
			*to++ = *at;
			continue;
		}
		to = stpcpy(to, mysql);
		at += sizeof(mariadb) - 2;
	}
	*to = 0;
}

/* Lines in the order of their text: what two exchanges end first is not compared. */
static char *sorted(char *text)
{
	size_t count = 0, len = strlen(text);
	char **lines = NULL;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		lines = reallocarray(lines, count + 1, sizeof(*lines));
		lines[count++] = line;
	}
	if (count)
		qsort(lines, count, sizeof(*lines), by_text);
	char *all = malloc(len + 1), *at = all;
	for (size_t i = 0; i < count; i++)
		at = stpcpy(stpcpy(at, lines[i]), "\n");
	*at = 0;
	free(lines);
	free(text);
	return all;
}

/* Are its streams known from their first byte? */
static void set_from_start(const struct conn *c, bool known)
{
	for (size_t i = 0; i < c->count; i++) {
		struct tt_chunk *k = (struct tt_chunk *)as_chunk(c->records[i]);
		if (k)
			k->flags = known ? k->flags | TT_CHUNK_FROM_START : k->flags & (uint16_t)~TT_CHUNK_FROM_START;
	}
}

/* Returns the lines; the caller frees. */
static char *play(const struct conn *c, struct way way)
{
	struct tt_buf lines = TT_BUF(LINES_MAX);
	struct tt_streams *s = NULL;
	uint64_t now = 0;

	if (tt_streams_new(&s, &limits, tt_protos, tt_protos_count, &ops, &lines) < 0)
		abort();
	for (size_t i = way.begin; i < c->count;) {
		now = c->records[i]->time_ns;
		i += say(s, c, i, way);
		tt_streams_advance(s, now);
	}
	tt_streams_advance(s, now + 2000ull * MS);
	tt_streams_finish(s);
	tt_streams_free(s);
	tt_buf_add_char(&lines, 0);
	drop_unknowable((char *)lines.data);
	plays++;
	played_bytes += c->bytes;
	return sorted((char *)lines.data);
}

/* Field n of a line, counted from 0: protocol, operation, resource, status, error type, bytes of the request. */
static struct tt_span field(const char *line, int n)
{
	size_t len = strcspn(line, "|\n");
	for (; n > 0 && line[len] == '|'; n--) {
		line += len + 1;
		len = strcspn(line, "|\n");
	}
	return (struct tt_span){(const uint8_t *)line, n ? 0 : len};
}

static bool same_field(const char *a, const char *b, int n)
{
	struct tt_span x = field(a, n), y = field(b, n);
	return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

static bool field_is(const char *line, int n, const char *text)
{
	struct tt_span x = field(line, n);
	return x.len == strlen(text) && memcmp(x.data, text, x.len) == 0;
}

static bool any_line(const char *lines, const char *line, bool (*fits)(const char *a, const char *b))
{
	for (; *lines; lines += strcspn(lines, "\n") + 1) {
		if (fits(line, lines))
			return true;
	}
	return false;
}

static bool same_request(const char *a, const char *b)
{
	return same_field(a, b, 0) && same_field(a, b, 1) && same_field(a, b, 2) && same_field(a, b, 5);
}

static bool same_error(const char *a, const char *b)
{
	return same_field(a, b, 0) && same_field(a, b, 4);
}

static bool same_but_for_bytes(const char *a, const char *b)
{
	return same_field(a, b, 0) && same_field(a, b, 1) && same_field(a, b, 2) && same_field(a, b, 3) && same_field(a, b, 4);
}

static bool same_failure(const char *a, const char *b)
{
	return same_request(a, b) && same_error(a, b);
}

/*
 * With what ties the two lost, a request that was answered is one nobody answers (AMQP: that the channel has confirms), and an
 * answer something its sender says of its own accord (an error). Neither says anything that is not so. That it failed does,
 * unless it did so.
 */
static bool knows_less(const char *line, const char *expected)
{
	if (!field_is(line, 3, "-"))
		return false;
	if (field(line, 1).data[0] == '<')
		return any_line(expected, line, same_error);
	if (!field_is(line, 4, "-"))
		return any_line(expected, line, same_failure);
	return field_is(line, 6, "0") && any_line(expected, line, same_request);
}

/* Nothing came behind what was not even named: that its end said no more is all there is to know. */
static bool knows_less_or_ends(const char *line, const char *expected)
{
	bool end = strstr(line, "|closed_by_") || strstr(line, "|reset|");
	return knows_less(line, expected) || (end && any_line(expected, line, same_request));
}

/* A datagram more or less (one that came again, a provisional answer) is not to be noticed. */
static char *wrong_of_datagrams(const char *got, const char *expected)
{
	for (; *got; got += strcspn(got, "\n") + 1) {
		if (!any_line(expected, got, same_but_for_bytes) && !field_is(got, 3, "-"))
			return strndup(got, strcspn(got, "\n"));
	}
	return NULL;
}

static unsigned tell(const struct conn *c, struct way way, const char *what, const char *line, size_t len)
{
	printf("%s\t%s\t%zd\t%u\t%s %.*s\n", c->path, way.name,
	       way.missing != SIZE_MAX ? (ssize_t)way.missing
	       : way.begin	       ? (ssize_t)way.begin
				       : (ssize_t)way.cut_chunk,
	       way.cut_at, what, (int)(len > 600 ? 600 : len), line);
	return 1;
}

/* The first line of `a` that is not in `b`; both are sorted. */
static const char *only_in(const char *a, const char *b)
{
	while (*a) {
		size_t n = strcspn(a, "\n") + 1, m = *b ? strcspn(b, "\n") + 1 : 0;
		int order = !m ? -1 : strncmp(a, b, n < m ? n : m);
		if (order < 0)
			return a;
		a += order == 0 ? n : 0;
		b += m;
	}
	return NULL;
}

/* Segments that are merged came at one time: what was measured between them is another thing then. */
static void drop_times(char *text)
{
	static const char key[] = "_to_first_token_ns=";

	for (char *at = text; (at = strstr(at, key));) {
		at += sizeof(key) - 1;
		char *behind = at + strspn(at, "0123456789");
		memmove(at, behind, strlen(behind) + 1);
	}
}

/* Does nothing of that side come behind this record? */
static bool is_last(const struct conn *c, size_t at)
{
	const struct tt_chunk *gone = as_chunk(c->records[at]);

	for (size_t i = at + 1; i < c->count; i++) {
		const struct tt_chunk *k = as_chunk(c->records[i]);
		if (k && k->length && !is_conflict(k) && k->direction == gone->direction)
			return false;
	}
	return true;
}

/* What was wrong is told once a way. */
static unsigned compare(const struct conn *c, struct way way)
{
	tt_free_auto char *got = play(c, way);
	if (strcmp(got, c->expected) == 0)
		return 0;
	if (c->whole && way.missing == SIZE_MAX && !way.begin) {
		tt_free_auto char *expected = strdup(c->expected);
		if (way.merge) {
			drop_times(got);
			drop_times(expected);
		}
		const char *more = only_in(got, expected), *less = only_in(expected, got);
		if (!more && !less)
			return 0;
		return tell(c, way, more ? "more:" : "less:", more ? more : less, strcspn(more ? more : less, "\n"));
	}
	tt_buf_auto struct tt_buf pool = TT_BUF(LINES_MAX);
	tt_buf_add(&pool, c->expected, strlen(c->expected));
	for (size_t i = 0; i < conn_count && !c->whole; i++) {
		if (conns[i].whole && memcmp(conns[i].ends, c->ends, sizeof(c->ends)) == 0)
			tt_buf_add(&pool, conns[i].expected, strlen(conns[i].expected));
	}
	tt_buf_add_char(&pool, 0);
	tt_free_auto char *wrong =
		c->datagrams ? wrong_of_datagrams(got, (char *)pool.data)
			     : tt_lines_wrong(got, (char *)pool.data,
					      way.unnamed && is_last(c, way.missing) ? knows_less_or_ends : knows_less);
	return wrong ? tell(c, way, "wrong:", wrong, strlen(wrong)) : 0;
}

/* The plain way with some fields set. */
#define WAY(what, ...)                                                                         \
	({                                                                                     \
		struct way way = {.name = (what), .cut_chunk = SIZE_MAX, .missing = SIZE_MAX}; \
		__VA_ARGS__;                                                                   \
		way;                                                                           \
	})

static unsigned cuts(const struct conn *c, bool all)
{
	unsigned wrong = 0;
	uint64_t most = all ? UINT64_MAX : WORK / (c->bytes + 1) + 1;
	uint32_t stride = (uint32_t)(1 + c->longest / most);

	for (uint32_t at = 1; at < c->longest && !wrong; at += stride)
		wrong += compare(c, WAY("every segment cut", way.cut_at = at));

	/* One at a time, where that is not too much. */
	uint64_t places = c->bytes, step = 1 + places / most;
	for (size_t i = 0; i < c->count && !wrong; i++) {
		const struct tt_chunk *k = as_chunk(c->records[i]);
		for (uint64_t at = 1; is_stream(k) && at < k->length && !wrong; at += all && places > 20000 ? k->length : step)
			wrong += compare(c, WAY("one segment cut", way.cut_chunk = i; way.cut_at = (uint32_t)at));
	}
	return wrong;
}

static unsigned missing(const struct conn *c)
{
	unsigned wrong = 0;
	for (size_t i = 0; i < c->count; i++) {
		const struct tt_chunk *k = as_chunk(c->records[i]);
		if (!k || !k->length || is_conflict(k))
			continue;
		wrong += compare(c, WAY("one segment missing", way.missing = i));
		wrong += compare(c, WAY("one segment not named", way.missing = i; way.unnamed = true));
	}
	return wrong;
}

/* From every segment on, where the connection is known from its start: what telltale sees that comes late. */
static unsigned begun(const struct conn *c)
{
	unsigned wrong = 0;

	if (!c->whole || c->datagrams)
		return 0;
	set_from_start(c, false);
	for (size_t i = 1; i < c->count; i++)
		wrong += compare(c, WAY("begun in the middle", way.begin = i));
	set_from_start(c, true);
	return wrong;
}

static unsigned check(const struct conn *c, bool all)
{
	unsigned wrong = compare(c, WAY("segments merged", way.merge = true));
	wrong += compare(c, WAY("byte by byte", way.bytewise = true));
	wrong += cuts(c, all);
	wrong += begun(c);
	return wrong + missing(c);
}

/* --- captures without one of their packets --------------------------------------------------------------------------------- */

static int to_streams(void *ctx, const struct tt_record *rec)
{
	tt_streams_record(ctx, rec);
	tt_streams_advance(ctx, rec->time_ns);
	return 0;
}

/* Returns the lines; the caller frees. */
static char *play_capture(struct tt_span bytes, const char *path)
{
	struct tt_buf lines = TT_BUF(LINES_MAX);
	struct tt_streams *s = NULL;
	struct tt_source *source = NULL;

	if (tt_streams_new(&s, &limits, tt_protos, tt_protos_count, &ops, &lines) < 0 ||
	    tt_pcap_new_bytes(&source, bytes, path, &limits) < 0)
		abort();
	while (tt_source_poll(source, 0, to_streams, s) >= 0)
		;
	tt_streams_finish(s);
	tt_source_free(source);
	tt_streams_free(s);
	tt_buf_add_char(&lines, 0);
	drop_unknowable((char *)lines.data);
	plays++;
	played_bytes += bytes.len;
	return (char *)lines.data;
}

#define FILE_HEAD 24
#define PACKET_HEAD 16

/* Bytes of the packet at `at` of a little-endian capture, its head included; 0: there is none. */
static size_t packet_at(const struct tt_buf *file, size_t at)
{
	uint32_t len;

	if (at + PACKET_HEAD > file->len)
		return 0;
	memcpy(&len, file->data + at + 8, sizeof(len));
	return len <= file->len - at - PACKET_HEAD ? PACKET_HEAD + len : 0;
}

static unsigned packets_missing(char *path, struct tt_buf *file, bool all)
{
	unsigned wrong = 0;
	struct conn c = {.path = path};
	tt_free_auto char *expected = play_capture(tt_span(file->data, file->len), path);
	size_t runs = all ? SIZE_MAX : 1 + PACKET_WORK / file->len, count = 0, number = 0, len;

	for (size_t at = FILE_HEAD; (len = packet_at(file, at)); at += len)
		count++;
	size_t stride = 1 + count / runs;
	for (size_t at = FILE_HEAD; (len = packet_at(file, at)); at += len, number++) {
		if (number % stride)
			continue;
		tt_buf_auto struct tt_buf rest = TT_BUF(LINES_MAX);
		tt_buf_add(&rest, file->data, at);
		tt_buf_add(&rest, file->data + at + len, file->len - at - len);
		tt_free_auto char *got = play_capture(tt_span(rest.data, rest.len), path);
		tt_free_auto char *line = tt_lines_wrong(got, expected, knows_less);
		if (line)
			wrong += tell(&c, WAY("one packet missing", way.missing = number), "wrong:", line, strlen(line));
	}
	return wrong;
}

static bool has_datagrams(const char *path)
{
	for (size_t i = 0; i < conn_count; i++) {
		if (strcmp(conns[i].path, path) == 0 && conns[i].datagrams)
			return true;
	}
	return false;
}

/* Of captures in the format most have; that a datagram was lost nothing shows. */
static unsigned check_packets(char *path, bool all)
{
	static const uint8_t micro[] = {0xd4, 0xc3, 0xb2, 0xa1}, nano[] = {0x4d, 0x3c, 0xb2, 0xa1};
	tt_buf_auto struct tt_buf file = TT_BUF(LINES_MAX);
	uint8_t part[65536];
	ssize_t n;

	int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, part, sizeof(part))) > 0)
		tt_buf_add(&file, part, (size_t)n);
	if (fd >= 0)
		close(fd);
	if (file.len < FILE_HEAD || (memcmp(file.data, micro, 4) != 0 && memcmp(file.data, nano, 4) != 0) || has_datagrams(path))
		return 0;
	timed = true;
	unsigned wrong = packets_missing(path, &file, all);
	timed = false;
	return wrong;
}

int main(int argc, char **argv)
{
	unsigned wrong = 0, failed = 0;
	size_t whole = 0;
	int first = argc > 1 && strcmp(argv[1], "--all") == 0 ? 2 : 1;

	tt_limits_init(&limits);
	for (int i = first; i < argc; i++)
		failed += read_capture(argv[i]) < 0;
	for (size_t i = 0; i < conn_count; i++) {
		look_for_holes(&conns[i]);
		conns[i].expected = play(&conns[i], WAY("as it is"));
		whole += conns[i].whole;
	}
	for (size_t i = 0; i < conn_count; i++)
		wrong += check(&conns[i], first == 2);
	for (int i = first; i < argc; i++)
		wrong += check_packets(argv[i], first == 2);
	printf("%d captures, %zu connections (%zu whole), played %llu times, %llu MB; %u ways wrong\n", argc - first, conn_count,
	       whole, (unsigned long long)plays, (unsigned long long)(played_bytes >> 20), wrong);
	for (size_t i = 0; i < conn_count; i++) {
		for (size_t n = 0; n < conns[i].count; n++)
			free(conns[i].records[n]);
		free(conns[i].records);
		free(conns[i].expected);
	}
	free(conns);
	return failed || !conn_count;
}
