// SPDX-License-Identifier: Apache-2.0
/* Asking: echoes go out on a timer, and come back or do not; with the points they passed they become rows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "base/own.h"
#include "kernel/load.h"
#include "tools/ping/state.h"

/* Messages taken at a time. */
#define BUDGET 256
/* How long the other side's report is waited for behind the reply, and how many in a row that do not come end that. */
#define REPORT_WAIT_NS 500000000u
#define SILENT 3

enum echo_state {
	ECHO_FREE,
	ECHO_SENT,
	ECHO_ANSWERED, /* what the programs saw of it may still be on its way */
	ECHO_DONE,
	ECHO_LOST,
};

struct echo {
	uint64_t sent_ns, user_ns;
	uint32_t number;
	uint8_t state; /* enum echo_state */
	bool reported;
	struct tt_ping_marks marks;
	struct tt_ping_packet report;
};

struct client {
	int socket, timer, fd;
	FILE *svg;
	struct echo *echoes; /* by number: those on the way, and the last that were */
	uint32_t room;
	uint32_t next;	  /* number */
	uint32_t oldest;  /* the first that may not be decided */
	uint32_t highest; /* number that came … */
	bool any;	  /* … if one did */
	bool refused;	  /* sending failed, and it was said */
	unsigned silent;
	uint64_t seen_ns; /* records of before have come */
	struct tt_ping_totals all, now;
};

/* --- rows --- */

struct echo_row {
	uint64_t time_ns;
	uint64_t number;
	uint64_t rtt_ns;
	uint64_t stage_ns;
	uint64_t reported;
	char side[8];
	char stage[64];
};

static const struct tt_field echo_fields[] = {
	TT_FIELD(struct echo_row, time_ns, "TIME", TT_UNIT_NONE, 12, "time_unix_ns", TT_FIELD_TIME, "when it was sent"),
	TT_FIELD(struct echo_row, number, "NUMBER", TT_UNIT_NONE, 8, "number", TT_FIELD_ID,
		 "of the echo, from 0 on; the low 16 bits are its sequence number"),
	TT_FIELD(struct echo_row, rtt_ns, "RTT", TT_UNIT_MS_FINE, 10, "rtt_ns", TT_FIELD_NS, "from the program, and back to it"),
	TT_FIELD_MORE(struct echo_row, reported, "reported", TT_FIELD_COUNT, "1: who answered sent a report"),
	TT_FIELD(struct echo_row, stage_ns, "STAGE", TT_UNIT_MS_FINE, 10, "blamed_ns", TT_FIELD_NS,
		 "time of that went to the stage named"),
	TT_FIELD_MORE(struct echo_row, side, "blamed_side", TT_FIELD_TEXT, "as in `stage`"),
	TT_FIELD(struct echo_row, stage, "TO BLAME", TT_UNIT_NONE, 0, "blamed", TT_FIELD_TEXT,
		 "stage that took longest beyond what it mostly takes, and its device"),
};

const struct tt_table tt_ping_echo_table = {
	.kind = "echo",
	.help = "an echo that came back; with `--min` only those of so many milliseconds, with an interval only with `--min` or "
		"`--top`",
	.fields = {echo_fields, TT_ARRAY_LEN(echo_fields)},
	.row_size = sizeof(struct echo_row),
	.rank = 2, /* rtt_ns */
};

struct path_row {
	uint64_t number;
	uint64_t netns;
	uint64_t ns;
	uint64_t estimated;
	char way[8];
	char side[8];
	char stage[16];
	char shown[24];
	char device[TT_PING_DEVICE_LEN];
};

