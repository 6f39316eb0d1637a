// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "cli/options.h"
#include "kernel/hooks.h"
#include "kernel/library.h"
#include "proto/proto.h"
#include "sink/where.h"
#include "tools/inside.h"
#include "web/listen.h"

static bool tt_check_listen(const char *value)
{
	union tt_listen ignored;
	return strcmp(value, "none") == 0 || tt_listen_parse(value, &ignored) == 0;
}

static bool tt_check_connect(const char *value)
{
	union tt_listen ignored;
	return tt_listen_parse(value, &ignored) == 0;
}

static int tt_judge_where(const char *value, struct tt_option_error *e)
{
	struct tt_where *w = NULL;
	struct tt_where_error wrong;

	int r = tt_where_add(&w, value, &wrong);
	tt_where_free(w);
	return r == -EINVAL || r == -ENOSPC ? tt_option_fail(e, "'%.120s': at byte %zu: %s", value, wrong.at, wrong.what) : r;
}

static int tt_judge_tool(const char *value, struct tt_option_error *e)
{
	struct tt_tool_error wrong = {""};

	return tt_inside_judge(value, &wrong) < 0 ? tt_option_fail(e, "%s", wrong.text) : 0;
}

/* Its rights are for its owner only, which standard output's are not to be. */
static bool tt_check_record(const char *value)
{
	return strcmp(value, "-") != 0;
}

static bool tt_check_protocol(const char *value)
{
	return tt_proto_find(value) != NULL;
}

static bool tt_check_library(const char *value)
{
	return tt_library_bit(value) != 0;
}

#define TT_A_NAME(name) " " name
#define TT_OR_HOOK_SET(name) " or " name

static bool tt_check_hooks(const char *value)
{
#define TT_HOOK_SET_ENTRY(name) name,
	static const char *const sets[] = {"auto", TT_HOOK_SET_NAMES(TT_HOOK_SET_ENTRY)};
#undef TT_HOOK_SET_ENTRY

	for (size_t i = 0; i < TT_ARRAY_LEN(sets); i++) {
		if (strcmp(value, sets[i]) == 0)
			return true;
	}
	return false;
}

#define AT(member) offsetof(struct tt_config, member)
#define ATTACHING (TT_COMMAND_LIVE | TT_COMMAND_DOCTOR)
#define SCOPED (TT_COMMAND_AGENT | TT_COMMAND_WATCH)
#define SHOWING (TT_COMMAND_LIVE | TT_COMMAND_READ)

