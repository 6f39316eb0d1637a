// SPDX-License-Identifier: Apache-2.0
/*
 * OpenSSL 3 and 4 in a program without symbols. Its functions that may raise an error have their own names in them, beside that
 * of their source file: what ERR_raise() hands on. That tells most of the functions sought; whom they call, and who calls them,
 * must bear it out, and tells the others. What is not as OpenSSL's sources make it is refused: inlined, split, or another
 * library.
 */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "kernel/library.h"
#include "kernel/library_code.h"
#include "kernel/library_elf.h"
#include "kernel/library_traces.h"

enum { READ, WRITE, READ_WITHIN, WRITE_WITHIN, HANDSHAKE, ASYNC, CLEAR, NEW, NEW_WITHIN, NAMES };

static const char *const names[NAMES] = {
	[READ] = "SSL_read",
	[WRITE] = "SSL_write",
	[READ_WITHIN] = "ssl_read_internal",   /* by which SSL_read and SSL_read_ex read … */
	[WRITE_WITHIN] = "ssl_write_internal", /* … and those write */
	[HANDSHAKE] = "SSL_do_handshake",
	[ASYNC] = "ssl_start_async_job", /* by which it may be done */
	[CLEAR] = "SSL_clear",
	[NEW] = "SSL_new",
	[NEW_WITHIN] = "ossl_ssl_connection_new_int", /* where SSL_new does its work, from 3.2 on */
};

/* "ssl" before it is left away, so that telltale has not itself what such programs are known by (library_signs.c). */
#define SOURCE "sl/ssl_lib.c"

/* A function that calls another one, makes nothing more of it than its result, and names nothing. */
#define SMALL 64

struct finder {
	struct tt_traces traces;
	struct tt_trace named[NAMES]; /* those that are there once */
	size_t named_count[NAMES];    /* how many there are; 2: or more, or one that is not understood */
	struct tt_unwind_function found[TT_FUNCTIONS_MOST];
};

/* Functions that have this name in them, and that of their source. */
static void named_find(struct finder *f, size_t name)
{
	struct tt_traces_functions functions;
	struct tt_trace trace;

	tt_traces_pointing(&f->traces, name, &functions);
	for (size_t i = 0; i < functions.count; i++) {
		if (!tt_trace_read(&f->traces, &functions.at[i], &trace)) {
			f->named_count[name] = 2;
			return;
		}
		if (!(trace.texts & 1u << name) || !trace.source)
			continue;
		f->named[name] = trace;
		f->named_count[name]++;
	}
}

static const struct tt_trace *one(const struct finder *f, size_t name)
{
	return f->named_count[name] == 1 ? &f->named[name] : NULL;
}

static bool is_small(const struct tt_trace *t)
{
	return t->at.size <= SMALL && t->call_count == 1 && !t->points;
}

/*
 * Of those who call the function within: the one with the name, and the small one, which is the _ex form. ret[0], ret[1]: begin 0
 * where it is not there. False: it is not sure.
 */
static bool pair_find(struct finder *f, size_t name, size_t within, struct tt_unwind_function ret[2])
{
	const struct tt_trace *inner = one(f, within), *named = one(f, name);
	struct tt_traces_functions callers;
	struct tt_trace t;

	memset(ret, 0, 2 * sizeof(*ret));
	if (!inner || f->named_count[name] > 1 || (named && !tt_trace_calls(named, inner->at.begin)))
		return false;
	if (named)
		ret[0] = named->at;
	tt_traces_going(&f->traces, inner->at.begin, &callers);
	if (callers.count == TT_TRACES_PLACES)
		return false;
	for (size_t i = 0; i < callers.count; i++) {
		if (!tt_trace_read(&f->traces, &callers.at[i], &t))
			return false;
		if (!tt_trace_calls(&t, inner->at.begin) || !is_small(&t))
			continue;
		if (ret[1].begin)
			return false;
		ret[1] = t.at;
	}
	return ret[0].begin || ret[1].begin;
}

/*
 * From 3.3 on the small one is SSL_write_ex2, which has the flags before the last argument, and SSL_write_ex goes on there with
 * none: mov %rcx,%r8; xor %ecx,%ecx; jmp. What has the function that came with 3.2, but not this, may be either.
 */
static bool write_ex_find(struct finder *f, struct tt_unwind_function *small)
{
	static const uint8_t without_flags[] = {0x49, 0x89, 0xc8, 0x31, 0xc9, 0xe9};
	struct tt_traces_functions callers;
	struct tt_unwind_function found = {0};

	if (!small->begin || !f->traces.place_count[NEW_WITHIN])
		return true;
	tt_traces_going(&f->traces, small->begin, &callers);
	for (size_t i = 0; i < callers.count; i++) {
		struct tt_span code = tt_trace_code(&f->traces, &callers.at[i], SMALL);

		if (code.len == sizeof(without_flags) + 4 && memcmp(code.data, without_flags, sizeof(without_flags)) == 0) {
			if (found.begin)
				return false;
			found = callers.at[i];
		}
	}
	*small = found;
	return found.begin;
}

