#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""telltale why: every moment of a process is in one part, and what was done to it is the one most of its time went to."""
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time

import lib
import schema_lib
import tool_sched
from tool_sched import DISK, MS, python, total

KINDS = schema_lib.documented("why")
MIB = 1 << 20


def why(*options, **more):
    return tool_sched.run("why", KINDS, *options, **more)


def parts(rows, pid):
    return {r["part"]: r for r in rows if r["kind"] == "part" and r["pid"] == pid}


def cause(rows, pid):
    found = [r for r in rows if r["kind"] == "cause" and r["pid"] == pid]
    lib.equal(len(found), 1, f"causes of {pid}: {rows}")
    return found[0]


def check_whole(rows):
    """Parts add up to the whole, greatest first, and the cause is the greatest."""
    pids = {r["pid"] for r in rows if r["kind"] == "part"}
    lib.check(pids, "no process")
    for pid in pids:
        mine = [r for r in rows if r["kind"] == "part" and r["pid"] == pid]
        lib.equal(total(mine, "part_ns"), mine[0]["wall_ns"], f"sum of the parts of {mine}")
        lib.equal([r["part_ns"] for r in mine], sorted((r["part_ns"] for r in mine), reverse=True), f"order of {mine}")
        lib.check(abs(sum(r["part_percent"] for r in mine) - 100) < 0.2, f"shares: {mine}")
        lib.equal(cause(rows, pid)["part"], mine[0]["part"], "the cause is the greatest part")


def test_a_processor_shared_by_four():
    rows, out, err = why(whole=False, command=tool_sched.hogs(0.3, 4))
    check_whole(rows)
    pids = {int(line.split()[0]) for line in out.splitlines()}
    lib.equal(len(pids & {r["pid"] for r in rows if r["kind"] == "part"}), 4, f"processes: {rows}")
    for pid in pids:
        # Each has a quarter of the processor, and of a busy one less.
        lib.equal(cause(rows, pid)["part"], "cpu wait", f"cause: {parts(rows, pid)}")
        lib.check(parts(rows, pid)["running"]["part_ns"] + parts(rows, pid).get("interrupt", {"part_ns": 0})["part_ns"] >= 270 * MS, f"ran: {parts(rows, pid)}")
        behind = [r for r in rows if r["kind"] == "behind" and r["pid"] == pid]
        lib.check({r["ahead_pid"] for r in behind} & (pids - {pid}), f"behind the others: {behind}")
        lib.check(re.search(r"^It waits for a processor \d+ % of the time, longest behind \S.* \(\d+ ms\)", cause(rows, pid)["cause"]), f"{cause(rows, pid)}")
    lib.check("LIKELY CAUSE" in err and re.search(r"it took [\d.]+ s in the kernel", err), f"text: {err}")


def test_what_it_waits_for():
    """A program that does one thing, for the most part, is told so, and in which call."""
    for script, part, call, words in (("import time; time.sleep(1)", "sleep", "clock_nanosleep", "sleeps for a time it chose itself"),
                                      ("import subprocess; subprocess.run(['sleep', '1'])", "child", "wait4", "waits for processes it has started"),
                                      ("import os, time\nr, w = os.pipe()\nif not os.fork():\n  os.close(r); time.sleep(1); os._exit(0)\nos.close(w); os.read(r, 1)",
                                       "pipe", "read", "waits for the other end of a pipe")):
        rows, out, _ = why(command=python("import os; print(os.getpid(), flush=True)\n" + script))
        check_whole(rows)
        pid = int(out)
        lib.check(parts(rows, pid)[part]["part_ns"] >= 500 * MS and parts(rows, pid)[part]["most_ns"] >= 500 * MS, f"{part}: {rows}")
        if cause(rows, pid)["part"] != part:
            # A machine that lets it wait for longer than it was blocked: the part is right all the same.
            continue
        lib.check(words in cause(rows, pid)["cause"] and f"(mostly {call})" in cause(rows, pid)["cause"], f"{cause(rows, pid)}")


