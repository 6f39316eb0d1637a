#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that change under telltale's probes: one that executes another, a server whose file is replaced and which is started anew, a library that is
opened late, a container that is stopped. Nothing is missed from then on, nothing stays behind, and each ends as it would have."""
import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import lib
import tls_lib
import tls_static

ASKED = 20
# Asks with Python's ssl, and goes on as another program.
TURNCOAT = """
import os, ssl, sys, urllib.request as u
for i in range(int(sys.argv[1])):
    u.urlopen(f"https://127.0.0.1:{sys.argv[2]}/before", context=ssl._create_unverified_context()).read()
os.execv(sys.argv[3], [sys.argv[3], "ask", sys.argv[2], sys.argv[1]])
"""
# Knows nothing of TLS until it is told to.
LATE = """
import sys
for line in sys.stdin:
    import ssl, urllib.request as u
    for i in range(int(line)):
        u.urlopen(sys.argv[1], context=ssl._create_unverified_context()).read()
    print("asked", flush=True)
"""
# With the library of its own a container has: the host's stays where it is. It ends with its first process.
CONTAINED = """
import ctypes, os, sys
sys.path.insert(0, sys.argv[1])
import lib
lib.libraries_copy(sys.argv[2])
os.execv(lib.PYTHON, [lib.PYTHON, "-c", sys.argv[3], *sys.argv[4:]])
"""
SERVER = """
import http.server, ssl, sys
class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"hi")
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answers)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def copied(program, path):
    """A file of its own, in the place of one that may be there and run."""
    new = path.with_suffix(".new")
    shutil.copy2(program, new)
    new.rename(path)
    return path


def asked(services, client, port):
    """By a program of the test's own; how many were answered."""
    with subprocess.Popen([client, "ask", str(port), str(ASKED)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        lib.observed(pathlib.Path(client).name)
        out, _ = process.communicate("\n")
    lib.equal(process.returncode, 0, "the client's status")
    return int(out)


def let_go(count):
    lib.wait_for(lambda: lib.said("no process has it any more") == count, "the end of the probes")


def executed(program):
    with lib.Services() as services:
        port = tls_lib.nginx(services, "TLSv1.3")
        other = copied(program, services.dir / "other")
        with subprocess.Popen([lib.PYTHON, "-c", TURNCOAT, str(ASKED), str(port), other], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            lib.observed("other")
            out, _ = process.communicate("\n")
        lib.tell(succeeded=int(out), status=process.returncode)
        let_go(1)


def test_executed():
    result = lib.run("executed", "--uprobes", "--limit", "libraries_tidy_s=1", args=(tls_static.build("symbols"),))
    lib.equal(result.told, {"succeeded": ASKED, "status": 0}, "what the second program said, and its status")
    want = collections.Counter([("/before", True, "openssl")] * ASKED + [(f"/static/{i // 10}", True, "openssl") for i in range(ASKED)])
    for kind in ("server", "client"):
        found = collections.Counter((x["resource"], x["complete"], x["source"]) for x in result.of(kind=kind, protocol="http"))
        result.counts(found, want, f"{kind} exchanges; lost {result.lost()}")
    lib.equal(len({x["pid"] for x in result.of(kind="client", protocol="http")}), 1, "processes that asked")
    result.check_lost({})
    result.check_accounts()


def upgraded(program, newer):
    """As a service is: the file is replaced while it runs, it ends when the new one has taken over."""
    with lib.Services() as services:
        client = copied(program, services.dir / "client")
        server = copied(program, services.dir / "server")
        succeeded = 0
        statuses = []
        # One that only waits: so the clients' file has its probes all the time, however long it is from one to the next.
        waits = subprocess.Popen([client, "ask", "0", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for turn, next_one in enumerate((newer, None), 1):
            port = tls_lib.served(services, server)
            process = services.processes[-1]
            lib.observed("server", turn)
            succeeded += asked(services, client, port)
            if next_one:
                copied(next_one, server)
                succeeded += asked(services, client, port)  # of the file that has no name any more
            process.send_signal(signal.SIGTERM)
            statuses.append(process.wait())
        waits.kill()
        waits.wait()
        let_go(3)
        lib.tell(succeeded=succeeded, statuses=statuses)


def test_upgraded():
    """With the same program, stripped: its functions are found another way."""
    result = lib.run("upgraded", "--uprobes", "--limit", "libraries_tidy_s=1", args=(tls_static.build("symbols"), tls_static.build("stripped")))
    lib.equal(result.told, {"succeeded": 3 * ASKED, "statuses": [-signal.SIGTERM] * 2}, "what the clients said, and how the servers ended")
    tls_lib.of_plaintext(result, "http", dict(collections.Counter(("GET", f"/static/{i // 10}", "200", True, "openssl") for _ in range(3) for i in range(ASKED))))
    result.check_lost({})
    result.check_accounts()


def test_opened_late():
    """By a process that nobody was told of by an exec: its first handshake tells."""
    with lib.Services() as services:
        port = tls_lib.nginx(services, "TLSv1.3")
        with subprocess.Popen([lib.PYTHON, "-c", LATE, f"https://127.0.0.1:{port}/late"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            def ask(count):
                process.stdin.write(f"{count}\n")
                process.stdin.flush()
                lib.equal(process.stdout.readline(), "asked\n", "what the program says")

            library = pathlib.Path(tls_static.loaded("libssl.so.3")).name
            attached = rf"{library} \(openssl\): in .* probes"
            # Of a group that is empty: only by its scope is it looked at, and that it has OpenSSL is not known before.
            with lib.Agent(process.pid, options=("--uprobes", "--log-level", "debug", "--limit", "libraries_tidy_s=1")) as agent:
                ask(1)
                lib.wait_for(lambda: re.search(attached, agent.output()), "probes in the library")
                ask(ASKED)
            process.stdin.close()
            lib.equal(process.wait(), 0, "the program's status")
    exchanges = agent.result.of(kind="client", protocol="http", complete=True, source="openssl")
    lib.check(ASKED <= len(exchanges) <= ASKED + 1, f"{len(exchanges)} exchanges of {ASKED + 1}")
    lib.equal(len(agent.result.of(kind="client", protocol="tls", status="OK")), ASKED + 1, "handshakes")
    agent.result.check_accounts()


def contained():
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        port = lib.free_port()
        copies = services.dir / "copies"
        copies.mkdir()
        library = pathlib.Path(tls_static.loaded("libssl.so.3")).name
        lib.observed(library)  # the host's
        container = services.start(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", lib.PYTHON, "-c", CONTAINED, pathlib.Path(lib.__file__).parent, copies,
                                    SERVER, port, chain, key], name="container")
        lib.wait_for(lambda: lib.port_answers(port) or container.poll() is not None, "the container")
        lib.observed(library, 2)
        client = subprocess.run([lib.PYTHON, "-c", LATE, f"https://127.0.0.1:{port}/contained"], input=f"{ASKED}\n", text=True, stdout=subprocess.PIPE)
        lib.equal(client.returncode, 0, "the client's status")
        container.kill()  # as a container is, which has not ended in time
        lib.tell(status=container.wait())
        let_go(1)


def test_container_stopped():
    if subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True).returncode:
        lib.skip("no namespaces may be made here")
    result = lib.run("contained", "--uprobes", "--limit", "libraries_tidy_s=1")
    lib.equal(result.told["status"], -signal.SIGKILL, "how the container ended")
    tls_lib.of_plaintext(result, "http", {("GET", "/contained", "200", True, "openssl"): ASKED})
    result.check_lost({})
    result.check_accounts()


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
