# SPDX-License-Identifier: Apache-2.0
"""The kernel side's cost and the running program's: rows of (section, what, figure, unit, aim)."""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import cost

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "demo"))
from services import Services, wait_for  # noqa: E402

CALLS = 100000


class Load:
    """A load process, alone or as the command of `telltale run`."""

    def __init__(self, telltale, kind, *args, options=()):
        self.temporary = tempfile.TemporaryDirectory(prefix="telltale-bench-")
        self.dir = pathlib.Path(self.temporary.name)
        self.dir.chmod(0o755)
        run = [telltale, "run", "--quiet", "--json", "/dev/null", *options, "--"] if telltale else []
        self.process = subprocess.Popen([*run, sys.executable, str(HERE / "load.py"), kind, str(self.dir), *map(str, args)],
                                        stdout=subprocess.DEVNULL)
        self.pid = self.process.pid
        self.wait("ready")

    def wait(self, what):
        wait_for(lambda: (self.dir / what).exists() or self.process.poll() is not None, what, 300)
        if not (self.dir / what).exists():
            raise RuntimeError(f"the load ended with {self.process.wait()}")

    def go(self):
        (self.dir / "go").touch()
        self.wait("done")

    def end(self):
        (self.dir / "end").touch()
        status = self.process.wait(60)
        self.temporary.cleanup()
        if status:
            raise RuntimeError(f"the load ended with {status}")


class Measure:
    """Runs and nanoseconds of a telltale's programs by name between start and stop, and of an empty one."""

    def __init__(self, pid, empty):
        wait_for(lambda: cost.holder(pid), "the attach part")
        self.pid, self.empty = cost.holder(pid), empty
        known = cost.names()
        self.name = {i: known.get(i, "?") for i in cost.counts(self.pid)}
        self.before = cost.counts(self.pid), cost.counts()

    def stop(self):
        moved = cost.moved(self.before[0], cost.counts(self.pid))
        self.programs = {self.name[i]: m for i, m in moved.items()}
        (runs, ns), = cost.moved(self.before[1], cost.counts()).values()
        self.own_ns = ns / runs


@contextlib.contextmanager
def resting(telltale, *options):
    """A telltale that observes a sleeping command: everything else is out of its scope."""
    process = subprocess.Popen([telltale, "run", "--quiet", *options, "--", "sleep", "1000"])
    try:
        wait_for(lambda: process.poll() is not None or cost.holder(process.pid), "telltale")
        yield process
    finally:
        process.terminate()
        process.wait(30)


def early_exit(telltale, empty):
    """ns a run of each program for a process out of scope, and what the measuring itself adds."""
    load = Load(None, "calls", CALLS)
    with resting(telltale) as process:
        m = Measure(process.pid, empty)
        load.go()
        m.stop()
    load.end()
    rows = [("BPF", "an empty program: what measuring it costs", m.own_ns, "ns", "")]
    early = {}
    for name in ("tt_sys_enter", "tt_sys_exit"):
        runs, ns = m.programs[name]
        early[name] = ns / runs
        rows.append(("BPF", f"{name}, process out of scope: raw", ns / runs, "ns", ""))
        rows.append(("BPF", f"{name}, process out of scope: net", ns / runs - m.own_ns, "ns", 40))
    return rows, early


def captured(telltale, empty, early):
    load = Load(telltale, "calls", CALLS)
    m = Measure(load.pid, empty)
    load.go()
    m.stop()
    load.end()
    rows, total = [], 0
    for name in ("tt_sys_enter", "tt_sys_exit"):
        runs, ns = m.programs[name]
        # What others on the host did meanwhile left early.
        mine = 2 * CALLS
        each = (ns - max(runs - mine, 0) * early[name]) / mine
        total += each - m.own_ns
        rows.append(("BPF", f"{name}, a call of 64 bytes in scope: raw", each, "ns", ""))
        rows.append(("BPF", f"{name}, a call of 64 bytes in scope: net", each - m.own_ns, "ns", ""))
    return rows + [("BPF", "one captured call, both programs: net", total, "ns", 300)]


def per_request(telltale, empty, requests, clients):
    load = Load(telltale, "http", requests, clients)
    idle = Measure(load.pid, empty)
    time.sleep(2)
    idle.stop()
    m = Measure(load.pid, empty)
    load.go()
    m.stop()
    seconds = float((load.dir / "seconds").read_text())
    load.end()
    runs = sum(r for r, _ in m.programs.values()) - sum(r for r, _ in idle.programs.values()) * seconds / 2
    ns = sum(n for _, n in m.programs.values()) - sum(n for _, n in idle.programs.values()) * seconds / 2
    what = f"HTTP request, nginx and h2load in scope, {clients} connection{'s' if clients > 1 else ''}"
    return [("BPF", f"{what}: runs", runs / requests, "", ""), ("BPF", f"{what}: raw", ns / requests, "ns", ""),
            ("BPF", f"{what}: net", (ns - runs * m.own_ns) / requests, "ns", "")]


def bpf(telltale):
    stats, empty = cost.stats_on(), cost.Empty()
    try:
        rows, early = early_exit(telltale, empty)
        rows += captured(telltale, empty, early)
        rows += per_request(telltale, empty, 20000, 1)
        rows += per_request(telltale, empty, 40000, 8)
        return rows
    finally:
        empty.close()
        os.close(stats)


def resident_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def resident(telltale):
    """At start, and after 40 000 requests at both ends."""
    load = Load(telltale, "http", 40000, 8)
    before = resident_mb(load.pid)
    load.go()
    after = resident_mb(load.pid)
    load.end()
    return [("Program", "resident at start", before, "MB", 40), ("Program", "resident after 40 000 requests, both ends", after, "MB", 40)]


def first_exchange(telltale):
    """Median of five: from starting `telltale run` to the first exchange's first byte, and to its line."""
    said, seen = [], []
    with Services() as services:
        _, port = services.nginx("location / { return 200 'hello from nginx'; }")
        for _ in range(5):
            begin, wall = time.monotonic(), time.time()
            run = subprocess.Popen([telltale, "run", "--quiet", "--json", "-", "--", "h2load", "--h1", "-n", "1", "-c", "1",
                                    f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True)
            for line in run.stdout:
                if line.startswith("{"):
                    seen.append(time.monotonic() - begin)
                    said.append(json.loads(line)["time_unix_ns"] / 1e9 - wall)
            run.wait()
    if len(seen) != 5:
        raise RuntimeError(f"{len(seen)} of 5 first exchanges were reported")
    return [("Program", "start to the first exchange", sorted(said)[2] * 1000, "ms", 300),
            ("Program", "start to the first exchange's line", sorted(seen)[2] * 1000, "ms", "")]


def start_cpu(telltale):
    """CPU time of a whole `telltale run -- true`, median of five: nearly all of it is loading the programs; no neighbour can lengthen it much."""
    spent = []
    for _ in range(5):
        run = subprocess.Popen([telltale, "run", "--quiet", "--", "true"])
        _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        spent.append((usage.ru_utime + usage.ru_stime) * 1000)
    return [("Program", "start and end of `telltale run -- true`: CPU time", sorted(spent)[2], "ms", "")]


def size(telltale):
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, telltale], check=True)
        return [("Program", "size, stripped", os.path.getsize(stripped.name) / 1024, "KiB", "")]
