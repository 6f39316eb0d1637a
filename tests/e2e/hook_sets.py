#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every set of hooks a kernel has says the same: the same traffic under each, compared; and io_uring, of which they do not see the same."""
import functools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

import lib

SETS = ("fexit", "tracepoint", "kprobe")
# Which of them have to work in the guests.
DUE = {"5.10": SETS, "6.1": SETS, "6.12": SETS, "6.18": SETS, "7.0": SETS, "7.3": SETS}
URING = os.environ.get("LIVE_HTTP_URING", str(lib.ROOT / "build" / "tests" / "live_http_uring"))
REQUESTS = lib.scaled(1000)
ROUNDS = lib.scaled(50)
# What may differ between two runs of the same traffic.
TIMES = {"time_unix_ns", "duration_ns", "ttfb_ns", "pid", "tid"}
lib.HOOKS.clear()


@functools.cache
def sets_here():
    """Name by name, what doctor says of them: chosen, or why not."""
    found = {}
    for name in SETS:
        done = subprocess.run([lib.TELLTALE, "doctor", "--json", "--hooks", name], capture_output=True, text=True)
        told = [s for s in json.loads(done.stdout)["hook_sets"] if s["name"] == name]
        found[name] = None if any(s["chosen"] for s in told) else told[-1]["reason"]
    return found


