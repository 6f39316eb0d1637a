/* SPDX-License-Identifier: Apache-2.0 */
/* A command to be observed: started, held until the probes are in place, then let go. It outlives a killed telltale. */
#ifndef TT_BASE_COMMAND_H
#define TT_BASE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tt_command {
	pid_t pid;
	const char *name; /* argv[0], borrowed: what is to be executed */
	int gate;	  /* closing or writing it lets the command go; -1 once done */
	int report;	  /* the errno of a failed exec comes from here */
	/* How signals reach it; NULL: by kill(2). For who may not signal it any more. */
	int (*signal)(void *ctx, int signo);
	void *signal_ctx;
};

#define TT_COMMAND_NONE ((struct tt_command){.pid = -1, .gate = -1, .report = -1})

/*
 * Forks the command, held before exec. `user` (NULL: as we are) is looked up and becomes its user with all its groups. argv is
 * NULL-ended. 0; -ENOENT: no such user; -EPERM: may not become that user; -errno of fork(2) and pipe(2).
 */
int tt_command_start(struct tt_command *ret, char *const argv[], const char *user);

/* Lets it go and waits until exec succeeded. 0, or the negative errno of exec: then the command is gone. */
int tt_command_go(struct tt_command *c);

/* Passes a signal on. 0 or a negative errno. */
int tt_command_signal(const struct tt_command *c, int signo);

/* Ends a command that was never let go. */
void tt_command_cancel(struct tt_command *c);

/* The file that execvp(3) would run by this name, as far as this process may tell; the name itself where there is none. */
void tt_command_file(const char *name, char *ret, size_t size);

/* Puts a script's interpreter (execve(2)) in its place. False: it is no script; then the path is as it was. */
bool tt_command_interpreter(char *path, size_t size);

/* What a shell would return for this wait status: the exit code, or 128 + signal. */
int tt_command_status(int wait_status);

#endif
