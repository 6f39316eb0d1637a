// SPDX-License-Identifier: Apache-2.0
/*
 * What a raw socket of telltale ping may get. First byte: bit 0, IPv6. A packet that is taken comes back from what is written of
 * it, and its stages are the whole way to the nanosecond.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/ping/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
	if (!what)
		abort();
}

static void comes_back(const struct tt_ping_packet *p)
{
	uint8_t bytes[2][TT_PING_HEAD + TT_PING_STEPS_MOST * TT_PING_STEP_LEN];
	struct tt_ping_packet again;

	tt_ping_packet_write(p, bytes[0], sizeof(bytes[0]));
	must(tt_ping_packet_read(tt_span(bytes[0], sizeof(bytes[0])), &again) == 0);
	must(again.step_count == p->step_count && again.session == p->session && again.number == p->number);
	tt_ping_packet_write(&again, bytes[1], sizeof(bytes[1]));
	must(memcmp(bytes[0], bytes[1], sizeof(bytes[0])) == 0);
}

static void goes_whole(const struct tt_ping_packet *p)
{
	static const struct tt_ping_mark list[] = {
		{.kind = TT_PING_SENT, .ns = 1000},
		{.kind = TT_PING_XMIT, .ns = 3000, .netns = 1},
		{.kind = TT_PING_RECEIVE, .ns = 5000000, .raised_ns = 4000000, .netns = 1, .reply = true},
		{.kind = TT_PING_USER, .ns = 6000000, .reply = true},
	};
	struct tt_ping_marks m = {0};
	struct tt_ping_path path;
	uint64_t sum = 0;
	char name[64];

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		tt_ping_marks_add(&m, &list[i]);
	tt_ping_path(&m, 1, p, &path);
	for (size_t i = 0; i < path.count; i++) {
		tt_ping_place_name(&path.list[i].place, name, sizeof(name));
		sum += path.list[i].ns;
	}
	must(sum == 6000000 - 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_ping_message m;

	if (!size || tt_ping_message_read(tt_span(data + 1, size - 1), data[0] & 1 ? 6 : 4, &m) < 0)
		return 0;
	comes_back(&m.packet);
	goes_whole(&m.packet);
	return 0;
}
