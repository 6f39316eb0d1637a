// SPDX-License-Identifier: Apache-2.0
#include "tools/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach/attach.h"
#include "attach/privilege.h"
#include "base/command.h"
#include "base/log.h"
#include "base/now.h"
#include "base/own.h"
#include "identity/descendants.h"
#include "kernel/stats.h"
#include "tools/container.h"
#include "tools/cost.h"
#include "tools/docs.h"
#include "tools/loop.h"
#include "tools/rows.h"
#include "tools/stacks/stacks.h"

#define TT_STATUS_USAGE 2

/* Everything of one run that is to be freed. */
struct runner {
	const struct tt_tool_entry *entry;
	const struct tt_tool *tool;
	struct tt_tool_options options;
	uint64_t settings[TT_TOOL_SETTINGS_MOST / sizeof(uint64_t)]; /* as u64 for its alignment */
	struct tt_tool_run run;
	struct tt_command command;
	struct tt_tool_container container;
	struct tt_attach *attach;
	struct tt_tool_cost cost;
	int json_fd; /* -1: standard output or none */
};

const struct tt_tool_entry *tt_tool_find(const char *name)
{
	for (size_t i = 0; i < tt_tool_count; i++) {
		if (strcmp(tt_tools[i].name, name) == 0)
			return &tt_tools[i];
	}
	return NULL;
}

void tt_tool_help(struct tt_buf *b, const struct tt_tool_entry *entry)
{
	tt_buf_printf(b, "telltale %s: %s\n\nusage: telltale %s [OPTION]... %s [-- COMMAND [ARGUMENT]...]\n\n", entry->name,
		      entry->summary, entry->name, entry->tool->words ? entry->tool->words_help : "[INTERVAL [COUNT]]");
	tt_tool_options_help(b, entry->tool->options, entry->tool->option_count);
	tt_buf_printf(b, "\n%s", entry->readme);
	for (size_t i = 0; i < entry->tool->table_count; i++) {
		tt_buf_add_char(b, '\n');
		tt_table_help(b, entry->tool->tables[i]);
	}
}

int tt_tool_row(struct tt_tool_run *run, size_t table, const void *row)
{
	return tt_rows_add(run->rows, table, row);
}

/* --- before the loop --- */

