// SPDX-License-Identifier: Apache-2.0
/* Conversations between mail clients and servers. */
#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_smtp;

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_smtp, script, expected);
	tt_talk_truncate(&tt_proto_smtp, script);
}

static void check_once(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(&tt_proto_smtp, script);
	assert_string_equal(lines, expected);
	free(lines);
}

#define GREETING "220 mx.example.org ESMTP Postfix\r\n"
#define HELLO TT_S(GREETING), TT_C("EHLO me.example\r\n"), TT_S("250-mx.example.org\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
#define HELLO_LINE "EHLO|me.example|250|-|17|50|complete|\n"
#define CODE(c) "smtp.enhanced_status_code=" c
#define SENT(from, n) ",smtp.mail.from=" from ",smtp.rcpt.count=" n

static void one_by_one(void **state)
{
	const struct tt_line script[] = {HELLO,
					 TT_C("MAIL FROM:<a@example.org> SIZE=20\r\n"),
					 TT_S("250 2.1.0 Ok\r\n"),
					 TT_C("RCPT TO:<b@example.net>\r\n"),
					 TT_S("250 2.1.5 Ok\r\n"),
					 TT_C("RCPT TO:<nobody@example.net>\r\n"),
					 TT_S("550-5.1.1 No such user,\r\n550 5.1.1 really\r\n"),
					 TT_C("DATA\r\n"),
					 TT_S("354 End data with <CR><LF>.<CR><LF>\r\n"),
					 TT_C("Subject: x\r\n\r\nQUIT\r\n..dot\r\n.\r\n"),
					 TT_S("250 2.0.0 Ok: queued as 4F1A\r\n"),
					 TT_C("QUIT\r\n"),
					 TT_S("221 2.0.0 Bye\r\n"),
					 TT_C_EOF,
					 TT_S_EOF,
					 TT_TALK_END};

	check(script,
	      HELLO_LINE "MAIL|a@example.org|250|-|35|14|complete|smtp.mail.size=20," CODE(
		      "2.1.0") "\n"
			       "RCPT|b@example.net|250|-|25|14|complete|" CODE(
				       "2.1.5") "\n"
						"RCPT|nobody@example.net|550|550|30|43|complete|" CODE(
							"5.1.1") "\n"
								 "DATA|b@example.net|250|-|36|30|complete|smtp.message.size="
								 "27," CODE("2.0.0") ",smtp.queue_id=4F1A" SENT(
									 "a@example.org",
									 "1") "\n"
									      "QUIT|-|221|-|6|15|complete|" CODE("2.0.0") "\n");
}

