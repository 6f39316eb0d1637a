#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A gRPC server and client of grpcio (the C core), with messages that are plain bytes: `peer.py server`, which prints its port, and
`peer.py client ADDRESS SCENARIO`."""
import concurrent.futures
import sys
import threading
import time

import grpc


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        name = details.method
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        return {"/shop.Items/Get": unary(lambda request, _: b"got " + request), "/shop.Items/Fail": unary(self.fail),
                "/shop.Items/Missing": unary(self.missing), "/shop.Items/List": grpc.unary_stream_rpc_method_handler(self.list),
                "/shop.Items/Put": grpc.stream_unary_rpc_method_handler(lambda requests, _: str(sum(map(len, requests))).encode()),
                "/shop.Items/Chat": stream(lambda requests, _: requests), "/shop.Items/Slow": unary(self.slow)}.get(name)

    def fail(self, _, context):
        context.abort(grpc.StatusCode.INTERNAL, "no stock: 100% gone, naïve")

    def missing(self, _, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "no such item")

    def list(self, request, _):
        for i in range(5):
            yield b"x" * i * 1000

    def slow(self, _, context):
        ended = threading.Event()
        context.add_callback(ended.set)
        ended.wait(20)
        return b""


def server():
    s = grpc.server(concurrent.futures.ThreadPoolExecutor(16), handlers=[Handler()])
    print(s.add_insecure_port("127.0.0.1:0"), flush=True)
    s.start()
    s.wait_for_termination()


def attempt(call):
    try:
        call()
    except grpc.RpcError as error:
        print(error.code())


def all_kinds(channel, rounds=3):
    for i in range(rounds):
        channel.unary_unary("/shop.Items/Get")(b"item %d" % i, metadata=(("x-round", str(i)),))
        list(channel.unary_stream("/shop.Items/List")(b"all"))
        channel.stream_unary("/shop.Items/Put")(iter([b"a", b"bb" * 100, b""]))
        list(channel.stream_stream("/shop.Items/Chat")(iter([b"hello", b"you"])))


def kinds(channel):
    all_kinds(channel)
    channel.unary_unary("/shop.Items/Get")(b"late", timeout=5, metadata=(("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),))
    channel.unary_unary("/shop.Items/Get")(b"z" * 4000, compression=grpc.Compression.Gzip)


def failures(channel):
    get, fail, missing, none, slow = (channel.unary_unary(f"/shop.Items/{name}") for name in ("Get", "Fail", "Missing", "None", "Slow"))
    get(b"first")
    for call in (fail, missing, none):
        attempt(lambda: call(b"x"))
    attempt(lambda: slow(b"x", timeout=0.2))
    waiting = slow.future(b"x")
    time.sleep(0.2)
    waiting.cancel()
    time.sleep(0.2)
    get(b"last")


def interleaved(channel):
    chats = [channel.stream_stream("/shop.Items/Chat")(slowly(i)) for i in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(list, chats))


def slowly(i):
    for part in range(4):
        time.sleep(0.01 * (i % 3))
        yield bytes([65 + i]) * (1 + 100 * part)


def middle(channel):
    """The first half is said before the capture begins (a line is read then)."""
    all_kinds(channel)
    print("ready", flush=True)
    sys.stdin.readline()
    get = channel.unary_unary("/shop.Items/Get")
    for i in range(5):
        get(b"again", metadata=(("x-new", str(i)),))
    all_kinds(channel, 1)
    failures(channel)
    all_kinds(channel, 1)


def many(channel, count):
    """That many unary calls and a tenth of them each other kind; prints how many."""
    get = channel.unary_unary("/shop.Items/Get")
    chat = channel.stream_stream("/shop.Items/Chat")
    missing = channel.unary_unary("/shop.Items/Missing")
    for _ in range(count):
        get(b"item")
    for _ in range(count // 10):
        list(chat(iter([b"a", b"b", b"c"])))
        attempt(lambda: missing(b"x"))


if __name__ == "__main__":
    if sys.argv[1] == "server":
        server()
    else:
        with grpc.insecure_channel(sys.argv[2]) as the_channel:
            globals()[sys.argv[3]](the_channel, *map(int, sys.argv[4:]))
