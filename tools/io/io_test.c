// SPDX-License-Identifier: Apache-2.0
/* Mounts, paths, disks' counts, and the lines that come of records. The programs themselves: tests/e2e/tool_io.py. */
#include "tools/io/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/unit.h"
#include "tools/io/state.h"
#include "tools/rows.h"
#include "tools/runner.h"

/* --- mounts and paths --- */

#define MOUNTS                                                                \
	"22 27 0:21 / /proc rw,relatime - proc proc rw\n"                     \
	"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"                     \
	"30 27 254:0 /srv /mnt/part rw,relatime - ext4 /dev/vda rw\n"         \
	"31 27 7:0 /sub\\040dir /mnt/a\\040b\\134c rw - ext4 /dev/loop0 rw\n" \
	"32 27 7:1 / /mnt/whole rw - ext4 /dev/loop1 rw\n"                    \
	"33 27 7:1 /x /mnt/x rw - ext4 /dev/loop1 rw\n"                       \
	"bad\n\n7:2 / /\n"

#define DEV(major, minor) ((major) << 20 | (minor))

static void mounts_are_found(void **state)
{
	static const struct tt_span text = {(const uint8_t *)MOUNTS, sizeof(MOUNTS) - 1};
	struct tt_io_mount m;

	assert_true(tt_io_mount_find(text, DEV(254u, 0u), &m));
	assert_string_equal(m.point, "/");
	assert_true(tt_io_mount_find(text, DEV(7u, 0u), &m));
	assert_string_equal(m.root, "/sub dir");
	assert_string_equal(m.point, "/mnt/a b\\c");
	assert_true(tt_io_mount_find(text, DEV(7u, 1u), &m)); /* all of it before a part */
	assert_string_equal(m.point, "/mnt/whole");
	assert_false(tt_io_mount_find(text, DEV(7u, 2u), &m));
	assert_false(tt_io_mount_find((struct tt_span){NULL, 0}, 1, &m));
}

static struct tt_io_names names_of(const char *const *parts, bool cut)
{
	struct tt_io_names n = {.cut = cut};

	for (; parts[n.count]; n.count++)
		snprintf(n.name[n.count], sizeof(n.name[0]), "%s", parts[n.count]);
	return n;
}

static void check_path(const struct tt_io_names *n, const char *root, const char *point, size_t size, const char *want)
{
	struct tt_io_mount m = {.dev = 1};
	char path[512];

	snprintf(m.root, sizeof(m.root), "%s", root);
	snprintf(m.point, sizeof(m.point), "%s", point);
	tt_io_path(n, *point ? &m : NULL, path, size);
	assert_string_equal(path, want);
}

static void paths_stand_below_their_mount(void **state)
{
	const struct tt_io_names file = names_of((const char *const[]){"file", "dir", "srv", NULL}, false);
	const struct tt_io_names root = names_of((const char *const[]){NULL}, false);
	const struct tt_io_names deep = names_of((const char *const[]){"file", "dir", NULL}, true);

	check_path(&file, "/", "/", 512, "/srv/dir/file");
	check_path(&file, "/", "/mnt", 512, "/mnt/srv/dir/file");
	check_path(&file, "/srv", "/mnt", 512, "/mnt/dir/file");
	check_path(&file, "/other", "/mnt", 512, "/srv/dir/file"); /* not reached by that mount */
	check_path(&file, "/sr", "/mnt", 512, "/srv/dir/file");
	check_path(&file, "", "", 512, "/srv/dir/file");
	check_path(&root, "/", "/", 512, "/");
	check_path(&root, "/", "/mnt", 512, "/mnt");
	check_path(&deep, "/", "/mnt", 512, ".../dir/file"); /* more parts than are kept */
	check_path(&file, "/", "/mnt", 12, "...dir/file");
}

/* --- disks --- */

#define STATS(reads, sectors, writes) \
	"   7       0 loop0 " reads " 1 " sectors " 30 " writes " 2 16 50 0 70 80 0 0 0 0 1 5\n 254 0 vda x\n 1 2\n"

