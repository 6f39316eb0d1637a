// SPDX-License-Identifier: Apache-2.0
#include "kernel/scope.h"

#include <errno.h>
#include <sys/stat.h>

#include "harness/unit.h"

static void knows_a_network_namespace(void **state)
{
	struct stat st;
	uint32_t inode = 0;

	assert_int_equal(tt_scope_netns_inode("/proc/self/ns/net", &inode), 0);
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	assert_int_equal(inode, (uint32_t)st.st_ino);
}

static void refuses_what_is_none(void **state)
{
	uint32_t inode = 77;

	assert_int_equal(tt_scope_netns_inode("/proc/self/status", &inode), -EINVAL);
	assert_int_equal(tt_scope_netns_inode("no-such-namespace", &inode), -ENOENT);
	assert_int_equal(inode, 77);
	assert_int_equal(tt_scope_open_cgroup("/proc"), -EINVAL);
	assert_int_equal(tt_scope_open_cgroup("/no/such/cgroup"), -ENOENT);
}

TT_UNIT_TESTS(cmocka_unit_test(knows_a_network_namespace), cmocka_unit_test(refuses_what_is_none))
