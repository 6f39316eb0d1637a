#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""telltale leak against programs that leak so many blocks of such a size, or none (tool_leak.c, tool_leak.cc)."""
import atexit
import contextlib
import functools
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import lib
import schema_lib
import tls_lib

HERE = pathlib.Path(__file__).parent
DIRECTORY = pathlib.Path(tempfile.mkdtemp(prefix="telltale-e2e-leak-"))
atexit.register(shutil.rmtree, DIRECTORY, ignore_errors=True)
# Frame pointers, every call a call, and malloc one that is made.
FLAGS = ["-O1", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls", "-fno-builtin", "-pthread"]
# Two stacks that fall into one place are one too few: there is much room.
KERNEL = ["--kernel", "slab", "--limit", "tool_stacks=32768"]


@functools.cache
def build(language):
    """The program in that language; a guest has been brought it."""
    compiler = {"c": "cc", "cc": "c++"}[language]
    program = tls_lib.brought("tool_leak", language)
    if not program:
        lib.need(compiler)
        program = DIRECTORY / f"leak-{language}"
        subprocess.run([compiler, *FLAGS, "-o", program, HERE / f"tool_leak.{language}"], check=True)
    return program


KINDS = schema_lib.documented("leak")


def wakes(pid):
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1])


class Program:
    """A program that waits for a line, and telltale leak, which is there before the line is written."""

    def __init__(self, *command, options=()):
        self.rows_at = DIRECTORY / "rows.jsonl"
        self.rows_at.unlink(missing_ok=True)
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.log = open(DIRECTORY / "log", "w+", encoding="utf-8")
        self.telltale = subprocess.Popen([lib.TELLTALE, "leak", "--pid", str(self.process.pid), f"--json={self.rows_at}", *options],
                                         stdout=subprocess.DEVNULL, stderr=self.log)
        lib.wait_until_up(self.telltale)
        self.first = self.probes()

    def say(self, line="go"):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self):
        return self.process.stdout.readline().strip()

    def probes(self):
        """The kernel's numbers of what holds telltale's probes. (Before 5.15 they have none; then by descriptor.)"""
        found = set()
        for pid in lib.tree(self.telltale.pid):
            for file in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
                with contextlib.suppress(OSError):
                    text = file.read_text()
                    number = re.search(r"^link_id:\s*(\d+)$", text, re.M)
                    if number and re.search(r"^link_type:\s*(perf|uprobe_multi)", text, re.M):
                        found.add(number.group(1))
        return found

    def go_on_with_probes(self, before):
        """The program's child has its own ones, as many as the program had in the beginning."""
        if not self.first:
            self.end()
            raise lib.CannotBeAsked("the kernel has no numbers of probes (before Linux 5.15)")
        lib.wait_for(lambda: len(self.probes() - before) >= len(self.first), "probes of its own")
        known = self.probes()
        self.say()
        return known

    def rows(self):
        text = self.rows_at.read_text() if self.rows_at.exists() else ""
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def drained(self):
        """What the program did by now has come to telltale, and its names are looked up: it woke up more than once since."""
        before = wakes(self.telltale.pid)
        lib.wait_for(lambda: self.telltale.poll() is not None or wakes(self.telltale.pid) >= before + 10, "telltale to come round")

    def end(self, full=False):
        """Ends telltale first, while the program is there. Rows and log."""
        self.drained()
        self.telltale.send_signal(signal.SIGINT)
        return self.ended(full)

    def ended(self, full=False):
        status = self.telltale.wait(120 * lib.PATIENCE)
        self.process.stdin.close()
        self.process.wait(60 * lib.PATIENCE)
        self.process.stdout.close()
        self.log.seek(0)
        log = self.log.read()
        self.log.close()
        lib.equal(status, 0, f"status: {log[-600:]}")
        rows = self.rows()
        for row in rows:
            schema_lib.check(row, KINDS)
        check_log(log, full)
        return rows, log


def check_log(log, full):
    """Nothing was left out for want of room (or it is said), and nothing is told without its accounts."""
    lib.check(re.search(r"\d+ shown; records: \d+ produced, \d+ delivered, \d+ lost, 0 queued", log), f"accounts: {log}")
    lib.equal("for want of room" in log, full, f"left out: {log}")
    lib.check(re.search(r"it took [\d.]+ s in the kernel \(\d+ runs", log), f"own cost: {log}")


