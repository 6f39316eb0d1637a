/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents of the HTTP API (docs/api.md), rendered from the sinks. Runs on the thread that owns them; the server passes
 * questions and answers through its mailbox.
 */
#ifndef TT_SINK_API_H
#define TT_SINK_API_H

#include "sink/selfstats.h"

/* What there is to tell of; all borrowed. A sink that is NULL makes its paths 404. */
struct tt_api {
	const struct tt_sink *map;
	const struct tt_sink *services;
	const struct tt_sink *recent;
	const struct tt_series_set *series;
	const struct tt_selfstats *self; /* with the figures of now */
	int64_t wall_minus_mono_ns;
};

#define TT_API_VALUE_MAX 256

/* --- for documents that are rendered elsewhere --- */

/* The value of `name`, decoded into `text`; data NULL if it is not given. -EINVAL where it is malformed or too long. */
int tt_api_query_text(struct tt_span query, const char *name, char text[TT_API_VALUE_MAX], struct tt_span *ret);
/* A number from 1 to `most`, or `preset` where it is not given. -EINVAL. */
int tt_api_query_number(struct tt_span query, const char *name, uint64_t preset, uint64_t most, uint64_t *ret);
/* Makes the body {"error":what}. Returns status. */
int tt_api_error(struct tt_buf *body, int status, const char *what);

/*
 * Renders the answer to GET `path` (percent-decoded) with `query` (as sent, without `?`) into `body`, which is empty and has its
 * maximum set. Returns HTTP's status: 200, 400 or 404 with {"error":…} in the body, 500 if the body did not fit. *ret_type has
 * static storage.
 * `/api/v1/exchanges/stream` is not a document and not rendered here.
 */
int tt_api_render(const struct tt_api *api, struct tt_span path, struct tt_span query, struct tt_buf *body,
		  const char **ret_type);

#endif
