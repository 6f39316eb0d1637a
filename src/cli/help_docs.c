// SPDX-License-Identifier: Apache-2.0
/* The manual page (man(7)) and the generated pages of docs/. */
#include <stdio.h>

#include "cli/help.h"
#include "proto/proto.h"
#include "tools/man.h"
#include "tools/runner.h"

/* --- man(7)
 * --------------------------------------------------------------------------------------------------------------------- */

static void tt_man_section(struct tt_buf *b, const char *name)
{
	tt_buf_printf(b, ".SH %s\n", name);
}

static void tt_man_item(struct tt_buf *b, const char *name, const char *argument, const char *text)
{
	tt_buf_add_str(b, ".TP\n\\fB");
	tt_roff(b, name);
	tt_buf_add_str(b, "\\fR");
	if (argument) {
		tt_buf_add_str(b, " \\fI");
		tt_roff(b, argument);
		tt_buf_add_str(b, "\\fR");
	}
	tt_buf_add_char(b, '\n');
	tt_roff(b, text);
	tt_buf_add_str(b, ".\n");
}

static void tt_names_of(char *to, size_t size, unsigned commands)
{
	size_t at = 0;

	to[0] = 0;
	for (const struct tt_command_row *c = tt_commands; c->name && at < size; c++) {
		if (commands & c->bit)
			at += (size_t)snprintf(to + at, size - at, "%s%s", at ? ", " : "", c->name);
	}
}

static void tt_man_options(struct tt_buf *b)
{
	char name[64], text[600], commands[128];

	for (size_t i = 0; i < tt_options_count; i++) {
		const struct tt_option *o = &tt_options[i];
		snprintf(name, sizeof(name), "%s%.1s%s--%s%s%s%s", o->letter ? "-" : "", o->letter ? &o->letter : "",
			 o->letter ? ", " : "", o->name, o->bare_value ? "[=" : "", o->bare_value ? o->argument : "",
			 o->bare_value ? "]" : "");
		tt_names_of(commands, sizeof(commands), o->commands);
		snprintf(text, sizeof(text), "%s (%s)", o->help, commands);
		tt_man_item(b, name, o->bare_value ? NULL : o->argument, text);
	}
	tt_man_item(b, "-h, --help", NULL, "show the command's options");
}

/* Sections nothing can be generated for. */
static const struct {
	const char *name;
	const char *term;
	const char *text;
} tt_man_fixed[] = {
	{"EXIT STATUS", "0", "the command did what it was asked to"},
	{NULL, "1", "it could not; one line on standard error says why"},
	{NULL, "2", "it was asked wrongly: an unknown option, a bad value, a bad line of the configuration file"},
	{NULL, "run", "the command's own status, or 128 and the signal that ended it; 126 or 127 where it could not be started"},
	{"SIGNALS", "SIGHUP",
	 "the agent reads its configuration file again; where that has an error it keeps what it had and says so; what can "
	 "change at the next start only is named"},
	{NULL, "SIGINT, SIGTERM",
	 "what is still open is reported, everything is written out, and telltale ends; run, and a tool with a command, pass "
	 "them on to "
	 "the command instead (SIGINT from a terminal reaches it anyhow) and end when it ends. A tool does so at SIGHUP and "
	 "SIGQUIT, too, where they "
	 "were not ignored when it began (nohup)"},
	{"EXAMPLES", "telltale run -- curl http://localhost/", "what does this command ask for?"},
	{NULL, "telltale watch --pid 4242 --protocol postgresql", "the statements of one server, as they come"},
	{NULL, "telltale read --json traffic.pcapng", "the exchanges of a capture as JSON lines"},
	{NULL, "telltale agent --config /etc/telltale/config.yaml", "the daemon"},
};

