#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gRPC over TLS between programs of its C core (Python's, and C++'s with Python's), which gives OpenSSL its bytes in memory: all four kinds of calls,
counted once at each end in plaintext."""
import collections
import pathlib
import subprocess
import sys
import tempfile

import lib
import tls_lib

CALLS = lib.scaled(60)
SOURCE = pathlib.Path(__file__).with_suffix(".cc")
# Both ends, or the server of a program that is named, with a connection of its own for each client. A stream is as long as the call's number says, up to four messages.
PEERS = """
import grpc, subprocess, sys, threading, time
from concurrent import futures
calls, clients = int(sys.argv[1]), int(sys.argv[2])
key, chain = (open(name, "rb").read() for name in sys.argv[3:5])

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
port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
server.start()
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
    return subprocess.run([program, f"127.0.0.1:{port}", sys.argv[4], str(clients), str(calls)], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

print(theirs(sys.argv[5]) if sys.argv[5:] else ours())
server.stop(None).wait()
"""


def peers(clients, *program):
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        lib.tell(right=int(subprocess.run([lib.PYTHON, "-c", PEERS, str(CALLS), clients, key, chain, *program], check=True,
                                         stdout=subprocess.PIPE).stdout))


def counted(clients, *program):
    if subprocess.run([lib.PYTHON, "-c", "import grpc"], stderr=subprocess.DEVNULL).returncode:
        lib.skip("python3-grpcio is not installed")
    result = lib.run("peers", "--uprobes", "--limit", "ring_bytes=64M", args=(clients, *program))
    lib.equal(result.told["right"], CALLS * clients * 5, "the clients' own count")
    want = {(name, "shop.Items", "NOT_FOUND" if name == "Missing" else "OK", True, "openssl"): CALLS * clients
            for name in ("Get", "List", "Put", "Chat", "Missing")}
    for kind in ("server", "client"):
        found = collections.Counter((x["operation"], x["resource"], x["status"], x["complete"], x["source"]) for x in result.of(kind=kind, protocol="grpc"))
        result.counts(dict(found), want, f"{kind} calls; lost {result.lost()}")
        lib.equal(len({x["client"] for x in result.of(kind=kind, protocol="grpc")}), clients, f"connections at the {kind}")
        for name in ("List", "Put", "Chat"):
            counts = collections.Counter((x["attributes"]["rpc.request.message.count"], x["attributes"]["rpc.response.message.count"])
                                         for x in result.of(kind=kind, protocol="grpc", operation=name))
            long = collections.Counter(i % 4 + 1 for i in range(CALLS))
            due = {((1 if name == "List" else n), (1 if name == "Put" else n)): count * clients for n, count in long.items()}
            result.counts(dict(counts), due, f"messages of {name} at the {kind}")
    result.check_lost({})
    result.check_accounts()


def test_one_connection():
    counted(1)


def test_many_connections():
    counted(8)


def test_cpp_and_python():
    lib.need("g++")
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-cpp-") as directory:
        program = pathlib.Path(directory) / "client"
        # Headers of gRPC use absl without naming its libraries.
        done = subprocess.run(["g++", "-o", program, SOURCE, "-Wl,--copy-dt-needed-entries", "-lgrpc++", "-lgrpc", "-lgpr", "-lpthread"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            lib.skip(f"the test's program is not built (libgrpc++-dev): {done.stdout[:400]}")
        counted(4, program)


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
