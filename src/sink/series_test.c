// SPDX-License-Identifier: Apache-2.0
#include "sink/series.h"

#include <errno.h>
#include <stdio.h>

#include "harness/unit.h"

static const struct tt_metric_family durations = {
	"durations_seconds", "Durations.", TT_HISTOGRAM, {"service_name", "http_route"}};
static const struct tt_metric_family counts = {"things_total", "Things.", TT_COUNTER, {"a", "b"}};

static struct tt_series_set *set_of(uint64_t limit)
{
	struct tt_limits limits;
	struct tt_series_set *set = NULL;
	tt_limits_init(&limits);
	limits.value[TT_LIMIT_SERIES] = limit;
	assert_int_equal(tt_series_set_new(&set, &limits), 0);
	assert_int_equal(tt_series_family(set, &durations), 0);
	assert_int_equal(tt_series_family(set, &counts), 1);
	return set;
}

static struct tt_series *get(struct tt_series_set *set, int family, const char *a, const char *b)
{
	struct tt_span values[] = {tt_span_str(a), tt_span_str(b)};
	return tt_series_get(set, family, values);
}

static void tells_label_sets_apart(void **state)
{
	struct tt_series_set *set = set_of(100);
	struct tt_series *ab = get(set, 1, "ab", "c");
	struct tt_series *a = get(set, 1, "a", "bc");

	assert_ptr_not_equal(ab, a);
	assert_ptr_equal(get(set, 1, "ab", "c"), ab);
	assert_ptr_equal(get(set, 1, "a", "bc"), a);
	assert_ptr_not_equal(get(set, 0, "a", "bc"), a);
	assert_ptr_not_equal(get(set, 1, "", "abc"), get(set, 1, "abc", ""));
	assert_int_equal(tt_series_count(set), 5);

	struct tt_span values[TT_SERIES_LABELS];
	tt_series_values(set, a, values);
	assert_true(tt_span_eq(values[0], TT_SPAN_LIT("a")));
	assert_true(tt_span_eq(values[1], TT_SPAN_LIT("bc")));
	assert_ptr_equal(tt_series_next(set, 1, NULL), ab);
	assert_ptr_equal(tt_series_next(set, 1, ab), a);
	assert_int_equal(tt_series_family_find(set, "things_total"), 1);
	assert_int_equal(tt_series_family_find(set, "nothing"), -ENOENT);
	set = tt_series_set_free(set);
}

static void cuts_and_cleans_values(void **state)
{
	struct tt_series_set *set = set_of(100);
	struct tt_span values[TT_SERIES_LABELS];
	char text[200];

	memset(text, 'x', sizeof(text) - 1);
	text[199] = '\0';
	tt_series_values(set, get(set, 1, text, "a\xff\xc3\xa9z"), values);
	assert_int_equal(values[0].len, TT_SERIES_LABEL_MAX);
	assert_true(tt_span_eq(values[1], TT_SPAN_LIT("a\xef\xbf\xbd\xc3\xa9z")));

	/* What looks the same when shown is the same series. */
	assert_ptr_equal(get(set, 1, "a\xff", "b"), get(set, 1, "a\xfe", "b"));

	/* Cut between characters, never within one. */
	memcpy(text + 127, "\xc3\xa9", 2);
	tt_series_values(set, get(set, 1, text, ""), values);
	assert_int_equal(values[0].len, 127);
	set = tt_series_set_free(set);
}

static void keeps_sums_exact_past_the_cap(void **state)
{
	struct tt_series_set *set = set_of(50);
	uint64_t total = 0;
	uint64_t sum = 0;

	for (int i = 0; i < 100000; i++) {
		char route[32];
		snprintf(route, sizeof(route), "/x/%d", i % 1000);
		tt_series_observe(get(set, 0, "shop", route), 10);
	}
	for (const struct tt_series *s = tt_series_next(set, 0, NULL); s; s = tt_series_next(set, 0, s)) {
		total += s->histogram->count;
		sum += s->histogram->sum_ns;
	}
	assert_int_equal(total, 100000);
	assert_int_equal(sum, 1000000);
	assert_int_equal(tt_series_count(set), 50);
	assert_int_equal(tt_series_overflowed(set, 0), 100000 - 50 * 100);

	/* Another family has its own. */
	struct tt_series *other = get(set, 1, "late", "");
	assert_true(other->overflow);
	assert_ptr_equal(get(set, 1, "later", ""), other);
	assert_ptr_equal(tt_series_next(set, 1, NULL), other);
	assert_null(tt_series_next(set, 1, other));
	set = tt_series_set_free(set);
}

static void grows_and_keeps_its_series(void **state)
{
	enum { MANY = 5000 };
	struct tt_series_set *set = set_of(MANY);
	static struct tt_series *kept[MANY];
	char text[16];

	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "%d", i);
		kept[i] = get(set, 1, text, "");
		tt_series_add(kept[i], (uint64_t)i);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_ptr_equal(get(set, 1, text, ""), kept[i]);
		assert_int_equal(kept[i]->value, i);
	}
	assert_int_equal(tt_series_overflowed(set, 1), 0);
	set = tt_series_set_free(set);
}

