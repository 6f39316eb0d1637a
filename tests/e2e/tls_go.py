#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests between programs of Go over their own TLS, stripped or not, counted once at each end in plaintext, against what the client says it did."""
import collections
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import lib
import tls_counts

REQUESTS = lib.scaled(2000)
SOURCE = pathlib.Path(__file__).with_suffix(".go")
SIZES = (0, 1, 100, 5000, 40000)
# What is built of it, by name: the toolchain's options.
BUILDS = {"whole": (), "stripped": ("-ldflags=-s -w",)}


def build(name, directory):
    """A binary nobody else runs. Nothing is fetched: the source uses the standard library only."""
    program = pathlib.Path(directory) / name
    cache = pathlib.Path(os.environ.get("GOCACHE") or pathlib.Path(lib.TELLTALE).resolve().parent / "tests" / "go-cache")
    done = subprocess.run(["go", "build", "-o", program, *BUILDS[name], SOURCE], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "GOCACHE": str(cache), "GO111MODULE": "off", "GOTOOLCHAIN": "local", "GOPROXY": "off",
                               "CGO_ENABLED": "0"})
    if done.returncode:
        lib.skip(f"this Go does not build the test's program: {done.stdout}")
    return program


def between(program, protocol, version, requests, together):
    """The programs are looked into some time after they began, so nothing is asked at once."""
    with lib.Services() as services:
        key, chain = tls_counts.certificate(services)
        port = lib.free_port()
        services.start([program, "serve", port, chain, key])
        lib.wait_for(lambda: lib.port_answers(port), "the server")
        client = subprocess.Popen([program, "ask", f"https://127.0.0.1:{port}/a/b", requests, together, protocol, version], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        client.stdout.readline()
        time.sleep(0.5 * lib.PATIENCE)
        out, _ = client.communicate("\n")
        lib.tell(succeeded=int(out))


def counted(name, protocol, version="1.3", requests=REQUESTS, together=20):
    lib.need("go")
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-go-") as directory:
        # One goroutine writes, another reads: on a busy machine the answer may be read long before the thread that wrote goes on to say so.
        result = lib.run("between", "--uprobes", "--limit", "stream_hold_ms=20000", args=(build(name, directory), protocol, version, requests, together))
    lib.equal(result.told["succeeded"], requests, "the client's own count")
    want = collections.Counter(f"/a/b/{SIZES[i // 5 % 5]}" for i in range(1, requests + 1))
    for kind in ("server", "client"):
        exchanges = result.of(kind=kind, protocol=protocol)
        ends = collections.Counter((x["operation"], x["status"], x["complete"], x["source"]) for x in exchanges)
        result.counts(dict(ends), {("POST", "200", True, "go"): requests}, f"{kind} exchanges; lost {result.lost()}")
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
    """Each on a connection of its own."""
    counted("stripped", "http", requests=lib.scaled(3000), together=500)


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
