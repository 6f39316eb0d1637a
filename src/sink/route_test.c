// SPDX-License-Identifier: Apache-2.0
#include "sink/route.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/unit.h"
#include "sink/redact.h"

static struct tt_routes *routes_of(uint64_t routes, uint64_t services)
{
	struct tt_limits limits;
	struct tt_routes *r = NULL;
	tt_limits_init(&limits);
	limits.value[TT_LIMIT_ROUTES] = routes;
	limits.value[TT_LIMIT_SERVICES] = services;
	assert_int_equal(tt_routes_new(&r, &limits), 0);
	return r;
}

static void check(struct tt_routes *r, const char *path, bool learn, const char *expected)
{
	tt_buf_auto struct tt_buf b = TT_BUF(4096);
	bool known = tt_routes_path(r, TT_SPAN_LIT("shop"), tt_span_str(path), learn, &b);
	assert_int_equal(known, expected != NULL);
	tt_buf_add_char(&b, 0);
	assert_string_equal((char *)b.data, expected ? expected : "");
}

static void makes_templates(void **state)
{
	static const char *const cases[][2] = {
		{"/", "/"},
		{"/cart/17", "/cart/{id}"},
		{"/cart/18/item/550e8400-e29b-41d4-a716-446655440000", "/cart/{id}/item/{id}"},
		{"/cart/", "/cart/"},
		{"//", "//"},
		{"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o"},
		{"/v1/users/me", "/v1/users/me"},
		{"/a;pw=hunter2/b;c", "/a/b"},
		{"/cart;jsessionid=9A8B", "/cart"},
		{"/bot12:abcdefghijklmnop/send", "/{id}/send"},
		{"/token=hunter2/x", "/{id}/x"},
		{"/a%3Dhunter2", "/{id}"},
		{"/a/b/c/d/e/f/g/h/i/j/k/l/m/n=1/o", "/a/b/c/d/e/f/g/h/i/j/k/l/{id}"},
	};
	struct tt_routes *r = routes_of(256, 10);
	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++)
		check(r, cases[i][0], true, cases[i][1]);
	r = tt_routes_free(r);
}

/* What redaction hides of a path, a route does not show: there one judgement serves both. */
static void shows_nothing_that_is_hidden(void **state)
{
	static const char *const seeds[] = {
		"/a;pw=hunter2/b",
		"/bot12:abcdefghijklmnop/send",
		"/x/key%3Dabcdefghijklmnopqrst1",
		"/x/key!abcdefghijklmnopqrst1abc",
		"/x/(abcdefghijklmnopqrst1abc)",
		"/x/$abcdefghijklmnopqrstu1v",
		"/users/alice@example.org",
	};
	static const char alphabet[] = "abcdefghijkmnopqrsABCDEFGH0123456789;=/%3D@!$(:-_.";
	unsigned seed = 1;

	for (size_t round = 0; round < 4000; round++) {
		char path[64] = "/";
		size_t len = 1 + (size_t)(rand_r(&seed) % 60);
		for (size_t i = 1; i < len; i++)
			path[i] = alphabet[rand_r(&seed) % (int)(sizeof(alphabet) - 1)];
		if (round < TT_ARRAY_LEN(seeds))
			len = (size_t)snprintf(path, sizeof(path), "%s", seeds[round]);

		struct tt_routes *r = routes_of(256, 10);
		tt_buf_auto struct tt_buf route = TT_BUF(4096), shown = TT_BUF(4096);
		assert_true(tt_routes_path(r, TT_SPAN_LIT("shop"), tt_span(path, len), true, &route));
		tt_redact_path(&shown, tt_buf_span(&route));
		assert_true(tt_span_eq(tt_buf_span(&shown), tt_buf_span(&route)));
		r = tt_routes_free(r);
	}
}

static void merges_places_of_high_variety(void **state)
{
	struct tt_routes *r = routes_of(256, 10);
	char path[64];

	check(r, "/users/me/orders", true, "/users/me/orders");
	for (int i = 0; i < 31; i++) {
		snprintf(path, sizeof(path), "/users/name%c%c", 'a' + i / 26, 'a' + i % 26);
		check(r, path, true, path);
	}
	check(r, "/users/onemore", true, "/users/{id}");
	check(r, "/users/nameaa", true, "/users/{id}");
	check(r, "/users/me/orders", true, "/users/{id}/orders");
	check(r, "/other", true, "/other");
	r = tt_routes_free(r);
}

