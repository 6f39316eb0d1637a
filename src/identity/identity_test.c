// SPDX-License-Identifier: Apache-2.0
#include "identity/identity.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/unit.h"
#include "identity/identity_core.h"

#define ID "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
#define S 1000000000ull
#define NONE {"", 0}
#define TEXT(s) {s, sizeof(s) - 1}

struct bytes {
	const char *data;
	size_t len;
};

static char root[64];
static struct tt_limits limits;
static struct tt_identities *ids;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	return remove(path);
}

static int set_up(void **state)
{
	snprintf(root, sizeof(root), "/tmp/tt_identity_XXXXXX");
	if (!mkdtemp(root))
		return -1;
	char path[128];
	snprintf(path, sizeof(path), "%s/proc", root);
	mkdir(path, 0700);
	tt_limits_init(&limits);
	return tt_identities_new_at(&ids, &limits, root, "box");
}

static int tear_down(void **state)
{
	ids = tt_identities_free(ids);
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *path, struct bytes b)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(b.data, 1, b.len, f), b.len);
	fclose(f);
}

/* A process in the false /proc, started at so many ticks. */
static void put_process(unsigned pid, unsigned ppid, unsigned ticks, const char *comm, struct bytes args, struct bytes env,
			const char *cgroup)
{
	char path[160], stat[256];

	snprintf(path, sizeof(path), "%s/proc/%u", root, pid);
	mkdir(path, 0700);
	int n = snprintf(stat, sizeof(stat), "%u (%s) S %u 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %u 1000 2\n", pid, comm,
			 ppid, ticks);
	snprintf(path, sizeof(path), "%s/proc/%u/stat", root, pid);
	put(path, (struct bytes){stat, (size_t)n});
	snprintf(path, sizeof(path), "%s/proc/%u/cmdline", root, pid);
	put(path, args);
	snprintf(path, sizeof(path), "%s/proc/%u/environ", root, pid);
	put(path, env);
	snprintf(path, sizeof(path), "%s/proc/%u/cgroup", root, pid);
	put(path, (struct bytes){cgroup, strlen(cgroup)});
}

static void remove_process(unsigned pid)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/proc/%u", root, pid);
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void tell(uint16_t type, uint32_t tgid, uint64_t start_ns, uint32_t ppid, const char *comm, struct bytes args,
		 uint64_t time_ns)
{
	struct tt_process_record r = {
		.rec = {.type = type, .version = 1, .len = sizeof(r), .time_ns = time_ns, .tgid = tgid, .start_ns = start_ns},
		.ppid = ppid,
		.args_len = (uint16_t)args.len};

	memcpy(r.comm, comm, strlen(comm));
	memcpy(r.args, args.data, args.len);
	tt_identities_record(ids, &r.rec);
}

static const struct tt_identity *find(uint32_t tgid, uint64_t start_ns)
{
	return tt_identities_find(ids, tgid, start_ns, 0);
}

static void from_proc(void **state)
{
	put_process(100, 1, 500, "nginx", (struct bytes)TEXT("nginx: worker process"), (struct bytes)NONE,
		    "0::/system.slice/nginx.service\n");
	const struct tt_identity *i = find(100, 5 * S + 3); /* within the tick */
	assert_string_equal(i->service, "nginx");
	assert_string_equal(i->comm, "nginx");
	assert_string_equal(i->instance, "box:nginx");
	assert_string_equal(i->container_id, "");
	assert_int_equal(i->tgid, 100);

	/* A number used again is another process. */
	assert_string_equal(find(100, 9 * S)->service, "unknown");
	assert_string_equal(find(101, 0)->service, "unknown");
	/* The start need not be known. */
	assert_string_equal(find(100, 0)->service, "nginx");
	put_process(102, 1, 700, "a) R 1 (b", (struct bytes)TEXT("/bin/x"), (struct bytes)NONE, "0::/\n");
	assert_string_equal(find(102, 0)->service, "x");
	assert_string_equal(find(102, 0)->comm, "a) R 1 (b");
	assert_int_equal(find(102, 0)->start_ns, 7 * S);
}

