// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/now.h"

#define TT_PROGRESS_FIRST_NS 500000000u /* what is over sooner needs no line */
#define TT_PROGRESS_EVERY_NS 250000000u
#define TT_PROGRESS_NAME 40 /* columns of the file's name */
#define TT_PROGRESS_TAKE_AWAY "\r\x1b[K"

void tt_progress_init(struct tt_progress *p, int fd, int input, const char *name, bool mute)
{
	struct stat st;
	const char *slash = strrchr(name, '/');

	*p = (struct tt_progress){.fd = !mute && isatty(fd) ? fd : -1, .name = slash ? slash + 1 : name};
	if (fstat(input, &st) == 0 && S_ISREG(st.st_mode))
		p->size = (uint64_t)st.st_size;
	p->next_ns = tt_now_ns() + TT_PROGRESS_FIRST_NS;
}

/* Nothing of a file's name may reach the terminal as a command. */
static void tt_progress_name(char text[static TT_PROGRESS_NAME + 1], const char *name)
{
	size_t n = 0;

	for (; name[n] && n < TT_PROGRESS_NAME; n++)
		text[n] = name[n] >= ' ' && name[n] <= '~' ? name[n] : '?';
	text[n] = 0;
}

void tt_progress_show(struct tt_progress *p, uint64_t offset, uint64_t exchanges)
{
	char name[TT_PROGRESS_NAME + 1], part[16] = "", line[128];
	uint64_t now_ns = p->fd < 0 ? 0 : tt_now_ns();

	if (p->fd < 0 || now_ns < p->next_ns)
		return;
	p->next_ns = now_ns + TT_PROGRESS_EVERY_NS;
	p->shown = true;
	tt_progress_name(name, p->name);
	if (p->size)
		snprintf(part, sizeof(part), "%u %% of ",
			 (unsigned)(offset < p->size ? (double)offset * 100 / (double)p->size : 100));
	int len = snprintf(line, sizeof(line), TT_PROGRESS_TAKE_AWAY "%s: %s%.1f MB, %llu exchanges", name, part,
			   (double)(p->size ? p->size : offset) / 1e6, (unsigned long long)exchanges);
	/* A terminal that is gone is no reason to stop reading. */
	if (write(p->fd, line, (size_t)len) < 0)
		p->fd = -1;
}

void tt_progress_clear(struct tt_progress *p)
{
	if (p->fd >= 0 && p->shown && write(p->fd, TT_PROGRESS_TAKE_AWAY, sizeof(TT_PROGRESS_TAKE_AWAY) - 1) < 0)
		p->fd = -1;
	p->shown = false;
}
