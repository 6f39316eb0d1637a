// SPDX-License-Identifier: Apache-2.0
#include "kernel/library_unwind.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "base/own.h"
#include "kernel/library_elf.h"

/* How numbers are written: version, then of the pointer to .eh_frame, of the count, of the table's entries. */
#define HEAD_BYTES 12
#define HEAD 0x3b031b01u /* 1; relative to its place, four bytes; four bytes; relative to the head, four bytes */
#define ENTRY_BYTES 8
#define DESCRIPTION_BYTES 16 /* of a function, as far as it is read */
#define FUNCTIONS_MOST (1u << 24)
#define SECTION_MOST (64u << 20)

static struct tt_cursor cursor_at(const struct tt_unwind *u, uint64_t offset, size_t n)
{
	return tt_cursor(tt_window_at(u->w, offset, n));
}

static int head_read(struct tt_unwind *u)
{
	struct tt_cursor c = cursor_at(u, u->offset, HEAD_BYTES);
	uint32_t forms = tt_cursor_le32(&c);

	(void)tt_cursor_le32(&c); /* where .eh_frame is */
	u->count = tt_cursor_le32(&c);
	return tt_cursor_short(&c) || forms != HEAD || !u->count || u->count > FUNCTIONS_MOST ? -ENOEXEC : 0;
}

/* Programs that are static altogether have no table. */
static int section_find(struct tt_unwind *u)
{
	Elf_Scn *section = NULL;
	size_t names = 0;
	GElf_Shdr head;

	if (elf_getshdrstrndx(u->elf, &names) < 0)
		return -ENOEXEC;
	while ((section = elf_nextscn(u->elf, section))) {
		const char *name = gelf_getshdr(section, &head) ? elf_strptr(u->elf, names, head.sh_name) : NULL;

		if (!name || strcmp(name, ".eh_frame") != 0 || head.sh_type == SHT_NOBITS)
			continue;
		u->address = head.sh_addr;
		u->offset = head.sh_offset;
		u->bytes = TT_MIN(head.sh_size, (uint64_t)SECTION_MOST);
		return 0;
	}
	return -ENOEXEC;
}

int tt_unwind_open(struct tt_unwind *ret, Elf *elf, struct tt_window *w)
{
	struct tt_unwind u = {.elf = elf, .w = w};
	size_t segments = 0;
	GElf_Phdr segment;

	if (elf_getphdrnum(elf, &segments) < 0)
		return -ENOEXEC;
	for (size_t i = 0; i < segments && !u.offset; i++) {
		if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_GNU_EH_FRAME)
			continue;
		u.address = segment.p_vaddr;
		u.offset = segment.p_offset;
	}
	int r = u.offset ? head_read(&u) : section_find(&u);
	if (r == 0)
		*ret = u;
	return r;
}

bool tt_unwind_work(struct tt_unwind *u, uint64_t work)
{
	u->work += work;
	return u->work <= TT_WORK_MOST;
}

/* Where the function of that place in the table begins; *description is the address of what is said of it. */
static bool entry_read(const struct tt_unwind *u, uint64_t i, uint64_t *begin, uint64_t *description)
{
	struct tt_cursor c = cursor_at(u, u->offset + HEAD_BYTES + i * ENTRY_BYTES, ENTRY_BYTES);
	int32_t at = (int32_t)tt_cursor_le32(&c);
	int32_t said = (int32_t)tt_cursor_le32(&c);

	*begin = u->address + (uint64_t)(int64_t)at;
	*description = u->address + (uint64_t)(int64_t)said;
	return !tt_cursor_short(&c);
}

/* The last one that begins at or before the address. */
static bool entry_search(struct tt_unwind *u, uint64_t address, uint64_t *begin, uint64_t *description)
{
	uint64_t low = 0, high = u->count;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (!tt_unwind_work(u, 1) || !entry_read(u, middle, begin, description))
			return false;
		if (*begin <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && entry_read(u, low - 1, begin, description);
}

/* What is said of it must begin where the table says: then its numbers are written as is expected here. */
static bool description_read(const struct tt_unwind *u, uint64_t address, uint64_t begin, uint64_t *size)
{
	uint64_t offset = tt_elf_offset(u->elf, address);
	struct tt_cursor c = cursor_at(u, offset, offset ? DESCRIPTION_BYTES : 0);

	(void)tt_cursor_le32(&c); /* its length … */
	(void)tt_cursor_le32(&c); /* … and what it has in common with others */
	int32_t from = (int32_t)tt_cursor_le32(&c);
	*size = tt_cursor_le32(&c);
	return !tt_cursor_short(&c) && address + 8 + (uint64_t)(int64_t)from == begin;
}

/* --- without a table --- */

/* What functions of C have in common: version 1, "zR", and that their beginnings are relative to their place, of four bytes. */
static bool is_common(const struct tt_unwind *u, uint64_t offset)
{
	static const uint8_t common[] = {1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b};
	struct tt_span s = tt_window_at(u->w, offset + 8, sizeof(common));

	return s.len && memcmp(s.data, common, sizeof(common)) == 0;
}

/* Descriptions of functions refer back to what they have in common: the distance from where that is said. Length 0 ends them. */
static bool section_search(struct tt_unwind *u, uint64_t address, struct tt_unwind_function *ret)
{
	uint64_t common = UINT64_MAX; /* where the last one in the expected form is */

	for (uint64_t at = 0, length; at + DESCRIPTION_BYTES <= u->bytes; at += length + 4) {
		struct tt_cursor c = cursor_at(u, u->offset + at, DESCRIPTION_BYTES);

		length = tt_cursor_le32(&c);
		uint32_t back = tt_cursor_le32(&c);
		int32_t from = (int32_t)tt_cursor_le32(&c);
		uint32_t size = tt_cursor_le32(&c);
		if (tt_cursor_short(&c) || !length || length == UINT32_MAX || !tt_unwind_work(u, 1 + length / 1024))
			return false;
		if (!back && is_common(u, u->offset + at))
			common = at;
		if (!back || at + 4 - back != common)
			continue;
		ret->begin = u->address + at + 8 + (uint64_t)(int64_t)from;
		ret->size = size;
		if (address - ret->begin < ret->size)
			return true;
	}
	return false;
}

static bool table_search(struct tt_unwind *u, uint64_t address, struct tt_unwind_function *ret)
{
	uint64_t description;

	return entry_search(u, address, &ret->begin, &description) && description_read(u, description, ret->begin, &ret->size) &&
	       address - ret->begin < ret->size;
}

bool tt_unwind_find(struct tt_unwind *u, uint64_t address, struct tt_unwind_function *ret)
{
	if (!tt_unwind_work(u, TT_WORK_FIND))
		return false;
	return u->count ? table_search(u, address, ret) : section_search(u, address, ret);
}
