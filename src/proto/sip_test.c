// SPDX-License-Identifier: Apache-2.0
/* Calls over streams and datagrams: provisional responses, what either end asks, what is sent again, keep-alives, framing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_sip;

/* clang-format off */
#define CALL(branch, cseq) \
	"Via: SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bK" branch ";rport\r\nFrom: \"A <b\" <sip:alice@a.example>;tag=1\r\n" \
	"To: sip:bob@b.example;tag=2\r\nCall-ID: c1@a.example\r\nCSeq: " cseq "\r\n"
#define BACK(branch, cseq) \
	"v: SIP/2.0/TCP 10.0.0.2:5060;branch=z9hG4bK" branch "\r\nf: <sip:bob@b.example>;tag=2\r\n" \
	"t: <sip:alice@a.example>;tag=1\r\ni: c1@a.example\r\nCSeq: " cseq "\r\n"
#define END "Content-Length: 0\r\n\r\n"
#define INVITE "INVITE sip:bob@b.example SIP/2.0\r\n" CALL("1", "1 INVITE") "User-Agent: phone\r\nContent-Length: 5\r\n\r\nv=0\r\n"
#define TRYING "SIP/2.0 100 Trying\r\n" CALL("1", "1 INVITE") END
#define RINGING "SIP/2.0 180 Ringing\r\n" CALL("1", "1 INVITE") END
#define ACCEPTED "SIP/2.0 200 OK\r\n" CALL("1", "1 INVITE") "l: 5\r\n\r\nv=0\r\n"
#define TERMINATED "SIP/2.0 487 Request Terminated\r\n" CALL("1", "1 INVITE") END
#define ACK "ACK sip:bob@10.0.0.2 SIP/2.0\r\n" CALL("2", "1 ACK") END
#define ACK_REFUSED "ACK sip:bob@b.example SIP/2.0\r\n" CALL("1", "1 ACK") END
#define CANCEL "CANCEL sip:bob@b.example SIP/2.0\r\n" CALL("1", "1 CANCEL") END
#define CANCELED "SIP/2.0 200 canceling\r\n" CALL("1", "1 CANCEL") END
#define BYE "BYE sip:alice@10.0.0.1 SIP/2.0\r\n" BACK("9", "7 BYE") "l: 0\r\n\r\n"
#define BYE_OK "SIP/2.0 200 OK\r\n" BACK("9", "7 BYE") "l : 0\r\n\r\n"
#define OPTIONS(n) "OPTIONS sip:b.example SIP/2.0\r\n" CALL("o" n, n " OPTIONS") END
#define OPTIONS_FAILED(n, code) "SIP/2.0 " code " Reason\r\n" CALL("o" n, n " OPTIONS") END
#define FOLDED "NOTIFY sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n ;received=1\r\n\t;branch=z9hG4bKf, SIP/2.0/UDP b;branch=no\r\n" \
	"f: <sip:a@a>\r\nt: <sip:b@b>\r\ni: c2\r\nCSeq: 4 NOTIFY\r\no: presence;id=2\r\nl: 0\r\n\r\n"
#define FOLDED_OK "SIP/2.0 200\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKf\r\nCall-ID: c2\r\nCSeq: 4   NOTIFY\r\nContent-Length: 0\r\n\r\n"

#define ATTRS(method, call, cseq, from, to) "rpc.system.name=sip,rpc.method=" method ",sip.call_id=" call ",sip.cseq=" cseq ",sip.from=" from ",sip.to=" to
#define FORTH(method, cseq) ATTRS(method, "c1@a.example", cseq, "sip:alice@a.example", "sip:bob@b.example")
#define TCP ",network.transport=tcp"
#define UDP ",network.transport=udp"
#define CODE(code) ",rpc.response.status_code=" code
/* clang-format on */

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_sip, script, expected);
	tt_talk_truncate(&tt_proto_sip, script);
}

static void gives(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(NULL, script);
	assert_string_equal(lines, expected);
	free(lines);
}

