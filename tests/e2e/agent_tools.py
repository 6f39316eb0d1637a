#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tools inside the agent: their figures are metrics, of what is in scope and of nothing else, and equal what programs did."""
import contextlib
import functools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import lib
import tool_io

NUMBER, SIZE = 64, 16 << 10
SLEEPS, SLEEP_S, RUN_S = 20, 0.02, 0.3
# On its own clock: of processor time.
SLEEPER = f"""
import sys, time
for _ in range({SLEEPS}):
    time.sleep({SLEEP_S})
while time.process_time() < {RUN_S}:
    pass
print(time.process_time(), flush=True)
sys.stdin.read(1)
"""
ROUNDING_S = 1e-6  # a sleep is as long as it was asked for, in nanoseconds


def series(text, name):
    """Samples of a family: labels as a dictionary, value."""
    found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
    return [(dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)), float(value)) for labels, value in found]


def total(text, name, **labels):
    return sum(value for found, value in series(text, name) if all(found.get(k) == v for k, v in labels.items()))


def script(directory, name, text):
    """A program whose service has this name."""
    path = pathlib.Path(directory) / f"{name}.py"
    path.write_text(text)
    return str(path)


def in_run(tools, command, *options):
    """Metrics of `telltale run --tools` at its end."""
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as directory:
        metrics = pathlib.Path(directory) / "metrics"
        done = subprocess.run([lib.TELLTALE, "run", "--quiet", "--tools", tools, f"--metrics={metrics}", *lib.HOOKS, *options, "--", *command], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=120 * lib.PATIENCE)
        said = [line for line in done.stderr.splitlines() if "this kernel has no tracepoint" not in line]
        lib.equal((done.returncode, said), (0, []), "telltale run")
        return metrics.read_text()


@functools.cache
def disk():
    """The test's disk, for tests that need one: not everywhere is it to be had. Mounted in a namespace of this test's own."""
    tool_io.DISK = tool_io.prepare()
    return tool_io.DISK


def reads(directory, operation="read", number=NUMBER):
    """A program that reads or writes its file on the test's disk, past the page cache."""
    disk()
    path = tool_io.a_file(f"{operation}-{number}", number * SIZE)
    return [lib.PYTHON, script(directory, f"direct-{operation}", tool_io.DIRECT), operation, str(path), str(number), str(SIZE)]


def io_once(command, options=""):
    """Metrics, and what the disk counted meanwhile. One in whose course the kernel kept an end to itself is made again."""
    for _ in range(4):
        before = disk().counts()
        text = in_run(f"io:disk={disk().name}{options}", command)
        after = disk().counts()
        if not total(text, "telltale_tool_refused_total", cause="end_untold"):
            break
    return text, {name: after[name] - before[name] for name in after}


def test_direct_requests():
    """N reads and writes of a size: the service has exactly these, and the disk's own count is that of the disk."""
    with tempfile.TemporaryDirectory() as directory:
        for operation in ("read", "write"):
            text, counted = io_once(reads(directory, operation))
            of = {"service_name": f"direct-{operation}", "disk_io_direction": operation, "system_device": disk().name}
            duration = "process_disk_operation_duration_seconds"
            lib.equal((total(text, f"{duration}_count", **of), total(text, f"{duration}_bucket", le="+Inf", **of),
                       total(text, "process_disk_io_bytes_total", **of), total(text, "process_disk_operation_errors_total")),
                      (NUMBER, NUMBER, NUMBER * SIZE, 0), f"requests, those in buckets, bytes, errors ({operation}; {series(text, 'process_disk_io_bytes_total')}, {series(text, 'telltale_tool_refused_total')})")
            lib.check(0 < total(text, f"{duration}_sum", **of), "time requests took")
            lib.check(total(text, f"{duration}_bucket", le="0.000001024", **of) == 0, "no request is done within a microsecond")
            of.pop("service_name")
            # What the disk counted since telltale looked first, at the latest when the first request was seen.
            lib.check(NUMBER <= total(text, "system_disk_operations_total", **of) <= counted[f"{operation}s"], f"the disk's requests: {counted}")
            lib.check(NUMBER * SIZE <= total(text, "system_disk_io_bytes_total", **of) <= counted[f"{operation}_bytes"], f"the disk's bytes: {counted}")
            refused = {cause["cause"]: n for cause, n in series(text, "telltale_tool_refused_total") if n}
            lib.check(not refused or set(refused) == {"dirtier_unknown"}, f"turned away: {refused}")
            lib.check(any(p["program"] == "io/tt_io_completed" for p, _ in series(text, "telltale_bpf_missed_runs_total")), "its programs are among the agent's")


