/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: their id out of a cgroup path, their name where the engine's files say it. */
#ifndef TT_IDENTITY_CONTAINER_H
#define TT_IDENTITY_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "shared/record.h"

/*
 * The innermost container of /proc/PID/cgroup's text (or any cgroup path): 64 hexadecimal digits, as Docker, containerd, CRI-O
 * and Podman write them into the path. False, with ret untouched, if there is none.
 */
bool tt_container_id(struct tt_span cgroup, char ret[static TT_CONTAINER_ID_LEN]);

/* The path is below a Kubernetes pod. */
bool tt_container_is_pod(struct tt_span cgroup);

/*
 * The workload of a pod's name: "web-5d8f7c9b64-x2v4q" of a deployment and "agent-x2v4q" of a daemon set lose what was generated,
 * "db-0" of a stateful set loses its number. Borrowed from `pod`.
 */
struct tt_span tt_container_workload(struct tt_span pod);

/* The name Docker gave it, from below root ("" is the real one). False, with ret untouched, if it is not to be had. */
bool tt_container_name(const char *root, const char *id, char ret[static TT_IDENTITY_NAME_LEN]);

#endif
