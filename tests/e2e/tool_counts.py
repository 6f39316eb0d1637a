#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every event a tool saw is shown, or counted as lost: loads that count themselves (tool_counts.c, the kernel's schedstat), as fast as they can be, with much room and with
hardly any. What the rate was is printed, and decides nothing."""
import atexit
import ctypes
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import lib
import tls_lib
import tool_io
import tool_ping

DIRECTORY = pathlib.Path(tempfile.mkdtemp(prefix="telltale-e2e-counts-"))
atexit.register(shutil.rmtree, DIRECTORY, ignore_errors=True)
LITTLE = ("--limit", "tool_kernel_rows=16")
SMALL_RING = ("--limit", "ring_bytes=64K", "--limit", "control_ring_bytes=64K", "--limit", "drain_interval_ms=1000")


@functools.cache
def build(_=None):
    """The load; a guest has been brought it."""
    program = tls_lib.brought("tool_counts", "load")
    if not program:
        lib.need("cc")
        program = DIRECTORY / "load"
        subprocess.run(["cc", "-O1", "-fno-omit-frame-pointer", "-fno-builtin", "-pthread", "-o", program, pathlib.Path(__file__).parent / "tool_counts.c"], check=True)
    return program


def turns(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[2])


@functools.cache
def tracepoint(name):
    """Its number, by a file of tracefs, which need not be mounted here; None: this kernel has no such one."""
    file = f"events/{name.replace(':', '/')}/id"
    script = f"cat /sys/kernel/tracing/{file} || {{ mount -t tracefs none /mnt && cat /mnt/{file}; }}"
    found = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False).stdout
    return int(found) if found else None


class Counter:
    """How often a tracepoint is passed in a process and the threads it will have, as perf counts it (perf_event_open(2))."""
    CALL = {"x86_64": 298, "aarch64": 241}
    TRACEPOINT, INHERIT = 2, 2

    def __init__(self, name, pid):
        call, number = self.CALL.get(os.uname().machine), tracepoint(name)
        if not call or number is None:
            lib.skip(f"perf cannot count {name} here")
        attributes = struct.pack("IIQQQQQQQ", self.TRACEPOINT, 64, number, 0, 0, 0, self.INHERIT, 0, 0)
        self.fd = ctypes.CDLL(None, use_errno=True).syscall(call, attributes, pid, -1, -1, 8)
        lib.check(self.fd >= 0, f"perf_event_open of {name}: {os.strerror(ctypes.get_errno())}")

    def count(self):
        return struct.unpack("Q", os.read(self.fd, 8))[0]


class Load:
    """A load under a tool: its own counts, those of the tracepoints `counted`, rows, and what the tool says at its end."""

    def __init__(self, tool, *options, load, counted=()):
        self.rows_at = DIRECTORY / "rows.jsonl"
        self.rows_at.unlink(missing_ok=True)
        process = subprocess.Popen(list(map(str, [build(), *load])), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = process.pid
        counters = {name: Counter(name, self.pid) for name in counted}
        with tempfile.TemporaryFile("w+") as err:
            with subprocess.Popen([lib.TELLTALE, *tool, "--pid", str(self.pid), f"--json={self.rows_at}", *options], stdout=subprocess.DEVNULL, stderr=err) as telltale:
                lib.wait_until_up(telltale)
                lib.settle(self.pid)
                before, begin = turns(self.pid), time.monotonic()
                passed = {name: c.count() for name, c in counters.items()}
                self.counts = []
                process.stdin.write("go\n")
                process.stdin.flush()
                for line in process.stdout:
                    self.counts.append(line.split())
                    if line.startswith("done"):
                        break
                self.seconds = time.monotonic() - begin
                lib.wait_for(lambda: lib.asleep([self.pid]) is not None or telltale.poll() is not None, "the load's rest")
                self.own_turns = turns(self.pid) - before
                self.passed = {name: c.count() - passed[name] for name, c in counters.items()}
                telltale.send_signal(signal.SIGINT)
                telltale.wait(120 * lib.PATIENCE)
            err.seek(0)
            self.err = err.read()
        for counter in counters.values():
            os.close(counter.fd)
        process.stdin.close()
        process.wait(60 * lib.PATIENCE)
        process.stdout.close()
        lib.equal((telltale.returncode, process.returncode), (0, 0), f"status: {self.err[-600:]}")
        lib.equal(self.counts[-1:], [["done", "0", "0"]], "the load's end")
        self.rows = [json.loads(line) for line in self.rows_at.read_text().splitlines()]
        self.runs = int(re.search(r"\((\d+) runs", self.err)[1])
        found = re.search(r"(\d+) shown; records: (\d+) produced, (\d+) delivered, (\d+) lost, (\d+) queued", self.err)
        self.shown, self.produced, self.delivered, self.lost, queued = map(int, found.groups())
        lib.equal((self.delivered + self.lost, queued), (self.produced, 0), f"records: {self.err[-600:]}")
        self.lost += missed(self)  # each may have been a record
        print(f"    {' '.join(map(str, tool))} {' '.join(options)}: {self.runs} runs of its programs, {self.runs / self.seconds:.0f} a second; {self.lost} records lost, {self.untold()} untold", flush=True)

    def of(self, kind, **wanted):
        return [r for r in self.rows if r["kind"] == kind and all(r[k] == v for k, v in wanted.items())]

    def note(self, words):
        """What the tool counted as left out."""
        found = re.search(rf"; (\d+) {words}", self.err)
        return int(found[1]) if found else 0

    def told(self, what):
        return {int(a): int(b) for name, a, b in self.counts if name == what}

    def untold(self):
        """What the kernel did not tell of, and the tool noticed: each may be a turn, or a blocked time, more or less."""
        return self.note("switches between tasks that the kernel did not tell of") + self.note("blocked times whose end was not seen")

    def check(self, got, want, what):
        lib.check(abs(got - want) <= self.untold(), f"{what}: {got}, the truth is {want} ({self.err[-700:]})")

    def check_waits(self, got, least, what, most=None):
        """By schedstat. Who has to give the processor away when it was just about to sleep waits, too, which the kernel does not count: an emulated
        processor, where an interrupt comes at any moment, has it now and then."""
        most = least if most is None else most
        most += most // 1000 if lib.PATIENCE > 1 else 0
        lib.check(least - self.untold() <= got <= most + self.untold(), f"{what}: {got}, the truth is {least} to {most} ({self.err[-700:]})")


def total(rows, member):
    return sum(r[member] for r in rows)


PIPES = ("pipe", 4, lib.scaled(100000))
MANY_PIPES = ("pipe", 64, lib.scaled(4000))


def test_waits():
    """Each process's waits are as many as its turns by the kernel."""
    load = Load(["sched", "wait"], load=PIPES)
    for pid, want in load.told("turns").items():
        load.check_waits(total(load.of("wait", pid=pid), "waits"), want, f"waits of {pid}")
    load.check_waits(total(load.of("wait", pid=load.pid), "waits"), load.own_turns, "waits of the load itself")