static void pipelined(void **state)
{
	const struct tt_line script[] = {
		HELLO,
		TT_C("MAIL FROM:<>\r\nRCPT TO:<\"x>y\"@example.net>\r\nRCPT TO:<c@example.net>\r\nDATA\r\n"),
		TT_S("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
		TT_C(".\r\nQUIT\r\n"),
		TT_S("250 OK id=1tAbc-0001\r\n221 bye\r\n"),
		TT_TALK_END};
	const struct tt_line refused[] = {HELLO,
					  TT_C("MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n"),
					  TT_S("250 ok\r\n450 4.2.1 later\r\n503 no recipients\r\n"),
					  TT_C("RSET\r\nNOOP\r\n"),
					  TT_S("250 ok\r\n250 ok\r\n"),
					  TT_TALK_END};

	check(script, HELLO_LINE "MAIL|<>|250|-|14|8|complete|\n"
				 "RCPT|\"x>y\"@example.net|250|-|29|8|complete|\n"
				 "RCPT|c@example.net|250|-|25|8|complete|\n"
				 "DATA|\"x>y\"@example.net|250|-|9|22|complete|smtp.message.size=0,smtp.queue_id=1tAbc-0001" SENT(
					 "<>", "2") "\n"
						    "QUIT|-|221|-|6|9|complete|\n");
	check(refused, HELLO_LINE "MAIL|a@b.c|250|-|19|8|complete|\n"
				  "RCPT|x@y.z|450|450|17|17|complete|" CODE("4.2.1") "\n"
										     "DATA|-|503|503|6|19|complete|\n"
										     "RSET|-|250|-|6|8|complete|\n"
										     "NOOP|-|250|-|6|8|complete|\n");
}

static void chunks(void **state)
{
	const struct tt_line script[] = {
		HELLO, TT_C("MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nBDAT 8\r\nQUIT\r\n.\nBDAT 3 LAST\r\nabcRSET\r\n"),
		TT_S("250 ok\r\n250 ok\r\n250 ok\r\n250 2.0.0 queued as X\r\n250 ok\r\n"), TT_TALK_END};
	const struct tt_line holed[] = {HELLO,
					TT_C("MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nBDAT 100000 LAST\r\nxy"),
					TT_C_HOLE(99998),
					TT_S("250 ok\r\n250 ok\r\n554 5.7.1 spam\r\n"),
					TT_C("QUIT\r\n"),
					TT_S("221 bye\r\n"),
					TT_TALK_END};

	check(script, HELLO_LINE "MAIL|a@b.c|250|-|19|8|complete|\n"
				 "RCPT|x@y.z|250|-|17|8|complete|\n"
				 "BDAT|-|250|-|16|8|complete|smtp.message.size=8\n"
				 "BDAT|x@y.z|250|-|16|23|complete|smtp.message.size=3," CODE("2.0.0") ",smtp.queue_id=X" SENT(
					 "a@b.c", "1") "\n"
						       "RSET|-|250|-|6|8|complete|\n");
	check(holed, HELLO_LINE "MAIL|a@b.c|250|-|19|8|complete|\n"
				"RCPT|x@y.z|250|-|17|8|complete|\n"
				"BDAT|x@y.z|554|554|100018|16|complete|smtp.message.size=100000," CODE("5.7.1")
					SENT("a@b.c", "1") "\n"
							   "QUIT|-|221|-|6|9|complete|\n");
}

/* Nothing of what is said within an authentication is ever shown. */
static void secrets(void **state)
{
	const struct tt_line login[] = {HELLO,
					TT_C("AUTH LOGIN\r\n"),
					TT_S("334 VXNlcm5hbWU6\r\n"),
					TT_C("UVVJVA==\r\n"),
					TT_S("334 UGFzc3dvcmQ6\r\n"),
					TT_C("QUIT\r\n"),
					TT_S("535 5.7.8 bad: QUIT\r\n"),
					TT_C("AUTH PLAIN AGEAYg==\r\n"),
					TT_S("235 2.7.0 ok\r\n"),
					TT_C("auth cGFzc3dvcmQ\r\n"),
					TT_S("504 5.5.4 cGFzc3dvcmQ?\r\n"),
					TT_C("cGFzc3dvcmQ=\r\n"),
					TT_S("500 5.5.2 cGFzc3dvcmQ=?\r\n"),
					TT_TALK_END};

	check(login, HELLO_LINE "AUTH|LOGIN|535|535|28|21|complete|" CODE(
			     "5.7.8") "\n"
				      "AUTH|PLAIN|235|-|21|14|complete|" CODE(
					      "2.7.0") "\n"
						       "AUTH|-|504|504|18|24|complete|" CODE(
							       "5.5.4") "\n"
									"-|-|500|500|14|25|complete|" CODE("5.5.2") "\n");
}

static void starttls(void **state)
{
	const struct tt_line refused[] = {
		HELLO, TT_C("STARTTLS\r\n"), TT_S("454 4.7.0 not now\r\n"), TT_C("QUIT\r\n"), TT_S("221 bye\r\n"), TT_TALK_END};
	const struct tt_line taken[] = {HELLO, TT_C("STARTTLS\r\n"), TT_S("220 2.0.0 go\r\n"),
					TT_C("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on"), TT_TALK_END};

	check(refused, HELLO_LINE "STARTTLS|-|454|454|10|19|complete|" CODE("4.7.0") "\n"
										     "QUIT|-|221|-|6|9|complete|\n");
	check(taken, HELLO_LINE "STARTTLS|-|220|-|10|14|complete|" CODE("2.0.0") "\n");
}

static void lmtp(void **state)
{
	const struct tt_line script[] = {
		TT_S("220 dovecot ready LMTP\r\n"),
		TT_C("LHLO me\r\n"),
		TT_S("250 ok\r\n"),
		TT_C("MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nRCPT TO:<n@y.z>\r\nRCPT TO:<w@y.z>\r\nDATA\r\n"),
		TT_S("250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n"),
		TT_C("text\r\n.\r\nMAIL FROM:<a@b.c>\r\nDATA\r\n"),
		TT_S("250 2.0.0 <x@y.z> saved\r\n452 4.2.2 <w@y.z> full\r\n250 ok\r\n503 none\r\n"),
		TT_C("QUIT\r\n"),
		TT_S("221 bye\r\n"),
		TT_TALK_END};

	check(script, "LHLO|me|250|-|9|8|complete|\n"
		      "MAIL|a@b.c|250|-|19|8|complete|\n"
		      "RCPT|x@y.z|250|-|17|8|complete|\n"
		      "RCPT|n@y.z|550|550|17|8|complete|\n"
		      "RCPT|w@y.z|250|-|17|8|complete|\n"
		      "DATA|x@y.z|452|452|15|49|complete|smtp.message.size=6," CODE("4.2.2")
			      SENT("a@b.c", "2") ",smtp.rcpt.refused=1\n"
						 "MAIL|a@b.c|250|-|19|8|complete|\n"
						 "DATA|-|503|503|6|10|complete|\n"
						 "QUIT|-|221|-|6|9|complete|\n");
}

/* What the server says unasked. */
static void notices(void **state)
{
	const struct tt_line refused[] = {TT_S("554-mx.example.org ESMTP\r\n554 No, thank you\r\n"), TT_C("QUIT\r\n"),
					  TT_S("221 bye\r\n"), TT_TALK_END};
	const struct tt_line late[] = {HELLO, TT_PAUSE(1000), TT_S("421 4.4.2 timeout\r\n"), TT_S_EOF, TT_TALK_END};

	check(refused, "<GREETING|-|-|554|45|0|complete|\n"
		       "QUIT|-|221|-|6|9|complete|\n");
	check(late, HELLO_LINE "<SHUTDOWN|-|-|421|19|0|complete|" CODE("4.4.2") "\n");
}

static void holes(void **state)
{
	const struct tt_line in_text[] = {HELLO,
					  TT_C("MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n"),
					  TT_S("250 ok\r\n250 ok\r\n354 go\r\n"),
					  TT_C("text\r\n"),
					  TT_C_HOLE(50000),
					  TT_C("more\r\n.\r\n"),
					  TT_S("250 ok\r\n"),
					  TT_C("QUIT\r\n"),
					  TT_S("221 bye\r\n"),
					  TT_TALK_END};
	const struct tt_line at_end[] = {HELLO,
					 TT_C("MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n"),
					 TT_S("250 ok\r\n250 ok\r\n354 go\r\n"),
					 TT_C("text\r\n"),
					 TT_C_HOLE(50000),
					 TT_S("250 ok\r\n"),
					 TT_C("QUIT\r\n"),
					 TT_S("221 bye\r\n"),
					 TT_PAUSE(2000),
					 TT_C("NOOP\r\n"),
					 TT_S("250 ok\r\n"),
					 TT_TALK_END};

	check(in_text, HELLO_LINE
	      "MAIL|a@b.c|250|-|19|8|complete|\n"
	      "RCPT|x@y.z|250|-|17|8|complete|\n"
	      "DATA|x@y.z|250|-|50021|8|complete|smtp.message.size=50012" SENT("a@b.c", "1") "\n"
											     "QUIT|-|221|-|6|9|complete|\n");
	check_once(at_end, HELLO_LINE "MAIL|a@b.c|250|-|19|8|complete|\n"
				      "RCPT|x@y.z|250|-|17|8|complete|\n"
				      "DATA|x@y.z|250|-|50012|8|incomplete|smtp.mail.from=a@b.c,smtp.rcpt.count=1\n"
				      "NOOP|-|250|-|6|8|complete|\n");
}

static void in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID,
					 TT_C("of a text\r\n.\r\n"),
					 TT_S("250 2.0.0 Ok\r\n"),
					 TT_C("MAIL FROM:<a@b.c>\r\n"),
					 TT_S("250 2.1.0 Ok\r\n"),
					 TT_C("RCPT TO:<x@y.z>\r\n"),
					 TT_S("250 2.1.5 Ok\r\n"),
					 TT_TALK_END};

	tt_talk_check(&tt_proto_smtp, script,
		      "MAIL|a@b.c|250|-|19|14|complete|" CODE("2.1.0") "\n"
								       "RCPT|x@y.z|250|-|17|14|complete|" CODE("2.1.5") "\n");
}

