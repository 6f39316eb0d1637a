// SPDX-License-Identifier: Apache-2.0
#include "kernel/library_window.h"

#include <unistd.h>

#include "base/own.h"

static void fill(struct tt_window *w, uint64_t offset)
{
	w->at = offset;
	w->len = 0;
	while (w->len < sizeof(w->data)) {
		ssize_t n = pread(w->fd, w->data + w->len, sizeof(w->data) - w->len, (off_t)(offset + w->len));
		if (n <= 0)
			return;
		w->len += (size_t)n;
	}
}

struct tt_span tt_window_some(struct tt_window *w, uint64_t offset, size_t n)
{
	if (offset > INT64_MAX - TT_WINDOW_BYTES)
		return tt_span(NULL, 0);
	n = TT_MIN(n, sizeof(w->data));
	if (offset < w->at || offset - w->at > w->len || n > w->len - (offset - w->at))
		fill(w, offset);
	size_t skip = (size_t)(offset - w->at);
	return tt_span(w->data + skip, TT_MIN(n, w->len - skip));
}

struct tt_span tt_window_at(struct tt_window *w, uint64_t offset, size_t n)
{
	struct tt_span s = tt_window_some(w, offset, n);

	return s.len == n ? s : tt_span(NULL, 0);
}
