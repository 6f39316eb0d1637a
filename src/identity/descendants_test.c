// SPDX-License-Identifier: Apache-2.0
#include "identity/descendants.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/unit.h"

static void finds_children_of_children(void **state)
{
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		pid_t grandchild = fork();
		if (grandchild == 0) {
			pause();
			_exit(0);
		}
		ssize_t n = write(ready[1], &grandchild, sizeof(grandchild));
		(void)n;
		pause();
		_exit(0);
	}
	pid_t grandchild;
	assert_int_equal(read(ready[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));

	uint32_t root = (uint32_t)child, missing = 0, *list = NULL;
	size_t count = 0;
	assert_int_equal(tt_descendants(&list, &count, &root, 1, &missing), 0);
	assert_int_equal(count, 2);
	assert_int_equal(list[0], child);
	assert_int_equal(list[1], grandchild);
	free(list);
	kill(grandchild, SIGKILL);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void names_a_root_that_is_not_there(void **state)
{
	uint32_t roots[] = {(uint32_t)getpid(), 0x7ffffff0}, missing = 0, *list = NULL;
	size_t count = 0;

	assert_int_equal(tt_descendants(&list, &count, roots, 2, &missing), -ESRCH);
	assert_int_equal(missing, 0x7ffffff0);
	assert_null(list);
}

TT_UNIT_TESTS(cmocka_unit_test(finds_children_of_children), cmocka_unit_test(names_a_root_that_is_not_there))