#define S UINT64_C(1000000000)

/* What nobody asked for goes, once, and begins anew; what is held stays. */
static void drops_what_is_idle(void **state)
{
	struct tt_series_set *set = NULL;
	struct tt_limits limits;

	tt_limits_init(&limits);
	limits.value[TT_LIMIT_IDLE_EXPIRY] = 100;
	assert_int_equal(tt_series_set_new(&set, &limits), 0);
	const struct tt_metric_family family = {.name = "a", .type = TT_COUNTER, .labels = {"x", "y"}};
	assert_int_equal(tt_series_family(set, &family), 0);
	tt_series_add(get(set, 0, "idle", ""), 7); /* before the clock is known */
	tt_series_expire(set, 1000 * S);
	struct tt_series *busy = get(set, 0, "busy", ""), *held = get(set, 0, "held", "");
	get(set, 0, "last", "");
	tt_series_hold(held);
	tt_series_expire(set, 1090 * S);
	assert_ptr_equal(get(set, 0, "busy", ""), busy);
	assert_int_equal(tt_series_count(set), 4);
	tt_series_expire(set, 1110 * S);
	assert_int_equal(tt_series_count(set), 2);
	assert_int_equal(tt_series_expired(set), 2);
	assert_ptr_equal(tt_series_next(set, 0, NULL), busy);
	assert_ptr_equal(tt_series_next(set, 0, busy), held);
	assert_null(tt_series_next(set, 0, held));

	/* The list goes on behind what is left. */
	assert_int_equal(get(set, 0, "idle", "")->value, 0);
	assert_int_equal(get(set, 0, "last", "")->value, 0);
	assert_int_equal(tt_series_count(set), 4);
	tt_series_release(set, held);
	tt_series_expire(set, 1200 * S);
	assert_int_equal(tt_series_count(set), 3); /* busy went at 1190 */
	tt_series_expire(set, 5000 * S);
	assert_int_equal(tt_series_count(set), 0);
	assert_null(tt_series_next(set, 0, NULL));
	assert_int_equal(tt_series_expired(set), 6);
	get(set, 0, "again", "");
	assert_non_null(tt_series_next(set, 0, NULL));
	set = tt_series_set_free(set);
}

static void drops_nothing_if_told_so(void **state)
{
	struct tt_series_set *set = NULL;
	struct tt_limits limits;

	tt_limits_init(&limits);
	limits.value[TT_LIMIT_IDLE_EXPIRY] = 0;
	assert_int_equal(tt_series_set_new(&set, &limits), 0);
	const struct tt_metric_family family = {.name = "a", .type = TT_COUNTER, .labels = {"x", "y"}};
	assert_int_equal(tt_series_family(set, &family), 0);
	get(set, 0, "idle", "");
	tt_series_expire(set, S);
	tt_series_expire(set, 1000000 * S);
	assert_int_equal(tt_series_count(set), 1);
	set = tt_series_set_free(set);
}

/* What was found last is asked first: every label counts, whichever of them is another one. */
static void remembers_only_the_same(void **state)
{
	enum { LABELS = 5, VALUES = 9 };
	static const char *const texts[VALUES] = {"", "a", "b", "ab", "ba", "GET", "POST", "/items/{id}", "/items/{ie}"};
	struct tt_series_set *set = NULL;
	struct tt_limits limits;
	struct tt_series *found[LABELS][VALUES];

	tt_limits_init(&limits);
	assert_int_equal(tt_series_set_new(&set, &limits), 0);
	const struct tt_metric_family family = {.name = "a", .type = TT_COUNTER, .labels = {"v", "w", "x", "y", "z"}};
	assert_int_equal(tt_series_family(set, &family), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < LABELS * VALUES; i++) {
			struct tt_span values[LABELS] = {TT_SPAN_LIT("service"), TT_SPAN_LIT("1"), TT_SPAN_LIT("x"),
							 TT_SPAN_LIT("PUT"), TT_SPAN_LIT("/y")};
			values[i / VALUES] = tt_span_str(texts[i % VALUES]);
			struct tt_series *s = tt_series_get(set, 0, values);
			struct tt_series **first = &found[i / VALUES][i % VALUES];
			if (round == 0)
				*first = s;
			assert_ptr_equal(s, *first);
			assert_ptr_equal(tt_series_get(set, 0, values), s);
		}
	}
	assert_int_equal(tt_series_count(set), LABELS * VALUES);
	set = tt_series_set_free(set);
}

TT_UNIT_TESTS(cmocka_unit_test(tells_label_sets_apart), cmocka_unit_test(cuts_and_cleans_values),
	      cmocka_unit_test(keeps_sums_exact_past_the_cap), cmocka_unit_test(grows_and_keeps_its_series),
	      cmocka_unit_test(drops_what_is_idle), cmocka_unit_test(drops_nothing_if_told_so),
	      cmocka_unit_test(remembers_only_the_same))
