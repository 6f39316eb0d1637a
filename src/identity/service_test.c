// SPDX-License-Identifier: Apache-2.0
#include "identity/service.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/own.h"

#include "harness/unit.h"

#define ARGS(s) {s, sizeof(s)}

static void programs_and_what_they_run(void **state)
{
	static const struct {
		struct {
			const char *text;
			size_t len;
		} args;
		const char *name;
	} rows[] = {
		{ARGS("/usr/sbin/nginx\0-g\0daemon off;"), "nginx"},
		{ARGS("nginx: worker process"), "nginx"},
		{ARGS("nginx: master process /usr/sbin/nginx -c /etc/nginx/nginx.conf\0\0\0\0"), "nginx"},
		{ARGS("/usr/bin/redis-server 127.0.0.1:6379\0\0"), "redis-server"},
		{ARGS("postgres: walwriter "), "postgres"},
		{ARGS("sshd: root@pts/0"), "sshd"},
		{ARGS("-bash"), "bash"},
		{ARGS("python3\0app.py"), "app"},
		{ARGS("/usr/bin/python3.11\0-u\0/srv/shop/app.py\0--port\0"
		      "80"),
		 "app"},
		{ARGS("python3\0-W\0ignore\0-X\0dev\0shop.py"), "shop"},
		{ARGS("python3\0-m\0http.server\0"
		      "8000"),
		 "http.server"},
		{ARGS("python3\0-m"), "python3"},
		{ARGS("python3\0-c\0import os"), "python3"},
		{ARGS("python3\0/usr/bin/gunicorn\0app:app"), "gunicorn"},
		{ARGS("python\0/srv/cart/__main__.py"), "cart"},
		{ARGS("python3\0__main__.py"), "__main__"},
		{ARGS("gunicorn: master [app:app]"), "gunicorn"},
		{ARGS("node\0server.js"), "server"},
		{ARGS("node\0--require\0./trace.js\0--max-old-space-size=512\0/app/dist/api.mjs"), "api"},
		{ARGS("node\0-e\0"
		      "1"),
		 "node"},
		{ARGS("java\0-Xmx1g\0-Dx=y\0-jar\0/opt/x.jar\0--flag"), "x"},
		{ARGS("/usr/lib/jvm/bin/java\0-cp\0/opt/lib/a.jar:b.jar\0com.acme.shop.CheckoutServer"), "CheckoutServer"},
		{ARGS("java\0--module-path\0mods\0-m\0shop.core/com.acme.Main"), "Main"},
		{ARGS("dotnet\0Cart.Api.dll"), "Cart.Api"},
		{ARGS("dotnet\0exec\0/app/cart.dll"), "cart"},
		{ARGS("ruby\0-I\0lib\0/usr/bin/puma"), "puma"},
		{ARGS("deno\0run\0--allow-net\0main.ts"), "main"},
		{ARGS("/bin/sh\0/usr/local/bin/start.sh"), "start"},
		{ARGS("/bin/sh\0-c\0sleep 1"), "sh"},
		{ARGS("perl\0-I\0lib\0/usr/bin/ack"), "ack"},
		{ARGS("/opt/My App/bin/server\0-x"), "server"},
		{ARGS("/srv/run.sh\0x"), "run"},
		{ARGS("java"), "java"},
		{ARGS("/"), "comm"},
		{ARGS(""), "comm"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[TT_IDENTITY_NAME_LEN];
		tt_service_name(tt_span(rows[i].args.text, rows[i].args.len), tt_span(NULL, 0), "comm", name);
		assert_string_equal(name, rows[i].name);
	}
}

static void falls_back(void **state)
{
	char name[TT_IDENTITY_NAME_LEN];

	tt_service_name(tt_span(NULL, 0), TT_SPAN_LIT("/usr/bin/tool"), "comm", name);
	assert_string_equal(name, "tool");
	tt_service_name(TT_SPAN_LIT("/opt/My App/server"), TT_SPAN_LIT("/opt/My App/server"), "comm", name);
	assert_string_equal(name, "server");
	tt_service_name(tt_span(NULL, 0), tt_span(NULL, 0), "", name);
	assert_string_equal(name, "");
	/* Threads of the kernel's. */
	tt_service_name(tt_span(NULL, 0), tt_span(NULL, 0), "kworker/u8:3-ev", name);
	assert_string_equal(name, "kworker");
	tt_service_name(tt_span(NULL, 0), tt_span(NULL, 0), "/x", name);
	assert_string_equal(name, "/x");
	/* Longer than there is room for: cut, and ended. */
	char args[200];
	memset(args, 'x', sizeof(args));
	tt_service_name(tt_span(args, sizeof(args)), tt_span(NULL, 0), "comm", name);
	assert_int_equal(strlen(name), TT_IDENTITY_NAME_LEN - 1);
}

/* Any bytes as arguments, cut anywhere. */
static void survives_anything(void **state)
{
	static const char *const words[] = {"python3", "-m", "-jar", "java",	    "/",   "a/b.py",
					    ".py",     "-",  ":",    "__main__.py", "run", ""};
	char name[TT_IDENTITY_NAME_LEN];

	srandom(3);
	for (int round = 0; round < 20000; round++) {
		struct tt_buf args tt_buf_auto = TT_BUF(1000);
		for (int n = (int)(random() % 6); n > 0; n--) {
			tt_buf_add_str(&args, words[(size_t)random() % TT_ARRAY_LEN(words)]);
			if (random() % 4)
				tt_buf_add_char(&args, 0);
		}
		tt_service_name(tt_buf_span(&args), tt_span(NULL, 0), "comm", name);
		assert_true(strlen(name) > 0);
	}
}

static void asks_the_environment(void **state)
{
	static const char both[] = "PATH=/bin\0OTEL_RESOURCE_ATTRIBUTES=a=b, service.name=low ,x=y\0OTEL_SERVICE_NAME=high";
	static const char one[] = "PATH=/bin\0OTEL_RESOURCE_ATTRIBUTES=a=b, service.name=low ,x=y\0";
	static const char none[] =
		"NOT_OTEL_SERVICE_NAME=x\0OTEL_SERVICE_NAME=\0OTEL_RESOURCE_ATTRIBUTES=service.namespace=x\0OTEL_SERVICE_NAMES=y";

	assert_true(tt_span_eq(tt_service_from_environment(tt_span(both, sizeof(both))), TT_SPAN_LIT("high")));
	assert_true(tt_span_eq(tt_service_from_environment(tt_span(one, sizeof(one))), TT_SPAN_LIT("low")));
	assert_null(tt_service_from_environment(tt_span(none, sizeof(none))).data);
	assert_true(tt_span_eq(tt_environment_get(tt_span(one, sizeof(one)), "PATH"), TT_SPAN_LIT("/bin")));
}

TT_UNIT_TESTS(cmocka_unit_test(programs_and_what_they_run), cmocka_unit_test(falls_back), cmocka_unit_test(survives_anything),
	      cmocka_unit_test(asks_the_environment))
