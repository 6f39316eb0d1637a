// SPDX-License-Identifier: Apache-2.0
#include "kernel/library.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "kernel/library_code.h"
#include "kernel/library_window.h"

/* SSL_connect, SSL_accept and the first SSL_read come by SSL_do_handshake or do its work within themselves. */
static const struct tt_library_function openssl[] = {
	{"SSL_read", "tt_openssl_move", "tt_openssl_received", true},
	{"SSL_write", "tt_openssl_move", "tt_openssl_sent", true},
	{"SSL_read_ex", "tt_openssl_move_ex", "tt_openssl_received", false}, /* 1.1.1 */
	{"SSL_write_ex", "tt_openssl_move_ex", "tt_openssl_sent", false},    /* 1.1.1 */
	{"SSL_do_handshake", "tt_openssl_handshake", "tt_openssl_returned", true},
	{"SSL_set_connect_state", "tt_openssl_connects", NULL, false},
	{"SSL_set_accept_state", "tt_openssl_accepts", NULL, false},
	{"SSL_free", "tt_openssl_end", NULL, true},
	{"SSL_clear", "tt_openssl_again", NULL, false},
	/* libcrypto's, where it is in the same file (`errors`). */
	{"ERR_vset_error", "tt_openssl_raises", NULL, false},
	{"ERR_put_error", "tt_openssl_puts", NULL, false}, /* before 3.0, and BoringSSL's */
	/* Of the BIO, which takes the session's place (tt_bio_functions). */
	{"BIO_f_ssl.bread", "tt_openssl_move_ex", "tt_openssl_received", false},
	{"BIO_f_ssl.bwrite", "tt_openssl_move_ex", "tt_openssl_sent", false},
	{"BIO_f_ssl.destroy", "tt_openssl_end", NULL, false},
};

/* By which libssl says why a handshake failed. */
static const struct tt_library_function errors[] = {
	{"ERR_vset_error", "tt_openssl_raises", NULL, false},
	{"ERR_put_error", "tt_openssl_puts", NULL, false},
};

/* One of the two reading and one of the two writing ones are always found. */
static const struct tt_library_function stripped[] = {
	{"SSL_read", "tt_openssl_move", "tt_openssl_received", false},
	{"SSL_write", "tt_openssl_move", "tt_openssl_sent", false},
	{"SSL_read_ex", "tt_openssl_move_ex", "tt_openssl_received", false},
	{"SSL_write_ex", "tt_openssl_move_ex", "tt_openssl_sent", false},
	{"SSL_do_handshake", "tt_openssl_handshake", "tt_openssl_returned", true},
	{"SSL_free", "tt_openssl_end", NULL, true},
	{"SSL_clear", "tt_openssl_again", NULL, false},
};

static const struct tt_library_function gnutls[] = {
	{"gnutls_record_recv", "tt_gnutls_move", "tt_gnutls_received", true},
	{"gnutls_record_recv_seq", "tt_gnutls_move", "tt_gnutls_received", false},
	{"gnutls_record_send", "tt_gnutls_send", "tt_gnutls_sent", true},
	{"gnutls_record_send2", "tt_gnutls_send", "tt_gnutls_sent", false}, /* 3.6.3; the one before calls it */
	{"gnutls_record_cork", "tt_gnutls_corks", NULL, false},
	{"gnutls_record_uncork", "tt_gnutls_uncorks", "tt_gnutls_uncorked", false},
	{"gnutls_handshake", "tt_gnutls_handshake", "tt_gnutls_returned", true},
	{"gnutls_deinit", "tt_gnutls_end", NULL, true},
};

/* Of two libraries: in the one descriptors are given to NSS, in the other they are read, written and closed. */
static const struct tt_library_function nss[] = {
	{"SSL_ImportFD", "tt_nss_import", NULL, true},
	{"SSL_ForceHandshake", "tt_nss_handshake", "tt_nss_returned", true},
};

static const struct tt_library_function nspr[] = {
	{"PR_Read", "tt_nss_move", "tt_nss_received", true},
	{"PR_Recv", "tt_nss_recv", "tt_nss_received", true},
	{"PR_Write", "tt_nss_move", "tt_nss_sent", true},
	{"PR_Send", "tt_nss_move", "tt_nss_sent", true},
	{"PR_Close", "tt_nss_end", NULL, true},
};