def test_waits_without_room():
    for limit, words in ((LITTLE, "waits in no row"), (("--limit", "tool_tasks=16"), "waits of threads not followed")):
        load = Load(["sched", "wait"], *limit, load=MANY_PIPES)
        left_out = load.note(words)
        lib.check(left_out, f"nothing had no room: {load.err}")
        got, most = total(load.of("wait"), "waits") + left_out, sum(load.told("turns").values()) + load.own_turns
        # While a process ends it is in no scope any more: those of its threads that are followed are to the last, and others are not.
        least = next(iter(load.told("turns-before-exit"))) + load.own_turns if "tool_tasks=16" in limit else most
        load.check_waits(got, least, "waits shown and left out", most)


def test_long_waits():
    """Each is a record. A ring that is read too slowly loses some, which are counted."""
    for ring in ((), SMALL_RING):
        load = Load(["sched", "wait"], "--over", "0.000001", *ring, load=PIPES)
        lib.equal(len(load.of("late")), load.delivered, "rows and records")
        load.check_waits(load.delivered + load.lost, sum(load.told("turns").values()) + load.own_turns, "waits")
        lib.check(load.lost or not ring, "a small ring lost nothing")


def blocked(load):
    """In read(2), and by each other's lock of the pipe, which one that was preempted may hold."""
    reasons = (("pipe", "read"), ("pipe", "write"), ("kernel lock", "read"), ("kernel lock", "write"))
    return total([r for r in load.of("block") if r["pid"] != load.pid and (r["blocked_by"], r["call"]) in reasons], "times")


def test_blocked():
    load = Load(["sched", "offcpu"], load=PIPES)
    load.check(blocked(load), next(iter(load.told("blocked"))), "times blocked")


