#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is said when the processes that were named for observation end."""
import json
import os
import re
import signal
import subprocess
import sys

import lib


def shell(script):
    return subprocess.Popen(["sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def test_watch_ends_with_its_process():
    process = subprocess.Popen(["sleep", "60"])
    watch = subprocess.Popen([lib.TELLTALE, "watch", "--json", "--pid", str(process.pid), *lib.HOOKS], stderr=subprocess.PIPE, text=True)
    lib.wait_until_up(watch)
    lib.equal(watch.poll(), None, "watch while the process is there")
    process.kill()
    process.wait()
    _, told = watch.communicate(timeout=60 * lib.PATIENCE)
    lib.equal((watch.returncode, told), (0, f"telltale: warning: pid {process.pid} ended: nothing is left to observe\n"), "status, standard error")


def test_tools_end_with_their_process():
    """All of them do so in one place; and not while a child is there."""
    process = shell("sleep 60 & echo $!; wait")
    child = int(process.stdout.readline())
    tool = subprocess.Popen([lib.TELLTALE, "io", "--quiet", "--pid", str(process.pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lib.wait_until_up(tool)
    process.kill()  # who is not waited for has ended, too
    try:
        tool.wait(1.5)
        lib.check(False, f"it ended, though there is a child: {tool.stderr.read()}")
    except subprocess.TimeoutExpired:
        os.kill(child, signal.SIGKILL)
    out, told = tool.communicate(timeout=60 * lib.PATIENCE)
    lib.equal((tool.returncode, out, told), (0, "", f"telltale: warning: pid {process.pid} ended: nothing is left to observe\n"), "status, rows, standard error")
    process.wait()


def test_watch_that_nobody_reads():
    """It ends as filters do, and has nothing to say of it; with and without lines to write."""
    for options in ([], ["--json"]):
        watch = subprocess.Popen([lib.TELLTALE, "watch", *options, "--pid", str(os.getpid()), *lib.HOOKS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lib.wait_until_up(watch)
        lib.equal(watch.poll(), None, "watch while it is read")
        watch.stdout.close()
        lib.equal((watch.wait(60 * lib.PATIENCE), watch.stderr.read()), (-signal.SIGPIPE, ""), f"status, standard error with {options}")


def uptime(agent):
    return float(re.search(r"^telltale_uptime_seconds (\S+)$", agent.get("/metrics"), re.M).group(1))


def test_agent_says_so_and_stays():
    process = shell("setsid sleep 60 & echo $!; read line < /dev/null; exec sleep 60")
    left = int(process.stdout.readline())
    with lib.Agent(process.pid) as agent:
        process.kill()
        process.wait()
        lib.wait_for(lambda: "what it started is observed further" in agent.output(), "word of the first end")
        lib.check("nothing is left" not in agent.output(), f"said: {agent.output()}")
        os.kill(left, signal.SIGKILL)
        lib.wait_for(lambda: "nothing is left to observe" in agent.output(), "word of the last end")
        # Whether it looks again, and says it again: by its own clock, which it tells between two looks.
        last = uptime(agent)
        lib.wait_for(lambda: uptime(agent) >= last + 2, "the agent's going on")
        lib.equal(json.loads(agent.get("/api/v1/health"))["scope"], f"pid {process.pid} (ended)", "scope")
    lib.equal(len(agent.result.output.splitlines()), 3, f"lines: {agent.result.output}")


def run(script):
    done = subprocess.run([lib.TELLTALE, "run", "--quiet", *lib.HOOKS, "--", "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, timeout=60 * lib.PATIENCE)
    lib.equal(done.returncode, 0, f"status; {done.stderr}")
    return done.stderr


def test_run_names_what_it_leaves_behind():
    told = run("setsid sleep 60 >/dev/null 2>&1 & a=$!; setsid sleep 61 >/dev/null 2>&1 & b=$!; "
               "until [ \"$(cat /proc/$a/comm /proc/$b/comm)\" = \"$(printf 'sleep\\nsleep')\" ]; do sleep 0.05; done")
    pids = re.findall(r"sleep \(pid (\d+)\)", told)
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    lib.equal(told.splitlines(), [f"telltale: warning: the command has ended; 2 of the processes it started go on, observed no more: "
                                  f"sleep (pid {pids[0]}), sleep (pid {pids[1]})",
                                  f"telltale: warning: to observe them: telltale watch --pid {pids[0]},{pids[1]}"], "what is said")


def test_run_says_nothing_where_nothing_is_left():
    lib.equal(run("sleep 0.2 & sleep 0.1; wait; (true; false) | cat; true"), "", "standard error")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
