// SPDX-License-Identifier: Apache-2.0
/* Functions of an ELF file by name (elf(5)). */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/regular.h"
#include "kernel/library.h"
#include "kernel/library_elf.h"

/* Who owns a file says how large its parts are: sections may overlap, and lie where the file has a hole. */
#define FILE_MOST (1ll << 30)
#define SECTIONS_MOST 1024
#define SEGMENTS_MOST 1170 /* what the kernel runs has 64 KiB of them at most; they are gone through for each address */
#define TABLE_MOST TT_ELF_TABLE_MOST

struct wanted {
	const char *const *names;
	struct tt_function_place *places;
	size_t count;
	bool several; /* a name with a `*` has more than one place */
};

/* A `*` stands for whatever is there. */
static bool is_called(const char *name, const char *wanted)
{
	const char *star = strchr(wanted, '*');

	if (!star)
		return strcmp(name, wanted) == 0;
	size_t len = strlen(name), before = (size_t)(star - wanted), behind = strlen(star + 1);
	return len >= before + behind && strncmp(name, wanted, before) == 0 && strcmp(name + len - behind, star + 1) == 0;
}

static void section_search(Elf *elf, Elf_Scn *section, const GElf_Shdr *head, struct wanted *w)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t symbols = data && head->sh_entsize ? data->d_size / head->sh_entsize : 0;

	for (size_t i = 0; i < symbols; i++) {
		GElf_Sym symbol;

		if (!gelf_getsym(data, (int)i, &symbol) || GELF_ST_TYPE(symbol.st_info) != STT_FUNC ||
		    symbol.st_shndx == SHN_UNDEF)
			continue;
		const char *name = elf_strptr(elf, head->sh_link, symbol.st_name);
		for (size_t j = 0; name && j < w->count; j++) {
			if (!is_called(name, w->names[j]))
				continue;
			w->several |= strchr(w->names[j], '*') && w->places[j].at && w->places[j].at != symbol.st_value;
			w->places[j] = (struct tt_function_place){symbol.st_value, symbol.st_size};
		}
	}
}

/* In a segment that has these flags. */
static uint64_t offset_in(Elf *elf, uint64_t address, uint32_t flags)
{
	size_t count = 0;
	GElf_Phdr segment;

	if (elf_getphdrnum(elf, &count) < 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_LOAD && (segment.p_flags & flags) == flags &&
		    address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz)
			return address - segment.p_vaddr + segment.p_offset;
	}
	return 0;
}

uint64_t tt_elf_offset(Elf *elf, uint64_t address)
{
	return offset_in(elf, address, 0);
}

uint64_t tt_elf_code_offset(Elf *elf, uint64_t address)
{
	return offset_in(elf, address, PF_X);
}

/* The section of that number, if it may be read whole. */
static bool table_fits(Elf *elf, size_t number)
{
	GElf_Shdr head;

	return gelf_getshdr(elf_getscn(elf, number), &head) && head.sh_size <= TABLE_MOST;
}

/* The first table of symbols of that kind, if it and its names may be read whole. */
static void symbols_search(Elf *elf, uint32_t kind, struct wanted *w)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr head;

		if (!gelf_getshdr(section, &head) || head.sh_type != kind)
			continue;
		if (head.sh_size <= TABLE_MOST && table_fits(elf, head.sh_link))
			section_search(elf, section, &head, w);
		return;
	}
}

static void search(Elf *elf, struct wanted *w)
{
	symbols_search(elf, SHT_DYNSYM, w);
	symbols_search(elf, SHT_SYMTAB, w);
	for (size_t i = 0; i < w->count; i++)
		w->places[i].at = w->places[i].at ? tt_elf_code_offset(elf, w->places[i].at) : 0;
}

/* Before any of them is read. */
static int bounds_check(Elf *elf)
{
	GElf_Ehdr head;
	size_t sections = 0, segments = 0, names = 0;

	if (!gelf_getehdr(elf, &head) || gelf_getclass(elf) != ELFCLASS64 || elf_getshdrnum(elf, &sections) < 0 ||
	    elf_getshdrstrndx(elf, &names) < 0 || elf_getphdrnum(elf, &segments) < 0)
		return -ENOEXEC;
	if (sections > SECTIONS_MOST || segments > SEGMENTS_MOST)
		return -EFBIG;
	return sections && names && !table_fits(elf, names) ? -EFBIG : 0;
}