const struct tt_option tt_options[] = {
	{.name = "listen",
	 .letter = 'l',
	 .argument = "ADDRESS:PORT",
	 .key = "listen",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(listen),
	 .commands = TT_COMMAND_AGENT | TT_COMMAND_RUN,
	 .check = tt_check_listen,
	 .expected = "an address and port such as 127.0.0.1:9464, or none",
	 .help = "serve metrics, API and page there; the agent's preset is " TT_LISTEN_PRESET ", run's is not to listen"},
	{.name = "no-listen",
	 .kind = TT_OPTION_CLEAR,
	 .offset = AT(listen),
	 .commands = TT_COMMAND_AGENT | TT_COMMAND_RUN,
	 .help = "do not listen"},
	{.name = "listen-allow-host",
	 .argument = "NAME[,NAME]",
	 .key = "listen_allow_hosts",
	 .kind = TT_OPTION_STRINGS,
	 .offset = AT(allow_hosts),
	 .commands = TT_COMMAND_AGENT | TT_COMMAND_RUN,
	 .help = "answer requests whose Host header is this name too, beside localhost and addresses of this host"},
	{.name = "pid",
	 .letter = 'p',
	 .argument = "PID[,PID]",
	 .key = "pids",
	 .kind = TT_OPTION_PIDS,
	 .offset = AT(pids),
	 .commands = SCOPED,
	 .scope = true,
	 .expected = "a process number",
	 .help = "observe only this process and its descendants"},
	{.name = "cgroup",
	 .argument = "PATH",
	 .key = "cgroup",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(cgroup),
	 .commands = SCOPED,
	 .scope = true,
	 .help = "observe only this cgroup (version 2) and those below it; the path is absolute or below the mount point"},
	{.name = "netns",
	 .argument = "NAME|PATH",
	 .key = "netns",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(netns),
	 .commands = SCOPED,
	 .scope = true,
	 .help = "observe only this network namespace: a name of `ip netns`, or a path such as /proc/PID/ns/net"},
	{.name = "include-self",
	 .key = "include_self",
	 .kind = TT_OPTION_FLAG,
	 .offset = AT(include_self),
	 .commands = TT_COMMAND_LIVE,
	 .help = "report telltale's own traffic too"},
	{.name = "protocol",
	 .argument = "NAME[,NAME]",
	 .key = "protocols",
	 .kind = TT_OPTION_STRINGS,
	 .offset = AT(protocols),
	 .commands = SHOWING,
	 .check = tt_check_protocol,
	 .expected = "a protocol telltale knows (telltale help protocols)",
	 .help = "recognise only these protocols; the preset is all. http2 includes grpc, which is spoken within it"},
	{.name = "tools",
	 .argument = "NAME[:OPTION=VALUE][,NAME]",
	 .key = "tools",
	 .kind = TT_OPTION_STRINGS,
	 .offset = AT(tools),
	 .commands = TT_COMMAND_AGENT | TT_COMMAND_RUN,
	 .named = true,
	 .judge = tt_judge_tool,
	 .help = "run these tools inside, too, their figures being among the metrics (docs/metrics.md): io, profile, sched; an "
		 "option of "
		 "a "
		 "tool as in profile:hz=19"},
	{.name = "where",
	 .letter = 'w',
	 .argument = "CONDITION",
	 .kind = TT_OPTION_STRINGS,
	 .whole = true,
	 .offset = AT(where),
	 .commands = TT_COMMAND_READ | TT_COMMAND_WATCH,
	 .judge = tt_judge_where,
	 .remote = true,
	 .help = "show only exchanges for which this holds: a field or attribute of a JSON line, = or != and a value (* and ? "
		 "stand for "
		 "anything), or < <= > >= and a number such as 500, 10ms or 4k; && joins conditions, and all must hold"},
	{.name = "show-values",
	 .key = "show_values",
	 .kind = TT_OPTION_FLAG,
	 .offset = AT(show_values),
	 .commands = SHOWING,
	 .help = "show what is hidden otherwise: query strings, literals of statements, values, credentials"},
	{.name = "json",
	 .letter = 'j',
	 .argument = "FILE",
	 .key = "json",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(json),
	 .output = "--json",
	 .commands = SHOWING,
	 .bare_value = "-",
	 .next = TT_COMMAND_LIVE,
	 .remote = true,
	 .help = "write each exchange as a JSON line (docs/json.md) to standard output, or to this file; watch shows "
		 "nothing else then; agent, run, watch and doctor also take --json FILE"},
	{.name = "json",
	 .letter = 'j',
	 .argument = "FILE",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(json),
	 .output = "--json",
	 .commands = TT_COMMAND_DOCTOR,
	 .bare_value = "-",
	 .next = TT_COMMAND_DOCTOR,
	 .help = "say it as one JSON object (docs/kernel-support.md), with what the verifier had to do for each program, on "
		 "standard "
		 "output or in this file"},
	{.name = "record",
	 .argument = "FILE",
	 .key = "record",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(record),
	 .output = "--record",
	 .check = tt_check_record,
	 .expected = "a file (standard output is /dev/stdout)",
	 .commands = SHOWING,
	 .help = "record everything seen, to be read again with `telltale read`; the file holds raw payload and is readable by "
		 "its owner only"},
	{.name = "metrics",
	 .argument = "FILE",
	 .key = "metrics",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(metrics),
	 .output = "--metrics",
	 .commands = SHOWING,
	 .help = "write the metrics (Prometheus text) to this file at the end, - being standard output (the summary "
		 "goes to standard error then)"},
	{.name = "quiet",
	 .letter = 'q',
	 .key = "quiet",
	 .kind = TT_OPTION_FLAG,
	 .offset = AT(quiet),
	 .commands = TT_COMMAND_RUN,
	 .help = "no summary at the end"},
	{.name = "no-times",
	 .kind = TT_OPTION_FLAG,
	 .offset = AT(no_times),
	 .commands = TT_COMMAND_READ,
	 .help = "leave times and durations out of JSON lines, so that two runs can be compared"},
	{.name = "connect",
	 .argument = "ADDRESS:PORT",
	 .key = "connect",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(connect),
	 .commands = TT_COMMAND_WATCH,
	 .check = tt_check_connect,
	 .expected = "an address and port such as 127.0.0.1:9464",
	 .remote = true,
	 .help = "ask a running agent instead of observing; needs no privilege"},
	{.name = "user",
	 .argument = "NAME",
	 .key = "user",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(user),
	 .commands = TT_COMMAND_RUN,
	 .help = "run the command as this user"},
	{.name = "drop-to",
	 .argument = "NAME",
	 .key = "drop_to",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(drop_to),
	 .commands = TT_COMMAND_LIVE,
	 .help = "the user telltale becomes, if started as root, once everything is attached; the preset is nobody"},
	{.name = "hooks",
	 .argument = "SET",
	 .key = "hooks",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(hooks),
	 .commands = ATTACHING,
	 .check = tt_check_hooks,
	 .expected = "auto" TT_HOOK_SET_NAMES(TT_OR_HOOK_SET),
	 .help = "which hooks to use: auto (the preset)" TT_HOOK_SET_NAMES(
		 TT_OR_HOOK_SET) "; docs/architecture.md says what each "
				 "sees, telltale doctor which work here"},
	{.name = "uprobes",
	 .key = "uprobes",
	 .kind = TT_OPTION_FLAG,
	 .offset = AT(uprobes),
	 .commands = ATTACHING,
	 .help = "put probes into TLS libraries and programs of Go, so that encrypted traffic is shown in plaintext "
		 "(docs/tls.md)"},
	{.name = "no-uprobes",
	 .kind = TT_OPTION_OFF,
	 .offset = AT(uprobes),
	 .commands = ATTACHING,
	 .help = "put no probes into programs, whatever the configuration file says; that is the preset"},
	{.name = "uprobes-without",
	 .argument = "LIBRARY[,LIBRARY]",
	 .key = "uprobes_without",
	 .kind = TT_OPTION_STRINGS,
	 .offset = AT(uprobes_without),
	 .commands = ATTACHING,
	 .check = tt_check_library,
	 .expected = "one of" TT_LIBRARY_NAMES(TT_A_NAME),
	 .help = "with --uprobes, put none into this library:" TT_LIBRARY_NAMES(TT_A_NAME)},
	{.name = "no-return-probes",
	 .key = "no_return_probes",
	 .kind = TT_OPTION_FLAG,
	 .offset = AT(no_return_probes),
	 .commands = ATTACHING,
	 .help = "with --uprobes, use no return probes, as on kernels where those may end a service under seccomp: OpenSSL, "
		 "rustls and programs of Go only"},
	{.name = "limit",
	 .argument = "NAME=VALUE",
	 .key = "limits",
	 .kind = TT_OPTION_LIMITS,
	 .offset = AT(limits),
	 .commands = ATTACHING | TT_COMMAND_READ,
	 .help = "set a limit (telltale help limits); suffixes k, M and G are powers of 1024. read has lower presets of some"},
	{.name = "log-level",
	 .argument = "LEVEL",
	 .key = "log_level",
	 .kind = TT_OPTION_LEVEL,
	 .offset = AT(log_level),
	 .commands = TT_COMMAND_ALL,
	 .expected = "error, warning, info or debug",
	 .remote = true,
	 .help = "what to say on standard error: error, warning (the preset), info or debug"},
	{.name = "config",
	 .letter = 'c',
	 .argument = "FILE",
	 .kind = TT_OPTION_STRING,
	 .offset = AT(config_file),
	 .commands = ATTACHING | TT_COMMAND_READ,
	 .remote = true,
	 .help = "read this configuration file; options win over it. The agent reads it again on SIGHUP"},
};

const size_t tt_options_count = TT_ARRAY_LEN(tt_options);