/* Standard output is the command's where there is one; tables go to standard error then, as those of `telltale run` do. */
static int open_rows(struct runner *r)
{
	const struct tt_tool_options *o = &r->options;
	int out = o->command ? STDERR_FILENO : STDOUT_FILENO;

	if (o->json_file) {
		r->json_fd = strcmp(o->json_file, "-") == 0 ? dup(STDOUT_FILENO)
							    : open(o->json_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
		if (r->json_fd < 0)
			return tt_error_errno(-errno, "--json=%s", o->json_file);
	}
	bool live = o->interval_ns && !o->command && !o->json && isatty(out);
	const struct tt_rows_options rows = {
		.tables = r->tool->tables,
		.table_count = r->tool->table_count,
		.gather = tt_tool_gathers(r->tool, o, r->settings),
		.most = o->top && !r->tool->top_own ? o->top : o->limits.value[TT_LIMIT_TOOL_ROWS],
		.most_in_order = o->limits.value[TT_LIMIT_TOOL_ROWS],
		.least = o->least,
		.live = live,
		.colours = !getenv("NO_COLOR"),
		.text_fd = o->json ? -1 : out,
		.json_fd = r->json_fd >= 0 ? r->json_fd
			   : o->json	   ? STDOUT_FILENO
					   : -1,
		.wall_minus_mono_ns = tt_wall_minus_mono_ns,
	};
	int e = tt_rows_new(&r->run.rows, &rows);
	return e < 0 ? tt_error_errno(e, "%s", r->entry->name) : 0;
}

/* While files may still be opened. Where no stacks are wanted the kernel keeps no room for them. */
static int open_stacks(struct runner *r)
{
	const struct tt_stack_wish *wish = r->tool->stacks ? r->tool->stacks(r->settings) : NULL;

	if (wish && wish->wanted)
		return tt_stacks_new(&r->run.stacks, &r->run, wish);
	r->options.limits.value[TT_LIMIT_TOOL_STACKS] = tt_limit_rows[TT_LIMIT_TOOL_STACKS].least;
	return 0;
}

static int load(struct runner *r, const struct tt_scope *scope)
{
	const struct tt_tool *tool = r->tool;
	struct tt_kernel_report report;
	size_t size = 0;
	const void *elf = r->entry->elf(&size);
	struct tt_tool_filter filter = {0};
	if (r->options.comm)
		memcpy(filter.comm, r->options.comm, strnlen(r->options.comm, sizeof(filter.comm) - 1));
	const struct tt_programs programs = {
		.elf = elf,
		.elf_size = size,
		.rows = tool->hooks,
		.row_count = tool->hook_count,
		.data_rings = tool->data_rings,
		.sample_hz = tool->sample_hz ? tool->sample_hz(r->settings) : 0,
		.sample_idle = tool->sample_idle,
		.by_cycles = tool->by_cycles,
		.unwanted = tool->unwanted ? tool->unwanted(r->settings) : 0,
		.maps = tool->maps,
		.map_count = tool->map_count,
		.config = tool->config_size ? r->settings : NULL,
		.config_size = tool->config_size,
		.filter = &filter,
	};

	int e = tt_programs_load(&r->run.kernel, &programs, &r->options.limits, scope, &report);
	if (e < 0)
		tt_error("%s", report.error);
	return e;
}

/* The processes asked for with the descendants they have, looked up once more when those of them that fork are followed already.
 */
static int load_pids(struct runner *r, struct tt_scope *scope)
{
	const struct tt_tool_options *o = &r->options;

	for (int again = 0; again < 2; again++) {
		tt_free_auto uint32_t *pids = NULL;
		size_t count = 0;
		uint32_t missing = 0;
		int e = tt_descendants(&pids, &count, o->pids, o->pid_count, &missing);

		if (again && e == -ESRCH) /* ended meanwhile */
			return 0;
		if (e == -ESRCH) {
			tt_error("--pid %u: no such process", missing);
			return e;
		}
		if (e < 0)
			return tt_error_errno(e, "reading /proc");
		for (size_t i = 0; again && i < count; i++)
			tt_kernel_follow(r->run.kernel, pids[i]);
		scope->mode = TT_SCOPE_PIDS;
		scope->pids = pids;
		scope->pid_count = count;
		e = again ? 0 : load(r, scope);
		if (e < 0)
			return e;
	}
	return 0;
}

static int load_scope(struct runner *r)
{
	const struct tt_tool_options *o = &r->options;
	struct tt_scope scope = {.mode = TT_SCOPE_ALL};
	uint32_t pid = (uint32_t)r->command.pid;

	if (o->pid_count)
		return load_pids(r, &scope);
	if (o->command) {
		scope.mode = TT_SCOPE_PIDS;
		scope.pids = &pid;
		scope.pid_count = 1;
	} else if (o->cgroup) {
		scope.mode = TT_SCOPE_CGROUP;
		scope.cgroup = o->cgroup;
	}
	return load(r, &scope);
}

/* --- after it --- */

static void tell(struct tt_buf *b, uint64_t count, const char *what)
{
	if (count)
		tt_buf_printf(b, "; %llu %s", (unsigned long long)count, what);
}

/* Two lines on standard error: what was shown, and all that was not, by cause; and what telltale took. */
static void tell_counts(struct runner *r)
{
	tt_buf_auto struct tt_buf b = TT_BUF(8192);
	static const char *const losses[] = {
#define TT_LOSS_MEANING(id, name, meaning) meaning,
		TT_LOSS_CAUSES(TT_LOSS_MEANING)
#undef TT_LOSS_MEANING
	};
	struct tt_kernel_stats stats;
	struct tt_ring_stats rings;
	uint64_t lost = 0;

	tt_kernel_stats(r->run.kernel, &stats);
	tt_rings_stats(tt_kernel_rings(r->run.kernel), &rings);
	stats.lost[TT_LOSS_BAD_RECORD] += rings.bad;
	for (int i = 0; i < TT_LOSS_MAX; i++)
		lost += stats.lost[i];
	/* Told by its cause alone: mostly it would have been counted in a row, and not have been a record. */
	lost -= stats.lost[TT_LOSS_MISSED_RUN];
	stats.produced -= stats.lost[TT_LOSS_MISSED_RUN];
	tt_buf_printf(&b, "telltale %s: %llu shown; records: %llu produced, %llu delivered, %llu lost, %llu queued",
		      r->entry->name, (unsigned long long)tt_rows_shown(r->run.rows), (unsigned long long)stats.produced,
		      (unsigned long long)rings.delivered, (unsigned long long)lost, (unsigned long long)rings.queued);
	for (int i = 0; i < TT_LOSS_MAX; i++)
		tell(&b, stats.lost[i], losses[i]);
	for (int i = 0; i < TT_PLACE_MAX; i++)
		tell(&b, stats.failed[i], tt_place_meanings[i]);
	tell(&b, tt_rows_left_out(r->run.rows), "smaller ones not shown");
	for (int i = 0; i < TT_TOOL_NOTES_MOST; i++)
		tell(&b, r->run.notes[i], r->tool->notes[i]);
	if (r->run.stacks)
		tt_stacks_tell(r->run.stacks, &b);
	tt_buf_add_char(&b, '\n');
	tt_tool_cost_tell(&r->cost, r->entry->name, &b);
	fwrite(b.data, 1, b.len, stderr);
}

/* The command's own status; one that is still running is waited for. */
static int command_end(struct runner *r, struct tt_tool_loop *loop)
{
	int status = loop->command_status;
	sigset_t none;

	if (r->command.pid > 0) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		while (waitpid(r->command.pid, &status, 0) < 0) {
			if (errno != EINTR)
				return 1;
		}
		r->command.pid = -1;
	}
	return tt_command_status(status);
}