static const struct tt_field path_fields[] = {
	TT_FIELD(struct path_row, number, "NUMBER", TT_UNIT_NONE, 8, "number", TT_FIELD_ID, "of the echo"),
	TT_FIELD(struct path_row, way, "WAY", TT_UNIT_NONE, 4, "way", TT_FIELD_TEXT, "as in `stage`"),
	TT_FIELD(struct path_row, side, "SIDE", TT_UNIT_NONE, 7, "side", TT_FIELD_TEXT, "as in `stage`"),
	TT_FIELD(struct path_row, device, "DEVICE", TT_UNIT_NONE, 15, "device", TT_FIELD_TEXT, "as in `stage`"),
	TT_FIELD_MORE(struct path_row, netns, "netns", TT_FIELD_ID, "as in `stage`"),
	TT_FIELD_MORE(struct path_row, stage, "stage", TT_FIELD_TEXT, "as in `stage`"),
	TT_FIELD(struct path_row, shown, "STAGE", TT_UNIT_NONE, 14, NULL, TT_FIELD_TEXT,
		 "the same; `(est.)` behind it: half of what is neither side's, not a measured way"),
	TT_FIELD_MORE(struct path_row, estimated, "estimated", TT_FIELD_COUNT, "as in `stage`"),
	TT_FIELD(struct path_row, ns, "TIME", TT_UNIT_US, 10, "stage_ns", TT_FIELD_NS,
		 "it took; together an echo's are its round trip"),
};

const struct tt_table tt_ping_path_table = {
	.kind = "path",
	.help = "with `--path`: a stage of one echo that came back, in the order of its path",
	.fields = {path_fields, TT_ARRAY_LEN(path_fields)},
	.row_size = sizeof(struct path_row),
	.rank = 8, /* ns */
	.in_order = true,
};

struct lost_row {
	uint64_t time_ns;
	uint64_t number;
	uint64_t netns;
	char side[8];
	char way[8];
	char last[64];
};

static const struct tt_field lost_fields[] = {
	TT_FIELD(struct lost_row, time_ns, "TIME", TT_UNIT_NONE, 12, "time_unix_ns", TT_FIELD_TIME, "when it was sent"),
	TT_FIELD(struct lost_row, number, "NUMBER", TT_UNIT_NONE, 8, "number", TT_FIELD_ID, "of the echo"),
	TT_FIELD_MORE(struct lost_row, way, "way", TT_FIELD_TEXT, "`out`, or `back`: the reply was lost"),
	TT_FIELD_MORE(struct lost_row, side, "side", TT_FIELD_TEXT, "as in `stage`"),
	TT_FIELD_MORE(struct lost_row, netns, "netns", TT_FIELD_ID, "as in `stage`"),
	TT_FIELD(struct lost_row, last, "LAST SEEN IN", TT_UNIT_NONE, 0, "last", TT_FIELD_TEXT,
		 "stage it came to and was not seen to leave, and its device"),
};

const struct tt_table tt_ping_lost_table = {
	.kind = "lost",
	.help = "an echo that did not come back in time, and how far it came",
	.fields = {lost_fields, TT_ARRAY_LEN(lost_fields)},
	.row_size = sizeof(struct lost_row),
	.rank = 0, /* time_ns */
	.in_order = true,
};

static int show_echo(struct tt_tool_run *run, const struct echo *e, const struct tt_ping_stage *blamed)
{
	const struct tt_tool_options *o = run->options;
	struct echo_row row = {.time_ns = e->sent_ns,
			       .number = e->number,
			       .rtt_ns = e->user_ns - e->sent_ns,
			       .reported = e->reported,
			       .stage_ns = blamed ? blamed->ns : TT_UNKNOWN};

	if (o->interval_ns && !o->top && !(o->least > 0))
		return 0;
	if (blamed) {
		tt_ping_place_name(&blamed->place, row.stage, sizeof(row.stage));
		snprintf(row.side, sizeof(row.side), "%s", tt_ping_side_names[blamed->place.side]);
	}
	return tt_tool_row(run, TT_PING_TABLE_ECHO, &row);
}

static int show_path(struct tt_tool_run *run, const struct echo *e, const struct tt_ping_path *path)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < path->count; i++) {
		const struct tt_ping_place *p = &path->list[i].place;
		struct path_row row = {.number = e->number,
				       .netns = p->netns ? p->netns : TT_UNKNOWN,
				       .ns = path->list[i].ns,
				       .estimated = p->estimated};
		snprintf(row.way, sizeof(row.way), "%s", p->back ? "back" : "out");
		snprintf(row.side, sizeof(row.side), "%s", tt_ping_side_names[p->side]);
		snprintf(row.stage, sizeof(row.stage), "%s", tt_ping_stage_names[p->kind]);
		snprintf(row.shown, sizeof(row.shown), "%s%s", row.stage, p->estimated ? " (est.)" : "");
		memcpy(row.device, p->device, sizeof(row.device));
		r = tt_tool_row(run, TT_PING_TABLE_PATH, &row);
	}
	return r;
}

