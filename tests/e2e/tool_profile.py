#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""telltale profile against programs whose hottest function is known: with symbols, stripped, compiled while they run, in a mount namespace of their own, deleted."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import lib
import schema_lib
import tool_sched

KINDS = schema_lib.documented("profile")
# Runs in one function until it was found there a while: so many turns of its own clock of processor time.
SPIN = r"""
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long turns;

/* Of one loop, so that it may be copied elsewhere: no calls, nothing relative. */
__attribute__((noinline, noclone, aligned(64))) void hot_function(volatile unsigned long *n, unsigned long most)
{
	/* With a frame of its own, which a function that calls nobody does without else. */
	__asm__ volatile("" : : "r"(__builtin_frame_address(0)));
	for (unsigned long i = 0; i < most; i++)
		*n += i;
}

static double spent(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

__attribute__((noinline)) void calls_it(void (*f)(volatile unsigned long *, unsigned long), double seconds)
{
	while (spent() < seconds)
		f(&turns, 200000);
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	void (*f)(volatile unsigned long *, unsigned long) = hot_function;

	if (argc > 2 && strcmp(argv[2], "compiled") == 0) {
		char name[64];
		void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memcpy(code, (void *)hot_function, 256); /* it is shorter */
		memcpy(&f, &code, sizeof(f));
		snprintf(name, sizeof(name), "/tmp/perf-%d.map", getpid());
		FILE *map = fopen(name, "w");
		fprintf(map, "%lx 1000 Compiled::hot;loop\n", (unsigned long)code);
		fclose(map);
	}
	if (argc > 2 && strcmp(argv[2], "deleted") == 0)
		unlink(argv[0]);
	calls_it(f, atof(argv[1]));
	if (argc > 2 && strcmp(argv[2], "compiled") == 0) {
		char name[64];
		snprintf(name, sizeof(name), "/tmp/perf-%d.map", getpid());
		unlink(name);
	}
	return 0;
}
"""


def build(directory, *options):
    lib.need("gcc")
    source, program = pathlib.Path(directory) / "spins.c", pathlib.Path(directory) / "spins"
    source.write_text(SPIN)
    subprocess.run(["gcc", "-O1", "-fno-omit-frame-pointer", "-fcf-protection=none", *options, "-o", program, source], check=True)
    return program


def profile(directory, *command, options=()):
    """Rows, the folded file as a dictionary, and standard error."""
    folded, svg, rows = (pathlib.Path(directory) / name for name in ("stacks.txt", "stacks.svg", "rows.jsonl"))
    done = subprocess.run([lib.TELLTALE, "profile", "--hz", "199", "--folded", folded, "--svg", svg, f"--json={rows}", *options, "--", *map(str, command)],
                          capture_output=True, text=True, timeout=120 * lib.PATIENCE)
    lib.equal(done.returncode, 0, f"status ({done.stdout[-300:]}{done.stderr[-600:]})")
    got = [json.loads(line) for line in rows.read_text().splitlines()]
    for row in got:
        schema_lib.check(row, KINDS)
    stacks = {text: int(count) for text, count in (line.rsplit(" ", 1) for line in folded.read_text().splitlines())}
    return got, stacks, check_svg(svg), done.stderr


def check_svg(path):
    """Titles of a picture, which is whole XML."""
    root = xml.etree.ElementTree.parse(path).getroot()
    lib.equal(root.tag, "{http://www.w3.org/2000/svg}svg", "root of the picture")
    return [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]


def check_whole(rows, stacks, titles, err):
    """What the files have is what the rows have."""
    functions, tasks = ([r for r in rows if r["kind"] == kind] for kind in ("function", "task"))
    looks = sum(r["self_samples"] for r in functions)
    lib.equal(sum(stacks.values()), looks, f"samples in the file ({err})")
    lib.equal(sum(r["samples"] for r in tasks), looks, f"samples of the tasks ({err})")
    lib.check(any(t.startswith(f"all ({looks} samples, 100.00%)") for t in titles), f"all: {titles[:3]}")
    lib.check(re.search(r"it took [\d.]+ s in the kernel \(\d+ runs", err), f"own cost: {err}")
    return functions


def hottest(rows, comm):
    """The function that was found most in processes of that name."""
    found = [r for r in rows if r["kind"] == "function" and r["comm"] == comm]
    lib.check(found, f"nothing was found running in {comm}: {rows}")
    return max(found, key=lambda r: r["self_samples"])


def test_the_hottest_function():
    """Of a program with symbols; who called it; and the table of time says that it ran."""
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as directory:
        program = build(directory)
        rows, stacks, titles, err = profile(directory, program, "0.5")
    check_whole(rows, stacks, titles, err)
    row = hottest(rows, "spins")
    lib.equal(row["function"], "hot_function", f"the hottest ({rows})")
    lib.check(row["total_samples"] >= row["self_samples"] > 0, f"samples: {row}")
    lib.check(any(re.search(r"^spins;.*main;calls_it;hot_function$", s) for s in stacks), f"callers: {stacks}")
    lib.check(any(t.startswith("hot_function (") for t in titles), f"no frame: {titles}")
    task = max((r for r in rows if r["kind"] == "task" and r["pid"] == row["pid"]), key=lambda r: r["run_ns"])
    lib.check(task["run_ns"] >= 400 * 10**6 and task["hottest"].startswith("hot_function "), f"time: {task}")
    lib.check(task["wall_ns"] == sum(task[m] for m in ("run_ns", "queued_ns", "lock_ns", "disk_ns", "network_ns", "reclaim_ns", "idle_ns", "other_ns")),
              f"parts: {task}")