/* --- the whole --- */

/* Everything is attached and open: links go to the attach part, all privileges with them. */
static int split(struct runner *r)
{
	const struct tt_attach_config attach = {.kernel = r->run.kernel,
						.command = r->options.command ? &r->command : NULL,
						.stacks = r->run.stacks != NULL,
						.user = TT_DROP_USER};
	int e = tt_attach_new(&r->attach, &attach);

	r->run.attach = r->attach;
	return e < 0 ? e : tt_attach_drop(r->attach, true);
}

static int observe(struct runner *r)
{
	struct tt_tool_loop loop = {.run = &r->run, .options = &r->options, .command = &r->command, .container = &r->container};
	int e = r->tool->begin ? r->tool->begin(&r->run) : 0;

	if (e == 0)
		e = split(r);
	if (e < 0 && e != -ECHILD) /* that was said */
		tt_error_errno(e, "%s", r->entry->name);
	if (e < 0)
		return 1;
	if (r->options.command) {
		e = tt_command_go(&r->command);
		if (e < 0)
			return tt_error_errno(e, "%s", r->options.command[0]), e == -ENOENT ? 127 : 126;
	}
	loop.attach = r->attach;
	loop.cost = &r->cost;
	e = tt_tool_loop_run(&loop);
	if (e < 0 && e != -ECHILD)
		tt_error_errno(e, "%s", r->entry->name);
	if (r->run.stacks && tt_stacks_write(r->run.stacks) < 0)
		e = -ECHILD; /* it was said */
	if (!r->options.quiet)
		tell_counts(r);
	int status = r->options.command ? command_end(r, &loop) : 0;
	return e < 0 ? 1 : status;
}