/* "%zu" of each line's format in turn. */
static void check_sizes(const struct tt_line *script, const char *format, const size_t *sizes)
{
	char expected[8192], *at = expected;

	for (; *format; format++) {
		if (*format == '#')
			at += snprintf(at, sizeof(expected) - (size_t)(at - expected), "%zu", *sizes++);
		else
			*at++ = *format;
	}
	*at = 0;
	check(script, expected);
}

#define LEN(s) (sizeof(s) - 1)

static void a_call(void **state)
{
	const struct tt_line script[] = {TT_C(INVITE),	 TT_S(TRYING), TT_S(RINGING), TT_PAUSE(100), TT_S(RINGING),
					 TT_S(ACCEPTED), TT_C(ACK),    TT_S(BYE),     TT_C(BYE_OK),  TT_TALK_END};
	const size_t sizes[] = {LEN(INVITE), LEN(TRYING) + 2 * LEN(RINGING) + LEN(ACCEPTED), LEN(ACK), LEN(BYE), LEN(BYE_OK)};

	check_sizes(script,
		    "INVITE|sip:bob@b.example|200|-|#|#|complete|" FORTH("INVITE", "1") ",user_agent.original=phone" TCP CODE(
			    "200") ",sip.provisional_responses=3,sip.provisional_status=180\n"
				   "ACK|sip:bob@10.0.0.2|-|-|#|0|complete|" FORTH("ACK", "1") TCP
		    "\n<BYE|sip:alice@10.0.0.1|200|-|#|#|complete|" ATTRS("BYE", "c1@a.example", "7", "sip:bob@b.example",
									  "sip:alice@a.example") TCP CODE("200") "\n",
		    sizes);
}

static void a_call_cancelled(void **state)
{
	const struct tt_line script[] = {TT_C(INVITE),	    TT_S(RINGING), TT_C(CANCEL), TT_S(CANCELED TERMINATED),
					 TT_C(ACK_REFUSED), TT_TALK_END};
	char at_server[2048], at_client[2048];
	size_t n = (size_t)snprintf(at_server, sizeof(at_server),
				    "CANCEL|sip:bob@b.example|200|-|%zu|%zu|complete|" FORTH("CANCEL", "1") TCP CODE("200") "\n",
				    LEN(CANCEL), LEN(CANCELED));
	snprintf(at_server + n, sizeof(at_server) - n,
		 "INVITE|sip:bob@b.example|487|-|%zu|%zu|complete|" FORTH("INVITE", "1") ",user_agent.original=phone" TCP CODE(
			 "487") ",sip.provisional_responses=1,sip.provisional_status=180\n"
				"ACK|sip:bob@b.example|-|-|%zu|0|complete|" FORTH("ACK", "1") TCP "\n",
		 LEN(INVITE), LEN(RINGING) + LEN(TERMINATED), LEN(ACK_REFUSED));
	const char *status = strstr(at_server, "|487|-|");
	snprintf(at_client, sizeof(at_client), "%.*s|487|487|%s", (int)(status - at_server), at_server, status + 7);
	tt_talk_check_both(&tt_proto_sip, script, at_server, at_client);
	tt_talk_truncate(&tt_proto_sip, script);
}

/* The other way round and at once: by id, with keep-alives between. */
static void answers_out_of_order(void **state)
{
	const struct tt_line script[] = {
		TT_C("\r\n\r\n" OPTIONS("1") OPTIONS("2")), TT_S("\r\n"), TT_C("\r\n\r\n"), TT_S(OPTIONS_FAILED("2", "503")),
		TT_S(OPTIONS_FAILED("1", "500")),	    TT_C(FOLDED), TT_S(FOLDED_OK),  TT_TALK_END};
	const size_t sizes[] = {LEN(OPTIONS("2")), LEN(OPTIONS_FAILED("2", "503")),
				LEN(OPTIONS("1")), LEN(OPTIONS_FAILED("1", "500")),
				LEN(FOLDED),	   LEN(FOLDED_OK)};

	check_sizes(script,
		    "OPTIONS|sip:b.example|503|503|#|#|complete|" FORTH("OPTIONS", "2")
			    TCP CODE("503") "\nOPTIONS|sip:b.example|500|500|#|#|complete|" FORTH("OPTIONS", "1")
				    TCP CODE("500") "\nNOTIFY|sip:bob@b.example|200|-|#|#|complete|" ATTRS(
					    "NOTIFY", "c2", "4", "sip:a@a", "sip:b@b") ",sip.event=presence" TCP CODE("200") "\n",
		    sizes);
}

