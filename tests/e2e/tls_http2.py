#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 between programs of Go on connections that were open, and in use, before telltale: all that is asked from then on, at each end, with the headers
that only the programs' own tables could tell."""
import collections
import contextlib
import pathlib
import subprocess
import sys

import lib
import tls_go
import tls_lib

REQUESTS = lib.scaled(100)
SOURCE = pathlib.Path(__file__).with_suffix(".go")
STATUSES = (200, 201, 404, 418, 503)


def expected(clients, requests):
    """As the program asks."""
    asked = collections.Counter()
    for i in range(requests):
        status = STATUSES[i % 5]
        asked["PUT", f"/{status}/during/{i % 7 * (1 + i % 2 * i)}", str(status)] += clients
    return asked


class Peers:
    """A server, and a client with its connections open and used before anybody looks."""

    def __init__(self, services, program, secure, clients, requests, together):
        files = [*reversed(tls_lib.certificate(services))] if secure else []
        port = lib.free_port()
        self.server = subprocess.Popen([program, "serve", str(port), *files], stderr=subprocess.DEVNULL)
        lib.wait_for(lambda: lib.port_answers(port), "the server")
        self.client = subprocess.Popen([program, "ask", f"{'https' if secure else 'http'}://127.0.0.1:{port}", str(clients), str(requests), str(together)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lib.equal(self.client.stdout.readline(), "ready\n", "what the client says once its connections are in use")

    def go_on(self):
        self.client.stdin.write("\n")
        self.client.stdin.flush()
        return int(self.client.stdout.readline())

    def end(self):
        for process in (self.client, self.server):
            process.kill()
            process.wait()


@contextlib.contextmanager
def peers(*args):
    with lib.Services() as services:
        both = Peers(services, *args)
        try:
            yield both
        finally:
            both.end()


def told(agent, total):
    """The agent has shown them all: the metrics say so."""
    shown = [float(line.split()[-1]) for line in agent.get("/metrics").splitlines() if line.startswith("telltale_stream_exchanges_total ")]
    return sum(shown) >= total


def between(name, secure, clients=1, together=1):
    requests = REQUESTS * together
    with peers(tls_go.build(name, SOURCE), secure, clients, requests, together) as both:
        options = ("--uprobes", "--limit", "stream_hold_ms=20000", "--limit", "ring_bytes=64M")
        with lib.Agent(both.server.pid, both.client.pid, options=options) as agent:
            lib.equal(both.go_on(), clients * requests, "the client's own count")
            lib.wait_for(lambda: told(agent, 2 * clients * requests), "all exchanges")
        result = agent.result
    want = expected(clients, requests)
    for kind in ("server", "client"):
        exchanges = result.of(kind=kind, protocol="http2")
        found = collections.Counter((x["operation"], x["resource"], x["status"]) for x in exchanges)
        result.counts(found, want, f"{kind} exchanges; {found - want} more, {want - found} lack; lost {result.lost()}")
        ends = collections.Counter((x["complete"], x["source"], x["attributes"]["http.request.body.size"]) for x in exchanges)
        result.counts(ends, {(True, "go" if secure else "socket", 4): clients * requests}, f"how they were seen at the {kind}")
    lib.equal(result.metric("telltale_stream_header_tables_unfit_total"), 0, "tables that were not what was seen")
    lib.check(result.metric("telltale_stream_header_tables_total") >= 4, "a table was of use in each direction, at each end")
    result.check_lost({})
    result.check_accounts()


def test_tls():
    between("whole", True)


def test_tls_stripped():
    between("stripped", True)


def test_in_the_clear():
    between("whole", False)


def test_many_connections():
    between("stripped", True, clients=8, together=4)


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
