// SPDX-License-Identifier: Apache-2.0
/* telltale ping: where an echo's time goes. */
#include "tools/ping/ping.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/own.h"
#include "tools/ping/state.h"

#define MILLISECOND 1000000ull
#define HOUR (3600000 * MILLISECOND)

static const struct tt_table *const tables[TT_PING_TABLE_MAX] = {
	[TT_PING_TABLE_ECHO] = &tt_ping_echo_table,   [TT_PING_TABLE_PATH] = &tt_ping_path_table,
	[TT_PING_TABLE_LOST] = &tt_ping_lost_table,   [TT_PING_TABLE_STAGE] = &tt_ping_stage_table,
	[TT_PING_TABLE_TOTAL] = &tt_ping_total_table, [TT_PING_TABLE_SERVED] = &tt_ping_served_table,
};

static const struct tt_option_row options[] = {
	{"host", 0, "HOST", TT_ROW_TEXT, offsetof(struct tt_ping_settings, host), 0, 0,
	 "name or address to be asked; also as first word"},
	{"serve", 's', NULL, TT_ROW_FLAG, offsetof(struct tt_ping_settings, config.serve), 0, 0,
	 "instead of asking, report to those who ask what this kernel stamped (no HOST)"},
	{"every", 'e', "MS", TT_ROW_MILLISECONDS, offsetof(struct tt_ping_settings, every_ns), MILLISECOND, HOUR,
	 "an echo each so many milliseconds (1000)"},
	{"echoes", 0, "N", TT_ROW_COUNT, offsetof(struct tt_ping_settings, echoes), 1, UINT32_MAX / 2,
	 "end when N were sent and came back or were lost"},
	{"timeout", 't', "MS", TT_ROW_MILLISECONDS, offsetof(struct tt_ping_settings, timeout_ns), MILLISECOND, HOUR,
	 "an echo that has not come back after so many milliseconds is lost (1000)"},
	{"size", 0, "BYTES", TT_ROW_COUNT, offsetof(struct tt_ping_settings, size), TT_PING_SIZE_LEAST, TT_PING_SIZE_MOST,
	 "payload of an echo (256); a report is no larger, and has room in 112 bytes for most hosts"},
	{"ipv4", '4', NULL, TT_ROW_FLAG, offsetof(struct tt_ping_settings, ipv4), 0, 0, "use IPv4 only"},
	{"ipv6", '6', NULL, TT_ROW_FLAG, offsetof(struct tt_ping_settings, ipv6), 0, 0, "use IPv6 only"},
	{"pingpong", 0, NULL, TT_ROW_FLAG, offsetof(struct tt_ping_settings, pingpong), 0, 0, "ask for no report"},
	{"namespace", 0, NULL, TT_ROW_FLAG, offsetof(struct tt_ping_settings, own_netns), 0, 0,
	 "stamp only in this network namespace, not in others of this kernel the echo comes through"},
	{"path", 0, NULL, TT_ROW_FLAG, offsetof(struct tt_ping_settings, each), 0, 0, "show the stages of each echo, too"},
	{"svg", 0, "FILE", TT_ROW_OUTPUT, offsetof(struct tt_ping_settings, svg), 0, 0,
	 "at the end, write an image of the path to this file"},
	{"rate", 0, "N", TT_ROW_COUNT, offsetof(struct tt_ping_settings, rate), 1, 100000,
	 "with --serve: send at most N reports a second (1000)"},
};

static const char *const words[] = {"host", "interval", "count", NULL};

#define NOTHING "nothing is seen"
#define LESS "the stages it begins or ends are part of others"

enum {
	HOOK_RECEIVE,
	HOOK_XMIT,
	HOOK_START,
	HOOK_QUEUE,
	HOOK_SOFTIRQ_END,
	HOOK_SOFTIRQ,
	HOOK_RAISE,
	HOOK_SWITCH,
	HOOK_WAKEUP,
	HOOK_WAKING,
};

