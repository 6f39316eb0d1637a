// SPDX-License-Identifier: Apache-2.0
#include "proto/http_app.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/talk.h"
#include "harness/unit.h"

extern const struct tt_proto tt_proto_http;
extern const struct tt_proto tt_proto_http2;

/* A request and a response with content, each given as head fields and content; Content-Length is added. */
static void check(const char *request, const char *fields, const char *asked, const char *answer_fields, const char *answer,
		  const char *expected)
{
	char ask[2048], tell[2048];
	int a = snprintf(ask, sizeof(ask), "%s HTTP/1.1\r\n%sContent-Length: %zu\r\n\r\n%s", request, fields, strlen(asked),
			 asked);
	int t = snprintf(tell, sizeof(tell), "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n%s", answer_fields, strlen(answer),
			 answer);
	const struct tt_line script[] = {
		{TT_SAY_CLIENT, ask, (size_t)a}, {TT_SAY_SERVER, tell, (size_t)t}, TT_C_EOF, TT_S_EOF, TT_TALK_END};

	/* Bytes in front of the attributes that matter here depend on the lengths only. */
	char *got = tt_talk(&tt_proto_http, script);
	const char *from = strstr(got, expected);
	if (!from)
		fail_msg("%s\nis not in\n%s", expected, got);
	tt_talk_check(&tt_proto_http, script, got);
	free(got);
	tt_talk_truncate(&tt_proto_http, script);
}

#define JSON "Content-Type: application/json\r\n"

static void graphql(void **state)
{
	check("POST /graphql", JSON, "{\"query\":\"query Hero($id: ID) { hero(id: $id) { name } }\",\"variables\":{\"id\":1}}",
	      JSON, "{\"data\":{\"hero\":null}}", "graphql.operation.type=query,graphql.operation.name=Hero,");
	check("POST /api/graphql", JSON, "{\"operationName\":\"Add\",\"query\":\"mutation Add { add }\"}", JSON,
	      "{\"errors\":[{\"message\":\"no\",\"extensions\":{\"code\":\"FORBIDDEN\"}}],\"data\":null}",
	      "graphql.operation.name=Add,graphql.operation.type=mutation,http.response.status_code=200,http.response.body.size="
	      "75,"
	      "graphql.error.code=FORBIDDEN,graphql.errors=1");
	check("POST /graphql", JSON, "{\"query\":\"\\n{ hero }\"}", JSON, "{}", "graphql.operation.type=query,http.response");
	/* Of several definitions the one that is named; braces and names in strings, comments and selections are none. */
	check("POST /graphql", JSON,
	      "{\"operationName\":\"B\",\"query\":\"query A($s: S = \\\"{ mutation B {\\\") { a query B } # subscription B {\\n "
	      "mutation B{b}\"}",
	      JSON, "{}", "graphql.operation.name=B,graphql.operation.type=mutation,http.response");
	check("POST /graphql", JSON, "{\"operationName\":\"C\",\"query\":\"query A{a} mutation B{b}\"}", JSON, "{}",
	      "graphql.operation.name=C,http.response");
}

static void jsonrpc(void **state)
{
	check("POST /", JSON, "{\"jsonrpc\":\"2.0\",\"method\":\"eth_call\",\"params\":[1],\"id\":7}", JSON,
	      "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}",
	      "rpc.system.name=jsonrpc,rpc.method=eth_call,jsonrpc.protocol.version=2.0,jsonrpc.request.id=7,"
	      "http.response.status_code=200,http.response.body.size=77,rpc.response.status_code=-32601");
	/* A batch is called what its first call is; other JSON is left alone. */
	check("POST /rpc", JSON, "[{\"jsonrpc\":\"2.0\",\"method\":\"a\"},{\"jsonrpc\":\"2.0\",\"method\":\"b\"}]", JSON, "[]",
	      "rpc.method=a,");
	check("POST /x", JSON, "{\"method\":\"none\"}", JSON, "{}", "http.request.body.size=17,http.response.status_code=200,");
}