def test_one_that_hangs():
    """It was blocked before, and does not come back: that is all of its time."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as cat:
        lib.wait_for(lambda: pathlib.Path(f"/proc/{cat.pid}/syscall").read_text().split()[0] == "0", "its read")
        done = subprocess.run([lib.TELLTALE, "why", str(cat.pid), "0.3", "2", "--json"], capture_output=True, text=True, timeout=60)
        cat.stdin.close()
    lib.equal(done.returncode, 0, done.stderr)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for row in rows:
        schema_lib.check(row, KINDS)
    lib.equal([(r["pid"], r["part"], r["part_percent"], r["times"]) for r in rows if r["kind"] == "part"], [(cat.pid, "pipe", 100, 0)] * 2, "parts")
    lib.equal([r["cause"] for r in rows if r["kind"] == "cause"],
              ["It waits for the other end of a pipe 100 % of the time (mostly read): that one takes its time."] * 2, "causes")
    lib.check(all(0 < r["wall_ns"] <= r["interval_ns"] for r in rows if r["kind"] == "part"), f"within the interval: {rows}")


def test_threads():
    """Threads each for itself: one runs and one sleeps."""
    script = "import threading, time\nt = threading.Thread(target=lambda: time.sleep(1))\nt.start()\nprint(threading.get_native_id(), t.native_id, flush=True)\nt.join()"
    rows, out, _ = why("--threads", command=python(script))
    main, other = map(int, out.split())
    found = {r["tid"]: r["part"] for r in rows if r["kind"] == "cause"}
    lib.check({main, other} <= set(found), f"threads: {rows}")
    mine = {r["part"]: r for r in rows if r["kind"] == "part" and r["tid"] == other}
    lib.check(mine["sleep"]["part_ns"] >= 500 * MS, f"the one that sleeps: {mine}")
    mine = {r["part"]: r for r in rows if r["kind"] == "part" and r["tid"] == main}
    lib.check("sleep" not in mine and mine["lock"]["most_ns"] >= 200 * MS, f"the one that waits for it: {mine}")


# Round trips over the loopback device of a network namespace, of which each way takes so long.
# busybox's unshare takes what its shell has of the same name.
NETWORK = f"ip link set lo up && {shutil.which('tc') or 'tc'} qdisc add dev lo root netem delay 20ms && exec \"$@\""
TRIPS = """
import os, socket
listener = socket.create_server(("127.0.0.1", 0))
if not os.fork():
    s = socket.create_connection(listener.getsockname())
    while s.recv(1):
        s.send(b"x")
    os._exit(0)
s, _ = listener.accept()
for _ in range(20):
    s.send(b"x")
    s.recv(1)
print(os.getpid(), flush=True)
"""


def test_slow_network():
    """20 ms each way, by netem: the wait for each answer is two of them."""
    tried = subprocess.run(["unshare", "-n", "sh", "-c", NETWORK, "sh", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        lib.skip(f"no netem: {tried.stderr.strip()}")
    rows, out, _ = why(command=["unshare", "-n", "sh", "-c", NETWORK, "sh", *python(TRIPS)])
    check_whole(rows)
    pid = int(out)
    found = [r for r in rows if r["kind"] == "block" and r["pid"] == pid and r["blocked_by"] == "network" and r["call"] == "recvfrom"]
    lib.check(total(found, "times") == 20 and total(found, "blocked_ns") >= 20 * 36 * MS, f"answers: {found}")
    lib.check("waits for the network" in cause(rows, pid)["cause"], f"{cause(rows, pid)}")


@contextlib.contextmanager
def slow_disk():
    """A device that takes 20 ms for each request."""
    with tempfile.NamedTemporaryFile(dir=DISK) as image:
        image.truncate(8 * MIB)
        try:
            loop = subprocess.run(["losetup", "-f", "--show", image.name], check=True, capture_output=True, text=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            lib.skip("no loop device")
        name = f"telltale-{os.getpid()}"
        try:
            made = subprocess.run(["dmsetup", "create", name, "--table", f"0 {8 * MIB // 512} delay {loop} 0 20"], capture_output=True, check=False)
            if made.returncode:
                lib.skip("no device mapper with delays")
            # Below /dev/mapper it stands only where something puts it there.
            node = subprocess.run(["dmsetup", "info", "-c", "--noheadings", "-o", "blkdevname", name], check=True, capture_output=True, text=True).stdout
            yield f"/dev/{node.strip()}"
        except FileNotFoundError:
            lib.skip("no dmsetup")
        finally:
            subprocess.run(["sh", "-c", f"dmsetup remove {name}; losetup -d {loop}"], capture_output=True, check=False)


def test_slow_disk():
    with slow_disk() as device:
        rows, _, _ = why(command=python(tool_sched.DIRECT, device, 20, 4096))
    check_whole(rows)
    found = [r for r in rows if r["kind"] == "block" and r["blocked_by"] == "disk" and r["call"].startswith("preadv")]
    lib.check(total(found, "times") == 20 and total(found, "blocked_ns") >= 20 * 18 * MS, f"reads: {found}")
    lib.check("waits for files and disks" in cause(rows, found[0]["pid"])["cause"], f"{cause(rows, found[0]['pid'])}")


class Group:
    """A cgroup of this test's own, of the version that has the controller."""

    def __init__(self, controller, files):
        self.path = None
        for root, names in ((pathlib.Path("/sys/fs/cgroup") / controller, files[0]), (pathlib.Path("/sys/fs/cgroup"), files[1])):
            if not (root / "cgroup.procs").exists():
                continue
            path = root / f"telltale-{os.getpid()}"
            try:
                if (root / "cgroup.subtree_control").exists():
                    (root / "cgroup.subtree_control").write_text(f"+{controller}")
                path.mkdir()
                for name, value in names.items():
                    (path / name).write_text(value)
                self.path = path
                return
            except OSError:
                path.rmdir() if path.exists() else None

    def __enter__(self):
        if not self.path:
            lib.skip("no such cgroup to be had")
        return self

    def __exit__(self, *_):
        lib.wait_for(lambda: not (self.path / "cgroup.procs").read_text().split(), "the end of the cgroup's processes")
        self.path.rmdir()

    def inside(self, command):
        return ["sh", "-c", f"echo $$ >{self.path}/cgroup.procs && exec \"$@\"", "sh", *command]