def test_written_late():
    """What a program wrote goes to the disk when its name is forgotten: it is its own all the same."""
    disk()
    path = tool_io.a_file("late", 2 * tool_io.MIB)
    tool_io.DISK.sync()
    for _ in range(4):
        text = in_run(f"io:disk={disk().name}", ["sh", "-c", f"dd if=/dev/zero of={path} bs=64k count=32 conv=notrunc status=none; sleep 4; sync -f {path}; sleep 1"],
                      "--limit", "process_grace_s=1")
        if not total(text, "telltale_tool_refused_total", cause="end_untold"):
            break
    written = series(text, "process_disk_io_bytes_total")
    lib.check(total(text, "process_disk_io_bytes_total", service_name="dd", disk_io_direction="write") >= 2 * tool_io.MIB, f"written by dd: {written}")


def test_no_room():
    """More processes than rows: those that had one are counted whole, the others' requests are counted as turned away."""
    each, processes = 8, 24
    with tempfile.TemporaryDirectory() as directory:
        command = reads(directory, number=each)
        loop = f"for i in $(seq {processes}); do \"$@\" & done; wait"
        metrics = pathlib.Path(directory) / "metrics"
        subprocess.run([lib.TELLTALE, "run", "--quiet", "--tools", f"io:disk={disk().name}", "--limit", "tool_kernel_rows=16", "--limit", "tools_interval_s=3600",
                        f"--metrics={metrics}", *lib.HOOKS, "--", "sh", "-c", loop, "sh", *command], check=True, timeout=120 * lib.PATIENCE)
        text = metrics.read_text()
    seen = total(text, "process_disk_operation_duration_seconds_count", disk_io_direction="read")
    refused = total(text, "telltale_tool_refused_total", tool="io", cause="rows_full")
    untold = total(text, "telltale_tool_refused_total", tool="io", cause="end_untold")
    lib.equal((seen + refused + untold, refused > 0), (each * processes, True), f"{seen} counted, {refused} without a row")


