/* SPDX-License-Identifier: Apache-2.0 */
/* What of several tables fits a terminal. */
#ifndef TT_TOOLS_SCREEN_H
#define TT_TOOLS_SCREEN_H

#include <stdbool.h>

#include "base/buf.h"

struct tt_screen {
	unsigned lines, columns; /* 0: not known, everything is shown */
};

/* Asks fd; where that is no terminal, or does not know, nothing changes. */
void tt_screen_ask(struct tt_screen *s, int fd);

/*
 * Adds a line (its end may be there or not), broken at spaces into at most `most` lines of so many columns (0: it stays as it
 * is), which go on at column `indent`. What does not fit is cut. Returns how many lines it became.
 */
unsigned tt_screen_add(struct tt_buf *out, unsigned columns, unsigned indent, unsigned most, struct tt_span line);

struct tt_screen_table {
	unsigned rows;	/* 0: it is not there, nor is its heading */
	unsigned lines; /* its rows take, if they may; at least `rows` */
	bool first;	/* gets its lines before the others */
	unsigned given; /* out: lines below its heading; 0: it is not shown */
};

/* Shares a screen of so many lines; the one the cursor is left in stays free. True: not all are shown, a line is left for saying
 * so. */
bool tt_screen_share(unsigned lines, struct tt_screen_table *tables, size_t count);

#endif
