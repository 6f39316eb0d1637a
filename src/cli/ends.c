// SPDX-License-Identifier: Apache-2.0
#include "cli/ends.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/now.h"

#define TT_ENDS_NAMED 4 /* so many that were left behind are named */

int tt_ends_begin(struct tt_ends *e, const struct tt_config *config, pid_t command, struct tt_pipeline *pipeline)
{
	uint32_t pid = (uint32_t)command;

	if (command <= 0 && !config->pid_count)
		return 0;
	int r = tt_kin_new(&e->kin, command > 0 ? &pid : config->pids, command > 0 ? 1 : config->pid_count);
	if (r == 0)
		tt_pipeline_set_kin(pipeline, e->kin);
	return r;
}

void tt_ends_free(struct tt_ends *e)
{
	e->kin = tt_kin_free(e->kin);
}

static void tt_ends_tell(struct tt_ends *e, char *scope, size_t size, size_t left)
{
	size_t len = strlen(scope);

	if (left && !e->root_told)
		tt_warn("%s ended; what it started is observed further", scope);
	else if (!left && !e->told)
		tt_warn("%s%s: nothing is left to observe", scope, e->root_told ? ", and now all it started" : " ended");
	if (!e->root_told)
		snprintf(scope + len, size - len, " (ended)");
	e->root_told = true;
	e->told = !left;
}

bool tt_ends_look(struct tt_ends *e, char *scope, size_t size)
{
	if (!e->kin)
		return false;
	tt_kin_advance(e->kin, tt_now_ns());
	size_t left = tt_kin_count(e->kin);
	if (!tt_kin_roots(e->kin))
		tt_ends_tell(e, scope, size, left);
	return !left;
}

/* Names are as the kernel has them: nothing in them may reach a terminal as a command. */
static void tt_ends_name(struct tt_buf *out, struct tt_identities *identities, uint32_t pid)
{
	const char *comm = tt_identities_find(identities, pid, 0, 0)->comm;

	for (size_t i = 0; i < TT_COMM_LEN && comm[i]; i++)
		tt_buf_add_char(out, comm[i] < ' ' || comm[i] > '~' ? '?' : comm[i]);
	tt_buf_printf(out, " (pid %u)", pid);
}

void tt_ends_left(struct tt_ends *e, struct tt_identities *identities)
{
	tt_buf_auto struct tt_buf names = TT_BUF(1024), numbers = TT_BUF(1024);
	uint32_t pids[TT_ENDS_NAMED];

	if (!e->kin)
		return;
	tt_kin_advance(e->kin, UINT64_MAX);
	size_t left = tt_kin_count(e->kin), named = tt_kin_list(e->kin, pids, TT_ENDS_NAMED);
	for (size_t i = 0; i < named; i++) {
		tt_buf_add_str(&names, i ? ", " : "");
		tt_ends_name(&names, identities, pids[i]);
		tt_buf_printf(&numbers, "%s%u", i ? "," : "", pids[i]);
	}
	if (!left)
		return;
	tt_warn("the command has ended; %zu of the processes it started %s on, observed no more: %.*s%s", left,
		left == 1 ? "goes" : "go", (int)names.len, (const char *)names.data, left > named ? ", ..." : "");
	tt_warn("to observe %s: telltale watch --pid %.*s", left == 1 ? "it" : "them", (int)numbers.len,
		(const char *)numbers.data);
}
