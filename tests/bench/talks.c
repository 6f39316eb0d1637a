// SPDX-License-Identifier: Apache-2.0
#include "talks.h"

#include <assert.h>

#include "base/own.h"

/* The heads of one h2load request and of nginx's response to it: 81 and 238 bytes. */
#define HTTP_REQUEST "GET /a.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: h2load nghttp2/1.64.0\r\n\r\n"
#define HTTP_RESPONSE                                                                                                   \
	"HTTP/1.1 200 OK\r\nServer: nginx/1.26.3\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\nContent-Type: text/html\r\n" \
	"Content-Length: 15\r\nLast-Modified: Wed, 05 Feb 2025 11:09:53 GMT\r\nConnection: keep-alive\r\n"              \
	"ETag: \"067a34661-267\"\r\nAccept-Ranges: bytes\r\n\r\n"
#define HTTP_BODY "<p>telltale</p>"

static_assert(sizeof(HTTP_REQUEST) - 1 == 81 && sizeof(HTTP_RESPONSE) - 1 == 238, "the sizes the figures are stated for");

#define MYSQL_GREETING                                                                                       \
	"J\000\000\000\n8.0.36\000\011\000\000\000abcdefgh\000\011\242!\002\000\010\000\025\000\000\000\000" \
	"\000\000\000\000\000\000ijklmnopqrst\000mysql_native_password\000"

#define MYSQL_LOGIN                                                                                          \
	"U\000\000\001\011\242\010\000\000\000\000\001!\000\000\000\000\000\000\000\000\000\000\000\000\000" \
	"\000\000\000\000\000\000\000\000\000\000shop\000\024xxxxxxxxxxxxxxxxxxxxshop\000mysql_native_pass"  \
	"word\000"

#define MYSQL_OK "\007\000\000\002\000\000\000\002\000\000\000"

#define MYSQL_QUERY ")\000\000\000\003SELECT id, name FROM items WHERE id = 17"

#define MYSQL_RESULT                                                                                          \
	"\001\000\000\001\002(\000\000\002\003def\004shop\005items\005items\002id\002id\014!\000\377\000\000" \
	"\000\375\000\000\000\000\000,\000\000\003\003def\004shop\005items\005items\004name\004name\014!\000" \
	"\377\000\000\000\375\000\000\000\000\000\005\000\000\004\376\000\000\002\000\021\000\000\005\0021"   \
	"7\ra blue teapot\005\000\000\006\376\000\000\002\000"

#define PG_STARTUP "\000\000\000!\000\003\000\000user\000shop\000database\000shop\000\000"

#define PG_WELCOME                                                                                          \
	"R\000\000\000\010\000\000\000\000S\000\000\000\030server_version\00017.2\000K\000\000\000\014\000" \
	"\000\000M\000\000\004\322Z\000\000\000\005I"

#define PG_QUERY "Q\000\000\000-SELECT id, name FROM items WHERE id = 17\000"

#define PG_RESULT                                                                                            \
	"T\000\000\0002\000\002id\000\000\000@\000\000\001\000\000\000\031\377\377\377\377\377\377\000\000"  \
	"name\000\000\000@\000\000\002\000\000\000\031\377\377\377\377\377\377\000\000D\000\000\000\035\000" \
	"\002\000\000\000\00217\000\000\000\ra blue teapotC\000\000\000\rSELECT 1\000Z\000\000\000\005I"

#define DNS_QUERY "\000\000\001\000\000\001\000\000\000\000\000\000\004shop\007example\003com\000\000\001\000\001"

#define DNS_ANSWER                                                                                           \
	"\000\000\201\200\000\001\000\001\000\000\000\000\004shop\007example\003com\000\000\001\000\001\300" \
	"\014\000\001\000\001\000\000\000<\000\004\300\000\002\021"

#define REDIS_GET "*2\r\n$3\r\nGET\r\n$12\r\nitem:0000017\r\n"

#define REDIS_VALUE "$13\r\na blue teapot\r\n"

/* HTTP/2 as h2load and nginx speak it, gRPC as its C core does; the request's headers are in the table after the first one. */
#define HTTP2_CLIENT                                                                                                           \
	"PRI * "                                                                                                               \
	"HTTP/"                                                                                                                \
	"2."                                                                                                                   \
	"0\015\012\015\012SM\015\012\015\012\000\000\000\004\000\000\000\000\000\000\0002\001\005\000\000\000\001\202\206\004" \
	"\007/a.htmlA\016127.0.0.1:8080z\025h2load nghttp2/1.64.0"

#define HTTP2_SERVER                                                                                                       \
	"\000\000\000\004\000\000\000\000\000\000\000t\001\004\000\000\000\001\210v\014nginx/1.26.3a\035Tue, 15 Nov 1994 " \
	"08:12:31 GMT_\011text/html\134\00215l\035Wed, 05 Feb 2025 11:09:53 "                                              \
	"GMTb\017\042067a34661-267\042R\005bytes\000\000\017\000\001\000\000\000\001<p>telltale</p>"