def test_as_many_samples_as_time():
    """By two clocks: in make test-long only (TT_BY_TIME)."""
    if not os.environ.get("TT_BY_TIME"):
        lib.skip("compares times")
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as directory:
        rows, _, _, err = profile(directory, build(directory), "3")
    row = hottest(rows, "spins")
    lib.check(abs(row["self_samples"] - 3 * 199) <= 3 * 199 // 10, f"3 s at 199 Hz: {row} {err}")


def test_stripped():
    """Without symbols: the file and the place in it."""
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as directory:
        rows, stacks, titles, err = profile(directory, build(directory, "-s", "-Wl,--build-id=none"), "0.3")
    check_whole(rows, stacks, titles, err)
    lib.check(re.fullmatch(r"\[spins\+0x[0-9a-f]+\]", hottest(rows, "spins")["function"]), f"the hottest: {rows}")


def test_symbols_apart():
    """The symbols are in another file, named in the program (.gnu_debuglink)."""
    lib.need("objcopy")
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as directory:
        os.chmod(directory, 0o755)
        program = build(directory)
        subprocess.run(["objcopy", "--only-keep-debug", program, f"{program}.debug"], check=True)
        subprocess.run(["objcopy", "--strip-all", f"--add-gnu-debuglink={program}.debug", program], check=True)
        rows, stacks, titles, err = profile(directory, program, "0.3")
    check_whole(rows, stacks, titles, err)
    lib.equal(hottest(rows, "spins")["function"], "hot_function", f"the hottest ({rows})")


def test_compiled_while_it_runs():
    """Code of no file, which the program wrote down as just-in-time compilers do."""
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as directory:
        rows, stacks, titles, err = profile(directory, build(directory), "0.3", "compiled")
    check_whole(rows, stacks, titles, err)
    lib.equal(hottest(rows, "spins")["function"], "Compiled::hot:loop", f"the hottest ({rows})")


def test_deleted():
    """The program's file is gone, as after an upgrade."""
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as directory:
        rows, stacks, titles, err = profile(directory, build(directory), "0.3", "deleted")
    check_whole(rows, stacks, titles, err)
    lib.equal(hottest(rows, "spins")["function"], "hot_function", f"the hottest ({rows})")


def test_in_a_mount_namespace():
    """Where it lies there is nothing, or something else, for everybody else."""
    lib.need("unshare", "mount")
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as directory:
        program = build(directory)
        inside = pathlib.Path(directory) / "inside"
        inside.mkdir()
        (inside / "spins").write_text("not this\n")
        rows, stacks, titles, err = profile(directory, "unshare", "-m", "sh", "-c", f"mount -t tmpfs none {inside} && cp {program} {inside} && exec {inside}/spins 0.3")
        lib.equal((inside / "spins").read_text(), "not this\n", "the file outside")
    check_whole(rows, stacks, titles, err)
    lib.equal(hottest(rows, "spins")["function"], "hot_function", f"the hottest ({rows})")


def test_with_what_it_waited_for():
    """--wall: blocked times stand beside it, and add up to what the rows say; --timeline has a row for each thread."""
    script = "import time\nfor _ in range(5): time.sleep(0.02)\nn = 0\nwhile time.process_time() < 0.3: n += 1\n"
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as directory:
        picture = pathlib.Path(directory) / "timeline.svg"
        rows, stacks, titles, err = profile(directory, lib.PYTHON, "-c", script, options=("--wall", "--threads", "--timeline", picture))
        times = check_svg(picture)
    tasks = [r for r in rows if r["kind"] == "task"]
    sleeps = sum(n for text, n in stacks.items() if text.endswith("[sleep]"))
    lib.check(0 < sleeps <= sum(t["idle_ns"] for t in tasks) // 1000, f"sleeps of 5 * 20 ms: {sleeps} {stacks}")
    lib.check(any(text.startswith("python") and "nanosleep" in text for text in stacks if text.endswith("[sleep]")), f"where it slept: {stacks}")
    lib.check(any("µs" in t for t in titles), f"unit: {titles[:3]}")
    lib.check(all(t["tid"] for t in tasks), f"threads: {tasks}")
    lib.check(any(t.startswith("sleep: ") for t in times) and any(t.startswith("running: ") for t in times), f"timeline: {times}")


def test_intervals():
    """Each interval's samples are its own, and the file has them all."""
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as directory:
        rows, stacks, titles, err = profile(directory, build(directory), "0.5", options=("--interval", "0.2"))
    check_whole(rows, stacks, titles, err)
    lib.check(len({r["time_unix_ns"] for r in rows}) >= 2, f"intervals: {rows}")


def test_bad_use():
    for arguments, word in [(["--hz", "0"], "--hz"), (["--wall"], "--wall"), (["--folded", "/no/such/directory/x"], "/no/such/directory/x"),
                            (["--timeline", "/no/such/directory/x"], "/no/such/directory/x")]:
        done = subprocess.run([lib.TELLTALE, "profile", *arguments, "--", "true"], capture_output=True, text=True, timeout=60 * lib.PATIENCE)
        lib.check(done.returncode in (1, 2) and word in done.stderr, f"{arguments}: {done.returncode} {done.stderr}")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
