// SPDX-License-Identifier: Apache-2.0
#include "symbols/elf.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/own.h"

/* Who owns a file says how large its parts are: they may overlap, and lie where the file has a hole. */
#define SEGMENTS_MOST 1170
#define SECTIONS_MOST 8192
#define SYMBOLS_MOST (4u << 20)
#define NAMES_MOST (64u << 20)
#define NOTES_MOST (64u << 10)
#define ALL_MOST (192u << 20) /* of all parts */
#define NOTE_SEGMENTS_MOST 16
#define PIECE (240u << 10)
#define NATIVE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

struct reading {
	tt_elf_read_fn read;
	void *ctx;
	struct tt_functions *functions;
	struct tt_elf *elf;
	Elf64_Ehdr head;
	struct tt_buf sections; /* array of Elf64_Shdr */
	size_t section_count;
	uint64_t left;	/* bytes that may be read yet */
	unsigned notes; /* segments of them that were read */
};

/* All of it, piece by piece. -ENOEXEC: the file is shorter. */
static int fetch(struct reading *r, uint64_t offset, uint64_t size, struct tt_buf *to)
{
	size_t end = to->len + size;

	if (offset > INT64_MAX || size > to->max - to->len || size > r->left)
		return -EFBIG;
	r->left -= size;
	while (to->len < end) {
		size_t before = to->len;
		int e = r->read(r->ctx, offset, TT_MIN(end - to->len, (size_t)PIECE), to);
		if (e < 0)
			return e;
		if (to->len <= before || to->len > end)
			return -ENOEXEC;
		offset += to->len - before;
	}
	return 0;
}

/* --- what is loaded --- */

static size_t aligned(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* Notes: name size, contents size, type, name, contents, each filled up to 4 bytes. */
static void notes_search(struct tt_elf *elf, struct tt_span notes)
{
	while (notes.len >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr n;
		memcpy(&n, notes.data, sizeof(n));
		size_t name = aligned(n.n_namesz), at = sizeof(n) + name;
		if (n.n_namesz > notes.len || at > notes.len || n.n_descsz > notes.len - at)
			return;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && memcmp(notes.data + sizeof(n), "GNU", 4) == 0 &&
		    n.n_descsz <= sizeof(elf->build_id)) {
			memcpy(elf->build_id, notes.data + at, n.n_descsz);
			elf->build_id_len = n.n_descsz;
			return;
		}
		at += aligned(n.n_descsz);
		if (at > notes.len)
			return;
		notes = tt_span(notes.data + at, notes.len - at);
	}
}

static void segment_take(struct reading *r, const Elf64_Phdr *p)
{
	struct tt_elf *elf = r->elf;
	tt_buf_auto struct tt_buf notes = TT_BUF(NOTES_MOST);

	if (p->p_type == PT_LOAD && p->p_flags & PF_X && elf->segment_count < TT_ELF_SEGMENTS_MOST)
		elf->segments[elf->segment_count++] = (struct tt_elf_segment){p->p_offset, p->p_vaddr, p->p_filesz};
	if (p->p_type == PT_NOTE && !elf->build_id_len && r->notes++ < NOTE_SEGMENTS_MOST &&
	    fetch(r, p->p_offset, p->p_filesz, &notes) == 0)
		notes_search(elf, tt_buf_span(&notes));
}

static int segments_read(struct reading *r)
{
	tt_buf_auto struct tt_buf table = TT_BUF(SEGMENTS_MOST * sizeof(Elf64_Phdr));

	if (r->head.e_phnum > SEGMENTS_MOST || (r->head.e_phnum && r->head.e_phentsize != sizeof(Elf64_Phdr)))
		return -EFBIG;
	int e = fetch(r, r->head.e_phoff, r->head.e_phnum * sizeof(Elf64_Phdr), &table);
	for (size_t i = 0; e == 0 && i < r->head.e_phnum; i++) {
		Elf64_Phdr p;
		memcpy(&p, table.data + i * sizeof(p), sizeof(p));
		segment_take(r, &p);
	}
	return e;
}

uint64_t tt_elf_address(const struct tt_elf *e, uint64_t offset)
{
	for (size_t i = 0; i < e->segment_count; i++) {
		const struct tt_elf_segment *s = &e->segments[i];
		if (offset >= s->offset && offset - s->offset < s->size)
			return offset - s->offset + s->address;
	}
	return 0;
}

/* --- symbols --- */

static Elf64_Shdr section(const struct reading *r, size_t i)
{
	Elf64_Shdr s = {0};

	if (i < r->section_count)
		memcpy(&s, r->sections.data + i * sizeof(s), sizeof(s));
	return s;
}

/* There may be none: then the file has no symbols. */
static int sections_read(struct reading *r)
{
	size_t count = r->head.e_shnum;

	if (!r->head.e_shoff || !count)
		return 0;
	if (count > SECTIONS_MOST)
		return -EFBIG;
	if (r->head.e_shentsize != sizeof(Elf64_Shdr))
		return -ENOEXEC;
	int e = fetch(r, r->head.e_shoff, count * sizeof(Elf64_Shdr), &r->sections);
	r->section_count = e < 0 ? 0 : count;
	return e;
}

