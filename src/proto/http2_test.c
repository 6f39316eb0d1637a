// SPDX-License-Identifier: Apache-2.0
#include "proto/proto.h"

#include "harness/unit.h"

static void placeholder(void **state)
{
	assert_non_null(tt_proto_find("http2"));
}

TT_UNIT_TESTS(cmocka_unit_test(placeholder))
