/* SPDX-License-Identifier: Apache-2.0 */
/* The page's files, embedded by web/embed.py when telltale is built. */
#ifndef TT_WEB_ASSETS_H
#define TT_WEB_ASSETS_H

#include <stddef.h>
#include <stdint.h>

struct tt_asset {
	const char *path; /* "/app.js"; index.html is "/" */
	const char *type; /* Content-Type */
	const char *etag; /* of the contents, quoted as HTTP wants it */
	const uint8_t *bytes;
	size_t len;
};

extern const struct tt_asset tt_assets[];
extern const size_t tt_asset_count;

#endif
