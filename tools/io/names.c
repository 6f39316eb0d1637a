// SPDX-License-Identifier: Apache-2.0
/* What files, disks, operations and containers are called. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "identity/container.h"
#include "identity/text.h"
#include "kernel/tables.h"
#include "tools/io/state.h"

const char *const tt_io_op_names[TT_IO_OP_MAX] = {
	[TT_IO_READ] = "read", [TT_IO_WRITE] = "write", [TT_IO_DISCARD] = "discard", [TT_IO_FLUSH] = "flush"};

static const char *container_of(struct tt_io_state *s, uint32_t tgid, uint64_t start_ns)
{
	struct tt_io_container *c = &s->containers[tgid % TT_IO_CONTAINERS];
	tt_buf_auto struct tt_buf text = TT_BUF(16384);
	char path[64];

	if (c->tgid == tgid && c->start_ns == start_ns)
		return c->id;
	*c = (struct tt_io_container){.tgid = tgid, .start_ns = start_ns};
	snprintf(path, sizeof(path), "/proc/%u/cgroup", tgid);
	if (tt_text_read(AT_FDCWD, path, &text) == 0)
		tt_container_id(tt_buf_span(&text), c->id);
	return c->id;
}

void tt_io_disk_name(struct tt_io_state *s, uint32_t number, char *to, size_t size)
{
	const struct tt_disk *disk = tt_disks_find(&s->disks, number);

	if (disk)
		snprintf(to, size, "%s", disk->name);
	else
		snprintf(to, size, "%u:%u", number >> 20, number & 0xfffff);
}

static void file_name(struct tt_tool_run *run, const struct tt_io_file *file, uint32_t tgid, char *to, size_t size)
{
	struct tt_io_state *s = run->state;
	struct tt_io_names names;

	to[0] = 0;
	if (file->kind == TT_IO_FILE_DISK) {
		tt_io_disk_name(s, file->dev, to, size);
		return;
	}
	if (file->kind != TT_IO_FILE || !run->kernel || tt_kernel_map_get(run->kernel, "tt_io_files", file, &names) < 0 ||
	    !names.count)
		return;
	tt_io_path(&names, tt_io_mount_of(&s->mounts, file->dev, tgid), to, size - sizeof(" (deleted)"));
	if (names.deleted)
		snprintf(to + strlen(to), size - strlen(to), " (deleted)");
}

void tt_io_name(struct tt_tool_run *run, const struct tt_io_file *file, uint32_t disk, uint32_t tgid, uint64_t start_ns,
		struct tt_io_names_of *ret)
{
	tt_io_disk_name(run->state, disk, ret->disk, sizeof(ret->disk));
	snprintf(ret->container, sizeof(ret->container), "%s", container_of(run->state, tgid, start_ns));
	file_name(run, file, tgid, ret->file, sizeof(ret->file));
	ret->ino = file->kind == TT_IO_FILE ? file->ino : TT_UNKNOWN;
}
