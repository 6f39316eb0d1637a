#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Redis beyond requests and replies (large values, channels, silence), and DNS lookups, observed at both ends."""
import collections
import socket
import struct
import sys

import lib

LARGE = lib.scaled(5_000_000)
MESSAGES = lib.scaled(500)
ROUNDS = 10 * lib.scaled(50)  # of two questions, each tenth about what does not exist
OVER_TCP = lib.scaled(50)


def say(s, *arguments):
    parts = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
    s.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))


def hear(s, size):
    got = 0
    while got < size:
        data = s.recv(min(65536, size - got))
        if not data:
            raise RuntimeError("closed early")
        got += len(data)


def large_values():
    with lib.Services() as services:
        _, port = services.redis()
        with socket.create_connection(("127.0.0.1", port)) as s:
            for i in range(5):
                say(s, "SET", f"large{i}", b"x" * LARGE)
                hear(s, 5)
                say(s, "GET", f"large{i}")
                hear(s, len(f"${LARGE}\r\n") + LARGE + 2)
                say(s, "GET", "small")
                hear(s, 5)


def test_large_values():
    lib.need("redis-server")
    result = lib.run("large_values")
    for kind in ("server", "client"):
        exchanges = result.of(protocol="redis", kind=kind)
        result.counts(collections.Counter(x["operation"] for x in exchanges), {"SET": 5, "GET": 10}, f"{kind}; lost {result.lost()}")
        result.counts([x["complete"] for x in exchanges], [True] * 15, f"{kind}: not complete")
        for x in exchanges:
            if not x["complete"]:
                continue
            if x["operation"] == "SET":
                lib.equal(x["request_bytes"], len("*3\r\n$3\r\nSET\r\n$6\r\nlarge0\r\n") + len(f"${LARGE}\r\n") + LARGE + 2, f"{kind} SET")
            elif x["resource"] != "small":
                lib.equal(x["response_bytes"], len(f"${LARGE}\r\n") + LARGE + 2, f"{kind} GET")
    result.check_accounts()


def channels():
    with lib.Services() as services:
        _, port = services.redis()
        with socket.create_connection(("127.0.0.1", port)) as listener, socket.create_connection(("127.0.0.1", port)) as speaker:
            say(listener, "SUBSCRIBE", "a", "b")
            hear(listener, len("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n") * 2)
            for i in range(MESSAGES):
                say(speaker, "PUBLISH", "a", f"{i:04}")
                hear(speaker, 4)
            hear(listener, MESSAGES * len("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$4\r\n0000\r\n"))
            say(listener, "UNSUBSCRIBE")
            hear(listener, len("*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n") * 2)
            say(speaker, "CLIENT", "REPLY", "OFF")
            for i in range(MESSAGES):
                say(speaker, "SET", i, i)
            say(speaker, "CLIENT", "REPLY", "ON")
            hear(speaker, 5)


def test_channels():
    lib.need("redis-server")
    result = lib.run("channels")
    want = {("SUBSCRIBE", "OK"): 1, ("UNSUBSCRIBE", "OK"): 1, ("PUBLISH", "OK"): MESSAGES, ("SET", None): MESSAGES,
            ("CLIENT REPLY", None): 1, ("CLIENT REPLY", "OK"): 1}
    for kind in ("server", "client"):
        exchanges = result.of(protocol="redis", kind=kind)
        result.counts(collections.Counter((x["operation"], x["status"]) for x in exchanges), want, f"{kind}; lost {result.lost()}")
        lib.check(not any(x["error"] for x in exchanges if x["complete"]), f"{kind}: an error")
    result.check_accounts()


def question(identity, name, kind):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">6H", identity, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, 1)


def lookups():
    with lib.Services() as services:
        port = lib.free_port()
        dnsmasq = services.start(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file=", f"--port={port}", "--bind-interfaces",
                        "--listen-address=127.0.0.1", "--no-resolv", "--no-hosts", "--local=/test/", "--host-record=www.test,192.0.2.1"])
        lib.wait_for(lambda: lib.port_answers(port), "dnsmasq")
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
        for s in sockets:
            s.connect(("127.0.0.1", port))
            s.settimeout(10 * lib.PATIENCE)
        for i in range(ROUNDS):
            # Two at a time on one socket, as resolvers ask.
            s = sockets[i % 4]
            name = "www.test" if i % 10 else "nothing.test"
            s.send(question(2 * i, name, 1))
            s.send(question(2 * i + 1, name, 28))
            s.recv(4096)
            s.recv(4096)
        with socket.create_connection(("127.0.0.1", port)) as s:
            for i in range(OVER_TCP):
                q = question(i, "www.test", 1)
                s.sendall(struct.pack(">H", len(q)) + q)
                hear(s, struct.unpack(">H", s.recv(2, socket.MSG_WAITALL))[0])
        lib.settle(dnsmasq.pid)


def test_lookups():
    lib.need("dnsmasq")
    result = lib.run("lookups")
    missing = ROUNDS // 10
    want = {("A", "NOERROR", "udp"): ROUNDS - missing, ("A", "NXDOMAIN", "udp"): missing, ("AAAA", "NOERROR", "udp"): ROUNDS - missing,
            ("AAAA", "NXDOMAIN", "udp"): missing, ("A", "NOERROR", "tcp"): OVER_TCP}
    for kind in ("server", "client"):
        exchanges = result.of(protocol="dns", kind=kind)
        got = collections.Counter((x["operation"], x["status"], x["attributes"]["network.transport"]) for x in exchanges)
        result.counts(got, want, f"{kind}; lost {result.lost()}")
        # A name that does not exist is the asker's failure, as an HTTP 404 is.
        got = collections.Counter((x["status"], x["error"], x["error_type"]) for x in exchanges if x["status"] == "NXDOMAIN")
        result.counts(got, {("NXDOMAIN", kind == "client", "NXDOMAIN" if kind == "client" else None): 2 * missing}, kind)
        result.counts([x["complete"] for x in exchanges], [True] * sum(want.values()), f"{kind}: not complete")
    result.check_accounts()


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
