// SPDX-License-Identifier: Apache-2.0
/* The format of packets, stages made of points, and the rows that come of both. */
#include "tools/ping/ping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/now.h"
#include "harness/unit.h"
#include "tools/ping/state.h"
#include "tools/rows.h"
#include "tools/runner.h"

#define OWN 100u
#define THERE 200u

/* --- packets --- */

static struct tt_ping_packet report_of(size_t steps)
{
	struct tt_ping_packet p = {.kind = TT_PING_REPORT, .session = 0x0102030405060708, .number = 70000, .step_count = steps};

	for (size_t i = 0; i < steps; i++)
		p.step[i] = (struct tt_ping_step){.point = TT_PING_RECEIVE, .reply = i > 1, .ns = i * 1000};
	return p;
}

static void packets_come_back(void **state)
{
	uint8_t bytes[TT_PING_ICMP_LEN + 400], ipv4[20 + sizeof(bytes)] = {0x45};
	const struct tt_ping_packet echo = {
		.kind = TT_PING_ECHO, .session = 1, .number = 0x11223344, .flags = TT_PING_WANT_REPORT};
	static const uint8_t nothing[16];
	const struct tt_ping_packet report = report_of(4);
	struct tt_ping_packet got;
	struct tt_ping_message m;

	tt_ping_packet_write(&echo, bytes, 400);
	assert_memory_equal(bytes, "\x7e\x11\x7a\x1e\x01\x01\x00\x28\0\0\0\0\0\0\0\x01\x11\x22\x33\x44\0\0\0\x01", 24);
	assert_memory_equal(bytes + 24, nothing, sizeof(nothing)); /* no clock */
	assert_int_equal(tt_ping_packet_read(tt_span(bytes, 400), &got), 0);
	assert_memory_equal(&got, &echo, sizeof(echo));
	tt_ping_packet_write(&report, bytes + TT_PING_ICMP_LEN, 400);
	assert_memory_equal(bytes + TT_PING_ICMP_LEN + 20, "\0\0\0", 4);
	assert_memory_equal(bytes + TT_PING_ICMP_LEN + 24, nothing, sizeof(nothing));
	tt_ping_message_head(bytes, sizeof(bytes), 6, true, 7, 8);
	assert_int_equal(tt_ping_message_read(tt_span(bytes, sizeof(bytes)), 6, &m), 0);
	assert_memory_equal(&m.packet, &report, sizeof(report));
	assert_true(m.reply && m.id == 7 && m.sequence == 8);
	tt_ping_message_head(bytes, sizeof(bytes), 4, false, 7, 8);
	memcpy(ipv4 + 20, bytes, sizeof(bytes));
	assert_int_equal(tt_ping_message_read(tt_span(ipv4, sizeof(ipv4)), 4, &m), 0);
	assert_true(!m.reply && m.packet.number == 70000);
}

