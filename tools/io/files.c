// SPDX-License-Identifier: Apache-2.0
#include "tools/io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/span.h"
#include "identity/text.h"
#include "tools/io/disks.h"

#define TT_MOUNTINFO_MOST (4u << 20)

/* --- mounts --- */

static bool is_octal(const uint8_t *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' && p[2] <= '7';
}

/* A word as mountinfo has it: space, tab, line end and backslash are \ooo. False: too long. */
static bool word_take(struct tt_span word, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < word.len; i++, n++) {
		if (n + 1 >= size)
			return false;
		to[n] = (char)word.data[i];
		if (word.data[i] == '\\' && i + 3 < word.len && is_octal(word.data + i + 1)) {
			to[n] = (char)((word.data[i + 1] - '0') << 6 | (word.data[i + 2] - '0') << 3 | (word.data[i + 3] - '0'));
			i += 3;
		}
	}
	to[n] = 0;
	return true;
}

/* Takes the next word off the line. */
static struct tt_span next_word(struct tt_span *line)
{
	const uint8_t *space = line->len ? memchr(line->data, ' ', line->len) : NULL;
	size_t len = space ? (size_t)(space - line->data) : line->len;
	struct tt_span word = tt_span_sub(*line, 0, len);

	*line = tt_span_sub(*line, space ? len + 1 : len, line->len);
	return word;
}

static uint32_t device_of(struct tt_span word)
{
	char text[32];

	return word_take(word, text, sizeof(text)) ? tt_device_number(text) : 0;
}

/* Number, parent's number, device, root, mount point, … */
static bool take_mount(struct tt_span line, uint32_t dev, struct tt_io_mount *ret)
{
	next_word(&line);
	next_word(&line);
	if (device_of(next_word(&line)) != dev)
		return false;
	ret->dev = dev;
	return word_take(next_word(&line), ret->root, sizeof(ret->root)) &&
	       word_take(next_word(&line), ret->point, sizeof(ret->point));
}

bool tt_io_mount_find(struct tt_span text, uint32_t dev, struct tt_io_mount *ret)
{
	struct tt_io_mount one;
	bool found = false;

	while (text.len) {
		const uint8_t *end = memchr(text.data, '\n', text.len);
		size_t len = end ? (size_t)(end - text.data) : text.len;

		if (take_mount(tt_span_sub(text, 0, len), dev, &one) && (!found || strlen(one.root) < strlen(ret->root))) {
			*ret = one;
			found = true;
		}
		text = tt_span_sub(text, end ? len + 1 : len, text.len);
	}
	return found;
}

static bool mount_read(const char *path, uint32_t dev, struct tt_io_mount *ret)
{
	tt_buf_auto struct tt_buf text = TT_BUF(TT_MOUNTINFO_MOST);

	return tt_text_read(AT_FDCWD, path, &text) == 0 && tt_io_mount_find(tt_buf_span(&text), dev, ret);
}

const struct tt_io_mount *tt_io_mount_of(struct tt_io_mounts *m, uint32_t dev, uint32_t pid)
{
	struct tt_io_mount one;
	char path[64];

	for (size_t i = 0; i < m->count; i++) {
		if (m->list[i].dev == dev)
			return &m->list[i];
	}
	snprintf(path, sizeof(path), "/proc/%u/mountinfo", pid);
	if (!mount_read("/proc/self/mountinfo", dev, &one) && !mount_read(path, dev, &one))
		return NULL;
	/* The first gives way: it was found longest ago. */
	if (m->count == TT_IO_MOUNTS_MOST)
		memmove(&m->list[0], &m->list[1], --m->count * sizeof(m->list[0]));
	m->list[m->count] = one;
	return &m->list[m->count++];
}

/* --- paths --- */

/* One part in front of the path that begins at `at`; where the text now begins. SIZE_MAX: no room. */
static size_t prepend(char *text, size_t at, const char *part, size_t len)
{
	if (at < len)
		return SIZE_MAX;
	memcpy(text + at - len, part, len);
	return at - len;
}

/* The path within the file system, from the end of text on. */
static size_t names_join(const struct tt_io_names *names, char *text, size_t size, bool *cut)
{
	size_t at = size - 1;

	text[at] = 0;
	for (uint32_t i = 0; i < names->count && i < TT_IO_NAMES_MOST; i++) {
		size_t len = strnlen(names->name[i], TT_IO_NAME_LEN);
		size_t next = prepend(text, at, names->name[i], len);
		next = next == SIZE_MAX ? next : prepend(text, next, "/", 1);
		if (next == SIZE_MAX) {
			*cut = true;
			return at;
		}
		at = next;
	}
	return at;
}

/* The part of the path below the mount's root. */
static const char *below(const char *path, const struct tt_io_mount *mount)
{
	size_t len = strcmp(mount->root, "/") == 0 ? 0 : strlen(mount->root);

	if (strncmp(path, mount->root, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	return path + len;
}

void tt_io_path(const struct tt_io_names *names, const struct tt_io_mount *mount, char *to, size_t size)
{
	char text[TT_IO_NAMES_MOST * TT_IO_NAME_LEN + 1];
	bool cut = names->cut;
	const char *path = text + names_join(names, text, sizeof(text), &cut);
	const char *rest = mount && !cut ? below(path, mount) : NULL;
	const char *point = rest && strcmp(mount->point, "/") != 0 ? mount->point : "";

	if (rest)
		path = rest;
	if (!*point && !*path && !cut)
		path = "/";
	size_t len = strlen(path), most = size - 1 - strlen(point);
	if (cut || len > most) {
		size_t keep = TT_MIN(len, size - 4);
		snprintf(to, size, "...%s", path + len - keep);
		return;
	}
	snprintf(to, size, "%s%s", point, path);
}
