// SPDX-License-Identifier: Apache-2.0
#include "identity/proc.h"

#include <stdio.h>

#include "identity/container.h"
#include "identity/service.h"
#include "identity/text.h"

/* A command line or environment is looked at so far (MAX_ARG_STRLEN of the kernel). */
#define TT_PROC_TEXT_MAX (128u << 10)

void tt_proc_free(struct tt_proc *p)
{
	tt_buf_free(&p->args);
}

/* The n-th number of those that stand between spaces; 0 if it is not there. */
static uint64_t tt_field(const char *text, unsigned n)
{
	while (n-- && (text = strchr(text, ' ')))
		text++;
	return text ? strtoull(text, NULL, 10) : 0;
}

/* Fields 2, 4 and 22 of stat. The name may hold anything, so the last ')' ends it; " S ppid ..." follows. */
static int tt_proc_stat(struct tt_proc *p, int dir)
{
	struct tt_buf text tt_buf_auto = TT_BUF(4096);

	int r = tt_text_read(dir, "stat", &text);
	if (r < 0)
		return r;
	r = tt_buf_add_char(&text, 0);
	if (r < 0)
		return r;
	char *open = strchr((char *)text.data, '('), *close = strrchr((char *)text.data, ')');
	if (!open || !close || close < open)
		return -EBADMSG;
	tt_text_set(p->comm, sizeof(p->comm), tt_span(open + 1, (size_t)(close - open - 1)));
	p->ppid = (uint32_t)tt_field(close, 2);
	p->start_ns = tt_field(close, 20) * TT_PROC_TICK_NS;
	return 0;
}

static void tt_proc_environment(struct tt_proc *p, int dir, bool in_pod)
{
	struct tt_buf text tt_buf_auto = TT_BUF(TT_PROC_TEXT_MAX);

	if (tt_text_read(dir, "environ", &text) < 0)
		return;
	tt_text_set(p->asked_service, sizeof(p->asked_service), tt_service_from_environment(tt_buf_span(&text)));
	if (in_pod)
		tt_text_set(p->pod, sizeof(p->pod), tt_environment_get(tt_buf_span(&text), "HOSTNAME"));
}

int tt_proc_read(struct tt_proc *ret, const char *root, uint32_t pid)
{
	struct tt_buf cgroup tt_buf_auto = TT_BUF(16u << 10);
	struct tt_proc p = {.args = TT_BUF(TT_PROC_TEXT_MAX)};
	char path[256];

	/* One directory for all files: they are then of one process, even if its number is used again meanwhile. */
	snprintf(path, sizeof(path), "%s/proc/%u", root, pid);
	tt_close_auto int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	int r = tt_proc_stat(&p, dir);
	if (r < 0)
		return r;

	ssize_t n = readlinkat(dir, "exe", p.file, sizeof(p.file) - 1);
	p.file[n > 0 ? n : 0] = 0;
	tt_text_read(dir, "cmdline", &p.args);
	tt_text_read(dir, "cgroup", &cgroup);
	tt_container_id(tt_buf_span(&cgroup), p.container_id);
	tt_proc_environment(&p, dir, tt_container_is_pod(tt_buf_span(&cgroup)));
	if (p.container_id[0])
		tt_container_name(root, p.container_id, p.container);
	*ret = p;
	return 0;
}
