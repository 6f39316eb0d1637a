// SPDX-License-Identifier: Apache-2.0
/* telltale execs: what was started. A program's line is shown when it ends, or is replaced by another; what still runs, at the
 * end. */
#include "tools/execs/execs.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/own.h"
#include "tools/execs/lookup.h"
#include "tools/tool.h"

#define TT_EXECS_BUCKETS 4096
#define TT_EXECS_USERS 64

struct tt_execs_row {
	uint64_t time_ns;
	uint64_t pid;
	uint64_t ppid;
	uint64_t lived_ns;
	char user[33];
	char end[8];
	char status[24];
	char command[TT_EXECS_ARGS_LEN + 4];
};

static const struct tt_field fields[] = {
	TT_FIELD(struct tt_execs_row, time_ns, "TIME", TT_UNIT_NONE, 12, "time_unix_ns", TT_FIELD_TIME, "when it began to run"),
	TT_FIELD(struct tt_execs_row, pid, "PID", TT_UNIT_NONE, 7, "pid", TT_FIELD_ID, "its process"),
	TT_FIELD(struct tt_execs_row, ppid, "PPID", TT_UNIT_NONE, 7, "ppid", TT_FIELD_ID, "the process above it at that time"),
	TT_FIELD(struct tt_execs_row, user, "USER", TT_UNIT_NONE, 8, "user", TT_FIELD_TEXT,
		 "real user: name, or number where there is no name"),
	TT_FIELD(struct tt_execs_row, lived_ns, "LIVED", TT_UNIT_MS, 10, "lived_ns", TT_FIELD_NS,
		 "until its end; not known of what still runs or did not start"),
	TT_FIELD(struct tt_execs_row, end, "END", TT_UNIT_NONE, 6, "end", TT_FIELD_TEXT,
		 "`exit`, `signal`, `exec` (its process became another program), `error` (it was not started)"),
	TT_FIELD(struct tt_execs_row, status, "STATUS", TT_UNIT_NONE, 8, "status", TT_FIELD_TEXT,
		 "exit status, signal, or the errno of execve(2)"),
	TT_FIELD(struct tt_execs_row, command, "COMMAND", TT_UNIT_NONE, 0, "command", TT_FIELD_TEXT,
		 "arguments, the first 512 bytes; of a failed one 127 bytes an argument, the file first"),
};

static const struct tt_table table = {
	.kind = "exec",
	.help = "a program that was started, or that could not be",
	.fields = {fields, TT_ARRAY_LEN(fields)},
	.row_size = sizeof(struct tt_execs_row),
	.rank = 4, /* lived_ns */
};

static const struct tt_table *const tables[] = {&table};

static const struct tt_option_row options[] = {
	{"no-failed", 0, NULL, TT_ROW_FLAG, offsetof(struct tt_execs_config, no_failed), 0, 0,
	 "leave out what could not be started"},
	{"lookups", 0, NULL, TT_ROW_FLAG, offsetof(struct tt_execs_config, lookups), 0, 0,
	 "show each place a program was looked for at, not one line for all of them"},
};

/* The place of tt_execs_failed in the list below. */
#define TT_EXECS_HOOK_FAILED 2

static const struct tt_hook_row hooks[] = {
	{"tt_execs_started", "sched_process_exec", TT_FEATURE_PROCESS_LIFE, TT_HOOK_REQUIRED, "nothing is seen"},
	{"tt_execs_ended", "sched_process_exit", TT_FEATURE_PROCESS_LIFE, TT_HOOK_REQUIRED, "nothing is known of ends"},
	[TT_EXECS_HOOK_FAILED] = {"tt_execs_failed", "sys_exit", TT_FEATURE_SYSCALL_TRACEPOINTS, TT_HOOK_REQUIRED,
				  "failed execs are not seen"},
};

static const struct tt_map_row maps[] = {{"tt_execs_works", TT_MAP_PER_CPU}};

enum note {
	NOTE_TABLE_FULL,
	NOTE_LOOKUPS,
};

