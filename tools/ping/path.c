// SPDX-License-Identifier: Apache-2.0
#include "tools/ping/path.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"

const char *const tt_ping_stage_names[TT_PING_STAGE_MAX] = {
#define TT_PING_STAGE_NAME(id, name, meaning) [TT_PING_STAGE_##id] = (name),
	TT_PING_STAGES(TT_PING_STAGE_NAME)
#undef TT_PING_STAGE_NAME
};

const char *const tt_ping_side_names[] = {
	[TT_PING_LOCAL] = "local", [TT_PING_NETNS] = "netns", [TT_PING_REMOTE] = "remote", [TT_PING_BETWEEN] = "between"};

/* --- marks --- */

static bool same_point(const struct tt_ping_mark *a, const struct tt_ping_mark *b)
{
	return a->kind == b->kind && a->reply == b->reply && a->netns == b->netns && a->ifindex == b->ifindex;
}

void tt_ping_marks_add(struct tt_ping_marks *m, const struct tt_ping_mark *mark)
{
	uint32_t at = m->count;

	for (uint32_t i = 0; i < m->count; i++) {
		if (same_point(&m->list[i], mark))
			return;
	}
	if (m->count == TT_PING_MARKS_MOST) {
		m->left_out++;
		return;
	}
	while (at > 0 && m->list[at - 1].ns > mark->ns)
		at--;
	memmove(&m->list[at + 1], &m->list[at], (m->count - at) * sizeof(*mark));
	m->list[at] = *mark;
	m->count++;
}

void tt_ping_marks_point(struct tt_ping_marks *m, const struct tt_ping_point *p)
{
	struct tt_ping_mark mark = {.ns = p->at_ns,
				    .raised_ns = p->raised_ns,
				    .netns = p->netns,
				    .ifindex = p->ifindex,
				    .kind = p->kind,
				    .reply = p->reply};

	memcpy(mark.device, p->device, sizeof(mark.device));
	if (m->count < TT_PING_MARKS_MOST - 2)
		tt_ping_marks_add(m, &mark);
	else
		m->left_out++;
}

void tt_ping_marks_end(struct tt_ping_marks *m, uint64_t sent_ns, uint64_t user_ns)
{
	const struct tt_ping_mark sent = {.kind = TT_PING_SENT, .ns = sent_ns},
				  user = {.kind = TT_PING_USER, .reply = true, .ns = user_ns};
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->count; i++) {
		if (m->list[i].ns >= sent_ns && m->list[i].ns <= user_ns)
			m->list[kept++] = m->list[i];
	}
	/* In front of what has its time, and behind it. */
	memmove(&m->list[1], &m->list[0], kept * sizeof(sent));
	m->list[0] = sent;
	m->list[kept + 1] = user;
	m->count = kept + 2;
}

size_t tt_ping_marks_whole(const struct tt_ping_marks *m, struct tt_ping_mark *ret)
{
	size_t count = 0;

	for (uint32_t i = 0; i < m->count; i++) {
		const struct tt_ping_mark *mark = &m->list[i];
		struct tt_ping_mark *last = count ? &ret[count - 1] : NULL;

		/* What a driver hands over at once is elsewhere before it is done: that is no time of the driver's any more. */
		if (mark->kind == TT_PING_XMIT && !(last && last->kind == TT_PING_START && last->ifindex == mark->ifindex))
			continue;
		if (mark->kind == TT_PING_RECEIVE && mark->raised_ns) {
			struct tt_ping_mark raise = *mark;
			raise.kind = TT_PING_RAISE;
			raise.ns = mark->raised_ns;
			/* Two of them: a driver's beginning and end. */
			if (last && last->kind == TT_PING_XMIT && last->reply == mark->reply && raise.ns >= last[-1].ns)
				last->ns = TT_MIN(last->ns, raise.ns);
			/* One that ran before this packet came says nothing of it. */
			if (!last || raise.ns >= last->ns)
				ret[count++] = raise;
		}
		ret[count++] = *mark;
	}
	return count;
}

/* --- stages --- */

static uint8_t side_of(uint32_t netns, uint32_t own)
{
	return !netns || netns == own ? TT_PING_LOCAL : TT_PING_NETNS;
}

static bool arrives(const struct tt_ping_mark *m)
{
	return m->kind == TT_PING_RAISE || m->kind == TT_PING_RECEIVE;
}

static uint8_t kind_between(const struct tt_ping_mark *from, const struct tt_ping_mark *to)
{
	static const uint8_t kinds[TT_PING_POINT_MAX] = {
		[TT_PING_SENT] = TT_PING_STAGE_SEND,	 [TT_PING_QUEUE] = TT_PING_STAGE_QDISC,
		[TT_PING_START] = TT_PING_STAGE_DRIVER,	 [TT_PING_XMIT] = TT_PING_STAGE_LINK,
		[TT_PING_RAISE] = TT_PING_STAGE_SOFTIRQ, [TT_PING_RECEIVE] = TT_PING_STAGE_PROTOCOL,
		[TT_PING_WAKING] = TT_PING_STAGE_WAKEUP, [TT_PING_WAKEUP] = TT_PING_STAGE_RUNQUEUE,
		[TT_PING_SWITCH] = TT_PING_STAGE_USER,	 [TT_PING_USER] = TT_PING_STAGE_USER,
	};

	if (from->kind == TT_PING_RECEIVE && to->kind == TT_PING_QUEUE)
		return from->reply == to->reply ? TT_PING_STAGE_FORWARD : TT_PING_STAGE_REPLY;
	if (from->kind == TT_PING_RECEIVE && to->kind == TT_PING_USER)
		return TT_PING_STAGE_USER; /* it had not waited for it */
	if (from->kind == TT_PING_WAKING && to->kind != TT_PING_WAKEUP)
		return TT_PING_STAGE_RUNQUEUE;
	if (!from->reply && to->reply)
		return TT_PING_STAGE_REMOTE;
	if (arrives(to) && !arrives(from))
		return TT_PING_STAGE_LINK;
	return kinds[from->kind];
}