static void llm(void **state)
{
	check("POST /v1/chat/completions", JSON, "{\"model\":\"m-1\",\"messages\":[{\"role\":\"user\",\"content\":\"secret\"}]}",
	      JSON,
	      "{\"model\":\"m-1-2025\",\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":9,"
	      "\"completion_tokens\":12}}",
	      "gen_ai.provider.name=openai,gen_ai.operation.name=chat,gen_ai.request.model=m-1,http.response.status_code=200,"
	      "http.response.body.size=111,gen_ai.response.model=m-1-2025,gen_ai.usage.input_tokens=9,gen_ai.usage.output_tokens="
	      "12");
	check("POST /v1/messages", JSON, "{\"model\":\"c\",\"max_tokens\":5,\"stream\":false,\"messages\":[]}", JSON,
	      "{\"model\":\"c\",\"content\":[],\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}",
	      "gen_ai.provider.name=anthropic,gen_ai.operation.name=chat,gen_ai.request.model=c,gen_ai.request.stream=0,");
	/* What was read from a cache was input, and no token is a number too. */
	check("POST /v1/messages", JSON, "{\"model\":\"c\",\"max_tokens\":5,\"messages\":[]}", JSON,
	      "{\"model\":\"c\",\"usage\":{\"input_tokens\":3,\"cache_read_input_tokens\":10000,\"cache_creation_input_tokens\":"
	      "20,"
	      "\"output_tokens\":0}}",
	      "gen_ai.usage.input_tokens=10023,gen_ai.usage.output_tokens=0");
	check("POST /v1/completions", JSON, "{\"model\":\"m\",\"prompt\":\"x\"}", JSON, "{}",
	      "gen_ai.provider.name=openai,gen_ai.operation.name=text_completion,gen_ai.request.model=m,");
	/* Other APIs have such paths and a model, too. */
	check("POST /shop/v1/messages", JSON, "{\"model\":\"T-shirt XL\"}", JSON, "{}",
	      "http.request.body.size=22,http.response");
	check("POST /v1/embeddings", JSON, "{\"model\":\"e\",\"input\":\"x\"}", JSON,
	      "{\"model\":\"e\",\"usage\":{\"prompt_tokens\":1}}", "gen_ai.operation.name=embeddings,gen_ai.request.model=e,");
	/* Compressed content is not read. */
	check("POST /v1/messages", JSON "Content-Encoding: gzip\r\n", "{\"model\":\"c\"}", JSON, "{}",
	      "http.request.body.size=13,http.response");
}

/* Events in chunks, a chunk's end anywhere in a line: what was asked and what came, and when the first text did. */
static void llm_streams(void **state)
{
	static const char expected[] =
		"|complete|http.request.method=POST,url.path=/v1/chat/completions,network.protocol.version=1.1,"
		"http.request.body.size=41,gen_ai.provider.name=openai,gen_ai.operation.name=chat,"
		"gen_ai.request.model=m,gen_ai.request.stream=1,http.response.status_code=200,"
		"gen_ai.response.model=m,http.response.body.size=228,gen_ai.usage.input_tokens=5,"
		"gen_ai.usage.output_tokens=2,telltale.gen_ai.time_to_first_token_ns=2500000\n";
	const struct tt_line script[] = {
		TT_C("POST /v1/chat/completions HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 41\r\n\r\n"
		     "{\"model\":\"m\",\"stream\":true,\"messages\":[] }"),
		TT_S("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"),
		TT_S("48\r\ndata: {\"model\":\"m\",\"choices\":[{\"delta\":{\"role\":\"a\",\"content\":\"\"}}]}\n\ndat\r\n"),
		TT_S("4c\r\na: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\ndata: {\"model\":\"m\"\r\n"),
		TT_S("50\r\n,\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\ndata: "
		     "[DONE]\n\n\r\n0\r\n\r\n"),
		TT_C_EOF,
		TT_S_EOF,
		TT_TALK_END};
	char *got = tt_talk(&tt_proto_http, script);
	if (!strstr(got, expected))
		fail_msg("%s", got);
	free(got);
	tt_talk_truncate(&tt_proto_http, script);
}

