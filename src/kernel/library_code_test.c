// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness/unit.h"
#include "kernel/library.h"
#include "kernel/library_code.h"
#include "kernel/library_window.h"

static int returns(const char *code, size_t len, uint16_t *at)
{
	return tt_code_returns(tt_span((const uint8_t *)code, len), at, TT_RETURNS_MOST);
}

#define RETURNS(code, at) returns(code, sizeof(code) - 1, at)

static void finds(void **state)
{
	(void)state;
	uint16_t at[TT_RETURNS_MOST];

	/* push %rbx; test %edx,%edx; js +2; pop %rbx; ret; pop %rbx; repz ret */
	assert_int_equal(RETURNS("\x53\x85\xd2\x78\x02\x5b\xc3\x5b\xf3\xc3", at), 2);
	assert_int_equal(at[0], 6);
	assert_int_equal(at[1], 8);
	/* endbr64; mov $0xc3c3c3c3,%eax; movabs of the same; lea 0xc3c3c3c3(%rip),%rdx; ret $8 */
	assert_int_equal(
		RETURNS("\xf3\x0f\x1e\xfa\xb8\xc3\xc3\xc3\xc3\x48\xb8\xc3\xc3\xc3\xc3\xc3\xc3\xc3\xc3\x48\x8d\x15\xc3\xc3\xc3"
			"\xc3\xc2\x08\x00",
			at),
		1);
	assert_int_equal(at[0], 26);
	/* testb $0xc3,0xc3(%rax,%rcx); notb (%rax); movw $0xc3c3,(%rbp); movw $0xc3c3,0xc3c3c3c3(,%rax); ret */
	assert_int_equal(
		RETURNS("\xf6\x44\x08\xc3\xc3\xf6\x10\x66\xc7\x45\x00\xc3\xc3\x66\xc7\x04\x05\xc3\xc3\xc3\xc3\xc3\xc3\xc3", at),
		1);
	assert_int_equal(at[0], 23);
}

static void refuses_what_is_not_sure(void **state)
{
	(void)state;
	uint16_t at[TT_RETURNS_MOST];

	assert_int_equal(RETURNS("\xff\xe0\xc3", at), -EOPNOTSUPP);			/* jmp *%rax */
	assert_int_equal(RETURNS("\x3e\xff\x60\x10\xc3", at), -EOPNOTSUPP);		/* notrack jmp *0x10(%rax) */
	assert_int_equal(RETURNS("\xe9\x00\x01\x00\x00\xc3", at), -EOPNOTSUPP);		/* a jump out of it */
	assert_int_equal(RETURNS("\xc3\x74\xfd", at), 1);				/* back to the return … */
	assert_int_equal(RETURNS("\x90\xc3\x74\xfb\x90", at), -EOPNOTSUPP);		/* … before it all … */
	assert_int_equal(RETURNS("\xb8\x90\x90\x90\xc3\xc3\x74\xfc", at), -EOPNOTSUPP); /* … into an instruction */
	assert_int_equal(RETURNS("\x0f\x84\x00\x00\x00\x01\xc3", at), -EOPNOTSUPP);
	assert_int_equal(RETURNS("\xc5\xf8\x77\xc3", at), -EOPNOTSUPP); /* vzeroupper */
	assert_int_equal(RETURNS("\x90\x90", at), -EOPNOTSUPP);		/* none */
	assert_int_equal(RETURNS("\xc3\xe8\x00", at), -EOPNOTSUPP);	/* cut off */
	assert_int_equal(RETURNS("\x66\x66\x66", at), -EOPNOTSUPP);
	assert_int_equal(RETURNS("", at), -EOPNOTSUPP);
}

/* What the instruction at the begin does: c, j, p, l as the fields are called, and its target. */
static const char *does(const char *code, size_t len, int64_t *target)
{
	static char words[8];
	struct tt_code_step step;

	words[0] = 0;
	if (!tt_code_step(tt_span((const uint8_t *)code, len), 0, &step))
		return "?";
	snprintf(words, sizeof(words), "%s%s%s%s%s", step.calls ? "c" : "", step.jumps ? "j" : "", step.points ? "p" : "",
		 step.absolute ? "a" : "", step.locks ? "l" : "");
	*target = step.target;
	return words;
}

static void knows_what_one_does(void **state)
{
	static const struct {
		struct tt_span code;
		const char *does;
		int64_t target;
	} rows[] = {
		{TT_SPAN_LIT("\xe8\x10\x00\x00\x00"), "c", 0x15},
		{TT_SPAN_LIT("\x67\xe8\xf0\xff\xff\xff"), "c", -10}, /* addr32 call, what a linker makes of one by a table */
		{TT_SPAN_LIT("\xe9\x00\x01\x00\x00"), "j", 0x105},
		{TT_SPAN_LIT("\x0f\x84\x00\x01\x00\x00"), "j", 0x106},
		{TT_SPAN_LIT("\x74\xfe"), "j", 0},
		{TT_SPAN_LIT("\x48\x8d\x3d\x78\x56\x34\x12"), "p", 0x1234567f}, /* lea 0x12345678(%rip),%rdi */
		{TT_SPAN_LIT("\x4c\x8d\x05\xf9\xff\xff\xff"), "p", 0},		/* lea -7(%rip),%r8 */
		{TT_SPAN_LIT("\x48\x8d\x7c\x24\x10"), "", 5},			/* lea 0x10(%rsp),%rdi */
		{TT_SPAN_LIT("\x48\x8d\x3c\x25\x00\x00\x40\x00"), "", 8},	/* lea 0x400000,%rdi */
		{TT_SPAN_LIT("\xbf\x50\x05\x75\x00"), "pa", 0x750550},		/* mov $0x750550,%edi */
		{TT_SPAN_LIT("\x48\xbf\x50\x05\x75\x00\x00\x00\x00\x00"), "", 10},
		{TT_SPAN_LIT("\xf0\x0f\xc1\x87\xe0\x09\x00\x00"), "l", 8}, /* lock xadd %eax,0x9e0(%rdi) */
		{TT_SPAN_LIT("\xe8\x10\x00\x00"), "?", 0},
		{TT_SPAN_LIT(""), "?", 0},
	};
	int64_t target = 0;

	(void)state;
	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		assert_string_equal(does((const char *)rows[i].code.data, rows[i].code.len, &target), rows[i].does);
		if (rows[i].does[0] != '?')
			assert_int_equal(target, rows[i].target);
	}
}

