// SPDX-License-Identifier: Apache-2.0
/*
 * Where nghttp2 keeps its tables of headers. That is another place in each version, but the library exports small functions that
 * do nothing but read one field, and their code says where it is. What cannot be read so is not guessed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/span.h"
#include "kernel/library.h"
#include "shared/kernel.h"

#define CODE_BYTES 32u

/* Fields of struct nghttp2_hd_context as bpf/libraries/nghttp2.bpf.c has it, with which both tables begin … */
#define COUNT_AT 0x18u
#define SIZE_AT 0x28u
#define MOST_AT 0x30u
/* … and of struct nghttp2_rcbuf. */
#define DATA_AT 0x10u
#define LENGTH_AT 0x18u

enum function {
	SENDING_SIZE, /* of a session */
	RECEIVING_SIZE,
	DEFLATER_SIZE, /* of a table */
	INFLATER_SIZE,
	INFLATER_MOST,
	INFLATER_COUNT,
	TEXT,
	NEXT_STREAM,
	FUNCTIONS,
};

static const char *const names[FUNCTIONS] = {
	[SENDING_SIZE] = "nghttp2_session_get_hd_deflate_dynamic_table_size",
	[RECEIVING_SIZE] = "nghttp2_session_get_hd_inflate_dynamic_table_size",
	[DEFLATER_SIZE] = "nghttp2_hd_deflate_get_dynamic_table_size",
	[INFLATER_SIZE] = "nghttp2_hd_inflate_get_dynamic_table_size",
	[INFLATER_MOST] = "nghttp2_hd_inflate_get_max_dynamic_table_size",
	[INFLATER_COUNT] = "nghttp2_hd_inflate_get_num_table_entries",
	[TEXT] = "nghttp2_rcbuf_get_buf",
	[NEXT_STREAM] = "nghttp2_session_get_next_stream_id",
};

#if defined(__x86_64__)
static struct tt_span behind(struct tt_span code, const char *bytes, size_t n)
{
	return tt_span_starts(code, tt_span(bytes, n)) ? tt_span(code.data + n, code.len - n) : code;
}

/* What a function begins with, endbr64 and a frame, says nothing. */
static struct tt_span body(struct tt_span code)
{
	return behind(behind(code, "\xf3\x0f\x1e\xfa", 4), "\x55\x48\x89\xe5", 4);
}

/* An instruction with this beginning, then an offset of four bytes, or of one if the other beginning. *rest: behind it. */
static bool offset_in(struct tt_span code, const char *wide, const char *narrow, uint32_t *ret, struct tt_span *rest)
{
	if (tt_span_starts(code, tt_span(wide, 3)) && code.len >= 7) {
		memcpy(ret, code.data + 3, 4);
		*rest = tt_span(code.data + 7, code.len - 7);
		return *ret <= INT32_MAX;
	}
	if (tt_span_starts(code, tt_span(narrow, 3)) && code.len >= 4) {
		*ret = code.data[3];
		*rest = tt_span(code.data + 4, code.len - 4);
		return *ret <= INT8_MAX;
	}
	return false;
}

/* mov offset(%rdi),%rax */
static bool loads(struct tt_span code, uint32_t *ret, struct tt_span *rest)
{
	return offset_in(code, "\x48\x8b\x87", "\x48\x8b\x47", ret, rest);
}

/* add $offset,%rdi or lea offset(%rdi),%rdi */
static bool steps(struct tt_span code, uint32_t *ret, struct tt_span *rest)
{
	return offset_in(code, "\x48\x81\xc7", "\x48\x83\xc7", ret, rest) ||
	       offset_in(code, "\x48\x8d\xbf", "\x48\x8d\x7f", ret, rest);
}

static bool begins(struct tt_span code, const char *one, const char *other)
{
	code = behind(code, "\x5d", 1);
	return tt_span_starts(code, tt_span(one, 1)) || tt_span_starts(code, tt_span(other, 1));
}

/* A session's table: the function goes on as the table's own with that much more, or reads the field itself. 0: neither. */
static uint32_t table_at(struct tt_span code)
{
	struct tt_span rest;
	uint32_t at;

	code = body(code);
	if (steps(code, &at, &rest) && begins(rest, "\xe9", "\xeb"))
		return at;
	return loads(code, &at, &rest) && begins(rest, "\xc3", "\xc3") && at > SIZE_AT ? at - SIZE_AT : 0;
}

static bool is_field(struct tt_span code, uint32_t wanted)
{
	struct tt_span rest;
	uint32_t at;

	return loads(body(code), &at, &rest) && at == wanted;
}

/* mov offset(%rdi),%eax. 0: it is not that. */
static uint32_t number_at(struct tt_span code)
{
	uint32_t at;

	code = body(code);
	if (code.len < 7 || !tt_span_starts(code, tt_span("\x8b\x87", 2)))
		return 0;
	memcpy(&at, code.data + 2, sizeof(at));
	return at <= INT32_MAX && begins(tt_span(code.data + 6, code.len - 6), "\xc3", "\xc3") ? at : 0;
}

/* The tables are as they are known. */
static bool is_context(const struct tt_span *code)
{
	return is_field(code[DEFLATER_SIZE], SIZE_AT) && is_field(code[INFLATER_SIZE], SIZE_AT) &&
	       is_field(code[INFLATER_MOST], MOST_AT) && is_field(code[INFLATER_COUNT], COUNT_AT);
}

/* mov data(%rdi),%rax and mov length(%rdi),%rdx, whichever comes first */
static bool is_text(struct tt_span code)
{
	static const char data[] = {'\x48', '\x8b', '\x47', DATA_AT}, length[] = {'\x48', '\x8b', '\x57', LENGTH_AT};

	code = body(code);
	struct tt_span rest = behind(behind(behind(code, data, 4), length, 4), data, 4);
	return rest.len + 8 == code.len && begins(rest, "\xc3", "\xc3");
}

int tt_nghttp2_layout(const char *path, struct tt_nghttp2_layout *ret)
{
	struct tt_function_place places[FUNCTIONS];
	struct tt_span code[FUNCTIONS];
	uint8_t bytes[FUNCTIONS][CODE_BYTES];
	int r = tt_elf_functions(path, names, places, FUNCTIONS);

	if (r < 0)
		return r;
	tt_close_auto int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < FUNCTIONS; i++) {
		ssize_t n = places[i].at ? pread(fd, bytes[i], CODE_BYTES, (off_t)places[i].at) : 0;

		if (n <= 0)
			return -ENOENT;
		code[i] = tt_span(bytes[i], (size_t)n);
	}
	*ret = (struct tt_nghttp2_layout){
		.table = {[TT_TX] = table_at(code[SENDING_SIZE]), [TT_RX] = table_at(code[RECEIVING_SIZE])},
		.next_stream = number_at(code[NEXT_STREAM])};
	return ret->table[TT_TX] && ret->table[TT_RX] && ret->next_stream && is_context(code) && is_text(code[TEXT]) ? 0
														     : -ENOENT;
}
#else
int tt_nghttp2_layout(const char *path, struct tt_nghttp2_layout *ret)
{
	return -ENOENT; /* the code above is read on x86-64 only */
}
#endif