def test_throttled():
    """A tenth of a processor, of which more is wanted: nearly all of the time is the limit's."""
    script = "import os, time\nprint(os.getpid(), flush=True)\nwhile time.process_time() < 0.15: pass"
    with Group("cpu", ({"cpu.cfs_quota_us": "10000", "cpu.cfs_period_us": "100000"}, {"cpu.max": "10000 100000"})) as group:
        rows, out, _ = why(whole=False, command=group.inside(python(script)))
        stat = dict(line.split() for line in (group.path / "cpu.stat").read_text().splitlines())
    check_whole(rows)
    mine = parts(rows, int(out))
    if int(stat["nr_throttled"]) < 3:
        lib.skip("others left it no time that could be limited")
    # The kernel's own count of the same; since 6.18 a task whose limit is reached while others have the processor just goes on to wait for it.
    want = int(stat["throttled_time"]) if "throttled_time" in stat else int(stat["throttled_usec"]) * 1000
    got, waited = (mine.get(part, {"part_ns": 0})["part_ns"] for part in ("throttled", "cpu wait"))
    lib.check(got <= want * 11 // 10 + 50 * MS and got + waited >= want * 9 // 10 - 50 * MS, f"throttled: {mine}, by the kernel: {stat}")
    if cause(rows, int(out))["part"] == "throttled":
        lib.check("is stopped by the limit of its cgroup's processor time" in cause(rows, int(out))["cause"], f"{cause(rows, int(out))}")


def test_reclaim():
    """A file larger than its cgroup may keep: it has to free memory for each page."""
    tool_sched.need_disk()
    script = "import os, sys\nprint(os.getpid(), flush=True)\nwith open(sys.argv[1], 'wb') as f:\n  for _ in range(64): f.write(bytes(1 << 20)); f.flush(); os.fsync(f.fileno())"
    with Group("memory", ({"memory.limit_in_bytes": str(24 * MIB)}, {"memory.max": str(24 * MIB)})) as group:
        with tempfile.TemporaryDirectory(dir=DISK) as name:
            rows, out, _ = why(whole=False, command=group.inside(python(script, f"{name}/file")))
    check_whole(rows)
    mine = parts(rows, int(out))
    lib.check("reclaim" in mine and mine["reclaim"]["times"] > 0, f"reclaim: {mine}")


# Takes memory for three seconds and keeps it.
TAKER = """
import os, time
print(os.getpid(), flush=True)
kept, begin = [], time.monotonic()
while time.monotonic() - begin < 3:
    kept.append(os.urandom(1 << 18))
"""


def all_pressure(file):
    """Nanoseconds, when all of it is told: the kernel adds up every two seconds, and only when that has been asked for is it known to be more no longer."""
    def total():
        return int(re.search(r"^some .*total=(\d+)", file.read_text())[1]) * 1000

    before, since = total(), time.monotonic()

    def is_still():
        nonlocal before, since
        now = total()
        if now != before:
            before, since = now, time.monotonic()
        return time.monotonic() - since > 5

    lib.wait_for(is_still, "all pressure")
    return before


def test_held_back_by_memory_high():
    """A program whose cgroup is above memory.high is made to wait: that is as long as the kernel says memory stalled it."""
    with Group("memory", ({"memory.high": "0"}, {"memory.high": str(16 * MIB), "memory.swap.max": "0"})) as group:
        if not (group.path / "memory.pressure").exists():
            lib.skip("this kernel does not count pressure")
        rows, out, _ = why(whole=False, command=group.inside(python(TAKER)))
        stalled = all_pressure(group.path / "memory.pressure")
    check_whole(rows)
    mine = parts(rows, int(out))
    lib.check(stalled >= 500 * MS, f"it was not held back: {stalled}")
    got = mine["reclaim"]["part_ns"] if "reclaim" in mine else 0
    lib.check(abs(got - stalled) <= stalled // 10 + 20 * MS, f"held back: {mine}, by the kernel: {stalled / MS:.1f} ms")
    if cause(rows, int(out))["part"] == "reclaim":
        lib.check("what its cgroup may have of it, is too little" in cause(rows, int(out))["cause"], f"{cause(rows, int(out))}")


def test_killed_for_want_of_memory():
    """A program that takes more than its cgroup may have is killed, and that is told beside its division."""
    script = "import os\nprint(os.getpid(), flush=True)\nkept = [os.urandom(1 << 20) for _ in range(200)]"
    with Group("memory", ({"memory.limit_in_bytes": str(48 * MIB)}, {"memory.max": str(48 * MIB), "memory.swap.max": "0"})) as group:
        rows, out, _ = why(whole=False, command=group.inside(python(script)), want_status=128 + 9)
    pid = int(out)
    lib.equal([(r["pid"], r["comm"][:6], r["by_pid"]) for r in rows if r["kind"] == "kill"], [(pid, "python", pid)], "kills")
    lib.check(parts(rows, pid), f"no division: {rows}")


def test_quiet():
    _, _, err = why("--quiet", command=["true"])
    lib.check("telltale why:" not in err, f"what --quiet says: {err}")


def test_bad_use():
    for arguments, word in [(["x"], "x"), (["2147483600"], "2147483600"), (["1", "2", "3", "4"], "4"), (["--nothing"], "--nothing")]:
        done = subprocess.run([lib.TELLTALE, "why", *arguments], capture_output=True, text=True, timeout=30)
        lib.check(done.returncode in (1, 2) and word in done.stderr, f"{arguments}: {done.returncode} {done.stderr}")


def screens(lines, columns, *words):
    """What stands on a terminal of that size, interval by interval."""
    pid, fd = pty.fork()
    if not pid:
        sys.stdin.readline()  # by then it has its size
        os.execv(lib.TELLTALE, [lib.TELLTALE, *words, "--quiet"])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    os.write(fd, b"\n")
    text = b""
    with contextlib.suppress(OSError):  # its end
        while more := os.read(fd, 65536):
            text += more
    os.close(fd)
    lib.equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, text)
    return [re.sub(r"\033\[[0-9;]*m", "", s.decode()).split("\r\n") for s in text.split(b"\033[H\033[J")[1:]]


def test_on_a_terminal():
    """All tables are on the screen, the causes whole before the others, and no line is too long."""
    with contextlib.ExitStack() as stack:
        mine = [stack.enter_context(subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(0.01)"])) for _ in range(5)]
        for process in mine:
            stack.callback(process.kill)
        seen = screens(24, 80, "why", "--pid", ",".join(str(p.pid) for p in mine), "--interval", "0.5", "--count", "2")
    lib.equal(len(seen), 2, f"screens: {seen}")
    for screen in seen:
        lib.check(len(screen) <= 24 and all(len(line) <= 80 for line in screen), f"24 x 80: {screen}")
        at = next((i for i, line in enumerate(screen) if "LIKELY CAUSE" in line), None)
        lib.check(at and any(" PART " in line for line in screen[:at]) and any(re.match("… \\d+ more rows", line) for line in screen), f"tables: {screen}")
        lib.check(all(any(line.split()[:1] == [str(p.pid)] for line in screen[at:]) for p in mine), f"causes of {[p.pid for p in mine]}: {screen}")


def test_top_is_processes():
    """What is shown of the one that is left is whole: that it slept, and that it waited for a pipe."""
    script = "import os, time\nr, w = os.pipe()\nif not os.fork():\n  time.sleep(0.4); os._exit(0)\nos.close(w)\nos.read(r, 1)\ntime.sleep(0.4)\nt = time.time()\nwhile time.time() - t < 0.3: pass"
    rows, _, _ = why("--top", "1", command=python(script))
    lib.equal(len([r for r in rows if r["kind"] == "cause"]), 1, f"processes: {rows}")
    blocks = {r["blocked_by"] for r in rows if r["kind"] == "block"}
    lib.check({"pipe", "sleep"} <= blocks, f"blocked by: {[r for r in rows if r['kind'] == 'block']}")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