static void learns_nothing_from_strangers(void **state)
{
	struct tt_routes *r = routes_of(256, 10);
	check(r, "/admin.php", false, NULL);
	check(r, "/cart/17", true, "/cart/{id}");
	check(r, "/cart/99", false, "/cart/{id}");
	check(r, "/cart", false, NULL); /* on the way to a route, but none itself */
	check(r, "/admin.php", false, NULL);
	assert_int_equal(tt_routes_refused(r), 0);
	r = tt_routes_free(r);
}

static void is_bounded(void **state)
{
	struct tt_routes *r = routes_of(16, 2);
	tt_buf_auto struct tt_buf b = TT_BUF(4096);
	char path[64];
	int different = 0;

	for (int i = 0; i < 100000; i++) {
		snprintf(path, sizeof(path), "/%c%c/%c%c/x", 'a' + i % 5, 'a' + i / 5 % 26, 'a' + i / 130 % 26,
			 'a' + i / 3380 % 26);
		tt_buf_clear(&b);
		assert_true(tt_routes_path(r, TT_SPAN_LIT("shop"), tt_span_str(path), true, &b));
		different += tt_span_eq(tt_buf_span(&b), TT_SPAN_LIT("/{id}/{id}/x"));
	}
	assert_true(different > 99000); /* all places were merged soon */

	/* A third service has no room of its own. */
	tt_buf_clear(&b);
	tt_routes_path(r, TT_SPAN_LIT("two"), TT_SPAN_LIT("/a"), true, &b);
	tt_buf_clear(&b);
	assert_true(tt_routes_path(r, TT_SPAN_LIT("three"), TT_SPAN_LIT("/a"), true, &b));
	assert_true(tt_span_eq(tt_buf_span(&b), TT_SPAN_LIT(TT_ROUTE_OTHER)));
	assert_false(tt_routes_admit(r, TT_SPAN_LIT("three"), TT_ROUTE_NAMES, TT_SPAN_LIT("name"), true));
	assert_true(tt_routes_refused(r) > 0);
	r = tt_routes_free(r);
}

/* Words spread so that no single place has too many: the number of routes ends it. */
static void ends_at_the_limit_of_routes(void **state)
{
	struct tt_routes *r = routes_of(64, 2);
	tt_buf_auto struct tt_buf b = TT_BUF(4096);
	int refused = 0;

	for (int i = 0; i < 8 * 8 * 8; i++) {
		char path[16];
		snprintf(path, sizeof(path), "/%c/%c/%c", 'a' + i % 8, 'a' + i / 8 % 8, 'a' + i / 64);
		tt_buf_clear(&b);
		assert_true(tt_routes_path(r, TT_SPAN_LIT("shop"), tt_span_str(path), true, &b));
		refused += tt_span_eq(tt_buf_span(&b), TT_SPAN_LIT(TT_ROUTE_OTHER));
	}
	assert_int_equal(refused, 512 - 64);
	assert_int_equal(tt_routes_refused(r), 512 - 64);
	check(r, "/a/a/a", true, "/a/a/a");
	r = tt_routes_free(r);
}

static void admits_names(void **state)
{
	struct tt_routes *r = routes_of(4, 2);
	char name[8];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 6; i++) {
			snprintf(name, sizeof(name), "n%d", i);
			assert_int_equal(tt_routes_admit(r, TT_SPAN_LIT("shop"), TT_ROUTE_NAMES, tt_span_str(name), true), i < 4);
		}
	}
	assert_int_equal(tt_routes_refused(r), 4);
	/* Each sort has its own room, and what is not learned takes none. */
	assert_false(tt_routes_admit(r, TT_SPAN_LIT("shop"), TT_NAME_METHOD, TT_SPAN_LIT("n0"), false));
	assert_int_equal(tt_routes_refused(r), 4);
	assert_true(tt_routes_admit(r, TT_SPAN_LIT("shop"), TT_NAME_METHOD, TT_SPAN_LIT("n0"), true));
	assert_true(tt_routes_admit(r, TT_SPAN_LIT("shop"), TT_NAME_METHOD, TT_SPAN_LIT("n0"), false));
	r = tt_routes_free(r);
}

TT_UNIT_TESTS(cmocka_unit_test(makes_templates), cmocka_unit_test(shows_nothing_that_is_hidden),
	      cmocka_unit_test(merges_places_of_high_variety), cmocka_unit_test(learns_nothing_from_strangers),
	      cmocka_unit_test(is_bounded), cmocka_unit_test(ends_at_the_limit_of_routes), cmocka_unit_test(admits_names))
