// SPDX-License-Identifier: Apache-2.0
/*
 * CLIENT REPLY OFF and SKIP: what follows is not answered, if the server obeys. It may refuse (rights, a proxy that does not know
 * the command) or keep the command for EXEC, and then answers all of it. So a command that is to be silent waits like any other
 * until the next answer, or a time in which none came, tells that it was.
 */
#include "proto/redis.h"

#include "base/own.h"

/* Of so many commands it is waited for; of more it stays unknown. */
#define SILENT_MOST 256u

/* An answer that has not come after so long will not. */
#define SILENCE_NS 1000000000u

static void pass(struct tt_link *link, struct tt_redis *s, const struct tt_message *request)
{
	s->obeyed |= request->turn == s->silencer_turn;
	s->refused &= !(request->kind & TT_REDIS_SILENCER);
	s->silent -= s->silent > 0;
	tt_awaited_silent(link);
}

/* What has been silent for long, and what was said behind it. */
static void pass_old(struct tt_link *link, struct tt_redis *s, uint64_t now_ns)
{
	const struct tt_message *request;

	while (tt_awaited(link, &request) == TT_HAVE && request->kind & TT_REDIS_SILENT) {
		bool old = request->first_ns && request->first_ns + SILENCE_NS <= now_ns;
		bool answered = s->refused && !(request->kind & TT_REDIS_SILENCER);
		if (answered || (!old && !s->obeyed))
			return;
		pass(link, s, request);
	}
}

void tt_redis_silent(struct tt_link *link, struct tt_redis *s, struct tt_message *m, bool silencer)
{
	if (!m) {
		s->doubtful = true;
		return;
	}
	pass_old(link, s, m->first_ns);
	if (silencer && !(s->obeyed && s->silence == TT_REDIS_OFF)) {
		s->silencer_turn = m->turn;
		s->obeyed = false;
		s->doubtful = m->unsure; /* what answers it will not be known */
	}
	if (s->obeyed || s->doubtful || s->silent >= SILENT_MOST) {
		m->one_way = true;
		m->incomplete = !s->obeyed;
		s->silent_passed |= !s->obeyed;
		return;
	}
	s->silent++;
	m->maybe_silent = true;
	m->kind |= TT_REDIS_SILENT | (silencer ? TT_REDIS_SILENCER : 0);
}

static bool says(struct tt_span text, struct tt_span word)
{
	for (size_t i = 0; i + word.len <= text.len; i++) {
		if (tt_span_ieq(tt_span_sub(text, i, word.len), word))
			return true;
	}
	return false;
}

/* Does this error refuse CLIENT REPLY? TT_MAYBE: another command that waits may be refused in these words. */
static enum tt_verdict judge_error(struct tt_span text)
{
	if (tt_span_starts(text, TT_SPAN_LIT("NOAUTH")))
		return TT_YES;
	if (tt_span_starts(text, TT_SPAN_LIT("NOPERM")))
		return says(text, TT_SPAN_LIT("'client")) ? TT_YES : TT_MAYBE;
	if (!tt_span_starts(text, TT_SPAN_LIT("ERR")))
		return TT_NO;
	bool unknown = says(text, TT_SPAN_LIT("unknown command")) && says(text, TT_SPAN_LIT("client"));
	return unknown ? TT_YES : TT_MAYBE;
}

/* Does the reply at the cursor answer a CLIENT REPLY that asked for silence, of this turn? */
static enum tt_step judge(const struct tt_redis *s, uint64_t turn, struct tt_cursor at, enum tt_verdict *ret)
{
	struct tt_resp reply;

	enum tt_resp_read read = tt_resp_read(&at, &reply);
	if (read != TT_RESP_OK)
		return read == TT_RESP_MORE ? TT_MORE : TT_LOST_SYNC;
	bool queued = reply.type == '+' && tt_span_eq(reply.line, TT_SPAN_LIT("QUEUED"));
	bool error = reply.type == '-' || reply.type == '!';

	if (!queued && !error)
		*ret = TT_NO;
	else if (s->in_multi || s->loud_turn < turn) /* nothing else is answered */
		*ret = TT_YES;
	else
		*ret = reply.type == '-' ? judge_error(reply.line) : TT_MAYBE;
	return TT_PARSED;
}

enum tt_step tt_redis_settle(struct tt_link *link, struct tt_redis *s, const struct tt_input *in)
{
	const struct tt_message *request;

	while (tt_awaited(link, &request) == TT_HAVE && request->kind & TT_REDIS_SILENT) {
		if (request->kind & TT_REDIS_SILENCER) {
			enum tt_verdict refused;
			enum tt_step step = judge(s, request->turn, in->c, &refused);
			if (step != TT_PARSED)
				return step;
			if (refused == TT_MAYBE || (refused == TT_YES && s->silent_passed))
				return TT_LOST_SYNC;
			s->refused = refused == TT_YES;
			if (s->refused && request->turn == s->silencer_turn)
				s->silence = TT_REDIS_LOUD;
		}
		if (s->refused) { /* it is answered like any other */
			s->silent -= s->silent > 0;
			return TT_PARSED;
		}
		pass(link, s, request);
	}
	return TT_PARSED;
}