static int show_lost(struct tt_tool_run *run, const struct echo *e)
{
	const struct tt_ping_settings *s = run->settings;
	const struct tt_ping_place place = tt_ping_last(&e->marks, s->netns);
	struct lost_row row = {.time_ns = e->sent_ns, .number = e->number, .netns = place.netns ? place.netns : TT_UNKNOWN};

	tt_ping_place_name(&place, row.last, sizeof(row.last));
	snprintf(row.way, sizeof(row.way), "%s", place.back ? "back" : "out");
	snprintf(row.side, sizeof(row.side), "%s", tt_ping_side_names[place.side]);
	return tt_tool_row(run, TT_PING_TABLE_LOST, &row);
}

/* --- an echo's end --- */

/* Counts in the run's totals and the interval's. */
#define BOTH(c, what)          \
	do {                   \
		(c)->all.what; \
		(c)->now.what; \
	} while (0)

static int finish(struct tt_tool_run *run, struct echo *e)
{
	const struct tt_ping_settings *s = run->settings;
	struct client *c = run->state;
	struct tt_ping_path path;

	tt_ping_marks_end(&e->marks, e->sent_ns, e->user_ns);
	if (!tt_ping_path(&e->marks, s->netns, e->reported ? &e->report : NULL, &path))
		run->notes[TT_PING_NOTE_REPORT]++;
	const struct tt_ping_stage *blamed = tt_ping_blamed(&c->all, &path);
	run->notes[TT_PING_NOTE_STAGES] += tt_ping_totals_add(&c->all, &path, e->user_ns - e->sent_ns);
	tt_ping_totals_add(&c->now, &path, e->user_ns - e->sent_ns);
	run->notes[TT_PING_NOTE_MARKS] += e->marks.left_out;
	BOTH(c, received++);
	c->silent = e->reported ? 0 : c->silent + 1;
	e->state = ECHO_DONE;
	int r = show_echo(run, e, blamed);
	return r < 0 || !s->each ? r : show_path(run, e, &path);
}

static int lose(struct tt_tool_run *run, struct echo *e)
{
	struct client *c = run->state;

	e->state = ECHO_LOST;
	BOTH(c, lost++);
	return show_lost(run, e);
}

/* Decides what can be decided by now. */
static int settle(struct tt_tool_run *run, struct echo *e, uint64_t now_ns)
{
	const struct tt_ping_settings *s = run->settings;
	const struct client *c = run->state;
	bool waits = !s->pingpong && !e->reported && c->silent < SILENT && now_ns - e->user_ns < REPORT_WAIT_NS;

	if (e->state == ECHO_ANSWERED)
		return e->user_ns >= c->seen_ns || waits ? 0 : finish(run, e);
	return e->state == ECHO_SENT && now_ns - e->sent_ns >= s->timeout_ns ? lose(run, e) : 0;
}

static struct echo *echo_at(const struct client *c, uint32_t number)
{
	return &c->echoes[number % c->room];
}

static bool is_open(const struct echo *e)
{
	return e->state == ECHO_SENT || e->state == ECHO_ANSWERED;
}

static int settle_all(struct tt_tool_run *run)
{
	struct client *c = run->state;
	uint64_t now = tt_now_ns();
	int r = 0;

	for (uint32_t n = c->oldest; r == 0 && n != c->next; n++) {
		if (is_open(echo_at(c, n)))
			r = settle(run, echo_at(c, n), now);
	}
	while (c->oldest != c->next && !is_open(echo_at(c, c->oldest)))
		c->oldest++;
	return r;
}

/* --- what comes --- */

