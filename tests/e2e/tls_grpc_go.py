#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gRPC over TLS between programs of grpc-go, and between Python's and those: all four kinds of calls, counted at each end in plaintext, on connections opened
after telltale and on such as were open and in use before."""
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

import lib
import tls_go
import tls_grpc
import tls_lib

CALLS = lib.scaled(20)
SOURCE = pathlib.Path(__file__).with_suffix("")
BUILDING = 400  # seconds; without its modules and a way to them a build may take for ever


def build(name, directory):
    """A binary nobody else runs, of the modules go.sum names."""
    program = pathlib.Path(directory) / name
    cache = pathlib.Path(os.environ.get("GOCACHE") or pathlib.Path(lib.TELLTALE).resolve().parent / "tests" / "go-cache")
    environment = {**os.environ, "GOCACHE": str(cache), "GO111MODULE": "on", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"}
    try:
        done = subprocess.run(["go", "build", "-buildvcs=false", "-o", program, *tls_go.BUILDS[name], "."], cwd=SOURCE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env=environment, timeout=BUILDING * lib.PATIENCE)
    except subprocess.TimeoutExpired:
        lib.skip("the test's program is not built in time (are its modules there?)")
    if done.returncode:
        lib.skip(f"this Go, or the modules that are there, do not build the test's program: {done.stdout[:400]}")
    return program


class Peers:
    """A server of Go's and a client."""

    def __init__(self, services, program, client, clients, before):
        key, chain = tls_lib.certificate(services)
        port = lib.free_port()
        self.server = subprocess.Popen([program, "serve", str(port), chain, key], stderr=subprocess.DEVNULL)
        lib.wait_for(lambda: lib.port_answers(port), "the server")
        args = [f"127.0.0.1:{port}", str(clients), str(CALLS), str(before)]
        command = [program, "ask", *args] if client == "go" else [lib.PYTHON, "-c", tls_grpc.CLIENT, *args, chain]
        self.client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lib.equal(self.client.stdout.readline(), "ready\n", "what the client says before it is told to go on")

    def go_on(self):
        self.client.stdin.write("\n")
        self.client.stdin.flush()
        return int(self.client.stdout.readline())

    def end(self):
        for process in (self.client, self.server):
            process.kill()
            process.wait()


@contextlib.contextmanager
def peers(*args):
    with lib.Services() as services:
        both = Peers(services, *args)
        try:
            yield both
        finally:
            both.end()


def counted(name, client="go", clients=1, before=4, sources=("go", "go")):
    """`sources`: what each end is seen by, server and client."""
    lib.need("go")
    if client == "python":
        tls_grpc.need_python()
    total = 5 * clients * CALLS
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-go-") as directory, peers(build(name, directory), client, clients, before) as both:
        pids = [both.server.pid, both.client.pid]
        options = ("--uprobes", "--limit", "stream_hold_ms=20000", "--limit", "ring_bytes=64M", "--protocol", "grpc")
        with lib.Agent(*pids, options=options) as agent:
            lib.equal(both.go_on(), total, "the client's own count")
            lib.wait_for(lambda: tls_grpc.told(agent, total * len(pids)), "all calls")
        result = agent.result
    for kind, source in zip(("server", "client"), sources, strict=True):
        tls_grpc.check_calls(result, kind, source, clients, CALLS)
    lib.equal(result.metric("telltale_stream_header_tables_unfit_total"), 0, "tables that were not what was seen")
    result.check_lost({})
    result.check_accounts()


def test_go():
    counted("whole", before=0)


def test_go_open_before():
    counted("whole")


def test_go_stripped_many_open_before():
    counted("stripped", clients=8)


def test_python_and_go():
    counted("whole", client="python", before=0, sources=("go", "openssl"))


def test_python_and_go_open_before():
    counted("stripped", client="python", sources=("go", "openssl"))


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
