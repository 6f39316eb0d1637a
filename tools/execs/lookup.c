// SPDX-License-Identifier: Apache-2.0
#include "tools/execs/lookup.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "base/span.h"

/* A script's file stands behind its interpreter and at most one argument of that (execve(2)). */
#define WORDS_LOOKED_AT 3

bool tt_lookup_goes_on(uint32_t error)
{
	static const uint32_t errors[] = {ENOENT, ENOTDIR, EACCES, ESTALE, ENODEV, ETIMEDOUT};

	for (size_t i = 0; i < TT_ARRAY_LEN(errors); i++) {
		if (error == errors[i])
			return true;
	}
	return false;
}

static struct tt_span words(const struct tt_execs_started *s)
{
	return tt_span(s->args, TT_MIN((size_t)s->args_len, sizeof(s->args)));
}

/* The first word; `rest` gets what follows its end. */
static struct tt_span first_word(struct tt_span all, struct tt_span *rest)
{
	size_t len = strnlen((const char *)all.data, all.len);

	*rest = tt_span_sub(all, len + 1, all.len);
	return tt_span_sub(all, 0, len);
}

static struct tt_span base_name(struct tt_span path)
{
	const uint8_t *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;

	return slash ? tt_span_sub(path, (size_t)(slash + 1 - path.data), path.len) : path;
}

bool tt_lookup_same(const struct tt_execs_started *before, const struct tt_execs_started *s, bool searching)
{
	struct tt_span rest_a, rest_b;
	struct tt_span a = first_word(words(before), &rest_a), b = first_word(words(s), &rest_b);

	return before->rec.start_ns == s->rec.start_ns && (searching || !tt_span_eq(a, b)) &&
	       tt_span_eq(base_name(a), base_name(b)) && tt_span_eq(rest_a, rest_b);
}

bool tt_lookup_found(const struct tt_execs_started *searched, const struct tt_execs_started *started)
{
	struct tt_span arguments, rest = words(started);
	struct tt_span name = base_name(first_word(words(searched), &arguments));

	if (searched->rec.start_ns != started->rec.start_ns)
		return false;
	for (int i = 0; i < WORDS_LOOKED_AT && rest.len; i++) {
		struct tt_span word = first_word(rest, &rest);
		if (tt_span_eq(base_name(word), name) || (i == 0 && arguments.len && tt_span_eq(rest, arguments)))
			return true;
	}
	return false;
}
