// SPDX-License-Identifier: Apache-2.0
#include "cli/curl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/own.h"

/* The name has been the same since 2006. */
#define TT_CURL_LIBRARY "libcurl.so.4"

static const struct tt_curl_row {
	const char *symbol;
	size_t at; /* in struct tt_curl */
} tt_curl_rows[] = {
	{"curl_easy_init", offsetof(struct tt_curl, easy_init)},
	{"curl_easy_setopt", offsetof(struct tt_curl, easy_setopt)},
	{"curl_easy_perform", offsetof(struct tt_curl, easy_perform)},
	{"curl_easy_cleanup", offsetof(struct tt_curl, easy_cleanup)},
	{"curl_easy_strerror", offsetof(struct tt_curl, easy_strerror)},
};

const char *tt_curl_open(struct tt_curl *ret)
{
	void *library = dlopen(TT_CURL_LIBRARY, RTLD_LAZY | RTLD_LOCAL);
	if (!library)
		return dlerror();
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_curl_rows); i++) {
		void *symbol = dlsym(library, tt_curl_rows[i].symbol);
		if (!symbol)
			return dlerror();
		memcpy((char *)ret + tt_curl_rows[i].at, &symbol, sizeof(symbol));
	}
	return NULL;
}