static void disks_count_from_one_look_to_the_next(void **state)
{
	static struct tt_disks d;
	static const char first[] = STATS("10", "80", "4"),
			  second[] = STATS("15", "120", "4") " 8 1 sda1 1 0 8 1 1 0 8 1 0 1 1\n";

	memset(&d, 0, sizeof(d));
	tt_disks_take(&d, tt_span_str(first));
	tt_disks_take(&d, tt_span_str(second));
	assert_int_equal(d.count, 2);
	const struct tt_disk *loop = tt_disks_find(&d, DEV(7u, 0u));
	assert_non_null(loop);
	assert_string_equal(loop->name, "loop0");
	assert_int_equal(loop->now.reads - loop->before.reads, 5);
	assert_int_equal(loop->now.read_bytes - loop->before.read_bytes, 40 * 512);
	assert_int_equal(loop->now.writes, 4);
	assert_int_equal(loop->now.write_bytes, 16 * 512);
	assert_int_equal(loop->now.read_ns, 30000000);
	assert_int_equal(loop->now.write_ns, 50000000);
	assert_int_equal(loop->now.busy_ns, 70000000);
	assert_non_null(tt_disks_find(&d, DEV(8u, 1u)));
	assert_null(tt_disks_find(&d, DEV(254u, 0u)));
	assert_int_equal(tt_disk_number("../loop0"), 0);
	assert_int_equal(tt_disk_number("no-such-disk"), 0);
}

/* One that was removed and added again counts from 0, and one that is gone has nothing more. */
static void disks_come_anew(void **state)
{
	static struct tt_disks d;

	memset(&d, 0, sizeof(d));
	tt_disks_take(&d, tt_span_str(STATS("50", "400", "4")));
	tt_disks_take(&d, tt_span_str(STATS("60", "480", "9")));
	const struct tt_disk *loop = tt_disks_find(&d, DEV(7u, 0u));
	assert_non_null(loop);
	assert_int_equal(tt_disk_more(loop).reads, 10);
	assert_int_equal(tt_disk_more(loop).read_bytes, 80 * 512);
	assert_int_equal(tt_disk_more(loop).writes, 5);
	tt_disks_take(&d, tt_span_str(STATS("5", "40", "2")));
	assert_int_equal(tt_disk_more(loop).reads, 5);
	assert_int_equal(tt_disk_more(loop).read_bytes, 40 * 512);
	assert_int_equal(tt_disk_more(loop).writes, 2);
	assert_int_equal(tt_disk_more(loop).write_bytes, 0);
	assert_int_equal(tt_disk_more(loop).busy_ns, 0);
	tt_disks_take(&d, tt_span_str("8 1 sda1 1 0 8 1 1 0 8 1 0 1 1\n"));
	assert_int_equal(tt_disk_more(loop).reads, 0);
	assert_int_equal(tt_disk_more(loop).writes, 0);
}

/* More disks than there is room for: the rest is counted. */
static void too_many_disks_are_counted(void **state)
{
	static struct tt_disks d;
	char line[128];

	memset(&d, 0, sizeof(d));
	for (unsigned i = 0; i < TT_DISKS_MOST + 3; i++) {
		snprintf(line, sizeof(line), "9 %u md%u 1 0 8 1 1 0 8 1 0 1 1\n", TT_DISKS_MOST + 2 - i, i);
		tt_disks_take(&d, tt_span_str(line));
	}
	assert_int_equal(d.count, TT_DISKS_MOST);
	assert_int_equal(d.turned_away, 3);
	for (size_t i = 1; i < d.count; i++)
		assert_true(d.list[i - 1].number < d.list[i].number);
}

/* --- slow requests --- */

static const struct tt_tool *tool;
static struct tt_limits limits;
static struct tt_tool_run run;
static struct tt_io_settings settings;
static int fd;

static int begin(void **state)
{
	char path[] = "/tmp/tt-io-XXXXXX";

	fd = mkstemp(path);
	unlink(path);
	tool = tt_tool_find("io")->tool;
	tt_limits_init(&limits);
	settings.config.slow_ns = 1000;
	run = (struct tt_tool_run){.tool = tool, .settings = &settings, .limits = &limits};
	const struct tt_rows_options o = {
		.tables = tool->tables, .table_count = tool->table_count, .most = 1, .text_fd = -1, .json_fd = fd};
	return tt_rows_new(&run.rows, &o) < 0 || tool->begin(&run) < 0;
}