def test_scope_and_scrapes():
    """The agent on one process: what others do is not in its metrics, and each look has all there was until then."""
    with tempfile.TemporaryDirectory() as directory:
        command = reads(directory)
        shell = subprocess.Popen(["sh", "-c", "while read go; do \"$@\"; echo done; done", "sh", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        config = pathlib.Path(directory) / "telltale.yaml"
        config.write_text(f"limits:\n  tools_interval_s: 3600\ntools:\n  sched:\n  io: {{disk: {disk().name}}}\n")
        with shell, lib.Agent(shell.pid, options=["--config", str(config)]) as agent:
            count = "process_disk_operation_duration_seconds_count"
            untold = 0
            for done in (1, 2, 3):
                subprocess.run(command, check=True)  # not in scope
                shell.stdin.write("go\n")
                shell.stdin.flush()
                lib.equal(shell.stdout.readline(), "done\n", "the reader")
                text = agent.get("/metrics")
                untold = total(text, "telltale_tool_refused_total", cause="end_untold")
                lib.equal(total(text, count, disk_io_direction="read") + untold, done * NUMBER, "requests")
                time.sleep(0.15)  # who asks more often than ten times a second gets the same again
            lib.check(untold < NUMBER, "hardly a request's end is not told")
            lib.check(total(text, "process_thread_time_seconds_total", part="child") > 0, "the shell waited for its children")
            check_maps(agent.process.pid)
            shell.stdin.close()


def check_maps(pid):
    """The part that serves has no privilege, and no descriptor of a map or program of the tools."""
    kinds = []
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with_target = os.readlink(path)
        if "bpf" in with_target or "perf" in with_target:
            kinds.append(with_target)
    lib.equal(kinds, [], "what the serving part holds")
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    lib.equal(re.findall(r"^Cap(?:Prm|Eff):\t(\w+)$", status, re.MULTILINE), ["0" * 16] * 2, "its capabilities")


def sched_once(program, name):
    """Metrics of a run in which the kernel told every switch: where it does not, a span is of another part, which is counted. Then once more."""
    for _ in range(8):
        with tempfile.TemporaryDirectory() as directory:
            text = in_run("sched", [lib.PYTHON, script(directory, name, program)])
        untold = [found["cause"] for found, n in series(text, "telltale_tool_refused_total") if n and found["cause"] in ("switch_untold", "waker_unseen")]
        if not untold:
            return text
        print(f"once more: {untold}")
    return lib.skip("the kernel does not tell every switch here")


def test_times_of_threads():
    """A program that slept and ran: each for as long as it says itself, and every wait for a processor is in the histogram."""
    text = sched_once(SLEEPER, "sleeper")
    of = {"service_name": "sleeper"}
    part = {found["part"]: value for found, value in series(text, "process_thread_time_seconds_total") if found["service_name"] == "sleeper"}
    lib.check(part.get("sleep", 0) >= SLEEPS * SLEEP_S - ROUNDING_S, f"slept: {part}")
    lib.check(part.get("running", 0) + part.get("interrupt", 0) + part.get("reclaim", 0) >= RUN_S - 0.02, f"ran: {part}")
    waits, buckets = (total(text, f"process_cpu_wait_duration_seconds_{what}", **of, **more) for what, more in (("count", {}), ("bucket", {"le": "+Inf"})))
    lib.check(waits >= SLEEPS, f"each sleep ends in a wait for a processor: {waits}")
    lib.equal(buckets, waits, "waits in buckets")
    # It ended, so all its waits did: both counted the same ones, one by its end and one by its parts.
    lib.check(abs(total(text, "process_cpu_wait_duration_seconds_sum", **of) - part.get("cpu wait", 0)) < ROUNDING_S, f"waited: {part}")
    refused = {cause["cause"]: n for cause, n in series(text, "telltale_tool_refused_total") if cause["cause"].endswith("_full") and n}
    lib.equal(refused, {}, "turned away")


SPINNER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static volatile unsigned long x;
__attribute__((noinline)) void spin(void) { for (int i = 0; i < 200000; i++) x += i; }
__attribute__((noinline)) void nested(int depth) { if (depth) nested(depth - 1); else spin(); x++; }
/* Of processor time; as many different stacks as `depths` says. */
int main(int argc, char **argv) {
	clock_t end = clock() + (clock_t)(atof(argv[1]) * CLOCKS_PER_SEC);
	for (int i = 0, depths = atoi(argv[2]); clock() < end; i++)
		nested(i % depths);
	puts("done");
	fflush(stdout);
	return getchar() == EOF;
}
"""


class Spinner:
    """A program that runs for so long below `telltale run` with a profile, and waits then; another one runs beside it, out of scope."""

    def __init__(self, directory, depths, *options, seconds=2.0):
        lib.need("cc")
        source = pathlib.Path(directory) / "spinner.c"
        source.write_text(SPINNER)
        for name in ("spinner", "other"):
            subprocess.run(["cc", "-O1", "-fno-omit-frame-pointer", "-mno-omit-leaf-frame-pointer", "-fno-optimize-sibling-calls", "-o", pathlib.Path(directory) / name, source], check=True)
        self.port = lib.free_port()
        self.other = subprocess.Popen([str(pathlib.Path(directory) / "other"), str(seconds), "1"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.since = time.monotonic()
        self.run = subprocess.Popen([lib.TELLTALE, "run", "--quiet", "--tools", "profile:hz=199", "--listen", f"127.0.0.1:{self.port}", *options, *lib.HOOKS, "--",
                                     str(pathlib.Path(directory) / "spinner"), str(seconds), str(depths)],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        lib.equal(self.run.stdout.readline(), "done\n", "the spinner")

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return answer.read().decode()

    def folded(self, query=""):
        """Samples by stack, when those of the last looks have been taken in."""
        return {stack: int(n) for stack, n in (line.rsplit(" ", 1) for line in self.get(f"/profile.folded{query}").splitlines())}

    def end(self):
        self.run.communicate("\n", timeout=60)
        self.other.communicate(b"\n", timeout=60)


def test_profile():
    """A function that spins is found on top, every sample is in a stack, and nobody else is there."""
    with tempfile.TemporaryDirectory() as directory:
        spinner = Spinner(directory, 1)
        try:
            time.sleep(0.2)  # several drains
            stacks, alone, text = spinner.folded(), spinner.folded("?service=spinner&seconds=60"), spinner.get("/metrics")
            lib.equal({stack.split(";")[0] for stack in stacks}, {"spinner"}, "services")
            lib.equal({f"spinner;{stack}": n for stack, n in alone.items()}, stacks, "stacks of the service alone")
            samples = total(text, "process_profile_samples_total", service_name="spinner")
            said = int(re.search(r"samples of the last (\d+) s,", spinner.get("/profile.svg")).group(1))
            lib.check(said <= time.monotonic() - spinner.since + 1, f"samples of {said} s there cannot be yet")
            lib.equal(sum(stacks.values()), samples, "samples in stacks")
            lib.check(samples >= 100, f"{samples} samples of 398 there may be")
            spins = sum(n for stack, n in stacks.items() if "spin" in stack.split(";"))
            lib.check(spins >= 0.9 * samples, f"{spins} of {samples} samples are in the function: {stacks}")
            svg = spinner.get("/profile.svg?service=spinner")
            lib.check(svg.startswith("<?xml") and "<title>spin (" in svg and svg.endswith("</svg>\n"), f"the picture: {svg[:300]}")
            lib.equal(spinner.folded("?service=nobody"), {}, "stacks of nobody")
            lib.equal([n for _, n in series(text, "telltale_tool_refused_total") if n], [], "turned away")
            for query in ("?seconds=0", "?seconds=601", "?service=%zz"):
                with contextlib.suppress(urllib.error.HTTPError):
                    lib.check(False, f"{query}: {spinner.get('/profile.folded' + query)}")
            check_maps(spinner.run.pid)
        finally:
            spinner.end()


def test_profile_has_its_room():
    """More stacks than there is room for: what is not kept is counted, and nothing twice."""
    with tempfile.TemporaryDirectory() as directory:
        spinner = Spinner(directory, 100, "--limit", "tool_stack_bytes=65536", "--limit", "profile_window_s=86400")
        try:
            time.sleep(0.2)
            kept, text = sum(spinner.folded().values()), spinner.get("/metrics")
            samples = total(text, "process_profile_samples_total")
            refused = total(text, "telltale_tool_refused_total", tool="profile", cause="stacks_full")
            lib.equal((kept + refused, refused > 0, kept > 0), (samples, True, True), f"{kept} kept, {refused} not")
        finally:
            spinner.end()


def test_all_at_once():
    """All in one agent, each by its own programs."""
    with tempfile.TemporaryDirectory() as directory:
        text = in_run(f"sched,profile,io:disk={disk().name}", reads(directory))
    lib.equal(total(text, "process_disk_io_bytes_total", service_name="direct-read"), NUMBER * SIZE, "bytes")
    lib.check(total(text, "process_thread_time_seconds_total", service_name="direct-read", part="disk") > 0, "blocked by the disk")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
