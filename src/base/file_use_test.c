// SPDX-License-Identifier: Apache-2.0
/* Which names mean one file: links, other ways to write a name, files that are not there yet. */
#include "base/file_use.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "harness/unit.h"

static char home[] = "/tmp/tt_file_use_XXXXXX";

static int set_up(void **state)
{
	if (!mkdtemp(home) || chdir(home) < 0)
		return -1;
	for (const char *const *name = (const char *const[]){"a", "b", NULL}; *name; name++)
		close(open(*name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	return symlink("a", "soft") < 0 || link("a", "hard") < 0 || mkfifo("pipe", 0600) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	for (const char *const *name = (const char *const[]){"a", "b", "soft", "hard", "pipe", NULL}; *name; name++)
		unlink(*name);
	return chdir("/") < 0 || rmdir(home) < 0 ? -1 : 0;
}

static int check(const char *written, const char *also, const char *read, struct tt_file_clash *clash)
{
	const struct tt_file_use uses[] = {{"--json", written}, {"--record", also}, {NULL, "b"}, {NULL, read}};

	clash->text[0] = 0;
	return tt_file_uses_check(uses, TT_ARRAY_LEN(uses), clash);
}

static void what_is_read_is_not_written(void **state)
{
	static const char *const names[] = {"a", "./a", "soft", "hard"};
	struct tt_file_clash clash;
	char whole[64], text[128];

	snprintf(whole, sizeof(whole), "%s/a", home);
	for (size_t i = 0; i < TT_ARRAY_LEN(names); i++) {
		assert_int_equal(check(names[i], NULL, whole, &clash), -EBUSY);
		snprintf(text, sizeof(text), "--json %s: this file is read, it would be overwritten", names[i]);
		assert_string_equal(clash.text, text);
		assert_int_equal(check(NULL, whole, names[i], &clash), -EBUSY);
	}
	assert_int_equal(check("b", NULL, NULL, &clash), -EBUSY);
	assert_int_equal(check("a", NULL, NULL, &clash), 0);
	assert_int_equal(check("new", NULL, "new", &clash), -EBUSY);
	assert_int_equal(access("new", F_OK), -1);
}

static void nothing_is_written_twice(void **state)
{
	struct tt_file_clash clash;
	char whole[64];

	assert_int_equal(check("a", "soft", NULL, &clash), -EBUSY);
	assert_string_equal(clash.text, "--record soft: --json writes to this file too");
	snprintf(whole, sizeof(whole), "%s/new", home);
	assert_int_equal(check("new", whole, NULL, &clash), -EBUSY);
	assert_int_equal(check("new", "newer", NULL, &clash), 0);
	assert_int_equal(check("/no/such/x", "/no/other/x", NULL, &clash), 0);
}

static void pipes_and_devices_are_shared(void **state)
{
	struct tt_file_clash clash;

	assert_int_equal(check("pipe", "pipe", "pipe", &clash), 0);
	assert_int_equal(check("/dev/null", "/dev/null", "/dev/null", &clash), 0);
	assert_int_equal(check("-", "-", NULL, &clash), 0);
}

static void standard_output_is_a_file_too(void **state)
{
	struct tt_file_clash clash;
	int kept = dup(STDOUT_FILENO), fd = open("a", O_WRONLY | O_CLOEXEC);

	dup2(fd, STDOUT_FILENO);
	int reads = check("-", NULL, "hard", &clash), twice = check("-", "a", NULL, &clash), both = check("-", "-", NULL, &clash);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	close(fd);
	assert_int_equal(reads, -EBUSY);
	assert_int_equal(twice, -EBUSY);
	assert_int_equal(both, 0);
}

TT_UNIT_TESTS_WITHIN(set_up, tear_down, cmocka_unit_test(what_is_read_is_not_written), cmocka_unit_test(nothing_is_written_twice),
		     cmocka_unit_test(pipes_and_devices_are_shared), cmocka_unit_test(standard_output_is_a_file_too))
