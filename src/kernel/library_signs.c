// SPDX-License-Identifier: Apache-2.0
/* Libraries whose functions have no symbols in a program, known by texts they leave in it: the names of their sources. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "kernel/library.h"
#include "kernel/library_window.h"

#define LOOKED_AT (128u << 20) /* bytes of a program */
#define LONGEST 32u	       /* sign */

static const struct tt_library_sign tt_library_signs[] = {
	{{"openssl", TT_LIBRARY_STATIC, NULL, NULL, 0, NULL},
	 {"ssl/ssl", "_lib.c"},
	 "OpenSSL or BoringSSL is linked into it, its symbols are stripped, and where its functions are is not sure",
	 &tt_library_stripped},
	{{"rustls", TT_LIBRARY_STATIC, NULL, NULL, 0, NULL},
	 {"/rustls", "-0."},
	 "rustls is linked into it, and no functions of aws-lc that have names seal its records (ring does, or the program is "
	 "stripped)",
	 &tt_library_rustls},
};

static const struct tt_library_sign *sign_in(struct tt_span s)
{
	for (size_t i = 0; s.data && i < TT_ARRAY_LEN(tt_library_signs); i++) {
		const struct tt_library_sign *sign = &tt_library_signs[i];
		char text[LONGEST];
		int len = snprintf(text, sizeof(text), "%s%s", sign->text[0], sign->text[1]);

		if (memmem(s.data, s.len, text, (size_t)len))
			return sign;
	}
	return NULL;
}

const struct tt_library_sign *tt_library_sign_find(const char *path)
{
	tt_close_auto int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct tt_window w = {.fd = fd};
	const struct tt_library_sign *found = NULL;

	for (uint64_t at = 0; fd >= 0 && !found && at < LOOKED_AT; at += TT_WINDOW_BYTES - LONGEST) {
		struct tt_span s = tt_window_some(&w, at, TT_WINDOW_BYTES);

		found = sign_in(s);
		if (s.len < TT_WINDOW_BYTES)
			break;
	}
	return found;
}