/* A program that runs. */
struct program {
	struct program *next;
	uint32_t tgid;
	uint64_t start_ns; /* of its process: with tgid it names it for good */
	struct tt_execs_row row;
};

/* A program was looked for and not found so far: shown if the process does something else, or ends. */
struct lookup {
	struct lookup *next;
	struct tt_execs_started first;
	struct tt_execs_started last;
	uint64_t more; /* places behind the first */
};

struct user {
	uint32_t uid;
	char name[33]; /* empty: not asked yet */
};

struct execs {
	struct program *buckets[TT_EXECS_BUCKETS];
	uint64_t count;
	struct lookup *lookups[TT_EXECS_BUCKETS];
	uint64_t lookup_count;
	struct user users[TT_EXECS_USERS]; /* by uid, the last asked wins its place */
};

/* --- rows --- */

static const char *user_name(struct execs *x, uint32_t uid)
{
	struct user *u = &x->users[uid % TT_EXECS_USERS];

	if (!u->name[0] || u->uid != uid) {
		const struct passwd *pw = getpwuid(uid);
		u->uid = uid;
		if (pw)
			snprintf(u->name, sizeof(u->name), "%s", pw->pw_name);
		else
			snprintf(u->name, sizeof(u->name), "%u", uid);
	}
	return u->name;
}

/* Arguments with a space between them; three dots where they are longer than what is kept. */
static void command_text(char *to, size_t size, const char *args, size_t len)
{
	bool cut = len == TT_EXECS_ARGS_LEN && args[len - 1];

	while (len && !args[len - 1])
		len--;
	if (len > size - 4)
		len = size - 4;
	for (size_t i = 0; i < len; i++)
		to[i] = args[i] ? args[i] : ' ';
	memcpy(to + len, cut ? "..." : "", cut ? 4 : 1);
}

static void row_begin(struct execs *x, struct tt_execs_row *row, const struct tt_execs_started *s)
{
	*row = (struct tt_execs_row){
		.time_ns = s->rec.time_ns,
		.pid = s->rec.tgid,
		.ppid = s->ppid,
		.lived_ns = TT_UNKNOWN,
	};
	snprintf(row->user, sizeof(row->user), "%s", user_name(x, s->uid));
	command_text(row->command, sizeof(row->command), s->args, TT_MIN((size_t)s->args_len, sizeof(s->args)));
}

/* wait(2)'s way to say it. */
static void row_end(struct tt_execs_row *row, uint64_t time_ns, uint32_t wait_status)
{
	int signal = WTERMSIG((int)wait_status);
	const char *name = signal ? sigabbrev_np(signal) : NULL;

	row->lived_ns = time_ns > row->time_ns ? time_ns - row->time_ns : 0;
	snprintf(row->end, sizeof(row->end), "%s", signal ? "signal" : "exit");
	if (!signal)
		snprintf(row->status, sizeof(row->status), "%d", WEXITSTATUS((int)wait_status));
	else if (name)
		snprintf(row->status, sizeof(row->status), "SIG%s", name);
	else
		snprintf(row->status, sizeof(row->status), "%d", signal); /* realtime signals have no names */
}

/* --- programs that run --- */

static struct program **bucket_of(struct execs *x, uint32_t tgid)
{
	return &x->buckets[tgid % TT_EXECS_BUCKETS];
}

/* Takes it out; the caller frees. NULL: not there. */
static struct program *program_take(struct execs *x, uint32_t tgid)
{
	for (struct program **at = bucket_of(x, tgid); *at; at = &(*at)->next) {
		struct program *p = *at;
		if (p->tgid == tgid) {
			*at = p->next;
			x->count--;
			return p;
		}
	}
	return NULL;
}

static int failed_row(struct tt_tool_run *run, const struct tt_execs_started *s)
{
	struct tt_execs_row row;
	const char *name = strerrorname_np((int)s->error);

	row_begin(run->state, &row, s);
	snprintf(row.end, sizeof(row.end), "error");
	if (name)
		snprintf(row.status, sizeof(row.status), "%s", name);
	else
		snprintf(row.status, sizeof(row.status), "%u", s->error);
	return tt_tool_row(run, 0, &row);
}