static void take_reply(struct client *c, uint32_t number, uint64_t now_ns)
{
	struct echo *e = echo_at(c, number);
	bool known = e->number == number && e->state != ECHO_FREE;

	if (known && (e->state == ECHO_ANSWERED || e->state == ECHO_DONE)) {
		BOTH(c, duplicates++);
		return;
	}
	if (c->any && (int32_t)(number - c->highest) < 0)
		BOTH(c, reordered++);
	else
		c->highest = number;
	c->any = true;
	if (known && e->state == ECHO_SENT) {
		e->state = ECHO_ANSWERED;
		e->user_ns = now_ns;
		return;
	}
	BOTH(c, late++);
	if (known)
		e->state = ECHO_DONE;
}

static void take_report(struct tt_tool_run *run, const struct tt_ping_packet *p)
{
	struct echo *e = echo_at(run->state, p->number);

	if (e->number != p->number || !is_open(e) || e->reported || p->step_count < 2) {
		run->notes[TT_PING_NOTE_REPORT]++;
		return;
	}
	e->reported = true;
	e->report = *p;
}

static void take_message(struct tt_tool_run *run, struct tt_span message, uint64_t now_ns)
{
	const struct tt_ping_settings *s = run->settings;
	struct client *c = run->state;
	struct tt_ping_message m;
	int r = tt_ping_message_read(message, s->config.family, &m);

	if (r == -EPROTONOSUPPORT)
		run->notes[TT_PING_NOTE_VERSION]++;
	else if (r < 0 || !m.reply || m.id != s->config.id || m.packet.session != s->config.session ||
		 c->next - m.packet.number - 1 > INT32_MAX)
		run->notes[TT_PING_NOTE_FOREIGN]++;
	else if (m.packet.kind == TT_PING_REPORT)
		take_report(run, &m.packet);
	else
		take_reply(c, m.packet.number, now_ns);
}

static void receive(struct tt_tool_run *run)
{
	const struct client *c = run->state;
	uint8_t message[2048];

	for (int i = 0; i < BUDGET; i++) {
		ssize_t n = recv(c->socket, message, sizeof(message), MSG_DONTWAIT);
		int error = n < 0 ? errno : 0;
		uint64_t now = tt_now_ns();
		if (n >= 0)
			take_message(run, tt_span(message, (size_t)n), now);
		else if (error == EAGAIN)
			return;
	}
}

/* --- what goes --- */

static void refuse(struct tt_tool_run *run, int error)
{
	struct client *c = run->state;

	run->notes[TT_PING_NOTE_UNSENT]++;
	if (!c->refused)
		tt_warn("%.100s: %s", ((const struct tt_ping_settings *)run->settings)->host, strerror(error));
	c->refused = true;
}

static void send_one(struct tt_tool_run *run)
{
	const struct tt_ping_settings *s = run->settings;
	struct client *c = run->state;
	struct echo *e = echo_at(c, c->next);
	uint8_t message[TT_PING_ICMP_LEN + TT_PING_SIZE_MOST];
	size_t size = TT_PING_ICMP_LEN + s->size;
	const struct tt_ping_packet p = {.kind = TT_PING_ECHO,
					 .session = s->config.session,
					 .number = c->next,
					 .flags = s->pingpong ? 0 : TT_PING_WANT_REPORT};

	if (is_open(e)) {
		run->notes[TT_PING_NOTE_UNSENT]++;
		return;
	}
	tt_ping_packet_write(&p, message + TT_PING_ICMP_LEN, s->size);
	tt_ping_message_head(message, size, s->config.family, false, s->config.id, (uint16_t)c->next);
	*e = (struct echo){.number = c->next, .state = ECHO_SENT, .sent_ns = tt_now_ns()};
	/* An error that came of an earlier one is told here, too; then it was not sent. */
	if (send(c->socket, message, size, MSG_DONTWAIT) < 0) {
		e->state = ECHO_FREE;
		refuse(run, errno);
		return;
	}
	c->next++;
	BOTH(c, sent++);
}

int tt_ping_client_turn(struct tt_tool_run *run)
{
	const struct tt_ping_settings *s = run->settings;
	struct client *c = run->state;
	uint64_t expired;

	receive(run);
	int r = settle_all(run);
	bool all_sent = s->echoes && c->all.sent >= s->echoes;
	if (read(c->timer, &expired, sizeof(expired)) == sizeof(expired) && !all_sent)
		send_one(run);
	/* The drain that follows brings everything of before. */
	c->seen_ns = tt_kernel_horizon(run->kernel);
	if (r < 0)
		return r;
	return all_sent && c->oldest == c->next;
}

