// SPDX-License-Identifier: Apache-2.0
/* Lookups over datagrams and streams. */
#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_dns;

/* clang-format off */
#define ID "\x12\x34"
#define ASKS "\x01\x20"
#define SAYS "\x81\x80"
#define COUNTS(questions, answers, authority, additional) "\0" questions "\0" answers "\0" authority "\0" additional
#define WWW "\3www\2de\0"
#define A "\0\1\0\1"
#define AAAA "\0\x1c\0\1"
#define RECORD(type, data) "\xc0\x0c" type "\0\0\x00\x3c" data
#define ADDRESS RECORD(A, "\0\4\x7f\0\0\1")
#define ADDRESS6 RECORD(AAAA, "\0\x10" "0123456789abcdef")
#define OPT(extended) "\0\0\x29\x04\xd0" extended "\0\0\0\0\0"

#define ASK_A ID ASKS COUNTS("\1", "\0", "\0", "\1") WWW A OPT("\0")
#define SAY_A ID SAYS COUNTS("\1", "\1", "\0", "\1") WWW A ADDRESS OPT("\0")
#define ASK_AAAA "\x12\x35" ASKS COUNTS("\1", "\0", "\0", "\0") WWW AAAA
#define SAY_AAAA "\x12\x35" SAYS COUNTS("\1", "\2", "\0", "\0") WWW AAAA ADDRESS6 ADDRESS6
/* clang-format on */

#define OF(type) "dns.question.name=www.de,dns.question.type=" type
#define UDP(type) "network.transport=udp," OF(type)
#define TCP(type) "network.transport=tcp," OF(type)

/* Status and error of what is held against the query: a failure of its end only. */
#define AT_SERVER(code) code "|-|"
#define AT_CLIENT(code) code "|" code "|"

static void check_both(const struct tt_line *script, const char *at_server, const char *at_client)
{
	tt_talk_check_both(&tt_proto_dns, script, at_server, at_client);
	tt_talk_truncate(&tt_proto_dns, script);
}

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_dns, script, expected);
	tt_talk_truncate(&tt_proto_dns, script);
}

static void gives(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(&tt_proto_dns, script);
	assert_string_equal(lines, expected);
	free(lines);
}

static void over_datagrams(void **state)
{
	const struct tt_line script[] = {TT_DC(ASK_A), TT_DC(ASK_AAAA), TT_DS(SAY_AAAA), TT_DS(SAY_A), TT_TALK_END};

	check(script, "AAAA|www.de|NOERROR|-|24|80|complete|" UDP("AAAA") ",dns.response.answers=2\n"
									  "A|www.de|NOERROR|-|35|51|complete|" UDP(
										  "A") ",dns.response.answers=1\n");
}

#define FRAMED(len, message) "\0" len message

static void over_streams(void **state)
{
#define BOTH FRAMED("\x23", ASK_A) FRAMED("\x18", ASK_AAAA)
	const struct tt_line script[] = {TT_C(BOTH),
					 TT_S(FRAMED("\x50", SAY_AAAA)),
					 TT_S(FRAMED("\x33", SAY_A)),
					 TT_C(FRAMED("\x23", ASK_A)),
					 TT_S(FRAMED("\x33", SAY_A)),
					 TT_TALK_END};

	check(script, "AAAA|www.de|NOERROR|-|26|82|complete|" TCP("AAAA") ",dns.response.answers=2\n"
									  "A|www.de|NOERROR|-|37|53|complete|" TCP(
										  "A") ",dns.response.answers=1\n"
										       "A|www.de|NOERROR|-|37|53|complete|" TCP(
											       "A") ",dns.response.answers=1\n");
}

