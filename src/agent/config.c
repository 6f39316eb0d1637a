// SPDX-License-Identifier: Apache-2.0
#include "agent/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tt_config_init(struct tt_config *c)
{
	*c = (struct tt_config){.log_level = TT_LOG_WARN};
	tt_limits_init(&c->limits);
}

void tt_config_stands(struct tt_config *c, const char *key, size_t line)
{
	size_t i = 0;

	while (i < c->line_count && strcmp(c->lines[i].key, key) != 0)
		i++;
	if (i < TT_CONFIG_LINES && (i < c->line_count || line)) {
		c->lines[i] = (struct tt_config_line){.key = key, .line = line};
		c->line_count += i == c->line_count;
	}
}

size_t tt_config_line(const struct tt_config *c, const char *key)
{
	for (size_t i = 0; i < c->line_count; i++) {
		if (strcmp(c->lines[i].key, key) == 0)
			return c->lines[i].line;
	}
	return 0;
}

const char *tt_config_name(struct tt_config_name *name, const struct tt_config *c, const char *key, const char *option)
{
	size_t line = tt_config_line(c, key);

	if (!line)
		return option;
	snprintf(name->text, sizeof(name->text), "%s:%zu: %s:", c->config_file ? c->config_file : "configuration", line, key);
	return name->text;
}

int tt_strings_add(struct tt_strings *s, const char *text, size_t len)
{
	char **list = reallocarray(s->list, s->count + 2, sizeof(*list));
	if (!list)
		return -ENOMEM;
	s->list = list;
	list[s->count] = strndup(text, len);
	if (!list[s->count])
		return -ENOMEM;
	list[++s->count] = NULL;
	return 0;
}

void tt_strings_free(struct tt_strings *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->list[i]);
	free(s->list);
	*s = (struct tt_strings){0};
}

void tt_config_free(struct tt_config *c)
{
	if (!c)
		return;
	free(c->pids);
	free(c->cgroup);
	free(c->netns);
	tt_strings_free(&c->protocols);
	tt_strings_free(&c->uprobes_without);
	tt_strings_free(&c->tools);
	tt_strings_free(&c->where);
	free(c->hooks);
	free(c->listen);
	tt_strings_free(&c->allow_hosts);
	free(c->json);
	free(c->record);
	free(c->metrics);
	free(c->connect);
	free(c->user);
	free(c->drop_to);
	free(c->config_file);
	tt_config_init(c);
}
