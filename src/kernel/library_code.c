// SPDX-License-Identifier: Apache-2.0
#include "kernel/library_code.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"
#include "base/own.h"

/*
 * What follows an opcode, by its letter:
 *   .  nothing            M  operands            b, w  one, two bytes       z  four bytes, two behind prefix 66
 *   B, Z  operands, and then as b, z             v  as z, eight bytes behind REX.W             e  three bytes
 *   g, G  operands, and as b, z where they name one of the first two of the group
 *   j, J  how far it jumps, in one, in four bytes
 *   p  it is a prefix     R  it is REX           x  the opcode is in the next byte, by the second table
 *   s, t  the opcode is in the next byte, then operands, and for t one byte more
 *   r, W  it returns, W: with two bytes              !  none, or none that compilers make of such functions
 */
static const char one_byte[] = "MMMMbz!!MMMMbz!x"  /* 00: add, or */
			       "MMMMbz!!MMMMbz!!"  /* 10: adc, sbb */
			       "MMMMbzp!MMMMbzp!"  /* 20: and, sub */
			       "MMMMbzp!MMMMbzp!"  /* 30: xor, cmp */
			       "RRRRRRRRRRRRRRRR"  /* 40 */
			       "................"  /* 50: push, pop */
			       "!!!MppppzZbB...."  /* 60: movsxd, push, imul */
			       "jjjjjjjjjjjjjjjj"  /* 70: jcc */
			       "BZ!BMMMMMMMMMMMM"  /* 80: test, xchg, mov, lea, pop */
			       "..........!....."  /* 90: nop, xchg, cdq */
			       "!!!!....bz......"  /* a0: movs, cmps, test, stos */
			       "bbbbbbbbvvvvvvvv"  /* b0: mov */
			       "BBWr!!BZe.!!!b!!"  /* c0: shifts, ret, mov, enter, leave, int */
			       "MMMM!!!.MMMMMMMM"  /* d0: shifts, x87 */
			       "jjjjbbbbzJ!j...."  /* e0: loop, jrcxz, in, call, jmp */
			       "p!pp..gG......MM"; /* f0: lock, rep, hlt, not, mul, call, jmp, push */

static const char two_bytes[] = "MMMM!....!!.!M!!"  /* 00: syscall, ud2, prefetch */
				"MMMMMMMMMMMMMMMM"  /* 10: movups, nop, endbr */
				"MMMM!!!!MMMMMMMM"  /* 20: movaps, ucomis */
				"......!.s!t!!!!!"  /* 30: rdtsc */
				"MMMMMMMMMMMMMMMM"  /* 40: cmov */
				"MMMMMMMMMMMMMMMM"  /* 50: arithmetic of SSE */
				"MMMMMMMMMMMMMMMM"  /* 60 */
				"BBBBMMM.!!!!MMMM"  /* 70: shuffles, movd */
				"JJJJJJJJJJJJJJJJ"  /* 80: jcc */
				"MMMMMMMMMMMMMMMM"  /* 90: setcc */
				"...MBM!!...MBMMM"  /* a0: cpuid, bt, shld, imul */
				"MMMMMMMMMMBMMMMM"  /* b0: cmpxchg, movzx, bsf, movsx */
				"MMBMBBBM........"  /* c0: xadd, shufps, bswap */
				"MMMMMMMMMMMMMMMM"  /* d0 */
				"MMMMMMMMMMMMMMMM"  /* e0 */
				"MMMMMMMMMMMMMMMM"; /* f0 */

#define PREFIX_SHORT 0x66 /* operands of two bytes */
#define REX_WIDE 0x08	  /* … of eight, whatever prefix there is */
#define PREFIX_LOCK 0xf0
#define CALL 0xe8
#define LEA 0x8d
#define MOVE 0xb8     /* and the next seven: of four bytes into a register */
#define GROUP_FF 0xff /* of its operations the fourth and fifth jump: where to is not in the code */

struct instruction {
	struct tt_cursor c;
	char kind; /* its letter */
	uint8_t opcode;
	bool shorter, wide, locks;
	bool leaves;  /* it may go on at `target`, counted from its end … */
	bool unknown; /* … or where nobody knows */
	int64_t target;
};

/* An address or a register: what the byte behind the opcode says (table 2-2), and what belongs to it. Returns its middle bits. */
static unsigned operands(struct tt_cursor *c)
{
	uint8_t modrm = tt_cursor_u8(c), mode = modrm >> 6, base = modrm & 7;

	if (mode != 3) {
		if (base == 4)
			base = tt_cursor_u8(c) & 7; /* SIB, whose base 5 is no register either */
		tt_cursor_skip(c, mode == 1 ? 1 : mode == 2 || base == 5 ? 4 : 0);
	}
	return modrm >> 3 & 7;
}

static bool is_one_of(char kind, const char *letters)
{
	return strchr(letters, kind) != NULL;
}

/* Bytes behind the operands. */
static size_t more(const struct instruction *i, unsigned operation)
{
	const size_t word = i->shorter && !i->wide ? 2 : 4;

	if (is_one_of(i->kind, "gG") && operation >= 2)
		return 0;
	return i->kind == 'v' && i->wide     ? 8
	       : is_one_of(i->kind, "bBtgj") ? 1
	       : is_one_of(i->kind, "wW")    ? 2
	       : i->kind == 'e'		     ? 3
	       : is_one_of(i->kind, "zZGv")  ? word
	       : i->kind == 'J'		     ? 4
					     : 0;
}

