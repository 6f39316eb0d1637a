/* SPDX-License-Identifier: Apache-2.0 */
/* A source that reads a file: capture or recording, told apart by its first bytes. */
#ifndef TT_SOURCE_FILE_H
#define TT_SOURCE_FILE_H

#include "shared/limits.h"
#include "source/reader.h"
#include "source/source.h"

/* First member of every source made here. */
struct tt_file_source {
	struct tt_source source;
	struct tt_reader reader;
};

/*
 * `fd` (a file, pipe or standard input), `name` (for errors) and `limits` are borrowed and must outlive the source. *ret is
 * untouched on failure: -ENOMEM. The format is looked at by the first poll. Other than live sources this one waits for a slow
 * pipe: a poll gives at least one record, or an error, -EINTR among them.
 */
int tt_file_source_new(struct tt_source **ret, int fd, const char *name, const struct tt_limits *limits);

/* The source behind one made above once its format is known (`ops->name` says which), else itself. */
const struct tt_source *tt_file_source_real(const struct tt_source *s);

/* How many bytes of the file were read by now. */
uint64_t tt_file_source_offset(const struct tt_source *s);

/* What went wrong, "NAME: byte OFFSET: text", after a poll failed with something else than -ENODATA; empty: nothing. Borrowed
 * from the source. */
const char *tt_file_source_error(const struct tt_source *s);

#endif
