#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests between programs of Go over their own TLS, stripped or not, counted once at each end in plaintext, against what the client says it did."""
import collections
import contextlib
import functools
import os
import pathlib
import shutil
import subprocess
import sys

import lib
import tls_lib

REQUESTS = lib.scaled(2000)
SOURCE = pathlib.Path(__file__).with_suffix(".go")
SIZES = (0, 1, 100, 5000, 40000)
# What is built of it, by name: the toolchain's options.
BUILDS = {"whole": (), "stripped": ("-ldflags=-s -w",)}


@functools.cache
def build(name, source=SOURCE):
    """Nothing is fetched: the source uses the standard library only."""
    program = tls_lib.brought(source.stem, name)
    if program:
        return program
    lib.need("go")
    program = tls_lib.directory() / f"{name}-{source.stem}"
    cache = pathlib.Path(os.environ.get("GOCACHE") or pathlib.Path(lib.TELLTALE).resolve().parent / "tests" / "go-cache")
    done = subprocess.run(["go", "build", "-o", program, *BUILDS[name], source], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "GOCACHE": str(cache), "GO111MODULE": "off", "GOTOOLCHAIN": "local", "GOPROXY": "off",
                               "CGO_ENABLED": "0"})
    if done.returncode:
        lib.skip(f"this Go does not build the test's program: {done.stdout}")
    return program


class Client:
    def __init__(self, program, port, protocol, version, requests, together, kept="kept"):
        self.process = subprocess.Popen([program, "ask", f"https://127.0.0.1:{port}/a/b", requests, together, protocol, version, kept], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def ask(self):
        """How many requests succeeded. Its connections are still open then."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextlib.contextmanager
def server(program):
    with lib.Services() as services:
        port = tls_lib.served(services, program, observed=True)  # its clients are, too: it is one file
        yield port


def between(program, *load):
    with server(program) as port:
        client = Client(program, port, *load)
        lib.tell(succeeded=client.ask())
        client.process.communicate()


def killed(program, requests, together):
    """Clients that end with their connections open, each when the sessions of the one before are forgotten."""
    with server(program) as port:
        succeeded = 0
        for turn in range(3):
            client = Client(program, port, "http", "1.3", str(int(requests) // 3), together)
            succeeded += client.ask()
            client.process.kill()
            client.process.wait()
            lib.wait_for(lambda: lib.said("sessions of processes that are gone are forgotten") > turn, "the end of its sessions")  # noqa: B023
        lib.tell(succeeded=succeeded)


def counted(name, protocol, version="1.3", requests=REQUESTS, together=20, kept="kept", scenario="between", options=()):
    load = (requests, together) if scenario == "killed" else (protocol, version, requests, together, kept)
    # One goroutine writes, another reads: on a busy machine the answer may be read long before the thread that wrote goes on to say so.
    result = lib.run(scenario, "--uprobes", "--limit", "stream_hold_ms=20000", "--limit", "ring_bytes=64M", *options, args=(build(name), *load))
    lib.equal(result.told["succeeded"], requests, "the client's own count")
    for kind in ("server", "client"):
        exchanges = result.of(kind=kind, protocol=protocol)
        ends = collections.Counter((x["operation"], x["status"], x["complete"], x["source"]) for x in exchanges)
        result.counts(dict(ends), {("POST", "200", True, "go"): requests}, f"{kind} exchanges; lost {result.lost()}")
        if scenario == "between":
            want = collections.Counter(f"/a/b/{SIZES[i // 5 % 5]}" for i in range(1, requests + 1))
            result.counts(collections.Counter(x["resource"] for x in exchanges), want, f"what the {kind} was asked")
    result.check_lost({})
    result.check_accounts()
    return result


def test_http_1():
    counted("whole", "http")


def test_http_2():
    counted("whole", "http2")


def test_stripped_http_1():
    counted("stripped", "http")


def test_stripped_http_2():
    counted("stripped", "http2")


def test_tls_1_2():
    counted("whole", "http", version="1.2")


def test_many_goroutines():
    """Each on a connection of its own, on four threads."""
    os.environ["GOMAXPROCS"] = "4"
    try:
        counted("stripped", "http", requests=lib.scaled(3000), together=500)
    finally:
        del os.environ["GOMAXPROCS"]


def test_closed_sessions_are_forgotten():
    """More connections than there is room for sessions, one after the other."""
    counted("stripped", "http", requests=lib.scaled(300), together=4, kept="closed", options=("--limit", "kernel_sessions=256"))


def test_sessions_of_killed_processes_are_forgotten():
    counted("stripped", "http", requests=3 * lib.scaled(100), together=40, scenario="killed", options=("--limit", "kernel_sessions=112", "--limit", "libraries_tidy_s=1"))


SHORT, EACH = 12, 5


def short_lived(program):
    """Each has its own connection and ends at once; its file is another one than the server's."""
    short = shutil.copy2(program, tls_lib.directory() / "short-lived")
    with server(program) as port:
        for i in range(SHORT):
            if i == SHORT - 2:
                lib.observed(short.name)
            client = Client(short, port, "http", "1.3", str(EACH), "1")
            lib.equal(client.ask(), EACH, "the client's own count")
            client.process.communicate()


def test_short_lived():
    """A program may end before there is a probe in its file: who runs it later is seen, and a connection that was not read is counted."""
    result = lib.run("short_lived", "--uprobes", args=(build("stripped"),))
    lib.equal(len(result.of(kind="server", protocol="http", complete=True)), SHORT * EACH, "what the server was asked")
    found = collections.Counter(x["pid"] for x in result.of(kind="client", protocol="http"))
    hands = [x["pid"] for x in sorted(result.of(kind="client", protocol="tls"), key=lambda x: x["time_unix_ns"])]
    lib.equal([found[pid] for pid in hands[-2:]], [EACH, EACH], f"requests of the last ones: {found}")
    unread = [pid for pid in hands if not found[pid]]
    lib.equal(len(hands), SHORT, "clients")
    # Of the one that was there when the probes came, something may have been read, and no whole request.
    told = int(result.metric("telltale_stream_connections_unread_total"))
    lib.check(len(unread) - 1 <= told <= len(unread), f"connections of which nothing was read: {told} told, {len(unread)} clients without a request")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
