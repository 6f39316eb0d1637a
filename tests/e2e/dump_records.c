// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what the live source delivers, one line a record, so that tests can check it alone.
 *
 *   dump_records [--pid PID]… [--cgroup PATH] [--netns NAME] [--all] [--own] [--hooks SET] [--limit NAME=VALUE]… [--wish BYTES
 * [--wish-skip BYTES]] [--pause MS]
 *                [--seconds N] [--out FILE]
 *                [--verbose] [--quiet] [--bpf-stats] [-- CMD ARG…]
 *
 * With CMD only that command and its descendants are observed; it ends with the command. Otherwise it ends after --seconds or
 * when standard input ends. The last line, "stats …", is written after all rings were emptied.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "source/live.h"

struct options {
	struct tt_limits limits;
	struct tt_scope scope;
	const char *hooks; /* NULL: the best */
	uint32_t pids[64];
	long wish;	    /* -1: none; else bytes a call for every connection seen */
	uint64_t wish_skip; /* bytes behind the chunk seen from which the wish holds */
	long pause_ms;	    /* sleep so long between polls */
	double seconds;
	bool quiet;
	const char *out; /* NULL: standard output */
	char **command;
};

struct dump {
	struct tt_source *source;
	bool quiet;
	long wish;
	uint64_t wish_skip;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_address(const char *name, const struct tt_sockaddr *a)
{
	char text[INET6_ADDRSTRLEN] = "-";

	if (a->family == TT_FAMILY_INET || a->family == TT_FAMILY_INET6) {
		inet_ntop(a->family == TT_FAMILY_INET ? AF_INET : AF_INET6, a->addr, text, sizeof(text));
		printf(" %s=%s|%u", name, text, a->port);
	} else if (a->family == TT_FAMILY_UNIX) {
		printf(" %s=unix:%u:", name, a->scope);
		for (size_t i = 0; i < sizeof(a->addr) && (a->addr[i] || i == 0); i++)
			putchar(a->addr[i] ? (isgraph(a->addr[i]) ? a->addr[i] : '?') : '@');
	} else {
		printf(" %s=-", name);
	}
}

static void print_bytes(const char *name, const uint8_t *data, size_t len)
{
	printf(" %s=", name);
	for (size_t i = 0; i < len; i++)
		printf("%02x", data[i]);
}

static void print_chunk(const struct tt_chunk *c)
{
	static const char *const transports[] = {"?", "tcp", "udp", "unix", "unixdgram"};

	printf("chunk conn=%llx/%llu dir=%s transport=%s role=%u offset=%llu len=%u captured=%u seq=%u entry=%llu error=%d "
	       "flags=%x "
	       "netns=%u",
	       c->conn.sock, c->conn.ino, c->direction == TT_TX ? "tx" : "rx", transports[c->transport], c->role, c->offset,
	       c->length, c->captured, c->tcp_seq, c->entry_ns, c->error, c->flags, c->netns);
	print_address("local", &c->local);
	print_address("peer", &c->peer);
	print_bytes("data", (const uint8_t *)c + c->data_off, c->captured);
}

static void print_conn(const char *name, const struct tt_conn_record *c)
{
	printf("%s conn=%llx/%llu transport=%u role=%u flags=%x error=%d rtt_us=%u retransmits=%u connect_ns=%llu tx_offset=%llu "
	       "rx_offset=%llu tx_bytes=%llu rx_bytes=%llu netns=%u",
	       name, c->conn.sock, c->conn.ino, c->transport, c->role, c->flags, c->error, c->rtt_us, c->retransmits,
	       c->connect_ns, c->tx_offset, c->rx_offset, c->tx_bytes, c->rx_bytes, c->netns);
	print_address("local", &c->local);
	print_address("peer", &c->peer);
}

static void print_process(const char *name, const struct tt_process_record *p)
{
	printf("%s ppid=%u uid=%u exit_code=%d comm=%.16s file=%s", name, p->ppid, p->uid, p->exit_code, p->comm, p->file);
	print_bytes("args", (const uint8_t *)p->args, p->args_len);
}

static int print_record(void *ctx, const struct tt_record *rec)
{
	struct dump *d = ctx;

	if (d->quiet)
		return 0;
	switch (rec->type) {
	case TT_REC_CHUNK: {
		const struct tt_chunk *c = (const struct tt_chunk *)rec;
		print_chunk(c);
		if (d->wish >= 0)
			d->source->ops->wish(d->source, &c->conn, c->direction, c->offset + c->length + d->wish_skip,
					     (uint32_t)d->wish);
		break;
	}
	case TT_REC_OPEN:
		print_conn("open", (const struct tt_conn_record *)rec);
		break;
	case TT_REC_CLOSE:
		print_conn("close", (const struct tt_conn_record *)rec);
		break;
	case TT_REC_L4:
		print_conn("l4", (const struct tt_conn_record *)rec);
		break;
	case TT_REC_FORK:
		print_process("fork", (const struct tt_process_record *)rec);
		break;
	case TT_REC_EXEC:
		print_process("exec", (const struct tt_process_record *)rec);
		break;
	case TT_REC_EXIT:
		print_process("exit", (const struct tt_process_record *)rec);
		break;
	default:
		printf("unknown type=%u", rec->type);
	}
	printf(" time=%llu tgid=%u tid=%u start=%llu cgroup=%llu\n", rec->time_ns, rec->tgid, rec->tid, rec->start_ns,
	       rec->cgroup_id);
	return 0;
}

static void print_stats(struct tt_source *s)
{
	static const char *const causes[TT_LOSS_MAX] = {
#define CAUSE(id, name, meaning) name,
		TT_LOSS_CAUSES(CAUSE)
#undef CAUSE
	};
	struct tt_source_stats st;
	struct tt_kernel_stats kernel;

	s->ops->stats(s, &st);
	tt_live_kernel_stats(s, &kernel);
	printf("stats produced=%lu delivered=%lu queued=%lu produced_bytes=%lu delivered_bytes=%lu", st.produced, st.delivered,
	       st.queued, st.produced_bytes, st.delivered_bytes);
	for (int i = 0; i < TT_LOSS_MAX; i++)
		printf(" lost_%s=%lu lost_bytes_%s=%lu", causes[i], st.lost[i], causes[i], st.lost_bytes[i]);
	for (int i = 0; i < TT_PLACE_MAX; i++)
		printf(" failed_%s=%lu", tt_place_names[i], kernel.failed[i]);
	putchar('\n');

	struct tt_program_stats programs[24];
	size_t n = tt_live_program_stats(s, programs, TT_ARRAY_LEN(programs));
	for (size_t i = 0; i < n; i++)
		printf("program name=%s runs=%lu ns=%lu missed=%lu verified=%lu\n", programs[i].name, programs[i].runs,
		       programs[i].ns, programs[i].missed, programs[i].verified);
}

/* Started stopped by a pipe, so that it is in scope before its first call. */
static pid_t start_command(char **command, int *ret_go)
{
	int go[2];

	if (pipe(go) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		char c;

		close(go[1]);
		if (read(go[0], &c, 1) < 0)
			_exit(126);
		close(go[0]);
		execvp(command[0], command);
		_exit(127);
	}
	close(go[0]);
	*ret_go = go[1];
	return pid;
}

static int drain(struct tt_source *s, struct dump *d)
{
	int r;

	while ((r = tt_source_poll(s, 0, print_record, d)) > 0)
		;
	fflush(stdout);
	return r;
}

static int run(struct tt_source *s, const struct options *o, pid_t child)
{
	struct dump d = {.source = s, .wish = o->wish, .wish_skip = o->wish_skip, .quiet = o->quiet};
	double end = o->seconds > 0 ? now() + o->seconds : 0;
	int status = 0;
	long wait_ms = o->pause_ms > 0 ? o->pause_ms : 10;

	for (bool ended = false; !ended;) {
		struct pollfd in = {.fd = child > 0 ? -1 : 0, .events = POLLIN};

		if (poll(&in, 1, (int)wait_ms) > 0) {
			char c[64];
			ended = read(0, c, sizeof(c)) <= 0;
		}
		if (child > 0 && waitpid(child, &status, WNOHANG) == child)
			ended = true;
		if (end > 0 && now() > end)
			ended = true;
		int r = ended ? 0 : drain(s, &d);
		if (r < 0)
			return r;
	}
	if (child > 0)
		usleep(50000); /* connections it left are ended by the network stack in its own time */
	tt_live_stop(s);
	usleep(5000);
	drain(s, &d);
	print_stats(s);
	return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

static void print_log(const char *text)
{
	fputs(text, stderr);
}

static int options_parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (strcmp(a, "--") == 0) {
			o->command = argv + i + 1;
			o->scope.mode = TT_SCOPE_PIDS;
			return 0;
		}
		if (strcmp(a, "--all") == 0) {
			o->scope.mode = TT_SCOPE_ALL;
			continue;
		}
		if (strcmp(a, "--verbose") == 0) {
			tt_kernel_log(print_log);
			continue;
		}
		if (strcmp(a, "--quiet") == 0) {
			o->quiet = true;
			continue;
		}
		if (strcmp(a, "--bpf-stats") == 0) {
			bpf_enable_stats(BPF_STATS_RUN_TIME);
			continue;
		}
		if (strcmp(a, "--own") == 0) {
			o->scope.report_own = true;
			continue;
		}
		if (i + 1 == argc)
			return -EINVAL;
		const char *v = argv[++i];
		if (strcmp(a, "--pid") == 0 && o->scope.pid_count < TT_ARRAY_LEN(o->pids)) {
			o->scope.mode = TT_SCOPE_PIDS;
			o->pids[o->scope.pid_count++] = (uint32_t)atoi(v);
		} else if (strcmp(a, "--cgroup") == 0) {
			o->scope.mode = TT_SCOPE_CGROUP;
			o->scope.cgroup = v;
		} else if (strcmp(a, "--netns") == 0) {
			o->scope.mode = TT_SCOPE_NETNS;
			o->scope.netns = v;
		} else if (strcmp(a, "--limit") == 0 && strchr(v, '=')) {
			int r = tt_limits_set(&o->limits, v, strcspn(v, "="), strchr(v, '=') + 1);
			if (r < 0)
				return r;
		} else if (strcmp(a, "--hooks") == 0) {
			o->hooks = v;
		} else if (strcmp(a, "--wish") == 0) {
			o->wish = atol(v);
		} else if (strcmp(a, "--out") == 0) {
			o->out = v;
		} else if (strcmp(a, "--wish-skip") == 0) {
			o->wish_skip = (uint64_t)atol(v);
		} else if (strcmp(a, "--pause") == 0) {
			o->pause_ms = atol(v);
		} else if (strcmp(a, "--seconds") == 0) {
			o->seconds = atof(v);
		} else {
			return -EINVAL;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.wish = -1, .scope.mode = TT_SCOPE_PIDS};
	struct tt_source *s = NULL;
	struct tt_kernel_report report;
	int go = -1;
	pid_t child = -1;

	tt_limits_init(&o.limits);
	o.scope.pids = o.pids;
	int r = options_parse(&o, argc, argv);
	if (r < 0) {
		fprintf(stderr, "dump_records: %s\n", strerror(-r));
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (o.command) {
		child = start_command(o.command, &go);
		o.pids[0] = (uint32_t)child;
		o.scope.pid_count = 1;
	}
	if (o.out && !freopen(o.out, "w", stdout)) {
		perror(o.out);
		return 2;
	}
	r = tt_live_new(&s, o.hooks, &o.limits, &o.scope, &report);
	if (r < 0) {
		fprintf(stderr, "dump_records: %s\n", report.error);
		for (size_t i = 0; i < report.set_count; i++)
			fprintf(stderr, "dump_records: %s: %s\n", report.sets[i].set ? report.sets[i].set->name : "?",
				report.sets[i].reason);
		if (child > 0)
			kill(child, SIGKILL);
		return 2;
	}
	fprintf(stderr, "dump_records: ready\n");
	if (go >= 0)
		close(go);
	r = run(s, &o, child);
	tt_source_free(s);
	return r;
}