static bool shows_processes(const struct tt_tool *tool)
{
	bool found = false;

	for (size_t i = 0; i < tool->table_count; i++) {
		const struct tt_fields *fields = &tool->tables[i]->fields;
		for (size_t k = 0; k < fields->count; k++)
			found |= fields->list[k].json && strcmp(fields->list[k].json, "pid") == 0;
	}
	return found;
}

static int start(struct runner *r)
{
	if (tt_tool_loop_prepare() < 0 || open_rows(r) < 0 || open_stacks(r) < 0 || tt_need_check() < 0)
		return 1;
	if ((r->options.command || r->options.pid_count) && tt_scope_check_ids() < 0)
		return 1;
	if (r->options.command) {
		int e = tt_command_start(&r->command, r->options.command, NULL);
		if (e < 0)
			return tt_error_errno(e, "%s", r->options.command[0]), 1;
		r->run.command = (uint32_t)r->command.pid;
	}
	tt_tool_cost_begin(&r->cost);
	if (load_scope(r) < 0)
		return 1;
	if (shows_processes(r->tool))
		tt_scope_warn_of_ids();
	/* Reading the kernel's types took several times what is wanted from now on. */
	malloc_trim(0);
	return observe(r);
}

int tt_tool_main(const struct tt_tool_entry *entry, int argc, char **argv)
{
	struct runner r = {
		.entry = entry, .tool = entry->tool, .command = TT_COMMAND_NONE, .cost = {.statistics = -1}, .json_fd = -1};
	struct tt_tool_error error = {""};
	int status = TT_STATUS_USAGE;

	tt_limits_init(&r.options.limits);
	for (size_t i = 0; i < r.tool->preset_count; i++)
		r.options.limits.value[r.tool->presets[i].limit] = r.tool->presets[i].value;
	int e = tt_tool_options_read(&r.options, r.tool->options, r.tool->option_count, r.settings, r.tool->words, argc - 1,
				     argv + 1, &error);
	if (e == 1) {
		tt_buf_auto struct tt_buf b = TT_BUF(1u << 20);
		tt_tool_help(&b, entry);
		status = fwrite(b.data, 1, b.len, stdout) == b.len ? 0 : 1;
	} else if (e < 0) {
		tt_error("%s: %s (telltale %s --help)", entry->name, e == -EINVAL ? error.text : strerror(-e), entry->name);
	} else if (r.tool->prepare && (e = r.tool->prepare(r.settings, &error)) < 0) {
		status = e == -EINVAL ? TT_STATUS_USAGE : 1;
		if (status == TT_STATUS_USAGE)
			tt_error("%s: %s (telltale %s --help)", entry->name, error.text, entry->name);
		else
			tt_error("%s: %s", entry->name, error.text);
	} else if (tt_tool_container_find(&r.container, &r.options, &error) < 0) {
		tt_error("%s: %s", entry->name, error.text);
		status = 1;
	} else if (r.tool->check && r.tool->check(&r.options, r.settings, &error) < 0) {
		tt_error("%s: %s (telltale %s --help)", entry->name, error.text, entry->name);
	} else {
		r.run = (struct tt_tool_run){
			.tool = r.tool, .settings = r.settings, .options = &r.options, .limits = &r.options.limits, .fd = -1};
		status = start(&r);
	}
	if (r.tool->free)
		r.tool->free(&r.run);
	tt_stacks_free(r.run.stacks);
	tt_kernel_free(r.run.kernel);
	tt_attach_free(r.attach);
	tt_rows_free(r.run.rows);
	tt_command_cancel(&r.command);
	tt_tool_cost_end(&r.cost);
	tt_tool_container_free(&r.container);
	if (r.json_fd >= 0)
		close(r.json_fd);
	tt_tool_options_free(&r.options);
	return status;
}