static int symbol_take(struct reading *r, const Elf64_Sym *s, const struct tt_buf *names)
{
	unsigned type = ELF64_ST_TYPE(s->st_info);

	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || s->st_shndx == SHN_UNDEF || s->st_name >= names->len || !s->st_value)
		return 0;
	const char *name = (const char *)names->data + s->st_name;
	size_t len = strnlen(name, names->len - s->st_name);
	int e = len ? tt_functions_add(r->functions, s->st_value, s->st_size, name, len) : 0;
	return e == -ENOBUFS ? 0 : e;
}

static int table_read(struct reading *r, const Elf64_Shdr *table)
{
	tt_buf_auto struct tt_buf names = TT_BUF(NAMES_MOST), piece = TT_BUF(PIECE);
	const Elf64_Shdr strings = section(r, table->sh_link);
	const size_t step = PIECE / sizeof(Elf64_Sym) * sizeof(Elf64_Sym);
	uint64_t left = table->sh_size / sizeof(Elf64_Sym) * sizeof(Elf64_Sym), at = table->sh_offset;

	if (table->sh_entsize != sizeof(Elf64_Sym) || left > (uint64_t)SYMBOLS_MOST * sizeof(Elf64_Sym) ||
	    strings.sh_type != SHT_STRTAB)
		return -EFBIG;
	int e = fetch(r, strings.sh_offset, strings.sh_size, &names);
	while (e == 0 && left) {
		size_t now = TT_MIN(left, (uint64_t)step);
		tt_buf_clear(&piece);
		e = fetch(r, at, now, &piece);
		for (size_t i = 0; e == 0 && i < now; i += sizeof(Elf64_Sym)) {
			Elf64_Sym s;
			memcpy(&s, piece.data + i, sizeof(s));
			e = symbol_take(r, &s, &names);
		}
		at += now;
		left -= now;
	}
	return e;
}

/* The name of the file with the symbols, and behind it, at the next multiple of 4, the file's CRC-32. */
static void link_read(struct reading *r, const Elf64_Shdr *s)
{
	tt_buf_auto struct tt_buf text = TT_BUF(TT_ELF_LINK_MOST + 4);

	if (fetch(r, s->sh_offset, s->sh_size, &text) < 0 || text.len < 5)
		return;
	size_t len = strnlen((const char *)text.data, text.len - 4), crc = aligned(len + 1);
	if (!len || len >= sizeof(r->elf->link) || crc > text.len - 4 || memchr(text.data, '/', len))
		return;
	memcpy(r->elf->link, text.data, len + 1);
	memcpy(&r->elf->link_crc, text.data + crc, 4);
}

static bool is_link(const Elf64_Shdr *s, const struct tt_buf *names)
{
	static const char want[] = ".gnu_debuglink";

	return s->sh_name < names->len && names->len - s->sh_name >= sizeof(want) &&
	       memcmp(names->data + s->sh_name, want, sizeof(want)) == 0;
}

static int symbols_read(struct reading *r)
{
	tt_buf_auto struct tt_buf names = TT_BUF(NOTES_MOST);
	const Elf64_Shdr strings = section(r, r->head.e_shstrndx);
	bool link = false, seen[2] = {false}; /* the first of each kind */
	int e = 0;

	if (strings.sh_type == SHT_STRTAB && fetch(r, strings.sh_offset, strings.sh_size, &names) < 0)
		tt_buf_clear(&names);
	for (size_t i = 0; e == 0 && i < r->section_count; i++) {
		Elf64_Shdr s = section(r, i);
		if (!link && s.sh_type == SHT_PROGBITS && is_link(&s, &names)) {
			link_read(r, &s);
			link = true;
		}
		if (!r->functions || (s.sh_type != SHT_SYMTAB && s.sh_type != SHT_DYNSYM) || seen[s.sh_type == SHT_SYMTAB])
			continue;
		seen[s.sh_type == SHT_SYMTAB] = true;
		e = table_read(r, &s);
		r->elf->whole |= e == 0 && s.sh_type == SHT_SYMTAB;
	}
	return e;
}

static int head_read(struct reading *r)
{
	tt_buf_auto struct tt_buf head = TT_BUF(sizeof(r->head));
	int e = fetch(r, 0, sizeof(r->head), &head);

	if (e < 0)
		return e;
	memcpy(&r->head, head.data, sizeof(r->head));
	if (memcmp(r->head.e_ident, ELFMAG, SELFMAG) != 0 || r->head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    r->head.e_ident[EI_DATA] != NATIVE)
		return -ENOEXEC;
	return 0;
}

int tt_elf_read(tt_elf_read_fn read, void *ctx, struct tt_functions *functions, struct tt_elf *ret)
{
	struct reading r = {.read = read,
			    .ctx = ctx,
			    .functions = functions,
			    .elf = ret,
			    .left = ALL_MOST,
			    .sections = TT_BUF(SECTIONS_MOST * sizeof(Elf64_Shdr))};

	*ret = (struct tt_elf){0};
	int e = head_read(&r);
	if (e == 0)
		e = segments_read(&r);
	if (e == 0)
		e = sections_read(&r);
	if (e == 0)
		e = symbols_read(&r);
	tt_buf_free(&r.sections);
	return e;
}
