// SPDX-License-Identifier: Apache-2.0
#include "sink/totals.h"

#include "harness/unit.h"

static const char *written(struct tt_buf *text, const struct tt_totals *t)
{
	tt_buf_clear(text);
	tt_totals_write(text, t);
	tt_buf_add_char(text, 0);
	return (char *)text->data;
}

static void says_what_there_was(void **state)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);
	const struct tt_source_stats source = {.produced = 34};
	const struct tt_stream_stats streams = {.exchanges = 4, .opened = 3};
	const struct tt_pcap_stats capture = {.packets = 40, .not_ip = 2};
	struct tt_totals t = {.source = &source, .streams = &streams};

	assert_string_equal(written(&text, &t), "4 exchanges, 0 incomplete; 34 records, 0 lost; 3 connections\n");
	t.capture = &capture;
	assert_string_equal(written(&text, &t), "4 exchanges, 0 incomplete; 34 records, 0 lost; 3 connections\n");
}

/* Every cause by itself: the sum counts it, and its line names it. */
static void names_every_cause_of_a_loss(void **state)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);
	const struct tt_stream_stats streams = {0};
	static const char *const names[] = {
#define NAME(id, name, meaning) "\n7 records lost: " meaning " (" name ")\n",
		TT_LOSS_CAUSES(NAME)
#undef NAME
	};

	for (int i = 0; i < TT_LOSS_MAX; i++) {
		struct tt_source_stats source = {.produced = 9};
		const struct tt_totals t = {.source = &source, .streams = &streams};
		source.lost[i] = 7;
		const char *got = written(&text, &t);
		assert_non_null(strstr(got, "; 9 records, 7 lost;"));
		assert_non_null(strstr(got, names[i]));
		assert_null(strstr(strstr(got, " records lost:") + 1, " records lost:"));
	}
}

static void says_what_a_capture_lacks(void **state)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);
	const struct tt_source_stats source = {0};
	const struct tt_stream_stats streams = {
		.encrypted_bytes = 10, .unread = 2, .unknown_bytes = 5, .missing_bytes = 6, .evicted = 8};
	const struct tt_pcap_stats capture = {
		.packets = 12, .cut = 3, .cut_bytes = 99, .capture_dropped = 2, .malformed = 1, .unfitting = 3, .after_end = 4};
	const struct tt_totals t = {.source = &source, .streams = &streams, .capture = &capture, .filtered = 4};

	const char *got = written(&text, &t);
	assert_non_null(strstr(got, "\n3 of 12 packets were cut by the capture's snap length: 99 bytes of payload are not in it\n"
				    "2 packets were lost by the capturing system, as the file says\n"
				    "3 segments do not fit their connection's numbers: they were passed over\n"
				    "4 segments came after their connection's end: what they hold is not shown\n"
				    "1 packets could not be read: cut too short, or contradicting themselves\n"
				    "4 exchanges not shown: --where does not hold for them\n"
				    "10 bytes were encrypted\n2 connections were encrypted, and nothing of their plaintext was "
				    "seen\n5 bytes of unknown protocols\n6 bytes were never seen\n8 connections were forgotten"));
}

/* Never "0 lost" and nothing else. */
static void says_what_limits_turned_away(void **state)
{
	tt_buf_auto struct tt_buf text = TT_BUF(4096);
	const struct tt_source_stats source = {.produced = 34};
	const struct tt_stream_stats streams = {
		.message_full = 2, .share_full = 3, .pending_full = 4, .unopened = 5, .parser_full = 6};
	const struct tt_totals t = {.source = &source, .streams = &streams};

	const char *got = written(&text, &t);
	assert_non_null(strstr(got, "34 records, 0 lost; 0 connections; 14 messages turned away by limits\n"));
	assert_non_null(strstr(got, "\n2 requests or answers are not shown because of --limit messages\n"));
	assert_non_null(strstr(got, "\n3 requests are shown without their answers: "));
	assert_non_null(strstr(got, "\n4 requests are shown without their answers: "));
	assert_non_null(strstr(got, "\n5 requests are not shown because of --limit parser_total_bytes\n"));
	assert_non_null(strstr(got, "\n6 times a protocol kept less than it needed because of --limit parser_total_bytes: "));
}

TT_UNIT_TESTS(cmocka_unit_test(says_what_there_was), cmocka_unit_test(names_every_cause_of_a_loss),
	      cmocka_unit_test(says_what_a_capture_lacks), cmocka_unit_test(says_what_limits_turned_away))