def test_blocked_without_room():
    """Of rows; what stands in none is of whatever reason, the load's own waiting for its processes included."""
    load = Load(["sched", "offcpu"], *LITTLE, load=MANY_PIPES)
    left_out, want = load.note("blocked times in no row"), next(iter(load.told("blocked")))
    lib.check(left_out, f"nothing had no room: {load.err}")
    got = total(load.of("block"), "times") + left_out
    # Beside what they did for each other they waited for each other to begin, and the load for them.
    lib.check(want - load.untold() <= got <= want + 20 * len(load.told("turns")) + load.own_turns + load.untold(), f"blocked: {got}, the truth is {want}")


def parts(load, part, *pids):
    return total([r for r in load.of("part", part=part) if not pids or r["pid"] in pids], "times")


def test_why():
    load = Load(["why"], load=PIPES)
    load.check_waits(parts(load, "cpu wait"), sum(load.told("turns").values()) + load.own_turns, "waits")
    load.check(parts(load, "pipe", *load.told("turns")) + parts(load, "kernel lock", *load.told("turns")), next(iter(load.told("blocked"))), "times blocked")


def test_why_without_room():
    load = Load(["why"], "--top", "1000", *LITTLE, load=MANY_PIPES)
    left_out = load.note("waits in no row")
    lib.check(left_out, f"nothing had no room: {load.err}")
    load.check_waits(parts(load, "cpu wait") + left_out, sum(load.told("turns").values()) + load.own_turns, "waits shown and left out")


def test_profile():
    """All looks that found it running are in rows of processes, in those of functions, and in the flame graph."""
    for limit in ((), LITTLE):
        folded = DIRECTORY / "folded"
        load = Load(["profile"], "--hz", "5000", f"--folded={folded}", *limit, load=PIPES)
        looks = total(load.of("task"), "samples")
        lib.check(looks, f"no samples: {load.err}")
        self_samples = total(load.of("function"), "self_samples")
        in_graph = sum(int(line.rsplit(" ", 1)[1]) for line in folded.read_text().splitlines())
        lib.equal((self_samples, in_graph), (looks, looks), f"looks, in functions and in the graph ({load.err[-600:]})")
        left_out = load.note("samples in no row, ")
        lib.check(looks + left_out <= load.runs, f"{looks} looks and {left_out} of {load.runs} runs")
        lib.check(left_out or not limit, f"nothing had no room: {load.err}")


def test_execs():
    """Programs that are not there: each is a record, and a row."""
    for ring in ((), SMALL_RING):
        load = Load(["execs"], *ring, load=("exec", 2, lib.scaled(100000)))
        want = next(iter(load.told("failed")))
        lib.equal(load.delivered + load.lost, want, "records")
        lib.equal(len(load.of("exec", end="error")), load.delivered, "rows")
        lib.check(load.lost or not ring, "a small ring lost nothing")


def test_leak():
    workers, count = 2, lib.scaled(50000)
    for limit in ((), ("--limit", "tool_allocations=4096")):
        load = Load(["leak"], *limit, load=("malloc", workers, count))
        rows = [r for r in load.of("stack") if r["function"] == "allocates"]
        left_out = load.note("blocks not followed, for want of room \\(")
        lib.equal(total(rows, "blocks") + left_out, workers * count, f"blocks ({load.err[-600:]})")
        lib.equal(total(rows, "outstanding_bytes"), total(rows, "blocks") * 512, "bytes")
        lib.check(left_out or not limit, f"nothing had no room: {load.err}")


def missed(load):
    """Runs of programs that the kernel left out, because that program was running there already."""
    return load.note("the kernel did not run the program")


def test_softirqs():
    """Each that was asked for, and each that ran, has its length in a row."""
    begun, ended = "irq:softirq_entry", "irq:softirq_exit"
    load = Load(["sched", "irqoff"], load=("packet", 2, lib.scaled(200000)), counted=(begun, ended))
    lib.check(load.passed[ended] >= next(iter(load.told("sent"))), f"softirqs: {load.passed}")
    late, long = (total(load.of("held_length", what=what), "times") for what in ("softirq late", "softirq long"))
    left_out = load.note("not kept while others") + load.note("softirqs in no row")
    lacking = load.passed[begun] - late + load.passed[ended] - long - left_out
    lib.check(0 <= lacking <= missed(load), f"late {late}, long {long}, {left_out} left out; perf: {load.passed} ({load.err[-700:]})")


