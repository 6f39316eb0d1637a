/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording: a 16-byte header, then records as they are (shared/record.h), in the order they came. It holds raw payload, so the
 * file belongs to its owner alone.
 *
 * Header: 8 bytes "TELLTALE"; u16 version of the file; u16 TT_RECORD_VERSION; u32 0x01020304, both in the order of the host that
 * wrote it.
 */
#ifndef TT_SOURCE_RECORDING_H
#define TT_SOURCE_RECORDING_H

#include "source/file.h"

/* No record is longer. */
#define TT_RECORDING_RECORD_MAX (1u << 20)

struct tt_recording;

/* Creates (or empties) the file with mode 0600, also where it existed with another. Returns a descriptor or a negative errno. */
int tt_recording_create(const char *path);

/* Writes the header. fd is borrowed and must outlive the recording. *ret untouched on failure: -ENOMEM, or what write failed
 * with. */
int tt_recording_new(struct tt_recording **ret, int fd);
/* Flushes, forgetting an error: call tt_recording_flush first to know. NULL-safe, returns NULL. */
struct tt_recording *tt_recording_free(struct tt_recording *w);

/* Adds a record; as a tt_record_fn with the recording as ctx. The first error stays: everything after it fails with it. */
int tt_recording_add(void *recording, const struct tt_record *rec);
int tt_recording_flush(struct tt_recording *w);

/* True if a file beginning with these bytes is a recording. */
bool tt_recording_known(struct tt_span head);

/* A source of its records; as tt_file_source_new, which calls it where the file is a recording. */
int tt_recording_source_new(struct tt_source **ret, int fd, const char *name);
int tt_recording_source_new_bytes(struct tt_source **ret, struct tt_span bytes, const char *name);

#endif