def answer(connection, sendfile):
    """Serves one connection: small and large bodies, in pieces and from a file."""
    buffered = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in buffered:
                data = connection.recv(4096)
                if not data:
                    return
                buffered += data
            head, _, buffered = buffered.partition(b"\r\n\r\n")
            path = head.split()[1].decode()
            size = int(path.rpartition("/")[2])
            start = f"HTTP/1.1 {404 if '/none' in path else 200} X\r\nContent-Length: {size}\r\n\r\n".encode()
            if "/file" in path:
                connection.sendall(start)
                with open(sendfile, "rb") as f:
                    connection.sendfile(f, 0, size)
            elif "/pieces" in path:
                connection.sendmsg([start[:9], start[9:], *[b"x" * (size // 4)] * 4])
            elif "/dies" in path:
                connection.sendall(start + b"half")
                return
            else:
                connection.sendall(start + b"x" * size)


def server(listener, sendfile, connections):
    for _ in range(connections):
        answer(listener.accept()[0], sendfile)


def asks(connection, path):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    want = int(head.rpartition(b" ")[2])
    while len(body) < want:
        more = connection.recv(65536)
        if not more:
            return
        body += more


def paths(number):
    return [f"/small{number}/10", f"/pieces{number}/4000", f"/none{number}/5", f"/large{number}/100000", f"/file{number}/50000"]


def clients(family, address):
    """Keep-alive, then a connection for each request, then one that is left by its server in mid-answer."""
    with socket.socket(family) as c:
        c.connect(address)
        for number in range(ROUNDS):
            for path in paths(number):
                asks(c, path)
    for path in paths(ROUNDS) + ["/dies/100"]:
        with socket.socket(family) as c:
            c.connect(address)
            asks(c, path)


def talk(family, address, sendfile):
    with socket.socket(family) as listener:
        listener.bind(address)
        listener.listen()
        t = threading.Thread(target=server, args=(listener, sendfile, 2 + len(paths(0))))
        t.start()
        clients(family, listener.getsockname())
        t.join()


def redis():
    """Values the protocol's first bytes tell; pipelined."""
    a, b = socket.socketpair()
    with a, b:
        for number in range(ROUNDS):
            key = f"k{number}"
            a.sendall(f"*2\r\n$3\r\nGET\r\n${len(key)}\r\n{key}\r\n*1\r\n$4\r\nPING\r\n".encode())
            b.recv(4096)
            b.send(b"$2\r\nhi\r\n")
            b.send(b"+PONG\r\n")
            data = b""
            while not data.endswith(b"+PONG\r\n"):
                data += a.recv(4096)


def dns(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as s, socket.socket(family, socket.SOCK_DGRAM) as c:
        s.bind(address)
        for number in range(ROUNDS):
            query = number.to_bytes(2, "big") + b"\x01\0\0\1\0\0\0\0\0\0\4name\0\0\1\0\1"
            c.sendto(query, s.getsockname())
            data, peer = s.recvfrom(512)
            s.sendto(data[:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + data[12:], peer)
            c.recvfrom(512)


def traffic():
    with tempfile.TemporaryDirectory() as directory:
        sendfile = directory + "/file"
        with open(sendfile, "wb") as f:
            f.write(b"f" * 100000)
        talk(socket.AF_INET, ("127.0.0.1", 0), sendfile)
        talk(socket.AF_INET6, ("::1", 0), sendfile)
        talk(socket.AF_UNIX, directory + "/s", sendfile)
    redis()
    dns(socket.AF_INET, ("127.0.0.1", 0))
    dns(socket.AF_INET6, ("::1", 0))


def uring(requests, body):
    subprocess.run([URING, requests, body], check=True)


def shape(exchange):
    """An exchange without what differs from run to run: times, processes, ports, directories."""
    text = json.dumps({k: v for k, v in exchange.items() if k not in TIMES}, sort_keys=True)
    text = re.sub(r'("(?:client|server)": "[^"]*:)\d+"', r'\1PORT"', text)
    text = re.sub(r'("(?:server|client)\.port": )\d+', r"\1PORT", text)
    return re.sub(r"/tmp/tmp\w+|unix:[^\"]*|\"service_instance_id\": \"[^\"]*\"", "PLACE", text)


def same(result, want, got, what):
    """Whole exchanges are the same ones; no more of them lack than runs were missed. On Unix sockets (with a name or without) nothing tells where a
    missed call was, so what came after it may be taken for its answer (docs/kernel-support.md)."""
    want, got = ([x for x in exchanges if json.loads(x)["complete"] and not re.search(r'"server": ("PLACE|null)', x)] for exchanges in (want, got))
    result.counts(got, want, what)


def test_all_say_the_same():
    here = sets_here()
    results = {}
    for name, refused in here.items():
        if refused is not None:
            print(f"  {name} is not compared: {refused}")
            continue
        result = lib.run("traffic", "--hooks", name)
        result.check_lost({}, f"lost under {name}")
        result.check_accounts()
        results[name] = result, sorted(shape(x) for x in result.exchanges)
        for protocol, least in (("http", 6 * (5 * ROUNDS + 5)), ("redis", 4 * ROUNDS), ("dns", 4 * ROUNDS)):
            found = len(result.of(protocol=protocol))
            lib.check(found + result.missed >= least, f"{name}: {found} exchanges of {protocol}, at least {least} are due")
    lib.check(results, f"no set of hooks works here: {here}")
    if "TT_VM" in os.environ:  # a set that does not work any more shall not go unnoticed
        lib.equal(set(results), set(DUE[os.environ["TT_VM"]]), f"sets that were compared: {here}")
    if len(results) < 2:
        lib.skip(f"nothing to compare with: only {', '.join(results)} works here")
    # One that missed nothing is what the others are held against.
    first, *others = sorted(results, key=lambda name: results[name][0].missed)
    for name in others:
        result, b = results[name]
        a = results[first][1]
        only = [x for x in a if x not in b][:3], [x for x in b if x not in a][:3]
        if result.missed:
            same(result, a, b, f"{first} and {name}")
        else:
            lib.check(a == b, f"{first} says {len(a)} exchanges, {name} {len(b)}; only in one: {only}")


def uring_run(name):
    """None where this kernel cannot."""
    result = lib.run("uring", "--hooks", name, args=(REQUESTS, 1000))
    if "note skip" in result.output:
        return None
    lib.check(f"asked {REQUESTS}" in result.output, f"what was asked: {result.output}")
    return result


def test_io_uring():
    if not shutil.which(URING):
        lib.skip("live_http_uring was not built (liburing)")
    for name, refused in sets_here().items():
        if refused is not None:
            print(f"  {name} is not tried: {refused}")
            continue
        result = uring_run(name)
        if result is None:
            lib.skip("this kernel has no io_uring")
        result.check_accounts()
        found = {kind: sorted(x["resource"] for x in result.of(protocol="http", kind=kind, status="200", complete=True)) for kind in ("client", "server")}
        all_of_them = sorted(f"/uring/{number}" for number in range(REQUESTS))
        if name != "tracepoint":
            result.check_lost({}, f"lost under {name}")
            for kind, resources in found.items():
                result.counts(resources, all_of_them, f"{name}: {len(resources)} of {REQUESTS} requests seen by the {kind}")
            continue
        # No payload to find a request in; since 6.3 each call's bytes are counted, under their name.
        lib.equal(found, {"client": [], "server": []}, "exchanges without payload")
        named = result.metric("telltale_bytes_lost_total", cause="io_uring")
        lib.check(set(result.lost()) <= {"io_uring"}, f"lost under {name}: {result.lost()}")
        if tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 3):
            asked = sum(len(f"GET /uring/{n} HTTP/1.1\r\nHost: ring\r\n\r\n") for n in range(REQUESTS))
            answered = REQUESTS * (len("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n") + 1000)
            lib.equal(named, 2 * (asked + answered), "bytes named as io_uring's, at both ends")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