int tt_elf_open(const char *path, int *ret_fd, Elf **ret)
{
	struct stat st;
	tt_close_auto int fd = tt_regular_open(path, &st);

	if (fd < 0)
		return fd;
	if (st.st_size > FILE_MOST)
		return -EFBIG;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return -ENOEXEC;
	int r = bounds_check(elf);
	if (r < 0) {
		elf_end(elf);
		return r;
	}
	*ret_fd = TT_TAKE_FD(fd);
	*ret = elf;
	return 0;
}

/* A note that is an id of a build: sizes of name and contents, type, name, contents. */
#define BUILD_ID_HEAD "\4\0\0\0\24\0\0\0\3\0\0\0GNU"
#define BUILD_ID_AT sizeof(BUILD_ID_HEAD)

static int build_id_search(Elf *elf, uint8_t *ret)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr head;

		if (!gelf_getshdr(section, &head) || head.sh_type != SHT_NOTE || head.sh_size != BUILD_ID_AT + TT_BUILD_ID_BYTES)
			continue;
		const Elf_Data *data = elf_rawdata(section, NULL);
		if (!data || data->d_size != head.sh_size || memcmp(data->d_buf, BUILD_ID_HEAD, BUILD_ID_AT) != 0)
			continue;
		memcpy(ret, (const uint8_t *)data->d_buf + BUILD_ID_AT, TT_BUILD_ID_BYTES);
		return 0;
	}
	return -ENOENT;
}

int tt_elf_build_id(const char *path, uint8_t *ret)
{
	tt_close_auto int fd = -1;
	Elf *elf;
	int r = tt_elf_open(path, &fd, &elf);

	if (r < 0)
		return r;
	r = build_id_search(elf, ret);
	elf_end(elf);
	return r;
}

/* A text of the section's table of texts. */
static int dynamic_text(Elf *elf, const GElf_Shdr *head, uint64_t at, char *ret, size_t size)
{
	const char *text = table_fits(elf, head->sh_link) ? elf_strptr(elf, head->sh_link, at) : NULL;

	if (!text)
		return -ENOEXEC;
	return snprintf(ret, size, "%s", text) < (int)size ? 0 : -ENAMETOOLONG;
}

static int search_path(Elf *elf, char *ret, size_t size)
{
	Elf_Scn *section = NULL;
	GElf_Shdr head = {.sh_type = SHT_NULL};
	GElf_Dyn row, found = {.d_tag = DT_NULL};

	while (head.sh_type != SHT_DYNAMIC && (section = elf_nextscn(elf, section)) && gelf_getshdr(section, &head))
		;
	Elf_Data *data = section && head.sh_type == SHT_DYNAMIC && head.sh_size <= TABLE_MOST ? elf_getdata(section, NULL) : NULL;
	for (int i = 0; data && gelf_getdyn(data, i, &row) && row.d_tag != DT_NULL; i++) {
		if (row.d_tag == DT_RUNPATH || (row.d_tag == DT_RPATH && found.d_tag == DT_NULL))
			found = row;
	}
	return found.d_tag == DT_NULL ? -ENOENT : dynamic_text(elf, &head, found.d_un.d_val, ret, size);
}

int tt_elf_search_path(const char *path, char *ret, size_t size)
{
	tt_close_auto int fd = -1;
	Elf *elf;
	int r = tt_elf_open(path, &fd, &elf);

	if (r < 0)
		return r;
	r = search_path(elf, ret, size);
	elf_end(elf);
	return r;
}

int tt_elf_functions(const char *path, const char *const *names, struct tt_function_place *ret, size_t count)
{
	tt_close_auto int fd = -1;
	struct wanted w = {names, ret, count, false};
	Elf *elf;

	memset(ret, 0, count * sizeof(*ret));
	int r = tt_elf_open(path, &fd, &elf);
	if (r < 0)
		return r;
	search(elf, &w);
	elf_end(elf);
	return w.several ? -ENOTUNIQ : 0;
}
