// SPDX-License-Identifier: Apache-2.0
/* A process's facts as bytes. */
#include <errno.h>
#include <string.h>

#include "attach/part.h"

/* The strings both structures have, of one size each. */
#define STRINGS(X) X(comm) X(file) X(asked_service) X(pod) X(container_id) X(container)

#define SAME_SIZE(member) \
	_Static_assert(sizeof(((struct tt_attach_process *)0)->member) == sizeof(((struct tt_proc *)0)->member), #member);
STRINGS(SAME_SIZE)

int tt_attach_process_pack(struct tt_buf *to, const struct tt_proc *proc)
{
	struct tt_attach_process p;

	memset(&p, 0, sizeof(p)); /* holes too: none of our memory leaves */
	p.start_ns = proc->start_ns;
	p.ppid = proc->ppid;
	p.args_len = (uint32_t)proc->args.len;
#define PACK(member) memcpy(p.member, proc->member, strnlen(proc->member, sizeof(p.member) - 1));
	STRINGS(PACK)
	int r = tt_buf_add(to, &p, sizeof(p));
	return r < 0 ? r : tt_buf_add(to, proc->args.data, proc->args.len);
}

int tt_attach_process_unpack(struct tt_span from, struct tt_proc *ret)
{
	struct tt_attach_process p;
	struct tt_proc proc = {0};

	if (from.len < sizeof(p))
		return -EBADMSG;
	memcpy(&p, from.data, sizeof(p));
	if (p.args_len != from.len - sizeof(p))
		return -EBADMSG;
#define ENDED(member)                       \
	if (p.member[sizeof(p.member) - 1]) \
		return -EBADMSG;
	STRINGS(ENDED)
	proc.start_ns = p.start_ns;
	proc.ppid = p.ppid;
#define UNPACK(member) memcpy(proc.member, p.member, sizeof(p.member));
	STRINGS(UNPACK)
	proc.args = TT_BUF(p.args_len);
	int r = tt_buf_add(&proc.args, from.data + sizeof(p), p.args_len);
	if (r < 0)
		return r;
	*ret = proc;
	return 0;
}
