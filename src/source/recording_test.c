// SPDX-License-Identifier: Apache-2.0
#include "source/recording.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/own.h"
#include "harness/unit.h"

struct kept {
	struct tt_buf bytes;
	int count;
};

static int keep(void *ctx, const struct tt_record *rec)
{
	struct kept *k = ctx;

	/* An aligned record, whole. */
	assert_int_equal((uintptr_t)rec % 8, 0);
	tt_buf_add(&k->bytes, rec, rec->len);
	k->count++;
	return 0;
}

/* A chunk with odd length, a loss record and one of a type nobody knows yet. */
static void add_samples(int (*add)(void *, const struct tt_record *), void *ctx)
{
	struct {
		struct tt_chunk c;
		char data[5];
	} chunk = {.c = {.rec = {.type = TT_REC_CHUNK, .version = 1, .len = sizeof(struct tt_chunk) + 5, .time_ns = 7},
			 .length = 9,
			 .captured = 5,
			 .data_off = sizeof(struct tt_chunk)}};
	memcpy(chunk.data, "hello", 5);
	struct tt_loss_record loss = {.rec = {.type = TT_REC_LOSS, .version = 1, .len = sizeof(loss), .time_ns = 8},
				      .cause = TT_LOSS_FD_RACE,
				      .events = 3,
				      .bytes = 30};
	struct tt_record strange = {.type = 999, .version = 1, .len = sizeof(strange), .time_ns = 9};

	assert_int_equal(add(ctx, &chunk.c.rec), 0);
	assert_int_equal(add(ctx, &loss.rec), 0);
	assert_int_equal(add(ctx, &strange), 0);
}

struct setting {
	char path[64];
	struct tt_buf bytes; /* the file */
};

static struct setting write_recording(void)
{
	struct setting s = {.bytes = TT_BUF(1u << 20)};
	struct tt_recording *w = NULL;
	struct stat st;

	snprintf(s.path, sizeof(s.path), "/tmp/tt_recording_XXXXXX");
	int old = mkstemp(s.path);
	assert_true(old >= 0);
	assert_int_equal(write(old, "older and longer contents than the new ones", 43), 43);
	assert_int_equal(fchmod(old, 0644), 0);
	close(old);

	tt_close_auto int fd = tt_recording_create(s.path);
	assert_true(fd >= 0);
	assert_int_equal(tt_recording_new(&w, fd), 0);
	add_samples(tt_recording_add, w);
	assert_int_equal(tt_recording_flush(w), 0);
	tt_recording_free(w);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	FILE *f = fopen(s.path, "re");
	for (int c; (c = fgetc(f)) != EOF;)
		tt_buf_add_char(&s.bytes, (char)c);
	fclose(f);
	unlink(s.path);
	return s;
}

static void what_was_written_is_read(void **state)
{
	struct setting s = write_recording();
	struct kept expected = {.bytes = TT_BUF(4096)}, got = {.bytes = TT_BUF(4096)};
	struct tt_source *source = NULL;
	struct tt_source_stats stats;

	add_samples(keep, &expected);
	assert_int_equal(tt_recording_source_new_bytes(&source, tt_buf_span(&s.bytes), "rec"), 0);
	assert_int_equal(tt_source_poll(source, 0, keep, &got), 3);
	assert_int_equal(tt_source_poll(source, 0, keep, &got), -ENODATA);
	assert_true(tt_span_eq(tt_buf_span(&expected.bytes), tt_buf_span(&got.bytes)));
	assert_int_equal(source->ops->watermark(source), 9);
	source->ops->stats(source, &stats);
	assert_int_equal(stats.produced, 6);
	assert_int_equal(stats.delivered, 3);
	assert_int_equal(stats.lost[TT_LOSS_FD_RACE], 3);
	assert_int_equal(stats.produced_bytes, 39);
	tt_source_free(source);
	tt_buf_free(&expected.bytes);
	tt_buf_free(&got.bytes);
	tt_buf_free(&s.bytes);
}

static int poll_all(struct tt_span bytes, int *ret_count, char *error, size_t error_size)
{
	struct kept got = {.bytes = TT_BUF(1u << 20)};
	struct tt_source *source = NULL;
	int r;

	assert_int_equal(tt_recording_source_new_bytes(&source, bytes, "rec"), 0);
	while ((r = tt_source_poll(source, 1, keep, &got)) > 0)
		;
	snprintf(error, error_size, "%s", tt_file_source_error(source));
	*ret_count = got.count;
	tt_source_free(source);
	tt_buf_free(&got.bytes);
	return r;
}

static void a_cut_file_gives_what_is_before(void **state)
{
	struct setting s = write_recording();
	char error[256];
	int count;

	for (size_t cut = 0; cut < s.bytes.len; cut++) {
		int r = poll_all(tt_span(s.bytes.data, cut), &count, error, sizeof(error));
		size_t one = 16 + sizeof(struct tt_chunk) + 5, two = one + sizeof(struct tt_loss_record);
		assert_int_equal(count, (cut >= one) + (cut >= two));
		assert_int_equal(r == -ENODATA, cut == 16 || cut == one || cut == two);
		assert_int_equal(r == -ENODATA, error[0] == 0);
	}
	tt_buf_free(&s.bytes);
}

/* No flipped byte makes a chunk that claims more than it has. */
static void nothing_is_believed(void **state)
{
	struct setting s = write_recording();
	char error[256];
	int count;

	for (size_t i = 0; i < s.bytes.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			s.bytes.data[i] ^= (uint8_t)(1 << bit);
			poll_all(tt_buf_span(&s.bytes), &count, error, sizeof(error));
			s.bytes.data[i] ^= (uint8_t)(1 << bit);
		}
	}
	uint32_t too_much = 6;
	memcpy(s.bytes.data + 16 + offsetof(struct tt_chunk, captured), &too_much, sizeof(too_much));
	assert_int_equal(poll_all(tt_buf_span(&s.bytes), &count, error, sizeof(error)), -EBADMSG);
	assert_string_equal(error, "rec: byte 16: a record of type 1 contradicts itself: damaged");
	tt_buf_free(&s.bytes);
}

static void a_full_disk_is_told(void **state)
{
	struct tt_recording *w = NULL;

	FILE *full = fopen("/dev/full", "w");
	assert_non_null(full);
	assert_int_equal(tt_recording_new(&w, fileno(full)), -ENOSPC);
	assert_null(w);
	fclose(full);
}

TT_UNIT_TESTS(cmocka_unit_test(what_was_written_is_read), cmocka_unit_test(a_cut_file_gives_what_is_before),
	      cmocka_unit_test(nothing_is_believed), cmocka_unit_test(a_full_disk_is_told))