static void others(void **state)
{
	const struct tt_line ftp[] = {TT_S("220 ready\r\n"), TT_C("USER anonymous\r\n"), TT_S("331 ok\r\n"), TT_TALK_END};
	const struct tt_line ftp_middle[] = {TT_MID,	       TT_C("NOOP\r\n"),    TT_S("200 ok\r\n"),
					     TT_C("QUIT\r\n"), TT_S("221 bye\r\n"), TT_TALK_END};
	const struct tt_line http[] = {TT_C("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), TT_S("HTTP/1.1 200 OK\r\n\r\n"), TT_TALK_END};
	const struct tt_line sizes[] = {HELLO, TT_C("BDAT 999999999999999999 LAST\r\nx"), TT_C("MAIL FROM:<a@b.c>\r\n"),
					TT_TALK_END};

	check_once(ftp, "");
	check_once(ftp_middle, "");
	check_once(http, "");
	check_once(sizes, HELLO_LINE "BDAT|-|-|unfinished|50|0|incomplete|smtp.message.size=999999999999999999\n");
}

TT_UNIT_TESTS(cmocka_unit_test(one_by_one), cmocka_unit_test(pipelined), cmocka_unit_test(chunks), cmocka_unit_test(secrets),
	      cmocka_unit_test(starttls), cmocka_unit_test(lmtp), cmocka_unit_test(notices), cmocka_unit_test(holes),
	      cmocka_unit_test(in_the_middle), cmocka_unit_test(others))
