/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries whose functions move plaintext, as data: how a mapped file is known to be one, and which programs
 * (bpf/libraries) belong at which of its functions.
 */
#ifndef TT_KERNEL_LIBRARY_H
#define TT_KERNEL_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tt_library_function {
	const char *symbol;
	const char *enter;   /* program at its entry */
	const char *returns; /* program at its return, or at its instructions that return; NULL: none */
	bool required;	     /* a file without it is none of these */
};

enum tt_library_form {
	TT_LIBRARY_SHARED,   /* a shared object, known by its file's name; functions by their symbols */
	TT_LIBRARY_STATIC,   /* linked into a program that has kept its symbols */
	TT_LIBRARY_STRIPPED, /* … that has not; functions by the traces they leave (tt_openssl_functions) */
	TT_LIBRARY_GO,	     /* linked into a program by Go; functions by its own table */
	TT_LIBRARY_BUILD,    /* a shared object of a build that is known (tt_grpc_functions) */
};

struct tt_library {
	const char *name; /* as exchanges name it in `source` */
	enum tt_library_form form;
	const char *file; /* how the file's name begins */
	const struct tt_library_function *functions;
	size_t function_count;
	/*
	 * Where return probes do harm, the instructions that return are probed instead (tt_library_find), but of this function,
	 * which is left out then; "": of all; "*": a function is left out where it is not sure. NULL: they cannot be had, and the
	 * library is left out.
	 */
	const char *spare;
};

extern const struct tt_library tt_libraries[];
extern const size_t tt_library_count;

/* It moves plaintext itself: all but the one that only says why handshakes fail. */
bool tt_library_has_sessions(const struct tt_library *library);

/* OpenSSL in a program without symbols. */
extern const struct tt_library tt_library_stripped;
/* rustls in a program that has the symbols of aws-lc, which seals and opens for it. */
extern const struct tt_library tt_library_rustls;

/* What is attached beside it for a while, in a program, too, that has OpenSSL in itself (plaintext_middle.c). */
extern const struct tt_library tt_library_middle;
/* What is attached for a while in a program of Go that has HTTP/2 (bpf/libraries/http2.bpf.c). */
extern const struct tt_library tt_library_http2;
/* The same of nghttp2, a shared object or in a program (bpf/libraries/nghttp2.bpf.c). */
extern const struct tt_library tt_library_nghttp2;

/* Names of all of them, by which they can be left out. */
#define TT_LIBRARY_NAMES(X) X("openssl") X("gnutls") X("nss") X("go") X("nghttp2") X("grpc") X("rustls")

/* One bit for each name; 0: there is no such library. */
unsigned tt_library_bit(const char *name);

/* The same of gRPC's C core, a library of its own or in Python's (bpf/libraries/grpc.bpf.c). */
extern const struct tt_library tt_libraries_grpc[];
extern const size_t tt_libraries_grpc_count;
/* Which of the two the file's name says it is; NULL: none. */
const struct tt_library *tt_library_grpc_of(const char *file);

/* A file's name (without its directory) says it is this one. */
bool tt_library_is(const struct tt_library *library, const char *file);
/* Which one it says it is; NULL: none. */
const struct tt_library *tt_library_of(const char *file);

struct tt_function_place {
	uint64_t at;   /* where it begins, as an offset in its file; 0: it is not there */
	uint64_t size; /* in bytes; 0: not known */
};

/*
 * Where functions are in the ELF file `path`: ret[i] of names[i], in which a `*` stands for whatever a name has there. From the
 * symbols it needs when run, and those for debugging. 0, or -errno of opening; -ENOEXEC: not an ELF file of this machine;
 * -ENOTUNIQ: a name with a `*` has several places.
 */
int tt_elf_functions(const char *path, const char *const *names, struct tt_function_place *ret, size_t count);

/* Adds those of BIO_f_ssl.bread, .bwrite and .destroy that are among the names and are told for sure: OpenSSL's BIO of TLS. */
void tt_bio_functions(const char *path, const char *const *names, struct tt_function_place *ret, size_t count);

/*
 * The same of OpenSSL's functions in a program without symbols, of those that are told there for sure: both the reading and the
 * writing ones, SSL_do_handshake and SSL_free. -ENOENT: there is no OpenSSL from 3.0 on in it, or where they are is not sure;
 * -E2BIG: that takes more work than is done for one file (TT_WORK_MOST).
 */
