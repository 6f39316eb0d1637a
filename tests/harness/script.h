/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation built piece by piece, for protocols whose messages carry lengths. */
#ifndef TT_HARNESS_SCRIPT_H
#define TT_HARNESS_SCRIPT_H

#include <stdlib.h>
#include <string.h>

#include "harness/talk.h"
#include "harness/unit.h"

#define TT_SCRIPT_LINES 256

struct tt_script {
	struct tt_line line[TT_SCRIPT_LINES + 1]; /* the last one stays TT_SAY_END */
	char *memory[TT_SCRIPT_LINES];
	size_t count;
};

#define tt_script_auto __attribute__((cleanup(tt_script_free)))

static inline void tt_script_free(struct tt_script *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->memory[i]);
}

static inline void tt_script_step(struct tt_script *s, enum tt_say say, size_t len)
{
	assert_true(s->count < TT_SCRIPT_LINES);
	s->line[s->count++] = (struct tt_line){say, NULL, len};
}

/* A new segment of these two parts. */
static inline void tt_script_say(struct tt_script *s, enum tt_say say, const void *a, size_t a_len, const void *b, size_t b_len)
{
	char *data = malloc(a_len + b_len + 1);
	assert_non_null(data);
	if (a_len)
		memcpy(data, a, a_len);
	if (b_len)
		memcpy(data + a_len, b, b_len);
	s->memory[s->count] = data;
	tt_script_step(s, say, a_len + b_len);
	s->line[s->count - 1].data = data;
}

#endif
