#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 between programs with nghttp2, over TLS and in the clear, on a connection that was open, and in use, before telltale: what is told of a request is
right or not told, and once a table was told, all of it is."""
import collections
import functools
import json
import pathlib
import resource
import subprocess
import sys

import lib
import tls_lib

REQUESTS = 5000  # at the most
RATE = lib.scaled(50)  # a second
WHOLE = 30  # as many are waited for, at each end
STATUSES = (200, 201, 404, 418, 503)
USED = 10  # as tls_nghttp2.js
FILES = 2  # every second file is there
PROGRAMS = ("node", "h2load", "nghttpd", "curl", "nginx")
KINDS = ("server", "client")
SCRIPT = pathlib.Path(__file__).with_suffix(".js")


def by_number(number):
    return str(STATUSES[number % len(STATUSES)])


def by_file(number):
    return "404" if number % FILES else "200"


def node_serves(services, port, clear):
    return services.start(["node", SCRIPT, "serve", port, *([] if clear else tls_lib.certificate(services))], stdout=subprocess.PIPE), by_number


def nghttpd_serves(services, port, clear):
    files = services.dir / "p"
    files.mkdir()
    for i in range(0, REQUESTS + 1, FILES):
        (files / str(i)).write_text("x")
    # It keeps files open, and answers 404 where it cannot open one.
    room = functools.partial(resource.setrlimit, resource.RLIMIT_NOFILE, (REQUESTS, REQUESTS))
    how = ["--no-tls", port] if clear else [port, *tls_lib.certificate(services)]
    return services.start(["nghttpd", "-v", "-n", "1", "-d", services.dir, *how], preexec_fn=room), by_file


def nginx_serves(services, port, _):
    """In the clear. It has HTTP/2 of its own."""
    process, _ = services.nginx(f"access_log {services.dir}/access.log; location ~ [02468]$ {{ return 200 x; }} location / {{ return 404 x; }}",
                                port=port, listen=f"127.0.0.1:{port} http2")
    return process, by_file


def in_use(services, server, client):
    """Waits until the connection is: the one in Node.js says so, else nghttpd says what it is asked."""
    teller = client if client.stdout else server
    if teller.stdout:
        lib.equal(teller.stdout.readline().strip(), b"used", "what is said once the connection is in use")
    elif (services.dir / "access.log").exists():
        lib.wait_for(lambda: (services.dir / "access.log").read_text().count("/p/") >= USED, "requests")
    else:
        lib.wait_for(lambda: next(services.dir.glob("nghttpd-*.log")).read_bytes().count(b"recv HEADERS") >= USED, "requests")


def scheme(clear):
    return "http" if clear else "https"


def node_asks(services, port, clear):
    return services.start(["node", SCRIPT, "ask", port, scheme(clear), REQUESTS, RATE], stdout=subprocess.PIPE)


def h2load_asks(services, port, clear):
    uris = services.dir / "uris"
    uris.write_text("".join(f"{scheme(clear)}://127.0.0.1:{port}/p/{i + 1}\n" for i in range(REQUESTS)))
    return services.start(["h2load", "-n", REQUESTS, "-c", "1", "-m", "1", "--rps", RATE, "-i", uris, "-H", ":method: PUT", "-H", "x-token: 1234567"],
                          stdout=subprocess.DEVNULL)


def curl_asks(services, port, clear):
    how = "--http2-prior-knowledge" if clear else "--http2"
    return services.start(["curl", "-sk", how, "--rate", f"{60 * RATE}/m", "-X", "PUT", "-H", "x-token: 1234567", "-o", "/dev/null",
                           f"{scheme(clear)}://127.0.0.1:{port}/p/[1-{REQUESTS}]"])


def right(x, status_of):
    """Whether what is told of it is so, as far as it is told."""
    if x["operation"] not in (None, "PUT"):
        return False
    path = x["resource"]
    if path is None:
        return x["status"] is None or int(x["status"]) in STATUSES
    number = path.removeprefix("/p/")
    return number.isdigit() and 0 < int(number) <= REQUESTS and x["status"] in (None, status_of(int(number)))


def whole(x):
    return x["complete"] and None not in (x["operation"], x["resource"], x["status"])


def check_end(kind, exchanges, status_of):
    for x in exchanges:
        lib.check(right(x, status_of), f"{kind}: {x['operation']} {x['resource']} {x['status']} was never asked, or not answered so")
    paths = [x["resource"] for x in exchanges if x["resource"]]
    lib.equal(len(paths), len(set(paths)), f"{kind}: each path once")
    first = next((i for i, x in enumerate(exchanges) if whole(x)), len(exchanges))
    since = sum(map(whole, exchanges[first:]))
    print(f"{kind}: {since} of {len(exchanges)} exchanges are whole, {first} were not before the first of them")
    lib.check(since >= WHOLE, f"{kind}: whole exchanges: {since}")
    lib.check(since >= 0.95 * (len(exchanges) - first), f"{kind}: {since} of {len(exchanges) - first} are whole once one is")


def shown(agent):
    """How many whole ones telltale has told, by their end."""
    text = (agent.directory / "exchanges.jsonl").read_text()
    told = map(json.loads, text[: text.rfind("\n") + 1].splitlines())
    return collections.Counter(x["kind"] for x in told if x["protocol"] == "http2" and whole(x))


def between(serves, asks, *options, clear=False):
    lib.need(*{part for f in (serves, asks) for part in f.__name__.split("_") if part in PROGRAMS})
    port = lib.free_port()
    kinds = KINDS if serves is not nginx_serves else ("client",)
    with lib.Services() as services:
        server, status_of = serves(services, port, clear)
        lib.wait_for(lambda: lib.port_answers(port), "the server")
        client = asks(services, port, clear)
        in_use(services, server, client)
        observed = [{"server": server, "client": client}[kind].pid for kind in kinds]
        with lib.Agent(*observed, options=("--uprobes", *options)) as agent:
            lib.wait_for(lambda: all(shown(agent)[kind] >= WHOLE for kind in kinds), "whole exchanges at each end", 100)
        result = agent.result
    for kind in kinds:
        check_end(kind, result.of(kind=kind, protocol="http2", source="socket" if clear else "openssl"), status_of)
    lib.equal(result.metric("telltale_stream_header_tables_unfit_total"), 0, "tables that were not what was seen")
    result.check_accounts()


def test_h2load_and_node():
    between(node_serves, h2load_asks)


def test_curl_and_node():
    between(node_serves, curl_asks)


def test_node_and_nghttpd():
    between(nghttpd_serves, node_asks)


def test_h2load_and_nghttpd():
    between(nghttpd_serves, h2load_asks)


def test_no_return_probes():
    between(nghttpd_serves, node_asks, "--no-return-probes")


def test_h2load_and_node_in_the_clear():
    between(node_serves, h2load_asks, clear=True)


def test_node_and_nghttpd_in_the_clear():
    between(nghttpd_serves, node_asks, clear=True)


def test_h2load_and_nginx_in_the_clear():
    between(nginx_serves, h2load_asks, clear=True)


def test_h2load_and_nghttpd_in_the_clear():
    between(nghttpd_serves, h2load_asks, clear=True)


def test_in_the_clear_without_return_probes():
    between(nghttpd_serves, node_asks, "--no-return-probes", clear=True)


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
