// SPDX-License-Identifier: Apache-2.0
#include "sink/table.h"

#include <stdlib.h>

#include "harness/unit.h"

static bool same(const void *item, const void *key)
{
	return *(const int *)item == *(const int *)key;
}

/* Adds and removes at random, beside an array that knows the truth. `spread` small makes nearly all hashes collide. */
static void play(uint64_t spread)
{
	enum { MANY = 700 };
	static int items[MANY];
	bool there[MANY] = {0};
	size_t count = 0;
	unsigned seed = 7;
	struct tt_table t;
	assert_int_equal(tt_table_init(&t), 0);

	for (int i = 0; i < MANY; i++)
		items[i] = i;
	for (int round = 0; round < 20000; round++) {
		int i = rand_r(&seed) % MANY;
		uint64_t hash = spread ? (uint64_t)i % spread * 61 : tt_table_hash(&t, &i, sizeof(i));
		assert_ptr_equal(tt_table_find(&t, hash, same, &i), there[i] ? &items[i] : NULL);
		if (there[i])
			tt_table_remove(&t, hash, &items[i]);
		else
			assert_int_equal(tt_table_add(&t, hash, &items[i]), 0);
		there[i] = !there[i];
		count += there[i] ? 1 : (size_t)-1;
		assert_int_equal(t.count, count);
	}

	size_t at = 0;
	size_t seen = 0;
	for (int *item = tt_table_each(&t, &at); item; item = tt_table_each(&t, &at)) {
		assert_true(there[*item]);
		seen++;
	}
	assert_int_equal(seen, count);
	tt_table_free(&t);
}

static void keeps_what_is_put_in(void **state)
{
	play(0);
}

static void bears_collisions(void **state)
{
	play(1);
	play(5);
}

static void forgives_removing_what_is_not_there(void **state)
{
	struct tt_table t;
	int item = 1;
	assert_int_equal(tt_table_init(&t), 0);
	tt_table_remove(&t, 5, &item);
	assert_int_equal(t.count, 0);
	tt_table_free(&t);
	tt_table_free(&t);
}

TT_UNIT_TESTS(cmocka_unit_test(keeps_what_is_put_in), cmocka_unit_test(bears_collisions),
	      cmocka_unit_test(forgives_removing_what_is_not_there))
