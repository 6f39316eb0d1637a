// SPDX-License-Identifier: Apache-2.0
/* What calls, parts of time, and those who wake are called. */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/own.h"
#include "tools/sched/state.h"

const char *const tt_sched_part_names[TT_SCHED_PART_MAX] = {
#define PART_NAME(id, name, meaning) name,
	TT_SCHED_PARTS(PART_NAME)
#undef PART_NAME
};

const char *const tt_sched_part_meanings[TT_SCHED_PART_MAX] = {
#define PART_MEANING(id, name, meaning) meaning,
	TT_SCHED_PARTS(PART_MEANING)
#undef PART_MEANING
};

static const struct {
	long number;
	uint8_t part; /* enum tt_sched_part, or TT_SCHED_BY_FILE */
	const char *name;
} calls[] = {
#define CALL(name, part) {SYS_##name, part, #name}
	CALL(futex, TT_SCHED_LOCK),
	CALL(flock, TT_SCHED_LOCK),
	CALL(semop, TT_SCHED_LOCK),
	CALL(semtimedop, TT_SCHED_LOCK),
	CALL(read, TT_SCHED_BY_FILE),
	CALL(readv, TT_SCHED_BY_FILE),
	CALL(pread64, TT_SCHED_BY_FILE),
	CALL(preadv, TT_SCHED_BY_FILE),
	CALL(preadv2, TT_SCHED_BY_FILE),
	CALL(write, TT_SCHED_BY_FILE),
	CALL(writev, TT_SCHED_BY_FILE),
	CALL(pwrite64, TT_SCHED_BY_FILE),
	CALL(pwritev, TT_SCHED_BY_FILE),
	CALL(pwritev2, TT_SCHED_BY_FILE),
	CALL(ioctl, TT_SCHED_BY_FILE),
	CALL(fcntl, TT_SCHED_BY_FILE),
	CALL(splice, TT_SCHED_BY_FILE),
	CALL(tee, TT_SCHED_BY_FILE),
	CALL(vmsplice, TT_SCHED_BY_FILE),
	CALL(sendfile, TT_SCHED_BY_FILE),
	CALL(copy_file_range, TT_SCHED_DISK),
	CALL(accept, TT_SCHED_BY_FILE),
	CALL(accept4, TT_SCHED_BY_FILE),
	CALL(connect, TT_SCHED_BY_FILE),
	CALL(recvfrom, TT_SCHED_BY_FILE),
	CALL(recvmsg, TT_SCHED_BY_FILE),
	CALL(recvmmsg, TT_SCHED_BY_FILE),
	CALL(sendto, TT_SCHED_BY_FILE),
	CALL(sendmsg, TT_SCHED_BY_FILE),
	CALL(sendmmsg, TT_SCHED_BY_FILE),
	CALL(fsync, TT_SCHED_DISK),
	CALL(fdatasync, TT_SCHED_DISK),
	CALL(sync, TT_SCHED_DISK),
	CALL(syncfs, TT_SCHED_DISK),
	CALL(sync_file_range, TT_SCHED_DISK),
	CALL(fallocate, TT_SCHED_DISK),
	CALL(ftruncate, TT_SCHED_DISK),
	CALL(truncate, TT_SCHED_DISK),
	CALL(openat, TT_SCHED_DISK),
	CALL(unlinkat, TT_SCHED_DISK),
	CALL(renameat, TT_SCHED_DISK),
	CALL(renameat2, TT_SCHED_DISK),
	CALL(mkdirat, TT_SCHED_DISK),
	CALL(linkat, TT_SCHED_DISK),
	CALL(symlinkat, TT_SCHED_DISK),
	CALL(getdents64, TT_SCHED_DISK),
	CALL(statx, TT_SCHED_DISK),
	CALL(newfstatat, TT_SCHED_DISK),
	CALL(execve, TT_SCHED_DISK),
	CALL(execveat, TT_SCHED_DISK),
	CALL(msync, TT_SCHED_DISK),
	CALL(readahead, TT_SCHED_DISK),
	CALL(ppoll, TT_SCHED_EVENTS),
	CALL(pselect6, TT_SCHED_EVENTS),
	CALL(epoll_pwait, TT_SCHED_EVENTS),
	CALL(msgrcv, TT_SCHED_EVENTS),
	CALL(msgsnd, TT_SCHED_EVENTS),
	CALL(mq_timedreceive, TT_SCHED_EVENTS),
	CALL(mq_timedsend, TT_SCHED_EVENTS),
	CALL(io_getevents, TT_SCHED_AIO),
	CALL(io_submit, TT_SCHED_DISK),
	CALL(nanosleep, TT_SCHED_SLEEP),
	CALL(clock_nanosleep, TT_SCHED_SLEEP),
	CALL(wait4, TT_SCHED_CHILD),
	CALL(waitid, TT_SCHED_CHILD),
	CALL(clone, TT_SCHED_CHILD),
	CALL(rt_sigsuspend, TT_SCHED_SIGNAL),
	CALL(rt_sigtimedwait, TT_SCHED_SIGNAL),
#ifdef SYS_futex_waitv
	CALL(futex_waitv, TT_SCHED_LOCK),
#endif
#ifdef SYS_io_uring_enter
	CALL(io_uring_enter, TT_SCHED_AIO),
#endif
#ifdef SYS_io_pgetevents
	CALL(io_pgetevents, TT_SCHED_AIO),
#endif
#ifdef SYS_clone3
	CALL(clone3, TT_SCHED_CHILD),
#endif
#ifdef SYS_openat2
	CALL(openat2, TT_SCHED_DISK),
#endif
#ifdef SYS_epoll_pwait2
	CALL(epoll_pwait2, TT_SCHED_EVENTS),
#endif
/* Those newer architectures do without. */
#ifdef SYS_open
	CALL(open, TT_SCHED_DISK),
	CALL(stat, TT_SCHED_DISK),
	CALL(lstat, TT_SCHED_DISK),
	CALL(unlink, TT_SCHED_DISK),
	CALL(rename, TT_SCHED_DISK),
	CALL(mkdir, TT_SCHED_DISK),
	CALL(rmdir, TT_SCHED_DISK),
	CALL(poll, TT_SCHED_EVENTS),
	CALL(select, TT_SCHED_EVENTS),
	CALL(epoll_wait, TT_SCHED_EVENTS),
	CALL(pause, TT_SCHED_SIGNAL),
	CALL(fork, TT_SCHED_CHILD),
	CALL(vfork, TT_SCHED_CHILD),
#endif
#undef CALL
};

