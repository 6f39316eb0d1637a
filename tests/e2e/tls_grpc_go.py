#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gRPC over TLS between programs of grpc-go, and between Python's and those: all four kinds of calls, counted at each end in plaintext, on connections opened
after telltale and, where Go's tables can tell the headers, on such as were open and in use before."""
import collections
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

import lib
import tls_go
import tls_lib

CALLS = lib.scaled(20)
SOURCE = pathlib.Path(__file__).with_suffix("")
BUILDING = 400  # seconds; without its modules and a way to them a build may take for ever
# As the Go program's client.
PYTHONS = """
import grpc, sys, threading
address, chain = sys.argv[1], open(sys.argv[5], "rb").read()
clients, calls, before = map(int, sys.argv[2:5])

def several(channel, calls):
    get, many, put, chat, lacks = (kind(f"/shop.Items/{name}") for kind, name in (
        (channel.unary_unary, "Get"), (channel.unary_stream, "List"), (channel.stream_unary, "Put"), (channel.stream_stream, "Chat"),
        (channel.unary_unary, "Missing")))
    right = 0
    for i in range(calls):
        said = [b"x"] * (i % 4 + 1)
        right += get(b"x") == b"x"
        right += list(many(b"".join(said))) == [b"".join(said)] * len(said)
        right += put(iter(said)) == b"".join(said)
        right += list(chat(iter(said))) == said
        try:
            lacks(b"it")
        except grpc.RpcError as error:
            right += error.code() == grpc.StatusCode.NOT_FOUND
    return right

channels = [grpc.secure_channel(address, grpc.ssl_channel_credentials(chain),
                                [("grpc.ssl_target_name_override", "localhost"), ("grpc.use_local_subchannel_pool", 1)]) for _ in range(clients)]
assert all(several(channel, before) == 5 * before for channel in channels)
print("ready", flush=True)
sys.stdin.readline()
results = [0] * clients

def ask(me):
    results[me] = several(channels[me], calls)

threads = [threading.Thread(target=ask, args=(me,)) for me in range(clients)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(results), flush=True)
sys.stdin.read()
"""


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
        command = [program, "ask", *args] if client == "go" else [lib.PYTHON, "-c", PYTHONS, *args, chain]
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


def told(agent, total):
    shown = [float(line.split()[-1]) for line in agent.get("/metrics").splitlines() if
             line.startswith("telltale_stream_exchanges_total ")]
    return sum(shown) >= total


def counted(name, client="go", clients=1, before=4, sources=("go", "go")):
    """`sources`: what each end is seen by, server and client; None: it is not looked at."""
    lib.need("go")
    if client == "python" and subprocess.run([lib.PYTHON, "-c", "import grpc"], stderr=subprocess.DEVNULL).returncode:
        lib.skip("python3-grpcio is not installed")
    total = 5 * clients * CALLS
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-go-") as directory, peers(build(name, directory), client, clients, before) as both:
        pids = [process.pid for process, source in zip((both.server, both.client), sources, strict=True) if source]
        options = ("--uprobes", "--limit", "stream_hold_ms=20000", "--limit", "ring_bytes=64M", "--protocol", "grpc")
        with lib.Agent(*pids, options=options) as agent:
            lib.equal(both.go_on(), total, "the client's own count")
            lib.wait_for(lambda: told(agent, total * len(pids)), "all calls")
        result = agent.result
    for kind, source in zip(("server", "client"), sources, strict=True):
        found = collections.Counter((x["operation"], x["resource"], x["status"], x["complete"], x["source"]) for x in result.of(kind=kind, protocol="grpc"))
        want = {(call, "shop.Items", "NOT_FOUND" if call == "Missing" else "OK", True, source): CALLS * clients
                for call in ("Get", "List", "Put", "Chat", "Missing")} if source else {}
        result.counts(dict(found), want, f"{kind} calls; lost {result.lost()}")
        for call in ("List", "Put", "Chat") if source else ():
            counts = collections.Counter((x["attributes"]["rpc.request.message.count"], x["attributes"]["rpc.response.message.count"])
                                         for x in result.of(kind=kind, protocol="grpc", operation=call))
            long = collections.Counter(i % 4 + 1 for i in range(CALLS))
            due = {((1 if call == "List" else n), (1 if call == "Put" else n)): count * clients for n, count in long.items()}
            result.counts(dict(counts), due, f"messages of {call} at the {kind}")
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
    """Python's end has its table in a library of C++, which tells nobody."""
    counted("stripped", client="python", sources=("go", None))


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
