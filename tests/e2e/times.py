#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times against the client's own clock, within 20 ms (an emulated processor's half second): a paced download, a delayed response, a long blocking write."""
import os
import socket
import sys
import threading
import time

import lib
from connections import paced_get

TOLERANCE_NS = 20_000_000 * lib.PATIENCE**2


def close(got, want, what):
    lib.check(got is not None and abs(got - want) <= TOLERANCE_NS, f"{what}: got {got}, the client's clock says {want}")


def download():
    with lib.Services() as services:
        (services.dir / "big").write_bytes(os.urandom(1 << 20) * 20)
        _, port = services.nginx(f"root {services.dir}; sendfile on; sendfile_max_chunk 512k;")
        total, took = paced_get(port, "/big", 2)
        lib.tell(total=total, took_ns=int(took * 1e9))


def test_paced_download():
    result = lib.run("download")
    for x in result.of(protocol="http", kind="client", resource="/big"):
        lib.equal(x["response_bytes"], result.told["total"], "bytes")
        close(x["duration_ns"], result.told["took_ns"], "duration")


def serve_once(act):
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: act(listener.accept()[0]), daemon=True)
    thread.start()
    return listener.getsockname()[1], thread


def delayed():
    def act(connection):
        connection.recv(4096)
        time.sleep(0.05)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        connection.recv(4096)
        connection.close()

    port, thread = serve_once(act)
    with socket.create_connection(("127.0.0.1", port)) as s:
        begin = time.monotonic_ns()
        s.sendall(b"GET /delayed HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(4096)
        lib.tell(took_ns=time.monotonic_ns() - begin)
    thread.join()


def test_delayed_response():
    result = lib.run("delayed")
    for kind in ("client", "server"):
        found = result.of(protocol="http", kind=kind, resource="/delayed")
        result.counts(len(found), 1, f"{kind} exchanges")
        for x in found:
            if x["complete"] or not result.missed:
                close(x["ttfb_ns"], result.told["took_ns"], f"{kind} ttfb")
                lib.check(x["ttfb_ns"] >= 49_000_000, f"{kind} ttfb {x['ttfb_ns']} is below the delay")


def blocking_write():
    """The answer is written by one call that blocks for a second: its first byte left at the call's begin."""
    def act(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (8 << 20) + b"x" * (8 << 20)
        connection.recv(4096)
        connection.sendall(answer)
        connection.close()

    port, thread = serve_once(act)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        s.connect(("127.0.0.1", port))
        s.sendall(b"GET /blocking HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(1)
        time.sleep(1)
        while s.recv(1 << 20):
            pass
    thread.join()


def test_blocking_write():
    result = lib.run("blocking_write")
    served = result.of(protocol="http", kind="server", resource="/blocking")
    result.counts([(x["status"], x["complete"]) for x in served], [("200", True)], "served")
    for x in served:
        if x["complete"] or not result.missed:
            lib.check(x["duration_ns"] - x["ttfb_ns"] > 900_000_000, f"first byte after {x['ttfb_ns']} ns, the last after {x['duration_ns']} ns")
            lib.check(x["ttfb_ns"] < 100_000_000 or lib.PATIENCE > 1, f"the first byte was dated {x['ttfb_ns']} ns after the request")


if __name__ == "__main__":
    lib.need("nginx")
    sys.exit(lib.main(globals()))