static void is_bounded(void **state)
{
	(void)state;
	static char many[TT_CODE_MOST + 1];
	uint16_t at[TT_RETURNS_MOST];

	memset(many, 0xc3, sizeof(many));
	assert_int_equal(returns(many, sizeof(many), at), -E2BIG);
	assert_int_equal(returns(many, TT_RETURNS_MOST + 1, at), -E2BIG);
	assert_int_equal(returns(many, TT_RETURNS_MOST, at), TT_RETURNS_MOST);
}

/* --- against objdump: what it says of each function of a library --- */

struct disassembly {
	uint64_t at[16384]; /* addresses of instructions that return, in order */
	size_t count;
};

static void disassemble(const char *path, struct disassembly *ret)
{
	char command[256], line[512];

	snprintf(command, sizeof(command), "objdump -d --no-show-raw-insn -j .text %s 2>/dev/null", path);
	FILE *f = popen(command, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *end;
		uint64_t address = strtoull(line, &end, 16);

		if (*end != ':')
			continue;
		const char *text = end + 1 + strspn(end + 1, " \t");
		if (strncmp(text, "ret", 3) != 0 && strncmp(text, "repz ret", 8) != 0)
			continue;
		assert_true(ret->count < TT_ARRAY_LEN(ret->at));
		ret->at[ret->count++] = address;
	}
	pclose(f);
}

static size_t told(const struct disassembly *d, uint64_t begin, uint64_t size, uint64_t *ret, size_t most)
{
	size_t n = 0;

	for (size_t i = 0; i < d->count && n < most; i++) {
		if (d->at[i] >= begin && d->at[i] - begin < size)
			ret[n++] = d->at[i];
	}
	return n;
}

/* Both libraries have their code at the offset of its address. */
static bool same(struct tt_window *w, const struct disassembly *d, const char *name, uint64_t begin, uint64_t size)
{
	uint64_t want[TT_RETURNS_MOST];
	uint16_t at[TT_RETURNS_MOST];
	int n = size <= TT_CODE_MOST ? tt_code_returns(tt_window_at(w, begin, size), at, TT_ARRAY_LEN(at)) : -E2BIG;

	if (n < 0)
		return false;
	if ((size_t)n != told(d, begin, size, want, TT_ARRAY_LEN(want)))
		fail_msg("%s: %d returns", name, n);
	for (int i = 0; i < n; i++) {
		if (begin + at[i] != want[i])
			fail_msg("%s: a return at %lx", name, (unsigned long)(begin + at[i]));
	}
	return true;
}

/* Most functions of it are sure: at least `least` of a hundred. */
static void library_is_as_told(const char *pattern, size_t least)
{
	static struct disassembly d;
	static struct tt_window w;
	char command[256], line[512], name[256];
	size_t all = 0, sure = 0;
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0 || system("command -v nm objdump >/dev/null") != 0)
		TT_UNIT_LEAVE_OUT("no libssl or libgnutls, or no nm and objdump");
	snprintf(command, sizeof(command), "nm -D -S --defined-only %s 2>/dev/null", found.gl_pathv[0]);
	d.count = 0;
	disassemble(found.gl_pathv[0], &d);
	FILE *code = fopen(found.gl_pathv[0], "re"), *f = popen(command, "re");
	globfree(&found);
	assert_true(code && f);
	w = (struct tt_window){.fd = fileno(code)};
	for (unsigned long begin, size; fgets(line, sizeof(line), f);) {
		if (sscanf(line, "%lx %lx T %255s", &begin, &size, name) != 3)
			continue;
		all++;
		sure += same(&w, &d, name, begin, size);
	}
	pclose(f);
	fclose(code);
	print_message("%s: %zu of %zu functions\n", pattern, sure, all);
	assert_true(all && d.count && sure * 100 >= all * least);
}

static void openssl(void **state)
{
	(void)state;
	library_is_as_told("/usr/lib/x86_64-linux-gnu/libssl.so.*", 50);
}

static void gnutls(void **state)
{
	(void)state;
	library_is_as_told("/usr/lib/x86_64-linux-gnu/libgnutls.so.*", 30);
}

TT_UNIT_TESTS(cmocka_unit_test(finds), cmocka_unit_test(refuses_what_is_not_sure), cmocka_unit_test(knows_what_one_does),
	      cmocka_unit_test(is_bounded), cmocka_unit_test(openssl), cmocka_unit_test(gnutls))
