/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server of the API, the metrics and the page (docs/api.md): one thread, libmicrohttpd polled by it. It serves the
 * embedded page itself and asks the draining thread for everything else through the mailbox. Only GET and HEAD; only under our
 * own names.
 */
#ifndef TT_WEB_SERVER_H
#define TT_WEB_SERVER_H

#include <stdint.h>

#include "shared/limits.h"
#include "web/mailbox.h"

struct tt_server;

struct tt_server_config {
	const char *listen;		/* see tt_listen_parse; NULL: 127.0.0.1:9464; port 0: any free one */
	const char *const *allow_hosts; /* further names in Host headers, NULL-ended; NULL: none. Borrowed for the call */
	const struct tt_limits *limits; /* http_clients, watch_bytes. Borrowed for the call */
	uint32_t answer_timeout_ms;	/* how long an answer is waited for before 503; 0: 5000 */
	bool hold;			/* only listens: nobody is served before tt_server_go */
};

struct tt_server_stats {
	uint64_t requests;
	uint64_t refused_hosts;	  /* 403: a foreign name in the Host header */
	uint64_t refused_clients; /* 503: more than http_clients at once */
	uint64_t timeouts;	  /* 503: the draining thread did not answer in time */
};

/*
 * Listens and starts the serving thread. The mailbox is borrowed and must outlive the server; it wants http_clients slots.
 * 0; -EINVAL if `listen` is no address, -EADDRINUSE if the port is taken, -EADDRNOTAVAIL, -EACCES and others of bind(2), -ENOMEM.
 */
int tt_server_new(struct tt_server **ret, const struct tt_server_config *config, struct tt_mailbox *mailbox);

/* Begins to serve where that was held back. 0 or a negative errno. */
int tt_server_go(struct tt_server *s);

/* Ends streams and connections, and the thread. NULL-safe; returns NULL. */
struct tt_server *tt_server_free(struct tt_server *s);

/* The port really listened on, in host order. */
uint16_t tt_server_port(const struct tt_server *s);

/* Any thread. */
void tt_server_get_stats(const struct tt_server *s, struct tt_server_stats *ret);

#endif
