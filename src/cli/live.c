// SPDX-License-Identifier: Apache-2.0
#include "cli/live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/loop.h"
#include "agent/observe.h"
#include "cli/reload.h"
#include "web/server.h"

struct tt_live_state {
	struct tt_live_run *run;
	struct tt_session session;
	struct tt_mailbox *mailbox;
	struct tt_server *server;
	char scope[256];
};

/* Where the page is: the port asked for may have been "any". */
static void tt_live_announce(const struct tt_live_state *s)
{
	const char *colon = strrchr(s->run->listen, ':');
	int host = colon ? (int)(colon - s->run->listen) : (int)strlen(s->run->listen);

	fprintf(stderr, "telltale: observing %s; page and metrics at http://%.*s:%u/\n", s->scope, host, s->run->listen,
		tt_server_port(s->server));
}

static int tt_live_serve(struct tt_live_state *s)
{
	const struct tt_config *config = s->run->config;
	const struct tt_server_config server = {.listen = s->run->listen,
						.allow_hosts = (const char *const *)config->allow_hosts.list,
						.limits = &config->limits};

	int r = tt_mailbox_new(&s->mailbox, config->limits.value[TT_LIMIT_HTTP_CLIENTS],
			       config->limits.value[TT_LIMIT_ANSWER_BYTES]);
	if (r == 0)
		r = tt_server_new(&s->server, &server, s->mailbox);
	if (r == -EADDRINUSE)
		tt_error("--listen %s: the address is in use", s->run->listen);
	else if (r < 0)
		tt_error_errno(r, "--listen %s", s->run->listen);
	if (r == 0)
		r = tt_outputs_stream_to(s->session.outputs, s->mailbox);
	if (r == 0)
		tt_live_announce(s);
	return r;
}

static void tt_live_stop_source(void *ctx)
{
	struct tt_live_state *s = ctx;
	tt_live_stop(tt_pipeline_source(s->session.pipeline));
}

static void tt_live_reload(void *ctx)
{
	struct tt_live_state *s = ctx;
	tt_reload(s->run->config);
}

static int tt_live_start(struct tt_live_state *s)
{
	struct tt_live_run *run = s->run;
	pid_t command = run->command ? run->command->pid : 0;
	struct tt_source *source = NULL;

	int r = tt_observe(&source, run->config, command);
	if (r < 0)
		return r;
	const char *hooks = tt_observe_hooks(source);
	r = tt_session_open(&s->session, run->config, source, true);
	if (r < 0)
		return r;
	if (!command) /* a command's processes all introduce themselves */
		tt_identities_seed(tt_pipeline_identities(s->session.pipeline));
	const struct tt_outputs_about about = {.scope = tt_observe_scope_text(run->config, command, s->scope, sizeof(s->scope)),
					       .hooks = hooks};
	tt_outputs_describe(s->session.outputs, &about);
	if (run->prepare)
		r = run->prepare(&s->session);
	if (r == 0 && run->listen)
		r = tt_live_serve(s);
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
				       .command = run->command,
				       .reload = tt_live_reload,
				       .stop = tt_live_stop_source,
				       .ctx = &s};
		r = tt_loop_run(&loop);
		run->command_status = loop.command_status;
		if (r < 0)
			tt_error_errno(r, "observing");
	}
	s.server = tt_server_free(s.server);
	if (s.session.pipeline && r == 0 && run->end) {
		tt_pipeline_finish(s.session.pipeline);
		run->end(&s.session);
	}
	int closed = tt_session_close(&s.session);
	s.mailbox = tt_mailbox_free(s.mailbox);
	return r < 0 ? r : closed;
}
