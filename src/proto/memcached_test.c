// SPDX-License-Identifier: Apache-2.0
/* Conversations as memcached and its clients have them: text, meta commands, binary. */
#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_memcached;

static void check(const struct tt_line *script, const char *expected)
{
	tt_talk_check(&tt_proto_memcached, script, expected);
	tt_talk_truncate(&tt_proto_memcached, script);
}

static void check_once(const struct tt_line *script, const char *expected)
{
	char *lines = tt_talk(&tt_proto_memcached, script);
	assert_string_equal(lines, expected);
	free(lines);
}

#define DB(name) "db.system.name=memcached,db.operation.name=" name

/* beanstalkd says some of the same; of numbers deleted first, what comes next tells. */
static void is_no_beanstalkd(void **state)
{
	const struct tt_line queue[] = {TT_C("delete 5\r\n"), TT_S("DELETED\r\n"), TT_C("delete 6\r\n"), TT_S("NOT_FOUND\r\n"),
					TT_C("touch 6\r\n"),  TT_S("TOUCHED\r\n"), TT_C("quit\r\n"),	 TT_TALK_END};
	const struct tt_line cache[] = {TT_C("delete 5\r\n"), TT_S("DELETED\r\n"), TT_C("get 5\r\n"), TT_S("END\r\n"),
					TT_TALK_END};

	char *lines = tt_talk(NULL, queue);
	assert_string_equal(lines, "");
	free(lines);
	lines = tt_talk(NULL, cache);
	assert_non_null(strstr(lines, "memcached|DELETE|5|DELETED|"));
	assert_non_null(strstr(lines, "memcached|GET|5|"));
	free(lines);
}

static void text(void **state)
{
	const struct tt_line script[] = {TT_C("set k 0 0 5\r\nhello\r\n"),
					 TT_S("STORED\r\n"),
					 TT_C("get k\r\n"),
					 TT_S("VALUE k 0 5\r\nhello\r\nEND\r\n"),
					 TT_C("get none\r\n"),
					 TT_S("END\r\n"),
					 TT_C("gets k none other\r\n"),
					 TT_S("VALUE k 0 5 7\r\nEND\r\n\r\nVALUE other 1 0 8\r\n\r\nEND\r\n"),
					 TT_C("incr n 1\r\n"),
					 TT_S("NOT_FOUND\r\n"),
					 TT_C("incr n 1\r\n"),
					 TT_S("12\r\n"),
					 TT_C("gat 10 k j\r\n"),
					 TT_S("END\r\n"),
					 TT_C("touch k 0\r\n"),
					 TT_S("TOUCHED\r\n"),
					 TT_C("cas k 0 -1 2 7\r\nxy\r\n"),
					 TT_S("EXISTS\r\n"),
					 TT_C("version\r\n"),
					 TT_S("VERSION 1.6.18\r\n"),
					 TT_C("stats\r\n"),
					 TT_S("STAT pid 1\r\nSTAT uptime 2\r\nEND\r\n"),
					 TT_C("stats reset\r\n"),
					 TT_S("RESET\r\n"),
					 TT_C("quit\r\n"),
					 TT_TALK_END};

	check(script,
	      "SET|k|STORED|-|20|8|complete|" DB(
		      "SET") "\n"
			     "GET|k|END|-|7|25|complete|" DB(
				     "GET") ",db.response.returned_rows=1\n"
					    "GET|none|END|-|10|5|complete|" DB(
						    "GET") ",db.response.returned_rows=0\n"
							   "GETS|k|END|-|19|48|complete|" DB(
								   "GETS") ",telltale.db.keys=3,db.response.returned_rows="
									   "2\n"
									   "INCR|n|NOT_FOUND|-|10|11|complete|" DB(
										   "INCR") "\n"
											   "INCR|n|OK|-|10|4|complete|" DB(
												   "INCR") "\n"
													   "GAT|k|END|-|12|5|"
													   "complete|" DB(
														   "GAT") ",tellt"
															  "ale."
															  "db."
															  "keys="
															  "2,db."
															  "respon"
															  "se."
															  "return"
															  "ed_"
															  "rows="
															  "0\n"
															  "TOUCH|"
															  "k|"
															  "TOUCHE"
															  "D|-|"
															  "11|9|"
															  "comple"
															  "te"
															  "|" DB("TOUCH") "\n"
																	  "CAS|k|EXISTS|-|20|8|complete|" DB(
																		  "CAS") "\n"
																			 "VERSION|-|OK|-|9|16|complete|" DB(
																				 "VERSION") "\n"
																					    "STATS|-|END|-|7|32|complete|" DB(
																						    "STATS") "\n"
																							     "STATS|-|RESET|-|13|7|complete|" DB(
																								     "STATS") "\n"
																									      "QUIT|-|-|-|6|0|complete|" DB(
																										      "QUIT") "\n");
}

