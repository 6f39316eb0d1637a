# SPDX-License-Identifier: Apache-2.0
"""
Scope by process, cgroup and network namespace: what is in it is told, nothing else; a connection that was there before is told with its
addresses and role from its next message on, without an invented start. With LIVE_ALL=1 (guests only) also the whole host.
"""
import os
import subprocess
import sys
import threading

from live_lib import DUMP, FIRST_SEEN, FROM_START, FROM_UNKNOWN, Dump
import tempfile

bad = []
TALK = """
import os, socket, sys, time
l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen()
c = socket.create_connection(l.getsockname()); s, _ = l.accept()
c.sendall(b"before"); s.recv(100)
print(os.fstat(c.fileno()).st_ino, os.fstat(s.fileno()).st_ino, l.getsockname()[1], flush=True)
sys.stdin.readline()
c.sendall(b"hello"); s.recv(100); s.sendall(b"answer"); c.recv(100)
print("said", flush=True)
sys.stdin.readline()
"""


class Talker:
    def __init__(self, *prefix, setup=None):
        self.p = subprocess.Popen([*prefix, "/usr/bin/python3", "-c", TALK], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True, preexec_fn=setup)
        self.client, self.server, self.port = map(int, self.p.stdout.readline().split())

    def say(self):
        self.p.stdin.write("\n")
        self.p.stdin.flush()
        assert self.p.stdout.readline() == "said\n"

    def end(self):
        self.p.stdin.write("\n")
        self.p.stdin.close()
        self.p.wait()


def observe(options, act):
    with tempfile.NamedTemporaryFile("r") as out:
        p = subprocess.Popen([DUMP, "--out", out.name, *options], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = p.stderr.readline()
        if "ready" not in line:
            raise SystemExit(f"{options}: {line}")
        act()
        p.stdin.close()
        p.wait()
        d = Dump(out.read(), "", p.returncode)
        d.check_sums()
        return d


def check(name, d, talker, others):
    inodes = {r["ino"] for r in d.of("chunk")}
    if not {talker.client, talker.server} <= inodes:
        bad.append(f"{name}: not told: {inodes}")
    for other in others:
        if inodes & {other.client, other.server}:
            bad.append(f"{name}: another process was told of")
    if d.of("open"):
        bad.append(f"{name}: an invented opening")
    for ino, role, said in ((talker.client, 1, b"hello"), (talker.server, 2, b"answer")):
        chunks = d.of("chunk", ino=ino)
        if not chunks:
            continue
        first = chunks[0]
        if not first["flags"] & FIRST_SEEN or first["flags"] & FROM_START or first["offset"] != FROM_UNKNOWN:
            bad.append(f"{name}: first chunk {first}")
        if any(c["flags"] & FIRST_SEEN for c in chunks[1:]):
            bad.append(f"{name}: first more than once")
        if any(c["role"] != role for c in chunks):
            bad.append(f"{name}: roles {[c['role'] for c in chunks]} where {role} was due")
        if b"".join(c["data"] for c in chunks if c["dir"] == "tx") != said:
            bad.append(f"{name}: said {chunks}")
        ends = {first["local"], first["peer"]}
        if f"127.0.0.1|{talker.port}" not in ends:
            bad.append(f"{name}: addresses {ends}")


def by_pid():
    talker, other = Talker(), Talker()
    d = observe(["--pid", str(talker.p.pid)], lambda: (other.say(), talker.say(), talker.end(), other.end()))
    check("pid", d, talker, [other])
    if not d.of("close", ino=talker.client):
        bad.append("pid: no end told")


def by_cgroup():
    roots = [r for r in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") if os.path.exists(r + "/cgroup.procs")
             and os.path.exists(r + "/cgroup.controllers")]
    if not roots:
        print("cgroup: no cgroup v2 here, not tested")
        return
    path = f"{roots[0]}/tt-live-{os.getpid()}"
    os.makedirs(path + "/below")
    try:
        def enter():
            with open(path + "/below/cgroup.procs", "w", encoding="ascii") as f:
                f.write(str(os.getpid()))
        talker, other = Talker(setup=enter), Talker()
        d = observe(["--cgroup", path], lambda: (other.say(), talker.say(), talker.end(), other.end()))
        check("cgroup", d, talker, [other])
        if len({r["cgroup"] for r in d.of("chunk")}) != 1 or d.of("chunk")[0]["cgroup"] != os.stat(path + "/below").st_ino:
            bad.append("cgroup: wrong id")
    finally:
        os.rmdir(path + "/below")
        os.rmdir(path)


def by_netns():
    if subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        print("netns: cannot make one here, not tested")
        return
    talker = Talker("unshare", "-n", "sh", "-c", "ip link set lo up; exec \"$@\"", "sh")
    other = Talker()
    d = observe(["--netns", f"/proc/{talker.p.pid}/ns/net"], lambda: (other.say(), talker.say(), talker.end(), other.end()))
    check("netns", d, talker, [other])
    if {r["netns"] for r in d.of("chunk")} != {os.stat("/proc/self/ns/net").st_ino} and len({r["netns"] for r in d.of("chunk")}) != 1:
        bad.append("netns: several")


def by_host():
    if os.environ.get("LIVE_ALL") != "1":
        return
    talker = Talker()
    d = observe(["--all"], lambda: (talker.say(), talker.end()))
    check("all", d, talker, [])


by_pid()
by_cgroup()
by_netns()
by_host()
print("\n".join(bad[:20]) or "scope: as told")
sys.exit(1 if bad else 0)