static void names_that_were_asked_for(void **state)
{
	char path[256];

	put_process(100, 1, 500, "node", (struct bytes)TEXT("node\0server.js"),
		    (struct bytes)TEXT("A=b\0OTEL_SERVICE_NAME=checkout"), "0::/docker/" ID "\n");
	assert_string_equal(find(100, 5 * S)->service, "checkout");
	assert_string_equal(find(100, 5 * S)->container_id, ID);
	assert_string_equal(find(100, 5 * S)->instance, "aaaaaaaaaaaa");

	put_process(200, 1, 500, "java", (struct bytes)TEXT("java\0-jar\0x.jar"),
		    (struct bytes)TEXT("HOSTNAME=web-5d8f7c9b64-x2v4q"), "0::/kubepods/pod1/" ID "\n");
	assert_string_equal(find(200, 5 * S)->service, "web");

	static const char *const parts[] = {"/var", "/var/lib", "/var/lib/docker", "/var/lib/docker/containers",
					    "/var/lib/docker/containers/" ID};
	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s%s", root, parts[i]);
		mkdir(path, 0700);
	}
	snprintf(path, sizeof(path), "%s%s/config.v2.json", root, parts[4]);
	put(path,
	    (struct bytes)TEXT("{\"State\":{},\"RestartPolicy\":{\"Name\":\"always\"},\"Name\":\"/shop-db\",\"Driver\":\"x\"}"));
	put_process(300, 1, 500, "mariadbd", (struct bytes)TEXT("mariadbd"), (struct bytes)TEXT("HOSTNAME=aaaaaaaaaaaa"),
		    "0::/system.slice/docker-" ID ".scope\n");
	assert_string_equal(find(300, 5 * S)->service, "shop-db");
}

static void from_records(void **state)
{
	/* Gone before anybody looked. */
	tell(TT_REC_FORK, 50, 1 * S, 49, "bash", (struct bytes)NONE, 1 * S);
	tell(TT_REC_EXEC, 50, 1 * S, 49, "python3", (struct bytes)TEXT("python3\0job.py\0"), 1 * S + 5);
	tell(TT_REC_FORK, 51, 2 * S, 50, "python3", (struct bytes)NONE, 2 * S);
	tell(TT_REC_EXIT, 50, 1 * S, 49, "python3", (struct bytes)NONE, 3 * S);
	assert_string_equal(find(50, 1 * S)->service, "job");
	assert_string_equal(find(51, 2 * S)->service, "job");
	assert_string_equal(find(51, 2 * S)->comm, "python3");
	assert_int_equal(find(51, 2 * S)->tgid, 51);

	tell(TT_REC_EXEC, 51, 2 * S, 50, "curl", (struct bytes)TEXT("curl\0http://x/\0"), 3 * S);
	assert_string_equal(find(51, 2 * S)->service, "curl");
	assert_string_equal(find(50, 1 * S)->service, "job");

	/* Kept for the grace, then forgotten. */
	tt_identities_advance(ids, 3 * S + limits.value[TT_LIMIT_PROCESS_GRACE] * S);
	assert_string_equal(find(50, 1 * S)->service, "job");
	tt_identities_advance(ids, 4 * S + limits.value[TT_LIMIT_PROCESS_GRACE] * S);
	assert_string_equal(find(50, 1 * S)->service, "unknown");
	assert_string_equal(find(51, 2 * S)->service, "curl");

	/* What comes after that and brings the name of the program along. */
	static const char comm[TT_COMM_LEN] = "cp";
	assert_string_equal(tt_identities_named(ids, 50, 1 * S, comm)->service, "cp");
	assert_int_equal(tt_identities_named(ids, 50, 1 * S, comm)->tgid, 50);
	assert_string_equal(tt_identities_named(ids, 50, 1 * S, NULL)->service, "unknown");
	assert_string_equal(tt_identities_named(ids, 51, 2 * S, comm)->service, "curl");
}

/* Its environment is read with the first word of it: by the time its name is wanted it may be gone. */
static void a_short_life_has_the_name_it_asked_for(void **state)
{
	put_process(70, 1, 500, "curl", (struct bytes)TEXT("curl\0x"), (struct bytes)TEXT("OTEL_SERVICE_NAME=checkout"),
		    "0::/\n");
	tell(TT_REC_EXEC, 70, 5 * S, 1, "curl", (struct bytes)TEXT("curl\0x\0"), 6 * S);
	remove_process(70);
	assert_string_equal(find(70, 5 * S)->service, "checkout");

	/* Where very much is started, not each of them. */
	for (unsigned pid = 1000; pid < 1300; pid++) {
		put_process(pid, 1, 500, "curl", (struct bytes)TEXT("curl\0x"), (struct bytes)TEXT("OTEL_SERVICE_NAME=checkout"),
			    "0::/\n");
		tell(TT_REC_EXEC, pid, 5 * S, 1, "curl", (struct bytes)TEXT("curl\0x\0"), 7 * S);
		if (pid >= 1299)
			assert_string_equal(find(pid, 5 * S)->service, "checkout"); /* it is there still */
		remove_process(pid);
	}
	assert_string_equal(find(1000, 5 * S)->service, "checkout");
	assert_string_equal(find(1298, 5 * S)->service, "curl");
}

static void a_child_of_one_that_was_there_before(void **state)
{
	put_process(100, 1, 500, "sh", (struct bytes)TEXT("/bin/sh\0/srv/worker.sh"), (struct bytes)NONE, "0::/docker/" ID "\n");
	tell(TT_REC_FORK, 110, 9 * S, 100, "sh", (struct bytes)NONE, 9 * S);
	remove_process(100);
	assert_string_equal(find(110, 9 * S)->service, "worker");
	/* What it becomes stays in the container. */
	tell(TT_REC_EXEC, 110, 9 * S, 100, "curl", (struct bytes)TEXT("curl\0x\0"), 10 * S);
	assert_string_equal(find(110, 9 * S)->service, "curl");
	assert_string_equal(find(110, 9 * S)->container_id, ID);
}

