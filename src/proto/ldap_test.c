// SPDX-License-Identifier: Apache-2.0
/* Conversations between directory clients and servers. */
#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_ldap;

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_ldap, script, expected);
	tt_talk_truncate(&tt_proto_ldap, script);
}

static void check_once(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(&tt_proto_ldap, script);
	assert_string_equal(lines, expected);
	free(lines);
}

/* Messages with ids of one byte. */
#define BIND(id)                                             \
	"\x30\x14\x02\x01" id "\x60\x0f\x02\x01\x03\x04\x04" \
	"cn=a\x80\x04"                                       \
	"secr"
#define RESULT(id, op, code) "\x30\x0c\x02\x01" id op "\x07\x0a\x01" code "\x04\x00\x04\x00"
#define SEARCH(id)                                                                                    \
	"\x30\x26\x02\x01" id "\x63\x21\x04\x04"                                                      \
	"dc=x\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\xa3\x08\x04\x03uid\x04\x01" \
	"a\x30\x00"
#define ENTRY(id)                                \
	"\x30\x10\x02\x01" id "\x64\x0b\x04\x07" \
	"a=,dc=x\x30\x00"
#define DELETE(id)                       \
	"\x30\x09\x02\x01" id "\x4a\x04" \
	"a=bc"
#define STARTTLS(id)                             \
	"\x30\x1d\x02\x01" id "\x77\x18\x80\x16" \
	"1.3.6.1.4.1.1466.20037"

#define DID(name) "db.system.name=ldap,db.operation.name=" name
#define BOUND(code, number) \
	"bind|cn=a|" code   \
	"|22|14|complete|" DID("bind") ",ldap.version=3,db.user=cn=a,ldap.authentication=simple,ldap.result_code=" number "\n"
#define FOUND(bytes, n)                                                                                                          \
	"search|dc=x|success|-|40|" bytes "|complete|" DID("search") ",ldap.search.scope=wholeSubtree,ldap.search.filter=(uid=?" \
								     "),ldap.result_code=0,db.response.returned_rows=" n "\n"

static void log_ins(void **state)
{
	const struct tt_line script[] = {TT_C(BIND("\1")),
					 TT_S(RESULT("\1", "\x61", "\x31")),
					 TT_C(BIND("\2")),
					 TT_S(RESULT("\2", "\x61", "\0")),
					 TT_C("\x30\x05\x02\x01\3\x42\0"),
					 TT_C_EOF,
					 TT_TALK_END};

	check(script, BOUND("invalidCredentials|invalidCredentials", "49")
			      BOUND("success|-", "0") "unbind|-|-|-|7|0|complete|" DID("unbind") "\n");
}

/* Two searches and a removal at once, whose answers interleave. */
static void at_once(void **state)
{
	const struct tt_line script[] = {TT_C(SEARCH("\4") SEARCH("\5") DELETE("\6")),
					 TT_S(ENTRY("\5")),
					 TT_S(ENTRY("\4") ENTRY("\5")),
					 TT_S(RESULT("\6", "\x6b", "\x20") RESULT("\4", "\x65", "\0")),
					 TT_S(RESULT("\5", "\x65", "\0")),
					 TT_TALK_END};

	check(script, "delete|a=bc|noSuchObject|noSuchObject|11|14|complete|" DID("delete") ",ldap.result_code=32\n" FOUND(
			      "32", "1") FOUND("50", "2"));
}

static void given_up(void **state)
{
	const struct tt_line script[] = {TT_C(SEARCH("\4")), TT_C("\x30\x06\x02\x01\5\x50\1\4"),
					 TT_C(DELETE("\6")), TT_S(RESULT("\6", "\x6b", "\0")),
					 TT_S_EOF,	     TT_TALK_END};

	check_once(script, "abandon|-|-|-|8|0|complete|" DID(
				   "abandon") "\n"
					      "delete|a=bc|success|-|11|14|complete|" DID(
						      "delete") ",ldap.result_code=0\n"
								"search|dc=x|-|-|40|0|complete|" DID(
									"search") ",ldap.search.scope=wholeSubtree,ldap.search."
										  "filter=(uid=?)\n");
}

static void starttls(void **state)
{
	const struct tt_line taken[] = {TT_C(STARTTLS("\1")), TT_S(RESULT("\1", "\x78", "\0")),
					TT_C("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on"), TT_TALK_END};
	const struct tt_line refused[] = {TT_C(STARTTLS("\1")), TT_S(RESULT("\1", "\x78", "\x34")), TT_C(DELETE("\2")),
					  TT_S(RESULT("\2", "\x6b", "\0")), TT_TALK_END};

	check(taken, "StartTLS|-|success|-|31|14|complete|" DID("StartTLS") ",ldap.result_code=0\n");
	check(refused, "StartTLS|-|unavailable|unavailable|31|14|complete|" DID(
			       "StartTLS") ",ldap.result_code=52\n"
					   "delete|a=bc|success|-|11|14|complete|" DID("delete") ",ldap.result_code=0\n");
}

