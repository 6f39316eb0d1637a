// SPDX-License-Identifier: Apache-2.0
/*
 * Answering: the kernel replies to echoes itself; what it stamped meanwhile goes to who asked as a second reply, the report.
 * Never larger than the request, one for each at most, and no more a second than --rate says. The kernel's own reply goes out
 * besides, so who asks gets two packets for one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/now.h"
#include "base/own.h"
#include "base/seed.h"
#include "tools/ping/state.h"

/* A reply that the kernel has not sent by then it does not send. */
#define ANSWER_NS 50000000u
#define CLIENTS_MOST 64
/* Where a job may be: of its hash's place and those behind it. */
#define PLACES 8

struct key {
	uint8_t client[16];
	uint8_t server[16];
	uint16_t id;
	uint16_t sequence;
	uint32_t family;
};

/* An echo that was received. */
struct job {
	struct key key;
	bool open;
	bool has_packet;
	uint64_t since_ns;
	struct tt_ping_point request;
	struct tt_ping_packet packet;
	struct tt_ping_marks marks;
};

struct client {
	uint8_t family; /* 0: all others */
	uint8_t address[16];
	uint64_t echoes, reports, limited;
};

struct server {
	int out[2]; /* IPv4, IPv6; -1: there is none */
	struct job *jobs;
	size_t room;
	size_t open;
	double tokens;
	uint64_t filled_ns;
	uint64_t since_ns;
	struct client clients[CLIENTS_MOST + 1];
	size_t client_count;
	bool refused;
};

struct served_row {
	uint64_t time_ns;
	uint64_t interval_ns;
	uint64_t echoes;
	uint64_t reports;
	uint64_t limited;
	char client[INET6_ADDRSTRLEN];
};

static const struct tt_field served_fields[] = {
	TT_FIELD_MORE(struct served_row, time_ns, "time_unix_ns", TT_FIELD_TIME, "end of the interval"),
	TT_FIELD_MORE(struct served_row, interval_ns, "interval_ns", TT_FIELD_NS, "its length"),
	TT_FIELD(struct served_row, client, "CLIENT", TT_UNIT_NONE, 39, "client", TT_FIELD_TEXT,
		 "address echoes came from; unknown: all those of which there was no room for a row"),
	TT_FIELD(struct served_row, echoes, "ECHOES", TT_UNIT_NONE, 9, "echoes", TT_FIELD_COUNT,
		 "of telltale's, which the kernel answered"),
	TT_FIELD(struct served_row, reports, "REPORTS", TT_UNIT_NONE, 9, "reports", TT_FIELD_COUNT, "sent for them"),
	TT_FIELD(struct served_row, limited, "LIMITED", TT_UNIT_NONE, 9, "limited", TT_FIELD_COUNT,
		 "not sent, because of `--rate`"),
};

const struct tt_table tt_ping_served_table = {
	.kind = "served",
	.help = "with `--serve`: who asked",
	.fields = {served_fields, TT_ARRAY_LEN(served_fields)},
	.row_size = sizeof(struct served_row),
	.rank = 3, /* echoes */
};

/* --- echoes --- */

static struct key key_of(const struct tt_ping_point *p)
{
	struct key k = {.id = p->id, .sequence = p->sequence, .family = p->family};

	memcpy(k.client, p->reply ? p->target : p->source, sizeof(k.client));
	memcpy(k.server, p->reply ? p->source : p->target, sizeof(k.server));
	return k;
}

static void close_job(struct server *s, struct job *j)
{
	j->open = false;
	s->open--;
}

/* Where a job with this key is; else where one may begin (an open one gives way there). */
static struct job *place_of(const struct server *s, const struct key *key)
{
	size_t first = tt_seed_hash(key, sizeof(*key) / 8);
	struct job *free = NULL;

	for (size_t i = 0; i < PLACES; i++) {
		struct job *j = &s->jobs[(first + i) % s->room];
		if (j->open && memcmp(&j->key, key, sizeof(*key)) == 0)
			return j;
		if (!j->open && !free)
			free = j;
	}
	return free ? free : &s->jobs[first % s->room];
}

