// SPDX-License-Identifier: Apache-2.0
/*
 * Functions of a program linked by Go, stripped or not. Where they return is told by the table of how deep the stack is at each
 * instruction, not by decoding them: a function that has a frame returns only where its stack is as deep as at its begin.
 */
#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "base/own.h"
#include "kernel/library.h"
#include "kernel/library_elf.h"
#include "kernel/library_pclntab.h"

#define RELA_BYTES 24
#define WORD 8
#define RETURNS 0xc3 /* the instruction RET of x86-64 */
#define INSTRUCTIONS_BYTES 64
#define RELOCATIONS_BYTES (64u << 20) /* looked through in one file */
/* Of runtime.moduledata: the 23rd word is runtime.text; stands in a section of its own since Go 1.26. */
#define MODULE_TEXT 176

struct sections {
	GElf_Shdr table;
	GElf_Shdr module;
	GElf_Shdr text;
};

static void sections_find(Elf *elf, struct sections *ret)
{
	const struct {
		const char *name;
		GElf_Shdr *head;
	} rows[] = {
		{".gopclntab", &ret->table},
		{".data.rel.ro.gopclntab", &ret->table}, /* position-independent, by the system's linker */
		{".go.module", &ret->module},
		{".text", &ret->text},
	};
	Elf_Scn *section = NULL;
	size_t names = 0;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr head;
		const char *name = gelf_getshdr(section, &head) ? elf_strptr(elf, names, head.sh_name) : NULL;

		for (size_t i = 0; name && i < TT_ARRAY_LEN(rows); i++) {
			if (strcmp(name, rows[i].name) == 0)
				*rows[i].head = head;
		}
	}
}

/* --- where the functions' offsets count from --- */

static uint64_t relocation_in(struct tt_window *w, const GElf_Shdr *section, uint64_t bytes, uint64_t address)
{
	for (uint64_t at = 0; at + RELA_BYTES <= bytes; at += RELA_BYTES) {
		struct tt_cursor c = tt_cursor(tt_window_at(w, section->sh_offset + at, RELA_BYTES));
		uint64_t where = tt_cursor_le64(&c);
		uint64_t info = tt_cursor_le64(&c);
		uint64_t addend = tt_cursor_le64(&c);

		if (tt_cursor_short(&c))
			return 0;
		if (where == address && GELF_R_TYPE(info) == R_X86_64_RELATIVE)
			return addend;
	}
	return 0;
}

/* The address that stands at `address`, which lies at that offset: there, or in the relocation that puts it there. 0: none. */
static uint64_t pointer(Elf *elf, struct tt_window *w, uint64_t address, uint64_t offset)
{
	struct tt_cursor c = tt_cursor(tt_window_at(w, offset, WORD));
	uint64_t value = tt_cursor_le64(&c), left = RELOCATIONS_BYTES;
	Elf_Scn *section = NULL;

	while (!value && (section = elf_nextscn(elf, section))) {
		GElf_Shdr head;

		if (!gelf_getshdr(section, &head) || head.sh_type != SHT_RELA)
			continue;
		const uint64_t bytes = TT_MIN(head.sh_size, left);

		value = relocation_in(w, &head, bytes, address);
		left -= bytes;
	}
	return value;
}

static uint64_t text_address(Elf *elf, struct tt_window *w, const struct sections *s)
{
	uint64_t text = pointer(elf, w, s->table.sh_addr + TT_PCLNTAB_TEXT_AT, s->table.sh_offset + TT_PCLNTAB_TEXT_AT);

	if (!text && s->module.sh_size >= MODULE_TEXT + WORD)
		text = pointer(elf, w, s->module.sh_addr + MODULE_TEXT, s->module.sh_offset + MODULE_TEXT);
	return text ? text : s->text.sh_addr;
}

/* --- functions --- */

/* Instructions that do nothing, which the linker puts before a return so that it does not lie across a line of the cache. */
static size_t padding(struct tt_span code)
{
	static const struct tt_span nops[] = {
		TT_SPAN_LIT("\x90"),
		TT_SPAN_LIT("\x66\x90"),
		TT_SPAN_LIT("\x0f\x1f\x00"),
		TT_SPAN_LIT("\x0f\x1f\x40\x00"),
		TT_SPAN_LIT("\x0f\x1f\x44\x00\x00"),
		TT_SPAN_LIT("\x66\x0f\x1f\x44\x00\x00"),
		TT_SPAN_LIT("\x0f\x1f\x80\x00\x00\x00\x00"),
		TT_SPAN_LIT("\x0f\x1f\x84\x00\x00\x00\x00\x00"),
		TT_SPAN_LIT("\x66\x0f\x1f\x84\x00\x00\x00\x00\x00"),
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(nops); i++) {
		if (tt_span_starts(code, nops[i]))
			return nops[i].len;
	}
	return 0;
}

/* Where the instruction at that offset, or behind what does nothing there, returns; 0: it is another one. */
static uint64_t return_at(struct tt_window *w, uint64_t at)
{
	struct tt_span code = tt_window_some(w, at, INSTRUCTIONS_BYTES);

	for (size_t n; (n = padding(code)) != 0; at += n)
		code = tt_span(code.data + n, code.len - n);
	return code.len && *code.data == RETURNS ? at : 0;
}

/*
 * The function's places in the file. Where the stack is as at the begin there must be an instruction that returns, or the one at
 * the end that asks for a larger stack: if it is not so, this is no table of this code.
 */
static int returns_fill(Elf *elf, struct tt_window *w, uint64_t text, const struct tt_pclntab_function *f,
			struct tt_function_sites *ret)
{
	for (size_t i = 0; i < f->level_count; i++) {
		uint64_t at = tt_elf_code_offset(elf, text + f->entry + f->level[i]);

		at = at ? return_at(w, at) : 0;
		if (!at && i + 1 < f->level_count)
			return -ENOEXEC;
		if (at && ret->return_count == TT_RETURNS_MOST)
			return -E2BIG;
		if (at)
			ret->returns[ret->return_count++] = at;
	}
	return ret->return_count ? 0 : -ENOEXEC;
}

static int search(Elf *elf, struct tt_window *w, const char *const *names, bool returns, struct tt_function_sites *ret,
		  size_t count)
{
	struct tt_pclntab_function functions[TT_PCLNTAB_NAMES_MOST];
	struct sections sections = {0};
	struct tt_pclntab table;
	GElf_Ehdr head;

	sections_find(elf, &sections);
	if (!sections.table.sh_size || !gelf_getehdr(elf, &head) || head.e_machine != EM_X86_64)
		return -ENOEXEC;
	int r = tt_pclntab_open(&table, w, sections.table.sh_offset, sections.table.sh_size);
	if (r == 0)
		r = tt_pclntab_find(&table, w, names, returns, functions, count);
	if (r < 0)
		return r;
	uint64_t text = text_address(elf, w, &sections);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (!functions[i].found)
			continue;
		ret[i].entry = tt_elf_code_offset(elf, text + functions[i].entry);
		if (!ret[i].entry)
			r = -ENOEXEC;
		else if (returns)
			r = returns_fill(elf, w, text, &functions[i], &ret[i]);
	}
	return r;
}

int tt_go_functions(const char *path, const char *const *names, bool returns, struct tt_function_sites *ret, size_t count)
{
	tt_close_auto int fd = -1;
	Elf *elf;

	memset(ret, 0, count * sizeof(*ret));
	int r = tt_elf_open(path, &fd, &elf);
	if (r < 0)
		return r;
	struct tt_window w = {.fd = fd};
	r = search(elf, &w, names, returns, ret, count);
	elf_end(elf);
	return r;
}
