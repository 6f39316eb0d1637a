#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""telltale io against what programs did and what the disk counted: a loop device with ext4, in a mount namespace of this test's own."""
import atexit
import ctypes
import fcntl
import json
import os
import pathlib
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import lib
import schema_lib

CLONE_NEWNS = 0x20000
SECTOR = 512
KIB, MIB = 1 << 10, 1 << 20
# Reads and writes without the page cache: mode, file, number, size. A buffer that is mapped is aligned.
DIRECT = """
import mmap, os, sys
mode, name, number, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
buffer = mmap.mmap(-1, size)
fd = os.open(name, os.O_DIRECT | (os.O_RDONLY if mode == "read" else os.O_WRONLY))
for i in range(number):
    moved = os.preadv(fd, [buffer], i * size) if mode == "read" else os.pwritev(fd, [buffer], i * size)
    assert moved == size
"""
# The same, at places and of sizes that are told: file, JSON of [mode, place, size].
PLACED = """
import json, mmap, os, sys
fd = os.open(sys.argv[1], os.O_DIRECT | os.O_RDWR)
for mode, place, size in json.loads(sys.argv[2]):
    buffer = mmap.mmap(-1, size)
    assert (os.preadv if mode == "read" else os.pwritev)(fd, [buffer], place) == size
"""
# The same reads by calls that do not name the file: libaio's (io_submit(2)), io_uring's, and io_uring's by a worker of the kernel.
ASYNCHRONOUS = """
import ctypes, mmap, os, platform, struct, sys
how, name, number, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
libc = ctypes.CDLL(None, use_errno=True)
SETUP, GETEVENTS, SUBMIT = (206, 208, 209) if platform.machine() == "x86_64" else (0, 4, 2)
def call(*arguments):
    r = libc.syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if r < 0:
        sys.exit(77 if ctypes.get_errno() in (1, 38) else os.strerror(ctypes.get_errno()))
    return r
buffer = mmap.mmap(-1, size)
address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
fd = os.open(name, os.O_DIRECT | os.O_RDONLY)
if how == "libaio":
    context = ctypes.c_ulong()
    call(SETUP, 8, ctypes.byref(context))
    for i in range(number):
        one = ctypes.create_string_buffer(struct.pack("<QIIHhIQQqQII", 0, 0, 0, 0, 0, fd, address, size, i * size, 0, 0, 0))
        call(SUBMIT, context, 1, ctypes.byref(ctypes.pointer(one)))
        event = (ctypes.c_int64 * 4)()
        assert call(GETEVENTS, context, 1, 1, event, None) == 1 and event[2] == size, list(event)
    sys.exit()
parameters = (ctypes.c_uint32 * 30)()
ring = call(425, 8, ctypes.byref(parameters))
places = mmap.mmap(ring, 4096, offset=0)
entries = mmap.mmap(ring, 8 * 64, offset=0x10000000)
head, tail, mask, array = (parameters[10 + k] for k in (0, 1, 2, 6))
for i in range(number):
    entries[0:64] = struct.pack("<BBHiQQIIQ24x", 22, 16 if how == "worker" else 0, 0, fd, i * size, address, size, 0, i)
    at = struct.unpack_from("<I", places, tail)[0]
    struct.pack_into("<I", places, array + 4 * (at & struct.unpack_from("<I", places, mask)[0]), 0)
    struct.pack_into("<I", places, tail, at + 1)
    assert call(426, ring, 1, 1, 1, None, 0) == 1
    # What came of it is taken, so that the next wait is for the next one.
    done, results = parameters[20], parameters[25]
    seen = struct.unpack_from("<I", places, done)[0]
    result = struct.unpack_from("<i", places, results + 16 * (seen & struct.unpack_from("<I", places, parameters[22])[0]) + 8)[0]
    assert result == size, result
    struct.pack_into("<I", places, done, seen + 1)
"""
BUFFERED = "import os, sys\nwith open(sys.argv[1], 'wb') as f: f.write(os.urandom(int(sys.argv[2])))\n"