/* Conn.Handshake and its like, and the first Conn.Read or Conn.Write, come by one of the two handshakes. */
static const struct tt_library_function go[] = {
	{"crypto/tls.(*Conn).Read", "tt_go_move", "tt_go_received", true},
	{"crypto/tls.(*Conn).Write", "tt_go_send", "tt_go_sent", true},
	{"crypto/tls.(*Conn).clientHandshake", "tt_go_handshake", "tt_go_returned", false}, /* in programs that connect */
	{"crypto/tls.(*Conn).serverHandshake", "tt_go_handshake", "tt_go_returned", false}, /* in those that listen */
	{"crypto/tls.(*Conn).Close", "tt_go_end", NULL, false},
	{"crypto/tls.(*Conn).sendAlertLocked", "tt_go_alert", NULL, false},
};

/* By which libssl reads its bytes, from a socket or from memory. */
static const struct tt_library_function bio[] = {
	{"BIO_read", "tt_openssl_bio", "tt_openssl_bio_read", true},
};

const struct tt_library tt_library_middle = {"openssl", TT_LIBRARY_SHARED, "libcrypto.so", bio, TT_ARRAY_LEN(bio), ""};

const struct tt_library tt_library_stripped = {"openssl", TT_LIBRARY_STRIPPED,	  NULL,
					       stripped,  TT_ARRAY_LEN(stripped), "SSL_do_handshake"};

/* aws-lc's, by which rustls seals and opens records; their names begin with its version. */
static const struct tt_library_function rustls[] = {
	{"aws_lc_*_EVP_AEAD_CTX_init", "tt_rustls_begin", NULL, false},
	{"aws_lc_*_EVP_AEAD_CTX_init_with_direction", "tt_rustls_begin", NULL, false},
	{"aws_lc_*_EVP_AEAD_CTX_seal", "tt_rustls_seal", "tt_rustls_sealed", true},
	{"aws_lc_*_EVP_AEAD_CTX_seal_scatter", "tt_rustls_seal_scatter", "tt_rustls_sealed", false},
	{"aws_lc_*_EVP_AEAD_CTX_open", "tt_rustls_open", "tt_rustls_opened", true},
	{"aws_lc_*_EVP_AEAD_CTX_open_gather", "tt_rustls_open_gather", "tt_rustls_opened", false},
	{"aws_lc_*_EVP_AEAD_CTX_free", "tt_rustls_end", NULL, true},
};

const struct tt_library tt_library_rustls = {"rustls", TT_LIBRARY_STATIC, NULL, rustls, TT_ARRAY_LEN(rustls), ""};

/*
 * HTTP/2 as golang.org/x/net has it: in net/http until and since it stands in a package of its own, and by itself, as grpc-go and
 * others use it. What moves a socket's bytes is the same for all.
 */
static const struct tt_library_function go_http2[] = {
	{"syscall.read", "tt_go_read", NULL, true},
	{"syscall.write", "tt_go_write", NULL, true},
	{"net/http.(*http2Framer).readMetaFrame", "tt_go_meta_frame", NULL, false},
	{"net/http.(*http2Framer).WriteHeaders", "tt_go_headers_frame", NULL, false},
	{"net/http/internal/http2.(*Framer).readMetaFrame", "tt_go_meta_frame", NULL, false},
	{"net/http/internal/http2.(*Framer).WriteHeaders", "tt_go_headers_frame", NULL, false},
	{"vendor/golang.org/x/net/http2/hpack.(*Decoder).Write", "tt_go_decode", NULL, false},
	{"vendor/golang.org/x/net/http2/hpack.(*Encoder).WriteField", "tt_go_encode", NULL, false},
	{"golang.org/x/net/http2.(*Framer).readMetaFrame", "tt_go_meta_frame", NULL, false},
	{"golang.org/x/net/http2.(*Framer).WriteHeaders", "tt_go_headers_frame", NULL, false},
	{"golang.org/x/net/http2/hpack.(*Decoder).Write", "tt_go_decode", NULL, false},
	{"golang.org/x/net/http2/hpack.(*Encoder).WriteField", "tt_go_encode", NULL, false},
};

const struct tt_library tt_library_http2 = {"go", TT_LIBRARY_GO, NULL, go_http2, TT_ARRAY_LEN(go_http2), ""};

