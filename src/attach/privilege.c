// SPDX-License-Identifier: Apache-2.0
#include "attach/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"

#define NOBODY 65534 /* where there is no user database: the kernel's own overflow user */

const struct tt_need tt_needs[] = {
	{CAP_BPF, "CAP_BPF", CAP_SYS_ADMIN, TT_NEED_ALWAYS, true,
	 "load programs and maps; before Linux 5.19 also each later look at them (kernel.unprivileged_bpf_disabled)",
	 "nothing can be observed"},
	{CAP_PERFMON, "CAP_PERFMON", CAP_SYS_ADMIN, TT_NEED_START, true, "programs that trace and read kernel memory",
	 "nothing can be observed"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN", -1, TT_NEED_START, false,
	 "from Linux 5.11 to 6.1 loading itself; listening sockets of other network namespaces; where "
	 "kernel.perf_event_paranoid is above 2, kprobes and uprobes, and from Linux 7.0 on system calls",
	 "there, who is the server is told by accept, connect and the protocol; no kprobes and uprobes; from Linux 7.0 on "
	 "another set of hooks"},
	{CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE", -1, TT_NEED_START, false, "before Linux 5.11: maps larger than RLIMIT_MEMLOCK",
	 "maps must fit into RLIMIT_MEMLOCK"},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", -1, TT_NEED_ALWAYS, false, "program and environment of other users' processes",
	 "only command line and name are known"},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", -1, TT_NEED_ALWAYS, false,
	 "environment of other users' processes, Docker's names of containers; from Linux 7.0 on tracefs, for system calls",
	 "service names set in the environment and container names are not known"},
	{CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE", -1, TT_NEED_RUNNING, false,
	 "--uprobes and stacks of tools: files that processes have mapped; with --uprobes CAP_PERFMON and, where they want it, "
	 "CAP_SYS_ADMIN are kept with it",
	 "libraries that are mapped later are not found, functions of deleted files have no names"},
	{CAP_LEASE, "CAP_LEASE", -1, TT_NEED_RUNNING, false,
	 "--uprobes and leak: probes are gone before somebody else's file they are in is written",
	 "a program or library that is rewritten in place is only noticed up to two seconds later"},
	{CAP_SYSLOG, "CAP_SYSLOG", -1, TT_NEED_START, false,
	 "addresses in /proc/kallsyms: payload of sendfile, splice and zero-copy sends",
	 "these bytes are counted, and what they are is not seen"},
	{CAP_KILL, "CAP_KILL", -1, TT_NEED_RUNNING, false, "run: signals for a command of another user",
	 "signals do not reach it"},
	{CAP_SETUID, "CAP_SETUID", -1, TT_NEED_START, false, "become another user (--drop-to)",
	 "telltale stays the user it was started as, without capabilities"},
	{CAP_SETGID, "CAP_SETGID", -1, TT_NEED_START, false, "leave the groups (--drop-to)",
	 "telltale stays the user it was started as, without capabilities"},
	{CAP_SETPCAP, "CAP_SETPCAP", -1, TT_NEED_START, false, "empty the bounding set",
	 "it stays as it is; no_new_privs and the locked secure bits hold all the same"},
	{CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE", -1, TT_NEED_START, false, "--listen on a port below 1024",
	 "a higher port must be used"},
};
const size_t tt_need_count = TT_ARRAY_LEN(tt_needs);

static void caps_freep(cap_t *caps)
{
	if (*caps)
		cap_free(*caps);
}

#define caps_auto tt_cleanup(caps_freep)

