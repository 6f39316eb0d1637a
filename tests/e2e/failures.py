#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How an exchange that got no answer is named, and that nothing is invented of bytes that are no protocol."""
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

import lib


class Server(threading.Thread):
    """Accepts one connection and does `act` with it."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.act = act
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        self.act(connection)


def request(port, path):
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return s


def dies_in_mid_response():
    # The server is a process of its own, so that it can be killed.
    code = ("import socket,sys,time; l=socket.create_server(('127.0.0.1',0)); print(l.getsockname()[1],flush=True); c,_=l.accept(); c.recv(4096);"
            "c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 1000\\r\\n\\r\\nhalf'); time.sleep(60)")
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    s = request(int(server.stdout.readline()), "/killed")
    s.recv(4096)
    server.kill()
    server.wait()
    while s.recv(4096):
        pass
    s.close()


def gives_up():
    received = threading.Event()

    def act(connection):
        connection.recv(4096)
        received.set()
        connection.recv(4096)
        connection.close()

    server = Server(act)
    s = request(server.port, "/given-up")
    received.wait()
    s.close()
    server.join()


def is_reset():
    def act(connection):
        connection.recv(4096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    server = Server(act)
    s = request(server.port, "/reset")
    try:
        s.recv(4096)
    except ConnectionResetError:
        pass
    s.close()
    server.join()


def is_never_answered():
    def act(connection):
        connection.recv(4096)
        time.sleep(4)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.recv(4096)
        connection.close()

    server = Server(act)
    s = request(server.port, "/late")
    s.recv(4096)
    s.close()
    server.join()


def each(scenario, path, want, *options, status=None):
    """One exchange without a whole answer at each end that is asked for, named by one of these errors."""
    result = lib.run(scenario, *options)
    for kind, errors in want.items():
        found = result.of(protocol="http", resource=path, kind=kind)
        result.counts(len(found), 1, f"{kind} exchanges of {path} in {result.exchanges}")
        for x in found:
            lib.check(x["status"] == status or (result.missed and x["status"] is None), f"{path}, the {kind}'s end: {x}")
            failed = None if x["error_type"] == "timeout" else True
            lib.check(x["error"] is failed and (x["error_type"] in errors or result.missed), f"{path}, the {kind}'s end: {x}")
    return result


def test_server_killed_in_mid_response():
    each("dies_in_mid_response", "/killed", {"client": ("closed_by_server", "reset"), "server": ("closed_by_server",)}, status="200")


def test_client_gives_up():
    each("gives_up", "/given-up", {"client": ("closed_by_client",), "server": ("closed_by_client",)})


def test_reset():
    each("is_reset", "/reset", {"client": ("reset",)})


def test_never_answered():
    result = each("is_never_answered", "/late", {"client": ("timeout",)}, "--limit", "exchange_timeout_s=1")
    lib.check(result.metric("telltale_stream_responses_late_total") + result.missed >= 1, "the late answer was not counted")


def garbage():
    random.seed(7)
    for size in (1, 3, 100, 5000, 70000):
        def act(connection, size=size):
            got = 0
            while got < size:
                got += len(connection.recv(65536))
            connection.sendall(random.randbytes(size))
            connection.close()

        server = Server(act)
        s = socket.create_connection(("127.0.0.1", server.port))
        s.sendall(random.randbytes(size))
        while s.recv(65536):
            pass
        s.close()
        server.join()


def test_garbage_is_no_exchange():
    result = lib.run("garbage")
    lib.equal(result.exchanges, [], "exchanges")
    lib.check(result.metric("network_io_bytes_total") > 2 * 75000, "its bytes were not counted")


def garbage_between():
    """An HTTP connection on which one side suddenly speaks in tongues."""
    random.seed(8)

    def act(connection):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        connection.recv(65536)
        connection.sendall(random.randbytes(3000))
        time.sleep(0.3)
        connection.close()

    server = Server(act)
    s = request(server.port, "/good")
    s.recv(4096)
    s.sendall(random.randbytes(2000))
    while s.recv(65536):
        pass
    s.close()
    server.join()


def test_garbage_on_an_open_connection():
    result = lib.run("garbage_between")
    for kind in ("client", "server"):
        lib.equal([(x["resource"], x["status"]) for x in result.of(kind=kind) if x["complete"]], [("/good", "200")], f"{kind} exchanges")


if __name__ == "__main__":
    os.environ["PYTHONUNBUFFERED"] = "1"
    sys.exit(lib.main(globals()))