def leak(mode, count, size, *options, said="done", full=False):
    """What the program leaks, once: rows and log."""
    program = Program(build("c"), mode, count, size, options=options)
    program.say()
    lib.equal(program.hear(), said, "the program")
    return program.end(full)


def of(rows, function):
    return [r for r in rows if r["kind"] == "stack" and r["function"] == function]


def total(rows):
    return [r for r in rows if r["kind"] == "total"][-1]


def check_leak(rows, function, blocks, size, allocator="malloc"):
    found = of(rows, function)
    lib.equal([(r["blocks"], r["outstanding_bytes"]) for r in found], [(blocks, blocks * size)], f"{function}: {rows}")
    lib.check(re.search(rf"(^|;)main;([^;]*;)*{function};{allocator}", found[0]["stack"]), f"stack: {found}")
    return found[0]


def test_leaked_blocks_of_a_function():
    rows, _ = leak("malloc", 1000, 48)
    row = check_leak(rows, "leaks_here", 1000, 48)
    lib.equal((row["state"], row["of"], row["freed"], row["allocated"], row["missed"]), ("kept", "process", 0, 1000, 0), f"row: {row}")
    lib.equal(sum(row[f"age_{a}"] for a in ("under_1s", "under_10s", "under_60s", "under_600s", "over")), 1000, f"ages: {row}")
    lib.equal((total(rows)["blocks"], total(rows)["outstanding_bytes"], total(rows)["error_bytes"]), (1000, 48000, None), f"total: {rows}")


def test_a_cache_is_no_leak():
    rounds = lib.scaled(10000)
    rows, log = leak("cache", rounds, 50)
    lib.equal(of(rows, "caches_here"), [], "a cache is not shown")
    lib.equal((total(rows)["steady"], total(rows)["blocks"]), (1, 50), f"but counted: {rows}")
    lib.check("1 steady stacks not shown" in log, f"told: {log}")
    rows, _ = leak("cache", rounds, 50, "--all")
    row = check_leak(rows, "caches_here", 50, 100)
    lib.equal((row["state"], row["allocated"], row["freed"]), ("steady", rounds, rounds - 50), f"row: {row}")


def test_a_queue_is_no_leak():
    """It has a bound, and varies below it."""
    rows, _ = leak("queue", 40000, 1000)
    lib.equal(of(rows, "queues_here"), [], "a queue is not shown")
    lib.equal(total(rows)["steady"], 1, f"but counted: {rows}")


def test_full_rows():
    """Blocks that have no row are not followed, which is counted, and no leak."""
    rows, log = leak("stacks", 40, 32, "--all", "--limit", "tool_kernel_rows=16", full=True)
    found = of(rows, "deeper_here")
    lib.check(1 <= len(found) <= 16 and all(r["allocated"] and r["blocks"] == r["allocated"] - r["freed"] for r in found), f"rows: {found}")
    left_out = int(re.search(r"(\d+) blocks not followed, or in no row, for want of room for it", log)[1])
    # A stack has two rows: those it keeps, and those it frees, of which nothing is left to show.
    lib.check(20 * 101 <= left_out < 40 * 101, f"left out: {left_out}")


def test_full_table_of_stacks():
    """Blocks that are followed and in no row are in the total, and each is counted once, however often it is looked."""
    rows, log = leak("stacks", 100, 32, "--all", "0.2", "--limit", "tool_rows=64", full=True)
    last = total(rows)
    lib.equal((last["blocks"], last["outstanding_bytes"]), (100, 3200), f"total: {last}")
    left_out = int(re.search(r"(\d+) blocks not followed, or in no row, for want of room for it", log)[1])
    lib.check(last["stacks"] <= 64, f"rows: {last}")
    shown = sum(r["blocks"] for r in rows if r["kind"] == "stack" and r["time_unix_ns"] == last["time_unix_ns"])
    lib.equal(shown + left_out, 100, f"with a row and without: {last} {log}")


def test_full_tasks():
    """However many processes there were: one that leaks is found, and none's place is kept."""
    rows_at = DIRECTORY / "rows.jsonl"
    script = f"i=0; while [ $i -lt 24 ]; do /bin/true; i=$((i+1)); done; {build('c')} late 123 456"
    done = subprocess.run([lib.TELLTALE, "leak", "--limit", "tool_tasks=16", f"--json={rows_at}", "--", "sh", "-c", script],
                          input="go\n", capture_output=True, text=True, timeout=120 * lib.PATIENCE)
    lib.equal((done.returncode, done.stdout), (0, "done\n"), f"the command: {done.stderr[-600:]}")
    rows = [json.loads(line) for line in rows_at.read_text().splitlines()]
    lib.equal([(r["blocks"], r["outstanding_bytes"]) for r in rows if r["kind"] == "stack" and r["blocks"] == 123], [(123, 123 * 456)], f"rows: {rows}")