#define HTTP2_REQUEST "\000\000\015\001\005\000\000\000\000\202\206\004\007/a.html\277\276"

#define HTTP2_RESPONSE                                                                          \
	"\000\000t\001\004\000\000\000\000\210v\014nginx/1.26.3a\035Tue, 15 Nov 1994 08:12:31 " \
	"GMT_\011text/html\134\00215l\035Wed, 05 Feb 2025 11:09:53 "                            \
	"GMTb\017\042067a34661-267\042R\005bytes\000\000\017\000\001\000\000\000\000<p>telltale</p>"

#define GRPC_CLIENT                                                                                                              \
	"PRI * "                                                                                                                 \
	"HTTP/"                                                                                                                  \
	"2."                                                                                                                     \
	"0\015\012\015\012SM\015\012\015\012\000\000\000\004\000\000\000\000\000\000\000\243\001\004\000\000\000\001\203\206D"   \
	"\017/shop.Items/GetA\017127.0.0.1:50051_\020application/grpc@\002te\010trailers@\024grpc-accept-encoding\027identity, " \
	"deflate, gzipz0grpc-python/1.51.1 grpc-c/29.0.0 (linux; "                                                               \
	"chttp2)\000\000\013\000\001\000\000\000\001\000\000\000\000\006item 7"

#define GRPC_SERVER                                                                                                          \
	"\000\000\000\004\000\000\000\000\000\000\000A\001\004\000\000\000\001\210_\020application/"                         \
	"grpc@\024grpc-accept-encoding\027identity, deflate, gzip\000\000\023\000\000\000\000\000\001\000\000\000\000\016a " \
	"blue teapot!\000\000\017\001\005\000\000\000\001@\013grpc-status\0010"

#define GRPC_REQUEST                                                                                                           \
	"\000\000\010\001\004\000\000\000\000\203\206\303\302\301\300\277\276\000\000\013\000\001\000\000\000\000\000\000\000" \
	"\000\006item 7"

#define GRPC_RESPONSE                                                                                                     \
	"\000\000\003\001\004\000\000\000\000\210\300\277\000\000\023\000\000\000\000\000\000\000\000\000\000\016a blue " \
	"teapot!\000\000\001\001\005\000\000\000\000\276"

static const struct tt_bench_talk talks[] = {
	{.proto = "http", .port = 8080, .request = TT_SPAN_LIT(HTTP_REQUEST), .response = TT_SPAN_LIT(HTTP_RESPONSE HTTP_BODY)},
	{.proto = "http2",
	 .port = 8080,
	 .opening = {{true, TT_SPAN_LIT(HTTP2_CLIENT)}, {false, TT_SPAN_LIT(HTTP2_SERVER)}},
	 .opening_exchanges = 1,
	 .stream_at = {{5, 130}, {5}},
	 .request = TT_SPAN_LIT(HTTP2_REQUEST),
	 .response = TT_SPAN_LIT(HTTP2_RESPONSE)},
	{.proto = "grpc",
	 .port = 50051,
	 .opening = {{true, TT_SPAN_LIT(GRPC_CLIENT)}, {false, TT_SPAN_LIT(GRPC_SERVER)}},
	 .opening_exchanges = 1,
	 .stream_at = {{5, 17, 45}, {5, 22}},
	 .request = TT_SPAN_LIT(GRPC_REQUEST),
	 .response = TT_SPAN_LIT(GRPC_RESPONSE)},
	{.proto = "redis", .port = 6379, .request = TT_SPAN_LIT(REDIS_GET), .response = TT_SPAN_LIT(REDIS_VALUE)},
	{.proto = "mysql",
	 .port = 3306,
	 .opening = {{false, TT_SPAN_LIT(MYSQL_GREETING)}, {true, TT_SPAN_LIT(MYSQL_LOGIN)}, {false, TT_SPAN_LIT(MYSQL_OK)}},
	 .opening_exchanges = 1,
	 .request = TT_SPAN_LIT(MYSQL_QUERY),
	 .response = TT_SPAN_LIT(MYSQL_RESULT)},
	{.proto = "postgresql",
	 .port = 5432,
	 .opening = {{true, TT_SPAN_LIT(PG_STARTUP)}, {false, TT_SPAN_LIT(PG_WELCOME)}},
	 .opening_exchanges = 1,
	 .request = TT_SPAN_LIT(PG_QUERY),
	 .response = TT_SPAN_LIT(PG_RESULT)},
	{.proto = "dns", .datagram = true, .port = 53, .request = TT_SPAN_LIT(DNS_QUERY), .response = TT_SPAN_LIT(DNS_ANSWER)},
};

const struct tt_bench_talk *tt_bench_talk_find(const char *proto)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(talks); i++) {
		if (strcmp(talks[i].proto, proto) == 0)
			return &talks[i];
	}
	return NULL;
}