/* None is needed; the second name of each is 1.61's and later. */
static const struct tt_library_function nghttp2[] = {
	{"nghttp2_session_mem_recv", "tt_nghttp2_mem_recv", NULL, false},
	{"nghttp2_session_mem_recv2", "tt_nghttp2_mem_recv", NULL, false},
	{"nghttp2_session_mem_send", "tt_nghttp2_mem_send", "tt_nghttp2_returned", false},
	{"nghttp2_session_mem_send2", "tt_nghttp2_mem_send", "tt_nghttp2_returned", false},
	{"nghttp2_session_send", "tt_nghttp2_send", "tt_nghttp2_returned", false},
	{"nghttp2_session_del", "tt_nghttp2_del", NULL, false},
};

const struct tt_library tt_library_nghttp2 = {"nghttp2", TT_LIBRARY_SHARED, "libnghttp2.so", nghttp2, TT_ARRAY_LEN(nghttp2), "*"};

static const struct tt_library_function grpc[] = {
	{"grpc_chttp2_header_parser_parse", "tt_grpc_parse", NULL, true},
	{"HPackCompressor::Framer::FinishFrame", "tt_grpc_finish", NULL, true},
	{"secure_endpoint.endpoint_write", "tt_grpc_write", NULL, true},
};

const struct tt_library tt_libraries_grpc[] = {
	{"grpc", TT_LIBRARY_BUILD, "libgrpc.so", grpc, TT_ARRAY_LEN(grpc), ""},
	{"grpc", TT_LIBRARY_BUILD, "cygrpc.", grpc, TT_ARRAY_LEN(grpc), ""}, /* Python's grpcio */
};
const size_t tt_libraries_grpc_count = TT_ARRAY_LEN(tt_libraries_grpc);

bool tt_library_has_sessions(const struct tt_library *library)
{
	return library->functions != errors;
}

const struct tt_library tt_libraries[] = {
	/* SSL_do_handshake goes on at an address that only the session knows. */
	{"openssl", TT_LIBRARY_SHARED, "libssl.so", openssl, TT_ARRAY_LEN(openssl), "SSL_do_handshake"},
	/* What packages of Python bring along: libssl-8bd944e8.so.3. */
	{"openssl", TT_LIBRARY_SHARED, "libssl-", openssl, TT_ARRAY_LEN(openssl), "SSL_do_handshake"},
	/* Netty's, with BoringSSL in it: libnetty_tcnative_linux_x86_641234.so. */
	{"openssl", TT_LIBRARY_SHARED, "libnetty_tcnative", openssl, TT_ARRAY_LEN(openssl), "SSL_do_handshake"},
	{"openssl", TT_LIBRARY_SHARED, "libcrypto.so", errors, TT_ARRAY_LEN(errors), ""},
	{"gnutls", TT_LIBRARY_SHARED, "libgnutls.so", gnutls, TT_ARRAY_LEN(gnutls), NULL},
	{"nss", TT_LIBRARY_SHARED, "libssl3.so", nss, TT_ARRAY_LEN(nss), NULL},
	{"nss", TT_LIBRARY_SHARED, "libnspr4.so", nspr, TT_ARRAY_LEN(nspr), NULL},
	/* And BoringSSL, whose functions are called alike. */
	{"openssl", TT_LIBRARY_STATIC, NULL, openssl, TT_ARRAY_LEN(openssl), "SSL_do_handshake"},
	{"go", TT_LIBRARY_GO, NULL, go, TT_ARRAY_LEN(go), ""},
};
const size_t tt_library_count = TT_ARRAY_LEN(tt_libraries);

unsigned tt_library_bit(const char *name)
{
#define NAME(name) name,
	static const char *const names[] = {TT_LIBRARY_NAMES(NAME)};
#undef NAME

	for (size_t i = 0; i < TT_ARRAY_LEN(names); i++) {
		if (strcmp(names[i], name) == 0)
			return 1u << i;
	}
	return 0;
}

bool tt_library_is(const struct tt_library *library, const char *file)
{
	return library->file && strncmp(file, library->file, strlen(library->file)) == 0;
}

const struct tt_library *tt_library_of(const char *file)
{
	for (size_t i = 0; i < tt_library_count; i++) {
		if (tt_library_is(&tt_libraries[i], file))
			return &tt_libraries[i];
	}
	return NULL;
}

const struct tt_library *tt_library_grpc_of(const char *file)
{
	for (size_t i = 0; i < tt_libraries_grpc_count; i++) {
		if (tt_library_is(&tt_libraries_grpc[i], file))
			return &tt_libraries_grpc[i];
	}
	return NULL;
}

static bool with_returns(const struct tt_library *library)
{
	for (size_t i = 0; i < library->function_count; i++) {
		if (library->functions[i].returns)
			return true;
	}
	return false;
}