void tt_help_man(struct tt_buf *b)
{
	tt_buf_add_str(b, ".\\\" SPDX-License-Identifier: Apache-2.0\n"
			  ".\\\" Made by `telltale help --man`; the options' texts are in src/cli/option_table.c.\n"
			  ".TH TELLTALE 1 \"\" \"telltale " TT_VERSION "\" \"User Commands\"\n");
	tt_man_section(b, "NAME");
	tt_buf_add_str(b, "telltale \\- show what every program on a Linux host is doing, without touching the programs\n");
	tt_man_section(b, "SYNOPSIS");
	for (const struct tt_command_row *c = tt_commands; c->name; c++) {
		tt_buf_printf(b, "%s.B telltale %s\n[\\fIOPTION\\fR]...", c == tt_commands ? "" : ".br\n", c->name);
		if (c->arguments) {
			tt_buf_add_char(b, ' ');
			tt_roff(b, c->arguments);
		}
		tt_buf_add_char(b, '\n');
	}
	tt_man_section(b, "DESCRIPTION");
	tt_buf_add_str(b, "telltale shows which requests programs serve and make, how long they take, which fail, and who calls "
			  "whom. It only "
			  "observes: programs are neither changed nor restarted.\n");
	tt_man_section(b, "COMMANDS");
	for (const struct tt_command_row *c = tt_commands; c->name; c++)
		tt_man_item(b, c->name, c->arguments, c->summary);
	tt_man_section(b, "TOOLS");
	tt_buf_add_str(b,
		       "Each has options of its own: \\fBtelltale help\\fR \\fITOOL\\fR, \\fBtelltale\\-\\fR\\fITOOL\\fR(1).\n");
	for (size_t i = 0; i < tt_tool_count; i++)
		tt_man_item(b, tt_tools[i].name, NULL, tt_tools[i].summary);
	tt_man_section(b, "OPTIONS");
	tt_buf_add_str(b, "In parentheses stand the commands that take the option.\n");
	tt_man_options(b);
	tt_man_section(b, "CONFIGURATION");
	tt_buf_add_str(
		b,
		"The file given by \\-\\-config is YAML: lines of KEY: VALUE. Keys are options with _ for \\-; those that may be "
		"given more "
		"than once have a plural name and take a list. Limits stand below \\fBlimits:\\fR. See docs/configuration.md and "
		"docs/limits.md.\n");
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_man_fixed); i++) {
		if (tt_man_fixed[i].name)
			tt_man_section(b, tt_man_fixed[i].name);
		tt_man_item(b, tt_man_fixed[i].term, NULL, tt_man_fixed[i].text);
	}
	tt_man_section(b, "SEE ALSO");
	tt_buf_add_str(b, ".BR strace (1),\n.BR tcpdump (8),\n.BR bpf (2)\n");
}

/* --- docs/
 * ------------------------------------------------------------------------------------------------------------------------ */

/* In a table a | would end the cell. */
static void tt_cell(struct tt_buf *b, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			tt_buf_add_char(b, '\\');
		tt_buf_add_char(b, *text);
	}
}

void tt_help_limits_markdown(struct tt_buf *b)
{
	tt_buf_add_str(b, "# Limits\n\n"
			  "<!-- Made by `telltale help limits --markdown` from src/shared/limits.tbl.h. -->\n\n"
			  "Every buffer and table of telltale has one of these. Set with `--limit NAME=VALUE`, or below "
			  "`limits:` in the configuration "
			  "file; suffixes `k`, `M` and `G`\nare powers of 1024. What a limit turns away is counted in telltale's "
			  "own metrics.\n`telltale read` of a capture has lower presets of some, so that a file of any size "
			  "takes less than 64 MB.\n\n"
			  "| Name | Preset | Of a capture | Least | Most | Unit | What it bounds |\n"
			  "| --- | ---: | ---: | ---: | ---: | --- | --- |\n");
	for (size_t i = 0; i < TT_LIMIT_MAX; i++) {
		const struct tt_limit_row *l = &tt_limit_rows[i];
		uint64_t capture = tt_limit_capture_preset((enum tt_limit)i);
		tt_buf_printf(b, "| `%s` | %llu | ", l->name, (unsigned long long)l->preset);
		if (capture != l->preset)
			tt_buf_printf(b, "%llu", (unsigned long long)capture);
		tt_buf_printf(b, " | %llu | %llu | %s | ", (unsigned long long)l->least, (unsigned long long)l->most, l->unit);
		tt_cell(b, l->help);
		tt_buf_add_str(b, " |\n");
	}
}

/* What may stand behind a key. */
static const char *tt_key_value(const struct tt_option *o)
{
	switch (o->kind) {
	case TT_OPTION_FLAG:
		return "true or false";
	case TT_OPTION_STRINGS:
	case TT_OPTION_PIDS:
		return "list";
	case TT_OPTION_LIMITS:
		return "names and values";
	default:
		return "text";
	}
}

/* An option may mean another thing to another command: its key is listed once. */
static bool tt_option_has_key(const struct tt_option *o)
{
	for (size_t i = 0; i < tt_options_count; i++) {
		if (tt_options[i].key && strcmp(tt_options[i].name, o->name) == 0)
			return true;
	}
	return false;
}