def passing(batches, count, *options):
    """So many children that come and go at a time: how many were seen to leak, and how many are said not to be observed."""
    rows_at = DIRECTORY / "rows.jsonl"
    script = f"for b in {' '.join(map(str, range(batches)))}; do i=0; while [ $i -lt {count} ]; do {build('c')} passing 3 500 </dev/null & i=$((i+1)); done; wait; done"
    done = subprocess.run([lib.TELLTALE, "leak", *options, f"--json={rows_at}", "--", "sh", "-c", script], capture_output=True, text=True, timeout=120 * lib.PATIENCE)
    lib.equal(done.returncode, 0, f"the command: {done.stderr[-600:]}")
    # By the size: functions of a process that is gone may have no names.
    found = [r for r in map(json.loads, rows_at.read_text().splitlines()) if r["kind"] == "stack" and r["outstanding_bytes"] == 1500]
    lib.equal({r["blocks"] for r in found}, {3}, "each of them")
    missed = re.search(r"(\d+) processes not observed", done.stderr)
    return len({r["pid"] for r in found}), int(missed[1]) if missed else 0


def test_children_that_come_and_go():
    """Probes of those that are gone are let go of meanwhile: who is not observed is counted, and that is not a whole batch."""
    if os.uname().machine != "x86_64":
        lib.skip("the breakpoint is x86's")
    seen, missed = passing(4, 25)
    print(f"observed {seen}, not observed {missed}")
    # One may be observed just when it has looked for the last time.
    lib.check(97 <= seen + missed <= 100, f"observed {seen}, not observed {missed}")
    lib.check(seen >= 50, f"observed: {seen}")


def test_more_children_than_places():
    if os.uname().machine != "x86_64":
        lib.skip("the breakpoint is x86's")
    seen, missed = passing(1, 20, "--limit", "tool_processes=2")
    lib.check(19 <= seen + missed <= 20, f"observed {seen}, not observed {missed}")
    lib.check(seen and missed, f"observed {seen}, not observed {missed}")


def test_another_name():
    """A process that had the name asked for when it allocated: its blocks' ends are seen whatever its name is then."""
    program = build("c")
    rows, _ = leak("renamed", 500, 40, "--comm", program.name)
    lib.equal(of(rows, "leaks_here"), [], f"all was freed: {rows}")
    rows, _ = leak("malloc", 500, 40, "--comm", program.name)
    check_leak(rows, "leaks_here", 500, 40)


def test_realloc():
    """It moves, shrinks, fails, and frees: one block is left."""
    rows, log = leak("realloc", 1, 50)
    check_leak(rows, "reallocs_here", 1, 50, "realloc")
    lib.equal(total(rows)["blocks"], 1, f"in all: {rows}")
    lib.check("whose beginning" not in log, f"nothing else ended: {log}")


def test_freed_by_another_thread():
    rows, _ = leak("elsewhere", 500, 40)
    lib.equal(of(rows, "leaks_here"), [], f"all was freed: {rows}")


def test_calloc():
    check_leak(leak("calloc", 300, 64)[0], "callocs_here", 300, 64, "calloc")


def test_aligned_and_arrays():
    rows, _ = leak("align", 400, 128)
    found = of(rows, "aligns_here")
    lib.equal(sorted((r["blocks"], r["outstanding_bytes"]) for r in found), [(100, 12800)] * 4, f"rows: {rows}")
    lib.equal(total(rows)["blocks"], 400, f"in all: {rows}")


def test_mappings():
    rows, _ = leak("mmap", 10, 8192, "--mmap")
    check_leak(rows, "maps_here", 10, 8192, "(__)?mmap")
    lib.equal(sum(r["blocks"] for r in of(rows, "maps_here")), 10, f"two that end at once: {rows}")


