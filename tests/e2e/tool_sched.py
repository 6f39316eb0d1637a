#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""telltale sched against what programs did: two on one processor, and one that is blocked by each reason there is, so often and at least so long."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import lib
import schema_lib

MS = 10**6
KIB = 1 << 10
CPU = str(min(os.sched_getaffinity(0)))
# Runs for so many seconds of processor on one CPU, beside others that do; then says how often it was let run, and how long it had waited (proc(5), schedstat).
HOG = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
print("ready", flush=True)
sys.stdin.readline()
begin = time.process_time()
while time.process_time() - begin < float(sys.argv[2]):
    pass
print(os.getpid(), *open("/proc/self/schedstat").read().split(), flush=True)
"""
# So many of those, which begin when all are ready.
HOGS = """
import subprocess, sys
hogs = [subprocess.Popen([sys.executable, "-c", *sys.argv[2:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(int(sys.argv[1]))]
for p in hogs:
    assert p.stdout.readline() == "ready\\n"
for p in hogs:
    p.stdin.write("go\\n")
    p.stdin.flush()
for p in hogs:
    print(p.communicate()[0], end="")
"""


KINDS = schema_lib.documented("sched")


def untold(err):
    """Switches and ends that the kernel's tracepoints did not tell of, which telltale counts (seen on one 6.18, now and then)."""
    return sum(int(n) for n in re.findall(r"(\d+) (?:switches between tasks that the kernel did not tell of|blocked times whose end was not seen)", err))


def run(tool, kinds, *options, whole=True, **more):
    """Rows, standard output and standard error of a run around a command. One in whose course the kernel kept something to itself is made again, if it has to be whole."""
    for _ in range(4):
        rows, out, err = run_once(tool, kinds, *options, **more)
        if not whole or not untold(err):
            break
        print(f"again: {err.splitlines()[-2]}", flush=True)
    return rows, out, err


def run_once(tool, kinds, *options, command, want_status=0):
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as name:
        path = pathlib.Path(name) / "rows.jsonl"
        done = subprocess.run([lib.TELLTALE, tool, *options, f"--json={path}", "--", *command], capture_output=True, text=True, timeout=120 * lib.PATIENCE)
        lib.equal(done.returncode, want_status, f"status ({done.stdout[-300:]}{done.stderr[-600:]})")
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        schema_lib.check(row, kinds)
    return rows, done.stdout, done.stderr


def sched(*options, **more):
    return run("sched", KINDS, *options, **more)


def python(script, *arguments):
    return [lib.PYTHON, "-c", script, *map(str, arguments)]


def total(rows, member):
    return sum(r[member] for r in rows)


def check_accounts(err, rows, records=None):
    """What was produced came, or its loss was counted: of these there is none but runs a preemptible kernel skips."""
    found = re.search(r"(\d+) shown; records: (\d+) produced, (\d+) delivered, (\d+) lost, 0 queued", err)
    lib.check(found, f"no accounts: {err[-600:]}")
    shown, produced, delivered, lost = map(int, found.groups())
    lib.equal((shown, delivered, produced), (rows, rows if records is None else records, delivered + lost), f"accounts: {err[-600:]}")
    lib.check(not lost or "the kernel did not run the program" in err, f"lost: {err[-600:]}")


def hogs(seconds, count=2):
    return python(HOGS, count, HOG, CPU, seconds)


def told(out):
    """What the two said of themselves: process, nanoseconds run, waited, and turns."""
    lines = [tuple(map(int, line.split())) for line in out.splitlines()]
    lib.equal(len(lines), 2, f"programs: {out}")
    return lines


def test_two_on_one_processor():
    """Each waits behind the other, and as often as the kernel counts."""
    rows, out, err = sched("wait", whole=False, command=hogs(0.3))
    waits = {r["pid"]: r for r in rows if r["kind"] == "wait"}
    lines = told(out)
    for (pid, ran, _, turns), (other, *_) in zip(lines, reversed(lines)):
        row = waits[pid]
        # The kernel counts on until it ends, which it says before.
        lib.check(abs(row["waits"] - turns) <= max(20, turns // 10) + untold(err), f"turns by the kernel: {turns}, waits: {row}")
        lib.check(0 < row["preempted"] <= row["waits"], f"preempted: {row}")
        lib.check(row["run_ns"] > ran * 9 // 10 and row["wait_ns"] > 0 and row["average_ns"] <= row["most_ns"] <= row["wait_ns"], f"times: {row}")
        lib.equal(row["tid"], None, "threads are one row")
        behind = [r for r in rows if r["kind"] == "behind" and r["pid"] == pid]
        lib.check(any(r["ahead_pid"] == other and r["behind_ns"] > MS and r["ahead_comm"].startswith("python") for r in behind), f"behind the other: {behind}")
        lib.check(pid not in {r["ahead_pid"] for r in behind}, f"behind itself: {behind}")
        lib.check(total(behind, "behind_ns") <= row["wait_ns"], f"longer than it waited: {row} {behind}")
    counted = [r for r in rows if r["kind"] == "latency"]
    lib.check(0 <= total(waits.values(), "waits") - total(counted, "waits") <= untold(err), f"waits by length: {rows}")
    lib.check(all(a["to_ns"] == b["from_ns"] for a, b in zip(counted, counted[1:])), f"buckets: {counted}")
    lib.check(re.search(r" {2}\d+ #{40}$", err, re.MULTILINE), f"no bar: {err}")
    lib.check(re.search(r"it took [\d.]+ s in the kernel \(\d+ runs", err), f"own cost: {err}")


def test_waited_as_long_as_the_kernel_says():
    """By two clocks: in make test-long only (TT_BY_TIME)."""
    if not os.environ.get("TT_BY_TIME"):
        lib.skip("compares times")
    rows, out, _ = sched("wait", whole=False, command=hogs(1))
    for pid, ran, waited, _ in told(out):
        row = [r for r in rows if r["kind"] == "wait" and r["pid"] == pid][0]
        for got, want, what in ((row["wait_ns"], waited, "waited"), (row["run_ns"], ran, "ran")):
            lib.check(abs(got - want) <= 20 * MS + want // 50, f"{what}: got {got}, the kernel says {want}")
            print(f"{what}: {got / MS:.1f} ms, the kernel says {want / MS:.1f} ms")


def test_long_waits():
    rows, out, err = sched("wait", "--over", "0.5", whole=False, command=hogs(0.3))
    pids = [line[0] for line in told(out)]
    lib.equal({r["kind"] for r in rows}, {"late"}, "kinds")
    for pid, other in (pids, pids[::-1]):
        mine = [r for r in rows if r["pid"] == pid]
        lib.check(mine and all(r["wait_ns"] >= MS // 2 for r in mine), f"waits: {mine}")
        lib.check({r["since"] for r in mine} <= {"woken", "preempted"} and "preempted" in {r["since"] for r in mine}, f"since: {mine}")
        named = [r for r in mine if f"[{other}] " in (r["ahead"] or "")]
        lib.check(named, f"the other had the processor: {mine}")
        lib.check(all(r["ahead_ns"] <= r["wait_ns"] for r in mine if r["ahead_ns"] is not None), f"longer than the wait: {mine}")
    check_accounts(err, len(rows))
    rows, _, _ = sched("wait", "--over", "60000", whole=False, command=hogs(0.1))
    lib.equal(rows, [], "none is so long")


def blocked(rows, reason, call=None):
    return [r for r in rows if r["kind"] == "block" and r["blocked_by"] == reason and (call is None or r["call"] == call)]


def check_blocked(found, err, times, least_ns, comm="python"):
    """So often in all, and so long each: more is what a busy machine makes of it, and less where it came to block late."""
    lib.check(times - untold(err) <= total(found, "times") <= times, f"times: {found} {err}")
    lib.check(total(found, "blocked_ns") >= least_ns // 2 * total(found, "times"), f"blocked: {found}")
    lib.check(all(r["comm"].startswith(comm) for r in found), f"whose: {found}")


def test_sleep():
    rows, _, err = sched("offcpu", "--latency", command=python("import time\nfor _ in range(5): time.sleep(0.05)"))
    found = blocked(rows, "sleep", "clock_nanosleep")
    check_blocked(found, err, 5, 50 * MS)
    woken = [r for r in found if re.fullmatch(r"\((timer|interrupt|softirq \w+)\)", r["woken_by"] or "") and r["waker_pid"] is None]
    lib.check(total(woken, "times") >= 5 - untold(err), f"woken by an interrupt: {found} {err}")
    counted = [r for r in rows if r["kind"] == "length" and r["blocked_by"] == "sleep"]
    lib.equal(total([r for r in counted if r["to_ns"] > 25 * MS], "times"), total(found, "times"), f"by length: {counted}")
    for reason in {r["blocked_by"] for r in rows if r["kind"] == "block"}:
        lib.equal(total([r for r in rows if r["kind"] == "length" and r["blocked_by"] == reason], "times"), total(blocked(rows, reason), "times"), f"of {reason}")
    check_accounts(err, len(rows), 0)


# A thread waits for a lock; when the kernel says that it sleeps in futex(2) and does so for good, the holder goes on for so long.
LOCK = """
import os, threading, time
lock = threading.Lock()
lock.acquire()
ids = []
def wait():
    ids.append(threading.get_native_id())
    lock.acquire()
thread = threading.Thread(target=wait)
thread.start()
def seen():
    task = f"/proc/self/task/{ids[0]}/"
    switches = [line for line in open(task + "status") if "voluntary" in line]
    return open(task + "stat").read().rsplit(")", 1)[1].split()[0] == "S" and open(task + "syscall").read().split()[0] == "202" and switches
same, before = 0, None
while same < 5:
    time.sleep(0.01)
    now = ids and seen()
    same = same + 1 if now and now == before else 0
    before = now
time.sleep(0.2)
lock.release()
thread.join()
print(os.getpid(), ids[0])
"""


def test_lock():
    if os.uname().machine != "x86_64":
        lib.skip("the number of futex is x86's")
    rows, out, _ = sched("offcpu", "--threads", command=python(LOCK))
    pid, tid = map(int, out.split())
    found = [r for r in blocked(rows, "lock", "futex") if r["tid"] == tid and r["most_ns"] >= 200 * MS]
    lib.equal([(r["pid"], r["waker_pid"]) for r in found], [(pid, pid)], f"the holder let it go: {rows}")


# One writes much to a file in memory, again and again, and others little: they wait for the inode's lock.
WRITERS = """
import os, threading, time
fd, much, ends = os.memfd_create("x"), bytes(24 << 20), time.monotonic() + 2
def write(what):
    while time.monotonic() < ends:
        os.pwrite(fd, what, 0)
threads = [threading.Thread(target=write, args=(what,)) for what in (much, *[b"x"] * 12)]
for t in threads:
    t.start()
for t in threads:
    t.join()
"""


def test_kernel_lock():
    """While a task waits for one, spinlocks come and go: it waits for that one still. And there is no disk."""
    if "__traceiter_contention_begin" not in pathlib.Path("/proc/kallsyms").read_text():
        lib.skip("no tracepoints of locks here")
    rows, _, err = sched("offcpu", command=python(WRITERS))
    found = blocked(rows, "kernel lock", "pwrite64")
    lib.check(total(found, "times") >= 5 and total(found, "blocked_ns") > MS, f"times: {rows}")
    others = [r for r in rows if r["call"] == "pwrite64" and r["blocked_by"] != "kernel lock"]
    lib.check(total(others, "times") <= untold(err), f"what else they waited for: {others} {err}")


def test_pipe_and_child():
    rows, out, _ = sched("offcpu", command=["sh", "-c", "{ sleep 0.2; echo $$; } | { read x; echo $x; }"])
    found = blocked(rows, "pipe", "read")
    lib.check(any(r["most_ns"] >= 100 * MS and (r["woken_by"] or "").startswith("sh[") for r in found), f"the reader: {found}")
    lib.check(any(r["most_ns"] >= 100 * MS and (r["woken_by"] or "").startswith("sleep[") for r in blocked(rows, "child")), f"who waits for sleep: {rows}")
    lib.check(out.strip().isdigit(), out)


# An answer is asked for, and comes so many times, each after so long.
ANSWERS = """
import os, socket, sys, time, select
kind, how = sys.argv[1:3]
if kind == "unix":
    a, b = socket.socketpair()
else:
    listener = socket.create_server(("127.0.0.1", 0))
    a = socket.create_connection(listener.getsockname())
    b, _ = listener.accept()
child = os.fork()
if not child:
    a.close()
    while b.recv(1):
        time.sleep(0.05)
        b.send(b"x")
    os._exit(0)
b.close()
for _ in range(4):
    a.send(b"x")
    if how == "poll":
        select.select([a], [], [])
    assert a.recv(1) == b"x"
a.close()
os.waitpid(child, 0)
print(os.getpid(), child)
"""


def test_sockets():
    for kind, how, reason in (("inet", "recv", "network"), ("unix", "recv", "local socket"), ("inet", "poll", "events")):
        rows, out, err = sched("offcpu", command=python(ANSWERS, kind, how))
        pid, child = map(int, out.split())
        # On the loopback device the answer comes by an interrupt of the software's kind.
        wakers = {"(softirq net_rx)"} if kind == "inet" else set()
        found = [r for r in blocked(rows, reason) if r["pid"] == pid and (r["waker_pid"] == child or r["woken_by"] in wakers)]
        lib.check(4 - untold(err) <= total(found, "times") <= 8, f"times: {found} {err}")  # a wake-up may be for nothing
        lib.check(total(found, "blocked_ns") >= (4 - untold(err)) * 25 * MS, f"blocked: {found}")


# Reads without the page cache.
DIRECT = """
import mmap, os, sys
name, number, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
buffer = mmap.mmap(-1, size)
fd = os.open(name, os.O_DIRECT | os.O_RDONLY)
for i in range(number):
    assert os.preadv(fd, [buffer], i * size) == size
"""


# Of a disk, where there is one.
DISK = next((d for d in (os.environ.get("TT_DISK_DIRECTORY"), "/var/tmp") if d and os.path.isdir(d)), None)


def need_disk():
    if not DISK:
        lib.skip("no directory on a disk")


def a_file(directory, size):
    path = pathlib.Path(directory) / "file"
    with open(path, "wb") as f:
        f.write(os.urandom(size))
        f.flush()
        os.fsync(f.fileno())
    return path


def test_disk():
    need_disk()
    number, size = 100, 64 * KIB
    with tempfile.TemporaryDirectory(dir=DISK) as name:
        path = a_file(name, number * size)
        if subprocess.run(python(DIRECT, path, 1, size), capture_output=True, check=False).returncode:
            lib.skip("no direct reads here")
        rows, _, _ = sched("offcpu", "--stacks", command=python(DIRECT, path, number, size))
    found = [r for r in blocked(rows, "disk") if r["call"].startswith("preadv")]
    # One may be done before the reader has begun to wait for it, as most of them are by an emulated disk.
    least = number // 2 if lib.PATIENCE == 1 else 1
    lib.check(least <= total(found, "times") <= number, f"times: {found}")
    lib.check(any(re.search(r";do_preadv|;vfs_readv", r["kernel_stack"] or "") and r["kernel_stack"].endswith("schedule") for r in found)
              or all(r["kernel_stack"] is None or "0x" in r["kernel_stack"] for r in found), f"stacks: {found}")


# A page of a file that is mapped and not in memory.
FAULT = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
m = mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ)
m.madvise(mmap.MADV_RANDOM)
print(sum(m[i] for i in range(0, len(m), 4096)) >= 0)
"""


def test_page_faults():
    need_disk()
    with tempfile.TemporaryDirectory(dir=DISK) as name:
        rows, out, _ = sched("offcpu", command=python(FAULT, a_file(name, 64 * 4 * KIB)))
    lib.equal(out.strip(), "True", "the program")
    found = [r for r in blocked(rows, "page fault", "(exception)") if r["comm"].startswith("python")]
    if not found:
        lib.skip("the file's pages cannot be made to leave memory here")
    # As above, of an emulated disk.
    lib.check(total(found, "times") >= (32 if lib.PATIENCE == 1 else 1), f"times: {found}")


def test_blocked_before():
    """What sleeps from before telltale began until after it ended, with each interval's part."""
    with subprocess.Popen(["sleep", "1000"]) as sleeper:
        try:
            lib.wait_for(lambda: pathlib.Path(f"/proc/{sleeper.pid}/syscall").read_text().split()[0] not in ("running", "-1"), "its sleep")
            done = subprocess.run([lib.TELLTALE, "sched", "offcpu", "--pid", str(sleeper.pid), "--json", "0.2", "3"], capture_output=True, text=True, timeout=60)
            lib.equal(done.returncode, 0, done.stderr)
        finally:
            sleeper.kill()
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    lib.equal([(r["pid"], r["blocked_by"], r["call"], r["times"], r["woken_by"]) for r in rows], [(sleeper.pid, "sleep", "clock_nanosleep", 0, None)] * 3, "rows")
    lib.check(all(0 < r["blocked_ns"] <= r["interval_ns"] for r in rows), f"parts of the intervals: {rows}")
    lib.check([r["most_ns"] for r in rows] == sorted(r["most_ns"] for r in rows), f"it goes on: {rows}")


def test_intervals_add_up():
    """One sleep over several intervals: each has its part, and one the end."""
    rows, _, _ = sched("offcpu", "0.2", command=["sleep", "1"])
    found = blocked(rows, "sleep", "clock_nanosleep")
    lib.equal(total(found, "times"), 1, f"ends: {found}")
    whole = [r["most_ns"] for r in found if r["times"]][0]
    lib.check(len(found) >= 2, f"intervals: {found}")
    lib.check(whole >= 500 * MS and whole * 9 // 10 <= total(found, "blocked_ns") <= whole, f"parts of {whole}: {found}")


def test_names():
    """--comm takes one program's rows and leaves the other's."""
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name) / "tt-sleeper"
        path.symlink_to("/bin/sleep")
        rows, _, err = sched("offcpu", "--comm", "tt-sleeper", command=["sh", "-c", f"sleep 0.1; {path} 0.1; sleep 0.1"])
    lib.equal({r["comm"] for r in rows}, {"tt-sleeper"}, "names")
    check_blocked(blocked(rows, "sleep"), err, 1, 100 * MS, "tt-sleeper")


# A shell beside it on one processor, which becomes such a program after a while.
RENAMED = """
import subprocess, sys
busy = 'i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done; exec "$@"'
hogs = [subprocess.Popen(["taskset", "-c", sys.argv[2], *before, sys.executable, "-c", *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for before in ([], ["sh", "-c", busy, "sh"])]
print(*(p.pid for p in hogs), flush=True)
for p in hogs:
    p.stdin.write("go\\n")
    p.stdin.flush()
for p in hogs:
    p.communicate()
"""


def test_names_of_now():
    """A process that became another program has that one's name in all rows it had a part in since."""
    rows, out, _ = sched("wait", "--top", "1000", whole=False, command=python(RENAMED, HOG, CPU, 0.6))
    first, renamed = map(int, out.split())
    behind = {(r["pid"], r["ahead_pid"]): (r["comm"], r["ahead_comm"]) for r in rows if r["kind"] == "behind"}
    own = {r["pid"]: r["comm"] for r in rows if r["kind"] == "wait"}
    lib.equal((behind[renamed, first], behind[first, renamed]), ((own[renamed], own[first]), (own[first], own[renamed])), "names")
    lib.check(own[renamed].startswith("python"), f"its name: {own}")


def test_least_of_behind():
    """Hardly anything of a wait is not shown, but counted; unless it is asked for."""
    script = f"{{ for i in $(seq 10); do taskset -c {CPU} true; done; }} & \"$@\"; wait"
    command = ["sh", "-c", script, "sh", *hogs(0.4)]
    for options, few in ((), False), (("--top", "10000"), True):
        rows, _, err = sched("wait", *options, whole=False, command=command)
        waited = {r["pid"]: r["wait_ns"] for r in rows if r["kind"] == "wait"}
        least = [r for r in rows if r["kind"] == "behind" and r["behind_ns"] < waited[r["pid"]] // 100]
        told = re.search(r"; (\d+) rows of who was ahead not shown", err)
        lib.equal((bool(least), bool(told)), (few, not few), f"rows of little, and said how many: {least} {err[-400:]}")


def test_command_begins_with_its_exec():
    """What telltale does before is not the command's."""
    rows, _, _ = sched("offcpu", command=["sleep", "0.3"])
    lib.equal({(r["comm"], r["blocked_by"]) for r in rows} & {("telltale", "pipe"), ("sleep", "pipe")}, set(), f"pipe: {rows}")
    lib.equal([r["comm"] for r in blocked(rows, "sleep", "clock_nanosleep")], ["sleep"], f"sleep: {rows}")


def test_no_room():
    """More processes than rows, and more threads than are followed: counted."""
    script = "for i in $(seq 60); do sleep 0.2 & done; wait"
    rows, _, err = sched("wait", "--limit", "tool_kernel_rows=16", whole=False, command=["sh", "-c", script])
    lib.check(len([r for r in rows if r["kind"] == "wait"]) <= 32, f"{len(rows)} rows")
    lib.check(re.search(r"[1-9]\d* waits in no row", err), f"nothing had no room: {err}")
    _, _, err = sched("wait", "--over", "60000", "--limit", "tool_kernel_rows=16", whole=False, command=["sh", "-c", script])
    lib.check("in no row" not in err, f"single waits have no rows: {err}")
    _, _, err = sched("offcpu", "--limit", "tool_tasks=16", whole=False, command=["sh", "-c", script])
    lib.check(re.search(r"[1-9]\d* blocked times of threads not followed", err), f"nothing had no room: {err}")


def test_held_up():
    """Looks of a clock while the command runs; what is found by them is held against the truth in a guest (tests/vm/held)."""
    for report, kinds, command in (("irqoff", {"interrupts off", "softirq late", "softirq long"}, python(HOG, CPU, 0.3)), ("nosched", {"no reschedule"}, hogs(0.3))):
        rows, _, err = sched(report, "--over", "60000", command=["sh", "-c", 'echo go | "$@"', "sh", *command])
        lib.check({r["kind"] for r in rows} <= {"held_length"} and {r["what"] for r in rows} <= kinds, f"rows: {rows}")
        counts = {what: total([r for r in rows if r["what"] == what], "times") for what in kinds}
        # It spends 300 ms there, and is looked at every millisecond. Two that share a processor are to make room now and then.
        lib.check(counts.get("interrupts off", 300) >= 200, f"looks: {counts}")
        lib.check(report == "irqoff" or counts["no reschedule"] > 0, f"asked to make room: {rows}")
        check_accounts(err, len(rows), 0)


def test_quiet():
    rows, out, err = sched("wait", "--over", "60000", "--quiet", command=["true"])
    lib.equal((rows, out, err), ([], "", err.split("telltale sched:")[0]), "what --quiet says")


def test_bad_use():
    for arguments, word in [([], "irqoff or nosched"), (["5"], "wait|offcpu"), (["nothing"], "nothing"), (["wait", "x"], "x"), (["wait", "--stacks"], "--stacks"),
                            (["offcpu", "--over", "1"], "--over"), (["irqoff", "--over", "0.5"], "--over"), (["irqoff", "--latency"], "--latency is not for irqoff"),
                            (["nosched", "--threads"], "--threads is not for nosched"), (["wait", "--over", "0"], "--over"), (["wait", "--pid", "2147483600"], "2147483600")]:
        done = subprocess.run([lib.TELLTALE, "sched", *arguments], capture_output=True, text=True, timeout=30)
        lib.check(done.returncode in (1, 2) and word in done.stderr, f"{arguments}: {done.returncode} {done.stderr}")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
