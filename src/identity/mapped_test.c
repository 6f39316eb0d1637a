// SPDX-License-Identifier: Apache-2.0
/* Files are reached as the process has them, and by no way that leads elsewhere. */
#include "identity/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/regular.h"
#include "harness/unit.h"

#define TEXT "what is mapped"

static char directory[] = "/tmp/telltale-mapped-XXXXXX";

static const char *in(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void file_write(const char *path)
{
	tt_close_auto int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, TEXT, strlen(TEXT)), strlen(TEXT));
}

static uint64_t map(const char *path)
{
	tt_close_auto int fd = open(path, O_RDONLY);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	assert_true(p != MAP_FAILED);
	return (uint64_t)p;
}

/* By the mapping itself: not in every container, not for every user. */
static bool mapping_is_allowed(uint64_t start)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/self/map_files/%" PRIx64 "-%" PRIx64, start, start + 4096);
	tt_close_auto int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0;
}

static int read_mapped(uint64_t start)
{
	struct tt_mapped_file file = TT_MAPPED_NONE;
	tt_buf_auto struct tt_buf b = TT_BUF(4096);
	int r = tt_mapped_read(&file, (uint32_t)getpid(), start, 0, 100, &b);

	tt_mapped_close(&file);
	return r < 0 ? r : (int)b.len;
}

/* Does the file's device have the number that maps have? With some file systems it has another. */
static bool same_device(const char *path)
{
	tt_buf_auto struct tt_buf lines = TT_BUF(1u << 20);
	char text[64];
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	snprintf(text, sizeof(text), " %02x:%02x %" PRIu64 " ", major(st.st_dev), minor(st.st_dev), (uint64_t)st.st_ino);
	assert_int_equal(tt_mapped_lines((uint32_t)getpid(), &lines), 0);
	assert_int_equal(tt_buf_add_char(&lines, 0), 0);
	return strstr((const char *)lines.data, text);
}

/* The rest of it is done by a child without capabilities: nothing is reached by the mapping itself. */
static void capabilities_drop(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	assert_int_equal(syscall(SYS_capset, &head, none), 0);
}

static int without_capabilities(int (*f)(uint64_t), uint64_t start)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		capabilities_drop();
		_exit(-f(start));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static int has_text(uint64_t start)
{
	return read_mapped(start) == (int)strlen(TEXT) ? 0 : -EIO;
}

static int refused(uint64_t start)
{
	int r = read_mapped(start);

	return r < 0 ? r : 0;
}

static void a_name_is_taken_if_it_is_the_file(void **state)
{
	file_write(in("x"));
	uint64_t start = map(in("x"));

	assert_true(has_text(start) == 0 || !(mapping_is_allowed(start) || same_device(in("x"))));
	if (same_device(in("x")))
		assert_int_equal(without_capabilities(has_text, start), 0);
	munmap((void *)start, 4096);
	unlink(in("x"));
}

/* Its name is "x (deleted)" then, which may be anybody's: a link, here even to the same file. */
static void a_name_is_no_way_elsewhere(void **state)
{
	char other[128];

	file_write(in("x"));
	uint64_t start = map(in("x"));
	snprintf(other, sizeof(other), "%s", in("y"));
	assert_int_equal(link(in("x"), other), 0);
	unlink(in("x"));
	assert_int_equal(symlink(other, in("x (deleted)")), 0);
	assert_true(has_text(start) == 0 || !mapping_is_allowed(start));
	assert_true(without_capabilities(refused, start) < 0);
	munmap((void *)start, 4096);
	unlink(in("x (deleted)"));
	unlink(other);
}

static void only_ordinary_files_are_opened(void **state)
{
	struct stat st;

	assert_int_equal(mkfifo(in("pipe"), 0600), 0);
	assert_int_equal(tt_regular_open(in("pipe"), &st), -ENOENT);
	assert_int_equal(tt_regular_open("/dev/null", &st), -ENOENT);
	assert_int_equal(tt_regular_open(directory, &st), -ENOENT);
	unlink(in("pipe"));
}

/* Who may write into /tmp may link a file of root's there; the process's own number is the name. */
static void lists_of_functions_are_the_processs_own(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(4096);
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	unlink(path);
	file_write(path);
	assert_int_equal(tt_perf_map_read((uint32_t)getpid(), 0, 100, &b), 0);
	assert_int_equal(b.len, strlen(TEXT));
	unlink(path);
	file_write(in("x"));
	assert_int_equal(symlink(in("x"), path), 0);
	assert_int_equal(tt_perf_map_read((uint32_t)getpid(), 0, 100, &b), -ENOENT);
	unlink(path);
	unlink(in("x"));
}

static int group_setup(void **state)
{
	return mkdtemp(directory) ? 0 : -1;
}

static int group_teardown(void **state)
{
	return rmdir(directory);
}

TT_UNIT_TESTS_WITHIN(group_setup, group_teardown, cmocka_unit_test(a_name_is_taken_if_it_is_the_file),
		     cmocka_unit_test(a_name_is_no_way_elsewhere), cmocka_unit_test(only_ordinary_files_are_opened),
		     cmocka_unit_test(lists_of_functions_are_the_processs_own))
