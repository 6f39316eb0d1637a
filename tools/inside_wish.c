// SPDX-License-Identifier: Apache-2.0
#include "tools/inside_wish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "tools/inside.h"

const char *tt_inside_names(char *to, size_t size)
{
	size_t len = 0;

	to[0] = 0;
	for (size_t i = 0; i < tt_tool_count && len < size; i++) {
		if (tt_tools[i].tool->inside)
			len += (size_t)snprintf(to + len, size - len, "%s%s", len ? ", " : "", tt_tools[i].name);
	}
	return to;
}

static bool may_be_set(const struct tt_tool_inside *inside, const char *name)
{
	for (size_t i = 0; inside->options && inside->options[i]; i++) {
		if (strcmp(inside->options[i], name) == 0)
			return true;
	}
	return false;
}

/* One of the tool's rows that may be set there. */
static const struct tt_option_row *option_find(const struct tt_tool *tool, const char *name, size_t len)
{
	for (size_t i = 0; i < tool->option_count; i++) {
		const struct tt_option_row *row = &tool->options[i];
		if (strlen(row->name) == len && memcmp(row->name, name, len) == 0 && may_be_set(tool->inside, row->name))
			return row;
	}
	return NULL;
}

int tt_inside_wish_read(struct tt_inside_wish *ret, const char *text, struct tt_tool_error *e)
{
	size_t len = strcspn(text, ":"), option = 0;
	struct tt_inside_wish wish = {0};
	char names[120];

	for (size_t i = 0; i < tt_tool_count; i++) {
		if (strlen(tt_tools[i].name) == len && memcmp(tt_tools[i].name, text, len) == 0)
			wish.entry = &tt_tools[i];
	}
	if (!wish.entry || !wish.entry->tool->inside)
		return tt_tool_fail(e, "'%.*s' is none of the tools there are inside: %s", (int)TT_MIN(len, (size_t)40), text,
				    tt_inside_names(names, sizeof(names)));
	if (text[len]) {
		const char *name = text + len + 1;
		option = strcspn(name, "=");
		wish.option = option_find(wish.entry->tool, name, option);
		if (!wish.option)
			return tt_tool_fail(e, "%s has no option '%.*s' inside", wish.entry->name,
					    (int)TT_MIN(option, (size_t)40), name);
		if (!name[option] || !name[option + 1])
			return tt_tool_fail(e, "%s: %s needs a value", wish.entry->name, wish.option->name);
		wish.value = name + option + 1;
	}
	*ret = wish;
	return 0;
}

int tt_inside_wish_set(const struct tt_inside_wish *wish, void *settings, struct tt_tool_error *e)
{
	struct tt_tool_error why = {""};
	int r = wish->option ? tt_tool_option_set(wish->option, settings, wish->value, &why) : 0;

	/* There the name stands without the dashes of an option. */
	return r < 0 ? tt_tool_fail(e, "%s: %s", wish->entry->name, why.text + (strncmp(why.text, "--", 2) == 0 ? 2 : 0)) : 0;
}

int tt_inside_judge(const char *text, struct tt_tool_error *e)
{
	uint64_t settings[TT_TOOL_SETTINGS_MOST / sizeof(uint64_t)] = {0};
	struct tt_inside_wish wish = {0};
	int r = tt_inside_wish_read(&wish, text, e);

	return r < 0 ? r : tt_inside_wish_set(&wish, settings, e);
}
