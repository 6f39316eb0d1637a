// SPDX-License-Identifier: Apache-2.0
/*
 * What was open before anybody looked. Sessions that get their bytes by way of memory: what the library reads of its BIO tells
 * their sockets (bpf/libraries/middle.h); that is dear, as every user of the file meets those probes with each record, so they
 * are only there for a minute after such a session was met. A file whose sessions could not be told by then waits for ten.
 * Connections of HTTP/2 in programs of Go, whose library has the table of headers (bpf/libraries/http2.bpf.c): for a minute after
 * the program was found; the same of nghttp2 (bpf/libraries/nghttp2.bpf.c), and of gRPC's C core
 * (bpf/libraries/grpc.bpf.c), whose sessions are looked for meanwhile, too.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/now.h"
#include "base/own.h"
#include "kernel/internal.h"
#include "kernel/library.h"
#include "probes.skel.h"
#include "shared/kernel.h"

#define LOOKED_FOR_NS (60 * 1000000000ull)
#define WAITING_NS (600 * 1000000000ull)

struct met {
	struct tt_kernel *k;
	uint32_t pid;
};

static bool known(const struct tt_kernel *k, const struct tt_library *library, const struct tt_mapped *mapped, uint32_t only)
{
	for (const struct tt_library_file *f = k->libraries_middle; f; f = f->next) {
		if (!f->written_ns && f->only == only && f->library == library && f->dev == mapped->dev &&
		    f->inode == mapped->inode)
			return true;
	}
	return false;
}

/* One that is in every program says nothing. */
static bool found_any(const struct tt_library *library, const struct tt_function_sites *sites)
{
	bool all_required = true;

	for (size_t i = 0; i < library->function_count; i++) {
		if (!library->functions[i].required && sites[i].entry)
			return true;
		all_required &= library->functions[i].required;
	}
	return all_required;
}

/* Each version of nghttp2 has its place in a table of the programs, which its probes' cookies tell. Without cookies there is one.
 */
static int layout_tell(struct tt_kernel *k, struct tt_library_file *file, const char *path)
{
	size_t room = k->skel->rodata->tt_config.has_attach_cookie ? TT_NGHTTP2_LAYOUTS : 1;
	struct tt_nghttp2_layout layout, *told = k->skel->bss->tt_nghttp2_layouts;
	int r = tt_nghttp2_layout(path, &layout);

	for (size_t i = 0; r == 0 && i < room; i++) {
		if (told[i].next_stream && memcmp(&told[i], &layout, sizeof(layout)) != 0)
			continue;
		told[i] = layout;
		file->cookie |= i;
		return 0;
	}
	return r < 0 ? r : -ENOSPC;
}

/* The same of gRPC's C core. */
static int build_tell(struct tt_kernel *k, struct tt_library_file *file, const char *path)
{
	size_t room = k->skel->rodata->tt_config.has_attach_cookie ? TT_GRPC_LAYOUTS : 1;
	struct tt_grpc_layout layout, *told = k->skel->bss->tt_grpc_layouts;
	int r = tt_grpc_layout(path, &layout);

	for (size_t i = 0; r == 0 && i < room; i++) {
		if (told[i].endpoint && memcmp(&told[i], &layout, sizeof(layout)) != 0)
			continue;
		told[i] = layout;
		file->cookie |= i;
		return 0;
	}
	return r < 0 ? r : -ENOSPC;
}

static int file_attach(struct tt_kernel *k, struct tt_library_file *file, const struct tt_mapped *mapped)
{
	struct tt_function_sites sites[TT_FUNCTIONS_MOST];
	int r = tt_library_find(file->library, mapped->path, k->by_instruction, sites);

	if (r == 0 && !found_any(file->library, sites))
		r = -ENOENT;
	if (r == 0 && file->library == &tt_library_nghttp2)
		r = layout_tell(k, file, mapped->path);
	if (r == 0 && file->library->form == TT_LIBRARY_BUILD)
		r = build_tell(k, file, mapped->path);
	if (r == 0)
		r = tt_library_file_attach(k, file, mapped->path, sites);
	if (r == 0)
		__atomic_store_n(&k->self->plaintext, 1, __ATOMIC_RELEASE); /* its sockets are asked for, too */
	return r;
}

