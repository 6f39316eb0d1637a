// SPDX-License-Identifier: Apache-2.0
#include "shared/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct tt_limit_row tt_limit_rows[TT_LIMIT_MAX] = {
#define TT_LIMIT(id, name_, preset_, least_, most_, unit_, help_) \
	[TT_LIMIT_##id] = {.name = name_, .preset = preset_, .least = least_, .most = most_, .unit = unit_, .help = help_},
#include "shared/limits.tbl.h"
#undef TT_LIMIT
};

void tt_limits_init(struct tt_limits *limits)
{
	for (size_t i = 0; i < TT_LIMIT_MAX; i++) {
		limits->value[i] = tt_limit_rows[i].preset;
		limits->set[i] = 0;
	}
}

static int tt_limit_find(const char *name, size_t len)
{
	for (int i = 0; i < TT_LIMIT_MAX; i++) {
		if (strlen(tt_limit_rows[i].name) == len && memcmp(tt_limit_rows[i].name, name, len) == 0)
			return i;
	}
	return -ENOENT;
}

static int tt_number_parse(const char *text, uint64_t *ret)
{
	static const struct {
		char letter;
		unsigned shift;
	} suffixes[] = {{'k', 10}, {'K', 10}, {'M', 20}, {'G', 30}};

	if (*text < '0' || *text > '9')
		return -EINVAL;

	char *end = NULL;
	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	if (errno)
		return -errno;

	unsigned shift = 0;
	for (size_t i = 0; *end && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (*end == suffixes[i].letter) {
			shift = suffixes[i].shift;
			end++;
			break;
		}
	}
	if (*end)
		return -EINVAL;
	if (value > UINT64_MAX >> shift)
		return -ERANGE;

	*ret = value << shift;
	return 0;
}

int tt_limits_set(struct tt_limits *limits, const char *name, size_t len, const char *text)
{
	int id = tt_limit_find(name, len);
	if (id < 0)
		return id;

	uint64_t value = 0;
	int r = tt_number_parse(text, &value);
	if (r < 0)
		return r;
	if (value < tt_limit_rows[id].least || value > tt_limit_rows[id].most)
		return -ERANGE;

	limits->value[id] = value;
	limits->set[id] = 1;
	return 0;
}

static const struct {
	enum tt_limit limit;
	uint64_t preset;
} tt_capture_presets[] = {
	{TT_LIMIT_CONNECTIONS, 12288},		 {TT_LIMIT_MESSAGES, 18432},
	{TT_LIMIT_MESSAGE_BYTES, 8u << 20},	 {TT_LIMIT_STREAM_TOTAL_BYTES, 8u << 20},
	{TT_LIMIT_PARSER_TOTAL_BYTES, 8u << 20}, {TT_LIMIT_PCAP_HOLD_TOTAL_BYTES, 4u << 20},
};

uint64_t tt_limit_capture_preset(enum tt_limit limit)
{
	for (size_t i = 0; i < sizeof(tt_capture_presets) / sizeof(tt_capture_presets[0]); i++) {
		if (tt_capture_presets[i].limit == limit)
			return tt_capture_presets[i].preset;
	}
	return tt_limit_rows[limit].preset;
}

void tt_limits_for_capture(struct tt_limits *limits)
{
	for (size_t i = 0; i < sizeof(tt_capture_presets) / sizeof(tt_capture_presets[0]); i++) {
		enum tt_limit limit = tt_capture_presets[i].limit;
		if (!limits->set[limit])
			limits->value[limit] = tt_capture_presets[i].preset;
	}
}