class Disk:
    """A loop device over a file, with ext4 on it, mounted."""

    def __init__(self, directory, name, size=256 * MIB):
        self.image = pathlib.Path(directory) / f"{name}.img"
        self.mount = pathlib.Path(directory) / name
        self.mount.mkdir()
        with open(self.image, "wb") as f:
            f.truncate(size)
        # Nothing is left for the kernel to write in its own time.
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image], check=True)
        self.device = subprocess.run(["losetup", "-f", "--show", self.image], check=True, capture_output=True, text=True).stdout.strip()
        self.name = os.path.basename(self.device)
        atexit.register(self.close)
        subprocess.run(["mount", self.device, self.mount], check=True)

    def close(self):
        subprocess.run(["umount", "-l", self.mount], check=False, capture_output=True)
        subprocess.run(["losetup", "-d", self.device], check=False, capture_output=True)

    def counts(self):
        v = list(map(int, pathlib.Path(f"/sys/block/{self.name}/stat").read_text().split()))
        return {"reads": v[0], "read_bytes": v[2] * SECTOR, "writes": v[4], "write_bytes": v[6] * SECTOR}

    def sync(self):
        subprocess.run(["sync", "-f", self.mount], check=True)


def prepare():
    for program in ("losetup", "mkfs.ext4", "mount", "sync"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/sbin:/usr/sbin"):
            lib.skip(f"no {program}")
    os.environ["PATH"] += ":/sbin:/usr/sbin"
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS) != 0:
        lib.skip("no mount namespace to be had")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    if not os.path.exists("/dev/loop-control") and shutil.which("modprobe"):
        subprocess.run(["modprobe", "loop"], check=False)
    directory = tempfile.TemporaryDirectory(prefix="telltale-e2e-")
    atexit.register(directory.cleanup)
    try:
        return Disk(directory.name, "disk")
    except (subprocess.CalledProcessError, OSError) as e:
        return lib.skip(f"no loop device with ext4: {e}")


KINDS = schema_lib.documented("io")


def io(*options, **more):
    """Rows of a run with the test's disk only, and standard error. One in whose course the kernel kept an end to itself is made again."""
    for _ in range(4):
        DISK.before = DISK.counts()
        rows, err = io_once(*options, **more)
        if "did not tell" not in err:
            break
    return rows, err


