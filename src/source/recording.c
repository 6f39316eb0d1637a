// SPDX-License-Identifier: Apache-2.0
#include "source/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/own.h"

#define TT_RECORDING_VERSION 1
#define TT_RECORDING_ORDER 0x01020304u
/* Written at once; a record may go past it by its own size. */
#define TT_RECORDING_STEP (256u << 10)

static const uint8_t tt_recording_magic[8] = {'T', 'E', 'L', 'L', 'T', 'A', 'L', 'E'};

struct tt_recording_header {
	uint8_t magic[8];
	uint16_t version;
	uint16_t record_version;
	uint32_t order;
};

static_assert(sizeof(struct tt_recording_header) == 16, "layout");

struct tt_recording {
	int fd;
	int error;
	struct tt_buf waiting;
};

int tt_recording_create(const char *path)
{
	tt_close_auto int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* Rights first, then the old contents go; pipes and devices are left as they are. */
	if (S_ISREG(st.st_mode) && (fchmod(fd, 0600) < 0 || ftruncate(fd, 0) < 0))
		return -errno;
	return TT_TAKE_FD(fd);
}

int tt_recording_flush(struct tt_recording *w)
{
	size_t done = 0;

	while (!w->error && done < w->waiting.len) {
		ssize_t n = write(w->fd, w->waiting.data + done, w->waiting.len - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			w->error = -errno;
	}
	tt_buf_clear(&w->waiting);
	return w->error;
}

int tt_recording_add(void *recording, const struct tt_record *rec)
{
	struct tt_recording *w = recording;

	if (w->error)
		return w->error;
	if (rec->len < sizeof(*rec) || rec->len > TT_RECORDING_RECORD_MAX)
		return -EINVAL;
	w->error = tt_buf_add(&w->waiting, rec, rec->len);
	if (w->error < 0 || w->waiting.len < TT_RECORDING_STEP)
		return w->error;
	return tt_recording_flush(w);
}

int tt_recording_new(struct tt_recording **ret, int fd)
{
	struct tt_recording_header header = {
		.version = TT_RECORDING_VERSION, .record_version = TT_RECORD_VERSION, .order = TT_RECORDING_ORDER};
	memcpy(header.magic, tt_recording_magic, sizeof(header.magic));

	struct tt_recording *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->fd = fd;
	w->waiting = TT_BUF(TT_RECORDING_STEP + TT_RECORDING_RECORD_MAX);
	int r = tt_buf_add(&w->waiting, &header, sizeof(header));
	if (r == 0)
		r = tt_recording_flush(w);
	if (r < 0) {
		tt_recording_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct tt_recording *tt_recording_free(struct tt_recording *w)
{
	if (!w)
		return NULL;
	tt_recording_flush(w);
	tt_buf_free(&w->waiting);
	free(w);
	return NULL;
}

bool tt_recording_known(struct tt_span head)
{
	return tt_span_starts(head, tt_span(tt_recording_magic, sizeof(tt_recording_magic)));
}
