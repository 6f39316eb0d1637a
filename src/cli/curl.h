/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, opened when something is to be asked for: it brings twenty libraries with it, which would be half of what starting
 * any other command costs.
 */
#ifndef TT_CLI_CURL_H
#define TT_CLI_CURL_H

#include <curl/curl.h>

/* As libcurl's own, without their curl_ (the setter is a macro there). */
struct tt_curl {
	typeof(curl_easy_init) *easy_init;
	typeof((curl_easy_setopt)) *easy_setopt;
	typeof(curl_easy_perform) *easy_perform;
	typeof(curl_easy_cleanup) *easy_cleanup;
	typeof(curl_easy_strerror) *easy_strerror;
};

/* Fills *ret. NULL, or why it could not be opened, borrowed until the next call. It is never closed. */
const char *tt_curl_open(struct tt_curl *ret);

#endif