def test_children():
    """They have their own probes, once they are there, and their own rows."""
    program = Program(build("c"), "fork", 70, 32)
    program.say()
    child = int(program.hear().removeprefix("waits "))
    program.go_on_with_probes(program.first)
    lib.equal(program.hear(), f"child {child}", "its number")
    lib.equal(program.hear(), "done", "the program")
    rows, _ = program.end()
    lib.equal(check_leak(rows, "leaks_here", 70, 32)["pid"], child, "whose it is")


def test_a_number_again():
    """A child, and then another one of its number, has its own probes and rows."""
    program = Program(build("c"), "number", 70, 32)
    program.say()
    told, known = program.hear(), program.first
    while told.startswith("waits "):
        known = program.go_on_with_probes(known)
        told = program.hear()
    if told == "no such number":
        program.end()
        raise lib.CannotBeAsked("another process has that number by now")
    child = int(told.split()[1])
    lib.equal(program.hear(), "done", "the program")
    rows, _ = program.end()
    lib.equal([(r["pid"], r["blocks"]) for r in rows if r["kind"] == "stack" and r["blocks"] == 70], [(child, 70)] * 2, f"rows: {rows}")


def test_operator_new():
    """An exception is thrown past it, too."""
    program = Program(build("cc"), 200, 24)
    program.say()
    lib.equal(program.hear(), "done", "the program")
    rows, _ = program.end()
    found = [r for r in rows if r["kind"] == "stack" and "news_here" in r["function"]]
    lib.equal([(r["blocks"], r["outstanding_bytes"]) for r in found], [(200, 4800)], f"rows: {rows}")
    lib.check(not any("deletes_here" in (r["stack"] or "") for r in rows if r["kind"] == "stack"), f"those are deleted: {rows}")


def test_sampling():
    """Within six of the errors it states, and those are what they are to be."""
    blocks, size, sample = lib.scaled(30000), 64, 4096
    error = (blocks * size * (sample - size)) ** 0.5
    rows, log = leak("malloc", blocks, size, "--sample", str(sample))
    for row in (of(rows, "leaks_here")[0], total(rows)):
        lib.check(abs(row["outstanding_bytes"] - blocks * size) <= 6 * row["error_bytes"], f"bytes: {row}")
        lib.check(abs(row["blocks"] - blocks) <= 6 * row["blocks_error"], f"blocks: {row}")
        lib.check(error / 2 < row["error_bytes"] < error * 2, f"error: {row}")
    lib.equal(total(rows)["sample_bytes"], 4096, "said")
    lib.check("blocks not followed, for which others stand" in log, f"told: {log}")
    rows, _ = leak("malloc", 100, 5000, "--sample", "4096")
    row = check_leak(rows, "leaks_here", 100, 5000)
    lib.equal(row["error_bytes"], 0, "large ones are all followed")


def test_growth_between_intervals():
    """What grows with each interval is growing, the cache beside it is not; and what does so no more is steady."""
    program = Program(build("c"), "step", 100, 80, options=["--interval", "0.3"])
    program.say()

    def last(function):
        """The last interval's, which begins with the first row of its time."""
        rows = program.rows()
        return [r for r in of(rows, function) if r["time_unix_ns"] == rows[-1]["time_unix_ns"]] if rows and rows[-1]["kind"] == "total" else []

    for step in range(1, 4):
        program.say()
        lib.equal(program.hear(), "stepped", "the program")
        lib.wait_for(lambda: any(r["blocks"] == 100 * step for r in of(program.rows(), "grows_here")), f"step {step} to be shown")
    ends = {}
    for row in of(program.rows(), "grows_here"):
        ends.setdefault(row["blocks"], row)
    lib.equal([ends[n]["state"] for n in (200, 300)], ["growing"] * 2, f"states: {ends}")
    lib.check(all(0 < ends[n]["grew_bytes"] <= 8000 for n in (200, 300)), f"grew: {ends}")
    seen = len(program.rows())
    lib.wait_for(lambda: sum(r["kind"] == "total" for r in program.rows()[seen:]) >= 2, "intervals without a step")
    lib.equal(last("grows_here"), [], f"it grows no more: {program.rows()[-4:]}")
    lib.equal([r for r in of(program.rows(), "steps") if r["state"] == "growing" and r["blocks"] > 10], [], "the cache")
    program.end()


