// SPDX-License-Identifier: Apache-2.0
/* An HTTP server and a client over OpenSSL, for tls_static.py, which links the library into it. It counts what it did. */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef OPENSSL_IS_BORINGSSL /* has no _ex forms */
#define EX_FORMS 0
#define SSL_read_ex(...) 0
#define SSL_write_ex(...) 0
#else
#define EX_FORMS 1
#endif

static SSL_CTX *context;

static void must(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static struct sockaddr_in place(const char *port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A request is as long as one read, as its client sends nothing before it has the answer. */
static void *answer(void *arg)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	SSL *ssl = SSL_new(context);
	int fd = (int)(intptr_t)arg;
	char request[4096];

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		while (SSL_read(ssl, request, sizeof(request)) > 0 && SSL_write(ssl, text, sizeof(text) - 1) > 0)
			;
	}
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static int serve(const char *port, const char *chain, const char *key)
{
	struct sockaddr_in here = place(port);
	int listening = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	context = SSL_CTX_new(TLS_server_method());
	must(context && SSL_CTX_use_certificate_chain_file(context, chain) == 1 &&
		     SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1,
	     "certificate");
	setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	must(bind(listening, (struct sockaddr *)&here, sizeof(here)) == 0 && listen(listening, 64) == 0, "listen");
	for (int fd; (fd = accept(listening, NULL, NULL)) >= 0;) {
		pthread_t thread;

		must(pthread_create(&thread, NULL, answer, (void *)(intptr_t)fd) == 0, "pthread_create");
		pthread_detach(thread);
	}
	return 1;
}

/* Every second one by the _ex forms, where there are such. */
static bool ask(SSL *ssl, int i)
{
	char request[128], got[4096];
	size_t moved = 0;
	int n = snprintf(request, sizeof(request), "GET /static/%d HTTP/1.1\r\nHost: x\r\n\r\n", i / 10);

	if (EX_FORMS && i % 2)
		return SSL_write_ex(ssl, request, (size_t)n, &moved) == 1 && SSL_read_ex(ssl, got, sizeof(got), &moved) == 1 &&
		       strncmp(got, "HTTP/1.1 200", 12) == 0;
	return SSL_write(ssl, request, n) == n && SSL_read(ssl, got, sizeof(got)) > 0 && strncmp(got, "HTTP/1.1 200", 12) == 0;
}

/* The server is done with the connection: it may be ended then. */
static void close_together(SSL *ssl, int fd)
{
	char rest[4096];

	SSL_shutdown(ssl);
	while (read(fd, rest, sizeof(rest)) > 0)
		;
	SSL_free(ssl);
	close(fd);
}

/* Ten requests a connection; begins at a line on its standard input. */
static int client(const char *port, int requests)
{
	struct sockaddr_in there = place(port);
	int succeeded = 0;

	context = SSL_CTX_new(TLS_client_method());
	must(context, "SSL_CTX_new");
	puts("ready");
	fflush(stdout);
	if (getchar() == EOF)
		return 1;
	for (int i = 0; i < requests;) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		SSL *ssl = SSL_new(context);

		must(connect(fd, (struct sockaddr *)&there, sizeof(there)) == 0, "connect");
		SSL_set_fd(ssl, fd);
		must(SSL_connect(ssl) == 1, "SSL_connect");
		for (int j = 0; j < 10 && i < requests; j++)
			succeeded += ask(ssl, i++);
		close_together(ssl, fd);
	}
	printf("%d\n", succeeded);
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 5 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2], argv[3], argv[4]);
	if (argc == 4 && strcmp(argv[1], "ask") == 0)
		return client(argv[2], atoi(argv[3]));
	fprintf(stderr, "usage: %s serve PORT CHAIN KEY | ask PORT REQUESTS\n", argv[0]);
	return 2;
}
