// SPDX-License-Identifier: Apache-2.0
/*
 * Functions of OpenSSL's names, and who calls them, for tls_files.py: a program (-DCALLS), a library (-shared), and who opens
 * that
 * (-DOPENS). With -DLATER other instructions are at the places of the earlier ones. They move nothing.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

#if defined(LATER) && defined(__x86_64__)
/* Long ones: the place of an earlier one is likely to be within. */
#define BEGIN                                                                                        \
	__asm__ volatile("movabs $0x1122334455667788, %%rax\n movabs $0x1122334455667788, %%rcx\n"   \
			 "movabs $0x1122334455667788, %%rdx\n movabs $0x1122334455667788, %%rsi\n"   \
			 "movabs $0x1122334455667788, %%rdi\n movabs $0x1122334455667788, %%r8\n" :: \
				 : "rax", "rcx", "rdx", "rsi", "rdi", "r8")
#elif defined(LATER)
#define BEGIN __asm__ volatile("mov x9, #1\n mov x10, #2\n mov x11, #3\n mov x12, #4\n" ::: "x9", "x10", "x11", "x12")
#else
#define BEGIN (void)0
#endif

#define NAMES(X) X(SSL_read) X(SSL_write) X(SSL_read_ex) X(SSL_write_ex) X(SSL_do_handshake) X(SSL_free) X(SSL_clear)

typedef int (*called)(void *session, const void *buffer, int size);

#ifndef OPENS
#define FUNCTION(name)                                                                  \
	__attribute__((noinline)) int name(void *session, const void *buffer, int size) \
	{                                                                               \
		BEGIN;                                                                  \
		volatile int sum = size;                                                \
		for (int i = 0; i < 3; i++)                                             \
			sum += i * (int)(intptr_t)buffer;                               \
		return session ? sum : -1;                                              \
	}
NAMES(FUNCTION)
#endif

#if defined(CALLS) || defined(OPENS)
/* Begins at a line on its standard input, or its end. */
int main(int argc, char **argv)
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;

	puts("ready");
	fflush(stdout);
	(void)getchar();
#ifdef OPENS
#define CALL(name) ((called)dlsym(library, #name))((void *)8, NULL, -1);
	if (!library)
		return 2;
#else
#define CALL(name) ((volatile called){name})((void *)8, NULL, -1);
	(void)library;
#endif
	NAMES(CALL)
	return 0;
}
#endif