/* RFC 1071: over the message with its checksum the sum is all ones. */
static void checksums(void **state)
{
	uint8_t bytes[TT_PING_ICMP_LEN + 41];
	const struct tt_ping_packet echo = {.kind = TT_PING_ECHO, .session = 0xfedcba9876543210};
	uint32_t sum = 0;

	tt_ping_packet_write(&echo, bytes + TT_PING_ICMP_LEN, 41);
	tt_ping_message_head(bytes, sizeof(bytes), 4, false, 0xffff, 0xff00);
	for (size_t i = 0; i < sizeof(bytes); i++)
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

static void refused(const uint8_t *bytes, size_t size, int want)
{
	struct tt_ping_packet p;
	uint8_t *copy = malloc(size ? size : 1); /* what lies behind it is not to be read */

	memcpy(copy, bytes, size);
	assert_int_equal(tt_ping_packet_read(tt_span(copy, size), &p), want);
	free(copy);
}

static void what_does_not_fit_is_refused(void **state)
{
	const struct tt_ping_packet report = report_of(3);
	uint8_t bytes[TT_PING_HEAD + 3 * TT_PING_STEP_LEN];
	static const struct {
		size_t at;
		uint8_t value;
		int want;
	} cases[] = {
		{0, 0, -EINVAL},		      /* magic */
		{4, 2, -EPROTONOSUPPORT},	      /* version */
		{5, 3, -EINVAL},		      /* kind */
		{5, TT_PING_ECHO, -EINVAL},	      /* an echo has no steps */
		{6, 1, -EINVAL},		      /* longer than it is */
		{7, 39, -EINVAL},		      /* shorter than its front */
		{7, 41, -EINVAL},		      /* part of a step */
		{40, TT_PING_SENT, -EINVAL},	      /* no kernel's point */
		{40, TT_PING_WAKING, -EINVAL},	      /* as above */
		{41, 2, -EINVAL},		      /* neither request nor reply */
		{41, 1, -EINVAL},		      /* a request after its reply */
		{43, 1, -EINVAL},		      /* what is to be 0 */
		{51, 1, -EINVAL},		      /* the first step is 0 */
		{TT_PING_HEAD + 24 + 10, 0, -EINVAL}, /* back in time */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tt_ping_packet_write(&report, bytes, sizeof(bytes));
		bytes[cases[i].at] = cases[i].value;
		refused(bytes, sizeof(bytes), cases[i].want);
	}
	tt_ping_packet_write(&report, bytes, sizeof(bytes));
	for (size_t size = 0; size < sizeof(bytes); size++)
		refused(bytes, size, -EINVAL);
	refused(bytes, sizeof(bytes), 0);
}

/* --- paths --- */

static void mark(struct tt_ping_marks *m, enum tt_ping_point_kind kind, bool reply, uint32_t netns, uint64_t ns, uint64_t raised)
{
	struct tt_ping_mark one = {
		.kind = (uint8_t)kind, .reply = reply, .netns = netns, .ifindex = netns, .ns = ns, .raised_ns = raised};

	snprintf(one.device, sizeof(one.device), netns ? "eth%u" : "", netns);
	tt_ping_marks_add(m, &one);
}

/* An echo as it is seen here: away from 1300 to 9000. */
static struct tt_ping_marks from_here(void)
{
	struct tt_ping_marks m = {0};

	mark(&m, TT_PING_USER, true, 0, 9900, 0);
	mark(&m, TT_PING_SENT, false, 0, 1000, 0);
	mark(&m, TT_PING_QUEUE, false, OWN, 1100, 0);
	mark(&m, TT_PING_START, false, OWN, 1200, 0);
	mark(&m, TT_PING_XMIT, false, OWN, 1300, 0);
	mark(&m, TT_PING_RECEIVE, true, OWN, 9200, 9000);
	mark(&m, TT_PING_WAKING, true, OWN, 9300, 0);
	mark(&m, TT_PING_WAKEUP, true, OWN, 9400, 0);
	mark(&m, TT_PING_SWITCH, true, OWN, 9800, 0);
	mark(&m, TT_PING_QUEUE, false, OWN, 1150, 0); /* a copy's */
	return m;
}

static char told[2048];

static const char *path_of(const struct tt_ping_marks *m, const struct tt_ping_packet *report, bool want_used)
{
	struct tt_ping_path path;
	size_t at = 0;
	uint64_t sum = 0;
	char name[64];

	assert_int_equal(tt_ping_path(m, OWN, report, &path), want_used);
	told[0] = 0;
	for (size_t i = 0; i < path.count; i++) {
		tt_ping_place_name(&path.list[i].place, name, sizeof(name));
		at += (size_t)snprintf(told + at, sizeof(told) - at, "%s%s %llu%s", i ? "; " : "", name,
				       (unsigned long long)path.list[i].ns, path.list[i].place.estimated ? "?" : "");
		sum += path.list[i].ns;
	}
	assert_int_equal(sum, m->list[m->count - 1].ns - m->list[0].ns);
	return told;
}

#define OUT "send 100; qdisc eth100 100; driver eth100 100; "
#define BACK "softirq eth100, back 200; protocol eth100, back 100; wake-up, back 100; run queue, back 400; user, back 100"

static void without_a_report(void **state)
{
	const struct tt_ping_marks m = from_here();

	assert_string_equal(path_of(&m, NULL, true), OUT "remote + link 7700; " BACK);
}

static void with_a_report(void **state)
{
	const struct tt_ping_marks m = from_here();
	struct tt_ping_packet report = {.step = {{TT_PING_RAISE, false, 0},
						 {TT_PING_RECEIVE, false, 100},
						 {TT_PING_QUEUE, true, 400},
						 {TT_PING_START, true, 1400},
						 {TT_PING_XMIT, true, 1700}},
					.step_count = 5};
#define THEIRS "softirq, remote 100; reply, remote 300; qdisc, remote, back 1000; driver, remote, back 300; "

	assert_string_equal(path_of(&m, &report, true), OUT "link 3000?; " THEIRS "link, back 3000?; " BACK);
	report.step[4].ns = 7730; /* the driver here had handed it over before it was done */
	assert_string_equal(path_of(&m, &report, true), "send 100; qdisc eth100 100; driver eth100 70; link 0?; softirq, remote "
							"100; reply, remote 300; qdisc, remote, back "
							"1000; driver, remote, back 6330; link, back 0?; " BACK);
	report.step[4].ns = 7801; /* longer than it was away with the driver, too */
	assert_string_equal(path_of(&m, &report, false), OUT "remote + link 7700; " BACK);
}

/* Copies, and what the program was woken for later, are no part of it. */
static void an_echo_ends_with_the_program(void **state)
{
	struct tt_ping_marks m = {0};

	mark(&m, TT_PING_WAKING, true, OWN, 2500, 0);
	mark(&m, TT_PING_QUEUE, false, OWN, 1100, 0);
	mark(&m, TT_PING_RECEIVE, true, OWN, 1900, 1300); /* asked for before: of another packet */
	mark(&m, TT_PING_START, false, OWN, 1200, 0);
	mark(&m, TT_PING_XMIT, false, OWN, 1400, 0);
	tt_ping_marks_end(&m, 1000, 2000);
	assert_string_equal(path_of(&m, NULL, true),
			    "send 100; qdisc eth100 100; driver eth100 200; remote + link 500; user eth100, back 100");
}

/* A driver that hands over at once: the other device has it before the driver is done. */
static void in_another_namespace(void **state)
{
	struct tt_ping_marks m = {0};

	mark(&m, TT_PING_SENT, false, 0, 1000, 0);
	mark(&m, TT_PING_QUEUE, false, OWN, 1100, 0);
	mark(&m, TT_PING_START, false, OWN, 1200, 0);
	mark(&m, TT_PING_XMIT, false, OWN, 1400, 0);
	mark(&m, TT_PING_RECEIVE, false, THERE, 1500, 1300);
	mark(&m, TT_PING_QUEUE, true, THERE, 1700, 0);
	mark(&m, TT_PING_START, true, THERE, 1800, 0);
	mark(&m, TT_PING_RECEIVE, true, OWN, 1900, 1300);
	mark(&m, TT_PING_XMIT, true, THERE, 1950, 0);
	mark(&m, TT_PING_USER, true, 0, 2000, 0);
	assert_string_equal(path_of(&m, NULL, true),
			    "send 100; qdisc eth100 100; driver eth100 100; link 0; softirq eth200 200; reply eth200 200; "
			    "qdisc eth200, back 100; link, back 100; user eth100, back 100");
}

static void through_a_router(void **state)
{
	struct tt_ping_marks m = {0};

	mark(&m, TT_PING_SENT, false, 0, 1000, 0);
	mark(&m, TT_PING_XMIT, false, OWN, 1100, 0); /* its beginning was not seen */
	mark(&m, TT_PING_RECEIVE, false, THERE, 1500, 900);
	mark(&m, TT_PING_QUEUE, false, THERE + 1, 1700, 0);
	mark(&m, TT_PING_START, false, THERE + 1, 9700, 0);
	mark(&m, TT_PING_USER, true, 0, 10000, 0);
	assert_string_equal(path_of(&m, NULL, true), "link 500; forward eth200 200; qdisc eth201 8000; remote + link 300");
}

static void a_path_has_an_end(void **state)
{
	struct tt_ping_marks m = {0};

	mark(&m, TT_PING_SENT, false, 0, 1, 0);
	for (uint32_t i = 0; i < TT_PING_MARKS_MOST + 5; i++)
		mark(&m, TT_PING_RECEIVE, false, 1 + i, 10 + 10 * i, 9 + 10 * i);
	assert_int_equal(m.count, TT_PING_MARKS_MOST);
	assert_int_equal(m.left_out, 6);
	path_of(&m, NULL, true);
}

static void spread_of_times(void **state)
{
	static struct tt_spread s;

	assert_true(tt_spread_at(&s, 5000) == UINT64_MAX && tt_spread_average(&s) == UINT64_MAX);
	for (uint64_t i = 1; i <= 10000; i++)
		tt_spread_add(&s, i * 1000);
	assert_true(s.least == 1000 && s.most == 10000000 && tt_spread_average(&s) == 5000500);
	for (unsigned at = 100; at <= 10000; at += 100) {
		double got = (double)tt_spread_at(&s, at), want = at * 1000.0;
		assert_true(got > want * 0.98 && got < want * 1.02);
	}
	tt_spread_add(&s, UINT64_MAX / 2);
	assert_int_equal(tt_spread_at(&s, 10000), s.most);
}

/* --- rows --- */

static const struct tt_tool *tool;
static struct tt_limits limits;
static struct tt_ping_settings settings;
static struct tt_tool_options options;
static struct tt_tool_run run;
static int fd;
static char text[1 << 16];

static int begin(void **state)
{
	char path[] = "/tmp/tt-ping-XXXXXX";

	fd = mkstemp(path);
	unlink(path);
	tool = tt_tool_find("ping")->tool;
	tt_limits_init(&limits);
	settings = (struct tt_ping_settings){.config = {.serve = 1}, .rate = 2, .netns = OWN};
	options = (struct tt_tool_options){0};
	run = (struct tt_tool_run){.tool = tool, .limits = &limits, .settings = &settings, .options = &options};
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

static const char *lines(void)
{
	assert_int_equal(tt_rows_flush(run.rows), 0);
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static void point(enum tt_ping_point_kind kind, bool reply, uint16_t sequence, const struct tt_ping_packet *packet)
{
	static const uint8_t a[16] = {10, 0, 0, 1}, b[16] = {10, 0, 0, 2};
	struct tt_ping_point p = {
		.rec = {.type = TT_PING_POINT, .len = sizeof(p)},
		.at_ns = tt_now_ns(),
		.netns = OWN,
		.ifindex = 1,
		.id = 5,
		.sequence = sequence,
		.payload_len = 56,
		.kind = (uint8_t)kind,
		.family = 4,
		.reply = reply,
		.has_head = packet != NULL,
	};

	memcpy(p.source, reply ? b : a, 16);
	memcpy(p.target, reply ? a : b, 16);
	if (packet)
		tt_ping_packet_write(packet, p.head, sizeof(p.head));
	assert_int_equal(tool->record(&run, &p.rec), 0);
}

/* Echoes that were answered are counted by client; what only came by is not, and nothing is sent of what was not asked for. */
static void who_asks_is_told(void **state)
{
	const struct tt_ping_packet echo = {.kind = TT_PING_ECHO, .session = 77};

	for (uint16_t i = 0; i < 3; i++) {
		point(TT_PING_RECEIVE, false, i, i == 1 ? NULL : &echo); /* the second's front is known of the reply only */
		point(TT_PING_QUEUE, true, i, &echo);
		point(TT_PING_XMIT, true, i, &echo);
	}
	point(TT_PING_RECEIVE, false, 9, &echo); /* forwarded, with its reply */
	point(TT_PING_RECEIVE, true, 9, &echo);
	point(TT_PING_QUEUE, true, 9, &echo);
	point(TT_PING_XMIT, true, 9, &echo);
	point(TT_PING_QUEUE, true, 10, &echo); /* whose request was not seen */
	assert_int_equal(tool->turn(&run), 0);
	assert_int_equal(run.notes[TT_PING_NOTE_UNANSWERED], 1);
	assert_int_equal(tool->interval(&run), 0);
	assert_non_null(strstr(lines(), "\"client\":\"10.0.0.1\",\"echoes\":3,\"reports\":0,\"limited\":0}"));
}

/* A report that is longer than the request, or of more than the rate allows, is not sent. */
static void reports_are_bounded(void **state)
{
	const struct tt_ping_packet echo = {.kind = TT_PING_ECHO, .session = 77, .flags = TT_PING_WANT_REPORT};

	settings.rate = 1;
	for (uint16_t i = 0; i < 2; i++) {
		point(TT_PING_RECEIVE, false, i, &echo);
		point(TT_PING_QUEUE, true, i, &echo);
		point(TT_PING_XMIT, true, i, &echo); /* 76 bytes of 56 */
	}
	assert_int_equal(tool->turn(&run), 0);
	assert_int_equal(run.notes[TT_PING_NOTE_REPORT], 2);
	assert_int_equal(tool->interval(&run), 0);
	assert_non_null(strstr(lines(), "\"echoes\":2,\"reports\":0"));
}

static void an_image_of_any_name(void **state)
{
	static struct tt_ping_totals t;
	const struct tt_ping_marks m = from_here();
	struct tt_ping_path path;
	char *image = NULL;
	size_t size = 0;

	assert_true(tt_ping_path(&m, OWN, NULL, &path));
	assert_int_equal(tt_ping_totals_add(&t, &path, 8900), 0);
	assert_int_equal(tt_ping_blamed(&t, &path)->place.kind, TT_PING_STAGE_REMOTE);
	FILE *f = open_memstream(&image, &size);
	assert_int_equal(tt_ping_svg(f, &t, "<a>&\"\x01"), 0);
	fclose(f);
	assert_non_null(strstr(image, "telltale ping &#60;a&#62;&#38;&#34;."));
	assert_null(strstr(image, "<a>"));
	assert_non_null(strstr(image, "remote + link"));
	free(image);
	tt_ping_totals_free(&t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
TT_UNIT_TESTS(cmocka_unit_test(packets_come_back), cmocka_unit_test(checksums), cmocka_unit_test(what_does_not_fit_is_refused),
	      cmocka_unit_test(without_a_report), cmocka_unit_test(with_a_report),
	      cmocka_unit_test(an_echo_ends_with_the_program), cmocka_unit_test(in_another_namespace),
	      cmocka_unit_test(through_a_router), cmocka_unit_test(a_path_has_an_end), cmocka_unit_test(spread_of_times),
	      TEST(who_asks_is_told), TEST(reports_are_bounded), cmocka_unit_test(an_image_of_any_name))
