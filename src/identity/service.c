// SPDX-License-Identifier: Apache-2.0
#include "identity/service.h"

#include <ctype.h>

#include "base/own.h"
#include "identity/text.h"

/* Programs that run another program named by their arguments. */
static const struct tt_interpreter {
	const char *name;
	const char *module;  /* option whose value names what is run */
	const char *inline_; /* options that bring the program itself: it has no other name then */
	const char *valued;  /* options followed by a value that names nothing */
} tt_interpreters[] = {
	{"python", "-m", "-c", "-W -X --check-hash-based-pycs"},
	{"pypy", "-m", "-c", "-W -X"},
	{"node", NULL, "-e -p --eval --print", "-r --require --import --loader --experimental-loader -C --conditions --env-file"},
	{"nodejs", NULL, "-e -p --eval --print", "-r --require --import --loader"},
	{"bun", NULL, "-e --eval", "-r --preload"},
	{"deno", NULL, NULL, NULL},
	{"ruby", NULL, "-e", "-r -I -C -E"},
	{"perl", NULL, "-e -E", "-I"},
	{"php", NULL, "-r -S", "-c -d -z"},
	{"lua", NULL, "-e", "-l"},
	{"java", "-jar", NULL,
	 "-cp -classpath --class-path -p --module-path --add-modules --add-opens --add-exports --add-reads"},
	{"dotnet", NULL, NULL, "--fx-version --additionalprobingpath --depsfile --runtimeconfig"},
	{"sh", NULL, "-c", "-o"},
	{"bash", NULL, "-c", "-o -O --rcfile --init-file"},
	{"dash", NULL, "-c", "-o"},
	{"ksh", NULL, "-c", "-o"},
	{"zsh", NULL, "-c", "-o"},
};

/* Endings that say what a file is, not which. */
static const char *const tt_endings[] = {".py", ".pyc", ".pyz", ".js",	".mjs", ".cjs", ".ts",	".rb",
					 ".pl", ".php", ".lua", ".jar", ".war", ".dll", ".exe", ".sh"};

/* Words before the program that some interpreters take. */
static const char *const tt_run_words[] = {"run", "exec", "serve"};

static bool tt_span_is(struct tt_span s, const char *text)
{
	return tt_span_eq(s, tt_span_str(text));
}

static bool tt_word_in(struct tt_span word, const char *list)
{
	for (struct tt_span rest = tt_span_str(list); rest.len;) {
		ptrdiff_t at = tt_span_find(rest, ' ');
		size_t len = at < 0 ? rest.len : (size_t)at;
		if (tt_span_eq(word, tt_span_sub(rest, 0, len)))
			return true;
		rest = tt_span_sub(rest, len + 1, SIZE_MAX);
	}
	return false;
}

/* Takes the next argument off; false at the end. */
static bool tt_next_arg(struct tt_span *args, struct tt_span *ret)
{
	if (!args->len)
		return false;
	ptrdiff_t at = tt_span_find(*args, 0);
	size_t len = at < 0 ? args->len : (size_t)at;
	*ret = tt_span_sub(*args, 0, len);
	*args = tt_span_sub(*args, len + 1, SIZE_MAX);
	return true;
}

static struct tt_span tt_base_name(struct tt_span path)
{
	while (path.len && path.data[path.len - 1] == '/')
		path.len--;
	for (size_t i = path.len; i-- > 0;) {
		if (path.data[i] == '/')
			return tt_span_sub(path, i + 1, SIZE_MAX);
	}
	return path;
}

static struct tt_span tt_without_ending(struct tt_span name)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_endings); i++) {
		struct tt_span ending = tt_span_str(tt_endings[i]);
		if (name.len > ending.len && tt_span_eq(tt_span_sub(name, name.len - ending.len, ending.len), ending))
			return tt_span_sub(name, 0, name.len - ending.len);
	}
	return name;
}

/* A version behind the name does not matter: python3.11. */
static const struct tt_interpreter *tt_interpreter_find(struct tt_span program)
{
	while (program.len && (isdigit(program.data[program.len - 1]) || program.data[program.len - 1] == '.'))
		program.len--;
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_interpreters); i++) {
		if (tt_span_is(program, tt_interpreters[i].name))
			return &tt_interpreters[i];
	}
	return NULL;
}

/* A program run as a package is named by its directory. */
static struct tt_span tt_script_name(struct tt_span path)
{
	struct tt_span name = tt_base_name(path);
	if (tt_span_is(name, "__main__.py") && path.len > name.len)
		name = tt_base_name(tt_span_sub(path, 0, path.len - name.len));
	return tt_without_ending(name);
}