static void failures(void **state)
{
#define ASK_AS(id) "\x12" id ASKS COUNTS("\1", "\0", "\0", "\1") WWW A OPT("\0")
#define SAY_CODE(id, code) "\x12" id "\x81" code COUNTS("\1", "\0", "\0", "\0") WWW A
#define SAY_EXTENDED(id, code) "\x12" id SAYS COUNTS("\1", "\0", "\0", "\1") WWW A OPT(code)
#define FAILED(code) "A|www.de|" code "|" code "|35|"
#define NO_ANSWER "|complete|" UDP("A") ",dns.response.answers=0\n"
	const struct tt_line script[] = {
		TT_DC(ASK_AS("1")), TT_DS(SAY_CODE("1", "\x83")), TT_DC(ASK_AS("2")), TT_DS(SAY_CODE("2", "\x82")),
		TT_DC(ASK_AS("3")), TT_DS(SAY_CODE("3", "\x8c")), TT_DC(ASK_AS("4")), TT_DS(SAY_EXTENDED("4", "\1")),
		TT_TALK_END};

#define LINES(held)                                                                              \
	"A|www.de|" held("NXDOMAIN") "35|24" NO_ANSWER FAILED("SERVFAIL") "24" NO_ANSWER FAILED( \
		"RCODE12") "24" NO_ANSWER "A|www.de|" held("BADVERS") "35|35" NO_ANSWER

	check_both(script, LINES(AT_SERVER), LINES(AT_CLIENT));
#undef LINES
}

/* FORMERR need not repeat the question. */
static void answers_without_question(void **state)
{
#define FORMERR ID "\x81\x81" COUNTS("\0", "\0", "\0", "\0")
	const struct tt_line script[] = {TT_DC(ASK_AAAA), TT_DC(ASK_A), TT_DS(FORMERR), TT_DS(SAY_AAAA), TT_TALK_END};

#define LINES(held)                                                                                         \
	"A|www.de|" held("FORMERR") "35|12|complete|" UDP("A") ",dns.response.answers=0\n"                  \
							       "AAAA|www.de|NOERROR|-|24|80|complete|" UDP( \
								       "AAAA") ",dns.response.answers=2\n"
	check_both(script, LINES(AT_SERVER), LINES(AT_CLIENT));
#undef LINES
}

static void truncated_answer_and_stream(void **state)
{
#define SAY_TRUNCATED ID "\x83\x80" COUNTS("\1", "\0", "\0", "\0") WWW A
	const struct tt_line script[] = {TT_DC(ASK_A), TT_DS(SAY_TRUNCATED), TT_TALK_END};

	check(script, "A|www.de|NOERROR|-|35|24|complete|" UDP("A") ",dns.response.answers=0,dns.response.truncated=1\n");
}

static void asked_again(void **state)
{
	const struct tt_line script[] = {TT_DC(ASK_A),	  TT_PAUSE(5000), TT_DC(ASK_A), TT_PAUSE(5000),
					 TT_DC(ASK_A),	  TT_DS(SAY_A),	  TT_DS(SAY_A), TT_DC(ASK_AAAA),
					 TT_DS(SAY_AAAA), TT_DC(ASK_A),	  TT_DS(SAY_A), TT_TALK_END};

	/* One lookup, whose later answer is nobody's; the last one is another. */
	gives(script, "A|www.de|NOERROR|-|35|51|complete|" UDP("A") ",dns.request.resends=2,dns.response.answers=1\n"
								    "AAAA|www.de|NOERROR|-|24|80|complete|" UDP(
									    "AAAA") ",dns.response.answers=2\n"
										    "A|www.de|NOERROR|-|35|51|complete|" UDP(
											    "A") ",dns.response.answers=1\n");
}

static void same_id_other_question(void **state)
{
#define ASK_MX ID ASKS COUNTS("\1", "\0", "\0", "\0") WWW "\0\x0f\0\1"
	const struct tt_line script[] = {TT_DC(ASK_MX), TT_DC(ASK_A), TT_DS(SAY_A), TT_TALK_END};

	gives(script, "A|www.de|NOERROR|-|35|51|complete|" UDP("A") ",dns.response.answers=1\n"
								    "MX|www.de|-|unfinished|24|0|incomplete|" UDP("MX") "\n");
}