static int end(void **state)
{
	tool->free(&run);
	tt_rows_free(run.rows);
	return close(fd);
}

static void check_slow(struct tt_io_slow s, const char *want)
{
	char text[2048];

	s.rec = (struct tt_record){.type = (uint16_t)TT_IO_SLOW, .len = sizeof(s), .time_ns = 9000, .tgid = 4000000};
	snprintf(s.comm, sizeof(s.comm), "name");
	s.disk = DEV(4095u, 7u);
	s.sector = 8;
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(tool->record(&run, &s.rec), 0);
	assert_int_equal(tt_rows_flush(run.rows), 0);
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	assert_string_equal(text, want);
}

#define SLOW(op, bytes, parts, state_, file)                                                                                 \
	"{\"kind\":\"slow\",\"time_unix_ns\":9000,\"pid\":4000000,\"comm\":\"name\",\"disk\":\"4095:7\",\"operation\":\"" op \
	"\",\"size_bytes\":" bytes "," parts ",\"state\":\"" state_                                                          \
	"\",\"sector\":8,\"inode\":null,\"container_id\":null,\"file\":" file "}\n"
#define PARTS(took, wait, scheduler, device) \
	"\"took_ns\":" took ",\"wait_ns\":" wait ",\"scheduler_ns\":" scheduler ",\"device_ns\":" device

static void slow_requests_have_parts(void **state)
{
	check_slow(
		(struct tt_io_slow){.queued_ns = 1000, .inserted_ns = 2000, .issued_ns = 5000, .bytes = 4096, .op = TT_IO_WRITE},
		SLOW("write", "4096", PARTS("8000", "1000", "3000", "4000"), "done", "null"));
	/* Without a scheduler. */
	check_slow((struct tt_io_slow){.queued_ns = 1000, .issued_ns = 5000, .bytes = 512, .error = 10},
		   SLOW("read", "512", PARTS("8000", "4000", "0", "4000"), "failed", "null"));
	/* What is left of another request that was there before. */
	check_slow(
		(struct tt_io_slow){.queued_ns = 1000, .inserted_ns = 500, .issued_ns = 5000, .bytes = 4096, .op = TT_IO_WRITE},
		SLOW("write", "4096", PARTS("8000", "4000", "0", "4000"), "done", "null"));
	check_slow((struct tt_io_slow){.queued_ns = 1000, .inserted_ns = 2000, .issued_ns = 700, .bytes = 512},
		   SLOW("read", "512", PARTS("8000", "1000", "7000", "null"), "done", "null"));
	/* A flush is not issued itself. The page cache of a disk has the disk's name. */
	check_slow((struct tt_io_slow){.queued_ns = 1000,
				       .op = TT_IO_FLUSH,
				       .file = {.kind = TT_IO_FILE_DISK, .dev = DEV(4095u, 8u)}},
		   SLOW("flush", "0", PARTS("8000", "8000", "null", "null"), "done", "\"4095:8\""));
}

/* --- counts --- */

/* The first JSON line that is written has this in it. */
static void check_shown(const char *want)
{
	char text[2048];

	assert_int_equal(tt_rows_flush(run.rows), 0);
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	if (!strstr(text, want))
		fail_msg("no %s in %s", want, text);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
}

static void the_share_is_of_those_that_can_be_told(void **state)
{
	static const struct {
		struct tt_io_value v;
		const char *want;
	} rows[] = {
		{{.requests = 4, .bytes = 4096, .order = {1, 2, 1}}, "\"sequential_percent\":66.660,\"sequential_requests\":2,"},
		{{.requests = 9, .order = {1, 0, 8}}, "\"sequential_percent\":0.000,\"sequential_requests\":0,"},
		{{.requests = 9, .order = {0, 9}}, "\"sequential_percent\":100.000,\"sequential_requests\":9,"},
		{{.requests = 1, .bytes = 512, .order = {1}}, "\"sequential_percent\":null,\"sequential_requests\":0,"},
	};
	const struct tt_io_key k = {.tgid = 4000000, .disk = DEV(4095u, 7u)};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(tt_io_file_show(&run, &k, &rows[i].v, 9000, 1000), 0);
		check_shown(rows[i].want);
	}
	/* What was only asked for yet is no row. */
	assert_int_equal(tt_io_file_show(&run, &k, &(struct tt_io_value){.end_sector = 8}, 9000, 1000), 0);
	assert_int_equal(tt_rows_shown(run.rows), 4);
}