def io_once(*options, command=None, want_status=0, meanwhile=None):
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as name:
        path = pathlib.Path(name) / "rows.jsonl"
        with subprocess.Popen([lib.TELLTALE, "io", "--disk", DISK.name, f"--json={path}", *options, "--", *command], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as tool:
            if meanwhile:
                lib.wait_for(lambda: "tt_io" in subprocess.run(["bpftool", "prog", "show"], capture_output=True, text=True).stdout, "the programs")
                meanwhile(tool)
            out, err = tool.communicate(timeout=120)
        lib.equal(tool.returncode, want_status, f"status ({out[-300:]}{err[-600:]})")
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        schema_lib.check(row, KINDS)
    return rows, err


def files(rows, name, operation):
    return [r for r in rows if r["kind"] == "file" and r["file"] == str(name) and r["operation"] == operation]


def total(rows, member):
    return sum(r[member] for r in rows)


def a_file(name, size):
    path = DISK.mount / name
    path.write_bytes(os.urandom(size))
    DISK.sync()
    return path


def within(got, want, part, what):
    lib.check(abs(got - want) <= want * part, f"{what}: got {got}, want {want}")


def test_direct():
    """N reads and M writes of a size: the file's row has exactly these, and the disk's own count agrees."""
    number, size = 300, 16 * KIB
    path = a_file("direct", number * size)
    for operation, counted in (("read", "reads"), ("write", "writes")):
        rows, err = io(command=[lib.PYTHON, "-c", DIRECT, operation, str(path), str(number), str(size)])
        before, after = DISK.before, DISK.counts()
        mine = files(rows, path, operation)
        lib.equal([(r["requests"], r["moved_bytes"], r["errors"], r["disk"], r["inode"]) for r in mine],
                  [(number, number * size, 0, DISK.name, path.stat().st_ino)], f"the file's row: {rows}")
        lib.check(mine[0]["comm"].startswith("python"), f"comm: {mine}")
        lib.check(0 < mine[0]["average_ns"] <= mine[0]["most_ns"] and mine[0]["wait_average_ns"] <= mine[0]["average_ns"], f"latency: {mine}")
        within(total([r for r in rows if r["kind"] == "file" and r["operation"] == operation], "moved_bytes"),
               after[f"{operation}_bytes"] - before[f"{operation}_bytes"], 0.02, f"bytes by the disk's count ({operation})")
        within(total([r for r in rows if r["kind"] == "file" and r["operation"] == operation], "requests"),
               after[counted] - before[counted], 0.02, f"requests by the disk's count ({operation})")
        disk = [r for r in rows if r["kind"] == "disk"]
        lib.equal([r["disk"] for r in disk], [DISK.name], "the disk's row")
        within(disk[0][f"{operation}_bytes"], number * size, 0.02, "bytes of the disk's row")
        lib.check(re.search(r"it took [\d.]+ s in the kernel \(\d+ runs", err), f"own cost: {err}")
        lib.check(str(path) in err, f"the text has no such file: {err}")


def follows(path):
    """How often a place of the file ends where another begins on the disk, as the file system says it (FIBMAP): places, in the order they are used."""
    block = os.statvfs(path).f_bsize
    with open(path, "rb") as f:
        on_disk = [struct.unpack("i", fcntl.ioctl(f, 1, struct.pack("i", i)))[0] for i in range(path.stat().st_size // block)]
    return lambda places: sum(on_disk[b[0] // block] == on_disk[(a[0] + a[1]) // block - 1] + 1 for a, b in zip(places, places[1:]))


def test_access_pattern():
    """Reads and writes one behind the other, in turn at other places, and both in one: what is sequential is so by the disk's own places."""
    number, size = 200, 16 * KIB
    path = a_file("pattern", number * size)
    truth = follows(path)
    one_by_one = [(i * size, size) for i in range(number)]
    shuffled = [(i * 77 % number * size, size) for i in range(number)]  # 77 and 200 have no divisor in common, so each once, and no neighbours
    half = one_by_one[:number // 2] + [p for p in shuffled if p[0] >= number // 2 * size]
    lib.check(truth(one_by_one) >= number - 5 and truth(shuffled) == 0 and truth(half) < 0.6 * number, f"the disk's places: {truth(one_by_one)}")

    def check(rows, mode, places):
        mine = files(rows, path, mode)
        lib.equal([(r["requests"], r["sequential_requests"], r["sequential_percent"]) for r in mine],
                  [(len(places), truth(places), round(truth(places) * 10000 // (len(places) - 1) / 100, 2))], f"{mode} of {len(places)}: {mine}")

    def command(uses):
        return [lib.PYTHON, "-c", PLACED, str(path), json.dumps(uses)]

    for mode in ("read", "write"):
        for places in (one_by_one, shuffled, half):
            rows, err = io(command=command([(mode, *p) for p in places]))
            check(rows, mode, places)
            lib.check("SEQ(%)" in err, f"as text: {err}")
    # The other direction's places are its own.
    rows, _ = io(command=command([use for p, q in zip(one_by_one, shuffled) for use in (("read", *p), ("write", *q))]))
    check(rows, "read", one_by_one)
    check(rows, "write", shuffled)
    # And so are another process's.
    both = [" ".join(map(shlex.quote, command([("read", *p) for p in places]))) for places in (one_by_one, shuffled)]
    rows, _ = io(command=["sh", "-c", f"{both[0]} & {both[1]} & wait"])
    lib.equal(sorted((r["requests"], r["sequential_requests"]) for r in files(rows, path, "read")), [(number, 0), (number, truth(one_by_one))], "two at once")
    # Of a single one it cannot be told.
    rows, _ = io(command=command([("read", size, size)]))
    lib.equal([(r["requests"], r["sequential_requests"], r["sequential_percent"]) for r in files(rows, path, "read")], [(1, 0, None)], "a single one")


def test_sizes():
    """As many requests of each size as were made."""
    made = {8 * KIB: 10, 32 * KIB: 20, 64 * KIB: 5}
    path = a_file("sizes", MIB)
    rows, err = io("--sizes", command=[lib.PYTHON, "-c", PLACED, str(path), json.dumps([("read", 0, size) for size in made for _ in range(made[size])])])
    counted = [r for r in rows if r["kind"] == "size" and r["operation"] == "read"]
    lib.equal({r["from_bytes"]: r["requests"] for r in counted if r["requests"]}, made, f"sizes: {rows}")
    lib.check(all(r["to_bytes"] == 2 * r["from_bytes"] and r["disk"] == DISK.name for r in counted), f"buckets: {counted}")
    lib.check(all(a["to_bytes"] == b["from_bytes"] for a, b in zip(counted, counted[1:])), f"buckets: {counted}")
    lib.equal([(r["sequential_requests"], r["sequential_percent"]) for r in files(rows, path, "read")], [(0, 0)], "the same place again")
    lib.check(re.search(r" read +32\.0 +64\.0 +20 #{40}$", err, re.MULTILINE), f"no bar: {err}")
    lib.equal([r for r in rows if r["kind"] == "latency"], [], "what was not asked for")


def test_split_requests():
    """A call larger than a request may be: several requests, no byte twice; all but the first are sequential, as far as the file lies in one place."""
    size = 8 * MIB
    path = a_file("large", size)
    rows, _ = io(command=[lib.PYTHON, "-c", DIRECT, "read", str(path), "1", str(size)])
    mine = files(rows, path, "read")
    lib.equal(total(mine, "moved_bytes"), size, f"bytes: {mine}")
    lib.check(mine[0]["requests"] > 1, f"requests: {mine}")
    block = os.statvfs(path).f_bsize
    apart = size // block - 1 - follows(path)([(i * block, block) for i in range(size // block)])
    lib.equal(mine[0]["sequential_requests"], mine[0]["requests"] - 1 - apart, f"sequential, of a file in {apart + 1} places: {mine}")


def test_asynchronous():
    """Direct reads by calls that do not name the file."""
    path = a_file("asynchronous", 64 * 16 * KIB)
    for how in ("libaio", "ring", "worker"):
        command = [lib.PYTHON, "-c", ASYNCHRONOUS, how, str(path), "64", str(16 * KIB)]
        if subprocess.run(command, check=False).returncode == lib.SKIPPED:
            continue
        rows, _ = io(command=command)
        lib.equal([(r["comm"][:6], r["requests"], r["moved_bytes"]) for r in files(rows, path, "read")], [("python", 64, 64 * 16 * KIB)], f"{how}: {rows}")


def test_layers_of_a_container():
    """A file a process sees in an overlay is shown where it lies on the host."""
    for name in ("lower", "upper", "work", "merged"):
        (DISK.mount / f"o-{name}").mkdir()
    lower, upper, work, merged = (DISK.mount / f"o-{name}" for name in ("lower", "upper", "work", "merged"))
    script = (f"mount -t overlay overlay -o lowerdir={lower},upperdir={upper},workdir={work} {merged} || exit 77\n"
              f"exec {lib.PYTHON} -c \"import os; f = open('{merged}/inside', 'wb'); f.write(b'x' * 262144); f.flush(); os.fsync(f.fileno())\"")
    if subprocess.run(["unshare", "-m", "sh", "-c", script], check=False).returncode == lib.SKIPPED:
        lib.skip("no overlay")
    (upper / "inside").unlink()
    rows, _ = io(command=["unshare", "-m", "sh", "-c", script])
    lib.equal(total(files(rows, upper / "inside", "write"), "moved_bytes"), 262144, f"bytes: {rows}")


def test_buffered_by_the_kernel():
    """Two processes write files and end; a process nobody observes has the kernel write them: each has its own."""
    a, b = DISK.mount / "dirty-a", DISK.mount / "dirty-b"
    script = f"{lib.PYTHON} -c \"$1\" {a} {3 * MIB} & echo a $!; {lib.PYTHON} -c \"$1\" {b} {5 * MIB} & echo b $!; wait; read go"
    with subprocess.Popen(["sh", "-c", "read go; exec sh -c \"$0\" x \"$1\"", script, BUFFERED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as shell:
        with tempfile.TemporaryDirectory() as name:
            out = pathlib.Path(name) / "rows"
            tool = subprocess.Popen([lib.TELLTALE, "io", "--disk", DISK.name, "--pid", str(shell.pid), f"--json={out}"], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True)
            lib.wait_until_up(tool)
            shell.stdin.write("go\n")
            shell.stdin.flush()
            pids = dict(shell.stdout.readline().split() for _ in range(2))
            lib.wait_for(lambda: not any(os.path.exists(f"/proc/{pid}/mm") or pathlib.Path(f"/proc/{pid}").exists() for pid in pids.values()), "their end")
            DISK.sync()
            tool.send_signal(signal.SIGINT)
            _, err = tool.communicate(timeout=120)
            rows = [json.loads(line) for line in out.read_text().splitlines()]
        shell.stdin.write("go\n")
        shell.stdin.flush()
    lib.equal(tool.returncode, 0, err)
    for path, who, size in ((a, "a", 3 * MIB), (b, "b", 5 * MIB)):
        mine = files(rows, path, "write")
        lib.equal({(r["pid"], r["comm"][:6]) for r in mine}, {(int(pids[who]), "python")}, f"who wrote {path}: {rows}")
        lib.equal(total(mine, "moved_bytes"), size, f"bytes of {path}")


def test_written_by_another():
    """What is written over a page by a process nobody observes is not of the one that wrote there before, nor is that one forgotten."""
    path = a_file("shared", 64 * KIB)
    ready, over = DISK.mount / "ready", DISK.mount / "over"
    write = f"f = os.open('{path}', os.O_WRONLY)\ndef write():\n  os.pwrite(f, os.urandom(4096), 0); os.fdatasync(f)\n"
    mine = f"import os, time\n{write}write()\nopen('{ready}', 'w').close()\nwhile not os.path.exists('{over}'):\n  time.sleep(0.05)\nwrite()"

    def another(_):
        lib.wait_for(ready.exists, "the first write")
        subprocess.run([lib.PYTHON, "-c", f"import os\n{write}for i in range(50):\n  write()"], check=True)
        over.touch()

    for _ in range(4):
        ready.unlink(missing_ok=True)
        over.unlink(missing_ok=True)
        rows, err = io_once(command=[lib.PYTHON, "-c", mine], meanwhile=another)
        if "did not tell" not in err:
            break
    lib.equal([(r["comm"][:6], r["requests"], r["moved_bytes"]) for r in files(rows, path, "write")], [("python", 2, 8192)], "what was written by the one")


def test_fsync():
    path = DISK.mount / "synced"
    script = f"import os\nf = open('{path}', 'wb')\nfor i in range(20):\n  f.write(b'x' * {64 * KIB}); f.flush(); os.fsync(f.fileno())"
    rows, _ = io(command=[lib.PYTHON, "-c", script])
    lib.equal(total(files(rows, path, "write"), "moved_bytes"), 20 * 64 * KIB, f"bytes: {rows}")


def test_deleted():
    path = DISK.mount / "gone"
    script = f"import os\nf = open('{path}', 'wb')\nos.unlink('{path}')\nf.write(b'x' * {MIB}); f.flush(); os.fsync(f.fileno())"
    rows, _ = io(command=[lib.PYTHON, "-c", script])
    lib.equal(total(files(rows, f"{path} (deleted)", "write"), "moved_bytes"), MIB, f"bytes: {rows}")


def test_renamed_and_deep():
    deep = DISK.mount / "/".join(f"d{i}" for i in range(8))
    deep.mkdir(parents=True)
    script = (f"import os\nf = open('{deep}/first', 'wb')\nf.write(b'x' * 65536); f.flush(); os.fsync(f.fileno())\n"
              f"os.rename('{deep}/first', '{deep}/second')\nf.write(b'x' * 65536); f.flush(); os.fsync(f.fileno())")
    rows, _ = io(command=[lib.PYTHON, "-c", script])
    lib.equal(total(files(rows, deep / "second", "write"), "moved_bytes"), 131072, f"bytes: {rows}")


def test_quiet():
    """The disk is busy, but not by whom is observed."""
    path = a_file("others", MIB)
    rows, err = io(command=["sleep", "1"],
                   meanwhile=lambda _: subprocess.run([lib.PYTHON, "-c", DIRECT, "write", str(path), "64", str(16 * KIB)], check=True))
    lib.equal(rows, [], "rows")
    lib.check("telltale io: 0 shown" in err, err)
    _, err = io("--quiet", command=["true"])
    lib.equal(err, "", "what --quiet says")


def test_names():
    """--comm takes one program's rows and leaves the other's."""
    path = a_file("named", MIB)
    link = DISK.mount / "tt-reader"
    shutil.copy("/bin/dd", link)
    script = f"for p in dd {link}; do $p if={path} of=/dev/null bs=64k iflag=direct 2>/dev/null; done"
    rows, _ = io("--comm", "tt-reader", command=["sh", "-c", script])
    lib.equal([(r["comm"], r["moved_bytes"]) for r in files(rows, path, "read")], [("tt-reader", MIB)], "rows")


def test_intervals():
    """As many tables as asked for, whose sums are all there was."""
    path = a_file("often", 4 * MIB)
    script = f"import subprocess, sys, time\nfor i in range(8):\n  subprocess.run([sys.executable, '-c', {DIRECT!r}, 'read', '{path}', '64', '65536'], check=True)\n  time.sleep(0.1)"
    rows, _ = io("0.2", command=[lib.PYTHON, "-c", script])
    mine = files(rows, path, "read")
    lib.equal((total(mine, "requests"), total(mine, "moved_bytes")), (8 * 64, 8 * 64 * 65536), "sums")
    lib.check(len({r["time_unix_ns"] for r in mine}) > 2, f"intervals: {mine}")
    begin = time.monotonic()
    done = subprocess.run([lib.TELLTALE, "io", "0.3", "2", "--pid", str(os.getpid()), "--json"], capture_output=True, text=True, timeout=120)
    lib.equal(done.returncode, 0, done.stderr)
    lib.check(time.monotonic() - begin < 30, "it did not end after two intervals")


def test_latency():
    path = a_file("latency", 2 * MIB)
    rows, err = io("--latency", command=[lib.PYTHON, "-c", DIRECT, "read", str(path), "128", str(16 * KIB)])
    counted = [r for r in rows if r["kind"] == "latency" and r["operation"] == "read"]
    lib.equal(total(counted, "requests"), total([r for r in rows if r["kind"] == "file" and r["operation"] == "read"], "requests"), "requests")
    lib.check(all(a["to_ns"] == b["from_ns"] for a, b in zip(counted, counted[1:])), f"buckets: {counted}")
    lib.check(re.search(r" {2}\d+ #{40}$", err, re.MULTILINE), f"no bar: {err}")


def test_slow():
    """Every request, if all are slow; the parts make the whole."""
    path = a_file("slow", MIB)
    rows, err = io("--slow", "0.000001", command=[lib.PYTHON, "-c", DIRECT, "read", str(path), "64", str(16 * KIB)])
    lib.equal({r["kind"] for r in rows}, {"slow"}, "kinds")
    mine = [r for r in rows if r["file"] == str(path)]
    lib.equal([(r["size_bytes"], r["operation"], r["state"]) for r in mine], [(16 * KIB, "read", "done")] * 64, "requests")
    lib.check(all(r["wait_ns"] + r["scheduler_ns"] + r["device_ns"] == r["took_ns"] for r in mine), f"parts: {mine}")
    lib.equal(len({r["sector"] for r in mine}), 64, "sectors")
    lib.check(re.search(r"telltale io: (\d+) shown; records: \1 produced, \1 delivered, 0 lost", err), err)
    rows, _ = io("--slow", "60000", command=[lib.PYTHON, "-c", DIRECT, "read", str(path), "64", str(16 * KIB)])
    lib.equal(rows, [], "none is so slow")


def test_waiting():
    """A disk that does nothing: its image lies on a file system that is frozen."""
    if not shutil.which("fsfreeze"):
        lib.skip("no fsfreeze")
    inner = Disk(DISK.mount, "inner", 32 * MIB)
    path = inner.mount / "stuck"
    path.write_bytes(bytes(MIB))
    inner.sync()
    DISK.sync()
    writer = [lib.PYTHON, "-c", DIRECT, "write", str(path), "1", "65536"]
    with tempfile.TemporaryDirectory() as name:
        out = pathlib.Path(name) / "rows"
        subprocess.run(["fsfreeze", "--freeze", DISK.mount], check=True)
        try:
            with subprocess.Popen([lib.TELLTALE, "io", "--slow", "100", "1", "--disk", inner.name, f"--json={out}", "--", *writer], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as tool:
                lib.wait_for(lambda: out.exists() and '"waits"' in out.read_text(), "a request that waits")
                subprocess.run(["fsfreeze", "--unfreeze", DISK.mount], check=True)
                lib.equal(tool.wait(timeout=120), 0, "status")
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", DISK.mount], check=False, capture_output=True)
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    inner.close()
    waits = [r for r in rows if r["state"] == "waits"]
    lib.equal({(r["file"], r["size_bytes"], r["operation"]) for r in waits}, {(str(path), 65536, "write")}, "what waits")
    lib.check(all(r["took_ns"] >= 10**9 for r in waits), f"since when: {waits}")
    lib.equal([(r["file"], r["size_bytes"]) for r in rows if r["state"] == "done" and r["size_bytes"] == 65536], [(str(path), 65536)], "and then it is done")


def test_no_room():
    """More files than rows: what is shown and what had no room are all the disk has done."""
    names = [str(a_file(f"many-{i}", 16 * KIB)) for i in range(40)]
    script = f"import subprocess, sys\nfor n in {names!r}:\n  exec(compile({DIRECT!r}, 'x', 'exec'), {{}}) if sys.argv.__setitem__(slice(1, None), ['read', n, '4', '4096']) is None else None"
    rows, err = io("--limit", "tool_kernel_rows=16", command=[lib.PYTHON, "-c", script])
    shown = [r for r in rows if r["kind"] == "file"]
    lib.check(len(shown) <= 16, f"{len(shown)} rows")
    missing = re.search(r"(\d+) requests in no row", err)
    lib.check(missing, f"nothing had no room: {err}")
    lib.equal({r["cause"]: r["requests"] for r in rows if r["kind"] == "lost"}.get("rows_full"), int(missing[1]), "told by a row")
    lib.check(re.search(rf"^ +{missing[1]} there was no room for a row", err, re.MULTILINE), f"as text: {err}")
    disk = [r for r in rows if r["kind"] == "disk"][0]
    lib.check(total(shown, "requests") + int(missing[1]) >= 160, f"requests: {total(shown, 'requests')} and {missing[1]}")
    within(total([r for r in shown if r["operation"] == "read"], "requests") + int(missing[1]), disk["reads"], 0.02, "requests by the disk's count")


def test_terminal():
    """On a terminal tables take each other's place."""
    pid, fd = pty.fork()
    if not pid:
        os.execv(lib.TELLTALE, [lib.TELLTALE, "io", "0.2", "3", "--disk", DISK.name, "--pid", str(os.getppid()), "--quiet"])
    text = b""
    while True:
        try:
            more = os.read(fd, 65536)
        except OSError:
            break
        text += more
        if not more:
            break
    lib.equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, text)
    lib.equal(text.count(b"\033[H\033[J"), 3, f"screens: {text}")


def test_bad_use():
    for arguments, word in [(["--disk", "no-such-disk"], "no-such-disk"), (["--disk"], "--disk"), (["--slow", "x"], "--slow"), (["--slow", "0"], "--slow"),
                            (["1", "2", "3"], "3"), (["--count", "2"], "--count"), (["--nothing"], "--nothing"), (["--pid", "2147483600"], "2147483600")]:
        done = subprocess.run([lib.TELLTALE, "io", *arguments], capture_output=True, text=True, timeout=120)
        lib.check(done.returncode not in (0, 124), f"{arguments}: status {done.returncode}")
        lib.check(len(done.stderr.splitlines()) == 1 and word in done.stderr, f"{arguments}: {done.stderr}")


if __name__ == "__main__":
    DISK = prepare()
    sys.exit(lib.main(globals()))