static const struct tt_hook_row hooks[] = {
	[HOOK_RECEIVE] = {"tt_ping_receive", "netif_receive_skb", TT_FEATURE_BTF, TT_HOOK_REQUIRED, NOTHING},
	[HOOK_XMIT] = {"tt_ping_xmit", "net_dev_xmit", TT_FEATURE_BTF, TT_HOOK_REQUIRED, LESS},
	[HOOK_START] = {"tt_ping_start", "net_dev_start_xmit", TT_FEATURE_BTF, TT_HOOK_REQUIRED, LESS},
	[HOOK_QUEUE] = {"tt_ping_queue", "net_dev_queue", TT_FEATURE_BTF, TT_HOOK_REQUIRED, NOTHING},
	[HOOK_SOFTIRQ_END] = {"tt_ping_softirq_end", "softirq_exit", TT_FEATURE_BTF, TT_HOOK_REQUIRED, LESS},
	[HOOK_SOFTIRQ] = {"tt_ping_softirq", "softirq_entry", TT_FEATURE_BTF, TT_HOOK_REQUIRED, LESS},
	[HOOK_RAISE] = {"tt_ping_raise", "softirq_raise", TT_FEATURE_BTF, TT_HOOK_REQUIRED, LESS},
	[HOOK_SWITCH] = {"tt_ping_switch", "sched_switch", TT_FEATURE_BTF, TT_HOOK_REQUIRED, LESS},
	[HOOK_WAKEUP] = {"tt_ping_wakeup", "sched_wakeup", TT_FEATURE_BTF, TT_HOOK_REQUIRED, LESS},
	[HOOK_WAKING] = {"tt_ping_waking", "sched_waking", TT_FEATURE_BTF, TT_HOOK_REQUIRED, LESS},
};

static const struct tt_map_row maps[] = {
	{"tt_ping_cpus", TT_MAP_PER_CPU},
};

/* Points only; they all go through the control ring. */
static const struct tt_tool_preset presets[] = {
	{TT_LIMIT_RING_BYTES, 64u << 10},
	{TT_LIMIT_CONTROL_RING_BYTES, 1u << 20},
};

/* --- before load --- */

static int resolve(struct tt_ping_settings *s, struct tt_tool_error *e)
{
	const struct addrinfo hints = {.ai_family = s->ipv4 ? AF_INET : s->ipv6 ? AF_INET6 : AF_UNSPEC, .ai_socktype = SOCK_RAW};
	struct addrinfo *found = NULL;
	int r = getaddrinfo(s->host, NULL, &hints, &found);

	if (r)
		return tt_tool_fail(e, "%.100s: %s", s->host, gai_strerror(r));
	memcpy(&s->address, found->ai_addr, found->ai_addrlen);
	s->address_len = found->ai_addrlen;
	s->config.family = found->ai_family == AF_INET ? 4 : 6;
	freeaddrinfo(found);
	return 0;
}

static int check_together(const struct tt_ping_settings *s, struct tt_tool_error *e)
{
	if (!s->host == !s->config.serve)
		return tt_tool_fail(e, s->host ? "--serve asks nobody: no HOST" : "which HOST is to be asked? (or --serve)");
	if (s->ipv4 && s->ipv6)
		return tt_tool_fail(e, "--ipv4 and --ipv6 exclude each other");
	if (s->config.serve && (s->svg || s->each || s->echoes || s->pingpong || s->size || s->every_ns || s->timeout_ns))
		return tt_tool_fail(e, "%s is not for --serve",
				    s->svg	  ? "--svg"
				    : s->each	  ? "--path"
				    : s->echoes	  ? "--echoes"
				    : s->pingpong ? "--pingpong"
				    : s->size	  ? "--size"
				    : s->every_ns ? "--every"
						  : "--timeout");
	if (!s->config.serve && s->rate)
		return tt_tool_fail(e, "--rate is for --serve");
	return 0;
}

static int ping_prepare(void *settings, struct tt_tool_error *e)
{
	struct tt_ping_settings *s = settings;
	struct stat own;

	int r = check_together(s, e);
	if (r < 0)
		return r;
	s->every_ns = s->every_ns ? s->every_ns : 1000 * MILLISECOND;
	s->timeout_ns = s->timeout_ns ? s->timeout_ns : 1000 * MILLISECOND;
	s->size = s->size ? s->size : TT_PING_SIZE;
	s->rate = s->rate ? s->rate : 1000;
	if (stat("/proc/self/ns/net", &own) < 0)
		return tt_tool_fail(e, "/proc/self/ns/net: %s", strerror(errno));
	s->netns = (uint32_t)own.st_ino;
	s->config.netns = s->own_netns || s->config.serve ? s->netns : 0;
	if (s->config.serve) {
		s->config.family = s->ipv4 ? 4 : s->ipv6 ? 6 : 0;
		return 0;
	}
	/* Nobody who does not see the packets can guess them. */
	if (getrandom(&s->config.session, sizeof(s->config.session), 0) != sizeof(s->config.session) ||
	    getrandom(&s->config.id, sizeof(s->config.id), 0) != sizeof(s->config.id))
		return tt_tool_fail(e, "no random numbers: %s", strerror(errno));
	return resolve(s, e);
}

