// SPDX-License-Identifier: Apache-2.0
/*
 * OpenSSL's own BIO of TLS: what is read and written by it goes through functions without symbols. BIO_f_ssl, which has one, does
 * nothing but return the table that has their addresses (struct bio_method_st of include/internal/bio.h, 1.1.1 and 3.x).
 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/span.h"
#include "kernel/library.h"
#include "kernel/library_elf.h"

#if defined(__x86_64__)
#define CODE_BYTES 16u
#define BIO_TYPE_SSL 0x207u
#define NAME "ssl"

/* The table, in words. */
enum method {
	METHOD_TYPE,
	METHOD_NAME,
	METHOD_WRITE,
	METHOD_WRITE_OLD, /* of 1.1.0 and BoringSSL, which have others in these places: NULL here */
	METHOD_READ,
	METHOD_READ_OLD,
	METHOD_DESTROY = 10,
	METHOD_WORDS = 12,
};

static const struct {
	const char *name;
	enum method method;
} wanted[] = {
	{"BIO_f_ssl.bread", METHOD_READ},
	{"BIO_f_ssl.bwrite", METHOD_WRITE},
	{"BIO_f_ssl.destroy", METHOD_DESTROY},
};

struct table {
	uint64_t word[METHOD_WORDS];
};

/* Where the code at that offset is loaded; 0: nowhere. */
static uint64_t address_of(Elf *elf, uint64_t offset)
{
	size_t count = 0;

	if (elf_getphdrnum(elf, &count) < 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr p;

		if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_LOAD && p.p_flags & PF_X && offset >= p.p_offset &&
		    offset - p.p_offset < p.p_filesz)
			return offset - p.p_offset + p.p_vaddr;
	}
	return 0;
}

/* What its code returns: lea table(%rip),%rax; ret. 0: it is something else. */
static uint64_t returned(int fd, uint64_t offset, uint64_t address)
{
	static const char branch[] = "\xf3\x0f\x1e\xfa", lea[] = "\x48\x8d\x05";
	uint8_t bytes[CODE_BYTES];
	ssize_t n = pread(fd, bytes, sizeof(bytes), (off_t)offset);
	size_t skip = n > 0 && tt_span_starts(tt_span(bytes, (size_t)n), tt_span(branch, 4)) ? 4 : 0;
	int32_t distance;

	if (n < (ssize_t)(skip + 8) || memcmp(bytes + skip, lea, 3) != 0 || bytes[skip + 7] != 0xc3)
		return 0;
	memcpy(&distance, bytes + skip + 3, sizeof(distance));
	return address + skip + 7 + (uint64_t)(int64_t)distance;
}

/* What the loader would put into the table. Without such a line the file itself has the value. */
static void relocations_apply(Elf *elf, uint64_t address, struct table *t)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr head;
		GElf_Rela line;

		if (!gelf_getshdr(section, &head) || head.sh_type != SHT_RELA || !head.sh_entsize ||
		    head.sh_size > TT_ELF_TABLE_MOST)
			continue;
		Elf_Data *data = elf_getdata(section, NULL);
		for (size_t i = 0; data && i < head.sh_size / head.sh_entsize; i++) {
			if (!gelf_getrela(data, (int)i, &line) || GELF_R_TYPE(line.r_info) != R_X86_64_RELATIVE)
				continue;
			uint64_t at = line.r_offset - address;
			if (line.r_offset >= address && at < sizeof(t->word) && at % sizeof(t->word[0]) == 0)
				t->word[at / sizeof(t->word[0])] = (uint64_t)line.r_addend;
		}
	}
}

static bool table_read(int fd, Elf *elf, uint64_t address, struct table *t)
{
	char name[sizeof(NAME)];
	uint64_t at = tt_elf_offset(elf, address);

	if (!at || pread(fd, t->word, sizeof(t->word), (off_t)at) != (ssize_t)sizeof(t->word))
		return false;
	relocations_apply(elf, address, t);
	at = tt_elf_offset(elf, t->word[METHOD_NAME]);
	return (uint32_t)t->word[METHOD_TYPE] == BIO_TYPE_SSL && !t->word[METHOD_WRITE_OLD] && !t->word[METHOD_READ_OLD] && at &&
	       pread(fd, name, sizeof(name), (off_t)at) == (ssize_t)sizeof(name) && memcmp(name, NAME, sizeof(name)) == 0;
}

static bool any_wanted(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], wanted[0].name) == 0)
			return true;
	}
	return false;
}

static void places_fill(Elf *elf, const struct table *t, const char *const *names, struct tt_function_place *ret, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < TT_ARRAY_LEN(wanted); k++) {
			if (strcmp(names[i], wanted[k].name) == 0)
				ret[i] = (struct tt_function_place){.at = tt_elf_code_offset(elf, t->word[wanted[k].method])};
		}
	}
}

void tt_bio_functions(const char *path, const char *const *names, struct tt_function_place *ret, size_t count)
{
	static const char *const function[] = {"BIO_f_ssl"};
	struct tt_function_place place;
	tt_close_auto int fd = -1;
	struct table t;
	Elf *elf;

	if (!any_wanted(names, count) || tt_elf_functions(path, function, &place, 1) < 0 || !place.at ||
	    tt_elf_open(path, &fd, &elf) < 0)
		return;
	uint64_t address = address_of(elf, place.at);
	uint64_t table = address ? returned(fd, place.at, address) : 0;
	if (table && table_read(fd, elf, table, &t))
		places_fill(elf, &t, names, ret, count);
	elf_end(elf);
}
#else
void tt_bio_functions(const char *path, const char *const *names, struct tt_function_place *ret, size_t count)
{
	/* The code above is read on x86-64 only. */
}
#endif
