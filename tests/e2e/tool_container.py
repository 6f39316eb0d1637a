#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--container of every tool: cgroups with the names engines give them, made here; what runs in one is seen, and nothing else."""
import contextlib
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile

import lib

ROOT = pathlib.Path("/sys/fs/cgroup")
UNIFIED = ROOT if (ROOT / "cgroup.controllers").exists() else ROOT / "unified"
# As Docker, containerd, CRI-O and Podman name them, by systemd and by themselves; and where in it the program is.
SHAPES = [("system.slice/docker-{}.scope", ""), ("docker/{}", ""), ("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod5a_1.slice/cri-containerd-{}.scope", ""),
          ("kubepods/besteffort/pod1-2-3/{}", ""), ("kubepods.slice/crio-{}.scope", "container"), ("machine.slice/libpod-{}.scope", "container"),
          ("k8s.io/{}", ""), ("system.slice/docker-{}.scope", "init.scope")]


def an_id():
    return f"{random.getrandbits(256):064x}"


class Cgroup:
    """A cgroup below one of this test's own; what it is in is taken away with it."""

    def __init__(self, path, base=None):
        self.top = (base or UNIFIED) / f"telltale-test-{random.getrandbits(32):08x}"
        self.path = self.top / path

    def __enter__(self):
        try:
            self.path.mkdir(parents=True)
        except OSError as e:
            lib.skip(f"no cgroup can be made: {e}")
        return self

    def take(self, pid):
        (self.path / "cgroup.procs").write_text(str(pid))

    def remove(self):
        for directory in sorted([self.top, *self.top.rglob("*/")], key=lambda p: -len(p.parts)):
            lib.wait_for(lambda d=directory: removed(d), f"{directory} to be empty")

    def __exit__(self, *_):
        self.remove()


def removed(directory):
    with contextlib.suppress(OSError):
        directory.rmdir()
    return not directory.exists()


class Shell:
    """Does what it is told, line by line, and says when it has."""

    def __init__(self, cgroup=None):
        self.process = subprocess.Popen(["sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if cgroup:
            cgroup.take(self.process.pid)

    def do(self, line):
        self.process.stdin.write(f"{line}; echo done\n")
        self.process.stdin.flush()
        lib.equal(self.process.stdout.readline(), "done\n", line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Tool:
    def __init__(self, *command, before=()):
        self.directory = tempfile.TemporaryDirectory(prefix="telltale-e2e-")
        self.rows_at, self.err_at = (pathlib.Path(self.directory.name) / name for name in ("rows", "err"))
        with open(self.err_at, "w") as err:
            self.process = subprocess.Popen([*before, lib.TELLTALE, *command, f"--json={self.rows_at}"], stdout=subprocess.DEVNULL, stderr=err)
        lib.wait_until_up(self.process)
        lib.equal(self.process.poll(), None, f"telltale: {self.err()}")

    def err(self):
        return self.err_at.read_text()

    def end(self):
        self.process.send_signal(signal.SIGINT)
        lib.equal(self.process.wait(60 * lib.PATIENCE), 0, self.err())
        return [json.loads(line) for line in self.rows_at.read_text().splitlines()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.directory.cleanup()


def programs(rows):
    return sorted(r["command"] for r in rows if r["command"].startswith("/bin/true"))


def seen(cgroup, name, before=()):
    """Programs of what is in the cgroup, of what comes there later, and not of another one."""
    with Shell(cgroup) as inside, Shell() as outside, Tool("execs", "--container", name, before=before) as tool:
        inside.do("/bin/true 1")
        outside.do("/bin/true 2")
        with Shell(cgroup) as later:
            later.do("/bin/true 3")
        return programs(tool.end()), tool.err()


def test_shapes():
    for shape, below in SHAPES[:max(3, lib.scaled(len(SHAPES)))]:
        name = an_id()
        with Cgroup(pathlib.Path(shape.format(name)) / below) as cgroup:
            found, err = seen(cgroup, name[:12])
            lib.equal(found, ["/bin/true 1", "/bin/true 3"], f"{shape}: {err[-300:]}")


def test_names():
    """Docker's own file says its name."""
    name = an_id()
    script = (f'mount -t tmpfs none /var/lib && mkdir -p /var/lib/docker/containers/{name} && echo \'{{"Name":"/tt-web"}}\' >/var/lib/docker/containers/{name}/config.v2.json '
              '&& exec "$@"')
    with Cgroup(f"docker/{name}") as cgroup:
        found, err = seen(cgroup, "tt-web", before=("unshare", "-m", "sh", "-c", script, "sh"))
    lib.equal(found, ["/bin/true 1", "/bin/true 3"], f"by its name: {err[-300:]}")


def test_the_tools():
    """Those that begin with what is there: sched and leak."""
    name = an_id()
    with Cgroup(f"docker/{name}") as cgroup, Shell(cgroup) as inside, Shell() as outside:
        with Tool("sched", "wait", "--container", name) as tool:
            for shell in (inside, outside):
                shell.do("/bin/true")
            pids = {r["pid"] for r in tool.end() if r["kind"] == "wait"}
        lib.check(inside.process.pid in pids and outside.process.pid not in pids, f"{inside.process.pid} of {pids}")
        with Tool("leak", "--all", "--container", name) as tool:
            for shell in (inside, outside):
                shell.do("x=$(printf %10000s)")
            pids = {r["pid"] for r in tool.end() if r["kind"] == "stack"}
        lib.check(pids and outside.process.pid not in pids, f"leak: {pids}")


def test_only_version_1():
    """Its processes, and those they start."""
    if UNIFIED == ROOT or not (ROOT / "pids").is_dir():
        lib.skip("no hierarchy of version 1")
    name = an_id()
    with Cgroup(f"docker/{name}", ROOT / "pids") as cgroup:
        found, err = seen(cgroup, name[:20])
    lib.equal(found, ["/bin/true 1"], f"of those that were there: {err[-300:]}")
    lib.check("has no cgroup of version 2" in err, err)


def test_started_again():
    name = an_id()
    with Cgroup(f"docker/{name}") as cgroup:
        with Shell(cgroup) as inside, Tool("execs", "--container", name) as tool:
            inside.do("/bin/true 1")
            inside.__exit__()
            cgroup.remove()
            lib.wait_for(lambda: f"container {name[:12]} has ended" in tool.err(), "its end")
            cgroup.path.mkdir(parents=True)
            lib.wait_for(lambda: f"container {name[:12]} was started again" in tool.err(), "its new start")
            lib.equal(programs(tool.end()), ["/bin/true 1"], "programs")
            lib.equal(tool.err().count("has ended"), 1, "said once")


def test_none():
    first, second = (f"aaaaaaaaaaaa{an_id()[12:]}" for _ in range(2))
    with Cgroup(f"docker/{first}") as a, Cgroup(f"docker/{second}") as b, Shell(a), Shell(b):
        for name, words in ((an_id()[:12], "no running container"), ("no-such-name", "no running container"), ("aaaaaaaaaaaa", "2 containers are called so")):
            done = subprocess.run([lib.TELLTALE, "execs", "--container", name], capture_output=True, text=True, timeout=60)
            lib.equal((done.returncode, len(done.stderr.splitlines())), (1, 1), f"{name}: {done.stderr}")
            lib.check(name in done.stderr and words in done.stderr, done.stderr)
    done = subprocess.run([lib.TELLTALE, "execs", "--container", "x", "--pid", "1"], capture_output=True, text=True, timeout=60)
    lib.check(done.returncode == 2 and "exclude" in done.stderr, done.stderr)


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
