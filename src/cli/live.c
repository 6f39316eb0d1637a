// SPDX-License-Identifier: Apache-2.0
#include "cli/live.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/loop.h"
#include "agent/observe.h"
#include "attach/attach.h"
#include "attach/privilege.h"
#include "cli/ends.h"
#include "cli/inside.h"
#include "cli/reload.h"
#include "kernel/plaintext.h"
#include "web/server.h"

struct tt_live_state {
	struct tt_live_run *run;
	struct tt_session session;
	struct tt_mailbox *mailbox;
	struct tt_server *server;
	struct tt_attach *attach;
	const struct tt_kernel *kernel;
	struct tt_libraries *libraries;
	struct tt_inside *inside; /* NULL: no tools are */
	struct tt_ends ends;
	char scope[256];
};

/* Where the page is: the port asked for may have been "any", and a port alone is meant on this host. */
static void tt_live_announce(const struct tt_live_state *s)
{
	const char *colon = strrchr(s->run->listen, ':');

	fprintf(stderr, "telltale: observing %s; page and metrics at http://%.*s:%u/\n", s->scope,
		colon ? (int)(colon - s->run->listen) : INT_MAX, colon ? s->run->listen : "127.0.0.1", tt_server_port(s->server));
}

static int tt_live_serve(struct tt_live_state *s)
{
	const struct tt_config *config = s->run->config;
	const struct tt_server_config server = {.listen = s->run->listen,
						.allow_hosts = (const char *const *)config->allow_hosts.list,
						.limits = &config->limits,
						.hold = true};

	struct tt_config_name name;
	const char *listen = tt_config_name(&name, config, "listen", "--listen");

	int r = tt_mailbox_new(&s->mailbox, config->limits.value[TT_LIMIT_HTTP_CLIENTS],
			       config->limits.value[TT_LIMIT_ANSWER_BYTES]);
	if (r == 0)
		r = tt_server_new(&s->server, &server, s->mailbox);
	if (r == -EADDRINUSE)
		tt_error("%s %s: the address is in use", listen, s->run->listen);
	else if (r < 0)
		tt_error_errno(r, "%s %s", listen, s->run->listen);
	return r < 0 ? r : tt_outputs_stream_to(s->session.outputs, s->mailbox);
}

static void tt_live_stop_source(void *ctx)
{
	struct tt_live_state *s = ctx;
	tt_live_stop(tt_pipeline_source(s->session.pipeline));
}

static void tt_live_turn(void *ctx)
{
	tt_cli_inside_turn(((struct tt_live_state *)ctx)->inside);
}

/* The file as it is now, which this part may not be allowed to read. */
static int tt_live_config_file(void *attach, struct tt_buf *text)
{
	return tt_attach_config_file(attach, text);
}

/* The processes that were named are gone. An agent stays, since it is asked what there was. */
static bool tt_live_over(void *ctx)
{
	struct tt_live_state *s = ctx;

	if (s->run->over && s->run->over())
		return true;
	return !s->run->command && tt_ends_look(&s->ends, s->scope, sizeof(s->scope)) && s->run->ends;
}

static void tt_live_reload(void *ctx)
{
	struct tt_live_state *s = ctx;
	tt_reload(s->run->config, tt_live_config_file, s->attach);
}

/* Once everything is attached: who stays privileged. */
static int tt_live_split(struct tt_live_state *s, struct tt_source *source)
{
	const struct tt_config *config = s->run->config;
	s->kernel = tt_live_kernel(source);
	struct tt_attach_config attach = {.kernel = tt_live_kernel(source),
					  .command = s->run->command,
					  .config_file = config->config_file,
					  .user = config->drop_to ? config->drop_to : TT_DROP_USER};

	if (s->inside) {
		attach.stacks = tt_inside_stacks(s->inside);
		attach.tools = tt_inside_attached(s->inside, &attach.tool_count);
	}
	struct tt_config_name name;
	int r = tt_attach_new(&s->attach, &attach);
	if (r == -ENOENT)
		tt_error("%s there is no user '%s'", tt_config_name(&name, config, "drop_to", "--drop-to:"), attach.user);
	else if (r < 0)
		tt_error_errno(r, "starting the attach part");
	return r;
}

static bool tt_live_forks(const void *kernel)
{
	return tt_plaintext_forks(kernel);
}

