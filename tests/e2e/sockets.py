#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sockets that have no end on the wire, Unix and UDP: their state goes when they do, and a large datagram stays one."""
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile

import lib

CHURN = lib.scaled(3000)
ASKED = 20
TABLE = 512
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def request(path):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def ask_over_tcp():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for number in range(ASKED):
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
            client.sendall(request(f"/n{number}x"))
            server.recv(4096)
            server.sendall(ANSWER)
            client.recv(4096)
            client.close()
            server.close()


def pairs(count):
    return [socket.socketpair() for _ in range(count)]


def use(a, b):
    a.send(b"x")
    b.recv(1)


def unix_churn():
    """All are there before the first is used, so that none has the memory of another."""
    for a, b in pairs(TABLE * 2):
        use(a, b)
        a.close()
        b.close()
    ask_over_tcp()


def udp_churn():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        for _ in range(CHURN):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"x", server.getsockname())
            server.recv(1)
    ask_over_tcp()


def killed_churn():
    """Processes that end without closing anything: only the user side can notice that their sockets are idle. Each turn at a line."""
    held = []
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            for a, b in pairs(TABLE * 2 // 5):
                use(a, b)
            os._exit(0)
        os.waitpid(child, 0)
        held += pairs(TABLE)  # takes the memory that became free
        print("done", flush=True)
    ask_over_tcp()


def held_twice():
    """One of two descriptors is closed: the connection goes on."""
    a, b = socket.socketpair()
    again = a.dup()
    for number, end in enumerate((a, again)):
        end.sendall(request(f"/held{number}x"))
        b.recv(4096)
        b.sendall(ANSWER)
        end.recv(4096)
        end.close()
    b.close()


def unix_without_end():
    with tempfile.TemporaryDirectory() as directory:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(directory + "/s")
        listener.listen()
        client = socket.socket(socket.AF_UNIX)
        client.connect(directory + "/s")
        server, _ = listener.accept()
        client.sendall(request("/gone"))
        server.recv(4096)
        server.close()
        client.close()
        listener.close()


def query(number, name):
    return struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + bytes([len(name)]) + name + b"\0" + struct.pack(">2H", 1, 1)


def large_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 0))
        client.connect(server.getsockname())
        for datagram in (query(7, b"asked"), b"\0" * 16384 + query(8, b"invents")):
            client.send(datagram)
            server.recv(65536)


def all_are_seen(scenario, *options):
    all_are_in(lib.run(scenario, "--limit", f"kernel_connections={TABLE}", *options), scenario)


def all_are_in(result, scenario):
    wanted = sorted(f"/n{number}x" for number in range(ASKED))
    for kind in ("client", "server"):
        found = result.of(protocol="http", kind=kind, complete=True, status="200")
        result.counts(sorted(x["resource"] for x in found), wanted, f"{kind} exchanges after {scenario}")
    result.check_lost({})
    result.check_accounts()


def test_closed_unix_sockets_are_forgotten():
    all_are_seen("unix_churn")


def test_closed_udp_sockets_are_forgotten():
    all_are_seen("udp_churn")


def test_unix_sockets_of_dead_processes_are_forgotten():
    with subprocess.Popen([lib.PYTHON, os.path.abspath(__file__), "--scenario", "killed_churn"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as scenario:
        with lib.Agent(scenario.pid, options=["--limit", f"kernel_connections={TABLE}", "--limit", "connection_idle_s=1"]) as agent:
            for _ in range(2):
                scenario.stdin.write("\n")
                scenario.stdin.flush()
                scenario.stdout.readline()
                lib.wait_for(lambda: re.search("^telltale_stream_connections 0$", agent.get("/metrics"), re.MULTILINE), "the end of what is idle")
                lib.settle(agent.process.pid)
            scenario.communicate()
    all_are_in(agent.result, "killed_churn")


def test_a_descriptor_of_two():
    result = lib.run("held_twice")
    found = result.of(protocol="http", complete=True, status="200")
    for path in ("/held0x", "/held1x"):
        result.counts(len([x for x in found if x["resource"] == path]), 2, f"exchanges of {path} in {result.exchanges}")


def test_unix_end_that_nobody_read():
    result = lib.run("unix_without_end")
    for kind, error in (("client", "closed_by_client"), ("server", "closed_by_server")):
        found = result.of(resource="/gone", kind=kind)
        result.counts([(x["error_type"], x["complete"]) for x in found], [(error, True)], f"the {kind}'s end")


def test_large_datagram_is_one():
    result = lib.run("large_datagram")
    for kind in ("client", "server"):
        result.counts([x["resource"] for x in result.of(protocol="dns", kind=kind) if x["resource"]], ["asked"], f"{kind} queries")
    lib.check("invents" not in str(result.exchanges), "a query that was never sent")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
