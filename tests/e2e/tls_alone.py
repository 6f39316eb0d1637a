#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Probes in the processes of --pid alone: whoever else has the library has no trap, as its memory shows; above the limit, and once a process in scope forks,
all have it, and from then on nothing is missed. What was open by then is counted, and nothing wrong is told of it."""
import collections
import contextlib
import ctypes
import functools
import http.client
import pathlib
import platform
import ssl
import sys

import lib
import tls_lib

ASKED = 20
BREAKPOINT = b"\xcc"
FUNCTIONS = ("SSL_read_ex", "SSL_write_ex")  # what Python's ssl calls
WIDE = "in all processes that have the files now"
# `forks`: a child for each connection; `handed`: which gets it from its parent behind the handshake. What is asked for says what it does beside.
SERVER = """
import ctypes, http.server, os, socketserver, ssl, subprocess, sys, threading
kind, port, chain, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(chain, key)
leaves = threading.Event()
class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/run":
            subprocess.run(["true"], check=True, close_fds=False)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"hi")
        if self.path == "/leave":
            leaves.set()
    def log_message(self, *_):
        pass
class Wraps:
    def finish_request(self, request, address):
        with context.wrap_socket(request, server_side=True) as request:
            super().finish_request(request, address)
class Threads(Wraps, http.server.ThreadingHTTPServer):
    pass
class Forks(Wraps, socketserver.ForkingMixIn, http.server.HTTPServer):
    pass
class Handed(socketserver.ForkingMixIn, http.server.HTTPServer):
    pass
server = {"threads": Threads, "again": Threads, "forks": Forks, "handed": Handed}[kind](("127.0.0.1", int(port)), Answers)
if kind == "handed":
    server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, args=(0.05,)).start()
leaves.wait()
if kind == "again":
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:-4], "threads", port, chain, key])
ctypes.CDLL(None).pthread_exit(None)
"""


class Server:
    def __init__(self, services, kind="threads"):
        key, chain = tls_lib.certificate(services)
        self.port = lib.free_port()
        self.pid = services.start([lib.PYTHON, "-c", SERVER, kind, self.port, chain, key]).pid
        lib.wait_for(lambda: lib.port_answers(self.port), "the server")

    def connected(self):
        return contextlib.closing(http.client.HTTPSConnection("127.0.0.1", self.port, context=ssl._create_unverified_context(), timeout=60))

    def ask(self, path, count=1):
        """Each on a connection of its own."""
        for _ in range(count):
            with self.connected() as connection:
                ask(connection, path)


def ask(connection, path):
    connection.request("GET", path)
    lib.equal(connection.getresponse().read(), b"hi", "what is answered")


@functools.cache
def offsets():
    """Of the functions, from where the library is mapped on."""
    library = ctypes.CDLL("libssl.so.3")
    return [ctypes.cast(getattr(library, f), ctypes.c_void_p).value - mapped_at("self") for f in FUNCTIONS]


def mapped_at(pid):
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    return min(int(line.split("-")[0], 16) for line in maps.splitlines() if "/libssl.so.3" in line)


def trapped(pid):
    """Whether the library's functions begin with a breakpoint in this process: None: only some do."""
    base = mapped_at(pid)
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        found = set()
        for offset in offsets():
            memory.seek(base + offset)
            found.add(memory.read(1) == BREAKPOINT)
    return found.pop() if len(found) == 1 else None


def traps(a, servers, want, when):
    """Waits for it, as another telltale on the machine that observes all of it may put its own into everybody, too."""
    def found():
        return [trapped(s.pid) for s in servers]

    with contextlib.suppress(RuntimeError):
        lib.wait_for(lambda: found() == want, f"breakpoints {when}")
    lib.check(found() == want, f"breakpoints {when}: got {found()}, want {want}: {a.result.output if hasattr(a, 'result') else a.output()}")


def agent(*servers, options=()):
    return lib.Agent(*[s.pid for s in servers], options=("--uprobes", "--log-level", "debug", *options))


def shown(result):
    """What was told, each of it whole."""
    exchanges = result.of(kind="server", protocol="http")
    lib.check(all(x["complete"] and x["source"] == "openssl" and x["status"] == "200" for x in exchanges), f"not whole: {exchanges}")
    return dict(collections.Counter((x["pid"], x["resource"]) for x in exchanges))


