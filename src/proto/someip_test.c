// SPDX-License-Identifier: Apache-2.0
/* Requests, events and service discovery, in datagrams and streams. */
#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_someip;

/* clang-format off */
#define HEAD(method, len, session, type, code) "\x12\x34" method "\0\0\0" len "\0\x77\0" session "\1\1" type code
#define REQUEST(session) HEAD("\0\1", "\x0a", session, "\0", "\0") "hi"
#define NO_RETURN(session) HEAD("\0\3", "\x0a", session, "\1", "\0") "hi"
#define EVENT HEAD("\x80\1", "\x0a", "\1", "\2", "\0") "on"
#define RESPONSE(session) HEAD("\0\1", "\x0b", session, "\x80", "\0") "hi!"
#define ERROR(session, code) HEAD("\0\1", "\x08", session, "\x81", code)
#define COOKIE "\xff\xff\0\0\0\0\0\x08\xde\xad\xbe\xef\1\1\1\0"
#define DISCOVERY "\xff\xff\x81\0\0\0\0\x24\0\0\0\1\1\1\2\0" "\xc0\0\0\0\0\0\0\x10" "\1\0\0\0\x12\x34\0\1\1\0\0\3\0\0\0\0" "\0\0\0\0"
#define CALLED(method) "rpc.system.name=someip,rpc.method=0x1234/" method ",someip.interface_version=1,someip.client_id=0x0077"
#define OF(transport) ",network.transport=" transport "\n"
/* clang-format on */

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_someip, script, expected);
	tt_talk_truncate(&tt_proto_someip, script);
}

static void gives(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(NULL, script);
	assert_string_equal(lines, expected);
	free(lines);
}

static void over_streams(void **state)
{
	const struct tt_line script[] = {TT_C(COOKIE REQUEST("\1") REQUEST("\2")),
					 TT_S(RESPONSE("\2")),
					 TT_S(ERROR("\1", "\3")),
					 TT_C(NO_RETURN("\3")),
					 TT_S(EVENT),
					 TT_C(REQUEST("\4")),
					 TT_S(ERROR("\4", "\x20")),
					 TT_TALK_END};

	check(script,
	      "0x0001|0x1234|E_OK|-|18|19|complete|" CALLED("0x0001")
		      OF("tcp") "0x0001|0x1234|E_UNKNOWN_METHOD|E_UNKNOWN_METHOD|18|16|complete|" CALLED("0x0001")
			      OF("tcp") "0x0003|0x1234|-|-|18|0|complete|" CALLED("0x0003")
				      OF("tcp") "<0x8001|0x1234|-|-|18|0|complete|" CALLED("0x8001") ",someip.notification=1" OF(
					      "tcp") "0x0001|0x1234|0x20|0x20|18|16|complete|" CALLED("0x0001") OF("tcp"));
}

static void over_datagrams(void **state)
{
	const struct tt_line script[] = {TT_DC(REQUEST("\1") REQUEST("\2")), TT_DS(RESPONSE("\2")), TT_DS(RESPONSE("\1") EVENT),
					 TT_TALK_END};

	gives(script,
	      "someip|0x0001|0x1234|E_OK|-|18|19|complete|" CALLED("0x0001") OF(
		      "udp") "someip|0x0001|0x1234|E_OK|-|18|19|complete|" CALLED("0x0001")
		      OF("udp") "someip|<0x8001|0x1234|-|-|18|0|complete|" CALLED("0x8001") ",someip.notification=1" OF("udp"));
	tt_talk_truncate(&tt_proto_someip, script);
}

static void discovers(void **state)
{
	const struct tt_line script[] = {TT_DC(DISCOVERY), TT_TALK_END};

	check(script, "OfferService|0x1234|-|-|44|0|complete|rpc.system.name=someip,someip.sd.entries=1" OF("udp"));
}

static void hostile(void **state)
{
	const struct tt_line length[] = {TT_C("\x12\x34\0\1\xff\xff\xff\xff\0\1\0\1\1\1\0\0"), TT_TALK_END};
	const struct tt_line short_length[] = {TT_C("\x12\x34\0\1\0\0\0\x07\0\1\0\1\1\1\0\0"), TT_TALK_END};
	const struct tt_line not_filled[] = {TT_DC(REQUEST("\1") "rest"), TT_TALK_END};
	const struct tt_line version[] = {TT_C("\x12\x34\0\1\0\0\0\x08\0\1\0\1\2\1\0\0"), TT_TALK_END};

	gives(length, "");
	gives(short_length, "");
	gives(not_filled, "");
	gives(version, "");
}

TT_UNIT_TESTS(cmocka_unit_test(over_streams), cmocka_unit_test(over_datagrams), cmocka_unit_test(discovers),
	      cmocka_unit_test(hostile))