/* Where the front could not be read the low half of the number has to do. */
static uint32_t number_of(const struct client *c, const struct tt_ping_point *p)
{
	uint32_t last = c->next - 1;

	if (!p->has_head)
		return last - (uint16_t)((uint16_t)last - p->sequence);
	return (uint32_t)p->head[16] << 24 | (uint32_t)p->head[17] << 16 | (uint32_t)p->head[18] << 8 | p->head[19];
}

int tt_ping_client_record(struct tt_tool_run *run, const struct tt_ping_point *p)
{
	struct client *c = run->state;
	uint32_t number = number_of(c, p);
	struct echo *e = echo_at(c, number);

	/* A copy that comes when it was settled says nothing new. */
	if (e->number == number && is_open(e))
		tt_ping_marks_point(&e->marks, p);
	return 0;
}

/* --- the run --- */

static int watch(const struct client *c, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(c->fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_all(struct tt_tool_run *run, struct client *c)
{
	const struct tt_ping_settings *s = run->settings;
	const struct itimerspec every = {
		.it_value = {.tv_nsec = 1},
		.it_interval = {.tv_sec = (time_t)(s->every_ns / 1000000000), .tv_nsec = (long)(s->every_ns % 1000000000)}};

	c->svg = s->svg ? fopen(s->svg, "we") : NULL;
	if (s->svg && !c->svg)
		return tt_error_errno(-errno, "--svg %s", s->svg), -ECHILD;
	c->socket = tt_ping_socket(s);
	if (c->socket < 0)
		return tt_ping_not_opened(c->socket, s->host);
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	c->fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->timer < 0 || c->fd < 0 || timerfd_settime(c->timer, 0, &every, NULL) < 0)
		return -errno;
	int r = watch(c, c->socket);
	return r < 0 ? r : watch(c, c->timer);
}

int tt_ping_client_begin(struct tt_tool_run *run)
{
	struct client *c = calloc(1, sizeof(*c));

	run->state = c;
	if (!c)
		return -ENOMEM;
	c->socket = c->timer = c->fd = -1;
	c->room = (uint32_t)run->limits->value[TT_LIMIT_TOOL_ECHOES];
	c->echoes = calloc(c->room, sizeof(*c->echoes));
	if (!c->echoes)
		return -ENOMEM;
	c->all.since_ns = c->now.since_ns = tt_now_ns();
	if (!run->kernel) /* a test's */
		return 0;
	int r = open_all(run, c);
	run->fd = c->fd;
	return r;
}

static uint64_t count_open(const struct client *c)
{
	uint64_t open = 0;

	for (uint32_t n = c->oldest; n != c->next; n++)
		open += is_open(echo_at(c, n));
	return open;
}

int tt_ping_client_interval(struct tt_tool_run *run)
{
	struct client *c = run->state;
	int r = tt_ping_totals_show(run, run->options->interval_ns ? &c->now : &c->all, count_open(c));

	tt_ping_totals_free(&c->now);
	return r;
}

int tt_ping_client_end(struct tt_tool_run *run)
{
	const struct tt_ping_settings *s = run->settings;
	struct client *c = run->state;
	int r = 0;

	for (uint32_t n = c->oldest; r == 0 && n != c->next; n++) {
		if (echo_at(c, n)->state == ECHO_ANSWERED)
			r = finish(run, echo_at(c, n));
	}
	if (r == 0 && c->svg)
		r = tt_ping_svg(c->svg, &c->all, s->host);
	return r;
}

void tt_ping_client_free(struct tt_tool_run *run)
{
	struct client *c = run->state;

	if (!c)
		return;
	tt_ping_totals_free(&c->all);
	tt_ping_totals_free(&c->now);
	if (c->svg)
		fclose(c->svg);
	tt_closep_(&c->socket);
	tt_closep_(&c->timer);
	tt_closep_(&c->fd);
	free(c->echoes);
	free(c);
	run->state = NULL;
}