static void datagrams(void **state)
{
	const struct tt_line script[] = {TT_DC("\r\n\r\n"), TT_DC(INVITE),  TT_DC(INVITE),   TT_DS("\0\0\0\0"),
					 TT_DS(TRYING),	    TT_DS(RINGING), TT_DS(ACCEPTED), TT_DS(ACCEPTED),
					 TT_DC(INVITE),	    TT_DC(ACK),	    TT_DC(ACK),	     TT_DS(BYE),
					 TT_DS(BYE),	    TT_DC(BYE_OK),  TT_DC(BYE_OK),   TT_TALK_END};
	char expected[2048];

	snprintf(
		expected, sizeof(expected),
		"sip|INVITE|sip:bob@b.example|200|-|%zu|%zu|complete|" FORTH("INVITE", "1") ",user_agent.original=phone" UDP CODE(
			"200") ",sip.provisional_responses=2,sip.provisional_status=180,sip.retransmissions=1\n"
			       "sip|ACK|sip:bob@10.0.0.2|-|-|%zu|0|complete|" FORTH("ACK", "1") UDP
		"\nsip|<BYE|sip:alice@10.0.0.1|200|-|%zu|%zu|complete|" ATTRS("BYE", "c1@a.example", "7", "sip:bob@b.example",
									      "sip:alice@a.example")
			UDP CODE("200") ",sip.retransmissions=1\n",
		LEN(INVITE), LEN(TRYING) + LEN(RINGING) + LEN(ACCEPTED), LEN(ACK), LEN(BYE), LEN(BYE_OK));
	gives(script, expected);
	tt_talk_truncate(&tt_proto_sip, script);
}

static void in_the_middle(void **state)
{
	const struct tt_line body_first[] = {
		TT_MID, TT_C("v=0\r\no=- 1 1 IN IP4 a\r\n"), TT_S(RINGING), TT_S(ACCEPTED), TT_C(ACK), TT_TALK_END};
	const struct tt_line asked_by_server[] = {TT_MID, TT_S(BYE), TT_C(BYE_OK), TT_TALK_END};
	char expected[1024];

	snprintf(expected, sizeof(expected), "ACK|sip:bob@10.0.0.2|-|-|%zu|0|complete|" FORTH("ACK", "1") TCP "\n", LEN(ACK));
	check(body_first, expected);
	snprintf(expected, sizeof(expected),
		 "sip|BYE|sip:alice@10.0.0.1|200|-|%zu|%zu|complete|" ATTRS("BYE", "c1@a.example", "7", "sip:bob@b.example",
									    "sip:alice@a.example") TCP CODE("200") "\n",
		 LEN(BYE), LEN(BYE_OK));
	char *lines = tt_talk(NULL, asked_by_server);
	assert_string_equal(strchr(lines, '|') + 1 + (lines[4] == '<'), strchr(expected, '|') + 1);
	free(lines);
}