static void failures(void **state)
{
	const struct tt_line script[] = {TT_C("get k\r\n"),
					 TT_S("END\r\n"),
					 TT_C("nonsense\r\n"),
					 TT_S("ERROR\r\n"),
					 TT_C("incr k 1\r\n"),
					 TT_S("CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
					 TT_C("set big 0 0 3\r\nbig\r\n"),
					 TT_S("SERVER_ERROR object too large for cache\r\n"),
					 TT_C("set k 0 0 many\r\n"),
					 TT_S("CLIENT_ERROR bad command line format\r\n"),
					 TT_TALK_END};

	check(script, "GET|k|END|-|7|5|complete|" DB(
			      "GET") ",db.response.returned_rows=0\n"
				     "_OTHER|-|ERROR|ERROR|10|7|complete|" DB(
					     "_OTHER") ",telltale.operation.original=nonsense\n"
						       "INCR|k|CLIENT_ERROR|CLIENT_ERROR|10|62|complete|" DB(
							       "INCR") "\n"
								       "SET|big|SERVER_ERROR|SERVER_ERROR|20|41|complete|" DB(
									       "SET") "\n"
										      "SET|k|CLIENT_ERROR|CLIENT_ERROR|16|38|"
										      "complete|" DB("SET") "\n");
}

static void one_way_and_pipelined(void **state)
{
	const struct tt_line script[] = {
		TT_C("set a 0 0 1 noreply\r\n1\r\ndelete b noreply\r\nget a\r\nset c 0 0 1\r\n2\r\nget c\r\n"),
		TT_S("VALUE a 0 1\r\n1\r\nEND\r\nSTORED\r\nVALUE c 0 1\r\n2\r\nEND\r\n"), TT_TALK_END};

	check(script,
	      "SET|a|-|-|24|0|complete|" DB(
		      "SET") "\n"
			     "DELETE|b|-|-|18|0|complete|" DB(
				     "DELETE") "\n"
					       "GET|a|END|-|7|21|complete|" DB(
						       "GET") ",db.response.returned_rows=1\n"
							      "SET|c|STORED|-|16|8|complete|" DB(
								      "SET") "\n"
									     "GET|c|END|-|7|21|complete|" DB(
										     "GET") ",db.response.returned_rows=1\n");
}

static void meta(void **state)
{
	const struct tt_line script[] = {TT_C("ms k 2 T90\r\nhi\r\n"),
					 TT_S("HD\r\n"),
					 TT_C("mg k v t\r\n"),
					 TT_S("VA 2 t90\r\nhi\r\n"),
					 TT_C("mg none v\r\n"),
					 TT_S("EN\r\n"),
					 TT_C("md k\r\n"),
					 TT_S("HD\r\n"),
					 TT_C("ma n\r\n"),
					 TT_S("NF\r\n"),
					 TT_C("ms k 1 ME\r\nx\r\n"),
					 TT_S("NS\r\n"),
					 TT_C("mn\r\n"),
					 TT_S("MN\r\n"),
					 TT_TALK_END};

	check(script,
	      "MS|k|HD|-|16|4|complete|" DB(
		      "MS") "\n"
			    "MG|k|VA|-|10|14|complete|" DB(
				    "MG") "\n"
					  "MG|none|EN|-|11|4|complete|" DB(
						  "MG") "\n"
							"MD|k|HD|-|6|4|complete|" DB(
								"MD") "\n"
								      "MA|n|NF|-|6|4|complete|" DB(
									      "MA") "\n"
										    "MS|k|NS|-|14|4|complete|" DB(
											    "MS") "\n"
												  "MN|-|MN|-|4|4|complete|" DB(
													  "MN") "\n");
}

/* What a quiet command is not answered is known by the answer to a later one. */
static void meta_quiet(void **state)
{
	const struct tt_line script[] = {
		TT_C("mg a v q O1\r\nmg b v q O2\r\nmg c v k q\r\nms d 1 q O4\r\nx\r\nmd e q O5\r\nmn\r\n"),
		TT_S("VA 1 O2\r\nx\r\nVA 1 kc\r\ny\r\nNS O4\r\nMN\r\n"), TT_C("mg z v q\r\nmn\r\n"), TT_S("VA 1\r\nx\r\nMN\r\n"),
		TT_TALK_END};

	check(script,
	      "MG|a|EN|-|13|0|complete|" DB(
		      "MG") "\n"
			    "MG|b|VA|-|13|12|complete|" DB(
				    "MG") "\n"
					  "MG|c|VA|-|12|12|complete|" DB(
						  "MG") "\n"
							"MS|d|NS|-|16|7|complete|" DB(
								"MS") "\n"
								      "MD|e|-|-|11|0|complete|" DB(
									      "MD") "\n"
										    "MN|-|MN|-|4|4|complete|" DB(
											    "MN") "\n"
												  "MG|z|VA|-|10|9|incomplete|" DB(
													  "MG") "\n"
														"MN|-|MN|-|4|4|"
														"complete|" DB(
															"MN") "\n");
}

/* Quiet to the end: nobody says more, and that is no failure. */
static void quiet_to_the_end(void **state)
{
	const struct tt_line script[] = {TT_C("ms a 1 q\r\nx\r\n"), TT_C("md b q\r\n"), TT_C("quit\r\n"), TT_S_EOF, TT_TALK_END};

	check_once(script, "QUIT|-|-|-|6|0|complete|" DB("QUIT") "\n"
								 "MS|a|-|-|13|0|complete|" DB("MS") "\n"
												    "MD|b|-|-|8|0|complete|" DB(
													    "MD") "\n");
}

#define ZERO8 "\0\0\0\0\0\0\0\0"
/* A header: all lengths and the opaque are one byte's worth. */
#define HEAD(magic, opcode, key, extras, status, body, opaque) \
	magic opcode "\0" key extras "\0\0" status "\0\0\0" body "\0\0\0" opaque ZERO8

static void binary(void **state)
{
	const struct tt_line script[] = {
		TT_C(HEAD("\x80", "\x01", "\1", "\x8", "\0", "\xb", "\1") "\0\0\0\0\0\0\0\0"
									  "khi"),
		TT_S(HEAD("\x81", "\x01", "\0", "\0", "\0", "\0", "\1")),
		TT_C(HEAD("\x80", "\x00", "\1", "\0", "\0", "\1", "\2") "k"),
		TT_S(HEAD("\x81", "\x00", "\0", "\4", "\0", "\6", "\2") "\0\0\0\0hi"),
		TT_C(HEAD("\x80", "\x00", "\1", "\0", "\0", "\1", "\3") "n"),
		TT_S(HEAD("\x81", "\x00", "\0", "\0", "\1", "\x9", "\3") "Not found"),
		TT_C(HEAD("\x80", "\x0e", "\1", "\0", "\0", "\2", "\4") "nx"),
		TT_S(HEAD("\x81", "\x0e", "\0", "\0", "\5", "\xb", "\4") "Not stored."),
		TT_C(HEAD("\x80", "\x1c", "\1", "\4", "\0", "\5", "\4") "\0\0\0\1n"),
		TT_S(HEAD("\x81", "\x1c", "\0", "\0", "\x81", "\3", "\4") "no!"),
		TT_C(HEAD("\x80", "\x10", "\0", "\0", "\0", "\0", "\5")),
		TT_S(HEAD("\x81", "\x10", "\1", "\0", "\0", "\2", "\5") "a1" HEAD("\x81", "\x10", "\0", "\0", "\0", "\0", "\5")),
		TT_TALK_END};

	check(script,
	      "SET|k|OK|-|35|24|complete|" DB(
		      "SET") "\n"
			     "GET|k|OK|-|25|30|complete|" DB(
				     "GET") ",db.response.returned_rows=1\n"
					    "GET|n|NOT_FOUND|-|25|33|complete|" DB(
						    "GET") ",db.response.returned_rows=0\n"
							   "APPEND|n|NOT_STORED|-|26|35|complete|" DB(
								   "APPEND") "\n"
									     "TOUCH|n|UNKNOWN_COMMAND|UNKNOWN_COMMAND|29|27|"
									     "complete|" DB(
										     "TOUCH") "\n"
											      "STATS|-|OK|-|24|50|complete|" DB(
												      "STATS") "\n");
}

/* Several keys at once: quiet gets, of which only the hits are answered, and a no-op behind them. */
static void binary_several(void **state)
{
#define GETKQ(key, opaque) HEAD("\x80", "\x0d", "\1", "\0", "\0", "\1", opaque) key
#define NOOP(magic, opaque) HEAD(magic, "\x0a", "\0", "\0", "\0", "\0", opaque)
	const struct tt_line script[] = {TT_C(GETKQ("a", "\1") GETKQ("b", "\2") GETKQ("c", "\3") NOOP("\x80", "\4")),
					 TT_S(HEAD("\x81", "\x0d", "\1", "\4", "\0", "\6", "\2") "\0\0\0\0bx" NOOP("\x81", "\4")),
					 TT_C(GETKQ("a", "\0") GETKQ("b", "\0") NOOP("\x80", "\4")),
					 TT_S(HEAD("\x81", "\x0d", "\1", "\4", "\0", "\6", "\0") "\0\0\0\0bx" NOOP("\x81", "\4")),
					 TT_TALK_END};

	check(script,
	      "GET|a|NOT_FOUND|-|25|0|complete|" DB(
		      "GET") "\n"
			     "GET|b|OK|-|25|30|complete|" DB(
				     "GET") ",db.response.returned_rows=1\n"
					    "GET|c|NOT_FOUND|-|25|0|complete|" DB(
						    "GET") "\n"
							   "NOOP|-|OK|-|24|24|complete|" DB(
								   "NOOP") "\n"
									   "GET|a|OK|-|25|30|incomplete|" DB(
										   "GET") ",db.response.returned_rows=1\n"
											  "GET|b|NOT_FOUND|-|25|0|incomplete|" DB(
												  "GET") "\n"
													 "NOOP|-|OK|-|24|24|"
													 "complete|" DB(
														 "NOOP") "\n");
}

static void long_line(void **state)
{
	static char request[12008] = "get ";
	for (size_t i = 4; i < 12004; i += 4)
		memcpy(request + i, "key ", 4);
	memcpy(request + 12003, "\r\n", 3);
	const struct tt_line script[] = {{TT_SAY_CLIENT, request, 12005}, TT_S("VALUE key 0 1\r\nx\r\nEND\r\n"), TT_TALK_END};

	tt_talk_check(&tt_proto_memcached, script,
		      "GET|key|END|-|12005|23|complete|" DB("GET") ",telltale.db.keys=3000,db.response.returned_rows=1\n");
}

static void in_the_middle(void **state)
{
	const struct tt_line script[] = {TT_MID,
					 TT_S("the end of a value\r\nEND\r\n"),
					 TT_PAUSE(1500),
					 TT_C("set b 0 0 1\r\nx\r\n"),
					 TT_S("STORED\r\n"),
					 TT_C("get a\r\n"),
					 TT_S("VALUE a 0 2\r\nhi\r\nEND\r\n"),
					 TT_TALK_END};

	tt_talk_check(&tt_proto_memcached, script,
		      "SET|b|STORED|-|16|8|complete|" DB("SET") "\n"
								"GET|a|END|-|7|22|complete|" DB(
									"GET") ",db.response.returned_rows=1\n");
}

#define FRAME(id, number, count) "\0" id "\0" number "\0" count "\0\0"

/* Answers by the request's id, in one datagram and several, cut anywhere; several values in several series. */
static void datagrams(void **state)
{
	const struct tt_line script[] = {TT_DC(FRAME("\1", "\0", "\1") "set a 0 0 2\r\nhi\r\n"),
					 TT_DC(FRAME("\2", "\0", "\1") "get a b\r\n"),
					 TT_DC(FRAME("\3", "\0", "\1") "delete a\r\n"),
					 TT_DS(FRAME("\2", "\0", "\2") "VALUE a 0 2\r\nh"),
					 TT_DS(FRAME("\2", "\1", "\2") "i\r\n"),
					 TT_DS(FRAME("\2", "\0", "\0")),
					 TT_DS(FRAME("\2", "\0", "\1") "VALUE b 0 2\r\nhi\r\nEND\r\n"),
					 TT_DS(FRAME("\3", "\0", "\1") "DELETED\r\n"),
					 TT_DS(FRAME("\1", "\0", "\1") "STORED\r\n"),
					 TT_DC(FRAME("\4", "\0", "\1") "get c\r\n"),
					 TT_DS(FRAME("\4", "\0", "\3") "VALUE c 0 9\r\n123"),
					 TT_DS(FRAME("\4", "\2", "\3") "789\r\nEND\r\n"),
					 TT_TALK_END};

	check_once(script, "GET|a|END|-|17|63|complete|" DB(
				   "GET") ",telltale.db.keys=2,db.response.returned_rows=2\n"
					  "DELETE|a|DELETED|-|18|17|complete|" DB(
						  "DELETE") "\n"
							    "SET|a|STORED|-|25|16|complete|" DB(
								    "SET") "\n"
									   "GET|c|-|lost|15|24|incomplete|" DB("GET") "\n");
}

static void not_in_datagrams(void **state)
{
	/* A question of DNS begins as a frame does. */
	const struct tt_line dns[] = {TT_DC(FRAME("\1", "\0", "\1") "\0\0\0\0\3www\2de\0\0\1\0\1"), TT_TALK_END};
	const struct tt_line cut[] = {TT_DC(FRAME("\1", "\0", "\1") "get k"), TT_TALK_END};
	const struct tt_line late[] = {TT_DC(FRAME("\1", "\1", "\2") "get k\r\n"), TT_TALK_END};

	check_once(dns, "");
	check_once(cut, "");
	check_once(late, "");
}

static void hostile(void **state)
{
	const struct tt_line far[] = {TT_C("set k 0 0 99999999999999999999999\r\nx\r\n"), TT_S("CLIENT_ERROR bad data chunk\r\n"),
				      TT_TALK_END};
	const struct tt_line wide[] = {TT_C("get k\r\n"), TT_S("VALUE k 0 9223372036854775807\r\nx\r\nEND\r\n"), TT_TALK_END};
	const struct tt_line head[] = {TT_C("\x80\x01\xff\xff\xff\0\0\0\xff\xff\xff\xff\0\0\0\0" ZERO8), TT_TALK_END};

	tt_talk_truncate(&tt_proto_memcached, far);
	tt_talk_truncate(&tt_proto_memcached, wide);
	check_once(head, "");
}

/* Others' lines with the same words. */
static void others(void **state)
{
	const struct tt_line redis[] = {TT_C("get k\r\n"), TT_S("$2\r\nhi\r\n"), TT_TALK_END};
	const struct tt_line mail[] = {TT_S("220 mail\r\n"), TT_C("quit\r\n"), TT_S("221 bye\r\n"), TT_TALK_END};

	check_once(redis, "");
	check_once(mail, "");
}

TT_UNIT_TESTS(cmocka_unit_test(is_no_beanstalkd), cmocka_unit_test(text), cmocka_unit_test(failures),
	      cmocka_unit_test(one_way_and_pipelined), cmocka_unit_test(meta), cmocka_unit_test(meta_quiet),
	      cmocka_unit_test(quiet_to_the_end), cmocka_unit_test(binary), cmocka_unit_test(binary_several),
	      cmocka_unit_test(long_line), cmocka_unit_test(in_the_middle), cmocka_unit_test(datagrams),
	      cmocka_unit_test(not_in_datagrams), cmocka_unit_test(hostile), cmocka_unit_test(others))
