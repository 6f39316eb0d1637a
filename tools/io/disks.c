// SPDX-License-Identifier: Apache-2.0
#include "tools/io/disks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "identity/text.h"

#define TT_SECTOR 512
#define TT_MS 1000000ull
#define NUMBER(major, minor) ((uint32_t)(major) << 20 | (minor))

struct tt_disk *tt_disks_find(struct tt_disks *d, uint32_t number)
{
	size_t from = 0, to = d->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (d->list[middle].number == number)
			return &d->list[middle];
		if (d->list[middle].number < number)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}

static struct tt_disk *disk_add(struct tt_disks *d, uint32_t number)
{
	size_t at = d->count;

	if (d->count == TT_DISKS_MOST) {
		d->turned_away++;
		return NULL;
	}
	while (at && d->list[at - 1].number > number)
		at--;
	memmove(&d->list[at + 1], &d->list[at], (d->count - at) * sizeof(d->list[0]));
	d->count++;
	d->list[at] = (struct tt_disk){.number = number};
	return &d->list[at];
}

/* Takes the next number off the line; false: there is none. */
static bool number_take(char **line, uint64_t *ret)
{
	char *end = NULL;

	*ret = strtoull(*line, &end, 10);
	if (end == *line || (*end && *end != ' '))
		return false;
	*line = end;
	return true;
}

static bool name_take(char **line, char *ret, size_t size)
{
	*line += strspn(*line, " ");
	size_t len = strcspn(*line, " ");
	if (!len || len >= size)
		return false;
	memcpy(ret, *line, len);
	ret[len] = 0;
	*line += len;
	return true;
}

static void take_line(struct tt_disks *d, char *line)
{
	uint64_t major = 0, minor = 0, v[10];
	char name[TT_DISK_NAME];

	if (!number_take(&line, &major) || !number_take(&line, &minor) || !name_take(&line, name, sizeof(name)))
		return;
	for (size_t i = 0; i < TT_ARRAY_LEN(v); i++) {
		if (!number_take(&line, &v[i]))
			return;
	}
	struct tt_disk *disk = tt_disks_find(d, NUMBER(major, minor));
	if (!disk)
		disk = disk_add(d, NUMBER(major, minor));
	if (!disk)
		return;
	snprintf(disk->name, sizeof(disk->name), "%s", name);
	disk->now = (struct tt_disk_counts){
		.reads = v[0],
		.read_bytes = v[2] * TT_SECTOR,
		.read_ns = v[3] * TT_MS,
		.writes = v[4],
		.write_bytes = v[6] * TT_SECTOR,
		.write_ns = v[7] * TT_MS,
		.busy_ns = v[9] * TT_MS,
	};
}

void tt_disks_take(struct tt_disks *d, struct tt_span text)
{
	char line[512];

	/* Of all, also of those the text does not have: a disk that is gone has counted nothing. */
	for (size_t i = 0; i < d->count; i++)
		d->list[i].before = d->list[i].now;
	while (text.len) {
		const uint8_t *end = memchr(text.data, '\n', text.len);
		size_t len = end ? (size_t)(end - text.data) : text.len;

		if (len < sizeof(line)) {
			memcpy(line, text.data, len);
			line[len] = 0;
			take_line(d, line);
		}
		text = tt_span_sub(text, end ? len + 1 : len, text.len);
	}
}

int tt_disks_read(struct tt_disks *d)
{
	tt_buf_auto struct tt_buf text = TT_BUF(1u << 20);
	int r = tt_text_read(AT_FDCWD, "/proc/diskstats", &text);

	if (r < 0)
		return r;
	tt_disks_take(d, tt_buf_span(&text));
	return 0;
}

static uint64_t more(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

struct tt_disk_counts tt_disk_more(const struct tt_disk *d)
{
	const struct tt_disk_counts *a = &d->before, *b = &d->now;

	return (struct tt_disk_counts){
		.reads = more(b->reads, a->reads),
		.read_bytes = more(b->read_bytes, a->read_bytes),
		.read_ns = more(b->read_ns, a->read_ns),
		.writes = more(b->writes, a->writes),
		.write_bytes = more(b->write_bytes, a->write_bytes),
		.write_ns = more(b->write_ns, a->write_ns),
		.busy_ns = more(b->busy_ns, a->busy_ns),
	};
}

uint32_t tt_disk_number(const char *name)
{
	tt_buf_auto struct tt_buf text = TT_BUF(64);
	char path[128];

	if (strchr(name, '/') || (size_t)snprintf(path, sizeof(path), "/sys/block/%s/dev", name) >= sizeof(path) ||
	    tt_text_read(AT_FDCWD, path, &text) < 0 || tt_buf_add_char(&text, 0) < 0)
		return 0;
	return tt_device_number((const char *)text.data);
}

uint32_t tt_device_number(const char *text)
{
	char *end = NULL;
	unsigned long major = strtoul(text, &end, 10);

	if (end == text || *end != ':' || end[1] < '0' || end[1] > '9')
		return 0;
	return NUMBER(major, (uint32_t)strtoul(end + 1, NULL, 10));
}
