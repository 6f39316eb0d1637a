# SPDX-License-Identifier: Apache-2.0
"""The tools beside bpftrace's scripts and Debian's libbpf-tools of the same job, on the same load (tests/e2e/tool_counts.c), which counts itself: rows of (section, what,
figure, unit, aim). Everything looks at that load's process, or at a disk made for it, only."""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "e2e"))
import lib  # noqa: E402

ATTACHMENTS = ("anon_inode:bpf_link", "anon_inode:[perf_event]", "anon_inode:bpf-raw-tracepoint")
TIMES = 3  # of an attachment
# The run queue's, as in bpftrace's own runqlat.bt, of this process only.
WAITS = """
tracepoint:sched:sched_wakeup, tracepoint:sched:sched_wakeup_new /args->comm == "tt-load"/ { @since[args->pid] = nsecs; }
tracepoint:sched:sched_switch {
	if (args->prev_comm == "tt-load" && args->prev_state == 0) { @since[args->prev_pid] = nsecs; }
	$from = @since[args->next_pid];
	if ($from) { @us = hist((nsecs - $from) / 1000); @count = count(); delete(@since[args->next_pid]); }
}
END { clear(@since); }
"""
# As in bpftrace's own biolatency.bt and offcputime of bcc.
DISK = """
tracepoint:block:block_io_start /args->dev == DEVICE/ { @since[args->sector] = nsecs; }
tracepoint:block:block_io_done /args->dev == DEVICE && @since[args->sector]/ { @us = hist((nsecs - @since[args->sector]) / 1000); @count = count(); delete(@since[args->sector]); }
END { clear(@since); }
"""
ALLOCATIONS = """
uprobe:LIBC:malloc /pid == PID/ { @size[tid] = arg0; }
uretprobe:LIBC:malloc /pid == PID && @size[tid]/ { @blocks[retval] = @size[tid]; @stack[retval] = ustack; @count = count(); delete(@size[tid]); }
uprobe:LIBC:free /pid == PID/ { delete(@blocks[arg0]); delete(@stack[arg0]); }
END { clear(@blocks); clear(@stack); clear(@size); }
"""


def tree(pid):
    found = [pid]
    with contextlib.suppress(OSError):
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += tree(int(child))
    return found


def attached(pid):
    """How many points a tool is attached to: what one of its processes holds."""
    most = 0
    for p in tree(pid):
        with contextlib.suppress(OSError):
            count = 0
            for fd in os.scandir(f"/proc/{p}/fd"):
                with contextlib.suppress(OSError):
                    count += os.readlink(fd.path) in ATTACHMENTS
            most = max(most, count)
    return most


def resident(pid):
    """MB of all its processes, what they share counted once."""
    total = 0
    for p in tree(pid):
        with contextlib.suppress(OSError):
            total += int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{p}/smaps_rollup").read_text(), re.M)[1])
    return total / 1000


class Tool:
    def __init__(self, command):
        self.out = tempfile.TemporaryFile("w+")
        self.begin = time.monotonic()
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=self.out, stderr=subprocess.STDOUT,
                                        env={**os.environ, "BPFTRACE_MAP_KEYS_MAX": "1000000"})

    def alive(self):
        if self.process.poll() is None:
            return True
        self.out.seek(0)
        raise RuntimeError(f"{self.process.args[0]} ended: {self.out.read()[-600:]}")

    def settled(self):
        """Its points, once they are as many for a second."""
        same, count = time.monotonic(), 0
        while self.alive() and (time.monotonic() - same < 1 or not count):
            now = attached(self.process.pid)
            if now != count:
                same, count = time.monotonic(), now
            time.sleep(0.01)
        return count

    def until(self, count):
        """ms until it has so many."""
        while self.alive() and attached(self.process.pid) < count:
            time.sleep(0.001)
        return (time.monotonic() - self.begin) * 1000

    def end(self):
        """What it said, and the seconds of processor it took."""
        pid = 0
        while not pid:  # runqlat looks for the signal before it sleeps
            self.process.send_signal(signal.SIGINT)
            for _ in range(50):
                pid, status, use = os.wait4(self.process.pid, os.WNOHANG)
                if pid:
                    break
                time.sleep(0.02)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.out.seek(0)
        return self.out.read(), use.ru_utime + use.ru_stime


