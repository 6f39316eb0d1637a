#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gRPC over TLS between programs of its C core, which gives OpenSSL its bytes in memory: all four kinds of calls, counted once at each end in plaintext."""
import collections
import subprocess
import sys

import lib
import tls_lib

CALLS = lib.scaled(60)
# Both ends, with a connection of its own for each client. A stream is as long as the call's number says, up to four messages.
PEERS = """
import grpc, sys, threading, time
from concurrent import futures
calls, clients = int(sys.argv[1]), int(sys.argv[2])
key, chain = (open(name, "rb").read() for name in sys.argv[3:])

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

threads = [threading.Thread(target=call, args=(me,)) for me in range(clients)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(right))
server.stop(None).wait()
"""


def peers(clients):
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        lib.tell(right=int(subprocess.run([lib.PYTHON, "-c", PEERS, str(CALLS), clients, key, chain], check=True, stdout=subprocess.PIPE).stdout))


def counted(clients):
    if subprocess.run([lib.PYTHON, "-c", "import grpc"], stderr=subprocess.DEVNULL).returncode:
        lib.skip("python3-grpcio is not installed")
    result = lib.run("peers", "--uprobes", "--limit", "ring_bytes=64M", args=(clients,))
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


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