static int sites_find(const struct tt_library *library, const char *path, struct tt_function_sites *ret)
{
	const char *names[TT_FUNCTIONS_MOST];
	struct tt_function_place places[TT_FUNCTIONS_MOST];

	for (size_t i = 0; i < library->function_count; i++)
		names[i] = library->functions[i].symbol;
	if (library->form == TT_LIBRARY_GO)
		return tt_go_functions(path, names, with_returns(library), ret, library->function_count);
	int (*find)(const char *, const char *const *, struct tt_function_place *, size_t) =
		library->form == TT_LIBRARY_STRIPPED ? tt_openssl_functions
		: library->form == TT_LIBRARY_BUILD  ? tt_grpc_functions
						     : tt_elf_functions;
	int r = find(path, names, places, library->function_count);
	if (r == 0)
		tt_bio_functions(path, names, places, library->function_count);
	for (size_t i = 0; r == 0 && i < library->function_count; i++)
		ret[i] = (struct tt_function_sites){.entry = places[i].at, .size = places[i].size};
	return r;
}

#if defined(__x86_64__)
/* Where the function returns, of its code in the file. */
static int returns_find(struct tt_window *w, struct tt_function_sites *sites)
{
	uint16_t at[TT_RETURNS_MOST];

	if (sites->size > TT_CODE_MOST)
		return -EOPNOTSUPP;
	int n = tt_code_returns(tt_window_at(w, sites->entry, sites->size), at, TT_ARRAY_LEN(at));
	if (n < 0)
		return -EOPNOTSUPP;
	for (int i = 0; i < n; i++)
		sites->returns[sites->return_count++] = sites->entry + at[i];
	return 0;
}
#else
static int returns_find(struct tt_window *w, struct tt_function_sites *sites)
{
	return -EOPNOTSUPP; /* no kernel's return probes do harm there */
}
#endif

/*
 * OpenSSL's SSL_write_ex, from 3.3 on: it puts no flags before its last argument and goes on in SSL_write_ex2, which returns to
 * its caller, with the stack as it was (mov %rcx,%r8; xor %ecx,%ecx; jmp).
 */
static int returns_beyond(const char *path, const struct tt_library_function *f, struct tt_window *w,
			  struct tt_function_sites *sites)
{
	static const uint8_t goes_on[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x49, 0x89, 0xc8, 0x31, 0xc9, 0xe9};
	static const size_t mark = 4; /* the first four may lack */
	const char *name = "SSL_write_ex2";
	struct tt_function_place there;

	if (strcmp(f->symbol, "SSL_write_ex") != 0)
		return -EOPNOTSUPP;
	struct tt_span code = tt_window_at(w, sites->entry, sizeof(goes_on));
	if (code.len != sizeof(goes_on) ||
	    (memcmp(code.data, goes_on, sizeof(goes_on)) != 0 &&
	     memcmp(code.data, goes_on + mark, sizeof(goes_on) - mark) != 0) ||
	    tt_elf_functions(path, &name, &there, 1) < 0 || !there.at)
		return -EOPNOTSUPP;
	struct tt_function_sites beyond = {.entry = there.at, .size = there.size};
	int r = returns_find(w, &beyond);
	sites->return_count = beyond.return_count;
	memcpy(sites->returns, beyond.returns, sizeof(beyond.returns));
	return r;
}

static int all_returns_find(const struct tt_library *library, const char *path, struct tt_function_sites *sites)
{
	tt_close_auto int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct tt_window w = {.fd = fd};
	int r = fd < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < library->function_count; i++) {
		const struct tt_library_function *f = &library->functions[i];

		if (!f->returns || !sites[i].entry || sites[i].return_count)
			continue;
		r = returns_find(&w, &sites[i]);
		if (r < 0)
			r = returns_beyond(path, f, &w, &sites[i]);
		if (r < 0 && (strncmp(f->symbol, "BIO_f_ssl.", 10) == 0 || strcmp(library->spare, "*") == 0 ||
			      strcmp(f->symbol, library->spare) == 0)) {
			sites[i].entry = 0;
			r = 0;
		}
	}
	return r;
}

int tt_library_find(const struct tt_library *library, const char *path, bool by_instruction, struct tt_function_sites *ret)
{
	int r = sites_find(library, path, ret);

	for (size_t i = 0; r == 0 && i < library->function_count; i++) {
		if (!ret[i].entry && library->functions[i].required)
			r = -ENOENT;
	}
	return r == 0 && by_instruction ? all_returns_find(library, path, ret) : r;
}
