// SPDX-License-Identifier: Apache-2.0
#include "source/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/pcap_build.h"
#include "harness/unit.h"
#include "source/pcap.h"
#include "source/pcap_decode.h"
#include "source/recording.h"

static struct tt_limits limits;

static int count_chunks(void *ctx, const struct tt_record *rec)
{
	*(int *)ctx += rec->type == TT_REC_CHUNK;
	return 0;
}

static struct tt_build sample(void)
{
	struct tt_build b = TT_BUILD();

	tt_limits_init(&limits);
	tt_build_pcap(&b, 0xa1b23c4d, 1);
	tt_build_tcp(&b, 1, true, 1000, 1, TT_TCP_ACK, "ask");
	tt_build_tcp(&b, 2, false, 1, 1003, TT_TCP_ACK, "answer");
	return b;
}

/* The reading end of a pipe into which a child writes each byte by itself. */
static int slow_pipe(struct tt_span bytes, pid_t *ret_child)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	*ret_child = fork();
	if (*ret_child == 0) {
		close(fds[0]);
		for (size_t i = 0; i < bytes.len; i++) {
			if (write(fds[1], bytes.data + i, 1) != 1)
				_exit(1);
			if (i % 16 == 0)
				usleep(1000);
		}
		_exit(0);
	}
	close(fds[1]);
	return fds[0];
}

static int read_all(int fd, int *ret_chunks, char *name, char error[static 256])
{
	struct tt_source *s = NULL;
	int r;

	*ret_chunks = 0;
	assert_int_equal(tt_file_source_new(&s, fd, "input", &limits), 0);
	while ((r = tt_source_poll(s, 1, count_chunks, ret_chunks)) > 0)
		;
	snprintf(name, 16, "%s", tt_file_source_real(s)->ops->name);
	snprintf(error, 256, "%s", tt_file_source_error(s));
	tt_source_free(s);
	return r;
}

static void a_slow_pipe_loses_nothing(void **state)
{
	struct tt_build b = sample();
	char name[16], error[256];
	int chunks;
	pid_t child;

	int fd = slow_pipe(tt_buf_span(&b.file), &child);
	assert_int_equal(read_all(fd, &chunks, name, error), -ENODATA);
	assert_int_equal(chunks, 2);
	assert_string_equal(name, "pcap");
	close(fd);
	waitpid(child, NULL, 0);
	tt_buf_free(&b.file);
}

static void expect_refusal(struct tt_span bytes, const char *expected)
{
	char name[16], error[256];
	int chunks;
	pid_t child;

	int fd = slow_pipe(bytes, &child);
	assert_int_equal(read_all(fd, &chunks, name, error), -EPROTONOSUPPORT);
	assert_string_equal(error, expected);
	close(fd);
	waitpid(child, NULL, 0);
}

static void what_is_no_capture_is_named(void **state)
{
	expect_refusal(tt_span("", 0), "input: byte 0: the file is empty");
	expect_refusal(TT_SPAN_LIT("\x1f\x8b\x08 and so on"),
		       "input: byte 0: compressed with gzip: give it to standard input through zcat");
	expect_refusal(TT_SPAN_LIT("x"), "input: byte 0: neither a pcap, a pcapng nor a recording");
	expect_refusal(TT_SPAN_LIT("some other text file"), "input: byte 0: neither a pcap, a pcapng nor a recording");
}

/* A capture written down as a recording says the same. */
static void a_recording_is_recognised(void **state)
{
	struct tt_build b = sample();
	struct tt_source *s = NULL;
	struct tt_recording *w = NULL;
	char name[16], error[256];
	int chunks;

	FILE *file = tmpfile();
	assert_non_null(file);
	assert_int_equal(tt_recording_new(&w, fileno(file)), 0);
	assert_int_equal(tt_pcap_new_bytes(&s, tt_buf_span(&b.file), "b", &limits), 0);
	while (tt_source_poll(s, 0, tt_recording_add, w) > 0)
		;
	tt_source_free(s);
	tt_recording_free(w);
	rewind(file);
	assert_int_equal(read_all(fileno(file), &chunks, name, error), -ENODATA);
	assert_int_equal(chunks, 2);
	assert_string_equal(name, "recording");
	fclose(file);
	tt_buf_free(&b.file);
}

TT_UNIT_TESTS(cmocka_unit_test(a_slow_pipe_loses_nothing), cmocka_unit_test(what_is_no_capture_is_named),
	      cmocka_unit_test(a_recording_is_recognised))