/* A file that has none of the functions is remembered all the same, so that it is not read again at once. */
int tt_plaintext_awhile(struct tt_kernel *k, const struct tt_library *library, const struct tt_mapped *mapped, uint32_t pid)
{
	uint32_t only = tt_plaintext_only(k, pid);

	if (known(k, library, mapped, only) || !tt_plaintext_takes(k, library))
		return 0;
	if (!tt_plaintext_room(k, k->middle_count))
		return -ENOSPC;
	struct tt_library_file *file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	*file = (struct tt_library_file){.library = library,
					 .dev = mapped->dev,
					 .inode = mapped->inode,
					 .state = mapped->state,
					 .user = pid,
					 .only = only,
					 .cookie = TT_LIBRARY_COOKIE(only),
					 .until_ns = tt_now_ns() + LOOKED_FOR_NS};
	tt_library_file_enter(&k->libraries_middle, file);
	k->middle_count++;
	int r = file_attach(k, file, mapped);
	if (r == -ENOENT && library->form == TT_LIBRARY_BUILD)
		tt_warn("%s: headers of HTTP/2 on its connections that were open before are not known: another build of gRPC "
			"than "
			"those that are known",
			mapped->name);
	if (r < 0 && r != -ENOENT && r != -ENOEXEC) {
		k->libraries_refused++;
		tt_warn("%s: what its connections that were open before lack is not looked for: %s", mapped->name, strerror(-r));
	}
	if (r == 0)
		tt_debug("%s: %zu probes for connections that were open before (%s)", mapped->name, file->probe_count,
			 library->name);
	return 0;
}

static int look_file(void *ctx, const struct tt_mapped *mapped)
{
	const struct met *met = ctx;

	return tt_library_is(&tt_library_middle, mapped->name) ? tt_plaintext_awhile(met->k, &tt_library_middle, mapped, met->pid)
							       : 0;
}

static int look_program(void *ctx, const struct tt_mapped *mapped)
{
	const struct met *met = ctx;

	return tt_plaintext_awhile(met->k, &tt_library_middle, mapped, met->pid);
}

/* Those whose time is over are let go of, and forgotten when they may be attached again. Returns whether OpenSSL's are attached.
 */
static bool files_age(struct tt_kernel *k)
{
	uint64_t now = tt_now_ns();
	bool any = false;

	for (struct tt_library_file **at = &k->libraries_middle; *at;) {
		struct tt_library_file *f = *at;

		if (f->until_ns < now && !f->written_ns)
			tt_library_file_detach(f);
		any |= f->probe_count != 0 && f->library == &tt_library_middle;
		if (f->until_ns + WAITING_NS >= now && !f->written_ns) {
			at = &f->next;
			continue;
		}
		(void)tt_library_file_leave(at);
		k->middle_count--;
		tt_library_file_detach(f);
		free(f->links);
		free(f);
	}
	return any;
}

void tt_plaintext_middle_of(struct tt_kernel *k, uint32_t pid)
{
	struct met met = {k, pid};

	(void)tt_mapped_files(pid, look_file, &met); /* it may have ended */
	(void)tt_program_file(pid, look_program, &met);
	__atomic_store_n(&k->skel->bss->tt_plain_middle, files_age(k), __ATOMIC_RELEASE);
}

void tt_plaintext_middle(struct tt_kernel *k)
{
	int fd = bpf_map__fd(k->skel->maps.tt_plain_asking);
	uint32_t pid;

	for (uint32_t i = 0; i < bpf_map__max_entries(k->skel->maps.tt_plain_asking); i++) {
		if (bpf_map_get_next_key(fd, NULL, &pid) < 0)
			break;
		tt_plaintext_middle_of(k, pid);
		(void)bpf_map_delete_elem(fd, &pid);
	}
	__atomic_store_n(&k->skel->bss->tt_plain_middle, files_age(k), __ATOMIC_RELEASE);
}