/* The job of a request or its reply; a request begins one. NULL: nothing is known of it. */
static struct job *job_of(struct tt_tool_run *run, const struct tt_ping_point *p)
{
	struct server *s = run->state;
	const struct key key = key_of(p);
	struct job *j = place_of(s, &key);

	if (j->open && memcmp(&j->key, &key, sizeof(key)) == 0)
		return j;
	if (p->reply || p->kind != TT_PING_RECEIVE)
		return NULL;
	if (j->open) {
		run->notes[TT_PING_NOTE_UNANSWERED]++;
		close_job(s, j);
	}
	*j = (struct job){.key = key, .open = true, .since_ns = tt_now_ns(), .request = *p};
	s->open++;
	return j;
}

int tt_ping_serve_record(struct tt_tool_run *run, const struct tt_ping_point *p)
{
	struct job *j = job_of(run, p);

	if (!j)
		return 0;
	if (!j->has_packet && p->has_head)
		j->has_packet = tt_ping_packet_read(tt_span(p->head, sizeof(p->head)), &j->packet) == 0;
	tt_ping_marks_point(&j->marks, p);
	return 0;
}

/* --- reports --- */

static bool passed(const struct job *j, enum tt_ping_point_kind kind, bool reply)
{
	for (uint32_t i = 0; i < j->marks.count; i++) {
		if (j->marks.list[i].kind == kind && j->marks.list[i].reply == reply)
			return true;
	}
	return false;
}

static struct client *client_of(struct server *s, const struct tt_ping_point *p)
{
	for (size_t i = 0; i < s->client_count; i++) {
		if (s->clients[i].family == p->family && memcmp(s->clients[i].address, p->source, sizeof(p->source)) == 0)
			return &s->clients[i];
	}
	struct client *c = &s->clients[s->client_count];
	if (s->client_count == CLIENTS_MOST)
		return c;
	s->client_count++;
	*c = (struct client){.family = p->family};
	memcpy(c->address, p->source, sizeof(c->address));
	return c;
}

static bool may_send(struct server *s, uint64_t rate)
{
	uint64_t now = tt_now_ns();

	s->tokens += (double)(now - s->filled_ns) * (double)rate / 1e9;
	s->tokens = TT_MIN(s->tokens, (double)rate);
	s->filled_ns = now;
	if (s->tokens < 1)
		return false;
	s->tokens -= 1;
	return true;
}

static bool make_report(const struct job *j, struct tt_ping_packet *ret)
{
	struct tt_ping_mark whole[2 * TT_PING_MARKS_MOST];
	size_t count = tt_ping_marks_whole(&j->marks, whole);

	*ret = (struct tt_ping_packet){.kind = TT_PING_REPORT, .session = j->packet.session, .number = j->packet.number};
	if (count < 2 || count > TT_PING_STEPS_MOST)
		return false;
	for (size_t i = 0; i < count; i++)
		ret->step[i] =
			(struct tt_ping_step){.point = whole[i].kind, .reply = whole[i].reply, .ns = whole[i].ns - whole[0].ns};
	ret->step_count = count;
	return true;
}

static void refuse(struct server *s, int error)
{
	if (!s->refused)
		tt_warn("a report could not be sent: %s", strerror(error));
	s->refused = true;
}