static void the_order_of_fork_and_exec_does_not_matter(void **state)
{
	tell(TT_REC_EXEC, 60, 1 * S, 59, "curl", (struct bytes)TEXT("curl\0x\0"), 1 * S + 5);
	tell(TT_REC_FORK, 60, 1 * S, 59, "bash", (struct bytes)NONE, 1 * S);
	assert_string_equal(find(60, 1 * S)->service, "curl");
	/* Neither was seen: at least its end names it. */
	tell(TT_REC_EXIT, 61, 1 * S, 59, "sleep", (struct bytes)NONE, 2 * S);
	assert_string_equal(find(61, 1 * S)->service, "sleep");
}

/* What is known goes through a recording and comes back the same. */
static void a_recording_keeps_names(void **state)
{
	struct tt_identities *replay = NULL;

	put_process(100, 1, 500, "node", (struct bytes)TEXT("node\0server.js"), (struct bytes)NONE, "0::/docker/" ID "\n");
	struct tt_identity before = *find(100, 5 * S);
	struct tt_identity_record r = tt_identity_to_record(&before, 77);
	assert_int_equal(r.rec.time_ns, 77);
	assert_int_equal(tt_identities_new(&replay, &limits, false), 0);
	tt_identities_record(replay, &r.rec);
	const struct tt_identity *after = tt_identities_find(replay, 100, before.start_ns, 0);
	assert_memory_equal(after, &before, sizeof(before));
	tt_identities_free(replay);
}

/* Whatever host this is, what was captured or recorded may come from another. */
static void a_replay_does_not_know_its_host(void **state)
{
	struct tt_identities *replay = NULL;
	struct tt_process_record exec = {.rec = {.type = TT_REC_EXEC, .tgid = 7, .start_ns = 5 * S}, .comm = "nginx"};

	assert_int_equal(tt_identities_new(&replay, &limits, false), 0);
	assert_string_equal(tt_identities_find(replay, 0, 0, 0)->instance, "");
	tt_identities_record(replay, &exec.rec);
	assert_string_equal(tt_identities_find(replay, 7, 5 * S, 0)->service, "nginx");
	assert_string_equal(tt_identities_find(replay, 7, 5 * S, 0)->instance, "");
	tt_identities_free(replay);
}

static void the_table_is_bounded(void **state)
{
	struct tt_identities *small = NULL;
	struct tt_limits few = limits;
	struct tt_identities_stats stats;

	few.value[TT_LIMIT_PROCESSES] = 64;
	assert_int_equal(tt_identities_new_at(&small, &few, root, "box"), 0);
	for (uint32_t i = 1; i <= 200; i++) {
		struct tt_process_record r = {.rec = {.type = TT_REC_FORK, .tgid = i, .start_ns = i * S, .len = sizeof(r)},
					      .ppid = i - 1};
		tt_identities_record(small, &r.rec);
		r.rec.type = TT_REC_EXIT;
		if (i % 2)
			tt_identities_record(small, &r.rec);
	}
	tt_identities_stats(small, &stats);
	assert_int_equal(stats.processes, 64);
	assert_true(stats.evicted >= 136);
	tt_identities_free(small);
}

static void seeds_from_proc(void **state)
{
	struct tt_identities_stats stats;

	put_process(100, 1, 500, "a", (struct bytes)TEXT("/bin/a"), (struct bytes)NONE, "0::/\n");
	put_process(101, 1, 500, "b", (struct bytes)TEXT("/bin/b"), (struct bytes)NONE, "0::/\n");
	tt_identities_seed(ids);
	remove_process(100);
	tt_identities_stats(ids, &stats);
	assert_int_equal(stats.processes, 2);
	assert_string_equal(find(100, 5 * S)->service, "a");
}

/* The real /proc: this process. */
static void this_process(void **state)
{
	struct tt_identities *real = NULL;

	assert_int_equal(tt_identities_new(&real, &limits, true), 0);
	const struct tt_identity *i = tt_identities_find(real, (uint32_t)getpid(), 0, 0);
	assert_string_equal(i->service, "identity_identity_test");
	assert_true(i->start_ns > 0);
	tt_identities_free(real);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

TT_UNIT_TESTS(WITH(from_proc), WITH(names_that_were_asked_for), WITH(from_records), WITH(a_child_of_one_that_was_there_before),
	      WITH(a_short_life_has_the_name_it_asked_for), WITH(the_order_of_fork_and_exec_does_not_matter),
	      WITH(a_recording_keeps_names), WITH(a_replay_does_not_know_its_host), WITH(the_table_is_bounded),
	      WITH(seeds_from_proc), WITH(this_process))