static void add(struct tt_ping_path *p, const struct tt_ping_stage *stage)
{
	if (p->count < TT_PING_STAGES_MOST)
		p->list[p->count++] = *stage;
}

static void add_between(struct tt_ping_path *p, const struct tt_ping_mark *from, const struct tt_ping_mark *to, uint32_t own)
{
	struct tt_ping_stage s = {.place = {.kind = kind_between(from, to)}, .ns = to->ns - from->ns};
	struct tt_ping_place *at = &s.place;

	at->back = from->reply;
	if (at->kind == TT_PING_STAGE_LINK || at->kind == TT_PING_STAGE_REMOTE) {
		at->side = TT_PING_BETWEEN;
		add(p, &s);
		return;
	}
	at->side = side_of(from->netns, own);
	/* Before the first device, and behind the last, there is none. */
	at->netns = from->kind == TT_PING_SENT || from->kind >= TT_PING_WAKING ? 0 : from->netns;
	if (at->netns)
		memcpy(at->device, from->device, sizeof(at->device));
	add(p, &s);
}

static void add_remote(struct tt_ping_path *p, const struct tt_ping_step *from, const struct tt_ping_step *to)
{
	const struct tt_ping_mark a = {.kind = from->point, .reply = from->reply}, b = {.kind = to->point, .reply = to->reply};
	struct tt_ping_stage s = {.place = {.kind = kind_between(&a, &b), .side = TT_PING_REMOTE, .back = from->reply},
				  .ns = to->ns - from->ns};

	add(p, &s);
}

/* Out, what the report says, and back: from one mark to the next. */
static bool add_reported(struct tt_ping_path *p, const struct tt_ping_mark *from, const struct tt_ping_mark *to,
			 const struct tt_ping_packet *report)
{
	uint64_t gap = to->ns - from->ns;
	uint64_t there = report->step[report->step_count - 1].ns;

	if (there > gap)
		return false;
	uint64_t out = (gap - there) / 2;
	struct tt_ping_stage link = {.place = {.kind = TT_PING_STAGE_LINK, .side = TT_PING_BETWEEN, .estimated = true},
				     .ns = out};
	add(p, &link);
	for (size_t i = 1; i < report->step_count; i++)
		add_remote(p, &report->step[i - 1], &report->step[i]);
	link.ns = gap - there - out;
	link.place.back = 1;
	add(p, &link);
	return true;
}

/*
 * The other side may have had it before the driver here was done (marks_whole says the same of what is seen here): as long as it
 * was there, it was away. The mark from which it was away then.
 */
static struct tt_ping_mark handed_over(struct tt_ping_path *p, const struct tt_ping_mark *from, const struct tt_ping_mark *to,
				       const struct tt_ping_packet *report)
{
	struct tt_ping_mark at = *from;
	struct tt_ping_stage *driver = p->count ? &p->list[p->count - 1] : NULL;
	uint64_t there = report->step[report->step_count - 1].ns, gap = to->ns - from->ns;
	uint64_t early = there > gap ? there - gap : 0;

	if (driver && driver->place.kind == TT_PING_STAGE_DRIVER && early <= driver->ns) {
		driver->ns -= early;
		at.ns -= early;
	}
	return at;
}

bool tt_ping_path(const struct tt_ping_marks *marks, uint32_t own_netns, const struct tt_ping_packet *report,
		  struct tt_ping_path *ret)
{
	struct tt_ping_mark whole[2 * TT_PING_MARKS_MOST];
	size_t count = tt_ping_marks_whole(marks, whole);
	bool used = true;

	ret->count = 0;
	for (size_t i = 1; i < count; i++) {
		const struct tt_ping_mark *to = &whole[i];
		struct tt_ping_mark from = whole[i - 1];
		bool away = kind_between(&from, to) == TT_PING_STAGE_REMOTE;

		if (away && report && report->step_count > 1) {
			from = handed_over(ret, &from, to, report);
			used = add_reported(ret, &from, to, report);
			if (used)
				continue;
		}
		add_between(ret, &from, to, own_netns);
	}
	return used;
}

void tt_ping_place_name(const struct tt_ping_place *place, char *to, size_t size)
{
	snprintf(to, size, "%s%s%.16s%s%s", tt_ping_stage_names[place->kind], *place->device ? " " : "", place->device,
		 place->side == TT_PING_REMOTE ? ", remote" : "",
		 place->kind == TT_PING_STAGE_REMOTE || place->kind == TT_PING_STAGE_REPLY ? ""
		 : place->back								   ? ", back"
											   : "");
}

struct tt_ping_place tt_ping_last(const struct tt_ping_marks *marks, uint32_t own_netns)
{
	static const struct tt_ping_mark nowhere = {.kind = TT_PING_SENT};
	const struct tt_ping_mark *m = marks->count ? &marks->list[marks->count - 1] : &nowhere;
	const struct tt_ping_mark next = {.kind = TT_PING_USER, .reply = m->reply, .netns = m->netns};
	struct tt_ping_place place = {.kind = kind_between(m, &next), .side = side_of(m->netns, own_netns), .back = m->reply};

	if (m->kind == TT_PING_RECEIVE)
		place.kind = TT_PING_STAGE_PROTOCOL;
	if (m->kind == TT_PING_SENT)
		return place;
	place.netns = m->netns;
	memcpy(place.device, m->device, sizeof(place.device));
	return place;
}