/*
 * What a session is made by ends it where that fails: of the functions it calls the one that lets go of a reference, frees by the
 * same source, and may be given NULL.
 */
static bool free_find(struct finder *f, struct tt_unwind_function *ret)
{
	const struct tt_trace *maker = f->traces.place_count[NEW_WITHIN] ? one(f, NEW_WITHIN) : one(f, NEW);
	struct tt_unwind_function at;
	struct tt_trace t;

	*ret = (struct tt_unwind_function){0};
	for (size_t i = 0; maker && i < maker->call_count; i++) {
		if (!tt_unwind_find(&f->traces.unwind, maker->calls[i], &at) || at.begin != maker->calls[i] ||
		    !tt_trace_read(&f->traces, &at, &t) || !t.locks || !t.tests || !t.source || t.texts)
			continue;
		if (ret->begin && ret->begin != at.begin)
			return false;
		*ret = at;
	}
	return ret->begin;
}

static bool handshake_find(const struct finder *f, struct tt_unwind_function *ret)
{
	const struct tt_trace *handshake = one(f, HANDSHAKE), *async = one(f, ASYNC);

	if (!handshake || !async || !tt_trace_calls(handshake, async->at.begin))
		return false;
	*ret = handshake->at;
	return true;
}

/* Where functions were found, by their symbols. */
struct result {
	struct tt_unwind_function read[2], write[2], handshake, free, clear;
};

static int search(struct finder *f, struct result *ret)
{
	if (!tt_traces_texts(&f->traces))
		return -ENOENT;
	if (!f->traces.place_count[READ_WITHIN] || !f->traces.place_count[WRITE_WITHIN])
		return -ENOENT;
	for (size_t i = 0; i < NAMES; i++)
		named_find(f, i);
	if (!pair_find(f, READ, READ_WITHIN, ret->read) || !pair_find(f, WRITE, WRITE_WITHIN, ret->write) ||
	    !write_ex_find(f, &ret->write[1]) || !handshake_find(f, &ret->handshake) || !free_find(f, &ret->free))
		return -ENOENT;
	/* Without it a session that is used again is bound again when its first connection has ended. */
	if (one(f, NEW) && one(f, CLEAR) && tt_trace_calls(one(f, NEW), one(f, CLEAR)->at.begin))
		ret->clear = one(f, CLEAR)->at;
	return 0;
}

static void tell(const struct finder *f, const struct result *r, const char *const *symbols, struct tt_function_place *ret,
		 size_t count)
{
	const struct {
		const char *symbol;
		const struct tt_unwind_function *at;
	} rows[] = {
		{"SSL_read", &r->read[0]},	{"SSL_read_ex", &r->read[1]}, {"SSL_write", &r->write[0]},
		{"SSL_write_ex", &r->write[1]}, {"SSL_free", &r->free},	      {"SSL_do_handshake", &r->handshake},
		{"SSL_clear", &r->clear},
	};

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < TT_ARRAY_LEN(rows); j++) {
			if (rows[j].at->begin && strcmp(symbols[i], rows[j].symbol) == 0)
				ret[i] = (struct tt_function_place){tt_elf_code_offset(f->traces.elf, rows[j].at->begin),
								    rows[j].at->size};
		}
	}
}

static int look(Elf *elf, int fd, const char *const *symbols, struct tt_function_place *ret, size_t count)
{
	struct tt_window code = {.fd = fd}, data = {.fd = fd}, unwind = {.fd = fd};
	struct finder f = {
		.traces = {.elf = elf, .code = &code, .data = &data, .source = SOURCE, .texts = names, .text_count = NAMES}};
	struct result result = {0};
	GElf_Ehdr head;

	if (!gelf_getehdr(elf, &head) || head.e_machine != EM_X86_64)
		return -ENOENT;
	if (tt_unwind_open(&f.traces.unwind, elf, &unwind) < 0)
		return -ENOENT;
	int r = search(&f, &result);
	if (!tt_unwind_work(&f.traces.unwind, 0))
		r = -E2BIG;
	if (r == 0)
		tell(&f, &result, symbols, ret, count);
	return r;
}

int tt_openssl_functions(const char *path, const char *const *symbols, struct tt_function_place *ret, size_t count)
{
	tt_close_auto int fd = -1;
	Elf *elf;

	memset(ret, 0, count * sizeof(*ret));
	int r = tt_elf_open(path, &fd, &elf);
	if (r < 0)
		return r;
	r = look(elf, fd, symbols, ret, count);
	elf_end(elf);
	return r;
}