/* Content that was not captured is done without: the exchange stands complete, with what was seen. */
static void content_may_be_missing(void **state)
{
	const struct tt_line script[] = {
		TT_C("POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n"),
		TT_C("{\"query\":\"query Hero {"),
		TT_C_HOLE(38),
		TT_S("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"),
		TT_S_HOLE(20),
		TT_C("GET /next HTTP/1.1\r\n\r\n"),
		TT_S("HTTP/1.1 204 No Content\r\n\r\n"),
		TT_C_EOF,
		TT_S_EOF,
		TT_TALK_END};
	char *got = tt_talk(&tt_proto_http, script);
	assert_string_equal(
		got,
		"POST|/graphql|200|-|138|91|complete|http.request.method=POST,url.path=/graphql,network.protocol.version=1.1,"
		"http.request.body.size=60,graphql.operation.type=query,graphql.operation.name=Hero,"
		"http.response.status_code=200,http.response.body.size=20\n"
		"GET|/next|204|-|22|27|complete|http.request.method=GET,url.path=/next,network.protocol.version=1.1,"
		"http.response.status_code=204\n");
	free(got);
}

static void s3(void **state)
{
	static const char sha[] = "Host: localhost:9000\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n";

	check("PUT /photos/2024/a%20b.jpg", sha, "xyz", "", "",
	      "rpc.system.name=aws-api,rpc.method=S3/PutObject,aws.s3.bucket=photos,aws.s3.key=2024/a%20b.jpg,");
	check("GET /photos?list-type=2&prefix=x", sha, "", "", "", "rpc.method=S3/ListObjectsV2,aws.s3.bucket=photos,");
	check("GET /", sha, "", "", "", "rpc.method=S3/ListBuckets,");
	check("POST /b/k?uploads", sha, "", "", "", "rpc.method=S3/CreateMultipartUpload,aws.s3.bucket=b,aws.s3.key=k,");
	check("DELETE /k", "Host: b.s3.eu-west-1.amazonaws.com\r\nX-Amz-Content-Sha256: e3\r\n", "", "", "",
	      "rpc.method=S3/DeleteObject,aws.s3.bucket=b,aws.s3.key=k,");
	/* What has no row is none of the others. */
	check("DELETE /b?encryption", sha, "", "", "", "rpc.method=S3/DeleteBucketEncryption,");
	check("GET /b?inventory&id=1", sha, "", "", "", "rpc.system.name=aws-api,aws.s3.bucket=b,");
	check("GET /b/k?versionId=3&X-Amz-Expires=9", sha, "", "", "", "rpc.method=S3/GetObject,");
	/* Another service, a bucket in the host or in the path: only what holds for both is said. */
	check("POST /logs/_search", "Host: x.aoss.amazonaws.com\r\nX-Amz-Content-Sha256: e3\r\n", "", "", "",
	      "server.address=x.aoss.amazonaws.com,http.request.body.size=0,http.response");
	check("GET /dir/file.txt", "Host: bucket.minio.example\r\nX-Amz-Content-Sha256: e3\r\n", "", "", "",
	      "rpc.system.name=aws-api,rpc.method=S3/GetObject,http.re");
	check("GET /file.txt", "Host: storage.s3.corp.example\r\nX-Amz-Content-Sha256: e3\r\n", "", "", "",
	      "rpc.system.name=aws-api,http.re");
	check("PATCH /b/k", sha, "", "", "", "rpc.system.name=aws-api,aws.s3.bucket=b,aws.s3.key=k,");
}

static void search(void **state)
{
	static const char elastic[] = "X-elastic-product: Elasticsearch\r\n";

	check("POST /logs-1/_search?size=3", JSON, "{\"query\":{}}", elastic, "{}",
	      "db.system.name=elasticsearch,db.operation.name=search,db.collection.name=logs-1,");
	check("GET /books/_doc/1", "", "", elastic, "{}", "db.operation.name=get,db.collection.name=books,");
	check("PUT /books/_doc/1", JSON, "{}", "X-OpenSearch-Version: OpenSearch/2.11.0 (opensearch)\r\n", "{}",
	      "db.system.name=opensearch,db.operation.name=index,db.collection.name=books,");
	check("GET /_cluster/health", "", "", elastic, "{}", "db.operation.name=cluster.health,");
	check("POST /_search/scroll", JSON, "{}", elastic, "{}", "db.operation.name=scroll,");
	check("DELETE /_search/scroll", "", "", elastic, "{}", "db.operation.name=clear_scroll,");
	check("GET /_nonsense", "", "", elastic, "{}", "db.system.name=elasticsearch,http.response.body.size=2");
	check("POST /_bulk", JSON, "{}\n", elastic, "{}", "db.system.name=elasticsearch,db.operation.name=bulk,");
	check("GET /", "", "", elastic, "{}", "db.system.name=elasticsearch,http.response.body.size=2");
}