static void hostile(void **state)
{
	static const char *const heads[] = {
		"OPTIONS sip:b SIP/2.0\r\nVia: x;branch=1\r\nCall-ID: 1\r\nCSeq: 1 BYE\r\n\r\n",	      /* another method */
		"OPTIONS sip:b SIP/2.0\r\nVia: x;branch=1\r\nCall-ID: 1\r\nCSeq: 4294967296 OPTIONS\r\n\r\n", /* past 2^32 */
		"OPTIONS sip:b SIP/2.0\r\nVia: x;branch=1\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nl: 2147483648\r\n\r\n",
		"OPTIONS sip:b SIP/2.0\r\nVia: x;branch=1\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nl: 99999999999999999999\r\n\r\n",
		"OPTIONS sip:b SIP/2.0\r\nVia: x;branch=1\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nl: -1\r\n\r\n",
		"OPTIONS sip:b SIP/2.0\r\nVia: x;branch=1\r\nCall-ID: \r\nCSeq: 1 OPTIONS\r\n\r\n",
		"OPTIONS sip:b SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n",
		"OPTIONS sip:b SIP/2.0\r\nVia: x;branch=1\r\n: 1\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n",
		"OPTIONS sip:b SIP/2.1\r\nVia: x;branch=1\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n",
		"SIP/2.0 700 No\r\nVia: x;branch=1\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n",
		"SIP/2.0 2000 No\r\nVia: x;branch=1\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n",
		"GET sip:b HTTP/1.1\r\nVia: x;branch=1\r\nCall-ID: 1\r\nCSeq: 1 GET\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		const struct tt_line script[] = {{TT_SAY_CLIENT, heads[i], strlen(heads[i])}, TT_TALK_END};
		const struct tt_line datagram[] = {{TT_SAY_DATAGRAM_CLIENT, heads[i], strlen(heads[i])}, TT_TALK_END};
		char *lines = tt_talk(&tt_proto_sip, script);
		assert_string_equal(lines, "");
		free(lines);
		lines = tt_talk(&tt_proto_sip, datagram);
		assert_string_equal(lines, "");
		free(lines);
	}
}

/* A head without end is given up, and what follows it is found again. */
static void heads_without_end(void **state)
{
	size_t len = 40000;
	char *endless = malloc(len);
	memset(endless, 'x', len);
	memcpy(endless, "OPTIONS sip:b SIP/2.0\r\nSubject: ", 32);
	const struct tt_line script[] = {{TT_SAY_CLIENT, endless, len}, TT_C(ACK), TT_TALK_END};
	char expected[1024];

	snprintf(expected, sizeof(expected), "ACK|sip:bob@10.0.0.2|-|-|%zu|0|complete|" FORTH("ACK", "1") TCP "\n", LEN(ACK));
	char *lines = tt_talk(&tt_proto_sip, script);
	assert_string_equal(lines, expected);
	free(lines);
	free(endless);
}

/* More transactions than are remembered: those forgotten are counted. */
static void many_transactions(void **state)
{
	enum { MANY = 4096 + 3 };
	struct tt_line *script = calloc(MANY + 1, sizeof(*script));
	size_t size = MANY * 256;
	char *text = malloc(size);

	assert_non_null(script);
	assert_non_null(text);
	char *at = text;
	for (unsigned i = 0; i < MANY; i++) {
		int len = snprintf(at, size - (size_t)(at - text),
				   "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK%u\r\nFrom: <sip:a@a>;tag=1\r\n"
				   "To: <sip:b@b>\r\nCall-ID: c\r\nCSeq: %u OPTIONS\r\n" END,
				   i, i);
		script[i] = (struct tt_line){TT_SAY_CLIENT, at, (size_t)len};
		at += len;
	}
	free(tt_talk(&tt_proto_sip, script));
	assert_int_equal(tt_talk_stats()->exchanges, MANY);
	assert_int_equal(tt_talk_stats()->statements_full, 3);
	free(text);
	free(script);
}

TT_UNIT_TESTS(cmocka_unit_test(a_call), cmocka_unit_test(a_call_cancelled), cmocka_unit_test(answers_out_of_order),
	      cmocka_unit_test(datagrams), cmocka_unit_test(in_the_middle), cmocka_unit_test(hostile),
	      cmocka_unit_test(heads_without_end), cmocka_unit_test(many_transactions))
