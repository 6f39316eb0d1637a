// SPDX-License-Identifier: Apache-2.0
/* What a probed call of a library's function takes longer on this machine, tried on functions of our own that nobody else calls.
 */
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "base/own.h"
#include "kernel/internal.h"
#include "kernel/library.h"
#include "kernel/plaintext.h"

#define CALLS 1000
#define ROUNDS 5 /* the least counts: what else the machine does only adds */

/*
 * They begin as compilers let functions do; where they return has a name of its own. The kernel does what a push would itself,
 * but steps over most other instructions, which is another trap: dear, above all where a hypervisor sees it.
 */
#if defined(__x86_64__)
#define PUSHES "push %rbx\n mov %edx, %eax\n pop %rbx\n"
#define OTHER "sub $8, %rsp\n mov %edx, %eax\n add $8, %rsp\n"
#else
#define PUSHES "stp x29, x30, [sp, #-16]!\n mov w0, w2\n ldp x29, x30, [sp], #16\n"
#define OTHER PUSHES
#endif
#define FUNCTION(name, body)                                                                                        \
	__asm__(".pushsection .text\n .balign 16\n"                                                                 \
		".globl " #name "\n .hidden " #name "\n .type " #name ", %function\n"                               \
		".globl " #name "_returns\n .hidden " #name "_returns\n" #name ":\n" body #name "_returns:\n ret\n" \
		".size " #name ", . - " #name "\n .popsection\n");                                                  \
	int name(void *session, void *buffer, int size);                                                            \
	extern const char name##_returns[];

FUNCTION(tt_plaintext_pushes, PUSHES)
FUNCTION(tt_plaintext_steps, OTHER)

static const struct called {
	int (*function)(void *session, void *buffer, int size);
	const char *returns;
} functions[TT_PLAINTEXT_COSTS] = {
	{tt_plaintext_pushes, tt_plaintext_pushes_returns},
	{tt_plaintext_steps, tt_plaintext_steps_returns},
};

static const struct tt_library_function function = {"", "tt_openssl_move", "tt_openssl_received", true};
static const struct tt_library library = {"openssl", TT_LIBRARY_STATIC, NULL, &function, 1, ""};

struct place {
	uintptr_t address;
	uint64_t offset;
};

/* The program itself is told first. */
static int offset_take(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct place *p = ctx;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		const uintptr_t in = p->address - info->dlpi_addr - segment->p_vaddr;

		if (segment->p_type == PT_LOAD && in < segment->p_filesz)
			p->offset = segment->p_offset + in;
	}
	return 1;
}

static uint64_t offset_of(uintptr_t address)
{
	struct place p = {.address = address};

	dl_iterate_phdr(offset_take, &p);
	return p.offset;
}

static uint64_t calls_ns(const struct called *c)
{
	uint64_t least = UINT64_MAX;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t begin = tt_clock_ns(CLOCK_THREAD_CPUTIME_ID);

		for (int i = 0; i < CALLS; i++)
			c->function(NULL, NULL, i);
		least = TT_MIN(least, tt_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin);
	}
	return least;
}

static int measure(struct tt_kernel *k, const struct called *c, uint64_t *ret_ns)
{
	struct tt_function_sites sites = {.entry = offset_of((uintptr_t)c->function)};
	struct tt_library_file file = {.library = &library};
	uint64_t without = calls_ns(c);

	if (!k->plaintext || !sites.entry)
		return -EOPNOTSUPP;
	if (k->by_instruction)
		sites.returns[sites.return_count++] = offset_of((uintptr_t)c->returns);
	int r = tt_library_file_attach(k, &file, "/proc/self/exe", &sites);
	if (r == 0) {
		uint64_t with = calls_ns(c);

		*ret_ns = with > without ? (with - without) / CALLS : 0;
	}
	tt_library_file_detach(&file);
	free(file.links);
	return r;
}

int tt_plaintext_cost(struct tt_kernel *k, uint64_t ret_ns[TT_PLAINTEXT_COSTS])
{
	uint64_t ns[TT_PLAINTEXT_COSTS] = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < TT_PLAINTEXT_COSTS; i++)
		r = measure(k, &functions[i], &ns[i]);
	if (r == 0)
		memcpy(ret_ns, ns, sizeof(ns));
	return r;
}