/* --- the same over HTTP/2 ------------------------------------------------------------------------------------------------- */

struct said {
	uint8_t bytes[2048];
	size_t len;
};

static void say(struct said *to, const void *bytes, size_t len)
{
	assert_true(to->len + len <= sizeof(to->bytes));
	memcpy(to->bytes + to->len, bytes, len);
	to->len += len;
}

static void say_frame(struct said *to, int type, int flags, const void *payload, size_t len)
{
	const uint8_t head[9] = {0, (uint8_t)(len >> 8), (uint8_t)len, (uint8_t)type, (uint8_t)flags, 0, 0, 0, 1};

	say(to, head, sizeof(head));
	say(to, payload, len);
}

/* A literal that is not indexed, its name in lower case. */
static void say_header(struct said *to, const char *name, size_t name_len, const char *value, size_t value_len)
{
	const uint8_t parts[] = {0, (uint8_t)name_len, (uint8_t)value_len};

	say(to, parts, 2);
	for (size_t i = 0; i < name_len; i++)
		say(to, &(char){(char)tt_ascii_lower((uint8_t)name[i])}, 1);
	say(to, parts + 2, 1);
	say(to, value, value_len);
}

/* "Name: value\r\n" and so on. */
static void say_fields(struct said *to, const char *fields)
{
	while (*fields) {
		const char *colon = strstr(fields, ": "), *end = strstr(fields, "\r\n");
		say_header(to, fields, (size_t)(colon - fields), colon + 2, (size_t)(end - colon - 2));
		fields = end + 2;
	}
}

/* HEADERS, and the content in two frames, the second one padded. */
static void say_message(struct said *to, const struct said *head, const char *content)
{
	size_t len = strlen(content), half = len / 2;
	struct said padded = {0};

	say_frame(to, 1, 4 | (len ? 0 : 1), head->bytes, head->len);
	if (!len)
		return;
	say_frame(to, 0, 0, content, half);
	say(&padded, "\3", 1);
	say(&padded, content + half, len - half);
	say(&padded, "\0\0\0", 3);
	say_frame(to, 0, 9, padded.bytes, padded.len);
}