class Load:
    def __init__(self, program, *what):
        self.process = subprocess.Popen([program, *map(str, what)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def go(self):
        """What it counted."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        counted = 0
        for line in self.process.stdout:
            what, a, b = line.split()
            if what == "done":
                return counted
            counted = int(b if what == "turns" else a)
        raise RuntimeError("the load ended")

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)


def histogram(text):
    """What a histogram of libbpf-tools or bpftrace counts in all."""
    return sum(map(int, re.findall(r"^\s*(?:\S+ -> \S+\s+:|\[\S+(?:, \S+)?)\s*(\d+)", text, re.M)))


def bpftrace_count(text):
    return int(re.search(r"@count: (\d+)", text)[1])


def rows_of(kind, member, **wanted):
    def count(text):
        rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return sum(r[member] for r in rows if r["kind"] == kind and all(r[k] == v for k, v in wanted.items()))
    return count


def libbpf(name):
    """Where Debian's libbpf-tools are unpacked (TT_LIBBPF_TOOLS) or installed; bcc's of the same name are others."""
    path = shutil.which(name, path=os.environ.get("TT_LIBBPF_TOOLS", "/usr/sbin"))
    return path if path and b"libbpf" in pathlib.Path(path).read_bytes()[:1 << 20] else None


def measure(what, program, load, tools):
    """`tools`: (name, what makes its command of the load's process, what counts in what it says)."""
    rows = []
    for name, command, count in tools:
        runner = command(0)[0]
        if not runner or not shutil.which(str(runner)):
            print(f"{what}: no {name} here", file=sys.stderr)
            continue
        process = Load(program, *load)
        attach = []
        tool = Tool(command(process.pid))
        points = tool.settled()
        tool.end()
        for _ in range(TIMES):
            tool = Tool(command(process.pid))
            attach.append(tool.until(points))
            tool.end()
        tool = Tool(command(process.pid))
        tool.until(points)
        truth = process.go()
        time.sleep(0.3)
        memory = resident(tool.process.pid)
        text, cpu = tool.end()
        process.end()
        ours = name == "telltale"
        label = f"{what}: {name}, "
        if count:
            rows.append(("Tools", label + f"counted more or less than the {truth} there were", abs(count(text) - truth) / truth * 100, "%", 1 if ours else ""))
        rows += [("Tools", label + "processor", cpu * 1000, "ms", ""), ("Tools", label + "resident", memory, "MB", 12 if ours else ""),
                 ("Tools", label + "to attach", statistics.median(attach), "ms", 60 if ours else "")]
    return rows


def script(text, **words):
    for word, value in words.items():
        text = text.replace(word, str(value))
    return ["bpftrace", "-e", text]


@contextlib.contextmanager
def disk(directory, size):
    """A loop device over a file; yields its path, name and number."""
    image = pathlib.Path(directory) / "image"
    image.write_bytes(bytes(size))
    device = subprocess.run(["losetup", "-f", "--show", image], check=True, capture_output=True, text=True).stdout.strip()
    try:
        major, minor = map(int, pathlib.Path(f"/sys/block/{os.path.basename(device)}/dev").read_text().split(":"))
        yield device, os.path.basename(device), major << 20 | minor
    finally:
        subprocess.run(["losetup", "-d", device], check=False)


def build(directory):
    """By a name of its own, of which bpftrace knows it."""
    program = pathlib.Path(directory) / "tt-load"
    subprocess.run(["cc", "-O1", "-fno-omit-frame-pointer", "-fno-builtin", "-pthread", "-o", program, HERE.parent / "e2e" / "tool_counts.c"], check=True)
    return program


def libc():
    return next(line.split()[2] for line in subprocess.run(["ldd", sys.executable], capture_output=True, text=True, check=True).stdout.splitlines() if "libc.so" in line)


def tracefs():
    """bpftrace looks for tracepoints there; in a mount namespace of our own, for where it is not mounted."""
    call = ctypes.CDLL(None, use_errno=True)
    if not pathlib.Path("/sys/kernel/debug/tracing/events").is_dir() and call.unshare(lib.CLONE_NEWNS) == 0:
        call.mount(b"none", b"/", None, lib.MS_REC | lib.MS_PRIVATE, None)
        subprocess.run(["mount", "-t", "debugfs", "none", "/sys/kernel/debug"], check=False)


def beside(telltale):
    tracefs()
    with tempfile.TemporaryDirectory(prefix="telltale-bench-") as directory:
        program = build(directory)
        rows = measure("waits for a processor", program, ("threads", 4, 100000), [
            ("telltale", lambda pid: [telltale, "sched", "wait", "--json", "--pid", pid], rows_of("wait", "waits")),
            ("bpftrace", lambda pid: script(WAITS), bpftrace_count),
            ("libbpf-tools", lambda pid: [libbpf("runqlat"), "-p", pid], histogram)])
        rows += measure("blocked, with stacks", program, ("threads", 4, 100000), [
            ("telltale", lambda pid: [telltale, "sched", "offcpu", "--stacks", "--json", "--pid", pid], None),
            ("libbpf-tools", lambda pid: [libbpf("offcputime"), "-p", pid], None)])
        with disk(directory, 64 << 20) as (device, name, number):
            rows += measure("requests of a disk", program, ("read", 4, 20000, device), [
                ("telltale", lambda pid: [telltale, "io", "--latency", "--json", "--disk", name], rows_of("file", "requests", operation="read")),
                ("bpftrace", lambda pid: script(DISK, DEVICE=number), bpftrace_count),
                ("libbpf-tools", lambda pid: [libbpf("biolatency"), "-d", name], histogram)])
        rows += measure("allocations", program, ("malloc", 2, 50000), [
            ("telltale", lambda pid: [telltale, "leak", "--all", "--json", "--pid", pid], rows_of("stack", "allocated", function="allocates")),
            ("bpftrace", lambda pid: script(ALLOCATIONS, LIBC=libc(), PID=pid), bpftrace_count)])
    return rows