static void report(struct tt_tool_run *run, const struct job *j)
{
	const struct tt_ping_settings *settings = run->settings;
	struct server *s = run->state;
	struct client *c = client_of(s, &j->request);
	uint8_t message[TT_PING_ICMP_LEN + TT_PING_HEAD + TT_PING_STEPS_MOST * TT_PING_STEP_LEN];
	struct tt_ping_packet p;

	c->echoes++;
	if (!(j->packet.flags & TT_PING_WANT_REPORT))
		return;
	bool made = make_report(j, &p);
	size_t size = TT_PING_HEAD + p.step_count * TT_PING_STEP_LEN;
	if (!made || size > j->request.payload_len) {
		run->notes[TT_PING_NOTE_REPORT]++;
		return;
	}
	if (!may_send(s, settings->rate)) {
		c->limited++;
		run->notes[TT_PING_NOTE_LIMITED]++;
		return;
	}
	tt_ping_packet_write(&p, message + TT_PING_ICMP_LEN, size);
	tt_ping_message_head(message, TT_PING_ICMP_LEN + size, j->request.family, true, j->request.id, j->request.sequence);
	int r = tt_ping_send_from(s->out[j->request.family == 6], &j->request, message, TT_PING_ICMP_LEN + size);
	if (r < 0)
		refuse(s, -r);
	else
		c->reports++;
}

/* Answered by this kernel itself, not by another whose reply passes here. */
static void finish(struct tt_tool_run *run, struct job *j)
{
	if (j->has_packet && passed(j, TT_PING_QUEUE, true) && !passed(j, TT_PING_RECEIVE, true))
		report(run, j);
	else
		run->notes[TT_PING_NOTE_UNANSWERED]++;
	close_job(run->state, j);
}

int tt_ping_serve_turn(struct tt_tool_run *run)
{
	struct server *s = run->state;
	uint64_t now = tt_now_ns();

	for (size_t i = 0; s->open && i < s->room; i++) {
		struct job *j = &s->jobs[i];
		if (j->open && (passed(j, TT_PING_XMIT, true) || now - j->since_ns > ANSWER_NS))
			finish(run, j);
	}
	return 0;
}

/* --- the run --- */

int tt_ping_serve_begin(struct tt_tool_run *run)
{
	struct server *s = calloc(1, sizeof(*s));

	run->state = s;
	if (!s)
		return -ENOMEM;
	s->out[0] = s->out[1] = -1;
	s->since_ns = s->filled_ns = tt_now_ns();
	s->tokens = 1;
	s->room = run->limits->value[TT_LIMIT_TOOL_ECHOES];
	s->jobs = calloc(s->room, sizeof(*s->jobs));
	if (!s->jobs)
		return -ENOMEM;
	if (!run->kernel) /* a test's */
		return 0;
	s->out[0] = tt_ping_socket_out(4);
	s->out[1] = tt_ping_socket_out(6);
	if (s->out[0] < 0 && s->out[1] < 0)
		return tt_ping_not_opened(s->out[0], NULL);
	return 0;
}

static int show(struct tt_tool_run *run, const struct client *c, uint64_t now_ns)
{
	const struct server *s = run->state;
	struct served_row row = {.time_ns = now_ns,
				 .interval_ns = now_ns - s->since_ns,
				 .echoes = c->echoes,
				 .reports = c->reports,
				 .limited = c->limited};

	if (!c->echoes)
		return 0;
	if (c->family)
		inet_ntop(c->family == 4 ? AF_INET : AF_INET6, c->address, row.client, sizeof(row.client));
	return tt_tool_row(run, TT_PING_TABLE_SERVED, &row);
}

int tt_ping_serve_interval(struct tt_tool_run *run)
{
	struct server *s = run->state;
	uint64_t now = tt_now_ns();
	int r = 0;

	for (size_t i = 0; r == 0 && i < TT_ARRAY_LEN(s->clients); i++)
		r = show(run, &s->clients[i], now);
	memset(s->clients, 0, sizeof(s->clients));
	s->client_count = 0;
	s->since_ns = now;
	return r;
}

int tt_ping_serve_end(struct tt_tool_run *run)
{
	return tt_ping_serve_turn(run);
}

void tt_ping_serve_free(struct tt_tool_run *run)
{
	struct server *s = run->state;

	if (!s)
		return;
	tt_closep_(&s->out[0]);
	tt_closep_(&s->out[1]);
	free(s->jobs);
	free(s);
	run->state = NULL;
}