/* A Java class is named by its last part; a file by what it is called. */
static struct tt_span tt_class_name(struct tt_span name)
{
	for (size_t i = name.len; i-- > 0;) {
		if (name.data[i] == '.' || name.data[i] == '/')
			return tt_span_sub(name, i + 1, SIZE_MAX);
	}
	return name;
}

/* What an interpreter runs; empty if its arguments do not say. */
static struct tt_span tt_interpreted(const struct tt_interpreter *in, struct tt_span args)
{
	struct tt_span arg;

	while (tt_next_arg(&args, &arg)) {
		if (in->module && tt_span_is(arg, in->module))
			return tt_next_arg(&args, &arg) ? tt_script_name(arg) : tt_span(NULL, 0);
		if (in->inline_ && tt_word_in(arg, in->inline_))
			break;
		if (in->valued && tt_word_in(arg, in->valued)) {
			tt_next_arg(&args, &arg);
			continue;
		}
		if (!arg.len || arg.data[0] == '-')
			continue;
		bool word = false;
		for (size_t i = 0; i < TT_ARRAY_LEN(tt_run_words); i++)
			word |= tt_span_is(arg, tt_run_words[i]);
		if (word)
			continue;
		return tt_span_is(tt_span_str(in->name), "java") ? tt_class_name(arg) : tt_script_name(arg);
	}
	return tt_span(NULL, 0);
}

/* Servers write what they are doing over their arguments: "nginx: worker process", "redis-server *:6379". Then it is one string.
 */
static struct tt_span tt_program_of(struct tt_span first, bool only, struct tt_span file)
{
	if (only && !(file.len && tt_span_eq(first, file))) {
		for (size_t i = 0; i < first.len; i++) {
			if (first.data[i] == ' ' || first.data[i] == ':') {
				first.len = i;
				break;
			}
		}
	}
	struct tt_span name = tt_base_name(first);
	if (name.len > 1 && name.data[0] == '-') /* a login shell */
		name = tt_span_sub(name, 1, SIZE_MAX);
	return name;
}

void tt_service_name(struct tt_span args, struct tt_span file, const char *comm, char ret[static TT_IDENTITY_NAME_LEN])
{
	struct tt_span name = {0}, first, rest = args;

	while (rest.len && !rest.data[rest.len - 1])
		rest.len--;
	if (tt_next_arg(&rest, &first)) {
		name = tt_program_of(first, !rest.len, file);
		const struct tt_interpreter *in = tt_interpreter_find(name);
		struct tt_span run = in ? tt_interpreted(in, rest) : tt_span(NULL, 0);
		name = run.len ? run : tt_without_ending(name);
	}
	if (!name.len)
		name = tt_script_name(file);
	if (!name.len) {
		/* A thread of the kernel's: kworker/1:2-events. For which processor it is, and what it does now, is no service.
		 */
		name = tt_span_str(comm);
		ptrdiff_t slash = tt_span_find(name, '/');
		if (slash > 0)
			name.len = (size_t)slash;
	}
	tt_text_set(ret, TT_IDENTITY_NAME_LEN, name);
}

struct tt_span tt_environment_get(struct tt_span environment, const char *name)
{
	struct tt_span variable, wanted = tt_span_str(name);

	while (tt_next_arg(&environment, &variable)) {
		if (tt_span_starts(variable, wanted) && variable.len > wanted.len && variable.data[wanted.len] == '=')
			return tt_span_sub(variable, wanted.len + 1, SIZE_MAX);
	}
	return tt_span(NULL, 0);
}

/* key=value,key=value: OpenTelemetry's resource SDK. */
static struct tt_span tt_resource_attribute(struct tt_span list, struct tt_span key)
{
	while (list.len) {
		ptrdiff_t at = tt_span_find(list, ',');
		struct tt_span pair = tt_span_trim(tt_span_sub(list, 0, at < 0 ? list.len : (size_t)at));
		if (tt_span_starts(pair, key) && pair.len > key.len && pair.data[key.len] == '=')
			return tt_span_trim(tt_span_sub(pair, key.len + 1, SIZE_MAX));
		list = tt_span_sub(list, at < 0 ? list.len : (size_t)at + 1, SIZE_MAX);
	}
	return tt_span(NULL, 0);
}

struct tt_span tt_service_from_environment(struct tt_span environment)
{
	struct tt_span name = tt_environment_get(environment, "OTEL_SERVICE_NAME");
	if (!name.len)
		name = tt_resource_attribute(tt_environment_get(environment, "OTEL_RESOURCE_ATTRIBUTES"),
					     TT_SPAN_LIT("service.name"));
	return name.len ? name : tt_span(NULL, 0);
}