def test_a_command():
    """Begun by telltale itself, it is observed from its first block on; what it had at its end stays."""
    rows_at = DIRECTORY / "rows.jsonl"
    done = subprocess.run([lib.TELLTALE, "leak", f"--json={rows_at}", "--", build("c"), "malloc", "123", "456"],
                          input="go\n", capture_output=True, text=True, timeout=120 * lib.PATIENCE)
    lib.equal((done.returncode, done.stdout), (0, "done\n"), f"the command: {done.stderr[-600:]}")
    rows = [json.loads(line) for line in rows_at.read_text().splitlines()]
    lib.equal([(r["blocks"], r["outstanding_bytes"]) for r in rows if r["kind"] == "stack" and r["blocks"] == 123], [(123, 123 * 456)], f"rows: {rows}")


ASTRAY = """
#include <stdlib.h>
#include <unistd.h>
static struct { void *next; unsigned long returned; } frames[40];
static void *kept[10];
__attribute__((noinline)) void *astray(unsigned long frame)
{
	void *p;
	__asm__ volatile("push %%rbp\\n\\tmov %%rsp, %%r12\\n\\tmov %1, %%rbp\\n\\tand $-16, %%rsp\\n\\tmov $1000, %%edi\\n\\tcall *%2\\n\\tmov %%r12, %%rsp\\n\\tpop %%rbp"
			 : "=a"(p) : "r"(frame), "r"(malloc) : "rdi", "rsi", "rdx", "rcx", "r8", "r9", "r10", "r11", "r12", "memory", "cc");
	return p;
}
int main(void)
{
	for (int i = 0; i < 39; i++) {
		frames[i].next = &frames[i + 1];
		frames[i].returned = 16 + i;
	}
	for (int i = 0; i < 10; i++)
		kept[i] = astray((unsigned long)frames);
	sleep(1);
	return !kept[9];
}
"""


def test_a_frame_pointer_of_another_use():
    """What stands behind the first address that is no code is one frame nobody knows."""
    if platform.machine() != "x86_64":
        lib.skip("it is in x86-64's assembler")
    lib.need("cc")
    source, program, rows = (DIRECTORY / name for name in ("astray.c", "astray", "astray.jsonl"))
    source.write_text(ASTRAY)
    subprocess.run(["cc", "-O1", "-fno-omit-frame-pointer", "-mno-red-zone", "-o", program, source], check=True)
    subprocess.run([lib.TELLTALE, "leak", "--all", f"--json={rows}", "-q", "--", program], check=True, capture_output=True, timeout=120)
    stacks = [row["stack"] for row in map(json.loads, rows.read_text().splitlines()) if row["kind"] == "stack" and "astray" in (row["stack"] or "")]
    lib.equal(stacks, ["[unknown];astray;malloc"], "stacks")


def test_objects_of_the_kernel():
    """Files that are kept open, by their caches; once they are closed they are none of them any more."""
    program = Program(build("c"), "files", 150, 0, options=[*KERNEL, "--all", "--interval", "0.3"])
    program.say()
    lib.equal(program.hear(), "done", "the program")

    def of_eventfd():
        rows = program.rows()
        end = rows[-1]["time_unix_ns"] if rows and rows[-1]["kind"] == "total" else None
        return [r for r in rows if r["kind"] == "stack" and r["time_unix_ns"] == end and "eventfd" in (r["stack"] or "") and r["blocks"] >= 150]

    lib.wait_for(lambda: len(of_eventfd()) >= 2, "150 files")
    rows = of_eventfd()
    lib.check(all(r["blocks"] == 150 and r["of"] == "slab" and r["pid"] is None for r in rows), f"rows: {rows}")
    caches = {r["cache"] for r in rows}
    # What eventfd(2) itself allocates, and the file. Until 5.19 the kernel does not say which cache it is.
    lib.check(any(c.startswith("kmalloc-") for c in caches) and any(c == "filp" or c.startswith("(") for c in caches), f"caches: {caches}")
    program.say()
    seen = len(program.rows())
    lib.wait_for(lambda: sum(r["kind"] == "total" for r in program.rows()[seen:]) >= 2 and not of_eventfd(), f"their end: {of_eventfd()}")
    program.end()


def test_usage():
    for options, text in (([], "whose memory"), (["--kernel", "heap"], "'heap'"), (["--kernel=slab", "--mmap"], "--mmap is not for --kernel")):
        done = subprocess.run([lib.TELLTALE, "leak", *options], capture_output=True, text=True)
        lib.equal(done.returncode, 2, f"{options}: {done.stderr}")
        lib.check(text in done.stderr and done.stderr.count("\n") == 1, f"{options}: {done.stderr}")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
