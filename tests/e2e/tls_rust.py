#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests between programs over rustls, counted once at each end in plaintext where aws-lc seals and opens its records, against what the client says it did.
With ring, or stripped, it is named: the server's end, which has OpenSSL, shows what was asked; the client's shows each connection by its handshake."""
import collections
import functools
import pathlib
import shutil
import subprocess
import sys

import lib
import tls_lib

REQUESTS = lib.scaled(10)  # on each connection
CONNECTIONS = lib.scaled(20)
SOURCE = pathlib.Path(__file__).with_suffix("")
BUILDING = 600  # seconds; without its crates and a way to them a build may take for ever


@functools.cache
def build(provider):
    program = tls_lib.brought("tls_rust", provider)
    if program:
        return program
    lib.need("cargo")
    crate = shutil.copytree(SOURCE, tls_lib.directory() / "crate", dirs_exist_ok=True)  # cargo writes beside it
    target = pathlib.Path(lib.TELLTALE).resolve().parent / "tests" / "cargo-target"
    try:
        done = subprocess.run(["cargo", "build", "--release", "--features", provider, "--target-dir", target], cwd=crate, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=BUILDING * lib.PATIENCE)
    except subprocess.TimeoutExpired:
        lib.skip("the test's program is not built in time (are its crates there?)")
    if done.returncode:
        lib.skip(f"this Rust, or the crates that are there, do not build the test's program: {done.stdout[-400:]}")
    return shutil.copy2(target / "release" / "tls-rust", tls_lib.directory() / f"tls-{provider}")  # the next one has its name


class Client:
    def __init__(self, program, what, way, version, port, connections, requests):
        self.process = subprocess.Popen([program, what, way, version, str(port), str(connections), str(requests)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def ask(self):
        out, _ = self.process.communicate("\n")
        lib.equal(self.process.returncode, 0, "status of the client")
        return int(out)


def wanted(way, connections, requests):
    return {("GET" if way == "HTTP2" else "POST", f"/rust/{i}/{j}", "200", True, "rustls"): 1 for i in range(connections) for j in range(requests)}


def check_connections(exchanges, connections):
    """What one connection was asked is all of one, and of no other."""
    places = collections.defaultdict(set)
    for x in exchanges:
        places[x["resource"].split("/")[2]].add(x["client"])
    lib.equal([len(one) for one in places.values()], [1] * connections, "of how many connections each one's exchanges are")
    lib.equal(len(set.union(*places.values())), connections, "connections")


# --- both ends have it -------------------------------------------------------------------------------------------------------------------------------------


def between(program, *load):
    with lib.Services() as services:
        port = tls_lib.served(services, program)
        what, way, version, connections, requests = load
        client = Client(program, what, way, version, port, connections, requests)
        lib.observed(pathlib.Path(program).name)  # the server's, too: it is one file
        lib.tell(succeeded=client.ask())


def counted(way, version, *options, what="ask", connections=CONNECTIONS, requests=REQUESTS):
    program = build("aws-lc-rs")
    result = lib.run("between", "--uprobes", *options, args=(program, what, way, version, connections, requests))
    lib.equal(result.told, {"succeeded": connections * requests}, "the client's own count")
    protocol = "http2" if way == "HTTP2" else "http"
    tls_lib.of_plaintext(result, protocol, wanted(way, connections, requests))
    for kind in ("server", "client"):
        check_connections(result.of(kind=kind, protocol=protocol), connections)
    handshakes = collections.Counter((x["kind"], x["attributes"]["tls.protocol.version"]) for x in result.of(protocol="tls", status="OK"))
    result.counts(dict(handshakes), {(kind, version[:3]): connections for kind in ("server", "client")}, "handshakes")
    result.check_accounts()
    return result


def test_tls_1_3():
    counted("THREADS", "1.3").check_lost({})


def test_tls_1_2():
    counted("TASKS", "1.2").check_lost({})


def test_chacha():
    counted("TASKS", "1.3-chacha").check_lost({})
    counted("THREADS", "1.2-chacha").check_lost({})


def test_http_2():
    counted("HTTP2", "1.3").check_lost({})
    counted("HTTP2", "1.2").check_lost({})


def test_many_connections():
    counted("TASKS", "1.3", connections=lib.scaled(300)).check_lost({})


def test_no_return_probes():
    counted("THREADS", "1.3", "--no-return-probes").check_lost({})


def test_long_at_first():
    """More than is kept before the socket is known."""
    lost = counted("THREADS", "1.3", what="ask-long").lost()
    lib.equal(lost, {"session": CONNECTIONS}, "lost: the rest of what each connection says first")


def test_open_before():
    program = build("aws-lc-rs")
    with lib.Services() as services:
        port = tls_lib.served(services, program)
        client = Client(program, "ask-late", "THREADS", "1.3", port, CONNECTIONS, REQUESTS)
        with lib.Agent(client.process.pid, options=("--uprobes", "--log-level", "debug")) as agent:
            lib.wait_for(lambda: f"{pathlib.Path(program).name} (rustls): in " in agent.output(), "probes in the client")
            lib.equal(client.ask(), CONNECTIONS * (REQUESTS + 1), "the client's own count, with what was asked before")
    found = collections.Counter((x["operation"], x["resource"], x["status"], x["complete"], x["source"]) for x in agent.result.of(kind="client", protocol="http"))
    agent.result.counts(dict(found), wanted("THREADS", CONNECTIONS, REQUESTS), f"what the client asked; lost {agent.result.lost()}", each=1)
    check_connections(agent.result.of(kind="client", protocol="http"), CONNECTIONS)
    agent.result.check_lost({})
    agent.result.check_accounts()


# --- where it is only named --------------------------------------------------------------------------------------------------------------------------------


def with_nginx(program):
    with lib.Services() as services:
        port = tls_lib.nginx(services, "TLSv1.2 TLSv1.3")
        client = Client(program, "ask", "THREADS", "", port, CONNECTIONS, REQUESTS)
        lib.observed(pathlib.Path(program).name)
        lib.tell(succeeded=client.ask())


def named(program):
    result = lib.run("with_nginx", "--uprobes", args=(program,))
    lib.equal(result.told, {"succeeded": CONNECTIONS * REQUESTS}, "the client's own count")
    found = collections.Counter((x["operation"], x["resource"], x["status"], x["complete"], x["source"]) for x in result.of(protocol="http", kind="server"))
    want = {(*one[:4], "openssl"): 1 for one in wanted("THREADS", CONNECTIONS, REQUESTS)}
    result.counts(dict(found), want, f"what the server was asked; lost {result.lost()}")
    lib.equal(result.of(protocol="http", kind="client"), [], "the client's plaintext")
    handshakes = collections.Counter((x["resource"], x["attributes"]["tls.protocol.version"], x["attributes"]["tls.client.supported_protocols"])
                                     for x in result.of(protocol="tls", kind="client", status="OK"))
    result.counts(dict(handshakes), {("localhost", "1.3", "http/1.1"): CONNECTIONS}, "the client's handshakes")
    said = [line for line in result.output.splitlines() if f"{pathlib.Path(program).name} (rustls): its plaintext is not observed" in line]
    lib.equal(len(said), 1, f"how often it is named in {result.output}")
    result.check_lost({})
    result.check_accounts()


def test_ring():
    named(build("ring"))


def test_stripped():
    lib.need("strip")
    program = tls_lib.directory() / "tls-stripped"
    subprocess.run(["strip", "-s", "-o", program, build("aws-lc-rs")], check=True)
    program.chmod(0o755)
    named(program)


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
