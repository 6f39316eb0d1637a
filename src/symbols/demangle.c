// SPDX-License-Identifier: Apache-2.0
#include "symbols/demangle.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* Short names of much repetition are long for people: what is longer than this is left as it is. */
#define NAME_MOST 512

/* Itanium C++ ABI, 3.4: __cxa_demangle */
typedef char *(*demangle_fn)(const char *name, char *to, size_t *size, int *status);

static demangle_fn find(void)
{
	static demangle_fn fn;
	static int sought;

	if (!sought) {
		sought = 1;
		void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
		void *symbol = library ? dlsym(library, "__cxa_demangle") : NULL;
		memcpy(&fn, &symbol, sizeof(fn));
	}
	return fn;
}

char *tt_demangle(const char *name)
{
	int status = 0;

	if (strncmp(name, "_Z", 2) != 0 || strnlen(name, NAME_MOST + 1) > NAME_MOST)
		return NULL;
	demangle_fn fn = find();
	return fn ? fn(name, NULL, NULL, &status) : NULL;
}
