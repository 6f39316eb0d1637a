/* SPDX-License-Identifier: Apache-2.0 */
/* Between server.c (thread, loop) and handle.c (one request). All of it belongs to the serving thread, but for the atomics. */
#ifndef TT_WEB_SERVER_I_H
#define TT_WEB_SERVER_I_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "web/listen.h"
#include "web/server.h"

enum tt_request_state {
	TT_REQUEST_NEW,	      /* request line seen */
	TT_REQUEST_READY,     /* headers seen, any body being read over */
	TT_REQUEST_ASKED,     /* its letter is under way, the connection suspended */
	TT_REQUEST_ANSWERED,  /* its letter is back */
	TT_REQUEST_EXPIRED,   /* its letter took too long */
	TT_REQUEST_STREAMING, /* its watch is read from */
	TT_REQUEST_REPLIED,
};

struct tt_request {
	struct tt_request *next, *prev; /* in the server's list */
	struct tt_server *server;
	struct MHD_Connection *connection; /* NULL before the headers were seen */
	enum tt_request_state state;
	bool suspended;
	bool gone; /* streaming: the client left */
	uint64_t deadline_ns;
	struct tt_letter *letter; /* ASKED: borrowed from the mailbox; ANSWERED: owned */
	struct tt_watch *watch;	  /* a reference */
	char target[];		  /* as sent */
};

struct tt_server {
	struct MHD_Daemon *daemon;
	struct tt_mailbox *mailbox;
	union tt_listen listen;
	char **allow_hosts;
	pthread_t thread;
	bool started;
	int listen_fd; /* until libmicrohttpd has it */
	int epoll_fd;
	int stop_fd;
	uint64_t answer_timeout_ns;
	size_t clients_max;
	size_t watch_bytes;
	bool stopping;

	size_t clients;
	size_t streams;
	struct tt_request *requests;

	struct {
		_Atomic uint64_t requests, refused_hosts, refused_clients, timeouts;
	} stats;
};

/* Callbacks of libmicrohttpd; cls is the server. */
void *tt_web_request_begin(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result tt_request_handle(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_len, void **con_cls);
void tt_request_end(void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode how);
void tt_client_count(void *cls, struct MHD_Connection *connection, void **socket_context,
		     enum MHD_ConnectionNotificationCode what);

/* Lets libmicrohttpd go on with a suspended request. */
void tt_request_resume(struct tt_request *q);

#endif
