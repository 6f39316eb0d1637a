/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which capabilities (capabilities(7)) what needs, and how they are given up for good. docs/threat-model.md has the table for
 * people.
 */
#ifndef TT_ATTACH_PRIVILEGE_H
#define TT_ATTACH_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>

/* When something needs a capability. */
enum tt_need_when {
	TT_NEED_START = 1 << 0,	  /* before the split, in the whole program */
	TT_NEED_RUNNING = 1 << 1, /* afterwards, in the attach part */
	TT_NEED_ALWAYS = TT_NEED_START | TT_NEED_RUNNING,
};

struct tt_need {
	int capability;
	const char *name; /* as capabilities(7) spells it */
	int instead;	  /* a capability that does as well; -1: none */
	unsigned when;	  /* enum tt_need_when */
	bool required;	  /* nothing can be observed without */
	const char *purpose;
	const char *without; /* what is missing then */
};

extern const struct tt_need tt_needs[];
extern const size_t tt_need_count;

/* That capability is in effect for the calling thread. */
bool tt_need_has(int capability);
/* It, or what does as well, is in effect for the calling thread. */
bool tt_need_met(const struct tt_need *need);

/* The first required one that is missing; NULL: none is. */
const struct tt_need *tt_need_missing(void);

/* One line naming what is required and missing, into ret: -EPERM; 0: nothing is, ret is untouched. */
int tt_need_explain(char *ret, size_t size);

/* Logs that line. 0 or -EPERM. */
int tt_need_check(void);

/* Logs one line naming what is missing of what names other users' processes, if anything is. */
void tt_need_warn(void);

/*
 * For good: user and groups become those of `user` where that is allowed (NULL or empty: they stay), every capability but the
 * `count` of `keep` goes from all sets, and none can come back: no_new_privs, locked secure bits, and where CAP_SETPCAP allows it
 * an empty bounding set. The process is no longer dumpable. For the calling thread: call it while there is only one.
 * 0; -ENOENT: no such user; -EPERM: something is left that should not be; or what a call failed with.
 */
int tt_privilege_drop(const char *user, const int *keep, size_t count);

/* Takes `capabilities` out of effect, calls fn, puts them back into effect. What fn returned, or a negative errno. */
int tt_privilege_without(const int *capabilities, size_t count, int (*fn)(void *ctx), void *ctx);

/* The user telltale becomes where none is named. */
#define TT_DROP_USER "nobody"

#endif
