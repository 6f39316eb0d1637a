// SPDX-License-Identifier: Apache-2.0
#include "base/command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/regular.h"

static int tt_become(const struct passwd *pw)
{
	if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0)
		return -errno;
	return 0;
}

/* In the child: waits for the gate, then becomes the command. Never returns. */
static void tt_command_child(int gate, int report, char *const argv[], const struct passwd *pw)
{
	char go;
	ssize_t n;
	sigset_t none;

	do {
		n = read(gate, &go, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(127); /* telltale is gone before it was ready: nothing was started */

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL); /* ignored by us; what is ignored would stay so through exec */
	int r = pw ? tt_become(pw) : 0;
	if (r == 0) {
		execvp(argv[0], argv);
		r = -errno;
	}
	n = write(report, &r, sizeof(r));
	_exit(n == sizeof(r) && r == -ENOENT ? 127 : 126);
}

int tt_command_start(struct tt_command *ret, char *const argv[], const char *user)
{
	tt_close_auto int gate_read = -1, gate_write = -1, report_read = -1, report_write = -1;
	const struct passwd *pw = NULL;
	int fds[2];

	if (user) {
		errno = 0;
		pw = getpwnam(user);
		if (!pw)
			return -ENOENT;
		if (geteuid() != 0 && pw->pw_uid != getuid())
			return -EPERM;
	}
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	gate_read = fds[0];
	gate_write = fds[1];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	report_read = fds[0];
	report_write = fds[1];

	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* Its own end only, so that the gate closes when telltale dies. */
		close(gate_write);
		tt_command_child(gate_read, report_write, argv, pw);
	}
	*ret = (struct tt_command){
		.pid = pid, .name = argv[0], .gate = TT_TAKE_FD(gate_write), .report = TT_TAKE_FD(report_read)};
	return 0;
}

int tt_command_go(struct tt_command *c)
{
	int r = 0;
	ssize_t n = write(c->gate, "", 1);
	if (n != 1)
		return -EPIPE;
	close(c->gate);
	c->gate = -1;

	do {
		n = read(c->report, &r, sizeof(r));
	} while (n < 0 && errno == EINTR);
	close(c->report);
	c->report = -1;
	if (n != sizeof(r))
		return 0; /* closed by exec */
	waitpid(c->pid, NULL, 0);
	c->pid = -1;
	return r;
}

int tt_command_signal(const struct tt_command *c, int signo)
{
	if (c->signal)
		return c->signal(c->signal_ctx, signo);
	return kill(c->pid, signo) < 0 ? -errno : 0;
}

void tt_command_cancel(struct tt_command *c)
{
	if (c->gate >= 0)
		close(c->gate);
	if (c->report >= 0)
		close(c->report);
	if (c->gate >= 0 && c->pid > 0)
		waitpid(c->pid, NULL, 0);
	*c = TT_COMMAND_NONE;
}

void tt_command_file(const char *name, char *ret, size_t size)
{
	const char *path = getenv("PATH"), *at = path ? path : "/bin:/usr/bin";

	while (!strchr(name, '/') && *at) {
		size_t len = strcspn(at, ":");

		snprintf(ret, size, "%.*s/%s", len ? (int)len : 1, len ? at : ".", name);
		if (access(ret, X_OK) == 0)
			return;
		at += len + (at[len] == ':');
	}
	snprintf(ret, size, "%s", name);
}

bool tt_command_interpreter(char *path, size_t size)
{
	char head[256] = "";
	struct stat st;
	tt_close_auto int fd = tt_regular_open(path, &st);
	ssize_t n = fd < 0 ? 0 : read(fd, head, sizeof(head) - 1);

	if (n < 3 || strncmp(head, "#!", 2) != 0)
		return false;
	char *from = head + 2 + strspn(head + 2, " \t");
	from[strcspn(from, " \t\n")] = 0;
	snprintf(path, size, "%s", from);
	return true;
}

int tt_command_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
