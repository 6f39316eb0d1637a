// SPDX-License-Identifier: Apache-2.0
/* Why this kernel is without a feature. Which features there are is asked in features.c; these are words only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/features.h"

/* Whether the running kernel is "6.14, …" or later; false where the text begins with no version. */
static bool runs(const struct tt_features *f, const char *text)
{
	char *end;
	unsigned long major = strtoul(text, &end, 10);

	if (end == text || *end != '.')
		return false;
	unsigned long minor = strtoul(end + 1, NULL, 10);
	return f->major > major || (f->major == major && f->minor >= minor);
}

const char *tt_feature_why(const struct tt_features *features, enum tt_feature id, char *text, size_t size)
{
	static const char before[] = "until ";
	const char *since = tt_feature_rows[id].since;
	const char *until = strstr(since, before);

	if (features->has[id])
		snprintf(text, size, "%s", "");
	else if (features->refused[id])
		snprintf(text, size, "not used on this kernel: %s", features->refused[id]);
	else if (features->absent[id])
		snprintf(text, size, "%s", features->absent[id]);
	else if (until && runs(features, until + strlen(before)))
		snprintf(text, size, "in Linux from %s", since);
	else if (runs(features, since))
		snprintf(text, size, "this kernel is built without it (in Linux since %s)", since);
	else
		snprintf(text, size, "in Linux since %s", since);
	return text;
}
