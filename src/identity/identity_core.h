/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: everything under another root directory than /, and the host's name given. */
#ifndef TT_IDENTITY_IDENTITY_CORE_H
#define TT_IDENTITY_IDENTITY_CORE_H

#include "identity/identity.h"

/* As tt_identities_new; `root` NULL: /proc is not used. Copied. */
int tt_identities_new_at(struct tt_identities **ret, const struct tt_limits *limits, const char *root, const char *host);

#endif
