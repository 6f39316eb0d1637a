#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gRPC over TLS between programs of its C core (Python's, and C++'s with Python's), which gives OpenSSL its bytes in memory: all four kinds of calls,
counted once at each end in plaintext, on connections opened after telltale and, where the build is known, on such as were open and in use before."""
import collections
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

import lib
import tls_lib

CALLS = lib.scaled(60)
BEFORE = 4
OPTIONS = ("--uprobes", "--limit", "stream_hold_ms=20000", "--limit", "ring_bytes=64M", "--protocol", "grpc")
SOURCE = pathlib.Path(__file__).with_suffix(".cc")
# A stream is as long as the call's number says, up to four messages.
SERVER = """
import grpc, subprocess, sys, threading, time
from concurrent import futures
key, chain = (open(name, "rb").read() if name else None for name in sys.argv[1:3])

def missing(request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")

handlers = grpc.method_handlers_generic_handler("shop.Items", {
    "Get": grpc.unary_unary_rpc_method_handler(lambda request, _: request * 2),
    "List": grpc.unary_stream_rpc_method_handler(lambda request, _: iter([request] * len(request))),
    "Put": grpc.stream_unary_rpc_method_handler(lambda requests, _: b"".join(requests)),
    "Chat": grpc.stream_stream_rpc_method_handler(lambda requests, _: (request for request in requests)),
    "Missing": grpc.unary_unary_rpc_method_handler(missing)})
server = grpc.server(futures.ThreadPoolExecutor(8))
server.add_generic_rpc_handlers((handlers,))
address = "127.0.0.1:0"
port = server.add_secure_port(address, grpc.ssl_server_credentials([(key, chain)])) if key else server.add_insecure_port(address)
server.start()
"""
SERVES = SERVER + """
print(port, flush=True)
sys.stdin.read()
"""
# Both ends, or the server of a program that is named, with a connection of its own for each client.
PEERS = SERVER + """
calls, clients = int(sys.argv[3]), int(sys.argv[4])
right = [0] * clients

def call(me):
    channel = grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(chain),
                                  [("grpc.ssl_target_name_override", "localhost"), ("grpc.use_local_subchannel_pool", 1)])
    get, many, put, chat, lacks = (kind(f"/shop.Items/{name}") for kind, name in (
        (channel.unary_unary, "Get"), (channel.unary_stream, "List"), (channel.stream_unary, "Put"), (channel.stream_stream, "Chat"),
        (channel.unary_unary, "Missing")))
    for i in range(calls):
        said = [b"x"] * (i % 4 + 1)
        right[me] += get(b"%d" % i) == b"%d" % i * 2
        right[me] += list(many(b"".join(said))) == [b"".join(said)] * len(said)
        right[me] += put(iter(said)) == b"".join(said)
        right[me] += list(chat(iter(said))) == said
        try:
            lacks(b"it")
        except grpc.RpcError as error:
            right[me] += error.code() == grpc.StatusCode.NOT_FOUND
    channel.close()

