#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""telltale in a pid namespace of its own: what goes by numbers of processes is refused, as they are others there than the kernel's; for the rest the numbers are said to be the host's."""
import os
import subprocess
import sys

import lib
import tool_container

UNSHARE = ["unshare", "-p", "-f", "--mount-proc", "--kill-child"]


def inside(*words):
    done = subprocess.run([*UNSHARE, lib.TELLTALE, *words], capture_output=True, text=True, timeout=120 * lib.PATIENCE)
    return done.returncode, done.stdout, done.stderr


def refused(*words):
    status, out, err = inside(*words)
    lib.equal((status, out, len(err.splitlines())), (1, "", 1), f"{words}: {err}")
    lib.check("--pid=host" in err, f"{words}: {err}")


def test_numbers_are_refused():
    """1 is a process there, another one than the kernel's; this one's number is nobody there, or somebody else."""
    refused("execs", "-d", "0.1", "--pid", "1")
    refused("sched", "wait", "-d", "0.1", "--pid", str(os.getpid()))
    refused("why", "1", "-d", "0.1")
    refused("watch", "--pid", "1")


def test_commands_are_refused():
    """They are not begun."""
    refused("execs", "--", "echo", "begun")
    refused("run", "--", "echo", "begun")


def test_numbers_shown_are_the_hosts():
    with tool_container.Cgroup("inner") as cgroup:
        path = str(cgroup.path)
        status, _, err = inside("execs", "--cgroup", path, "-d", "0.1")
        lib.equal(status, 0, err)
        lib.check("the host's" in err and "--pid=host" in err, err)
        done = subprocess.run([lib.TELLTALE, "execs", "--cgroup", path, "-d", "0.1"], capture_output=True, text=True, timeout=120 * lib.PATIENCE)
        lib.check(done.returncode == 0 and "--pid=host" not in done.stderr, f"not in a namespace: {done.stderr}")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
