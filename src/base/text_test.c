// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include "harness/unit.h"

/* The bytes that each takes, alone and behind one that all take. */
static void tells_by_every_byte(void **state)
{
	for (unsigned b = 0; b <= 0xff; b++) {
		const uint8_t bytes[] = {'a', (uint8_t)b};
		bool text = b >= 0x20 && b != 0x7f;

		for (size_t from = 0; from < sizeof(bytes); from++) {
			struct tt_span s = tt_span(bytes + from, sizeof(bytes) - from);

			assert_int_equal(tt_is_text(s), text);
			assert_int_equal(tt_is_tabbed_text(s), text || b == '\t');
			assert_int_equal(tt_is_word(s), text && b != ' ');
			assert_int_equal(tt_is_ascii_word(s), b >= '!' && b <= '~');
		}
	}
}

TT_UNIT_TESTS(cmocka_unit_test(tells_by_every_byte))