void tt_sched_calls(uint8_t call[TT_SCHED_CALLS])
{
	for (size_t i = 0; i < TT_ARRAY_LEN(calls); i++) {
		if (calls[i].number < TT_SCHED_CALLS)
			call[calls[i].number] = calls[i].part;
	}
	/* Numbers above 423 are the same everywhere (Documentation/process/adding-syscalls.rst); old headers lack this one. */
	call[455] = TT_SCHED_LOCK; /* futex_wait */
}

void tt_sched_call_name(uint16_t call, char *to, size_t size)
{
	to[0] = 0;
	if (call == TT_SCHED_EXCEPTION)
		snprintf(to, size, "(exception)");
	else if (call < TT_SCHED_CALLS)
		snprintf(to, size, "call %u", call);
	for (size_t i = 0; i < TT_ARRAY_LEN(calls); i++) {
		if (calls[i].number == call)
			snprintf(to, size, "%s", calls[i].name);
	}
}

void tt_sched_who(const char *comm, uint32_t tgid, char *to, size_t size)
{
	if (tgid == TT_SCHED_OTHERS)
		snprintf(to, size, "(others)");
	else if (!tgid)
		snprintf(to, size, "(idle)");
	else
		snprintf(to, size, "%.*s[%u]", TT_SCHED_COMM_LEN, comm, tgid);
}

/* include/linux/interrupt.h */
static const char *const softirqs[] = {"hi",	   "timer",   "net_tx", "net_rx",  "block",
				       "irq_poll", "tasklet", "sched",	"hrtimer", "rcu"};

const char *tt_sched_softirq(uint32_t number)
{
	return number < TT_ARRAY_LEN(softirqs) ? softirqs[number] : NULL;
}

void tt_sched_waker(const struct tt_sched_block_key *k, const char *comm, char *to, size_t size)
{
	to[0] = 0;
	if (k->waker_kind == TT_SCHED_WAKER_TASK && !k->waker_tgid)
		snprintf(to, size, "(interrupt)");
	else if (k->waker_kind == TT_SCHED_WAKER_TASK)
		tt_sched_who(comm, k->waker_tgid, to, size);
	else if (k->waker_kind == TT_SCHED_WAKER_TIMER)
		snprintf(to, size, "(timer)");
	else if (k->waker_kind == TT_SCHED_WAKER_INTERRUPT)
		snprintf(to, size, "(interrupt)");
	else if (k->waker_kind >= TT_SCHED_WAKER_SOFTIRQ && tt_sched_softirq(k->waker_kind - TT_SCHED_WAKER_SOFTIRQ))
		snprintf(to, size, "(softirq %s)", tt_sched_softirq(k->waker_kind - TT_SCHED_WAKER_SOFTIRQ));
}