void tt_help_configuration_markdown(struct tt_buf *b)
{
	char commands[128];

	tt_buf_add_str(
		b,
		"# Configuration\n\n"
		"<!-- Made by `telltale help configuration --markdown` from src/cli/option_table.c. -->\n\n"
		"`--config FILE` names one YAML file. Every key is also an option, and an option wins over the file: a "
		"list given by option "
		"replaces the file's,\nany of `--pid`, `--cgroup`, `--netns` replaces the file's scope. A file may be "
		"shared by commands: keys a "
		"command has no use for are checked and not used.\nAn error names file, line and key, and telltale "
		"does not start. On SIGHUP the "
		"agent reads the file again; after an error it keeps what it had. The log level and limits that are "
		"times change at once, "
		"the rest is named\nin a warning and changes at the next start.\n\n"
		"```yaml\nlisten: 127.0.0.1:9464\nprotocols: [http, redis]\ncgroup: /system.slice/shop.service\njson: "
		"/var/log/telltale.json\n"
		"tools:\n  io: {disk: sda}\n  sched:\n  profile: {hz: 19}\nlimits:\n  series: 50000\n  ring_bytes: 16M\n```\n\n"
		"| Key | Value | Option | Commands | What it does |\n| --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < tt_options_count; i++) {
		const struct tt_option *o = &tt_options[i];
		if (!o->key)
			continue;
		tt_names_of(commands, sizeof(commands), o->commands);
		tt_buf_printf(b, "| `%s` | %s | `--%s%s", o->key, tt_key_value(o), o->name,
			      o->bare_value ? "[="
			      : o->argument ? " "
					    : "");
		tt_cell(b, o->argument ? o->argument : "");
		tt_buf_add_str(b, o->bare_value ? "]" : "");
		tt_buf_printf(b, "` | %s | ", commands);
		tt_cell(b, o->help);
		tt_buf_add_str(b, " |\n");
	}
	tt_buf_add_str(b, "\nOptions without a key: ");
	bool first = true;
	for (size_t i = 0; i < tt_options_count; i++) {
		if (tt_option_has_key(&tt_options[i]))
			continue;
		tt_buf_printf(b, "%s`--%s`", first ? "" : ", ", tt_options[i].name);
		first = false;
	}
	tt_buf_add_str(b, ". `listen: none` is `--no-listen`.\nA lone `-` begins a list in YAML: standard "
			  "output is written `json: \"-\"` and `metrics: \"-\"`.\n");
}

static const char *tt_pairing_text(const struct tt_proto *p)
{
	static const char *const texts[] = {
		[TT_PAIR_IN_ORDER] = "in order", [TT_PAIR_BY_ID] = "by id", [TT_PAIR_ONE_WAY] = "requests are never answered"};
	return texts[p->pairing];
}

static void tt_protocol_section(struct tt_buf *b, const struct tt_proto *p)
{
	const struct tt_proto_doc *d = p->doc;
	const struct {
		const char *name;
		const char *text;
	} rows[] = {
		{"Specification", d->specification},
		{"Recognised by", d->recognised},
		{"Operation", d->operation},
		{"Resource", d->resource},
		{"Status", d->status},
		{"Pairing", tt_pairing_text(p)},
		{"Runs over", p->stream && p->datagram ? "streams and datagrams"
			      : p->stream	       ? "streams"
						       : "datagrams"},
		{"Limits", d->limits},
		{"Verified with", d->verified},
	};

	tt_buf_printf(b, "\n## %s\n%s.\n\n| | |\n| --- | --- |\n", p->name, d->title);
	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		tt_buf_printf(b, "| %s | ", rows[i].name);
		tt_cell(b, rows[i].text);
		tt_buf_add_str(b, " |\n");
	}
}

void tt_help_protocols_markdown(struct tt_buf *b)
{
	tt_buf_add_str(
		b, "# Protocols\n\n"
		   "<!-- Made by `telltale help protocols --markdown` from the protocols' own descriptions in src/proto/. -->\n\n"
		   "Recognised by their bytes, on any port. What each field of an exchange holds, with all attributes, stands in "
		   "[json.md](json.md#what-is-a-request-by-protocol).\n\n");
	for (size_t i = 0; i < tt_protos_count; i++)
		tt_buf_printf(b, "%s[%s](#%s)", i ? ", " : "", tt_protos[i]->name, tt_protos[i]->name);
	tt_buf_add_str(b, "\n");
	for (size_t i = 0; i < tt_protos_count; i++)
		tt_protocol_section(b, tt_protos[i]);
}