static void other_operations(void **state)
{
#define NOTIFY ID "\x24\0" COUNTS("\1", "\0", "\0", "\0") WWW "\0\6\0\1"
#define NOTIFIED ID "\xa4\0" COUNTS("\1", "\0", "\0", "\0") WWW "\0\6\0\1"
#define UPDATE ID "\x28\0" COUNTS("\1", "\0", "\1", "\0") WWW "\0\6\0\1" ADDRESS
#define UPDATED ID "\xa8\5" COUNTS("\1", "\0", "\0", "\0") WWW "\0\6\0\1"
#define TWO_QUESTIONS ID ASKS COUNTS("\2", "\0", "\0", "\0") WWW A "\xc0\x0c" AAAA
#define TWO_ANSWERS ID SAYS COUNTS("\2", "\0", "\0", "\0") WWW A "\xc0\x0c" AAAA
#define ROOT ID ASKS COUNTS("\1", "\0", "\0", "\0") "\0\xff\0\0\1"
#define ROOT_SAID ID SAYS COUNTS("\1", "\0", "\0", "\0") "\0\xff\0\0\1"
	const struct tt_line script[] = {TT_DC(NOTIFY),	 TT_DS(NOTIFIED),      TT_DC(UPDATE),
					 TT_DS(UPDATED), TT_DC(TWO_QUESTIONS), TT_DS(TWO_ANSWERS),
					 TT_DC(ROOT),	 TT_DS(ROOT_SAID),     TT_TALK_END};

#define LINES(held)                                                                                                  \
	"NOTIFY|www.de|NOERROR|-|24|24|complete|" UDP(                                                               \
		"SOA") ",dns.response.answers=0\n"                                                                   \
		       "UPDATE|www.de|" held("REFUSED") "40|24|complete|" UDP(                                       \
			       "SOA") ",dns.response.answers=0\n"                                                    \
				      "A|www.de|NOERROR|-|30|30|complete|" UDP(                                      \
					      "A") ",dns.response.answers=0\n"                                       \
						   "TYPE65280|.|NOERROR|-|17|17|complete|network.transport=udp,dns." \
						   "question.name=.,dns.question.type=TYPE65280,"                    \
						   "dns.response.answers=0\n"
	check_both(script, LINES(AT_SERVER), LINES(AT_CLIENT));
#undef LINES
}

/* clang-format off */
#define SOA "\0\6\0\1"
#define SERIAL(n) RECORD(SOA, "\0\x18" "\xc0\x0c\xc0\x0c" "\0\0\0" n "0123456789abcdef")
#define ASK_ZONE(type) "\0\x18" ID "\0\0" COUNTS("\1", "\0", "\0", "\0") WWW "\0" type "\0\1"
#define ZONE_HEAD(answers, type) ID "\x84\0" COUNTS("\1", answers, "\0", "\0") WWW "\0" type "\0\1"
/* clang-format on */

