/* SPDX-License-Identifier: Apache-2.0 */
/* A name for people out of how a program was started. */
#ifndef TT_IDENTITY_SERVICE_H
#define TT_IDENTITY_SERVICE_H

#include "base/span.h"
#include "shared/record.h"

/*
 * The program's name, interpreters seen through: "python3 app.py" is app, "java -jar shop.jar" is shop, "nginx: worker process"
 * is nginx. `args` is argv, each ended by 0 (the last may be cut); `file` what was executed and `comm` the thread's name serve
 * where there is none. Empty if nothing is known.
 */
void tt_service_name(struct tt_span args, struct tt_span file, const char *comm, char ret[static TT_IDENTITY_NAME_LEN]);

/* The service an environment (each variable ended by 0) asks for: OTEL_SERVICE_NAME, else service.name in
 * OTEL_RESOURCE_ATTRIBUTES. data NULL: none. */
struct tt_span tt_service_from_environment(struct tt_span environment);

/* A variable's value; data NULL if it is not set. */
struct tt_span tt_environment_get(struct tt_span environment, const char *name);

#endif
