// SPDX-License-Identifier: Apache-2.0
/* The configuration file: YAML 1.1 by libyaml's events, one mapping whose keys are those of the option table. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/own.h"
#include "cli/options.h"

struct tt_file {
	yaml_parser_t parser;
	const char *path;
	const struct tt_command_row *command;
	struct tt_config *config;
	struct tt_config unused; /* where keys of other commands go */
	uint64_t seen;		 /* keys, by their place in the table */
	struct tt_option_error *e;
};

/* Values longer than this are no configuration. */
#define TT_VALUE_MAX 4096
#define TT_CONFIG_FILE_MAX (256u << 10)

static int tt_file_fail(struct tt_file *f, size_t line, const char *key, const char *text)
{
	return tt_option_fail(f->e, "%s:%zu: %s%s%s", f->path, line + 1, key, *key ? ": " : "", text);
}

/* The next event, to be deleted by the caller. */
static int tt_file_next(struct tt_file *f, yaml_event_t *ret)
{
	if (yaml_parser_parse(&f->parser, ret))
		return 0;
	if (f->parser.error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	size_t line = f->parser.problem_mark.line ? f->parser.problem_mark.line : f->parser.context_mark.line;
	const char *problem = f->parser.problem ? f->parser.problem : "not YAML";
	char text[200];

	/* `json: -` begins a list in YAML. */
	bool dash = strncmp(problem, "block sequence", 14) == 0;
	snprintf(text, sizeof(text), "%.120s%s", problem, dash ? " (standard output is \"-\", with its quotes)" : "");
	return tt_file_fail(f, line, "", text);
}

/* The next event if it is of this type; it is deleted. */
static int tt_file_expect(struct tt_file *f, yaml_event_type_t type, const char *text)
{
	yaml_event_t event;

	int r = tt_file_next(f, &event);
	if (r < 0)
		return r;
	if (event.type != type)
		r = tt_file_fail(f, event.start_mark.line, "", text);
	yaml_event_delete(&event);
	return r;
}

static const char *tt_scalar(const yaml_event_t *event)
{
	return (const char *)event->data.scalar.value;
}

/* A scalar's text may be used as a value: not empty, not null, no 0 inside. */
static int tt_file_scalar(struct tt_file *f, const yaml_event_t *event, const char *key)
{
	size_t line = event->start_mark.line;

	if (event->type != YAML_SCALAR_EVENT)
		return tt_file_fail(f, line, key, "a simple value is expected here");
	const char *text = tt_scalar(event);
	size_t len = event->data.scalar.length;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (len == 0 || (plain && (strcmp(text, "null") == 0 || strcmp(text, "~") == 0)))
		return tt_file_fail(f, line, key, "has no value");
	if (len > TT_VALUE_MAX || strlen(text) != len)
		return tt_file_fail(f, line, key, "the value is not text");
	return 0;
}

static int tt_file_set(struct tt_file *f, const struct tt_option *o, size_t line, const char *value)
{
	struct tt_option_error why;

	struct tt_config *to = o->commands & f->command->bit ? f->config : &f->unused;
	int r = tt_option_set(o, to, value, &why);
	if (r == 0 && to == f->config && !tt_config_line(to, o->key))
		tt_config_stands(to, o->key, line + 1);
	return r == -EINVAL ? tt_file_fail(f, line, o->key, why.text) : r;
}

/* `limits:` is a mapping: each name and value is one --limit. */
static int tt_file_limits(struct tt_file *f, const struct tt_option *o)
{
	yaml_event_t name, value;
	char text[2 * TT_VALUE_MAX + 2];

	for (;;) {
		int r = tt_file_next(f, &name);
		if (r < 0)
			return r;
		bool end = name.type == YAML_MAPPING_END_EVENT;
		r = end ? 0 : tt_file_scalar(f, &name, o->key);
		if (r < 0 || end) {
			yaml_event_delete(&name);
			return r;
		}
		r = tt_file_next(f, &value);
		if (r == 0) {
			r = tt_file_scalar(f, &value, tt_scalar(&name));
			if (r == 0) {
				snprintf(text, sizeof(text), "%s=%s", tt_scalar(&name), tt_scalar(&value));
				r = tt_file_set(f, o, value.start_mark.line, text);
			}
			yaml_event_delete(&value);
		}
		yaml_event_delete(&name);
		if (r < 0)
			return r;
	}
}

static int tt_file_list(struct tt_file *f, const struct tt_option *o)
{
	for (;;) {
		yaml_event_t event;
		int r = tt_file_next(f, &event);
		if (r < 0)
			return r;
		bool end = event.type == YAML_SEQUENCE_END_EVENT;
		r = end ? 0 : tt_file_scalar(f, &event, o->key);
		if (r == 0 && !end)
			r = tt_file_set(f, o, event.start_mark.line, tt_scalar(&event));
		yaml_event_delete(&event);
		if (r < 0 || end)
			return r;
	}
}

/* The options of one name: each is NAME:OPTION=VALUE. Nothing at all behind the name, or {}: the name alone. */
static int tt_file_name_options(struct tt_file *f, const struct tt_option *o, const char *name)
{
	yaml_event_t option = {0}, value = {0};
	char text[3 * TT_VALUE_MAX + 3];

	for (;;) {
		int r = tt_file_next(f, &option);
		if (r < 0)
			return r;
		bool end = option.type == YAML_MAPPING_END_EVENT;
		r = end ? 0 : tt_file_scalar(f, &option, name);
		if (r == 0 && !end)
			r = tt_file_next(f, &value);
		if (r < 0 || end) {
			yaml_event_delete(&option);
			return r;
		}
		r = tt_file_scalar(f, &value, tt_scalar(&option));
		if (r == 0) {
			snprintf(text, sizeof(text), "%s:%s=%s", name, tt_scalar(&option), tt_scalar(&value));
			r = tt_file_set(f, o, option.start_mark.line, text);
		}
		yaml_event_delete(&value);
		yaml_event_delete(&option);
		if (r < 0)
			return r;
	}
}

static int tt_file_named_one(struct tt_file *f, const struct tt_option *o, const yaml_event_t *name)
{
	yaml_event_t value = {0};

	int r = tt_file_scalar(f, name, o->key);
	if (r == 0)
		r = tt_file_set(f, o, name->start_mark.line, tt_scalar(name));
	if (r == 0)
		r = tt_file_next(f, &value);
	if (r < 0)
		return r;
	if (value.type == YAML_MAPPING_START_EVENT)
		r = tt_file_name_options(f, o, tt_scalar(name));
	else if (value.type != YAML_SCALAR_EVENT || value.data.scalar.length)
		r = tt_file_fail(f, value.start_mark.line, tt_scalar(name), "options are expected below it, or nothing");
	yaml_event_delete(&value);
	return r;
}

static int tt_file_named(struct tt_file *f, const struct tt_option *o)
{
	for (;;) {
		yaml_event_t name = {0};
		int r = tt_file_next(f, &name);
		if (r < 0)
			return r;
		bool end = name.type == YAML_MAPPING_END_EVENT;
		if (!end)
			r = tt_file_named_one(f, o, &name);
		yaml_event_delete(&name);
		if (r < 0 || end)
			return r;
	}
}

static int tt_file_value(struct tt_file *f, const struct tt_option *o)
{
	yaml_event_t event;

	int r = tt_file_next(f, &event);
	if (r < 0)
		return r;
	bool listed = o->kind == TT_OPTION_STRINGS || o->kind == TT_OPTION_PIDS;
	if (o->kind == TT_OPTION_LIMITS)
		r = event.type == YAML_MAPPING_START_EVENT
			    ? tt_file_limits(f, o)
			    : tt_file_fail(f, event.start_mark.line, o->key, "names and values are expected below it");
	else if (o->named && event.type == YAML_MAPPING_START_EVENT)
		r = tt_file_named(f, o);
	else if (listed && event.type == YAML_SEQUENCE_START_EVENT)
		r = tt_file_list(f, o);
	else if ((r = tt_file_scalar(f, &event, o->key)) == 0)
		r = tt_file_set(f, o, event.start_mark.line, tt_scalar(&event));
	yaml_event_delete(&event);
	return r;
}

static int tt_file_key(struct tt_file *f, const yaml_event_t *event)
{
	size_t line = event->start_mark.line;
	char text[160];

	if (event->type != YAML_SCALAR_EVENT)
		return tt_file_fail(f, line, "", "a key is expected here");
	const struct tt_option *o = tt_option_by_key(tt_scalar(event));
	if (!o) {
		snprintf(text, sizeof(text), "there is no key '%.80s' (telltale help configuration)", tt_scalar(event));
		return tt_file_fail(f, line, "", text);
	}
	uint64_t bit = 1ull << (o - tt_options);
	if (f->seen & bit)
		return tt_file_fail(f, line, o->key, "is set a second time");
	f->seen |= bit;
	return tt_file_value(f, o);
}

static int tt_file_mapping(struct tt_file *f)
{
	for (;;) {
		yaml_event_t event;
		int r = tt_file_next(f, &event);
		if (r < 0)
			return r;
		bool end = event.type == YAML_MAPPING_END_EVENT;
		if (!end)
			r = tt_file_key(f, &event);
		yaml_event_delete(&event);
		if (r < 0 || end)
			return r;
	}
}

/* One document, or none at all: an empty file sets nothing. */
static int tt_file_document(struct tt_file *f)
{
	yaml_event_t event;

	int r = tt_file_next(f, &event);
	if (r < 0)
		return r;
	yaml_event_type_t type = event.type;
	yaml_event_delete(&event);
	if (type == YAML_STREAM_END_EVENT)
		return 0;

	r = tt_file_next(f, &event);
	if (r < 0)
		return r;
	bool empty = event.type == YAML_SCALAR_EVENT && event.data.scalar.length == 0;
	if (event.type == YAML_MAPPING_START_EVENT)
		r = tt_file_mapping(f);
	else if (!empty)
		r = tt_file_fail(f, event.start_mark.line, "", "lines of KEY: VALUE are expected");
	yaml_event_delete(&event);
	if (r == 0)
		r = tt_file_expect(f, YAML_DOCUMENT_END_EVENT, "the document goes on after its end");
	if (r == 0)
		r = tt_file_expect(f, YAML_STREAM_END_EVENT, "a second document");
	return r;
}

static struct {
	tt_config_text_fn fn; /* NULL: files are opened */
	void *ctx;
} tt_text_source;

void tt_config_file_from(tt_config_text_fn fn, void *ctx)
{
	tt_text_source.fn = fn;
	tt_text_source.ctx = ctx;
}

static int tt_file_text(const char *path, struct tt_buf *text)
{
	if (tt_text_source.fn)
		return tt_text_source.fn(tt_text_source.ctx, text);
	FILE *in = fopen(path, "re");
	if (!in)
		return -errno;
	int r = 0;
	for (size_t n = 1; r == 0 && n;) {
		r = tt_buf_reserve(text, 4096);
		n = r == 0 ? fread(text->data + text->len, 1, 4096, in) : 0;
		text->len += n;
	}
	if (r == 0 && ferror(in))
		r = -errno;
	fclose(in);
	return r == -ENOBUFS ? -EFBIG : r;
}

int tt_config_file_read(struct tt_config *c, const struct tt_command_row *command, const char *path, struct tt_option_error *e)
{
	struct tt_file f = {.path = path, .command = command, .config = c, .e = e};
	tt_buf_auto struct tt_buf text = TT_BUF(TT_CONFIG_FILE_MAX);

	int r = tt_file_text(path, &text);
	if (r < 0)
		return r == -ENOMEM ? r : tt_option_fail(e, "%s: %s", path, strerror(-r));
	if (!yaml_parser_initialize(&f.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&f.parser, text.data ? text.data : (const uint8_t *)"", text.len);
	tt_config_init(&f.unused);

	r = tt_file_expect(&f, YAML_STREAM_START_EVENT, "not YAML");
	if (r == 0)
		r = tt_file_document(&f);
	tt_config_free(&f.unused);
	yaml_parser_delete(&f.parser);
	if (r == 0 && !(c->config_file = strdup(path)))
		r = -ENOMEM;
	return r;
}