static void zone_transfers(void **state)
{
#define FIRST FRAMED("\x4c", ZONE_HEAD("\2", "\xfc") SERIAL("\1") ADDRESS)
#define LAST FRAMED("\x30", ID "\x84\0" COUNTS("\0", "\1", "\0", "\0") SERIAL("\1"))
#define MIDDLE FRAMED("\x1c", ID "\x84\0" COUNTS("\0", "\1", "\0", "\0") ADDRESS)
#define UP_TO_DATE FRAMED("\x3c", ZONE_HEAD("\1", "\xfb") SERIAL("\1"))
#define REFUSED FRAMED("\x18", ID "\x84\5" COUNTS("\1", "\0", "\0", "\0") WWW "\0\xfc\0\1")
#define DIFFERENCES FRAMED("\x84", ZONE_HEAD("\3", "\xfb") SERIAL("\2") SERIAL("\1") SERIAL("\2")) LAST_OF_2
#define LAST_OF_2 FRAMED("\x30", ID "\x84\0" COUNTS("\0", "\1", "\0", "\0") SERIAL("\2"))
	const struct tt_line script[] = {TT_C(ASK_ZONE("\xfc")),
					 TT_S(FIRST),
					 TT_S(MIDDLE MIDDLE),
					 TT_S(LAST),
					 TT_C(ASK_ZONE("\xfb")),
					 TT_S(UP_TO_DATE),
					 TT_C(ASK_ZONE("\xfb")),
					 TT_S(DIFFERENCES),
					 TT_C(ASK_ZONE("\xfc")),
					 TT_S(REFUSED),
					 TT_C(FRAMED("\x23", ASK_A)),
					 TT_S(FRAMED("\x33", SAY_A)),
					 TT_TALK_END};

#define LINES(held)                                                                                               \
	"AXFR|www.de|NOERROR|-|26|188|complete|" TCP(                                                             \
		"AXFR") ",dns.response.answers=5\n"                                                               \
			"IXFR|www.de|NOERROR|-|26|62|complete|" TCP(                                              \
				"IXFR") ",dns.response.answers=1\n"                                               \
					"IXFR|www.de|NOERROR|-|26|184|complete|" TCP(                             \
						"IXFR") ",dns.response.answers=4\n"                               \
							"AXFR|www.de|" held("REFUSED") "26|26|complete|" TCP(     \
								"AXFR") ",dns.response.answers=0\n"               \
									"A|www.de|NOERROR|-|37|53|complete|" TCP( \
										"A") ",dns.response.answers=1\n"
	check_both(script, LINES(AT_SERVER), LINES(AT_CLIENT));
#undef LINES
}

/* An answer of 65535 bytes is not kept whole. */
static void large_answers_on_streams(void **state)
{
	static char answer[2 + 65535] =
		"\xff\xff" ID SAYS COUNTS("\1", "\1", "\0", "\0") WWW A "\xc0\x0c\0\x10\0\1\0\0\0\x3c\xff\xdb";
	const struct tt_line script[] = {TT_C(FRAMED("\x23", ASK_A)),
					 {TT_SAY_SERVER, answer, sizeof(answer)},
					 TT_C(FRAMED("\x23", ASK_A)),
					 TT_S(FRAMED("\x33", SAY_A)),
					 TT_TALK_END};

	gives(script, "A|www.de|NOERROR|-|37|65537|complete|" TCP("A") ",dns.response.answers=1\n"
								       "A|www.de|NOERROR|-|37|53|complete|" TCP(
									       "A") ",dns.response.answers=1\n");
}

static void garbage_between(void **state)
{
	const struct tt_line datagrams[] = {TT_DC(ASK_A), TT_DC("\1\2\3"), TT_DS("no answer at all"),
					    TT_DS(ASK_A), TT_DS(SAY_A),	   TT_TALK_END};
	gives(datagrams, "A|www.de|NOERROR|-|35|51|complete|" UDP("A") ",dns.response.answers=1\n");

	const struct tt_line stream[] = {TT_C(FRAMED("\x23", ASK_A)), TT_S("\0\5hello"), TT_S(FRAMED("\x33", SAY_A)),
					 TT_TALK_END};
	char *lines = tt_talk(&tt_proto_dns, stream);
	assert_null(strstr(lines, "hello"));
	free(lines);
}

static void never_answered(void **state)
{
	const struct tt_line script[] = {TT_DC(ASK_A), TT_PAUSE(61000), TT_DC(ASK_A), TT_DS(SAY_A), TT_TALK_END};

	gives(script, "A|www.de|-|timeout|35|0|complete|" UDP("A") "\n"
								   "A|www.de|NOERROR|-|35|51|complete|" UDP(
									   "A") ",dns.response.answers=1\n");
}

TT_UNIT_TESTS(cmocka_unit_test(over_datagrams), cmocka_unit_test(over_streams), cmocka_unit_test(failures),
	      cmocka_unit_test(answers_without_question), cmocka_unit_test(truncated_answer_and_stream),
	      cmocka_unit_test(asked_again), cmocka_unit_test(same_id_other_question), cmocka_unit_test(other_operations),
	      cmocka_unit_test(zone_transfers), cmocka_unit_test(large_answers_on_streams), cmocka_unit_test(garbage_between),
	      cmocka_unit_test(never_answered))
