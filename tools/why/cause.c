// SPDX-License-Identifier: Apache-2.0
#include "tools/why/cause.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

/* Shares of less are not told, in percent; and of what comes beside the cause. */
#define SHARE_LEAST 1.0
#define SHARE_BESIDE 10.0

/* What is said of a part that leads; then what that means. {call}, if it is known, stands between them. */
static const struct {
	const char *says;
	const char *means;
	bool idle;
} words[TT_SCHED_PART_MAX] = {
	[TT_SCHED_RUN] = {"runs on a processor", "what it does there takes the time", false},
	[TT_SCHED_INTERRUPT] = {"is interrupted", "the processor serves interrupts meanwhile", false},
	[TT_SCHED_WAIT] = {"waits for a processor", "others have it", false},
	[TT_SCHED_THROTTLED] = {"is stopped by the limit of its cgroup's processor time",
				"cpu.max is too little for what it does", false},
	[TT_SCHED_MEMORY] = {"has to free memory before it gets some", "memory, or what its cgroup may have of it, is too little",
			     false},
	[TT_SCHED_LOCK] = {"waits for a lock or a condition", "another thread holds it, or has nothing for it to do", false},
	[TT_SCHED_KERNEL_LOCK] = {"waits for a lock of the kernel", "others do the same kind of thing", false},
	[TT_SCHED_DISK] = {"waits for files and disks", "telltale io shows which", false},
	[TT_SCHED_NETWORK] = {"waits for the network", "the other end takes its time", false},
	[TT_SCHED_LOCAL] = {"waits for the other end of a Unix socket", "that one takes its time", false},
	[TT_SCHED_PIPE] = {"waits for the other end of a pipe", "that one takes its time", false},
	[TT_SCHED_EVENTS] = {"waits until something happens", "it has nothing to do meanwhile", true},
	[TT_SCHED_AIO] = {"waits for what it has submitted", "disks or peers take their time", false},
	[TT_SCHED_SLEEP] = {"sleeps for a time it chose itself", "nobody else holds it up", true},
	[TT_SCHED_CHILD] = {"waits for processes it has started", "look at those", true},
	[TT_SCHED_FAULT] = {"waits for memory whose contents have to be read", "files it has mapped are not in memory", false},
	[TT_SCHED_SWAP] = {"waits for memory that was swapped out", "memory is too little", false},
	[TT_SCHED_SIGNAL] = {"waits for a signal", "or was stopped by one", true},
	[TT_SCHED_DEVICE] = {"waits for a terminal or another device", "nothing comes from there", true},
	[TT_SCHED_KERNEL] = {"is blocked in the kernel", "sched offcpu --stacks shows where", false},
	[TT_SCHED_OTHER] = {"is blocked", "sched offcpu --stacks shows where", false},
};

bool tt_why_idle(uint32_t part)
{
	return words[part].idle;
}

static uint32_t greatest(const struct tt_why_facts *f, uint32_t but, bool busy)
{
	uint32_t lead = TT_SCHED_PART_MAX;

	for (uint32_t i = 0; i < TT_SCHED_PART_MAX; i++) {
		if (i == but || (busy && words[i].idle) || !f->sum.row.part[i].ns)
			continue;
		if (lead == TT_SCHED_PART_MAX || f->sum.row.part[i].ns > f->sum.row.part[lead].ns)
			lead = i;
	}
	return lead;
}

uint32_t tt_why_lead(const struct tt_why_facts *f)
{
	return greatest(f, TT_SCHED_PART_MAX, false);
}

static double share(const struct tt_why_facts *f, uint32_t part)
{
	return f->wall_ns ? (double)f->sum.row.part[part].ns * 100 / (double)f->wall_ns : 0;
}

/* "waits for a processor 48 % of the time, most of it behind make[123]" */
static void add_part(struct tt_buf *b, const struct tt_why_facts *f, uint32_t part, const char *of)
{
	const struct tt_why_longest *l = part == TT_SCHED_WAIT ? &f->ahead : &f->block[part];

	tt_buf_printf(b, "%s %.0f %%%s", words[part].says, share(f, part), of);
	if (l->call[0])
		tt_buf_printf(b, " (mostly %s)", l->call);
	if (part == TT_SCHED_WAIT && l->who[0])
		tt_buf_printf(b, ", longest behind %s (%.0f ms)", l->who, (double)l->ns / 1e6);
	else if (l->who[0] && l->who[0] != '(')
		tt_buf_printf(b, ", until %s wakes it", l->who);
}

void tt_why_cause(const struct tt_why_facts *f, char to[TT_WHY_CAUSE_LEN])
{
	tt_buf_auto struct tt_buf b = TT_BUF(TT_WHY_CAUSE_LEN - 1);
	uint32_t lead = tt_why_lead(f);

	to[0] = 0;
	if (lead == TT_SCHED_PART_MAX)
		return;
	tt_buf_add_str(&b, "It ");
	add_part(&b, f, lead, " of the time");
	tt_buf_printf(&b, ": %s", words[lead].means);
	uint32_t beside = greatest(f, lead, true);
	if (beside < TT_SCHED_PART_MAX && share(f, beside) >= (words[lead].idle ? SHARE_LEAST : SHARE_BESIDE)) {
		tt_buf_add_str(&b, words[lead].idle ? "; when it does something, it " : "; and it ");
		add_part(&b, f, beside, "");
	}
	tt_buf_add_str(&b, ".");
	memcpy(to, b.data, b.len);
	to[b.len] = 0;
}
