// SPDX-License-Identifier: Apache-2.0
#include "harness/unit.h"
#include "shared/header_table.h"
#include "stream/internal.h"

#define NUMBER(n) (TT_TABLE_NUMBER | (n))
#define UNKNOWN(n) (TT_TABLE_UNKNOWN | (n))
#define CODED(id) (TT_TABLE_CODED | TT_TABLE_NAME_##id)

static const struct {
	struct tt_table_entry entry;
	const char *name; /* in the record, too, where it is not known otherwise */
	uint64_t number;
	const char *value; /* NULL: it is not known */
} cases[] = {
	{{2, 1}, "ab", 0, "c"},
	{{CODED(PATH), 5}, ":path", 0, "/a/bc"},
	{{CODED(GRPC_STATUS), NUMBER(2)}, "grpc-status", 16, "16"},
	{{CODED(GRPC_STATUS), NUMBER(1)}, "grpc-status", 16, NULL}, /* it was no such text */
	{{CODED(GRPC_ENCODING), NUMBER(4)}, "grpc-encoding", 2, "gzip"},
	{{CODED(GRPC_ENCODING), NUMBER(4)}, "grpc-encoding", 3, NULL},
	{{CODED(GRPC_ACCEPT_ENCODING), UNKNOWN(20)}, "grpc-accept-encoding", 0, NULL},
	{{CODED(GRPC_TIMEOUT), NUMBER(4)}, "grpc-timeout", 5 << 16 | 100, NULL},
	{{CODED(GRPC_TIMEOUT), NUMBER(5)}, "grpc-timeout", 5 << 16 | 100, "1000S"},
	{{CODED(GRPC_TIMEOUT), NUMBER(5)}, "grpc-timeout", 11 << 16 | 100, NULL},
	{{11, NUMBER(1)}, "grpc-status", 0, "0"},
	{{7, NUMBER(3)}, ":status", 418, "418"},
	/* of what is more than the number's own bits nothing is known */
	{{12, NUMBER(16)}, "content-type", 0xdeadbeef00, "application/grpc"},
	{{12, NUMBER(22)}, "content-type", 0, NULL}, /* application/grpc+proto */
	{{2, NUMBER(8)}, "te", 0, "trailers"},
	{{2, NUMBER(8)}, "te", 1, NULL},
	{{7, NUMBER(4)}, ":method", 0, "POST"},
	{{7, NUMBER(5)}, ":scheme", 1, "https"},
	{{12, NUMBER(7)}, "grpc-timeout", 100000, "100000m"},
	{{12, NUMBER(4)}, "grpc-timeout", 100000, "100S"},
	{{12, NUMBER(3)}, "grpc-timeout", 3600000, "60M"},
	{{12, NUMBER(2)}, "grpc-timeout", 3600000, "1H"},
	{{12, NUMBER(5)}, "grpc-timeout", 100000, NULL},
	{{12, NUMBER(4)}, "grpc-timeout", INT64_MAX, NULL},
	{{12, NUMBER(4)}, "grpc-timeout", UINT64_MAX, NULL},
	{{17, NUMBER(5)}, "grpc-retry-pushba", 12345, NULL},
	{{TT_TABLE_UNKNOWN, UNKNOWN(40)}, NULL, 0, NULL},
	{{CODED(MAX), UNKNOWN(40)}, NULL, 0, NULL},
};

static void forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		const struct tt_table_entry *e = &cases[i].entry;
		uint8_t from[64], *at = from, to[128];
		const char *value = cases[i].value;
		size_t len = e->value_len & TT_TABLE_LENGTH;

		if (!(e->name_len & TT_TABLE_FLAGS)) {
			memcpy(at, cases[i].name, e->name_len);
			at += e->name_len;
		}
		if (e->value_len & TT_TABLE_NUMBER) {
			memcpy(at, &cases[i].number, sizeof(cases[i].number));
			at += sizeof(cases[i].number);
		} else if (!(e->value_len & TT_TABLE_UNKNOWN)) {
			memcpy(at, value, len);
			at += len;
		}
		assert_int_equal(tt_table_entry_bytes(e), at - from);
		assert_true(tt_table_entry_room(e) <= sizeof(to));
		struct tt_header h = tt_table_entry_take(e, from, to);
		assert_int_equal(h.name.data != NULL, cases[i].name != NULL);
		assert_true(!cases[i].name || tt_span_eq(h.name, tt_span(cases[i].name, strlen(cases[i].name))));
		assert_int_equal(h.value.data != NULL, value != NULL);
		assert_int_equal(h.value.len, len);
		assert_true(!value || tt_span_eq(h.value, tt_span_str(value)));
	}
}

TT_UNIT_TESTS(cmocka_unit_test(forms))