def ours():
    threads = [threading.Thread(target=call, args=(me,)) for me in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(right)

def theirs(program):
    return subprocess.run([program, f"127.0.0.1:{port}", sys.argv[2], str(clients), str(calls)], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

print(theirs(sys.argv[5]) if sys.argv[5:] else ours())
server.stop(None).wait()
"""

# A client that calls so often on each connection, says so, waits to be told to go on, and calls more.
CLIENT = """
import grpc, sys, threading
address, chain = sys.argv[1:6:4]
clients, calls, before = map(int, sys.argv[2:5])

def several(channel, calls):
    get, many, put, chat, lacks = (kind(f"/shop.Items/{name}") for kind, name in (
        (channel.unary_unary, "Get"), (channel.unary_stream, "List"), (channel.stream_unary, "Put"), (channel.stream_stream, "Chat"),
        (channel.unary_unary, "Missing")))
    right = 0
    for i in range(calls):
        said = [b"x"] * (i % 4 + 1)
        right += get(b"x", timeout=1000) in (b"x", b"xx")  # its deadline is a header, too
        right += list(many(b"".join(said))) == [b"".join(said)] * len(said)
        right += put(iter(said)) == b"".join(said)
        right += list(chat(iter(said))) == said
        try:
            lacks(b"it")
        except grpc.RpcError as error:
            right += error.code() == grpc.StatusCode.NOT_FOUND
    return right

options = [("grpc.ssl_target_name_override", "localhost"), ("grpc.use_local_subchannel_pool", 1)]
channels = [grpc.secure_channel(address, grpc.ssl_channel_credentials(open(chain, "rb").read()), options) if chain else
            grpc.insecure_channel(address, options[1:]) for _ in range(clients)]
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


def peers(clients, *program):
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        lib.tell(right=int(subprocess.run([lib.PYTHON, "-c", PEERS, key, chain, str(CALLS), clients, *program], check=True,
                                         stdout=subprocess.PIPE).stdout))


def need_python():
    if subprocess.run([lib.PYTHON, "-c", "import grpc"], stderr=subprocess.DEVNULL).returncode:
        lib.skip("python3-grpcio is not installed")


@contextlib.contextmanager
def program():
    """Of the client in C++."""
    lib.need("g++")
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-cpp-") as directory:
        path = pathlib.Path(directory) / "client"
        # Headers of gRPC use absl without naming its libraries.
        done = subprocess.run(["g++", "-o", path, SOURCE, "-Wl,--copy-dt-needed-entries", "-lgrpc++", "-lgrpc", "-lgpr", "-lpthread"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            lib.skip(f"the test's program is not built (libgrpc++-dev): {done.stdout[:400]}")
        yield path


def check_calls(result, kind, source, clients, calls):
    """All were told at this end, and right: so many of each kind on each connection."""
    found = collections.Counter((x["operation"], x["resource"], x["status"], x["complete"], x["source"]) for x in result.of(kind=kind, protocol="grpc"))
    want = {(call, "shop.Items", "NOT_FOUND" if call == "Missing" else "OK", True, source): calls * clients
            for call in ("Get", "List", "Put", "Chat", "Missing")}
    result.counts(dict(found), want, f"{kind} calls; lost {result.lost()}")
    lib.equal(len({x["client"] for x in result.of(kind=kind, protocol="grpc")}), clients, f"connections at the {kind}")
    long = collections.Counter(i % 4 + 1 for i in range(calls))
    for call in ("List", "Put", "Chat"):
        counts = collections.Counter((x["attributes"]["rpc.request.message.count"], x["attributes"]["rpc.response.message.count"])
                                     for x in result.of(kind=kind, protocol="grpc", operation=call))
        due = {((1 if call == "List" else n), (1 if call == "Put" else n)): count * clients for n, count in long.items()}
        result.counts(dict(counts), due, f"messages of {call} at the {kind}")


def counted(clients, *program):
    need_python()
    result = lib.run("peers", "--uprobes", "--limit", "ring_bytes=64M", args=(clients, *program))
    lib.equal(result.told["right"], CALLS * clients * 5, "the clients' own count")
    for kind in ("server", "client"):
        check_calls(result, kind, "openssl", clients, CALLS)
    result.check_lost({})
    result.check_accounts()


# --- connections that were open, and in use, before telltale ---


def told(agent, total):
    shown = [float(line.split()[-1]) for line in agent.get("/metrics").splitlines() if
             line.startswith("telltale_stream_exchanges_total ")]
    return sum(shown) >= total


@contextlib.contextmanager
def opened(clients, client, secure, environment=None):
    """A server in Python and a client, on so many connections, each in use."""
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services) if secure else ("", "")
        server = subprocess.Popen([lib.PYTHON, "-c", SERVES, key, chain], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        address = f"127.0.0.1:{server.stdout.readline().strip()}"
        counts = [str(n) for n in (clients, CALLS, BEFORE)]
        command = [client, address, chain, *counts] if client else [lib.PYTHON, "-c", CLIENT, address, *counts, chain]
        asks = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        try:
            lib.equal(asks.stdout.readline(), "ready\n", "what the client says before it is told to go on")
            yield server, asks
        finally:
            for process in (asks, server):
                process.kill()
                process.wait()


def go_on(asks):
    asks.stdin.write("\n")
    asks.stdin.flush()
    return int(asks.stdout.readline())


def counted_open_before(clients, client=None, secure=True, options=()):
    need_python()
    total = 5 * clients * CALLS
    with opened(clients, client, secure) as (server, asks):
        with lib.Agent(server.pid, asks.pid, options=(*OPTIONS, *options)) as agent:
            lib.equal(go_on(asks), total, "the client's own count")
            lib.wait_for(lambda: told(agent, 2 * total), "all calls")
    for kind in ("server", "client"):
        check_calls(agent.result, kind, "openssl" if secure else "socket", clients, CALLS)
    lib.equal(agent.result.metric("telltale_stream_header_tables_total"), 4 * clients, "tables, of both directions at both ends")
    lib.equal(agent.result.metric("telltale_stream_header_tables_unfit_total"), 0, "tables that were not what was seen")
    deadlines = {x["attributes"].get("rpc.grpc.timeout_ns", 0) for x in agent.result.of(protocol="grpc", operation="Get")}
    lib.check(all(n == 0 if client else n >= 1000 * 10**9 for n in deadlines), f"deadlines: {deadlines}")
    agent.result.check_lost({})
    agent.result.check_accounts()


def test_one_connection():
    counted(1)


def test_many_connections():
    counted(8)


def test_cpp_and_python():
    with program() as client:
        counted(4, client)


def test_open_before():
    counted_open_before(1)


def test_many_open_before():
    counted_open_before(8)


def test_cpp_and_python_open_before():
    with program() as client:
        counted_open_before(4, client)


def test_open_before_in_the_clear():
    with program() as client:
        counted_open_before(4, client, secure=False)


def test_open_before_without_return_probes():
    with program() as client:
        counted_open_before(1, client, options=("--no-return-probes",))


def test_another_build():
    """Of a library that is not known byte by byte nothing is believed: it is named, and what it had in its tables before stays unknown."""
    need_python()
    library = pathlib.Path("/usr/lib/x86_64-linux-gnu/libgrpc.so.29")
    if not library.exists():
        lib.skip("libgrpc29 is not installed")
    with program() as client, tempfile.TemporaryDirectory(prefix="telltale-e2e-grpc-") as directory:
        whole = bytearray(library.read_bytes())
        at = whole.index(b"\4\0\0\0\24\0\0\0\3\0\0\0GNU\0") + 16
        whole[at] ^= 1
        (pathlib.Path(directory) / library.name).write_bytes(whole)
        with opened(1, client, True, {"LD_LIBRARY_PATH": directory}) as (_, asks):
            with lib.Agent(asks.pid, options=(*OPTIONS, "--limit", "stream_hold_ms=100")) as agent:
                lib.equal(go_on(asks), 5 * CALLS, "the client's own count")
                lib.wait_for(lambda: told(agent, 1), "calls")
        result = agent.result
    lib.check("libgrpc.so.29: headers of HTTP/2" in result.output, f"the library is named: {result.output}")
    lib.equal(result.metric("telltale_stream_header_tables_total"), 0, "tables of it")
    for x in result.of(protocol="grpc"):
        lib.check(x["operation"] in (None, "POST") and x["resource"] is None and not x["complete"], f"{x['operation']} {x['resource']}: from where?")


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