# Of them kernels have those that are there.
ALLOCATIONS = ("kmem:kmalloc", "kmem:kmem_cache_alloc", "kmem:kmalloc_node", "kmem:kmem_cache_alloc_node", "kmem:mm_page_alloc", "percpu:percpu_alloc_percpu")


def test_leak_of_the_kernel():
    """What the process had the kernel allocate is in rows, or was left out; and what it keeps is there."""
    counted = [name for name in ALLOCATIONS if tracepoint(name) is not None]
    for limit in ((), ("--limit", "tool_allocations=256"), LITTLE):
        load = Load(["leak", "--kernel=slab,pages,percpu", "--all"], *limit, load=("object", 2, lib.scaled(50000)), counted=counted)
        whole = load.of("total")[-1]
        left_out = sum(load.note(f"blocks not followed{words}") for words in (", for want of room", ", or in no row"))
        lacking = sum(load.passed.values()) - whole["allocated"] - left_out
        lib.check(0 <= lacking <= missed(load), f"{whole}, {left_out} left out; perf: {load.passed} ({load.err[-700:]})")
        lib.check(all(load.passed.values()), f"nothing of one kind: {load.passed}")
        lib.check(left_out or not limit, f"nothing had no room: {load.err}")
        if not limit:
            kept = [r["blocks"] for r in load.of("stack", of="slab") if "eventfd" in (r["stack"] or "")]
            lib.check(kept.count(next(iter(load.told("kept")))) >= 2, f"kept: {kept}")


def check_requests(load, got, want):
    """Some the kernel does not tell were done (seen on one 6.18, now and then), which is counted; or not even that they began, as many at most; nor what no program ran for."""
    no_end = load.note("requests in no row, because the kernel did not tell") + load.note("requests not done by then")
    lib.check(0 <= want - got - no_end <= no_end + missed(load), f"requests: {got} and {no_end} whose end was not told, the truth is {want} ({load.err[-600:]})")


def test_io():
    disk = tool_io.prepare()
    workers, count = 8, lib.scaled(20000)
    path = disk.mount / "file"
    path.write_bytes(bytes(workers * count * 512))
    disk.sync()
    tool = ["io", "--disk", disk.name]
    load = Load(tool, load=("read", workers, count, path))
    check_requests(load, total(load.of("file", operation="read", file=str(path)), "requests"), workers * count)
    for ring in ((), SMALL_RING):
        load = Load([*tool, "--slow", "0.000001"], *ring, load=("read", workers, count, path))
        lib.equal(len([r for r in load.of("slow") if r["state"] != "waits"]), load.delivered, "rows and records")
        check_requests(load, load.produced, workers * count)
        lib.check(load.lost or not ring, "a small ring lost nothing")
    load = Load(tool, "--limit", "tool_requests=16", load=("read", 64, lib.scaled(2000), path))
    left_out = load.note("requests not followed")
    lib.check(left_out, f"nothing had no room: {load.err}")
    check_requests(load, total(load.of("file"), "requests") + left_out, 64 * lib.scaled(2000))


def icmp(net, letter):
    """The namespace's own counts (RFC 2011)."""
    text = subprocess.run(net.inside(letter, "cat", "/proc/net/snmp"), capture_output=True, text=True, check=True).stdout
    names, values = [line.split()[1:] for line in text.splitlines() if line.startswith("Icmp:")]
    return dict(zip(names, map(int, values)))


def test_ping():
    """What was sent and came back is what the kernel counts; a ring that is read too slowly loses stages, and no echo."""
    echoes = lib.scaled(2000)
    for ring in ((), ("--limit", "control_ring_bytes=64K", "--limit", "drain_interval_ms=1000")):
        with tool_ping.Net("ab") as net:
            run = tool_ping.ping(net, "10.77.0.2", str(echoes), "--namespace", *ring, every=1)
            sent, counted = run.total, icmp(net, "a")
            lib.equal((sent["sent"], sent["received"] + sent["duplicates"]), (counted["OutEchos"], counted["InEchoReps"]), f"echoes ({run.err[-600:]})")
            lib.equal((sent["sent"], sent["received"] + sent["lost"] + sent["open"]), (echoes, echoes), "accounts")
            produced, delivered, lost, queued = map(int, re.search(r"(\d+) produced, (\d+) delivered, (\d+) lost, (\d+) queued", run.err).groups())
            lib.equal((delivered + lost, queued), (produced, 0), "records")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
