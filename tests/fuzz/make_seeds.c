// SPDX-License-Identifier: Apache-2.0
/* Writes each connection of a capture as a conversation for the fuzz targets: make_seeds CAPTURE OUTPUT_DIR */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conversation.h"
#include "shared/limits.h"
#include "source/pcap.h"

#define SEEDS_MOST 64
#define SEED_BYTES_MOST 24000

struct seed {
	struct tt_conn_id conn;
	struct tt_buf bytes;
};

struct seeds {
	struct seed list[SEEDS_MOST];
	size_t count;
};

static struct seed *find(struct seeds *seeds, const struct tt_chunk *k)
{
	for (size_t i = 0; i < seeds->count; i++) {
		if (memcmp(&seeds->list[i].conn, &k->conn, sizeof(k->conn)) == 0)
			return &seeds->list[i];
	}
	if (seeds->count == SEEDS_MOST)
		return NULL;
	struct seed *s = &seeds->list[seeds->count++];
	uint8_t flags = k->flags & TT_CHUNK_DATAGRAM ? TT_FUZZ_DATAGRAMS : k->flags & TT_CHUNK_FROM_START ? 0 : TT_FUZZ_MID;
	*s = (struct seed){.conn = k->conn, .bytes = TT_BUF(SEED_BYTES_MOST)};
	tt_buf_add(&s->bytes, &flags, 1);
	return s;
}

static int on_record(void *ctx, const struct tt_record *rec)
{
	const struct tt_chunk *k = (const struct tt_chunk *)rec;
	if (rec->type != TT_REC_CHUNK)
		return 0;
	struct seed *s = find(ctx, k);
	if (!s)
		return 0;

	bool from_client = (k->direction == TT_RX) == (k->role != TT_ROLE_CLIENT);
	uint8_t op = from_client ? TT_FUZZ_CLIENT : TT_FUZZ_SERVER;
	if (k->flags & TT_CHUNK_EOF)
		op = from_client ? TT_FUZZ_CLIENT_EOF : TT_FUZZ_SERVER_EOF;
	else if (k->flags & TT_CHUNK_ERROR)
		op = TT_FUZZ_RESET;
	uint16_t len = (uint16_t)(k->captured > 60000 ? 60000 : k->captured);
	const uint8_t head[3] = {op, (uint8_t)len, (uint8_t)(len >> 8)};
	if (tt_buf_reserve(&s->bytes, sizeof(head) + len) == 0) {
		tt_buf_add(&s->bytes, head, sizeof(head));
		tt_buf_add(&s->bytes, (const uint8_t *)k + k->data_off, len);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct seeds *seeds = calloc(1, sizeof(*seeds));
	struct tt_source *source = NULL;
	struct tt_limits limits;

	if (argc != 3 || !seeds) {
		fprintf(stderr, "usage: make_seeds CAPTURE OUTPUT_DIR\n");
		return 2;
	}
	tt_limits_init(&limits);
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : tt_pcap_new(&source, fd, argv[1], &limits);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	do {
		r = tt_source_poll(source, 1000, on_record, seeds);
	} while (r >= 0);

	const char *name = strrchr(argv[1], '/');
	name = name ? name + 1 : argv[1];
	for (size_t i = 0; i < seeds->count; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%.*s-%zu", argv[2], (int)strcspn(name, "."), name, i);
		FILE *f = fopen(path, "we");
		if (!f || fwrite(seeds->list[i].bytes.data, 1, seeds->list[i].bytes.len, f) != seeds->list[i].bytes.len ||
		    fclose(f)) {
			perror(path);
			return 1;
		}
		tt_buf_free(&seeds->list[i].bytes);
	}
	printf("%zu seeds\n", seeds->count);
	tt_source_free(source);
	free(seeds);
	return 0;
}
