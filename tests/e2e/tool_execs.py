#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""telltale execs against the shell's own count: every program, its status, the failed ones, and what was lost."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import lib

COUNTS = re.compile(r"(\d+) shown; records: (\d+) produced, (\d+) delivered, (\d+) lost, (\d+) queued")


def counts(text):
    found = COUNTS.search(text)
    lib.check(found, f"no counts at the end: {text[-300:]}")
    shown, produced, delivered, lost, queued = map(int, found.groups())
    lib.equal(queued, 0, "queued at the end")
    lib.equal(delivered + lost, produced, "delivered + lost = produced")
    return shown, lost


def execs(*options, command=None, script=None, want_status=0):
    """Rows, standard output, standard error."""
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as name:
        path = pathlib.Path(name) / "rows.jsonl"
        command = command or ["/bin/sh", "-c", script]
        done = subprocess.run([lib.TELLTALE, "execs", f"--json={path}", *options, "--", *command], capture_output=True, text=True, timeout=120)
        lib.equal(done.returncode, want_status, f"status ({done.stderr[-300:]})")
        return [json.loads(line) for line in path.read_text().splitlines()], done.stdout, done.stderr


def test_every_one_of_500():
    rows, out, err = execs(script="n=0; for i in $(seq 500); do /bin/true $i && n=$((n + 1)); done; echo $n")
    lib.equal(out.strip(), "500", "the shell's own count")
    true = [r for r in rows if r["command"].startswith("/bin/true ")]
    lib.equal(len(true), 500, "programs shown")
    lib.equal({r["command"] for r in true}, {f"/bin/true {i}" for i in range(1, 501)}, "their arguments")
    lib.equal({(r["end"], r["status"], r["user"]) for r in true}, {("exit", "0", "root")}, "how they ended")
    lib.equal(len({r["ppid"] for r in true}), 1, "parents")
    lib.check(all(r["lived_ns"] > 0 for r in true), "a program that lived no time")
    shown, lost = counts(err)
    lib.equal((shown, lost), (len(rows), 0), "shown and lost")
    # The text has the same lines: rows go to standard error, standard output is the command's.
    lib.equal(len([line for line in err.splitlines() if " /bin/true " in line and "seq" not in line]), 500, "lines of text")


def test_json_is_for_standard_output():
    done = subprocess.run([lib.TELLTALE, "execs", "--json", "-q", "--", "/bin/true"], capture_output=True, text=True, timeout=120)
    lib.equal([json.loads(line)["command"] for line in done.stdout.splitlines()], ["/bin/true"], "standard output")
    lib.equal(done.stderr, "", "standard error")


def test_how_they_end():
    rows, _, _ = execs(script="sh -c 'exit 3'; sh -c 'kill -TERM $$'; (exec sh -c 'exec /bin/true'); /no/such/file x 2>/dev/null; sleep 60 >/dev/null 2>&1 & /bin/sleep 0.5; exit 5",
                       want_status=5)
    found = {(r["command"], r["end"], r["status"]) for r in rows}
    for want in [("sh -c exit 3", "exit", "3"), ("sh -c kill -TERM $$", "signal", "SIGTERM"), ("sh -c exec /bin/true", "exec", None),
                 ("/bin/true", "exit", "0"), ("/no/such/file x", "error", "ENOENT"), ("sleep 60", None, None)]:
        lib.check(want in found, f"{want} is not among {sorted(found, key=str)}")
    sleeper = [r for r in rows if r["command"] == "sleep 60"]
    lib.equal([r["lived_ns"] for r in sleeper], [None], "what still runs")
    os.kill(sleeper[0]["pid"], signal.SIGTERM)


def test_failed_ones():
    script = "import os\nfor i in range(300):\n  try: os.execv('/no/such/file', ['x', str(i)])\n  except FileNotFoundError: pass"
    rows, _, err = execs(command=[lib.PYTHON, "-c", script])
    failed = [r for r in rows if r["command"] and r["command"].startswith("/no/such/file ")]
    lib.equal([(r["command"], r["status"], r["lived_ns"]) for r in failed], [(f"/no/such/file {i}", "ENOENT", None) for i in range(300)], "failed execs")
    counts(err)
    rows, _, _ = execs("--no-failed", command=[lib.PYTHON, "-c", script])
    lib.equal([r for r in rows if r["end"] == "error"], [], "failed execs that were not asked for")


def test_lookups_are_folded():
    """A shell that looks in three directories before it finds the program, and nowhere finds another."""
    with tempfile.TemporaryDirectory() as name:
        directories = [pathlib.Path(name) / d for d in "abc"]
        for d in directories:
            d.mkdir()
        path = f"{':'.join(map(str, directories))}:{os.environ['PATH']}"
        script = f"import os\nfor i in range(50):\n  p = os.fork() or os.execvpe('true', ['true', str(i)], {{'PATH': '{path}'}})\n  os.waitpid(p, 0)"
        # python's execvpe forms each path itself: execve after execve, as execvp(3) does.
        rows, _, err = execs(command=[lib.PYTHON, "-c", script])
        mine = [r for r in rows if r["command"].split()[0].endswith("true")]
        lib.equal([(r["command"], r["end"]) for r in mine], [(f"true {i}", "exit") for i in range(50)], "a line for each program")
        lib.check(re.search(r"\b(1[5-9]\d|[2-9]\d\d) places a program was looked for", err), f"what was left out: {err[-300:]}")
        rows, _, _ = execs("--lookups", command=[lib.PYTHON, "-c", script])
        lib.equal(len([r for r in rows if r["command"].startswith(str(directories[1]) + "/true ")]), 50, "places in the second directory")
        missing = "import os\ntry: os.execvp('no-such-program-anywhere', ['x', 'y'])\nexcept FileNotFoundError: pass"
        rows, _, _ = execs(command=[lib.PYTHON, "-c", missing])
        lib.equal([r["status"] for r in rows if "/no-such-program-anywhere y" in (r["command"] or "")], ["ENOENT"], "what is found nowhere has one line")