def observed(alone, *options):
    with lib.Services() as services:
        servers = [Server(services), Server(services)]
        other = Server(services)
        other.ask("/other")  # so that it has its part of the library, too
        with agent(*servers, options=options) as a:
            traps(a, (*servers, other), [True, True, not alone], "in both servers, and in the other")
            for s in (*servers, other):
                s.ask("/asked", ASKED)
            traps(a, (other,), [not alone], "when all was asked")
        traps(a, (*servers, other), [False] * 3, "when telltale has ended")
        lib.equal(shown(a.result), {(s.pid, "/asked"): ASKED for s in servers}, "exchanges")
    a.result.check_lost({})
    a.result.check_accounts()


def test_alone():
    observed(True)


def test_without_return_probes():
    observed(True, "--no-return-probes")


def test_above_the_limit():
    observed(False, "--limit", "library_processes=1")


def test_never():
    observed(False, "--limit", "library_processes=0")


def forks(kind):
    with lib.Services() as services:
        server, other = Server(services, kind), Server(services)
        other.ask("/other")
        with agent(server) as a, server.connected() as first:
            traps(a, (server, other), [True, False], "before it forks")
            ask(first, "/first")
            lib.wait_for(lambda: WIDE in a.output(), "probes for children")
            traps(a, (server, other), [True, True], "once it has forked")
            ask(first, "/first")
            server.ask("/asked", ASKED)
        found = collections.Counter(x["resource"] for x in a.result.of(kind="server", protocol="http", complete=True, source="openssl", status="200"))
        lib.equal(dict(found), {"/asked": ASKED}, "exchanges")
        lib.equal(len(a.result.of(kind="server", protocol="http")), ASKED, "exchanges, whole or not")
    lib.equal(list(a.result.lost()), ["session"], "lost")
    a.result.check_accounts()


def test_forks():
    forks("forks")


def test_forks_behind_the_handshake():
    forks("handed")


def test_runs_a_program():
    """Which has its memory until then: nobody else is needed."""
    with lib.Services() as services:
        server, other = Server(services), Server(services)
        other.ask("/other")
        with agent(server) as a:
            server.ask("/run", ASKED)
            traps(a, (server, other), [True, False], "when it has run programs")
        lib.equal(shown(a.result), {(server.pid, "/run"): ASKED}, "exchanges")
    a.result.check_lost({})
    a.result.check_accounts()


def test_executes():
    """It goes on as another program, which has the library again."""
    with lib.Services() as services:
        server, other = Server(services, "again"), Server(services)
        other.ask("/other")
        with agent(server) as a:
            server.ask("/before", ASKED)
            server.ask("/leave")
            lib.wait_for(lambda: b"\0threads\0" in pathlib.Path(f"/proc/{server.pid}/cmdline").read_bytes(), "another program")
            lib.wait_for(lambda: "/libssl.so.3" in pathlib.Path(f"/proc/{server.pid}/maps").read_text(), "its library")  # the port of before is closed by then
            lib.wait_for(lambda: lib.port_answers(server.port), "its server")
            server.ask("/after", ASKED)
            traps(a, (server, other), [True, False], "in the program it became")
        found = shown(a.result)
        found.pop((server.pid, "/leave"), None)
        lib.equal(found, {(server.pid, "/before"): ASKED, (server.pid, "/after"): ASKED}, "exchanges")
    a.result.check_lost({})
    a.result.check_accounts()


def test_first_thread_ends():
    """By which the kernel knows a process that has probes of its own."""
    with lib.Services() as services:
        server = Server(services)
        with agent(server) as a:
            server.ask("/before", ASKED)
            server.ask("/leave")
            lib.wait_for(lambda: WIDE in a.output(), "probes for what is left of it")
            server.ask("/after", ASKED)
        found = shown(a.result)
        found.pop((server.pid, "/leave"), None)
        lib.equal(found, {(server.pid, "/before"): ASKED, (server.pid, "/after"): ASKED}, "exchanges")
    a.result.check_accounts()


if __name__ == "__main__":
    if platform.machine() != "x86_64":
        lib.skip("breakpoints are known on x86-64 only")
    lib.need("openssl")
    if not any(f["name"] == "cookies of uprobes" and f["present"] for f in lib.doctor()["features"]):
        lib.skip("programs cannot tell here whose probe called them: all processes have them")
    sys.exit(lib.main_with_libraries(globals()))