#define COUNTED(kind, from, to, requests)                                                                                    \
	"{\"kind\":\"" kind                                                                                                  \
	"\",\"time_unix_ns\":9000,\"interval_ns\":1000,\"disk\":\"4095:7\",\"operation\":\"write\",\"from_" from ",\"to_" to \
	",\"requests\":" requests "}\n"

static void histograms_are_of_times_and_sizes(void **state)
{
	struct tt_io_histogram_key k = {.disk = DEV(4095u, 7u), .op = TT_IO_WRITE, .kind = TT_IO_HISTOGRAM_SIZE};
	const struct tt_io_histogram h = {.count = {[4] = 7, [6] = 2}}, ends = {.count = {[0] = 1}},
				     last = {.count = {[TT_IO_BUCKETS - 1] = 3}};

	assert_int_equal(tt_io_histogram_show(&run, &k, &h, 9000, 1000), 0);
	check_shown(COUNTED("size", "bytes\":4096", "bytes\":8192", "7") COUNTED("size", "bytes\":8192", "bytes\":16384", "0")
			    COUNTED("size", "bytes\":16384", "bytes\":32768", "2"));
	k.kind = TT_IO_HISTOGRAM_LATENCY;
	assert_int_equal(tt_io_histogram_show(&run, &k, &h, 9000, 1000), 0);
	check_shown(COUNTED("latency", "ns\":8000", "ns\":16000", "7") COUNTED("latency", "ns\":16000", "ns\":32000", "0")
			    COUNTED("latency", "ns\":32000", "ns\":64000", "2"));
	assert_int_equal(tt_io_histogram_show(&run, &k, &ends, 9000, 1000), 0);
	check_shown(COUNTED("latency", "ns\":0", "ns\":1000", "1"));
	assert_int_equal(tt_io_histogram_show(&run, &k, &last, 9000, 1000), 0);
	check_shown(COUNTED("latency", "ns\":1073741824000", "ns\":null", "3"));
	k.kind = TT_IO_HISTOGRAM_MAX;
	assert_int_equal(tt_io_histogram_show(&run, &k, &h, 9000, 1000), 0);
	assert_int_equal(tt_rows_shown(run.rows), 8);
}

/* What is shorter than it should be, or of another type, is left alone. */
static void other_records_are_left_alone(void **state)
{
	struct tt_record rec = {.type = (uint16_t)TT_IO_SLOW, .len = sizeof(rec)};

	assert_int_equal(tool->record(&run, &rec), 0);
	rec.type = 1;
	assert_int_equal(tool->record(&run, &rec), 0);
	assert_int_equal(tt_rows_shown(run.rows), 0);
}

static void hooks_follow_the_kernel(void **state)
{
	struct tt_io_settings s = {.has_folio = 1};

	assert_int_equal(tool->unwanted(&s), 1u << 1 | 1u << 2);
	s = (struct tt_io_settings){.has_page = 1, .config = {.slow_ns = 1}};
	assert_int_equal(tool->unwanted(&s), 1u << 0);
	assert_true(tool->at_once(&s));
}

static void a_disk_must_exist(void **state)
{
	struct tt_io_settings s = {.disk = "no-such-disk"};
	struct tt_tool_error e = {""};

	assert_int_equal(tool->prepare(&s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "no-such-disk"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
TT_UNIT_TESTS(cmocka_unit_test(mounts_are_found), cmocka_unit_test(paths_stand_below_their_mount),
	      cmocka_unit_test(disks_count_from_one_look_to_the_next), cmocka_unit_test(disks_come_anew),
	      cmocka_unit_test(too_many_disks_are_counted), TEST(slow_requests_have_parts), TEST(other_records_are_left_alone),
	      TEST(the_share_is_of_those_that_can_be_told), TEST(histograms_are_of_times_and_sizes),
	      TEST(hooks_follow_the_kernel), TEST(a_disk_must_exist))