/* --- programs that are looked for --- */

static struct lookup **lookup_at(struct execs *x, uint32_t tgid)
{
	struct lookup **at = &x->lookups[tgid % TT_EXECS_BUCKETS];

	while (*at && (*at)->first.rec.tgid != tgid)
		at = &(*at)->next;
	return at;
}

/* The process goes on: with `found`, the program it started, or without one. */
static int lookup_over(struct tt_tool_run *run, uint32_t tgid, const struct tt_execs_started *found)
{
	struct execs *x = run->state;
	struct lookup **at = lookup_at(x, tgid);
	tt_free_auto struct lookup *l = *at;

	if (!l)
		return 0;
	*at = l->next;
	x->lookup_count--;
	bool hidden = found && tt_lookup_found(&l->first, found);
	run->notes[NOTE_LOOKUPS] += l->more + hidden;
	return hidden ? 0 : failed_row(run, &l->first);
}

static int failed(struct tt_tool_run *run, const struct tt_execs_started *s)
{
	const struct tt_execs_config *config = run->settings;
	struct execs *x = run->state;
	struct lookup *l = *lookup_at(x, s->rec.tgid);
	bool goes_on = (!config || !config->lookups) && tt_lookup_goes_on(s->error);

	if (l && goes_on && tt_lookup_same(&l->last, s, l->more)) {
		l->last = *s;
		l->more++;
		return 0;
	}
	int r = lookup_over(run, s->rec.tgid, NULL);
	if (r < 0)
		return r;
	l = goes_on && x->lookup_count < run->limits->value[TT_LIMIT_TOOL_PROGRAMS] ? calloc(1, sizeof(*l)) : NULL;
	if (!l)
		return failed_row(run, s);
	l->first = l->last = *s;
	struct lookup **at = lookup_at(x, s->rec.tgid);
	*at = l;
	x->lookup_count++;
	return 0;
}

/* --- starts and ends --- */

static int started(struct tt_tool_run *run, const struct tt_execs_started *s)
{
	struct execs *x = run->state;
	int looked = lookup_over(run, s->rec.tgid, s);
	if (looked < 0)
		return looked;
	tt_free_auto struct program *before = program_take(x, s->rec.tgid);

	if (before) {
		/* Another process's number come round again, or the same process has become another program. */
		if (before->start_ns == s->rec.start_ns) {
			before->row.lived_ns = s->rec.time_ns - before->row.time_ns;
			snprintf(before->row.end, sizeof(before->row.end), "exec");
		}
		int r = tt_tool_row(run, 0, &before->row);
		if (r < 0)
			return r;
	}
	tt_free_auto struct program *p = x->count < run->limits->value[TT_LIMIT_TOOL_PROGRAMS] ? calloc(1, sizeof(*p)) : NULL;
	if (!p) {
		struct tt_execs_row row;
		run->notes[NOTE_TABLE_FULL]++;
		row_begin(x, &row, s);
		return tt_tool_row(run, 0, &row);
	}
	p->tgid = s->rec.tgid;
	p->start_ns = s->rec.start_ns;
	row_begin(x, &p->row, s);
	struct program **at = bucket_of(x, p->tgid);
	p->next = *at;
	*at = TT_TAKE_PTR(p);
	x->count++;
	return 0;
}

/* An end nothing is known of is that of a fork that executed nothing, or of what ran before telltale did. */
static int ended(struct tt_tool_run *run, const struct tt_execs_ended *e)
{
	int r = lookup_over(run, e->rec.tgid, NULL);
	tt_free_auto struct program *p = program_take(run->state, e->rec.tgid);

	if (r < 0 || !p)
		return r;
	if (p->start_ns == e->rec.start_ns)
		row_end(&p->row, e->rec.time_ns, e->wait_status);
	return tt_tool_row(run, 0, &p->row);
}

/* --- the tool --- */