static void notice(void **state)
{
	const struct tt_line script[] = {TT_C(DELETE("\2")), TT_S(RESULT("\2", "\x6b", "\0")),
					 TT_S("\x30\x24\x02\x01\0\x78\x1f\x0a\x01\x34\x04\x00\x04\x00\x8a\x16"
					      "1.3.6.1.4.1.1466.20036"),
					 TT_S_EOF, TT_TALK_END};

	check(script,
	      "delete|a=bc|success|-|11|14|complete|" DID("delete") ",ldap.result_code=0\n"
								    "<noticeOfDisconnection|-|-|unavailable|38|0|complete|" DID(
									    "noticeOfDisconnection") ",ldap.result_code=52\n");
}

/* A long value is skipped, captured or not. */
static void long_ones(void **state)
{
	const struct tt_line script[] = {TT_C("\x30\x83\x01\x00\x12\x02\x01\7\x68\x83\x01\x00\x0a\x04\x04"
					      "a=bc\x30\x83\x00\xff\xff"),
					 TT_C_HOLE(65535), TT_C(DELETE("\x08")),
					 TT_S(RESULT("\x08", "\x6b", "\0") RESULT("\7", "\x69", "\x44")), TT_TALK_END};

	/* What is looked at of it, 4 KiB, was not all there. */
	check_once(script, "delete|a=bc|success|-|11|14|complete|" DID("delete") ",ldap.result_code=0\n");
}

static void in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID,
					 TT_S("rest of a value"),
					 TT_C(SEARCH("\x21")),
					 TT_S(ENTRY("\x20")),
					 TT_S(RESULT("\x20", "\x65", "\0")),
					 TT_S(ENTRY("\x21") RESULT("\x21", "\x65", "\0")),
					 TT_TALK_END};

	tt_talk_check(&tt_proto_ldap, script, FOUND("32", "1"));
}

static void filters(void **state)
{
#define BEGIN(size, all) "\x30" all "\x02\x01\1\x63" size "\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x05\x02\x01\x00\x01\x01\x00"
	const struct tt_line nested[] = {TT_C(BEGIN("\x3e", "\x43") "\xa0\x29\xa2\x05\x87\x03"
								    "abc\xa1\x12\xa4\x07\x04\x01"
								    "a\x30\x02\x80\x00\xa6\x07\x04\x01"
								    "b\x04\x02"
								    "pw"
								    "\xa9\x0c\x81\x03"
								    "1.2\x82\x01"
								    "c\x83\x00\x84\x00"
								    "\x30\x00"),
					 TT_TALK_END};
	/* Sixty ands, one within the other. */
	char deep[146] = "\x30\x81\x8f\x02\x01\1\x63\x81\x89\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01";
	for (size_t i = 26; i < sizeof(deep); i += 2) {
		deep[i] = '\xa0';
		deep[i + 1] = (char)(sizeof(deep) - i - 2);
	}
	const struct tt_line too_deep[] = {{TT_SAY_CLIENT, deep, sizeof(deep)}, TT_TALK_END};

	check_once(too_deep, "search||-|unfinished|146|0|incomplete|" DID("search") ",ldap.search.scope=baseObject\n");
	check_once(nested, "search||-|unfinished|69|0|incomplete|" DID(
				   "search") ",ldap.search.scope=baseObject,ldap.search.size_limit=5,"
					     "ldap.search.filter=(&(!(abc=*))(|(a=*?*)(b<=?))(c:1.2:=?))\n");
}

static void hostile(void **state)
{
	const struct tt_line lengths[] = {TT_C("\x30\x84\x7f\xff\xff\xff\x02\x01\1\x63\x84\x7f\xff\xff\xf0\x04\x00"),
					  TT_TALK_END};
	const struct tt_line beyond[] = {TT_C("\x30\x0c\x02\x01\1\x60\x20\x02\x01\x03\x04\x00\x80\x00"), TT_TALK_END};
	const struct tt_line snmp[] = {TT_C("\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\1\x02\x01\0\x02\x01\0\x30\x0e\x30"
					    "\x0c\x06\x08\x2b\6\1\2\1\1\1\0\5\0"),
				       TT_TALK_END};

	check_once(lengths, "");
	check_once(beyond, "");
	check_once(snmp, "");
}

TT_UNIT_TESTS(cmocka_unit_test(log_ins), cmocka_unit_test(at_once), cmocka_unit_test(given_up), cmocka_unit_test(starttls),
	      cmocka_unit_test(notice), cmocka_unit_test(long_ones), cmocka_unit_test(in_the_middle), cmocka_unit_test(filters),
	      cmocka_unit_test(hostile))