static int ping_check(const struct tt_tool_options *o, const void *settings, struct tt_tool_error *e)
{
	if (!o->pid_count && !o->cgroup && !o->container && !o->comm && !o->command)
		return 0;
	return tt_tool_fail(e, "%s not for ping: only its own packets are observed",
			    o->command ? "a command is" : "--pid, --comm, --cgroup and --container are");
}

static bool serves(const struct tt_tool_run *run)
{
	return ((const struct tt_ping_settings *)run->settings)->config.serve;
}

/* Serving, nobody is woken for a reply. */
static uint64_t ping_unwanted(const void *settings)
{
	return ((const struct tt_ping_settings *)settings)->config.serve
		       ? 1u << HOOK_SWITCH | 1u << HOOK_WAKEUP | 1u << HOOK_WAKING
		       : 0;
}

static bool ping_at_once(const void *settings)
{
	return true;
}

/* --- the tool --- */

static int ping_begin(struct tt_tool_run *run)
{
	return serves(run) ? tt_ping_serve_begin(run) : tt_ping_client_begin(run);
}

static int ping_turn(struct tt_tool_run *run)
{
	return serves(run) ? tt_ping_serve_turn(run) : tt_ping_client_turn(run);
}

static int ping_record(struct tt_tool_run *run, const struct tt_record *rec)
{
	const struct tt_ping_point *p = (const struct tt_ping_point *)rec;

	if (rec->type != (uint16_t)TT_PING_POINT || rec->len < sizeof(*p))
		return 0;
	return serves(run) ? tt_ping_serve_record(run, p) : tt_ping_client_record(run, p);
}

static int ping_interval(struct tt_tool_run *run)
{
	return serves(run) ? tt_ping_serve_interval(run) : tt_ping_client_interval(run);
}

static int ping_end(struct tt_tool_run *run)
{
	return serves(run) ? tt_ping_serve_end(run) : tt_ping_client_end(run);
}

static void ping_free(struct tt_tool_run *run)
{
	if (!run->state)
		return;
	if (serves(run))
		tt_ping_serve_free(run);
	else
		tt_ping_client_free(run);
}

const struct tt_tool tt_tool_ping = {
	.tables = tables,
	.table_count = TT_ARRAY_LEN(tables),
	.options = options,
	.option_count = TT_ARRAY_LEN(options),
	.words = words,
	.words_help = "HOST|--serve [INTERVAL [COUNT]]",
	.settings_size = sizeof(struct tt_ping_settings),
	.config_size = sizeof(struct tt_ping_config),
	.prepare = ping_prepare,
	.check = ping_check,
	.at_once = ping_at_once,
	.unwanted = ping_unwanted,
	.presets = presets,
	.preset_count = TT_ARRAY_LEN(presets),
	.hooks = hooks,
	.hook_count = TT_ARRAY_LEN(hooks),
	.maps = maps,
	.map_count = TT_ARRAY_LEN(maps),
	.notes = {[TT_PING_NOTE_FOREIGN] = "packets ignored that are not of this ping",
		  [TT_PING_NOTE_VERSION] = "packets ignored of another version of the format",
		  [TT_PING_NOTE_REPORT] = "reports that came too late, could not be, or had no room in the size of the echo",
		  [TT_PING_NOTE_STAGES] = "stages of echoes in no row, for want of room",
		  [TT_PING_NOTE_MARKS] = "points of echoes not kept, for want of room",
		  [TT_PING_NOTE_UNSENT] = "echoes that could not be sent, or had no room (limit tool_echoes)",
		  [TT_PING_NOTE_LIMITED] = "reports not sent, because of --rate",
		  [TT_PING_NOTE_UNANSWERED] = "echoes that came by or in, and that this kernel did not answer"},
	.begin = ping_begin,
	.turn = ping_turn,
	.record = ping_record,
	.interval = ping_interval,
	.end = ping_end,
	.free = ping_free,
};