static void check2(const char *method, const char *path, const char *fields, const char *asked, const char *answer_fields,
		   const char *answer, const char *expected)
{
	struct said request = {0}, response = {0}, client = {0}, server = {0};

	say_header(&request, ":method", 7, method, strlen(method));
	say_header(&request, ":path", 5, path, strlen(path));
	say_fields(&request, fields);
	say_header(&response, ":status", 7, "200", 3);
	say_fields(&response, answer_fields);
	say(&client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	say(&client, "\0\0\0\4\0\0\0\0\0", 9);
	say(&server, "\0\0\0\4\0\0\0\0\0", 9);
	say_message(&client, &request, asked);
	say_message(&server, &response, answer);
	const struct tt_line script[] = {{TT_SAY_CLIENT, (const char *)client.bytes, client.len},
					 {TT_SAY_SERVER, (const char *)server.bytes, server.len},
					 TT_C_EOF,
					 TT_S_EOF,
					 TT_TALK_END};
	char *got = tt_talk(&tt_proto_http2, script);
	if (!strstr(got, expected))
		fail_msg("%s\nis not in\n%s", expected, got);
	/* When a stream's first text came depends on how it was cut. */
	if (!strstr(answer_fields, "event-stream"))
		tt_talk_check(&tt_proto_http2, script, got);
	free(got);
	tt_talk_truncate(&tt_proto_http2, script);
}

static void the_same_over_http2(void **state)
{
	check2("POST", "/graphql", JSON, "{\"query\":\"query Hero($id: ID) { hero(id: $id) { name } }\"}", JSON,
	       "{\"errors\":[{\"message\":\"no\",\"extensions\":{\"code\":\"FORBIDDEN\"}}]}",
	       "graphql.operation.type=query,graphql.operation.name=Hero,http.request.body.size=58,http.response.status_code=200,"
	       "graphql.error.code=FORBIDDEN,graphql.errors=1,http.response.body.size=63");
	check2("POST", "/", JSON, "{\"jsonrpc\":\"2.0\",\"method\":\"eth_call\",\"params\":[1],\"id\":7}", JSON,
	       "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}",
	       "rpc.method=eth_call,jsonrpc.protocol.version=2.0,jsonrpc.request.id=7,http.request.body.size=");
	check2("POST", "/v1/chat/completions", JSON, "{\"model\":\"m\",\"stream\":true,\"messages\":[]}",
	       "Content-Type: text/event-stream\r\n",
	       "data: {\"model\":\"m-2\",\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"
	       "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n",
	       "gen_ai.response.model=m-2,gen_ai.usage.input_tokens=5,gen_ai.usage.output_tokens=2,"
	       "telltale.gen_ai.time_to_first_token_ns=");
	check2("GET", "/photos?list-type=2", "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n", "", "", "",
	       "rpc.system.name=aws-api,rpc.method=S3/ListObjectsV2,aws.s3.bucket=photos");
	check2("POST", "/logs-1/_search", JSON, "{\"query\":{}}", "X-elastic-product: Elasticsearch\r\n", "{}",
	       "db.system.name=elasticsearch,db.operation.name=search,db.collection.name=logs-1,");
	/* Compressed content is not read, whichever header comes first. */
	check2("POST", "/v1/messages", "Content-Encoding: gzip\r\n" JSON, "{\"model\":\"c\"}", "", "",
	       "url.path=/v1/messages,http.request.body.size=13,http.response.status_code=200");
}

/* Content that was not captured is done without, and what follows is read on. */
static void content_may_be_missing_over_http2(void **state)
{
	struct said request = {0}, client = {0}, server = {0};
	static const uint8_t ok[] = {0x88};

	say_header(&request, ":method", 7, "POST", 4);
	say_header(&request, ":path", 5, "/graphql", 8);
	say_fields(&request, JSON);
	say(&client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	say(&client, "\0\0\0\4\0\0\0\0\0", 9);
	say_frame(&client, 1, 4, request.bytes, request.len);
	say(&client, "\0\0\074\0\1\0\0\0\1{\"query\":\"query Hero {", 9 + 22);
	say(&server, "\0\0\0\4\0\0\0\0\0", 9);
	say_frame(&server, 1, 5, ok, sizeof(ok));
	const struct tt_line script[] = {{TT_SAY_CLIENT, (const char *)client.bytes, client.len},
					 TT_C_HOLE(38),
					 {TT_SAY_SERVER, (const char *)server.bytes, server.len},
					 {TT_SAY_CLIENT, "\0\0\2\1\5\0\0\0\3\x82\x84", 11},
					 {TT_SAY_SERVER, "\0\0\1\1\5\0\0\0\3\x88", 10},
					 TT_C_EOF,
					 TT_S_EOF,
					 TT_TALK_END};
	char *got = tt_talk(&tt_proto_http2, script);
	assert_non_null(strstr(got, "POST|/graphql|200|"));
	assert_non_null(strstr(got, "graphql.operation.type=query,graphql.operation.name=Hero,http.request.body.size=60"));
	assert_non_null(strstr(got, "\nGET|/|200|"));
	assert_null(strstr(got, "incomplete"));
	free(got);
}

TT_UNIT_TESTS(cmocka_unit_test(graphql), cmocka_unit_test(jsonrpc), cmocka_unit_test(llm), cmocka_unit_test(llm_streams),
	      cmocka_unit_test(content_may_be_missing), cmocka_unit_test(s3), cmocka_unit_test(search),
	      cmocka_unit_test(the_same_over_http2), cmocka_unit_test(content_may_be_missing_over_http2))