static void rest(struct instruction *i)
{
	unsigned operation = is_one_of(i->kind, "MBZgGst") ? operands(&i->c) : 0;
	struct tt_span s = tt_cursor_take(&i->c, more(i, operation));

	i->unknown = i->opcode == GROUP_FF && (operation == 4 || operation == 5);
	if (is_one_of(i->kind, "jJ") && s.len) {
		struct tt_cursor c = tt_cursor(s);

		i->leaves = true;
		i->target = i->kind == 'j' ? (int8_t)tt_cursor_u8(&c) : (int32_t)tt_cursor_le32(&c);
		i->unknown = i->shorter; /* processors differ in what it is then */
	}
}

/* The instruction at the cursor; false: it is not known. */
static bool decode(struct tt_cursor c, struct instruction *ret)
{
	*ret = (struct instruction){.c = c};
	for (;;) {
		ret->opcode = tt_cursor_u8(&ret->c);
		ret->kind = one_byte[ret->opcode];
		if (ret->kind != 'p' || tt_cursor_short(&ret->c))
			break;
		ret->shorter |= ret->opcode == PREFIX_SHORT;
		ret->locks |= ret->opcode == PREFIX_LOCK;
	}
	if (ret->kind == 'R') { /* the last prefix */
		ret->wide = ret->opcode & REX_WIDE;
		ret->opcode = tt_cursor_u8(&ret->c);
		ret->kind = one_byte[ret->opcode];
	}
	if (ret->kind == 'x') {
		ret->kind = two_bytes[tt_cursor_u8(&ret->c)];
		tt_cursor_skip(&ret->c, is_one_of(ret->kind, "st") ? 1 : 0);
	}
	if (is_one_of(ret->kind, "pR!"))
		return false;
	rest(ret);
	return !tt_cursor_short(&ret->c);
}

/* The last four bytes before that offset. */
static uint32_t word_before(struct tt_span code, size_t end)
{
	struct tt_cursor c = tt_cursor(tt_span(code.data + end - 4, 4));

	return tt_cursor_le32(&c);
}

bool tt_code_step(struct tt_span code, size_t at, struct tt_code_step *ret)
{
	struct tt_cursor c = tt_cursor(code);
	struct instruction i;

	if (!tt_cursor_skip(&c, at) || !decode(c, &i))
		return false;
	const size_t end = i.c.pos;
	*ret = (struct tt_code_step){.end = end, .locks = i.locks, .jumps = i.leaves, .target = (int64_t)end + i.target};
	if (i.leaves || i.shorter || end - at < 5)
		return true;
	ret->calls = i.opcode == CALL && i.kind == 'z';
	/* Relative to the instruction: its operand is a register and four bytes (table 2-2: mode 0, base 5). */
	ret->points = i.opcode == LEA && i.kind == 'M' && i.wide && end - at == 7 && (code.data[end - 5] & 0xc7) == 5;
	ret->absolute = i.kind == 'v' && !i.wide && (i.opcode & 0xf8) == MOVE;
	if (ret->calls || ret->points)
		ret->target += (int32_t)word_before(code, end);
	else if (ret->absolute)
		ret->target = word_before(code, end);
	ret->points |= ret->absolute;
	return true;
}

/* All instructions of a function, from the first on. */
struct sweep {
	struct tt_span code;
	uint8_t begins[TT_CODE_MOST / CHAR_BIT]; /* bit by offset: an instruction begins there */
	uint16_t *returns;
	size_t most;
	size_t count;
};

static bool begins(const struct sweep *s, int64_t at)
{
	return at >= 0 && (uint64_t)at < s->code.len && s->begins[at / CHAR_BIT] >> (at % CHAR_BIT) & 1;
}

static struct tt_cursor cursor_at(const struct sweep *s, size_t at)
{
	struct tt_cursor c = tt_cursor(s->code);

	tt_cursor_skip(&c, at);
	return c;
}

static int sweep_all(struct sweep *s)
{
	struct instruction i;

	for (size_t at = 0; at < s->code.len; at = i.c.pos) {
		if (!decode(cursor_at(s, at), &i))
			return -EOPNOTSUPP;
		s->begins[at / CHAR_BIT] |= (uint8_t)(1u << (at % CHAR_BIT));
		if (!is_one_of(i.kind, "rW"))
			continue;
		if (s->count == s->most)
			return -E2BIG;
		s->returns[s->count++] = (uint16_t)at;
	}
	return s->count ? 0 : -EOPNOTSUPP;
}

/* Whether it goes on at instructions of its own only. */
static bool stays(const struct sweep *s)
{
	struct instruction i;

	for (size_t at = 0; at < s->code.len; at = i.c.pos) {
		if (!decode(cursor_at(s, at), &i) || i.unknown)
			return false;
		if (i.leaves && !begins(s, (int64_t)i.c.pos + i.target))
			return false;
	}
	return true;
}

int tt_code_returns(struct tt_span code, uint16_t *ret, size_t most)
{
	struct sweep s = {.code = code, .returns = ret, .most = most};

	if (code.len > TT_CODE_MOST)
		return -E2BIG;
	int r = sweep_all(&s);
	if (r == 0 && !stays(&s))
		r = -EOPNOTSUPP;
	return r < 0 ? r : (int)s.count;
}