static int execs_prepare(void *settings, struct tt_tool_error *e)
{
	struct tt_execs_config *c = settings;

	c->execve = SYS_execve;
	c->execveat = SYS_execveat;
#if defined(__x86_64__)
	c->compat_execve = 11;
	c->compat_execveat = 358;
#else
	c->compat_execve = 11;
	c->compat_execveat = 387;
#endif
	return 0;
}

static uint64_t execs_unwanted(const void *settings)
{
	return ((const struct tt_execs_config *)settings)->no_failed ? 1u << TT_EXECS_HOOK_FAILED : 0;
}

static int execs_begin(struct tt_tool_run *run)
{
	run->state = calloc(1, sizeof(struct execs));
	return run->state ? 0 : -ENOMEM;
}

static int execs_record(struct tt_tool_run *run, const struct tt_record *rec)
{
	switch ((enum tt_execs_record_type)rec->type) {
	case TT_EXECS_STARTED:
		return rec->len >= sizeof(struct tt_execs_started) ? started(run, (const struct tt_execs_started *)rec) : 0;
	case TT_EXECS_FAILED:
		return rec->len >= sizeof(struct tt_execs_started) ? failed(run, (const struct tt_execs_started *)rec) : 0;
	case TT_EXECS_ENDED:
		return rec->len >= sizeof(struct tt_execs_ended) ? ended(run, (const struct tt_execs_ended *)rec) : 0;
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct program *x = *(struct program *const *)a, *y = *(struct program *const *)b;

	return (x->row.time_ns > y->row.time_ns) - (x->row.time_ns < y->row.time_ns);
}

/* What still runs, in order of start. */
static int execs_end(struct tt_tool_run *run)
{
	struct execs *x = run->state;
	tt_free_auto struct program **list = calloc(x->count + 1, sizeof(struct program *));
	size_t n = 0;
	int r = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < TT_EXECS_BUCKETS; i++) {
		while (r == 0 && x->lookups[i])
			r = lookup_over(run, x->lookups[i]->first.rec.tgid, NULL);
	}
	for (size_t i = 0; i < TT_EXECS_BUCKETS; i++) {
		for (struct program *p = x->buckets[i]; p; p = p->next)
			list[n++] = p;
	}
	qsort(list, n, sizeof(struct program *), by_time);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = tt_tool_row(run, 0, &list[i]->row);
	return r;
}

static void execs_free(struct tt_tool_run *run)
{
	struct execs *x = run->state;

	for (size_t i = 0; x && i < TT_EXECS_BUCKETS; i++) {
		while (x->buckets[i])
			free(program_take(x, x->buckets[i]->tgid));
		for (struct lookup *l = x->lookups[i], *next; l; l = next) {
			next = l->next;
			free(l);
		}
	}
	free(x);
	run->state = NULL;
}

/* Some hundred bytes a program: thousands that start between two looks fit. */
static const struct tt_tool_preset presets[] = {
	{TT_LIMIT_RING_BYTES, 1u << 20},
	{TT_LIMIT_CONTROL_RING_BYTES, 256u << 10},
};

const struct tt_tool tt_tool_execs = {
	.tables = tables,
	.table_count = 1,
	.options = options,
	.option_count = TT_ARRAY_LEN(options),
	.settings_size = sizeof(struct tt_execs_config),
	.config_size = sizeof(struct tt_execs_config),
	.prepare = execs_prepare,
	.unwanted = execs_unwanted,
	.data_rings = true,
	.presets = presets,
	.preset_count = TT_ARRAY_LEN(presets),
	.hooks = hooks,
	.hook_count = TT_ARRAY_LEN(hooks),
	.maps = maps,
	.map_count = TT_ARRAY_LEN(maps),
	.notes = {[NOTE_TABLE_FULL] = "shown without their end, for want of room (limit tool_programs)",
		  [NOTE_LOOKUPS] = "places a program was looked for at in vain left out (--lookups shows them)"},
	.begin = execs_begin,
	.record = execs_record,
	.end = execs_end,
	.free = execs_free,
};
