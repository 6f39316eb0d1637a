// SPDX-License-Identifier: Apache-2.0
#include "agent/kin.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/unit.h"

#define S UINT64_C(1000000000)

static void give(struct tt_kin *f, enum tt_record_type type, uint32_t tgid)
{
	const struct tt_record rec = {.type = type, .len = sizeof(rec), .tgid = tgid};
	tt_kin_record(f, &rec);
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void follows_what_comes_and_goes(void **state)
{
	struct tt_kin *f = NULL;
	uint32_t root = 4000000, list[4];

	assert_int_equal(tt_kin_new(&f, &root, 1), 0);
	assert_int_equal(tt_kin_count(f), 1);
	give(f, TT_REC_FORK, 4000007);
	give(f, TT_REC_EXEC, 4000007);
	give(f, TT_REC_FORK, 77);
	give(f, TT_REC_CHUNK, 78);
	give(f, TT_REC_EXEC, UINT32_MAX); /* no kernel has such a number */
	assert_int_equal(tt_kin_count(f), 3);
	assert_int_equal(tt_kin_list(f, list, 4), 3);
	assert_int_equal(list[0], 77);
	assert_int_equal(list[2], 4000007);
	assert_int_equal(tt_kin_list(f, list, 2), 2);

	give(f, TT_REC_EXIT, root);
	give(f, TT_REC_EXIT, root);
	assert_int_equal(tt_kin_roots(f), 0);
	assert_int_equal(tt_kin_count(f), 2);
	give(f, TT_REC_EXIT, 77);
	give(f, TT_REC_EXIT, 4000007);
	assert_int_equal(tt_kin_count(f), 0);
	tt_kin_free(f);
}

/* The records of the ends are lost. */
static void looks_for_itself(void **state)
{
	struct tt_kin *f = NULL;
	uint32_t roots[] = {(uint32_t)sleeper(), (uint32_t)sleeper()};

	assert_int_equal(tt_kin_new(&f, roots, 2), 0);
	tt_kin_advance(f, S);
	assert_int_equal(tt_kin_roots(f), 2);
	end((pid_t)roots[0]);
	tt_kin_advance(f, S + S / 2); /* too soon */
	assert_int_equal(tt_kin_roots(f), 2);
	tt_kin_advance(f, 2 * S);
	assert_int_equal(tt_kin_roots(f), 1);
	end((pid_t)roots[1]);
	tt_kin_advance(f, 3 * S);
	assert_int_equal(tt_kin_count(f), 0);
	tt_kin_free(f);
}

static void begins_with_the_descendants(void **state)
{
	struct tt_kin *f = NULL;
	uint32_t self = (uint32_t)getpid();
	pid_t child = sleeper();

	assert_int_equal(tt_kin_new(&f, &self, 1), 0);
	assert_int_equal(tt_kin_count(f), 2);
	end(child);
	tt_kin_free(f);
}

TT_UNIT_TESTS(cmocka_unit_test(follows_what_comes_and_goes), cmocka_unit_test(looks_for_itself),
	      cmocka_unit_test(begins_with_the_descendants))