bool tt_need_has(int capability)
{
	caps_auto cap_t caps = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	return caps && cap_get_flag(caps, capability, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
}

bool tt_need_met(const struct tt_need *need)
{
	return tt_need_has(need->capability) || (need->instead >= 0 && tt_need_has(need->instead));
}

const struct tt_need *tt_need_missing(void)
{
	for (size_t i = 0; i < tt_need_count; i++) {
		if (tt_needs[i].required && !tt_need_met(&tt_needs[i]))
			return &tt_needs[i];
	}
	return NULL;
}

int tt_need_explain(char *ret, size_t size)
{
	const struct tt_need *missing = tt_need_missing();

	if (!missing)
		return 0;
	snprintf(ret, size,
		 "%s is missing, and without it %s: run as root, or grant CAP_BPF and CAP_PERFMON (on some kernels one more: "
		 "telltale doctor lists them all)",
		 missing->name, missing->without);
	return -EPERM;
}

int tt_need_check(void)
{
	char text[256];

	int r = tt_need_explain(text, sizeof(text));
	if (r < 0)
		tt_error("%s", text);
	return r;
}

void tt_need_warn(void)
{
	static const int naming[] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH};

	for (size_t i = 0; i < tt_need_count; i++) {
		for (size_t k = 0; k < TT_ARRAY_LEN(naming); k++) {
			if (tt_needs[i].capability != naming[k] || tt_need_met(&tt_needs[i]))
				continue;
			tt_warn("%s is missing: of other users' processes, %s", tt_needs[i].name, tt_needs[i].without);
			return;
		}
	}
}

/* --- giving up --- */

/* The user and its first group; for "nobody" there need be no user database (a container without one). */
static int user_find(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	const struct passwd *pw = getpwnam(name);

	if (!pw && strcmp(name, TT_DROP_USER) != 0)
		return -ENOENT;
	*ret_uid = pw ? pw->pw_uid : NOBODY;
	*ret_gid = pw ? pw->pw_gid : NOBODY;
	return 0;
}

/* Only root has another user to become. Where it may not (no CAP_SETUID, a user namespace without that user) it stays. */
static int user_become(const char *name)
{
	uid_t uid = 0;
	gid_t gid = 0;

	if (!name || !*name || geteuid() != 0)
		return 0;
	int r = user_find(name, &uid, &gid);
	if (r < 0)
		return r;
	if (!tt_need_has(CAP_SETUID) || !tt_need_has(CAP_SETGID))
		return 0;
	/* Capabilities are dropped one by one below, not by the change of user. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return errno == EINVAL || errno == EPERM ? 0 : -errno; /* not in this user namespace */
	return 0;
}

/* What holds capabilities by itself goes first: the bounding set, and root's claim to all of them. */
static int bounds_lock(void)
{
	static const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
					  SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED | SECBIT_KEEP_CAPS_LOCKED;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	if (!tt_need_has(CAP_SETPCAP))
		return 0;
	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++) {
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0)
			return -errno;
	}
	return prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0 ? -errno : 0;
}

/* Permitted and effective become what is there of `keep`; inheritable nothing. */
static int caps_keep(const int *keep, size_t count)
{
	caps_auto cap_t caps = cap_init();

	if (!caps)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const cap_value_t one = keep[i];
		if (!tt_need_has(one))
			continue;
		if (cap_set_flag(caps, CAP_PERMITTED, 1, &one, CAP_SET) < 0 ||
		    cap_set_flag(caps, CAP_EFFECTIVE, 1, &one, CAP_SET) < 0)
			return -errno;
	}
	if (cap_set_proc(caps) < 0)
		return -errno;
	caps_auto cap_t now = cap_get_proc();
	return now && cap_compare(now, caps) == 0 ? 0 : -EPERM;
}

/* Nobody of the same user looks into this process. Under the address sanitizer its leak check has to. */
static int hide(void)
{
#ifdef __SANITIZE_ADDRESS__
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ? -errno : 0;
#else
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
#endif
}

int tt_privilege_drop(const char *user, const int *keep, size_t count)
{
	uid_t uid = geteuid();

	/* Effective capabilities go when root becomes another user, permitted ones stay: the wanted come back from there. */
	caps_auto cap_t before = cap_get_proc();
	if (!before)
		return -errno;
	int r = user_become(user);
	if (r == 0 && geteuid() != uid && cap_set_proc(before) < 0)
		r = -errno;
	if (r == 0)
		r = bounds_lock();
	if (r == 0)
		r = caps_keep(keep, count);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? r : hide();
}

int tt_privilege_without(const int *capabilities, size_t count, int (*fn)(void *ctx), void *ctx)
{
	caps_auto cap_t before = cap_get_proc();
	caps_auto cap_t less = before ? cap_dup(before) : NULL;

	if (!less || cap_set_flag(less, CAP_EFFECTIVE, (int)count, capabilities, CAP_CLEAR) < 0 || cap_set_proc(less) < 0)
		return -errno;
	int r = fn(ctx);
	return cap_set_proc(before) < 0 ? -errno : r;
}
