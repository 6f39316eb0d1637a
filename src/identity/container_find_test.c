// SPDX-License-Identifier: Apache-2.0
#include "identity/container_find.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/unit.h"

#define A "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
#define A2 "aaaaaaaaaaaaaaaacbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
#define B "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define C "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static char root[64];

/* Its directories, and the file with that in it. */
static void put(const char *path, const char *text)
{
	char whole[1024];
	int n = snprintf(whole, sizeof(whole), "%s%s", root, path);

	assert_true(n > 0 && (size_t)n < sizeof(whole));
	for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = 0;
		mkdir(whole, 0700);
		*at = '/';
	}
	FILE *f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int begin(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/tt_containers_XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int take_away(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int end(void **state)
{
	(void)state;
	return nftw(root, take_away, 8, FTW_DEPTH | FTW_PHYS);
}

static void expect(const char *name, int want, const char *id, const char *directory, bool unified, size_t count)
{
	struct tt_container_place p;
	int r = tt_container_find(&p, root, name);

	if (r != want || p.count != count || (id && strcmp(p.id, id) != 0))
		fail_msg("%s: %d, %s, %zu", name, r, p.id, p.count);
	if (directory) {
		assert_string_equal(p.directory + strlen(root), directory);
		assert_int_equal(p.unified, unified);
	} else {
		assert_null(p.directory);
	}
	free(p.directory);
}

#define RUNS "populated 1\nfrozen 0\n"

static void version_2(void **state)
{
	(void)state;
	put("/sys/fs/cgroup/cgroup.controllers", "cpu\n");
	put("/sys/fs/cgroup/system.slice/docker-" A ".scope/cgroup.events", RUNS);
	put("/sys/fs/cgroup/system.slice/docker-" A ".scope/init.scope/cgroup.events", RUNS);
	put("/sys/fs/cgroup/system.slice/docker-" A2 ".scope/cgroup.events", RUNS);
	put("/sys/fs/cgroup/system.slice/docker-" A "/docker/" B "/cgroup.events", RUNS);
	put("/sys/fs/cgroup/kubepods.slice/kubepods-pod1.slice/crio-conmon-" C ".scope/cgroup.events", RUNS);
	put("/sys/fs/cgroup/machine.slice/libpod-" C ".scope/cgroup.events", "populated 0\n");
	put("/var/lib/docker/containers/" A "/config.v2.json", "{\"Name\":\"/web\"}");
	put("/var/lib/docker/containers/" A2 "/config.v2.json", "{\"Name\":\"/0123\"}");
	static const char first[] = "/sys/fs/cgroup/system.slice/docker-" A ".scope";
	static const char second[] = "/sys/fs/cgroup/system.slice/docker-" A2 ".scope";
	static const char inner[] = "/sys/fs/cgroup/system.slice/docker-" A "/docker/" B;

	expect("web", 0, A, first, true, 1);
	expect(A, 0, A, first, true, 1);
	expect("aaaaaaaaaaaaaaaab", 0, A, first, true, 1);
	expect("aaaaaaaaaaaaaaaac", 0, A2, second, true, 1);
	expect("aaaa", -ENOTUNIQ, NULL, NULL, true, 2);
	expect("01234", 0, B, inner, true, 1);
	expect("0123", 0, A2, second, true, 1); /* a name comes before an id that begins so */
	expect("we", -ENOENT, NULL, NULL, false, 0);
	expect("fedc", -ENOENT, NULL, NULL, false, 0); /* of one nothing runs, the other is who watches it */
}

static void version_1_beside_it(void **state)
{
	(void)state;
	put("/sys/fs/cgroup/unified/system.slice/docker-" A ".scope/cgroup.events", RUNS);
	put("/sys/fs/cgroup/unified/docker/" B "/cgroup.events", "populated 0\n");
	put("/sys/fs/cgroup/memory/docker/" B "/cgroup.procs", "71\n72\n");
	put("/sys/fs/cgroup/memory/docker/" B "/below/cgroup.procs", "73\n");
	put("/sys/fs/cgroup/pids/docker/" B "/cgroup.procs", "71\n72\n73\n");
	put("/sys/fs/cgroup/pids/system.slice/docker-" A ".scope/cgroup.procs", "74\n");
	put("/var/lib/docker/containers/" B "/config.v2.json", "{\"Name\":\"/old\"}");
	expect("aaaa", 0, A, "/sys/fs/cgroup/unified/system.slice/docker-" A ".scope", true, 1);
	expect("nobody", -ENOENT, NULL, NULL, false, 0);

	struct tt_container_place p;
	assert_int_equal(tt_container_find(&p, root, "old"), 0);
	assert_string_equal(p.id, B);
	assert_false(p.unified);
	uint32_t *pids = NULL;
	size_t count = 0;
	assert_int_equal(tt_container_pids(&pids, &count, p.directory), 0);
	assert_int_equal(count, 3);
	assert_int_equal(pids[0] + pids[1] + pids[2], 71 + 72 + 73);
	free(pids);
	free(p.directory);

	char empty[128];
	snprintf(empty, sizeof(empty), "%s/sys/fs/cgroup/unified", root);
	assert_int_equal(tt_container_pids(&pids, &count, empty), -ENOENT);
}

static void no_cgroups(void **state)
{
	(void)state;
	expect("web", -ENOENT, NULL, NULL, false, 0);
}

TT_UNIT_TESTS(cmocka_unit_test_setup_teardown(version_2, begin, end),
	      cmocka_unit_test_setup_teardown(version_1_beside_it, begin, end),
	      cmocka_unit_test_setup_teardown(no_cgroups, begin, end))