def test_top():
    rows, _, err = execs("--top", "2", "--no-failed", script="for i in 0.1 0.5 0.2 0.4 0.3; do sleep $i & done; wait; exec true")
    # The shell, until it became `true`, and the longest of the sleeps.
    lib.equal([r["command"].split()[0] for r in rows], ["/bin/sh", "sleep"], "rows")
    lib.equal(rows[1]["command"], "sleep 0.5", "the longest sleep")
    lib.check("5 smaller ones not shown" in err, err)


def test_scope_of_running_processes():
    """Only descendants of the process named; what others start meanwhile is not shown."""
    with subprocess.Popen(["/bin/sh", "-c", "read go; for i in $(seq 50); do /bin/true in; done; echo done; read go"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as shell:
        tool = subprocess.Popen([lib.TELLTALE, "execs", "--pid", str(shell.pid), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lib.wait_until_up(tool)
        for _ in range(20):
            subprocess.run(["/bin/true", "out"], check=True)
        shell.stdin.write("go\n")
        shell.stdin.flush()
        shell.stdout.readline()
        tool.send_signal(signal.SIGINT)
        out, err = tool.communicate(timeout=120)
        shell.stdin.write("go\n")
        shell.stdin.flush()
    rows = [json.loads(line) for line in out.splitlines()]
    lib.equal(len([r for r in rows if r["command"] == "/bin/true in"]), 50, "programs in scope")
    lib.equal([r for r in rows if r["command"] == "/bin/true out"], [], "programs out of scope")
    lib.equal(tool.returncode, 0, f"status ({err})")


def test_loss_is_counted():
    rows, out, err = execs("--limit", "ring_bytes=64k", "--limit", "ring_cpus=64", "--limit", "drain_interval_ms=1000",
                           script="n=0; for i in $(seq 500); do /bin/true && n=$((n + 1)); done; echo $n")
    lib.equal(out.strip(), "500", "the shell's own count")
    shown, lost = counts(err)
    lib.check(lost > 0 and "the data ring had no room" in err, f"nothing was lost: {err[-300:]}")
    lib.equal(shown, len(rows), "shown")
    lib.check(len([r for r in rows if r["command"] == "/bin/true"]) <= 500, "more programs than were started")


def test_bad_use():
    for arguments, word in [(["--nothing"], "--nothing"), (["--pid", "2147483600"], "2147483600"), (["--cgroup", "/no/such"], "/no/such"),
                            (["--top", "0"], "--top"), (["word"], "word"), (["--", "no-such-program-anywhere"], "no-such-program-anywhere")]:
        done = subprocess.run([lib.TELLTALE, "execs", *arguments], capture_output=True, text=True, timeout=120)
        lib.check(done.returncode not in (0, 124), f"{arguments}: status {done.returncode}")
        lib.check(len(done.stderr.splitlines()) == 1 and word in done.stderr, f"{arguments}: {done.stderr}")


def ended_by(number, ignored=False):
    """Status and report of one that gets this signal."""
    with contextlib.ExitStack() as stack:
        mine = stack.enter_context(subprocess.Popen(["sleep", "1000"]))
        stack.callback(mine.kill)
        told = subprocess.Popen([lib.TELLTALE, "execs", "--pid", str(mine.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                preexec_fn=lambda: signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL))
        lib.wait_until_up(told)
        told.send_signal(number)
        if ignored:
            time.sleep(0.3)
            lib.equal(told.poll(), None, f"ended by {number}, which it was to ignore")
            told.send_signal(signal.SIGTERM)
        err = told.communicate(timeout=60 * lib.PATIENCE)[1]
        return told.returncode, "execs: 0 shown" in err


def test_every_end_is_reported():
    """A lost connection, too."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        lib.equal(ended_by(number), (0, True), f"status and report after {number}")
    lib.equal(ended_by(signal.SIGHUP, ignored=True), (0, True), "as by nohup")


def test_memory():
    """As issue 6 wants it of a tool at rest. What a sanitizer takes is not the program's."""
    told = subprocess.run([lib.TELLTALE, "execs", "-d", "0.3", "--pid", str(os.getpid())], capture_output=True, text=True, timeout=120).stderr
    mib = float(re.search(r"([\d.]+) MiB of memory", told)[1])
    if b"__asan_" in pathlib.Path(lib.TELLTALE).read_bytes():
        lib.skip("built with a sanitizer")
    lib.check(mib <= 12, told)


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
