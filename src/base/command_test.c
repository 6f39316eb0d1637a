// SPDX-License-Identifier: Apache-2.0
#include "base/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/unit.h"

static void waits_for_the_gate(void **state)
{
	char path[] = "/tmp/tt-command-XXXXXX";
	int fd = mkstemp(path);
	char *argv[] = {"rm", path, NULL};
	struct tt_command c = TT_COMMAND_NONE;
	int status;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(tt_command_start(&c, argv, NULL), 0);
	usleep(50000);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(tt_command_go(&c), 0);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	assert_int_equal(tt_command_status(status), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void passes_the_status_on(void **state)
{
	struct {
		char *script;
		int status;
	} rows[] = {{"exit 7", 7}, {"kill -9 $$", 137}, {"kill -PIPE $$", 141}, {"true", 0}};

	signal(SIGPIPE, SIG_IGN); /* as telltale does: the command is not to inherit it */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *argv[] = {"sh", "-c", rows[i].script, NULL};
		struct tt_command c = TT_COMMAND_NONE;
		int status;
		assert_int_equal(tt_command_start(&c, argv, NULL), 0);
		assert_int_equal(tt_command_go(&c), 0);
		assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
		assert_int_equal(tt_command_status(status), rows[i].status);
	}
}

static void file_write(const char *path, const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strnlen(text, size)), strnlen(text, size));
	close(fd);
}

static void tells_the_file_and_its_interpreter(void **state)
{
	static const struct {
		char head[16];
		const char *interpreter; /* NULL: none */
	} rows[] = {
		{"#!/bin/sh -e\nx", "/bin/sh"}, {"#!\t /bin/own\n", "/bin/own"}, {"#!own", "own"}, {"\177ELF", NULL}, {"", NULL}};
	char directory[] = "/tmp/tt-command-XXXXXX", path[64], found[64], paths[128];

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/tt-own", directory);
	snprintf(paths, sizeof(paths), "/nowhere:%s:/bin", directory);
	const char *before = getenv("PATH");
	char *kept = strdup(before ? before : "");
	setenv("PATH", paths, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		file_write(path, rows[i].head, sizeof(rows[i].head));
		tt_command_file("tt-own", found, sizeof(found));
		assert_string_equal(found, path);
		assert_int_equal(tt_command_interpreter(found, sizeof(found)), rows[i].interpreter != NULL);
		assert_string_equal(found, rows[i].interpreter ? rows[i].interpreter : path);
	}
	tt_command_file("./tt-own", found, sizeof(found));
	assert_string_equal(found, "./tt-own");
	unlink(path);
	tt_command_file("tt-own", found, sizeof(found));
	assert_string_equal(found, "tt-own");
	assert_false(tt_command_interpreter(found, sizeof(found)));
	setenv("PATH", kept, 1);
	free(kept);
	rmdir(directory);
}

static void says_what_is_wrong(void **state)
{
	char *missing[] = {"no-such-program-anywhere", NULL};
	char *denied[] = {"/etc/passwd", NULL};
	struct tt_command c = TT_COMMAND_NONE;

	assert_int_equal(tt_command_start(&c, missing, NULL), 0);
	assert_int_equal(tt_command_go(&c), -ENOENT);
	assert_int_equal(tt_command_start(&c, denied, NULL), 0);
	assert_int_equal(tt_command_go(&c), -EACCES);
	assert_int_equal(tt_command_start(&c, missing, "no-such-user-anywhere"), -ENOENT);
}

static void starts_nothing_when_cancelled(void **state)
{
	char path[] = "/tmp/tt-command-XXXXXX";
	int fd = mkstemp(path);
	char *argv[] = {"rm", path, NULL};
	struct tt_command c = TT_COMMAND_NONE;

	close(fd);
	assert_int_equal(tt_command_start(&c, argv, NULL), 0);
	tt_command_cancel(&c);
	assert_int_equal(c.pid, -1);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

TT_UNIT_TESTS(cmocka_unit_test(waits_for_the_gate), cmocka_unit_test(passes_the_status_on), cmocka_unit_test(says_what_is_wrong),
	      cmocka_unit_test(tells_the_file_and_its_interpreter), cmocka_unit_test(starts_nothing_when_cancelled))