/* Everything that needs privilege is open. From here on there is none. */
static int tt_live_drop(struct tt_live_state *s)
{
	int r = tt_attach_drop(s->attach, false);
	if (r < 0)
		return tt_error_errno(r, "giving up privileges");
	tt_identities_ask(tt_pipeline_identities(s->session.pipeline), tt_attach_process, s->attach);
	tt_cli_inside_split(s->inside, &s->session, s->attach);
	if (s->run->config->uprobes) {
		r = tt_libraries_new(&s->libraries, tt_attach_libraries, s->attach);
		if (r < 0)
			return tt_error_errno(r, "starting");
		tt_libraries_of_forks(s->libraries, tt_live_forks, s->kernel);
		tt_pipeline_set_libraries(s->session.pipeline, s->libraries);
	}
	r = s->server ? tt_server_go(s->server) : 0;
	if (r < 0)
		return tt_error_errno(r, "--listen %s", s->run->listen);
	if (s->server)
		tt_live_announce(s);
	return 0;
}

/* Sinks, tables and what is known of processes now. */
static int tt_live_session(struct tt_live_state *s, struct tt_source *source)
{
	struct tt_live_run *run = s->run;
	pid_t command = run->command ? run->command->pid : 0;
	const char *hooks = tt_observe_hooks(source);

	int r = tt_session_open(&s->session, run->config, source, true);
	if (r < 0)
		return r;
	if (!command) /* a command's processes all introduce themselves */
		tt_identities_seed(tt_pipeline_identities(s->session.pipeline));
	const struct tt_outputs_about about = {.scope = tt_observe_scope_text(run->config, command, s->scope, sizeof(s->scope)),
					       .hooks = hooks};
	tt_outputs_describe(s->session.outputs, &about);
	tt_cli_inside_show(s->inside, &s->session);
	r = tt_ends_begin(&s->ends, run->config, command, s->session.pipeline);
	if (r < 0)
		return tt_error_errno(r, "starting");
	return run->prepare ? run->prepare(&s->session) : 0;
}

static int tt_live_start(struct tt_live_state *s)
{
	struct tt_live_run *run = s->run;
	struct tt_source *source = NULL;
	struct tt_observe_more more;

	int r = tt_cli_inside_new(&s->inside, run->config);
	if (r == 0)
		r = tt_observe(&source, run->config, run->command, tt_cli_inside_more(s->inside, &more));
	if (r < 0)
		return r;
	r = tt_live_split(s, source);
	if (r < 0) {
		tt_source_free(source);
		return r;
	}
	r = tt_live_session(s, source);
	if (r == 0 && run->listen)
		r = tt_live_serve(s);
	if (r == 0)
		r = tt_live_drop(s);
	return r == 0 && run->begin ? run->begin(run) : r;
}

int tt_live_run(struct tt_live_run *run)
{
	struct tt_live_state s = {.run = run, .session = TT_SESSION_NONE};

	int r = tt_live_start(&s);
	if (r == 0) {
		struct tt_loop loop = {.pipeline = s.session.pipeline,
				       .outputs = s.session.outputs,
				       .mailbox = s.mailbox,
				       .limits = &run->config->limits,
				       .attach = s.attach,
				       .command = run->command,
				       .reload = tt_live_reload,
				       .turn = tt_live_turn,
				       .stop = tt_live_stop_source,
				       .over = tt_live_over,
				       .ctx = &s};
		r = tt_loop_run(&loop);
		/* Who the last ones were is known now. */
		if (r == 0 && s.inside)
			tt_inside_finish(s.inside);
		run->command_status = loop.command_status;
		if (r < 0 && r != -ECHILD)
			tt_error_errno(r, "observing");
	}
	s.server = tt_server_free(s.server);
	if (s.session.pipeline && r == 0 && run->end) {
		tt_pipeline_finish(s.session.pipeline);
		run->end(&s.session);
	}
	if (s.session.pipeline && r == 0 && run->command)
		tt_ends_left(&s.ends, tt_pipeline_identities(s.session.pipeline));
	int closed = tt_session_close(&s.session);
	tt_ends_free(&s.ends);
	s.mailbox = tt_mailbox_free(s.mailbox);
	s.inside = tt_inside_free(s.inside);
	s.attach = tt_attach_free(s.attach);
	s.libraries = tt_libraries_free(s.libraries);
	return r < 0 ? r : closed;
}