int tt_openssl_functions(const char *path, const char *const *names, struct tt_function_place *ret, size_t count);

/* Where a session of nghttp2 has what is read of it in this file's version. -ENOENT: its functions do not say so, or its tables
 * are not as they are known. */
struct tt_nghttp2_layout;
int tt_nghttp2_layout(const char *path, struct tt_nghttp2_layout *ret);

/*
 * The same of gRPC's C core, of builds that are known: where its functions are, and what differs in its structs. -ENOENT: it is
 * another build.
 */
struct tt_grpc_layout;
int tt_grpc_functions(const char *path, const char *const *names, struct tt_function_place *ret, size_t count);
int tt_grpc_layout(const char *path, struct tt_grpc_layout *ret);

/* A library whose functions cannot be found by symbols where it is linked into a program, and the text by which it is known
 * there. */
struct tt_library_sign {
	struct tt_library library;	    /* its name; it has no functions */
	const char *text[2];		    /* in two pieces, so that telltale has not itself what is looked for */
	const char *reason;		    /* that it is not observed */
	const struct tt_library *otherwise; /* its functions may be found so */
};

/* Which one the file of a program has in it, of the first 128 MiB; NULL: none. */
const struct tt_library_sign *tt_library_sign_find(const char *path);

#define TT_FUNCTIONS_MOST 16 /* of one library */
#define TT_RETURNS_MOST 64

/* Where a function is, as offsets in its file. */
struct tt_function_sites {
	uint64_t entry; /* 0: it is not there */
	uint64_t size;	/* in bytes; 0: not known */
	size_t return_count;
	uint64_t returns[TT_RETURNS_MOST]; /* its instructions that return */
};

/*
 * The same of functions in a program linked by Go; `returns`: also where they return. -ENOEXEC: it is none, or its tables are not
 * as they are known; -EOPNOTSUPP: by a Go older than 1.18; -E2BIG: a function returns in more places.
 */
int tt_go_functions(const char *path, const char *const *names, bool returns, struct tt_function_sites *ret, size_t count);

/*
 * Where the library's functions are in the file: ret[i] of functions[i], of TT_FUNCTIONS_MOST. -ENOENT: one is missing without
 * which the file is none of that library; else as the two above. `by_instruction`: return probes are not to be used, so also
 * where functions with a program at their return do return; -EOPNOTSUPP: that is not sure for one of them (library_code.h).
 */
int tt_library_find(const struct tt_library *library, const char *path, bool by_instruction, struct tt_function_sites *ret);

/* By which it is told whether a file was written since. */
struct tt_file_state {
	uint64_t changed_ns; /* its inode, of the wall clock */
	uint64_t size;
	uint64_t links;
};

struct stat;
struct tt_file_state tt_file_state(const struct stat *st);
bool tt_file_written(const struct tt_file_state *before, const struct tt_file_state *now);

/* A file that a process has mapped to run code from. */
struct tt_mapped {
	uint64_t dev;
	uint64_t inode;
	struct tt_file_state state;
	const char *name; /* as the process knows it, possibly with " (deleted)" behind; ended by 0 */
	const char *path; /* by which it can be opened from here, whatever became of its name */
};

/* Returns 0 to go on. */
typedef int (*tt_mapped_fn)(void *ctx, const struct tt_mapped *file);

/* Tells the libraries among the files process `pid` has mapped to run code from, once each mapping. What fn returned, or -errno:
 * no such process. */
int tt_mapped_files(uint32_t pid, tt_mapped_fn fn, void *ctx);

/* Tells the file of the program that process `pid` runs. As above. */
int tt_program_file(uint32_t pid, tt_mapped_fn fn, void *ctx);

/* Tells the libraries the dynamic loader finds by their names alone (/etc/ld.so.cache), ours among them only. As above. */
int tt_loader_files(tt_mapped_fn fn, void *ctx);
/* The same of all there are. */
int tt_loader_all(tt_mapped_fn fn, void *ctx);

/*
 * Tells the file of the program a command by that name runs; of a script also its interpreter's, and so on. As above.
 */
int tt_command_programs(const char *command, tt_mapped_fn fn, void *ctx);
/*
 * Tells the libraries, ours among them only, in directories where the dynamic loader looks before it asks its cache
 * (LD_LIBRARY_PATH as it is here, what that program says itself). As above.
 */
int tt_command_libraries(const char *command, tt_mapped_fn fn, void *ctx);

#endif
